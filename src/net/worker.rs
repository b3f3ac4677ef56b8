//! One thread a core: a poll loop over its connections, and nothing that blocks.
//!
//! A turn: what the poll says is noted, the queue from the service is emptied, connections
//! that can go on go on, deadlines that have come are told. The clock is read once. `with`
//! is the only way to a connection; a panic below it costs that connection and no other.
//! A worker holds no database handle and takes no lock.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use mio::{Events, Interest, Token};

use super::clock::Clock;
use super::conn::{Conn, ConnEnd, Phase};
use super::handshakes::{HandshakeSlots, SlotOffer};
use super::hub::{Shortage, ToWorker, WAKE, WorkerQueue};
use super::listen::Accepted;
use super::timers::{NEVER, Timers};
use super::tls::Cipher;
use super::transport::SCRATCH;
use super::watchers::Watchers;
use crate::call::{Ask, ConnId, Event, Metric, Now, Refusal, Reply, Request, Shared};
use crate::engine::Trust;

/// Hands a call to the thread that answers it; `false` when that thread has ended.
pub type Submit = Box<dyn Fn(Request) -> bool + Send>;

/// One worker; `run` is its life.
pub struct Worker {
    queue: WorkerQueue,
    clock: Clock,
    conns: HashMap<ConnId, Box<Conn>>,
    /// Connections that wait for a place among the handshakes.
    waiting: VecDeque<Accepted>,
    context: WorkerContext,
    stop: Option<Stop>,
    /// The queue from the service was not emptied in this turn.
    behind: bool,
    /// When the last connection's part of the turn was over, in microseconds.
    mark: u64,
}

/// What every connection of a worker uses in its turn.
pub(super) struct WorkerContext {
    pub now: Now,
    pub shared: Arc<Shared>,
    pub timers: Timers,
    pub watchers: Watchers,
    /// Connections to go on with.
    pub ready: VecDeque<ConnId>,
    pub handshakes: HandshakeSlots,
    /// What is read goes here first.
    pub scratch: Vec<u8>,
    /// What is encrypted goes here first.
    pub cipher: Cipher,
    /// Lent to the connection whose turn it is, to write into.
    pub spare: Vec<u8>,
    submit: Submit,
    /// Connections whose call nobody takes any more.
    refused: Vec<ConnId>,
    seed: u64,
}

/// When a stop has come.
#[derive(Clone, Copy)]
struct Stop {
    /// Idle connections are closed.
    close_at: u64,
    /// Those that wait for the service, too.
    end_at: u64,
}

impl Worker {
    /// A worker that is not yet running. `seed` makes the seeds of its sessions.
    pub fn new(
        queue: WorkerQueue,
        shared: Arc<Shared>,
        clock: Clock,
        submit: Submit,
        seed: u64,
    ) -> Self {
        Worker {
            queue,
            clock,
            conns: HashMap::new(),
            waiting: VecDeque::new(),
            context: WorkerContext {
                now: clock.now(),
                shared,
                timers: Timers::default(),
                watchers: Watchers::default(),
                ready: VecDeque::new(),
                handshakes: HandshakeSlots::default(),
                scratch: vec![0; SCRATCH],
                cipher: Cipher::new(),
                spare: Vec::new(),
                submit,
                refused: Vec::new(),
                seed,
            },
            stop: None,
            behind: false,
            mark: clock.micros(),
        }
    }

