//! Jobs: claims, leases and answers in virtual time, rows of an older file, and a queue of many
//! rows that are not due.

use super::*;
use crate::store::job::JobId;

fn at(unix_ms: i64) -> Now {
    Now { unix_ms, ..NOW }
}

fn lease(until: i64, holder: i64) -> JobLease {
    JobLease { until, holder }
}

fn probe(store: &Store, due_at: i64, number: u32) -> JobId {
    let job = NewJob {
        org: ORG,
        inbox: None,
        subject: "host",
        entry: None,
        body: None,
        payload: JobPayload::Probe(number),
        due_at,
        holds: 0,
    };
    store.enqueue(NOW, &job).unwrap()
}

/// What `verify` finds, but for what `populate` leaves out.
fn wrong(store: &Store) -> Vec<String> {
    let mut lines = verify(store, true);
    lines.retain(|line| !line.contains("inbox has") && !line.contains("operator"));
    lines
}

fn claim(store: &Store, now: i64, lease: JobLease) -> Vec<ClaimedJob> {
    store.claim(at(now), JobKind::Probe, lease, 2).unwrap()
}

#[test]
fn a_job_is_claimed_finished_tried_again_and_released() {
    let store = world();
    let kinds = [JobKind::Probe];
    assert_eq!(store.next_due(&kinds).unwrap(), None);
    let ids = [300, 100, 200].map(|due| probe(&store, due, due as u32));
    assert_eq!(store.next_due(&kinds).unwrap(), Some(100));
    assert_eq!(store.next_due(&[JobKind::Smtp]).unwrap(), None);
    assert_eq!(store.next_due(&[]).unwrap(), None);
    assert_eq!(claim(&store, 99, lease(1000, 1)), []);

    // The longest due first, and no more than the limit.
    let jobs = claim(&store, 300, lease(1000, 1));
    assert_eq!(
        jobs.iter().map(|j| j.id).collect::<Vec<_>>(),
        [ids[1], ids[2]]
    );
    assert_eq!(
        (jobs[0].attempts, &jobs[0].payload, jobs[0].subject.as_str()),
        (1, &JobPayload::Probe(100), "host")
    );
    assert_eq!(wrong(&store), Vec::<String>::new());
    let rest = claim(&store, 300, lease(1000, 1));
    assert_eq!(rest.len(), 1, "what is leased is not given again");
    assert_eq!(claim(&store, 300, lease(1000, 1)), []);
    assert_eq!(
        store.next_due(&kinds).unwrap(),
        Some(1000),
        "the leases end"
    );

    // Done: the row is gone, and a second answer changes nothing.
    assert!(store.finish(&jobs[0]).unwrap());
    assert!(!store.finish(&jobs[0]).unwrap());
    assert!(!store.retry(&jobs[0], 5).unwrap());
    // To be tried again at a time.
    assert!(store.retry(&jobs[1], 5000).unwrap());
    assert_eq!(claim(&store, 4999, lease(9000, 1)), []);
    let again = claim(&store, 5000, lease(9000, 1));
    assert_eq!((again.len(), again[0].attempts), (1, 2));

    // A lease that has ended gives the job to another holder; the first can say no more.
    assert_eq!(store.release_leases(at(999), 10).unwrap(), 0);
    assert_eq!(store.release_leases(at(1000), 10).unwrap(), 1);
    let taken = claim(&store, 1000, lease(2000, 2));
    assert_eq!((taken[0].id, taken[0].attempts), (ids[0], 2));
    assert!(!store.finish(&rest[0]).unwrap());
    assert!(!store.retry(&rest[0], 1).unwrap());
    // So is a claim of the same holder after the first.
    assert_eq!(store.release_leases(at(2000), 10).unwrap(), 1);
    let third = claim(&store, 2000, lease(3000, 2));
    assert!(!store.finish(&taken[0]).unwrap());
    assert!(store.finish(&third[0]).unwrap());
    assert!(store.finish(&again[0]).unwrap());
    assert_eq!(store.next_due(&kinds).unwrap(), None);
}

#[test]
fn a_job_keeps_its_body_until_it_is_finished() {
    let store = world();
    store.begin().unwrap();
    let summary = Summary::default();
    let body = NewBody {
        noted: None,
        octets: b"mail",
        header_len: 0,
        references: &[],
        inboxes: &[],
        message_id: "",
        digest: b"d",
        summary: &summary,
    };
    let body = store.put_body(NOW, ORG, 1, &body).unwrap();
    let job = NewJob {
        org: ORG,
        inbox: Some(INBOX),
        subject: "y.test",
        entry: None,
        body: Some(body),
        payload: JobPayload::Probe(1),
        due_at: 0,
        holds: 0,
    };
    store.enqueue(NOW, &job).unwrap();
    store.commit().unwrap();
    while store.reclaim(NOW, false).unwrap() {}
    assert_eq!(wrong(&store), Vec::<String>::new());
    assert_eq!(store.body_octets(body, 4).unwrap(), b"mail");
    let job = claim(&store, 5, lease(9, 1)).remove(0);
    store.finish(&job).unwrap();
    assert_eq!(store.body_size(ORG, body).unwrap(), None);
    assert_eq!(wrong(&store), Vec::<String>::new());
}

