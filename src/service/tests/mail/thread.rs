//! Threads against a plain computation over all messages, and what a Message-ID cannot do.

use std::collections::BTreeMap;

use super::*;

struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % n.max(1)
    }
}

fn octets(from: &str, id: &str, references: &[String], subject: &str) -> Vec<u8> {
    let mut header = format!("From: {from}\r\nTo: bob@a.test\r\nSubject: {subject}\r\n");
    if !id.is_empty() {
        header += &format!("Message-ID: {id}\r\n");
    }
    if !references.is_empty() {
        header += &format!("References: {}\r\n", references.join("\r\n "));
    }
    format!("{header}\r\nbody of {id}\r\n").into_bytes()
}

fn threads(
    world: &mut World,
    access: &Access,
    filter: &MessageFilter,
    limit: usize,
) -> Vec<ThreadView> {
    let (mut all, mut cursor) = (Vec::new(), None);
    loop {
        let call = MessageRead::Threads {
            inbox: InboxRef::Id(access.inbox.unwrap()),
            filter: Box::new(filter.clone()),
            cursor,
            limit,
            progress: Box::default(),
        };
        match world.answer(Ask::of(access, call)) {
            Answer::Threads { rows, next } => {
                assert!(rows.len() <= limit);
                all.extend(rows);
                cursor = next;
            }
            other => panic!("{other:?}"),
        }
        if cursor.is_none() {
            return all;
        }
    }
}

fn read_call(access: &Access, id: ThreadId, folder: Option<&str>, limit: usize) -> MessageRead {
    MessageRead::Thread {
        inbox: InboxRef::Id(access.inbox.unwrap()),
        id,
        folder: folder.map(str::to_owned),
        ask: None,
        cursor: None,
        limit,
        progress: Box::default(),
    }
}

/// Every message of a thread, read in pages.
fn messages(world: &mut World, access: &Access, id: ThreadId, limit: usize) -> Vec<EntryId> {
    let mut all = Vec::new();
    let mut call = read_call(access, id, None, limit);
    loop {
        match world.answer(Ask::of(access, call.clone())) {
            Answer::Thread { rows, next, .. } => {
                assert!(rows.len() <= limit);
                all.extend(rows.iter().map(|row| row.state.id));
                match (next, &mut call) {
                    (Some(next), MessageRead::Thread { cursor, .. }) => *cursor = Some(next),
                    _ => return all,
                }
            }
            other => panic!("{other:?}"),
        }
    }
}

/// Thread, messages, unread, newest message.
type Counted = (ThreadId, u32, u32, EntryId);

fn counted(views: &[ThreadView]) -> Vec<Counted> {
    views
        .iter()
        .map(|view| (view.id, view.messages, view.unread, view.last))
        .collect()
}

/// The same, of all messages of the inbox, newest first.
fn expected(
    all: &[std::sync::Arc<MessageView>],
    counts: impl Fn(&MessageView) -> bool,
) -> Vec<Counted> {
    let mut order: Vec<Counted> = Vec::new();
    for view in all.iter().filter(|view| counts(view)) {
        let unread = u32::from(!view.state.flags.has(Flags::SEEN));
        match order.iter_mut().find(|(id, ..)| *id == view.thread) {
            Some((_, messages, seen_not, _)) => {
                *messages += 1;
                *seen_not += unread;
            }
            None => order.push((view.thread, 1, unread, view.state.id)),
        }
    }
    order
}

fn delete(world: &mut World, access: &Access, id: EntryId, permanent: bool) {
    let inbox = InboxRef::Id(access.inbox.unwrap());
    let call = MessageWrite::Delete {
        inbox,
        id,
        permanent,
    };
    world.written(Ask::of(access, call));
}

fn every_folder() -> MessageFilter {
    MessageFilter {
        folder: Some(MessageFilter::EVERY_FOLDER.to_owned()),
        ..MessageFilter::default()
    }
}

