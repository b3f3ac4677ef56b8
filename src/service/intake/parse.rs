//! Parse: everything about a message that its octets and its envelope decide. A reader does
//! it, so that the writer only writes.
//!
//! One function a route. Octets with bare CR, bare LF or NUL are refused on the routes that
//! lead to other servers (SMTP smuggling).

use super::compose;
use super::plan::Placement;
use crate::call::bounds::IDEMPOTENCY_KEY_BYTES_MAX;
use crate::call::{
    Access, Arrival, Bounded, Envelope, FromFault, Idempotency, InboxId, Intake, Metric, Need,
    Noun, Recipient, Refusal, Render, Request, Route,
};
use crate::crypto;
use crate::mail::digest::{self, Analysis, Refused};
use crate::mail::parse::address_list::{FromError, parse_single_from};
use crate::mail::write::compose::message_id;
use crate::mail::write::submit::{check_octets, submission_fixups};
use crate::mail::{Address, Bounds, Headers};
use crate::service::context::{ReadContext, own_inbox};
use crate::service::mail::entry::check_keywords;
use crate::service::mail::mailbox;
use crate::service::{Service, policy};

/// A message that has been read, on its way to be judged.
#[derive(Debug)]
pub struct ParsedMessage {
    /// By which way it came, and what that way adds.
    pub(super) way: WayIn,
    /// Octets to store, with the fields that we put in front and without those that we took
    /// out.
    pub body: Vec<u8>,
    /// What was read in `body`.
    pub analysis: Analysis,
    /// What it needs of its caller.
    pub need: Need,
    /// Reverse-path and recipients; empty for APPEND.
    pub envelope: Envelope,
    /// The `Idempotency-Key` of the request, or `X-Idempotency-Key` of the message.
    pub idempotency: Option<Idempotency>,
}

/// The way in, and what it adds.
#[derive(Debug)]
pub(super) enum WayIn {
    /// From outside.
    Inbound,
    /// From an inbox here, which gets a copy.
    Send {
        inbox: InboxId,
        /// Recipients that only the sender's copy names.
        hidden: Vec<String>,
        /// Labels of the copy.
        labels: Vec<String>,
    },
    /// APPEND: the entry to make.
    Append(Placement),
}

/// Reads what came in.
pub(super) fn parse(
    service: &Service,
    context: &ReadContext<'_>,
    request: &Request<()>,
    intake: Intake,
) -> Result<ParsedMessage, Refusal> {
    // MAIL FROM has asked this for SMTP; APPEND and REST come here first.
    policy::space(service)?;
    let need = intake.need();
    let Intake { route, octets } = intake;
    let caller = &request.caller;
    let parsed = match route {
        Route::Inbound { envelope, received } => {
            service.take_octets(request.peer, octets.len(), context.now)?;
            inbound(context, envelope, &received, &octets)?
        }
        Route::Submission {
            envelope,
            received,
            render,
        } => submission(
            context,
            caller.access()?,
            envelope,
            (&received, render),
            &octets,
        )?,
        Route::Compose {
            inbox,
            draft,
            idempotency,
        } => ParsedMessage {
            idempotency,
            ..compose::composed(service, context, caller.access()?, &inbox, *draft)?
        },
        Route::Append {
            inbox,
            mailbox,
            flags,
            keywords,
            received_at,
        } => {
            let placement = Placement {
                inbox,
                mailbox,
                prefix: Vec::new(),
                flags,
                keywords,
                kind: Arrival::Appended,
                received_at,
            };
            append(context, caller.access()?, placement, octets)?
        }
    };
    Ok(ParsedMessage { need, ..parsed })
}

/// From outside.
fn inbound(
    context: &ReadContext<'_>,
    envelope: Envelope,
    received: &[u8],
    octets: &[u8],
) -> Result<ParsedMessage, Refusal> {
    check_size(context, octets)?;
    check_stray(context, octets)?;
    let body = [received, end_of_header(octets), octets].concat();
    let hops = context.shared.limits.received_hops;
    let analysis = analyse(context, &body, received.len(), hops)?;
    check_loop(context, &envelope, &analysis)?;
    Ok(ParsedMessage {
        way: WayIn::Inbound,
        body,
        analysis,
        need: Need::Nothing,
        envelope,
        idempotency: None,
    })
}

