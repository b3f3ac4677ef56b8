//! What owners of mail teach the filter: which changes teach, what it makes of them, and who sees
//! it.

use super::*;

/// An account that an organization has besides that of the world.
fn neighbour(world: &mut World) -> Access {
    let org = world.inline.make_org("b").unwrap();
    let inbox = world.inline.make_inbox(org, "eve@b.test").unwrap();
    Access(Arc::new(Grant {
        org,
        inboxes: None,
        inbox: Some(inbox),
        address: "eve@b.test".into(),
        ..(*world.bob.0).clone()
    }))
}

fn audit(n: usize) -> Vec<u8> {
    mail(
        n,
        "Minutes",
        "Minutes of the quarterly gearbox audit, see the attached sheet",
    )
}

fn plan(n: usize) -> Vec<u8> {
    mail(
        n,
        "Floor",
        "Floor plan of the harbour hall for the autumn fair, with the doors",
    )
}

fn mail(n: usize, subject: &str, text: &str) -> Vec<u8> {
    format!(
        "From: Otto <otto{n}@out.test>\r\nTo: bob@a.test\r\nSubject: {subject} {n}\r\n\
         Date: Tue, 14 Nov 2023 22:13:20 +0000\r\nMessage-ID: <{subject}{n}@out.test>\r\n\r\n\
         {text} {n}.\r\n"
    )
    .into_bytes()
}

impl World {
    fn take_in(&mut self, to: &str, octets: &[u8]) {
        let plan = self.receive(to, octets).unwrap();
        self.deliver(&plan);
    }

    /// MOVE, or COPY.
    fn copy(&mut self, access: &Access, (from, uids): (&str, &str), to: &str, remove: bool) {
        let mailbox = self.select(access, from).mailbox.id;
        let uids = Arc::new(uids_of(uids));
        let call = EntryWrite::Copy {
            mailbox,
            uids,
            to: to.into(),
            remove,
            all: false,
            progress: Box::default(),
        };
        self.written(Ask::of(access, call));
    }

    fn mark(&mut self, access: &Access, uids: &str, how: FlagChange, words: &[&str]) {
        let mailbox = self.select(access, "INBOX").mailbox.id;
        let call = EntryWrite::SetFlags {
            mailbox,
            uids: uids_of(uids),
            how,
            flags: Flags::NONE,
            keywords: words.iter().map(|word| (*word).to_owned()).collect(),
            unchanged_since: None,
        };
        self.written(Ask::of(access, call));
    }

    /// Learns all that is due.
    fn learn(&mut self) {
        while self.inline.writer.learn(&self.inline.store).unwrap() {}
    }

    /// Messages that were learned: wanted ones, and spam.
    fn lessons(&mut self, access: &Access) -> (u32, u32) {
        self.learn();
        let inbox = InboxRef::Id(access.inbox.unwrap());
        match self.answer(Ask::of(access, InboxRead::Spam { inbox })) {
            Answer::SpamSettings(shown) => (shown.lessons_wanted, shown.lessons_spam),
            other => panic!("{other:?}"),
        }
    }

    /// The score of a message that has not come yet.
    fn score(&mut self, access: &Access, octets: &[u8]) -> i32 {
        let intake = Box::new(Intake {
            route: Route::Check { inbox: None },
            charge: None,
            octets: octets.to_vec(),
        });
        match self.answer(Ask::of(access, Call::Accept(intake))) {
            Answer::Judged(report) => report.score.0,
            other => panic!("{other:?}"),
        }
    }
}

fn uids_of(text: &str) -> UidSet {
    let (low, high) = text.split_once(':').unwrap_or((text, text));
    UidSet::from(low.parse().unwrap()..=high.parse().unwrap())
}

/// A world whose owner has moved ten messages to Junk and taken ten others for wanted.
fn taught() -> World {
    let mut world = world();
    let bob = world.bob.clone();
    for n in 0..10 {
        world.take_in("bob@a.test", &audit(n));
    }
    for n in 0..10 {
        world.take_in("bob@a.test", &plan(n));
    }
    world.copy(&bob, ("INBOX", "1:10"), "Junk", true);
    world.mark(&bob, "11:20", FlagChange::Add, &["$NotJunk"]);
    world
}

#[test]
fn an_organization_learns_and_no_other_sees_it() {
    let mut world = taught();
    let (bob, ann, eve) = (world.bob.clone(), world.ann.clone(), neighbour(&mut world));
    world.take_in("eve@b.test", &audit(1));
    let before = [
        world.score(&bob, &audit(70)),
        world.score(&bob, &plan(70)),
        world.score(&eve, &audit(70)),
    ];
    assert_eq!(world.lessons(&bob), (10, 10));
    let after = [
        world.score(&bob, &audit(70)),
        world.score(&bob, &plan(70)),
        world.score(&eve, &audit(70)),
    ];
    assert!(after[0] > before[0] + 80, "{before:?} {after:?}");
    assert!(after[1] < before[1] - 50, "{before:?} {after:?}");
    assert_eq!(after[2], before[2]);
    // All inboxes of the organization have one filter, and no other organization has it.
    assert_eq!(world.lessons(&ann), (10, 10));
    assert_eq!(world.lessons(&eve), (0, 0));
    world.copy(&eve, ("INBOX", "1"), "Junk", true);
    assert_eq!(world.lessons(&eve), (0, 1));
    assert_eq!(world.lessons(&bob), (10, 10));
    // What was learned outlives the process.
    world.inline.restart();
    assert_eq!(world.score(&bob, &audit(70)), after[0]);
}

