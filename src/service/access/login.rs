//! Who asks: keys, the operator's token, and the scope that each call needs.
//!
//! One failure limiter stands before all doors. A wrong user, a wrong key, an expired, a
//! revoked and another organization's key are one answer. The scope of a call is a row of
//! [`needs`]: a call without a row does not compile, and each function of the service that
//! is reached has had its scope checked.

use core::net::IpAddr;
use std::sync::Arc;

use super::limits::Payer;
use crate::call::{
    Access, Answer, Caller, ConnId, Countable, Grant, InboxId, Listener, Metric, Need, Noun, Now,
    OrgId, Refusal, Scopes, Secret,
};
use crate::crypto::{ApiKey, OperatorToken, constant_time_eq, sha256_parts};
use crate::mail::Address;
use crate::service::Service;
use crate::store::Store;

/// What a login brings.
#[derive(Debug)]
pub struct Login<'a> {
    /// The connection, which holds the lease of an IMAP session.
    pub conn: Option<ConnId>,
    /// Whose failures are counted.
    pub peer: IpAddr,
    /// The listener.
    pub listener: Listener,
    /// The inbox's address (SMTP, IMAP).
    pub user: Option<&'a str>,
    /// The key.
    pub secret: &'a Secret,
}

/// Checks a login; see [`Call::Authenticate`].
pub fn authenticate(
    service: &Service,
    store: &Store,
    now: Now,
    login: &Login<'_>,
) -> Result<Answer, Refusal> {
    let metrics = &service.shared.metrics;
    let limits = &service.shared.limits;
    if let Err(retry_ms) = service.counters().failures.admit(login.peer, now) {
        metrics.count(Metric::LoginsLimited);
        return Err(Refusal::LoginLimited { retry_ms });
    }
    match check(service, store, now, login) {
        Ok(caller) => {
            let inbox = caller.key().and_then(|access| access.inbox);
            let is_imap = matches!(login.listener, Listener::Imap | Listener::Imaps);
            if let (true, Some(inbox), Some(conn)) = (is_imap, inbox, login.conn) {
                let max = limits.imap_sessions_per_inbox;
                if !service.counters().leases.session(conn, inbox, max) {
                    metrics.count(Metric::SessionsLimited);
                    return Err(Refusal::Limit {
                        what: Countable::Sessions,
                        max: max as u64,
                    });
                }
            }
            metrics.count(Metric::Logins);
            Ok(Answer::Authenticated(caller))
        }
        Err(Refusal::BadCredentials { .. }) => {
            metrics.count(Metric::LoginsFailed);
            // Of the key alone: one old key in three doors, or under many names, is no guessing.
            let print = sha256_parts(&[login.secret.expose()]);
            let [a, b, c, d, e, f, g, h, ..] = print;
            let delay_ms = service.counters().failures.failed(
                login.peer,
                u64::from_le_bytes([a, b, c, d, e, f, g, h]),
                limits.login_failures_per_minute,
                limits.login_failures_per_day,
                now,
            );
            Err(Refusal::BadCredentials {
                delay_ms: delay_ms.min(limits.login_delay_ms),
            })
        }
        Err(refusal) => Err(refusal),
    }
}

const WRONG: Refusal = Refusal::BadCredentials { delay_ms: 0 };

fn check(service: &Service, store: &Store, now: Now, login: &Login<'_>) -> Result<Caller, Refusal> {
    let needed = match login.listener {
        Listener::Mx => return Err(WRONG),
        Listener::Imap | Listener::Imaps => Some(Scopes::MESSAGES_READ),
        Listener::Submission | Listener::Submissions => Some(Scopes::MESSAGES_WRITE),
        Listener::Http | Listener::Https => None,
    };
    let secret = login.secret.expose();
    if needed.is_none() && secret.starts_with(OperatorToken::PREFIX.as_bytes()) {
        let hash = OperatorToken::hash(secret).ok_or(WRONG)?;
        let ours = service.operator.unwrap_or_default();
        let equal = constant_time_eq(&hash, &ours);
        if !equal || service.operator.is_none() {
            return Err(WRONG);
        }
        return match login.user {
            None => Ok(Caller::Operator),
            Some(org) => operator_in(store, org).map(Caller::Key),
        };
    }
    let key = ApiKey::parse(secret).ok_or(WRONG)?;
    let Some(stored) = store.key_by_public(&key.public)? else {
        // As long as for a key that is there.
        core::hint::black_box(constant_time_eq(&key.hash, &[0; 32]));
        return Err(WRONG);
    };
    let equal = constant_time_eq(&key.hash, &stored.hash);
    let ended = stored.revoked_at.is_some() || stored.expires_at.is_some_and(|t| t <= now.unix_ms);
    if !equal || ended {
        return Err(WRONG);
    }
    let inboxes = if stored.bound {
        Some(store.key_inboxes(stored.id)?)
    } else {
        None
    };
    let mut grant = Grant {
        org: stored.org,
        key: Some(stored.id),
        scopes: stored.scopes,
        inboxes,
        inbox: None,
        address: String::new(),
        expires_at: stored.expires_at,
    };
    if let Some(needed) = needed {
        let user = login.user.ok_or(WRONG)?;
        let canonical = Address::parse(user).map_err(|_| WRONG)?.canonical();
        match store.address_owner(&canonical)? {
            Some((org, Some(inbox))) if org == grant.org && grant.sees(inbox) => {
                grant.inbox = Some(inbox);
                grant.address = canonical;
            }
            _ => return Err(WRONG),
        }
        require(grant.scopes, needed)?;
    }
    Ok(Caller::Key(Access(Arc::new(grant))))
}

