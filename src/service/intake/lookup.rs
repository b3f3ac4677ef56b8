//! What a message waits for outside, between its parsing and its judgement: a DNS answer, say.

use core::fmt::Debug;

use super::ParsedMessage;
use crate::call::Refusal;

/// Names one lookup of one message. The reader that keeps the message is found by it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct LookupId(pub u64);

/// What came of a lookup.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Finding {
    /// The answer.
    Answer(String),
    /// No answer came in time.
    TimedOut,
}

/// The stage between parsing and judging. It runs on a reader and must not wait: it sends the
/// question away, and `Router::found` brings the answer. Without one, no message waits.
pub trait Lookups: Debug + Send + Sync {
    /// Asks what this message needs; `false` when it needs nothing.
    fn ask(&self, id: LookupId, parsed: &ParsedMessage) -> bool;

    /// Takes the finding into the message, before the message is judged.
    fn found(&self, parsed: &mut ParsedMessage, finding: Finding) -> Result<(), Refusal>;
}

/// Milliseconds that a message waits for its lookups: a mail server waits longer for the
/// answer to DATA (RFC 5321 section 4.5.3.2.6), and the other messages of a reader go on.
pub(in crate::service) const LOOKUP_MS: u64 = 20_000;
