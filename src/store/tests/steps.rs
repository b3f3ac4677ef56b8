//! Files of older versions to which a step adds columns: what they had stays, and checksums cover
//! the new columns.

use super::*;

/// Step 20: inboxes and organizations have no bounds of their own yet, checksums cover them, and a
/// row that was damaged before is still found damaged.
#[test]
fn version_19_gets_bounds() {
    let folder = super::Folder::new("old-20");
    let path = folder.0.join(FILE);
    let mut sql = Connection::open(&path).unwrap();
    sum::add_function(&sql).unwrap();
    open::migrate(&mut sql, &open::STEPS[..19]).unwrap();
    ids::insert_meta(&sql, 5).unwrap();
    sql.execute_batch(
        "INSERT INTO org (id, name, created_at, seq, oldest) VALUES (1, 'first', 5, 0, 1);
         INSERT INTO inbox (id, org, address, ancestors, created_at)
             VALUES (4, 1, 'a@x.test', x'01', 5), (5, 1, 'b@x.test', x'01', 5);
         UPDATE inbox SET sum = row_sum(id, org, address, domain, display_name, parent, ancestors,
             client_id, metadata, created_at, send_mode, receive_default),
             counts_sum = row_sum(id, bytes, messages, sent_day, sent);
         UPDATE inbox SET sum = 7 WHERE id = 5;",
    )
    .unwrap();
    drop(sql);
    let store = Store::open(&folder.0, Role::Writer, 1).unwrap();
    let mut row = store.inbox(OrgId(1), InboxId(4)).unwrap().unwrap();
    assert_eq!((row.expires_at, row.quota_bytes), (None, None));
    assert_eq!(row.limits, crate::call::InboxLimits::default());
    row.retention_days = Some(3);
    row.limits.imap_sessions = Some(2);
    store.update_inbox(OrgId(1), &row).unwrap();
    assert_eq!(store.inbox(OrgId(1), row.id).unwrap(), Some(row.clone()));
    let kept = store.retaining_inboxes(InboxId(0), 9).unwrap();
    assert_eq!(kept.len(), 1);
    let sums = "SELECT sum IS row_sum(id, org, address, domain, display_name, parent, ancestors,
            client_id, metadata, created_at, send_mode, receive_default, expires_at,
            retention_days, quota_bytes, sends_per_day, new_recipients_per_day,
            receives_per_minute, imap_sessions), sum FROM inbox ORDER BY id";
    let sums = store.all(sums, [], |r| {
        Ok((r.get::<_, bool>(0)?, r.get::<_, i64>(1)?))
    });
    let sums = sums.unwrap();
    assert!(sums[0].0 && sums[1] == (false, 7), "{sums:?}");
}

/// The steps of the audit and of usage: a file of before has no acts and no days, and gets them
/// from then on.
#[test]
fn version_22_gets_an_audit_and_days() {
    let folder = super::Folder::new("old-22");
    let path = folder.0.join(FILE);
    let mut sql = Connection::open(&path).unwrap();
    sum::add_function(&sql).unwrap();
    open::migrate(&mut sql, &open::STEPS[..22]).unwrap();
    ids::insert_meta(&sql, 5).unwrap();
    sql.execute_batch(
        "INSERT INTO org (id, name, created_at, seq, oldest) VALUES (1, 'first', 5, 0, 1);",
    )
    .unwrap();
    drop(sql);
    let store = Store::open(&folder.0, Role::Writer, 1).unwrap();
    let acts = |store: &Store| {
        let page = store.audit_page(OrgId(1), AuditId(0), (None, None), 9);
        page.unwrap().len()
    };
    assert_eq!(acts(&store), 0);
    let act = AuditRow {
        id: AuditId(0),
        at: 5,
        action: AuditAction::OrgPaused,
        key: None,
        target: Some(AuditTarget::Org(OrgId(1))),
        request_id: None,
    };
    store.insert_audit(OrgId(1), &act).unwrap();
    store.count_requests(OrgId(1), 3, 2).unwrap();
    drop(store);
    let store = Store::open(&folder.0, Role::Writer, 1).unwrap();
    assert_eq!(acts(&store), 1);
    let days = store.usage_days(OrgId(1), None, (0, 9)).unwrap();
    assert_eq!((days.len(), days[0].requests), (1, Some(2)));
}

