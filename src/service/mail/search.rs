//! SEARCH: a scan in slices. A slice ends after some milliseconds and keeps its position in the
//! call. The call then goes to the end of the queue, so that no search delays the others.
//!
//! The row of the mailbox is evaluated first. The octets are read and decoded only for messages
//! that are still undecided, and once for all keys that need them.

use core::ops::ControlFlow;

use crate::call::{
    Access, Answer, EntryId, Flags, MailboxId, Metric, Noun, Refusal, SearchKey, SearchProgress,
    UidSet,
};
use crate::mail::Bounds;
use crate::mail::Digest;
use crate::mail::Headers;
use crate::mail::parse::address_list::parse_list_with;
use crate::mail::parse::charset::Charset;
use crate::mail::parse::date;
use crate::mail::text::search::{Needle, Scope, contains_text};
use crate::service::context::{ReadContext, own_inbox};
use crate::store::{Error, Scanned, Store};

/// Carries out one slice. Gives `None` when there is more to do; `progress` has the position.
pub fn search(
    context: &ReadContext<'_>,
    access: &Access,
    mailbox: MailboxId,
    within: &UidSet,
    key: &SearchKey,
    progress: &mut SearchProgress,
) -> Result<Option<Answer>, Refusal> {
    let inbox = own_inbox(context.store, access)?;
    let began = (context.clock)().mono_ms;
    if progress.since_ms == 0 {
        progress.since_ms = began.max(1);
    }
    let limits = &context.shared.limits;
    if began.saturating_sub(progress.since_ms) > limits.search_s.saturating_mul(1000) {
        context.shared.metrics.count(Metric::SearchesCut);
        return Err(Refusal::SearchDeadline);
    }
    let _moment = context.store.snapshot()?;
    let mailbox = context
        .store
        .mailbox(access.org, inbox, mailbox)?
        .ok_or(Refusal::NotFound(Noun::Mailbox))?;
    let left = match progress.done_to.checked_add(1) {
        Some(from) => within.intersection(&UidSet::from(from..=u32::MAX)),
        None => UidSet::new(),
    };
    let mut plan = Compiled::new(key);
    let mut looked = 0u32;
    let end = context.store.scan(&mailbox, &left, |row| {
        // A cheap row takes some hundreds of nanoseconds, so the clock is not read for each row.
        if looked > 0 && (plan.has_read || looked.is_multiple_of(CLOCK_EVERY)) {
            plan.has_read = false;
            let spent = (context.clock)().mono_ms.saturating_sub(began);
            if spent >= limits.search_slice_ms {
                return Ok(ControlFlow::Break(()));
            }
        }
        looked += 1;
        if plan.matches(context.store, access, &row)? {
            progress.found.insert(row.state.uid);
            progress.modseq = progress.modseq.max(row.state.modseq);
        }
        progress.done_to = row.state.uid;
        Ok(ControlFlow::Continue(()))
    })?;
    if end.is_break() {
        return Ok(None);
    }
    Ok(Some(Answer::Found {
        uids: core::mem::take(&mut progress.found).into(),
        modseq: progress.modseq,
    }))
}

/// A key with its texts folded, as a flat list: children stand before parents, so one pass
/// evaluates it without recursion, however deep it is.
struct Compiled<'k> {
    nodes: Vec<Node<'k>>,
    values: Vec<Truth>,
    has_read: bool,
}

enum Node<'k> {
    Leaf(&'k SearchKey),
    Header(&'k str, Needle),
    Text(Needle, Scope),
    Not(usize),
    Or(usize, usize),
    And(Vec<usize>),
}

/// The value of a node. It is unknown when it needs the octets of the message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Truth {
    Yes,
    No,
    Unknown,
}

impl From<bool> for Truth {
    fn from(value: bool) -> Truth {
        if value { Truth::Yes } else { Truth::No }
    }
}

