//! The place of one reader in a consumer group: what it claims, and when.

use std::sync::Arc;

use super::super::cursor::ResetReason;
use super::super::group::GroupCursor;
use super::super::writer::{EndReason, EventWriter};
use crate::call::{
    Access, Change, ClaimedEvents, Event, EventFilter, EventGroupId, EventKind, GroupClaim,
    GroupStart, GroupTerms, LeasedEvent, Listeners, Listening, Now, OrgId, Scopes, Topic,
};
use crate::http::tests::drive::{access, event};

/// The subscription of the connection.
const NUMBER: u32 = 3;

/// Records what is written.
#[derive(Default)]
struct Recorder(Vec<String>);

impl EventWriter for Recorder {
    fn has_room(&self) -> bool {
        true
    }

    fn is_quick(&self) -> bool {
        false
    }

    fn ready(&mut self, seq: u64, _epoch: u64) {
        self.0.push(format!("ready {seq}"));
    }

    fn event(&mut self, _: &Access, (_, event): (EventKind, &Event), _delivery: Option<u32>) {
        self.0.push(event.seq.to_string());
    }

    fn reset(&mut self, oldest: u64, _reason: ResetReason) {
        self.0.push(format!("reset {oldest}"));
    }

    fn end(&mut self, reason: EndReason) {
        self.0.push(format!("{reason:?}"));
    }
}

fn reader() -> (GroupCursor, GroupClaim) {
    let terms = GroupTerms {
        name: "workers".into(),
        topic: Topic::Org(OrgId(1)),
        filter: EventFilter::default(),
        is_ordered: false,
    };
    let listening = Listening::to(&Arc::new(Listeners::default()), Topic::Org(OrgId(1)));
    GroupCursor::open(terms, GroupStart::Now, (60_000, 100, NUMBER), listening)
}

/// Gives the answer to a claim, events of these numbers and when the next lease ends; the next
/// claim.
fn give(
    cursor: &mut GroupCursor,
    seqs: &[u64],
    next_end_ms: Option<u64>,
    said: &mut Recorder,
) -> Option<GroupClaim> {
    let leased = |seq: &u64| LeasedEvent {
        event: event(*seq, Change::InboxUpdated),
        kind: EventKind::InboxUpdated,
        delivery: 1,
    };
    let claimed = ClaimedEvents {
        group: EventGroupId(7),
        events: seqs.iter().map(leased).collect(),
        reset: None,
        more: false,
        seq: seqs.last().copied().unwrap_or(9),
        epoch: 1,
        next_end_ms,
    };
    cursor.answer(&access(Scopes::ADMIN), &claimed, said)
}

#[test]
fn a_reader_that_takes_all_at_once_claims_more() {
    let (mut cursor, first) = reader();
    let mut said = Recorder::default();
    assert_eq!((first.max, first.joined), (8, None));
    let mut asked = Vec::new();
    // Each line: whether it took what it was given at once.
    for is_quick in [true, true, true, true, false, true, false, false] {
        assert_eq!(give(&mut cursor, &[1], None, &mut said), None);
        // Until the client has taken all, nothing makes it claim.
        assert_eq!(cursor.news(NUMBER), None);
        assert_eq!(cursor.wake(at(u64::MAX)), None);
        let claim = cursor.resume(is_quick).unwrap();
        assert_eq!(cursor.resume(is_quick), None, "one claim is out");
        assert_eq!(claim.joined, Some(EventGroupId(7)));
        asked.push(claim.max);
    }
    assert_eq!(asked, [16, 32, 32, 32, 8, 16, 8, 8]);
}

#[test]
fn a_reader_that_got_nothing_waits_for_news_or_the_end_of_a_lease() {
    let (mut cursor, _) = reader();
    let mut said = Recorder::default();
    assert_eq!(give(&mut cursor, &[], Some(50), &mut said), None);
    assert_eq!(said.0, ["ready 9"]);
    assert_eq!(cursor.resume(true), None);
    assert_eq!(cursor.news(NUMBER + 1), None, "of another subscription");
    assert_eq!((cursor.wake_ms(), cursor.wake(at(49))), (Some(50), None));
    assert_eq!(cursor.wake(at(50)).unwrap().max, 8);
    assert_eq!((cursor.wake_ms(), cursor.wake(at(51))), (None, None));
    // News while the claim is out: what it finds may be older than they.
    assert_eq!(cursor.news(NUMBER), None);
    assert!(give(&mut cursor, &[], None, &mut said).is_some());
    assert_eq!(give(&mut cursor, &[], None, &mut said), None);
    assert!(cursor.news(NUMBER).is_some());
    // It is told once that it is at the head.
    assert_eq!(said.0, ["ready 9"]);
    cursor.end();
    assert!(cursor.has_ended());
    assert_eq!((cursor.news(NUMBER), cursor.resume(true)), (None, None));
    assert_eq!(give(&mut cursor, &[1], None, &mut said), None);
    assert_eq!(said.0, ["ready 9"]);
}

fn at(mono_ms: u64) -> Now {
    Now {
        unix_ms: 0,
        mono_ms,
    }
}
