//! Lookups outside, between the parsing of a message and its judgement: a DNS query, say.

use core::fmt::Debug;

use super::inquiry::LookupId;
use super::parsed::ParsedMessage;
use crate::call::Refusal;

/// The result of a lookup.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Finding {
    /// The answer.
    Answer(String),
    /// No answer came in time.
    TimedOut,
}

/// The stage between parsing and judging. It runs on a reader and must not wait: it sends the query
/// away, and `Router::answer_lookup` gives the answer. Without this stage no message waits.
pub trait Lookups: Debug + Send + Sync {
    /// Starts the lookup that this message needs; `false` when it needs none.
    fn start(&self, id: LookupId, parsed: &mut ParsedMessage) -> bool;

    /// Adds the finding to the message, before the message is judged. `true` when it waits on, now
    /// for the lookup `id`.
    fn apply(
        &self,
        id: LookupId,
        parsed: &mut ParsedMessage,
        finding: Finding,
    ) -> Result<bool, Refusal>;
}
