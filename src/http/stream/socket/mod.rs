//! Events over WebSocket: one connection with several subscriptions.
//!
//! ```text
//! request.rs  what a client says
//! member.rs   one subscription
//! writer.rs   what the server says
//! ```
//!
//! Each subscription is that of a stream (`subscription.rs`), with its own cursor. The connection
//! has one call out at a time, so they take turns; they share its output, and none writes an event
//! while much of it is unsent. So a client that does not read costs a cursor for each
//! subscription.
//!
//! The server pings at each heartbeat. A client that has sent nothing until the next one is gone.

mod member;
mod request;
mod writer;

use std::collections::VecDeque;

use self::member::{Member, MemberEnd, MemberStage};
use self::request::{ClientMessage, GroupAck, WrongMessage};
use self::writer::SocketOutput;
use super::sse::{REFRESH_HEARTBEATS, reconnect_ms};
use super::writer::EndReason;
use super::{show, wanted::Wanted};
use crate::call::{
    Access, Answer, Ask, Caller, Countable, Event, EventGroupWrite, Metric, Now, Opening, Refusal,
    Reply, SessionEnd, Topic,
};
use crate::engine::Output;
use crate::http::api::codes;
use crate::http::api::problems::Problem;
use crate::http::api::refused::refused;
use crate::http::api::routes::{RouteRequest, RouteStep};
use crate::http::websocket::frame::{self, CloseCode, FrameFault};
use crate::http::websocket::handshake;
use crate::http::websocket::reader::{FromClient, MessageReader};

/// `GET /ws`
pub(crate) fn socket(asked: &RouteRequest<'_>) -> Result<RouteStep, Box<Problem>> {
    let accept = handshake::accept(asked.upgrade, asked.host)?;
    Ok(RouteStep::Socket(asked.access()?, accept))
}

/// One connection.
#[derive(Debug)]
pub(crate) struct EventSocket {
    access: Access,
    reader: MessageReader,
    members: Vec<Member>,
    /// Whose call is out.
    asking: Option<SocketAsk>,
    /// What is to be acknowledged. No input comes while its call is out, so there is one at most.
    ack: Option<Box<GroupAck>>,
    /// The subscription that had its turn last.
    turn: u32,
    /// Subscriptions so far.
    serial: u32,
    output: SocketOutput,
    /// When the client has sent its last pings, monotonic milliseconds.
    pings: VecDeque<u64>,
    /// When the next heartbeat is due, monotonic milliseconds.
    heartbeat_ms: u64,
    /// Heartbeats so far.
    heartbeats: u32,
    /// A ping is out, and nothing has come since.
    is_asked: bool,
    /// When the message that has not ended has begun, monotonic milliseconds.
    begun_ms: Option<u64>,
    /// The server stops, and the client has been told all up to this number and to leave.
    leaving: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum SocketAsk {
    /// A subscription's.
    Member(u32),
    /// That of what is acknowledged.
    Ack,
}

impl EventSocket {
    /// The response head has been written: the connection begins.
    pub fn start(access: Access, now: Now, opening: &Opening, out: &mut Output) -> EventSocket {
        let mut socket = EventSocket {
            access,
            reader: MessageReader::default(),
            members: Vec::new(),
            asking: None,
            ack: None,
            turn: 0,
            serial: 0,
            output: SocketOutput::default(),
            pings: VecDeque::new(),
            heartbeat_ms: 0,
            heartbeats: 0,
            is_asked: false,
            begun_ms: None,
            leaving: None,
        };
        out.stream = true;
        socket.await_heartbeat(now, opening);
        socket.schedule(now, opening, out);
        socket
    }

    /// Octets of the client; gives how many were used.
    pub fn bytes(&mut self, now: Now, bytes: &[u8], opening: &Opening, out: &mut Output) -> usize {
        self.output.begin(now);
        let max = opening.shared.limits.socket_message_bytes;
        let (used, received) = match self.reader.read(bytes, max) {
            Ok(read) => read,
            Err(fault) => {
                self.fail(fault, opening, out);
                return bytes.len();
            }
        };
        match received {
            FromClient::Part => {}
            FromClient::Pong => self.is_asked = false,
            FromClient::Ping(payload) => self.answer_ping(now, &payload, opening, out),
            FromClient::Text(text) => {
                self.is_asked = false;
                self.hear(now, &text, opening, out);
            }
            FromClient::Close(code) => {
                self.output
                    .write(out, |bytes| frame::write_close(bytes, code, ""));
                end_connection(out);
            }
        }
        let is_within = self.reader.is_within();
        if is_within != self.begun_ms.is_some() {
            self.begun_ms = is_within.then_some(now.mono_ms);
            self.schedule(now, opening, out);
        }
        used
    }

