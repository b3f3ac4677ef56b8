//! Files of older versions with mail in them. A writer brings them up to date; a connection that
//! only reads refuses them.

use super::*;

/// The columns of checksums, which the statements of today write, for a file of an older version.
fn with_sums(sql: &Connection) {
    sum::add_function(sql).unwrap();
    for (table, column) in columns_of_sums() {
        // A table that the version does not have yet is passed over.
        let _ = sql.execute_batch(&format!("ALTER TABLE {table} ADD COLUMN {column} INTEGER"));
    }
}

/// Takes them away: then the file is as the older version left it.
fn without_sums(sql: &Connection) {
    for (table, column) in columns_of_sums() {
        let _ = sql.execute_batch(&format!("ALTER TABLE {table} DROP COLUMN {column}"));
    }
}

fn columns_of_sums() -> impl Iterator<Item = (&'static str, &'static str)> {
    let sums = |table: &'static sum::SummedTable| {
        let columns = table.sums.iter();
        columns.map(|(column, _)| (table.name, *column))
    };
    sum::TABLES.iter().flat_map(sums)
}

/// The standard mailboxes of an inbox, as versions 1 to 4 wrote them.
fn old_mailboxes(old: &Store, org: OrgId, inbox: InboxId) {
    for (n, name) in (0i64..).zip(["INBOX", "Sent", "Drafts", "Trash", "Junk"]) {
        old.run(
            "INSERT INTO mailbox (id, org, inbox, name, special, uidvalidity, highest_modseq,
                 expunged_floor)
             VALUES (?1, ?2, ?3, ?4, nullif(?5, 0), ?1, 0, 0)",
            (inbox.0 * 100 + n, org.0, inbox.0, name, n),
        )
        .unwrap();
        old.run(
            "INSERT INTO subscription (inbox, name) VALUES (?1, ?2)",
            (inbox.0, name),
        )
        .unwrap();
    }
    old.run(
        "UPDATE meta SET value = 10000 WHERE name = 'uidvalidity'",
        [],
    )
    .unwrap();
}

/// An organization with one inbox, as versions 1 and 2 wrote them.
fn old_rows(old: &Store) {
    old.run(
        "INSERT INTO org (id, name, created_at) VALUES (?1, 'a', 0)",
        [ORG.0],
    )
    .unwrap();
    old.run(
        "INSERT INTO inbox (id, org, address, ancestors, created_at)
         VALUES (?1, ?2, 'bot@x.test', ?3, 0)",
        (INBOX.0, ORG.0, 99i64.to_le_bytes()),
    )
    .unwrap();
    old_mailboxes(old, ORG, INBOX);
}

/// A message in an empty mailbox, as versions 1 to 4 wrote it, with a row of the log.
fn old_message(old: &Store, name: &str, octets: &[u8], flags: Flags) {
    let id = old.new_id(NOW);
    let summary = crate::store::format::encode_summary(&Summary::default()).unwrap();
    old.run(
        "INSERT INTO body (id, org, refs, size, header_len, message_id, digest, summary)
         VALUES (?1, ?2, 1, ?3, 0, '<a@b>', x'64', ?4)",
        (id, ORG.0, octets.len() as i64, summary),
    )
    .unwrap();
    old.run(
        "INSERT INTO chunk (id, checksum, octets) VALUES (?1, ?2, ?3)",
        (id, crc32fast::hash(octets), octets),
    )
    .unwrap();
    let size = octets.len() as i64 + 6;
    for sql in [
        "UPDATE org SET seq = seq + 1, at = ?1 WHERE ?2 = ?2 AND ?3 = ?3 AND ?4 = ?4 AND ?5 = ?5",
        "UPDATE inbox SET bytes = bytes + ?4, messages = messages + 1
         WHERE ?1 = ?1 AND ?2 = ?2 AND ?3 = ?3 AND ?5 = ?5",
        "UPDATE mailbox SET uidnext = 2, highest_modseq = (SELECT seq FROM org), messages = 1,
             unseen = (?5 & 1) = 0, bytes = ?4
         WHERE name = ?3 AND ?1 = ?1 AND ?2 = ?2",
        "INSERT INTO entry (mailbox, uid, id, org, inbox, body, thread, modseq, flags, arrival,
             received_at, size, prefix)
         SELECT mailbox.id, 1, ?2 + 1, org, inbox, ?2, 7, highest_modseq, ?5, 1, ?1, ?4,
             CAST('X: y' || char(13, 10) AS BLOB)
         FROM mailbox WHERE name = ?3",
        "INSERT INTO event (org, seq, at, mailbox, uids, detail)
         SELECT org, highest_modseq, ?1, id, x'010101', x'0108' FROM mailbox
         WHERE name = ?3 AND ?2 = ?2 AND ?4 = ?4 AND ?5 = ?5",
    ] {
        old.run(sql, (NOW.unix_ms, id, name, size, flags.0))
            .unwrap();
    }
    old.run(
        "UPDATE meta SET value = ?1 WHERE name = 'id'",
        [old.new_ids(NOW, 1000)],
    )
    .unwrap();
}

