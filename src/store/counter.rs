//! Counters that change with nearly every call: those of organizations, inboxes and mailboxes.
//! While a group is open their rows are held in memory, and each is written once for the group.
//!
//! It is not a cache between groups: a commit writes and forgets every row. The rule: **no
//! statement sees an old counter.** A statement that could read one of these rows goes through
//! [`Store::run`] and its like, which first write the held rows and forget them. A savepoint that
//! is rolled back also rolls back the held counters. Only statements that touch none of the three
//! tables use `direct`.

use core::ops::ControlFlow;
use std::collections::HashMap;

use rusqlite::types::ValueRef;

use super::mailbox::{Delta, read_mailbox, read_place};
use super::quota::{ENTRY_BYTES, OrgDelta};
use super::row_sum::row_sum;
use super::usage::UsageDelta;
use super::{Error, InboxPlace, MailboxRecord, Store, int, uint, uint32};
use crate::call::{Countable, InboxId, MailboxId, Noun, OrgId, Refusal};

/// The counters of a row; each table has an order of its own, and leaves the last ones unused:
///
/// - an organization: seq, at, sent_day, sent, bytes, cost, messages, inboxes, keys, jobs, kept,
///   kept_bytes;
/// - an inbox: bytes, messages, sent_day, sent, cost;
/// - a mailbox: uidnext, highest_modseq, messages, unseen, deleted, bytes, cost.
type CounterValues = [i64; 12];

/// A row that is held in memory.
#[derive(Clone, Debug)]
struct HeldRow<T> {
    what: T,
    counters: CounterValues,
    /// It differs from the row on disk.
    dirty: bool,
}

#[derive(Clone, Debug, Default)]
struct Rows {
    orgs: HashMap<OrgId, HeldRow<()>>,
    inboxes: HashMap<InboxId, HeldRow<InboxPlace>>,
    mailboxes: HashMap<MailboxId, HeldRow<MailboxRecord>>,
}

/// The row that an earlier state belongs to.
#[derive(Clone, Copy, Debug)]
enum CounterKey {
    Org(OrgId),
    Inbox(InboxId),
    Mailbox(MailboxId),
}

/// The held rows (see the module).
#[derive(Debug, Default)]
pub(super) struct CounterCache {
    rows: Rows,
    /// Earlier states of rows that the open savepoint has changed, the newest last.
    past: Vec<(CounterKey, CounterValues, bool)>,
    /// The rows at the beginning of the savepoint; kept when rows are written within it.
    image: Option<Rows>,
    in_savepoint: bool,
}

impl Rows {
    fn is_empty(&self) -> bool {
        self.orgs.is_empty() && self.inboxes.is_empty() && self.mailboxes.is_empty()
    }

    fn undo(&mut self, past: &[(CounterKey, CounterValues, bool)]) {
        for (key, counters, dirty) in past.iter().rev() {
            let held = match key {
                CounterKey::Org(id) => self.orgs.get_mut(id).map(HeldRow::moving),
                CounterKey::Inbox(id) => self.inboxes.get_mut(id).map(HeldRow::moving),
                CounterKey::Mailbox(id) => self.mailboxes.get_mut(id).map(HeldRow::moving),
            };
            if let Some((now, is_dirty)) = held {
                *now = *counters;
                *is_dirty = *dirty;
            }
        }
    }
}

impl<T> HeldRow<T> {
    fn moving(&mut self) -> (&mut CounterValues, &mut bool) {
        (&mut self.counters, &mut self.dirty)
    }
}

impl CounterCache {
    pub(super) fn savepoint(&mut self) {
        self.in_savepoint = true;
        self.past.clear();
        self.image = None;
    }

    pub(super) fn release(&mut self) {
        self.in_savepoint = false;
        self.past.clear();
        self.image = None;
    }

    pub(super) fn rollback_to(&mut self) {
        match self.image.take() {
            Some(image) => self.rows = image,
            None => self.rows.undo(&self.past),
        }
        self.release();
    }

    /// The transaction has ended: its rows are on disk or undone.
    pub(super) fn clear(&mut self) {
        *self = CounterCache::default();
    }

    fn remember(&mut self, key: CounterKey, counters: CounterValues, dirty: bool) {
        if self.in_savepoint && self.image.is_none() {
            self.past.push((key, counters, dirty));
        }
    }
}

