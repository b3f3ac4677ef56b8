//! The routes: what the service keeps in memory of the domains and smarthosts that mail goes to
//! now. A route has backlogs, the hosts that are left to try, and its connections.
//!
//! It knows no database. It decides when a connection is made and to where, and gives that as
//! [`OutboundAction`]s; `queue.rs` moves rows. All of it is bounded: by the number of connections,
//! and by [`BACKLOGS_MAX`] for each route. What does not fit stays a row.
//!
//! ```text
//! backlog ─► look up hosts ─► address ─► dial ─► Next ─► … ─► no more due ─► held ─► QUIT
//!                 ▲              ▲          │
//!                 │              └── Lost ──┤  five addresses, two sessions
//!                 └───── rest ◄─────────────┘  then the due rows are deferred
//! ```

mod connections;

use core::net::{IpAddr, SocketAddr};
use core::ops::Bound;
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use super::failure::{DeliveryFailure, Lasting};
use super::hosts::{HostStep, Hosts, hosts_of, literal};
use crate::call::{
    ConnId, DnsAnswer, InboxId, Metric, Now, OutboundDial, OutboundLease, OutboundSettings,
    OutboundTlsNeed, OutboundTlsPolicy, Question, RecordType, RouteId, Shared, Smarthost,
    SmarthostTls,
};
use crate::store::Backlog;

/// Where a route leads.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum NextHop {
    /// The hosts of a domain.
    Domain(String),
    /// A smarthost: the global one, or that of a domain.
    Smarthost(Option<String>),
    /// The server of an account elsewhere.
    Account(InboxId),
}

/// Something to do outside, after the commit.
#[derive(Debug)]
pub enum OutboundAction {
    /// A question to the DNS; its answer comes back with this number.
    Ask(u64, Question),
    /// A connection.
    Dial(Box<OutboundDial>),
}

/// What the loss of a connection means for its transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LeaseEnd {
    /// Nothing was sent: as if it had not been begun.
    Undone,
    /// It failed, and is tried again at once.
    Again(DeliveryFailure),
    /// It failed, and is tried again by the schedule.
    Later(DeliveryFailure),
}

/// One route.
#[derive(Debug, Default)]
pub struct OutboundRoute {
    /// What waits for it, in turn.
    pub backlogs: VecDeque<Backlog>,
    hosts: Option<Hosts>,
    is_looking_up: bool,
    /// The address at which the last session began well.
    good: Option<(String, SocketAddr)>,
    /// Connections that may be open at once.
    allowed: usize,
    open: usize,
    /// Connections that wait for something to send.
    held: Vec<RouteId>,
    /// More rows are due than connections are open.
    wants_more: bool,
    addresses_tried: u8,
    sessions_tried: u8,
    last: Option<DeliveryFailure>,
    /// All that is due has failed for this reason.
    pub verdict: Option<DeliveryFailure>,
    failures: u32,
    /// It rests until then, unix milliseconds.
    not_before: i64,
}

/// One connection, from its dial on.
#[derive(Debug)]
struct Connection {
    to: NextHop,
    host: String,
    address: SocketAddr,
    tls: OutboundTlsPolicy,
    is_fallback: bool,
    /// The connection of the net, once it has asked for a transaction.
    conn: Option<ConnId>,
    lease: Option<OutboundLease>,
    /// Transactions that were answered.
    done: u32,
    began_ms: u64,
    /// It is forgotten then: its engine has not told its end.
    deadline_ms: u64,
    /// It ends as soon as nothing is due.
    is_ending: bool,
    is_held: bool,
}

/// What is known of one address.
#[derive(Debug, Default)]
struct AddressLoad {
    open: usize,
    waiting: VecDeque<NextHop>,
    /// Connections that wait for something to send.
    held: BTreeSet<RouteId>,
}

