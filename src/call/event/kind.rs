//! The public words of events: types, priorities, verdicts, each a table of names. `?type=` of
//! a stream, the field `type` of an event and the frames of a stream are all read from it. It
//! says nothing of when an event comes; `meaning.rs` does.

/// Defines an enum of public words, with the name of each and the list of all.
macro_rules! words {
    ($(#[$of:meta])* $enum:ident { $($(#[$doc:meta])* $name:ident = $text:literal,)* }) => {
        $(#[$of])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum $enum {
            $($(#[$doc])* $name,)*
        }

        impl $enum {
            /// All of them, in the order in which an error message lists them.
            pub const ALL: &'static [$enum] = &[$($enum::$name,)*];
            /// Their names, in the same order.
            pub const NAMES: &'static [&'static str] = &[$($text,)*];

            /// Its name for clients.
            pub const fn name(self) -> &'static str {
                match self {
                    $($enum::$name => $text,)*
                }
            }

            /// The one that has this name, in exactly this spelling.
            pub fn named(name: &str) -> Option<$enum> {
                match name {
                    $($text => Some($enum::$name),)*
                    _ => None,
                }
            }
        }
    };
}

pub(in crate::call) use words;

words! {
    /// A public type of event. The last three are frames that a stream makes itself; a filter
    /// holds none of them back.
    EventKind {
        /// A message has come in.
        MessageReceived = "message.received",
        /// A message has been sent from the inbox.
        MessageSent = "message.sent",
        /// A recipient's server has taken a message.
        MessageDelivered = "message.delivered",
        /// A recipient's server has not taken a message yet; it is tried again.
        MessageDeferred = "message.deferred",
        /// A message was given up for a recipient.
        MessageBounced = "message.bounced",
        /// A message does not leave: its sender has taken it back.
        MessageRejected = "message.rejected",
        /// Answers go between an inbox and an address faster than people write.
        LoopSuspected = "loop.suspected",
        /// A message waits for an approval.
        MessageHeld = "message.held",
        /// A held message has left.
        MessageApproved = "message.approved",
        /// A held message does not leave.
        MessageDeclined = "message.declined",
        /// Flags, labels or the folder of messages have changed.
        MessageUpdated = "message.updated",
        /// Messages are gone.
        MessageDeleted = "message.deleted",
        /// A message has been answered by a rule.
        MessageAutoReplied = "message.auto_replied",
        /// An inbox has been made.
        InboxCreated = "inbox.created",
        /// The name, the metadata or the parent of an inbox has changed.
        InboxUpdated = "inbox.updated",
        /// An inbox is gone with all in it.
        InboxDeleted = "inbox.deleted",
        /// A domain is proven.
        DomainVerified = "domain.verified",
        /// A webhook has failed for too long, or its endpoint is gone.
        WebhookDisabled = "webhook.disabled",
        /// A stream without a cursor has begun.
        Ready = "ready",
        /// The cursor of a stream is not in the log.
        Reset = "reset",
        /// The server stops.
        Closing = "closing",
    }
}

impl EventKind {
    /// The names of the types that are in the log: all but the frames that a stream makes itself.
    pub const LOGGED: &'static [&'static str] = Self::NAMES.split_at(Self::NAMES.len() - 3).0;
}

words! {
    /// The priority of a message, from X-Priority and Importance.
    PriorityLevel {
        /// More urgent than most.
        High = "high",
        /// Nothing said.
        Normal = "normal",
        /// Less urgent than most.
        Low = "low",
    }
}

impl PriorityLevel {
    /// Of the number that is stored: negative is urgent, positive is not.
    pub const fn of(stored: i8) -> PriorityLevel {
        match stored {
            ..0 => PriorityLevel::High,
            0 => PriorityLevel::Normal,
            1.. => PriorityLevel::Low,
        }
    }

    /// The number that is stored.
    pub const fn stored(self) -> i8 {
        match self {
            PriorityLevel::High => -1,
            PriorityLevel::Normal => 0,
            PriorityLevel::Low => 1,
        }
    }
}

words! {
    /// The judgement on a message.
    Verdict {
        /// Wanted.
        Clean = "clean",
        /// Not certain.
        Suspicious = "suspicious",
        /// Not wanted.
        Spam = "spam",
    }
}

words! {
    /// What kind of failure a recipient outside has met.
    FailureClass {
        /// The address or its server does not exist: it will not pass another time.
        Hard = "hard",
        /// It may pass another time.
        Soft = "soft",
        /// The recipient has complained.
        Complaint = "complaint",
        /// The other server does not want this message.
        Policy = "policy",
    }
}

words! {
    /// Why an endpoint gets nothing any more.
    DisabledReason {
        /// It has answered 410.
        Gone = "gone",
        /// It has failed for 120 hours without one success.
        Failing = "failing",
    }
}

/// A set of event types, one bit each.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct KindSet(u32);

const _: () = assert!(EventKind::ALL.len() <= u32::BITS as usize);

impl KindSet {
    /// The set with `kind` in it.
    #[must_use]
    pub const fn with(self, kind: EventKind) -> KindSet {
        KindSet(self.0 | 1 << kind as u32)
    }

    /// The names of its types.
    pub fn names(self) -> Vec<&'static str> {
        let all = EventKind::ALL.iter().filter(|kind| self.has(**kind));
        all.map(|kind| kind.name()).collect()
    }

    /// Whether nothing is in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether `kind` is in it.
    pub const fn has(self, kind: EventKind) -> bool {
        self.0 & 1 << kind as u32 != 0
    }
}
