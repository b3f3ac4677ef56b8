//! What all threads of the service share: names, limits, the clock, and the counters in memory.
//!
//! It decides nothing. The counters have one lock, which a thread holds for a few instructions.

use core::net::IpAddr;
use core::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::access::greylist::Greylist;
use super::access::kept_tickets::KeptTickets;
use super::access::limits::{Failures, Leases};
use super::access::login_log::LoginLog;
use super::access::receives::Receives;
use super::answer_rates::AnswerRates;
use super::checks::Checks;
use super::event_groups::KeptGroups;
use super::existence::Existence;
use super::intake::Lookups;
use super::known_spam::KeptKnownSpam;
use super::learned::KeptModels;
use super::mail::listed::ListedRows;
use super::mail::newest::NewestPages;
use super::outbound::{Outbound, WaysOut};
use super::returned::Returned;
use super::rules::KeptRules;
use super::spare_keys::SpareKeys;
use super::upstream::{UpstreamTokens, UpstreamWays, Upstreams};
use super::webhook::{HookWays, Webhooks};
use crate::call::{
    Access, Allowance, Change, ConnId, Event, LIFTED, Metric, Network, Now, OperatorFrom, OrgId,
    OrgWrite, OutboundSettings, Payer, Rates, Refusal, Resolve, Shared, WebhookSettings, Write,
    Written,
};
use crate::crypto::SealingKey;

/// Reads the clock. `main` gives the system's clock, a test gives virtual time.
pub type ReadClock = Arc<dyn Fn() -> Now + Send + Sync>;

/// Gives the free octets of the disk under the database; `None` when they cannot be read.
pub type FreeBytes = Arc<dyn Fn() -> Option<u64> + Send + Sync>;

/// The parts of a [`Service`].
#[derive(Clone)]
pub struct Setup {
    /// Limits, counters, names.
    pub shared: Arc<Shared>,
    /// The clock.
    pub clock: ReadClock,
    /// The probe of the disk.
    pub free_bytes: FreeBytes,
    /// The domain on which any organization may have inboxes, in the form of
    /// `mail::parse::address`.
    pub shared_domain: String,
    /// Domains are trusted when they are made, without a proof: for a server that only its owner
    /// can reach.
    pub trust_domains: bool,
    /// The hash of the operator's token (`crypto::OperatorToken::hash`).
    pub operator: Option<[u8; 32]>,
    /// From where the operator's token is taken.
    pub operator_from: OperatorFrom,
    /// The key that secrets are sealed with.
    pub sealing: Arc<SealingKey>,
    /// Answers questions to the DNS.
    pub resolver: Arc<dyn Resolve>,
    /// Lookups outside that messages wait for before they are judged. With `None` no message waits.
    pub lookups: Option<Arc<dyn Lookups>>,
    /// How mail leaves.
    pub outbound: OutboundSettings,
    /// The ways out. With `None` nothing leaves, and recipients outside wait.
    pub ways_out: Option<WaysOut>,
    /// Where webhooks may go, and the ways there. Without ways events wait in the log.
    pub webhooks: (WebhookSettings, Option<HookWays>),
    /// The ways to the servers of inboxes that live elsewhere. With `None` no connection is made.
    pub ways_upstream: Option<UpstreamWays>,
}

impl core::fmt::Debug for Setup {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Setup(..)")
    }
}

