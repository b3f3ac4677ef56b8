//! Whether a DKIM signature is right (RFC 6376 section 6.1).
//!
//! A signature passes only when all octets of the body are signed: what `l=` leaves out could be
//! the whole text that a reader sees. A body is hashed at most once for each canonical form,
//! whatever the number of signatures.

use std::collections::HashMap;

use super::canon::{BodyHash, Canonicalization, OCTET_WORK};
use super::key::{self, KeyUse};
use super::signature::{DkimSignature, SignatureFault};
use crate::call::{AuthResult, DnsAnswer, DnsError};
use crate::mail::Headers;
use crate::mail::parse::header::Field;
use crate::pace;

/// What became of one signature.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DkimOutcome {
    /// The result.
    pub result: AuthResult,
    /// Why it is no pass; empty for a pass.
    pub reason: &'static str,
    /// `d=`; empty when it could not be read.
    pub domain: String,
    /// `s=`; empty when it could not be read.
    pub selector: String,
    /// The key could not be asked for: the same message may pass later. A message that is too much
    /// work has a temporary error too, and never passes: its sender has made it so.
    pub may_pass_later: bool,
}

impl From<SignatureFault> for DkimOutcome {
    fn from(fault: SignatureFault) -> Self {
        DkimOutcome {
            result: fault.result,
            reason: fault.reason,
            domain: fault.domain,
            selector: String::new(),
            may_pass_later: false,
        }
    }
}

/// Checks the signatures of one message.
#[derive(Debug)]
pub struct Verifier<'m> {
    block: &'m [u8],
    body: &'m [u8],
    /// The fields of each name in lower case, from the top.
    fields: HashMap<Vec<u8>, Vec<Field<'m>>>,
    /// SHA-256 and octets of the body in its simple and its relaxed form.
    bodies: [Option<([u8; 32], u64)>; 2],
    /// Nanoseconds of work that are left.
    work_left: usize,
}

impl<'m> Verifier<'m> {
    /// For a message as it came, without the fields that this server has put in front of it: its
    /// header block, and its body.
    pub fn new(block: &'m [u8], body: &'m [u8]) -> Verifier<'m> {
        Verifier {
            block,
            body,
            fields: HashMap::new(),
            bodies: [None; 2],
            work_left: WORK_MAX,
        }
    }

    /// Checks a signature with the answer for its key, at `now_s` in unix seconds.
    pub fn check(
        &mut self,
        signature: &DkimSignature,
        answer: &DnsAnswer,
        now_s: i64,
    ) -> DkimOutcome {
        let checked = self.verify(signature, answer, now_s);
        let (result, reason) = checked.err().unwrap_or((AuthResult::Pass, ""));
        DkimOutcome {
            result,
            reason,
            domain: signature.domain.clone(),
            selector: signature.selector.clone(),
            may_pass_later: matches!(answer, Err(DnsError::Temporary(_))),
        }
    }

    fn verify(
        &mut self,
        signature: &DkimSignature,
        answer: &DnsAnswer,
        now_s: i64,
    ) -> Result<(), (AuthResult, &'static str)> {
        let key = key::find(answer, KeyUse::of(signature))?;
        let (hash, octets) = self.body_hash(signature.body_form)?;
        if signature.body_octets.is_some_and(|signed| signed > octets) {
            return Err((AuthResult::PermError, "l= is more than the body"));
        }
        if signature.body_octets.is_some_and(|signed| signed < octets) {
            return Err((AuthResult::Policy, "l= leaves octets unsigned"));
        }
        if signature.body_hash != hash {
            return Err((AuthResult::Fail, "body hash differs"));
        }
        let text = self.signed_text(signature)?;
        self.spend(SIGNATURE_WORK)?;
        if !key.verify(&text, &signature.signed) {
            return Err((AuthResult::Fail, "signature differs"));
        }
        if expired(signature.expires_s, now_s) {
            return Err((AuthResult::Fail, "signature expired"));
        }
        Ok(())
    }

    /// The hash of the body and its octets.
    fn body_hash(
        &mut self,
        form: Canonicalization,
    ) -> Result<([u8; 32], u64), (AuthResult, &'static str)> {
        let place = usize::from(form == Canonicalization::Relaxed);
        if let Some(known) = self.bodies.get(place).copied().flatten() {
            return Ok(known);
        }
        self.spend(self.body.len().saturating_mul(OCTET_WORK))?;
        let mut hash = BodyHash::new(form);
        hash.push(self.body);
        let found = hash.finish();
        if let Some(place) = self.bodies.get_mut(place) {
            *place = Some(found);
        }
        Ok(found)
    }

    /// What is signed: the fields that `h=` names, each name from the bottom up (RFC 6376
    /// section 5.4.2), then the signature field itself with an empty `b=`, without its CRLF.
    fn signed_text(
        &mut self,
        signature: &DkimSignature,
    ) -> Result<Vec<u8>, (AuthResult, &'static str)> {
        self.index()?;
        let mut taken: HashMap<&[u8], usize> = HashMap::new();
        let mut text = Vec::new();
        for name in &signature.names {
            let Some(fields) = self.fields.get(name) else {
                continue;
            };
            let taken = taken.entry(name).or_default();
            *taken += 1;
            let at = fields.len().checked_sub(*taken);
            let Some(field) = at.and_then(|at| fields.get(at)) else {
                continue;
            };
            if text.len() + (field.end - field.start) > SIGNED_BYTES_MAX {
                return Err((AuthResult::TempError, "signed header too long"));
            }
            signature.header_form.field(self.block, field, &mut text);
        }
        let own = self.block.get(signature.start..).unwrap_or_default();
        if let Some(field) = Headers::of_block(own).fields().next() {
            without_signature(signature.header_form, own, &field, &mut text);
        }
        self.spend(text.len().saturating_mul(OCTET_WORK))?;
        pace::spend(text.len() * OCTET_WORK + SIGNATURE_WORK);
        Ok(text)
    }

    /// Finds the fields by their names, once.
    fn index(&mut self) -> Result<(), (AuthResult, &'static str)> {
        if !self.fields.is_empty() {
            return Ok(());
        }
        self.spend(self.block.len().saturating_mul(OCTET_WORK))?;
        for field in Headers::of_block(self.block).fields() {
            if !field.name.is_empty() && field.name.len() <= NAME_BYTES_MAX {
                let name = field.name.to_ascii_lowercase();
                self.fields.entry(name).or_default().push(field);
            }
        }
        Ok(())
    }

    /// The header block.
    pub(in crate::mail::auth) fn block(&self) -> &'m [u8] {
        self.block
    }

    /// Takes work off what this message may cost.
    pub(in crate::mail::auth) fn spend(
        &mut self,
        work: usize,
    ) -> Result<(), (AuthResult, &'static str)> {
        let left = self.work_left.checked_sub(work);
        self.work_left = left.ok_or((AuthResult::TempError, "too much work"))?;
        Ok(())
    }
}