/// All routes.
#[derive(Debug)]
pub struct Routes {
    pub settings: OutboundSettings,
    own_name: String,
    connections_max: usize,
    routes: HashMap<NextHop, OutboundRoute>,
    /// The servers of accounts that have a route, or why an account has none.
    accounts: HashMap<InboxId, Result<Smarthost, &'static str>>,
    /// Accounts that have a route and were deleted with their inboxes.
    ended_accounts: HashSet<InboxId>,
    /// Servers of accounts may have private addresses.
    allows_private_accounts: bool,
    connections: HashMap<RouteId, Connection>,
    loads: HashMap<IpAddr, AddressLoad>,
    /// Questions that are not answered: the route, and the host that it asks for.
    questions: HashMap<u64, (NextHop, Option<String>)>,
    /// Routes that wait for a place among the connections, the newest last.
    waiting: VecDeque<NextHop>,
    timers: BTreeSet<(u64, RouteId)>,
    actions: Vec<OutboundAction>,
    /// Connections whose call is to be carried out again.
    resumed: Vec<(ConnId, RouteId)>,
    /// Routes with a verdict.
    failing: BTreeSet<NextHop>,
    /// The last one that was taken from them, so that all have a turn.
    failed_last: Option<NextHop>,
    /// Mail has waited for a connection since the gauges were set.
    is_limited: bool,
    next_number: u64,
    random: u64,
}

impl Routes {
    pub fn new(settings: OutboundSettings, shared: &Shared) -> Routes {
        Routes {
            settings,
            own_name: shared.host.clone(),
            connections_max: shared.limits.outbound_connections,
            routes: HashMap::new(),
            accounts: HashMap::new(),
            ended_accounts: HashSet::new(),
            allows_private_accounts: shared.upstream.allow_private,
            connections: HashMap::new(),
            loads: HashMap::new(),
            questions: HashMap::new(),
            waiting: VecDeque::new(),
            timers: BTreeSet::new(),
            actions: Vec::new(),
            resumed: Vec::new(),
            failing: BTreeSet::new(),
            failed_last: None,
            is_limited: false,
            next_number: 1,
            random: 0,
        }
    }

    /// Sets the beginning of the random numbers.
    pub fn seed(&mut self, seed: u64) {
        self.random = seed;
    }

    /// A random number, for jitter and for the order of hosts.
    pub fn random(&mut self) -> u64 {
        next_random(&mut self.random)
    }

    /// Sets the server of an account, as it is now. Where it has another login, nothing more is
    /// dialled to the address of the one before.
    pub fn set_account(&mut self, inbox: InboxId, server: Result<Smarthost, &'static str>) {
        let is_same = self.accounts.get(&inbox) == Some(&server);
        self.accounts.insert(inbox, server);
        let route = self.routes.get_mut(&NextHop::Account(inbox));
        if let Some(route) = route.filter(|_| !is_same) {
            (route.good, route.hosts) = (None, None);
        }
    }

    /// The account has ended with its inbox: what waits for it cannot leave any more.
    pub fn end_account(&mut self, inbox: InboxId) {
        self.ended_accounts.insert(inbox);
        if let Some(route) = self.routes.get_mut(&NextHop::Account(inbox)) {
            (route.good, route.hosts) = (None, None);
        }
    }

    /// Where mail for a domain goes.
    pub fn destination(&self, backlog: &Backlog) -> NextHop {
        if let Some(inbox) = backlog.account() {
            return NextHop::Account(inbox);
        }
        let domain = backlog.domain.as_str();
        match self.settings.domains.get(domain) {
            Some(own) if own.smarthost.is_some() => NextHop::Smarthost(Some(domain.to_owned())),
            _ if self.settings.smarthost.is_some() => NextHop::Smarthost(None),
            _ => NextHop::Domain(domain.to_owned()),
        }
    }

    fn smarthost(&self, to: &NextHop) -> Option<&Smarthost> {
        match to {
            NextHop::Domain(_) => None,
            NextHop::Account(inbox) => self.accounts.get(inbox)?.as_ref().ok(),
            NextHop::Smarthost(None) => self.settings.smarthost.as_ref(),
            NextHop::Smarthost(Some(domain)) => {
                self.settings.domains.get(domain)?.smarthost.as_ref()
            }
        }
    }

    pub fn route_mut(&mut self, to: &NextHop) -> Option<&mut OutboundRoute> {
        self.routes.get_mut(to)
    }

