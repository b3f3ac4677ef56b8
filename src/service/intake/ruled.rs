//! Rules of delivery in the stages of a message: a reader asks them, the writer carries out what
//! they have made of the entry.
//!
//! The writer asks again when rules have changed since. It never refuses a message because of a
//! rule: a folder that is gone, or labels that do not fit, leave the entry as it is without the
//! rule, and the event says so.

use super::plan::{Effect, Placement, Plan};
use crate::call::{INBOX, InboxId, Metric, OrgId, Refusal};
use crate::mail::Digest;
use crate::service::Service;
use crate::service::context::WriteContext;
use crate::service::mail::mailbox::create_with_parents;
use crate::service::rules::{self, RuleSubject, RuledEntry, RuledWay, no_folder};
use crate::store::{InboxPlace, MailboxRecord, Store};

/// The entry of a recipient with the rules of its inbox.
pub(super) fn apply_rules(
    service: &Service,
    store: &Store,
    ((org, inbox), recipient): ((Option<OrgId>, InboxId), &str),
    message: &RuleSubject<'_>,
    entry: Placement,
) -> Result<Placement, Refusal> {
    let Some(org) = org else {
        return Ok(entry);
    };
    if !service.rules.is_some(store)? {
        return Ok(entry);
    }
    message.judge(entry.spam.as_deref());
    let before = RuledWay {
        mailbox: entry.mailbox,
        flags: entry.flags,
        keywords: entry.keywords,
    };
    let (now, ruled) = rules::run(
        &service.rules,
        store,
        ((org, inbox), recipient),
        message,
        before,
    )?;
    Ok(Placement {
        mailbox: now.mailbox,
        flags: now.flags,
        keywords: now.keywords,
        ruled: Some(Box::new(ruled)),
        ..entry
    })
}

/// The plan with the rules as they are now; `None` when none of them has changed since a reader
/// asked them.
pub(super) fn asked_again(
    context: &WriteContext<'_>,
    plan: &Plan,
) -> Result<Option<Plan>, Refusal> {
    let mut fresh: Option<Plan> = None;
    for (at, effect) in plan.effects.iter().enumerate() {
        let Effect::Place(placement) = effect else {
            continue;
        };
        let Some(ruled) = &placement.ruled else {
            continue;
        };
        let Some(place) = context.store.place(placement.inbox)? else {
            continue;
        };
        if context.service.rules.version(place.org) == ruled.version {
            continue;
        }
        let digest = Digest::open(&plan.digest).ok_or(Refusal::Internal)?;
        let from = (plan.auth, plan.reverse_path.as_deref());
        let message = RuleSubject::new(&plan.body, digest, from);
        let RuledWay {
            mailbox,
            flags,
            keywords,
        } = ruled.before.clone();
        let before = Placement {
            mailbox,
            flags,
            keywords,
            ruled: None,
            ..placement.clone()
        };
        let of = ((Some(place.org), placement.inbox), ruled.recipient.as_str());
        let now = apply_rules(context.service, context.store, of, &message, before)?;
        let fresh = fresh.get_or_insert_with(|| plan.clone());
        if let Some(effect) = fresh.effects.get_mut(at) {
            *effect = Effect::Place(now);
        }
    }
    Ok(fresh)
}

/// Where an entry goes with its rules.
#[derive(Debug)]
pub(super) struct RuledTarget<'p> {
    /// The mailbox, or while the one of the rules is not made the one without rules.
    pub mailbox: MailboxRecord,
    /// Its keywords.
    pub keywords: &'p [String],
    /// The mailbox to make.
    pub makes: Option<&'p str>,
    /// What the rules have done.
    pub ruled: Option<Box<RuledEntry>>,
}

/// Whether a rule moves the entry.
pub(super) fn is_moved(placement: &Placement) -> bool {
    let ruled = placement.ruled.as_ref();
    ruled.is_some_and(|ruled| ruled.moved_by.is_some())
}

/// Finds where an entry goes; `mailbox` is the one that its placement names, if it is there.
pub(super) fn find_target<'p>(
    store: &Store,
    org: OrgId,
    placement: &'p Placement,
    mailbox: Option<MailboxRecord>,
) -> Result<Option<RuledTarget<'p>>, Refusal> {
    let mut ruled = placement.ruled.clone();
    let mut makes = None;
    let mailbox = match (mailbox, &mut ruled) {
        (None, Some(ruled)) if ruled.moved_by.is_some() => {
            match ruled.moved_by {
                Some((_, true)) => makes = Some(placement.mailbox.as_str()),
                _ => ruled.undo_move(no_folder(&placement.mailbox)),
            }
            let inbox = placement.inbox;
            match store.mailbox_named(org, inbox, &ruled.before.mailbox)? {
                Some(mailbox) => Some(mailbox),
                None => store.mailbox_named(org, inbox, INBOX)?,
            }
        }
        (mailbox, _) => mailbox,
    };
    let Some(mailbox) = mailbox else {
        return Ok(None);
    };
    let mut target = RuledTarget {
        mailbox,
        keywords: &placement.keywords,
        makes,
        ruled,
    };
    if target.makes.is_none() {
        target.fit_labels(store, placement)?;
    }
    Ok(Some(target))
}

impl<'p> RuledTarget<'p> {
    /// Leaves out the labels of rules that the mailbox does not take.
    fn fit_labels(&mut self, store: &Store, placement: &'p Placement) -> Result<(), Refusal> {
        let (Some(ruled), Some(before)) = (&mut self.ruled, &placement.ruled) else {
            return Ok(());
        };
        if placement.keywords == before.before.keywords {
            return Ok(());
        }
        match store.check_keywords(self.mailbox.id, &placement.keywords) {
            Ok(()) => {}
            Err(error) if error.is_disk_failure() => return Err(error.into()),
            Err(_) => {
                self.keywords = &before.before.keywords;
                ruled.undo_labels();
            }
        }
        Ok(())
    }

    /// Makes the mailbox of its rules.
    pub(super) fn make(
        &mut self,
        context: &mut WriteContext<'_>,
        place: &InboxPlace,
        placement: &'p Placement,
    ) -> Result<(), Refusal> {
        let Some(name) = self.makes.take() else {
            return Ok(());
        };
        match create_with_parents(context, place, name) {
            // Another entry of this message has made it.
            Ok(()) | Err(Refusal::Exists(_)) => {
                let made = (context.store).mailbox_named(place.org, place.path.id, name)?;
                self.mailbox = made.ok_or(Refusal::Internal)?;
            }
            Err(Refusal::Limit { .. }) => {
                if let Some(ruled) = &mut self.ruled {
                    ruled.undo_move(format!(
                        "no folder {name:?} can be made: there are too many"
                    ));
                }
            }
            Err(refusal) => return Err(refusal),
        }
        self.fit_labels(context.store, placement)
    }
}

/// Counts what rules have done with a message.
pub(super) fn count_hits(
    context: &WriteContext<'_>,
    org: OrgId,
    ruled: &RuledEntry,
) -> Result<(), Refusal> {
    let at = context.now.unix_ms;
    for note in &ruled.notes {
        let error = note.error.as_deref();
        (context.store).count_rule_hit((org, note.id), at, error)?;
        if !context.is_again {
            let metrics = &context.shared.metrics;
            metrics.count(Metric::RulesMatched);
            if error.is_some() {
                metrics.count(Metric::RulesFailed);
            }
        }
    }
    Ok(())
}
