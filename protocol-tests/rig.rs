//! A worker without sockets: sessions over one in-memory product, in one thread, in virtual
//! time. Transcripts, the simulation and the fuzz bodies all drive this.
//!
//! It keeps the worker's order: commit, then publish, then answer; every touch of a session
//! ends in a flush. A client that "stops reading" leaves its output where it is, and is cut off
//! when its time for that is over.

#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

#[path = "rig/dials.rs"]
mod dials;
#[path = "rig/dns.rs"]
mod dns;
#[path = "rig/hooks.rs"]
pub mod hooks;
#[path = "rig/judge.rs"]
mod judge;
#[path = "rig/queue.rs"]
pub mod queue;
#[path = "rig/upstream.rs"]
pub mod upstream;

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use postern::testing::call::{
    Answer, Ask, Call, ConnId, Event, FilterSwitch, InboundPolicy, InboxId, KeyId, KeyRead, Limits,
    Listener, Listening, Metric, Now, Opening, OrgId, OutboundLoss, OutboundSettings,
    OutboundTransaction, PublicEndpoints, Reply, Report, Request, Scopes, Shared, Topic,
};
use postern::testing::engine::drive::{Driver, Environment, Settled};
use postern::testing::engine::{CertificateCheck, DialError, Output, Session};
use postern::testing::protocol::Protocol;
use postern::testing::service::access::login::folder_access;
use postern::testing::service::outbound::WaysOut;
use postern::testing::service::{Finding, Inline, WriteTask};

use dns::ScriptedDns;
use hooks::Hooks;
use judge::ScriptedJudge;
use queue::{Playing, Queue};
use upstream::Accounts;

/// 2026-01-01T00:00:00Z, in milliseconds: when every virtual world begins.
pub const BEGIN_UNIX_MS: i64 = 1_767_225_600_000;

/// One client's end of a conversation.
pub struct Conn {
    /// Until the connection has ended: what its session holds goes with it.
    driver: Option<Driver<Protocol>>,
    peer: SocketAddr,
    end: ClientEnd,
}

/// What the client has sent and taken, and what the session wants of the world.
#[derive(Default)]
struct ClientEnd {
    /// Sent by the server and not yet taken by the test.
    received: Vec<u8>,
    /// Sent by the client while the session would not read.
    unsent: VecDeque<u8>,
    /// The client does not read, but for so many bytes.
    is_stuck: bool,
    takes: usize,
    /// Since when bytes wait for it, monotonic milliseconds.
    stuck_since: Option<u64>,
    deadline: Option<Now>,
    watch: HashSet<Topic>,
    listening: Vec<Listening>,
    closed: bool,
    /// TLS has been begun by STARTTLS, or was there from the beginning.
    tls: bool,
    eof: bool,
    /// The other server of a connection that goes out.
    remote: Option<Box<Remote>>,
}

impl Conn {
    /// Whether the server has closed the connection, or the client has left.
    pub fn is_closed(&self) -> bool {
        self.end.closed
    }

    /// When a client that has stopped to read is cut off, monotonic milliseconds. Connections that
    /// go out are cut off by their engines.
    fn stall_at(&self, limits: &Limits) -> Option<u64> {
        let since = self.end.stuck_since.filter(|_| self.end.remote.is_none())?;
        Some(since + self.driver.as_ref()?.stall_ms(limits))
    }

    /// When its deadline comes up or it is cut off, monotonic milliseconds.
    fn due_ms(&self, limits: &Limits) -> Option<u64> {
        let deadline = self.end.deadline.map(|at| at.mono_ms);
        deadline.into_iter().chain(self.stall_at(limits)).min()
    }
}

/// One touch of a session.
struct Touch<'a> {
    id: u64,
    shared: &'a Arc<Shared>,
    now: Now,
    end: &'a mut ClientEnd,
    calls: &'a mut VecDeque<(u64, Ask)>,
}

