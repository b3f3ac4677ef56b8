//! From a call that reads to its function, by noun. The matches are exhaustive: a new call does not
//! compile before it has its arm. The result `None` means that a slice is done and the call goes on
//! later.

use crate::call::{
    Access, Answer, ApprovalId, ApprovalRead, AuditId, AuditRead, Caller, ContentAsk, DomainRead,
    EntryRead, EventGroupRead, EventRead, FilterRuleId, FilterRuleRead, InboxId, InboxRead,
    InboxRef, KeyId, KeyRead, KnownSpamRead, MailboxRead, MessageRead, OrgId, OrgRead, OutboundId,
    OutboundRead, Read, Refusal, RuleRead, SuppressionId, SuppressionRead, UploadRead, WebhookRead,
};
use crate::service::account::page::begin_list;
use crate::service::account::{
    domain, filter_rule, inbox, key, known_spam, org, rule, spam, upload, upstream, usage,
};
use crate::service::audit;
use crate::service::context::ReadContext;
use crate::service::event_groups;
use crate::service::events;
use crate::service::mail::find::{FindIn, find};
use crate::service::mail::{
    awaited, entry, export, folder, full, list, mailbox, message, search, thread, trial,
};
use crate::service::outbound;
use crate::service::outgoing::approval;
use crate::service::policy::find_inbox;
use crate::service::webhook::change as webhook;

/// Carries out a call, or a slice of it. `admit` has checked the caller.
pub(super) fn read(
    context: &ReadContext<'_>,
    caller: &Caller,
    call: &mut Read,
) -> Result<Option<Answer>, Refusal> {
    match call {
        Read::Mailbox(call) => read_mailbox(context, caller.access()?, call),
        Read::Entry(call) => read_entry(context, caller.access()?, call),
        Read::Message(call) => read_message(context, caller.access()?, call),
        Read::Inbox(call) => read_inbox(context, caller.access()?, call),
        Read::Key(call) => read_key(context, caller.access()?, call),
        Read::Approval(call) => read_approval(context, caller.access()?, call),
        Read::Domain(DomainRead::List) => {
            domain::list_domains(context.service, context.store, caller.access()?).map(Some)
        }
        Read::Domain(DomainRead::Get { domain }) => {
            let access = caller.access()?;
            domain::read_domain(context.service, context.store, access, domain).map(Some)
        }
        Read::Org(call) => read_org(context, caller, call),
        Read::Outbound(call) => read_outbound(context, caller, call),
        Read::FilterRule(call) => read_filter_rule(context, caller.access()?, call),
        Read::Rule(RuleRead::List {
            place,
            cursor,
            limit,
        }) => {
            let page = (cursor.as_deref(), *limit);
            rule::list_rules(context, caller.access()?, place, page).map(Some)
        }
        Read::Rule(RuleRead::Try { place, trial }) => {
            trial::try_rule(context, caller.access()?, place, trial)
        }
        Read::Rule(RuleRead::Get { place, id }) => {
            rule::read_rule(context, caller.access()?, (place, *id)).map(Some)
        }
        Read::Suppression(call) => read_suppression(context, caller.access()?, call),
        Read::Upload(UploadRead::Get { id }) => {
            upload::read_upload(context, caller.access()?, *id).map(Some)
        }
        Read::Event(EventRead::After {
            topic,
            after,
            limit,
        }) => {
            events::list_events(context.store, caller.access()?, *topic, *after, *limit).map(Some)
        }
        Read::EventGroup(EventGroupRead::List) => {
            event_groups::list_groups(context, caller.access()?).map(Some)
        }
        Read::EventGroup(EventGroupRead::Get { name }) => {
            event_groups::read_group(context, caller.access()?, name).map(Some)
        }
        Read::Audit(call) => read_audit(context, caller.access()?, call),
        Read::Webhook(call) => read_webhook(context, caller.access()?, call).map(Some),
        Read::KnownSpam(KnownSpamRead::Sources) => {
            known_spam::list_sources(context.store).map(Some)
        }
    }
}

