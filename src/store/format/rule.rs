//! The stored encodings of rules: their conditions and actions, and what the log tells of them. It
//! is a part of `format.rs`, whose rule holds here too: a version is never changed, and every
//! version is read for ever.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::Form;
use crate::call::{
    AutoReplyNote, AutoReplyRefusal, AutoReplyStatus, EntryId, PriorityLevel, RuleAction,
    RuleCondition, RuleField, RuleId, RuleNote, RuleOp, RuleReply, RuleValue, RuleWhen,
};
use crate::store::Error;

const RULE: Form = Form {
    what: "rule",
    version: 2,
};

/// Versions 1 and 2 of `rule.spec`. Version 2 added the last two actions, so one layout reads both.
#[derive(Serialize, Deserialize)]
struct StoredRule<'a> {
    all: bool,
    conditions: Vec<StoredCondition<'a>>,
    then: Vec<StoredAction<'a>>,
}

/// Fields and comparisons are their names in the API.
#[derive(Serialize, Deserialize)]
struct StoredCondition<'a> {
    field: Cow<'a, str>,
    op: Cow<'a, str>,
    value: Option<StoredValue<'a>>,
}

#[derive(Serialize, Deserialize)]
enum StoredValue<'a> {
    Text(Cow<'a, str>),
    Number(i64),
    Flag(bool),
}

#[derive(Serialize, Deserialize)]
enum StoredAction<'a> {
    Move {
        folder: Cow<'a, str>,
        create: bool,
    },
    Label {
        add: Vec<Cow<'a, str>>,
        remove: Vec<Cow<'a, str>>,
    },
    MarkSeen,
    Flag,
    Priority(i8),
    Delete,
    Stop,
    Forward {
        to: Vec<Cow<'a, str>>,
    },
    AutoReply(Box<StoredReply<'a>>),
}

#[derive(Serialize, Deserialize)]
struct StoredReply<'a> {
    subject: Option<Cow<'a, str>>,
    text: Option<Cow<'a, str>>,
    html: Option<Cow<'a, str>>,
    once_per_s: u64,
}

/// What became of the answer of a rule: a part of `event.detail`. Words are those of the API.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredAutoReply<'a> {
    rule: i64,
    to: Cow<'a, str>,
    status: Cow<'a, str>,
    reason: Option<Cow<'a, str>>,
    message: Option<i64>,
}

/// What a rule has done: a part of `event.detail`.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredRuleNote<'a> {
    id: i64,
    name: Cow<'a, str>,
    actions: Vec<StoredAction<'a>>,
    error: Option<Cow<'a, str>>,
}

/// Writes `rule.spec`.
pub(in crate::store) fn encode_rule(
    when: &RuleWhen,
    then: &[RuleAction],
) -> Result<Vec<u8>, Error> {
    RULE.encode(&StoredRule {
        all: when.all,
        conditions: (when.conditions.iter())
            .map(|condition| StoredCondition {
                field: condition.field.name(),
                op: condition.op.name().into(),
                value: condition.value.as_ref().map(|value| match value {
                    RuleValue::Text(text) => StoredValue::Text(text.into()),
                    RuleValue::Number(number) => StoredValue::Number(*number),
                    RuleValue::Flag(on) => StoredValue::Flag(*on),
                }),
            })
            .collect(),
        then: then.iter().map(store_action).collect(),
    })
}

/// Reads `rule.spec`.
pub(in crate::store) fn decode_rule(octets: &[u8]) -> Result<(RuleWhen, Vec<RuleAction>), Error> {
    let (_, rest) = RULE.open(octets)?;
    let stored: StoredRule<'_> = RULE.decode(rest)?;
    let conditions = (stored.conditions.into_iter())
        .map(|condition| {
            Some(RuleCondition {
                field: RuleField::named(&condition.field)?,
                op: RuleOp::named(&condition.op)?,
                value: condition.value.map(|value| match value {
                    StoredValue::Text(text) => RuleValue::Text(text.into_owned()),
                    StoredValue::Number(number) => RuleValue::Number(number),
                    StoredValue::Flag(on) => RuleValue::Flag(on),
                }),
            })
        })
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| RULE.corrupt())?;
    let when = RuleWhen {
        all: stored.all,
        conditions,
    };
    Ok((when, stored.then.into_iter().map(load_action).collect()))
}

