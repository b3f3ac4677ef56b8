//! API keys: created, listed, revoked. A key is shown once, and only its hash is stored.

use super::inbox::look_at_inboxes;
use super::page::{RowsLookedAt, SLICE_WORK, list_slice};
use crate::call::bounds::{KEY_INBOXES_MAX, LABEL_BYTES_MAX};
use crate::call::{
    Access, Answer, Change, Countable, CredentialsProgress, ExportEnd, Idempotency, InboxId, KeyId,
    KeyRow, KeyWrite, NewKey, Noun, OrgId, Refusal, Scopes, Secret, SlicedList, UidSet, Write,
    Written, require,
};
use crate::crypto::ApiKey;
use crate::service::access::admit::rules;
use crate::service::context::{Carried, WriteContext};
use crate::service::field::{check_text, invalid};
use crate::service::policy;
use crate::store::{NewEvent, Store};

/// Creates a key. A new key has no more rights than the key that creates it: its scopes and its
/// inboxes are a subset, and it does not last longer.
pub fn create_key(
    context: &mut WriteContext<'_>,
    access: &Access,
    new: &NewKey,
) -> Result<Written, Refusal> {
    if new.scopes == Scopes::NONE {
        return Err(invalid("scopes", "must have at least one scope"));
    }
    require(access.scopes, new.scopes)?;
    if let Some(label) = &new.label {
        check_text(label, "label", LABEL_BYTES_MAX)?;
    }
    if new.expires_at.is_some_and(|t| t <= context.now.unix_ms) {
        return Err(invalid("expires_at", "is in the past"));
    }
    let inboxes = match &new.inboxes {
        None => access.inboxes.clone(),
        Some(names) => {
            if names.is_empty() || names.len() > KEY_INBOXES_MAX {
                return Err(invalid(
                    "inboxes",
                    format!("must name 1 to {KEY_INBOXES_MAX} inboxes"),
                ));
            }
            let mut ids = Vec::with_capacity(names.len());
            for name in names {
                ids.push(policy::find_inbox(context.store, access, name)?);
            }
            ids.sort_unstable();
            ids.dedup();
            Some(ids)
        }
    };
    let subtree = match (new.subtree, &inboxes) {
        (Some(true), None) => return Err(invalid("subtree", "needs `inboxes`")),
        // Of an inbox that the key sees by its subtree, it sees the subtree.
        (Some(true), Some(_)) if access.is_bound() && !access.subtree => {
            return Err(Refusal::KeyBound);
        }
        (Some(subtree), _) => subtree,
        (None, _) => new.inboxes.is_none() && access.subtree,
    };
    let expires_at = match (new.expires_at, access.expires_at) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    check_room(context, access.org, 1)?;
    let (row, secret) = generate(
        context,
        access.org,
        CheckedKey {
            label: new.label.clone(),
            scopes: new.scopes,
            inboxes,
            subtree,
            expires_at,
        },
    )?;
    Ok(Written::Key(Box::new(row), secret))
}

pub(in crate::service) struct CheckedKey {
    pub label: Option<String>,
    pub scopes: Scopes,
    pub inboxes: Option<Vec<InboxId>>,
    pub subtree: bool,
    pub expires_at: Option<i64>,
}

/// Generates the secret of a checked key and stores the key.
pub(in crate::service) fn generate(
    context: &mut WriteContext<'_>,
    org: OrgId,
    new: CheckedKey,
) -> Result<(KeyRow, Secret), Refusal> {
    let (key, text) = ApiKey::generate(context.random);
    let row = KeyRow {
        id: KeyId(context.store.new_id(context.now)),
        public: key.public,
        label: new.label,
        scopes: new.scopes,
        inboxes: new.inboxes,
        subtree: new.subtree,
        created_at: context.now.unix_ms,
        expires_at: new.expires_at,
        revoked_at: None,
    };
    context.store.insert_key(org, &row, &key.hash)?;
    Ok((public_row(row), Secret::new(text)))
}

/// The row as clients see it: its public id begins like the text of the key.
fn public_row(mut row: KeyRow) -> KeyRow {
    row.public.insert_str(0, ApiKey::PREFIX);
    row
}

fn check_room(context: &WriteContext<'_>, org: OrgId, n: usize) -> Result<(), Refusal> {
    let max = context.service.shared.limits.keys as u64;
    if context.store.keys_len(org)?.saturating_add(n as u64) > max {
        return Err(Refusal::Limit {
            what: Countable::Keys,
            max,
        });
    }
    Ok(())
}