    /// Takes a backlog in. Gives when it is looked at again, if its route rests or is full; `None`
    /// is now.
    pub fn take_in(&mut self, now: Now, backlog: &Backlog) -> Option<i64> {
        let to = self.destination(backlog);
        let is_room = self.routes.len() < ROUTES_MAX;
        if !is_room && !self.routes.contains_key(&to) {
            self.forget_idle(now);
            if self.routes.len() >= ROUTES_MAX {
                return Some(now.unix_ms.saturating_add(FULL_MS));
            }
        }
        let route = self
            .routes
            .entry(to.clone())
            .or_insert_with(|| OutboundRoute {
                allowed: ALLOWED_AT_FIRST,
                ..OutboundRoute::default()
            });
        if route.not_before > now.unix_ms {
            return Some(route.not_before);
        }
        if !route.backlogs.contains(backlog) {
            if route.backlogs.len() >= BACKLOGS_MAX {
                return Some(now.unix_ms.saturating_add(FULL_MS));
            }
            route.backlogs.push_back(backlog.clone());
        }
        self.advance(now, &to);
        None
    }

    /// Whether a backlog is looked at now.
    pub fn is_taken_in(&self, backlog: &Backlog) -> bool {
        let route = self.routes.get(&self.destination(backlog));
        route.is_some_and(|route| route.backlogs.contains(backlog))
    }

    /// Whether the server of a domain is given a rest; it is not, from now on.
    pub fn end_rest(&mut self, backlog: &Backlog) {
        let to = self.destination(backlog);
        if let Some(route) = self.routes.get_mut(&to) {
            route.not_before = 0;
        }
    }

    /// The next step of a route.
    pub fn advance(&mut self, now: Now, to: &NextHop) {
        let Some(route) = self.routes.get_mut(to) else {
            return;
        };
        if route.verdict.is_some() {
            self.failing.insert(to.clone());
            return;
        }
        if route.backlogs.is_empty() {
            return;
        }
        if let Some(held) = route.held.pop() {
            self.resume(held);
            return;
        }
        let wanted = match (&route.good, route.wants_more) {
            (Some(_), true) => route.allowed,
            _ => 1,
        };
        if route.open >= wanted || route.is_looking_up {
            return;
        }
        if self.connections.len() >= self.connections_max {
            self.wait_for_place(to);
            return;
        }
        self.dial_next(now, to);
    }

    fn wait_for_place(&mut self, to: &NextHop) {
        self.is_limited = true;
        if !self.waiting.contains(to) {
            self.waiting.push_back(to.clone());
        }
    }

    /// Dials the next address of a route, or asks for it.
    fn dial_next(&mut self, now: Now, to: &NextHop) {
        let Some(route) = self.routes.get_mut(to) else {
            return;
        };
        if let Some((host, address)) = route.good.clone() {
            return self.dial(now, to, host, address, false);
        }
        let is_spent =
            route.addresses_tried >= ADDRESSES_A_TRY || route.sessions_tried >= SESSIONS_A_TRY;
        if is_spent {
            return self.give_up(to, None);
        }
        let Some(hosts) = &mut route.hosts else {
            return self.look_up(now, to);
        };
        let random = &mut self.random;
        let step = hosts.next(&self.settings, &mut || next_random(random));
        match step {
            HostStep::Wait => self.looks_up(to),
            HostStep::Ask(host, questions) => {
                self.looks_up(to);
                for question in questions {
                    self.ask(to, Some(host.clone()), question);
                }
            }
            HostStep::Try(host, address) if self.is_own(address) => {
                // A better host that was tried before says more.
                let is_only = route_is_fresh(self.routes.get(to));
                let failure = DeliveryFailure::ourselves(&host).at_host(&host);
                self.give_up(to, is_only.then_some(failure));
            }
            HostStep::Try(host, address) => {
                if let Some(route) = self.routes.get_mut(to) {
                    route.addresses_tried = route.addresses_tried.saturating_add(1);
                }
                self.dial(now, to, host, address, false);
            }
            HostStep::End(fault) => self.give_up(to, fault),
        }
    }

    /// Whether this server takes mail at an address.
    fn is_own(&self, address: SocketAddr) -> bool {
        self.settings.own.iter().any(|own| {
            let is_same = own.ip().to_canonical() == address.ip().to_canonical();
            let is_any = own.ip().is_unspecified() && address.ip().is_loopback();
            own.port() == address.port() && (is_same || is_any)
        })
    }

