//! The queue to outside in virtual time, against other servers and a DNS that are tables. What a
//! connection says is given by a function; how it is said in SMTP is the matter of the client.

mod bounces;
mod held;
mod rules;
mod scheduled;
mod signing;
mod times;

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::Mutex;

use super::*;
use crate::service::outbound::WaysOut;
use crate::store::verify;

/// What a server does with a connection.
#[derive(Clone)]
enum Peer {
    /// It refuses it.
    Refuse,
    /// It never answers.
    Silent,
    /// TLS fails.
    BadTls(Box<Peer>),
    /// The greeting or EHLO is this reply.
    Greet(u16, &'static str),
    /// Our own name.
    Ourselves,
    /// It takes transactions.
    Serve(Arc<dyn Fn(&OutboundTransaction) -> Said + Send + Sync>),
}

/// What a server does with a transaction.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Said {
    Reply(u16, Option<(u8, u16, u16)>, &'static str),
    /// The connection is lost.
    Drop(OutboundStage),
    /// The reply never comes: the process ends meanwhile.
    Nothing,
}

const OK: Said = Said::Reply(250, Some((2, 0, 0)), "Ok");

/// Records and servers.
#[derive(Default)]
struct Outside {
    records: Mutex<BTreeMap<(String, RecordType), DnsAnswer>>,
    asked: Mutex<Vec<Question>>,
    dials: Mutex<Vec<OutboundDial>>,
    /// Questions that are never answered.
    silent_dns: Mutex<bool>,
}

impl core::fmt::Debug for Outside {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Outside")
    }
}

impl Resolve for Outside {
    fn ask(&self, question: Question, answer: Box<dyn FnOnce(DnsAnswer) + Send>) {
        self.asked.lock().unwrap().push(question.clone());
        if *self.silent_dns.lock().unwrap() {
            return;
        }
        let records = self.records.lock().unwrap();
        let key = (question.name.clone(), question.kind);
        let known = records.keys().any(|(name, _)| *name == question.name);
        let found = records.get(&key).cloned();
        let found = found.unwrap_or(Err(match known {
            true => DnsError::NoRecords,
            false => DnsError::NoName,
        }));
        drop(records);
        answer(found);
    }
}

impl OutboundDialer for Outside {
    fn dial(&self, dial: OutboundDial) {
        self.dials.lock().unwrap().push(dial);
    }
}

/// A connection that is open.
struct Open {
    dial: OutboundDial,
    peer: Peer,
    conn: ConnId,
    tls: OutboundTls,
}

/// A server that delivers.
struct Sender {
    world: World,
    outside: Arc<Outside>,
    org: OrgId,
    access: Access,
    peers: HashMap<IpAddr, Peer>,
    held: Vec<Open>,
    /// Dials that are not answered, and until when.
    silent: Vec<(u64, OutboundDial)>,
    /// Connections that were dialled: host, address, TLS.
    dialled: Vec<(String, SocketAddr, OutboundTlsPolicy)>,
    /// Transactions that were begun: connection, recipient, attempt.
    sent: Vec<(ConnId, String, u32)>,
    last_route: Option<RouteId>,
    /// Has the octets of each transaction read, with this conversion.
    reads: Option<Conversion>,
    /// The octets of the transactions that were read, with their recipients.
    wire: Vec<(String, Vec<u8>)>,
    events: Vec<Event>,
    next_conn: u64,
    next_ms: Option<u64>,
}

impl Sender {
    fn new(settings: OutboundSettings) -> Sender {
        let mut sender = Self::with_seed(settings, 7);
        sender.settle();
        sender
    }

    fn with_seed(settings: OutboundSettings, seed: u64) -> Sender {
        Self::with_inbox_bytes(settings, seed, None)
    }

