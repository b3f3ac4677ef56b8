//! The cursor of one reader of the log: where it is, what it asks of the log next, and when it
//! takes events live.
//!
//! ```text
//! ExpectHead ------------------------> Live <--+
//!                                      |       | the cursor is at the head
//! ExpectTime -> ExpectPage <-----------+-------+
//!                  |   ^    a gap in live events, or a page ends below the head
//!                  v   |
//!                 Paused    the reader has no room; `resume` goes on
//! ```
//!
//! For a reader that takes all at once, the next page is asked for before the one that has come is
//! emitted: the log is read while the events are written. What such a reader has no room for yet is
//! kept, until it has room or [`LogCursor::let_go`] gives it up.
//!
//! A reader is told once that it is at the head: at once where it begins there, else when it
//! has been given everything behind its cursor.
//!
//! It knows no connection, no framing and no filter: an event stream, a WebSocket, a webhook
//! and a consumer group can each put an [`EventSink`] behind it. It rests on three rules:
//!
//! - The log is the buffer. The cursor of a slow reader holds numbers and no event, so it costs
//!   nothing (DECISIONS.md, "Events and cursors").
//! - Watch first, read second. An event that comes while a page is read only raises `seen`,
//!   and a page that ends below `seen` is followed by another. No event is emitted live while
//!   `seen` is above `at`: those between them have not been emitted.
//! - `at` only grows, except by a reset. So every number is emitted at most once, in order.

use core::ops::ControlFlow;

use crate::call::Event;

/// The cursor.
#[derive(Debug)]
pub struct LogCursor {
    stage: CursorStage,
    /// The log has no gaps for this reader: it watches the whole organization.
    dense: bool,
    /// Every event up to this one has been emitted or is of another topic.
    at: u64,
    /// The highest number of an event that came live.
    seen: u64,
    /// `seen` when the question that is out was asked.
    seen_when_asked: u64,
    /// The rows that the next page asks for.
    rows: usize,
    /// The reader has not been told yet that it is at the head.
    is_catching_up: bool,
    /// The number behind which the last page was asked for.
    asked_after: u64,
    /// What has come and was not emitted yet.
    kept: Option<Box<KeptEvents>>,
    /// What was emitted while the next page is read. Its memory is given back when that has come:
    /// the thread that reads has taken it, and would wait for us at each event.
    spent: Option<Box<KeptEvents>>,
}

/// Events behind the cursor that have been read: at most those of two pages.
#[derive(Debug)]
struct KeptEvents {
    events: Vec<Event>,
    /// So many of them were emitted.
    emitted: usize,
    /// As in the last page that came.
    scanned_to: u64,
    head: u64,
    epoch: u64,
    /// The pages bring the cursor on, or may have been read before an event that came live.
    is_progress: bool,
    /// Events that were emitted since the reader last had room.
    taken: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum CursorStage {
    /// [`LogAsk::Head`] is out.
    ExpectHead,
    /// [`LogAsk::Time`] is out.
    ExpectTime,
    /// [`LogAsk::Page`] is out.
    ExpectPage,
    /// There is more to emit or to read, when the reader has room again.
    Paused,
    /// At the head: events are emitted as they come.
    Live,
    /// The sink has ended.
    Ended,
}

/// Where a reader begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StartAt {
    /// The event that comes next.
    Now,
    /// The event behind this number.
    After(u64),
    /// The first event at or after this time, unix milliseconds.
    Time(i64),
}

/// What a cursor asks of the log. There is at most one question at a time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogAsk {
    /// The head of the log.
    Head,
    /// The number before the first event at or after this time, unix milliseconds.
    Time(i64),
    /// The events behind a number.
    Page {
        /// The number.
        after: u64,
        /// The rows at most.
        rows: usize,
    },
}

/// The answer to a [`LogAsk`].
#[derive(Debug)]
pub enum LogAnswer {
    /// To [`LogAsk::Head`].
    Head {
        /// The number of the last event.
        head: u64,
        /// It grows with every restore of the database.
        epoch: u64,
    },
    /// To [`LogAsk::Time`]: the number. It is below the log when events of that time may be
    /// gone; the page behind it then tells so.
    Time(u64),
    /// To [`LogAsk::Page`].
    Page(LogPage),
    /// To [`LogAsk::Page`]: the events behind the number are gone. The oldest that is kept.
    Expired(u64),
}