impl Environment for Touch<'_> {
    type Failure = Infallible;

    fn now(&self) -> Now {
        self.now
    }

    fn watch(&mut self, topics: Vec<Topic>) -> Vec<Event> {
        let mail = topics.iter().filter(|topic| topic.is_of_mail());
        self.end.listening = mail
            .map(|t| Listening::to(&self.shared.listeners, *t))
            .collect();
        self.end.watch = topics.into_iter().collect();
        Vec::new()
    }

    fn submit(&mut self, ask: Ask) {
        self.calls.push_back((self.id, ask));
    }

    fn set_deadline(&mut self, at: Option<Now>) {
        self.end.deadline = at;
    }

    fn send(&mut self, bytes: &mut Vec<u8>) -> Result<bool, Infallible> {
        let taken = match self.end.is_stuck {
            true => bytes.len().min(self.end.takes),
            false => bytes.len(),
        };
        self.end.takes = self.end.takes.saturating_sub(taken);
        self.end.received.extend(bytes.drain(..taken));
        Ok(bytes.is_empty())
    }

    fn is_readable(&self) -> bool {
        !self.end.unsent.is_empty() || self.end.eof
    }

    fn read(&mut self, take: &mut dyn FnMut(&[u8])) -> Result<bool, Infallible> {
        let bytes: Vec<u8> = self.end.unsent.drain(..).collect();
        if !bytes.is_empty() {
            take(&bytes);
        }
        Ok(std::mem::take(&mut self.end.eof))
    }

    fn begin_tls(&mut self) -> Result<(), Infallible> {
        self.end.tls = true;
        Ok(())
    }

    fn close(&mut self) -> Result<(), Infallible> {
        self.end.closed = true;
        Ok(())
    }
}

/// Another server, as far as a connection to it needs more than its words.
pub struct Remote {
    /// What TLS would say of its certificate, and whether a handshake fails.
    certificate: Arc<CertificateCheck>,
    pub is_verified: bool,
    pub fails_handshake: bool,
    /// The transactions that the connection gets, with the octets of their messages. While this
    /// is empty, a call for the next one waits if `is_held`, or else the connection ends.
    pub orders: VecDeque<(OutboundTransaction, Vec<u8>)>,
    pub is_held: bool,
    waiting: Option<Request>,
    /// The octets of the transaction under way.
    octets: Vec<u8>,
    /// What the engine has told the service.
    pub told: VecDeque<Told>,
    /// A test plays the queue, and the product does not see the connection.
    is_queue_played: bool,
    /// The connection is not there yet.
    is_connecting: bool,
    /// The server plays itself.
    playing: Option<Playing>,
}

/// What the engine of an outgoing connection tells the service.
#[derive(Debug)]
pub enum Told {
    Report(Box<Report>),
    Lost(Box<OutboundLoss>),
}

/// The world: a product, sessions, a clock.
pub struct Rig {
    pub product: Inline,
    pub dns: ScriptedDns,
    /// Judges who sent mail from outside, when it is switched on.
    pub judge: ScriptedJudge,
    pub shared: Arc<Shared>,
    pub conns: BTreeMap<u64, Conn>,
    clock: Arc<AtomicU64>,
    next: u64,
    seed: u64,
    calls: VecDeque<(u64, Ask)>,
    /// Sessions that go on after the others.
    ready: VecDeque<u64>,
    /// Calls of the writer that wait for [`Rig::serve_group`]; `None` when they do not wait.
    group: Option<Vec<WriteTask>>,
    /// The queue of the product; `None` when nothing leaves.
    pub queue: Option<Queue>,
    /// The accounts elsewhere of the product; `None` when it makes no connections of theirs.
    pub accounts: Option<Accounts>,
    /// The webhooks of the product; `None` when it sends to none.
    pub hooks: Option<Hooks>,
}

impl Rig {
    /// An empty world with these limits, from which no mail leaves; the same seed gives the same
    /// run.
    pub fn new(seed: u64, limits: Limits) -> Rig {
        let arriving = (InboundPolicy::default(), FilterSwitch::OFF);
        Rig::with(seed, limits, arriving, None)
    }

