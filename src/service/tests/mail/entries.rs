//! Entries: searched, listed and changed, and not by another organization.

use super::*;
use crate::call::Noun;
use crate::service::{ReadTurn, Reader, Service, Setup};

#[test]
fn search_is_right_on_decoded_mail() {
    let mut world = world();
    append(&mut world, b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nDate: Mon, 1 Jan 2024 23:30:00 -0800\r\n\r\nplain\r\n", 1000);
    append(&mut world, b"Subject: two\r\nContent-Transfer-Encoding: base64\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nw5xiZXJyYXNjaHVuZw==\r\n", 2000);
    let plan = world
        .receive("bob@a.test", b"From: Eve\r\nSubject: three\r\n\r\nlong\r\n")
        .unwrap();
    world.deliver(&plan);
    use SearchKey::*;
    let day = 1_704_067_200; // 2024-01-01
    for (key, expected) in [
        (All, "1:3"),
        (Header("subject".into(), "grüSSE".into()), "1"),
        (Header("Date".into(), String::new()), "1"),
        (Header("Return-Path".into(), "eve".into()), "3"),
        (Body("überraschung".into()), "2"),
        (Body("two".into()), ""),
        (Text("TWO".into()), "2"),
        (Has(Flags::FLAGGED), "1:2"),
        (Lacks(Flags::FLAGGED), "3"),
        (Keyword("old".into()), "1:2"),
        (Before(2000), "1"),
        (Since(2000), "2:3"),
        (SentSince(day), "1"),
        (SentBefore(day + 86_400), "1"),
        (SentBefore(day), ""),
        (Not(Box::new(Text("two".into()))), "1,3"),
        (
            Or(
                Box::new(Uids(UidSet::one(3))),
                Box::new(Body("plain".into())),
            ),
            "1,3",
        ),
        (
            And(vec![
                Has(Flags::FLAGGED),
                Not(Box::new(Uids(UidSet::one(1)))),
            ]),
            "2",
        ),
        (And(vec![]), "1:3"),
        (ModSeq(u64::MAX), ""),
        (Larger(0), "1:3"),
        (Smaller(1), ""),
    ] {
        assert_eq!(world.search(key.clone()), expected, "{key:?}");
    }
    // A deeply nested key is evaluated in a loop, without recursion.
    let mut deep = Uids(UidSet::one(2));
    for _ in 0..1000 {
        deep = Not(Box::new(deep));
    }
    assert_eq!(world.search(deep), "2");
}

#[test]
fn a_search_gives_way_and_ends_at_its_deadline() {
    let mut world = world();
    for n in 0..5 {
        append(&mut world, b"Subject: x\r\n\r\nbody\r\n", n);
    }
    let access = world.bob.clone();
    let mailbox = world.select(&access, "INBOX").mailbox.id;
    let call = Ask::of(
        &access,
        EntryRead::Search {
            mailbox,
            within: UidSet::from(1..=u32::MAX),
            key: Arc::new(SearchKey::Text("body".into())),
            progress: Box::default(),
        },
    );
    // A clock that moves by ten milliseconds each time it is read.
    let store = &world.inline.store;
    let clock = Arc::clone(&world.clock);
    let now = move || Now {
        mono_ms: clock.fetch_add(10, Ordering::Relaxed),
        unix_ms: START,
    };
    let context = crate::service::context::ReadContext {
        service: &world.inline.service,
        store,
        shared: &world.inline.service.shared,
        now: Now::default(),
        clock: &now,
        seed: [0; 16],
    };
    let Call::Read(Read::Entry(EntryRead::Search {
        mailbox,
        within,
        key,
        mut progress,
    })) = call.call
    else {
        unreachable!()
    };
    let limits = &world.inline.service.shared.limits;
    assert_eq!((limits.search_slice_ms, limits.search_s), (5, 10));
    let mut slices = 1;
    let found = loop {
        match crate::service::mail::search::search(
            &context,
            &access,
            mailbox,
            &within,
            &key,
            &mut progress,
        )
        .unwrap()
        {
            None => slices += 1,
            Some(found) => break found,
        }
    };
    assert_eq!(slices, 5);
    assert!(matches!(found, Answer::Found { uids, .. } if uids.to_string() == "1:5"));
    let mut progress = SearchProgress {
        since_ms: 1,
        ..SearchProgress::default()
    };
    world.clock.store(20_000, Ordering::Relaxed);
    let late = crate::service::mail::search::search(
        &context,
        &access,
        mailbox,
        &within,
        &key,
        &mut progress,
    );
    assert_eq!(late, Err(Refusal::SearchDeadline));
    assert_eq!(
        context
            .shared
            .metrics
            .value(crate::call::Metric::SearchesCut),
        1
    );
}

#[test]
fn a_list_gives_way_and_ends_after_a_while() {
    let mut world = world();
    for n in 0..5 {
        append(&mut world, b"Subject: x\r\n\r\nbody\r\n", n);
    }
    let access = world.bob.clone();
    let inbox = InboxRef::Id(access.inbox.unwrap());
    let clock = Arc::clone(&world.clock);
    let now = move || Now {
        mono_ms: clock.fetch_add(3, Ordering::Relaxed),
        unix_ms: START,
    };
    let context = crate::service::context::ReadContext {
        service: &world.inline.service,
        store: &world.inline.store,
        shared: &world.inline.service.shared,
        now: Now::default(),
        clock: &now,
        seed: [0; 16],
    };
    let filter = MessageFilter::default();
    let (mut cursor, mut progress, mut slices) = (None, ListProgress::default(), 1);
    let slice = |cursor: &mut Option<String>, progress: &mut ListProgress| {
        crate::service::mail::list::list(&context, &access, &inbox, &filter, (cursor, 4), progress)
            .unwrap()
    };
    let page = loop {
        match slice(&mut cursor, &mut progress) {
            None => slices += 1,
            Some(page) => break page,
        }
    };
    let uids = |page: &Answer| match page {
        Answer::Messages { rows, next } => {
            let uids: Vec<_> = rows.iter().map(|row| row.state.uid).collect();
            (uids, next.clone())
        }
        other => panic!("{other:?}"),
    };
    assert_eq!((slices, uids(&page).0), (4, vec![5, 4, 3, 2]));
    // A list that has taken too long answers with the rows that it has, and a cursor.
    let mut progress = ListProgress {
        since_ms: 1,
        ..ListProgress::default()
    };
    world.clock.store(20_000, Ordering::Relaxed);
    let (first, next) = uids(&slice(&mut None, &mut progress).unwrap());
    assert_eq!(first, [5]);
    assert!(next.is_some());
}

#[test]
fn lists_filter_and_go_on_where_they_ended() {
    let mut world = world();
    for n in 0..5 {
        let octets = format!(
            "From: Eve {n} <eve@out.test>\r\nTo: bob@a.test\r\nSubject: n{n}\r\n\r\nneedle{n}\r\n"
        );
        let plan = world.receive("bob@a.test", octets.as_bytes()).unwrap();
        world.deliver(&plan);
    }
    let bob = world.bob.clone();
    let mut subjects = |filter: MessageFilter| -> Vec<String> {
        let rows = world.list(&bob, filter);
        rows.into_iter()
            .map(|row| row.summary.subject.clone())
            .collect()
    };
    let filter = MessageFilter::default;
    assert_eq!(subjects(filter()), ["n4", "n3", "n2", "n1", "n0"]);
    let folder = MessageFilter {
        folder: Some("INBOX".into()),
        ..filter()
    };
    assert_eq!(subjects(folder).len(), 5);
    let q = MessageFilter {
        q: Some("NEEDLE3".into()),
        ..filter()
    };
    assert_eq!(subjects(q), ["n3"]);
    let from = MessageFilter {
        from: Some("eve 2".into()),
        seen: Some(false),
        ..filter()
    };
    assert_eq!(subjects(from), ["n2"]);
    let none = MessageFilter {
        has_attachments: Some(true),
        ..filter()
    };
    assert!(subjects(none).is_empty());
    for cursor in ["", "x", "i", "u1.1", "izz", "é"] {
        let refused = world.refused(Ask::of(
            &bob,
            MessageRead::List {
                inbox: InboxRef::Id(bob.inbox.unwrap()),
                filter: Box::default(),
                cursor: Some(cursor.into()),
                limit: 2,
                progress: Box::default(),
            },
        ));
        assert!(matches!(
            refused,
            Refusal::Invalid {
                field: "cursor",
                ..
            }
        ));
    }
}

#[test]
fn messages_are_changed_moved_and_deleted() {
    let mut world = world();
    append(&mut world, b"Subject: x\r\n\r\n", 0);
    let bob = world.bob.clone();
    let inbox = InboxRef::Id(bob.inbox.unwrap());
    let id = world.list(&bob, MessageFilter::default())[0].state.id;
    let patch = |patch: MessagePatch| {
        Ask::of(
            &bob,
            MessageWrite::Patch {
                inbox: inbox.clone(),
                id,
                patch: Box::new(patch),
            },
        )
    };
    let (written, events) = world.written(patch(MessagePatch {
        add_labels: vec!["New".into()],
        remove_labels: vec!["OLD".into()],
        seen: Some(true),
        flagged: Some(false),
        folder: Some("Junk".into()),
        ..MessagePatch::default()
    }));
    let Written::Message(view) = written else {
        panic!()
    };
    assert_eq!(
        (view.folder.as_str(), view.state.flags),
        ("Junk", Flags::SEEN)
    );
    assert_eq!(view.state.keywords, ["New"]);
    assert_eq!(view.state.id, id);
    assert_eq!(events.len(), 4);
    let (_, events) = world.written(patch(MessagePatch {
        seen: Some(true),
        ..MessagePatch::default()
    }));
    assert!(events.is_empty());
    let bad = patch(MessagePatch {
        add_labels: vec!["two words".into()],
        ..MessagePatch::default()
    });
    assert!(matches!(
        world.refused(bad),
        Refusal::Invalid {
            field: "add_labels",
            ..
        }
    ));
    let delete = |permanent| {
        Ask::of(
            &bob,
            MessageWrite::Delete {
                inbox: inbox.clone(),
                id,
                permanent,
            },
        )
    };
    assert_eq!(world.written(delete(false)).1.len(), 2);
    assert_eq!(world.written(delete(false)).1.len(), 0, "it is in Trash");
    let (_, events) = world.written(delete(true));
    assert!(matches!(
        events[0].change,
        Change::Expunged { count: 1, .. }
    ));
    assert_eq!(
        world.refused(delete(true)),
        Refusal::NotFound(Noun::Message)
    );
}

#[test]
fn nothing_of_another_inbox_is_there() {
    let mut world = world();
    append(&mut world, b"Subject: x\r\n\r\n", 0);
    let (ann, bob) = (world.ann.clone(), world.bob.clone());
    let inbox = InboxRef::Id(bob.inbox.unwrap());
    let mailbox = world.select(&bob, "INBOX").mailbox.id;
    let id = world.list(&bob, MessageFilter::default())[0].state.id;
    let read = |inbox: InboxRef| {
        Ask::of(
            &ann,
            MessageRead::Get {
                inbox,
                id,
                ask: Default::default(),
            },
        )
    };
    let sized = world.answer(Ask::of(
        &bob,
        MessageRead::FindOctets {
            inbox: inbox.clone(),
            id,
        },
    ));
    let Answer::Sized { of, .. } = sized else {
        panic!("{sized:?}");
    };
    let octets = |of: OctetsOf| {
        Ask::of(
            &ann,
            EntryRead::Octets {
                of,
                offset: 0,
                len: 10,
            },
        )
    };
    let fetch = Ask::of(
        &ann,
        EntryRead::Fetch {
            mailbox,
            uids: UidSet::one(1),
            digest: false,
            octets: Octets::No,
            changed_since: 0,
        },
    );
    let expunge = Ask::of(
        &ann,
        EntryWrite::Expunge {
            mailbox,
            uids: None,
            progress: Box::default(),
        },
    );
    let hear = Ask::of(
        &ann,
        EventRead::After {
            topic: Topic::Inbox(bob.inbox.unwrap()),
            after: 0,
            limit: 10,
        },
    );
    for (call, noun) in [
        (read(inbox), Noun::Inbox),
        (read(InboxRef::Id(ann.inbox.unwrap())), Noun::Message),
        (octets(of), Noun::Message),
        (fetch, Noun::Mailbox),
        (expunge, Noun::Mailbox),
        (hear, Noun::Inbox),
    ] {
        assert_eq!(
            world.refused(call.clone()),
            Refusal::NotFound(noun),
            "{call:?}"
        );
    }
    // A key that is bound to one inbox gets no event of the others on the stream of its
    // organization.
    let answer = world.answer(Ask::of(
        &ann,
        EventRead::After {
            topic: Topic::Org(world.org),
            after: 0,
            limit: 100,
        },
    ));
    let Answer::Events {
        events,
        scanned_to,
        head,
        ..
    } = answer
    else {
        panic!()
    };
    let mine = world.ann.inbox.unwrap();
    assert!(
        events
            .iter()
            .all(|e| e.inbox.as_ref().is_some_and(|p| p.id == mine))
    );
    assert_eq!(scanned_to, head);
}

fn list_call() -> MailboxRead {
    MailboxRead::List {
        counts: true,
        recent: true,
        progress: Box::default(),
    }
}

#[test]
fn mailboxes_are_made_renamed_and_deleted() {
    let mut world = world();
    let bob = world.bob.clone();
    append(&mut world, b"Subject: x\r\n\r\n", 0);
    let access = || bob.clone();
    let create = |name: &str| {
        Ask::of(
            &access(),
            MailboxWrite::Create {
                mailbox: name.into(),
            },
        )
    };
    let rename = |from: &str, to: &str| {
        Ask::of(
            &access(),
            MailboxWrite::Rename {
                from: from.into(),
                to: to.into(),
                progress: Box::default(),
            },
        )
    };
    let delete = |name: &str| {
        Ask::of(
            &access(),
            MailboxWrite::Delete {
                mailbox: name.into(),
            },
        )
    };
    assert_eq!(world.written(create("a/b/c/")).1.len(), 3);
    assert_eq!(world.refused(create("a/b")), Refusal::Exists(Noun::Mailbox));
    assert_eq!(
        world.refused(create("Inbox")),
        Refusal::Exists(Noun::Mailbox)
    );
    for bad in ["", "/", "a//b", "a*", "a\r\n", "/a"] {
        let refused = world.refused(create(bad));
        assert!(
            matches!(refused, Refusal::Invalid { .. }),
            "{bad}: {refused:?}"
        );
    }
    let deep = ["x"; 11].join("/");
    assert!(matches!(
        world.refused(create(&deep)),
        Refusal::TooBig { .. }
    ));
    assert!(matches!(world.refused(delete("a")), Refusal::Conflict(_)));
    assert!(matches!(
        world.refused(delete("INBOX")),
        Refusal::Conflict(_)
    ));
    assert!(matches!(
        world.refused(delete("Sent")),
        Refusal::Conflict(_)
    ));
    assert_eq!(
        world.refused(delete("none")),
        Refusal::NotFound(Noun::Mailbox)
    );
    assert!(matches!(
        world.refused(rename("a", "a/x")),
        Refusal::Conflict(_)
    ));
    assert_eq!(world.written(rename("a", "z/y")).1.len(), 4);
    let names = |world: &mut World| -> Vec<String> {
        let rows = world.answer(Ask::of(&access(), list_call()));
        match rows {
            Answer::Mailboxes(rows) => rows.into_iter().map(|row| row.name).collect(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(
        names(&mut world),
        [
            "Drafts", "INBOX", "Junk", "Sent", "Trash", "z", "z/y", "z/y/b", "z/y/b/c"
        ]
    );
    let before = world.select(&bob, "z/y/b/c").mailbox.uidvalidity;
    world.written(delete("z/y/b/c"));
    world.written(create("z/y/b/c"));
    assert!(world.select(&bob, "z/y/b/c").mailbox.uidvalidity > before);

    // INBOX stays, and its messages move.
    world.written(rename("inbox", "old"));
    assert_eq!(world.select(&bob, "INBOX").uids.len(), 0);
    let old = world.select(&bob, "old");
    assert_eq!((old.uids.len(), old.first_unseen), (1, Some(1)));
    assert_eq!(old.keywords, ["Old"]);

    world.written(Ask::of(
        &access(),
        MailboxWrite::Subscribe {
            mailbox: "not there".into(),
            on: true,
        },
    ));
    let Answer::Names(names) = world.answer(Ask::of(&access(), MailboxRead::Subscribed)) else {
        panic!()
    };
    assert!(names.contains(&"not there".into()) && names.contains(&"INBOX".into()));
}

#[test]
fn recent_is_told_to_one_session() {
    let mut world = world();
    append(&mut world, b"Subject: x\r\n\r\n", 0);
    let bob = world.bob.clone();
    let first = world.select(&bob, "INBOX");
    assert_eq!((first.recent_above, first.mailbox.uidnext), (0, 2));
    let claim = || {
        Ask::of(
            &bob,
            MailboxWrite::ClaimRecent {
                mailbox: first.mailbox.id,
            },
        )
    };
    // Two sessions select it at once: only one of them gets the new messages.
    for above in [0, 1] {
        assert_eq!(world.written(claim()).0, Written::Recent { above });
    }
    let second = world.select(&bob, "INBOX");
    assert_eq!((second.recent_above, second.mailbox.uidnext), (1, 2));
}

/// The rows of a deleted mailbox that wait for their reclaim are scanned in slices like others.
#[test]
fn a_list_over_what_is_deleted_looks_at_the_clock() {
    let mut world = world();
    append(&mut world, b"Subject: first\r\n\r\n", START);
    let bob = world.bob.clone();
    world.written(Ask::of(
        &bob,
        MailboxWrite::Create {
            mailbox: "Old".into(),
        },
    ));
    for _ in 0..60 {
        let route = Route::Append {
            inbox: bob.inbox.unwrap(),
            mailbox: "Old".into(),
            flags: Flags::NONE,
            keywords: Vec::new(),
            received_at: None,
        };
        let plan = world
            .decide(Some(&bob), route, b"Subject: old\r\n\r\n")
            .unwrap();
        world.deliver(&plan);
    }
    world.written(Ask::of(
        &bob,
        MailboxWrite::Delete {
            mailbox: "Old".into(),
        },
    ));
    let list = MessageRead::List {
        inbox: InboxRef::Id(bob.inbox.unwrap()),
        filter: Box::default(),
        cursor: None,
        limit: 1,
        progress: Box::default(),
    };
    let (list, _) = request(Ask::of(&bob, list.clone())).split(Read::Message(list));
    // Each reading of this clock takes a millisecond.
    let ticks = Arc::clone(&world.clock);
    let service = Service::new(Setup {
        shared: Arc::clone(&world.inline.service.shared),
        clock: Arc::new(move || Now {
            mono_ms: ticks.fetch_add(1, Ordering::Relaxed),
            unix_ms: START,
        }),
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
    });
    let mut reader = Reader::new(service);
    let mut turn = reader.turn(&world.inline.store, ReadTask::Call(list));
    let mut slices = 0;
    while let ReadTurn::Again(request) = turn {
        slices += 1;
        turn = reader.turn(&world.inline.store, request);
    }
    let ReadTurn::Reply(Reply::Answer(Answer::Messages { rows, next })) = turn else {
        panic!("{turn:?}")
    };
    assert_eq!((rows.len(), next), (1, None));
    assert_eq!(rows[0].summary.subject, "first");
    assert!(slices > 5, "{slices}");
}