    /// The answer to the call that is out.
    pub fn reply(&mut self, now: Now, reply: Reply, opening: &Opening, out: &mut Output) {
        self.output.begin(now);
        let place = match self.asking.take() {
            Some(SocketAsk::Ack) => {
                self.acknowledged(now, &reply, opening, out);
                return self.take_turn(out);
            }
            // Nothing stands behind `closing` but answers.
            Some(SocketAsk::Member(_)) if self.leaving.is_some() => return self.take_turn(out),
            Some(SocketAsk::Member(serial)) => self.place_of(serial),
            None => None,
        };
        let Some(at) = place else {
            return self.end(now, EndReason::Fault, out);
        };
        let Some(member) = self.members.get_mut(at) else {
            return;
        };
        if let MemberStage::Leaving(end) = member.stage {
            match reply {
                Reply::Answer(Answer::Done) => self.remove(at, end, out),
                _ => return self.end(now, EndReason::Fault, out),
            }
        } else {
            match member.reply(now, reply, opening, (&mut self.output, out)) {
                Ok(true) => out.watch = Some(self.topics()),
                Ok(false) => {}
                Err(problem) if problem.code.status == 401 => {
                    return self.end(now, EndReason::KeyExpired, out);
                }
                Err(problem) => self.stop(at, &problem, out),
            }
            self.let_go(out);
        }
        self.take_turn(out);
        if self.wake_ms().is_some() {
            self.schedule(now, opening, out);
        }
    }

    /// The answer to what was acknowledged.
    fn acknowledged(&mut self, now: Now, reply: &Reply, opening: &Opening, out: &mut Output) {
        let Some(ack) = self.ack.take() else {
            return self.end(now, EndReason::Fault, out);
        };
        match reply {
            Reply::Written(..) => self.output.acknowledged(out, &ack, None),
            Reply::Refused(refusal) => {
                let problem = refused(refusal, &opening.shared.limits);
                if problem.code.status == 401 {
                    return self.end(now, EndReason::KeyExpired, out);
                }
                self.output.acknowledged(out, &ack, Some(&problem));
            }
            Reply::Answer(_) => self.end(now, EndReason::Fault, out),
        }
    }

    /// An event of what is watched has come.
    pub fn event(&mut self, now: Now, event: &Event, out: &mut Output) {
        self.output.begin(now);
        if let Some(told) = self.leaving {
            if event.lets_leave(&self.access, told) {
                self.close(CloseCode::GoingAway, STOPPED, out);
            }
            return;
        }
        if event.ends_access(&self.access) {
            let reason = match event.ends() {
                Some(SessionEnd::Org(_)) => EndReason::OrgDeleted,
                _ => EndReason::KeyRevoked,
            };
            return self.end(now, reason, out);
        }
        for member in self.members.iter_mut().filter(|member| member.hears(event)) {
            member.event(now, event, &mut self.output, out);
        }
        self.let_go(out);
        self.take_turn(out);
    }

    /// All that was written has gone.
    pub fn drained(&mut self, now: Now, out: &mut Output) {
        let is_quick = self.output.drain(now);
        if self.leaving.is_some() {
            return;
        }
        for member in &mut self.members {
            member.resume(is_quick);
        }
        self.take_turn(out);
    }

