//! The labels that only the server sets and removes: they say what it does with a message. The
//! other labels that it sets (`$Declined`, `$Screened`, `$Bounce`) are a client's to remove.

use super::bounds::check_keyword;

/// The label of a message that waits for a decision.
pub const HELD_LABEL: &str = "$Held";
/// The label of a message that waits for its time.
pub const SCHEDULED_LABEL: &str = "$Scheduled";

/// Checks a label that a client sets or removes, beside what [`check_keyword`] does. The error
/// completes a sentence that begins with the name of the field.
pub fn check_label(label: &str) -> Result<(), String> {
    check_keyword(label)?;
    match is_server_label(label) {
        true => Err(format!(
            "has `{label}`, which only the server sets and removes"
        )),
        false => Ok(()),
    }
}

/// Whether only the server sets and removes a label; labels have no case.
pub fn is_server_label(word: &str) -> bool {
    [HELD_LABEL, SCHEDULED_LABEL]
        .iter()
        .any(|label| word.eq_ignore_ascii_case(label))
}
