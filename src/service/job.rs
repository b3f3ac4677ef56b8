//! Jobs that are due: the writer wakes for them and gives them to the runner of their kind.
//!
//! This file does not do the work of a job. A runner is called on the thread of the writer, so it
//! only starts the work, or says at once that the work is done. Today no kind has a runner:
//! recipients outside stay queued. A kind without a runner does not wake the writer and costs it no
//! statement.
//!
//! The rule: **a job is leased, and the lease is on disk, before its runner gets the job.** When
//! the process ends between the two, or the result is lost, the lease ends and the job is given to
//! a runner again. So the work can be done twice, and is never lost.

use crate::call::Now;
use crate::store::{ClaimedJob, Error, JobKind, JobLease, Store};

/// A runner of jobs of one kind.
pub struct Runner {
    /// The kind.
    pub kind: JobKind,
    /// Milliseconds that a job may take. After them it is given to the runner again.
    pub lease_ms: i64,
    /// Starts a job that has just been leased.
    pub start: Start,
}

/// Starts a job. It runs on the thread of the writer, so it must not wait for anything.
pub type Start = Box<dyn FnMut(Now, &ClaimedJob) -> Outcome + Send>;

/// The result that a runner gives for a job.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The job is done, or the runner has given up: the row is deleted.
    Done,
    /// The job is tried again at this time, in unix milliseconds.
    Retry(i64),
    /// The job is under way. A call reports its end; without that call the lease ends.
    Started,
}

/// The runners of a writer.
#[derive(Default)]
pub(super) struct Runners {
    runners: Vec<Runner>,
    kinds: Vec<JobKind>,
    /// A random number of this process (see [`JobLease::holder`]).
    holder: i64,
    /// After an error no job is claimed until this time (monotonic milliseconds).
    held_until_ms: u64,
}

impl Runners {
    /// Adds a runner. `holder` is random.
    pub(super) fn add(&mut self, runner: Runner, holder: i64) {
        self.kinds.push(runner.kind);
        self.runners.push(runner);
        self.holder = holder;
    }

    /// Starts the jobs that are due, a bounded number of them. Gives the milliseconds until the
    /// next job is due; `None` when no job that has a runner waits.
    pub(super) fn run(&mut self, store: &Store, now: Now) -> Result<Option<u64>, Error> {
        if self.runners.is_empty() {
            return Ok(None);
        }
        if now.mono_ms < self.held_until_ms {
            return Ok(Some(self.held_until_ms - now.mono_ms));
        }
        let started = self.run_due(store, now);
        if started.is_err() {
            self.held_until_ms = now.mono_ms.saturating_add(AFTER_ERROR_MS);
        }
        started
    }

    fn run_due(&mut self, store: &Store, now: Now) -> Result<Option<u64>, Error> {
        match self.next_ms(store, now)? {
            Some(0) => {}
            later => return Ok(later),
        }
        let jobs = in_transaction(store, || self.claim(store, now))?;
        let mut ended = Vec::new();
        for job in jobs {
            let runner = self.runners.iter_mut();
            let Some(runner) = runner.into_iter().find(|r| r.kind == job.payload.kind()) else {
                continue;
            };
            match (runner.start)(now, &job) {
                Outcome::Started => {}
                outcome => ended.push((job, outcome)),
            }
        }
        if !ended.is_empty() {
            in_transaction(store, || {
                for (job, outcome) in &ended {
                    match outcome {
                        Outcome::Done => store.finish(job)?,
                        Outcome::Retry(at) => store.retry(job, *at)?,
                        Outcome::Started => continue,
                    };
                }
                Ok(())
            })?;
        }
        self.next_ms(store, now)
    }

    fn claim(&self, store: &Store, now: Now) -> Result<Vec<ClaimedJob>, Error> {
        store.release_leases(now, AT_ONCE)?;
        let mut jobs = Vec::new();
        for runner in &self.runners {
            let lease = JobLease {
                until: now.unix_ms.saturating_add(runner.lease_ms),
                holder: self.holder,
            };
            jobs.extend(store.claim(now, runner.kind, lease, AT_ONCE)?);
        }
        Ok(jobs)
    }

    fn next_ms(&self, store: &Store, now: Now) -> Result<Option<u64>, Error> {
        let due = store.next_due(&self.kinds)?;
        Ok(due.map(|at| u64::try_from(at.saturating_sub(now.unix_ms)).unwrap_or(0)))
    }
}

fn in_transaction<T>(store: &Store, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    store.begin()?;
    match work() {
        Ok(done) => store.commit().map(|_| done),
        Err(error) => {
            store.rollback();
            Err(error)
        }
    }
}

/// Jobs of a kind that are started at once. The calls that wait are carried out after them.
const AT_ONCE: u32 = 32;

/// Milliseconds that jobs wait after an error (a full disk, say), so that the writer does not retry
/// in a loop.
const AFTER_ERROR_MS: u64 = 5_000;