#[test]
fn a_file_of_version_1_keeps_its_mail() {
    let folder = super::Folder::new("old");
    let mut sql = Connection::open(folder.0.join(FILE)).unwrap();
    open::migrate(&mut sql, &open::STEPS[..1]).unwrap();
    ids::insert_meta(&sql, 1).unwrap();
    with_sums(&sql);
    let old = open::finish(sql, Role::Writer, None, 1).unwrap();
    old.begin().unwrap();
    old_rows(&old);
    old_message(&old, "INBOX", b"kept\r\n", Flags::SEEN);
    old_message(&old, "Trash", b"deleted later\r\n", Flags::NONE);
    old.commit().unwrap();
    without_sums(&old.sql);
    drop(old);

    // A reader cannot bring it up to date. The error says which command can.
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
    while store.reclaim(NOW, false).unwrap() {}
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
    ids::insert_meta(&sql, 1).unwrap();
    with_sums(&sql);
    let old = open::finish(sql, Role::Writer, None, 1).unwrap();
    old.begin().unwrap();
    old_rows(&old);
    old_message(&old, "INBOX", b"kept\r\n", Flags::SEEN);
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
    for (id, (_, dsn)) in (1000i64..).zip(format::golden("job_dsn_plain")) {
        old.run(
            "INSERT INTO job (id, org, inbox, kind, entry, body, reverse_path, recipient, dsn,
                              state, attempts, due_at, created_at)
             SELECT ?1, ?2, inbox, 1, id, body, 'a@x.test', 'B@Y.test', ?3, 0, 3, 70, 60
             FROM entry",
            (id, ORG.0, dsn),
        )
        .unwrap();
        old.run("UPDATE body SET refs = refs + 1", []).unwrap();
    }
    old.commit().unwrap();
    without_sums(&old.sql);
}

