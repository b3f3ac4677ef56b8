//! The signature field of DKIM (RFC 6376 section 3.5), and that of ARC, which is almost the same
//! (RFC 8617 section 4.1.2). Its syntax and what it claims; not whether it is right.

use super::canon::Canonicalization;
use crate::call::{AuthResult, Question, RecordType};
use crate::crypto::SigningAlgorithm;
use crate::mail::auth::is_within;
use crate::mail::auth::tags::{TagList, base64, colon_list};
use crate::mail::parse::address::parse_domain;
use crate::mail::parse::header::{Field, Headers};

/// A signature that can be checked. Texts are in lower case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DkimSignature {
    /// `d=`: the domain that signs.
    pub domain: String,
    /// `s=`: which of its keys.
    pub selector: String,
    /// `i=`: the domain of the user that signs; the same domain or one below it.
    pub(super) identity_domain: String,
    /// Where the key is.
    pub question: Question,
    pub(super) algorithm: SigningAlgorithm,
    pub(super) header_form: Canonicalization,
    pub(super) body_form: Canonicalization,
    /// `bh=`.
    pub(super) body_hash: Vec<u8>,
    /// `h=`, in its order.
    pub(super) names: Vec<Vec<u8>>,
    /// `l=`.
    pub(super) body_octets: Option<u64>,
    /// `x=`, unix seconds.
    pub(super) expires_s: Option<u64>,
    /// `b=`.
    pub(super) signed: Vec<u8>,
    /// Offset of the field in its header block.
    pub(in crate::mail::auth) start: usize,
}

/// Why a signature cannot be checked: the result, and a word for the reader.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignatureFault {
    /// `d=`, when it could be read.
    pub domain: String,
    /// The result.
    pub result: AuthResult,
    /// The reason.
    pub reason: &'static str,
}

/// Which field a signature stands in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::mail::auth) enum SignatureKind {
    /// DKIM-Signature.
    Dkim,
    /// ARC-Message-Signature.
    Arc,
}

/// The first DKIM signatures of a message, from the top, at most [`SIGNATURES_MAX`].
pub fn signatures(headers: &Headers<'_>) -> Vec<Result<DkimSignature, SignatureFault>> {
    headers
        .beginning(b"DKIM-Signature")
        .filter(|field| field.is("DKIM-Signature"))
        .take(SIGNATURES_MAX)
        .map(|field| parse(&field, SignatureKind::Dkim))
        .collect()
}

/// Reads the field.
pub(in crate::mail::auth) fn parse(
    field: &Field<'_>,
    kind: SignatureKind,
) -> Result<DkimSignature, SignatureFault> {
    let value = field.value;
    let fault = |result, reason| SignatureFault {
        domain: String::new(),
        result,
        reason,
    };
    if value.len() > FIELD_BYTES_MAX {
        return Err(fault(AuthResult::Neutral, "signature too long"));
    }
    let unfolded = field.unfolded();
    let tags = TagList::parse(&unfolded).ok_or(fault(AuthResult::Neutral, "bad syntax"))?;
    let domain = tags.text("d").and_then(|text| parse_domain(text).ok());
    let domain = domain.filter(|domain| !domain.starts_with('['));
    let domain = domain.ok_or(fault(AuthResult::Neutral, "bad d="))?;
    read(&tags, kind, &domain, field.start).map_err(|(result, reason)| SignatureFault {
        domain,
        result,
        reason,
    })
}

