//! What the rules of an inbox make of a message: the place, the flags and the labels of its entry.
//!
//! The first rule that moves a message, or sets its priority, holds; labels and flags of all rules
//! come together.

use super::compile::CompiledRule;
use super::kept::KeptRules;
use super::matching::{MatchError, MatchWork, matches};
use super::subject::RuleSubject;
use crate::call::{
    Flags, InboxId, OrgId, PriorityLevel, Refusal, RuleAction, RuleNote, SpecialUse,
};
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
    /// What each rule has done that matched or failed.
    pub notes: Vec<RuleNote>,
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
    (org, inbox): (OrgId, InboxId),
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
                ran.take(rule, store, (org, inbox))?;
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
            }
            done.push(action.clone());
        }
        self.note(rule, done, error);
        Ok(())
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

/// Why a move has failed.
pub(in crate::service) fn no_folder(name: &str) -> String {
    format!("there is no folder {name:?}")
}

/// Rules that may match one message, or fail for it. Each is counted with the delivery.
const NOTES_MAX: usize = 50;
