//! Scheduled mail whose time has come: it leaves as every message does. `schedule.rs` has what it
//! does before.
//!
//! The thread of the writer sends it, in transactions of its own, so a time that has come while the
//! server was stopped is met at its start. The octets of a large message are stored in pieces, one
//! a step, as those of a new one are.
//!
//! The rule: **policy is asked again when it leaves, and what it refuses stays in Drafts with its
//! reason told.** What can pass by itself is tried again each minute, as long as mail in the queue
//! is.

use super::approval::{self, DECLINED_LABEL, HeldMail};
use super::reasons::words;
use super::schedule::AGAIN_MS;
use super::waiting::{relabel, waiting_entry};
use crate::call::{
    Caller, Change, Decision, EventKind, FailureClass, HELD_LABEL, Metric, OutboundId,
    OutboundNews, OutboundStatus, Refusal, SCHEDULED_LABEL, UidSet,
};
use crate::service::access::login::folder_access;
use crate::service::context::WriteContext;
use crate::service::intake::{self, Delivery, Release};
use crate::store::{NewEvent, StoredScheduled};

/// A large message that leaves: a part of its octets is stored, and nothing names them yet.
#[derive(Debug)]
pub struct Leaving {
    mail: StoredScheduled,
    delivery: Box<Delivery>,
}

/// Does one step: sends some messages whose time has come, or stores a piece of a large one. Gives
/// when the next step is due, unix milliseconds. An error means that the transaction is lost.
pub fn release_some(
    context: &mut WriteContext<'_>,
    leaving: &mut Option<Leaving>,
) -> Result<i64, Refusal> {
    if let Some(Leaving { mail, delivery }) = leaving.take() {
        // It may have been deleted or cancelled between two pieces.
        if context.store.scheduled(mail.org, mail.entry)?.as_ref() == Some(&mail) {
            *leaving = behind_cause(context, mail, Some(delivery))?;
        } else {
            abandon(context, &delivery);
        }
    } else {
        for mail in context.store.due_scheduled(context.now, AT_ONCE)? {
            *leaving = behind_cause(context, mail, None)?;
            if leaving.is_some() {
                break;
            }
        }
    }
    if leaving.is_some() {
        return Ok(context.now.unix_ms);
    }
    Ok(context.store.next_scheduled()?.unwrap_or(i64::MAX))
}

/// Attempts it as the request that has scheduled it would: as many webhooks behind its cause.
fn behind_cause(
    context: &mut WriteContext<'_>,
    mail: StoredScheduled,
    begun: Option<Box<Delivery>>,
) -> Result<Option<Leaving>, Refusal> {
    context.behind(mail.envelope.depth, |context| attempt(context, mail, begun))
}

/// Sends a message, or a piece of it, in a savepoint. What refuses it is dealt with.
fn attempt(
    context: &mut WriteContext<'_>,
    mail: StoredScheduled,
    begun: Option<Box<Delivery>>,
) -> Result<Option<Leaving>, Refusal> {
    let events = context.events.len();
    let mut delivery = begun;
    context.store.savepoint()?;
    match release(context, &mail, &mut delivery) {
        Ok(is_done) => {
            context.store.release()?;
            let delivery = delivery.filter(|_| !is_done);
            return Ok(delivery.map(|delivery| Leaving { mail, delivery }));
        }
        Err(refusal) if context.store.is_transaction_gone() => return Err(refusal),
        Err(refusal) => {
            context.store.rollback_to()?;
            context.events.truncate(events);
            if let Some(delivery) = &delivery {
                abandon(context, delivery);
            }
            refused(context, &mail, refusal)?;
        }
    }
    Ok(None)
}

/// Frees what is stored of a large message that does not leave.
fn abandon(context: &WriteContext<'_>, delivery: &Delivery) {
    if let Some(pieces) = &delivery.pieces {
        context.store.abandon_bodies(&pieces.bodies);
    }
}

