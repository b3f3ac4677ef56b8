//! Recipients, senders, rates, and space for mail.

use super::*;
use crate::call::Bounded;

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
            address: address.into(),
        };
        let got = w.call(match from_outside {
            true => Ask::anonymous(look),
            false => Ask::of(&access, look),
        });
        let got = match got {
            Reply::Answer(Answer::Recipient { inbox }) => Ok(inbox),
            Reply::Refused(refusal) => Err(refusal),
            other => panic!("{other:?}"),
        };
        assert_eq!(got, expected, "{address}");
    }
    // Two a minute, in bursts of ten; three are taken.
    let rcpt = Ask::anonymous(Look::Recipient {
        address: "bot@x.test".into(),
    });
    for _ in 0..7 {
        w.answer(rcpt.clone());
    }
    assert!(matches!(
        w.refused(rcpt.clone()),
        Refusal::RateLimited { retry_ms: 1.., .. }
    ));
    w.wait(30_000);
    w.answer(rcpt);
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
            rate: Rate::Messages,
            retry_ms: 20_000
        }
    ));
    w.inline.service.stop();
    assert_eq!(w.refused(Ask::anonymous(Look::Ready)), Refusal::Stopping);
    let _ = bot;
}
