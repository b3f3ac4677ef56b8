//! The share that pays for a call: an organization, and the part of it that works.
//!
//! Everything that is scarce is given out by turns: first between the owners, then between the
//! parts of one owner. It is no right and no limit: a share says when a call is carried out, never
//! whether.

use core::hash::{Hash, Hasher};
use core::net::IpAddr;
use std::hash::DefaultHasher;

use super::{Caller, InboxId, InboxRef, KeyId, Network, OrgId};

/// The share of a call.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Share {
    /// The payer.
    pub owner: ShareOwner,
    /// The part of the owner.
    pub part: SharePart,
}

/// The payer of a call.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ShareOwner {
    /// An organization: for the calls of its keys, and for mail of anonymous peers whose
    /// first recipient it is.
    Org(OrgId),
    /// The operator, also inside an organization.
    Operator,
    /// The server itself.
    Server,
    /// All peers without a key, for what concerns no organization.
    Anonymous,
}

/// The part of an owner that works.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SharePart {
    /// An inbox: that of the session, or the one that the call names.
    Inbox(InboxId),
    /// An inbox that the call names by its address, as a hash. Two addresses of one hash share
    /// their turns.
    Address(u64),
    /// A key, for what concerns no inbox alone.
    Key(KeyId),
    /// The network of a peer without a key.
    Network(Network),
    /// All of the owner.
    Whole,
}

impl Share {
    /// The share of a call that `caller` makes from `peer` and that names the inbox `named`.
    /// `receiver` is the organization of the first recipient of a message: it pays for the mail of
    /// an anonymous peer.
    pub fn of(
        caller: &Caller,
        peer: IpAddr,
        named: Option<SharePart>,
        receiver: Option<OrgId>,
    ) -> Share {
        let (owner, part) = match caller {
            Caller::Anonymous => (
                receiver.map_or(ShareOwner::Anonymous, ShareOwner::Org),
                SharePart::Network(Network::of(peer)),
            ),
            Caller::Key(access) => {
                let session = access.inbox.map(SharePart::Inbox);
                let part = session
                    .or(named)
                    .or(access.key.map(SharePart::Key))
                    .unwrap_or(SharePart::Whole);
                match access.is_operator() {
                    true => (ShareOwner::Operator, part),
                    false => (ShareOwner::Org(access.org), part),
                }
            }
            Caller::Operator => (ShareOwner::Operator, SharePart::Whole),
            Caller::System => (ShareOwner::Server, SharePart::Whole),
        };
        Share { owner, part }
    }
}

impl From<&InboxRef> for SharePart {
    fn from(inbox: &InboxRef) -> Self {
        match inbox {
            InboxRef::Id(id) => SharePart::Inbox(*id),
            InboxRef::Address(address) => {
                let mut hasher = DefaultHasher::new();
                address.to_ascii_lowercase().hash(&mut hasher);
                SharePart::Address(hasher.finish())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use super::*;
    use crate::call::{Access, Grant, Scopes};

    #[test]
    fn a_call_is_paid_by_the_organization_and_the_part_that_works() {
        let key = |key: Option<i64>, inbox: Option<i64>| {
            Caller::Key(Access(Arc::new(Grant {
                org: OrgId(1),
                key: key.map(KeyId),
                scopes: Scopes::ADMIN,
                inboxes: None,
                subtree: false,
                inbox: inbox.map(InboxId),
                address: String::new(),
                expires_at: None,
            })))
        };
        let peer: IpAddr = "192.0.2.1".parse().unwrap();
        let network = SharePart::Network(Network::of(peer));
        let named = SharePart::Inbox(InboxId(7));
        let (org, operator) = (ShareOwner::Org(OrgId(1)), ShareOwner::Operator);
        for (caller, name, receiver, owner, part) in [
            (
                key(Some(2), Some(3)),
                None,
                None,
                org,
                SharePart::Inbox(InboxId(3)),
            ),
            (key(Some(2), None), Some(named), None, org, named),
            (
                key(Some(2), None),
                None,
                None,
                org,
                SharePart::Key(KeyId(2)),
            ),
            (key(None, None), None, None, operator, SharePart::Whole),
            (Caller::Operator, None, None, operator, SharePart::Whole),
            (
                Caller::System,
                None,
                None,
                ShareOwner::Server,
                SharePart::Whole,
            ),
            (
                Caller::Anonymous,
                None,
                None,
                ShareOwner::Anonymous,
                network,
            ),
            (Caller::Anonymous, Some(named), Some(OrgId(1)), org, network),
        ] {
            let share = Share::of(&caller, peer, name, receiver);
            assert_eq!(share, Share { owner, part }, "{caller:?}");
        }
        let address = |text: &str| SharePart::from(&InboxRef::Address(text.into()));
        assert_eq!(address("Bob@a.test"), address("bob@A.test"));
        assert_ne!(address("bob@a.test"), address("rob@a.test"));
    }
}
