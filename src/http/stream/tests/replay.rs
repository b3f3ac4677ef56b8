//! Whole streams against a log of a thousand events. Every number comes once, for every
//! cursor. A slow reader costs a cursor. Every end is one that a client can read.

use crate::call::{
    Answer, Call, Change, Event, EventRead, InboxId, InboxRow, KeyId, Limits, Look, Read, Refusal,
    Reply,
};
use crate::http::tests::drive::{Drive, event};

fn log_of(call: &Call) -> Reply {
    const HEAD: u64 = 1000;
    match call {
        Call::Look(Look::OpenStream { .. }) => Reply::Answer(Answer::Done),
        Call::Look(Look::LogState) => Reply::Answer(Answer::LogState {
            head: HEAD,
            oldest: 101,
            epoch: 1,
        }),
        Call::Look(Look::FindInboxes { .. }) => Reply::Answer(Answer::Inboxes {
            rows: vec![InboxRow {
                id: InboxId(5),
                address: "a@x.test".into(),
                display_name: None,
                parent: None,
                client_id: None,
                metadata: None,
                created_at: 0,
                bytes: 0,
                messages: 0,
                receive_default: crate::call::ReceiveDefault::Allow,
                expires_at: None,
                retention_days: None,
                upstream: None,
                quota_bytes: None,
                limits: crate::call::InboxLimits::default(),
                send_mode: crate::call::SendMode::Direct,
            }],
            next: None,
        }),
        Call::Read(Read::Event(EventRead::After { after, limit, .. })) => {
            let events: Vec<Event> = (*after + 1..=HEAD)
                .take(*limit)
                .map(|seq| event(seq, Change::InboxUpdated))
                .collect();
            let scanned_to = events.last().map_or(HEAD, |e| e.seq);
            Reply::Answer(Answer::Events {
                events,
                scanned_to,
                head: HEAD,
                oldest: 101,
                epoch: 1,
            })
        }
        _ => Reply::Refused(Refusal::Internal),
    }
}

fn stream(fields: &str, path: &str) -> Drive {
    let mut drive = Drive::new(Limits::default());
    drive.answer = log_of;
    let text = format!(
        "GET /api/v1/{path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer good\r\n{fields}\r\n"
    );
    drive.send(text.as_bytes(), 1000);
    drive
}

/// The numbers of the frames that have a type.
fn numbers(said: &str) -> Vec<u64> {
    said.split("\n\n")
        .filter(|frame| frame.contains("event: inbox.updated"))
        .map(|frame| {
            let line = frame.lines().find_map(|l| l.strip_prefix("id: "));
            line.unwrap().parse().unwrap()
        })
        .collect()
}

#[test]
fn a_replay_has_every_number_once() {
    for from in [100, 101, 500, 999, 1000] {
        let said = stream(&format!("Last-Event-ID: {from}\r\n"), "events").take();
        assert_eq!(numbers(&said), (from + 1..=1000).collect::<Vec<_>>());
        assert!(!said.contains("event: reset"));
        // The client is told once that it has caught up, behind all that it had missed.
        assert!(said.ends_with("\n\n") && said.matches("event: ready").count() == 1);
        assert!(said.contains("id: 1000\nevent: ready\ndata: {\"seq\":1000,"));
    }
    for from in ["0", "99", "1001", "9223372036854775807"] {
        let said = stream(&format!("Last-Event-ID: {from}\r\n"), "events?since=500").take();
        let body = said.split_once("\r\n\r\n").unwrap().1;
        let (retry, first) = body.split_once('\n').unwrap();
        assert!(retry.starts_with("retry: "), "{retry}");
        assert!(
            first.starts_with("id: 100\nevent: reset\ndata: {\"seq\":101,"),
            "{first}"
        );
        assert_eq!(numbers(&said), (101..=1000).collect::<Vec<_>>());
    }
    for bad in [
        "-1",
        "+1",
        "1x",
        "0x1",
        "9223372036854775808",
        "99999999999999999999",
        "a b",
    ] {
        let said = stream(&format!("Last-Event-ID: {bad}\r\n"), "events").take();
        assert!(said.starts_with("HTTP/1.1 400 "), "{bad}: {said}");
    }
}

