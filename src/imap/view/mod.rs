//! The view: the knowledge of one client about one mailbox, that is its messages in their
//! order, and the changes since then that the client has not been told of.
//!
//! A sequence number is a rank in the set of UIDs that the client was told of. So a change in
//! the store moves no number until the client may be told (RFC 3501 sections 5.5 and 7.4.1). A
//! view holds ranges and cursors, no flags. If the pending changes pass their bound, the view
//! forgets them and lags: the next command that may tell everything compares it with the
//! store. Only SELECT and such a comparison move the floor under which events are known.

use crate::call::{Change, Matches, UidSet};

pub(crate) mod held;
pub(crate) mod open;
pub(crate) mod resolve;
pub(crate) mod tell;
pub(crate) mod told;

/// The meaning of an event for a view.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Happening {
    /// New messages.
    Arrived,
    /// Flags or keywords of messages.
    Changed,
    /// Messages are gone.
    Gone,
}

impl Happening {
    /// `None` for a change that is not about messages.
    pub fn of(change: &Change) -> Option<Happening> {
        match change {
            Change::Arrived(_) | Change::Copied(_) => Some(Happening::Arrived),
            Change::Flagged(_) => Some(Happening::Changed),
            Change::Expunged { .. } => Some(Happening::Gone),
            Change::MailboxCreated { .. }
            | Change::MailboxRenamed { .. }
            | Change::MailboxDeleted { .. }
            | Change::Approval(_)
            | Change::InboxCreated
            | Change::InboxUpdated
            | Change::InboxMoved { .. }
            | Change::InboxDeleted
            | Change::KeyRevoked { .. }
            | Change::DomainVerified { .. }
            | Change::WebhookDisabled(_)
            | Change::OrgDeleted
            | Change::GroupReady { .. }
            | Change::Acknowledged { .. }
            | Change::Outbound(_)
            | Change::AutoReplied { .. } => None,
        }
    }
}

/// The view of one client of one mailbox.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct View {
    /// UIDs that the client knows of; the n-th is message n.
    known: UidSet,
    /// New since then; all above `known`.
    arrived: UidSet,
    /// Among `known`, and removed since.
    gone: UidSet,
    /// Among `known`, with flags that other sessions have changed.
    changed: UidSet,
    /// A UID up to this one can no longer arrive.
    top: u32,
    /// Among `known`, and `\Recent` here.
    recent: UidSet,
    /// The view includes events up to this one.
    floor: u64,
    /// At most the number of the first event that the client has not been told of.
    withheld: Option<u64>,
    /// Too much was pending: everything after this number must be read again.
    lag: Option<u64>,
}

impl View {
    /// The view of a client that has just been told of `uids`, as they were at `as_of`.
    pub fn new(uids: UidSet, uidnext: u32, recent_above: u32, as_of: u64) -> Self {
        let top = uids.last().unwrap_or(0).max(uidnext.saturating_sub(1));
        let recent = match recent_above.checked_add(1) {
            Some(first) => uids.intersection(&UidSet::from(first..=u32::MAX)),
            None => UidSet::new(),
        };
        let view = View {
            known: uids,
            arrived: UidSet::new(),
            gone: UidSet::new(),
            changed: UidSet::new(),
            top,
            recent,
            floor: as_of,
            withheld: None,
            lag: None,
        };
        view.check_invariants();
        view
    }

    /// The UIDs behind the sequence numbers.
    pub fn known(&self) -> &UidSet {
        &self.known
    }

    /// How many messages the client counts.
    pub fn exists(&self) -> u32 {
        u32::try_from(self.known.len()).unwrap_or(u32::MAX)
    }

    /// The value of `*` in a set of UIDs; 0 without messages.
    pub fn largest(&self) -> u32 {
        self.known.last().unwrap_or(0)
    }

    /// The messages that are `\Recent` to this client.
    pub fn recent(&self) -> &UidSet {
        &self.recent
    }

