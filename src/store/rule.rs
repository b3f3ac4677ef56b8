//! Rules of delivery, as rows. What a rule means is decided in `service/rules`; here are the rows
//! in the order in which rules are asked, and the counts of what they have done.

use rusqlite::{Row, params};

use super::{Error, Store, format};
use crate::call::{InboxId, NewRule, OrgId, RuleHits, RuleId, RuleRow};

impl Store {
    /// A new rule; its compiled patterns take so many octets.
    pub fn insert_rule(
        &self,
        org: OrgId,
        row: &RuleRow,
        pattern_bytes: usize,
    ) -> Result<(), Error> {
        let rule = &row.rule;
        self.run(
            "INSERT INTO rule (id, org, inbox, priority, enabled, stop, name, spec, pattern_bytes,
                               created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            params![
                row.id.0,
                org.0,
                number(row.inbox),
                rule.priority,
                rule.enabled,
                rule.stop,
                rule.name,
                format::encode_rule(&rule.when, &rule.then)?,
                i64::try_from(pattern_bytes).unwrap_or(i64::MAX),
                row.created_at,
                row.updated_at,
            ],
        )?;
        Ok(())
    }

    /// A rule that is there has changed.
    pub fn update_rule(
        &self,
        org: OrgId,
        row: &RuleRow,
        pattern_bytes: usize,
    ) -> Result<(), Error> {
        let rule = &row.rule;
        self.run(
            "UPDATE rule SET priority = ?3, enabled = ?4, stop = ?5, name = ?6, spec = ?7,
                             pattern_bytes = ?8, updated_at = ?9
             WHERE org = ?1 AND id = ?2",
            params![
                org.0,
                row.id.0,
                rule.priority,
                rule.enabled,
                rule.stop,
                rule.name,
                format::encode_rule(&rule.when, &rule.then)?,
                i64::try_from(pattern_bytes).unwrap_or(i64::MAX),
                row.updated_at,
            ],
        )?;
        Ok(())
    }

    /// Removes a rule with its counts.
    pub fn delete_rule(&self, org: OrgId, id: RuleId) -> Result<(), Error> {
        self.run("DELETE FROM rule_hit WHERE rule = ?1", [id.0])?;
        self.run("DELETE FROM rule WHERE org = ?1 AND id = ?2", [org.0, id.0])?;
        Ok(())
    }

    /// One rule of an inbox, or with `None` of the organization.
    pub fn rule(
        &self,
        org: OrgId,
        inbox: Option<InboxId>,
        id: RuleId,
    ) -> Result<Option<RuleRow>, Error> {
        let found = self.one(
            "SELECT r.id, r.inbox, r.priority, r.enabled, r.stop, r.name, r.spec, r.created_at,
                    r.updated_at, h.hits, h.last_at, h.error, h.error_at
             FROM rule r LEFT JOIN rule_hit h ON h.rule = r.id
             WHERE r.id = ?2 AND r.org = ?1 AND r.inbox = ?3",
            [org.0, id.0, number(inbox)],
            |r| Ok(read_rule(r)),
        )?;
        found.transpose()
    }

    /// The rules of an inbox, or with `None` of the organization, in the order in which they are
    /// asked. Limits bound their number.
    pub fn rules(&self, org: OrgId, inbox: Option<InboxId>) -> Result<Vec<RuleRow>, Error> {
        let rows = self.all(
            "SELECT r.id, r.inbox, r.priority, r.enabled, r.stop, r.name, r.spec, r.created_at,
                    r.updated_at, h.hits, h.last_at, h.error, h.error_at
             FROM rule r LEFT JOIN rule_hit h ON h.rule = r.id
             WHERE r.org = ?1 AND r.inbox = ?2 ORDER BY r.priority, r.id",
            [org.0, number(inbox)],
            |r| Ok(read_rule(r)),
        )?;
        rows.into_iter().collect()
    }