    fn with_inbox_bytes(settings: OutboundSettings, seed: u64, inbox_bytes: Option<u64>) -> Sender {
        let outside = Arc::new(Outside::default());
        let clock = Arc::new(AtomicU64::new(1000));
        let reads = Arc::clone(&clock);
        let mut limits = Limits::default();
        limits.lift();
        limits.outbound_connections = 200;
        limits.inbox_bytes = inbox_bytes.unwrap_or(limits.inbox_bytes);
        let shared = shared(limits);
        let ways = WaysOut {
            resolve: Arc::clone(&outside) as Arc<dyn Resolve>,
            dialer: Arc::clone(&outside) as Arc<dyn OutboundDialer>,
        };
        let read = move || {
            let ms = reads.load(Ordering::Relaxed);
            Now {
                mono_ms: ms,
                unix_ms: START + ms as i64,
            }
        };
        let parts = (settings, ways);
        let inline =
            Inline::with_ways_out(seed, Arc::clone(&shared), Arc::new(read), parts).unwrap();
        let mut world = World {
            inline,
            clock,
            shared,
        };
        let org = world.inline.make_org("one").unwrap();
        world.inline.make_inbox(org, "ann@agents.test").unwrap();
        let key = world.inline.make_key(org, Scopes::ADMIN, None).unwrap();
        let access = world.access(&key);
        Sender {
            world,
            outside,
            org,
            access,
            peers: HashMap::new(),
            held: Vec::new(),
            silent: Vec::new(),
            dialled: Vec::new(),
            sent: Vec::new(),
            last_route: None,
            reads: None,
            wire: Vec::new(),
            events: Vec::new(),
            next_conn: 1000,
            next_ms: None,
        }
    }

    fn open() -> Sender {
        Sender::new(OutboundSettings {
            allow_private: true,
            ..OutboundSettings::default()
        })
    }

    fn record(&self, name: &str, kind: RecordType, answer: DnsAnswer) {
        let mut records = self.outside.records.lock().unwrap();
        records.insert((name.to_owned(), kind), answer);
    }

    /// A domain with one MX, which has one address.
    fn domain(&mut self, domain: &str, address: &str, peer: Peer) {
        let exchange = format!("mx.{domain}");
        let mx = Mx {
            preference: 10,
            exchange: exchange.clone(),
        };
        self.record(domain, RecordType::Mx, Ok(Records::Mx(vec![mx])));
        self.host(&exchange, address, peer);
    }

    fn host(&mut self, name: &str, address: &str, peer: Peer) {
        let ip: IpAddr = address.parse().unwrap();
        match ip {
            IpAddr::V4(v4) => self.record(name, RecordType::A, Ok(Records::A(vec![v4]))),
            IpAddr::V6(v6) => self.record(name, RecordType::Aaaa, Ok(Records::Aaaa(vec![v6]))),
        }
        self.peers.insert(ip, peer);
    }

    fn send(&mut self, to: &[&str]) {
        self.submit(to);
        self.settle();
    }

    /// Submits a message, and lets nothing leave yet.
    fn submit(&mut self, to: &[&str]) {
        let octets = b"From: ann@agents.test\r\nSubject: hi\r\n\r\ntext\r\n";
        self.submit_octets("ann@agents.test", to, octets);
    }

    fn submit_octets(&mut self, from: &str, to: &[&str], octets: &[u8]) {
        let recipients = to.iter().map(|address| Recipient {
            address: (*address).to_owned(),
            inbox: None,
            org: None,
            notify: 0,
            orcpt: None,
        });
        let envelope = Envelope {
            reverse_path: Some(from.to_owned()),
            recipients: recipients.collect(),
            ..Envelope::default()
        };
        let inbox = InboxRef::Address(from.to_owned());
        let access = Access(Arc::new(Grant {
            inbox: Some(self.inbox(&inbox)),
            address: from.to_owned(),
            ..(*self.access.0).clone()
        }));
        let intake = Intake {
            route: Route::Submission {
                envelope,
                received: Vec::new(),
                render: Render(|_| Vec::new()),
            },
            octets: octets.to_vec(),
            charge: None,
        };
        let written = self.world.written(Ask {
            request_id: None,
            depth: 0,
            caller: Caller::Key(access),
            call: Call::Accept(Box::new(intake)),
        });
        assert!(matches!(written, Written::Delivered { .. }));
    }

    fn inbox(&mut self, inbox: &InboxRef) -> InboxId {
        let call = InboxRead::Get {
            inbox: inbox.clone(),
        };
        let Answer::Inboxes { rows, .. } = self.world.answer(Ask::of(&self.access, call)) else {
            panic!()
        };
        rows[0].id
    }