    /// A heartbeat is due, a message has taken too long, or the key has expired.
    pub fn deadline(&mut self, now: Now, opening: &Opening, out: &mut Output) {
        self.output.begin(now);
        let expires_at = self.access.expires_at;
        if expires_at.is_some_and(|end| end <= now.unix_ms) {
            return self.end(now, EndReason::KeyExpired, out);
        }
        let limits = &opening.shared.limits;
        if (self.begun_ms).is_some_and(|at| now.mono_ms >= message_end(at, limits.socket_message_s))
        {
            opening.shared.metrics.count(Metric::TimedOut);
            return self.close(CloseCode::Policy, "a message came too slowly", out);
        }
        if now.mono_ms >= self.heartbeat_ms && self.leaving.is_none() {
            // While a call is out, or while much is unsent, nothing is read.
            let is_heard = self.asking.is_none() && self.output.is_sent();
            if self.is_asked && is_heard {
                opening.shared.metrics.count(Metric::TimedOut);
                return self.close(CloseCode::GoingAway, "no answer to a ping", out);
            }
            self.await_heartbeat(now, opening);
            self.beat(now, out);
        }
        if self.leaving.is_none() {
            self.members.iter_mut().for_each(|member| member.wake(now));
        }
        self.take_turn(out);
        self.schedule(now, opening, out);
    }

    /// The server stops: the client is told where to go on, and how long to wait. Then it may
    /// close, or acknowledge what it was told. When this comes again, the time for that is over.
    pub fn shutdown(&mut self, now: Now, opening: &Opening, out: &mut Output) {
        if self.leaving.is_some() {
            return self.close(CloseCode::GoingAway, STOPPED, out);
        }
        let reconnect_after_ms = reconnect_ms(opening.seed, 2);
        let reason = EndReason::Shutdown { reconnect_after_ms };
        if self.members.is_empty() || !opening.shared.is_stopping() {
            return self.end(now, reason, out);
        }
        self.leaving = Some(self.say_closing(now, reason, out).unwrap_or(0));
        self.schedule(now, opening, out);
    }

    /// A message of the client.
    fn hear(&mut self, now: Now, text: &[u8], opening: &Opening, out: &mut Output) {
        let shared = &opening.shared;
        let caller = Caller::Key(self.access.clone());
        // It counts as a request: a message costs as much.
        let counted = shared
            .requests
            .count(&shared.limits, &caller, opening.peer.ip(), now);
        if let Err(refusal) = counted {
            shared.metrics.count(Metric::RateLimited);
            let problem = refused(&refusal, &shared.limits);
            return self.output.refuse(out, None, &problem);
        }
        match request::read(text, &self.access) {
            Ok(ClientMessage::Subscribe(id, _) | ClientMessage::Unsubscribe(id))
                if self.leaving.is_some() =>
            {
                let problem = refused(&Refusal::Stopping, &shared.limits);
                return self.output.refuse(out, Some(&id), &problem);
            }
            Ok(ClientMessage::AcknowledgeAll(seq)) => {
                self.output.say(out, "acked", |o| o.number("id", seq));
                if self.leaving.is_some_and(|told| seq >= told) {
                    self.close(CloseCode::GoingAway, STOPPED, out);
                }
            }
            Ok(ClientMessage::Subscribe(id, wanted)) => self.subscribe(id, *wanted, opening, out),
            Ok(ClientMessage::Unsubscribe(id)) => self.unsubscribe(&id, out),
            Ok(ClientMessage::Acknowledge(ack)) => self.ack = Some(Box::new(ack)),
            Err(WrongMessage { id, problem }) => self.output.refuse(out, id.as_deref(), &problem),
        }
        self.take_turn(out);
    }

    fn subscribe(&mut self, id: String, wanted: Wanted, opening: &Opening, out: &mut Output) {
        let shared = &opening.shared;
        let max = shared.limits.socket_subscriptions;
        if self.members.iter().any(|member| *member.id == *id) {
            let message = "There is a subscription of this `id`.";
            let hint = "Unsubscribe it first, or take another `id`.";
            let problem = Problem::new(codes::ALREADY_EXISTS, message, hint).of("id");
            return self.output.refuse(out, Some(&id), &problem);
        }
        if self.members.len() >= max {
            shared.metrics.count(Metric::SessionsLimited);
            let refusal = Refusal::Limit {
                what: Countable::Streams,
                max: max as u64,
            };
            let problem = refused(&refusal, &shared.limits);
            return self.output.refuse(out, Some(&id), &problem);
        }
        self.serial = self.serial.wrapping_add(1);
        // Most connections have one, and each octet counts.
        self.members.reserve_exact(1);
        let reader = (opening.conn, self.serial);
        self.members.push(Member::new(id, reader, wanted, out));
    }

