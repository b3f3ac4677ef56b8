//! Rows that something else has changed: each kind of damage is named with its table, its row and
//! its organization. What `verify.rs` has are rows that do not fit each other; these fit.

#![allow(clippy::unwrap_used)]

use super::verify::{damage, world};
use super::{audit, made, signature, upload};
use crate::call::*;
use crate::service::Inline;
use crate::service::access::login;
use crate::service::intake::read_again;
use crate::store::verify::{Depth, Findings, examine};
use crate::store::{NewJob, SmtpJob, Store};

const NOW: Now = Now {
    mono_ms: 5,
    unix_ms: 1_700_000_000_000,
};

fn serve(inline: &mut Inline, access: &Access, ask: impl Into<Call>) -> Reply {
    let ask = Ask::of(access, ask.into());
    let request = Request {
        request_id: ask.request_id,
        depth: ask.depth,
        conn: Some(ConnId(1)),
        peer: [192, 0, 2, 1].into(),
        now: NOW,
        caller: ask.caller,
        call: ask.call,
    };
    inline.serve(request).0.unwrap()
}

fn write(inline: &mut Inline, access: &Access, ask: impl Into<Call>) {
    let reply = serve(inline, access, ask);
    assert!(matches!(reply, Reply::Written(..)), "{reply:?}");
}

/// The access to the first inbox of the first organization.
fn first_access(inline: &Inline) -> (Access, InboxId) {
    let org = inline.store.orgs(OrgId(0), 1).unwrap()[0].0.id;
    let inbox = inline.store.inboxes(org, None, InboxId(0), 1).unwrap()[0].id;
    let mut grant = (*login::folder_access(org).0).clone();
    grant.inbox = Some(inbox);
    (Access(std::sync::Arc::new(grant)), inbox)
}

/// A database with a row in every table: two organizations, keys, inboxes below others, copies,
/// keywords, expunged messages, mailboxes below others, a job, a kept answer.
pub(super) fn everything() -> Inline {
    let mut inline = world();
    let org = inline.store.orgs(OrgId(0), 1).unwrap()[0].0.id;
    let other = inline.make_org("two").unwrap();
    inline.make_inbox(other, "c@y.test").unwrap();
    inline.make_key(other, Scopes::ADMIN, None).unwrap();
    let (access, inbox) = first_access(&inline);
    write(
        &mut inline,
        &access,
        MailboxWrite::Create {
            mailbox: "work/sent".into(),
        },
    );
    let id = |name: &str| {
        let found = inline.store.mailbox_named(org, inbox, name).unwrap();
        found.unwrap().id
    };
    let (source, target) = (id("INBOX"), id("work/sent"));
    write(
        &mut inline,
        &access,
        EntryWrite::SetFlags {
            mailbox: source,
            uids: UidSet::one(2),
            how: FlagChange::Add,
            flags: Flags::SEEN,
            keywords: vec!["one".into(), "two".into()],
            unchanged_since: None,
        },
    );
    for (remove, uid) in [(false, 2), (true, 3)] {
        write(
            &mut inline,
            &access,
            EntryWrite::Copy {
                mailbox: source,
                uids: UidSet::one(uid).into(),
                to: "work/sent".into(),
                all: false,
                remove,
                progress: Box::default(),
            },
        );
    }
    assert_ne!(source, target);
    let store = &inline.store;
    store.begin().unwrap();
    let body = store.all("SELECT id FROM body ORDER BY id", [], |r| r.get(0));
    let body = BodyId(body.unwrap()[0]);
    store.hold_body(org, body).unwrap();
    let job = NewJob {
        org,
        inbox: Some(inbox),
        subject: "z.test",
        entry: None,
        body: Some(body),
        payload: crate::store::JobPayload::Smtp(SmtpJob::default()),
        due_at: 0,
        holds: 0,
    };
    store.enqueue(NOW, &job).unwrap();
    store.hold_body(org, body).unwrap();
    let outbound = crate::store::NewOutbound {
        org,
        inbox,
        entry: None,
        body,
        domain: "z.test",
        envelope: &SmtpJob::default(),
        metadata: None,
        content: Default::default(),
        status: OutboundStatus::Queued,
        due_at: 0,
        expires_at: 5,
        late_at: 5,
        holds: 0,
    };
    store.queue_outbound(NOW, &outbound).unwrap();
    let backlog = crate::store::Backlog {
        org,
        domain: "z.test".into(),
    };
    store.set_backlog(&backlog, 0).unwrap();
    made::insert_lists(store, org, inbox);
    made::insert_held(store, org);
    super::upload::insert_upload(store, org, body);
    made::insert_signatures(store, other);
    made::insert_metadata(store, org, inbox);
    made::insert_dkim_key(store, org);
    made::keep_answer(store, org);
    made::insert_judgements(store, (org, inbox));
    assert!(store.note_import(org, inbox, &ImportId([7; 16])).unwrap());
    store.commit().unwrap();
    inline
}

