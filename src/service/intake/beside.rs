//! What stands beside an entry that is stored: the client's own JSON, the message that it answers,
//! the time at which it ends, and how mail of its author was judged.
//!
//! It places no entry: `deliver.rs` does, in the same transaction.

use super::plan::{Placement, Plan};
use crate::call::{
    Arrival, BodyId, EntryId, INBOX, InboxId, Metric, OrgId, Refusal, RemoteUse, Verdict,
};
use crate::service::context::WriteContext;
use crate::service::upstream;
use crate::store::{ExpiringMessage, SentMetadata};

/// Stores the client's JSON and the end of the message beside the copy of the sender, and with an
/// answer which message it is to. Gives the JSON of that message.
pub(super) fn note_metadata(
    context: &WriteContext<'_>,
    plan: &Plan,
    placement: &Placement,
    (at, entry): ((OrgId, InboxId), EntryId),
) -> Result<Option<String>, Refusal> {
    let store = context.store;
    if placement.kind != Arrival::Received {
        if let (Some(expires_at), Some(_)) = (plan.expires_at, plan.sender) {
            let (org, inbox) = at;
            let message = ExpiringMessage { entry, org, inbox };
            store.set_expiring(message, Some(expires_at))?;
            context.service.looks_at_expiry_by(expires_at);
        }
        let is_own = plan.sender.is_some() || plan.keeps_draft();
        if let (Some(json), true) = (&plan.metadata, is_own) {
            let sent = SentMetadata {
                entry,
                json: json.clone(),
            };
            store.insert_metadata(at, &sent, &plan.message_id)?;
        }
        return Ok(None);
    }
    let report = plan.reports.iter().find(|report| report.inbox == at.1);
    let known = match (report, plan.answers) {
        (Some(report), _) => store.outbound_of_any(report.row)?.and_then(|row| row.entry),
        (None, answers) => answers,
    };
    let answered = match known {
        Some(entry) => store
            .metadata_of(entry)?
            .map(|json| SentMetadata { entry, json }),
        None => store.find_answered(at.1, &plan.references)?,
    };
    let Some(answered) = answered else {
        return Ok(None);
    };
    store.insert_answer(at, entry, answered.entry)?;
    Ok(Some(answered.json))
}

/// Notes where the message has come from: how its author was judged, and the account elsewhere
/// that has it too.
pub(super) fn note_origin(
    context: &WriteContext<'_>,
    plan: &Plan,
    placement: &Placement,
    entry: EntryId,
) -> Result<(), Refusal> {
    note_verdict(context, plan, placement)?;
    if let Some(from) = &plan.upstream
        && from.account.inbox == placement.inbox
    {
        let keywords = upstream::kept_keywords(&from.row.keywords);
        context.store.pair_upstream(from, entry, &keywords)?;
        // A rule has changed it: its server is told.
        let is_there = |word: &String| {
            keywords
                .iter()
                .any(|known| known.eq_ignore_ascii_case(word))
        };
        let mut set_here = placement.keywords.iter().filter(|word| !is_there(word));
        let is_filed = from.purpose == RemoteUse::Inbox && placement.mailbox != INBOX;
        if placement.flags != from.row.flags || set_here.next().is_some() || is_filed {
            let at = (placement.inbox, context.now.unix_ms);
            let entries = core::iter::once(entry);
            context.store.note_upstream_changes(at, entries)?;
        }
    }
    Ok(())
}

/// Has the inbox remember how the message was judged, for the next of its author.
fn note_verdict(
    context: &WriteContext<'_>,
    plan: &Plan,
    placement: &Placement,
) -> Result<(), Refusal> {
    let Some(report) = &placement.spam else {
        return Ok(());
    };
    if !context.is_again {
        context.shared.metrics.count(match report.verdict {
            Verdict::Clean => Metric::JudgedClean,
            Verdict::Suspicious => Metric::JudgedSuspicious,
            Verdict::Spam => Metric::JudgedSpam,
        });
    }
    for key in &plan.author {
        let (verdict, at) = (report.verdict, context.now.unix_ms);
        (context.store).note_verdict(placement.inbox, *key, verdict, at)?;
    }
    Ok(())
}

/// The body of an organization among those that were stored.
pub(super) fn body_of(bodies: &[(OrgId, BodyId)], org: OrgId) -> Result<BodyId, Refusal> {
    let found = bodies.iter().find(|(known, _)| *known == org);
    found.map(|(_, body)| *body).ok_or(Refusal::Internal)
}

/// Notes that a message of an account elsewhere is here; `false` when it was here already.
pub(super) fn note_fetched(context: &WriteContext<'_>, plan: &Plan) -> Result<bool, Refusal> {
    let Some(from) = &plan.upstream else {
        return Ok(true);
    };
    let ident = upstream::ident(&from.row);
    Ok(context.store.note_upstream(from, ident)?)
}
