//! What the rules of an inbox send because of a message: an answer to its sender, and the message
//! itself to other addresses. Each is mail of the inbox: it goes through all policy of sending,
//! draws from its budgets, has a copy in Sent, and leaves in the transaction of the delivery.
//!
//! The rule: **what is not sent loses no message.** All that may refuse it is asked before its
//! first row is written; then the event of the message says why.

use core::net::{IpAddr, Ipv4Addr};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::answer::header_of;
use super::decide::decide;
use super::parsed::{ParsedMessage, WayIn};
use super::plan::{Delivery, Plan};
use super::screen::may_be_forged;
use crate::call::{
    AutoReplyNote, AutoReplyRefusal, AutoReplyStatus, Caller, Change, EntryId, Envelope, InboxId,
    Metric, Noun, OrgId, Recipient, Refusal, Request, RuleAction, RuleReply, SendStatus,
    SenderAuth, Shared, ThreadId, UidSet, Written,
};
use crate::mail::digest::{self, Analysis};
use crate::mail::write::compose::{Compose, compose, message_id};
use crate::mail::write::template::{TemplateValues, render};
use crate::mail::write::{answer, field};
use crate::mail::{Address, Bounds, time, unicode};
use crate::service::access::login::folder_access;
use crate::service::context::{ReadContext, WriteContext};
use crate::service::outbound::signing::domain_named;
use crate::service::outgoing::budget::{self, Spending};
use crate::service::outgoing::reasons::words;
use crate::service::outgoing::velocity;
use crate::service::policy;
use crate::service::rules::{PlannedReply, RuledEntry, RuledSend};
use crate::store::{DayCount, InboxPlace, NewEvent};