impl Store {
    /// Writes every held row that differs from the disk, and forgets all rows.
    pub(super) fn write_counters(&self) -> Result<(), Error> {
        let rows = {
            let mut counters = self.counters.borrow_mut();
            if counters.rows.is_empty() {
                return Ok(());
            }
            if counters.in_savepoint && counters.image.is_none() {
                let mut image = counters.rows.clone();
                image.undo(&counters.past);
                counters.image = Some(image);
                counters.past.clear();
            }
            core::mem::take(&mut counters.rows)
        };
        for (org, held) in rows.orgs.iter().filter(|(_, held)| held.dirty) {
            let [
                seq,
                at,
                sent_day,
                sent,
                bytes,
                cost,
                messages,
                inboxes,
                keys,
                jobs,
                kept,
                octets,
            ] = held.counters;
            let sum = sum_of([org.0, seq, at, sent_day, sent]);
            self.direct().run(
                "UPDATE org SET seq = ?2, at = ?3, sent_day = ?4, sent = ?5, bytes = ?6, cost = ?7,
                     messages = ?8, inboxes = ?9, keys = ?10, jobs = ?11, kept = ?12,
                     kept_bytes = ?13, counts_sum = ?14
                 WHERE id = ?1",
                [
                    org.0, seq, at, sent_day, sent, bytes, cost, messages, inboxes, keys, jobs,
                    kept, octets, sum,
                ],
            )?;
        }
        for (inbox, held) in rows.inboxes.iter().filter(|(_, held)| held.dirty) {
            let [bytes, messages, sent_day, sent, cost, ..] = held.counters;
            let sum = sum_of([inbox.0, bytes, messages, sent_day, sent]);
            self.direct().run(
                "UPDATE inbox SET bytes = ?2, messages = ?3, sent_day = ?4, sent = ?5, cost = ?6,
                     counts_sum = ?7
                 WHERE id = ?1",
                [inbox.0, bytes, messages, sent_day, sent, cost, sum],
            )?;
        }
        for (mailbox, held) in rows.mailboxes.iter().filter(|(_, held)| held.dirty) {
            let [uidnext, modseq, messages, unseen, deleted, bytes, cost, ..] = held.counters;
            let sum = sum_of([mailbox.0, uidnext, modseq, messages, unseen, deleted, bytes]);
            self.direct().run(
                "UPDATE mailbox SET uidnext = ?2, highest_modseq = ?3, messages = ?4,
                     unseen = ?5, deleted = ?6, bytes = ?7, cost = ?8,
                     counts_sum = ?9
                 WHERE id = ?1",
                [
                    mailbox.0, uidnext, modseq, messages, unseen, deleted, bytes, cost, sum,
                ],
            )?;
        }
        Ok(())
    }

    /// Outside a transaction a row is not held for longer than the call that changed it.
    fn write_counters_unless_open(&self) -> Result<(), Error> {
        if self.open.get() {
            Ok(())
        } else {
            self.write_counters()
        }
    }

    /// Takes the next number of an organization's log: the number, and its time, which is
    /// `at` or that of the number before.
    pub(super) fn take_seq(&self, org: OrgId, at: i64) -> Result<(u64, i64), Error> {
        self.hold_org(org)?;
        let taken = {
            let mut counters = self.counters.borrow_mut();
            let held = counters.rows.orgs.get_mut(&org).ok_or(NO_ORG)?;
            let before = (held.counters, held.dirty);
            held.counters[0] += 1;
            held.counters[1] = held.counters[1].max(at);
            held.dirty = true;
            let taken = (uint(held.counters[0]), held.counters[1]);
            counters.remember(CounterKey::Org(org), before.0, before.1);
            taken
        };
        self.write_counters_unless_open()?;
        Ok(taken)
    }

    /// Counts `n` messages that `inbox` sent on `day`; the new counts of the inbox and of its
    /// organization, and the bound that the inbox has of its own. The caller refuses a count that
    /// is too high, and the savepoint undoes it.
    pub fn count_sends(
        &self,
        org: OrgId,
        inbox: InboxId,
        day: i64,
        n: u64,
    ) -> Result<(u64, u64, u64), Error> {
        self.hold_org(org)?;
        self.hold_inbox(inbox)?;
        let counted = {
            let mut counters = self.counters.borrow_mut();
            let held = counters.rows.orgs.get_mut(&org).ok_or(NO_ORG)?;
            let before = (held.counters, held.dirty);
            let of_org = send(&mut held.counters, day, n);
            held.dirty = true;
            counters.remember(CounterKey::Org(org), before.0, before.1);
            let held = counters.rows.inboxes.get_mut(&inbox);
            let held = held.filter(|held| held.what.org == org).ok_or(NO_INBOX)?;
            let before = (held.counters, held.dirty);
            let of_inbox = send(&mut held.counters, day, n);
            held.dirty = true;
            let own = held.what.bounds.sends_per_day;
            counters.remember(CounterKey::Inbox(inbox), before.0, before.1);
            (of_inbox, of_org, own)
        };
        let delta = UsageDelta {
            sent: n,
            ..UsageDelta::default()
        };
        self.count_usage((org, Some(inbox)), day, &delta)?;
        self.write_counters_unless_open()?;
        Ok(counted)
    }

