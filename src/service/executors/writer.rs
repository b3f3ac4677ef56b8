//! The loop of the writer: it fills groups by turns, publishes and answers, and does the upkeep of
//! the database in between.
//!
//! A group is bounded in calls, in octets and in time, so that a call of another share waits for
//! one group at most. Upkeep (deleted rows, old rows, the write-ahead log) goes in steps between
//! the groups.

use core::time::Duration;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};

use super::WorkClock;
use super::turns::Turns;
use crate::call::{ConnId, Event, Metric, Refusal, Reply, Share};
use crate::service::context::LoneTurn;
use crate::service::{WriteTask, Writer};
use crate::store::{COPIER_COPIES_AT, Checkpoint, Error, Store, WRITER_COPIES_AT};

/// The queue of the writer: where tasks come in, and the clock that measures what they cost.
#[derive(Debug)]
pub struct WriterInlet {
    pub(super) tasks: Receiver<WriteTask>,
    pub(super) clock: WorkClock,
}

/// The loop of the writer, until every [`super::Router`] and every [`super::Lane`] is dropped or
/// the disk fails. Then `fail` is called with the reason and must end the process; until the
/// routers are dropped, every task is refused, so that no connection waits for an answer.
pub fn run_writer(
    mut writer: Writer,
    store: &Store,
    inlet: &WriterInlet,
    publish: impl FnMut(Arc<[Event]>),
    mut answer: impl FnMut(ConnId, Reply),
    fail: impl FnOnce(String),
) {
    let mut queue = WriterQueue::default();
    let ended = write_all(&mut writer, store, inlet, &mut queue, publish, &mut answer);
    if let Err(why) = ended {
        fail(why);
        let waiting = queue.turns.drain().into_iter().chain(queue.later);
        for task in waiting.chain(inlet.tasks.iter()) {
            if let Some(conn) = task.conn() {
                answer(conn, Reply::Refused(Refusal::Stopping));
            }
        }
    }
}

/// The tasks that wait for the writer.
#[derive(Debug, Default)]
struct WriterQueue {
    turns: Turns<WriteTask>,
    /// Tasks that wait until the disk has space again, and the time at which they are tried.
    later: Vec<WriteTask>,
    later_ms: u64,
}

impl WriterQueue {
    /// Keeps tasks for later.
    fn keep(&mut self, mut tasks: Vec<WriteTask>, now_ms: u64) {
        if !tasks.is_empty() {
            self.later.append(&mut tasks);
            self.later_ms = now_ms.saturating_add(LATER_MS);
        }
    }

    /// Queues the tasks whose time has come. Gives how long to wait for those that are left, at
    /// most `wait`.
    fn wake(&mut self, now_ms: u64, wait: Duration) -> Duration {
        if self.later.is_empty() {
            return wait;
        }
        if now_ms < self.later_ms {
            return wait.min(Duration::from_millis(self.later_ms - now_ms));
        }
        for task in self.later.drain(..) {
            self.turns.push(task.share(), task);
        }
        wait
    }
}

