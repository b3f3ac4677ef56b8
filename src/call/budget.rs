//! Budgets of memory that many peers share, and the charges that growing messages put on them.
//!
//! Not the limits (`limits`): a budget is made from them. The rule: no holder (a key, an
//! organization, the network of a peer without a key) holds more than an eighth, and when octets
//! are short the slowest messages give theirs up (DECISIONS.md, "Shares").
//!
//! A charge takes the lock of its budget when it begins, each time that it has doubled, once a
//! second while octets come, and when it ends; never for each octet. The lock is held for a few
//! instructions. A short budget is searched once for its slowest charges.

use core::fmt;
use core::net::IpAddr;
use core::sync::atomic::{AtomicBool, Ordering};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Access, Caller, KeyId, Limits, Network, OrgId};

/// A budget of octets that many connections share. Clones share it too.
#[derive(Clone, Debug)]
pub struct Budget {
    ledger: Arc<Mutex<Ledger>>,
    /// What is charged, for the words of a refusal.
    what: &'static str,
    max: usize,
    /// Octets that a message may have: a share has room for one.
    one: usize,
}

/// One whose charges are added up: it holds at most a share.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Holder {
    Key(KeyId),
    Organization(OrgId),
    Network(Network),
}

/// Those to whom a charge belongs. The operator and the server itself belong to none: only the
/// whole budget bounds them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Holders([Option<Holder>; 2]);

/// Why a charge cannot grow.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct MemoryShortage {
    what: &'static str,
    cause: Cause,
    max: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Cause {
    /// The whole budget is in use.
    Whole,
    /// The share of the key is.
    Key,
    /// The share of the organization is.
    Organization,
    /// The share of the network is.
    Network,
    /// Others needed the octets, and this charge was the slowest.
    Revoked,
}

/// The octets that one message holds. They are given back when the charge is dropped.
#[derive(Debug)]
pub struct Charge {
    budget: Budget,
    holders: Holders,
    held: usize,
    entry: Option<LedgerEntry>,
    /// Others may take the octets back: the message is still arriving.
    revocable: bool,
    began_ms: u64,
    /// Octets that have come since the last report to the ledger.
    unreported: u64,
    reported_ms: u64,
}

/// The place of a charge in the ledger.
#[derive(Debug)]
struct LedgerEntry {
    id: u64,
    revoked: Arc<AtomicBool>,
}

#[derive(Debug, Default)]
struct Ledger {
    used: usize,
    used_by: HashMap<Holder, usize>,
    held: HashMap<u64, HeldOctets>,
    /// The next id; the order in which charges began.
    next: u64,
}

/// A charge as the ledger knows it.
#[derive(Debug)]
struct HeldOctets {
    holders: Holders,
    octets: usize,
    revocable: bool,
    rate: ArrivalRate,
    revoked: Arc<AtomicBool>,
}

/// How fast a message comes: over the window that runs and the one before it.
#[derive(Clone, Copy, Debug)]
struct ArrivalRate {
    began_ms: u64,
    last_ms: u64,
    window_ms: u64,
    octets: u64,
    before_ms: u64,
    before: u64,
}

impl Holders {
    /// None: only the whole budget bounds the charge.
    pub const NONE: Holders = Holders([None, None]);

    /// Of a caller at `peer`. A key counts, and its organization; a peer without a key counts by
    /// its network.
    pub fn of(caller: &Caller, peer: IpAddr) -> Holders {
        match caller {
            Caller::Key(access) => Holders::of_access(Some(access), peer),
            Caller::Anonymous => Holders::of_access(None, peer),
            Caller::Operator | Caller::System => Holders::NONE,
        }
    }

    /// Of the connections of an organization to other servers.
    pub fn of_organization(org: OrgId) -> Holders {
        Holders([Some(Holder::Organization(org)), None])
    }

    /// Of a session at `peer` that has logged in, or has not.
    pub fn of_access(access: Option<&Access>, peer: IpAddr) -> Holders {
        match access.map(|access| (access.key, access.org)) {
            Some((Some(key), org)) => {
                Holders([Some(Holder::Key(key)), Some(Holder::Organization(org))])
            }
            // The operator, inside an organization.
            Some((None, _)) => Holders::NONE,
            None => Holders([Some(Holder::Network(Network::of(peer))), None]),
        }
    }

    fn each(self) -> impl Iterator<Item = Holder> {
        self.0.into_iter().flatten()
    }

    fn include(self, holder: Holder) -> bool {
        self.0.contains(&Some(holder))
    }
}

