//! Mail through the whole service, as engines drive it: in by every route, out by every read,
//! and what each refuses.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use super::Inline;
use crate::call::*;

const START: i64 = 1_700_000_000_000;

struct World {
    inline: Inline,
    clock: Arc<AtomicU64>,
    org: OrgId,
    ann: Access,
    bob: Access,
}

fn world_with(change: impl FnOnce(&mut Limits)) -> World {
    let mut limits = Limits::default();
    change(&mut limits);
    let house = Arc::new(House {
        host: "mx.test".into(),
        limits,
        metrics: Metrics::default(),
        intake: Budget::new(1 << 30),
        doors: PublicDoors::default(),
    });
    let clock = Arc::new(AtomicU64::new(1000));
    let ticks = Arc::clone(&clock);
    let now = move || {
        let mono_ms = ticks.load(Ordering::Relaxed);
        Now {
            mono_ms,
            unix_ms: START + mono_ms as i64,
        }
    };
    let mut inline = Inline::new(1, house, Arc::new(now)).unwrap();
    let org = inline.make_org("a").unwrap();
    let ann = inline.make_inbox(org, "ann@a.test").unwrap();
    let bob = inline.make_inbox(org, "bob@a.test").unwrap();
    let access = |inbox: InboxId, address: &str| {
        Access(Arc::new(Grant {
            org,
            key: KeyId(1),
            scopes: Scopes::ADMIN,
            inboxes: Some(vec![inbox]),
            inbox: Some(inbox),
            address: address.into(),
            expires_at: None,
        }))
    };
    World {
        ann: access(ann, "ann@a.test"),
        bob: access(bob, "bob@a.test"),
        inline,
        clock,
        org,
    }
}

fn world() -> World {
    world_with(|_| {})
}

fn ask(call: Call) -> Request {
    Request {
        conn: ConnId(7),
        peer: core::net::IpAddr::from([127, 0, 0, 1]),
        now: Now::default(),
        call,
    }
}

impl World {
    fn serve(&mut self, call: Call) -> (Reply, Arc<[Event]>) {
        let (reply, events) = self.inline.serve(ask(call));
        (reply.unwrap(), events)
    }

    fn answer(&mut self, call: Call) -> Answer {
        match self.serve(call).0 {
            Reply::Answer(answer) => answer,
            other => panic!("{other:?}"),
        }
    }

    fn written(&mut self, call: Call) -> (Written, Arc<[Event]>) {
        match self.serve(call) {
            (Reply::Written(written, _), events) => (written, events),
            other => panic!("{other:?}"),
        }
    }

    fn refused(&mut self, call: Call) -> Refusal {
        match self.serve(call) {
            (Reply::Refused(refusal), events) if events.is_empty() => refusal,
            other => panic!("{other:?}"),
        }
    }

    fn recipient(&mut self, access: Option<&Access>, address: &str) -> Recipient {
        let found = self.answer(Call::Recipient {
            access: access.cloned(),
            address: address.into(),
        });
        let Answer::Recipient { inbox } = found else {
            panic!("{found:?}")
        };
        Recipient {
            address: address.into(),
            inbox,
            notify: 0,
            orcpt: None,
        }
    }

    fn classify(&mut self, route: Route, octets: &[u8]) -> Result<Box<Plan>, Refusal> {
        let intake = Box::new(Intake {
            route,
            octets: octets.to_vec(),
        });
        match self.serve(Call::Classify { intake }).0 {
            Reply::Answer(Answer::Classified(plan)) => Ok(plan),
            Reply::Refused(refusal) => Err(refusal),
            other => panic!("{other:?}"),
        }
    }

    fn deliver(&mut self, plan: Box<Plan>) -> (Written, Arc<[Event]>) {
        self.written(Call::Deliver { plan, once: None })
    }

