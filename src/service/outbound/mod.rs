//! The queue of recipients on other servers: how clients see it, and the calls of the engines that
//! deliver.
//!
//! Nothing dials yet: a connection of which an engine speaks here is not known.

mod list;

pub use list::list;

use crate::call::{Answer, NextTransaction, Noun, OutboundWrite, Refusal, Written};

/// Carries out a call of an engine. A connection that is not known ends.
pub fn write(call: &OutboundWrite) -> Written {
    match call {
        OutboundWrite::Next { .. } => Written::Next(NextTransaction::Quit),
        OutboundWrite::Lost { .. } => Written::Changed,
    }
}

/// Octets of a message that goes out. No attempt is under way.
pub fn piece() -> Result<Answer, Refusal> {
    Err(Refusal::NotFound(Noun::Message))
}
