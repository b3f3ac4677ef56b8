//! Flags and keywords of entries, changed by one call. The call takes one number of the log and
//! writes one row. Only entries whose state changes get the number as MODSEQ.
//!
//! A call changes as many entries as its bound allows and says which are left. So neither its work
//! nor its answer grows with the mailbox.

use super::entry::{PieceBound, pack_keywords, shown_states, words_bytes};
use super::event::NewEvent;
use super::keyword::KeywordUses;
use super::mailbox::Delta;
use super::{Error, InboxPlace, MailboxRecord, Store, int};
use crate::call::{
    Bulk, Change, ConnId, Countable, EntryState, Event, FlagChange, Flags, Now, Refusal, UidSet,
    is_server_label,
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
    /// The most keywords of one entry.
    pub keywords_max: usize,
    /// The most that one call changes.
    pub bound: PieceBound,
}

/// What a call has changed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Flagged {
    /// The new state of every entry that passed `unchanged_since`.
    pub rows: Vec<EntryState>,
    /// The entries that did not pass.
    pub modified: UidSet,
    /// The entries that the bound has left for the next call.
    pub rest: UidSet,
}

/// The keywords of a change, found by their name in the logarithm of their number: a row can have
/// as many keywords as a change, and a call has many rows.
struct Asked<'a> {
    update: &'a FlagUpdate<'a>,
    /// In lower case and sorted, each with its place in the change.
    sorted: Vec<(String, usize)>,
}

impl<'a> Asked<'a> {
    fn new(update: &'a FlagUpdate<'a>) -> Self {
        let lower = update.keywords.iter().map(|word| word.to_ascii_lowercase());
        let mut sorted: Vec<(String, usize)> = lower.zip(0..).collect();
        sorted.sort_unstable();
        sorted.dedup_by(|later, first| later.0 == first.0);
        Asked { update, sorted }
    }

    /// The place of a keyword in the change.
    fn place(&self, word: &str) -> Option<usize> {
        let word = word.to_ascii_lowercase();
        let found = self.sorted.binary_search_by(|row| row.0.cmp(&word)).ok()?;
        self.sorted.get(found).map(|row| row.1)
    }

    /// Changes `state`; whether it differs now.
    fn apply(&self, state: &mut EntryState) -> Result<bool, Refusal> {
        let update = self.update;
        let flags = match update.how {
            FlagChange::Add => state.flags.with(update.flags),
            FlagChange::Remove => state.flags.without(update.flags),
            FlagChange::Replace => update.flags,
        };
        let mut changed = flags != state.flags;
        state.flags = flags;
        let before = state.keywords.len();
        let mut there = vec![false; update.keywords.len()];
        state.keywords.retain(|word| {
            let place = self.place(word);
            if let Some(there) = place.and_then(|place| there.get_mut(place)) {
                *there = true;
            }
            match update.how {
                FlagChange::Add => true,
                FlagChange::Remove => place.is_none(),
                FlagChange::Replace => place.is_some() || is_server_label(word),
            }
        });
        changed |= state.keywords.len() != before;
        if update.how != FlagChange::Remove {
            let mut new: Vec<usize> = self.sorted.iter().map(|row| row.1).collect();
            new.retain(|place| !there.get(*place).is_some_and(|there| *there));
            new.sort_unstable();
            changed |= !new.is_empty();
            let new = new.into_iter().filter_map(|at| update.keywords.get(at));
            state.keywords.extend(new.cloned());
            if changed && state.keywords.len() > update.keywords_max {
                return Err(Refusal::Limit {
                    what: Countable::Keywords,
                    max: update.keywords_max as u64,
                });
            }
        }
        Ok(changed)
    }
}

