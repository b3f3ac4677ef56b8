//! The memory of messages that are made here: a forwarding, a draft and a message with named files
//! are larger than the request that asks for them.
//!
//! It makes no message. The rule: **what a message is made of is taken from the budget before it is
//! read**, and the message stays charged until its commit.

use std::sync::Arc;

use super::{PIECE_BYTES, named};
use crate::call::{Caller, Charge, DraftAct, DraftAttachment, EntryId, InboxRef, Refusal, Route};
use crate::service::context::ReadContext;
use crate::service::policy::find_inbox;

/// Charges what a message will be made of. Errors: the budget has no room for it.
pub(super) fn charge_parts(
    context: &ReadContext<'_>,
    caller: &Caller,
    route: &Route,
    charge: &mut Option<Arc<Charge>>,
) -> Result<(), Refusal> {
    let octets = match route {
        Route::Compose { inbox, draft, .. } => {
            let stored = draft.about.map(|about| (inbox, about.id));
            parts_bytes(context, caller, &draft.attachments, stored)?
        }
        Route::Draft { inbox, id, act, .. } => {
            let files = match &**act {
                DraftAct::Change(patch) => patch.attachments.as_deref().unwrap_or_default(),
                DraftAct::Send { .. } => &[],
            };
            parts_bytes(context, caller, files, Some((inbox, *id)))?
        }
        _ => 0,
    };
    // A message that would be larger is refused when it is made.
    let max = context.shared.limits.message_bytes;
    let octets = usize::try_from(octets).unwrap_or(max).min(max);
    charge_octets(context, octets, charge)
}

/// Charges a message that is made as what it is.
pub(super) fn charge_octets(
    context: &ReadContext<'_>,
    octets: usize,
    charge: &mut Option<Arc<Charge>>,
) -> Result<(), Refusal> {
    if octets <= PIECE_BYTES {
        return Ok(());
    }
    let Some(charge) = charge.as_mut().and_then(Arc::get_mut) else {
        return Ok(());
    };
    (charge.hold(octets, context.now.mono_ms)).map_err(|_| Refusal::MemoryShort)
}

/// The octets of the files that are named among `files`, in base64, and of a stored message. What
/// is not there, or is not the caller's, is refused when the message is made.
fn parts_bytes(
    context: &ReadContext<'_>,
    caller: &Caller,
    files: &[DraftAttachment],
    stored: Option<(&InboxRef, EntryId)>,
) -> Result<u64, Refusal> {
    let Some(access) = caller.key() else {
        return Ok(0);
    };
    let mut octets: u64 = 0;
    for said in files.iter().enumerate() {
        let file = match named::find(context, access, said) {
            Err(Refusal::InvalidPlace { .. }) => None,
            found => found?,
        };
        let size = file.map_or(0, |file| file.octets_max());
        octets = octets.saturating_add(size.div_ceil(3).saturating_mul(4));
    }
    if let Some((inbox, id)) = stored
        && let Ok(inbox) = find_inbox(context.store, access, inbox)
        && let Some(entry) = context.store.entry(access.org, inbox, id)?
    {
        octets = octets.saturating_add(entry.body_size.into());
    }
    Ok(octets)
}