#[test]
fn queued_recipients_of_version_2_are_taken_over() {
    let folder = super::Folder::new("old-jobs");
    file_of_version_2(&folder);
    let store = Store::open(&folder.0, Role::Writer, 1).unwrap();
    let rows = store.outbound_page(ORG, OutboundId(0), 10).unwrap();
    assert_eq!(rows.len(), 2);
    let first = rows[1].clone().shown();
    assert_eq!((first.id, first.inbox), (OutboundId(1000), INBOX));
    assert_eq!(
        (first.recipient.as_str(), first.status),
        ("B@Y.test", OutboundStatus::Queued)
    );
    assert_eq!(
        (first.attempts, first.next_attempt_at, first.created_at),
        (3, Some(70), 60)
    );
    assert_eq!(first.expires_at, 60 + 72 * 3_600_000);
    assert!(first.message.is_some() && first.history.is_empty());
    let wrong: Vec<String> = (verify(&store, true).into_iter())
        .filter(|line| {
            ["job", "outbound", "counted", "organization counters"]
                .iter()
                .any(|word| line.contains(word))
        })
        .collect();
    assert_eq!(wrong, Vec::<String>::new());

    let now = Now {
        unix_ms: 100,
        ..NOW
    };
    let backlogs = store.due_backlogs(now, 10).unwrap();
    let expected = Backlog {
        org: ORG,
        domain: "y.test".into(),
    };
    assert_eq!(backlogs, [expected]);
    store.begin().unwrap();
    let mut due = store.due_outbound(now, &backlogs[0], 10).unwrap();
    assert_eq!((due.len(), due[0].attempts), (2, 3));
    assert!(due[0].content.is_unknown);
    let envelope = SmtpJob {
        reverse_path: Some("a@x.test".into()),
        recipient: "B@Y.test".into(),
        notify: 6,
        orcpt: Some("rfc822;a@b.test".into()),
        ret_full: Some(true),
        envid: Some("q1".into()),
    };
    assert_eq!(due[0].envelope, envelope);
    assert_eq!(store.usage(ORG, 0).unwrap().unwrap().outbound, Some(2));
    for row in &mut due {
        row.status = OutboundStatus::Delivered;
        store.end_outbound(row, 500).unwrap();
    }
    store.settle_backlog(&backlogs[0], 0).unwrap();
    store.commit().unwrap();
    check(&store);
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
    assert_eq!(below.events.len(), format::CHANGES_OF_2);
    let (place, inbox) = named(&store, "INBOX");
    assert_eq!(place.path.ancestors, [InboxId(99)]);
    let kept = store.kept_answer(Some(ORG), "json", 0).unwrap().unwrap();
    assert_eq!(kept.answer, br#"{"id":"key_1"}"#);

    // New rows are of the new version, in the same tables.
    let head = store.log_state(ORG).unwrap().unwrap().head;
    store.begin().unwrap();
    store.set_ancestors(ORG, INBOX, &[InboxId(7)]).unwrap();
    store.keep_answer(Some(ORG), "new", &kept, 6).unwrap();
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
    let again = store.kept_answer(Some(ORG), "new", 0).unwrap().unwrap();
    assert_eq!(again.answer, kept.answer);
}

/// For the figure only: how long the first start takes that takes over a million queued
/// recipients.
#[test]
#[ignore = "takes half a minute"]
fn a_million_queued_recipients_are_taken_over() {
    let folder = super::Folder::new("old-million");
    file_of_version_2(&folder);
    let sql = Connection::open(folder.0.join(FILE)).unwrap();
    sql.execute_batch(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)
         INSERT INTO job (id, org, inbox, kind, entry, body, reverse_path, recipient, dsn, state,
                          attempts, due_at, created_at)
         SELECT 5000 + i, 1, 10, 1, 1, body, 'a@x.test', 'user' || i || '@y.test', dsn, 0, 0,
                i, i
         FROM n, (SELECT body, dsn FROM job LIMIT 1)",
    )
    .unwrap();
    drop(sql);
    let start = std::time::Instant::now();
    let store = Store::open(&folder.0, Role::Writer, 1).unwrap();
    println!("a million queued recipients: open {:?}", start.elapsed());
    let rows = store.outbound_page(ORG, OutboundId(0), 10).unwrap();
    assert_eq!(rows.len(), 10);
}

/// A file of version 3 with two organizations, a domain of each, and inboxes there.
fn file_of_version_3(folder: &super::Folder) {
    let mut sql = Connection::open(folder.0.join(FILE)).unwrap();
    open::migrate(&mut sql, &open::STEPS[..3]).unwrap();
    ids::insert_meta(&sql, 1).unwrap();
    sql.execute_batch(
        "INSERT INTO meta (name, value) VALUES ('operator', 1);
         INSERT INTO org (id, name, created_at) VALUES (1, 'first', 5), (2, 'second', 6);
         INSERT INTO domain (id, org, name, created_at)
             VALUES (11, 1, 'own.test', 7), (12, 2, 'taken.test', 8);
         INSERT INTO inbox (id, org, address, domain, ancestors, created_at)
             VALUES (21, 1, 'Bot@own.test', 11, x'', 9),
                    (22, 2, 'eve@taken.test', 12, x'', 9),
                    (23, 2, 'eve-1@agents.test', NULL, x'', 9);
         INSERT INTO address (canonical, org, inbox)
             VALUES ('bot@own.test', 1, 21), ('eve@taken.test', 2, 22),
                    ('eve-1@agents.test', 2, 23), ('gone-1@agents.test', 1, NULL);
         INSERT INTO key (id, org, public, hash, scopes, bound, created_at)
             VALUES (31, 2, 'pub', zeroblob(32), 1, 1, 9);
         INSERT INTO key_inbox (key, inbox) VALUES (31, 22);",
    )
    .unwrap();
    let old = open::finish(sql, Role::Writer, None, 1).unwrap();
    old.begin().unwrap();
    for (org, inbox) in [(1, 21), (2, 22), (2, 23)] {
        let (org, inbox) = (OrgId(org), InboxId(inbox));
        old_mailboxes(&old, org, inbox);
    }
    old.commit().unwrap();
}

