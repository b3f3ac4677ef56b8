//! What is known of the sender of a message beside the message.

use crate::call::{FilterAction, SenderAuth};

/// What is known of the sender, by the history of the inbox and by the lists. The default knows
/// nothing: a message that was not delivered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SenderFacts {
    /// What the checks of the sender gave.
    pub auth: SenderAuth,
    /// The inbox has written to this address.
    pub is_correspondent: bool,
    /// It answers a message that the inbox has sent.
    pub is_answer: bool,
    /// Neither this address nor its domain has written before. `None`: that was not looked up.
    pub is_first: Option<bool>,
    /// What became of earlier messages of the address.
    pub of_sender: PastVerdicts,
    /// What became of earlier messages of the domain that is aligned with a check.
    pub of_domain: PastVerdicts,
    /// The first rule of the lists that the sender meets.
    pub listed: Option<FilterAction>,
    /// From is an address of an inbox of the same organization, and that is shown to be true.
    pub is_own_organization: bool,
    /// The address of a correspondent, or of an inbox of the organization, that has the display
    /// name of From and is another address.
    pub namesake: Option<String>,
    /// The domains of the organization, at most 100, in lower case.
    pub own_domains: Vec<String>,
}

/// How often a sender was judged, by people or by the filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PastVerdicts {
    /// Wanted.
    pub clean: u32,
    /// Spam.
    pub spam: u32,
}
