//! EXPUNGE, and the source side of MOVE. Expunged UIDs are remembered as ranges for each mailbox.
//! The ranges outlive the log.

use core::ops::ControlFlow;

use super::entry::{read_flags, spans};
use super::event::{NewEvent, Stamp};
use super::keyword::KeywordUses;
use super::mailbox::Delta;
use super::{Error, InboxPlace, MailboxRecord, Store, int, uint32};
use crate::call::{
    BULK_MESSAGES_MAX, BodyId, Change, ConnId, EntryId, Event, ExpiryReason, Flags, MailboxId, Now,
    SpecialUse, UidSet,
};

/// An entry that leaves its mailbox.
#[derive(Clone, Copy, Debug)]
pub(super) struct LeavingEntry {
    pub uid: u32,
    pub id: EntryId,
    pub body: BodyId,
    pub size: u32,
    pub flags: Flags,
    /// What it costs on disk beyond the fixed cost of an entry.
    pub extra: i64,
}

/// Why entries leave their mailbox.
#[derive(Clone, Copy, Debug)]
pub(super) enum Departure {
    /// A client has deleted them.
    Deleted,
    /// They go to another mailbox.
    To(MailboxId),
    /// They have ended by themselves.
    Ended(ExpiryReason),
}

impl Store {
    /// Expunges entries with `\Deleted`: those in `uids`, or all without `uids`. With `NONE` as
    /// `flag` it expunges all in `uids`. Gives the UIDs and the MODSEQ of the mailbox after it.
    pub fn expunge(
        &self,
        (now, origin): (Now, Option<ConnId>),
        (place, mailbox): (&InboxPlace, &MailboxRecord),
        uids: Option<&UidSet>,
        flag: Flags,
        events: &mut Vec<Event>,
    ) -> Result<(UidSet, u64), Error> {
        let everything = UidSet::from(1..=u32::MAX);
        let uids = uids.unwrap_or(&everything);
        let most = (usize::MAX, usize::MAX);
        let (gone, modseq, _) =
            self.expunge_some((now, origin), (place, mailbox), (uids, flag), most, events)?;
        Ok((gone, modseq))
    }

    /// The same for up to `most` entries of the first `looks` that it looks at; also the UID at
    /// which it has stopped.
    pub fn expunge_some(
        &self,
        (now, origin): (Now, Option<ConnId>),
        (place, mailbox): (&InboxPlace, &MailboxRecord),
        (uids, flag): (&UidSet, Flags),
        most: (usize, usize),
        events: &mut Vec<Event>,
    ) -> Result<(UidSet, u64, Option<u32>), Error> {
        self.expunge_to(
            (now, origin),
            (place, mailbox),
            (uids, flag),
            (most, Departure::Deleted),
            events,
        )
    }

    /// Takes entries out of a mailbox to store them in another one: the log tells of a move.
    pub fn take_out(
        &self,
        (now, origin): (Now, Option<ConnId>),
        (place, mailbox): (&InboxPlace, &MailboxRecord),
        (uids, to): (&UidSet, MailboxId),
        events: &mut Vec<Event>,
    ) -> Result<(), Error> {
        let how = ((usize::MAX, usize::MAX), Departure::To(to));
        let what = (uids, Flags::NONE);
        self.expunge_to((now, origin), (place, mailbox), what, how, events)?;
        Ok(())
    }

    /// Deletes entries that end by themselves: the log says why.
    pub fn end_entries(
        &self,
        now: Now,
        (place, mailbox): (&InboxPlace, &MailboxRecord),
        (uids, reason): (&UidSet, ExpiryReason),
        events: &mut Vec<Event>,
    ) -> Result<(), Error> {
        let how = ((usize::MAX, usize::MAX), Departure::Ended(reason));
        let what = (uids, Flags::NONE);
        self.expunge_to((now, None), (place, mailbox), what, how, events)?;
        Ok(())
    }

