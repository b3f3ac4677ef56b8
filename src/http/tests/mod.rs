//! Tests of the whole HTTP engine without a product and without sockets.

mod callers;
pub(super) mod drive;
mod hostile;
mod slow;
mod tables;
