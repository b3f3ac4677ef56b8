//! Mail that waits in Drafts for a decision: its recipients outside are rows of the queue from the
//! beginning, and leave, or end, with the decision.

use super::*;
use crate::service::intake::IntakeStage;
use crate::service::{ReadTask, ReadTurn};

const HOUR_MS: u64 = 3_600_000;

impl Sender {
    /// A server whose inbox has its mail decided on.
    fn holding(peer: Peer) -> Sender {
        let mut s = Sender::open();
        s.domain("y.test", "192.0.2.1", peer);
        s.world.written(Ask::of(
            &s.access.clone(),
            InboxWrite::Patch {
                inbox: InboxRef::Address("ann@agents.test".into()),
                patch: Box::new(InboxPatch {
                    send_mode: Some(SendMode::Hold),
                    ..InboxPatch::default()
                }),
            },
        ));
        s
    }

    fn hold(&mut self, to: &[&str]) -> (EntryId, ApprovalId) {
        let (entry, status) = self.compose(Draft {
            to: to.iter().map(|to| (*to).into()).collect(),
            subject: "held".into(),
            text: Some("as written".into()),
            ..Draft::default()
        });
        let SendStatus::Held(approval) = status else {
            panic!("{status:?}")
        };
        (entry, approval)
    }

    fn approval(&self, approval: ApprovalId, edit: ApprovalEdit) -> Ask {
        let intake = Intake {
            route: Route::Approve {
                approval,
                edit: Box::new(edit),
                sha256: None,
                idempotency: None,
            },
            octets: Vec::new(),
            charge: None,
        };
        Ask {
            request_id: None,
            depth: 0,
            caller: Caller::Key(self.access.clone()),
            call: Call::Accept(Box::new(intake)),
        }
    }

    /// Approves with this text in place of the one that was written.
    fn approve(&mut self, approval: ApprovalId, text: Option<String>) {
        let edit = ApprovalEdit {
            text,
            ..ApprovalEdit::default()
        };
        let ask = self.approval(approval, edit);
        let written = self.world.written(ask);
        assert!(matches!(written, Written::Approval(_)), "{written:?}");
        self.settle();
        self.check();
    }

    fn decline(&mut self, approval: ApprovalId) {
        self.world.written(Ask::of(
            &self.access.clone(),
            ApprovalWrite::Decline {
                approval,
                reason: None,
                idempotency: None,
            },
        ));
        self.check();
    }

    fn cancel(&mut self, id: OutboundId) {
        let cancel = OutboundWrite::Cancel {
            id,
            idempotency: None,
        };
        self.world.written(Ask::of(&self.access.clone(), cancel));
    }

    fn ids(&mut self) -> Vec<OutboundId> {
        self.rows().into_iter().map(|row| row.id).collect()
    }

    /// Messages in the INBOX of the sender: the notices of this server.
    fn notices(&self) -> u32 {
        let store = &self.world.inline.store;
        let ann = store.inbox_at(self.org, "ann@agents.test").unwrap();
        let inbox = store.mailbox_named(self.org, ann.unwrap(), "INBOX");
        inbox.unwrap().unwrap().messages
    }

    /// Octets that count in the quota of the organization.
    fn stored_bytes(&self) -> u64 {
        let usage = self.world.inline.store.usage(self.org, 0).unwrap();
        usage.unwrap().stored_bytes.unwrap()
    }
}

#[test]
fn its_rows_wait_and_the_same_rows_leave_with_the_text_that_was_decided_on() {
    let mut s = Sender::holding(serve(|_| OK));
    s.reads = Some(Conversion::default());
    let (entry, approval) = s.hold(&["bob@y.test", "eve@y.test"]);
    let ids = s.ids();
    for row in s.rows() {
        assert_eq!(
            (row.status, row.message),
            (OutboundStatus::Held, Some(entry))
        );
        assert_eq!((row.attempts, row.next_attempt_at), (0, None));
    }
    s.pass(30 * HOUR_MS);
    s = s.restarted();
    s.pass(40 * HOUR_MS);
    assert!(s.sent.is_empty() && s.told().is_empty());
    assert_eq!(s.notices(), 0);
    s.approve(approval, Some("as decided".into()));
    assert_eq!(s.ids(), ids);
    for row in s.rows() {
        assert_eq!(row.status, OutboundStatus::Delivered);
        assert_eq!(row.message, Some(entry));
    }
    assert_eq!(s.wire.len(), 2);
    for (_, octets) in &s.wire {
        let text = String::from_utf8_lossy(octets);
        assert!(text.contains("as decided") && !text.contains("as written"));
    }
}

#[test]
fn delay_and_expiry_count_from_the_decision() {
    let mut s = Sender::holding(Peer::Refuse);
    let (_, approval) = s.hold(&["bob@y.test"]);
    s.pass(70 * HOUR_MS);
    s.approve(approval, None);
    let decided = START + s.now() as i64;
    assert_eq!(
        s.row("bob@y.test").expires_at,
        decided + 72 * HOUR_MS as i64
    );
    s.pass(4 * HOUR_MS - 1000);
    assert_eq!(s.notices(), 0);
    s.pass(2000);
    assert_eq!(s.notices(), 1);
    s.pass(67 * HOUR_MS);
    assert_eq!(s.row("bob@y.test").status, OutboundStatus::Deferred);
    s.pass(2 * HOUR_MS);
    assert_eq!(s.row("bob@y.test").status, OutboundStatus::Expired);
    s.check();
}

