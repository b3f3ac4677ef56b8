//! Numbers that are never given twice: ids and UIDVALIDITY. Also the keyed hash under which
//! Message-IDs are kept.
//!
//! Ids ascend with time, so that new rows are neighbours in an index. The gaps are random, so
//! that a client cannot count the rows of other clients. The last id is in memory and only grows.
//! The mark on disk is moved ahead of it, in the same commit that makes the first id above the
//! mark durable. So an id does not come back after a call that is rolled back or a crash.

use rusqlite::Connection;

use super::{Error, Store, int};
use crate::call::{Countable, Now, Refusal};
use crate::crypto::siphash;

/// The first id that may be given at this time, unix milliseconds, or later.
pub fn id_at(unix_ms: i64) -> i64 {
    unix_ms.clamp(0, ID_CLOCK_MAX_MS) << ID_CLOCK_SHIFT
}

impl Store {
    /// A new id.
    pub fn new_id(&self, now: Now) -> i64 {
        self.new_ids(now, 1)
    }

    /// The first of `n` consecutive ids.
    pub fn new_ids(&self, now: Now, n: u32) -> i64 {
        let gap = 1 + i64::try_from(self.random() % ID_GAP).unwrap_or(0);
        // A clock that leaps must not use the numbers up: it leads only so far.
        let by_clock = id_at(now.unix_ms);
        let last = match self.last_id.get() {
            // An older release has followed a leap to the end of the numbers. Those by the clock
            // are above all that were given before the leap.
            last if last > ID_MAX => 0,
            last => last,
        };
        let first = last.max(by_clock).saturating_add(gap);
        self.last_id
            .set(first.saturating_add(i64::from(n.max(1)) - 1));
        first
    }

    /// A UIDVALIDITY that no mailbox here has had. It follows the clock where it can: a folder
    /// that was lost and made again then gives other values.
    pub fn new_uidvalidity(&self, now: Now) -> Result<u32, Error> {
        let by_clock = (now.unix_ms / 1000).clamp(1, UIDVALIDITY_CLOCK_MAX_S);
        let next = |least: i64| {
            self.direct().one(
                "UPDATE meta SET value = max(value + 1, ?1) WHERE name = 'uidvalidity'
                 RETURNING value",
                [least],
                |r| r.get::<_, i64>(0),
            )
        };
        let mut given = next(by_clock)?;
        if given.is_none_or(|given| given > i64::from(u32::MAX)) {
            // An older release has followed a leap of the clock to the end of the numbers. It goes
            // on above those that were given before the leap.
            let below = self.direct().one(
                "SELECT coalesce(max(uidvalidity), 0) FROM mailbox WHERE uidvalidity < ?1",
                [UIDVALIDITY_CLOCK_MAX_S],
                |r| r.get::<_, i64>(0),
            )?;
            let from = below.unwrap_or(0).max(by_clock - 1);
            self.direct().run(
                "UPDATE meta SET value = ?1 WHERE name = 'uidvalidity'",
                [from],
            )?;
            given = next(by_clock)?;
        }
        u32::try_from(given.unwrap_or(i64::MAX)).map_err(|_| {
            Error::Refused(Refusal::Limit {
                what: Countable::MailboxesEverMade,
                max: u64::from(u32::MAX),
            })
        })
    }

    /// Moves the mark on disk when an id above it was given; the mark.
    pub(super) fn keep_ids(&self) -> Result<i64, Error> {
        let (last, kept) = (self.last_id.get(), self.kept_id.get());
        if last <= kept {
            return Ok(kept);
        }
        let ahead = last.saturating_add(ID_AHEAD);
        self.direct()
            .run("UPDATE meta SET value = ?1 WHERE name = 'id'", [ahead])?;
        Ok(ahead)
    }

