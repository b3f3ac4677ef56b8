//! Who asks: scopes, the capability that authentication returns, and secrets that cannot
//! be printed.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{InboxId, KeyId, OrgId};

/// A set of scopes. `ADMIN` implies every other within the organization.
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
    /// Hear of events; without `messages:read` no subject, address, preview or code is shown.
    pub const EVENTS_READ: Scopes = Scopes(1 << 4);
    /// Change rules.
    pub const RULES_WRITE: Scopes = Scopes(1 << 5);
    /// Change webhooks.
    pub const WEBHOOKS_WRITE: Scopes = Scopes(1 << 6);
    /// Change domains.
    pub const DOMAINS_WRITE: Scopes = Scopes(1 << 7);
    /// Mint and revoke keys.
    pub const KEYS_WRITE: Scopes = Scopes(1 << 8);
    /// Everything in the organization.
    pub const ADMIN: Scopes = Scopes(1 << 9);
    /// The operator of the server (the admin token in the data folder); never in a key.
    pub const OPERATOR: Scopes = Scopes(1 << 10);

    /// Every scope that a key can have, with its name on the wire.
    pub const NAMES: [(&'static str, Scopes); 10] = [
        ("messages:read", Scopes::MESSAGES_READ),
        ("messages:write", Scopes::MESSAGES_WRITE),
        ("inboxes:read", Scopes::INBOXES_READ),
        ("inboxes:write", Scopes::INBOXES_WRITE),
        ("events:read", Scopes::EVENTS_READ),
        ("rules:write", Scopes::RULES_WRITE),
        ("webhooks:write", Scopes::WEBHOOKS_WRITE),
        ("domains:write", Scopes::DOMAINS_WRITE),
        ("keys:write", Scopes::KEYS_WRITE),
        ("admin", Scopes::ADMIN),
    ];

    /// Both sets together.
    pub const fn and(self, other: Scopes) -> Scopes {
        Scopes(self.0 | other.0)
    }

    /// Whether every scope of `needed` is held, with the implications: `admin`
    /// holds all but the operator's, `messages:read` holds `events:read`.
    pub const fn allow(self, needed: Scopes) -> bool {
        let mut held = self.0;
        if held & Scopes::ADMIN.0 != 0 {
            held |= Scopes::OPERATOR.0 - 1;
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

    /// The names of the scopes in this set, in the order of the table.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Scopes::NAMES
            .iter()
            .filter(move |(_, s)| self.0 & s.0 != 0)
            .map(|(n, _)| *n)
    }
}

/// What authentication gives: carried in every call, checked by the service in every call.
/// Cheap to clone. The service re-reads nothing from it that a revocation could change:
/// revocation ends the sessions that hold it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Access(pub Arc<Grant>);

/// The content of an [`Access`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grant {
    /// The organization that everything done with this is confined to.
    pub org: OrgId,
    /// The key, for revocation ([`super::Topic::Key`]) and for limits per key.
    /// `None` is the operator, who acts inside the organization.
    pub key: Option<KeyId>,
    /// What it may do.
    pub scopes: Scopes,
    /// The inboxes that it is bound to, sorted; `None` is all of the organization.
    pub inboxes: Option<Vec<InboxId>>,
    /// The inbox logged in to (SMTP and IMAP name one; HTTP does not).
    pub inbox: Option<InboxId>,
    /// The canonical address of `inbox`, or empty.
    pub address: String,
    /// When the key ends, unix milliseconds; sessions close then.
    pub expires_at: Option<i64>,
}

impl core::ops::Deref for Access {
    type Target = Grant;

    fn deref(&self) -> &Grant {
        &self.0
    }
}

impl Grant {
    /// Whether this may see `inbox` at all (the organization is checked by the query).
    pub fn sees(&self, inbox: InboxId) -> bool {
        self.inboxes
            .as_ref()
            .is_none_or(|bound| bound.binary_search(&inbox).is_ok())
    }
}

/// A secret on its way to the service: an API key as the client sent it. It cannot be
/// printed, compared or stored by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Wraps what a client sent.
    pub fn new(octets: impl Into<Vec<u8>>) -> Self {
        Secret(octets.into())
    }

    /// The octets, for the one function that checks them and the one answer that shows a
    /// new key.
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
    fn implications() {
        assert!(Scopes::ADMIN.allow(Scopes::KEYS_WRITE));
        assert!(!Scopes::ADMIN.allow(Scopes::OPERATOR));
        assert!(Scopes::MESSAGES_READ.allow(Scopes::EVENTS_READ));
        assert!(!Scopes::EVENTS_READ.allow(Scopes::MESSAGES_READ));
        assert!(Scopes::NONE.allow(Scopes::NONE));
        assert_eq!(format!("{:?}", Secret::new("ap_sk_x")), "Secret(..)");
    }
}
