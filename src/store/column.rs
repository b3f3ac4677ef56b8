//! Entries found by what their columns say: flags, keywords, the time of receipt, octets. A search
//! names the bounds that every match keeps, and SQLite passes over the other rows.
//!
//! It opens no message. The rule: one step here looks at a bounded number of rows, so that its
//! caller can stop between two of them. Few messages are flagged or have keywords, and those have
//! an index of their own (`entry_marked`), which a delivery of another message does not touch.

use core::ops::{ControlFlow, RangeInclusive};

use rusqlite::types::Value;
use rusqlite::{Row, params_from_iter};

use super::entry::{read_flags, read_state, spans};
use super::{Error, MailboxRecord, Store, int, uint, uint32};
use crate::call::{
    EntryId, EntryState, Flags, InboxId, MailboxId, OrgId, ReceivedBody, ThreadId, UidSet,
};

/// What the columns of every match say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ColumnBounds {
    /// Of the first flags, the second ones are set and the others are not.
    pub flags: (Flags, Flags),
    /// When it was received, unix milliseconds.
    pub received: RangeInclusive<i64>,
    /// Its octets, with the prefix.
    pub size: RangeInclusive<i64>,
    /// It has this keyword; keywords are compared without case.
    pub keyword: Option<String>,
}

impl Default for ColumnBounds {
    fn default() -> ColumnBounds {
        ColumnBounds {
            flags: (Flags::NONE, Flags::NONE),
            received: i64::MIN..=i64::MAX,
            size: 0..=i64::MAX,
            keyword: None,
        }
    }
}

impl ColumnBounds {
    /// Whether every entry keeps them.
    pub fn is_open(&self) -> bool {
        *self == ColumnBounds::default()
    }

    /// Whether only entries keep them that stand in the index of marked ones.
    pub fn is_marked(&self) -> bool {
        self.flags.1.has(Flags::FLAGGED) || self.keyword.is_some()
    }

    /// Whether they bound the time of receipt.
    pub fn is_dated(&self) -> bool {
        self.received != (i64::MIN..=i64::MAX)
    }

    /// Whether the only bound is that `\Seen` is not set.
    fn is_unseen(&self) -> bool {
        let open = ColumnBounds {
            flags: (Flags::SEEN, Flags::NONE),
            ..ColumnBounds::default()
        };
        *self == open
    }

    /// Also received no earlier than this.
    pub fn since(&mut self, unix_ms: i64) {
        let first = unix_ms.max(*self.received.start());
        self.received = first..=*self.received.end();
    }

    /// Also received before this.
    pub fn until(&mut self, unix_ms: i64) {
        // Nothing is received before the first millisecond.
        let last = unix_ms.saturating_sub(1).min(*self.received.end());
        self.received = *self.received.start()..=last;
    }

    /// Also of more octets than this.
    pub fn larger(&mut self, octets: u64) {
        let least = int(octets).saturating_add(1).max(*self.size.start());
        self.size = least..=*self.size.end();
    }

    /// Also of fewer octets than this.
    pub fn smaller(&mut self, octets: u64) {
        let most = int(octets).saturating_sub(1).min(*self.size.end());
        self.size = *self.size.start()..=most;
    }

    /// Also with these flags set, or not set. Bounds that contradict each other are left out.
    pub fn flagged(&mut self, flags: Flags, is_set: bool) {
        if self.flags.0.0 & flags.0 == Flags::NONE.0 {
            self.flags.0 = self.flags.0.with(flags);
            if is_set {
                self.flags.1 = self.flags.1.with(flags);
            }
        }
    }

    /// Also with this keyword. Of several keywords the first is a bound.
    pub fn keyword(&mut self, word: &str) {
        // The word stands between spaces, so it has none.
        if self.keyword.is_none() && !word.is_empty() && !word.contains(' ') {
            self.keyword = Some(word.to_ascii_lowercase());
        }
    }

