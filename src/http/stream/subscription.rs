//! One subscription to events: which part of the organization it watches, for which key, with
//! which filter, and its cursor. It opens, reads from the log, goes live, and ends with the
//! key or the inbox. It knows nothing of how events are framed.
//!
//! ```text
//! ExpectInboxes -> ExpectLease -> Open (cursor.rs)
//! ```

use core::ops::ControlFlow;

use super::cursor::{
    Emitted, EventSink, LogAnswer, LogAsk, LogCursor, LogPage, OutOfStep, ResetReason, StartAt,
};
use super::wanted::{Wanted, Watched};
use crate::call::{
    Access, Answer, Ask, Change, Event, EventFilter, EventKind, EventReach, EventRead, InboxSet,
    Limits, Look, Refusal, Reply, SessionEnd, Topic,
};
use crate::engine::Output;
use crate::http::api::problems::Problem;
use crate::http::api::refused::refused;

/// One subscription.
#[derive(Debug)]
pub(super) struct Subscription {
    access: Access,
    /// `None` lets every event pass; most streams have no filter, and each stream is kept small.
    filter: Option<Box<EventFilter>>,
    start: StartAt,
    topic: Topic,
    state: SubscriptionState,
}

#[derive(Debug)]
enum SubscriptionState {
    /// `FindInboxes` is out. The first is the one that is watched, unless all are. The others are
    /// those of the filter.
    ExpectInboxes(EventReach),
    /// `OpenStream` is out.
    ExpectLease,
    /// The cursor runs; its last question.
    Open(LogCursor, LogAsk),
}

/// What writes the events of a subscription for its client.
pub(super) trait EventWriter {
    /// Whether it takes an event now. It always takes the others.
    fn has_room(&self) -> bool;
    /// The subscription is at the head of the log: all up to `seq` has been told.
    fn ready(&mut self, seq: u64, epoch: u64);
    /// An event that the filter wants and the key may see.
    fn event(&mut self, kind: EventKind, event: &Event);
    /// The cursor is not in the log; the subscription goes on with `oldest`.
    fn reset(&mut self, oldest: u64, reason: ResetReason);
    /// The subscription ends here.
    fn end(&mut self, reason: EndReason);
}

/// Why a stream ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum EndReason {
    /// The server stops; the client comes back after so many milliseconds.
    Shutdown {
        reconnect_after_ms: u64,
    },
    KeyRevoked,
    KeyExpired,
    /// The organization was deleted, and the key with it.
    OrgDeleted,
    /// The inbox of the stream was deleted.
    InboxDeleted,
    /// The inbox of the stream was moved to where the key does not see it.
    InboxMoved,
    /// The server could not go on reading the log.
    Fault,
}

impl Subscription {
    /// Begins to open: asks for the inbox or the lease.
    pub fn new(wanted: Wanted, out: &mut Output) -> Subscription {
        let Wanted {
            access,
            watched,
            start,
            filter,
            mut inboxes,
        } = wanted;
        let mut subscription = Subscription {
            topic: Topic::Org(access.org),
            access,
            filter: (!filter.is_all()).then(|| Box::new(filter)),
            start,
            state: SubscriptionState::ExpectLease,
        };
        let within = match watched {
            Watched::All => EventReach::All,
            Watched::Inbox { inbox, tree } => {
                inboxes.insert(0, inbox);
                match tree {
                    true => EventReach::Tree,
                    false => EventReach::Inbox,
                }
            }
        };
        if inboxes.is_empty() {
            subscription.ask_lease(out);
        } else {
            subscription.state = SubscriptionState::ExpectInboxes(within);
            let find = Look::FindInboxes { inboxes, within };
            out.ask = Some(Ask::of(&subscription.access, find));
        }
        subscription
    }

    /// Whether it has its lease.
    pub fn is_open(&self) -> bool {
        matches!(self.state, SubscriptionState::Open(..))
    }

    /// The key that has subscribed.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// What it watches, once it is open.
    pub fn topic(&self) -> Topic {
        self.topic
    }

