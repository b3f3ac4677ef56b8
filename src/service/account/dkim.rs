//! The DKIM keys of domains: given to a domain, turned. Not how they are made (`spare_keys.rs`) or
//! how they sign (`mail/auth/dkim`).
//!
//! New keys of a domain that signs already wait until their records are seen in the DNS: no mail
//! is signed with a key that no receiver could find.

use crate::call::{DomainId, Refusal};
use crate::mail::auth::dkim::record_text;
use crate::service::context::WriteContext;
use crate::store::{DkimKeyRow, DkimKeyState};

/// Gives a domain two new keys. They sign at once if it has none that sign, and otherwise when
/// their records have been seen.
pub(super) fn give_keys(context: &mut WriteContext<'_>, domain: DomainId) -> Result<(), Refusal> {
    let keys = context.service.keys.take(context.now)?;
    context.store.delete_waiting_dkim_keys(domain)?;
    let old = context.store.dkim_keys(domain)?;
    let signs = old.iter().any(|key| key.state == DkimKeyState::Active);
    let state = match signs {
        true => DkimKeyState::Waiting,
        false => DkimKeyState::Active,
    };
    let tail = context.random.lower36(SELECTOR_DIGITS);
    for (prefix, key) in [("rsa", keys.rsa), ("ed", keys.ed25519)] {
        let row = DkimKeyRow {
            selector: format!("{prefix}-{tail}"),
            secret: key.to_stored(),
            record: record_text(&key),
            state,
            created_at: context.now.unix_ms,
            ends_at: None,
        };
        context.store.insert_dkim_key(domain, &row)?;
    }
    Ok(())
}

/// Has the new keys of a domain sign. The records of the old ones stay for a while.
pub(super) fn turn_keys(context: &WriteContext<'_>, domain: DomainId) -> Result<(), Refusal> {
    let ends_at = context.now.unix_ms.saturating_add(RETIRING_MS);
    Ok(context.store.turn_dkim_keys(domain, ends_at)?)
}

/// 36^8 is more than 2^41: no two keys of a domain get one selector.
const SELECTOR_DIGITS: usize = 8;
/// Milliseconds for which the records of old keys stay: mail is in a queue for up to five days,
/// and is checked again by those that forward it.
const RETIRING_MS: i64 = 7 * 86_400_000;
