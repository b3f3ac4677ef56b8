//! Which call is an act of the audit, by whom, and on what; and the list of acts.
//!
//! The match over calls is exhaustive: a new call does not compile before it is said whether it is
//! an act. What an owner does with the messages of an inbox is none: the log has it. Nor is what
//! the server does by itself. The row is written in the savepoint of the call, so a refusal takes
//! it back (DECISIONS.md, "Audit").

use super::account::domain::find_domain;
use super::account::page::{LIST_WORK, RowsLookedAt, list_slice};
use super::context::{Carried, WriteContext};
use super::intake::ImportSlice;
use super::intake::plan::{Plan, Released, WaitsFor};
use super::policy::{find_inbox, parse_address};
use crate::call::bounds::PAGE_ROWS_MAX;
use crate::call::{
    Access, Answer, ApprovalWrite, Arrival, AuditAction, AuditFilter, AuditId, AuditRow,
    AuditTarget, Caller, Decision, DomainWrite, EntryId, FilterRuleWrite, ImportOutcome,
    InboxWrite, KeyWrite, MessageWrite, Now, OrgId, OrgPatch, OrgWrite, OutboundWrite, Refusal,
    Request, RuleWrite, SlicedList, SuppressionWrite, WebhookWrite, Write, Written,
};
use crate::store::{Error, Store};

/// An act: what was done, and to what.
type Act = (AuditAction, Option<AuditTarget>);

/// What a call names that is gone after it, or what is there already and stays. Cheap for every
/// other call.
pub fn named(context: &WriteContext<'_>, caller: &Caller, call: &Write) -> Option<AuditTarget> {
    let access = caller.key()?;
    match call {
        // What is not there is for the call itself to refuse.
        Write::Inbox(InboxWrite::Delete { inbox } | InboxWrite::SetSpam { inbox, .. }) => {
            let found = find_inbox(context.store, access, inbox).ok()?;
            Some(AuditTarget::Inbox(found))
        }
        Write::Domain(DomainWrite::Delete { domain }) => {
            let found = find_domain(context.store, access.org, domain).ok()?;
            Some(AuditTarget::Domain(found.id))
        }
        Write::Suppression(SuppressionWrite::Create { address, .. }) => {
            let address = parse_address(address, "address").ok()?.canonical();
            let found = context.store.suppression_of(access.org, &address).ok()??;
            Some(AuditTarget::Suppression(found.id))
        }
        Write::Org(OrgWrite::ForgetLearned) => Some(AuditTarget::Org(access.org)),
        _ => None,
    }
}

/// Writes the rows of a call that is carried out, or of a slice of it. `named` is what [`named`]
/// gave before it.
pub fn note_write(
    context: &WriteContext<'_>,
    caller: &Caller,
    (call, named): (&Write, Option<AuditTarget>),
    carried: &Carried,
) -> Result<(), Refusal> {
    for act in acts_of(call, named, carried).into_iter().flatten() {
        note(context, caller, act)?;
    }
    Ok(())
}