/// The step of rules: a file of before has none and gets them, and those of an inbox or of an
/// organization go with it.
#[test]
fn version_25_gets_rules() {
    let folder = super::Folder::new("old-25");
    let path = folder.0.join(FILE);
    let mut sql = Connection::open(&path).unwrap();
    sum::add_function(&sql).unwrap();
    open::migrate(&mut sql, &open::STEPS[..25]).unwrap();
    ids::insert_meta(&sql, 5).unwrap();
    sql.execute_batch(
        "INSERT INTO org (id, name, created_at, seq, oldest) VALUES (1, 'first', 5, 0, 1);
         INSERT INTO inbox (id, org, address, ancestors, created_at)
             VALUES (4, 1, 'a@x.test', x'01', 5);",
    )
    .unwrap();
    drop(sql);
    let store = Store::open(&folder.0, Role::Writer, 1).unwrap();
    let (org, inbox) = (OrgId(1), Some(InboxId(4)));
    assert!(!store.has_any_rule().unwrap());
    let mut late = super::made::rule_of(7, inbox);
    let mut early = super::made::rule_of(8, inbox);
    early.rule.priority = 3;
    let common = super::made::rule_of(9, None);
    for row in [&late, &early, &common] {
        store.insert_rule(org, row, 100).unwrap();
    }
    assert!(store.has_any_rule().unwrap());
    let rules = store.rules(org, inbox).unwrap();
    assert_eq!(rules, [early.clone(), late.clone()]);
    assert_eq!(store.rule(org, None, early.id).unwrap(), None);
    assert_eq!(store.rules_beside(org, inbox, late.id).unwrap(), (1, 100));
    // An error stays until the next one.
    for error in [None, Some("first"), None] {
        store.count_rule_hit((org, late.id), 20, error).unwrap();
    }
    store.count_rule_hit((OrgId(2), late.id), 20, None).unwrap();
    late.rule.enabled = false;
    store.update_rule(org, &late, 0).unwrap();
    late.hits.count = 3;
    late.hits.last_at = Some(20);
    late.hits.error = Some(("first".into(), 20));
    assert_eq!(store.rule(org, inbox, late.id).unwrap(), Some(late.clone()));
    assert_eq!(verify_rules(&store), Vec::<String>::new());
    store.delete_rule(org, early.id).unwrap();
    store.count_rule_hit((org, common.id), 20, None).unwrap();
    assert_eq!(store.reclaim_rules_of_inbox(InboxId(4), 9).unwrap(), 1);
    assert_eq!(store.rules(org, None).unwrap().len(), 1);
    assert_eq!(store.reclaim_rules_of_org(org, 9).unwrap(), 1);
    assert!(!store.has_any_rule().unwrap());
    assert_eq!(verify_rules(&store), Vec::<String>::new());
}

/// What verify says of rules.
fn verify_rules(store: &Store) -> Vec<String> {
    let lines = verify(store, true).into_iter();
    lines.filter(|line| line.contains("rule")).collect()
}

