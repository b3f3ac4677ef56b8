//! Carries out one request from its beginning to its answer in the calling thread. The command line
//! without a server and the tests use it; the server uses `executors`.

use std::sync::Arc;

use super::intake::{IntakeStage, WaitingMessage};
use super::{LookupId, ReadTask, ReadTurn, Reader, WriteTask, Writer};
use crate::call::{Call, ConnId, Event, Reply, Request};
use crate::service::access::lease;
use crate::store::Store;

/// The result of a request.
#[derive(Debug)]
pub enum Done {
    /// The answer, and the events that were published before it. A hang-up has no answer.
    Answered(Option<Reply>, Arc<[Event]>),
    /// A message waits for something outside.
    Outside(LookupId, WaitingMessage),
}

/// Carries out `request`.
pub fn drive(writer: &mut Writer, reader: &mut Reader, store: &Store, request: Request) -> Done {
    let (request, call) = request.split(());
    let task = match call {
        Call::Write(call) => {
            return write(writer, store, WriteTask::Call(request.split(call).0));
        }
        Call::Look(call) => {
            let reply = reader.look(store, &request.split(call).0);
            return Done::Answered(Some(reply), Arc::new([]));
        }
        Call::Hangup => {
            if let Some(conn) = request.conn {
                lease::end_leases(reader.service(), conn);
            }
            return Done::Answered(None, Arc::new([]));
        }
        Call::Read(call) => ReadTask::Call(request.split(call).0),
        Call::Accept(intake) => ReadTask::Intake(request.split(IntakeStage::Parse(intake)).0),
    };
    resume(writer, reader, store, task)
}

/// Carries out a task of a reader, and the delivery that it may lead to.
pub fn resume(writer: &mut Writer, reader: &mut Reader, store: &Store, task: ReadTask) -> Done {
    let mut turn = reader.turn(store, task);
    loop {
        match turn {
            ReadTurn::Reply(reply) => return Done::Answered(Some(reply), Arc::new([])),
            ReadTurn::Again(task) => turn = reader.turn(store, task),
            ReadTurn::Deliver(request) => {
                return write(writer, store, WriteTask::Deliver(request));
            }
            ReadTurn::Import(request) => {
                return write(writer, store, WriteTask::Import(request));
            }
            ReadTurn::Outside(id, request) => return Done::Outside(id, request),
        }
    }
}

fn write(writer: &mut Writer, store: &Store, task: WriteTask) -> Done {
    let mut turn = writer.turn(store, &[task]);
    let mut events = Vec::new();
    // Time does not pass here, so what should wait is tried again at once, and not for ever.
    let mut tries = 0;
    while !turn.rests.is_empty() || (!turn.later.is_empty() && tries < TRIES_MAX) {
        events.extend(turn.events.iter().cloned());
        tries += turn.later.len();
        turn.rests.append(&mut turn.later);
        turn = writer.turn(store, &turn.rests);
    }
    let events = match events.is_empty() {
        true => turn.events,
        false => events
            .into_iter()
            .chain(turn.events.iter().cloned())
            .collect(),
    };
    let reply = turn.replies.into_iter().next().map(|(_, reply)| reply);
    match reply.is_none().then(|| writer.service().returned.next()) {
        // It waited for something outside that is there already.
        Some(Some(request)) => write(writer, store, WriteTask::Call(request)),
        _ => Done::Answered(reply, events),
    }
}

/// What became of a call that waited: the connection that gets the answer, the answer, the events.
pub type CarriedOn = (Option<ConnId>, Option<Reply>, Arc<[Event]>);

/// Carries on a call that waited for something outside, if what it waited for has come.
pub fn carry_on(writer: &mut Writer, store: &Store) -> Option<CarriedOn> {
    let request = writer.service().returned.next()?;
    let conn = request.conn;
    match write(writer, store, WriteTask::Call(request)) {
        Done::Answered(reply, events) => Some((conn, reply, events)),
        Done::Outside(..) => None,
    }
}

/// How often a task that should wait is tried again.
const TRIES_MAX: usize = 100;
