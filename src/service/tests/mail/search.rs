//! What one search or list may cost: one pass for all keys, and a deadline that holds within a
//! message.

use core::cell::Cell;
use std::rc::Rc;

use super::*;
use crate::pace;
use crate::service::mail;
use crate::service::mail::find::{FindIn, find};

/// A message of some hundred pieces of text in a charset that must be decoded.
fn long_message(word: &str) -> Vec<u8> {
    let mut raw = b"Subject: long\r\nContent-Type: text/plain; charset=gb18030\r\n\r\n".to_vec();
    for _ in 0..60_000 {
        raw.extend_from_slice(b"\xb0\xa1\xb0\xa2 abc \xb0\xa3\xd6\xd0\xce\xc4 and more\r\n");
    }
    raw.extend_from_slice(word.as_bytes());
    raw
}

/// Steps of counted work.
fn steps<T>(run: impl FnOnce() -> T) -> (T, u32) {
    let count = Rc::new(Cell::new(0));
    let counted = Rc::clone(&count);
    let given = pace::within(move || counted.set(counted.get() + 1), run);
    (given, count.get())
}

fn not_text(words: impl IntoIterator<Item = String>) -> SearchKey {
    let keys = words.into_iter();
    SearchKey::And(
        keys.map(|word| SearchKey::Not(Box::new(SearchKey::Text(word))))
            .collect(),
    )
}

#[test]
fn many_keys_cost_as_much_as_one_decoding() {
    let mut world = world();
    append(&mut world, &long_message(""), 0);
    let words = |n: usize| (0..n).map(|n| format!("absent {n}"));
    let (found, few) = steps(|| world.search(not_text(words(1))));
    let (found_by_many, many) = steps(|| world.search(not_text(words(190))));
    assert_eq!((found.as_str(), found_by_many.as_str()), ("1", "1"));
    // A quarter of a millisecond for each step: about 2 MiB are decoded and searched.
    assert!((20..400).contains(&few), "{few}");
    assert!(many < few * 4, "{few} {many}");
    let (found, other) = steps(|| world.search(not_text((0..190).map(|n| format!("啊中{n}")))));
    assert_eq!(found, "1");
    assert!(other < few * 6, "{few} {other}");
}

#[test]
fn a_search_ends_as_soon_as_it_is_decided() {
    let mut world = world();
    append(&mut world, &long_message("last"), 0);
    let (found, all) = steps(|| world.search(SearchKey::Text("LAST".into())));
    assert_eq!(found, "1");
    let (found, first) = steps(|| world.search(SearchKey::Text("abc".into())));
    assert_eq!(found, "1");
    assert!(first * 4 < all, "{first} {all}");
    // What another key has decided needs no octets at all.
    let (found, none) = steps(|| {
        world.search(SearchKey::And(vec![
            SearchKey::Lacks(Flags::FLAGGED),
            SearchKey::Text("last".into()),
        ]))
    });
    assert_eq!((found.as_str(), none), ("", 0));
}

#[test]
fn every_kind_of_key_is_decided_in_one_pass() {
    let mut world = world();
    let raw = "From: Eve <eve@out.test>\r\nTo: (x) \"Bob\" <bob@a.test>\r\nSubject: one two\r\n\
        Subject: three\r\nDate: Mon, 1 Jan 2024 23:30:00 -0800\r\n\r\nfour five\r\n";
    append(&mut world, raw.as_bytes(), 0);
    append(&mut world, b"Subject: other\r\n\r\nfive\r\n", 1);
    use SearchKey::*;
    let text = |text: &str| Text(text.to_owned());
    let header = |name: &str, text: &str| Header(name.to_owned(), text.to_owned());
    let not = |key: SearchKey| Not(Box::new(key));
    for (key, expected) in [
        (
            And(vec![text("four"), text("three"), Body("five".into())]),
            "1",
        ),
        (And(vec![text("four"), Body("three".into())]), ""),
        (Or(Box::new(text("absent")), Box::new(text("FIVE"))), "1:2"),
        (
            not(Or(Box::new(text("four")), Box::new(text("absent")))),
            "2",
        ),
        (
            And(vec![header("SUBJECT", "two"), header("subject", "Three")]),
            "1",
        ),
        (
            And(vec![
                header("to", "Bob <bob@a.test>"),
                not(header("to", "eve")),
            ]),
            "1",
        ),
        (
            And(vec![header("Subject", ""), not(header("From", ""))]),
            "2",
        ),
        (
            And(vec![
                SentSince(1_704_067_200),
                not(header("subject", "other")),
            ]),
            "1",
        ),
        (not(SentSince(1_704_067_200)), "2"),
        (
            And(vec![text(""), Body(String::new()), header("subject", "o")]),
            "1:2",
        ),
        (And((0..30).map(|_| text("five")).collect()), "1:2"),
    ] {
        assert_eq!(world.search(key.clone()), expected, "{key:?}");
    }
}