    /// The parameters of a query with [`kept`]: first the four of its own.
    fn params(&self, own: [i64; 4]) -> impl rusqlite::Params {
        let (of, set) = self.flags;
        let word = self.keyword.as_ref();
        let numbers = [
            of.0.into(),
            set.0.into(),
            *self.received.start(),
            *self.received.end(),
            *self.size.start(),
            *self.size.end(),
        ];
        let all = own.into_iter().chain(numbers).map(Value::Integer);
        let word = word.map_or(Value::Null, |word| Value::Text(format!(" {word} ")));
        params_from_iter(all.chain([word]).collect::<Vec<_>>())
    }
}

/// An entry that was found by its columns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FoundEntry {
    /// Its mailbox.
    pub mailbox: MailboxId,
    /// Its UID there.
    pub uid: u32,
    /// Its id.
    pub id: EntryId,
    /// Internal date.
    pub received_at: i64,
    /// Its conversation.
    pub thread: ThreadId,
}

/// How far a step has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FoundStep {
    /// Every row was looked at.
    End,
    /// There are rows left, below this UID.
    Below(u32),
}

/// The part of an entry that a search reads without opening the message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Scanned {
    /// UID, id, MODSEQ, flags, keywords.
    pub state: EntryState,
    /// Internal date.
    pub received_at: i64,
    /// Octets with the prefix.
    pub size: u32,
}

/// Which entries a scan shows, and how much of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScanWant {
    /// What the columns of each say.
    pub bounds: ColumnBounds,
    /// UID and flags are enough: all else is empty.
    pub flags_only: bool,
}

