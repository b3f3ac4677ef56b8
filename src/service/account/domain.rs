//! Domains of an organization: named, proven, listed, deleted.
//!
//! A domain works only while it is proven (DECISIONS.md, "Domains"). Until then it is as foreign as
//! any other: this file knows it, and no mail passes. The record in the DNS proves it (`check.rs`),
//! or the operator's word.

use super::dkim::give_keys;
use super::record::{DomainInfo, records};
use crate::call::{
    Access, Answer, Caller, Change, ConflictReason, Countable, DomainId, DomainRef, DomainRow,
    DomainView, InboxRef, NewDomain, Noun, OrgId, Refusal, Scopes, UidSet, Written,
};
use crate::mail::parse::address::parse_domain;
use crate::service::Service;
use crate::service::context::WriteContext;
use crate::service::field::invalid;
use crate::service::policy::find_inbox;
use crate::store::{DkimKeyRow, NewEvent, SHARED_DOMAIN_ID, Store};

/// Names a domain. It waits for a proof, unless the operator trusts it. Whether other organizations
/// have named it makes no difference to the answer.
pub fn create_domain(
    context: &mut WriteContext<'_>,
    access: &Access,
    new: &NewDomain,
) -> Result<Written, Refusal> {
    if new.trusted && !access.is_operator() {
        return Err(Refusal::MissingScope(Scopes::OPERATOR));
    }
    let name = parse_domain(&new.name).map_err(|_| invalid("name", "is not a valid domain"))?;
    if name.starts_with('[') || !name.contains('.') || name == context.service.shared_domain {
        return Err(invalid(
            "name",
            "must be a domain of your own, with a dot in it",
        ));
    }
    if !access.is_operator() {
        check_operators(context.service, &name)?;
    }
    if context.store.domain_named(access.org, &name)?.is_some() {
        return Err(Refusal::Exists(Noun::Domain));
    }
    let max = context.service.shared.limits.domains as u64;
    if context.store.domains(access.org)?.len() as u64 >= max {
        return Err(Refusal::Limit {
            what: Countable::Domains,
            max,
        });
    }
    let is_free = context.store.proven_domain(&name)?.is_none();
    let mut row = insert_domain(context, access.org, &name)?;
    give_keys(context, row.id)?;
    if new.trusted || (context.service.trust_domains && is_free) {
        row = prove(context, access.org, row)?;
        announce(context, access.org, &row)?;
    }
    written(context, DomainSubject::of(access.org, row))
}

fn written(context: &WriteContext<'_>, subject: DomainSubject) -> Result<Written, Refusal> {
    let view = view(context.service, context.store, subject)?;
    Ok(Written::Domain(Box::new(view)))
}

/// A domain that a call is about: one of an organization, or the shared one.
#[derive(Clone, Debug)]
pub(super) struct DomainSubject {
    /// `None` is the shared domain.
    pub org: Option<OrgId>,
    /// Its row. The shared domain has none in the database; this one is made for it.
    pub row: DomainRow,
}

impl DomainSubject {
    fn of(org: OrgId, row: DomainRow) -> DomainSubject {
        DomainSubject {
            org: Some(org),
            row,
        }
    }

    fn shared(service: &Service) -> DomainSubject {
        let row = DomainRow {
            id: SHARED_DOMAIN_ID,
            name: service.shared_domain.clone(),
            token: String::new(),
            verified_at: Some(0),
            catch_all: None,
            created_at: 0,
        };
        DomainSubject { org: None, row }
    }

    /// The domain of an organization, or for the operator the shared one.
    pub fn find(
        service: &Service,
        store: &Store,
        access: &Access,
        domain: &DomainRef,
    ) -> Result<DomainSubject, Refusal> {
        let is_shared = match domain {
            DomainRef::Id(id) => *id == SHARED_DOMAIN_ID,
            DomainRef::Name(name) => {
                parse_domain(name).is_ok_and(|name| name == service.shared_domain)
            }
        };
        match is_shared && access.is_operator() {
            true => Ok(DomainSubject::shared(service)),
            false => Ok(DomainSubject::of(
                access.org,
                find_domain(store, access.org, domain)?,
            )),
        }
    }

    /// How a call names it.
    pub fn reference(&self) -> DomainRef {
        DomainRef::Id(self.row.id)
    }
}

