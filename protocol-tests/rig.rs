//! A worker without sockets: sessions over one in-memory product, in one thread, in virtual
//! time. Transcripts, the simulation and the fuzz bodies all drive this.
//!
//! It keeps the worker's order: commit, then publish, then answer; every touch of a session
//! ends in a flush. A client that "stops reading" leaves its output where it is.

#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use postern::testing::call::{
    Answer, Ask, Call, ConnId, Event, InboxId, KeyId, KeyRead, Limits, Listener, Metric, Now,
    Opening, OrgId, PublicEndpoints, Reply, Request, Scopes, Shared, Topic,
};
use postern::testing::engine::drive::{Driver, Environment, Settled};
use postern::testing::engine::{Output, Session};
use postern::testing::protocol::Protocol;
use postern::testing::service::access::login::folder_access;
use postern::testing::service::{Inline, WriteTask};

/// 2026-01-01T00:00:00Z, in milliseconds: when every virtual world begins.
pub const BEGIN_UNIX_MS: i64 = 1_767_225_600_000;

/// One client's end of a conversation.
pub struct Conn {
    driver: Driver<Protocol>,
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
    /// The client does not read.
    is_stuck: bool,
    deadline: Option<Now>,
    watch: HashSet<Topic>,
    closed: bool,
    /// TLS has been begun by STARTTLS, or was there from the beginning.
    tls: bool,
    eof: bool,
}

impl Conn {
    /// Whether the server has closed the connection, or the client has left.
    pub fn is_closed(&self) -> bool {
        self.end.closed
    }
}

/// One touch of a session.
struct Touch<'a> {
    id: u64,
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
        if !self.end.is_stuck {
            self.end.received.append(bytes);
        }
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

/// The world: a product, sessions, a clock.
pub struct Rig {
    pub product: Inline,
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
}

impl Rig {
    /// An empty world with these limits; the same seed gives the same run.
    pub fn new(seed: u64, limits: Limits) -> Rig {
        let shared = Arc::new(Shared::new(
            "mx.test",
            limits,
            PublicEndpoints {
                imap_host: "mx.test".into(),
                imap_port: 993,
                smtp_host: "mx.test".into(),
                smtp_port: 465,
            },
        ));
        let clock = Arc::new(AtomicU64::new(BEGIN_MONO_MS));
        let read = clock.clone();
        let product = Inline::new(
            seed,
            shared.clone(),
            Arc::new(move || at(read.load(Ordering::Relaxed))),
        )
        .expect("a store in memory");
        Rig {
            product,
            shared,
            conns: BTreeMap::new(),
            clock,
            next: 1,
            seed,
            calls: VecDeque::new(),
            ready: VecDeque::new(),
            group: None,
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
            driver: Driver::new(Protocol::serve(opening)),
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
                .filter_map(|(id, c)| c.end.deadline.map(|d| (d.mono_ms, *id)))
                .filter(|(d, _)| *d <= end)
                .min();
            let Some((when, id)) = due else { break };
            fuel -= 1;
            assert!(fuel > 0, "a deadline does not move on");
            let when = when.max(self.now().mono_ms);
            self.clock.store(when, Ordering::Relaxed);
            if let Some(conn) = self.conns.get_mut(&id) {
                conn.end.deadline = None;
            }
            self.touch(id, &mut |s, now, out| s.deadline(now, out));
            self.settle();
        }
        self.clock.store(end, Ordering::Relaxed);
    }

    /// The server is told to stop.
    pub fn shutdown(&mut self) {
        let ids: Vec<u64> = self.conns.keys().copied().collect();
        for id in ids {
            self.touch(id, &mut |s, now, out| s.shutdown(now, out));
        }
        self.settle();
    }

    /// Carries out a call that no session made.
    pub fn call(&mut self, ask: Ask) -> Option<Reply> {
        let request = Request {
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
        if conn.end.closed {
            return;
        }
        let mut touch = Touch {
            id,
            now,
            end: &mut conn.end,
            calls: &mut self.calls,
        };
        let Ok(settled) = conn.driver.touch(&mut touch, act);
        match settled {
            Settled::Idle => {}
            Settled::Again => self.ready.push_back(id),
            Settled::TlsBegun => self.touch(id, &mut |s, now, out| s.open(now, out)),
            Settled::Closed => self.leave(id),
        }
    }

    /// The connection has ended.
    fn leave(&mut self, id: u64) {
        self.shared.metrics.sub(Metric::ConnectionsOpen, 1);
        if self.conns.get(&id).is_some_and(|c| c.driver.owes_hangup()) {
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
                    conn: Some(ConnId(id)),
                    peer,
                    now,
                    caller: ask.caller,
                    call: ask.call,
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
            } else {
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
