//! The loops of the executors (the system threads of the service) and the queues that lead to them.
//! `main` starts the threads. A loop ends when every [`Router`] is dropped and its work is done.
//!
//! The writer takes the tasks that have come, commits once, publishes, answers. A reader takes all
//! new tasks first, then one slice of one search, so that no search delays a short read.

use core::time::Duration;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};

use super::intake::{IntakeStage, LOOKUP_MS, ParsedMessage};
use super::{Finding, LookupId, ReadTask, ReadTurn, Reader, Service, WriteTask, Writer};
use crate::call::{
    Call, ConnId, EntryRead, Event, InboxId, Look, Metric, Read, Refusal, Reply, Request,
};
use crate::service::access::lease;
use crate::store::{Checkpoint, Store};

/// A task for the executor of logins and look-ups.
#[derive(Debug)]
pub enum ToLookup {
    /// A call.
    Look(Request<Look>),
    /// The connection has closed.
    Hangup(ConnId),
}

/// A task for a reader.
#[derive(Debug)]
pub enum ToReader {
    /// A call, or a message that comes in.
    Task(ReadTask),
    /// The answer to a lookup that a message waits for.
    Found(LookupId, Finding),
    /// The connection has closed.
    Hangup(ConnId),
}

/// The sending end of the writer's queue. Cheap to clone; every reader has one, for the messages
/// that it has decided on.
#[derive(Clone, Debug)]
pub struct ToWriter {
    service: Arc<Service>,
    queue: Sender<WriteTask>,
}

impl ToWriter {
    /// Queues a task for the writer. Errors: the writer has ended.
    fn send(&self, task: WriteTask) -> Result<(), Stopped> {
        // The task is counted before it is sent, so that the writer cannot take it off the count
        // first.
        let metrics = &self.service.shared.metrics;
        metrics.add(Metric::WriterQueue, 1);
        self.queue.send(task).map_err(|_| {
            metrics.sub(Metric::WriterQueue, 1);
            Stopped
        })
    }
}

/// The executor that should answer has ended: the request is refused with
/// [`crate::call::Refusal::Stopping`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stopped;

/// The sending ends of all queues, for the workers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Router {
    writer: ToWriter,
    lookup: Sender<ToLookup>,
    readers: Vec<Sender<ToReader>>,
}

/// The receiving ends of a [`Router`], one for each executor.
#[derive(Debug)]
pub struct Inlets {
    /// For [`run_writer`].
    pub writer: Receiver<WriteTask>,
    /// For [`run_lookup`].
    pub lookup: Receiver<ToLookup>,
    /// For each [`run_reader`].
    pub readers: Vec<Receiver<ToReader>>,
    /// For each [`run_reader`] too.
    pub to_writer: ToWriter,
}

impl Router {
    /// Creates the queues of one writer, one executor of look-ups and `readers` readers (at least
    /// one).
    pub fn new(service: Arc<Service>, readers: usize) -> (Router, Inlets) {
        let (queue, writer_inlet) = channel();
        let (lookup, lookup_inlet) = channel();
        let (readers, reader_inlets) = (0..readers.max(1)).map(|_| channel()).unzip();
        let writer = ToWriter { service, queue };
        let inlets = Inlets {
            writer: writer_inlet,
            lookup: lookup_inlet,
            readers: reader_inlets,
            to_writer: writer.clone(),
        };
        let router = Router {
            writer,
            lookup,
            readers,
        };
        (router, inlets)
    }

    /// Queues a call for the executor that answers it. Errors: that executor has ended.
    pub fn submit(&self, request: Request) -> Result<(), Stopped> {
        let (request, call) = request.split(());
        match call {
            Call::Write(call) => self.writer.send(WriteTask::Call(request.split(call).0)),
            Call::Look(call) => {
                let call = ToLookup::Look(request.split(call).0);
                self.lookup.send(call).map_err(|_| Stopped)
            }
            Call::Read(call) => {
                let reader = self.reader_for(&request);
                let task = ReadTask::Call(request.split(call).0);
                reader.send(ToReader::Task(task)).map_err(|_| Stopped)
            }
            Call::Accept(intake) => {
                let reader = self.reader_for(&request);
                let task = ReadTask::Intake(request.split(IntakeStage::Parse(intake)).0);
                reader.send(ToReader::Task(task)).map_err(|_| Stopped)
            }
            Call::Hangup => request.conn.map_or(Ok(()), |conn| self.hang_up(conn)),
        }
    }

