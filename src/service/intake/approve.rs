//! Approve: a held message becomes a message on its way out. Its octets are those that were shown,
//! or those with the changes of the one who decides.

use super::analyse::{analyse, check_size};
use super::parsed::{ParsedMessage, WayIn};
use super::plan::SUBJECT_BYTES;
use crate::call::{
    Access, ApprovalEdit, ApprovalId, ApprovedMail, ConflictReason, Envelope, HELD_LABEL, Refusal,
};
use crate::crypto;
use crate::mail::parse::address::Address;
use crate::mail::parse::address_list::Mailbox;
use crate::mail::parse::transfer;
use crate::mail::write::compose::{self, AttachedFile, Compose};
use crate::mail::write::field;
use crate::mail::write::outgoing::is_private_name;
use crate::mail::{Digest, Headers, text, unicode};
use crate::pace;
use crate::service::context::ReadContext;
use crate::service::field::invalid;
use crate::service::mail::opened::OpenedMessage;
use crate::service::outgoing::approval::{check_open, find_approval};
use crate::service::{Service, policy};

/// The message of an approval, as it is to leave.
pub(super) fn approved(
    service: &Service,
    context: &ReadContext<'_>,
    access: &Access,
    (approval, edit, sha256): (ApprovalId, &ApprovalEdit, Option<[u8; 32]>),
) -> Result<ParsedMessage, Refusal> {
    let store = context.store;
    let found = find_approval(store, access, approval)?;
    let row = &found.row;
    // What is decided stays decided, whatever policy says of the message now.
    check_open(row, context.now)?;
    if sha256.is_some_and(|shown| shown != row.sha256) {
        return Err(Refusal::Conflict(ConflictReason::ApprovalChanged));
    }
    let opened = OpenedMessage::read(store, (access.org, row.inbox), row.message)?
        .ok_or(Refusal::Conflict(ConflictReason::ApprovalWithoutMessage))?;
    let shown = hash(&opened.prefix, &opened.octets);
    if shown != row.sha256 {
        return Err(Refusal::Conflict(ConflictReason::ApprovalChanged));
    }
    let entry = store.message(access.org, row.inbox, row.message)?;
    let (labels, auth) = entry
        .map(|found| (found.entry.state.keywords, found.entry.auth))
        .unwrap_or_default();
    let prefix = opened.prefix.clone();
    let octets = match edit.is_empty() {
        true => opened.octets,
        false => edited(context, &opened, edit)?,
    };
    check_size(context, &octets)?;
    let analysis = analyse(context, &octets, octets.len().min(OWN_HEADER), usize::MAX)?;
    let mut recipients = found.envelope.recipients.clone();
    policy::find_recipients_again(service, store, context.now, access, &mut recipients)?;
    Ok(ParsedMessage::new(
        WayIn::Approved {
            inbox: row.inbox,
            entry: row.message,
            labels: (labels.into_iter())
                .filter(|label| !label.eq_ignore_ascii_case(HELD_LABEL))
                .collect(),
            mail: ApprovedMail {
                approval,
                shown,
                sha256: hash(&prefix, &octets),
                subject: unicode::prefix(&analysis.subject, SUBJECT_BYTES).to_owned(),
            },
            prefix,
            auth,
            send_at: row.send_at.filter(|at| *at > context.now.unix_ms),
        },
        octets,
        analysis,
        Envelope {
            reverse_path: found.envelope.reverse_path.clone(),
            recipients,
            ret_full: found.envelope.ret_full,
            envid: found.envelope.envid.clone(),
            ..Envelope::default()
        },
    ))
}

