//! What the server says over WebSocket: the messages of a connection and of its subscriptions,
//! and how much of them is unsent.
//!
//! All subscriptions of a connection share its output, so the bound is that of one stream.

use super::request::GroupAck;
use crate::call::{Access, Event, EventKind, Now};
use crate::engine::Output;
use crate::http::api::problems::Problem;
use crate::http::stream::cursor::ResetReason;
use crate::http::stream::show;
use crate::http::stream::unsent::Unsent;
use crate::http::stream::writer::{EndReason, EventWriter};
use crate::http::websocket::frame;
use crate::http::wire::json::{self, Object};

/// The output of a connection.
#[derive(Debug, Default)]
pub(super) struct SocketOutput {
    unsent: Unsent,
}

/// What a client was told of a subscription.
#[derive(Debug, Default)]
pub(super) struct MemberNews {
    /// That it has begun.
    pub is_subscribed: bool,
    /// The last number.
    pub seq: u64,
    /// As the last `ready` had it.
    pub epoch: u64,
}

/// Writes what one subscription is told.
pub(super) struct MemberWriter<'a> {
    pub id: &'a str,
    pub told: &'a mut MemberNews,
    pub output: &'a mut SocketOutput,
    pub now: Now,
    /// Why the subscription has ended.
    pub ended: Option<EndReason>,
    pub out: &'a mut Output,
}

impl SocketOutput {
    /// An input has come.
    pub fn begin(&mut self, now: Now) {
        self.unsent.begin(now);
    }

    /// Whether an event may be written.
    pub fn has_room(&self) -> bool {
        self.unsent.has_room()
    }

    /// Whether all that was written has gone.
    pub fn is_sent(&self) -> bool {
        self.unsent.is_empty()
    }

    /// All that was written has gone; whether the client took it at once.
    pub fn drain(&mut self, now: Now) -> bool {
        self.unsent.drain(now)
    }

    /// Writes frames.
    pub fn write(&mut self, out: &mut Output, fill: impl FnOnce(&mut Vec<u8>)) {
        let before = out.bytes.len();
        fill(&mut out.bytes);
        self.unsent.add(out.bytes.len().saturating_sub(before));
        out.more = true;
    }

    /// One message.
    pub fn say(&mut self, out: &mut Output, op: &str, fill: impl FnOnce(&mut Object<'_>)) {
        self.write(out, |bytes| {
            frame::write_text(bytes, |bytes| {
                json::object(bytes, |o| {
                    o.text("op", op);
                    fill(o);
                });
            });
        });
    }

    /// An event of a consumer group is done, or why it is not.
    pub fn acknowledged(&mut self, out: &mut Output, ack: &GroupAck, refused: Option<&Problem>) {
        let op = if refused.is_some() { "error" } else { "acked" };
        self.say(out, op, |o| {
            o.text("group", &ack.group);
            o.number("id", ack.seq);
            if let Some(problem) = refused {
                o.object("error", |error| problem.write(error));
            }
        });
    }

    /// A message of the client was refused.
    pub fn refuse(&mut self, out: &mut Output, id: Option<&str>, problem: &Problem) {
        self.say(out, "error", |o| {
            if let Some(id) = id {
                o.text("id", id);
            }
            o.object("error", |error| problem.write(error));
        });
    }
}

impl MemberWriter<'_> {
    /// That the subscription has begun behind `seq`.
    pub fn subscribed(&mut self, seq: u64) {
        self.told.is_subscribed = true;
        self.told.seq = seq;
        let id = self.id;
        self.output.say(self.out, "subscribed", |o| {
            o.text("id", id);
            o.number("seq", seq);
        });
    }

    fn event_of(&mut self, seq: u64, write: impl FnOnce(&mut Vec<u8>)) {
        self.told.seq = seq;
        let id = self.id;
        self.output.say(self.out, "event", |o| {
            o.text("id", id);
            write(o.value("event"));
        });
    }
}

impl EventWriter for MemberWriter<'_> {
    fn has_room(&self) -> bool {
        self.output.has_room()
    }

    fn is_quick(&self) -> bool {
        // There may be many subscriptions, and nothing is kept for any of them.
        false
    }

    fn ready(&mut self, seq: u64, epoch: u64) {
        self.told.epoch = epoch;
        if !self.told.is_subscribed {
            return self.subscribed(seq);
        }
        let now = self.now;
        self.event_of(seq, |data| show::ready(data, now, seq, epoch));
    }

    fn event(
        &mut self,
        access: &Access,
        (kind, event): (EventKind, &Event),
        delivery: Option<u32>,
    ) {
        let told = self.told.seq;
        let mut renderings = core::mem::take(&mut self.out.renderings);
        self.event_of(event.seq, |data| {
            let shared = (data, &mut renderings);
            show::shared_event(shared, kind, (event, delivery), access);
        });
        self.out.renderings = renderings;
        if delivery.is_some() {
            // An event of a group may come again behind later ones.
            self.told.seq = self.told.seq.max(told);
        }
    }

    fn reset(&mut self, oldest: u64, reason: ResetReason) {
        let now = self.now;
        let before = oldest.saturating_sub(1);
        self.event_of(before, |data| show::reset(data, now, oldest, reason));
    }

    fn end(&mut self, reason: EndReason) {
        self.ended = Some(reason);
    }
}
