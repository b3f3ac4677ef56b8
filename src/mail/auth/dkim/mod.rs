//! DKIM (RFC 6376) with Ed25519 (RFC 8463) and the stronger rules of RFC 8301: signing our mail and
//! verifying that of others.
//!
//! | File | What |
//! |---|---|
//! | `canon` | the canonical form of fields and bodies |
//! | `signature` | the signature field |
//! | `key` | the key record |
//! | `verify` | whether a signature is right |
//! | `sign` | signatures of ours |

mod canon;
mod key;
mod sign;
mod signature;
mod verify;

pub use canon::{BodyHash, Canonicalization};
pub use key::record_text;
pub use sign::{DkimSigner, SelectorKey, signatures_len};
pub use signature::{DkimSignature, signatures};
pub use verify::{DkimOutcome, Verifier};

pub use signature::SignatureFault;

// ARC signs in the same way.
pub(super) use canon::relaxed;
pub(super) use key::{KeyUse, find as find_key};
pub(super) use signature::{SignatureKind, key_question, parse as parse_signature};
pub(super) use verify::{SIGNATURE_WORK, without_signature};