/// The operator acting inside an organization that it names by id, as the command line does
/// through a running server.
fn operator_in(store: &Store, org: &str) -> Result<Access, Refusal> {
    let org = OrgId::parse(org).ok_or(Refusal::NotFound(Noun::Organization))?;
    if !store.has_org(org)? {
        return Err(Refusal::NotFound(Noun::Organization));
    }
    Ok(folder_access(org))
}

/// Everything in one organization, for the command line that holds the folder's lock: who
/// can open the database needs no key.
pub fn folder_access(org: OrgId) -> Access {
    Access(Arc::new(Grant {
        org,
        key: None,
        scopes: Scopes::ADMIN,
        inboxes: None,
        inbox: None,
        address: String::new(),
        expires_at: None,
    }))
}

/// Takes the lease of an event stream.
pub fn open_stream(
    service: &Service,
    conn: Option<ConnId>,
    access: &Access,
) -> Result<Answer, Refusal> {
    let limits = &service.shared.limits;
    let Some(conn) = conn else {
        // The server itself holds no stream.
        return Ok(Answer::Done);
    };
    let taken = service.counters().leases.stream(
        conn,
        access.key,
        access.org,
        limits.streams_per_key,
        limits.streams_per_org,
    );
    match taken {
        Ok(()) => {
            service.shared.metrics.count(Metric::Streams);
            Ok(Answer::Done)
        }
        Err(max) => {
            service.shared.metrics.count(Metric::SessionsLimited);
            Err(Refusal::Limit {
                what: Countable::Streams,
                max: max as u64,
            })
        }
    }
}

/// Ends what a connection held.
pub fn hangup(service: &Service, conn: ConnId) {
    let streams = service.counters().leases.end(conn);
    service.shared.metrics.sub(Metric::Streams, streams);
}

/// What every call passes before it is carried out: the key has not ended, it has the scope,
/// and it has not used up its rate. `begins_request` is false for the later calls of one
/// request, which are not counted against the rate again.
pub fn admit(
    service: &Service,
    caller: &Caller,
    need: Need,
    begins_request: bool,
    now: Now,
) -> Result<(), Refusal> {
    match (need, caller) {
        (Need::Nothing, _) | (Need::AnonymousOr(_), Caller::Anonymous) => return Ok(()),
        (Need::Key, Caller::Anonymous) => return Err(WRONG),
        (Need::Key, _) => {}
        (Need::Scope(scope) | Need::AnonymousOr(scope), _) => require(caller.scopes(), scope)?,
    }
    let Some(access) = caller.key() else {
        return Ok(());
    };
    if access.expires_at.is_some_and(|t| t <= now.unix_ms) {
        return Err(WRONG);
    }
    // A key without an inbox came by HTTP; SMTP and IMAP count their commands themselves.
    // The operator has no rate.
    if let (None, Some(key), true) = (access.inbox, access.key, begins_request) {
        let limits = &service.shared.limits;
        let per_minute = limits.http_requests_per_minute;
        let burst = HTTP_BURST.min(per_minute);
        service.take(Payer::Key(key), per_minute, burst, now)?;
    }
    Ok(())
}

/// Whether the scopes hold what is needed; the refusal names the first that lacks.
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

/// The inboxes of `wanted` that are not among those that `access` is bound to are refused as
/// if they were not there.
pub fn sees_all(access: &Access, wanted: Option<&[InboxId]>) -> bool {
    match (&access.inboxes, wanted) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(_), Some(wanted)) => wanted.iter().all(|inbox| access.sees(*inbox)),
    }
}

/// An agent that starts may ask much at once.
const HTTP_BURST: usize = 200;
