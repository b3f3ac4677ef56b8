//! From a short look-up to its function. The match is exhaustive: a new call does not compile
//! before it has its arm.

use core::net::IpAddr;

use crate::call::{Allowance, Answer, Caller, Look, Network, Now, Refusal, Request};
use crate::service::access::limits::Payer;
use crate::service::access::receives::SendingParty;
use crate::service::access::{lease, login};
use crate::service::account::inbox;
use crate::service::context::ReadContext;
use crate::service::{Service, events, lists, outgoing, policy};

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
        Look::RequestRate => count_request(service, caller, peer, now),
        Look::Sender { reverse_path, size } => {
            let path = reverse_path.as_deref();
            policy::check_sender(service, store, peer, now, caller.key(), path, *size)
        }
        Look::Recipient { from, address } => {
            let party = SendingParty::of(caller, peer);
            let is_outside = matches!(party, SendingParty::Network(_));
            if is_outside {
                service.take_recipient(peer, now)?;
            }
            let sender = (caller.key(), party);
            let found = policy::check_recipient(service, store, now, sender, address)?;
            match (caller.key(), from) {
                (Some(access), Some(from)) => {
                    outgoing::judge_recipient(service, store, (access, from), (address, &found))?;
                }
                (None, from) => lists::check_envelope(service, store, from.as_deref(), &found)?,
                (Some(_), None) => {}
            }
            if is_outside {
                let to = match found {
                    Answer::Recipient { inbox, .. } => (address.as_str(), inbox),
                    _ => return Err(Refusal::Internal),
                };
                policy::check_first_try(service, store, (peer, now), from.as_deref(), to)?;
            }
            Ok(found)
        }
        Look::FindInboxes { inboxes } => inbox::find_inboxes(store, caller.access()?, inboxes),
        Look::LogState => events::read_log_state(context, caller.access()?),
        Look::LogAt { unix_ms } => events::find_log_position(context, caller.access()?, *unix_ms),
    }
}

/// Counts a request: that of a key for the key and for its organization, of which the answer names
/// the one that has fewer left. A whole minute's requests may come at once.
fn count_request(
    service: &Service,
    caller: &Caller,
    peer: IpAddr,
    now: Now,
) -> Result<Answer, Refusal> {
    let limits = &service.shared.limits;
    let of_key = limits.http_requests_per_minute;
    let left = match (caller, caller.key().and_then(|access| access.key)) {
        (Caller::Key(access), Some(key)) => {
            let key = Payer::Key(key);
            let of_org = limits.org_requests_per_minute;
            let left = service.take(key, of_key, of_key, now)?;
            let org = service
                .take(Payer::Org(access.org), of_org, of_org, now)
                .inspect_err(|_| service.counters().rates.give_back(key, of_key, 1))?;
            if org.left < left.left { org } else { left }
        }
        (Caller::Anonymous, _) => {
            let payer = Payer::Anonymous(Network::of(peer));
            let per_minute = limits.http_anonymous_per_minute;
            service.take(payer, per_minute, per_minute, now)?
        }
        _ => Allowance::full(of_key as u64),
    };
    Ok(Answer::Rated(left))
}

fn ready(service: &Service) -> Result<Answer, Refusal> {
    if service.is_stopping() {
        return Err(Refusal::Stopping);
    }
    policy::check_space(service)?;
    Ok(Answer::Done)
}
