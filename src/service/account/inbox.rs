//! Inboxes: created, listed, changed, deleted. It knows their addresses, their tree, and the bounds
//! of what a client may write into them.

use std::sync::Arc;

use super::domain::insert_proven;
use super::page::{LIST_WORK, RowsLookedAt, list_slice};
use super::{bounds, upstream};
use crate::call::bounds::{
    CLIENT_ID_BYTES_MAX, LABEL_BYTES_MAX, METADATA_BYTES_MAX, PAGE_ROWS_MAX,
};
use crate::call::{
    Access, Answer, Change, ConflictReason, Countable, DomainId, EventReach, InboxId, InboxPatch,
    InboxRef, InboxRow, NewInbox, Noun, OrgId, ReceiveDefault, Refusal, Scopes, SendMode,
    SlicedList, UidSet, Written, require,
};
use crate::mail::parse::address::{Address, parse_domain};
use crate::mail::write::return_path::is_reserved;
use crate::service::access::admit::sees;
use crate::service::context::WriteContext;
use crate::service::field::{check_text, invalid};
use crate::service::policy::{self, find_inbox};
use crate::service::{event_groups, webhook};
use crate::store::{NewEvent, Store};

/// Creates an inbox. A known `client_id` gives the inbox that has it.
pub fn create_inbox(
    context: &mut WriteContext<'_>,
    access: &Access,
    new: &NewInbox,
) -> Result<Written, Refusal> {
    // What is under no inbox of the key is the organization's.
    if access.is_bound() && (!access.subtree || new.parent.is_none()) {
        return Err(Refusal::KeyBound);
    }
    let org = access.org;
    if let Some(id) = &new.client_id {
        check_text(id, "client_id", CLIENT_ID_BYTES_MAX)?;
        if let Some(inbox) = context.store.inbox_by_client_id(org, id)? {
            if !sees(context.store, access, inbox)? {
                return Err(Refusal::Exists(Noun::Inbox));
            }
            let mut row = context.store.inbox(org, inbox)?.ok_or(Refusal::Internal)?;
            upstream::show(
                context.service,
                context.store,
                org,
                core::slice::from_mut(&mut row),
            )?;
            return Ok(told(access, row, true));
        }
    }
    check_display_name(new.display_name.as_deref())?;
    check_metadata(new.metadata.as_deref())?;
    let max = context.service.shared.limits.inboxes as u64;
    if context.store.inboxes_len(org)? >= max {
        return Err(Refusal::Limit {
            what: Countable::Inboxes,
            max,
        });
    }
    let parent = match &new.parent {
        None => None,
        Some(name) => Some(parent_inbox(context.store, access, name)?),
    };
    let ancestors = ancestors_under(context.store, org, parent)?;
    let send_mode = new_send_mode(context.store, access, parent, new.send_mode)?;
    bounds::check_end(new.expires_at, context.now.unix_ms)?;
    let (address, domain) = match &new.upstream {
        Some(patch) => (upstream::choose_address(context, access, new, patch)?, None),
        None => choose_address(context, org, new)?,
    };
    check_reserved(&address)?;
    if let (true, Some(parent), true) = (access.is_bound(), parent, domain.is_some()) {
        check_confined(context.store, org, parent, &address)?;
    }
    // A new one under it must not be a way around the bounds of its parent.
    let above = match parent {
        Some(parent) => context.store.inbox(org, parent)?,
        None => None,
    };
    let mut row = InboxRow {
        id: InboxId(context.store.new_id(context.now)),
        address: address.to_string(),
        display_name: new.display_name.clone(),
        parent,
        client_id: new.client_id.clone(),
        metadata: new.metadata.clone(),
        created_at: context.now.unix_ms,
        bytes: 0,
        messages: 0,
        send_mode,
        receive_default: new.receive_default.unwrap_or_default(),
        expires_at: new.expires_at,
        retention_days: above.as_ref().and_then(|above| above.retention_days),
        quota_bytes: above.as_ref().and_then(|above| above.quota_bytes),
        limits: above.map(|above| above.limits).unwrap_or_default(),
        upstream: None,
    };
    bounds::change(context, access, &mut row, &new.bounds)?;
    wake(context, &row);
    if row.receive_default != ReceiveDefault::Allow {
        context.service.screens.begin();
    }
    insert(context, org, &row, &address, domain, &ancestors)?;
    if let Some(patch) = &new.upstream {
        row.upstream = Some(upstream::insert(context, (org, row.id), patch)?);
    }
    Ok(told(access, row, false))
}