    /// Gives the answer to a lookup of a message to the reader that keeps the message. The answer
    /// to a lookup that has timed out is dropped.
    pub fn answer_lookup(&self, id: LookupId, finding: Finding) {
        let n = self.readers.len() as u64;
        if let Some(reader) = self.readers.get((id.0 % n) as usize) {
            // A reader that has ended has refused the message.
            let _ = reader.send(ToReader::Found(id, finding));
        }
    }

    /// Tells the executors that a connection has closed: its leases end, and readers drop their
    /// work for it.
    fn hang_up(&self, conn: ConnId) -> Result<(), Stopped> {
        for reader in &self.readers {
            // A reader that has ended has no work to drop.
            let _ = reader.send(ToReader::Hangup(conn));
        }
        let told = self.lookup.send(ToLookup::Hangup(conn));
        told.map_err(|_| Stopped)
    }

    /// All work of an inbox goes to one reader: its rows stay in one cache, and one reader keeps
    /// the bound on its searches.
    fn reader_for(&self, request: &Request<()>) -> &Sender<ToReader> {
        let pick = match request.caller.key().and_then(|access| access.inbox) {
            Some(inbox) => inbox.0.unsigned_abs(),
            None => request.conn.map_or(0, |conn| conn.0),
        };
        let n = self.readers.len() as u64;
        &self.readers[((pick.wrapping_mul(GOLDEN) >> 32) % n) as usize]
    }
}

/// The loop of the writer, until every [`Router`] is dropped or the disk fails. Then `fail` is
/// called with the reason and must end the process; until the routers are dropped, every task is
/// refused, so that no connection waits for an answer.
pub fn run_writer(
    mut writer: Writer,
    store: &Store,
    inlet: &Receiver<WriteTask>,
    publish: impl FnMut(Arc<[Event]>),
    mut answer: impl FnMut(ConnId, Reply),
    fail: impl FnOnce(String),
) {
    // Tasks that come before those of the inlet: one that came when its group was full already, and
    // the rests of calls of the last group.
    let mut waiting = VecDeque::new();
    let ended = write_all(
        &mut writer,
        store,
        inlet,
        &mut waiting,
        publish,
        &mut answer,
    );
    if let Err(why) = ended {
        fail(why);
        for task in waiting.into_iter().chain(inlet.iter()) {
            if let Some(conn) = task.conn() {
                answer(conn, Reply::Refused(Refusal::Stopping));
            }
        }
    }
}

