//! Rules of delivery: what they ask of a message, and what they do with it, as plain data.
//!
//! It compiles and matches nothing: `service/rules` does. The rule: **a rule that is stored is one
//! that can be carried out**, so the bounds stand here and are checked when a rule is saved.

use std::sync::Arc;

use super::event::words;
use super::{
    EntryId, InboxId, InboxRef, ListProgress, MessageView, PriorityLevel, RuleId, Verdict,
};

/// A part of a message that a condition looks at.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum RuleField {
    /// The mailboxes of From.
    From,
    /// The mailboxes of To.
    To,
    /// The mailboxes of Cc.
    Cc,
    /// The subject, decoded.
    Subject,
    /// The text that a reader sees.
    Body,
    /// The fields of the header with this name, decoded; the name is in lower case.
    Header(String),
    /// Octets of the message.
    Size,
    /// Whether it has an attachment.
    HasAttachment,
    /// The id of its mailing list (RFC 2919).
    ListId,
    /// The judgement of the filter.
    Verdict,
    /// The score that the filter gave.
    Score,
    /// What DMARC gave.
    Dmarc,
}

/// What kind of value a field has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RuleFieldKind {
    /// Mailboxes: names and addresses.
    Addresses,
    /// Text.
    Text,
    /// A word of a list.
    Word(&'static [&'static str]),
    /// A number.
    Number,
    /// True or false.
    Flag,
}

impl RuleField {
    /// The names of the API; `header:` stands before the name of a field.
    pub const NAMES: &'static [&'static str] = &[
        "from",
        "to",
        "cc",
        "subject",
        "body",
        "header:NAME",
        "size",
        "has_attachment",
        "list_id",
        "verdict",
        "score",
        "auth.dmarc",
    ];

    /// Reads a name of the API.
    pub fn named(text: &str) -> Option<RuleField> {
        Some(match text {
            "from" => RuleField::From,
            "to" => RuleField::To,
            "cc" => RuleField::Cc,
            "subject" => RuleField::Subject,
            "body" => RuleField::Body,
            "size" => RuleField::Size,
            "has_attachment" => RuleField::HasAttachment,
            "list_id" => RuleField::ListId,
            "verdict" => RuleField::Verdict,
            "score" => RuleField::Score,
            "auth.dmarc" => RuleField::Dmarc,
            other => {
                let name = other.strip_prefix("header:")?;
                let fits = (1..=HEADER_NAME_BYTES_MAX).contains(&name.len());
                // RFC 5322 section 2.2.
                let is_name = name.bytes().all(|b| b.is_ascii_graphic() && b != b':');
                (fits && is_name).then(|| RuleField::Header(name.to_ascii_lowercase()))?
            }
        })
    }

    /// Its name.
    pub fn name(&self) -> std::borrow::Cow<'_, str> {
        let name = match self {
            RuleField::From => "from",
            RuleField::To => "to",
            RuleField::Cc => "cc",
            RuleField::Subject => "subject",
            RuleField::Body => "body",
            RuleField::Header(name) => return format!("header:{name}").into(),
            RuleField::Size => "size",
            RuleField::HasAttachment => "has_attachment",
            RuleField::ListId => "list_id",
            RuleField::Verdict => "verdict",
            RuleField::Score => "score",
            RuleField::Dmarc => "auth.dmarc",
        };
        name.into()
    }

    /// What kind of value it has.
    pub const fn kind(&self) -> RuleFieldKind {
        match self {
            RuleField::From | RuleField::To | RuleField::Cc => RuleFieldKind::Addresses,
            RuleField::Subject | RuleField::Body | RuleField::Header(_) | RuleField::ListId => {
                RuleFieldKind::Text
            }
            RuleField::Size | RuleField::Score => RuleFieldKind::Number,
            RuleField::HasAttachment => RuleFieldKind::Flag,
            RuleField::Verdict => RuleFieldKind::Word(Verdict::NAMES),
            RuleField::Dmarc => {
                RuleFieldKind::Word(&["pass", "fail", "none", "temperror", "permerror"])
            }
        }
    }
}

words! {
    /// How a condition compares.
    RuleOp {
        /// The whole value is the same.
        Is = "is",
        /// The text stands somewhere in it.
        Contains = "contains",
        /// The domain of a mailbox is this one.
        DomainIs = "domain_is",
        /// The regular expression matches somewhere.
        Matches = "matches",
        /// It is greater.
        Greater = "greater",
        /// It is less.
        Less = "less",
        /// The field is there, or with `false` is not.
        Exists = "exists",
    }
}

/// The value of a condition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RuleValue {
    /// Text.
    Text(String),
    /// A number, in thousandths.
    Number(i64),
    /// True or false.
    Flag(bool),
}

/// One condition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RuleCondition {
    /// What it looks at.
    pub field: RuleField,
    /// How it compares.
    pub op: RuleOp,
    /// With what; `None` only for `exists`.
    pub value: Option<RuleValue>,
}

