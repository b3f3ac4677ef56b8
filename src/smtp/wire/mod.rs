//! What crosses the connection: command lines, message octets, reply lines. Pure parsing and
//! writing; the state of a conversation is in `server`.

pub(super) mod command;
pub(super) mod data;
mod path;
pub(super) mod reply;
