//! Conversations (`thread_id` at the API). A message joins the conversation of the newest message
//! among its references that the inbox knows. Without one it begins a conversation. The choice is
//! made once, at delivery; conversations are never merged.
//!
//! A Message-ID is known as long as a message is stored that has it or refers to it. The table
//! `reference` counts those messages in `holders`, and `body.links` says which Message-IDs a
//! message holds. So the rows end with the octets of the mail that made them.
//!
//! It is not a parser: the service gives Message-ID and references.

use core::ops::ControlFlow;
use std::collections::HashMap;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, params};

use super::format::Links;
use super::quota::REFERENCE_BYTES;
use super::sum::row_sum;
use super::{Error, Store, Tell, format};
use crate::call::{BodyId, InboxId, Now, ThreadId};

impl Store {
    /// The conversation of a message of which `entries` come into `inbox`. It is remembered under
    /// the Message-ID (empty: there is none) and under each of `references`, which come oldest
    /// first. The body of the message must name the inbox so many times in [`super::NewBody`].
    pub fn conversation_of(
        &self,
        now: Now,
        (inbox, entries): (InboxId, u32),
        message_id: &str,
        references: &[String],
    ) -> Result<ThreadId, Error> {
        let direct = self.direct();
        let known = |hash: i64| {
            direct.one(
                "SELECT thread FROM reference WHERE inbox = ?1 AND hash = ?2",
                [inbox.0, hash],
                |r| r.get::<_, i64>(0),
            )
        };
        let mut thread = None;
        for reference in references.iter().rev() {
            thread = known(self.reference_hash(reference)?)?;
            if thread.is_some() {
                break;
            }
        }
        let mut thread = thread.unwrap_or_else(|| self.new_id(now));
        let mut new = 0;
        // Most Message-IDs are new. So this is one plain statement and not one with RETURNING, for
        // which SQLite makes a table in memory each time.
        for (n, hash) in self.held_hashes(message_id, references)?.iter().enumerate() {
            let row = [inbox.0, *hash, thread];
            let made = direct.run(
                "INSERT INTO reference (inbox, hash, thread, holders, sum)
                 VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (inbox, hash) DO NOTHING",
                [
                    inbox.0,
                    *hash,
                    thread,
                    entries.into(),
                    row_sum(&row.map(ValueRef::Integer)),
                ],
            )?;
            if made > 0 {
                new += 1;
                continue;
            }
            direct.run(
                "UPDATE reference SET holders = holders + ?3 WHERE inbox = ?1 AND hash = ?2",
                [inbox.0, *hash, entries.into()],
            )?;
            if n == 0 && !message_id.is_empty() {
                // A copy of the message or an answer to it may have come before.
                thread = known(*hash)?.ok_or(Error::Corrupt("reference"))?;
            }
        }
        if new > 0 {
            self.count_cost(inbox, new * REFERENCE_BYTES)?;
        }
        Ok(ThreadId(thread))
    }

    /// The hashes of the Message-IDs that a message holds, each once, its own first.
    fn held_hashes(&self, message_id: &str, references: &[String]) -> Result<Vec<i64>, Error> {
        let own = (!message_id.is_empty()).then_some(message_id);
        let all = own.into_iter().chain(references.iter().map(String::as_str));
        let mut hashes = Vec::with_capacity(references.len() + 1);
        for id in all {
            let hash = self.reference_hash(id)?;
            if !hashes.contains(&hash) {
                hashes.push(hash);
            }
        }
        Ok(hashes)
    }

    /// What the body of a message holds in the inboxes that it is delivered to, as stored.
    pub(super) fn links_of(
        &self,
        inboxes: &[InboxId],
        message_id: &str,
        references: &[String],
    ) -> Result<Option<Vec<u8>>, Error> {
        let hashes = self.held_hashes(message_id, references)?;
        if inboxes.is_empty() || hashes.is_empty() {
            return Ok(None);
        }
        format::encode_links(&[Links {
            inboxes: inboxes.iter().map(|inbox| inbox.0).collect(),
            hashes,
        }])
    }

    /// Ends what a body that goes holds, up to about `work` rows; the rows that were changed, and
    /// whether nothing is left.
    pub(super) fn release_links(&self, body: BodyId, work: i64) -> Result<(i64, bool), Error> {
        let stored = self
            .direct()
            .one("SELECT links FROM body WHERE id = ?1", [body.0], |r| {
                r.get::<_, Option<Vec<u8>>>(0)
            })?;
        let Some(stored) = stored.flatten() else {
            return Ok((0, true));
        };
        let mut links = match format::decode_links(&stored) {
            Ok(links) => links,
            Err(error) => {
                // The message goes all the same, and so do those after it. `verify` names what its
                // Message-IDs then count too much.
                log::error!("store body id={} links are damaged: {error}", body.0);
                return Ok((0, true));
            }
        };
        let mut done = 0;
        while done < work
            && let Some(last) = links.last_mut()
        {
            match last.inboxes.pop() {
                Some(inbox) => done += self.release_hashes(InboxId(inbox), &last.hashes)?,
                None => drop(links.pop()),
            }
        }
        links.retain(|part| !part.inboxes.is_empty());
        let is_done = links.is_empty();
        if !is_done {
            self.direct().run(
                "UPDATE body SET links = ?2 WHERE id = ?1",
                params![body.0, format::encode_links(&links)?],
            )?;
        }
        Ok((done, is_done))
    }

