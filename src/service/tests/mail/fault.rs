//! Hostile mail and clocks that jump: nothing is sent back, nothing leaks, no text becomes SQL,
//! and a jump of the clock moves neither order nor UIDs.

use core::sync::atomic::AtomicI64;

use super::*;
use crate::call::PolicyRefusal;

fn mail(fields: &str) -> Vec<u8> {
    format!("From: Eve <eve@out.test>\r\nTo: bob@a.test\r\n{fields}\r\nHello.\r\n").into_bytes()
}

fn queued(world: &mut World) -> usize {
    let access = Access(Arc::new(Grant {
        inboxes: None,
        ..(*world.ann.0).clone()
    }));
    match world.answer(Ask::of(
        &access,
        OutboundRead::List {
            filter: Box::default(),
            cursor: None,
            limit: 100,
        },
    )) {
        Answer::Outbound { rows, .. } => rows.len(),
        other => panic!("{other:?}"),
    }
}

/// Mail is refused in the session; nothing is ever sent to a return path.
#[test]
fn no_mail_from_outside_makes_mail_to_outside() {
    let mut world = world_with(|limits| limits.received_hops = 3);
    let unknown = Ask::anonymous(Look::Recipient {
        from: None,
        address: "nobody@a.test".into(),
    });
    assert_eq!(world.refused(unknown), Refusal::NoSuchInbox);
    let looped = mail(&"Received: from x by y\r\n".repeat(4));
    assert_eq!(world.receive("bob@a.test", &looped), Err(Refusal::Loop));
    assert!(world.receive("bob@a.test", b"bare\nline\r\n").is_err());
    for fields in [
        "Disposition-Notification-To: victim@out.test\r\n",
        "Return-Receipt-To: victim@out.test\r\nErrors-To: victim@out.test\r\n",
        "Reply-To: victim@out.test\r\nAuto-Submitted: no\r\nBcc: victim@out.test\r\n",
    ] {
        let plan = world.receive("bob@a.test", &mail(fields)).unwrap();
        assert!(plan.call.plan.queued().next().is_none());
        world.deliver(&plan);
    }
    assert_eq!(queued(&mut world), 0);
}

/// A hidden recipient is named only in the sender's own copy.
#[test]
fn a_hidden_recipient_is_in_one_copy_only() {
    let mut world = world();
    let other = world.inline.make_org("b").unwrap();
    world.inline.make_inbox(other, "far@b.test").unwrap();
    let octets = b"From: ann@a.test\r\nTo: bob@a.test\r\nBcc: ghost@out.test,\r\n far@b.test\r\n\
        BCC: second@ghost.test\r\nSubject: s\r\n\r\nbody\r\n";
    let to = ["bob@a.test", "far@b.test", "ghost@out.test"];
    let plan = world.submit(&to, octets).unwrap();
    let (_, events) = world.deliver(&plan);
    let (ann, bob) = (world.ann.clone(), world.bob.clone());
    for event in events.iter() {
        let of = event.inbox.as_ref().map(|path| path.id);
        if of != ann.inbox {
            let text = format!("{event:?}");
            assert!(!text.contains("ghost"), "{text}");
        }
    }
    let got = &world.fetch(&bob, "INBOX", Octets::UpTo(1 << 20))[0];
    let digest = String::from_utf8_lossy(got.digest.as_ref().unwrap()).into_owned();
    let text = String::from_utf8_lossy(got.octets.as_ref().unwrap()).into_owned() + &digest;
    assert!(
        !text.contains("ghost") && !text.to_lowercase().contains("bcc"),
        "{text}"
    );
    assert!(!text.contains("far@b.test"), "{text}");
    let sent = &world.fetch(&ann, "Sent", Octets::Header)[0];
    let text = String::from_utf8_lossy(sent.octets.as_ref().unwrap()).into_owned();
    assert!(
        text.contains("ghost@out.test") && text.contains("far@b.test"),
        "{text}"
    );
}

