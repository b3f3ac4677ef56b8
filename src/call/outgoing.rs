//! Policy of mail that leaves an inbox, as plain data: the modes of sending, and why something
//! does not leave. `service/outgoing/` decides; each protocol has its own words.

use super::ApprovalId;

/// What happens to mail that an inbox sends, from the least strict to the strictest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum SendMode {
    /// It leaves.
    #[default]
    Direct,
    /// A message with a recipient outside the organization waits for an approval.
    Hold,
    /// It becomes a draft.
    Draft,
    /// It is refused.
    Off,
}

impl SendMode {
    /// All of them, in order.
    pub const ALL: [SendMode; 4] = [
        SendMode::Direct,
        SendMode::Hold,
        SendMode::Draft,
        SendMode::Off,
    ];
    /// Their names, in order.
    pub const NAMES: &'static [&'static str] = &["direct", "hold", "draft", "off"];

    /// Its name for clients.
    pub const fn name(self) -> &'static str {
        match self {
            SendMode::Direct => "direct",
            SendMode::Hold => "hold",
            SendMode::Draft => "draft",
            SendMode::Off => "off",
        }
    }

    /// The one that has this name.
    pub fn named(name: &str) -> Option<SendMode> {
        (SendMode::ALL.into_iter()).find(|mode| mode.name() == name)
    }
}

/// What becomes of a message that policy does not refuse.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Decision {
    /// It leaves.
    #[default]
    Send,
    /// It waits for an approval.
    Hold,
    /// It becomes a draft.
    Draft,
}

/// What has become of a message, in the transaction of its answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SendStatus {
    /// Every recipient is local and has it.
    Delivered,
    /// Some recipients wait in the queue.
    Queued,
    /// It stands in Drafts until a decision is made on it.
    Held(ApprovalId),
    /// It stands in Drafts until the time that its sender has named.
    Scheduled,
    /// It stands in Drafts.
    Draft,
}

impl SendStatus {
    /// The names of all.
    pub const NAMES: &'static [&'static str] =
        &["queued", "delivered", "held", "scheduled", "draft"];

    /// Its name for clients.
    pub const fn name(self) -> &'static str {
        match self {
            SendStatus::Delivered => "delivered",
            SendStatus::Queued => "queued",
            SendStatus::Held(_) => "held",
            SendStatus::Scheduled => "scheduled",
            SendStatus::Draft => "draft",
        }
    }
}

/// What would become of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SendTrial {
    /// Of the whole message: one recipient that is refused refuses it.
    pub verdict: TrialVerdict,
    /// Each recipient.
    pub recipients: Vec<TrialRecipient>,
}

/// What would become of a message as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TrialVerdict {
    /// It would leave.
    Send,
    /// It would wait for an approval.
    Hold,
    /// It would become a draft.
    Draft,
    /// Policy would refuse it.
    Refuse,
    /// A budget of the day is used up.
    OverBudget,
}

impl TrialVerdict {
    /// The names of all.
    pub const NAMES: &'static [&'static str] = &["send", "hold", "draft", "refuse"];

    /// Its name for clients.
    pub const fn name(self) -> &'static str {
        match self {
            TrialVerdict::Send => "send",
            TrialVerdict::Hold => "hold",
            TrialVerdict::Draft => "draft",
            TrialVerdict::Refuse | TrialVerdict::OverBudget => "refuse",
        }
    }
}

/// One recipient of a trial.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrialRecipient {
    /// As the client wrote it.
    pub address: String,
    /// Why policy refuses it, with the id of the rule if it is one.
    pub refused: Option<(PolicyReason, Option<String>)>,
}

/// Why policy keeps a message from leaving.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PolicyReason {
    /// The mode of the inbox or of its organization is [`SendMode::Off`].
    SendOff,
    /// The organization is paused.
    OrgPaused,
    /// The recipient takes no mail of senders that it does not know.
    SenderUnknown,
    /// A filter rule of the sender.
    SendBlocked,
    /// The address is on the suppression list.
    Suppressed,
    /// A filter rule of the recipient.
    ReceiveBlocked,
    /// Every recipient refuses what its filter takes for spam.
    Spam,
    /// Answers go between two addresses faster than people write.
    LoopSuspected,
    /// The policy has changed between the decision and the commit.
    Changed,
    /// The inbox of the recipient, or its organization, is full.
    RecipientFull,
}

