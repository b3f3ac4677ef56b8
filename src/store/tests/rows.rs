//! What rows cost: every kind counts, what is full grows no more and can be emptied, and the rows
//! of something that has ended go in the end.

use super::*;

const OTHER: OrgId = OrgId(2);

fn quota(inbox_bytes: u64, org_bytes: u64) -> Quota {
    Quota {
        inbox_bytes,
        org_bytes,
        ..Quota::NONE
    }
}

fn refused<T: core::fmt::Debug>(done: Result<T, Error>) -> Noun {
    match done {
        Err(Error::Refused(Refusal::OverQuota { of, .. })) => of,
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_kind_of_row_counts_and_a_full_inbox_can_only_shrink() {
    let store = world();
    store.begin().unwrap();
    let stored = |store: &Store| store.place(INBOX).unwrap().unwrap().stored as i64;
    assert_eq!(stored(&store), 0);
    store.subscribe(INBOX, "news", true).unwrap();
    assert_eq!(stored(&store), quota::SUBSCRIPTION_BYTES);
    store
        .make_mailbox(NOW, ORG, INBOX, "news", None, 0)
        .unwrap();
    let rows = quota::SUBSCRIPTION_BYTES + quota::MAILBOX_BYTES;
    assert_eq!(stored(&store), rows);
    deliver(&store, "news", b"octets", Flags::NONE);
    assert_eq!(stored(&store), rows + 12 + quota::ENTRY_BYTES);
    let full = stored(&store) as u64;
    store.set_quota(quota(full, u64::MAX));
    store.commit().unwrap();
    check(&store);

    // A copy of few octets costs a row.
    store.begin().unwrap();
    store.savepoint().unwrap();
    let (place, news) = named(&store, "news");
    let (_, trash) = named(&store, "Trash");
    let copied = store.copy(
        (NOW, ME),
        (&place, &news, &trash),
        &UidSet::one(1),
        (false, u64::MAX),
        &mut Vec::new(),
    );
    assert_eq!(refused(copied), Noun::Inbox);
    store.rollback_to().unwrap();
    for what in ["flag", "mailbox", "subscription", "message"] {
        store.savepoint().unwrap();
        let words = ["word".to_owned()];
        let ask = FlagUpdate {
            how: FlagChange::Add,
            flags: Flags::NONE,
            keywords: &words,
            unchanged_since: None,
            keywords_max: 64,
            bound: PieceBound::ALL,
        };
        let done = match what {
            "flag" => store
                .set_flags(
                    (NOW, ME),
                    (&place, &news),
                    &UidSet::one(1),
                    &ask,
                    &mut Vec::new(),
                )
                .map(drop),
            "mailbox" => store.make_mailbox(NOW, ORG, INBOX, "x", None, 0).map(drop),
            "subscription" => store.subscribe(INBOX, "x", true).map(drop),
            _ => try_deliver(&store, "news", b"", Flags::NONE).map(drop),
        };
        assert_eq!(refused(done), Noun::Inbox, "{what}");
        store.rollback_to().unwrap();
    }
    assert_eq!(stored(&store) as u64, full);
    // A move and a deletion go on.
    let moved = store.copy(
        (NOW, ME),
        (&place, &news, &trash),
        &UidSet::one(1),
        (true, u64::MAX),
        &mut Vec::new(),
    );
    moved.unwrap();
    assert_eq!(stored(&store) as u64, full);
    let (_, news) = named(&store, "news");
    store.delete_mailbox(&news).unwrap();
    store.subscribe(INBOX, "news", false).unwrap();
    assert_eq!(stored(&store), 12 + quota::ENTRY_BYTES);
    store.commit().unwrap();
    check(&store);
}

/// An organization with `n` inboxes in one tree, and a key that is bound to all of them.
fn tree(store: &Store, n: i64) {
    store.begin().unwrap();
    let org = OrgRow {
        id: OTHER,
        name: "two".into(),
        created_at: 0,
        send_mode: crate::call::SendMode::Direct,
        paused_at: None,
        retention_days: None,
    };
    store.insert_org(&org).unwrap();
    let domain = DomainRow {
        id: DomainId(store.new_id(NOW)),
        name: "two.test".into(),
        token: "t".into(),
        catch_all: None,
        verified_at: Some(1),
        created_at: 1,
    };
    store.insert_domain(OTHER, &domain).unwrap();
    for id in 1..=n {
        // The parent is younger than its children, as after a move.
        let parent = (id > 1).then_some(InboxId(1000));
        let row = InboxRow {
            id: InboxId(if id == 1 { 1000 } else { 1000 - id }),
            address: format!("a{id}@two.test"),
            display_name: None,
            parent,
            client_id: None,
            metadata: None,
            created_at: 0,
            bytes: 0,
            messages: 0,
            receive_default: crate::call::ReceiveDefault::Allow,
            expires_at: None,
            retention_days: None,
            upstream: None,
            quota_bytes: None,
            limits: crate::call::InboxLimits::default(),
            send_mode: crate::call::SendMode::Direct,
        };
        let ancestors: Vec<InboxId> = parent.into_iter().collect();
        store
            .insert_inbox(OTHER, &row, &row.address, Some(domain.id), &ancestors)
            .unwrap();
        store
            .make_standard_mailboxes(NOW, OTHER, row.id, 0)
            .unwrap();
        let by = crate::store::KnownBy::Written;
        store.note_sender(row.id, "ann@y.test", by, 0).unwrap();
        let import = crate::call::ImportId([7; 16]);
        assert!(store.note_import(OTHER, row.id, &import).unwrap());
        assert!(!store.note_import(OTHER, row.id, &import).unwrap());
    }
    let key = KeyRow {
        id: KeyId(77),
        public: "pub".into(),
        label: None,
        scopes: Scopes::ADMIN,
        inboxes: Some(
            (0..n)
                .map(|n| InboxId(1000 - if n == 0 { 0 } else { n + 1 }))
                .collect(),
        ),
        subtree: false,
        created_at: 0,
        expires_at: None,
        revoked_at: None,
    };
    store.insert_key(OTHER, &key, &[0; 32]).unwrap();
    let kept = KeptAnswer {
        fingerprint: vec![1],
        answer: b"{}".to_vec(),
        kept_ms: 5,
    };
    store.keep_answer(Some(OTHER), "k", &kept, 1).unwrap();
    store.commit().unwrap();
}

/// The end of an organization is a few rows, whatever it has. It is out of reach with them, and
/// every moment until its last row is gone is consistent.
#[test]
fn an_organization_ends_in_a_few_rows_and_its_rows_go_later() {
    let store = world();
    tree(&store, 300);
    check(&store);
    assert_eq!(store.inboxes_len(OTHER).unwrap(), 300);
    assert!(store.destination("a7@two.test").unwrap().is_some());
    store.begin().unwrap();
    let before = store.sql.total_changes();
    store.end_org(OTHER).unwrap();
    let changed = store.sql.total_changes() - before;
    assert!(changed < 10, "{changed} rows");
    assert!(!store.has_org(OTHER).unwrap());
    assert_eq!(store.ended_orgs().unwrap(), [OTHER]);
    assert!(
        store
            .orgs(OrgId(0), 100)
            .unwrap()
            .iter()
            .all(|(org, ended)| org.id != OTHER || *ended)
    );
    assert!(store.key_by_public("pub").unwrap().is_none());
    assert_eq!(store.destination("a7@two.test").unwrap(), None);
    assert_eq!(store.place(InboxId(1000)).unwrap(), None);
    assert_eq!(store.proven_domain("two.test").unwrap(), None);
    store.commit().unwrap();
    let mut slices = 0;
    while store.reclaim(NOW, false).unwrap() {
        let before = store.sql.total_changes();
        check(&store);
        slices += 1;
        assert!(store.sql.total_changes() - before < 5000);
    }
    assert!(slices > 5, "{slices}");
    for (table, left) in [
        ("org", 1),
        ("inbox", 1),
        ("mailbox", 5),
        ("subscription", 5),
        ("key", 0),
        ("key_inbox", 0),
        ("domain", 0),
        ("once", 0),
        ("doomed", 0),
        ("known_sender", 0),
        ("imported", 0),
        ("address", 300),
    ] {
        let sql = format!("SELECT count(*) FROM {table}");
        let rows: i64 = store.sql.query_row(&sql, [], |r| r.get(0)).unwrap();
        assert_eq!(rows, left, "{table}");
    }
    check(&store);
}

#[test]
fn an_inbox_ends_in_a_few_rows() {
    let store = world();
    tree(&store, 2);
    store.begin().unwrap();
    for n in 0..300 {
        let name = format!("m{n}");
        let inbox = InboxId(998);
        store
            .make_mailbox(NOW, OTHER, inbox, &name, None, 0)
            .unwrap();
        store.subscribe(inbox, &name, true).unwrap();
    }
    store.commit().unwrap();
    check(&store);
    store.begin().unwrap();
    let before = store.sql.total_changes();
    store.delete_inbox(OTHER, InboxId(998)).unwrap();
    let changed = store.sql.total_changes() - before;
    assert!(changed < 10, "{changed} rows");
    let found = store.mailbox_named(OTHER, InboxId(998), "m7").unwrap();
    assert_eq!(found, None);
    store.commit().unwrap();
    check(&store);
    while store.reclaim(NOW, false).unwrap() {
        check(&store);
    }
    assert_eq!(store.key_inboxes(KeyId(77)).unwrap(), [InboxId(1000)]);
}

#[test]
fn revoked_keys_go_after_their_time_row_by_row() {
    let store = world();
    tree(&store, 300);
    store.begin().unwrap();
    assert!(store.revoke_key(OTHER, KeyId(77), 50).unwrap());
    assert_eq!(store.keys_len(OTHER).unwrap(), 0);
    assert!(!store.trim_keys(49, 100).unwrap());
    let mut calls = 0;
    while store.trim_keys(50, 100).unwrap() {
        calls += 1;
    }
    assert_eq!(calls, 3);
    assert!(store.key(OTHER, KeyId(77)).unwrap().is_none());
    store.commit().unwrap();
    check(&store);
}

#[test]
fn a_mailbox_keeps_a_bounded_number_of_expunged_uids() {
    let store = world();
    let (_, inbox) = named(&store, "INBOX");
    store.begin().unwrap();
    store
        .run("UPDATE org SET seq = 20000 WHERE id = ?1", [ORG.0])
        .unwrap();
    let many = super::super::expunge::EXPUNGED_MAX + 700;
    for n in 1..=many {
        store
            .run(
                "INSERT INTO expunged (mailbox, modseq, low, high) VALUES (?1, ?2, ?2, ?2)",
                [inbox.id.0, n],
            )
            .unwrap();
    }
    let mut calls = 0;
    while store.trim_expunged(500).unwrap() {
        calls += 1;
    }
    assert_eq!(calls, 2);
    let (_, inbox) = named(&store, "INBOX");
    assert_eq!(inbox.expunged_floor, 700);
    let left = store.one("SELECT count(*), min(modseq) FROM expunged", [], |r| {
        Ok([r.get::<_, i64>(0)?, r.get(1)?])
    });
    assert_eq!(left.unwrap(), Some([many - 700, 701]));
    store.rollback();
}

#[test]
fn a_message_id_is_known_as_long_as_a_message_holds_it() {
    let store = world();
    store.begin().unwrap();
    let rows = |store: &Store| {
        let sql = "SELECT count(*), coalesce(sum(holders), 0) FROM reference";
        let read = |r: &Row<'_>| Ok([r.get::<_, i64>(0)?, r.get(1)?]);
        store.one(sql, [], read).unwrap().unwrap()
    };
    let send = |id: &str, refs: &[&str]| {
        let references: Vec<String> = refs.iter().map(|r| (*r).to_owned()).collect();
        let body = NewBody {
            noted: None,
            octets: b"x",
            header_len: 0,
            message_id: id,
            references: &references,
            inboxes: &[INBOX],
            digest: b"d",
            summary: &Summary::default(),
        };
        let body = store.put_body(NOW, ORG, 1, &body).unwrap();
        let hints = ConversationHints::default();
        let thread = store.conversation_of(NOW, (INBOX, 1), (id, &references), &hints);
        (body, thread.unwrap())
    };
    let (first, thread) = send("<a>", &["<root>"]);
    let (second, same) = send("<b>", &["<root>", "<a>", "<a>"]);
    assert_eq!(thread, same);
    assert_eq!(rows(&store), [3, 5]);
    store.drop_body(ORG, first, true).unwrap();
    assert_eq!(rows(&store), [3, 3]);
    // The answer to a message that is gone still finds the conversation of the other answer.
    let (third, same) = send("<c>", &["<a>"]);
    assert_eq!(thread, same);
    store.drop_body(ORG, second, true).unwrap();
    store.drop_body(ORG, third, true).unwrap();
    assert_eq!(rows(&store), [0, 0]);
    // Many at once are released in slices, with the body.
    let refs: Vec<String> = (0..20).map(|n| format!("<r{n}>")).collect();
    let refs: Vec<&str> = refs.iter().map(String::as_str).collect();
    let (many, _) = send("<m>", &refs);
    store.drop_body(ORG, many, true).unwrap();
    assert_eq!(rows(&store), [21, 21]);
    store.commit().unwrap();
    while store.reclaim(NOW, false).unwrap() {}
    assert_eq!(rows(&store), [0, 0]);
    check(&store);
}
