//! Consumer groups as rows: the cursor of each, and the events up to it that are not acknowledged.
//! Who holds which of them is not stored (`service/event_groups/`).

use core::ops::ControlFlow;

use rusqlite::params;

use super::event::{LastPath, read_event};
use super::{Error, Store, int, uint};
use crate::call::{Event, EventGroupId, EventKind, InboxId, OrgId, Topic};

/// A group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EventGroupRow {
    /// Its number.
    pub id: EventGroupId,
    /// Its name.
    pub name: String,
    /// The hash of what its readers agree on, and behind it the inbox that they read.
    pub terms: Vec<u8>,
    /// The hash of the inboxes that they are bound to.
    pub bound: Option<Vec<u8>>,
    /// Every event up to this number was leased once or is not for the group.
    pub seq: u64,
}

/// An event that is not acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PendingEvent {
    /// Its number.
    pub seq: u64,
    /// Its inbox, if it is of one.
    pub inbox: Option<InboxId>,
    /// Its public type.
    pub kind: EventKind,
    /// How often it was leased.
    pub deliveries: u32,
}

impl Store {
    /// The groups of an organization, by their names. Their number is bounded when they are made.
    pub fn event_groups(&self, org: OrgId) -> Result<Vec<EventGroupRow>, Error> {
        let sql =
            "SELECT id, name, terms, bound, seq FROM event_group WHERE org = ?1 ORDER BY name";
        self.direct().all(sql, [org.0], read_group)
    }

    /// The group of a name.
    pub fn event_group(&self, org: OrgId, name: &str) -> Result<Option<EventGroupRow>, Error> {
        let sql = "SELECT id, name, terms, bound, seq FROM event_group
                   WHERE org = ?1 AND name = ?2";
        self.direct().one(sql, params![org.0, name], read_group)
    }

    /// The group of a number.
    pub fn event_group_of(
        &self,
        org: OrgId,
        id: EventGroupId,
    ) -> Result<Option<EventGroupRow>, Error> {
        let sql = "SELECT id, name, terms, bound, seq FROM event_group
                   WHERE org = ?1 AND id = ?2";
        self.direct().one(sql, [org.0, id.0], read_group)
    }

    /// How many groups an organization has.
    pub fn count_event_groups(&self, org: OrgId) -> Result<u64, Error> {
        let sql = "SELECT count(*) FROM event_group WHERE org = ?1";
        let found = self.direct().one(sql, [org.0], |r| r.get(0))?;
        Ok(uint(found.unwrap_or(0)))
    }

    /// Makes a group. Its number is of [`Store::new_id`], which gives none again: a reader of a
    /// group that was deleted finds none.
    pub fn insert_event_group(
        &self,
        org: OrgId,
        (name, terms, bound): (&str, &[u8], Option<&[u8]>),
        (id, seq): (EventGroupId, u64),
    ) -> Result<(), Error> {
        self.direct()
            .run(
                "INSERT INTO event_group (id, org, name, terms, bound, seq)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![id.0, org.0, name, terms, bound, int(seq)],
            )
            .map(drop)
    }

    /// Moves the cursor of a group.
    pub fn set_event_group_seq(&self, id: EventGroupId, seq: u64) -> Result<(), Error> {
        let sql = "UPDATE event_group SET seq = ?2 WHERE id = ?1";
        self.direct().run(sql, [id.0, int(seq)]).map(drop)
    }

    /// Deletes a group with all that waits in it.
    pub fn delete_event_group(&self, id: EventGroupId) -> Result<(), Error> {
        self.direct()
            .run("DELETE FROM event_pending WHERE grp = ?1", [id.0])?;
        self.direct()
            .run("DELETE FROM event_group WHERE id = ?1", [id.0])
            .map(drop)
    }