fn write_all(
    writer: &mut Writer,
    store: &Store,
    inlet: &WriterInlet,
    queue: &mut WriterQueue,
    mut publish: impl FnMut(Arc<[Event]>),
    mut answer: impl FnMut(ConnId, Reply),
) -> Result<(), String> {
    let tasks = &inlet.tasks;
    let hooks = Arc::clone(writer.service());
    let mut publish = move |events: Arc<[Event]>| {
        hooks.webhooks.saw(&events);
        hooks.connections.saw(&events);
        publish(events);
    };
    let mut idle_turns = 0u32;
    let mut groups = 0u32;
    // The number of calls of the last group.
    let mut last = 0;
    let mut trimmed_ms = writer.service().now().mono_ms;
    // Slices of old rows that an idle writer still deletes; a task that comes goes first.
    let mut trim_slices = 0;
    checkpoint(writer, store, Checkpoint::Passive)?;
    loop {
        let next_job = run_alone(writer, store, &mut publish, &mut answer)?;
        let wait = match (idle_turns, next_job) {
            (0, job) => job.map_or(IDLE, |job| job.min(IDLE)),
            (_, job) => job.map_or(IDLE_LONG, |job| job.min(IDLE_LONG)),
        };
        let wait = queue.wake(writer.service().now().mono_ms, wait);
        let turns = &mut queue.turns;
        let next = if !turns.is_empty() {
            Ok(None)
        } else if store.has_leftovers() || trim_slices > 0 {
            tasks.try_recv().map(Some).map_err(|none| match none {
                TryRecvError::Empty => RecvTimeoutError::Timeout,
                TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
            })
        } else {
            tasks.recv_timeout(wait).map(Some)
        };
        let first = match next {
            Ok(first) => first,
            Err(RecvTimeoutError::Timeout) if store.has_leftovers() => {
                reclaim(writer, store)?;
                continue;
            }
            Err(RecvTimeoutError::Timeout) if trim_slices > 0 => {
                trim_slices = match trim(writer, store)? {
                    true => trim_slices - 1,
                    false => 0,
                };
                if trim_slices == 0 {
                    checkpoint(writer, store, Checkpoint::Truncate)?;
                }
                continue;
            }
            Err(RecvTimeoutError::Timeout) if Some(wait) == next_job || !queue.later.is_empty() => {
                checkpoint_if_due(writer, store)?;
                maintain_under_load(writer, store, &mut groups, &mut trimmed_ms)?;
                continue;
            }
            Err(RecvTimeoutError::Timeout) => {
                trim_slices = idle(writer, store, idle_turns)?;
                idle_turns = idle_turns.saturating_add(1);
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        };
        idle_turns = 0;
        let lone = gather(tasks, turns, first, last);
        let mut group = Filling::new(inlet, turns, lone);
        let turn = writer.turn_by(store, &mut || group.next());
        last = group.calls;
        group.end(writer);
        let metrics = &writer.service().shared.metrics;
        metrics.sub(
            Metric::WriterQueue,
            last.saturating_sub(turn.rests.len() + turn.later.len()) as u64,
        );
        for rest in turn.rests {
            turns.push(rest.share(), rest);
        }
        queue.keep(turn.later, writer.service().now().mono_ms);
        if !turn.events.is_empty() {
            publish(turn.events);
        }
        for (conn, reply) in turn.replies {
            // A call of the server itself has no connection to answer.
            if let Some(conn) = conn {
                answer(conn, reply);
            }
        }
        if let Some(why) = turn.fatal {
            return Err(disk(&why));
        }
        checkpoint_if_due(writer, store)?;
        maintain_under_load(writer, store, &mut groups, &mut trimmed_ms)?;
    }
    if let Err(error) = writer.keep_requests(store) {
        log::error!("storing counts failed error=\"{error}\"");
    }
    checkpoint(writer, store, Checkpoint::Truncate)
}

/// Queues `first` and the tasks that have come. When fewer wait than the last group had, `last`, it
/// waits a moment for more. A task that is alone is given back: it needs no queue.
fn gather(
    inlet: &Receiver<WriteTask>,
    turns: &mut Turns<WriteTask>,
    first: Option<WriteTask>,
    last: usize,
) -> Option<WriteTask> {
    let mut waits = match last {
        0..GATHER_FROM => 0,
        _ => GATHERS,
    };
    let mut lone = first;
    loop {
        let waiting = turns.len() + usize::from(lone.is_some());
        let came = match inlet.try_recv() {
            Err(TryRecvError::Empty) if waiting < last && waits > 0 => {
                waits -= 1;
                inlet.recv_timeout(GATHER).ok()
            }
            came => came.ok(),
        };
        let Some(task) = came else {
            return lone.filter(|_| turns.is_empty());
        };
        for task in lone.take().into_iter().chain([task]) {
            turns.push(task.share(), task);
        }
    }
}

/// A group while it is filled: its tasks are taken by turns, each after the one before is carried
/// out and charged.
struct Filling<'a> {
    turns: &'a mut Turns<WriteTask>,
    clock: &'a WorkClock,
    /// The only task that waits.
    lone: Option<WriteTask>,
    began_us: u64,
    /// The share of the task that is carried out, and since when.
    running: Option<(Share, u64)>,
    calls: usize,
    octets: usize,
}

