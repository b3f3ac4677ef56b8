//! One event stream (api.md section 5): it opens, replays from the log, then goes live.
//!
//! ```text
//! ExpectInbox -> ExpectLease -> ExpectHead | ExpectTime -> ExpectPage <-> Full
//!                                   |                          |  ^
//!                                   +----------> Live <--------+  |  (fell behind)
//!                                                  +-------------+
//! ```
//!
//! The log is the buffer: a stream holds a cursor and no event. Live events are written only
//! while it is caught up and what was written has gone; otherwise they are left in the table
//! and read from there. Watch first, read second: what comes while a page is read only raises
//! `seen`, and a page that ends below it is followed by another.

use std::sync::Arc;

use super::show;
use super::wanted::{Place, Start, Wanted};
use crate::call::{Answer, Call, Change, Event, InboxId, Now, Refusal, Reply, Shared, Topic};
use crate::engine::Output;
use crate::http::api::problems::{Problem, refused};
use crate::http::wire::json;
use crate::http::wire::response::spread;

/// One stream.
#[derive(Debug)]
pub(crate) struct Stream {
    wanted: Box<Wanted>,
    topic: Topic,
    shared: Arc<Shared>,
    seed: u64,
    state: State,
    /// Every event up to this one has been written or is not for this stream.
    at: u64,
    /// The last number that the client was told.
    told: u64,
    /// The highest number that we were notified of.
    seen: u64,
    /// Octets written since the output was last empty.
    unsent: usize,
    /// How many events the next page asks for.
    page: usize,
    /// Heartbeats so far.
    beats: u32,
    /// The response head has been written.
    started: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// `FindInbox` is out.
    ExpectInbox,
    /// `OpenStream` is out.
    ExpectLease,
    /// `LogState` is out.
    ExpectHead,
    /// `LogAt` is out.
    ExpectTime,
    /// `EventsAfter` is out.
    ExpectPage,
    /// There is more to read, once what was written has gone.
    Full,
    /// Caught up.
    Live,
}

/// What the first reply that matters brought; the response begins with it.
#[derive(Debug)]
pub(crate) enum First {
    /// A stream from now on: the log's head and epoch.
    Head(u64, u64),
    /// A page of a replay.
    Page(Page),
    /// The cursor is not of this log; the oldest number there is.
    Reset(u64),
}

/// An answer to `EventsAfter`.
#[derive(Debug)]
pub(crate) struct Page {
    events: Vec<Event>,
    scanned_to: u64,
    head: u64,
    oldest: u64,
}

impl Stream {
    /// Begins to open; asks for the inbox or the lease.
    pub fn new(wanted: Box<Wanted>, shared: Arc<Shared>, seed: u64, out: &mut Output) -> Stream {
        let access = wanted.access.clone();
        let mut stream = Stream {
            topic: Topic::Org(access.org),
            wanted,
            shared,
            seed,
            state: State::ExpectInbox,
            at: 0,
            told: 0,
            seen: 0,
            unsent: 0,
            page: PAGE_FIRST,
            beats: 0,
            started: false,
        };
        match stream.wanted.place.clone() {
            Place::All => stream.lease(out),
            Place::One(inbox) | Place::Tree(inbox) => {
                out.call = Some(Call::FindInbox { access, inbox });
            }
        }
        stream
    }

    /// Whether the response has begun.
    pub fn is_started(&self) -> bool {
        self.started
    }

    /// The answer to the call that is out. `Some` when the response is to begin with it; an
    /// error is a response of its own before that, and the end after it.
    pub fn reply(
        &mut self,
        now: Now,
        reply: Reply,
        out: &mut Output,
    ) -> Result<Option<First>, Box<Problem>> {
        match (self.state, reply) {
            (State::ExpectPage, Reply::Refused(Refusal::Expired { oldest })) => {
                if !self.started {
                    return Ok(Some(First::Reset(oldest)));
                }
                self.reset(now, oldest, out);
            }
            (_, Reply::Refused(refusal)) => return Err(refused(&refusal, &self.shared.limits)),
            (State::ExpectInbox, Reply::Answer(Answer::Inboxes { rows, .. })) => {
                let Some(row) = rows.first() else {
                    return Err(Problem::not_found("inbox"));
                };
                self.topic = match self.wanted.place {
                    Place::Tree(_) => Topic::Tree(row.id),
                    _ => Topic::Inbox(row.id),
                };
                self.lease(out);
            }
            (State::ExpectLease, Reply::Answer(Answer::Done)) => {
                let access = self.wanted.access.clone();
                // From here on events come; what they say is read from the log.
                out.watch = Some(vec![self.topic, Topic::Key(access.key)]);
                match self.wanted.start {
                    Start::Now => {
                        self.state = State::ExpectHead;
                        out.call = Some(Call::LogState { access });
                    }
                    Start::After(seq) => {
                        self.at = seq;
                        self.read(out);
                    }
                    Start::At(unix_ms) => {
                        self.state = State::ExpectTime;
                        out.call = Some(Call::LogAt { access, unix_ms });
                    }
                }
            }
            (State::ExpectHead, Reply::Answer(Answer::LogState { head, epoch, .. })) => {
                return Ok(Some(First::Head(head, epoch)));
            }
            // A time from which on rows may be missing gives a number below the window, which
            // the first page finds too old.
            (State::ExpectTime, Reply::Answer(Answer::LogState { head, .. })) => {
                self.at = head;
                self.read(out);
            }
            (
                State::ExpectPage,
                Reply::Answer(Answer::Events {
                    events,
                    scanned_to,
                    head,
                    oldest,
                }),
            ) => {
                let page = Page {
                    events,
                    scanned_to,
                    head,
                    oldest,
                };
                if !self.started {
                    return Ok(Some(First::Page(page)));
                }
                self.page(now, page, out);
            }
            _ => {
                return Err(Problem::unavailable(
                    "internal",
                    "The stream lost its place.",
                ));
            }
        }
        Ok(None)
    }