    /// The sequence numbers of the `uids` that the client knows. Linear in ranges.
    pub fn numbers(&self, uids: &UidSet) -> UidSet {
        let (known, asked) = (self.known.ranges(), uids.ranges());
        let mut numbers = Vec::new();
        let (mut k, mut a, mut before) = (0, 0, 0u32);
        while let (Some(&(kl, kh)), Some(&(al, ah))) = (known.get(k), asked.get(a)) {
            let (low, high) = (kl.max(al), kh.min(ah));
            if low <= high {
                let base = before.saturating_add(1);
                numbers.push((
                    base.saturating_add(low - kl),
                    base.saturating_add(high - kl),
                ));
            }
            if kh < ah {
                before = before.saturating_add(kh - kl).saturating_add(1);
                k += 1;
            } else {
                a += 1;
            }
        }
        UidSet::from_ranges(numbers)
    }

    /// The messages of a search that the client knows, in their order: UIDs, or with `uid` off
    /// their sequence numbers.
    pub fn told(&self, found: &Matches, uid: bool) -> Matches {
        let list = match found {
            Matches::Set(set) if uid => return set.intersection(&self.known).into(),
            Matches::Set(set) => return self.numbers(set).into(),
            Matches::Ordered(list) => list.iter().copied(),
        };
        let known = list.clone().collect::<UidSet>().intersection(&self.known);
        let numbers = self.numbers(&known);
        let rows: Vec<(u32, u32)> = known.iter().zip(numbers.iter()).collect();
        let row = |found| rows.binary_search_by_key(&found, |row| row.0);
        Matches::Ordered(
            list.filter_map(|found| rows.get(row(found).ok()?))
                .map(|&(found, number)| if uid { found } else { number })
                .collect(),
        )
    }

    /// The UIDs with these sequence numbers; numbers beyond the last are left out. Linear in
    /// ranges.
    pub fn uids(&self, numbers: &UidSet) -> UidSet {
        let (known, asked) = (self.known.ranges(), numbers.ranges());
        let mut uids = Vec::new();
        let (mut k, mut a, mut before) = (0, 0, 0u32);
        while let (Some(&(kl, kh)), Some(&(al, ah))) = (known.get(k), asked.get(a)) {
            // This range of UIDs has the numbers `first..=last`.
            let first = before.saturating_add(1);
            let last = first.saturating_add(kh - kl);
            let (low, high) = (first.max(al), last.min(ah));
            if low <= high {
                uids.push((kl + (low - first), kl + (high - first)));
            }
            if last < ah {
                before = last;
                k += 1;
            } else {
                a += 1;
            }
        }
        UidSet::from_ranges(uids)
    }

    /// Whether some of `uids` are gone and the client has not been told.
    pub fn misses(&self, uids: &UidSet) -> bool {
        !self.gone.is_empty() && !self.gone.intersection(uids).is_empty()
    }

    /// Takes in one event of this mailbox. Events and replies may come in any order: an event
    /// that is known already changes nothing.
    pub fn happened(&mut self, seq: u64, what: Happening, uids: &UidSet) {
        if seq <= self.floor || self.lag.is_some() {
            return;
        }
        let before = self.pending_ranges();
        match what {
            Happening::Arrived => {
                let new = match self.top.checked_add(1) {
                    Some(first) => uids.intersection(&UidSet::from(first..=u32::MAX)),
                    None => UidSet::new(),
                };
                if let Some(last) = new.last() {
                    self.top = last;
                    self.arrived.add(&new);
                }
            }
            Happening::Changed => {
                let known = uids.intersection(&self.known).difference(&self.gone);
                self.changed.add(&known);
            }
            Happening::Gone => {
                let known = uids.intersection(&self.known);
                self.gone.add(&known);
                if !self.changed.is_empty() {
                    self.changed = self.changed.difference(&known);
                }
                if !self.arrived.is_empty() {
                    self.arrived = self.arrived.difference(uids);
                }
            }
        }
        if self.is_pending() && self.withheld.is_none() {
            self.withheld = Some(seq);
        }
        let after = self.pending_ranges();
        if after > PENDING_RANGES_MAX && after > before {
            self.fall_behind(seq);
        }
        self.settle();
    }

