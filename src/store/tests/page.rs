//! Checksums of pages: they hold at every moment at which the process can be killed, each flipped
//! bit is noticed, and a file that another program has used is void and not damage.

use super::*;
use crate::store::SUMS_FILE;
use crate::store::verify::{Depth, Findings, verify_folder};

fn wal() -> String {
    format!("{FILE}-wal")
}

/// A copy of the folder, as a process leaves it that is killed now.
fn killed(folder: &Folder, name: &str) -> Folder {
    let copy = Folder::new(name);
    for file in [FILE, &wal(), SUMS_FILE] {
        let from = folder.0.join(file);
        if from.exists() {
            std::fs::copy(from, copy.0.join(file)).unwrap();
        }
    }
    copy
}

/// What `verify --deep` says about pages. These worlds have rows that do not fit in other ways.
fn pages(folder: &Folder) -> (Vec<String>, Vec<String>) {
    let found = verify_folder(&folder.0, Depth::Deep, None).unwrap();
    let lines = found.faults.iter().filter(|fault| fault.table == "page");
    (lines.map(ToString::to_string).collect(), found.notes)
}

fn good() -> (Vec<String>, Vec<String>) {
    (Vec::new(), Vec::new())
}

fn begin(folder: &Folder) -> Store {
    let store = Store::open(&folder.0, Role::Writer, 1).unwrap();
    store.begin().unwrap();
    populate(&store);
    store.commit().unwrap();
    store
}

fn send(store: &Store, n: usize) {
    store.begin().unwrap();
    let octets = format!("message {n}\r\n").repeat(50 + n % 7 * 300);
    deliver(store, "INBOX", octets.as_bytes(), Flags::NONE);
    store.commit().unwrap();
}

#[test]
fn checksums_hold_whenever_the_process_is_killed() {
    let folder = Folder::new("pages-killed");
    let store = begin(&folder);
    let reader = Store::open(&folder.0, Role::Reader, 1).unwrap();
    let copying = Store::open(&folder.0, Role::Reader, 1).unwrap();
    let hold = Store::open(&folder.0, Role::Reader, 1).unwrap();
    let (mut copier, inlet) = LogCopier::new(hold);
    for n in 0..40 {
        send(&store, n);
        match n % 8 {
            // The frames have checksums, and the process is killed before they are copied.
            1 => store.cover_log().unwrap(),
            // Some are written ahead, and not made durable.
            2 | 6 => {
                let all = store.one("PRAGMA wal_checkpoint=NOOP", [], |r| r.get(1));
                store.cover_ahead(all.unwrap().unwrap());
            }
            3 => assert!(store.checkpoint(Checkpoint::Passive).unwrap()),
            // A reader holds a part of the log back.
            5 => {
                let held = reader.snapshot().unwrap();
                reader.orgs(OrgId(0), 100).unwrap();
                send(&store, n + 100);
                assert!(!store.checkpoint(Checkpoint::Passive).unwrap());
                let copy = killed(&folder, "pages-held");
                assert_eq!(pages(&copy), good(), "held at {n}");
                drop(held);
            }
            // A copier copies as far as it was asked, while more is committed.
            4 => {
                copier.begin(&store).unwrap();
                send(&store, n + 200);
                let before = store.log_frames().unwrap();
                assert!(inlet.copy_next(&copying));
                let copy = killed(&folder, "pages-copied");
                assert_eq!(pages(&copy), good(), "copied at {n}");
                let after = store.log_frames().unwrap();
                assert!(
                    before.1 < after.1 && after.1 < after.0,
                    "{before:?} {after:?}"
                );
                send(&store, n + 300);
                assert!(copier.has_ended(&store).unwrap());
                assert!(!copier.has_ended(&store).unwrap());
            }
            7 => assert!(store.checkpoint(Checkpoint::Truncate).unwrap()),
            _ => {}
        }
        let copy = killed(&folder, "pages-copy");
        assert_eq!(pages(&copy), good(), "killed at {n}");
        // The next process goes on with them, and closes the file.
        let next = Store::open(&copy.0, Role::Writer, 1).unwrap();
        send(&next, n);
        drop(next);
        assert_eq!(pages(&copy), good(), "closed after {n}");
    }
    drop(store);
    assert_eq!(pages(&folder), good());
}

