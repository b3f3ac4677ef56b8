//! Where mail goes and where it does not: the answers of the DNS, hosts in order, addresses, TLS,
//! smarthosts, and what a client may do.

use super::*;

/// Sends to `bob@y.test`, for which the DNS has these records. Gives how it ended.
fn outcome(s: &mut Sender) -> OutboundNews {
    s.send(&["bob@y.test"]);
    s.check();
    s.news("bob@y.test")
}

#[test]
fn a_domain_without_a_server_is_told_by_its_code() {
    type Case = (&'static str, fn(&mut Sender), EventKind, (u8, u16, u16));
    let cases: [Case; 8] = [
        (
            "no such domain",
            |_| {},
            EventKind::MessageBounced,
            (5, 1, 2),
        ),
        (
            "null MX",
            |s| s.record("y.test", RecordType::Mx, mx(&[(0, "")])),
            EventKind::MessageBounced,
            (5, 1, 10),
        ),
        (
            "neither MX nor address",
            |s| s.record("y.test", RecordType::Txt, Ok(Records::Txt(Vec::new()))),
            EventKind::MessageBounced,
            (5, 4, 4),
        ),
        (
            "the DNS fails",
            |s| {
                s.record(
                    "y.test",
                    RecordType::Mx,
                    Err(DnsError::Temporary("SERVFAIL")),
                )
            },
            EventKind::MessageDeferred,
            (4, 4, 3),
        ),
        (
            "the MX has no address",
            |s| s.record("y.test", RecordType::Mx, mx(&[(5, "mx.y.test")])),
            EventKind::MessageDeferred,
            (4, 4, 4),
        ),
        (
            "our own name is the best MX",
            |s| {
                s.record(
                    "y.test",
                    RecordType::Mx,
                    mx(&[(5, "MX.test"), (9, "b.test")]),
                )
            },
            EventKind::MessageBounced,
            (5, 4, 6),
        ),
        (
            "the server greets with our name",
            |s| s.domain("y.test", "192.0.2.1", Peer::Ourselves),
            EventKind::MessageBounced,
            (5, 4, 6),
        ),
        (
            "nobody listens",
            |s| s.domain("y.test", "192.0.2.1", Peer::Refuse),
            EventKind::MessageDeferred,
            (4, 4, 1),
        ),
    ];
    for (what, prepare, kind, enhanced) in cases {
        let mut s = Sender::open();
        prepare(&mut s);
        let news = outcome(&mut s);
        assert_eq!(
            (news.kind, news.enhanced),
            (kind, Some(enhanced)),
            "{what}: {news:?}"
        );
    }
}

#[test]
fn mail_does_not_go_to_private_addresses_unless_allowed() {
    for address in [
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "::1",
        "fd00::1",
        "::ffff:10.0.0.1",
    ] {
        let mut s = Sender::new(OutboundSettings::default());
        s.domain("y.test", address, serve(|_| OK));
        let news = outcome(&mut s);
        assert_eq!(news.kind, EventKind::MessageDeferred);
        assert!(news.reason.contains("private"), "{}", news.reason);
        assert_eq!(s.dialled, [], "{address}");
    }
    // The next MX is tried.
    let mut s = Sender::new(OutboundSettings::default());
    s.record(
        "y.test",
        RecordType::Mx,
        mx(&[(1, "bad.test"), (2, "good.test")]),
    );
    s.host("bad.test", "127.0.0.1", serve(|_| OK));
    s.host("good.test", "8.8.8.8", serve(|_| OK));
    assert_eq!(outcome(&mut s).kind, EventKind::MessageDelivered);
    // An address literal is filtered too.
    let mut s = Sender::new(OutboundSettings::default());
    s.send(&["bob@[127.0.0.1]"]);
    assert_eq!(s.dialled, []);
    let mut s = Sender::open();
    s.peers.insert("127.0.0.1".parse().unwrap(), serve(|_| OK));
    s.send(&["bob@[127.0.0.1]"]);
    assert_eq!(s.row("bob@[127.0.0.1]").status, OutboundStatus::Delivered);
}

#[test]
fn a_host_at_our_own_address_is_ourselves() {
    let own: Vec<SocketAddr> = vec!["0.0.0.0:25".parse().unwrap()];
    let mut s = Sender::new(OutboundSettings {
        allow_private: true,
        own,
        ..OutboundSettings::default()
    });
    s.domain("y.test", "127.0.0.1", serve(|_| OK));
    let news = outcome(&mut s);
    assert_eq!(
        (news.kind, news.enhanced),
        (EventKind::MessageBounced, Some((5, 4, 6)))
    );
    assert_eq!(s.dialled, []);
}

#[test]
fn a_domain_without_mx_is_its_own_host() {
    let mut s = Sender::open();
    s.host("y.test", "192.0.2.9", serve(|_| OK));
    assert_eq!(outcome(&mut s).kind, EventKind::MessageDelivered);
    assert_eq!(s.dialled[0].0, "y.test");
}

#[test]
fn hosts_are_tried_by_preference_within_the_bounds_of_a_try() {
    let mut s = Sender::open();
    let hosts: Vec<String> = (0..9).map(|n| format!("m{n}.test")).collect();
    let list: Vec<(u16, &str)> = (1..).zip(hosts.iter().map(String::as_str)).collect();
    s.record("y.test", RecordType::Mx, mx(&list));
    for (n, host) in hosts.iter().enumerate() {
        s.host(host, &format!("192.0.2.{}", n + 1), Peer::Refuse);
    }
    assert_eq!(outcome(&mut s).kind, EventKind::MessageDeferred);
    let tried: Vec<&str> = s.dialled.iter().map(|dial| dial.0.as_str()).collect();
    assert_eq!(
        tried,
        ["m0.test", "m1.test", "m2.test", "m3.test", "m4.test"]
    );
    // A session that is refused counts for two of them.
    let mut s = Sender::open();
    s.record("y.test", RecordType::Mx, mx(&list));
    for (n, host) in hosts.iter().enumerate() {
        s.host(
            host,
            &format!("192.0.2.{}", n + 1),
            Peer::Greet(421, "busy"),
        );
    }
    let news = outcome(&mut s);
    assert_eq!(
        (news.kind, news.code),
        (EventKind::MessageDeferred, Some(421))
    );
    assert_eq!(s.dialled.len(), 2);
    // A better one that is down does not keep the mail back.
    let mut s = Sender::open();
    s.record("y.test", RecordType::Mx, mx(&list[..2]));
    s.host("m0.test", "192.0.2.1", Peer::Refuse);
    s.host("m1.test", "192.0.2.2", serve(|_| OK));
    assert_eq!(outcome(&mut s).kind, EventKind::MessageDelivered);
    // Hosts of one preference share the load.
    let mut seen = std::collections::BTreeSet::new();
    let mut s = Sender::open();
    s.record(
        "y.test",
        RecordType::Mx,
        mx(&[(1, "m0.test"), (1, "m1.test")]),
    );
    s.host("m0.test", "192.0.2.1", serve(|_| OK));
    s.host("m1.test", "192.0.2.2", serve(|_| OK));
    for _ in 0..20 {
        s.send(&["bob@y.test"]);
        s.pass(6000);
    }
    seen.extend(s.dialled.iter().map(|dial| dial.0.clone()));
    assert_eq!(seen.len(), 2);
}

#[test]
fn a_server_that_takes_no_mail_is_believed() {
    for code in [521, 556] {
        let mut s = Sender::open();
        s.domain("y.test", "192.0.2.1", Peer::Greet(code, "no mail here"));
        assert_eq!(outcome(&mut s).kind, EventKind::MessageBounced, "{code}");
    }
    let mut s = Sender::open();
    s.domain("y.test", "192.0.2.1", Peer::Greet(554, "go away"));
    assert_eq!(outcome(&mut s).kind, EventKind::MessageDeferred);
}

#[test]
fn tls_that_fails_is_given_up_once_where_the_policy_allows() {
    let bad = || Peer::BadTls(Box::new(serve(|_| OK)));
    let mut s = Sender::open();
    s.domain("y.test", "192.0.2.1", bad());
    assert_eq!(outcome(&mut s).kind, EventKind::MessageDelivered);
    let policies: Vec<OutboundTlsPolicy> = s.dialled.iter().map(|dial| dial.2).collect();
    let fallback = [OutboundTlsPolicy::Opportunistic, OutboundTlsPolicy::Never];
    assert_eq!(policies, fallback);
    assert_eq!(s.row("bob@y.test").history[0].tls, OutboundTls::None);

    let own = OutboundDomain {
        tls: Some(OutboundTlsNeed::Required),
        smarthost: None,
    };
    for settings in [
        OutboundSettings {
            tls: OutboundTlsNeed::Required,
            allow_private: true,
            ..OutboundSettings::default()
        },
        OutboundSettings {
            domains: BTreeMap::from([("y.test".to_owned(), own)]),
            allow_private: true,
            ..OutboundSettings::default()
        },
    ] {
        let mut s = Sender::new(settings);
        s.domain("y.test", "192.0.2.1", bad());
        let news = outcome(&mut s);
        assert_eq!(news.kind, EventKind::MessageDeferred);
        assert_eq!(news.enhanced, Some((4, 7, 5)));
        assert!(
            s.dialled
                .iter()
                .all(|dial| dial.2 == OutboundTlsPolicy::Required)
        );
    }
}

#[test]
fn a_smarthost_takes_all_mail_over_few_connections() {
    let smarthost = |host: &str| Smarthost {
        host: host.into(),
        port: 587,
        tls: SmarthostTls::StartTls,
        login: None,
    };
    let own = OutboundDomain {
        tls: None,
        smarthost: Some(smarthost("other.test")),
    };
    let mut s = Sender::new(OutboundSettings {
        smarthost: Some(smarthost("hub.test")),
        domains: BTreeMap::from([("z.test".to_owned(), own)]),
        ..OutboundSettings::default()
    });
    // Its addresses are the operator's word.
    s.host("hub.test", "10.0.0.1", serve(|_| OK));
    s.host("other.test", "10.0.0.2", serve(|_| OK));
    let to: Vec<String> = (0..60).map(|n| format!("a@d{n}.test")).collect();
    let to: Vec<&str> = to.iter().map(String::as_str).chain(["z@z.test"]).collect();
    s.send(&to);
    assert!(
        s.states()
            .iter()
            .all(|(_, state)| *state == OutboundStatus::Delivered)
    );
    let asked = s.outside.asked.lock().unwrap().clone();
    assert!(asked.iter().all(|question| question.kind != RecordType::Mx));
    for (host, address, tls) in &s.dialled {
        assert_eq!(*tls, OutboundTlsPolicy::RequiredVerified);
        assert_eq!(address.port(), 587);
        assert!(host == "hub.test" || host == "other.test");
    }
    assert!(s.dialled.len() <= 21, "{}", s.dialled.len());
    assert_eq!(s.row("z@z.test").history[0].host, "other.test");
    s.check();
}

#[test]
fn a_connection_that_is_lost_costs_no_recipient() {
    use OutboundStage::{End, Envelope, Idle};
    for stage in [Idle, Envelope, End] {
        let dropped = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&dropped);
        let mut s = Sender::open();
        s.domain(
            "y.test",
            "192.0.2.1",
            serve(move |_| match count.fetch_add(1, Ordering::Relaxed) {
                0 => Said::Drop(stage),
                _ => OK,
            }),
        );
        s.send(&["bob@y.test"]);
        s.pass(3 * 60_000);
        let row = s.row("bob@y.test");
        assert_eq!(row.status, OutboundStatus::Delivered, "{stage:?}");
        assert!(dropped.load(Ordering::Relaxed) == 2, "{stage:?}");
        s.check();
    }
    // A server that drops each of them is tried by the schedule, and not in a loop.
    for stage in [Idle, Envelope, End] {
        let mut s = Sender::open();
        s.domain("y.test", "192.0.2.1", serve(move |_| Said::Drop(stage)));
        s.send(&["bob@y.test"]);
        assert!(s.dialled.len() <= 2, "{stage:?} {}", s.dialled.len());
        assert_eq!(s.row("bob@y.test").status, OutboundStatus::Deferred);
        s.pass(3_600_000);
        assert!(s.dialled.len() <= 16, "{stage:?} {}", s.dialled.len());
        s.check();
    }
}

