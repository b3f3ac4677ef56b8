//! Judge and decide: from a parsed message to the effects of its delivery. Every route uses the
//! same function.

use super::approve::hash;
use super::compose::hidden_field;
use super::filter::Filter;
use super::parsed::{ParsedMessage, WayIn};
use super::plan::{
    Delivery, Effect, Placement, Plan, Released, ReturnedReport, SUBJECT_BYTES, TakenDraft,
    WaitingPlan, WaitsFor,
};
use super::ruled::apply_rules;
use super::screen::{self, Screened, ScreenedSender, screen};
use super::subject::SubjectKeys;
use super::treat::{Treatment, treat};
use super::{elsewhere, upload};
use crate::call::{
    Arrival, Caller, Decision, EntryId, Envelope, Flags, HELD_LABEL, INBOX, InboxId, Metric,
    NamedAddress, Noun, OrgId, Recipient, Refusal, Request, SCHEDULED_LABEL, SenderAuth, Signature,
    SpecialUse, Summary,
};
use crate::mail::digest::{Analysis, Priority};
use crate::mail::parse::address_list::Mailbox;
use crate::mail::{Digest, unicode};
use crate::service::access::receives::SendingParty;
use crate::service::context::ReadContext;
use crate::service::lists::SenderIdentity;
use crate::service::outbound::report::{BOUNCE_LABEL, may_label, reports_in};
use crate::service::outgoing::OutgoingMail;
use crate::service::rules::RuleSubject;
use crate::service::{Service, lists, outgoing, policy};
use crate::store::HeldEnvelope;

/// Decides on the effects of a message: first the copy of its sender, then an entry for each local
/// inbox among the recipients, then a queue row for each recipient outside.
pub(super) fn decide(
    service: &Service,
    context: &ReadContext<'_>,
    request: &Request<()>,
    mut parsed: ParsedMessage,
) -> Result<Delivery, Refusal> {
    if let WayIn::Upload(_) = parsed.way {
        return upload::planned(request, parsed);
    }
    if let WayIn::Send { inbox, .. } | WayIn::Approved { inbox, .. } = parsed.way {
        let recipients = &mut parsed.envelope.recipients;
        policy::send_by_account(service, context.store, inbox, recipients)?;
    }
    decide_on(service, context, request, parsed)
}

/// The same for a message whose recipients are those that it is delivered to here.
fn decide_on(
    service: &Service,
    context: &ReadContext<'_>,
    request: &Request<()>,
    parsed: ParsedMessage,
) -> Result<Delivery, Refusal> {
    let (need, receiver) = (parsed.need(), parsed.receiver());
    let caller = &request.caller;
    let treatment = treat(service, context, request, &parsed)?;
    let ParsedMessage {
        way,
        body,
        analysis,
        envelope,
        idempotency,
        charge,
        inquiry: _,
        lookup_ms: _,
    } = parsed;
    let is_inbound = matches!(way, WayIn::Inbound(_));
    let joins = way.joins();
    let from_elsewhere = way.upstream();
    let from = (&envelope, &analysis, body.as_slice());
    let WayDecision {
        sender,
        auth,
        decision,
        waits,
        released,
        metadata,
        draft,
        expires_at,
        may_leave,
        reports,
        mut effects,
    } = decide_way(service, context, caller, (way, from), treatment.auth)?;
    let mut filter = None;
    if waits.is_some() {
        // Recipients here get it when it leaves; those outside are in the queue from now on.
        let outside = (envelope.recipients.iter()).filter(|to| to.inbox.is_none());
        effects.extend(outside.cloned().map(Effect::Queue));
    } else if decision == Decision::Send {
        let digest = Digest::open(&analysis.digest).ok_or(Refusal::Internal)?;
        let mail = (&envelope, &analysis, body.as_slice());
        let with = (&treatment, reports.as_slice(), may_leave);
        let from = (caller.key().map(|access| access.org).zip(sender), auth);
        filter = send_filtered(service, context, from, (mail, digest), with, &mut effects)?;
    }
    if sender.is_none() {
        let mail = (&envelope, &analysis, auth, reports.as_slice());
        leave_out_blocked(service, context, mail, &mut effects)?;
    }
    elsewhere::take_over(context, from_elsewhere.as_deref(), &mut effects);
    if effects.is_empty() {
        return Err(Refusal::NoSuchInbox);
    }
    if let Some(filter) = &filter {
        filter.check_refused(service, &effects)?;
    }
    let author = filter.map(Filter::into_author).unwrap_or_default();
    let subject = match sender {
        Some(_) => SubjectKeys::of_sent(&analysis, &envelope.recipients),
        None if is_inbound => SubjectKeys::of_received(&analysis, auth),
        None => SubjectKeys::default(),
    };
    let plan = Plan {
        header_len: analysis.header_len,
        message_id: analysis.message_id.clone().unwrap_or_default(),
        references: references_of(&analysis),
        joins,
        subject,
        sender,
        party: SendingParty::of(caller, request.peer),
        auth,
        author,
        reverse_path: envelope.reverse_path,
        ret_full: envelope.ret_full,
        envid: envelope.envid,
        recipients: sender.map_or_else(Vec::new, |_| envelope.recipients),
        is_answer: sender.is_some() && !analysis.in_reply_to.is_empty(),
        decision,
        metadata,
        expires_at,
        answers: None,
        import: None,
        upstream: from_elsewhere,
        upload: None,
        waits,
        released,
        draft,
        effects,
        reports,
        body,
        digest: Vec::new(),
        signature: Signature::default(),
        prefix_grams: Vec::new(),
        summary: Summary::default(),
    };
    Ok(Delivery {
        plan: with_summary(plan, analysis)?,
        need,
        idempotency,
        charge,
        receiver,
        pieces: None,
        refused: None,
    })
}