#[test]
fn domains_of_version_3_are_trusted_only_for_the_operator() {
    let folder = super::Folder::new("old-3");
    file_of_version_3(&folder);
    let store = Store::open(&folder.0, Role::Writer, 1).unwrap();
    check(&store);
    let [own] = &store.domains(OrgId(1)).unwrap()[..] else {
        panic!()
    };
    assert_eq!((own.name.as_str(), own.verified_at), ("own.test", Some(7)));
    let [taken] = &store.domains(OrgId(2)).unwrap()[..] else {
        panic!()
    };
    assert_eq!(
        (taken.name.as_str(), taken.verified_at),
        ("taken.test", None)
    );
    assert!(own.token.len() == 32 && own.token != taken.token);

    // Mail comes to the trusted domain and to the shared one. The other keeps its mail.
    let to = |canonical: &str| {
        let found = store.destination(canonical).unwrap();
        found.map(|found| found.inbox.0)
    };
    assert_eq!(to("bot@own.test"), Some(21));
    assert_eq!(to("eve-1@agents.test"), Some(23));
    assert_eq!(to("eve@taken.test"), None);
    assert_eq!(to("gone-1@agents.test"), None);
    assert!(store.is_address_known("gone-1@agents.test").unwrap());
    let waiting = store.waiting_domain(InboxId(22)).unwrap();
    assert_eq!(waiting.as_deref(), Some("taken.test"));
    let in_use = store.waiting_domains_in_use().unwrap();
    assert_eq!(in_use, [(OrgId(2), "taken.test".to_owned())]);
    assert_eq!(store.waiting_domain(InboxId(21)).unwrap(), None);
    assert_eq!(store.waiting_domain(InboxId(23)).unwrap(), None);
    let found = store.inbox_at(OrgId(2), "eve@taken.test").unwrap();
    assert_eq!(found, Some(InboxId(22)));
    assert_eq!(store.inbox_at(OrgId(1), "eve@taken.test").unwrap(), None);
    let key = store.key(OrgId(2), KeyId(31)).unwrap().unwrap();
    assert_eq!((key.inboxes, key.subtree), (Some(vec![InboxId(22)]), false));

    // The proof makes it work again, and the foreign keys hold as before.
    store.begin().unwrap();
    store.prove_domain(taken, 100).unwrap();
    assert!(store.delete_domain(OrgId(2), taken.id).is_err());
    store.commit().unwrap();
    assert_eq!(to("eve@taken.test"), Some(22));
    assert!(store.waiting_domains_in_use().unwrap().is_empty());
    check(&store);
}

/// A file of version 4 with two conversations, of which one has no message left, and with rows of
/// every kind that counts.
pub(super) fn file_of_version_4(folder: &super::Folder) {
    let mut sql = Connection::open(folder.0.join(FILE)).unwrap();
    open::migrate(&mut sql, &open::STEPS[..4]).unwrap();
    ids::insert_meta(&sql, 1).unwrap();
    let old = open::finish(sql, Role::Writer, None, 1).unwrap();
    old.begin().unwrap();
    old_rows(&old);
    old_message(&old, "INBOX", b"kept\r\n", Flags::SEEN);
    old.sql
        .execute_batch(
            "INSERT INTO meta (name, value) VALUES ('operator', 1);
             UPDATE inbox SET ancestors = x'';
             UPDATE entry SET keywords = '$Work later';
             INSERT INTO mailbox (id, org, inbox, name, uidvalidity, highest_modseq, expunged_floor)
                 VALUES (9000, 1, 10, 'Old', 9000, 0, 0);
             INSERT INTO subscription (inbox, name) VALUES (10, 'Old');
             INSERT INTO address (canonical, org, inbox)
                 VALUES ('bot@x.test', 1, 10), ('gone@x.test', 1, NULL);
             INSERT INTO key (id, org, public, hash, scopes, bound, created_at, revoked_at)
                 VALUES (31, 1, 'pub', zeroblob(32), 1, 1, 9, NULL),
                        (32, 1, 'old', zeroblob(32), 1, 0, 9, 10);
             INSERT INTO key_inbox (key, inbox) VALUES (31, 10);
             INSERT INTO once (org, key, fingerprint, answer, at) VALUES (1, 'k', x'aa', x'7b7d', 5);
             INSERT INTO reference (inbox, hash, thread) VALUES (10, 1, 7), (10, 2, 7), (10, 3, 8);",
        )
        .unwrap();
    old.commit().unwrap();
}

