//! Mail as clients read and change it: mailboxes, entries by UID, messages by id, search. Mail that
//! comes in is in `intake`.

pub mod bulk;
pub mod entry;
pub mod export;
pub mod folder;
pub mod list;
pub mod mailbox;
pub mod message;
pub(super) mod opened;
pub mod search;
pub mod slice;
