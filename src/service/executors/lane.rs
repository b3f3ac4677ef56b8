//! A lane: the threads of one reader, of which one runs at a time.
//!
//! A long step inside one task cannot be cut into calls: the parsing of 25 MiB, say. It counts its
//! work with `pace::spend`. When it has had its slice and another task is due, its thread gives the
//! lane to a second thread and waits; the task stays on its stack until its turn comes again. In
//! the quiet case one thread does everything, and gives nothing away.
//!
//! ```text
//!   thread 0   recv ─ run A ─ step: others wait ─┐                     ┌─ A goes on ─ answer ─ …
//!   thread 1                                     └─ run B ─ answer ────┘
//! ```
//!
//! The rules: only the thread that has the lane touches a task, a store or the inlet; a thread
//! never gives the lane away while it reads the store (`pace::hold`); the lock is held for a few
//! instructions, and while the lane waits for a task.

use core::borrow::Borrow;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::reads::{BegunRead, NextRead, ReadInfo, WaitingReads};
use super::{ToReader, ToWriter, WorkClock};
use crate::call::{ConnId, Metric, Refusal, Reply, Share};
use crate::pace;
use crate::service::{ReadTurn, Reader, Service, WriteTask};
use crate::store::Store;

/// What the threads of one reader share.
#[derive(Debug)]
pub struct Lane {
    /// Which lane it is, and of how many.
    number: (usize, usize),
    service: Arc<Service>,
    to_writer: ToWriter,
    clock: WorkClock,
    state: Mutex<LaneState>,
    /// One for each thread: it has got the lane, or the lane has ended.
    bells: Vec<Condvar>,
}

#[derive(Debug)]
struct LaneState {
    inlet: Receiver<ToReader>,
    reads: WaitingReads,
    /// The thread that has the lane.
    holder: usize,
    /// Threads without a task that wait for the lane. The last one is used first, so the others
    /// open no store.
    free: Vec<usize>,
    /// The task that a free thread begins when it gets the lane.
    handed: Vec<Option<BegunRead>>,
    slice: Slice,
    ended: bool,
}

/// The work since the lane was last given to a task.
#[derive(Clone, Copy, Debug)]
struct Slice {
    share: Option<Share>,
    began_us: u64,
    /// When the running task last looked whose turn it is.
    looked_us: u64,
}

/// The loop of one thread of a lane, until every [`super::Router`] is dropped. `open` opens the
/// store of this thread when it gets its first task. Messages that the reader has decided on go to
/// the writer. Errors: the store cannot be opened.
pub fn run_reader<S: Borrow<Store>>(
    lane: &Arc<Lane>,
    thread: usize,
    reader: Reader,
    mut open: impl FnMut() -> Result<S, String>,
    mut answer: impl FnMut(ConnId, Reply),
) -> Result<(), String> {
    let (lane_number, lanes) = lane.number;
    let mut reader = reader.numbered(lane_number + lanes * thread, lanes * lane.bells.len());
    let mut opened = None;
    // A thread that ends by an error or a panic must not keep the lane.
    let _end = LaneEnd(lane);
    while let Some(BegunRead { task, about }) = lane.next(thread, &mut answer) {
        let store = match &opened {
            Some(store) => store,
            None => match open() {
                Ok(store) => opened.insert(store),
                Err(why) => {
                    if let Some(conn) = about.conn {
                        answer(conn, Reply::Refused(Refusal::Stopping));
                    }
                    return Err(why);
                }
            },
        };
        let step = {
            let lane = Arc::clone(lane);
            move || lane.step(thread)
        };
        let turn = pace::within(step, || reader.turn(store.borrow(), task));
        if let Some(reply) = lane.end(about, turn)
            && let Some(conn) = about.conn
        {
            answer(conn, reply);
        }
    }
    Ok(())
}

/// Ends the lane for all of its threads when one of them ends.
struct LaneEnd<'a>(&'a Lane);

impl Drop for LaneEnd<'_> {
    fn drop(&mut self) {
        self.0.end_all(self.0.lock());
    }
}

