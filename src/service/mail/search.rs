//! SEARCH: a scan in slices. A slice ends after some milliseconds and keeps its position in the
//! call. The call then goes to the end of the queue, so that no search delays the others.
//!
//! The row of the mailbox is evaluated first, in a snapshot. The messages that are still undecided
//! are read and decoded after it, without a snapshot: once for all keys that need them, in pieces
//! between which others go first. The deadline of a search holds between two pieces too.

use std::collections::HashMap;

use core::ops::ControlFlow;

use super::narrow::{grams_of, narrow};
use super::opened::OpenedMessage;
use crate::call::{
    Access, Answer, Flags, InboxId, MailboxId, Metric, Narrowing, Noun, OrgId, Refusal, SearchKey,
    SearchProgress, UidSet,
};
use crate::mail::Bounds;
use crate::mail::Digest;
use crate::mail::Headers;
use crate::mail::parse::address_list::parse_list_with;
use crate::mail::parse::charset::Charset;
use crate::mail::parse::date;
use crate::mail::parse::header::Field;
use crate::mail::text::grams::is_address;
use crate::mail::text::needles::{Hits, Needles};
use crate::mail::text::search::{Scope, searchable};
use crate::service::context::{ReadContext, own_inbox};
use crate::store::{ColumnBounds, Error, MailboxRecord, ScanWant, Scanned};

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
    let mut clock = SearchClock::begin(context, progress)?;
    let mut plan = Compiled::new(key);
    if matches!(
        progress.narrowing,
        Narrowing::NotAsked | Narrowing::Asking { .. }
    ) {
        let _moment = context.store.snapshot()?;
        let mailbox = find_mailbox(context, (access.org, inbox, mailbox))?;
        let ask = (&grams_of(key), &plan.wants().bounds, within);
        let is_over = || clock.is_over();
        if !narrow(context.store, (inbox, &mailbox), ask, progress, is_over)? {
            return Ok(None);
        }
    }
    loop {
        let scanned = scan(
            context,
            (access.org, inbox, mailbox),
            within,
            &mut plan,
            (&mut clock, progress),
        )?;
        let mut undecided = scanned.undecided.as_slice();
        if plan.may_ask_digest() {
            undecided = decide_by_digest(context, &scanned, (&mut plan, &mut clock), progress)?;
            if clock.is_over() && (!undecided.is_empty() || !scanned.is_end) {
                return Ok(None);
            }
        }
        while !undecided.is_empty() {
            let ids = undecided.iter().map(|row| (inbox, row.state.id));
            let opened = OpenedMessage::read_some(context.store, access.org, ids)?;
            for opened in opened {
                let Some((row, rest)) = undecided.split_first() else {
                    break;
                };
                if let Some(opened) = opened
                    && plan.matches(row, &opened, &mut clock)?
                {
                    progress.found.insert(row.state.uid);
                    progress.modseq = progress.modseq.max(row.state.modseq);
                }
                progress.done_to = row.state.uid;
                undecided = rest;
                if clock.is_over() && (!undecided.is_empty() || !scanned.is_end) {
                    return Ok(None);
                }
            }
        }
        progress.done_to = progress.done_to.max(scanned.done_to);
        if scanned.is_end {
            return Ok(Some(Answer::Found {
                uids: core::mem::take(&mut progress.found).into(),
                modseq: progress.modseq,
            }));
        }
        if scanned.is_slice || clock.is_over() {
            return Ok(None);
        }
    }
}

/// Decides messages by their envelope and structure, up to the first that these leave open or the
/// end of the slice. Gives the rest.
fn decide_by_digest<'s>(
    context: &ReadContext<'_>,
    scanned: &'s ScannedRows,
    (plan, clock): (&mut Compiled<'_>, &mut SearchClock<'_>),
    progress: &mut SearchProgress,
) -> Result<&'s [Scanned], Refusal> {
    let mut undecided = scanned.undecided.as_slice();
    let _moment = context.store.snapshot()?;
    while let Some((row, rest)) = undecided.split_first() {
        let stored = context.store.digest_at(&scanned.mailbox, row.state.uid)?;
        if let Some(digest) = stored {
            let digest = Digest::open(&digest).ok_or(Error::Corrupt("digest"))?;
            match plan.matches_digest(row, &digest) {
                Truth::Yes => {
                    progress.found.insert(row.state.uid);
                    progress.modseq = progress.modseq.max(row.state.modseq);
                }
                Truth::No => {}
                Truth::Unknown => break,
            }
        }
        progress.done_to = row.state.uid;
        undecided = rest;
        clock.spend(DIGEST_WORK)?;
    }
    Ok(undecided)
}

