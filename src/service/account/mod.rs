//! What an organization has besides its mail: keys, domains, inboxes, and itself.

pub mod inbox;
pub mod key;
