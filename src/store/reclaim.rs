//! Space of deleted things. A mailbox, an inbox or an organization is out of reach as soon as it
//! is deleted, which is a few rows, however much is in it. All else of it is removed later, in
//! slices between the groups of the writer, so that a large deletion does not hold up other calls.
//! The row of an organization stays until the last slice; the table `doomed` says that it has
//! ended.
//!
//! The table `doomed` names deleted things that have rows left. The table `recount` holds changes
//! of `body.refs` that a large command has not made itself. Both are tables, so a crash loses
//! neither, and `verify` counts with them. Nothing here is an event: the deletion has been
//! announced already.

use super::quota::KEY_INBOX_BYTES;
use super::{Error, Store};
use crate::call::{BodyId, EntryId, InboxId, Now, OrgId};

/// The kind of a deleted thing that may have rows left: its number in `doomed.kind`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum DeletedKind {
    /// Its entries, its expunged UIDs and its keywords.
    Mailbox = 1,
    /// Its mailboxes, its subscriptions, its place in keys, its conversations.
    Inbox = 2,
    /// Its queue, its log, its kept answers, its keys, inboxes and domains, and its own row.
    Org = 3,
}

impl Store {
    /// Whether there may be work for [`Store::reclaim`].
    pub fn has_leftovers(&self) -> bool {
        self.leftovers.get()
    }

    /// Says that there may be work for an idle writer.
    pub fn expect_leftovers(&self) {
        self.leftovers.set(true);
    }

    /// Says that an idle writer could not do its work: nothing is tried until the next deletion or
    /// the next tidying, a minute later at most.
    pub fn put_off_leftovers(&self) {
        self.leftovers.set(false);
    }

    /// Removes one slice of what deletions have left, a few milliseconds of work, in a
    /// transaction of its own; whether there may be more. When disk space `is_short`, no body
    /// stays for its readers.
    pub fn reclaim(&self, now: Now, is_short: bool) -> Result<bool, Error> {
        let mut done = self.reclaim_durably(now, is_short);
        if matches!(done, Ok(false)) {
            done = Ok(self.fill_page_sums());
        }
        // After an error, nothing is tried until the next deletion or the next tidying: a disk
        // that is full stays full for a while. It is set here because the commit can fail too.
        self.leftovers.set(matches!(done, Ok(true)));
        done
    }

    fn reclaim_durably(&self, now: Now, is_short: bool) -> Result<bool, Error> {
        self.begin()?;
        match self.reclaim_slice(now, is_short) {
            Ok(more) => self.commit().map(|_| more),
            Err(error) => {
                self.rollback();
                Err(error)
            }
        }
    }

    fn reclaim_slice(&self, now: Now, is_short: bool) -> Result<bool, Error> {
        let mut more = true;
        let mut done = 0;
        while more && done < SLICE_ROWS {
            // Counts come first: they tell which bodies have no reference.
            let rows = match self.apply_recounts()? {
                0 => self.reclaim_deleted()?,
                rows => rows,
            };
            let rows = match rows {
                0 => self.sweep_bodies(now, is_short)?,
                rows => rows,
            };
            let rows = match rows {
                0 => self.fill_sums()?,
                rows => rows,
            };
            let rows = match rows {
                0 => self.tend_signatures(now)?,
                rows => rows,
            };
            more = rows > 0;
            done += rows;
        }
        Ok(more)
    }

    pub(super) fn mark_mailbox(&self, mailbox: i64) -> Result<(), Error> {
        self.mark(DeletedKind::Mailbox, mailbox)
    }

    pub(super) fn mark_inbox(&self, inbox: i64) -> Result<(), Error> {
        self.mark(DeletedKind::Inbox, inbox)
    }

    pub(super) fn mark_org(&self, org: i64) -> Result<(), Error> {
        self.mark(DeletedKind::Org, org)
    }