    /// Moves the counters of a mailbox and sets its MODSEQ. Gives the first of the UIDs that
    /// `delta` takes. Refuses when UIDs would run out, since UIDNEXT itself must fit 32 bits.
    pub(super) fn count(
        &self,
        mailbox: &MailboxRecord,
        modseq: u64,
        delta: &Delta,
    ) -> Result<u32, Error> {
        self.hold_mailbox(mailbox)?;
        let uid = {
            let mut counters = self.counters.borrow_mut();
            let held = counters.rows.mailboxes.get_mut(&mailbox.id);
            let held = held.ok_or(Refusal::NotFound(Noun::Mailbox))?;
            let uid = uint32(held.counters[0]);
            if uid.checked_add(delta.uids).is_none() {
                return Err(Refusal::Limit {
                    what: Countable::Uids,
                    max: u64::from(u32::MAX),
                }
                .into());
            }
            let before = (held.counters, held.dirty);
            held.counters[0] += i64::from(delta.uids);
            held.counters[1] = int(modseq);
            held.counters[2] += delta.messages;
            held.counters[3] += delta.unseen;
            held.counters[4] += delta.deleted;
            held.counters[5] += delta.bytes;
            held.counters[6] += delta.messages * ENTRY_BYTES + delta.extra;
            held.dirty = true;
            counters.remember(CounterKey::Mailbox(mailbox.id), before.0, before.1);
            uid
        };
        self.write_counters_unless_open()?;
        Ok(uid)
    }

    /// Moves the counters of an inbox and of its organization by entries: their number and their
    /// octets. Each costs [`ENTRY_BYTES`] besides.
    pub(super) fn count_inbox(
        &self,
        inbox: InboxId,
        messages: i64,
        bytes: i64,
    ) -> Result<(), Error> {
        self.count_rows(inbox, messages, bytes, messages.saturating_mul(ENTRY_BYTES))
    }

    /// Moves what the rows of an inbox cost on disk, without its entries.
    pub(super) fn count_cost(&self, inbox: InboxId, cost: i64) -> Result<(), Error> {
        self.count_rows(inbox, 0, 0, cost)
    }

    /// Refuses when an inbox or its organization grows beyond its quota.
    fn count_rows(
        &self,
        inbox: InboxId,
        messages: i64,
        bytes: i64,
        cost: i64,
    ) -> Result<(), Error> {
        self.hold_inbox(inbox)?;
        let org = {
            let mut counters = self.counters.borrow_mut();
            let held = counters.rows.inboxes.get_mut(&inbox).ok_or(NO_INBOX)?;
            let before = (held.counters, held.dirty);
            let org = held.what.org;
            held.counters[0] += bytes;
            held.counters[1] += messages;
            held.counters[4] += cost;
            held.dirty = true;
            let total = held.counters[0].saturating_add(held.counters[4]);
            let of = (Noun::Inbox, held.what.bounds.quota_bytes);
            counters.remember(CounterKey::Inbox(inbox), before.0, before.1);
            self.check_quota(of, bytes.saturating_add(cost), total)?;
            org
        };
        self.count_org(
            org,
            &OrgDelta {
                messages,
                bytes,
                cost,
                ..OrgDelta::default()
            },
        )
    }

    /// Moves the counters of an organization. Refuses when it grows beyond its quota.
    pub(super) fn count_org(&self, org: OrgId, delta: &OrgDelta) -> Result<(), Error> {
        self.hold_org(org)?;
        {
            let mut counters = self.counters.borrow_mut();
            let held = counters.rows.orgs.get_mut(&org).ok_or(NO_ORG)?;
            let before = (held.counters, held.dirty);
            let moved = [
                delta.bytes,
                delta.cost,
                delta.messages,
                delta.inboxes,
                delta.keys,
                delta.jobs,
                delta.kept,
                delta.kept_bytes,
            ];
            for (counter, by) in held.counters.iter_mut().skip(4).zip(moved) {
                *counter += by;
            }
            held.dirty = true;
            let total = held.counters[4].saturating_add(held.counters[5]);
            counters.remember(CounterKey::Org(org), before.0, before.1);
            // A kept answer is no growth: a client that deletes must get one.
            let grown = delta.bytes.saturating_add(delta.cost) - delta.kept_bytes;
            self.check_quota((Noun::Organization, u64::MAX), grown, total)?;
        }
        self.write_counters_unless_open()
    }

