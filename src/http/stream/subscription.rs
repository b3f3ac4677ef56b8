//! One subscription to events: which part of the organization it watches, for which key, with
//! which filter, and its cursor. It opens, reads from the log, goes live, and ends with the
//! key or the inbox. It knows nothing of how events are framed.
//!
//! ```text
//! ExpectInboxes -> ExpectLease -> Open (cursor.rs)
//!                              -> Shared (group.rs)
//! ```

use core::ops::ControlFlow;

use super::cursor::{
    Emitted, EventSink, LogAnswer, LogAsk, LogCursor, LogPage, OutOfStep, StartAt,
};
use super::group::GroupCursor;
use super::wanted::{Wanted, WantedGroup, Watched, group_start};
use super::writer::{EndReason, EventWriter};
use crate::call::{
    Access, Answer, Ask, Change, ClaimedEvents, ConnId, Event, EventFilter, EventGroupWrite,
    EventReach, EventRead, GroupClaim, GroupTerms, InboxSet, Listening, Look, Noun, Now, Refusal,
    Reply, SessionEnd, Shared, Topic, Written,
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
    /// The consumer group that is read.
    group: Option<Box<WantedGroup>>,
    /// The connection, and the number of this subscription in it.
    reader: (ConnId, u32),
    state: SubscriptionState,
}

/// An answer that moves a subscription.
#[derive(Debug)]
pub(crate) enum FeedAnswer {
    /// Of the log.
    Log(LogAnswer),
    /// Of the consumer group.
    Claimed(Box<ClaimedEvents>),
}

impl FeedAnswer {
    /// Whether another answer comes before there is anything to tell.
    pub fn is_first_half(&self) -> bool {
        matches!(self, FeedAnswer::Log(LogAnswer::Time(_)))
    }
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
    /// The group is read.
    Shared(Box<GroupCursor>),
}

