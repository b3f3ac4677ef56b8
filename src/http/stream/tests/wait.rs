//! A request that waits, input by input: no message between its look and its watch is missed, and
//! whatever ends it waits for the call that is out.

use std::sync::Arc;

use crate::call::{
    Access, Answer, Arrival, Arrived, Bulk, Call, Change, EntryId, EntryState, Event, Flags, Grant,
    InboxId, InboxPath, InboxRef, KeyId, MailboxId, MessageFilter, MessageRead, Noun, Now, OrgId,
    Read, Refusal, Reply, Scopes, SenderAuth, Summary, ThreadId, Topic, UidSet,
};
use crate::http::stream::{MessageWait, WaitEnd, WaitStep};

const INBOX: InboxId = InboxId(3);

fn now(ms: u64) -> Now {
    Now {
        mono_ms: 1000 + ms,
        unix_ms: 1_767_225_600_000 + i64::try_from(ms).unwrap(),
    }
}

fn begun() -> MessageWait {
    let access = Access(Arc::new(Grant {
        org: OrgId(1),
        key: Some(KeyId(2)),
        scopes: Scopes::MESSAGES_READ,
        inboxes: None,
        subtree: false,
        inbox: None,
        address: String::new(),
        expires_at: None,
    }));
    let inbox = InboxRef::Address("bot@x.test".into());
    let mut wait = MessageWait::new(access, inbox, (MessageFilter::default(), None), 10_000);
    let (ask, ends) = wait.begin(now(0));
    assert!(matches!(ask.call, Call::Look(_)));
    assert_eq!(ends, now(10_000));
    assert!(!wait.has_lease());
    assert_eq!(
        looked_at(wait.reply(now(1), Reply::Answer(Answer::Waits(INBOX)))),
        None
    );
    assert!(wait.has_lease());
    assert!(wait.topics().contains(&Topic::Inbox(INBOX)));
    assert!(wait.topics().contains(&Topic::Key(KeyId(2))));
    wait
}

/// The messages that the next look is about; `None` is all.
fn looked_at(step: WaitStep) -> Option<Vec<EntryId>> {
    match step {
        WaitStep::Ask(ask) => match ask.call {
            Call::Read(Read::Message(MessageRead::Await { among, .. })) => among,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

fn state(id: i64) -> EntryState {
    EntryState {
        uid: 1,
        id: EntryId(id),
        modseq: 1,
        flags: Flags::NONE,
        keywords: Vec::new(),
    }
}

fn event(change: Change) -> Event {
    Event {
        org: OrgId(1),
        depth: 0,
        seq: 1,
        at: 0,
        inbox: Some(Arc::new(InboxPath {
            id: INBOX,
            address: "bot@x.test".into(),
            ancestors: Vec::new(),
        })),
        mailbox: Some(MailboxId(1)),
        uids: UidSet::one(1),
        change,
        origin: None,
    }
}

fn arrived(id: i64, kind: Arrival) -> Event {
    event(Change::Arrived(Box::new(Arrived {
        kind,
        state: state(id),
        thread: ThreadId(1),
        folder: "INBOX".into(),
        size: 1,
        message_id: String::new(),
        summary: Summary::default(),
        auth: SenderAuth::Unknown,
        spam: None,
        in_reply_to_metadata: None,
        rules: Vec::new(),
        auto_reply: None,
    })))
}

fn none() -> Reply {
    Reply::Answer(Answer::Done)
}

#[test]
fn what_comes_while_a_look_is_out_is_looked_at_next() {
    let mut wait = begun();
    assert!(matches!(
        wait.event(&arrived(5, Arrival::Received)),
        WaitStep::Park
    ));
    assert!(matches!(
        wait.event(&arrived(6, Arrival::Sent)),
        WaitStep::Park
    ));
    assert!(matches!(
        wait.event(&arrived(7, Arrival::Received)),
        WaitStep::Park
    ));
    let ids = looked_at(wait.reply(now(2), none()));
    assert_eq!(ids, Some(vec![EntryId(5), EntryId(7)]));
    assert!(matches!(
        wait.event(&arrived(8, Arrival::Received)),
        WaitStep::Park
    ));
    assert_eq!(
        looked_at(wait.reply(now(3), none())),
        Some(vec![EntryId(8)])
    );
    assert!(matches!(wait.reply(now(4), none()), WaitStep::Park));
    // Nothing is out: at once.
    let ids = looked_at(wait.event(&arrived(9, Arrival::Received)));
    assert_eq!(ids, Some(vec![EntryId(9)]));
}

#[test]
fn with_very_many_it_looks_at_all() {
    let bulk = |count: u32, shown: i64| {
        event(Change::Copied(Bulk {
            messages: (0..shown).map(state).collect(),
            count,
            folder: "INBOX".into(),
            details: Vec::new(),
        }))
    };
    let mut wait = begun();
    assert!(matches!(wait.reply(now(1), none()), WaitStep::Park));
    assert_eq!(
        looked_at(wait.event(&bulk(2, 2))).map(|ids| ids.len()),
        Some(2)
    );
    // More than the event names.
    wait.event(&bulk(300, 100));
    assert_eq!(looked_at(wait.reply(now(2), none())), None);
    // More than it keeps.
    for id in 0..101 {
        wait.event(&arrived(id, Arrival::Received));
    }
    assert_eq!(looked_at(wait.reply(now(3), none())), None);
    assert!(matches!(wait.reply(now(4), none()), WaitStep::Park));
}

#[test]
fn an_end_waits_for_the_call_that_is_out() {
    let mut wait = begun();
    assert!(matches!(wait.deadline(now(10_000)), WaitStep::Park));
    assert!(matches!(
        wait.reply(now(10_001), none()),
        WaitStep::End(WaitEnd::Nothing)
    ));
    let mut wait = begun();
    assert!(matches!(wait.shutdown(), WaitStep::Park));
    assert!(matches!(
        wait.reply(now(1), none()),
        WaitStep::End(WaitEnd::Refused(Refusal::Stopping))
    ));
    let mut wait = begun();
    assert!(matches!(wait.reply(now(1), none()), WaitStep::Park));
    assert!(matches!(
        wait.event(&event(Change::InboxDeleted)),
        WaitStep::End(WaitEnd::Refused(Refusal::NotFound(Noun::Inbox)))
    ));
    let mut wait = begun();
    assert!(matches!(
        wait.reply(now(1), Reply::Answer(Answer::Names(Vec::new()))),
        WaitStep::End(WaitEnd::OutOfStep)
    ));
}
