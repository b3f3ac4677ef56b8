//! What the owners of mail say of it, as rows, and the models that organizations have learned.
//!
//! A lesson is of a body and not of an entry: a message that is copied, or that several inboxes of
//! an organization have, teaches once. The row says what was said last and what the model has
//! learned of it. Where the two differ, the lesson is due. The row goes with the body.
//!
//! It learns nothing: the octets of a model are those of `judge::model`.

use rusqlite::params;

use super::arrival::{ARRIVAL_MASK, SENT};
use super::{Error, MailboxRecord, Store, int, uint32};
use crate::call::{BodyId, OrgId, UidSet};

/// A lesson that is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DueLesson {
    /// The message.
    pub body: BodyId,
    /// Its octets.
    pub size: u32,
    /// What its owner says: spam, or wanted.
    pub is_spam: bool,
    /// What was learned of it before.
    pub taught: Option<bool>,
}

/// The model of an organization as it is stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredModel {
    /// Differs with each change.
    pub version: i64,
    /// Its octets.
    pub octets: Vec<u8>,
}

/// A lesson that a model goes over again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredLesson {
    /// What its owner said.
    pub is_spam: bool,
    /// Where it stands among those of its class.
    pub place: u32,
    /// Its octets.
    pub octets: Vec<u8>,
}

impl Store {
    /// Notes what the owner of a mailbox says of the messages in `uids`. Those that a client here
    /// has sent are left out.
    pub fn note_lessons(
        &self,
        mailbox: &MailboxRecord,
        uids: &UidSet,
        (is_spam, at): (bool, i64),
    ) -> Result<(), Error> {
        for (low, high) in uids.ranges() {
            self.direct().run(
                "INSERT INTO lesson (body, org, is_spam, at)
                 SELECT body, org, ?4, ?5 FROM entry
                 WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3 AND org = ?6
                     AND arrival & ?7 <> ?8
                 ON CONFLICT (body) DO UPDATE SET is_spam = excluded.is_spam, at = excluded.at
                 WHERE is_spam <> excluded.is_spam",
                params![
                    mailbox.id.0,
                    low,
                    high,
                    is_spam,
                    at,
                    mailbox.org.0,
                    ARRIVAL_MASK,
                    SENT
                ],
            )?;
        }
        self.leftovers.set(true);
        Ok(())
    }

    /// Takes back what a copy of `uids` into this mailbox has said, where it is not learned yet:
    /// what was learned of these messages before holds on.
    pub fn take_lessons_back(
        &self,
        mailbox: &MailboxRecord,
        uids: &UidSet,
        is_spam: bool,
    ) -> Result<(), Error> {
        for (low, high) in uids.ranges() {
            let values = params![mailbox.id.0, low, high, is_spam];
            self.direct().run(
                "DELETE FROM lesson WHERE taught IS NULL AND is_spam = ?4 AND body IN
                     (SELECT body FROM entry WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3)",
                values,
            )?;
            self.direct().run(
                "UPDATE lesson SET is_spam = taught WHERE is_spam = ?4 AND body IN
                     (SELECT body FROM entry WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3)",
                values,
            )?;
        }
        Ok(())
    }

    /// The oldest lessons of one organization that are due, at most `rows`; `None` when there are
    /// none. Organizations take turns.
    pub fn due_lessons(&self, rows: usize) -> Result<Option<(OrgId, Vec<DueLesson>)>, Error> {
        let next = |above: i64| {
            self.direct().one(
                "SELECT org FROM lesson WHERE taught IS NOT is_spam AND org > ?1
                 ORDER BY org LIMIT 1",
                [above],
                |r| r.get::<_, i64>(0),
            )
        };
        let org = match next(self.lessons_from.get())? {
            None => next(0)?,
            found => found,
        };
        let Some(org) = org else {
            return Ok(None);
        };
        self.lessons_from.set(org);
        let lessons = self.direct().all(
            "SELECT l.body, l.is_spam, l.taught, coalesce(b.size, 0)
             FROM lesson l INDEXED BY lesson_due
                 LEFT JOIN body b ON b.id = l.body AND b.org = l.org
             WHERE l.taught IS NOT l.is_spam AND l.org = ?1 ORDER BY l.at, l.body LIMIT ?2",
            [org, int(rows as u64)],
            |r| {
                Ok(DueLesson {
                    body: BodyId(r.get(0)?),
                    is_spam: r.get(1)?,
                    taught: r.get(2)?,
                    size: uint32(r.get(3)?),
                })
            },
        )?;
        Ok(Some((OrgId(org), lessons)))
    }

    /// A lesson was learned.
    pub fn set_taught(&self, lesson: &DueLesson) -> Result<(), Error> {
        self.direct()
            .run(
                "UPDATE lesson SET taught = ?2 WHERE body = ?1",
                params![lesson.body.0, lesson.is_spam],
            )
            .map(drop)
    }

    /// A lesson is passed over: what was learned of its message before holds on.
    pub fn pass_over(&self, lesson: &DueLesson) -> Result<(), Error> {
        let changed = match lesson.taught {
            None => (self.direct()).run("DELETE FROM lesson WHERE body = ?1", [lesson.body.0]),
            Some(taught) => self.direct().run(
                "UPDATE lesson SET is_spam = ?2 WHERE body = ?1",
                params![lesson.body.0, taught],
            ),
        };
        changed.map(drop)
    }