/// Checks that an address is not one of the return paths of mail that leaves. An inbox of an older
/// release that has such an address keeps it.
fn check_reserved(address: &Address) -> Result<(), Refusal> {
    match is_reserved(address.local()) {
        true => Err(invalid(
            "username",
            "is reserved: `bounces` is where reports about sent mail come back; choose another",
        )),
        false => Ok(()),
    }
}

/// The mode of a new inbox: that of its parent, unless the request names one. Who may not decide
/// on held mail cannot make a way around the parent's mode.
fn new_send_mode(
    store: &Store,
    access: &Access,
    parent: Option<InboxId>,
    wanted: Option<SendMode>,
) -> Result<SendMode, Refusal> {
    let inherited = match parent {
        None => SendMode::Direct,
        Some(parent) => {
            let row = store.inbox(access.org, parent)?;
            row.ok_or(Refusal::NotFound(Noun::Inbox))?.send_mode
        }
    };
    let mode = wanted.unwrap_or(inherited);
    if mode < inherited {
        require(access.scopes, Scopes::APPROVE)?;
    }
    Ok(mode)
}

/// The answer to a change of an inbox: a key that may not read inboxes is told its name only.
fn told(access: &Access, row: InboxRow, existed: bool) -> Written {
    if access.scopes.allow(Scopes::INBOXES_READ) {
        return Written::Inbox {
            row: Box::new(row),
            existed,
        };
    }
    Written::InboxName {
        id: row.id,
        address: row.address,
        existed,
    }
}

/// Checks the address that a key which is bound to inboxes has chosen on an own domain: it is on
/// the domain of its parent, and no name by which others reach the owner of a domain. A certificate
/// authority sends the proof of a domain to such a name.
fn check_confined(
    store: &Store,
    org: OrgId,
    parent: InboxId,
    address: &Address,
) -> Result<(), Refusal> {
    let parent = store
        .inbox(org, parent)?
        .ok_or(Refusal::NotFound(Noun::Inbox))?;
    let parent = policy::parse_address(&parent.address, "parent")?;
    let is_role = ROLE_NAMES
        .iter()
        .any(|name| name.eq_ignore_ascii_case(address.local()));
    match is_role || parent.domain() != address.domain() {
        true => Err(Refusal::KeyBound),
        false => Ok(()),
    }
}

/// Stores a checked inbox with its standard mailboxes, and writes its event.
pub(in crate::service) fn insert(
    context: &mut WriteContext<'_>,
    org: OrgId,
    row: &InboxRow,
    address: &Address,
    domain: Option<DomainId>,
    ancestors: &[InboxId],
) -> Result<(), Refusal> {
    let canonical = address.canonical();
    context
        .store
        .insert_inbox(org, row, &canonical, domain, ancestors)?;
    let seq = log_change(context, org, row.id, Change::InboxCreated)?;
    context
        .store
        .make_standard_mailboxes(context.now, org, row.id, seq)?;
    Ok(())
}

fn log_change(
    context: &mut WriteContext<'_>,
    org: OrgId,
    inbox: InboxId,
    change: Change,
) -> Result<u64, Refusal> {
    let path = context
        .store
        .inbox_path(org, inbox)?
        .ok_or(Refusal::NotFound(Noun::Inbox))?;
    let new = NewEvent {
        inbox: Some(Arc::new(path)),
        mailbox: None,
        uids: UidSet::new(),
        change,
    };
    Ok(context
        .store
        .append_event(context.now, org, context.origin, new, context.events)?)
}

