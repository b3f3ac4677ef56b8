//! Mailboxes: names, listing, opening, making, renaming and deleting them.
//!
//! A name is checked here once, where it comes in; the store takes it as it is. Every change
//! is a row of the log; subscriptions are none, since they change no mail.

use crate::call::{
    Access, Answer, Bounded, Change, ConflictReason, Countable, InboxId, Limits, MailboxId, Noun,
    Refusal, Scopes, Selected, UidSet, Written,
};
use crate::service::context::{ReadContext, WriteContext, need, own_inbox};
use crate::store::{InboxPlace, MailboxRecord, NewEvent, Store};

/// The form of a mailbox name under which it is stored: INBOX in capitals where it is the
/// first level, no `/` at the end (RFC 3501 section 6.3.3 allows one in CREATE).
pub fn name(text: &str, limits: &Limits) -> Result<String, Refusal> {
    let invalid = |why: &str| Refusal::Invalid {
        field: "mailbox",
        why: why.to_owned(),
    };
    let text = text.strip_suffix('/').unwrap_or(text);
    if text.is_empty() {
        return Err(invalid("the name is empty"));
    }
    if text.len() > limits.mailbox_name_bytes {
        return Err(Refusal::TooBig {
            what: Bounded::MailboxName,
            max: limits.mailbox_name_bytes as u64,
        });
    }
    if text
        .chars()
        .any(|c| c.is_control() || matches!(c, '*' | '%'))
    {
        return Err(invalid("no control characters, no * and no %"));
    }
    if text.split('/').any(str::is_empty) {
        return Err(invalid("a level of the name is empty"));
    }
    if text.split('/').count() > limits.mailbox_depth {
        return Err(Refusal::TooBig {
            what: Bounded::MailboxDepth,
            max: limits.mailbox_depth as u64,
        });
    }
    let (first, rest) = text.split_at(text.find('/').unwrap_or(text.len()));
    if first.eq_ignore_ascii_case(INBOX) {
        return Ok(format!("{INBOX}{rest}"));
    }
    Ok(text.to_owned())
}

/// The mailbox of an inbox with this name. A name that could not be made is not there.
pub(in crate::service) fn find(
    store: &Store,
    limits: &Limits,
    (access, inbox): (&Access, InboxId),
    text: &str,
) -> Result<MailboxRecord, Refusal> {
    let name = name(text, limits).map_err(|_| NONE)?;
    store.mailbox_named(access.org, inbox, &name)?.ok_or(NONE)
}

/// The inbox logged in to, as events and quota need it.
pub(in crate::service) fn own_place(store: &Store, access: &Access) -> Result<InboxPlace, Refusal> {
    let inbox = own_inbox(access)?;
    store
        .place_of(access.org, inbox)?
        .ok_or(Refusal::NotFound(Noun::Inbox))
}

/// LIST and STATUS of all.
pub fn mailboxes(
    context: &ReadContext<'_>,
    access: &Access,
    counts: bool,
) -> Result<Answer, Refusal> {
    need(access, Scopes::MESSAGES_READ)?;
    let inbox = own_inbox(access)?;
    let _moment = context.store.snapshot()?;
    let mut rows = Vec::new();
    for (mailbox, subscribed) in context.store.mailboxes(access.org, inbox)? {
        let counts = if counts {
            Some(context.store.counts(&mailbox)?)
        } else {
            None
        };
        rows.push(mailbox.row(subscribed, counts));
    }
    Ok(Answer::Mailboxes(rows))
}

/// STATUS.
pub fn status(context: &ReadContext<'_>, access: &Access, text: &str) -> Result<Answer, Refusal> {
    need(access, Scopes::MESSAGES_READ)?;
    let inbox = own_inbox(access)?;
    let _moment = context.store.snapshot()?;
    let mailbox = find(context.store, &context.shared.limits, (access, inbox), text)?;
    let counts = context.store.counts(&mailbox)?;
    let subscribed = context.store.subscribed(inbox)?.contains(&mailbox.name);
    Ok(Answer::Mailboxes(vec![
        mailbox.row(subscribed, Some(counts)),
    ]))
}

/// SELECT and EXAMINE.
pub fn select(context: &ReadContext<'_>, access: &Access, text: &str) -> Result<Answer, Refusal> {
    need(access, Scopes::MESSAGES_READ)?;
    let inbox = own_inbox(access)?;
    let _moment = context.store.snapshot()?;
    let mailbox = find(context.store, &context.shared.limits, (access, inbox), text)?;
    selected(context.store, &mailbox).map(Answer::Selected)
}

