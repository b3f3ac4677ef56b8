//! Filter rules and suppressed addresses, as rows. Which rule holds is decided in `call`; here are
//! the look-ups, one a value that may fit.

use rusqlite::{Row, params};

use super::{Error, Store};
use crate::call::{
    FilterAction, FilterDirection, FilterRuleId, FilterRuleRow, InboxId, MatchType, OrgId,
    SuppressionId, SuppressionReason, SuppressionRow, candidates,
};

impl Store {
    /// A new rule; `false` when there is one with this value already.
    pub fn insert_filter_rule(&self, org: OrgId, row: &FilterRuleRow) -> Result<bool, Error> {
        let made = self.run(
            "INSERT INTO filter_rule (id, org, inbox, direction, action, match_type, value,
                                      created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (org, value, match_type, direction, inbox) DO NOTHING",
            params![
                row.id.0,
                org.0,
                row.inbox.map_or(0, |inbox| inbox.0),
                row.direction.number(),
                row.action.number(),
                row.match_type.number(),
                row.value,
                row.created_at,
            ],
        )?;
        Ok(made == 1)
    }

    /// One rule of an organization.
    pub fn filter_rule(
        &self,
        org: OrgId,
        id: FilterRuleId,
    ) -> Result<Option<FilterRuleRow>, Error> {
        let found = self.one(
            "SELECT id, inbox, direction, action, match_type, value, created_at FROM filter_rule
             WHERE org = ?1 AND id = ?2",
            [org.0, id.0],
            |r| Ok(read_rule(r)),
        )?;
        found.transpose()
    }

    /// The rules of an organization after `after`, by id.
    pub fn filter_rules(
        &self,
        org: OrgId,
        after: FilterRuleId,
        limit: usize,
    ) -> Result<Vec<FilterRuleRow>, Error> {
        let rows = self.all(
            "SELECT id, inbox, direction, action, match_type, value, created_at FROM filter_rule
             WHERE org = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
            params![org.0, after.0, i64::try_from(limit).unwrap_or(i64::MAX)],
            |r| Ok(read_rule(r)),
        )?;
        rows.into_iter().collect()
    }

    /// How many rules an organization has, counted up to `max`.
    pub fn filter_rule_count(&self, org: OrgId, max: usize) -> Result<usize, Error> {
        self.count_up_to(
            "SELECT count(*) FROM (SELECT 1 FROM filter_rule WHERE org = ?1 LIMIT ?2)",
            org,
            max,
        )
    }

    /// Removes a rule; whether it was there.
    pub fn delete_filter_rule(&self, org: OrgId, id: FilterRuleId) -> Result<bool, Error> {
        let gone = self.run(
            "DELETE FROM filter_rule WHERE org = ?1 AND id = ?2",
            [org.0, id.0],
        )?;
        Ok(gone == 1)
    }

    /// The rule that holds for an inbox of an organization and an address, if one fits. Rules that
    /// allow are left out unless `allows_count`.
    pub fn filter_rule_for(
        &self,
        (org, inbox): (OrgId, InboxId),
        direction: FilterDirection,
        (canonical, domain): (&str, &str),
        allows_count: bool,
    ) -> Result<Option<FilterRuleRow>, Error> {
        for (match_type, value) in candidates(canonical, domain) {
            let rules = self.all(
                "SELECT id, inbox, direction, action, match_type, value, created_at
                 FROM filter_rule WHERE org = ?1 AND value = ?2 AND match_type = ?3
                     AND direction = ?4 AND inbox IN (0, ?5)",
                params![
                    org.0,
                    value,
                    match_type.number(),
                    direction.number(),
                    inbox.0
                ],
                |r| Ok(read_rule(r)),
            )?;
            let mut first: Option<FilterRuleRow> = None;
            for rule in rules {
                let rule = rule?;
                let counts = allows_count || rule.action == FilterAction::Block;
                if counts && first.as_ref().is_none_or(|first| rule.goes_before(first)) {
                    first = Some(rule);
                }
            }
            // The candidates come in the order of how specific they are.
            if first.is_some() {
                return Ok(first);
            }
        }
        Ok(None)
    }

    /// Whether any organization has a rule or a suppressed address.
    pub fn has_any_list(&self) -> Result<bool, Error> {
        let found = self.direct().one(
            "SELECT EXISTS (SELECT 1 FROM filter_rule) OR EXISTS (SELECT 1 FROM suppression)",
            [],
            |r| r.get(0),
        )?;
        Ok(found.unwrap_or(false))
    }

