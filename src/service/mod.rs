//! To be built.

pub mod desk;
pub mod events;
pub mod fetch;
pub mod mailbox;
