//! Idempotency: a call that is sent twice is carried out once.

use super::Written;

/// Makes the octets of an answer that are kept. It is a function, so that the service can keep an
/// answer without knowing its protocol. Two of them always compare equal: a request is compared by
/// its data.
#[derive(Clone, Copy)]
pub struct Render(pub fn(&Written) -> Vec<u8>);

impl PartialEq for Render {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Render {}

impl core::fmt::Debug for Render {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Render(..)")
    }
}

/// What a repeated request is known by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RepeatKey {
    /// As the client sent it, 1 to 255 octets. The answer is kept for 24 hours.
    Client(String),
    /// The client sent none, and the same request again is a repetition. The answer is kept for ten
    /// minutes: later it is meant.
    Request,
}

/// `Idempotency-Key`: the first call with a key is carried out, and its answer is kept for a time
/// in the same transaction. A call with the same key and fingerprint gets that answer again
/// (`Written::Again`); with another fingerprint it is refused (`Refusal::IdempotencyConflict`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Idempotency {
    pub key: RepeatKey,
    /// SHA-256 of method, path and body; of envelope and octets over SMTP.
    pub fingerprint: [u8; 32],
    /// Makes the octets to keep.
    pub render: Render,
}
