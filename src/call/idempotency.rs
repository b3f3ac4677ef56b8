//! Calls that are carried out once however often they come.

use super::Written;

/// Makes the octets that are kept of an answer. A plain function, so that the service keeps
/// an answer and does not know its protocol. Two of them always compare equal: a request is
/// compared by its data.
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

/// `Idempotency-Key`: the first call with a key is carried out and its answer is kept for 24
/// hours in the same transaction. The same key and fingerprint get that answer again
/// (`Written::Again`); another fingerprint is `Refusal::IdempotencyConflict`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Idempotency {
    /// As the client sent it, 1 to 255 octets.
    pub key: String,
    /// SHA-256 of method, path and body; of envelope and octets over SMTP.
    pub fingerprint: [u8; 32],
    /// Makes the octets to keep.
    pub render: Render,
}
