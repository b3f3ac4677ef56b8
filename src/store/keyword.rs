//! The keywords in use in a mailbox, and how many messages have each. So a mailbox has a limit on
//! different keywords without a look at its messages: a call that changes no keyword reads and
//! writes no row of this table.
//!
//! It is not what a message has: `entry.keywords` says that, and `verify` counts it again. The
//! rule: each statement that makes, changes, moves or deletes entries moves these counts in the
//! same savepoint.

use core::ops::ControlFlow;
use std::collections::BTreeMap;

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::{Error, Store, Tell, int, uint};
use crate::call::{Countable, MailboxId, Refusal, is_server_label};

/// How often each keyword occurs in some entries; keywords are compared without case.
#[derive(Clone, Debug, Default)]
pub(super) struct KeywordUses {
    words: BTreeMap<String, i64>,
    /// The keywords of the entries before, and the number of those entries. Entries in sequence
    /// mostly have the same keywords, which are then looked up once.
    last: (Vec<String>, i64),
}

impl KeywordUses {
    /// Counts the keywords of an entry.
    pub(super) fn add<'w>(&mut self, words: impl Iterator<Item = &'w str> + Clone) {
        if self.last.0.iter().map(String::as_str).eq(words.clone()) {
            self.last.1 += 1;
            return;
        }
        self.count_last();
        self.last = (words.map(str::to_owned).collect(), 1);
    }

    /// Counts the keywords of an entry as they are stored.
    pub(super) fn add_stored(&mut self, words: ValueRef<'_>) {
        if let ValueRef::Text(words) = words
            && let Ok(words) = core::str::from_utf8(words)
        {
            self.add(split(words));
        }
    }

    fn count_last(&mut self) {
        let (words, n) = core::mem::take(&mut self.last);
        for word in words {
            *self.words.entry(word.to_ascii_lowercase()).or_default() += n;
        }
    }

    /// Whether one of the entries has a label of the server.
    pub(super) fn have_server_label(&self) -> bool {
        let last = self.last.0.iter().map(String::as_str);
        let mut all = self.words.keys().map(String::as_str).chain(last);
        all.any(is_server_label)
    }

    /// The number of each keyword.
    fn counts(mut self) -> BTreeMap<String, i64> {
        self.count_last();
        self.words
    }
}

impl Store {
    /// Moves the counts of a mailbox: `more` entries have come to it and `less` have left it, or
    /// have had these keywords before. Refuses a keyword that is new there when the mailbox has as
    /// many as it may have; with `is_bound` false it may get more.
    pub(super) fn count_keywords(
        &self,
        mailbox: MailboxId,
        (more, less): (KeywordUses, KeywordUses),
        is_bound: bool,
    ) -> Result<(), Error> {
        let mut counts = more.counts();
        for (word, n) in less.counts() {
            *counts.entry(word).or_default() -= n;
        }
        // What goes makes room for what comes.
        for (word, n) in counts.iter().filter(|(_, n)| **n < 0) {
            let left = self.direct().one(
                "UPDATE keyword SET uses = uses + ?3 WHERE mailbox = ?1 AND word = ?2
                 RETURNING uses",
                (mailbox.0, word, n),
                |r| r.get::<_, i64>(0),
            )?;
            if left.is_some_and(|left| left <= 0) {
                self.direct().run(
                    "DELETE FROM keyword WHERE mailbox = ?1 AND word = ?2",
                    (mailbox.0, word),
                )?;
            }
        }
        let mut is_new = false;
        for (word, n) in counts.iter().filter(|(_, n)| **n > 0) {
            let uses = self.direct().one(
                "INSERT INTO keyword (mailbox, word, uses) VALUES (?1, ?2, ?3)
                 ON CONFLICT (mailbox, word) DO UPDATE SET uses = uses + excluded.uses
                 RETURNING uses",
                (mailbox.0, word, n),
                |r| r.get::<_, i64>(0),
            )?;
            is_new |= uses == Some(*n);
        }
        if is_new && is_bound {
            self.check_keyword_room(mailbox, 0)?;
        }
        Ok(())
    }

    /// Refuses when a mailbox has more keywords than it may have.
    fn check_keyword_room(&self, mailbox: MailboxId, more: u64) -> Result<(), Error> {
        let max = self.quota().mailbox_keywords;
        if self.keywords_len(mailbox)?.saturating_add(more) > max {
            let what = Countable::MailboxKeywords;
            return Err(Refusal::Limit { what, max }.into());
        }
        Ok(())
    }

