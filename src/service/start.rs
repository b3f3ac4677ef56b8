//! The first start in an empty folder: creates an organization, an inbox and a key, so that one
//! command is enough to send the first mail.

use super::Service;
use super::account::{inbox, org};
use super::context::WriteContext;
use crate::call::{InboxRow, NewInbox, OrgId, Refusal, Secret, Written};
use crate::crypto::Random;
use crate::store::{Error, Store};

use super::access::login::folder_access;

/// The rows of the first start.
#[derive(Debug)]
pub struct FirstStart {
    /// The organization `default`.
    pub org: OrgId,
    /// Its inbox.
    pub inbox: InboxRow,
    /// A key with every scope. Shown once, stored nowhere.
    pub key: Secret,
}

/// Creates the first organization, inbox and key, and commits them. Gives `None` and changes
/// nothing when there is an organization already.
pub fn first_start(service: &Service, store: &Store) -> Result<Option<FirstStart>, Error> {
    if store.has_orgs()? {
        return Ok(None);
    }
    let mut events = Vec::new();
    let mut random = Random::system();
    let mut context = WriteContext {
        service,
        shared: &service.shared,
        store,
        random: &mut random,
        now: service.now(),
        origin: None,
        request_id: None,
        depth: 0,
        is_again: false,
        events: &mut events,
    };
    store.begin()?;
    match make(&mut context) {
        Ok(first) => {
            store.commit()?;
            Ok(Some(first))
        }
        Err(refusal) => {
            store.rollback();
            Err(refusal.into())
        }
    }
}

fn make(context: &mut WriteContext<'_>) -> Result<FirstStart, Refusal> {
    let Written::Org(org, _, key) = org::create_org(context, "default")? else {
        return Err(Refusal::Internal);
    };
    let access = folder_access(org.id);
    let Written::Inbox { row, .. } = inbox::create_inbox(context, &access, &NewInbox::default())?
    else {
        return Err(Refusal::Internal);
    };
    Ok(FirstStart {
        org: org.id,
        inbox: *row,
        key,
    })
}
