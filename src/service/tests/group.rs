//! The writer's group, `Idempotency-Key`, rates and budgets.

use std::sync::Arc;

use super::{START, World, idempotency, new_inbox};
use crate::call::Noun;
use crate::call::*;
use crate::service::WriteTask;
use crate::service::{policy, start};

#[test]
fn an_idempotency_key_answers_again() {
    let mut w = World::new();
    let org = w.inline.make_org("one").unwrap();
    let key = w.inline.make_key(org, Scopes::ADMIN, None).unwrap();
    let other = w.inline.make_key(org, Scopes::ADMIN, None).unwrap();
    let (access, other) = (w.access(&key), w.access(&other));
    let make = |access: &Access, idempotency| {
        Ask::of(
            access,
            InboxWrite::Create {
                new: Box::default(),
                idempotency,
            },
        )
    };
    let first = w.written(make(&access, idempotency("k", 1)));
    let said = format!("{first:?}").into_bytes();
    assert_eq!(
        w.written(make(&access, idempotency("k", 1))),
        Written::Again(said.clone())
    );
    assert!(matches!(
        w.refused(make(&access, idempotency("k", 2))),
        Refusal::IdempotencyConflict
    ));
    // Another key of the organization is another client.
    assert!(matches!(
        w.written(make(&other, idempotency("k", 1))),
        Written::Inbox { .. }
    ));
    // Both in one group: the second gets the answer of the first.
    let batch = [
        w.task(1, make(&access, idempotency("g", 1))),
        w.task(2, make(&access, idempotency("g", 1))),
        w.task(3, make(&access, idempotency("g", 2))),
    ];
    let turn = w.inline.writer.turn(&w.inline.store, &batch);
    assert_eq!(turn.events.len(), 1);
    assert!(matches!(
        &turn.replies[0].1,
        Reply::Written(Written::Inbox { .. }, _)
    ));
    assert!(matches!(
        &turn.replies[1].1,
        Reply::Written(Written::Again(_), _)
    ));
    assert!(matches!(&turn.replies[2].1, Reply::Refused(_)));
    // The same without a key of its client, and ten minutes later it is another request.
    let same = |body| {
        idempotency("", body).map(|own| Idempotency {
            key: RepeatKey::Request,
            ..own
        })
    };
    let batch = [
        w.task(4, make(&access, same(7))),
        w.task(5, make(&access, same(7))),
        w.task(6, make(&access, same(8))),
    ];
    let turn = w.inline.writer.turn(&w.inline.store, &batch);
    assert_eq!(turn.events.len(), 2);
    assert!(matches!(
        &turn.replies[1].1,
        Reply::Written(Written::Again(_), _)
    ));
    w.wait(599_999);
    while w.inline.writer.trim(&w.inline.store).unwrap() {}
    assert!(matches!(
        w.written(make(&access, same(7))),
        Written::Again(_)
    ));
    w.wait(1);
    assert!(matches!(
        w.written(make(&access, same(7))),
        Written::Inbox { .. }
    ));
    // A refusal is not kept, and after a day no answer is kept.
    let bad = Ask::of(
        &access,
        DomainWrite::Create {
            new: NewDomain {
                name: "no".into(),
                ..NewDomain::default()
            },
            idempotency: idempotency("d", 1),
        },
    );
    for _ in 0..2 {
        assert!(matches!(w.refused(bad.clone()), Refusal::Invalid { .. }));
    }
    w.wait(86_400_000);
    assert!(matches!(
        w.written(make(&access, idempotency("k", 2))),
        Written::Inbox { .. }
    ));
    w.wait(86_400_001);
    while w.inline.writer.trim(&w.inline.store).unwrap() {}
    assert!(matches!(
        w.written(make(&access, idempotency("g", 9))),
        Written::Inbox { .. }
    ));
}