#[test]
fn a_slow_reader_costs_a_cursor() {
    let mut drive = stream("", "events");
    assert!(drive.take().contains("id: 1000\nevent: ready\n"));
    drive.reads = false;
    for seq in 1001..4000 {
        drive.event(seq, Change::InboxUpdated);
    }
    assert!(
        drive.unsent_bytes() < crate::engine::HIGH_WATER + 1024,
        "{}",
        drive.unsent_bytes()
    );
    let calls = drive.calls.len();
    drive.reads = true;
    drive.settle();
    // It asks the log for the events that it has not written.
    assert!(
        matches!(&drive.calls[calls], Call::Read(Read::Event(EventRead::After { after, .. })) if *after > 1000)
    );
}

/// A client that takes all at once stops in the middle, and goes on after so many milliseconds: the
/// numbers behind which pages were asked for.
fn pages_of_one_that_stops(stopped_ms: u64) -> Vec<u64> {
    let mut drive = Drive::new(Limits::default());
    drive.answer = log_of;
    drive.room = 50_000;
    let head = "GET /api/v1/events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer good\r\n";
    drive.send(format!("{head}Last-Event-ID: 100\r\n\r\n").as_bytes(), 1000);
    drive.wait(stopped_ms);
    drive.room = usize::MAX;
    drive.settle();
    assert_eq!(numbers(&drive.take()), (101..=1000).collect::<Vec<_>>());
    let pages = drive.calls.iter().filter_map(|call| match call {
        Call::Read(Read::Event(EventRead::After { after, .. })) => Some(*after),
        _ => None,
    });
    pages.collect()
}

#[test]
fn what_a_quick_client_has_no_room_for_is_kept_for_a_moment() {
    let goes_on = pages_of_one_that_stops(20);
    assert!(goes_on.is_sorted_by(|a, b| a < b), "{goes_on:?}");
    // What was kept is read again.
    let stays = pages_of_one_that_stops(21);
    assert!(!stays.is_sorted_by(|a, b| a < b), "{stays:?}");
}

#[test]
fn a_stream_has_heartbeats_and_ends() {
    let mut drive = stream("", "events");
    drive.take();
    drive.wait(15_000);
    assert_eq!(drive.take(), ": heartbeat\n");
    drive.event(1001, Change::MailboxCreated { name: "x".into() });
    assert_eq!(drive.take(), "");
    // The number that has moved is told with the refresh, in a frame that has data.
    drive.wait(18 * 15_000);
    assert_eq!(drive.take(), ": heartbeat\n".repeat(18));
    drive.wait(15_000);
    let said = drive.take();
    let ready = "id: 1001\nevent: ready\ndata: {\"seq\":1001,\"type\":\"ready\",";
    assert!(
        said.starts_with(ready) && said.ends_with("\"epoch\":1}\n\n"),
        "{said}"
    );
    drive.wait(15_000);
    assert_eq!(drive.take(), ": heartbeat\n");
    drive.shutdown();
    let said = drive.take();
    let closing = "id: 1001\nevent: closing\ndata: {\"seq\":1001,\"type\":\"closing\",";
    assert!(said.starts_with(closing), "{said}");
    assert!(
        said.contains("\"reason\":\"shutdown\",\"reconnect_after_ms\":"),
        "{said}"
    );
    assert!(drive.closed);

    let mut drive = stream("", "inboxes/a@x.test/watch?type=message.received");
    drive.take();
    drive.event(1001, Change::InboxDeleted);
    let said = drive.take();
    assert!(drive.closed && said.contains("\"inbox_deleted\",\"reconnect_after_ms\":null}"));

    let mut drive = stream("", "events");
    drive.take();
    drive.event(1001, Change::KeyRevoked { key: KeyId(2) });
    assert!(!drive.closed);
    drive.event(1002, Change::KeyRevoked { key: KeyId(1) });
    let said = drive.take();
    assert!(
        drive.closed && said.starts_with("id: 1001\nevent: closing\n"),
        "{said}"
    );
    assert!(said.contains("\"reason\":\"key_revoked\""), "{said}");
}
