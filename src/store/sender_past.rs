//! How the mail of each sender to an inbox was judged before, as small numbers. A sender is an
//! address or a domain, as a keyed hash, so a row says nothing to a reader of the file.
//!
//! It judges nothing: the filter is told. The rules: **a number stops at [`COUNT_MAX`]**, so mail
//! of a sender that writes often costs no row any more; and an inbox remembers about
//! [`SENDERS_MAX`] senders, and forgets those first that came longest ago.

use rusqlite::params;

use super::{Error, Store};
use crate::call::{InboxId, Verdict};

/// How mail of a sender was judged before.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SenderPast {
    /// Messages that were clean, up to [`COUNT_MAX`].
    pub clean: u32,
    /// Messages that were spam, likewise.
    pub spam: u32,
}

impl SenderPast {
    /// With one more message. A suspicious one says nothing of its sender.
    fn with(self, verdict: Verdict) -> SenderPast {
        let more = |count: u32| count.saturating_add(1).min(COUNT_MAX);
        match verdict {
            Verdict::Clean => SenderPast {
                clean: more(self.clean),
                ..self
            },
            Verdict::Suspicious => self,
            Verdict::Spam => SenderPast {
                spam: more(self.spam),
                ..self
            },
        }
    }
}

impl Store {
    /// The hash by which a sender is remembered.
    pub fn sender_key(&self, sender: &str) -> Result<i64, Error> {
        self.reference_hash(sender)
    }

    /// How the mail of a sender to an inbox was judged before; `None` when none is remembered.
    pub fn sender_past(&self, inbox: InboxId, sender: i64) -> Result<Option<SenderPast>, Error> {
        self.direct().one(
            "SELECT clean, spam FROM sender_past WHERE inbox = ?1 AND sender = ?2",
            [inbox.0, sender],
            |r| {
                Ok(SenderPast {
                    clean: r.get(0)?,
                    spam: r.get(1)?,
                })
            },
        )
    }

    /// Remembers how a message of a sender was judged.
    pub fn note_verdict(
        &self,
        inbox: InboxId,
        sender: i64,
        verdict: Verdict,
        at: i64,
    ) -> Result<(), Error> {
        let known = self.sender_past(inbox, sender)?;
        let past = known.unwrap_or_default().with(verdict);
        if known == Some(past) {
            return Ok(());
        }
        self.keep_past(inbox, sender, past, at)?;
        // To count them is dear, and the bound need not be exact. The hash has a key.
        match known.is_none() && sender % COUNTED_EACH == 0 {
            true => self.forget_pasts(inbox),
            false => Ok(()),
        }
    }

    /// Remembers what a person says of a sender: it outweighs what was judged before.
    pub fn teach_sender(
        &self,
        inbox: InboxId,
        sender: i64,
        is_spam: bool,
        at: i64,
    ) -> Result<(), Error> {
        let (clean, spam) = match is_spam {
            true => (0, COUNT_MAX),
            false => (COUNT_MAX, 0),
        };
        self.keep_past(inbox, sender, SenderPast { clean, spam }, at)?;
        match sender % COUNTED_EACH {
            0 => self.forget_pasts(inbox),
            _ => Ok(()),
        }
    }

    /// Writes how the mail of a sender was judged.
    fn keep_past(
        &self,
        inbox: InboxId,
        sender: i64,
        past: SenderPast,
        at: i64,
    ) -> Result<(), Error> {
        self.direct().run(
            "INSERT INTO sender_past (inbox, sender, clean, spam, at, sum)
             VALUES (?1, ?2, ?3, ?4, ?5, row_sum(?1, ?2, ?3, ?4, ?5))
             ON CONFLICT (inbox, sender) DO UPDATE SET clean = excluded.clean,
                 spam = excluded.spam, at = excluded.at, sum = excluded.sum",
            params![inbox.0, sender, past.clean, past.spam, at],
        )?;
        Ok(())
    }

    /// Forgets the oldest senders when there are too many.
    fn forget_pasts(&self, inbox: InboxId) -> Result<(), Error> {
        let known = self.direct().one(
            "SELECT count(*) FROM sender_past WHERE inbox = ?1",
            [inbox.0],
            |r| r.get::<_, i64>(0),
        )?;
        let known = known.unwrap_or(0);
        if known > SENDERS_MAX {
            self.direct().run(
                "DELETE FROM sender_past WHERE inbox = ?1 AND sender IN
                     (SELECT sender FROM sender_past WHERE inbox = ?1 ORDER BY at LIMIT ?2)",
                [inbox.0, known - SENDERS_MAX + FORGOTTEN],
            )?;
        }
        Ok(())
    }

    /// Forgets some senders of a deleted inbox; how many.
    pub(super) fn reclaim_pasts(&self, inbox: i64, rows: i64) -> Result<usize, Error> {
        self.direct().run(
            "DELETE FROM sender_past WHERE inbox = ?1 AND sender IN
                 (SELECT sender FROM sender_past WHERE inbox = ?1 LIMIT ?2)",
            [inbox, rows],
        )
    }
}

/// Where a number stops: a sender with so many messages is known well enough.
pub const COUNT_MAX: u32 = 8;
/// Senders that an inbox remembers: about a quarter of a megabyte.
const SENDERS_MAX: i64 = 5000;
/// Senders that it forgets below that number at once.
const FORGOTTEN: i64 = 500;
/// One in so many new senders has them counted.
const COUNTED_EACH: i64 = 64;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn numbers_stop_and_senders_are_bounded() {
        let store = Store::in_memory(7).unwrap();
        let inbox = InboxId(1);
        store.begin().unwrap();
        let often = store.sender_key("often@y.test").unwrap();
        for _ in 0..COUNT_MAX * 2 {
            store.note_verdict(inbox, often, Verdict::Clean, 1).unwrap();
        }
        store
            .note_verdict(inbox, often, Verdict::Spam, i64::MAX)
            .unwrap();
        let past = SenderPast {
            clean: COUNT_MAX,
            spam: 1,
        };
        assert_eq!(store.sender_past(inbox, often).unwrap(), Some(past));
        let last = SENDERS_MAX * 3;
        for n in 0..last {
            let key = store.sender_key(&format!("{n}@y.test")).unwrap();
            store
                .note_verdict(inbox, key, Verdict::Suspicious, n)
                .unwrap();
        }
        let count = "SELECT count(*) FROM sender_past WHERE inbox = 1";
        let rows = store.direct().one(count, [], |r| r.get::<_, i64>(0));
        let rows = rows.unwrap().unwrap();
        assert!(
            rows > SENDERS_MAX / 2 && rows < SENDERS_MAX * 3 / 2,
            "{rows}"
        );
        assert_eq!(store.sender_past(inbox, often).unwrap(), Some(past));
        let first = store.sender_key("0@y.test").unwrap();
        assert_eq!(store.sender_past(inbox, first).unwrap(), None);
        assert_eq!(store.sender_past(InboxId(2), often).unwrap(), None);
        store.commit().unwrap();
    }
}