    /// Forgets the pending changes: everything from event `seq` on must be compared with the
    /// store.
    pub fn fall_behind(&mut self, seq: u64) {
        let first = self.withheld.unwrap_or(seq).min(seq);
        if self.lag.is_none() {
            self.lag = Some(first.saturating_sub(1).max(self.floor));
        }
        self.withheld = Some(first);
        self.arrived = UidSet::new();
        self.gone = UidSet::new();
        self.changed = UidSet::new();
        self.check_invariants();
    }

    /// If the view lags: the number after which the changes must be read again.
    pub fn lag(&self) -> Option<u64> {
        self.lag
    }

    /// The answer to that: `uids` exist, `changed` have a MODSEQ above the asked one. The
    /// pending changes may pass the bound then, since they are told at once.
    pub fn compared(&mut self, uids: &UidSet, changed: &UidSet, as_of: u64) {
        self.gone = self.known.difference(uids);
        self.changed = changed.intersection(&self.known).difference(&self.gone);
        // A UID above the known ones is new even if it is below `top`: it arrived before the
        // view fell behind and was forgotten then.
        self.arrived = match self.largest().checked_add(1) {
            Some(first) => uids.intersection(&UidSet::from(first..=u32::MAX)),
            None => UidSet::new(),
        };
        self.top = self.top.max(self.arrived.last().unwrap_or(0));
        self.floor = self.floor.max(as_of);
        self.lag = None;
        self.settle();
    }

    /// Whether there is a change that the client has not been told of.
    pub fn is_pending(&self) -> bool {
        self.lag.is_some()
            || !self.arrived.is_empty()
            || !self.gone.is_empty()
            || !self.changed.is_empty()
    }

    /// The messages whose flags are to be told now; they count as told.
    pub fn take_changed(&mut self) -> UidSet {
        let changed = core::mem::take(&mut self.changed);
        self.settle();
        changed
    }

    /// The number of the first event that is pending, or of the next one.
    pub fn first_pending(&self) -> u64 {
        self.withheld.unwrap_or(self.floor.saturating_add(1))
    }

    /// The flags of these messages could not be read: they are still to be told. `first` is
    /// the number of the first event behind them.
    pub fn put_back_changed(&mut self, uids: &UidSet, first: u64) {
        match &mut self.lag {
            Some(lag) => *lag = (*lag).min(first.saturating_sub(1)),
            None => {
                let known = uids.intersection(&self.known);
                self.changed.add(&known.difference(&self.gone));
            }
        }
        if self.is_pending() {
            self.withheld = Some(self.withheld.map_or(first, |seq| seq.min(first)));
        }
        self.settle();
    }

    /// Takes the new messages in; `true` if there were any: then EXISTS and RECENT are due.
    /// `take` gets the last of their UIDs and returns the last that is not `\Recent`, since
    /// another session has been told of it first.
    pub fn take_arrived(&mut self, take: impl FnOnce(u32) -> u32) -> bool {
        let arrived = core::mem::take(&mut self.arrived);
        let Some(last) = arrived.last() else {
            return false;
        };
        if let Some(first) = take(last).checked_add(1).filter(|first| *first <= last) {
            let recent = arrived.intersection(&UidSet::from(first..=last));
            self.recent.add(&recent);
        }
        // They are above all others: constant time for each range.
        self.known.add(&arrived);
        self.settle();
        true
    }

