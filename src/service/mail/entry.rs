//! Entries by UID, as IMAP reads and changes them: pages, octets, changes since a MODSEQ, and the
//! commands that change many entries at once.
//!
//! A mailbox is named by its id and is looked up in the inbox of the session. A deleted mailbox and
//! a mailbox of another inbox are both "not found".

use super::mailbox::{find_own_place, walk};
use super::teaching::said_by_keywords;
use crate::call::bounds::check_keyword;
use crate::call::{
    Access, Answer, EntryRow, FlagChange, Flags, InboxId, Limits, MailboxId, MailboxWalk, Metric,
    Noun, Octets, OctetsOf, Refusal, UidSet, Written, check_label, is_server_label,
};
use crate::mail::Digest;
use crate::service::access::admit::sees;
use crate::service::context::{ReadContext, WriteContext, own_inbox};
use crate::store::{
    FlagUpdate, Flagged, InboxPlace, MailboxRecord, PageRequest, PieceBound, Store,
};

/// The arguments of FETCH besides the set of UIDs.
#[derive(Clone, Copy, Debug)]
pub struct FetchAsk {
    /// Envelope and structure.
    pub digest: bool,
    /// Octets.
    pub octets: Octets,
    /// Only entries with a MODSEQ above.
    pub changed_since: u64,
}

fn find_mailbox(
    store: &Store,
    access: &Access,
    mailbox: MailboxId,
) -> Result<MailboxRecord, Refusal> {
    let inbox = own_inbox(store, access)?;
    store
        .mailbox(access.org, inbox, mailbox)?
        .ok_or(Refusal::NotFound(Noun::Mailbox))
}

pub(super) fn find_mailbox_to_change(
    store: &Store,
    access: &Access,
    mailbox: MailboxId,
) -> Result<(InboxPlace, MailboxRecord), Refusal> {
    Ok((
        find_own_place(store, access)?,
        find_mailbox(store, access, mailbox)?,
    ))
}

/// FETCH: reads a page.
pub fn fetch(
    context: &ReadContext<'_>,
    access: &Access,
    mailbox: MailboxId,
    uids: &UidSet,
    ask: FetchAsk,
) -> Result<Answer, Refusal> {
    let _moment = context.store.snapshot()?;
    let mailbox = find_mailbox(context.store, access, mailbox)?;
    let ask = PageRequest {
        digest: ask.digest,
        octets: ask.octets,
        changed_since: ask.changed_since,
        bytes_max: context.shared.limits.page_bytes,
    };
    let (mut rows, more) = context.store.page(&mailbox, uids, &ask)?;
    for row in rows.iter_mut().filter(|row| row.digest.is_some()) {
        check_digest(&mailbox, row);
    }
    if ask.digest {
        let left_out = rows.iter().filter(|row| row.digest.is_none()).count();
        let metrics = &context.shared.metrics;
        metrics.add(Metric::Damaged, left_out as u64);
    }
    Ok(Answer::Entries { rows, more })
}

/// Takes away a digest that cannot be read: its message is then left out and not shown as one
/// without an envelope.
fn check_digest(mailbox: &MailboxRecord, row: &mut EntryRow) {
    if row.digest.as_deref().and_then(Digest::open).is_none() {
        row.digest = None;
        let error = crate::store::Error::DamagedRow {
            table: "entry",
            row: row.state.id.0,
            org: mailbox.org.0,
            what: "its digest cannot be read",
        };
        log::error!("store error=\"{error}\"");
    }
}

/// Reads a part of a message: the prefix first, then the body. Past the end there is nothing. One
/// answer is at most a page long.
pub fn read_octets(
    context: &ReadContext<'_>,
    access: &Access,
    of: &OctetsOf,
    offset: u32,
    len: u32,
) -> Result<Answer, Refusal> {
    if !sees(context.store, access, of.inbox)? {
        return Err(NONE);
    }
    let _moment = context.store.snapshot()?;
    let body_size = context.store.body_size(access.org, of.body)?.ok_or(NONE)?;
    let len = len.min(u32::try_from(context.shared.limits.page_bytes).unwrap_or(u32::MAX));
    let prefix_len = u32::try_from(of.prefix.len()).unwrap_or(u32::MAX);
    let mut octets = Vec::with_capacity(len as usize);
    if offset < prefix_len {
        let end = offset.saturating_add(len).min(prefix_len) as usize;
        octets.extend_from_slice(of.prefix.get(offset as usize..end).unwrap_or_default());
    }
    let left = len.saturating_sub(octets.len() as u32);
    context.store.read_body(
        (of.body, body_size),
        offset.saturating_sub(prefix_len),
        left,
        &mut octets,
    )?;
    Ok(Answer::Octets(octets))
}

/// The changes of a mailbox after `since`. Gives `None` when there is more to read.
pub fn list_changes(
    context: &ReadContext<'_>,
    access: &Access,
    (mailbox, since): (MailboxId, u64),
    progress: &mut MailboxWalk,
) -> Result<Option<Answer>, Refusal> {
    let _moment = context.store.snapshot()?;
    let mailbox = find_mailbox(context.store, access, mailbox)?;
    if !walk(context, &mailbox, (since, 0), progress)? {
        return Ok(None);
    }
    let walk = core::mem::take(progress);
    Ok(Some(Answer::Changes {
        changed: walk.changed,
        uids: walk.uids,
        as_of: walk.start.map_or(0, |start| start.as_of),
    }))
}

