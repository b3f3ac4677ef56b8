//! Rules of delivery of an inbox, or of the whole organization: made, changed, listed and deleted
//! here; `service/rules` asks them.

use crate::call::{
    Access, Answer, Countable, InboxId, Limits, NewRule, Noun, OrgId, Refusal, RuleAction,
    RuleHits, RuleId, RulePatch, RulePlace, RuleRow, Scopes, Written, require,
};
use crate::service::context::{ReadContext, WriteContext};
use crate::service::field::invalid;
use crate::service::policy::find_inbox;
use crate::service::rules::check_rule;
use crate::store::Store;

/// The inbox of a place that the key sees. A key that is bound to inboxes sees no rules of the
/// organization.
fn find_place(
    store: &Store,
    access: &Access,
    place: &RulePlace,
) -> Result<Option<InboxId>, Refusal> {
    match place {
        Some(inbox) => find_inbox(store, access, inbox).map(Some),
        None if access.is_bound() => Err(Refusal::KeyBound),
        None => Ok(None),
    }
}

/// What a rule needs of the key that saves it, for what it does in the name of the inbox: it sends,
/// and hands mail on.
fn scopes_of(rule: &NewRule) -> Scopes {
    let mut scopes = Scopes::RULES_WRITE;
    for action in &rule.then {
        match action {
            RuleAction::AutoReply(_) => scopes = scopes.and(Scopes::MESSAGES_WRITE),
            RuleAction::Forward { .. } => {
                scopes = (scopes.and(Scopes::MESSAGES_WRITE)).and(Scopes::MESSAGES_READ);
            }
            _ => {}
        }
    }
    scopes
}

/// Checks that there is room for a rule beside the others.
fn check_room(
    limits: &Limits,
    store: &Store,
    (org, inbox): (OrgId, Option<InboxId>),
    (id, pattern_bytes): (RuleId, usize),
) -> Result<(), Refusal> {
    let (count, bytes) = store.rules_beside(org, inbox, id)?;
    let limit = |what, max: usize| Refusal::Limit {
        what,
        max: max as u64,
    };
    if count >= limits.rules {
        return Err(limit(Countable::Rules, limits.rules));
    }
    let max = limits.rule_pattern_bytes;
    match bytes.saturating_add(pattern_bytes as u64) > max as u64 {
        true => Err(limit(Countable::RulePatternOctets, max)),
        false => Ok(()),
    }
}

/// Makes a rule.
pub fn create_rule(
    context: &mut WriteContext<'_>,
    access: &Access,
    (place, new): (&RulePlace, &NewRule),
) -> Result<Written, Refusal> {
    let inbox = find_place(context.store, access, place)?;
    let limits = &context.shared.limits;
    let mut rule = new.clone();
    require(access.scopes, scopes_of(&rule))?;
    let pattern_bytes = check_rule(limits, &mut rule, "")?;
    let id = RuleId(context.store.new_id(context.now));
    check_room(
        limits,
        context.store,
        (access.org, inbox),
        (id, pattern_bytes),
    )?;
    let row = RuleRow {
        id,
        inbox,
        rule,
        hits: RuleHits::default(),
        created_at: context.now.unix_ms,
        updated_at: context.now.unix_ms,
    };
    context.service.rules.begin_change(access.org);
    context.store.insert_rule(access.org, &row, pattern_bytes)?;
    Ok(Written::Rule(Box::new(row)))
}

/// Changes a rule.
pub fn patch_rule(
    context: &mut WriteContext<'_>,
    access: &Access,
    (place, id): (&RulePlace, RuleId),
    patch: &RulePatch,
) -> Result<Written, Refusal> {
    let mut row = find_rule(context.store, access, place, id)?;
    patch.clone().apply(&mut row.rule);
    require(access.scopes, scopes_of(&row.rule))?;
    let limits = &context.shared.limits;
    let pattern_bytes = check_rule(limits, &mut row.rule, "")?;
    let of = (access.org, row.inbox);
    check_room(limits, context.store, of, (id, pattern_bytes))?;
    row.updated_at = context.now.unix_ms;
    context.service.rules.begin_change(access.org);
    context.store.update_rule(access.org, &row, pattern_bytes)?;
    Ok(Written::Rule(Box::new(row)))
}

/// Deletes a rule.
pub fn delete_rule(
    context: &mut WriteContext<'_>,
    access: &Access,
    (place, id): (&RulePlace, RuleId),
) -> Result<Written, Refusal> {
    find_rule(context.store, access, place, id)?;
    context.service.rules.begin_change(access.org);
    context.store.delete_rule(access.org, id)?;
    Ok(Written::Changed)
}

fn find_rule(
    store: &Store,
    access: &Access,
    place: &RulePlace,
    id: RuleId,
) -> Result<RuleRow, Refusal> {
    let inbox = find_place(store, access, place)?;
    let found = store.rule(access.org, inbox, id)?;
    found.ok_or(Refusal::NotFound(Noun::Rule))
}

/// Reads one rule.
pub fn read_rule(
    context: &ReadContext<'_>,
    access: &Access,
    (place, id): (&RulePlace, RuleId),
) -> Result<Answer, Refusal> {
    Ok(Answer::Rules {
        rows: vec![find_rule(context.store, access, place, id)?],
        next: None,
    })
}

/// Lists rules in the order in which they are asked: a page. Limits bound how many there are.
pub fn list_rules(
    context: &ReadContext<'_>,
    access: &Access,
    place: &RulePlace,
    (cursor, limit): (Option<&str>, usize),
) -> Result<Answer, Refusal> {
    let inbox = find_place(context.store, access, place)?;
    let rows = context.store.rules(access.org, inbox)?;
    let after = match cursor {
        None => 0,
        Some(text) => {
            let at = RuleId::parse(text).and_then(|id| rows.iter().position(|row| row.id == id));
            let why = "is not one that a list here gave, or its rule is gone";
            at.ok_or_else(|| invalid("cursor", why))? + 1
        }
    };
    let is_more = rows.len() > after.saturating_add(limit);
    let rows: Vec<RuleRow> = rows.into_iter().skip(after).take(limit).collect();
    let next = rows
        .last()
        .filter(|_| is_more)
        .map(|row| row.id.to_string());
    Ok(Answer::Rules { rows, next })
}