/// Text is bound, never built into a statement.
#[test]
fn text_is_never_a_statement() {
    let mut world = world();
    let bob = world.bob.clone();
    let payloads = [
        "'; DROP TABLE entry; --",
        "\" OR 1=1 --",
        "x'); DELETE FROM body; --",
        "%' OR '1'='1",
        "?1",
        ":a",
        "`entry`",
        "x' UNION SELECT hash FROM key --",
    ];
    for payload in payloads {
        let name = format!("Box {payload}");
        world.serve(Ask::of(
            &bob,
            MailboxWrite::Create {
                mailbox: name.clone(),
            },
        ));
        let fields = format!("Subject: {payload}\r\nMessage-ID: <{payload}>\r\n");
        let plan = world.receive("bob@a.test", &mail(&fields)).unwrap();
        world.deliver(&plan);
        let found = world.search(SearchKey::Header("subject".into(), payload.into()));
        assert_eq!(found.split([',', ':']).count(), 1, "{payload}: {found}");
        assert!(!found.is_empty(), "{payload}");
        world.search(SearchKey::Text(payload.into()));
        let filter = MessageFilter {
            subject: Some(payload.into()),
            ..MessageFilter::default()
        };
        assert_eq!(world.list(&bob, filter).len(), 1, "{payload}");
        let filter = MessageFilter {
            folder: Some(name),
            label: Some(payload.into()),
            ..MessageFilter::default()
        };
        world.serve(Ask::of(
            &bob,
            MessageRead::List {
                inbox: InboxRef::Address(payload.into()),
                filter: Box::new(filter),
                cursor: Some(payload.into()),
                limit: 10,
                progress: Box::default(),
            },
        ));
        world.serve(Ask::anonymous(Look::Recipient {
            from: None,
            address: format!("\"{payload}\"@a.test"),
        }));
        world.serve(Ask::anonymous(Look::Authenticate {
            listener: Listener::Imaps,
            user: Some(payload.into()),
            secret: Secret::new(payload),
        }));
    }
    let stored = world.fetch(&bob, "INBOX", Octets::No);
    assert_eq!(stored.len(), payloads.len());
    let wrong = crate::store::verify(&world.inline.store, true);
    assert_eq!(wrong, Vec::<String>::new());
}

/// A Message-ID is chosen by the sender: it names nothing, and joins nothing across inboxes.
#[test]
fn a_message_id_is_no_key() {
    let mut world = world();
    let (ann, bob) = (world.ann.clone(), world.bob.clone());
    let same = mail("Message-ID: <same@out.test>\r\n");
    for to in ["bob@a.test", "bob@a.test", "ann@a.test"] {
        let plan = world.receive(to, &same).unwrap();
        world.deliver(&plan);
    }
    let (at_bob, at_ann) = (
        world.fetch(&bob, "INBOX", Octets::No),
        world.fetch(&ann, "INBOX", Octets::No),
    );
    assert_eq!((at_bob.len(), at_ann.len()), (2, 1));
    assert_ne!(at_bob[0].thread, at_ann[0].thread);
    let long = mail(&format!(
        "Message-ID: <{}@out.test>\r\n",
        "x".repeat(20_000)
    ));
    if let Ok(plan) = world.receive("bob@a.test", &long) {
        assert!(
            plan.call.plan.message_id.len() <= 998,
            "{}",
            plan.call.plan.message_id.len()
        );
    }
}

/// The date of a message is chosen by the sender; the time of arrival is ours.
#[test]
fn the_date_of_a_message_is_only_shown() {
    let mut world = world();
    let bob = world.bob.clone();
    for date in [
        "Fri, 31 Dec 9999 23:59:59 +0000",
        "Thu, 01 Jan 10000 00:00:00 +0000",
        "Thu, 01 Jan -0001 00:00:00 +9999",
        "99999999999999999999",
        "",
    ] {
        let plan = world.receive("bob@a.test", &mail(&format!("Date: {date}\r\n")));
        world.deliver(&plan.unwrap());
    }
    for row in world.fetch(&bob, "INBOX", Octets::No) {
        assert_eq!(row.received_at, START + 1000);
    }
    // APPEND may give the date, but not one that cannot be written as a date again.
    for at in [i64::MAX, i64::MIN, -1, 253_402_300_799_000] {
        append(&mut world, b"Subject: x\r\n\r\n", at);
    }
    for row in world.fetch(&bob, "INBOX", Octets::No) {
        let text = crate::mail::time::rfc5322(row.received_at);
        assert!(
            crate::mail::parse::date::parse(text.as_bytes()).is_some(),
            "{text}"
        );
    }
}

