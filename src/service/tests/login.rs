//! Logins: the needs of each listener, the operator, failures, leases.

use super::*;
use crate::call::Countable;
use crate::call::Scopes;

#[test]
fn three_listeners_and_what_each_asks_for() {
    let mut w = World::new();
    let org = w.inline.make_org("one").unwrap();
    let other = w.inline.make_org("two").unwrap();
    let bot = w.inline.make_inbox(org, "bot@x.test").unwrap();
    let two = w.inline.make_inbox(org, "two@x.test").unwrap();
    w.inline.make_inbox(other, "foe@y.test").unwrap();
    let read = w.inline.make_key(org, Scopes::MESSAGES_READ, None).unwrap();
    let write = w
        .inline
        .make_key(org, Scopes::MESSAGES_WRITE, None)
        .unwrap();
    let bound = w.inline.make_key(org, Scopes::ADMIN, Some(&[two])).unwrap();
    let ends = w
        .inline
        .make_key_until(org, Scopes::ADMIN, None, Some(START + 5000))
        .unwrap();

    const WRONG: &str = "wrong";
    for (listener, user, key, expected) in [
        (Listener::Imaps, Some("bot@x.test"), &read, ""),
        (Listener::Imaps, Some("BOT@X.Test"), &read, ""),
        (Listener::Imap, Some("bot@x.test"), &write, "messages:read"),
        (Listener::Submission, Some("bot@x.test"), &write, ""),
        (
            Listener::Submissions,
            Some("bot@x.test"),
            &read,
            "messages:write",
        ),
        (Listener::Imaps, Some("bot@x.test"), &bound, WRONG),
        (Listener::Imaps, Some("two@x.test"), &bound, ""),
        (Listener::Imaps, Some("foe@y.test"), &read, WRONG),
        (Listener::Imaps, Some("none@x.test"), &read, WRONG),
        (Listener::Imaps, Some("bot+tag@x.test"), &read, WRONG),
        (Listener::Imaps, Some("bot"), &read, WRONG),
        (Listener::Imaps, None, &read, WRONG),
        (Listener::Mx, Some("bot@x.test"), &write, WRONG),
        (Listener::Https, None, &write, ""),
        (Listener::Http, None, &ends, ""),
    ] {
        let got = match w.login(listener, user, key) {
            Reply::Answer(Answer::Authenticated(Caller::Key(access))) => {
                assert_eq!(access.org, org);
                if let Some(user) = user {
                    assert!(access.inbox == Some(bot) || access.inbox == Some(two));
                    assert_eq!(access.address, user.to_lowercase());
                }
                ""
            }
            Reply::Refused(Refusal::BadCredentials { .. }) => WRONG,
            Reply::Refused(Refusal::MissingScope(scope)) => scope.first_name(),
            other => panic!("{other:?}"),
        };
        assert_eq!(got, expected, "{listener:?} {user:?}");
    }
    // The failures of one client lock no other out, and a key expires at its time.
    w.wait(3_600_000);
    assert!(matches!(
        w.login(Listener::Https, None, &ends),
        Reply::Refused(Refusal::BadCredentials { .. })
    ));
}

