//! Compose: a message that REST describes becomes octets. The same rules for recipients and copies
//! hold as for a submission over SMTP.

use std::collections::HashSet;

use data_encoding::BASE64_NOPAD;

use super::analyse::{analyse, check_size};
use super::answer::{NamedRecipient, Taken, take_over};
use super::files::KeptFile;
use super::named;
use super::parsed::{ParsedMessage, Trial, WayIn};
use crate::call::{
    Access, Answer, Countable, Draft, DraftAddress, DraftAttachment, DraftPurpose, Envelope, Flags,
    InboxRef, Metric, Now, PolicyReason, PolicyRefusal, Recipient, Refusal, RefusedRecipient,
    SenderAuth,
};
use crate::mail::parse::address::Address;
use crate::mail::parse::address_list::parse_mailbox;
use crate::mail::write::compose::{self, AttachedFile, Compose};
use crate::mail::write::field;
use crate::mail::write::markdown::{self, Rendered};
use crate::mail::write::media::type_by_name;
use crate::mail::write::outgoing::is_private_name;
use crate::pace;
use crate::service::access::receives::SendingParty;
use crate::service::account::bounds::{check_end, check_ends_later};
use crate::service::context::ReadContext;
use crate::service::field::invalid;
use crate::service::mail::entry::{check_labels, find_place};
use crate::service::{Service, policy};

/// Composes a message that `inbox` sends, and parses the result.
pub(super) fn composed(
    service: &Service,
    context: &ReadContext<'_>,
    access: &Access,
    inbox: &InboxRef,
    mut draft: Draft,
) -> Result<ParsedMessage, Refusal> {
    let inbox = policy::find_inbox(context.store, access, inbox)?;
    if draft.purpose != DraftPurpose::Keep {
        policy::check_domain(context.store, inbox)?;
    }
    let place = find_place(context.store, access, inbox)?;
    let from = Address::parse(&place.path.address).map_err(|_| Refusal::Internal)?;
    render(&mut draft)?;
    let taken = match draft.about {
        Some(about) => take_over(context, (access.org, inbox), (&from, about), &mut draft)?,
        None => Taken::default(),
    };
    let to = addresses(&draft.to, "to")?;
    let mut cc = addresses(&draft.cc, "cc")?;
    if draft.about.is_some() {
        leave_out_repeated(&to, &mut cc);
    }
    let bcc = addresses(&draft.bcc, "bcc")?;
    let reply_to = addresses(&draft.reply_to, "reply_to")?;
    check_labels("labels", &draft.labels)?;
    let send_at = send_time(draft.send_at, context.now)?;
    check_end(draft.expires_at, context.now.unix_ms)?;
    check_ends_later(draft.expires_at, send_at)?;
    let everybody = || {
        let fields = [("to", &to), ("cc", &cc), ("bcc", &bcc)];
        fields.into_iter().flat_map(|(field, list)| {
            let places = list.iter().enumerate();
            places.map(move |(at, (_, address))| (field, at, address))
        })
    };
    let is_kept = draft.purpose == DraftPurpose::Keep;
    if everybody().next().is_none() && !is_kept {
        return Err(invalid(
            "to",
            "a message needs a recipient in to, cc or bcc",
        ));
    }
    check_number(context, everybody().count())?;
    let (envelope, trial) = match is_kept {
        // Nothing is sent, and a draft may name what is not there yet.
        true => (Envelope::default(), None),
        false => {
            let found = recipients(service, context, access, everybody())?;
            let (recipients, trial) = found.or_refuse(draft.purpose == DraftPurpose::Try)?;
            let envelope = Envelope {
                reverse_path: Some(place.path.address.clone()),
                recipients,
                ..Envelope::default()
            };
            (envelope, trial)
        }
    };
    let octets = write(
        (context, access),
        &mut draft,
        &from,
        place.display_name.as_deref(),
        [&to, &cc, &reply_to],
        &taken,
    )?;
    check_size(context, &octets)?;
    let analysis = analyse(context, &octets, 0, context.shared.limits.received_hops)?;
    let hidden: Vec<String> = bcc.iter().map(written).collect();
    let way = match is_kept {
        true => WayIn::Keep {
            inbox,
            prefix: hidden_field(&hidden),
            flags: Flags::NONE,
            labels: draft.labels,
            joins: taken.joins,
            metadata: draft.metadata,
            draft: None,
        },
        false => WayIn::Send {
            inbox,
            hidden,
            labels: draft.labels,
            send_at,
            expires_at: draft.expires_at,
            joins: taken.joins,
            metadata: draft.metadata,
            trial,
            draft: None,
            auth: SenderAuth::Client,
        },
    };
    Ok(ParsedMessage::new(way, octets, analysis, envelope))
}