/// The step of the filter: messages of before are not judged and get the checksum that says so, a
/// checksum that was wrong stays wrong, and judged ones come from then on.
#[test]
fn version_26_gets_reports() {
    let folder = super::Folder::new("old-26");
    let path = folder.0.join(FILE);
    let mut sql = Connection::open(&path).unwrap();
    sum::add_function(&sql).unwrap();
    open::migrate(&mut sql, &open::STEPS[..26]).unwrap();
    ids::insert_meta(&sql, 5).unwrap();
    sql.execute_batch(
        "INSERT INTO entry (mailbox, uid, id, org, inbox, body, thread, modseq, flags, arrival,
             received_at, size, extra)
             VALUES (3, 1, 40, 1, 10, 5, 30, 1, 0, 1, 7, 1, 0), (3, 2, 41, 1, 10, 5, 30, 1, 0, 1, 7, 1, 0);
         UPDATE entry SET
             sum = row_sum(id, org, inbox, body, thread, arrival, received_at, size, prefix),
             state_sum = row_sum(mailbox, uid, id, modseq, flags, keywords);
         UPDATE entry SET sum = 7 WHERE uid = 2;
         UPDATE meta SET value = 6 WHERE name = 'summed';
         UPDATE meta SET sum = row_sum(name, value);",
    )
    .unwrap();
    drop(sql);
    let store = Store::open(&folder.0, Role::Writer, 1).unwrap();
    assert!(!store.is_summed().unwrap());
    store.begin().unwrap();
    while store.fill_sums().unwrap() > 0 {}
    store.commit().unwrap();
    assert!(store.is_summed().unwrap());
    let rows = "SELECT report IS NULL AND report_sum IS row_sum(id, report), sum = 7
         FROM entry ORDER BY uid";
    let rows = store.all(rows, [], |r| Ok((r.get(0)?, r.get(1)?))).unwrap();
    assert_eq!(rows, [(true, false), (true, true)]);
    let sums = "SELECT sum IS row_sum(name, value) FROM meta WHERE name = 'summed'";
    let sums: Vec<bool> = store.all(sums, [], |r| r.get(0)).unwrap();
    assert_eq!(sums, [true]);
    let (inbox, sender) = (InboxId(10), store.sender_key("a@y.test").unwrap());
    assert_eq!(store.sender_past(inbox, sender).unwrap(), None);
    store
        .note_verdict(inbox, sender, crate::call::Verdict::Clean, 7)
        .unwrap();
    let past = store.sender_past(inbox, sender).unwrap();
    assert_eq!(past.map(|past| (past.clean, past.spam)), Some((1, 0)));
}

/// The step of what organizations teach: a file of before has learned nothing, and learns.
#[test]
fn version_30_gets_lessons() {
    let folder = super::Folder::new("old-30");
    let path = folder.0.join(FILE);
    let mut sql = Connection::open(&path).unwrap();
    sum::add_function(&sql).unwrap();
    open::migrate(&mut sql, &open::STEPS[..30]).unwrap();
    ids::insert_meta(&sql, 5).unwrap();
    sql.execute_batch(
        "INSERT INTO body (id, org, refs, size, header_len, message_id, digest, summary)
             VALUES (5, 1, 1, 9, 0, '', x'', x'');
         INSERT INTO entry (mailbox, uid, id, org, inbox, body, thread, modseq, flags, arrival,
             received_at, size, extra)
             VALUES (3, 1, 40, 1, 10, 5, 30, 1, 0, 1, 7, 1, 0);",
    )
    .unwrap();
    drop(sql);
    let store = Store::open(&folder.0, Role::Writer, 1).unwrap();
    assert!(!store.has_any_learned().unwrap());
    assert_eq!(store.due_lessons(9).unwrap(), None);
    let sql = "INSERT INTO lesson (body, org, is_spam, at) VALUES (5, 1, 1, 7)";
    store.run(sql, []).unwrap();
    let due = store.due_lessons(9).unwrap().unwrap();
    assert_eq!((due.0, due.1.len()), (OrgId(1), 1));
    store.set_taught(&due.1[0]).unwrap();
    assert_eq!(store.due_lessons(9).unwrap(), None);
    let sums = "SELECT sum IS row_sum(body, org, is_spam, taught, at) FROM lesson";
    let sums: Vec<bool> = store.all(sums, [], |r| r.get(0)).unwrap();
    assert_eq!(sums, [true]);
}

