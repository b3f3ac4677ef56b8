//! What an organization has besides its mail: keys, domains, inboxes, and the organization itself.

pub mod bounds;
pub mod check;
pub mod dkim;
pub mod domain;
pub mod filter_rule;
pub mod inbox;
pub mod key;
pub mod known_spam;
pub mod org;
pub(in crate::service) mod page;
mod record;
pub mod rule;
pub mod spam;
pub mod upload;
pub mod upstream;
pub mod usage;