/// Checks how many recipients a message has.
pub(super) fn check_number(context: &ReadContext<'_>, n: usize) -> Result<(), Refusal> {
    let max = context.shared.limits.submission_recipients;
    if n <= max {
        return Ok(());
    }
    context.shared.metrics.count(Metric::RateLimited);
    Err(Refusal::Limit {
        what: Countable::Recipients,
        max: max as u64,
    })
}

/// Makes the text and the HTML of what is written in Markdown.
fn render(draft: &mut Draft) -> Result<(), Refusal> {
    let Some(source) = draft.markdown.take() else {
        return Ok(());
    };
    let rendered = rendered(&source, draft.text.is_some() || draft.html.is_some())?;
    draft.text = Some(rendered.text);
    draft.html = Some(rendered.html);
    Ok(())
}

/// The same; with another text beside it nothing is made.
pub(super) fn rendered(source: &str, has_other: bool) -> Result<Rendered, Refusal> {
    match has_other {
        true => Err(invalid(
            "markdown",
            "makes the text and the HTML: leave out `text` and `html`, or `markdown`",
        )),
        false => Ok(markdown::render(source)),
    }
}

/// When a message leaves whose client has named this time; `None` is now. A client whose clock is
/// slow means now too.
pub(super) fn send_time(named: Option<i64>, now: Now) -> Result<Option<i64>, Refusal> {
    let Some(at) = named else {
        return Ok(None);
    };
    let ahead = at.saturating_sub(now.unix_ms);
    match ahead {
        ..PAST_MS => Err(invalid(
            "send_at",
            "lies in the past: name a time to come, or leave it out to send now",
        )),
        PAST_MS..=0 => Ok(None),
        1..=AHEAD_MS => Ok(Some(at)),
        _ => Err(invalid("send_at", "must be at most one year ahead")),
    }
}

