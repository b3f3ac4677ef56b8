//! The whole service in one thread over a database in memory. Transcripts, the simulation and
//! fuzzers drive it. It uses the same [`Writer`] and [`Reader`] as the server, in virtual time,
//! with randomness from a seed.

use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use super::account::key::{self, CheckedKey};
use super::account::{inbox, org};
use super::context::LoneTurn;
use super::context::WriteContext;
use super::drive::{CarriedOn, Done, carry_on, drive, resume};
use super::intake::{IntakeStage, WaitingMessages};
use super::outbound::WaysOut;
use super::upstream::UpstreamWays;
use super::webhook::HookWays;
use super::{Finding, LookupId, Lookups, ReadClock, ReadTask, Reader, Service, Setup, Writer};
use crate::call::{
    Call, ConnId, Event, InboxId, InboxRow, NoResolver, OrgId, OutboundSettings, Refusal, Reply,
    Request, Resolve, Scopes, Shared, WebhookSettings, Write,
};
use crate::crypto::{OperatorToken, Random, SealingKey, SigningAlgorithm, SigningKey};
use crate::mail::Address;
use crate::store::{Error, Store};

/// What messages wait for, and how mail leaves.
type MailWays = (Option<Arc<dyn Lookups>>, OutboundSettings, Option<WaysOut>);

/// A service, its writer and its reader, and their database.
#[derive(Debug)]
pub struct Inline {
    /// The state that threads would share.
    pub service: Arc<Service>,
    /// Carries out calls that write.
    pub writer: Writer,
    /// Carries out calls that read.
    pub reader: Reader,
    /// The database.
    pub store: Store,
    /// The operator's token, as the file in the data folder has it.
    pub operator: String,
    /// Whether signing keys are ready whenever a domain needs them.
    pub has_keys: bool,
    random: Random,
    free: Arc<AtomicU64>,
    setup: Setup,
    /// Messages that wait for something outside.
    outside: WaitingMessages,
}

impl Inline {
    /// The domain of generated addresses.
    pub const SHARED_DOMAIN: &'static str = "agents.test";

    /// A service over an empty database.
    pub fn new(seed: u64, shared: Arc<Shared>, clock: ReadClock) -> Result<Inline, Error> {
        Self::with_lookups(seed, shared, clock, None)
    }

    /// A service over an empty database, in which messages wait for `lookups`.
    pub fn with_lookups(
        seed: u64,
        shared: Arc<Shared>,
        clock: ReadClock,
        lookups: Option<Arc<dyn Lookups>>,
    ) -> Result<Inline, Error> {
        Self::with_outside(seed, shared, clock, lookups, Arc::new(NoResolver))
    }

    /// A service over an empty database, with a resolver and lookups.
    pub fn with_outside(
        seed: u64,
        shared: Arc<Shared>,
        clock: ReadClock,
        lookups: Option<Arc<dyn Lookups>>,
        resolver: Arc<dyn Resolve>,
    ) -> Result<Inline, Error> {
        let parts = (lookups, Default::default(), None);
        Self::with(seed, shared, clock, resolver, (parts, Default::default()))
    }

    /// A service over an empty database that delivers to other servers.
    pub fn with_ways_out(
        seed: u64,
        shared: Arc<Shared>,
        clock: ReadClock,
        (settings, ways): (OutboundSettings, WaysOut),
    ) -> Result<Inline, Error> {
        Self::with_all(seed, shared, clock, None, (settings, ways))
    }

    /// A service over an empty database that delivers to other servers, and in which messages wait
    /// for `lookups`.
    pub fn with_all(
        seed: u64,
        shared: Arc<Shared>,
        clock: ReadClock,
        lookups: Option<Arc<dyn Lookups>>,
        (settings, ways): (OutboundSettings, WaysOut),
    ) -> Result<Inline, Error> {
        let resolver = Arc::clone(&ways.resolve);
        let parts = (lookups, settings, Some(ways));
        Self::with(seed, shared, clock, resolver, (parts, Default::default()))
    }