/// The step of known spam: a file of before knows none, and gets a list.
#[test]
fn version_31_gets_known_spam() {
    let folder = super::Folder::new("old-31");
    let path = folder.0.join(FILE);
    let mut sql = Connection::open(&path).unwrap();
    sum::add_function(&sql).unwrap();
    open::migrate(&mut sql, &open::STEPS[..31]).unwrap();
    ids::insert_meta(&sql, 5).unwrap();
    drop(sql);
    let store = Store::open(&folder.0, Role::Writer, 1).unwrap();
    assert!(!store.has_any_known_spam().unwrap());
    assert_eq!(store.known_spam().unwrap(), (0, Vec::new()));
    let entry = crate::call::KnownSpamEntry {
        kind: crate::call::KnownSpamKind::Link,
        hash: [7; 32],
    };
    let source = store.insert_known_spam_source("feed").unwrap();
    let row = |at| crate::store::KnownSpamRow { entry, source, at };
    assert!(store.put_known_spam(&row(5)).unwrap());
    assert!(!store.put_known_spam(&row(6)).unwrap());
    assert_eq!(store.next_known_spam_version().unwrap(), 1);
    assert_eq!(store.next_known_spam_version().unwrap(), 2);
    assert!(store.has_any_known_spam().unwrap());
    assert_eq!(store.known_spam().unwrap(), (2, vec![entry]));
    assert_eq!(store.known_spam_page(None, 9).unwrap(), [row(6)]);
    assert_eq!(store.known_spam_page(Some((entry, source)), 9).unwrap(), []);
    assert_eq!(
        store.known_spam_page(Some((entry, 0)), 9).unwrap(),
        [row(6)]
    );
    let sums = "SELECT sum IS row_sum(kind, hash, source, at) FROM known_spam";
    let sums: Vec<bool> = store.all(sums, [], |r| r.get(0)).unwrap();
    assert_eq!(sums, [true]);
    assert!(!store.delete_known_spam(&row(6)).unwrap());
    assert_eq!(store.known_spam().unwrap(), (2, Vec::new()));
    store.delete_empty_known_spam_sources().unwrap();
    assert_eq!(store.known_spam_sources().unwrap(), []);
}

/// The step of accounts elsewhere: a file of before has none, and gets one.
#[test]
fn version_32_gets_accounts() {
    let folder = super::Folder::new("old-32");
    let path = folder.0.join(FILE);
    let mut sql = Connection::open(&path).unwrap();
    sum::add_function(&sql).unwrap();
    open::migrate(&mut sql, &open::STEPS[..32]).unwrap();
    ids::insert_meta(&sql, 5).unwrap();
    drop(sql);
    let store = Store::open(&folder.0, Role::Writer, 1).unwrap();
    let (org, inbox) = (OrgId(1), InboxId(10));
    assert!(!store.has_any_upstream().unwrap());
    assert_eq!(store.upstream(org, inbox).unwrap(), None);
    let mut account = super::made::account();
    store.set_upstream((org, inbox), &account).unwrap();
    assert_eq!(store.upstream(org, inbox).unwrap().as_ref(), Some(&account));
    assert_eq!(store.upstream(OrgId(2), inbox).unwrap(), None);
    assert_eq!(store.upstream_sends(inbox).unwrap(), Some(true));
    // The two secrets have other beginnings.
    assert_eq!(store.secrets_of_other_keys(&[1, 2]).unwrap(), 1);
    assert_eq!(store.secrets_of_other_keys(&[5]).unwrap(), 2);
    (account.row.smtp, account.smtp_password, account.version) = (None, None, 4);
    store.set_upstream((org, inbox), &account).unwrap();
    assert_eq!(store.upstream(org, inbox).unwrap(), Some(account));
    assert_eq!(store.upstream_sends(inbox).unwrap(), Some(false));
    assert_eq!(store.secrets_of_other_keys(&[1, 2]).unwrap(), 0);
    assert_eq!(store.upstreams_len(org).unwrap(), 1);
    let sums = "SELECT sum IS NOT NULL FROM upstream";
    let sums: Vec<bool> = store.all(sums, [], |r| r.get(0)).unwrap();
    assert_eq!(sums, [true]);
}

