//! IMAP4rev1 (RFC 3501) with the extensions that clients use today.
//!
//! `wire` finds the end of a command, has the words of its grammar, and writes response lines.
//! `table` has a row for each command, and `command` a file: grammar, run, wait, answer.
//! `view` is the knowledge of the client about its mailbox, and its only change, at the end of
//! a command. `server` is the session with its states and waits, `input` takes its inputs,
//! `partial` bounds a command that is not whole.
//! The files use one another from the bottom to the top: `wire`, the data of `view`, `server`,
//! `view::tell`, `command`, `table`, `input`. Nothing here reads the store or knows a socket.

mod client;
mod command;
mod input;
mod partial;
mod server;
mod table;
#[cfg(test)]
mod tests;
mod view;
mod wire;

pub use client::UpstreamClient;
pub use server::Server;

/// The client side, for fuzzers and tests outside the crate.
pub mod upstream {
    pub use super::client::testing::*;
    pub use super::client::{DialogueStep, UpstreamClient, UpstreamDialogue};
}

/// The parts that fuzzers and tests outside the crate use.
pub mod testing {
    pub use super::command::RunCommand;
    pub use super::command::delete::DeleteCommand;
    pub use super::command::expunge::ExpungeCommand;
    pub use super::command::fetch::FetchCommand;
    pub use super::command::fetch::render::{Progress, RenderBounds, Rendering, Told};

    pub use super::command::search::SearchCommand;
    pub use super::command::search::program::SearchProgram;
    pub use super::command::store::StoreCommand;
    pub use super::table::Command;
    pub use super::view::{Happening, View};
    pub use super::wire::Condition;
    pub use super::wire::frame::{Frame, FrameBounds, FrameStep, tag};
    pub use super::wire::respond::{self, ResponseLine};
}
