//! Checks of a whole database: each invariant is a query here, and each violation is one line of
//! text. Every crash test asks it.
//!
//! It only reads, without the lock of the folder, so it can look at a database in use. It does
//! not repair. A line names ids, never contents. An encoding or a kind of job that a newer
//! program has written is reported as unknown, and not as damage.

use core::ops::ControlFlow;
use std::collections::HashMap;

use super::body::CHUNK_BYTES;
use super::payload::JobKind;
use super::{Error, Store, format, uint};
use crate::call::{Change, MailboxId, OrgId, Topic};

/// Everything that is wrong with a database; empty is good. `deep` also reads every stored octet
/// against its checksum, every stored encoding and every page of the file.
pub fn verify(store: &Store, deep: bool) -> Vec<String> {
    examine(store, deep).lines
}

/// The findings of [`verify`], and which of them is not damage.
pub(super) fn examine(store: &Store, deep: bool) -> Findings {
    let mut found = Findings::default();
    // All checks that compare tables see one moment.
    match store.snapshot() {
        Ok(_moment) => {
            found.add("database", pages(store, deep));
            for check in CHECKS {
                found.add(check.what, rows(store, check));
            }
            found.add("ancestors", ancestors(store));
            let log = logs(store, &mut found.unknown);
            found.add("log", log);
            let jobs = jobs(store, &mut found.unknown);
            found.add("jobs", jobs);
            if deep {
                let forms = bodies(store, &mut found.unknown);
                found.add("encodings", forms);
            }
        }
        Err(error) => found.lines.push(format!("cannot read: {error}")),
    }
    // Each page of chunks is read by itself: octets never change, and a long reading transaction
    // would hold up the checkpoints of a server.
    if deep {
        found.add("octets", octets(store));
    }
    found
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// One line for each violation.
    pub lines: Vec<String>,
    /// An encoding or a kind of job of a newer program: this program cannot tell whether the row
    /// is good.
    pub unknown: Option<Error>,
}

impl Findings {
    fn add(&mut self, what: &str, result: Result<Vec<String>, Error>) {
        match result {
            Ok(lines) => {
                let more = lines.len().saturating_sub(LINES_MAX);
                self.lines.extend(lines.into_iter().take(LINES_MAX));
                if more > 0 {
                    self.lines.push(format!("{what}: and {more} more"));
                }
            }
            Err(error) => self
                .lines
                .push(format!("{what}: cannot be checked: {error}")),
        }
    }
}

/// A query. Each of its rows is the id of something that is wrong.
struct Check {
    what: &'static str,
    sql: &'static str,
}

fn rows(store: &Store, check: &Check) -> Result<Vec<String>, Error> {
    store.all(check.sql, [], |r| {
        Ok(format!("{}: {}", check.what, r.get::<_, i64>(0)?))
    })
}