fn find_mailbox(
    context: &ReadContext<'_>,
    (org, inbox, mailbox): (OrgId, InboxId, MailboxId),
) -> Result<MailboxRecord, Refusal> {
    let found = context.store.mailbox(org, inbox, mailbox)?;
    found.ok_or(Refusal::NotFound(Noun::Mailbox))
}

/// The clock of a search: how long its slice and the whole of it may take.
struct SearchClock<'a> {
    context: &'a ReadContext<'a>,
    began_ms: u64,
    since_ms: u64,
    /// Nanoseconds of work since the clock was read.
    work: usize,
}

impl<'a> SearchClock<'a> {
    fn begin(
        context: &'a ReadContext<'a>,
        progress: &mut SearchProgress,
    ) -> Result<SearchClock<'a>, Refusal> {
        let began_ms = (context.clock)().mono_ms;
        if progress.since_ms == 0 {
            progress.since_ms = began_ms.max(1);
        }
        let clock = SearchClock {
            context,
            began_ms,
            since_ms: progress.since_ms,
            work: 0,
        };
        clock.check_deadline(began_ms)?;
        Ok(clock)
    }

    /// Whether the slice is over.
    fn is_over(&self) -> bool {
        let spent = (self.context.clock)().mono_ms.saturating_sub(self.began_ms);
        spent >= self.context.shared.limits.search_slice_ms
    }

    /// Counts work within a message, and refuses when the search has taken too long.
    fn spend(&mut self, work: usize) -> Result<(), Refusal> {
        self.work += work;
        if self.work < CLOCK_WORK {
            return Ok(());
        }
        self.work = 0;
        self.check_deadline((self.context.clock)().mono_ms)
    }

    fn check_deadline(&self, now_ms: u64) -> Result<(), Refusal> {
        let most = self.context.shared.limits.search_s.saturating_mul(1000);
        if now_ms.saturating_sub(self.since_ms) > most {
            self.context.shared.metrics.count(Metric::SearchesCut);
            return Err(Refusal::SearchDeadline);
        }
        Ok(())
    }
}

/// What a scan over rows has found.
struct ScannedRows {
    mailbox: MailboxRecord,
    /// Messages whose octets decide, ascending.
    undecided: Vec<Scanned>,
    /// The last row that was looked at.
    done_to: u32,
    /// There are no more rows.
    is_end: bool,
    /// The slice is over.
    is_slice: bool,
}

