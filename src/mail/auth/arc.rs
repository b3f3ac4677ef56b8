//! ARC (RFC 8617), as far as a reader needs it: whether the chain of seals that forwarders have
//! put on a message is whole. What the forwarders say is shown and never believed.

use super::dkim::{DkimSignature, KeyUse, SIGNATURE_WORK, SignatureKind, Verifier};
use super::dkim::{find_key, key_question, parse_signature, relaxed, without_signature};
use super::tags::{TagList, base64};
use crate::call::{AuthResult, DnsAnswer, DnsError, Question};
use crate::crypto::SigningAlgorithm;
use crate::mail::Headers;
use crate::mail::parse::address::parse_domain;
use crate::mail::parse::header::Field;

/// The chain of one message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ArcChain {
    /// The seals, the oldest first.
    seals: Vec<Seal>,
    /// The signature of the newest set.
    newest: DkimSignature,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Seal {
    domain: String,
    question: Question,
    algorithm: SigningAlgorithm,
    signed: Vec<u8>,
}

/// The result of ARC: none, pass, fail or temperror, and the number of sets.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ArcOutcome {
    /// The result.
    pub result: AuthResult,
    /// Sets of the chain.
    pub sets: usize,
}

/// The three fields of each set, in the order in which a seal covers them.
type Sets<'m> = Vec<[Option<Field<'m>>; 3]>;

const NAMES: [&str; 3] = [
    "ARC-Authentication-Results",
    "ARC-Message-Signature",
    "ARC-Seal",
];

impl ArcChain {
    /// Reads the chain. `Err` is its result already: none, or fail when it is broken (RFC 8617
    /// section 5.2).
    pub fn read(headers: &Headers<'_>) -> Result<ArcChain, ArcOutcome> {
        let sets = sets(headers);
        let count = sets.as_ref().map_or(0, Vec::len);
        let outcome = |result| ArcOutcome {
            result,
            sets: count,
        };
        let sets = match sets {
            Some(sets) if sets.is_empty() => return Err(outcome(AuthResult::None)),
            sets => sets.ok_or(outcome(AuthResult::Fail))?,
        };
        let mut seals = Vec::new();
        let mut newest = None;
        for (at, set) in sets.iter().enumerate() {
            let [_, signature, seal] = set;
            let seal = seal.as_ref().and_then(|field| read_seal(field, at == 0));
            seals.push(seal.ok_or(outcome(AuthResult::Fail))?);
            newest = *signature;
        }
        let newest = newest.and_then(|field| parse_signature(&field, SignatureKind::Arc).ok());
        let newest = newest.ok_or(outcome(AuthResult::Fail))?;
        let chain = ArcChain { seals, newest };
        match chain.questions().len() > KEYS_MAX {
            true => Err(outcome(AuthResult::Fail)),
            false => Ok(chain),
        }
    }

    /// The questions for the keys, each once.
    pub fn questions(&self) -> Vec<Question> {
        let mut questions = vec![self.newest.question.clone()];
        for seal in &self.seals {
            if !questions.contains(&seal.question) {
                questions.push(seal.question.clone());
            }
        }
        questions
    }