/// What `postern verify --deep` finds.
fn look(store: &Store) -> Findings {
    examine(store, Depth::Deep, Some(&read_again))
}

fn lines(found: &Findings) -> Vec<String> {
    found.faults.iter().map(ToString::to_string).collect()
}

#[test]
fn everything_is_good_and_every_row_has_a_checksum() {
    let inline = everything();
    let found = look(&inline.store);
    assert_eq!(lines(&found), Vec::<String>::new());
    assert_eq!(found.notes, Vec::<String>::new());
    for table in crate::store::sum::TABLES {
        let deleted = matches!(table.name, "doomed" | "recount");
        let sql = format!("SELECT count(*) FROM {}", table.name);
        let rows: i64 = inline.store.sql.query_row(&sql, [], |r| r.get(0)).unwrap();
        assert_eq!(rows == 0, deleted, "{}: {rows}", table.name);
    }
}

/// What is damaged: a name, the change, the table and the words of the finding.
pub(super) type Kind = (&'static str, &'static str, &'static str, &'static str);

pub(super) const CHECKSUM: &str = "differs from its checksum";

const KINDS: &[Kind] = &[
    (
        "used budget",
        "UPDATE day_count SET n = n + 1",
        "day_count",
        CHECKSUM,
    ),
    (
        "client's own object",
        "UPDATE metadata SET json = '{\"a\":1}'",
        "metadata",
        CHECKSUM,
    ),
    (
        "id of an imported message",
        "UPDATE imported SET id = zeroblob(16)",
        "imported",
        CHECKSUM,
    ),
    (
        "end of a message",
        "UPDATE expiring SET expires_at = expires_at + 1",
        "expiring",
        CHECKSUM,
    ),
    (
        "time of a scheduled message",
        "UPDATE scheduled SET send_at = send_at + 1",
        "scheduled",
        CHECKSUM,
    ),
    (
        "digest emptied",
        "UPDATE body SET digest = x''",
        "body",
        CHECKSUM,
    ),
    (
        "one octet of a digest",
        "UPDATE body SET digest = substr(digest, 1, length(digest) - 1) || x'00'",
        "body",
        CHECKSUM,
    ),
    (
        "summary",
        "UPDATE body SET summary = substr(summary, 1, 3) || x'41' || substr(summary, 5)",
        "body",
        CHECKSUM,
    ),
    (
        "message id",
        "UPDATE body SET message_id = '<2@x.test>'",
        "body",
        CHECKSUM,
    ),
    (
        "header length",
        "UPDATE body SET header_len = header_len - 1",
        "body",
        CHECKSUM,
    ),
    (
        "prefix",
        "UPDATE entry SET prefix = x'41'",
        "entry",
        CHECKSUM,
    ),
    (
        "conversation",
        "UPDATE entry SET thread = thread + 1",
        "entry",
        CHECKSUM,
    ),
    (
        "known conversation",
        "UPDATE reference SET thread = thread + 1",
        "reference",
        CHECKSUM,
    ),
    (
        "received time",
        "UPDATE entry SET received_at = received_at + 1",
        "entry",
        CHECKSUM,
    ),
    (
        "keywords",
        "UPDATE entry SET keywords = 'one' WHERE keywords IS NOT NULL",
        "entry",
        CHECKSUM,
    ),
    (
        "key hash",
        "UPDATE key SET hash = zeroblob(32)",
        "key",
        CHECKSUM,
    ),
    (
        "key scopes",
        "UPDATE key SET scopes = scopes | 4096",
        "key",
        CHECKSUM,
    ),
    (
        "key is bound",
        "UPDATE key SET bound = 0 WHERE bound = 1",
        "key",
        "not",
    ),
    (
        "key revoked",
        "UPDATE key SET revoked_at = NULL, expires_at = 9",
        "key",
        CHECKSUM,
    ),
    (
        "address",
        "UPDATE address SET canonical = 'e@x.test' WHERE canonical = 'a@x.test'",
        "address",
        CHECKSUM,
    ),
    (
        "shown address",
        "UPDATE inbox SET address = 'e@x.test'",
        "inbox",
        CHECKSUM,
    ),
    (
        "operator row",
        "UPDATE meta SET value = value + 1 WHERE name = 'operator'",
        "meta",
        CHECKSUM,
    ),
    (
        "no operator row",
        "DELETE FROM meta WHERE name = 'operator'",
        "meta",
        "operator is not known",
    ),
    (
        "epoch",
        "UPDATE meta SET value = 7 WHERE name = 'epoch'",
        "meta",
        CHECKSUM,
    ),
    (
        "no epoch",
        "DELETE FROM meta WHERE name = 'epoch'",
        "meta",
        "missing",
    ),
    (
        "two Sent folders",
        "UPDATE mailbox SET special = 1 WHERE special = 3",
        "inbox",
        "exactly one Sent",
    ),
    (
        "no Sent folder",
        "DELETE FROM mailbox WHERE special = 1",
        "inbox",
        "exactly one Sent",
    ),
    (
        "no Trash",
        "UPDATE mailbox SET special = NULL WHERE special = 3",
        "inbox",
        "exactly one Trash",
    ),
    (
        "child inbox without parent",
        "UPDATE inbox SET parent = NULL WHERE parent IS NOT NULL",
        "inbox",
        "wrong ancestors",
    ),
    (
        "parent is gone",
        "UPDATE inbox SET parent = 5 WHERE parent IS NOT NULL",
        "inbox",
        "below one that is gone",
    ),
    (
        "ancestors",
        "UPDATE inbox SET ancestors = x'' WHERE parent IS NOT NULL",
        "inbox",
        "wrong ancestors",
    ),
    (
        "child mailbox without parent",
        "UPDATE mailbox SET name = 'walk' WHERE name = 'work'",
        "mailbox",
        "below one that does not exist",
    ),
    (
        "counters",
        "UPDATE mailbox SET unseen = unseen + 1",
        "mailbox",
        "counters differ",
    ),
    (
        "bytes",
        "UPDATE inbox SET bytes = bytes + 1",
        "inbox",
        "counters differ",
    ),
    ("sent today", "UPDATE org SET sent = 5", "org", CHECKSUM),
    (
        "sent of the inbox",
        "UPDATE inbox SET sent_day = 5",
        "inbox",
        CHECKSUM,
    ),
    (
        "next UID",
        "UPDATE mailbox SET uidnext = uidnext + 1",
        "mailbox",
        CHECKSUM,
    ),
    (
        "references",
        "UPDATE body SET refs = refs - 1",
        "body",
        "counted wrong",
    ),
    (
        "UIDVALIDITY",
        "UPDATE mailbox SET uidvalidity = uidvalidity - 900",
        "mailbox",
        CHECKSUM,
    ),
    ("event", "UPDATE event SET at = at + 1", "event", CHECKSUM),
    (
        "expunged",
        "UPDATE expunged SET modseq = modseq + 1",
        "expunged",
        CHECKSUM,
    ),
    (
        "subscription",
        "UPDATE subscription SET name = 'Z' WHERE name = 'Sent'",
        "subscription",
        CHECKSUM,
    ),
    (
        "recipient outside",
        "UPDATE outbound SET attempts = 9",
        "outbound",
        CHECKSUM,
    ),
    (
        "recipient's body",
        "UPDATE outbound SET body = 5",
        "outbound",
        "no body",
    ),
    (
        "recipient's backlog",
        "DELETE FROM outbound_backlog",
        "outbound",
        "nothing looks at it",
    ),
    (
        "backlog",
        "UPDATE outbound_backlog SET due_at = 9",
        "outbound_backlog",
        CHECKSUM,
    ),
    ("job", "UPDATE job SET due_at = 9", "job", CHECKSUM),
    (
        "signing key",
        "UPDATE dkim SET secret = x'010204'",
        "dkim",
        CHECKSUM,
    ),
    (
        "state of a signing key",
        "UPDATE dkim SET state = 2",
        "dkim",
        CHECKSUM,
    ),
    ("job's body", "UPDATE job SET body = 5", "job", "no body"),
    (
        "kept answer",
        "UPDATE once SET answer = x'0141'",
        "once",
        CHECKSUM,
    ),
    (
        "key's inbox",
        "UPDATE key_inbox SET inbox = 5",
        "key",
        "gone",
    ),
    (
        "flags",
        "UPDATE entry SET flags = flags | 4",
        "entry",
        CHECKSUM,
    ),
    ("arrival", "UPDATE entry SET arrival = 2", "entry", CHECKSUM),
    (
        "no checksum",
        "UPDATE body SET sum = NULL",
        "body",
        "no checksum",
    ),
    ("name", "UPDATE org SET name = 'x'", "org", CHECKSUM),
];

