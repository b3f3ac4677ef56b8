//! Session tickets (RFC 8446 section 4.6.1, RFC 5077): their keys, and the file that keeps the keys
//! over a restart, so that ten thousand clients that come back at once resume their sessions.
//!
//! A key seals for six hours and opens for twelve. It ages by the monotonic clock, because a date
//! may leap; the date in the file says only how old a key was when the server started. A key of
//! which that is not known, or that is too old, is not used.
//!
//! The file says nothing that the private key beside it does not: with either, another can pretend
//! to be this server. It is in no backup, and sessions over TLS 1.3 stay secret without both,
//! because a resumed one has a key exchange of its own.

use std::io::ErrorKind;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rustls::server::ProducesTickets;

use crate::crypto::{Random, SealingKey};
use crate::dir::DirHandle;

/// The keys of session tickets.
pub struct Tickets {
    /// Where the keys are kept.
    folder: OnceLock<DirHandle>,
    keys: Mutex<TicketKeys>,
}

struct TicketKeys {
    random: Random,
    /// The newest first, at most two. The first seals.
    all: Vec<TicketKey>,
}

struct TicketKey {
    key: SealingKey,
    text: String,
    /// When it was made, unix seconds: for the file alone.
    made_s: i64,
    /// How old it was at a moment.
    age: Duration,
    at: Instant,
}

impl Tickets {
    /// With a new key, which no file keeps yet.
    pub fn new(unix_ms: i64) -> Tickets {
        let keys = TicketKeys {
            random: Random::system(),
            all: Vec::new(),
        };
        let tickets = Tickets {
            folder: OnceLock::new(),
            keys: Mutex::new(keys),
        };
        tickets.change(Instant::now(), unix_ms);
        tickets
    }

    /// Keeps the keys in a folder from now on. Those that are there, and are not too old, take the
    /// place of a new one.
    pub fn keep(&self, folder: DirHandle, unix_ms: i64) {
        let now = Instant::now();
        let read = read(&folder, now, unix_ms);
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if !read.is_empty() {
            keys.all = read;
        }
        let text = keys.text();
        drop(keys);
        // A second folder is never given.
        let folder = self.folder.get_or_init(|| folder);
        write(folder, &text);
        self.change(now, unix_ms);
    }

    /// Makes a new key when the newest is six hours old. Called each minute.
    pub fn change(&self, now: Instant, unix_ms: i64) {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.all.first().is_some_and(|key| key.age(now) < SEALS) {
            return;
        }
        let (key, text) = SealingKey::generate(&mut keys.random);
        let new = TicketKey {
            key,
            text,
            made_s: unix_ms.div_euclid(1000),
            age: Duration::ZERO,
            at: now,
        };
        keys.all.insert(0, new);
        keys.all.retain(|key| key.age(now) < OPENS);
        keys.all.truncate(KEYS);
        let text = keys.text();
        // No handshake waits for the disk.
        drop(keys);
        if let Some(folder) = self.folder.get() {
            write(folder, &text);
        }
    }

    fn seal(&self, now: Instant, plain: &[u8]) -> Option<Vec<u8>> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let TicketKeys { random, all } = &mut *keys;
        let newest = all.first().filter(|key| key.age(now) < OPENS)?;
        newest.key.seal(random, OWNER, plain).ok()
    }

    fn open_ticket(&self, now: Instant, ticket: &[u8]) -> Option<Vec<u8>> {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let mut good = keys.all.iter().filter(|key| key.age(now) < OPENS);
        good.find_map(|key| key.key.open(OWNER, ticket).ok())
    }
}

impl TicketKeys {
    /// The file.
    fn text(&self) -> String {
        let line = |key: &TicketKey| format!("{} {}\n", key.made_s, key.text);
        self.all.iter().map(line).collect()
    }
}

impl TicketKey {
    fn age(&self, now: Instant) -> Duration {
        self.age.saturating_add(now.duration_since(self.at))
    }
}

/// The keys of a folder that are not too old, the newest first.
fn read(folder: &DirHandle, now: Instant, unix_ms: i64) -> Vec<TicketKey> {
    let unix_s = unix_ms.div_euclid(1000);
    let text = match folder.read_text(FILE) {
        Ok(text) => text,
        Err(error) => {
            if error.kind() != ErrorKind::NotFound {
                tell(folder, &error);
            }
            return Vec::new();
        }
    };
    let read = text.lines().filter_map(|line| {
        let (made, text) = line.split_once(' ')?;
        let made_s = made.parse::<i64>().ok()?;
        let age_s = u64::try_from(unix_s.checked_sub(made_s)?).ok()?;
        Some(TicketKey {
            key: SealingKey::parse(text)?,
            text: text.to_owned(),
            made_s,
            age: Duration::from_secs(age_s),
            at: now,
        })
    });
    let mut all: Vec<TicketKey> = read.take(KEYS).collect();
    all.retain(|key| key.age(now) < OPENS);
    all.sort_by_key(|key| key.age);
    all
}

