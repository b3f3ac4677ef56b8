//! Webhooks in virtual time, against endpoints and a DNS that are tables. What a connection says is
//! given by a function; how it is said in HTTP is the matter of the client.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::*;
use crate::service::webhook::HookWays;

mod again;

/// Names, and the connections that were wanted.
#[derive(Debug, Default)]
struct Outside {
    names: Mutex<BTreeMap<String, Vec<IpAddr>>>,
    dials: Mutex<Vec<HookDial>>,
}

use core::net::IpAddr;

impl Resolve for Outside {
    fn ask(&self, question: Question, answer: Box<dyn FnOnce(DnsAnswer) + Send>) {
        let found = self.names.lock().unwrap().get(&question.name).cloned();
        let v4 = |ip: &IpAddr| match ip {
            IpAddr::V4(ip) => Some(*ip),
            IpAddr::V6(_) => None,
        };
        answer(match (found, question.kind) {
            (None, _) => Err(DnsError::NoName),
            (Some(all), RecordType::A) => Ok(Records::A(all.iter().filter_map(v4).collect())),
            (Some(_), _) => Err(DnsError::NoRecords),
        });
    }
}

impl HookDialer for Outside {
    fn dial(&self, dial: HookDial) {
        self.dials.lock().unwrap().push(dial);
    }
}

/// What an endpoint does with a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Said {
    Status(u16),
    /// No answer ever comes.
    Silent,
    /// The connection is lost without an answer.
    Lost,
    /// It is refused.
    Refused,
}

/// A request that an endpoint has got.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Got {
    at: i64,
    host: String,
    seq: u64,
    keys: usize,
}

struct Hooks {
    world: World,
    outside: Arc<Outside>,
    org: OrgId,
    access: Access,
    /// By the host of the URL.
    says: BTreeMap<String, Said>,
    got: Vec<Got>,
    dialled: usize,
    /// Requests without an answer: when they end, and of which connection.
    silent: Vec<(u64, HookDial, ConnId)>,
    /// Connections that wait for more.
    held: BTreeMap<u64, HookDial>,
    events: Vec<Event>,
    next_conn: u64,
    next_ms: Option<u64>,
}

impl Hooks {
    fn new() -> Hooks {
        let outside = Arc::new(Outside::default());
        let clock = Arc::new(AtomicU64::new(1000));
        let reads = Arc::clone(&clock);
        let mut limits = Limits::default();
        limits.lift();
        limits.webhooks = 20;
        let shared = shared(limits);
        let ways = HookWays {
            resolve: Arc::clone(&outside) as Arc<dyn Resolve>,
            dialer: Arc::clone(&outside) as Arc<dyn HookDialer>,
        };
        let read = move || {
            let ms = reads.load(Ordering::Relaxed);
            Now {
                mono_ms: ms,
                unix_ms: START + ms as i64,
            }
        };
        let parts = (WebhookSettings::default(), ways);
        let inline = Inline::with_webhooks(7, Arc::clone(&shared), Arc::new(read), parts).unwrap();
        let mut world = World {
            inline,
            clock,
            shared,
        };
        let org = world.inline.make_org("one").unwrap();
        let key = world.inline.make_key(org, Scopes::ADMIN, None).unwrap();
        let access = world.access(&key);
        Hooks {
            world,
            outside,
            org,
            access,
            says: BTreeMap::new(),
            got: Vec::new(),
            dialled: 0,
            silent: Vec::new(),
            held: BTreeMap::new(),
            events: Vec::new(),
            next_conn: 1000,
            next_ms: None,
        }
    }

    fn name(&self, host: &str, addresses: &[&str]) {
        let addresses = addresses.iter().map(|text| text.parse().unwrap());
        let mut names = self.outside.names.lock().unwrap();
        names.insert(host.to_owned(), addresses.collect());
    }

    /// A webhook at this host, which is public.
    fn hook(&mut self, host: &str, said: Said) -> WebhookId {
        self.hook_of(&self.access.clone(), host, said)
    }

    fn hook_of(&mut self, access: &Access, host: &str, said: Said) -> WebhookId {
        self.name(host, &["8.8.8.8"]);
        self.says.insert(host.to_owned(), said);
        let new = NewWebhook {
            url: format!("https://{host}/in"),
            kinds: vec![EventKind::InboxCreated],
            ..NewWebhook::default()
        };
        match self.world.written(Ask::of(
            access,
            WebhookWrite::Create {
                place: None,
                new: Box::new(new),
                idempotency: None,
            },
        )) {
            Written::Webhook(row, Some(secret)) => {
                assert!(secret.expose().starts_with(b"whsec_"));
                row.id
            }
            other => panic!("{other:?}"),
        }
    }

