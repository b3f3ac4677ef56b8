//! Routes about who: keys, inboxes, domains, organizations, `/me`. Each function reads a
//! request strictly and names one call; shapes are in `json_account.rs`.

use super::json_account as show;
use super::problems::{Problem, printable};
use super::routes::{RouteRequest, RouteStep};
use crate::call::{
    Answer, Call, DomainId, DomainRef, InboxPatch, InboxRef, KeyId, NewInbox, NewKey, OrgId,
    Scopes, Shared, Written,
};
use crate::http::wire::json::{Json, JsonFields};
use crate::http::wire::response::Response;
use crate::http::wire::target::inbox_ref;

type RouteResult = Result<RouteStep, Box<Problem>>;

pub(crate) fn me(asked: &RouteRequest<'_>) -> RouteResult {
    let access = asked.access()?;
    let call = Call::Usage { access };
    Ok(RouteStep::Read(
        Box::new(call),
        |answer, access, shared| match answer {
            Answer::Usage(usage) => Some(show::me(&usage, access, shared)),
            _ => None,
        },
    ))
}

pub(crate) fn create_key(asked: &RouteRequest<'_>) -> RouteResult {
    let mut fields = JsonFields::of_body(asked.body)?;
    let label = fields.text("label", LABEL_MAX)?;
    let names = fields.texts("scopes", false)?;
    let inboxes = match fields.texts("inboxes", false)? {
        None => None,
        Some(texts) => Some(refs("inboxes", &texts)?),
    };
    let expires_at = fields.time("expires_at")?;
    fields.end()?;
    let names = names.ok_or_else(|| Problem::invalid("scopes", "is missing"))?;
    let mut scopes = Scopes::NONE;
    for name in &names {
        let scope = Scopes::named(name).ok_or_else(|| {
            let all: Vec<&str> = Scopes::NAMES.iter().map(|(name, _)| *name).collect();
            let why = format!(
                "names `{}`, which is no scope; there are {}",
                printable(name),
                all.join(", ")
            );
            Problem::invalid("scopes", &why)
        })?;
        scopes = scopes.and(scope);
    }
    if names.is_empty() {
        return Err(Problem::invalid("scopes", "must have at least one scope"));
    }
    let call = Call::CreateKey {
        access: asked.access()?,
        new: Box::new(NewKey {
            label,
            scopes,
            inboxes,
            expires_at,
        }),
        once: asked.once(keep_key),
    };
    Ok(RouteStep::Write(
        Box::new(call),
        |written, _| match written {
            Written::Key(row, secret) => Some(show::new_key(row, Some(secret))),
            _ => None,
        },
    ))
}

pub(crate) fn list_keys(asked: &RouteRequest<'_>) -> RouteResult {
    let call = Call::ListKeys {
        access: asked.access()?,
        cursor: asked.query.cursor(),
        limit: asked.query.limit()?,
    };
    Ok(RouteStep::Read(
        Box::new(call),
        |answer, _, _| match answer {
            Answer::Keys { rows, next } => Some(show::keys(&rows, next.as_deref())),
            _ => None,
        },
    ))
}

pub(crate) fn read_key(asked: &RouteRequest<'_>) -> RouteResult {
    let access = asked.access()?;
    let key = asked.id(0, "key", KeyId::parse)?;
    let call = Call::ReadKey { access, key };
    Ok(RouteStep::Read(
        Box::new(call),
        |answer, _, _| match answer {
            Answer::Keys { rows, .. } => Some(show::one_key(rows.first()?)),
            _ => None,
        },
    ))
}

pub(crate) fn revoke_key(asked: &RouteRequest<'_>) -> RouteResult {
    let access = asked.access()?;
    let key = asked.id(0, "key", KeyId::parse)?;
    Ok(RouteStep::Write(
        Box::new(Call::RevokeKey { access, key }),
        gone,
    ))
}

pub(crate) fn create_domain(asked: &RouteRequest<'_>) -> RouteResult {
    let mut fields = JsonFields::of_body(asked.body)?;
    let name = fields.header_text("name", DOMAIN_MAX)?;
    fields.end()?;
    let name = name.ok_or_else(|| Problem::invalid("name", "is missing"))?;
    let call = Call::CreateDomain {
        access: asked.access()?,
        name,
        once: asked.once(keep_domain),
    };
    Ok(RouteStep::Write(Box::new(call), made_domain))
}

