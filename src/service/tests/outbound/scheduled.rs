//! Mail that waits in Drafts for its time, and then leaves: over restarts, in pieces, and beside
//! what changes while it waits.

use super::*;

const HOUR_MS: u64 = 3_600_000;

impl Sender {
    /// Sends a message of so many octets that leaves in so many milliseconds.
    fn schedule(&mut self, to: &[&str], (ahead_ms, octets): (i64, usize)) -> EntryId {
        let now = self.world.inline.service.now();
        let (entry, status) = self.compose(Draft {
            to: to.iter().map(|to| (*to).into()).collect(),
            subject: "later".into(),
            text: Some("text\n".repeat(octets / 5)),
            send_at: Some(now.unix_ms + ahead_ms),
            ..Draft::default()
        });
        assert_eq!(status, SendStatus::Scheduled);
        entry
    }

    /// Sends a message as REST does.
    pub(super) fn compose(&mut self, draft: Draft) -> (EntryId, SendStatus) {
        let intake = Intake {
            route: Route::Compose {
                inbox: InboxRef::Address("ann@agents.test".into()),
                draft: Box::new(draft),
                idempotency: None,
            },
            octets: Vec::new(),
            charge: None,
        };
        let written = self.world.written(Ask {
            request_id: None,
            depth: 0,
            caller: Caller::Key(self.access.clone()),
            call: Call::Accept(Box::new(intake)),
        });
        let Written::Delivered { entry, status, .. } = written else {
            panic!("{written:?}")
        };
        self.settle();
        self.check();
        (entry.unwrap(), status)
    }

    /// The mailbox of a message, and its labels.
    fn place(&self, inbox: &str, id: EntryId) -> Option<(String, Vec<String>)> {
        let store = &self.world.inline.store;
        let inbox = store.inbox_at(self.org, inbox).unwrap().unwrap();
        let entry = store.entry(self.org, inbox, id).unwrap()?;
        let mailbox = store.mailbox(self.org, inbox, entry.mailbox).unwrap();
        Some((mailbox.unwrap().name, entry.state.keywords))
    }

    fn delete(&mut self, id: EntryId) {
        self.remove(id, true);
    }

    fn remove(&mut self, id: EntryId, permanent: bool) {
        self.world.written(Ask::of(
            &self.access.clone(),
            MessageWrite::Delete {
                inbox: InboxRef::Address("ann@agents.test".into()),
                id,
                permanent,
            },
        ));
    }
}

fn serve_all() -> Peer {
    Peer::Serve(Arc::new(|_| OK))
}

#[test]
fn it_leaves_at_its_time_and_once() {
    let mut s = Sender::open();
    s.domain("y.test", "192.0.2.1", serve_all());
    let id = s.schedule(&["bob@y.test"], (10 * HOUR_MS as i64, 10));
    assert_eq!(s.row("bob@y.test").status, OutboundStatus::Scheduled);
    let drafts = s.place("ann@agents.test", id).unwrap();
    assert_eq!(drafts, ("Drafts".into(), vec!["$Scheduled".into()]));
    s.pass(10 * HOUR_MS - 1);
    assert!(s.sent.is_empty() && s.told().is_empty());
    s.check();
    s.pass(1);
    assert_eq!(s.row("bob@y.test").status, OutboundStatus::Delivered);
    assert_eq!(
        s.place("ann@agents.test", id),
        Some(("Sent".into(), vec![]))
    );
    s.pass(100 * HOUR_MS);
    assert_eq!(s.sent.len(), 1);
    s.check();
}

#[test]
fn a_time_that_came_while_the_server_was_stopped_is_met_at_its_start() {
    let mut s = Sender::open();
    s.domain("y.test", "192.0.2.1", serve_all());
    let id = s.schedule(&["bob@y.test"], (1000, 10));
    // The clock moves on while nothing runs.
    s.world.clock.fetch_add(5 * HOUR_MS, Ordering::Relaxed);
    let mut s = s.restarted();
    s.settle();
    assert_eq!(s.row("bob@y.test").status, OutboundStatus::Delivered);
    assert_eq!(s.place("ann@agents.test", id).unwrap().0, "Sent");
    s.check();
}

#[test]
fn delay_and_expiry_count_from_when_it_is_due() {
    let mut s = Sender::open();
    s.domain("y.test", "192.0.2.1", Peer::Refuse);
    s.schedule(&["bob@y.test"], (100 * HOUR_MS as i64, 10));
    s.pass(100 * HOUR_MS);
    let row = s.row("bob@y.test");
    assert_eq!(row.status, OutboundStatus::Deferred);
    let due = START + 1000 + 100 * HOUR_MS as i64;
    assert_eq!(row.expires_at, due + 72 * HOUR_MS as i64);
    s.pass(71 * HOUR_MS);
    assert_eq!(s.row("bob@y.test").status, OutboundStatus::Deferred);
    s.pass(2 * HOUR_MS);
    assert_eq!(s.row("bob@y.test").status, OutboundStatus::Expired);
    s.check();
}