#[test]
fn a_client_has_a_recipient_tried_now_or_takes_it_back() {
    let mut s = Sender::open();
    s.domain("y.test", "192.0.2.1", Peer::Refuse);
    s.send(&["bob@y.test", "eve@y.test"]);
    let (bob, eve) = (s.row("bob@y.test").id, s.row("eve@y.test").id);
    let access = s.access.clone();
    let retry = |id| {
        let idempotency = None;
        Ask::of(&access, OutboundWrite::Retry { id, idempotency })
    };
    let cancel = |id| {
        let idempotency = None;
        Ask::of(&access, OutboundWrite::Cancel { id, idempotency })
    };
    let Written::Outbound(row) = s.world.written(cancel(eve)) else {
        panic!()
    };
    assert_eq!(row.status, OutboundStatus::Cancelled);
    let refused = Refusal::Conflict(ConflictReason::NotCancellable);
    assert_eq!(s.world.refused(cancel(eve)), refused);
    let refused = Refusal::Conflict(ConflictReason::RecipientEnded);
    assert_eq!(s.world.refused(retry(eve)), refused);
    let gone = Refusal::NotFound(Noun::Outbound);
    assert_eq!(s.world.refused(retry(OutboundId(5))), gone);
    // The rest of the domain does not hold it back.
    s.peers.insert("192.0.2.1".parse().unwrap(), serve(|_| OK));
    s.settle();
    assert_eq!(s.row("bob@y.test").status, OutboundStatus::Deferred);
    s.world.written(retry(bob));
    s.settle();
    assert_eq!(s.row("bob@y.test").status, OutboundStatus::Delivered);
    s.pass(86_400_000);
    assert_eq!(s.row("eve@y.test").status, OutboundStatus::Cancelled);
    assert_eq!(s.sent.len(), 1);
    s.check();
}

