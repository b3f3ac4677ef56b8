//! The write-ahead log, cut at every 512 octets and with flipped bits: the store that opens has a
//! complete prefix of the commits, with every counter right.

use super::*;

/// A database file, its log after some commits, and the length of the log after each.
fn commits(folder: &Folder) -> (Vec<u8>, Vec<u8>, Vec<usize>) {
    let store = Store::open(&folder.0, Role::Writer, 1).unwrap();
    store.begin().unwrap();
    populate(&store);
    store.commit().unwrap();
    assert!(store.checkpoint(Checkpoint::Truncate).unwrap());
    let log = folder.0.join(format!("{FILE}-wal"));
    let mut ends = Vec::new();
    for n in 0..4 {
        store.begin().unwrap();
        let octets = format!("message {n}\r\n").repeat(50);
        deliver(&store, "INBOX", octets.as_bytes(), Flags::NONE);
        store.commit().unwrap();
        ends.push(std::fs::metadata(&log).unwrap().len() as usize);
    }
    // The files are copied while the store is open: closing would empty the log.
    let file = std::fs::read(folder.0.join(FILE)).unwrap();
    (file, std::fs::read(log).unwrap(), ends)
}

/// The number of messages when a server starts on these files.
fn opened(file: &[u8], log: &[u8]) -> u32 {
    let folder = Folder::new("wal-copy");
    std::fs::write(folder.0.join(FILE), file).unwrap();
    std::fs::write(folder.0.join(format!("{FILE}-wal")), log).unwrap();
    let store = Store::open(&folder.0, Role::Writer, 1).unwrap();
    check(&store);
    let inbox = named(&store, "INBOX").1;
    assert_eq!(inbox.uidnext, inbox.messages + 1);
    inbox.messages
}

#[test]
fn a_log_that_is_cut_or_damaged_holds_a_whole_prefix() {
    let folder = Folder::new("wal");
    let (file, log, ends) = commits(&folder);
    assert_eq!(ends.last(), Some(&log.len()));
    let whole_before = |at: usize| ends.iter().filter(|end| **end <= at).count() as u32;
    for at in (0..=log.len()).step_by(512) {
        assert_eq!(opened(&file, &log[..at]), whole_before(at), "cut at {at}");
    }
    // A flipped bit ends the log there, or earlier in its commit. The changed octets are never
    // used.
    let mut seed = 7u64;
    for _ in 0..120 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let at = (seed >> 33) as usize % log.len();
        let mut damaged = log.clone();
        damaged[at] ^= 1 << (seed >> 61);
        let found = opened(&file, &damaged);
        // Some octets of the header of the log say nothing about its content.
        assert!(
            found == whole_before(at) || at < 32,
            "flipped at {at}: {found}"
        );
    }
    // The index beside the log is made again.
    let copy = Folder::new("wal-shm");
    std::fs::write(copy.0.join(FILE), &file).unwrap();
    std::fs::write(copy.0.join(format!("{FILE}-wal")), &log).unwrap();
    std::fs::write(copy.0.join(format!("{FILE}-shm")), vec![0xA5; 32_768]).unwrap();
    let store = Store::open(&copy.0, Role::Writer, 1).unwrap();
    assert_eq!(named(&store, "INBOX").1.messages, 4);
}
