//! The store against itself: after every change the counters are equal to a count of the rows,
//! and the log has no gap. After a savepoint that is rolled back, a commit that fails or a crash,
//! the state is the one before.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod audit;
mod copy;
mod damage;
mod event;
mod fault;
mod format;
mod job;
mod made;
mod old;
mod page;
mod reclaim;
mod rows;
mod rule_format;
mod signature;
mod steps;
mod upload;
mod verify;
mod wal;
mod webhook_format;

use std::path::PathBuf;

use super::*;
use crate::call::Countable;
use crate::call::*;

const NOW: Now = Now {
    mono_ms: 0,
    unix_ms: 1_700_000_000_000,
};
const ORG: OrgId = OrgId(1);
const INBOX: InboxId = InboxId(10);
const ME: Option<ConnId> = Some(ConnId(1));

/// A walk over a whole mailbox, a row at a time.
fn walk(store: &Store, mailbox: &MailboxRecord, since: u64) -> MailboxWalk {
    let mut walk = MailboxWalk::default();
    while !store
        .walk(mailbox, (u32::MAX, since), (1, 256), &mut walk)
        .unwrap()
    {}
    walk
}

/// A folder that is removed when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path =
            std::env::temp_dir().join(format!("postern-store-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// An organization with one inbox, inside a transaction that the caller ends.
pub(super) fn populate(store: &Store) {
    store
        .run(
            "INSERT INTO org (id, name, created_at) VALUES (?1, 'a', 0)",
            [ORG.0],
        )
        .unwrap();
    store
        .run(
            "INSERT INTO inbox (id, org, address, ancestors, created_at)
             VALUES (?1, ?2, 'bot@x.test', ?3, 0)",
            (INBOX.0, ORG.0, 99i64.to_le_bytes()),
        )
        .unwrap();
    store
        .run(
            "UPDATE org SET inboxes = 1, cost = ?1",
            [quota::INBOX_BYTES],
        )
        .unwrap();
    store.make_standard_mailboxes(NOW, ORG, INBOX, 0).unwrap();
}

fn world() -> Store {
    let store = Store::in_memory(1).unwrap();
    store.begin().unwrap();
    populate(&store);
    store.commit().unwrap();
    store
}

fn named(store: &Store, name: &str) -> (InboxPlace, MailboxRecord) {
    (
        store.place_of(ORG, INBOX).unwrap().unwrap(),
        store.mailbox_named(ORG, INBOX, name).unwrap().unwrap(),
    )
}

fn deliver(store: &Store, name: &str, octets: &[u8], flags: Flags) -> u32 {
    try_deliver(store, name, octets, flags).unwrap()
}

fn try_deliver(store: &Store, name: &str, octets: &[u8], flags: Flags) -> Result<u32, Error> {
    let mailbox = store.mailbox_named(ORG, INBOX, name)?;
    let mailbox = mailbox.ok_or(Error::Corrupt("test"))?;
    let summary = Summary {
        subject: "s".into(),
        ..Summary::default()
    };
    let body = NewBody {
        noted: None,
        octets,
        header_len: 0,
        references: &[],
        inboxes: &[],
        message_id: "<a@b>",
        digest: b"d",
        summary: &summary,
    };
    let body = store.put_body(NOW, ORG, 1, &body)?;
    let received = ReceivedBody {
        received_at: NOW.unix_ms,
        body,
    };
    store.sign(NOW, INBOX, received, &Signature::default())?;
    let stamp = store.next_seq(ORG, NOW)?;
    let entry = NewEntry {
        id: EntryId(store.new_id(NOW)),
        body,
        body_size: octets.len() as u32,
        prefix: b"X: y\r\n",
        digest_len: 0,
        thread: ThreadId(1),
        flags,
        keywords: &[],
        arrival: Arrival::Received,
        auth: SenderAuth::Unknown,
        received_at: NOW.unix_ms,
        spam: None,
    };
    let uid = store.add_entry(&mailbox, stamp.seq, &entry)?;
    let event = NewEvent {
        inbox: None,
        mailbox: Some(mailbox.id),
        uids: UidSet::one(uid),
        change: Change::InboxUpdated,
    };
    store.put_event(stamp, ME, event, &mut Vec::new())?;
    Ok(uid)
}

/// Every counter is equal to a count of the rows, every body has as many references as it says,
/// and the log has no gap.
fn check(store: &Store) {
    for wrong in [
        quota::wrong_counters,
        quota::wrong_costs,
        keyword::wrong_uses,
    ] {
        wrong(store, &mut |table, id, _, what| {
            panic!("{table} {id}: {what}")
        })
        .unwrap();
    }
    let wrong = |sql| store.all(sql, [], |r| r.get::<_, i64>(0)).unwrap();
    assert!(
        wrong(
            "SELECT id FROM mailbox m WHERE
             messages != (SELECT count(*) FROM entry WHERE mailbox = m.id)
             OR unseen != (SELECT count(*) FROM entry WHERE mailbox = m.id AND flags & 1 = 0)
             OR deleted != (SELECT count(*) FROM entry WHERE mailbox = m.id AND flags & 8)
             OR bytes != (SELECT coalesce(sum(size), 0) FROM entry WHERE mailbox = m.id)
             OR uidnext <= (SELECT coalesce(max(uid), 0) FROM entry WHERE mailbox = m.id)
             OR highest_modseq < (SELECT coalesce(max(modseq), 0) FROM entry WHERE mailbox = m.id)"
        )
        .is_empty(),
        "mailbox"
    );
    assert!(
        wrong(
            "SELECT id FROM inbox i WHERE
             messages != (SELECT sum(messages) FROM mailbox WHERE inbox = i.id)
             OR bytes != (SELECT sum(bytes) FROM mailbox WHERE inbox = i.id)"
        )
        .is_empty(),
        "inbox"
    );
    assert!(
        wrong(
            "SELECT id FROM body b WHERE (SELECT count(*) FROM entry WHERE body = b.id)
             != refs + coalesce((SELECT delta FROM recount WHERE body = b.id), 0)"
        )
        .is_empty(),
        "body"
    );
    let rows = store
        .one(
            "SELECT (SELECT count(*) FROM event), seq - oldest + 1 FROM org",
            [],
            |r| Ok((r.get::<_, i64>(0)?, r.get::<_, Option<i64>>(1)?)),
        )
        .unwrap()
        .unwrap();
    assert_eq!(rows.0, rows.1.unwrap_or(0), "log");
}

#[test]
fn flags_change_what_differs_and_keep_every_counter() {
    let store = world();
    for n in 0..6 {
        let flags = if n % 2 == 0 { Flags::SEEN } else { Flags::NONE };
        deliver(&store, "INBOX", format!("body {n}\r\n").as_bytes(), flags);
    }
    check(&store);
    let mut events = Vec::new();
    let (place, inbox) = named(&store, "INBOX");
    let ask = FlagUpdate {
        how: FlagChange::Add,
        flags: Flags::DELETED,
        keywords: &["Todo".into()],
        unchanged_since: None,
        keywords_max: 64,
        bound: PieceBound::ALL,
    };
    let set = UidSet::from(2..=4);
    let Flagged {
        rows: states,
        modified,
        ..
    } = store
        .set_flags((NOW, ME), (&place, &inbox), &set, &ask, &mut events)
        .unwrap();
    assert_eq!((states.len(), modified.len(), events.len()), (3, 0, 1));
    assert!(
        states
            .iter()
            .all(|s| s.modseq == 7 && s.keywords == ["Todo"])
    );
    check(&store);

    // The same again: nothing changes, so there is no event and no MODSEQ.
    let ask = FlagUpdate {
        keywords: &["tODO".into()],
        ..ask
    };
    let Flagged { rows: states, .. } = store
        .set_flags((NOW, ME), (&place, &inbox), &set, &ask, &mut events)
        .unwrap();
    assert_eq!((states[0].modseq, events.len()), (7, 1));

    // UNCHANGEDSINCE passes only entries that have not changed.
    let ask = FlagUpdate {
        how: FlagChange::Replace,
        flags: Flags::SEEN,
        keywords: &[],
        unchanged_since: Some(6),
        keywords_max: 64,
        bound: PieceBound::ALL,
    };
    let Flagged {
        rows: states,
        modified,
        ..
    } = store
        .set_flags(
            (NOW, ME),
            (&place, &inbox),
            &UidSet::from(1..=4),
            &ask,
            &mut events,
        )
        .unwrap();
    assert_eq!((states.len(), modified.to_string()), (1, "2:4".into()));
    assert_eq!(events.len(), 1, "uid 1 had \\Seen alone before");
}

#[test]
fn copies_moves_and_expunges_keep_every_counter() {
    let store = world();
    for n in 0..6 {
        let flags = if (1..4).contains(&n) {
            Flags::DELETED
        } else {
            Flags::SEEN
        };
        deliver(&store, "INBOX", format!("body {n}\r\n").as_bytes(), flags);
    }
    let mut events = Vec::new();
    let (place, inbox) = named(&store, "INBOX");
    let ask = FlagUpdate {
        how: FlagChange::Add,
        flags: Flags::NONE,
        keywords: &["Todo".into()],
        unchanged_since: None,
        keywords_max: 64,
        bound: PieceBound::ALL,
    };
    store
        .set_flags(
            (NOW, ME),
            (&place, &inbox),
            &UidSet::one(2),
            &ask,
            &mut events,
        )
        .unwrap();
    let (_, trash) = named(&store, "Trash");
    let copied = store
        .copy(
            (NOW, ME),
            (&place, &inbox, &trash),
            &UidSet::from_ranges([(1, 2), (5, 5)]),
            (false, u64::MAX),
            &mut events,
        )
        .unwrap();
    assert_eq!(copied.from.to_string(), "1:2,5");
    assert_eq!(copied.to.to_string(), "1:3");
    check(&store);

    let (place, inbox) = named(&store, "INBOX");
    let (gone, modseq) = store
        .expunge(
            (NOW, ME),
            (&place, &inbox),
            None,
            Flags::DELETED,
            &mut events,
        )
        .unwrap();
    assert_eq!((gone.to_string(), modseq), ("2:4".into(), 9));
    check(&store);

    let (_, inbox) = named(&store, "INBOX");
    let (_, trash) = named(&store, "Trash");
    let before = store.states(&inbox, &UidSet::from(6..=6)).unwrap()[0].id;
    let moved = store
        .copy(
            (NOW, ME),
            (&place, &inbox, &trash),
            &UidSet::from(6..=9),
            (true, u64::MAX),
            &mut events,
        )
        .unwrap();
    assert_eq!(moved.to.to_string(), "4");
    check(&store);
    let (_, trash) = named(&store, "Trash");
    let after = store.states(&trash, &UidSet::one(4)).unwrap();
    assert_eq!(after[0].id, before, "MOVE keeps the id");

    let (_, inbox) = named(&store, "INBOX");
    let changes = walk(&store, &inbox, 8);
    assert_eq!(changes.changed, UidSet::new());
    assert_eq!(changes.uids.to_string(), "1,5");
    let gone = store.expunged_since(&inbox, 8).unwrap();
    assert_eq!(gone.to_string(), "2:4,6");
    let glance = walk(&store, &trash, 0);
    assert_eq!(glance.uids.to_string(), "1:4");
    assert_eq!(
        (glance.first_unseen, glance.keywords),
        (Some(2), vec!["Todo".to_owned()])
    );

    store.delete_mailbox(&trash).unwrap();
    check(&store);
    while store.reclaim(NOW, false).unwrap() {}
    check(&store);
    let page = store
        .events_after(ORG, Topic::Inbox(INBOX), 0, 100)
        .unwrap()
        .unwrap();
    assert_eq!(page.events.len(), 5);
    for (stored, published) in page.events.iter().zip(&events) {
        assert_eq!(&stored.change, &published.change);
        assert_eq!((stored.seq, &stored.uids), (published.seq, &published.uids));
    }
    let tree = store
        .events_after(ORG, Topic::Tree(InboxId(99)), 0, 2)
        .unwrap()
        .unwrap();
    assert_eq!((tree.events.len(), tree.scanned_to), (2, 8));
}

#[test]
fn the_last_uids_are_refused() {
    let store = world();
    store
        .run(
            "UPDATE mailbox SET uidnext = 4294967294 WHERE name = 'INBOX'",
            [],
        )
        .unwrap();
    assert_eq!(deliver(&store, "INBOX", b"x", Flags::NONE), u32::MAX - 1);
    let (place, mailbox) = named(&store, "INBOX");
    assert_eq!(mailbox.uidnext, u32::MAX);
    let copied = store.copy(
        (NOW, ME),
        (&place, &mailbox, &mailbox),
        &UidSet::from(1..=u32::MAX),
        (false, u64::MAX),
        &mut Vec::new(),
    );
    assert!(matches!(
        copied,
        Err(Error::Refused(Refusal::Limit {
            what: Countable::Uids,
            ..
        }))
    ));
}

#[test]
fn wrong_octets_are_never_given() {
    let store = world();
    let octets: Vec<u8> = (0..600_000u32).map(|n| n as u8).collect();
    deliver(&store, "INBOX", &octets, Flags::NONE);
    let (_, mailbox) = named(&store, "INBOX");
    let ask = PageRequest {
        digest: true,
        octets: Octets::UpTo(u32::MAX),
        changed_since: 0,
        bytes_max: 1,
    };
    let (rows, more) = store.page(&mailbox, &UidSet::from(1..=9), &ask).unwrap();
    let got = rows[0].octets.as_ref().unwrap();
    assert_eq!((&got[..6], &got[6..]), (&b"X: y\r\n"[..], &octets[..]));
    assert!(more.is_empty());

    let entry = store.entry(ORG, INBOX, rows[0].state.id).unwrap().unwrap();
    let mut part = Vec::new();
    store
        .read_body((entry.body, entry.body_size), 262_140, 10, &mut part)
        .unwrap();
    assert_eq!(part, octets[262_140..262_150]);
    part.clear();
    store
        .read_body((entry.body, entry.body_size), 599_999, 10, &mut part)
        .unwrap();
    assert_eq!(part, octets[599_999..]);

    store
        .run(
            "UPDATE chunk SET octets = zeroblob(length(octets)) WHERE id = ?1 + 1",
            [entry.body.0],
        )
        .unwrap();
    let read = store.page(&mailbox, &UidSet::from(1..=9), &ask);
    assert!(matches!(read, Err(Error::Corrupt("body"))), "{read:?}");
}

#[test]
fn a_page_ends_at_its_octets_and_says_what_is_left() {
    let store = world();
    for _ in 0..5 {
        deliver(&store, "INBOX", &[b'x'; 1000], Flags::NONE);
    }
    let (_, mailbox) = named(&store, "INBOX");
    let ask = PageRequest {
        digest: false,
        octets: Octets::UpTo(2000),
        changed_since: 0,
        bytes_max: 2000,
    };
    let set = UidSet::from_ranges([(1, 2), (4, 9)]);
    let (rows, more) = store.page(&mailbox, &set, &ask).unwrap();
    assert_eq!((rows.len(), more.to_string()), (2, "4:9".into()));
    let (rows, more) = store.page(&mailbox, &more, &ask).unwrap();
    assert_eq!((rows.len(), more.is_empty()), (2, true));
}

#[test]
fn what_is_rolled_back_leaves_no_trace_but_its_ids() {
    let store = world();
    store.begin().unwrap();
    deliver(&store, "INBOX", b"one", Flags::NONE);
    store.savepoint().unwrap();
    let id = store.new_id(NOW);
    deliver(&store, "INBOX", b"two", Flags::NONE);
    store.rollback_to().unwrap();
    assert!(store.new_id(NOW) > id);
    store.savepoint().unwrap();
    assert_eq!(deliver(&store, "INBOX", b"three", Flags::NONE), 2);
    store.release().unwrap();
    store.commit().unwrap();
    check(&store);
    assert_eq!(store.log_state(ORG).unwrap().unwrap().head, 2);

    store.begin().unwrap();
    deliver(&store, "INBOX", b"four", Flags::NONE);
    store.fail_next_commit();
    assert!(matches!(store.commit(), Err(Error::Injected)));
    assert!(store.is_autocommit() && !store.is_transaction_gone());
    check(&store);
    assert_eq!(store.log_state(ORG).unwrap().unwrap().head, 2);
    store.begin().unwrap();
    assert_eq!(deliver(&store, "INBOX", b"five", Flags::NONE), 3);
    store.commit().unwrap();
    check(&store);
}

#[test]
fn a_transaction_that_sqlite_has_undone_is_noticed() {
    let store = world();
    store.begin().unwrap();
    store.sql.execute_batch("ROLLBACK").unwrap();
    assert!(store.is_transaction_gone());
    assert!(matches!(store.commit(), Err(Error::TransactionLost)));
    assert!(!store.is_transaction_gone());
}

#[test]
fn a_crash_gives_no_id_twice_and_loses_no_commit() {
    let folder = Folder::new("crash");
    let mut last = 0;
    for round in 0..3 {
        let store = Store::open(&folder.0, Role::Writer, 1).unwrap();
        store.begin().unwrap();
        if round == 0 {
            populate(&store);
        }
        deliver(&store, "INBOX", b"kept", Flags::NONE);
        store.commit().unwrap();
        // The second message of the round is lost with the process.
        store.begin().unwrap();
        deliver(&store, "INBOX", b"lost", Flags::NONE);
        let newest = store
            .one("SELECT max(id) FROM entry", [], |r| r.get::<_, i64>(0))
            .unwrap()
            .unwrap();
        assert!(newest > last);
        last = newest;
        drop(store);
    }
    let store = Store::open(&folder.0, Role::Writer, 1).unwrap();
    check(&store);
    assert_eq!(named(&store, "INBOX").1.messages, 3);
    assert_eq!(named(&store, "INBOX").1.uidnext, 4);
    let reader = Store::open(&folder.0, Role::Reader, 1).unwrap();
    assert_eq!(named(&reader, "INBOX").1.messages, 3);
    assert!(reader.begin().is_err() || reader.new_uidvalidity(NOW).is_err());
    drop(reader);
    assert!(store.checkpoint(Checkpoint::Truncate).unwrap());
    assert_eq!(store.checkpoint_due(WRITER_COPIES_AT).unwrap(), None);
}

#[test]
fn damage_is_refused_and_nothing_begins_anew_over_it() {
    let folder = Folder::new("damage");
    let file = folder.0.join(FILE);
    drop(Store::open(&folder.0, Role::Writer, 1).unwrap());
    let whole = std::fs::read(&file).unwrap();
    let cut = whole[..whole.len() / 2].to_vec();
    let mut other_version = whole.clone();
    other_version[60..64].copy_from_slice(&99u32.to_be_bytes());
    for (name, octets) in [
        ("empty", Vec::new()),
        ("garbage", b"not a database at all, ".repeat(1000)),
        ("cut", cut),
        ("version", other_version),
    ] {
        for left in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(folder.0.join(format!("{FILE}{left}")));
        }
        std::fs::write(&file, &octets).unwrap();
        let error = Store::open(&folder.0, Role::Writer, 1).unwrap_err();
        let expected = if name == "version" {
            matches!(error, Error::Newer(99, _))
        } else {
            matches!(error, Error::Damaged(..))
        };
        assert!(expected, "{name}: {error:?}");
        let kept = std::fs::read(&file).unwrap();
        assert_eq!(kept.len(), octets.len(), "{name} was left as it was");
    }
    // The file is gone but its write-ahead log is there: that is a loss, not a first start.
    std::fs::remove_file(&file).unwrap();
    std::fs::write(folder.0.join("postern.db-wal"), b"x").unwrap();
    assert!(matches!(
        Store::open(&folder.0, Role::Writer, 1),
        Err(Error::Damaged(..))
    ));
}

#[test]
fn an_old_file_is_brought_up_to_date_or_left_as_it_was() {
    let mut sql = Connection::open_in_memory().unwrap();
    let first = "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1);";
    let second = "ALTER TABLE t ADD COLUMN b INTEGER NOT NULL DEFAULT 7;";
    let [first, second, broken] = [first, second, "not sql"].map(open::SchemaStep::sql);
    open::migrate(&mut sql, &[first]).unwrap();
    assert!(open::migrate(&mut sql, &[first, second, broken]).is_err());
    let version = |sql: &Connection| -> i64 {
        sql.pragma_query_value(None, "user_version", |r| r.get(0))
            .unwrap()
    };
    assert_eq!(version(&sql), 1, "a step that fails takes the others back");
    open::migrate(&mut sql, &[first, second]).unwrap();
    assert_eq!(version(&sql), 2);
    let row: (i64, i64) = sql
        .query_row("SELECT a, b FROM t", [], |r| Ok((r.get(0)?, r.get(1)?)))
        .unwrap();
    assert_eq!(row, (1, 7));
    assert!(matches!(
        open::migrate(&mut sql, &[first]),
        Err(Error::Newer(2, 1))
    ));
}

#[test]
fn the_log_is_trimmed_from_its_old_end_only() {
    let store = world();
    let day = 86_400_000;
    for n in 0..10 {
        let now = Now {
            unix_ms: NOW.unix_ms + n * day,
            ..NOW
        };
        let event = NewEvent {
            inbox: None,
            mailbox: None,
            uids: UidSet::new(),
            change: Change::InboxUpdated,
        };
        store
            .append_event(now, ORG, ME, event, &mut Vec::new())
            .unwrap();
    }
    let now = Now {
        unix_ms: NOW.unix_ms + 9 * day,
        ..NOW
    };
    assert_eq!(store.log_at(ORG, NOW.unix_ms + 3 * day).unwrap(), 4);
    assert_eq!(store.log_at(ORG, NOW.unix_ms + 3 * day + 1).unwrap(), 5);
    assert_eq!(store.log_at(ORG, i64::MAX).unwrap(), 11);
    while store.trim_events(now, 7 * day, 1).unwrap() {}
    let state = store.log_state(ORG).unwrap().unwrap();
    assert_eq!((state.oldest, state.head), (3, 10));
    check(&store);
    // The clock of the log never goes back.
    let stamp = store.next_seq(ORG, NOW).unwrap();
    assert_eq!(stamp.at, now.unix_ms);
}

#[test]
fn threads_follow_references_and_never_merge() {
    let store = world();
    let thread = |id: &str, refs: &[&str]| {
        let refs: Vec<String> = refs.iter().map(|r| (*r).to_owned()).collect();
        let hints = ConversationHints::default();
        let ids = (id, refs.as_slice());
        store.conversation_of(NOW, (INBOX, 1), ids, &hints).unwrap()
    };
    let a = thread("<a>", &[]);
    assert_eq!(thread("<b>", &["<a>"]), a);
    assert_eq!(thread("<c>", &["<x>", "<b>"]), a);
    assert_eq!(
        thread("<d>", &["<x>"]),
        a,
        "siblings meet at a message never seen"
    );
    let other = thread("<e>", &[]);
    assert_ne!(other, a);
    assert_eq!(
        thread("<f>", &["<a>", "<e>"]),
        other,
        "the newest reference decides"
    );
    assert_eq!(thread("<a>", &["<e>"]), a, "what is known stays");
    assert_eq!(thread("<b>", &[]), a);
    assert_ne!(thread("", &[]), thread("", &[]));
}

/// A reader sees the same counters whether they are in memory or on disk, also after a rollback.
#[test]
fn held_counters_follow_every_savepoint_and_commit() {
    let mut seed = 7u32;
    let mut random = move |n: u32| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 16) % n
    };
    let store = world();
    let names = ["INBOX", "Sent", "Trash"];
    let mut sent = 0;
    for _ in 0..150 {
        store.begin().unwrap();
        let sent_before = sent;
        for _ in 0..random(6) {
            store.savepoint().unwrap();
            let sent_here = sent;
            for _ in 0..=random(3) {
                let name = names[random(3) as usize];
                match random(8) {
                    0..4 => drop(deliver(&store, name, b"octets", Flags::NONE)),
                    4 => {
                        let (place, mailbox) = named(&store, name);
                        let ask = FlagUpdate {
                            how: FlagChange::Add,
                            flags: Flags::DELETED,
                            keywords: &[],
                            unchanged_since: None,
                            keywords_max: 64,
                            bound: PieceBound::ALL,
                        };
                        let set = UidSet::one(random(mailbox.uidnext.max(2)).max(1));
                        store
                            .set_flags((NOW, ME), (&place, &mailbox), &set, &ask, &mut Vec::new())
                            .unwrap();
                    }
                    5 => {
                        let (place, mailbox) = named(&store, name);
                        let flag = Flags::DELETED;
                        store
                            .expunge((NOW, ME), (&place, &mailbox), None, flag, &mut Vec::new())
                            .unwrap();
                    }
                    6 => {
                        let (place, source) = named(&store, name);
                        let (_, target) = named(&store, names[random(3) as usize]);
                        let set = UidSet::from(1..=random(4) + 1);
                        let how = (random(2) == 0, u64::MAX);
                        let both = (&place, &source, &target);
                        store
                            .copy((NOW, ME), both, &set, how, &mut Vec::new())
                            .unwrap();
                    }
                    _ => {
                        sent += 1;
                        let counted = store.count_sends(ORG, INBOX, 1, 1).unwrap();
                        assert_eq!(counted, (sent, sent, u64::MAX));
                    }
                }
                if random(6) == 0 {
                    check(&store);
                }
            }
            if random(3) == 0 {
                store.rollback_to().unwrap();
                sent = sent_here;
            } else {
                store.release().unwrap();
            }
            if random(6) == 0 {
                check(&store);
            }
        }
        if random(8) == 0 {
            store.fail_next_commit();
            assert!(store.commit().is_err());
            sent = sent_before;
        } else {
            store.commit().unwrap();
        }
        check(&store);
    }
    assert!(named(&store, "INBOX").1.uidnext > 50);
}