/// The messages that were new to this session are not `\Recent` to the next one.
pub fn claim_recent(
    context: &mut WriteContext<'_>,
    access: &Access,
    mailbox: MailboxId,
) -> Result<Written, Refusal> {
    need(access, Scopes::MESSAGES_WRITE)?;
    let inbox = own_inbox(access)?;
    let found = context.store.mailbox(access.org, inbox, mailbox)?;
    let mailbox = found.ok_or(Refusal::NotFound(Noun::Mailbox))?;
    context.store.claim_recent(&mailbox)?;
    Ok(Written::Recent {
        above: mailbox.recent_above,
    })
}

fn selected(store: &Store, mailbox: &MailboxRecord) -> Result<Box<Selected>, Refusal> {
    let glance = store.glance(mailbox)?;
    let subscribed = store.subscribed(mailbox.inbox)?.contains(&mailbox.name);
    let counts = store.counts(mailbox)?;
    let head = store.log_state(mailbox.org)?.map_or(0, |log| log.head);
    Ok(Box::new(Selected {
        mailbox: mailbox.row(subscribed, Some(counts)),
        uids: glance.uids,
        recent_above: mailbox.recent_above,
        first_unseen: glance.first_unseen,
        keywords: glance.keywords,
        highest_modseq: mailbox.highest_modseq,
        as_of: head,
    }))
}

/// CREATE, with missing parents.
pub fn create(
    context: &mut WriteContext<'_>,
    access: &Access,
    text: &str,
) -> Result<Written, Refusal> {
    need(access, Scopes::MESSAGES_WRITE)?;
    let place = own_place(context.store, access)?;
    let name = name(text, &context.shared.limits)?;
    make_with_parents(context, &place, &name)?;
    Ok(Written::Changed)
}

/// Makes a mailbox and those above it that are missing. `Exists` when it is there.
pub(in crate::service) fn make_with_parents(
    context: &mut WriteContext<'_>,
    place: &InboxPlace,
    name: &str,
) -> Result<(), Refusal> {
    let (org, inbox) = (place.org, place.path.id);
    if context.store.mailbox_named(org, inbox, name)?.is_some() {
        return Err(Refusal::Exists(Noun::Mailbox));
    }
    let parents = name.match_indices('/').map(|(at, _)| &name[..at]);
    let mut missing = Vec::new();
    for level in parents {
        if context.store.mailbox_named(org, inbox, level)?.is_none() {
            missing.push(level);
        }
    }
    missing.push(name);
    let max = context.shared.limits.mailboxes;
    if context
        .store
        .mailbox_count(org, inbox)?
        .saturating_add(missing.len())
        > max
    {
        return Err(Refusal::Limit {
            what: Countable::Mailboxes,
            max: max as u64,
        });
    }
    for level in missing {
        let stamp = context.store.next_seq(org, context.now)?;
        let made = context
            .store
            .make_mailbox(context.now, org, inbox, level, None, stamp.seq)?;
        let event = NewEvent {
            inbox: Some(place.path.clone()),
            mailbox: Some(made),
            uids: UidSet::new(),
            change: Change::MailboxCreated {
                name: level.to_owned(),
            },
        };
        context
            .store
            .put_event(stamp, context.origin, event, context.events)?;
    }
    Ok(())
}

/// DELETE. INBOX, the special mailboxes and one with children stay.
pub fn delete(
    context: &mut WriteContext<'_>,
    access: &Access,
    text: &str,
) -> Result<Written, Refusal> {
    need(access, Scopes::MESSAGES_WRITE)?;
    let place = own_place(context.store, access)?;
    let (org, inbox) = (place.org, place.path.id);
    let mailbox = find(context.store, &context.shared.limits, (access, inbox), text)?;
    if mailbox.name == INBOX {
        return Err(Refusal::Conflict(ConflictReason::InboxDeleted));
    }
    if mailbox.special.is_some() {
        return Err(Refusal::Conflict(ConflictReason::SpecialMailboxDeleted));
    }
    if !context
        .store
        .children(org, inbox, &mailbox.name)?
        .is_empty()
    {
        return Err(Refusal::Conflict(ConflictReason::MailboxHasChildren));
    }
    context.store.delete_mailbox(&mailbox)?;
    let event = NewEvent {
        inbox: Some(place.path.clone()),
        mailbox: Some(mailbox.id),
        uids: UidSet::new(),
        change: Change::MailboxDeleted { name: mailbox.name },
    };
    context
        .store
        .append_event(context.now, org, context.origin, event, context.events)?;
    Ok(Written::Changed)
}

