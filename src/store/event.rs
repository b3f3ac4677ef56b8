//! The change log of each organization: numbers without a gap, rows, and the window of rows that
//! are kept.
//!
//! A number is taken and its row written in the savepoint of one call. The row is also added to a
//! `Vec<Event>`, as it will be published. The caller shortens the vector when the savepoint is
//! rolled back. This file publishes nothing.

use core::ops::ControlFlow;
use std::sync::Arc;

use rusqlite::Row;
use rusqlite::types::ValueRef;

use super::row_sum::row_sum;
use super::{Error, HeldEnvelope, Store, format, int, uint};
use crate::call::{
    Change, ConnId, Event, InboxId, InboxPath, MailboxId, Now, OrgId, Topic, UidSet,
};

/// The number and time of a row that is to be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stamp {
    /// The organization of the log.
    pub org: OrgId,
    /// Its number in the log.
    pub seq: u64,
    /// max(previous, now), unix milliseconds.
    pub at: i64,
}

/// A row without its number.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// The inbox with its address and ancestors.
    pub inbox: Option<Arc<InboxPath>>,
    /// The mailbox.
    pub mailbox: Option<MailboxId>,
    /// The UIDs concerned.
    pub uids: UidSet,
    /// What happened.
    pub change: Change,
}

/// The window of a log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LogState {
    /// Number of the last row, 0 before the first.
    pub head: u64,
    /// Number of the first row that is kept; `head + 1` when none is.
    pub oldest: u64,
    /// It changes with a restore.
    pub epoch: u64,
    /// When the database was restored, unix milliseconds; no row from before is here. 0: never.
    pub restored_at: i64,
}

/// Rows of a log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EventPage {
    /// The rows that concern the topic.
    pub events: Vec<Event>,
    /// Rows up to this number have been read.
    pub scanned_to: u64,
    /// The window of the log.
    pub state: LogState,
}

impl Store {
    /// How many webhooks the cause of the events that follow is behind, until the transaction ends.
    pub fn set_depth(&self, depth: u8) {
        self.depth.set(depth);
    }

    /// Has the events that follow be behind at least so many webhooks, until the transaction ends
    /// or another depth is set. Gives the depth before.
    pub fn deepen(&self, depth: u8) -> u8 {
        let before = self.depth.get();
        self.depth.replace(before.max(depth))
    }

    /// An envelope with the depth of its cause.
    pub(super) fn deepened(&self, envelope: &HeldEnvelope) -> HeldEnvelope {
        HeldEnvelope {
            depth: envelope.depth.max(self.depth.get()),
            ..envelope.clone()
        }
    }

    /// Takes the next number of `org`'s log. The caller writes the row in the same savepoint.
    pub fn next_seq(&self, org: OrgId, now: Now) -> Result<Stamp, Error> {
        self.next_seq_at(org, now.unix_ms)
    }

    /// The same at a time in unix milliseconds.
    pub(super) fn next_seq_at(&self, org: OrgId, at: i64) -> Result<Stamp, Error> {
        let (seq, at) = self.take_seq(org, at)?;
        Ok(Stamp { org, seq, at })
    }

