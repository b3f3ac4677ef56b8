//! Entries: one message in one mailbox. Entries are made here, and read in pages of UIDs, for a
//! whole mailbox, or one by its id.
//!
//! Changes of many entries are in `flag.rs`, `expunge.rs` and `copy.rs`. Each moves the counters
//! of mailbox and inbox in the same savepoint. The rule: a query here gets a mailbox row that the
//! caller has found under its own organization and inbox.

use core::ops::ControlFlow;

use rusqlite::types::ValueRef;
use rusqlite::{Row, params};

use super::arrival::{arrival_number, verdict_bits};
use super::keyword::KeywordUses;
use super::mailbox::Delta;
use super::quota::DIGEST_BYTES;
use super::row_sum::row_sum;
use super::{Error, MailboxRecord, Store, format, int, uint, uint32};
use crate::call::{
    Arrival, BULK_DETAIL_BYTES_MAX, BULK_MESSAGES_MAX, BodyId, EntryId, EntryRow, EntryState,
    Flags, InboxId, MailboxId, MailboxWalk, Octets, OctetsOf, OrgId, SenderAuth, SpamReport,
    ThreadId, UidSet,
};

/// An entry to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewEntry<'a> {
    /// Its id.
    pub id: EntryId,
    /// What it shows.
    pub body: BodyId,
    /// Octets of the body.
    pub body_size: u32,
    /// Octets before the body; they belong to this entry alone.
    pub prefix: &'a [u8],
    /// Octets of the digest of the body.
    pub digest_len: usize,
    /// Its conversation.
    pub thread: ThreadId,
    /// System flags.
    pub flags: Flags,
    /// Keywords, each an atom.
    pub keywords: &'a [String],
    /// How it came to be.
    pub arrival: Arrival,
    /// What is known of its sender.
    pub auth: SenderAuth,
    /// Internal date, unix milliseconds.
    pub received_at: i64,
    /// The judgement of the filter on it; `None` when it was not judged.
    pub spam: Option<&'a SpamReport>,
}

/// What a page of FETCH carries.
#[derive(Clone, Copy, Debug)]
pub struct PageRequest {
    /// Envelope and structure.
    pub digest: bool,
    /// Octets.
    pub octets: Octets,
    /// Only entries with a MODSEQ above this one.
    pub changed_since: u64,
    /// The page ends when it holds this many octets.
    pub bytes_max: usize,
}

/// The most that one call reads or changes of many entries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PieceBound {
    /// Rows that it looks at.
    pub rows: usize,
    /// Octets of its answer; the last row may go over it.
    pub bytes: usize,
}

impl PieceBound {
    /// No bound, for a set that is known to be small.
    pub const ALL: PieceBound = PieceBound {
        rows: usize::MAX,
        bytes: usize::MAX,
    };
}

/// The part of an entry that is needed to find and open it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The mailbox.
    pub mailbox: MailboxId,
    /// UID, id, MODSEQ, flags, keywords.
    pub state: EntryState,
    /// What it shows.
    pub body: BodyId,
    /// Octets of the body.
    pub body_size: u32,
    /// Octets in front of the body.
    pub prefix: Vec<u8>,
    /// Internal date.
    pub received_at: i64,
}

