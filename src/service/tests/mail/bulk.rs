//! Commands on many messages in slices, with other calls between two slices.

use super::*;

/// Two rows a slice, and seven messages in the INBOX of bob.
fn world_of_slices() -> World {
    let mut world = world_with(|limits| limits.slice_rows = 2);
    for _ in 0..7 {
        append(&mut world, b"Subject: x\r\n\r\n", 0);
    }
    world
}

impl World {
    /// Carries a call out slice by slice; `between` runs after each slice but the last. Gives the
    /// answer, and the events of each slice.
    fn in_slices(
        &mut self,
        ask: Ask,
        mut between: impl FnMut(&mut World, usize),
    ) -> (Reply, Vec<Arc<[Event]>>) {
        let (request, call) = request(ask).split(());
        let Call::Write(call) = call else {
            panic!("{call:?}")
        };
        let mut tasks = vec![WriteTask::Call(request.split(call).0)];
        let mut events = Vec::new();
        loop {
            let turn = self.inline.writer.turn(&self.inline.store, &tasks);
            events.push(turn.events);
            if let Some((_, reply)) = turn.replies.into_iter().next() {
                return (reply, events);
            }
            tasks = turn.rests;
            tasks.extend(turn.later);
            between(self, events.len());
        }
    }

    fn flag(&mut self, mailbox: MailboxId, uids: UidSet, flags: Flags) {
        let access = self.bob.clone();
        for uid in uids.iter() {
            self.written(Ask::of(
                &access,
                EntryWrite::SetFlags {
                    mailbox,
                    uids: UidSet::one(uid),
                    how: FlagChange::Add,
                    flags,
                    keywords: Vec::new(),
                    unchanged_since: None,
                },
            ));
        }
    }

    fn expunge(&mut self, mailbox: MailboxId, uid: u32) {
        self.flag(mailbox, UidSet::one(uid), Flags::DELETED);
        let access = self.bob.clone();
        let expunge = EntryWrite::Expunge {
            mailbox,
            uids: None,
            progress: Box::default(),
        };
        self.written(Ask::of(&access, expunge));
    }

    pub(super) fn is_good(&self) {
        let findings = crate::store::verify(&self.inline.store, true);
        assert_eq!(findings.len(), 0, "{findings:?}");
    }
}

fn copy(access: &Access, mailbox: MailboxId, remove: bool, all: bool) -> Ask {
    Ask::of(
        access,
        EntryWrite::Copy {
            mailbox,
            uids: UidSet::from(1..=7).into(),
            to: "Trash".into(),
            remove,
            all,
            progress: Box::default(),
        },
    )
}

#[test]
fn a_copy_goes_on_among_other_calls() {
    let mut world = world_of_slices();
    let bob = world.bob.clone();
    let inbox = world.select(&bob, "INBOX").mailbox.id;
    let (reply, events) = world.in_slices(copy(&bob, inbox, false, true), |world, n| {
        if n == 2 {
            let one = EntryWrite::Copy {
                mailbox: inbox,
                uids: UidSet::one(7).into(),
                to: "Trash".into(),
                remove: true,
                all: true,
                progress: Box::default(),
            };
            world.written(Ask::of(&bob, one));
        }
    });
    // The seventh message left in between: the copies are taken back, again two at a time.
    assert_eq!(reply, Reply::Refused(Refusal::NotFound(Noun::Message)));
    let sizes = |events: &[Arc<[Event]>]| -> Vec<usize> {
        let uids = |slice: &Arc<[Event]>| slice.iter().map(|event| event.uids.len()).sum();
        events.iter().map(uids).collect()
    };
    assert_eq!(sizes(&events), [2, 2, 2, 0, 2, 2, 2, 0]);
    let trash = world.select(&bob, "Trash");
    assert_eq!(
        (trash.uids.to_string(), trash.mailbox.uidnext),
        ("5".into(), 8)
    );
    world.is_good();

    // Without `all` it is left out. The UIDs of the copies are those that were free.
    let (reply, events) = world.in_slices(copy(&bob, inbox, false, false), |world, n| {
        if n == 1 {
            let trash = world.select(&bob, "Trash").mailbox.id;
            let one = EntryWrite::Copy {
                mailbox: trash,
                uids: UidSet::one(5).into(),
                to: "Trash".into(),
                remove: false,
                all: true,
                progress: Box::default(),
            };
            world.written(Ask::of(&bob, one));
        }
    });
    let Reply::Written(Written::Copied { from, to, .. }, _) = reply else {
        panic!("{reply:?}")
    };
    assert_eq!(
        (from.to_string(), to.to_string()),
        ("1:6".into(), "8:9,11:14".into())
    );
    assert_eq!(sizes(&events), [2, 2, 2, 0]);
    world.is_good();
}

