//! Leases of event streams, and the end of all leases of a connection. The lease of an IMAP
//! session is taken by its login (`login.rs`).

use crate::call::{Access, Answer, ConnId, Countable, Metric, Refusal};
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

/// Ends one lease of a stream that a connection holds.
pub fn close_stream(service: &Service, conn: ConnId) {
    let was_held = service.counters().leases.release_stream(conn);
    let streams = u64::from(was_held);
    service.shared.metrics.sub(Metric::Subscriptions, streams);
}

/// Ends the leases that a connection holds.
pub fn end_leases(service: &Service, conn: ConnId) {
    let streams = service.counters().leases.release(conn);
    service.shared.metrics.sub(Metric::Subscriptions, streams);
}