impl Store {
    /// Makes an entry with the next UID of the mailbox and moves every counter; the UID.
    pub fn add_entry(
        &self,
        mailbox: &MailboxRecord,
        modseq: u64,
        new: &NewEntry<'_>,
    ) -> Result<u32, Error> {
        let prefix_len = u32::try_from(new.prefix.len()).unwrap_or(u32::MAX);
        let size = new.body_size.saturating_add(prefix_len);
        let keywords = pack_keywords(new.keywords);
        let report = new.spam.map(format::encode_report).transpose()?;
        let report_len = report.as_ref().map_or(0, Vec::len);
        let over = (new.digest_len.saturating_sub(DIGEST_BYTES) + report_len) as i64;
        let extra = over + keywords.as_ref().map_or(0, String::len) as i64;
        let delta = Delta {
            uids: 1,
            messages: 1,
            unseen: i64::from(!new.flags.has(Flags::SEEN)),
            deleted: i64::from(new.flags.has(Flags::DELETED)),
            bytes: i64::from(size),
            extra,
        };
        let uid = self.count(mailbox, modseq, &delta)?;
        self.count_inbox(mailbox.inbox, 1, i64::from(size))?;
        if extra > 0 {
            self.count_cost(mailbox.inbox, extra)?;
        }
        if keywords.is_some() {
            let mut more = KeywordUses::default();
            more.add(new.keywords.iter().map(String::as_str));
            self.count_keywords(mailbox.id, (more, KeywordUses::default()), true)?;
        }
        let verdict = new.spam.map(|report| report.verdict);
        let arrival = arrival_number(new.arrival, new.auth) | verdict_bits(verdict);
        let prefix = (!new.prefix.is_empty()).then_some(new.prefix);
        let sum = row_sum(&[
            ValueRef::Integer(new.id.0),
            ValueRef::Integer(mailbox.org.0),
            ValueRef::Integer(mailbox.inbox.0),
            ValueRef::Integer(new.body.0),
            ValueRef::Integer(new.thread.0),
            ValueRef::Integer(arrival),
            ValueRef::Integer(new.received_at),
            ValueRef::Integer(size.into()),
            ValueRef::from(prefix),
        ]);
        let state_sum = row_sum(&[
            ValueRef::Integer(mailbox.id.0),
            ValueRef::Integer(uid.into()),
            ValueRef::Integer(new.id.0),
            ValueRef::Integer(int(modseq)),
            ValueRef::Integer(new.flags.0.into()),
            ValueRef::from(keywords.as_deref()),
        ]);
        let report_sum = row_sum(&[
            ValueRef::Integer(new.id.0),
            ValueRef::from(report.as_deref()),
        ]);
        self.direct().run(
            "INSERT INTO entry (mailbox, uid, id, org, inbox, body, thread, modseq, flags,
                 keywords, arrival, received_at, size, prefix, extra, sum, state_sum, report,
                 report_sum)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,
                 ?18, ?19)",
            params![
                mailbox.id.0,
                uid,
                new.id.0,
                mailbox.org.0,
                mailbox.inbox.0,
                new.body.0,
                new.thread.0,
                int(modseq),
                new.flags.0,
                keywords,
                arrival,
                new.received_at,
                size,
                prefix,
                over,
                sum,
                state_sum,
                report,
                report_sum,
            ],
        )?;
        Ok(uid)
    }

    /// A page of entries in the order of UIDs, and the UIDs that did not fit. A page can be empty
    /// before the last: rows that are passed over count, too.
    pub fn page(
        &self,
        mailbox: &MailboxRecord,
        uids: &UidSet,
        ask: &PageRequest,
    ) -> Result<(Vec<EntryRow>, UidSet), Error> {
        // One message, or a few: their checksums are compared. For a long page that would cost as
        // much as the rows.
        let is_few = matches!(spans(uids)[..], [(low, high)] if high - low < FEW_UIDS);
        let sql = match (ask.digest, is_few) {
            (false, _) => PAGE,
            (true, false) => PAGE_DIGEST,
            (true, true) => PAGE_CHECKED,
        };
        let mut rows: Vec<EntryRow> = Vec::new();
        let (mut looked, mut octets) = (0, 0);
        let mut full = None;
        for (low, high) in spans(uids) {
            let since = int(ask.changed_since);
            let end = self.direct().each(
                sql,
                [mailbox.id.0, low.into(), high.into(), since, mailbox.org.0],
                |r| {
                    let uid = uint32(r.get(0)?);
                    if octets >= ask.bytes_max || looked >= PAGE_ROWS {
                        full = Some(uid);
                        return Ok(ControlFlow::Break(()));
                    }
                    looked += 1;
                    if !uids.contains(uid) {
                        return Ok(ControlFlow::Continue(()));
                    }
                    let mut row = self.read_page_row(r, mailbox.inbox, ask)?;
                    if ask.digest && is_few && !r.get::<_, bool>(13)? {
                        row.digest = None;
                        let error = Error::DamagedRow {
                            table: "entry",
                            row: row.state.id.0,
                            org: mailbox.org.0,
                            what: UNLIKE_CHECKSUM,
                        };
                        log::error!("store error=\"{error}\"");
                    }
                    octets += ROW_BYTES
                        + words_bytes(&row.state.keywords)
                        + row.digest.as_ref().map_or(0, Vec::len)
                        + row.octets.as_ref().map_or(0, Vec::len);
                    rows.push(row);
                    Ok(ControlFlow::Continue(()))
                },
            )?;
            if end.is_break() {
                break;
            }
        }
        Ok((rows, uids_from(uids, full)))
    }

    fn read_page_row(
        &self,
        r: &Row<'_>,
        inbox: InboxId,
        ask: &PageRequest,
    ) -> Result<EntryRow, Error> {
        let size = uint32(r.get(7)?);
        let prefix = match r.get_ref(8)? {
            ValueRef::Blob(prefix) => prefix,
            _ => &[],
        };
        let header_len = uint32(r.get(9)?);
        let (body, body_size) = (BodyId(r.get(10)?), uint32(r.get(11)?));
        let wanted = match ask.octets {
            Octets::No => None,
            // A header may be as long as the message: one that fills a page is read in pages.
            Octets::Header => {
                let fits = (header_len as usize) <= ask.bytes_max;
                fits.then_some(header_len.min(body_size))
            }
            Octets::UpTo(most) => (size <= most).then_some(body_size),
        };
        let octets = match wanted {
            None => None,
            Some(len) => {
                let mut octets = Vec::with_capacity(prefix.len() + len as usize);
                octets.extend_from_slice(prefix);
                self.read_body((body, body_size), 0, len, &mut octets)?;
                Some(octets)
            }
        };
        Ok(EntryRow {
            state: read_state(r)?,
            thread: ThreadId(r.get(5)?),
            received_at: r.get(6)?,
            size,
            prefix_len: prefix.len() as u32,
            header_len,
            digest: match ask.digest {
                true => Some(format::decode_digest(r.get(12)?)?),
                false => None,
            },
            rest: match (&octets, ask.octets) {
                (None, Octets::UpTo(_) | Octets::Header) => Some(OctetsOf {
                    inbox,
                    body,
                    prefix: prefix.to_vec(),
                }),
                _ => None,
            },
            octets,
        })
    }

    /// The states of entries in `uids`, as many as `bound` allows when each gets `added` octets
    /// more, and the UIDs behind them.
    pub fn states_within(
        &self,
        mailbox: &MailboxRecord,
        uids: &UidSet,
        bound: PieceBound,
        added: usize,
    ) -> Result<(Vec<EntryState>, UidSet), Error> {
        let mut states = Vec::new();
        let (mut looked, mut octets, mut full) = (0, 0, None);
        for (low, high) in spans(uids) {
            let end = self.direct().each(
                "SELECT uid, id, modseq, flags, keywords FROM entry
                 WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3 AND org = ?4 ORDER BY uid",
                [mailbox.id.0, low.into(), high.into(), mailbox.org.0],
                |r| {
                    let uid = uint32(r.get(0)?);
                    if looked >= bound.rows || octets >= bound.bytes {
                        full = Some(uid);
                        return Ok(ControlFlow::Break(()));
                    }
                    looked += 1;
                    if uids.contains(uid) {
                        let state = read_state(r)?;
                        octets += ROW_BYTES + words_bytes(&state.keywords) + added;
                        states.push(state);
                    }
                    Ok(ControlFlow::Continue(()))
                },
            )?;
            if end.is_break() {
                break;
            }
        }
        Ok((states, uids_from(uids, full)))
    }

    /// The state of every entry of the mailbox in `uids`, which are few.
    pub fn states(&self, mailbox: &MailboxRecord, uids: &UidSet) -> Result<Vec<EntryState>, Error> {
        let (states, _) = self.states_within(mailbox, uids, PieceBound::ALL, 0)?;
        Ok(states)
    }

    /// Envelope and structure of the message at a UID, without the message itself.
    pub fn digest_at(&self, mailbox: &MailboxRecord, uid: u32) -> Result<Option<Vec<u8>>, Error> {
        let stored = self.direct().one(
            "SELECT b.digest FROM entry e CROSS JOIN body b ON b.id = e.body
             WHERE e.mailbox = ?1 AND e.uid = ?2 AND e.org = ?3",
            [mailbox.id.0, uid.into(), mailbox.org.0],
            |r| r.get::<_, Vec<u8>>(0),
        )?;
        stored.map(format::decode_digest).transpose()
    }

    /// Goes on with a walk over the entries up to UID `last`, for about `rows` entries; whether it
    /// has come to the end. Entries with a MODSEQ above `since` count as changed. `keywords` is the
    /// most keywords that are gathered.
    pub fn walk(
        &self,
        mailbox: &MailboxRecord,
        (last, since): (u32, u64),
        (rows, keywords): (usize, usize),
        walk: &mut MailboxWalk,
    ) -> Result<bool, Error> {
        let mut work = 0;
        let mut split = String::new();
        let end = self.direct().each(
            "SELECT uid, modseq, flags, keywords FROM entry
             WHERE mailbox = ?1 AND uid > ?2 AND uid <= ?3 AND org = ?4 ORDER BY uid",
            [
                mailbox.id.0,
                walk.done_to.into(),
                last.into(),
                mailbox.org.0,
            ],
            |r| {
                if work >= rows {
                    return Ok(ControlFlow::Break(()));
                }
                work += 1;
                let uid = uint32(r.get(0)?);
                walk.done_to = uid;
                walk.uids.insert(uid);
                if uint(r.get(1)?) > since {
                    walk.changed.insert(uid);
                }
                if walk.first_unseen.is_none() && !read_flags(r, 2)?.has(Flags::SEEN) {
                    walk.first_unseen = Some(uid);
                }
                if walk.keywords.len() >= keywords {
                    return Ok(ControlFlow::Continue(()));
                }
                // Entries in sequence mostly have the same keywords: they are split only when
                // they differ from those before.
                if let Some(words) = r.get_ref(3)?.as_str_or_null().ok().flatten()
                    && words != split
                {
                    words.clone_into(&mut split);
                    work += words.len() / OCTETS_A_ROW;
                    gather(words, keywords, walk);
                }
                Ok(ControlFlow::Continue(()))
            },
        )?;
        Ok(end.is_continue())
    }

    /// The first `most` UIDs of a mailbox.
    pub fn first_uids(&self, mailbox: &MailboxRecord, most: usize) -> Result<UidSet, Error> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let uids = self.direct().all(
            "SELECT uid FROM entry WHERE mailbox = ?1 AND org = ?2 ORDER BY uid LIMIT ?3",
            [mailbox.id.0, mailbox.org.0, most],
            |r| Ok(uint32(r.get(0)?)),
        )?;
        Ok(uids.into_iter().collect())
    }

    /// How many entries have a UID above `after` and up to `last`, of the first `rows` of them; and
    /// the last UID that was counted, if there may be more.
    pub fn count_entries(
        &self,
        (org, mailbox): (OrgId, MailboxId),
        (after, last): (u32, u32),
        rows: usize,
    ) -> Result<(u32, Option<u32>), Error> {
        let most = i64::try_from(rows).unwrap_or(i64::MAX);
        let counted = self.direct().one(
            "SELECT count(*), max(uid) FROM (SELECT uid FROM entry
                 WHERE mailbox = ?1 AND uid > ?2 AND uid <= ?3 AND org = ?4
                 ORDER BY uid LIMIT ?5)",
            [mailbox.0, after.into(), last.into(), org.0, most],
            |r| Ok((r.get::<_, i64>(0)?, r.get::<_, Option<i64>>(1)?)),
        )?;
        let (n, highest) = counted.unwrap_or((0, None));
        Ok((uint32(n), highest.filter(|_| n >= most).map(uint32)))
    }

    /// One entry of an inbox by its id.
    pub fn entry(&self, org: OrgId, inbox: InboxId, id: EntryId) -> Result<Option<Entry>, Error> {
        self.direct().one(
            "SELECT e.uid, e.id, e.modseq, e.flags, e.keywords, e.mailbox, e.body, b.size,
                 e.prefix, e.received_at
             FROM entry e CROSS JOIN mailbox m ON m.id = e.mailbox
                 CROSS JOIN body b ON b.id = e.body
             WHERE e.inbox = ?1 AND e.id = ?2 AND e.org = ?3",
            [inbox.0, id.0, org.0],
            |r| {
                Ok(Entry {
                    mailbox: MailboxId(r.get(5)?),
                    state: read_state(r)?,
                    body: BodyId(r.get(6)?),
                    body_size: uint32(r.get(7)?),
                    prefix: r.get::<_, Option<Vec<u8>>>(8)?.unwrap_or_default(),
                    received_at: r.get(9)?,
                })
            },
        )
    }
}