impl<'a> Filling<'a> {
    fn new(
        inlet: &'a WriterInlet,
        turns: &'a mut Turns<WriteTask>,
        lone: Option<WriteTask>,
    ) -> Self {
        Filling {
            turns,
            clock: &inlet.clock,
            lone,
            began_us: inlet.clock.micros(),
            running: None,
            calls: 0,
            octets: 0,
        }
    }

    /// Charges the task that has been carried out, and gives the next; `None` when the group is
    /// full. A group has at least one task.
    fn next(&mut self) -> Option<WriteTask> {
        let now_us = self.clock.micros();
        if let Some((share, since_us)) = self.running.take() {
            self.turns.charge(share, now_us.saturating_sub(since_us));
        }
        if let Some(lone) = self.lone.take() {
            self.calls = 1;
            self.octets = lone.octets();
            return Some(lone);
        }
        let is_late = now_us.saturating_sub(self.began_us) >= GROUP_US;
        if self.calls > 0 && (is_late || self.calls >= GROUP_CALLS) {
            return None;
        }
        let (share, task) = self.turns.pop(usize::MAX)?;
        let octets = self.octets.saturating_add(task.octets());
        if self.calls > 0 && octets > GROUP_OCTETS {
            self.turns.put_back(share, task);
            return None;
        }
        self.octets = octets;
        self.calls += 1;
        self.running = Some((share, now_us));
        Some(task)
    }

    /// Charges the last task, if the group has ended with it, and counts a group that took too
    /// long.
    fn end(mut self, writer: &Writer) {
        if let Some((share, since_us)) = self.running.take() {
            let used_us = self.clock.micros().saturating_sub(since_us);
            self.turns.charge(share, used_us);
        }
        let took_us = self.clock.micros().saturating_sub(self.began_us);
        if took_us > LONG_GROUP_US {
            let metrics = &writer.service().shared.metrics;
            metrics.count(Metric::LongGroups);
            metrics.raise(Metric::LongestGroup, took_us);
        }
    }
}

/// Deletes and reclaims old rows between two groups, because a busy writer is never idle.
fn maintain_under_load(
    writer: &mut Writer,
    store: &Store,
    groups: &mut u32,
    trimmed_ms: &mut u64,
) -> Result<(), String> {
    *groups = groups.saturating_add(1);
    if *groups < MAINTAIN_GROUPS {
        return Ok(());
    }
    *groups = 0;
    if store.has_leftovers() {
        reclaim(writer, store)?;
    }
    let now = writer.service().now();
    writer.service().tell_unlogged_logins(now);
    let now_ms = now.mono_ms;
    if now_ms.saturating_sub(*trimmed_ms) >= TRIM_MS && !trim(writer, store)? {
        *trimmed_ms = now_ms;
    }
    Ok(())
}

/// Starts the jobs that are due. Gives the time until the next one is due.
fn run_jobs(writer: &mut Writer, store: &Store) -> Result<Option<Duration>, String> {
    match writer.run_jobs(store) {
        Ok(next_ms) => Ok(next_ms.map(Duration::from_millis)),
        Err(error) if error.is_disk_failure() => Err(disk(&error.to_string())),
        Err(error) => {
            log::error!("jobs failed error=\"{error}\"");
            Ok(None)
        }
    }
}

