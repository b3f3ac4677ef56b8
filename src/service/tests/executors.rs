//! The loops of the executors, run to their end in one thread: first every call is queued, then the
//! routers are dropped, then each loop does the rest.

use core::cell::RefCell;
use std::sync::Arc;

use super::{World, new_inbox, still};
use crate::call::*;
use crate::service::executors::{Inlets, Router, run_lookup, run_reader, run_writer};
use crate::service::{Reader, Writer};

fn world() -> (World, Router, Inlets) {
    let mut limits = Limits::default();
    limits.lift();
    limits.searches_per_inbox = 2;
    let w = World::with(limits);
    let (router, inlets) = Router::new(Arc::clone(&w.inline.service), (2, 1), still());
    (w, router, inlets)
}

#[test]
fn the_writer_publishes_before_it_answers() {
    let (mut w, router, inlets) = world();
    let org = w.inline.make_org("one").unwrap();
    let key = w.inline.make_key(org, Scopes::ADMIN, None).unwrap();
    let access = w.access(&key);
    for n in 1..=300 {
        let request = w.request(n, "192.0.2.1", new_inbox(&access, NewInbox::default()));
        router.submit(request).unwrap();
    }
    assert_eq!(w.metric(Metric::WriterQueue), 300);
    drop((router, inlets.lanes));
    let said = RefCell::new(Vec::new());
    let writer = Writer::new(Arc::clone(&w.inline.service));
    run_writer(
        writer,
        &w.inline.store,
        &inlets.writer,
        |events| {
            said.borrow_mut()
                .extend(events.iter().map(|e| (0, e.origin.unwrap().0)));
        },
        |conn, reply| {
            assert!(matches!(reply, Reply::Written(..)));
            said.borrow_mut().push((1, conn.0));
        },
        |why| panic!("{why}"),
    );
    let said = said.into_inner();
    assert_eq!(said.len(), 600);
    for n in 1..=300 {
        let published = said.iter().position(|s| *s == (0, n)).unwrap();
        let answered = said.iter().position(|s| *s == (1, n)).unwrap();
        assert!(published < answered);
    }
    // Three groups, of at most 128 calls.
    assert_eq!(w.metric(Metric::Commits), 3);
    assert_eq!(w.metric(Metric::WriterQueue), 0);
}

/// Old rows are deleted without an idle moment, because a busy server has none.
#[test]
fn old_rows_go_under_load_too() {
    let (mut w, router, inlets) = world();
    let org = w.inline.make_org("one").unwrap();
    w.inline.make_inbox(org, "bot@x.test").unwrap();
    let key = w.inline.make_key(org, Scopes::ADMIN, None).unwrap();
    let access = w.access(&key);
    w.wait(8 * 86_400_000);
    let writer = Writer::new(Arc::clone(&w.inline.service));
    for n in 1..=128 * 20 {
        let call = Ask::of(
            &access,
            DomainWrite::Delete {
                domain: DomainRef::Name("not.there.test".into()),
            },
        );
        router.submit(w.request(n, "192.0.2.1", call)).unwrap();
    }
    drop((router, inlets.lanes));
    let clock = Arc::clone(&w.clock);
    run_writer(
        writer,
        &w.inline.store,
        &inlets.writer,
        |_| {},
        |_, _| {
            clock.fetch_add(100, core::sync::atomic::Ordering::Relaxed);
        },
        |why| panic!("{why}"),
    );
    let log = w.inline.store.log_state(org).unwrap().unwrap();
    assert_eq!(log.oldest, log.head + 1);
}

fn imap(w: &mut World, conn: u64, key: &str) -> Access {
    let call = Ask::anonymous(Look::Authenticate {
        listener: Listener::Imaps,
        user: Some("bot@x.test".into()),
        secret: Secret::new(key),
    });
    match w.call_from(conn, "192.0.2.1", call).0 {
        Reply::Answer(Answer::Authenticated(Caller::Key(access))) => access,
        other => panic!("{other:?}"),
    }
}

#[test]
fn searches_wait_their_turn_and_end_with_their_session() {
    let (mut w, router, inlets) = world();
    let org = w.inline.make_org("one").unwrap();
    w.inline.make_inbox(org, "bot@x.test").unwrap();
    let key = w.inline.make_key(org, Scopes::ADMIN, None).unwrap();
    let mut grants = Vec::new();
    for conn in 1..=6 {
        grants.push(imap(&mut w, conn, &key));
    }
    let Answer::Mailboxes(rows) = w.answer(Ask::of(
        &grants[0],
        MailboxRead::Status {
            mailbox: "INBOX".into(),
            recent: false,
            progress: Box::default(),
        },
    )) else {
        panic!()
    };
    let search = |access: &Access| {
        Ask::of(
            access,
            EntryRead::Search {
                mailbox: rows[0].id,
                within: UidSet::from(1..=10),
                key: Arc::new(SearchKey::All),
                progress: Box::default(),
            },
        )
    };
    for conn in 1..=6u64 {
        let access = &grants[conn as usize - 1];
        let request = w.request(conn, "192.0.2.1", search(access));
        router.submit(request).unwrap();
    }
    // The connections of the third and the last have closed: one search waits, one is over the
    // bound of two.
    for conn in [3, 6] {
        let request = w.request(conn, "192.0.2.1", Ask::anonymous(Call::Hangup));
        router.submit(request).unwrap();
    }
    drop(router);
    let mut answered = Vec::new();
    let reader = || Reader::new(Arc::clone(&w.inline.service));
    run_lookup(reader(), &w.inline.store, &inlets.lookup, |conn, reply| {
        panic!("{conn:?} {reply:?}")
    });
    for lane in &inlets.lanes {
        let ended = run_reader(
            lane,
            0,
            reader(),
            || Ok(&w.inline.store),
            |conn, reply| {
                assert!(
                    matches!(reply, Reply::Answer(Answer::Found { .. })),
                    "{reply:?}"
                );
                answered.push(conn.0);
            },
        );
        assert_eq!(ended, Ok(()));
    }
    answered.sort_unstable();
    assert_eq!(answered, [1, 2, 4, 5]);
    // Their leases are free again.
    assert_eq!(
        w.inline
            .service
            .counters()
            .leases
            .sessions_of(grants[0].inbox.unwrap()),
        4
    );
}
