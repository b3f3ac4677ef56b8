//! Parse, judge, decide: everything about a message that needs no write, done by a reader, so
//! that the writer only writes.
//!
//! One function a route; all of them end in [`finish`], which reads the octets that will be
//! stored. Octets with bare CR, bare LF or NUL go no further than here on the routes that
//! lead to other servers (SMTP smuggling).

use super::context::{ReadContext, need, own_inbox};
use super::fetch::check_keywords;
use super::mailbox;
use super::send;
use super::{Service, policy};
use crate::call::{
    Access, Answer, Arrival, Envelope, Flags, InboxId, Intake, Metric, NamedAddress, Placement,
    Plan, Recipient, Refusal, Route, Scopes, SpecialUse, Summary,
};
use crate::crypto;
use crate::mail::Address;
use crate::mail::Headers;
use crate::mail::digest::{self, Analysis, Priority, Refused};
use crate::mail::parse::address_list::{FromError, Mailbox, parse_single_from};
use crate::mail::write::compose;
use crate::mail::write::submit::{check_octets, submission_fixups};
use crate::mail::{Bounds, unicode};

/// A plan for what came in; `intake` is left empty.
pub fn classify(
    service: &Service,
    context: &ReadContext<'_>,
    intake: &mut Intake,
) -> Result<Answer, Refusal> {
    let octets = core::mem::take(&mut intake.octets);
    let nothing = Route::Inbound {
        envelope: Envelope::default(),
        received: Vec::new(),
    };
    let route = core::mem::replace(&mut intake.route, nothing);
    let plan = match &route {
        Route::Inbound { envelope, received } => inbound(context, envelope, received, &octets)?,
        Route::Submission {
            access,
            envelope,
            received,
        } => submission(context, access, envelope, received, &octets)?,
        Route::Compose {
            access,
            inbox,
            draft,
        } => send::composed(service, context, access, inbox, draft)?,
        Route::Append { .. } => append(context, &route, octets)?,
    };
    Ok(Answer::Classified(Box::new(Plan { route, ..plan })))
}

/// From outside.
fn inbound(
    context: &ReadContext<'_>,
    envelope: &Envelope,
    received: &[u8],
    octets: &[u8],
) -> Result<Plan, Refusal> {
    check_size(context, octets)?;
    check_stray(context, octets)?;
    let body = [received, end_of_header(octets), octets].concat();
    let analysis = analyse(
        context,
        &body,
        received.len(),
        context.shared.limits.received_hops,
    )?;
    check_loop(context, envelope, &analysis)?;
    let mut plan = finish(body, analysis);
    place_local(&mut plan, envelope);
    if plan.placements.is_empty() {
        return Err(Refusal::NoSuchInbox);
    }
    Ok(plan)
}

/// From a client that logged in.
fn submission(
    context: &ReadContext<'_>,
    access: &Access,
    envelope: &Envelope,
    received: &[u8],
    octets: &[u8],
) -> Result<Plan, Refusal> {
    need(access, Scopes::MESSAGES_WRITE)?;
    check_size(context, octets)?;
    check_stray(context, octets)?;
    let headers = Headers::parse(octets);
    let inbox = sending_inbox(context, access, envelope, &headers)?;
    let id = compose::message_id(context.seed, &context.shared.host);
    let mut fixups = submission_fixups(octets, &id, context.now.unix_ms);
    let mut idempotency_key = None;
    if let Some(field) = headers.first(IDEMPOTENCY_FIELD) {
        let key = field.decoded();
        if key.is_empty() || key.len() > IDEMPOTENCY_KEY_MAX {
            return Err(Refusal::Invalid {
                field: "X-Idempotency-Key",
                why: format!("1 to {IDEMPOTENCY_KEY_MAX} octets"),
            });
        }
        idempotency_key = Some(key);
    }
    // The key is between the client and us.
    for field in headers.all(IDEMPOTENCY_FIELD) {
        fixups.remove.push(field.range());
    }
    fixups.remove.sort_by_key(|range| range.start);
    let mut body = Vec::with_capacity(received.len() + octets.len() + 256);
    body.extend_from_slice(received);
    body.extend_from_slice(&fixups.apply(octets));
    let ours = received.len() + fixups.prepend.len();
    let analysis = analyse(context, &body, ours, context.shared.limits.received_hops)?;
    let hidden = hidden_recipients(envelope, &analysis, &fixups.bcc);
    let mut plan = finish(body, analysis);
    if idempotency_key.is_some() {
        plan.fingerprint = fingerprint(envelope, octets);
        plan.idempotency_key = idempotency_key;
    }
    plan.placements
        .push(sent_copy(context, access, inbox, &hidden, Vec::new())?);
    place_local(&mut plan, envelope);
    plan.outbound = envelope
        .recipients
        .iter()
        .filter(|recipient| recipient.inbox.is_none())
        .cloned()
        .collect();
    Ok(plan)
}