#[test]
fn checksums_that_cannot_be_opened_are_removed() {
    let folder = Folder::new("pages-refused");
    drop(begin(&folder));
    let (sums, elsewhere) = (folder.0.join(SUMS_FILE), folder.0.join("elsewhere"));
    std::fs::rename(&sums, &elsewhere).unwrap();
    // A link is not followed, so this writer keeps no checksums.
    std::os::unix::fs::symlink(&elsewhere, &sums).unwrap();
    let store = Store::open(&folder.0, Role::Writer, 1).unwrap();
    assert!(!sums.is_symlink());
    send(&store, 1);
    drop(store);
    assert_eq!(pages(&folder).0, good().0);
    // The next one makes them again.
    drop(Store::open(&folder.0, Role::Writer, 1).unwrap());
    assert_eq!(pages(&folder), good());
}

#[test]
fn a_file_in_use_is_compared_without_false_findings() {
    let folder = Folder::new("pages-in-use");
    let store = begin(&folder);
    for n in 0..12 {
        send(&store, n);
        assert_eq!(pages(&folder), good(), "{n}");
        store.checkpoint(Checkpoint::Passive).unwrap();
        assert_eq!(pages(&folder), good(), "{n}");
    }
}

/// Another program opens the database after the process was killed. It copies the log when it
/// closes the file, and so the checksums are void.
#[test]
fn a_log_that_another_program_has_copied_makes_them_void() {
    let folder = Folder::new("pages-foreign");
    let store = begin(&folder);
    for n in 0..5 {
        send(&store, n);
    }
    store.checkpoint(Checkpoint::Passive).unwrap();
    send(&store, 9);
    let copy = killed(&folder, "pages-foreign-copy");
    let other = Connection::open(copy.0.join(FILE)).unwrap();
    let n: i64 = other
        .query_row("SELECT count(*) FROM entry", [], |r| r.get(0))
        .unwrap();
    assert_eq!(n, 6);
    drop(other);
    assert!(!copy.0.join(wal()).exists());
    let (faults, notes) = pages(&copy);
    assert_eq!(faults, Vec::<String>::new());
    assert!(notes[0].contains("another program"), "{notes:?}");
    // The next start makes them again.
    drop(Store::open(&copy.0, Role::Writer, 1).unwrap());
    assert_eq!(pages(&copy), good());
}

/// A program that changes rows of a closed file is found out, and the table is named.
#[test]
fn a_change_by_another_program_is_named_with_its_table() {
    let folder = Folder::new("pages-changed");
    let store = begin(&folder);
    send(&store, 1);
    drop(store);
    let other = Connection::open(folder.0.join(FILE)).unwrap();
    other
        .execute("UPDATE mailbox SET recent_above = 0, sum = 5", [])
        .unwrap();
    drop(other);
    let (faults, _) = pages(&folder);
    assert!(
        faults
            .iter()
            .any(|line| line.contains("it belongs to mailbox")),
        "{faults:?}"
    );
    let found = verify_folder(&folder.0, Depth::Rows, None).unwrap();
    assert!(
        found.faults.iter().any(|fault| fault.table == "mailbox"),
        "{found:?}"
    );
}