    fn mark(&self, kind: DeletedKind, id: i64) -> Result<(), Error> {
        self.leftovers.set(true);
        self.direct()
            .run(
                "INSERT INTO doomed (kind, id) VALUES (?1, ?2)",
                [kind as i64, id],
            )
            .map(drop)
    }

    /// Changes the references of each body by `delta`, later. The rows of bodies are wide, and to
    /// touch those of a large mailbox takes longer than the rest of the command.
    pub(super) fn recount_bodies(
        &self,
        bodies: impl Iterator<Item = BodyId>,
        delta: i64,
    ) -> Result<(), Error> {
        self.leftovers.set(true);
        let mut bodies: Vec<i64> = bodies.map(|body| body.0).collect();
        bodies.sort_unstable();
        for same in bodies.chunk_by(|a, b| a == b) {
            self.direct().run(
                "INSERT INTO recount (body, delta, sum) VALUES (?1, ?2, row_sum(?1, ?2))
                 ON CONFLICT (body) DO UPDATE SET delta = delta + excluded.delta,
                     sum = row_sum(body, delta + excluded.delta)",
                [
                    same.first().copied().unwrap_or_default(),
                    delta.saturating_mul(same.len() as i64),
                ],
            )?;
        }
        Ok(())
    }

    /// Whether changes of the references of a body wait. Then it must not be freed yet.
    pub(super) fn is_recounted(&self, body: BodyId) -> Result<bool, Error> {
        let found =
            self.direct().one(
                "SELECT 1 FROM recount WHERE body = ?1",
                [body.0],
                |_| Ok(()),
            )?;
        Ok(found.is_some())
    }

    /// Applies some of the waiting changes; how many.
    fn apply_recounts(&self) -> Result<i64, Error> {
        let due = self.direct().all(
            "SELECT body, delta FROM recount ORDER BY body LIMIT ?1",
            [SLICE_ROWS],
            |r| Ok([r.get::<_, i64>(0)?, r.get::<_, i64>(1)?]),
        )?;
        for [body, delta] in &due {
            self.direct().run(
                "UPDATE body SET refs = refs + ?2 WHERE id = ?1",
                [*body, *delta],
            )?;
        }
        if let Some([last, _]) = due.last() {
            self.direct()
                .run("DELETE FROM recount WHERE body <= ?1", [*last])?;
        }
        Ok(due.len() as i64)
    }

    /// Removes a part of the first thing in `doomed`; how much work that was, 0 when nothing is
    /// left.
    fn reclaim_deleted(&self) -> Result<i64, Error> {
        let next = self.direct().one(
            "SELECT kind, id FROM doomed ORDER BY kind, id LIMIT 1",
            [],
            |r| Ok((r.get::<_, i64>(0)?, r.get::<_, i64>(1)?)),
        )?;
        let Some((kind, id)) = next else {
            return Ok(0);
        };
        let rows = if kind == DeletedKind::Mailbox as i64 {
            self.reclaim_mailbox(id)?
        } else if kind == DeletedKind::Inbox as i64 {
            self.reclaim_inbox(id)?
        } else {
            self.reclaim_org(OrgId(id))?
        };
        if rows == 0 {
            self.direct()
                .run("DELETE FROM doomed WHERE kind = ?1 AND id = ?2", [kind, id])?;
        }
        Ok(rows.max(1))
    }

