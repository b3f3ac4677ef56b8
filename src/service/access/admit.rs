//! Admission: the checks that every call passes before its function runs.
//!
//! The dispatcher calls [`admit`] with the `need()` that stands beside each enum of calls. So
//! the need of a call is written in one place, and a function of the service can rely on it.

use crate::call::{Access, Caller, InboxId, Need, Now, Refusal, Scopes};

/// Checks a caller: its key has not expired, and it has what the call needs. The rate of a key is
/// counted once for a request, by a call of its own (`Look::RequestRate`).
pub fn admit(caller: &Caller, need: Need, now: Now) -> Result<(), Refusal> {
    match (need, caller) {
        (Need::Nothing, _) | (Need::AnonymousOr(_), Caller::Anonymous) => return Ok(()),
        (Need::Key, Caller::Anonymous) => return Err(UNKNOWN_KEY),
        (Need::Key, _) => {}
        (Need::Scope(scope) | Need::AnonymousOr(scope), _) => require(caller.scopes(), scope)?,
    }
    let Some(access) = caller.key() else {
        return Ok(());
    };
    if access.expires_at.is_some_and(|t| t <= now.unix_ms) {
        return Err(UNKNOWN_KEY);
    }
    Ok(())
}

/// Checks that `held` contains `needed`. The refusal names the first missing scope.
pub fn require(held: Scopes, needed: Scopes) -> Result<(), Refusal> {
    if held.allow(needed) {
        return Ok(());
    }
    let missing = Scopes::NAMES
        .iter()
        .find(|(_, scope)| needed.0 & scope.0 != 0 && !held.allow(*scope))
        .map_or(Scopes::OPERATOR, |(_, scope)| *scope);
    Err(Refusal::MissingScope(missing))
}

/// Whether `access` sees every inbox of `wanted`. `None` stands for all inboxes of the
/// organization, which a key that is bound to inboxes does not see.
pub fn sees_all(access: &Access, wanted: Option<&[InboxId]>) -> bool {
    match (&access.inboxes, wanted) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(_), Some(wanted)) => wanted.iter().all(|inbox| access.sees(*inbox)),
    }
}

/// The answer to every caller without a valid key.
pub(super) const UNKNOWN_KEY: Refusal = Refusal::UNKNOWN_KEY;
