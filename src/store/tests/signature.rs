//! The index of searches in the store: building it for an older file, and its damage.

use super::damage::{CHECKSUM, Kind};
use super::old::file_of_version_4;
use super::*;

/// Step 19: an inbox with mail is searched message by message until its messages are signed.
#[test]
fn messages_of_version_18_get_signatures() {
    let folder = super::Folder::new("old-18");
    file_of_version_4(&folder);
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
        let mut signature = Signature::for_grams(1);
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

/// Damage of the index, as `damage.rs` has it.
pub(super) const DAMAGE: &[Kind] = &[
    (
        "signature",
        "UPDATE signature SET bits = zeroblob(length(bits))",
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