/// A page of the log.
#[derive(Debug)]
pub struct LogPage {
    /// The events of the topic, in order.
    pub events: Vec<Event>,
    /// The last number that the page covers.
    pub scanned_to: u64,
    /// The number of the last event in the log.
    pub head: u64,
    /// The number of the first event in the log.
    pub oldest: u64,
    /// As in [`LogAnswer::Head`].
    pub epoch: u64,
}

/// What a cursor emits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Emitted<'a> {
    /// The reader is at the head: every event up to `seq` has been emitted or is older than its
    /// start, and what follows comes live.
    Ready {
        /// The number of the last event.
        seq: u64,
        /// As in [`LogAnswer::Head`].
        epoch: u64,
    },
    /// The next event.
    Event(&'a Event),
    /// The cursor is not in the log: the reader goes on with `oldest`.
    Reset {
        /// The oldest event that is kept.
        oldest: u64,
        /// Why.
        reason: ResetReason,
    },
}

/// Why a cursor is not in the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ResetReason {
    /// Events behind it are gone.
    TooOld,
    /// It is above the head: it is the number of another log, or from before a restore.
    Ahead,
}

/// What takes the events. It decides which of them its client wants, and how they are written.
pub trait EventSink {
    /// Whether it takes an event now. It always takes `Ready` and `Reset`.
    fn has_room(&self) -> bool;

    /// Whether its client takes at once what there is: then some events may be kept for it.
    fn is_quick(&self) -> bool;

    /// Takes one. `Break` ends the reader: nothing is emitted and asked after it.
    fn take(&mut self, emitted: Emitted<'_>) -> ControlFlow<()>;
}

/// The answer is not to what the cursor has asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OutOfStep;

impl LogCursor {
    /// A cursor with its first question. `dense`: its topic is the whole organization, whose
    /// numbers have no gaps.
    pub fn open(start: StartAt, dense: bool) -> (LogCursor, LogAsk) {
        let mut cursor = LogCursor {
            stage: CursorStage::ExpectHead,
            dense,
            at: 0,
            seen: 0,
            seen_when_asked: 0,
            rows: PAGE_ROWS_FIRST,
            is_catching_up: true,
            asked_after: 0,
            kept: None,
            spent: None,
        };
        let ask = match start {
            StartAt::Now => LogAsk::Head,
            StartAt::Time(unix_ms) => {
                cursor.stage = CursorStage::ExpectTime;
                LogAsk::Time(unix_ms)
            }
            StartAt::After(seq) => {
                cursor.at = seq;
                cursor.read()
            }
        };
        (cursor, ask)
    }

    /// Every event up to this number has been emitted or is of another topic. A reader that
    /// comes back with it misses nothing.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// The answer to the question that is out; returns the next one. When events are kept after it
    /// ([`LogCursor::is_keeping`]), [`LogCursor::go_on_with_kept`] is to follow as soon as that
    /// question is asked and the sink has room.
    pub fn answer(
        &mut self,
        answer: LogAnswer,
        sink: &mut impl EventSink,
    ) -> Result<Option<LogAsk>, OutOfStep> {
        match (self.stage, answer) {
            (CursorStage::ExpectHead, LogAnswer::Head { head, epoch }) => {
                self.at = head;
                if self.tell_ready(epoch, sink).is_break() {
                    return Ok(None);
                }
                Ok(self.go_on(head.max(self.seen), sink))
            }
            (CursorStage::ExpectTime, LogAnswer::Time(before)) => {
                self.at = before;
                Ok(Some(self.read()))
            }
            (CursorStage::ExpectPage, LogAnswer::Page(page)) => Ok(self.page(page, sink)),
            (CursorStage::ExpectPage, LogAnswer::Expired(oldest)) => Ok(self.expired(oldest, sink)),
            _ => Err(OutOfStep),
        }
    }

