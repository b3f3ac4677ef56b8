//! Work that a large command or a deletion leaves for later: deleted things are out of reach at
//! once, counted correctly at every moment, and removed in the end, also when the process stops
//! in between.

use super::*;
use crate::call::Summary;
use crate::store::body::CHUNK_BYTES;
use crate::store::copy::Copied;

/// More entries than a command counts itself, and more than two slices.
const MANY: u32 = 250;

fn many(store: &Store, name: &str) {
    for n in 0..MANY {
        deliver(store, name, format!("body {n}\r\n").as_bytes(), Flags::NONE);
    }
}

fn rows(store: &Store) -> [i64; 6] {
    let sql = "SELECT (SELECT count(*) FROM entry), (SELECT count(*) FROM body),
                   (SELECT count(*) FROM chunk), (SELECT count(*) FROM expunged),
                   (SELECT count(*) FROM doomed), (SELECT count(*) FROM recount)";
    let read = |r: &Row<'_>| {
        let column = |n| r.get::<_, i64>(n);
        Ok([
            column(0)?,
            column(1)?,
            column(2)?,
            column(3)?,
            column(4)?,
            column(5)?,
        ])
    };
    store.one(sql, [], read).unwrap().unwrap()
}

fn reclaim_all(store: &Store) {
    while store.reclaim(NOW, false).unwrap() {
        check(store);
    }
    assert!(!store.has_leftovers());
}

fn expunge(store: &Store, name: &str, uids: &UidSet) -> UidSet {
    let (place, mailbox) = named(store, name);
    store
        .expunge(
            (NOW, ME),
            (&place, &mailbox),
            Some(uids),
            Flags::NONE,
            &mut Vec::new(),
        )
        .unwrap()
        .0
}

fn copy(store: &Store, from: &str, to: &str, uids: &UidSet, remove: bool) -> Copied {
    let (place, source) = named(store, from);
    let (_, target) = named(store, to);
    let ask = (remove, u64::MAX);
    store
        .copy(
            (NOW, ME),
            (&place, &source, &target),
            uids,
            ask,
            &mut Vec::new(),
        )
        .unwrap()
}

pub(super) fn first_octets(store: &Store, name: &str) -> Vec<u8> {
    let (_, mailbox) = named(store, name);
    let ask = PageRequest {
        digest: false,
        octets: Octets::UpTo(100),
        changed_since: 0,
        bytes_max: 1,
    };
    let (rows, _) = store
        .page(&mailbox, &mailbox_uids(store, &mailbox), &ask)
        .unwrap();
    rows[0].octets.clone().unwrap()
}

fn mailbox_uids(store: &Store, mailbox: &MailboxRecord) -> UidSet {
    walk(store, mailbox, 0).uids
}

#[test]
fn bodies_of_a_large_command_are_counted_later_and_never_wrong() {
    let store = world();
    many(&store, "INBOX");
    reclaim_all(&store);
    let holes = UidSet::from_ranges([(7, 7), (100, 102), (249, 249)]);
    assert_eq!(expunge(&store, "INBOX", &holes), holes);
    assert!(!store.has_leftovers(), "a small command does all itself");

    let all = UidSet::from(1..=u32::MAX);
    let copied = copy(&store, "INBOX", "Trash", &all, false);
    assert_eq!(copied.from.to_string(), "1:6,8:99,103:248,250");
    assert_eq!(copied.to.to_string(), "1:245");
    check(&store);
    assert_eq!(rows(&store)[5], 245);
    // Each copy shows what its original does, in the same order, under an id of its own.
    let (_, inbox) = named(&store, "INBOX");
    let (_, trash) = named(&store, "Trash");
    let bodies = |mailbox: &MailboxRecord| store.going(mailbox, &all).unwrap().0;
    let (old, new) = (bodies(&inbox), bodies(&trash));
    assert!(
        old.iter()
            .zip(&new)
            .all(|(a, b)| a.body == b.body && a.id != b.id)
    );
    assert!(new.is_sorted_by(|a, b| a.id < b.id));

    // The originals and some copies go before their bodies were counted: no body is freed.
    assert_eq!(expunge(&store, "INBOX", &UidSet::one(1)).len(), 1);
    assert_eq!(expunge(&store, "Trash", &UidSet::from(2..=3)).len(), 2);
    assert_eq!(expunge(&store, "INBOX", &all).len(), 244);
    check(&store);
    assert_eq!(first_octets(&store, "Trash"), b"X: y\r\nbody 0\r\n");

    // The rest moves in runs.
    let moved = copy(&store, "Trash", "Junk", &all, true);
    assert_eq!(
        (moved.from.to_string(), moved.to.to_string()),
        ("1,4:245".into(), "1:243".into())
    );
    check(&store);
    reclaim_all(&store);
    assert_eq!(rows(&store)[..3], [243, 243, 243]);
    assert_eq!(rows(&store)[4..], [0, 0]);
    assert_eq!(first_octets(&store, "Junk"), b"X: y\r\nbody 0\r\n");
}

