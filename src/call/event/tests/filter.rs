//! Filters against events: a table with one row for each rule.

use super::*;
use crate::call::{InjectionReport, Score};

fn filter(fill: impl FnOnce(&mut EventFilter)) -> EventFilter {
    let mut filter = EventFilter::default();
    fill(&mut filter);
    filter
}

fn admits(filter: &EventFilter, event: &Event) -> bool {
    let admitted = filter.admit(event, &access(None));
    assert!(admitted.is_none() || admitted == event.meaning().kind);
    admitted.is_some()
}

#[test]
fn the_default_admits_every_public_event_that_the_key_may_see() {
    let all = EventFilter::default();
    assert!(admits(&all, &event(Change::InboxUpdated)));
    assert!(!admits(
        &all,
        &event(Change::MailboxCreated { name: name() })
    ));
    assert!(!admits(&all, &event(expunged(Some(MailboxId(4))))));
    assert!(!admits(&all, &revoked()));
    let other = access(Some(vec![InboxId(6)]));
    assert_eq!(all.admit(&event(Change::InboxUpdated), &other), None);
}

#[test]
fn facts_are_compared_and_an_unknown_fact_holds_back() {
    let from = |text: &str| filter(|f| f.from = Some(text.to_owned()));
    let label = |text: &str| filter(|f| f.label = Some(text.to_owned()));
    let priority = |level| filter(|f| f.priority = Some(level));
    let mail = |from| event(arrived(Arrival::Received, from, 0, &[]));
    let urgency = |stored| event(arrived(Arrival::Received, "a@b.test", stored, &[]));
    let flagged = |labels: &[&[&str]]| event(Change::Flagged(bulk(labels)));
    let rows = [
        (from("a@b.test"), mail("A@b.Test"), true),
        (from("b.test"), mail("a@b.test"), true),
        (from("test"), mail("a@b.test"), false),
        (from("b.test"), mail("a@c.b.test"), false),
        (from("a@b.test"), mail("aa@b.test"), false),
        (from("münchen.test"), mail("a@MÜNCHEN.test"), true),
        (from("b.test"), mail(""), false),
        (from("b.test"), flagged(&[&[]]), false),
        (from("b.test"), event(expunged(None)), false),
        (from("b.test"), event(Change::InboxUpdated), false),
        (
            label("todo"),
            event(arrived(Arrival::Sent, "a@b.test", 0, &["x", "ToDo"])),
            true,
        ),
        (label("todo"), mail("a@b.test"), false),
        (label("todo"), flagged(&[&[], &["Todo"]]), true),
        (label("todo"), flagged(&[&["todos"]]), false),
        (
            label("todo"),
            event(Change::Copied(bulk(&[&["todo"]]))),
            true,
        ),
        (label("todo"), event(expunged(None)), false),
        (priority(PriorityLevel::High), urgency(-1), true),
        (priority(PriorityLevel::High), urgency(0), false),
        (priority(PriorityLevel::Normal), urgency(0), true),
        (priority(PriorityLevel::Low), urgency(i8::MAX), true),
        (priority(PriorityLevel::High), urgency(i8::MIN), true),
        (priority(PriorityLevel::Normal), flagged(&[&[]]), false),
        (
            priority(PriorityLevel::Normal),
            event(Change::InboxUpdated),
            false,
        ),
    ];
    for (filter, event, admitted) in rows {
        assert_eq!(admits(&filter, &event), admitted, "{filter:?} {event:?}");
    }
    for verdict in Verdict::ALL {
        let filter = filter(|f| f.verdict = Some(*verdict));
        assert!(!admits(&filter, &mail("a@b.test")), "it was not judged");
        for judged in Verdict::ALL {
            let Change::Arrived(mut arrived) = arrived(Arrival::Received, "a@b.test", 0, &[])
            else {
                panic!("no arrival");
            };
            let report = SpamReport {
                verdict: *judged,
                score: Score(0),
                threshold: Score(600),
                rules: Vec::new(),
                injection: InjectionReport::default(),
                is_sampled: false,
            };
            arrived.spam = Some(Box::new(report));
            let judged_so = verdict == judged;
            assert_eq!(admits(&filter, &event(Change::Arrived(arrived))), judged_so);
        }
    }
}

#[test]
fn every_part_of_a_filter_must_agree() {
    let received = event(arrived(Arrival::Received, "a@b.test", -1, &["todo"]));
    let both = |kind, level| {
        filter(|f| {
            f.kinds = KindSet::default().with(kind).with(EventKind::InboxDeleted);
            f.priority = Some(level);
            f.from = Some("b.test".to_owned());
            f.label = Some("ToDo".to_owned());
            f.inboxes = InboxSet::from_iter([InboxId(5)]);
        })
    };
    use EventKind::{MessageReceived, MessageSent};
    assert!(admits(
        &both(MessageReceived, PriorityLevel::High),
        &received
    ));
    assert!(!admits(&both(MessageSent, PriorityLevel::High), &received));
    assert!(!admits(
        &both(MessageReceived, PriorityLevel::Low),
        &received
    ));
}

#[test]
fn an_inbox_is_one_of_those_that_are_named() {
    let any_of = |ids: &[i64]| filter(|f| f.inboxes = ids.iter().copied().map(InboxId).collect());
    let at = |address| event_at(address, Change::InboxUpdated);
    let rows: [(&[i64], bool); 4] = [(&[], true), (&[5], true), (&[7, 5], true), (&[7], false)];
    for (ids, admitted) in rows {
        assert_eq!(admits(&any_of(ids), &at("bot@x.test")), admitted, "{ids:?}");
    }
}

#[test]
fn a_sender_is_an_address_or_a_domain() {
    for (text, wanted) in [
        ("Ann@Else.Test", Some("ann@else.test")),
        ("else.test", Some("else.test")),
        ("@Else.test", Some("else.test")),
        ("@localhost", Some("localhost")),
        ("ÄNN@else.test", Some("änn@else.test")),
        ("\"a@b\"@c.test", Some("\"a@b\"@c.test")),
        ("", None),
        ("@", None),
        ("ann@", None),
        ("ann", None),
        ("ann.", None),
        ("a b.test", None),
        ("@@", None),
    ] {
        assert_eq!(sender_filter(text).as_deref(), wanted, "{text}");
    }
}