    /// A service over an empty database that sends to webhooks.
    pub fn with_webhooks(
        seed: u64,
        shared: Arc<Shared>,
        clock: ReadClock,
        (settings, ways): (WebhookSettings, HookWays),
    ) -> Result<Inline, Error> {
        let resolver = Arc::clone(&ways.resolve);
        let parts = (None, Default::default(), None);
        let hooks = (settings, Some(ways));
        Self::with(seed, shared, clock, resolver, (parts, hooks))
    }

    fn with(
        seed: u64,
        shared: Arc<Shared>,
        clock: ReadClock,
        resolver: Arc<dyn Resolve>,
        ((lookups, outbound, ways_out), webhooks): (MailWays, (WebhookSettings, Option<HookWays>)),
    ) -> Result<Inline, Error> {
        let mut random = Random::seeded(seed);
        let operator = OperatorToken::generate(&mut random);
        // Not of `random`: tests know what comes of their seeds.
        let (sealing, _) = SealingKey::generate(&mut Random::seeded(seed ^ 1));
        let free = Arc::new(AtomicU64::new(u64::MAX));
        let probe = Arc::clone(&free);
        let setup = Setup {
            shared,
            clock,
            free_bytes: Arc::new(move || Some(probe.load(Ordering::Relaxed))),
            shared_domain: Self::SHARED_DOMAIN.to_owned(),
            trust_domains: false,
            operator: OperatorToken::hash(operator.as_bytes()),
            operator_from: crate::call::OperatorFrom::Loopback,
            sealing: Arc::new(sealing),
            resolver,
            lookups,
            outbound,
            ways_out,
            webhooks,
            ways_upstream: None,
        };
        let service = Service::new(setup.clone());
        let mut next = || Random::seeded(random.u64());
        Ok(Inline {
            writer: Writer::with_random(Arc::clone(&service), next()),
            reader: Reader::with_random(Arc::clone(&service), next()),
            random: next(),
            store: Store::in_memory(seed)?,
            service,
            operator,
            has_keys: true,
            free,
            setup,
            outside: WaitingMessages::default(),
        })
    }

    /// Does what is due in the queue to outside, and carries out the calls of connections. Gives
    /// their answers, and the events that come before them.
    pub fn run_outbound(&mut self) -> (LoneTurn, Vec<Event>) {
        let is_open = self.service.outbound.is_open();
        if self.has_keys && is_open && self.service.keys.is_empty() {
            self.make_keys(1);
        }
        self.writer.run_outbound(&self.store)
    }

    /// Has events sent to webhooks. Before anything else has happened.
    pub fn connect_webhooks(&mut self, settings: WebhookSettings, ways: HookWays) {
        self.setup.webhooks = (settings, Some(ways));
        self.restart();
    }

    /// Has the connections of accounts elsewhere made. Before anything else has happened.
    pub fn connect_accounts(&mut self, ways: UpstreamWays) {
        self.setup.ways_upstream = Some(ways);
        self.restart();
    }

    /// Makes the connections of accounts elsewhere that are wanted, and wakes those that have
    /// something to tell.
    pub fn run_upstream(&mut self) -> LoneTurn {
        self.writer.run_upstream(&self.store)
    }

    /// Does what is due for webhooks, and carries out the calls of their connections. Gives their
    /// answers, and the events that come before them.
    pub fn run_webhooks(&mut self) -> (LoneTurn, Vec<Event>) {
        self.writer.run_webhooks(&self.store)
    }

    /// Carries out one request to its end, and gives its answer and the events that it published.
    /// There is no answer while a message waits for a lookup outside.
    pub fn serve(&mut self, request: Request) -> (Option<Reply>, Arc<[Event]>) {
        if let Call::Write(Write::Domain(_)) = &request.call {
            self.make_keys(1);
        }
        if let (Call::Hangup, Some(conn)) = (&request.call, request.conn) {
            self.outside.hang_up(conn);
        }
        let done = drive(&mut self.writer, &mut self.reader, &self.store, request);
        let done = self.done(done);
        self.service.webhooks.saw(&done.1);
        self.service.connections.saw(&done.1);
        done
    }

