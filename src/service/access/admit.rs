//! Admission: the checks that every call passes before its function runs.
//!
//! The dispatcher calls [`admit`] with the `need()` that stands beside each enum of calls. So
//! the need of a call is written in one place, and a function of the service can rely on it.

use crate::call::{Access, Caller, InboxId, KeyRow, Need, Now, Refusal};
use crate::service::Service;
use crate::store::Store;

/// Checks a caller: its key and its organization have not ended, and it has what the call needs.
/// The rate of a key is counted once for a request, before its first call (`call/rates.rs`).
pub fn admit(service: &Service, caller: &Caller, need: Need, now: Now) -> Result<(), Refusal> {
    need.check(caller)?;
    if let (Need::Nothing, _) | (Need::AnonymousOr(_), Caller::Anonymous) = (need, caller) {
        return Ok(());
    }
    let Some(access) = caller.key() else {
        return Ok(());
    };
    if service.has_ended(access.org) {
        return Err(Refusal::OrgDeleted);
    }
    if access.expires_at.is_some_and(|t| t <= now.unix_ms) {
        return Err(Refusal::KeyExpired);
    }
    Ok(())
}

/// Whether a key could have made `other`, and so may see and revoke it. A key that is bound to
/// inboxes rules itself, and keys that see no more inboxes and have no more scopes.
pub fn rules(store: &Store, access: &Access, other: &KeyRow) -> Result<bool, Refusal> {
    if !access.is_bound() || access.key == Some(other.id) {
        return Ok(true);
    }
    let Some(inboxes) = other.inboxes.as_deref() else {
        return Ok(false);
    };
    let fits = access.scopes.allow(other.scopes) && (access.subtree || !other.subtree);
    if !fits || inboxes.is_empty() {
        return Ok(false);
    }
    for inbox in inboxes {
        if !sees(store, access, *inbox)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether `access` sees an inbox of its organization as the tree is now. Only a key that covers a
/// subtree needs a query, and only for an inbox that it does not name: the row has its ancestors.
pub fn sees(store: &Store, access: &Access, inbox: InboxId) -> Result<bool, Refusal> {
    if access.names(inbox) {
        return Ok(true);
    }
    if !access.subtree {
        return Ok(false);
    }
    let path = store.inbox_path(access.org, inbox)?;
    Ok(path.is_some_and(|path| access.sees(path.id, &path.ancestors)))
}

/// The answer to every caller without a valid key.
pub(super) const UNKNOWN_KEY: Refusal = Refusal::UNKNOWN_KEY;
