//! Keys and signatures that were used a short while ago, in memory. Which keys sign a message is
//! not decided here (`signing.rs`).
//!
//! The rule: what is here may be lost. A signature that is made again has the same octets.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::call::{BodyId, Conversion, DkimKeySet, OrgId, Refusal};
use crate::mail::auth::dkim::{DkimSigner, signatures_len};
use crate::pace;

/// `t=` of the signatures of a message, unix seconds.
pub fn signed_at_s(created_at: i64) -> i64 {
    created_at.div_euclid(1000)
}

/// What the signatures of a message depend on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SignedForm {
    /// The organization that sends it.
    pub org: OrgId,
    /// Its octets.
    pub body: BodyId,
    /// When it was accepted, unix milliseconds.
    pub created_at: i64,
    /// What is changed before it is sent.
    pub conversion: Conversion,
    /// The keys.
    pub keys: DkimKeySet,
}

/// Keys and signatures that were used a short while ago: several recipients of one message cost one
/// signature, and so do two attempts that are near one another.
#[derive(Debug, Default)]
pub struct Signatures {
    recent: Mutex<RecentSignatures>,
}

#[derive(Debug, Default)]
struct RecentSignatures {
    signers: VecDeque<(DkimKeySet, Arc<DkimSigner>)>,
    made: VecDeque<(SignedForm, Arc<[u8]>)>,
}

impl Signatures {
    /// Takes the lock, for a few instructions. A list that a panic has left is used on.
    fn recent(&self) -> MutexGuard<'_, RecentSignatures> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets everything.
    #[cfg(test)]
    pub fn forget(&self) {
        *self.recent() = RecentSignatures::default();
    }

    /// The signatures of a message, if they were made a short while ago.
    pub fn known(&self, form: &SignedForm) -> Option<Arc<[u8]>> {
        let recent = self.recent();
        let mut made = recent.made.iter().rev();
        made.find(|(known, _)| known == form)
            .map(|(_, octets)| Arc::clone(octets))
    }

    /// Keys that were used a short while ago, ready to sign.
    pub fn signer(&self, set: DkimKeySet) -> Option<Arc<DkimSigner>> {
        let recent = self.recent();
        let mut signers = recent.signers.iter().rev();
        signers
            .find(|(known, _)| *known == set)
            .map(|(_, signer)| Arc::clone(signer))
    }

    /// Keeps keys ready.
    pub fn keep_signer(&self, set: DkimKeySet, signer: &Arc<DkimSigner>) {
        let mut recent = self.recent();
        if recent.signers.len() >= SIGNERS_KEPT {
            recent.signers.pop_front();
        }
        recent.signers.push_back((set, Arc::clone(signer)));
    }

    /// Makes the signatures of a message, and remembers them. `header` is its header as it is sent,
    /// and `body_hash` is the hash of its body.
    pub fn make(
        &self,
        form: SignedForm,
        signer: &DkimSigner,
        header: &[u8],
        body_hash: &[u8; 32],
    ) -> Result<Arc<[u8]>, Refusal> {
        let octets = signer.sign(header, body_hash, signed_at_s(form.created_at));
        pace::spend(SIGNING_WORK);
        // What goes before the message must have the length that was counted for it.
        if octets.len() != len_of(signer, &form, header) {
            return Err(Refusal::Internal);
        }
        let octets: Arc<[u8]> = octets.into();
        let mut recent = self.recent();
        if recent.made.len() >= SIGNATURES_KEPT {
            recent.made.pop_front();
        }
        recent.made.push_back((form, Arc::clone(&octets)));
        Ok(octets)
    }
}

/// The length of the signatures of a message.
pub fn len_of(signer: &DkimSigner, form: &SignedForm, header: &[u8]) -> usize {
    let keys = signer.keys.iter();
    let names = keys.map(|key| (key.selector.as_str(), key.key.algorithm()));
    signatures_len(&signer.domain, names, header, signed_at_s(form.created_at))
}

/// Domains whose keys are kept ready: a secret of 1.2 KiB, and about as much beside it.
const SIGNERS_KEPT: usize = 64;
/// Messages whose signatures are kept: 1.3 KiB each, under half a MiB in all.
const SIGNATURES_KEPT: usize = 256;
/// Nanoseconds of an RSA signature.
const SIGNING_WORK: usize = 700_000;
