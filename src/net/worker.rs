//! One thread a core: a poll loop over its connections, and nothing that blocks.
//!
//! A turn: the readiness that the poll reports is recorded, the queue from other threads is
//! emptied, connections that can go on go on, deadlines that have come are told. The clock
//! is read once. `with` is the only way to a connection; a panic below it costs that
//! connection and no other. A worker holds no database handle, and its
//! only lock is that of a budget of memory.

use core::sync::atomic::Ordering;
use std::collections::{HashSet, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use mio::{Events, Registry};

use super::clock::SystemClock;
use super::conn::{Conn, ConnEnd, Phase};
use super::conn_map::ConnMap;
use super::dial::Dial;
use super::dns::DnsSockets;
use super::handshakes::{HandshakeSlots, SlotOffer};
use super::hub::{PolledQueue, Shortage, ToWorker, WorkerQueue};
use super::listen::Accepted;
use super::timers::{NEVER, Timers};
use super::tls::Cipher;
use super::token::Ready;
use super::transport::SCRATCH;
use super::untold::{Untold, UntoldBatch};
use super::watchers::Watchers;
use crate::call::{Ask, ConnId, Event, Listener, Metric, Now, Refusal, Reply, Request, Shared};
use crate::engine::{Renderings, Session, Trust};

/// Hands a call to the thread that answers it; `false` when that thread has ended.
pub type Submit = Box<dyn Fn(Request) -> bool + Send>;

/// One worker; `run` is its life.
pub struct Worker {
    queue: PolledQueue,
    clock: SystemClock,
    conns: ConnMap<Box<Conn>>,
    /// Connections that wait for a handshake slot.
    waiting: VecDeque<Accepted>,
    /// The resolver, on the first worker.
    dns: Option<DnsSockets>,
    context: WorkerContext,
    stop: Option<Stop>,
    /// Connections that have come since. One that has shown no key does not hold the stop up.
    late: HashSet<ConnId>,
    /// There is nothing to wait for any more in a stop.
    is_done: bool,
    /// The queue from the service was not emptied in this turn.
    behind: bool,
    /// Events that connections have still to be told.
    untold: Untold,
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
    /// The poll, for new sockets.
    pub registry: Registry,
    /// Bytes that are read go here first.
    pub scratch: Vec<u8>,
    /// Bytes that are encrypted go here first.
    pub cipher: Cipher,
    /// Lent to the connection whose turn it is, to write into.
    pub spare: Vec<u8>,
    /// Lent to it too: what others were told of the last events.
    pub renderings: Renderings,
    submit: Submit,
    /// Connections whose call no thread takes any more.
    refused: Vec<ConnId>,
    seed: u64,
}

/// When a stop has come.
#[derive(Clone, Copy)]
struct Stop {
    /// Connections that do not wait for the service are told goodbye then.
    close_at: u64,
    /// All others are closed then, and those that have not read their goodbye.
    end_at: u64,
}

impl Worker {
    /// A worker that is not yet running. `seed` makes the seeds of its sessions.
    pub fn new(
        queue: WorkerQueue,
        shared: Arc<Shared>,
        clock: SystemClock,
        submit: Submit,
        seed: u64,
    ) -> Self {
        let (queue, registry) = queue.split();
        Worker {
            queue,
            clock,
            conns: ConnMap::default(),
            waiting: VecDeque::new(),
            dns: None,
            context: WorkerContext {
                now: clock.now(),
                registry,
                watchers: Watchers::new(&shared),
                shared,
                timers: Timers::default(),
                ready: VecDeque::new(),
                handshakes: HandshakeSlots::default(),
                scratch: vec![0; SCRATCH],
                cipher: Cipher::new(),
                spare: Vec::new(),
                renderings: Renderings::default(),
                submit,
                refused: Vec::new(),
                seed,
            },
            stop: None,
            late: HashSet::new(),
            is_done: false,
            behind: false,
            untold: Untold::default(),
            mark: clock.micros(),
        }
    }

    /// Gives the worker the resolver: its sockets are on this poll from now on.
    pub fn resolve_names(&mut self, dns: DnsSockets) {
        self.dns = Some(dns);
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
                match Ready::of(event.token()) {
                    Ready::Waker => {}
                    Ready::Conn(id) => {
                        if let Some(conn) = self.conns.get_mut(&id) {
                            conn.record_readiness(&mut self.context, event);
                        }
                    }
                    Ready::Dns(socket) => {
                        self.with_dns(|dns, now, registry| dns.ready(now, registry, socket));
                    }
                }
            }
            self.take_queue();
            self.tell_some();
            self.go_on();
            self.expire();
            self.with_dns(DnsSockets::expire);
            self.admit_waiting();
            self.refuse();
        }
        Ok(())
    }

    /// A turn of the resolver. A panic in it ends the questions under way, and no others.
    fn with_dns(&mut self, act: impl FnOnce(&mut DnsSockets, Now, &Registry)) {
        let Some(dns) = &mut self.dns else {
            return;
        };
        let context = &self.context;
        let turn = AssertUnwindSafe(|| act(dns, context.now, &context.registry));
        if catch_unwind(turn).is_err() {
            context.shared.metrics.count(Metric::Panics);
            log::error!("panic in the resolver");
            dns.reset();
        }
    }

    fn timeout(&self) -> Option<Duration> {
        if self.behind || !self.context.ready.is_empty() || !self.untold.is_empty() {
            return Some(Duration::ZERO);
        }
        let stop = self.stop.map(|stop| {
            if self.context.now.mono_ms < stop.close_at {
                stop.close_at
            } else {
                stop.end_at
            }
        });
        let dns = self.dns.as_ref().and_then(DnsSockets::deadline);
        let next = [self.context.timers.next(), stop, dns];
        let next = next.into_iter().flatten().min();
        let ms = next.map(|at| at.saturating_sub(self.context.now.mono_ms));
        // No event announces a slot that comes free by time alone, or the end of other workers.
        let most = match (self.is_done, self.waiting.is_empty()) {
            (true, _) => Some(DONE_MS),
            (false, false) => Some(SLOT_MS),
            (false, true) => None,
        };
        let ms = most.map_or(ms, |most| Some(ms.unwrap_or(most).min(most)));
        ms.map(Duration::from_millis)
    }

    /// The only way to a connection, which is first told the events that wait for it: it never
    /// hears an answer before the events that were published before it.
    fn with(
        &mut self,
        id: ConnId,
        input: &'static str,
        act: impl FnOnce(&mut Conn, &mut WorkerContext) -> Result<(), ConnEnd>,
    ) {
        if !self.untold.is_empty() {
            self.tell(id);
        }
        self.act(id, input, act);
    }

    /// Every act on a connection ends in a flush; a connection that has ended leaves; a panic is
    /// the end of this connection only, and its session is never used again.
    fn act(
        &mut self,
        id: ConnId,
        input: &'static str,
        act: impl FnOnce(&mut Conn, &mut WorkerContext) -> Result<(), ConnEnd>,
    ) {
        let Some(conn) = self.conns.get_mut(&id) else {
            return;
        };
        let context = &mut self.context;
        // A connection that panicked between encrypting and sending has left its bytes there:
        // no other connection may send them.
        context.cipher.clear();
        let result = catch_unwind(AssertUnwindSafe(|| act(conn, context)));
        // The clock is read once: the worker does little between two of these, and that time
        // is counted for the second.
        let now = self.clock.micros();
        let took = now.saturating_sub(core::mem::replace(&mut self.mark, now));
        if took > LONG_TURN_US {
            context.shared.metrics.count(Metric::LongTurns);
            context.shared.metrics.raise(Metric::LongestTurn, took);
            let listener = conn.link_name();
            log::debug!(
                "conn={} listener={listener} input={input} took {took} us",
                id.0
            );
        }
        match result {
            Ok(Ok(())) => {}
            Ok(Err(end)) => self.remove(id, end.why),
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
        self.untold.take(id);
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
                ToWorker::Dial(id, dial) => self.dial(id, *dial),
                ToWorker::Dns(what) => {
                    self.with_dns(|dns, now, registry| dns.take(now, registry, what));
                }
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
    /// way: a flood of handshakes costs a bounded share of the core.
    fn admit(&mut self, accepted: Accepted) {
        if let Some(stop) = self.stop {
            // A client of streams may come once more to acknowledge what it has.
            let is_http = matches!(accepted.listener, Listener::Http | Listener::Https);
            if !is_http || self.context.now.mono_ms >= stop.close_at {
                return;
            }
            self.late.insert(accepted.id);
        }
        if accepted.listener.implicit_tls() && !self.finds_slot(&accepted) {
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

    /// Whether this one's handshake may begin. Another one may be ended for it.
    fn finds_slot(&mut self, newcomer: &Accepted) -> bool {
        let most = self.context.shared.limits.handshakes_per_worker;
        let now = self.context.now.mono_ms;
        match (self.context.handshakes).offer(newcomer.slot.network(), most, now) {
            SlotOffer::Free => true,
            SlotOffer::None => false,
            SlotOffer::TakenFrom(id) => {
                self.context.shared.metrics.count(Metric::HandshakesFailed);
                self.remove(id, "handshake made room");
                true
            }
        }
    }

    fn adopt(&mut self, accepted: Accepted) {
        let id = accepted.id;
        match Conn::accept(accepted, &mut self.context) {
            Ok(conn) => {
                self.conns.insert(id, Box::new(conn));
                self.with(id, "open", Conn::begin);
            }
            Err(end) => log::debug!("conn={} not begun: {}", id.0, end.why),
        }
    }

    /// An outgoing connection. Its engine is told when it cannot be made, also when that is
    /// because the server stops.
    fn dial(&mut self, id: ConnId, dial: Dial) {
        let conn = Conn::dial(id, dial, &mut self.context);
        self.conns.insert(id, Box::new(conn));
        match self.stop {
            None => self.with(id, "dial", Conn::begin),
            Some(_) => self.with(id, "shutdown", |conn, context| {
                conn.interrupt(context, ConnEnd::stopping())
            }),
        }
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

    /// Begins the handshakes that waited for a slot, each in its turn; one for which there is
    /// none does not keep the others out. The wait is a part of the time that a handshake has.
    fn admit_waiting(&mut self) {
        let now = self.context.now.mono_ms;
        let most_ms = self.context.shared.limits.handshake_s.saturating_mul(1000);
        for _ in 0..self.waiting.len() {
            let Some(accepted) = self.waiting.pop_front() else {
                break;
            };
            if now.saturating_sub(accepted.at) >= most_ms {
                self.context.shared.metrics.count(Metric::HandshakesFailed);
            } else if self.finds_slot(&accepted) {
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
            // An entry that an earlier deadline has overtaken is without meaning.
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

    /// Notes a batch of events for the connections that watch them.
    fn notify(&mut self, events: &Arc<[Event]>) {
        self.context.watchers.remember(events);
        let batch = Arc::new(UntoldBatch(Arc::clone(events)));
        for (id, at) in self.context.watchers.reached(events) {
            self.untold.push(id, &batch, at);
        }
    }

    /// Tells connections their events, organization by organization, for a part of the turn. When
    /// very many wait, all are told, so that they do not grow without bound.
    fn tell_some(&mut self) {
        let end = self.mark.saturating_add(TELL_US);
        while (self.mark < end || self.untold.len() > UNTOLD_MAX)
            && let Some(id) = self.untold.next()
        {
            self.tell(id);
        }
    }

    /// Tells one connection all events that wait for it, with one flush.
    fn tell(&mut self, id: ConnId) {
        let events = self.untold.take(id);
        if events.is_empty() {
            return;
        }
        self.act(id, "event", |conn, context| {
            conn.touch(context, |session, now, out| {
                for event in events.iter().filter_map(|untold| untold.event()) {
                    session.notify(now, event, out);
                }
            })
        });
    }

    /// Closes the oldest connections that are not logged in. Those that bring a message are
    /// the last of them, and have their time first. Outgoing ones are never closed. Ids count
    /// up, so the smallest are the oldest.
    fn evict(&mut self, short: Shortage) {
        let now = self.context.now.mono_ms;
        let (share, age) = match short {
            Shortage::Places => (EVICT_SHARE, STRANGER_MS),
            Shortage::Memory => (EVICT_SHARE_MEMORY, 0),
            Shortage::PlacesOf(..) => (usize::MAX, STRANGER_MS),
        };
        let conns = self.conns.values().filter(|conn| match short {
            Shortage::PlacesOf(network, listener) => conn.is_from(network, listener),
            Shortage::Places | Shortage::Memory => true,
        });
        let candidates = conns.filter(|conn| match conn.trust() {
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
                Phase::Open | Phase::Failed => conn.touch(context, Session::shutdown),
                Phase::Connecting | Phase::Handshake => {
                    conn.interrupt(context, ConnEnd::stopping())
                }
                Phase::Draining => Ok(()),
            });
        }
    }

    /// Whether a stop is complete; ends the connections whose time is over. Each is told first, so
    /// that a client in the middle of a message knows why it ends, and has a moment to read it.
    fn is_over(&mut self) -> bool {
        let Some(stop) = self.stop else {
            return false;
        };
        let now = self.context.now.mono_ms;
        if now >= stop.close_at {
            let over: Vec<ConnId> = self
                .conns
                .values()
                .filter(|conn| now >= stop.end_at || !(conn.is_waiting() || conn.is_leaving()))
                .map(|conn| conn.id())
                .collect();
            for id in over {
                if now < stop.end_at {
                    self.with(id, "shutdown", |conn, context| {
                        conn.touch(context, Session::shutdown)
                    });
                }
                let conn = self.conns.get(&id);
                if conn.is_some_and(|conn| now >= stop.end_at || !conn.is_leaving()) {
                    self.remove(id, "shutdown");
                }
            }
        }
        let is_idle = |conn: &Conn| {
            self.late.contains(&conn.id()) && conn.trust() == Trust::Stranger && !conn.is_leaving()
        };
        let is_done = self.conns.values().all(|conn| is_idle(conn));
        let busy = &self.queue.busy;
        match (self.is_done, is_done) {
            (false, true) => busy.fetch_sub(1, Ordering::AcqRel),
            (true, false) => busy.fetch_add(1, Ordering::AcqRel),
            _ => 0,
        };
        self.is_done = is_done;
        // A new connection comes to any worker, so each stays until all are done.
        is_done && (busy.load(Ordering::Acquire) == 0 || now >= stop.end_at)
    }
}

impl WorkerContext {
    /// Hands a call out, or remembers that it could not.
    pub fn call(&mut self, conn: ConnId, peer: SocketAddr, ask: Ask) {
        if !self.submit(conn, peer, ask) {
            self.refused.push(conn);
        }
    }

    /// Hands a call out; `false` when no thread takes it.
    pub fn submit(&self, conn: ConnId, peer: SocketAddr, ask: Ask) -> bool {
        (self.submit)(Request {
            request_id: ask.request_id,
            depth: ask.depth,
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
/// Microseconds of one turn for telling events: about a hundred connections.
const TELL_US: u64 = 2000;
/// Events that may wait to be told: some megabytes.
const UNTOLD_MAX: usize = 100_000;
/// Deadlines in one turn.
const TIMERS_PER_TURN: usize = 1024;
/// Handshake steps in one turn: about 170 µs each, so others wait 3 ms at most.
const HANDSHAKES_PER_TURN: usize = 16;
/// How often those that wait for a slot are looked at when nothing else happens.
const SLOT_MS: u64 = 100;
/// How often a worker that has nothing to wait for in a stop looks at whether the others have.
const DONE_MS: u64 = 10;
/// A turn of one connection that takes longer keeps the others waiting. DECISIONS.md,
/// "Fairness and limits".
const LONG_TURN_US: u64 = 5000;
/// One connection in so many goes at once when room is needed.
const EVICT_SHARE: usize = 64;
/// One in so many when memory is nearly gone.
const EVICT_SHARE_MEMORY: usize = 8;
/// A connection is not closed for want of a place before this: an honest client has logged in
/// by then.
const STRANGER_MS: u64 = 3000;
/// One that brings a message is not closed before this: in its first minute DATA may be slow.
/// Without an end to that, a client that sends a byte now and then would hold its place and
/// memory for hours.
const GUEST_MS: u64 = 60_000;
/// How long calls that are under way have after the drain of a stop.
const GRACE_MS: u64 = 5000;

#[cfg(test)]
#[path = "tests/worker.rs"]
mod tests;