/// One step of one message: `true` when it waits no longer.
fn release(
    context: &mut WriteContext<'_>,
    mail: &StoredScheduled,
    begun: &mut Option<Box<Delivery>>,
) -> Result<bool, Refusal> {
    let caller = Caller::Key(folder_access(mail.org));
    let delivery = match begun {
        Some(delivery) => delivery,
        None => match intake::released(context, mail)? {
            Release::Gone => {
                end(context, mail)?;
                return Ok(true);
            }
            Release::Decided(Decision::Hold) if !mail.is_approved => {
                hold(context, mail)?;
                return Ok(true);
            }
            Release::Decided(_) => {
                reject(
                    context,
                    mail,
                    "the send_mode of the inbox keeps it as a draft",
                )?;
                return Ok(true);
            }
            Release::Leaves(delivery) => begun.insert(delivery),
        },
    };
    if let Some(pieces) = intake::store_piece(context, &caller, delivery)? {
        delivery.pieces = Some(pieces);
        return Ok(false);
    }
    intake::complete(context, &caller, delivery)?;
    context.shared.metrics.count(Metric::ScheduledSent);
    Ok(true)
}

/// The mode of the inbox has become `hold` since: the message waits for a decision now.
fn hold(context: &mut WriteContext<'_>, mail: &StoredScheduled) -> Result<(), Refusal> {
    context.store.delete_scheduled(mail.org, mail.entry)?;
    let held = HeldMail {
        org: mail.org,
        inbox: mail.inbox,
        entry: mail.entry,
        envelope: mail.envelope.clone(),
        sha256: mail.sha256,
        send_at: None,
    };
    approval::hold(context, held)?;
    let until = approval::expires_at(context);
    for row in context.store.waiting_outbound(mail.org, mail.entry)? {
        let times = (until, until);
        context
            .store
            .set_waiting(&row, OutboundStatus::Held, times)?;
    }
    let found = waiting_entry(context.store, (mail.org, mail.inbox), mail.entry)?;
    match found {
        Some(found) => relabel(context, &found, (SCHEDULED_LABEL, Some(HELD_LABEL))),
        None => Ok(()),
    }
}

/// It does not leave now: it is tried again, or it stays in Drafts.
fn refused(
    context: &mut WriteContext<'_>,
    mail: &StoredScheduled,
    refusal: Refusal,
) -> Result<(), Refusal> {
    let given_up_at = context.service.outbound.expires_after(mail.send_at);
    let (is_temporary, why) = words(&refusal);
    if is_temporary && context.now.unix_ms < given_up_at {
        let again = context.now.unix_ms.saturating_add(AGAIN_MS);
        return Ok(context.store.put_off_scheduled(mail.entry, again)?);
    }
    reject(context, mail, &why)
}

/// The message stays in Drafts, and each of its recipients is told of.
fn reject(
    context: &mut WriteContext<'_>,
    mail: &StoredScheduled,
    why: &str,
) -> Result<(), Refusal> {
    let rows = context.store.waiting_outbound(mail.org, mail.entry)?;
    end(context, mail)?;
    let Some(found) = waiting_entry(context.store, (mail.org, mail.inbox), mail.entry)? else {
        return Ok(());
    };
    relabel(context, &found, (SCHEDULED_LABEL, Some(DECLINED_LABEL)))?;
    let metadata = context.store.metadata_of(mail.entry)?;
    for recipient in &mail.envelope.recipients {
        let row = rows
            .iter()
            .find(|row| row.envelope.recipient == recipient.address);
        let news = OutboundNews {
            kind: EventKind::MessageRejected,
            message: Some(mail.entry),
            recipient: recipient.address.clone(),
            // A recipient here has no row.
            outbound: row.map_or(OutboundId(0), |row| row.id),
            reason: why.to_owned(),
            class: Some(FailureClass::Policy),
            code: None,
            enhanced: None,
            host: String::new(),
            metadata: metadata.clone(),
        };
        let new = NewEvent {
            inbox: Some(found.place.path.clone()),
            mailbox: None,
            uids: UidSet::new(),
            change: Change::Outbound(Box::new(news)),
        };
        let origin = context.origin;
        (context.store).append_event(context.now, mail.org, origin, new, context.events)?;
    }
    Ok(())
}

/// The message waits no longer, and none of its recipients outside gets it.
fn end(context: &WriteContext<'_>, mail: &StoredScheduled) -> Result<(), Refusal> {
    let (store, at) = (context.store, context.now.unix_ms);
    store.delete_scheduled(mail.org, mail.entry)?;
    Ok(store.cancel_recipients((mail.org, at), mail.entry)?)
}

/// Messages that one step sends: some milliseconds of work.
const AT_ONCE: u32 = 4;