    fn expunge_to(
        &self,
        (now, origin): (Now, Option<ConnId>),
        (place, mailbox): (&InboxPlace, &MailboxRecord),
        (uids, flag): (&UidSet, Flags),
        (most, how): ((usize, usize), Departure),
        events: &mut Vec<Event>,
    ) -> Result<(UidSet, u64, Option<u32>), Error> {
        if flag == Flags::DELETED && mailbox.deleted == 0 {
            return Ok((UidSet::new(), mailbox.highest_modseq, None));
        }
        let (going, uses, stopped) = self.going_some(mailbox, uids, flag, most)?;
        if going.is_empty() {
            return Ok((UidSet::new(), mailbox.highest_modseq, stopped));
        }
        let stamp = self.next_seq(mailbox.org, now)?;
        let set: UidSet = going.iter().map(|gone| gone.uid).collect();
        for &(low, high) in set.ranges() {
            self.direct().run(
                "DELETE FROM entry WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3 AND org = ?4",
                [mailbox.id.0, low.into(), high.into(), mailbox.org.0],
            )?;
        }
        if going.len() <= AT_ONCE {
            for gone in &going {
                self.drop_body(mailbox.org, gone.body, true)?;
            }
        } else {
            self.recount_bodies(going.iter().map(|gone| gone.body), -1)?;
        }
        let bytes: i64 = going.iter().map(|gone| i64::from(gone.size)).sum();
        self.count_inbox(mailbox.inbox, -(going.len() as i64), -bytes)?;
        let extra: i64 = going.iter().map(|gone| gone.extra).sum();
        self.count_cost(mailbox.inbox, -extra)?;
        self.count_keywords(mailbox.id, (KeywordUses::default(), uses), false)?;
        self.record_leaving((stamp, origin), (place, mailbox), &going, how, events)?;
        let ids = going.iter().map(|gone| gone.id);
        match how {
            Departure::Ended(_) => self.part_upstream_entries(mailbox.inbox, ids)?,
            Departure::Deleted | Departure::To(_) => {
                self.note_upstream_changes((mailbox.inbox, now.unix_ms), ids)?;
            }
        }
        // Behind it, since what is cancelled is told with its metadata.
        if !matches!(how, Departure::To(_)) {
            self.forget_beside(mailbox.org, going.iter().map(|gone| gone.id))?;
        }
        Ok((set, stamp.seq, stopped))
    }

    /// Records that entries leave a mailbox: its counters, the ranges for resynchronisation, the
    /// event.
    pub(super) fn record_leaving(
        &self,
        (stamp, origin): (Stamp, Option<ConnId>),
        (place, mailbox): (&InboxPlace, &MailboxRecord),
        going: &[LeavingEntry],
        how: Departure,
        events: &mut Vec<Event>,
    ) -> Result<(), Error> {
        let mut delta = Delta::default();
        for gone in going {
            delta.messages -= 1;
            delta.unseen -= i64::from(!gone.flags.has(Flags::SEEN));
            delta.deleted -= i64::from(gone.flags.has(Flags::DELETED));
            delta.bytes -= i64::from(gone.size);
            delta.extra -= gone.extra;
        }
        self.count(mailbox, stamp.seq, &delta)?;
        let cancelled = match mailbox.special {
            Some(SpecialUse::Drafts) => {
                let entries = going.iter().map(|gone| gone.id);
                self.cancel_waiting((mailbox.org, stamp.at), entries)?
            }
            _ => Vec::new(),
        };
        let uids: UidSet = going.iter().map(|gone| gone.uid).collect();
        for &(low, high) in uids.ranges() {
            self.direct().run(
                "INSERT INTO expunged (mailbox, modseq, low, high, sum)
                 VALUES (?1, ?2, ?3, ?4, row_sum(?1, ?2, ?3, ?4))",
                [mailbox.id.0, int(stamp.seq), low.into(), high.into()],
            )?;
        }
        let event = NewEvent {
            inbox: Some(place.path.clone()),
            mailbox: Some(mailbox.id),
            uids,
            change: Change::Expunged {
                messages: going.iter().take(BULK_MESSAGES_MAX).map(|g| g.id).collect(),
                count: u32::try_from(going.len()).unwrap_or(u32::MAX),
                moved_to: match how {
                    Departure::To(mailbox) => Some(mailbox),
                    Departure::Deleted | Departure::Ended(_) => None,
                },
                folder: mailbox.name.clone(),
                reason: match how {
                    Departure::Ended(reason) => Some(reason),
                    Departure::Deleted | Departure::To(_) => None,
                },
            },
        };
        self.put_event(stamp, origin, event, events)?;
        for change in cancelled {
            let stamp = self.next_seq_at(mailbox.org, stamp.at)?;
            let event = NewEvent {
                inbox: Some(place.path.clone()),
                mailbox: None,
                uids: UidSet::new(),
                change,
            };
            self.put_event(stamp, None, event, events)?;
        }
        Ok(())
    }

    /// UIDs that were expunged after `since`.
    #[cfg(test)]
    pub(super) fn expunged_since(
        &self,
        mailbox: &MailboxRecord,
        since: u64,
    ) -> Result<UidSet, Error> {
        let ranges = self.direct().all(
            "SELECT low, high FROM expunged WHERE mailbox = ?1 AND modseq > ?2",
            [mailbox.id.0, int(since)],
            |r| Ok((uint32(r.get(0)?), uint32(r.get(1)?))),
        )?;
        Ok(UidSet::from_ranges(ranges))
    }