    /// Checks the newest signature and all seals.
    pub fn check<'a>(
        &self,
        verifier: &mut Verifier<'_>,
        answer: impl Fn(&Question) -> Option<&'a DnsAnswer>,
        now_s: i64,
    ) -> ArcOutcome {
        let late = Err(DnsError::Temporary("no answer in time"));
        let outcome = |result| ArcOutcome {
            result,
            sets: self.seals.len(),
        };
        let own = answer(&self.newest.question).unwrap_or(&late);
        match verifier.check(&self.newest, own, now_s).result {
            AuthResult::Pass => {}
            AuthResult::TempError => return outcome(AuthResult::TempError),
            _ => return outcome(AuthResult::Fail),
        }
        let block = verifier.block();
        let Some(sets) = sets(&Headers::of_block(block)) else {
            return outcome(AuthResult::Fail);
        };
        let mut before = Vec::new();
        for (seal, set) in self.seals.iter().zip(&sets) {
            let [Some(results), Some(signature), Some(field)] = set else {
                return outcome(AuthResult::Fail);
            };
            for field in [results, signature] {
                relaxed(field.name, field.value, &mut before);
                before.extend_from_slice(b"\r\n");
            }
            let length = before.len();
            without_signature(
                super::dkim::Canonicalization::Relaxed,
                block,
                field,
                &mut before,
            );
            if verifier.spend(before.len() + SIGNATURE_WORK).is_err() {
                return outcome(AuthResult::TempError);
            }
            let wanted = KeyUse {
                algorithm: seal.algorithm,
                domains: (&seal.domain, &seal.domain),
            };
            match find_key(answer(&seal.question).unwrap_or(&late), wanted) {
                Ok(key) if key.verify(&before, &seal.signed) => {}
                Err((AuthResult::TempError, _)) => return outcome(AuthResult::TempError),
                Ok(_) | Err(_) => return outcome(AuthResult::Fail),
            }
            before.truncate(length);
            relaxed(field.name, field.value, &mut before);
            before.extend_from_slice(b"\r\n");
        }
        outcome(AuthResult::Pass)
    }
}

/// The sets of a chain, the oldest first. `None` when a set is not whole, or a number is missing
/// or stands twice.
fn sets<'m>(headers: &Headers<'m>) -> Option<Sets<'m>> {
    let mut sets: Sets<'m> = Vec::new();
    for field in headers.beginning(b"ARC-") {
        let Some(place) = NAMES.iter().position(|name| field.is(name)) else {
            continue;
        };
        let number = instance(&field)?;
        if sets.len() < number {
            sets.resize(number, [None; 3]);
        }
        let slot = sets.get_mut(number - 1)?.get_mut(place)?;
        if slot.replace(field).is_some() {
            return None;
        }
    }
    let is_whole = sets.iter().flatten().all(Option::is_some);
    is_whole.then_some(sets)
}

/// `i=`, from 1 to [`SETS_MAX`].
fn instance(field: &Field<'_>) -> Option<usize> {
    if field.value.len() > FIELD_BYTES_MAX {
        return None;
    }
    // In ARC-Authentication-Results the number comes first, and what follows is no list of tags.
    let mut parts = field.value.split(|&b| b == b';');
    let value = parts.find_map(|part| {
        let at = memchr::memchr(b'=', part)?;
        (part.get(..at)?.trim_ascii() == b"i").then_some(part.get(at + 1..)?.trim_ascii())
    })?;
    let text = core::str::from_utf8(value).ok()?;
    let number: usize = text.parse().ok()?;
    (1..=SETS_MAX).contains(&number).then_some(number)
}

/// Reads a seal (RFC 8617 section 4.1.3). The first says `cv=none`, each other one `cv=pass`.
fn read_seal(field: &Field<'_>, is_first: bool) -> Option<Seal> {
    let unfolded = field.unfolded();
    let tags = TagList::parse(&unfolded)?;
    let state: &[u8] = if is_first { b"none" } else { b"pass" };
    let is_wrong = !tags.get("cv")?.eq_ignore_ascii_case(state);
    if is_wrong || tags.get("h").is_some() || tags.get("bh").is_some() {
        return None;
    }
    let domain = parse_domain(tags.text("d")?).ok()?;
    let selector = tags.text("s")?.to_ascii_lowercase();
    let question = key_question(&selector, &domain)?;
    let algorithm = match tags.get("a")?.to_ascii_lowercase().as_slice() {
        b"rsa-sha256" => SigningAlgorithm::Rsa,
        b"ed25519-sha256" => SigningAlgorithm::Ed25519,
        _ => return None,
    };
    Some(Seal {
        domain,
        question,
        algorithm,
        signed: base64(tags.get("b")?)?,
    })
}

/// Sets of a chain (RFC 8617 section 4.2.1).
const SETS_MAX: usize = 50;
/// Keys of a chain that are asked for.
const KEYS_MAX: usize = 10;
/// Octets of one field.
const FIELD_BYTES_MAX: usize = 16 * 1024;