#[test]
fn a_list_of_threads_is_what_its_messages_say() {
    let mut world = world();
    let bob = world.bob.clone();
    let mut dice = Dice(5);
    for n in 0..120 {
        world.clock.fetch_add(1000, Ordering::Relaxed);
        let references: Vec<String> = match dice.below(3) {
            0 => Vec::new(),
            _ => (0..1 + dice.below(3))
                .map(|_| format!("<{}@out.test>", dice.below(n.max(1))))
                .collect(),
        };
        let from = ["eve@out.test", "dan@out.test"][dice.below(2)];
        let mail = octets(from, &format!("<{n}@out.test>"), &references, "x");
        let plan = world.receive("bob@a.test", &mail).unwrap();
        world.deliver(&plan);
        let all = world.list(&bob, every_folder());
        if dice.below(4) == 0 {
            let id = all[dice.below(all.len())].state.id;
            delete(&mut world, &bob, id, dice.below(2) == 0);
        }
        if n % 20 != 19 {
            continue;
        }
        let all = world.list(&bob, every_folder());
        let usual = expected(&all, |view| view.folder != "Trash");
        for limit in [1, 3, 200] {
            let found = threads(&mut world, &bob, &MessageFilter::default(), limit);
            assert_eq!(counted(&found), usual, "{n} {limit}");
        }
        let every = expected(&all, |_| true);
        let found = threads(&mut world, &bob, &every_folder(), 7);
        assert_eq!(counted(&found), every);
        // A filter lists the threads of which one message meets it.
        let of_eve = MessageFilter {
            from: Some("eve@".into()),
            ..MessageFilter::default()
        };
        let has_eve = |thread: ThreadId| {
            let mut own = all.iter().filter(|view| view.thread == thread);
            own.any(|view| view.folder != "Trash" && view.summary.from.address == "eve@out.test")
        };
        let wanted: Vec<Counted> = (usual.iter().copied())
            .filter(|(thread, ..)| has_eve(*thread))
            .collect();
        assert_eq!(counted(&threads(&mut world, &bob, &of_eve, 4)), wanted);
        for (thread, ..) in &usual {
            let mut own: Vec<EntryId> = (all.iter())
                .filter(|view| view.thread == *thread && view.folder != "Trash")
                .map(|view| view.state.id)
                .collect();
            own.reverse();
            for limit in [1, 200] {
                assert_eq!(messages(&mut world, &bob, *thread, limit), own);
            }
        }
    }
}

#[test]
fn a_thread_in_trash_is_shown_and_one_without_messages_is_not() {
    let mut world = world();
    let (ann, bob) = (world.ann.clone(), world.bob.clone());
    let plan = world
        .receive(
            "bob@a.test",
            &octets("eve@out.test", "<1@out.test>", &[], "x"),
        )
        .unwrap();
    world.deliver(&plan);
    let view = world.list(&bob, MessageFilter::default()).remove(0);
    delete(&mut world, &bob, view.state.id, false);
    assert!(threads(&mut world, &bob, &MessageFilter::default(), 9).is_empty());
    let in_trash = MessageFilter {
        folder: Some("Trash".into()),
        ..MessageFilter::default()
    };
    assert_eq!(threads(&mut world, &bob, &in_trash, 9).len(), 1);
    assert_eq!(messages(&mut world, &bob, view.thread, 9), [view.state.id]);
    let none = Refusal::NotFound(Noun::Thread);
    let inbox_only = Ask::of(&bob, read_call(&bob, view.thread, Some("INBOX"), 9));
    assert_eq!(world.refused(inbox_only), none);
    let of_other = Ask::of(&ann, read_call(&ann, view.thread, None, 9));
    assert_eq!(world.refused(of_other), none);
    delete(&mut world, &bob, view.state.id, true);
    let gone = Ask::of(&bob, read_call(&bob, view.thread, None, 9));
    assert_eq!(world.refused(gone), none);
}

/// Message-IDs are chosen by senders: the same ones everywhere join nothing across inboxes and
/// organizations, and one of a megabyte is one more.
#[test]
fn a_message_id_names_nothing_across_inboxes() {
    let mut world = world();
    let other = world.inline.make_org("b").unwrap();
    world.inline.make_inbox(other, "cy@b.test").unwrap();
    let mut dice = Dice(11);
    let long = format!("<{}@out.test>", "x".repeat(1 << 20));
    let mut threads: BTreeMap<ThreadId, &str> = BTreeMap::new();
    for n in 0..200 {
        world.clock.fetch_add(1000, Ordering::Relaxed);
        let id = match dice.below(20) {
            0 if n > 180 => long.clone(),
            1 => String::new(),
            _ => format!("<{}@out.test>", dice.below(20)),
        };
        let references: Vec<String> = (0..dice.below(3))
            .map(|_| format!("<{}@out.test>", dice.below(20)))
            .collect();
        let to = ["ann@a.test", "bob@a.test", "cy@b.test"][dice.below(3)];
        let Ok(plan) = world.receive(to, &octets("eve@out.test", &id, &references, "Re: x")) else {
            // A header field of that length may be refused; it may not join anything.
            assert_eq!(id, long);
            continue;
        };
        let (written, _) = world.deliver(&plan);
        let Written::Delivered { thread, .. } = written else {
            panic!("{written:?}");
        };
        let owner = threads.entry(thread.unwrap()).or_insert(to);
        assert_eq!(*owner, to);
    }
}

