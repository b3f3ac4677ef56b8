//! What crosses the connection: command lines, message octets, reply lines. Pure parsing and
//! writing; the state of a conversation is in `server` and in `client`.

pub(super) mod command;
pub(super) mod data;
pub(super) mod outgoing;
mod path;
pub(super) mod reply;
pub(super) mod reply_parser;
