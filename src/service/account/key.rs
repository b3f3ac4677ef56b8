//! Keys, domains, organizations, usage and the queue to outside, as clients see them.

use super::inbox;
use crate::call::bounds::{KEY_INBOXES_MAX, LABEL_BYTES_MAX, PAGE_ROWS_MAX, check_line};
use crate::call::{
    Access, Answer, Caller, Change, ConflictReason, Countable, DomainId, DomainRef, DomainRow,
    InboxId, KeyId, KeyRow, NewKey, Noun, Now, OrgId, OrgRow, OutboundId, Refusal, Scopes, Secret,
    UidSet, UsageRow, Written,
};
use crate::crypto::ApiKey;
use crate::mail::parse::address::parse_domain;
use crate::service::access::login;
use crate::service::context::WriteContext;
use crate::service::policy;
use crate::store::{NewEvent, Store};

// ---- keys ----

/// See [`crate::call::Call::CreateKey`]. A key mints only what it holds itself: its scopes,
/// its inboxes, and no longer than it lasts.
pub fn create_key(
    context: &mut WriteContext<'_>,
    access: &Access,
    new: &NewKey,
) -> Result<Written, Refusal> {
    if new.scopes == Scopes::NONE {
        return Err(Refusal::Invalid {
            field: "scopes",
            why: "must have at least one scope".into(),
        });
    }
    login::require(access.scopes, new.scopes)?;
    if let Some(label) = &new.label {
        check_text(label, "label", LABEL_BYTES_MAX)?;
    }
    if new.expires_at.is_some_and(|t| t <= context.now.unix_ms) {
        return Err(Refusal::Invalid {
            field: "expires_at",
            why: "is in the past".into(),
        });
    }
    let inboxes = match &new.inboxes {
        None => access.inboxes.clone(),
        Some(names) => {
            if names.is_empty() || names.len() > KEY_INBOXES_MAX {
                return Err(Refusal::Invalid {
                    field: "inboxes",
                    why: format!("must name 1 to {KEY_INBOXES_MAX} inboxes"),
                });
            }
            let mut ids = Vec::with_capacity(names.len());
            for name in names {
                ids.push(policy::named_inbox(context.store, access, name)?);
            }
            ids.sort_unstable();
            ids.dedup();
            Some(ids)
        }
    };
    let expires_at = match (new.expires_at, access.expires_at) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    make_room(context, access.org, 1)?;
    let (row, secret) = mint(
        context,
        access.org,
        NewRow {
            label: new.label.clone(),
            scopes: new.scopes,
            inboxes,
            expires_at,
        },
    )?;
    Ok(Written::Key(Box::new(row), secret))
}

pub(in crate::service) struct NewRow {
    pub label: Option<String>,
    pub scopes: Scopes,
    pub inboxes: Option<Vec<InboxId>>,
    pub expires_at: Option<i64>,
}

/// Makes a key that has been checked.
pub(in crate::service) fn mint(
    context: &mut WriteContext<'_>,
    org: OrgId,
    new: NewRow,
) -> Result<(KeyRow, Secret), Refusal> {
    let (key, text) = ApiKey::generate(context.random);
    let row = KeyRow {
        id: KeyId(context.store.new_id(context.now)),
        public: key.public,
        label: new.label,
        scopes: new.scopes,
        inboxes: new.inboxes,
        created_at: context.now.unix_ms,
        expires_at: new.expires_at,
        revoked_at: None,
    };
    context.store.insert_key(org, &row, &key.hash)?;
    Ok((shown(row), Secret::new(text)))
}

/// The row as clients see it: the public id with what a key's text begins with.
fn shown(mut row: KeyRow) -> KeyRow {
    row.public.insert_str(0, ApiKey::PREFIX);
    row
}

fn make_room(context: &WriteContext<'_>, org: OrgId, n: usize) -> Result<(), Refusal> {
    let max = context.service.shared.limits.keys as u64;
    if context.store.keys_len(org)?.saturating_add(n as u64) > max {
        return Err(Refusal::Limit {
            what: Countable::Keys,
            max,
        });
    }
    Ok(())
}