/// The acts of a call, at most two.
fn acts_of(call: &Write, named: Option<AuditTarget>, carried: &Carried) -> [Option<Act>; 2] {
    use AuditAction as Did;
    let written = match carried {
        Carried::Done(written) => Some(written),
        Carried::Rest(_) | Carried::Held => None,
    };
    let act = match call {
        // The log of events has these.
        Write::Mailbox(_) | Write::Entry(_) => None,
        // A file is no act before a message has it.
        Write::Upload(_) => None,
        // They change who is told of what has happened, and nothing else.
        Write::EventGroup(_) => None,
        // The log of the server has these.
        Write::Upstream(_) => None,
        Write::Message(call) => match call {
            MessageWrite::Admit { id, .. } => {
                Some((Did::MessageAdmitted, Some(AuditTarget::Message(*id))))
            }
            MessageWrite::Teach { id, is_spam, .. } => {
                let action = match is_spam {
                    true => Did::MessageSpam,
                    false => Did::MessageNotSpam,
                };
                Some((action, Some(AuditTarget::Message(*id))))
            }
            MessageWrite::Patch { .. }
            | MessageWrite::Batch { .. }
            | MessageWrite::Delete { .. }
            | MessageWrite::DeleteDraft { .. } => None,
        },
        Write::Approval(ApprovalWrite::Decline { approval, .. }) => Some((
            Did::ApprovalDeclined,
            Some(AuditTarget::Approval(*approval)),
        )),
        Write::Inbox(call) => inbox_act(call, named, written),
        Write::Key(call) => key_act(call, carried),
        Write::Domain(call) => domain_act(call, named, written),
        Write::FilterRule(FilterRuleWrite::Create { .. }) => match written {
            Some(Written::FilterRule(row)) => Some((
                Did::FilterRuleCreated,
                Some(AuditTarget::FilterRule(row.id)),
            )),
            _ => None,
        },
        Write::FilterRule(FilterRuleWrite::Delete { id }) => {
            Some((Did::FilterRuleDeleted, Some(AuditTarget::FilterRule(*id))))
        }
        Write::Rule(call) => rule_act(call, written),
        Write::Webhook(call) => webhook_act(call, written),
        Write::Suppression(SuppressionWrite::Create { .. }) => match written {
            // One that was there before stays as it is.
            Some(Written::Suppression(row)) if named.is_none() => Some((
                Did::SuppressionCreated,
                Some(AuditTarget::Suppression(row.id)),
            )),
            _ => None,
        },
        Write::Suppression(SuppressionWrite::Delete { id }) => {
            Some((Did::SuppressionDeleted, Some(AuditTarget::Suppression(*id))))
        }
        Write::Org(OrgWrite::Patch { org, patch, .. }) => return org_acts(*org, patch),
        Write::Org(OrgWrite::Create { .. }) => match written {
            Some(Written::Org(row, ..)) => Some((Did::OrgCreated, Some(AuditTarget::Org(row.id)))),
            _ => None,
        },
        // It is of the server and of no organization: the log of the process has it.
        Write::KnownSpam(_) => None,
        // Its audit goes with it.
        Write::Org(OrgWrite::Delete { .. }) => None,
        Write::Org(OrgWrite::ForgetLearned) => Some((Did::LearnedForgotten, named)),
        Write::Org(OrgWrite::ForgetRest(_)) => None,
        Write::Outbound(call) => match call {
            OutboundWrite::Next { .. } | OutboundWrite::Lost { .. } | OutboundWrite::Wake => None,
            OutboundWrite::Retry { id, .. } => {
                Some((Did::OutboundRetried, Some(AuditTarget::Outbound(*id))))
            }
            OutboundWrite::Cancel { id, .. } => {
                Some((Did::OutboundCancelled, Some(AuditTarget::Outbound(*id))))
            }
        },
    };
    [act, None]
}

fn rule_act(call: &RuleWrite, written: Option<&Written>) -> Option<Act> {
    match (call, written) {
        (RuleWrite::Create { .. }, Some(Written::Rule(row))) => {
            Some((AuditAction::RuleCreated, Some(AuditTarget::Rule(row.id))))
        }
        (RuleWrite::Patch { id, .. }, Some(_)) => {
            Some((AuditAction::RuleUpdated, Some(AuditTarget::Rule(*id))))
        }
        (RuleWrite::Delete { id, .. }, Some(_)) => {
            Some((AuditAction::RuleDeleted, Some(AuditTarget::Rule(*id))))
        }
        _ => None,
    }
}

fn webhook_act(call: &WebhookWrite, written: Option<&Written>) -> Option<Act> {
    let (action, id) = match call {
        WebhookWrite::Create { .. } => match written {
            Some(Written::Webhook(row, _)) => (AuditAction::WebhookCreated, row.id),
            _ => return None,
        },
        WebhookWrite::Patch { hook, .. } | WebhookWrite::Rotate { hook, .. } => {
            (AuditAction::WebhookUpdated, hook.id)
        }
        WebhookWrite::Delete { hook } => (AuditAction::WebhookDeleted, hook.id),
        WebhookWrite::Test { hook }
        | WebhookWrite::Redeliver { hook, .. }
        | WebhookWrite::RedeliverSince { hook, .. } => (AuditAction::WebhookSent, hook.id),
        WebhookWrite::Next { .. } | WebhookWrite::Lost { .. } => return None,
    };
    Some((action, Some(AuditTarget::Webhook(id))))
}

