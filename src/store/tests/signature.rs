//! The index of searches in the store: building it for an older file, and its damage.

use super::damage::{CHECKSUM, Kind};
use super::old::file_of_version_4;
use super::*;

/// Step 22: an inbox with mail is searched message by message until its messages are signed, also
/// those of which version 19 had a signature.
#[test]
fn messages_of_version_19_get_signatures() {
    let folder = super::Folder::new("old-19");
    file_of_version_4(&folder);
    let mut sql = Connection::open(folder.0.join(FILE)).unwrap();
    sum::add_function(&sql).unwrap();
    open::migrate(&mut sql, &open::STEPS[..19]).unwrap();
    sql.execute_batch(
        "DELETE FROM unsigned;
         INSERT INTO signature (inbox, id, body, bits)
         SELECT DISTINCT inbox, body, body, zeroblob(128) FROM entry;
         INSERT INTO signature_block (id, inbox, bits, signatures, bodies)
         SELECT 7, inbox, 1024, 64, zeroblob(512) FROM entry LIMIT 1;
         INSERT INTO signature_cell (id, checksum, octets) VALUES (7, 0, x'00');",
    )
    .unwrap();
    drop(sql);
    let mut store = Store::open(&folder.0, Role::Writer, 1).unwrap();
    let query = GramQuery::Grams(vec![1]);
    let ask = |store: &Store| {
        let mut walk = SignatureWalk::default();
        let is_done = store.ask_signatures(INBOX, &query, &mut walk, || false);
        (is_done.unwrap(), walk.bodies.len())
    };
    assert_eq!(
        (store.unsigned_inboxes().unwrap(), ask(&store)),
        (1, (None, 0))
    );
    let sign = |unsigned: &UnsignedBody| {
        assert!(!unsigned.octets.is_empty());
        let mut signature = Signature::default();
        signature.add(1);
        Some(signature)
    };
    let mut slices = 0;
    loop {
        store.begin().unwrap();
        let more = store.sign_older(NOW, 1, &sign).unwrap();
        store.commit().unwrap();
        if !more {
            break;
        }
        slices += 1;
        // A start in between goes on where it was.
        drop(store);
        store = Store::open(&folder.0, Role::Writer, 1).unwrap();
    }
    let (is_done, bodies) = ask(&store);
    assert_eq!(
        (store.unsigned_inboxes().unwrap(), is_done),
        (0, Some(true))
    );
    assert!(bodies > 0 && slices > bodies, "{bodies} {slices}");
    let lines = verify(&store, false);
    assert!(
        !lines.iter().any(|line| line.contains("index")),
        "{lines:?}"
    );
}

/// A block stays while one message of it does, and goes with the last one, its cells too.
#[test]
fn a_block_goes_with_the_last_of_its_messages() {
    let folder = super::Folder::new("ended-block");
    let open = || Store::open(&folder.0, Role::Writer, 1).unwrap();
    let more = |store: &Store, n: u32| {
        for n in 0..n {
            deliver(store, "INBOX", format!("{n}\r\n").as_bytes(), Flags::NONE);
        }
    };
    let count = |store: &Store| -> (i64, i64) {
        let sql = "SELECT (SELECT count(*) FROM signature_block),
                          (SELECT count(*) FROM signature_cell)";
        let both = store.one(sql, [], |r| Ok((r.get(0)?, r.get(1)?)));
        both.unwrap().unwrap()
    };
    let store = open();
    store.begin().unwrap();
    populate(&store);
    more(&store, 200);
    store.commit().unwrap();
    store.seal_small(INBOX);
    store.seal_small(INBOX);
    let (blocks, cells) = count(&store);
    assert_eq!(blocks, 2);
    drop(store);
    for (last, left) in [(127, 2), (128, 1)] {
        let store = open();
        store.begin().unwrap();
        let (place, mailbox) = named(&store, "INBOX");
        let uids = UidSet::from_ranges([(1, last)]);
        let inbox = (&place, &mailbox);
        (store.expunge((NOW, ME), inbox, Some(&uids), Flags::NONE, &mut Vec::new())).unwrap();
        store.commit().unwrap();
        store.make_due(INBOX);
        while store.reclaim(NOW, false).unwrap() {}
        assert_eq!(count(&store), (left, cells / 2 * left));
        let lines = verify(&store, false);
        assert!(!lines.iter().any(|l| l.contains("index")), "{lines:?}");
    }
}

/// Damage of the index, as `damage.rs` has it.
pub(super) const DAMAGE: &[Kind] = &[
    (
        "signature",
        "UPDATE signature SET grams = zeroblob(length(grams))",
        "signature",
        CHECKSUM,
    ),
    (
        "no signature",
        "DELETE FROM signature",
        "signature",
        "not in the index",
    ),
    (
        "bodies of a block",
        "UPDATE signature_block SET bodies = zeroblob(length(bodies))",
        "signature_block",
        CHECKSUM,
    ),
    (
        "cells of a block",
        "UPDATE signature_block SET starts = x'0000ffff'",
        "signature_block",
        CHECKSUM,
    ),
    (
        "cell of a block",
        "UPDATE signature_cell SET octets = zeroblob(length(octets))",
        "signature_block",
        "missing or damaged",
    ),
    (
        "no cell of a block",
        "DELETE FROM signature_cell WHERE id = (SELECT max(id) FROM signature_cell)",
        "signature_block",
        "missing or damaged",
    ),
    (
        "unsigned inbox",
        "UPDATE unsigned SET below = below + 1",
        "unsigned",
        CHECKSUM,
    ),
];
