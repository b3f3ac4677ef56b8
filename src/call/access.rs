//! Scopes, the access that a login gives, and secrets that cannot be printed.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{InboxId, KeyId, OrgId};

/// A set of scopes (DECISIONS.md, "Keys and scopes"). `ADMIN` implies every other scope within the
/// organization.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Scopes(pub u32);

impl Scopes {
    /// Nothing.
    pub const NONE: Scopes = Scopes(0);
    /// Read messages; implies [`Scopes::EVENTS_READ`].
    pub const MESSAGES_READ: Scopes = Scopes(1);
    /// Send, change and delete messages.
    pub const MESSAGES_WRITE: Scopes = Scopes(1 << 1);
    /// List and read inboxes.
    pub const INBOXES_READ: Scopes = Scopes(1 << 2);
    /// Create, change and delete inboxes.
    pub const INBOXES_WRITE: Scopes = Scopes(1 << 3);
    /// Receive events. Without `messages:read` no subject, address, preview or code is shown.
    pub const EVENTS_READ: Scopes = Scopes(1 << 4);
    /// Change rules.
    pub const RULES_WRITE: Scopes = Scopes(1 << 5);
    /// Change webhooks.
    pub const WEBHOOKS_WRITE: Scopes = Scopes(1 << 6);
    /// Change domains.
    pub const DOMAINS_WRITE: Scopes = Scopes(1 << 7);
    /// Create and revoke keys.
    pub const KEYS_WRITE: Scopes = Scopes(1 << 8);
    /// Everything in the organization.
    pub const ADMIN: Scopes = Scopes(1 << 9);
    /// Decide on held mail. Only [`Scopes::ADMIN`] implies it.
    pub const APPROVE: Scopes = Scopes(1 << 11);
    /// The operator of the server (the admin token in the data folder); never in a key.
    pub const OPERATOR: Scopes = Scopes(1 << 10);

    /// Every scope that a key can have, with its name on the wire.
    pub const NAMES: [(&'static str, Scopes); 11] = [
        ("messages:read", Scopes::MESSAGES_READ),
        ("messages:write", Scopes::MESSAGES_WRITE),
        ("inboxes:read", Scopes::INBOXES_READ),
        ("inboxes:write", Scopes::INBOXES_WRITE),
        ("events:read", Scopes::EVENTS_READ),
        ("rules:write", Scopes::RULES_WRITE),
        ("webhooks:write", Scopes::WEBHOOKS_WRITE),
        ("domains:write", Scopes::DOMAINS_WRITE),
        ("keys:write", Scopes::KEYS_WRITE),
        ("approve", Scopes::APPROVE),
        ("admin", Scopes::ADMIN),
    ];

    /// Both sets together.
    pub const fn and(self, other: Scopes) -> Scopes {
        Scopes(self.0 | other.0)
    }

    /// Whether every scope of `needed` is held. `admin` includes all scopes except the operator's,
    /// and `messages:read` includes `events:read`.
    pub const fn allow(self, needed: Scopes) -> bool {
        let mut held = self.0;
        if held & Scopes::ADMIN.0 != 0 {
            held |= (Scopes::OPERATOR.0 - 1) | Scopes::APPROVE.0;
        }
        if held & Scopes::MESSAGES_READ.0 != 0 {
            held |= Scopes::EVENTS_READ.0;
        }
        needed.0 & !held == 0
    }

    /// The name of its first scope, for a refusal.
    pub fn first_name(self) -> &'static str {
        self.names().next().unwrap_or("operator")
    }

    /// The scope that has this name, or `None`.
    pub fn named(name: &str) -> Option<Scopes> {
        Scopes::NAMES
            .iter()
            .find(|(n, _)| *n == name)
            .map(|(_, s)| *s)
    }

    /// The names of the scopes in this set, in the order of [`Scopes::NAMES`].
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Scopes::NAMES
            .iter()
            .filter(move |(_, s)| self.0 & s.0 != 0)
            .map(|(n, _)| *n)
    }
}

/// The result of a login. Every call carries it, and the service checks it in every call. Cheap to
/// clone. The service reads nothing from it that a revocation could change: a revocation ends the
/// sessions that hold it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Access(pub Arc<Grant>);