const CHECKS: &[Check] = &[
    Check {
        what: "mailbox counters differ from its entries",
        sql: "SELECT m.id FROM mailbox m LEFT JOIN (
                  SELECT mailbox, count(*) n, sum(flags & 1 = 0) unseen,
                         sum(flags & 8 <> 0) deleted, sum(size) bytes
                  FROM entry GROUP BY mailbox) e ON e.mailbox = m.id
              WHERE m.messages <> coalesce(e.n, 0) OR m.unseen <> coalesce(e.unseen, 0)
                 OR m.deleted <> coalesce(e.deleted, 0) OR m.bytes <> coalesce(e.bytes, 0)",
    },
    Check {
        what: "mailbox uidnext is not above its UIDs",
        sql: "SELECT id FROM mailbox m WHERE uidnext < 1 OR uidnext > 4294967295
                 OR recent_above >= uidnext
                 OR uidnext <= (SELECT max(uid) FROM entry WHERE mailbox = m.id)
                 OR uidnext <= (SELECT max(high) FROM expunged WHERE mailbox = m.id)",
    },
    Check {
        what: "mailbox highest_modseq is below an entry's or beyond the log",
        sql: "SELECT m.id FROM mailbox m JOIN org o ON o.id = m.org
              WHERE m.highest_modseq > o.seq OR m.expunged_floor > o.seq
                 OR m.highest_modseq < (SELECT max(modseq) FROM entry WHERE mailbox = m.id)
                 OR m.highest_modseq < (SELECT max(modseq) FROM expunged WHERE mailbox = m.id)",
    },
    Check {
        what: "two mailboxes share a UIDVALIDITY, or it was never given out",
        sql: "SELECT min(id) FROM mailbox GROUP BY uidvalidity HAVING count(*) > 1
                 OR uidvalidity < 1
                 OR uidvalidity > (SELECT value FROM meta WHERE name = 'uidvalidity')",
    },
    Check {
        what: "mailbox is in no inbox of its organization",
        sql: "SELECT m.id FROM mailbox m LEFT JOIN inbox i ON i.id = m.inbox AND i.org = m.org
              WHERE i.id IS NULL",
    },
    Check {
        what: "inbox lacks an INBOX",
        sql: "SELECT id FROM inbox i WHERE NOT EXISTS
                  (SELECT 1 FROM mailbox WHERE inbox = i.id AND name = 'INBOX')",
    },
    Check {
        what: "entry is in no mailbox of its inbox and organization",
        sql: "SELECT e.id FROM entry e LEFT JOIN mailbox m
                  ON m.id = e.mailbox AND m.inbox = e.inbox AND m.org = e.org
              WHERE m.id IS NULL
                  AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 1 AND id = e.mailbox)",
    },
    Check {
        what: "entry has no body of its organization, or another size",
        sql: "SELECT e.id FROM entry e LEFT JOIN body b ON b.id = e.body AND b.org = e.org
              WHERE b.id IS NULL OR e.size <> b.size + coalesce(length(e.prefix), 0)",
    },
    Check {
        what: "entry has a UID out of range",
        sql: "SELECT id FROM entry WHERE uid < 1 OR uid > 4294967295",
    },
    Check {
        what: "entry is in the mailbox twice: there and among the expunged",
        sql: "SELECT e.id FROM expunged x JOIN entry e
                  ON e.mailbox = x.mailbox AND e.uid BETWEEN x.low AND x.high",
    },
    Check {
        what: "expunged UIDs of a mailbox that is gone",
        sql: "SELECT DISTINCT x.mailbox FROM expunged x LEFT JOIN mailbox m ON m.id = x.mailbox
              WHERE m.id IS NULL
                  AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 1 AND id = x.mailbox)",
    },
    Check {
        what: "inbox counters differ from its entries",
        sql: "SELECT i.id FROM inbox i LEFT JOIN (
                  SELECT inbox, sum(messages) n, sum(bytes) bytes FROM mailbox GROUP BY inbox) m
                  ON m.inbox = i.id
              WHERE i.messages <> coalesce(m.n, 0) OR i.bytes <> coalesce(m.bytes, 0)",
    },
    Check {
        what: "inbox has not exactly one address",
        sql: "SELECT i.id FROM inbox i LEFT JOIN (
                  SELECT inbox, org, count(*) n FROM address WHERE inbox IS NOT NULL
                  GROUP BY inbox) a ON a.inbox = i.id
              WHERE a.n IS NOT 1 OR a.org <> i.org",
    },
    Check {
        what: "two inboxes receive mail for the address of this one",
        sql: "SELECT min(i.id) FROM address a JOIN inbox i ON i.id = a.inbox
                  LEFT JOIN domain d ON d.id = i.domain
              WHERE i.domain IS NULL OR d.verified_at IS NOT NULL
              GROUP BY a.canonical HAVING count(*) > 1",
    },
    Check {
        what: "inbox is at a domain of another organization",
        sql: "SELECT i.id FROM inbox i JOIN domain d ON d.id = i.domain WHERE d.org <> i.org",
    },
    Check {
        what: "address of an inbox that is gone",
        sql: "SELECT a.inbox FROM address a LEFT JOIN inbox i ON i.id = a.inbox
              WHERE a.inbox IS NOT NULL AND i.id IS NULL",
    },
    Check {
        what: "key is bound to an inbox that is gone or another organization's",
        sql: "SELECT k.key FROM key_inbox k JOIN key ON key.id = k.key
                  LEFT JOIN inbox i ON i.id = k.inbox AND i.org = key.org
              WHERE i.id IS NULL",
    },
    Check {
        what: "subscription of an inbox that is gone",
        sql: "SELECT DISTINCT s.inbox FROM subscription s LEFT JOIN inbox i ON i.id = s.inbox
              WHERE i.id IS NULL",
    },
    Check {
        what: "conversation of an inbox that is gone",
        sql: "SELECT DISTINCT r.inbox FROM reference r LEFT JOIN inbox i ON i.id = r.inbox
              WHERE i.id IS NULL
                  AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 2 AND id = r.inbox)",
    },
    Check {
        what: "body is counted wrong",
        sql: "SELECT b.id FROM body b LEFT JOIN (
                  SELECT body, count(*) n FROM
                      (SELECT body FROM entry UNION ALL
                       SELECT body FROM job WHERE body IS NOT NULL) GROUP BY body) u
                  ON u.body = b.id
                  LEFT JOIN recount r ON r.body = b.id
              WHERE b.refs + coalesce(r.delta, 0) <> coalesce(u.n, 0)",
    },
    Check {
        what: "change of the references of a body that is gone",
        sql: "SELECT r.body FROM recount r LEFT JOIN body b ON b.id = r.body
              WHERE b.id IS NULL",
    },
    Check {
        what: "deleted, and still there",
        sql: "SELECT d.id FROM doomed d LEFT JOIN mailbox m ON m.id = d.id
                  LEFT JOIN inbox i ON i.id = d.id LEFT JOIN org o ON o.id = d.id
              WHERE m.id IS NOT NULL OR i.id IS NOT NULL OR o.id IS NOT NULL
                  OR d.kind NOT BETWEEN 1 AND 3",
    },
    Check {
        what: "job has no body of its organization",
        sql: "SELECT j.id FROM job j LEFT JOIN body b ON b.id = j.body AND b.org = j.org
              WHERE j.body IS NOT NULL AND b.id IS NULL",
    },
    Check {
        what: "job is in no state that there is",
        sql: "SELECT id FROM job WHERE state NOT IN (0, 1)
                 OR (state = 1) <> (lease_until IS NOT NULL)
                 OR (state = 1) <> (lease_by IS NOT NULL)",
    },
    Check {
        what: "log of the organization has a gap",
        sql: "SELECT o.id FROM org o LEFT JOIN (
                  SELECT org, count(*) n, min(seq) low, max(seq) high FROM event GROUP BY org) e
                  ON e.org = o.id
              WHERE coalesce(e.n, 0) <> o.seq - o.oldest + 1
                 OR (e.n > 0 AND (e.low <> o.oldest OR e.high <> o.seq))",
    },
    Check {
        what: "log of an organization that is gone",
        sql: "SELECT DISTINCT e.org FROM event e LEFT JOIN org o ON o.id = e.org
              WHERE o.id IS NULL
                  AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 3 AND id = e.org)",
    },
    Check {
        what: "time goes back in the log, at number",
        sql: "SELECT seq FROM (SELECT seq, at, lag(at) OVER (PARTITION BY org ORDER BY seq) before
                               FROM event) WHERE before > at",
    },
    Check {
        what: "id beyond the mark of ids given out",
        sql: "SELECT id FROM (SELECT max(id) id FROM entry UNION ALL SELECT max(id) FROM body
                              UNION ALL SELECT max(id) FROM mailbox UNION ALL SELECT max(id) FROM inbox
                              UNION ALL SELECT max(id) FROM key UNION ALL SELECT max(id) FROM job)
              WHERE id > (SELECT value FROM meta WHERE name = 'id')",
    },
    Check {
        what: "chunks without a body",
        sql: "SELECT c.id FROM chunk c WHERE NOT EXISTS (
                  SELECT 1 FROM (SELECT id, size FROM body WHERE id <= c.id
                                 ORDER BY id DESC LIMIT 1) b
                  WHERE c.id < b.id + max(1, (b.size + 262143) / 262144))",
    },
    Check {
        what: "body lacks octets, or has some of another size",
        sql: "SELECT b.id FROM body b WHERE b.size <> coalesce(
                  (SELECT sum(length(octets)) FROM chunk c
                   WHERE c.id >= b.id AND c.id < b.id + max(1, (b.size + 262143) / 262144)), 0)",
    },
];

