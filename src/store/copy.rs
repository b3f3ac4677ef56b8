//! COPY and MOVE: the target gets new UIDs in the order of the source's. A copy shares the
//! body and gets an id of its own; a moved entry keeps its id (decisions.md, words).

use super::event::NewEvent;
use super::expunge::Gone;
use super::mailbox::Delta;
use super::{Error, Mailbox, Place, Store, int};
use crate::call::{
    BULK_MESSAGES_MAX, Bulk, Change, ConnId, EntryId, Event, Flags, Now, Refusal, UidSet,
};

/// What COPY or MOVE did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Copied {
    /// UIDs in the source.
    pub from: UidSet,
    /// UIDs in the target, in the same order.
    pub to: UidSet,
    /// Number of the last row of the log that it wrote; 0 for none.
    pub modseq: u64,
}

impl Store {
    /// Copies the entries in `uids` that are there, or with `remove` moves them. All of the
    /// inbox together stays within `bytes_max`, else `OverQuota` and nothing.
    pub fn copy(
        &self,
        (now, origin): (Now, ConnId),
        (place, source, target): (&Place, &Mailbox, &Mailbox),
        uids: &UidSet,
        (remove, bytes_max): (bool, u64),
        events: &mut Vec<Event>,
    ) -> Result<Copied, Error> {
        let entries = self.going(source, uids, Flags::NONE)?;
        if entries.is_empty() {
            return Ok(Copied::default());
        }
        let n = u32::try_from(entries.len()).unwrap_or(u32::MAX);
        let bytes: u64 = entries.iter().map(|e| u64::from(e.size)).sum();
        if !remove && place.bytes.saturating_add(bytes) > bytes_max {
            return Err(Refusal::OverQuota.into());
        }
        let stamp = self.next_seq(source.org, now)?;
        let mut delta = Delta {
            uids: n,
            ..Delta::default()
        };
        for entry in &entries {
            delta.messages += 1;
            delta.unseen += i64::from(!entry.flags.has(Flags::SEEN));
            delta.deleted += i64::from(entry.flags.has(Flags::DELETED));
            delta.bytes += i64::from(entry.size);
        }
        let first = self.count(target, stamp.seq, &delta)?;
        if !remove {
            self.count_inbox(source.inbox, delta.messages, delta.bytes)?;
        }
        for (uid, entry) in (first..).zip(&entries) {
            if remove {
                self.move_entry(source, target, entry, uid, stamp.seq)?;
            } else {
                self.copy_entry(now, (source, target), entry, uid, stamp.seq)?;
            }
        }
        let to = UidSet::from(first..=first + (n - 1));
        let shown = (BULK_MESSAGES_MAX as u32).min(n);
        let first = UidSet::from(first..=first + (shown - 1));
        let event = NewEvent {
            inbox: Some(place.path.clone()),
            mailbox: Some(target.id),
            uids: to.clone(),
            change: Change::Copied(Bulk {
                messages: self.states(target, &first)?,
                count: n,
                folder: target.name.clone(),
            }),
        };
        self.put_event(stamp, origin, event, events)?;
        let mut modseq = stamp.seq;
        if remove {
            let stamp = self.next_seq(source.org, now)?;
            modseq = stamp.seq;
            let to = Some(target.id);
            self.record_gone((stamp, origin), (place, source), &entries, to, events)?;
        }
        Ok(Copied {
            from: entries.iter().map(|e| e.uid).collect(),
            to,
            modseq,
        })
    }

    fn copy_entry(
        &self,
        now: Now,
        (source, target): (&Mailbox, &Mailbox),
        entry: &Gone,
        uid: u32,
        modseq: u64,
    ) -> Result<(), Error> {
        let id = EntryId(self.mint_id(now));
        self.hold_body(source.org, entry.body)?;
        self.apart().run(
            "INSERT INTO entry (mailbox, uid, id, org, inbox, body, thread, modseq, flags,
                 keywords, arrival, received_at, size, prefix)
             SELECT ?3, ?4, ?5, org, inbox, body, thread, ?6, flags, keywords, arrival,
                 received_at, size, prefix
             FROM entry WHERE mailbox = ?1 AND uid = ?2 AND org = ?7",
            [
                source.id.0,
                entry.uid.into(),
                target.id.0,
                uid.into(),
                id.0,
                int(modseq),
                source.org.0,
            ],
        )?;
        Ok(())
    }

    fn move_entry(
        &self,
        source: &Mailbox,
        target: &Mailbox,
        entry: &Gone,
        uid: u32,
        modseq: u64,
    ) -> Result<(), Error> {
        self.apart().run(
            "UPDATE entry SET mailbox = ?3, uid = ?4, modseq = ?5
             WHERE mailbox = ?1 AND uid = ?2 AND org = ?6",
            [
                source.id.0,
                entry.uid.into(),
                target.id.0,
                uid.into(),
                int(modseq),
                source.org.0,
            ],
        )?;
        Ok(())
    }
}
