//! Server-sent events: the frames of one event stream, its heartbeats, and how far its client
//! may fall behind. Which events it gets is the matter of `subscription.rs` and `cursor.rs`.
//!
//! A frame has the number, the type and one line of JSON. The format is that of the HTML
//! Standard, section 9.2 ("Server-sent events"). An empty line stands only behind a line of
//! `data`: browsers pass over an event without data, but other clients give one to their program
//! for every empty line. So `retry` stands in the first frame, a heartbeat is a line of comment in
//! front of the next frame, and a number that is to be told is told in a `ready`.

use std::io::Write as _;
use std::sync::Arc;

use super::cursor::ResetReason;
use super::show;
use super::subscription::{FeedAnswer, Subscription};
use super::unsent::Unsent;
use super::wanted::Wanted;
use super::writer::{EndReason, EventWriter, StreamForm};
use crate::call::{Access, Answer, Ask, ConnId, Event, EventKind, Now, Reply, Shared, spread};
use crate::engine::{Output, Renderings};
use crate::http::api::problems::Problem;

/// One event stream.
#[derive(Debug)]
pub(crate) struct EventStream {
    subscription: Subscription,
    frames: Frames,
    shared: Arc<Shared>,
    seed: u64,
    /// Heartbeats so far.
    heartbeats: u32,
    /// When the next one is due.
    heartbeat_at: Now,
    /// The response head has been written.
    started: bool,
    /// The server stops, and the client has been told.
    is_leaving: bool,
}

/// What has been written of a stream.
#[derive(Debug, Default)]
struct Frames {
    /// For the first frame: how long the client waits before it comes back.
    retry_ms: Option<u64>,
    /// The last number that the client was told.
    told: u64,
    /// As the last `ready` had it.
    epoch: u64,
    unsent: Unsent,
    /// The form of its frames, where it is not that of the API.
    form: Option<Box<dyn StreamForm>>,
}

/// Writes frames to the output of one input.
struct SseWriter<'a> {
    frames: &'a mut Frames,
    /// Where the subscription was before this input.
    at: u64,
    now: Now,
    out: &'a mut Output,
}

impl EventStream {
    /// Begins to open.
    pub fn new(
        wanted: Wanted,
        shared: Arc<Shared>,
        (conn, seed): (ConnId, u64),
        out: &mut Output,
    ) -> EventStream {
        EventStream {
            subscription: Subscription::new(wanted, (conn, 0), out),
            frames: Frames::default(),
            shared,
            seed,
            heartbeats: 0,
            heartbeat_at: Now::default(),
            started: false,
            is_leaving: false,
        }
    }

    /// The same in another form.
    pub fn in_form(mut self, form: Box<dyn StreamForm>) -> EventStream {
        self.frames.form = Some(form);
        self
    }

    /// Whether it has its lease.
    pub fn is_open(&self) -> bool {
        self.subscription.is_open()
    }

    /// Whether the response has begun.
    pub fn is_started(&self) -> bool {
        self.started
    }

    /// The answer to the call that is out. `Some`: the response is to begin, and `start` takes
    /// this answer. An error before that is a response of its own; after it, the stream ends.
    pub fn reply(
        &mut self,
        now: Now,
        reply: Reply,
        out: &mut Output,
    ) -> Result<Option<FeedAnswer>, Box<Problem>> {
        if self.is_leaving {
            // Nothing stands behind `closing`. What a group has leased is free with the connection.
            return Ok(None);
        }
        if let (Some(form), Reply::Answer(Answer::Inboxes { rows, .. })) =
            (&mut self.frames.form, &reply)
        {
            form.found(rows);
        }
        let answer = self.subscription.reply(reply, &self.shared, out)?;
        match answer {
            None => Ok(None),
            Some(answer) if self.started || answer.is_first_half() => {
                self.answer(now, answer, out)?;
                Ok(None)
            }
            first => Ok(first),
        }
    }

    /// The response head has been written: the stream begins.
    pub fn start(&mut self, now: Now, first: FeedAnswer, out: &mut Output) {
        self.started = true;
        self.frames.told = self.subscription.at();
        out.stream = true;
        self.frames.retry_ms = match self.frames.form {
            None => Some(reconnect_ms(self.seed, 1)),
            Some(_) => None,
        };
        self.schedule_heartbeat(now, out);
        if self.answer(now, first, out).is_err() {
            out.close = true;
        }
    }

    /// An event of what is watched has come.
    pub fn event(&mut self, now: Now, event: &Event, out: &mut Output) {
        if self.is_leaving {
            out.close |= event.lets_leave(self.subscription.access(), self.frames.told);
            return;
        }
        let mut writer = self.frames.writer(&self.subscription, now, out);
        let ask = self.subscription.event(event, &mut writer);
        if ask.is_some() {
            out.ask = ask;
        }
    }