    /// An empty world with the sections `[inbound]` and `[filter]` of a configuration. With
    /// settings for outbound, mail leaves by the queue of the product.
    pub fn with(
        seed: u64,
        limits: Limits,
        (inbound, filter): (InboundPolicy, FilterSwitch),
        outbound: Option<OutboundSettings>,
    ) -> Rig {
        let shared = Shared::new(
            "mx.test",
            limits,
            PublicEndpoints {
                imap_host: "mx.test".into(),
                imap_port: 993,
                smtp_host: "mx.test".into(),
                smtp_port: 465,
                imap_starttls_port: 0,
                smtp_starttls_port: 587,
            },
        );
        let shared = Arc::new(shared.with_inbound(inbound).with_filter(filter));
        let clock = Arc::new(AtomicU64::new(BEGIN_MONO_MS));
        let read = clock.clone();
        let dns = ScriptedDns::default();
        let judge = ScriptedJudge::new(Arc::new(dns.clone()));
        let clock_of = Arc::new(move || at(read.load(Ordering::Relaxed)));
        let (lookups, resolve) = (Some(Arc::new(judge.clone()) as _), Arc::new(dns.clone()));
        let queue = outbound.is_some().then(Queue::default);
        let product = match (outbound, &queue) {
            (Some(settings), Some(queue)) => {
                let dialer = Arc::new(queue.dials.clone());
                let ways = WaysOut { resolve, dialer };
                Inline::with_all(seed, shared.clone(), clock_of, lookups, (settings, ways))
            }
            _ => Inline::with_outside(seed, shared.clone(), clock_of, lookups, resolve),
        };
        let product = product.expect("a store in memory");
        Rig {
            product,
            dns,
            judge,
            shared,
            conns: BTreeMap::new(),
            clock,
            next: 1,
            seed,
            calls: VecDeque::new(),
            ready: VecDeque::new(),
            group: None,
            queue,
            accounts: None,
            hooks: None,
        }
    }

    /// An organization.
    pub fn make_org(&mut self, name: &str) -> OrgId {
        self.product.make_org(name).expect("an organization")
    }

    /// An inbox with exactly this address.
    pub fn make_inbox(&mut self, org: OrgId, address: &str, parent: Option<InboxId>) -> InboxId {
        self.product
            .make_inbox_under(org, address, parent)
            .expect("an inbox")
    }

    /// A key's text.
    pub fn make_key(
        &mut self,
        org: OrgId,
        scopes: Scopes,
        inboxes: Option<&[InboxId]>,
        expires_at: Option<i64>,
    ) -> String {
        self.product
            .make_key_until(org, scopes, inboxes, expires_at)
            .expect("a key")
    }

    /// The id of a key by its text.
    pub fn key_id(&mut self, org: OrgId, text: &str) -> KeyId {
        let access = folder_access(org);
        match self.call(Ask::of(
            &access,
            KeyRead::List {
                cursor: None,
                limit: 200,
            },
        )) {
            Some(Reply::Answer(Answer::Keys { rows, .. })) => {
                rows.iter()
                    .find(|r| text.starts_with(&r.public))
                    .expect("the key")
                    .id
            }
            other => panic!("{other:?}"),
        }
    }

    /// The virtual time.
    pub fn now(&self) -> Now {
        at(self.clock.load(Ordering::Relaxed))
    }

    /// Has the world begin at this monotonic reading, before anything has happened in it.
    pub fn begin_at(&mut self, mono_ms: u64) {
        self.clock.store(mono_ms, Ordering::Relaxed);
    }

    /// Numbers the connections that open from now on from `n`, and gives the number that would have
    /// been next. What a session says may depend on the number of its connection.
    pub fn number_from(&mut self, n: u64) -> u64 {
        std::mem::replace(&mut self.next, n)
    }

    /// The metric `postern_NAME`, if there is one.
    pub fn metric(&self, name: &str) -> Option<u64> {
        let mut all = self.shared.metrics.all();
        let found = all.find(|(n, ..)| n.strip_prefix("postern_") == Some(name));
        found.map(|(.., value)| value)
    }

