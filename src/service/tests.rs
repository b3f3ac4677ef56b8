//! Keys, inboxes and limits, over [`Inline`] in virtual time; here is also the world that the
//! other tests of the service begin with.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod group;
mod job;
mod tenant;
mod thread;

use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use super::Inline;
use crate::call::*;

const START: i64 = 1_700_000_000_000;

struct World {
    inline: Inline,
    clock: Arc<AtomicU64>,
    shared: Arc<Shared>,
}

fn shared(limits: Limits) -> Arc<Shared> {
    Arc::new(Shared::new("mx.test", limits, PublicEndpoints::default()))
}

impl World {
    fn new() -> World {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> World {
        let clock = Arc::new(AtomicU64::new(1000));
        let reads = Arc::clone(&clock);
        let shared = shared(limits);
        let inline = Inline::new(
            7,
            Arc::clone(&shared),
            Arc::new(move || {
                let ms = reads.load(Ordering::Relaxed);
                Now {
                    mono_ms: ms,
                    unix_ms: START + ms as i64,
                }
            }),
        )
        .unwrap();
        World {
            inline,
            clock,
            shared,
        }
    }

    fn wait(&self, ms: u64) {
        self.clock.fetch_add(ms, Ordering::Relaxed);
    }

    fn request(&self, conn: u64, peer: &str, call: Call) -> Request {
        Request {
            conn: ConnId(conn),
            peer: peer.parse().unwrap(),
            now: self.inline.service.now(),
            call,
        }
    }

    fn call(&mut self, call: Call) -> Reply {
        self.call_from(1, "192.0.2.1", call).0
    }

    fn call_from(&mut self, conn: u64, peer: &str, call: Call) -> (Reply, Arc<[Event]>) {
        let request = self.request(conn, peer, call);
        let (reply, events) = self.inline.serve(request);
        (reply.unwrap(), events)
    }

    fn refused(&mut self, call: Call) -> Refusal {
        match self.call(call) {
            Reply::Refused(refusal) => refusal,
            other => panic!("{other:?}"),
        }
    }

    fn answer(&mut self, call: Call) -> Answer {
        match self.call(call) {
            Reply::Answer(answer) => answer,
            other => panic!("{other:?}"),
        }
    }

    fn written(&mut self, call: Call) -> Written {
        match self.call(call) {
            Reply::Written(written, _) => written,
            other => panic!("{other:?}"),
        }
    }

    fn login(&mut self, listener: Listener, user: Option<&str>, key: &str) -> Reply {
        self.call(Call::Authenticate {
            listener,
            user: user.map(str::to_owned),
            secret: Secret::new(key),
        })
    }

    fn access(&mut self, key: &str) -> Access {
        match self.login(Listener::Https, None, key) {
            Reply::Answer(Answer::Authenticated(access)) => access,
            other => panic!("{other:?}"),
        }
    }

    fn metric(&self, metric: Metric) -> u64 {
        self.shared.metrics.value(metric)
    }
}

fn new_inbox(access: &Access, new: NewInbox) -> Call {
    Call::CreateInbox {
        access: access.clone(),
        new: Box::new(new),
        once: None,
    }
}

fn once(key: &str, body: u8) -> Option<Once> {
    Some(Once {
        key: key.into(),
        fingerprint: [body; 32],
        render: |written| format!("{written:?}").into_bytes(),
    })
}

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
            Reply::Answer(Answer::Authenticated(access)) => {
                assert_eq!(access.org, org);
                if let Some(user) = user {
                    assert!(access.inbox == Some(bot) || access.inbox == Some(two));
                    assert_eq!(access.address, user.to_lowercase());
                }
                ""
            }
            Reply::Refused(Refusal::BadCredentials { .. }) => WRONG,
            Reply::Refused(Refusal::MissingScope(scope)) => scope,
            other => panic!("{other:?}"),
        };
        assert_eq!(got, expected, "{listener:?} {user:?}");
    }
    // Nobody is locked out by another's mistakes, and a key ends when it ends.
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
    let access = w.access(&token);
    assert_eq!((access.org, access.scopes), (OrgId(0), Scopes::OPERATOR));
    assert!(matches!(
        w.answer(Call::ListOrgs { access: access.clone() }),
        Answer::Orgs(rows) if rows.len() == 1
    ));
    let Written::Org(row, key, secret) = w.written(Call::CreateOrg {
        access: access.clone(),
        name: "two".into(),
        once: once("k", 1),
    }) else {
        panic!()
    };
    assert_eq!(key.scopes, Scopes::ADMIN);
    let first = w.access(core::str::from_utf8(secret.expose()).unwrap());
    assert_eq!(first.org, row.id);
    // Neither reaches into the other's.
    assert_eq!(
        w.refused(Call::ListOrgs { access: first }),
        Refusal::MissingScope("operator")
    );
    assert!(matches!(
        w.refused(Call::ListKeys {
            access: access.clone(),
            cursor: None,
            limit: 10
        }),
        Refusal::MissingScope("keys:write")
    ));
    // A token with a wrong secret, and a token as a mail password.
    let other = crate::crypto::OperatorToken::generate(&mut crate::crypto::Random::seeded(99));
    for (listener, user, text) in [
        (Listener::Https, None, other.as_str()),
        (Listener::Imaps, Some("bot@x.test"), token.as_str()),
    ] {
        assert!(matches!(
            w.login(listener, user, text),
            Reply::Refused(Refusal::BadCredentials { .. })
        ));
    }
    w.written(Call::DeleteOrg { access, org });
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
            Reply::Refused(Refusal::BadCredentials { delay_ms }) => delays.push(delay_ms),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(delays[..6], [0, 1000, 2000, 4000, 8000, 15_000]);
    assert!(matches!(
        w.login(Listener::Https, None, &good),
        Reply::Refused(Refusal::LoginLimited { retry_ms: 900_000 })
    ));
    // Another address is not concerned, not even for the same inbox.
    let login = Call::Authenticate {
        listener: Listener::Imaps,
        user: Some("bot@x.test".into()),
        secret: Secret::new(good.as_str()),
    };
    let (reply, _) = w.call_from(2, "192.0.2.2", login);
    assert!(matches!(reply, Reply::Answer(_)));
    w.wait(900_000);
    w.access(&good);
    assert_eq!(w.metric(Metric::LoginsLimited), 1);
    assert_eq!(w.metric(Metric::LoginsFailed), 10);
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
        let call = Call::Authenticate {
            listener: Listener::Imaps,
            user: Some("bot@x.test".into()),
            secret: Secret::new(key.as_str()),
        };
        w.call_from(conn, "192.0.2.1", call).0
    };
    assert!(matches!(login(&mut w, 1), Reply::Answer(_)));
    assert!(matches!(login(&mut w, 2), Reply::Answer(_)));
    assert_eq!(
        login(&mut w, 3),
        Reply::Refused(Refusal::Limit {
            what: "sessions",
            max: 2
        })
    );
    let hangup = w.request(1, "192.0.2.1", Call::Hangup);
    assert_eq!(w.inline.serve(hangup).0, None);
    assert!(matches!(login(&mut w, 3), Reply::Answer(_)));

    let access = w.access(&key);
    let open = Call::OpenStream { access };
    let ok = Reply::Answer(Answer::Done);
    assert_eq!(w.call_from(10, "192.0.2.1", open.clone()).0, ok);
    assert_eq!(w.metric(Metric::Streams), 1);
    assert!(matches!(
        w.call_from(11, "192.0.2.1", open.clone()).0,
        Reply::Refused(Refusal::Limit {
            what: "streams",
            max: 1
        })
    ));
    let hangup = w.request(10, "192.0.2.1", Call::Hangup);
    w.inline.serve(hangup);
    assert_eq!(w.metric(Metric::Streams), 0);
    assert_eq!(w.call_from(11, "192.0.2.1", open).0, ok);
}

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
    let access = Some(w.access(&key));
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
        let got = w.call(Call::Recipient {
            access: if from_outside { None } else { access.clone() },
            address: address.into(),
        });
        let got = match got {
            Reply::Answer(Answer::Recipient { inbox }) => Ok(inbox),
            Reply::Refused(refusal) => Err(refusal),
            other => panic!("{other:?}"),
        };
        assert_eq!(got, expected, "{address}");
    }
    // Two a minute, in bursts of ten; three have been taken.
    let rcpt = Call::Recipient {
        access: None,
        address: "bot@x.test".into(),
    };
    for _ in 0..7 {
        w.answer(rcpt.clone());
    }
    assert!(matches!(
        w.refused(rcpt.clone()),
        Refusal::RateLimited { retry_ms: 1.. }
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
        let Reply::Answer(Answer::Authenticated(access)) =
            w.login(Listener::Submissions, Some("bot@x.test"), key)
        else {
            panic!()
        };
        let reply = w.call(Call::Sender {
            access: Some(access),
            reverse_path: path.map(str::to_owned),
            size: Some(10),
        });
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
    let mail = |size| Call::Sender {
        access: None,
        reverse_path: Some("a@elsewhere.test".into()),
        size,
    };
    w.answer(mail(None));
    assert!(matches!(
        w.refused(mail(Some(26 << 20))),
        Refusal::TooBig {
            what: "message",
            ..
        }
    ));
    // R05: the mark is the larger of 64 MiB and 1.5 messages.
    w.inline.set_free_bytes((64 << 20) - 1);
    assert_eq!(w.refused(mail(None)), Refusal::NoSpace);
    assert_eq!(w.refused(Call::Ready), Refusal::NoSpace);
    w.inline.set_free_bytes(64 << 20);
    w.answer(mail(None));
    w.answer(mail(None));
    assert!(matches!(
        w.refused(mail(None)),
        Refusal::RateLimited { retry_ms: 20_000 }
    ));
    w.inline.service.stop();
    assert_eq!(w.refused(Call::Ready), Refusal::Stopping);
    let _ = bot;
}

#[test]
fn inboxes_on_the_shared_and_on_own_domains() {
    let mut w = World::new();
    let org = w.inline.make_org("one").unwrap();
    let other = w.inline.make_org("two").unwrap();
    w.inline.make_inbox(other, "foe@y.test").unwrap();
    let key = w.inline.make_key(org, Scopes::ADMIN, None).unwrap();
    let access = w.access(&key);
    let make = |w: &mut World, username: Option<&str>, domain: Option<&str>| {
        let new = NewInbox {
            username: username.map(str::to_owned),
            domain: domain.map(str::to_owned),
            ..NewInbox::default()
        };
        match w.call(new_inbox(&access, new)) {
            Reply::Written(Written::Inbox { row, .. }, _) => Ok(row.address),
            Reply::Refused(Refusal::Invalid { field, .. }) => Err(field),
            Reply::Refused(Refusal::Exists(what)) => Err(what),
            other => panic!("{other:?}"),
        }
    };
    let address = make(&mut w, Some("support"), None).unwrap();
    let (user, domain) = address.split_once('@').unwrap();
    assert_eq!(domain, "agents.test");
    assert_eq!(user.len(), "support-a1b2c3".len());
    assert_ne!(make(&mut w, Some("support"), None).unwrap(), address);
    assert!(make(&mut w, None, None).unwrap().starts_with("agent-"));
    for (user, domain, expected) in [
        (Some("a"), Some("x.test"), "domain"),
        (Some("a"), Some("y.test"), "domain"),
        (Some("a"), Some("not a domain"), "domain"),
        (Some("=cmd"), None, "username"),
        (Some("+a"), None, "username"),
        (Some("-a"), None, "username"),
        (Some("@a"), None, "username"),
        (Some("a+b"), None, "username"),
        (Some("a b"), None, "username"),
        (Some("a\r\nb"), None, "username"),
        (Some(""), Some("agents.test"), "username"),
        (Some("a..b"), None, "username"),
    ] {
        assert_eq!(make(&mut w, user, domain), Err(expected), "{user:?}");
    }
    w.written(Call::CreateDomain {
        access: access.clone(),
        name: "X.Test".into(),
        once: None,
    });
    assert_eq!(
        make(&mut w, Some("Bob"), Some("x.test")).unwrap(),
        "Bob@x.test"
    );
    assert_eq!(make(&mut w, Some("bob"), Some("x.test")), Err("inbox"));
    assert_eq!(make(&mut w, None, Some("x.test")), Err("username"));

    // A deleted address is the organization's for ever.
    let named = InboxRef::Address("bob@x.test".into());
    let (reply, events) = w.call_from(
        1,
        "192.0.2.1",
        Call::DeleteInbox {
            access: access.clone(),
            inbox: named.clone(),
        },
    );
    assert!(matches!(reply, Reply::Written(Written::Changed, _)));
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].change, Change::InboxDeleted);
    assert_eq!(
        w.refused(Call::ReadInbox {
            access: access.clone(),
            inbox: named
        }),
        Refusal::NotFound("inbox")
    );
    let Answer::Domains(domains) = w.answer(Call::ListDomains {
        access: access.clone(),
    }) else {
        panic!()
    };
    w.written(Call::DeleteDomain {
        access: access.clone(),
        domain: DomainRef::Id(domains[0].id),
    });
    let foe = w.inline.make_key(other, Scopes::ADMIN, None).unwrap();
    let foe = w.access(&foe);
    w.written(Call::CreateDomain {
        access: foe.clone(),
        name: "x.test".into(),
        once: None,
    });
    let new = NewInbox {
        username: Some("bob".into()),
        domain: Some("x.test".into()),
        ..NewInbox::default()
    };
    assert_eq!(w.refused(new_inbox(&foe, new)), Refusal::Exists("inbox"));
    assert_eq!(
        crate::store::verify(&w.inline.store, true),
        Vec::<String>::new()
    );
}