/// The step of consumer groups: a file of before has none, and gets them.
#[test]
fn version_34_gets_consumer_groups() {
    use crate::call::{EventGroupId, EventKind};
    let folder = super::Folder::new("old-34");
    let path = folder.0.join(FILE);
    let mut sql = Connection::open(&path).unwrap();
    sum::add_function(&sql).unwrap();
    open::migrate(&mut sql, &open::STEPS[..34]).unwrap();
    ids::insert_meta(&sql, 5).unwrap();
    drop(sql);
    let store = Store::open(&folder.0, Role::Writer, 1).unwrap();
    let (org, id) = (OrgId(1), EventGroupId(9));
    assert_eq!(store.event_groups(org).unwrap(), []);
    let described = ("workers", [1, 2].as_slice(), Some([3].as_slice()));
    store.insert_event_group(org, described, (id, 5)).unwrap();
    let group = store.event_group(org, "workers").unwrap().unwrap();
    assert_eq!(
        (group.id, group.seq, group.bound.as_deref()),
        (id, 5, Some([3].as_slice()))
    );
    assert_eq!(store.event_group(OrgId(2), "workers").unwrap(), None);
    assert_eq!(store.event_group_of(OrgId(2), id).unwrap(), None);
    assert_eq!(store.count_event_groups(org).unwrap(), 1);
    let pending = |seq, deliveries| crate::store::PendingEvent {
        seq,
        inbox: (seq == 3).then_some(InboxId(3)),
        kind: EventKind::MessageReceived,
        deliveries,
    };
    for seq in [4, 2, 3] {
        store.put_pending_event(id, &pending(seq, 1)).unwrap();
    }
    store.put_pending_event(id, &pending(3, 2)).unwrap();
    store.delete_pending_events(id, (2, 2)).unwrap();
    assert_eq!(
        store.pending_events(id).unwrap(),
        [pending(3, 2), pending(4, 1)]
    );
    assert!(store.is_event_pending(id, 3).unwrap() && !store.is_event_pending(id, 2).unwrap());
    let sums = "SELECT sum IS row_sum(grp, seq, inbox, kind, deliveries) FROM event_pending";
    let sums: Vec<bool> = store.all(sums, [], |r| r.get(0)).unwrap();
    assert_eq!(sums, [true, true]);
    store.delete_event_group(id).unwrap();
    assert_eq!(store.pending_events(id).unwrap(), []);
    assert_eq!(store.event_groups(org).unwrap(), []);
}

/// The step of access tokens: an account of before logs in with its password, and may change.
#[test]
fn version_39_gets_access_tokens() {
    let folder = super::Folder::new("old-39");
    let path = folder.0.join(FILE);
    let mut sql = Connection::open(&path).unwrap();
    sum::add_function(&sql).unwrap();
    open::migrate(&mut sql, &open::STEPS[..39]).unwrap();
    ids::insert_meta(&sql, 5).unwrap();
    sql.execute_batch(
        "INSERT INTO upstream (inbox, org, host, port, tls, user, password, version, is_stopped,
             state, since) VALUES (10, 1, 'imap.y.test', 993, 0, 'ann', x'0102', 1, 0, 0, 5)",
    )
    .unwrap();
    drop(sql);
    let store = Store::open(&folder.0, Role::Writer, 1).unwrap();
    let (org, inbox) = (OrgId(1), InboxId(10));
    let before = store.upstream(org, inbox).unwrap().unwrap();
    assert_eq!((before.password, before.oauth), (vec![1, 2], None));
    let mut account = super::made::account_with_tokens();
    store.set_upstream((org, inbox), &account).unwrap();
    assert_eq!(store.upstream(org, inbox).unwrap().as_ref(), Some(&account));
    // The secret of the client, the refresh token and the password of the SMTP server.
    assert_eq!(store.secrets_of_other_keys(&[1, 2]).unwrap(), 2);
    assert_eq!(store.secrets_of_other_keys(&[5]).unwrap(), 3);
    store.set_refresh_token(inbox, &[1, 2, 9]).unwrap();
    if let Some(oauth) = &mut account.oauth {
        oauth.refresh_token = vec![1, 2, 9];
    }
    assert_eq!(store.upstream(org, inbox).unwrap(), Some(account));
    let sums = "SELECT sum IS NOT NULL FROM upstream_oauth";
    let sums: Vec<bool> = store.all(sums, [], |r| r.get(0)).unwrap();
    assert_eq!(sums, [true]);
    let password = super::made::account();
    store.set_upstream((org, inbox), &password).unwrap();
    assert_eq!(store.upstream(org, inbox).unwrap(), Some(password));
    assert_eq!(store.secrets_of_other_keys(&[9]).unwrap(), 1);
}

