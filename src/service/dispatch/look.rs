//! From a short look-up to its function. The match is exhaustive: a new call does not compile
//! before it has its arm.

use crate::call::{Allowance, Answer, Caller, Look, Network, Refusal, Request};
use crate::service::access::limits::Payer;
use crate::service::access::receives::SendingParty;
use crate::service::access::{lease, login};
use crate::service::account::inbox;
use crate::service::context::ReadContext;
use crate::service::{Service, events, policy};

/// Carries out a look-up. `admit` has checked the caller.
pub(super) fn look(
    service: &Service,
    context: &ReadContext<'_>,
    request: &Request<Look>,
) -> Result<Answer, Refusal> {
    let (store, now, peer) = (context.store, context.now, request.peer);
    let caller = &request.caller;
    match &request.call {
        Look::Authenticate {
            listener,
            user,
            secret,
        } => login::authenticate(
            service,
            store,
            now,
            &login::Login {
                conn: request.conn,
                peer,
                listener: *listener,
                user: user.as_deref(),
                secret,
            },
        ),
        Look::OpenStream => lease::open_stream(service, request.conn, caller.access()?),
        Look::Ready => ready(service),
        Look::RequestRate => {
            let limits = &service.shared.limits;
            let (payer, per_minute) = match (caller, caller.key().and_then(|access| access.key)) {
                (_, Some(key)) => (Payer::Key(key), limits.http_requests_per_minute),
                (Caller::Anonymous, None) => (
                    Payer::Anonymous(Network::of(peer)),
                    limits.http_anonymous_per_minute,
                ),
                _ => {
                    let limit = limits.http_requests_per_minute as u64;
                    return Ok(Answer::Rated(Allowance::full(limit)));
                }
            };
            // A whole minute's requests may come at once.
            let left = service.take(payer, per_minute, per_minute, now)?;
            Ok(Answer::Rated(left))
        }
        Look::Sender { reverse_path, size } => {
            let path = reverse_path.as_deref();
            policy::check_sender(service, store, peer, now, caller.key(), path, *size)
        }
        Look::Recipient { address } => {
            let party = SendingParty::of(caller, peer);
            if let SendingParty::Network(_) = party {
                service.take_recipient(peer, now)?;
            }
            policy::check_recipient(service, store, now, (caller.key(), party), address)
        }
        Look::FindInboxes { inboxes } => inbox::find_inboxes(store, caller.access()?, inboxes),
        Look::LogState => events::read_log_state(context, caller.access()?),
        Look::LogAt { unix_ms } => events::find_log_position(context, caller.access()?, *unix_ms),
    }
}

fn ready(service: &Service) -> Result<Answer, Refusal> {
    if service.is_stopping() {
        return Err(Refusal::Stopping);
    }
    policy::check_space(service)?;
    Ok(Answer::Done)
}