    /// Removes a part of what is in an inbox; how much work that was, 0 when nothing is left.
    fn reclaim_inbox(&self, inbox: i64) -> Result<i64, Error> {
        let mailboxes = self.all(
            "SELECT id FROM mailbox WHERE inbox = ?1 ORDER BY id LIMIT ?2",
            [inbox, SLICE_ROWS],
            |r| r.get::<_, i64>(0),
        )?;
        for mailbox in &mailboxes {
            self.mark_mailbox(*mailbox)?;
            self.run("DELETE FROM mailbox WHERE id = ?1", [*mailbox])?;
        }
        if !mailboxes.is_empty() {
            return Ok(mailboxes.len() as i64);
        }
        let bound = self.direct().all(
            "SELECT key.id, key.org FROM key_inbox JOIN key ON key.id = key_inbox.key
             WHERE key_inbox.inbox = ?1 LIMIT ?2",
            [inbox, SLICE_ROWS],
            |r| Ok((r.get::<_, i64>(0)?, OrgId(r.get(1)?))),
        )?;
        for (key, org) in &bound {
            self.direct().run(
                "DELETE FROM key_inbox WHERE key = ?1 AND inbox = ?2",
                [*key, inbox],
            )?;
            self.count_org_cost(*org, -KEY_INBOX_BYTES)?;
        }
        if !bound.is_empty() {
            return Ok(bound.len() as i64);
        }
        let rows = self.direct().run(
            "DELETE FROM subscription WHERE inbox = ?1 AND name IN
                 (SELECT name FROM subscription WHERE inbox = ?1 LIMIT ?2)",
            [inbox, SLICE_ROWS],
        )? + self.direct().run(
            "DELETE FROM reference WHERE inbox = ?1 AND hash IN
                 (SELECT hash FROM reference WHERE inbox = ?1 LIMIT ?2)",
            [inbox, SLICE_ROWS],
        )? + self.direct().run(
            "DELETE FROM filter_rule WHERE id IN
                 (SELECT id FROM filter_rule WHERE inbox = ?1 AND inbox <> 0 LIMIT ?2)",
            [inbox, SLICE_ROWS],
        )? + self.direct().run(
            "DELETE FROM known_sender WHERE inbox = ?1 AND address IN
                 (SELECT address FROM known_sender WHERE inbox = ?1 LIMIT ?2)",
            [inbox, SLICE_ROWS],
        )?;
        let rows = rows
            + self.reclaim_pasts(inbox, SLICE_ROWS)?
            + self
                .direct()
                .run("DELETE FROM spam_setting WHERE inbox = ?1", [inbox])?;
        let rows = rows + self.delete_upstream(inbox)? + self.reclaim_usage_of_inbox(inbox)?;
        let rows = rows + self.forget_upstream(inbox, SLICE_ROWS)?;
        let rows = rows
            + self.forget_upstream_states(inbox, SLICE_ROWS)?
            + self.forget_upstream_changes(inbox, SLICE_ROWS)?;
        let rows = rows + self.reclaim_answered(InboxId(inbox), SLICE_ROWS)?;
        let rows = rows + self.reclaim_rules_of_inbox(InboxId(inbox), SLICE_ROWS)?;
        let rows = rows as i64 + self.forget_imports(inbox, SLICE_ROWS)?;
        match rows {
            0 => self.reclaim_signatures(inbox),
            rows => Ok(rows),
        }
    }

    /// Removes a part of a mailbox; how much work that was, 0 when nothing is left.
    fn reclaim_mailbox(&self, mailbox: i64) -> Result<i64, Error> {
        let rows = self.direct().all(
            "SELECT uid, org, body, size, id FROM entry WHERE mailbox = ?1 ORDER BY uid LIMIT ?2",
            [mailbox, SLICE_ROWS],
            |r| {
                Ok((
                    r.get::<_, i64>(0)?,
                    r.get(1)?,
                    r.get(2)?,
                    r.get::<_, i64>(3)?,
                    EntryId(r.get(4)?),
                ))
            },
        )?;
        let (mut octets, mut n) = (0, 0);
        let mut last = None;
        for (uid, org, body, size, id) in rows {
            if octets >= SLICE_OCTETS {
                break;
            }
            octets += size;
            n += 1;
            last = Some(uid);
            self.drop_deleted(OrgId(org), BodyId(body), true)?;
            self.forget_beside(OrgId(org), [id].into_iter())?;
        }
        if let Some(last) = last {
            self.direct().run(
                "DELETE FROM entry WHERE mailbox = ?1 AND uid <= ?2",
                [mailbox, last],
            )?;
            return Ok(if octets < SLICE_OCTETS { n } else { SLICE_ROWS });
        }
        let expunged = self.direct().run(
            "DELETE FROM expunged WHERE mailbox = ?1 AND (modseq, low) IN
                 (SELECT modseq, low FROM expunged WHERE mailbox = ?1 LIMIT ?2)",
            [mailbox, SLICE_ROWS],
        )?;
        let keywords = self.direct().run(
            "DELETE FROM keyword WHERE mailbox = ?1 AND word IN
                 (SELECT word FROM keyword WHERE mailbox = ?1 LIMIT ?2)",
            [mailbox, SLICE_ROWS],
        )?;
        Ok((expunged + keywords) as i64)
    }