/// The empty line that a text without any header needs, since our own field would otherwise
/// take it for more of the header, and nobody would see it.
fn end_of_header(octets: &[u8]) -> &'static [u8] {
    let first = Headers::parse(octets).fields().next();
    // Mail that has been in an mbox file may still have that line in front of its header.
    let is_text = first.is_some_and(|line| {
        line.name.is_empty()
            && ![&b"From "[..], b">From "]
                .iter()
                .any(|m| line.value.starts_with(m))
    });
    match is_text {
        true => b"\r\n",
        false => b"",
    }
}

/// IMAP APPEND: read, not judged. Bare CR or LF is kept as the client has it, since an
/// appended message goes nowhere; NUL is not allowed in a literal (RFC 3501 section 9).
fn append(context: &ReadContext<'_>, route: &Route, octets: Vec<u8>) -> Result<Plan, Refusal> {
    let Route::Append {
        access,
        inbox,
        mailbox,
        flags,
        keywords,
        received_at,
    } = route
    else {
        return Err(Refusal::Internal);
    };
    need(access, Scopes::MESSAGES_WRITE)?;
    if own_inbox(access)? != *inbox {
        return Err(Refusal::NotFound("inbox"));
    }
    check_keywords("labels", keywords)?;
    check_size(context, &octets)?;
    if memchr::memchr(0, &octets).is_some() {
        context.shared.metrics.count(Metric::RejectedOctets);
        return Err(Refusal::StrayOctets);
    }
    let found = mailbox::find(
        context.store,
        &context.shared.limits,
        (access, *inbox),
        mailbox,
    )?;
    // An old message may have gone through many hands.
    let analysis = analyse(context, &octets, 0, usize::MAX)?;
    let mut plan = finish(octets, analysis);
    plan.placements.push(Placement {
        inbox: *inbox,
        mailbox: found.name,
        prefix: Vec::new(),
        flags: *flags,
        keywords: keywords.clone(),
        kind: Arrival::Appended,
        received_at: received_at
            .map(|at| at.clamp(0, context.now.unix_ms.saturating_add(AHEAD_MS))),
    });
    Ok(plan)
}

/// The inbox that a submission is sent from: the envelope's and the one From must be inboxes
/// that the key may send for, and Sender and who resent it too where they are named (S14).
fn sending_inbox(
    context: &ReadContext<'_>,
    access: &Access,
    envelope: &Envelope,
    headers: &Headers<'_>,
) -> Result<InboxId, Refusal> {
    let path = envelope
        .reverse_path
        .as_deref()
        .and_then(|path| Address::parse(path).ok())
        .ok_or(Refusal::SenderNotAllowed)?;
    policy::sender_inbox(context.store, access, &path)?;
    let from = parse_single_from(headers.all("From").map(|field| field.value));
    let from = from.map_err(|error| {
        Refusal::BadFrom(match error {
            FromError::Group => "a group",
            FromError::Malformed => "not a valid address",
            FromError::Missing => "missing",
            FromError::SeveralFields => "more than one field",
            FromError::SeveralMailboxes => "more than one address",
        })
    })?;
    let inbox = policy::sender_inbox(context.store, access, &from)?;
    if headers.first("Sender").is_some() {
        let sender = parse_single_from(headers.all("Sender").map(|field| field.value))
            .map_err(|_| Refusal::BadFrom("Sender is not one valid address"))?;
        policy::sender_inbox(context.store, access, &sender)?;
    }
    // A block of resent fields for each time (RFC 5322 section 3.6.6), each with its own one.
    for name in ["Resent-From", "Resent-Sender"] {
        for field in headers.all(name) {
            let resent = parse_single_from([field.value])
                .map_err(|_| Refusal::BadFrom("a Resent field is not one valid address"))?;
            policy::sender_inbox(context.store, access, &resent)?;
        }
    }
    Ok(inbox)
}

