//! Which mailbox here has the same use as one of an account.

use crate::call::{INBOX, Refusal, RemoteUse, SpecialUse, UpstreamAccount};
use crate::service::context::WriteContext;
use crate::store::MailboxRecord;

/// The use of a mailbox here; `None` is one that accounts have no mailbox for.
pub(super) fn use_of(mailbox: &MailboxRecord) -> Option<RemoteUse> {
    match mailbox.special {
        None => (mailbox.name == INBOX).then_some(RemoteUse::Inbox),
        Some(SpecialUse::Drafts) => Some(RemoteUse::Drafts),
        Some(SpecialUse::Junk) => Some(RemoteUse::Junk),
        Some(SpecialUse::Sent) => Some(RemoteUse::Sent),
        Some(SpecialUse::Trash) => Some(RemoteUse::Trash),
    }
}

/// The mailbox here for a use.
pub(super) fn mailbox_for(
    context: &WriteContext<'_>,
    account: UpstreamAccount,
    purpose: RemoteUse,
) -> Result<Option<MailboxRecord>, Refusal> {
    let (org, inbox) = (account.org, account.inbox);
    let special = match purpose {
        RemoteUse::Inbox => return Ok(context.store.mailbox_named(org, inbox, INBOX)?),
        RemoteUse::All | RemoteUse::Archive => return Ok(None),
        RemoteUse::Drafts => SpecialUse::Drafts,
        RemoteUse::Junk => SpecialUse::Junk,
        RemoteUse::Sent => SpecialUse::Sent,
        RemoteUse::Trash => SpecialUse::Trash,
    };
    Ok(context.store.mailbox_special(org, inbox, special)?)
}