    /// Drops a reference of a deleted entry. A missing body is damage: it is logged, and does not
    /// hold up its entry or the rows after it.
    fn drop_deleted(&self, org: OrgId, body: BodyId, free: bool) -> Result<(), Error> {
        match self.drop_body(org, body, free) {
            Err(Error::Corrupt(_)) => {
                log::error!("reclaiming found no body id={} org={org}", body.0);
                Ok(())
            }
            done => done,
        }
    }

    /// Removes a part of an organization; how much work that was, 0 when nothing is left.
    fn reclaim_org(&self, org: OrgId) -> Result<i64, Error> {
        let jobs = self.direct().all(
            "SELECT id, body FROM job WHERE org = ?1 LIMIT ?2",
            [org.0, SLICE_ROWS],
            |r| Ok((r.get::<_, i64>(0)?, r.get::<_, Option<i64>>(1)?)),
        )?;
        for (job, body) in &jobs {
            if let Some(body) = body {
                self.drop_deleted(org, BodyId(*body), false)?;
            }
            self.direct().run("DELETE FROM job WHERE id = ?1", [*job])?;
        }
        if !jobs.is_empty() {
            return Ok(jobs.len() as i64);
        }
        let rows = self.reclaim_outbound(org)?;
        if rows > 0 {
            return Ok(rows);
        }
        let rows = self.direct().run(
            "DELETE FROM approval WHERE id IN
                 (SELECT id FROM approval WHERE org = ?1 LIMIT ?2)",
            [org.0, SLICE_ROWS],
        )? + self.direct().run(
            "DELETE FROM scheduled WHERE entry IN
                 (SELECT entry FROM scheduled WHERE org = ?1 LIMIT ?2)",
            [org.0, SLICE_ROWS],
        )?;
        if rows > 0 {
            return Ok(rows as i64);
        }
        let rows = self.reclaim_uploads(org)?;
        if rows > 0 {
            return Ok(rows);
        }
        let rows = self.reclaim_keys(org)?;
        if rows > 0 {
            return Ok(rows);
        }
        let rows = self.reclaim_inboxes(org)?;
        if rows > 0 {
            return Ok(rows);
        }
        let gone = self.direct().run(
            "DELETE FROM event WHERE org = ?1
                 AND seq < ?2 + (SELECT min(seq) FROM event WHERE org = ?1)",
            [org.0, SLICE_ROWS],
        )? + self.direct().run(
            "DELETE FROM once WHERE org = ?1 AND key IN
                 (SELECT key FROM once WHERE org = ?1 LIMIT ?2)",
            [org.0, SLICE_ROWS],
        )? + self.direct().run(
            "DELETE FROM dkim WHERE domain IN (SELECT id FROM domain WHERE org = ?1)",
            [org.0],
        )? + self.direct().run(
            "DELETE FROM domain WHERE id IN (SELECT id FROM domain WHERE org = ?1 LIMIT ?2)",
            [org.0, SLICE_ROWS],
        )? + self.direct().run(
            "DELETE FROM filter_rule WHERE id IN
                 (SELECT id FROM filter_rule WHERE org = ?1 LIMIT ?2)",
            [org.0, SLICE_ROWS],
        )? + self.direct().run(
            "DELETE FROM suppression WHERE id IN
                 (SELECT id FROM suppression WHERE org = ?1 LIMIT ?2)",
            [org.0, SLICE_ROWS],
        )? + self.reclaim_audit(org, SLICE_ROWS)?
            + self.reclaim_webhooks(org, SLICE_ROWS)?
            + self.reclaim_rules_of_org(org, SLICE_ROWS)?
            + self.reclaim_usage_of_org(org)?
            + self.reclaim_event_groups(org, SLICE_ROWS)?
            + self.reclaim_lessons(org, SLICE_ROWS)?;
        if gone == 0 {
            self.run("DELETE FROM org WHERE id = ?1", [org.0])?;
        }
        Ok(gone as i64)
    }

