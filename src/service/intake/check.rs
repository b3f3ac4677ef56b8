//! What the filter says of a message that a client shows it. Nothing is stored, counted or learned,
//! and nothing is known of its sender: no connection has brought it.

use super::analyse::{analyse, check_size};
use crate::call::{Access, Answer, InboxRef, Refusal, SpamSettings};
use crate::judge::known_spam::KnownSpamSet;
use crate::judge::{MailView, SenderFacts, judge};
use crate::service::Service;
use crate::service::account::spam::settings_of;
use crate::service::context::ReadContext;
use crate::service::policy::find_inbox;

/// Judges a message by the settings of an inbox, or by the usual ones.
///
/// # Errors
/// The inbox is not found, or the message is too large.
pub(super) fn check(
    service: &Service,
    context: &ReadContext<'_>,
    access: &Access,
    inbox: Option<&InboxRef>,
    octets: &[u8],
) -> Result<Answer, Refusal> {
    let settings = match inbox {
        Some(inbox) => {
            let inbox = find_inbox(context.store, access, inbox)?;
            settings_of(service, context.store, inbox)?
        }
        None => SpamSettings::default(),
    };
    check_size(context, octets)?;
    let analysis = analyse(context, octets, 0, usize::MAX)?;
    let known = service.known_spam.set(context.store)?;
    let view = MailView::of(octets, &analysis);
    let view = KnownSpamSet::marked(view, known.as_deref(), (octets, &analysis));
    let facts = SenderFacts::default();
    let models = service.learned.of_org(context.store, access.org)?;
    let report = judge(&view, &facts, &settings, &models);
    Ok(Answer::Judged(Box::new(report)))
}