impl Budget {
    /// A budget of `max` octets for `what`, in which a share has room for `one` octets.
    pub fn new(what: &'static str, max: usize, one: usize) -> Self {
        Budget {
            ledger: Arc::default(),
            what,
            max,
            one,
        }
    }

    /// The budget of messages that come in: at most half of the memory, and at least enough for one
    /// message. The other half is for everything else, such as the data about these messages.
    pub fn intake(limits: &Limits) -> Self {
        let half = limits.memory_mb.saturating_mul(1 << 19);
        let one = limits.message_bytes.saturating_add(1 << 20);
        let max = limits.intake_bytes.min(half.max(one));
        let one = limits.message_bytes.max(limits.http_send_bytes);
        Budget::new("messages on their way in", max, one)
    }

    /// The budget of long answers that wait to be read: a quarter of [`Budget::intake`], and at
    /// least enough for one of [`LONG_ANSWER_BYTES`]. It is a budget of its own, so that a slow
    /// reader cannot keep mail from coming in.
    pub fn outgoing(limits: &Limits) -> Self {
        let max = (Budget::intake(limits).max / 4).max(LONG_ANSWER_BYTES);
        Budget::new("long answers on their way out", max, LONG_ANSWER_BYTES)
    }

    /// The octets that one holder may hold: an eighth, and at least one message.
    fn share(&self) -> usize {
        (self.max / SHARES).max(self.one).min(self.max)
    }

    /// The octets that all may hold, where the one that asks then holds `own`. The last eighth is
    /// kept for those that hold little, so that small mail comes in beside a flood of large mail
    /// that is too young to be told from a good one.
    fn whole(&self, own: usize) -> usize {
        match own <= self.max / SHARES / SHARES {
            true => self.max,
            false => (self.max - self.max / SHARES).max(self.one).min(self.max),
        }
    }

    /// A charge that holds nothing yet. It keeps what it holds until it is dropped.
    pub fn charge(&self, holders: Holders) -> Charge {
        self.begin(holders, false, 0)
    }

    /// The charge of a message that begins to arrive at `now_ms`, on the monotonic clock. While it
    /// arrives, others may take its octets back when it is the slowest; its engine looks for that
    /// ([`Charge::is_revoked`]) at each input and each [`LOOK_MS`].
    pub fn arrival(&self, holders: Holders, now_ms: u64) -> Charge {
        self.begin(holders, true, now_ms)
    }

    /// Octets that are held.
    #[cfg(test)]
    pub fn used(&self) -> usize {
        self.lock().used
    }

