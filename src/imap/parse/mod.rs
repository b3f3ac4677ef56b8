//! The grammar of a command on a complete frame (see `frame`), borrowed where that is enough.

use super::types::{Fault, SyntaxError, Tagged};

/// The command in `line`: everything that a [`super::frame::Frame`] gave, its CRLF included.
pub fn command(line: &[u8]) -> Result<Tagged<'_>, Fault<'_>> {
    let _ = line;
    Err(Fault {
        tag: None,
        error: SyntaxError::UnknownCommand,
    })
}
