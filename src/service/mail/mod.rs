//! Mail as clients read and change it: mailboxes, entries by UID, messages by id, search.
//! How a message comes in is `intake`.

pub mod entry;
pub mod mailbox;
pub mod message;
pub mod search;
