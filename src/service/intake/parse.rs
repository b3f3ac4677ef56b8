//! Parse: everything about a message that follows from its octets and its envelope. A reader does
//! it, so that the writer has less to do.
//!
//! Each route has one function. A message with bare CR, bare LF or NUL is refused on the routes
//! that lead to other servers (SMTP smuggling).

use core::net::IpAddr;
use core::ops::Range;

use super::analyse::{analyse, check_size};
use super::parsed::{Origin, ParsedMessage, WayIn};
use super::plan::Placement;
use super::submitted::{check_stray, claimed_results, hidden_recipients, sending_inbox};
use super::{approve, compose, draft, elsewhere, upload};
use crate::call::bounds::{IDEMPOTENCY_KEY_BYTES_MAX, MESSAGE_METADATA_BYTES_MAX};
use crate::call::{
    Access, Arrival, Envelope, Idempotency, Intake, Metric, Noun, Refusal, Render, RepeatKey,
    Request, Route, SenderAuth, is_server_label,
};
use crate::crypto;
use crate::mail::digest::Analysis;
use crate::mail::parse::json_object::is_object;
use crate::mail::write::compose::message_id;
use crate::mail::write::outgoing::is_own_name;
use crate::mail::write::submit::{Fixups, append as append_octets, submission_fixups};
use crate::mail::{Address, Headers};
use crate::pace;
use crate::service::context::{ReadContext, own_inbox};
use crate::service::mail::entry::check_keywords;
use crate::service::mail::mailbox;
use crate::service::{Service, policy};

/// Parses a message that comes in.
pub(super) fn parse(
    service: &Service,
    context: &ReadContext<'_>,
    request: &Request<()>,
    intake: Intake,
) -> Result<ParsedMessage, Refusal> {
    // MAIL FROM has asked this for SMTP; APPEND and REST come here first.
    policy::check_space(service)?;
    // The caller keeps the charge.
    let Intake { route, octets, .. } = intake;
    let caller = &request.caller;
    match route {
        Route::Inbound {
            envelope,
            received,
            helo,
        } => {
            service.give_back_recipients(request.peer, envelope.recipients.len());
            service.take_octets(request.peer, octets.len(), context.now)?;
            let from = (&*received, request.peer, helo);
            inbound(service, context, envelope, from, &octets)
        }
        Route::Submission {
            envelope,
            received,
            render,
        } => submission(
            service,
            context,
            caller.access()?,
            envelope,
            (&received, render),
            &octets,
        ),
        Route::Compose {
            inbox,
            draft,
            idempotency,
        } => {
            let access = caller.access()?;
            let composed = compose::composed(service, context, access, &inbox, *draft)?;
            Ok(ParsedMessage {
                idempotency,
                ..composed
            })
        }
        Route::Draft {
            inbox,
            id,
            act,
            idempotency,
        } => {
            let asked = (&inbox, id, *act);
            let parsed = draft::read(service, context, caller.access()?, asked)?;
            Ok(ParsedMessage {
                idempotency,
                ..parsed
            })
        }
        Route::Approve {
            approval,
            edit,
            sha256,
            idempotency,
        } => {
            let ask = (approval, &*edit, sha256);
            let approved = approve::approved(service, context, caller.access()?, ask)?;
            Ok(ParsedMessage {
                idempotency,
                ..approved
            })
        }
        Route::Upstream(from) => elsewhere::parse(context, from, octets),
        Route::Append {
            inbox,
            mailbox,
            flags,
            keywords,
            received_at,
        } => {
            let placement = Placement {
                id: None,
                inbox,
                mailbox,
                prefix: Vec::new(),
                flags,
                keywords,
                kind: Arrival::Appended,
                received_at,
                ruled: None,
                spam: None,
            };
            let access = caller.access()?;
            if own_inbox(context.store, access)? != inbox {
                return Err(Refusal::NotFound(Noun::Inbox));
            }
            append(context, access, placement, octets)
        }
        Route::Upload { new, idempotency } => {
            caller.access()?;
            upload::received(context, new, octets, idempotency)
        }
        // Those of an import come here one by one, as `append`; what is only judged never.
        Route::Import { .. } | Route::Check { .. } => Err(Refusal::Internal),
    }
}