/// What is wrong with the file, except that the log of this test does not tell of its message.
fn wrong(store: &Store) -> Vec<String> {
    let mut lines = verify(store, true);
    lines.retain(|line| !line.contains("last change is not in the log"));
    // The digest of this message is one octet.
    lines.retain(|line| !line.contains("digest"));
    lines
}

#[test]
fn rows_of_version_4_are_counted_and_their_conversations_end_with_the_mail() {
    let folder = super::Folder::new("old-4");
    file_of_version_4(&folder);
    let store = Store::open(&folder.0, Role::Writer, 1).unwrap();
    assert_eq!(wrong(&store), Vec::<String>::new());
    check(&store);
    let usage = store.usage(ORG, 0).unwrap().unwrap();
    assert_eq!((usage.inboxes, usage.messages, usage.bytes), (1, 1, 12));
    let rows = quota::ENTRY_BYTES + 11 + quota::MAILBOX_BYTES + quota::SUBSCRIPTION_BYTES;
    let references = 2 * quota::REFERENCE_BYTES;
    let place = store.place(INBOX).unwrap().unwrap();
    assert_eq!(place.stored as i64, 12 + rows + references);
    assert_eq!(store.keys_len(ORG).unwrap(), 1);
    assert_eq!(store.kept_bytes(ORG).unwrap(), quota::KEPT_BYTES as u64 + 3);

    let hashes = |store: &Store| {
        let sql = "SELECT hash, holders FROM reference ORDER BY hash";
        store
            .all(sql, [], |r| Ok([r.get::<_, i64>(0)?, r.get(1)?]))
            .unwrap()
    };
    assert_eq!(hashes(&store), [[1, 1], [2, 1]]);
    let (place, mailbox) = named(&store, "INBOX");
    store.begin().unwrap();
    store
        .expunge(
            (NOW, ME),
            (&place, &mailbox),
            Some(&UidSet::one(1)),
            Flags::NONE,
            &mut Vec::new(),
        )
        .unwrap();
    store.commit().unwrap();
    while store.reclaim(NOW, false).unwrap() {}
    assert_eq!(hashes(&store), Vec::<[i64; 2]>::new());
    assert_eq!(wrong(&store), Vec::<String>::new());
    // A second start takes no step.
    drop(store);
    let store = Store::open(&folder.0, Role::Writer, 1).unwrap();
    assert_eq!(wrong(&store), Vec::<String>::new());
}

/// A file of version 9 gets a table for the keys of its domains, and goes on.
#[test]
fn domains_of_version_9_have_no_keys_yet() {
    let folder = super::Folder::new("old-9");
    let mut sql = Connection::open(folder.0.join(FILE)).unwrap();
    sum::add_function(&sql).unwrap();
    open::migrate(&mut sql, &open::STEPS[..9]).unwrap();
    ids::insert_meta(&sql, 1).unwrap();
    drop(sql);
    let store = Store::open(&folder.0, Role::Writer, 1).unwrap();
    let shared = crate::store::SHARED_DOMAIN_ID;
    assert_eq!(store.dkim_keys(shared).unwrap(), []);
    let key = crate::store::DkimKeyRow {
        selector: "rsa-1".into(),
        secret: vec![1, 2, 3],
        record: "v=DKIM1; k=rsa; p=AA==".into(),
        state: crate::store::DkimKeyState::Active,
        created_at: 5,
        ends_at: None,
    };
    let kept = |store: &Store| store.dkim_keys(shared).unwrap();
    store.begin().unwrap();
    store.insert_dkim_key(shared, &key).unwrap();
    store.turn_dkim_keys(shared, 100).unwrap();
    store.commit().unwrap();
    assert_eq!(kept(&store)[0].state, crate::store::DkimKeyState::Retiring);
    assert_eq!(verify(&store, true), Vec::<String>::new());
    for (now_ms, n) in [(99, 1), (100, 0)] {
        store.begin().unwrap();
        store.delete_ended_dkim_keys(now_ms).unwrap();
        store.commit().unwrap();
        assert_eq!(kept(&store).len(), n);
    }
}

