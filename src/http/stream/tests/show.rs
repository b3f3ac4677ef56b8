//! What is written of each kind of event, and the table that describes it, say the same.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::call::*;
use crate::engine::Renderings;
use crate::http::api::event::EVENT;
use crate::http::api::fields::{FieldKind, FieldRow, Presence};
use crate::http::stream::cursor::ResetReason;
use crate::http::stream::show;
use crate::http::stream::writer::EndReason;
use crate::http::tests::drive;

/// Compares one object with its rows; gives the names of the fields that were written.
fn compare(place: &str, rows: &[&FieldRow], value: &Value, seen: &mut BTreeSet<String>) {
    let object = value.as_object().unwrap();
    for (name, value) in object {
        let row = rows.iter().find(|row| row.name == name);
        let row = row.unwrap_or_else(|| panic!("{place}.{name} is written and not described"));
        assert!(!value.is_null() || row.null, "{place}.{name} is null");
        let place = format!("{place}.{name}");
        seen.insert(place.clone());
        match (row.kind, value) {
            (FieldKind::Object(described), Value::Object(_)) => {
                compare(&place, &described.fields(), value, seen);
            }
            (FieldKind::List(FieldKind::Object(described)), Value::Array(items)) => {
                for item in items {
                    compare(&place, &described.fields(), item, seen);
                }
            }
            _ => {}
        }
    }
    for row in rows {
        let is_there = object.contains_key(row.name) || row.presence != Presence::Always;
        assert!(
            is_there,
            "{place}.{} is described and not written",
            row.name
        );
    }
}

fn reply() -> AutoReplyNote {
    AutoReplyNote {
        rule: RuleId(1),
        to: "ann@x.test".into(),
        status: AutoReplyStatus::LeftOut,
        reason: Some(AutoReplyRefusal::Bulk),
        message: Some(EntryId(2)),
    }
}

/// Every field of a table, with those below it.
fn described(place: &str, rows: &[&FieldRow], all: &mut BTreeSet<String>) {
    for row in rows {
        let place = format!("{place}.{}", row.name);
        all.insert(place.clone());
        let below = match row.kind {
            FieldKind::Object(below) => Some(below),
            FieldKind::List(FieldKind::Object(below)) => Some(*below),
            _ => None,
        };
        if let Some(below) = below {
            described(&place, &below.fields(), all);
        }
    }
}

/// What became of a message for a recipient.
fn outbound(outbound: OutboundId, class: Option<FailureClass>) -> Change {
    Change::Outbound(Box::new(OutboundNews {
        kind: EventKind::MessageBounced,
        message: class.map(|_| EntryId(1)),
        recipient: "ann@else.test".into(),
        outbound,
        reason: "550 5.1.1 no such user".into(),
        class,
        code: class.map(|_| 550),
        enhanced: class.map(|_| (5, 1, 1)),
        host: "mx.else.test".into(),
        metadata: None,
    }))
}

/// A report with a rule and a span.
fn report() -> SpamReport {
    SpamReport {
        rules: vec![RuleHit {
            id: "one_rule".into(),
            score: Score(125),
            why: "It says so.".into(),
        }],
        injection: InjectionReport {
            score: Score(0),
            spans: vec![InjectionSpan {
                place: InjectionPlace::Text,
                start: 1,
                end: 2,
            }],
        },
        verdict: Verdict::Clean,
        score: Score(125),
        threshold: Score(600),
        is_sampled: false,
    }
}

fn note() -> RuleNote {
    RuleNote {
        id: RuleId(1),
        name: "rule".into(),
        actions: vec![RuleAction::Flag],
        error: Some("failed".into()),
    }
}

/// A change of every kind that has a public type.
fn changes() -> Vec<Change> {
    let state = EntryState {
        uid: 1,
        id: EntryId(1),
        modseq: 2,
        flags: Flags::SEEN,
        keywords: vec!["Todo".into()],
    };
    let address = NamedAddress {
        name: "Ann".into(),
        address: "ann@x.test".into(),
    };
    let summary = Summary {
        from: address.clone(),
        to: vec![address],
        ..Summary::default()
    };
    let arrived = |kind, auth| {
        Change::Arrived(Box::new(Arrived {
            kind,
            state: state.clone(),
            thread: ThreadId(3),
            folder: "INBOX".into(),
            size: 4,
            message_id: "<m@x.test>".into(),
            summary: summary.clone(),
            auth,
            in_reply_to_metadata: Some("{\"run\":7}".into()),
            spam: Some(Box::new(report())),
            rules: vec![note()],
            auto_reply: Some(Box::new(reply())),
        }))
    };
    let bulk = Bulk {
        messages: vec![state.clone()],
        count: 1,
        folder: "INBOX".into(),
        details: Vec::new(),
    };
    let detail = |auth| MessageDetail {
        thread: ThreadId(3),
        size: 4,
        summary: summary.clone(),
        auth,
        spam: Some(Box::new(report())),
    };
    let told = Bulk {
        messages: vec![state.clone(); 3],
        count: 3,
        details: vec![
            detail(SenderAuth::Client),
            detail(SenderAuth::SpoofedLocal),
            detail(SenderAuth::Checked(Authentication::default())),
        ],
        ..bulk.clone()
    };
    vec![
        arrived(Arrival::Received, SenderAuth::Client),
        arrived(Arrival::Received, SenderAuth::SpoofedLocal),
        arrived(Arrival::Received, SenderAuth::Unknown),
        arrived(
            Arrival::Received,
            SenderAuth::Checked(Authentication::default()),
        ),
        arrived(Arrival::Sent, SenderAuth::Client),
        arrived(Arrival::Appended, SenderAuth::Unknown),
        Change::Copied(bulk.clone()),
        Change::Copied(told),
        Change::Flagged(bulk),
        Change::Expunged {
            messages: vec![EntryId(1)],
            count: 1,
            moved_to: None,
            folder: "INBOX".into(),
            reason: None,
        },
        Change::Approval(Box::new(ApprovalChange {
            approval: ApprovalId(1),
            status: ApprovalStatus::Declined,
            message: EntryId(1),
            recipient: "ann@else.test".into(),
            subject: "offer".into(),
            reason: Some("no".into()),
            metadata: Some("{\"run\":7}".into()),
        })),
        outbound(OutboundId(1), Some(FailureClass::Hard)),
        outbound(OutboundId(0), None),
        Change::AutoReplied {
            message: EntryId(1),
            note: Box::new(reply()),
        },
        Change::DomainVerified {
            domain: DomainId(1),
            name: "agents.example".into(),
        },
        Change::InboxCreated,
        Change::InboxUpdated,
        Change::InboxMoved { from: Vec::new() },
        Change::InboxDeleted,
    ]
}