#[test]
fn the_tree_has_a_depth_and_no_cycles() {
    let mut w = World::new();
    let org = w.inline.make_org("one").unwrap();
    let key = w.inline.make_key(org, Scopes::ADMIN, None).unwrap();
    let access = w.access(&key);
    let mut ids = Vec::new();
    for depth in 1..=9 {
        let new = NewInbox {
            parent: ids.last().map(|id| InboxRef::Id(*id)),
            ..NewInbox::default()
        };
        match w.call(new_inbox(&access, new)) {
            Reply::Written(Written::Inbox { row, .. }, _) => ids.push(row.id),
            Reply::Refused(Refusal::Invalid {
                field: "parent", ..
            }) => assert_eq!(depth, 9),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(ids.len(), 8);
    let patch = |inbox: InboxId, parent: Option<InboxId>| Call::PatchInbox {
        access: access.clone(),
        inbox: InboxRef::Id(inbox),
        patch: Box::new(InboxPatch {
            parent: Some(parent.map(InboxRef::Id)),
            ..InboxPatch::default()
        }),
    };
    for (inbox, parent) in [(ids[0], ids[7]), (ids[0], ids[0]), (ids[3], ids[5])] {
        assert!(matches!(
            w.refused(patch(inbox, Some(parent))),
            Refusal::Invalid {
                field: "parent",
                ..
            }
        ));
    }
    // The fifth becomes a root; events of the eighth name its new way up.
    w.written(patch(ids[4], None));
    let path = w.inline.store.inbox_path(org, ids[7]).unwrap().unwrap();
    assert_eq!(path.ancestors, [ids[6], ids[5], ids[4]]);
    // A tree of four under a chain of four fits; under a chain of five it does not.
    w.written(patch(ids[4], Some(ids[3])));
    w.written(patch(ids[4], None));
    let new = NewInbox {
        parent: Some(InboxRef::Id(ids[3])),
        ..NewInbox::default()
    };
    let Written::Inbox { row, .. } = w.written(new_inbox(&access, new)) else {
        panic!()
    };
    assert!(matches!(
        w.refused(patch(ids[4], Some(row.id))),
        Refusal::Invalid {
            field: "parent",
            ..
        }
    ));
    assert!(matches!(
        w.refused(Call::DeleteInbox {
            access: access.clone(),
            inbox: InboxRef::Id(ids[0])
        }),
        Refusal::Conflict(_)
    ));
    assert_eq!(
        crate::store::verify(&w.inline.store, true),
        Vec::<String>::new()
    );
}

#[test]
fn a_key_mints_only_what_it_holds() {
    let mut w = World::new();
    let org = w.inline.make_org("one").unwrap();
    let a = w.inline.make_inbox(org, "a@x.test").unwrap();
    let b = w.inline.make_inbox(org, "b@x.test").unwrap();
    let scopes = Scopes::KEYS_WRITE.and(Scopes::MESSAGES_READ);
    let key = w
        .inline
        .make_key_until(org, scopes, Some(&[a]), Some(START + 100_000))
        .unwrap();
    let access = w.access(&key);
    let mint = |scopes, inboxes: Option<Vec<InboxRef>>| Call::CreateKey {
        access: access.clone(),
        new: Box::new(NewKey {
            scopes,
            inboxes,
            ..NewKey::default()
        }),
        once: None,
    };
    for (scopes, inboxes, expected) in [
        (Scopes::ADMIN, None, Refusal::MissingScope("admin")),
        (Scopes::OPERATOR, None, Refusal::MissingScope("operator")),
        (
            Scopes::MESSAGES_WRITE.and(Scopes::MESSAGES_READ),
            None,
            Refusal::MissingScope("messages:write"),
        ),
        (
            Scopes::MESSAGES_READ,
            Some(vec![InboxRef::Id(b)]),
            Refusal::NotFound("inbox"),
        ),
    ] {
        assert_eq!(w.refused(mint(scopes, inboxes)), expected);
    }
    assert!(matches!(
        w.refused(mint(Scopes::NONE, None)),
        Refusal::Invalid {
            field: "scopes",
            ..
        }
    ));
    let Written::Key(row, secret) = w.written(mint(Scopes::MESSAGES_READ, None)) else {
        panic!()
    };
    assert_eq!(row.inboxes, Some(vec![a]));
    assert_eq!(row.expires_at, Some(START + 100_000));
    let minted = w.access(core::str::from_utf8(secret.expose()).unwrap());
    assert_eq!((minted.org, minted.scopes), (org, Scopes::MESSAGES_READ));

    // It lists and revokes those that see no more than it does.
    let free = w.inline.make_key(org, Scopes::ADMIN, None).unwrap();
    let free = w.access(&free);
    let Answer::Keys { rows, .. } = w.answer(Call::ListKeys {
        access: access.clone(),
        cursor: None,
        limit: 50,
    }) else {
        panic!()
    };
    assert_eq!(rows.len(), 2);
    assert_eq!(
        w.refused(Call::RevokeKey {
            access: access.clone(),
            key: free.key
        }),
        Refusal::NotFound("key")
    );
    // A bound key makes no inbox that it could not see.
    let bound = w.inline.make_key(org, Scopes::ADMIN, Some(&[a])).unwrap();
    let bound = w.access(&bound);
    assert!(matches!(
        w.refused(new_inbox(&bound, NewInbox::default())),
        Refusal::Conflict(_)
    ));
    // Credentials: one key an inbox that it sees, and no other.
    let Written::Minted(rows) = w.written(Call::MintCredentials {
        access: bound,
        once: None,
    }) else {
        panic!()
    };
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].1.inboxes, Some(vec![a]));
}