    fn look_up(&mut self, now: Now, to: &NextHop) {
        let hosts = match to {
            NextHop::Account(inbox) if self.ended_accounts.contains(inbox) => {
                let why = "the sender was deleted, with the account that it sends by".to_owned();
                let failure = DeliveryFailure::of(Lasting::Permanent, (5, 7, 0), why);
                return self.give_up(to, Some(failure));
            }
            NextHop::Account(inbox) => match self.accounts.get(inbox) {
                Some(Ok(server)) => {
                    let is_checked = !self.allows_private_accounts;
                    Some(Hosts::one(&server.host, server.port, is_checked, false))
                }
                Some(Err(why)) => {
                    let why = (*why).to_owned();
                    let failure = DeliveryFailure::of(Lasting::Temporary, (4, 7, 0), why);
                    return self.give_up(to, Some(failure));
                }
                None => None,
            },
            NextHop::Smarthost(_) => self
                .smarthost(to)
                .map(|host| Hosts::one(&host.host, host.port, false, false)),
            NextHop::Domain(domain) => {
                let port = self.settings.port;
                literal(domain).map(|_| Hosts::one(domain, port, true, false))
            }
        };
        if hosts.is_some() {
            if let Some(route) = self.routes.get_mut(to) {
                route.hosts = hosts;
            }
            // One step deeper at most: there are hosts now.
            return self.dial_next(now, to);
        }
        let NextHop::Domain(domain) = to else {
            return;
        };
        match Question::new(domain, RecordType::Mx) {
            Some(question) => {
                self.looks_up(to);
                self.ask(to, None, question);
            }
            None => {
                let why = format!("the domain {domain} is no name that the DNS can have");
                let failure = DeliveryFailure::of(Lasting::Permanent, (5, 1, 2), why);
                self.give_up(to, Some(failure));
            }
        }
    }

    fn looks_up(&mut self, to: &NextHop) {
        if let Some(route) = self.routes.get_mut(to) {
            route.is_looking_up = true;
        }
    }

    fn ask(&mut self, to: &NextHop, host: Option<String>, question: Question) {
        let number = self.number();
        self.questions.insert(number, (to.clone(), host));
        self.actions.push(OutboundAction::Ask(number, question));
    }

    fn number(&mut self) -> u64 {
        let number = self.next_number;
        self.next_number = number.saturating_add(1);
        number
    }

    /// The answer to a question.
    pub fn answered(&mut self, now: Now, number: u64, answer: DnsAnswer) {
        let Some((to, host)) = self.questions.remove(&number) else {
            return;
        };
        let Some(route) = self.routes.get_mut(&to) else {
            return;
        };
        match (host, &to) {
            (Some(host), _) => {
                if let Some(hosts) = &mut route.hosts {
                    hosts.answered(&host, answer);
                }
            }
            (None, NextHop::Domain(domain)) => {
                let random = &mut self.random;
                let mut random = || next_random(random);
                let name = &self.own_name;
                match hosts_of(domain, answer, &self.settings, name, &mut random) {
                    Ok(hosts) => route.hosts = Some(hosts),
                    Err(failure) => {
                        route.is_looking_up = false;
                        return self.give_up(&to, Some(failure));
                    }
                }
            }
            (None, NextHop::Smarthost(_) | NextHop::Account(_)) => return,
        }
        route.is_looking_up = false;
        self.advance(now, &to);
    }

    /// Ends a try: everything that is due fails.
    fn give_up(&mut self, to: &NextHop, failure: Option<DeliveryFailure>) {
        let Some(route) = self.routes.get_mut(to) else {
            return;
        };
        // A session that has failed says more than a host without an address behind it.
        let last = route.last.take();
        let failure = match (last, failure) {
            (Some(last), Some(failure)) if failure.lasting == Lasting::Temporary => Some(last),
            (last, failure) => failure.or(last),
        };
        let failure = failure.unwrap_or_else(|| {
            let why = "no host could be reached".to_owned();
            DeliveryFailure::of(Lasting::Temporary, (4, 4, 1), why)
        });
        route.verdict = Some(failure);
        self.failing.insert(to.clone());
    }

