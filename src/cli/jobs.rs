//! `postern tail --exec --jobs N`: which event's command runs when, and up to where all are done.
//!
//! The rules: commands of one inbox run one after the other, in the order of its events, and an
//! event whose command fails keeps its job until the command exits with 0. The place that is
//! noted is the last event up to which all are done, so that a later run misses none; it may run
//! some again that were done behind that place. At most [`AHEAD_MAX`] events are taken in beyond
//! it: then the stream is not read, and the server waits.
//!
//! In a consumer group an event is this reader's until its lease ends. From then on its command is
//! not begun here any more: the server gives the event out again.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use signal_hook::consts::signal::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::exec::{EventCommand, TailEvent};
use super::{CliError, show};

/// What takes note of what is done: a file, a group on the server, or nothing.
pub trait PlaceKeeper: Send {
    /// All events up to this one are done.
    fn done_to(&mut self, number: &str) -> Result<(), CliError>;
    /// This event is done.
    fn done(&mut self, event: &TailEvent) -> Result<(), CliError>;
}

/// The events that are taken in, and the threads that run their commands.
pub struct Jobs {
    command: EventCommand,
    queue: Mutex<JobQueue>,
    changed: Condvar,
    /// One writes at a time, the newest place last.
    place: Mutex<NotedPlace>,
}

struct NotedPlace {
    to: Box<dyn PlaceKeeper>,
    noted: Option<String>,
}

#[derive(Default)]
struct JobQueue {
    /// In the order of the stream; the first is not done.
    taken: VecDeque<TakenEvent>,
    /// How many have left `taken`.
    gone: u64,
    /// The last of those.
    done_to: Option<String>,
    running: usize,
    /// No further command begins.
    is_ending: bool,
    /// In a consumer group, how long an event is this reader's.
    lease: Option<Duration>,
    failed: Option<CliError>,
}

struct TakenEvent {
    event: TailEvent,
    /// Its inbox; empty for what concerns the organization.
    inbox: String,
    state: JobState,
    /// In a consumer group, when the server gives it out again.
    lease_end: Option<Instant>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum JobState {
    Waits,
    Runs,
    Done,
}

/// How the work on an event has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum JobEnd {
    /// Its command has exited with 0.
    Done,
    /// The program ends.
    Stopped,
    /// Its lease has ended.
    Left,
}

impl JobQueue {
    fn take(&mut self, event: TailEvent, state: JobState) {
        let lease_end = self.lease.map(|lease| Instant::now() + lease);
        let is_again = |taken: &&mut TakenEvent| {
            taken.state != JobState::Done && taken.event.number == event.number
        };
        if lease_end.is_some()
            && state == JobState::Waits
            && let Some(taken) = self.taken.iter_mut().find(is_again)
        {
            // The lease has ended, and this reader was given the event again.
            taken.lease_end = lease_end;
            return;
        }
        let json: Value = serde_json::from_str(&event.data).unwrap_or(Value::Null);
        let inbox = json["inbox"]["id"].as_str().unwrap_or_default().to_owned();
        self.taken.push_back(TakenEvent {
            event,
            inbox,
            state,
            lease_end,
        });
        self.forget_done();
    }

    /// The next event whose inbox has no earlier one that is not done, with its place in the
    /// stream.
    fn next(&mut self) -> Option<(u64, TailEvent)> {
        if self.is_ending {
            return None;
        }
        let now = Instant::now();
        for taken in &mut self.taken {
            if taken.state == JobState::Waits && taken.lease_end.is_some_and(|end| end <= now) {
                taken.state = JobState::Done;
            }
        }
        self.forget_done();
        let mut busy: Vec<&str> = Vec::new();
        let at = self.taken.iter().position(|taken| {
            let is_next = taken.state == JobState::Waits && !busy.contains(&&*taken.inbox);
            if taken.state != JobState::Done {
                busy.push(&taken.inbox);
            }
            is_next
        })?;
        let taken = self.taken.get_mut(at)?;
        taken.state = JobState::Runs;
        self.running += 1;
        Some((self.gone + at as u64, taken.event.clone()))
    }

