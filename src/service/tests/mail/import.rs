//! Slices of an import: a refused message is undone alone, in whichever way its group is carried
//! out, and a slice that is repeated adds nothing.

use super::*;

fn item(n: usize, keyword: &str) -> ImportItem {
    let raw = format!("Message-ID: <{n}@z.test>\r\nSubject: {n}\r\n\r\n{n}\r\n");
    ImportItem {
        raw: Some(data_encoding::BASE64.encode(raw.as_bytes())),
        mailbox: "inbox".into(),
        flags: Flags::SEEN,
        keywords: vec![keyword.into()],
        received_at: Some(5_000),
        id: Some(format!("a:{n}")),
    }
}

fn import(world: &mut World, messages: Vec<ImportItem>) -> (Reply, Arc<[Event]>) {
    let access = world.bob.clone();
    let intake = Intake {
        route: Route::Import {
            inbox: InboxRef::Address("bob@a.test".into()),
            messages,
        },
        octets: Vec::new(),
        charge: None,
    };
    world.serve(Ask::of(&access, Call::Accept(Box::new(intake))))
}

fn outcomes(reply: &Reply) -> Vec<&'static str> {
    let all = match reply {
        Reply::Written(Written::Imported(all), _) | Reply::Answer(Answer::Imported(all)) => all,
        other => panic!("{other:?}"),
    };
    let name = |outcome: &ImportOutcome| match outcome {
        ImportOutcome::Imported(_) => "imported",
        ImportOutcome::Present => "present",
        ImportOutcome::Absent => "absent",
        ImportOutcome::Refused(_) => "refused",
    };
    all.iter().map(name).collect()
}

/// The second of two different keywords is refused when the entry is stored: after the body was.
#[test]
fn a_message_that_is_refused_late_is_undone_alone() {
    let mut world = world_with(|limits| limits.mailbox_keywords = 1);
    let slice = |from: usize| {
        vec![
            item(from, "one"),
            item(from + 1, "two"),
            item(from + 2, "one"),
        ]
    };
    // The first group is undone and carried out again with savepoints; the next begins with them.
    for from in [0, 10] {
        let (reply, events) = import(&mut world, slice(from));
        assert_eq!(outcomes(&reply), ["imported", "refused", "imported"]);
        assert_eq!(events.len(), 2);
        let (reply, events) = import(&mut world, slice(from));
        assert_eq!(outcomes(&reply), ["present", "refused", "present"]);
        assert_eq!(events.len(), 0);
    }
    // What was refused is not noted: it comes when there is room.
    let (reply, _) = import(&mut world, vec![item(1, "one"), item(11, "one")]);
    assert_eq!(outcomes(&reply), ["imported", "imported"]);
    let wrong = crate::store::verify(&world.inline.store, true);
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn a_full_inbox_refuses_each_message_and_notes_none() {
    let mut world = world_with(|limits| limits.inbox_bytes = 1);
    let (reply, events) = import(&mut world, vec![item(0, "one"), item(1, "one")]);
    assert_eq!(outcomes(&reply), ["refused", "refused"]);
    assert_eq!(events.len(), 0);
    let ask = |n| ImportItem {
        raw: None,
        ..item(n, "one")
    };
    let (reply, _) = import(&mut world, vec![ask(0), ask(1)]);
    assert_eq!(outcomes(&reply), ["absent", "absent"]);
    let wrong = crate::store::verify(&world.inline.store, true);
    assert_eq!(wrong, Vec::<String>::new());
}

/// A message that is alone goes the way of every message, in pieces where it is large. What is
/// stored of one that was there already is freed.
#[test]
fn a_large_message_is_imported_once() {
    let mut world = world_with(|_| {});
    let large = |n: usize| {
        let raw = format!("Subject: {n}\r\n\r\n{}\r\n", "x".repeat(3 << 20));
        ImportItem {
            raw: Some(data_encoding::BASE64.encode(raw.as_bytes())),
            ..item(n, "one")
        }
    };
    let (reply, events) = import(&mut world, vec![large(0)]);
    assert!(matches!(
        reply,
        Reply::Written(Written::Delivered { entry: Some(_), .. }, _)
    ));
    assert_eq!(events.len(), 1);
    let (reply, _) = import(&mut world, vec![large(0)]);
    assert_eq!(outcomes(&reply), ["present"]);
    while world.inline.writer.reclaim(&world.inline.store).unwrap() {}
    let wrong = crate::store::verify(&world.inline.store, true);
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn an_inbox_of_others_takes_nothing() {
    let mut world = world_with(|_| {});
    let access = world.ann.clone();
    let intake = Intake {
        route: Route::Import {
            inbox: InboxRef::Address("bob@a.test".into()),
            messages: vec![item(0, "one"), item(1, "one")],
        },
        octets: Vec::new(),
        charge: None,
    };
    let refusal = world.refused(Ask::of(&access, Call::Accept(Box::new(intake))));
    assert_eq!(refusal, Refusal::NotFound(Noun::Inbox));
}
