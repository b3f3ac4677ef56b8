//! Who sent a message: SPF (RFC 7208), DKIM (RFC 6376, RFC 8463), DMARC (RFC 7489), ARC as far as
//! it is read (RFC 8617), and the field that tells (RFC 8601); and the signatures of our own mail.
//!
//! Nothing here does I/O. A check says which records of the DNS it needs, as
//! [`crate::call::Question`], and is given the answers. It never decides what happens to a message.
//!
//! The rule: the sender of a message decides what is checked, so each check has a bound:
//! signatures, questions, octets that are hashed. Work beyond a bound gives a temporary error and
//! never a pass, and does not keep a policy of DMARC from its effect.

mod arc;
mod check;
pub mod dkim;
mod dmarc;
pub mod results;
pub mod spf;
mod tags;

#[cfg(test)]
mod tests;

pub use check::{Asker, Judgement, SenderCheck, SenderQuestion};
pub use dmarc::{DmarcPolicy, organizational_domain};

/// Whether a domain is `parent` or below it. Both are in lower case.
fn is_within(domain: &str, parent: &str) -> bool {
    let above = domain.strip_suffix(parent);
    above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
}
