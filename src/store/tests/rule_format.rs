//! Every version of what is stored of rules, against octets that were kept (see `format.rs`).

use super::super::format::*;
use super::format::{arrived, golden, golden_one, report};
use super::*;

/// From version 13 of events on.
pub(super) fn replied() -> Vec<(&'static str, Change)> {
    let note = auto_reply();
    let replied = Change::AutoReplied {
        message: EntryId(5),
        note: Box::new(note),
    };
    vec![
        ("answered", answered(None)),
        ("answered-judged", answered(Some(report()))),
        ("auto-replied", replied),
    ]
}

/// A message that a rule has answered.
fn answered(spam: Option<SpamReport>) -> Change {
    let Change::Arrived(mut answered) = ruled(None) else {
        return Change::InboxCreated;
    };
    answered.auto_reply = Some(Box::new(AutoReplyNote {
        status: AutoReplyStatus::LeftOut,
        reason: Some(AutoReplyRefusal::Bulk),
        message: None,
        ..auto_reply()
    }));
    answered.spam = spam.map(Box::new);
    Change::Arrived(answered)
}

fn auto_reply() -> AutoReplyNote {
    AutoReplyNote {
        rule: RuleId(1 << 41),
        to: "ann@else.test".into(),
        status: AutoReplyStatus::Queued,
        reason: None,
        message: Some(EntryId(7)),
    }
}

/// A message that a rule of every action has matched, and one that has failed.
pub(super) fn ruled(in_reply_to_metadata: Option<String>) -> Change {
    let Change::Arrived(mut ruled) = arrived(Arrival::Received, SenderAuth::Unknown) else {
        return Change::InboxCreated;
    };
    ruled.in_reply_to_metadata = in_reply_to_metadata;
    ruled.rules = vec![
        RuleNote {
            id: RuleId(1 << 41),
            name: "Ünder".into(),
            actions: actions(),
            error: None,
        },
        RuleNote {
            id: RuleId(7),
            name: String::new(),
            actions: Vec::new(),
            error: Some("there is no folder \"A\"".into()),
        },
    ];
    Change::Arrived(ruled)
}

/// Every action.
fn actions() -> Vec<RuleAction> {
    vec![
        RuleAction::Move {
            folder: "A/B".into(),
            create: true,
        },
        RuleAction::Label {
            add: vec!["x".into(), "y".into()],
            remove: vec!["z".into()],
        },
        RuleAction::MarkSeen,
        RuleAction::Flag,
        RuleAction::Priority(PriorityLevel::High),
        RuleAction::Priority(PriorityLevel::Low),
        RuleAction::Delete,
        RuleAction::Stop,
    ]
}

/// The actions that came later.
fn later_actions() -> Vec<RuleAction> {
    vec![
        RuleAction::Forward {
            to: vec!["b@y.test".into()],
        },
        RuleAction::AutoReply(Box::new(RuleReply {
            subject: Some("s".into()),
            text: Some("ä".into()),
            html: None,
            once_per_s: 3600,
        })),
    ]
}

#[test]
fn rules_are_read() {
    let condition = |field: &str, op, value| RuleCondition {
        field: RuleField::named(field).unwrap(),
        op,
        value,
    };
    let when = RuleWhen {
        all: false,
        conditions: vec![
            condition(
                "header:x-ticket",
                RuleOp::Matches,
                Some(RuleValue::Text("a|ä".into())),
            ),
            condition("score", RuleOp::Greater, Some(RuleValue::Number(-1250))),
            condition("has_attachment", RuleOp::Is, Some(RuleValue::Flag(true))),
            condition("auth.dmarc", RuleOp::Exists, None),
        ],
    };
    let (kept, old) = (golden("rule_spec_2"), golden_one("rule_spec_1"));
    assert_eq!(decode_rule(&old).unwrap(), (when.clone(), actions()));
    assert_eq!(decode_rule(&kept[0].1).unwrap(), (when.clone(), actions()));
    assert_eq!(encode_rule(&when, &actions()).unwrap(), kept[0].1);
    assert!(decode_rule(&old[..old.len() - 1]).is_err());
    let none = RuleWhen {
        all: true,
        conditions: Vec::new(),
    };
    let kept = &kept[1].1;
    assert_eq!(decode_rule(kept).unwrap(), (none.clone(), later_actions()));
    assert_eq!(encode_rule(&none, &later_actions()).unwrap(), *kept);
}
