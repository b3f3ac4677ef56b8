//! The lists of an organization: filter rules, and addresses that get no more mail. They are made,
//! listed and deleted here; `service/outgoing` and `service/intake` ask them.

use super::page::{LIST_WORK, RowsLookedAt, list_slice};
use crate::call::bounds::PAGE_ROWS_MAX;
use crate::call::{
    Access, Answer, Countable, FilterRuleId, FilterRuleRow, MatchType, NewFilterRule, Noun,
    Refusal, SlicedList, SuppressionId, SuppressionReason, SuppressionRow, Written,
};
use crate::mail::parse::address::parse_domain;
use crate::service::access::admit::sees;
use crate::service::context::WriteContext;
use crate::service::field::invalid;
use crate::service::policy::{find_inbox, parse_address};
use crate::store::Store;

/// Makes a rule. A key that is bound to inboxes makes rules of those only.
pub fn create_rule(
    context: &mut WriteContext<'_>,
    access: &Access,
    new: &NewFilterRule,
) -> Result<Written, Refusal> {
    let inbox = match &new.inbox {
        Some(inbox) => Some(find_inbox(context.store, access, inbox)?),
        None if access.is_bound() => return Err(Refusal::KeyBound),
        None => None,
    };
    let value = match new.match_type {
        MatchType::Address => parse_address(&new.value, "value")?.canonical(),
        MatchType::Domain | MatchType::SubdomainWildcard => {
            let name = parse_domain(&new.value)
                .ok()
                .filter(|n| !n.starts_with('['));
            name.ok_or_else(|| invalid("value", "is not a domain such as example.com"))?
        }
    };
    let max = context.service.shared.limits.filter_rules;
    if context.store.filter_rule_count(access.org, max)? >= max {
        return Err(Refusal::Limit {
            what: Countable::FilterRules,
            max: max as u64,
        });
    }
    let row = FilterRuleRow {
        id: FilterRuleId(context.store.new_id(context.now)),
        direction: new.direction,
        action: new.action,
        match_type: new.match_type,
        value,
        inbox,
        created_at: context.now.unix_ms,
    };
    context.service.lists.begin();
    match context.store.insert_filter_rule(access.org, &row)? {
        true => Ok(Written::FilterRule(row)),
        false => Err(Refusal::Exists(Noun::FilterRule)),
    }
}

/// Whether a key may see a rule: a key that is bound to inboxes sees those of its inboxes.
fn sees_rule(store: &Store, access: &Access, row: &FilterRuleRow) -> Result<bool, Refusal> {
    match row.inbox {
        _ if !access.is_bound() => Ok(true),
        Some(inbox) => sees(store, access, inbox),
        None => Ok(false),
    }
}

fn find_rule(store: &Store, access: &Access, id: FilterRuleId) -> Result<FilterRuleRow, Refusal> {
    const NONE: Refusal = Refusal::NotFound(Noun::FilterRule);
    let row = store.filter_rule(access.org, id)?.ok_or(NONE)?;
    match sees_rule(store, access, &row)? {
        true => Ok(row),
        false => Err(NONE),
    }
}

/// Reads one rule.
pub fn read_rule(store: &Store, access: &Access, id: FilterRuleId) -> Result<Answer, Refusal> {
    Ok(Answer::FilterRules {
        rows: vec![find_rule(store, access, id)?],
        next: None,
    })
}

/// Does a slice of a list of rules.
pub fn list_rules(
    store: &Store,
    access: &Access,
    list: &mut SlicedList<FilterRuleRow>,
) -> Result<Option<Answer>, Refusal> {
    let look = |after: i64| -> Result<RowsLookedAt<FilterRuleRow>, Refusal> {
        let page = store.filter_rules(access.org, FilterRuleId(after), PAGE_ROWS_MAX)?;
        let (last, n) = (page.last().map_or(after, |row| row.id.0), page.len());
        let mut rows = Vec::with_capacity(n);
        for row in page {
            if sees_rule(store, access, &row)? {
                rows.push(row);
            }
        }
        Ok(RowsLookedAt {
            rows,
            last,
            is_end: n < PAGE_ROWS_MAX,
            work: n as u64,
        })
    };
    let page = list_slice(list, LIST_WORK, |row| row.id, FilterRuleId, look)?;
    Ok(page.map(|(rows, next)| Answer::FilterRules { rows, next }))
}

/// Deletes a rule.
pub fn delete_rule(
    context: &mut WriteContext<'_>,
    access: &Access,
    id: FilterRuleId,
) -> Result<Written, Refusal> {
    find_rule(context.store, access, id)?;
    context.store.delete_filter_rule(access.org, id)?;
    Ok(Written::Changed)
}

/// Suppresses an address by hand. An address that is there already stays as it is.
pub fn create_suppression(
    context: &mut WriteContext<'_>,
    access: &Access,
    address: &str,
    source: Option<&str>,
) -> Result<Written, Refusal> {
    let address = parse_address(address, "address")?.canonical();
    let store = context.store;
    if let Some(row) = store.suppression_of(access.org, &address)? {
        return Ok(Written::Suppression(row));
    }
    let max = context.service.shared.limits.suppressions;
    if store.suppression_count(access.org, max)? >= max {
        return Err(Refusal::Limit {
            what: Countable::Suppressions,
            max: max as u64,
        });
    }
    let row = SuppressionRow {
        id: SuppressionId(store.new_id(context.now)),
        address,
        reason: SuppressionReason::Manual,
        source: source.map(str::to_owned),
        created_at: context.now.unix_ms,
    };
    context.service.lists.begin();
    store.insert_suppression(access.org, &row)?;
    Ok(Written::Suppression(row))
}

/// Reads one suppression.
pub fn read_suppression(
    store: &Store,
    access: &Access,
    id: SuppressionId,
) -> Result<Answer, Refusal> {
    let row = store.suppression(access.org, id)?;
    let row = row.ok_or(Refusal::NotFound(Noun::Suppression))?;
    Ok(Answer::Suppressions {
        rows: vec![row],
        next: None,
    })
}

/// Lists suppressions: a page, by id. With an address only its own.
pub fn list_suppressions(
    store: &Store,
    access: &Access,
    address: Option<&str>,
    list: &mut SlicedList<SuppressionRow>,
) -> Result<Option<Answer>, Refusal> {
    if let Some(address) = address {
        let address = parse_address(address, "address")?.canonical();
        let row = store.suppression_of(access.org, &address)?;
        return Ok(Some(Answer::Suppressions {
            rows: row.into_iter().collect(),
            next: None,
        }));
    }
    let look = |after: i64| -> Result<RowsLookedAt<SuppressionRow>, Refusal> {
        let rows = store.suppressions(access.org, SuppressionId(after), PAGE_ROWS_MAX)?;
        let n = rows.len();
        Ok(RowsLookedAt {
            last: rows.last().map_or(after, |row| row.id.0),
            rows,
            is_end: n < PAGE_ROWS_MAX,
            work: n as u64,
        })
    };
    let page = list_slice(list, LIST_WORK, |row| row.id, SuppressionId, look)?;
    Ok(page.map(|(rows, next)| Answer::Suppressions { rows, next }))
}

/// Removes a suppression: the address gets mail again.
pub fn delete_suppression(
    context: &mut WriteContext<'_>,
    access: &Access,
    id: SuppressionId,
) -> Result<Written, Refusal> {
    match context.store.delete_suppression(access.org, id)? {
        true => Ok(Written::Changed),
        false => Err(Refusal::NotFound(Noun::Suppression)),
    }
}
