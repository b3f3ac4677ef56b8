//! Checksums of rows: which tables have one, what it covers, and how it is kept (DECISIONS.md,
//! "Damage").
//!
//! The SQL function `row_sum` makes a checksum of its arguments. It is a function of SQL, because a
//! statement that copies or moves rows never shows them to Rust. A table with many changes writes
//! its checksums in each of its statements; those that run for every message bind a checksum that
//! Rust has made (`row_sum.rs`). For the others the writer has triggers, which are temporary: they
//! belong to its connection and not to the file, so that a file stays usable for other programs.
//!
//! It is no defence against a program that may write the file: that can also write a checksum. It
//! finds what a disk, a memory, a person or a wrong statement has changed.
//!
//! The rule: **a statement that writes a column of [`TABLES`] also writes the checksum over it, or
//! the table has a trigger for that column.** `verify` compares every row, and so every test that
//! calls it.

use core::fmt::Write;

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;

use super::row_sum::RowSum;
use super::summed::{
    APPROVAL, AUDIT, DKIM, EVENT_GROUP, EVENT_PENDING, FILTER_RULE, INBOX, JOB, KEY,
    KNOWN_SPAM_SOURCE, MAILBOX, METADATA, ONCE, OUTBOUND, RULE, RULE_HIT, SCHEDULED, SUPPRESSION,
    UPLOAD, UPSTREAM, UPSTREAM_CHANGE, UPSTREAM_COMPARED, UPSTREAM_FOLDER, UPSTREAM_MESSAGE,
    UPSTREAM_OAUTH, UPSTREAM_STATE, USAGE_DAY, WEBHOOK, WEBHOOK_DELIVERY,
};
use super::{Error, Store};

/// A table whose rows have checksums.
#[derive(Debug)]
pub(super) struct SummedTable {
    pub name: &'static str,
    /// The primary key. All columns of it are integers in a table that is `filled_later`.
    pub key: &'static [&'static str],
    /// The column of each checksum, and what it covers.
    pub sums: &'static [(&'static str, &'static [&'static str])],
    /// Its rows can be many, so those of an older file get their checksums in slices.
    pub filled_later: bool,
    pub kept_by: KeptBy,
}

/// Who writes the checksums of a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum KeptBy {
    /// Each statement.
    Statements,
    /// A trigger for new rows, and one for changes of these columns. A statement that changes other
    /// columns writes the checksum itself.
    Triggers(&'static [&'static str]),
}

