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
    Answer, EntryId, InboxRead, InboxWrite, MessageWrite, SpamPolicy, SpamSettings, WEIGHTS_MAX,
    Written,
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
    },
};

static SETTINGS: Shape<SpamSettings> = shape! {
    "SpamSettings", "How an inbox judges mail.";
    version: always COUNT, "1", "Grows by one with every change; 0 was never changed."
        => |slot, settings| slot.number(settings.version);
    suspicious: always Score, "3.00", "The score from which a message is suspicious."
        => |slot, settings| slot.shown_raw(settings.suspicious);
    spam: always Score, "6.00", "The score from which it is spam."
        => |slot, settings| slot.shown_raw(settings.spam);
    policy: always OneOf(&SpamPolicy::NAMES), r#""tag""#, "What becomes of spam."
        => |slot, settings| slot.text(settings.policy.name());
    weights: always Scores(WEIGHTS_MAX), "{}", "The weights of rules that differ from the usual ones."
        => |mut slot, settings| json::object(slot.octets(), |o| {
            for (id, weight) in &settings.weights {
                o.slot(id).shown_raw(weight);
            }
        });
    redact: always Flag, "false", "Texts that are read leave out what tries to give orders to an agent."
        => |slot, settings| slot.flag(settings.redacts);
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

pub(crate) static SPAM_MESSAGE: Operation = Operation {
    id: "messages.spam",
    summary: "Take a message for spam",
    says: "Says that a message is spam: it moves to Junk with the label `$Junk`, and the inbox \
           takes mail of its sender for spam rather from now on.",
    query: &[],
    takes: Takes::Nothing,
    gives: CHANGED,
    errors: &[codes::LIMIT_REACHED, codes::CONFLICT],
    run: |request| teach(request, true),
};

pub(crate) static NOT_SPAM_MESSAGE: Operation = Operation {
    id: "messages.not_spam",
    summary: "Take a message for wanted",
    says: "Says that a message is wanted: it moves to INBOX with the label `$NotJunk`, and the \
           inbox takes mail of its sender for wanted rather from now on.",
    query: &[],
    takes: Takes::Nothing,
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
