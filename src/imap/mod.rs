//! IMAP, to be built.

pub mod fetch;
pub mod frame;
pub mod parse;
pub mod respond;
pub mod structure;
pub mod types;

use crate::call::{Now, Opening};
use crate::engine::{Input, Output};

/// The serving side.
#[derive(Debug)]
pub struct Server {
    opening: Opening,
}

impl Server {
    /// A new conversation.
    pub fn new(opening: Opening) -> Self {
        Server { opening }
    }

    /// One input; returns how many bytes were used.
    pub fn handle(&mut self, _now: Now, _input: Input<'_>, _out: &mut Output) -> usize {
        let _ = &self.opening;
        0
    }
}
