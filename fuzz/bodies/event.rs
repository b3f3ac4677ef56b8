//! The cursor of event streams and the filter of events, with arbitrary logs and schedules.
//!
//! What must hold of the cursor: every event of the topic is emitted once, in order and
//! without a gap, unless a reset says that the log was cut; and however the events are split
//! between pages of the log and live events, the same numbers are emitted, whether the log is read
//! ahead of the reader or not. The reader is told that it is at the head once, and once more after
//! a reset. Of the filter: it agrees with a plain
//! comparison of senders.

use std::ops::ControlFlow;
use std::sync::Arc;

use postern::testing::call::{
    Access, Arrival, Arrived, Change, EntryId, EntryState, Event, EventFilter, Flags, Grant,
    InboxId, InboxPath, KeyId, NamedAddress, OrgId, Scopes, SenderAuth, Summary, ThreadId, UidSet,
};
use postern::testing::http::cursor::{
    Emitted, EventSink, LogAnswer, LogAsk, LogCursor, LogPage, ResetReason, StartAt,
};

/// A log, a reader and a schedule: four octets say how they begin, each further octet is one
/// step.
pub fn event_cursor(data: &[u8]) {
    let Some((begin, steps)) = data.split_first_chunk::<4>() else {
        return;
    };
    let steps = &steps[..steps.len().min(STEPS_MAX)];
    let mut run = Run::new(*begin);
    for step in steps {
        run.step(*step);
    }
    run.finish();
    // The same events, all from the log and all live.
    let Some(from) = run.reader.began.filter(|_| run.reader.resets == 0) else {
        return;
    };
    if run.log.oldest == 1 {
        let paged = replay(&run.log, from, run.log.rows.len());
        assert_eq!(paged, run.reader.emitted, "all from the log");
        let live = replay(&run.log, from, usize::try_from(from).unwrap());
        assert_eq!(live, run.reader.emitted, "all live");
    }
}

/// The numbers that a reader behind `from` is given when `committed` events are in the log as
/// it begins and the others come live.
fn replay(log: &Log, from: u64, committed: usize) -> Vec<u64> {
    let mut run = Run {
        log: Log {
            rows: log.rows[..committed.min(log.rows.len())].to_vec(),
            ..log.clone()
        },
        ..Run::open(StartAt::After(from), log.dense)
    };
    run.answer();
    for row in &log.rows[committed.min(log.rows.len())..] {
        run.log.rows.push(*row);
        run.publish_last();
        run.deliver();
        run.answer();
    }
    run.settle();
    run.reader.emitted
}

/// A log: row n has the number n + 1, and is of the reader's topic or not.
#[derive(Clone, Default)]
struct Log {
    rows: Vec<bool>,
    /// The oldest number that is kept.
    oldest: u64,
    /// Every row is of the topic.
    dense: bool,
}

impl Log {
    fn head(&self) -> u64 {
        self.rows.len() as u64
    }

    fn concerns(&self, seq: u64) -> bool {
        self.rows[usize::try_from(seq - 1).unwrap()]
    }

    /// As the store reads it: so many rows of the topic at most, and so many looked at.
    fn page(&self, after: u64, rows: usize) -> LogPage {
        let mut events = Vec::new();
        let mut scanned_to = self.head();
        let first = after.saturating_add(1).max(self.oldest);
        for (looked_at, seq) in (first..=self.head()).enumerate() {
            if events.len() == rows || looked_at == SCAN_ROWS {
                scanned_to = seq - 1;
                break;
            }
            if self.concerns(seq) {
                events.push(row(seq));
            }
        }
        LogPage {
            events,
            scanned_to,
            head: self.head(),
            oldest: self.oldest,
            epoch: 1,
        }
    }
}

/// Checks everything that it is given.
#[derive(Default)]
struct Reader {
    /// The number behind which it began, when it is known.
    began: Option<u64>,
    /// The last number that it was given.
    at: Option<u64>,
    emitted: Vec<u64>,
    resets: usize,
    readies: usize,
    room: usize,
    is_quick: bool,
}

struct Sink<'a> {
    reader: &'a mut Reader,
    log: &'a Log,
}