#[test]
fn a_message_that_is_moved_back_is_taught_the_other_way() {
    let mut world = taught();
    let bob = world.bob.clone();
    assert_eq!(world.lessons(&bob), (10, 10));
    let wrong = world.score(&bob, &audit(70));
    world.copy(&bob, ("Junk", "1:9"), "INBOX", true);
    assert_eq!(world.lessons(&bob), (19, 1));
    assert!(world.score(&bob, &audit(70)) < wrong);
    // There and back before it was learned: nothing has changed.
    world.copy(&bob, ("INBOX", "11:12"), "Junk", true);
    world.copy(&bob, ("Junk", "11:12"), "INBOX", true);
    assert_eq!(world.lessons(&bob), (19, 1));
}

#[test]
fn only_the_word_of_an_owner_teaches() {
    let mut world = world();
    let bob = world.bob.clone();
    for n in 0..6 {
        world.take_in("bob@a.test", &audit(n));
    }
    // To throw away says nothing, from Junk neither; nor do other keywords, and the end of one.
    world.copy(&bob, ("INBOX", "1"), "Trash", true);
    world.mark(&bob, "2", FlagChange::Add, &["$Forwarded"]);
    world.mark(&bob, "2", FlagChange::Remove, &["$Junk"]);
    world.mark(&bob, "2", FlagChange::Add, &["$Junk", "$NotJunk"]);
    assert_eq!(world.lessons(&bob), (0, 0));
    // A copy is the same message: it is learned once, and thrown away from Junk it stays learned.
    world.copy(&bob, ("INBOX", "3"), "Junk", false);
    world.copy(&bob, ("INBOX", "3"), "Junk", false);
    assert_eq!(world.lessons(&bob), (0, 1));
    world.copy(&bob, ("Junk", "1:2"), "Trash", true);
    assert_eq!(world.lessons(&bob), (0, 1));
    // A client that sends all flags again says nothing anew.
    world.mark(&bob, "4", FlagChange::Add, &["$phishing"]);
    assert_eq!(world.lessons(&bob), (0, 2));
    world.copy(&bob, ("INBOX", "4"), "Junk", true);
    world.copy(&bob, ("Junk", "3"), "INBOX", true);
    assert_eq!(world.lessons(&bob), (1, 1));
    world.mark(&bob, "7", FlagChange::Replace, &["$Phishing", "$Forwarded"]);
    assert_eq!(world.lessons(&bob), (1, 1));
    // What the inbox has written itself.
    let own = String::from_utf8(audit(9)).unwrap();
    let own = own.replace("otto9@out.test", "ann@a.test");
    let sent = world.submit(&["ann@a.test"], own.as_bytes()).unwrap();
    world.deliver(&sent);
    let ann = world.ann.clone();
    world.copy(&ann, ("Sent", "1"), "Junk", true);
    world.copy(&ann, ("Junk", "1"), "INBOX", true);
    assert_eq!(world.lessons(&ann), (1, 1));
}

#[test]
fn a_lesson_is_learned_once_whatever_fails() {
    let mut world = taught();
    let bob = world.bob.clone();
    world.inline.store.fail_next_commit();
    assert!(world.inline.writer.learn(&world.inline.store).is_err());
    world.inline.restart();
    assert!(world.inline.writer.learn(&world.inline.store).unwrap());
    world.inline.restart();
    assert_eq!(world.lessons(&bob), (10, 10));
    assert_eq!(world.inline.store.due_lessons(9).unwrap(), None);
}

#[test]
fn one_sender_teaches_a_bounded_number_of_lessons_a_day() {
    let mut world = world();
    let bob = world.bob.clone();
    for n in 0..30 {
        let octets = String::from_utf8(audit(n)).unwrap();
        let octets = octets.replace(&format!("otto{n}@"), "otto@");
        world.take_in("bob@a.test", octets.as_bytes());
    }
    world.copy(&bob, ("INBOX", "1:30"), "Junk", true);
    assert_eq!(world.lessons(&bob), (0, 20));
    let passed = &world.inline.service.shared.metrics;
    assert_eq!(passed.value(Metric::LessonsPassed), 10);
    assert_eq!(world.inline.store.due_lessons(9).unwrap(), None);
}

#[test]
fn lessons_go_with_their_messages_and_models_with_their_organization() {
    let mut world = taught();
    world.learn();
    world.is_good();
    let end = Ask {
        request_id: None,
        depth: 0,
        caller: Caller::Operator,
        call: OrgWrite::Delete { org: world.org }.into(),
    };
    let eve = neighbour(&mut world);
    world.take_in("eve@b.test", &audit(1));
    world.copy(&eve, ("INBOX", "1"), "Junk", true);
    world.copy(&world.bob.clone(), ("Junk", "1"), "INBOX", true);
    world.written(end);
    while world.inline.writer.reclaim(&world.inline.store).unwrap() {
        world.is_good();
    }
    assert_eq!(world.inline.store.learned(world.org).unwrap(), None);
    assert_eq!(world.lessons(&eve), (0, 1));
    world.is_good();
}