    /// What has become of the event at this place in the stream.
    fn mark(&mut self, at: u64, state: JobState) {
        let at = usize::try_from(at.saturating_sub(self.gone)).unwrap_or(usize::MAX);
        if let Some(taken) = self.taken.get_mut(at) {
            taken.state = state;
        }
        self.forget_done();
    }

    /// Whether the event at this place in the stream is another reader's by now.
    fn is_left(&self, at: u64) -> bool {
        let at = usize::try_from(at.saturating_sub(self.gone)).unwrap_or(usize::MAX);
        let end = self.taken.get(at).and_then(|taken| taken.lease_end);
        end.is_some_and(|end| end <= Instant::now())
    }

    fn fault(&mut self) -> Result<(), CliError> {
        self.failed.take().map_or(Ok(()), Err)
    }

    fn forget_done(&mut self) {
        let is_done = |taken: &TakenEvent| taken.state == JobState::Done;
        while self.taken.front().is_some_and(is_done) {
            self.gone += 1;
            self.done_to = self.taken.pop_front().map(|taken| taken.event.number);
        }
    }
}

impl Jobs {
    /// Begins `jobs` threads, and takes SIGINT, SIGTERM and SIGHUP: running commands end, no
    /// further one begins, and the program ends with success.
    pub fn begin(
        command: EventCommand,
        jobs: usize,
        (place, lease): (Box<dyn PlaceKeeper>, Option<Duration>),
    ) -> Result<Arc<Jobs>, CliError> {
        let all = Arc::new(Jobs::new(command, place));
        all.lock().lease = lease;
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
        let told = Arc::clone(&all);
        std::thread::spawn(move || {
            for (nth, _) in signals.forever().enumerate() {
                if nth > 0 {
                    // The running commands are not waited for.
                    std::process::exit(1);
                }
                let ending = Arc::clone(&told);
                std::thread::spawn(move || {
                    let failed = ending.end().is_err();
                    std::process::exit(i32::from(failed));
                });
            }
        });
        for _ in 0..jobs {
            let job = Arc::clone(&all);
            std::thread::spawn(move || job.work());
        }
        Ok(all)
    }

    fn new(command: EventCommand, to: Box<dyn PlaceKeeper>) -> Jobs {
        Jobs {
            command,
            queue: Mutex::default(),
            changed: Condvar::new(),
            place: Mutex::new(NotedPlace { to, noted: None }),
        }
    }

    /// Takes an event in; waits while too many are taken in. An error: what is done cannot be
    /// noted any more.
    pub fn take(&self, event: TailEvent) -> Result<(), CliError> {
        let mut queue = self.lock();
        while queue.taken.len() >= AHEAD_MAX && queue.failed.is_none() {
            queue = self.wait(queue);
        }
        queue.fault()?;
        queue.take(event, JobState::Waits);
        self.changed.notify_all();
        Ok(())
    }

    /// An error: what is done cannot be noted any more.
    pub fn check(&self) -> Result<(), CliError> {
        self.lock().fault()
    }

    /// The stream has come to a number, and has no event for it.
    pub fn pass(&self, number: &str) -> Result<(), CliError> {
        let event = TailEvent {
            kind: String::new(),
            number: number.to_owned(),
            data: String::new(),
        };
        self.lock().take(event, JobState::Done);
        self.note(None)
    }

    /// The connection has ended. What a consumer group has leased to it is free again.
    pub fn lose(&self) {
        let mut queue = self.lock();
        if queue.lease.is_some() {
            let now = Instant::now();
            queue
                .taken
                .iter_mut()
                .for_each(|taken| taken.lease_end = Some(now));
        }
        drop(queue);
        self.changed.notify_all();
    }

    /// Begins no further command, and waits for those that run.
    pub fn end(&self) -> Result<(), CliError> {
        let mut queue = self.lock();
        queue.is_ending = true;
        self.changed.notify_all();
        while queue.running > 0 {
            queue = self.wait(queue);
        }
        queue.fault()
    }