/// The keys of a file without checksums for them get some.
#[test]
fn signing_keys_of_version_13_get_checksums() {
    let folder = super::Folder::new("old-13");
    let mut sql = Connection::open(folder.0.join(FILE)).unwrap();
    sum::add_function(&sql).unwrap();
    open::migrate(&mut sql, &open::STEPS[..13]).unwrap();
    ids::insert_meta(&sql, 1).unwrap();
    sql.execute_batch("INSERT INTO dkim VALUES (0, 'ed-1', x'02', 'v=DKIM1', 1, 5, NULL)")
        .unwrap();
    drop(sql);
    let store = Store::open(&folder.0, Role::Writer, 1).unwrap();
    assert_eq!(verify(&store, true), Vec::<String>::new());
    let shared = crate::store::SHARED_DOMAIN_ID;
    assert_eq!(store.dkim_keys(shared).unwrap().len(), 1);
    store
        .sql
        .execute_batch("DROP TRIGGER dkim_changed; UPDATE dkim SET created_at = 6")
        .unwrap();
    let wrong = verify(&store, true);
    assert!(wrong.len() == 1 && wrong[0].contains("dkim"), "{wrong:?}");
}

/// Approvals of a file of version 14 have no cost: it is in no counter.
#[test]
fn approvals_of_version_14_have_no_cost_and_can_be_trimmed() {
    let folder = super::Folder::new("old-14");
    let mut sql = Connection::open(folder.0.join(FILE)).unwrap();
    sum::add_function(&sql).unwrap();
    open::migrate(&mut sql, &open::STEPS[..14]).unwrap();
    sql.execute_batch(
        "INSERT INTO org (id, name, created_at) VALUES (1, 'one', 0);
         INSERT INTO approval (id, org, inbox, entry, status, envelope, sha256, created_at,
                               expires_at, decided_at)
         VALUES (5, 1, 2, 3, 2, x'010000000000', zeroblob(32), 7, 9, 8);",
    )
    .unwrap();
    ids::insert_meta(&sql, 1).unwrap();
    drop(sql);
    let store = Store::open(&folder.0, Role::Writer, 1).unwrap();
    let page = store.approvals(ORG, ApprovalId(0), 10).unwrap();
    assert_eq!((page.len(), page[0].row.send_at), (1, None));
    let wrong: Vec<String> = (verify(&store, true).into_iter())
        .filter(|line| line.contains("approval") || line.contains("organization has"))
        .collect();
    assert_eq!(wrong, Vec::<String>::new());
    store.begin().unwrap();
    store.trim_approvals(9, 10).unwrap();
    store.commit().unwrap();
    assert_eq!(store.approvals(ORG, ApprovalId(0), 10).unwrap(), []);
}