/// The address of a new inbox. On an own domain it is the one that the client asks for. On the
/// shared domain six random characters are added, so that no organization can take a name from
/// another.
fn choose_address(
    context: &mut WriteContext<'_>,
    org: OrgId,
    new: &NewInbox,
) -> Result<(Address, Option<DomainId>), Refusal> {
    if new.username.as_deref() == Some("") {
        return Err(invalid("username", "is empty"));
    }
    let own = match &new.domain {
        None => None,
        Some(name) => {
            let name =
                parse_domain(name).map_err(|_| invalid("domain", "is not a valid domain"))?;
            if name == context.service.shared_domain {
                None
            } else {
                let row = context.store.domain_named(org, &name)?;
                let row =
                    row.ok_or_else(|| invalid("domain", "is not a domain of this organization"))?;
                if row.verified_at.is_none() {
                    return Err(Refusal::DomainNotVerified { domain: name });
                }
                Some((name, row.id))
            }
        }
    };
    if let Some((domain, id)) = own {
        let user = new
            .username
            .as_deref()
            .ok_or_else(|| invalid("username", "is needed on an own domain"))?;
        let address = username_at(user, &domain)?;
        // The owner of a proven domain may use every name on it again. Another organization that
        // had it keeps its own mail, and its row of the address receives none.
        let canonical = address.canonical();
        let is_taken = context.store.inbox_at(org, &canonical)?.is_some()
            || context.store.destination(&canonical)?.is_some();
        if is_taken {
            return Err(Refusal::Exists(Noun::Inbox));
        }
        return Ok((address, Some(id)));
    }
    let user = new.username.as_deref().unwrap_or("agent");
    for _ in 0..MADE_UP_TRIES {
        let made_up = context.random.lower36(MADE_UP_DIGITS);
        let address = username_at(&format!("{user}-{made_up}"), &context.service.shared_domain)?;
        if !context.store.is_address_known(&address.canonical())? {
            return Ok((address, None));
        }
    }
    Err(Refusal::Exists(Noun::Inbox))
}

/// A local part that a client has chosen. Beyond the rules of an address it refuses quoting, a `+`
/// (it would take the tagged mail of another inbox), and a first character that a spreadsheet reads
/// as the beginning of a formula.
fn username_at(user: &str, domain: &str) -> Result<Address, Refusal> {
    if user.starts_with(['=', '+', '-', '@']) {
        return Err(invalid("username", "may not begin with = + - @"));
    }
    if user.contains(['+', '"', '@', '\\']) || user.chars().any(char::is_whitespace) {
        return Err(invalid(
            "username",
            "may not contain + \" @ \\ or white space",
        ));
    }
    Address::parse(&format!("{user}@{domain}")).map_err(|_| invalid("username", unfit_name(user)))
}

/// Why a text cannot stand before an `@` (RFC 5321 section 4.1.2, RFC 6531 section 3.3).
fn unfit_name(user: &str) -> String {
    let is_fit =
        |c: char| c.is_alphanumeric() || !c.is_ascii() || ".!#$%&'*/=?^_`{|}~-".contains(c);
    match user.chars().find(|c| !is_fit(*c)) {
        Some(c) => format!("may not contain `{c}`"),
        None if user.starts_with('.') || user.ends_with('.') || user.contains("..") => {
            "may not begin or end with a dot or have two in a row".to_owned()
        }
        None => "is too long or has a character that an address cannot have".to_owned(),
    }
}

/// Does a slice of a list of inboxes, all or those right under one parent.
pub fn list_inboxes(
    store: &Store,
    access: &Access,
    parent: Option<InboxId>,
    list: &mut SlicedList<InboxRow>,
) -> Result<Option<Answer>, Refusal> {
    let page = list_slice(
        list,
        LIST_WORK,
        |row| row.id,
        InboxId,
        |after| look_at_inboxes(store, access, parent, InboxId(after)),
    )?;
    Ok(page.map(|(rows, next)| Answer::Inboxes { rows, next }))
}