    /// A subscription that begins again behind this number misses nothing.
    pub fn at(&self) -> u64 {
        match &self.state {
            SubscriptionState::Open(cursor, _) => cursor.at(),
            SubscriptionState::ExpectInboxes(_) | SubscriptionState::ExpectLease => 0,
        }
    }

    /// The answer to the call that is out. `Some` is an answer of the log, for
    /// [`Subscription::answer`].
    pub fn reply(
        &mut self,
        reply: Reply,
        limits: &Limits,
        out: &mut Output,
    ) -> Result<Option<LogAnswer>, Box<Problem>> {
        match (&self.state, reply) {
            (
                SubscriptionState::Open(_, LogAsk::Page { .. }),
                Reply::Refused(Refusal::Expired { oldest }),
            ) => return Ok(Some(LogAnswer::Expired(oldest))),
            (_, Reply::Refused(refusal)) => return Err(refused(&refusal, limits)),
            (
                SubscriptionState::ExpectInboxes(within),
                Reply::Answer(Answer::Inboxes { rows, .. }),
            ) => {
                let mut rows = rows.iter().map(|row| row.id);
                let mut watched = || rows.next().ok_or_else(|| Problem::not_found("inbox"));
                match *within {
                    EventReach::All => {}
                    EventReach::Inbox => self.topic = Topic::Inbox(watched()?),
                    EventReach::Tree => self.topic = Topic::Tree(watched()?),
                }
                let wanted: InboxSet = rows.collect();
                if !wanted.is_empty() {
                    self.filter.get_or_insert_default().inboxes = wanted;
                }
                self.ask_lease(out);
            }
            (SubscriptionState::ExpectLease, Reply::Answer(Answer::Done)) => {
                // Watch first, read second: from here on no event is missed.
                out.watch = Some(
                    [self.topic]
                        .into_iter()
                        .chain(Topic::ends_of(&self.access))
                        .collect(),
                );
                let dense = matches!(self.topic, Topic::Org(_));
                let (cursor, asked) = LogCursor::open(self.start, dense);
                self.state = SubscriptionState::Open(cursor, asked);
                out.ask = Some(self.ask(asked));
            }
            (SubscriptionState::Open(_, asked), reply) => {
                return log_answer(*asked, reply).map(Some).map_err(lost);
            }
            _ => return Err(lost(OutOfStep)),
        }
        Ok(None)
    }

    /// Moves the cursor by an answer of the log; returns the next call.
    pub fn answer(
        &mut self,
        answer: LogAnswer,
        writer: &mut impl EventWriter,
    ) -> Result<Option<Ask>, Box<Problem>> {
        let asked = self.move_cursor(writer, |cursor, sink| cursor.answer(answer, sink));
        Ok(self.follow(asked.map_err(lost)?))
    }

    /// An event of what is watched has come; returns the next call.
    pub fn event(&mut self, event: &Event, writer: &mut impl EventWriter) -> Option<Ask> {
        if event.ends_access(&self.access) {
            writer.end(match event.ends() {
                Some(SessionEnd::Org(_)) => EndReason::OrgDeleted,
                _ => EndReason::KeyRevoked,
            });
            return None;
        }
        let asked = self.move_cursor(writer, |cursor, sink| Ok(cursor.event(event, sink)));
        self.follow(asked.ok()?)
    }

    /// The writer has room again; returns the next call.
    pub fn resume(&mut self) -> Option<Ask> {
        let asked = match &mut self.state {
            SubscriptionState::Open(cursor, _) => cursor.resume(),
            SubscriptionState::ExpectInboxes(_) | SubscriptionState::ExpectLease => None,
        };
        self.follow(asked)
    }

    /// See [`LogCursor::refresh`]; returns the next call.
    pub fn refresh(&mut self, idle: bool) -> Option<Ask> {
        let asked = match &mut self.state {
            SubscriptionState::Open(cursor, _) => cursor.refresh(idle),
            SubscriptionState::ExpectInboxes(_) | SubscriptionState::ExpectLease => None,
        };
        self.follow(asked)
    }

    fn ask_lease(&mut self, out: &mut Output) {
        self.state = SubscriptionState::ExpectLease;
        out.lease = true;
        out.ask = Some(Ask::of(&self.access, Look::OpenStream));
    }

