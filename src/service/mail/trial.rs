//! A trial of a rule over stored mail: which messages it would match, and what it would do. Nothing
//! is stored, sent or counted.
//!
//! The mail is read as a list reads it, newest first, in slices. The rule: **a trial is bounded**.
//! It ends when it has as many matches as were asked for, or has looked at [`MESSAGES_MAX`]
//! messages or [`OCTETS_MAX`] octets of them.

use super::list;
use super::opened::OpenedMessage;
use crate::call::{
    Access, Answer, Arrival, ListProgress, MessageFilter, MessageView, Refusal, RulePlace,
    RuleTrial, RuleTrialRow,
};
use crate::mail::Digest;
use crate::service::context::ReadContext;
use crate::service::rules::{RuleSubject, TriedRule};

/// Does a slice of a trial; the answer when it is complete.
pub fn try_rule(
    context: &ReadContext<'_>,
    access: &Access,
    place: &RulePlace,
    trial: &mut RuleTrial,
) -> Result<Option<Answer>, Refusal> {
    let rule = TriedRule::new(&context.shared.limits, trial.rule.clone(), "rule.")?;
    let began_ms = (context.clock)().mono_ms;
    let slice_ms = context.shared.limits.search_slice_ms;
    loop {
        let is_bound = trial.looked >= MESSAGES_MAX || trial.looked_octets >= OCTETS_MAX;
        if trial.rows.len() >= trial.limit || is_bound {
            return Ok(Some(done(trial)));
        }
        match trial.waiting.pop() {
            Some(view) => look_at(context, access, &rule, (&view, trial))?,
            None if trial.is_end => return Ok(Some(done(trial))),
            None => {
                if !next_page(context, access, place, trial)? {
                    return Ok(None);
                }
            }
        }
        if (context.clock)().mono_ms.saturating_sub(began_ms) >= slice_ms {
            return Ok(None);
        }
    }
}

/// Asks the rule about one message.
fn look_at(
    context: &ReadContext<'_>,
    access: &Access,
    rule: &TriedRule,
    (view, trial): (&MessageView, &mut RuleTrial),
) -> Result<(), Refusal> {
    trial.looked += 1;
    if view.arrival != Arrival::Received {
        return Ok(());
    }
    let (place, id) = ((access.org, view.inbox), view.state.id);
    let Some(opened) = OpenedMessage::read(context.store, place, id)? else {
        return Ok(());
    };
    trial.looked_octets = trial.looked_octets.saturating_add(opened.octets.len());
    let digest = Digest::open(&opened.digest).ok_or(Refusal::Damaged)?;
    let message = RuleSubject::new(&opened.octets, digest, (view.auth, None));
    message.judge(view.spam.as_deref());
    // A pattern that is too costly for this message matches nothing in a delivery.
    if rule.matches(&message) {
        trial.rows.push(RuleTrialRow {
            message: id,
            would: rule.actions().to_vec(),
        });
    }
    Ok(())
}

/// Lists more messages; `false` when a slice of that is done.
fn next_page(
    context: &ReadContext<'_>,
    access: &Access,
    place: &RulePlace,
    trial: &mut RuleTrial,
) -> Result<bool, Refusal> {
    let filter = MessageFilter {
        folder: Some(MessageFilter::EVERY_FOLDER.to_owned()),
        ..MessageFilter::default()
    };
    let page = (&mut trial.cursor, PAGE_ROWS);
    let found = match place {
        Some(inbox) => list::list(context, access, inbox, &filter, page, &mut trial.list)?,
        None => list::list_all(context, access, &[], &filter, page, &mut trial.list)?,
    };
    match found {
        None => Ok(false),
        Some(Answer::Messages { rows, next }) => {
            trial.is_end = next.is_none();
            trial.cursor = next;
            *trial.list = ListProgress::default();
            trial.waiting = rows;
            trial.waiting.reverse();
            Ok(true)
        }
        Some(_) => Err(Refusal::Internal),
    }
}

fn done(trial: &mut RuleTrial) -> Answer {
    Answer::RuleTrial(core::mem::take(&mut trial.rows))
}

/// Messages that one trial looks at: some seconds of work at most, in slices.
const MESSAGES_MAX: usize = 1000;
/// Octets of the messages that it looks at: each message is read as a whole.
const OCTETS_MAX: usize = 64 << 20;
/// Rows that are listed at once.
const PAGE_ROWS: usize = 50;
