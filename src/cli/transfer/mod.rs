//! Whole mailboxes in and out: `postern import` and `postern export`.
//!
//! Neither keeps a file about how far it has come. The server knows what it has imported, and the
//! files that are exported say what they hold, so each command goes on when it is run again.

mod export;
mod import;
mod patience;
mod sink;
mod source;
mod upload;

pub use export::{ExportCommand, export};
pub use import::{ImportCommand, import};
