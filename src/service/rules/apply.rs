//! What the rules of an inbox make of a message: the place, the flags and the labels of its entry.
//!
//! The first rule that moves a message, or sets its priority, holds; labels and flags of all rules
//! come together.

use super::compile::CompiledRule;
use super::kept::KeptRules;
use super::manners::{AnsweringInbox, answer_address};
use super::matching::{MatchError, MatchWork, matches};
use super::subject::RuleSubject;
use crate::call::{
    AutoReplyNote, AutoReplyRefusal, AutoReplyStatus, Flags, InboxId, OrgId, PriorityLevel,
    Refusal, RuleAction, RuleId, RuleNote, RuleReply, SpecialUse,
};
use crate::mail::Address;
use crate::store::Store;

/// An entry as far as rules change it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RuledWay {
    /// Mailbox name.
    pub mailbox: String,
    /// Flags.
    pub flags: Flags,
    /// Keywords.
    pub keywords: Vec<String>,
}

/// What rules have made of an entry, and what the writer needs to carry it out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RuledEntry {
    /// The version of the rules that were asked.
    pub version: u64,
    /// The entry without rules.
    pub before: RuledWay,
    /// The note of the rule that moves the message, and whether its folder is made.
    pub moved_by: Option<(usize, bool)>,
    /// The priority of its event.
    pub priority: Option<PriorityLevel>,
    /// The address that the message came to.
    pub recipient: String,
    /// What the rules send.
    pub sends: Vec<RuledSend>,
    /// What becomes of the answer, if there is to be one.
    pub auto_reply: Option<AutoReplyNote>,
    /// What each rule has done that matched or failed.
    pub notes: Vec<RuleNote>,
}

/// Mail that a rule sends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RuledSend {
    /// An answer.
    Reply(PlannedReply),
    /// The message itself.
    Forward {
        /// The note of the rule.
        at: usize,
        /// The addresses.
        to: Vec<String>,
    },
}

/// An answer whose sender may have one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlannedReply {
    /// The note of the rule.
    pub at: usize,
    /// The rule.
    pub rule: RuleId,
    /// The return path of the message.
    pub to: Address,
    /// What it says.
    pub reply: Box<RuleReply>,
}

/// The state while one rule after another is asked.
#[derive(Debug)]
struct Ran {
    /// The entry with the rules so far.
    now: RuledWay,
    /// What they have done.
    ruled: RuledEntry,
}

/// Asks the rules of an inbox, then those of its organization, about a message.
pub fn run(
    kept: &KeptRules,
    store: &Store,
    ((org, inbox), recipient): ((OrgId, InboxId), &str),
    message: &RuleSubject<'_>,
    before: RuledWay,
) -> Result<(RuledWay, RuledEntry), Refusal> {
    let (version, lists) = kept.of_inbox(store, (org, inbox))?;
    let mut ran = Ran {
        now: before.clone(),
        ruled: RuledEntry {
            version,
            before,
            moved_by: None,
            priority: None,
            recipient: recipient.to_owned(),
            sends: Vec::new(),
            auto_reply: None,
            notes: Vec::new(),
        },
    };
    let mut work = MatchWork::of_message();
    for rule in lists.iter().flat_map(|list| &list.rules) {
        if ran.ruled.notes.len() >= NOTES_MAX {
            break;
        }
        let found = match &rule.broken {
            Some(why) => Err(why.as_str()),
            None => match matches(rule, message, &mut work) {
                Ok(found) => Ok(found),
                Err(MatchError::Spent) => {
                    ran.note(rule, Vec::new(), Some(MatchError::Spent.says().to_owned()));
                    break;
                }
                Err(error) => Err(error.says()),
            },
        };
        match found {
            Ok(true) => {
                ran.take(rule, message, store, (org, inbox))?;
                if rule.stop || rule.then.contains(&RuleAction::Stop) {
                    break;
                }
            }
            Ok(false) => {}
            Err(why) => ran.note(rule, Vec::new(), Some(why.to_owned())),
        }
    }
    ran.fit_labels(store, (org, inbox))?;
    Ok((ran.now, ran.ruled))
}

impl Ran {
    fn note(&mut self, rule: &CompiledRule, actions: Vec<RuleAction>, error: Option<String>) {
        self.ruled.notes.push(RuleNote {
            id: rule.id,
            name: rule.name.clone(),
            actions,
            error,
        });
    }

