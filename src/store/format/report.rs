//! The judgement of the filter on a message, as it is stored beside its entry and in the log, and
//! how an inbox judges. It is a part of `format.rs`, whose rule holds here too: a version is never
//! changed, and every version is read for ever.

use serde::{Deserialize, Serialize};

use super::{Form, Text};
use crate::call::{
    InjectionPlace, InjectionReport, InjectionSpan, RuleHit, Score, SpamPolicy, SpamReport,
    SpamSettings, Verdict,
};
use crate::store::Error;

const REPORT: Form = Form {
    what: "spam report",
    version: 1,
};

const SETTINGS: Form = Form {
    what: "spam settings",
    version: 1,
};

/// Version 1 of `spam_setting.settings`.
#[derive(Serialize, Deserialize)]
struct StoredSettings<'a> {
    version: u64,
    suspicious: i32,
    spam: i32,
    weights: Vec<(Text<'a>, i32)>,
    policy: StoredPolicy,
    redacts: bool,
}

#[derive(Serialize, Deserialize)]
enum StoredPolicy {
    Tag,
    Junk,
    Reject,
}

/// Version 1 of `entry.report`; also a part of version 11 of `event.detail`.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredReport<'a> {
    verdict: StoredVerdict,
    score: i32,
    threshold: i32,
    rules: Vec<StoredHit<'a>>,
    injection: i32,
    spans: Vec<StoredSpan>,
    is_sampled: bool,
}

#[derive(Serialize, Deserialize)]
enum StoredVerdict {
    Clean,
    Suspicious,
    Spam,
}

#[derive(Serialize, Deserialize)]
struct StoredHit<'a> {
    id: Text<'a>,
    score: i32,
    why: Text<'a>,
}

/// The place is its number.
#[derive(Serialize, Deserialize)]
struct StoredSpan {
    place: u8,
    start: u32,
    end: u32,
}

/// Writes `entry.report`.
pub(in crate::store) fn encode_report(report: &SpamReport) -> Result<Vec<u8>, Error> {
    REPORT.encode(&store_report(report))
}

/// Reads `entry.report`.
pub(in crate::store) fn decode_report(octets: &[u8]) -> Result<SpamReport, Error> {
    let (_, rest) = REPORT.open(octets)?;
    REPORT.decode::<StoredReport<'_>>(rest).map(load_report)
}

pub(super) fn store_report(report: &SpamReport) -> StoredReport<'_> {
    let SpamReport {
        verdict,
        score,
        threshold,
        rules,
        injection,
        is_sampled,
    } = report;
    StoredReport {
        verdict: match verdict {
            Verdict::Clean => StoredVerdict::Clean,
            Verdict::Suspicious => StoredVerdict::Suspicious,
            Verdict::Spam => StoredVerdict::Spam,
        },
        score: score.0,
        threshold: threshold.0,
        rules: (rules.iter())
            .map(|hit| StoredHit {
                id: Text::Borrowed(&hit.id),
                score: hit.score.0,
                why: Text::Borrowed(&hit.why),
            })
            .collect(),
        injection: injection.score.0,
        spans: (injection.spans.iter())
            .map(|span| StoredSpan {
                place: span.place.number(),
                start: span.start,
                end: span.end,
            })
            .collect(),
        is_sampled: *is_sampled,
    }
}

/// A span in a place that this program does not know is left out.
pub(super) fn load_report(stored: StoredReport<'_>) -> SpamReport {
    let spans = stored.spans.into_iter().filter_map(|span| {
        Some(InjectionSpan {
            place: InjectionPlace::of_number(span.place)?,
            start: span.start,
            end: span.end,
        })
    });
    SpamReport {
        verdict: match stored.verdict {
            StoredVerdict::Clean => Verdict::Clean,
            StoredVerdict::Suspicious => Verdict::Suspicious,
            StoredVerdict::Spam => Verdict::Spam,
        },
        score: Score(stored.score),
        threshold: Score(stored.threshold),
        rules: (stored.rules.into_iter())
            .map(|hit| RuleHit {
                id: hit.id.into_owned().into(),
                score: Score(hit.score),
                why: hit.why.into_owned().into(),
            })
            .collect(),
        injection: InjectionReport {
            score: Score(stored.injection),
            spans: spans.collect(),
        },
        is_sampled: stored.is_sampled,
    }
}

/// Writes `spam_setting.settings`.
pub(in crate::store) fn encode_spam_settings(settings: &SpamSettings) -> Result<Vec<u8>, Error> {
    let SpamSettings {
        version,
        suspicious,
        spam,
        weights,
        policy,
        redacts,
    } = settings;
    SETTINGS.encode(&StoredSettings {
        version: *version,
        suspicious: suspicious.0,
        spam: spam.0,
        weights: (weights.iter())
            .map(|(id, weight)| (Text::from(id), weight.0))
            .collect(),
        policy: match policy {
            SpamPolicy::Tag => StoredPolicy::Tag,
            SpamPolicy::Junk => StoredPolicy::Junk,
            SpamPolicy::Reject => StoredPolicy::Reject,
        },
        redacts: *redacts,
    })
}

/// Reads `spam_setting.settings`.
pub(in crate::store) fn decode_spam_settings(octets: &[u8]) -> Result<SpamSettings, Error> {
    let (_, rest) = SETTINGS.open(octets)?;
    let stored: StoredSettings<'_> = SETTINGS.decode(rest)?;
    Ok(SpamSettings {
        version: stored.version,
        suspicious: Score(stored.suspicious),
        spam: Score(stored.spam),
        weights: (stored.weights.into_iter())
            .map(|(id, weight)| (id.into_owned(), Score(weight)))
            .collect(),
        policy: match stored.policy {
            StoredPolicy::Tag => SpamPolicy::Tag,
            StoredPolicy::Junk => SpamPolicy::Junk,
            StoredPolicy::Reject => SpamPolicy::Reject,
        },
        redacts: stored.redacts,
    })
}