/// Sends a message on to its recipients, as the filter judges it. Gives the filter, where there is
/// one.
pub(super) fn send_filtered<'m>(
    service: &Service,
    context: &ReadContext<'_>,
    (client, auth): (Option<(OrgId, InboxId)>, SenderAuth),
    (mail, digest): ((&'m Envelope, &'m Analysis, &'m [u8]), Digest<'_>),
    (treatment, reports, may_leave): (&Treatment, &[ReturnedReport], bool),
    effects: &mut Vec<Effect>,
) -> Result<Option<Filter<'m>>, Refusal> {
    let (envelope, analysis, body) = mail;
    let from = ScreenedSender {
        // What a rule hands on is of its author, and not of the inbox that sends it.
        client: client.filter(|_| auth == SenderAuth::Client),
        author: (analysis.author().and_then(Mailbox::address)).map(|a| a.canonical()),
        auth,
    };
    let message = RuleSubject::new(body, digest, (auth, envelope.reverse_path.as_deref()));
    let with = (treatment, &from, reports, &message);
    let mut filter = match service.shared.filter.enabled {
        true => Some(Filter::of(context.store, mail, &from)?),
        false => None,
    };
    let to = (envelope, may_leave);
    send_on(service, context, to, (with, filter.as_mut()), effects)?;
    Ok(filter)
}

/// What the way of a message decides: its sender, the first effects, and whether it may leave.
struct WayDecision {
    sender: Option<InboxId>,
    auth: SenderAuth,
    decision: Decision,
    waits: Option<WaitingPlan>,
    released: Option<Released>,
    metadata: Option<String>,
    draft: Option<TakenDraft>,
    expires_at: Option<i64>,
    may_leave: bool,
    reports: Vec<ReturnedReport>,
    effects: Vec<Effect>,
}