    /// Whether an organization has any rule, and any suppressed address: two look-ups of an index,
    /// so that an organization without lists pays no more.
    pub fn has_lists(&self, org: OrgId) -> Result<(bool, bool), Error> {
        let found = self.direct().one(
            "SELECT EXISTS (SELECT 1 FROM filter_rule WHERE org = ?1),
                    EXISTS (SELECT 1 FROM suppression WHERE org = ?1)",
            [org.0],
            |r| Ok((r.get(0)?, r.get(1)?)),
        )?;
        Ok(found.unwrap_or((false, false)))
    }

    /// A new suppressed address; `false` when the address is there already, which changes nothing.
    pub fn insert_suppression(&self, org: OrgId, row: &SuppressionRow) -> Result<bool, Error> {
        let made = self.run(
            "INSERT INTO suppression (id, org, address, reason, source, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (org, address) DO NOTHING",
            params![
                row.id.0,
                org.0,
                row.address,
                row.reason.number(),
                row.source,
                row.created_at,
            ],
        )?;
        Ok(made == 1)
    }

    /// The suppression of an address.
    pub fn suppression_of(
        &self,
        org: OrgId,
        canonical: &str,
    ) -> Result<Option<SuppressionRow>, Error> {
        let found = self.one(
            "SELECT id, address, reason, source, created_at FROM suppression
             WHERE org = ?1 AND address = ?2",
            params![org.0, canonical],
            |r| Ok(read_suppression(r)),
        )?;
        found.transpose()
    }

    /// One suppression of an organization.
    pub fn suppression(
        &self,
        org: OrgId,
        id: SuppressionId,
    ) -> Result<Option<SuppressionRow>, Error> {
        let found = self.one(
            "SELECT id, address, reason, source, created_at FROM suppression
             WHERE org = ?1 AND id = ?2",
            [org.0, id.0],
            |r| Ok(read_suppression(r)),
        )?;
        found.transpose()
    }

    /// The suppressions of an organization after `after`, by id.
    pub fn suppressions(
        &self,
        org: OrgId,
        after: SuppressionId,
        limit: usize,
    ) -> Result<Vec<SuppressionRow>, Error> {
        let rows = self.all(
            "SELECT id, address, reason, source, created_at FROM suppression
             WHERE org = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
            params![org.0, after.0, i64::try_from(limit).unwrap_or(i64::MAX)],
            |r| Ok(read_suppression(r)),
        )?;
        rows.into_iter().collect()
    }

    /// How many addresses an organization has suppressed, counted up to `max`.
    pub fn suppression_count(&self, org: OrgId, max: usize) -> Result<usize, Error> {
        self.count_up_to(
            "SELECT count(*) FROM (SELECT 1 FROM suppression WHERE org = ?1 LIMIT ?2)",
            org,
            max,
        )
    }

    /// Removes a suppression; whether it was there.
    pub fn delete_suppression(&self, org: OrgId, id: SuppressionId) -> Result<bool, Error> {
        let gone = self.run(
            "DELETE FROM suppression WHERE org = ?1 AND id = ?2",
            [org.0, id.0],
        )?;
        Ok(gone == 1)
    }

    fn count_up_to(&self, sql: &'static str, org: OrgId, max: usize) -> Result<usize, Error> {
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        let found = self.one(sql, [org.0, max], |r| r.get::<_, i64>(0))?;
        Ok(usize::try_from(found.unwrap_or(0)).unwrap_or(0))
    }
}

fn read_rule(r: &Row<'_>) -> Result<FilterRuleRow, Error> {
    let word = |column| r.get::<_, i64>(column);
    let inbox: i64 = r.get(1)?;
    Ok(FilterRuleRow {
        id: FilterRuleId(r.get(0)?),
        inbox: (inbox != 0).then_some(InboxId(inbox)),
        direction: FilterDirection::numbered(word(2)?).ok_or(RULE)?,
        action: FilterAction::numbered(word(3)?).ok_or(RULE)?,
        match_type: MatchType::numbered(word(4)?).ok_or(RULE)?,
        value: r.get(5)?,
        created_at: r.get(6)?,
    })
}

fn read_suppression(r: &Row<'_>) -> Result<SuppressionRow, Error> {
    let reason = SuppressionReason::numbered(r.get(2)?);
    Ok(SuppressionRow {
        id: SuppressionId(r.get(0)?),
        address: r.get(1)?,
        reason: reason.ok_or(Error::Corrupt("suppression"))?,
        source: r.get(3)?,
        created_at: r.get(4)?,
    })
}

const RULE: Error = Error::Corrupt("filter rule");
