//! What ends by itself: messages and inboxes whose time is over, and mail that is older than its
//! inbox keeps it.
//!
//! The thread of the writer does it, in transactions of its own and in small steps, so other calls
//! go between them. Nothing is kept in memory but when it looks next: a time that came while the
//! server was stopped is met at its start. Times are compared with the clock that no leap moves
//! ahead (DECISIONS.md, "What ends by itself").
//!
//! The rule: **retention takes no message that waits for a decision or for its time.** A time of
//! its own ends such a message too, which cancels it.

use crate::call::{EntryId, ExpiryReason, InboxId, MailboxId, Metric, OrgId, Refusal, UidSet};
use crate::service::account::inbox;
use crate::service::context::WriteContext;
use crate::store::{ExpiringMessage, RetainingInbox};

/// Ends some messages or inboxes whose time is over. Gives when the next ends by the clock
/// `now_ms`, or `now_ms` itself when more is over already.
pub fn end_due(context: &mut WriteContext<'_>, now_ms: i64) -> Result<i64, Refusal> {
    let messages = context.store.expired_messages(now_ms, MESSAGES_AT_ONCE)?;
    if messages.is_empty() {
        let mut left = INBOXES_AT_ONCE;
        for (org, inbox) in context.store.expired_inboxes(now_ms, INBOXES_AT_ONCE)? {
            left = end_tree(context, (org, inbox), left)?;
        }
    }
    let mut places: Vec<(OrgId, InboxId, MailboxId, UidSet)> = Vec::new();
    for message in messages {
        let ExpiringMessage { org, inbox, entry } = message;
        let has_place = context.store.place_of(org, inbox)?.is_some();
        match context.store.entry(org, inbox, entry)? {
            Some(found) if has_place => {
                let (mailbox, uid) = (found.mailbox, found.state.uid);
                match places.iter_mut().find(|place| place.2 == mailbox) {
                    Some((.., uids)) => uids.add(&UidSet::one(uid)),
                    None => places.push((org, inbox, mailbox, UidSet::one(uid))),
                }
            }
            // Its mailbox, its inbox or its organization is gone, and not yet reclaimed.
            _ => context.store.set_expiring(message, None)?,
        }
    }
    for (org, inbox, mailbox, uids) in places {
        end_messages(context, (org, inbox, mailbox), &uids, ExpiryReason::Expired)?;
    }
    Ok(context.store.next_expiry()?.unwrap_or(i64::MAX))
}

/// Deletes an inbox and everything under it, the deepest first: up to `left` of them. Gives how
/// many more may go.
fn end_tree(
    context: &mut WriteContext<'_>,
    (org, root): (OrgId, InboxId),
    mut left: u32,
) -> Result<u32, Refusal> {
    while left > 0 {
        let mut leaf = root;
        while let Some(child) = context.store.inboxes_under(org, leaf, 1)?.first() {
            leaf = *child;
        }
        inbox::delete_leaf(context, org, leaf)?;
        context.shared.metrics.count(Metric::InboxesExpired);
        left -= 1;
        if leaf == root {
            break;
        }
    }
    Ok(left)
}

/// Deletes messages of one mailbox. A mailbox that is gone has none.
fn end_messages(
    context: &mut WriteContext<'_>,
    (org, inbox, mailbox): (OrgId, InboxId, MailboxId),
    uids: &UidSet,
    reason: ExpiryReason,
) -> Result<(), Refusal> {
    let Some(place) = context.store.place_of(org, inbox)? else {
        return Ok(());
    };
    let Some(mailbox) = context.store.mailbox(org, inbox, mailbox)? else {
        return Ok(());
    };
    context.store.end_entries(
        context.now,
        (&place, &mailbox),
        (uids, reason),
        context.events,
    )?;
    let metrics = &context.shared.metrics;
    metrics.add(Metric::MessagesExpired, uids.len() as u64);
    Ok(())
}

/// The place of a walk over all inboxes that keep mail for some days.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RetentionWalk {
    /// Inboxes to look at, the next one last.
    found: Vec<RetainingInbox>,
    /// The inbox whose messages are looked at, and the last of them that was.
    current: Option<(RetainingInbox, EntryId)>,
    /// The last inbox that was found of those with days of their own.
    own_after: InboxId,
    /// All of those are found.
    is_own_done: bool,
    /// The organization whose inboxes are looked for, its days, and the last that was found.
    org: Option<(OrgId, u32, InboxId)>,
    /// The last organization that was looked at.
    org_after: OrgId,
    /// Whether any inbox keeps mail for some days.
    is_any: bool,
}

