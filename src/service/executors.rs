//! The loops of the writer and the readers, and the queues that lead to them. `main` starts
//! the threads; the loops end when every [`Router`] is gone, with all work done.
//!
//! The writer takes what has come, commits once, publishes, answers. A reader goes round:
//! everything new first, then one slice of one search, so that no search holds up a login.

use core::time::Duration;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};

use super::intake::{IntakeStage, LOOKUP_MS, ParsedMessage};
use super::{Finding, LookupId, ReadTask, ReadTurn, Reader, Service, WriteTask, Writer};
use crate::call::{
    Call, ConnId, EntryRead, Event, InboxId, Look, Metric, Read, Refusal, Reply, Request,
};
use crate::service::access::login;
use crate::store::{Checkpoint, Store};

/// What the thread of logins and look-ups finds in its queue.
#[derive(Debug)]
pub enum ToLookup {
    /// A call.
    Look(Request<Look>),
    /// The connection is gone.
    Hangup(ConnId),
}

/// What a reader finds in its queue.
#[derive(Debug)]
pub enum ToReader {
    /// A call, or a message that comes in.
    Task(ReadTask),
    /// What a message waited for.
    Found(LookupId, Finding),
    /// The connection is gone.
    Hangup(ConnId),
}

/// The way to the writer. Cheap to clone; every reader has one, for the messages that it has
/// decided on.
#[derive(Clone, Debug)]
pub struct ToWriter {
    service: Arc<Service>,
    queue: Sender<WriteTask>,
}

impl ToWriter {
    /// Leaves a task with the writer. Errors: the writer has ended.
    fn send(&self, task: WriteTask) -> Result<(), Stopped> {
        // It is counted before it is sent, so that the writer cannot take it off first.
        let metrics = &self.service.shared.metrics;
        metrics.add(Metric::WriterQueue, 1);
        self.queue.send(task).map_err(|_| {
            metrics.sub(Metric::WriterQueue, 1);
            Stopped
        })
    }
}

/// The thread that should answer has ended: the request is to be refused with
/// [`crate::call::Refusal::Stopping`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stopped;

/// Where workers leave their calls. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Router {
    writer: ToWriter,
    lookup: Sender<ToLookup>,
    readers: Vec<Sender<ToReader>>,
}

/// The other ends of a [`Router`], one for each thread.
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
    /// Queues for one writer, one thread of look-ups and `readers` readers (at least one).
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

    /// Leaves a call with the thread that answers it. Errors: that thread has ended.
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

    /// Brings the answer to a lookup of a message. The reader that keeps the message goes on
    /// with it; a lookup that has timed out is forgotten.
    pub fn found(&self, id: LookupId, finding: Finding) {
        let n = self.readers.len() as u64;
        if let Some(reader) = self.readers.get((id.0 % n) as usize) {
            // A reader that has ended has refused the message.
            let _ = reader.send(ToReader::Found(id, finding));
        }
    }

    /// The connection is gone: its leases end, and readers drop their work for it.
    fn hang_up(&self, conn: ConnId) -> Result<(), Stopped> {
        for reader in &self.readers {
            // A reader that has ended has no work to drop.
            let _ = reader.send(ToReader::Hangup(conn));
        }
        let told = self.lookup.send(ToLookup::Hangup(conn));
        told.map_err(|_| Stopped)
    }

    /// All work of an inbox goes to one reader: what it reads stays in one cache, and the bound
    /// on its searches is kept in one place.
    fn reader_for(&self, request: &Request<()>) -> &Sender<ToReader> {
        let pick = match request.caller.key().and_then(|access| access.inbox) {
            Some(inbox) => inbox.0.unsigned_abs(),
            None => request.conn.map_or(0, |conn| conn.0),
        };
        let n = self.readers.len() as u64;
        &self.readers[((pick.wrapping_mul(GOLDEN) >> 32) % n) as usize]
    }
}

