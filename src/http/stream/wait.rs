//! One request that waits for a message: it looks for one that is there, and then looks again at
//! each message that comes, until its time is over.
//!
//! ```text
//! ExpectLease -> ExpectLook <-> Parked     until a message is found, or the time is over
//! ```
//!
//! It is no stream: it has no cursor, and it gives one answer. It watches first and looks second.
//! An event names messages to look at and is no answer itself: the table is the truth, and the
//! service compares with the filter. So a message that comes between the look and the watch is
//! found by the look, and one that comes later by its event. The rule: at most [`PENDING_MAX`]
//! messages wait to be looked at; with more it looks at all.

use crate::call::{
    Access, Answer, Arrival, Ask, AwaitProgress, Change, EntryId, Event, InboxId, InboxRef, Look,
    MessageFilter, MessageRead, MessageView, Now, Refusal, Reply, SessionEnd, Topic,
};

/// A request that waits.
#[derive(Debug)]
pub(crate) struct MessageWait {
    access: Access,
    /// As the client named it, then its id.
    inbox: InboxRef,
    filter: Box<MessageFilter>,
    /// Whether it is shown without what gives orders to an agent.
    redacts: Option<bool>,
    timeout_ms: u64,
    /// When its time is over, once it has begun.
    ends: Option<Now>,
    state: WaitState,
    /// Messages that came while a look was out.
    pending: PendingLooks,
    /// What it ends with, when the look that is out is answered without a message.
    end: Option<WaitEnd>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum WaitState {
    /// `OpenWait` is out.
    ExpectLease,
    /// `Await` is out.
    ExpectLook,
    /// Nothing is out.
    Parked,
}

/// Messages that are to be looked at.
#[derive(Debug, Default)]
struct PendingLooks {
    ids: Vec<EntryId>,
    /// There were too many to name.
    all: bool,
}

/// How a wait goes on.
#[derive(Debug)]
pub(crate) enum WaitStep {
    /// With this call.
    Ask(Ask),
    /// It waits for an event.
    Park,
    /// It has ended.
    End(WaitEnd),
}

/// How a wait ends.
#[derive(Debug)]
pub(crate) enum WaitEnd {
    /// With a message.
    Found(Box<MessageView>),
    /// No message came in its time.
    Nothing,
    /// It was refused, or its key or inbox has ended.
    Refused(Refusal),
    /// The answer of the service does not fit.
    OutOfStep,
}

impl MessageWait {
    /// A wait in an inbox. `timeout_ms` counts from its beginning.
    pub fn new(
        access: Access,
        inbox: InboxRef,
        (filter, redacts): (MessageFilter, Option<bool>),
        timeout_ms: u64,
    ) -> MessageWait {
        MessageWait {
            access,
            inbox,
            filter: Box::new(filter),
            redacts,
            timeout_ms,
            ends: None,
            state: WaitState::ExpectLease,
            pending: PendingLooks::default(),
            end: None,
        }
    }

    /// It begins: its first call, and the time at which it is to be told of the deadline.
    pub fn begin(&mut self, now: Now) -> (Ask, Now) {
        let mut ends = now.plus_ms(self.timeout_ms);
        if let Some(expires_at) = self.access.expires_at {
            let left_ms = expires_at.saturating_sub(now.unix_ms);
            ends = ends.min(now.plus_ms(u64::try_from(left_ms).unwrap_or(0)));
        }
        self.ends = Some(ends);
        let inbox = self.inbox.clone();
        (Ask::of(&self.access, Look::OpenWait { inbox }), ends)
    }

    /// When its time is over, once it has begun.
    pub fn ends(&self) -> Option<Now> {
        self.ends
    }

    /// What it watches, once it has its inbox.
    pub fn topics(&self) -> Vec<Topic> {
        let inbox = match self.inbox {
            InboxRef::Id(id) => Some(Topic::Inbox(id)),
            InboxRef::Address(_) => None,
        };
        inbox
            .into_iter()
            .chain(Topic::ends_of(&self.access))
            .collect()
    }

    /// Whether it has a lease that must be given back.
    pub fn has_lease(&self) -> bool {
        self.state != WaitState::ExpectLease
    }

