//! How an inbox judges mail, and a message that is taken for spam or for wanted.

use super::codes;
use super::fields::FieldKind::{Flag, Number, OneOf, Score, Scores};
use super::fields::{BodyTable, fields};
use super::inbox::COUNT;
use super::message::{CHANGED, changed};
use super::operation::{Gives, Operation, ResponseContent, Takes};
use super::routes::{RouteRequest, RouteResult, RouteStep};
use super::shapes::{Shape, shape};
use crate::call::{
    Answer, EntryId, InboxRead, InboxWrite, MessageWrite, OrgWrite, ShownSpamSettings, SpamPolicy,
    SpamSettings, WEIGHTS_MAX, Written,
};
use crate::http::wire::json;
use crate::http::wire::response::Response;

const NEW_SETTINGS: BodyTable = BodyTable {
    name: "NewSpamSettings",
    says: "How an inbox judges mail. All of it is replaced.",
    optional: false,
    example: r#"{"version":0,"suspicious":3,"spam":6,"policy":"junk"}"#,
    fields: fields! {
        version: required Number { min: 0, max: i64::MAX as u64 }, "0",
            "The version that is replaced, so that no change of another client is lost.";
        suspicious: required Score, "3", "The score from which a message is suspicious.";
        spam: required Score, "6", "The score from which it is spam; not below `suspicious`.";
        policy: required OneOf(&SpamPolicy::NAMES), r#""junk""#,
            "What becomes of spam: `tag` leaves it where it would be, `junk` moves it to Junk before anyone hears of it, `reject` refuses it in the session.";
        weights: optional Scores(WEIGHTS_MAX), r#"{"learned":1.5}"#,
            "The weights of rules, by their names, that are to differ from the usual ones; 0 switches a rule off." or "{}";
        redact: optional Flag, "false",
            "Texts that are read leave out what tries to give orders to an agent." or "false";
        lessons_wanted: optional Number { min: 0, max: u32::MAX as u64 }, "0",
            "As it was read. It changes nothing.";
        lessons_spam: optional Number { min: 0, max: u32::MAX as u64 }, "0",
            "As it was read. It changes nothing.";
    },
};

static SETTINGS: Shape<ShownSpamSettings> = shape! {
    "SpamSettings", "How an inbox judges mail.";
    version: always COUNT, "1", "Grows by one with every change; 0 was never changed."
        => |slot, shown| slot.number(shown.settings.version);
    suspicious: always Score, "3.00", "The score from which a message is suspicious."
        => |slot, shown| slot.shown_raw(shown.settings.suspicious);
    spam: always Score, "6.00", "The score from which it is spam."
        => |slot, shown| slot.shown_raw(shown.settings.spam);
    policy: always OneOf(&SpamPolicy::NAMES), r#""tag""#, "What becomes of spam."
        => |slot, shown| slot.text(shown.settings.policy.name());
    weights: always Scores(WEIGHTS_MAX), "{}", "The weights of rules that differ from the usual ones."
        => |mut slot, shown| json::object(slot.octets(), |o| {
            for (id, weight) in &shown.settings.weights {
                o.slot(id).shown_raw(weight);
            }
        });
    redact: always Flag, "false", "Texts that are read leave out what tries to give orders to an agent."
        => |slot, shown| slot.flag(shown.settings.redacts);
    lessons_wanted: always COUNT, "0",
        "Messages of the organization that the filter has learned as wanted; it takes part from five of each kind on."
        => |slot, shown| slot.number(shown.lessons_wanted.into());
    lessons_spam: always COUNT, "0", "Messages of the organization that the filter has learned as spam."
        => |slot, shown| slot.number(shown.lessons_spam.into());
};

const SETTINGS_GIVES: &[Gives] = &[Gives {
    status: 200,
    says: "The settings.",
    content: ResponseContent::One(&SETTINGS),
}];

pub(crate) static READ_SETTINGS: Operation = Operation {
    id: "inboxes.spam",
    summary: "Read how an inbox judges mail",
    says: "Reads the thresholds, the weights and the policy of an inbox.",
    query: &[],
    takes: Takes::Nothing,
    gives: SETTINGS_GIVES,
    errors: &[],
    run: |request| {
        let inbox = request.inbox()?;
        Ok(RouteStep::Read(
            Box::new(InboxRead::Spam { inbox }.into()),
            |answer, _, _| match answer {
                Answer::SpamSettings(settings) => Some(SETTINGS.response(200, &settings)),
                _ => None,
            },
        ))
    },
};

