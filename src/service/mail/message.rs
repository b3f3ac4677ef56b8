//! Messages by id, as REST opens and changes them. Lists are in `list.rs`.

use super::entry::{check_labels, find_place, flag_one};
use super::mailbox;
use super::opened::OpenedMessage;
use super::redact;
use super::teaching;
use crate::call::{
    Access, Answer, Arrival, AttachmentRow, CodeRow, ConflictReason, ContentAsk, ContentView,
    EntryId, FlagChange, Flags, INBOX, InboxId, InboxRef, InjectionSpan, LinkRow, MailboxId,
    MessageContent, MessagePatch, MessageView, NamedAddress, Noun, OctetsOf, OrgId, PartSource,
    ReceiveDefault, Refusal, Scopes, SpecialUse, UidSet, Written,
};
use crate::mail::Address;
use crate::mail::Bounds;
use crate::mail::Digest;
use crate::mail::Headers;
use crate::mail::parse::address_list::parse_list;
use crate::mail::text;
use crate::mail::text::codes;
use crate::mail::text::links::links;
use crate::mail::text::pages;
use crate::mail::text::reply;
use crate::service::account::bounds::{check_end, check_ends_later};
use crate::service::context::{ReadContext, WriteContext};
use crate::service::intake::{JUNK_KEYWORD, NOT_JUNK_KEYWORD, author_key, named_address};
use crate::service::policy;
use crate::store::{
    ExpiringMessage, InboxPlace, KnownBy, MailboxRecord, MessageRecord, Snapshot, Store,
};

/// The row of a list.
///
/// # Errors
/// The digest is damaged.
pub(super) fn message_view(inbox: InboxId, view: MessageRecord) -> Result<MessageView, Refusal> {
    let digest = open_digest(&view)?;
    let own = digest.envelope().own_reply_to();
    let reply_to = own.mailboxes().take(SHOWN_MAX).map(named_address).collect();
    let spam = view.entry.report()?.map(Box::new);
    let bcc = hidden(&view.entry.prefix, view.entry.arrival, &digest);
    Ok(MessageView {
        inbox,
        folder: view.entry.folder,
        thread: view.entry.thread,
        arrival: view.entry.arrival,
        is_outbound: view.entry.arrival == Arrival::Sent
            || matches!(
                view.entry.special,
                Some(SpecialUse::Sent | SpecialUse::Drafts)
            ),
        auth: view.entry.auth,
        received_at: view.entry.received_at,
        size: view.entry.size,
        bcc,
        reply_to,
        state: view.entry.state,
        message_id: view.message_id,
        summary: view.summary,
        metadata: view.entry.metadata,
        in_reply_to_metadata: view.entry.in_reply_to_metadata,
        spam,
        snippet: None,
        expires_at: None,
        content: None,
        written: Default::default(),
    })
}

fn open_digest(view: &MessageRecord) -> Result<Digest<'_>, Refusal> {
    Digest::open(&view.digest).ok_or_else(|| {
        let error = crate::store::Error::DamagedRow {
            table: "body",
            row: view.entry.body.0,
            org: view.entry.org.0,
            what: "its digest cannot be read",
        };
        error.into()
    })
}

/// The hidden recipients: from the prefix of the sender's copy, or from the Bcc field of a message
/// that the owner has stored.
fn hidden(prefix: &[u8], arrival: Arrival, digest: &Digest<'_>) -> Vec<NamedAddress> {
    if let Some(field) = Headers::parse(prefix).first("Bcc") {
        let list = parse_list(field.value, &Bounds::default());
        return list
            .mailboxes()
            .take(SHOWN_MAX)
            .cloned()
            .map(named_address)
            .collect();
    }
    match arrival {
        Arrival::Appended | Arrival::Sent => {
            let bcc = digest.envelope().bcc.mailboxes();
            bcc.take(SHOWN_MAX).map(named_address).collect()
        }
        Arrival::Received | Arrival::Copied => Vec::new(),
    }
}

fn find_view(
    store: &Store,
    access: &Access,
    inbox: &InboxRef,
    id: EntryId,
) -> Result<(InboxId, MessageRecord), Refusal> {
    let _moment = store.snapshot()?;
    let inbox = policy::find_inbox(store, access, inbox)?;
    let view = store.message(access.org, inbox, id)?.ok_or(NONE)?;
    Ok((inbox, view))
}

