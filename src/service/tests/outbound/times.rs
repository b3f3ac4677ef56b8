//! Attempts in time: the schedule, rests, expiry, connections that are held, leases.

use super::*;

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;

#[test]
fn a_recipient_is_tried_for_72_hours_and_then_given_up() {
    let mut s = Sender::open();
    s.domain(
        "y.test",
        "192.0.2.1",
        serve(|_| Said::Reply(451, Some((4, 3, 0)), "Not now")),
    );
    s.send(&["bob@y.test"]);
    let mut at = vec![s.now()];
    let begun = s.now();
    while s.row("bob@y.test").status == OutboundStatus::Deferred {
        let before = s.sent.len();
        let next_ms = s.next_ms.unwrap().max(1);
        s.pass(next_ms);
        if s.sent.len() > before {
            at.push(s.now());
        }
        assert!(s.now() < begun + 80 * HOUR_MS);
    }
    let gaps: Vec<u64> = at.windows(2).map(|pair| pair[1] - pair[0]).collect();
    for (n, gap) in gaps.iter().enumerate() {
        let step = [1, 5, 15, 30, 60, 120, 240].get(n).unwrap_or(&240) * MINUTE_MS;
        let near = step * 89 / 100..=step * 111 / 100;
        assert!(near.contains(gap), "{n}: {gap} of {step}");
    }
    let hours = (s.now() - begun) / HOUR_MS;
    assert!((72..=73).contains(&hours), "{hours}");
    let row = s.row("bob@y.test");
    assert_eq!(row.status, OutboundStatus::Expired);
    assert_eq!(row.attempts as usize, at.len());
    assert!((20..=26).contains(&at.len()), "{}", at.len());
    assert_eq!(row.history.len(), at.len());
    let news = s.news("bob@y.test");
    assert_eq!(news.kind, EventKind::MessageBounced);
    assert_eq!(news.class, Some(FailureClass::Soft));
    assert_eq!(news.enhanced, Some((4, 4, 7)));
    assert!(news.reason.contains("Not now"), "{}", news.reason);
    let deferred = s.told().len() - 1;
    assert_eq!(deferred, at.len());
    s.check();
}

#[test]
fn a_history_keeps_its_bounds() {
    let mut s = Sender::new(OutboundSettings {
        allow_private: true,
        retry_ms: vec![MINUTE_MS],
        ..OutboundSettings::default()
    });
    const LONG: &str = "A long text that says at great length why the message is not taken now, \
                        and that it may be taken later, or never, as the day may bring it";
    s.domain(
        "y.test",
        "192.0.2.1",
        serve(|_| Said::Reply(451, None, LONG)),
    );
    s.send(&["bob@y.test"]);
    s.pass(3 * HOUR_MS);
    let row = s.row("bob@y.test");
    assert!(row.attempts > 100, "{}", row.attempts);
    assert!(row.history.len() <= ATTEMPTS_KEPT);
    assert_eq!(row.history[0].text, LONG);
    assert_eq!(row.history.last().unwrap().text, LONG);
    s.check();
}

#[test]
fn a_dead_domain_rests_and_its_new_mail_waits_for_the_end_of_the_rest() {
    let mut s = Sender::open();
    s.domain("dead.test", "192.0.2.1", Peer::Refuse);
    s.send(&["a@dead.test"]);
    assert_eq!(s.dialled.len(), 1);
    assert_eq!(s.row("a@dead.test").status, OutboundStatus::Deferred);
    s.send(&["b@dead.test"]);
    // No connection was made for it.
    assert_eq!(s.dialled.len(), 1);
    assert_eq!(s.row("b@dead.test").status, OutboundStatus::Queued);
    s.pass(2 * MINUTE_MS);
    let b = s.row("b@dead.test");
    assert_eq!((b.attempts, b.status), (1, OutboundStatus::Deferred));
    let dialled = s.dialled.len();
    assert!(dialled <= 3, "{dialled}");
    // The server comes back: all of it leaves within the longest rest.
    s.peers.insert("192.0.2.1".parse().unwrap(), serve(|_| OK));
    s.pass(20 * MINUTE_MS);
    let states: Vec<_> = s.states().into_iter().map(|(_, state)| state).collect();
    assert_eq!(states, [OutboundStatus::Delivered; 2]);
    s.check();
}