/// Does what is due without a call. Gives the time until the next of it.
fn run_alone(
    writer: &mut Writer,
    store: &Store,
    publish: &mut impl FnMut(Arc<[Event]>),
    answer: &mut impl FnMut(ConnId, Reply),
) -> Result<Option<Duration>, String> {
    let next_job = run_jobs(writer, store)?;
    let turn = writer.run_outbound(store);
    let next_out = tell_turn("the queue to outside", turn, publish, answer)?;
    let next_mail = run_waiting(writer, store, publish)?;
    let turn = writer.run_webhooks(store);
    let next_hook = tell_turn("webhooks", turn, publish, answer)?;
    let turn = (writer.run_upstream(store), Vec::new());
    let next_look = tell_turn("accounts elsewhere", turn, publish, answer)?;
    let all = [next_job, next_out, next_mail, next_hook, next_look];
    Ok(all.into_iter().flatten().min())
}

/// Tells what a turn of work without a call has done. Gives the time until the next turn.
fn tell_turn(
    work: &str,
    (turn, events): (LoneTurn, Vec<Event>),
    publish: &mut impl FnMut(Arc<[Event]>),
    answer: &mut impl FnMut(ConnId, Reply),
) -> Result<Option<Duration>, String> {
    if !events.is_empty() {
        publish(events.into());
    }
    for (conn, reply) in turn.replies {
        answer(conn, reply);
    }
    match turn.error {
        Some(error) if error.is_disk_failure() => return Err(disk(&error.to_string())),
        Some(error) => log::error!("{work} failed error=\"{error}\""),
        None => {}
    }
    Ok(turn.next_ms.map(Duration::from_millis))
}

/// Declines held mail whose time is over, sends scheduled mail whose time has come, and ends what
/// ends by itself. Gives the time until the next step.
fn run_waiting(
    writer: &mut Writer,
    store: &Store,
    publish: &mut impl FnMut(Arc<[Event]>),
) -> Result<Option<Duration>, String> {
    let expired = writer.expire_approvals(store).map(|events| (None, events));
    let mut next: Option<Duration> = None;
    for done in [
        expired,
        writer.release_scheduled(store),
        writer.end_expired(store),
    ] {
        match done {
            Ok((next_ms, events)) => {
                let at = next_ms.map(Duration::from_millis);
                next = next.into_iter().chain(at).min();
                if !events.is_empty() {
                    publish(events.into());
                }
            }
            Err(error) if error.is_disk_failure() => return Err(disk(&error.to_string())),
            Err(error) => log::error!("what happens at a time failed error=\"{error}\""),
        }
    }
    Ok(next)
}

/// Reclaims one slice of deleted rows.
fn reclaim(writer: &mut Writer, store: &Store) -> Result<(), String> {
    match writer.reclaim(store) {
        Ok(_) => checkpoint_if_due(writer, store),
        Err(error) if error.is_disk_failure() => Err(disk(&error.to_string())),
        Err(error) => {
            log::error!("reclaiming failed error=\"{error}\"");
            Ok(())
        }
    }
}

/// Deletes one slice of old rows. Gives whether there are more.
fn trim(writer: &mut Writer, store: &Store) -> Result<bool, String> {
    match writer.trim(store) {
        Err(error) if error.is_disk_failure() => Err(disk(&error.to_string())),
        Err(error) => {
            log::error!("trimming failed error=\"{error}\"");
            Ok(false)
        }
        more => Ok(more.unwrap_or(false)),
    }
}

fn checkpoint_if_due(writer: &mut Writer, store: &Store) -> Result<(), String> {
    let has_ended = match &mut writer.copier {
        Some(copier) => told(copier.has_ended(store))?.unwrap_or(false),
        None => false,
    };
    if has_ended && told(store.log_bytes())?.unwrap_or(0) >= BEGIN_ANEW_BYTES {
        // Little is left to copy, and with it the log begins anew.
        return checkpoint(writer, store, Checkpoint::Passive);
    }
    let at_bytes = match writer.copier {
        Some(_) => COPIER_COPIES_AT,
        None => WRITER_COPIES_AT,
    };
    match (store.checkpoint_due(at_bytes), &mut writer.copier) {
        (Err(error), _) => Err(disk(&error.to_string())),
        (Ok(None), _) => Ok(()),
        (Ok(Some(Checkpoint::Passive)), Some(copier)) => told(copier.begin(store)).map(drop),
        (Ok(Some(how)), _) => checkpoint(writer, store, how),
    }
}