/// The sender's copy, with the recipients that nobody else sees in its prefix.
pub(super) fn sent_copy(
    context: &ReadContext<'_>,
    access: &Access,
    inbox: InboxId,
    hidden: &[String],
    keywords: Vec<String>,
) -> Result<Placement, Refusal> {
    let sent = context
        .store
        .mailbox_special(access.org, inbox, SpecialUse::Sent)?
        .ok_or(Refusal::NotFound("inbox"))?;
    let mut prefix = Vec::new();
    if !hidden.is_empty() {
        crate::mail::write::field::fold("Bcc", &hidden.join(", "), &mut prefix);
    }
    Ok(Placement {
        inbox,
        mailbox: sent.name,
        prefix,
        flags: Flags::SEEN,
        keywords,
        kind: Arrival::Sent,
        received_at: None,
    })
}

/// Who gets it without being named in it: the Bcc fields, and envelope recipients that are
/// neither in To nor in Cc.
fn hidden_recipients(envelope: &Envelope, analysis: &Analysis, bcc: &[Address]) -> Vec<String> {
    let named: Vec<String> = (analysis.to.iter())
        .chain(&analysis.cc)
        .filter_map(|mailbox| Some(mailbox.address()?.canonical()))
        .collect();
    let mut seen: Vec<String> = Vec::new();
    let mut hidden = Vec::new();
    let recipients = envelope
        .recipients
        .iter()
        .filter_map(|recipient| Address::parse(&recipient.address).ok());
    for address in bcc.iter().cloned().chain(recipients) {
        let canonical = address.canonical();
        if !named.contains(&canonical) && !seen.contains(&canonical) {
            seen.push(canonical);
            hidden.push(address.to_string());
        }
    }
    hidden
}

/// One entry for each local inbox among the recipients, with the trace fields of final
/// delivery (RFC 5321 section 4.4) in its own prefix.
pub(super) fn place_local(plan: &mut Plan, envelope: &Envelope) {
    let reverse_path = envelope.reverse_path.as_deref().unwrap_or_default();
    let mut placed: Vec<InboxId> = Vec::new();
    for recipient in &envelope.recipients {
        let Some(inbox) = recipient.inbox.filter(|inbox| !placed.contains(inbox)) else {
            continue;
        };
        placed.push(inbox);
        let prefix = format!(
            "Return-Path: <{reverse_path}>\r\nDelivered-To: {}\r\n",
            recipient.address
        );
        plan.placements.push(Placement {
            inbox,
            mailbox: mailbox::INBOX.to_owned(),
            prefix: prefix.into_bytes(),
            flags: Flags::NONE,
            keywords: Vec::new(),
            kind: Arrival::Received,
            received_at: None,
        });
    }
}

/// A message that was delivered to the same address before has come back (S16).
fn check_loop(
    context: &ReadContext<'_>,
    envelope: &Envelope,
    analysis: &Analysis,
) -> Result<(), Refusal> {
    if analysis.delivered_to.is_empty() {
        return Ok(());
    }
    let canonical = |text: &str| Address::parse(text.trim()).ok().map(|a| a.canonical());
    let passed: Vec<String> = (analysis.delivered_to.iter())
        .filter_map(|text| canonical(text))
        .collect();
    let back = envelope.recipients.iter().any(|recipient| {
        recipient.inbox.is_some()
            && canonical(&recipient.address).is_some_and(|own| passed.contains(&own))
    });
    if back {
        context.shared.metrics.count(Metric::RejectedLoop);
        return Err(Refusal::Loop);
    }
    Ok(())
}

fn check_size(context: &ReadContext<'_>, octets: &[u8]) -> Result<(), Refusal> {
    let max = context.shared.limits.message_bytes;
    if octets.len() > max {
        context.shared.metrics.count(Metric::RejectedSize);
        return Err(too_big("message", max));
    }
    Ok(())
}