/// The keywords of a file of version 6 are counted once, those of a deleted mailbox are left out,
/// and a mailbox with more than there may be takes no other.
#[test]
fn keywords_of_version_6_are_counted() {
    let folder = super::Folder::new("old-6");
    let mut sql = Connection::open(folder.0.join(FILE)).unwrap();
    sum::add_function(&sql).unwrap();
    open::migrate(&mut sql, &open::STEPS[..6]).unwrap();
    ids::insert_meta(&sql, 1).unwrap();
    sql.execute_batch(
        "INSERT INTO mailbox (id, org, inbox, name, uidvalidity, highest_modseq, expunged_floor)
             VALUES (70, 1, 10, 'INBOX', 70, 0, 0), (71, 1, 10, 'Old', 71, 0, 0);
         WITH e(mailbox, uid, keywords) AS (VALUES (70, 1, 'a B'), (70, 2, 'b'), (70, 3, NULL),
             (70, 4, 'b'), (71, 1, 'c'), (72, 1, 'gone'))
         INSERT INTO entry (mailbox, uid, id, org, inbox, body, thread, modseq, flags, keywords,
                 arrival, received_at, size)
             SELECT mailbox, uid, 100 * mailbox + uid, 1, 10, 1, 1, 1, 0, keywords, 1, 0, 0 FROM e",
    )
    .unwrap();
    drop(sql);
    let store = Store::open(&folder.0, Role::Writer, 1).unwrap();
    let counted = || {
        let sql = "SELECT mailbox, word, uses FROM keyword ORDER BY mailbox, word";
        let rows = store.all(sql, [], |r| {
            Ok(format!(
                "{} {} {}",
                r.get::<_, i64>(0)?,
                r.get::<_, String>(1)?,
                r.get::<_, i64>(2)?
            ))
        });
        rows.unwrap().join(", ")
    };
    assert_eq!(counted(), "70 a 1, 70 b 3, 71 c 1");
    store.set_quota(Quota {
        mailbox_keywords: 1,
        ..Quota::NONE
    });
    let words = |words: &[&str]| {
        words
            .iter()
            .map(|&word| word.to_owned())
            .collect::<Vec<_>>()
    };
    let room = |n: i64, some: &[&str]| store.check_keywords(MailboxId(n), &words(some)).is_ok();
    assert!(room(70, &["A", "B"]) && room(71, &["c"]) && room(72, &["d"]));
    assert!(!room(70, &["c"]) && !room(71, &["a"]) && !room(72, &["a", "b"]));
}

/// Step 8: the modes are those of before, checksums cover them, and a row that was damaged before
/// the step is still found damaged.
#[test]
fn version_7_gets_modes_of_sending() {
    let folder = super::Folder::new("old-9");
    let path = folder.0.join(FILE);
    let mut sql = Connection::open(&path).unwrap();
    sum::add_function(&sql).unwrap();
    open::migrate(&mut sql, &open::STEPS[..7]).unwrap();
    ids::insert_meta(&sql, 5).unwrap();
    sql.execute_batch(
        "INSERT INTO org (id, name, created_at, seq, oldest) VALUES (1, 'first', 5, 0, 1);
         INSERT INTO org (id, name, created_at, seq, oldest) VALUES (2, 'second', 6, 0, 1);
         UPDATE org SET sum = row_sum(id, name, created_at, oldest),
             counts_sum = row_sum(id, seq, at, sent_day, sent);
         UPDATE org SET sum = 7 WHERE id = 2;",
    )
    .unwrap();
    drop(sql);
    let store = Store::open(&folder.0, Role::Writer, 1).unwrap();
    let org = store.org(OrgId(1)).unwrap().unwrap();
    assert_eq!(
        (org.send_mode, org.paused_at),
        (crate::call::SendMode::Direct, None)
    );
    let wrong: Vec<String> = verify(&store, false)
        .into_iter()
        .filter(|line| line.contains("checksum"))
        .collect();
    assert_eq!(wrong.len(), 1, "{wrong:?}");
    assert!(wrong[0].starts_with("org id=2"), "{wrong:?}");
    let policy = crate::call::OrgRow {
        send_mode: crate::call::SendMode::Off,
        paused_at: Some(9),
        ..store.org(OrgId(1)).unwrap().unwrap()
    };
    store.set_org_policy(&policy).unwrap();
    let org = store.org(OrgId(1)).unwrap().unwrap();
    assert_eq!(
        (org.send_mode, org.paused_at),
        (crate::call::SendMode::Off, Some(9))
    );
    let wrong = verify(&store, false);
    assert!(
        !wrong.iter().any(|line| line.starts_with("org id=1")),
        "{wrong:?}"
    );
}