impl<'k> Compiled<'k> {
    fn new(key: &'k SearchKey) -> Compiled<'k> {
        // First a list in which every parent stands before its children, then the list is reversed.
        let mut keys: Vec<&SearchKey> = vec![key];
        let mut children: Vec<Vec<usize>> = Vec::new();
        let mut at = 0;
        while let Some(&key) = keys.get(at) {
            let first = keys.len();
            match key {
                SearchKey::Not(of) => keys.push(of),
                SearchKey::Or(a, b) => keys.extend([&**a, &**b]),
                SearchKey::And(all) => keys.extend(all),
                _ => {}
            }
            children.push((first..keys.len()).collect());
            at += 1;
        }
        let last = keys.len().saturating_sub(1);
        let nodes = keys
            .iter()
            .zip(children)
            .rev()
            .map(|(key, children)| {
                let below: Vec<usize> = children.into_iter().map(|n| last - n).collect();
                match (*key, below.as_slice()) {
                    (SearchKey::Not(_), &[of]) => Node::Not(of),
                    (SearchKey::Or(..), &[a, b]) => Node::Or(a, b),
                    (SearchKey::And(_), _) => Node::And(below),
                    (SearchKey::Header(name, text), _) => Node::Header(name, Needle::new(text)),
                    (SearchKey::Body(text), _) => Node::Text(Needle::new(text), Scope::Body),
                    (SearchKey::Text(text), _) => Node::Text(Needle::new(text), Scope::All),
                    (leaf, _) => Node::Leaf(leaf),
                }
            })
            .collect();
        Compiled {
            nodes,
            values: Vec::new(),
            has_read: false,
        }
    }

    fn matches(&mut self, store: &Store, access: &Access, row: &Scanned) -> Result<bool, Error> {
        let quick = self.evaluate(row, None);
        if quick != Truth::Unknown {
            return Ok(quick == Truth::Yes);
        }
        self.has_read = true;
        let Some(opened) = OpenedMessage::read(store, access, row.state.id)? else {
            return Ok(false);
        };
        Ok(self.evaluate(row, Some(&opened)) == Truth::Yes)
    }

    fn evaluate(&mut self, row: &Scanned, opened: Option<&OpenedMessage>) -> Truth {
        self.values.clear();
        for node in &mut self.nodes {
            let value = |n: &usize| self.values.get(*n).copied().unwrap_or(Truth::No);
            let truth = match node {
                Node::Leaf(key) => leaf(key, row, opened),
                Node::Header(name, needle) => {
                    opened.map_or(Truth::Unknown, |o| o.has_field(name, needle).into())
                }
                Node::Text(needle, scope) => {
                    opened.map_or(Truth::Unknown, |o| o.contains(needle, *scope).into())
                }
                Node::Not(of) => match value(of) {
                    Truth::Yes => Truth::No,
                    Truth::No => Truth::Yes,
                    Truth::Unknown => Truth::Unknown,
                },
                Node::Or(a, b) => any([value(a), value(b)].into_iter(), Truth::Yes, Truth::No),
                Node::And(all) => any(all.iter().map(value), Truth::No, Truth::Yes),
            };
            self.values.push(truth);
        }
        self.values.last().copied().unwrap_or(Truth::No)
    }
}

/// `decides` if any value is that, else unknown if any value is unknown, else `default`.
fn any(all: impl Iterator<Item = Truth>, decides: Truth, default: Truth) -> Truth {
    let mut result = default;
    for truth in all {
        if truth == decides {
            return decides;
        }
        if truth == Truth::Unknown {
            result = Truth::Unknown;
        }
    }
    result
}

fn leaf(key: &SearchKey, row: &Scanned, opened: Option<&OpenedMessage>) -> Truth {
    let state = &row.state;
    let sent = |compare: &dyn Fn(i64) -> bool| match opened {
        None => Truth::Unknown,
        Some(opened) => opened.sent_day_s().is_some_and(compare).into(),
    };
    match key {
        SearchKey::All => Truth::Yes,
        SearchKey::Uids(uids) => uids.contains(state.uid).into(),
        SearchKey::Has(flags) => state.flags.has(*flags).into(),
        SearchKey::Lacks(flags) => (state.flags.0 & flags.0 == Flags::NONE.0).into(),
        SearchKey::Keyword(word) => {
            let words = &state.keywords;
            words.iter().any(|k| k.eq_ignore_ascii_case(word)).into()
        }
        SearchKey::Before(unix_ms) => (row.received_at < *unix_ms).into(),
        SearchKey::Since(unix_ms) => (row.received_at >= *unix_ms).into(),
        SearchKey::SentBefore(unix_s) => sent(&|day| day < *unix_s),
        SearchKey::SentSince(unix_s) => sent(&|day| day >= *unix_s),
        SearchKey::Larger(octets) => (row.size > *octets).into(),
        SearchKey::Smaller(octets) => (row.size < *octets).into(),
        SearchKey::ModSeq(least) => (state.modseq >= *least).into(),
        // These keys are nodes of their own.
        SearchKey::Header(..)
        | SearchKey::Body(_)
        | SearchKey::Text(_)
        | SearchKey::Not(_)
        | SearchKey::Or(..)
        | SearchKey::And(_) => Truth::No,
    }
}

/// A message with its octets.
struct OpenedMessage {
    prefix: Vec<u8>,
    octets: Vec<u8>,
    digest: Vec<u8>,
}

impl OpenedMessage {
    fn read(store: &Store, access: &Access, id: EntryId) -> Result<Option<OpenedMessage>, Error> {
        let Some(inbox) = access.inbox else {
            return Ok(None);
        };
        let Some(entry) = store.entry(access.org, inbox, id)? else {
            return Ok(None);
        };
        Ok(Some(OpenedMessage {
            octets: store.body_octets(entry.body, entry.body_size)?,
            digest: store.digest(access.org, entry.body)?,
            prefix: entry.prefix,
        }))
    }

