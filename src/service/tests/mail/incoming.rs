//! Messages that come in by every route: what is stored, and what is refused.

use super::*;
use crate::call::{FromFault, PolicyRefusal, SendStatus};

const HELLO: &[u8] = b"From: Ann <ann@a.test>\r\nTo: bob@a.test\r\nSubject: Hello\r\n\
    Bcc: carol@out.test\r\nX-Idempotency-Key: k1\r\n\r\nHi Bob, the code is 482913.\r\n";

#[test]
fn a_submission_reaches_the_inbox_and_sent_and_the_queue() {
    let mut world = world();
    let plan = world
        .submit(&["bob@a.test", "carol@out.test"], HELLO)
        .unwrap();
    let idempotency = plan.call.idempotency.clone().unwrap();
    assert_eq!(idempotency.key, RepeatKey::Client("k1".into()));
    assert_ne!(idempotency.fingerprint, [0; 32]);
    let (written, events) = world.deliver(&plan);
    let Written::Delivered { status, thread, .. } = written else {
        panic!("{written:?}")
    };
    assert_eq!((status, events.len()), (SendStatus::Queued, 2));
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

    // What has been sent has not arrived.
    assert!(world.list(&ann, MessageFilter::default()).is_empty());
    let every = MessageFilter {
        folder: Some(MessageFilter::EVERY_FOLDER.to_owned()),
        ..MessageFilter::default()
    };
    let listed = world.list(&ann, every);
    assert!(listed[0].is_outbound);
    assert_eq!(listed[0].bcc[0].address, "carol@out.test");
    assert_eq!(listed[0].summary.codes, ["482913"]);
    assert_eq!(
        (listed[0].folder.as_str(), listed[0].arrival),
        ("Sent", Arrival::Sent)
    );
    let queued = world.answer(Ask::of(
        &Access(Arc::new(Grant {
            inboxes: None,
            ..(*ann.0).clone()
        })),
        OutboundRead::List {
            filter: Box::default(),
            cursor: None,
            limit: 10,
        },
    ));
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
        (
            b"From:\r\nTo: x@y.test\r\n\r\n.\r\n",
            Refusal::BadFrom(FromFault::Missing),
        ),
        (
            b"From: ann@a.test\r\nFrom: ann@a.test\r\n\r\n",
            Refusal::BadFrom(FromFault::SeveralFields),
        ),
        (
            b"From: ann@a.test, bob@a.test\r\n\r\n",
            Refusal::BadFrom(FromFault::SeveralMailboxes),
        ),
        (
            b"From: g: ann@a.test;\r\n\r\n",
            Refusal::BadFrom(FromFault::Group),
        ),
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
    // The own address with a tag counts as the own address.
    let tagged = b"From: ann+news@a.test\r\n\r\nx\r\n";
    assert!(world.submit(&["bob@a.test"], tagged).is_ok());
}

#[test]
fn inbound_mail_is_bounded_and_does_not_loop() {
    let mut world = world_with(|limits| limits.message_bytes = 5000);
    let hops = b"Received: a\r\n".repeat(51);
    for (octets, expected) in [
        (vec![b'x'; 5001], "TooBig { what: Message, max: 5000 }"),
        (hops, "Loop"),
        (b"Delivered-To: Bob@A.test\r\n\r\n".to_vec(), "Loop"),
    ] {
        let refused = world.receive("bob@a.test", &octets).unwrap_err();
        assert_eq!(format!("{refused:?}"), expected);
    }
    let fine = b"Delivered-To: other@a.test\r\nFrom: x\r\n\r\nhello\r\n";
    let plan = world.receive("bob+tag@a.test", fine).unwrap();
    assert_eq!(plan.call.plan.placements().count(), 1);
    let (_, events) = world.deliver(&plan);
    let Change::Arrived(arrived) = &events[0].change else {
        panic!()
    };
    assert_eq!(
        (arrived.kind, arrived.auth),
        (Arrival::Received, SenderAuth::Unknown)
    );
}

#[test]
fn a_recipient_of_another_organization_gets_its_own_body_and_log() {
    let mut world = world();
    let other = world.inline.make_org("b").unwrap();
    let dan = world.inline.make_inbox(other, "dan@b.test").unwrap();
    let plan = world
        .submit(&["dan@b.test", "dan+x@b.test", "bob@a.test"], HELLO)
        .unwrap();
    assert_eq!(plan.call.plan.placements().count(), 3, "one for each inbox");
    let (_, events) = world.deliver(&plan);
    let theirs: Vec<_> = events.iter().filter(|e| e.org == other).collect();
    assert_eq!(theirs.len(), 1);
    assert_eq!(theirs[0].inbox.as_ref().unwrap().id, dan);
    let Change::Arrived(arrived) = &theirs[0].change else {
        panic!()
    };
    assert_eq!(arrived.auth, SenderAuth::Neighbour);
}

