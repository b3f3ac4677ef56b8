//! Uploaded files in the store: an older file gets their table, and their damage is found.

use super::damage::{CHECKSUM, Kind};
use super::*;

/// An uploaded file. Its digest is that of a message, since any will do.
pub(super) fn insert_upload(store: &Store, org: OrgId, message: BodyId) {
    let new = crate::store::NewBody {
        noted: None,
        octets: b"file",
        header_len: 0,
        message_id: "",
        references: &[],
        inboxes: &[],
        digest: &store.digest(org, message).unwrap(),
        summary: &crate::call::Summary::default(),
    };
    let body = store.put_body(NOW, org, 1, &new).unwrap();
    let upload = crate::store::StoredUpload {
        row: crate::call::UploadRow {
            id: crate::call::UploadId(7),
            filename: "a.bin".into(),
            content_type: "a/b".into(),
            size: 4,
            created_at: 0,
            expires_at: 9,
        },
        key: Some(crate::call::KeyId(7)),
        body,
    };
    store.insert_upload(org, &upload).unwrap();
}

/// Step 21: a file of version 20 gets a table for uploads, and goes on.
#[test]
fn uploads_into_version_20_are_kept() {
    let folder = super::Folder::new("old-uploads");
    let mut sql = Connection::open(folder.0.join(FILE)).unwrap();
    sum::add_function(&sql).unwrap();
    open::migrate(&mut sql, &open::STEPS[..20]).unwrap();
    ids::insert_meta(&sql, 1).unwrap();
    drop(sql);
    let store = Store::open(&folder.0, Role::Writer, 1).unwrap();
    let id = crate::call::UploadId(7);
    store.begin().unwrap();
    assert_eq!(store.upload(ORG, id).unwrap(), None);
    assert_eq!(store.uploads_len(ORG, None, 9).unwrap(), 0);
    assert!(!store.delete_upload(ORG, id).unwrap());
    assert!(!store.trim_uploads(i64::MAX, 9).unwrap());
    store.commit().unwrap();
    assert_eq!(verify(&store, true), Vec::<String>::new());
}

/// Damage of uploads, as `damage.rs` has it.
pub(super) const DAMAGE: &[Kind] = &[
    (
        "name of an uploaded file",
        "UPDATE upload SET filename = 'b.bin'",
        "upload",
        CHECKSUM,
    ),
    (
        "body of an uploaded file",
        "UPDATE upload SET body = body + 1",
        "upload",
        "no body of its organization",
    ),
];