    /// An event of the topic has come live.
    pub fn event(&mut self, event: &Event, sink: &mut impl EventSink) -> Option<LogAsk> {
        let behind = self.seen > self.at;
        self.seen = self.seen.max(event.seq);
        if self.stage != CursorStage::Live || event.seq <= self.at {
            return None;
        }
        // Events before this one have not been emitted, so they are read from the log.
        if behind || (self.dense && event.seq != self.at.saturating_add(1)) {
            return Some(self.read());
        }
        if !sink.has_room() {
            self.stage = CursorStage::Paused;
            return None;
        }
        self.at = event.seq;
        let _ = self.emit(Emitted::Event(event), sink);
        None
    }

    /// The sink has room again, and nothing is kept for it.
    pub fn resume(&mut self) -> Option<LogAsk> {
        (self.stage == CursorStage::Paused && self.kept.is_none()).then(|| self.read())
    }

    /// Whether events are kept for the sink.
    pub fn is_keeping(&self) -> bool {
        self.kept.is_some()
    }

    /// The sink may have room for the events that are kept.
    pub fn go_on_with_kept(&mut self, sink: &mut impl EventSink) -> Option<LogAsk> {
        if let Some(kept) = &mut self.kept {
            kept.taken = 0;
        }
        self.read_ahead(sink).or_else(|| self.emit_kept(sink))
    }

    /// Gives up the events that are kept: they are read again when the sink has room.
    pub fn let_go(&mut self) {
        self.kept = None;
    }

    /// Reads on when the last page brought nothing although there is more. `idle`: it is long
    /// since the last time; a cursor whose topic is a part of the organization is then moved
    /// past the events of other topics, so that it does not grow too old for the log.
    pub fn refresh(&mut self, idle: bool) -> Option<LogAsk> {
        let behind = self.seen > self.at || (idle && !self.dense);
        (self.stage == CursorStage::Live && behind).then(|| self.read())
    }

    fn read(&mut self) -> LogAsk {
        self.read_after(self.at)
    }

    fn read_after(&mut self, after: u64) -> LogAsk {
        self.stage = CursorStage::ExpectPage;
        self.seen_when_asked = self.seen;
        self.asked_after = after;
        LogAsk::Page {
            after,
            rows: self.rows,
        }
    }

    /// Asks for what is behind the events that are kept, unless they are more than a page.
    fn read_ahead(&mut self, sink: &impl EventSink) -> Option<LogAsk> {
        let kept = self.kept.as_deref()?;
        let after = kept.scanned_to;
        let is_due = self.stage == CursorStage::Paused
            && sink.is_quick()
            && sink.has_room()
            && (1..=self.rows).contains(&(kept.events.len() - kept.emitted))
            && after < kept.head.max(self.seen);
        is_due.then(|| self.read_after(after))
    }

    fn page(&mut self, page: LogPage, sink: &mut impl EventSink) -> Option<LogAsk> {
        self.stage = CursorStage::Paused;
        self.spent = None;
        let end = self.kept.as_deref().map_or(self.at, |kept| kept.scanned_to);
        if self.asked_after > end {
            // What was before it has been given up.
            return self.read_with_room(sink);
        }
        if end > page.head || end.saturating_add(1) < page.oldest {
            return self.expired(page.oldest, sink);
        }
        let last = page.events.last().map_or(0, |event| event.seq);
        let moves = page.scanned_to.max(last) > end || self.seen > self.seen_when_asked;
        let kept = self.kept.get_or_insert_with(|| {
            Box::new(KeptEvents {
                events: Vec::new(),
                emitted: 0,
                scanned_to: end,
                head: page.head,
                epoch: page.epoch,
                is_progress: false,
                taken: 0,
            })
        });
        kept.events.drain(..kept.emitted);
        kept.emitted = 0;
        match kept.events.is_empty() {
            true => kept.events = page.events,
            false => kept.events.extend(page.events),
        }
        kept.scanned_to = kept.scanned_to.max(page.scanned_to).max(last);
        kept.head = page.head;
        kept.epoch = page.epoch;
        kept.is_progress |= moves;
        self.read_ahead(sink).or_else(|| self.emit_kept(sink))
    }