/// The functions of a delivery, which sends in its course.
#[derive(Clone, Copy)]
pub(super) struct DeliverySteps {
    /// Checks all that may refuse a plan.
    pub check: fn(&WriteContext<'_>, &Caller, &Plan) -> Result<(), Refusal>,
    /// Carries it out.
    pub deliver: fn(&mut WriteContext<'_>, &Caller, &Delivery) -> Result<Written, Refusal>,
}

/// The inbox that sends, and the conversation that its mail joins.
#[derive(Clone, Copy)]
pub(super) struct SendingInbox {
    pub org: OrgId,
    pub inbox: InboxId,
    pub thread: ThreadId,
    /// What is known of the author of the message.
    pub auth: SenderAuth,
    pub steps: DeliverySteps,
}

/// Sends what the rules of an inbox have planned, and notes what became of it.
pub(super) fn send_planned(
    context: &mut WriteContext<'_>,
    plan: &Plan,
    from: SendingInbox,
    ruled: &mut RuledEntry,
) -> Result<(), Refusal> {
    for send in core::mem::take(&mut ruled.sends) {
        match send {
            RuledSend::Forward { at, to } => {
                if let Err(why) = forward(context, plan, from, &to)? {
                    let undone = RuleAction::Forward { to };
                    ruled.undo(at, |action| *action == undone, Some(why));
                }
            }
            RuledSend::Reply(planned) => {
                let (reason, error) = match reply(context, plan, from, &planned)? {
                    Ok(sent) => {
                        ruled.auto_reply = Some(sent);
                        continue;
                    }
                    Err(LeftOut::Manners(reason)) => (reason, None),
                    Err(LeftOut::Policy(why)) => (AutoReplyRefusal::Policy, Some(why)),
                };
                let is_reply = |action: &RuleAction| matches!(action, RuleAction::AutoReply(_));
                ruled.undo(planned.at, is_reply, error);
                ruled.auto_reply = Some(left_out(&planned, reason));
            }
        }
    }
    Ok(())
}

/// The event of an answer that was sent, behind that of its message.
pub(super) fn tell_of_reply(
    context: &mut WriteContext<'_>,
    place: InboxPlace,
    (message, note): (EntryId, Box<AutoReplyNote>),
) -> Result<(), Refusal> {
    if note.status == AutoReplyStatus::LeftOut {
        return Ok(());
    }
    let new = NewEvent {
        inbox: Some(place.path),
        mailbox: None,
        uids: UidSet::new(),
        change: Change::AutoReplied { message, note },
    };
    let (now, origin) = (context.now, context.origin);
    (context.store).append_event(now, place.org, origin, new, context.events)?;
    Ok(())
}

/// Why an answer is not sent.
enum LeftOut {
    /// It is not time for one.
    Manners(AutoReplyRefusal),
    /// Policy refuses it, in words for people.
    Policy(String),
}

fn left_out(planned: &PlannedReply, reason: AutoReplyRefusal) -> AutoReplyNote {
    AutoReplyNote {
        rule: planned.rule,
        to: planned.to.to_string(),
        status: AutoReplyStatus::LeftOut,
        reason: Some(reason),
        message: None,
    }
}

/// Answers the sender of a message, once in a while.
fn reply(
    context: &mut WriteContext<'_>,
    plan: &Plan,
    from: SendingInbox,
    planned: &PlannedReply,
) -> Result<Result<AutoReplyNote, LeftOut>, Refusal> {
    let (store, now_ms) = (context.store, context.now.unix_ms);
    let key = planned.to.canonical();
    if store
        .answered_until(from.inbox, &key)?
        .is_some_and(|until| until > now_ms)
    {
        return Ok(Err(LeftOut::Manners(AutoReplyRefusal::AnsweredLately)));
    }
    let day = policy::day_of(context.now);
    let max = context.shared.limits.inbox_auto_replies_per_day;
    if store.day_count(DayCount::AutoReplies(from.inbox), day)? >= max as u64 {
        context.shared.metrics.count(Metric::RateLimited);
        return Ok(Err(LeftOut::Manners(AutoReplyRefusal::DailyLimit)));
    }
    let octets = match guarded(context.shared, || write_reply(context, plan, from, planned)) {
        Ok(octets) => octets,
        Err(refusal) if store.is_transaction_gone() => return Err(refusal),
        Err(refusal) => return Ok(Err(LeftOut::Policy(words(&refusal).1))),
    };
    let envelope = Envelope {
        // RFC 3834 section 3.3: nothing answers to it.
        reverse_path: None,
        recipients: vec![recipient(&planned.to.to_string())],
        ..Envelope::default()
    };
    let (message, status) = match send(context, from, (octets, SenderAuth::Client), envelope)? {
        Ok(sent) => sent,
        Err(why) => return Ok(Err(LeftOut::Policy(why))),
    };
    store.count_in_day(DayCount::AutoReplies(from.inbox), day, 1)?;
    let once_ms = i64::try_from(planned.reply.once_per_s.saturating_mul(1000)).unwrap_or(i64::MAX);
    store.set_answered((from.org, from.inbox), &key, now_ms.saturating_add(once_ms))?;
    if !context.is_again {
        context.shared.metrics.count(Metric::AutoReplies);
    }
    Ok(Ok(AutoReplyNote {
        rule: planned.rule,
        to: planned.to.to_string(),
        status: match status {
            SendStatus::Held(_) => AutoReplyStatus::Held,
            SendStatus::Draft => AutoReplyStatus::Draft,
            SendStatus::Queued | SendStatus::Scheduled => AutoReplyStatus::Queued,
            SendStatus::Delivered => AutoReplyStatus::Delivered,
        },
        reason: None,
        message,
    }))
}

/// Writes an answer (RFC 3834 section 3.1).
fn write_reply(
    context: &mut WriteContext<'_>,
    plan: &Plan,
    from: SendingInbox,
    planned: &PlannedReply,
) -> Result<Vec<u8>, Refusal> {
    let row = context.store.inbox(from.org, from.inbox)?;
    let row = row.ok_or(Refusal::NotFound(Noun::Inbox))?;
    let own = Address::parse(&row.address).map_err(|_| Refusal::Damaged)?;
    let original = header_of(header_octets(plan))?;
    let author = original.author().cloned().unwrap_or_default();
    let values = TemplateValues {
        from_address: match author.address() {
            Some(address) => address.to_string(),
            None => planned.to.to_string(),
        },
        from_name: author.name.unwrap_or_default(),
        subject: original.subject.clone(),
        inbox_address: row.address.clone(),
    };
    let RuleReply {
        subject,
        text,
        html,
        once_per_s: _,
    } = &*planned.reply;
    let subject = subject.as_deref().unwrap_or(DEFAULT_SUBJECT);
    let subject = unicode::one_line(&render(subject, &values, false), SUBJECT_CHARS_MAX);
    let text = text.as_deref().map(|text| render(text, &values, false));
    let html = html.as_deref().map(|html| render(html, &values, true));
    let mut seed = [0; 16];
    context.random.fill(&mut seed);
    let references = answer::references(&original);
    let references: Vec<&str> = references.iter().map(String::as_str).collect();
    let in_reply_to = answer::in_reply_to(&original);
    let mail = Compose {
        from_name: row
            .display_name
            .as_deref()
            .filter(|name| field::is_value(name)),
        from: Some(&own),
        to: &[(None, &planned.to)],
        cc: &[],
        reply_to: &[],
        subject: &subject,
        text: text.as_deref(),
        html: html.as_deref(),
        attachments: &[],
        headers: &[("X-Auto-Response-Suppress", "All")],
        in_reply_to: in_reply_to.as_deref(),
        references: &references,
        date_ms: context.now.unix_ms,
        message_id: &message_id(seed, own.domain()),
        seed,
    };
    let composed = compose(&mail).map_err(|_| Refusal::Internal)?;
    Ok([AUTO_REPLIED, &composed].concat())
}

/// Sends a message on as it is, from the inbox that has got it. Its author stays the author.
fn forward(
    context: &mut WriteContext<'_>,
    plan: &Plan,
    from: SendingInbox,
    to: &[String],
) -> Result<Result<(), String>, Refusal> {
    let (octets, envelope) = match write_forward(context, plan, from, to) {
        Ok(Ok(mail)) => mail,
        Ok(Err(why)) => return Ok(Err(why)),
        Err(refusal) if context.store.is_transaction_gone() => return Err(refusal),
        Err(refusal) => return Ok(Err(words(&refusal).1)),
    };
    Ok(send(context, from, (octets, from.auth), envelope)?.map(drop))
}

/// Writes a message as it is forwarded; or why it is not.
fn write_forward(
    context: &mut WriteContext<'_>,
    plan: &Plan,
    from: SendingInbox,
    to: &[String],
) -> Result<Result<(Vec<u8>, Envelope), String>, Refusal> {
    if plan.body.len() > FORWARD_BYTES_MAX {
        let why = format!("a message of more than {FORWARD_BYTES_MAX} octets is not forwarded");
        return Ok(Err(why));
    }
    let row = context.store.inbox(from.org, from.inbox)?;
    let row = row.ok_or(Refusal::NotFound(Noun::Inbox))?;
    let own = Address::parse(&row.address).map_err(|_| Refusal::Damaged)?;
    let original = guarded(context.shared, || header_of(header_octets(plan)))?;
    if let Some(why) = forward_refusal(&original, &own, to) {
        context.shared.metrics.count(Metric::RejectedLoop);
        return Ok(Err(why.to_owned()));
    }
    if may_be_forged(from.auth) && is_signed_here(context, from.org, &original)? {
        let why = "its author is of a domain here and may be forged: it would be signed for that";
        return Ok(Err(why.to_owned()));
    }
    let mut seed = [0; 16];
    context.random.fill(&mut seed);
    let mut octets = Vec::with_capacity(plan.body.len() + TRACE_BYTES);
    for (name, value) in [
        ("Delivered-To", row.address.clone()),
        ("Resent-From", row.address.clone()),
        ("Resent-To", to.join(", ")),
        ("Resent-Date", time::rfc5322(context.now.unix_ms)),
        ("Resent-Message-ID", message_id(seed, own.domain())),
    ] {
        field::fold(name, &value, &mut octets);
    }
    octets.extend_from_slice(&plan.body);
    let envelope = Envelope {
        // A report about a report would go on for ever.
        reverse_path: plan.reverse_path.as_ref().map(|_| row.address.clone()),
        recipients: to.iter().map(|address| recipient(address)).collect(),
        ..Envelope::default()
    };
    Ok(Ok((octets, envelope)))
}

/// Whether the queue would sign a message for the domain of its author.
fn is_signed_here(
    context: &WriteContext<'_>,
    org: OrgId,
    original: &Analysis,
) -> Result<bool, Refusal> {
    for author in original.from.iter().filter_map(|author| author.address()) {
        if domain_named(context.service, context.store, org, author.domain())?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Why a message may not be forwarded: it was here before, or rules have forwarded it too often.
fn forward_refusal(original: &Analysis, own: &Address, to: &[String]) -> Option<&'static str> {
    let is_own = |text: &String| {
        let address = Address::parse(text.trim());
        address.is_ok_and(|address| answer::is_same_inbox(&address, own))
    };
    if to.iter().any(is_own) {
        return Some("an inbox does not forward to itself");
    }
    if original.delivered_to.iter().any(is_own) {
        return Some("the message was here before: forwarding it is a loop");
    }
    let is_deep = original.delivered_to.len() >= FORWARD_DEPTH_MAX;
    is_deep.then_some("the message was forwarded three times")
}

/// Sends octets as a message of the inbox: its entry and what became of it, or why policy refuses
/// it.
fn send(
    context: &mut WriteContext<'_>,
    from: SendingInbox,
    mail: (Vec<u8>, SenderAuth),
    envelope: Envelope,
) -> Result<Result<(Option<EntryId>, SendStatus), String>, Refusal> {
    let rules = &context.service.rules;
    if rules.is_quiet() {
        let why = "the message could not be stored together with what its rules send";
        return Ok(Err(why.to_owned()));
    }
    if !rules.take_send() {
        context.shared.metrics.count(Metric::RejectedLoop);
        let why = "rules have sent as many messages because of this one as they may";
        return Ok(Err(why.to_owned()));
    }
    let caller = Caller::Key(folder_access(from.org));
    let delivery = match guarded(context.shared, || {
        prepare(context, &caller, from, mail, envelope)
    }) {
        Ok(delivery) => delivery,
        Err(refusal) if context.store.is_transaction_gone() => return Err(refusal),
        Err(refusal) => return Ok(Err(words(&refusal).1)),
    };
    match (from.steps.deliver)(context, &caller, &delivery)? {
        Written::Delivered { entry, status, .. } => Ok(Ok((entry, status))),
        _ => Err(Refusal::Internal),
    }
}

/// Decides on a message of the inbox, and asks all that may refuse it. Nothing is written.
fn prepare(
    context: &WriteContext<'_>,
    caller: &Caller,
    from: SendingInbox,
    (octets, auth): (Vec<u8>, SenderAuth),
    mut envelope: Envelope,
) -> Result<Delivery, Refusal> {
    let (service, store, now) = (context.service, context.store, context.now);
    let access = caller.access()?;
    policy::find_recipients_again(service, store, now, access, &mut envelope.recipients)?;
    policy::send_by_account(service, store, from.inbox, &mut envelope.recipients)?;
    let bounds = Bounds {
        received_hops: context.shared.limits.received_hops,
        ..Bounds::default()
    };
    let analysis = digest::analyse(&octets, &bounds).map_err(|_| Refusal::Loop)?;
    let spending = Spending::of(access, from.inbox, &envelope.recipients);
    budget::check(&context.shared.limits, store, now, &spending)?;
    let reads = ReadContext {
        service,
        store,
        shared: context.shared,
        now,
        clock: service.clock(),
        seed: [0; 16],
    };
    let way = WayIn::Send {
        inbox: from.inbox,
        hidden: Vec::new(),
        labels: Vec::new(),
        send_at: None,
        expires_at: None,
        metadata: None,
        joins: Some(from.thread),
        trial: None,
        draft: None,
        auth,
    };
    let request = Request {
        request_id: None,
        depth: 0,
        conn: None,
        peer: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        now,
        caller: caller.clone(),
        call: (),
    };
    let parsed = ParsedMessage::new(way, octets, analysis, envelope);
    let delivery = decide(service, &reads, &request, parsed)?;
    if delivery.plan.is_answer {
        velocity::check(context, from.inbox, &delivery.plan.recipients)?;
    }
    (from.steps.check)(context, caller, &delivery.plan)?;
    Ok(delivery)
}

/// Runs what reads a message, so that one that makes it panic is delivered all the same. It has
/// written nothing.
fn guarded<T>(shared: &Shared, run: impl FnOnce() -> Result<T, Refusal>) -> Result<T, Refusal> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
        shared.metrics.count(Metric::Panics);
        Err(Refusal::Internal)
    })
}

fn recipient(address: &str) -> Recipient {
    Recipient {
        address: address.to_owned(),
        inbox: None,
        org: None,
        notify: 0,
        orcpt: None,
    }
}

fn header_octets(plan: &Plan) -> &[u8] {
    plan.body
        .get(..plan.header_len as usize)
        .unwrap_or(&plan.body)
}

/// RFC 3834 section 3.1.7.
const AUTO_REPLIED: &[u8] = b"Auto-Submitted: auto-replied\r\n";
/// RFC 3834 section 3.1.5.
const DEFAULT_SUBJECT: &str = "Auto: {{subject}}";
/// Characters of the subject of an answer.
const SUBJECT_CHARS_MAX: usize = 250;
/// Octets of a message that a rule forwards: it is read again in the transaction of its delivery.
const FORWARD_BYTES_MAX: usize = 1 << 20;
/// How often rules forward one message.
const FORWARD_DEPTH_MAX: usize = 3;
/// Octets of the fields in front of a forwarded message, about.
const TRACE_BYTES: usize = 512;