/// Reads one message with its content.
pub fn read(
    context: &ReadContext<'_>,
    access: &Access,
    inbox: &InboxRef,
    id: EntryId,
    ask: ContentAsk,
) -> Result<Answer, Refusal> {
    let store = context.store;
    let snapshot = store.snapshot()?;
    let inbox = policy::find_inbox(store, access, inbox)?;
    let view = store.message(access.org, inbox, id)?.ok_or(NONE)?;
    let message = open_row(snapshot, store, (inbox, view), ask)?.ok_or(NONE)?;
    Ok(Answer::Message(Box::new(message)))
}

/// Opens a message. `None` if it has gone since its row was read. The caller holds no snapshot.
pub(super) fn open(
    store: &Store,
    (inbox, view): (InboxId, MessageRecord),
    ask: ContentAsk,
) -> Result<Option<MessageView>, Refusal> {
    open_row(store.snapshot()?, store, (inbox, view), ask)
}

/// The same in the snapshot in which its row was read.
fn open_row(
    snapshot: Snapshot<'_>,
    store: &Store,
    (inbox, view): (InboxId, MessageRecord),
    ask: ContentAsk,
) -> Result<Option<MessageView>, Refusal> {
    let expires_at = store.expires_at(view.entry.state.id)?;
    let octets = OpenedMessage::read_row(snapshot, store, (view.entry.org, inbox), &view)?;
    let Some(octets) = octets else {
        return Ok(None);
    };
    let mut message = with_content(store, (inbox, view), octets, ask)?;
    message.expires_at = expires_at;
    Ok(Some(message))
}

fn with_content(
    store: &Store,
    (inbox, mut view): (InboxId, MessageRecord),
    octets: Vec<u8>,
    ask: ContentAsk,
) -> Result<MessageView, Refusal> {
    let spans = spans_to_redact(store, (inbox, &view), ask)?;
    let content = content(&mut view, &octets, (ask, &spans))?;
    drop(octets);
    let mut message = message_view(inbox, view)?;
    message.content = Some(Box::new(content));
    Ok(message)
}

/// The places of a message that are not to be shown.
fn spans_to_redact(
    store: &Store,
    (inbox, view): (InboxId, &MessageRecord),
    ask: ContentAsk,
) -> Result<Vec<InjectionSpan>, Refusal> {
    let spans = (view.entry.report()?).map_or_else(Vec::new, |report| report.injection.spans);
    if spans.is_empty() {
        return Ok(spans);
    }
    let redacts = match ask.redacts {
        Some(redacts) => redacts,
        None => (store.spam_settings(inbox)?).is_some_and(|settings| settings.redacts),
    };
    Ok(if redacts { spans } else { Vec::new() })
}

fn content(
    view: &mut MessageRecord,
    octets: &[u8],
    (ask, spans): (ContentAsk, &[InjectionSpan]),
) -> Result<MessageContent, Refusal> {
    open_digest(view)?;
    let stored = core::mem::take(&mut view.digest);
    let content = content_of((view, &stored), octets, (ask, spans));
    view.digest = stored;
    content
}

fn content_of(
    (view, stored): (&mut MessageRecord, &[u8]),
    octets: &[u8],
    (ask, spans): (ContentAsk, &[InjectionSpan]),
) -> Result<MessageContent, Refusal> {
    let digest = Digest::open(stored).ok_or(Refusal::Damaged)?;
    let mut body = text::text_of(octets, &digest);
    if !spans.is_empty() {
        redact::redact(view, &mut body, spans);
    }
    let links = links(&body.text, &body.links)
        .into_iter()
        .map(|link| LinkRow {
            url: link.url,
            text: link.text,
            kind: link.kind.name(),
        })
        .collect();
    let subject = &view.summary.subject;
    // Beside the text it is only needed where it may have a code.
    let is_extracted = ask.view == ContentView::Full || codes::may_be_in_mail(subject, &body.text);
    let extracted_text = match is_extracted {
        true => text::extracted_of(subject, &body).into_owned(),
        false => String::new(),
    };
    // As at delivery: digits of addresses are no codes.
    let words = reply::without_addresses(&extracted_text);
    let codes_found = codes::find_in_mail(subject, &words)
        .into_iter()
        .map(|found| CodeRow {
            code: found.code,
            words: found.words,
        })
        .collect();
    let (text, is_cut) = match ask.is_markdown && body.has_pages && spans.is_empty() {
        true => text::markdown_of(octets, &digest),
        false => (body.text, body.truncated),
    };
    let (chars, tokens_estimate) = pages::measure(&text);
    let content = MessageContent {
        codes_found,
        attachments: attachments(octets, &digest),
        links,
        hidden_content: body.hidden_content,
        chars,
        tokens_estimate,
        view: ask.view,
        is_later_page: ask.offset > 0,
        truncated: is_cut || digest.is_truncated(),
        ..MessageContent::default()
    };
    let mut content = match ask.view {
        ContentView::Summary => content,
        ContentView::Text => with_text(content, ask, text),
        ContentView::Full => {
            let with_headers = MessageContent {
                headers: headers(&view.entry.prefix, octets, &digest),
                ..content
            };
            with_texts(with_headers, ask, (text, extracted_text, body.html))
        }
    };
    if !spans.is_empty() {
        redact::redact_content(&mut content, spans);
    }
    Ok(content)
}