#[test]
fn flags_of_many_end_as_if_set_one_by_one() {
    let store = world();
    many(&store, "INBOX");
    let add = |uids: UidSet, word: &str, flags| {
        let (place, inbox) = named(&store, "INBOX");
        let words = [word.to_owned()];
        let ask = FlagUpdate {
            how: FlagChange::Add,
            flags,
            keywords: if word.is_empty() { &[] } else { &words },
            unchanged_since: None,
            keywords_max: 64,
            bound: PieceBound::ALL,
        };
        store
            .set_flags((NOW, ME), (&place, &inbox), &uids, &ask, &mut Vec::new())
            .unwrap()
            .rows
    };
    add(
        UidSet::from_ranges([(3, 5), (9, 9), (12, 40)]),
        "Todo",
        Flags::NONE,
    );
    add(UidSet::from_ranges([(4, 4), (30, 50)]), "", Flags::SEEN);
    let told = add(UidSet::from(2..=200), "More", Flags::SEEN);
    check(&store);
    let (_, inbox) = named(&store, "INBOX");
    assert_eq!(store.states(&inbox, &UidSet::from(2..=200)).unwrap(), told);
    let state = |uid| store.states(&inbox, &UidSet::one(uid)).unwrap().remove(0);
    assert_eq!(state(12).keywords, ["Todo", "More"]);
    assert_eq!(state(41).keywords, ["More"]);
    assert_eq!(
        (state(1).flags, state(201).keywords.len()),
        (Flags::NONE, 0)
    );
}

#[test]
fn what_is_deleted_is_out_of_reach_and_goes_later() {
    let folder = super::Folder::new("reclaim");
    let store = Store::open(&folder.0, Role::Writer, 1).unwrap();
    store.begin().unwrap();
    populate(&store);
    many(&store, "Trash");
    copy(&store, "Trash", "INBOX", &UidSet::from(1..=20), false);
    expunge(&store, "Trash", &UidSet::from(1..=2));
    store.commit().unwrap();
    let (place, trash) = named(&store, "Trash");
    let (first, last) = (UidSet::one(3), UidSet::one(MANY));
    let id = |uids: &UidSet| store.states(&trash, uids).unwrap()[0].id;
    let ids = [id(&first), id(&last)];
    assert!(store.entry(ORG, INBOX, ids[0]).unwrap().is_some());

    store.begin().unwrap();
    store.delete_mailbox(&trash).unwrap();
    store.commit().unwrap();
    assert_eq!(
        rows(&store)[0],
        i64::from(MANY) + 18,
        "all entries are still there"
    );
    let unreachable = |store: &Store| {
        check(store);
        for id in ids {
            assert_eq!(store.entry(ORG, INBOX, id).unwrap(), None);
            assert_eq!(store.message(ORG, INBOX, id).unwrap(), None);
        }
        let left = store.place_of(ORG, INBOX).unwrap().unwrap();
        assert!(left.stored < place.stored / 10);
    };
    unreachable(&store);
    assert!(store.reclaim(NOW, false).unwrap());
    unreachable(&store);
    drop(store);

    // Another process goes on where this one ended.
    let store = Store::open(&folder.0, Role::Writer, 2).unwrap();
    assert!(store.has_leftovers());
    reclaim_all(&store);
    assert_eq!(rows(&store), [20, 20, 20, 0, 0, 0]);
    assert_eq!(first_octets(&store, "INBOX"), b"X: y\r\nbody 0\r\n");
}

/// A full disk fails at the commit or at the beginning. A writer that tries again at once would
/// spin.
#[test]
fn what_cannot_be_reclaimed_waits_for_another_occasion() {
    let store = world();
    many(&store, "Trash");
    let (_, trash) = named(&store, "Trash");
    store.delete_mailbox(&trash).unwrap();
    store.fail_next_commit();
    assert!(matches!(store.reclaim(NOW, false), Err(Error::Injected)));
    assert!(!store.has_leftovers());
    assert_eq!(rows(&store)[0], i64::from(MANY), "nothing of it is there");

    let (_, junk) = named(&store, "Junk");
    store.begin().unwrap();
    store.delete_mailbox(&junk).unwrap();
    assert!(store.has_leftovers());
    assert!(
        store.reclaim(NOW, false).is_err(),
        "no transaction in another"
    );
    assert!(!store.has_leftovers());
    store.commit().unwrap();
    // Tidying tries again, whatever the flag says.
    reclaim_all(&store);
    assert_eq!(rows(&store), [0; 6]);
}

#[test]
fn what_is_damaged_does_not_keep_the_rest() {
    let store = world();
    for n in 0..3 {
        deliver(
            &store,
            "Trash",
            format!("body {n}\r\n").as_bytes(),
            Flags::NONE,
        );
    }
    let (_, trash) = named(&store, "Trash");
    let all = UidSet::from(1..=u32::MAX);
    let bodies = store.going(&trash, &all).unwrap().0;
    let lost = bodies[1].body.0;
    store
        .run("DELETE FROM chunk WHERE id = ?1", [lost])
        .unwrap();
    store.run("DELETE FROM body WHERE id = ?1", [lost]).unwrap();
    store.delete_mailbox(&trash).unwrap();
    let job = "INSERT INTO job (id, org, kind, subject, body, payload, state, due_at, created_at)
               VALUES (8, 9, 'smtp', '', 7, x'', 0, 0, 0)";
    store.run(job, []).unwrap();
    store.mark_org(9).unwrap();
    while store.reclaim(NOW, false).unwrap() {}
    assert_eq!(rows(&store), [0; 6]);
    let jobs = store.one("SELECT count(*) FROM job", [], |r| r.get::<_, i64>(0));
    assert_eq!(jobs.unwrap(), Some(0));
}

