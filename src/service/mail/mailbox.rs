//! Mailboxes: their names, listing, opening, creating, renaming and deleting them.
//!
//! This file checks a name once, where it comes in; the store takes it as it is. Every change is a
//! row of the log, except a subscription, which changes no mail.

use crate::call::{
    Access, Answer, Bounded, Change, ConflictReason, Countable, INBOX, InboxId, Limits, MailboxId,
    Noun, Refusal, Selected, UidSet, Written,
};
use crate::service::context::{ReadContext, WriteContext, own_inbox};
use crate::store::{InboxPlace, MailboxRecord, NewEvent, Store};

/// The form in which a mailbox name is stored: INBOX in capitals where it is the first level, and
/// no `/` at the end (RFC 3501 section 6.3.3 allows one in CREATE).
pub fn parse_name(text: &str, limits: &Limits) -> Result<String, Refusal> {
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

/// The mailbox of an inbox with this name. A name that no mailbox can have is not found.
pub(in crate::service) fn find(
    store: &Store,
    limits: &Limits,
    (access, inbox): (&Access, InboxId),
    text: &str,
) -> Result<MailboxRecord, Refusal> {
    let name = parse_name(text, limits).map_err(|_| NONE)?;
    store.mailbox_named(access.org, inbox, &name)?.ok_or(NONE)
}

/// The inbox of the session, in the form that events and quota need.
pub(in crate::service) fn find_own_place(
    store: &Store,
    access: &Access,
) -> Result<InboxPlace, Refusal> {
    let inbox = own_inbox(store, access)?;
    store
        .place_of(access.org, inbox)?
        .ok_or(Refusal::NotFound(Noun::Inbox))
}

/// LIST and STATUS of all.
pub fn list(context: &ReadContext<'_>, access: &Access, counts: bool) -> Result<Answer, Refusal> {
    let inbox = own_inbox(context.store, access)?;
    let _moment = context.store.snapshot()?;
    let mut rows = Vec::new();
    for (mut mailbox, subscribed) in context.store.mailboxes(access.org, inbox)? {
        let counts = if counts {
            leave_claimed(context, &mut mailbox);
            Some(context.store.counts(&mailbox)?)
        } else {
            None
        };
        rows.push(mailbox.row(subscribed, counts));
    }
    Ok(Answer::Mailboxes(rows))
}

/// STATUS.
pub fn read_status(
    context: &ReadContext<'_>,
    access: &Access,
    text: &str,
) -> Result<Answer, Refusal> {
    let inbox = own_inbox(context.store, access)?;
    let _moment = context.store.snapshot()?;
    let mut mailbox = find(context.store, &context.shared.limits, (access, inbox), text)?;
    leave_claimed(context, &mut mailbox);
    let counts = context.store.counts(&mailbox)?;
    let subscribed = context.store.subscribed(inbox)?.contains(&mailbox.name);
    Ok(Answer::Mailboxes(vec![
        mailbox.row(subscribed, Some(counts)),
    ]))
}

/// Leaves out of RECENT the messages that open sessions have claimed, as the next SELECT does.
fn leave_claimed(context: &ReadContext<'_>, mailbox: &mut MailboxRecord) {
    let taken = context.shared.recent_marks.taken(mailbox.id);
    mailbox.recent_above = mailbox.recent_above.max(taken);
}

/// SELECT and EXAMINE.
pub fn select(context: &ReadContext<'_>, access: &Access, text: &str) -> Result<Answer, Refusal> {
    let inbox = own_inbox(context.store, access)?;
    let _moment = context.store.snapshot()?;
    let mailbox = find(context.store, &context.shared.limits, (access, inbox), text)?;
    read_selected(context.store, &mailbox).map(Answer::Selected)
}

/// Marks the messages of a mailbox as told, so that they are not `\Recent` to the next session.
pub fn claim_recent(
    context: &mut WriteContext<'_>,
    access: &Access,
    mailbox: MailboxId,
) -> Result<Written, Refusal> {
    let inbox = own_inbox(context.store, access)?;
    let found = context.store.mailbox(access.org, inbox, mailbox)?;
    let mailbox = found.ok_or(Refusal::NotFound(Noun::Mailbox))?;
    context.store.claim_recent(&mailbox)?;
    Ok(Written::Recent {
        above: mailbox.recent_above,
    })
}

fn read_selected(store: &Store, mailbox: &MailboxRecord) -> Result<Box<Selected>, Refusal> {
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
    let place = find_own_place(context.store, access)?;
    let name = parse_name(text, &context.shared.limits)?;
    create_with_parents(context, &place, &name)?;
    Ok(Written::Changed)
}

/// Creates a mailbox and the levels above it that do not exist. `Exists` when the mailbox exists.
pub(in crate::service) fn create_with_parents(
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

/// DELETE. INBOX, a special mailbox and a mailbox with children cannot be deleted.
pub fn delete(
    context: &mut WriteContext<'_>,
    access: &Access,
    text: &str,
) -> Result<Written, Refusal> {
    let place = find_own_place(context.store, access)?;
    let inbox = place.path.id;
    let mailbox = find(context.store, &context.shared.limits, (access, inbox), text)?;
    if mailbox.name == INBOX {
        return Err(Refusal::Conflict(ConflictReason::InboxDeleted));
    }
    if mailbox.special.is_some() {
        return Err(Refusal::Conflict(ConflictReason::SpecialMailboxDeleted));
    }
    check_no_children(context.store, &mailbox)?;
    delete_in(context, &place, mailbox)?;
    Ok(Written::Changed)
}

/// Refuses to delete a mailbox that has others below it.
pub(super) fn check_no_children(store: &Store, mailbox: &MailboxRecord) -> Result<(), Refusal> {
    let below = store.children(mailbox.org, mailbox.inbox, &mailbox.name)?;
    match below.is_empty() {
        true => Ok(()),
        false => Err(Refusal::Conflict(ConflictReason::MailboxHasChildren)),
    }
}

/// Deletes a mailbox with all in it.
pub(super) fn delete_in(
    context: &mut WriteContext<'_>,
    place: &InboxPlace,
    mailbox: MailboxRecord,
) -> Result<(), Refusal> {
    let org = place.org;
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
    Ok(())
}

/// RENAME, with everything below it. INBOX itself stays, and its messages move (RFC 3501 section
/// 6.3.5).
pub fn rename(
    context: &mut WriteContext<'_>,
    access: &Access,
    from: &str,
    to: &str,
) -> Result<Written, Refusal> {
    let place = find_own_place(context.store, access)?;
    let (org, inbox) = (place.org, place.path.id);
    let limits = &context.shared.limits;
    let source = find(context.store, limits, (access, inbox), from)?;
    let target = parse_name(to, limits)?;
    if source.name == INBOX {
        if context.store.mailbox_named(org, inbox, &target)?.is_some() {
            return Err(Refusal::Exists(Noun::Mailbox));
        }
        return move_inbox_messages(context, &place, &source, &target);
    }
    rename_in(context, &place, &source, &target)?;
    Ok(Written::Changed)
}

/// Renames a mailbox that is not INBOX, with everything below it.
pub(super) fn rename_in(
    context: &mut WriteContext<'_>,
    place: &InboxPlace,
    source: &MailboxRecord,
    target: &str,
) -> Result<(), Refusal> {
    let (org, inbox) = (place.org, place.path.id);
    if context.store.mailbox_named(org, inbox, target)?.is_some() {
        return Err(Refusal::Exists(Noun::Mailbox));
    }
    if target.starts_with(&source.name) && target[source.name.len()..].starts_with('/') {
        return Err(Refusal::Conflict(ConflictReason::MailboxBelowItself));
    }
    let mut renamed = vec![(source.id, source.name.clone())];
    renamed.extend(context.store.children(org, inbox, &source.name)?);
    if let Some((parent, _)) = target.rsplit_once('/')
        && context.store.mailbox_named(org, inbox, parent)?.is_none()
    {
        create_with_parents(context, place, parent)?;
    }
    for (id, old) in renamed {
        let below = old.get(source.name.len()..).unwrap_or_default();
        // The names of the children get longer too, so each is checked.
        let new = parse_name(&format!("{target}{below}"), &context.shared.limits)?;
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
    Ok(())
}

fn move_inbox_messages(
    context: &mut WriteContext<'_>,
    place: &InboxPlace,
    source: &MailboxRecord,
    target: &str,
) -> Result<Written, Refusal> {
    create_with_parents(context, place, target)?;
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

/// SUBSCRIBE and UNSUBSCRIBE. The mailbox need not exist (RFC 3501 section 6.3.6).
pub fn subscribe(
    context: &mut WriteContext<'_>,
    access: &Access,
    text: &str,
    on: bool,
) -> Result<Written, Refusal> {
    let inbox = find_own_place(context.store, access)?.path.id;
    let name = parse_name(text, &context.shared.limits)?;
    // Twice the number of mailboxes, because the names of deleted mailboxes stay subscribed.
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
pub fn list_subscribed(context: &ReadContext<'_>, access: &Access) -> Result<Answer, Refusal> {
    let inbox = own_inbox(context.store, access)?;
    if context.store.place_of(access.org, inbox)?.is_none() {
        return Err(Refusal::NotFound(Noun::Inbox));
    }
    Ok(Answer::Names(context.store.subscribed(inbox)?))
}

const NONE: Refusal = Refusal::NotFound(Noun::Mailbox);
