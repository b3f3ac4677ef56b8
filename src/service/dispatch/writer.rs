//! The writer: carries out a group of calls in one transaction.
//!
//! A group is committed once. Then its events are published, and then its replies are given. So
//! every event and every reply is about rows that are on disk. The writer does not catch a panic:
//! the state of the transaction would be unknown, so the process ends.

use std::sync::Arc;

use super::group::{GroupRun, RequestMark, Undone};
use super::write;
use crate::call::{
    Caller, ConnId, Countable, Event, Idempotency, Metric, Now, Refusal, Reply, Request, RequestId,
    Share, SharePart, Write, Written,
};
use crate::crypto::Random;
use crate::service::access::admit::admit;
use crate::service::audit;
use crate::service::context::{Carried, WriteContext};
use crate::service::intake::{self, Delivery, ImportSlice, PIECE_BYTES, StoredPieces};
use crate::service::job::{Runner, Runners};
use crate::service::mail::expiry::RetentionWalk;
use crate::service::outgoing::due::Leaving;
use crate::service::{Service, policy, repeated};
use crate::store::{KeptAnswer, LogCopier, Quota, Store};

/// A task of the writer.
#[derive(Debug)]
pub enum WriteTask {
    /// A call.
    Call(Request<Write>),
    /// The rest of a call of which a slice is committed. Its caller was admitted at its beginning.
    Rest(Request<Write>),
    /// A message that a reader has decided on.
    Deliver(Request<Box<Delivery>>),
    /// Messages of an import that a reader has decided on.
    Import(Request<Box<ImportSlice>>),
}

impl WriteTask {
    /// The connection that waits for the answer.
    pub fn conn(&self) -> Option<ConnId> {
        match self {
            WriteTask::Call(request) | WriteTask::Rest(request) => request.conn,
            WriteTask::Deliver(request) => request.conn,
            WriteTask::Import(request) => request.conn,
        }
    }

    /// The id of its request, and how many webhooks its cause is behind.
    fn cause(&self) -> (Option<RequestId>, u8) {
        match self {
            WriteTask::Call(request) | WriteTask::Rest(request) => request.cause(),
            WriteTask::Deliver(request) => request.cause(),
            WriteTask::Import(request) => request.cause(),
        }
    }

    /// The share that pays for it.
    pub fn share(&self) -> Share {
        match self {
            WriteTask::Call(Request {
                caller, peer, call, ..
            })
            | WriteTask::Rest(Request {
                caller, peer, call, ..
            }) => Share::of(caller, *peer, call.named(), None),
            WriteTask::Deliver(Request {
                caller, peer, call, ..
            }) => {
                let sender = call.plan.sender.map(SharePart::Inbox);
                Share::of(caller, *peer, sender, call.receiver)
            }
            WriteTask::Import(Request {
                caller, peer, call, ..
            }) => Share::of(caller, *peer, Some(SharePart::Inbox(call.inbox)), None),
        }
    }

    /// The same request with the rest of its call.
    fn rest(&self, call: Write) -> Option<WriteTask> {
        let (WriteTask::Call(request) | WriteTask::Rest(request)) = self else {
            return None;
        };
        Some(WriteTask::Rest(Request {
            request_id: request.request_id,
            depth: request.depth,
            conn: request.conn,
            peer: request.peer,
            now: request.now,
            caller: request.caller.clone(),
            call,
        }))
    }

    /// The task that takes back the slices that are committed, when the next one was refused.
    fn undo(&self, why: &Refusal) -> Option<WriteTask> {
        let (WriteTask::Call(request) | WriteTask::Rest(request)) = self else {
            return None;
        };
        self.rest(request.call.undo(why)?)
    }

    /// The same task for later: it takes back slices of a refused call, and could not, because of
    /// `why`.
    /// A full disk and a failed commit pass. Other reasons do not: the log says what is left.
    fn later(&self, why: &Refusal, is_failed_commit: bool) -> Option<WriteTask> {
        let (WriteTask::Call(request) | WriteTask::Rest(request)) = self else {
            return None;
        };
        if !request.call.takes_back() {
            return None;
        }
        if is_failed_commit || *why == Refusal::NoSpace {
            return self.rest(request.call.clone());
        }
        log::error!("a refused command could not be taken back: {why:?}");
        None
    }