    /// The response head has been written: the stream begins.
    pub fn start(&mut self, now: Now, first: First, out: &mut Output) {
        self.started = true;
        self.told = self.at;
        out.stream = true;
        let retry = RETRY_MS_MIN + spread(self.seed, 1) % RETRY_MS_SPREAD;
        self.write(out, |bytes| {
            bytes.extend_from_slice(format!("retry: {retry}\n\n").as_bytes());
        });
        self.beat_later(now, out);
        match first {
            First::Head(head, epoch) => {
                self.at = head;
                self.frame(out, head, "ready", |data| {
                    json::object(data, |o| {
                        o.number("seq", head);
                        o.text("type", "ready");
                        o.time("time", now.unix_ms);
                        o.number("epoch", epoch);
                    });
                });
                self.go_on(head.max(self.seen), out);
            }
            First::Page(page) => self.page(now, page, out),
            First::Reset(oldest) => self.reset(now, oldest, out),
        }
    }

    /// Something happened.
    pub fn event(&mut self, event: &Event, out: &mut Output) {
        if matches!(&event.change, Change::KeyRevoked { key } if *key == self.wanted.access.key) {
            out.close = true;
            return;
        }
        self.seen = self.seen.max(event.seq);
        if self.state != State::Live || event.seq <= self.at {
            return;
        }
        // The organization's log has no gaps; if one shows, the table knows better.
        let gap = matches!(self.topic, Topic::Org(_)) && event.seq != self.at.saturating_add(1);
        if gap {
            self.read(out);
            return;
        }
        if self.unsent > STREAM_WATER {
            self.state = State::Full;
            return;
        }
        self.show(event, out);
    }

    /// What was written has gone.
    pub fn drained(&mut self, out: &mut Output) {
        self.unsent = 0;
        if self.state == State::Full {
            self.read(out);
        }
    }

    /// A heartbeat is due, or the key has ended.
    pub fn deadline(&mut self, now: Now, out: &mut Output) {
        if self
            .wanted
            .access
            .expires_at
            .is_some_and(|end| end <= now.unix_ms)
        {
            out.close = true;
            return;
        }
        self.beat_later(now, out);
        if !self.started || self.unsent > 0 {
            // It has something to read already, or is not there to be kept alive.
            return;
        }
        self.beats = self.beats.wrapping_add(1);
        let id = (self.told != self.at).then_some(self.at);
        self.write(out, |bytes| {
            bytes.extend_from_slice(b": heartbeat\n");
            if let Some(id) = id {
                bytes.extend_from_slice(format!("id: {id}\n").as_bytes());
            }
            bytes.push(b'\n');
        });
        self.told = self.at;
        // Of other inboxes' events we hear nothing: now and then the cursor is moved past
        // them, so that it does not age out of the log.
        let quiet =
            !matches!(self.topic, Topic::Org(_)) && self.beats.is_multiple_of(REFRESH_BEATS);
        if self.state == State::Live && (quiet || self.seen > self.at) {
            self.read(out);
        }
    }

    /// The server stops: tells where to go on, and how long to wait so that not all come back
    /// at once.
    pub fn shutdown(&mut self, now: Now, out: &mut Output) {
        let wait_ms = RETRY_MS_MIN + spread(self.seed, 2) % RETRY_MS_SPREAD;
        let seq = self.at;
        self.frame(out, seq, "closing", |data| {
            json::object(data, |o| {
                o.time("time", now.unix_ms);
                o.number("seq", seq);
                o.number("reconnect_after_ms", wait_ms);
            });
        });
        out.close = true;
    }

    fn lease(&mut self, out: &mut Output) {
        self.state = State::ExpectLease;
        out.lease = true;
        out.call = Some(Call::OpenStream {
            access: self.wanted.access.clone(),
        });
    }

    /// Asks for what comes after `at`.
    fn read(&mut self, out: &mut Output) {
        self.state = State::ExpectPage;
        out.call = Some(Call::EventsAfter {
            access: self.wanted.access.clone(),
            topic: self.topic,
            after: self.at,
            limit: self.page,
        });
    }