    fn has_field(&self, name: &str, needle: &mut Needle) -> bool {
        let charset = Digest::open(&self.digest).and_then(|digest| digest.header_charset());
        [&self.prefix, &self.octets]
            .into_iter()
            .flat_map(|octets| Headers::parse(octets).all(name))
            .map(|field| field.within(Bounds::default().header_field_bytes))
            .any(|field| {
                needle.is_in(&field.decoded_with(charset))
                    || is_among(field.value, name, needle, charset)
            })
    }

    fn contains(&self, needle: &mut Needle, scope: Scope) -> bool {
        let in_prefix = scope == Scope::All
            && Headers::parse(&self.prefix).fields().any(|field| {
                let name = String::from_utf8_lossy(field.name);
                needle.is_in(&format!("{name}: {}", field.decoded()))
            });
        in_prefix
            || Digest::open(&self.digest)
                .is_some_and(|digest| contains_text(&self.octets, &digest, needle, scope))
    }

    /// The day of the Date field as it was written, without its zone (RFC 3501 section 6.4.4), as
    /// the unix seconds of its start.
    fn sent_day_s(&self) -> Option<i64> {
        let field = Headers::parse(&self.octets).first("Date")?;
        let date = date::parse(&field.unfolded())?;
        date.local_day().checked_mul(86_400)
    }
}

/// FROM, TO and similar keys search the envelope (RFC 3501 section 6.4.4). There an address has no
/// comments, folds and quotes, which its field may have.
fn is_among(value: &[u8], name: &str, needle: &mut Needle, charset: Option<Charset>) -> bool {
    let is_envelope = ["from", "sender", "reply-to", "to", "cc", "bcc"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(name));
    is_envelope
        && parse_list_with(value, &Bounds::default(), charset)
            .mailboxes()
            .any(|mailbox| {
                let name = mailbox.name.as_deref().unwrap_or_default();
                needle.is_in(&format!("{name} <{}@{}>", mailbox.local, mailbox.domain))
            })
}

/// Rows between two readings of the clock when no octets are read: about 0.1 ms.
const CLOCK_EVERY: u32 = 256;