impl Lane {
    pub(super) fn new(
        number: (usize, usize),
        threads: usize,
        inlet: Receiver<ToReader>,
        to_writer: ToWriter,
        clock: WorkClock,
    ) -> Lane {
        let service = Arc::clone(&to_writer.service);
        let state = LaneState {
            inlet,
            reads: WaitingReads::new(Arc::clone(&service)),
            holder: 0,
            free: (1..threads).rev().collect(),
            handed: (0..threads).map(|_| None).collect(),
            slice: Slice {
                share: None,
                began_us: 0,
                looked_us: 0,
            },
            ended: false,
        };
        Lane {
            number,
            service,
            to_writer,
            clock,
            state: Mutex::new(state),
            bells: (0..threads).map(|_| Condvar::new()).collect(),
        }
    }

    /// Takes the lock. No code that can panic runs under it.
    fn lock(&self) -> MutexGuard<'_, LaneState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until this thread has the lane, or the lane has ended.
    fn wait<'a>(
        &'a self,
        thread: usize,
        mut state: MutexGuard<'a, LaneState>,
    ) -> MutexGuard<'a, LaneState> {
        while state.holder != thread && !state.ended {
            let bell = &self.bells[thread];
            state = bell.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state
    }

    /// The next task of this thread. It waits until the thread has the lane and a task is due;
    /// `None` when no task can come any more.
    fn next(&self, thread: usize, answer: &mut impl FnMut(ConnId, Reply)) -> Option<BegunRead> {
        let mut state = self.lock();
        loop {
            state = self.wait(thread, state);
            if state.ended {
                return None;
            }
            let state_now = &mut *state;
            if let Some(begun) = state_now.handed[thread].take() {
                self.begin(&mut state, begun.about);
                return Some(begun);
            }
            state_now.reads.take_all(&state_now.inlet);
            match state_now.reads.next(state_now.free.len() + 1) {
                Some(NextRead::Begin(begun)) => {
                    self.begin(&mut state, begun.about);
                    return Some(*begun);
                }
                Some(NextRead::Resume(other)) => {
                    state.free.push(thread);
                    self.give(&mut state, other);
                }
                None => match state_now.reads.receive(&state_now.inlet) {
                    Ok(what) => {
                        if let Some(begun) = state_now.receive(what) {
                            self.begin(&mut state, begun.about);
                            return Some(begun);
                        }
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => {
                        let refused = state.reads.drain_outside();
                        self.end_all(state);
                        for conn in refused {
                            answer(conn, Reply::Refused(Refusal::Stopping));
                        }
                        return None;
                    }
                },
            }
        }
    }

    fn end_all(&self, mut state: MutexGuard<'_, LaneState>) {
        state.ended = true;
        drop(state);
        for bell in &self.bells {
            bell.notify_all();
        }
    }

    fn begin(&self, state: &mut LaneState, about: ReadInfo) {
        let now_us = self.clock.micros();
        state.slice = Slice {
            share: Some(about.share),
            began_us: now_us,
            looked_us: now_us,
        };
    }

    fn give(&self, state: &mut LaneState, thread: usize) {
        state.holder = thread;
        self.bells[thread].notify_one();
    }

    /// Called inside a task for each quarter of a millisecond of its work: gives the lane away when
    /// the task has had its slice and another one is due, and waits until its turn comes again.
    fn step(&self, thread: usize) {
        let mut state = self.lock();
        let now_us = self.clock.micros();
        self.look(&mut state, now_us);
        let used_us = now_us.saturating_sub(state.slice.began_us);
        let Some(share) = state.slice.share.filter(|_| used_us >= SLICE_US) else {
            return;
        };
        state.slice.began_us = now_us;
        let state_now = &mut *state;
        state_now.reads.take_all(&state_now.inlet);
        if state_now.reads.is_idle() {
            // No task waits, so this time is owed to none.
            return;
        }
        state_now.reads.charge(share, used_us);
        state_now.reads.interrupt(share, thread);
        match state_now.reads.next(state_now.free.len()) {
            Some(NextRead::Resume(own)) if own == thread => return,
            Some(NextRead::Resume(other)) => self.give(&mut state, other),
            Some(NextRead::Begin(begun)) => match state_now.free.pop() {
                Some(other) => {
                    state_now.handed[other] = Some(*begun);
                    self.give(&mut state, other);
                }
                // `next` begins nothing without a free thread.
                None => state_now.reads.again(begun.task, begun.about),
            },
            None => return,
        }
        self.service.shared.metrics.count(Metric::ReadsInterrupted);
        state = self.wait(thread, state);
        let now_us = self.clock.micros();
        state.slice = Slice {
            share: Some(share),
            began_us: now_us,
            looked_us: now_us,
        };
    }

    /// Counts a piece of work between two looks that was too long.
    fn look(&self, state: &mut LaneState, now_us: u64) {
        let took_us = now_us.saturating_sub(state.slice.looked_us);
        state.slice.looked_us = now_us;
        if took_us > LONG_SLICE_US {
            let metrics = &self.service.shared.metrics;
            metrics.count(Metric::LongSlices);
            metrics.raise(Metric::LongestSlice, took_us);
        }
    }

    /// Takes the result of a task. Gives the answer, if it has one now.
    fn end(&self, about: ReadInfo, turn: ReadTurn) -> Option<Reply> {
        let mut state = self.lock();
        let now_us = self.clock.micros();
        self.look(&mut state, now_us);
        let used_us = now_us.saturating_sub(state.slice.began_us);
        let reads = &mut state.reads;
        reads.charge(about.share, used_us);
        if let ReadTurn::Again(task) = turn {
            reads.again(task, about);
            return None;
        }
        reads.end(about);
        match turn {
            ReadTurn::Reply(reply) => Some(reply),
            ReadTurn::Deliver(request) => {
                let sent = self.to_writer.send(WriteTask::Deliver(request));
                sent.err().map(|_| Reply::Refused(Refusal::Stopping))
            }
            ReadTurn::Import(request) => {
                let sent = self.to_writer.send(WriteTask::Import(request));
                sent.err().map(|_| Reply::Refused(Refusal::Stopping))
            }
            ReadTurn::Outside(id, request) => {
                reads.wait_outside(id, request);
                None
            }
            ReadTurn::Again(_) => None,
        }
    }
}