    /// As [`Store::count_org`], where the organization may have ended already.
    pub(super) fn count_org_if_there(&self, org: OrgId, delta: &OrgDelta) -> Result<(), Error> {
        self.hold_org(org)?;
        match self.counters.borrow().rows.orgs.contains_key(&org) {
            true => {}
            false => return Ok(()),
        }
        self.count_org(org, delta)
    }

    /// Octets that an organization stores, as its quota counts them; `None` when it is gone.
    pub(super) fn stored_of_org(&self, org: OrgId) -> Result<Option<i64>, Error> {
        self.hold_org(org)?;
        let counters = self.counters.borrow();
        let held = counters.rows.orgs.get(&org);
        Ok(held.map(|held| held.counters[4].saturating_add(held.counters[5])))
    }

    /// The same of an inbox.
    pub(super) fn stored_of_inbox(&self, inbox: InboxId) -> Result<Option<i64>, Error> {
        self.hold_inbox(inbox)?;
        let counters = self.counters.borrow();
        let held = counters.rows.inboxes.get(&inbox);
        Ok(held.map(|held| held.counters[0].saturating_add(held.counters[4])))
    }

    /// Counts octets that rows of an organization cost on disk, if it has not ended.
    pub(super) fn count_org_cost(&self, org: OrgId, cost: i64) -> Result<(), Error> {
        let delta = OrgDelta {
            cost,
            ..OrgDelta::default()
        };
        self.count_org_if_there(org, &delta)
    }

    /// How many of something an organization has: a counter that [`OrgDelta`] moves.
    fn org_counter(&self, org: OrgId, at: usize) -> Result<u64, Error> {
        self.hold_org(org)?;
        let mut counters = self.counters.borrow_mut();
        let found = counters.rows.orgs.get(&org);
        let n = found.and_then(|held| held.counters.get(at).copied());
        if !self.open.get() {
            counters.rows.orgs.remove(&org);
        }
        Ok(uint(n.unwrap_or(0)))
    }

    /// How many inboxes an organization has.
    pub fn inboxes_len(&self, org: OrgId) -> Result<u64, Error> {
        self.org_counter(org, 7)
    }

    /// How many keys an organization has that are not revoked.
    pub fn keys_len(&self, org: OrgId) -> Result<u64, Error> {
        self.org_counter(org, 8)
    }

    /// How many recipients outside an organization has in its queue.
    pub fn jobs_len(&self, org: OrgId) -> Result<u64, Error> {
        self.org_counter(org, 9)
    }

    /// Octets that count in the quota of an organization.
    pub fn org_stored(&self, org: OrgId) -> Result<u64, Error> {
        let bytes = self.org_counter(org, 4)?;
        Ok(bytes.saturating_add(self.org_counter(org, 5)?))
    }

    /// How many octets of kept answers an organization has.
    pub fn kept_bytes(&self, org: OrgId) -> Result<u64, Error> {
        self.org_counter(org, 11)
    }

    /// The inbox as it is now. The row is held if a group is open.
    pub(super) fn held_place(&self, inbox: InboxId) -> Result<Option<InboxPlace>, Error> {
        self.hold_inbox(inbox)?;
        let mut counters = self.counters.borrow_mut();
        let found = counters.rows.inboxes.get(&inbox).map(|held| InboxPlace {
            stored: uint(held.counters[0].saturating_add(held.counters[4])),
            ..held.what.clone()
        });
        if !self.open.get() {
            counters.rows.inboxes.remove(&inbox);
        }
        Ok(found)
    }

    /// A mailbox that is held, as it is now.
    pub(super) fn held_mailbox(
        &self,
        which: impl Fn(&MailboxRecord) -> bool,
    ) -> Option<MailboxRecord> {
        let counters = self.counters.borrow();
        let mut held = counters.rows.mailboxes.values();
        let held = held.find(|held| which(&held.what))?;
        let [uidnext, modseq, messages, unseen, deleted, bytes, cost, ..] = held.counters;
        Some(MailboxRecord {
            uidnext: uint32(uidnext),
            highest_modseq: uint(modseq),
            messages: uint32(messages),
            unseen: uint32(unseen),
            deleted: uint32(deleted),
            bytes: uint(bytes),
            cost: uint(cost),
            ..held.what.clone()
        })
    }

