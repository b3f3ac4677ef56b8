//! The tools, in the order in which they are listed: one file for each noun.

mod arguments;
mod draft;
pub(super) mod file;
pub(super) mod found;
mod inboxes;
pub(crate) mod input;
mod letter;
pub(super) mod lists;
mod picture;
pub(crate) mod problem;
pub(super) mod read;
mod send;
mod thread;
mod update;
mod wait;
mod which;
mod whoami;

use super::tool::Tool;

/// Every tool.
pub(crate) static TOOLS: &[&Tool] = &[
    &inboxes::LIST_INBOXES,
    &lists::LIST_MESSAGES,
    &lists::SEARCH,
    &read::READ_MESSAGE,
    &thread::READ_THREAD,
    &file::READ_ATTACHMENT,
    &wait::WAIT_FOR_MESSAGE,
    &send::SEND,
    &draft::DRAFT,
    &update::UPDATE_MESSAGES,
    &inboxes::CREATE_INBOX,
    &whoami::WHOAMI,
];

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