pub(crate) fn list_domains(asked: &RouteRequest<'_>) -> RouteResult {
    let access = asked.access()?;
    // There are at most a hundred: they are one page, whatever the limit.
    asked.query.limit()?;
    let call = Call::ListDomains { access };
    Ok(RouteStep::Read(
        Box::new(call),
        |answer, _, _| match answer {
            Answer::Domains(rows) => Some(show::domains(&rows)),
            _ => None,
        },
    ))
}

pub(crate) fn delete_domain(asked: &RouteRequest<'_>) -> RouteResult {
    let access = asked.access()?;
    let domain = asked.id(0, "domain", domain_ref)?;
    let call = Call::DeleteDomain { access, domain };
    Ok(RouteStep::Write(Box::new(call), gone))
}

/// An id, or a name: only a name has a dot in it.
fn domain_ref(text: &str) -> Option<DomainRef> {
    match DomainId::parse(text) {
        Some(id) => Some(DomainRef::Id(id)),
        None => text.contains('.').then(|| DomainRef::Name(text.to_owned())),
    }
}

pub(crate) fn create_org(asked: &RouteRequest<'_>) -> RouteResult {
    let mut fields = JsonFields::of_body(asked.body)?;
    let name = fields.header_text("name", LABEL_MAX)?;
    fields.end()?;
    let name = name.ok_or_else(|| Problem::invalid("name", "is missing"))?;
    let call = Call::CreateOrg {
        access: asked.access()?,
        name,
        once: asked.once(keep_org),
    };
    Ok(RouteStep::Write(
        Box::new(call),
        |written, _| match written {
            Written::Org(org, key, secret) => Some(show::new_org(org, key, Some(secret))),
            _ => None,
        },
    ))
}

pub(crate) fn list_orgs(asked: &RouteRequest<'_>) -> RouteResult {
    let access = asked.access()?;
    asked.query.limit()?;
    let call = Call::ListOrgs { access };
    Ok(RouteStep::Read(
        Box::new(call),
        |answer, _, _| match answer {
            Answer::Orgs(rows) => Some(show::orgs(&rows)),
            _ => None,
        },
    ))
}

pub(crate) fn delete_org(asked: &RouteRequest<'_>) -> RouteResult {
    let access = asked.access()?;
    let org = asked.id(0, "organization", OrgId::parse)?;
    Ok(RouteStep::Write(
        Box::new(Call::DeleteOrg { access, org }),
        gone,
    ))
}

pub(crate) fn create_inbox(asked: &RouteRequest<'_>) -> RouteResult {
    let mut fields = JsonFields::of_body(asked.body)?;
    let new = NewInbox {
        username: fields.header_text("username", LOCAL_MAX)?,
        domain: fields.header_text("domain", DOMAIN_MAX)?,
        display_name: fields.header_text("display_name", LABEL_MAX)?,
        parent: fields.nullable_ref("parent")?.flatten(),
        client_id: fields.text("client_id", CLIENT_ID_MAX)?,
        metadata: fields.object_text("metadata", METADATA_MAX)?.flatten(),
    };
    fields.end()?;
    let call = Call::CreateInbox {
        access: asked.access()?,
        new: Box::new(new),
        once: asked.once(keep_inbox),
    };
    Ok(RouteStep::Write(Box::new(call), made_inbox))
}

pub(crate) fn list_inboxes(asked: &RouteRequest<'_>) -> RouteResult {
    let parent = match asked.query.text("parent") {
        None => None,
        Some(text) => Some(inbox_ref(text).ok_or_else(|| Problem::not_found("inbox"))?),
    };
    let call = Call::ListInboxes {
        access: asked.access()?,
        parent,
        cursor: asked.query.cursor(),
        limit: asked.query.limit()?,
    };
    Ok(RouteStep::Read(
        Box::new(call),
        |answer, _, _| match answer {
            Answer::Inboxes { rows, next } => Some(show::inboxes(&rows, next.as_deref())),
            _ => None,
        },
    ))
}

pub(crate) fn read_inbox(asked: &RouteRequest<'_>) -> RouteResult {
    let access = asked.access()?;
    let inbox = asked.inbox()?;
    let call = Call::ReadInbox { access, inbox };
    Ok(RouteStep::Read(
        Box::new(call),
        |answer, _, _| match answer {
            Answer::Inboxes { rows, .. } => Some(show::one_inbox(200, rows.first()?)),
            _ => None,
        },
    ))
}

