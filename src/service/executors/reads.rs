//! The tasks of a reader that wait: for their turn, for a lookup outside, or for a search of the
//! same inbox to end.
//!
//! A task that waits for its turn stands in the queues under a number. When its connection closes,
//! the task is dropped at once and the number later, so that a hang-up costs the same whatever
//! waits. A task that has begun and holds a thread cannot be dropped: it goes on to its end.

use core::time::Duration;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};

use super::ToReader;
use super::turns::Turns;
use crate::call::{ConnId, EntryRead, InboxId, Metric, Read, Request, Share};
use crate::service::intake::{IntakeStage, WaitingMessage, WaitingMessages};
use crate::service::{Finding, LookupId, ReadTask, Service};

/// The tasks of a reader that wait.
#[derive(Debug)]
pub(super) struct WaitingReads {
    service: Arc<Service>,
    turns: Turns<Due>,
    tasks: HashMap<u64, WaitingRead>,
    by_conn: HashMap<ConnId, u64>,
    last_number: u64,
    searches: HashMap<InboxId, Searches>,
    /// Messages that wait for a lookup outside.
    outside: WaitingMessages,
    /// Connections whose task has begun, and whether each has closed since.
    begun: Vec<(ConnId, bool)>,
}

/// The task whose turn it is.
#[derive(Debug)]
pub(super) enum NextRead {
    /// It begins, or its next slice does.
    Begin(Box<BegunRead>),
    /// It holds this thread and goes on.
    Resume(usize),
}

/// A task on its way to a thread.
#[derive(Debug)]
pub(super) struct BegunRead {
    /// The task.
    pub task: ReadTask,
    /// What the reader must know of it when it has ended.
    pub about: ReadInfo,
}

/// What a reader knows of a task that a thread has.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReadInfo {
    /// The share that pays.
    pub share: Share,
    /// The connection that waits for the answer.
    pub conn: Option<ConnId>,
    /// The inbox that it searches.
    searched: Option<InboxId>,
}

/// An item of the queues.
#[derive(Debug)]
enum Due {
    /// A task that holds no thread, by its number.
    Task(u64),
    /// A thread whose task waits.
    Thread(usize),
}

#[derive(Debug)]
struct WaitingRead {
    task: ReadTask,
    about: ReadInfo,
    /// It waits for another search of its inbox to end, and not for its turn.
    is_held: bool,
}

/// The searches of one inbox.
#[derive(Debug, Default)]
struct Searches {
    under_way: usize,
    /// Searches above the number that one inbox may have under way.
    held: VecDeque<u64>,
}

impl WaitingReads {
    pub(super) fn new(service: Arc<Service>) -> Self {
        WaitingReads {
            service,
            turns: Turns::default(),
            tasks: HashMap::new(),
            by_conn: HashMap::new(),
            last_number: 0,
            searches: HashMap::new(),
            outside: WaitingMessages::default(),
            begun: Vec::new(),
        }
    }

    /// Whether no task waits for its turn.
    pub(super) fn is_idle(&self) -> bool {
        self.turns.is_empty()
    }

    /// Waits for something to do. When messages wait for lookups, it waits at most until the first
    /// of them has waited long enough.
    pub(super) fn receive(&self, inlet: &Receiver<ToReader>) -> Result<ToReader, RecvTimeoutError> {
        match self.outside.next_ms() {
            None => inlet.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(until_ms) => {
                let left_ms = until_ms.saturating_sub(self.service.now().mono_ms);
                inlet.recv_timeout(Duration::from_millis(left_ms))
            }
        }
    }

    /// Takes everything that has come, and the messages that have waited long enough.
    pub(super) fn take_all(&mut self, inlet: &Receiver<ToReader>) {
        while let Ok(what) = inlet.try_recv() {
            self.take(what);
        }
        if self.outside.next_ms().is_some() {
            self.expire();
        }
    }

    /// Takes what has come. A task that is alone may begin at once.
    pub(super) fn take(&mut self, what: ToReader) {
        match what {
            ToReader::Task(task) => self.enqueue(task),
            ToReader::Found(id, finding) => self.resume(id, finding),
            ToReader::Hangup(conn) => self.hang_up(conn),
        }
    }

    /// Whether a task needs no queue when no other waits. A search goes through the queue: the
    /// searches of its inbox are counted there.
    pub(super) fn needs_no_queue(task: &ReadTask) -> bool {
        searched(task).is_none()
    }

    /// The task whose turn it is, if there is one. `threads` is the number of threads that could
    /// begin it.
    pub(super) fn next(&mut self, threads: usize) -> Option<NextRead> {
        loop {
            match self.turns.pop(threads)?.1 {
                Due::Thread(thread) => return Some(NextRead::Resume(thread)),
                Due::Task(number) => {
                    if let Some(waiting) = self.remove(number) {
                        return Some(NextRead::Begin(Box::new(self.begin(waiting.task))));
                    }
                }
            }
        }
    }

    /// Queues a thread whose task has stopped for others.
    pub(super) fn interrupt(&mut self, share: Share, thread: usize) {
        self.turns.push_begun(share, Due::Thread(thread));
    }

    /// Takes work off the credit of its share.
    pub(super) fn charge(&mut self, share: Share, micros: u64) {
        self.turns.charge(share, micros);
    }