    /// Writes as much of a page as the output takes. What is left is read again: the next
    /// page is made as small as the client is slow.
    fn page(&mut self, now: Now, page: Page, out: &mut Output) {
        if self.at > page.head || self.at.saturating_add(1) < page.oldest {
            self.reset(now, page.oldest, out);
            return;
        }
        let before = self.at;
        for (n, event) in page.events.iter().enumerate() {
            if self.unsent > STREAM_WATER {
                self.page = (n + n / 4).clamp(PAGE_MIN, PAGE_MAX);
                self.state = State::Full;
                return;
            }
            if event.seq <= self.at {
                continue;
            }
            self.show(event, out);
            if out.close {
                return;
            }
        }
        self.page = (self.page * 2).min(PAGE_MAX);
        self.at = self.at.max(page.scanned_to);
        // Without progress another page would bring none either; the next heartbeat tries.
        let moved = self.at > before;
        let target = if moved {
            page.head.max(self.seen)
        } else {
            self.at
        };
        self.go_on(target, out);
    }

    /// Another page, or live when the cursor has come to `target`.
    fn go_on(&mut self, target: u64, out: &mut Output) {
        if self.at >= target {
            self.state = State::Live;
        } else if self.unsent > STREAM_WATER {
            self.state = State::Full;
        } else {
            self.read(out);
        }
    }

    /// The cursor is not of this log any more: says so, and goes on with the oldest there is.
    fn reset(&mut self, now: Now, oldest: u64, out: &mut Output) {
        let reason = match self.at.saturating_add(1) < oldest {
            true => "too_old",
            false => "ahead",
        };
        self.at = oldest.saturating_sub(1);
        let id = self.at;
        self.frame(out, id, "reset", |data| {
            json::object(data, |o| {
                o.number("seq", oldest);
                o.text("type", "reset");
                o.time("time", now.unix_ms);
                o.text("reason", reason);
            });
        });
        self.read(out);
    }

    /// Moves the cursor past an event, and writes it if it is wanted.
    fn show(&mut self, event: &Event, out: &mut Output) {
        self.at = event.seq;
        if let Some(kind) = self.wanted.filter.pass(event, &self.wanted.access) {
            let mut data = Vec::with_capacity(1024);
            show::write(&mut data, kind, event, &self.wanted.access);
            self.frame(out, event.seq, kind, |bytes| bytes.extend_from_slice(&data));
        }
        if matches!(event.change, Change::InboxDeleted)
            && event.inbox.as_ref().map(|path| path.id) == self.root()
        {
            out.close = true;
        }
    }

    /// The inbox that this stream ends with.
    fn root(&self) -> Option<InboxId> {
        match self.topic {
            Topic::Inbox(id) | Topic::Tree(id) => Some(id),
            Topic::Org(_) | Topic::Key(_) => None,
        }
    }

    /// One frame: number, type, one line of JSON (which has no line end in it).
    fn frame(&mut self, out: &mut Output, id: u64, kind: &str, data: impl FnOnce(&mut Vec<u8>)) {
        self.told = id;
        self.write(out, |bytes| {
            bytes.extend_from_slice(format!("id: {id}\nevent: {kind}\ndata: ").as_bytes());
            let from = bytes.len();
            data(bytes);
            debug_assert!(!bytes.iter().skip(from).any(|b| *b == b'\n' || *b == b'\r'));
            bytes.extend_from_slice(b"\n\n");
        });
    }

    fn write(&mut self, out: &mut Output, fill: impl FnOnce(&mut Vec<u8>)) {
        let before = out.bytes.len();
        fill(&mut out.bytes);
        self.unsent += out.bytes.len() - before;
        out.more = true;
    }

    fn beat_later(&self, now: Now, out: &mut Output) {
        let mut next = now.plus_ms(self.shared.limits.heartbeat_s.saturating_mul(1000));
        if let Some(end) = self.wanted.access.expires_at {
            let left = u64::try_from(end.saturating_sub(now.unix_ms)).unwrap_or(0);
            next = next.min(now.plus_ms(left));
        }
        out.deadline = Some(Some(next));
    }
}

/// Octets that a stream has unsent before it waits: what a reader that has stopped costs. Less
/// than other responses may have, since there may be a thousand such readers.
const STREAM_WATER: usize = 16 * 1024;
/// Events in a page of a replay at most (reliability.md H10).
const PAGE_MAX: usize = 500;
/// And at first: a thousand that come back together do not each read the most.
const PAGE_FIRST: usize = 32;
/// And at least, so that a slow reader still gets on.
const PAGE_MIN: usize = 8;
/// The shortest time that a client waits before it comes back.
const RETRY_MS_MIN: u64 = 1000;
/// Up to ten seconds in all, each client at its own time (reliability.md H12).
const RETRY_MS_SPREAD: u64 = 9001;
/// Every five minutes with a heartbeat of fifteen seconds; the log is kept for days.
const REFRESH_BEATS: u32 = 20;