/// Step 13: inboxes take all mail as before, domains have no catch-all, and checksums cover both.
#[test]
fn version_12_gets_a_choice_of_receiving() {
    let folder = super::Folder::new("old-12");
    let path = folder.0.join(FILE);
    let mut sql = Connection::open(&path).unwrap();
    sum::add_function(&sql).unwrap();
    open::migrate(&mut sql, &open::STEPS[..12]).unwrap();
    ids::insert_meta(&sql, 5).unwrap();
    sql.execute_batch(
        "INSERT INTO org (id, name, created_at, seq, oldest) VALUES (1, 'first', 5, 0, 1);
         INSERT INTO domain (id, org, name, token, verified_at, created_at)
             VALUES (2, 1, 'x.test', 't', 5, 5), (3, 1, 'y.test', 't', 5, 5);
         INSERT INTO inbox (id, org, address, domain, ancestors, created_at)
             VALUES (4, 1, 'bot@x.test', 2, x'01', 5);
         INSERT INTO address (canonical, org, inbox) VALUES ('bot@x.test', 1, 4);
         UPDATE domain SET sum = row_sum(id, org, name, token, verified_at, created_at);
         UPDATE domain SET sum = 7 WHERE id = 3;",
    )
    .unwrap();
    drop(sql);
    let store = Store::open(&folder.0, Role::Writer, 1).unwrap();
    let (org, inbox) = (OrgId(1), InboxId(4));
    let allow = crate::call::ReceiveDefault::Allow;
    assert_eq!(store.receive_default(inbox).unwrap(), allow);
    assert_eq!(store.catch_all("x.test").unwrap(), None);
    let wrong: Vec<String> = verify(&store, false)
        .into_iter()
        .filter(|line| line.contains("checksum"))
        .collect();
    assert_eq!(wrong.len(), 1, "{wrong:?}");
    assert!(wrong[0].starts_with("domain id=3"), "{wrong:?}");
    let domain = crate::call::DomainId(2);
    store.set_catch_all(org, domain, Some(inbox)).unwrap();
    let mut row = store.inbox(org, inbox).unwrap().unwrap();
    row.receive_default = crate::call::ReceiveDefault::Screen;
    store.update_inbox(org, &row).unwrap();
    assert_eq!(store.receive_default(inbox).unwrap(), row.receive_default);
    let found = store.catch_all("x.test").unwrap().unwrap();
    assert_eq!((found.inbox, found.receives), (inbox, row.receive_default));
    let wrong = verify(&store, false);
    let names = ["domain id=2", "inbox id=4"];
    assert!(
        !wrong.iter().any(
            |line| names.iter().any(|name| line.starts_with(name)) && line.contains("checksum")
        ),
        "{wrong:?}"
    );
}

/// A file of version 17 gets a table for what is imported, and goes on.
#[test]
fn imports_into_version_17_are_noted_once() {
    let folder = super::Folder::new("old-17");
    let mut sql = Connection::open(folder.0.join(FILE)).unwrap();
    sum::add_function(&sql).unwrap();
    open::migrate(&mut sql, &open::STEPS[..17]).unwrap();
    ids::insert_meta(&sql, 1).unwrap();
    drop(sql);
    let store = Store::open(&folder.0, Role::Writer, 1).unwrap();
    let (inbox, id) = (InboxId(7), ImportId([3; 16]));
    store.begin().unwrap();
    assert!(!store.is_imported(inbox, &id).unwrap());
    assert!(store.note_import(ORG, inbox, &id).unwrap());
    assert!(!store.note_import(ORG, inbox, &id).unwrap());
    assert!(store.is_imported(inbox, &id).unwrap());
    assert!(!store.is_imported(InboxId(8), &id).unwrap());
    assert!(!store.is_imported(inbox, &ImportId([4; 16])).unwrap());
    store.commit().unwrap();
}

/// A file from before the index of conversations gets it over the messages that it has.
#[test]
fn threads_of_an_older_file_are_found() {
    let folder = super::Folder::new("old-threads");
    let mut sql = Connection::open(folder.0.join(FILE)).unwrap();
    sum::add_function(&sql).unwrap();
    open::migrate(&mut sql, &open::STEPS[..24]).unwrap();
    ids::insert_meta(&sql, 1).unwrap();
    sql.execute_batch(
        "INSERT INTO entry (mailbox, uid, id, org, inbox, body, thread, modseq, flags, arrival,
             received_at, size, extra) VALUES (3, 1, 40, 1, 10, 5, 30, 1, 0, 1, 7, 1, 0);",
    )
    .unwrap();
    drop(sql);
    let store = Store::open(&folder.0, Role::Writer, 1).unwrap();
    assert_eq!(store.newest_in(INBOX, 30).unwrap(), Some(40));
    assert_eq!(store.newest_in(INBOX, 31).unwrap(), None);
}