    /// A slice of a task is done; the rest waits for its next turn. It is dropped when its
    /// connection has closed meanwhile.
    pub(super) fn again(&mut self, task: ReadTask, about: ReadInfo) {
        if self.end_begun(about.conn) {
            self.end_search(about.searched);
            return;
        }
        self.count(1);
        let number = self.number(task, about, false);
        self.turns.push(about.share, Due::Task(number));
    }

    /// A task has ended.
    pub(super) fn end(&mut self, about: ReadInfo) {
        self.end_begun(about.conn);
        self.end_search(about.searched);
    }

    /// A message waits for a lookup.
    pub(super) fn wait_outside(&mut self, id: LookupId, message: WaitingMessage) {
        self.outside.insert(self.service.now().mono_ms, id, message);
    }

    /// The connections of the messages that wait for lookups; no answer can come any more.
    pub(super) fn drain_outside(&mut self) -> Vec<ConnId> {
        self.outside.drain()
    }

    fn enqueue(&mut self, task: ReadTask) {
        let about = ReadInfo {
            share: task.share(),
            conn: task.conn(),
            searched: searched(&task),
        };
        let most = self.service.shared.limits.searches_per_inbox;
        let Some(inbox) = about.searched else {
            let number = self.number(task, about, false);
            return self.turns.push(about.share, Due::Task(number));
        };
        let under_way = self.searches.get(&inbox).map_or(0, |s| s.under_way);
        let number = self.number(task, about, under_way >= most);
        let searches = self.searches.entry(inbox).or_default();
        if under_way >= most {
            searches.held.push_back(number);
        } else {
            searches.under_way += 1;
            self.turns.push(about.share, Due::Task(number));
        }
    }

    fn number(&mut self, task: ReadTask, about: ReadInfo, is_held: bool) -> u64 {
        self.last_number = self.last_number.wrapping_add(1);
        let number = self.last_number;
        if let Some(conn) = about.conn {
            self.by_conn.insert(conn, number);
        }
        let waiting = WaitingRead {
            task,
            about,
            is_held,
        };
        self.tasks.insert(number, waiting);
        number
    }

    fn remove(&mut self, number: u64) -> Option<WaitingRead> {
        let waiting = self.tasks.remove(&number)?;
        if let Some(conn) = waiting.about.conn
            && self.by_conn.get(&conn) == Some(&number)
        {
            self.by_conn.remove(&conn);
        }
        Some(waiting)
    }

    /// Takes a task to its thread.
    pub(super) fn begin(&mut self, task: ReadTask) -> BegunRead {
        self.count(-1);
        let about = ReadInfo {
            share: task.share(),
            conn: task.conn(),
            searched: searched(&task),
        };
        self.begun.extend(about.conn.map(|conn| (conn, false)));
        BegunRead { task, about }
    }

    /// Whether the connection of a task that has begun has closed since.
    fn end_begun(&mut self, conn: Option<ConnId>) -> bool {
        let at = self
            .begun
            .iter()
            .position(|(begun, _)| Some(*begun) == conn);
        at.is_some_and(|at| self.begun.swap_remove(at).1)
    }

    fn hang_up(&mut self, conn: ConnId) {
        self.outside.hang_up(conn);
        for (begun, has_closed) in &mut self.begun {
            *has_closed |= *begun == conn;
        }
        let number = self.by_conn.get(&conn).copied();
        if let Some(waiting) = number.and_then(|number| self.remove(number)) {
            self.count(-1);
            if !waiting.is_held {
                self.end_search(waiting.about.searched);
            }
        }
    }

    /// A search has ended: others of its inbox that are held may begin.
    fn end_search(&mut self, inbox: Option<InboxId>) {
        let Some(inbox) = inbox else { return };
        let most = self.service.shared.limits.searches_per_inbox;
        let Some(searches) = self.searches.get_mut(&inbox) else {
            return;
        };
        searches.under_way = searches.under_way.saturating_sub(1);
        while searches.under_way < most
            && let Some(number) = searches.held.pop_front()
        {
            // A search whose connection has closed is gone.
            if let Some(waiting) = self.tasks.get_mut(&number) {
                waiting.is_held = false;
                searches.under_way += 1;
                self.turns.push(waiting.about.share, Due::Task(number));
            }
        }
        if searches.under_way == 0 {
            self.searches.remove(&inbox);
        }
    }

    /// Lets a message go on with the answer to its lookup.
    fn resume(&mut self, id: LookupId, finding: Finding) {
        if let Some(message) = self.outside.remove(id) {
            let request = message.with(|parsed| IntakeStage::Found(parsed, finding));
            self.count(1);
            self.enqueue(ReadTask::Intake(request));
        }
    }

    /// Lets messages go on that have waited long enough, without an answer.
    fn expire(&mut self) {
        let now_ms = self.service.now().mono_ms;
        while let Some(id) = self.outside.late(now_ms) {
            self.resume(id, Finding::TimedOut);
        }
    }

    fn count(&self, change: i64) {
        let metrics = &self.service.shared.metrics;
        match change {
            0.. => metrics.add(Metric::ReaderQueue, change.unsigned_abs()),
            _ => metrics.sub(Metric::ReaderQueue, change.unsigned_abs()),
        }
    }
}

/// The inbox of an IMAP search. A search over HTTP names its inbox in another way, and the rate of
/// its key bounds it.
fn searched(task: &ReadTask) -> Option<InboxId> {
    match task {
        ReadTask::Call(Request {
            caller,
            call: Read::Entry(EntryRead::Search { .. }),
            ..
        }) => caller.key()?.inbox,
        ReadTask::Call(_) | ReadTask::Intake(_) => None,
    }
}
