//! The stages of a message that comes in: messages that wait for a lookup outside, and effects, all
//! of which are carried out or refused.

use std::sync::Mutex;

use super::*;
use crate::call::{Budget, Holders, SendStatus};
use crate::service::executors::{Inlets, Router, WorkClock, run_reader, run_writer};
use crate::service::intake::ParsedMessage;
use crate::service::intake::plan::Effect;
use crate::service::tests::{idempotency, still};
use crate::service::{Finding, LookupId, Lookups, Reader, Writer};
use crate::store::CHUNK_BYTES;

/// Starts a lookup for every message from outside. The answer becomes the subject of the message;
/// the answer `refuse` refuses it.
#[derive(Debug, Default)]
struct Asks(Mutex<Vec<LookupId>>);

impl Lookups for Asks {
    fn start(&self, id: LookupId, parsed: &mut ParsedMessage) -> bool {
        let asks = parsed.need() == Need::Nothing;
        if asks {
            self.0.lock().unwrap().push(id);
        }
        asks
    }

    fn apply(
        &self,
        _: LookupId,
        parsed: &mut ParsedMessage,
        finding: Finding,
    ) -> Result<bool, Refusal> {
        parsed.analysis.subject = match finding {
            Finding::Answer(text) if text == "refuse" => return Err(Refusal::SenderNotAllowed),
            Finding::Answer(text) => text,
            Finding::TimedOut => "timed out".into(),
        };
        Ok(false)
    }
}

fn asking() -> (World, Arc<Asks>) {
    let mut world = world();
    let asks = Arc::new(Asks::default());
    let shared = Arc::clone(&world.inline.service.shared);
    let clock = Arc::clone(&world.clock);
    let now = move || Now {
        mono_ms: clock.load(Ordering::Relaxed),
        unix_ms: START,
    };
    let lookups: Arc<dyn Lookups> = asks.clone();
    world.inline = Inline::with_lookups(1, shared, Arc::new(now), Some(lookups)).unwrap();
    world.org = world.inline.make_org("a").unwrap();
    world.inline.make_inbox(world.org, "bob@a.test").unwrap();
    (world, asks)
}

fn inbound(world: &mut World, conn: u64) -> Request {
    let route = Route::Inbound {
        envelope: Envelope {
            reverse_path: Some("eve@out.test".into()),
            recipients: vec![world.recipient(None, "bob@a.test")],
            ..Envelope::default()
        },
        received: b"Received: from out by mx.test\r\n".to_vec(),
        helo: "mx.out.test".into(),
    };
    let intake = Intake {
        route,
        charge: None,
        octets: b"From: x@y.test\r\nSubject: own\r\n\r\nHello.\r\n".to_vec(),
    };
    Request {
        conn: Some(ConnId(conn)),
        ..request(Ask::anonymous(Call::Accept(Box::new(intake))))
    }
}

