//! Flags and keywords of many entries, changed by one command. The command takes one number of
//! the log and writes one row. Only entries whose state changes get the number as MODSEQ.

use super::entry::pack_keywords;
use super::event::NewEvent;
use super::mailbox::Delta;
use super::{Error, InboxPlace, MailboxRecord, Store, int};
use crate::call::{
    BULK_MESSAGES_MAX, Bulk, Change, ConnId, Countable, EntryState, Event, FlagChange, Flags, Now,
    Refusal, UidSet,
};

/// The change that STORE asks for.
#[derive(Clone, Copy, Debug)]
pub struct FlagUpdate<'a> {
    /// Add, remove or replace.
    pub how: FlagChange,
    /// System flags.
    pub flags: Flags,
    /// Keywords, each an atom.
    pub keywords: &'a [String],
    /// Entries with a higher MODSEQ stay as they are (RFC 7162 section 3.1.3).
    pub unchanged_since: Option<u64>,
}

impl FlagUpdate<'_> {
    /// Changes `state`; whether it differs now.
    fn apply(&self, state: &mut EntryState) -> Result<bool, Refusal> {
        let flags = match self.how {
            FlagChange::Add => state.flags.with(self.flags),
            FlagChange::Remove => state.flags.without(self.flags),
            FlagChange::Replace => self.flags,
        };
        let mut changed = flags != state.flags;
        state.flags = flags;
        let given = |word: &String| self.keywords.iter().any(|k| k.eq_ignore_ascii_case(word));
        let before = state.keywords.len();
        match self.how {
            FlagChange::Add => {}
            FlagChange::Remove => state.keywords.retain(|word| !given(word)),
            FlagChange::Replace => state.keywords.retain(given),
        }
        changed |= state.keywords.len() != before;
        if self.how != FlagChange::Remove {
            for word in self.keywords {
                if !state.keywords.iter().any(|k| k.eq_ignore_ascii_case(word)) {
                    state.keywords.push(word.clone());
                    changed = true;
                }
            }
            if changed && state.keywords.len() > KEYWORDS_MAX {
                return Err(Refusal::Limit {
                    what: Countable::Keywords,
                    max: KEYWORDS_MAX as u64,
                });
            }
        }
        Ok(changed)
    }
}

impl Store {
    /// Changes flags of the entries in `uids`. Gives the new state of every entry that passed
    /// `unchanged_since`, and the UIDs that did not pass.
    pub fn set_flags(
        &self,
        (now, origin): (Now, Option<ConnId>),
        (place, mailbox): (&InboxPlace, &MailboxRecord),
        uids: &UidSet,
        update: &FlagUpdate<'_>,
        events: &mut Vec<Event>,
    ) -> Result<(Vec<EntryState>, UidSet), Error> {
        let mut states = self.states(mailbox, uids)?;
        let mut modified = UidSet::new();
        if let Some(most) = update.unchanged_since {
            states.retain(|state| {
                let passes = state.modseq <= most;
                if !passes {
                    modified.insert(state.uid);
                }
                passes
            });
        }
        let mut delta = Delta::default();
        let mut changed = UidSet::new();
        let mut bulk = Vec::new();
        for (n, state) in states.iter_mut().enumerate() {
            let before = state.flags;
            if !update.apply(state)? {
                continue;
            }
            let flip = |flag: Flags| i64::from(state.flags.has(flag)) - i64::from(before.has(flag));
            delta.unseen -= flip(Flags::SEEN);
            delta.deleted += flip(Flags::DELETED);
            changed.insert(state.uid);
            bulk.push(n);
        }
        if changed.is_empty() {
            return Ok((states, modified));
        }
        let stamp = self.next_seq(mailbox.org, now)?;
        for n in &bulk {
            if let Some(state) = states.get_mut(*n) {
                state.modseq = stamp.seq;
            }
        }
        self.write_states(mailbox, states.iter().filter(|s| s.modseq == stamp.seq))?;
        self.count(mailbox, stamp.seq, &delta)?;
        let messages = bulk
            .iter()
            .take(BULK_MESSAGES_MAX)
            .filter_map(|n| states.get(*n).cloned())
            .collect();
        let event = NewEvent {
            inbox: Some(place.path.clone()),
            mailbox: Some(mailbox.id),
            uids: changed,
            change: Change::Flagged(Bulk {
                messages,
                count: u32::try_from(bulk.len()).unwrap_or(u32::MAX),
                folder: mailbox.name.clone(),
                details: Vec::new(),
            }),
        };
        self.put_event(stamp, origin, event, events)?;
        Ok((states, modified))
    }
}

impl Store {
    /// Writes changed states, which ascend. Consecutive entries with the same state are one
    /// statement: the entries of a large command mostly have the same state.
    fn write_states<'a>(
        &self,
        mailbox: &MailboxRecord,
        states: impl Iterator<Item = &'a EntryState>,
    ) -> Result<(), Error> {
        let write = |first: &EntryState, high: u32| {
            self.direct().run(
                "UPDATE OR FAIL entry SET modseq = ?4, flags = ?5, keywords = ?6
                 WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3 AND org = ?7",
                (
                    mailbox.id.0,
                    first.uid,
                    high,
                    int(first.modseq),
                    first.flags.0,
                    pack_keywords(&first.keywords),
                    mailbox.org.0,
                ),
            )
        };
        let mut run: Option<(&EntryState, u32)> = None;
        for state in states {
            run = match run {
                Some((first, high))
                    if high.checked_add(1) == Some(state.uid)
                        && first.flags == state.flags
                        && first.keywords == state.keywords =>
                {
                    Some((first, state.uid))
                }
                other => {
                    if let Some((first, high)) = other {
                        write(first, high)?;
                    }
                    Some((state, state.uid))
                }
            };
        }
        if let Some((first, high)) = run {
            write(first, high)?;
        }
        Ok(())
    }
}

/// The most keywords of one entry: enough for labels, and few enough for a small row.
pub const KEYWORDS_MAX: usize = 64;