#[test]
fn the_operator_is_no_organization() {
    let mut w = World::new();
    let org = w.inline.make_org("one").unwrap();
    let token = w.inline.operator.clone();
    let look = |user: Option<&str>| {
        Ask::anonymous(Look::Authenticate {
            listener: Listener::Https,
            user: user.map(str::to_owned),
            secret: Secret::new(token.as_str()),
        })
    };
    // Another address is refused without a comparison.
    assert_eq!(
        w.login(Listener::Https, None, &token),
        Reply::Refused(Refusal::OperatorElsewhere)
    );
    let (login, _) = w.call_from(1, "127.0.0.1", look(None));
    let Reply::Answer(Answer::Authenticated(operator)) = login else {
        panic!("{login:?}")
    };
    assert_eq!(operator, Caller::Operator);
    assert_eq!(
        (operator.org(), operator.scopes()),
        (None, Scopes::OPERATOR)
    );
    let as_operator = |call: Call| Ask {
        request_id: None,
        depth: 0,
        caller: Caller::Operator,
        call,
    };
    assert!(matches!(
        w.answer(as_operator(OrgRead::List { cursor: None, limit: 100 }.into())),
        Answer::Orgs { rows, .. } if rows.len() == 1
    ));
    let Written::Org(row, key, secret) = w.written(as_operator(
        OrgWrite::Create {
            name: "two".into(),
            idempotency: idempotency("k", 1),
        }
        .into(),
    )) else {
        panic!()
    };
    assert_eq!(key.scopes, Scopes::ADMIN);
    let first = w.access(core::str::from_utf8(secret.expose()).unwrap());
    assert_eq!(first.org, row.id);
    // Neither sees the rows of the other.
    assert_eq!(
        w.refused(Ask::of(
            &first,
            OrgRead::List {
                cursor: None,
                limit: 100
            }
        )),
        Refusal::MissingScope(Scopes::OPERATOR)
    );
    assert!(matches!(
        w.refused(as_operator(
            KeyRead::List {
                cursor: None,
                limit: 10
            }
            .into()
        )),
        Refusal::MissingScope(Scopes::KEYS_WRITE)
    ));
    // A token with a wrong secret, and a token as a mail password.
    let other = crate::crypto::OperatorToken::generate(&mut crate::crypto::Random::seeded(99));
    for (listener, user, text) in [
        (Listener::Https, None, other.as_str()),
        (Listener::Imaps, Some("bot@x.test"), token.as_str()),
    ] {
        let login = Ask::anonymous(Look::Authenticate {
            listener,
            user: user.map(str::to_owned),
            secret: Secret::new(text),
        });
        let (reply, _) = w.call_from(1, "127.0.0.1", login);
        assert!(matches!(
            reply,
            Reply::Refused(Refusal::BadCredentials { .. })
        ));
    }
    w.written(as_operator(OrgWrite::Delete { org }.into()));
}

#[test]
fn failures_are_one_count_for_every_listener() {
    let mut w = World::new();
    let org = w.inline.make_org("one").unwrap();
    w.inline.make_inbox(org, "bot@x.test").unwrap();
    let good = w.inline.make_key(org, Scopes::ADMIN, None).unwrap();
    let listeners = [Listener::Imaps, Listener::Submissions, Listener::Https];
    let mut delays = Vec::new();
    for n in 0..10 {
        let bad = w.inline.make_key(org, Scopes::ADMIN, None).unwrap() + "x";
        let listener = listeners[n % 3];
        match w.login(listener, Some("bot@x.test"), &bad) {
            Reply::Refused(Refusal::BadCredentials { delay_ms, .. }) => delays.push(delay_ms),
            other => panic!("{other:?}"),
        }
    }
    // Over HTTP the answer comes at once; all three count together.
    assert_eq!(delays[..6], [0, 1000, 0, 4000, 8000, 0]);
    // Over the bound a wrong key waits as long as can be; the count begins anew in 15 minutes.
    for (listener, waits_ms) in [(Listener::Https, 0), (Listener::Imaps, 15_000)] {
        let bad = w.inline.make_key(org, Scopes::ADMIN, None).unwrap() + "x";
        assert_eq!(
            w.login(listener, Some("bot@x.test"), &bad),
            Reply::Refused(Refusal::LoginLimited {
                delay_ms: waits_ms,
                retry_ms: 900_000
            })
        );
    }
    // A right key of the same address works at every listener all the time. Wrong ones stay wrong.
    for (listener, user, key) in [
        (Listener::Https, None, &good),
        (Listener::Imaps, Some("bot@x.test"), &good),
        (Listener::Submissions, Some("bot@x.test"), &good),
    ] {
        let reply = w.login(listener, user, key);
        assert!(matches!(reply, Reply::Answer(_)), "{listener:?} {reply:?}");
    }
    assert!(matches!(
        w.login(Listener::Imaps, Some("none@x.test"), &good),
        Reply::Refused(Refusal::LoginLimited { .. })
    ));
    // Another address is not affected, not even for the same inbox.
    let login = Ask::anonymous(Look::Authenticate {
        listener: Listener::Imaps,
        user: Some("bot@x.test".into()),
        secret: Secret::new(good.as_str()),
    });
    let (reply, _) = w.call_from(2, "192.0.2.2", login);
    assert!(matches!(reply, Reply::Answer(_)));
    w.wait(900_000);
    assert!(matches!(
        w.login(Listener::Https, None, "ap_sk_x"),
        Reply::Refused(Refusal::BadCredentials { .. })
    ));
    assert_eq!(w.metric(Metric::LoginsLimited), 3);
    assert_eq!(w.metric(Metric::LoginsFailed), 11);
}