    /// Something happens.
    fn event(&mut self) {
        let n = self.next_conn;
        self.next_conn += 1;
        let new = NewInbox {
            username: Some(format!("bot{n}")),
            ..NewInbox::default()
        };
        self.world.written(Ask::of(
            &self.access.clone(),
            InboxWrite::Create {
                new: Box::new(new),
                idempotency: None,
            },
        ));
    }

    fn serve(&mut self, conn: ConnId, call: WebhookWrite) {
        let ask = Ask {
            request_id: None,
            depth: 0,
            caller: Caller::System,
            call: Call::Write(Write::Webhook(call)),
        };
        let request = self.world.request(conn.0, "192.0.2.1", ask);
        let (reply, _) = self.world.inline.serve(request);
        assert_eq!(reply, None);
    }

    fn lose(&mut self, dial: &HookDial, conn: ConnId, why: &str) {
        let report = Box::new(HookReport {
            answer: HookAnswer::Error(why.into()),
            duration_ms: 1,
            is_stale: false,
        });
        let route = dial.route;
        self.serve(conn, WebhookWrite::Lost { route, report });
    }

    /// Lets everything happen that happens now.
    fn settle(&mut self) {
        for _ in 0..10_000 {
            let (turn, events) = self.world.inline.run_webhooks();
            assert!(turn.error.is_none(), "{:?}", turn.error);
            self.events.extend(events);
            self.next_ms = turn.next_ms;
            let mut busy = !turn.replies.is_empty();
            for (conn, reply) in turn.replies {
                if let Some(dial) = self.held.remove(&conn.0) {
                    self.answered(dial, conn, reply);
                }
            }
            let dials = core::mem::take(&mut *self.outside.dials.lock().unwrap());
            busy |= !dials.is_empty();
            for dial in dials {
                self.dialled += 1;
                let conn = ConnId(self.next_conn);
                self.next_conn += 1;
                assert!(dial.addresses.iter().all(|a| is_public(a.ip())), "{dial:?}");
                match self.says[&dial.url.name()] {
                    Said::Refused => self.lose(&dial, conn, "connection refused"),
                    _ => {
                        let next = WebhookWrite::Next {
                            route: dial.route,
                            report: None,
                            is_last: false,
                        };
                        self.held.insert(conn.0, dial);
                        self.serve(conn, next);
                    }
                }
            }
            if !busy && turn.next_ms != Some(0) {
                return;
            }
        }
        panic!("it does not come to rest");
    }

    fn answered(&mut self, dial: HookDial, conn: ConnId, reply: Reply) {
        let delivery = match reply {
            Reply::Written(Written::NextDelivery(NextDelivery::Send(delivery)), _) => delivery,
            Reply::Written(Written::NextDelivery(NextDelivery::Quit) | Written::Changed, _) => {
                return;
            }
            other => panic!("{other:?}"),
        };
        let HookContent::Event(kind, event) = &delivery.content else {
            panic!("{delivery:?}");
        };
        assert_eq!(*kind, EventKind::InboxCreated);
        let host = dial.url.name();
        self.got.push(Got {
            at: self.world.inline.service.now().unix_ms,
            host: host.clone(),
            seq: event.seq,
            keys: delivery.keys.len(),
        });
        match self.says[&host] {
            Said::Status(status) => {
                let report = HookReport {
                    answer: HookAnswer::Status(status, "said".into()),
                    duration_ms: 3,
                    is_stale: false,
                };
                let next = WebhookWrite::Next {
                    route: dial.route,
                    report: Some(Box::new(report)),
                    is_last: false,
                };
                self.held.insert(conn.0, dial);
                self.serve(conn, next);
            }
            Said::Silent => {
                let until = self.world.inline.service.now().mono_ms + 15_000;
                self.silent.push((until, dial, conn));
            }
            Said::Lost | Said::Refused => self.lose(&dial, conn, "connection lost"),
        }
    }