/// Looks at some inboxes after `after`, by id: all, or those right under a parent that the key
/// sees. For a key that covers subtrees every inbox of the organization is looked at.
pub(super) fn look_at_inboxes(
    store: &Store,
    access: &Access,
    parent: Option<InboxId>,
    after: InboxId,
) -> Result<RowsLookedAt<InboxRow>, Refusal> {
    let org = access.org;
    let looked = |rows: Vec<InboxRow>, last: Option<InboxId>, n: usize| RowsLookedAt {
        rows,
        last: last.unwrap_or(after).0,
        is_end: n < PAGE_ROWS_MAX,
        work: n as u64,
    };
    match (&access.inboxes, parent) {
        (Some(bound), _) if !access.subtree => {
            let ids = bound.iter().filter(|id| **id > after).take(PAGE_ROWS_MAX);
            let (mut rows, mut last, mut n) = (Vec::new(), None, 0);
            for id in ids {
                let row = store.inbox(org, *id)?;
                rows.extend(row.filter(|r| parent.is_none() || r.parent == parent));
                last = Some(*id);
                n += 1;
            }
            Ok(looked(rows, last, n))
        }
        (Some(_), None) => {
            let page = store.inboxes_with_ancestors(org, after, PAGE_ROWS_MAX)?;
            let (last, n) = (page.last().map(|(row, _)| row.id), page.len());
            let seen = (page.into_iter())
                .filter(|(row, ancestors)| access.sees(row.id, ancestors))
                .map(|(row, _)| row);
            Ok(looked(seen.collect(), last, n))
        }
        (None, _) | (Some(_), Some(_)) => {
            let rows = store.inboxes(org, parent, after, PAGE_ROWS_MAX)?;
            let (last, n) = (rows.last().map(|row| row.id), rows.len());
            Ok(looked(rows, last, n))
        }
    }
}

/// Reads one inbox.
pub fn read_inbox(store: &Store, access: &Access, name: &InboxRef) -> Result<Answer, Refusal> {
    let inbox = find_inbox(store, access, name)?;
    let rows = store.inbox(access.org, inbox)?.into_iter().collect();
    Ok(Answer::Inboxes { rows, next: None })
}

/// Finds inboxes for a reader of events; the first that the key does not see, or that is not
/// `within` those that are watched, refuses all.
pub fn find_inboxes(
    store: &Store,
    access: &Access,
    names: &[InboxRef],
    within: EventReach,
) -> Result<Answer, Refusal> {
    let mut rows: Vec<InboxRow> = Vec::with_capacity(names.len());
    for name in names {
        let inbox = find_inbox(store, access, name)?;
        let watched = rows.first().map_or(inbox, |row| row.id);
        let is_within = inbox == watched
            || match within {
                EventReach::All => true,
                EventReach::Inbox => false,
                EventReach::Tree => store
                    .inbox_path(access.org, inbox)?
                    .is_some_and(|path| path.ancestors.contains(&watched)),
            };
        if !is_within {
            return Err(Refusal::NotFound(Noun::Inbox));
        }
        rows.extend(store.inbox(access.org, inbox)?);
    }
    Ok(Answer::Inboxes { rows, next: None })
}

/// Changes an inbox.
pub fn patch_inbox(
    context: &mut WriteContext<'_>,
    access: &Access,
    name: &InboxRef,
    patch: &InboxPatch,
) -> Result<Written, Refusal> {
    let org = access.org;
    let inbox = find_inbox(context.store, access, name)?;
    let before = context
        .store
        .inbox(org, inbox)?
        .ok_or(Refusal::NotFound(Noun::Inbox))?;
    let mut row = before.clone();
    if let Some(display_name) = &patch.display_name {
        check_display_name(display_name.as_deref())?;
        row.display_name.clone_from(display_name);
    }
    if let Some(metadata) = &patch.metadata {
        check_metadata(metadata.as_deref())?;
        row.metadata.clone_from(metadata);
    }
    if let Some(mode) = patch.send_mode {
        // A key that sends must not be able to lift what keeps its own mail.
        if mode < row.send_mode {
            require(access.scopes, Scopes::APPROVE)?;
        }
        row.send_mode = mode;
    }
    if let Some(mode) = patch.receive_default {
        if mode != ReceiveDefault::Allow {
            context.service.screens.begin();
        }
        row.receive_default = mode;
    }
    if let Some(expires_at) = patch.expires_at {
        bounds::check_end(expires_at, context.now.unix_ms)?;
        // What ends an inbox is for those above it to put off.
        let is_later = expires_at.unwrap_or(i64::MAX) > row.expires_at.unwrap_or(i64::MAX);
        if is_later && access.is_bound() && access.names(inbox) {
            return Err(Refusal::Loosens {
                field: "expires_at",
            });
        }
        row.expires_at = expires_at;
    }
    bounds::change(context, access, &mut row, &patch.bounds)?;
    if let Some(parent) = &patch.parent {
        row.parent = match parent {
            None => None,
            Some(name) => Some(parent_inbox(context.store, access, name)?),
        };
        // A key moves what is under its inboxes, to where it still sees it. Where its inboxes
        // themselves stand is the organization's.
        let is_moved = row.parent != before.parent;
        if is_moved && access.is_bound() && (access.names(inbox) || row.parent.is_none()) {
            return Err(Refusal::KeyBound);
        }
    }
    if let Some(patch) = &patch.upstream {
        upstream::change(context, (org, inbox), patch)?;
    }
    if row != before || patch.upstream.is_some() {
        context.store.update_inbox(org, &row)?;
        wake(context, &row);
        if row.parent == before.parent {
            log_change(context, org, inbox, Change::InboxUpdated)?;
        } else {
            // The events of those under it end the sessions of keys that do not see them any more.
            for (inbox, from) in move_tree(context.store, org, inbox, row.parent)? {
                log_change(context, org, inbox, Change::InboxMoved { from })?;
            }
        }
    }
    upstream::show(
        context.service,
        context.store,
        org,
        core::slice::from_mut(&mut row),
    )?;
    Ok(told(access, row, true))
}