impl LaneState {
    /// Takes what has come while nothing waited. A task that is alone begins at once.
    fn receive(&mut self, what: ToReader) -> Option<BegunRead> {
        let task = match what {
            ToReader::Task(task) => task,
            other => {
                self.reads.take(other);
                return None;
            }
        };
        let task = match self.inlet.try_recv() {
            Ok(second) => {
                self.reads.take(ToReader::Task(task));
                self.reads.take(second);
                return None;
            }
            Err(_) => task,
        };
        if WaitingReads::needs_no_queue(&task) {
            return Some(self.reads.begin(task));
        }
        self.reads.take(ToReader::Task(task));
        None
    }
}

/// The threads of a lane. Two of an organization may hold a task that waits, and the last free one
/// is for an organization that holds none: so four organizations can have long steps under way and
/// a fifth finds a thread. A thread that is not used costs some KiB: it opens its store when it
/// gets its first task.
pub const LANE_THREADS: usize = 8;

/// Microseconds that a task has before another whose turn it is goes on: long enough that the two
/// switches (some 10 µs each) do not count, and short enough that a short read beside long ones
/// waits little.
const SLICE_US: u64 = 1000;

/// Microseconds of work without a look at whose turn it is that count as too long.
const LONG_SLICE_US: u64 = 5000;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use core::sync::atomic::{AtomicU64, Ordering};
    use std::sync::mpsc::{Sender, channel};
    use std::thread;

    use super::*;
    use crate::call::{Access, Answer, Caller, Grant, KeyId, Now, OrgId, OrgRead, Request, Scopes};
    use crate::service::{Inline, ReadTask};

    struct World {
        queue: Option<Sender<ToReader>>,
        lane: Lane,
        time: Arc<AtomicU64>,
        /// What happened, in its order.
        said: Mutex<Vec<String>>,
    }

    fn world(threads: usize) -> World {
        let shared = crate::call::Shared::new("mx.test", Default::default(), Default::default());
        let inline = Inline::new(1, Arc::new(shared), Arc::new(Now::default)).unwrap();
        let time = Arc::new(AtomicU64::new(0));
        let reads = Arc::clone(&time);
        let clock = WorkClock(Arc::new(move || reads.load(Ordering::Relaxed)));
        let (queue, inlet) = channel();
        let to_writer = ToWriter {
            service: inline.service,
            queue: Arc::new(channel().0),
        };
        World {
            queue: Some(queue),
            lane: Lane::new((0, 1), threads, inlet, to_writer, clock),
            time,
            said: Mutex::default(),
        }
    }

    fn task(org: i64) -> ToReader {
        let grant = Grant {
            org: OrgId(org),
            key: Some(KeyId(org)),
            scopes: Scopes::ADMIN,
            inboxes: None,
            subtree: false,
            inbox: None,
            address: String::new(),
            expires_at: None,
        };
        ToReader::Task(ReadTask::Call(Request {
            request_id: None,
            depth: 0,
            conn: Some(ConnId(org.unsigned_abs())),
            peer: "192.0.2.1".parse().unwrap(),
            now: Now::default(),
            caller: Caller::Key(Access(Arc::new(grant))),
            call: crate::call::Read::Org(OrgRead::Usage { inbox: None }),
        }))
    }

    impl World {
        fn say(&self, what: &str, about: ReadInfo) {
            let conn = about.conn.unwrap().0;
            self.said.lock().unwrap().push(format!("{what} {conn}"));
        }

        /// A thread of the lane. `steps` gives the looks that each task takes, each after two
        /// milliseconds; before the first of them `meanwhile` runs.
        fn run(&self, thread: usize, steps: fn(u64) -> usize, meanwhile: &(dyn Fn(u64) + Sync)) {
            while let Some(begun) = self.lane.next(thread, &mut |_, _| ()) {
                let about = begun.about;
                self.say("begins", about);
                meanwhile(about.conn.unwrap().0);
                for _ in 0..steps(about.conn.unwrap().0) {
                    self.time.fetch_add(2000, Ordering::Relaxed);
                    self.lane.step(thread);
                }
                self.say("ends", about);
                let reply = ReadTurn::Reply(Reply::Answer(Answer::Done));
                assert!(self.lane.end(about, reply).is_some());
            }
        }

        fn send(&self, task: ToReader) {
            self.queue.as_ref().unwrap().send(task).unwrap();
        }

        fn run_all(
            mut self,
            threads: usize,
            steps: fn(u64) -> usize,
            meanwhile: impl Fn(u64) -> Vec<i64> + Sync,
        ) -> Vec<String> {
            let queue = Mutex::new(self.queue.take());
            let world = self;
            // The tasks that come while one runs; after the last of them the queue ends.
            let meanwhile = |conn| {
                let mut queue = queue.lock().unwrap();
                for org in meanwhile(conn) {
                    match org {
                        0 => drop(queue.take()),
                        org => queue.as_ref().unwrap().send(task(org)).unwrap(),
                    }
                }
            };
            thread::scope(|scope| {
                for thread in 0..threads {
                    let (world, meanwhile) = (&world, &meanwhile);
                    scope.spawn(move || world.run(thread, steps, meanwhile));
                }
            });
            world.said.into_inner().unwrap()
        }
    }

    #[test]
    fn a_long_task_lets_the_others_go_first() {
        let world = world(4);
        world.send(task(1));
        let said = world.run_all(
            4,
            |conn| if conn == 1 { 9 } else { 0 },
            |conn| if conn == 1 { vec![2, 3, 0] } else { vec![] },
        );
        let expected = [
            "begins 1", "begins 2", "ends 2", "begins 3", "ends 3", "ends 1",
        ];
        assert_eq!(said, expected);
    }

    #[test]
    fn two_long_tasks_of_two_tenants_take_turns() {
        let world = world(4);
        world.send(task(1));
        let said = world.run_all(4, |_| 6, |conn| if conn == 1 { vec![2, 0] } else { vec![] });
        assert_eq!(said, ["begins 1", "begins 2", "ends 1", "ends 2"]);
    }

    #[test]
    fn without_another_thread_a_task_goes_on_to_its_end() {
        let world = world(1);
        world.send(task(1));
        let said = world.run_all(1, |_| 6, |conn| if conn == 1 { vec![2, 0] } else { vec![] });
        assert_eq!(said, ["begins 1", "ends 1", "begins 2", "ends 2"]);
    }

    #[test]
    fn one_tenant_holds_two_threads_and_another_finds_one() {
        let world = world(4);
        for _ in 0..5 {
            world.send(task(1));
        }
        world.send(task(2));
        let said = world.run_all(
            4,
            |conn| if conn == 1 { 3 } else { 0 },
            |conn| if conn == 2 { vec![0] } else { vec![] },
        );
        assert_eq!(said[..3], ["begins 1", "begins 2", "ends 2"]);
        assert_eq!(said.len(), 12);
    }
}