/// The content with a page of its text.
fn with_text(mut content: MessageContent, ask: ContentAsk, text: String) -> MessageContent {
    let page = pages::page(&text, ask.offset, ask.max_chars);
    content.truncated |= page.next_offset.is_some();
    content.next_offset = page.next_offset;
    content.text = match page.text.len() == text.len() {
        true => text,
        false => page.text.to_owned(),
    };
    content
}

/// The same, and the first page with the other texts.
fn with_texts(
    content: MessageContent,
    ask: ContentAsk,
    (text, extracted_text, html): (String, String, Option<String>),
) -> MessageContent {
    let mut content = with_text(content, ask, text);
    if content.is_later_page {
        return content;
    }
    let cut = pages::page(&extracted_text, 0, ask.max_chars);
    content.truncated |= cut.next_offset.is_some();
    content.extracted_text = match cut.next_offset {
        None => extracted_text,
        Some(_) => cut.text.to_owned(),
    };
    content.html = html;
    if let (Some(max), Some(html)) = (ask.max_chars, &mut content.html)
        && let Some((end, _)) = html.char_indices().nth(max)
    {
        html.truncate(end);
        content.truncated = true;
    }
    content
}

fn attachments(octets: &[u8], digest: &Digest<'_>) -> Vec<AttachmentRow> {
    text::attachments(octets, digest)
        .map(|found| AttachmentRow {
            part: found.part,
            filename: found.filename,
            content_type: found.content_type,
            size: found.size as u64,
            inline: found.inline,
            content_id: found.content_id,
        })
        .collect()
}

/// Every field of the entry's prefix and of the message, decoded, up to the bounds within which
/// delivery has read them. The field `truncated` says that there are more.
fn headers(prefix: &[u8], octets: &[u8], digest: &Digest<'_>) -> Vec<(String, String)> {
    let charset = digest.header_charset();
    let bounds = Bounds::default();
    let of_message = (Headers::parse(octets).fields())
        .take(bounds.header_fields + OWN_FIELDS)
        .take_while(|field| field.start < bounds.header_bytes);
    (Headers::parse(prefix).fields())
        .chain(of_message)
        .filter(|field| !field.name.is_empty())
        .map(|field| {
            let field = field.within(bounds.header_field_bytes);
            let name = field.name.get(..FIELD_NAME_MAX).unwrap_or(field.name);
            let name = String::from_utf8_lossy(name).into_owned();
            (name, field.decoded_with(charset))
        })
        .collect()
}

/// The size of a message, and the place where its octets are read; the octets of a small one.
pub fn find_octets(
    context: &ReadContext<'_>,
    access: &Access,
    inbox: &InboxRef,
    id: EntryId,
) -> Result<Answer, Refusal> {
    let _moment = context.store.snapshot()?;
    let inbox = policy::find_inbox(context.store, access, inbox)?;
    let entry = context.store.entry(access.org, inbox, id)?.ok_or(NONE)?;
    let prefix_len = u32::try_from(entry.prefix.len()).unwrap_or(u32::MAX);
    let size = entry.body_size.saturating_add(prefix_len);
    let octets = match size as usize <= context.shared.limits.page_bytes {
        true => {
            let mut octets = entry.prefix.clone();
            let body = (entry.body, entry.body_size);
            (context.store).read_body(body, 0, entry.body_size, &mut octets)?;
            Some(octets)
        }
        false => None,
    };
    Ok(Answer::Sized {
        size,
        of: OctetsOf {
            inbox,
            body: entry.body,
            prefix: entry.prefix,
        },
        octets,
    })
}