    /// Lets everything happen that happens now.
    fn settle(&mut self) {
        for _ in 0..10_000 {
            let (next, events) = self.world.inline.run_waiting().unwrap();
            self.events.extend(events);
            let (turn, events) = self.world.inline.run_outbound();
            assert!(turn.error.is_none(), "{:?}", turn.error);
            self.next_ms = turn.next_ms.into_iter().chain(next).min();
            self.events.extend(events);
            let mut busy = !turn.replies.is_empty();
            for (conn, reply) in turn.replies {
                self.answered(conn, reply);
            }
            let dials = core::mem::take(&mut *self.outside.dials.lock().unwrap());
            busy |= !dials.is_empty();
            for dial in dials {
                self.dialled
                    .push((dial.host.clone(), dial.address, dial.tls));
                self.begin(dial);
            }
            if !busy && self.next_ms != Some(0) {
                return;
            }
        }
        panic!("it does not come to rest");
    }

    fn begin(&mut self, dial: OutboundDial) {
        self.last_route = Some(dial.route);
        let peer = self.peers.get(&dial.address.ip()).cloned();
        self.next_conn += 1;
        let conn = ConnId(self.next_conn);
        let lost = |stage, why| OutboundLoss {
            stage,
            why,
            tls: OutboundTls::None,
            lease: None,
        };
        let loss = match peer {
            None | Some(Peer::Refuse) => lost(
                OutboundStage::Connect,
                LostWhy::Closed("connection refused".into()),
            ),
            Some(Peer::Silent) => {
                let until = self.now() + dial.timeouts.connect_ms;
                self.silent.push((until, dial));
                return;
            }
            Some(Peer::BadTls(_)) if dial.tls != OutboundTlsPolicy::Never => {
                lost(OutboundStage::Tls, LostWhy::Tls("handshake failed".into()))
            }
            Some(Peer::Greet(code, text)) => lost(
                OutboundStage::Greeting,
                LostWhy::Reply(RemoteReply {
                    code,
                    enhanced: None,
                    text: text.into(),
                }),
            ),
            Some(Peer::Ourselves) => lost(OutboundStage::Greeting, LostWhy::Ourselves),
            Some(peer @ (Peer::Serve(_) | Peer::BadTls(_))) => {
                let peer = match peer {
                    Peer::BadTls(behind) => *behind,
                    peer => peer,
                };
                let tls = match dial.tls {
                    OutboundTlsPolicy::Never => OutboundTls::None,
                    _ => OutboundTls::Unverified,
                };
                let open = Open {
                    dial,
                    peer,
                    conn,
                    tls,
                };
                return self.ask(open, None);
            }
        };
        self.lose(conn, dial.route, loss);
    }

    fn now(&self) -> u64 {
        self.world.clock.load(Ordering::Relaxed)
    }

    /// Makes a call of a connection. Its answer comes with a later turn.
    fn system(&mut self, conn: ConnId, call: OutboundWrite) {
        let request = Request {
            request_id: None,
            depth: 0,
            conn: Some(conn),
            peer: "127.0.0.1".parse().unwrap(),
            now: self.world.inline.service.now(),
            caller: Caller::System,
            call: call.into(),
        };
        let (reply, _) = self.world.inline.serve(request);
        assert_eq!(reply, None);
    }

    fn lose(&mut self, conn: ConnId, route: RouteId, loss: OutboundLoss) {
        let loss = Box::new(loss);
        self.system(conn, OutboundWrite::Lost { route, loss });
    }

    /// A connection asks for a transaction.
    fn ask(&mut self, open: Open, report: Option<Box<Report>>) {
        let route = open.dial.route;
        let next = OutboundWrite::Next {
            route,
            report,
            is_last: false,
        };
        self.system(open.conn, next);
        self.held.push(open);
    }