fn inbox_act(
    call: &InboxWrite,
    named: Option<AuditTarget>,
    written: Option<&Written>,
) -> Option<Act> {
    let (id, existed) = match written {
        Some(Written::Inbox { row, existed }) => (Some(row.id), *existed),
        Some(Written::InboxName { id, existed, .. }) => (Some(*id), *existed),
        _ => (None, false),
    };
    match call {
        // The same `client_id` gives the inbox that is there.
        InboxWrite::Create { .. } if existed => None,
        InboxWrite::Create { .. } => Some((AuditAction::InboxCreated, id.map(AuditTarget::Inbox))),
        InboxWrite::Patch { .. } => Some((AuditAction::InboxUpdated, id.map(AuditTarget::Inbox))),
        InboxWrite::Delete { .. } => Some((AuditAction::InboxDeleted, named)),
        InboxWrite::SetSpam { .. } => Some((AuditAction::SpamSettingsChanged, named)),
    }
}

fn key_act(call: &KeyWrite, carried: &Carried) -> Option<Act> {
    match call {
        KeyWrite::Create { .. } => match carried {
            Carried::Done(Written::Key(row, _)) => {
                Some((AuditAction::KeyCreated, Some(AuditTarget::Key(row.id))))
            }
            _ => None,
        },
        KeyWrite::Revoke { key } => Some((AuditAction::KeyRevoked, Some(AuditTarget::Key(*key)))),
        // The row is written with the first keys, so that no crash leaves keys without it.
        KeyWrite::CreateCredentials { .. } => {
            has_keys(carried).then_some((AuditAction::CredentialsCreated, None))
        }
        KeyWrite::CredentialsRest { progress, .. } => {
            let is_first = progress.made.is_empty() && progress.undo.is_none();
            (is_first && has_keys(carried)).then_some((AuditAction::CredentialsCreated, None))
        }
    }
}

/// Whether an export of credentials has made keys.
fn has_keys(carried: &Carried) -> bool {
    match carried {
        Carried::Done(Written::Credentials(made)) => !made.is_empty(),
        Carried::Rest(call) => match &**call {
            Write::Key(KeyWrite::CredentialsRest { progress, .. }) => !progress.made.is_empty(),
            _ => false,
        },
        Carried::Done(_) | Carried::Held => false,
    }
}

fn domain_act(
    call: &DomainWrite,
    named: Option<AuditTarget>,
    written: Option<&Written>,
) -> Option<Act> {
    let id = match written {
        Some(Written::Domain(view)) => Some(AuditTarget::Domain(view.row.id)),
        _ => None,
    };
    let action = match call {
        DomainWrite::Create { .. } => AuditAction::DomainCreated,
        DomainWrite::Trust { .. } => AuditAction::DomainTrusted,
        // Its questions are out.
        DomainWrite::Verify { seen: None, .. } => return None,
        DomainWrite::Verify { .. } => AuditAction::DomainChecked,
        DomainWrite::RotateDkim { .. } => AuditAction::DomainRotated,
        DomainWrite::CatchAll { .. } => AuditAction::DomainUpdated,
        DomainWrite::Delete { .. } => return Some((AuditAction::DomainDeleted, named)),
        DomainWrite::SharedKeys => return None,
    };
    Some((action, id))
}

/// A pause is an act of its own, also when a mode is changed with it.
fn org_acts(org: OrgId, patch: &OrgPatch) -> [Option<Act>; 2] {
    let target = Some(AuditTarget::Org(org));
    let OrgPatch {
        send_mode,
        paused,
        retention_days,
    } = patch;
    let pause = paused.map(|paused| match paused {
        true => (AuditAction::OrgPaused, target),
        false => (AuditAction::OrgResumed, target),
    });
    let is_other = send_mode.is_some() || retention_days.is_some();
    let update = is_other.then_some((AuditAction::OrgUpdated, target));
    [pause, update]
}