/// Counters have no checksum in common with their row: each is counted again.
const COUNTERS: &[Kind] = &[
    (
        "cost of a mailbox",
        "UPDATE mailbox SET cost = cost + 1 WHERE name = 'Sent'",
        "mailbox",
        "mailbox has another cost",
    ),
    (
        "cost of an inbox",
        "UPDATE inbox SET cost = cost - 1",
        "inbox",
        "inbox has another cost",
    ),
    (
        "octets of an organization",
        "UPDATE org SET bytes = bytes + 1",
        "org",
        "another bytes than",
    ),
    (
        "cost of an organization",
        "UPDATE org SET cost = cost + 1",
        "org",
        "another cost than",
    ),
    (
        "messages of an organization",
        "UPDATE org SET messages = messages + 1",
        "org",
        "another messages than",
    ),
    (
        "inboxes of an organization",
        "UPDATE org SET inboxes = inboxes + 1",
        "org",
        "another inboxes than",
    ),
    (
        "keys of an organization",
        "UPDATE org SET keys = keys + 1",
        "org",
        "another keys than",
    ),
    (
        "jobs of an organization",
        "UPDATE org SET jobs = jobs + 1",
        "org",
        "another jobs than",
    ),
    (
        "kept answers",
        "UPDATE org SET kept = kept + 1, kept_bytes = kept_bytes + 1",
        "org",
        "another kept, kept_bytes than",
    ),
    (
        "extra of an entry",
        "UPDATE entry SET extra = extra + 1",
        "entry",
        "another extra",
    ),
    (
        "cost of a job",
        "UPDATE job SET cost = cost + 1",
        "job",
        "another cost than its message",
    ),
    (
        "holders",
        "UPDATE reference SET holders = holders + 1",
        "inbox",
        "knows differ",
    ),
    (
        "holders of two Message-IDs",
        "INSERT INTO reference (inbox, hash, thread, holders, sum)
             SELECT inbox, 5, thread, 1, row_sum(inbox, 5, thread) FROM reference LIMIT 1;
         UPDATE reference SET holders = holders - 1 WHERE hash <> 5",
        "inbox",
        "knows differ",
    ),
    (
        "a Message-ID that nothing holds",
        "INSERT INTO reference (inbox, hash, thread, holders, sum)
             SELECT inbox, 5, thread, 0, row_sum(inbox, 5, thread) FROM reference LIMIT 1;
         UPDATE inbox SET cost = cost + 48; UPDATE org SET cost = cost + 48",
        "inbox",
        "knows differ",
    ),
    (
        "links gone",
        "UPDATE body SET links = NULL",
        "inbox",
        "knows differ",
    ),
    (
        "one octet of links",
        "UPDATE body SET links = substr(links, 1, length(links) - 1) || x'00'",
        "inbox",
        "knows differ",
    ),
    (
        "links cut",
        "UPDATE body SET links = substr(links, 1, 3) WHERE links IS NOT NULL",
        "body",
        "links",
    ),
    (
        "uses of a keyword",
        "UPDATE keyword SET uses = uses + 1 WHERE word = 'one'",
        "mailbox",
        "counts other keywords",
    ),
    (
        "keyword",
        "UPDATE keyword SET word = 'once' WHERE word = 'one'",
        "mailbox",
        "counts other keywords",
    ),
    (
        "no keywords",
        "DELETE FROM keyword",
        "mailbox",
        "counts other keywords",
    ),
    (
        "keyword of no mailbox",
        "INSERT INTO keyword VALUES (5, 'one', 1)",
        "mailbox",
        "that is gone",
    ),
];