/// A client that reads a message in pages gets all of it, at 16 KiB a second.
#[test]
fn what_is_large_lingers_as_long_as_it_takes_to_send() {
    let store = world();
    deliver(&store, "INBOX", &[b'a'; 128 << 10], Flags::NONE);
    deliver(&store, "INBOX", &[b'b'; 2 << 20], Flags::NONE);
    expunge(&store, "INBOX", &UidSet::from(1..=2));
    for (seconds, bodies) in [(0, 2), (187, 2), (188, 1), (307, 1), (308, 0)] {
        let now = Now {
            mono_ms: seconds * 1000,
            ..NOW
        };
        while store.reclaim(now, false).unwrap() {}
        assert_eq!(rows(&store)[1], bodies, "{seconds}");
    }
}

fn large_body(octets: &[u8]) -> NewBody<'_> {
    NewBody {
        noted: None,
        octets,
        header_len: 8,
        message_id: "",
        references: &[],
        inboxes: &[],
        digest: b"",
        summary: SUMMARY.get_or_init(Summary::default),
    }
}

static SUMMARY: std::sync::OnceLock<Summary> = std::sync::OnceLock::new();

fn in_group<T>(store: &Store, work: impl FnOnce() -> T) -> T {
    store.begin().unwrap();
    let done = work();
    store.commit().unwrap();
    done
}

#[test]
fn a_body_that_arrives_in_pieces_stays_and_an_abandoned_one_goes() {
    let store = world();
    let octets = vec![b'x'; 5 * CHUNK_BYTES + 7];
    let body = large_body(&octets);
    let arriving = in_group(&store, || store.begin_body(NOW, ORG, &body).unwrap());
    in_group(&store, || {
        store
            .put_piece(arriving.id, &octets, (0, 4 * CHUNK_BYTES))
            .unwrap()
    });
    store.abandon_bodies(&[]);
    assert!(!store.reclaim(NOW, true).unwrap());
    assert_eq!(rows(&store)[1..3], [1, 4], "it still arrives");
    let rest = (4 * CHUNK_BYTES, 4 * CHUNK_BYTES);
    in_group(&store, || {
        store.put_piece(arriving.id, &octets, rest).unwrap()
    });
    in_group(&store, || store.place_body(&arriving, 1, &body).unwrap());
    let size = u32::try_from(octets.len()).unwrap();
    assert_eq!(store.body_octets(arriving.id, size).unwrap(), octets);
    // It can be placed once.
    store.begin().unwrap();
    assert!(store.place_body(&arriving, 1, &body).is_err());
    store.rollback();
    in_group(&store, || store.drop_body(ORG, arriving.id, true).unwrap());

    // One of which some octets are missing goes at once; the whole one stays for its readers.
    let second = in_group(&store, || store.begin_body(NOW, ORG, &body).unwrap());
    in_group(&store, || {
        store
            .put_piece(second.id, &octets, (0, 4 * CHUNK_BYTES))
            .unwrap()
    });
    drop((arriving, second));
    store.abandon_bodies(&[]);
    reclaim_all(&store);
    assert_eq!(rows(&store)[1..3], [1, 6]);
}

#[test]
fn a_large_body_is_freed_in_slices() {
    let store = world();
    let octets = vec![b'x'; 40 * CHUNK_BYTES];
    let body = large_body(&octets);
    let id = in_group(&store, || store.put_body(NOW, ORG, 1, &body).unwrap());
    in_group(&store, || store.drop_body(ORG, id, true).unwrap());
    let mut left = Vec::new();
    while store.reclaim(NOW, true).unwrap() {
        check(&store);
        left.push(rows(&store)[2]);
    }
    assert_eq!(left, [24, 8, 0]);
    assert_eq!(rows(&store)[1], 0);
}

/// Links that cannot be read hold up neither their own message nor those that go after it.
#[test]
fn damaged_links_hold_nothing_up() {
    let inline = super::damage::everything();
    let store = &inline.store;
    let unnamed = "SELECT count(*) FROM body WHERE refs = 0";
    super::verify::damage(
        store,
        "UPDATE body SET links = x'01ff' WHERE id = (SELECT min(id) FROM body);
         DELETE FROM job; DELETE FROM entry; UPDATE body SET refs = 0",
    );
    let count = || {
        store
            .one(unnamed, [], |r| r.get::<_, i64>(0))
            .unwrap()
            .unwrap()
    };
    assert!(count() > 1);
    while store.reclaim(NOW, true).unwrap() {}
    assert_eq!(count(), 0);
}