/// Composes the octets.
fn write(
    (context, access): (&ReadContext<'_>, &Access),
    draft: &mut Draft,
    from: &Address,
    from_name: Option<&str>,
    [to, cc, reply_to]: [&Vec<NamedRecipient>; 3],
    taken: &Taken,
) -> Result<Vec<u8>, Refusal> {
    check_names(&draft.headers)?;
    let own = files_said(context, access, &mut draft.attachments)?;
    let draft = &*draft;
    let own = own.iter().map(KeptFile::attached);
    let kept = taken.files.iter().map(KeptFile::attached);
    let files: Vec<AttachedFile<'_>> = kept.chain(own).collect();
    let [to, cc, reply_to] = [to, cc, reply_to].map(|list| {
        list.iter()
            .map(|(name, address)| (name.as_deref(), address))
            .collect::<Vec<_>>()
    });
    // Those for this server alone go no further.
    let headers: Vec<(&str, &str)> = (draft.headers.iter())
        .filter(|(name, _)| !is_private_name(name.as_bytes()))
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let references: Vec<&str> = taken.references.iter().map(String::as_str).collect();
    let domain = from.domain();
    let mail = Compose {
        from_name,
        from: Some(from),
        to: &to,
        cc: &cc,
        reply_to: &reply_to,
        subject: &draft.subject,
        text: draft.text.as_deref(),
        html: draft.html.as_deref(),
        attachments: &files,
        headers: &headers,
        in_reply_to: taken.in_reply_to.as_deref(),
        references: &references,
        date_ms: context.now.unix_ms,
        message_id: &compose::message_id(context.seed, domain),
        seed: context.seed,
    };
    compose::compose(&mail).map_err(|error| {
        invalid(
            error.field,
            "must be one line, not too long and without control characters",
        )
    })
}

/// Checks the names of the client's own header fields.
pub(super) fn check_names(headers: &[(String, String)]) -> Result<(), Refusal> {
    match headers.iter().find(|(name, _)| !field::may_set(name)) {
        None => Ok(()),
        Some((name, _)) => {
            let why = format!("{name:?} cannot be set: only X-* and List-* can");
            Err(invalid("headers", why))
        }
    }
}

/// The field that names hidden recipients, in the octets in front of the sender's own copy.
pub(super) fn hidden_field(hidden: &[String]) -> Vec<u8> {
    let mut field = Vec::new();
    if !hidden.is_empty() {
        field::fold("Bcc", &hidden.join(", "), &mut field);
    }
    field
}

/// The files that a request brings, decoded, and those that it names. The base64 of each is freed
/// when it has been decoded.
pub(super) fn files_said(
    context: &ReadContext<'_>,
    access: &Access,
    attachments: &mut [DraftAttachment],
) -> Result<Vec<KeptFile>, Refusal> {
    let named = named::read(context, access, attachments)?;
    let all = attachments.iter_mut().zip(named).enumerate();
    all.map(|(at, (said, named))| {
        let file = match named {
            Some(file) => file,
            None => KeptFile {
                content: decode(at, &core::mem::take(&mut said.content))?,
                ..KeptFile::default()
            },
        };
        let content_id = said.content_id.as_deref().map(without_brackets);
        let filename = core::mem::take(&mut said.filename);
        let content_type = core::mem::take(&mut said.content_type);
        // What the message says of it comes before what is known of it.
        let first = |said: String, other: String| if said.is_empty() { other } else { said };
        let filename = first(filename, file.filename);
        let content_type = match first(content_type, file.content_type) {
            none if none.is_empty() => type_by_name(&filename).to_owned(),
            known => known,
        };
        Ok(KeptFile {
            part: 0,
            filename,
            content_type,
            content: file.content,
            inline: said.inline.unwrap_or(content_id.is_some()),
            content_id: content_id.map(str::to_owned),
        })
    })
    .collect()
}

/// The recipients of a message: each once, local or outside.
#[derive(Default)]
pub(super) struct FoundRecipients {
    pub all: Vec<Recipient>,
    /// Those of them whose inbox is full.
    pub full: Vec<RefusedRecipient>,
}

impl FoundRecipients {
    /// The recipients of a message that leaves, or is tried: one that is full refuses the message,
    /// and a trial says so of each.
    pub fn or_refuse(self, is_trial: bool) -> Result<(Vec<Recipient>, Option<Trial>), Refusal> {
        match (is_trial, self.full.is_empty()) {
            (true, _) => Ok((self.all, Some(Trial { full: self.full }))),
            (false, true) => Ok((self.all, None)),
            (false, false) => Err(Refusal::Policy(Box::new(PolicyRefusal {
                reason: PolicyReason::RecipientFull,
                rule: None,
                recipients: self.full,
            }))),
        }
    }
}

/// Finds each recipient. The first that does not exist refuses all.
pub(super) fn recipients<'a>(
    service: &Service,
    context: &ReadContext<'_>,
    access: &Access,
    all: impl Iterator<Item = (&'static str, usize, &'a Address)>,
) -> Result<FoundRecipients, Refusal> {
    let mut seen: Vec<String> = Vec::new();
    let mut recipients = FoundRecipients::default();
    for (field, at, address) in all {
        let canonical = address.canonical();
        if seen.contains(&canonical) {
            continue;
        }
        seen.push(canonical);
        let text = address.to_string();
        let sender = (Some(access), SendingParty::Org(access.org));
        let found = policy::check_recipient(service, context.store, context.now, sender, &text);
        let (inbox, org) = match found {
            Ok(Answer::Recipient { inbox, org, .. }) => (inbox, org),
            Ok(_) => return Err(Refusal::Internal),
            Err(Refusal::Policy(policy)) if policy.reason == PolicyReason::RecipientFull => {
                recipients.full.extend(policy.recipients);
                (None, None)
            }
            Err(Refusal::NoSuchInbox) => {
                return Err(Refusal::NoSuchRecipient {
                    field: format!("{field}[{at}]"),
                    address: text,
                });
            }
            Err(other) => return Err(other),
        };
        recipients.all.push(Recipient {
            address: text,
            inbox,
            org,
            notify: 0,
            orcpt: None,
        });
    }
    Ok(recipients)
}

/// Leaves out of Cc what stands in To or in Cc already: the request may name an address that the
/// answered message names too.
fn leave_out_repeated(to: &[NamedRecipient], cc: &mut Vec<NamedRecipient>) {
    let mut seen: HashSet<String> = to.iter().map(|(_, address)| address.canonical()).collect();
    cc.retain(|(_, address)| seen.insert(address.canonical()));
}