#[test]
fn each_kind_of_damage_is_named() {
    let others = [signature::DAMAGE, upload::DAMAGE, audit::DAMAGE].concat();
    let all = KINDS.iter().chain(COUNTERS).chain(made::kinds());
    for (kind, sql, table, words) in all.chain(&others) {
        let inline = everything();
        damage(&inline.store, sql);
        let found = look(&inline.store);
        let named = found.faults.iter().find(|fault| {
            fault.table == *table
                && fault.what.contains(words)
                && !fault.row.is_empty()
                && (fault.org.is_some() || made::has_no_org(table, words))
                && !fault.advice().is_empty()
        });
        assert!(named.is_some(), "{kind}: {:#?}", lines(&found));
    }
}

/// The octets of one message stand in the place of another's, with right checksums of chunks.
#[test]
fn octets_of_another_message_are_found() {
    let inline = everything();
    damage(
        &inline.store,
        "UPDATE chunk SET octets = CAST(replace(octets, '1@x', '2@x') AS BLOB) WHERE id IN (SELECT id FROM body)",
    );
    let chunks: Vec<(i64, Vec<u8>)> = inline
        .store
        .all("SELECT id, octets FROM chunk", [], |r| {
            Ok((r.get(0)?, r.get(1)?))
        })
        .unwrap();
    for (id, octets) in chunks {
        let sum = i64::from(crc32fast::hash(&octets));
        let sql = "UPDATE chunk SET checksum = ?2, octets = ?3 WHERE id = ?1";
        inline.store.sql.execute(sql, (id, sum, octets)).unwrap();
    }
    let found = lines(&look(&inline.store));
    assert!(
        found
            .iter()
            .any(|line| line.contains("Message-ID") && line.contains("octets")),
        "{found:#?}"
    );
}