fn decide_way(
    service: &Service,
    context: &ReadContext<'_>,
    caller: &Caller,
    (way, (envelope, analysis, body)): (WayIn, (&Envelope, &Analysis, &[u8])),
    judged: SenderAuth,
) -> Result<WayDecision, Refusal> {
    let mut effects = Vec::new();
    let mut sender = None;
    let mut auth = SenderAuth::Unknown;
    let mut decision = Decision::Send;
    let (mut waits, mut released, mut reports) = (None, None, Vec::new());
    let (mut metadata, mut expires_at, mut draft) = (None, None, None);
    let may_leave = match way {
        WayIn::Inbound(_) => {
            auth = judged;
            reports = reports_in(service, context.store, envelope, body)?;
            false
        }
        WayIn::Send {
            inbox,
            hidden,
            labels,
            send_at,
            expires_at: ends,
            metadata: own,
            draft: was,
            auth: of_author,
            ..
        } => {
            metadata = own;
            expires_at = ends;
            (sender, auth) = (Some(inbox), of_author);
            let from = (caller.access()?.org, inbox);
            decision = outgoing::judge(service, context.store, &mail_of(from, envelope))?;
            let until = waits_until(decision, send_at);
            let mut copy = own_copy(context, from, (decision, until), (&hidden, labels))?;
            copy.id = was.as_ref().map(|was| was.entry);
            draft = was;
            waits = until.map(|until| {
                let sha256 = hash(&copy.prefix, body);
                waiting((envelope, analysis), until, sha256)
            });
            effects.push(Effect::Place(copy));
            true
        }
        WayIn::Approved {
            inbox,
            entry,
            labels,
            prefix,
            mail,
            auth: of_author,
            send_at,
        } => {
            (sender, auth) = (Some(inbox), of_author);
            let from = (caller.access()?.org, inbox);
            outgoing::judge_approved(service, context.store, &mail_of(from, envelope))?;
            let until = send_at.map(WaitsFor::Time);
            let copy = own_copy(context, from, (decision, until), (&[], labels))?;
            effects.push(Effect::Place(copy.of(entry, prefix)));
            waits = until.map(|until| waiting((envelope, analysis), until, mail.sha256));
            released = Some(Released::Approved(mail));
            true
        }
        WayIn::Keep {
            inbox,
            prefix,
            flags,
            labels,
            joins: _,
            metadata: own,
            draft: was,
        } => {
            auth = SenderAuth::Client;
            decision = Decision::Draft;
            metadata = own;
            let from = (caller.access()?.org, inbox);
            let copy = own_copy(context, from, (decision, None), (&[], labels))?;
            effects.push(Effect::Place(Placement {
                id: was.as_ref().map(|was| was.entry),
                prefix,
                flags: copy.flags.with(flags),
                ..copy
            }));
            draft = was;
            false
        }
        way @ (WayIn::Elsewhere(_) | WayIn::Append(_) | WayIn::Upload(_)) => {
            effects.extend(placed(context, way)?);
            false
        }
    };
    Ok(WayDecision {
        sender,
        auth,
        decision,
        waits,
        released,
        metadata,
        draft,
        expires_at,
        may_leave,
        reports,
        effects,
    })
}

/// The entry of a message whose mailbox is known before anything is decided.
fn placed(context: &ReadContext<'_>, way: WayIn) -> Result<Option<Effect>, Refusal> {
    match way {
        WayIn::Elsewhere(from) => elsewhere::placed(context, &from),
        WayIn::Append(placement) => Ok(Some(Effect::Place(placement))),
        // An upload was planned before.
        _ => Err(Refusal::Internal),
    }
}

/// For what a message waits that its client sends at this time.
fn waits_until(decision: Decision, send_at: Option<i64>) -> Option<WaitsFor> {
    match decision {
        Decision::Send => send_at.map(WaitsFor::Time),
        Decision::Hold => Some(WaitsFor::Decision(send_at)),
        Decision::Draft => None,
    }
}

impl Placement {
    /// The same for an entry that is there already, with other octets in front.
    pub(super) fn of(self, entry: EntryId, prefix: Vec<u8>) -> Placement {
        Placement {
            id: Some(entry),
            prefix,
            ..self
        }
    }
}

/// The message as policy looks at it.
fn mail_of((org, inbox): (OrgId, InboxId), envelope: &Envelope) -> OutgoingMail<'_> {
    OutgoingMail {
        org,
        inbox,
        recipients: &envelope.recipients,
    }
}

/// The Message-IDs by which the conversation is looked up, oldest first. Of more than
/// [`REFERENCES_MAX`] the first and the last stay: an inbox may know only the message that began
/// it.
pub(super) fn references_of(analysis: &Analysis) -> Vec<String> {
    let newest = |ids: &[String]| ids.len().saturating_sub(REFERENCES_MAX);
    let (references, answered) = (&analysis.references, &analysis.in_reply_to);
    let behind_first = newest(references).max(1);
    let all = (references.iter().take(1))
        .chain(references.iter().skip(behind_first))
        .chain(answered.iter().skip(newest(answered)));
    let mut ids: Vec<String> = Vec::new();
    for id in all {
        if !ids.contains(id) {
            ids.push(id.clone());
        }
    }
    let surplus = ids.len().saturating_sub(REFERENCES_MAX);
    if surplus > 0 {
        ids.drain(1..=surplus);
    }
    ids
}

/// What the entries of recipients here depend on, beside the recipients.
pub(super) type SentWith<'a> = (
    &'a Treatment,
    &'a ScreenedSender,
    &'a [ReturnedReport],
    &'a RuleSubject<'a>,
);

