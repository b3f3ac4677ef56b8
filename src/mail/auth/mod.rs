//! Who sent a message: DKIM (RFC 6376, RFC 8463), and the signatures of our own mail.
//!
//! Nothing here does I/O. A check says which records of the DNS it needs, as
//! [`crate::call::Question`], and is given the answers. It never decides what happens to a message.
//!
//! The rule: the sender of a message decides what is checked, so each check has a bound:
//! signatures, questions, octets that are hashed. Work beyond a bound gives a temporary error and
//! never a pass.

pub mod dkim;
mod tags;

#[cfg(test)]
mod tests;
