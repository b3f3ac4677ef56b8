//! Who may hold how much, and who gives way to whom.

#![allow(clippy::unwrap_used)]
use super::*;

fn network(text: &str) -> Holders {
    Holders::of(&Caller::Anonymous, text.parse().unwrap())
}

fn key(org: i64, key: i64) -> Holders {
    Holders([
        Some(Holder::Key(KeyId(key))),
        Some(Holder::Organization(OrgId(org))),
    ])
}

fn budget(max: usize, one: usize) -> Budget {
    Budget::new("messages", max, one)
}

#[test]
fn a_charge_is_given_back() {
    let budget = budget(100, 100);
    let mut a = budget.charge(Holders::NONE);
    for total in [60, 50, 60] {
        a.hold(total, 0).unwrap();
    }
    let mut b = budget.charge(Holders::NONE);
    assert!(b.hold(41, 0).is_err());
    b.hold(40, 0).unwrap();
    drop(a);
    b.hold(100, 0).unwrap();
    let words = b.hold(101, 0).unwrap_err().to_string();
    assert_eq!(words, "All messages may hold 100 octets, and they do");
    drop(b);
    let ledger = budget.lock();
    assert_eq!(
        (ledger.used, ledger.used_by.len(), ledger.held.len()),
        (0, 0, 0)
    );
}

#[test]
fn no_key_no_organization_and_no_network_holds_more_than_an_eighth() {
    let budget = budget(800, 10);
    let mut held = Vec::new();
    let mut fits = |holders: Holders, octets| {
        let mut charge = budget.charge(holders);
        let result = charge.hold(octets, 0);
        held.push(charge);
        result.map_err(|shortage| shortage.to_string())
    };
    fits(key(1, 1), 60).unwrap();
    let words = fits(key(1, 1), 41).unwrap_err();
    assert_eq!(
        words,
        "The messages of one key may hold 100 octets, and they do"
    );
    fits(key(1, 2), 40).unwrap();
    let words = fits(key(1, 3), 1).unwrap_err();
    assert_eq!(
        words,
        "The messages of one organization may hold 100 octets, and they do"
    );
    fits(key(2, 4), 100).unwrap();
    fits(network("192.0.2.1"), 100).unwrap();
    let words = fits(network("::ffff:192.0.2.1"), 1).unwrap_err();
    assert_eq!(
        words,
        "The messages of one network may hold 100 octets, and they do"
    );
    fits(network("2001:db8::1"), 100).unwrap();
    assert!(fits(network("2001:db8::ffff"), 1).is_err());
    fits(network("192.0.2.2"), 100).unwrap();
    // The operator has what is left of the whole.
    fits(Holders::NONE, 300).unwrap();
    assert!(fits(Holders::NONE, 1).is_err());
}

#[test]
fn a_share_has_room_for_one_message() {
    let budget = budget(800, 500);
    let mut a = budget.charge(network("192.0.2.1"));
    a.hold(500, 0).unwrap();
    assert!(a.hold(501, 0).is_err());
}

#[test]
fn the_slowest_gives_way_in_its_share() {
    let budget = budget(800, 10);
    let sender = network("192.0.2.1");
    let mut slow = budget.arrival(sender, 0);
    slow.record(50, 0);
    slow.hold(50, 0).unwrap();
    let mut fast = budget.arrival(sender, 0);
    fast.hold(50, 0).unwrap();
    for ms in 1..8 {
        slow.record(1, ms * 1000);
        fast.record(100, ms * 1000);
    }
    // Of another network: none of its business.
    let mut other = budget.arrival(network("192.0.2.2"), 7000);
    other.hold(100, 7000).unwrap();
    assert!(!slow.is_revoked() && !fast.is_revoked());
    let mut new = budget.arrival(sender, 7000);
    new.hold(50, 7000).unwrap();
    assert!(slow.is_revoked() && !fast.is_revoked());
    let words = slow.hold(60, 7000).unwrap_err().to_string();
    assert_eq!(
        words,
        "All messages may hold 800 octets, and this was the slowest"
    );
    // What it held counts as given back already, and only once.
    drop(slow);
    assert_eq!(budget.lock().used, 200);
}

#[test]
fn the_slowest_of_all_gives_way_when_the_whole_is_short() {
    let budget = budget(1000, 10);
    let mut all: Vec<Charge> = (0..8)
        .map(|n| {
            let mut charge = budget.arrival(network(&format!("192.0.2.{n}")), 0);
            charge.hold(100, 0).unwrap();
            charge
        })
        .collect();
    for ms in 1..10 {
        for (n, charge) in all.iter_mut().enumerate() {
            charge.record(100 - 10 * n, ms * 1000);
        }
    }
    let mut new = budget.arrival(network("198.51.100.1"), 9000);
    new.hold(100, 9000).unwrap();
    let gone: Vec<bool> = all.iter().map(Charge::is_revoked).collect();
    assert_eq!(
        gone,
        [false, false, false, false, false, false, false, true]
    );
    let mut last = budget.arrival(network("198.51.100.2"), 9000);
    last.hold(100, 9000).unwrap();
    assert!(all[6].is_revoked() && !all[5].is_revoked());
}

