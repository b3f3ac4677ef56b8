//! Uploaded files: how a large one is stored, what it costs, and what is left when it goes.

use super::*;

fn upload(world: &mut World, octets: usize) -> Reply {
    let access = world.bob.clone();
    let intake = Intake {
        route: Route::Upload {
            new: NewUpload {
                filename: "a.bin".into(),
                content_type: "a/b".into(),
            },
            idempotency: None,
        },
        octets: (0..octets).map(|n| (n % 251) as u8).collect(),
        charge: None,
    };
    world
        .serve(Ask::of(&access, Call::Accept(Box::new(intake))))
        .0
}

fn uploaded(world: &mut World, octets: usize) -> UploadRow {
    match upload(world, octets) {
        Reply::Written(Written::Upload(row), _) => row,
        other => panic!("{other:?}"),
    }
}

/// Nothing is wrong, and the organization has this much.
fn check(world: &World, stored: u64) {
    let store = &world.inline.store;
    assert_eq!(store.org_stored(world.org).unwrap(), stored);
    assert_eq!(crate::store::verify(store, true), Vec::<String>::new());
}

fn reclaim(world: &mut World) {
    // Its readers have gone by now.
    world.clock.fetch_add(3_600_000, Ordering::Relaxed);
    while world.inline.writer.reclaim(&world.inline.store).unwrap() {}
}

#[test]
fn an_upload_counts_in_the_quota_until_it_goes() {
    let mut world = world();
    let before = world.inline.store.org_stored(world.org).unwrap();
    for octets in [1, 300_000, 3 << 20] {
        let row = uploaded(&mut world, octets);
        assert_eq!(row.size, octets as u64);
        assert_eq!(row.expires_at - row.created_at, 86_400_000);
        check(&world, before + 512 + row.size + 8);
        let bob = world.bob.clone();
        world.written(Ask::of(&bob, UploadWrite::Delete { id: row.id }));
        check(&world, before);
        reclaim(&mut world);
        check(&world, before);
    }
}

#[test]
fn an_upload_goes_at_its_time() {
    let mut world = world();
    let before = world.inline.store.org_stored(world.org).unwrap();
    let row = uploaded(&mut world, 2 << 20);
    let bob = world.bob.clone();
    world.clock.fetch_add(86_399_000, Ordering::Relaxed);
    world.inline.writer.trim(&world.inline.store).unwrap();
    let get = || Ask::of(&bob, UploadRead::Get { id: row.id });
    assert_eq!(world.answer(get()), Answer::Upload(row.clone()));
    world.clock.fetch_add(1000, Ordering::Relaxed);
    assert_eq!(world.refused(get()), Refusal::NotFound(Noun::Upload));
    world.inline.writer.trim(&world.inline.store).unwrap();
    check(&world, before);
    reclaim(&mut world);
    check(&world, before);
}

#[test]
fn a_full_organization_refuses_and_keeps_nothing() {
    let mut world = world_with(|limits| limits.org_bytes = 1 << 20);
    let before = world.inline.store.org_stored(world.org).unwrap();
    // In one piece and in several.
    for octets in [1 << 20, 2 << 20] {
        match upload(&mut world, octets) {
            Reply::Refused(Refusal::OverQuota { of, .. }) => assert_eq!(of, Noun::Organization),
            other => panic!("{other:?}"),
        }
        reclaim(&mut world);
        check(&world, before);
    }
}

/// Many small names of one large file would be many times its memory.
#[test]
fn the_files_of_a_message_are_counted_before_they_are_read() {
    let mut world = world();
    let row = uploaded(&mut world, 10 << 20);
    let bob = world.bob.clone();
    let intake = attaching(&row, 3, DraftPurpose::Send);
    let refused = world.refused(Ask::of(&bob, Call::Accept(Box::new(intake))));
    assert!(matches!(refused, Refusal::TooBig { .. }), "{refused:?}");
}

/// It stops between two groups: no row names the octets that were stored, and they are freed.
#[test]
fn an_upload_that_is_cut_between_its_pieces_leaves_nothing() {
    let mut world = world();
    let before = world.inline.store.org_stored(world.org).unwrap();
    let free = world.inline.store.vacant_bytes().unwrap();
    let bob = world.bob.clone();
    let octets = vec![b'x'; 3 << 20];
    let route = Route::Upload {
        new: NewUpload::default(),
        idempotency: None,
    };
    let plan = world.decide(Some(&bob), route, &octets).unwrap();
    let mut tasks = vec![WriteTask::Deliver(plan)].into_iter();
    let turn = (world.inline.writer).turn_by(&world.inline.store, &mut || tasks.next());
    assert_eq!((turn.replies.len(), turn.rests.len()), (0, 1));
    check(&world, before);
    drop(turn);
    reclaim(&mut world);
    check(&world, before);
    let store = &world.inline.store;
    assert_eq!(store.uploads_len(world.org, bob.key, 9).unwrap(), 0);
    // Pages that were free before were used first.
    assert!(store.vacant_bytes().unwrap() >= free.max(1 << 20));
}

/// A message that attaches an upload `n` times.
fn attaching(row: &UploadRow, n: usize, purpose: DraftPurpose) -> Intake {
    let file = DraftAttachment {
        upload: Some(row.id),
        ..DraftAttachment::default()
    };
    let route = Route::Compose {
        inbox: InboxRef::Address("bob@a.test".into()),
        draft: Box::new(Draft {
            to: vec!["ann@a.test".into()],
            attachments: vec![file; n],
            purpose,
            ..Draft::default()
        }),
        idempotency: None,
    };
    Intake {
        route,
        octets: Vec::new(),
        charge: None,
    }
}

/// A trial makes the message too, so it needs the room of one that is sent.
#[test]
fn the_memory_of_files_is_taken_before_they_are_read() {
    let mut world = world_with(|limits| limits.intake_bytes = 20 << 20);
    let row = uploaded(&mut world, 10 << 20);
    let bob = world.bob.clone();
    let budget = world.inline.service.shared.intake.clone();
    let mut others = budget.charge(Holders::NONE);
    others.hold(10 << 20, 0).unwrap();
    let ask = |purpose| {
        let mut intake = attaching(&row, 1, purpose);
        intake.charge = Some(Arc::new(budget.charge(Holders::NONE)));
        Ask::of(&bob, Call::Accept(Box::new(intake)))
    };
    for purpose in [DraftPurpose::Send, DraftPurpose::Try] {
        assert_eq!(world.refused(ask(purpose)), Refusal::MemoryShort);
    }
    drop(others);
    let tried = world.answer(ask(DraftPurpose::Try));
    assert!(matches!(tried, Answer::Trial(_)), "{tried:?}");
}
