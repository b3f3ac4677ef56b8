//! Domains of an organization: named, proven, listed, deleted.
//!
//! A domain works only while it is proven (DECISIONS.md, "Domains"). Until then it is as foreign as
//! any other: this file knows it, and no mail passes. Look-ups do not exist yet, so the operator's
//! word is the only proof.

use crate::call::{
    Access, Answer, Caller, ConflictReason, Countable, DomainId, DomainRef, DomainRow, NewDomain,
    Noun, OrgId, Refusal, Scopes, Written,
};
use crate::mail::parse::address::parse_domain;
use crate::service::Service;
use crate::service::context::WriteContext;
use crate::service::field::invalid;
use crate::store::Store;

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
    let row = insert_domain(context, access.org, &name)?;
    if new.trusted || (context.service.trust_domains && is_free) {
        return prove(context, access.org, row).map(Written::Domain);
    }
    Ok(Written::Domain(row))
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
fn prove(context: &mut WriteContext<'_>, org: OrgId, row: DomainRow) -> Result<DomainRow, Refusal> {
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
    prove(context, org, row).map(Written::Domain)
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

/// Lists the domains of the organization.
pub fn list_domains(store: &Store, access: &Access) -> Result<Answer, Refusal> {
    Ok(Answer::Domains(store.domains(access.org)?))
}

/// Reads one domain of the organization.
pub fn read_domain(store: &Store, access: &Access, domain: &DomainRef) -> Result<Answer, Refusal> {
    let row = find_domain(store, access.org, domain)?;
    Ok(Answer::Domains(vec![row]))
}

fn find_domain(store: &Store, org: OrgId, domain: &DomainRef) -> Result<DomainRow, Refusal> {
    let found = match domain {
        DomainRef::Id(id) => store.domain(org, *id)?,
        DomainRef::Name(name) => {
            let name = parse_domain(name).map_err(|_| NONE)?;
            store.domain_named(org, &name)?
        }
    };
    found.ok_or(NONE)
}

/// Deletes a domain in which no inbox has an address.
pub fn delete_domain(
    context: &mut WriteContext<'_>,
    access: &Access,
    domain: &DomainRef,
) -> Result<Written, Refusal> {
    let domain = find_domain(context.store, access.org, domain)?.id;
    if context.store.is_domain_used(access.org, domain)? {
        return Err(Refusal::Conflict(ConflictReason::DomainInUse));
    }
    if !context.store.delete_domain(access.org, domain)? {
        return Err(NONE);
    }
    Ok(Written::Changed)
}

const NONE: Refusal = Refusal::NotFound(Noun::Domain);
/// 36^26 is more than 2^134.
const TOKEN_DIGITS: usize = 26;