fn store_action(action: &RuleAction) -> StoredAction<'_> {
    let texts = |all: &'_ [String]| all.iter().map(|text| Cow::Owned(text.clone())).collect();
    match action {
        RuleAction::Move { folder, create } => StoredAction::Move {
            folder: folder.into(),
            create: *create,
        },
        RuleAction::Label { add, remove } => StoredAction::Label {
            add: texts(add),
            remove: texts(remove),
        },
        RuleAction::MarkSeen => StoredAction::MarkSeen,
        RuleAction::Flag => StoredAction::Flag,
        RuleAction::Priority(level) => StoredAction::Priority(level.stored()),
        RuleAction::Delete => StoredAction::Delete,
        RuleAction::Stop => StoredAction::Stop,
        RuleAction::Forward { to } => StoredAction::Forward { to: texts(to) },
        RuleAction::AutoReply(reply) => {
            let RuleReply {
                subject,
                text,
                html,
                once_per_s,
            } = &**reply;
            StoredAction::AutoReply(Box::new(StoredReply {
                subject: subject.as_deref().map(Cow::from),
                text: text.as_deref().map(Cow::from),
                html: html.as_deref().map(Cow::from),
                once_per_s: *once_per_s,
            }))
        }
    }
}

fn load_action(stored: StoredAction<'_>) -> RuleAction {
    let texts = |all: Vec<Cow<'_, str>>| all.into_iter().map(Cow::into_owned).collect();
    match stored {
        StoredAction::Move { folder, create } => RuleAction::Move {
            folder: folder.into_owned(),
            create,
        },
        StoredAction::Label { add, remove } => RuleAction::Label {
            add: texts(add),
            remove: texts(remove),
        },
        StoredAction::MarkSeen => RuleAction::MarkSeen,
        StoredAction::Flag => RuleAction::Flag,
        StoredAction::Priority(level) => RuleAction::Priority(PriorityLevel::of(level)),
        StoredAction::Delete => RuleAction::Delete,
        StoredAction::Stop => RuleAction::Stop,
        StoredAction::Forward { to } => RuleAction::Forward { to: texts(to) },
        StoredAction::AutoReply(reply) => RuleAction::AutoReply(Box::new(RuleReply {
            subject: reply.subject.map(Cow::into_owned),
            text: reply.text.map(Cow::into_owned),
            html: reply.html.map(Cow::into_owned),
            once_per_s: reply.once_per_s,
        })),
    }
}

pub(super) fn store_note(note: &RuleNote) -> StoredRuleNote<'_> {
    StoredRuleNote {
        id: note.id.0,
        name: (&note.name).into(),
        actions: note.actions.iter().map(store_action).collect(),
        error: note.error.as_deref().map(Cow::from),
    }
}

pub(super) fn load_note(stored: StoredRuleNote<'_>) -> RuleNote {
    RuleNote {
        id: RuleId(stored.id),
        name: stored.name.into_owned(),
        actions: stored.actions.into_iter().map(load_action).collect(),
        error: stored.error.map(Cow::into_owned),
    }
}

pub(super) fn store_reply(note: &AutoReplyNote) -> StoredAutoReply<'_> {
    let AutoReplyNote {
        rule,
        to,
        status,
        reason,
        message,
    } = note;
    StoredAutoReply {
        rule: rule.0,
        to: to.into(),
        status: status.name().into(),
        reason: reason.map(|reason| reason.name().into()),
        message: message.map(|id| id.0),
    }
}

pub(super) fn load_reply(stored: StoredAutoReply<'_>) -> AutoReplyNote {
    AutoReplyNote {
        rule: RuleId(stored.rule),
        to: stored.to.into_owned(),
        status: AutoReplyStatus::named(&stored.status).unwrap_or(AutoReplyStatus::LeftOut),
        reason: (stored.reason).and_then(|word| AutoReplyRefusal::named(&word)),
        message: stored.message.map(EntryId),
    }
}