impl Store {
    /// The entries in `uids` within these bounds, ascending, until `look` breaks.
    pub fn scan(
        &self,
        mailbox: &MailboxRecord,
        uids: &UidSet,
        want: &ScanWant,
        mut look: impl FnMut(Scanned) -> Result<ControlFlow<()>, Error>,
    ) -> Result<ControlFlow<()>, Error> {
        let sql = if want.flags_only { SCAN_FLAGS } else { SCAN };
        let all = uids.ranges() == [(1, u32::MAX)];
        for (low, high) in spans(uids) {
            let end = self.direct().each(
                sql,
                (want.bounds).params([mailbox.id.0, low.into(), high.into(), mailbox.org.0]),
                |r| {
                    let uid = uint32(r.get(0)?);
                    if !all && !uids.contains(uid) {
                        return Ok(ControlFlow::Continue(()));
                    }
                    look(match want.flags_only {
                        true => Scanned {
                            state: EntryState {
                                uid,
                                id: EntryId(0),
                                modseq: 0,
                                flags: read_flags(r, 1)?,
                                keywords: Vec::new(),
                            },
                            received_at: 0,
                            size: 0,
                        },
                        false => Scanned {
                            state: read_state(r)?,
                            received_at: r.get(5)?,
                            size: uint32(r.get(6)?),
                        },
                    })
                },
            )?;
            if end.is_break() {
                return Ok(end);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Shows the entries of a mailbox that keep the bounds, from UID `below` down: of some thousand
    /// UIDs.
    pub fn kept_below(
        &self,
        mailbox: &MailboxRecord,
        below: u32,
        bounds: &ColumnBounds,
        mut look: impl FnMut(FoundEntry),
    ) -> Result<FoundStep, Error> {
        let below = below.min(mailbox.uidnext);
        let from = below.saturating_sub(STEP_UIDS).max(1);
        // The mailbox counts these.
        let mut left = match bounds.is_unseen() {
            true => mailbox.unseen,
            false => u32::MAX,
        };
        if mailbox.messages == 0 || left == 0 || from >= below {
            return Ok(FoundStep::End);
        }
        let own = [mailbox.id.0, from.into(), below.into(), mailbox.org.0];
        let end = self.direct().each(KEPT_BY_UID, bounds.params(own), |r| {
            look(read_found(r)?);
            left -= 1;
            Ok(match left {
                0 => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            })
        })?;
        Ok(match end.is_break() || from == 1 {
            true => FoundStep::End,
            false => FoundStep::Below(from),
        })
    }

    /// Shows the marked entries of an inbox that keep the bounds, at positions of receipt below
    /// one, the newest first, until `look` breaks. Whether all were seen: at most `rows` of the
    /// index are looked at.
    pub fn marked_below(
        &self,
        (org, inbox): (OrgId, InboxId),
        below: (i64, i64),
        (bounds, rows): (&ColumnBounds, usize),
        mut look: impl FnMut(FoundEntry) -> ControlFlow<()>,
    ) -> Result<bool, Error> {
        let own = [inbox.0, below.0, below.1, org.0];
        let mut looked = 0;
        let end = self.direct().each(KEPT_BY_MARK, bounds.params(own), |r| {
            looked += 1;
            if looked > rows {
                return Ok(ControlFlow::Break(()));
            }
            Ok(match r.get::<_, bool>(5)? {
                true => look(read_found(r)?),
                false => ControlFlow::Continue(()),
            })
        })?;
        Ok(end.is_continue())
    }

    /// The UIDs of the entries of a mailbox that may keep the bounds, by an index; `None` if no
    /// index has few rows for them, and a walk through the mailbox is cheaper.
    pub fn kept_uids(
        &self,
        mailbox: &MailboxRecord,
        bounds: &ColumnBounds,
    ) -> Result<Option<UidSet>, Error> {
        let rows = (mailbox.messages as usize / ROWS_A_LOOKUP).max(ROWS_FEW);
        let mut uids = Vec::new();
        let mut is_end = false;
        if bounds.is_marked() {
            let place = (mailbox.org, mailbox.inbox);
            let all = (i64::MAX, i64::MAX);
            is_end = self.marked_below(place, all, (bounds, rows), |found| {
                if found.mailbox == mailbox.id {
                    uids.push(found.uid);
                }
                ControlFlow::Continue(())
            })?;
        }
        if !is_end && bounds.is_dated() {
            uids.clear();
            let mut looked = 0;
            let received = [*bounds.received.start(), *bounds.received.end()];
            let end = self.direct().each(
                "SELECT mailbox, uid FROM entry INDEXED BY entry_received
                 WHERE inbox = ?1 AND received_at BETWEEN ?2 AND ?3",
                [mailbox.inbox.0, received[0], received[1]],
                |r| {
                    looked += 1;
                    if r.get::<_, i64>(0)? == mailbox.id.0 {
                        uids.push(uint32(r.get(1)?));
                    }
                    Ok(match looked > rows {
                        true => ControlFlow::Break(()),
                        false => ControlFlow::Continue(()),
                    })
                },
            )?;
            is_end = end.is_continue();
        }
        uids.sort_unstable();
        Ok(is_end.then(|| uids.into_iter().collect()))
    }

    /// The entries in `uids` that keep the bounds, ascending, until `look` breaks.
    pub fn kept_in(
        &self,
        mailbox: &MailboxRecord,
        uids: &UidSet,
        bounds: &ColumnBounds,
        mut look: impl FnMut(u32) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, Error> {
        for (low, high) in spans(uids) {
            let own = [mailbox.id.0, low.into(), high.into(), mailbox.org.0];
            let end = self.direct().each(KEPT_UIDS, bounds.params(own), |r| {
                let uid = uint32(r.get(0)?);
                Ok(match uids.contains(uid) {
                    true => look(uid),
                    false => ControlFlow::Continue(()),
                })
            })?;
            if end.is_break() {
                return Ok(end);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The entries of a conversation, if they are at most `most`.
    pub fn entries_of_thread(
        &self,
        (org, inbox): (OrgId, InboxId),
        thread: ThreadId,
        most: usize,
    ) -> Result<Option<Vec<FoundEntry>>, Error> {
        let found = self.direct().all(
            "SELECT mailbox, uid, id, received_at, thread FROM entry INDEXED BY entry_thread
             WHERE inbox = ?1 AND thread = ?2 AND org = ?3 LIMIT ?4",
            [inbox.0, thread.0, org.0, int(most as u64).saturating_add(1)],
            read_found,
        )?;
        Ok(Some(found).filter(|found| found.len() <= most))
    }

    /// Shows the entries of an inbox that have one of these bodies, which are in their order.
    pub fn entries_of_bodies(
        &self,
        inbox: InboxId,
        bodies: &[ReceivedBody],
        mut look: impl FnMut(FoundEntry),
    ) -> Result<(), Error> {
        for same in bodies.chunk_by(|a, b| a.received_at == b.received_at) {
            let Some(received_at) = same.first().map(|of| of.received_at) else {
                continue;
            };
            let _ = self.direct().each(
                "SELECT mailbox, uid, id, received_at, thread, body
                 FROM entry INDEXED BY entry_received WHERE inbox = ?1 AND received_at = ?2",
                [inbox.0, received_at],
                |r| {
                    let body = r.get::<_, i64>(5)?;
                    if same.binary_search_by_key(&body, |of| of.body.0).is_ok() {
                        look(read_found(r)?);
                    }
                    Ok(ControlFlow::Continue(()))
                },
            )?;
        }
        Ok(())
    }

    /// How many entries of a mailbox have a keyword, in lower case.
    pub fn keyword_uses(&self, mailbox: MailboxId, word: &str) -> Result<u64, Error> {
        let uses = self.one(
            "SELECT uses FROM keyword WHERE mailbox = ?1 AND word = ?2",
            (mailbox.0, word),
            |r| r.get(0),
        )?;
        Ok(uint(uses.unwrap_or(0)))
    }
}

fn read_found(r: &Row<'_>) -> rusqlite::Result<FoundEntry> {
    Ok(FoundEntry {
        mailbox: MailboxId(r.get(0)?),
        uid: uint32(r.get(1)?),
        id: EntryId(r.get(2)?),
        received_at: r.get(3)?,
        thread: ThreadId(r.get(4)?),
    })
}

/// Whether an entry keeps its bounds: parameters 5 to 11.
macro_rules! kept {
    ($before:literal, $behind:literal) => {
        concat!(
            $before,
            "(flags & ?5) = ?6 AND received_at BETWEEN ?7 AND ?8 AND size BETWEEN ?9 AND ?10
             AND (?11 IS NULL OR instr(' ' || lower(keywords) || ' ', ?11) > 0)",
            $behind
        )
    };
}

const KEPT_BY_UID: &str = kept!(
    "SELECT mailbox, uid, id, received_at, thread FROM entry
     WHERE mailbox = ?1 AND uid >= ?2 AND uid < ?3 AND org = ?4 AND ",
    " ORDER BY uid DESC"
);

const KEPT_UIDS: &str = kept!(
    "SELECT uid FROM entry WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3 AND org = ?4 AND ",
    " ORDER BY uid"
);

// The condition of the index stands here as it stands there, else SQLite cannot use it.
const KEPT_BY_MARK: &str = kept!(
    "SELECT mailbox, uid, id, received_at, thread, coalesce(",
    ", 0) FROM entry INDEXED BY entry_marked
     WHERE inbox = ?1 AND (received_at, id) < (?2, ?3)
         AND (flags & 4 OR keywords IS NOT NULL) AND org = ?4
     ORDER BY received_at DESC, id DESC"
);

const SCAN: &str = kept!(
    "SELECT uid, id, modseq, flags, keywords, received_at, size FROM entry
     WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3 AND org = ?4 AND ",
    " ORDER BY uid"
);

const SCAN_FLAGS: &str = kept!(
    "SELECT uid, flags FROM entry
     WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3 AND org = ?4 AND ",
    " ORDER BY uid"
);

/// UIDs of one step: about a millisecond of a reader.
const STEP_UIDS: u32 = 8192;
/// A row that an index names costs as much as so many in a walk.
const ROWS_A_LOOKUP: usize = 8;
/// Rows of an index that are always looked at.
const ROWS_FEW: usize = 256;