fn read_mailbox(
    context: &ReadContext<'_>,
    access: &Access,
    call: &mut MailboxRead,
) -> Result<Option<Answer>, Refusal> {
    match call {
        MailboxRead::List {
            counts,
            recent,
            progress,
        } => mailbox::list(context, access, (*counts, *recent), progress),
        MailboxRead::Status {
            mailbox,
            recent,
            progress,
        } => mailbox::read_status(context, access, (mailbox, *recent), progress),
        MailboxRead::Select { mailbox, progress } => {
            mailbox::select(context, access, mailbox, progress)
        }
        MailboxRead::ListOf {
            inbox,
            cursor,
            limit,
        } => folder::list(context, access, inbox, (cursor.as_deref(), *limit)).map(Some),
        MailboxRead::Subscribed => mailbox::list_subscribed(context, access).map(Some),
    }
}

fn read_entry(
    context: &ReadContext<'_>,
    access: &Access,
    call: &mut EntryRead,
) -> Result<Option<Answer>, Refusal> {
    match call {
        EntryRead::Fetch {
            mailbox,
            uids,
            digest,
            octets,
            changed_since,
        } => {
            let ask = entry::FetchAsk {
                digest: *digest,
                octets: *octets,
                changed_since: *changed_since,
            };
            entry::fetch(context, access, *mailbox, uids, ask).map(Some)
        }
        EntryRead::Octets { of, offset, len } => {
            entry::read_octets(context, access, of, *offset, *len).map(Some)
        }
        EntryRead::Changes {
            mailbox,
            since,
            progress,
        } => entry::list_changes(context, access, (*mailbox, *since), progress),
        EntryRead::Search {
            mailbox,
            within,
            key,
            progress,
        } => search::search(context, access, *mailbox, within, key, progress),
    }
}

fn read_message(
    context: &ReadContext<'_>,
    access: &Access,
    call: &mut MessageRead,
) -> Result<Option<Answer>, Refusal> {
    match call {
        MessageRead::List {
            inbox,
            filter,
            cursor,
            limit,
            progress,
        } => match filter.q.is_some() {
            true => {
                let (place, page) = (FindIn::Inbox(inbox), (cursor.as_deref(), *limit));
                find(context, access, place, filter, page, progress)
            }
            false => list::list(context, access, inbox, filter, (cursor, *limit), progress),
        },
        MessageRead::ListAll {
            inboxes,
            filter,
            cursor,
            limit,
            progress,
        } => match filter.q.is_some() {
            true => {
                let (place, page) = (FindIn::Inboxes(inboxes), (cursor.as_deref(), *limit));
                find(context, access, place, filter, page, progress)
            }
            false => list::list_all(context, access, inboxes, filter, (cursor, *limit), progress),
        },
        MessageRead::Export {
            inbox,
            folder,
            cursor,
            limit,
        } => {
            let page = (folder.as_str(), cursor.as_deref(), *limit);
            export::export(context, access, inbox, page).map(Some)
        }
        MessageRead::Get { inbox, id, ask } => {
            message::read(context, access, inbox, *id, *ask).map(Some)
        }
        MessageRead::Opened {
            list,
            ask,
            limit,
            so_far,
        } => {
            if !so_far.found.is_empty() {
                return full::open_found(context, access, (list, *ask), so_far);
            }
            let answer = match read_message(context, access, list) {
                Ok(Some(answer)) => answer,
                Err(Refusal::SearchDeadline) => {
                    let cut = full::cut(list, so_far);
                    return cut.ok_or(Refusal::SearchDeadline).map(Some);
                }
                other => return other,
            };
            full::take(context, access, (list, answer), (*ask, *limit), so_far)
        }
        MessageRead::Await {
            inbox,
            filter,
            among,
            redacts,
            progress,
        } => {
            let wanted = (&**filter, among.as_deref());
            awaited::find(context, access, inbox, (wanted, *redacts), progress)
        }
        MessageRead::Threads {
            inbox,
            filter,
            cursor,
            limit,
            progress,
        } => thread::list(context, access, inbox, filter, (cursor, *limit), progress),
        MessageRead::Thread {
            inbox,
            id,
            folder,
            ask,
            cursor,
            limit,
            progress,
        } => {
            let wanted = (&*inbox, *id, folder.as_deref());
            thread::read(context, access, wanted, *ask, (cursor, *limit), progress)
        }
        MessageRead::Draft { inbox, id } => {
            message::check_draft(context.store, access, inbox, *id)?;
            message::read(context, access, inbox, *id, ContentAsk::default()).map(Some)
        }
        MessageRead::FindOctets { inbox, id } => {
            message::find_octets(context, access, inbox, *id).map(Some)
        }
        MessageRead::FindPart { inbox, id, part } => {
            message::find_part(context, access, inbox, *id, *part).map(Some)
        }
    }
}