#[test]
fn a_slow_message_pushes_nobody_out() {
    let budget = budget(100, 100);
    let mut fast = budget.arrival(Holders::NONE, 0);
    let mut slow = budget.arrival(Holders::NONE, 0);
    fast.hold(90, 0).unwrap();
    slow.hold(10, 0).unwrap();
    for ms in 1..8 {
        fast.record(100, ms * 1000);
        slow.record(10, ms * 1000);
    }
    assert!(slow.hold(20, 7000).is_err());
    assert!(!slow.is_revoked() && !fast.is_revoked());
    fast.hold(100, 7000).unwrap();
    assert!(slow.is_revoked(), "and the fast one needs what it holds");
}

#[test]
fn a_burst_does_not_hide_a_trickle() {
    let budget = budget(100, 100);
    let mut burst = budget.arrival(Holders::NONE, 0);
    burst.record(1 << 20, 0);
    burst.hold(90, 0).unwrap();
    let mut steady = budget.arrival(Holders::NONE, 0);
    steady.hold(10, 0).unwrap();
    for ms in 1..14 {
        burst.record(1, ms * 1000);
        steady.record(100, ms * 1000);
    }
    steady.hold(20, 13_000).unwrap();
    assert!(burst.is_revoked());
}

#[test]
fn one_that_has_just_begun_keeps_its_octets() {
    let budget = budget(100, 100);
    let mut a = budget.arrival(Holders::NONE, 1000);
    a.hold(100, 1000).unwrap();
    let mut b = budget.arrival(Holders::NONE, 5999);
    assert!(b.hold(1, 5999).is_err());
    assert!(b.hold(1, 6000).is_ok() && a.is_revoked());
}

#[test]
fn a_whole_message_keeps_its_octets() {
    let budget = budget(100, 100);
    let mut whole = budget.arrival(Holders::NONE, 0);
    whole.hold(100, 0).unwrap();
    whole.settle().unwrap();
    let mut new = budget.arrival(Holders::NONE, 60_000);
    assert!(new.hold(1, 60_000).is_err() && !whole.is_revoked());
    let mut page = budget.charge(Holders::NONE);
    drop(whole);
    page.hold(100, 0).unwrap();
    assert!(new.hold(1, 60_000).is_err() && !page.is_revoked());
}

#[test]
fn what_is_over_an_eighth_gives_way_to_what_is_not() {
    // A small server: one message is more than an eighth.
    let budget = budget(160, 100);
    let greedy = network("192.0.2.1");
    let mut large = budget.arrival(greedy, 1000);
    large.hold(100, 1000).unwrap();
    let mut second = budget.arrival(network("192.0.2.2"), 1000);
    second.hold(40, 1000).unwrap();
    let mut large_too = budget.arrival(network("192.0.2.3"), 1000);
    assert!(large_too.hold(21, 1000).is_err());
    let mut small = budget.arrival(network("192.0.2.4"), 1000);
    small.hold(20, 1000).unwrap();
    assert!(large.is_revoked() && !second.is_revoked());
}

#[test]
fn messages_leave_room_for_the_rest() {
    let most = |memory_mb, intake_bytes| {
        let limits = Limits {
            memory_mb,
            intake_bytes,
            ..Limits::default()
        };
        let budgets = [Budget::intake(&limits), Budget::outgoing(&limits)];
        budgets.map(|budget| (budget.max >> 20, budget.share() >> 20))
    };
    assert_eq!(most(1 << 20, 256 << 20), [(256, 35), (64, 8)]);
    assert_eq!(most(1 << 20, 512 << 20), [(512, 64), (128, 16)]);
    assert_eq!(most(192, 256 << 20), [(96, 35), (24, 8)]);
    assert_eq!(most(48, 256 << 20), [(26, 26), (8, 8)]);
    assert_eq!(most(192, 1 << 20), [(1, 1), (8, 8)]);
}

#[test]
fn the_last_eighth_is_for_those_that_hold_little() {
    let budget = budget(6400, 10);
    let large: Vec<Charge> = (0..8)
        .map(|n| {
            let mut charge = budget.arrival(network(&format!("192.0.2.{n}")), 0);
            let _ = charge.hold(700, 0);
            charge
        })
        .collect();
    assert!(large.iter().all(Charge::is_held));
    let mut more = budget.arrival(network("198.51.100.1"), 1000);
    let words = more
        .hold(101, 1000)
        .err()
        .map(|shortage| shortage.to_string());
    assert_eq!(
        words.as_deref(),
        Some("All messages may hold 5600 octets, and they do")
    );
    more.hold(100, 1000).unwrap();
    let mut operator = budget.arrival(Holders::NONE, 1000);
    operator.hold(700, 1000).unwrap();
    assert!(!large.iter().any(Charge::is_revoked));
}