fn pages(store: &Store, deep: bool) -> Result<Vec<String>, Error> {
    let sql = if deep {
        "PRAGMA integrity_check(100)"
    } else {
        "PRAGMA quick_check(100)"
    };
    let mut lines = store.all(sql, [], |r| r.get::<_, String>(0))?;
    lines.retain(|line| line != "ok");
    let foreign = store.all("PRAGMA foreign_key_check", [], |r| {
        let table: String = r.get(0)?;
        Ok(format!("a row of {table} names one that is not there"))
    })?;
    lines.extend(foreign);
    Ok(lines)
}

/// The ancestors of every inbox are its parent and the ancestors of its parent.
fn ancestors(store: &Store) -> Result<Vec<String>, Error> {
    let mut lines = Vec::new();
    let inboxes = store.all("SELECT org, id, parent FROM inbox", [], |r| {
        Ok((
            OrgId(r.get(0)?),
            crate::call::InboxId(r.get(1)?),
            r.get::<_, Option<i64>>(2)?.map(crate::call::InboxId),
        ))
    })?;
    for (org, inbox, parent) in inboxes {
        let own = store.inbox_path(org, inbox)?.map(|p| p.ancestors);
        let above = match parent {
            None => Some(Vec::new()),
            Some(parent) => store
                .inbox_path(org, parent)?
                .map(|p| [parent].into_iter().chain(p.ancestors).collect()),
        };
        if own != above {
            lines.push(format!("inbox has wrong ancestors: {}", inbox.0));
        }
    }
    Ok(lines)
}

