//! Recipients, senders, rates, and space for mail.

use super::*;
use crate::call::{Bounded, Envelope, Intake, Recipient, Route};

#[test]
fn recipients_by_listener() {
    let limits = Limits {
        inbox_receives_per_minute: 2,
        ..Limits::default()
    };
    let mut w = World::with(limits);
    let org = w.inline.make_org("one").unwrap();
    let other = w.inline.make_org("two").unwrap();
    let bot = w.inline.make_inbox(org, "bot@x.test").unwrap();
    let tagged = w.inline.make_inbox(org, "bot+vip@x.test").unwrap();
    let foe = w.inline.make_inbox(other, "foe@y.test").unwrap();
    let key = w.inline.make_key(org, Scopes::ADMIN, None).unwrap();
    let access = w.access(&key);
    let inbox = |inbox| Ok(inbox);
    for (from_outside, address, expected) in [
        (true, "bot@x.test", inbox(Some(bot))),
        (true, "BOT@X.TEST", inbox(Some(bot))),
        (true, "bot+news@x.test", inbox(Some(bot))),
        (true, "bot+vip@x.test", inbox(Some(tagged))),
        (true, "none@x.test", Err(Refusal::NoSuchInbox)),
        (true, "none@agents.test", Err(Refusal::NoSuchInbox)),
        (true, "a@elsewhere.test", Err(Refusal::RelayDenied)),
        (true, "bot%x.test@elsewhere.test", Err(Refusal::RelayDenied)),
        (true, "bot@[127.0.0.1]", Err(Refusal::RelayDenied)),
        (true, "bot@sub.x.test", Err(Refusal::RelayDenied)),
        (false, "foe@y.test", inbox(Some(foe))),
        (false, "a@elsewhere.test", inbox(None)),
        (false, "none@x.test", Err(Refusal::NoSuchInbox)),
    ] {
        let look = Look::Recipient {
            from: None,
            address: address.into(),
        };
        let got = w.call(match from_outside {
            true => Ask::anonymous(look),
            false => Ask::of(&access, look),
        });
        let got = match got {
            Reply::Answer(Answer::Recipient { inbox, .. }) => Ok(inbox),
            Reply::Refused(refusal) => Err(refusal),
            other => panic!("{other:?}"),
        };
        assert_eq!(got, expected, "{address}");
    }
}

/// A message from outside, as port 25 hands it over.
fn inbound(to: &[(&str, InboxId)]) -> Ask {
    let recipients = to.iter().map(|(address, inbox)| Recipient {
        address: (*address).to_owned(),
        inbox: Some(*inbox),
        org: None,
        notify: 0,
        orcpt: None,
    });
    Ask::anonymous(Call::Accept(Box::new(Intake {
        route: Route::Inbound {
            envelope: Envelope {
                reverse_path: Some("a@elsewhere.test".into()),
                recipients: recipients.collect(),
                ..Envelope::default()
            },
            received: Vec::new(),
            helo: "mx.out.test".into(),
        },
        octets: b"Subject: x\r\n\r\nx\r\n".to_vec(),
        charge: None,
    })))
}

#[test]
fn recipients_without_a_message_cost_their_sender_and_not_the_inbox() {
    let limits = Limits {
        inbox_receives_per_minute: 2,
        mx_recipients_per_minute: 4,
        ..Limits::default()
    };
    let mut w = World::with(limits);
    let org = w.inline.make_org("one").unwrap();
    let bot = w.inline.make_inbox(org, "bot@x.test").unwrap();
    let rcpt = Ask::anonymous(Look::Recipient {
        from: None,
        address: "bot@x.test".into(),
    });
    let limited = |reply: &Reply, expected: Rate| {
        let Reply::Refused(Refusal::RateLimited { rate, retry_ms }) = reply else {
            panic!("{reply:?}")
        };
        assert_eq!(*rate, expected);
        assert!(*retry_ms > 0);
    };
    for _ in 0..20 {
        w.answer(rcpt.clone());
    }
    let reply = w.call(rcpt.clone());
    limited(&reply, Rate::Recipients { max: 4 });
    // Another sender is not affected, and its messages give back what their recipients cost.
    for n in 0..30 {
        let (reply, _) = w.call_from(2, "192.0.2.2", rcpt.clone());
        if n < 10 {
            assert!(matches!(reply, Reply::Answer(_)), "{reply:?}");
            let mail = inbound(&[("bot@x.test", bot)]);
            let (reply, _) = w.call_from(2, "192.0.2.2", mail);
            assert!(matches!(reply, Reply::Written(..)), "{n} {reply:?}");
        } else {
            // Alone it gets half of what the inbox takes at once.
            limited(&reply, Rate::Received { max: 2 });
        }
        w.wait(1);
    }
    // A third one has a share of its own, and so has a key.
    assert!(matches!(
        w.call_from(3, "192.0.2.3", rcpt.clone()).0,
        Reply::Answer(_)
    ));
    let key = w.inline.make_key(org, Scopes::ADMIN, None).unwrap();
    let access = w.access(&key);
    let own = Look::Recipient {
        from: None,
        address: "bot@x.test".into(),
    };
    w.answer(Ask::of(&access, own));
    // Time gives everything back.
    w.wait(60_000);
    w.answer(rcpt);
}