    /// Writes the row for a number that was taken, and adds it to what will be published.
    pub fn put_event(
        &self,
        stamp: Stamp,
        origin: Option<ConnId>,
        new: NewEvent,
        events: &mut Vec<Event>,
    ) -> Result<(), Error> {
        if let Change::GroupReady { .. } | Change::Acknowledged { .. } = new.change {
            return Err(Error::Corrupt("an event that is not stored"));
        }
        let path = new.inbox.as_deref().map(format::encode_path).transpose()?;
        let uids = format::encode_uids(&new.uids)?;
        let depth = self.depth.get();
        let detail = format::encode_change(&new.change, depth)?;
        let (inbox, mailbox) = (new.inbox.as_ref().map(|p| p.id.0), new.mailbox.map(|m| m.0));
        let sum = row_sum(&[
            ValueRef::Integer(stamp.org.0),
            ValueRef::Integer(int(stamp.seq)),
            ValueRef::Integer(stamp.at),
            inbox.map_or(ValueRef::Null, ValueRef::Integer),
            mailbox.map_or(ValueRef::Null, ValueRef::Integer),
            ValueRef::from(path.as_deref()),
            ValueRef::from(uids.as_deref()),
            ValueRef::Blob(&detail),
        ]);
        self.direct().run(
            "INSERT INTO event (org, seq, at, inbox, mailbox, path, uids, detail, sum)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            (
                stamp.org.0,
                int(stamp.seq),
                stamp.at,
                inbox,
                mailbox,
                path,
                uids,
                detail,
                sum,
            ),
        )?;
        let of = (stamp.org, new.inbox.as_ref().map(|path| path.id));
        self.count_event(of, stamp.at, &new.change)?;
        events.push(Event {
            org: stamp.org,
            depth,
            seq: stamp.seq,
            at: stamp.at,
            inbox: new.inbox,
            mailbox: new.mailbox,
            uids: new.uids,
            change: new.change,
            origin,
        });
        Ok(())
    }

    /// Takes a number and writes its row; for changes that do not carry the number themselves.
    pub fn append_event(
        &self,
        now: Now,
        org: OrgId,
        origin: Option<ConnId>,
        new: NewEvent,
        events: &mut Vec<Event>,
    ) -> Result<u64, Error> {
        let stamp = self.next_seq(org, now)?;
        self.put_event(stamp, origin, new, events)?;
        Ok(stamp.seq)
    }

    /// The number of the last row of `org`'s log; 0 when there is none, or no such organization.
    pub fn log_head(&self, org: OrgId) -> Result<u64, Error> {
        let head = self.one("SELECT seq FROM org WHERE id = ?1", [org.0], |r| r.get(0))?;
        Ok(uint(head.unwrap_or(0)))
    }

    /// The window of `org`'s log; `None` when there is no such organization.
    pub fn log_state(&self, org: OrgId) -> Result<Option<LogState>, Error> {
        self.one(
            "SELECT seq, oldest, (SELECT value FROM meta WHERE name = 'epoch'),
                 (SELECT value FROM meta WHERE name = 'restored')
             FROM org WHERE id = ?1",
            [org.0],
            |r| {
                Ok(LogState {
                    head: uint(r.get(0)?),
                    oldest: uint(r.get(1)?),
                    epoch: uint(r.get(2)?),
                    restored_at: r.get::<_, Option<i64>>(3)?.unwrap_or(0),
                })
            },
        )
    }

    /// The number of the first row at or after `unix_ms`; `head + 1` when there is none. Times in
    /// a log never go back, so this is a binary search.
    pub fn log_at(&self, org: OrgId, unix_ms: i64) -> Result<u64, Error> {
        let Some(state) = self.log_state(org)? else {
            return Ok(1);
        };
        let (mut low, mut high) = (state.oldest, state.head.saturating_add(1));
        while low < high {
            let middle = low + (high - low) / 2;
            let at = self.one(
                "SELECT at FROM event WHERE org = ?1 AND seq = ?2",
                [org.0, int(middle)],
                |r| r.get::<_, i64>(0),
            )?;
            if at.ok_or(Error::Corrupt("log"))? < unix_ms {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// Up to `limit` rows after `after` that concern `topic`. The rows that are read are bounded in
    /// number and in octets, so a page may be short and end below the head: `scanned_to` says
    /// where it has ended. It reads at least one row, however long that is.
    pub fn events_after(
        &self,
        org: OrgId,
        topic: Topic,
        after: u64,
        limit: usize,
    ) -> Result<Option<EventPage>, Error> {
        let _moment = self.snapshot()?;
        let Some(state) = self.log_state(org)? else {
            return Ok(None);
        };
        let mut page = EventPage {
            events: Vec::new(),
            scanned_to: after,
            state,
        };
        let (mut looked, mut octets) = (0, 0);
        let mut paths = LastPath::default();
        let rest = self.each(
            "SELECT seq, at, inbox, mailbox, path, uids, detail FROM event
             WHERE org = ?1 AND seq > ?2 ORDER BY seq",
            [org.0, int(after)],
            |row| {
                if page.events.len() >= limit || looked >= SCAN_ROWS || octets >= SCAN_OCTETS {
                    return Ok(ControlFlow::Break(()));
                }
                looked += 1;
                if let Some(event) = read_event(row, (org, topic), &mut paths, &mut octets)? {
                    page.events.push(event);
                }
                page.scanned_to = uint(row.get(0)?);
                Ok(ControlFlow::Continue(()))
            },
        )?;
        if rest.is_continue() {
            page.scanned_to = page.scanned_to.max(state.head);
        }
        Ok(Some(page))
    }

    /// Removes rows that are older than `keep_ms` or more than a log holds, at most `rows` of
    /// them; whether there may be more. Each call goes on where the last one ended.
    pub fn trim_events(&self, now: Now, keep_ms: i64, rows: u64) -> Result<bool, Error> {
        let before = now.unix_ms.saturating_sub(keep_ms);
        let mut left = rows;
        for _ in 0..TRIMMED_LOGS {
            let next = self.one(
                "SELECT id, seq, oldest FROM org WHERE id > ?1 ORDER BY id LIMIT 1",
                [self.trim_from.get()],
                |r| Ok((OrgId(r.get(0)?), uint(r.get(1)?), uint(r.get(2)?))),
            )?;
            let Some((org, head, oldest)) = next else {
                self.trim_from.set(0);
                return Ok(false);
            };
            let crowded = head.saturating_sub(EVENTS_KEPT_MAX).saturating_add(1);
            let wanted = self.log_at(org, before)?.max(crowded);
            let upto = wanted.min(oldest.saturating_add(left));
            if upto > oldest {
                self.run(
                    "DELETE FROM event WHERE org = ?1 AND seq >= ?2 AND seq < ?3",
                    [org.0, int(oldest), int(upto)],
                )?;
                self.run(
                    "UPDATE org SET oldest = ?2 WHERE id = ?1",
                    [org.0, int(upto)],
                )?;
                self.trim_deliveries(org, upto)?;
                left -= upto - oldest;
            }
            if upto < wanted {
                break;
            }
            self.trim_from.set(org.0);
        }
        Ok(true)
    }
}

/// The row as an event; `None` if it does not concern `topic`.
pub(super) fn read_event(
    row: &Row<'_>,
    (org, topic): (OrgId, Topic),
    paths: &mut LastPath,
    octets: &mut usize,
) -> Result<Option<Event>, Error> {
    let inbox: Option<i64> = row.get(2)?;
    match topic {
        Topic::Org(wanted) if wanted != org => return Ok(None),
        Topic::Inbox(wanted) if inbox != Some(wanted.0) => return Ok(None),
        Topic::Tree(_) if inbox.is_none() => return Ok(None),
        _ => {}
    }
    let detail = blob(row.get_ref(6)?)?;
    // Each octet counts, also of a row of another topic: the set of UIDs of an EXPUNGE can be
    // longer than all else.
    *octets += ROW_BYTES + detail.len();
    for column in [4, 5] {
        if let ValueRef::Blob(octets_of) = row.get_ref(column)? {
            *octets += octets_of.len();
        }
    }
    let path = match row.get_ref(4)? {
        ValueRef::Null => None,
        value => Some(paths.read(blob(value)?, detail)?),
    };
    if let (Topic::Tree(wanted), Some(path)) = (topic, &path)
        && path.id != wanted
        && !path.ancestors.contains(&wanted)
        && !(format::is_move(detail) && format::decode_change(detail)?.0.left().contains(&wanted))
    {
        return Ok(None);
    }
    let uids = match row.get_ref(5)? {
        ValueRef::Null => UidSet::new(),
        value => format::decode_uids(blob(value)?, detail)?,
    };
    let (change, depth) = format::decode_change(detail)?;
    debug_assert_eq!(path.as_ref().map(|p| p.id), inbox.map(InboxId));
    let event = Event {
        org,
        seq: uint(row.get(0)?),
        at: row.get(1)?,
        inbox: path,
        mailbox: row.get::<_, Option<i64>>(3)?.map(MailboxId),
        uids,
        change,
        depth,
        origin: None,
    };
    match topic {
        Topic::Key(key) if !event.ends_key(Some(key)) => Ok(None),
        // Its row goes with the organization: it is published, and never read.
        Topic::OrgEnd(_) | Topic::Reader(_) => Ok(None),
        Topic::Key(_) | Topic::Org(_) | Topic::Inbox(_) | Topic::Tree(_) => Ok(Some(event)),
    }
}

/// The octets that the log has of what happened: a measure of what clients are told of it.
pub fn told_octets(event: &Event) -> Result<usize, Error> {
    Ok(format::encode_change(&event.change, event.depth)?.len())
}

/// The path of the row before: most rows of a page are of one inbox, or of few.
#[derive(Default)]
pub(super) struct LastPath {
    octets: Vec<u8>,
    is_plain: bool,
    path: Option<Arc<InboxPath>>,
}

impl LastPath {
    /// The path of a row.
    fn read(&mut self, octets: &[u8], detail: &[u8]) -> Result<Arc<InboxPath>, Error> {
        let is_plain = format::is_plain_row(detail);
        if let Some(path) = &self.path
            && self.is_plain == is_plain
            && self.octets == octets
        {
            return Ok(Arc::clone(path));
        }
        let path = Arc::new(format::decode_path(octets, detail)?);
        self.octets.clear();
        self.octets.extend_from_slice(octets);
        self.is_plain = is_plain;
        self.path = Some(Arc::clone(&path));
        Ok(path)
    }
}

fn blob<'r>(value: ValueRef<'r>) -> Result<&'r [u8], Error> {
    value.as_blob().map_err(|_| Error::Corrupt("event"))
}

/// Rows that one page reads: about 5 ms when none of them concerns the topic.
const SCAN_ROWS: usize = 4000;

/// Octets of stored rows that one page decodes. This bounds its memory, and the JSON that is made
/// of it.
const SCAN_OCTETS: usize = 256 << 10;

/// Octets of a row beside its path, UIDs and detail.
const ROW_BYTES: usize = 64;

/// Logs that one call of [`Store::trim_events`] looks at.
const TRIMMED_LOGS: usize = 50;

/// The most rows of a log, whatever their age (DECISIONS.md, "Events and cursors").
const EVENTS_KEPT_MAX: u64 = 1_000_000;
