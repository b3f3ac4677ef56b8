//! What other threads send to the resolver by the hub. Not what becomes of it: `net/dns.rs`.

use crate::call::{DnsAnswer, DnsError, Question};
use crate::dns::ResolverSettings;

/// What waits for an answer. It gets exactly one: when the resolver ends, a temporary failure.
pub(super) struct AnswerTo(Option<Box<dyn FnOnce(DnsAnswer) + Send>>);

impl AnswerTo {
    /// The answer goes to `take`.
    pub fn new(take: Box<dyn FnOnce(DnsAnswer) + Send>) -> Self {
        AnswerTo(Some(take))
    }

    /// Gives the answer.
    pub fn give(mut self, answer: DnsAnswer) {
        if let Some(take) = self.0.take() {
            take(answer);
        }
    }
}

impl Drop for AnswerTo {
    fn drop(&mut self) {
        if let Some(take) = self.0.take() {
            take(Err(DnsError::Temporary("the resolver has ended")));
        }
    }
}

/// What another thread sends to the resolver.
pub(super) enum ToResolver {
    /// A question.
    Question {
        question: Question,
        is_fresh: bool,
        answer: AnswerTo,
    },
    /// Other servers.
    Settings(ResolverSettings),
}
