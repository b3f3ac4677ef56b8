//! Each invariant is broken once by hand, and `verify` finds it. A good backup is restored; a
//! damaged one is refused.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::call::*;
use crate::service::access::login;
use crate::service::drive::{Done, drive};
use crate::service::{Inline, Reader, Service, Setup, Writer, start};
use crate::store::{Error, FILE, Folder, Role, Store, backup, restore, verify};

const NOW: Now = Now {
    mono_ms: 5,
    unix_ms: 1_700_000_000_000,
};

fn shared() -> Arc<Shared> {
    let limits = Limits::default();
    Arc::new(Shared::new("mx.test", limits, PublicEndpoints::default()))
}

fn request(ask: Ask) -> Request {
    Request {
        request_id: ask.request_id,
        depth: ask.depth,
        conn: Some(ConnId(1)),
        peer: [192, 0, 2, 1].into(),
        now: NOW,
        caller: ask.caller,
        call: ask.call,
    }
}

fn append(access: &Access, inbox: InboxId, octets: usize) -> Ask {
    let mut mail = b"From: a@x.test\r\nMessage-ID: <1@x.test>\r\n\r\n".to_vec();
    while mail.len() < octets {
        mail.extend_from_slice(b"one more line of this message\r\n");
    }
    let route = Route::Append {
        inbox,
        mailbox: "INBOX".into(),
        flags: Flags::NONE,
        keywords: Vec::new(),
        received_at: None,
    };
    let intake = Intake {
        route,
        charge: None,
        octets: mail,
    };
    Ask::of(access, Call::Accept(Box::new(intake)))
}

/// Appends three messages to an inbox, one of them of three chunks, and expunges one.
fn fill(writer: &mut Writer, reader: &mut Reader, store: &Store, org: OrgId, inbox: InboxId) {
    let mut grant = (*login::folder_access(org).0).clone();
    grant.inbox = Some(inbox);
    let access = Access(Arc::new(grant));
    let mut serve = |ask| match drive(writer, reader, store, request(ask)) {
        Done::Answered(Some(reply), _) => reply,
        other => panic!("{other:?}"),
    };
    for octets in [100, 600_000, 100] {
        let reply = serve(append(&access, inbox, octets));
        assert!(matches!(reply, Reply::Written(..)), "{reply:?}");
    }
    let reply = serve(Ask::of(
        &access,
        MailboxRead::Status {
            mailbox: "INBOX".into(),
            recent: false,
            progress: Box::default(),
        },
    ));
    let Reply::Answer(Answer::Mailboxes(rows)) = reply else {
        panic!("{reply:?}")
    };
    let mut write = |ask| {
        let reply = serve(ask);
        assert!(matches!(reply, Reply::Written(..)), "{reply:?}");
    };
    let mailbox = rows[0].id;
    write(Ask::of(
        &access,
        EntryWrite::SetFlags {
            mailbox,
            uids: UidSet::one(1),
            how: FlagChange::Add,
            flags: Flags::DELETED,
            keywords: Vec::new(),
            unchanged_since: None,
        },
    ));
    write(Ask::of(
        &access,
        EntryWrite::Expunge {
            mailbox,
            uids: None,
            progress: Box::default(),
        },
    ));
}

pub(super) fn world() -> Inline {
    let mut inline = Inline::new(3, shared(), Arc::new(|| NOW)).unwrap();
    let org = inline.make_org("one").unwrap();
    let inbox = inline.make_inbox(org, "a@x.test").unwrap();
    inline
        .make_inbox_under(org, "b@x.test", Some(inbox))
        .unwrap();
    inline.make_key(org, Scopes::ADMIN, Some(&[inbox])).unwrap();
    let Inline {
        writer,
        reader,
        store,
        ..
    } = &mut inline;
    fill(writer, reader, store, org, inbox);
    inline
}

/// Changes rows as another program does: without foreign keys and without the triggers of the
/// writer.
pub(super) fn damage(store: &Store, sql: &str) {
    for name in store
        .all(
            "SELECT name FROM sqlite_temp_schema WHERE type = 'trigger'",
            [],
            |r| r.get::<_, String>(0),
        )
        .unwrap()
    {
        let drop = format!("DROP TRIGGER temp.{name}");
        store.sql.execute_batch(&drop).unwrap();
    }
    let sql = format!("PRAGMA foreign_keys = OFF; {sql}");
    store.sql.execute_batch(&sql).unwrap();
}