/// From outside.
fn inbound(
    service: &Service,
    context: &ReadContext<'_>,
    envelope: Envelope,
    (received, address, helo): (&[u8], IpAddr, String),
    octets: &[u8],
) -> Result<ParsedMessage, Refusal> {
    check_size(context, octets)?;
    check_stray(context, octets)?;
    let end_of_header = end_of_header(octets);
    let mut body = Vec::with_capacity(received.len() + end_of_header.len() + octets.len());
    body.extend_from_slice(received);
    body.extend_from_slice(end_of_header);
    // A text without a header is all body.
    let headers = match end_of_header {
        b"" => Headers::parse(octets),
        _ => Headers::parse(b""),
    };
    let mut remove = claimed_results(service, context, &headers)?;
    remove.extend(own_fields(&headers));
    let mut changed_header = None;
    if remove.is_empty() {
        append_octets(&mut body, octets);
    } else {
        remove.sort_by_key(|range| range.start);
        changed_header = octets.get(..headers.body_start()).map(<[u8]>::to_vec);
        let fixups = Fixups {
            remove,
            ..Fixups::default()
        };
        append_octets(&mut body, &fixups.apply(octets));
    }
    let hops = context.shared.limits.received_hops;
    let analysis = analyse(context, &body, received.len(), hops)?;
    check_loop(context, &envelope, &analysis)?;
    Ok(ParsedMessage::new(
        WayIn::Inbound(Origin {
            address,
            helo,
            ours: received.len(),
            changed_header,
        }),
        body,
        analysis,
        envelope,
    ))
}

/// The fields that have a meaning to this server and its clients alone. Mail from outside cannot
/// have them; all its other octets stay as they came.
fn own_fields<'a>(headers: &Headers<'a>) -> impl Iterator<Item = Range<usize>> + use<'a> {
    let own = headers.fields().filter(|field| is_own_name(field.name));
    own.map(|field| field.range())
}

/// From a client that logged in.
fn submission(
    service: &Service,
    context: &ReadContext<'_>,
    access: &Access,
    envelope: Envelope,
    (received, render): (&[u8], Render),
    octets: &[u8],
) -> Result<ParsedMessage, Refusal> {
    check_size(context, octets)?;
    check_stray(context, octets)?;
    // A text without a header is all body.
    let end_of_header = end_of_header(octets);
    let header = match end_of_header {
        b"" => octets,
        _ => b"",
    };
    let headers = Headers::parse(header);
    let sender = sending_inbox(context, access, &envelope, &headers)?;
    let id = message_id(context.seed, &context.shared.host);
    let mut fixups = submission_fixups(header, &id, context.now.unix_ms);
    fixups.prepend.extend_from_slice(&sender.from_field);
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
            key: RepeatKey::Client(key),
            fingerprint: fingerprint(&envelope),
            render,
        });
    }
    let metadata = metadata_in(&headers)?;
    fixups.leave_out(&headers, claimed_results(service, context, &headers)?);
    let mut body = Vec::with_capacity(received.len() + octets.len() + 256);
    body.extend_from_slice(received);
    let ours = received.len() + fixups.prepend.len();
    fixups.prepend.extend_from_slice(end_of_header);
    append_octets(&mut body, &fixups.apply(octets));
    let analysis = analyse(context, &body, ours, context.shared.limits.received_hops)?;
    let hidden = hidden_recipients(&envelope, &analysis, &fixups.bcc);
    Ok(ParsedMessage {
        idempotency,
        ..ParsedMessage::new(
            WayIn::Send {
                inbox: sender.inbox,
                hidden,
                labels: Vec::new(),
                send_at: None,
                expires_at: None,
                joins: None,
                metadata,
                trial: None,
                draft: None,
                auth: SenderAuth::Client,
            },
            body,
            analysis,
            envelope,
        )
    })
}

