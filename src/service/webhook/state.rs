//! Webhooks as the service holds them: the ways out, what is known of each endpoint behind one
//! lock, and answers of the DNS that have come. Only the writer takes the lock.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::due::DueDelivery;
use super::routes::HookRoutes;
use crate::call::{
    Access, Change, ConnId, Event, EventFilter, Grant, HookCall, HookDialer, InboxSet, Listeners,
    Listening, Metric, Metrics, Now, OrgId, RemoteRules, RemoteUrl, Resolve, Scopes, Secret, Topic,
    WebhookId, WebhookSettings, WebhookWrite,
};
use crate::crypto::SealingKey;
use crate::service::outbound::Answers;
use crate::store::{Error, Store, StoredWebhook};

/// The ways out of a server that sends to webhooks.
#[derive(Clone, Debug)]
pub struct HookWays {
    /// Answers questions to the DNS.
    pub resolve: Arc<dyn Resolve>,
    /// Makes connections.
    pub dialer: Arc<dyn HookDialer>,
}

/// The webhooks of a service.
#[derive(Debug)]
pub struct Webhooks {
    /// `None`: nothing is sent, and events wait in the log.
    pub(super) ways: Option<HookWays>,
    /// Where they may go.
    pub settings: WebhookSettings,
    state: Mutex<HookState>,
    pub(super) answers: Arc<Answers>,
}

/// The state behind the lock.
#[derive(Debug)]
pub(super) struct HookState {
    /// The endpoints were read from the store.
    pub is_loaded: bool,
    pub endpoints: HashMap<WebhookId, HookEndpoint>,
    pub by_org: HashMap<OrgId, Vec<WebhookId>>,
    /// Endpoints that are to be looked at.
    pub ready: VecDeque<WebhookId>,
    /// Webhooks of which a row has changed.
    pub changed: Vec<(OrgId, WebhookId)>,
    /// When an endpoint is due by time, unix milliseconds.
    pub retries: BTreeSet<(i64, WebhookId)>,
    /// Those that were disabled because they fail or are gone.
    pub disabled: BTreeSet<(OrgId, WebhookId)>,
    /// How many of the endpoints have failed since their last success.
    pub failing: usize,
    pub routes: HookRoutes,
    /// Calls that have come and are not carried out.
    pub calls: Vec<HookCall>,
    /// When those that wait for a place are looked at, monotonic milliseconds.
    pub waiting_at_ms: u64,
    /// After an error nothing is done until this time (monotonic milliseconds).
    pub rests_until_ms: u64,
}

/// What is known of an endpoint.
#[derive(Debug)]
pub(super) struct HookEndpoint {
    pub org: OrgId,
    pub url: RemoteUrl,
    pub filter: EventFilter,
    /// It listens for the mail that it is told of.
    listening: Vec<Listening>,
    /// What is shown to it.
    pub access: Access,
    pub is_full: bool,
    keys: Vec<Secret>,
    /// The secret before the last rotation, and until when it signs (unix milliseconds).
    old_key: Option<(Secret, i64)>,
    pub failing_since: Option<i64>,
    /// Its place in the log as it is stored, and as it was looked at.
    pub seq: u64,
    pub scanned: u64,
    /// There may be a delivery that is tried again.
    pub has_pending: bool,
    pub is_ready: bool,
    /// It waits for a place among the connections.
    pub is_waiting: bool,
    pub retry_at: Option<i64>,
}

/// Which events a webhook wants, and what is shown of them.
pub(super) fn wanted(hook: &StoredWebhook) -> (EventFilter, Access) {
    let row = &hook.row;
    let filter = EventFilter {
        kinds: row.kinds.iter().fold(Default::default(), |set, kind| {
            crate::call::KindSet::with(set, *kind)
        }),
        inboxes: row.inbox.into_iter().collect::<InboxSet>(),
        from: row.from.clone(),
        label: row.label.clone(),
        priority: None,
        verdict: row.verdict,
    };
    let scopes = match hook.is_open {
        true => Scopes::MESSAGES_READ.and(Scopes::INBOXES_READ),
        false => Scopes::EVENTS_READ,
    };
    let access = Access(Arc::new(Grant {
        org: hook.org,
        key: None,
        scopes,
        inboxes: None,
        subtree: false,
        inbox: None,
        address: String::new(),
        expires_at: None,
    }));
    (filter, access)
}