/// The database of an older release, or one that was copied without its checksums.
#[test]
fn missing_checksums_are_made_in_slices() {
    let folder = Folder::new("pages-missing");
    let store = begin(&folder);
    store.begin().unwrap();
    for _ in 0..3 {
        deliver(&store, "INBOX", &vec![b'x'; 2 << 20], Flags::NONE);
    }
    store.commit().unwrap();
    drop(store);
    std::fs::remove_file(folder.0.join(SUMS_FILE)).unwrap();
    let (faults, notes) = pages(&folder);
    assert_eq!(faults, Vec::<String>::new());
    assert!(notes[0].contains("no checksums yet"), "{notes:?}");
    let store = Store::open(&folder.0, Role::Writer, 1).unwrap();
    assert!(pages(&folder).1[0].contains("no checksums yet"));
    let mut slices = 0;
    while store.reclaim(NOW, false).unwrap() {
        slices += 1;
        // Mail goes on meanwhile.
        send(&store, slices);
        store.checkpoint(Checkpoint::Passive).unwrap();
    }
    assert!((5..12).contains(&slices), "{slices}");
    assert_eq!(pages(&folder), good());
    drop(store);
    assert_eq!(pages(&folder), good());
    // A head that cannot be read is no damage of the database.
    std::fs::write(folder.0.join(SUMS_FILE), b"PostSums and more").unwrap();
    assert!(pages(&folder).1[0].contains("cannot be read"));
}

fn flipped(octets: &[u8], bit: usize) -> Vec<u8> {
    let mut octets = octets.to_vec();
    octets[bit / 8] ^= 1 << (bit % 8);
    octets
}

/// 300 single bits of the closed file, anywhere: in rows, in indexes, in the head, in room that no
/// row uses, in pages that are free.
#[test]
fn each_flipped_bit_is_noticed() {
    let folder = Folder::new("pages-flipped");
    let store = begin(&folder);
    for n in 0..12 {
        send(&store, n);
    }
    // Some pages become free.
    let (place, inbox) = named(&store, "INBOX");
    store.begin().unwrap();
    let some = UidSet::from(1..=6);
    store
        .expunge(
            (NOW, ME),
            (&place, &inbox),
            Some(&some),
            Flags::NONE,
            &mut Vec::new(),
        )
        .unwrap();
    store.commit().unwrap();
    assert!(store.vacant_bytes().unwrap() > 0);
    drop(store);
    assert!(!folder.0.join(wal()).exists());
    let path = folder.0.join(FILE);
    let whole = std::fs::read(&path).unwrap();
    let good = verify_folder(&folder.0, Depth::Deep, None).unwrap();
    let mut seed = 11u64;
    let mut refused = 0;
    for n in 0..300 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let mut bit = (seed >> 20) as usize % (whole.len() * 8);
        if n < 30 {
            // The head of the file, where a flip can make it look like another file.
            bit %= 800;
        }
        std::fs::write(&path, flipped(&whole, bit)).unwrap();
        let found: Findings = verify_folder(&folder.0, Depth::Deep, None).unwrap();
        let page = bit / 8 / 4096 + 1;
        let line = found.faults.iter().find(|fault| fault.table == "page");
        let line = line.map(ToString::to_string).unwrap_or_default();
        assert!(
            line.contains(&format!("page {page} differs from its checksum")),
            "bit {bit}: {line} {found:?}"
        );
        refused += usize::from(
            found
                .faults
                .iter()
                .any(|f| f.what.contains("cannot be opened")),
        );
    }
    assert!(refused > 0);
    std::fs::write(&path, &whole).unwrap();
    let again = verify_folder(&folder.0, Depth::Deep, None).unwrap();
    assert_eq!(again.faults, good.faults);
}

