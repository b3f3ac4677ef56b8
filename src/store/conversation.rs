//! Conversations (`thread_id` at the API). A message joins the conversation of the newest message
//! among its references that the inbox knows; without one it may join by its subject, or it begins
//! a conversation. The choice is made once, at delivery; conversations are never merged.
//!
//! A Message-ID is known as long as a message is stored that has it or refers to it. The table
//! `reference` counts those messages in `holders`, and `body.links` says which Message-IDs a
//! message holds. When the last of them goes and its conversation has another message, that one
//! holds the Message-ID from then on. So the rows end with the octets of the conversation.
//!
//! What an inbox has written about to whom is kept in the same way, in the same table: as a key of
//! subject and address, which no Message-ID equals. It means the newest conversation of its kind.
//!
//! It is not a parser: the service gives Message-ID and references.

use core::ops::ControlFlow;
use std::collections::HashMap;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, params};

use super::body::NewBody;
use super::format::Links;
use super::ids::id_at;
use super::quota::REFERENCE_BYTES;
use super::row_sum::row_sum;
use super::{Error, Store, Tell, format};
use crate::call::{BodyId, InboxId, Now, ThreadId};

/// What says the conversation of a message besides Message-IDs.
#[derive(Clone, Copy, Debug, Default)]
pub struct ConversationHints<'a> {
    /// The conversation of the message that it answers; it joins that one.
    pub joins: Option<ThreadId>,
    /// The key of subject and author by which it may join, if its references name no message.
    pub sought: Option<&'a str>,
    /// Keys of subject and recipient by which answers to it are found.
    pub noted: &'a [String],
}

