//! What is sent again, or later than it came: by hand, since a time, after an outage.

use super::*;

#[test]
fn deliveries_are_sent_again_with_their_number() {
    let mut hooks = Hooks::new();
    let id = hooks.hook("a.test", Said::Status(200));
    for _ in 0..3 {
        hooks.event();
    }
    hooks.settle();
    hooks.wait(60_000);
    let since = hooks.world.inline.service.now().unix_ms;
    for _ in 0..3 {
        hooks.event();
    }
    hooks.settle();
    let seqs = hooks.seqs("a.test");
    let delivery = hooks.deliveries(id)[5].id;
    let written = hooks.write(WebhookWrite::Redeliver {
        hook: named(id),
        delivery,
        idempotency: None,
    });
    assert!(matches!(written, Written::Delivery(row) if row.status == DeliveryStatus::Pending));
    hooks.settle();
    assert_eq!(hooks.seqs("a.test")[6..], seqs[..1]);
    let written = hooks.write(WebhookWrite::RedeliverSince {
        hook: named(id),
        since,
        progress: None,
        idempotency: None,
    });
    assert_eq!(written, Written::Redelivering(3));
    hooks.settle();
    assert_eq!(hooks.seqs("a.test")[7..], seqs[3..]);
    let rows = hooks.deliveries(id);
    assert_eq!(
        (rows.len(), rows[0].attempts.len(), rows[5].attempts.len()),
        (6, 2, 2)
    );
}

#[test]
fn a_time_before_the_webhook_sends_what_it_has_never_got() {
    let mut hooks = Hooks::new();
    for _ in 0..3 {
        hooks.event();
    }
    let id = hooks.hook("a.test", Said::Status(200));
    hooks.event();
    hooks.settle();
    let since = |since| WebhookWrite::RedeliverSince {
        hook: named(id),
        since,
        progress: None,
        idempotency: None,
    };
    let now = hooks.world.inline.service.now().unix_ms;
    let later = hooks.write(since(now + 1));
    assert_eq!(later, Written::Redelivering(0));
    assert_eq!(hooks.write(since(0)), Written::Redelivering(4));
    hooks.settle();
    let seqs = hooks.seqs("a.test");
    assert_eq!(seqs.len(), 5);
    assert!(seqs[1..].is_sorted() && seqs[0] == seqs[4], "{seqs:?}");
    // More of the log than one slice counts.
    hooks.says.insert("a.test".into(), Said::Silent);
    let store = &hooks.world.inline.store;
    let (mut events, now) = (Vec::new(), hooks.world.inline.service.now());
    store.begin().unwrap();
    for _ in 0..9000 {
        let new = crate::store::NewEvent {
            inbox: None,
            mailbox: None,
            uids: UidSet::new(),
            change: Change::InboxUpdated,
        };
        store
            .append_event(now, hooks.org, None, new, &mut events)
            .unwrap();
    }
    let head = store.log_head(hooks.org).unwrap();
    store.move_webhook(id, head).unwrap();
    store.commit().unwrap();
    assert_eq!(hooks.write(since(0)), Written::Redelivering(4));
}

#[test]
fn a_rotation_signs_twice_for_a_day() {
    let mut hooks = Hooks::new();
    let id = hooks.hook("a.test", Said::Status(200));
    let keys = |hooks: &mut Hooks| {
        hooks.event();
        hooks.settle();
        hooks.got.last().unwrap().keys
    };
    assert_eq!(keys(&mut hooks), 1);
    let written = hooks.write(WebhookWrite::Rotate {
        hook: named(id),
        idempotency: None,
    });
    let Written::Webhook(_, Some(secret)) = written else {
        panic!("{written:?}");
    };
    assert_eq!(keys(&mut hooks), 2);
    hooks.wait(25 * HOUR);
    assert_eq!(keys(&mut hooks), 1);
    // Neither the text nor the octets of a secret are in the database.
    let text = String::from_utf8(secret.expose().to_vec()).unwrap();
    let octets = data_encoding::BASE64.decode(&text.as_bytes()[6..]).unwrap();
    let hex = data_encoding::HEXLOWER.encode(&octets);
    for line in crate::store::state(&hooks.world.inline.store).unwrap() {
        let line = line.to_ascii_lowercase();
        assert!(!line.contains(&hex) && !line.contains(&text.to_ascii_lowercase()));
    }
}

#[test]
fn what_is_due_after_an_outage_does_not_go_out_at_once() {
    let mut hooks = Hooks::new();
    for org in 0..30 {
        let id = hooks.world.inline.make_org(&format!("org{org}")).unwrap();
        let key = hooks
            .world
            .inline
            .make_key(id, Scopes::ADMIN, None)
            .unwrap();
        let access = hooks.world.access(&key);
        for n in 0..20 {
            hooks.hook_of(&access, &format!("h{n}.org{org}.test"), Said::Silent);
        }
        let outer = core::mem::replace(&mut hooks.access, access);
        hooks.event();
        hooks.access = outer;
    }
    hooks.settle();
    // Of 600 only so many have a connection.
    assert_eq!((hooks.dialled, hooks.silent.len()), (200, 200));
    hooks.wait(16_000);
    assert!((201..=400).contains(&hooks.dialled), "{}", hooks.dialled);
    let _ = hooks.org;
}

#[test]
fn a_stale_connection_is_no_attempt() {
    let mut hooks = Hooks::new();
    let id = hooks.hook("a.test", Said::Status(200));
    hooks.event();
    hooks.settle();
    // The endpoint closes while the connection waits; the engine learns of it with the next one.
    let (&conn, dial) = hooks.held.iter().next().unwrap();
    let dial = dial.clone();
    hooks.event();
    let (turn, _) = hooks.world.inline.run_webhooks();
    assert_eq!(turn.replies.len(), 1);
    hooks.held.remove(&conn);
    hooks.serve(
        ConnId(conn),
        WebhookWrite::Lost {
            route: dial.route,
            report: Box::new(HookReport {
                answer: HookAnswer::Error("the connection was closed".into()),
                duration_ms: 0,
                is_stale: true,
            }),
        },
    );
    hooks.settle();
    assert_eq!((hooks.dialled, hooks.got.len()), (2, 2));
    assert!(
        hooks
            .deliveries(id)
            .iter()
            .all(|row| row.attempts.len() == 1)
    );
}