    /// Opens a conversation and says hello to its engine.
    pub fn open(&mut self, listener: Listener, peer: IpAddr) -> u64 {
        let id = self.next;
        self.next += 1;
        let peer = SocketAddr::new(peer, 40_000 + (id % 20_000) as u16);
        let opening = Opening {
            conn: ConnId(id),
            peer,
            listener,
            seed: self.seed.wrapping_mul(31).wrapping_add(id),
            shared: self.shared.clone(),
        };
        let conn = Conn {
            driver: Some(Driver::new(Protocol::serve(opening))),
            peer,
            end: ClientEnd {
                tls: listener.implicit_tls(),
                ..ClientEnd::default()
            },
        };
        self.conns.insert(id, conn);
        self.shared.metrics.add(Metric::ConnectionsOpen, 1);
        self.touch(id, &mut |s, now, out| s.open(now, out));
        self.settle();
        id
    }

    /// The other server of a connection.
    pub fn remote(&mut self, id: u64) -> Option<&mut Remote> {
        self.conns.get_mut(&id)?.end.remote.as_deref_mut()
    }

    /// Answers a call for the next transaction that waits.
    pub fn serve_remote(&mut self, id: u64) {
        if let Some(request) = self.remote(id).and_then(|remote| remote.waiting.take()) {
            self.play_queue(id, request);
        }
        self.settle();
    }

    /// The TLS handshake of an outgoing connection.
    fn shake(&mut self, id: u64) {
        let Some(remote) = self.remote(id) else {
            return self.touch(id, &mut |s, now, out| s.open(now, out));
        };
        if remote.fails_handshake {
            let error = DialError::Tls("handshake failure".into());
            return self.touch(id, &mut |s, now, out| s.fail(now, error.clone(), out));
        }
        if remote.is_verified {
            remote.certificate.pass();
        }
        self.touch(id, &mut |s, now, out| s.open(now, out));
    }

    /// The client sends bytes, in pieces of at most `piece`.
    pub fn send(&mut self, id: u64, bytes: &[u8], piece: usize) {
        for part in bytes.chunks(piece.max(1)) {
            let Some(conn) = self.conns.get_mut(&id) else {
                return;
            };
            if conn.end.closed {
                return;
            }
            conn.end.unsent.extend(part);
            self.go_on(id);
        }
    }

