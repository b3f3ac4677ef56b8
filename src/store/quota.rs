//! What rows cost on disk, and the quotas that they count in. Each row that a client can make has
//! a fixed cost for its kind, besides the octets of mail in it. The costs stand in counters of the
//! mailbox, the inbox and the organization, which change in the savepoint of the call.
//!
//! It is not the size of the file: a cost is at least what the row takes with its share of the
//! indexes (DECISIONS.md, "Quota"). Rows with a bound of their own are not counted: the log by
//! its age and number, expunged UIDs by their number for each mailbox.

use core::ops::ControlFlow;

use rusqlite::Connection;

use super::{Error, Store, Tell, int};
use crate::call::{Noun, Refusal};

/// The costs by name. Every statement has all of them as its parameters.
macro_rules! costs {
    () => {
        "WITH c(entry, mailbox, subscription, reference, inbox, key, key_inbox, address, kept)
             AS (SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) "
    };
}

/// What each mailbox must have in `cost`.
macro_rules! mailboxes {
    () => {
        concat!(
            costs!(),
            "SELECT m.id, c.entry * m.messages + coalesce((
                 SELECT sum(extra + coalesce(length(keywords), 0)) FROM entry
                 WHERE mailbox = m.id), 0) AS cost
             FROM mailbox m, c"
        )
    };
}

/// What each inbox must have in `cost`.
macro_rules! inboxes {
    () => {
        concat!(
            costs!(),
            "SELECT i.id, (SELECT coalesce(sum(cost + CASE WHEN special IS NULL AND name <> 'INBOX'
                                                     THEN c.mailbox ELSE 0 END), 0)
                           FROM mailbox WHERE inbox = i.id)
                 + c.subscription * (SELECT count(*) FROM subscription WHERE inbox = i.id
                     AND name NOT IN ('INBOX', 'Sent', 'Drafts', 'Trash', 'Junk'))
                 + c.reference * (SELECT count(*) FROM reference WHERE inbox = i.id) AS cost
             FROM inbox i, c"
        )
    };
}

/// What each organization must have in its counters. The argument counts what waits for outside.
macro_rules! orgs {
    ($waiting:expr) => {
        concat!(
            costs!(),
            "SELECT o.id, coalesce(i.bytes, 0) AS bytes, coalesce(i.messages, 0) AS messages,
                 coalesce(i.n, 0) AS inboxes, coalesce(k.live, 0) AS keys,
                 coalesce(j.n, 0) AS jobs, coalesce(a.n, 0) AS kept,
                 coalesce(a.bytes, 0) AS kept_bytes,
                 coalesce(i.cost + i.n * c.inbox, 0) + coalesce(k.n * c.key, 0)
                     + coalesce(b.n * c.key_inbox, 0) + coalesce(d.n * c.address, 0)
                     + coalesce(j.cost, 0) + coalesce(a.bytes, 0) AS cost
             FROM c, org o
             LEFT JOIN (SELECT org, sum(bytes) bytes, sum(cost) cost, sum(messages) messages,
                            count(*) n FROM inbox GROUP BY org) i ON i.org = o.id
             LEFT JOIN (SELECT org, count(*) n, sum(revoked_at IS NULL) live
                        FROM key GROUP BY org) k ON k.org = o.id
             LEFT JOIN (SELECT org, count(*) n FROM key_inbox JOIN key ON key.id = key_inbox.key
                        GROUP BY org) b ON b.org = o.id
             LEFT JOIN (SELECT org, count(*) n FROM address GROUP BY org) d ON d.org = o.id
             LEFT JOIN (",
            $waiting,
            ") j ON j.org = o.id
             LEFT JOIN (SELECT org, count(*) n,
                            sum((SELECT kept FROM c) + length(key) + length(answer)) bytes
                        FROM once GROUP BY org) a ON a.org = o.id"
        )
    };
}

/// The quotas of a store. Those in octets count mail and the cost of rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quota {
    /// Of one inbox.
    pub inbox_bytes: u64,
    /// Of one organization.
    pub org_bytes: u64,
    /// Different keywords of one mailbox.
    pub mailbox_keywords: u64,
}

impl Quota {
    /// No bound.
    pub const NONE: Quota = Quota {
        inbox_bytes: u64::MAX,
        org_bytes: u64::MAX,
        mailbox_keywords: u64::MAX,
    };
}

