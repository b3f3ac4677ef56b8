//! Tickets: what a browser shows in place of a key, because its `EventSource` and its WebSocket
//! send no Authorization. A ticket stands in a URL, so it is good once and for half a minute.
//!
//! ```text
//! make ──► (look at it ──► watch the end of its key ──► spend it) ──► a stream
//! ```
//!
//! They are kept in memory as hashes: a restart ends them, and their clients ask for new ones. Each
//! of both looks checks that the key is still there, so a revocation that comes in between, or
//! before the watch is in place, is not missed. The rule: **of two requests with one ticket one is
//! served**.

use super::kept_tickets::TICKET_MS;
use crate::call::{Access, Answer, Caller, Countable, MadeTicket, Metric, Now, Refusal, Secret};
use crate::crypto::sha256;
use crate::service::Service;
use crate::store::Store;

/// Makes a ticket for a key. `seed` is fresh: it is the secret.
pub fn make_ticket(
    service: &Service,
    access: &Access,
    now: Now,
    seed: [u8; 16],
) -> Result<Answer, Refusal> {
    let text = format!("{PREFIX}{}", data_encoding::HEXLOWER.encode(&seed));
    let max = service.shared.limits.tickets_per_key;
    let hash = sha256(text.as_bytes());
    let mut counters = service.counters();
    let kept = counters.tickets.keep(hash, access.clone(), now, max);
    drop(counters);
    kept.map_err(|()| {
        service.shared.metrics.count(Metric::SessionsLimited);
        Refusal::Limit {
            what: Countable::Tickets,
            max: max as u64,
        }
    })?;
    let lasts_ms = i64::try_from(TICKET_MS).unwrap_or(i64::MAX);
    Ok(Answer::Ticket(MadeTicket {
        ticket: Secret::new(text),
        expires_at: now.unix_ms.saturating_add(lasts_ms),
    }))
}

/// The caller that a ticket stands for; if it `spends` it, it is good no more.
pub fn use_ticket(
    service: &Service,
    store: &Store,
    now: Now,
    ticket: &Secret,
    spends: bool,
) -> Result<Answer, Refusal> {
    let hash = sha256(ticket.expose());
    let mut counters = service.counters();
    let found = counters.tickets.look(&hash, now);
    if spends {
        counters.tickets.forget(&hash);
    }
    drop(counters);
    let access = found.ok_or(Refusal::UNKNOWN_KEY)?;
    if let Some(key) = access.key {
        let row = store.key(access.org, key)?.ok_or(Refusal::UNKNOWN_KEY)?;
        if row.revoked_at.is_some() {
            return Err(Refusal::UNKNOWN_KEY);
        }
    }
    if service.has_ended(access.org) {
        return Err(Refusal::UNKNOWN_KEY);
    }
    if access.expires_at.is_some_and(|end| end <= now.unix_ms) {
        return Err(Refusal::KeyExpired);
    }
    Ok(Answer::Authenticated(Caller::Key(access)))
}

const PREFIX: &str = "tkt_";
