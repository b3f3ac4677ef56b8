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

/// A file of version 2 with rows as that version wrote them.
fn file_of_version_2(folder: &super::Folder) {
    let mut sql = Connection::open(folder.0.join(FILE)).unwrap();
    open::migrate(&mut sql, &open::STEPS[..2]).unwrap();
    ids::sow(&sql, 1).unwrap();
    let old = open::finish(sql, Role::Writer, None, 1).unwrap();
    old.begin().unwrap();
    populate(&old);
    deliver(&old, "INBOX", b"kept\r\n", Flags::SEEN);
    let details = format::golden("event_detail_1");
    let (path, uids) = (
        format::golden_one("event_path_plain"),
        format::golden_one("event_uids_plain"),
    );
    for (seq, (_, detail)) in (2i64..).zip(&details) {
        old.run(
            "INSERT INTO event (org, seq, at, inbox, path, uids, detail)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            (
                ORG.0,
                seq,
                NOW.unix_ms,
                format::path().id.0,
                &path,
                &uids,
                detail,
            ),
        )
        .unwrap();
    }
    let head = 1 + details.len() as i64;
    old.run("UPDATE org SET seq = ?1", [head]).unwrap();
    for (key, answer) in format::golden("once_answer_plain") {
        old.run(
            "INSERT INTO once (org, key, fingerprint, answer, at) VALUES (?1, ?2, x'aa', ?3, 5)",
            (ORG.0, key, answer),
        )
        .unwrap();
    }
    old.commit().unwrap();
}

#[test]
fn rows_of_version_2_are_read_and_new_ones_written_beside_them() {
    let folder = super::Folder::new("old-2");
    file_of_version_2(&folder);
    let store = Store::open(&folder.0, Role::Writer, 1).unwrap();
    let page = |after| {
        let page = store.events_after(ORG, Topic::Org(ORG), after, 100);
        page.unwrap().unwrap().events
    };
    let events = page(1);
    for (event, (name, change)) in events.iter().zip(format::changes()) {
        assert_eq!(event.change, change, "{name}");
        assert_eq!(event.inbox.as_deref(), Some(&format::path()), "{name}");
        assert_eq!(event.uids, format::uids(), "{name}");
    }
    let tree = Topic::Tree(InboxId(300));
    let below = store.events_after(ORG, tree, 0, 100).unwrap().unwrap();
    assert_eq!(below.events.len(), format::changes().len());
    let (place, inbox) = named(&store, "INBOX");
    assert_eq!(place.path.ancestors, [InboxId(99)]);
    let kept = store.once(ORG, "json", 0).unwrap().unwrap();
    assert_eq!(kept.answer, br#"{"id":"key_1"}"#);

    // New rows are of the new version, in the same tables.
    let head = store.log_state(ORG).unwrap().unwrap().head;
    store.begin().unwrap();
    store.set_ancestors(ORG, INBOX, &[InboxId(7)]).unwrap();
    store.keep_once(ORG, "new", &kept, 6).unwrap();
    store
        .expunge(
            (NOW, ME),
            (&place, &inbox),
            Some(&UidSet::one(1)),
            Flags::NONE,
            &mut Vec::new(),
        )
        .unwrap();
    store.commit().unwrap();
    let new = page(head);
    assert_eq!((new.len(), new[0].uids.to_string()), (1, "1".into()));
    assert_eq!(new[0].inbox.as_deref(), Some(&*place.path));
    let path = store.inbox_path(ORG, INBOX).unwrap().unwrap();
    assert_eq!(path.ancestors, [InboxId(7)]);
    let again = store.once(ORG, "new", 0).unwrap().unwrap();
    assert_eq!(again.answer, kept.answer);
}