impl PolicyReason {
    /// The word for programs.
    pub const fn code(self) -> &'static str {
        match self {
            PolicyReason::SendOff => "send_off",
            PolicyReason::OrgPaused => "org_paused",
            PolicyReason::SenderUnknown => "receive_blocked",
            PolicyReason::SendBlocked => "send_blocked",
            PolicyReason::Suppressed => "suppressed",
            PolicyReason::ReceiveBlocked => "receive_blocked",
            PolicyReason::Spam => "spam_refused",
            PolicyReason::LoopSuspected => "loop_suspected",
            PolicyReason::Changed => "policy_changed",
            PolicyReason::RecipientFull => "over_quota",
        }
    }

    /// What is wrong: the setting or rule, and its effect.
    pub const fn says(self) -> &'static str {
        match self {
            PolicyReason::SendOff => {
                "The inbox may not send: the send_mode of it or of its organization is off"
            }
            PolicyReason::OrgPaused => "All sending of the organization is paused",
            PolicyReason::SenderUnknown => {
                "The inbox takes mail only of senders that it knows, with a From that SPF or DKIM proves"
            }
            PolicyReason::SendBlocked => "A filter rule blocks mail to this address",
            PolicyReason::Suppressed => "The address is on the suppression list",
            PolicyReason::ReceiveBlocked => {
                "A filter rule of the recipient blocks mail from this sender"
            }
            PolicyReason::Spam => "The recipient takes no mail that its filter judges as spam",
            PolicyReason::LoopSuspected => {
                "Too many answers went between the two addresses within 10 minutes: a loop is suspected"
            }
            PolicyReason::Changed => "The send_mode of the inbox has just changed",
            PolicyReason::RecipientFull => "The inbox of a recipient is full",
        }
    }

    /// What to do.
    pub const fn fix(self) -> &'static str {
        match self {
            PolicyReason::SendOff => "ask an administrator to set send_mode to direct or hold",
            PolicyReason::OrgPaused => {
                "send it again after an administrator has resumed the organization"
            }
            PolicyReason::SenderUnknown => {
                "reach its owner another way; it knows those that it has written to"
            }
            PolicyReason::SendBlocked => "delete the rule, or leave the address out",
            PolicyReason::Suppressed => "take it off the list if it works again",
            PolicyReason::ReceiveBlocked | PolicyReason::Spam => {
                "reach the recipient in another way"
            }
            PolicyReason::LoopSuspected => {
                "look for an automatic answer on either side, and send it again after 10 minutes"
            }
            PolicyReason::Changed => "send it again",
            PolicyReason::RecipientFull => {
                "leave the address out, or send it again when mail of that inbox has been deleted"
            }
        }
    }

    /// Whether time alone can help.
    pub const fn is_temporary(self) -> bool {
        match self {
            PolicyReason::SendOff
            | PolicyReason::SenderUnknown
            | PolicyReason::SendBlocked
            | PolicyReason::Suppressed
            | PolicyReason::ReceiveBlocked
            | PolicyReason::Spam => false,
            PolicyReason::OrgPaused
            | PolicyReason::LoopSuspected
            | PolicyReason::Changed
            | PolicyReason::RecipientFull => true,
        }
    }
}

/// A refusal by policy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PolicyRefusal {
    /// Why; of several recipients the reason of the first that is refused.
    pub reason: PolicyReason,
    /// The id of the rule that refuses; `None` when it is a setting.
    pub rule: Option<String>,
    /// The recipients that are refused, for a protocol that names all of them at once.
    pub recipients: Vec<RefusedRecipient>,
}

impl PolicyRefusal {
    /// By a setting, of all these addresses for one reason.
    pub fn of(reason: PolicyReason, addresses: Vec<String>) -> PolicyRefusal {
        let recipients = addresses.into_iter().map(|address| RefusedRecipient {
            address,
            reason,
            rule: None,
            octets_max: None,
        });
        PolicyRefusal {
            reason,
            rule: None,
            recipients: recipients.collect(),
        }
    }

    /// Of recipients whose inbox is full.
    pub fn full(addresses: Vec<String>, octets_max: Option<u64>) -> PolicyRefusal {
        let mut refusal = PolicyRefusal::of(PolicyReason::RecipientFull, addresses);
        for recipient in &mut refusal.recipients {
            recipient.octets_max = octets_max;
        }
        refusal
    }
}

/// One recipient that policy refuses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RefusedRecipient {
    /// As the client wrote it.
    pub address: String,
    /// Why.
    pub reason: PolicyReason,
    /// The id of the rule that refuses; `None` when it is a setting.
    pub rule: Option<String>,
    /// What the inbox may store, where it is full and the caller may see it.
    pub octets_max: Option<u64>,
}