    /// Lets time pass, with all that happens in it.
    fn wait(&mut self, ms: u64) {
        let end = self.world.inline.service.now().mono_ms + ms;
        self.settle();
        loop {
            let now = self.world.inline.service.now().mono_ms;
            let silent = self
                .silent
                .iter()
                .map(|(at, ..)| at.saturating_sub(now))
                .min();
            let step = self
                .next_ms
                .into_iter()
                .chain(silent)
                .min()
                .unwrap_or(u64::MAX);
            let step = step.max(1).min(end - now);
            self.world.wait(step);
            let now = now + step;
            let (late, rest) = core::mem::take(&mut self.silent)
                .into_iter()
                .partition(|(at, ..)| *at <= now);
            self.silent = rest;
            let late: Vec<(u64, HookDial, ConnId)> = late;
            for (_, dial, conn) in late {
                self.lose(&dial, conn, "no answer in time");
            }
            self.settle();
            if now >= end {
                return;
            }
        }
    }

    fn row(&mut self, id: WebhookId) -> WebhookRow {
        match self.world.answer(Ask::of(
            &self.access.clone(),
            WebhookRead::Get { hook: named(id) },
        )) {
            Answer::Webhooks(mut rows) => rows.remove(0),
            other => panic!("{other:?}"),
        }
    }

    fn deliveries(&mut self, id: WebhookId) -> Vec<DeliveryRow> {
        let call = WebhookRead::Deliveries {
            hook: named(id),
            status: None,
            cursor: None,
            limit: 200,
        };
        match self.world.answer(Ask::of(&self.access.clone(), call)) {
            Answer::Deliveries { rows, .. } => rows,
            other => panic!("{other:?}"),
        }
    }

    fn write(&mut self, call: WebhookWrite) -> Written {
        self.world.written(Ask::of(&self.access.clone(), call))
    }

    fn seqs(&self, host: &str) -> Vec<u64> {
        let got = self.got.iter().filter(|got| got.host == host);
        got.map(|got| got.seq).collect()
    }
}

const HOUR: u64 = 3_600_000;

/// A webhook of the organization.
fn named(id: WebhookId) -> HookName {
    HookName { place: None, id }
}

#[test]
fn events_come_in_order_over_one_connection() {
    let mut hooks = Hooks::new();
    hooks.event();
    let id = hooks.hook("a.test", Said::Status(204));
    for _ in 0..50 {
        hooks.event();
    }
    hooks.settle();
    let seqs = hooks.seqs("a.test");
    assert_eq!(seqs.len(), 50, "what was before is not sent");
    assert!(seqs.is_sorted());
    for _ in 0..3 {
        hooks.event();
        hooks.settle();
    }
    assert_eq!((hooks.seqs("a.test").len(), hooks.dialled), (53, 1));
    let rows = hooks.deliveries(id);
    assert_eq!(rows.len(), 53);
    assert!(
        rows.iter()
            .all(|row| row.status == DeliveryStatus::Delivered
                && row.attempts.len() == 1
                && row.attempts[0].answer == HookAnswer::Status(204, "said".into()))
    );
    // The connection is not held for ever, and another is made then.
    hooks.wait(31_000);
    hooks.event();
    hooks.settle();
    assert_eq!(hooks.dialled, 2);
}