/// A context whose clock moves by a third of a second each time it is read.
fn hurried<'a>(
    world: &'a World,
    now: &'a dyn Fn() -> Now,
) -> crate::service::context::ReadContext<'a> {
    crate::service::context::ReadContext {
        service: &world.inline.service,
        store: &world.inline.store,
        shared: &world.inline.service.shared,
        now: Now::default(),
        clock: now,
        seed: [0; 16],
    }
}

#[test]
fn the_deadline_of_a_search_holds_within_a_message() {
    let mut world = world();
    append(&mut world, &long_message(""), 0);
    let access = world.bob.clone();
    let mailbox = world.select(&access, "INBOX").mailbox.id;
    let ticks = AtomicU64::new(1_000);
    let now = || Now {
        mono_ms: ticks.fetch_add(300, Ordering::Relaxed),
        unix_ms: START,
    };
    let context = hurried(&world, &now);
    let (within, mut progress) = (UidSet::from(1..=u32::MAX), SearchProgress::default());
    let key = not_text(["absent".to_owned()]);
    let late = crate::service::mail::search::search(
        &context,
        &access,
        mailbox,
        &within,
        &key,
        &mut progress,
    );
    assert_eq!(late, Err(Refusal::SearchDeadline));
    assert_eq!(context.shared.metrics.value(Metric::SearchesCut), 1);
}

#[test]
fn a_search_of_the_api_gives_a_full_page_or_the_last_one_until_its_deadline() {
    let mut world = world();
    for n in 0..40 {
        append(&mut world, b"Subject: a b\r\n\r\nnothing to find\r\n", n);
    }
    let access = world.bob.clone();
    let inbox = InboxRef::Id(access.inbox.unwrap());
    let ticks = AtomicU64::new(1_000);
    let step = AtomicU64::new(300);
    let now = || Now {
        mono_ms: ticks.fetch_add(step.load(Ordering::Relaxed), Ordering::Relaxed),
        unix_ms: START,
    };
    // Two letters are in no index: every message is read.
    let page = |world: &World, q: &str, cursor: Option<String>, is_all: bool| {
        let context = hurried(world, &now);
        let filter = MessageFilter {
            q: Some(q.into()),
            ..MessageFilter::default()
        };
        let (mut progress, mut slices) = (ListProgress::default(), 0);
        loop {
            let place = match is_all {
                true => FindIn::Inboxes(&[]),
                false => FindIn::Inbox(&inbox),
            };
            let at = (cursor.as_deref(), 2);
            let page = find(&context, &access, place, &filter, at, &mut progress);
            slices += 1;
            match page {
                Ok(None) => {}
                Ok(Some(Answer::Messages { rows, next })) => {
                    let uids: Vec<u32> = rows.iter().map(|row| row.state.uid).collect();
                    break Ok((uids, next, slices));
                }
                Ok(Some(other)) => panic!("{other:?}"),
                Err(refusal) => break Err(refusal),
            }
        }
    };
    for is_all in [false, true] {
        let late = page(&world, "zq", None, is_all);
        assert_eq!(late, Err(Refusal::SearchDeadline), "{is_all}");
        step.store(6, Ordering::Relaxed);
        // With time enough it goes on in slices, and tells that there is nothing.
        let (uids, next, slices) = page(&world, "zq", None, is_all).unwrap();
        assert_eq!((uids, next), (vec![], None), "{is_all}");
        assert!(slices > 20, "{slices}");
        step.store(300, Ordering::Relaxed);
    }
    append(&mut world, b"Subject: zq\r\n\r\nhere\r\n", 50);
    for is_all in [false, true] {
        // What was found before the deadline is given, and the search can go on from there.
        let (uids, next, _) = page(&world, "zq", None, is_all).unwrap();
        assert_eq!(uids, [41], "{is_all}");
        assert_eq!(
            page(&world, "zq", next.clone(), is_all),
            Err(Refusal::SearchDeadline)
        );
        step.store(1, Ordering::Relaxed);
        let (uids, next, _) = page(&world, "zq", next, is_all).unwrap();
        assert_eq!((uids, next), (vec![], None), "{is_all}");
        let (uids, next, _) = page(&world, "a", None, is_all).unwrap();
        assert_eq!(uids, [40, 39], "{is_all}");
        let (uids, _, _) = page(&world, "a", next, is_all).unwrap();
        assert_eq!(uids, [38, 37], "{is_all}");
        step.store(300, Ordering::Relaxed);
    }
}