#[test]
fn a_commit_that_fails_takes_the_copies_back_and_leaves_what_was_moved() {
    for remove in [false, true] {
        let mut world = world_of_slices();
        let bob = world.bob.clone();
        let inbox = world.select(&bob, "INBOX").mailbox.id;
        let (reply, _) = world.in_slices(copy(&bob, inbox, remove, true), |world, n| {
            if n == 2 {
                world.inline.fail_next_commit();
            }
        });
        assert_eq!(reply, Reply::Refused(Refusal::Internal));
        let [inbox, trash] = ["INBOX", "Trash"].map(|name| world.select(&bob, name).uids.len());
        assert_eq!((inbox, trash), if remove { (3, 4) } else { (7, 0) });
        world.is_good();
    }
}

/// The disk is full while copies are taken back: nothing is answered until all of them are gone.
#[test]
fn copies_are_taken_back_in_the_end_however_often_the_disk_is_full() {
    use crate::store::StoreFault;
    let mut world = world_of_slices();
    let bob = world.bob.clone();
    let inbox = world.select(&bob, "INBOX").mailbox.id;
    let mut faults = vec![
        StoreFault::StatementFull(12),
        StoreFault::CommitFull,
        StoreFault::StatementFull(9),
        StoreFault::StatementFull(4),
        StoreFault::Commit,
        StoreFault::CommitFull,
        StoreFault::CommitFull,
    ];
    let (reply, events) = world.in_slices(copy(&bob, inbox, false, true), |world, n| {
        if n >= 2
            && let Some(fault) = faults.pop()
        {
            world.inline.store.fail(fault);
        }
    });
    assert_eq!(reply, Reply::Refused(Refusal::NoSpace));
    assert_eq!(events.len(), 2 + 7 + 3);
    let [inbox, trash] = ["INBOX", "Trash"].map(|name| world.select(&bob, name).uids.len());
    assert_eq!((inbox, trash), (7, 0));
    world.is_good();
}

#[test]
fn an_expunge_goes_on_among_other_calls() {
    let mut world = world_of_slices();
    let bob = world.bob.clone();
    let inbox = world.select(&bob, "INBOX").mailbox.id;
    world.flag(inbox, UidSet::from(2..=6), Flags::DELETED);
    let expunge = EntryWrite::Expunge {
        mailbox: inbox,
        uids: None,
        progress: Box::default(),
    };
    let (reply, events) = world.in_slices(Ask::of(&bob, expunge), |world, n| {
        if n == 1 {
            // This one comes too late to go, whatever flag it has.
            append(world, b"Subject: late\r\n\r\n", 0);
            world.flag(inbox, UidSet::one(8), Flags::DELETED);
        }
    });
    let Reply::Written(Written::Expunged { uids, .. }, _) = reply else {
        panic!("{reply:?}")
    };
    assert_eq!(uids.to_string(), "2:6");
    assert!(
        events
            .iter()
            .flat_map(|slice| slice.iter())
            .all(|e| e.uids.len() <= 2)
    );
    assert_eq!(world.select(&bob, "INBOX").uids.to_string(), "1,7:8");
    world.is_good();
}

/// The walk of SELECT is of the moment at which it began, and the events after that make the state
/// of now of it.
#[test]
fn a_walk_and_the_events_after_it_are_the_mailbox() {
    let mut world = world_with(|limits| limits.slice_rows = 1);
    for _ in 0..20 {
        append(&mut world, b"Subject: x\r\n\r\n", 0);
    }
    let bob = world.bob.clone();
    let inbox = world.select(&bob, "INBOX").mailbox.id;
    let (asked, call) = request(Ask::of(
        &bob,
        MailboxRead::Select {
            mailbox: "INBOX".into(),
            progress: Box::default(),
        },
    ))
    .split(());
    let Call::Read(call) = call else {
        panic!("{call:?}")
    };
    let mut task = ReadTask::Call(asked.split(call).0);
    let mut slices = 0;
    let selected = loop {
        match world.inline.reader.turn(&world.inline.store, task) {
            ReadTurn::Again(rest) => task = rest,
            ReadTurn::Reply(Reply::Answer(Answer::Selected(selected))) => break selected,
            other => panic!("{other:?}"),
        }
        slices += 1;
        // One that was read, one that was not, and a new one.
        world.expunge(inbox, slices);
        world.expunge(inbox, 21 - slices);
        append(&mut world, b"Subject: new\r\n\r\n", 0);
    };
    assert!(slices >= 3, "{slices}");
    let mut uids = selected.uids.clone();
    assert!(uids.last() <= Some(20) && selected.mailbox.uidnext == 21);
    let after = world
        .inline
        .store
        .events_after(
            world.org,
            Topic::Inbox(bob.inbox.unwrap()),
            selected.as_of,
            500,
        )
        .unwrap()
        .unwrap();
    for event in after
        .events
        .iter()
        .filter(|event| event.mailbox == Some(inbox))
    {
        match event.change {
            Change::Expunged { .. } => uids = uids.difference(&event.uids),
            Change::Arrived(_) => uids.add(&event.uids),
            _ => {}
        }
    }
    assert_eq!(uids, world.select(&bob, "INBOX").uids);
}

