//! Jobs on the writer, with a kind and a runner for tests: the time at which the writer wakes, the
//! jobs that it gives to the runner, and a job for which no result comes.

use core::cell::Cell;
use std::sync::{Arc, Mutex};

use super::{World, still};
use crate::call::*;
use crate::service::Writer;
use crate::service::executors::{Router, run_writer};
use crate::service::job::{Outcome, Runner};
use crate::store::{ClaimedJob, JobKind, JobPayload, NewJob};

type Seen = Arc<Mutex<Vec<(u64, ClaimedJob)>>>;

/// A writer with a runner that records the time and the job, and gives the result of `outcome`.
fn writer(w: &World, outcome: impl Fn(&ClaimedJob) -> Outcome + Send + 'static) -> (Writer, Seen) {
    let seen: Seen = Arc::default();
    let notes = Arc::clone(&seen);
    let runner = Runner {
        kind: JobKind::Probe,
        lease_ms: 60_000,
        start: Box::new(move |now, job| {
            notes.lock().unwrap().push((now.mono_ms, job.clone()));
            outcome(job)
        }),
    };
    let writer = Writer::new(Arc::clone(&w.inline.service));
    (writer.with_runner(runner), seen)
}

fn enqueue(w: &World, payload: JobPayload, in_ms: i64) {
    let now = w.inline.service.now();
    let job = NewJob {
        org: OrgId(1),
        inbox: None,
        subject: "host",
        entry: None,
        body: None,
        payload,
        due_at: now.unix_ms + in_ms,
        holds: 0,
    };
    w.inline.store.enqueue(now, &job).unwrap();
}

#[test]
fn a_job_runs_when_it_is_due_and_is_tried_again() {
    let w = World::new();
    let (mut writer, seen) = writer(&w, |job| match job.attempts {
        1 => Outcome::Retry(super::START + 20_000),
        _ => Outcome::Done,
    });
    let mut run = || writer.run_jobs(&w.inline.store).unwrap();
    assert_eq!(run(), None);
    // The clock is at 1,000.
    enqueue(&w, JobPayload::Probe(7), 5_000);
    assert_eq!(run(), Some(5_000));
    w.wait(4_999);
    assert_eq!(run(), Some(1));
    w.wait(1);
    assert_eq!(run(), Some(14_000), "the time of the second attempt");
    w.wait(14_000);
    assert_eq!(run(), None, "done");
    let times: Vec<_> = (seen.lock().unwrap().iter())
        .map(|(at, job)| (*at, job.attempts, job.payload.clone()))
        .collect();
    let probe = JobPayload::Probe(7);
    assert_eq!(times, [(6_000, 1, probe.clone()), (20_000, 2, probe)]);
}

#[test]
fn a_job_without_an_answer_is_given_again_when_its_lease_ends() {
    let w = World::new();
    let (mut writer, seen) = writer(&w, |_| Outcome::Started);
    enqueue(&w, JobPayload::Probe(1), 0);
    assert_eq!(writer.run_jobs(&w.inline.store).unwrap(), Some(60_000));
    assert_eq!(writer.run_jobs(&w.inline.store).unwrap(), Some(60_000));
    // Another process begins; the first has ended while it held the job.
    let (mut second, seen_later) = self::writer(&w, |_| Outcome::Done);
    w.wait(59_999);
    assert_eq!(second.run_jobs(&w.inline.store).unwrap(), Some(1));
    w.wait(1);
    assert_eq!(second.run_jobs(&w.inline.store).unwrap(), None);
    assert_eq!(seen_later.lock().unwrap()[0].1.attempts, 2);
    let late = seen.lock().unwrap()[0].1.clone();
    assert!(!w.inline.store.finish(&late).unwrap());
}

/// The lease is on disk before the runner gets the job.
#[test]
fn a_commit_that_fails_starts_nothing_and_does_not_spin() {
    let mut w = World::new();
    let (mut writer, seen) = writer(&w, |_| Outcome::Done);
    enqueue(&w, JobPayload::Probe(1), 0);
    w.inline.fail_next_commit();
    assert!(writer.run_jobs(&w.inline.store).is_err());
    assert!(seen.lock().unwrap().is_empty());
    assert_eq!(writer.run_jobs(&w.inline.store).unwrap(), Some(5_000));
    w.wait(5_000);
    assert_eq!(writer.run_jobs(&w.inline.store).unwrap(), None);
    assert_eq!(seen.lock().unwrap().len(), 1);
}

/// The loop of the writer sleeps until a job is due, and no longer. The clock of this test is the
/// number of times that it was read, so the test does not sleep; the queue ends when the job is
/// done.
#[test]
fn the_loop_wakes_for_a_job_and_not_for_a_kind_without_a_runner() {
    let w = World::new();
    let (router, inlets) = Router::new(Arc::clone(&w.inline.service), (1, 1), still());
    drop(inlets.lanes);
    let router = Mutex::new(Some(router));
    let router = Arc::new(router);
    let last = Arc::clone(&router);
    let clock = Arc::clone(&w.clock);
    let (writer, seen) = writer(&w, move |job| {
        clock.fetch_add(1, core::sync::atomic::Ordering::Relaxed);
        if job.payload == JobPayload::Probe(3) {
            drop(last.lock().unwrap().take());
        }
        Outcome::Done
    });
    // Due long ago, and no runner carries it out.
    enqueue(&w, JobPayload::Smtp(Default::default()), -9_000);
    for (number, in_ms) in [(1, 0), (2, 0), (3, 1)] {
        enqueue(&w, JobPayload::Probe(number), in_ms);
    }
    let answered = Cell::new(0);
    run_writer(
        writer,
        &w.inline.store,
        &inlets.writer,
        |_| {},
        |_, _| answered.set(answered.get() + 1),
        |why| panic!("{why}"),
    );
    assert_eq!((seen.lock().unwrap().len(), answered.get()), (3, 0));
    let mut idle = Writer::new(Arc::clone(&w.inline.service));
    assert_eq!(idle.run_jobs(&w.inline.store).unwrap(), None);
}
