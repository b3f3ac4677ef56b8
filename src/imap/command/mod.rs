//! The commands, a file each: its grammar, its run, its wait and its answer.
//!
//! Not the rules when a command may be given: these are columns of `table`. The end of every
//! command is in `view::tell`, the only place where the view of a client moves.

use core::any::Any;
use core::fmt::Debug;

use super::server::{Denied, Server};
use crate::call::Now;
use crate::engine::Output;

pub(crate) mod append;
pub(crate) mod authenticate;
pub(crate) mod capability;
mod change;
pub(crate) mod close;
pub(crate) mod copy;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod enable;
pub(crate) mod expunge;
pub(crate) mod fetch;
pub(crate) mod id;
pub(crate) mod idle;
pub(crate) mod list;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod lsub;
pub(crate) mod namespace;
pub(crate) mod noop;
pub(crate) mod rename;
pub(crate) mod search;
pub(crate) mod select;
pub(crate) mod starttls;
pub(crate) mod status;
pub(crate) mod store;
pub(crate) mod subscribe;
pub(crate) mod unselect;

/// A command with its arguments. They outlive the line that they came in.
pub trait RunCommand: Any + Debug {
    /// Carries the command out: answers, or makes a call and waits for its answer.
    fn run(self: Box<Self>, server: &mut Server, context: CommandContext, out: &mut Output);

    /// Answers the command, which is not allowed.
    fn deny(
        self: Box<Self>,
        server: &mut Server,
        _: CommandContext,
        why: Denied,
        out: &mut Output,
    ) {
        server.denied(why, out);
    }
}

/// When a command came, and with which octets behind it.
#[derive(Clone, Copy, Debug)]
pub struct CommandContext {
    pub(crate) now: Now,
    /// More octets came with it.
    pub(crate) behind: bool,
    /// The message of APPEND follows.
    pub(crate) message: Option<AppendLiteral>,
}

/// The announcement of the message of APPEND.
#[derive(Clone, Copy, Debug)]
pub struct AppendLiteral {
    pub(crate) size: u64,
    /// The client waits for a continuation.
    pub(crate) sync: bool,
}