/// The wall clock jumps by seconds and years. The time of the log never goes back, numbers and UIDs
/// go on without a gap, and rates use the monotonic clock.
#[test]
fn jumps_of_the_clock_move_nothing_but_dates() {
    const YEAR: i64 = 365 * 86_400_000;
    let mut world = world();
    let leap = Arc::new(AtomicI64::new(0));
    let limits = Limits {
        mx_messages_per_minute: 3,
        ..Limits::default()
    };
    let shared = Arc::new(Shared::new("mx.test", limits, PublicEndpoints::default()));
    let (reads, ticks) = (Arc::clone(&leap), Arc::clone(&world.clock));
    let now = move || Now {
        mono_ms: ticks.load(Ordering::Relaxed),
        unix_ms: START.saturating_add(reads.load(Ordering::Relaxed)),
    };
    world.inline = Inline::new(1, shared, Arc::new(now)).unwrap();
    let org = world.inline.make_org("a").unwrap();
    let bob = world.inline.make_inbox(org, "bob@a.test").unwrap();
    world.bob = Access(Arc::new(Grant {
        org,
        inbox: Some(bob),
        inboxes: Some(vec![bob]),
        ..(*world.bob.0).clone()
    }));
    let mut last = (0, i64::MIN);
    let leaps = [
        0,
        1000,
        -1000,
        3_600_000,
        -5000,
        10 * YEAR,
        0,
        -10 * YEAR,
        -60 * YEAR,
        0,
    ];
    for (n, ms) in leaps.into_iter().enumerate() {
        leap.store(ms, Ordering::Relaxed);
        let plan = world
            .receive("bob@a.test", &mail("Subject: x\r\n"))
            .unwrap();
        let (_, events) = world.deliver(&plan);
        assert!(events[0].seq > last.0 && events[0].at >= last.1, "{ms}");
        last = (events[0].seq, events[0].at);
        let access = world.bob.clone();
        let uids: Vec<u32> = world
            .fetch(&access, "INBOX", Octets::No)
            .iter()
            .map(|row| row.state.uid)
            .collect();
        assert_eq!(uids, (1..=n as u32 + 1).collect::<Vec<_>>());
    }
    // Ten years ahead no row of the log is old. A day of monotonic time later the window moves.
    leap.store(10 * YEAR, Ordering::Relaxed);
    let head = last.0;
    while world.inline.writer.trim(&world.inline.store).unwrap() {}
    let log = world.inline.store.log_state(org).unwrap().unwrap();
    assert_eq!((log.oldest, log.head), (1, head));
    // Three in a minute, for every jump of the date between them.
    let sender = |world: &mut World, ms| {
        leap.store(ms, Ordering::Relaxed);
        world
            .serve(Ask::anonymous(Look::Sender {
                reverse_path: None,
                size: None,
            }))
            .0
    };
    for ms in [0, YEAR, -YEAR] {
        assert_eq!(sender(&mut world, ms), Reply::Answer(Answer::Done));
    }
    let refused = sender(&mut world, 20 * YEAR);
    assert!(
        matches!(refused, Reply::Refused(Refusal::RateLimited { .. })),
        "{refused:?}"
    );
    let wrong = crate::store::verify(&world.inline.store, true);
    assert_eq!(wrong, Vec::<String>::new());
}

/// Messages have no savepoint of their own: a group in which one is refused late is carried out
/// again, and the others of it are stored, counted and told once.
#[test]
fn a_late_refusal_takes_nothing_from_the_rest_of_its_group() {
    let mut world = world_with(|limits| limits.org_bytes = 150_000);
    let bob = world.bob.clone();
    let large = mail(&format!("X: {}\r\n", "x ".repeat(200)).repeat(50));
    let mut octets = vec![large; 9];
    octets.push(mail("Subject: small\r\n"));
    let tasks: Vec<WriteTask> = octets
        .iter()
        .map(|octets| WriteTask::Deliver(world.receive("bob@a.test", octets).unwrap()))
        .collect();
    let turn = world.inline.writer.turn(&world.inline.store, &tasks);
    let is_stored = |(_, reply): &(_, Reply)| matches!(reply, Reply::Written(..));
    let stored = turn.replies.iter().filter(|reply| is_stored(reply)).count();
    let full = PolicyRefusal::full(Vec::new(), None);
    let full = Reply::Refused(Refusal::Policy(Box::new(full)));
    let refused = turn.replies.iter().filter(|(_, reply)| *reply == full);
    assert_eq!((stored, refused.count()), (7, 3), "{:?}", turn.replies);
    assert_eq!(turn.events.len(), stored);
    assert_eq!(world.fetch(&bob, "INBOX", Octets::No).len(), stored);
    let metrics = &world.inline.service.shared.metrics;
    assert_eq!(metrics.value(Metric::Messages), stored as u64);
    assert_eq!(metrics.value(Metric::RejectedQuota), 3);
    let wrong = crate::store::verify(&world.inline.store, true);
    assert_eq!(wrong, Vec::<String>::new());
}

/// What a message counts besides rows is counted once, although its group is carried out twice.
#[test]
fn a_message_that_is_carried_out_again_counts_once() {
    // One sender may send ten at once.
    let mut world = world_with(|limits| limits.inbox_receives_per_minute = 2);
    let plans: Vec<Decided> = (0..11)
        .map(|_| world.receive("bob@a.test", &mail("")).unwrap())
        .collect();
    let tasks: Vec<WriteTask> = plans
        .iter()
        .take(3)
        .cloned()
        .map(WriteTask::Deliver)
        .collect();
    // Statements of the first message are done then, and some of the second.
    world
        .inline
        .store
        .fail(crate::store::StoreFault::Statement(12));
    let turn = world.inline.writer.turn(&world.inline.store, &tasks);
    assert!(
        turn.replies
            .iter()
            .all(|(_, reply)| matches!(reply, Reply::Written(..)))
    );
    for plan in &plans[3..10] {
        world.deliver(plan);
    }
    let (refused, _) = world.try_deliver(&plans[10]);
    assert!(
        matches!(refused, Reply::Refused(Refusal::RateLimited { .. })),
        "{refused:?}"
    );
    let metrics = &world.inline.service.shared.metrics;
    assert_eq!(metrics.value(Metric::Messages), 10);
}
