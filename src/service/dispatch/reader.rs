//! A reader carries out one look-up, one call that reads or a slice of it, or one stage of a
//! message.
//!
//! It catches a panic, which refuses the one call: hostile input must not end the process
//! (DECISIONS.md, "Panics").

use core::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Arc;

use super::{look, read};
use crate::call::{ConnId, Look, Metric, Read, Refusal, Reply, Request, Share};
use crate::crypto::Random;
use crate::service::Service;
use crate::service::access::admit::admit;
use crate::service::context::ReadContext;
use crate::service::intake::{
    self, Delivery, ImportSlice, IntakeStage, IntakeStep, LookupId, WaitingMessage,
};
use crate::store::Store;

/// Carries out everything that reads.
#[derive(Debug)]
pub struct Reader {
    service: Arc<Service>,
    random: Random,
    /// The id of the next lookup. The ids of this reader are equal modulo `readers`.
    next_lookup: u64,
    readers: u64,
}

/// A task of a reader.
#[derive(Debug)]
pub enum ReadTask {
    /// A call, or the rest of a call.
    Call(Request<Read>),
    /// A message that comes in, at one of its stages.
    Intake(Request<IntakeStage>),
}

impl ReadTask {
    /// The connection that waits for the answer.
    pub fn conn(&self) -> Option<ConnId> {
        match self {
            ReadTask::Call(request) => request.conn,
            ReadTask::Intake(request) => request.conn,
        }
    }

    /// The share that pays for it.
    pub fn share(&self) -> Share {
        match self {
            ReadTask::Call(Request {
                caller, peer, call, ..
            }) => Share::of(caller, *peer, call.named(), None),
            ReadTask::Intake(Request {
                caller, peer, call, ..
            }) => match call {
                IntakeStage::Parse(intake) => {
                    Share::of(caller, *peer, intake.named(), intake.receiver())
                }
                IntakeStage::Found(parsed, _) => Share::of(caller, *peer, None, parsed.receiver()),
            },
        }
    }
}

/// The result of a turn.
#[derive(Debug)]
pub enum ReadTurn {
    /// The answer.
    Reply(Reply),
    /// A slice is done; the rest goes back into the queue.
    Again(ReadTask),
    /// The message is decided on, and the writer delivers it.
    Deliver(Request<Box<Delivery>>),
    /// Messages of an import are decided on, and the writer stores them.
    Import(Request<Box<ImportSlice>>),
    /// The message waits for a lookup outside. It goes on with the answer.
    Outside(LookupId, WaitingMessage),
}

impl Reader {
    /// A reader with the system's randomness.
    pub fn new(service: Arc<Service>) -> Self {
        Self::with_random(service, Random::system())
    }

    /// A reader whose boundaries and Message-IDs are made with `random`.
    pub fn with_random(service: Arc<Service>, random: Random) -> Self {
        Reader {
            service,
            random,
            next_lookup: 0,
            readers: 1,
        }
    }

    /// The state that all threads share.
    pub fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// The same reader, as number `index` of several. `Router::answer_lookup` finds it by the ids
    /// of its lookups.
    #[must_use]
    pub fn numbered(self, index: usize, of: usize) -> Self {
        Reader {
            next_lookup: index as u64,
            readers: of.max(1) as u64,
            ..self
        }
    }

    /// Carries out a look-up.
    pub fn look(&mut self, store: &Store, request: &Request<Look>) -> Reply {
        let (service, context) = context(&self.service, store, &mut self.random);
        let done = guarded(service, request.conn, || {
            let call = &request.call;
            let caller = &request.caller;
            admit(service, caller, call.need(), context.now)?;
            look::look(service, &context, request)
        });
        match done {
            Ok(answer) => Reply::Answer(answer),
            Err(refusal) => refused(service, refusal),
        }
    }

    /// Carries out one task, or a slice of it.
    pub fn turn(&mut self, store: &Store, task: ReadTask) -> ReadTurn {
        match task {
            ReadTask::Call(request) => self.read(store, request),
            ReadTask::Intake(request) => self.advance(store, request),
        }
    }

    fn read(&mut self, store: &Store, mut request: Request<Read>) -> ReadTurn {
        let (service, context) = context(&self.service, store, &mut self.random);
        let done = guarded(service, request.conn, || {
            let call = &mut request.call;
            let caller = &request.caller;
            admit(service, caller, call.need(), context.now)?;
            read::read(&context, caller, call)
        });
        match done {
            Ok(Some(answer)) => ReadTurn::Reply(Reply::Answer(answer)),
            Ok(None) => ReadTurn::Again(ReadTask::Call(request)),
            Err(refusal) => ReadTurn::Reply(refused(service, refusal)),
        }
    }

    /// Takes a message through all stages until it is decided on or must wait.
    fn advance(&mut self, store: &Store, request: Request<IntakeStage>) -> ReadTurn {
        let (request, stage) = request.split(());
        let id = LookupId(self.next_lookup);
        let (service, context) = context(&self.service, store, &mut self.random);
        let done = guarded(service, request.conn, || {
            intake::advance(service, &context, &request, stage, id)
        });
        match done {
            Ok(IntakeStep::Deliver(delivery)) => ReadTurn::Deliver(request.split(delivery).0),
            Ok(IntakeStep::Import(slice)) => ReadTurn::Import(request.split(slice).0),
            Ok(IntakeStep::Tried(answer)) => ReadTurn::Reply(Reply::Answer(answer)),
            Ok(IntakeStep::Wait(parsed)) => {
                self.next_lookup = self.next_lookup.wrapping_add(self.readers);
                ReadTurn::Outside(id, request.split(parsed).0)
            }
            Err(refusal) => ReadTurn::Reply(refused(service, refusal)),
        }
    }
}

/// The reply of a refusal. Damage is counted, so that an operator is told of it.
fn refused(service: &Service, refusal: Refusal) -> Reply {
    if refusal == Refusal::Damaged {
        service.shared.metrics.count(Metric::Damaged);
    }
    Reply::Refused(refusal)
}

fn context<'a>(
    service: &'a Service,
    store: &'a Store,
    random: &mut Random,
) -> (&'a Service, ReadContext<'a>) {
    let context = ReadContext {
        service,
        store,
        shared: &service.shared,
        now: service.now(),
        clock: service.clock(),
        seed: random.array(),
    };
    (service, context)
}

/// Runs a function. A panic in it becomes a refusal.
fn guarded<T>(
    service: &Service,
    conn: Option<ConnId>,
    run: impl FnOnce() -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
        service.shared.metrics.count(Metric::Panics);
        log::error!("a read panicked conn={conn:?}");
        Err(Refusal::Internal)
    })
}