#[test]
fn a_failure_is_tried_again_by_the_schedule_and_given_up() {
    let mut hooks = Hooks::new();
    let id = hooks.hook("a.test", Said::Status(500));
    hooks.event();
    hooks.event();
    hooks.wait(100 * HOUR);
    let seqs = hooks.seqs("a.test");
    let first: Vec<&Got> = hooks.got.iter().filter(|got| got.seq == seqs[0]).collect();
    assert_eq!(first.len(), 11, "the first try and ten more");
    let minutes = [
        0.0,
        1.0 / 12.0,
        1.0,
        5.0,
        30.0,
        120.0,
        300.0,
        600.0,
        840.0,
        1200.0,
        1440.0,
    ];
    for (pair, minutes) in first.windows(2).zip(&minutes[1..]) {
        let waited = (pair[1].at - pair[0].at) as f64 / 60_000.0;
        assert!(
            (minutes * 0.79..minutes * 1.21).contains(&waited),
            "{waited} of {minutes}"
        );
    }
    // In order: the second event was not sent before.
    assert_eq!(seqs.iter().rposition(|seq| *seq == seqs[0]), Some(10));
    assert!(seqs.len() > 11);
    let rows = hooks.deliveries(id);
    assert_eq!(
        (rows[1].status, rows[1].attempts.len()),
        (DeliveryStatus::Failed, 11)
    );
    assert_eq!(rows[0].status, DeliveryStatus::Pending);
    assert!(hooks.row(id).is_enabled);
    // 120 hours without one success.
    hooks.wait(60 * HOUR);
    let row = hooks.row(id);
    assert_eq!(
        (row.is_enabled, row.disabled_reason),
        (false, Some(DisabledReason::Failing))
    );
    let told = hooks.events.iter().filter_map(|event| match &event.change {
        Change::WebhookDisabled(note) => Some((note.webhook, note.reason)),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [(id, DisabledReason::Failing)]);
    let before = hooks.got.len();
    hooks.event();
    hooks.wait(50 * HOUR);
    assert_eq!(hooks.got.len(), before);
    // Revived, what has waited is sent, in order.
    hooks.says.insert("a.test".into(), Said::Status(200));
    hooks.write(WebhookWrite::Patch {
        hook: named(id),
        patch: Box::new(WebhookPatch {
            is_enabled: Some(true),
            ..WebhookPatch::default()
        }),
    });
    hooks.settle();
    let after: Vec<u64> = hooks.got[before..].iter().map(|got| got.seq).collect();
    // The second one is pending, unless its schedule has ended with the 120 hours.
    let row = &hooks.deliveries(id)[1];
    assert_eq!(
        after.len(),
        1 + usize::from(row.status == DeliveryStatus::Delivered)
    );
    assert!(after.is_sorted(), "{after:?}");
    assert_eq!(hooks.row(id).disabled_reason, None);
}

#[test]
fn metrics_say_how_endpoints_are() {
    let mut hooks = Hooks::new();
    let values = |hooks: &Hooks| {
        [
            Metric::WebhooksEnabled,
            Metric::WebhooksFailing,
            Metric::WebhooksWaiting,
            Metric::WebhooksDisabled,
            Metric::WebhookAttempts,
            Metric::WebhookAttemptsFailed,
        ]
        .map(|metric| hooks.world.shared.metrics.value(metric))
    };
    let id = hooks.hook("a.test", Said::Status(500));
    hooks.hook("b.test", Said::Status(200));
    hooks.settle();
    assert_eq!(values(&hooks), [2, 0, 0, 0, 0, 0]);
    hooks.event();
    hooks.settle();
    assert_eq!(values(&hooks), [2, 1, 1, 0, 2, 1]);
    hooks.says.insert("a.test".into(), Said::Status(200));
    hooks.wait(HOUR);
    assert_eq!(values(&hooks), [2, 0, 0, 0, 3, 1]);
    hooks.says.insert("a.test".into(), Said::Status(410));
    hooks.event();
    hooks.settle();
    assert_eq!(values(&hooks), [1, 0, 0, 1, 5, 2]);
    hooks.write(WebhookWrite::Patch {
        hook: named(id),
        patch: Box::new(WebhookPatch {
            is_enabled: Some(true),
            ..WebhookPatch::default()
        }),
    });
    hooks.says.insert("a.test".into(), Said::Status(410));
    hooks.settle();
    assert_eq!(values(&hooks)[..4], [2, 0, 0, 0]);
    // An organization that was deleted counts no more.
    let org = hooks.org;
    let ask = Ask {
        caller: Caller::Operator,
        ..Ask::of(&hooks.access.clone(), OrgWrite::Delete { org })
    };
    hooks.world.written(ask);
    hooks.settle();
    assert_eq!(values(&hooks)[..4], [0, 0, 0, 0]);
}

#[test]
fn an_enabled_endpoint_listens_for_mail() {
    let mut hooks = Hooks::new();
    let path = |id| InboxPath {
        id: InboxId(id),
        address: String::new(),
        ancestors: Vec::new(),
    };
    let is_heard = |hooks: &Hooks, id| {
        let listeners = &hooks.world.shared.listeners;
        listeners.hear(hooks.org, &path(id))
    };
    let id = hooks.hook("a.test", Said::Status(410));
    hooks.settle();
    assert!(is_heard(&hooks, 5));
    // It is disabled by its owner, revived, and then gone.
    let patched = |is_enabled| WebhookWrite::Patch {
        hook: named(id),
        patch: Box::new(WebhookPatch {
            is_enabled: Some(is_enabled),
            ..WebhookPatch::default()
        }),
    };
    for is_enabled in [false, true] {
        hooks.write(patched(is_enabled));
        hooks.settle();
        assert_eq!(is_heard(&hooks, 5), is_enabled);
    }
    hooks.event();
    hooks.wait(HOUR);
    assert!(!hooks.row(id).is_enabled);
    assert!(!is_heard(&hooks, 5));
    hooks.says.insert("a.test".into(), Said::Status(200));
    // One of an inbox listens for that one alone, until it is deleted.
    let access = hooks.access.clone();
    let made = hooks.world.written(new_inbox(&access, NewInbox::default()));
    let Written::Inbox { row, .. } = made else {
        panic!("{made:?}");
    };
    hooks.write(WebhookWrite::Patch {
        hook: named(id),
        patch: Box::new(WebhookPatch {
            inbox: Some(Some(InboxRef::Id(row.id))),
            is_enabled: Some(true),
            ..WebhookPatch::default()
        }),
    });
    hooks.settle();
    assert!(is_heard(&hooks, row.id.0));
    assert!(!is_heard(&hooks, row.id.0 + 1));
    hooks.write(WebhookWrite::Delete { hook: named(id) });
    hooks.settle();
    assert!(!is_heard(&hooks, row.id.0));
}

#[test]
fn an_endpoint_that_is_gone_gets_nothing_more() {
    let mut hooks = Hooks::new();
    let id = hooks.hook("a.test", Said::Status(410));
    hooks.event();
    hooks.event();
    hooks.wait(HOUR);
    assert_eq!(hooks.got.len(), 1);
    let row = hooks.row(id);
    assert_eq!(
        (row.is_enabled, row.disabled_reason),
        (false, Some(DisabledReason::Gone))
    );
}

#[test]
fn a_lost_connection_is_a_failure() {
    for (said, why) in [
        (Said::Lost, "connection lost"),
        (Said::Refused, "connection refused"),
    ] {
        let mut hooks = Hooks::new();
        let id = hooks.hook("a.test", said);
        hooks.event();
        hooks.settle();
        let row = hooks.deliveries(id).remove(0);
        assert_eq!(row.status, DeliveryStatus::Pending);
        assert_eq!(row.attempts[0].answer, HookAnswer::Error(why.into()));
        hooks.says.insert("a.test".into(), Said::Status(200));
        hooks.wait(7000);
        assert_eq!(hooks.deliveries(id)[0].status, DeliveryStatus::Delivered);
    }
}

#[test]
fn a_redirect_is_a_failure() {
    let mut hooks = Hooks::new();
    let id = hooks.hook("a.test", Said::Status(302));
    hooks.event();
    hooks.settle();
    assert_eq!(hooks.deliveries(id)[0].status, DeliveryStatus::Pending);
}

#[test]
fn private_addresses_are_not_connected_to() {
    let mut hooks = Hooks::new();
    let id = hooks.hook("a.test", Said::Status(200));
    hooks.name("a.test", &["10.0.0.1", "127.0.0.1"]);
    hooks.event();
    hooks.settle();
    assert_eq!(hooks.dialled, 0);
    let row = hooks.deliveries(id).remove(0);
    let why = HookAnswer::Error(ADDRESS_NOT_ALLOWED.into());
    assert_eq!(
        (row.status, &row.attempts[0].answer),
        (DeliveryStatus::Failed, &why)
    );
    // Of a mixed set only the public one is dialled, whatever the order; `settle` checks it.
    hooks.name("a.test", &["169.254.169.254", "8.8.4.4", "192.168.0.1"]);
    hooks.event();
    hooks.settle();
    assert_eq!((hooks.dialled, hooks.got.len()), (1, 1));
    hooks.outside.names.lock().unwrap().clear();
    hooks.wait(31_000);
    hooks.event();
    hooks.settle();
    assert_eq!(hooks.deliveries(id)[0].status, DeliveryStatus::Pending);
}

#[test]
fn a_slow_endpoint_delays_no_other() {
    let mut hooks = Hooks::new();
    hooks.hook("hole.test", Said::Silent);
    for n in 0..19 {
        hooks.hook(&format!("h{n}.test"), Said::Status(200));
    }
    let access = hooks.access.clone();
    let new = NewWebhook {
        url: "https://one-more.test".into(),
        ..NewWebhook::default()
    };
    let refusal = hooks.world.refused(Ask::of(
        &access,
        WebhookWrite::Create {
            place: None,
            new: Box::new(new),
            idempotency: None,
        },
    ));
    assert!(
        matches!(refusal, Refusal::Limit { max: 20, .. }),
        "{refusal:?}"
    );
    for _ in 0..10 {
        hooks.event();
    }
    hooks.settle();
    for n in 0..19 {
        assert_eq!(hooks.seqs(&format!("h{n}.test")).len(), 10);
    }
    assert_eq!(hooks.seqs("hole.test").len(), 1);
    hooks.wait(25_000);
    assert_eq!(hooks.seqs("hole.test").len(), 2, "after 15 s and about 5");
}