/// Finds one attachment; the octets of a small one, not decoded.
pub fn find_part(
    context: &ReadContext<'_>,
    access: &Access,
    inbox: &InboxRef,
    id: EntryId,
    part: usize,
) -> Result<Answer, Refusal> {
    let _moment = context.store.snapshot()?;
    let (inbox, view) = find_view(context.store, access, inbox, id)?;
    let digest = open_digest(&view)?;
    let found = text::find_attachment(&digest, part).ok_or(Refusal::NotFound(Noun::Attachment))?;
    let (body, body_size) = (view.entry.body, view.body_size);
    let at = |at: usize| u32::try_from(at).unwrap_or(u32::MAX).min(body_size);
    let (start, end) = (at(found.body.start), at(found.body.end));
    let len = end.saturating_sub(start);
    let octets = match len as usize <= context.shared.limits.page_bytes {
        true => {
            let mut octets = Vec::with_capacity(len as usize);
            (context.store).read_body((body, body_size), start, len, &mut octets)?;
            Some(octets)
        }
        false => None,
    };
    let prefix_len = u32::try_from(view.entry.prefix.len()).unwrap_or(u32::MAX);
    Ok(Answer::Part(Box::new(PartSource {
        of: OctetsOf {
            inbox,
            body,
            prefix: view.entry.prefix,
        },
        offset: start.saturating_add(prefix_len),
        len,
        encoding: found.encoding.name(),
        content_type: found.content_type,
        filename: found.filename,
        octets,
    })))
}

/// Changes labels, flags and the folder of a message.
pub fn patch(
    context: &mut WriteContext<'_>,
    access: &Access,
    inbox: &InboxRef,
    id: EntryId,
    patch: &MessagePatch,
) -> Result<Written, Refusal> {
    check_labels("add_labels", &patch.add_labels)?;
    check_labels("remove_labels", &patch.remove_labels)?;
    check_end(patch.expires_at.flatten(), context.now.unix_ms)?;
    let (place, mailbox, uid) = find_entry(context.store, access, inbox, id)?;
    if let Some(ends) = patch.expires_at.flatten() {
        check_ends_later(Some(ends), leaves_at(context.store, place.org, id)?)?;
    }
    for (how, wanted, labels) in [
        (FlagChange::Remove, false, &patch.remove_labels),
        (FlagChange::Add, true, &patch.add_labels),
    ] {
        let flags = patch.flags(wanted);
        if flags != Flags::NONE || !labels.is_empty() {
            flag_one(context, &place, &mailbox, uid, (how, flags, labels))?;
        }
    }
    if let Some(folder) = &patch.folder {
        let limits = &context.shared.limits;
        let target = mailbox::find(context.store, limits, (access, place.path.id), folder)?;
        let leaves = mailbox.special == Some(SpecialUse::Drafts)
            && !matches!(target.special, Some(SpecialUse::Drafts | SpecialUse::Trash));
        if leaves {
            check_waits_not(context.store, place.org, id)?;
        }
        move_one(context, &place, &mailbox, &target, uid)?;
    }
    if let Some(expires_at) = patch.expires_at {
        let (org, inbox) = (place.org, place.path.id);
        let message = ExpiringMessage {
            entry: id,
            org,
            inbox,
        };
        context.store.set_expiring(message, expires_at)?;
        context
            .service
            .looks_at_expiry_by(expires_at.unwrap_or(i64::MAX));
    }
    changed(context, access, &place, id)
}

/// The message as it is now, as far as the key may read it.
fn changed(
    context: &WriteContext<'_>,
    access: &Access,
    place: &InboxPlace,
    id: EntryId,
) -> Result<Written, Refusal> {
    let view = context
        .store
        .message(place.org, place.path.id, id)?
        .ok_or(NONE)?;
    if !access.scopes.allow(Scopes::MESSAGES_READ) {
        return Ok(Written::MessageState {
            inbox: place.path.id,
            folder: view.entry.folder,
            state: view.entry.state,
        });
    }
    let mut view = message_view(place.path.id, view)?;
    view.expires_at = context.store.expires_at(id)?;
    Ok(Written::Message(Box::new(view)))
}