#[test]
fn each_event_is_written_as_it_is_described() {
    let rows: Vec<&FieldRow> = EVENT.fields.iter().collect();
    let mut seen = BTreeSet::new();
    for change in changes() {
        let event = drive::event(7, change);
        let kind = event.meaning().kind.unwrap();
        for scopes in [Scopes::MESSAGES_READ, Scopes::EVENTS_READ] {
            let mut octets = Vec::new();
            let extra = match scopes == Scopes::EVENTS_READ {
                true => show::EventExtra::leased(2),
                false => show::EventExtra::default(),
            };
            let sight = event.sight(&drive::access(scopes));
            show::event_with(&mut octets, kind, (&event, extra), sight);
            let value = serde_json::from_slice(&octets).unwrap();
            compare("event", &rows, &value, &mut seen);
        }
    }
    // What a stream says of itself.
    let now = Now {
        unix_ms: 0,
        mono_ms: 0,
    };
    let frames: [fn(&mut Vec<u8>, Now); 3] = [
        |out, now| show::ready(out, now, 7, 1),
        |out, now| show::reset(out, now, 7, ResetReason::TooOld),
        |out, now| show::closing(out, now, 7, EndReason::KeyRevoked),
    ];
    for write in frames {
        let mut octets = Vec::new();
        write(&mut octets, now);
        let value = serde_json::from_slice(&octets).unwrap();
        compare("event", &rows, &value, &mut seen);
    }
    let mut all = BTreeSet::new();
    described("event", &rows, &mut all);
    let missing: Vec<&String> = all.difference(&seen).collect();
    assert!(
        missing.is_empty(),
        "described and never written: {missing:?}"
    );
}

/// Readers that share texts are shown what they would be shown alone, in any order.
#[test]
fn a_shared_text_is_the_one_of_its_reader() {
    let readers = [
        Scopes::EVENTS_READ,
        Scopes::EVENTS_READ.and(Scopes::INBOXES_READ),
        Scopes::MESSAGES_READ,
    ];
    let mut renderings = Renderings::default();
    for turn in 0..6 {
        for (seq, change) in changes().into_iter().enumerate() {
            let event = drive::event(seq as u64 + 1, change);
            let kind = event.meaning().kind.unwrap();
            let access = drive::access(readers[(turn + seq) % 3]);
            let (mut alone, mut shared) = (Vec::new(), Vec::new());
            show::event(&mut alone, kind, &event, event.sight(&access));
            show::shared_event(
                (&mut shared, &mut renderings),
                kind,
                (&event, None),
                &access,
            );
            assert_eq!(alone, shared, "{kind:?}");
        }
    }
}

#[test]
fn the_states_of_one_event_are_bounded() {
    let state = |uid: u32| EntryState {
        uid,
        id: EntryId(i64::from(uid)),
        modseq: 2,
        flags: Flags::SEEN,
        keywords: (0..64).map(|n| format!("{n:064}")).collect(),
    };
    let event = drive::event(
        7,
        Change::Flagged(Bulk {
            messages: (1..=100).map(state).collect(),
            count: 100,
            folder: "Archive".into(),
            details: vec![],
        }),
    );
    let kind = event.meaning().kind.unwrap();
    let mut out = Vec::new();
    let sight = event.sight(&drive::access(Scopes::EVENTS_READ));
    show::event(&mut out, kind, &event, sight);
    assert!(out.len() < 140 << 10, "{}", out.len());
    let value: Value = serde_json::from_slice(&out).unwrap();
    let shown = value["messages"].as_array().unwrap().len();
    assert!((20..100).contains(&shown), "{shown}");
    assert_eq!(
        (&value["count"], &value["more"]),
        (&100.into(), &true.into())
    );
}