    /// Runs until a shutdown has been told to every connection and they have left, or its
    /// time is over. An error is the poll's: the process cannot go on without it.
    pub fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS);
        while !self.is_over() {
            if let Err(error) = self.queue.poll.poll(&mut events, self.timeout()) {
                if error.kind() == io::ErrorKind::Interrupted {
                    continue;
                }
                return Err(error);
            }
            self.context.now = self.clock.now();
            self.mark = self.clock.micros();
            for event in &events {
                if event.token() != WAKE {
                    let id = ConnId(event.token().0 as u64);
                    if let Some(conn) = self.conns.get_mut(&id) {
                        conn.record_readiness(&mut self.context, event);
                    }
                }
            }
            self.take_queue();
            self.go_on();
            self.expire();
            self.go_in();
            self.refuse();
        }
        Ok(())
    }

    fn timeout(&self) -> Option<Duration> {
        if self.behind || !self.context.ready.is_empty() {
            return Some(Duration::ZERO);
        }
        let stop = self.stop.map(|stop| {
            if self.context.now.mono_ms < stop.close_at {
                stop.close_at
            } else {
                stop.end_at
            }
        });
        let next = match (self.context.timers.next(), stop) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let ms = next.map(|at| at.saturating_sub(self.context.now.mono_ms));
        // A place that comes free by time alone is announced by nobody.
        let ms = match self.waiting.is_empty() {
            true => ms,
            false => Some(ms.unwrap_or(PLACE_MS).min(PLACE_MS)),
        };
        ms.map(Duration::from_millis)
    }

    /// The only way to a connection. Whatever is done ends in its flush; when it is over, it
    /// leaves; a panic is the end of this connection only, and its session is never used
    /// again.
    fn with(
        &mut self,
        id: ConnId,
        input: &'static str,
        act: impl FnOnce(&mut Conn, &mut WorkerContext) -> Result<(), ConnEnd>,
    ) {
        let Some(conn) = self.conns.get_mut(&id) else {
            return;
        };
        let context = &mut self.context;
        // A connection that ended between encrypting and sending has left its bytes there:
        // they are nobody else's.
        context.cipher.clear();
        let result = catch_unwind(AssertUnwindSafe(|| act(conn, context)));
        // One look at the clock: what the worker does between two of these is little, and goes
        // to the second.
        let now = self.clock.micros();
        let took = now.saturating_sub(core::mem::replace(&mut self.mark, now));
        if took > LONG_TURN_US {
            context.shared.metrics.count(Metric::LongTurns);
            context.shared.metrics.raise(Metric::LongestTurn, took);
            let listener = conn.listener().name();
            log::debug!(
                "conn={} listener={listener} input={input} took {took} us",
                id.0
            );
        }
        match result {
            Ok(Ok(())) => {}
            Ok(Err(ConnEnd(why))) => self.remove(id, why),
            Err(_) => {
                self.context.shared.metrics.count(Metric::Panics);
                log::error!("conn={} panic input={input}", id.0);
                self.remove(id, "panic");
            }
        }
    }

    fn remove(&mut self, id: ConnId, why: &'static str) {
        let Some(mut conn) = self.conns.remove(&id) else {
            return;
        };
        conn.leave(&mut self.context, why);
        if conn.armed() != NEVER {
            let conns = &self.conns;
            self.context.timers.forget(|id| conns.contains_key(&id));
        }
    }

    fn take_queue(&mut self) {
        self.queue.look();
        self.behind = true;
        for _ in 0..INBOX_PER_TURN {
            let Ok(what) = self.queue.messages.try_recv() else {
                self.behind = false;
                break;
            };
            match what {
                ToWorker::Conn(accepted) => self.admit(accepted),
                ToWorker::Reply(id, reply) => self.answer(id, reply),
                ToWorker::Events(events) => self.notify(&events),
                ToWorker::Evict(short) => self.evict(short),
                ToWorker::Shutdown => self.shutdown(),
            }
        }
    }

    fn answer(&mut self, id: ConnId, reply: Reply) {
        self.with(id, "reply", |conn, context| {
            conn.touch(context, |session, now, out| session.answer(now, reply, out))
        });
    }

    /// A new connection. Those that begin with a handshake wait while too many are under
    /// way: a flood of strangers costs a bounded share of the core.
    fn admit(&mut self, accepted: Accepted) {
        if self.stop.is_some() {
            return;
        }
        if accepted.listener.implicit_tls() && !self.makes_room(&accepted) {
            let most = self.context.shared.limits.handshakes_per_worker;
            if self.waiting.len() < most {
                self.waiting.push_back(accepted);
            } else {
                self.context.shared.metrics.count(Metric::HandshakesFailed);
            }
            return;
        }
        self.adopt(accepted);
    }

    /// Whether this one's handshake may begin, at the cost of another's perhaps.
    fn makes_room(&mut self, newcomer: &Accepted) -> bool {
        let most = self.context.shared.limits.handshakes_per_worker;
        let now = self.context.now.mono_ms;
        match (self.context.handshakes).room(newcomer.slot.prefix(), most, now) {
            SlotOffer::Free => true,
            SlotOffer::None => false,
            SlotOffer::Of(id) => {
                self.context.shared.metrics.count(Metric::HandshakesFailed);
                self.remove(id, "handshake made room");
                true
            }
        }
    }

    fn adopt(&mut self, accepted: Accepted) {
        let id = accepted.id;
        let mut conn = match Conn::new(accepted, &mut self.context) {
            Ok(conn) => Box::new(conn),
            Err(ConnEnd(why)) => {
                log::debug!("conn={} not begun: {why}", id.0);
                return;
            }
        };
        let interest = Interest::READABLE | Interest::WRITABLE;
        let source = conn.transport().source();
        let token = Token(id.0 as usize);
        if let Err(error) = self.queue.poll.registry().register(source, token, interest) {
            log::warn!("conn={} cannot be polled: {error}", id.0);
            conn.leave(&mut self.context, "not polled");
            return;
        }
        self.conns.insert(id, conn);
        self.with(id, "open", Conn::begin);
    }

    fn go_on(&mut self) {
        let mut handshakes = HANDSHAKES_PER_TURN;
        for _ in 0..self.context.ready.len() {
            let Some(id) = self.context.ready.pop_front() else {
                break;
            };
            let phase = self.conns.get(&id).map(|conn| conn.phase());
            if phase == Some(Phase::Handshake) {
                if handshakes == 0 {
                    self.context.ready.push_back(id);
                    continue;
                }
                handshakes -= 1;
            }
            self.with(id, "bytes", |conn, context| {
                conn.touch(context, |_, _, _| ())
            });
        }
    }

    /// Those that waited for a place, each in its turn; one for which there is none does not
    /// keep the others out. The wait is a part of the time that a handshake has.
    fn go_in(&mut self) {
        let now = self.context.now.mono_ms;
        let most_ms = self.context.shared.limits.handshake_s.saturating_mul(1000);
        for _ in 0..self.waiting.len() {
            let Some(accepted) = self.waiting.pop_front() else {
                break;
            };
            if now.saturating_sub(accepted.at) >= most_ms {
                self.context.shared.metrics.count(Metric::HandshakesFailed);
            } else if self.makes_room(&accepted) {
                self.adopt(accepted);
            } else {
                self.waiting.push_back(accepted);
            }
        }
    }

    fn expire(&mut self) {
        let now = self.context.now.mono_ms;
        for _ in 0..TIMERS_PER_TURN {
            let Some((at, id)) = self.context.timers.due(now) else {
                break;
            };
            // An entry that an earlier deadline has overtaken says nothing any more.
            if self.conns.get(&id).is_some_and(|conn| conn.armed() == at) {
                self.with(id, "deadline", Conn::expire);
            }
        }
    }

    /// Calls that no thread takes any more: the service is stopping.
    fn refuse(&mut self) {
        for id in core::mem::take(&mut self.context.refused) {
            self.answer(id, Reply::Refused(Refusal::Stopping));
        }
    }

    /// Brings a batch of events to those who watch them, with one flush for each.
    fn notify(&mut self, events: &[Event]) {
        self.context.watchers.remember(events);
        let reached = self.context.watchers.reached(events);
        for of_one in reached.chunk_by(|a, b| a.0 == b.0) {
            let Some(&(id, _)) = of_one.first() else {
                continue;
            };
            self.with(id, "event", |conn, context| {
                conn.touch(context, |session, now, out| {
                    for event in of_one.iter().filter_map(|&(_, at)| events.get(at)) {
                        session.notify(now, event, out);
                    }
                })
            });
        }
    }

    /// The oldest connections that nobody has logged in on go, those that bring a message last
    /// and when it has had its time. Ids count up, so the smallest are the oldest.
    fn evict(&mut self, short: Shortage) {
        let now = self.context.now.mono_ms;
        let (share, age) = match short {
            Shortage::Places => (EVICT_SHARE, STRANGER_MS),
            Shortage::Memory => (EVICT_SHARE_MEMORY, 0),
        };
        let candidates = self.conns.values().filter(|conn| match conn.trust() {
            Trust::Stranger => conn.age_ms(now) >= age,
            Trust::Guest => conn.age_ms(now) >= GUEST_MS,
            Trust::Known => false,
        });
        let mut going: Vec<_> = candidates.map(|c| (c.trust(), c.id())).collect();
        let share = (self.conns.len() / share).max(1);
        if going.len() > share {
            going.select_nth_unstable(share);
            going.truncate(share);
        }
        for (_, id) in going {
            self.context.shared.metrics.count(Metric::Evicted);
            self.remove(id, "evicted");
        }
    }

    fn shutdown(&mut self) {
        if self.stop.is_some() {
            return;
        }
        let now = self.context.now.mono_ms;
        let ms = self.context.shared.limits.drain_s.saturating_mul(1000);
        let close_at = now.saturating_add(ms);
        self.stop = Some(Stop {
            close_at,
            end_at: close_at.saturating_add(GRACE_MS),
        });
        self.waiting.clear();
        for id in self.conns.keys().copied().collect::<Vec<_>>() {
            self.with(id, "shutdown", |conn, context| match conn.phase() {
                Phase::Open => conn.touch(context, |session, now, out| session.shutdown(now, out)),
                Phase::Handshake => Err(ConnEnd("shutdown")),
                Phase::Draining => Ok(()),
            });
        }
    }

    /// Whether a stop has run its course; ends the connections whose time is over.
    fn is_over(&mut self) -> bool {
        let Some(stop) = self.stop else {
            return false;
        };
        let now = self.context.now.mono_ms;
        if now >= stop.close_at {
            let over: Vec<ConnId> = self
                .conns
                .values()
                .filter(|conn| now >= stop.end_at || !conn.is_waiting())
                .map(|conn| conn.id())
                .collect();
            for id in over {
                self.remove(id, "shutdown");
            }
        }
        self.conns.is_empty()
    }
}

