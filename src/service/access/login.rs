//! Logins: an API key or the operator's token becomes a [`Caller`].
//!
//! All listeners share one limiter of failures. A wrong user, a wrong key, an expired key, a
//! revoked key and a key of another organization get the same answer.
//!
//! The key is checked before the limiter is asked, so a right key works whatever else comes from
//! its address (DECISIONS.md, "Fairness and limits"). A check costs at most one row of an index.

use core::net::IpAddr;
use std::sync::Arc;

use super::admit::{UNKNOWN_KEY, sees};
use super::limits::SessionBound;
use super::login_log::printable;
use crate::call::{
    Access, Answer, Caller, ConnId, Countable, Grant, Listener, Metric, Noun, Now, OrgId, Refusal,
    RequestId, Scopes, Secret, require,
};
use crate::crypto::{ApiKey, OperatorToken, constant_time_eq, sha256_parts};
use crate::mail::Address;
use crate::service::Service;
use crate::store::Store;

/// The arguments of a login.
#[derive(Debug)]
pub struct Login<'a> {
    /// The connection; it holds the lease of an IMAP session.
    pub conn: Option<ConnId>,
    /// The request or the session, for the log.
    pub request_id: Option<RequestId>,
    /// The address for which failures are counted.
    pub peer: IpAddr,
    /// The listener.
    pub listener: Listener,
    /// The inbox's address (SMTP, IMAP).
    pub user: Option<&'a str>,
    /// The key.
    pub secret: &'a Secret,
}

/// Checks a login. The answer has the caller that the following calls name.
pub fn authenticate(
    service: &Service,
    store: &Store,
    now: Now,
    login: &Login<'_>,
) -> Result<Answer, Refusal> {
    let metrics = &service.shared.metrics;
    let limits = &service.shared.limits;
    match check(service, store, now, login) {
        Ok(caller) => {
            let inbox = caller.key().and_then(|access| access.inbox);
            let is_imap = matches!(login.listener, Listener::Imap | Listener::Imaps);
            if let (true, Some(inbox), Some(conn)) = (is_imap, inbox, login.conn) {
                let most = limits.connections.saturating_mul(3) / 4;
                let org_max = limits.imap_sessions_per_org.min(most.max(1));
                let org = caller.access()?.org;
                let own = store.inbox_limits(org, inbox)?.imap_sessions;
                let own = own.map_or(usize::MAX, |own| own as usize);
                let inbox_max = limits.imap_sessions_per_inbox.min(own);
                let taken = service.counters().leases.take_session(
                    conn,
                    (inbox, inbox_max),
                    (org, org_max),
                );
                if let Err(bound) = taken {
                    metrics.count(Metric::SessionsLimited);
                    tell(service, now, login, "too many sessions");
                    let (what, max) = match bound {
                        SessionBound::Inbox => (Countable::Sessions, inbox_max),
                        SessionBound::Org => (Countable::OrgSessions, org_max),
                    };
                    let max = max as u64;
                    return Err(Refusal::Limit { what, max });
                }
            }
            metrics.count(Metric::Logins);
            Ok(Answer::Authenticated(caller))
        }
        Err(LoginFault {
            refusal: Refusal::BadCredentials { .. },
            reason,
        }) => {
            let is_http = matches!(login.listener, Listener::Http | Listener::Https);
            // Over HTTP the answer says how many tries are left, and comes at once: a client that
            // hears nothing takes the server for dead.
            let slowed = |delay_ms: u64| match is_http {
                true => 0,
                false => delay_ms.min(limits.login_delay_ms),
            };
            let admitted = service.counters().failures.admit(login.peer, now);
            if let Err(retry_ms) = admitted {
                metrics.count(Metric::LoginsLimited);
                tell(service, now, login, "too many failures");
                return Err(Refusal::LoginLimited {
                    delay_ms: slowed(u64::MAX),
                    retry_ms,
                });
            }
            metrics.count(Metric::LoginsFailed);
            tell(service, now, login, reason);
            // The fingerprint is made from the key alone: the same wrong key on three listeners, or
            // with many user names, is no guessing.
            let print = sha256_parts([login.secret.expose()]);
            let [a, b, c, d, e, f, g, h, ..] = print;
            let (delay_ms, allowance) = service.counters().failures.record(
                login.peer,
                u64::from_le_bytes([a, b, c, d, e, f, g, h]),
                limits.login_failures_per_minute,
                limits.login_failures_per_day,
                now,
            );
            Err(Refusal::BadCredentials {
                delay_ms: slowed(delay_ms),
                allowance: Some(allowance),
            })
        }
        Err(LoginFault { refusal, reason }) => {
            if refusal == Refusal::OperatorElsewhere {
                metrics.count(Metric::LoginsFailed);
            }
            tell(service, now, login, reason);
            Err(refusal)
        }
    }
}

/// A login that failed: the answer to the peer, and the reason for the operator.
struct LoginFault {
    refusal: Refusal,
    reason: &'static str,
}