/// The work of an idle writer: after 200 ms it empties the write-ahead log, and each minute it
/// deletes old rows: it gives the number of slices of them.
fn idle(writer: &mut Writer, store: &Store, turns: u32) -> Result<usize, String> {
    let service = writer.service();
    service.tell_unlogged_logins(service.now());
    if turns == 0 {
        checkpoint(writer, store, Checkpoint::Truncate)?;
    }
    match turns % TRIM_EVERY {
        1 => Ok(TRIM_SLICES),
        _ => Ok(0),
    }
}

/// Runs a checkpoint. When a reader holds it up, it is tried again later. When the disk refuses it,
/// the process ends: after one failed fsync the pages before it may be lost without notice.
fn checkpoint(writer: &mut Writer, store: &Store, how: Checkpoint) -> Result<(), String> {
    if let Some(copier) = &mut writer.copier {
        told(copier.wait(store))?;
    }
    let done = store.checkpoint(how);
    told(done.and_then(|_| writer.record_vacant_bytes(store))).map(drop)
}

/// What a checkpoint has given; `None` when it failed and is tried again later.
fn told<T>(done: Result<T, Error>) -> Result<Option<T>, String> {
    match done {
        Ok(done) => Ok(Some(done)),
        Err(error) if error.is_disk_failure() => Err(disk(&error.to_string())),
        Err(error) => {
            log::warn!("checkpoint failed error=\"{error}\"");
            Ok(None)
        }
    }
}

fn disk(why: &str) -> String {
    format!(
        "the disk under the database has failed ({why}); stopping, because what is in memory \
         can no longer be trusted. Check the disk, run `postern verify`, start again"
    )
}