#[test]
fn the_end_of_an_organization_is_no_damage_at_any_time() {
    let mut world = world_of_slices();
    for n in 0..300 {
        let address = format!("agent{n}@a.test");
        world.inline.make_inbox(world.org, &address).unwrap();
    }
    let end = Ask {
        request_id: None,
        depth: 0,
        caller: Caller::Operator,
        call: OrgWrite::Delete { org: world.org }.into(),
    };
    world.written(end);
    world.is_good();
    let mut slices = 0;
    while world.inline.store.reclaim(Now::default(), false).unwrap() {
        world.is_good();
        slices += 1;
    }
    assert!(slices > 2, "{slices}");
    world.is_good();
}

fn mailboxes(world: &mut World) -> Vec<String> {
    let bob = world.bob.clone();
    let call = MailboxRead::ListOf {
        inbox: InboxRef::Id(bob.inbox.unwrap()),
        cursor: None,
        limit: 200,
    };
    let Answer::Folders { rows, .. } = world.answer(Ask::of(&bob, call)) else {
        panic!()
    };
    rows.into_iter().map(|row| row.name).collect()
}

#[test]
fn a_tree_of_mailboxes_is_renamed_in_slices() {
    let mut world = world_with(|limits| limits.slice_rows = 6);
    let bob = world.bob.clone();
    for n in 0..5 {
        let mailbox = format!("old/{n}");
        world.written(Ask::of(&bob, MailboxWrite::Create { mailbox }));
    }
    let rename = |from: &str, to: &str| {
        let call = MailboxWrite::Rename {
            from: from.into(),
            to: to.into(),
            progress: Box::default(),
        };
        Ask::of(&bob, call)
    };
    let (reply, events) = world.in_slices(rename("old", "new"), |world, n| {
        if n == 1 {
            // Between the slices the mailbox itself has its old name.
            let names = mailboxes(world);
            assert!(names.contains(&"old".to_owned()) && names.contains(&"new/0".to_owned()));
        }
        if n == 2 {
            let mailbox = "old/late".to_owned();
            world.written(Ask::of(&bob, MailboxWrite::Create { mailbox }));
        }
    });
    assert!(
        matches!(reply, Reply::Written(Written::Changed, _)),
        "{reply:?}"
    );
    let sizes: Vec<usize> = events.iter().map(|events| events.len()).collect();
    assert_eq!(sizes, [2, 2, 3], "rows of each slice");
    let names = mailboxes(&mut world);
    let new: Vec<&str> = names
        .iter()
        .map(String::as_str)
        .filter(|n| n.contains("new"))
        .collect();
    assert_eq!(
        new,
        [
            "new", "new/0", "new/1", "new/2", "new/3", "new/4", "new/late"
        ]
    );
    assert!(!names.iter().any(|name| name.contains("old")));
    world.is_good();
}

#[test]
fn a_rename_that_a_crash_has_cut_can_be_sent_again() {
    let mut world = world_with(|limits| limits.slice_rows = 6);
    let bob = world.bob.clone();
    for n in 0..5 {
        let mailbox = format!("old/{n}");
        world.written(Ask::of(&bob, MailboxWrite::Create { mailbox }));
    }
    let rename = MailboxWrite::Rename {
        from: "old".into(),
        to: "new".into(),
        progress: Box::default(),
    };
    // One slice, and no more.
    let (first, call) = request(Ask::of(&bob, rename.clone())).split(());
    let Call::Write(call) = call else { panic!() };
    let tasks = [WriteTask::Call(first.split(call).0)];
    let turn = world.inline.writer.turn(&world.inline.store, &tasks);
    assert!(turn.replies.is_empty() && turn.rests.len() == 1);
    assert_eq!(
        mailboxes(&mut world)
            .iter()
            .filter(|n| n.starts_with("old"))
            .count(),
        4
    );
    // A name that is taken refuses all before anything else is renamed.
    let mailbox = "old/0".to_owned();
    world.written(Ask::of(
        &bob,
        MailboxWrite::Create {
            mailbox: mailbox.clone(),
        },
    ));
    let (reply, events) = world.in_slices(Ask::of(&bob, rename.clone()), |_, _| ());
    assert_eq!(reply, Reply::Refused(Refusal::Exists(Noun::Mailbox)));
    assert!(events.iter().all(|events| events.is_empty()));
    world.written(Ask::of(&bob, MailboxWrite::Delete { mailbox }));
    let (reply, _) = world.in_slices(Ask::of(&bob, rename), |_, _| ());
    assert!(
        matches!(reply, Reply::Written(Written::Changed, _)),
        "{reply:?}"
    );
    assert_eq!(
        mailboxes(&mut world)
            .iter()
            .filter(|n| n.starts_with("new"))
            .count(),
        6
    );
    world.is_good();
}