impl EventSink for Sink<'_> {
    fn has_room(&self) -> bool {
        self.reader.room > 0
    }

    fn is_quick(&self) -> bool {
        self.reader.is_quick
    }

    fn take(&mut self, emitted: Emitted<'_>) -> ControlFlow<()> {
        match emitted {
            Emitted::Ready { seq, .. } => {
                match self.reader.at {
                    None => self.reader.began = Some(seq),
                    Some(at) => {
                        assert!(seq >= at, "{seq} comes after {at}");
                        let missed = (at + 1..=seq).find(|seq| self.log.concerns(*seq));
                        assert_eq!(missed, None, "between {at} and {seq}");
                    }
                }
                self.reader.readies += 1;
                assert!(self.reader.readies <= self.reader.resets + 1, "told twice");
                self.reader.at = Some(seq);
            }
            Emitted::Event(event) => {
                let at = self.reader.at.expect("a reader knows where it is");
                assert!(event.seq > at, "{} comes after {at}", event.seq);
                let missed = (at + 1..event.seq).find(|seq| self.log.concerns(*seq));
                assert_eq!(missed, None, "between {at} and {}", event.seq);
                assert!(self.reader.room > 0, "there is no room");
                self.reader.room -= 1;
                self.reader.at = Some(event.seq);
                self.reader.emitted.push(event.seq);
            }
            Emitted::Reset { oldest, reason } => {
                let from = self.reader.began.unwrap_or_default();
                match reason {
                    ResetReason::TooOld => assert!(oldest > 1, "nothing was cut"),
                    ResetReason::Ahead => assert!(self.reader.emitted.is_empty() && from > 0),
                }
                // It may have been told before, and is told again behind the reset.
                self.reader.readies = self.reader.resets + 1;
                self.reader.resets += 1;
                self.reader.at = Some(oldest - 1);
            }
        }
        ControlFlow::Continue(())
    }
}

struct Run {
    log: Log,
    cursor: LogCursor,
    /// The question that is out, and its answer when the log has been read already.
    asked: Option<LogAsk>,
    read: Option<LogAnswer>,
    /// Events that are published and have not come yet.
    published: Vec<u64>,
    /// A published event has not come.
    dropped: bool,
    reader: Reader,
}

impl Run {
    fn new([flags, start, rows, cut]: [u8; 4]) -> Run {
        let dense = flags & 1 == 0;
        let start = match flags >> 1 & 3 {
            0 => StartAt::Now,
            1 => StartAt::Time(i64::from(start)),
            _ => StartAt::After(u64::from(start)),
        };
        let mut run = Run::open(start, dense);
        run.reader.is_quick = flags >> 3 & 1 == 1;
        for n in 0..rows {
            run.log.rows.push(dense || n % 3 == 0);
        }
        run.log.oldest = 1 + u64::from(cut % 8).min(run.log.head());
        run
    }

    fn open(start: StartAt, dense: bool) -> Run {
        let (cursor, asked) = LogCursor::open(start, dense);
        let began = match start {
            StartAt::After(seq) => Some(seq),
            StartAt::Now | StartAt::Time(_) => None,
        };
        Run {
            log: Log {
                rows: Vec::new(),
                oldest: 1,
                dense,
            },
            cursor,
            asked: Some(asked),
            read: None,
            published: Vec::new(),
            dropped: false,
            reader: Reader {
                began,
                at: began,
                room: usize::MAX,
                ..Reader::default()
            },
        }
    }

    fn step(&mut self, step: u8) {
        let n = step >> 3;
        match step & 7 {
            0 => {
                for bit in 0..=n % 8 {
                    self.log.rows.push(self.log.dense || n >> bit & 1 == 1);
                    self.publish_last();
                }
            }
            1 => (0..=n).for_each(|_| self.deliver()),
            2 => self.answer(),
            3 => self.read_log(),
            4 => self.make_room(usize::from(n)),
            5 => self.log.oldest = (self.log.oldest + u64::from(n)).min(self.log.head() + 1),
            6 => {
                let asked = self.cursor.refresh(n & 1 == 1);
                self.ask(asked);
                self.reader.is_quick ^= n >> 1 & 1 == 1;
                if n >> 2 & 1 == 1 {
                    self.cursor.let_go();
                }
            }
            // An event that does not come: a gap in the numbers tells of it.
            _ if self.log.dense && !self.published.is_empty() => {
                self.published.remove(0);
                self.dropped = true;
            }
            _ => self.deliver(),
        }
    }

    fn finish(&mut self) {
        self.settle();
        if !self.dropped {
            // Nothing waits for the next event or for a refresh.
            let last = (1..=self.log.head()).rfind(|seq| self.log.concerns(*seq));
            assert!(self.reader.at >= last, "{last:?} has not come");
        }
        self.log.rows.push(true);
        self.publish_last();
        self.settle();
        assert_eq!(self.reader.at, Some(self.log.head()), "all has come");
        assert_eq!(self.cursor.at(), self.log.head(), "and the cursor is there");
        assert_eq!(
            self.reader.readies,
            self.reader.resets + 1,
            "it was told so"
        );
    }

    /// Until nothing is to come, to read or to answer.
    fn settle(&mut self) {
        self.make_room(usize::MAX);
        for _ in 0..SETTLE_MAX {
            if self.asked.is_some() {
                self.answer();
            } else if !self.published.is_empty() {
                self.deliver();
            } else {
                return;
            }
        }
        panic!("the cursor does not come to rest");
    }

    fn publish_last(&mut self) {
        let seq = self.log.head();
        if self.log.concerns(seq) {
            self.published.push(seq);
        }
    }

