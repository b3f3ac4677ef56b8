//! The accounts as the thread of the writer knows them: which there are, and what decides whether
//! one has a connection. They are read once, and then one by one as they change: to look who
//! listens reads nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::call::{Change, Event, InboxId, InboxPath, OrgId, UpstreamAccount};
use crate::store::{Error, Store, UpstreamStanding};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct KnownAccounts {
    is_loaded: bool,
    known: BTreeMap<InboxId, KnownAccount>,
}

/// What is known of an account.
#[derive(Debug)]
pub(super) struct KnownAccount {
    pub account: UpstreamAccount,
    pub path: Arc<InboxPath>,
    pub standing: UpstreamStanding,
}

/// What has changed of accounts since the last look.
#[derive(Debug, Default)]
pub(super) struct ChangedAccounts {
    inboxes: BTreeSet<(OrgId, InboxId)>,
    orgs: BTreeSet<OrgId>,
}

impl ChangedAccounts {
    /// Whether nothing has changed.
    pub fn is_empty(&self) -> bool {
        self.inboxes.is_empty() && self.orgs.is_empty()
    }

    /// Something of this account has changed.
    pub fn insert(&mut self, account: UpstreamAccount) {
        self.inboxes.insert((account.org, account.inbox));
    }

    /// Notes the accounts that events concern.
    pub fn note(&mut self, events: &[Event]) {
        for event in events {
            match &event.change {
                Change::OrgDeleted => {
                    self.orgs.insert(event.org);
                }
                Change::InboxCreated
                | Change::InboxUpdated
                | Change::InboxMoved { .. }
                | Change::InboxDeleted => {
                    let path = event.inbox.iter();
                    (self.inboxes).extend(path.map(|path| (event.org, path.id)));
                }
                _ => {}
            }
        }
    }
}

impl KnownAccounts {
    /// Reads what has changed; at first all. Gives the accounts that are gone or that their owners
    /// have changed, and those that have moved.
    pub fn read(&mut self, store: &Store, changed: ChangedAccounts) -> Result<Vec<InboxId>, Error> {
        if !self.is_loaded {
            self.known.clear();
            for (account, standing) in store.upstream_accounts()? {
                self.insert(store, account, standing)?;
            }
            self.is_loaded = true;
            return Ok(Vec::new());
        }
        let mut other = Vec::new();
        for org in changed.orgs {
            let of = self.known.values().filter(|known| known.account.org == org);
            other.extend(of.map(|known| known.account.inbox));
            self.known.retain(|_, known| known.account.org != org);
        }
        for (org, inbox) in changed.inboxes {
            let account = UpstreamAccount { org, inbox };
            let before = self.known.remove(&inbox);
            if let Some(standing) = store.upstream_standing(account)? {
                self.insert(store, account, standing)?;
            }
            let is_same = match (&before, self.known.get(&inbox)) {
                (None, _) => true,
                (Some(before), Some(now)) => {
                    before.standing.version == now.standing.version
                        && before.path.ancestors == now.path.ancestors
                }
                (Some(_), None) => false,
            };
            if !is_same {
                other.push(inbox);
            }
        }
        Ok(other)
    }

    fn insert(
        &mut self,
        store: &Store,
        account: UpstreamAccount,
        standing: UpstreamStanding,
    ) -> Result<(), Error> {
        if let Some(place) = store.place_of(account.org, account.inbox)? {
            let known = KnownAccount {
                account,
                path: place.path,
                standing,
            };
            self.known.insert(account.inbox, known);
        }
        Ok(())
    }

    /// Every account, by its inbox.
    pub fn all(&self) -> impl Iterator<Item = &KnownAccount> {
        self.known.values()
    }

    /// Whether there is such an account.
    pub fn has(&self, inbox: InboxId) -> bool {
        self.known.contains_key(&inbox)
    }
}