/// The change of the counters of an organization.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct OrgDelta {
    pub bytes: i64,
    pub cost: i64,
    pub messages: i64,
    pub inboxes: i64,
    pub keys: i64,
    pub jobs: i64,
    pub kept: i64,
    pub kept_bytes: i64,
}

impl Store {
    /// Sets the quotas that the next changes must keep.
    pub fn set_quota(&self, quota: Quota) {
        self.quota.set(quota);
    }

    /// The quotas that changes must keep.
    pub(super) fn quota(&self) -> Quota {
        self.quota.get()
    }

    /// Refuses a counter that has grown beyond its quota. One that is above it and shrinks is
    /// accepted, so that a client can delete.
    /// `own` is the bound of the row itself.
    pub(super) fn check_quota(
        &self,
        (of, own): (Noun, u64),
        grown: i64,
        total: i64,
    ) -> Result<(), Error> {
        let quota = self.quota.get();
        let max = match of {
            Noun::Organization => quota.org_bytes,
            _ => quota.inbox_bytes.min(own),
        };
        if grown > 0 && total > int(max) {
            return Err(Refusal::OverQuota { of, max }.into());
        }
        Ok(())
    }
}

/// Counts the cost of every row anew; for the step to version 5, whose only queue is of jobs.
pub(super) fn count_all(sql: &Connection) -> Result<(), Error> {
    sql.execute("UPDATE job SET cost = ?1", [JOB_BYTES])?;
    for statement in [
        concat!(
            "UPDATE mailbox SET cost = x.cost FROM (",
            mailboxes!(),
            ") x WHERE x.id = mailbox.id"
        ),
        concat!(
            "UPDATE inbox SET cost = x.cost FROM (",
            inboxes!(),
            ") x WHERE x.id = inbox.id"
        ),
        concat!(
            "UPDATE org SET bytes = x.bytes, cost = x.cost, messages = x.messages,
                 inboxes = x.inboxes, keys = x.keys, jobs = x.jobs, kept = x.kept,
                 kept_bytes = x.kept_bytes
             FROM (",
            orgs!("SELECT org, count(*) n, sum(cost) cost FROM job GROUP BY org"),
            ") x WHERE x.id = org.id"
        ),
    ] {
        sql.execute(statement, COSTS)?;
    }
    Ok(())
}

/// Finds the counters that differ from a count of the rows; for `verify`.
pub(super) fn wrong_counters(store: &Store, tell: Tell<'_>) -> Result<(), Error> {
    for (table, columns, statement) in [
        (
            "mailbox",
            &["cost"][..],
            concat!(
                "SELECT id, org, mailbox.cost <> x.cost FROM mailbox JOIN (",
                mailboxes!(),
                ") x USING (id) WHERE mailbox.cost <> x.cost"
            ),
        ),
        (
            "inbox",
            &["cost"],
            concat!(
                "SELECT id, org, inbox.cost <> x.cost FROM inbox JOIN (",
                inboxes!(),
                ") x USING (id) WHERE inbox.cost <> x.cost"
            ),
        ),
        (
            "org",
            &[
                "bytes",
                "cost",
                "messages",
                "inboxes",
                "keys",
                "jobs",
                "kept",
                "kept_bytes",
            ],
            concat!(
                "SELECT org.id, org.id, org.bytes <> x.bytes, org.cost <> x.cost,
                     org.messages <> x.messages, org.inboxes <> x.inboxes, org.keys <> x.keys,
                     org.jobs <> x.jobs, org.kept <> x.kept, org.kept_bytes <> x.kept_bytes
                 FROM org JOIN (",
                orgs!(
                    "SELECT org, sum(n) n, sum(cost) cost FROM
                         (SELECT org, 1 n, cost FROM job
                          UNION ALL SELECT org, body IS NOT NULL, cost FROM outbound
                          UNION ALL SELECT org, 0, cost FROM approval
                          UNION ALL SELECT org, 0, cost FROM scheduled
                          UNION ALL SELECT org, 0, 128 FROM expiring
                          UNION ALL SELECT org, 0, cost FROM upload
                          UNION ALL SELECT org, 0, 128 + coalesce(length(CAST(json AS BLOB)), 0)
                              FROM metadata
                          UNION ALL SELECT org, 0, 64 FROM imported)
                     GROUP BY org"
                ),
                ") x USING (id)
                 WHERE NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 3 AND doomed.id = org.id)"
            ),
        ),
    ] {
        let _ = store.each(statement, COSTS, |r| {
            let mut wrong = Vec::new();
            for (at, column) in (2..).zip(columns) {
                if r.get(at)? {
                    wrong.push(*column);
                }
            }
            if !wrong.is_empty() {
                let what = format!("{table} has another {} than its rows", wrong.join(", "));
                tell(table, r.get(0)?, r.get(1)?, what);
            }
            Ok(ControlFlow::Continue(()))
        })?;
    }
    Ok(())
}

/// Finds rows that cannot have the cost that they say; for `verify`. A row of an older release says
/// less than one of today: it has the fixed cost of its kind.
pub(super) fn wrong_costs(store: &Store, tell: Tell<'_>) -> Result<(), Error> {
    for (table, column, fixed, statement) in [
        (
            "entry",
            "extra",
            DIGEST_BYTES as i64,
            "SELECT e.id, e.org FROM entry e JOIN body b ON b.id = e.body
             WHERE e.extra - coalesce(length(e.report), 0) NOT IN
                 (0, max(0, length(b.digest) - ?1))",
        ),
        (
            "job",
            "cost",
            JOB_BYTES,
            "SELECT j.id, j.org FROM job j LEFT JOIN body b ON b.id = j.body
             WHERE j.cost NOT IN (?1, ?1 + coalesce(b.size, 0))",
        ),
    ] {
        let _ = store.each(statement, [fixed], |r| {
            let what = format!("{table} has another {column} than its message");
            tell(table, r.get(0)?, r.get(1)?, what);
            Ok(ControlFlow::Continue(()))
        })?;
    }
    Ok(())
}

/// The costs, in the order of the names in the statements.
const COSTS: [i64; 9] = [
    ENTRY_BYTES,
    MAILBOX_BYTES,
    SUBSCRIPTION_BYTES,
    REFERENCE_BYTES,
    INBOX_BYTES,
    KEY_BYTES,
    KEY_INBOX_BYTES,
    ADDRESS_BYTES,
    KEPT_BYTES,
];

/// The row of an entry, its index, and its share of the row of its body with a usual digest.
pub(super) const ENTRY_BYTES: i64 = 768;

/// Octets of a digest that [`ENTRY_BYTES`] has room for.
pub(super) const DIGEST_BYTES: usize = 320;

/// A mailbox with the longest name, and its index. The mailboxes that every inbox has are part of
/// [`INBOX_BYTES`].
pub(super) const MAILBOX_BYTES: i64 = 768;

/// A subscription with a usual name.
pub(super) const SUBSCRIPTION_BYTES: i64 = 64;

/// A Message-ID that an inbox knows.
pub(super) const REFERENCE_BYTES: i64 = 48;

/// An inbox with the longest metadata, its standard mailboxes and its indexes.
pub(super) const INBOX_BYTES: i64 = 8192;

/// A key with the longest label, and its indexes.
pub(super) const KEY_BYTES: i64 = 512;

/// One inbox that a key is bound to, and its index.
pub(super) const KEY_INBOX_BYTES: i64 = 64;

/// An address that was given once. It stays when its inbox is gone.
pub(super) const ADDRESS_BYTES: i64 = 128;

/// A recipient that waits outside, with its indexes. The first of a message also pays for its
/// octets, which stay while it waits.
pub(super) const JOB_BYTES: i64 = 1024;

/// A recipient on another server that waits, with its indexes, its backlog and the longest history.
pub(super) const OUTBOUND_BYTES: i64 = 4096;

/// The same when it has ended, besides its history.
pub(super) const OUTBOUND_ENDED_BYTES: i64 = 768;

/// A message that waits for a decision or for its time, besides its envelope, with its indexes. A
/// decision is kept for a month.
pub(super) const WAITING_BYTES: i64 = 512;

/// The JSON beside a message, besides its own octets, with its index; or which message an answer is
/// to.
pub(super) const METADATA_BYTES: i64 = 128;

/// An uploaded file with its indexes, besides its octets, its name and its type.
pub(super) const UPLOAD_BYTES: i64 = 512;

/// The id of an imported message.
pub(super) const IMPORTED_BYTES: i64 = 64;

/// The time at which a message ends, with its indexes.
pub(super) const EXPIRING_BYTES: i64 = 128;

/// A kept answer, besides its own octets.
pub(super) const KEPT_BYTES: i64 = 512;