    /// Octets that the task adds to its transaction.
    pub fn octets(&self) -> usize {
        match self {
            WriteTask::Call(_) | WriteTask::Rest(_) => 0,
            // A larger one is stored in pieces.
            WriteTask::Deliver(request) => request.call.plan.body.len().min(PIECE_BYTES),
            WriteTask::Import(request) => request.call.octets(),
        }
    }
}

/// Carries out calls that write, in groups.
pub struct Writer {
    pub(super) service: Arc<Service>,
    pub(super) random: Random,
    reserve: Box<dyn FnMut(DiskReserve) -> bool + Send>,
    jobs: Runners,
    /// Copies the write-ahead log beside the writer; without one the writer does.
    pub(in crate::service) copier: Option<LogCopier>,
    /// Groups that are still carried out with a savepoint for every message.
    guarded: u32,
    /// When the writer looks next whether the time of held mail is over, monotonic milliseconds.
    pub(super) approvals_at_ms: u64,
    /// A large scheduled message of which a part is stored.
    pub(super) leaving: Option<Leaving>,
    /// The walk over the inboxes that keep mail for some days.
    pub(super) retention: RetentionWalk,
    /// Nothing ends by itself before this, so that other calls have their turn; monotonic
    /// milliseconds.
    pub(super) expiry_rests_ms: u64,
}

impl core::fmt::Debug for Writer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

/// A request to the keeper of the reserve of disk space.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DiskReserve {
    /// The disk is full: give the reserve up. The answer says whether there was one.
    Give,
    /// The writer is idle: build the reserve up, if there is space for it.
    Keep,
}

/// The result of a group.
#[derive(Debug)]
pub struct WriteTurn {
    /// Events to publish before the replies are given.
    pub events: Arc<[Event]>,
    /// One reply for each request that has ended, in their order.
    pub replies: Vec<(Option<ConnId>, Reply)>,
    /// The rest of each request that has not ended. Each is carried out in a later group.
    pub rests: Vec<WriteTask>,
    /// Tasks that take back what a refused call has done, and could not: the disk is full, or the
    /// commit has failed. Each has to be carried out again after a while.
    pub later: Vec<WriteTask>,
    /// The reason why the disk has failed: the process must log it and end.
    pub fatal: Option<String>,
    /// Nothing was committed because the disk is full.
    is_full: bool,
}

/// The tasks of a group.
struct Group<'a> {
    given: &'a [WriteTask],
    /// Tasks that `next` gave.
    taken: Vec<Option<WriteTask>>,
    /// Gives one more task, until the group is full.
    next: Option<&'a mut dyn FnMut() -> Option<WriteTask>>,
}

impl<'a> Group<'a> {
    fn of(given: &'a [WriteTask]) -> Self {
        Group {
            given,
            taken: Vec::new(),
            next: None,
        }
    }

    /// Task number `n`; it is taken if it is the first that is not there yet.
    fn nth(&mut self, n: usize) -> Option<&WriteTask> {
        if let Some(task) = self.given.get(n) {
            return Some(task);
        }
        let n = n - self.given.len();
        if n == self.taken.len() {
            let task = (self.next.as_mut()?)()?;
            self.taken.push(Some(task));
        }
        self.taken.get(n)?.as_ref()
    }

    /// Takes a message out of which `pieces` are stored, for a later group.
    fn keep(&mut self, n: usize, pieces: StoredPieces) -> Option<WriteTask> {
        let mut task = self.taken.get_mut(n)?.take()?;
        if let WriteTask::Deliver(request) = &mut task {
            request.call.pieces = Some(pieces);
        }
        Some(task)
    }

    fn tasks(&self) -> impl Iterator<Item = &WriteTask> {
        self.given.iter().chain(self.taken.iter().flatten())
    }
}

impl Writer {
    /// A writer with the system's randomness.
    pub fn new(service: Arc<Service>) -> Self {
        Self::with_random(service, Random::system())
    }

