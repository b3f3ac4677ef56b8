//! Drafts that REST changes and sends. A draft is any message in the Drafts folder, also one that a
//! mail client has stored there.
//!
//! The rule: **what a request does not name stays as it is**, octet by octet: fields are taken out
//! and put in front, and the body is written again only when a text or a file changes. The writer
//! carries it out only if the draft is still the one that was read.

use core::ops::Range;

use super::analyse::{analyse, check_size};
use super::answer::{NamedRecipient, header_of};
use super::compose::{
    addresses, check_names, check_number, files_said, hidden_field, recipients, rendered, send_time,
};
use super::files::{KeptFile, files_of};
use super::parsed::{ParsedMessage, WayIn};
use super::plan::TakenDraft;
use super::submitted::{check_stray, claimed_results, hidden_recipients, sending_inbox};
use crate::call::{
    Access, ConflictReason, DraftAct, DraftPatch, EntryId, Envelope, Flags, InboxId, InboxRef,
    Noun, Refusal, SenderAuth, SpecialUse,
};
use crate::mail::digest::Analysis;
use crate::mail::parse::address::Address;
use crate::mail::parse::address_list::{Mailbox, find_rest, parse_list};
use crate::mail::parse::header::Field;
use crate::mail::text::written_of;
use crate::mail::write::compose::{self, AttachedFile, Compose, message_id};
use crate::mail::write::field;
use crate::mail::write::outgoing::is_private_name;
use crate::mail::write::submit::{Fixups, submission_fixups};
use crate::mail::{Bounds, Digest, Headers, time};
use crate::pace;
use crate::service::account::bounds::check_ends_later;
use crate::service::context::ReadContext;
use crate::service::field::invalid;
use crate::service::mail::entry::{check_labels, find_place};
use crate::service::mail::opened::OpenedMessage;
use crate::service::outgoing::approval::DECLINED_LABEL;
use crate::service::{Service, policy};
use crate::store::Store;

/// A draft as it is stored.
struct StoredDraft {
    inbox: InboxId,
    taken: TakenDraft,
    flags: Flags,
    labels: Vec<String>,
    opened: OpenedMessage,
}

/// Reads a draft, and makes of it what is asked for.
pub(super) fn read(
    service: &Service,
    context: &ReadContext<'_>,
    access: &Access,
    (inbox, id, act): (&InboxRef, EntryId, DraftAct),
) -> Result<ParsedMessage, Refusal> {
    let inbox = policy::find_inbox(context.store, access, inbox)?;
    let draft = open(context.store, access, (inbox, id))?;
    match act {
        DraftAct::Change(patch) => change(context, access, draft, *patch),
        DraftAct::Send { send_at, is_trial } => {
            leave(service, context, access, draft, (send_at, is_trial))
        }
    }
}

/// Finds a message in Drafts that does not wait there.
fn open(
    store: &Store,
    access: &Access,
    (inbox, id): (InboxId, EntryId),
) -> Result<StoredDraft, Refusal> {
    const NONE: Refusal = Refusal::NotFound(Noun::Message);
    let entry = store.entry(access.org, inbox, id)?.ok_or(NONE)?;
    let mailbox = store.mailbox(access.org, inbox, entry.mailbox)?;
    if mailbox.and_then(|mailbox| mailbox.special) != Some(SpecialUse::Drafts) {
        return Err(NONE);
    }
    if store.is_held(access.org, id)? {
        return Err(Refusal::Conflict(ConflictReason::MessageHeld));
    }
    if store.scheduled(access.org, id)?.is_some() {
        return Err(Refusal::Conflict(ConflictReason::MessageScheduled));
    }
    let opened = OpenedMessage::read(store, (access.org, inbox), id)?.ok_or(NONE)?;
    Ok(StoredDraft {
        inbox,
        taken: TakenDraft {
            entry: id,
            body: opened.body,
            metadata: None,
        },
        flags: entry.state.flags,
        labels: entry.state.keywords,
        opened,
    })
}

