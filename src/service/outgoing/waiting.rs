//! What stands in Drafts until a decision or until its time: its entry and its labels.
//!
//! It decides nothing. `approval.rs` and `schedule.rs` say when a message goes on.

use crate::call::{EntryId, FlagChange, Flags, InboxId, Noun, OrgId, Refusal, SpecialUse, UidSet};
use crate::service::context::WriteContext;
use crate::service::mail::entry::flag_one;
use crate::store::{InboxPlace, MailboxRecord, Store};

/// The entry of a message that waits.
pub struct WaitingEntry {
    /// Its inbox.
    pub place: InboxPlace,
    /// Drafts.
    pub drafts: MailboxRecord,
    /// Its UID there.
    pub uid: u32,
}

/// The entry of a message while it stands in Drafts.
pub fn waiting_entry(
    store: &Store,
    (org, inbox): (OrgId, InboxId),
    entry: EntryId,
) -> Result<Option<WaitingEntry>, Refusal> {
    let Some(place) = store.place_of(org, inbox)? else {
        return Ok(None);
    };
    let Some(entry) = store.entry(org, inbox, entry)? else {
        return Ok(None);
    };
    let mailbox = store.mailbox(org, inbox, entry.mailbox)?;
    let drafts = mailbox.filter(|mailbox| mailbox.special == Some(SpecialUse::Drafts));
    Ok(drafts.map(|drafts| WaitingEntry {
        place,
        drafts,
        uid: entry.state.uid,
    }))
}

/// Gives a message in Drafts another label. Where the mailbox has no room for a new one, the
/// message is left without it: the row decides, not the label.
pub fn relabel(
    context: &mut WriteContext<'_>,
    found: &WaitingEntry,
    (old, new): (&str, Option<&str>),
) -> Result<(), Refusal> {
    let labels = [(FlagChange::Remove, Some(old)), (FlagChange::Add, new)];
    for (how, label) in labels {
        let Some(label) = label else { continue };
        let label = [label.to_owned()];
        let has_room = context
            .store
            .check_keywords(found.drafts.id, &label)
            .is_ok();
        if how == FlagChange::Add && !has_room {
            continue;
        }
        let (place, drafts) = (&found.place, &found.drafts);
        flag_one(
            context,
            place,
            drafts,
            found.uid,
            (how, Flags::NONE, &label),
        )?;
    }
    Ok(())
}

/// Takes a message out of Drafts. It is stored again in the mailbox `to`, with the same id.
pub fn take_out(
    context: &mut WriteContext<'_>,
    (org, inbox): (OrgId, InboxId),
    found: &WaitingEntry,
    to: SpecialUse,
) -> Result<(), Refusal> {
    let to = (context.store)
        .mailbox_special(org, inbox, to)?
        .ok_or(Refusal::NotFound(Noun::Mailbox))?;
    context.store.take_out(
        (context.now, context.origin),
        (&found.place, &found.drafts),
        (&UidSet::one(found.uid), to.id),
        context.events,
    )?;
    Ok(())
}