/// Adds an effect for each recipient: an entry in its inbox here, or a row of the queue for one
/// that is outside.
fn send_on(
    service: &Service,
    context: &ReadContext<'_>,
    (envelope, may_leave): (&Envelope, bool),
    ((treatment, from, reports, message), mut filter): (SentWith<'_>, Option<&mut Filter<'_>>),
    effects: &mut Vec<Effect>,
) -> Result<(), Refusal> {
    let reverse_path = envelope.reverse_path.as_deref().unwrap_or_default();
    let mut refused = Vec::new();
    for (at, recipient) in envelope.recipients.iter().enumerate() {
        match recipient.inbox {
            // Two addresses of one inbox make one entry.
            Some(inbox)
                if (envelope.recipients.iter().take(at)).any(|r| r.inbox == Some(inbox)) => {}
            Some(inbox) => {
                let entry = received(inbox, reverse_path, recipient);
                let mut entry = treatment.apply(context, recipient, entry)?;
                if reports.iter().any(|report| report.inbox == inbox) {
                    // A report of what the inbox has sent is never screened.
                    if let Some(org) = recipient.org
                        && may_label(context.store, org, inbox)?
                    {
                        entry.keywords.push(BOUNCE_LABEL.to_owned());
                    }
                } else {
                    match screen(service, context, from, recipient)? {
                        Screened::Taken => {}
                        Screened::Aside(mailbox, keywords) => {
                            service.shared.metrics.count(Metric::Screened);
                            (entry.mailbox, entry.keywords) = (mailbox, keywords);
                        }
                        Screened::Refused => refused.push(recipient.address.clone()),
                    }
                    if let Some(filter) = filter.as_deref_mut() {
                        filter.apply(service, context, recipient, &mut entry)?;
                    }
                }
                let of = ((recipient.org, inbox), recipient.address.as_str());
                let entry = apply_rules(service, context.store, of, message, entry)?;
                effects.push(Effect::Place(entry));
            }
            None if may_leave => effects.push(Effect::Queue(recipient.clone())),
            None => return Err(Refusal::RelayDenied),
        }
    }
    if refused.is_empty() {
        return Ok(());
    }
    service.shared.metrics.count(Metric::RejectedPolicy);
    Err(screen::refused(refused))
}

/// Leaves out the inboxes whose filter rules block the sender of a message from outside.
///
/// # Errors
/// `Policy` with the rule of the first one, when there is no other (DECISIONS.md, "Filter rules").
fn leave_out_blocked(
    service: &Service,
    context: &ReadContext<'_>,
    (envelope, analysis, auth, reports): (&Envelope, &Analysis, SenderAuth, &[ReturnedReport]),
    effects: &mut Vec<Effect>,
) -> Result<(), Refusal> {
    if !lists::has_lists(service, context.store)? {
        return Ok(());
    }
    let authors: Vec<String> = (analysis.from.iter())
        .map(|mailbox| format!("{}@{}", mailbox.local, mailbox.domain))
        .collect();
    let sender = SenderIdentity {
        reverse_path: envelope.reverse_path.as_deref(),
        authors: &authors,
        may_be_allowed: matches!(auth, SenderAuth::Checked(found) if found.aligned),
    };
    let mut first = None;
    for recipient in &envelope.recipients {
        let (Some(org), Some(inbox)) = (recipient.org, recipient.inbox) else {
            continue;
        };
        // The inbox has written to the server that reports.
        if reports.iter().any(|report| report.inbox == inbox) {
            continue;
        }
        if let Some(rule) = lists::receive_block(service, context.store, (org, inbox), &sender)? {
            effects.retain(|effect| !matches!(effect, Effect::Place(p) if p.inbox == inbox));
            first.get_or_insert(rule);
        }
    }
    let Some(rule) = first else {
        return Ok(());
    };
    if effects.is_empty() {
        return Err(lists::receive_blocked(service, &rule));
    }
    service.shared.metrics.count(Metric::RejectedPolicy);
    Ok(())
}

fn with_summary(plan: Plan, mut analysis: Analysis) -> Result<Plan, Refusal> {
    let digest = core::mem::take(&mut analysis.digest);
    let plan = Plan {
        digest,
        summary: summary_of(analysis),
        ..plan
    };
    plan.with_signature().ok_or(Refusal::Internal)
}