/// A row of an older release that reads mail in another way is worth a note, and is no damage.
#[test]
fn a_digest_of_an_older_release_is_a_note() {
    let inline = everything();
    damage(
        &inline.store,
        "UPDATE body SET digest = CAST(substr(digest, 1, length(digest) - 1) || x'41' AS BLOB);
         UPDATE body SET sum = row_sum(id, org, size, header_len, message_id, digest, summary)",
    );
    let found = look(&inline.store);
    assert_eq!(lines(&found), Vec::<String>::new());
    assert_eq!(found.notes.len(), 1, "{:?}", found.notes);
}

/// The faults without those of counts: a test has made rows that nothing counts.
fn uncounted(found: &Findings) -> Vec<String> {
    let mut lines = lines(found);
    lines.retain(|line| !line.contains("another cost") && !line.contains("that it knows differ"));
    lines
}

/// A file of an older release gets its checksums in slices, and none is missing afterwards.
#[test]
fn an_older_file_is_filled_in_slices() {
    let inline = everything();
    let store = &inline.store;
    damage(
        store,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900)
         INSERT INTO reference (inbox, hash, thread)
             SELECT (SELECT min(id) FROM inbox), i * 7919 - 3000000, i FROM n;
         UPDATE entry SET sum = NULL, state_sum = NULL;
         UPDATE body SET sum = NULL; UPDATE event SET sum = NULL;
         UPDATE meta SET value = 0 WHERE name = 'summed';
         UPDATE meta SET sum = row_sum(name, value)",
    );
    store.sum_fill.set(None);
    let found = look(store);
    assert_eq!(uncounted(&found), Vec::<String>::new());
    assert!(
        found.notes[0].contains("no checksums yet"),
        "{:?}",
        found.notes
    );
    let mut slices = 0;
    crate::store::sum::add_triggers(&store.sql).unwrap();
    while store.reclaim(NOW, false).unwrap() {
        slices += 1;
    }
    // Five tables, and one of them has more than four slices of rows.
    assert!((9..20).contains(&slices), "{slices}");
    let found = look(store);
    assert_eq!(uncounted(&found), Vec::<String>::new());
    assert_eq!(found.notes, Vec::<String>::new());
    assert!(store.is_summed().unwrap());
}