    /// A writer whose secrets and generated addresses are made with `random`.
    pub fn with_random(service: Arc<Service>, random: Random) -> Self {
        Writer {
            service,
            random,
            reserve: Box::new(|_| false),
            jobs: Runners::default(),
            copier: None,
            guarded: 0,
            approvals_at_ms: 0,
            leaving: None,
            retention: RetentionWalk::default(),
            expiry_rests_ms: 0,
        }
    }

    /// The same writer, with a reserve of disk space to give up.
    #[must_use]
    pub fn with_reserve(self, reserve: Box<dyn FnMut(DiskReserve) -> bool + Send>) -> Self {
        Writer { reserve, ..self }
    }

    /// The same writer, with a copier of the log.
    #[must_use]
    pub fn with_copier(self, copier: LogCopier) -> Self {
        let copier = Some(copier);
        Writer { copier, ..self }
    }

    /// The same writer, with a runner for the jobs of one kind.
    #[must_use]
    pub fn with_runner(mut self, runner: Runner) -> Self {
        let holder = self.random.u64().cast_signed();
        self.jobs.add(runner, holder);
        self
    }

    /// Starts the jobs that are due. Gives the milliseconds until the next job is due; `None` when
    /// no job waits.
    pub fn run_jobs(&mut self, store: &Store) -> Result<Option<u64>, crate::store::Error> {
        self.jobs.run(store, self.service.now())
    }

    /// The state that all threads share.
    pub fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// Carries out a group in one transaction. When the commit fails, or SQLite has rolled the
    /// transaction back, every request of the group is refused and nothing is published. On a full
    /// disk the reserve is given up and the group is tried once more, so that deletions can be
    /// committed.
    ///
    /// Each call has a savepoint of its own. A message that is delivered has none: SQLite would
    /// copy each page that it changes, a tenth of what a delivery costs, and what refuses a message
    /// is checked before it writes. When one is refused later, the group is undone and carried out
    /// again with savepoints, and so are the next [`GUARDED_GROUPS`].
    pub fn turn(&mut self, store: &Store, tasks: &[WriteTask]) -> WriteTurn {
        self.carry_out_or_again(store, Group::of(tasks))
    }

    /// Carries out a group of which the tasks are taken one by one, after the one before is carried
    /// out: so the time that they have taken can end the group.
    pub fn turn_by(
        &mut self,
        store: &Store,
        next: &mut dyn FnMut() -> Option<WriteTask>,
    ) -> WriteTurn {
        self.carry_out_or_again(
            store,
            Group {
                next: Some(next),
                ..Group::of(&[])
            },
        )
    }

    fn carry_out_or_again(&mut self, store: &Store, mut group: Group<'_>) -> WriteTurn {
        let mut results = Vec::new();
        let mut has_given = false;
        loop {
            match self.try_group(store, &mut group, &mut results) {
                Some(turn) if !turn.is_full || has_given => return turn,
                Some(turn) => {
                    has_given = true;
                    if !(self.reserve)(DiskReserve::Give) {
                        return turn;
                    }
                }
                None => self.guarded = GUARDED_GROUPS,
            }
            group.next = None;
        }
    }

    /// Sets the quotas that the next changes must keep.
    pub(super) fn set_quota(&self, store: &Store) {
        let limits = &self.service.shared.limits;
        store.set_quota(Quota {
            inbox_bytes: limits.inbox_bytes,
            org_bytes: limits.org_bytes,
            mailbox_keywords: limits.mailbox_keywords as u64,
        });
    }