fn logs(store: &Store, unknown: &mut Option<Error>) -> Result<Vec<String>, Error> {
    let mut lines = Vec::new();
    for org in store.all("SELECT id FROM org", [], |r| r.get(0).map(OrgId))? {
        match log(store, org, &mut lines) {
            Err(error @ Error::UnknownVersion { .. }) => {
                lines.push(format!("{error}: log of {}", org.0));
                *unknown = Some(error);
            }
            done => done?,
        }
    }
    Ok(lines)
}

/// The payload of every job of a kind that is known here, and the names of the other kinds.
fn jobs(store: &Store, unknown: &mut Option<Error>) -> Result<Vec<String>, Error> {
    let mut lines = Vec::new();
    let kinds = store.all("SELECT DISTINCT kind FROM job", [], |r| {
        r.get::<_, String>(0)
    })?;
    for name in kinds {
        let Some(kind) = JobKind::named(&name) else {
            let error = Error::UnknownKind(name);
            lines.push(error.to_string());
            *unknown = Some(error);
            continue;
        };
        let _ = store.each(
            "SELECT id, payload FROM job WHERE kind = ?1",
            [kind.name()],
            |r| {
                let id: i64 = r.get(0)?;
                let payload = r.get_ref(1)?.as_blob().unwrap_or_default();
                if let Err(error) = format::decode_job(kind, payload) {
                    lines.push(format!("{error}: job {id}"));
                    if let Error::UnknownVersion { .. } = error {
                        *unknown = Some(error);
                    }
                }
                Ok(ControlFlow::Continue(()))
            },
        )?;
    }
    Ok(lines)
}