/// The arguments of STORE besides the set of UIDs.
#[derive(Clone, Copy, Debug)]
pub struct FlagAsk<'a> {
    /// Add, remove or replace.
    pub how: FlagChange,
    /// System flags.
    pub flags: Flags,
    /// Keywords.
    pub keywords: &'a [String],
    /// Only entries with a MODSEQ up to this.
    pub unchanged_since: Option<u64>,
}

impl<'a> FlagAsk<'a> {
    /// With the bounds of one call.
    fn update(self, limits: &Limits) -> FlagUpdate<'a> {
        FlagUpdate {
            how: self.how,
            flags: self.flags,
            keywords: self.keywords,
            unchanged_since: self.unchanged_since,
            keywords_max: limits.message_keywords,
            bound: PieceBound {
                rows: limits.slice_rows,
                bytes: limits.page_bytes,
            },
        }
    }
}

/// STORE, on as many messages as one answer may hold.
pub fn set_flags(
    context: &mut WriteContext<'_>,
    access: &Access,
    mailbox: MailboxId,
    uids: &UidSet,
    ask: FlagAsk<'_>,
) -> Result<Written, Refusal> {
    let (place, mailbox) = find_mailbox_to_change(context.store, access, mailbox)?;
    check_keywords("labels", ask.keywords)?;
    // PERMANENTFLAGS does not have them, so such a change is passed over (RFC 9051 section 7.1).
    let keywords = ask.keywords.iter().filter(|word| !is_server_label(word));
    let keywords: Vec<String> = keywords.cloned().collect();
    let ask = FlagAsk {
        keywords: &keywords,
        ..ask
    };
    let Flagged {
        rows,
        modified,
        rest,
    } = flag_piece(context, (&place, &mailbox), uids, ask)?;
    Ok(Written::Flagged {
        rows,
        modified,
        rest,
    })
}

/// Sets flags of one entry, for REST.
pub(in crate::service) fn flag_one(
    context: &mut WriteContext<'_>,
    place: &InboxPlace,
    mailbox: &MailboxRecord,
    uid: u32,
    how: (FlagChange, Flags, &[String]),
) -> Result<(), Refusal> {
    flag_some(context, (place, mailbox), &UidSet::one(uid), how)
}

/// Sets flags of entries of one mailbox, of all of them however many octets the answer would have.
pub(in crate::service) fn flag_some(
    context: &mut WriteContext<'_>,
    (place, mailbox): (&InboxPlace, &MailboxRecord),
    uids: &UidSet,
    (how, flags, keywords): (FlagChange, Flags, &[String]),
) -> Result<(), Refusal> {
    let ask = FlagAsk {
        how,
        flags,
        keywords,
        unchanged_since: None,
    };
    let mut rest = uids.clone();
    while !rest.is_empty() {
        rest = flag_piece(context, (place, mailbox), &rest, ask)?.rest;
    }
    Ok(())
}

/// Sets flags of as many entries as one answer may hold, and notes what that says of them.
fn flag_piece(
    context: &mut WriteContext<'_>,
    (place, mailbox): (&InboxPlace, &MailboxRecord),
    uids: &UidSet,
    ask: FlagAsk<'_>,
) -> Result<Flagged, Refusal> {
    let update = ask.update(&context.shared.limits);
    let words = (ask.how, ask.keywords);
    let said = said_by_keywords(context, mailbox, (uids, update.bound), words)?;
    let flagged = context.store.set_flags(
        (context.now, context.origin),
        (place, mailbox),
        uids,
        &update,
        context.events,
    )?;
    if let Some(said) = said {
        said.note(context, mailbox, &flagged.rows)?;
    }
    Ok(flagged)
}

/// Checks labels that a client of REST sets or removes. Those that only the server sets and removes
/// are refused by name.
pub fn check_labels(field: &'static str, labels: &[String]) -> Result<(), Refusal> {
    match labels.iter().find_map(|label| check_label(label).err()) {
        None => Ok(()),
        Some(why) => Err(Refusal::Invalid { field, why }),
    }
}

/// Checks keywords and labels. They are IMAP atoms of up to 64 octets: printable ASCII without the
/// characters that the grammar of RFC 3501 reserves (DECISIONS.md, "Message object").
pub fn check_keywords(field: &'static str, keywords: &[String]) -> Result<(), Refusal> {
    match keywords.iter().find_map(|word| check_keyword(word).err()) {
        None => Ok(()),
        Some(why) => Err(Refusal::Invalid { field, why }),
    }
}

/// The place of an inbox that REST names.
pub(in crate::service) fn find_place(
    store: &Store,
    access: &Access,
    inbox: InboxId,
) -> Result<InboxPlace, Refusal> {
    store
        .place_of(access.org, inbox)?
        .ok_or(Refusal::NotFound(Noun::Inbox))
}

const NONE: Refusal = Refusal::NotFound(Noun::Message);