#[test]
fn without_a_decision_its_rows_end_and_no_one_gets_a_bounce() {
    let mut s = Sender::holding(serve(|_| OK));
    let (_, declined) = s.hold(&["bob@y.test"]);
    s.hold(&["eve@y.test"]);
    s.decline(declined);
    assert_eq!(s.row("bob@y.test").status, OutboundStatus::Cancelled);
    // It is expired by its time also when nothing ran then.
    s.world.clock.fetch_add(73 * HOUR_MS, Ordering::Relaxed);
    s = s.restarted();
    s.settle();
    assert_eq!(s.row("eve@y.test").status, OutboundStatus::Expired);
    assert!(s.sent.is_empty() && s.told().is_empty());
    assert_eq!(s.notices(), 0);
    s.check();
    // A week later they are gone.
    s.pass(8 * 24 * HOUR_MS);
    assert_eq!(s.rows(), []);
    s.check();
}

/// A recipient is taken back between the reader, which prepares the message, and the writer.
#[test]
fn one_that_is_taken_back_while_the_decision_is_made_does_not_get_it() {
    let mut s = Sender::holding(serve(|_| OK));
    let (_, approval) = s.hold(&["bob@y.test", "eve@y.test"]);
    let ask = s.approval(approval, ApprovalEdit::default());
    let (request, call) = s.world.request(1, "192.0.2.1", ask).split(());
    let Call::Accept(intake) = call else { panic!() };
    let mut task = ReadTask::Intake(request.split(IntakeStage::Parse(intake)).0);
    let delivery = loop {
        match s.world.inline.reader.turn(&s.world.inline.store, task) {
            ReadTurn::Again(again) => task = again,
            ReadTurn::Deliver(delivery) => break delivery,
            other => panic!("{other:?}"),
        }
    };
    let id = s.row("eve@y.test").id;
    s.cancel(id);
    let batch = [WriteTask::Deliver(delivery)];
    let turn = s.world.inline.writer.turn(&s.world.inline.store, &batch);
    assert_eq!(
        turn.replies[0].1,
        Reply::Refused(Refusal::Conflict(ConflictReason::RecipientsChanged))
    );
    s.check();
    assert_eq!(s.row("bob@y.test").status, OutboundStatus::Held);
    // The next decision is over the recipients that are left.
    s.approve(approval, None);
    s.pass(HOUR_MS);
    let sent: Vec<&str> = s.sent.iter().map(|(_, to, _)| to.as_str()).collect();
    assert_eq!(sent, ["bob@y.test"]);
    assert_eq!(s.row("eve@y.test").status, OutboundStatus::Cancelled);
    s.check();
}

/// Who holds little and leaves with much pays for it as long as a recipient waits, though the copy
/// in Sent is deleted, and though the first recipient was taken back.
#[test]
fn its_rows_cost_what_leaves() {
    const TEXT: usize = 200_000;
    let mut s = Sender::holding(Peer::Refuse);
    let (entry, approval) = s.hold(&["bob@y.test", "eve@y.test"]);
    let held = s.stored_bytes();
    let id = s.row("bob@y.test").id;
    s.cancel(id);
    s.approve(approval, Some("text\n".repeat(TEXT / 5)));
    s.world.written(Ask::of(
        &s.access.clone(),
        MessageWrite::Delete {
            inbox: InboxRef::Address("ann@agents.test".into()),
            id: entry,
            permanent: true,
        },
    ));
    s.check();
    assert_eq!(s.row("eve@y.test").status, OutboundStatus::Deferred);
    assert!(s.stored_bytes() > held + TEXT as u64 / 2, "{held}");
    s.pass(80 * HOUR_MS);
    assert_eq!(s.row("eve@y.test").status, OutboundStatus::Expired);
    s.check();
}

/// A release before this one has held mail without rows in the queue.
#[test]
fn what_an_older_release_has_held_leaves_too() {
    let mut s = Sender::holding(serve(|_| OK));
    let (entry, approval) = s.hold(&["bob@y.test"]);
    let (other, declined) = s.hold(&["eve@y.test"]);
    let store = &s.world.inline.store;
    store.begin().unwrap();
    for entry in [entry, other] {
        for row in store.waiting_outbound(s.org, entry).unwrap() {
            store.delete_outbound(&row).unwrap();
        }
    }
    store.commit().unwrap();
    s.check();
    assert_eq!(s.rows(), []);
    s.decline(declined);
    s.approve(approval, None);
    let row = s.row("bob@y.test");
    assert_eq!(
        (row.status, row.message),
        (OutboundStatus::Delivered, Some(entry))
    );
    assert_eq!(s.rows().len(), 1);
}