    /// The sequence numbers to tell as EXPUNGE, at most `max`, highest first, so that no line
    /// moves the number of a later one. They count as told.
    pub fn take_gone(&mut self, max: usize) -> Vec<u32> {
        if self.gone.is_empty() || max == 0 {
            return Vec::new();
        }
        let n = self.gone.len();
        let now = match n.checked_sub(max).and_then(|rank| self.gone.nth(rank)) {
            Some(first) => self.gone.intersection(&UidSet::from(first..=u32::MAX)),
            None => core::mem::take(&mut self.gone),
        };
        let numbers = self.numbers(&now);
        self.gone = self.gone.difference(&now);
        self.known = self.known.difference(&now);
        self.recent = self.recent.difference(&now);
        self.settle();
        let mut descending: Vec<u32> = numbers.iter().collect();
        descending.reverse();
        descending
    }

    /// The HIGHESTMODSEQ that the client may be told, if that of the mailbox is `highest`: less
    /// than that while a change is withheld (RFC 7162 section 3.1.2.1; DECISIONS.md, "IMAP
    /// views").
    pub fn told_modseq(&self, highest: u64) -> u64 {
        match self.withheld {
            Some(seq) => highest.min(seq.saturating_sub(1)),
            None => highest,
        }
    }

    fn pending_ranges(&self) -> usize {
        self.arrived.ranges().len() + self.gone.ranges().len() + self.changed.ranges().len()
    }

    fn settle(&mut self) {
        if !self.is_pending() {
            self.withheld = None;
        }
        self.check_invariants();
    }

    /// Holds in debug builds after every change.
    fn check_invariants(&self) {
        debug_assert!(self.gone.difference(&self.known).is_empty());
        debug_assert!(self.changed.difference(&self.known).is_empty());
        debug_assert!(self.recent.difference(&self.known).is_empty());
        debug_assert!(self.changed.intersection(&self.gone).is_empty());
        debug_assert!(self.arrived.first().is_none_or(|uid| uid > self.largest()));
        debug_assert!(self.top >= self.largest());
        debug_assert!(self.top >= self.arrived.last().unwrap_or(0));
        debug_assert!(self.lag.is_none() || self.pending_ranges() == 0);
        debug_assert!(!self.is_pending() || self.withheld.is_some() || self.lag.is_some());
    }
}

