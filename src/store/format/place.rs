//! Where an event is: the inbox in its tree, and the UIDs of the messages. It is a part of
//! `format.rs`, whose rule holds here too: a version is never changed, and every version is read
//! for ever.

use serde::{Deserialize, Serialize};

use super::{Form, Text};
use crate::call::{Change, DomainId, InboxId, InboxPath, UidSet};
use crate::store::Error;

const PATH: Form = Form {
    what: "event path",
    version: 1,
};
const UIDS: Form = Form {
    what: "event uids",
    version: 1,
};

/// Version 1 of `event.path`, and what is there without a version.
#[derive(Serialize, Deserialize)]
struct StoredPath<'a> {
    inbox: i64,
    address: Text<'a>,
    ancestors: Vec<i64>,
}

/// Writes `event.path`.
pub(in crate::store) fn encode_path(path: &InboxPath) -> Result<Vec<u8>, Error> {
    let InboxPath {
        id,
        address,
        ancestors,
    } = path;
    PATH.encode(&StoredPath {
        inbox: id.0,
        address: address.into(),
        ancestors: ancestors.iter().map(|id| id.0).collect(),
    })
}

/// Reads `event.path` of a row with this `event.detail`.
pub(in crate::store) fn decode_path(octets: &[u8], detail: &[u8]) -> Result<InboxPath, Error> {
    let rest = match is_plain_row(detail) {
        true => octets,
        false => PATH.open(octets)?.1,
    };
    let stored: StoredPath<'_> = PATH.decode(rest)?;
    Ok(InboxPath {
        id: InboxId(stored.inbox),
        address: stored.address.into_owned(),
        ancestors: stored.ancestors.into_iter().map(InboxId).collect(),
    })
}

/// Writes `event.uids`; NULL for none.
pub(in crate::store) fn encode_uids(uids: &UidSet) -> Result<Option<Vec<u8>>, Error> {
    match uids.ranges() {
        [] => Ok(None),
        ranges => UIDS.encode(&ranges).map(Some),
    }
}

/// Reads `event.uids` of a row with this `event.detail`.
pub(in crate::store) fn decode_uids(octets: &[u8], detail: &[u8]) -> Result<UidSet, Error> {
    let rest = match is_plain_row(detail) {
        true => octets,
        false => UIDS.open(octets)?.1,
    };
    let ranges: Vec<(u32, u32)> = UIDS.decode(rest)?;
    Ok(UidSet::from_ranges(ranges))
}

/// Whether the row of the log is from before version 3 of the file.
pub(in crate::store) fn is_plain_row(detail: &[u8]) -> bool {
    detail.first() == Some(&1)
}

/// Takes the depth off a version of `event.detail` and what is behind its octet.
pub(super) fn split_depth((version, rest): (u8, &[u8])) -> Result<(u8, &[u8]), Error> {
    match rest {
        rest if version < DEPTH_SINCE => Ok((0, rest)),
        [depth, rest @ ..] => Ok((*depth, rest)),
        [] => Err(Error::Corrupt("event")),
    }
}

/// The first version of `event.detail` that has a depth.
const DEPTH_SINCE: u8 = 16;

pub(super) fn load_move(from: Vec<i64>) -> Change {
    Change::InboxMoved {
        from: from.into_iter().map(InboxId).collect(),
    }
}

pub(super) fn load_domain(domain: i64, name: String) -> Change {
    Change::DomainVerified {
        domain: DomainId(domain),
        name,
    }
}

/// Whether octets of `event.detail` are an `InboxMoved`, without reading them.
pub(in crate::store) fn is_move(detail: &[u8]) -> bool {
    const VARIANT: u8 = 24;
    let at = if detail.first() >= Some(&DEPTH_SINCE) {
        2
    } else {
        1
    };
    detail.get(at) == Some(&VARIANT)
}