    /// The answer to a call of a connection.
    fn answered(&mut self, conn: ConnId, reply: Reply) {
        let next = match reply {
            Reply::Written(Written::Next(next), _) => next,
            Reply::Written(Written::Changed, _) => return,
            other => panic!("{other:?}"),
        };
        let at = self.held.iter().position(|open| open.conn == conn).unwrap();
        let open = self.held.swap_remove(at);
        let NextTransaction::Send(transaction) = next else {
            return;
        };
        let lease = transaction.lease;
        let recipient = transaction.recipient.clone();
        self.sent.push((open.conn, recipient, lease.attempt));
        if let Some(conversion) = self.reads {
            self.read_message(&transaction, conversion);
        }
        let Peer::Serve(serve) = &open.peer else {
            panic!()
        };
        match serve(&transaction) {
            Said::Reply(code, enhanced, text) => {
                let report = Report {
                    lease,
                    outcome: match code {
                        200..300 => TransactionOutcome::Delivered,
                        400..500 => TransactionOutcome::Deferred,
                        _ => TransactionOutcome::Bounced,
                    },
                    host: open.dial.host.clone(),
                    address: open.dial.address.ip(),
                    tls: open.tls,
                    reply: Some(RemoteReply {
                        code,
                        enhanced,
                        text: text.into(),
                    }),
                    why: String::new(),
                    is_of_recipient: true,
                    has_dsn: false,
                };
                self.ask(open, Some(Box::new(report)));
            }
            Said::Drop(stage) => {
                let loss = OutboundLoss {
                    stage,
                    why: LostWhy::Closed("connection reset".into()),
                    tls: open.tls,
                    lease: Some(lease),
                };
                self.lose(open.conn, open.dial.route, loss);
            }
            Said::Nothing => {}
        }
    }

    /// Reads the octets of a transaction as an engine does.
    fn read_message(&mut self, transaction: &OutboundTransaction, conversion: Conversion) {
        let mut octets = Vec::new();
        loop {
            let piece = self.piece(transaction, conversion, octets.len());
            octets.extend_from_slice(&piece);
            if piece.len() < PIECE_MAX {
                break;
            }
        }
        if conversion == Conversion::default() {
            assert_eq!(transaction.size, octets.len() as u64);
        }
        self.wire.push((transaction.recipient.clone(), octets));
    }

    fn piece(
        &mut self,
        transaction: &OutboundTransaction,
        conversion: Conversion,
        offset: usize,
    ) -> Vec<u8> {
        let call = OutboundRead::Piece {
            lease: transaction.lease,
            conversion,
            keys: transaction.keys,
            offset: offset as u64,
        };
        let asked = Ask {
            request_id: None,
            depth: 0,
            caller: Caller::System,
            call: call.into(),
        };
        match self.world.answer(asked) {
            Answer::Octets(piece) => piece,
            other => panic!("{other:?}"),
        }
    }

    /// Lets time pass, and all that happens meanwhile.
    fn pass(&mut self, ms: u64) {
        let end = self.now() + ms;
        loop {
            let dial = self.silent.iter().map(|(until, _)| *until).min();
            let due = self.next_ms.map(|ms| self.now() + ms.max(1));
            let next = due.into_iter().chain(dial).min().unwrap_or(u64::MAX);
            if next > end {
                break;
            }
            self.world.clock.store(next, Ordering::Relaxed);
            let over = |(until, _): &(u64, OutboundDial)| *until <= next;
            let (over, left): (Vec<_>, Vec<_>) = self.silent.drain(..).partition(over);
            self.silent = left;
            for (_, dial) in over {
                self.next_conn += 1;
                let loss = OutboundLoss {
                    stage: OutboundStage::Connect,
                    why: LostWhy::TimedOut,
                    tls: OutboundTls::None,
                    lease: None,
                };
                self.lose(ConnId(self.next_conn), dial.route, loss);
            }
            self.settle();
        }
        self.world.clock.store(end, Ordering::Relaxed);
        self.settle();
    }

    fn rows(&mut self) -> Vec<OutboundRow> {
        let store = &self.world.inline.store;
        let page = store
            .outbound_page(self.org, OutboundId(0), 10_000)
            .unwrap();
        page.into_iter().rev().map(|row| row.shown()).collect()
    }

    /// The same database after the process has ended and begun again.
    fn restarted(self) -> Sender {
        let settings = OutboundSettings {
            allow_private: true,
            ..OutboundSettings::default()
        };
        let fresh = Sender::with_seed(settings, 8);
        let (outside, world) = (fresh.outside, fresh.world);
        *outside.records.lock().unwrap() = self.outside.records.lock().unwrap().clone();
        let now = self.now() + 1000;
        world.clock.store(now, Ordering::Relaxed);
        let mut world = world;
        world.inline.store = self.world.inline.store;
        Sender {
            world,
            outside,
            held: Vec::new(),
            silent: Vec::new(),
            ..self
        }
    }