/// A list begins with its first slice, and goes on as the rest of itself.
fn read_inbox(
    context: &ReadContext<'_>,
    access: &Access,
    call: &mut InboxRead,
) -> Result<Option<Answer>, Refusal> {
    let store = context.store;
    if let InboxRead::List {
        parent,
        cursor,
        limit,
    } = call
    {
        let parent = match parent {
            None => None,
            Some(name) => Some(find_inbox(store, access, name)?),
        };
        let list = begin_list(cursor.as_deref(), *limit, |text| {
            Some(InboxId::parse(text)?.0)
        })?;
        let list = Box::new(list);
        *call = InboxRead::ListRest { parent, list };
    }
    match call {
        InboxRead::List { .. } => Ok(None),
        InboxRead::ListRest { parent, list } => {
            let answer = inbox::list_inboxes(store, access, *parent, list)?;
            answer
                .map(|answer| with_accounts(context, access, answer))
                .transpose()
        }
        InboxRead::Get { inbox } => {
            let answer = inbox::read_inbox(store, access, inbox)?;
            with_accounts(context, access, answer).map(Some)
        }
        InboxRead::Spam { inbox } => spam::read_settings(context, access, inbox).map(Some),
    }
}

/// Fills in the accounts of the inboxes that live elsewhere.
fn with_accounts(
    context: &ReadContext<'_>,
    access: &Access,
    mut answer: Answer,
) -> Result<Answer, Refusal> {
    if let Answer::Inboxes { rows, .. } = &mut answer {
        upstream::show(context.service, context.store, access.org, rows)?;
    }
    Ok(answer)
}

fn read_key(
    context: &ReadContext<'_>,
    access: &Access,
    call: &mut KeyRead,
) -> Result<Option<Answer>, Refusal> {
    if let KeyRead::List { cursor, limit } = call {
        let list = begin_list(cursor.as_deref(), *limit, |text| {
            Some(KeyId::parse(text)?.0)
        })?;
        let list = Box::new(list);
        *call = KeyRead::ListRest { list };
    }
    match call {
        KeyRead::List { .. } => Ok(None),
        KeyRead::ListRest { list } => key::list_keys(context.store, access, list),
        KeyRead::Get { key } => key::read_key(context.store, access, *key).map(Some),
    }
}

fn read_outbound(
    context: &ReadContext<'_>,
    caller: &Caller,
    call: &mut OutboundRead,
) -> Result<Option<Answer>, Refusal> {
    if let OutboundRead::List {
        filter,
        cursor,
        limit,
    } = call
    {
        let access = caller.access()?;
        let list = begin_list(cursor.as_deref(), *limit, |text| {
            Some(OutboundId::parse(text)?.0)
        })?;
        let mut filter = core::mem::take(filter);
        if let Some(inbox) = &filter.inbox {
            let place = find_inbox(context.store, access, inbox)?;
            filter.inbox = Some(InboxRef::Id(place));
        }
        outbound::normalize_filter(&mut filter);
        let list = Box::new(list);
        *call = OutboundRead::ListRest { filter, list };
    }
    match call {
        OutboundRead::List { .. } => Ok(None),
        OutboundRead::ListRest { filter, list } => {
            outbound::list(context.store, caller.access()?, filter, list)
        }
        OutboundRead::Get { id } => {
            let row = outbound::change::read(context.store, caller.access()?, *id)?;
            let (rows, next) = (vec![row], None);
            Ok(Some(Answer::Outbound { rows, next }))
        }
        OutboundRead::Piece {
            lease,
            conversion,
            keys,
            offset,
        } => {
            let ask = outbound::PieceAsk {
                lease: *lease,
                conversion: *conversion,
                keys: *keys,
                offset: *offset,
            };
            outbound::piece(context, &ask).map(Some)
        }
    }
}

