//! A file that an older version has written, with mail in it: brought up to date by a writer,
//! refused by whoever only reads.

use super::*;

#[test]
fn a_file_of_version_1_keeps_its_mail() {
    let folder = super::Folder::new("old");
    let mut sql = Connection::open(folder.0.join(FILE)).unwrap();
    open::migrate(&mut sql, &open::STEPS[..1]).unwrap();
    ids::sow(&sql, 1).unwrap();
    let old = open::finish(sql, Role::Writer, None, 1).unwrap();
    old.begin().unwrap();
    populate(&old);
    deliver(&old, "INBOX", b"kept\r\n", Flags::SEEN);
    deliver(&old, "Trash", b"deleted later\r\n", Flags::NONE);
    old.commit().unwrap();
    drop(old);

    // A reader cannot bring it up to date, and says who can.
    let error = Store::open(&folder.0, Role::Reader, 1).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("version 1") && text.contains("postern serve"),
        "{text}"
    );

    let store = Store::open(&folder.0, Role::Writer, 1).unwrap();
    Store::open(&folder.0, Role::Reader, 1).unwrap();
    let (_, trash) = named(&store, "Trash");
    assert_eq!((trash.messages, trash.unseen), (1, 1));
    check(&store);
    store.begin().unwrap();
    store.delete_mailbox(&trash).unwrap();
    store.commit().unwrap();
    check(&store);
    while store.reap(NOW, false).unwrap() {}
    check(&store);
    assert_eq!(reclaim::first_octets(&store, "INBOX"), b"X: y\r\nkept\r\n");
    assert_eq!(deliver(&store, "INBOX", b"new\r\n", Flags::NONE), 2);
    check(&store);
    drop(store);
    assert!(Store::open(&folder.0, Role::Reader, 1).is_ok());
}