    fn submit(&mut self, to: &[&str], octets: &[u8]) -> Result<Box<Plan>, Refusal> {
        let access = self.ann.clone();
        let recipients = to
            .iter()
            .map(|to| self.recipient(Some(&access), to))
            .collect();
        let route = Route::Submission {
            access,
            envelope: Envelope {
                reverse_path: Some("ann@a.test".into()),
                recipients,
                ..Envelope::default()
            },
            received: b"Received: from x by mx.test\r\n".to_vec(),
        };
        self.classify(route, octets)
    }

    fn receive(&mut self, to: &str, octets: &[u8]) -> Result<Box<Plan>, Refusal> {
        let recipients = vec![self.recipient(None, to)];
        let route = Route::Inbound {
            envelope: Envelope {
                reverse_path: Some("eve@out.test".into()),
                recipients,
                ..Envelope::default()
            },
            received: b"Received: from out by mx.test\r\n".to_vec(),
        };
        self.classify(route, octets)
    }

    fn select(&mut self, access: &Access, mailbox: &str) -> Selected {
        let (written, _) = self.written(Call::Select {
            access: access.clone(),
            mailbox: mailbox.into(),
            read_write: true,
        });
        match written {
            Written::Selected(selected) => *selected,
            other => panic!("{other:?}"),
        }
    }

    fn fetch(&mut self, access: &Access, mailbox: &str, octets: Octets) -> Vec<EntryRow> {
        let mailbox = self.select(access, mailbox).mailbox.id;
        let answer = self.answer(Call::Fetch {
            access: access.clone(),
            mailbox,
            uids: UidSet::from(1..=u32::MAX),
            digest: true,
            octets,
            changed_since: 0,
        });
        match answer {
            Answer::Entries { rows, more } if more.is_empty() => rows,
            other => panic!("{other:?}"),
        }
    }

    fn list(&mut self, access: &Access, filter: MessageFilter) -> Vec<MessageView> {
        let mut all = Vec::new();
        let mut cursor = None;
        loop {
            let answer = self.answer(Call::ListMessages {
                access: access.clone(),
                inbox: InboxRef::Id(access.inbox.unwrap()),
                filter: Box::new(filter.clone()),
                cursor,
                limit: 2,
            });
            let Answer::Messages { rows, next } = answer else {
                panic!("{answer:?}")
            };
            all.extend(rows);
            match next {
                Some(next) => cursor = Some(next),
                None => return all,
            }
        }
    }

    fn search(&mut self, key: SearchKey) -> String {
        let access = self.bob.clone();
        let mailbox = self.select(&access, "INBOX").mailbox.id;
        let answer = self.answer(Call::Search {
            access,
            mailbox,
            within: UidSet::from(1..=u32::MAX),
            key: Arc::new(key),
            progress: Box::default(),
        });
        match answer {
            Answer::Found { uids, .. } => uids.to_string(),
            other => panic!("{other:?}"),
        }
    }
}

const HELLO: &[u8] = b"From: Ann <ann@a.test>\r\nTo: bob@a.test\r\nSubject: Hello\r\n\
    Bcc: carol@out.test\r\nX-Idempotency-Key: k1\r\n\r\nHi Bob, the code is 482913.\r\n";