    fn begin(&self, holders: Holders, revocable: bool, now_ms: u64) -> Charge {
        Charge {
            budget: self.clone(),
            holders,
            held: 0,
            entry: None,
            revocable,
            began_ms: now_ms,
            unreported: 0,
            reported_ms: now_ms,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Ledger> {
        // A panic inside cannot leave the ledger half changed: nothing in there can panic.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shortage(&self, cause: Cause, max: usize) -> MemoryShortage {
        MemoryShortage {
            what: self.what,
            cause,
            max,
        }
    }
}

impl Charge {
    /// Takes octets until `total` are held. `now_ms` is the monotonic clock. Errors: the budget or
    /// a share does not allow it, or others have taken the octets back; it takes none then.
    pub fn hold(&mut self, total: usize, now_ms: u64) -> Result<(), MemoryShortage> {
        let more = total.saturating_sub(self.held);
        if more == 0 {
            return self.check();
        }
        let budget = self.budget.clone();
        let mut ledger = budget.lock();
        self.check()?;
        self.report(&mut ledger, now_ms);
        let asking = Asking {
            id: self.entry.as_ref().map(|entry| entry.id),
            holders: self.holders,
            more,
            now_ms,
        };
        let victims = ledger.victims(&budget, &asking)?;
        for id in victims {
            ledger.revoke(id);
        }
        self.held += more;
        ledger.take(self.holders, more);
        if let Some(entry) = &self.entry {
            if let Some(held) = ledger.held.get_mut(&entry.id) {
                held.octets = self.held;
            }
        } else {
            let revoked = Arc::new(AtomicBool::new(false));
            let id = ledger.next;
            ledger.next += 1;
            let held = HeldOctets {
                holders: self.holders,
                octets: self.held,
                revocable: self.revocable,
                rate: ArrivalRate::begin(self.began_ms),
                revoked: Arc::clone(&revoked),
            };
            ledger.held.insert(id, held);
            self.entry = Some(LedgerEntry { id, revoked });
        }
        Ok(())
    }

    /// Octets of the message have come: how fast it comes decides who gives way.
    pub fn record(&mut self, octets: usize, now_ms: u64) {
        self.unreported = self.unreported.saturating_add(octets as u64);
        if self.entry.is_some() && now_ms.saturating_sub(self.reported_ms) >= LOOK_MS {
            let budget = self.budget.clone();
            self.report(&mut budget.lock(), now_ms);
        }
    }

    fn report(&mut self, ledger: &mut Ledger, now_ms: u64) {
        let Some(entry) = &self.entry else { return };
        self.reported_ms = now_ms;
        let octets = core::mem::take(&mut self.unreported);
        if let Some(held) = ledger.held.get_mut(&entry.id) {
            held.rate.record(octets, now_ms);
        }
    }

    /// The message is whole: its octets are no longer taken back. Errors: it was taken back
    /// before.
    pub fn settle(&mut self) -> Result<(), MemoryShortage> {
        self.revocable = false;
        if let Some(entry) = &self.entry {
            let budget = self.budget.clone();
            let mut ledger = budget.lock();
            self.check()?;
            if let Some(held) = ledger.held.get_mut(&entry.id) {
                held.revocable = false;
            }
        }
        Ok(())
    }

    /// Whether it holds anything, so that its engine has to look whether it was taken back.
    pub fn is_held(&self) -> bool {
        self.held > 0
    }

    /// Whether others have taken the octets back. The memory must be freed then.
    pub fn is_revoked(&self) -> bool {
        let entry = self.entry.as_ref();
        entry.is_some_and(|entry| entry.revoked.load(Ordering::Acquire))
    }

    /// Errors: others have taken the octets back.
    pub fn check(&self) -> Result<(), MemoryShortage> {
        match self.is_revoked() {
            true => Err(self.budget.shortage(Cause::Revoked, self.budget.max)),
            false => Ok(()),
        }
    }
}

/// Two charges are equal when they are the same one.
impl PartialEq for Charge {
    fn eq(&self, other: &Charge) -> bool {
        core::ptr::eq(self, other)
    }
}

impl Eq for Charge {}

impl Drop for Charge {
    fn drop(&mut self) {
        if let Some(entry) = self.entry.take() {
            self.budget.lock().release(entry.id);
        }
    }
}

/// A wish for more octets.
struct Asking {
    /// The charge; `None` when it holds nothing yet.
    id: Option<u64>,
    holders: Holders,
    more: usize,
    now_ms: u64,
}

impl Ledger {
    fn used_by(&self, holder: Holder) -> usize {
        self.used_by.get(&holder).copied().unwrap_or(0)
    }

    fn take(&mut self, holders: Holders, octets: usize) {
        self.used += octets;
        for holder in holders.each() {
            *self.used_by.entry(holder).or_default() += octets;
        }
    }

    /// Gives back what a charge holds, unless it was taken back before.
    fn release(&mut self, id: u64) {
        let Some(held) = self.held.remove(&id) else {
            return;
        };
        self.used = self.used.saturating_sub(held.octets);
        for holder in held.holders.each() {
            let left = self.used_by(holder).saturating_sub(held.octets);
            match left {
                0 => self.used_by.remove(&holder),
                left => self.used_by.insert(holder, left),
            };
        }
    }

    fn revoke(&mut self, id: u64) {
        if let Some(held) = self.held.get(&id) {
            held.revoked.store(true, Ordering::Release);
        }
        self.release(id);
    }

    /// The charges that must give way to the wish: none when there is room. Errors: it would not
    /// fit even then, or those that hold the octets are not slower.
    fn victims(&self, budget: &Budget, asking: &Asking) -> Result<Vec<u64>, MemoryShortage> {
        let mut victims = Vec::new();
        let shares = asking
            .holders
            .each()
            .map(|holder| (Some(holder), budget.share()));
        let own = asking
            .holders
            .each()
            .map(|holder| self.used_by(holder))
            .max();
        let whole = budget.whole(own.map_or(0, |own| own.saturating_add(asking.more)));
        for (holder, max) in shares.chain([(None, whole)]) {
            let used = holder.map_or(self.used, |holder| self.used_by(holder));
            let of = |id: &u64| self.held.get(id).filter(|held| held.is_of(holder));
            let given: usize = victims.iter().filter_map(of).map(|held| held.octets).sum();
            let wanted = used.saturating_sub(given).saturating_add(asking.more);
            let needed = wanted.saturating_sub(max);
            if needed > 0 && !self.choose(budget, asking, holder, needed, &mut victims) {
                let cause = match holder {
                    None => Cause::Whole,
                    Some(Holder::Key(_)) => Cause::Key,
                    Some(Holder::Organization(_)) => Cause::Organization,
                    Some(Holder::Network(_)) => Cause::Network,
                };
                return Err(budget.shortage(cause, max));
            }
        }
        Ok(victims)
    }

    /// Chooses the slowest charges of a holder, or of all, until they hold `needed` octets.
    fn choose(
        &self,
        budget: &Budget,
        asking: &Asking,
        holder: Option<Holder>,
        needed: usize,
        victims: &mut Vec<u64>,
    ) -> bool {
        let eighth = budget.max / SHARES;
        let own = asking.id.and_then(|id| self.held.get(&id));
        let asks_at = own
            .filter(|own| own.rate.is_known(asking.now_ms))
            .map_or(u64::MAX, |own| own.rate.at(asking.now_ms));
        // Where a message is larger than an eighth, a holder may hold more while no other
        // needs it.
        let is_over = |of: Holder, more| self.used_by(of).saturating_add(more) > eighth;
        let is_modest = !asking.holders.each().any(|of| is_over(of, asking.more));
        let mut slowest: Vec<(bool, u64, usize, u64)> = Vec::new();
        for (id, held) in &self.held {
            if !held.revocable || !held.is_of(holder) || asking.id == Some(*id) {
                continue;
            }
            let at = held.rate.at(asking.now_ms);
            let is_slower = held.rate.is_known(asking.now_ms) && at < asks_at;
            let is_greedy = is_modest && held.holders.each().any(|of| is_over(of, 0));
            if (is_slower || is_greedy) && !victims.contains(id) {
                slowest.push((!is_slower, at, usize::MAX - held.octets, *id));
            }
        }
        slowest.sort_unstable();
        let mut given = 0;
        for (_, _, left, id) in slowest {
            if given >= needed {
                break;
            }
            given += usize::MAX - left;
            victims.push(id);
        }
        given >= needed
    }
}

impl HeldOctets {
    fn is_of(&self, holder: Option<Holder>) -> bool {
        holder.is_none_or(|holder| self.holders.include(holder))
    }
}

impl ArrivalRate {
    fn begin(now_ms: u64) -> ArrivalRate {
        ArrivalRate {
            began_ms: now_ms,
            last_ms: now_ms,
            window_ms: now_ms,
            octets: 0,
            before_ms: now_ms,
            before: 0,
        }
    }

    fn record(&mut self, octets: u64, now_ms: u64) {
        if octets == 0 {
            return;
        }
        if now_ms.saturating_sub(self.window_ms) >= WINDOW_MS {
            self.before_ms = self.window_ms;
            self.before = self.octets;
            self.window_ms = now_ms;
            self.octets = 0;
        }
        self.octets = self.octets.saturating_add(octets);
        self.last_ms = now_ms;
    }

    /// Whether the message has come for long enough to tell.
    fn is_known(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.began_ms) >= WINDOW_MS
    }

    /// Octets a second. A message that is silent for a window comes at none.
    fn at(&self, now_ms: u64) -> u64 {
        if now_ms.saturating_sub(self.last_ms) >= WINDOW_MS {
            return 0;
        }
        let octets = self.before.saturating_add(self.octets);
        octets.saturating_mul(1000) / now_ms.saturating_sub(self.before_ms).max(1000)
    }
}

/// A sentence without its end: which octets are used up, and how many there are.
impl fmt::Display for MemoryShortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let MemoryShortage { what, cause, max } = self;
        let of = match cause {
            Cause::Whole => return write!(f, "All {what} may hold {max} octets, and they do"),
            Cause::Revoked => {
                return write!(
                    f,
                    "All {what} may hold {max} octets, and this was the slowest"
                );
            }
            Cause::Key => "key",
            Cause::Organization => "organization",
            Cause::Network => "network",
        };
        write!(
            f,
            "The {what} of one {of} may hold {max} octets, and they do"
        )
    }
}

/// Octets that the longest answer counts, however long it is: an opened message, with 4 MiB of HTML
/// and its text twice. Messages and attachments themselves go out in pages that are not charged.
pub const LONG_ANSWER_BYTES: usize = 8 << 20;

/// While a message arrives, its engine looks so often whether it was taken back.
pub const LOOK_MS: u64 = 1000;
/// A holder has at most one of so many shares: eight of them can fill a budget, and each of the
/// others can still push out the slowest.
const SHARES: usize = 8;
/// The rate of a message is that of its last 5 to 10 seconds; before it has come for so long it is
/// taken for fast.
const WINDOW_MS: u64 = 5000;

#[cfg(test)]
#[path = "tests/budget.rs"]
mod tests;