/// When a rule matches.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RuleWhen {
    /// Every condition must hold; otherwise one is enough.
    pub all: bool,
    /// The conditions. `all` of none holds for each message.
    pub conditions: Vec<RuleCondition>,
}

/// What a rule does with a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RuleAction {
    /// Stores it in another folder.
    Move {
        /// Its name.
        folder: String,
        /// It is made when it does not exist.
        create: bool,
    },
    /// Changes its labels.
    Label {
        /// Labels that it gets.
        add: Vec<String>,
        /// Labels that it loses: those that delivery or an earlier rule has given.
        remove: Vec<String>,
    },
    /// It counts as read.
    MarkSeen,
    /// It is flagged.
    Flag,
    /// Its event has this priority.
    Priority(PriorityLevel),
    /// Stores it in Trash.
    Delete,
    /// No later rule is asked.
    Stop,
    /// Sends it on to these addresses.
    Forward {
        /// The addresses.
        to: Vec<String>,
    },
    /// Answers its sender.
    AutoReply(Box<RuleReply>),
}

/// An answer that a rule writes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RuleReply {
    /// The subject, with fields in double braces; without one it is `Auto: ` and that of the
    /// message.
    pub subject: Option<String>,
    /// The text, likewise.
    pub text: Option<String>,
    /// The same as HTML.
    pub html: Option<String>,
    /// Seconds in which a sender is answered once.
    pub once_per_s: u64,
}

impl RuleAction {
    /// The words of those without arguments.
    pub const WORDS: &'static [&'static str] = &["mark_seen", "flag", "delete", "stop"];

    /// Its name in the API.
    pub const fn name(&self) -> &'static str {
        match self {
            RuleAction::Move { .. } => "move",
            RuleAction::Label { .. } => "label",
            RuleAction::MarkSeen => "mark_seen",
            RuleAction::Flag => "flag",
            RuleAction::Priority(_) => "priority",
            RuleAction::Delete => "delete",
            RuleAction::Stop => "stop",
            RuleAction::Forward { .. } => "forward",
            RuleAction::AutoReply(_) => "auto_reply",
        }
    }
}

/// A rule to make, or to try.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewRule {
    /// A line for people.
    pub name: String,
    /// Whether it is asked.
    pub enabled: bool,
    /// Rules with a smaller number are asked first; of equal ones the older.
    pub priority: u32,
    /// No later rule is asked when it has matched.
    pub stop: bool,
    /// When it matches.
    pub when: RuleWhen,
    /// What it does then, in this order.
    pub then: Vec<RuleAction>,
}

/// A change of a rule: what is not given stays.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[allow(missing_docs)]
pub struct RulePatch {
    pub name: Option<String>,
    pub enabled: Option<bool>,
    pub priority: Option<u32>,
    pub stop: Option<bool>,
    pub when: Option<RuleWhen>,
    pub then: Option<Vec<RuleAction>>,
}

impl RulePatch {
    /// The rule with the change.
    pub fn apply(self, rule: &mut NewRule) {
        let RulePatch {
            name,
            enabled,
            priority,
            stop,
            when,
            then,
        } = self;
        rule.name = name.unwrap_or_else(|| core::mem::take(&mut rule.name));
        rule.enabled = enabled.unwrap_or(rule.enabled);
        rule.priority = priority.unwrap_or(rule.priority);
        rule.stop = stop.unwrap_or(rule.stop);
        if let Some(when) = when {
            rule.when = when;
        }
        if let Some(then) = then {
            rule.then = then;
        }
    }
}

/// A stored rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RuleRow {
    /// Its id.
    pub id: RuleId,
    /// Its inbox; `None` is every inbox of the organization.
    pub inbox: Option<InboxId>,
    /// What it is.
    pub rule: NewRule,
    /// How often it has matched, and what went wrong.
    pub hits: RuleHits,
    /// Unix milliseconds.
    pub created_at: i64,
    /// Unix milliseconds.
    pub updated_at: i64,
}

/// How often a rule has matched.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RuleHits {
    /// Messages that it has matched.
    pub count: u64,
    /// The last of them, unix milliseconds.
    pub last_at: Option<i64>,
    /// The last error and its time, unix milliseconds.
    pub error: Option<(String, i64)>,
}

/// A trial of a rule over stored mail, and how far it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RuleTrial {
    /// The rule.
    pub rule: NewRule,
    /// The most matches.
    pub limit: usize,
    /// Messages that it has looked at.
    pub looked: usize,
    /// Their octets.
    pub looked_octets: usize,
    /// The matches so far.
    pub rows: Vec<RuleTrialRow>,
    /// Where the list of messages goes on, and its progress.
    pub cursor: Option<String>,
    /// There are no more pages of it.
    pub is_end: bool,
    /// Likewise.
    pub list: Box<ListProgress>,
    /// Messages of its page that are not looked at yet, the next one last.
    pub waiting: Vec<Arc<MessageView>>,
}