/// See [`crate::call::Call::MintCredentials`]: what a mail client needs, an inbox each.
pub fn create_credentials(
    context: &mut WriteContext<'_>,
    access: &Access,
) -> Result<Written, Refusal> {
    let scopes = Scopes::MESSAGES_READ.and(Scopes::MESSAGES_WRITE);
    login::require(access.scopes, scopes)?;
    let mut rows = match &access.inboxes {
        None => context
            .store
            .inboxes(access.org, None, InboxId(0), MINTED_MAX + 1)?,
        Some(bound) => {
            let mut rows = Vec::new();
            for id in bound.iter().take(MINTED_MAX + 1) {
                rows.extend(context.store.inbox(access.org, *id)?);
            }
            rows
        }
    };
    if rows.len() > MINTED_MAX {
        return Err(Refusal::Limit {
            what: Countable::InboxesInExport,
            max: MINTED_MAX as u64,
        });
    }
    make_room(context, access.org, rows.len())?;
    let mut made = Vec::with_capacity(rows.len());
    for inbox in rows.drain(..) {
        let new = NewRow {
            label: Some(format!("credentials of {}", inbox.address)),
            scopes,
            inboxes: Some(vec![inbox.id]),
            expires_at: access.expires_at,
        };
        let (key, secret) = mint(context, access.org, new)?;
        made.push((inbox, key, secret));
    }
    Ok(Written::Credentials(made))
}

/// See [`crate::call::Call::ListKeys`]. A key that is bound to inboxes sees the keys that are
/// bound to none but those.
pub fn list_keys(
    store: &Store,
    access: &Access,
    after: Option<&str>,
    limit: usize,
) -> Result<Answer, Refusal> {
    let mut after = cursor(after, KeyId::parse)?.unwrap_or(KeyId(0));
    let limit = limit.clamp(1, PAGE_ROWS_MAX);
    let mut rows = Vec::new();
    for _ in 0..FILTERED_PAGES_MAX {
        let page = store.keys(access.org, after, PAGE_ROWS_MAX + 1)?;
        let last = page.last().map(|row| row.id);
        let is_end = page.len() <= PAGE_ROWS_MAX;
        rows.extend(
            page.into_iter()
                .filter(|row| login::sees_all(access, row.inboxes.as_deref())),
        );
        match last {
            Some(last) if !is_end && rows.len() <= limit => after = last,
            _ => break,
        }
    }
    let next = next_cursor(&mut rows, limit, |row| row.id.to_string());
    let rows = rows.into_iter().map(shown).collect();
    Ok(Answer::Keys { rows, next })
}

/// See [`crate::call::Call::ReadKey`].
pub fn read_key(store: &Store, access: &Access, key: KeyId) -> Result<Answer, Refusal> {
    let row = visible_key(store, access, key)?;
    Ok(Answer::Keys {
        rows: vec![shown(row)],
        next: None,
    })
}

fn visible_key(store: &Store, access: &Access, key: KeyId) -> Result<KeyRow, Refusal> {
    store
        .key(access.org, key)?
        .filter(|row| login::sees_all(access, row.inboxes.as_deref()))
        .ok_or(Refusal::NotFound(Noun::Key))
}

/// See [`crate::call::Call::RevokeKey`]. Revoking again changes nothing.
pub fn revoke_key(
    context: &mut WriteContext<'_>,
    access: &Access,
    key: KeyId,
) -> Result<Written, Refusal> {
    visible_key(context.store, access, key)?;
    end_key(context, access.org, key)?;
    Ok(Written::Changed)
}

/// Ends a key; the event that tells of it ends its sessions.
fn end_key(context: &mut WriteContext<'_>, org: OrgId, key: KeyId) -> Result<(), Refusal> {
    if context.store.revoke_key(org, key, context.now.unix_ms)? {
        let new = NewEvent {
            inbox: None,
            mailbox: None,
            uids: UidSet::new(),
            change: Change::KeyRevoked { key },
        };
        context
            .store
            .append_event(context.now, org, context.origin, new, context.events)?;
    }
    Ok(())
}

// ---- domains ----

