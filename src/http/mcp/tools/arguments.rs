//! Arguments that several tools have.

use crate::call::EntryId;
use crate::http::api::fields::FieldKind::{Id, InboxName, Number, Text};
use crate::http::api::fields::{ANY, FieldRow, required, sometimes};
use crate::http::mcp::tool::ToolHints;

pub(super) const INBOX: FieldRow = sometimes(
    "inbox",
    InboxName,
    "",
    "id or address; not needed if you have one",
);
pub(super) const ID: FieldRow = required("id", Id(EntryId::PREFIX), "", "of the message");
pub(super) const LIMIT: FieldRow = sometimes(
    "limit",
    Number {
        min: 1,
        max: ROWS_MAX,
    },
    "",
    "",
);
pub(super) const CURSOR: FieldRow = sometimes("cursor", Text(ANY), "", "");
pub(super) const OFFSET: FieldRow = sometimes(
    "offset",
    Number {
        min: 0,
        max: u32::MAX as u64,
    },
    "",
    "character to begin at",
);
pub(super) const MAX_CHARS: FieldRow = sometimes(
    "max_chars",
    Number {
        min: 1,
        max: CHARS_MAX,
    },
    "",
    "of text; default 8000",
);

/// Rows of a page at most: a model reads each of them.
pub(super) const ROWS_MAX: u64 = 25;
/// Characters of a text, without `max_chars` and at most. Clients cut what is longer.
pub(super) const CHARS: u64 = 8000;
pub(super) const CHARS_MAX: u64 = 50_000;

/// A tool that changes nothing.
pub(super) const READS: ToolHints = ToolHints {
    read_only: true,
    destructive: false,
    idempotent: true,
    open_world: false,
};