/// The step of what was fetched of accounts elsewhere. A message is found again by what it is when
/// its mailbox is renumbered, once.
#[test]
fn version_35_gets_what_was_fetched() {
    let folder = super::Folder::new("old-35-fetched");
    let path = folder.0.join(FILE);
    let mut sql = Connection::open(&path).unwrap();
    sum::add_function(&sql).unwrap();
    open::migrate(&mut sql, &open::STEPS[..35]).unwrap();
    ids::insert_meta(&sql, 5).unwrap();
    drop(sql);
    let store = Store::open(&folder.0, Role::Writer, 1).unwrap();
    let (org, inbox) = (OrgId(1), InboxId(10));
    let account = crate::call::UpstreamAccount { org, inbox };
    store
        .set_upstream((org, inbox), &super::made::account())
        .unwrap();
    let standing = |is_begun| crate::store::UpstreamStanding {
        is_stopped: true,
        is_begun,
        version: 3,
    };
    assert_eq!(
        store.upstream_accounts().unwrap(),
        [(account, standing(false))]
    );
    super::made::insert_fetched(&store, (org, inbox));
    assert_eq!(
        store.upstream_standing(account).unwrap(),
        Some(standing(true))
    );
    let id = store.upstream_folder(account, b"INBOX").unwrap();
    assert!(!store.match_upstream((id, true), (8, 1), 6).unwrap());
    assert!(store.match_upstream((id, true), (8, 1), 5).unwrap());
    assert!(store.match_upstream((id, true), (8, 1), 5).unwrap());
    assert!(!store.match_upstream((id, true), (8, 2), 5).unwrap());
    for sums in [
        "SELECT sum IS NOT NULL FROM upstream_folder",
        "SELECT sum IS NOT NULL FROM upstream_message",
    ] {
        let sums: Vec<bool> = store.all(sums, [], |r| r.get(0)).unwrap();
        assert_eq!(sums, [true]);
    }
}

/// Answers of a file of version 36 are kept for a day, and one that is damaged stays so.
#[test]
fn answers_of_version_36_are_kept_for_a_day() {
    let folder = super::Folder::new("old-36");
    let mut sql = Connection::open(folder.0.join(FILE)).unwrap();
    sum::add_function(&sql).unwrap();
    open::migrate(&mut sql, &open::STEPS[..36]).unwrap();
    ids::insert_meta(&sql, 1).unwrap();
    sql.execute_batch(
        "INSERT INTO once (org, key, fingerprint, answer, at, sum) VALUES
             (0, 'a', x'aa', x'7b7d', 5, row_sum(0, 'a', x'aa', x'7b7d', 5)),
             (0, 'b', x'aa', x'7b7d', 5, row_sum(0, 'b', x'aa', x'7b7d', 6));",
    )
    .unwrap();
    drop(sql);
    let store = Store::open(&folder.0, Role::Writer, 1).unwrap();
    let wrong = verify(&store, true);
    assert!(wrong.len() == 1 && wrong[0].contains("once"), "{wrong:?}");
    let day = 86_400_000;
    let kept = |now| store.kept_answer(None, "a", now).unwrap().is_some();
    assert!(kept(day + 4) && !kept(day + 5));
    store.begin().unwrap();
    assert_eq!(store.trim_answers(day + 4, 10).unwrap(), 0);
    assert_eq!(store.trim_answers(day + 5, 10).unwrap(), 2);
    store.commit().unwrap();
}

