//! Mail as clients read and change it: mailboxes, entries by UID, messages by id, search. Mail that
//! comes in is in `intake`.

pub mod awaited;
pub mod batch;
pub mod bulk;
pub mod entry;
pub mod expiry;
pub mod export;
mod filter;
pub mod find;
pub mod folder;
pub mod full;
mod gather;
pub mod list;
pub(super) mod listed;
pub mod mailbox;
pub mod message;
mod narrow;
pub(super) mod newest;
pub(super) mod opened;
mod page;
mod query;
mod redact;
pub mod search;
pub mod slice;
mod sparse;
mod teaching;
pub mod thread;
pub mod trial;