#[test]
fn quota_is_checked_where_it_is_used() {
    const OVER_QUOTA: Refusal = Refusal::OverQuota {
        of: Noun::Inbox,
        max: 3000,
    };
    let mut world = world_with(|limits| limits.inbox_bytes = 3000);
    let octets = [b"From: x@y.test\r\n\r\n".to_vec(), vec![b'x'; 1200]].concat();
    let first = world.receive("bob@a.test", &octets).unwrap();
    // There is space when both are decided on; only one of them fits.
    let second = first.clone();
    world.deliver(&first);
    let (refused, _) = world.try_deliver(&second);
    // Its sender is told nothing of the inbox.
    let full = Refusal::Policy(Box::new(PolicyRefusal::full(Vec::new(), None)));
    assert_eq!(refused, Reply::Refused(full));
    let access = world.bob.clone();
    let mailbox = world.select(&access, "INBOX").mailbox;
    assert_eq!((mailbox.uidnext, mailbox.counts.unwrap().messages), (2, 1));
    let copy = Ask::of(
        &access,
        EntryWrite::Copy {
            mailbox: mailbox.id,
            uids: UidSet::one(1).into(),
            to: "Trash".into(),
            remove: false,
            all: true,
            progress: Box::default(),
        },
    );
    assert_eq!(world.refused(copy), OVER_QUOTA);
}

#[test]
fn rest_composes_and_validates() {
    let mut world = world();
    let route = |draft: Draft| Route::Compose {
        inbox: InboxRef::Address("ANN@a.test".into()),
        draft: Box::new(draft),
        idempotency: None,
    };
    let ann = world.ann.clone();
    let good = Draft {
        to: vec!["Bob <bob@a.test>".into()],
        bcc: vec!["zoe@out.test".into()],
        subject: "Grüße".into(),
        text: Some("Hallo".into()),
        html: Some("<p>Hallo <a href=\"https://x.test/verify\">hier</a>".into()),
        headers: vec![("X-Campaign".into(), "7".into())],
        attachments: vec![DraftAttachment {
            part: None,
            filename: "a.txt".into(),
            content_type: "text/plain".into(),
            upload: None,
            stored: None,
            content: "aGVs\nbG8=".into(),
            content_id: None,
            inline: None,
        }],
        labels: vec!["Out".into()],
        ..Draft::default()
    };
    let plan = world.decide(Some(&ann), route(good.clone()), b"").unwrap();
    world.deliver(&plan);
    let bob = world.bob.clone();
    let listed = world.list(&bob, MessageFilter::default());
    assert_eq!(listed[0].summary.subject, "Grüße");
    assert!(listed[0].summary.has_attachments && listed[0].bcc.is_empty());
    let answer = world.answer(Ask::of(
        &bob,
        MessageRead::Get {
            inbox: InboxRef::Address("bob@a.test".into()),
            id: listed[0].state.id,
            ask: crate::call::ContentAsk {
                max_chars: Some(3),
                ..Default::default()
            },
        },
    ));
    let Answer::Message(message) = answer else {
        panic!()
    };
    let content = message.content.unwrap();
    assert_eq!((content.text.as_str(), content.truncated), ("Hal", true));
    assert_eq!(content.links[0].url, "https://x.test/verify");
    assert_eq!(content.links[0].kind, "verification");
    assert_eq!(content.attachments[0].filename, "a.txt");
    let part = world.answer(Ask::of(
        &bob,
        MessageRead::FindPart {
            inbox: InboxRef::Id(bob.inbox.unwrap()),
            id: listed[0].state.id,
            part: content.attachments[0].part,
        },
    ));
    assert!(
        matches!(&part, Answer::Part(place)
            if place.octets.as_deref() == Some(b"aGVsbG8=")
                && (place.encoding, place.content_type.as_str()) == ("base64", "text/plain")),
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
        match world.decide(Some(&ann), route(draft), b"").unwrap_err() {
            Refusal::Invalid { field, .. } => assert_eq!(field, expected),
            Refusal::InvalidPlace { field, .. } | Refusal::BadAddress { field, .. } => {
                assert!(field.starts_with(expected));
            }
            other => panic!("{expected}: {other:?}"),
        }
    }
    let mut draft = good;
    draft.to = vec!["unknown@a.test".into()];
    let refused = world.decide(Some(&ann), route(draft), b"").unwrap_err();
    let expected = Refusal::NoSuchRecipient {
        field: "to[0]".into(),
        address: "unknown@a.test".into(),
    };
    assert_eq!(refused, expected);
}

#[test]
fn a_commit_that_fails_refuses_and_publishes_nothing() {
    let mut world = world();
    let plan = world.receive("bob@a.test", b"From: x\r\n\r\n").unwrap();
    world.inline.fail_next_commit();
    let (refused, events) = world.try_deliver(&plan);
    assert_eq!(refused, Reply::Refused(Refusal::Internal));
    assert!(events.is_empty());
    let bob = world.bob.clone();
    assert_eq!(world.select(&bob, "INBOX").uids.len(), 0);
    let (_, events) = world.deliver(&plan);
    assert_eq!(events[0].seq, world.select(&bob, "INBOX").as_of);
}