    /// Carries out a group and commits it. `results` has what the calls gave when the group was
    /// tried before. `None` when the group is undone and must be carried out with savepoints.
    fn try_group(
        &mut self,
        store: &Store,
        group: &mut Group<'_>,
        results: &mut Vec<Result<TaskProgress, Refusal>>,
    ) -> Option<WriteTurn> {
        let now = self.service.now();
        self.set_quota(store);
        let mut events = Vec::new();
        let end = match store.begin() {
            Err(error) => {
                // The tasks of the group are refused too, so they are taken from their queue.
                let _ = (0..).take_while(|n| group.nth(*n).is_some()).count();
                Err((error.is_disk_failure(), error.to_string(), error.into()))
            }
            Ok(()) => match self.carry_out_group(store, group, now, &mut events, results) {
                Err(Undone::Refused) => {
                    store.rollback();
                    self.service.rules.settle();
                    self.service.event_groups().undo_to(0);
                    return None;
                }
                Err(Undone::Lost(why, refusal)) => {
                    store.rollback();
                    // A full disk is no broken disk.
                    Err((refusal != Refusal::NoSpace, why, refusal))
                }
                Ok(()) => store
                    .commit()
                    .map_err(|e| (e.is_disk_failure(), e.to_string(), e.into())),
            },
        };
        self.service.rules.settle();
        let metrics = &self.service.shared.metrics;
        let calls = group.tasks().count();
        Some(match end {
            Ok(receipt) => {
                metrics.count(Metric::Commits);
                metrics.add(Metric::CommittedCalls, calls as u64);
                metrics.add(Metric::Events, events.len() as u64);
                self.service.end_orgs(&events);
                self.service.tell_event_groups(&mut events);
                let mut replies = Vec::with_capacity(results.len());
                let (mut rests, mut later) = (Vec::new(), Vec::new());
                for (n, result) in results.drain(..).enumerate() {
                    let conn = group.nth(n).and_then(WriteTask::conn);
                    match result {
                        Ok(TaskProgress::Done(written)) => {
                            self.service.note_written(&written);
                            if let Written::Again(_) | Written::Present = written {
                                // What is stored of this one is not used.
                                self.abandon(store, group.nth(n));
                            }
                            replies.push((conn, Reply::Written(written, receipt)));
                        }
                        Ok(TaskProgress::Rest(call)) => {
                            self.service.note_part(&call);
                            rests.extend(group.nth(n).and_then(|task| task.rest(*call)));
                        }
                        Ok(TaskProgress::Pieces(pieces)) => rests.extend(group.keep(n, pieces)),
                        Ok(TaskProgress::Held) => {}
                        Err(refusal) => {
                            self.abandon(store, group.nth(n));
                            let task = group.nth(n);
                            if let Some(task) = task.and_then(|task| task.later(&refusal, false)) {
                                later.push(task);
                            } else if let Some(undo) = task.and_then(|task| task.undo(&refusal)) {
                                rests.push(undo);
                            } else {
                                replies.push((conn, Reply::Refused(refusal)));
                            }
                        }
                    }
                }
                WriteTurn {
                    events: events.into(),
                    replies,
                    rests,
                    later,
                    fatal: None,
                    is_full: false,
                }
            }
            Err((is_fatal, why, refusal)) => {
                self.refuse_group(store, group, is_fatal, why, &refusal)
            }
        })
    }

    /// The turn of a group that was not committed: its calls are refused, or come again later.
    fn refuse_group(
        &self,
        store: &Store,
        group: &Group<'_>,
        is_fatal: bool,
        why: String,
        refusal: &Refusal,
    ) -> WriteTurn {
        self.service.shared.metrics.count(Metric::CommitsFailed);
        for task in group.tasks() {
            self.abandon(store, Some(task));
        }
        let calls = group.tasks().count();
        log::error!("commit failed calls={calls} error=\"{why}\"");
        let mut replies = Vec::with_capacity(calls);
        let (mut rests, mut later) = (Vec::new(), Vec::new());
        for task in group.tasks() {
            if is_fatal {
                replies.push((task.conn(), Reply::Refused(refusal.clone())));
            } else if let Some(task) = task.later(refusal, true) {
                later.push(task);
            } else if let Some(undo) = task.undo(refusal) {
                rests.push(undo);
            } else {
                replies.push((task.conn(), Reply::Refused(refusal.clone())));
            }
        }
        WriteTurn {
            events: self.service.event_groups().undo_all().into(),
            replies,
            rests,
            later,
            fatal: is_fatal.then_some(why),
            is_full: *refusal == Refusal::NoSpace,
        }
    }

