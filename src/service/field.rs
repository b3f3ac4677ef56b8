//! Refusals that name a field of the request, and the check of a line of text.

use crate::call::Refusal;
use crate::call::bounds::check_line;

/// The refusal of a field: its name, and why.
pub(super) fn invalid(field: &'static str, why: impl Into<String>) -> Refusal {
    Refusal::Invalid {
        field,
        why: why.into(),
    }
}

/// Checks a line of text for people: the rule of [`check_line`].
pub(super) fn check_text(text: &str, field: &'static str, bytes_max: usize) -> Result<(), Refusal> {
    check_line(text, bytes_max).map_err(|why| invalid(field, why))
}