/// A message that was just stored, as far as the key may read it.
pub fn state_of(
    context: &WriteContext<'_>,
    access: &Access,
    (inbox, id): (InboxId, EntryId),
) -> Result<Written, Refusal> {
    let place = find_place(context.store, access, inbox)?;
    changed(context, access, &place, id)
}

/// Checks that a message stands in Drafts.
pub fn check_draft(
    store: &Store,
    access: &Access,
    inbox: &InboxRef,
    id: EntryId,
) -> Result<(), Refusal> {
    let inbox = policy::find_inbox(store, access, inbox)?;
    let entry = store.entry(access.org, inbox, id)?.ok_or(NONE)?;
    let mailbox = mailbox_of(store, access.org, inbox, entry.mailbox)?;
    match mailbox.special {
        Some(SpecialUse::Drafts) => Ok(()),
        _ => Err(NONE),
    }
}

/// Lets the sender of a message in, so that the inbox takes its mail from now on, and moves the
/// message to INBOX.
pub fn admit(
    context: &mut WriteContext<'_>,
    access: &Access,
    inbox: &InboxRef,
    id: EntryId,
) -> Result<Written, Refusal> {
    let (place, mailbox, uid) = find_entry(context.store, access, inbox, id)?;
    let view = context
        .store
        .message(place.org, place.path.id, id)?
        .ok_or(NONE)?;
    check_waits_not(context.store, place.org, id)?;
    check_received(&view)?;
    let author = Address::parse(&view.summary.from.address)
        .map_err(|_| Refusal::Conflict(ConflictReason::NoSenderAddress))?;
    context.store.note_sender(
        place.path.id,
        &author.canonical(),
        KnownBy::Admitted,
        context.now.unix_ms,
    )?;
    let screened = [ReceiveDefault::SCREENED.to_owned()];
    if view.entry.state.keywords.contains(&screened[0]) {
        let how = (FlagChange::Remove, Flags::NONE, screened.as_slice());
        flag_one(context, &place, &mailbox, uid, how)?;
    }
    let target = context
        .store
        .mailbox_named(place.org, place.path.id, INBOX)?
        .ok_or(Refusal::NotFound(Noun::Mailbox))?;
    move_one(context, &place, &mailbox, &target, uid)?;
    changed(context, access, &place, id)
}

/// The time at which a message in Drafts leaves, if its sender has named one.
fn leaves_at(store: &Store, org: OrgId, id: EntryId) -> Result<Option<i64>, Refusal> {
    if let Some(mail) = store.scheduled(org, id)? {
        return Ok(Some(mail.send_at));
    }
    let Some(approval) = store.held_approval(org, id)? else {
        return Ok(None);
    };
    Ok((store.approval(org, approval)?).and_then(|held| held.row.send_at))
}

/// Takes a message for spam or for wanted: it moves to Junk or to INBOX and has the keyword that
/// says so, and the inbox remembers its author.
pub fn teach(
    context: &mut WriteContext<'_>,
    access: &Access,
    inbox: &InboxRef,
    (id, is_spam): (EntryId, bool),
) -> Result<Written, Refusal> {
    let (place, mailbox, uid) = find_entry(context.store, access, inbox, id)?;
    let view = context
        .store
        .message(place.org, place.path.id, id)?
        .ok_or(NONE)?;
    check_received(&view)?;
    let (add, remove) = match is_spam {
        true => (JUNK_KEYWORD, NOT_JUNK_KEYWORD),
        false => (NOT_JUNK_KEYWORD, JUNK_KEYWORD),
    };
    for (how, word) in [(FlagChange::Remove, remove), (FlagChange::Add, add)] {
        let words = [word.to_owned()];
        flag_one(context, &place, &mailbox, uid, (how, Flags::NONE, &words))?;
    }
    let author = view.summary.from.address.as_str();
    if let Some(key) = author_key(context.store, author, view.entry.auth)? {
        let (inbox, now) = (place.path.id, context.now.unix_ms);
        context.store.teach_sender(inbox, key, is_spam, now)?;
    }
    // It may be there already: then it is said all the same.
    teaching::note(context, &mailbox, &UidSet::one(uid), is_spam)?;
    let store = context.store;
    let target = match is_spam {
        true => store.mailbox_special(place.org, place.path.id, SpecialUse::Junk)?,
        false => store.mailbox_named(place.org, place.path.id, INBOX)?,
    };
    let target = target.ok_or(Refusal::NotFound(Noun::Mailbox))?;
    move_one(context, &place, &mailbox, &target, uid)?;
    changed(context, access, &place, id)
}