#[test]
fn mail_of_a_paused_organization_waits_for_the_end_of_the_pause() {
    let mut s = Sender::open();
    s.domain("y.test", "192.0.2.1", serve(|_| OK));
    let org = s.org;
    let pause = |s: &mut Sender, on: bool| {
        let patch = OrgPatch {
            paused: Some(on),
            ..OrgPatch::default()
        };
        let call = OrgWrite::Patch {
            org,
            patch,
            idempotency: None,
        };
        let ask = Ask::of(&s.access.clone(), call);
        s.world.written(ask);
    };
    s.submit(&["bob@y.test", "eve@y.test"]);
    pause(&mut s, true);
    s.settle();
    s.pass(3 * 3_600_000);
    let waits = |s: &mut Sender| {
        let states = s.states().into_iter();
        states
            .filter(|(_, state)| *state == OutboundStatus::Queued)
            .count()
    };
    assert_eq!((waits(&mut s), s.sent.len()), (2, 0));
    let now = s.now();
    pause(&mut s, false);
    s.settle();
    assert_eq!((waits(&mut s), s.sent.len(), s.now()), (0, 2, now));
    s.check();
}

#[test]
fn what_policy_refuses_after_it_was_accepted_does_not_leave() {
    let mut s = Sender::open();
    s.domain("y.test", "192.0.2.1", serve(|_| OK));
    s.submit(&["bob@y.test", "eve@y.test"]);
    let access = s.access.clone();
    s.world.written(Ask::of(
        &access,
        SuppressionWrite::Create {
            address: "bob@y.test".into(),
            source: None,
            idempotency: None,
        },
    ));
    s.settle();
    let bob = s.row("bob@y.test");
    assert_eq!(bob.status, OutboundStatus::Bounced);
    assert_eq!(s.row("eve@y.test").status, OutboundStatus::Delivered);
    let news = s.news("bob@y.test");
    assert_eq!(news.class, Some(FailureClass::Policy));
    assert_eq!(s.sent.len(), 1);
    s.check();
}