    /// Carries out the actions of a rule that matches.
    fn take(
        &mut self,
        rule: &CompiledRule,
        message: &RuleSubject<'_>,
        store: &Store,
        (org, inbox): (OrgId, InboxId),
    ) -> Result<(), Refusal> {
        let mut done = Vec::with_capacity(rule.then.len());
        let mut error = None;
        let at = self.ruled.notes.len();
        for action in &rule.then {
            match action {
                // The first one holds.
                RuleAction::Move { .. } | RuleAction::Delete if self.ruled.moved_by.is_some() => {
                    continue;
                }
                RuleAction::Priority(_) if self.ruled.priority.is_some() => continue,
                RuleAction::Move { folder, create } => {
                    let is_there = store.mailbox_named(org, inbox, folder)?.is_some();
                    if !is_there && !create {
                        error = Some(no_folder(folder));
                        continue;
                    }
                    self.now.mailbox.clone_from(folder);
                    self.ruled.moved_by = Some((at, *create));
                }
                RuleAction::Delete => {
                    let Some(trash) = store.mailbox_special(org, inbox, SpecialUse::Trash)? else {
                        error = Some("there is no folder for deleted mail".to_owned());
                        continue;
                    };
                    self.now.mailbox = trash.name;
                    self.ruled.moved_by = Some((at, false));
                }
                RuleAction::Label { add, remove } => {
                    let is = |word: &String, other: &String| word.eq_ignore_ascii_case(other);
                    let keywords = &mut self.now.keywords;
                    keywords.retain(|word| !remove.iter().any(|other| is(word, other)));
                    for word in add {
                        if !keywords.iter().any(|other| is(word, other)) {
                            keywords.push(word.clone());
                        }
                    }
                }
                RuleAction::MarkSeen => self.now.flags = self.now.flags.with(Flags::SEEN),
                RuleAction::Flag => self.now.flags = self.now.flags.with(Flags::FLAGGED),
                RuleAction::Priority(level) => self.ruled.priority = Some(*level),
                RuleAction::Stop => {}
                RuleAction::Forward { to } => {
                    let to = to.clone();
                    self.ruled.sends.push(RuledSend::Forward { at, to });
                }
                // The first one holds.
                RuleAction::AutoReply(_) if self.ruled.auto_reply.is_some() => continue,
                RuleAction::AutoReply(reply) => {
                    if !self.plan_reply(rule.id, reply, message, store, (org, inbox))? {
                        continue;
                    }
                }
            }
            done.push(brief(action));
        }
        self.note(rule, done, error);
        Ok(())
    }

    /// Plans an answer; `false` when the message is one that is not answered.
    fn plan_reply(
        &mut self,
        rule: RuleId,
        reply: &RuleReply,
        message: &RuleSubject<'_>,
        store: &Store,
        (org, inbox): (OrgId, InboxId),
    ) -> Result<bool, Refusal> {
        let row = store.inbox(org, inbox)?;
        let own = row.into_iter().map(|row| row.address);
        let own: Vec<Address> = own
            .chain([self.ruled.recipient.clone()])
            .filter_map(|address| Address::parse(&address).ok())
            .collect();
        let junk = store.mailbox_special(org, inbox, SpecialUse::Junk)?;
        let of = AnsweringInbox {
            own: &own,
            is_junk: junk.is_some_and(|junk| junk.name == self.ruled.before.mailbox),
        };
        let found = match message.header_facts() {
            Some(header) => answer_address(message, &header, &of),
            None => Err(AutoReplyRefusal::NullReturnPath),
        };
        let mut note = AutoReplyNote {
            rule,
            to: message.reverse_path().unwrap_or_default().to_owned(),
            status: AutoReplyStatus::LeftOut,
            reason: None,
            message: None,
        };
        match found {
            Ok(to) => self.ruled.sends.push(RuledSend::Reply(PlannedReply {
                at: self.ruled.notes.len(),
                rule,
                to,
                reply: Box::new(reply.clone()),
            })),
            Err(reason) => note.reason = Some(reason),
        }
        let is_planned = note.reason.is_none();
        self.ruled.auto_reply = Some(note);
        Ok(is_planned)
    }

    /// Takes the labels back that the mailbox does not take.
    fn fit_labels(&mut self, store: &Store, (org, inbox): (OrgId, InboxId)) -> Result<(), Refusal> {
        if self.now.keywords == self.ruled.before.keywords {
            return Ok(());
        }
        // A mailbox that is made has no keywords yet; its writer checks them.
        let Some(mailbox) = store.mailbox_named(org, inbox, &self.now.mailbox)? else {
            return Ok(());
        };
        if store
            .check_keywords(mailbox.id, &self.now.keywords)
            .is_err()
        {
            self.now.keywords.clone_from(&self.ruled.before.keywords);
            self.ruled.undo_labels();
        }
        Ok(())
    }
}

impl RuledEntry {
    /// The labels of its rules do not fit.
    pub fn undo_labels(&mut self) {
        for note in &mut self.notes {
            let count = note.actions.len();
            (note.actions).retain(|action| !matches!(action, RuleAction::Label { .. }));
            if note.actions.len() < count {
                note.error = Some("the message or its folder has too many labels".to_owned());
            }
        }
    }

    /// Actions of a rule were not carried out; `error` says why, where the rule has failed.
    pub fn undo(&mut self, at: usize, undone: impl Fn(&RuleAction) -> bool, error: Option<String>) {
        if let Some(note) = self.notes.get_mut(at) {
            note.actions.retain(|action| !undone(action));
            note.error = error.or(note.error.take());
        }
    }

    /// The move of its rules cannot be carried out.
    pub fn undo_move(&mut self, why: String) {
        let Some((at, _)) = self.moved_by.take() else {
            return;
        };
        if let Some(note) = self.notes.get_mut(at) {
            (note.actions)
                .retain(|action| !matches!(action, RuleAction::Move { .. } | RuleAction::Delete));
            note.error = Some(why);
        }
    }
}

/// An action as events show it: without the texts of an answer.
pub(super) fn brief(action: &RuleAction) -> RuleAction {
    match action {
        RuleAction::AutoReply(reply) => RuleAction::AutoReply(Box::new(RuleReply {
            subject: None,
            text: None,
            html: None,
            once_per_s: reply.once_per_s,
        })),
        other => other.clone(),
    }
}

/// Why a move has failed.
pub(in crate::service) fn no_folder(name: &str) -> String {
    format!("there is no folder {name:?}")
}

/// Rules that may match one message, or fail for it. Each is counted with the delivery.
const NOTES_MAX: usize = 50;