impl WorkerContext {
    /// Hands a call out, or remembers that it could not.
    pub fn call(&mut self, conn: ConnId, peer: SocketAddr, ask: Ask) {
        if !self.submit(conn, peer, ask) {
            self.refused.push(conn);
        }
    }

    /// Hands a call out; `false` when nobody takes it.
    pub fn submit(&self, conn: ConnId, peer: SocketAddr, ask: Ask) -> bool {
        (self.submit)(Request {
            conn: Some(conn),
            peer: peer.ip().to_canonical(),
            now: self.now,
            caller: ask.caller,
            call: ask.call,
        })
    }

    /// A seed that no two connections share (splitmix64).
    pub fn seed(&self, id: ConnId) -> u64 {
        let mut z = self
            .seed
            .wrapping_add(id.0.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// Readiness taken from the kernel in one turn.
const EVENTS: usize = 1024;
/// Messages from the service in one turn.
const INBOX_PER_TURN: usize = 1024;
/// Deadlines in one turn.
const TIMERS_PER_TURN: usize = 1024;
/// Handshake steps in one turn: about 170 µs each, so others wait 3 ms at most.
const HANDSHAKES_PER_TURN: usize = 16;
/// How often those that wait for a place are looked at when nothing else happens.
const PLACE_MS: u64 = 100;
/// A turn of one connection that takes longer keeps the others waiting (reliability.md R09).
const LONG_TURN_US: u64 = 5000;
/// One connection in so many goes at once when room is needed.
const EVICT_SHARE: usize = 64;
/// One in so many when memory is nearly gone.
const EVICT_SHARE_MEMORY: usize = 8;
/// A connection is not closed for want of a place before this: an honest client has said by
/// then who it is.
const STRANGER_MS: u64 = 3000;
/// One that brings a message is not closed before this, the minute in which DATA may be as
/// slow as it likes; whoever only trickles would else hold its place and memory for hours.
const GUEST_MS: u64 = 60_000;
/// What a stop gives calls that are under way beyond its drain.
const GRACE_MS: u64 = 5000;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Read;

    use super::super::hub::Hub;
    use super::super::listen::Slot;
    use super::*;
    use crate::call::{Answer, Limits, Listener, Network, OrgId, PublicEndpoints, Topic};
    use crate::engine::Session;

    fn worker() -> (Worker, Arc<Shared>) {
        let shared = Arc::new(Shared::new(
            "mx.test",
            Limits::default(),
            PublicEndpoints::default(),
        ));
        let (_hub, mut queues) = Hub::new(1).unwrap();
        let submit = Box::new(|_| true);
        let queue = queues.remove(0);
        let worker = Worker::new(queue, Arc::clone(&shared), Clock::new(), submit, 7);
        (worker, shared)
    }

    /// A new connection of the worker; the peer's end of it.
    fn connect(worker: &mut Worker, shared: &Arc<Shared>, id: u64) -> std::net::TcpStream {
        connect_to(worker, shared, id, Listener::Submission)
    }

    fn connect_to(
        worker: &mut Worker,
        shared: &Arc<Shared>,
        id: u64,
        listener: Listener,
    ) -> std::net::TcpStream {
        let (accepted, peer) = arrive(worker, shared, id, listener);
        worker.adopt(accepted);
        peer
    }

    fn arrive(
        worker: &Worker,
        shared: &Arc<Shared>,
        id: u64,
        listener: Listener,
    ) -> (Accepted, std::net::TcpStream) {
        let bound = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = std::net::TcpStream::connect(bound.local_addr().unwrap()).unwrap();
        let (stream, address) = bound.accept().unwrap();
        stream.set_nonblocking(true).unwrap();
        let accepted = Accepted {
            id: ConnId(id),
            stream: mio::net::TcpStream::from_std(stream),
            peer: address,
            at: worker.context.now.mono_ms,
            listener,
            tls: None,
            slot: Slot::uncounted(shared, Network::V4([127, 0, 0, 1])),
        };
        (accepted, peer)
    }

    #[test]
    fn the_oldest_strangers_make_room() {
        let (mut worker, shared) = worker();
        let mut peers: Vec<_> = (1..=130)
            .map(|id| connect(&mut worker, &shared, id))
            .collect();
        worker.evict(Shortage::Places);
        assert_eq!(
            worker.conns.len(),
            130,
            "who has just come may still log in"
        );
        worker.context.now.mono_ms += 5000;
        peers.push(connect(&mut worker, &shared, 131));
        worker.evict(Shortage::Places);
        let mut left: Vec<u64> = worker.conns.keys().map(|id| id.0).collect();
        left.sort_unstable();
        assert_eq!(left, (3..=131).collect::<Vec<_>>());
        assert_eq!(shared.metrics.value(Metric::Evicted), 2);
        // Memory is more than that: an eighth at once, however young.
        worker.evict(Shortage::Memory);
        assert_eq!(shared.metrics.value(Metric::Evicted), 2 + 129 / 8);
    }

    #[test]
    fn a_message_on_its_way_has_its_time() {
        let (mut worker, shared) = worker();
        let _peers = [1, 2].map(|id| connect_to(&mut worker, &shared, id, Listener::Mx));
        worker.context.now.mono_ms += 1000;
        worker.with(ConnId(1), "bytes", |conn, context| {
            conn.touch(context, Session::deadline)?;
            let words = b"EHLO a.test\r\nMAIL FROM:<>\r\n";
            conn.touch(context, |session, now, out| {
                session.receive(now, words, out)
            })
        });
        worker.answer(ConnId(1), Reply::Answer(Answer::Done));
        worker.context.now.mono_ms += GUEST_MS - 1001;
        for (ms, left) in [(0, &[ConnId(1)][..]), (0, &[ConnId(1)]), (1, &[])] {
            worker.context.now.mono_ms += ms;
            worker.evict(Shortage::Memory);
            assert_eq!(worker.conns.keys().copied().collect::<Vec<_>>(), left);
        }
    }

    #[test]
    fn who_waits_for_a_place_is_looked_after() {
        let (mut worker, shared) = worker();
        let (crowd, lone) = (Network::V4([192, 0, 2, 1]), Network::V4([192, 0, 2, 2]));
        let most = shared.limits.handshakes_per_worker as u64;
        let now = worker.context.now.mono_ms;
        for id in 0..most {
            (worker.context.handshakes).begin(ConnId(1000 + id), crowd, now);
        }
        assert_eq!(worker.timeout(), None);
        // The first of them has its share, the second has nothing yet.
        let _peers = [(1, crowd), (2, lone)].map(|(id, prefix)| {
            let (mut accepted, peer) = arrive(&worker, &shared, id, Listener::Submission);
            accepted.slot = Slot::uncounted(&shared, prefix);
            worker.waiting.push_back(accepted);
            peer
        });
        let wait = worker.timeout().unwrap();
        assert!(wait <= Duration::from_millis(PLACE_MS), "{wait:?}");
        worker.go_in();
        assert_eq!(worker.conns.keys().collect::<Vec<_>>(), [&ConnId(2)]);
        assert_eq!(worker.waiting.len(), 1);
        worker.context.now.mono_ms += 1000;
        worker.go_in();
        assert_eq!(worker.conns.len(), 2, "those before it have become slow");
    }

    #[test]
    fn many_panics_leave_nothing_behind() {
        let (mut worker, shared) = worker();
        let _bystander = connect(&mut worker, &shared, 1);
        for id in 2..300 {
            let _peer = connect(&mut worker, &shared, id);
            worker.with(ConnId(id), "bytes", |conn, context| {
                let topics = vec![Topic::Org(OrgId(1))];
                conn.touch(context, |_, _, out| out.watch = Some(topics))
            });
            worker.with(ConnId(id), "bytes", |conn, context| {
                conn.touch(context, |_, _, out| {
                    out.bytes.extend_from_slice(b"half of a line");
                    panic!("on purpose")
                })
            });
        }
        assert_eq!(shared.metrics.value(Metric::Panics), 298);
        assert_eq!(shared.metrics.value(Metric::ConnectionsOpen), 1);
        assert_eq!(worker.conns.len(), 1);
        assert!(worker.context.watchers.is_empty());
        // Nothing of theirs is said to the one that is left.
        assert!(worker.context.spare.is_empty() && worker.context.cipher.is_empty());
        worker.with(ConnId(1), "bytes", |conn, context| {
            conn.touch(context, |_, _, _| ())
        });
        assert_eq!(worker.conns.len(), 1);
    }

    #[test]
    fn a_panic_costs_one_connection() {
        let (mut worker, shared) = worker();
        let mut peers: Vec<_> = (1..=2)
            .map(|id| connect(&mut worker, &shared, id))
            .collect();
        worker.with(ConnId(1), "bytes", |_, _| panic!("on purpose"));
        assert_eq!(shared.metrics.value(Metric::Panics), 1);
        assert_eq!(shared.metrics.value(Metric::ConnectionsOpen), 1);
        // Its peer has heard the greeting and sees the end; the other goes on.
        let mut said = String::new();
        peers[0].read_to_string(&mut said).unwrap();
        assert!(said.starts_with("220 mx.test"));
        worker.with(ConnId(2), "shutdown", |conn, context| {
            conn.touch(context, Session::shutdown)
        });
        worker.remove(ConnId(2), "test");
        said.clear();
        peers[1].read_to_string(&mut said).unwrap();
        assert!(said.contains("\r\n421 4.3.2"), "{said}");
    }

    #[test]
    fn who_does_not_read_has_its_time() {
        let (mut worker, shared) = worker();
        let (stall_s, stream_s) = (shared.limits.stall_s, shared.limits.stream_stall_s);
        for (id, stream, limit_s) in [(1, false, stall_s), (2, true, stream_s)] {
            let before = shared.metrics.value(Metric::Stalled);
            let _peer = connect(&mut worker, &shared, id);
            worker.with(ConnId(id), "bytes", |conn, context| {
                conn.touch(context, |_, _, out| {
                    out.stream = stream;
                    // More than the kernel takes on behalf of a peer that reads nothing.
                    out.bytes.resize(32 << 20, b'x');
                })
            });
            worker.context.now.mono_ms += limit_s * 1000 - 1;
            worker.expire();
            assert_eq!(shared.metrics.value(Metric::Stalled), before);
            worker.context.now.mono_ms += 1;
            worker.expire();
            assert_eq!(shared.metrics.value(Metric::Stalled), before + 1);
        }
    }

    #[test]
    fn a_turn_that_takes_long_is_counted() {
        let (mut worker, shared) = worker();
        let _peer = connect(&mut worker, &shared, 1);
        let before = shared.metrics.value(Metric::LongTurns);
        let long = std::time::Duration::from_millis(8);
        worker.with(ConnId(1), "bytes", |_, _| {
            std::thread::sleep(long);
            Ok(())
        });
        assert_eq!(shared.metrics.value(Metric::LongTurns), before + 1);
        assert!(shared.metrics.value(Metric::LongestTurn) >= 8000);
    }
}