/// Every table with checksums. `body.refs` has none: it is the number of rows that name the body.
/// The octets of `chunk` and `signature_cell` have a checksum of their own.
pub(super) const TABLES: &[SummedTable] = &[
    SummedTable {
        name: "meta",
        key: &["name"],
        sums: &[("sum", &["name", "value"])],
        filled_later: false,
        kept_by: KeptBy::Triggers(&["name", "value"]),
    },
    SummedTable {
        name: "org",
        key: &["id"],
        sums: &[
            (
                "sum",
                &[
                    "id",
                    "name",
                    "created_at",
                    "oldest",
                    "send_mode",
                    "paused_at",
                    "retention_days",
                ],
            ),
            ("counts_sum", &["id", "seq", "at", "sent_day", "sent"]),
        ],
        filled_later: false,
        kept_by: KeptBy::Triggers(&[
            "name",
            "created_at",
            "oldest",
            "send_mode",
            "paused_at",
            "retention_days",
        ]),
    },
    SummedTable {
        name: "domain",
        key: &["id"],
        sums: &[(
            "sum",
            &[
                "id",
                "org",
                "name",
                "token",
                "verified_at",
                "created_at",
                "catch_all",
            ],
        )],
        filled_later: false,
        kept_by: KeptBy::Triggers(&[
            "org",
            "name",
            "token",
            "verified_at",
            "created_at",
            "catch_all",
        ]),
    },
    SummedTable {
        name: "dkim",
        key: &["domain", "selector"],
        sums: &[("sum", DKIM)],
        filled_later: false,
        kept_by: KeptBy::Triggers(DKIM),
    },
    SummedTable {
        name: "key",
        key: &["id"],
        sums: &[("sum", KEY)],
        filled_later: false,
        kept_by: KeptBy::Triggers(KEY),
    },
    SummedTable {
        name: "key_inbox",
        key: &["key", "inbox"],
        sums: &[("sum", &["key", "inbox"])],
        filled_later: false,
        kept_by: KeptBy::Triggers(&["key", "inbox"]),
    },
    SummedTable {
        name: "address",
        key: &["canonical", "org"],
        sums: &[("sum", &["canonical", "org", "inbox"])],
        filled_later: false,
        kept_by: KeptBy::Triggers(&["canonical", "org", "inbox"]),
    },
    SummedTable {
        name: "inbox",
        key: &["id"],
        sums: &[
            ("sum", INBOX),
            (
                "counts_sum",
                &["id", "bytes", "messages", "sent_day", "sent"],
            ),
        ],
        filled_later: false,
        kept_by: KeptBy::Triggers(INBOX),
    },
    SummedTable {
        name: "known_sender",
        key: &["inbox", "address"],
        sums: &[("sum", &["inbox", "address", "admitted", "at"])],
        filled_later: false,
        kept_by: KeptBy::Triggers(&["inbox", "address", "admitted", "at"]),
    },
    SummedTable {
        name: "sender_past",
        key: &["inbox", "sender"],
        sums: &[("sum", &["inbox", "sender", "clean", "spam", "at"])],
        filled_later: false,
        kept_by: KeptBy::Statements,
    },
    SummedTable {
        name: "spam_setting",
        key: &["inbox"],
        sums: &[("sum", &["inbox", "org", "settings"])],
        filled_later: false,
        kept_by: KeptBy::Triggers(&["inbox", "org", "settings"]),
    },
    SummedTable {
        name: "lesson",
        key: &["body"],
        sums: &[("sum", &["body", "org", "is_spam", "taught", "at"])],
        filled_later: false,
        kept_by: KeptBy::Triggers(&["body", "org", "is_spam", "taught", "at"]),
    },
    SummedTable {
        name: "learned",
        key: &["org"],
        sums: &[("sum", &["org", "version", "model"])],
        filled_later: false,
        kept_by: KeptBy::Triggers(&["org", "version", "model"]),
    },
    SummedTable {
        name: "earlier_lesson",
        key: &["org", "is_spam", "place"],
        sums: &[("sum", &["org", "is_spam", "place", "octets"])],
        filled_later: false,
        kept_by: KeptBy::Triggers(&["org", "is_spam", "place", "octets"]),
    },
    SummedTable {
        name: "upstream",
        key: &["inbox"],
        sums: &[("sum", UPSTREAM)],
        filled_later: false,
        kept_by: KeptBy::Triggers(UPSTREAM),
    },
    SummedTable {
        name: "upstream_oauth",
        key: &["inbox"],
        sums: &[("sum", UPSTREAM_OAUTH)],
        filled_later: false,
        kept_by: KeptBy::Triggers(UPSTREAM_OAUTH),
    },
    SummedTable {
        name: "upstream_folder",
        key: &["id"],
        sums: &[("sum", UPSTREAM_FOLDER)],
        filled_later: false,
        kept_by: KeptBy::Triggers(UPSTREAM_FOLDER),
    },
    SummedTable {
        name: "upstream_message",
        key: &["id"],
        sums: &[("sum", UPSTREAM_MESSAGE)],
        filled_later: false,
        kept_by: KeptBy::Triggers(UPSTREAM_MESSAGE),
    },
    SummedTable {
        name: "upstream_state",
        key: &["message"],
        sums: &[("sum", UPSTREAM_STATE)],
        filled_later: false,
        kept_by: KeptBy::Triggers(UPSTREAM_STATE),
    },
    SummedTable {
        name: "upstream_change",
        key: &["message"],
        sums: &[("sum", UPSTREAM_CHANGE)],
        filled_later: false,
        kept_by: KeptBy::Triggers(UPSTREAM_CHANGE),
    },
    SummedTable {
        name: "upstream_compared",
        key: &["folder"],
        sums: &[("sum", UPSTREAM_COMPARED)],
        filled_later: false,
        kept_by: KeptBy::Triggers(UPSTREAM_COMPARED),
    },
    SummedTable {
        name: "known_spam_source",
        key: &["id"],
        sums: &[("sum", KNOWN_SPAM_SOURCE)],
        filled_later: false,
        kept_by: KeptBy::Triggers(KNOWN_SPAM_SOURCE),
    },
    SummedTable {
        name: "known_spam",
        key: &["kind", "hash", "source"],
        sums: &[("sum", &["kind", "hash", "source", "at"])],
        filled_later: false,
        kept_by: KeptBy::Statements,
    },
    SummedTable {
        name: "event_group",
        key: &["id"],
        sums: &[("sum", EVENT_GROUP)],
        filled_later: false,
        kept_by: KeptBy::Triggers(EVENT_GROUP),
    },
    SummedTable {
        name: "event_pending",
        key: &["grp", "seq"],
        sums: &[("sum", EVENT_PENDING)],
        filled_later: false,
        kept_by: KeptBy::Triggers(EVENT_PENDING),
    },
    SummedTable {
        name: "imported",
        key: &["inbox", "id"],
        sums: &[("sum", &["inbox", "id", "org"])],
        filled_later: false,
        kept_by: KeptBy::Triggers(&["inbox", "id", "org"]),
    },
    SummedTable {
        name: "mailbox",
        key: &["id"],
        sums: &[
            ("sum", MAILBOX),
            (
                "counts_sum",
                &[
                    "id",
                    "uidnext",
                    "highest_modseq",
                    "messages",
                    "unseen",
                    "deleted",
                    "bytes",
                ],
            ),
        ],
        filled_later: false,
        kept_by: KeptBy::Triggers(MAILBOX),
    },
    SummedTable {
        name: "subscription",
        key: &["inbox", "name"],
        sums: &[("sum", &["inbox", "name"])],
        filled_later: false,
        kept_by: KeptBy::Triggers(&["inbox", "name"]),
    },
    SummedTable {
        name: "entry",
        key: &["mailbox", "uid"],
        sums: &[
            (
                "sum",
                &[
                    "id",
                    "org",
                    "inbox",
                    "body",
                    "thread",
                    "arrival",
                    "received_at",
                    "size",
                    "prefix",
                ],
            ),
            (
                "state_sum",
                &["mailbox", "uid", "id", "modseq", "flags", "keywords"],
            ),
            ("report_sum", &["id", "report"]),
        ],
        filled_later: true,
        kept_by: KeptBy::Statements,
    },
    SummedTable {
        name: "body",
        key: &["id"],
        sums: &[(
            "sum",
            &[
                "id",
                "org",
                "size",
                "header_len",
                "message_id",
                "digest",
                "summary",
            ],
        )],
        filled_later: true,
        kept_by: KeptBy::Statements,
    },
    SummedTable {
        name: "reference",
        key: &["inbox", "hash"],
        sums: &[("sum", &["inbox", "hash", "thread"])],
        filled_later: true,
        kept_by: KeptBy::Statements,
    },
    SummedTable {
        name: "expunged",
        key: &["mailbox", "modseq", "low"],
        sums: &[("sum", &["mailbox", "modseq", "low", "high"])],
        filled_later: true,
        kept_by: KeptBy::Statements,
    },
    SummedTable {
        name: "event",
        key: &["org", "seq"],
        sums: &[(
            "sum",
            &[
                "org", "seq", "at", "inbox", "mailbox", "path", "uids", "detail",
            ],
        )],
        filled_later: true,
        kept_by: KeptBy::Statements,
    },
    SummedTable {
        name: "job",
        key: &["id"],
        sums: &[("sum", JOB)],
        filled_later: false,
        kept_by: KeptBy::Triggers(JOB),
    },
    SummedTable {
        name: "filter_rule",
        key: &["id"],
        sums: &[("sum", FILTER_RULE)],
        filled_later: false,
        kept_by: KeptBy::Triggers(FILTER_RULE),
    },
    SummedTable {
        name: "answered",
        key: &["inbox", "address"],
        sums: &[("sum", &["inbox", "address", "org", "expires_at"])],
        filled_later: false,
        kept_by: KeptBy::Triggers(&["inbox", "address", "org", "expires_at"]),
    },
    SummedTable {
        name: "rule",
        key: &["id"],
        sums: &[("sum", RULE)],
        filled_later: false,
        kept_by: KeptBy::Triggers(RULE),
    },
    SummedTable {
        name: "rule_hit",
        key: &["rule"],
        sums: &[("sum", RULE_HIT)],
        filled_later: false,
        kept_by: KeptBy::Triggers(RULE_HIT),
    },
    SummedTable {
        name: "webhook",
        key: &["id"],
        sums: &[("sum", WEBHOOK)],
        filled_later: false,
        kept_by: KeptBy::Triggers(WEBHOOK),
    },
    SummedTable {
        name: "webhook_delivery",
        key: &["webhook", "seq"],
        sums: &[("sum", WEBHOOK_DELIVERY)],
        filled_later: false,
        kept_by: KeptBy::Triggers(WEBHOOK_DELIVERY),
    },
    SummedTable {
        name: "suppression",
        key: &["id"],
        sums: &[("sum", SUPPRESSION)],
        filled_later: false,
        kept_by: KeptBy::Triggers(SUPPRESSION),
    },
    SummedTable {
        name: "outbound",
        key: &["id"],
        sums: &[("sum", OUTBOUND)],
        filled_later: false,
        kept_by: KeptBy::Triggers(OUTBOUND),
    },
    SummedTable {
        name: "outbound_backlog",
        key: &["org", "domain"],
        sums: &[("sum", &["org", "domain", "due_at"])],
        filled_later: false,
        kept_by: KeptBy::Triggers(&["org", "domain", "due_at"]),
    },
    SummedTable {
        name: "approval",
        key: &["id"],
        sums: &[("sum", APPROVAL)],
        filled_later: false,
        kept_by: KeptBy::Triggers(APPROVAL),
    },
    SummedTable {
        name: "day_count",
        key: &["kind", "id"],
        sums: &[("sum", &["kind", "id", "day", "n"])],
        filled_later: false,
        kept_by: KeptBy::Triggers(&["kind", "id", "day", "n"]),
    },
    SummedTable {
        name: "audit",
        key: &["org", "id"],
        sums: &[("sum", AUDIT)],
        filled_later: false,
        kept_by: KeptBy::Statements,
    },
    SummedTable {
        name: "usage_day",
        key: &["inbox", "org", "day"],
        sums: &[("sum", USAGE_DAY)],
        filled_later: false,
        kept_by: KeptBy::Statements,
    },
    SummedTable {
        name: "metadata",
        key: &["entry"],
        sums: &[("sum", METADATA)],
        filled_later: false,
        kept_by: KeptBy::Triggers(METADATA),
    },
    SummedTable {
        name: "expiring",
        key: &["entry"],
        sums: &[("sum", &["entry", "org", "inbox", "expires_at"])],
        filled_later: false,
        kept_by: KeptBy::Triggers(&["entry", "org", "inbox", "expires_at"]),
    },
    SummedTable {
        name: "scheduled",
        key: &["entry"],
        sums: &[("sum", SCHEDULED)],
        filled_later: false,
        kept_by: KeptBy::Triggers(SCHEDULED),
    },
    SummedTable {
        name: "upload",
        key: &["id"],
        sums: &[("sum", UPLOAD)],
        filled_later: false,
        kept_by: KeptBy::Triggers(UPLOAD),
    },
    SummedTable {
        name: "signature",
        key: &["inbox", "id"],
        sums: &[("sum", &["inbox", "id", "body", "received_at", "grams"])],
        filled_later: false,
        kept_by: KeptBy::Statements,
    },
    SummedTable {
        name: "signature_block",
        key: &["id"],
        sums: &[("sum", &["id", "inbox", "messages", "starts", "bodies"])],
        filled_later: false,
        kept_by: KeptBy::Statements,
    },
    SummedTable {
        name: "unsigned",
        key: &["inbox"],
        sums: &[("sum", &["inbox", "after", "below"])],
        filled_later: false,
        kept_by: KeptBy::Statements,
    },
    SummedTable {
        name: "once",
        key: &["org", "key"],
        sums: &[("sum", ONCE)],
        filled_later: false,
        kept_by: KeptBy::Triggers(ONCE),
    },
    SummedTable {
        name: "doomed",
        key: &["kind", "id"],
        sums: &[("sum", &["kind", "id"])],
        filled_later: false,
        kept_by: KeptBy::Triggers(&["kind", "id"]),
    },
    SummedTable {
        name: "recount",
        key: &["body"],
        sums: &[("sum", &["body", "delta"])],
        filled_later: false,
        kept_by: KeptBy::Statements,
    },
];