/// The content of an [`Access`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grant {
    /// The organization. Every call with this access is confined to it.
    pub org: OrgId,
    /// The key, for revocation ([`super::Topic::Key`]) and for limits per key. `None` is the
    /// operator, acting inside the organization.
    pub key: Option<KeyId>,
    /// Its scopes.
    pub scopes: Scopes,
    /// The inboxes that it is bound to, sorted; `None` is all of the organization.
    pub inboxes: Option<Vec<InboxId>>,
    /// Whether it also covers the inboxes under those, present and future.
    pub subtree: bool,
    /// The inbox of the session. SMTP and IMAP log in to one; HTTP does not.
    pub inbox: Option<InboxId>,
    /// The canonical address of `inbox`, or empty.
    pub address: String,
    /// The time at which the key expires, in unix milliseconds. Its sessions end then.
    pub expires_at: Option<i64>,
}

impl core::ops::Deref for Access {
    type Target = Grant;

    fn deref(&self) -> &Grant {
        &self.0
    }
}

impl Grant {
    /// Whether it is the operator's, acting inside the organization.
    pub fn is_operator(&self) -> bool {
        self.key.is_none()
    }

    /// Whether it is bound to inboxes. Such a key rules nothing of the organization.
    pub fn is_bound(&self) -> bool {
        self.inboxes.is_some()
    }

    /// Whether this access names `inbox` or all of the organization. A key that covers a subtree
    /// may see more: [`Grant::sees`] says whether it does.
    pub fn names(&self, inbox: InboxId) -> bool {
        self.inboxes
            .as_ref()
            .is_none_or(|bound| bound.binary_search(&inbox).is_ok())
    }

    /// Whether this access sees `inbox`, which stands under `ancestors` (at most 8). The query
    /// checks the organization.
    pub fn sees(&self, inbox: InboxId, ancestors: &[InboxId]) -> bool {
        self.names(inbox) || (self.subtree && ancestors.iter().any(|above| self.names(*above)))
    }
}

/// A secret on its way to the service: an API key as the client sent it. It cannot be printed or
/// stored by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

/// A ticket, as it was made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MadeTicket {
    /// What a client shows in place of its key, once.
    pub ticket: Secret,
    /// When it ends, unix milliseconds.
    pub expires_at: i64,
}

impl Secret {
    /// Wraps the octets that a client sent.
    pub fn new(octets: impl Into<Vec<u8>>) -> Self {
        Secret(octets.into())
    }

    /// The octets, for the function that checks them and for the answer that shows a new key.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl core::fmt::Debug for Secret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subtree_is_seen_only_by_a_key_that_covers_it() {
        let grant = |inboxes: Option<&[i64]>, subtree| Grant {
            org: OrgId(1),
            key: None,
            scopes: Scopes::ADMIN,
            inboxes: inboxes.map(|ids| ids.iter().map(|id| InboxId(*id)).collect()),
            subtree,
            inbox: None,
            address: String::new(),
            expires_at: None,
        };
        let above = [InboxId(2), InboxId(1)];
        for (inboxes, subtree, seen) in [
            (None, false, true),
            (Some(&[1i64][..]), false, false),
            (Some(&[1]), true, true),
            (Some(&[2]), true, true),
            (Some(&[3]), false, true),
            (Some(&[4]), true, false),
            (Some(&[]), true, false),
        ] {
            let grant = grant(inboxes, subtree);
            assert_eq!(grant.sees(InboxId(3), &above), seen, "{grant:?}");
        }
    }

    #[test]
    fn implications() {
        assert!(Scopes::ADMIN.allow(Scopes::KEYS_WRITE));
        assert!(!Scopes::ADMIN.allow(Scopes::OPERATOR));
        assert!(Scopes::ADMIN.allow(Scopes::APPROVE));
        for (name, scope) in Scopes::NAMES {
            let alone = matches!(name, "approve" | "admin");
            assert_eq!(scope.allow(Scopes::APPROVE), alone, "{name}");
        }
        assert!(Scopes::MESSAGES_READ.allow(Scopes::EVENTS_READ));
        assert!(!Scopes::EVENTS_READ.allow(Scopes::MESSAGES_READ));
        assert!(Scopes::NONE.allow(Scopes::NONE));
        assert_eq!(format!("{:?}", Secret::new("ap_sk_x")), "Secret(..)");
    }
}