/// An unknown kind is told by its name. A payload that cannot be read is damage; it is put off
/// and does not hold up the jobs after it.
#[test]
fn unknown_kinds_are_told_and_damaged_payloads_are_put_off() {
    let store = world();
    let (bad, good) = (probe(&store, 1, 1), probe(&store, 2, 2));
    store
        .run("UPDATE job SET payload = x'0101ff' WHERE id = ?1", [bad.0])
        .unwrap();
    let jobs = claim(&store, 10, lease(20, 1));
    assert_eq!((jobs.len(), jobs[0].id), (1, good));
    assert!(store.next_due(&[JobKind::Probe]).unwrap().unwrap() <= 20);
    assert!(store.finish(&jobs[0]).unwrap());
    assert!(store.next_due(&[JobKind::Probe]).unwrap().unwrap() > 3_000_000);
    let found = wrong(&store);
    assert_eq!(
        found,
        [format!(
            "job id={}, organization {}: stored probe job is damaged",
            bad.0, ORG.0
        )]
    );

    store
        .run("UPDATE job SET kind = 'webhook', payload = x'63'", [])
        .unwrap();
    let kinds = [JobKind::Probe, JobKind::Smtp];
    assert_eq!(store.next_due(&kinds).unwrap(), None);
    let found = wrong(&store);
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("unknown kind \"webhook\"") && !found[0].contains("damage"));

    store.run("UPDATE job SET kind = 'smtp'", []).unwrap();
    let found = wrong(&store);
    assert!(
        found[0].contains("smtp job has the unknown version 99"),
        "{found:?}"
    );
}

#[test]
fn stored_jobs_of_every_version_are_read() {
    let full = SmtpJob {
        reverse_path: Some("a@x.test".into()),
        recipient: "B@Y.test".into(),
        notify: 6,
        orcpt: Some("rfc822;a@b.test".into()),
        ret_full: Some(true),
        envid: Some("q1".into()),
    };
    let bare = SmtpJob {
        recipient: "b@y.test".into(),
        ..SmtpJob::default()
    };
    assert_eq!(full.domain(), "y.test");
    let dsn = format::golden("job_dsn_plain");
    let kept = format::golden("job_smtp_1");
    for ((job, (name, dsn)), (_, kept)) in [full, bare].into_iter().zip(dsn).zip(kept) {
        let (path, recipient) = (job.reverse_path.clone(), job.recipient.clone());
        let old = super::super::format::plain_smtp_job(path, recipient, &dsn);
        assert_eq!(old, job, "{name}");
        let payload = JobPayload::Smtp(job);
        let read = super::super::format::decode_job(JobKind::Smtp, &kept).unwrap();
        assert_eq!(read, payload, "{name}");
        let written = super::super::format::encode_job(&payload).unwrap();
        assert_eq!(
            data_encoding::HEXLOWER.encode(&written),
            data_encoding::HEXLOWER.encode(&kept),
            "{name}"
        );
    }
}

/// Rows that are not due cost no memory and no time at the start. Run it alone with
/// `cargo test --release --lib -- --ignored --nocapture a_million_jobs` for figures of a
/// million rows; the size is smaller otherwise.
#[test]
fn many_jobs_that_are_not_due_cost_nothing() {
    many_jobs(20_000, 50);
}

#[test]
#[ignore = "takes half a minute"]
fn a_million_jobs_that_are_not_due_cost_nothing() {
    many_jobs(1_000_000, 50);
}

fn many_jobs(rows: i64, most_ms: u128) {
    let folder = super::Folder::new(&format!("jobs-{rows}"));
    let store = Store::open(&folder.0, Role::Writer, 1).unwrap();
    store.begin().unwrap();
    populate(&store);
    for n in 0..rows {
        probe(&store, NOW.unix_ms + 1 + n, n as u32);
    }
    store.commit().unwrap();
    store.checkpoint(Checkpoint::Truncate).unwrap();
    drop(store);
    let before = resident_kib();
    let start = std::time::Instant::now();
    let store = Store::open(&folder.0, Role::Writer, 1).unwrap();
    let opened = start.elapsed();
    let kinds = [JobKind::Probe];
    assert_eq!(store.next_due(&kinds).unwrap(), Some(NOW.unix_ms + 1));
    assert_eq!(claim(&store, NOW.unix_ms, lease(0, 1)), []);
    let due = claim(&store, NOW.unix_ms + rows, lease(i64::MAX, 1));
    let claimed = start.elapsed() - opened;
    assert_eq!(due.len(), 2);
    let file = std::fs::metadata(folder.0.join(FILE)).unwrap().len();
    println!(
        "{rows} rows, {} MB: open {opened:?}, two claims {claimed:?}, {} KiB more",
        file >> 20,
        resident_kib() - before
    );
    assert!((opened + claimed).as_millis() < most_ms.max(50) * 10);
    assert!(resident_kib() - before < 8 << 10);
}

/// Memory of this process, where the system tells it.
fn resident_kib() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}