/// What all threads of the service share. A thread holds its one lock for a few instructions.
pub struct Service {
    /// Limits, counters, names.
    pub shared: Arc<Shared>,
    /// The domain on which any organization may have inboxes.
    pub shared_domain: String,
    pub(super) trust_domains: bool,
    pub(super) operator: Option<[u8; 32]>,
    pub(super) operator_from: OperatorFrom,
    /// The key that secrets are sealed with.
    sealing: Arc<SealingKey>,
    resolver: Arc<dyn Resolve>,
    /// Signing keys for the next domains.
    pub keys: SpareKeys,
    /// What checks of domains have found.
    pub(super) checks: Checks,
    /// The way back to the writer for calls that wait for something outside.
    pub(super) returned: Arc<Returned>,
    pub(super) lookups: Option<Arc<dyn Lookups>>,
    clock: ReadClock,
    /// The time at which the service began, on both clocks.
    began: Now,
    free_bytes: FreeBytes,
    /// Free octets inside the database file, as the writer has last read them.
    pub(super) vacant_bytes: AtomicU64,
    stopping: AtomicBool,
    /// Whether there are filter rules or suppressed addresses.
    pub(super) lists: Existence,
    /// Compiled rules of delivery.
    pub(super) rules: KeptRules,
    /// What organizations have taught the filter.
    pub(super) learned: KeptModels,
    /// The list of known spam.
    pub(super) known_spam: KeptKnownSpam,
    /// Whether there are inboxes that do not take all mail.
    pub(super) screens: Existence,
    /// Whether there are inboxes that live elsewhere.
    pub(super) upstreams: Existence,
    /// The connections of inboxes that live elsewhere.
    pub(super) connections: Upstreams,
    /// Whether there are inboxes with settings of the filter of their own.
    pub(super) spam_settings: Existence,
    /// Organizations that have ended since the start: their sessions end with an event, and until
    /// then their calls are refused. There are none in the usual case, which `has_ended` says.
    ended: Mutex<HashSet<OrgId>>,
    has_ended: AtomicBool,
    counters: Mutex<ServiceCounters>,
    /// The secret of return paths, once a reader has read it (`outbound/path.rs`).
    pub(super) return_secret: OnceLock<[u8; 32]>,
    /// The queue to outside. Only the writer takes its lock.
    pub(super) outbound: Outbound,
    /// Webhooks: events that are sent to endpoints.
    pub webhooks: Webhooks,
    /// When the writer looks next at scheduled mail, unix milliseconds.
    scheduled_at: AtomicI64,
    /// When the writer looks next for what ends by itself, by the steady clock, unix milliseconds.
    expiry_at: AtomicI64,
    /// When it looks next for mail that inboxes keep no longer, monotonic milliseconds.
    retention_at_ms: AtomicU64,
    /// Rows of lists that were made lately.
    pub(super) listed: ListedRows,
    /// The newest page of lists that were asked for lately.
    pub(super) newest: NewestPages,
    /// Answers between two addresses. Only the writer takes the lock.
    answers: Mutex<AnswerRates>,
    /// Who holds which event of a consumer group. Only the writer changes it.
    event_groups: Mutex<KeptGroups>,
}

/// The counters in memory, under one lock.
#[derive(Debug, Default)]
pub(super) struct ServiceCounters {
    pub(super) failures: Failures,
    pub(super) login_log: LoginLog,
    pub(super) rates: Rates,
    pub(super) receives: Receives,
    pub(super) greylist: Greylist,
    pub(super) leases: Leases,
    pub(super) tickets: KeptTickets,
    /// Connections that read a consumer group, each with its key: the events that they hold are
    /// free when they end.
    pub(super) group_readers: HashMap<ConnId, Access>,
}

impl Service {
    /// The answers between two addresses that are counted.
    pub(super) fn answers(&self) -> MutexGuard<'_, AnswerRates> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who holds which event of a consumer group.
    pub(super) fn event_groups(&self) -> MutexGuard<'_, KeptGroups> {
        self.event_groups
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the readers of consumer groups told of what was committed: their news stand behind it.
    pub(super) fn tell_event_groups(&self, committed: &mut Vec<Event>) {
        self.event_groups().tell(committed);
    }

    /// When the writer looks next at scheduled mail, unix milliseconds. Only the writer reads and
    /// writes it.
    pub(super) fn scheduled_look(&self) -> i64 {
        self.scheduled_at.load(Ordering::Relaxed)
    }

    /// Has the writer look at scheduled mail at this time, and not before.
    pub(super) fn set_scheduled_look(&self, at: i64) {
        self.scheduled_at.store(at, Ordering::Relaxed);
    }

    /// Has the writer look at scheduled mail at this time at the latest.
    pub(super) fn looks_at_scheduled_by(&self, at: i64) {
        self.scheduled_at.fetch_min(at, Ordering::Relaxed);
    }

    /// When the writer looks next for what ends by itself, by the steady clock.
    pub(super) fn expiry_look(&self) -> i64 {
        self.expiry_at.load(Ordering::Relaxed)
    }

    /// Has it look at this time, and not before.
    pub(super) fn set_expiry_look(&self, at: i64) {
        self.expiry_at.store(at, Ordering::Relaxed);
    }

