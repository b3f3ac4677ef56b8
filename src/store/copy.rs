//! COPY and MOVE. The target gets new UIDs in the order of the UIDs in the source. A copy shares
//! the body and gets an id of its own. A moved entry keeps its id.

use super::entry::shown_states;
use super::event::NewEvent;
use super::expunge::{AT_ONCE, Departure, LeavingEntry};
use super::keyword::KeywordUses;
use super::mailbox::Delta;
use super::{Error, InboxPlace, MailboxRecord, Store, int};
use crate::call::{
    BULK_MESSAGES_MAX, Bulk, Change, ConnId, Event, Flags, INBOX, Noun, Now, Refusal, SpecialUse,
    UidSet,
};

/// What COPY or MOVE did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Copied {
    /// UIDs in the source.
    pub from: UidSet,
    /// UIDs in the target, in the same order.
    pub to: UidSet,
    /// Number of the last row of the log that the command wrote; 0 for none.
    pub modseq: u64,
}

impl Store {
    /// Copies the entries in `uids` that are there; with `remove`, moves them. An inbox that
    /// would exceed `bytes_max` gives `OverQuota`, and nothing is copied.
    pub fn copy(
        &self,
        (now, origin): (Now, Option<ConnId>),
        (place, source, target): (&InboxPlace, &MailboxRecord, &MailboxRecord),
        uids: &UidSet,
        (remove, bytes_max): (bool, u64),
        events: &mut Vec<Event>,
    ) -> Result<Copied, Error> {
        let (entries, uses) = self.going(source, uids)?;
        if entries.is_empty() {
            return Ok(Copied::default());
        }
        let n = u32::try_from(entries.len()).unwrap_or(u32::MAX);
        let bytes: u64 = entries.iter().map(|e| u64::from(e.size)).sum();
        if !remove && place.stored.saturating_add(bytes) > bytes_max {
            let (of, max) = (Noun::Inbox, bytes_max);
            return Err(Refusal::OverQuota { of, max }.into());
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
            delta.extra += entry.extra;
        }
        let first = self.count(target, stamp.seq, &delta)?;
        if !remove {
            self.count_inbox(source.inbox, delta.messages, delta.bytes)?;
            self.count_cost(source.inbox, delta.extra)?;
        }
        // A message can always be thrown away: Trash takes its keywords beyond the limit.
        let is_bound = !remove || target.special != Some(SpecialUse::Trash);
        let has_server_label = uses.have_server_label();
        self.count_keywords(target.id, (uses.clone(), KeywordUses::default()), is_bound)?;
        if remove {
            self.count_keywords(source.id, (KeywordUses::default(), uses), false)?;
            self.move_entries((source, target), &entries, first, stamp.seq)?;
        } else {
            self.copy_entries(now, (source, target), &entries, first, stamp.seq)?;
        }
        let to = UidSet::from(first..=first + (n - 1));
        if has_server_label {
            self.drop_server_labels(target, (&to, stamp.seq))?;
        }
        let shown = (BULK_MESSAGES_MAX as u32).min(n);
        let shown = (first, first + (shown - 1));
        // Clients wait for mail in INBOX, and hear of nothing that leads to other folders.
        let shown_uids = UidSet::from(shown.0..=shown.1);
        let details = match target.name == INBOX {
            true => self.details(target, shown)?,
            false => Vec::new(),
        };
        let event = NewEvent {
            inbox: Some(place.path.clone()),
            mailbox: Some(target.id),
            uids: to.clone(),
            change: Change::Copied(Bulk {
                messages: shown_states(self.states(target, &shown_uids)?.iter()),
                count: n,
                folder: target.name.clone(),
                details,
            }),
        };
        self.put_event(stamp, origin, event, events)?;
        let mut modseq = stamp.seq;
        if remove {
            let stamp = self.next_seq(source.org, now)?;
            modseq = stamp.seq;
            let to = Departure::To(target.id);
            self.record_leaving((stamp, origin), (place, source), &entries, to, events)?;
            let ids = entries.iter().map(|entry| entry.id);
            self.note_upstream_changes((source.inbox, now.unix_ms), ids)?;
        }
        Ok(Copied {
            from: entries.iter().map(|e| e.uid).collect(),
            to,
            modseq,
        })
    }

    /// Copies `entries` to UIDs from `first` on.
    fn copy_entries(
        &self,
        now: Now,
        (source, target): (&MailboxRecord, &MailboxRecord),
        entries: &[LeavingEntry],
        first: u32,
        modseq: u64,
    ) -> Result<(), Error> {
        if entries.len() <= AT_ONCE {
            for entry in entries {
                self.hold_body(source.org, entry.body)?;
            }
        } else {
            self.recount_bodies(entries.iter().map(|entry| entry.body), 1)?;
        }
        let id = self.new_ids(now, u32::try_from(entries.len()).unwrap_or(u32::MAX));
        for run in runs(entries) {
            let up = run.up(first);
            // OR FAIL here and below: on an error the savepoint of the call undoes the statement.
            // With ABORT, SQLite would also keep a journal for each statement.
            self.direct().run(
                "INSERT OR FAIL INTO entry (mailbox, uid, id, org, inbox, body, thread, modseq,
                     flags, keywords, arrival, received_at, size, prefix, extra, report, sum,
                     state_sum, report_sum)
                 SELECT ?4, uid + ?5, uid + ?6, org, inbox, body, thread, ?7, flags, keywords,
                     arrival, received_at, size, prefix, extra, report,
                     row_sum(uid + ?6, org, inbox, body, thread, arrival, received_at, size,
                         prefix),
                     row_sum(?4, uid + ?5, uid + ?6, ?7, flags, keywords),
                     row_sum(uid + ?6, report)
                 FROM entry WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3 AND org = ?8",
                [
                    source.id.0,
                    run.low.into(),
                    run.high.into(),
                    target.id.0,
                    up,
                    id.saturating_add(up) - i64::from(first),
                    int(modseq),
                    source.org.0,
                ],
            )?;
        }
        Ok(())
    }

    /// Moves `entries` to UIDs from `first` on.
    fn move_entries(
        &self,
        (source, target): (&MailboxRecord, &MailboxRecord),
        entries: &[LeavingEntry],
        first: u32,
        modseq: u64,
    ) -> Result<(), Error> {
        for run in runs(entries) {
            self.direct().run(
                "UPDATE OR FAIL entry SET mailbox = ?4, uid = uid + ?5, modseq = ?6,
                     state_sum = row_sum(?4, uid + ?5, id, ?6, flags, keywords)
                 WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3 AND org = ?7",
                [
                    source.id.0,
                    run.low.into(),
                    run.high.into(),
                    target.id.0,
                    run.up(first),
                    int(modseq),
                    source.org.0,
                ],
            )?;
        }
        Ok(())
    }
}

/// Entries with consecutive UIDs; `before` entries come before them.
struct Run {
    low: u32,
    high: u32,
    before: usize,
}

impl Run {
    /// The difference between the UIDs in the target and those here; the first entry of all gets
    /// `first`.
    fn up(&self, first: u32) -> i64 {
        i64::from(first) + self.before as i64 - i64::from(self.low)
    }
}

/// Groups entries into runs: a command names few runs of many entries, so one statement for each
/// run costs little.
fn runs(entries: &[LeavingEntry]) -> impl Iterator<Item = Run> {
    let mut before = 0;
    entries
        .chunk_by(|a, b| a.uid.checked_add(1) == Some(b.uid))
        .filter_map(move |run| {
            let from = before;
            before += run.len();
            Some(Run {
                low: run.first()?.uid,
                high: run.last()?.uid,
                before: from,
            })
        })
}
