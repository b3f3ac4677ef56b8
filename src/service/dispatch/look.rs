//! From a short look-up to its function. The match is exhaustive: a new call does not compile
//! before it has its arm.

use crate::call::{Answer, Look, Refusal, Request};
use crate::service::access::receives::SendingParty;
use crate::service::access::{lease, login, ticket};
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
                request_id: request.request_id,
                peer,
                listener: *listener,
                user: user.as_deref(),
                secret,
            },
        ),
        Look::MakeTicket => ticket::make_ticket(service, caller.access()?, now, context.seed),
        Look::UseTicket { ticket, spends } => {
            ticket::use_ticket(service, store, now, ticket, *spends)
        }
        Look::OpenStream { reads_group } => {
            let access = caller.access()?;
            let done = lease::open_stream(service, request.conn, access)?;
            if *reads_group && let Some(conn) = request.conn {
                let mut counters = service.counters();
                counters.group_readers.insert(conn, access.clone());
            }
            Ok(done)
        }
        Look::CloseStream { reader } => {
            if let Some(conn) = request.conn {
                lease::close_stream(service, conn, (caller.access()?, *reader));
            }
            Ok(Answer::Done)
        }
        Look::OpenWait { inbox } => {
            let access = caller.access()?;
            let inbox = policy::find_inbox(store, access, inbox)?;
            lease::open_stream(service, request.conn, access)?;
            Ok(Answer::Waits(inbox))
        }
        Look::CloseWait => {
            if let Some(conn) = request.conn {
                lease::end_leases(service, conn);
            }
            Ok(Answer::Done)
        }
        Look::Ready => ready(service),
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
        Look::FindInboxes { inboxes, within } => {
            inbox::find_inboxes(store, caller.access()?, inboxes, *within)
        }
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