    /// Has it look at this time at the latest.
    pub(super) fn looks_at_expiry_by(&self, at: i64) {
        self.expiry_at.fetch_min(at, Ordering::Relaxed);
    }

    /// When it looks next for mail that inboxes keep no longer, monotonic milliseconds.
    pub(super) fn retention_look_ms(&self) -> u64 {
        self.retention_at_ms.load(Ordering::Relaxed)
    }

    /// Has it look at this time; 0 is at once, and `u64::MAX` never.
    pub(super) fn set_retention_look(&self, mono_ms: u64) {
        self.retention_at_ms.store(mono_ms, Ordering::Relaxed);
    }

    /// A service without any connection yet.
    pub fn new(setup: Setup) -> Arc<Service> {
        let tokens = Arc::<UpstreamTokens>::default();
        let outbound = {
            let with = (Arc::clone(&setup.sealing), Arc::clone(&tokens));
            Outbound::new(setup.outbound, setup.ways_out, &setup.shared, with)
        };
        let (hooks, hook_ways) = setup.webhooks;
        let webhooks = Webhooks::new(hooks, hook_ways);
        Arc::new(Service {
            outbound,
            webhooks,
            // The first look finds what waits since the process before.
            scheduled_at: AtomicI64::new(i64::MIN),
            expiry_at: AtomicI64::new(i64::MIN),
            retention_at_ms: AtomicU64::new(0),
            listed: ListedRows::default(),
            newest: NewestPages::default(),
            answers: Mutex::default(),
            event_groups: Mutex::default(),
            shared: setup.shared,
            shared_domain: setup.shared_domain,
            trust_domains: setup.trust_domains,
            operator: setup.operator,
            operator_from: setup.operator_from,
            sealing: setup.sealing,
            resolver: setup.resolver,
            keys: SpareKeys::default(),
            checks: Checks::default(),
            returned: Arc::default(),
            lookups: setup.lookups,
            began: (setup.clock)(),
            clock: setup.clock,
            free_bytes: setup.free_bytes,
            vacant_bytes: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
            lists: Existence::default(),
            rules: KeptRules::default(),
            learned: KeptModels::default(),
            known_spam: KeptKnownSpam::default(),
            screens: Existence::default(),
            upstreams: Existence::default(),
            connections: Upstreams::new(setup.ways_upstream, tokens),
            spam_settings: Existence::default(),
            return_secret: OnceLock::new(),
            ended: Mutex::default(),
            has_ended: AtomicBool::new(false),
            counters: Mutex::default(),
        })
    }

    /// The time.
    pub fn now(&self) -> Now {
        (self.clock)()
    }

    /// The unix time against which the age of stored rows is computed: the wall clock, unless it is
    /// ahead of the monotonic clock since the start. A wall clock that jumps ahead by years must
    /// not empty the log.
    pub(super) fn steady_ms(&self, now: Now) -> i64 {
        let passed = now.mono_ms.saturating_sub(self.began.mono_ms);
        let passed = i64::try_from(passed).unwrap_or(i64::MAX);
        now.unix_ms.min(self.began.unix_ms.saturating_add(passed))
    }

    /// The key that secrets are sealed with.
    pub fn sealing(&self) -> &SealingKey {
        &self.sealing
    }

    /// Asks the DNS.
    pub fn resolver(&self) -> &Arc<dyn Resolve> {
        &self.resolver
    }

    /// The clock, for work in slices.
    pub fn clock(&self) -> &(dyn Fn() -> Now + Send + Sync) {
        &*self.clock
    }