    /// The client closes its sending side.
    pub fn hang_up(&mut self, id: u64) {
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.end.eof = true;
        }
        self.go_on(id);
    }

    /// The client has left without a word.
    pub fn drop_conn(&mut self, id: u64) {
        if let Some(conn) = self.conns.get_mut(&id)
            && !std::mem::replace(&mut conn.end.closed, true)
        {
            self.leave(id);
        }
        self.settle();
    }

    /// Whether the client takes the bytes that the server sends.
    pub fn reads(&mut self, id: u64, on: bool) {
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.end.is_stuck = !on;
        }
        self.go_on(id);
    }

    /// A client that has stopped reading takes so many bytes more.
    pub fn reads_some(&mut self, id: u64, bytes: usize) {
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.end.takes = bytes;
            // Its time begins anew.
            conn.end.stuck_since = None;
        }
        self.go_on(id);
    }

    /// What the server has said so far; the caller owns it now.
    pub fn take(&mut self, id: u64) -> Vec<u8> {
        self.conns
            .get_mut(&id)
            .map(|c| std::mem::take(&mut c.end.received))
            .unwrap_or_default()
    }

    /// Lets `ms` pass, with every deadline at its own time.
    pub fn wait(&mut self, ms: u64) {
        let end = self.now().mono_ms.saturating_add(ms);
        // A deadline that is always due would hold the clock: that is a bug of an engine.
        let mut fuel = 1_000_000u32;
        loop {
            let due = self
                .conns
                .iter()
                .filter(|(_, c)| !c.end.closed)
                .filter_map(|(id, c)| c.due_ms(&self.shared.limits).map(|due| (due, *id)))
                .filter(|(d, _)| *d <= end)
                .min();
            let answer = [
                self.dns.next_ms(),
                self.product.next_outside_ms(),
                self.queue_due(end),
                self.accounts.as_ref().and_then(|accounts| accounts.next_ms),
                self.hooks.as_ref().and_then(|hooks| hooks.next_ms),
            ];
            let answer = answer.into_iter().flatten().filter(|at| *at <= end).min();
            if let Some(at) = answer.filter(|at| due.is_none_or(|(when, _)| *at <= when)) {
                fuel -= 1;
                assert!(fuel > 0, "the queue does not move on");
                self.clock
                    .store(at.max(self.now().mono_ms), Ordering::Relaxed);
                self.settle();
                continue;
            }
            let Some((when, id)) = due else { break };
            fuel -= 1;
            assert!(fuel > 0, "a deadline does not move on");
            let when = when.max(self.now().mono_ms);
            self.clock.store(when, Ordering::Relaxed);
            let Some(conn) = self.conns.get_mut(&id) else {
                continue;
            };
            if (conn.stall_at(&self.shared.limits)).is_some_and(|at| at <= when) {
                self.shared.metrics.count(Metric::Stalled);
                self.drop_conn(id);
                continue;
            }
            conn.end.deadline = None;
            if !self.dial_is_over(id) {
                self.touch(id, &mut |s, now, out| s.deadline(now, out));
            }
            self.settle();
        }
        self.clock.store(end, Ordering::Relaxed);
        // After an error the writer looks again in its next turn.
        if let Ok((_, waiting)) = self.product.run_waiting() {
            self.publish(&waiting);
        }
        let _ = self.product.run_upstream();
        self.settle();
    }

    /// The server ends without a word, and starts again over the same database.
    pub fn restart(&mut self) {
        self.conns.clear();
        self.calls.clear();
        self.ready.clear();
        self.product.restart();
        self.shared.metrics.set(Metric::Subscriptions, 0);
        if let Some(queue) = &mut self.queue {
            queue.dialled.clear();
            queue.next_ms = None;
        }
        if let Some(accounts) = &mut self.accounts {
            accounts.wanted.clear();
        }
        if let Some(hooks) = &mut self.hooks {
            hooks.wanted.clear();
        }
        if self.queue.is_some() || self.accounts.is_some() || self.hooks.is_some() {
            self.settle();
        }
    }

    /// The server is told to stop.
    pub fn shutdown(&mut self) {
        self.shared.stop();
        let ids: Vec<u64> = self.conns.keys().copied().collect();
        for id in ids {
            self.touch(id, &mut |s, now, out| s.shutdown(now, out));
        }
        self.settle();
    }

    /// Carries out a call that no session made.
    pub fn call(&mut self, ask: Ask) -> Option<Reply> {
        let request = Request {
            request_id: ask.request_id,
            depth: ask.depth,
            conn: None,
            peer: IpAddr::from([127, 0, 0, 1]),
            now: self.now(),
            caller: ask.caller,
            call: ask.call,
        };
        let (reply, events) = self.product.serve(request);
        self.publish(&events);
        self.settle();
        reply
    }

    /// From now on the calls of the writer wait, and become one group.
    pub fn begin_group(&mut self) {
        self.group = Some(Vec::new());
    }

    /// The writer carries out the calls that wait, with one commit.
    pub fn serve_group(&mut self) {
        let tasks = self.group.take().unwrap_or_default();
        let turn = self.product.writer.turn(&self.product.store, &tasks);
        self.publish(&turn.events);
        for (conn, reply) in turn.replies {
            if let Some(ConnId(id)) = conn {
                self.touch(id, &mut |s, now, out| s.answer(now, reply.clone(), out));
            }
        }
        self.settle();
    }

    /// Tells every watcher.
    pub fn publish(&mut self, events: &[Event]) {
        for event in events {
            let topics: Vec<Topic> = event.topics().collect();
            let ids: Vec<u64> = self
                .conns
                .iter()
                .filter(|(_, c)| topics.iter().any(|t| c.end.watch.contains(t)))
                .map(|(id, _)| *id)
                .collect();
            for id in ids {
                self.touch(id, &mut |s, now, out| s.notify(now, event, out));
            }
        }
    }

    fn touch(&mut self, id: u64, act: &mut dyn FnMut(&mut Session<Protocol>, Now, &mut Output)) {
        let now = self.now();
        let Some(conn) = self.conns.get_mut(&id) else {
            return;
        };
        let Some(driver) = conn.driver.as_mut().filter(|_| !conn.end.closed) else {
            return;
        };
        let mut touch = Touch {
            id,
            shared: &self.shared,
            now,
            end: &mut conn.end,
            calls: &mut self.calls,
        };
        let Ok(settled) = driver.touch(&mut touch, act);
        let is_stuck = driver.unsent_bytes() > 0;
        conn.end.stuck_since = is_stuck.then(|| conn.end.stuck_since.unwrap_or(now.mono_ms));
        match settled {
            Settled::Idle => {}
            Settled::Again => self.ready.push_back(id),
            Settled::TlsBegun => self.shake(id),
            Settled::Closed => self.leave(id),
        }
    }

    /// The connection has ended.
    fn leave(&mut self, id: u64) {
        self.shared.metrics.sub(Metric::ConnectionsOpen, 1);
        let driver = self.conns.get_mut(&id).and_then(|c| {
            c.end.listening.clear();
            c.driver.take()
        });
        if driver.is_some_and(|driver| driver.owes_hangup()) {
            self.calls.push_back((id, Ask::anonymous(Call::Hangup)));
        }
    }

    /// A session goes on with what its client has done.
    fn go_on(&mut self, id: u64) {
        self.touch(id, &mut |_, _, _| ());
        self.settle();
    }

    /// Carries out calls until nothing moves.
    fn settle(&mut self) {
        let mut fuel = 10_000_000u32;
        loop {
            fuel -= 1;
            assert!(fuel > 0, "sessions do not come to rest");
            if let Some((id, ask)) = self.calls.pop_front() {
                let now = self.now();
                let peer = self
                    .conns
                    .get(&id)
                    .map_or(IpAddr::from([127, 0, 0, 1]), |c| c.peer.ip());
                let request = Request {
                    request_id: ask.request_id,
                    depth: ask.depth,
                    conn: Some(ConnId(id)),
                    peer,
                    now,
                    caller: ask.caller,
                    call: ask.call,
                };
                let Some(request) = (match self.remote(id) {
                    Some(remote) if remote.is_queue_played => self.play_queue(id, request),
                    _ => Some(request),
                }) else {
                    continue;
                };
                let request = match (&mut self.group, request.call.clone()) {
                    (Some(group), Call::Write(call)) => {
                        group.push(WriteTask::Call(request.split(call).0));
                        continue;
                    }
                    _ => request,
                };
                let (reply, events) = self.product.serve(request);
                self.publish(&events);
                if let Some(reply) = reply {
                    self.touch(id, &mut |s, now, out| s.answer(now, reply.clone(), out));
                }
            } else if let Some(id) = self.ready.pop_front() {
                self.touch(id, &mut |_, _, _| ());
            } else if let Some((take, answer)) = self.dns.due(self.now().mono_ms) {
                take(answer);
            } else if let Some((conn, reply, events)) = self.product.carry_on() {
                self.publish(&events);
                if let (Some(ConnId(id)), Some(reply)) = (conn, reply) {
                    self.touch(id, &mut |s, now, out| s.answer(now, reply.clone(), out));
                }
            } else if let Some(id) = self.judge.next() {
                let conn = self.product.waiting_conn(id);
                let (reply, events) = self.product.found(id, Finding::Answer(String::new()));
                self.publish(&events);
                if let (Some(ConnId(id)), Some(reply)) = (conn, reply) {
                    self.touch(id, &mut |s, now, out| s.answer(now, reply.clone(), out));
                }
            } else if let Some((conn, reply, events)) = self.product.expire_outside() {
                self.publish(&events);
                if let (Some(ConnId(id)), Some(reply)) = (conn, reply) {
                    self.touch(id, &mut |s, now, out| s.answer(now, reply.clone(), out));
                }
            } else if !self.play_hosts()
                && !self.run_queue()
                && !self.run_accounts()
                && !self.run_hooks()
                && !self.dns.is_asked()
            {
                break;
            }
        }
    }
}

/// Monotonic time does not begin at 0, so that no engine takes 0 for "never" by luck.
const BEGIN_MONO_MS: u64 = 1_000_000;

/// The virtual time at a monotonic reading.
fn at(mono_ms: u64) -> Now {
    let since = i64::try_from(mono_ms - BEGIN_MONO_MS).expect("a short test");
    Now {
        mono_ms,
        unix_ms: BEGIN_UNIX_MS + since,
    }
}