pub(crate) fn patch_inbox(asked: &RouteRequest<'_>) -> RouteResult {
    let mut fields = JsonFields::of_body(asked.body)?;
    let patch = InboxPatch {
        display_name: fields.nullable_header_text("display_name", LABEL_MAX)?,
        parent: fields.nullable_ref("parent")?,
        metadata: fields.object_text("metadata", METADATA_MAX)?,
    };
    fields.end()?;
    let call = Call::PatchInbox {
        access: asked.access()?,
        inbox: asked.inbox()?,
        patch: Box::new(patch),
    };
    Ok(RouteStep::Write(
        Box::new(call),
        |written, _| match written {
            Written::Inbox { row, .. } => Some(show::one_inbox(200, row)),
            _ => None,
        },
    ))
}

pub(crate) fn delete_inbox(asked: &RouteRequest<'_>) -> RouteResult {
    let access = asked.access()?;
    let inbox = asked.inbox()?;
    let call = Call::DeleteInbox { access, inbox };
    Ok(RouteStep::Write(Box::new(call), gone))
}

/// 204 for what is no longer there.
pub(crate) fn gone(written: &Written, _house: &Shared) -> Option<Response> {
    matches!(written, Written::Changed).then(Response::nothing)
}

fn made_inbox(written: &Written, _house: &Shared) -> Option<Response> {
    match written {
        // The same `client_id` got the inbox that was there: nothing was created.
        Written::Inbox { row, existed } => {
            Some(show::one_inbox(if *existed { 200 } else { 201 }, row))
        }
        _ => None,
    }
}

fn made_domain(written: &Written, _house: &Shared) -> Option<Response> {
    match written {
        Written::Domain(row) => Some(show::one_domain(201, row)),
        _ => None,
    }
}

fn keep_inbox(written: &Written) -> Vec<u8> {
    match written {
        Written::Inbox { row, existed } => {
            show::one_inbox(if *existed { 200 } else { 201 }, row).keep()
        }
        _ => Vec::new(),
    }
}

fn keep_domain(written: &Written) -> Vec<u8> {
    match written {
        Written::Domain(row) => show::one_domain(201, row).keep(),
        _ => Vec::new(),
    }
}

/// A secret is never kept: the replay names the key and says that it is not repeated.
fn keep_key(written: &Written) -> Vec<u8> {
    match written {
        Written::Key(row, _) => show::new_key(row, None).keep(),
        _ => Vec::new(),
    }
}

fn keep_org(written: &Written) -> Vec<u8> {
    match written {
        Written::Org(org, key, _) => show::new_org(org, key, None).keep(),
        _ => Vec::new(),
    }
}

fn refs(field: &str, texts: &[String]) -> Result<Vec<InboxRef>, Box<Problem>> {
    let all = texts.iter().map(|text| inbox_ref(text));
    all.collect::<Option<Vec<InboxRef>>>()
        .ok_or_else(|| Problem::invalid(field, "must have inbox ids or addresses"))
}

impl JsonFields<'_> {
    /// An inbox by id or address; `Some(None)` is null.
    fn nullable_ref(&mut self, field: &str) -> Result<Option<Option<InboxRef>>, Box<Problem>> {
        match self.nullable_text(field, ADDRESS_MAX)? {
            None => Ok(None),
            Some(None) => Ok(Some(None)),
            Some(Some(text)) => match inbox_ref(&text) {
                Some(inbox) => Ok(Some(Some(inbox))),
                None => Err(Problem::invalid(field, "must be an inbox id or address")),
            },
        }
    }

    /// A text for a header field; `Some(None)` is null.
    fn nullable_header_text(
        &mut self,
        field: &str,
        max: usize,
    ) -> Result<Option<Option<String>>, Box<Problem>> {
        match self.take(field) {
            None => Ok(None),
            Some(Json::Null) => Ok(Some(None)),
            Some(other) => {
                let mut one = JsonFields::single(field, other);
                Ok(Some(one.header_text(field, max)?))
            }
        }
    }
}

/// Characters of a name for people.
const LABEL_MAX: usize = 200;
/// RFC 5321 section 4.5.3.1.1.
const LOCAL_MAX: usize = 64;
/// RFC 5321 section 4.5.3.1.2.
const DOMAIN_MAX: usize = 255;
/// Local part, at sign, domain.
const ADDRESS_MAX: usize = 320;
/// Room for any id that a client has.
const CLIENT_ID_MAX: usize = 255;
/// Octets of a client's own data; it is in every list.
const METADATA_MAX: usize = 4096;