    /// One of the single values; 0 where it is missing.
    pub(super) fn meta(&self, name: &'static str) -> Result<i64, Error> {
        let value = self
            .direct()
            .one("SELECT value FROM meta WHERE name = ?1", [name], |r| {
                r.get(0)
            })?;
        Ok(value.unwrap_or(0))
    }

    /// The secret of return paths; `None` before it was made. It is kept as single values, so that
    /// it goes with the database into a backup: mail that is on its way comes back to it.
    pub fn return_secret(&self) -> Result<Option<[u8; 32]>, Error> {
        let parts = self.direct().all(
            "SELECT value FROM meta WHERE name IN ('return0', 'return1', 'return2', 'return3')
             ORDER BY name",
            [],
            |r| r.get::<_, i64>(0),
        )?;
        let octets: Vec<u8> = parts.iter().flat_map(|part| part.to_be_bytes()).collect();
        Ok(octets.try_into().ok())
    }

    /// Keeps the secret of return paths.
    pub fn keep_return_secret(&self, secret: &[u8; 32]) -> Result<(), Error> {
        let parts = secret.as_chunks::<8>().0.iter();
        for (part, name) in parts.zip(["return0", "return1", "return2", "return3"]) {
            self.direct().run(
                "INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)",
                (name, i64::from_be_bytes(*part)),
            )?;
        }
        Ok(())
    }

    /// Changes the epoch of the log and every UIDVALIDITY, after a backup was restored: clients
    /// that have seen what came after the backup must begin again. The numbers of every log jump
    /// ahead, and the window begins after the jump. A number from before the restore is then
    /// below the window for ever, also when the log has become longer than it was. Both jumps
    /// follow the clock, so the same backup restored twice jumps twice.
    pub fn renew(&self, now: Now) -> Result<(), Error> {
        self.run("UPDATE meta SET value = value + 1 WHERE name = 'epoch'", [])?;
        self.leap_uidvalidity(now)?;
        self.run(
            "INSERT OR REPLACE INTO meta (name, value)
             SELECT 'restored', max(?1, coalesce(max(at), 0)) FROM org",
            [now.unix_ms],
        )?;
        self.run("DELETE FROM event", [])?;
        let by_clock = now.unix_ms.clamp(0, SEQ_CLOCK_MAX_MS) * SEQS_A_SECOND / 1000;
        self.run(
            "UPDATE org SET seq = max(seq + ?1, ?2), oldest = max(seq + ?1, ?2) + 1",
            [SEQ_LEAP, by_clock],
        )?;
        let mut after = 0;
        loop {
            let next = self.one(
                "SELECT id FROM mailbox WHERE id > ?1 ORDER BY id LIMIT 1",
                [after],
                |r| r.get::<_, i64>(0),
            )?;
            let Some(id) = next else { return Ok(()) };
            let uidvalidity = self.new_uidvalidity(now)?;
            self.run(
                "UPDATE mailbox SET uidvalidity = ?2 WHERE id = ?1",
                [id, i64::from(uidvalidity)],
            )?;
            after = id;
        }
    }

    /// Moves the last UIDVALIDITY ahead at a restore. It may be ahead of the clock already, when
    /// more mailboxes were made than seconds have passed. So the leap counts from the backup and
    /// not from the clock: a restore comes above what an earlier restore of the same backup gave.
    fn leap_uidvalidity(&self, now: Now) -> Result<(), Error> {
        let made_ms = self
            .one("SELECT coalesce(max(at), 0) FROM org", [], |r| r.get(0))?
            .unwrap_or(0_i64);
        let passed_ms = match now.unix_ms.saturating_sub(made_ms) {
            // Nothing was ever written to a log.
            _ if made_ms == 0 => 0,
            // The clock has been wrong, then or now. Every later restore still leaps further.
            ..=0 => {
                now.unix_ms.saturating_sub(UIDVALIDITY_EPOCH_MS).max(0) / UIDVALIDITIES_A_SECOND
            }
            passed => passed,
        };
        let leaping_ms = passed_ms.min(UIDVALIDITY_LEAP_MAX_MS);
        let leap = leaping_ms * UIDVALIDITIES_A_SECOND / 1000 + (passed_ms - leaping_ms) / 1000;
        self.run(
            "UPDATE meta SET value = max(value, ?1) + ?2 WHERE name = 'uidvalidity'",
            [
                made_ms.clamp(0, UIDVALIDITY_CLOCK_MAX_S * 1000) / 1000,
                leap,
            ],
        )
        .map(|_| ())
    }

