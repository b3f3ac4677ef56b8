//! Leases of event streams, and the end of all leases of a connection. The lease of an IMAP
//! session is taken by its login (`login.rs`).

use crate::call::{
    Access, Answer, Caller, ConnId, Countable, EventGroupWrite, Metric, Refusal, Request, Write,
};
use crate::service::Service;

/// Takes the lease of an event stream.
pub fn open_stream(
    service: &Service,
    conn: Option<ConnId>,
    access: &Access,
) -> Result<Answer, Refusal> {
    let limits = &service.shared.limits;
    let Some(conn) = conn else {
        // A call of the server itself holds no lease.
        return Ok(Answer::Done);
    };
    let taken = service.counters().leases.take_stream(
        conn,
        access.key,
        access.org,
        limits.streams_per_key,
        limits.streams_per_org,
    );
    match taken {
        Ok(()) => {
            service.shared.metrics.count(Metric::Subscriptions);
            Ok(Answer::Done)
        }
        Err(max) => {
            service.shared.metrics.count(Metric::SessionsLimited);
            Err(Refusal::Limit {
                what: Countable::Streams,
                max: max as u64,
            })
        }
    }
}

/// Ends one lease of a stream that a connection holds. `reader`: it reads a consumer group.
pub fn close_stream(service: &Service, conn: ConnId, (access, reader): (&Access, Option<u32>)) {
    if reader.is_some() {
        leave_groups(service, conn, (access.clone(), reader));
    }
    let was_held = service.counters().leases.release_stream(conn);
    let streams = u64::from(was_held);
    service.shared.metrics.sub(Metric::Subscriptions, streams);
}

/// Ends the leases that a connection holds.
pub fn end_leases(service: &Service, conn: ConnId) {
    let mut counters = service.counters();
    let streams = counters.leases.release(conn);
    let reads_group = counters.group_readers.remove(&conn);
    drop(counters);
    if let Some(access) = reads_group {
        leave_groups(service, conn, (access, None));
    }
    service.shared.metrics.sub(Metric::Subscriptions, streams);
}

/// Has the writer free the events that readers of a connection hold: those of one of its
/// subscriptions, or of all.
fn leave_groups(service: &Service, conn: ConnId, (access, reader): (Access, Option<u32>)) {
    // It has the share of the claims of the connection, so it comes behind the last of them.
    service.returned.give(Request {
        request_id: None,
        depth: 0,
        conn: None,
        peer: core::net::Ipv4Addr::UNSPECIFIED.into(),
        now: service.now(),
        caller: Caller::Key(access),
        call: Write::EventGroup(EventGroupWrite::Leave { conn, reader }),
    });
}