/// With more pending ranges than this (32 KiB) the view is compared with the store instead.
const PENDING_RANGES_MAX: usize = 4096;

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use std::collections::BTreeSet;

    pub(crate) fn set(text: &str) -> UidSet {
        UidSet::from_ranges(text.split(',').filter(|s| !s.is_empty()).map(|part| {
            let (a, b) = part.split_once(':').unwrap_or((part, part));
            (a.parse().unwrap(), b.parse().unwrap())
        }))
    }

    #[test]
    fn numbers_and_uids_are_each_other_backwards() {
        let view = View::new(set("2:4,9,20:29"), 30, 0, 0);
        for (uids, numbers) in [
            ("2", "1"),
            ("1:9", "1:4"),
            ("9,20", "4:5"),
            ("29", "14"),
            ("5:8", ""),
            ("30:99", ""),
            ("1:4294967295", "1:14"),
        ] {
            assert_eq!(view.numbers(&set(uids)).to_string(), numbers, "{uids}");
            let back = view.uids(&set(numbers));
            assert_eq!(back, set(uids).intersection(view.known()), "{uids}");
        }
        assert_eq!(view.uids(&set("0,15:99")), set(""));
    }

    #[test]
    fn expunges_wait_and_move_no_number() {
        let mut view = View::new(set("1:5"), 6, 3, 10);
        view.happened(10, Happening::Gone, &set("1"));
        assert!(!view.is_pending(), "known from SELECT");
        view.happened(11, Happening::Gone, &set("2,4"));
        view.happened(12, Happening::Arrived, &set("6"));
        assert!(view.misses(&set("4")) && !view.misses(&set("3")));
        assert_eq!(view.told_modseq(12), 10);
        assert!(view.take_arrived(|last| last - 1));
        assert_eq!((view.exists(), view.recent()), (6, &set("4:6")));
        assert_eq!(view.numbers(&set("5")), set("5"));
        assert_eq!(view.take_gone(1), [4]);
        assert_eq!(view.told_modseq(12), 10);
        assert_eq!(view.take_gone(9), [2]);
        assert_eq!(view.recent(), &set("5:6"));
        assert_eq!(view.told_modseq(12), 12);
        assert_eq!(view.known(), &set("1,3,5:6"));
        view.happened(13, Happening::Arrived, &set("7:8"));
        view.happened(14, Happening::Gone, &set("7:8"));
        assert!(!view.is_pending(), "never seen, never told");
        view.happened(15, Happening::Arrived, &set("7"));
        assert!(!view.is_pending(), "a UID arrives once");
    }

    #[test]
    fn too_much_pending_becomes_a_cursor() {
        let mut view = View::new(UidSet::from(1..=20_000), 20_001, 0, 1);
        for i in 0..5000u32 {
            view.happened(
                2 + u64::from(i),
                Happening::Changed,
                &UidSet::one(i * 2 + 1),
            );
        }
        assert_eq!(view.lag(), Some(1));
        assert_eq!(view.told_modseq(9000), 1);
        view.happened(6000, Happening::Gone, &set("1"));
        let there = UidSet::from(2..=20_003);
        view.compared(&there, &set("2:9,20001"), 6001);
        assert_eq!(view.lag(), None);
        assert_eq!(view.take_changed(), set("2:9"));
        assert!(view.take_arrived(|last| last));
        assert_eq!(view.take_gone(10), [1]);
        assert_eq!(view.known(), &there);
        assert!(!view.is_pending());
        assert_eq!(view.told_modseq(6001), 6001);
    }

    /// A mailbox, a client that knows only what it was told, and a view between them.
    #[test]
    fn a_client_that_believes_the_view_is_right_in_the_end() {
        let mut x = 0x2545_f491u32;
        let mut next = move |n: u32| {
            x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (x >> 16) % n
        };
        for _ in 0..60 {
            let mut store: BTreeSet<u32> = (1..=next(20)).collect();
            let mut uidnext = store.last().map_or(1, |u| u + 1);
            let mut seq = 5u64;
            let mut client: Vec<u32> = store.iter().copied().collect();
            let mut view = View::new(store.iter().copied().collect(), uidnext, 0, seq);
            for _ in 0..200 {
                match next(7) {
                    0 => {
                        seq += 1;
                        let n = next(3) + 1;
                        let new: UidSet = (uidnext..uidnext + n).collect();
                        store.extend(new.iter());
                        uidnext += n;
                        view.happened(seq, Happening::Arrived, &new);
                    }
                    1 | 2 => {
                        seq += 1;
                        let dead: UidSet = store.iter().copied().filter(|_| next(4) == 0).collect();
                        for uid in dead.iter() {
                            store.remove(&uid);
                        }
                        view.happened(seq, Happening::Gone, &dead);
                    }
                    3 => {
                        if view.take_arrived(|last| last - 1) {
                            let first = client.last().copied().unwrap_or(0) + 1;
                            client.extend(view.known().iter().filter(|u| *u >= first));
                        }
                    }
                    4 => {
                        for n in view.take_gone(3) {
                            client.remove(n as usize - 1);
                        }
                    }
                    5 if next(4) == 0 => view.fall_behind(seq + 1),
                    _ => {
                        if view.lag().is_some() {
                            view.compared(&store.iter().copied().collect(), &set(""), seq);
                        }
                    }
                }
                assert_eq!(client, view.known().iter().collect::<Vec<_>>());
            }
            if view.lag().is_some() {
                view.compared(&store.iter().copied().collect(), &set(""), seq);
            }
            view.take_arrived(|_| 0);
            view.take_gone(usize::MAX);
            assert!(view.known().iter().eq(store.iter().copied()));
        }
    }
}