#[test]
fn a_submission_reaches_the_inbox_and_sent_and_the_queue() {
    let mut world = world();
    let plan = world
        .submit(&["bob@a.test", "carol@out.test"], HELLO)
        .unwrap();
    assert_eq!(plan.idempotency_key.as_deref(), Some("k1"));
    assert_ne!(plan.fingerprint, [0; 32]);
    let (written, events) = world.deliver(plan);
    let Written::Delivered {
        outbound, thread, ..
    } = written
    else {
        panic!("{written:?}")
    };
    assert_eq!((outbound, events.len()), (1, 2));
    assert_eq!(
        (events[0].seq + 1, events[0].org),
        (events[1].seq, world.org)
    );
    assert!(thread.is_some());

    let (ann, bob) = (world.ann.clone(), world.bob.clone());
    let got = &world.fetch(&bob, "INBOX", Octets::UpTo(1 << 20))[0];
    let text = String::from_utf8(got.octets.clone().unwrap()).unwrap();
    let start =
        "Return-Path: <ann@a.test>\r\nDelivered-To: bob@a.test\r\nReceived: from x by mx.test\r\n";
    assert!(text.starts_with(start), "{text}");
    assert!(
        !text.contains("Bcc:") && !text.contains("Idempotency"),
        "{text}"
    );
    assert!(
        text.contains("Date: ") && text.contains("Message-ID: <"),
        "{text}"
    );
    assert_eq!(text.len(), got.size as usize);
    assert_eq!(got.state.flags, Flags::NONE);

    let sent = &world.fetch(&ann, "Sent", Octets::Header)[0];
    let text = String::from_utf8(sent.octets.clone().unwrap()).unwrap();
    assert!(
        text.starts_with("Bcc: carol@out.test\r\nReceived:"),
        "{text}"
    );
    assert!(text.ends_with("\r\n\r\n"), "{text}");
    assert_eq!(sent.state.flags, Flags::SEEN);

    let listed = world.list(&ann, MessageFilter::default());
    assert_eq!(listed[0].bcc[0].address, "carol@out.test");
    assert_eq!(listed[0].summary.codes, ["482913"]);
    assert_eq!(
        (listed[0].folder.as_str(), listed[0].arrival),
        ("Sent", Arrival::Sent)
    );
    let queued = world.answer(Call::ListOutbound {
        access: Access(Arc::new(Grant {
            inboxes: None,
            ..(*ann.0).clone()
        })),
        cursor: None,
        limit: 10,
    });
    let Answer::Outbound { rows, .. } = queued else {
        panic!("{queued:?}")
    };
    assert_eq!(rows[0].recipient, "carol@out.test");
    assert_eq!(rows[0].message, Some(sent.state.id));
}

#[test]
fn what_a_submission_may_not_say() {
    let mut world = world();
    let cases: [(&[u8], Refusal); 8] = [
        (b"To: x@y.test\r\n\r\n.\r\n", Refusal::BadFrom("missing")),
        (
            b"From: ann@a.test\r\nFrom: ann@a.test\r\n\r\n",
            Refusal::BadFrom("more than one field"),
        ),
        (
            b"From: ann@a.test, bob@a.test\r\n\r\n",
            Refusal::BadFrom("more than one address"),
        ),
        (b"From: g: ann@a.test;\r\n\r\n", Refusal::BadFrom("a group")),
        (b"From: bob@a.test\r\n\r\n", Refusal::SenderNotAllowed),
        (
            b"From: ann@a.test\r\nSender: bob@a.test\r\n\r\n",
            Refusal::SenderNotAllowed,
        ),
        (b"From: ann@a.test\r\n\r\na\nb\r\n", Refusal::StrayOctets),
        (b"From: ann@a.test\r\n\r\na\0b\r\n", Refusal::StrayOctets),
    ];
    for (octets, expected) in cases {
        let refused = world.submit(&["bob@a.test"], octets).unwrap_err();
        assert_eq!(refused, expected, "{}", String::from_utf8_lossy(octets));
    }
    // A tag of the own address is the own address.
    let tagged = b"From: ann+news@a.test\r\n\r\nx\r\n";
    assert!(world.submit(&["bob@a.test"], tagged).is_ok());
}

#[test]
fn inbound_mail_is_bounded_and_does_not_loop() {
    let mut world = world_with(|limits| limits.message_bytes = 5000);
    let hops = b"Received: a\r\n".repeat(51);
    for (octets, expected) in [
        (vec![b'x'; 5001], "TooBig { what: \"message\", max: 5000 }"),
        (hops, "Loop"),
        (b"Delivered-To: Bob@A.test\r\n\r\n".to_vec(), "Loop"),
    ] {
        let refused = world.receive("bob@a.test", &octets).unwrap_err();
        assert_eq!(format!("{refused:?}"), expected);
    }
    let fine = b"Delivered-To: other@a.test\r\nFrom: x\r\n\r\nhello\r\n";
    let plan = world.receive("bob+tag@a.test", fine).unwrap();
    assert_eq!(plan.placements.len(), 1);
    let (_, events) = world.deliver(plan);
    let Change::Arrived(arrived) = &events[0].change else {
        panic!()
    };
    assert_eq!((arrived.kind, arrived.local), (Arrival::Received, false));
}