impl SummedTable {
    /// `sum = row_sum(…)` for each checksum of the table.
    fn assignments(&self) -> String {
        let mut sql = String::new();
        for (column, over) in self.sums {
            let comma = if sql.is_empty() { "" } else { ", " };
            let _ = write!(sql, "{comma}{column} = row_sum({})", over.join(", "));
        }
        sql
    }

    /// The same for checksums that are missing: one that is there stays, and a wrong one is found.
    fn missing_assignments(&self) -> String {
        let set: Vec<String> = (self.sums.iter())
            .map(|(column, over)| {
                format!(
                    "{column} = coalesce({column}, row_sum({}))",
                    over.join(", ")
                )
            })
            .collect();
        set.join(", ")
    }

    /// Whether a checksum of a row is missing.
    fn is_missing(&self) -> String {
        let missing: Vec<String> = (self.sums.iter())
            .map(|(column, _)| format!("{column} IS NULL"))
            .collect();
        missing.join(" OR ")
    }

    fn triggers(&self) -> Option<String> {
        let KeptBy::Triggers(columns) = self.kept_by else {
            return None;
        };
        let name = self.name;
        let set = self.assignments();
        let row: Vec<String> = (self.key.iter())
            .map(|column| format!("{column} IS new.{column}"))
            .collect();
        let row = row.join(" AND ");
        let columns = columns.join(", ");
        Some(format!(
            "CREATE TEMP TRIGGER {name}_made AFTER INSERT ON main.{name}
             BEGIN UPDATE {name} SET {set} WHERE {row}; END;
             CREATE TEMP TRIGGER {name}_changed AFTER UPDATE OF {columns} ON main.{name}
             BEGIN UPDATE {name} SET {set} WHERE {row}; END;"
        ))
    }
}