#[test]
fn a_large_message_goes_to_its_readers_in_pieces() {
    let mut s = Sender::open();
    s.domain("y.test", "192.0.2.1", serve_all());
    s.world.inline.make_inbox(s.org, "bob@agents.test").unwrap();
    let to = ["carl@y.test", "bob@agents.test"];
    let id = s.schedule(&to, (1000, 3 << 20));
    s.world.clock.fetch_add(1000, Ordering::Relaxed);
    let mut steps = 0;
    while s.place("ann@agents.test", id).unwrap().0 == "Drafts" {
        let store = &s.world.inline.store;
        let (next, _) = s.world.inline.writer.release_scheduled(store).unwrap();
        steps += 1;
        assert!(next.is_none() || next == Some(0));
        assert!(steps < 10);
    }
    assert!(steps > 3, "{steps}");
    s.settle();
    assert_eq!(s.row("carl@y.test").status, OutboundStatus::Delivered);
    s.check();
    let store = &s.world.inline.store;
    let bob = store.inbox_at(s.org, "bob@agents.test").unwrap().unwrap();
    let inbox = store.mailbox_named(s.org, bob, "INBOX").unwrap().unwrap();
    assert_eq!(inbox.messages, 1);
}

#[test]
fn one_that_is_deleted_between_its_pieces_goes_nowhere() {
    let mut s = Sender::open();
    s.domain("y.test", "192.0.2.1", serve_all());
    let id = s.schedule(&["bob@y.test"], (1000, 3 << 20));
    s.world.clock.fetch_add(1000, Ordering::Relaxed);
    let store = &s.world.inline.store;
    let (next, _) = s.world.inline.writer.release_scheduled(store).unwrap();
    assert_eq!(next, Some(0));
    s.delete(id);
    s.settle();
    assert_eq!(s.row("bob@y.test").status, OutboundStatus::Cancelled);
    s.pass(HOUR_MS);
    assert!(s.sent.is_empty());
    // What was stored of it is freed.
    while s.world.inline.writer.trim(&s.world.inline.store).unwrap() {}
    s.check();
}

#[test]
fn the_mail_of_an_inbox_that_is_gone_is_cancelled() {
    let mut s = Sender::open();
    s.domain("y.test", "192.0.2.1", serve_all());
    s.schedule(&["bob@y.test"], (1000, 10));
    let inbox = InboxRef::Address("ann@agents.test".into());
    s.world
        .written(Ask::of(&s.access.clone(), InboxWrite::Delete { inbox }));
    s.check();
    s.pass(HOUR_MS);
    assert_eq!(s.row("bob@y.test").status, OutboundStatus::Cancelled);
    assert!(s.sent.is_empty());
    s.check();
}

#[test]
fn a_recipient_here_that_is_full_gets_it_later() {
    let mut s = Sender::with_inbox_bytes(OutboundSettings::default(), 7, Some(60_000));
    s.settle();
    let bob = s.world.inline.make_inbox(s.org, "bob@agents.test").unwrap();
    let first = s.schedule(&["bob@agents.test"], (1000, 40_000));
    s.pass(1000);
    assert_eq!(s.place("ann@agents.test", first).unwrap().0, "Sent");
    s.delete(first);
    let second = s.schedule(&["bob@agents.test"], (1000, 40_000));
    s.pass(HOUR_MS);
    assert_eq!(s.place("ann@agents.test", second).unwrap().0, "Drafts");
    s.check();
    let store = &s.world.inline.store;
    let inbox = store.mailbox_named(s.org, bob, "INBOX").unwrap().unwrap();
    let place = store.place_of(s.org, bob).unwrap().unwrap();
    store.begin().unwrap();
    let all = UidSet::one(1);
    let now = s.world.inline.service.now();
    let events = &mut Vec::new();
    store
        .expunge(
            (now, None),
            (&place, &inbox),
            Some(&all),
            Flags::NONE,
            events,
        )
        .unwrap();
    store.commit().unwrap();
    s.pass(60_000);
    assert_eq!(s.place("ann@agents.test", second).unwrap().0, "Sent");
    s.check();
}

#[test]
fn one_that_cannot_leave_for_three_days_is_told_and_stays_a_draft() {
    let mut s = Sender::with_inbox_bytes(OutboundSettings::default(), 7, Some(60_000));
    s.settle();
    s.world.inline.make_inbox(s.org, "bob@agents.test").unwrap();
    let first = s.schedule(&["bob@agents.test"], (1000, 40_000));
    s.pass(1000);
    s.delete(first);
    let second = s.schedule(&["bob@agents.test"], (1000, 40_000));
    s.pass(73 * HOUR_MS);
    let drafts = s.place("ann@agents.test", second).unwrap();
    assert_eq!(drafts, ("Drafts".into(), vec!["$Declined".into()]));
    let news = s.news("bob@agents.test");
    assert_eq!(news.kind, EventKind::MessageRejected);
    assert_eq!(
        (news.outbound, news.reason.as_str()),
        (OutboundId(0), "The inbox of a recipient is full")
    );
    s.check();
}

#[test]
fn one_that_is_thrown_away_leaves_its_label_behind() {
    let mut s = Sender::with_inbox_bytes(OutboundSettings::default(), 7, Some(60_000));
    s.settle();
    let id = s.schedule(&["eve@there.test"], (3_600_000, 100));
    let there = s.place("ann@agents.test", id).unwrap();
    assert_eq!(there, ("Drafts".into(), vec!["$Scheduled".into()]));
    s.remove(id, false);
    let there = s.place("ann@agents.test", id).unwrap();
    assert_eq!(there, ("Trash".into(), Vec::new()));
    // The counts of labels and of octets hold.
    s.check();
}