    /// Emits as much of what is kept as the sink has room for. A reader that is not quick reads the
    /// rest again: its next page is as small as it is slow.
    fn emit_kept(&mut self, sink: &mut impl EventSink) -> Option<LogAsk> {
        let mut kept = self.kept.take()?;
        while let Some(event) = kept.events.get(kept.emitted) {
            if !sink.has_room() {
                self.rows = (kept.taken + kept.taken / 4).clamp(PAGE_ROWS_MIN, PAGE_ROWS_MAX);
                self.kept = sink.is_quick().then_some(kept);
                return None;
            }
            kept.taken += 1;
            if event.seq > self.at {
                self.at = event.seq;
                if self.emit(Emitted::Event(event), sink).is_break() {
                    return None;
                }
            }
            kept.emitted += 1;
        }
        self.at = self.at.max(kept.scanned_to);
        if self.stage == CursorStage::ExpectPage {
            if kept.taken >= self.rows {
                self.rows = (self.rows * 2).min(PAGE_ROWS_MAX);
            }
            self.spent = Some(kept);
            return None;
        }
        self.rows = (self.rows * 2).min(PAGE_ROWS_MAX);
        // After a page without progress another brings none either, and `refresh` tries again,
        // unless an event has come since: the page may have been read before that event.
        let target = match kept.is_progress {
            true => kept.head.max(self.seen),
            false => self.at,
        };
        let caught_up = self.is_catching_up && self.at >= kept.head.max(self.seen);
        if caught_up && self.tell_ready(kept.epoch, sink).is_break() {
            return None;
        }
        self.go_on(target, sink)
    }

    /// Another page, or live when the cursor has come to `target`.
    fn go_on(&mut self, target: u64, sink: &impl EventSink) -> Option<LogAsk> {
        if self.at >= target {
            self.stage = CursorStage::Live;
            return None;
        }
        self.read_with_room(sink)
    }

    fn read_with_room(&mut self, sink: &impl EventSink) -> Option<LogAsk> {
        self.stage = CursorStage::Paused;
        sink.has_room().then(|| self.read())
    }

    /// The events behind the cursor are gone.
    fn expired(&mut self, oldest: u64, sink: &mut impl EventSink) -> Option<LogAsk> {
        self.stage = CursorStage::Paused;
        if self.kept.is_some() {
            // It was read ahead: what comes before is emitted first, and then it is asked again.
            return None;
        }
        if self.asked_after > self.at {
            return self.read_with_room(sink);
        }
        self.reset(oldest, sink)
    }

    fn reset(&mut self, oldest: u64, sink: &mut impl EventSink) -> Option<LogAsk> {
        let reason = match self.at.saturating_add(1) < oldest {
            true => ResetReason::TooOld,
            false => ResetReason::Ahead,
        };
        self.at = oldest.saturating_sub(1);
        self.is_catching_up = true;
        match self.emit(Emitted::Reset { oldest, reason }, sink) {
            ControlFlow::Continue(()) => Some(self.read()),
            ControlFlow::Break(()) => None,
        }
    }

    fn tell_ready(&mut self, epoch: u64, sink: &mut impl EventSink) -> ControlFlow<()> {
        self.is_catching_up = false;
        self.emit(
            Emitted::Ready {
                seq: self.at,
                epoch,
            },
            sink,
        )
    }

    fn emit(&mut self, emitted: Emitted<'_>, sink: &mut impl EventSink) -> ControlFlow<()> {
        let taken = sink.take(emitted);
        if taken.is_break() {
            self.stage = CursorStage::Ended;
        }
        taken
    }
}

/// Rows of a page at most.
const PAGE_ROWS_MAX: usize = 500;
/// Rows of the first page. It is small because a thousand readers may come back together.
const PAGE_ROWS_FIRST: usize = 32;
/// Rows of a page at least, so that a slow reader still gets on.
const PAGE_ROWS_MIN: usize = 8;