    /// Counts one message less that holds each of these; how many rows that were.
    fn release_hashes(&self, inbox: InboxId, hashes: &[i64]) -> Result<i64, Error> {
        let mut gone = 0;
        for hash in hashes {
            let ended = self.direct().run(
                "DELETE FROM reference WHERE inbox = ?1 AND hash = ?2 AND holders <= 1",
                [inbox.0, *hash],
            )?;
            gone += ended as i64;
            if ended == 0 {
                self.direct().run(
                    "UPDATE reference SET holders = holders - 1 WHERE inbox = ?1 AND hash = ?2",
                    [inbox.0, *hash],
                )?;
            }
        }
        // Rows of a deleted inbox count nowhere any more.
        if gone > 0 && self.held_place(inbox)?.is_some() {
            self.count_cost(inbox, -gone * REFERENCE_BYTES)?;
        }
        Ok(hashes.len() as i64)
    }
}

/// Links the Message-IDs that an older version has remembered to the newest message of their
/// conversation in their inbox, and drops those of conversations without a message. For the step
/// to version 5.
pub(super) fn link_all(sql: &Connection) -> Result<(), Error> {
    sql.execute_batch(
        "CREATE TEMP TABLE newest (
             inbox INTEGER NOT NULL, thread INTEGER NOT NULL, body INTEGER NOT NULL,
             PRIMARY KEY (inbox, thread)
         ) WITHOUT ROWID;
         INSERT INTO newest SELECT inbox, thread, max(body) FROM entry GROUP BY inbox, thread;
         DELETE FROM reference WHERE NOT EXISTS (
             SELECT 1 FROM newest n WHERE n.inbox = reference.inbox AND n.thread = reference.thread);
         UPDATE reference SET holders = 1;",
    )?;
    {
        let mut rows = sql.prepare(
            "SELECT n.body, r.inbox, r.hash FROM reference r JOIN newest n
                 ON n.inbox = r.inbox AND n.thread = r.thread
             ORDER BY n.body, r.inbox",
        )?;
        let mut write = sql.prepare("UPDATE body SET links = ?2 WHERE id = ?1")?;
        let mut body = 0;
        let mut links: Vec<Links> = Vec::new();
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            let (of, inbox, hash): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            if of != body {
                write.execute(params![body, format::encode_links(&links)?])?;
                links.clear();
                body = of;
            }
            match links.last_mut() {
                Some(last) if last.inboxes == [inbox] && last.hashes.len() < PART_HASHES => {
                    last.hashes.push(hash);
                }
                _ => links.push(Links {
                    inboxes: vec![inbox],
                    hashes: vec![hash],
                }),
            }
        }
        write.execute(params![body, format::encode_links(&links)?])?;
    }
    Ok(sql.execute_batch("DROP TABLE newest")?)
}

/// Finds the inboxes whose Message-IDs count other holders than bodies name; for `verify`. The
/// memory for it does not grow with the Message-IDs: of each inbox it keeps one sum over all, each
/// multiplied by the number of its holders. Another number anywhere gives another sum.
pub(super) fn wrong_holders(store: &Store, tell: Tell<'_>) -> Result<(), Error> {
    let mut held: HashMap<i64, i64> = HashMap::new();
    let _ = store.each(
        "SELECT id, links, org FROM body WHERE links IS NOT NULL",
        [],
        |r| {
            let stored = r.get_ref(1)?.as_blob().unwrap_or_default();
            match format::decode_links(stored) {
                Ok(links) => {
                    for part in links {
                        let hashes = part.hashes.iter().copied().map(mixed);
                        let sum = hashes.fold(0, i64::wrapping_add);
                        for inbox in &part.inboxes {
                            let held = held.entry(*inbox).or_default();
                            *held = held.wrapping_add(sum);
                        }
                    }
                }
                Err(error) => tell("body", r.get(0)?, r.get(2)?, error.to_string()),
            }
            Ok(ControlFlow::Continue(()))
        },
    )?;
    let _ = store.each(
        "SELECT inbox, hash, holders FROM reference ORDER BY inbox",
        [],
        |r| {
            let (inbox, hash, holders): (i64, i64, i64) = (r.get(0)?, r.get(1)?, r.get(2)?);
            let held = held.entry(inbox).or_default();
            *held = held.wrapping_sub(mixed(hash).wrapping_mul(holders));
            if holders < 1 {
                // No sum can tell: a row that nothing holds adds nothing.
                *held = held.wrapping_add(mixed(!hash));
            }
            Ok(ControlFlow::Continue(()))
        },
    )?;
    let _ = store.each("SELECT id, org FROM inbox", [], |r| {
        let inbox: i64 = r.get(0)?;
        if held.get(&inbox).is_some_and(|left| *left != 0) {
            let what = "its messages and the Message-IDs that it knows differ";
            tell("inbox", inbox, r.get(1)?, what.to_owned());
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(())
}

/// A hash with its bits mixed, so that sums of them differ (the finalizer of SplitMix64).
fn mixed(hash: i64) -> i64 {
    let mut z = hash.cast_unsigned().wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (z ^ (z >> 31)).cast_signed()
}

/// Hashes in one part of `body.links` that the step writes.
const PART_HASHES: usize = 100;