#[test]
fn a_world_is_good() {
    let inline = world();
    assert_eq!(verify(&inline.store, true), Vec::<String>::new());
}

#[test]
fn what_is_broken_is_found() {
    for (sql, expected) in [
        (
            "UPDATE mailbox SET messages = messages + 1 WHERE messages > 0",
            "mailbox counters",
        ),
        ("UPDATE mailbox SET unseen = 9", "mailbox counters"),
        (
            "UPDATE entry SET flags = 8 WHERE uid = 2",
            "mailbox counters",
        ),
        (
            "UPDATE mailbox SET uidnext = 2 WHERE messages > 0",
            "mailbox uidnext",
        ),
        ("UPDATE mailbox SET highest_modseq = 1000", "highest_modseq"),
        ("UPDATE mailbox SET highest_modseq = 1", "highest_modseq"),
        ("UPDATE mailbox SET uidvalidity = 7", "UIDVALIDITY"),
        ("UPDATE inbox SET bytes = bytes + 1", "inbox counters"),
        ("UPDATE inbox SET messages = 0", "inbox counters"),
        ("UPDATE inbox SET ancestors = x''", "wrong ancestors"),
        ("UPDATE address SET inbox = NULL", "exactly one address"),
        ("UPDATE address SET inbox = 7", "address of an inbox"),
        ("UPDATE entry SET org = 7", "entry is in no mailbox"),
        (
            "UPDATE entry SET body = 7 WHERE uid = 2",
            "entry has no body",
        ),
        ("UPDATE entry SET size = size + 1", "another size"),
        ("UPDATE body SET refs = refs + 1", "body is counted wrong"),
        (
            "UPDATE entry SET modseq = modseq - 1",
            "last change is not in the log",
        ),
        ("DELETE FROM entry WHERE uid = 3", "entry of event"),
        ("DELETE FROM event WHERE seq = 2", "has a gap"),
        ("UPDATE org SET seq = seq + 1", "has a gap"),
        ("UPDATE event SET at = 0 WHERE seq = 3", "time goes back"),
        (
            "UPDATE chunk SET checksum = checksum + 1",
            "stored octets are damaged",
        ),
        (
            "UPDATE chunk SET octets = x'00' || substr(octets, 2)",
            "stored octets are damaged",
        ),
        (
            "DELETE FROM chunk WHERE length(octets) = 262144",
            "body lacks octets",
        ),
        ("DELETE FROM body", "chunks without a body"),
        (
            "UPDATE meta SET value = 0 WHERE name = 'id'",
            "beyond the mark",
        ),
        (
            "UPDATE key_inbox SET inbox = 7",
            "bound to an inbox that is gone",
        ),
        (
            "UPDATE subscription SET inbox = inbox + 1",
            "subscription of an inbox",
        ),
        (
            "INSERT INTO expunged SELECT mailbox, modseq, uid, uid, NULL FROM entry LIMIT 1",
            "twice",
        ),
        (
            "DELETE FROM mailbox WHERE name = 'INBOX' AND messages = 0",
            "lacks an INBOX",
        ),
    ] {
        let inline = world();
        damage(&inline.store, sql);
        let found = verify(&inline.store, true);
        assert!(
            found.iter().any(|line| line.contains(expected)),
            "{sql}: {found:#?}"
        );
    }
}

/// Rows of a newer program are reported as unknown, and never as damage.
#[test]
fn an_unknown_version_is_told_as_one() {
    for (sql, what) in [
        ("UPDATE event SET detail = x'63' WHERE seq = 2", "event"),
        ("UPDATE body SET summary = x'63'", "summary"),
        ("UPDATE body SET digest = x'd163'", "digest"),
        ("UPDATE inbox SET ancestors = x'63'", "ancestors"),
    ] {
        let inline = world();
        inline.store.sql.execute_batch(sql).unwrap();
        let found = verify(&inline.store, true);
        let told = format!("stored {what} has the unknown version 99");
        assert!(found.iter().any(|line| line.contains(&told)), "{found:#?}");
        assert!(
            !found.iter().any(|line| line.contains("damaged")),
            "{found:#?}"
        );
    }
}

