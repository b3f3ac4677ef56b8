//! What holds for every message that a client of this server sends, over SMTP or from a draft:
//! whose it is, whom it hides, which octets and fields it may not have.

use core::ops::Range;

use crate::call::{Access, Envelope, FromFault, InboxId, Metric, Refusal};
use crate::mail::auth::results;
use crate::mail::digest::Analysis;
use crate::mail::parse::address_list::{FromError, parse_single_from};
use crate::mail::parse::header::Field;
use crate::mail::write::compose::addresses;
use crate::mail::write::submit::check_octets;
use crate::mail::{Address, Headers};
use crate::service::context::ReadContext;
use crate::service::mail::entry::find_place;
use crate::service::{Service, policy};

/// The Authentication-Results fields that claim to be of this server (RFC 8601 section 5). A name
/// of ours is the host name, the shared domain or a proven domain.
pub(super) fn claimed_results(
    service: &Service,
    context: &ReadContext<'_>,
    headers: &Headers<'_>,
) -> Result<Vec<Range<usize>>, Refusal> {
    let host = &context.shared.host;
    let fields = results::claimed(headers, |name| {
        Ok::<_, Refusal>(
            host.eq_ignore_ascii_case(name) || policy::is_local(service, context.store, name)?,
        )
    })?;
    Ok(fields.iter().map(Field::range).collect())
}

/// The inbox that sends a submission.
pub(super) struct Sender {
    pub inbox: InboxId,
    /// The From field that the message lacks; empty if it has one.
    pub from_field: Vec<u8>,
}

/// Finds the inbox that sends a submission. The address of the envelope and the one address of
/// From must belong to inboxes that the key may send for; so must Sender and the resent fields,
/// where they exist (DECISIONS.md, "Senders"). A message without From is sent by the inbox of the
/// login.
pub(super) fn sending_inbox(
    context: &ReadContext<'_>,
    access: &Access,
    envelope: &Envelope,
    headers: &Headers<'_>,
) -> Result<Sender, Refusal> {
    let path = envelope
        .reverse_path
        .as_deref()
        .and_then(|path| Address::parse(path).ok())
        .ok_or(Refusal::SenderNotAllowed)?;
    policy::find_sender_inbox(context.store, access, &path)?;
    let from = parse_single_from(headers.all("From").map(|field| field.value));
    let login = access.inbox.filter(|_| headers.first("From").is_none());
    let sender = match (from, login) {
        (Ok(from), _) => Sender {
            inbox: policy::find_sender_inbox(context.store, access, &from)?,
            from_field: Vec::new(),
        },
        (Err(FromError::Missing), Some(inbox)) => Sender {
            inbox,
            from_field: from_field(context, access, inbox)?,
        },
        (Err(error), _) => {
            return Err(Refusal::BadFrom(match error {
                FromError::Group => FromFault::Group,
                FromError::Malformed => FromFault::Malformed,
                FromError::Missing => FromFault::Missing,
                FromError::SeveralFields => FromFault::SeveralFields,
                FromError::SeveralMailboxes => FromFault::SeveralMailboxes,
            }));
        }
    };
    if headers.first("Sender").is_some() {
        let sender = parse_single_from(headers.all("Sender").map(|field| field.value))
            .map_err(|_| Refusal::BadFrom(FromFault::Sender))?;
        policy::find_sender_inbox(context.store, access, &sender)?;
    }
    // Each forwarding adds a block of resent fields (RFC 5322 section 3.6.6), each with one
    // address.
    for name in ["Resent-From", "Resent-Sender"] {
        for field in headers.all(name) {
            let resent = parse_single_from([field.value])
                .map_err(|_| Refusal::BadFrom(FromFault::Resent))?;
            policy::find_sender_inbox(context.store, access, &resent)?;
        }
    }
    Ok(sender)
}

/// The From field of an inbox, as a message that REST describes has it.
fn from_field(
    context: &ReadContext<'_>,
    access: &Access,
    inbox: InboxId,
) -> Result<Vec<u8>, Refusal> {
    let place = find_place(context.store, access, inbox)?;
    let address = Address::parse(&place.path.address).map_err(|_| Refusal::Internal)?;
    let mut field = Vec::new();
    addresses(
        "From",
        &[(place.display_name.as_deref(), &address)],
        &mut field,
    );
    Ok(field)
}

/// The hidden recipients: the Bcc fields, and recipients of the envelope that are neither in To nor
/// in Cc.
pub(super) fn hidden_recipients(
    envelope: &Envelope,
    analysis: &Analysis,
    bcc: &[Address],
) -> Vec<String> {
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

pub(super) fn check_stray(context: &ReadContext<'_>, octets: &[u8]) -> Result<(), Refusal> {
    check_octets(octets).map_err(|_| {
        context.shared.metrics.count(Metric::RejectedOctets);
        Refusal::StrayOctets
    })
}