#[test]
fn a_message_counts_in_all_of_its_inboxes_or_in_none() {
    let limits = Limits {
        inbox_receives_per_minute: 1,
        ..Limits::default()
    };
    let mut w = World::with(limits);
    let org = w.inline.make_org("one").unwrap();
    let bot = w.inline.make_inbox(org, "bot@x.test").unwrap();
    let sis = w.inline.make_inbox(org, "sis@x.test").unwrap();
    let both = [("bot@x.test", bot), ("sis@x.test", sis)];
    for _ in 0..5 {
        let reply = w.call(inbound(&[("bot@x.test", bot)]));
        assert!(matches!(reply, Reply::Written(..)), "{reply:?}");
    }
    // The first has no more for this sender, so the second is not charged either.
    for _ in 0..10 {
        let refused = w.refused(inbound(&both));
        assert!(matches!(refused, Refusal::RateLimited { .. }));
    }
    for _ in 0..5 {
        let twice = [("sis@x.test", sis), ("sis+tag@x.test", sis)];
        let reply = w.call(inbound(&twice));
        assert!(matches!(reply, Reply::Written(..)), "{reply:?}");
    }
    assert!(matches!(
        w.refused(inbound(&[("sis@x.test", sis)])),
        Refusal::RateLimited { .. }
    ));
}

#[test]
fn who_may_send_as_whom() {
    let mut w = World::new();
    let org = w.inline.make_org("one").unwrap();
    let other = w.inline.make_org("two").unwrap();
    let bot = w.inline.make_inbox(org, "bot@x.test").unwrap();
    w.inline.make_inbox(org, "two@x.test").unwrap();
    w.inline.make_inbox(other, "foe@y.test").unwrap();
    let all = w.inline.make_key(org, Scopes::ADMIN, None).unwrap();
    let bound = w.inline.make_key(org, Scopes::ADMIN, Some(&[bot])).unwrap();
    for (key, path, ok) in [
        (&all, Some("bot@x.test"), true),
        (&all, Some("Bot@X.test"), true),
        (&all, Some("bot+tag@x.test"), true),
        (&all, Some("two@x.test"), true),
        (&all, Some("foe@y.test"), false),
        (&all, Some("none@x.test"), false),
        (&all, Some("a@elsewhere.test"), false),
        (&all, None, false),
        (&bound, Some("bot@x.test"), true),
        (&bound, Some("two@x.test"), false),
    ] {
        let Reply::Answer(Answer::Authenticated(Caller::Key(access))) =
            w.login(Listener::Submissions, Some("bot@x.test"), key)
        else {
            panic!()
        };
        let reply = w.call(Ask::of(
            &access,
            Look::Sender {
                reverse_path: path.map(str::to_owned),
                size: Some(10),
            },
        ));
        let expected = if ok {
            Reply::Answer(Answer::Done)
        } else {
            Reply::Refused(Refusal::SenderNotAllowed)
        };
        assert_eq!(reply, expected, "{path:?}");
    }
}

#[test]
fn room_for_mail() {
    let limits = Limits {
        mx_messages_per_minute: 3,
        inbox_bytes: 10,
        ..Limits::default()
    };
    let mut w = World::with(limits);
    let org = w.inline.make_org("one").unwrap();
    let bot = w.inline.make_inbox(org, "bot@x.test").unwrap();
    let mail = |size| {
        Ask::anonymous(Look::Sender {
            reverse_path: Some("a@elsewhere.test".into()),
            size,
        })
    };
    w.answer(mail(None));
    assert!(matches!(
        w.refused(mail(Some(26 << 20))),
        Refusal::TooBig {
            what: Bounded::Message,
            ..
        }
    ));
    // The bound is the larger of 64 MiB and 1.5 messages.
    w.inline.set_free_bytes((64 << 20) - 1);
    assert_eq!(w.refused(mail(None)), Refusal::NoSpace);
    assert_eq!(w.refused(Ask::anonymous(Look::Ready)), Refusal::NoSpace);
    w.inline.set_free_bytes(64 << 20);
    w.answer(mail(None));
    w.answer(mail(None));
    assert!(matches!(
        w.refused(mail(None)),
        Refusal::RateLimited {
            rate: Rate::Messages { max: 3 },
            retry_ms: 20_000
        }
    ));
    w.inline.service.stop();
    assert_eq!(w.refused(Ask::anonymous(Look::Ready)), Refusal::Stopping);
    let _ = bot;
}
