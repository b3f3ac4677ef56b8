//! Organizations: created, listed, deleted, and the counters of one.

use super::bounds;
use super::inbox::look_at_inboxes;
use super::key::{self, CheckedKey};
use super::page::{LIST_WORK, RowsLookedAt, SLICE_WORK, list_slice};
use crate::call::bounds::LABEL_BYTES_MAX;
use crate::call::{
    Access, Answer, BudgetsLeft, Caller, Change, InboxId, Noun, OrgId, OrgPatch, OrgRead, OrgRow,
    Refusal, Scopes, SendMode, SlicedList, UidSet, UsageRow, Written,
};
use crate::service::context::{ReadContext, WriteContext};
use crate::service::field::check_text;
use crate::service::outgoing::{budget, schedule};
use crate::service::policy;
use crate::store::{NewEvent, Store};

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
        send_mode: SendMode::Direct,
        paused_at: None,
        retention_days: None,
    };
    context.store.insert_org(&row)?;
    Ok(row)
}

/// Does a slice of the list of all organizations.
pub fn list_orgs(store: &Store, list: &mut SlicedList<OrgRow>) -> Result<Option<Answer>, Refusal> {
    let rows_max = list.limit + 1;
    let look = |after: i64| -> Result<RowsLookedAt<OrgRow>, Refusal> {
        let found = store.orgs(OrgId(after), rows_max)?;
        Ok(RowsLookedAt {
            last: found.last().map_or(after, |(row, _)| row.id.0),
            is_end: found.len() < rows_max,
            work: found.len() as u64,
            rows: (found.into_iter())
                .filter_map(|(row, has_ended)| (!has_ended).then_some(row))
                .collect(),
        })
    };
    let page = list_slice(list, LIST_WORK, |row| row.id, OrgId, look)?;
    Ok(page.map(|(rows, next)| Answer::Orgs { rows, next }))
}

/// Reads one organization, for a key of it or the operator.
pub fn read_org(store: &Store, caller: &Caller, org: OrgId) -> Result<Answer, Refusal> {
    Ok(Answer::Orgs {
        rows: vec![find_org(store, caller, org)?],
        next: None,
    })
}

/// Changes the policy of an organization. It holds from this commit on: the writer asks it for
/// every message.
pub fn patch_org(
    context: &mut WriteContext<'_>,
    caller: &Caller,
    org: OrgId,
    patch: &OrgPatch,
) -> Result<Written, Refusal> {
    let mut row = find_org(context.store, caller, org)?;
    if let Some(days) = patch.retention_days {
        bounds::check_retention(days)?;
        row.retention_days = days;
    }
    row.send_mode = patch.send_mode.unwrap_or(row.send_mode);
    row.paused_at = match (patch.paused, row.paused_at) {
        (None, at) | (Some(true), at @ Some(_)) => at,
        (Some(true), None) => Some(context.now.unix_ms),
        (Some(false), _) => None,
    };
    let store = context.store;
    store.set_org_policy(&row)?;
    if row.retention_days.is_some() {
        context.service.set_retention_look(0);
    }
    if patch.paused == Some(false) {
        let outbound = &context.service.outbound;
        outbound.is_resumed(store, context.now, org)?;
        schedule::is_resumed(context, org)?;
    }
    Ok(Written::OrgChanged(row))
}

/// An organization that the caller may name.
fn find_org(store: &Store, caller: &Caller, org: OrgId) -> Result<OrgRow, Refusal> {
    const NONE: Refusal = Refusal::NotFound(Noun::Organization);
    match caller {
        Caller::Operator => {}
        Caller::Key(access) if access.org == org || access.is_operator() => {}
        _ => return Err(NONE),
    }
    store.org(org)?.ok_or(NONE)
}

/// Deletes an organization: it ends at once, and its rows are removed later, in slices.
pub fn delete_org(context: &mut WriteContext<'_>, org: OrgId) -> Result<Written, Refusal> {
    if !context.store.has_org(org)? {
        return Err(Refusal::NotFound(Noun::Organization));
    }
    // The log of the organization is deleted with it, but the event is still published, and it ends
    // every session.
    let new = NewEvent {
        inbox: None,
        mailbox: None,
        uids: UidSet::new(),
        change: Change::OrgDeleted,
    };
    context
        .store
        .append_event(context.now, org, context.origin, new, context.events)?;
    context.store.end_org(org)?;
    Ok(Written::Changed)
}

/// Reads the counters of an organization. A key that is bound to inboxes sees only the counters of
/// those inboxes. Budgets of an inbox are those of the one that the call names, or else of the only
/// one that the key is bound to.
pub fn read_usage(
    context: &ReadContext<'_>,
    caller: &Caller,
    call: &mut OrgRead,
) -> Result<Option<Answer>, Refusal> {
    let (store, now) = (context.store, context.now);
    let OrgRead::Usage { inbox } = &*call else {
        return Err(Refusal::Internal);
    };
    let Some(access) = caller.key() else {
        // The operator acts in no organization, so the counters are zero.
        return Ok(Some(Answer::Usage(Box::new(UsageRow {
            addresses: Some(Vec::new()),
            left: BudgetsLeft {
                renews_at: policy::renews_at(now),
                ..BudgetsLeft::default()
            },
            ..UsageRow::default()
        }))));
    };
    let mut whole = store
        .usage(access.org, policy::day_of(now))?
        .ok_or(Refusal::NotFound(Noun::Organization))?;
    let inbox = match (inbox, access.inboxes.as_deref()) {
        (Some(inbox), _) => Some(policy::find_inbox(store, access, inbox)?),
        (None, Some([only])) if !access.subtree => Some(*only),
        (None, _) => None,
    };
    let of_org = whole.sent_today.filter(|_| !access.is_bound());
    let limits = &context.shared.limits;
    whole.left = budget::left(limits, store, now, access, (inbox, of_org))?;
    let Some(bound) = &access.inboxes else {
        return Ok(Some(Answer::Usage(Box::new(whole))));
    };
    let mut addresses = Vec::with_capacity(bound.len());
    for id in bound {
        addresses.extend(store.inbox(access.org, *id)?.map(|row| row.address));
    }
    let so_far = UsageRow {
        org_name: whole.org_name,
        head: whole.head,
        left: whole.left,
        addresses: Some(addresses),
        ..UsageRow::default()
    };
    *call = OrgRead::UsageRest {
        after: InboxId(0),
        so_far: Box::new(so_far),
    };
    Ok(None)
}

/// Does a slice of the counters of a key that is bound to inboxes.
pub fn count_usage(
    store: &Store,
    access: &Access,
    after: &mut InboxId,
    so_far: &mut UsageRow,
) -> Result<Option<Answer>, Refusal> {
    let mut work = 0;
    while work < SLICE_WORK {
        let seen = look_at_inboxes(store, access, None, *after)?;
        *after = InboxId(seen.last);
        work += seen.work.max(1);
        for row in seen.rows {
            so_far.inboxes += 1;
            so_far.messages = so_far.messages.saturating_add(row.messages);
            so_far.bytes = so_far.bytes.saturating_add(row.bytes);
        }
        if seen.is_end {
            return Ok(Some(Answer::Usage(Box::new(core::mem::take(so_far)))));
        }
    }
    Ok(None)
}
