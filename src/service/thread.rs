//! The loops of the writer and the readers, and the queues that lead to them. `main` starts
//! the threads; the loops end when every [`Router`] is gone, with all work done.
//!
//! The writer takes what has come, commits once, publishes, answers. A reader goes round:
//! everything new first, then one slice of one search, so that no search holds up a login.

use core::time::Duration;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};

use super::{ReadTurn, Reader, Service, Writer, auth};
use crate::call::{Call, ConnId, Event, InboxId, Metric, Queue, Refusal, Reply, Request};
use crate::store::{Checkpoint, Store};

/// Where workers leave their calls. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Router {
    service: Arc<Service>,
    writer: Sender<Request>,
    lookup: Sender<Request>,
    readers: Vec<Sender<Request>>,
}

/// The other ends of a [`Router`], one for each thread.
#[derive(Debug)]
pub struct Inlets {
    /// For [`run_writer`].
    pub writer: Receiver<Request>,
    /// For the [`run_reader`] that logins go to, which never has a search.
    pub lookup: Receiver<Request>,
    /// For every other [`run_reader`].
    pub readers: Vec<Receiver<Request>>,
}

impl Router {
    /// Queues for one writer, one door and `readers` readers (at least one).
    pub fn new(service: Arc<Service>, readers: usize) -> (Router, Inlets) {
        let (writer, writer_inlet) = channel();
        let (lookup, lookup_inlet) = channel();
        let (readers, reader_inlets) = (0..readers.max(1)).map(|_| channel()).unzip();
        let router = Router {
            service,
            writer,
            lookup,
            readers,
        };
        let inlets = Inlets {
            writer: writer_inlet,
            lookup: lookup_inlet,
            readers: reader_inlets,
        };
        (router, inlets)
    }

    /// Leaves a call with the thread that answers it. Errors: that thread has ended; the
    /// request comes back, to be refused with [`crate::call::Refusal::Stopping`].
    pub fn submit(&self, request: Request) -> Result<(), Box<Request>> {
        let sent = match request.call.queue() {
            Queue::Writer => {
                // Counted before it is sent, so that the writer cannot take it off first.
                let metrics = &self.service.shared.metrics;
                metrics.add(Metric::WriterQueue, 1);
                let sent = self.writer.send(request);
                if sent.is_err() {
                    metrics.sub(Metric::WriterQueue, 1);
                }
                sent
            }
            Queue::Lookup => {
                if matches!(request.call, Call::Hangup) {
                    for reader in &self.readers {
                        // A reader that has ended has no work to drop.
                        let _ = reader.send(request.clone());
                    }
                }
                self.lookup.send(request)
            }
            // All work of an inbox goes to one reader: what it reads stays in one cache, and
            // the bound on its searches is kept in one place.
            Queue::Reader => {
                let pick = match auth::needs(&request.call).0.and_then(|a| a.inbox) {
                    Some(inbox) => inbox.0.unsigned_abs(),
                    None => request.conn.0,
                };
                let n = self.readers.len() as u64;
                match self
                    .readers
                    .get((pick.wrapping_mul(GOLDEN) >> 32) as usize % n as usize)
                {
                    Some(reader) => reader.send(request),
                    None => self.lookup.send(request),
                }
            }
        };
        sent.map_err(|e| Box::new(e.0))
    }
}

/// The writer: until every [`Router`] is gone, or the disk fails. Then `fail` is told why, the
/// process must end, and until the routers have gone everything is refused: who waits hears it
/// at once.
pub fn run_writer(
    mut writer: Writer,
    store: &Store,
    inlet: &Receiver<Request>,
    publish: impl FnMut(Arc<[Event]>),
    mut answer: impl FnMut(ConnId, Reply),
    fail: impl FnOnce(String),
) {
    // One that came with a group that was full already.
    let mut first: Option<Request> = None;
    let ended = write_all(&mut writer, store, inlet, &mut first, publish, &mut answer);
    if let Err(why) = ended {
        fail(why);
        for request in first.into_iter().chain(inlet.iter()) {
            answer(request.conn, Reply::Refused(Refusal::Stopping));
        }
    }
}