#[test]
fn a_recipient_of_another_organization_gets_its_own_body_and_log() {
    let mut world = world();
    let other = world.inline.make_org("b").unwrap();
    let dan = world.inline.make_inbox(other, "dan@b.test").unwrap();
    let plan = world
        .submit(&["dan@b.test", "dan+x@b.test", "bob@a.test"], HELLO)
        .unwrap();
    assert_eq!(plan.placements.len(), 3, "one for each inbox");
    let (_, events) = world.deliver(plan);
    let theirs: Vec<_> = events.iter().filter(|e| e.org == other).collect();
    assert_eq!(theirs.len(), 1);
    assert_eq!(theirs[0].inbox.as_ref().unwrap().id, dan);
    let Change::Arrived(arrived) = &theirs[0].change else {
        panic!()
    };
    assert!(arrived.local);
}

#[test]
fn quota_is_checked_where_it_is_used() {
    let mut world = world_with(|limits| limits.inbox_bytes = 2000);
    let octets = [b"From: x@y.test\r\n\r\n".to_vec(), vec![b'x'; 1200]].concat();
    let first = world.receive("bob@a.test", &octets).unwrap();
    // Both are classified while there is room; only one is stored.
    let second = first.clone();
    world.deliver(first);
    let refused = world.refused(Call::Deliver {
        plan: second,
        once: None,
    });
    assert_eq!(refused, Refusal::OverQuota);
    let access = world.bob.clone();
    let mailbox = world.select(&access, "INBOX").mailbox;
    assert_eq!((mailbox.uidnext, mailbox.counts.unwrap().messages), (2, 1));
    let copy = Call::Copy {
        access,
        mailbox: mailbox.id,
        uids: UidSet::one(1),
        to: "Trash".into(),
        remove: false,
    };
    assert_eq!(world.refused(copy), Refusal::OverQuota);
}

