//! A filter over events: inbox, type, sender, label, priority, verdict. It is compiled once,
//! when a reader of events begins, and compared with every event after that; it allocates
//! nothing for an ASCII address. It does not read query strings: each way in (a stream, the
//! polled log, a webhook) builds it from its own input.
//!
//! A filter that asks for a fact which the event does not have holds the event back: the
//! sender of a deleted message is unknown.

use super::meaning::Facts;
use super::{Event, EventKind, KindSet, PriorityLevel, Verdict};
use crate::call::{Access, InboxId};

/// Which events a reader wants. The default wants every event that has a public type.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EventFilter {
    /// Any of these types; empty is all.
    pub kinds: KindSet,
    /// Any of these inboxes; empty is all.
    pub inboxes: InboxSet,
    /// The sender's address or its domain, in lower case.
    pub from: Option<String>,
    /// A label of a message, in any case of ASCII letters.
    pub label: Option<String>,
    /// The priority of the message.
    pub priority: Option<PriorityLevel>,
    /// The verdict on the message.
    pub verdict: Option<Verdict>,
}

/// The part of an organization that a reader of events watches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EventReach {
    /// All that its key may see.
    All,
    /// One inbox.
    Inbox,
    /// One inbox with everything under it.
    Tree,
}

/// Inboxes by their ids, sorted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct InboxSet(Vec<InboxId>);

impl EventFilter {
    /// Whether it asks for nothing: every event passes.
    pub fn is_all(&self) -> bool {
        let EventFilter {
            kinds,
            inboxes,
            from,
            label,
            priority,
            verdict,
        } = self;
        let words = from.is_none() && label.is_none();
        let facts = priority.is_none() && verdict.is_none();
        *kinds == KindSet::default() && inboxes.is_empty() && words && facts
    }

    /// The public type of the event, if it has one, `access` may see it and the filter wants it.
    pub fn admit(&self, event: &Event, access: &Access) -> Option<EventKind> {
        let meaning = event.meaning();
        let kind = meaning.kind?;
        let is_of = |ids: &InboxSet| event.inbox.as_deref().is_some_and(|path| ids.has(path.id));
        let wanted = (self.kinds.is_empty() || self.kinds.has(kind))
            && event.is_visible_to(access)
            && (self.inboxes.is_empty() || is_of(&self.inboxes))
            && self.agrees(&meaning.facts);
        wanted.then_some(kind)
    }

    fn agrees(&self, facts: &Facts<'_>) -> bool {
        self.verdict.is_none_or(|wanted| facts.have_verdict(wanted))
            && self
                .priority
                .is_none_or(|wanted| facts.have_priority(wanted))
            && self
                .label
                .as_deref()
                .is_none_or(|label| facts.have_label(label))
            && self
                .from
                .as_deref()
                .is_none_or(|from| facts.have_sender(from))
    }
}

impl Facts<'_> {
    fn have_priority(&self, wanted: PriorityLevel) -> bool {
        let details = self.details.iter().map(|detail| detail.summary.priority);
        let mut all = self.priority.into_iter().chain(details);
        all.any(|stored| PriorityLevel::of(stored) == wanted)
    }

    fn have_verdict(&self, wanted: Verdict) -> bool {
        let details = self.details.iter();
        let details = details.filter_map(|detail| Some(detail.spam.as_ref()?.verdict));
        let mut all = self.verdict.into_iter().chain(details);
        all.any(|verdict| verdict == wanted)
    }

    fn have_sender(&self, wanted: &str) -> bool {
        let details = self.details.iter();
        let details = details.map(|detail| detail.summary.from.address.as_str());
        let mut all = self.from.into_iter().chain(details);
        all.any(|sender| is_from(sender, wanted))
    }

    fn have_label(&self, label: &str) -> bool {
        self.messages
            .iter()
            .flat_map(|state| &state.keywords)
            .any(|word| word.eq_ignore_ascii_case(label))
    }
}

/// What [`is_from`] compares with, of a text that is an address, a domain, or a domain behind an
/// `@`. `None` for a text that is none of them: such a filter would wait for ever.
pub fn sender_filter(text: &str) -> Option<String> {
    let is_domain = |text: &str| !text.is_empty() && !text.contains('@');
    let wanted = match text.rsplit_once('@') {
        Some(("", domain)) => is_domain(domain).then_some(domain),
        Some((_, domain)) => is_domain(domain).then_some(text),
        // A word is no domain of mail: `@` in front says that it is one here.
        None => text.trim_matches('.').contains('.').then_some(text),
    }?;
    (!wanted.contains(char::is_whitespace)).then(|| wanted.to_lowercase())
}

/// Whether a sender is `wanted`, an address or a domain in lower case.
pub fn is_from(sender: &str, wanted: &str) -> bool {
    let same = |sender: &str| {
        let domain = sender.rsplit_once('@').map_or("", |(_, domain)| domain);
        sender.eq_ignore_ascii_case(wanted) || domain.eq_ignore_ascii_case(wanted)
    };
    match sender.is_ascii() {
        true => same(sender),
        false => same(&sender.to_lowercase()),
    }
}

impl InboxSet {
    /// Whether no inbox is in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The inboxes, sorted.
    pub fn ids(&self) -> &[InboxId] {
        &self.0
    }

    fn has(&self, inbox: InboxId) -> bool {
        self.0.binary_search(&inbox).is_ok()
    }
}

impl FromIterator<InboxId> for InboxSet {
    fn from_iter<I: IntoIterator<Item = InboxId>>(ids: I) -> Self {
        let mut ids: Vec<InboxId> = ids.into_iter().collect();
        ids.sort_unstable();
        InboxSet(ids)
    }
}