fn check_stray(context: &ReadContext<'_>, octets: &[u8]) -> Result<(), Refusal> {
    check_octets(octets).map_err(|_| {
        context.shared.metrics.count(Metric::RejectedOctets);
        Refusal::StrayOctets
    })
}

/// Reads what will be stored; a bound that it breaks is named. Its first `ours` octets are
/// fields that we have put in front: they take nothing from what the sender may have.
pub(super) fn analyse(
    context: &ReadContext<'_>,
    body: &[u8],
    ours: usize,
    hops: usize,
) -> Result<Analysis, Refusal> {
    let own = Headers::parse(body.get(..ours).unwrap_or_default());
    let bounds = Bounds::default();
    let widened = Bounds {
        header_bytes: bounds.header_bytes + own.len(),
        header_fields: bounds.header_fields + own.fields().count(),
        received_hops: hops.saturating_add(own.all("Received").count()),
        ..bounds
    };
    digest::analyse(body, &widened).map_err(|refused| {
        let metrics = &context.shared.metrics;
        metrics.count(if refused == Refused::Hops {
            Metric::RejectedLoop
        } else {
            Metric::RejectedHeaders
        });
        match refused {
            Refused::Hops => Refusal::Loop,
            Refused::Addresses => too_big("header addresses", bounds.addresses),
            Refused::FieldBytes => too_big("header field", bounds.header_field_bytes),
            Refused::Fields => too_big("header fields", bounds.header_fields),
            Refused::HeaderBytes => too_big("header", bounds.header_bytes),
            Refused::Size => too_big("message", context.shared.limits.message_bytes),
        }
    })
}

fn too_big(what: &'static str, max: usize) -> Refusal {
    Refusal::TooBig {
        what,
        max: max as u64,
    }
}

/// A plan without placements. Its route is filled in by [`classify`].
pub(super) fn finish(body: Vec<u8>, analysis: Analysis) -> Plan {
    let mut references = analysis.references;
    for id in analysis.in_reply_to {
        if !references.contains(&id) {
            references.push(id);
        }
    }
    let surplus = references.len().saturating_sub(REFERENCES_MAX);
    references.drain(..surplus);
    let named = |list: Vec<Mailbox>| list.into_iter().take(ADDRESSES_SHOWN).map(name).collect();
    let mut codes = analysis.codes;
    codes.truncate(CODES_SHOWN);
    Plan {
        route: Route::Inbound {
            envelope: Envelope::default(),
            received: Vec::new(),
        },
        header_len: analysis.header_len,
        digest: analysis.digest,
        summary: Summary {
            from: analysis
                .from
                .into_iter()
                .next()
                .map(name)
                .unwrap_or_default(),
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
        },
        message_id: analysis.message_id.unwrap_or_default(),
        references,
        placements: Vec::new(),
        outbound: Vec::new(),
        fingerprint: [0; 32],
        idempotency_key: None,
        body,
    }
}

/// A mailbox of a header as lists and events show it.
pub(super) fn name(mailbox: Mailbox) -> NamedAddress {
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

/// What must be the same when an `X-Idempotency-Key` comes again: envelope and octets.
fn fingerprint(envelope: &Envelope, octets: &[u8]) -> [u8; 32] {
    let mut text = envelope.reverse_path.clone().unwrap_or_default();
    for Recipient { address, .. } in &envelope.recipients {
        text.push('\n');
        text.push_str(address);
    }
    text.push('\0');
    let mut all = text.into_bytes();
    all.extend_from_slice(octets);
    crypto::sha256(&all)
}

/// How far a client's clock may be ahead of ours in the date that it gives an appended message
/// (M12; Dovecot has the same); nobody's mail came before 1970.
const AHEAD_MS: i64 = 2 * 3_600_000;

const IDEMPOTENCY_FIELD: &str = "X-Idempotency-Key";

/// As for `Idempotency-Key` over REST.
const IDEMPOTENCY_KEY_MAX: usize = 255;

/// Message-IDs that a conversation is looked for by: the newest decide, and each is a row.
const REFERENCES_MAX: usize = 20;

/// Addresses of one field in lists and events.
const ADDRESSES_SHOWN: usize = 100;

/// Octets of a subject in lists and events: a line of RFC 5322.
const SUBJECT_BYTES: usize = 998;

/// One-time codes in lists and events.
const CODES_SHOWN: usize = 10;