    /// Lets the store free what is stored of a message that is refused, and the queue what a
    /// connection to another server held.
    fn abandon(&self, store: &Store, task: Option<&WriteTask>) {
        match task {
            Some(WriteTask::Deliver(request)) => {
                if let Some(pieces) = &request.call.pieces {
                    store.abandon_bodies(&pieces.bodies);
                }
            }
            Some(WriteTask::Call(request) | WriteTask::Rest(request)) => match &request.call {
                Write::Outbound(call) => {
                    self.service.outbound.abandon(self.service.now(), call);
                }
                Write::Webhook(call) => self.service.webhooks.abandon(call),
                _ => {}
            },
            Some(WriteTask::Import(_)) | None => {}
        }
    }

    /// What a request of a group is carried out with. `origin` is the connection that asks.
    pub(super) fn context<'c>(
        &'c mut self,
        store: &'c Store,
        run: GroupRun,
        (origin, (request_id, depth)): (Option<ConnId>, (Option<RequestId>, u8)),
        events: &'c mut Vec<Event>,
    ) -> WriteContext<'c> {
        store.set_depth(depth);
        WriteContext {
            service: &self.service,
            shared: &self.service.shared,
            store,
            random: &mut self.random,
            now: run.now,
            origin,
            request_id,
            depth,
            is_again: run.is_again,
            events,
        }
    }

    /// Carries out every request of a group. After an error the transaction must be rolled back.
    fn carry_out_group(
        &mut self,
        store: &Store,
        group: &mut Group<'_>,
        now: Now,
        events: &mut Vec<Event>,
        results: &mut Vec<Result<TaskProgress, Refusal>>,
    ) -> Result<(), Undone> {
        // A task that is lent cannot be kept for another group: it is carried out whole.
        let in_pieces = group.given.is_empty();
        let is_guarded = self.guarded > 0;
        self.guarded = self.guarded.saturating_sub(1);
        let mut before = core::mem::take(results).into_iter();
        let mut n = 0;
        while let Some(task) = group.nth(n) {
            n += 1;
            let tried = before.next();
            if let Some(Err(refusal)) = &tried
                && *refusal != Refusal::NoSpace
            {
                results.push(Err(refusal.clone()));
                continue;
            }
            let run = GroupRun {
                now,
                is_guarded,
                is_again: tried.is_some(),
            };
            if let WriteTask::Import(request) = task {
                let done = self.import(store, request, run, events)?;
                results.push(done.map(TaskProgress::Done));
                continue;
            }
            // A message that is delivered has no savepoint: see `GroupRun`.
            let has_savepoint = is_guarded || !matches!(task, WriteTask::Deliver(_));
            let mut mark = RequestMark::begin((&self.service, store), has_savepoint, events)?;
            let of = (task.conn(), task.cause());
            let mut result = carry_out(&mut self.context(store, run, of, events), task, in_pieces);
            if result.is_err() && has_savepoint && self.service.rules.take_sent() {
                // No message is refused because of what its rules send.
                mark.end(&self.service, store, &result, events)?;
                mark = RequestMark::begin((&self.service, store), has_savepoint, events)?;
                self.service.rules.set_quiet(true);
                let mut context = self.context(store, run, of, events);
                result = carry_out(&mut context, task, in_pieces);
                self.service.rules.set_quiet(false);
            }
            mark.end(&self.service, store, &result, events)?;
            results.push(result);
        }
        Ok(())
    }

    /// Reads how much space is free inside the database. It is called after a checkpoint, because
    /// the figure changes slowly.
    pub fn record_vacant_bytes(&self, store: &Store) -> Result<(), crate::store::Error> {
        let vacant = store.vacant_bytes()?;
        let seen = &self.service.vacant_bytes;
        seen.store(vacant, core::sync::atomic::Ordering::Relaxed);
        Ok(())
    }

    /// Reclaims one slice of deleted rows, in a transaction of its own. Gives whether there are
    /// more. Reclaiming needs space too: on a full disk the reserve is given up for it.
    pub fn reclaim(&mut self, store: &Store) -> Result<bool, crate::store::Error> {
        let now = self.service.now();
        let is_short = policy::is_space_short(&self.service);
        let done = match store.reclaim(now, is_short) {
            Err(error) if error.is_full() && (self.reserve)(DiskReserve::Give) => {
                store.reclaim(now, is_short)
            }
            done => done,
        };
        match done {
            Ok(false) if !is_short => self.build(store),
            done => done,
        }
    }

    /// Stores how many requests the workers have counted.
    pub fn keep_requests(&self, store: &Store) -> Result<(), crate::store::Error> {
        let counted = self.service.shared.requests.take_counted();
        if counted.is_empty() {
            return Ok(());
        }
        store.begin()?;
        for (org, day, n) in counted {
            if let Err(error) = store.count_requests(org, day, n) {
                store.rollback();
                return Err(error);
            }
        }
        store.commit().map(drop)
    }

    /// Deletes old events, kept answers, revoked keys and expunged UIDs in one small transaction,
    /// and reclaims deleted rows in another. Gives whether there are more.
    pub fn trim(&mut self, store: &Store) -> Result<bool, crate::store::Error> {
        (self.reserve)(DiskReserve::Keep);
        self.keep_requests(store)?;
        let mut now = self.service.now();
        now.unix_ms = self.service.steady_ms(now);
        let days = i64::try_from(self.service.shared.limits.event_days).unwrap_or(7);
        store.begin()?;
        let done = (|| {
            let more = store.trim_events(now, days.saturating_mul(repeated::DAY_MS), TRIM_ROWS)?;
            let kept = store.trim_answers(now.unix_ms, TRIM_ANSWERS)?;
            let revoked = now.unix_ms.saturating_sub(REVOKED_MS);
            let keys = store.trim_keys(revoked, TRIM_KEYS)?;
            let decided = now.unix_ms.saturating_sub(DECIDED_MS);
            let approvals = store.trim_approvals(decided, TRIM_ANSWERS)?;
            let expunged = store.trim_expunged(TRIM_EXPUNGED)?;
            let answered = store.trim_answered(now.unix_ms, TRIM_ANSWERS)?;
            let counts = store.trim_day_counts(policy::day_of(now), TRIM_ANSWERS)?;
            let uploads = store.trim_uploads(now.unix_ms, TRIM_UPLOADS)?;
            let days = i64::try_from(self.service.shared.limits.audit_days).unwrap_or(90);
            let acts =
                store.trim_audit(now, days.saturating_mul(repeated::DAY_MS), TRIM_ANSWERS)?;
            let usage = store.trim_usage(policy::day_of(now) - USAGE_DAYS, TRIM_ANSWERS)?;
            store.delete_ended_dkim_keys(now.unix_ms)?;
            let kept_long = uploads || acts || usage;
            Ok(
                more || kept > 0
                    || keys
                    || approvals
                    || expunged
                    || counts
                    || answered
                    || kept_long,
            )
        })();
        match done {
            Ok(more) => {
                store.commit()?;
                // In a transaction of its own, so that an error here does not keep the old rows.
                Ok(self.reclaim(store)? || more)
            }
            Err(error) => {
                store.rollback();
                Err(error)
            }
        }
    }
}