/// Creates the credentials that a mail client needs: one key for each inbox, in slices. The inboxes
/// are found before the first key is made, so that a refusal leaves no key.
pub fn create_credentials(
    context: &mut WriteContext<'_>,
    access: &Access,
    mut progress: CredentialsProgress,
    idempotency: Option<&Idempotency>,
) -> Result<Carried, Refusal> {
    let scopes = Scopes::MESSAGES_READ.and(Scopes::MESSAGES_WRITE);
    require(access.scopes, scopes)?;
    if let Some(end) = progress.undo.clone() {
        if progress.made.is_empty() {
            return match end {
                ExportEnd::Refused(why) => Err(why),
                ExportEnd::Repeated => {
                    let idempotency = idempotency.cloned();
                    let again = KeyWrite::CreateCredentials { idempotency };
                    Ok(Carried::Rest(Box::new(Write::Key(again))))
                }
            };
        }
        // No client has seen them.
        for _ in 0..CREDENTIALS_AT_ONCE {
            let Some((_, key, _)) = progress.made.pop() else {
                break;
            };
            context.store.delete_key(access.org, key.id)?;
        }
    } else if !progress.is_found {
        find_inboxes_of(context, access, &mut progress)?;
    } else {
        for _ in 0..CREDENTIALS_AT_ONCE {
            let Some(inbox) = progress.found.pop() else {
                break;
            };
            let new = CheckedKey {
                label: Some(format!("credentials of {}", inbox.address)),
                scopes,
                inboxes: Some(vec![inbox.id]),
                subtree: false,
                expires_at: access.expires_at,
            };
            let (key, secret) = generate(context, access.org, new)?;
            progress.made.push((inbox, key, secret));
        }
        if progress.found.is_empty() {
            return Ok(Carried::Done(Written::Credentials(progress.made)));
        }
    }
    let rest = KeyWrite::CredentialsRest {
        progress: Box::new(progress),
        idempotency: idempotency.cloned(),
    };
    Ok(Carried::Rest(Box::new(Write::Key(rest))))
}

/// Does a slice of the search for the inboxes of an export.
fn find_inboxes_of(
    context: &WriteContext<'_>,
    access: &Access,
    progress: &mut CredentialsProgress,
) -> Result<(), Refusal> {
    let mut work = 0;
    while work < SLICE_WORK && !progress.is_found {
        let after = InboxId(progress.after);
        let seen = look_at_inboxes(context.store, access, None, after)?;
        progress.after = seen.last;
        progress.is_found = seen.is_end;
        progress.found.extend(seen.rows);
        work += seen.work.max(1);
        if progress.found.len() > CREDENTIALS_MAX {
            return Err(Refusal::Limit {
                what: Countable::InboxesInExport,
                max: CREDENTIALS_MAX as u64,
            });
        }
    }
    if progress.is_found {
        check_room(context, access.org, progress.found.len())?;
        progress.found.reverse();
    }
    Ok(())
}

/// Does a slice of a list of keys. A key that is bound to inboxes sees itself and the keys that it
/// could have made.
pub fn list_keys(
    store: &Store,
    access: &Access,
    list: &mut SlicedList<KeyRow>,
) -> Result<Option<Answer>, Refusal> {
    // A key may be bound to many inboxes, each of which is looked up: keys are read one by one.
    let look = |after: i64| -> Result<RowsLookedAt<KeyRow>, Refusal> {
        let row = store.keys(access.org, KeyId(after), 1)?.pop();
        let Some(row) = row else {
            return Ok(RowsLookedAt {
                rows: Vec::new(),
                last: after,
                is_end: true,
                work: 1,
            });
        };
        let (last, bound) = (row.id.0, row.inboxes.as_ref().map_or(0, Vec::len));
        let is_visible = rules(store, access, &row)?;
        Ok(RowsLookedAt {
            rows: is_visible.then(|| public_row(row)).into_iter().collect(),
            last,
            is_end: false,
            work: 1 + bound as u64,
        })
    };
    let page = list_slice(list, KEYS_WORK, |row| row.id, KeyId, look)?;
    Ok(page.map(|(rows, next)| Answer::Keys { rows, next }))
}

/// Reads one key.
pub fn read_key(store: &Store, access: &Access, key: KeyId) -> Result<Answer, Refusal> {
    let row = visible_key(store, access, key)?;
    Ok(Answer::Keys {
        rows: vec![public_row(row)],
        next: None,
    })
}

fn visible_key(store: &Store, access: &Access, key: KeyId) -> Result<KeyRow, Refusal> {
    const NONE: Refusal = Refusal::NotFound(Noun::Key);
    let row = store.key(access.org, key)?.ok_or(NONE)?;
    match rules(store, access, &row)? {
        true => Ok(row),
        false => Err(NONE),
    }
}

/// Revokes a key. A second revocation changes nothing.
pub fn revoke_key(
    context: &mut WriteContext<'_>,
    access: &Access,
    key: KeyId,
) -> Result<Written, Refusal> {
    visible_key(context.store, access, key)?;
    revoke(context, access.org, key)?;
    Ok(Written::Changed)
}

/// Revokes a key. The event of the revocation ends the sessions of the key.
fn revoke(context: &mut WriteContext<'_>, org: OrgId, key: KeyId) -> Result<(), Refusal> {
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

/// Keys that one export creates.
const CREDENTIALS_MAX: usize = 1000;
/// Keys of one slice of it: some milliseconds of the writer.
const CREDENTIALS_AT_ONCE: usize = 40;
/// Keys and their inboxes that one page looks at. It bounds the size of a page, too.
const KEYS_WORK: u64 = 20_000;