impl Store {
    /// Changes flags of the entries in `uids`, as many as `update.bound` allows.
    pub fn set_flags(
        &self,
        (now, origin): (Now, Option<ConnId>),
        (place, mailbox): (&InboxPlace, &MailboxRecord),
        uids: &UidSet,
        update: &FlagUpdate<'_>,
        events: &mut Vec<Event>,
    ) -> Result<Flagged, Error> {
        let added = match update.how {
            FlagChange::Remove => 0,
            FlagChange::Add | FlagChange::Replace => words_bytes(update.keywords),
        };
        let (mut states, rest) = self.states_within(mailbox, uids, update.bound, added)?;
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
        let asked = Asked::new(update);
        let mut delta = Delta::default();
        let mut changed = UidSet::new();
        let mut bulk = Vec::new();
        let may_change_keywords = update.how == FlagChange::Replace || !update.keywords.is_empty();
        let (mut more, mut less) = (KeywordUses::default(), KeywordUses::default());
        for (n, state) in states.iter_mut().enumerate() {
            let before = state.flags;
            let held = keywords_len(&state.keywords);
            if may_change_keywords {
                less.add(state.keywords.iter().map(String::as_str));
            }
            let is_changed = asked.apply(state)?;
            if may_change_keywords {
                more.add(state.keywords.iter().map(String::as_str));
            }
            if !is_changed {
                continue;
            }
            let flip = |flag: Flags| i64::from(state.flags.has(flag)) - i64::from(before.has(flag));
            delta.unseen -= flip(Flags::SEEN);
            delta.deleted += flip(Flags::DELETED);
            delta.extra += keywords_len(&state.keywords) - held;
            changed.insert(state.uid);
            bulk.push(n);
        }
        if changed.is_empty() {
            return Ok(Flagged {
                rows: states,
                modified,
                rest,
            });
        }
        let stamp = self.next_seq(mailbox.org, now)?;
        for n in &bulk {
            if let Some(state) = states.get_mut(*n) {
                state.modseq = stamp.seq;
            }
        }
        self.write_states(mailbox, states.iter().filter(|s| s.modseq == stamp.seq))?;
        let ids = bulk.iter().filter_map(|n| states.get(*n)).map(|s| s.id);
        self.note_upstream_changes((mailbox.inbox, now.unix_ms), ids)?;
        self.count(mailbox, stamp.seq, &delta)?;
        if may_change_keywords {
            self.count_keywords(mailbox.id, (more, less), true)?;
        }
        if delta.extra != 0 {
            self.count_cost(mailbox.inbox, delta.extra)?;
        }
        let event = NewEvent {
            inbox: Some(place.path.clone()),
            mailbox: Some(mailbox.id),
            uids: changed,
            change: Change::Flagged(Bulk {
                messages: shown_states(bulk.iter().filter_map(|n| states.get(*n))),
                count: u32::try_from(bulk.len()).unwrap_or(u32::MAX),
                folder: mailbox.name.clone(),
                details: Vec::new(),
            }),
        };
        self.put_event(stamp, origin, event, events)?;
        Ok(Flagged {
            rows: states,
            modified,
            rest,
        })
    }
}

impl Store {
    /// Takes the labels of the server away from entries that have come to `mailbox` with the number
    /// `modseq`: they say what a message waits for in the mailbox before.
    pub(super) fn drop_server_labels(
        &self,
        mailbox: &MailboxRecord,
        (uids, modseq): (&UidSet, u64),
    ) -> Result<(), Error> {
        let (mut states, _) = self.states_within(mailbox, uids, PieceBound::ALL, 0)?;
        states.retain(|state| state.keywords.iter().any(|word| is_server_label(word)));
        let mut delta = Delta::default();
        let mut less = KeywordUses::default();
        for state in &mut states {
            let held = keywords_len(&state.keywords);
            let dropped = state.keywords.iter().map(String::as_str);
            less.add(dropped.filter(|word| is_server_label(word)));
            state.keywords.retain(|word| !is_server_label(word));
            delta.extra += keywords_len(&state.keywords) - held;
        }
        self.write_states(mailbox, states.iter())?;
        self.count(mailbox, modseq, &delta)?;
        self.count_keywords(mailbox.id, (KeywordUses::default(), less), false)?;
        self.count_cost(mailbox.inbox, delta.extra)
    }

    /// Writes changed states, which ascend. Consecutive entries with the same state are one
    /// statement: the entries of a large command mostly have the same state.
    fn write_states<'a>(
        &self,
        mailbox: &MailboxRecord,
        states: impl Iterator<Item = &'a EntryState>,
    ) -> Result<(), Error> {
        let write = |first: &EntryState, high: u32| {
            self.direct().run(
                "UPDATE OR FAIL entry SET modseq = ?4, flags = ?5, keywords = ?6,
                     state_sum = row_sum(mailbox, uid, id, ?4, ?5, ?6)
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

/// Octets of keywords as they are stored.
fn keywords_len(keywords: &[String]) -> i64 {
    let words: usize = keywords.iter().map(String::len).sum();
    (words + keywords.len().saturating_sub(1)) as i64
}