fn scratch(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("postern-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

fn service() -> Arc<Service> {
    Service::new(Setup {
        shared: shared(),
        clock: Arc::new(|| NOW),
        free_bytes: Arc::new(|| None),
        shared_domain: "agents.test".into(),
        trust_domains: false,
        operator: None,
        operator_from: crate::call::OperatorFrom::Loopback,
        sealing: Arc::new(
            crate::crypto::SealingKey::generate(&mut crate::crypto::Random::seeded(1)).0,
        ),
        resolver: Arc::new(crate::call::NoResolver),
        lookups: None,
        outbound: Default::default(),
        ways_out: None,
        webhooks: Default::default(),
        ways_upstream: None,
    })
}

fn damaged(path: &Path) {
    let mut octets = std::fs::read(path).unwrap();
    let at = octets
        .windows(30)
        .position(|w| w == b"one more line of this message\r")
        .unwrap();
    octets[at] ^= 1;
    std::fs::write(path, octets).unwrap();
}

#[test]
fn a_backup_under_use_comes_back_with_another_epoch() {
    let path = scratch("backup");
    let data = Folder::lock(&path.join("data")).unwrap();
    let store = Store::open(data.path(), Role::Writer, 1).unwrap();
    let service = service();
    let first = start::first_start(&service, &store).unwrap().unwrap();
    let mut writer = Writer::new(Arc::clone(&service));
    let mut reader = Reader::new(Arc::clone(&service));
    fill(&mut writer, &mut reader, &store, first.org, first.inbox.id);

    // The files on disk do not hold the secret of a key.
    let secret = first.key.expose();
    for file in std::fs::read_dir(data.path()).unwrap() {
        let octets = std::fs::read(file.unwrap().path()).unwrap();
        for part in secret.chunks(24) {
            assert!(memchr::memmem::find(&octets, part).is_none());
        }
    }

    // Files beside the database, one of them missing, and one that is not asked for.
    std::fs::create_dir(data.path().join("tls")).unwrap();
    for (name, text) in [("tls/ca.pem", "ca"), ("token", "t"), ("other", "o")] {
        std::fs::write(data.path().join(name), text).unwrap();
    }
    let copy = path.join("copy.db");
    assert!(matches!(
        backup(data.path(), KEPT, &copy, Some(1000)),
        Err(Error::Io(_, e)) if e.kind() == std::io::ErrorKind::StorageFull
    ));
    let size = backup(data.path(), KEPT, &copy, Some(1 << 40)).unwrap();
    assert!(size > 600_000 && !path.join("copy.db.making").exists());
    assert!(
        backup(data.path(), KEPT, &copy, None).is_err(),
        "never over a file"
    );
    // The source is used on, and later changes are not in the copy.
    fill(&mut writer, &mut reader, &store, first.org, first.inbox.id);
    let before = store.log_state(first.org).unwrap().unwrap();

    let back = Folder::lock(&path.join("back")).unwrap();
    restore(&back, KEPT, &copy, 2, NOW).unwrap();
    assert!(
        restore(&back, KEPT, &copy, 2, NOW).is_err(),
        "never over a database"
    );
    let restored = Store::open(back.path(), Role::Writer, 3).unwrap();
    assert_eq!(verify(&restored, true), Vec::<String>::new());
    let said = |name: &str| std::fs::read_to_string(back.path().join(name)).ok();
    assert_eq!(said("tls/ca.pem").as_deref(), Some("ca"));
    assert_eq!(said("token").as_deref(), Some("t"));
    assert!(said("other").is_none() && !back.path().join("restoring").exists());
    let after = restored.log_state(first.org).unwrap().unwrap();
    assert_eq!(after.epoch, before.epoch + 1);
    // A number that a client has from before is below the window and stays below it. So is a time
    // that it remembers.
    assert_eq!(after.oldest, after.head + 1);
    assert!(after.head > before.head + (1 << 31));
    let access = login::folder_access(first.org);
    let mut first_since = |unix_ms| {
        let look = Look::LogAt { unix_ms };
        let (look, _) = request(Ask::of(&access, look.clone())).split(look);
        let reply = reader.look(&restored, &look);
        let Reply::Answer(Answer::LogState { head, .. }) = reply else {
            panic!("{reply:?}")
        };
        head + 1
    };
    assert!(first_since(NOW.unix_ms) < after.oldest);
    assert_eq!(first_since(NOW.unix_ms + 1), after.oldest);
    fill(
        &mut writer,
        &mut reader,
        &restored,
        first.org,
        first.inbox.id,
    );
    assert_eq!(verify(&restored, true), Vec::<String>::new());
    // The same copy, restored again a minute later, gives other numbers.
    let again = Folder::lock(&path.join("again")).unwrap();
    let later = Now {
        unix_ms: NOW.unix_ms + 60_000,
        ..NOW
    };
    restore(&again, KEPT, &copy, 2, later).unwrap();
    let second = Store::open(again.path(), Role::Writer, 3).unwrap();
    let first_life = restored.log_state(first.org).unwrap().unwrap();
    assert!(second.log_state(first.org).unwrap().unwrap().oldest > first_life.head);
    let validity = |store: &Store| {
        let rows = store.mailboxes(first.org, first.inbox.id).unwrap();
        rows.iter().map(|(m, _)| m.uidvalidity).collect::<Vec<_>>()
    };
    for uidvalidity in validity(&restored) {
        assert!(!validity(&store).contains(&uidvalidity));
    }

    newer_copies_are_refused_as_such(&path, &copy);
    damaged(&copy);
    let third = Folder::lock(&path.join("third")).unwrap();
    assert!(matches!(
        restore(&third, KEPT, &copy, 2, NOW),
        Err(Error::Damaged(..))
    ));
    assert!(!third.path().join(FILE).exists());
    std::fs::remove_dir_all(path).unwrap();
}

/// The files that the backups of this test carry.
const KEPT: &[&str] = &["tls/ca.pem", "tls/none.pem", "token"];

/// A copy that a newer program has written is refused as unknown, and not as damaged.
fn newer_copies_are_refused_as_such(path: &Path, copy: &Path) {
    for (name, sql) in [
        ("rows", "UPDATE body SET summary = x'63'"),
        ("file", "PRAGMA user_version = 99"),
    ] {
        let newer = path.join(format!("newer-{name}.db"));
        std::fs::copy(copy, &newer).unwrap();
        let sql_of = rusqlite::Connection::open(&newer).unwrap();
        sql_of.execute_batch(sql).unwrap();
        drop(sql_of);
        let folder = Folder::lock(&path.join(format!("newer-{name}"))).unwrap();
        let error = restore(&folder, KEPT, &newer, 2, NOW).unwrap_err();
        assert!(
            matches!(error, Error::UnknownVersion { .. } | Error::Newer(99, _)),
            "{error:?}"
        );
        let text = error.to_string();
        assert!(
            text.contains("99") && text.contains("newer Postern"),
            "{text}"
        );
        assert!(!folder.path().join(FILE).exists());
    }
}

#[test]
fn what_deletions_leave_is_known_and_goes() {
    let mut inline = world();
    let org = inline.store.orgs(OrgId(0), 1).unwrap()[0].0.id;
    let inboxes = inline.store.inboxes(org, None, InboxId(0), 10).unwrap();
    let access = login::folder_access(org);
    let write = |inline: &mut Inline, ask| {
        let (reply, _) = inline.serve(request(ask));
        let reply = &reply.unwrap();
        assert!(
            matches!(reply, Reply::Written(Written::Changed, _)),
            "{reply:?}"
        );
        assert_eq!(verify(&inline.store, true), Vec::<String>::new());
    };
    // The child first.
    for row in inboxes.iter().rev() {
        let access = access.clone();
        let inbox = InboxRef::Id(row.id);
        write(&mut inline, Ask::of(&access, InboxWrite::Delete { inbox }));
    }
    assert_eq!(inline.store.destination("a@x.test").unwrap(), None);
    assert!(inline.store.has_leftovers());
    let mut grant = (*access.0).clone();
    grant.scopes = Scopes::OPERATOR;
    let access = Access(Arc::new(grant));
    write(&mut inline, Ask::of(&access, OrgWrite::Delete { org }));
    while inline.writer.reclaim(&inline.store).unwrap() {
        assert_eq!(verify(&inline.store, true), Vec::<String>::new());
    }
    // A session may still be reading a large body; some minutes later it goes.
    let mut later = inline.writer.service().now();
    later.mono_ms += 300_000;
    while inline.store.reclaim(later, false).unwrap() {}
    for table in [
        "SELECT count(*) FROM entry",
        "SELECT count(*) FROM body",
        "SELECT count(*) FROM chunk",
        "SELECT count(*) FROM reference",
        "SELECT count(*) FROM expunged",
        "SELECT count(*) FROM event",
        "SELECT count(*) FROM key_inbox",
        "SELECT count(*) FROM doomed",
    ] {
        let n = inline.store.one(table, [], |r| r.get::<_, i64>(0)).unwrap();
        assert_eq!(n, Some(0), "{table}");
    }
}