/// Refuses what is about a sender outside of a message that the inbox has written itself.
fn check_received(view: &MessageRecord) -> Result<(), Refusal> {
    let is_own = matches!(
        view.entry.special,
        Some(SpecialUse::Sent | SpecialUse::Drafts)
    );
    match is_own || view.entry.arrival == Arrival::Sent {
        true => Err(Refusal::Conflict(ConflictReason::NotReceived)),
        false => Ok(()),
    }
}

/// Refuses to move a message out of Drafts that waits there.
pub(super) fn check_waits_not(store: &Store, org: OrgId, id: EntryId) -> Result<(), Refusal> {
    let why = if store.is_held(org, id)? {
        ConflictReason::MessageHeld
    } else if store.scheduled(org, id)?.is_some() {
        ConflictReason::MessageScheduled
    } else {
        return Ok(());
    };
    Err(Refusal::Conflict(why))
}

/// Moves a message to Trash, or deletes it. A message that is in Trash already stays there.
pub fn delete(
    context: &mut WriteContext<'_>,
    access: &Access,
    inbox: &InboxRef,
    id: EntryId,
    permanent: bool,
) -> Result<Written, Refusal> {
    let (place, mailbox, uid) = find_entry(context.store, access, inbox, id)?;
    if permanent {
        context.store.expunge(
            (context.now, context.origin),
            (&place, &mailbox),
            Some(&UidSet::one(uid)),
            Flags::NONE,
            context.events,
        )?;
        return Ok(Written::Changed);
    }
    let trash = context
        .store
        .mailbox_special(place.org, place.path.id, SpecialUse::Trash)?
        .ok_or(Refusal::NotFound(Noun::Mailbox))?;
    move_one(context, &place, &mailbox, &trash, uid)?;
    Ok(Written::Changed)
}

fn find_entry(
    store: &Store,
    access: &Access,
    inbox: &InboxRef,
    id: EntryId,
) -> Result<(InboxPlace, MailboxRecord, u32), Refusal> {
    let inbox = policy::find_inbox(store, access, inbox)?;
    let place = find_place(store, access, inbox)?;
    let entry = store.entry(access.org, inbox, id)?.ok_or(NONE)?;
    let mailbox = mailbox_of(store, access.org, inbox, entry.mailbox)?;
    Ok((place, mailbox, entry.state.uid))
}

pub(super) fn mailbox_of(
    store: &Store,
    org: OrgId,
    inbox: InboxId,
    id: MailboxId,
) -> Result<MailboxRecord, Refusal> {
    store.mailbox(org, inbox, id)?.ok_or(NONE)
}

/// Moves one message, and notes what that says of it.
pub(in crate::service) fn move_one(
    context: &mut WriteContext<'_>,
    place: &InboxPlace,
    source: &MailboxRecord,
    target: &MailboxRecord,
    uid: u32,
) -> Result<(), Refusal> {
    if source.id == target.id {
        return Ok(());
    }
    policy::check_messages(&context.shared.limits, target.messages, 1)?;
    // A flag that was just set has changed the counters of the source, and `source` does not show
    // it. The store changes counters by differences, so the result is right.
    let moved = context.store.copy(
        (context.now, context.origin),
        (place, source, target),
        &UidSet::one(uid),
        (true, u64::MAX),
        context.events,
    )?;
    Ok(teaching::note_move(context, (source, target), &moved.to)?)
}

const NONE: Refusal = Refusal::NotFound(Noun::Message);

/// Fields of this server in front of a message, such as Received; they do not count.
const OWN_FIELDS: usize = 8;

/// Octets of a name: no line of a header is longer (RFC 5322 section 2.1.1).
const FIELD_NAME_MAX: usize = 998;

/// Addresses of one field in an answer.
const SHOWN_MAX: usize = 100;