/// The client's own JSON object, from its field.
fn metadata_in(headers: &Headers<'_>) -> Result<Option<String>, Refusal> {
    let mut fields = headers.all(METADATA_FIELD);
    let Some(field) = fields.next() else {
        return Ok(None);
    };
    let wrong = |why: &str| Refusal::Invalid {
        field: METADATA_FIELD,
        why: why.to_owned(),
    };
    if fields.next().is_some() {
        return Err(wrong("is there more than once"));
    }
    if field.value.len() > MESSAGE_METADATA_BYTES_MAX.saturating_mul(2) {
        return Err(wrong("is too long"));
    }
    let text = field.decoded();
    let text = text.trim();
    if text.len() > MESSAGE_METADATA_BYTES_MAX {
        return Err(wrong("is too long"));
    }
    match is_object(text) {
        true => Ok(Some(text.to_owned())),
        false => Err(wrong("is not a JSON object")),
    }
}

/// The empty line that goes before a text without a header. Without the line, readers take the text
/// for a part of the header that begins with our own field, and do not show it.
fn end_of_header(octets: &[u8]) -> &'static [u8] {
    let beginning = octets.get(..PIECE_BYTES).unwrap_or(octets);
    let first = Headers::parse(beginning).fields().next();
    // Mail from an mbox file may still have the `From ` line in front of its header.
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

/// IMAP APPEND into an inbox that the caller sees: parsed, not judged. A bare CR or LF is kept as
/// the client sends it, because an appended message goes to no other server. NUL is not allowed in
/// a literal (RFC 3501 section 9).
pub(super) fn append(
    context: &ReadContext<'_>,
    access: &Access,
    mut placement: Placement,
    octets: Vec<u8>,
) -> Result<ParsedMessage, Refusal> {
    let inbox = placement.inbox;
    check_keywords("labels", &placement.keywords)?;
    placement.keywords.retain(|word| !is_server_label(word));
    check_size(context, &octets)?;
    let has_nul = octets.chunks(PIECE_BYTES).any(|piece| {
        pace::spend(piece.len() / 8);
        memchr::memchr(0, piece).is_some()
    });
    if has_nul {
        context.shared.metrics.count(Metric::RejectedOctets);
        return Err(Refusal::StrayOctets);
    }
    let limits = &context.shared.limits;
    let found = mailbox::find(context.store, limits, (access, inbox), &placement.mailbox)?;
    // An old message may have passed many servers.
    let analysis = analyse(context, &octets, 0, usize::MAX)?;
    let latest = context.now.unix_ms.saturating_add(AHEAD_MS);
    Ok(ParsedMessage::new(
        WayIn::Append(Placement {
            mailbox: found.name,
            received_at: placement.received_at.map(|at| at.clamp(0, latest)),
            ..placement
        }),
        octets,
        analysis,
        Envelope::default(),
    ))
}

/// Refuses a message that was delivered to the same address before: it is in a loop.
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

/// The fingerprint of a submission, which must be equal when an `X-Idempotency-Key` is used again:
/// its envelope. A client that repeats a message may give it a new Date and a new Message-ID.
fn fingerprint(envelope: &Envelope) -> [u8; 32] {
    let path = envelope.reverse_path.as_deref().unwrap_or_default();
    let recipients = envelope.recipients.iter();
    let addresses = recipients.flat_map(|to| [&b"\n"[..], to.address.as_bytes()]);
    crypto::sha256_parts([path.as_bytes()].into_iter().chain(addresses))
}

/// Octets between two counts of work.
const PIECE_BYTES: usize = 64 * 1024;

/// Milliseconds by which the clock of a client may be ahead in the date of an appended message;
/// Dovecot has the same bound. A date before 1970 becomes 1970, since there was no mail.
const AHEAD_MS: i64 = 2 * 3_600_000;

const IDEMPOTENCY_FIELD: &str = "X-Idempotency-Key";
const METADATA_FIELD: &str = "X-Postern-Metadata";