    fn deliver(&mut self) {
        if self.published.is_empty() {
            return;
        }
        let event = row(self.published.remove(0));
        let mut sink = Sink {
            reader: &mut self.reader,
            log: &self.log,
        };
        let asked = self.cursor.event(&event, &mut sink);
        self.ask(asked);
    }

    fn make_room(&mut self, room: usize) {
        self.reader.room = room;
        self.go_on_with_kept();
        let asked = self.cursor.resume();
        self.ask(asked);
    }

    /// What the cursor keeps is given while there is room.
    fn go_on_with_kept(&mut self) {
        while self.cursor.is_keeping() && self.reader.room > 0 {
            let mut sink = Sink {
                reader: &mut self.reader,
                log: &self.log,
            };
            let asked = self.cursor.go_on_with_kept(&mut sink);
            self.ask(asked);
        }
    }

    /// Reads the log for the question that is out; the answer comes later.
    fn read_log(&mut self) {
        if self.read.is_some() {
            return;
        }
        self.read = self.asked.map(|asked| match asked {
            LogAsk::Head => LogAnswer::Head {
                head: self.log.head(),
                epoch: 1,
            },
            LogAsk::Time(n) => {
                let n = u64::try_from(n).unwrap();
                LogAnswer::Time(n.clamp(self.log.oldest - 1, self.log.head()))
            }
            LogAsk::Page { after, rows } => {
                assert!((1..=500).contains(&rows));
                assert!(after >= self.cursor.at());
                LogAnswer::Page(self.log.page(after, rows))
            }
        });
    }

    fn answer(&mut self) {
        self.read_log();
        let Some(answer) = self.read.take() else {
            return;
        };
        self.asked = None;
        if let LogAnswer::Time(n) = answer {
            self.reader.began = Some(n);
            self.reader.at = Some(n);
        }
        let mut sink = Sink {
            reader: &mut self.reader,
            log: &self.log,
        };
        let asked = self.cursor.answer(answer, &mut sink).expect("in step");
        self.ask(asked);
        self.go_on_with_kept();
    }

    fn ask(&mut self, asked: Option<LogAsk>) {
        if asked.is_some() {
            assert!(self.asked.is_none(), "one question at a time");
            self.asked = asked;
        }
    }
}

fn row(seq: u64) -> Event {
    event(seq, "bot@x.test", Change::InboxUpdated)
}

fn event(seq: u64, address: &str, change: Change) -> Event {
    Event {
        org: OrgId(1),
        depth: 0,
        seq,
        at: 0,
        inbox: Some(Arc::new(InboxPath {
            id: InboxId(5),
            address: address.to_owned(),
            ancestors: Vec::new(),
        })),
        mailbox: None,
        uids: UidSet::new(),
        change,
        origin: None,
    }
}

/// Two lines: the text of the filter, and the text that is compared with it.
pub fn event_filter(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(&data[..data.len().min(2048)]) else {
        return;
    };
    let (wanted, given) = text.split_once('\n').unwrap_or((text, text));
    let access = Access(Arc::new(Grant {
        org: OrgId(1),
        key: Some(KeyId(1)),
        scopes: Scopes::ADMIN,
        inboxes: None,
        subtree: false,
        inbox: None,
        address: String::new(),
        expires_at: None,
    }));

    // A sender may be any text.
    let filter = EventFilter {
        from: Some(wanted.to_lowercase()),
        ..EventFilter::default()
    };
    let sender = given.to_lowercase();
    let domain = sender.rsplit_once('@').map_or("", |(_, domain)| domain);
    let same = [sender.as_str(), domain].contains(&wanted.to_lowercase().as_str());
    let event = self::event(1, "bot@x.test", arrived(given, &[]));
    assert_eq!(filter.admit(&event, &access).is_some(), same, "{text:?}");

    let filter = EventFilter {
        label: Some(wanted.to_owned()),
        ..EventFilter::default()
    };
    let same = wanted.eq_ignore_ascii_case(given);
    let event = self::event(1, "bot@x.test", arrived("", &[given]));
    assert_eq!(filter.admit(&event, &access).is_some(), same, "{text:?}");
}

fn arrived(from: &str, labels: &[&str]) -> Change {
    let state = EntryState {
        uid: 1,
        id: EntryId(1),
        modseq: 1,
        flags: Flags::default(),
        keywords: labels.iter().map(|label| (*label).to_owned()).collect(),
    };
    let summary = Summary {
        from: NamedAddress {
            name: String::new(),
            address: from.to_owned(),
        },
        ..Summary::default()
    };
    Change::Arrived(Box::new(Arrived {
        kind: Arrival::Received,
        state,
        thread: ThreadId(1),
        folder: "INBOX".to_owned(),
        size: 1,
        message_id: String::new(),
        summary,
        auth: SenderAuth::Unknown,
        in_reply_to_metadata: None,
        rules: Vec::new(),
        spam: None,
        auto_reply: None,
    }))
}

const STEPS_MAX: usize = 2048;
/// Rows that one page looks at.
const SCAN_ROWS: usize = 50;
const SETTLE_MAX: usize = 100_000;