    /// The answer to the call that is out.
    pub fn reply(&mut self, now: Now, reply: Reply) -> WaitStep {
        match (self.state, reply) {
            (_, Reply::Refused(refusal)) => WaitStep::End(WaitEnd::Refused(refusal)),
            (WaitState::ExpectLease, Reply::Answer(Answer::Waits(inbox))) => {
                self.inbox = InboxRef::Id(inbox);
                self.look(None)
            }
            (WaitState::ExpectLook, Reply::Answer(Answer::Message(view))) => {
                WaitStep::End(WaitEnd::Found(view))
            }
            (WaitState::ExpectLook, Reply::Answer(Answer::Done)) => {
                self.state = WaitState::Parked;
                if let Some(end) = self.end.take() {
                    return WaitStep::End(end);
                }
                let pending = core::mem::take(&mut self.pending);
                match (pending.all, pending.ids.is_empty()) {
                    (true, _) => self.look(None),
                    (false, false) => self.look(Some(pending.ids)),
                    (false, true) if self.ends.is_some_and(|ends| ends <= now) => {
                        WaitStep::End(WaitEnd::Nothing)
                    }
                    (false, true) => WaitStep::Park,
                }
            }
            _ => WaitStep::End(WaitEnd::OutOfStep),
        }
    }

    /// An event of what it watches.
    pub fn event(&mut self, event: &Event) -> WaitStep {
        if event.ends_access(&self.access) {
            return self.end_with(WaitEnd::Refused(match event.ends() {
                Some(SessionEnd::Org(_)) => Refusal::OrgDeleted,
                _ => Refusal::UNKNOWN_KEY,
            }));
        }
        let InboxRef::Id(inbox) = self.inbox else {
            return WaitStep::Park;
        };
        if event.ends_session_in(inbox, &self.access) {
            let gone = Refusal::NotFound(crate::call::Noun::Inbox);
            return self.end_with(WaitEnd::Refused(gone));
        }
        self.pending.take(event, inbox);
        if self.state != WaitState::Parked {
            return WaitStep::Park;
        }
        let pending = core::mem::take(&mut self.pending);
        match (pending.all, pending.ids.is_empty()) {
            (true, _) => self.look(None),
            (false, false) => self.look(Some(pending.ids)),
            (false, true) => WaitStep::Park,
        }
    }

    /// Its deadline has come.
    pub fn deadline(&mut self, now: Now) -> WaitStep {
        let expires_at = self.access.expires_at;
        self.end_with(match expires_at.is_some_and(|end| end <= now.unix_ms) {
            true => WaitEnd::Refused(Refusal::KeyExpired),
            false => WaitEnd::Nothing,
        })
    }

    /// The server stops.
    pub fn shutdown(&mut self) -> WaitStep {
        self.end_with(WaitEnd::Refused(Refusal::Stopping))
    }

    /// Ends now, or with the answer to the call that is out.
    fn end_with(&mut self, end: WaitEnd) -> WaitStep {
        if self.state == WaitState::Parked {
            return WaitStep::End(end);
        }
        self.end.get_or_insert(end);
        WaitStep::Park
    }

    fn look(&mut self, among: Option<Vec<EntryId>>) -> WaitStep {
        self.state = WaitState::ExpectLook;
        let call = MessageRead::Await {
            inbox: self.inbox.clone(),
            filter: self.filter.clone(),
            among,
            redacts: self.redacts,
            progress: AwaitProgress::default(),
        };
        WaitStep::Ask(Ask::of(&self.access, call))
    }
}

impl PendingLooks {
    /// Notes the messages that an event of the inbox brings.
    fn take(&mut self, event: &Event, inbox: InboxId) {
        if event.inbox.as_deref().is_none_or(|path| path.id != inbox) {
            return;
        }
        match &event.change {
            Change::Arrived(arrived) if arrived.kind != Arrival::Sent => {
                self.ids.push(arrived.state.id);
            }
            Change::Copied(bulk) => {
                self.all |= usize::try_from(bulk.count).unwrap_or(usize::MAX) > bulk.messages.len();
                self.ids.extend(bulk.messages.iter().map(|state| state.id));
            }
            _ => {}
        }
        if self.ids.len() > PENDING_MAX {
            self.all = true;
        }
        if self.all {
            self.ids = Vec::new();
        }
    }
}

/// Messages that wait to be looked at by their ids.
const PENDING_MAX: usize = 100;