    /// Holds a mailbox that was just read, if a group is open.
    pub(super) fn keep_mailbox(&self, mailbox: &MailboxRecord) {
        let mut counters = self.counters.borrow_mut();
        if self.open.get() && counters.rows.mailboxes.len() < HELD_MAILBOXES {
            counters
                .rows
                .mailboxes
                .entry(mailbox.id)
                .or_insert_with(|| held_of(mailbox));
        }
    }

    fn hold_org(&self, org: OrgId) -> Result<(), Error> {
        if self.counters.borrow().rows.orgs.contains_key(&org) {
            return Ok(());
        }
        let read = self.direct().one(
            "SELECT seq, at, sent_day, sent, bytes, cost, messages, inboxes, keys, jobs, kept,
                 kept_bytes
             FROM org WHERE id = ?1",
            [org.0],
            |r| {
                let mut counters: CounterValues = [0; 12];
                for (at, counter) in counters.iter_mut().enumerate() {
                    *counter = r.get(at)?;
                }
                Ok(counters)
            },
        )?;
        if let Some(counters) = read {
            let held = HeldRow {
                what: (),
                counters,
                dirty: false,
            };
            self.counters.borrow_mut().rows.orgs.insert(org, held);
        }
        Ok(())
    }

    fn hold_inbox(&self, inbox: InboxId) -> Result<(), Error> {
        if self.counters.borrow().rows.inboxes.contains_key(&inbox) {
            return Ok(());
        }
        let _ = self.direct().each(
            "SELECT org, address, ancestors, bytes, display_name, quota_bytes, sends_per_day,
                 receives_per_minute, messages, sent_day, sent, cost
             FROM inbox WHERE id = ?1
                 AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 3 AND doomed.id = inbox.org)",
            [inbox.0],
            |r| {
                let mut counters: CounterValues = [0; 12];
                for (counter, at) in counters.iter_mut().zip([3, 8, 9, 10, 11]) {
                    *counter = r.get(at)?;
                }
                let held = HeldRow {
                    what: read_place(inbox, r)?,
                    counters,
                    dirty: false,
                };
                self.counters.borrow_mut().rows.inboxes.insert(inbox, held);
                Ok(ControlFlow::Continue(()))
            },
        )?;
        Ok(())
    }

    fn hold_mailbox(&self, mailbox: &MailboxRecord) -> Result<(), Error> {
        if self
            .counters
            .borrow()
            .rows
            .mailboxes
            .contains_key(&mailbox.id)
        {
            return Ok(());
        }
        // The row that the caller has read may be older than the changes since.
        let read = self.direct().one(
            "SELECT id, org, inbox, name, special, uidvalidity, uidnext, recent_above,
                 highest_modseq, expunged_floor, messages, unseen, deleted, bytes, cost
             FROM mailbox WHERE id = ?1 AND org = ?2",
            [mailbox.id.0, mailbox.org.0],
            read_mailbox,
        )?;
        if let Some(row) = read {
            let mut counters = self.counters.borrow_mut();
            counters.rows.mailboxes.insert(row.id, held_of(&row));
        }
        Ok(())
    }
}

/// The checksum of a row's counters.
fn sum_of<const N: usize>(counters: [i64; N]) -> i64 {
    row_sum(&counters.map(ValueRef::Integer))
}

fn held_of(mailbox: &MailboxRecord) -> HeldRow<MailboxRecord> {
    HeldRow {
        what: mailbox.clone(),
        counters: [
            mailbox.uidnext.into(),
            int(mailbox.highest_modseq),
            mailbox.messages.into(),
            mailbox.unseen.into(),
            mailbox.deleted.into(),
            int(mailbox.bytes),
            int(mailbox.cost),
            0,
            0,
            0,
            0,
            0,
        ],
        dirty: false,
    }
}

/// Moves `sent_day` and `sent`, the third and fourth counter of an organization and an inbox.
fn send(counters: &mut CounterValues, day: i64, n: u64) -> u64 {
    if counters[2] != day {
        counters[2] = day;
        counters[3] = 0;
    }
    counters[3] = counters[3].saturating_add(int(n));
    uint(counters[3])
}

/// The most mailboxes that are held only because they were read: they are searched one by one.
const HELD_MAILBOXES: usize = 256;

const NO_ORG: Refusal = Refusal::NotFound(Noun::Organization);
const NO_INBOX: Refusal = Refusal::NotFound(Noun::Inbox);