/// What its records are made of.
pub(super) fn info<'a>(
    service: &'a Service,
    subject: &'a DomainSubject,
    keys: &'a [DkimKeyRow],
) -> DomainInfo<'a> {
    DomainInfo {
        name: &subject.row.name,
        token: subject.org.map(|_| subject.row.token.as_str()),
        is_proven: subject.row.verified_at.is_some(),
        host: &service.shared.host,
        endpoints: &service.shared.endpoints,
        keys,
    }
}

/// A domain with its records, and what the last check has found.
pub(super) fn view(
    service: &Service,
    store: &Store,
    subject: DomainSubject,
) -> Result<DomainView, Refusal> {
    let keys = store.dkim_keys(subject.row.id)?;
    let mut records = records(info(service, &subject, &keys));
    let checked_at = service.checks.apply(subject.row.id, &mut records);
    Ok(DomainView {
        is_shared: subject.org.is_none(),
        row: subject.row,
        records,
        checked_at,
    })
}

/// New keys for a domain. They sign when their records are seen in the DNS.
pub fn rotate_dkim(
    context: &mut WriteContext<'_>,
    access: &Access,
    domain: &DomainRef,
) -> Result<Written, Refusal> {
    let subject = DomainSubject::find(context.service, context.store, access, domain)?;
    give_keys(context, subject.row.id)?;
    written(context, subject)
}

/// Keys for the shared domain, when it has none.
pub fn give_shared_keys(context: &mut WriteContext<'_>) -> Result<Written, Refusal> {
    if context.store.dkim_keys(SHARED_DOMAIN_ID)?.is_empty() {
        give_keys(context, SHARED_DOMAIN_ID)?;
    }
    Ok(Written::Changed)
}

/// Tells that a domain is verified.
pub(super) fn announce(
    context: &mut WriteContext<'_>,
    org: OrgId,
    row: &DomainRow,
) -> Result<(), Refusal> {
    let new = NewEvent {
        inbox: None,
        mailbox: None,
        uids: UidSet::new(),
        change: Change::DomainVerified {
            domain: row.id,
            name: row.name.clone(),
        },
    };
    context
        .store
        .append_event(context.now, org, context.origin, new, context.events)?;
    Ok(())
}

/// Checks that a name is not one of the operator's: the name of the host, or a name under the
/// shared domain. The postmaster of the host receives the mails by which others prove that a host
/// is theirs. Any other name is protected by its proof.
fn check_operators(service: &Service, name: &str) -> Result<(), Refusal> {
    if name.eq_ignore_ascii_case(&service.shared.host) {
        return Err(Refusal::Exists(Noun::Domain));
    }
    let is_under_shared = name
        .strip_suffix(service.shared_domain.as_str())
        .is_some_and(|rest| rest.ends_with('.'));
    if is_under_shared {
        return Err(invalid(
            "name",
            "is under the shared domain, which is the operator's",
        ));
    }
    Ok(())
}

/// Stores a domain that has been checked. It waits for a proof.
fn insert_domain(
    context: &mut WriteContext<'_>,
    org: OrgId,
    name: &str,
) -> Result<DomainRow, Refusal> {
    let row = DomainRow {
        id: DomainId(context.store.new_id(context.now)),
        name: name.to_owned(),
        token: context.random.lower36(TOKEN_DIGITS),
        verified_at: None,
        catch_all: None,
        created_at: context.now.unix_ms,
    };
    context.store.insert_domain(org, &row)?;
    Ok(row)
}

/// Stores a domain that has been checked, as proven.
pub(in crate::service) fn insert_proven(
    context: &mut WriteContext<'_>,
    org: OrgId,
    name: &str,
) -> Result<DomainRow, Refusal> {
    let row = insert_domain(context, org, name)?;
    prove(context, org, row)
}

/// Gives a domain to the organization that has proven it. Another organization that had it waits
/// again: its inboxes there keep their mail, receive none and send none.
pub(super) fn prove(
    context: &mut WriteContext<'_>,
    org: OrgId,
    row: DomainRow,
) -> Result<DomainRow, Refusal> {
    context.store.prove_domain(&row, context.now.unix_ms)?;
    let proven = context.store.domain(org, row.id)?;
    proven.ok_or(Refusal::NotFound(Noun::Domain))
}