/// The ranges of a set. Ranges that lie close are joined: one scan over a small gap is cheaper
/// than two look-ups. The caller filters by the set.
pub(super) fn spans(uids: &UidSet) -> Vec<(u32, u32)> {
    let mut spans: Vec<(u32, u32)> = Vec::new();
    for &(low, high) in uids.ranges() {
        match spans.last_mut() {
            Some(last) if low - last.1 <= SPAN_GAP => last.1 = high,
            _ => spans.push((low, high)),
        }
    }
    spans
}

/// The part of `uids` from one of them on; empty without one.
fn uids_from(uids: &UidSet, first: Option<u32>) -> UidSet {
    first.map_or_else(UidSet::new, |uid| {
        uids.intersection(&UidSet::from(uid..=u32::MAX))
    })
}

/// Adds the keywords of an entry to those of a walk, up to `most`.
fn gather(words: &str, most: usize, walk: &mut MailboxWalk) {
    for word in words.split(' ') {
        let lower = word.to_ascii_lowercase();
        if walk.keywords.len() < most && walk.known.insert(lower) {
            walk.keywords.push(word.to_owned());
        }
    }
}

/// The octets of memory that keywords take.
pub(super) fn words_bytes(words: &[String]) -> usize {
    words.iter().map(|word| word.len() + WORD_BYTES).sum()
}

