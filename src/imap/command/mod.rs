//! The commands: what each reads, does and answers.

pub(in crate::imap) mod append;
pub mod fetch;
mod idle;
mod list;
mod login;
pub mod parse;
pub(in crate::imap) mod search;
pub(in crate::imap) mod select;
mod status;
pub(in crate::imap) mod store;