impl Subscription {
    /// Begins to open: asks for the inbox or the lease. `reader` is the connection and the number
    /// of the subscription in it.
    pub fn new(wanted: Wanted, reader: (ConnId, u32), out: &mut Output) -> Subscription {
        let Wanted {
            access,
            watched,
            start,
            filter,
            mut inboxes,
            group,
        } = wanted;
        let mut subscription = Subscription {
            topic: Topic::Org(access.org),
            access,
            filter: (!filter.is_all()).then(|| Box::new(filter)),
            start,
            group,
            reader,
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
        matches!(
            self.state,
            SubscriptionState::Open(..) | SubscriptionState::Shared(_)
        )
    }

    /// The key that has subscribed.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// What its connection watches for it, once it is open.
    pub fn watched(&self) -> Topic {
        match self.group_reader() {
            Some(_) => Topic::Reader(self.reader.0),
            None => self.topic,
        }
    }

    /// Its number among the readers of the connection, when it reads a consumer group.
    pub fn group_reader(&self) -> Option<u32> {
        let joins = self.group.is_some() || matches!(self.state, SubscriptionState::Shared(_));
        joins.then_some(self.reader.1)
    }

    /// A subscription that begins again behind this number misses nothing.
    pub fn at(&self) -> u64 {
        match &self.state {
            SubscriptionState::Open(cursor, _) => cursor.at(),
            SubscriptionState::Shared(group) => group.at(),
            SubscriptionState::ExpectInboxes(_) | SubscriptionState::ExpectLease => 0,
        }
    }

    /// When [`Subscription::wake`] is due, monotonic milliseconds.
    pub fn wake_ms(&self) -> Option<u64> {
        match &self.state {
            SubscriptionState::Shared(group) => group.wake_ms(),
            _ => None,
        }
    }

    /// Why the subscription ends when its calls are refused.
    pub fn reason_of(&self, problem: &Problem) -> EndReason {
        match (problem.code.status, &self.state) {
            (401, _) => EndReason::KeyExpired,
            (404, SubscriptionState::Shared(group)) if group.has_ended() => EndReason::GroupDeleted,
            (404, _) => EndReason::InboxDeleted,
            _ => EndReason::Fault,
        }
    }

    /// The answer to the call that is out. `Some` is for [`Subscription::answer`].
    pub fn reply(
        &mut self,
        reply: Reply,
        shared: &Shared,
        out: &mut Output,
    ) -> Result<Option<FeedAnswer>, Box<Problem>> {
        if let (
            SubscriptionState::Shared(group),
            Reply::Refused(Refusal::NotFound(Noun::EventGroup)),
        ) = (&mut self.state, &reply)
        {
            group.end();
        }
        match (&self.state, reply) {
            (
                SubscriptionState::Open(_, LogAsk::Page { .. }),
                Reply::Refused(Refusal::Expired { oldest }),
            ) => return Ok(Some(FeedAnswer::Log(LogAnswer::Expired(oldest)))),
            (_, Reply::Refused(refusal)) => return Err(refused(&refusal, &shared.limits)),
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
                    [self.watched()]
                        .into_iter()
                        .chain(Topic::ends_of(&self.access))
                        .collect(),
                );
                if let Some(group) = self.group.take() {
                    let listening = Listening::to(&shared.listeners, self.topic);
                    out.ask = Some(self.join(*group, listening));
                    return Ok(None);
                }
                let dense = matches!(self.topic, Topic::Org(_));
                let (cursor, asked) = LogCursor::open(self.start, dense);
                self.state = SubscriptionState::Open(cursor, asked);
                out.ask = Some(self.ask(asked));
            }
            (SubscriptionState::Open(_, asked), reply) => {
                let answer = log_answer(*asked, reply).map_err(lost)?;
                return Ok(Some(FeedAnswer::Log(answer)));
            }
            (SubscriptionState::Shared(_), Reply::Written(Written::Claimed(claimed), _)) => {
                return Ok(Some(FeedAnswer::Claimed(claimed)));
            }
            _ => return Err(lost(OutOfStep)),
        }
        Ok(None)
    }

    /// Moves the subscription by an answer; returns the next call.
    pub fn answer(
        &mut self,
        answer: FeedAnswer,
        writer: &mut impl EventWriter,
    ) -> Result<Option<Ask>, Box<Problem>> {
        let answer = match (answer, &mut self.state) {
            (FeedAnswer::Log(answer), _) => answer,
            (FeedAnswer::Claimed(claimed), SubscriptionState::Shared(group)) => {
                let claim = group.answer(&self.access, &claimed, writer);
                return Ok(claim.map(|claim| self.ask_claim(claim)));
            }
            (FeedAnswer::Claimed(_), _) => return Err(lost(OutOfStep)),
        };
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
        if let SubscriptionState::Shared(group) = &mut self.state {
            let claim = match event.change {
                Change::GroupReady { reader, .. } => group.news(reader),
                _ => None,
            };
            return claim.map(|claim| self.ask_claim(claim));
        }
        let asked = self.move_cursor(writer, |cursor, sink| Ok(cursor.event(event, sink)));
        self.follow(asked.ok()?)
    }

    /// The writer has room again, and `is_quick` if its client took all at once; returns the next
    /// call.
    pub fn resume(&mut self, is_quick: bool) -> Option<Ask> {
        let asked = match &mut self.state {
            SubscriptionState::Open(cursor, _) => cursor.resume(),
            SubscriptionState::Shared(group) => {
                let claim = group.resume(is_quick);
                return claim.map(|claim| self.ask_claim(claim));
            }
            SubscriptionState::ExpectInboxes(_) | SubscriptionState::ExpectLease => None,
        };
        self.follow(asked)
    }

    /// Whether events are kept for the writer, which [`Subscription::go_on_with_kept`] gives it.
    pub fn is_keeping(&self) -> bool {
        matches!(&self.state, SubscriptionState::Open(cursor, _) if cursor.is_keeping())
    }

    /// See [`LogCursor::go_on_with_kept`]; returns the next call.
    pub fn go_on_with_kept(&mut self, writer: &mut impl EventWriter) -> Option<Ask> {
        let asked = self.move_cursor(writer, |cursor, sink| Ok(cursor.go_on_with_kept(sink)));
        self.follow(asked.ok()?)
    }

    /// See [`LogCursor::let_go`].
    pub fn let_go(&mut self) {
        if let SubscriptionState::Open(cursor, _) = &mut self.state {
            cursor.let_go();
        }
    }

    /// See [`LogCursor::refresh`]; returns the next call.
    pub fn refresh(&mut self, idle: bool) -> Option<Ask> {
        let asked = match &mut self.state {
            SubscriptionState::Open(cursor, _) => cursor.refresh(idle),
            SubscriptionState::ExpectInboxes(_)
            | SubscriptionState::ExpectLease
            | SubscriptionState::Shared(_) => None,
        };
        self.follow(asked)
    }

    /// A lease of the consumer group may have ended; returns the next call.
    pub fn wake(&mut self, now: Now) -> Option<Ask> {
        let claim = match &mut self.state {
            SubscriptionState::Shared(group) => group.wake(now),
            _ => None,
        };
        claim.map(|claim| self.ask_claim(claim))
    }

    fn join(&mut self, wanted: WantedGroup, listening: Listening) -> Ask {
        let terms = GroupTerms {
            name: wanted.name,
            topic: self.topic,
            filter: self.filter.take().map(|filter| *filter).unwrap_or_default(),
            is_ordered: wanted.is_ordered,
        };
        let how = (wanted.lease_ms, wanted.held_max, self.reader.1);
        let (cursor, claim) = GroupCursor::open(terms, group_start(self.start), how, listening);
        self.state = SubscriptionState::Shared(Box::new(cursor));
        self.ask_claim(claim)
    }

    fn ask_claim(&self, claim: GroupClaim) -> Ask {
        Ask::of(&self.access, EventGroupWrite::Claim(claim))
    }

    fn ask_lease(&mut self, out: &mut Output) {
        self.state = SubscriptionState::ExpectLease;
        out.lease = true;
        let reads_group = self.group.is_some();
        out.ask = Some(Ask::of(&self.access, Look::OpenStream { reads_group }));
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

    fn is_quick(&self) -> bool {
        self.writer.is_quick()
    }

    fn take(&mut self, emitted: Emitted<'_>) -> ControlFlow<()> {
        match emitted {
            Emitted::Ready { seq, epoch } => self.writer.ready(seq, epoch),
            Emitted::Reset { oldest, reason } => self.writer.reset(oldest, reason),
            Emitted::Event(event) => {
                if let Some(kind) = self.filter.admit(event, self.access) {
                    self.writer.event(self.access, (kind, event), None);
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
