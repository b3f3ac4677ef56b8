//! The list of known spam, as rows: the hashes of each source. The list is of the server, and no
//! organization owns a row of it.
//!
//! The numbers of a source change with its rows, in the same savepoint. The version of the list
//! grows with each change, so that a copy in memory knows whether it is the newest.

use core::ops::ControlFlow;

use rusqlite::params;

use super::{Error, Store, int, uint};
use crate::call::{KnownSpamEntry, KnownSpamKind, KnownSpamSource};
use crate::pace;

/// A source with its number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KnownSpamSourceRow {
    /// Its number.
    pub id: i64,
    /// The source.
    pub source: KnownSpamSource,
}

/// A row of the list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KnownSpamRow {
    /// What is known.
    pub entry: KnownSpamEntry,
    /// The number of its source.
    pub source: i64,
    /// The stamp of the last import that named it.
    pub at: i64,
}

impl Store {
    /// Whether anything is on the list.
    pub fn has_any_known_spam(&self) -> Result<bool, Error> {
        let sql = "SELECT EXISTS (SELECT 1 FROM known_spam)";
        let found = self.direct().one(sql, [], |r| r.get(0))?;
        Ok(found.unwrap_or(false))
    }

    /// The whole list with its version, at one moment. A hash that several sources have comes as
    /// often.
    pub fn known_spam(&self) -> Result<(i64, Vec<KnownSpamEntry>), Error> {
        let (mut version, mut entries) = (0, Vec::new());
        let sql = "SELECT m.value, k.kind, k.hash
                   FROM (SELECT 0) LEFT JOIN meta m ON m.name = 'known_spam'
                       LEFT JOIN known_spam k";
        let _all = self.direct().each(sql, [], |r| {
            pace::spend(ROW_WORK);
            version = r.get::<_, Option<i64>>(0)?.unwrap_or(0);
            if let Some(kind) = r.get::<_, Option<i64>>(1)? {
                entries.push(entry(kind, r.get(2)?)?);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok((version, entries))
    }

    /// The version of the list after one more change.
    pub fn next_known_spam_version(&self) -> Result<i64, Error> {
        let version = self.direct().one(
            "INSERT INTO meta (name, value) VALUES ('known_spam', 1)
             ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value",
            [],
            |r| r.get(0),
        )?;
        version.ok_or(Error::Corrupt("version of known spam"))
    }

    /// The sources, by their names. Their number is bounded when they are made.
    pub fn known_spam_sources(&self) -> Result<Vec<KnownSpamSourceRow>, Error> {
        self.direct().all(
            "SELECT id, name, bodies, links, attachments, at FROM known_spam_source ORDER BY name",
            [],
            |r| {
                Ok(KnownSpamSourceRow {
                    id: r.get(0)?,
                    source: KnownSpamSource {
                        name: r.get(1)?,
                        entries: [uint(r.get(2)?), uint(r.get(3)?), uint(r.get(4)?)],
                        imported_at: r.get(5)?,
                    },
                })
            },
        )
    }

    /// Makes a source without entries; its number.
    pub fn insert_known_spam_source(&self, name: &str) -> Result<i64, Error> {
        let id = self.direct().one(
            "INSERT INTO known_spam_source (name, bodies, links, attachments, at)
             VALUES (?1, 0, 0, 0, 0) RETURNING id",
            [name],
            |r| r.get(0),
        )?;
        id.ok_or(Error::Corrupt("source of known spam"))
    }

    /// Gives a source its stamp, and adds to its numbers.
    pub fn change_known_spam_source(
        &self,
        id: i64,
        (more, at): ([i64; 3], i64),
    ) -> Result<(), Error> {
        let [bodies, links, files] = more;
        self.direct()
            .run(
                "UPDATE known_spam_source SET bodies = bodies + ?2, links = links + ?3,
                     attachments = attachments + ?4, at = max(at, ?5)
                 WHERE id = ?1",
                [id, bodies, links, files, at],
            )
            .map(drop)
    }

    /// Deletes the sources that have no entries any more.
    pub fn delete_empty_known_spam_sources(&self) -> Result<(), Error> {
        self.direct()
            .run(
                "DELETE FROM known_spam_source WHERE bodies + links + attachments = 0",
                [],
            )
            .map(drop)
    }

    /// Stores an entry of a source, or that it was named again; whether it is new.
    pub fn put_known_spam(&self, row: &KnownSpamRow) -> Result<bool, Error> {
        let (kind, hash) = (row.entry.kind.number(), row.entry.hash.as_slice());
        let changed = self.direct().run(
            "UPDATE known_spam SET at = ?4, sum = row_sum(kind, hash, source, ?4)
             WHERE kind = ?1 AND hash = ?2 AND source = ?3",
            params![kind, hash, row.source, row.at],
        )?;
        if changed > 0 {
            return Ok(false);
        }
        self.direct().run(
            "INSERT INTO known_spam (kind, hash, source, at, sum)
             VALUES (?1, ?2, ?3, ?4, row_sum(?1, ?2, ?3, ?4))",
            params![kind, hash, row.source, row.at],
        )?;
        Ok(true)
    }

    /// The next rows behind `after`, in the order of the list.
    pub fn known_spam_page(
        &self,
        after: Option<(KnownSpamEntry, i64)>,
        rows: usize,
    ) -> Result<Vec<KnownSpamRow>, Error> {
        let (kind, hash, source) = match &after {
            Some((entry, source)) => (
                i64::from(entry.kind.number()),
                entry.hash.as_slice(),
                *source,
            ),
            None => (-1, [].as_slice(), 0),
        };
        let mut page = Vec::new();
        let _all = self.direct().each(
            "SELECT kind, hash, source, at FROM known_spam
             WHERE (kind, hash, source) > (?1, ?2, ?3)
             ORDER BY kind, hash, source LIMIT ?4",
            params![kind, hash, source, int(rows as u64)],
            |r| {
                page.push(KnownSpamRow {
                    entry: entry(r.get(0)?, r.get(1)?)?,
                    source: r.get(2)?,
                    at: r.get(3)?,
                });
                Ok(ControlFlow::Continue(()))
            },
        )?;
        Ok(page)
    }

    /// Deletes an entry of a source; whether another source has it too.
    pub fn delete_known_spam(&self, row: &KnownSpamRow) -> Result<bool, Error> {
        let (kind, hash) = (row.entry.kind.number(), row.entry.hash.as_slice());
        self.direct().run(
            "DELETE FROM known_spam WHERE kind = ?1 AND hash = ?2 AND source = ?3",
            params![kind, hash, row.source],
        )?;
        let others = self.direct().one(
            "SELECT EXISTS (SELECT 1 FROM known_spam WHERE kind = ?1 AND hash = ?2)",
            params![kind, hash],
            |r| r.get(0),
        )?;
        Ok(others.unwrap_or(false))
    }
}

fn entry(kind: i64, hash: Vec<u8>) -> Result<KnownSpamEntry, Error> {
    const ROW: Error = Error::Corrupt("known spam");
    let kind = u8::try_from(kind).ok().and_then(KnownSpamKind::of_number);
    Ok(KnownSpamEntry {
        kind: kind.ok_or(ROW)?,
        hash: hash.try_into().map_err(|_| ROW)?,
    })
}

/// Work of a row that is read, in octets.
const ROW_WORK: usize = 300;
