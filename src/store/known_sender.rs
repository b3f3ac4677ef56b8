//! Senders that an inbox knows, as rows: those that it has written to, and those that its owner has
//! let in. And what an inbox does with mail of the others.
//!
//! It decides nothing: `service/intake/screen.rs` does. The rule: an inbox knows about
//! [`KNOWN_MAX`] senders, and forgets those first that it wrote to longest ago.

use rusqlite::{Row, params};

use super::{Error, Store};
use crate::call::{InboxId, ReceiveDefault};

/// How an inbox knows a sender.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KnownBy {
    /// It has written to it.
    Written,
    /// Its owner has let it in.
    Admitted,
}

impl Store {
    /// What an inbox does with mail of senders that it does not know. An index has the few inboxes
    /// that do not take all.
    pub fn receive_default(&self, inbox: InboxId) -> Result<ReceiveDefault, Error> {
        let found = self.direct().one(
            "SELECT receive_default FROM inbox WHERE id = ?1 AND receive_default <> 0",
            [inbox.0],
            |r| read_receive(r, 0),
        )?;
        Ok(found.unwrap_or_default())
    }

    /// Whether any inbox does not take all mail.
    pub fn has_any_screen(&self) -> Result<bool, Error> {
        let found = self.direct().one(
            "SELECT EXISTS (SELECT 1 FROM inbox WHERE receive_default <> 0)",
            [],
            |r| r.get(0),
        )?;
        Ok(found.unwrap_or(false))
    }

    /// How an inbox knows the sender with this canonical address.
    pub fn known_sender(&self, inbox: InboxId, address: &str) -> Result<Option<KnownBy>, Error> {
        self.direct().one(
            "SELECT admitted FROM known_sender WHERE inbox = ?1 AND address = ?2",
            params![inbox.0, address],
            |r| {
                Ok(match r.get(0)? {
                    true => KnownBy::Admitted,
                    false => KnownBy::Written,
                })
            },
        )
    }

    /// Whether an inbox has written to an address since a time, as far as it remembers.
    pub fn has_written_to(&self, inbox: InboxId, address: &str, since: i64) -> Result<bool, Error> {
        let found = self.direct().one(
            "SELECT 1 FROM known_sender WHERE inbox = ?1 AND address = ?2 AND at >= ?3",
            params![inbox.0, address, since],
            |_| Ok(()),
        )?;
        Ok(found.is_some())
    }

    /// Notes that an inbox knows a sender. One that is let in stays so. A day in which it writes to
    /// the same address many times costs one row.
    pub fn note_sender(
        &self,
        inbox: InboxId,
        address: &str,
        by: KnownBy,
        at: i64,
    ) -> Result<(), Error> {
        let is_admitted = by == KnownBy::Admitted;
        let noted = self.direct().one(
            "SELECT admitted, at FROM known_sender WHERE inbox = ?1 AND address = ?2",
            params![inbox.0, address],
            |r| Ok((r.get::<_, bool>(0)?, r.get::<_, i64>(1)?)),
        )?;
        match noted {
            None => {
                self.direct().run(
                    "INSERT INTO known_sender (inbox, address, admitted, at)
                     VALUES (?1, ?2, ?3, ?4)",
                    params![inbox.0, address, is_admitted, at],
                )?;
                // To count them is dear, and the bound need not be exact. The hash has a key.
                match self.reference_hash(address)? % COUNTED_EACH {
                    0 => self.forget_senders(inbox),
                    _ => Ok(()),
                }
            }
            Some((was, last)) if was >= is_admitted && at.saturating_sub(last) < DAY_MS => Ok(()),
            Some((was, _)) => {
                self.direct().run(
                    "UPDATE known_sender SET admitted = ?3, at = ?4
                     WHERE inbox = ?1 AND address = ?2",
                    params![inbox.0, address, was || is_admitted, at],
                )?;
                Ok(())
            }
        }
    }

    /// Forgets the oldest senders when there are too many.
    fn forget_senders(&self, inbox: InboxId) -> Result<(), Error> {
        let known = self.direct().one(
            "SELECT count(*) FROM known_sender WHERE inbox = ?1",
            [inbox.0],
            |r| r.get::<_, i64>(0),
        )?;
        let known = known.unwrap_or(0);
        if known > KNOWN_MAX {
            self.direct().run(
                "DELETE FROM known_sender WHERE inbox = ?1 AND address IN
                     (SELECT address FROM known_sender WHERE inbox = ?1
                      ORDER BY admitted, at LIMIT ?2)",
                [inbox.0, known - KNOWN_MAX + FORGOTTEN],
            )?;
        }
        Ok(())
    }
}

/// The number of a choice in its column.
pub(super) fn receive_number(mode: ReceiveDefault) -> i64 {
    match mode {
        ReceiveDefault::Allow => 0,
        ReceiveDefault::Screen => 1,
        ReceiveDefault::Reject => 2,
    }
}

/// Reads a choice. A number that this program does not know is read as the one that loses no mail
/// and lets none in; `verify` reports it.
pub(super) fn read_receive(r: &Row<'_>, column: usize) -> rusqlite::Result<ReceiveDefault> {
    Ok(match r.get::<_, i64>(column)? {
        0 => ReceiveDefault::Allow,
        2 => ReceiveDefault::Reject,
        _ => ReceiveDefault::Screen,
    })
}

/// Senders that an inbox knows: about half a megabyte.
const KNOWN_MAX: i64 = 5000;
/// Senders that it forgets below that number at once: to sort them all takes milliseconds.
const FORGOTTEN: i64 = 500;
/// One in so many new senders has them counted, which takes a fraction of a millisecond.
const COUNTED_EACH: i64 = 64;
const DAY_MS: i64 = 86_400_000;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_inbox_knows_a_bounded_number_and_keeps_those_that_are_let_in() {
        let store = Store::in_memory(7).unwrap();
        let inbox = InboxId(1);
        store.begin().unwrap();
        store
            .note_sender(inbox, "let-in@y.test", KnownBy::Admitted, 0)
            .unwrap();
        let last = KNOWN_MAX * 3;
        for n in 0..last {
            store
                .note_sender(inbox, &format!("{n}@y.test"), KnownBy::Written, n + 1)
                .unwrap();
        }
        let count = "SELECT count(*) FROM known_sender WHERE inbox = 1";
        let rows = store.direct().one(count, [], |r| r.get::<_, i64>(0));
        let rows = rows.unwrap().unwrap();
        assert!(rows > KNOWN_MAX / 2 && rows < KNOWN_MAX * 3 / 2, "{rows}");
        let known = |address: &str| store.known_sender(inbox, address).unwrap();
        assert_eq!(known("let-in@y.test"), Some(KnownBy::Admitted));
        assert_eq!((known("0@y.test"), known("10@y.test")), (None, None));
        let newest = format!("{}@y.test", last - 1);
        assert_eq!(known(&newest), Some(KnownBy::Written));
        assert_eq!(store.known_sender(InboxId(2), &newest).unwrap(), None);
        // Letting in lasts, whatever is written later.
        for by in [KnownBy::Admitted, KnownBy::Written] {
            store.note_sender(inbox, &newest, by, 9 * DAY_MS).unwrap();
            assert_eq!(known(&newest), Some(KnownBy::Admitted));
        }
        store.commit().unwrap();
    }
}