/// The result of a task in one group.
#[derive(Debug)]
enum TaskProgress {
    /// It is carried out.
    Done(Written),
    /// The rest is a call of its own.
    Rest(Box<Write>),
    /// This much of a large message is stored, and nothing names it yet.
    Pieces(StoredPieces),
    /// Its connection waits for the answer to a later call.
    Held,
}

impl From<Carried> for TaskProgress {
    fn from(carried: Carried) -> Self {
        match carried {
            Carried::Done(written) => TaskProgress::Done(written),
            Carried::Rest(call) => TaskProgress::Rest(call),
            Carried::Held => TaskProgress::Held,
        }
    }
}

/// Carries out a task, unless a task with the same `Idempotency-Key` was carried out already. The
/// answer is kept in the same savepoint.
fn carry_out(
    context: &mut WriteContext<'_>,
    task: &WriteTask,
    in_pieces: bool,
) -> Result<TaskProgress, Refusal> {
    match task {
        WriteTask::Call(request) => {
            let (caller, call) = (&request.caller, &request.call);
            admit(context.service, caller, call.need(), context.now)?;
            with_idempotency(context, caller, call.idempotency(), |context| {
                write::write(context, caller, call).map(TaskProgress::from)
            })
        }
        WriteTask::Rest(request) => {
            let (caller, call) = (&request.caller, &request.call);
            let done = with_idempotency(context, caller, call.idempotency(), |context| {
                write::write(context, caller, call).map(TaskProgress::from)
            })?;
            if let TaskProgress::Done(Written::Again(_)) = done
                && let Some(undo) = call.undo_repeated()
            {
                return Ok(TaskProgress::Rest(Box::new(undo)));
            }
            Ok(done)
        }
        // It has no idempotency but its own (`import.rs`).
        WriteTask::Import(_) => Err(Refusal::Internal),
        WriteTask::Deliver(request) => {
            let (caller, delivery) = (&request.caller, &*request.call);
            admit(context.service, caller, delivery.need, context.now)?;
            with_idempotency(context, caller, delivery.idempotency.as_ref(), |context| {
                if in_pieces && let Some(pieces) = intake::store_piece(context, caller, delivery)? {
                    return Ok(TaskProgress::Pieces(pieces));
                }
                let written = intake::complete(context, caller, delivery)?;
                audit::note_delivery(context, caller, (&delivery.plan, &written))?;
                Ok(TaskProgress::Done(written))
            })
        }
    }
}