#[test]
fn wrong_keys_on_loopback_do_not_stop_the_operator() {
    let mut w = World::new();
    let token = w.inline.operator.clone();
    let mut login = |secret: &str| {
        let login = Ask::anonymous(Look::Authenticate {
            listener: Listener::Http,
            user: None,
            secret: Secret::new(secret),
        });
        w.call_from(1, "127.0.0.1", login).0
    };
    let last = (0..100).map(|n| login(&format!("ap_op_{n}"))).last();
    assert!(matches!(
        last,
        Some(Reply::Refused(Refusal::LoginLimited { delay_ms: 0, .. }))
    ));
    assert!(matches!(login(&token), Reply::Answer(_)));
}

#[test]
fn sessions_and_streams_are_leased() {
    let limits = Limits {
        imap_sessions_per_inbox: 2,
        streams_per_key: 1,
        ..Limits::default()
    };
    let mut w = World::with(limits);
    let org = w.inline.make_org("one").unwrap();
    w.inline.make_inbox(org, "bot@x.test").unwrap();
    let key = w.inline.make_key(org, Scopes::ADMIN, None).unwrap();
    let login = |w: &mut World, conn| {
        let call = Ask::anonymous(Look::Authenticate {
            listener: Listener::Imaps,
            user: Some("bot@x.test".into()),
            secret: Secret::new(key.as_str()),
        });
        w.call_from(conn, "192.0.2.1", call).0
    };
    assert!(matches!(login(&mut w, 1), Reply::Answer(_)));
    assert!(matches!(login(&mut w, 2), Reply::Answer(_)));
    assert_eq!(
        login(&mut w, 3),
        Reply::Refused(Refusal::Limit {
            what: Countable::Sessions,
            max: 2
        })
    );
    let hangup = w.request(1, "192.0.2.1", Ask::anonymous(Call::Hangup));
    assert_eq!(w.inline.serve(hangup).0, None);
    assert!(matches!(login(&mut w, 3), Reply::Answer(_)));

    let access = w.access(&key);
    let open = Ask::of(&access, Look::OpenStream { reads_group: false });
    let ok = Reply::Answer(Answer::Done);
    assert_eq!(w.call_from(10, "192.0.2.1", open.clone()).0, ok);
    assert_eq!(w.metric(Metric::Subscriptions), 1);
    assert!(matches!(
        w.call_from(11, "192.0.2.1", open.clone()).0,
        Reply::Refused(Refusal::Limit {
            what: Countable::Streams,
            max: 1
        })
    ));
    let hangup = w.request(10, "192.0.2.1", Ask::anonymous(Call::Hangup));
    w.inline.serve(hangup);
    assert_eq!(w.metric(Metric::Subscriptions), 0);
    assert_eq!(w.call_from(11, "192.0.2.1", open).0, ok);
}