    /// All that was written has gone.
    pub fn drained(&mut self, now: Now, out: &mut Output) {
        let is_quick = self.frames.unsent.drain(now);
        if self.is_leaving {
            return;
        }
        let ask = match self.subscription.is_keeping() {
            true => {
                let mut writer = self.frames.writer(&self.subscription, now, out);
                self.subscription.go_on_with_kept(&mut writer)
            }
            false => self.subscription.resume(is_quick),
        };
        self.follow(now, ask, out);
    }

    /// Makes the next call, if there is one, and comes back for the events that are kept.
    fn follow(&mut self, now: Now, ask: Option<Ask>, out: &mut Output) {
        if ask.is_some() {
            out.ask = ask;
        }
        if self.subscription.is_keeping() {
            out.more = true;
            self.schedule(now, out);
        }
    }

    /// A heartbeat is due, or the key has expired.
    pub fn deadline(&mut self, now: Now, out: &mut Output) {
        let expires_at = self.subscription.access().expires_at;
        if expires_at.is_some_and(|end| end <= now.unix_ms) {
            self.end(now, EndReason::KeyExpired, out);
            return;
        }
        if let Some(ask) = self.subscription.wake(now) {
            out.ask = Some(ask);
        }
        if now.mono_ms >= self.kept_until_ms() {
            self.subscription.let_go();
        }
        if now < self.heartbeat_at {
            return self.schedule(now, out);
        }
        self.schedule_heartbeat(now, out);
        if !self.started || !self.frames.unsent.is_empty() {
            // The client has something to read already, or no response yet.
            return;
        }
        self.heartbeats = self.heartbeats.wrapping_add(1);
        let idle = self.heartbeats.is_multiple_of(REFRESH_HEARTBEATS);
        let at = self.subscription.at();
        if idle && at != self.frames.told {
            let epoch = self.frames.epoch;
            self.frames
                .writer(&self.subscription, now, out)
                .ready(at, epoch);
        } else {
            self.frames.unsent.begin(now);
            self.frames
                .write(out, |out| out.bytes.extend_from_slice(b": heartbeat\n"));
        }
        if let Some(ask) = self.subscription.refresh(idle) {
            out.ask = Some(ask);
        }
    }

    /// The server stops: the client is told where to go on, and how long to wait, so that not
    /// all clients come back at once. Then it may close, or acknowledge what it was told. When this
    /// comes again, the time for that is over.
    pub fn shutdown(&mut self, now: Now, out: &mut Output) {
        if self.is_leaving {
            out.close = true;
            return;
        }
        let reconnect_after_ms = reconnect_ms(self.seed, 2);
        self.end(now, EndReason::Shutdown { reconnect_after_ms }, out);
        // Another form has no number that could be acknowledged.
        if self.shared.is_stopping() && self.frames.form.is_none() {
            self.is_leaving = true;
            out.close = false;
            out.deadline = Some(None);
        }
    }

    /// The log cannot be read any more: the client is told whether its key has ended.
    pub fn fail(&mut self, now: Now, problem: &Problem, out: &mut Output) {
        self.end(now, self.subscription.reason_of(problem), out);
    }

    fn end(&mut self, now: Now, reason: EndReason, out: &mut Output) {
        if self.started {
            self.frames.writer(&self.subscription, now, out).end(reason);
        }
        out.close = true;
    }

    fn answer(
        &mut self,
        now: Now,
        answer: FeedAnswer,
        out: &mut Output,
    ) -> Result<(), Box<Problem>> {
        let mut writer = self.frames.writer(&self.subscription, now, out);
        let ask = self.subscription.answer(answer, &mut writer)?;
        self.follow(now, ask, out);
        if self.subscription.wake_ms().is_some() {
            self.schedule(now, out);
        }
        Ok(())
    }

    fn schedule_heartbeat(&mut self, now: Now, out: &mut Output) {
        self.heartbeat_at = now.plus_ms(self.shared.limits.heartbeat_s.saturating_mul(1000));
        self.schedule(now, out);
    }

    /// When the events that are kept are given up, monotonic milliseconds: a client that has
    /// stopped to read costs no more than one that never did.
    fn kept_until_ms(&self) -> u64 {
        match self.subscription.is_keeping() {
            true => self.frames.unsent.slow_at_ms(),
            false => u64::MAX,
        }
    }

    /// Moves the deadline to what comes next: a heartbeat, the end of the key or of a lease, or of
    /// the events that are kept.
    fn schedule(&self, now: Now, out: &mut Output) {
        let mut next = self.heartbeat_at;
        let kept_until_ms = self.kept_until_ms();
        let wakes = self.subscription.wake_ms().into_iter();
        for at in wakes.chain((kept_until_ms < u64::MAX).then_some(kept_until_ms)) {
            next = next.min(now.plus_ms(at.saturating_sub(now.mono_ms)));
        }
        if let Some(end) = self.subscription.access().expires_at {
            let left_ms = u64::try_from(end.saturating_sub(now.unix_ms)).unwrap_or(0);
            next = next.min(now.plus_ms(left_ms));
        }
        out.deadline = Some(Some(next));
    }
}

