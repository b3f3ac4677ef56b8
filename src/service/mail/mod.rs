//! Mail as clients read and change it: mailboxes, entries by UID, messages by id, search. Mail that
//! comes in is in `intake`.

pub mod awaited;
pub mod batch;
pub mod bulk;
pub mod entry;
pub mod expiry;
pub mod export;
pub mod find;
pub mod folder;
pub mod full;
pub mod list;
pub(super) mod listed;
pub mod mailbox;
pub mod message;
mod narrow;
pub(super) mod newest;
pub(super) mod opened;
mod query;
mod redact;
pub mod search;
pub mod slice;
pub mod thread;
pub mod trial;