/// RENAME, with everything below it. INBOX stays and its messages move (RFC 3501 section
/// 6.3.5).
pub fn rename(
    context: &mut WriteContext<'_>,
    access: &Access,
    from: &str,
    to: &str,
) -> Result<Written, Refusal> {
    need(access, Scopes::MESSAGES_WRITE)?;
    let place = own_place(context.store, access)?;
    let (org, inbox) = (place.org, place.path.id);
    let limits = &context.shared.limits;
    let source = find(context.store, limits, (access, inbox), from)?;
    let target = name(to, limits)?;
    if context.store.mailbox_named(org, inbox, &target)?.is_some() {
        return Err(Refusal::Exists(Noun::Mailbox));
    }
    if source.name == INBOX {
        return empty_inbox_into(context, &place, &source, &target);
    }
    if target.starts_with(&source.name) && target[source.name.len()..].starts_with('/') {
        return Err(Refusal::Conflict(ConflictReason::MailboxBelowItself));
    }
    let mut renamed = vec![(source.id, source.name.clone())];
    renamed.extend(context.store.children(org, inbox, &source.name)?);
    if let Some((parent, _)) = target.rsplit_once('/')
        && context.store.mailbox_named(org, inbox, parent)?.is_none()
    {
        make_with_parents(context, &place, parent)?;
    }
    for (id, old) in renamed {
        let below = old.get(source.name.len()..).unwrap_or_default();
        // The children's names get longer too, so each is checked.
        let new = name(&format!("{target}{below}"), &context.shared.limits)?;
        context.store.rename_mailbox(org, inbox, id, &new)?;
        let event = NewEvent {
            inbox: Some(place.path.clone()),
            mailbox: Some(id),
            uids: UidSet::new(),
            change: Change::MailboxRenamed { from: old, to: new },
        };
        context
            .store
            .append_event(context.now, org, context.origin, event, context.events)?;
    }
    Ok(Written::Changed)
}

fn empty_inbox_into(
    context: &mut WriteContext<'_>,
    place: &InboxPlace,
    source: &MailboxRecord,
    target: &str,
) -> Result<Written, Refusal> {
    make_with_parents(context, place, target)?;
    let target = context
        .store
        .mailbox_named(place.org, place.path.id, target)?
        .ok_or(NONE)?;
    context.store.copy(
        (context.now, context.origin),
        (place, source, &target),
        &UidSet::from(1..=u32::MAX),
        (true, u64::MAX),
        context.events,
    )?;
    Ok(Written::Changed)
}

/// SUBSCRIBE and UNSUBSCRIBE; the mailbox need not be there (RFC 3501 section 6.3.6).
pub fn subscribe(
    context: &mut WriteContext<'_>,
    access: &Access,
    text: &str,
    on: bool,
) -> Result<Written, Refusal> {
    need(access, Scopes::MESSAGES_WRITE)?;
    let inbox = own_place(context.store, access)?.path.id;
    let name = name(text, &context.shared.limits)?;
    // Twice as many as mailboxes: names of deleted ones stay.
    let max = context.shared.limits.mailboxes.saturating_mul(2);
    if on && context.store.subscribed(inbox)?.len() >= max {
        return Err(Refusal::Limit {
            what: Countable::Subscriptions,
            max: max as u64,
        });
    }
    context.store.subscribe(inbox, &name, on)?;
    Ok(Written::Changed)
}

/// LSUB.
pub fn subscribed(context: &ReadContext<'_>, access: &Access) -> Result<Answer, Refusal> {
    need(access, Scopes::MESSAGES_READ)?;
    let inbox = own_inbox(access)?;
    if context.store.place_of(access.org, inbox)?.is_none() {
        return Err(Refusal::NotFound(Noun::Inbox));
    }
    Ok(Answer::Names(context.store.subscribed(inbox)?))
}

/// The name that every inbox has, in any case.
pub const INBOX: &str = "INBOX";

const NONE: Refusal = Refusal::NotFound(Noun::Mailbox);