/// The draft with other fields.
fn change(
    context: &ReadContext<'_>,
    access: &Access,
    mut draft: StoredDraft,
    mut patch: DraftPatch,
) -> Result<ParsedMessage, Refusal> {
    check_names(&patch.headers)?;
    check_labels("labels", patch.labels.as_deref().unwrap_or_default())?;
    if let Some(source) = patch.markdown.take() {
        let rendered = rendered(&source, patch.text.is_some() || patch.html.is_some())?;
        patch.text = Some(Some(rendered.text));
        patch.html = Some(Some(rendered.html));
    }
    // A draft has one content: what is given in one form is not what stands there in the other.
    match (&patch.text, &patch.html) {
        (Some(Some(_)), None) => patch.html = Some(None),
        (None, Some(Some(_))) => patch.text = Some(None),
        _ => {}
    }
    let bcc = patch.bcc.as_ref().map(|bcc| addresses(bcc, "bcc"));
    let bcc = bcc.transpose()?;
    let place = find_place(context.store, access, draft.inbox)?;
    let own = Address::parse(&place.path.address).map_err(|_| Refusal::Internal)?;
    let octets = changed_octets((context, access), &own, &draft.opened, &mut patch)?;
    check_size(context, &octets)?;
    let analysis = analyse(context, &octets, 0, usize::MAX)?;
    let named = analysis.to.len() + analysis.cc.len();
    check_number(context, named + bcc.as_ref().map_or(0, Vec::len))?;
    draft.taken.metadata = patch.metadata;
    Ok(ParsedMessage::new(
        WayIn::Keep {
            inbox: draft.inbox,
            prefix: match bcc {
                Some(bcc) => hidden_field(&shown(&bcc)),
                None => draft.opened.prefix,
            },
            flags: draft.flags,
            labels: patch.labels.unwrap_or(draft.labels),
            // Its Message-ID stays, and with it its conversation.
            joins: None,
            metadata: None,
            draft: Some(draft.taken),
        },
        octets,
        analysis,
        Envelope::default(),
    ))
}