impl Store {
    /// The conversation of a message of which `entries` come into `inbox`. It is remembered under
    /// the Message-ID (empty: there is none) and under each of `references`, which come oldest
    /// first. The body of the message must name the inbox so many times in [`super::NewBody`].
    pub fn conversation_of(
        &self,
        now: Now,
        (inbox, entries): (InboxId, u32),
        (message_id, references): (&str, &[String]),
        hints: &ConversationHints<'_>,
    ) -> Result<ThreadId, Error> {
        let direct = self.direct();
        let known = |hash: i64| {
            direct.one(
                "SELECT thread FROM reference WHERE inbox = ?1 AND hash = ?2",
                [inbox.0, hash],
                |r| r.get::<_, i64>(0),
            )
        };
        let mut thread = hints.joins.map(|thread| thread.0);
        for reference in references.iter().rev() {
            if thread.is_some() {
                break;
            }
            thread = known(self.reference_hash(reference)?)?;
        }
        if let (None, Some(key)) = (thread, hints.sought) {
            thread = known(self.reference_hash(key)?)?;
            if let Some(found) = thread {
                let oldest = id_at(now.unix_ms.saturating_sub(SUBJECT_MS));
                let newest = self.newest_in(inbox, found)?;
                thread = newest.filter(|id| *id >= oldest).map(|_| found);
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
        for hash in self.noted_hashes(hints.noted)? {
            new += self.note_subject((inbox, entries), hash, thread)?;
        }
        if new > 0 {
            self.count_cost(inbox, new * REFERENCE_BYTES)?;
        }
        Ok(ThreadId(thread))
    }

    /// Notes that a key of subject and recipient means this conversation: the newest is meant. How
    /// many rows are new.
    fn note_subject(
        &self,
        (inbox, entries): (InboxId, u32),
        hash: i64,
        thread: i64,
    ) -> Result<i64, Error> {
        let direct = self.direct();
        let sum = row_sum(&[inbox.0, hash, thread].map(ValueRef::Integer));
        let row = [inbox.0, hash, thread, entries.into(), sum];
        let made = direct.run(
            "INSERT INTO reference (inbox, hash, thread, holders, sum)
             VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (inbox, hash) DO NOTHING",
            row,
        )?;
        if made > 0 {
            return Ok(1);
        }
        direct.run(
            "UPDATE reference SET holders = holders + ?4, thread = ?3, sum = ?5
             WHERE inbox = ?1 AND hash = ?2",
            row,
        )?;
        Ok(0)
    }

    /// The hashes of keys of subjects, each once.
    fn noted_hashes(&self, noted: &[String]) -> Result<Vec<i64>, Error> {
        self.hashes_of(noted.iter().map(String::as_str))
    }

    /// The hashes of the Message-IDs that a message holds, each once, its own first.
    fn held_hashes(&self, message_id: &str, references: &[String]) -> Result<Vec<i64>, Error> {
        let own = (!message_id.is_empty()).then_some(message_id);
        self.hashes_of(own.into_iter().chain(references.iter().map(String::as_str)))
    }

    fn hashes_of<'a>(&self, ids: impl Iterator<Item = &'a str>) -> Result<Vec<i64>, Error> {
        let mut hashes = Vec::with_capacity(ids.size_hint().0);
        for id in ids {
            let hash = self.reference_hash(id)?;
            if !hashes.contains(&hash) {
                hashes.push(hash);
            }
        }
        Ok(hashes)
    }

    /// What the body of a message holds in the inboxes that it is delivered to, as stored.
    pub(super) fn links_of(&self, body: &NewBody<'_>) -> Result<Option<Vec<u8>>, Error> {
        let inboxes = || body.inboxes.iter().map(|inbox| inbox.0);
        let mut links = vec![Links {
            inboxes: inboxes().collect(),
            hashes: self.held_hashes(body.message_id, body.references)?,
        }];
        if let Some((sender, noted)) = body.noted {
            links.push(Links {
                inboxes: inboxes().filter(|inbox| *inbox == sender.0).collect(),
                hashes: self.noted_hashes(noted)?,
            });
        }
        links.retain(|part| !part.inboxes.is_empty() && !part.hashes.is_empty());
        match links.is_empty() {
            true => Ok(None),
            false => format::encode_links(&links),
        }
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
                Some(inbox) => done += self.release_hashes((InboxId(inbox), body), &last.hashes)?,
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
    fn release_hashes(
        &self,
        (inbox, body): (InboxId, BodyId),
        hashes: &[i64],
    ) -> Result<i64, Error> {
        let mut gone = 0;
        let is_there = self.held_place(inbox)?.is_some();
        // Nearly always they all mean one conversation.
        let mut heir: Option<Heir> = None;
        for hash in hashes {
            if is_there && let Some(thread) = self.held_alone(inbox, *hash)? {
                if heir.as_ref().is_none_or(|heir| heir.thread != thread) {
                    self.write_heir(heir.take())?;
                    heir = Some(self.heir_of((inbox, body), thread)?);
                }
                if heir.as_mut().is_some_and(|heir| heir.take(inbox, *hash)) {
                    continue;
                }
            }
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
        self.write_heir(heir)?;
        // Rows of a deleted inbox count nowhere any more.
        if gone > 0 && is_there {
            self.count_cost(inbox, -gone * REFERENCE_BYTES)?;
        }
        Ok(hashes.len() as i64)
    }

    /// The conversation that a hash means, when one message alone holds it.
    fn held_alone(&self, inbox: InboxId, hash: i64) -> Result<Option<i64>, Error> {
        self.direct().one(
            "SELECT thread FROM reference WHERE inbox = ?1 AND hash = ?2 AND holders = 1",
            [inbox.0, hash],
            |r| r.get(0),
        )
    }

    /// The newest message of a conversation that stays when `body` goes.
    fn heir_of(&self, (inbox, body): (InboxId, BodyId), thread: i64) -> Result<Heir, Error> {
        let found = self.direct().one(
            "SELECT b.id, b.links FROM entry e INDEXED BY entry_thread
                 CROSS JOIN body b ON b.id = e.body
             WHERE e.inbox = ?1 AND e.thread = ?2 AND b.id <> ?3 AND b.refs > 0
             ORDER BY e.id DESC LIMIT 1",
            [inbox.0, thread, body.0],
            |r| {
                Ok((
                    BodyId(r.get(0)?),
                    r.get::<_, Option<Vec<u8>>>(1)?.unwrap_or_default(),
                ))
            },
        )?;
        // `verify` names links that cannot be read; they stay as they are.
        let found = found.and_then(|(body, stored)| match stored.is_empty() {
            true => Some((body, Vec::new())),
            false => Some((body, format::decode_links(&stored).ok()?)),
        });
        Ok(Heir {
            thread,
            body: found.as_ref().map(|(body, _)| *body),
            links: found.map(|(_, links)| links).unwrap_or_default(),
            is_changed: false,
        })
    }

    fn write_heir(&self, heir: Option<Heir>) -> Result<(), Error> {
        let Some((heir, body)) = heir.and_then(|heir| heir.body.map(|body| (heir, body))) else {
            return Ok(());
        };
        if heir.is_changed {
            self.direct().run(
                "UPDATE body SET links = ?2 WHERE id = ?1",
                params![body.0, format::encode_links(&heir.links)?],
            )?;
        }
        Ok(())
    }
}

/// The message of a conversation that holds the Message-IDs of one that goes, so that answers still
/// join.
struct Heir {
    thread: i64,
    /// `None`: the conversation has no other message.
    body: Option<BodyId>,
    links: Vec<Links>,
    is_changed: bool,
}

impl Heir {
    /// Takes a hash over; whether it does.
    fn take(&mut self, inbox: InboxId, hash: i64) -> bool {
        let held: usize = self.links.iter().map(|part| part.hashes.len()).sum();
        if self.body.is_none() || held >= HANDED_ON_MAX {
            return false;
        }
        match self.links.last_mut() {
            Some(last) if last.inboxes == [inbox.0] => last.hashes.push(hash),
            _ => self.links.push(Links {
                inboxes: vec![inbox.0],
                hashes: vec![hash],
            }),
        }
        self.is_changed = true;
        true
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

/// For so long after its newest message a conversation is joined by subject: a week.
const SUBJECT_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// A message with so many Message-IDs takes no further ones over.
const HANDED_ON_MAX: usize = 100;

/// Hashes in one part of `body.links` that the step writes.
const PART_HASHES: usize = 100;