    /// Marks the server as stopping: it is not ready any more. It finishes the calls under way.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.keys.stop();
    }

    /// Logs how many failed logins of past minutes got no line of their own.
    pub(super) fn tell_unlogged_logins(&self, now: Now) {
        let unlogged = self.counters().login_log.take_unlogged(now);
        if let Some(unlogged) = unlogged {
            log::info!("login failed more={unlogged}");
        }
    }

    /// The writer has committed what a call has written: what is kept in memory follows.
    pub(super) fn note_written(&self, written: &Written) {
        match written {
            Written::Forgotten(done) => self.learned.note_forgotten(done),
            _ => self.known_spam.note_written(written),
        }
    }

    /// The same for a slice of a call, of which this is the rest.
    pub(super) fn note_part(&self, rest: &Write) {
        match rest {
            Write::Org(OrgWrite::ForgetRest(done)) => self.learned.note_forgotten(done),
            _ => self.known_spam.note_part(rest),
        }
    }

    /// Remembers which organizations have ended with these events. The writer calls it after the
    /// commit.
    pub(super) fn end_orgs(&self, events: &[Event]) {
        let ends = |event: &&Event| event.change == Change::OrgDeleted;
        for event in events.iter().filter(ends) {
            let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
            ended.insert(event.org);
            self.has_ended.store(true, Ordering::Release);
        }
    }

    /// Whether an organization has ended since the start. An older end is known to the store, which
    /// finds no key of it.
    pub(super) fn has_ended(&self, org: OrgId) -> bool {
        if !self.has_ended.load(Ordering::Acquire) {
            return false;
        }
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.contains(&org)
    }

    /// Whether [`Service::stop`] was called.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Space for mail: the free octets of the disk and the free octets inside the database, because
    /// SQLite uses those again and never gives them back. When the disk has no space for the
    /// write-ahead log, only the disk counts.
    pub(super) fn free_bytes(&self) -> Option<u64> {
        let free = (self.free_bytes)()?;
        if free < LOG_BYTES {
            return Some(free);
        }
        Some(free.saturating_add(self.vacant_bytes.load(Ordering::Relaxed)))
    }

    /// Takes the lock. A panic while the lock was held can leave a count wrong by one call, which
    /// is harmless, so a poisoned lock is used on.
    pub(super) fn counters(&self) -> MutexGuard<'_, ServiceCounters> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a token from the bucket of `payer`, which has `burst` tokens and fills at
    /// `per_minute`.
    pub(super) fn take(
        &self,
        payer: Payer,
        per_minute: usize,
        burst: usize,
        now: Now,
    ) -> Result<Allowance, Refusal> {
        self.take_many(payer, per_minute, burst, 1, now)
    }

    /// Counts the octets of a message that an address sends to port 25.
    pub(super) fn take_octets(&self, peer: IpAddr, octets: usize, now: Now) -> Result<(), Refusal> {
        let most = self.shared.limits.mx_bytes_per_minute;
        if most >= LIFTED {
            return Ok(());
        }
        let per_minute = (most / 1024).max(1);
        // A message that is larger than the whole bucket is accepted when the bucket is full.
        let n = (octets / 1024).clamp(1, per_minute) as u64;
        let payer = Payer::MxOctets(Network::of(peer));
        self.take_many(payer, per_minute, per_minute, n, now)
            .map(drop)
    }

    /// Counts a recipient that a peer without a key names, until it sends the message.
    pub(super) fn take_recipient(&self, peer: IpAddr, now: Now) -> Result<(), Refusal> {
        let per_minute = self.shared.limits.mx_recipients_per_minute;
        let burst = per_minute.saturating_mul(RECIPIENT_BURST_MINUTES);
        let payer = Payer::Recipients(Network::of(peer));
        self.take(payer, per_minute, burst, now).map(drop)
    }

    /// A message for `n` recipients has come: they cost their sender nothing more.
    pub(super) fn give_back_recipients(&self, peer: IpAddr, n: usize) {
        let per_minute = self.shared.limits.mx_recipients_per_minute;
        let payer = Payer::Recipients(Network::of(peer));
        let mut counters = self.counters();
        counters.rates.give_back(payer, per_minute, n as u64);
    }

    fn take_many(
        &self,
        payer: Payer,
        per_minute: usize,
        burst: usize,
        n: u64,
        now: Now,
    ) -> Result<Allowance, Refusal> {
        let mut counters = self.counters();
        let taken = counters.rates.take(payer, per_minute, burst, n, now);
        taken.map_err(|retry_ms| {
            self.shared.metrics.count(Metric::RateLimited);
            Refusal::RateLimited {
                rate: payer.rate(per_minute as u64),
                retry_ms,
            }
        })
    }
}

impl core::fmt::Debug for Service {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Service(..)")
    }
}

/// Minutes whose recipients a peer may name at once: twenty connections with a hundred each are
/// usual for a server that sends much.
const RECIPIENT_BURST_MINUTES: usize = 5;
/// Several times the size that the write-ahead log has between two checkpoints.
const LOG_BYTES: u64 = 32 << 20;