/// The states that one row of the log shows of those that it is about.
pub(super) fn shown_states<'s>(states: impl Iterator<Item = &'s EntryState>) -> Vec<EntryState> {
    let mut octets = 0;
    let few = states.take(BULK_MESSAGES_MAX).take_while(|state| {
        octets += ROW_BYTES + words_bytes(&state.keywords);
        octets <= BULK_DETAIL_BYTES_MAX
    });
    few.cloned().collect()
}

/// Reads `uid, id, modseq, flags, keywords` from the first five columns.
pub(super) fn read_state(r: &Row<'_>) -> rusqlite::Result<EntryState> {
    Ok(EntryState {
        uid: uint32(r.get(0)?),
        id: EntryId(r.get(1)?),
        modseq: uint(r.get(2)?),
        flags: read_flags(r, 3)?,
        keywords: match r.get_ref(4)? {
            ValueRef::Text(words) => unpack_keywords(words),
            _ => Vec::new(),
        },
    })
}

pub(super) fn read_flags(r: &Row<'_>, column: usize) -> rusqlite::Result<Flags> {
    Ok(Flags(r.get::<_, u8>(column)?))
}

pub(super) fn pack_keywords(keywords: &[String]) -> Option<String> {
    (!keywords.is_empty()).then(|| keywords.join(" "))
}