/// The step of the state of messages elsewhere. It is asked for in pieces, the newest first.
#[test]
fn version_37_gets_states_of_messages_elsewhere() {
    let folder = super::Folder::new("old-37-states");
    let path = folder.0.join(FILE);
    let mut sql = Connection::open(&path).unwrap();
    sum::add_function(&sql).unwrap();
    open::migrate(&mut sql, &open::STEPS[..37]).unwrap();
    ids::insert_meta(&sql, 5).unwrap();
    drop(sql);
    let store = Store::open(&folder.0, Role::Writer, 1).unwrap();
    let (org, inbox) = (OrgId(1), InboxId(10));
    let account = crate::call::UpstreamAccount { org, inbox };
    store
        .set_upstream((org, inbox), &super::made::account())
        .unwrap();
    super::made::insert_fetched(&store, (org, inbox));
    let at = (store.upstream_folder(account, b"INBOX").unwrap(), 7);
    let all = UidSet::from(1..=9);
    let one = UidSet::one(4);
    assert_eq!(
        store.upstream_known(at, None, 1).unwrap(),
        (one.clone(), None)
    );
    let (pairs, rest) = store.upstream_pairs(at, &all, 1).unwrap();
    assert_eq!((pairs.len(), rest), (1, UidSet::from(5..=9)));
    let pair = &pairs[0];
    assert_eq!(
        (pair.uid, &pair.keywords[..]),
        (4, &["$Work".to_owned()][..])
    );
    assert_eq!(
        store.upstream_known(at, Some(pair.message), 1).unwrap(),
        (UidSet::new(), None)
    );
    store.set_upstream_gone(pair.message).unwrap();
    // One with a change to be told is looked for in two rounds.
    for gone in [0, 0, 1] {
        assert_eq!(store.upstream_gone(inbox, 9).unwrap().len(), gone);
        store.put_off_upstream_change(pair.message, 20).unwrap();
    }
    store
        .set_upstream_state(pair.message, (Flags::SEEN, &[]))
        .unwrap();
    let (pairs, _) = store.upstream_pairs(at, &one, 9).unwrap();
    assert_eq!((pairs[0].flags, pairs[0].is_gone), (Flags::SEEN, false));
    for sums in [
        "SELECT sum IS NOT NULL FROM upstream_state",
        "SELECT sum IS NOT NULL FROM upstream_compared",
    ] {
        let sums: Vec<bool> = store.all(sums, [], |r| r.get(0)).unwrap();
        assert_eq!(sums, [true]);
    }
    // One that is found under another number is not gone.
    store.set_upstream_gone(pairs[0].message).unwrap();
    assert_eq!(store.upstream_gone(inbox, 9).unwrap().len(), 1);
    assert!(store.match_upstream((at.0, true), (8, 1), 5).unwrap());
    assert_eq!(store.upstream_gone(inbox, 9).unwrap(), []);
    store.part_upstream(pairs[0].message).unwrap();
    assert_eq!(store.upstream_pairs(at, &all, 9).unwrap().0, []);
}

/// The step of changes that servers elsewhere are to be told. Many changes of a message are one.
#[test]
fn version_38_gets_changes_to_be_told() {
    let folder = super::Folder::new("old-38");
    let path = folder.0.join(FILE);
    let mut sql = Connection::open(&path).unwrap();
    sum::add_function(&sql).unwrap();
    open::migrate(&mut sql, &open::STEPS[..38]).unwrap();
    ids::insert_meta(&sql, 5).unwrap();
    drop(sql);
    let store = Store::open(&folder.0, Role::Writer, 1).unwrap();
    let (org, inbox) = (OrgId(1), InboxId(10));
    let account = crate::call::UpstreamAccount { org, inbox };
    let mut record = super::made::account();
    record.is_stopped = false;
    store.set_upstream((org, inbox), &record).unwrap();
    super::made::insert_fetched(&store, (org, inbox));
    let at = (store.upstream_folder(account, b"INBOX").unwrap(), 7);
    let due = |now| store.upstream_changes(at, (now, 9)).unwrap();
    assert!(due(8).is_empty());
    let message = due(9)[0].message;
    let entries = || [EntryId(77), EntryId(78)].into_iter();
    for now in [11, 12] {
        store
            .note_upstream_changes((inbox, now), entries())
            .unwrap();
    }
    assert!(due(11).is_empty());
    assert_eq!(due(12).len(), 1);
    assert_eq!(store.put_off_upstream_change(message, 20).unwrap(), 1);
    assert_eq!(store.put_off_upstream_change(message, 20).unwrap(), 2);
    assert_eq!(store.upstreams_to_tell().unwrap(), [(inbox, 20)]);
    assert_eq!(store.next_upstream_change(inbox).unwrap(), Some(20));
    assert_eq!(store.take_changed_upstreams().first(), Some(&inbox));
    assert!(store.take_changed_upstreams().is_empty());
    // A new change is told at once, whatever was refused before.
    store.note_upstream_changes((inbox, 13), entries()).unwrap();
    assert_eq!(due(13).len(), 1);
    assert_eq!(store.take_changed_upstreams().len(), 1);
    assert_eq!(store.put_off_upstream_change(message, 20).unwrap(), 1);
    // What has ended by itself is not told.
    store.part_upstream_entries(inbox, entries()).unwrap();
    assert_eq!(store.upstreams_to_tell().unwrap(), []);
    assert_eq!(store.next_upstream_change(inbox).unwrap(), None);
    assert_eq!(store.put_off_upstream_change(message, 20).unwrap(), 0);
}