fn subject(events: &[Event]) -> String {
    match &events[0].change {
        Change::Arrived(arrived) => arrived.summary.subject.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_message_waits_for_its_lookup_and_is_answered_once() {
    let (mut world, asks) = asking();
    let first = inbound(&mut world, 1);
    let second = inbound(&mut world, 2);
    assert_eq!(world.inline.serve(first).0, None);
    assert_eq!(world.inline.serve(second).0, None);
    let ids = asks.0.lock().unwrap().clone();
    assert_ne!(ids[0], ids[1]);
    // The lookup of the second is answered first; the first has no answer yet.
    let (reply, events) = world.inline.found(ids[1], Finding::Answer("two".into()));
    assert!(matches!(reply, Some(Reply::Written(..))));
    assert_eq!(subject(&events), "two");
    let (reply, events) = world.inline.found(ids[0], Finding::Answer("refuse".into()));
    assert_eq!(reply, Some(Reply::Refused(Refusal::SenderNotAllowed)));
    assert!(events.is_empty());
    // A second answer to the same lookup has no message.
    assert_eq!(
        world.inline.found(ids[0], Finding::TimedOut),
        (None, Arc::from([]))
    );
}

/// A message on its way belongs to its sender until it is stored, also when its client has left.
#[test]
fn a_message_is_charged_until_its_commit() {
    let (mut world, asks) = asking();
    let budget = Budget::new("messages", 100, 100);
    let full = || budget.charge(Holders::NONE).hold(1, 0).is_err();
    let mut ends: [fn(&mut World, LookupId); 2] = [
        |world, id| {
            let (reply, _) = world.inline.found(id, Finding::Answer("stored".into()));
            assert!(matches!(reply, Some(Reply::Written(..))));
        },
        |world, id| {
            let (reply, _) = world.inline.found(id, Finding::Answer("refuse".into()));
            assert!(matches!(reply, Some(Reply::Refused(_))));
        },
    ];
    for (conn, end) in ends.iter_mut().enumerate() {
        let mut charge = budget.arrival(Holders::NONE, 0);
        charge.hold(100, 0).unwrap();
        charge.settle().unwrap();
        let mut request = inbound(&mut world, conn as u64);
        if let Call::Accept(intake) = &mut request.call {
            intake.charge = Some(Arc::new(charge));
        }
        assert_eq!(world.inline.serve(request).0, None, "it waits");
        assert!(full());
        let id = asks.0.lock().unwrap()[conn];
        end(&mut world, id);
        assert!(!full());
    }
}

/// The loops of the executors, in virtual time: a waiting message holds no thread, a finding and a
/// time-out let it go on, a hang-up drops it, and a stop refuses it.
#[test]
fn a_reader_keeps_messages_that_wait_and_serves_others() {
    let (mut world, asks) = asking();
    let service = Arc::clone(&world.inline.service);
    let (router, inlets) = Router::new(Arc::clone(&service), (1, 1), still());
    let Inlets {
        writer: written,
        lanes,
        lookup: _lookup,
    } = inlets;
    for conn in 1..=4 {
        router.submit(inbound(&mut world, conn)).unwrap();
    }
    let state = Request {
        conn: Some(ConnId(5)),
        ..request(Ask {
            request_id: None,
            depth: 0,
            caller: Caller::Operator,
            call: OrgRead::List {
                cursor: None,
                limit: 100,
            }
            .into(),
        })
    };
    router.submit(state).unwrap();
    let mut routers = vec![router];
    let mut answers: Vec<(u64, bool)> = Vec::new();
    let ended = run_reader(
        &lanes[0],
        0,
        Reader::new(Arc::clone(&service)),
        || Ok(&world.inline.store),
        |conn, reply| {
            answers.push((conn.0, matches!(reply, Reply::Answer(_))));
            // The call behind the messages is answered. Now the answers to the lookups come.
            if let Some(router) = routers.pop() {
                let ids = asks.0.lock().unwrap().clone();
                assert_eq!(ids.len(), 4);
                router.answer_lookup(ids[0], Finding::Answer("found".into()));
                let hangup = Request {
                    conn: Some(ConnId(2)),
                    ..request(Ask::anonymous(Call::Hangup))
                };
                router.submit(hangup).unwrap();
                router.answer_lookup(ids[2], Finding::TimedOut);
            }
        },
    );
    drop(lanes);
    assert_eq!(ended, Ok(()));
    // The fourth was still waiting when the routers were dropped.
    assert_eq!(answers, [(5, true), (4, false)]);
    let mut delivered = Vec::new();
    run_writer(
        Writer::new(service),
        &world.inline.store,
        &written,
        |events| delivered.push(subject(&events)),
        |conn, reply| assert!(matches!((conn.0, reply), (1 | 3, Reply::Written(..)))),
        |why| panic!("{why}"),
    );
    assert_eq!(delivered, ["found"], "one group, published once");
    assert_eq!(
        world
            .inline
            .store
            .log_state(world.org)
            .unwrap()
            .unwrap()
            .head,
        3
    );
}

#[test]
fn an_effect_is_carried_out_or_the_message_is_refused() {
    let mut world = world();
    let to = ["bob@a.test", "zoe@out.test"];
    let octets = b"From: ann@a.test\r\n\r\nHello.\r\n";
    let whole = world.submit(&to, octets).unwrap();
    let effects = |decided: &Decided, keep: fn(&Effect) -> bool| {
        let mut decided = decided.clone();
        decided.call.plan.effects.retain(keep);
        decided
    };
    assert_eq!(whole.call.plan.effects.len(), 3);
    // A plan that queues and stores no copy: the job exists all the same.
    let queued = effects(&whole, |effect| matches!(effect, Effect::Queue(_)));
    let (written, events) = world.deliver(&queued);
    assert!(matches!(
        written,
        Written::Delivered {
            entry: None,
            status: SendStatus::Queued,
            ..
        }
    ));
    assert!(events.is_empty());
    let rows = world
        .inline
        .store
        .outbound_page(world.org, OutboundId(0), 10);
    assert_eq!(rows.unwrap().len(), 1);
    // A plan from outside that queues would relay: none of its effects is carried out.
    let mut relay = world.receive("bob@a.test", octets).unwrap();
    relay
        .call
        .plan
        .effects
        .extend(queued.call.plan.effects.clone());
    let (reply, events) = world.try_deliver(&relay);
    assert!(matches!(reply, Reply::Refused(_)) && events.is_empty());
    let rows = world
        .inline
        .store
        .outbound_page(world.org, OutboundId(0), 10);
    assert_eq!(rows.unwrap().len(), 1);
    assert_eq!(
        crate::store::verify(&world.inline.store, true),
        Vec::<String>::new()
    );
    // An envelope from outside with a recipient of another server is refused as a relay.
    let route = Route::Inbound {
        envelope: Envelope {
            recipients: vec![Recipient {
                address: "zoe@out.test".into(),
                inbox: None,
                org: None,
                notify: 0,
                orcpt: None,
            }],
            ..Envelope::default()
        },
        received: Vec::new(),
        helo: "mx.out.test".into(),
    };
    assert_eq!(
        world.decide(None, route, octets).unwrap_err(),
        Refusal::RelayDenied
    );
}

/// A message of more than three pieces.
fn large() -> Vec<u8> {
    let line = "x".repeat(76) + "\r\n";
    let lines = PIECES * 4 * CHUNK_BYTES / line.len();
    format!(
        "From: x@y.test\r\nSubject: large\r\n\r\n{}",
        line.repeat(lines)
    )
    .into_bytes()
}

const PIECES: usize = 3;

/// A clock on which each call takes a whole group.
fn slow() -> WorkClock {
    let time = AtomicU64::new(0);
    WorkClock(Arc::new(move || time.fetch_add(6000, Ordering::Relaxed)))
}

/// What the writer did, in its order: each answer, and the subjects of what it published.
fn write_with(world: &mut World, asks: Vec<Ask>) -> (Vec<String>, u64) {
    let service = Arc::clone(&world.inline.service);
    let (router, inlets) = Router::new(Arc::clone(&service), (1, 1), slow());
    let envelope = Envelope {
        reverse_path: Some("eve@out.test".into()),
        recipients: vec![world.recipient(None, "bob@a.test")],
        ..Envelope::default()
    };
    let received = b"Received: from out by mx.test\r\n".to_vec();
    let route = Route::Inbound {
        envelope,
        received,
        helo: String::new(),
    };
    let intake = Intake {
        octets: large(),
        ..intake_of(route)
    };
    let accept = Ask::anonymous(Call::Accept(Box::new(intake)));
    router.submit(request(accept)).unwrap();
    // The calls come to the writer before the message, and wait there.
    for (n, ask) in asks.into_iter().enumerate() {
        let conn = Some(ConnId(100 + n as u64));
        let call = request(ask);
        router.submit(Request { conn, ..call }).unwrap();
    }
    drop(router);
    let Inlets { writer, lanes, .. } = inlets;
    let reader = Reader::new(Arc::clone(&service));
    let open = || Ok(&world.inline.store);
    let read = run_reader(&lanes[0], 0, reader, open, |conn, reply| {
        panic!("{conn:?} {reply:?}")
    });
    assert_eq!(read, Ok(()));
    drop(lanes);
    let said = core::cell::RefCell::new(Vec::new());
    let commits = service.shared.metrics.value(Metric::Commits);
    run_writer(
        Writer::new(Arc::clone(&service)),
        &world.inline.store,
        &writer,
        |events| said.borrow_mut().push(format!("{} events", events.len())),
        |conn, reply| {
            let word = match reply {
                Reply::Written(..) => "written",
                _ => "refused",
            };
            said.borrow_mut().push(format!("{} {word}", conn.0));
        },
        |why| panic!("{why}"),
    );
    let commits = service.shared.metrics.value(Metric::Commits) - commits;
    (said.into_inner(), commits)
}

fn intake_of(route: Route) -> Intake {
    Intake {
        route,
        octets: Vec::new(),
        charge: None,
    }
}

#[test]
fn a_large_message_is_stored_in_pieces_and_placed_at_once() {
    let mut world = world();
    let ask = Ask::of(
        &world.ann.clone(),
        MailboxWrite::Create {
            mailbox: "between".into(),
        },
    );
    let (said, commits) = write_with(&mut world, vec![ask]);
    // The call is answered before the message is all there, and nothing of it is published first.
    assert_eq!(said, ["1 events", "100 written", "1 events", "7 written"]);
    assert_eq!(commits as usize, PIECES + 2);
    let wrong = crate::store::verify(&world.inline.store, true);
    assert_eq!(wrong, Vec::<String>::new());
    assert!(
        !world.inline.store.has_leftovers()
            || !world.inline.writer.reclaim(&world.inline.store).unwrap()
    );
}

/// Carries tasks out in groups until all are answered; the answers, and the number of groups.
fn groups(world: &mut World, tasks: Vec<WriteTask>) -> (Vec<Reply>, usize) {
    let mut replies = Vec::new();
    let (mut tasks, mut n) = (tasks.into_iter(), 0);
    loop {
        let turn = (world.inline.writer).turn_by(&world.inline.store, &mut || tasks.next());
        replies.extend(turn.replies.into_iter().map(|(_, reply)| reply));
        n += 1;
        assert!(n < 20, "{} are left", turn.rests.len());
        if turn.rests.is_empty() {
            return (replies, n);
        }
        tasks = turn.rests.into_iter();
    }
}

/// A repeated request that comes in pieces beside the first one is given its answer, and its own
/// pieces go.
#[test]
fn a_large_message_that_was_sent_already_leaves_nothing() {
    let mut world = world();
    let octets = [&b"From: ann@a.test\r\n"[..], &large()[16..]].concat();
    let tasks = [1, 1].map(|body| {
        let mut plan = world.submit(&["bob@a.test"], &octets).unwrap();
        plan.call.idempotency = idempotency("k", body);
        WriteTask::Deliver(plan)
    });
    while world.inline.writer.reclaim(&world.inline.store).unwrap() {}
    let free = world.inline.store.vacant_bytes().unwrap();
    assert!(!world.inline.store.has_leftovers());
    let (replies, _) = groups(&mut world, tasks.into());
    assert!(matches!(
        replies[..],
        [
            Reply::Written(Written::Delivered { .. }, _),
            Reply::Written(Written::Again(_), _)
        ]
    ));
    assert!(world.inline.store.has_leftovers());
    while world.inline.writer.reclaim(&world.inline.store).unwrap() {}
    let free = world.inline.store.vacant_bytes().unwrap() - free;
    assert!(free >= large().len() as u64, "{free}");
    let wrong = crate::store::verify(&world.inline.store, true);
    assert_eq!(wrong, Vec::<String>::new());
}

/// What a large message has no room for is refused before its first piece is stored.
#[test]
fn a_large_message_without_room_is_refused_at_once() {
    for keywords in [false, true] {
        let mut world = world_with(|limits| match keywords {
            true => limits.mailbox_keywords = 1,
            false => limits.org_bytes = 2 << 20,
        });
        let access = world.bob.clone();
        let route = Route::Append {
            inbox: access.inbox.unwrap(),
            mailbox: "inbox".into(),
            flags: Flags::NONE,
            keywords: vec!["one".into(), "two".into()],
            received_at: None,
        };
        let plan = world.decide(Some(&access), route, &large()).unwrap();
        let (replies, n) = groups(&mut world, vec![WriteTask::Deliver(plan)]);
        let refusal = match keywords {
            true => Refusal::Limit {
                what: Countable::MailboxKeywords,
                max: 1,
            },
            false => Refusal::OverQuota {
                of: Noun::Organization,
                max: 2 << 20,
            },
        };
        assert_eq!((replies, n), (vec![Reply::Refused(refusal)], 1));
    }
}

#[test]
fn a_large_message_that_is_refused_in_the_end_leaves_nothing() {
    let mut world = world();
    let operator = crate::service::access::login::folder_access(world.org);
    let delete = |address: &str| {
        let inbox = InboxRef::Address(address.into());
        Ask::of(&operator, InboxWrite::Delete { inbox })
    };
    let asks = vec![delete("none@a.test"), delete("bob@a.test")];
    let before = world.inline.store.vacant_bytes().unwrap();
    let (said, commits) = write_with(&mut world, asks);
    assert_eq!(said[..1], ["100 refused"]);
    assert_eq!(said[2..], ["101 written", "7 refused"]);
    assert_eq!(commits as usize, PIECES + 3);
    let wrong = crate::store::verify(&world.inline.store, true);
    assert_eq!(wrong, Vec::<String>::new());
    assert!(world.inline.store.has_leftovers());
    while world.inline.writer.reclaim(&world.inline.store).unwrap() {}
    // The pages of the body are free again.
    let free = world.inline.store.vacant_bytes().unwrap() - before;
    assert!(free >= large().len() as u64, "{free}");
    let wrong = crate::store::verify(&world.inline.store, true);
    assert_eq!(wrong, Vec::<String>::new());
}