/// Whether a signature with this `x=` has expired.
fn expired(expires_s: Option<u64>, now_s: i64) -> bool {
    let now_s = u64::try_from(now_s).unwrap_or_default();
    expires_s.is_some_and(|expires_s| expires_s <= now_s)
}

/// Adds a signature field with an empty `b=`, and without its CRLF.
pub(in crate::mail::auth) fn without_signature(
    form: Canonicalization,
    block: &[u8],
    field: &Field<'_>,
    out: &mut Vec<u8>,
) {
    let Some((from, to)) = signature_place(field.value) else {
        return;
    };
    let (before, after) = (field.value.get(..from), field.value.get(to..));
    let value = [before.unwrap_or_default(), after.unwrap_or_default()].concat();
    match form {
        Canonicalization::Relaxed => super::canon::relaxed(field.name, &value, out),
        Canonicalization::Simple => {
            let octets = block.get(field.range()).unwrap_or_default();
            let name_len = octets
                .len()
                .min(memchr::memchr(b':', octets).map_or(octets.len(), |colon| colon + 1));
            out.extend_from_slice(octets.get(..name_len).unwrap_or_default());
            out.extend_from_slice(&value);
        }
    }
}

/// Where in a signature field the value of `b=` stands. White space behind the value is no part of
/// it.
fn signature_place(value: &[u8]) -> Option<(usize, usize)> {
    let mut start = 0;
    for part in value.split(|&b| b == b';') {
        if let Some(equals) = memchr::memchr(b'=', part)
            && part.get(..equals)?.trim_ascii() == b"b"
        {
            let from = start + equals + 1;
            let octets = part.get(equals + 1..)?;
            return Some((from, from + octets.trim_ascii_end().len()));
        }
        start += part.len() + 1;
    }
    None
}

/// Octets of one field name that is looked for.
const NAME_BYTES_MAX: usize = 256;
/// Octets of a header that one signature may cover; a header of 256 KiB is read in full elsewhere.
const SIGNED_BYTES_MAX: usize = 512 * 1024;
/// Nanoseconds of one signature: RSA with 4,096 bits takes about 100 microseconds.
pub(in crate::mail::auth) const SIGNATURE_WORK: usize = 100_000;
/// Nanoseconds of work for one message: two hashes of a body of 33 MB, or less with a long header.
const WORK_MAX: usize = 200_000_000;