    /// What is not acknowledged of a group, in the order of the log. Its number is bounded when it
    /// is written.
    pub fn pending_events(&self, id: EventGroupId) -> Result<Vec<PendingEvent>, Error> {
        let mut pending = Vec::new();
        let _all = self.direct().each(
            "SELECT seq, inbox, kind, deliveries FROM event_pending WHERE grp = ?1 ORDER BY seq",
            [id.0],
            |r| {
                let (kind, deliveries): (String, i64) = (r.get(2)?, r.get(3)?);
                pending.push(PendingEvent {
                    seq: uint(r.get(0)?),
                    inbox: r.get::<_, Option<i64>>(1)?.map(InboxId),
                    kind: EventKind::named(&kind).ok_or(Error::Corrupt("pending event"))?,
                    deliveries: u32::try_from(deliveries).unwrap_or(u32::MAX),
                });
                Ok(ControlFlow::Continue(()))
            },
        )?;
        Ok(pending)
    }

    /// Whether an event of a group is not acknowledged.
    pub fn is_event_pending(&self, id: EventGroupId, seq: u64) -> Result<bool, Error> {
        let sql = "SELECT 1 FROM event_pending WHERE grp = ?1 AND seq = ?2";
        let found = self.direct().one(sql, [id.0, int(seq)], |_| Ok(()))?;
        Ok(found.is_some())
    }

    /// Stores an event that is not acknowledged, or how often it was leased.
    pub fn put_pending_event(&self, id: EventGroupId, pending: &PendingEvent) -> Result<(), Error> {
        self.direct()
            .run(
                "INSERT INTO event_pending (grp, seq, inbox, kind, deliveries)
                 VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (grp, seq) DO UPDATE SET deliveries = excluded.deliveries",
                params![
                    id.0,
                    int(pending.seq),
                    pending.inbox.map(|inbox| inbox.0),
                    pending.kind.name(),
                    i64::from(pending.deliveries)
                ],
            )
            .map(drop)
    }

    /// Deletes what is not acknowledged from one number to another, bounds included.
    pub fn delete_pending_events(
        &self,
        id: EventGroupId,
        (first, last): (u64, u64),
    ) -> Result<(), Error> {
        let sql = "DELETE FROM event_pending WHERE grp = ?1 AND seq BETWEEN ?2 AND ?3";
        let bounds = [id.0, int(first), int(last)];
        self.direct().run(sql, bounds).map(drop)
    }

    /// The event of a number, if it is kept.
    pub fn event_at(&self, org: OrgId, seq: u64) -> Result<Option<Event>, Error> {
        let sql = "SELECT seq, at, inbox, mailbox, path, uids, detail FROM event
                   WHERE org = ?1 AND seq = ?2";
        let mut found = None;
        let _only = self.direct().each(sql, [org.0, int(seq)], |row| {
            let mut paths = LastPath::default();
            found = read_event(row, (org, Topic::Org(org)), &mut paths, &mut 0)?;
            Ok(ControlFlow::Break(()))
        })?;
        Ok(found)
    }

    /// Removes some of the groups of an organization that has ended; how many rows.
    pub(super) fn reclaim_event_groups(&self, org: OrgId, rows: i64) -> Result<usize, Error> {
        let pending = self.direct().run(
            "DELETE FROM event_pending WHERE (grp, seq) IN
                 (SELECT p.grp, p.seq FROM event_group g JOIN event_pending p ON p.grp = g.id
                  WHERE g.org = ?1 LIMIT ?2)",
            [org.0, rows],
        )?;
        match pending {
            0 => self.direct().run(
                "DELETE FROM event_group WHERE id IN
                     (SELECT id FROM event_group WHERE org = ?1 LIMIT ?2)",
                [org.0, rows],
            ),
            pending => Ok(pending),
        }
    }
}

fn read_group(r: &rusqlite::Row<'_>) -> rusqlite::Result<EventGroupRow> {
    Ok(EventGroupRow {
        id: EventGroupId(r.get(0)?),
        name: r.get(1)?,
        terms: r.get(2)?,
        bound: r.get(3)?,
        seq: uint(r.get(4)?),
    })
}
