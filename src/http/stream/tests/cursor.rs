//! The cursor alone: states of the log, live events and gaps, against what it emits and asks.

use core::ops::ControlFlow;

use super::super::cursor::*;
use crate::call::{Change, Event};
use crate::http::tests::drive::event;

/// What happens to a cursor.
#[derive(Debug)]
enum Happens {
    Head(u64),
    Time(u64),
    /// The numbers of the events, the last number covered, the head and the oldest.
    Page(&'static [u64], u64, u64, u64),
    Expired(u64),
    Live(u64),
    /// The sink takes so many more events.
    Room(usize),
    /// The same, and it takes all at once from here on.
    Quick(usize),
    Resume,
    /// What is kept goes on.
    Kept,
    LetGo,
    Refresh(bool),
    /// The sink ends with this event.
    EndWith(u64),
}
use Happens::*;

/// Records what is emitted.
struct Recorder {
    said: Vec<String>,
    room: usize,
    is_quick: bool,
    end: Option<u64>,
}

impl EventSink for Recorder {
    fn has_room(&self) -> bool {
        self.room > 0
    }

    fn is_quick(&self) -> bool {
        self.is_quick
    }

    fn take(&mut self, emitted: Emitted<'_>) -> ControlFlow<()> {
        self.said.push(match emitted {
            Emitted::Ready { seq, epoch: _ } => format!("ready {seq}"),
            Emitted::Reset { oldest, reason } => format!("reset {oldest} {reason:?}"),
            Emitted::Event(event) => {
                self.room -= 1;
                event.seq.to_string()
            }
        });
        match emitted {
            Emitted::Event(event) if Some(event.seq) == self.end => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }
}

fn row(seq: u64) -> Event {
    event(seq, Change::InboxUpdated)
}

fn asked(ask: Option<LogAsk>) -> Option<String> {
    Some(match ask? {
        LogAsk::Head => "head?".to_owned(),
        LogAsk::Time(unix_ms) => format!("time {unix_ms}?"),
        LogAsk::Page { after, rows } => format!("{rows} after {after}?"),
    })
}

/// One step: what is emitted, then what is asked, in one line.
fn step(cursor: &mut LogCursor, sink: &mut Recorder, happens: &Happens) -> String {
    let answer = |cursor: &mut LogCursor, sink: &mut Recorder, answer| {
        cursor.answer(answer, sink).expect("the answer fits")
    };
    let ask = match *happens {
        Head(head) => answer(cursor, sink, LogAnswer::Head { head, epoch: 1 }),
        Time(before) => answer(cursor, sink, LogAnswer::Time(before)),
        Page(events, scanned_to, head, oldest) => {
            let page = LogPage {
                events: events.iter().copied().map(row).collect(),
                scanned_to,
                head,
                oldest,
                epoch: 1,
            };
            answer(cursor, sink, LogAnswer::Page(page))
        }
        Expired(oldest) => answer(cursor, sink, LogAnswer::Expired(oldest)),
        Live(seq) => cursor.event(&row(seq), sink),
        Room(room) | Quick(room) => {
            sink.room = room;
            sink.is_quick = matches!(happens, Quick(_));
            None
        }
        Kept => cursor.go_on_with_kept(sink),
        LetGo => {
            cursor.let_go();
            None
        }
        Resume => cursor.resume(),
        Refresh(idle) => cursor.refresh(idle),
        EndWith(seq) => {
            sink.end = Some(seq);
            None
        }
    };
    let mut said = core::mem::take(&mut sink.said);
    said.extend(asked(ask));
    said.join(" ")
}

/// Runs one row of a table: where it starts, its first question, and every step with what is
/// emitted and asked.
fn run(name: &str, start: StartAt, dense: bool, first: &str, steps: &[(Happens, &str)]) {
    let (mut cursor, ask) = LogCursor::open(start, dense);
    assert_eq!(asked(Some(ask)).as_deref(), Some(first), "{name}");
    let mut sink = Recorder {
        said: Vec::new(),
        room: usize::MAX,
        is_quick: false,
        end: None,
    };
    for (n, (happens, expected)) in steps.iter().enumerate() {
        let said = step(&mut cursor, &mut sink, happens);
        assert_eq!(said, *expected, "{name}, step {n}: {happens:?}");
    }
}

#[test]
fn it_begins_where_it_is_told() {
    let open = |start, first, steps: &[_]| run(first, start, true, first, steps);
    open(
        StartAt::Now,
        "head?",
        &[(Head(5), "ready 5"), (Live(6), "6")],
    );
    open(
        StartAt::Now,
        "head?",
        &[(Head(0), "ready 0"), (Live(1), "1")],
    );
    open(
        StartAt::After(3),
        "32 after 3?",
        &[(Page(&[4, 5], 5, 5, 1), "4 5 ready 5"), (Live(6), "6")],
    );
    open(
        StartAt::After(5),
        "32 after 5?",
        &[(Page(&[], 5, 5, 1), "ready 5"), (Live(6), "6")],
    );
    open(
        StartAt::Time(77),
        "time 77?",
        &[
            (Time(4), "32 after 4?"),
            (Page(&[5], 5, 5, 1), "5 ready 5"),
            (Live(6), "6"),
        ],
    );
}

#[test]
fn a_cursor_outside_the_log_is_reset() {
    let after = |seq, steps: &[_]| {
        let first = format!("32 after {seq}?");
        run(&first, StartAt::After(seq), true, &first, steps);
    };
    // The oldest that is kept is 3: 2 is the first number that misses nothing.
    after(2, &[(Page(&[3, 4], 4, 4, 3), "3 4 ready 4")]);
    after(
        1,
        &[
            (Page(&[3, 4], 4, 4, 3), "reset 3 TooOld 32 after 2?"),
            (Page(&[3, 4], 4, 4, 3), "3 4 ready 4"),
        ],
    );
    after(
        5,
        &[
            (Page(&[], 5, 4, 3), "reset 3 Ahead 32 after 2?"),
            (Page(&[3, 4], 4, 4, 3), "3 4 ready 4"),
        ],
    );
    after(
        u64::MAX,
        &[(Page(&[], 9, 4, 3), "reset 3 Ahead 32 after 2?")],
    );
    after(1, &[(Expired(3), "reset 3 TooOld 32 after 2?")]);
    // A log from which all is gone: its oldest is the number that comes next.
    after(
        1,
        &[
            (Page(&[], 4, 4, 5), "reset 5 TooOld 32 after 4?"),
            (Page(&[], 4, 4, 5), "ready 4"),
            (Live(5), "5"),
        ],
    );
    // The log was cut while the reader had no room.
    after(
        2,
        &[
            (Room(1), ""),
            (Page(&[3, 4], 4, 4, 1), "3"),
            (Room(9), ""),
            (Resume, "8 after 3?"),
            (Page(&[7], 7, 7, 7), "reset 7 TooOld 8 after 6?"),
            (Page(&[7], 7, 7, 7), "7 ready 7"),
            (Live(8), "8"),
        ],
    );
}

#[test]
fn events_that_come_during_a_question_are_read_from_the_log() {
    let now = |name, steps: &[_]| run(name, StartAt::Now, true, "head?", steps);
    now(
        "during the first question",
        &[
            (Live(6), ""),
            (Head(5), "ready 5 32 after 5?"),
            (Page(&[6], 6, 6, 1), "6"),
            (Live(7), "7"),
        ],
    );
    now(
        "an event that the answer knows",
        &[
            (Live(6), ""),
            (Head(6), "ready 6"),
            (Live(6), ""),
            (Live(7), "7"),
        ],
    );
    run(
        "during a page",
        StartAt::After(5),
        true,
        "32 after 5?",
        &[
            (Live(7), ""),
            (Live(8), ""),
            (Page(&[6, 7], 7, 7, 1), "6 7 64 after 7?"),
            (Live(9), ""),
            (Page(&[8, 9], 9, 9, 1), "8 9 ready 9"),
            (Live(9), ""),
            (Live(10), "10"),
        ],
    );
}

#[test]
fn an_event_that_comes_during_a_page_without_progress_is_not_lost() {
    // The page was read before event 6 was committed, and is answered after it was published.
    run(
        "at once",
        StartAt::After(5),
        false,
        "32 after 5?",
        &[
            (Live(6), ""),
            (Page(&[], 5, 5, 1), "64 after 5?"),
            (Page(&[6], 6, 6, 1), "6 ready 6"),
            (Live(9), "9"),
        ],
    );
    run(
        "before the next live event",
        StartAt::After(5),
        false,
        "32 after 5?",
        &[
            (Live(6), ""),
            (Page(&[], 5, 5, 1), "64 after 5?"),
            (Page(&[], 5, 5, 1), ""),
            (Live(9), "128 after 5?"),
            (Page(&[6, 9], 9, 9, 1), "6 9 ready 9"),
        ],
    );
}

#[test]
fn a_gap_is_read_where_the_numbers_have_none() {
    let steps = |gap: &'static str| {
        [
            (Head(5), "ready 5"),
            (Live(6), "6"),
            (Live(9), gap),
            (Live(6), ""),
        ]
    };
    run(
        "an organization",
        StartAt::Now,
        true,
        "head?",
        &steps("32 after 6?"),
    );
    run("an inbox", StartAt::Now, false, "head?", &steps("9"));
}

#[test]
fn a_slow_reader_gets_smaller_pages_and_misses_nothing() {
    run(
        "pages",
        StartAt::After(0),
        true,
        "32 after 0?",
        &[
            (Room(3), ""),
            (Page(&[1, 2, 3, 4, 5], 5, 9, 1), "1 2 3"),
            (Live(10), ""),
            (Resume, "8 after 3?"),
            (Room(6), ""),
            (Page(&[4, 5, 6, 7, 8, 9], 9, 10, 1), "4 5 6 7 8 9"),
            (Room(9), ""),
            (Resume, "16 after 9?"),
            (Page(&[10], 10, 10, 1), "10 ready 10"),
            (Live(11), "11"),
            (Resume, ""),
        ],
    );
    run(
        "live",
        StartAt::Now,
        true,
        "head?",
        &[
            (Head(5), "ready 5"),
            (Room(1), ""),
            (Live(6), "6"),
            (Live(7), ""),
            (Live(8), ""),
            (Room(9), ""),
            (Live(9), ""),
            (Resume, "32 after 6?"),
            (Page(&[7, 8, 9], 9, 9, 1), "7 8 9"),
        ],
    );
}

#[test]
fn a_quick_reader_is_read_ahead_for() {
    let (start, first) = (StartAt::After(0), "32 after 0?");
    let steps = [
        (Quick(9), ""),
        // The next page is asked for before this one is emitted.
        (Page(&[1, 2, 3], 3, 12, 1), "32 after 3?"),
        (Kept, "1 2 3"),
        (Page(&[4, 5, 6], 6, 12, 1), "32 after 6?"),
        (Quick(2), ""),
        (Kept, "4 5"),
        // It comes while there is no room: it is kept, and no third one is asked for.
        (Page(&[7, 8], 8, 12, 1), ""),
        (Live(13), ""),
        (Quick(2), ""),
        (Kept, "8 after 8?"),
        (Kept, "6 7"),
        (Quick(9), ""),
        (Kept, "8"),
        (
            Page(&[9, 10, 11, 12, 13], 13, 13, 1),
            "9 10 11 12 13 ready 13",
        ),
        (Live(14), "14"),
    ];
    run("pages", start, true, first, &steps);
}

#[test]
fn what_is_kept_is_read_again_when_it_was_given_up() {
    let (start, first) = (StartAt::After(0), "32 after 0?");
    let begin = || {
        vec![
            (Quick(1), ""),
            (Page(&[1, 2, 3], 3, 12, 1), "32 after 3?"),
            (Kept, "1"),
        ]
    };
    let with = |rest: Vec<(Happens, &'static str)>| -> Vec<(Happens, &'static str)> {
        begin().into_iter().chain(rest).collect()
    };
    // The page that was asked for ahead comes before there is room, or after.
    let before = with(vec![
        (LetGo, ""),
        (Page(&[4], 4, 12, 1), ""),
        (Room(9), ""),
        (Resume, "8 after 1?"),
    ]);
    run("before", start, true, first, &before);
    let after = with(vec![
        (LetGo, ""),
        (Room(9), ""),
        (Resume, ""),
        (Page(&[4], 4, 12, 1), "8 after 1?"),
        (Page(&[2, 3], 3, 12, 1), "2 3 16 after 3?"),
    ]);
    run("after", start, true, first, &after);
    // A reader that is quick no more is not kept anything.
    let slow = with(vec![
        (Room(1), ""),
        (Kept, "2"),
        (Page(&[4], 4, 12, 1), ""),
        (Resume, "8 after 2?"),
    ]);
    run("slow", start, true, first, &slow);
    // The log has gone on without it: what was kept comes first.
    let trimmed = with(vec![
        (Expired(9), ""),
        (Quick(9), ""),
        (Kept, "8 after 3?"),
        (Kept, "2 3"),
        (Expired(9), "reset 9 TooOld 8 after 8?"),
    ]);
    run("trimmed", start, true, first, &trimmed);
    let gone = with(vec![
        (LetGo, ""),
        (Quick(9), ""),
        (Expired(9), "8 after 1?"),
        (Expired(9), "reset 9 TooOld 8 after 8?"),
    ]);
    run("gone", start, true, first, &gone);
}

#[test]
fn a_page_without_progress_is_not_asked_again_at_once() {
    run(
        "the log is behind the notification",
        StartAt::Now,
        true,
        "head?",
        &[
            (Head(5), "ready 5"),
            (Live(7), "32 after 5?"),
            (Page(&[], 5, 5, 1), ""),
            (Refresh(false), "64 after 5?"),
            (Page(&[6, 7], 7, 7, 1), "6 7"),
            (Refresh(false), ""),
            (Refresh(true), ""),
        ],
    );
    run(
        "an inbox without events",
        StartAt::Now,
        false,
        "head?",
        &[
            (Head(5), "ready 5"),
            (Refresh(false), ""),
            (Refresh(true), "32 after 5?"),
            (Page(&[], 900, 900, 800), "reset 800 TooOld 32 after 799?"),
            (Page(&[], 900, 900, 800), "ready 900"),
            (Refresh(true), "64 after 900?"),
            (Page(&[], 950, 950, 800), ""),
        ],
    );
}

#[test]
fn a_sink_that_ends_is_told_no_more() {
    run(
        "in a page",
        StartAt::After(5),
        true,
        "32 after 5?",
        &[
            (EndWith(7), ""),
            (Page(&[6, 7, 8], 8, 9, 1), "6 7"),
            (Live(9), ""),
            (Resume, ""),
        ],
    );
    run(
        "live",
        StartAt::Now,
        true,
        "head?",
        &[
            (EndWith(7), ""),
            (Head(6), "ready 6"),
            (Live(7), "7"),
            (Live(8), ""),
            (Refresh(true), ""),
        ],
    );
}

#[test]
fn an_answer_to_another_question_is_out_of_step() {
    let answers = || {
        let page = LogPage {
            events: Vec::new(),
            scanned_to: 5,
            head: 5,
            oldest: 1,
            epoch: 1,
        };
        [
            LogAnswer::Head { head: 5, epoch: 1 },
            LogAnswer::Time(5),
            LogAnswer::Page(page),
            LogAnswer::Expired(1),
        ]
    };
    for (start, fits) in [
        (StartAt::Now, [true, false, false, false]),
        (StartAt::Time(0), [false, true, false, false]),
        (StartAt::After(5), [false, false, true, true]),
    ] {
        for (answer, fits) in answers().into_iter().zip(fits) {
            let mut sink = Recorder {
                said: Vec::new(),
                room: 1,
                is_quick: false,
                end: None,
            };
            let (mut cursor, _) = LogCursor::open(start, true);
            let shown = format!("{start:?} {answer:?}");
            assert_eq!(cursor.answer(answer, &mut sink).is_ok(), fits, "{shown}");
        }
    }
}