fn write_all(
    writer: &mut Writer,
    store: &Store,
    inlet: &Receiver<Request>,
    first: &mut Option<Request>,
    mut publish: impl FnMut(Arc<[Event]>),
    mut answer: impl FnMut(ConnId, Reply),
) -> Result<(), String> {
    let mut batch: Vec<Request> = Vec::new();
    let mut idle_turns = 0u32;
    let mut undone = 0u32;
    let mut tidied_ms = writer.service().now().mono_ms;
    checkpoint(writer, store, Checkpoint::Passive)?;
    loop {
        let next_job = run_jobs(writer, store)?;
        let wait = match (idle_turns, next_job) {
            (0, job) => job.map_or(IDLE, |job| job.min(IDLE)),
            (_, job) => job.map_or(IDLE_LONG, |job| job.min(IDLE_LONG)),
        };
        let next = match first.take() {
            Some(request) => Ok(request),
            None if store.has_waste() => inlet.try_recv().map_err(|none| match none {
                TryRecvError::Empty => RecvTimeoutError::Timeout,
                TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
            }),
            None => inlet.recv_timeout(wait),
        };
        match next {
            Ok(request) => {
                idle_turns = 0;
                batch.push(request);
            }
            Err(RecvTimeoutError::Timeout) if store.has_waste() => {
                reap(writer, store)?;
                continue;
            }
            Err(RecvTimeoutError::Timeout) if Some(wait) == next_job => {
                checkpoint_if_due(writer, store)?;
                chores(writer, store, &mut undone, &mut tidied_ms)?;
                continue;
            }
            Err(RecvTimeoutError::Timeout) => {
                idle(writer, store, idle_turns)?;
                idle_turns = idle_turns.saturating_add(1);
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
        let mut octets = weight(&batch[0]);
        while batch.len() < GROUP_CALLS && octets < GROUP_OCTETS {
            match inlet.try_recv() {
                Ok(request) => {
                    octets = octets.saturating_add(weight(&request));
                    if octets > GROUP_OCTETS {
                        *first = Some(request);
                        break;
                    }
                    batch.push(request);
                }
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
        let turn = writer.turn(store, &batch);
        let metrics = &writer.service().shared.metrics;
        metrics.sub(Metric::WriterQueue, batch.len() as u64);
        batch.clear();
        if !turn.events.is_empty() {
            publish(turn.events);
        }
        for (conn, reply) in turn.replies {
            answer(conn, reply);
        }
        if let Some(why) = turn.fatal {
            return Err(disk(&why));
        }
        checkpoint_if_due(writer, store)?;
        chores(writer, store, &mut undone, &mut tidied_ms)?;
    }
    checkpoint(writer, store, Checkpoint::Truncate)
}

/// Without a free moment the chores are done between groups all the same.
fn chores(
    writer: &mut Writer,
    store: &Store,
    undone: &mut u32,
    tidied_ms: &mut u64,
) -> Result<(), String> {
    *undone = undone.saturating_add(1);
    if *undone < CHORES_EVERY {
        return Ok(());
    }
    *undone = 0;
    if store.has_waste() {
        reap(writer, store)?;
    }
    let now_ms = writer.service().now().mono_ms;
    if now_ms.saturating_sub(*tidied_ms) >= TIDY_MS && !tidy(writer, store)? {
        *tidied_ms = now_ms;
    }
    Ok(())
}

/// Starts the jobs that are due; how long until the next one.
fn run_jobs(writer: &mut Writer, store: &Store) -> Result<Option<Duration>, String> {
    match writer.run_jobs(store) {
        Ok(next_ms) => Ok(next_ms.map(Duration::from_millis)),
        Err(error) if error.is_disk_failure() => Err(disk(&error.to_string())),
        Err(error) => {
            log::error!("jobs failed error=\"{error}\"");
            Ok(None)
        }
    }
}

/// A slice of what deletions have left.
fn reap(writer: &mut Writer, store: &Store) -> Result<(), String> {
    match writer.reap(store) {
        Ok(_) => checkpoint_if_due(writer, store),
        Err(error) if error.is_disk_failure() => Err(disk(&error.to_string())),
        Err(error) => {
            log::error!("reaping failed error=\"{error}\"");
            Ok(())
        }
    }
}

/// One step of tidying; whether there is more.
fn tidy(writer: &mut Writer, store: &Store) -> Result<bool, String> {
    match writer.tidy(store) {
        Err(error) if error.is_disk_failure() => Err(disk(&error.to_string())),
        Err(error) => {
            log::error!("tidying failed error=\"{error}\"");
            Ok(false)
        }
        more => Ok(more.unwrap_or(false)),
    }
}

fn checkpoint_if_due(writer: &Writer, store: &Store) -> Result<(), String> {
    match store.checkpoint_due().map_err(|e| disk(&e.to_string()))? {
        Some(how) => checkpoint(writer, store, how),
        None => Ok(()),
    }
}

/// What is done when nobody asks for anything: after a moment the write-ahead log goes back
/// to nothing, and now and then what is old goes.
fn idle(writer: &mut Writer, store: &Store, turns: u32) -> Result<(), String> {
    if turns == 0 {
        return checkpoint(writer, store, Checkpoint::Truncate);
    }
    if turns % TIDY_EVERY == 1 {
        for _ in 0..TIDY_STEPS {
            if !tidy(writer, store)? {
                break;
            }
        }
        return checkpoint(writer, store, Checkpoint::Truncate);
    }
    Ok(())
}

/// A checkpoint that a reader holds up is tried again later; one that the disk refuses ends
/// the process, since an fsync that failed once says nothing about the pages before it.
fn checkpoint(writer: &Writer, store: &Store, how: Checkpoint) -> Result<(), String> {
    match store.checkpoint(how).and_then(|_| writer.note_room(store)) {
        Ok(()) => Ok(()),
        Err(error) if error.is_disk_failure() => Err(disk(&error.to_string())),
        Err(error) => {
            log::warn!("checkpoint failed error=\"{error}\"");
            Ok(())
        }
    }
}

fn disk(why: &str) -> String {
    format!(
        "the disk under the database has failed ({why}); stopping, because what is in memory \
         can no longer be trusted. Check the disk, run `postern verify`, start again"
    )
}

/// Octets that a call brings into its transaction.
fn weight(request: &Request) -> usize {
    match &request.call {
        Call::Deliver { plan, .. } => plan.body.len(),
        _ => 0,
    }
}

/// A reader: until every [`Router`] is gone.
pub fn run_reader(
    mut reader: Reader,
    store: &Store,
    inlet: &Receiver<Request>,
    mut answer: impl FnMut(ConnId, Reply),
) {
    let mut work = Work {
        searches_max: reader.service().shared.limits.searches_per_inbox,
        ..Work::default()
    };
    loop {
        if work.is_empty() {
            match inlet.recv() {
                Ok(request) => work.push(&mut reader, store, request),
                Err(_) => return,
            }
        }
        loop {
            match inlet.try_recv() {
                Ok(request) => work.push(&mut reader, store, request),
                Err(TryRecvError::Empty) => break,
                // What is queued is still answered; the loop ends when it is done.
                Err(TryRecvError::Disconnected) => break,
            }
        }
        // What was there when the round began, then a slice; so neither starves the other.
        for _ in 0..work.fresh.len() {
            if let Some(request) = work.fresh.pop_front() {
                work.serve(&mut reader, store, request, &mut answer);
            }
        }
        if let Some(request) = work.sliced.pop_front() {
            work.serve(&mut reader, store, request, &mut answer);
        }
    }
}

/// What waits for a reader.
#[derive(Debug, Default)]
struct Work {
    /// Not begun.
    fresh: VecDeque<Request>,
    /// Begun, each waiting for its next slice.
    sliced: VecDeque<Request>,
    /// Searches over the number that an inbox may have under way.
    held: VecDeque<Request>,
    searches_max: usize,
}

impl Work {
    fn is_empty(&self) -> bool {
        self.fresh.is_empty() && self.sliced.is_empty()
    }

    fn push(&mut self, reader: &mut Reader, store: &Store, request: Request) {
        if matches!(request.call, Call::Hangup) {
            let gone = request.conn;
            for queue in [&mut self.fresh, &mut self.sliced, &mut self.held] {
                queue.retain(|r| r.conn != gone);
            }
            self.release();
            reader.turn(store, request);
            return;
        }
        match searched(&request) {
            Some(inbox) if self.under_way(inbox) >= self.searches_max => {
                self.held.push_back(request);
            }
            _ => self.fresh.push_back(request),
        }
    }

    fn under_way(&self, inbox: InboxId) -> usize {
        let queues = [&self.fresh, &self.sliced];
        let all = queues.into_iter().flatten();
        all.filter(|r| searched(r) == Some(inbox)).count()
    }

    fn serve(
        &mut self,
        reader: &mut Reader,
        store: &Store,
        request: Request,
        answer: &mut impl FnMut(ConnId, Reply),
    ) {
        let (conn, was_search) = (request.conn, searched(&request).is_some());
        match reader.turn(store, request) {
            ReadTurn::Reply(reply) => answer(conn, reply),
            ReadTurn::Again(request) => {
                self.sliced.push_back(request);
                return;
            }
            ReadTurn::Silent => {}
        }
        if was_search {
            self.release();
        }
    }

    /// Lets searches begin for which there is room now.
    fn release(&mut self) {
        for _ in 0..self.held.len() {
            if let Some(request) = self.held.pop_front() {
                match searched(&request) {
                    Some(inbox) if self.under_way(inbox) >= self.searches_max => {
                        self.held.push_back(request);
                    }
                    _ => self.fresh.push_back(request),
                }
            }
        }
    }
}

/// The inbox that a search goes over; HTTP names it otherwise and is bounded by its rate.
fn searched(request: &Request) -> Option<InboxId> {
    match &request.call {
        Call::Search { access, .. } => access.inbox,
        _ => None,
    }
}

/// Calls of one transaction.
const GROUP_CALLS: usize = 128;
/// Octets of one transaction.
const GROUP_OCTETS: usize = 8 << 20;
/// Silence after which the writer is idle.
const IDLE: Duration = Duration::from_millis(200);
/// And how long it then sleeps at a time: a server at rest is at rest.
const IDLE_LONG: Duration = Duration::from_secs(10);
/// Groups after which some of the chores is done even when others wait: a slice of what
/// deletions have left, and each minute a step of tidying after the other until it is tidy.
const CHORES_EVERY: u32 = 16;
/// Milliseconds between tidyings under load.
const TIDY_MS: u64 = 60_000;
/// Old rows go once in this many idle turns: each minute.
const TIDY_EVERY: u32 = 6;
/// Transactions of one tidying: then the queue is looked at again.
const TIDY_STEPS: usize = 50;
/// 2^32 / phi: spreads ids that ascend over the readers.
const GOLDEN: u64 = 0x9E37_79B9;
