//! The short stored encodings: ids above an inbox, conversations that a body holds, kept answers.
//! It is a part of `format.rs`, whose rule holds here too: a version is never changed, and every
//! version is read for ever.

use serde::{Deserialize, Serialize};

use super::Form;
use crate::call::InboxId;
use crate::store::Error;

const LINKS: Form = Form {
    what: "links",
    version: 1,
};
const ANCESTORS: Form = Form {
    what: "ancestors",
    version: 1,
};
const ANSWER: Form = Form {
    what: "answer",
    version: 1,
};

/// A kept answer without a version octet begins with this or a higher octet.
const ANSWER_PRINTABLE: u8 = 0x20;

// ---- inboxes ----

/// Writes `inbox.ancestors`.
pub(in crate::store) fn encode_ancestors(ids: &[InboxId]) -> Vec<u8> {
    let ids = ids.iter().flat_map(|id| id.0.to_le_bytes());
    [ANCESTORS.version].into_iter().chain(ids).collect()
}

/// Reads `inbox.ancestors`.
pub(in crate::store) fn decode_ancestors(octets: &[u8]) -> Result<Vec<InboxId>, Error> {
    let rest = match octets.len() % 8 {
        0 => octets,
        _ => ANCESTORS.open(octets)?.1,
    };
    match rest.as_chunks::<8>() {
        (ids, []) => Ok(ids
            .iter()
            .map(|id| InboxId(i64::from_le_bytes(*id)))
            .collect()),
        _ => Err(ANCESTORS.corrupt()),
    }
}

// ---- conversations ----

/// Version 1 of a part of `body.links`: the body holds each of these Message-IDs, by their hashes,
/// once for each of these inboxes. An inbox stands here as often as the body was delivered there.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(in crate::store) struct Links {
    pub inboxes: Vec<i64>,
    pub hashes: Vec<i64>,
}

/// Writes `body.links`.
pub(in crate::store) fn encode_links(links: &[Links]) -> Result<Option<Vec<u8>>, Error> {
    match links {
        [] => Ok(None),
        links => LINKS.encode(&links).map(Some),
    }
}

/// Reads `body.links`.
pub(in crate::store) fn decode_links(octets: &[u8]) -> Result<Vec<Links>, Error> {
    LINKS.decode(LINKS.open(octets)?.1)
}

// ---- kept answers ----

/// Writes `once.answer`.
pub(in crate::store) fn encode_answer(answer: &[u8]) -> Vec<u8> {
    let mut octets = vec![ANSWER.version];
    octets.extend_from_slice(answer);
    octets
}

/// Reads `once.answer`.
pub(in crate::store) fn decode_answer(mut octets: Vec<u8>) -> Result<Vec<u8>, Error> {
    match octets.first() {
        None | Some(ANSWER_PRINTABLE..) => {}
        Some(_) => {
            ANSWER.open(&octets)?;
            octets.remove(0);
        }
    }
    Ok(octets)
}