impl Frames {
    fn writer<'a>(
        &'a mut self,
        subscription: &Subscription,
        now: Now,
        out: &'a mut Output,
    ) -> SseWriter<'a> {
        self.unsent.begin(now);
        SseWriter {
            frames: self,
            at: subscription.at(),
            now,
            out,
        }
    }

    /// One frame. The JSON that `data` writes has no line end in it.
    fn frame(
        &mut self,
        id: u64,
        kind: EventKind,
        out: &mut Output,
        data: impl FnOnce(&mut Vec<u8>, &mut Renderings),
    ) {
        self.told = id;
        let retry_ms = self.retry_ms.take();
        self.write(
            out,
            |Output {
                 bytes, renderings, ..
             }| {
                if let Some(retry_ms) = retry_ms {
                    bytes.extend_from_slice(format!("retry: {retry_ms}\n").as_bytes());
                }
                // A vector takes all that is written to it.
                let _ = write!(bytes, "id: {id}\nevent: {}\ndata: ", kind.name());
                let from = bytes.len();
                data(bytes, renderings);
                debug_assert!(!bytes.iter().skip(from).any(|b| *b == b'\n' || *b == b'\r'));
                bytes.extend_from_slice(b"\n\n");
            },
        );
    }

    /// Writes in another form, if there is one; whether it did. `seq` has been told then.
    fn in_form(
        &mut self,
        seq: u64,
        out: &mut Output,
        fill: impl FnOnce(&mut dyn StreamForm, &mut Vec<u8>),
    ) -> bool {
        let Some(form) = &mut self.form else {
            return false;
        };
        let before = out.bytes.len();
        fill(&mut **form, &mut out.bytes);
        let written = out.bytes.len() - before;
        self.unsent.add(written);
        self.told = seq;
        // Nothing that was written tells that it has gone.
        out.more |= written > 0;
        true
    }

    fn write(&mut self, out: &mut Output, fill: impl FnOnce(&mut Output)) {
        let before = out.bytes.len();
        fill(out);
        self.unsent.add(out.bytes.len() - before);
        out.more = true;
    }
}

impl EventWriter for SseWriter<'_> {
    fn has_room(&self) -> bool {
        self.frames.unsent.has_room()
    }

    fn is_quick(&self) -> bool {
        self.frames.unsent.is_quick()
    }

    fn ready(&mut self, seq: u64, epoch: u64) {
        let now = self.now;
        self.frames.epoch = epoch;
        let formed = |form: &mut dyn StreamForm, out: &mut Vec<u8>| form.ready(out, seq);
        if self.frames.in_form(seq, self.out, formed) {
            return;
        }
        self.frames
            .frame(seq, EventKind::Ready, self.out, |data, _| {
                show::ready(data, now, seq, epoch);
            });
    }

    fn event(
        &mut self,
        access: &Access,
        (kind, event): (EventKind, &Event),
        delivery: Option<u32>,
    ) {
        let formed = |form: &mut dyn StreamForm, out: &mut Vec<u8>| form.event(out, event);
        if self.frames.in_form(event.seq, self.out, formed) {
            return;
        }
        let told = self.frames.told;
        self.frames
            .frame(event.seq, kind, self.out, |data, renderings| {
                let shared = (data, renderings);
                show::shared_event(shared, kind, (event, delivery), access);
            });
        if delivery.is_some() {
            // An event of a group may come again behind later ones.
            self.frames.told = self.frames.told.max(told);
        }
    }

    fn reset(&mut self, oldest: u64, reason: ResetReason) {
        let now = self.now;
        let before = oldest.saturating_sub(1);
        let formed = |form: &mut dyn StreamForm, out: &mut Vec<u8>| form.reset(out, before);
        if self.frames.in_form(before, self.out, formed) {
            return;
        }
        self.frames
            .frame(before, EventKind::Reset, self.out, |data, _| {
                show::reset(data, now, oldest, reason);
            });
    }

    fn end(&mut self, reason: EndReason) {
        let (now, seq) = (self.now, self.at.max(self.frames.told));
        let formed = |form: &mut dyn StreamForm, out: &mut Vec<u8>| form.end(out, reason);
        if self.frames.in_form(seq, self.out, formed) {
            self.out.close = true;
            return;
        }
        self.frames
            .frame(seq, EventKind::Closing, self.out, |data, _| {
                show::closing(data, now, seq, reason);
            });
        self.out.close = true;
    }
}

/// How long a client waits before it comes back; another time for each `n`.
pub(super) fn reconnect_ms(seed: u64, n: u64) -> u64 {
    RETRY_MS_MIN + spread(seed, n) % RETRY_MS_SPREAD
}

/// The shortest time that a client waits before it comes back.
const RETRY_MS_MIN: u64 = 1000;
/// Up to ten seconds in all, different for each client, so that ten thousand clients do not
/// come back in the same second.
const RETRY_MS_SPREAD: u64 = 9001;
/// Every five minutes with a heartbeat of fifteen seconds. The log is kept for days.
pub(super) const REFRESH_HEARTBEATS: u32 = 20;
