//! Domains of an organization: created, listed, deleted.

use crate::call::{
    Access, Answer, ConflictReason, Countable, DomainId, DomainRef, DomainRow, Noun, OrgId,
    Refusal, Written,
};
use crate::mail::parse::address::parse_domain;
use crate::service::context::WriteContext;
use crate::service::field::invalid;
use crate::store::Store;

/// Creates a domain.
pub fn create_domain(
    context: &mut WriteContext<'_>,
    access: &Access,
    name: &str,
) -> Result<Written, Refusal> {
    let name = parse_domain(name).map_err(|_| invalid("name", "is not a valid domain"))?;
    let shared = &context.service.shared_domain;
    let under_shared = name
        .strip_suffix(shared.as_str())
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    if name.starts_with('[') || !name.contains('.') || under_shared {
        return Err(invalid(
            "name",
            "must be a domain of your own, with a dot in it",
        ));
    }
    // Only the operator, who acts without a key, may create the domain of the server's own name:
    // the postmaster of that domain receives the mails by which others prove that a host is theirs.
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
    Ok(Written::Domain(insert_domain(context, access.org, &name)?))
}

/// Stores a domain that has been checked.
pub(in crate::service) fn insert_domain(
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

/// Lists the domains of the organization.
pub fn list_domains(store: &Store, access: &Access) -> Result<Answer, Refusal> {
    Ok(Answer::Domains(store.domains(access.org)?))
}

/// Deletes a domain in which no inbox has an address.
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
