//! The return path of each recipient outside: where its reports come back (DECISIONS.md,
//! "Bounces").
//!
//! It decides which row and which inbox a path names. What a report then does is not decided here.
//! The rule: a path that this server did not make, or whose row is gone, names nothing.

use crate::call::{OutboundId, Refusal};
use crate::crypto::Random;
use crate::mail::Address;
use crate::mail::write::return_path::{is_reserved, return_path, row_of_return_path};
use crate::service::Service;
use crate::store::{OutboundRecord, Role, Store};

/// MAIL FROM of the transactions of a row. A null path stays one.
pub fn return_path_for(
    (service, store): (&Service, &Store),
    random: &mut Random,
    row: &OutboundRecord,
) -> Result<Option<String>, Refusal> {
    let Some(sender) = &row.envelope.reverse_path else {
        return Ok(None);
    };
    // The server of an account takes its own address only. Reports come into the account.
    if row.is_of_account() {
        return Ok(Some(sender.clone()));
    }
    let Ok(address) = Address::parse(sender) else {
        return Ok(Some(sender.clone()));
    };
    let secret = match secret(service, store)? {
        Some(secret) => secret,
        None => {
            let mut secret = [0; 32];
            random.fill(&mut secret);
            store.keep_return_secret(&secret)?;
            secret
        }
    };
    Ok(Some(return_path(&secret, row.id.0, address.domain())))
}

/// The secret, if it was made.
fn secret(service: &Service, store: &Store) -> Result<Option<[u8; 32]>, Refusal> {
    if let Some(secret) = service.return_secret.get() {
        return Ok(Some(*secret));
    }
    let found = store.return_secret()?;
    // The writer may read what it has not committed: only others remember it.
    if let Some(secret) = found
        && store.role() == Role::Reader
    {
        let _ = service.return_secret.set(secret);
    }
    Ok(found)
}

/// The row whose return path an address is.
pub fn row_at(
    service: &Service,
    store: &Store,
    address: &Address,
) -> Result<Option<OutboundRecord>, Refusal> {
    if !is_reserved(address.local()) {
        return Ok(None);
    }
    let Some(secret) = secret(service, store)? else {
        return Ok(None);
    };
    let Some(id) = row_of_return_path(&secret, address.local()) else {
        return Ok(None);
    };
    let Some(row) = store.outbound_of_any(OutboundId(id))? else {
        return Ok(None);
    };
    let sender = row.envelope.reverse_path.as_deref().map(Address::parse);
    let is_same = matches!(&sender, Some(Ok(sender)) if sender.domain() == address.domain());
    // A row that has ended is due when it goes.
    let is_over = row.status.is_finished() && row.due_at <= service.now().unix_ms;
    Ok((is_same && !is_over).then_some(row))
}