    fn dial(
        &mut self,
        now: Now,
        to: &NextHop,
        host: String,
        address: SocketAddr,
        is_fallback: bool,
    ) {
        let ip = address.ip();
        let load = self.loads.entry(ip).or_default();
        if load.open >= self.settings.host_connections {
            if !load.waiting.contains(to) {
                load.waiting.push_back(to.clone());
            }
            // One that has nothing to send gives its place.
            let idle = load.held.pop_first();
            // Not tried: the address comes again when one of its connections has ended.
            if let Some(route) = self.routes.get_mut(to)
                && route.good.is_none()
            {
                route.addresses_tried = route.addresses_tried.saturating_sub(1);
                if let Some(hosts) = &mut route.hosts {
                    hosts.put_back(ip);
                }
            }
            if let Some(idle) = idle {
                self.end_idle(now, idle);
            }
            return;
        }
        load.open += 1;
        if let Some(route) = self.routes.get_mut(to) {
            route.open += 1;
        }
        let tls = match is_fallback {
            true => OutboundTlsPolicy::Never,
            false => self.tls(to),
        };
        let route = RouteId(self.number());
        let deadline_ms = now.mono_ms.saturating_add(SESSION_MS);
        self.timers.insert((deadline_ms, route));
        let login = self.smarthost(to).and_then(|host| host.login.clone());
        self.actions
            .push(OutboundAction::Dial(Box::new(OutboundDial {
                route,
                host: host.clone(),
                address,
                bind: (self.settings.bind.iter())
                    .find(|bind| bind.is_ipv4() == ip.is_ipv4())
                    .copied(),
                tls,
                login,
                is_account: matches!(to, NextHop::Account(_)),
                helo: self
                    .settings
                    .helo
                    .clone()
                    .unwrap_or_else(|| self.own_name.clone()),
                timeouts: self.settings.timeouts,
            })));
        self.connections.insert(
            route,
            Connection {
                to: to.clone(),
                host,
                address,
                tls,
                is_fallback,
                conn: None,
                lease: None,
                done: 0,
                began_ms: now.mono_ms,
                deadline_ms,
                is_ending: false,
                is_held: false,
            },
        );
    }

    fn tls(&self, to: &NextHop) -> OutboundTlsPolicy {
        if let Some(host) = self.smarthost(to) {
            return match host.tls {
                SmarthostTls::StartTls => OutboundTlsPolicy::RequiredVerified,
                SmarthostTls::Implicit => OutboundTlsPolicy::ImplicitVerified,
                SmarthostTls::None => OutboundTlsPolicy::Never,
            };
        }
        let own = match to {
            NextHop::Domain(domain) => self.settings.domains.get(domain),
            NextHop::Smarthost(_) | NextHop::Account(_) => None,
        };
        match own.and_then(|own| own.tls).unwrap_or(self.settings.tls) {
            OutboundTlsNeed::Opportunistic => OutboundTlsPolicy::Opportunistic,
            OutboundTlsNeed::Required => OutboundTlsPolicy::Required,
        }
    }

    // ---- the work of a turn ----

    /// Timers that have come.
    pub fn tick(&mut self, now: Now) {
        while let Some(&(at, id)) = self.timers.first() {
            if at > now.mono_ms {
                break;
            }
            self.timers.remove(&(at, id));
            let Some(connection) = self.connections.get(&id) else {
                continue;
            };
            match connection.is_held {
                true => self.end_idle(now, id),
                false => {
                    log::error!("an outgoing connection has not told its end: forgotten");
                    self.end(now, id);
                }
            }
        }
    }

    /// When the next timer comes, monotonic milliseconds.
    pub fn next_timer(&self) -> Option<u64> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// The transaction of a connection.
    pub fn lease(&self, id: RouteId) -> Option<OutboundLease> {
        self.connections.get(&id)?.lease
    }

    /// The due rows of a route are still to be failed.
    pub fn fails(&mut self, to: NextHop) {
        self.failing.insert(to);
    }

    /// Up to `limit` routes with a verdict.
    pub fn next_failing(&mut self, limit: usize) -> Vec<NextHop> {
        let last = self.failed_last.take();
        let after = last.map_or(Bound::Unbounded, Bound::Excluded);
        let behind = self.failing.range((after, Bound::Unbounded));
        let mut taken: Vec<NextHop> = behind.take(limit).cloned().collect();
        if taken.is_empty() {
            taken = self.failing.iter().take(limit).cloned().collect();
        }
        for to in &taken {
            self.failing.remove(to);
        }
        self.failed_last = taken.last().cloned();
        taken
    }