impl HookEndpoint {
    /// Of a row. `None` when it cannot send: its URL is not taken any more, or its secret was
    /// sealed with another key.
    pub fn of(
        hook: &StoredWebhook,
        rules: &RemoteRules,
        sealing: &SealingKey,
    ) -> Option<HookEndpoint> {
        let id = hook.row.id;
        let url = match RemoteUrl::parse(&hook.row.url, rules) {
            Ok(url) => url,
            Err(why) => {
                log::warn!("webhook={id} sends nothing: its url {why}");
                return None;
            }
        };
        let open = |sealed: &[u8]| match sealing.open(&sealing_owner(id), sealed) {
            Ok(secret) => Some(Secret::new(secret)),
            Err(fault) => {
                log::error!("webhook={id} its secret does not open: {fault:?}");
                None
            }
        };
        let key = open(&hook.secret)?;
        let old_key = match &hook.old_secret {
            Some((sealed, until)) => open(sealed).map(|secret| (secret, *until)),
            None => None,
        };
        let (filter, access) = wanted(hook);
        Some(HookEndpoint {
            org: hook.org,
            url,
            filter,
            access,
            listening: Vec::new(),
            is_full: hook.row.is_full && hook.is_open,
            keys: vec![key],
            old_key,
            failing_since: hook.failing_since,
            seq: hook.seq,
            scanned: hook.seq,
            has_pending: true,
            is_ready: false,
            is_waiting: false,
            retry_at: None,
        })
    }

    /// Counts as a listener, for as long as it is known.
    pub fn listen(&mut self, listeners: &Arc<Listeners>) {
        let inboxes = self.filter.inboxes.ids().iter();
        let mut topics: Vec<Topic> = inboxes.map(|id| Topic::Inbox(*id)).collect();
        if topics.is_empty() {
            topics.push(Topic::Org(self.org));
        }
        let listening = topics.into_iter().map(|t| Listening::to(listeners, t));
        self.listening = listening.collect();
    }

    /// The keys that sign now.
    pub fn keys(&self, now: Now) -> Vec<Secret> {
        let old = self.old_key.iter();
        let old = old.filter(|(_, until)| now.unix_ms < *until);
        self.keys
            .iter()
            .chain(old.map(|(key, _)| key))
            .cloned()
            .collect()
    }

    /// Looks for the next event that it wants, at most some pages of the log. The number of the
    /// last event that was looked at stays in memory. The flag: there is more of the log.
    pub fn scan(&mut self, store: &Store) -> Result<(Option<DueDelivery>, bool), Error> {
        for page in 0..SCAN_PAGES {
            let limit = if page == 0 { FIRST_ROWS } else { PAGE_ROWS };
            let topic = Topic::Org(self.org);
            let Some(found) = store.events_after(self.org, topic, self.scanned, limit)? else {
                return Ok((None, false));
            };
            for event in found.events {
                let seq = event.seq;
                if let Some(kind) = self.filter.admit(&event, &self.access) {
                    self.scanned = seq.saturating_sub(1);
                    let due = DueDelivery {
                        kind,
                        event: Arc::new(event),
                        row: None,
                        after: self.seq,
                    };
                    return Ok((Some(due), true));
                }
            }
            self.scanned = self.scanned.max(found.scanned_to);
            if found.scanned_to >= found.state.head {
                return Ok((None, false));
            }
        }
        Ok((None, true))
    }
}

/// What a sealed secret belongs to.
pub(super) fn sealing_owner(id: WebhookId) -> String {
    format!("webhook/{}/secret", id.0)
}

impl Webhooks {
    pub fn new(settings: WebhookSettings, ways: Option<HookWays>) -> Webhooks {
        Webhooks {
            ways,
            settings,
            state: Mutex::new(HookState {
                is_loaded: false,
                endpoints: HashMap::new(),
                by_org: HashMap::new(),
                ready: VecDeque::new(),
                changed: Vec::new(),
                retries: BTreeSet::new(),
                disabled: BTreeSet::new(),
                failing: 0,
                routes: HookRoutes::new(),
                calls: Vec::new(),
                waiting_at_ms: 0,
                rests_until_ms: 0,
            }),
            answers: Arc::default(),
        }
    }

    /// Sets how the writer is woken when an answer of the DNS has come.
    pub fn wake_with(&self, wake: impl Fn() + Send + Sync + 'static) {
        self.answers.wake_with(wake);
    }

    /// Takes the lock. A panic while it was held ends the process, as every panic of the writer.
    pub(super) fn state(&self) -> MutexGuard<'_, HookState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a call of a connection. It is carried out in the next turn, in a transaction of the
    /// runner's own: a group of the writer may be undone and carried out again. `false` when
    /// nothing is sent.
    pub fn put(&self, conn: Option<ConnId>, call: &WebhookWrite) -> bool {
        let (Some(conn), Some(_)) = (conn, &self.ways) else {
            return false;
        };
        let mut state = self.state();
        // A group that is carried out again brings it again.
        if !state.calls.iter().any(|(known, _)| *known == conn) {
            state.calls.push((conn, call.clone()));
        }
        true
    }

