//! What the filter says of a message, as JSON.

use super::fields::ANY;
use super::fields::FieldKind::{Flag, List, Object, OneOf, Score, Text};
use super::inbox::COUNT;
use super::shapes::{Shape, shape};
use crate::call::{InjectionPlace, InjectionReport, InjectionSpan, RuleHit, SpamReport, Verdict};

static RULE_HIT: Shape<RuleHit> = shape! {
    "RuleHit", "A rule of the filter that a message meets.";
    id: always Text(ANY), r#""learned""#, "The name of the rule."
        => |slot, hit| slot.text(&hit.id);
    score: always Score, "1.25", "What it adds; below 0 it speaks for the message."
        => |slot, hit| slot.shown_raw(hit.score);
    why: always Text(ANY), r#""The words are like those of spam.""#, "What was found."
        => |slot, hit| slot.text(&hit.why);
};

static INJECTION_SPAN: Shape<InjectionSpan> = shape! {
    "InjectionSpan", "A place of a message that tries to give orders to an agent.";
    place: always OneOf(&InjectionPlace::NAMES), r#""text""#,
        "Where it stands. Of `text` and `subject` the characters are those that the message shows."
        => |slot, span| slot.text(span.place.name());
    start: always COUNT, "120", "Its first character, counted from 0."
        => |slot, span| slot.number(u64::from(span.start));
    end: always COUNT, "164", "The character behind it."
        => |slot, span| slot.number(u64::from(span.end));
};

static INJECTION: Shape<InjectionReport> = shape! {
    "Injection", "What a message has in it that tries to give orders to an agent.";
    score: always Score, "0.00", "What its rules add; 0 when there are none."
        => |slot, found| slot.shown_raw(found.score);
    spans: always List(&Object(&INJECTION_SPAN)), "[]", "Where it stands, at most 16 places."
        => |mut slot, found| INJECTION_SPAN.write_list(slot.octets(), &found.spans);
};

pub(in crate::http) static SPAM: Shape<SpamReport> = shape! {
    "Spam", "What the filter says of a message.";
    verdict: always OneOf(Verdict::NAMES), r#""clean""#, "What the score means."
        => |slot, report| slot.text(report.verdict.name());
    score: always Score, "0.40", "The sum of all rules."
        => |slot, report| slot.shown_raw(report.score);
    threshold: always Score, "6.00", "The score from which a message is spam in this inbox."
        => |slot, report| slot.shown_raw(report.threshold);
    rules: always List(&Object(&RULE_HIT)), "[]", "The rules that it meets, the weightiest first, at most 32."
        => |mut slot, report| RULE_HIT.write_list(slot.octets(), &report.rules);
    injection: always Object(&INJECTION), "{}", "What it has in it that tries to give orders to an agent."
        => |mut slot, report| INJECTION.write(slot.octets(), &report.injection);
    sampled: always Flag, "false", "It was too large to be read whole: its beginning and its end were judged."
        => |slot, report| slot.flag(report.is_sampled);
};