/// See [`crate::call::Call::CreateDomain`].
pub fn create_domain(
    context: &mut WriteContext<'_>,
    access: &Access,
    name: &str,
) -> Result<Written, Refusal> {
    let name = parse_domain(name).map_err(|_| Refusal::Invalid {
        field: "name",
        why: "is not a valid domain".into(),
    })?;
    let shared = &context.service.shared_domain;
    let under_shared = name
        .strip_suffix(shared.as_str())
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    if name.starts_with('[') || !name.contains('.') || under_shared {
        return Err(Refusal::Invalid {
            field: "name",
            why: "must be a domain of your own, with a dot in it".into(),
        });
    }
    // Mail for the server's own name is the operator's, who acts without a key: to its
    // postmaster others prove what is not theirs.
    let is_host = name.eq_ignore_ascii_case(&context.service.shared.host);
    if is_host && access.key.is_some() || context.store.domain_by_name(&name)?.is_some() {
        return Err(Refusal::Exists(Noun::Domain));
    }
    let max = context.service.shared.limits.domains as u64;
    if context.store.domains(access.org)?.len() as u64 >= max {
        return Err(Refusal::Limit {
            what: Countable::Domains,
            max,
        });
    }
    Ok(Written::Domain(plant_domain(context, access.org, &name)?))
}

/// Writes a domain that has been checked.
pub(in crate::service) fn plant_domain(
    context: &WriteContext<'_>,
    org: OrgId,
    name: &str,
) -> Result<DomainRow, Refusal> {
    let row = DomainRow {
        id: DomainId(context.store.new_id(context.now)),
        name: name.to_owned(),
        created_at: context.now.unix_ms,
    };
    context.store.insert_domain(org, &row)?;
    Ok(row)
}

/// See [`crate::call::Call::ListDomains`].
pub fn list_domains(store: &Store, access: &Access) -> Result<Answer, Refusal> {
    Ok(Answer::Domains(store.domains(access.org)?))
}

/// See [`crate::call::Call::DeleteDomain`].
pub fn delete_domain(
    context: &mut WriteContext<'_>,
    access: &Access,
    domain: &DomainRef,
) -> Result<Written, Refusal> {
    const NONE: Refusal = Refusal::NotFound(Noun::Domain);
    let domain = match domain {
        DomainRef::Id(id) => *id,
        DomainRef::Name(name) => {
            let name = parse_domain(name).map_err(|_| NONE)?;
            let found = context.store.domain_by_name(&name)?;
            let own = found.filter(|(org, _)| *org == access.org);
            own.ok_or(NONE)?.1
        }
    };
    if context.store.is_domain_used(access.org, domain)? {
        return Err(Refusal::Conflict(ConflictReason::DomainInUse));
    }
    if !context.store.delete_domain(access.org, domain)? {
        return Err(NONE);
    }
    Ok(Written::Changed)
}

// ---- organizations ----

/// See [`crate::call::Call::CreateOrg`].
pub fn create_org(context: &mut WriteContext<'_>, name: &str) -> Result<Written, Refusal> {
    check_text(name, "name", LABEL_BYTES_MAX)?;
    let row = plant_org(context, name)?;
    let new = NewRow {
        label: Some("first key".into()),
        scopes: Scopes::ADMIN,
        inboxes: None,
        expires_at: None,
    };
    let (key, secret) = mint(context, row.id, new)?;
    Ok(Written::Org(row, Box::new(key), secret))
}