fn write(folder: &DirHandle, text: &str) {
    if let Err(error) = folder.write(FILE, text.as_bytes()) {
        tell(folder, &error);
    }
}

fn tell(folder: &DirHandle, error: &std::io::Error) {
    let path = folder.path().join(FILE);
    log::warn!(
        "{}: {error}: sessions over TLS are not resumed after a restart",
        path.display()
    );
}

impl core::fmt::Debug for Tickets {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Tickets(..)")
    }
}

impl ProducesTickets for Tickets {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        OPENS_S
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.seal(Instant::now(), plain)
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        self.open_ticket(Instant::now(), ticket)
    }
}

/// The file, in the folder of the certificate.
const FILE: &str = "tickets.key";
/// The key that seals, and the one before it.
const KEYS: usize = 2;
/// How long a key seals: a key that is stolen tells of six hours of TLS 1.2, and of no more.
const SEALS: Duration = Duration::from_secs(OPENS_S as u64 / 2);
/// How long it opens, and so how long a ticket holds at most.
const OPENS: Duration = Duration::from_secs(OPENS_S as u64);
const OPENS_S: u32 = 12 * 3600;
/// What a ticket belongs to, for the seal.
const OWNER: &str = "tls/ticket";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    use super::*;

    const NOW_MS: i64 = 1_800_000_000_000;
    const HOUR_MS: i64 = 3_600_000;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            let name = format!("postern-tickets-{name}-{}", std::process::id());
            let path = std::env::temp_dir().join(name);
            let _ = std::fs::remove_dir_all(&path);
            Folder(path)
        }

        fn open(&self, unix_ms: i64) -> Tickets {
            let (folder, _) = DirHandle::make(&self.0, None).unwrap();
            let tickets = Tickets::new(unix_ms);
            tickets.keep(folder, unix_ms);
            tickets
        }

        fn file(&self) -> PathBuf {
            self.0.join(FILE)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).unwrap();
        }
    }

    fn hours(n: u64) -> Duration {
        Duration::from_secs(n * 3600)
    }

    #[test]
    fn a_ticket_holds_for_one_change_of_keys() {
        let folder = Folder::new("change");
        let tickets = folder.open(NOW_MS);
        let begin = Instant::now();
        let opens = |at, ticket: &[u8]| tickets.open_ticket(at, ticket).is_some();
        let first = tickets.seal(begin, b"state").unwrap();
        assert_eq!(
            tickets.open_ticket(begin, &first).as_deref(),
            Some(&b"state"[..])
        );
        assert!(!opens(begin, b"not a ticket"));
        // The date does not count: it leaps by years between two changes.
        tickets.change(begin + hours(6), 0);
        let second = tickets.seal(begin + hours(6), b"state").unwrap();
        assert!(opens(begin + hours(11), &first));
        assert!(!opens(begin + hours(12), &first) && opens(begin + hours(12), &second));
        tickets.change(begin + hours(13), i64::MAX);
        assert!(!opens(begin + hours(13), &first) && opens(begin + hours(13), &second));
        // Without a change the keys end all the same.
        assert_eq!(tickets.seal(begin + hours(26), b"state"), None);
    }

    #[test]
    fn keys_outlive_a_restart_and_not_their_age() {
        let folder = Folder::new("restart");
        let now = Instant::now;
        let ticket = folder.open(NOW_MS).seal(now(), b"state").unwrap();
        let mode = folder.file().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let opens = |unix_ms| folder.open(unix_ms).open_ticket(now(), &ticket).is_some();
        assert!(opens(NOW_MS) && opens(NOW_MS + 5 * HOUR_MS));
        // A restart after six hours makes a new key beside it.
        assert!(opens(NOW_MS + 7 * HOUR_MS));
        let lines = std::fs::read_to_string(folder.file()).unwrap();
        assert_eq!(lines.lines().count(), 2, "{lines}");
        let later = folder.open(NOW_MS + 11 * HOUR_MS);
        assert!(later.open_ticket(now(), &ticket).is_some());
        assert!(later.open_ticket(now() + hours(1), &ticket).is_none());
        assert!(!opens(NOW_MS + 13 * HOUR_MS));
        assert!(!opens(NOW_MS + 7 * HOUR_MS), "it has left the file");
    }

    #[test]
    fn a_file_that_cannot_be_used_is_made_anew() {
        let folder = Folder::new("broken");
        let now = Instant::now;
        let ticket = folder.open(NOW_MS).seal(now(), b"state").unwrap();
        let good = std::fs::read_to_string(folder.file()).unwrap();
        let ahead = good.replacen("1800000000", "1800000001", 1);
        let never = good.replacen("1800000000", &i64::MIN.to_string(), 1);
        for text in ["", "x\n", &good[..30], &ahead, &never] {
            std::fs::write(folder.file(), text).unwrap();
            let tickets = folder.open(NOW_MS);
            assert!(tickets.open_ticket(now(), &ticket).is_none(), "{text}");
            let new = tickets.seal(now(), b"state").unwrap();
            assert!(folder.open(NOW_MS).open_ticket(now(), &new).is_some());
        }
    }
}
