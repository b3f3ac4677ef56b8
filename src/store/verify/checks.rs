//! Checks that are one query each: references in both directions, counters, and what must be there
//! exactly once.

use core::ops::ControlFlow;

use super::{Fault, Findings};
use crate::call::{InboxId, OrgId};
use crate::store::{Error, Store};

/// A query. Each of its rows is something that is wrong: its id, and its organization where the
/// table does not tell it by the id.
pub(super) struct Check {
    pub what: &'static str,
    /// The table that the id is of.
    pub table: &'static str,
    sql: &'static str,
}

impl Check {
    pub(super) fn run(&self, store: &Store, found: &mut Findings) -> Result<(), Error> {
        let _ = store.each(self.sql, [], |r| {
            let id: i64 = r.get(0)?;
            let org = match r.get(1) {
                Ok(org) => org,
                Err(_) => org_of(store, self.table, id)?,
            };
            found.add(
                Fault::of(self.table, self.what)
                    .at(format!("id={id}"))
                    .in_org(org),
            );
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(())
    }
}

/// The organization of a row of a table whose key is an id.
fn org_of(store: &Store, table: &str, id: i64) -> Result<Option<i64>, Error> {
    let sql = match table {
        "org" => return Ok(Some(id)),
        "mailbox" => "SELECT org FROM mailbox WHERE id = ?1",
        "inbox" => "SELECT org FROM inbox WHERE id = ?1",
        "body" => "SELECT org FROM body WHERE id = ?1",
        "key" => "SELECT org FROM key WHERE id = ?1",
        "job" => "SELECT org FROM job WHERE id = ?1",
        "outbound" => "SELECT org FROM outbound WHERE id = ?1",
        "domain" => "SELECT org FROM domain WHERE id = ?1",
        _ => return Ok(None),
    };
    store.one(sql, [id], |r| r.get(0))
}

/// Every check.
pub(super) const ALL: &[Check] = &[
    Check {
        what: "mailbox counters differ from its entries",
        table: "mailbox",
        sql: "SELECT m.id FROM mailbox m LEFT JOIN (
                  SELECT mailbox, count(*) n, sum(flags & 1 = 0) unseen,
                         sum(flags & 8 <> 0) deleted, sum(size) bytes
                  FROM entry GROUP BY mailbox) e ON e.mailbox = m.id
              WHERE m.messages <> coalesce(e.n, 0) OR m.unseen <> coalesce(e.unseen, 0)
                 OR m.deleted <> coalesce(e.deleted, 0) OR m.bytes <> coalesce(e.bytes, 0)",
    },
    Check {
        what: "mailbox uidnext is not above its UIDs",
        table: "mailbox",
        sql: "SELECT id FROM mailbox m WHERE uidnext < 1 OR uidnext > 4294967295
                 OR recent_above >= uidnext
                 OR uidnext <= (SELECT max(uid) FROM entry WHERE mailbox = m.id)
                 OR uidnext <= (SELECT max(high) FROM expunged WHERE mailbox = m.id)",
    },
    Check {
        what: "mailbox highest_modseq is below an entry's or beyond the log",
        table: "mailbox",
        sql: "SELECT m.id FROM mailbox m JOIN org o ON o.id = m.org
              WHERE m.highest_modseq > o.seq OR m.expunged_floor > o.seq
                 OR m.highest_modseq < (SELECT max(modseq) FROM entry WHERE mailbox = m.id)
                 OR m.highest_modseq < (SELECT max(modseq) FROM expunged WHERE mailbox = m.id)",
    },
    Check {
        what: "two mailboxes share a UIDVALIDITY, or it was never given out",
        table: "mailbox",
        sql: "SELECT min(id) FROM mailbox GROUP BY uidvalidity HAVING count(*) > 1
                 OR uidvalidity < 1
                 OR uidvalidity > (SELECT value FROM meta WHERE name = 'uidvalidity')",
    },
    Check {
        what: "mailbox is in no inbox of its organization",
        table: "mailbox",
        sql: "SELECT m.id FROM mailbox m LEFT JOIN inbox i ON i.id = m.inbox AND i.org = m.org
              WHERE i.id IS NULL
                  AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 2 AND id = m.inbox)",
    },
    Check {
        what: "inbox lacks an INBOX",
        table: "inbox",
        sql: "SELECT id FROM inbox i WHERE NOT EXISTS
                  (SELECT 1 FROM mailbox WHERE inbox = i.id AND name = 'INBOX')",
    },
    Check {
        what: "inbox has not exactly one Sent mailbox",
        table: "inbox",
        sql: "SELECT id FROM inbox i WHERE 1 <>
                  (SELECT count(*) FROM mailbox WHERE inbox = i.id AND special = 1)",
    },
    Check {
        what: "inbox has not exactly one Drafts mailbox",
        table: "inbox",
        sql: "SELECT id FROM inbox i WHERE 1 <>
                  (SELECT count(*) FROM mailbox WHERE inbox = i.id AND special = 2)",
    },
    Check {
        what: "inbox has not exactly one Trash mailbox",
        table: "inbox",
        sql: "SELECT id FROM inbox i WHERE 1 <>
                  (SELECT count(*) FROM mailbox WHERE inbox = i.id AND special = 3)",
    },
    Check {
        what: "inbox has not exactly one Junk mailbox",
        table: "inbox",
        sql: "SELECT id FROM inbox i WHERE 1 <>
                  (SELECT count(*) FROM mailbox WHERE inbox = i.id AND special = 4)",
    },
    Check {
        what: "mailbox has a special use that does not exist",
        table: "mailbox",
        sql: "SELECT id FROM mailbox WHERE special NOT BETWEEN 1 AND 4",
    },
    Check {
        what: "inbox has a mode of sending that does not exist",
        table: "inbox",
        sql: "SELECT id FROM inbox WHERE send_mode NOT BETWEEN 0 AND 3",
    },
    Check {
        what: "organization has a mode of sending that does not exist",
        table: "org",
        sql: "SELECT id FROM org WHERE send_mode NOT BETWEEN 0 AND 3",
    },
    // Without its last level, a name is that of another mailbox of the inbox.
    Check {
        what: "mailbox is below one that does not exist",
        table: "mailbox",
        sql: "SELECT m.id FROM mailbox m
              WHERE instr(m.name, '/') > 0 AND NOT EXISTS (
                  SELECT 1 FROM mailbox p WHERE p.inbox = m.inbox
                      AND p.name = rtrim(rtrim(m.name, replace(m.name, '/', '')), '/'))",
    },
    Check {
        what: "inbox is below one that is gone or another organization's",
        table: "inbox",
        sql: "SELECT i.id FROM inbox i LEFT JOIN inbox p ON p.id = i.parent AND p.org = i.org
              WHERE i.parent IS NOT NULL AND p.id IS NULL",
    },
    Check {
        what: "key is bound to inboxes, and its row says that it is not",
        table: "key",
        sql: "SELECT DISTINCT k.key FROM key_inbox k JOIN key ON key.id = k.key
              WHERE key.bound <> 1",
    },
    Check {
        what: "key of an inbox is gone",
        table: "key_inbox",
        sql: "SELECT k.key FROM key_inbox k LEFT JOIN key ON key.id = k.key WHERE key.id IS NULL",
    },
    Check {
        what: "the organization of the operator is not known",
        table: "meta",
        sql: "SELECT 0 WHERE EXISTS (SELECT 1 FROM org)
                  AND NOT EXISTS (SELECT 1 FROM meta WHERE name = 'operator')",
    },
    Check {
        what: "single values are missing: so many",
        table: "meta",
        sql: "SELECT count(*) FROM (VALUES ('epoch'), ('id'), ('uidvalidity'), ('hash0'), ('hash1'),
                  ('summed')) v WHERE v.column1 NOT IN (SELECT name FROM meta) HAVING count(*) > 0",
    },
    Check {
        what: "job of an organization that is gone",
        table: "job",
        sql: "SELECT j.id, j.org FROM job j LEFT JOIN org o ON o.id = j.org
              WHERE o.id IS NULL
                  AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 3 AND id = j.org)",
    },
    Check {
        what: "approval of an organization that is gone",
        table: "approval",
        sql: "SELECT a.id, a.org FROM approval a LEFT JOIN org o ON o.id = a.org
              WHERE o.id IS NULL
                  AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 3 AND id = a.org)",
    },
    Check {
        what: "held message is not in Drafts",
        table: "approval",
        sql: "SELECT a.id, a.org FROM approval a JOIN inbox i ON i.id = a.inbox
                  LEFT JOIN entry e ON e.inbox = a.inbox AND e.id = a.entry AND e.org = a.org
                  LEFT JOIN mailbox m ON m.id = e.mailbox
              WHERE a.status = 0 AND m.special IS NOT 2",
    },
    Check {
        what: "approval has no time of its decision, or one too many",
        table: "approval",
        sql: "SELECT id, org FROM approval
              WHERE status NOT BETWEEN 0 AND 3 OR (status > 0) <> (decided_at IS NOT NULL)",
    },
    Check {
        what: "kept answers of an organization that is gone",
        table: "once",
        sql: "SELECT DISTINCT a.org, a.org FROM once a LEFT JOIN org o ON o.id = a.org
              WHERE o.id IS NULL AND a.org <> 0
                  AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 3 AND id = a.org)",
    },
    Check {
        what: "expunged UIDs end before they begin, in the mailbox",
        table: "mailbox",
        sql: "SELECT DISTINCT mailbox FROM expunged WHERE low < 1 OR high < low",
    },
    Check {
        what: "entry of an organization has a conversation, a MODSEQ or flags that do not exist",
        table: "entry",
        sql: "SELECT id, org FROM entry WHERE thread < 1 OR modseq < 1 OR flags NOT BETWEEN 0 AND 255",
    },
    Check {
        what: "entry is in no mailbox of its inbox and organization",
        table: "entry",
        sql: "SELECT e.id, e.org FROM entry e LEFT JOIN mailbox m
                  ON m.id = e.mailbox AND m.inbox = e.inbox AND m.org = e.org
              WHERE m.id IS NULL
                  AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 1 AND id = e.mailbox)",
    },
    Check {
        what: "entry has no body of its organization, or another size",
        table: "entry",
        sql: "SELECT e.id, e.org FROM entry e LEFT JOIN body b ON b.id = e.body AND b.org = e.org
              WHERE b.id IS NULL OR e.size <> b.size + coalesce(length(e.prefix), 0)",
    },
    Check {
        what: "entry has a UID out of range",
        table: "entry",
        sql: "SELECT id, org FROM entry WHERE uid < 1 OR uid > 4294967295",
    },
    Check {
        what: "entry is in the mailbox twice: there and among the expunged",
        table: "entry",
        sql: "SELECT e.id, e.org FROM expunged x JOIN entry e
                  ON e.mailbox = x.mailbox AND e.uid BETWEEN x.low AND x.high",
    },
    Check {
        what: "expunged UIDs of a mailbox that is gone",
        table: "mailbox",
        sql: "SELECT DISTINCT x.mailbox FROM expunged x LEFT JOIN mailbox m ON m.id = x.mailbox
              WHERE m.id IS NULL
                  AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 1 AND id = x.mailbox)",
    },
    Check {
        what: "keywords of a mailbox that is gone",
        table: "mailbox",
        sql: "SELECT DISTINCT k.mailbox FROM keyword k LEFT JOIN mailbox m ON m.id = k.mailbox
              WHERE m.id IS NULL
                  AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 1 AND id = k.mailbox)",
    },
    Check {
        what: "inbox counters differ from its entries",
        table: "inbox",
        sql: "SELECT i.id FROM inbox i LEFT JOIN (
                  SELECT inbox, sum(messages) n, sum(bytes) bytes FROM mailbox GROUP BY inbox) m
                  ON m.inbox = i.id
              WHERE i.messages <> coalesce(m.n, 0) OR i.bytes <> coalesce(m.bytes, 0)",
    },
    Check {
        what: "inbox has not exactly one address",
        table: "inbox",
        sql: "SELECT i.id FROM inbox i LEFT JOIN (
                  SELECT inbox, org, count(*) n FROM address WHERE inbox IS NOT NULL
                  GROUP BY inbox) a ON a.inbox = i.id
              WHERE a.n IS NOT 1 OR a.org <> i.org",
    },
    Check {
        what: "two inboxes receive mail for the address of this one",
        table: "inbox",
        sql: "SELECT min(i.id) FROM address a JOIN inbox i ON i.id = a.inbox
                  LEFT JOIN domain d ON d.id = i.domain
              WHERE i.domain IS NULL OR d.verified_at IS NOT NULL
              GROUP BY a.canonical HAVING count(*) > 1",
    },
    Check {
        what: "inbox is at a domain of another organization",
        table: "inbox",
        sql: "SELECT i.id FROM inbox i JOIN domain d ON d.id = i.domain WHERE d.org <> i.org",
    },
    Check {
        what: "address of an inbox that is gone",
        table: "inbox",
        sql: "SELECT a.inbox FROM address a LEFT JOIN inbox i ON i.id = a.inbox
              WHERE a.inbox IS NOT NULL AND i.id IS NULL",
    },
    Check {
        what: "key is bound to an inbox that is gone or another organization's",
        table: "key",
        sql: "SELECT k.key FROM key_inbox k JOIN key ON key.id = k.key
                  LEFT JOIN inbox i ON i.id = k.inbox AND i.org = key.org
              WHERE i.id IS NULL
                  AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 2 AND id = k.inbox)",
    },
    Check {
        what: "filter rule of an inbox that is gone",
        table: "filter_rule",
        sql: "SELECT f.id, f.org FROM filter_rule f LEFT JOIN inbox i ON i.id = f.inbox
              WHERE f.inbox <> 0 AND i.id IS NULL
                  AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 2 AND id = f.inbox)
                  AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 3 AND id = f.org)",
    },
    Check {
        what: "rule of an inbox that is gone",
        table: "rule",
        sql: "SELECT r.id, r.org FROM rule r LEFT JOIN inbox i ON i.id = r.inbox
              WHERE r.inbox <> 0 AND i.id IS NULL
                  AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 2 AND id = r.inbox)
                  AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 3 AND id = r.org)",
    },
    Check {
        what: "answered sender of an inbox that is gone",
        table: "answered",
        sql: "SELECT DISTINCT a.inbox FROM answered a LEFT JOIN inbox i ON i.id = a.inbox
              WHERE i.id IS NULL
                  AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 2 AND id = a.inbox)",
    },
    Check {
        what: "hits of a rule that is gone",
        table: "rule_hit",
        sql: "SELECT h.rule FROM rule_hit h LEFT JOIN rule r ON r.id = h.rule WHERE r.id IS NULL",
    },
    Check {
        what: "inbox has an unknown receive_default",
        table: "inbox",
        sql: "SELECT id FROM inbox WHERE receive_default NOT BETWEEN 0 AND 2",
    },
    Check {
        what: "catch-all of a domain is gone or another organization's",
        table: "domain",
        sql: "SELECT d.id FROM domain d LEFT JOIN inbox i ON i.id = d.catch_all AND i.org = d.org
              WHERE d.catch_all IS NOT NULL AND i.id IS NULL",
    },
    Check {
        what: "known sender of an inbox that is gone",
        table: "inbox",
        sql: "SELECT DISTINCT s.inbox FROM known_sender s LEFT JOIN inbox i ON i.id = s.inbox
              WHERE i.id IS NULL
                  AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 2 AND id = s.inbox)",
    },
    Check {
        what: "past of senders to an inbox that is gone",
        table: "inbox",
        sql: "SELECT DISTINCT s.inbox FROM sender_past s LEFT JOIN inbox i ON i.id = s.inbox
              WHERE i.id IS NULL
                  AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 2 AND id = s.inbox)",
    },
    Check {
        what: "spam settings of an inbox that is gone",
        table: "spam_setting",
        sql: "SELECT s.inbox, s.org FROM spam_setting s
                  LEFT JOIN inbox i ON i.id = s.inbox AND i.org = s.org
              WHERE i.id IS NULL
                  AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 2 AND id = s.inbox)",
    },
    Check {
        what: "account of an inbox that is gone",
        table: "upstream",
        sql: "SELECT u.inbox, u.org FROM upstream u
                  LEFT JOIN inbox i ON i.id = u.inbox AND i.org = u.org
              WHERE i.id IS NULL
                  AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 2 AND id = u.inbox)",
    },
    Check {
        what: "access tokens of an account that is gone",
        table: "upstream_oauth",
        sql: "SELECT o.inbox, o.org FROM upstream_oauth o
                  LEFT JOIN upstream u ON u.inbox = o.inbox AND u.org = o.org
              WHERE u.inbox IS NULL",
    },
    Check {
        what: "mailbox of an account that is gone",
        table: "upstream_folder",
        sql: "SELECT f.id, f.inbox FROM upstream_folder f LEFT JOIN upstream u ON u.inbox = f.inbox
              WHERE u.inbox IS NULL
                  AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 2 AND id = f.inbox)",
    },
    Check {
        what: "message of a mailbox elsewhere that is gone",
        table: "upstream_message",
        sql: "SELECT m.id, m.inbox FROM upstream_message m
                  LEFT JOIN upstream_folder f ON f.id = m.folder AND f.inbox = m.inbox
              WHERE f.id IS NULL
                  AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 2 AND id = m.inbox)",
    },
    Check {
        what: "state of a message elsewhere that is gone",
        table: "upstream_state",
        sql: "SELECT s.message, s.inbox FROM upstream_state s
                  LEFT JOIN upstream_message m ON m.id = s.message AND m.inbox = s.inbox
                      AND m.folder = s.folder
              WHERE m.id IS NULL
                  AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 2 AND id = s.inbox)",
    },
    Check {
        what: "change of a message elsewhere that is gone",
        table: "upstream_change",
        sql: "SELECT c.message, c.inbox FROM upstream_change c
                  LEFT JOIN upstream_state s ON s.message = c.message AND s.inbox = c.inbox
              WHERE s.message IS NULL
                  AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 2 AND id = c.inbox)",
    },
    Check {
        what: "comparison of a mailbox elsewhere that is gone",
        table: "upstream_compared",
        sql: "SELECT c.folder, c.inbox FROM upstream_compared c
                  LEFT JOIN upstream_folder f ON f.id = c.folder AND f.inbox = c.inbox
              WHERE f.id IS NULL
                  AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 2 AND id = c.inbox)",
    },
    Check {
        what: "lesson of a message that is gone",
        table: "lesson",
        sql: "SELECT l.body, l.org FROM lesson l
                  LEFT JOIN body b ON b.id = l.body AND b.org = l.org
              WHERE b.id IS NULL",
    },
    Check {
        what: "learned by an organization that is gone",
        table: "org",
        sql: "SELECT l.org FROM learned l LEFT JOIN org o ON o.id = l.org WHERE o.id IS NULL",
    },
    Check {
        what: "earlier lessons of an organization that is gone",
        table: "org",
        sql: "SELECT DISTINCT l.org FROM earlier_lesson l LEFT JOIN org o ON o.id = l.org
              WHERE o.id IS NULL",
    },
    Check {
        what: "known spam of a source that is gone",
        table: "known_spam",
        sql: "SELECT DISTINCT k.source FROM known_spam k
                  LEFT JOIN known_spam_source s ON s.id = k.source
              WHERE s.id IS NULL",
    },
    Check {
        what: "source of known spam whose numbers are not those of its entries",
        table: "known_spam_source",
        sql: "SELECT s.id FROM known_spam_source s LEFT JOIN
                  (SELECT source, sum(kind = 0) AS bodies, sum(kind = 1) AS links,
                       sum(kind = 2) AS attachments
                   FROM known_spam GROUP BY source) k ON k.source = s.id
              WHERE s.bodies <> coalesce(k.bodies, 0) OR s.links <> coalesce(k.links, 0)
                  OR s.attachments <> coalesce(k.attachments, 0)",
    },
    Check {
        what: "consumer group of an organization that is gone",
        table: "org",
        sql: "SELECT DISTINCT g.org FROM event_group g LEFT JOIN org o ON o.id = g.org
              WHERE o.id IS NULL",
    },
    Check {
        what: "event of a consumer group that is gone",
        table: "event_group",
        sql: "SELECT DISTINCT p.grp FROM event_pending p LEFT JOIN event_group g ON g.id = p.grp
              WHERE g.id IS NULL",
    },
    Check {
        what: "event of a consumer group beyond its cursor",
        table: "event_group",
        sql: "SELECT DISTINCT g.id, g.org FROM event_pending p JOIN event_group g ON g.id = p.grp
              WHERE p.seq > g.seq",
    },
    Check {
        what: "import into an inbox that is gone",
        table: "inbox",
        sql: "SELECT DISTINCT s.inbox FROM imported s LEFT JOIN inbox i ON i.id = s.inbox
              WHERE i.id IS NULL
                  AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 2 AND id = s.inbox)",
    },
    Check {
        what: "subscription of an inbox that is gone",
        table: "inbox",
        sql: "SELECT DISTINCT s.inbox FROM subscription s LEFT JOIN inbox i ON i.id = s.inbox
              WHERE i.id IS NULL
                  AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 2 AND id = s.inbox)",
    },
    Check {
        what: "conversation of an inbox that is gone",
        table: "inbox",
        sql: "SELECT DISTINCT r.inbox FROM reference r LEFT JOIN inbox i ON i.id = r.inbox
              WHERE i.id IS NULL
                  AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 2 AND id = r.inbox)",
    },
    Check {
        what: "body is counted wrong",
        table: "body",
        sql: "SELECT b.id FROM body b LEFT JOIN (
                  SELECT body, count(*) n FROM
                      (SELECT body FROM entry UNION ALL
                       SELECT body FROM job WHERE body IS NOT NULL UNION ALL
                       SELECT body FROM outbound WHERE body IS NOT NULL UNION ALL
                       SELECT body FROM upload) GROUP BY body) u
                  ON u.body = b.id
                  LEFT JOIN recount r ON r.body = b.id
              WHERE b.refs + coalesce(r.delta, 0) <> coalesce(u.n, 0)",
    },
    Check {
        what: "change of the references of a body that is gone",
        table: "body",
        sql: "SELECT r.body FROM recount r LEFT JOIN body b ON b.id = r.body
              WHERE b.id IS NULL",
    },
    Check {
        what: "deleted, and still there",
        table: "doomed",
        sql: "SELECT d.id FROM doomed d LEFT JOIN mailbox m ON m.id = d.id
                  LEFT JOIN inbox i ON i.id = d.id
              WHERE m.id IS NOT NULL OR i.id IS NOT NULL OR d.kind NOT BETWEEN 1 AND 3",
    },
    Check {
        what: "job has no body of its organization",
        table: "job",
        sql: "SELECT j.id FROM job j LEFT JOIN body b ON b.id = j.body AND b.org = j.org
              WHERE j.body IS NOT NULL AND b.id IS NULL",
    },
    Check {
        what: "job is in no state that there is",
        table: "job",
        sql: "SELECT id FROM job WHERE state NOT IN (0, 1)
                 OR (state = 1) <> (lease_until IS NOT NULL)
                 OR (state = 1) <> (lease_by IS NOT NULL)",
    },
    Check {
        what: "recipient outside of an organization that is gone",
        table: "outbound",
        sql: "SELECT b.id, b.org FROM outbound b LEFT JOIN org o ON o.id = b.org
              WHERE o.id IS NULL
                  AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 3 AND id = b.org)",
    },
    Check {
        what: "recipient outside has no body of its organization",
        table: "outbound",
        sql: "SELECT o.id FROM outbound o LEFT JOIN body b ON b.id = o.body AND b.org = o.org
              WHERE o.body IS NOT NULL AND b.id IS NULL",
    },
    Check {
        what: "recipient outside is in no state that there is",
        table: "outbound",
        sql: "SELECT id FROM outbound WHERE status NOT BETWEEN 0 AND 8
                 OR (status < 5) <> (body IS NOT NULL)
                 OR (status = 4) <> (lease_by IS NOT NULL)",
    },
    Check {
        what: "recipient outside waits, and nothing looks at it",
        table: "outbound",
        sql: "SELECT o.id FROM outbound o LEFT JOIN outbound_backlog b
                  ON b.org = o.org AND b.domain = o.domain
              WHERE o.status BETWEEN 2 AND 3 AND b.org IS NULL",
    },
    Check {
        what: "recipient outside waits, and its message does not",
        table: "outbound",
        sql: "SELECT o.id, o.org FROM outbound o
              WHERE o.status < 2
                  AND NOT EXISTS (SELECT 1 FROM scheduled s WHERE s.entry = o.entry)
                  AND NOT EXISTS (SELECT 1 FROM approval a WHERE a.org = o.org
                                  AND a.entry = o.entry AND a.status = 0)
                  AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 3 AND id = o.org)",
    },
    Check {
        what: "metadata of a message that is gone",
        table: "metadata",
        sql: "SELECT x.entry, x.org FROM metadata x
                  LEFT JOIN entry e ON e.inbox = x.inbox AND e.id = x.entry
              WHERE e.id IS NULL",
    },
    Check {
        what: "end of a message that is gone",
        table: "expiring",
        sql: "SELECT x.entry, x.org FROM expiring x
                  LEFT JOIN entry e ON e.inbox = x.inbox AND e.id = x.entry
              WHERE e.id IS NULL",
    },
    Check {
        what: "scheduled message of an organization that is gone",
        table: "scheduled",
        sql: "SELECT s.entry, s.org FROM scheduled s LEFT JOIN org o ON o.id = s.org
              WHERE o.id IS NULL
                  AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 3 AND id = s.org)",
    },
    Check {
        what: "scheduled message is not in Drafts",
        table: "scheduled",
        sql: "SELECT s.entry, s.org FROM scheduled s JOIN inbox i ON i.id = s.inbox
                  LEFT JOIN entry e ON e.inbox = s.inbox AND e.id = s.entry AND e.org = s.org
                  LEFT JOIN mailbox m ON m.id = e.mailbox
              WHERE m.special IS NOT 2",
    },
    Check {
        what: "upload of an organization that is gone",
        table: "upload",
        sql: "SELECT u.id, u.org FROM upload u LEFT JOIN org o ON o.id = u.org
              WHERE o.id IS NULL
                  AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 3 AND id = u.org)",
    },
    Check {
        what: "upload has no body of its organization, or another size",
        table: "upload",
        sql: "SELECT u.id, u.org FROM upload u
                  LEFT JOIN body b ON b.id = u.body AND b.org = u.org
              WHERE b.id IS NULL OR b.size <> u.size",
    },
    Check {
        what: "log of the organization has a gap",
        table: "org",
        sql: "SELECT o.id FROM org o LEFT JOIN (
                  SELECT org, count(*) n, min(seq) low, max(seq) high FROM event GROUP BY org) e
                  ON e.org = o.id
              WHERE (coalesce(e.n, 0) <> o.seq - o.oldest + 1
                     OR (e.n > 0 AND (e.low <> o.oldest OR e.high <> o.seq)))
                  AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 3 AND id = o.id)",
    },
    Check {
        what: "usage of an inbox that is gone",
        table: "usage_day",
        sql: "SELECT DISTINCT u.inbox, u.org FROM usage_day u LEFT JOIN inbox i ON i.id = u.inbox
              WHERE u.inbox <> 0 AND i.id IS NULL
                  AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 2 AND id = u.inbox)",
    },
    Check {
        what: "usage of an organization that is gone",
        table: "usage_day",
        sql: "SELECT DISTINCT u.inbox, u.org FROM usage_day u LEFT JOIN org o ON o.id = u.org
              WHERE o.id IS NULL
                  AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 3 AND id = u.org)",
    },
    Check {
        what: "audit of the organization has a gap",
        table: "org",
        sql: "SELECT org FROM audit GROUP BY org HAVING count(*) <> max(nth) - min(nth) + 1",
    },
    Check {
        what: "audit of an organization that is gone",
        table: "org",
        sql: "SELECT DISTINCT a.org FROM audit a LEFT JOIN org o ON o.id = a.org
              WHERE o.id IS NULL
                  AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 3 AND id = a.org)",
    },
    Check {
        what: "log of an organization that is gone",
        table: "org",
        sql: "SELECT DISTINCT e.org FROM event e LEFT JOIN org o ON o.id = e.org
              WHERE o.id IS NULL
                  AND NOT EXISTS (SELECT 1 FROM doomed WHERE kind = 3 AND id = e.org)",
    },
    Check {
        what: "time goes back in the log, at number",
        table: "event",
        sql: "SELECT seq FROM (SELECT seq, at, lag(at) OVER (PARTITION BY org ORDER BY seq) before
                               FROM event) WHERE before > at",
    },
    Check {
        what: "id beyond the mark of ids given out",
        table: "meta",
        sql: "SELECT id FROM (SELECT max(id) id FROM entry UNION ALL SELECT max(id) FROM body
                              UNION ALL SELECT max(id) FROM mailbox UNION ALL SELECT max(id) FROM inbox
                              UNION ALL SELECT max(id) FROM key UNION ALL SELECT max(id) FROM job
                              UNION ALL SELECT max(id) FROM outbound)
              WHERE id > (SELECT value FROM meta WHERE name = 'id')",
    },
    Check {
        what: "chunks without a body",
        table: "chunk",
        sql: "SELECT c.id FROM chunk c WHERE NOT EXISTS (
                  SELECT 1 FROM (SELECT id, size FROM body WHERE id <= c.id
                                 ORDER BY id DESC LIMIT 1) b
                  WHERE c.id < b.id + max(1, (b.size + 262143) / 262144))",
    },
    Check {
        what: "body lacks octets, or has some of another size",
        table: "body",
        // A body without a reference is still arriving, or a part of it is freed already.
        sql: "SELECT b.id FROM body b WHERE b.refs <> 0 AND b.size <> coalesce(
                  (SELECT sum(length(octets)) FROM chunk c
                   WHERE c.id >= b.id AND c.id < b.id + max(1, (b.size + 262143) / 262144)), 0)",
    },
];