#[test]
fn a_thousand_silent_domains_do_not_hold_up_a_good_one() {
    let mut s = Sender::open();
    for n in 0..150 {
        let domain = format!("d{n}.test");
        let address = format!("198.51.{}.{}", n / 250, n % 250 + 1);
        s.domain(&domain, &address, Peer::Silent);
        s.submit(&[&format!("x@{domain}")]);
    }
    s.domain("good.test", "192.0.2.1", serve(|_| OK));
    s.settle();
    assert_eq!(s.silent.len(), 150);
    let now = s.now();
    s.send(&["bob@good.test"]);
    assert_eq!(s.row("bob@good.test").status, OutboundStatus::Delivered);
    assert_eq!(s.now(), now);
    // The good one leaves at once while they are tried again and again, too.
    for _ in 0..5 {
        s.pass(7 * MINUTE_MS);
        let now = s.now();
        s.send(&["bob@good.test"]);
        assert_eq!(s.now(), now);
    }
    let delivered = (s.states().into_iter())
        .filter(|(_, state)| *state == OutboundStatus::Delivered)
        .count();
    assert_eq!(delivered, 6);
    s.check();
}

/// `outbound_connections` is 200 here.
#[test]
fn no_more_connections_are_made_than_the_limit() {
    let mut s = Sender::open();
    for n in 0..400 {
        let domain = format!("d{n}.test");
        let address = format!("198.51.{}.{}", n / 250, n % 250 + 1);
        s.domain(&domain, &address, Peer::Silent);
        s.submit(&[&format!("x@{domain}")]);
    }
    s.settle();
    assert_eq!(s.silent.len(), 200);
    assert!(s.world.metric(Metric::OutboundLimited) > 0);
    // When those end that are not answered, the others are tried.
    s.pass(61_000);
    let tried = s.rows().iter().filter(|row| row.attempts > 0).count();
    assert_eq!(tried, 400);
    s.check();
}

#[test]
fn a_connection_is_held_for_more_and_then_ends() {
    let mut s = Sender::open();
    s.domain("y.test", "192.0.2.1", serve(|_| OK));
    s.send(&["bob@y.test"]);
    assert_eq!((s.held.len(), s.dialled.len()), (1, 1));
    s.pass(3000);
    s.send(&["eve@y.test"]);
    assert_eq!(s.row("eve@y.test").status, OutboundStatus::Delivered);
    assert_eq!((s.held.len(), s.dialled.len()), (1, 1));
    assert_eq!(s.sent[0].0, s.sent[1].0);
    s.pass(5001);
    assert_eq!(s.held.len(), 0);
    assert_eq!(s.world.metric(Metric::OutboundConnections), 0);
    s.send(&["bob@y.test"]);
    assert_eq!(s.dialled.len(), 2);
    s.check();
}

#[test]
fn connections_to_a_domain_grow_with_success_and_stay_below_their_bounds() {
    let settings = OutboundSettings {
        allow_private: true,
        host_connections: 6,
        ..OutboundSettings::default()
    };
    for (settings, most) in [
        (
            OutboundSettings {
                host_connections: 20,
                ..settings.clone()
            },
            10,
        ),
        (settings, 6),
    ] {
        let mut s = Sender::new(settings);
        s.domain("y.test", "192.0.2.1", serve(|_| OK));
        let to: Vec<String> = (0..90).map(|n| format!("u{n}@y.test")).collect();
        let to: Vec<&str> = to.iter().map(String::as_str).collect();
        s.send(&to);
        let states = s.states();
        assert!(
            states
                .iter()
                .all(|(_, state)| *state == OutboundStatus::Delivered)
        );
        assert!(s.dialled.len() <= most, "{}", s.dialled.len());
        assert!(s.dialled.len() >= 2);
        s.check();
    }
}