    /// The hash under which a Message-ID is kept. It has a key, so that a sender cannot make two
    /// that collide.
    pub fn reference_hash(&self, message_id: &str) -> Result<i64, Error> {
        let key = match self.hash_key.get() {
            Some(key) => key,
            None => {
                let key = (self.meta("hash0")? as u64, self.meta("hash1")? as u64);
                self.hash_key.set(Some(key));
                key
            }
        };
        Ok(siphash(key, message_id.as_bytes()) as i64)
    }

    /// SplitMix64, for the gaps: a client that could predict them would gain nothing.
    fn random(&self) -> u64 {
        let state = self.random.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        self.random.set(state);
        mix(state)
    }
}

/// The least id that is made at a time or later, by the clock. Ids that were made after a leap of
/// the clock are higher, so they count as younger.
pub(super) fn first_id_at(unix_ms: i64) -> i64 {
    unix_ms.clamp(0, ID_CLOCK_MAX_MS) << ID_CLOCK_SHIFT
}

/// The single values of a new database.
pub(super) fn insert_meta(sql: &Connection, seed: u64) -> Result<(), Error> {
    let secret = mix(seed ^ 0x5bd1_e995_7b93_1a2d);
    for (name, value) in [
        ("epoch", 1),
        ("id", 0),
        ("uidvalidity", 0),
        ("hash0", int(mix(secret) >> 1)),
        ("hash1", int(mix(secret.wrapping_add(1)) >> 1)),
    ] {
        sql.execute(
            "INSERT INTO meta (name, value) VALUES (?1, ?2)",
            (name, value),
        )?;
    }
    Ok(())
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Gaps between ids are from 1 to this.
const ID_GAP: u64 = 1024;

/// A millisecond has 2^20 ids; 2^43 milliseconds last until the year 2248.
const ID_CLOCK_SHIFT: u32 = 20;

/// Ids follow the clock until the year 2150. What is left above is enough for 3 * 10^15 of them.
const ID_CLOCK_MAX_MS: i64 = 5_680_281_600_000;

/// No id of ours is above this: there is room for the last ids of a large message.
const ID_MAX: i64 = i64::MAX - (1 << 40);

/// UIDVALIDITY follows the clock until the year 2065. Above, 1.29 * 10^9 numbers are left, for a
/// clock that leaps and for the years to come.
const UIDVALIDITY_CLOCK_MAX_S: i64 = 3_000_000_000;

/// More mailboxes than a server makes in a second for long: the leap of a restore.
const UIDVALIDITIES_A_SECOND: i64 = 64;

/// So old a backup leaps by 64 a second, which is 166 million of the numbers; the time above
/// counts once a second.
const UIDVALIDITY_LEAP_MAX_MS: i64 = 30 * 86_400_000;

/// The beginning of 2026.
const UIDVALIDITY_EPOCH_MS: i64 = 1_767_225_600_000;

/// The jump of a log at a restore: more rows than were written since the backup was made.
const SEQ_LEAP: i64 = 1 << 32;

/// And more rows than are written in a second, for each second of the clock. The numbers stay
/// below 2^53, the largest integer of JavaScript, until past the year 9999.
const SEQS_A_SECOND: i64 = 1 << 12;

/// The year 9999.
const SEQ_CLOCK_MAX_MS: i64 = 253_402_300_799_000;

/// How far the mark on disk is ahead: about four seconds of the clock. It is written once in that
/// time.
const ID_AHEAD: i64 = 1 << 32;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn ids_ascend_whatever_the_clock_does() {
        let store = Store::in_memory(7).unwrap();
        let mut last = 0;
        let year = 31_556_952_000;
        let leaps = [137 * year, 584 * year, 8100 * year, i64::MAX, i64::MIN, 0];
        for unix_ms in [0, 1_700_000_000_000, 5, -3].into_iter().chain(leaps) {
            let now = Now {
                mono_ms: 0,
                unix_ms,
            };
            for _ in 0..1000 {
                let id = store.new_ids(now, 1000);
                assert!(id > last && id < ID_MAX, "{unix_ms}");
                last = id;
            }
        }
        // A file that an older release has led to the end of the numbers goes on by the clock.
        store.last_id.set(i64::MAX);
        let now = Now {
            mono_ms: 0,
            unix_ms: 1_800_000_000_000,
        };
        let (first, second) = (store.new_id(now), store.new_id(now));
        assert!(first < second && second >> ID_CLOCK_SHIFT == now.unix_ms);
    }

    #[test]
    fn uidvalidity_is_never_given_twice() {
        let store = Store::in_memory(7).unwrap();
        let now = |s: i64| Now {
            mono_ms: 0,
            unix_ms: s * 1000,
        };
        assert_eq!(store.new_uidvalidity(now(100)).unwrap(), 100);
        assert_eq!(store.new_uidvalidity(now(100)).unwrap(), 101);
        assert_eq!(store.new_uidvalidity(now(50)).unwrap(), 102);
        // A clock that leaps past what 32 bits hold, and comes back.
        let mut last = 102;
        for s in [
            4_323_000_000,
            18_440_000_000,
            253_500_000_000,
            i64::MAX / 1000,
            0,
            -5,
            103,
        ] {
            let given = store.new_uidvalidity(now(s)).unwrap();
            assert!(given > last && given < 3_000_000_100, "{s} {given}");
            last = given;
        }
        // A file that an older release has led to the end of the numbers.
        let end = i64::from(u32::MAX);
        store
            .run(
                "UPDATE meta SET value = ?1 WHERE name = 'uidvalidity'",
                [end],
            )
            .unwrap();
        assert_eq!(store.new_uidvalidity(now(2_000_000)).unwrap(), 2_000_000);
        assert_eq!(store.new_uidvalidity(now(1)).unwrap(), 2_000_001);
    }

    #[test]
    fn a_backup_that_is_restored_twice_gives_other_uidvalidities() {
        let now = |s: i64| Now {
            mono_ms: 0,
            unix_ms: s * 1000,
        };
        let day = 86_400;
        // Times of the backup and of two restores; `ahead` mailboxes more than seconds were made.
        for (made, first, second, ahead) in [
            (1_800_000_000, 10, 11, 5000),
            (1_800_000_000, 10, 11, 0),
            (1_800_000_000, 100 * day, 200 * day, 1_000_000),
            // The clock was years ahead when the backup was made.
            (2_500_000_000, -500_000_000, -499_999_000, 1_000_000),
        ] {
            let restored = |after: i64| {
                let store = Store::in_memory(7).unwrap();
                store
                    .run(
                        "INSERT INTO org (id, name, created_at, at) VALUES (1, 'a', 0, ?1)",
                        [made * 1000],
                    )
                    .unwrap();
                store
                    .run(
                        "UPDATE meta SET value = ?1 WHERE name = 'uidvalidity'",
                        [made + ahead],
                    )
                    .unwrap();
                store.renew(now(made + after)).unwrap();
                store.new_uidvalidity(now(made + after)).unwrap()
            };
            let (one, two) = (restored(first), restored(second));
            assert!(i64::from(one) > made + ahead, "{made} {first}");
            assert!(two > one && two < u32::MAX - 1_000_000_000, "{one} {two}");
        }
    }
}