/// The octets of a draft with other fields.
fn changed_octets(
    (context, access): (&ReadContext<'_>, &Access),
    own: &Address,
    opened: &OpenedMessage,
    patch: &mut DraftPatch,
) -> Result<Vec<u8>, Refusal> {
    let octets = &opened.octets[..];
    let headers = Headers::parse(octets);
    let rewrites = patch.text.is_some() || patch.html.is_some() || patch.attachments.is_some();
    let end = end_of_fields(&headers);
    let fields = || {
        headers
            .fields()
            .take_while(|field| field.range().end <= end)
    };
    let mut fixups = Fixups::default();
    let lists = [
        ("To", "to", &patch.to),
        ("Cc", "cc", &patch.cc),
        ("Reply-To", "reply_to", &patch.reply_to),
    ];
    for (name, said_as, list) in lists {
        let Some(list) = list else { continue };
        fixups.remove.extend(all(fields(), |field| field.is(name)));
        let list = addresses(list, said_as)?;
        let list: Vec<_> = (list.iter())
            .map(|(name, address)| (name.as_deref(), address))
            .collect();
        compose::addresses(name, &list, &mut fixups.prepend);
    }
    if let Some(subject) = &patch.subject {
        if !field::is_value(subject) {
            return Err(invalid("subject", ONE_LINE));
        }
        fixups
            .remove
            .extend(all(fields(), |field| field.is("subject")));
        compose::text_field("Subject", subject, &mut fixups.prepend);
    }
    if patch.bcc.is_some() {
        fixups.remove.extend(all(fields(), |field| field.is("bcc")));
    }
    for (name, value) in &patch.headers {
        if !field::is_value(value) {
            return Err(invalid("headers", ONE_LINE));
        }
        fixups.remove.extend(all(fields(), |field| field.is(name)));
        if !is_private_name(name.as_bytes()) {
            compose::text_field(name, value.trim(), &mut fixups.prepend);
        }
    }
    let id = message_id(context.seed, own.domain());
    if !fields().any(|field| field.is("message-id")) {
        field::fold("Message-ID", &id, &mut fixups.prepend);
    }
    if !fields().any(|field| field.is("from")) {
        compose::addresses("From", &[(None, own)], &mut fixups.prepend);
    }
    if rewrites {
        let is_mime = |field: &Field<'_>| {
            field.is("mime-version") || field.name.to_ascii_lowercase().starts_with(b"content-")
        };
        fixups.remove.extend(all(fields(), is_mime));
    }
    fixups.remove.sort_by_key(|range| range.start);
    fixups.remove.dedup();
    let (block, rest) = octets.split_at_checked(end).unwrap_or((octets, &[]));
    let mut out = fixups.apply(block);
    if !out.is_empty() && !out.ends_with(b"\n") {
        out.extend_from_slice(b"\r\n");
    }
    if rewrites {
        out.extend_from_slice(&content((context, access), opened, (own, &id), patch)?);
    } else {
        // Lines that are no fields begin the body.
        if !rest.is_empty() && !rest.starts_with(b"\r\n") && !rest.starts_with(b"\n") {
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(rest);
    }
    Ok(out)
}

/// The MIME fields and the body of a draft, with the texts and files that it then has.
fn content(
    (context, access): (&ReadContext<'_>, &Access),
    opened: &OpenedMessage,
    (own, id): (&Address, &str),
    patch: &mut DraftPatch,
) -> Result<Vec<u8>, Refusal> {
    let digest = Digest::open(&opened.digest).ok_or(Refusal::Damaged)?;
    let written = written_of(&opened.octets, &digest);
    let text = patch.text.take().unwrap_or(written.text);
    let html = patch.html.take().unwrap_or(written.html);
    let old = files_of(&opened.octets, &digest);
    let files = match patch.attachments.take() {
        None => old,
        Some(mut said) => {
            let mut new = files_said(context, access, &mut said)?;
            for (at, (file, said)) in new.iter_mut().zip(&said).enumerate() {
                let Some(part) = said.part else { continue };
                let kept: Option<&KeptFile> = old.iter().find(|old| old.part == part);
                *file = kept.cloned().ok_or_else(|| Refusal::InvalidPlace {
                    field: format!("attachments[{at}].id"),
                    why: "is no attachment of the draft".to_owned(),
                })?;
            }
            new
        }
    };
    let files: Vec<AttachedFile<'_>> = files.iter().map(KeptFile::attached).collect();
    let mail = Compose {
        from: Some(own),
        text: text.as_deref(),
        html: html.as_deref(),
        attachments: &files,
        message_id: id,
        seed: context.seed,
        ..Compose::default()
    };
    compose::content(&mail).map_err(|error| invalid(error.field, ONE_LINE))
}

/// The draft as it is to leave.
fn leave(
    service: &Service,
    context: &ReadContext<'_>,
    access: &Access,
    draft: StoredDraft,
    (send_at, is_trial): (Option<i64>, bool),
) -> Result<ParsedMessage, Refusal> {
    let StoredDraft {
        inbox,
        taken,
        labels,
        opened,
        ..
    } = draft;
    let octets = &opened.octets[..];
    check_size(context, octets)?;
    check_stray(context, octets)?;
    policy::check_domain(context.store, inbox)?;
    let place = find_place(context.store, access, inbox)?;
    let send_at = send_time(send_at, context.now)?;
    check_ends_later(context.store.expires_at(taken.entry)?, send_at)?;
    let headers = Headers::parse(octets);
    let said = header_of(octets.get(..headers.body_start()).unwrap_or(octets))?;
    let hidden = Headers::parse(&opened.prefix);
    check_rest(&headers)?;
    let hidden = hidden.all("Bcc").flat_map(|field| mailboxes(field.value));
    let bcc: Vec<Mailbox> = said.bcc.iter().cloned().chain(hidden).collect();
    let named = named_in(&said, &bcc)?;
    check_number(context, named.len())?;
    if named.is_empty() {
        return Err(invalid(
            "to",
            "is missing: a draft needs a recipient in to, cc or bcc before it leaves",
        ));
    }
    let all = named
        .iter()
        .map(|(field, at, address)| (*field, *at, address));
    let found = recipients(service, context, access, all)?;
    let (recipients, trial) = found.or_refuse(is_trial)?;
    let envelope = Envelope {
        reverse_path: Some(place.path.address.clone()),
        recipients,
        ..Envelope::default()
    };
    let sender = sending_inbox(context, access, &envelope, &headers)?;
    if sender.inbox != inbox {
        return Err(Refusal::SenderNotAllowed);
    }
    let id = message_id(context.seed, &context.shared.host);
    let mut fixups = submission_fixups(octets, &id, context.now.unix_ms);
    fixups.prepend.extend_from_slice(&sender.from_field);
    // It is written now for its readers, whenever it was begun.
    let mut stale = all_of(&headers, &["date"]);
    if !stale.is_empty() {
        field::fold(
            "Date",
            &time::rfc5322(context.now.unix_ms),
            &mut fixups.prepend,
        );
    }
    stale.extend(all_of(&headers, &TRACE));
    stale.extend(claimed_results(service, context, &headers)?);
    fixups.leave_out(&headers, stale);
    let ours = fixups.prepend.len();
    let body = fixups.apply(octets);
    let analysis = analyse(context, &body, ours, context.shared.limits.received_hops)?;
    let bcc: Vec<Address> = bcc.iter().filter_map(Mailbox::address).collect();
    let hidden = hidden_recipients(&envelope, &analysis, &bcc);
    Ok(ParsedMessage::new(
        WayIn::Send {
            inbox,
            hidden,
            labels: (labels.into_iter())
                .filter(|label| !label.eq_ignore_ascii_case(DECLINED_LABEL))
                .collect(),
            send_at,
            // It stands beside the entry, which keeps its id.
            expires_at: None,
            joins: None,
            metadata: None,
            trial,
            draft: Some(taken),
            auth: SenderAuth::Client,
        },
        body,
        analysis,
        envelope,
    ))
}

/// Checks that no recipient that a mail client has written has words left over, as in
/// `To: john smith@example.com`: mail would go to an address that is not meant.
fn check_rest(headers: &Headers<'_>) -> Result<(), Refusal> {
    for (name, said_as) in [("To", "to"), ("Cc", "cc"), ("Bcc", "bcc")] {
        for field in headers.all(name) {
            pace::spend(field.value.len().saturating_mul(15));
            if let Some(at) = find_rest(field.value) {
                return Err(Refusal::BadAddress {
                    field: format!("{said_as}[{at}]"),
                    text: String::from_utf8_lossy(&field.unfolded()).into_owned(),
                });
            }
        }
    }
    Ok(())
}

/// Every recipient of a draft, with the field that names it.
///
/// # Errors
/// One of them is no address.
fn named_in(
    said: &Analysis,
    bcc: &[Mailbox],
) -> Result<Vec<(&'static str, usize, Address)>, Refusal> {
    let lists = [("to", &said.to[..]), ("cc", &said.cc[..]), ("bcc", bcc)];
    let mut named = Vec::new();
    for (field, list) in lists {
        for (at, mailbox) in list.iter().enumerate() {
            let address = mailbox.address().ok_or_else(|| Refusal::InvalidPlace {
                field: format!("{field}[{at}]"),
                why: format!("of the draft is not an address: {:?}", mailbox.to_string()),
            })?;
            named.push((field, at, address));
        }
    }
    Ok(named)
}

fn mailboxes(value: &[u8]) -> Vec<Mailbox> {
    let list = parse_list(value, &Bounds::default());
    list.mailboxes().cloned().collect()
}

fn shown(list: &[NamedRecipient]) -> Vec<String> {
    list.iter()
        .map(|(_, address)| address.to_string())
        .collect()
}

/// Where the fields of a header end: before its empty line, or before a line that is no field.
fn end_of_fields(headers: &Headers<'_>) -> usize {
    let named = headers.fields().take_while(|field| !field.name.is_empty());
    named.last().map_or(0, |field| field.range().end)
}

/// The places of the fields that are wanted.
fn all<'a>(
    fields: impl Iterator<Item = Field<'a>>,
    is_wanted: impl Fn(&Field<'a>) -> bool,
) -> Vec<Range<usize>> {
    let wanted = fields.filter(|field| is_wanted(field));
    wanted.map(|field| field.range()).collect()
}

fn all_of(headers: &Headers<'_>, names: &[&str]) -> Vec<Range<usize>> {
    all(headers.fields(), |field| {
        names.iter().any(|name| field.is(name))
    })
}

/// Fields of the way that a message has gone (RFC 5321 section 4.4): a draft has gone none, and one
/// that is a copy of another message begins its own.
const TRACE: [&str; 2] = ["received", "delivered-to"];

const ONE_LINE: &str = "must be one line, not too long and without control characters";
