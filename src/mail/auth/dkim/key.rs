//! The key record of DKIM (RFC 6376 section 3.6.1): reading those of others, writing ours.

use super::signature::DkimSignature;
use crate::call::{AuthResult, DnsAnswer, DnsError, Records};
use crate::crypto::{KeyFault, SigningAlgorithm, SigningKey, VerifyingKey};
use crate::mail::auth::tags::{TagList, base64, colon_list};

/// What the key record must say of the signature that names it.
#[derive(Clone, Copy, Debug)]
pub(in crate::mail::auth) struct KeyUse<'a> {
    pub algorithm: SigningAlgorithm,
    /// `d=`, and the domain of `i=`.
    pub domains: (&'a str, &'a str),
}

impl<'a> KeyUse<'a> {
    pub fn of(signature: &'a DkimSignature) -> KeyUse<'a> {
        KeyUse {
            algorithm: signature.algorithm,
            domains: (&signature.domain, &signature.identity_domain),
        }
    }
}

/// The key in an answer. Several records of one name are undefined (RFC 6376 section 3.6.2.2):
/// the first that has a key of the right kind counts, so that a record of something else beside it
/// breaks nothing.
pub(in crate::mail::auth) fn find(
    answer: &DnsAnswer,
    wanted: KeyUse<'_>,
) -> Result<VerifyingKey, (AuthResult, &'static str)> {
    let none = (AuthResult::PermError, "no key");
    let texts = match answer {
        Ok(Records::Txt(texts)) => texts,
        Ok(_) | Err(DnsError::NoName | DnsError::NoRecords) => return Err(none),
        Err(DnsError::Temporary(_)) => {
            return Err((AuthResult::TempError, "no answer for the key"));
        }
    };
    let mut first_fault = None;
    for text in texts.iter().take(RECORDS_MAX) {
        match read(text, wanted) {
            Ok(key) => return Ok(key),
            Err(fault) => first_fault = first_fault.or(Some(fault)),
        }
    }
    Err(first_fault.unwrap_or(none))
}

fn read(text: &[u8], wanted: KeyUse<'_>) -> Result<VerifyingKey, (AuthResult, &'static str)> {
    let permanent = |reason| (AuthResult::PermError, reason);
    if text.len() > RECORD_BYTES_MAX {
        return Err(permanent("key record too long"));
    }
    let tags = TagList::parse(text).ok_or(permanent("bad key record"))?;
    // The version is the first tag, or there is none.
    match (tags.get("v"), tags.first()) {
        (None, _) | (Some(b"DKIM1"), Some((b"v", _))) => {}
        _ => return Err(permanent("bad version of the key")),
    }
    let kind = match tags.get("k").map(<[u8]>::to_ascii_lowercase).as_deref() {
        None | Some(b"rsa") => SigningAlgorithm::Rsa,
        Some(b"ed25519") => SigningAlgorithm::Ed25519,
        Some(_) => return Err(permanent("unknown kind of key")),
    };
    let public = tags.get("p").ok_or(permanent("key record without p="))?;
    if public.is_empty() {
        return Err(permanent("key revoked"));
    }
    if kind != wanted.algorithm {
        return Err(permanent("key of another kind"));
    }
    if let Some(hashes) = tags.get("h")
        && !colon_list(hashes).any(|hash| hash.eq_ignore_ascii_case(b"sha256"))
    {
        return Err(permanent("key does not allow SHA-256"));
    }
    if let Some(services) = tags.get("s") {
        let is_ours = |service: &[u8]| service == b"*" || service.eq_ignore_ascii_case(b"email");
        if !colon_list(services).any(is_ours) {
            return Err(permanent("key is not for mail"));
        }
    }
    if let Some(flags) = tags.get("t")
        && colon_list(flags).any(|flag| flag.eq_ignore_ascii_case(b"s"))
        && wanted.domains.0 != wanted.domains.1
    {
        return Err(permanent("key is not for domains below"));
    }
    let octets = base64(public).ok_or(permanent("bad key"))?;
    VerifyingKey::read(kind, &octets).map_err(|fault| match fault {
        KeyFault::Malformed => permanent("bad key"),
        KeyFault::TooShort => (AuthResult::Policy, "RSA key under 1024 bits"),
        KeyFault::TooLong => (AuthResult::Policy, "RSA key over 4096 bits"),
    })
}

/// The text of the TXT record that publishes a key, as one string: of a 2,048-bit key about 410
/// octets, so that a zone file splits it into strings of at most 255.
pub fn record_text(key: &SigningKey) -> String {
    let kind = match key.algorithm() {
        SigningAlgorithm::Rsa => "rsa",
        SigningAlgorithm::Ed25519 => "ed25519",
    };
    let public = data_encoding::BASE64.encode(&key.public());
    format!("v=DKIM1; k={kind}; p={public}")
}

/// Records of one name that are read.
const RECORDS_MAX: usize = 10;
/// Octets of a key record. That of a 4,096-bit key has under 800.
const RECORD_BYTES_MAX: usize = 8 * 1024;