/// Every body's summary, and the version of its digest.
fn bodies(store: &Store, unknown: &mut Option<Error>) -> Result<Vec<String>, Error> {
    let mut lines = Vec::new();
    let _ = store.each("SELECT id, summary, digest FROM body", [], |r| {
        let id: i64 = r.get(0)?;
        let summary: Vec<u8> = r.get(1)?;
        let read = format::decode_summary(&summary).map(drop);
        let read = read.and(format::decode_digest(r.get(2)?).map(drop));
        if let Err(error) = read {
            lines.push(format!("{error}: body {id}"));
            if let Error::UnknownVersion { .. } = error {
                *unknown = Some(error);
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(lines)
}

/// Compares the last row of the log for each UID with the entries. An entry that arrived and was
/// not expunged is there. An entry that is there was last changed by the row that it names.
fn log(store: &Store, org: OrgId, lines: &mut Vec<String>) -> Result<(), Error> {
    let Some(state) = store.log_state(org)? else {
        return Ok(());
    };
    // (mailbox, UID): the number of the last row that names it.
    let mut told: HashMap<(MailboxId, u32), u64> = HashMap::new();
    let mut after = state.oldest.saturating_sub(1);
    while after < state.head {
        let Some(page) = store.events_after(org, Topic::Org(org), after, PAGE_ROWS)? else {
            break;
        };
        if page.scanned_to <= after {
            lines.push(format!("log of {} cannot be read after {after}", org.0));
            break;
        }
        after = page.scanned_to;
        for event in page.events {
            match (&event.change, event.mailbox) {
                (Change::Arrived(_) | Change::Copied(_) | Change::Flagged(_), Some(mailbox)) => {
                    for uid in event.uids.iter() {
                        told.insert((mailbox, uid), event.seq);
                    }
                }
                (Change::Expunged { .. }, Some(mailbox)) => {
                    for uid in event.uids.iter() {
                        told.remove(&(mailbox, uid));
                    }
                }
                (Change::MailboxDeleted { .. }, Some(mailbox)) => {
                    told.retain(|(m, _), _| *m != mailbox);
                }
                (Change::InboxDeleted, _) => {
                    // The mailboxes of the inbox are gone without rows of their own.
                    let gone = missing_mailboxes(store, org, &told)?;
                    told.retain(|(m, _), _| !gone.contains(m));
                }
                (
                    Change::Arrived(_)
                    | Change::Copied(_)
                    | Change::Flagged(_)
                    | Change::Expunged { .. }
                    | Change::MailboxDeleted { .. },
                    None,
                )
                | (
                    Change::MailboxCreated { .. }
                    | Change::MailboxRenamed { .. }
                    | Change::InboxCreated
                    | Change::InboxUpdated
                    | Change::KeyRevoked { .. },
                    _,
                ) => {}
            }
        }
    }
    let _ = store.each(
        "SELECT mailbox, uid, modseq FROM entry
         WHERE org = ?1 AND mailbox NOT IN (SELECT id FROM doomed WHERE kind = 1)",
        [org.0],
        |r| {
            let mailbox = MailboxId(r.get(0)?);
            let (uid, modseq) = (super::uint32(r.get(1)?), uint(r.get(2)?));
            match told.remove(&(mailbox, uid)) {
                Some(seq) if seq == modseq => {}
                None if modseq < state.oldest => {}
                told => lines.push(format!(
                    "entry's last change is not in the log: mailbox {} uid {uid} modseq {modseq} log {}",
                    mailbox.0,
                    told.unwrap_or(0)
                )),
            }
            Ok(ControlFlow::Continue(()))
        },
    )?;
    let mut left: Vec<_> = told.into_iter().collect();
    left.sort_unstable();
    for ((mailbox, uid), seq) in left {
        lines.push(format!(
            "entry of event {seq} is not there: mailbox {} uid {uid}",
            mailbox.0
        ));
    }
    Ok(())
}

fn missing_mailboxes(
    store: &Store,
    org: OrgId,
    told: &HashMap<(MailboxId, u32), u64>,
) -> Result<Vec<MailboxId>, Error> {
    let mut named: Vec<MailboxId> = told.keys().map(|(mailbox, _)| *mailbox).collect();
    named.sort_unstable();
    named.dedup();
    let mut missing = Vec::new();
    for mailbox in named {
        let there = store.one(
            "SELECT 1 FROM mailbox WHERE id = ?1 AND org = ?2",
            [mailbox.0, org.0],
            |_| Ok(()),
        )?;
        if there.is_none() {
            missing.push(mailbox);
        }
    }
    Ok(missing)
}

/// Compares every chunk with its checksum and its place.
fn octets(store: &Store) -> Result<Vec<String>, Error> {
    let mut lines = Vec::new();
    let mut after = 0;
    loop {
        let mut last = None;
        let _ = store.each(
            "SELECT id, checksum, octets FROM chunk WHERE id > ?1 ORDER BY id LIMIT 64",
            [after],
            |r| {
                let id: i64 = r.get(0)?;
                let octets = r.get_ref(2)?.as_blob().unwrap_or_default();
                let checksum: i64 = r.get(1)?;
                if checksum != i64::from(crc32fast::hash(octets)) || octets.len() > CHUNK_BYTES {
                    lines.push(format!("stored octets are damaged: chunk {id}"));
                }
                last = Some(id);
                Ok(ControlFlow::Continue(()))
            },
        )?;
        match last {
            Some(id) => after = id,
            None => return Ok(lines),
        }
    }
}

/// The most lines of one check; more are counted.
const LINES_MAX: usize = 20;
/// Rows of the log read at once.
const PAGE_ROWS: usize = 500;
