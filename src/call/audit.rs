//! The audit of an organization: who has changed what with which key, and who has sent what.
//!
//! A row has ids and no texts: no secret, no address and nothing of a message. It stores nothing;
//! `store/audit.rs` does, and `service/audit.rs` says which call is an act.

use core::fmt::Display;

use super::{
    ApprovalId, AuditId, DomainId, EntryId, FilterRuleId, InboxId, KeyId, OrgId, OutboundId,
    RequestId, RuleId, SlicedList, SuppressionId, WebhookId,
};

macro_rules! actions {
    ($($(#[$doc:meta])* $variant:ident = $word:literal $number:literal;)*) => {
        /// What was done.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum AuditAction {
            $($(#[$doc])* $variant,)*
        }

        impl AuditAction {
            /// The words of the API, in the order of the variants.
            pub const WORDS: &'static [&'static str] = &[$($word),*];

            /// Every action, in the same order.
            pub const ALL: &'static [AuditAction] = &[$(AuditAction::$variant),*];

            /// Its word.
            pub const fn word(self) -> &'static str {
                match self {
                    $(AuditAction::$variant => $word,)*
                }
            }

            /// The one with this word.
            pub fn named(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(AuditAction::$variant),)*
                    _ => None,
                }
            }

            /// Its number in the database.
            pub const fn number(self) -> i64 {
                match self {
                    $(AuditAction::$variant => $number,)*
                }
            }

            /// The one with this number.
            pub const fn numbered(number: i64) -> Option<Self> {
                match number {
                    $($number => Some(AuditAction::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

actions! {
    /// A message was sent, over REST, SMTP or from a draft.
    MessageSent = "message.sent" 1;
    /// A message was sent that leaves at a later time.
    MessageScheduled = "message.scheduled" 2;
    /// A message was sent that waits for an approval.
    MessageHeld = "message.held" 3;
    /// A message was sent that the mode of sending has made a draft.
    MessageDrafted = "message.drafted" 4;
    /// A message that was screened, and its sender, were let in.
    MessageAdmitted = "message.admitted" 5;
    /// Messages of another mailbox were stored in an inbox.
    MessagesImported = "messages.imported" 6;
    /// A held message was approved.
    ApprovalApproved = "approval.approved" 7;
    /// A held message was declined.
    ApprovalDeclined = "approval.declined" 8;
    /// A key was made.
    KeyCreated = "key.created" 9;
    /// A key was revoked.
    KeyRevoked = "key.revoked" 10;
    /// Keys were made for inboxes, with an export.
    CredentialsCreated = "credentials.created" 11;
    /// An inbox was made.
    InboxCreated = "inbox.created" 12;
    /// An inbox, its modes or its limits were changed.
    InboxUpdated = "inbox.updated" 13;
    /// An inbox was deleted.
    InboxDeleted = "inbox.deleted" 14;
    /// A domain was named.
    DomainCreated = "domain.created" 15;
    /// The operator has taken a domain for proven.
    DomainTrusted = "domain.trusted" 16;
    /// The records of a domain were looked up.
    DomainChecked = "domain.checked" 17;
    /// A domain got new DKIM keys.
    DomainRotated = "domain.dkim_rotated" 18;
    /// The inbox that gets mail for unknown names of a domain was changed.
    DomainUpdated = "domain.updated" 19;
    /// A domain was deleted.
    DomainDeleted = "domain.deleted" 20;
    /// A filter rule was made.
    FilterRuleCreated = "filter_rule.created" 21;
    /// A filter rule was deleted.
    FilterRuleDeleted = "filter_rule.deleted" 22;
    /// An address was suppressed by hand.
    SuppressionCreated = "suppression.created" 23;
    /// A suppression was deleted.
    SuppressionDeleted = "suppression.deleted" 24;
    /// An organization was made.
    OrgCreated = "org.created" 25;
    /// The mode or the retention of an organization was changed.
    OrgUpdated = "org.updated" 26;
    /// All sending of an organization was stopped.
    OrgPaused = "org.paused" 27;
    /// An organization sends again.
    OrgResumed = "org.resumed" 28;
    /// A recipient was tried again at once.
    OutboundRetried = "outbound.retried" 29;
    /// A recipient was taken back.
    OutboundCancelled = "outbound.cancelled" 30;
    /// A rule was made.
    RuleCreated = "rule.created" 31;
    /// A rule was changed.
    RuleUpdated = "rule.updated" 32;
    /// A rule was deleted.
    RuleDeleted = "rule.deleted" 33;
    /// How an inbox judges mail was changed.
    SpamSettingsChanged = "inbox.spam_updated" 34;
    /// A message was taken for spam.
    MessageSpam = "message.spam" 35;
    /// A message was taken for wanted.
    MessageNotSpam = "message.not_spam" 36;
    /// An organization has forgotten what its filter had learned.
    LearnedForgotten = "org.learned_forgotten" 37;
    /// A webhook was made.
    WebhookCreated = "webhook.created" 38;
    /// A webhook was changed, or has another secret.
    WebhookUpdated = "webhook.updated" 39;
    /// A webhook was deleted.
    WebhookDeleted = "webhook.deleted" 40;
    /// A webhook was tried, or has sent events again.
    WebhookSent = "webhook.sent" 41;
}

/// What it was done to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AuditTarget {
    /// An organization.
    Org(OrgId),
    /// A key.
    Key(KeyId),
    /// An inbox.
    Inbox(InboxId),
    /// A message.
    Message(EntryId),
    /// A domain.
    Domain(DomainId),
    /// A filter rule.
    FilterRule(FilterRuleId),
    /// A suppression.
    Suppression(SuppressionId),
    /// A recipient in the queue.
    Outbound(OutboundId),
    /// An approval.
    Approval(ApprovalId),
    /// A rule.
    Rule(RuleId),
    /// A webhook.
    Webhook(WebhookId),
}

impl AuditTarget {
    /// As two numbers, for a row: the kind and the id.
    pub const fn numbers(self) -> (i64, i64) {
        match self {
            AuditTarget::Org(OrgId(id)) => (1, id),
            AuditTarget::Key(KeyId(id)) => (2, id),
            AuditTarget::Inbox(InboxId(id)) => (3, id),
            AuditTarget::Message(EntryId(id)) => (4, id),
            AuditTarget::Domain(DomainId(id)) => (5, id),
            AuditTarget::FilterRule(FilterRuleId(id)) => (6, id),
            AuditTarget::Suppression(SuppressionId(id)) => (7, id),
            AuditTarget::Outbound(OutboundId(id)) => (8, id),
            AuditTarget::Approval(ApprovalId(id)) => (9, id),
            AuditTarget::Rule(RuleId(id)) => (10, id),
            AuditTarget::Webhook(WebhookId(id)) => (11, id),
        }
    }

    /// Reads what [`AuditTarget::numbers`] gives; `None` for a kind that is none.
    pub const fn numbered(kind: i64, id: i64) -> Option<AuditTarget> {
        Some(match kind {
            1 => AuditTarget::Org(OrgId(id)),
            2 => AuditTarget::Key(KeyId(id)),
            3 => AuditTarget::Inbox(InboxId(id)),
            4 => AuditTarget::Message(EntryId(id)),
            5 => AuditTarget::Domain(DomainId(id)),
            6 => AuditTarget::FilterRule(FilterRuleId(id)),
            7 => AuditTarget::Suppression(SuppressionId(id)),
            8 => AuditTarget::Outbound(OutboundId(id)),
            9 => AuditTarget::Approval(ApprovalId(id)),
            10 => AuditTarget::Rule(RuleId(id)),
            11 => AuditTarget::Webhook(WebhookId(id)),
            _ => return None,
        })
    }

    /// Reads the text form of one of these ids.
    pub fn parse(text: &str) -> Option<AuditTarget> {
        let prefix = text.get(..4)?;
        match prefix {
            OrgId::PREFIX => OrgId::parse(text).map(AuditTarget::Org),
            KeyId::PREFIX => KeyId::parse(text).map(AuditTarget::Key),
            InboxId::PREFIX => InboxId::parse(text).map(AuditTarget::Inbox),
            EntryId::PREFIX => EntryId::parse(text).map(AuditTarget::Message),
            DomainId::PREFIX => DomainId::parse(text).map(AuditTarget::Domain),
            FilterRuleId::PREFIX => FilterRuleId::parse(text).map(AuditTarget::FilterRule),
            SuppressionId::PREFIX => SuppressionId::parse(text).map(AuditTarget::Suppression),
            OutboundId::PREFIX => OutboundId::parse(text).map(AuditTarget::Outbound),
            ApprovalId::PREFIX => ApprovalId::parse(text).map(AuditTarget::Approval),
            RuleId::PREFIX => RuleId::parse(text).map(AuditTarget::Rule),
            WebhookId::PREFIX => WebhookId::parse(text).map(AuditTarget::Webhook),
            _ => None,
        }
    }
}

impl Display for AuditTarget {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            AuditTarget::Org(id) => Display::fmt(id, f),
            AuditTarget::Key(id) => Display::fmt(id, f),
            AuditTarget::Inbox(id) => Display::fmt(id, f),
            AuditTarget::Message(id) => Display::fmt(id, f),
            AuditTarget::Domain(id) => Display::fmt(id, f),
            AuditTarget::FilterRule(id) => Display::fmt(id, f),
            AuditTarget::Suppression(id) => Display::fmt(id, f),
            AuditTarget::Outbound(id) => Display::fmt(id, f),
            AuditTarget::Approval(id) => Display::fmt(id, f),
            AuditTarget::Rule(id) => Display::fmt(id, f),
            AuditTarget::Webhook(id) => Display::fmt(id, f),
        }
    }
}

/// One act.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AuditRow {
    /// Its id; ids are in the order of time.
    pub id: AuditId,
    /// When, unix milliseconds.
    pub at: i64,
    /// What was done.
    pub action: AuditAction,
    /// The key that has done it; `None` is the operator.
    pub key: Option<KeyId>,
    /// What it was done to; `None` where it was to many things.
    pub target: Option<AuditTarget>,
    /// The request or the session; `None` is a command that works on the data folder.
    pub request_id: Option<RequestId>,
}

/// Which acts a list has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AuditFilter {
    /// Only this action.
    pub action: Option<AuditAction>,
    /// Only acts of this key.
    pub key: Option<KeyId>,
    /// Only acts on this.
    pub target: Option<AuditTarget>,
    /// At this time or later, unix milliseconds.
    pub since: Option<i64>,
    /// Before this time, unix milliseconds.
    pub until: Option<i64>,
}

impl AuditFilter {
    /// Whether an act is of the wanted kind. Its time is not looked at.
    pub fn matches(&self, row: &AuditRow) -> bool {
        self.action.is_none_or(|action| row.action == action)
            && self.key.is_none_or(|key| row.key == Some(key))
            && self.target.is_none_or(|target| row.target == Some(target))
    }
}

/// The audit.
// The line above a variant explains it; its fields need no more than their names.
#[allow(missing_docs)]
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AuditRead {
    /// Newest first. Answer: `Audit`.
    List {
        filter: Box<AuditFilter>,
        cursor: Option<String>,
        limit: usize,
    },
    /// The rest of a list.
    ListRest {
        filter: Box<AuditFilter>,
        list: Box<SlicedList<AuditRow>>,
    },
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn words_and_numbers_are_read_back() {
        for action in AuditAction::ALL {
            assert_eq!(AuditAction::named(action.word()), Some(*action));
            assert_eq!(AuditAction::numbered(action.number()), Some(*action));
        }
        assert_eq!(AuditAction::ALL.len(), AuditAction::WORDS.len());
        assert_eq!(AuditAction::named("message"), None);
        assert_eq!(AuditAction::numbered(0), None);
        for kind in 1..=11 {
            let target = AuditTarget::numbered(kind, 77).unwrap();
            assert_eq!(target.numbers(), (kind, 77));
            assert_eq!(AuditTarget::parse(&target.to_string()), Some(target));
        }
        assert_eq!(AuditTarget::numbered(12, 1), None);
        for bad in ["", "inb", "inb_", "bod_00000000001", "é_0000000001"] {
            assert_eq!(AuditTarget::parse(bad), None, "{bad}");
        }
        for id in [
            RequestId::Http(u64::MAX),
            RequestId::smtp(1),
            RequestId::imap(1),
        ] {
            let (kind, number) = id.numbers();
            assert_eq!(RequestId::numbered(kind, number), Some(id));
        }
    }
}
