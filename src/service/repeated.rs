//! Requests that come again with the same `Idempotency-Key`: where their answers are kept.
//!
//! The writer keeps an answer and gives it again (`dispatch/writer.rs`). A reader that refuses a
//! request asks here first: what the request has changed may be the reason for the refusal, and its
//! repetition gets the answer that the first one got.

use super::Service;
use crate::call::{Caller, Idempotency, Now};
use crate::store::{Error, KeptAnswer, Store};

/// The key under which an answer is stored. It contains the id of the API key, so one API key
/// cannot get the answers of another. `None` for a peer without a key: nothing is kept for it.
pub fn stored_key(caller: &Caller, idempotency: &Idempotency) -> Option<String> {
    let owner = match caller {
        Caller::Key(access) => access
            .key
            .map_or("operator".to_owned(), |key| key.to_string()),
        Caller::Operator => "operator".to_owned(),
        Caller::System => "system".to_owned(),
        Caller::Anonymous => return None,
    };
    Some(format!("{owner}:{}", idempotency.key))
}

/// The answer that is kept under a stored key.
pub fn kept_answer(
    (service, store, now): (&Service, &Store, Now),
    caller: &Caller,
    stored_key: &str,
) -> Result<Option<KeptAnswer>, Error> {
    let since = service.steady_ms(now).saturating_sub(KEPT_MS);
    store.kept_answer(caller.org(), stored_key, since)
}

/// Milliseconds for which an answer is kept for its `Idempotency-Key`. It is a day, which is also
/// the unit of `event_days`.
pub const KEPT_MS: i64 = 86_400_000;
