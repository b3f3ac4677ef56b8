//! A draft whose entry is stored again: changed, or on its way to its recipients.
//!
//! It makes no draft (`intake/draft.rs` does). The rule: the draft is still the one that was read,
//! and nothing waits on it.

use super::waiting::{self, waiting_entry};
use crate::call::{ConflictReason, InboxId, Noun, OrgId, Refusal, SpecialUse};
use crate::service::context::WriteContext;
use crate::service::intake::TakenDraft;

/// Takes a draft out of Drafts. It is stored again in the mailbox `to`, with the same id, and the
/// client's own JSON beside it is that of this Message-ID.
///
/// # Errors
/// `NotFound` when it has left Drafts, `Conflict` when it was changed since it was read.
pub fn take_out(
    context: &mut WriteContext<'_>,
    place: (OrgId, InboxId),
    (draft, message_id): (&TakenDraft, &str),
    to: SpecialUse,
) -> Result<(), Refusal> {
    let (store, gone) = (context.store, Refusal::NotFound(Noun::Message));
    let entry = store.entry(place.0, place.1, draft.entry)?;
    let entry = entry.ok_or_else(|| gone.clone())?;
    let found = waiting_entry(store, place, draft.entry)?.ok_or(gone)?;
    let waits =
        store.is_held(place.0, draft.entry)? || store.scheduled(place.0, draft.entry)?.is_some();
    if waits || entry.body != draft.body {
        return Err(Refusal::Conflict(ConflictReason::DraftChanged));
    }
    waiting::take_out(context, place, &found, to)?;
    let json = match &draft.metadata {
        Some(new) => new.clone(),
        None => context.store.metadata_of(draft.entry)?,
    };
    (context.store).replace_metadata(place, draft.entry, json.as_deref(), message_id)?;
    Ok(())
}