/// What a client gets of a message whose row is damaged: never an envelope of nothing, and never a
/// shorter list.
#[test]
fn damage_is_told_and_never_served() {
    let emptied = "UPDATE body SET digest = x''";
    let cut = "UPDATE body SET digest = substr(digest, 1, 9)";
    // The digest can be read, and is another one.
    let other =
        "UPDATE body SET digest = CAST(substr(digest, 1, length(digest) - 1) || x'41' AS BLOB)";
    let text = "UPDATE body SET digest = 'text'";
    let summary = "UPDATE body SET summary = x'01ff'";
    let prefix = "UPDATE entry SET prefix = x'41'";
    for (sql, is_seen_in_lists) in [
        (emptied, true),
        (cut, true),
        (text, true),
        (summary, true),
        (other, false),
        (prefix, false),
    ] {
        let mut inline = everything();
        damage(&inline.store, sql);
        let counted = |inline: &Inline| inline.service.shared.metrics.value(Metric::Damaged);
        let mut told = 0;
        let (access, inbox) = first_access(&inline);
        let org = inline.store.orgs(OrgId(0), 1).unwrap()[0].0.id;
        let mailbox = inline.store.mailbox_named(org, inbox, "INBOX");
        let mailbox = mailbox.unwrap().unwrap().id;
        let id = inline.store.all(
            "SELECT id FROM entry WHERE mailbox = ?1",
            [mailbox.0],
            |r| r.get(0).map(EntryId),
        );
        let id = id.unwrap()[0];
        // FETCH of one message compares its checksums; a long page is only read.
        for (uids, compares) in [(UidSet::one(2), true), (UidSet::from(1..=u32::MAX), false)] {
            let fetch = EntryRead::Fetch {
                mailbox,
                uids,
                digest: true,
                octets: Octets::No,
                changed_since: 0,
            };
            let is_told = match serve(&mut inline, &access, fetch) {
                Reply::Refused(refusal) => refusal == Refusal::Damaged,
                Reply::Answer(Answer::Entries { rows, .. }) => {
                    rows.len() == 1 && rows[0].digest.is_none()
                }
                other => panic!("{sql}: {other:?}"),
            };
            let is_read = is_seen_in_lists && sql != summary;
            assert_eq!(is_told, compares || is_read, "{sql}");
            told += u64::from(is_told);
            assert_eq!(counted(&inline), told, "{sql}");
        }
        let inbox = InboxRef::Id(inbox);
        let show = MessageRead::Get {
            inbox: inbox.clone(),
            id,
            ask: Default::default(),
        };
        let reply = serve(&mut inline, &access, show);
        assert_eq!(reply, Reply::Refused(Refusal::Damaged), "{sql}");
        let list = MessageRead::List {
            inbox,
            filter: Box::default(),
            cursor: None,
            limit: 10,
            progress: Box::default(),
        };
        let reply = serve(&mut inline, &access, list);
        let is_told = reply == Reply::Refused(Refusal::Damaged);
        assert_eq!(is_told, is_seen_in_lists, "{sql}: {reply:?}");
        assert_eq!(counted(&inline), told + 1 + u64::from(is_told), "{sql}");
    }
}