    /// Whether any organization has learned something.
    pub fn has_any_learned(&self) -> Result<bool, Error> {
        let sql = "SELECT EXISTS (SELECT 1 FROM learned)";
        let found = self.direct().one(sql, [], |r| r.get(0))?;
        Ok(found.unwrap_or(false))
    }

    /// What an organization has learned; `None` when it has learned nothing.
    pub fn learned(&self, org: OrgId) -> Result<Option<StoredModel>, Error> {
        self.direct().one(
            "SELECT version, model FROM learned WHERE org = ?1",
            [org.0],
            |r| {
                Ok(StoredModel {
                    version: r.get(0)?,
                    octets: r.get(1)?,
                })
            },
        )
    }

    /// Stores what an organization has learned.
    pub fn set_learned(&self, org: OrgId, model: &StoredModel) -> Result<(), Error> {
        self.direct()
            .run(
                "INSERT INTO learned (org, version, model) VALUES (?1, ?2, ?3)
                 ON CONFLICT (org) DO UPDATE SET version = excluded.version,
                     model = excluded.model",
                params![org.0, model.version, model.octets],
            )
            .map(drop)
    }

    /// The lessons that the model of an organization goes over again, in order.
    pub fn earlier_lessons(&self, org: OrgId) -> Result<Vec<StoredLesson>, Error> {
        self.direct().all(
            "SELECT is_spam, place, octets FROM earlier_lesson WHERE org = ?1
             ORDER BY is_spam, place",
            [org.0],
            |r| {
                Ok(StoredLesson {
                    is_spam: r.get(0)?,
                    place: uint32(r.get(1)?),
                    octets: r.get(2)?,
                })
            },
        )
    }

    /// Writes a lesson in its place.
    pub fn set_earlier_lesson(&self, org: OrgId, lesson: &StoredLesson) -> Result<(), Error> {
        self.direct()
            .run(
                "INSERT INTO earlier_lesson (org, is_spam, place, octets) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (org, is_spam, place) DO UPDATE SET octets = excluded.octets",
                params![org.0, lesson.is_spam, lesson.place, lesson.octets],
            )
            .map(drop)
    }

    /// Empties the place of a lesson.
    pub fn clear_earlier_lesson(
        &self,
        org: OrgId,
        (is_spam, place): (bool, u32),
    ) -> Result<(), Error> {
        self.direct()
            .run(
                "DELETE FROM earlier_lesson WHERE org = ?1 AND is_spam = ?2 AND place = ?3",
                params![org.0, is_spam, place],
            )
            .map(drop)
    }

    /// Forgets some of the lessons of an organization that are due and were said by a time; how
    /// many.
    pub fn forget_due_lessons(
        &self,
        (org, said_by): (OrgId, i64),
        rows: usize,
    ) -> Result<usize, Error> {
        self.direct().run(
            "DELETE FROM lesson WHERE body IN
                 (SELECT body FROM lesson INDEXED BY lesson_due
                  WHERE taught IS NOT is_spam AND org = ?1 AND at <= ?2 ORDER BY at, body LIMIT ?3)",
            params![org.0, said_by, int(rows as u64)],
        )
    }

    /// Forgets the lessons of an organization among the next `rows` behind `after` that were said
    /// by a time. Gives the last body that was looked at, and how many were.
    pub fn forget_lessons(
        &self,
        (org, said_by): (OrgId, i64),
        after: i64,
        rows: usize,
    ) -> Result<(i64, usize), Error> {
        let found = self.direct().all(
            "SELECT body, org = ?2 AND at <= ?3 FROM lesson WHERE body > ?1 ORDER BY body LIMIT ?4",
            params![after, org.0, said_by, int(rows as u64)],
            |r| Ok((r.get::<_, i64>(0)?, r.get::<_, bool>(1)?)),
        )?;
        for (body, _) in found.iter().filter(|(_, is_meant)| *is_meant) {
            self.forget_lesson(BodyId(*body))?;
        }
        let last = found.last().map_or(after, |(body, _)| *body);
        Ok((last, found.len()))
    }

    /// Forgets the model of an organization, and the lessons that it goes over again.
    pub fn forget_learned(&self, org: OrgId) -> Result<(), Error> {
        (self.direct()).run("DELETE FROM earlier_lesson WHERE org = ?1", [org.0])?;
        self.direct()
            .run("DELETE FROM learned WHERE org = ?1", [org.0])
            .map(drop)
    }

    /// A body goes, and what was said of it.
    pub(super) fn forget_lesson(&self, body: BodyId) -> Result<(), Error> {
        self.direct()
            .run("DELETE FROM lesson WHERE body = ?1", [body.0])
            .map(drop)
    }

    /// Forgets some of the due lessons of a deleted organization, and its model; how many rows.
    pub(super) fn reclaim_lessons(&self, org: OrgId, rows: i64) -> Result<usize, Error> {
        let lessons = self.direct().run(
            "DELETE FROM lesson WHERE body IN
                 (SELECT body FROM lesson INDEXED BY lesson_due
                  WHERE taught IS NOT is_spam AND org = ?1 LIMIT ?2)",
            [org.0, rows],
        )?;
        let earlier = self.direct().run(
            "DELETE FROM earlier_lesson WHERE org = ?1 AND (is_spam, place) IN
                 (SELECT is_spam, place FROM earlier_lesson WHERE org = ?1 LIMIT ?2)",
            [org.0, rows],
        )?;
        let models = (self.direct()).run("DELETE FROM learned WHERE org = ?1", [org.0])?;
        Ok(lessons + earlier + models)
    }
}