/// Gives a connection the function `row_sum`. Every connection has it before its first statement.
pub(super) fn add_function(sql: &Connection) -> rusqlite::Result<()> {
    sql.create_scalar_function(
        "row_sum",
        -1,
        FunctionFlags::SQLITE_UTF8
            .union(FunctionFlags::SQLITE_DETERMINISTIC)
            .union(FunctionFlags::SQLITE_INNOCUOUS),
        |row| {
            let mut sum = RowSum::new();
            for column in 0..row.len() {
                sum.add(row.get_raw(column));
            }
            Ok(i64::from(sum.finish()))
        },
    )
}

/// Gives the connection of the writer its triggers.
pub(super) fn add_triggers(sql: &Connection) -> rusqlite::Result<()> {
    let all: String = TABLES.iter().filter_map(SummedTable::triggers).collect();
    sql.execute_batch(&all)
}

/// Makes the missing checksums of every table that is not filled later.
pub(super) fn fill(sql: &Connection) -> rusqlite::Result<()> {
    for table in TABLES.iter().filter(|table| !table.filled_later) {
        sql.execute_batch(&format!(
            "UPDATE {} SET {} WHERE {}",
            table.name,
            table.assignments(),
            table.is_missing()
        ))?;
    }
    Ok(())
}

/// The place that [`Store::fill_sums`] has reached: a table that is filled later, and the key of
/// the last row that was seen. Only the table is kept on disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct SumFill {
    table: usize,
    after: Option<[i64; KEY_COLUMNS]>,
}