    /// Ends the try of a route whose due rows have failed. It rests, unless the failure was
    /// permanent. Gives until when, and what it had taken in.
    pub fn end_try(&mut self, now: Now, to: &NextHop) -> (i64, Vec<Backlog>) {
        let Some(route) = self.routes.get_mut(to) else {
            return (0, Vec::new());
        };
        let verdict = route.verdict.take();
        let is_permanent = verdict.is_some_and(|failure| failure.lasting == Lasting::Permanent);
        if !is_permanent {
            route.failures = route.failures.saturating_add(1);
            let settings = &self.settings;
            route.not_before = super::schedule::rest_until(settings, now.unix_ms, route.failures);
        }
        route.hosts = None;
        route.good = None;
        route.wants_more = false;
        route.last = None;
        (route.addresses_tried, route.sessions_tried) = (0, 0);
        (route.not_before, route.backlogs.drain(..).collect())
    }

    /// Whether there is work for a turn that no time says.
    pub fn has_work(&self) -> bool {
        !self.actions.is_empty() || !self.resumed.is_empty() || !self.failing.is_empty()
    }

    pub fn take_actions(&mut self) -> Vec<OutboundAction> {
        core::mem::take(&mut self.actions)
    }

    pub fn take_resumed(&mut self) -> Vec<(ConnId, RouteId)> {
        core::mem::take(&mut self.resumed)
    }

    /// Ends every connection that is held: the server stops.
    pub fn end_held(&mut self) {
        let held: Vec<RouteId> = (self.connections.iter())
            .filter(|(_, connection)| connection.is_held)
            .map(|(id, _)| *id)
            .collect();
        for id in held {
            if let Some(connection) = self.connections.get_mut(&id) {
                connection.is_ending = true;
            }
            self.resume(id);
        }
    }

    /// Forgets routes that have nothing to do and do not rest.
    fn forget_idle(&mut self, now: Now) {
        self.routes.retain(|_, route| {
            route.open > 0
                || !route.backlogs.is_empty()
                || route.is_looking_up
                || route.verdict.is_some()
                || route.not_before > now.unix_ms
        });
        let routes = &self.routes;
        (self.ended_accounts).retain(|inbox| routes.contains_key(&NextHop::Account(*inbox)));
        (self.accounts).retain(|inbox, _| routes.contains_key(&NextHop::Account(*inbox)));
    }

    /// Sets the gauges.
    pub fn show(&mut self, shared: &Shared) {
        let metrics = &shared.metrics;
        if core::mem::take(&mut self.is_limited) {
            metrics.count(Metric::OutboundLimited);
        }
        metrics.set(Metric::OutboundConnections, self.connections.len() as u64);
        metrics.set(Metric::OutboundRoutes, self.routes.len() as u64);
    }
}

/// Whether no other host was tried in this try.
fn route_is_fresh(route: Option<&OutboundRoute>) -> bool {
    route.is_none_or(|route| route.last.is_none())
}

/// splitmix64.
fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Backlogs that a route has taken in at once. Others come when their time comes again.
const BACKLOGS_MAX: usize = 64;

/// Routes that are remembered: a few hundred octets each.
const ROUTES_MAX: usize = 20_000;

/// Milliseconds after which a backlog comes again for which there was no place.
const FULL_MS: i64 = 1000;

/// Connections of a new route: as many as show whether the other side can take more.
const ALLOWED_AT_FIRST: usize = 2;

/// Connections of a route at most.
const ALLOWED_MAX: usize = 10;

/// Addresses and sessions of one try.
const ADDRESSES_A_TRY: u8 = 5;
const SESSIONS_A_TRY: u8 = 2;

/// Milliseconds that a connection waits for more to send.
const HOLD_MS: u64 = 5000;

/// Transactions and milliseconds of one connection.
const TRANSACTIONS_MAX: u32 = 1000;
const REUSE_MS: u64 = 300_000;

/// Milliseconds of one transaction after which its connection is forgotten: longer than any
/// time-out of an engine lets it take.
const SESSION_MS: u64 = 2 * 3_600_000;
