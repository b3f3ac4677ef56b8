//! The audit: what is an act, who has done it, and that a refusal leaves none.

use super::{World, idempotency};
use crate::call::*;
use crate::service::access::login::folder_access;

fn acts(w: &mut World, access: &Access) -> Vec<AuditRow> {
    let call = AuditRead::List {
        filter: Box::default(),
        cursor: None,
        limit: 100,
    };
    match w.answer(Ask::of(access, call)) {
        Answer::Audit { rows, next: None } => rows,
        other => panic!("{other:?}"),
    }
}

fn actions(w: &mut World, access: &Access) -> Vec<AuditAction> {
    acts(w, access).iter().map(|act| act.action).collect()
}

fn rule(value: &str, once: Option<Idempotency>) -> FilterRuleWrite {
    FilterRuleWrite::Create {
        new: Box::new(NewFilterRule {
            direction: FilterDirection::Receive,
            action: FilterAction::Block,
            match_type: MatchType::Domain,
            value: value.into(),
            inbox: None,
        }),
        idempotency: once,
    }
}

#[test]
fn an_act_is_noted_once_and_a_refusal_is_not() {
    let mut w = World::new();
    let org = w.inline.make_org("one").unwrap();
    let key = w.inline.make_key(org, Scopes::ADMIN, None).unwrap();
    let access = w.access(&key);
    assert!(acts(&mut w, &access).is_empty());

    let made = w.written(Ask {
        request_id: Some(RequestId::Http(7)),
        depth: 0,
        ..Ask::of(&access, rule("spam.test", idempotency("k", 1)))
    });
    let again = w.written(Ask::of(&access, rule("spam.test", idempotency("k", 1))));
    assert!(matches!(again, Written::Again(_)), "{again:?}");
    w.refused(Ask::of(&access, rule("spam.test", None)));
    w.refused(Ask::of(&access, rule("no domain", None)));
    let Written::FilterRule(row) = made else {
        panic!("{made:?}")
    };
    let noted = acts(&mut w, &access);
    assert_eq!(noted.len(), 1, "{noted:?}");
    assert_eq!(noted[0].action, AuditAction::FilterRuleCreated);
    assert_eq!(noted[0].key, access.key);
    assert_eq!(noted[0].target, Some(AuditTarget::FilterRule(row.id)));
    assert_eq!(noted[0].request_id, Some(RequestId::Http(7)));

    w.written(Ask::of(&access, FilterRuleWrite::Delete { id: row.id }));
    w.refused(Ask::of(&access, FilterRuleWrite::Delete { id: row.id }));
    assert_eq!(
        actions(&mut w, &access),
        [
            AuditAction::FilterRuleDeleted,
            AuditAction::FilterRuleCreated
        ]
    );
}

#[test]
fn an_export_is_one_act_and_the_operators_acts_have_no_key() {
    let mut w = World::new();
    let org = w.inline.make_org("one").unwrap();
    let key = w.inline.make_key(org, Scopes::ADMIN, None).unwrap();
    let access = w.access(&key);
    for n in 0..50 {
        w.inline.make_inbox(org, &format!("a{n}@x.test")).unwrap();
    }
    // In several slices.
    w.written(Ask::of(
        &access,
        KeyWrite::CreateCredentials { idempotency: None },
    ));
    assert_eq!(actions(&mut w, &access), [AuditAction::CredentialsCreated]);
    let patch = OrgPatch {
        send_mode: Some(SendMode::Draft),
        paused: Some(true),
        ..OrgPatch::default()
    };
    w.written(Ask::of(
        &folder_access(org),
        OrgWrite::Patch {
            org,
            patch,
            idempotency: None,
        },
    ));
    let noted = acts(&mut w, &access);
    let operators: Vec<(AuditAction, Option<KeyId>)> = (noted.iter().take(2))
        .map(|act| (act.action, act.key))
        .collect();
    assert_eq!(
        operators,
        [
            (AuditAction::OrgUpdated, None),
            (AuditAction::OrgPaused, None)
        ]
    );
}

#[test]
fn a_key_without_admin_or_bound_to_inboxes_does_not_read_it() {
    let mut w = World::new();
    let org = w.inline.make_org("one").unwrap();
    let inbox = w.inline.make_inbox(org, "a@x.test").unwrap();
    let small = Scopes::MESSAGES_READ.and(Scopes::KEYS_WRITE);
    let small = w.inline.make_key(org, small, None).unwrap();
    let bound = w
        .inline
        .make_key(org, Scopes::ADMIN, Some(&[inbox]))
        .unwrap();
    for key in [small, bound] {
        let access = w.access(&key);
        let call = AuditRead::List {
            filter: Box::default(),
            cursor: None,
            limit: 1,
        };
        let refused = w.refused(Ask::of(&access, call));
        assert!(
            matches!(refused, Refusal::MissingScope(_) | Refusal::KeyBound),
            "{refused:?}"
        );
    }
}

/// The requests of a day are those that are stored and those that are not yet.
#[test]
fn requests_of_a_day_are_counted_once() {
    let mut w = World::new();
    let org = w.inline.make_org("one").unwrap();
    let key = w.inline.make_key(org, Scopes::ADMIN, None).unwrap();
    let access = w.access(&key);
    let count = |w: &World| {
        let caller = Caller::Key(access.clone());
        let peer = "192.0.2.1".parse().unwrap();
        let (limits, now) = (&w.shared.limits, w.inline.service.now());
        w.shared.requests.count(limits, &caller, peer, now).unwrap();
    };
    let today = |w: &mut World| {
        let call = OrgRead::UsageByDay {
            inbox: None,
            days: 1,
        };
        match w.answer(Ask::of(&access, call)) {
            Answer::UsageDays(days) => days.rows[0].requests,
            other => panic!("{other:?}"),
        }
    };
    count(&w);
    count(&w);
    assert_eq!(today(&mut w), Some(2));
    w.inline.writer.keep_requests(&w.inline.store).unwrap();
    assert_eq!(today(&mut w), Some(2));
    count(&w);
    assert_eq!(today(&mut w), Some(3));
    w.inline.writer.keep_requests(&w.inline.store).unwrap();
    assert_eq!(today(&mut w), Some(3));
}