pub(super) fn unpack_keywords(words: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(words)
        .split(' ')
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

const PAGE: &str = "SELECT e.uid, e.id, e.modseq, e.flags, e.keywords, e.thread, e.received_at,
     e.size, e.prefix, b.header_len, b.id, b.size
 FROM entry e JOIN body b ON b.id = e.body
 WHERE e.mailbox = ?1 AND e.uid BETWEEN ?2 AND ?3 AND e.modseq > ?4 AND e.org = ?5
 ORDER BY e.uid";

const PAGE_DIGEST: &str = "SELECT e.uid, e.id, e.modseq, e.flags, e.keywords, e.thread,
     e.received_at, e.size, e.prefix, b.header_len, b.id, b.size, b.digest
 FROM entry e JOIN body b ON b.id = e.body
 WHERE e.mailbox = ?1 AND e.uid BETWEEN ?2 AND ?3 AND e.modseq > ?4 AND e.org = ?5
 ORDER BY e.uid";

const PAGE_CHECKED: &str = "SELECT e.uid, e.id, e.modseq, e.flags, e.keywords, e.thread,
     e.received_at, e.size, e.prefix, b.header_len, b.id, b.size, b.digest,
     coalesce(b.sum = row_sum(b.id, b.org, b.size, b.header_len, b.message_id, b.digest,
         b.summary), 1)
     AND coalesce(e.sum = row_sum(e.id, e.org, e.inbox, e.body, e.thread, e.arrival,
         e.received_at, e.size, e.prefix), 1)
     AND coalesce(e.state_sum = row_sum(e.mailbox, e.uid, e.id, e.modseq, e.flags,
         e.keywords), 1)
 FROM entry e JOIN body b ON b.id = e.body
 WHERE e.mailbox = ?1 AND e.uid BETWEEN ?2 AND ?3 AND e.modseq > ?4 AND e.org = ?5
 ORDER BY e.uid";

/// A page of up to this many UIDs is compared with its checksums.
const FEW_UIDS: u32 = 4;

/// What is wrong with a row whose checksum is another one.
pub(super) const UNLIKE_CHECKSUM: &str = "the row differs from its checksum";

/// A gap of UIDs of up to this size is scanned; a larger one is skipped by a look-up.
const SPAN_GAP: u32 = 8;

/// Entries of one page: about 5 ms of a reader.
const PAGE_ROWS: usize = 1000;

/// Octets of a row in a page, without its keywords, its octets of the message and its digest.
const ROW_BYTES: usize = 96;

/// Octets of a keyword beside its text.
const WORD_BYTES: usize = 48;

/// So many octets of keywords are as much work as a row of a walk.
const OCTETS_A_ROW: usize = 16;
