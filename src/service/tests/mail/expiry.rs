//! What ends by itself: how much one step does, and which clock counts.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use core::sync::atomic::AtomicI64;

use super::*;

const DAY_MS: i64 = 86_400_000;

/// A world whose wall clock can leap away from its monotonic clock.
fn leaping() -> (World, Arc<AtomicI64>) {
    let mut world = world();
    let leap = Arc::new(AtomicI64::new(0));
    let (clock, ahead) = (Arc::clone(&world.clock), Arc::clone(&leap));
    let shared = Arc::new(Shared::new(
        "mx.test",
        Limits::default(),
        PublicEndpoints::default(),
    ));
    let now = move || {
        let mono_ms = clock.load(Ordering::Relaxed);
        Now {
            mono_ms,
            unix_ms: START + mono_ms as i64 + ahead.load(Ordering::Relaxed),
        }
    };
    world.inline = Inline::new(1, shared, Arc::new(now)).unwrap();
    world.org = world.inline.make_org("a").unwrap();
    let ann = world.inline.make_inbox(world.org, "ann@a.test").unwrap();
    let grant = Grant {
        org: world.org,
        inboxes: None,
        inbox: Some(ann),
        ..(*world.ann.0).clone()
    };
    world.ann = Access(Arc::new(grant));
    world.bob = world.ann.clone();
    (world, leap)
}

impl World {
    fn keep_for(&mut self, days: u32) {
        let inbox = InboxRef::Id(self.ann.inbox.unwrap());
        let patch = InboxPatch {
            bounds: InboxBoundsPatch {
                retention_days: Some(Some(days)),
                ..InboxBoundsPatch::default()
            },
            ..InboxPatch::default()
        };
        let ask = Ask::of(
            &self.ann.clone(),
            InboxWrite::Patch {
                inbox,
                patch: Box::new(patch),
            },
        );
        let reply = self.inline.serve(request(ask)).0.unwrap();
        assert!(matches!(reply, Reply::Written(..)), "{reply:?}");
    }

    /// One step of the writer; how many messages it has ended, and when it looks again.
    fn end(&mut self) -> (usize, Option<u64>) {
        let (next, events) = self.inline.writer.end_expired(&self.inline.store).unwrap();
        let ended = events.iter().map(|event| event.uids.len()).sum();
        (ended, next)
    }

    fn pass(&self, ms: u64) {
        self.clock.fetch_add(ms, Ordering::Relaxed);
    }
}

#[test]
fn a_step_ends_some_messages_and_leaves_time_for_others() {
    let (mut world, _) = leaping();
    for _ in 0..250 {
        append(&mut world, b"Subject: a\r\n\r\nb\r\n", 0);
    }
    world.keep_for(1);
    while world.end().1 == Some(0) {}
    world.pass(2 * DAY_MS as u64);
    let mut steps = Vec::new();
    for _ in 0..100 {
        match world.end() {
            (0, Some(0)) => {}
            (0, next) => {
                assert!(next.is_some_and(|ms| ms > 0), "{next:?}");
                if steps.len() == 3 {
                    break;
                }
                world.pass(next.unwrap());
            }
            // The next step waits, so that other calls have their turn.
            (n, next) => {
                steps.push(n);
                assert_eq!(next, Some(20));
            }
        }
    }
    assert_eq!(steps, [100, 100, 50]);
    let found = crate::store::verify(&world.inline.store, true);
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn a_leap_of_the_wall_clock_ends_nothing() {
    let (mut world, leap) = leaping();
    append(&mut world, b"Subject: a\r\n\r\nb\r\n", 0);
    world.keep_for(1);
    for ahead in [3650 * DAY_MS, -3650 * DAY_MS, 0] {
        leap.store(ahead, Ordering::Relaxed);
        world.pass(700_000);
        for _ in 0..5 {
            assert_eq!(world.end().0, 0, "{ahead}");
        }
    }
    world.pass(2 * DAY_MS as u64);
    let mut ended = 0;
    for _ in 0..5 {
        ended += world.end().0;
    }
    assert_eq!(ended, 1);
}

#[test]
fn without_anything_that_ends_the_writer_sleeps() {
    let (mut world, _) = leaping();
    append(&mut world, b"Subject: a\r\n\r\nb\r\n", 0);
    for _ in 0..5 {
        world.end();
    }
    assert_eq!(world.end(), (0, None));
}
