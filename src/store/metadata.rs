//! The client's own JSON of a message that it sends. It stands once, beside the sender's copy: the
//! queue, events and answers look it up by the id of that entry.
//!
//! An answer has a row that names the entry which it is to. The rule: **a row goes with its
//! entry**, wherever entries are deleted; a move keeps both.

use rusqlite::{Row, params};

use super::quota::METADATA_BYTES;
use super::{Error, Store, int};
use crate::call::{EntryId, InboxId, OrgId};

/// The JSON of a message that an inbox has sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SentMetadata {
    /// The copy of the sender.
    pub entry: EntryId,
    /// The object, as JSON.
    pub json: String,
}

impl Store {
    /// Stores the JSON of a message. An edited message keeps what it has.
    pub fn insert_metadata(
        &self,
        (org, inbox): (OrgId, InboxId),
        sent: &SentMetadata,
        message_id: &str,
    ) -> Result<(), Error> {
        let hash = self.reference_hash(message_id)?;
        let row = params![sent.entry.0, org.0, inbox.0, hash, sent.json, None::<i64>];
        self.insert_row(org, row, sent.json.len())
    }

    /// Stores which message an answer is to.
    pub fn insert_answer(
        &self,
        (org, inbox): (OrgId, InboxId),
        entry: EntryId,
        answers: EntryId,
    ) -> Result<(), Error> {
        let none = None::<i64>;
        let row = params![entry.0, org.0, inbox.0, none, None::<String>, answers.0];
        self.insert_row(org, row, 0)
    }

    /// Stores another JSON of a message, or none.
    pub fn replace_metadata(
        &self,
        (org, inbox): (OrgId, InboxId),
        entry: EntryId,
        json: Option<&str>,
        message_id: &str,
    ) -> Result<(), Error> {
        self.forget_metadata(org, [entry].into_iter())?;
        match json {
            None => Ok(()),
            Some(json) => {
                let sent = SentMetadata {
                    entry,
                    json: json.to_owned(),
                };
                self.insert_metadata((org, inbox), &sent, message_id)
            }
        }
    }

    fn insert_row(
        &self,
        org: OrgId,
        row: impl rusqlite::Params,
        octets: usize,
    ) -> Result<(), Error> {
        self.direct().run(
            "INSERT INTO metadata (entry, org, inbox, message, json, answers)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            row,
        )?;
        self.count_org_cost(org, METADATA_BYTES.saturating_add(int(octets as u64)))
    }

    /// The JSON of a message that was sent.
    pub fn metadata_of(&self, entry: EntryId) -> Result<Option<String>, Error> {
        let found = self.direct().one(
            "SELECT json FROM metadata WHERE entry = ?1",
            [entry.0],
            |r| r.get(0),
        )?;
        Ok(found.flatten())
    }

    /// The message of an inbox that one with these references answers: of the last of them that has
    /// JSON. The references are bounded by their caller.
    pub fn find_answered(
        &self,
        inbox: InboxId,
        references: &[String],
    ) -> Result<Option<SentMetadata>, Error> {
        if references.is_empty() || !self.has_metadata(inbox)? {
            return Ok(None);
        }
        for reference in references.iter().rev() {
            let found = self.direct().one(
                "SELECT entry, json FROM metadata
                 WHERE inbox = ?1 AND message = ?2 ORDER BY entry DESC LIMIT 1",
                [inbox.0, self.reference_hash(reference)?],
                read_sent,
            )?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Whether an inbox has sent anything with JSON: most have not.
    fn has_metadata(&self, inbox: InboxId) -> Result<bool, Error> {
        let found = self.direct().one(
            "SELECT 1 FROM metadata INDEXED BY metadata_message
             WHERE inbox = ?1 AND message IS NOT NULL LIMIT 1",
            [inbox.0],
            |_| Ok(()),
        )?;
        Ok(found.is_some())
    }

    /// Whether there are rows at all, so that a deletion looks for none in the usual case.
    fn is_any_metadata(&self) -> Result<bool, Error> {
        let found = (self.direct()).one("SELECT 1 FROM metadata LIMIT 1", [], |_| Ok(()))?;
        Ok(found.is_some())
    }

    /// Deletes what stands beside entries that are deleted.
    pub(super) fn forget_beside(
        &self,
        org: OrgId,
        entries: impl Iterator<Item = EntryId> + Clone,
    ) -> Result<(), Error> {
        self.forget_expiring(org, entries.clone())?;
        self.forget_metadata(org, entries)
    }

    /// Deletes the JSON of entries, and which messages they answer.
    fn forget_metadata(
        &self,
        org: OrgId,
        entries: impl Iterator<Item = EntryId>,
    ) -> Result<(), Error> {
        if !self.is_any_metadata()? {
            return Ok(());
        }
        for entry in entries {
            let octets = self.direct().one(
                "DELETE FROM metadata WHERE entry = ?1
                 RETURNING coalesce(length(CAST(json AS BLOB)), 0)",
                [entry.0],
                |r| r.get::<_, i64>(0),
            )?;
            if let Some(octets) = octets {
                self.count_org_cost(org, -METADATA_BYTES.saturating_add(octets))?;
            }
        }
        Ok(())
    }
}

fn read_sent(r: &Row<'_>) -> rusqlite::Result<SentMetadata> {
    Ok(SentMetadata {
        entry: EntryId(r.get(0)?),
        json: r.get(1)?,
    })
}