    /// A call of a connection is refused: the connection has ended for its engine.
    pub fn abandon(&self, call: &WebhookWrite) {
        let Some(route) = call.route() else {
            return;
        };
        let mut state = self.state();
        state
            .calls
            .retain(|(_, other)| other.route() != Some(route));
        if let Some(ended) = state.routes.end(route) {
            state.wake(ended.webhook);
        }
    }

    /// The row of a webhook is about to change; it is read again behind the commit.
    pub fn changes(&self, org: OrgId, id: WebhookId) {
        self.state().changed.push((org, id));
    }

    /// Events were committed: the endpoints of their organizations look at the log.
    pub fn saw(&self, events: &[Event]) {
        if self.ways.is_none() || events.is_empty() {
            return;
        }
        let mut state = self.state();
        let mut last = None;
        for event in events {
            if let Change::OrgDeleted = event.change {
                state.remove_org(event.org);
            }
            if last == Some(event.org) {
                continue;
            }
            last = Some(event.org);
            for id in state.by_org.get(&event.org).cloned().unwrap_or_default() {
                state.wake(id);
            }
        }
    }
}

impl HookState {
    /// Has an endpoint looked at.
    pub fn wake(&mut self, id: WebhookId) {
        if let Some(endpoint) = self.endpoints.get_mut(&id)
            && !endpoint.is_ready
        {
            endpoint.is_ready = true;
            self.ready.push_back(id);
        }
    }

    /// Takes an endpoint up, in place of what was known of it.
    pub fn insert(&mut self, id: WebhookId, endpoint: HookEndpoint) {
        self.remove(id);
        let ids = self.by_org.entry(endpoint.org).or_default();
        ids.push(id);
        self.failing += usize::from(endpoint.failing_since.is_some());
        self.endpoints.insert(id, endpoint);
        self.wake(id);
    }

    /// Forgets an endpoint.
    pub fn remove(&mut self, id: WebhookId) -> Option<HookEndpoint> {
        let gone = self.endpoints.remove(&id)?;
        let was_failing = usize::from(gone.failing_since.is_some());
        self.failing = self.failing.saturating_sub(was_failing);
        if let Some(at) = gone.retry_at {
            self.retries.remove(&(at, id));
        }
        if let Some(ids) = self.by_org.get_mut(&gone.org) {
            ids.retain(|known| *known != id);
            if ids.is_empty() {
                self.by_org.remove(&gone.org);
            }
        }
        Some(gone)
    }

    /// Forgets the endpoints of an organization that was deleted.
    fn remove_org(&mut self, org: OrgId) {
        for id in self.by_org.get(&org).cloned().unwrap_or_default() {
            self.remove(id);
        }
        self.disabled.retain(|(of, _)| *of != org);
    }

    /// Shows how the endpoints are, in gauges.
    pub fn measure(&self, metrics: &Metrics) {
        for (gauge, count) in [
            (Metric::WebhooksEnabled, self.endpoints.len()),
            (Metric::WebhooksFailing, self.failing),
            (Metric::WebhooksWaiting, self.retries.len()),
            (Metric::WebhooksDisabled, self.disabled.len()),
        ] {
            metrics.set(gauge, count as u64);
        }
    }

    /// When an endpoint is looked at again at the latest, unix milliseconds.
    pub fn look_at(&mut self, id: WebhookId, at: Option<i64>) {
        let Some(endpoint) = self.endpoints.get_mut(&id) else {
            return;
        };
        if let Some(old) = core::mem::replace(&mut endpoint.retry_at, at) {
            self.retries.remove(&(old, id));
        }
        if let Some(at) = at {
            self.retries.insert((at, id));
        }
    }

    /// Forgets everything; it is read from the store again.
    pub fn forget(&mut self) {
        self.is_loaded = false;
        self.endpoints.clear();
        self.by_org.clear();
        self.ready.clear();
        self.retries.clear();
        self.disabled.clear();
        self.failing = 0;
        self.routes.forget();
    }
}

/// Rows of the first page of a look at the log: an endpoint that wants all events needs one.
const FIRST_ROWS: usize = 2;

/// Rows of a page behind it, and pages before others have their turn.
const PAGE_ROWS: usize = 100;
const SCAN_PAGES: usize = 10;