/// Takes the operator's word for the proof of a domain. The operator names the organization, unless
/// only one waits for the domain.
pub fn trust_domain(
    context: &mut WriteContext<'_>,
    caller: &Caller,
    domain: &DomainRef,
) -> Result<Written, Refusal> {
    let org = match caller.key() {
        Some(access) => access.org,
        None => only_org(context.store, domain)?,
    };
    let row = find_domain(context.store, org, domain)?;
    let was_proven = row.verified_at.is_some();
    let row = prove(context, org, row)?;
    if !was_proven {
        announce(context, org, &row)?;
    }
    written(context, DomainSubject::of(org, row))
}

/// The one organization that has named a domain.
fn only_org(store: &Store, domain: &DomainRef) -> Result<OrgId, Refusal> {
    match domain {
        DomainRef::Id(id) => store.domain_org(*id)?.ok_or(NONE),
        DomainRef::Name(name) => {
            let name = parse_domain(name).map_err(|_| NONE)?;
            match store.domain_orgs(&name)?.as_slice() {
                [] => Err(NONE),
                [org] => Ok(*org),
                _ => Err(Refusal::Conflict(ConflictReason::DomainOfSeveral)),
            }
        }
    }
}

/// Lists the domains of the organization; for the operator the shared one first.
pub fn list_domains(service: &Service, store: &Store, access: &Access) -> Result<Answer, Refusal> {
    let shared = access.is_operator().then(|| DomainSubject::shared(service));
    let own = store.domains(access.org)?.into_iter();
    let own = own.map(|row| DomainSubject::of(access.org, row));
    let views = shared.into_iter().chain(own);
    let views = views.map(|subject| view(service, store, subject));
    Ok(Answer::Domains(views.collect::<Result<_, _>>()?))
}

/// Reads one domain of the organization.
pub fn read_domain(
    service: &Service,
    store: &Store,
    access: &Access,
    domain: &DomainRef,
) -> Result<Answer, Refusal> {
    let subject = DomainSubject::find(service, store, access, domain)?;
    Ok(Answer::Domains(vec![view(service, store, subject)?]))
}

/// A domain of an organization, by its id or its name.
pub(in crate::service) fn find_domain(
    store: &Store,
    org: OrgId,
    domain: &DomainRef,
) -> Result<DomainRow, Refusal> {
    let found = match domain {
        DomainRef::Id(id) => store.domain(org, *id)?,
        DomainRef::Name(name) => {
            let name = parse_domain(name).map_err(|_| NONE)?;
            store.domain_named(org, &name)?
        }
    };
    found.ok_or(NONE)
}

/// Names the inbox of the organization that gets mail for names at a domain that no inbox has.
pub fn set_catch_all(
    context: &mut WriteContext<'_>,
    access: &Access,
    domain: &DomainRef,
    inbox: Option<&InboxRef>,
) -> Result<Written, Refusal> {
    let subject = DomainSubject::find(context.service, context.store, access, domain)?;
    if subject.org.is_none() {
        return Err(Refusal::Conflict(ConflictReason::SharedDomain));
    }
    let mut row = subject.row;
    row.catch_all = match inbox {
        None => None,
        Some(name) => Some(find_inbox(context.store, access, name)?),
    };
    let store = context.store;
    store.set_catch_all(access.org, row.id, row.catch_all)?;
    written(context, DomainSubject::of(access.org, row))
}

/// Deletes a domain in which no inbox has an address.
pub fn delete_domain(
    context: &mut WriteContext<'_>,
    access: &Access,
    domain: &DomainRef,
) -> Result<Written, Refusal> {
    let subject = DomainSubject::find(context.service, context.store, access, domain)?;
    if subject.org.is_none() {
        return Err(Refusal::Conflict(ConflictReason::SharedDomain));
    }
    let domain = subject.row.id;
    if context.store.is_domain_used(access.org, domain)? {
        return Err(Refusal::Conflict(ConflictReason::DomainInUse));
    }
    if !context.store.delete_domain(access.org, domain)? {
        return Err(NONE);
    }
    context.store.delete_dkim_keys(domain)?;
    Ok(Written::Changed)
}

const NONE: Refusal = Refusal::NotFound(Noun::Domain);
/// 36^26 is more than 2^134.
const TOKEN_DIGITS: usize = 26;