fn read_filter_rule(
    context: &ReadContext<'_>,
    access: &Access,
    call: &mut FilterRuleRead,
) -> Result<Option<Answer>, Refusal> {
    if let FilterRuleRead::List { cursor, limit } = call {
        let list = begin_list(cursor.as_deref(), *limit, |text| {
            Some(FilterRuleId::parse(text)?.0)
        })?;
        let list = Box::new(list);
        *call = FilterRuleRead::ListRest { list };
    }
    match call {
        FilterRuleRead::List { .. } => Ok(None),
        FilterRuleRead::ListRest { list } => filter_rule::list_rules(context.store, access, list),
        FilterRuleRead::Get { id } => filter_rule::read_rule(context.store, access, *id).map(Some),
    }
}

fn read_webhook(
    context: &ReadContext<'_>,
    access: &Access,
    call: &WebhookRead,
) -> Result<Answer, Refusal> {
    match call {
        WebhookRead::List { place } => webhook::list(context.store, access, place.as_ref()),
        WebhookRead::Get { hook } => webhook::read(context.store, access, hook),
        WebhookRead::Deliveries {
            hook,
            status,
            cursor,
            limit,
        } => webhook::deliveries(context, access, (hook, *status), (*cursor, *limit)),
    }
}

fn read_suppression(
    context: &ReadContext<'_>,
    access: &Access,
    call: &mut SuppressionRead,
) -> Result<Option<Answer>, Refusal> {
    let store = context.store;
    if let SuppressionRead::List {
        address,
        cursor,
        limit,
    } = call
    {
        let list = begin_list(cursor.as_deref(), *limit, |text| {
            Some(SuppressionId::parse(text)?.0)
        })?;
        *call = SuppressionRead::ListRest {
            address: address.take(),
            list: Box::new(list),
        };
    }
    match call {
        SuppressionRead::List { .. } => Ok(None),
        SuppressionRead::ListRest { address, list } => {
            filter_rule::list_suppressions(store, access, address.as_deref(), list)
        }
        SuppressionRead::Get { id } => filter_rule::read_suppression(store, access, *id).map(Some),
    }
}

fn read_approval(
    context: &ReadContext<'_>,
    access: &Access,
    call: &mut ApprovalRead,
) -> Result<Option<Answer>, Refusal> {
    if let ApprovalRead::List {
        status,
        cursor,
        limit,
    } = call
    {
        let list = begin_list(cursor.as_deref(), *limit, |text| {
            Some(ApprovalId::parse(text)?.0)
        })?;
        *call = ApprovalRead::ListRest {
            status: *status,
            list: Box::new(list),
        };
    }
    match call {
        ApprovalRead::List { .. } => Ok(None),
        ApprovalRead::ListRest { status, list } => {
            approval::list_approvals(context.store, access, *status, list)
        }
        ApprovalRead::Get { approval } => {
            approval::read_approval(context, access, *approval).map(Some)
        }
    }
}

fn read_org(
    context: &ReadContext<'_>,
    caller: &Caller,
    call: &mut OrgRead,
) -> Result<Option<Answer>, Refusal> {
    if let OrgRead::List { cursor, limit } = call {
        let list = begin_list(cursor.as_deref(), *limit, |text| {
            Some(OrgId::parse(text)?.0)
        })?;
        let list = Box::new(list);
        *call = OrgRead::ListRest { list };
    }
    match call {
        OrgRead::List { .. } => Ok(None),
        OrgRead::ListRest { list } => org::list_orgs(context.store, list),
        OrgRead::Get { org } => org::read_org(context.store, caller, *org).map(Some),
        OrgRead::Usage { .. } => org::read_usage(context, caller, call),
        OrgRead::UsageByDay { inbox, days } => {
            usage::read_days(context, caller.access()?, inbox.as_ref(), *days).map(Some)
        }
        OrgRead::UsageRest { after, so_far } => {
            org::count_usage(context.store, caller.access()?, after, so_far)
        }
    }
}

fn read_audit(
    context: &ReadContext<'_>,
    access: &Access,
    call: &mut AuditRead,
) -> Result<Option<Answer>, Refusal> {
    if let AuditRead::List {
        filter,
        cursor,
        limit,
    } = call
    {
        let list = begin_list(cursor.as_deref(), *limit, |text| {
            Some(AuditId::parse(text)?.0)
        })?;
        *call = AuditRead::ListRest {
            filter: core::mem::take(filter),
            list: Box::new(list),
        };
    }
    match call {
        AuditRead::List { .. } => Ok(None),
        AuditRead::ListRest { filter, list } => {
            audit::list_acts(context.store, access, filter, list)
        }
    }
}