/// The octets with the changes. A text that is given replaces both texts, so that no part that was
/// not decided on leaves with it. Message-ID, date, recipients, files and the client's own fields
/// stay.
fn edited(
    context: &ReadContext<'_>,
    opened: &OpenedMessage,
    edit: &ApprovalEdit,
) -> Result<Vec<u8>, Refusal> {
    let octets = &opened.octets[..];
    let digest = Digest::open(&opened.digest).ok_or(Refusal::Damaged)?;
    let old = analyse(context, octets, octets.len().min(OWN_HEADER), usize::MAX)?;
    let body = text::text_of(octets, &digest);
    let headers = Headers::parse(octets);
    let (text, html) = match (&edit.text, &edit.html) {
        (None, None) => (Some(body.text.as_str()), body.html.as_deref()),
        (text, html) => (text.as_deref(), html.as_deref()),
    };
    let files: Vec<_> = text::attachments(octets, &digest)
        .map(|file| {
            let part = octets.get(file.body.clone()).unwrap_or_default();
            let content = transfer::decode(file.encoding, part).into_owned();
            (file, content)
        })
        .collect();
    let files: Vec<AttachedFile<'_>> = (files.iter())
        .map(|(file, content)| AttachedFile {
            filename: &file.filename,
            content_type: &file.content_type,
            content,
            content_id: file.content_id.as_deref(),
            inline: file.inline,
        })
        .collect();
    let of = |name: &str| {
        let fields = headers.all(name).map(|field| field.value.to_vec());
        let lists = fields.map(|value| parse(&value));
        lists.flatten().collect::<Vec<_>>()
    };
    let (from, to, cc, reply_to) = (of("From"), of("To"), of("Cc"), of("Reply-To"));
    let [to, cc, reply_to] = [&to, &cc, &reply_to].map(|list| {
        (list.iter())
            .map(|(name, address)| (name.as_deref(), address))
            .collect::<Vec<_>>()
    });
    let kept: Vec<(String, String)> = (headers.fields())
        .filter_map(|field| {
            let name = String::from_utf8(field.name.to_vec()).ok()?;
            let stays = field::may_set(&name) && !is_private_name(field.name);
            stays.then(|| (name, field.decoded()))
        })
        .collect();
    let kept: Vec<(&str, &str)> = (kept.iter())
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let references: Vec<&str> = old.references.iter().map(String::as_str).collect();
    let (from_name, from) = from.first().ok_or(Refusal::Internal)?;
    let subject = edit.subject.as_deref().unwrap_or(&old.subject);
    let message_id = old.message_id.clone().unwrap_or_default();
    let mail = Compose {
        from_name: from_name.as_deref(),
        from: Some(from),
        to: &to,
        cc: &cc,
        reply_to: &reply_to,
        subject,
        text,
        html,
        attachments: &files,
        headers: &kept,
        in_reply_to: old.in_reply_to.first().map(String::as_str),
        references: &references,
        date_ms: (old.date).map_or(context.now.unix_ms, |s| s.saturating_mul(1000)),
        message_id: &message_id,
        seed: context.seed,
    };
    compose::compose(&mail).map_err(|error| {
        invalid(
            error.field,
            "must be one line, not too long and without control characters",
        )
    })
}

/// SHA-256 of a message as a download of it has it.
pub(super) fn hash(prefix: &[u8], octets: &[u8]) -> [u8; 32] {
    let pieces = (octets.chunks(HASHED_BYTES)).inspect(|piece| pace::spend(piece.len()));
    crypto::sha256_parts([prefix].into_iter().chain(pieces))
}

fn parse(value: &[u8]) -> Vec<(Option<String>, Address)> {
    use crate::mail::Bounds;
    use crate::mail::parse::address_list::parse_list;
    let list = parse_list(value, &Bounds::default());
    let mailboxes = list.mailboxes();
    mailboxes
        .filter_map(|mailbox: &Mailbox| Some((mailbox.name.clone(), mailbox.address()?)))
        .collect()
}

/// Octets at the beginning that may be fields of this server: they do not count against the bounds
/// of the sender, who has passed them already.
const OWN_HEADER: usize = 4096;

/// Octets between two counts of work.
const HASHED_BYTES: usize = 64 * 1024;
