//! Connections to endpoints, in memory: look-ups, dials, connections that wait for more, and how
//! many there may be. It knows no database.
//!
//! ```text
//! begin ─► look up the name ─► judge its addresses ─► dial ─► Next ─► … ─► held ─► end
//! ```

use core::net::{IpAddr, SocketAddr};
use std::collections::{BTreeSet, HashMap, VecDeque};

use super::due::DueDelivery;
use crate::call::{
    ADDRESS_NOT_ALLOWED, ConnId, DnsAnswer, DnsError, HOOK_LIMIT_MS, HookDial, HookRoute, Now,
    Question, RecordType, Records, RemoteHost, RemoteRules, RemoteUrl, WebhookId,
};

/// Something to do outside, after the commit.
#[derive(Debug)]
pub(super) enum HookAction {
    /// A question to the DNS; its answer comes back with this number.
    Ask(u64, Question),
    /// A connection.
    Dial(Box<HookDial>),
}

/// One connection, from its look-up on.
#[derive(Debug)]
pub(super) struct HookConnection {
    pub webhook: WebhookId,
    pub url: RemoteUrl,
    /// The connection that waits for the answer of a test; `None`: it delivers.
    pub test: Option<ConnId>,
    /// Answers of the DNS that have not come.
    open: u8,
    found: Vec<IpAddr>,
    /// Why the name could not be looked up.
    fault: Option<String>,
    /// The engine's connection while it waits for more.
    pub held: Option<ConnId>,
    /// What was claimed for it.
    pub claim: Option<DueDelivery>,
    pub began_ms: u64,
    /// It is forgotten then: its engine has not told its end.
    deadline_ms: u64,
    /// It ends as soon as its request has ended.
    pub is_ending: bool,
    /// The endpoint has failed the last time.
    is_failing: bool,
}

/// All connections.
#[derive(Debug)]
pub(super) struct HookRoutes {
    routes: HashMap<HookRoute, HookConnection>,
    /// The connection that delivers to an endpoint.
    delivering: HashMap<WebhookId, HookRoute>,
    questions: HashMap<u64, HookRoute>,
    timers: BTreeSet<(u64, HookRoute)>,
    /// Endpoints that wait for a place.
    pub waiting: VecDeque<WebhookId>,
    actions: Vec<HookAction>,
    /// HookRoutes without an address to connect to, and why.
    pub failed: Vec<(HookRoute, String)>,
    failing: usize,
    next_number: u64,
    /// Connections that may be begun now, and when that was counted.
    tokens: u64,
    tokens_ms: u64,
}

impl HookRoutes {
    pub fn new() -> HookRoutes {
        HookRoutes {
            routes: HashMap::new(),
            delivering: HashMap::new(),
            questions: HashMap::new(),
            timers: BTreeSet::new(),
            waiting: VecDeque::new(),
            actions: Vec::new(),
            failed: Vec::new(),
            failing: 0,
            next_number: 1,
            tokens: DIALS_BURST,
            tokens_ms: 0,
        }
    }

    pub fn forget(&mut self) {
        self.routes.clear();
        self.delivering.clear();
        self.questions.clear();
        self.timers.clear();
        self.waiting.clear();
        self.failed.clear();
        self.failing = 0;
    }

    pub fn len(&self) -> usize {
        self.routes.len()
    }

    pub fn get_mut(&mut self, route: HookRoute) -> Option<&mut HookConnection> {
        self.routes.get_mut(&route)
    }

    /// The connection that delivers to an endpoint.
    pub fn delivering(&self, webhook: WebhookId) -> Option<HookRoute> {
        self.delivering.get(&webhook).copied()
    }

    /// Whether a connection may be begun, and takes its place. Endpoints that fail have half of the
    /// places, and dials are paced: what is due at one moment after an outage does not go out in
    /// one moment.
    pub fn takes_place(&mut self, now: Now, is_failing: bool) -> bool {
        let gained = now.mono_ms.saturating_sub(self.tokens_ms) * DIALS_PER_S / 1000;
        if gained > 0 {
            self.tokens = self.tokens.saturating_add(gained).min(DIALS_BURST);
            self.tokens_ms = now.mono_ms;
        }
        let is_crowded = is_failing && self.failing >= CONNECTIONS_MAX / 2;
        if self.routes.len() >= CONNECTIONS_MAX || is_crowded || self.tokens == 0 {
            return false;
        }
        self.tokens -= 1;
        true
    }

    /// The connection that has waited for more for the longest time.
    pub fn oldest_held(&self) -> Option<HookRoute> {
        let held = self.routes.iter().filter(|(_, route)| route.held.is_some());
        held.min_by_key(|(id, route)| (route.deadline_ms, **id))
            .map(|(id, _)| *id)
    }

    /// Begins a connection: its name is looked up, or its address judged.
    pub fn begin(
        &mut self,
        now: Now,
        rules: &RemoteRules,
        (webhook, url): (WebhookId, RemoteUrl),
        (test, is_failing): (Option<ConnId>, bool),
    ) {
        let id = HookRoute(self.number());
        let host = url.host.clone();
        let route = HookConnection {
            webhook,
            url,
            test,
            open: 0,
            found: Vec::new(),
            fault: None,
            held: None,
            claim: None,
            began_ms: now.mono_ms,
            deadline_ms: 0,
            is_ending: false,
            is_failing,
        };
        self.failing += usize::from(is_failing);
        if test.is_none() {
            self.delivering.insert(webhook, id);
        }
        self.routes.insert(id, route);
        self.set_deadline(id, now.mono_ms.saturating_add(SILENT_MS));
        match host {
            RemoteHost::Address(address) => {
                if let Some(route) = self.routes.get_mut(&id) {
                    route.found.push(address);
                }
                self.judge(now, rules, id);
            }
            RemoteHost::Name(name) => {
                let kinds = [RecordType::A, RecordType::Aaaa];
                let questions = kinds.iter().filter_map(|kind| Question::new(&name, *kind));
                for question in questions {
                    let number = self.number();
                    self.questions.insert(number, id);
                    self.actions.push(HookAction::Ask(number, question));
                    if let Some(route) = self.routes.get_mut(&id) {
                        route.open += 1;
                    }
                }
            }
        }
    }