    /// The life of a thread.
    fn work(&self) {
        loop {
            let mut queue = self.lock();
            let (at, event) = loop {
                match queue.next() {
                    Some(next) => break next,
                    None if queue.is_ending => return,
                    None => queue = self.wait(queue),
                }
            };
            drop(queue);
            let noted = match self.carry_out(at, &event) {
                JobEnd::Done => self.note(Some((at, &event))),
                JobEnd::Stopped => {
                    self.lock().mark(at, JobState::Waits);
                    Ok(())
                }
                JobEnd::Left => {
                    self.lock().mark(at, JobState::Done);
                    Ok(())
                }
            };
            let mut queue = self.lock();
            queue.running -= 1;
            if let Err(error) = noted {
                queue.failed = Some(error);
                queue.is_ending = true;
            }
            drop(queue);
            self.changed.notify_all();
        }
    }

    /// Runs the command of an event until it exits with 0. `at` is its place in the stream.
    fn carry_out(&self, at: u64, event: &TailEvent) -> JobEnd {
        let mut pause = FIRST_PAUSE;
        while let Some(why) = self.command.run(event) {
            let number = &event.number;
            if self.lock().is_ending {
                show::note(&format!(
                    "postern: the command {why} for event {number}; it is run again by the next run"
                ));
                return JobEnd::Stopped;
            }
            if self.lock().is_left(at) {
                show::note(&format!(
                    "postern: the command {why} for event {number}; the group gives it out again"
                ));
                return JobEnd::Left;
            }
            show::note(&format!(
                "postern: the command {why} for event {number}; it is run again in {} s",
                pause.as_secs()
            ));
            let end = Instant::now() + pause;
            let mut queue = self.lock();
            loop {
                let left = end.saturating_duration_since(Instant::now());
                if queue.is_ending {
                    return JobEnd::Stopped;
                }
                if queue.is_left(at) {
                    return JobEnd::Left;
                }
                if left.is_zero() {
                    break;
                }
                let waited = self.changed.wait_timeout(queue, left);
                queue = waited.unwrap_or_else(PoisonError::into_inner).0;
            }
            drop(queue);
            pause = (pause * 2).min(LAST_PAUSE);
        }
        JobEnd::Done
    }