    fn unsubscribe(&mut self, id: &str, out: &mut Output) {
        let found = (self.members.iter_mut()).find(|member| *member.id == *id);
        match found.filter(|member| member.stage == MemberStage::Open) {
            Some(member) => member.stage = MemberStage::Ending(MemberEnd::Asked),
            None => {
                let problem = Problem::not_found("subscription");
                self.output.refuse(out, Some(id), &problem);
            }
        }
        self.let_go(out);
    }

    /// A call of a subscription was refused.
    fn stop(&mut self, at: usize, problem: &Problem, out: &mut Output) {
        let Some(member) = self.members.get_mut(at) else {
            return;
        };
        member.stage = MemberStage::Ending(if member.told.is_subscribed {
            MemberEnd::Ended(member.subscription.reason_of(problem))
        } else {
            self.output.refuse(out, Some(&member.id), problem);
            MemberEnd::Refused
        });
    }

    /// Ends the subscriptions that are to end and have no call out.
    fn let_go(&mut self, out: &mut Output) {
        let mut at = 0;
        while let Some(member) = self.members.get_mut(at) {
            match member.stage {
                MemberStage::Ending(end)
                    if self.asking != Some(SocketAsk::Member(member.serial)) =>
                {
                    if !member.leave(end, &self.access) {
                        self.remove(at, end, out);
                        continue;
                    }
                    out.watch = Some(self.topics());
                }
                _ => {}
            }
            at += 1;
        }
    }

    fn remove(&mut self, at: usize, end: MemberEnd, out: &mut Output) {
        if at >= self.members.len() {
            return;
        }
        let member = self.members.remove(at);
        self.members.shrink_to_fit();
        let reason = match end {
            MemberEnd::Refused => return,
            MemberEnd::Asked => None,
            MemberEnd::Ended(reason) => Some(show::end_words(reason).0),
        };
        let seq = member.subscription.at().max(member.told.seq);
        self.output.say(out, "unsubscribed", |o| {
            o.text("id", &member.id);
            if let Some(reason) = reason {
                o.number("seq", seq);
                o.text("reason", reason);
            }
        });
    }

    /// Makes the next call: that of the first subscription behind the one that had its turn last.
    /// While much is unsent only leases are given back, since no event could be written.
    fn take_turn(&mut self, out: &mut Output) {
        if self.asking.is_some() || out.close {
            return;
        }
        if let Some(ack) = &self.ack {
            let call = EventGroupWrite::Acknowledge {
                name: ack.group.clone(),
                seq: ack.seq,
                idempotency: None,
            };
            out.ask = Some(Ask::of(&self.access, call));
            self.asking = Some(SocketAsk::Ack);
            return;
        }
        if self.leaving.is_some() {
            return;
        }
        let has_room = self.output.has_room();
        let may_ask = |member: &&mut Member| {
            let leaves = matches!(member.stage, MemberStage::Leaving(_));
            member.ask.is_some() && (has_room || leaves)
        };
        let turn = self.turn;
        let waiting = self.members.iter_mut().filter(may_ask);
        let next = waiting.min_by_key(|member| member.serial.wrapping_sub(turn).wrapping_sub(1));
        if let Some(member) = next {
            out.ask = member.ask.take().map(|ask| *ask);
            self.asking = Some(SocketAsk::Member(member.serial));
            self.turn = member.serial;
        }
    }

    /// What the connection watches.
    fn topics(&self) -> Vec<Topic> {
        let mut topics: Vec<Topic> = Topic::ends_of(&self.access).collect();
        for member in self.members.iter().filter(|member| member.is_live()) {
            let topic = member.subscription.watched();
            if !topics.contains(&topic) {
                topics.push(topic);
            }
        }
        topics
    }

    fn answer_ping(&mut self, now: Now, payload: &[u8], opening: &Opening, out: &mut Output) {
        self.is_asked = false;
        let begin = now.mono_ms.saturating_sub(PING_WINDOW_MS);
        while self.pings.front().is_some_and(|at| *at <= begin) {
            self.pings.pop_front();
        }
        if self.pings.len() >= opening.shared.limits.socket_pings {
            opening.shared.metrics.count(Metric::RateLimited);
            return self.close(CloseCode::Policy, "too many pings", out);
        }
        self.pings.push_back(now.mono_ms);
        self.output
            .write(out, |bytes| frame::write_pong(bytes, payload));
    }