    fn number(&mut self) -> u64 {
        let number = self.next_number;
        self.next_number = number.saturating_add(1);
        number
    }

    /// The answer to a question.
    pub fn answered(&mut self, now: Now, rules: &RemoteRules, (number, answer): (u64, DnsAnswer)) {
        let Some(id) = self.questions.remove(&number) else {
            return;
        };
        let Some(route) = self.routes.get_mut(&id) else {
            return;
        };
        match answer {
            Ok(Records::A(found)) => route.found.extend(found.into_iter().map(IpAddr::V4)),
            Ok(Records::Aaaa(found)) => route.found.extend(found.into_iter().map(IpAddr::V6)),
            Ok(_) | Err(DnsError::NoName | DnsError::NoRecords) => {}
            Err(DnsError::Temporary(why)) => {
                route.fault = Some(format!("the name cannot be looked up: {why}"));
            }
        }
        route.open = route.open.saturating_sub(1);
        if route.open == 0 {
            self.judge(now, rules, id);
        }
    }

    /// Dials the addresses that are allowed. No other is ever connected to.
    fn judge(&mut self, now: Now, rules: &RemoteRules, id: HookRoute) {
        let Some(route) = self.routes.get_mut(&id) else {
            return;
        };
        let mut found = core::mem::take(&mut route.found);
        found.sort_by_key(IpAddr::is_ipv6);
        found.dedup();
        let port = route.url.port;
        let has_any = !found.is_empty();
        let found = found
            .into_iter()
            .map(|address| SocketAddr::new(address, port));
        let mut addresses: Vec<SocketAddr> = found.filter(|a| rules.allows(*a)).collect();
        addresses.truncate(ADDRESSES_A_TRY);
        if addresses.is_empty() {
            let why = match (has_any, route.fault.take()) {
                (true, _) => ADDRESS_NOT_ALLOWED.to_owned(),
                (false, Some(why)) => why,
                (false, None) => "the name has no address".to_owned(),
            };
            return self.failed.push((id, why));
        }
        let dial = HookDial {
            route: id,
            url: route.url.clone(),
            addresses,
            began_ms: now.mono_ms,
            limit_ms: HOOK_LIMIT_MS,
        };
        self.set_deadline(id, now.mono_ms.saturating_add(SILENT_MS));
        self.actions.push(HookAction::Dial(Box::new(dial)));
    }

    /// A request is under way, or the connection waits for more.
    pub fn goes_on(&mut self, now: Now, id: HookRoute, held: Option<ConnId>) {
        let ms = if held.is_some() { HOLD_MS } else { SILENT_MS };
        if let Some(route) = self.routes.get_mut(&id) {
            route.held = held;
        }
        self.set_deadline(id, now.mono_ms.saturating_add(ms));
    }

    fn set_deadline(&mut self, id: HookRoute, at_ms: u64) {
        if let Some(route) = self.routes.get_mut(&id) {
            self.timers.remove(&(route.deadline_ms, id));
            route.deadline_ms = at_ms;
            self.timers.insert((at_ms, id));
        }
    }

    /// HookRoutes whose time is over, and how they were.
    pub fn take_late(&mut self, now: Now) -> Vec<HookRoute> {
        let late = self.timers.range(..=(now.mono_ms, HookRoute(u64::MAX)));
        late.map(|(_, id)| *id).collect()
    }

    /// Forgets a connection.
    pub fn end(&mut self, id: HookRoute) -> Option<HookConnection> {
        let route = self.routes.remove(&id)?;
        self.timers.remove(&(route.deadline_ms, id));
        self.failing -= usize::from(route.is_failing).min(self.failing);
        if self.delivering(route.webhook) == Some(id) {
            self.delivering.remove(&route.webhook);
        }
        Some(route)
    }

    /// Every connection that waits for more.
    pub fn all_held(&self) -> Vec<HookRoute> {
        let held = self.routes.iter().filter(|(_, route)| route.held.is_some());
        held.map(|(id, _)| *id).collect()
    }

    pub fn take_actions(&mut self) -> Vec<HookAction> {
        core::mem::take(&mut self.actions)
    }

    pub fn has_actions(&self) -> bool {
        !self.actions.is_empty() || !self.failed.is_empty()
    }

    pub fn next_timer(&self) -> Option<u64> {
        self.timers.first().map(|(at, _)| *at)
    }
}

/// Connections at once: a few kilobytes each, and no more than one machine's peers can bear.
pub(super) const CONNECTIONS_MAX: usize = 200;

/// Milliseconds that a connection waits for more to send: the next event of a busy organization
/// needs no handshake.
const HOLD_MS: u64 = 30_000;

/// Milliseconds after which a connection is forgotten of which nothing was heard: its engine ends
/// an exchange before.
const SILENT_MS: u64 = 60_000;

/// Addresses of one try.
const ADDRESSES_A_TRY: usize = 2;

/// Connections that may be begun in a second, and at once.
const DIALS_PER_S: u64 = 200;
const DIALS_BURST: u64 = 200;
