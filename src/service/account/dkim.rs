//! The DKIM keys of domains: given to a domain, turned, chosen for a message. Not how they are made
//! (`spare_keys.rs`) or how they sign (`mail/auth/dkim`).
//!
//! New keys of a domain that signs already wait until their records are seen in the DNS: no mail
//! is signed with a key that no receiver could find.

use crate::call::{DomainId, Refusal};
use crate::mail::auth::dkim::record_text;
use crate::service::context::WriteContext;
use crate::store::{DkimKeyRow, DkimKeyState};

/// Gives a domain two new keys. They sign at once if it has none that sign, and otherwise when
/// their records have been seen.
pub fn give_keys(context: &mut WriteContext<'_>, domain: DomainId) -> Result<(), Refusal> {
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

/// The keys of a domain that sign a message of `accepted_at` at `now_ms`, by the time at which they
/// were made; `None` when none signs.
///
/// Those that signed when the message was accepted sign all attempts, so that each attempt has the
/// same octets. Their records stay for [`RETIRING_MS`] after their end. A message that has waited
/// longer, because it was scheduled, is signed with keys whose records are there for a day more.
pub fn keys_of_message(keys: &[DkimKeyRow], accepted_at: i64, now_ms: i64) -> Option<i64> {
    let at = accepted_at.max(now_ms.saturating_sub(RETIRING_MS - DAY_MS));
    let turned_behind = |key: &&DkimKeyRow| {
        let ends_at = key.ends_at?;
        (ends_at.saturating_sub(RETIRING_MS) >= at).then_some((ends_at, key.created_at))
    };
    let retiring = keys
        .iter()
        .filter(|key| key.state == DkimKeyState::Retiring);
    if let Some((_, made_at)) = retiring.filter_map(|key| turned_behind(&key)).min() {
        return Some(made_at);
    }
    let active = keys.iter().filter(|key| key.state == DkimKeyState::Active);
    active.map(|key| key.created_at).max()
}

/// 36^8 is more than 2^41: no two keys of a domain get one selector.
const SELECTOR_DIGITS: usize = 8;
/// Milliseconds for which the records of old keys stay: mail is in a queue for up to five days,
/// and is checked again by those that forward it.
const RETIRING_MS: i64 = 7 * DAY_MS;
const DAY_MS: i64 = 86_400_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_keeps_the_keys_of_its_acceptance() {
        let key = |state, created_at, turned_at: Option<i64>| DkimKeyRow {
            selector: format!("rsa-{created_at}"),
            secret: Vec::new(),
            record: String::new(),
            state,
            created_at,
            ends_at: turned_at.map(|at| at + RETIRING_MS),
        };
        let day = |n: i64| n * DAY_MS;
        let keys = [
            key(DkimKeyState::Active, day(13), None),
            key(DkimKeyState::Waiting, day(15), None),
            key(DkimKeyState::Retiring, day(1), Some(day(12))),
            key(DkimKeyState::Retiring, day(11), Some(day(14))),
        ];
        for (accepted_at, now, made_at) in [
            // It was accepted under the first keys, and is tried again after each turn.
            (day(12) - 1, day(12) - 1, 1),
            (day(12) - 1, day(16), 1),
            // In the millisecond of the turn, it may have been tried already.
            (day(12), day(13), 1),
            (day(13), day(16), 11),
            (day(14) + 1, day(15), 13),
            (day(16), day(16), 13),
            // It was scheduled long ago.
            (day(2), day(18), 1),
            (day(2), day(18) + 1, 11),
            (day(2), day(21), 13),
        ] {
            let found = keys_of_message(&keys, accepted_at, now);
            assert_eq!(found, Some(day(made_at)), "{accepted_at} {now}");
        }
        assert_eq!(keys_of_message(&keys[1..2], day(16), day(16)), None);
        assert_eq!(keys_of_message(&[], 0, 0), None);
    }
}