type Unusable = (AuthResult, &'static str);

fn read(
    tags: &TagList<'_>,
    kind: SignatureKind,
    domain: &str,
    start: usize,
) -> Result<DkimSignature, Unusable> {
    let neutral = |reason| (AuthResult::Neutral, reason);
    let permanent = |reason| (AuthResult::PermError, reason);
    let need = |name: &str, reason| {
        tags.get(name)
            .filter(|v| !v.is_empty())
            .ok_or(neutral(reason))
    };
    match (kind, tags.get("v")) {
        (SignatureKind::Dkim, Some(b"1")) | (SignatureKind::Arc, None) => {}
        _ => return Err(neutral("bad v=")),
    }
    let selector = tags.text("s").unwrap_or_default().to_ascii_lowercase();
    let question = key_question(&selector, domain).ok_or(neutral("bad s="))?;
    let algorithm = algorithm(need("a", "no a=")?)?;
    let (header_form, body_form) = match tags.get("c") {
        None => (Canonicalization::Simple, Canonicalization::Simple),
        Some(value) => forms(value).ok_or(neutral("bad c="))?,
    };
    let names: Vec<Vec<u8>> = colon_list(need("h", "no h=")?)
        .map(<[u8]>::to_ascii_lowercase)
        .collect();
    if names.len() > NAMES_MAX || names.iter().any(Vec::is_empty) {
        return Err(neutral("bad h="));
    }
    if kind == SignatureKind::Dkim && !names.iter().any(|name| name == b"from") {
        return Err(permanent("From is not signed"));
    }
    // The signature of an ARC set covers no seal (RFC 8617 section 4.1.2).
    if kind == SignatureKind::Arc && names.iter().any(|name| name == b"arc-seal") {
        return Err(permanent("ARC-Seal is signed"));
    }
    if let Some(queries) = tags.get("q")
        && !colon_list(queries).any(|query| query.eq_ignore_ascii_case(b"dns/txt"))
    {
        return Err(permanent("unknown q="));
    }
    let identity_domain = match tags.text("i") {
        Some(identity) if kind == SignatureKind::Dkim => {
            let (_, of) = identity.rsplit_once('@').ok_or(neutral("bad i="))?;
            let of = parse_domain(of).map_err(|_| neutral("bad i="))?;
            if !is_within(&of, domain) {
                return Err(permanent("i= is not within d="));
            }
            of
        }
        _ => domain.to_owned(),
    };
    let number = |name: &str, reason| match tags.get(name) {
        None => Ok(None),
        Some(digits) => number(digits).map(Some).ok_or(neutral(reason)),
    };
    let (signed_s, expires_s) = (number("t", "bad t=")?, number("x", "bad x=")?);
    if let (Some(signed_s), Some(expires_s)) = (signed_s, expires_s)
        && expires_s < signed_s
    {
        return Err(neutral("x= before t="));
    }
    Ok(DkimSignature {
        domain: domain.to_owned(),
        selector,
        identity_domain,
        question,
        algorithm,
        header_form,
        body_form,
        body_hash: base64(need("bh", "no bh=")?).ok_or(neutral("bad bh="))?,
        names,
        body_octets: number("l", "bad l=")?,
        expires_s,
        signed: base64(need("b", "no b=")?).ok_or(neutral("bad b="))?,
        start,
    })
}

/// The question for the key of a selector (RFC 6376 section 3.6.2.1).
pub(in crate::mail::auth) fn key_question(selector: &str, domain: &str) -> Option<Question> {
    let is_selector = !selector.is_empty()
        && (selector.bytes()).all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    let name = format!("{selector}._domainkey.{domain}");
    is_selector.then(|| Question::new(&name, RecordType::Txt))?
}

/// `a=`. SHA-1 is not accepted (RFC 8301 section 3.1).
pub(in crate::mail::auth) fn algorithm(name: &[u8]) -> Result<SigningAlgorithm, Unusable> {
    match name.to_ascii_lowercase().as_slice() {
        b"rsa-sha256" => Ok(SigningAlgorithm::Rsa),
        b"ed25519-sha256" => Ok(SigningAlgorithm::Ed25519),
        b"rsa-sha1" => Err((AuthResult::Policy, "SHA-1 is not accepted")),
        _ => Err((AuthResult::Neutral, "unknown a=")),
    }
}

fn forms(value: &[u8]) -> Option<(Canonicalization, Canonicalization)> {
    let lower = value.to_ascii_lowercase();
    let mut forms = lower.split(|&b| b == b'/');
    let header = Canonicalization::parse(forms.next()?.trim_ascii())?;
    let body = match forms.next() {
        Some(form) => Canonicalization::parse(form.trim_ascii())?,
        None => Canonicalization::Simple,
    };
    forms.next().is_none().then_some((header, body))
}

/// A number of at most 76 digits; a larger one than fits is the largest.
pub(in crate::mail::auth) fn number(digits: &[u8]) -> Option<u64> {
    let is_number = (1..=76).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    let add = |sum: u64, digit: &u8| {
        let digit = u64::from(digit.saturating_sub(b'0'));
        sum.saturating_mul(10).saturating_add(digit)
    };
    is_number.then(|| digits.iter().fold(0, add))
}

/// Signatures of one message that are checked. Real mail has one to three.
pub const SIGNATURES_MAX: usize = 5;
/// Octets of a signature field. One of an RSA key of 4,096 bits with a long `h=` has under 4 KiB.
pub(in crate::mail::auth) const FIELD_BYTES_MAX: usize = 16 * 1024;
/// Names in `h=`.
const NAMES_MAX: usize = 1_000;
