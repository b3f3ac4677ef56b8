//! The loops of the executors (the system threads of the service) and the queues that lead to them.
//! `main` starts the threads. A loop ends when every [`Router`] is dropped and its work is done.
//!
//! The writer and the readers serve by turns: work waits in a queue for each organization and in it
//! for each inbox, and what has been done is charged to its share (`turns.rs`).

mod lane;
mod lookup;
mod reads;
mod turns;
mod writer;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::intake::IntakeStage;
use super::{Finding, LookupId, ReadTask, Service, WriteTask};
use crate::call::{Call, Caller, ConnId, Look, Metric, Now, OutboundWrite, Request, Write};

pub use lane::{LANE_THREADS, Lane, run_reader};
pub use lookup::run_lookup;
pub use writer::{WriterInlet, run_writer};

/// A clock in microseconds, to measure what work costs. `main` gives that of the system.
#[derive(Clone)]
pub struct WorkClock(pub Arc<dyn Fn() -> u64 + Send + Sync>);

impl WorkClock {
    /// The time, in microseconds from any beginning.
    fn micros(&self) -> u64 {
        (self.0)()
    }
}

impl core::fmt::Debug for WorkClock {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("WorkClock(..)")
    }
}

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
    queue: Arc<Sender<WriteTask>>,
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
    pub writer: WriterInlet,
    /// For [`run_lookup`].
    pub lookup: Receiver<ToLookup>,
    /// For [`run_reader`], each for all threads of one lane.
    pub lanes: Vec<Arc<Lane>>,
}

impl Router {
    /// Creates the queues of one writer, one executor of look-ups and `lanes` readers (at least
    /// one), each of `threads` threads (at least one). `clock` measures what work costs.
    pub fn new(
        service: Arc<Service>,
        (lanes, threads): (usize, usize),
        clock: WorkClock,
    ) -> (Router, Inlets) {
        let (queue, tasks) = channel();
        let queue = Arc::new(queue);
        return_by(&service, &queue);
        wake_with(&service, &queue);
        let (lookup, lookup_inlet) = channel();
        let (readers, inlets): (Vec<_>, Vec<_>) = (0..lanes.max(1)).map(|_| channel()).unzip();
        let writer = ToWriter { service, queue };
        let count = inlets.len();
        let lanes = inlets.into_iter().enumerate().map(|(n, inlet)| {
            let (to_writer, clock) = (writer.clone(), clock.clone());
            Arc::new(Lane::new(
                (n, count),
                threads.max(1),
                inlet,
                to_writer,
                clock,
            ))
        });
        let inlets = Inlets {
            lanes: lanes.collect(),
            writer: WriterInlet { tasks, clock },
            lookup: lookup_inlet,
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
                self.read(reader, ReadTask::Call(request.split(call).0))
            }
            Call::Accept(intake) => {
                let reader = self.reader_for(&request);
                let stage = IntakeStage::Parse(intake);
                self.read(reader, ReadTask::Intake(request.split(stage).0))
            }
            Call::Hangup => request.conn.map_or(Ok(()), |conn| self.hang_up(conn)),
        }
    }

    fn read(&self, reader: &Sender<ToReader>, task: ReadTask) -> Result<(), Stopped> {
        let metrics = &self.writer.service.shared.metrics;
        metrics.add(Metric::ReaderQueue, 1);
        reader.send(ToReader::Task(task)).map_err(|_| {
            metrics.sub(Metric::ReaderQueue, 1);
            Stopped
        })
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

/// Has calls that waited for something outside come back to the writer. The way back holds no
/// sending end: the writer ends when the last router is gone, whatever answer is still to come.
fn return_by(service: &Arc<Service>, queue: &Arc<Sender<WriteTask>>) {
    let (shared, queue) = (Arc::clone(&service.shared), Arc::downgrade(queue));
    service.returned.send_by(move |request| {
        if let Some(queue) = queue.upgrade() {
            shared.metrics.add(Metric::WriterQueue, 1);
            if queue.send(WriteTask::Call(request)).is_err() {
                shared.metrics.sub(Metric::WriterQueue, 1);
            }
        }
    });
}

/// Has answers of the DNS wake the writer. They hold no sending end: the writer ends when the last
/// router is gone, whatever answer is still to come.
fn wake_with(service: &Arc<Service>, queue: &Arc<Sender<WriteTask>>) {
    let (shared, queue) = (Arc::clone(&service.shared), Arc::downgrade(queue));
    let wake = Arc::new(move || {
        let Some(queue) = queue.upgrade() else {
            return;
        };
        let task = WriteTask::Call(Request {
            request_id: None,
            depth: 0,
            conn: None,
            peer: core::net::Ipv4Addr::UNSPECIFIED.into(),
            now: Now::default(),
            caller: Caller::System,
            call: Write::Outbound(OutboundWrite::Wake),
        });
        shared.metrics.add(Metric::WriterQueue, 1);
        if queue.send(task).is_err() {
            shared.metrics.sub(Metric::WriterQueue, 1);
        }
    });
    let again = Arc::clone(&wake);
    service.outbound.wake_with(move || wake());
    service.webhooks.wake_with(move || again());
}

/// 2^32 / phi: spreads ascending ids over the readers.
const GOLDEN: u64 = 0x9E37_79B9;