#[test]
fn a_commit_that_fails_refuses_its_group() {
    let mut w = World::new();
    let org = w.inline.make_org("one").unwrap();
    let key = w.inline.make_key(org, Scopes::ADMIN, None).unwrap();
    let access = w.access(&key);
    let head = w.inline.store.log_state(org).unwrap().unwrap().head;
    let batch: Vec<WriteTask> = (0..3)
        .map(|n| w.task(n, new_inbox(&access, NewInbox::default())))
        .collect();
    w.inline.fail_next_commit();
    let turn = w.inline.writer.turn(&w.inline.store, &batch);
    assert!(turn.events.is_empty() && turn.fatal.is_none());
    assert_eq!(turn.replies.len(), 3);
    for (_, reply) in turn.replies {
        assert_eq!(reply, Reply::Refused(Refusal::Internal));
    }
    assert_eq!(w.metric(Metric::CommitsFailed), 1);
    // The counters are rolled back: the next group goes on without a gap.
    let turn = w.inline.writer.turn(&w.inline.store, &batch);
    let seqs: Vec<u64> = turn.events.iter().map(|e| e.seq).collect();
    assert_eq!(seqs, [head + 1, head + 2, head + 3]);
    assert_eq!(
        crate::store::verify(&w.inline.store, true),
        Vec::<String>::new()
    );
}

#[test]
fn a_refusal_in_a_group_leaves_no_gap() {
    let mut w = World::new();
    let org = w.inline.make_org("one").unwrap();
    let key = w.inline.make_key(org, Scopes::ADMIN, None).unwrap();
    let access = w.access(&key);
    w.written(Ask::of(
        &access,
        DomainWrite::Create {
            new: NewDomain {
                name: "x.test".into(),
                ..NewDomain::default()
            },
            idempotency: None,
        },
    ));
    w.trust(org, "x.test");
    let named = |user: &str| NewInbox {
        username: Some(user.into()),
        domain: Some("x.test".into()),
        ..NewInbox::default()
    };
    let batch: Vec<WriteTask> = ["a", "a", "b"]
        .iter()
        .map(|user| w.task(1, new_inbox(&access, named(user))))
        .collect();
    let turn = w.inline.writer.turn(&w.inline.store, &batch);
    let seqs: Vec<u64> = turn.events.iter().map(|e| e.seq).collect();
    // The first event tells that the domain is verified.
    assert_eq!(seqs, [2, 3]);
    assert_eq!(
        turn.replies[1].1,
        Reply::Refused(Refusal::Exists(Noun::Inbox))
    );
}

#[test]
fn an_expired_access_is_worth_nothing() {
    let mut w = World::new();
    let org = w.inline.make_org("one").unwrap();
    let key = w
        .inline
        .make_key_until(org, Scopes::ADMIN, None, Some(START + 10_000))
        .unwrap();
    let access = w.access(&key);
    w.answer(Ask::of(&access, OrgRead::Usage { inbox: None }));
    w.wait(10_000);
    assert_eq!(
        w.refused(Ask::of(&access, OrgRead::Usage { inbox: None })),
        Refusal::KeyExpired
    );
}

#[test]
fn the_budget_of_sends_is_a_day() {
    let limits = Limits {
        inbox_sends_per_day: 3,
        org_sends_per_day: 4,
        ..Limits::default()
    };
    let mut w = World::with(limits.clone());
    let org = w.inline.make_org("one").unwrap();
    let a = w.inline.make_inbox(org, "a@x.test").unwrap();
    let b = w.inline.make_inbox(org, "b@x.test").unwrap();
    let charge = |w: &World, inbox, n| {
        let store = &w.inline.store;
        store.begin().unwrap();
        store.savepoint().unwrap();
        let now = w.inline.service.now();
        let charged = policy::charge_sends(&limits, store, now, org, inbox, n);
        match &charged {
            Ok(()) => store.release().unwrap(),
            Err(_) => store.rollback_to().unwrap(),
        }
        store.commit().unwrap();
        charged.is_ok()
    };
    assert!(charge(&w, a, 3) && !charge(&w, a, 1));
    assert!(charge(&w, b, 1) && !charge(&w, b, 1), "the organization's");
    w.wait(86_400_000);
    assert!(charge(&w, a, 3) && !charge(&w, a, 1));
}

#[test]
fn a_first_start_makes_a_world_once() {
    let mut w = World::new();
    let service = Arc::clone(&w.inline.service);
    let first = start::first_start(&service, &w.inline.store)
        .unwrap()
        .unwrap();
    assert!(first.inbox.address.starts_with("agent-"));
    assert!(first.inbox.address.ends_with("@agents.test"));
    let key = String::from_utf8(first.key.expose().to_vec()).unwrap();
    let reply = w.login(Listener::Imaps, Some(&first.inbox.address), &key);
    assert!(matches!(reply, Reply::Answer(Answer::Authenticated(_))));
    assert!(
        start::first_start(&service, &w.inline.store)
            .unwrap()
            .is_none()
    );
    assert_eq!(
        crate::store::verify(&w.inline.store, true),
        Vec::<String>::new()
    );
}