/// Looks at the next rows in one snapshot, and keeps those that match. It ends with the rows, with
/// the slice, or with as many undecided messages as are read next.
fn scan(
    context: &ReadContext<'_>,
    (org, inbox, mailbox): (OrgId, InboxId, MailboxId),
    within: &UidSet,
    plan: &mut Compiled<'_>,
    (clock, progress): (&mut SearchClock<'_>, &mut SearchProgress),
) -> Result<ScannedRows, Refusal> {
    let _moment = context.store.snapshot()?;
    let mailbox = find_mailbox(context, (org, inbox, mailbox))?;
    let within = match &progress.narrowing {
        Narrowing::Narrowed(uids) => uids,
        _ => within,
    };
    let left = match progress.done_to.checked_add(1) {
        Some(1) => within.clone(),
        Some(from) => within.intersection(&UidSet::from(from..=u32::MAX)),
        None => UidSet::new(),
    };
    let want = plan.wants().clone();
    // Rows that SQLite passes over by their flags are not seen here, so they are bounded by UIDs.
    let window = progress.done_to.saturating_add(SCAN_UIDS);
    let is_window = !want.bounds.is_open() && window < mailbox.uidnext;
    let left = match is_window {
        true => left.intersection(&UidSet::from(1..=window)),
        false => left,
    };
    let mut scanned = ScannedRows {
        mailbox: mailbox.clone(),
        undecided: Vec::new(),
        done_to: progress.done_to,
        is_end: false,
        is_slice: false,
    };
    if plan.is_bounds {
        let end = context
            .store
            .kept_in(&mailbox, &left, &want.bounds, |uid| {
                progress.found.insert(uid);
                scanned.done_to = uid;
                ControlFlow::Continue(())
            })?;
        scanned.is_slice = is_window && clock.is_over();
        return Ok(scanned.through(window, is_window, end));
    }
    let (mut work, mut slice_work) = (0, 0);
    let end = context.store.scan(&mailbox, &left, &want, |row| {
        // A cheap row takes some hundreds of nanoseconds, so the clock is not read for each row.
        if work >= CLOCK_WORK {
            slice_work += core::mem::take(&mut work);
            if slice_work >= SLICE_WORK || clock.is_over() {
                scanned.is_slice = true;
                return Ok(ControlFlow::Break(()));
            }
        }
        if scanned.undecided.len() >= UNDECIDED_MAX {
            return Ok(ControlFlow::Break(()));
        }
        work += ROW_WORK + plan.nodes.len() * NODE_WORK;
        work += row.state.keywords.len() * plan.keyword_keys * NODE_WORK;
        scanned.done_to = row.state.uid;
        match plan.evaluate(&row, None) {
            Truth::Yes => {
                progress.found.insert(row.state.uid);
                progress.modseq = progress.modseq.max(row.state.modseq);
            }
            Truth::No => {}
            Truth::Unknown => scanned.undecided.push(row),
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(scanned.through(window, is_window, end))
}

impl ScannedRows {
    /// The same when a scan up to a UID has come to its end, or was broken off.
    fn through(mut self, window: u32, is_window: bool, end: ControlFlow<()>) -> ScannedRows {
        if is_window && end.is_continue() {
            self.done_to = window;
        }
        self.is_end = end.is_continue() && !is_window;
        self
    }
}

/// A key with its texts folded, as a flat list: children stand before parents, so one pass
/// evaluates it without recursion, however deep it is.
struct Compiled<'k> {
    nodes: Vec<Node<'k>>,
    values: Vec<Truth>,
    /// The texts of TEXT and BODY.
    texts: Needles,
    /// The texts of HEADER, by the name of their field.
    fields: Vec<Needles>,
    /// The places of these names, in lower case.
    field_places: HashMap<Vec<u8>, usize>,
    /// Keys that look at keywords.
    keyword_keys: usize,
    /// A key looks at the Date field.
    wants_date: bool,
    /// Envelope and structure may decide: keys look at the fields of the envelope, and not at text.
    is_envelope: bool,
    want: ScanWant,
    /// What its columns say decides whether a message matches.
    is_bounds: bool,
}

enum Node<'k> {
    Leaf(&'k SearchKey),
    /// The place of the name in `fields`, and that of the text in its needles.
    Header(usize, usize),
    /// The place of the text in `texts`.
    Text(usize, Scope),
    Not(usize),
    Or(usize, usize),
    And(Vec<usize>),
}

/// The value of a node. It is unknown when it needs octets of the message that were not yet read.
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

/// What is known of a message whose octets are read.
struct MessageHits {
    /// Texts in the header of the message itself.
    in_header: Hits,
    /// Texts elsewhere.
    elsewhere: Hits,
    /// Texts of HEADER, by field.
    in_fields: Vec<Hits>,
    /// The day of the first Date field, as the unix seconds of its start.
    sent_day_s: Option<i64>,
    /// That day is known, or that there is none.
    has_date: bool,
    /// The fields of the message have been read, for HEADER.
    has_fields: bool,
    /// All text has been read.
    has_text: bool,
}

impl MessageHits {
    /// Whether a text has been found; no further octets change a Yes.
    fn found(&self, is_found: bool, is_read: bool) -> Truth {
        match (is_found, is_read) {
            (true, _) => Truth::Yes,
            (false, true) => Truth::No,
            (false, false) => Truth::Unknown,
        }
    }
}

/// The names of HEADER with the texts that are sought in each.
#[derive(Default)]
struct FieldTexts<'k> {
    places: HashMap<Vec<u8>, usize>,
    texts: Vec<Vec<&'k str>>,
}

impl<'k> FieldTexts<'k> {
    fn add(&mut self, name: &str, text: &'k str) -> Node<'k> {
        let n = self.texts.len();
        let place = *(self.places.entry(name.as_bytes().to_ascii_lowercase())).or_insert(n);
        if place == n {
            self.texts.push(Vec::new());
        }
        let texts = self.texts.get_mut(place);
        let at = texts.as_ref().map_or(0, |texts| texts.len());
        texts.into_iter().for_each(|texts| texts.push(text));
        Node::Header(place, at)
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
        let mut texts: Vec<&str> = Vec::new();
        let mut fields = FieldTexts::default();
        let mut text_node = |text: &'k str, scope| {
            texts.push(text);
            Node::Text(texts.len() - 1, scope)
        };
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
                    (SearchKey::Header(name, text), _) => fields.add(name, text),
                    (SearchKey::Body(text), _) => text_node(text, Scope::Body),
                    (SearchKey::Text(text), _) => text_node(text, Scope::All),
                    (leaf, _) => Node::Leaf(leaf),
                }
            })
            .collect();
        let is_keyword = |key: &&&SearchKey| matches!(key, SearchKey::Keyword(_));
        let is_date =
            |key: &&SearchKey| matches!(key, SearchKey::SentBefore(_) | SearchKey::SentSince(_));
        Compiled {
            nodes,
            values: Vec::new(),
            texts: Needles::new(texts),
            fields: fields.texts.into_iter().map(Needles::new).collect(),
            field_places: fields.places,
            keyword_keys: keys.iter().filter(is_keyword).count(),
            wants_date: keys.iter().any(is_date),
            is_envelope: is_envelope(&keys),
            want: ScanWant {
                bounds: bounds_of(key),
                flags_only: keys.iter().all(|key| needs_flags_only(key)),
            },
            is_bounds: is_bounds(key),
        }
    }

    /// What a scan must show.
    fn wants(&self) -> &ScanWant {
        &self.want
    }

    /// Whether envelope and structure may decide what the row leaves open.
    fn may_ask_digest(&self) -> bool {
        self.is_envelope
    }

    /// What envelope and structure tell of a message. A text that is in a field of the envelope is
    /// in the field of the message. One that is not there may be in the field as it is written, so
    /// that stays open.
    fn matches_digest(&mut self, row: &Scanned, digest: &Digest<'_>) -> Truth {
        let mut hits = self.no_hits();
        let envelope = digest.envelope();
        for (name, list) in [
            ("from", envelope.from),
            ("to", envelope.to),
            ("cc", envelope.cc),
            ("bcc", envelope.bcc),
        ] {
            let Some((needles, hits)) = self.field(name, &mut hits) else {
                continue;
            };
            for mailbox in list.mailboxes() {
                let name = mailbox.name.as_deref().unwrap_or_default();
                let text = format!("{name} <{}@{}>", mailbox.local, mailbox.domain);
                if needles.find(&text, hits) && hits.is_complete() {
                    break;
                }
            }
        }
        if let Some((needles, hits)) = self.field("subject", &mut hits) {
            needles.find(&envelope.subject_text(), hits);
        }
        // The first Date of the message decides, and only where the digest has it.
        let date = envelope.date.and_then(date::parse);
        hits.sent_day_s = date.and_then(|date| date.local_day().checked_mul(86_400));
        hits.has_date = hits.sent_day_s.is_some();
        self.evaluate(row, Some(&hits))
    }

    /// The texts that are sought in a field, and what was found of them.
    fn field<'h>(
        &mut self,
        name: &str,
        hits: &'h mut MessageHits,
    ) -> Option<(&mut Needles, &'h mut Hits)> {
        let place = *self.field_places.get(name.as_bytes())?;
        self.fields
            .get_mut(place)
            .zip(hits.in_fields.get_mut(place))
    }

    fn no_hits(&self) -> MessageHits {
        MessageHits {
            in_header: self.texts.no_hits(),
            elsewhere: self.texts.no_hits(),
            in_fields: self.fields.iter().map(Needles::no_hits).collect(),
            sent_day_s: None,
            has_date: false,
            has_fields: false,
            has_text: false,
        }
    }

    /// Whether a message with its octets matches. It ends as soon as the key is decided.
    fn matches(
        &mut self,
        row: &Scanned,
        opened: &OpenedMessage,
        clock: &mut SearchClock<'_>,
    ) -> Result<bool, Refusal> {
        let digest = Digest::open(&opened.digest).ok_or(Error::Corrupt("digest"))?;
        let mut hits = self.no_hits();
        self.read_fields(opened, digest.header_charset(), &mut hits, clock)?;
        (hits.has_date, hits.has_fields) = (true, true);
        let mut truth = self.evaluate(row, Some(&hits));
        if truth != Truth::Unknown {
            return Ok(truth == Truth::Yes);
        }
        for field in Headers::parse(&opened.prefix).fields() {
            let name = String::from_utf8_lossy(field.name);
            let text = format!("{name}: {}", field.decoded());
            self.texts.find(&text, &mut hits.in_header);
        }
        for chunk in searchable(&opened.octets, &digest) {
            let place = match chunk.is_in(Scope::Body) {
                true => &mut hits.elsewhere,
                false => &mut hits.in_header,
            };
            if self.texts.find(&chunk.text, place) {
                truth = self.evaluate(row, Some(&hits));
                if truth != Truth::Unknown {
                    return Ok(truth == Truth::Yes);
                }
            }
            clock.spend(chunk.text.len() * TEXT_WORK + NODE_WORK)?;
        }
        hits.has_text = true;
        Ok(self.evaluate(row, Some(&hits)) == Truth::Yes)
    }

    /// Reads the fields of the message for HEADER and the Date, each once.
    fn read_fields(
        &mut self,
        opened: &OpenedMessage,
        charset: Option<Charset>,
        hits: &mut MessageHits,
        clock: &mut SearchClock<'_>,
    ) -> Result<(), Refusal> {
        let mut wants_date = self.wants_date;
        if self.fields.is_empty() && !wants_date {
            return Ok(());
        }
        let octets = [(&opened.prefix, false), (&opened.octets, true)];
        for (octets, is_own) in octets {
            for field in Headers::parse(octets).fields() {
                if is_own && wants_date && field.is("Date") {
                    wants_date = false;
                    hits.sent_day_s = sent_day_s(&field);
                }
                let place = self.field_places.get(&field.name.to_ascii_lowercase());
                if let Some(place) = place
                    && let Some(needles) = self.fields.get_mut(*place)
                    && let Some(hits) = hits.in_fields.get_mut(*place)
                    && !hits.is_complete()
                {
                    find_in_field(&field, charset, needles, hits);
                }
                clock.spend((field.end - field.start) * TEXT_WORK + ROW_WORK)?;
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, row: &Scanned, hits: Option<&MessageHits>) -> Truth {
        self.values.clear();
        for node in &self.nodes {
            let value = |n: &usize| self.values.get(*n).copied().unwrap_or(Truth::No);
            let truth = match node {
                Node::Leaf(key) => leaf(key, row, hits),
                Node::Header(field, text) => hits.map_or(Truth::Unknown, |hits| {
                    let sought = self.fields.get(*field).zip(hits.in_fields.get(*field));
                    let is_found = sought.is_some_and(|(needles, hits)| needles.has(hits, *text));
                    hits.found(is_found, hits.has_fields)
                }),
                Node::Text(text, scope) => hits.map_or(Truth::Unknown, |hits| {
                    let is_found = self.texts.has(&hits.elsewhere, *text)
                        || (*scope == Scope::All && self.texts.has(&hits.in_header, *text));
                    hits.found(is_found, hits.has_text)
                }),
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

/// Whether the keys that the row of a mailbox leaves open look at fields of the envelope alone.
fn is_envelope(keys: &[&SearchKey]) -> bool {
    let mut any = false;
    let is_known = keys.iter().all(|key| match key {
        SearchKey::Text(_) | SearchKey::Body(_) => false,
        SearchKey::Header(name, text) => {
            any = true;
            !text.is_empty()
                && ENVELOPE_FIELDS
                    .iter()
                    .any(|of| name.eq_ignore_ascii_case(of))
        }
        SearchKey::SentBefore(_) | SearchKey::SentSince(_) => {
            any = true;
            true
        }
        _ => true,
    });
    is_known && any
}

/// What the columns of every match say, for the rows that a scan passes over.
fn bounds_of(key: &SearchKey) -> ColumnBounds {
    let mut bounds = ColumnBounds::default();
    for key in all_of(key) {
        bound(key, &mut bounds);
    }
    bounds
}

/// The keys that every match meets.
fn all_of(key: &SearchKey) -> &[SearchKey] {
    match key {
        SearchKey::And(all) => all,
        one => core::slice::from_ref(one),
    }
}

/// Adds a key to the bounds.
fn bound(key: &SearchKey, bounds: &mut ColumnBounds) {
    match key {
        SearchKey::Has(flags) => bounds.flagged(*flags, true),
        SearchKey::Lacks(flags) => bounds.flagged(*flags, false),
        SearchKey::Keyword(word) => bounds.keyword(word),
        SearchKey::Since(unix_ms) => bounds.since(*unix_ms),
        SearchKey::Before(unix_ms) => bounds.until(*unix_ms),
        SearchKey::Larger(octets) => bounds.larger((*octets).into()),
        SearchKey::Smaller(octets) => bounds.smaller((*octets).into()),
        _ => {}
    }
}

/// Whether the bounds of a key are all that it says. Each key must move them: a second keyword, or
/// flags that contradict others, are no part of them.
fn is_bounds(key: &SearchKey) -> bool {
    let mut bounds = ColumnBounds::default();
    all_of(key).iter().all(|key| {
        let before = bounds.clone();
        bound(key, &mut bounds);
        bounds != before
    })
}

/// Whether UID and flags of a row decide a key.
fn needs_flags_only(key: &SearchKey) -> bool {
    matches!(
        key,
        SearchKey::All
            | SearchKey::Uids(_)
            | SearchKey::Has(_)
            | SearchKey::Lacks(_)
            | SearchKey::Not(_)
            | SearchKey::Or(..)
            | SearchKey::And(_)
    )
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

fn leaf(key: &SearchKey, row: &Scanned, hits: Option<&MessageHits>) -> Truth {
    let state = &row.state;
    let sent = |compare: &dyn Fn(i64) -> bool| match hits {
        Some(hits) if hits.has_date => hits.sent_day_s.is_some_and(compare).into(),
        _ => Truth::Unknown,
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

/// Looks for texts in the value of a field.
fn find_in_field(
    field: &Field<'_>,
    charset: Option<Charset>,
    needles: &mut Needles,
    hits: &mut Hits,
) {
    let field = field.within(Bounds::default().header_field_bytes);
    crate::pace::spend(field.value.len() * TEXT_WORK);
    needles.find(&field.decoded_with(charset), hits);
    if hits.is_complete() || !is_address(&field) {
        return;
    }
    // FROM, TO and similar keys search the envelope (RFC 3501 section 6.4.4). There an address has
    // no comments, folds and quotes, which its field may have.
    for mailbox in parse_list_with(field.value, &Bounds::default(), charset).mailboxes() {
        let name = mailbox.name.as_deref().unwrap_or_default();
        let text = format!("{name} <{}@{}>", mailbox.local, mailbox.domain);
        needles.find(&text, hits);
    }
}

/// The day of the Date field as it was written, without its zone (RFC 3501 section 6.4.4), as the
/// unix seconds of its start.
fn sent_day_s(field: &Field<'_>) -> Option<i64> {
    let date = date::parse(&field.unfolded())?;
    date.local_day().checked_mul(86_400)
}

const ENVELOPE_FIELDS: [&str; 5] = ["from", "to", "cc", "bcc", "subject"];
/// UIDs that one scan passes over: about three milliseconds of work.
const SCAN_UIDS: u32 = 32_768;
/// Nanoseconds of a message whose envelope is read.
const DIGEST_WORK: usize = 4_000;
/// Undecided messages that one scan collects.
const UNDECIDED_MAX: usize = 32;
/// Nanoseconds of work between two readings of the clock.
const CLOCK_WORK: usize = 100_000;
/// Nanoseconds of work in the rows of one slice.
const SLICE_WORK: usize = 4_000_000;
/// Nanoseconds of a row, of a key that is evaluated, and of an octet in which texts are sought.
const ROW_WORK: usize = 500;
const NODE_WORK: usize = 8;
const TEXT_WORK: usize = 5;
