//! Jobs that are due: the writer wakes for them and hands them to the runner of their kind.
//!
//! It is not the work itself. A runner is on the writer's thread, so it only starts the work,
//! or says at once that it is done. Today no kind has a runner: recipients outside stay queued.
//! A kind without a runner neither wakes the writer nor costs it a statement.
//!
//! The rule: **a job is leased, and the lease is on disk, before its runner hears of it.** When
//! the process ends between the two, or the answer is lost, the lease ends and the job is given
//! again. So work can be done twice, and is never lost.

use crate::call::Now;
use crate::store::{ClaimedJob, Error, JobKind, JobLease, Store};

/// What carries out jobs of one kind.
pub struct Runner {
    /// Which kind.
    pub kind: JobKind,
    /// How long a job may take before it is given again.
    pub lease_ms: i64,
    /// Takes a job that was just leased.
    pub start: Start,
}

/// Begins a job; on the writer's thread, so it must not wait for anything.
pub type Start = Box<dyn FnMut(Now, &ClaimedJob) -> Outcome + Send>;

/// What a runner says of a job.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It is done, or given up: the row goes.
    Done,
    /// It is to be tried again at this time, unix milliseconds.
    Retry(i64),
    /// It is under way. Its end comes as a call; without one the lease ends.
    Started,
}

/// The runners of a writer.
#[derive(Default)]
pub(super) struct Runners {
    runners: Vec<Runner>,
    kinds: Vec<JobKind>,
    /// Chosen at the start of the process (see [`JobLease::holder`]).
    holder: i64,
    /// After an error no job is looked for until this time (monotonic).
    held_until_ms: u64,
}

impl Runners {
    /// Adds a runner. `holder` is random.
    pub(super) fn add(&mut self, runner: Runner, holder: i64) {
        self.kinds.push(runner.kind);
        self.runners.push(runner);
        self.holder = holder;
    }

    /// Starts what is due, a bounded number of jobs. Gives in how many milliseconds there is
    /// more; `None` when nothing waits that has a runner.
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

/// Jobs of a kind that are started in one go: the calls that wait come after them.
const AT_ONCE: u32 = 32;

/// After an error (a full disk, say) jobs wait for this long, so that the writer does not spin.
const AFTER_ERROR_MS: u64 = 5_000;
