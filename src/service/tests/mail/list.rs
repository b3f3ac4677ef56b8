//! Lists over many inboxes: their order, their cursors and their slices.

use super::*;

fn deliver_to(world: &mut World, address: &str) {
    world.clock.fetch_add(10, Ordering::Relaxed);
    let plan = world
        .receive(address, b"From: eve@x.test\r\nSubject: x\r\n\r\nbody\r\n")
        .unwrap();
    world.deliver(&plan);
}

fn everything(world: &World) -> Access {
    Access(Arc::new(Grant {
        inboxes: None,
        inbox: None,
        ..(*world.ann.0).clone()
    }))
}

fn list_all(limit: usize, cursor: Option<String>, folder: Option<&str>) -> MessageRead {
    let filter = MessageFilter {
        folder: folder.map(str::to_owned),
        ..MessageFilter::default()
    };
    MessageRead::ListAll {
        inboxes: Vec::new(),
        filter: Box::new(filter),
        cursor,
        limit,
        progress: Box::default(),
    }
}

fn page(
    world: &mut World,
    access: &Access,
    limit: usize,
    cursor: Option<String>,
) -> (Vec<EntryId>, Option<String>) {
    let call = list_all(limit, cursor, None);
    match world.answer(Ask::of(access, call)) {
        Answer::Messages { rows, next } => (rows.iter().map(|row| row.state.id).collect(), next),
        other => panic!("{other:?}"),
    }
}