    /// Notes what is done. `ended` is an event whose command has just exited with 0, and its place
    /// in the stream.
    fn note(&self, ended: Option<(u64, &TailEvent)>) -> Result<(), CliError> {
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, event)) = ended {
            place.to.done(event)?;
            self.lock().mark(at, JobState::Done);
        }
        let newest = self.lock().done_to.clone();
        match newest {
            Some(newest) if place.noted.as_ref() != Some(&newest) => {
                place.to.done_to(&newest)?;
                place.noted = Some(newest);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, JobQueue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, queue: MutexGuard<'a, JobQueue>) -> MutexGuard<'a, JobQueue> {
        self.changed
            .wait(queue)
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first pause before a command is run again; each one is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LAST_PAUSE: Duration = Duration::from_secs(60);
/// Events that are taken in and are not done, or stand behind one that is not: some megabytes.
const AHEAD_MAX: usize = 256;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Keeps all that it is told.
    struct Told(Arc<Mutex<Vec<String>>>);

    impl PlaceKeeper for Told {
        fn done_to(&mut self, number: &str) -> Result<(), CliError> {
            self.0.lock().unwrap().push(format!("to {number}"));
            Ok(())
        }

        fn done(&mut self, event: &TailEvent) -> Result<(), CliError> {
            self.0.lock().unwrap().push(event.number.clone());
            Ok(())
        }
    }

    fn event(number: u64, inbox: &str) -> TailEvent {
        TailEvent {
            kind: "message.received".to_owned(),
            number: number.to_string(),
            data: format!("{{\"inbox\":{{\"id\":\"{inbox}\"}}}}"),
        }
    }

    fn numbers(queue: &mut JobQueue) -> Vec<u64> {
        let next = core::iter::from_fn(|| queue.next());
        next.map(|(at, _)| at).collect()
    }

    #[test]
    fn events_of_an_inbox_keep_their_order() {
        let mut queue = JobQueue::default();
        for (number, inbox) in [(5, "a"), (6, "a"), (7, "b"), (8, ""), (9, ""), (10, "b")] {
            queue.take(event(number, inbox), JobState::Waits);
        }
        assert_eq!(numbers(&mut queue), [0, 2, 3]);
        // A later one is done: the place stays before the first, and its inbox goes on.
        queue.mark(2, JobState::Done);
        assert_eq!(queue.done_to, None);
        assert_eq!(numbers(&mut queue), [5]);
        queue.mark(0, JobState::Done);
        assert_eq!(queue.done_to.as_deref(), Some("5"));
        assert_eq!(numbers(&mut queue), [1]);
        for at in [5, 3, 1] {
            queue.mark(at, JobState::Done);
        }
        assert_eq!(queue.done_to.as_deref(), Some("8"));
        assert_eq!(numbers(&mut queue), [4]);
        queue.mark(4, JobState::Done);
        assert_eq!(queue.done_to.as_deref(), Some("10"));
        // A number without an event counts when all before it is done.
        queue.take(event(11, "a"), JobState::Waits);
        queue.take(event(12, ""), JobState::Done);
        assert_eq!(queue.done_to.as_deref(), Some("10"));
        assert_eq!(numbers(&mut queue), [6]);
        queue.mark(6, JobState::Waits);
        assert_eq!(numbers(&mut queue), [6]);
        queue.mark(6, JobState::Done);
        assert_eq!(queue.done_to.as_deref(), Some("12"));
        queue.is_ending = true;
        queue.take(event(13, "a"), JobState::Waits);
        assert_eq!(numbers(&mut queue), [0u64; 0]);
    }

    #[test]
    fn an_event_whose_lease_has_ended_is_left_to_its_group() {
        let mut queue = JobQueue {
            lease: Some(Duration::from_secs(3600)),
            ..JobQueue::default()
        };
        for (number, inbox) in [(5, "a"), (6, "b"), (7, "a"), (8, "c")] {
            queue.take(event(number, inbox), JobState::Waits);
        }
        assert_eq!(numbers(&mut queue), [0, 1, 3]);
        let now = Instant::now();
        queue
            .taken
            .iter_mut()
            .for_each(|taken| taken.lease_end = Some(now));
        assert!(queue.is_left(0) && queue.is_left(2));
        // What this reader was given again is not run twice at once.
        queue.take(event(6, "b"), JobState::Waits);
        assert!(!queue.is_left(1));
        assert_eq!(queue.taken.len(), 4);
        queue.mark(0, JobState::Done);
        // The seventh is not begun.
        assert_eq!(numbers(&mut queue), [0u64; 0]);
        queue.take(event(7, "a"), JobState::Waits);
        assert_eq!(numbers(&mut queue), [4]);
    }

    #[test]
    fn an_event_is_told_when_its_command_is_done() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let command = EventCommand::new("test $POSTERN_EVENT_SEQ -lt 3");
        let jobs = Arc::new(Jobs::new(command, Box::new(Told(Arc::clone(&told)))));
        for number in 1..=3 {
            jobs.take(event(number, "a")).unwrap();
        }
        jobs.pass("9").unwrap();
        let job = Arc::clone(&jobs);
        let thread = std::thread::spawn(move || job.work());
        let mut queue = jobs.lock();
        while queue.gone < 2 {
            queue = jobs.wait(queue);
        }
        drop(queue);
        // The third fails, and waits for its pause or the end.
        jobs.end().unwrap();
        thread.join().unwrap();
        assert_eq!(*told.lock().unwrap(), ["1", "to 1", "2", "to 2"]);
        assert!(jobs.check().is_ok());
    }
}