#[test]
fn a_page_of_a_list_has_rows_or_no_cursor() {
    let mut world = world();
    for n in 0..100 {
        append(&mut world, b"From: eve@x.test\r\n\r\nnothing\r\n", n);
    }
    let access = world.bob.clone();
    let inbox = InboxRef::Id(access.inbox.unwrap());
    let (ticks, step) = (AtomicU64::new(1_000), AtomicU64::new(0));
    let now = || Now {
        mono_ms: ticks.fetch_add(step.load(Ordering::Relaxed), Ordering::Relaxed),
        unix_ms: START,
    };
    let context = hurried(&world, &now);
    // How many rows a page has, and whether a cursor stands behind them.
    let page = |kind: usize, from: &str| {
        let filter = MessageFilter {
            from: Some(from.into()),
            ..MessageFilter::default()
        };
        let (mut cursor, mut slices) = (None, 0);
        let (mut list, mut threads) = (ListProgress::default(), ThreadProgress::default());
        loop {
            let at = (&mut cursor, 50);
            let given = match kind {
                0 => mail::list::list(&context, &access, &inbox, &filter, at, &mut list),
                1 => mail::list::list_all(&context, &access, &[], &filter, at, &mut list),
                _ => mail::thread::list(&context, &access, &inbox, &filter, at, &mut threads),
            };
            slices += 1;
            match given {
                Ok(None) => {}
                Ok(Some(Answer::Messages { rows, next })) => break Ok((rows.len(), next, slices)),
                Ok(Some(Answer::Threads { rows, next })) => break Ok((rows.len(), next, slices)),
                other => break Err(other.unwrap_err()),
            }
        }
    };
    for kind in 0..3 {
        // Longer than a list with rows may take, and not as long as a search.
        step.store(25, Ordering::Relaxed);
        let (rows, next, slices) = page(kind, "nobody").unwrap();
        assert_eq!((rows, next), (0, None), "{kind}");
        assert!(slices > 10, "{slices}");
        let (rows, next, _) = page(kind, "eve").unwrap();
        assert!(rows > 0 && rows < 100 && next.is_some(), "{kind} {rows}");
        step.store(400, Ordering::Relaxed);
        assert_eq!(page(kind, "nobody"), Err(Refusal::SearchDeadline), "{kind}");
    }
    assert_eq!(context.shared.metrics.value(Metric::SearchesCut), 3);
}

#[test]
fn what_few_messages_have_is_found_without_a_look_at_all() {
    let mut world = world();
    append_with(&mut world, "zoe", (Flags::FLAGGED, &["Rare"]), 0);
    for n in 1..600 {
        append_with(&mut world, "eve", (Flags::SEEN, &[]), n);
    }
    let access = world.bob.clone();
    let inbox = InboxRef::Id(access.inbox.unwrap());
    // One reading of the clock stands for each message that is looked at.
    let reads = AtomicU64::new(0);
    let now = || {
        reads.fetch_add(1, Ordering::Relaxed);
        Now {
            mono_ms: 1_000,
            unix_ms: START,
        }
    };
    let context = hurried(&world, &now);
    let none = MessageFilter::default;
    let q = |text: &str| MessageFilter {
        q: Some(text.into()),
        ..none()
    };
    let label = Some("rare".to_owned());
    let seen = Some(false);
    let from = Some("zoe".to_owned());
    let until = Some(1);
    let filters = [
        (MessageFilter { label, ..none() }, 20),
        (MessageFilter { seen, ..none() }, 20),
        (MessageFilter { from, ..none() }, 400),
        (MessageFilter { until, ..none() }, 400),
        (q("label:rare"), 20),
        (q("is:unread"), 20),
        (q("is:flagged"), 400),
        (q("hello is:flagged"), 400),
        (q("hello in:Archive"), 20),
    ];
    for (filter, most) in &filters {
        for kind in 0..3 {
            let is_search = filter.q.is_some();
            if kind == 2 && is_search {
                continue;
            }
            reads.store(0, Ordering::Relaxed);
            let (mut list, mut threads) = (ListProgress::default(), ThreadProgress::default());
            let mut cursor = None;
            let rows = loop {
                let at = (&mut cursor, 50);
                let given = match (kind, is_search) {
                    (0, false) => {
                        mail::list::list(&context, &access, &inbox, filter, at, &mut list)
                    }
                    (1, false) => {
                        mail::list::list_all(&context, &access, &[], filter, at, &mut list)
                    }
                    (0, true) => {
                        let place = FindIn::Inbox(&inbox);
                        find(&context, &access, place, filter, (None, 50), &mut list)
                    }
                    (1, true) => {
                        let place = FindIn::Inboxes(&[]);
                        find(&context, &access, place, filter, (None, 50), &mut list)
                    }
                    _ => mail::thread::list(&context, &access, &inbox, filter, at, &mut threads),
                };
                match given.unwrap() {
                    None => {}
                    Some(Answer::Messages { rows, next }) => break (rows.len(), next),
                    Some(Answer::Threads { rows, next }) => break (rows.len(), next),
                    other => panic!("{other:?}"),
                }
            };
            let found = usize::from(filter.q.as_deref() != Some("hello in:Archive"));
            assert_eq!(rows, (found, None), "{kind} {filter:?}");
            // A list over many inboxes gathers later, and a list of threads looks twice.
            let most = if kind == 0 { *most } else { 900 };
            let looked = reads.load(Ordering::Relaxed);
            assert!(looked <= most, "{kind} {filter:?} {looked}");
        }
    }
}