/// What lists and events show of a message.
pub(in crate::service) fn summary_of(analysis: Analysis) -> Summary {
    let named = |list: Vec<Mailbox>| {
        list.into_iter()
            .take(ADDRESSES_SHOWN)
            .map(named_address)
            .collect()
    };
    let from = analysis.author().cloned();
    let mut codes = analysis.codes;
    codes.truncate(CODES_SHOWN);
    Summary {
        from: from.map(named_address).unwrap_or_default(),
        to: named(analysis.to),
        cc: named(analysis.cc),
        subject: unicode::prefix(&analysis.subject, SUBJECT_BYTES).to_owned(),
        date: analysis.date,
        preview: analysis.preview,
        has_attachments: analysis.has_attachments,
        priority: match analysis.priority {
            Priority::High => -1,
            Priority::Normal => 0,
            Priority::Low => 1,
        },
        codes,
    }
}

/// An address of a header field as lists and events show it.
pub(in crate::service) fn named_address(mailbox: Mailbox) -> NamedAddress {
    let address = match mailbox.address() {
        Some(address) => address.to_string(),
        None if mailbox.domain.is_empty() => mailbox.local,
        None => format!("{}@{}", mailbox.local, mailbox.domain),
    };
    NamedAddress {
        name: mailbox.name.unwrap_or_default(),
        address,
    }
}

/// The copy of the sender: in Sent when the message leaves, otherwise in Drafts, with a label when
/// it waits there. Its prefix names the recipients that no other copy names.
pub(super) fn own_copy(
    context: &ReadContext<'_>,
    (org, inbox): (OrgId, InboxId),
    (decision, until): (Decision, Option<WaitsFor>),
    (hidden, mut keywords): (&[String], Vec<String>),
) -> Result<Placement, Refusal> {
    let (special, kind, flags) = match (decision, until) {
        (Decision::Send, None) => (SpecialUse::Sent, Arrival::Sent, Flags::SEEN),
        _ => {
            let flags = Flags::SEEN.with(Flags::DRAFT);
            (SpecialUse::Drafts, Arrival::Appended, flags)
        }
    };
    keywords.extend(match until {
        Some(WaitsFor::Decision(_)) => Some(HELD_LABEL.to_owned()),
        Some(WaitsFor::Time(_)) => Some(SCHEDULED_LABEL.to_owned()),
        None => None,
    });
    let mailbox = context
        .store
        .mailbox_special(org, inbox, special)?
        .ok_or(Refusal::NotFound(Noun::Inbox))?;
    let prefix = hidden_field(hidden);
    Ok(Placement {
        id: None,
        inbox,
        mailbox: mailbox.name,
        prefix,
        flags,
        keywords,
        kind,
        received_at: None,
        ruled: None,
        spam: None,
    })
}

/// What is kept of a message that waits.
fn waiting(
    (envelope, analysis): (&Envelope, &Analysis),
    until: WaitsFor,
    sha256: [u8; 32],
) -> WaitingPlan {
    WaitingPlan {
        until,
        envelope: HeldEnvelope {
            reverse_path: envelope.reverse_path.clone(),
            recipients: envelope.recipients.clone(),
            ret_full: envelope.ret_full,
            envid: envelope.envid.clone(),
            subject: unicode::prefix(&analysis.subject, SUBJECT_BYTES).to_owned(),
            depth: 0,
        },
        sha256,
    }
}

/// The entry of a local recipient, with the trace fields of final delivery (RFC 5321
/// section 4.4) in its own prefix.
fn received(inbox: InboxId, reverse_path: &str, recipient: &Recipient) -> Placement {
    let prefix = format!(
        "Return-Path: <{reverse_path}>\r\nDelivered-To: {}\r\n",
        recipient.address
    );
    Placement {
        id: None,
        inbox,
        mailbox: INBOX.to_owned(),
        prefix: prefix.into_bytes(),
        flags: Flags::NONE,
        keywords: Vec::new(),
        kind: Arrival::Received,
        received_at: None,
        ruled: None,
        spam: None,
    }
}

/// Message-IDs by which the conversation is looked up. The newest are kept; each is a row.
const REFERENCES_MAX: usize = 20;

/// Addresses of one field in lists and events.
const ADDRESSES_SHOWN: usize = 100;

/// One-time codes in lists and events.
const CODES_SHOWN: usize = 10;