    fn move_cursor<W: EventWriter>(
        &mut self,
        writer: &mut W,
        run: impl FnOnce(&mut LogCursor, &mut Admitted<'_, W>) -> Result<Option<LogAsk>, OutOfStep>,
    ) -> Result<Option<LogAsk>, OutOfStep> {
        let SubscriptionState::Open(cursor, _) = &mut self.state else {
            return Err(OutOfStep);
        };
        let all = EventFilter::default();
        let mut sink = Admitted {
            access: &self.access,
            filter: self.filter.as_deref().unwrap_or(&all),
            topic: self.topic,
            writer,
        };
        run(cursor, &mut sink)
    }

    fn follow(&mut self, asked: Option<LogAsk>) -> Option<Ask> {
        let asked = asked?;
        if let SubscriptionState::Open(_, last) = &mut self.state {
            *last = asked;
        }
        Some(self.ask(asked))
    }

    fn ask(&self, asked: LogAsk) -> Ask {
        match asked {
            LogAsk::Head => Ask::of(&self.access, Look::LogState),
            LogAsk::Time(unix_ms) => Ask::of(&self.access, Look::LogAt { unix_ms }),
            LogAsk::Page { after, rows } => {
                let page = EventRead::After {
                    topic: self.topic,
                    after,
                    limit: rows,
                };
                Ask::of(&self.access, page)
            }
        }
    }
}

/// The answer of the log in a reply.
fn log_answer(asked: LogAsk, reply: Reply) -> Result<LogAnswer, OutOfStep> {
    match (asked, reply) {
        (LogAsk::Head, Reply::Answer(Answer::LogState { head, epoch, .. })) => {
            Ok(LogAnswer::Head { head, epoch })
        }
        (LogAsk::Time(_), Reply::Answer(Answer::LogState { head, .. })) => {
            Ok(LogAnswer::Time(head))
        }
        (
            LogAsk::Page { .. },
            Reply::Answer(Answer::Events {
                events,
                scanned_to,
                head,
                oldest,
                epoch,
            }),
        ) => Ok(LogAnswer::Page(LogPage {
            events,
            scanned_to,
            head,
            oldest,
            epoch,
        })),
        _ => Err(OutOfStep),
    }
}

fn lost(OutOfStep: OutOfStep) -> Box<Problem> {
    Problem::unavailable(
        crate::http::api::codes::INTERNAL,
        "The stream lost its place.",
    )
}

/// Gives a writer the events that the key may see and the filter wants, up to the end of the
/// subscription's inbox.
struct Admitted<'a, W> {
    access: &'a Access,
    filter: &'a EventFilter,
    topic: Topic,
    writer: &'a mut W,
}

impl<W: EventWriter> EventSink for Admitted<'_, W> {
    fn has_room(&self) -> bool {
        self.writer.has_room()
    }

    fn take(&mut self, emitted: Emitted<'_>) -> ControlFlow<()> {
        match emitted {
            Emitted::Ready { seq, epoch } => self.writer.ready(seq, epoch),
            Emitted::Reset { oldest, reason } => self.writer.reset(oldest, reason),
            Emitted::Event(event) => {
                if let Some(kind) = self.filter.admit(event, self.access) {
                    self.writer.event(kind, event);
                }
                if let Some(reason) = self.ends_with(event) {
                    self.writer.end(reason);
                    return ControlFlow::Break(());
                }
            }
        }
        ControlFlow::Continue(())
    }
}

impl<W> Admitted<'_, W> {
    /// Why the subscription ends with an event, if it does: its inbox was deleted, or moved to
    /// where the key does not see it.
    fn ends_with(&self, event: &Event) -> Option<EndReason> {
        let (Topic::Inbox(watched) | Topic::Tree(watched)) = self.topic else {
            return None;
        };
        if !event.ends_session_in(watched, self.access) {
            return None;
        }
        Some(match event.change {
            Change::InboxDeleted => EndReason::InboxDeleted,
            _ => EndReason::InboxMoved,
        })
    }
}