fn write_all(
    writer: &mut Writer,
    store: &Store,
    inlet: &Receiver<WriteTask>,
    waiting: &mut VecDeque<WriteTask>,
    mut publish: impl FnMut(Arc<[Event]>),
    mut answer: impl FnMut(ConnId, Reply),
) -> Result<(), String> {
    let mut batch: Vec<WriteTask> = Vec::new();
    let mut idle_turns = 0u32;
    let mut groups = 0u32;
    // The number of calls of the last group.
    let mut group = 0;
    let mut trimmed_ms = writer.service().now().mono_ms;
    checkpoint(writer, store, Checkpoint::Passive)?;
    loop {
        let next_job = run_jobs(writer, store)?;
        let wait = match (idle_turns, next_job) {
            (0, job) => job.map_or(IDLE, |job| job.min(IDLE)),
            (_, job) => job.map_or(IDLE_LONG, |job| job.min(IDLE_LONG)),
        };
        let next = match waiting.pop_front() {
            Some(task) => Ok(task),
            None if store.has_leftovers() => inlet.try_recv().map_err(|none| match none {
                TryRecvError::Empty => RecvTimeoutError::Timeout,
                TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
            }),
            None => inlet.recv_timeout(wait),
        };
        match next {
            Ok(task) => {
                idle_turns = 0;
                batch.push(task);
            }
            Err(RecvTimeoutError::Timeout) if store.has_leftovers() => {
                reclaim(writer, store)?;
                continue;
            }
            Err(RecvTimeoutError::Timeout) if Some(wait) == next_job => {
                checkpoint_if_due(writer, store)?;
                maintain_under_load(writer, store, &mut groups, &mut trimmed_ms)?;
                continue;
            }
            Err(RecvTimeoutError::Timeout) => {
                idle(writer, store, idle_turns)?;
                idle_turns = idle_turns.saturating_add(1);
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
        waiting.extend(fill_group(inlet, &mut batch, group));
        group = batch.len();
        let turn = writer.turn(store, &batch);
        let metrics = &writer.service().shared.metrics;
        metrics.sub(
            Metric::WriterQueue,
            batch.len().saturating_sub(turn.rests.len()) as u64,
        );
        batch.clear();
        waiting.extend(turn.rests);
        if !turn.events.is_empty() {
            publish(turn.events);
        }
        for (conn, reply) in turn.replies {
            // A call of the server itself has no connection to answer.
            if let Some(conn) = conn {
                answer(conn, reply);
            }
        }
        if let Some(why) = turn.fatal {
            return Err(disk(&why));
        }
        checkpoint_if_due(writer, store)?;
        maintain_under_load(writer, store, &mut groups, &mut trimmed_ms)?;
    }
    checkpoint(writer, store, Checkpoint::Truncate)
}

/// Adds the tasks that have come to `batch`, which has one, up to the bounds of a group. A group
/// that is smaller than the last one, of `last` calls, waits a moment for more. Gives a task that
/// no longer fits.
pub(super) fn fill_group(
    inlet: &Receiver<WriteTask>,
    batch: &mut Vec<WriteTask>,
    last: usize,
) -> Option<WriteTask> {
    let mut octets: usize = batch.iter().map(WriteTask::octets).sum();
    let mut waits = match last {
        0..GATHER_FROM => 0,
        _ => GATHERS,
    };
    while batch.len() < GROUP_CALLS && octets < GROUP_OCTETS {
        let task = match inlet.try_recv() {
            Err(TryRecvError::Empty) if batch.len() < last && waits > 0 => {
                waits -= 1;
                inlet.recv_timeout(GATHER).ok()?
            }
            came => came.ok()?,
        };
        octets = octets.saturating_add(task.octets());
        if octets > GROUP_OCTETS {
            return Some(task);
        }
        batch.push(task);
    }
    None
}

/// Deletes and reclaims old rows between two groups, because a busy writer is never idle.
fn maintain_under_load(
    writer: &mut Writer,
    store: &Store,
    groups: &mut u32,
    trimmed_ms: &mut u64,
) -> Result<(), String> {
    *groups = groups.saturating_add(1);
    if *groups < MAINTAIN_GROUPS {
        return Ok(());
    }
    *groups = 0;
    if store.has_leftovers() {
        reclaim(writer, store)?;
    }
    let now = writer.service().now();
    writer.service().tell_unlogged_logins(now);
    let now_ms = now.mono_ms;
    if now_ms.saturating_sub(*trimmed_ms) >= TRIM_MS && !trim(writer, store)? {
        *trimmed_ms = now_ms;
    }
    Ok(())
}

/// Starts the jobs that are due. Gives the time until the next one is due.
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

/// Reclaims one slice of deleted rows.
fn reclaim(writer: &mut Writer, store: &Store) -> Result<(), String> {
    match writer.reclaim(store) {
        Ok(_) => checkpoint_if_due(writer, store),
        Err(error) if error.is_disk_failure() => Err(disk(&error.to_string())),
        Err(error) => {
            log::error!("reclaiming failed error=\"{error}\"");
            Ok(())
        }
    }
}

/// Deletes one slice of old rows. Gives whether there are more.
fn trim(writer: &mut Writer, store: &Store) -> Result<bool, String> {
    match writer.trim(store) {
        Err(error) if error.is_disk_failure() => Err(disk(&error.to_string())),
        Err(error) => {
            log::error!("trimming failed error=\"{error}\"");
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

/// The work of an idle writer: after 200 ms it empties the write-ahead log, and each minute it
/// deletes old rows.
fn idle(writer: &mut Writer, store: &Store, turns: u32) -> Result<(), String> {
    let service = writer.service();
    service.tell_unlogged_logins(service.now());
    if turns == 0 {
        return checkpoint(writer, store, Checkpoint::Truncate);
    }
    if turns % TRIM_EVERY == 1 {
        for _ in 0..TRIM_SLICES {
            if !trim(writer, store)? {
                break;
            }
        }
        return checkpoint(writer, store, Checkpoint::Truncate);
    }
    Ok(())
}

/// Runs a checkpoint. When a reader holds it up, it is tried again later. When the disk refuses it,
/// the process ends: after one failed fsync the pages before it may be lost without notice.
fn checkpoint(writer: &Writer, store: &Store, how: Checkpoint) -> Result<(), String> {
    match store
        .checkpoint(how)
        .and_then(|_| writer.record_vacant_bytes(store))
    {
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

/// The loop of logins and short look-ups, until every [`Router`] is dropped.
pub fn run_lookup(
    mut reader: Reader,
    store: &Store,
    inlet: &Receiver<ToLookup>,
    mut answer: impl FnMut(ConnId, Reply),
) {
    for what in inlet {
        match what {
            ToLookup::Look(request) => {
                let reply = reader.look(store, &request);
                if let Some(conn) = request.conn {
                    answer(conn, reply);
                }
            }
            ToLookup::Hangup(conn) => lease::end_leases(reader.service(), conn),
        }
    }
}

/// The loop of a reader, until every [`Router`] is dropped. Messages that it has decided on go to
/// the writer.
pub fn run_reader(
    mut reader: Reader,
    store: &Store,
    inlet: &Receiver<ToReader>,
    to_writer: &ToWriter,
    mut answer: impl FnMut(ConnId, Reply),
) {
    let service = Arc::clone(reader.service());
    let mut work = Work {
        searches_max: service.shared.limits.searches_per_inbox,
        ..Work::default()
    };
    let mut send = |conn: Option<ConnId>, reply: Reply| {
        if let Some(conn) = conn {
            answer(conn, reply);
        }
    };
    loop {
        if work.is_empty() {
            match work.receive(inlet, &service) {
                Ok(what) => work.take(what),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    // No answer can come any more.
                    for (_, waiting) in work.outside.drain() {
                        send(waiting.request.conn, Reply::Refused(Refusal::Stopping));
                    }
                    return;
                }
            }
        }
        // When all routers are dropped, the tasks in the queue are still carried out. Then the loop
        // ends.
        while let Ok(what) = inlet.try_recv() {
            work.take(what);
        }
        if !work.outside.is_empty() {
            work.expire(service.now().mono_ms);
        }
        // The new tasks of this round first, then one slice: so both make progress.
        for _ in 0..work.fresh.len() {
            if let Some(task) = work.fresh.pop_front() {
                work.serve(&mut reader, store, task, to_writer, &mut send);
            }
        }
        if let Some(task) = work.sliced.pop_front() {
            work.serve(&mut reader, store, task, to_writer, &mut send);
        }
    }
}

/// The tasks of a reader.
#[derive(Debug, Default)]
struct Work {
    /// Tasks that have not begun.
    fresh: VecDeque<ReadTask>,
    /// Tasks that have begun, each waiting for its next slice.
    sliced: VecDeque<ReadTask>,
    /// Searches above the number that one inbox may have under way.
    held: VecDeque<ReadTask>,
    /// Messages that wait for a lookup outside. Each is charged to the memory for arriving mail, so
    /// their number is bounded.
    outside: HashMap<LookupId, WaitingMessage>,
    searches_max: usize,
}

/// A message that waits for a lookup outside.
#[derive(Debug)]
struct WaitingMessage {
    request: Request<Box<ParsedMessage>>,
    /// Monotonic milliseconds after which it goes on without an answer.
    until_ms: u64,
}

impl Work {
    fn is_empty(&self) -> bool {
        self.fresh.is_empty() && self.sliced.is_empty()
    }

    /// Waits for a task. When messages wait for lookups, it waits at most until the first of them
    /// has waited long enough.
    fn receive(
        &self,
        inlet: &Receiver<ToReader>,
        service: &Service,
    ) -> Result<ToReader, RecvTimeoutError> {
        match self.outside.values().map(|waiting| waiting.until_ms).min() {
            None => inlet.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(until_ms) => {
                let left_ms = until_ms.saturating_sub(service.now().mono_ms);
                inlet.recv_timeout(Duration::from_millis(left_ms))
            }
        }
    }

    fn take(&mut self, what: ToReader) {
        match what {
            ToReader::Task(task) => match searched(&task) {
                Some(inbox) if self.under_way(inbox) >= self.searches_max => {
                    self.held.push_back(task);
                }
                _ => self.fresh.push_back(task),
            },
            ToReader::Found(id, finding) => self.resume(id, finding),
            ToReader::Hangup(conn) => {
                for queue in [&mut self.fresh, &mut self.sliced, &mut self.held] {
                    queue.retain(|task| task.conn() != Some(conn));
                }
                self.outside
                    .retain(|_, waiting| waiting.request.conn != Some(conn));
                self.release();
            }
        }
    }

    /// Lets a message go on with the answer to its lookup.
    fn resume(&mut self, id: LookupId, finding: Finding) {
        if let Some(waiting) = self.outside.remove(&id) {
            let request = waiting
                .request
                .with(|parsed| IntakeStage::Found(parsed, finding));
            self.fresh.push_back(ReadTask::Intake(request));
        }
    }

    /// Lets messages go on that have waited long enough, without an answer.
    fn expire(&mut self, now_ms: u64) {
        let ended = |(id, waiting): (&LookupId, &WaitingMessage)| {
            (waiting.until_ms <= now_ms).then_some(*id)
        };
        let late: Vec<LookupId> = self.outside.iter().filter_map(ended).collect();
        for id in late {
            self.resume(id, Finding::TimedOut);
        }
    }

    fn under_way(&self, inbox: InboxId) -> usize {
        let queues = [&self.fresh, &self.sliced];
        let all = queues.into_iter().flatten();
        all.filter(|task| searched(task) == Some(inbox)).count()
    }

    fn serve(
        &mut self,
        reader: &mut Reader,
        store: &Store,
        task: ReadTask,
        to_writer: &ToWriter,
        answer: &mut impl FnMut(Option<ConnId>, Reply),
    ) {
        let (conn, was_search) = (task.conn(), searched(&task).is_some());
        match reader.turn(store, task) {
            ReadTurn::Reply(reply) => answer(conn, reply),
            ReadTurn::Again(task) => {
                self.sliced.push_back(task);
                return;
            }
            ReadTurn::Deliver(request) => {
                if to_writer.send(WriteTask::Deliver(request)).is_err() {
                    answer(conn, Reply::Refused(Refusal::Stopping));
                }
            }
            ReadTurn::Outside(id, request) => {
                let until_ms = reader.service().now().mono_ms.saturating_add(LOOKUP_MS);
                self.outside
                    .insert(id, WaitingMessage { request, until_ms });
            }
        }
        if was_search {
            self.release();
        }
    }

    /// Starts the held searches for which there is room now.
    fn release(&mut self) {
        for _ in 0..self.held.len() {
            if let Some(task) = self.held.pop_front() {
                match searched(&task) {
                    Some(inbox) if self.under_way(inbox) >= self.searches_max => {
                        self.held.push_back(task);
                    }
                    _ => self.fresh.push_back(task),
                }
            }
        }
    }
}

/// The inbox of an IMAP search. A search over HTTP names its inbox in another way, and the rate of
/// its key bounds it.
fn searched(task: &ReadTask) -> Option<InboxId> {
    match task {
        ReadTask::Call(Request {
            caller,
            call: Read::Entry(EntryRead::Search { .. }),
            ..
        }) => caller.key()?.inbox,
        ReadTask::Call(_) | ReadTask::Intake(_) => None,
    }
}

/// Calls of one transaction.
const GROUP_CALLS: usize = 128;
/// From this size on a group waits to become as large as the group before: under load more calls
/// are on their way, and pages that they share are written once.
const GATHER_FROM: usize = 8;
/// The time that it waits for one more call.
const GATHER: Duration = Duration::from_micros(250);
/// The number of times that a group waits. With [`GATHER`] it bounds the delay to 1 ms.
const GATHERS: usize = 4;
/// Octets of one transaction.
const GROUP_OCTETS: usize = 8 << 20;
/// Time without a task after which the writer is idle.
const IDLE: Duration = Duration::from_millis(200);
/// Time that an idle writer sleeps at once, so that an idle server uses no CPU.
const IDLE_LONG: Duration = Duration::from_secs(10);
/// Groups after which the writer reclaims a slice of deleted rows even when tasks wait. Each minute
/// it also deletes old rows, slice by slice.
const MAINTAIN_GROUPS: u32 = 16;
/// Milliseconds between two deletions of old rows under load.
const TRIM_MS: u64 = 60_000;
/// Old rows are deleted once in this many idle turns: each minute.
const TRIM_EVERY: u32 = 6;
/// Slices of old rows that are deleted at once. Then the queue is checked again.
const TRIM_SLICES: usize = 50;
/// 2^32 / phi: spreads ascending ids over the readers.
const GOLDEN: u64 = 0x9E37_79B9;