/// The process ends between the other server's reply and the commit: the message leaves once more,
/// and only once.
#[test]
fn an_attempt_that_its_process_did_not_end_is_repeated_once() {
    let mut s = Sender::open();
    s.domain("y.test", "192.0.2.1", serve(|_| Said::Nothing));
    s.send(&["bob@y.test"]);
    assert_eq!(s.row("bob@y.test").status, OutboundStatus::Sending);
    assert_eq!(s.sent.len(), 1);
    let mut s = s.restarted();
    s.peers.insert("192.0.2.1".parse().unwrap(), serve(|_| OK));
    s.settle();
    let row = s.row("bob@y.test");
    assert_eq!((row.status, row.attempts), (OutboundStatus::Delivered, 2));
    assert_eq!(row.history.len(), 2);
    assert!(row.history[0].text.contains("ended during the attempt"));
    assert_eq!(s.sent.len(), 2);
    s.pass(HOUR_MS);
    assert_eq!(s.sent.len(), 2);
    s.check();
}

/// A start finds what waits, and looks at what was being looked at.
#[test]
fn a_start_goes_on_with_all_that_waits() {
    let mut s = Sender::open();
    s.domain("silent.test", "192.0.2.1", Peer::Silent);
    s.domain(
        "late.test",
        "192.0.2.2",
        serve(|_| Said::Reply(450, None, "later")),
    );
    s.send(&["a@silent.test", "b@late.test"]);
    assert_eq!(s.row("a@silent.test").status, OutboundStatus::Queued);
    let mut s = s.restarted();
    for address in ["192.0.2.1", "192.0.2.2"] {
        s.peers.insert(address.parse().unwrap(), serve(|_| OK));
    }
    s.settle();
    assert_eq!(s.row("a@silent.test").status, OutboundStatus::Delivered);
    assert_eq!(s.row("b@late.test").status, OutboundStatus::Deferred);
    s.pass(2 * MINUTE_MS);
    assert_eq!(s.row("b@late.test").status, OutboundStatus::Delivered);
    s.check();
}

#[test]
fn a_connection_without_work_gives_its_place_at_a_host_to_another_domain() {
    let mut s = Sender::new(OutboundSettings {
        allow_private: true,
        host_connections: 2,
        ..OutboundSettings::default()
    });
    for domain in ["a.test", "b.test", "c.test", "d.test"] {
        s.domain(domain, "192.0.2.1", serve(|_| OK));
    }
    let now = s.now();
    // The first two connections are held for more mail of their domains.
    for to in ["x@a.test", "x@b.test", "x@c.test", "x@d.test", "y@a.test"] {
        s.send(&[to]);
        assert_eq!(s.row(to).status, OutboundStatus::Delivered, "{to}");
    }
    assert_eq!(s.now(), now);
    let connections = s.dialled.len();
    assert_eq!(connections, 5);
    // One that is held is still used again.
    s.send(&["z@a.test"]);
    assert_eq!(s.dialled.len(), connections);
    s.pass(HOUR_MS);
    assert_eq!(s.world.metric(Metric::OutboundConnections), 0);
    s.check();
}

#[test]
fn many_dead_domains_fail_in_one_commit() {
    let mut s = Sender::open();
    for n in 0..40 {
        s.submit(&[&format!("x@dead{n}.test")]);
    }
    // The first turn asks the DNS, which knows none of them, and the second has its answers.
    for _ in 0..2 {
        let (turn, events) = s.world.inline.run_outbound();
        assert!(turn.error.is_none());
        s.events.extend(events);
    }
    let states = s.states();
    assert_eq!(states.len(), 40);
    assert!(
        states
            .iter()
            .all(|(_, state)| *state == OutboundStatus::Bounced)
    );
    s.settle();
    s.check();
}