/// Has the writer look when an inbox ends, and for mail that it keeps no longer.
fn wake(context: &WriteContext<'_>, row: &InboxRow) {
    if let Some(at) = row.expires_at {
        context.service.looks_at_expiry_by(at);
    }
    if row.retention_days.is_some() {
        context.service.set_retention_look(0);
    }
}

/// Stores new ancestors for an inbox and for everything under it, level by level. Gives all of
/// them with their old ancestors, the inbox first. A tree of more than [`MOVED_MAX`] inboxes is
/// refused: what it is under decides who sees an inbox, so all of it moves in one transaction.
fn move_tree(
    store: &Store,
    org: OrgId,
    inbox: InboxId,
    parent: Option<InboxId>,
) -> Result<Vec<(InboxId, Vec<InboxId>)>, Refusal> {
    let ancestors = ancestors_under(store, org, parent)?;
    if let Some(at) = ancestors.iter().position(|above| *above == inbox) {
        return Err(cycle(store, org, ancestors.get(..=at).unwrap_or_default())?);
    }
    let mut moved = Vec::new();
    let mut level = vec![(inbox, ancestors)];
    while !level.is_empty() {
        let mut below = Vec::new();
        for (id, ancestors) in level {
            if ancestors.len() >= DEPTH_MAX {
                return Err(too_deep());
            }
            if moved.len() >= MOVED_MAX {
                return Err(Refusal::Limit {
                    what: Countable::InboxesInMove,
                    max: MOVED_MAX as u64,
                });
            }
            let before = store.inbox_path(org, id)?;
            moved.push((id, before.map_or_else(Vec::new, |path| path.ancestors)));
            store.set_ancestors(org, id, &ancestors)?;
            let mut way = Vec::with_capacity(ancestors.len() + 1);
            way.push(id);
            way.extend(ancestors);
            for child in store.inboxes_under(org, id, MOVED_MAX + 1)? {
                below.push((child, way.clone()));
            }
            if below.len() > MOVED_MAX {
                // More than may move: the next one is refused.
                below.truncate(MOVED_MAX + 1);
            }
        }
        level = below;
    }
    Ok(moved)
}

/// The refusal of a parent that is the inbox itself or is under it. `way` leads from the parent up
/// to the inbox.
fn cycle(store: &Store, org: OrgId, way: &[InboxId]) -> Result<Refusal, Refusal> {
    if way.len() < 2 {
        return Ok(invalid("parent", "is the inbox itself"));
    }
    let mut addresses = Vec::with_capacity(way.len());
    for id in way {
        addresses.extend(
            store
                .inbox(org, *id)?
                .map(|row| format!("`{}`", row.address)),
        );
    }
    let why = format!("is under the inbox: {}", addresses.join(" is under "));
    Ok(invalid("parent", why))
}

