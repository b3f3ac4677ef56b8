//! Requests that come again with the same `Idempotency-Key`: where their answers are kept.
//!
//! The writer keeps an answer and gives it again (`dispatch/writer.rs`). A reader that refuses a
//! request asks here first: what the request has changed may be the reason for the refusal, and its
//! repetition gets the answer that the first one got.

use data_encoding::HEXLOWER;

use super::Service;
use crate::call::{Caller, Idempotency, Now, RepeatKey};
use crate::store::{Error, KeptAnswer, Store};

/// The key under which an answer is stored. It contains the id of the API key, so one API key
/// cannot get the answers of another. No key of a client is equal to that of a request without
/// one. `None` for a peer without a key: nothing is kept for it.
pub fn stored_key(caller: &Caller, idempotency: &Idempotency) -> Option<String> {
    let owner = match caller {
        Caller::Key(access) => access
            .key
            .map_or("operator".to_owned(), |key| key.to_string()),
        Caller::Operator => "operator".to_owned(),
        Caller::System => "system".to_owned(),
        Caller::Anonymous => return None,
    };
    Some(match &idempotency.key {
        RepeatKey::Client(key) => format!("{owner}:{key}"),
        RepeatKey::Request => format!("{owner} {}", HEXLOWER.encode(&idempotency.fingerprint)),
    })
}

/// The answer that is kept under a stored key.
pub fn kept_answer(
    (service, store, now): (&Service, &Store, Now),
    caller: &Caller,
    stored_key: &str,
) -> Result<Option<KeptAnswer>, Error> {
    store.kept_answer(caller.org(), stored_key, service.steady_ms(now))
}

/// Milliseconds for which the answer to a request with this key is kept.
pub fn kept_ms(key: &RepeatKey) -> i64 {
    match key {
        RepeatKey::Client(_) => DAY_MS,
        RepeatKey::Request => UNNAMED_MS,
    }
}

/// The unit of `event_days` and `audit_days`.
pub const DAY_MS: i64 = 86_400_000;
/// Ten minutes: a model repeats a call that timed out at once, and means one that it makes later.
const UNNAMED_MS: i64 = 600_000;