/// Appends a message of a sender with flags and keywords.
fn append_with(world: &mut World, from: &str, (flags, words): (Flags, &[&str]), at: i64) {
    let access = world.bob.clone();
    let route = Route::Append {
        inbox: access.inbox.unwrap(),
        mailbox: "inbox".into(),
        flags,
        keywords: words.iter().map(|word| (*word).to_owned()).collect(),
        received_at: Some(at),
    };
    let octets = format!("From: {from}@x.test\r\nSubject: hello\r\n\r\nnothing\r\n");
    let plan = world
        .decide(Some(&access), route, octets.as_bytes())
        .unwrap();
    world.deliver(&plan);
}

#[test]
fn blocks_may_become_larger_ones_while_a_page_is_found() {
    let mut world = world();
    let access = world.bob.clone();
    let inbox = access.inbox.unwrap();
    for n in 0..200 {
        append_with(&mut world, "eve", (Flags::SEEN, &[]), n / 4);
        if n % 20 == 19 {
            // Only signatures become a block here, and no blocks a larger one.
            world.inline.store.seal_rows(inbox);
        }
    }
    let filter = MessageFilter {
        q: Some("nothing".into()),
        ..MessageFilter::default()
    };
    let whole: Vec<EntryId> = {
        let rows = world.list(&access, filter.clone());
        rows.iter().map(|row| row.state.id).collect()
    };
    assert_eq!(whole.len(), 200);
    // Each slice looks at one message.
    let ticks = AtomicU64::new(1_000);
    let now = || Now {
        mono_ms: ticks.fetch_add(6, Ordering::Relaxed),
        unix_ms: START,
    };
    let context = hurried(&world, &now);
    let (mut progress, mut slices) = (ListProgress::default(), 0);
    let place = InboxRef::Id(inbox);
    let found = loop {
        let place = FindIn::Inbox(&place);
        let page = find(
            &context,
            &access,
            place,
            &filter,
            (None, 150),
            &mut progress,
        )
        .unwrap();
        slices += 1;
        if slices == 20 {
            world.inline.store.seal_small(inbox);
        }
        match page {
            None => {}
            Some(Answer::Messages { rows, .. }) => break rows,
            other => panic!("{other:?}"),
        }
    };
    let found: Vec<EntryId> = found.iter().map(|row| row.state.id).collect();
    assert_eq!(found, whole[..150]);
    assert!(slices > 20, "{slices}");
}

#[test]
fn many_messages_of_one_millisecond_are_found_in_order() {
    let mut world = world();
    let access = world.bob.clone();
    append_with(&mut world, "zoe", (Flags::SEEN, &[]), 1);
    for _ in 0..300 {
        append_with(&mut world, "eve", (Flags::SEEN, &[]), 5);
    }
    append_with(&mut world, "zoe", (Flags::SEEN, &[]), 9);
    let filter = |q: &str| MessageFilter {
        q: Some(q.into()),
        ..MessageFilter::default()
    };
    let ids = |rows: &[Arc<MessageView>]| -> Vec<EntryId> {
        rows.iter().map(|row| row.state.id).collect()
    };
    let mut all = ids(&world.list(&access, filter("hello")));
    assert_eq!(all.len(), 302);
    all.reverse();
    assert!(all.is_sorted());
    assert_eq!(world.list(&access, filter("from:zoe")).len(), 2);
}

#[test]
fn a_message_that_is_deleted_while_it_is_read_is_not_there() {
    let mut world = world();
    append(&mut world, &long_message("word"), 0);
    let access = world.bob.clone();
    let place = (access.org, access.inbox.unwrap());
    let id = world.list(&access, MessageFilter::default())[0].state.id;
    let read =
        |id| crate::service::mail::opened::OpenedMessage::read(&world.inline.store, place, id);
    let opened = read(id).unwrap().unwrap();
    // Octets of several pieces are those that came.
    assert!(opened.octets.len() > 1 << 20);
    assert!(opened.octets.ends_with(b"and more\r\nword"));
    assert!(read(EntryId(id.0 + 1)).unwrap().is_none());
}