    /// Removes the oldest ranges of expunged UIDs of mailboxes that have more than a mailbox keeps,
    /// at most `rows` of them; whether it has removed some. The mailbox knows expunged UIDs from a
    /// later MODSEQ on then: a client that was away for longer compares all UIDs. Each
    /// call looks at some mailboxes, and goes on where the last one ended.
    pub fn trim_expunged(&self, rows: u32) -> Result<bool, Error> {
        for _ in 0..TRIMMED_MAILBOXES {
            let next = self.one(
                "SELECT mailbox FROM expunged WHERE mailbox > ?1 ORDER BY mailbox LIMIT 1",
                [self.expunged_from.get()],
                |r| r.get::<_, i64>(0),
            )?;
            let Some(mailbox) = next else {
                self.expunged_from.set(0);
                return Ok(false);
            };
            let crowded = self.direct().one(
                "SELECT modseq FROM expunged WHERE mailbox = ?1
                 ORDER BY modseq DESC, low DESC LIMIT 1 OFFSET ?2",
                [mailbox, EXPUNGED_MAX],
                |r| r.get::<_, i64>(0),
            )?;
            if let Some(upto) = crowded {
                self.run(
                    "UPDATE mailbox SET expunged_floor = max(expunged_floor, ?2) WHERE id = ?1",
                    [mailbox, upto],
                )?;
                self.direct().run(
                    "DELETE FROM expunged WHERE mailbox = ?1 AND (modseq, low) IN
                         (SELECT modseq, low FROM expunged WHERE mailbox = ?1 AND modseq <= ?2
                          ORDER BY modseq, low LIMIT ?3)",
                    [mailbox, upto, rows.into()],
                )?;
                return Ok(true);
            }
            self.expunged_from.set(mailbox);
        }
        Ok(false)
    }

    /// Entries in `uids`, and their keywords.
    pub(super) fn going(
        &self,
        mailbox: &MailboxRecord,
        uids: &UidSet,
    ) -> Result<(Vec<LeavingEntry>, KeywordUses), Error> {
        let most = (usize::MAX, usize::MAX);
        let (going, uses, _) = self.going_some(mailbox, uids, Flags::NONE, most)?;
        Ok((going, uses))
    }

    /// Entries in `uids` that have all of `flag`: up to `most` of the first `looks` that are looked
    /// at, their keywords, and the UID at which it has stopped.
    fn going_some(
        &self,
        mailbox: &MailboxRecord,
        uids: &UidSet,
        flag: Flags,
        (looks, most): (usize, usize),
    ) -> Result<(Vec<LeavingEntry>, KeywordUses, Option<u32>), Error> {
        let mut going = Vec::new();
        let mut uses = KeywordUses::default();
        let (mut looked, mut stopped) = (0, None);
        for (low, high) in spans(uids) {
            let end = self.direct().each(
                "SELECT uid, flags, id, body, size, extra + coalesce(length(keywords), 0),
                     keywords
                 FROM entry
                 WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3 AND org = ?4
                 ORDER BY uid",
                [mailbox.id.0, low.into(), high.into(), mailbox.org.0],
                |r| {
                    let (uid, flags) = (uint32(r.get(0)?), read_flags(r, 1)?);
                    if looked >= looks || going.len() >= most {
                        stopped = Some(uid);
                        return Ok(ControlFlow::Break(()));
                    }
                    looked += 1;
                    if flags.has(flag) && uids.contains(uid) {
                        uses.add_stored(r.get_ref(6)?);
                        going.push(LeavingEntry {
                            uid,
                            id: EntryId(r.get(2)?),
                            body: BodyId(r.get(3)?),
                            size: uint32(r.get(4)?),
                            flags,
                            extra: r.get(5)?,
                        });
                    }
                    Ok(ControlFlow::Continue(()))
                },
            )?;
            if end.is_break() {
                break;
            }
        }
        Ok((going, uses, stopped))
    }
}

/// Ranges of expunged UIDs that a mailbox keeps: about half a megabyte.
pub(super) const EXPUNGED_MAX: i64 = 10_000;

/// Mailboxes that one call of [`Store::trim_expunged`] looks at.
const TRIMMED_MAILBOXES: usize = 100;

/// A command on up to this many entries counts and frees their bodies itself. A larger one leaves
/// that to [`Store::reclaim`].
pub(super) const AT_ONCE: usize = 50;