/// For the figures only: `cargo test --release --lib -- --ignored --nocapture what_checksums_cost`.
#[test]
#[ignore = "takes a minute"]
fn what_checksums_cost() {
    use std::time::{Duration, Instant};
    let folder = Folder::new("pages-cost");
    let store = begin(&folder);
    let octets = vec![b'x'; 4000];
    let (mut covering, mut copying, mut times) = (Duration::ZERO, Duration::ZERO, 0);
    let start = Instant::now();
    for _ in 0..320 {
        store.begin().unwrap();
        for _ in 0..64 {
            deliver(&store, "INBOX", &octets, Flags::NONE);
        }
        store.commit().unwrap();
        if store.checkpoint_due(WRITER_COPIES_AT).unwrap().is_some() {
            let at = Instant::now();
            store.cover_log().unwrap();
            covering += at.elapsed();
            let at = Instant::now();
            store.checkpoint(Checkpoint::Passive).unwrap();
            copying += at.elapsed();
            times += 1;
        }
    }
    let all = start.elapsed();
    println!(
        "20480 messages {all:?}; {times} checkpoints: checksums {covering:?}, copying {copying:?}"
    );
    let mut one = [Duration::ZERO; 2];
    for (time, sql) in one.iter_mut().zip([
        "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7",
        "SELECT row_sum(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    ]) {
        let digest = vec![7u8; 600];
        let at = Instant::now();
        for n in 0..200_000i64 {
            let row = (n, 5, n, 70, "<a@b.test>", &digest, &digest);
            store.direct().one(sql, row, |_| Ok(())).unwrap();
        }
        *time = at.elapsed() / 200_000;
    }
    println!(
        "a statement {:?}, with a checksum of 1200 octets {:?}",
        one[0], one[1]
    );
    store
        .sql
        .execute_batch(
            "UPDATE entry SET sum = NULL, state_sum = NULL; UPDATE body SET sum = NULL;
             UPDATE event SET sum = NULL; UPDATE meta SET value = 0 WHERE name = 'summed'",
        )
        .unwrap();
    store.checkpoint(Checkpoint::Passive).unwrap();
    store.sum_fill.set(None);
    let at = Instant::now();
    while store.reclaim(NOW, false).unwrap() {}
    println!("20480 messages filled in {:?}", at.elapsed());
    let at = Instant::now();
    assert_eq!(pages(&folder), good());
    println!("verify --deep {:?}", at.elapsed());
}

/// Another program makes a checkpoint while the server runs. The pages that it has copied have no
/// checksums: they are no damage, and they are made again.
#[test]
fn a_checkpoint_of_another_program_is_no_damage() {
    for mode in ["PASSIVE", "RESTART", "TRUNCATE"] {
        for large in [false, true] {
            let folder = Folder::new("pages-other");
            let store = begin(&folder);
            for n in 0..5 {
                send(&store, n);
            }
            assert!(store.checkpoint(Checkpoint::Passive).unwrap());
            send(&store, 5);
            send(&store, 6);
            let other = Connection::open(folder.0.join(FILE)).unwrap();
            let sql = format!("PRAGMA wal_checkpoint={mode}");
            let busy: i64 = other.query_row(&sql, [], |r| r.get(0)).unwrap();
            assert_eq!(busy, 0);
            assert_eq!(pages(&folder).0, Vec::<String>::new(), "{mode} before");
            // The log begins again; a large commit is written over all of the log before.
            for n in 0..if large { 60 } else { 1 } {
                send(&store, n);
                assert_eq!(pages(&folder).0, Vec::<String>::new(), "{mode} {large} {n}");
            }
            assert!(store.checkpoint(Checkpoint::Passive).unwrap());
            assert_eq!(pages(&folder).0, Vec::<String>::new(), "{mode} {large}");
            while store.reclaim(NOW, false).unwrap() {}
            assert_eq!(pages(&folder), good(), "{mode} {large}");
            let killed = killed(&folder, "pages-other-killed");
            assert_eq!(pages(&killed), good(), "{mode} {large}");
        }
    }
}

/// A commit that writes nothing leaves checksums as they are, and so does a log that begins again
/// after a checkpoint of the writer.
#[test]
fn checksums_stay_when_the_log_begins_again() {
    let folder = Folder::new("pages-stay");
    let store = begin(&folder);
    for n in 0..20 {
        send(&store, n);
        assert!(store.checkpoint(Checkpoint::Passive).unwrap());
        store.begin().unwrap();
        store.commit().unwrap();
        send(&store, n);
        assert_eq!(pages(&folder), good(), "{n}");
    }
}