    /// How many keywords are in use in a mailbox. Only a file of an older release can have many
    /// more than the limit, so no more are counted.
    fn keywords_len(&self, mailbox: MailboxId) -> Result<u64, Error> {
        let n = self.direct().one(
            "SELECT count(*) FROM (SELECT 1 FROM keyword WHERE mailbox = ?1 LIMIT ?2)",
            [
                mailbox.0,
                int(self.quota().mailbox_keywords.saturating_add(1)),
            ],
            |r| r.get::<_, i64>(0),
        )?;
        Ok(uint(n.unwrap_or(0)))
    }

    /// Refuses keywords that a mailbox has no room for, before an entry with them is made.
    pub fn check_keywords(&self, mailbox: MailboxId, keywords: &[String]) -> Result<(), Error> {
        let mut uses = KeywordUses::default();
        uses.add(keywords.iter().map(String::as_str));
        let mut new = 0;
        for word in uses.counts().keys() {
            let known = self.direct().one(
                "SELECT 1 FROM keyword WHERE mailbox = ?1 AND word = ?2",
                (mailbox.0, word),
                |_| Ok(()),
            )?;
            new += u64::from(known.is_none());
        }
        match new {
            0 => Ok(()),
            new => self.check_keyword_room(mailbox, new),
        }
    }
}

/// Keywords as they are stored, one by one.
fn split(words: &str) -> impl Iterator<Item = &str> + Clone {
    words.split(' ').filter(|word| !word.is_empty())
}

/// Counts the keywords of every mailbox; for the step that makes the table.
pub(super) fn count_all(sql: &Connection) -> Result<(), Error> {
    let mut write = sql.prepare("INSERT INTO keyword (mailbox, word, uses) VALUES (?1, ?2, ?3)")?;
    let mut keep = |mailbox: i64, uses: KeywordUses| -> Result<(), Error> {
        for (word, n) in uses.counts() {
            write.execute((mailbox, word, n))?;
        }
        Ok(())
    };
    let mut entries = sql.prepare(
        "SELECT mailbox, keywords FROM entry
         WHERE keywords IS NOT NULL AND EXISTS (SELECT 1 FROM mailbox WHERE id = entry.mailbox)
         ORDER BY mailbox, uid",
    )?;
    let mut rows = entries.query([])?;
    let (mut at, mut uses) = (0, KeywordUses::default());
    while let Some(row) = rows.next()? {
        let mailbox: i64 = row.get(0)?;
        if mailbox != at {
            keep(at, core::mem::take(&mut uses))?;
            at = mailbox;
        }
        uses.add_stored(row.get_ref(1)?);
    }
    keep(at, uses)
}

/// Finds the mailboxes whose keywords are counted wrong; for `verify`.
pub(super) fn wrong_uses(store: &Store, tell: Tell<'_>) -> Result<(), Error> {
    let mut compare = |(mailbox, org), (own, kept): (KeywordUses, BTreeMap<String, i64>)| {
        if own.counts() != kept {
            let what = "mailbox counts other keywords than its entries have";
            tell("mailbox", mailbox, Some(org), what.to_owned());
        }
    };
    let mut at = (0, 0);
    let mut seen = (KeywordUses::default(), BTreeMap::new());
    // Both halves come in the order of an index, so they are merged and not sorted.
    let _ = store.each(
        "SELECT e.mailbox, m.org, e.keywords, NULL, NULL
             FROM entry e CROSS JOIN mailbox m ON m.id = e.mailbox WHERE e.keywords IS NOT NULL
         UNION ALL
         SELECT k.mailbox, m.org, NULL, k.word, k.uses
             FROM keyword k CROSS JOIN mailbox m ON m.id = k.mailbox
         ORDER BY 1",
        [],
        |r| {
            let mailbox: (i64, i64) = (r.get(0)?, r.get(1)?);
            if mailbox != at {
                compare(at, core::mem::take(&mut seen));
                at = mailbox;
            }
            match r.get_ref(2)? {
                ValueRef::Null => {
                    seen.1.insert(r.get(3)?, r.get(4)?);
                }
                words => seen.0.add_stored(words),
            }
            Ok(ControlFlow::Continue(()))
        },
    )?;
    compare(at, seen);
    Ok(())
}