/// Reads addresses.
pub(super) fn addresses(
    addresses: &[DraftAddress],
    field: &'static str,
) -> Result<Vec<NamedRecipient>, Refusal> {
    let places = addresses.iter().enumerate();
    places
        .map(|(at, address)| match address {
            DraftAddress::Text(text) => read_text(text, (field, at)),
            DraftAddress::Named(named) => {
                let place = |part| format!("{field}[{at}].{part}");
                if !field::is_value(&named.name) {
                    let why = "must be one line, not too long and without control characters";
                    return Err(Refusal::InvalidPlace {
                        field: place("name"),
                        why: why.to_owned(),
                    });
                }
                let address = Address::parse(named.address.trim());
                let address = address.map_err(|_| bad_address(place("address"), &named.address))?;
                let name = Some(&named.name).filter(|name| !name.trim().is_empty());
                Ok((name.cloned(), address))
            }
        })
        .collect()
}

/// Reads `addr` or `Name <addr>`, and nothing else.
fn read_text(text: &str, (field, at): (&'static str, usize)) -> Result<NamedRecipient, Refusal> {
    if !field::is_value(text) {
        return Err(invalid(
            field,
            "must be one line without control characters",
        ));
    }
    // The plain form first: everything else uses the same strict parser.
    if let Ok(address) = Address::parse(text.trim()) {
        return Ok((None, address));
    }
    let mailbox = parse_mailbox(text);
    let named = mailbox.and_then(|mailbox| Some((mailbox.address()?, mailbox.name)));
    let (address, name) = named.ok_or_else(|| bad_address(format!("{field}[{at}]"), text))?;
    Ok((name, address))
}

fn bad_address(field: String, text: &str) -> Refusal {
    Refusal::BadAddress {
        field,
        text: text.to_owned(),
    }
}

/// A Content-ID as HTML has it: `<a@b>` is `a@b`.
fn without_brackets(id: &str) -> &str {
    let inner = id.strip_prefix('<').and_then(|id| id.strip_suffix('>'));
    inner.unwrap_or(id)
}

/// Decodes an attachment in pieces. Line breaks and missing padding are accepted.
pub(super) fn decode(at: usize, content: &str) -> Result<Vec<u8>, Refusal> {
    let wrong = || Refusal::InvalidPlace {
        field: format!("attachments[{at}].content"),
        why: "is not base64".into(),
    };
    let text = content.trim_end_matches(|c: char| c == '=' || c.is_ascii_whitespace());
    let mut octets = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let mut piece = Vec::with_capacity(PIECE_OCTETS + 4);
    for part in text.as_bytes().chunks(PIECE_OCTETS) {
        pace::spend(part.len() * DECODE_WORK);
        piece.extend(part.iter().filter(|b| !b.is_ascii_whitespace()));
        let whole = piece.len() / 4 * 4;
        let (quads, rest) = piece.split_at(whole);
        octets.extend_from_slice(&BASE64_NOPAD.decode(quads).map_err(|_| wrong())?);
        let rest = rest.to_vec();
        piece.clear();
        piece.extend_from_slice(&rest);
    }
    octets.extend_from_slice(&BASE64_NOPAD.decode(&piece).map_err(|_| wrong())?);
    Ok(octets)
}

pub(super) fn written((_, address): &NamedRecipient) -> String {
    address.to_string()
}

/// Characters of base64 that are decoded at once.
const PIECE_OCTETS: usize = 16 * 1024;
/// Units of work for each of them: it is copied and decoded.
const DECODE_WORK: usize = 3;

/// Milliseconds by which the clock of a client may be slow.
const PAST_MS: i64 = -60_000;
/// The latest time of a message: a year ahead, as calendars count it.
const AHEAD_MS: i64 = 366 * 86_400_000;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn pieces_decode_as_the_whole() {
        let plain: Vec<u8> = (0..PIECE_OCTETS * 2 + 5).map(|n| (n % 251) as u8).collect();
        for len in (0..9).chain(plain.len() - 9..=plain.len()) {
            let padded = data_encoding::BASE64.encode(&plain[..len]);
            let bare = padded.trim_end_matches('=').to_owned();
            for every in [1, 5, 76, 1 << 20] {
                let lines = bare.as_bytes().chunks(every).map(str::from_utf8);
                let folded: Vec<&str> = lines.map(Result::unwrap).collect();
                assert_eq!(decode(0, &folded.join("\r\n")).unwrap(), plain[..len]);
            }
            assert_eq!(decode(0, &format!("{padded} \n")).unwrap(), plain[..len]);
        }
        for wrong in ["A", "AB=C", "AAA*", "AB", "\u{e4}AAA"] {
            assert!(decode(0, wrong).is_err(), "{wrong}");
        }
    }
}