/// From a client that logged in.
fn submission(
    context: &ReadContext<'_>,
    access: &Access,
    envelope: Envelope,
    (received, render): (&[u8], Render),
    octets: &[u8],
) -> Result<ParsedMessage, Refusal> {
    check_size(context, octets)?;
    check_stray(context, octets)?;
    let headers = Headers::parse(octets);
    let inbox = sending_inbox(context, access, &envelope, &headers)?;
    let id = message_id(context.seed, &context.shared.host);
    let mut fixups = submission_fixups(octets, &id, context.now.unix_ms);
    let mut idempotency = None;
    if let Some(field) = headers.first(IDEMPOTENCY_FIELD) {
        let key = field.decoded();
        if key.is_empty() || key.len() > IDEMPOTENCY_KEY_BYTES_MAX {
            return Err(Refusal::Invalid {
                field: "X-Idempotency-Key",
                why: format!("1 to {IDEMPOTENCY_KEY_BYTES_MAX} octets"),
            });
        }
        idempotency = Some(Idempotency {
            key,
            fingerprint: fingerprint(&envelope, octets),
            render,
        });
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
    let hidden = hidden_recipients(&envelope, &analysis, &fixups.bcc);
    Ok(ParsedMessage {
        way: WayIn::Send {
            inbox,
            hidden,
            labels: Vec::new(),
        },
        body,
        analysis,
        need: Need::Nothing,
        envelope,
        idempotency,
    })
}

/// The empty line that a text without any header needs, since the text would otherwise
/// become a part of our own header and would not be shown.
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
fn append(
    context: &ReadContext<'_>,
    access: &Access,
    placement: Placement,
    octets: Vec<u8>,
) -> Result<ParsedMessage, Refusal> {
    let inbox = placement.inbox;
    if own_inbox(access)? != inbox {
        return Err(Refusal::NotFound(Noun::Inbox));
    }
    check_keywords("labels", &placement.keywords)?;
    check_size(context, &octets)?;
    if memchr::memchr(0, &octets).is_some() {
        context.shared.metrics.count(Metric::RejectedOctets);
        return Err(Refusal::StrayOctets);
    }
    let limits = &context.shared.limits;
    let found = mailbox::find(context.store, limits, (access, inbox), &placement.mailbox)?;
    // An old message may have gone through many hands.
    let analysis = analyse(context, &octets, 0, usize::MAX)?;
    let latest = context.now.unix_ms.saturating_add(AHEAD_MS);
    Ok(ParsedMessage {
        way: WayIn::Append(Placement {
            mailbox: found.name,
            received_at: placement.received_at.map(|at| at.clamp(0, latest)),
            ..placement
        }),
        body: octets,
        analysis,
        need: Need::Nothing,
        envelope: Envelope::default(),
        idempotency: None,
    })
}

/// The inbox that a submission is sent from: the envelope's and the one From must be inboxes
/// that the key may send for, and so must Sender and the Resent fields where they exist
/// (DECISIONS.md, "Senders").
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
            FromError::Group => FromFault::Group,
            FromError::Malformed => FromFault::Malformed,
            FromError::Missing => FromFault::Missing,
            FromError::SeveralFields => FromFault::SeveralFields,
            FromError::SeveralMailboxes => FromFault::SeveralMailboxes,
        })
    })?;
    let inbox = policy::sender_inbox(context.store, access, &from)?;
    if headers.first("Sender").is_some() {
        let sender = parse_single_from(headers.all("Sender").map(|field| field.value))
            .map_err(|_| Refusal::BadFrom(FromFault::Sender))?;
        policy::sender_inbox(context.store, access, &sender)?;
    }
    // A block of resent fields for each time (RFC 5322 section 3.6.6), each with its own one.
    for name in ["Resent-From", "Resent-Sender"] {
        for field in headers.all(name) {
            let resent = parse_single_from([field.value])
                .map_err(|_| Refusal::BadFrom(FromFault::Resent))?;
            policy::sender_inbox(context.store, access, &resent)?;
        }
    }
    Ok(inbox)
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

/// A message that was delivered to the same address before has come back.
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
        return Err(too_big(Bounded::Message, max));
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
        header_bytes: bounds.header_bytes + own.body_start(),
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
            Refused::Addresses => too_big(Bounded::HeaderAddresses, bounds.addresses),
            Refused::FieldBytes => too_big(Bounded::HeaderField, bounds.header_field_bytes),
            Refused::Fields => too_big(Bounded::HeaderFields, bounds.header_fields),
            Refused::HeaderBytes => too_big(Bounded::Header, bounds.header_bytes),
            Refused::Size => too_big(Bounded::Message, context.shared.limits.message_bytes),
        }
    })
}

fn too_big(what: Bounded, max: usize) -> Refusal {
    Refusal::TooBig {
        what,
        max: max as u64,
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
/// (Dovecot has the same bound). No mail came before 1970.
const AHEAD_MS: i64 = 2 * 3_600_000;

const IDEMPOTENCY_FIELD: &str = "X-Idempotency-Key";