/// Writes the row of a message that a client has sent, or that it has approved.
pub fn note_delivery(
    context: &WriteContext<'_>,
    caller: &Caller,
    (plan, written): (&Plan, &Written),
) -> Result<(), Refusal> {
    match delivery_act(plan, written) {
        Some(act) if caller.key().is_some() => note(context, caller, act),
        _ => Ok(()),
    }
}

fn delivery_act(plan: &Plan, written: &Written) -> Option<Act> {
    match &plan.released {
        Some(Released::Approved(mail)) => {
            let target = AuditTarget::Approval(mail.approval);
            return Some((AuditAction::ApprovalApproved, Some(target)));
        }
        Some(Released::Scheduled(_)) => return None,
        None => {}
    }
    let sender = plan.sender?;
    let action = match (plan.waits.as_ref().map(|waits| waits.until), plan.decision) {
        (Some(WaitsFor::Decision(_)), _) => AuditAction::MessageHeld,
        (Some(WaitsFor::Time(_)), _) => AuditAction::MessageScheduled,
        (None, Decision::Draft) => AuditAction::MessageDrafted,
        (None, _) => AuditAction::MessageSent,
    };
    // Without a copy of its own the answer names the entry of a receiver, which may be of another
    // organization.
    let has_copy = plan.placements().any(|own| own.kind != Arrival::Received);
    let copy: Option<EntryId> = match written {
        Written::Delivered { entry, .. } if has_copy => *entry,
        _ => None,
    };
    let target = copy.map_or(AuditTarget::Inbox(sender), AuditTarget::Message);
    Some((action, Some(target)))
}

/// Writes the row of a slice of an import that has stored something.
pub fn note_import(
    store: &Store,
    request: &Request<Box<ImportSlice>>,
    outcomes: &[ImportOutcome],
    now: Now,
) -> Result<(), Error> {
    let is_stored = |outcome: &ImportOutcome| matches!(outcome, ImportOutcome::Imported(_));
    let Some(access) = request
        .caller
        .key()
        .filter(|_| outcomes.iter().any(is_stored))
    else {
        return Ok(());
    };
    let row = AuditRow {
        id: AuditId(0),
        at: now.unix_ms,
        action: AuditAction::MessagesImported,
        key: access.key,
        target: Some(AuditTarget::Inbox(request.call.inbox)),
        request_id: request.request_id,
    };
    store.insert_audit(access.org, &row).map(drop)
}

/// Writes a row in the audit of the organization that the act is about. What the server does by
/// itself has none.
fn note(context: &WriteContext<'_>, caller: &Caller, (action, target): Act) -> Result<(), Refusal> {
    let org = match (caller, target) {
        (Caller::System | Caller::Anonymous, _) => None,
        (_, Some(AuditTarget::Org(org))) => Some(org),
        (Caller::Key(access), _) => Some(access.org),
        (Caller::Operator, Some(AuditTarget::Domain(domain))) => {
            context.store.domain_org(domain)?
        }
        (Caller::Operator, _) => None,
    };
    let Some(org) = org else {
        return Ok(());
    };
    let row = AuditRow {
        id: AuditId(0),
        at: context.now.unix_ms,
        action,
        key: caller.key().and_then(|access| access.key),
        target,
        request_id: context.request_id,
    };
    context.store.insert_audit(org, &row)?;
    Ok(())
}

/// Does a slice of a list of acts, the newest first.
pub fn list_acts(
    store: &Store,
    access: &Access,
    filter: &AuditFilter,
    list: &mut SlicedList<AuditRow>,
) -> Result<Option<Answer>, Refusal> {
    let span = (filter.since, filter.until);
    let look = |before: i64| -> Result<RowsLookedAt<AuditRow>, Refusal> {
        let mut rows = store.audit_page(access.org, AuditId(before), span, PAGE_ROWS_MAX)?;
        let (last, n) = (rows.last().map_or(before, |row| row.id.0), rows.len());
        rows.retain(|row| filter.matches(row));
        Ok(RowsLookedAt {
            rows,
            last,
            is_end: n < PAGE_ROWS_MAX,
            work: n as u64,
        })
    };
    let page = list_slice(list, LIST_WORK, |row| row.id, AuditId, look)?;
    Ok(page.map(|(rows, next)| Answer::Audit { rows, next }))
}