/// Deletes an inbox that has no children.
pub fn delete_inbox(
    context: &mut WriteContext<'_>,
    access: &Access,
    name: &InboxRef,
) -> Result<Written, Refusal> {
    let inbox = find_inbox(context.store, access, name)?;
    if !(context.store.inboxes_under(access.org, inbox, 1)?).is_empty() {
        return Err(Refusal::Conflict(ConflictReason::InboxHasChildren));
    }
    delete_leaf(context, access.org, inbox)?;
    Ok(Written::Changed)
}

/// Deletes an inbox whose children are deleted already, with its webhooks and consumer groups, and
/// writes its event.
pub(in crate::service) fn delete_leaf(
    context: &mut WriteContext<'_>,
    org: OrgId,
    inbox: InboxId,
) -> Result<(), Refusal> {
    log_change(context, org, inbox, Change::InboxDeleted)?;
    webhook::change::end_with_inbox(context, org, inbox)?;
    event_groups::end_with_inbox(context, org, inbox)?;
    context.store.delete_inbox(org, inbox)?;
    Ok(())
}

fn parent_inbox(store: &Store, access: &Access, name: &InboxRef) -> Result<InboxId, Refusal> {
    find_inbox(store, access, name).map_err(|refusal| match refusal {
        Refusal::NotFound(_) => invalid("parent", "is not an inbox of this organization"),
        other => other,
    })
}

/// The ancestors of an inbox under `parent`, the parent first.
fn ancestors_under(
    store: &Store,
    org: OrgId,
    parent: Option<InboxId>,
) -> Result<Vec<InboxId>, Refusal> {
    let Some(parent) = parent else {
        return Ok(Vec::new());
    };
    let path = store
        .inbox_path(org, parent)?
        .ok_or(Refusal::NotFound(Noun::Inbox))?;
    let mut way = vec![parent];
    way.extend(path.ancestors);
    if way.len() >= DEPTH_MAX {
        return Err(too_deep());
    }
    Ok(way)
}

fn too_deep() -> Refusal {
    invalid("parent", "would make the tree more than 8 inboxes deep")
}

fn check_display_name(name: Option<&str>) -> Result<(), Refusal> {
    match name {
        Some(name) => check_text(name, "display_name", LABEL_BYTES_MAX),
        None => Ok(()),
    }
}

fn check_metadata(metadata: Option<&str>) -> Result<(), Refusal> {
    if metadata.is_some_and(|m| m.len() > METADATA_BYTES_MAX) {
        return Err(invalid(
            "metadata",
            format!("must be at most {METADATA_BYTES_MAX} octets long"),
        ));
    }
    Ok(())
}

/// The domain of an address. A domain that does not exist is created.
pub(in crate::service) fn find_or_insert_domain(
    context: &mut WriteContext<'_>,
    org: OrgId,
    address: &Address,
) -> Result<Option<DomainId>, Refusal> {
    if address.domain() == context.service.shared_domain {
        return Ok(None);
    }
    debug_assert!(policy::is_local(context.service, context.store, address.domain()).is_ok());
    match context.store.proven_domain(address.domain())? {
        Some((owner, id)) if owner == org => Ok(Some(id)),
        Some(_) => Err(Refusal::Exists(Noun::Domain)),
        None => {
            let row = insert_proven(context, org, address.domain())?;
            Ok(Some(row.id))
        }
    }
}

/// Names that RFC 2142 gives to the owner of a domain, and those to which certificate authorities
/// send a proof.
const ROLE_NAMES: [&str; 9] = [
    "abuse",
    "admin",
    "administrator",
    "hostmaster",
    "noc",
    "postmaster",
    "root",
    "security",
    "webmaster",
];
/// Inboxes that one request moves: some milliseconds of the writer.
const MOVED_MAX: usize = 100;
/// Inboxes from the root of a tree to its deepest, both counted.
const DEPTH_MAX: usize = 8;
/// 36^6 is two thousand million for each name.
const MADE_UP_DIGITS: usize = 6;
/// Collisions in a row after which the address counts as taken.
const MADE_UP_TRIES: usize = 8;