#[test]
fn rest_composes_and_validates() {
    let mut world = world();
    let route = |draft: Draft, world: &World| Route::Compose {
        access: world.ann.clone(),
        inbox: InboxRef::Address("ANN@a.test".into()),
        draft: Box::new(draft),
    };
    let good = Draft {
        to: vec!["Bob <bob@a.test>".into()],
        bcc: vec!["zoe@out.test".into()],
        subject: "Grüße".into(),
        text: Some("Hallo".into()),
        html: Some("<p>Hallo <a href=\"https://x.test/verify\">hier</a>".into()),
        headers: vec![("X-Campaign".into(), "7".into())],
        attachments: vec![DraftAttachment {
            filename: "a.txt".into(),
            content_type: "text/plain".into(),
            content: "aGVs\nbG8=".into(),
            content_id: None,
        }],
        labels: vec!["Out".into()],
        ..Draft::default()
    };
    let plan = world.classify(route(good.clone(), &world), b"").unwrap();
    world.deliver(plan);
    let bob = world.bob.clone();
    let listed = world.list(&bob, MessageFilter::default());
    assert_eq!(listed[0].summary.subject, "Grüße");
    assert!(listed[0].summary.has_attachments && listed[0].bcc.is_empty());
    let answer = world.answer(Call::ReadMessage {
        access: bob.clone(),
        inbox: InboxRef::Address("bob@a.test".into()),
        id: listed[0].state.id,
        max_chars: Some(3),
    });
    let Answer::Message(message) = answer else {
        panic!()
    };
    let content = message.content.unwrap();
    assert_eq!((content.text.as_str(), content.truncated), ("Hal", true));
    assert_eq!(content.links, ["https://x.test/verify"]);
    assert_eq!(content.attachments[0].filename, "a.txt");
    let part = world.answer(Call::ReadPart {
        access: bob.clone(),
        inbox: InboxRef::Id(bob.inbox.unwrap()),
        id: listed[0].state.id,
        part: content.attachments[0].part,
    });
    assert!(
        matches!(&part, Answer::Part { octets, content_type, .. }
            if octets == b"hello" && content_type == "text/plain"),
        "{part:?}"
    );

    type Spoil = fn(&mut Draft);
    let bad: [(Spoil, &str); 8] = [
        (|d| d.to = vec![], "to"),
        (|d| d.to = vec!["nobody".into()], "to"),
        (|d| d.cc = vec!["a@b.test, c@d.test".into()], "cc"),
        (|d| d.bcc = vec!["x@y.test\r\nX: y".into()], "bcc"),
        (|d| d.subject = "a\r\nBcc: x@y.test".into(), "subject"),
        (|d| d.headers[0].0 = "From".into(), "headers"),
        (|d| d.headers[0].1 = "a\u{85}b".into(), "headers"),
        (|d| d.attachments[0].content = "!".into(), "attachments"),
    ];
    for (spoil, expected) in bad {
        let mut draft = good.clone();
        spoil(&mut draft);
        draft.bcc.retain(|_| expected == "bcc" || expected != "to");
        if expected == "to" {
            draft.bcc.clear();
        }
        match world.classify(route(draft, &world), b"").unwrap_err() {
            Refusal::Invalid { field, .. } => assert_eq!(field, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
    let mut draft = good;
    draft.to = vec!["unknown@a.test".into()];
    let refused = world.classify(route(draft, &world), b"").unwrap_err();
    assert_eq!(refused, Refusal::NoSuchInbox);
}

fn append(world: &mut World, octets: &[u8], at: i64) -> (u32, u32) {
    let access = world.bob.clone();
    let route = Route::Append {
        inbox: access.inbox.unwrap(),
        access,
        mailbox: "inbox".into(),
        flags: Flags::FLAGGED,
        keywords: vec!["Old".into()],
        received_at: Some(at),
    };
    let plan = world.classify(route, octets).unwrap();
    match world.deliver(plan).0 {
        Written::Delivered { placed, .. } => placed.unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn search_is_right_on_decoded_mail() {
    let mut world = world();
    append(&mut world, b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nDate: Mon, 1 Jan 2024 23:30:00 -0800\r\n\r\nplain\r\n", 1000);
    append(&mut world, b"Subject: two\r\nContent-Transfer-Encoding: base64\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nw5xiZXJyYXNjaHVuZw==\r\n", 2000);
    let plan = world
        .receive("bob@a.test", b"From: Eve\r\nSubject: three\r\n\r\nlong\r\n")
        .unwrap();
    world.deliver(plan);
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
    // Deep nesting is a loop, not a recursion.
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
    let call = Call::Search {
        access,
        mailbox,
        within: UidSet::from(1..=u32::MAX),
        key: Arc::new(SearchKey::Text("body".into())),
        progress: Box::default(),
    };
    // A clock that runs ten milliseconds each time it is looked at.
    let store = &world.inline.store;
    let clock = Arc::clone(&world.clock);
    let now = move || Now {
        mono_ms: clock.fetch_add(10, Ordering::Relaxed),
        unix_ms: START,
    };
    let look = super::desk::Look {
        store,
        house: &world.inline.service.house,
        now: Now::default(),
        clock: &now,
        seed: [0; 16],
    };
    let Call::Search {
        access,
        mailbox,
        within,
        key,
        mut progress,
    } = call
    else {
        unreachable!()
    };
    let mut slices = 1;
    let found = loop {
        match super::search::search(&look, &access, mailbox, &within, &key, &mut progress).unwrap()
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
    let late = super::search::search(&look, &access, mailbox, &within, &key, &mut progress);
    assert_eq!(late, Err(Refusal::SearchDeadline));
}

#[test]
fn lists_filter_and_go_on_where_they_ended() {
    let mut world = world();
    for n in 0..5 {
        let octets = format!(
            "From: Eve {n} <eve@out.test>\r\nTo: bob@a.test\r\nSubject: n{n}\r\n\r\nneedle{n}\r\n"
        );
        let plan = world.receive("bob@a.test", octets.as_bytes()).unwrap();
        world.deliver(plan);
    }
    let bob = world.bob.clone();
    let mut subjects = |filter: MessageFilter| -> Vec<String> {
        let rows = world.list(&bob, filter);
        rows.into_iter().map(|row| row.summary.subject).collect()
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
        unread: Some(true),
        ..filter()
    };
    assert_eq!(subjects(from), ["n2"]);
    let none = MessageFilter {
        has_attachment: Some(true),
        ..filter()
    };
    assert!(subjects(none).is_empty());
    for cursor in ["", "x", "i", "u1.1", "izz", "é"] {
        let refused = world.refused(Call::ListMessages {
            access: bob.clone(),
            inbox: InboxRef::Id(bob.inbox.unwrap()),
            filter: Box::default(),
            cursor: Some(cursor.into()),
            limit: 2,
        });
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
    let patch = |patch: MessagePatch| Call::PatchMessage {
        access: bob.clone(),
        inbox: inbox.clone(),
        id,
        patch: Box::new(patch),
    };
    let (written, events) = world.written(patch(MessagePatch {
        add_labels: vec!["New".into()],
        remove_labels: vec!["OLD".into()],
        seen: Some(true),
        flagged: Some(false),
        folder: Some("Junk".into()),
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
            field: "labels",
            ..
        }
    ));
    let delete = |permanent| Call::DeleteMessage {
        access: bob.clone(),
        inbox: inbox.clone(),
        id,
        permanent,
    };
    assert_eq!(world.written(delete(false)).1.len(), 2);
    assert_eq!(world.written(delete(false)).1.len(), 0, "it is in Trash");
    let (_, events) = world.written(delete(true));
    assert!(matches!(
        events[0].change,
        Change::Expunged { count: 1, .. }
    ));
    assert_eq!(world.refused(delete(true)), Refusal::NotFound("message"));
}

#[test]
fn nothing_of_another_inbox_is_there() {
    let mut world = world();
    append(&mut world, b"Subject: x\r\n\r\n", 0);
    let (ann, bob) = (world.ann.clone(), world.bob.clone());
    let inbox = InboxRef::Id(bob.inbox.unwrap());
    let mailbox = world.select(&bob, "INBOX").mailbox.id;
    let id = world.list(&bob, MessageFilter::default())[0].state.id;
    let set = UidSet::one(1);
    for (call, what) in [
        (
            Call::ReadMessage {
                access: ann.clone(),
                inbox: inbox.clone(),
                id,
                max_chars: None,
            },
            "inbox",
        ),
        (
            Call::ReadMessage {
                access: ann.clone(),
                inbox: InboxRef::Id(ann.inbox.unwrap()),
                id,
                max_chars: None,
            },
            "message",
        ),
        (
            Call::ReadOctets {
                access: ann.clone(),
                of: OctetsOf::Entry(id),
                offset: 0,
                len: 10,
            },
            "message",
        ),
        (
            Call::ReadOctets {
                access: ann.clone(),
                of: OctetsOf::EntryOf(bob.inbox.unwrap(), id),
                offset: 0,
                len: 10,
            },
            "message",
        ),
        (
            Call::Fetch {
                access: ann.clone(),
                mailbox,
                uids: set.clone(),
                digest: false,
                octets: Octets::No,
                changed_since: 0,
            },
            "mailbox",
        ),
        (
            Call::Expunge {
                access: ann.clone(),
                mailbox,
                uids: None,
            },
            "mailbox",
        ),
        (
            Call::EventsAfter {
                access: ann.clone(),
                topic: Topic::Inbox(bob.inbox.unwrap()),
                after: 0,
                limit: 10,
            },
            "inbox",
        ),
    ] {
        assert_eq!(
            world.refused(call.clone()),
            Refusal::NotFound(what),
            "{call:?}"
        );
    }
    // A key bound to one inbox hears nothing of the others on its organization's stream.
    let answer = world.answer(Call::EventsAfter {
        access: ann,
        topic: Topic::Org(world.org),
        after: 0,
        limit: 100,
    });
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

#[test]
fn mailboxes_are_made_renamed_and_deleted() {
    let mut world = world();
    let bob = world.bob.clone();
    append(&mut world, b"Subject: x\r\n\r\n", 0);
    let access = || bob.clone();
    let create = |name: &str| Call::CreateMailbox {
        access: access(),
        mailbox: name.into(),
    };
    let rename = |from: &str, to: &str| Call::RenameMailbox {
        access: access(),
        from: from.into(),
        to: to.into(),
    };
    let delete = |name: &str| Call::DeleteMailbox {
        access: access(),
        mailbox: name.into(),
    };
    assert_eq!(world.written(create("a/b/c/")).1.len(), 3);
    assert_eq!(world.refused(create("a/b")), Refusal::Exists("mailbox"));
    assert_eq!(world.refused(create("Inbox")), Refusal::Exists("mailbox"));
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
    assert_eq!(world.refused(delete("none")), Refusal::NotFound("mailbox"));
    assert!(matches!(
        world.refused(rename("a", "a/x")),
        Refusal::Conflict(_)
    ));
    assert_eq!(world.written(rename("a", "z/y")).1.len(), 4);
    let names = |world: &mut World| -> Vec<String> {
        let rows = world.answer(Call::Mailboxes {
            access: access(),
            counts: true,
        });
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

    // INBOX stays, its messages go.
    world.written(rename("inbox", "old"));
    assert_eq!(world.select(&bob, "INBOX").uids.len(), 0);
    let old = world.select(&bob, "old");
    assert_eq!((old.uids.len(), old.first_unseen), (1, Some(1)));
    assert_eq!(old.keywords, ["Old"]);

    world.written(Call::Subscribe {
        access: access(),
        mailbox: "not there".into(),
        on: true,
    });
    let Answer::Names(names) = world.answer(Call::Subscribed { access: access() }) else {
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
    assert_eq!(
        (first.recent_above, first.mailbox.counts.unwrap().recent),
        (0, 1)
    );
    let second = world.select(&bob, "INBOX");
    assert_eq!(
        (second.recent_above, second.mailbox.counts.unwrap().recent),
        (1, 0)
    );
}

#[test]
fn a_commit_that_fails_refuses_and_publishes_nothing() {
    let mut world = world();
    let plan = world.receive("bob@a.test", b"From: x\r\n\r\n").unwrap();
    world.inline.fail_next_commit();
    let call = Call::Deliver {
        plan: plan.clone(),
        once: None,
    };
    assert_eq!(world.refused(call), Refusal::Internal);
    let bob = world.bob.clone();
    assert_eq!(world.select(&bob, "INBOX").uids.len(), 0);
    let (_, events) = world.deliver(plan);
    assert_eq!(events[0].seq, world.select(&bob, "INBOX").as_of);
}

/// Not a test: what one message costs the threads of the service, on a file and without
/// fsync's waiting. `cargo test --release -- --ignored what_a_message_costs --nocapture`.
#[test]
#[ignore = "a measurement"]
fn what_a_message_costs() {
    use crate::store::{Role, Store};
    let folder = std::env::temp_dir().join(format!("postern-cost-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let mut world = world_with(Limits::lift);
    world.inline.store = Store::open(&folder, Role::Writer, 1).unwrap();
    let org = world.inline.make_org("a").unwrap();
    let inboxes = std::env::var("INBOXES").map_or(64, |n| n.parse().unwrap());
    let accesses: Vec<Access> = (0..inboxes)
        .map(|n| {
            let address = format!("bot{n}@a.test");
            let inbox = world.inline.make_inbox(org, &address).unwrap();
            Access(Arc::new(Grant {
                org,
                inboxes: None,
                inbox: Some(inbox),
                address,
                ..(*world.ann.0).clone()
            }))
        })
        .collect();
    let mut octets =
        b"To: bot0@a.test\r\nSubject: measure\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\n\r\n"
            .to_vec();
    while octets.len() < 4096 {
        octets.extend_from_slice(
            b"The quick brown fox jumps over the lazy dog, and again it does.\r\n",
        );
    }
    let rounds = 200;
    let (mut classify_ns, mut write_ns) = (0, 0);
    let mut cpu_begin = cpu_ns();
    for round in 0..rounds {
        let mut batch = Vec::new();
        let begin = std::time::Instant::now();
        for n in 0..64 {
            let access = &accesses[n % accesses.len()];
            let to = &accesses[(n + 1) % accesses.len()];
            let id = format!(
                "From: {}\r\nMessage-ID: <{round}.{n}@a.test>\r\n",
                access.address
            );
            let intake = Box::new(Intake {
                route: Route::Submission {
                    access: access.clone(),
                    envelope: Envelope {
                        reverse_path: Some(access.address.clone()),
                        recipients: vec![Recipient {
                            address: to.address.clone(),
                            inbox: to.inbox,
                            notify: 0,
                            orcpt: None,
                        }],
                        ..Envelope::default()
                    },
                    received: b"Received: from x by mx.test with ESMTPSA; Mon, 1 Jan 2024\r\n"
                        .to_vec(),
                },
                octets: [id.as_bytes(), &octets].concat(),
            });
            let Answer::Classified(plan) = world.answer(Call::Classify { intake }) else {
                panic!()
            };
            batch.push(ask(Call::Deliver { plan, once: None }));
        }
        classify_ns += begin.elapsed().as_nanos();
        let begin = cpu_ns();
        let turn = world.inline.writer.turn(&world.inline.store, &batch);
        assert!(
            turn.replies
                .iter()
                .all(|(_, r)| matches!(r, Reply::Written(..)))
        );
        if let Some(due) = world.inline.store.checkpoint_due().unwrap() {
            world.inline.store.checkpoint(due).unwrap();
        }
        write_ns += cpu_ns() - begin;
        world.clock.fetch_add(10, Ordering::Relaxed);
    }
    let messages = rounds * 64;
    println!(
        "classify {} us, writer {} us cpu a message ({} in all)",
        classify_ns / messages / 1000,
        write_ns as u128 / messages / 1000,
        (cpu_ns() - cpu_begin) as u128 / messages / 1000,
    );
    let access = accesses[0].clone();
    let mailbox = world.select(&access, "INBOX").mailbox.id;
    for (name, digest, octets) in [
        ("flags", false, Octets::No),
        ("envelope", true, Octets::No),
        ("header", false, Octets::Header),
        ("body", false, Octets::UpTo(1 << 20)),
    ] {
        cpu_begin = cpu_ns();
        let mut n = 0;
        let fetches = std::env::var("FETCHES").map_or(20, |n| n.parse().unwrap());
        for _ in 0..fetches {
            let mut left = UidSet::from(1..=u32::MAX);
            while !left.is_empty() {
                let answer = world.answer(Call::Fetch {
                    access: access.clone(),
                    mailbox,
                    uids: left,
                    digest,
                    octets,
                    changed_since: 0,
                });
                let Answer::Entries { rows, more } = answer else {
                    panic!()
                };
                n += rows.len() as u64;
                left = more;
            }
        }
        println!(
            "fetch {name}: {} ns a message",
            (cpu_ns() - cpu_begin) / n.max(1)
        );
    }
    let size = std::fs::metadata(folder.join("postern.db")).unwrap().len();
    println!(
        "{} octets of database a message",
        u128::from(size) / messages
    );
    let _ = std::fs::remove_dir_all(&folder);
}

/// CPU time of this thread, so that waiting for the disk does not count.
fn cpu_ns() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    stat.split(' ').next().unwrap().parse().unwrap()
}