/// The ancestors of every inbox are its parent and the ancestors of its parent.
pub(super) fn ancestors(store: &Store, found: &mut Findings) -> Result<(), Error> {
    // The inboxes of an organization that has ended are cut off from each other.
    let sql = "SELECT org, id, parent FROM inbox
               WHERE org NOT IN (SELECT id FROM doomed WHERE kind = 3)";
    let _ = store.each(sql, [], |r| {
        let (org, inbox) = (OrgId(r.get(0)?), InboxId(r.get(1)?));
        let parent = r.get::<_, Option<i64>>(2)?.map(InboxId);
        if let Err(error) = compare_ancestors(store, (org, inbox), parent, found) {
            let fault = Fault::of("inbox", error.to_string())
                .at(format!("id={}", inbox.0))
                .in_org(Some(org.0));
            found.add_error(fault, error);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(())
}

fn compare_ancestors(
    store: &Store,
    (org, inbox): (OrgId, InboxId),
    parent: Option<InboxId>,
    found: &mut Findings,
) -> Result<(), Error> {
    let own = store.inbox_path(org, inbox)?.map(|p| p.ancestors);
    let above = match parent {
        None => Some(Vec::new()),
        Some(parent) => store
            .inbox_path(org, parent)?
            .map(|p| [parent].into_iter().chain(p.ancestors).collect()),
    };
    if own != above {
        found.add(
            Fault::of("inbox", "inbox has wrong ancestors")
                .at(format!("id={}", inbox.0))
                .in_org(Some(org.0)),
        );
    }
    Ok(())
}