pub(crate) static SET: Operation = Operation {
    id: "inboxes.set_spam",
    summary: "Change how an inbox judges mail",
    says: "Replaces the thresholds, the weights and the policy of an inbox. They hold from the next \
           message on. With `reject`, a message is refused only if each of its recipients refuses \
           it; where others take it, it is in Junk of the inboxes that do not.",
    query: &[],
    takes: Takes::Json(&NEW_SETTINGS),
    gives: SETTINGS_GIVES,
    errors: &[codes::CONFLICT],
    run: set,
};

fn set(request: &mut RouteRequest<'_>) -> RouteResult {
    let inbox = request.inbox()?;
    let body = &mut request.body;
    let usual = SpamSettings::default();
    let policy = body.text("policy").unwrap_or_default();
    for learned in ["lessons_wanted", "lessons_spam"] {
        body.number(learned);
    }
    let settings = SpamSettings {
        version: body.number("version").unwrap_or_default(),
        suspicious: body.score("suspicious").unwrap_or(usual.suspicious),
        spam: body.score("spam").unwrap_or(usual.spam),
        policy: SpamPolicy::named(&policy).unwrap_or_default(),
        weights: body.scores("weights"),
        redacts: body.flag("redact").unwrap_or(false),
    };
    let call = InboxWrite::SetSpam {
        inbox,
        settings: Box::new(settings),
    };
    Ok(RouteStep::Write(
        Box::new(call.into()),
        |written, _| match written {
            Written::SpamSettings(settings) => Some(SETTINGS.response(200, settings)),
            _ => None,
        },
    ))
}

const SAID: BodyTable = BodyTable {
    name: "Said",
    says: "Nothing is needed: the body may be empty, or an object without fields.",
    optional: true,
    example: "{}",
    fields: &[],
};

pub(crate) static SPAM_MESSAGE: Operation = Operation {
    id: "messages.spam",
    summary: "Take a message for spam",
    says: "Says that a message is spam: it moves to Junk with the label `$Junk`, the inbox takes \
           mail of its sender for spam rather from now on, and the filter of the organization \
           learns its words. A move to Junk and the label `$Junk` teach the words too.",
    query: &[],
    takes: Takes::Json(&SAID),
    gives: CHANGED,
    errors: &[codes::LIMIT_REACHED, codes::CONFLICT],
    run: |request| teach(request, true),
};

pub(crate) static NOT_SPAM_MESSAGE: Operation = Operation {
    id: "messages.not_spam",
    summary: "Take a message for wanted",
    says: "Says that a message is wanted: it moves to INBOX with the label `$NotJunk`, the \
           inbox takes mail of its sender for wanted rather from now on, and the filter of the \
           organization learns its words. A move out of Junk and the label `$NotJunk` teach the \
           words too.",
    query: &[],
    takes: Takes::Json(&SAID),
    gives: CHANGED,
    errors: &[codes::LIMIT_REACHED, codes::CONFLICT],
    run: |request| teach(request, false),
};

fn teach(request: &mut RouteRequest<'_>, is_spam: bool) -> RouteResult {
    let call = MessageWrite::Teach {
        inbox: request.inbox()?,
        id: request.id(1, "message", EntryId::parse)?,
        is_spam,
        idempotency: request
            .idempotency(|written| changed(written).map_or_else(Vec::new, Response::keep)),
    };
    Ok(RouteStep::Write(Box::new(call.into()), |written, _| {
        changed(written)
    }))
}

pub(crate) static FORGET: Operation = Operation {
    id: "spam.forget",
    summary: "Forget what the filter has learned",
    says: "Has the organization forget what its filter has learned, and the lessons that wait. Its mail \
           is judged by the shipped model again until it is taught anew. Labels and folders stay.",
    query: &[],
    takes: Takes::Nothing,
    gives: &[Gives {
        status: 204,
        says: "It is forgotten.",
        content: ResponseContent::Nothing,
    }],
    errors: &[],
    run: |_| {
        Ok(RouteStep::Write(
            Box::new(OrgWrite::ForgetLearned.into()),
            |written, _| match written {
                Written::Forgotten(_) => Some(Response::nothing()),
                _ => None,
            },
        ))
    },
};