/// A message that a rule would match.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RuleTrialRow {
    /// The message.
    pub message: EntryId,
    /// What the rule would do.
    pub would: Vec<RuleAction>,
}

/// Which rules a call is about: those of an inbox, or with `None` those of the organization.
pub type RulePlace = Option<InboxRef>;

/// What a rule has done with a message, for its event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RuleNote {
    /// The rule.
    pub id: RuleId,
    /// Its name.
    pub name: String,
    /// The actions that were carried out.
    pub actions: Vec<RuleAction>,
    /// Why one was not.
    pub error: Option<String>,
}

words! {
    /// What became of an answer.
    AutoReplyStatus {
        /// It is in the inbox of a recipient here.
        Delivered = "delivered",
        /// It is in the queue to another server.
        Queued = "queued",
        /// It waits for an approval.
        Held = "held",
        /// The inbox makes drafts of what it sends.
        Draft = "draft",
        /// There is none.
        LeftOut = "left_out",
    }
}

words! {
    /// Why there is no answer.
    AutoReplyRefusal {
        /// The message has no return path.
        NullReturnPath = "null_return_path",
        /// A machine has written it, or it is an answer of a machine.
        AutoSubmitted = "auto_submitted",
        /// It came by a mailing list.
        MailingList = "mailing_list",
        /// It went to many.
        Bulk = "bulk",
        /// Its sender wants none.
        RepliesSuppressed = "replies_suppressed",
        /// It is spam, or in Junk.
        Spam = "spam",
        /// Its sender is a machine, or an address that is not read.
        SystemSender = "system_sender",
        /// The inbox has sent it.
        OwnAddress = "own_address",
        /// To and Cc do not name the inbox.
        NotAddressed = "not_addressed",
        /// The sender was answered within the time of the rule.
        AnsweredLately = "answered_lately",
        /// The inbox has written as many answers today as it may.
        DailyLimit = "daily_limit",
        /// Policy of sending refuses it.
        Policy = "policy",
    }
}

/// What became of the answer of a rule, for the event of the message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AutoReplyNote {
    /// The rule.
    pub rule: RuleId,
    /// The sender of the message.
    pub to: String,
    /// What became of it.
    pub status: AutoReplyStatus,
    /// Why there is none.
    pub reason: Option<AutoReplyRefusal>,
    /// Its copy in Sent, or in Drafts.
    pub message: Option<EntryId>,
}

/// Addresses that one action forwards to: a few colleagues; more are a mailing list.
pub const RULE_FORWARDS_MAX: usize = 10;
/// Octets of the text, and of the HTML, of an answer.
pub const RULE_REPLY_BYTES_MAX: usize = 16 << 10;
/// The shortest time in which a sender is answered once, in seconds: an hour.
pub const RULE_ONCE_PER_S_MIN: u64 = 3600;
/// The time without another one: 7 days (RFC 5230 section 4.1).
pub const RULE_ONCE_PER_S: u64 = 7 * 86_400;
/// The longest time: a year.
pub const RULE_ONCE_PER_S_MAX: u64 = 366 * 86_400;
/// Octets of the name of a rule: a line on a screen.
pub const RULE_NAME_BYTES_MAX: usize = 200;
/// The highest number of the order.
pub const RULE_PRIORITY_MAX: u32 = 1_000_000;
/// The number of a rule that names none: there is room on both sides.
pub const RULE_PRIORITY: u32 = 100;
/// Conditions of one rule: people write a few, programs a list of addresses.
pub const RULE_CONDITIONS_MAX: usize = 100;
/// Patterns of one rule: each has memory of its own when it is compiled.
pub const RULE_PATTERNS_MAX: usize = 10;
/// Actions of one rule: each kind once, and some labels.
pub const RULE_ACTIONS_MAX: usize = 20;
/// Labels of one action: those that one message may have.
pub const RULE_LABELS_MAX: usize = 20;
/// Octets of a text to compare with: a line of RFC 5322.
pub const RULE_TEXT_BYTES_MAX: usize = 998;
/// Octets of a pattern: longer ones are machine-made, and take long to compile.
pub const RULE_PATTERN_BYTES_MAX: usize = 512;
/// The largest number of a condition, in both directions: a terabyte.
pub const RULE_NUMBER_MAX: u64 = 1_000_000_000_000;
/// Octets of the name of a header field (RFC 5322 section 2.1.1 bounds its line).
const HEADER_NAME_BYTES_MAX: usize = 76;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_of_fields_are_read_back() {
        for name in RuleField::NAMES {
            let field = RuleField::named(name).unwrap();
            assert_eq!(field.name(), name.replace("NAME", "name"));
        }
        let longest = format!("header:{}", "x".repeat(HEADER_NAME_BYTES_MAX));
        assert!(RuleField::named(&longest).is_some());
        for bad in [
            "",
            "From",
            "header:",
            "header:a b",
            "header:a:",
            "header:é",
            "auth",
            "bcc",
            &format!("{longest}x"),
        ] {
            assert_eq!(RuleField::named(bad), None, "{bad}");
        }
    }
}
