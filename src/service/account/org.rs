//! Organizations: created, listed, deleted, and the counters of one.

use super::inbox::visible_inboxes;
use super::key::{self, CheckedKey};
use crate::call::bounds::{LABEL_BYTES_MAX, PAGE_ROWS_MAX};
use crate::call::{
    Answer, Caller, InboxId, KeyId, Noun, Now, OrgId, OrgRow, Refusal, Scopes, UsageRow, Written,
};
use crate::service::context::WriteContext;
use crate::service::field::check_text;
use crate::service::policy;
use crate::store::Store;

/// Creates an organization with a first key.
pub fn create_org(context: &mut WriteContext<'_>, name: &str) -> Result<Written, Refusal> {
    check_text(name, "name", LABEL_BYTES_MAX)?;
    let row = insert_org(context, name)?;
    let new = CheckedKey {
        label: Some("first key".into()),
        scopes: Scopes::ADMIN,
        inboxes: None,
        subtree: false,
        expires_at: None,
    };
    let (key, secret) = key::generate(context, row.id, new)?;
    Ok(Written::Org(row, Box::new(key), secret))
}

/// Stores an organization that has been checked.
pub(in crate::service) fn insert_org(
    context: &WriteContext<'_>,
    name: &str,
) -> Result<OrgRow, Refusal> {
    let row = OrgRow {
        id: OrgId(context.store.new_id(context.now)),
        name: name.to_owned(),
        created_at: context.now.unix_ms,
    };
    context.store.insert_org(&row)?;
    Ok(row)
}

/// Lists all organizations.
pub fn list_orgs(store: &Store) -> Result<Answer, Refusal> {
    Ok(Answer::Orgs(store.orgs()?))
}

/// Deletes an organization: it ends at once, and its rows are removed later, in slices.
pub fn delete_org(context: &mut WriteContext<'_>, org: OrgId) -> Result<Written, Refusal> {
    if !context.store.has_org(org)? {
        return Err(Refusal::NotFound(Noun::Organization));
    }
    // The log of the organization is deleted with it, but its events are still published, and they
    // end every session.
    let mut after = KeyId(0);
    loop {
        let page = context.store.keys(org, after, PAGE_ROWS_MAX)?;
        let Some(last) = page.last() else { break };
        after = last.id;
        for row in page.iter().filter(|row| row.revoked_at.is_none()) {
            key::revoke(context, org, row.id)?;
        }
    }
    context.store.end_org(org)?;
    Ok(Written::Changed)
}

/// Reads the counters of an organization. A key that is bound to inboxes sees only the counters of
/// those inboxes.
pub fn read_usage(store: &Store, now: Now, caller: &Caller) -> Result<Answer, Refusal> {
    let Some(access) = caller.key() else {
        // The operator acts in no organization, so the counters are zero.
        return Ok(Answer::Usage(Box::new(UsageRow {
            addresses: Some(Vec::new()),
            ..UsageRow::default()
        })));
    };
    let whole = store
        .usage(access.org, policy::day_of(now))?
        .ok_or(Refusal::NotFound(Noun::Organization))?;
    let Some(bound) = &access.inboxes else {
        return Ok(Answer::Usage(Box::new(whole)));
    };
    let mut own = UsageRow {
        org_name: whole.org_name,
        head: whole.head,
        ..UsageRow::default()
    };
    let mut addresses = Vec::with_capacity(bound.len());
    for id in bound {
        addresses.extend(store.inbox(access.org, *id)?.map(|row| row.address));
    }
    own.addresses = Some(addresses);
    for row in visible_inboxes(store, access, None, InboxId(0), usize::MAX)? {
        own.inboxes += 1;
        own.messages = own.messages.saturating_add(row.messages);
        own.bytes = own.bytes.saturating_add(row.bytes);
    }
    Ok(Answer::Usage(Box::new(own)))
}