/// The writer: until every [`Router`] is gone, or the disk fails. Then `fail` is told why, the
/// process must end, and until the routers have gone everything is refused: who waits hears it
/// at once.
pub fn run_writer(
    mut writer: Writer,
    store: &Store,
    inlet: &Receiver<WriteTask>,
    publish: impl FnMut(Arc<[Event]>),
    mut answer: impl FnMut(ConnId, Reply),
    fail: impl FnOnce(String),
) {
    // One that came with a group that was full already.
    let mut first: Option<WriteTask> = None;
    let ended = write_all(&mut writer, store, inlet, &mut first, publish, &mut answer);
    if let Err(why) = ended {
        fail(why);
        for task in first.into_iter().chain(inlet.iter()) {
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
    first: &mut Option<WriteTask>,
    mut publish: impl FnMut(Arc<[Event]>),
    mut answer: impl FnMut(ConnId, Reply),
) -> Result<(), String> {
    let mut batch: Vec<WriteTask> = Vec::new();
    let mut idle_turns = 0u32;
    let mut undone = 0u32;
    // How many calls the last group had.
    let mut group = 0;
    let mut tidied_ms = writer.service().now().mono_ms;
    checkpoint(writer, store, Checkpoint::Passive)?;
    loop {
        let next_job = run_jobs(writer, store)?;
        let wait = match (idle_turns, next_job) {
            (0, job) => job.map_or(IDLE, |job| job.min(IDLE)),
            (_, job) => job.map_or(IDLE_LONG, |job| job.min(IDLE_LONG)),
        };
        let next = match first.take() {
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
        let mut octets = batch[0].octets();
        let mut gathers = match group {
            0..GATHER_FROM => 0,
            _ => GATHERS,
        };
        while batch.len() < GROUP_CALLS && octets < GROUP_OCTETS {
            match inlet.try_recv() {
                Ok(task) => {
                    octets = octets.saturating_add(task.octets());
                    if octets > GROUP_OCTETS {
                        *first = Some(task);
                        break;
                    }
                    batch.push(task);
                }
                Err(TryRecvError::Empty) if batch.len() < group && gathers > 0 => {
                    gathers -= 1;
                    match inlet.recv_timeout(GATHER) {
                        Ok(task) => {
                            octets = octets.saturating_add(task.octets());
                            batch.push(task);
                        }
                        Err(_) => break,
                    }
                }
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
        group = batch.len();
        let turn = writer.turn(store, &batch);
        let metrics = &writer.service().shared.metrics;
        metrics.sub(Metric::WriterQueue, batch.len() as u64);
        batch.clear();
        if !turn.events.is_empty() {
            publish(turn.events);
        }
        for (conn, reply) in turn.replies {
            // The server's own calls have no connection to answer.
            if let Some(conn) = conn {
                answer(conn, reply);
            }
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
    if store.has_leftovers() {
        reclaim(writer, store)?;
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

/// The work of idle moments: after a moment the write-ahead log is truncated, and at times old
/// rows are deleted.
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

/// Logins and short look-ups: until every [`Router`] is gone.
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
            ToLookup::Hangup(conn) => login::hangup(reader.service(), conn),
        }
    }
}

/// A reader: until every [`Router`] is gone. Messages that it has decided on go to the writer.
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
        // When the routers have gone, the queue is still emptied; then the loop ends.
        while let Ok(what) = inlet.try_recv() {
            work.take(what);
        }
        if !work.outside.is_empty() {
            work.expire(service.now().mono_ms);
        }
        // The tasks that were there when the round began, then a slice: neither starves the
        // other.
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

/// What waits for a reader.
#[derive(Debug, Default)]
struct Work {
    /// Not begun.
    fresh: VecDeque<ReadTask>,
    /// Begun, each waiting for its next slice.
    sliced: VecDeque<ReadTask>,
    /// Searches over the number that an inbox may have under way.
    held: VecDeque<ReadTask>,
    /// Messages that wait for something outside. Each holds its share of the memory for
    /// arriving mail, so their number is bounded.
    outside: HashMap<LookupId, WaitingMessage>,
    searches_max: usize,
}

/// A message that waits for something outside.
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

    /// Waits for something to do: without an end, or until the first message has waited long
    /// enough.
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
            ToReader::Found(id, finding) => self.go_on(id, finding),
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

    /// The message goes on with what was found.
    fn go_on(&mut self, id: LookupId, finding: Finding) {
        if let Some(waiting) = self.outside.remove(&id) {
            let request = waiting
                .request
                .with(|parsed| IntakeStage::Found(parsed, finding));
            self.fresh.push_back(ReadTask::Intake(request));
        }
    }

    /// Messages that have waited long enough go on without an answer.
    fn expire(&mut self, now_ms: u64) {
        let ended = |(id, waiting): (&LookupId, &WaitingMessage)| {
            (waiting.until_ms <= now_ms).then_some(*id)
        };
        let late: Vec<LookupId> = self.outside.iter().filter_map(ended).collect();
        for id in late {
            self.go_on(id, Finding::TimedOut);
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

    /// Lets searches begin for which there is room now.
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

/// The inbox that a search goes over; HTTP names it otherwise and is bounded by its rate.
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
/// From this size on a group waits a moment to become as large as the group before: under load
/// more calls are on their way, and pages that they share are written once.
const GATHER_FROM: usize = 8;
/// How long it waits for one more call.
const GATHER: Duration = Duration::from_micros(250);
/// How often a group waits; with [`GATHER`] the bound of the delay, 1 ms.
const GATHERS: usize = 4;
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
