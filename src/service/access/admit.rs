//! Admission: the checks that every call passes before its function runs.
//!
//! The dispatcher calls [`admit`] with the `need()` that stands beside each enum of calls. So
//! the need of a call is written in one place, and a function of the service can rely on it.

use super::limits::Payer;
use crate::call::{Access, Caller, InboxId, Need, Now, Refusal, Scopes};
use crate::service::Service;

/// Checks a caller: its key has not expired, it has what the call needs, and its rate is not used
/// up. `begins_request` is false for the later calls of one request, which are not counted against
/// the rate again.
pub fn admit(
    service: &Service,
    caller: &Caller,
    need: Need,
    begins_request: bool,
    now: Now,
) -> Result<(), Refusal> {
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
    // A key without an inbox is used over HTTP. SMTP and IMAP count their commands themselves. The
    // operator has no rate.
    if let (None, Some(key), true) = (access.inbox, access.key, begins_request) {
        let limits = &service.shared.limits;
        let per_minute = limits.http_requests_per_minute;
        let burst = HTTP_BURST.min(per_minute);
        service.take(Payer::Key(key), per_minute, burst, now)?;
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

/// Requests that a key may make at once: an agent makes many when it starts.
const HTTP_BURST: usize = 200;

/// The answer to every caller without a valid key.
pub(super) const UNKNOWN_KEY: Refusal = Refusal::BadCredentials { delay_ms: 0 };