/// Writes an organization that has been checked.
pub(in crate::service) fn plant_org(
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

/// See [`crate::call::Call::ListOrgs`].
pub fn list_orgs(store: &Store) -> Result<Answer, Refusal> {
    Ok(Answer::Orgs(store.orgs()?))
}

/// See [`crate::call::Call::DeleteOrg`]. Every inbox and key goes, and is told of, in this one
/// transaction, which takes about a tenth of a millisecond for each; mail, log and queue go
/// later, in slices.
pub fn delete_org(context: &mut WriteContext<'_>, org: OrgId) -> Result<Written, Refusal> {
    if !context.store.has_org(org)? {
        return Err(Refusal::NotFound(Noun::Organization));
    }
    // The events are in a log that goes with the organization; they are published all the
    // same, and end every session.
    for key in context.store.live_keys(org)? {
        end_key(context, org, key)?;
    }
    // The deepest first: a child names its parent.
    let mut rest: Vec<InboxId> = Vec::new();
    let mut level: Vec<InboxId> = Vec::new();
    let mut after = InboxId(0);
    loop {
        let page = context.store.inboxes(org, None, after, PAGE_ROWS_MAX)?;
        let Some(last) = page.last() else { break };
        after = last.id;
        level.extend(page.iter().filter(|r| r.parent.is_none()).map(|r| r.id));
    }
    while !level.is_empty() {
        let mut below = Vec::new();
        for inbox in &level {
            below.extend(context.store.inbox_children(org, *inbox)?);
        }
        rest.append(&mut level);
        level = below;
    }
    for inbox in rest.into_iter().rev() {
        inbox::uproot(context, org, inbox)?;
    }
    context.store.delete_org(org)?;
    Ok(Written::Changed)
}

// ---- counters and the queue ----

/// See [`crate::call::Call::Usage`]. A key that is bound to inboxes is told of those only.
pub fn usage(store: &Store, now: Now, caller: &Caller) -> Result<Answer, Refusal> {
    let Some(access) = caller.key() else {
        // The operator acts in no organization, so there is nothing to count.
        return Ok(Answer::Usage(Box::default()));
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
    for id in bound {
        if let Some(row) = store.inbox(access.org, *id)? {
            own.inboxes += 1;
            own.messages = own.messages.saturating_add(row.messages);
            own.bytes = own.bytes.saturating_add(row.bytes);
        }
    }
    Ok(Answer::Usage(Box::new(own)))
}

/// See [`crate::call::Call::ListOutbound`].
pub fn list_outbound(
    store: &Store,
    access: &Access,
    after: Option<&str>,
    limit: usize,
) -> Result<Answer, Refusal> {
    let mut after = cursor(after, OutboundId::parse)?.unwrap_or(OutboundId(0));
    let limit = limit.clamp(1, PAGE_ROWS_MAX);
    let mut rows = Vec::new();
    for _ in 0..FILTERED_PAGES_MAX {
        let page = store.outbound(access.org, after, PAGE_ROWS_MAX + 1)?;
        let last = page.last().map(|row| row.id);
        let is_end = page.len() <= PAGE_ROWS_MAX;
        rows.extend(page.into_iter().filter(|row| access.sees(row.inbox)));
        match last {
            Some(last) if !is_end && rows.len() <= limit => after = last,
            _ => break,
        }
    }
    let next = next_cursor(&mut rows, limit, |row| row.id.to_string());
    Ok(Answer::Outbound { rows, next })
}

// ---- what these have in common ----

/// Reads a cursor: the id of the last row of the page before.
pub(in crate::service) fn cursor<T>(
    text: Option<&str>,
    parse: fn(&str) -> Option<T>,
) -> Result<Option<T>, Refusal> {
    match text {
        None => Ok(None),
        Some(text) => parse(text).map(Some).ok_or(Refusal::Invalid {
            field: "cursor",
            why: "is not one that a list here gave".into(),
        }),
    }
}

/// Cuts a page that was read with rows to spare, and names its last row if there is more.
pub(in crate::service) fn next_cursor<T>(
    rows: &mut Vec<T>,
    limit: usize,
    name: impl Fn(&T) -> String,
) -> Option<String> {
    if rows.len() <= limit {
        return None;
    }
    rows.truncate(limit);
    rows.last().map(name)
}

/// A short text for people: not empty, no control characters.
pub(in crate::service) fn check_text(
    text: &str,
    field: &'static str,
    max: usize,
) -> Result<(), Refusal> {
    check_line(text, max).map_err(|why| Refusal::Invalid { field, why })
}

/// Pages that a list looks through for a key that sees few of their rows; a list may end
/// early for it, never wrongly go on.
const FILTERED_PAGES_MAX: usize = 500;
/// Keys that one export mints: about 20 ms of the writer.
const MINTED_MAX: usize = 1000;