impl Store {
    /// Whether every row must have its checksums: it was made by this release, or an older file was
    /// filled.
    pub(super) fn is_summed(&self) -> Result<bool, Error> {
        Ok(self.meta(SUMMED)? >= later().count() as i64)
    }

    /// Makes missing checksums of a file from an older release, one slice; how many rows that was,
    /// 0 when all are made.
    pub(super) fn fill_sums(&self) -> Result<i64, Error> {
        let mut at = match self.sum_fill.get() {
            Some(at) => at,
            None => SumFill {
                table: usize::try_from(self.meta(SUMMED)?).unwrap_or(usize::MAX),
                after: None,
            },
        };
        let Some(table) = later().nth(at.table) else {
            self.sum_fill.set(Some(at));
            return Ok(0);
        };
        let after = at.after.unwrap_or([i64::MIN; KEY_COLUMNS]);
        match self.slice_end(table, after)? {
            Some(end) => {
                self.fill_slice(table, after, end)?;
                at.after = Some(end);
            }
            None => {
                self.fill_slice(table, after, [i64::MAX; KEY_COLUMNS])?;
                at = SumFill {
                    table: at.table.saturating_add(1),
                    after: None,
                };
                self.direct().run(
                    "UPDATE meta SET value = ?1 WHERE name = 'summed'",
                    [i64::try_from(at.table).unwrap_or(i64::MAX)],
                )?;
            }
        }
        self.sum_fill.set(Some(at));
        Ok(SLICE_ROWS)
    }