/// Carries out `run` once for each `Idempotency-Key`. The answer is kept with the last part of a
/// call that is carried out in several groups.
fn with_idempotency<'a>(
    context: &mut WriteContext<'a>,
    caller: &Caller,
    idempotency: Option<&Idempotency>,
    run: impl FnOnce(&mut WriteContext<'a>) -> Result<TaskProgress, Refusal>,
) -> Result<TaskProgress, Refusal> {
    let Some(idempotency) = idempotency else {
        return run(context);
    };
    let Some(key) = repeated::stored_key(caller, idempotency) else {
        return run(context);
    };
    let at = (context.service, context.store, context.now);
    if let Some(kept) = repeated::kept_answer(at, caller, &key)? {
        return if kept.fingerprint == idempotency.fingerprint {
            Ok(TaskProgress::Done(Written::Again(kept.answer)))
        } else {
            Err(Refusal::IdempotencyConflict)
        };
    }
    check_kept(context, caller)?;
    let written = match run(context)? {
        TaskProgress::Done(written) => written,
        unfinished => return Ok(unfinished),
    };
    let kept = KeptAnswer {
        fingerprint: idempotency.fingerprint.to_vec(),
        answer: (idempotency.render.0)(&written),
        kept_ms: repeated::kept_ms(&idempotency.key),
    };
    context
        .store
        .keep_answer(caller.org(), &key, &kept, context.now.unix_ms)?;
    Ok(TaskProgress::Done(written))
}

/// Checks that the organization has room for one more kept answer.
fn check_kept(context: &WriteContext<'_>, caller: &Caller) -> Result<(), Refusal> {
    let max = context.shared.limits.org_kept_bytes;
    let what = Countable::KeptOctets;
    match caller.org() {
        Some(org) if context.store.kept_bytes(org)? >= max => Err(Refusal::Limit { what, max }),
        _ => Ok(()),
    }
}

/// Groups that are carried out with savepoints after one was undone. So mail that is refused late
/// makes one group in so many run twice, however often it comes.
const GUARDED_GROUPS: u32 = 64;
/// Rows of the logs that one transaction deletes: some milliseconds of work, and as many rows as
/// the groups between two such transactions add under load.
const TRIM_ROWS: u64 = 1000;
/// Milliseconds for which a revoked key is still listed: a month.
const REVOKED_MS: i64 = 30 * 86_400_000;
/// Milliseconds for which a decision on held mail is kept: a month.
const DECIDED_MS: i64 = 30 * 86_400_000;
/// Rows of revoked keys that one transaction deletes.
const TRIM_KEYS: usize = 200;
/// Days for which usage is kept.
const USAGE_DAYS: i64 = 90;
/// Ranges of expunged UIDs that one transaction deletes.
const TRIM_EXPUNGED: u32 = 500;
/// Uploaded files that one transaction deletes. Large ones are freed later, in slices.
const TRIM_UPLOADS: u32 = 100;
/// Kept answers that one transaction deletes.
const TRIM_ANSWERS: u32 = 200;