    /// How many rules an inbox or an organization has beside this one, and the octets of their
    /// compiled patterns.
    pub fn rules_beside(
        &self,
        org: OrgId,
        inbox: Option<InboxId>,
        id: RuleId,
    ) -> Result<(usize, u64), Error> {
        let found = self.one(
            "SELECT count(*), coalesce(sum(pattern_bytes), 0) FROM rule
             WHERE org = ?1 AND inbox = ?2 AND id <> ?3",
            [org.0, number(inbox), id.0],
            |r| Ok((r.get::<_, i64>(0)?, r.get::<_, i64>(1)?)),
        )?;
        let (count, octets) = found.unwrap_or_default();
        Ok((
            usize::try_from(count).unwrap_or(usize::MAX),
            u64::try_from(octets).unwrap_or_default(),
        ))
    }

    /// Whether any organization has a rule.
    pub fn has_any_rule(&self) -> Result<bool, Error> {
        let found = (self.direct()).one("SELECT EXISTS (SELECT 1 FROM rule)", [], |r| r.get(0))?;
        Ok(found.unwrap_or(false))
    }

    /// Counts a message that a rule has matched, and what went wrong with it. A rule that is gone
    /// counts nothing.
    pub fn count_rule_hit(
        &self,
        (org, id): (OrgId, RuleId),
        at: i64,
        error: Option<&str>,
    ) -> Result<(), Error> {
        self.direct().run(
            "INSERT INTO rule_hit (rule, org, hits, last_at, error, error_at)
             SELECT id, org, 1, ?3, ?4, iif(?4 IS NULL, NULL, ?3) FROM rule WHERE id = ?2 AND org = ?1
             ON CONFLICT (rule) DO UPDATE SET hits = hits + 1, last_at = excluded.last_at,
                 error = coalesce(excluded.error, error),
                 error_at = coalesce(excluded.error_at, error_at)",
            params![org.0, id.0, at, error],
        )?;
        Ok(())
    }

    /// Removes rules of an inbox that is gone, at most `limit`; how many rows that was.
    pub(super) fn reclaim_rules_of_inbox(
        &self,
        inbox: InboxId,
        limit: i64,
    ) -> Result<usize, Error> {
        self.direct().run(
            "DELETE FROM rule_hit WHERE rule IN
                 (SELECT id FROM rule WHERE inbox = ?1 AND inbox <> 0 ORDER BY id LIMIT ?2)",
            [inbox.0, limit],
        )?;
        self.direct().run(
            "DELETE FROM rule WHERE id IN
                 (SELECT id FROM rule WHERE inbox = ?1 AND inbox <> 0 ORDER BY id LIMIT ?2)",
            [inbox.0, limit],
        )
    }

    /// The same for an organization.
    pub(super) fn reclaim_rules_of_org(&self, org: OrgId, limit: i64) -> Result<usize, Error> {
        self.direct().run(
            "DELETE FROM rule_hit WHERE rule IN
                 (SELECT id FROM rule WHERE org = ?1 ORDER BY id LIMIT ?2)",
            [org.0, limit],
        )?;
        self.direct().run(
            "DELETE FROM rule WHERE id IN
                 (SELECT id FROM rule WHERE org = ?1 ORDER BY id LIMIT ?2)",
            [org.0, limit],
        )
    }
}

/// The inbox in a row.
fn number(inbox: Option<InboxId>) -> i64 {
    inbox.map_or(0, |inbox| inbox.0)
}

fn read_rule(r: &Row<'_>) -> Result<RuleRow, Error> {
    let inbox: i64 = r.get(1)?;
    let (when, then) = format::decode_rule(&r.get::<_, Vec<u8>>(6)?)?;
    let hits: Option<i64> = r.get(9)?;
    let error: Option<String> = r.get(11)?;
    let error_at: Option<i64> = r.get(12)?;
    Ok(RuleRow {
        id: RuleId(r.get(0)?),
        inbox: (inbox != 0).then_some(InboxId(inbox)),
        rule: NewRule {
            priority: r.get(2)?,
            enabled: r.get(3)?,
            stop: r.get(4)?,
            name: r.get(5)?,
            when,
            then,
        },
        hits: RuleHits {
            count: u64::try_from(hits.unwrap_or_default()).unwrap_or_default(),
            last_at: r.get(10)?,
            error: error.zip(error_at),
        },
        created_at: r.get(7)?,
        updated_at: r.get(8)?,
    })
}