    fn done(&mut self, done: Done) -> (Option<Reply>, Arc<[Event]>) {
        match done {
            Done::Answered(reply, events) => (reply, events),
            Done::Outside(id, message) => {
                let now_ms = self.service.now().mono_ms;
                self.outside.insert(now_ms, id, message);
                (None, Arc::new([]))
            }
        }
    }

    /// Gives the answer to a lookup. The message that waited for it goes on.
    pub fn found(&mut self, id: LookupId, finding: Finding) -> (Option<Reply>, Arc<[Event]>) {
        let Some(message) = self.outside.remove(id) else {
            return (None, Arc::new([]));
        };
        let task = ReadTask::Intake(message.with(|parsed| IntakeStage::Found(parsed, finding)));
        let done = resume(&mut self.writer, &mut self.reader, &self.store, task);
        self.done(done)
    }

    /// Lets a message go on that has waited long enough for a lookup, if there is one.
    pub fn expire_outside(&mut self) -> Option<CarriedOn> {
        let id = self.outside.late(self.service.now().mono_ms)?;
        let conn = self.outside.conn(id);
        let (reply, events) = self.found(id, Finding::TimedOut);
        Some((conn, reply, events))
    }

    /// When [`Inline::expire_outside`] is to be called.
    pub fn next_outside_ms(&self) -> Option<u64> {
        self.outside.next_ms()
    }

    /// Carries on a call that waited for something outside, if what it waited for has come.
    pub fn carry_on(&mut self) -> Option<CarriedOn> {
        carry_on(&mut self.writer, &self.store)
    }

    /// Has signing keys ready for `n` domains: one RSA key for all, because each takes a second in
    /// a test.
    pub fn make_keys(&mut self, n: usize) {
        static RSA: OnceLock<Option<Vec<u8>>> = OnceLock::new();
        let rsa = RSA.get_or_init(|| {
            let key = SigningKey::generate(SigningAlgorithm::Rsa, &mut Random::seeded(1));
            key.map(|key| key.to_stored())
        });
        for _ in 0..n {
            let rsa = rsa.as_deref().and_then(SigningKey::from_stored);
            let ed25519 = SigningKey::generate(SigningAlgorithm::Ed25519, &mut self.random);
            if let (Some(rsa), Some(ed25519)) = (rsa, ed25519) {
                self.service.keys.give(rsa, ed25519);
            }
        }
    }

    /// Declines held mail whose time is over, sends scheduled mail whose time has come, and ends
    /// what ends by itself. Gives the milliseconds until the next of it is due, and the events to
    /// publish.
    pub fn run_waiting(&mut self) -> Result<(Option<u64>, Vec<Event>), Error> {
        let mut all = self.writer.expire_approvals(&self.store)?;
        loop {
            let (next, events) = self.writer.release_scheduled(&self.store)?;
            all.extend(events);
            let (ends, events) = self.writer.end_expired(&self.store)?;
            all.extend(events);
            let next = next.into_iter().chain(ends).min();
            if next != Some(0) {
                self.service.webhooks.saw(&all);
                self.service.connections.saw(&all);
                return Ok((next, all));
            }
        }
    }

    /// Ends the process and starts another over the same database: nothing that is only in memory
    /// is left.
    pub fn restart(&mut self) {
        self.service = Service::new(self.setup.clone());
        self.outside = WaitingMessages::default();
        self.writer =
            Writer::with_random(Arc::clone(&self.service), Random::seeded(self.random.u64()));
        self.reader =
            Reader::with_random(Arc::clone(&self.service), Random::seeded(self.random.u64()));
    }

    /// The connection whose message waits for a lookup.
    pub fn waiting_conn(&self, id: LookupId) -> Option<ConnId> {
        self.outside.conn(id)
    }

    /// Lets the next commit fail, as a failing disk does.
    pub fn fail_next_commit(&mut self) {
        self.store.fail_next_commit();
    }

    /// Sets the free octets that the probe of the disk gives from now on.
    pub fn set_free_bytes(&mut self, free: u64) {
        self.free.store(free, Ordering::Relaxed);
    }

    /// An organization without inboxes and keys.
    pub fn make_org(&mut self, name: &str) -> Result<OrgId, Error> {
        self.make(|context| Ok(org::insert_org(context, name)?.id))
    }