impl Default for RetentionWalk {
    fn default() -> Self {
        RetentionWalk {
            found: Vec::new(),
            current: None,
            own_after: InboxId(0),
            is_own_done: false,
            org: None,
            org_after: OrgId(0),
            is_any: false,
        }
    }
}

/// How far a walk has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RetentionStep {
    /// There is more to do.
    On,
    /// All inboxes are looked at; whether there were any.
    Done(bool),
}

/// Does one step of a walk: deletes some messages that came too long before `now_ms`, or looks at
/// some inboxes that have none.
pub fn walk(
    context: &mut WriteContext<'_>,
    walk: &mut RetentionWalk,
    now_ms: i64,
) -> Result<RetentionStep, Refusal> {
    for _ in 0..INBOXES_LOOKED_AT {
        let (inbox, after) = match walk.current.take() {
            Some(current) => current,
            None => match next_inbox(context, walk)? {
                Some(inbox) => (inbox, EntryId(0)),
                None => {
                    let is_any = walk.is_any;
                    *walk = RetentionWalk::default();
                    return Ok(RetentionStep::Done(is_any));
                }
            },
        };
        walk.is_any = true;
        let before_ms = now_ms.saturating_sub(i64::from(inbox.days).saturating_mul(DAY_MS));
        let place = (inbox.org, inbox.inbox);
        let old = context
            .store
            .old_entries(place, after, before_ms, MESSAGES_AT_ONCE)?;
        let Some(last) = old.last() else { continue };
        let mut mailboxes: Vec<(MailboxId, UidSet)> = Vec::new();
        for entry in &old {
            if context.store.is_waiting(inbox.org, entry.entry)? {
                continue;
            }
            let uid = UidSet::one(entry.uid);
            match mailboxes.iter_mut().find(|(id, _)| *id == entry.mailbox) {
                Some((_, uids)) => uids.add(&uid),
                None => mailboxes.push((entry.mailbox, uid)),
            }
        }
        for (mailbox, uids) in mailboxes {
            let of = (inbox.org, inbox.inbox, mailbox);
            end_messages(context, of, &uids, ExpiryReason::Retention)?;
        }
        if old.len() >= MESSAGES_AT_ONCE as usize {
            walk.current = Some((inbox, last.entry));
        }
        return Ok(RetentionStep::On);
    }
    Ok(RetentionStep::On)
}

/// The next inbox of a walk: first those with days of their own, then those of organizations.
fn next_inbox(
    context: &WriteContext<'_>,
    walk: &mut RetentionWalk,
) -> Result<Option<RetainingInbox>, Refusal> {
    let store = context.store;
    loop {
        if let Some(inbox) = walk.found.pop() {
            return Ok(Some(inbox));
        }
        if !walk.is_own_done {
            walk.found = store.retaining_inboxes(walk.own_after, INBOXES_FOUND)?;
            match walk.found.last() {
                Some(last) => walk.own_after = last.inbox,
                None => walk.is_own_done = true,
            }
        } else if let Some((org, days, after)) = walk.org {
            walk.found = store.inboxes_of_retaining((org, days), after, INBOXES_FOUND)?;
            walk.org = (walk.found.last()).map(|last| (org, days, last.inbox));
        } else {
            match store.next_retaining_org(walk.org_after)? {
                Some((org, days)) => {
                    walk.org_after = org;
                    walk.org = Some((org, days, InboxId(0)));
                }
                None => return Ok(None),
            }
        }
        walk.found.reverse();
    }
}

/// Messages that one step ends: a few milliseconds of work.
const MESSAGES_AT_ONCE: u32 = 100;
/// Inboxes that one step ends.
const INBOXES_AT_ONCE: u32 = 16;
/// Inboxes of a walk that one step looks at: each is a look into an index.
const INBOXES_LOOKED_AT: usize = 200;
/// Inboxes that are found at once.
const INBOXES_FOUND: u32 = 200;
const DAY_MS: i64 = 86_400_000;