    /// The key of the last row of a slice, or `None` when fewer rows are left.
    fn slice_end(
        &self,
        table: &SummedTable,
        after: [i64; KEY_COLUMNS],
    ) -> Result<Option<[i64; KEY_COLUMNS]>, Error> {
        let columns = table.key.join(", ");
        let n = table.key.len();
        let sql = format!(
            "SELECT {columns} FROM {} WHERE ({columns}) > ({}) ORDER BY {columns}
             LIMIT 1 OFFSET {}",
            table.name,
            places(1, n),
            SLICE_ROWS - 1
        );
        let mut statement = self.sql.prepare(&sql)?;
        let mut rows = statement.query(rusqlite::params_from_iter(after.iter().take(n)))?;
        let Some(row) = rows.next()? else {
            return Ok(None);
        };
        let mut end = [i64::MAX; KEY_COLUMNS];
        for (column, value) in end.iter_mut().enumerate().take(n) {
            *value = row.get(column)?;
        }
        Ok(Some(end))
    }

    fn fill_slice(
        &self,
        table: &SummedTable,
        after: [i64; KEY_COLUMNS],
        end: [i64; KEY_COLUMNS],
    ) -> Result<(), Error> {
        let columns = table.key.join(", ");
        let n = table.key.len();
        let sql = format!(
            "UPDATE {} SET {} WHERE ({columns}) > ({}) AND ({columns}) <= ({}) AND ({})",
            table.name,
            table.missing_assignments(),
            places(1, n),
            places(n + 1, n),
            table.is_missing()
        );
        let mut statement = self.sql.prepare(&sql)?;
        let bounds = after.iter().take(n).chain(end.iter().take(n));
        statement.execute(rusqlite::params_from_iter(bounds))?;
        Ok(())
    }
}

/// The tables whose rows of an older file are filled in slices.
fn later() -> impl Iterator<Item = &'static SummedTable> {
    TABLES.iter().filter(|table| table.filled_later)
}

/// `?1, ?2` and so on: `n` of them from `first` on.
fn places(first: usize, n: usize) -> String {
    let all: Vec<String> = (first..first + n)
        .map(|place| format!("?{place}"))
        .collect();
    all.join(", ")
}

/// The single value that says how many tables are filled.
pub(super) const SUMMED: &str = "summed";

/// The value of [`SUMMED`] in a new database.
pub(super) fn all_summed() -> i64 {
    later().count() as i64
}

/// The most columns of a key of a table that is filled later.
const KEY_COLUMNS: usize = 3;

/// Rows that one slice looks at: about two milliseconds.
const SLICE_ROWS: i64 = 200;
