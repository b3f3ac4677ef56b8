//! What an organization has besides its mail: keys, domains, inboxes, the queue of recipients
//! outside, and the organization itself.

pub mod domain;
pub mod inbox;
pub mod key;
pub mod org;
pub mod outbound;
pub(in crate::service) mod page;