impl<E: Into<Refusal>> From<E> for LoginFault {
    fn from(error: E) -> Self {
        let refusal = error.into();
        let reason = match refusal {
            Refusal::MissingScope(_) => "key lacks the scope",
            Refusal::NotFound(_) => "unknown organization",
            _ => "internal",
        };
        LoginFault { refusal, reason }
    }
}

/// The same answer to the peer, whatever the reason is.
const fn denied(reason: &'static str) -> LoginFault {
    LoginFault {
        refusal: UNKNOWN_KEY,
        reason,
    }
}

/// Writes a line about a failed login, unless there were too many. The key is never in it.
fn tell(service: &Service, now: Now, login: &Login<'_>, reason: &str) {
    if !log::log_enabled!(log::Level::Info) {
        return;
    }
    let Some(unlogged) = service.counters().login_log.admit(login.peer, now) else {
        return;
    };
    log::info!(
        "login failed peer={} request_id={} listener={} user={} reason=\"{reason}\"{}",
        login.peer,
        login.request_id.map_or("-".into(), |id| id.to_string()),
        login.listener.name(),
        login.user.map_or("-".into(), printable),
        match unlogged {
            0 => String::new(),
            _ => format!(" more={unlogged}"),
        },
    );
}

fn check(
    service: &Service,
    store: &Store,
    now: Now,
    login: &Login<'_>,
) -> Result<Caller, LoginFault> {
    let needed = match login.listener {
        Listener::Mx => return Err(denied("no logins here")),
        Listener::Imap | Listener::Imaps => Some(Scopes::MESSAGES_READ),
        Listener::Submission | Listener::Submissions => Some(Scopes::MESSAGES_WRITE),
        Listener::Http | Listener::Https => None,
    };
    let secret = login.secret.expose();
    if needed.is_none() && secret.starts_with(OperatorToken::PREFIX.as_bytes()) {
        if !service.operator_from.allows(login.peer) {
            return Err(LoginFault {
                refusal: Refusal::OperatorElsewhere,
                reason: "operator's token from elsewhere",
            });
        }
        let hash = OperatorToken::hash(secret).ok_or(denied("wrong token"))?;
        let ours = service.operator.unwrap_or_default();
        let equal = constant_time_eq(&hash, &ours);
        if !equal || service.operator.is_none() {
            return Err(denied("wrong token"));
        }
        return match login.user {
            None => Ok(Caller::Operator),
            Some(org) => Ok(Caller::Key(operator_in(store, org)?)),
        };
    }
    let key = ApiKey::parse(secret).ok_or(denied("wrong key"))?;
    let Some(stored) = store.key_by_public(&key.public)? else {
        // Compares as for a key that exists, so that both answers take the same time.
        core::hint::black_box(constant_time_eq(&key.hash, &[0; 32]));
        return Err(denied("wrong key"));
    };
    let equal = constant_time_eq(&key.hash, &stored.hash);
    let is_revoked = stored.revoked_at.is_some();
    let ended = is_revoked || stored.expires_at.is_some_and(|t| t <= now.unix_ms);
    if !equal || ended {
        return Err(denied(match (equal, is_revoked) {
            (false, _) => "wrong key",
            (true, true) => "revoked key",
            (true, false) => "expired key",
        }));
    }
    let inboxes = if stored.bound {
        Some(store.key_inboxes(stored.id)?)
    } else {
        None
    };
    let access = Access(Arc::new(Grant {
        org: stored.org,
        key: Some(stored.id),
        scopes: stored.scopes,
        inboxes,
        subtree: stored.subtree,
        inbox: None,
        address: String::new(),
        expires_at: stored.expires_at,
    }));
    let Some(needed) = needed else {
        return Ok(Caller::Key(access));
    };
    let foreign = || denied("not an inbox of the key");
    let user = login.user.ok_or_else(foreign)?;
    let canonical = Address::parse(user).map_err(|_| foreign())?.canonical();
    let inbox = store
        .inbox_at(access.org, &canonical)?
        .ok_or_else(foreign)?;
    if !sees(store, &access, inbox)? {
        return Err(foreign());
    }
    require(access.scopes, needed)?;
    Ok(Caller::Key(Access(Arc::new(Grant {
        inbox: Some(inbox),
        address: canonical,
        ..(*access).clone()
    }))))
}

/// The operator acts inside an organization that it names by id. The command line does this through
/// a running server.
fn operator_in(store: &Store, org: &str) -> Result<Access, Refusal> {
    let org = OrgId::parse(org).ok_or(Refusal::NotFound(Noun::Organization))?;
    if !store.has_org(org)? {
        return Err(Refusal::NotFound(Noun::Organization));
    }
    Ok(folder_access(org))
}

/// The operator's access to everything in one organization, for the command line and for a process
/// that holds the lock of the data folder: it can open the database and needs no key.
pub fn folder_access(org: OrgId) -> Access {
    Access(Arc::new(Grant {
        org,
        key: None,
        scopes: Scopes::ADMIN,
        inboxes: None,
        subtree: false,
        inbox: None,
        address: String::new(),
        expires_at: None,
    }))
}