/// An answer without Message-IDs joins by its subject only what this inbox has written to its
/// author within a week.
#[test]
fn an_answer_without_references_joins_by_its_subject() {
    let mut world = world();
    let ann = world.ann.clone();
    let sent = b"From: ann@a.test\r\nTo: eve@out.test\r\nSubject: The plan\r\n\
        Message-ID: <s@a.test>\r\n\r\nx\r\n";
    let plan = world.submit(&["eve@out.test"], sent).unwrap();
    let thread_of = |written: &Written| match written {
        Written::Delivered { thread, .. } => thread.unwrap(),
        other => panic!("{other:?}"),
    };
    let thread = thread_of(&world.deliver(&plan).0);
    let arrives = |world: &mut World, from: &str, subject: &str, to: &str| {
        let plan = world.receive(to, &octets(from, "", &[], subject)).unwrap();
        thread_of(&world.deliver(&plan).0)
    };
    let to = "ann@a.test";
    for (from, subject, to) in [
        ("dan@out.test", "Re: The plan", to),
        ("eve@out.test", "The plan", to),
        ("eve@out.test", "Re: The plans", to),
        ("eve@out.test", "Re: The plan", "bob@a.test"),
    ] {
        assert_ne!(
            arrives(&mut world, from, subject, to),
            thread,
            "{from} {subject}"
        );
    }
    assert_eq!(
        arrives(&mut world, "Eve <EVE@out.test>", "AW: the  plan", to),
        thread
    );
    let day_ms = 24 * 60 * 60 * 1000;
    world.clock.fetch_add(6 * day_ms, Ordering::Relaxed);
    assert_eq!(
        arrives(&mut world, "eve@out.test", "Re: The plan", to),
        thread
    );
    world.clock.fetch_add(8 * day_ms, Ordering::Relaxed);
    assert_ne!(
        arrives(&mut world, "eve@out.test", "Re: The plan", to),
        thread
    );
    assert_eq!(messages(&mut world, &ann, thread, 9).len(), 3);
}

/// Ten thousand references are twenty look-ups: of the message that began it and of the newest.
#[test]
fn many_references_are_a_bounded_number_of_look_ups() {
    let mut world = world();
    let mut arrives = |id: &str, references: &[String]| {
        let mail = octets("eve@out.test", id, references, "x");
        let plan = world.receive("bob@a.test", &mail).unwrap();
        assert!(plan.call.plan.references.len() <= 20);
        match world.deliver(&plan).0 {
            Written::Delivered { thread, .. } => thread.unwrap(),
            other => panic!("{other:?}"),
        }
    };
    let root = arrives("<root@out.test>", &[]);
    let other = arrives("<other@out.test>", &[]);
    let many: Vec<String> = (0..10_000).map(|n| format!("<{n}@o>")).collect();
    let with = |first: &str, of: &[String], last: &str| {
        let ids = [first].into_iter().chain(of.iter().map(String::as_str));
        ids.chain([last]).map(str::to_owned).collect::<Vec<_>>()
    };
    let newest = with("<root@out.test>", &many, "<other@out.test>");
    assert_eq!(arrives("<1@out.test>", &newest), other);
    let oldest = with("<root@out.test>", &many[..500], "<unknown@o>");
    assert_eq!(arrives("<2@out.test>", &oldest), root);
}

/// What is deleted for good leaves its Message-ID to its conversation.
#[test]
fn an_answer_to_what_was_deleted_joins() {
    let mut world = world();
    let bob = world.bob.clone();
    let arrives = |world: &mut World, id: &str, references: &[&str]| {
        world.clock.fetch_add(1000, Ordering::Relaxed);
        let references: Vec<String> = references.iter().map(|id| (*id).to_owned()).collect();
        let mail = octets("eve@out.test", id, &references, "x");
        let plan = world.receive("bob@a.test", &mail).unwrap();
        match world.deliver(&plan).0 {
            Written::Delivered { thread, entry, .. } => (thread.unwrap(), entry.unwrap()),
            other => panic!("{other:?}"),
        }
    };
    let (thread, _) = arrives(&mut world, "<1@out.test>", &[]);
    let (same, second) = arrives(&mut world, "<2@out.test>", &["<1@out.test>"]);
    assert_eq!(same, thread);
    delete(&mut world, &bob, second, true);
    let (joined, third) = arrives(&mut world, "<3@out.test>", &["<2@out.test>"]);
    assert_eq!(joined, thread);
    delete(&mut world, &bob, third, true);
    let (joined, _) = arrives(&mut world, "<4@out.test>", &["<3@out.test>"]);
    assert_eq!(joined, thread);
}