    /// The state of each recipient, the first that was queued first.
    fn states(&mut self) -> Vec<(String, OutboundStatus)> {
        let rows = self.rows().into_iter();
        rows.map(|row| (row.recipient, row.status)).collect()
    }

    fn row(&mut self, recipient: &str) -> OutboundRow {
        let mut rows = self.rows();
        rows.retain(|row| row.recipient == recipient);
        rows.remove(0)
    }

    /// The types of the events about recipients outside.
    fn told(&self) -> Vec<(EventKind, String)> {
        let news = self.events.iter().filter_map(|event| match &event.change {
            Change::Outbound(news) => Some((news.kind, news.recipient.clone())),
            _ => None,
        });
        news.collect()
    }

    fn news(&self, recipient: &str) -> OutboundNews {
        let news = self
            .events
            .iter()
            .rev()
            .find_map(|event| match &event.change {
                Change::Outbound(news) if news.recipient == recipient => Some((**news).clone()),
                _ => None,
            });
        news.unwrap()
    }

    /// Nothing is wrong in the database.
    fn check(&self) {
        assert_eq!(verify(&self.world.inline.store, true), Vec::<String>::new());
    }
}

fn serve(say: impl Fn(&OutboundTransaction) -> Said + Send + Sync + 'static) -> Peer {
    Peer::Serve(Arc::new(say))
}

fn mx(list: &[(u16, &str)]) -> DnsAnswer {
    let all = list.iter().map(|(preference, exchange)| Mx {
        preference: *preference,
        exchange: (*exchange).to_owned(),
    });
    Ok(Records::Mx(all.collect()))
}

#[test]
fn a_message_leaves_and_its_recipients_are_told_apart() {
    let mut s = Sender::open();
    s.domain(
        "y.test",
        "192.0.2.1",
        serve(|transaction| match transaction.recipient.as_str() {
            "no@y.test" => Said::Reply(550, Some((5, 1, 1)), "No such user"),
            "later@y.test" => Said::Reply(450, Some((4, 2, 1)), "Greylisted"),
            _ => {
                let path = transaction.reverse_path.as_deref().unwrap();
                assert!(
                    path.starts_with("bounces+") && path.ends_with("@agents.test"),
                    "{path}"
                );
                OK
            }
        }),
    );
    s.send(&["bob@y.test", "no@y.test", "later@y.test", "eve@y.test"]);
    use OutboundStatus::{Bounced, Deferred, Delivered};
    let states: Vec<OutboundStatus> = s.states().into_iter().map(|(_, state)| state).collect();
    assert_eq!(states, [Delivered, Bounced, Deferred, Delivered]);
    let bob = s.row("bob@y.test");
    assert_eq!((bob.attempts, bob.next_attempt_at), (1, None));
    let attempt = &bob.history[0];
    assert_eq!(attempt.host, "mx.y.test");
    assert_eq!(attempt.address, "192.0.2.1".parse().ok());
    assert_eq!(attempt.tls, OutboundTls::Unverified);
    assert_eq!(
        (attempt.code, attempt.enhanced),
        (Some(250), Some((2, 0, 0)))
    );
    assert_eq!(attempt.outcome, TransactionOutcome::Delivered);
    let told = s.told();
    for (kind, recipient) in [
        (EventKind::MessageDelivered, "bob@y.test"),
        (EventKind::MessageBounced, "no@y.test"),
        (EventKind::MessageDeferred, "later@y.test"),
        (EventKind::MessageDelivered, "eve@y.test"),
    ] {
        assert!(told.contains(&(kind, recipient.to_owned())), "{told:?}");
    }
    assert_eq!(told.len(), 4);
    let no = s.news("no@y.test");
    assert_eq!(no.class, Some(FailureClass::Hard));
    assert_eq!((no.code, no.enhanced), (Some(550), Some((5, 1, 1))));
    assert_eq!(s.news("later@y.test").class, Some(FailureClass::Soft));
    assert_eq!(s.world.metric(Metric::OutboundDelivered), 2);
    // The second connection is made when more is due, and each success allows one more.
    assert!(s.dialled.len() <= 4, "{:?}", s.dialled);
    s.check();
    // A week after their end the rows go, the one that waits stays.
    s.pass(7 * 86_400_000 - 5000);
    assert!(s.states().len() >= 3);
    s.check();
    s.pass(4 * 86_400_000);
    assert_eq!(s.states(), []);
    s.check();
}