    /// An inbox with exactly this address. Its domain is created when it does not exist.
    pub fn make_inbox(&mut self, org: OrgId, address: &str) -> Result<InboxId, Error> {
        self.make_inbox_under(org, address, None)
    }

    /// An inbox under another.
    pub fn make_inbox_under(
        &mut self,
        org: OrgId,
        address: &str,
        parent: Option<InboxId>,
    ) -> Result<InboxId, Error> {
        self.make(|context| {
            let address = super::policy::parse_address(address, "address")?;
            let domain = inbox::find_or_insert_domain(context, org, &address)?;
            let row = plain_row(context, &address, parent);
            let ancestors = match parent {
                None => Vec::new(),
                Some(parent) => {
                    let path = context.store.inbox_path(org, parent)?;
                    let above = path.map(|p| p.ancestors).unwrap_or_default();
                    [parent].into_iter().chain(above).collect()
                }
            };
            inbox::insert(context, org, &row, &address, domain, &ancestors)?;
            Ok(row.id)
        })
    }

    /// A key, as text; `inboxes` binds it.
    pub fn make_key(
        &mut self,
        org: OrgId,
        scopes: Scopes,
        inboxes: Option<&[InboxId]>,
    ) -> Result<String, Error> {
        self.make_key_until(org, scopes, inboxes, None)
    }

    /// A key that expires at a time, in unix milliseconds.
    pub fn make_key_until(
        &mut self,
        org: OrgId,
        scopes: Scopes,
        inboxes: Option<&[InboxId]>,
        expires_at: Option<i64>,
    ) -> Result<String, Error> {
        self.make_key_of(org, scopes, inboxes, (false, expires_at))
    }

    /// A key that also covers the inboxes under those.
    pub fn make_subtree_key(
        &mut self,
        org: OrgId,
        scopes: Scopes,
        inboxes: &[InboxId],
    ) -> Result<String, Error> {
        self.make_key_of(org, scopes, Some(inboxes), (true, None))
    }

    fn make_key_of(
        &mut self,
        org: OrgId,
        scopes: Scopes,
        inboxes: Option<&[InboxId]>,
        (subtree, expires_at): (bool, Option<i64>),
    ) -> Result<String, Error> {
        let inboxes = inboxes.map(|ids| {
            let mut ids = ids.to_vec();
            ids.sort_unstable();
            ids
        });
        self.make(|context| {
            let new = CheckedKey {
                label: None,
                scopes,
                inboxes,
                subtree,
                expires_at,
            };
            let (_, secret) = key::generate(context, org, new)?;
            Ok(String::from_utf8_lossy(secret.expose()).into_owned())
        })
    }

    /// Runs `what` in a transaction of its own. Nothing is published.
    fn make<T>(
        &mut self,
        what: impl FnOnce(&mut WriteContext<'_>) -> Result<T, Refusal>,
    ) -> Result<T, Error> {
        let mut events = Vec::new();
        let mut context = WriteContext {
            service: &self.service,
            shared: &self.service.shared,
            store: &self.store,
            random: &mut self.random,
            now: self.service.now(),
            origin: None,
            request_id: None,
            depth: 0,
            is_again: false,
            events: &mut events,
        };
        self.store.begin()?;
        match what(&mut context) {
            Ok(made) => self.store.commit().map(|_| made),
            Err(refusal) => {
                self.store.rollback();
                Err(refusal.into())
            }
        }
    }
}

fn plain_row(context: &WriteContext<'_>, address: &Address, parent: Option<InboxId>) -> InboxRow {
    InboxRow {
        id: InboxId(context.store.new_id(context.now)),
        address: address.to_string(),
        display_name: None,
        parent,
        client_id: None,
        metadata: None,
        created_at: context.now.unix_ms,
        bytes: 0,
        messages: 0,
        send_mode: crate::call::SendMode::Direct,
        receive_default: crate::call::ReceiveDefault::Allow,
        expires_at: None,
        retention_days: None,
        upstream: None,
        quota_bytes: None,
        limits: crate::call::InboxLimits::default(),
    }
}