#[test]
fn pages_of_all_inboxes_are_one_order() {
    let mut world = world();
    for n in 0..9 {
        deliver_to(
            &mut world,
            ["ann@a.test", "bob@a.test", "bob@a.test"][n % 3],
        );
    }
    let access = everything(&world);
    let (whole, end) = page(&mut world, &access, 200, None);
    assert_eq!((whole.len(), end), (9, None));
    assert!(whole.is_sorted_by(|newer, older| newer.0 > older.0));
    for limit in 1..=9 {
        let (mut all, mut cursor) = (Vec::new(), None);
        loop {
            let (ids, next) = page(&mut world, &access, limit, cursor);
            assert!(ids.len() <= limit);
            all.extend(ids);
            cursor = next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(all, whole, "{limit}");
    }
    // What comes and goes between two pages moves no cursor.
    let (first, next) = page(&mut world, &access, 3, None);
    assert_eq!(first, whole[..3]);
    deliver_to(&mut world, "ann@a.test");
    let gone = MessageWrite::Delete {
        inbox: InboxRef::Id(world.bob.inbox.unwrap()),
        id: whole[4],
        permanent: true,
    };
    let (bob, ann) = (world.bob.clone(), world.ann.clone());
    world.written(Ask::of(&bob, gone));
    let (rest, end) = page(&mut world, &access, 200, next);
    let left: Vec<EntryId> = whole[3..]
        .iter()
        .copied()
        .filter(|id| *id != whole[4])
        .collect();
    assert_eq!((rest, end), (left, None));
    // A key that is bound to an inbox sees that one.
    let (own, _) = page(&mut world, &ann, 200, None);
    assert_eq!(own.len(), 4);
}

#[test]
fn a_list_of_all_inboxes_gives_way() {
    let mut world = world();
    for n in 0..6 {
        deliver_to(&mut world, ["ann@a.test", "bob@a.test"][n % 2]);
    }
    let access = everything(&world);
    let (whole, _) = page(&mut world, &access, 200, None);
    let clock = Arc::clone(&world.clock);
    let now = move || Now {
        mono_ms: clock.fetch_add(3, Ordering::Relaxed),
        unix_ms: START,
    };
    let context = crate::service::context::ReadContext {
        service: &world.inline.service,
        store: &world.inline.store,
        shared: &world.inline.service.shared,
        now: Now::default(),
        clock: &now,
        seed: [0; 16],
    };
    let filter = MessageFilter::default();
    let (mut cursor, mut progress, mut slices) = (None, ListProgress::default(), 1);
    let rows = loop {
        let all = crate::service::mail::list::list_all(
            &context,
            &access,
            &[],
            &filter,
            (&mut cursor, 5),
            &mut progress,
        );
        match all.unwrap() {
            None => slices += 1,
            Some(Answer::Messages { rows, next }) => {
                assert!(next.is_some());
                break rows;
            }
            other => panic!("{other:?}"),
        }
    };
    let ids: Vec<EntryId> = rows.iter().map(|row| row.state.id).collect();
    assert_eq!(ids, whole[..5]);
    assert!(slices > 2, "{slices}");
}

#[test]
fn a_folder_that_no_inbox_has_is_not_found() {
    let mut world = world();
    deliver_to(&mut world, "ann@a.test");
    let access = everything(&world);
    let none = Refusal::NotFound(Noun::Mailbox);
    for name in ["Nowhere", "a//b", ""] {
        let call = list_all(5, None, Some(name));
        assert_eq!(world.refused(Ask::of(&access, call)), none, "{name}");
    }
    let call = list_all(5, None, Some("inbox"));
    let Answer::Messages { rows, .. } = world.answer(Ask::of(&access, call)) else {
        panic!()
    };
    assert_eq!(rows.len(), 1);
}

#[test]
fn a_page_of_large_rows_is_short() {
    let mut world = world();
    // 400 addresses of 160 octets: about 64 KiB a row, and one message that is in no list.
    let list = |field: &str| {
        let each: Vec<String> = (0..100)
            .map(|n| format!("{} <{n}@{}.test>", "n".repeat(60), "d".repeat(60)))
            .collect();
        format!("{field}: {}\r\n", each.join(",\r\n "))
    };
    let header = ["To", "Cc", "Reply-To"].map(list).concat();
    let large = format!("From: eve@x.test\r\nSubject: large\r\n{header}\r\nwords here\r\n");
    for n in 0..12 {
        world.clock.fetch_add(10, Ordering::Relaxed);
        let text: &[u8] = match n % 4 {
            3 => b"Subject: small\r\n\r\nother words here\r\n",
            _ => large.as_bytes(),
        };
        let plan = world.receive("bob@a.test", text).unwrap();
        world.deliver(&plan);
    }
    let (access, bob) = (everything(&world), world.bob.clone());
    for q in [None, Some("words".to_owned())] {
        for folder in [Some("INBOX".to_owned()), Some("all".to_owned()), None] {
            for is_merged in [false, true] {
                let filter = Box::new(MessageFilter {
                    q: q.clone(),
                    folder: folder.clone(),
                    ..MessageFilter::default()
                });
                let (mut ids, mut cursor, mut most, mut pages) = (Vec::new(), None, 0, 0);
                loop {
                    let (progress, limit) = (Box::default(), 100);
                    let call = match is_merged {
                        true => MessageRead::ListAll {
                            inboxes: Vec::new(),
                            filter: filter.clone(),
                            cursor,
                            limit,
                            progress,
                        },
                        false => MessageRead::List {
                            inbox: InboxRef::Id(bob.inbox.unwrap()),
                            filter: filter.clone(),
                            cursor,
                            limit,
                            progress,
                        },
                    };
                    let Answer::Messages { rows, next } = world.answer(Ask::of(&access, call))
                    else {
                        panic!()
                    };
                    (most, pages) = (most.max(rows.len()), pages + 1);
                    ids.extend(rows.iter().map(|row| row.state.id));
                    cursor = next;
                    if cursor.is_none() {
                        break;
                    }
                }
                let mut sorted = ids.clone();
                sorted.sort_unstable_by_key(|id| core::cmp::Reverse(id.0));
                sorted.dedup();
                assert_eq!((ids.len(), &ids), (12, &sorted), "{q:?} {folder:?}");
                assert!(most < 12 && pages > 1, "{most} {pages}");
            }
        }
    }
}

#[test]
fn a_search_with_contents_ends_a_page_by_its_octets() {
    let mut world = world();
    let text = "the report of a year\r\n".repeat(200 * 1024 / 22);
    for _ in 0..3 {
        world.clock.fetch_add(10, Ordering::Relaxed);
        let octets = format!("From: eve@x.test\r\nSubject: x\r\n\r\n{text}");
        let plan = world.receive("ann@a.test", octets.as_bytes()).unwrap();
        world.deliver(&plan);
    }
    let access = everything(&world);
    let (mut cursor, mut sizes, mut ids) = (None, Vec::new(), Vec::new());
    loop {
        let mut list = list_all(50, cursor, None);
        if let MessageRead::ListAll { filter, .. } = &mut list {
            filter.q = Some("report".into());
        }
        let call = MessageRead::Opened {
            list: Box::new(list),
            ask: Default::default(),
            limit: 50,
            so_far: Box::default(),
        };
        let Answer::Messages { rows, next } = world.answer(Ask::of(&access, call)) else {
            panic!()
        };
        sizes.push(rows.len());
        for row in &rows {
            assert!(row.snippet.as_ref().unwrap().contains("report"));
            assert_eq!(
                row.content.as_ref().unwrap().text,
                text.replace("\r\n", "\n")
            );
            ids.push(row.state.id.0);
        }
        match next {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    assert_eq!(sizes, [2, 1]);
    assert!(ids.is_sorted_by(|newer, older| newer > older));
}

/// The newest page of all folders of `ann`.
fn newest(world: &mut World, limit: usize) -> Vec<Arc<MessageView>> {
    let ann = world.ann.clone();
    let call = MessageRead::List {
        inbox: InboxRef::Id(ann.inbox.unwrap()),
        filter: Box::new(MessageFilter {
            folder: Some(MessageFilter::EVERY_FOLDER.into()),
            ..MessageFilter::default()
        }),
        cursor: None,
        limit,
        progress: Box::default(),
    };
    match world.answer(Ask::of(&ann, call)) {
        Answer::Messages { rows, .. } => rows,
        other => panic!("{other:?}"),
    }
}

/// What a list that is asked for again shows, what one shows that was not asked for before, and the
/// first again.
fn asked_again(world: &mut World) -> [Vec<Arc<MessageView>>; 3] {
    [50, 60, 50].map(|limit| newest(world, limit))
}

#[test]
fn a_list_that_is_asked_for_again_shows_every_change() {
    let mut world = world();
    for _ in 0..4 {
        deliver_to(&mut world, "ann@a.test");
    }
    let ann = world.ann.clone();
    let inbox = || InboxRef::Id(ann.inbox.unwrap());
    let [first, fresh, _] = asked_again(&mut world);
    assert_eq!((first.len(), &first), (4, &fresh));
    let ids: Vec<EntryId> = first.iter().map(|row| row.state.id).collect();
    let mut seen = vec![first];
    let mailbox = "Work".to_owned();
    world.written(Ask::of(&ann, MailboxWrite::Create { mailbox }));
    let patch = |id, patch| MessageWrite::Patch {
        inbox: inbox(),
        id,
        patch: Box::new(patch),
    };
    let delete = |id, permanent| MessageWrite::Delete {
        inbox: inbox(),
        id,
        permanent,
    };
    let changes: [Ask; 7] = [
        Ask::of(
            &ann,
            patch(
                ids[0],
                MessagePatch {
                    seen: Some(true),
                    ..MessagePatch::default()
                },
            ),
        ),
        Ask::of(
            &ann,
            patch(
                ids[1],
                MessagePatch {
                    folder: Some("Work".into()),
                    ..MessagePatch::default()
                },
            ),
        ),
        Ask::of(
            &ann,
            MailboxWrite::Rename {
                from: "Work".into(),
                to: "Play".into(),
                progress: Box::default(),
            },
        ),
        Ask::of(&ann, delete(ids[2], false)),
        Ask::of(&ann, delete(ids[3], true)),
        Ask::of(
            &ann,
            MailboxWrite::Delete {
                mailbox: "Play".into(),
            },
        ),
        Ask::of(&ann, delete(ids[0], true)),
    ];
    for change in changes {
        world.written(change.clone());
        let [kept, fresh, again] = asked_again(&mut world);
        assert_eq!((&kept, &kept), (&fresh, &again), "{change:?}");
        assert!(!seen.contains(&kept), "{change:?}");
        seen.push(kept);
    }
    deliver_to(&mut world, "ann@a.test");
    let [kept, fresh, _] = asked_again(&mut world);
    assert_eq!((kept.len(), &kept), (2, &fresh));
}