/// Milliseconds after which a task that a full disk has stopped is tried again.
const LATER_MS: u64 = 1000;
/// Calls of one transaction.
const GROUP_CALLS: usize = 128;
/// Microseconds after which a group takes no further call.
const GROUP_US: u64 = 5000;
/// Microseconds from which a group counts as long: its work with the commit.
const LONG_GROUP_US: u64 = 50_000;
/// From this size on a group waits to become as large as the group before: under load more calls
/// are on their way, and pages that they share are written once.
const GATHER_FROM: usize = 8;
/// The time that it waits for one more call.
const GATHER: Duration = Duration::from_micros(250);
/// The number of times that a group waits. With [`GATHER`] it bounds the delay to 1 ms.
const GATHERS: usize = 4;
/// From this size on the log begins anew as soon as the copier has left little of it. SQLite looks
/// for a page in all of it, and the system keeps all of it in memory.
const BEGIN_ANEW_BYTES: u64 = 16 << 20;
/// Octets of one transaction.
const GROUP_OCTETS: usize = 8 << 20;
/// Time without a task after which the writer is idle.
const IDLE: Duration = Duration::from_millis(200);
/// Time that an idle writer sleeps at once, so that an idle server uses no CPU.
const IDLE_LONG: Duration = Duration::from_secs(10);
/// Groups after which the writer reclaims a slice of deleted rows even when tasks wait. Each minute
/// it also deletes old rows, slice by slice.
const MAINTAIN_GROUPS: u32 = 8;
/// Milliseconds between two deletions of old rows under load.
const TRIM_MS: u64 = 60_000;
/// Old rows are deleted once in this many idle turns: each minute.
const TRIM_EVERY: u32 = 6;
/// Slices of old rows that an idle writer deletes in a minute at most, each after a look at the
/// queue.
const TRIM_SLICES: usize = 50;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use core::sync::atomic::{AtomicU64, Ordering};
    use std::sync::mpsc::{Sender, channel};

    use super::*;
    use crate::call::{
        Access, Caller, Grant, InboxId, MailboxWrite, Need, Now, OrgId, Request, Scopes,
    };
    use crate::service::intake::plan::{Delivery, Plan};

    fn request<C>(org: i64, call: C) -> Request<C> {
        let grant = Grant {
            org: OrgId(org),
            key: Some(crate::call::KeyId(org)),
            scopes: Scopes::ADMIN,
            inboxes: None,
            subtree: false,
            inbox: Some(InboxId(org)),
            address: String::new(),
            expires_at: None,
        };
        Request {
            request_id: None,
            depth: 0,
            conn: None,
            peer: "192.0.2.1".parse().unwrap(),
            now: Now::default(),
            caller: Caller::Key(Access(Arc::new(grant))),
            call,
        }
    }

    fn call(org: i64) -> WriteTask {
        let mailbox = "a".into();
        WriteTask::Call(request(
            org,
            crate::call::Write::Mailbox(MailboxWrite::Create { mailbox }),
        ))
    }

    fn message(org: i64, octets: usize) -> WriteTask {
        let plan = Plan {
            body: vec![b'x'; octets],
            ..Plan::empty(crate::service::access::receives::SendingParty::Server)
        };
        WriteTask::Deliver(request(
            org,
            Box::new(Delivery {
                plan,
                need: Need::Nothing,
                idempotency: None,
                receiver: None,
                pieces: None,
                refused: None,
                charge: None,
            }),
        ))
    }

    struct World {
        queue: Sender<WriteTask>,
        inlet: WriterInlet,
        time: Arc<AtomicU64>,
        turns: Turns<WriteTask>,
    }

    fn world() -> World {
        let (queue, tasks) = channel();
        let time = Arc::new(AtomicU64::new(0));
        let reads = Arc::clone(&time);
        let clock = WorkClock(Arc::new(move || reads.load(Ordering::Relaxed)));
        World {
            queue,
            inlet: WriterInlet { tasks, clock },
            time,
            turns: Turns::default(),
        }
    }

    impl World {
        /// Fills one group. Each task takes `cost` microseconds. Gives the organization of each.
        fn fill(&mut self, last: usize, cost: u64) -> Vec<i64> {
            let lone = gather(&self.inlet.tasks, &mut self.turns, None, last);
            let mut group = Filling::new(&self.inlet, &mut self.turns, lone);
            let mut orgs = Vec::new();
            while let Some(task) = group.next() {
                match task.share().owner {
                    crate::call::ShareOwner::Org(org) => orgs.push(org.0),
                    other => panic!("{other:?}"),
                }
                self.time.fetch_add(cost, Ordering::Relaxed);
            }
            orgs
        }
    }

    #[test]
    fn a_group_takes_no_more_calls_octets_or_time_than_its_bounds() {
        let mut w = world();
        for _ in 0..300 {
            w.queue.send(call(1)).unwrap();
        }
        let groups = [
            w.fill(0, 1).len(),
            w.fill(128, 1).len(),
            w.fill(128, 1).len(),
        ];
        assert_eq!(groups, [128, 128, 44]);
        for _ in 0..10 {
            w.queue.send(call(1)).unwrap();
        }
        assert_eq!(w.fill(0, 2000).len(), 3);
        assert_eq!(w.fill(0, 9000).len(), 1);
        assert_eq!(w.fill(0, 1).len(), 6);
        for _ in 0..20 {
            w.queue.send(message(1, 1 << 20)).unwrap();
        }
        // Also while a group waits to become larger.
        let groups = [w.fill(0, 1).len(), w.fill(128, 1).len(), w.fill(0, 1).len()];
        assert_eq!(groups, [8, 8, 4]);
        assert!(w.turns.is_empty());
    }

    #[test]
    fn a_group_is_filled_by_turns() {
        let mut w = world();
        for _ in 0..500 {
            w.queue.send(call(1)).unwrap();
        }
        assert_eq!(w.fill(0, 1000), [1; 5]);
        w.queue.send(call(2)).unwrap();
        // The call of the other comes first, however many wait.
        assert_eq!(w.fill(0, 1000), [2, 1, 1, 1, 1]);
    }
}