    fn reclaim_outbound(&self, org: OrgId) -> Result<i64, Error> {
        let rows = self.direct().all(
            "SELECT id, body FROM outbound WHERE org = ?1 ORDER BY id LIMIT ?2",
            [org.0, SLICE_ROWS],
            |r| Ok((r.get::<_, i64>(0)?, r.get::<_, Option<i64>>(1)?)),
        )?;
        for (row, body) in &rows {
            if let Some(body) = body {
                self.drop_deleted(org, BodyId(*body), false)?;
            }
            self.direct()
                .run("DELETE FROM outbound WHERE id = ?1", [*row])?;
        }
        let backlogs = self.direct().run(
            "DELETE FROM outbound_backlog WHERE org = ?1 AND domain IN
                 (SELECT domain FROM outbound_backlog WHERE org = ?1 LIMIT ?2)",
            [org.0, SLICE_ROWS],
        )?;
        Ok((rows.len() + backlogs) as i64)
    }

    fn reclaim_uploads(&self, org: OrgId) -> Result<i64, Error> {
        let rows = self.direct().all(
            "SELECT id, body FROM upload WHERE org = ?1 ORDER BY id LIMIT ?2",
            [org.0, SLICE_ROWS],
            |r| Ok((r.get::<_, i64>(0)?, r.get::<_, i64>(1)?)),
        )?;
        for (row, body) in &rows {
            self.drop_deleted(org, BodyId(*body), false)?;
            self.direct()
                .run("DELETE FROM upload WHERE id = ?1", [*row])?;
        }
        Ok(rows.len() as i64)
    }

    fn reclaim_keys(&self, org: OrgId) -> Result<i64, Error> {
        let mut left = SLICE_ROWS as usize;
        while left > 0 {
            let next = self.one("SELECT id FROM key WHERE org = ?1 LIMIT 1", [org.0], |r| {
                r.get::<_, i64>(0)
            })?;
            let Some(key) = next else { break };
            left -= self.remove_key(key, org, left)?;
        }
        Ok(SLICE_ROWS - left as i64)
    }

    /// Removes some inboxes of an organization that has ended. A child names its parent, so
    /// children are cut off before their parent is removed.
    fn reclaim_inboxes(&self, org: OrgId) -> Result<i64, Error> {
        let inboxes = self.all(
            "SELECT id FROM inbox WHERE org = ?1 ORDER BY id DESC LIMIT ?2",
            [org.0, SLICE_INBOXES],
            |r| r.get::<_, i64>(0),
        )?;
        let mut rows = 0;
        for inbox in inboxes {
            let children = self.all(
                "SELECT id FROM inbox WHERE parent = ?1 LIMIT ?2",
                [inbox, SLICE_ROWS],
                |r| r.get::<_, i64>(0),
            )?;
            for child in &children {
                self.run(
                    "UPDATE inbox SET parent = NULL, ancestors = x'01' WHERE id = ?1",
                    [*child],
                )?;
            }
            if !children.is_empty() {
                return Ok(children.len() as i64);
            }
            self.delete_inbox(org, InboxId(inbox))?;
            rows += 1;
        }
        Ok(rows)
    }
}

/// Inboxes of an ended organization that one step removes.
const SLICE_INBOXES: i64 = 20;

/// About how many rows a slice removes.
pub(super) const SLICE_ROWS: i64 = 200;

/// Octets that one slice frees: each page has to be read for it.
pub(super) const SLICE_OCTETS: i64 = 4 << 20;