    /// One heartbeat.
    fn beat(&mut self, now: Now, out: &mut Output) {
        self.heartbeats = self.heartbeats.wrapping_add(1);
        if !self.output.is_sent() {
            return;
        }
        let idle = self.heartbeats.is_multiple_of(REFRESH_HEARTBEATS);
        for member in &mut self.members {
            if self.asking != Some(SocketAsk::Member(member.serial)) {
                member.refresh(now, idle, &mut self.output, out);
            }
        }
        self.is_asked = true;
        self.output.write(out, frame::write_ping);
        self.take_turn(out);
    }

    fn await_heartbeat(&mut self, now: Now, opening: &Opening) {
        let period_ms = opening.shared.limits.heartbeat_s.saturating_mul(1000);
        self.heartbeat_ms = now.plus_ms(period_ms).mono_ms;
    }

    fn schedule(&self, now: Now, opening: &Opening, out: &mut Output) {
        if out.close {
            return;
        }
        let mut next_ms = match self.leaving {
            None => self.heartbeat_ms,
            Some(_) => u64::MAX,
        };
        if let Some(at) = self.begun_ms {
            next_ms = next_ms.min(message_end(at, opening.shared.limits.socket_message_s));
        }
        if let Some(at) = self.wake_ms().filter(|_| self.leaving.is_none()) {
            next_ms = next_ms.min(at);
        }
        if let Some(end) = self.access.expires_at {
            let left_ms = u64::try_from(end.saturating_sub(now.unix_ms)).unwrap_or(0);
            next_ms = next_ms.min(now.mono_ms.saturating_add(left_ms));
        }
        let wait_ms = next_ms.saturating_sub(now.mono_ms);
        out.deadline = Some((next_ms != u64::MAX).then(|| now.plus_ms(wait_ms)));
    }

    /// When a lease of a consumer group ends, monotonic milliseconds.
    fn wake_ms(&self) -> Option<u64> {
        self.members.iter().filter_map(Member::wake_ms).min()
    }

    fn place_of(&self, serial: u32) -> Option<usize> {
        let mut members = self.members.iter();
        members.position(|member| member.serial == serial)
    }

    /// What came is no message of a WebSocket, or may not come.
    fn fail(&mut self, fault: FrameFault, opening: &Opening, out: &mut Output) {
        opening.shared.metrics.count(match fault.code {
            CloseCode::TooLarge => Metric::TooLong,
            _ => Metric::SyntaxErrors,
        });
        self.close(fault.code, fault.why, out);
    }

    /// The connection ends for a reason of the server: the client is told where to go on.
    fn end(&mut self, now: Now, reason: EndReason, out: &mut Output) {
        self.say_closing(now, reason, out);
        let code = match reason {
            EndReason::KeyRevoked | EndReason::KeyExpired | EndReason::OrgDeleted => {
                CloseCode::Policy
            }
            _ => CloseCode::GoingAway,
        };
        self.close(code, show::end_words(reason).0, out);
    }

    /// Tells `closing`, and gives the number in it.
    fn say_closing(&mut self, now: Now, reason: EndReason, out: &mut Output) -> Option<u64> {
        let begun = self
            .members
            .iter()
            .filter(|member| member.told.is_subscribed)
            // A group keeps its own cursor.
            .filter(|member| member.subscription.group_reader().is_none());
        let seq = begun.map(|member| member.subscription.at()).min();
        self.output.say(out, "closing", |o| {
            show::closing_fields(o, now, seq, reason);
        });
        seq
    }

    fn close(&mut self, code: CloseCode, why: &str, out: &mut Output) {
        self.output.write(out, |bytes| {
            frame::write_close(bytes, Some(code.number()), why);
        });
        end_connection(out);
    }
}

fn end_connection(out: &mut Output) {
    out.close = true;
    out.deadline = Some(None);
}

/// When a message has had its time, monotonic milliseconds.
fn message_end(begun_ms: u64, limit_s: u64) -> u64 {
    begun_ms.saturating_add(limit_s.saturating_mul(1000))
}

/// The reason of the last frame when the server stops, as in `closing`.
const STOPPED: &str = "shutdown";
/// The time in which pings are counted.
const PING_WINDOW_MS: u64 = 10_000;
