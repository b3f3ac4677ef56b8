//! Which keys sign a message that leaves with DKIM.
//!
//! Not the form of a signature (`mail/auth/dkim`), and not when keys are turned
//! (`account/dkim.rs`). The rules: **d= is the domain of the author** (RFC 7489 section 3.1.1), a
//! proven domain of the organization that sends or the shared domain; any other message leaves as
//! it is. And **the same message gives the same octets**, in every piece and every attempt, so a
//! signature has the time at which the message was accepted, and may be forgotten.

use std::sync::Arc;

use super::signatures::signed_at_s;
use crate::call::{ConflictReason, DkimKeySet, DomainId, Noun, OrgId, Refusal};
use crate::crypto::{SigningAlgorithm, SigningKey};
use crate::mail::Headers;
use crate::mail::auth::dkim::{DkimSigner, SelectorKey, signatures_len};
use crate::mail::parse::address_list::parse_single_from;
use crate::service::Service;
use crate::service::account::dkim::{give_keys, keys_of_message};
use crate::service::context::{ReadContext, WriteContext};
use crate::store::{DkimKeyRow, OutboundRecord, SHARED_DOMAIN_ID, Store};

/// How a message leaves whose attempt begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SigningChoice {
    /// As it is: its author has no domain here.
    Unsigned,
    /// With signatures of these keys, which have this many octets.
    Signed(DkimKeySet, usize),
    /// In a moment, when the keys of its domain are made.
    Later,
}

/// Chooses the keys for a message with this header, as it is stored without its private fields. A
/// domain of an older release has no keys: it gets some now.
pub fn choose(
    context: &mut WriteContext<'_>,
    row: &OutboundRecord,
    header: &[u8],
) -> Result<SigningChoice, Refusal> {
    // The server of an account signs for its domain.
    if row.is_of_account() {
        return Ok(SigningChoice::Unsigned);
    }
    let Some(name) = author_domain(header) else {
        return Ok(SigningChoice::Unsigned);
    };
    let Some(domain) = domain_named(context.service, context.store, row.org, &name)? else {
        return Ok(SigningChoice::Unsigned);
    };
    let now_ms = context.now.unix_ms;
    let mut keys = context.store.dkim_keys(domain)?;
    let mut chosen = keys_of_message(&keys, row.created_at, now_ms);
    if chosen.is_none() {
        match give_keys(context, domain) {
            Ok(()) => {}
            Err(Refusal::Conflict(ConflictReason::KeysBeingMade)) => {
                return Ok(SigningChoice::Later);
            }
            Err(refusal) if context.store.is_transaction_gone() => return Err(refusal),
            Err(refusal) => {
                log::error!("no signing keys for {name}: {refusal:?}");
                return Ok(SigningChoice::Unsigned);
            }
        }
        log::info!("signing keys made domain={name}");
        keys = context.store.dkim_keys(domain)?;
        chosen = keys_of_message(&keys, row.created_at, now_ms);
    }
    let Some(made_at) = chosen else {
        return Ok(SigningChoice::Unsigned);
    };
    let set = DkimKeySet { domain, made_at };
    let names = keys_of(&keys, set).filter_map(|key| {
        let algorithm = SigningAlgorithm::of_stored(&key.secret)?;
        Some((key.selector.as_str(), algorithm))
    });
    let len = signatures_len(&name, names, header, signed_at_s(row.created_at));
    Ok(SigningChoice::Signed(set, len))
}

/// The domain of the one author of a message. A message that begins with a folded line has none: a
/// field in front of it would become a part of that line.
fn author_domain(header: &[u8]) -> Option<String> {
    if matches!(header.first(), None | Some(b' ' | b'\t')) {
        return None;
    }
    let headers = Headers::parse(header);
    let from = parse_single_from(headers.all("From").map(|field| field.value));
    Some(from.ok()?.domain().to_owned())
}

/// The domain of this name if an organization may sign for it.
pub fn domain_named(
    service: &Service,
    store: &Store,
    org: OrgId,
    name: &str,
) -> Result<Option<DomainId>, Refusal> {
    if name == service.shared_domain {
        return Ok(Some(SHARED_DOMAIN_ID));
    }
    let proven = store.proven_domain(name)?;
    Ok(proven.and_then(|(owner, domain)| (owner == org).then_some(domain)))
}

fn keys_of(keys: &[DkimKeyRow], set: DkimKeySet) -> impl Iterator<Item = &DkimKeyRow> {
    keys.iter().filter(move |key| key.created_at == set.made_at)
}

/// The keys of a message, ready to sign. The caller reads the store in one snapshot.
pub fn signer(
    context: &ReadContext<'_>,
    (org, set): (OrgId, DkimKeySet),
) -> Result<Arc<DkimSigner>, Refusal> {
    const GONE: Refusal = Refusal::NotFound(Noun::Domain);
    let all = &context.service.outbound.signatures;
    if let Some(signer) = all.signer(set) {
        return Ok(signer);
    }
    let store = context.store;
    let domain = match set.domain {
        SHARED_DOMAIN_ID => context.service.shared_domain.clone(),
        id => store.domain(org, id)?.ok_or(GONE)?.name,
    };
    let rows = store.dkim_keys(set.domain)?;
    let keys = keys_of(&rows, set).map(|row| {
        let key = SigningKey::from_stored(&row.secret).ok_or(Refusal::Damaged)?;
        let selector = row.selector.clone();
        Ok(SelectorKey { selector, key })
    });
    let keys = keys.collect::<Result<Vec<_>, Refusal>>()?;
    if keys.is_empty() {
        return Err(GONE);
    }
    let signer = Arc::new(DkimSigner { domain, keys });
    all.keep_signer(set, &signer);
    Ok(signer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_author_of_a_message_is_one_address() {
        for (header, domain) in [
            ("From: Ann <ann@A.test>\r\n\r\n", Some("a.test")),
            (
                "Received: x\r\nFROM: ann@B\u{fc}cher.test\r\n\r\n",
                Some("xn--bcher-kva.test"),
            ),
            ("From: a@a.test, b@b.test\r\n\r\n", None),
            ("From: a@a.test\r\nFrom: a@a.test\r\n\r\n", None),
            ("From: g: a@a.test;\r\n\r\n", None),
            ("From: nobody\r\n\r\n", None),
            ("Subject: x\r\n\r\n", None),
            (" From: a@a.test\r\nFrom: a@a.test\r\n\r\n", None),
            ("", None),
        ] {
            let found = author_domain(header.as_bytes());
            assert_eq!(found.as_deref(), domain, "{header:?}");
        }
    }
}