#[test]
fn revocation_is_an_event_of_the_key() {
    let mut w = World::new();
    let org = w.inline.make_org("one").unwrap();
    let key = w.inline.make_key(org, Scopes::ADMIN, None).unwrap();
    let admin = w.inline.make_key(org, Scopes::ADMIN, None).unwrap();
    let (victim, admin) = (w.access(&key), w.access(&admin));
    let revoke = Call::RevokeKey {
        access: admin.clone(),
        key: victim.key,
    };
    let (_, events) = w.call_from(1, "192.0.2.1", revoke.clone());
    assert_eq!(events.len(), 1);
    assert!(events[0].topics().any(|t| t == Topic::Key(victim.key)));
    assert!(matches!(
        w.login(Listener::Https, None, &key),
        Reply::Refused(Refusal::BadCredentials { .. })
    ));
    // Again is no change.
    let (reply, events) = w.call_from(1, "192.0.2.1", revoke);
    assert!(matches!(reply, Reply::Written(Written::Changed, _)) && events.is_empty());
    // The end of an organization ends its keys.
    let token = w.inline.operator.clone();
    let access = w.access(&token);
    let (_, events) = w.call_from(1, "192.0.2.1", Call::DeleteOrg { access, org });
    assert!(
        events
            .iter()
            .any(|e| e.change == Change::KeyRevoked { key: admin.key })
    );
    assert!(!w.inline.store.has_org(org).unwrap());
    assert_eq!(
        crate::store::verify(&w.inline.store, true),
        Vec::<String>::new()
    );
}
