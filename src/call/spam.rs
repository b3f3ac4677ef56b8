//! What the filter says of a message, and what it is told to do: the report, and the settings of an
//! inbox. The filter itself is `judge`.
//!
//! Scores are hundredths of a natural logarithm of odds: 100 is shown as `1.00`, and two hits that
//! do not depend on one another add.

use std::borrow::Cow;
use std::fmt;

use super::{OrgId, Verdict};

/// A score in hundredths.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Score(pub i32);

impl Score {
    /// The sum, within the bounds of the type.
    #[must_use]
    pub const fn plus(self, other: Score) -> Score {
        Score(self.0.saturating_add(other.0))
    }
}

/// With a point and two places, as JSON has a number.
impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let size = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:02}", size / 100, size % 100)
    }
}

/// The judgement on one message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SpamReport {
    /// What the sum of all hits means.
    pub verdict: Verdict,
    /// The sum of all hits.
    pub score: Score,
    /// The score from which a message is spam.
    pub threshold: Score,
    /// What was found, the weightiest first, at most [`RULE_HITS_MAX`].
    pub rules: Vec<RuleHit>,
    /// The orders to an agent among it.
    pub injection: InjectionReport,
    /// The message was too large to be read whole: its beginning and its end were judged.
    pub is_sampled: bool,
}

impl SpamReport {
    /// The same for a reader who may not read the message.
    #[must_use]
    pub fn without_reasons(&self) -> SpamReport {
        let mut report = self.clone();
        for hit in &mut report.rules {
            hit.why = Cow::Borrowed("");
        }
        report.injection.spans.clear();
        report
    }
}

/// One rule that a message meets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RuleHit {
    /// The name of the rule: lower-case letters and `_`, at most [`RULE_ID_BYTES_MAX`] octets.
    pub id: Cow<'static, str>,
    /// What it adds.
    pub score: Score,
    /// What was found, in one sentence of at most [`WHY_BYTES_MAX`] octets.
    pub why: Cow<'static, str>,
}

/// What a message has in it that tries to give orders to an agent.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct InjectionReport {
    /// The sum of the rules about it; 0 if there is none.
    pub score: Score,
    /// Where it stands, at most [`INJECTION_SPANS_MAX`].
    pub spans: Vec<InjectionSpan>,
}

/// A place of a message that addresses an agent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InjectionSpan {
    /// The text that `start` and `end` count in.
    pub place: InjectionPlace,
    /// The first character, counted from 0.
    pub start: u32,
    /// Behind the last one.
    pub end: u32,
}

/// Where in a message a text stands. In [`InjectionPlace::Text`] and [`InjectionPlace::Subject`]
/// the characters of a span are those that a client is shown; elsewhere those of the text that was
/// judged, as a client does not see it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum InjectionPlace {
    /// The text that is shown.
    Text,
    /// The subject.
    Subject,
    /// A display name.
    Name,
    /// The name of an attachment.
    Filename,
    /// An invitation.
    Calendar,
    /// A text that is attached.
    Attachment,
    /// The words of a picture.
    Picture,
    /// A text of the page that no one sees.
    Hidden,
    /// A comment, a script or an attribute of the page.
    Markup,
    /// The form of the text that is not shown: plain text beside a page, or a page beside it.
    Alternative,
    /// A text that was written so that it must be decoded.
    Encoded,
    /// Another field of the header.
    Header,
}

impl InjectionPlace {
    /// Every place. The position of each is its number in stored forms.
    pub const ALL: [InjectionPlace; 12] = [
        InjectionPlace::Text,
        InjectionPlace::Subject,
        InjectionPlace::Name,
        InjectionPlace::Filename,
        InjectionPlace::Calendar,
        InjectionPlace::Attachment,
        InjectionPlace::Picture,
        InjectionPlace::Hidden,
        InjectionPlace::Markup,
        InjectionPlace::Alternative,
        InjectionPlace::Encoded,
        InjectionPlace::Header,
    ];

    /// The names, in the same order.
    pub const NAMES: [&'static str; 12] = [
        "text",
        "subject",
        "name",
        "filename",
        "calendar",
        "attachment",
        "picture",
        "hidden",
        "markup",
        "alternative",
        "encoded",
        "header",
    ];

    /// Its number in stored forms.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The inverse of [`InjectionPlace::number`].
    pub fn of_number(number: u8) -> Option<InjectionPlace> {
        InjectionPlace::ALL.get(usize::from(number)).copied()
    }

    /// Its name in the API.
    pub fn name(self) -> &'static str {
        let at = usize::from(self.number());
        InjectionPlace::NAMES.get(at).copied().unwrap_or_default()
    }
}

/// What an inbox does with what the filter says.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum SpamPolicy {
    /// The verdict is told, and the message goes where it would.
    #[default]
    Tag,
    /// Spam goes to Junk.
    Junk,
    /// Spam is refused in its session.
    Reject,
}

impl SpamPolicy {
    /// Every policy. The position of each is its number in stored forms.
    pub const ALL: [SpamPolicy; 3] = [SpamPolicy::Tag, SpamPolicy::Junk, SpamPolicy::Reject];

    /// The names, in the same order.
    pub const NAMES: [&'static str; 3] = ["tag", "junk", "reject"];

    /// Its name in the API.
    pub fn name(self) -> &'static str {
        SpamPolicy::NAMES
            .get(self as usize)
            .copied()
            .unwrap_or_default()
    }

    /// The inverse of [`SpamPolicy::name`].
    pub fn named(name: &str) -> Option<SpamPolicy> {
        let at = SpamPolicy::NAMES.iter().position(|known| *known == name)?;
        SpamPolicy::ALL.get(at).copied()
    }
}

/// How an inbox judges.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SpamSettings {
    /// Grows by one with every change.
    pub version: u64,
    /// The score from which a message is suspicious.
    pub suspicious: Score,
    /// The score from which it is spam; not below `suspicious`.
    pub spam: Score,
    /// Weights of rules that are not those of the table, at most [`WEIGHTS_MAX`]. A weight of 0
    /// switches a rule off.
    pub weights: Vec<(String, Score)>,
    /// What is done with spam.
    pub policy: SpamPolicy,
    /// Texts for agents leave out the spans of injection.
    pub redacts: bool,
}

impl Default for SpamSettings {
    fn default() -> Self {
        SpamSettings {
            version: 0,
            suspicious: SUSPICIOUS_DEFAULT,
            spam: SPAM_DEFAULT,
            weights: Vec::new(),
            policy: SpamPolicy::Tag,
            redacts: false,
        }
    }
}

/// How an inbox judges, and how much its organization has taught the filter.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ShownSpamSettings {
    /// What the inbox has set.
    pub settings: SpamSettings,
    /// Messages that the filter has learned as wanted.
    pub lessons_wanted: u32,
    /// Messages that it has learned as spam.
    pub lessons_spam: u32,
}

/// What an organization forgets of what its filter has learned, with what is done of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Forgetting {
    /// The organization.
    pub org: OrgId,
    /// What was said later is kept, unix milliseconds.
    pub said_by: i64,
    /// The lessons that wait are gone, and the model. The last body whose lesson was looked at.
    pub after: Option<i64>,
    /// The last slice has deleted the model.
    pub is_model_gone: bool,
}

/// Two hits of a usual weight, or one that is rare in ordinary mail.
pub const SUSPICIOUS_DEFAULT: Score = Score(300);
/// Several groups of rules agree.
pub const SPAM_DEFAULT: Score = Score(600);
/// Rules that a report names; a message of real spam meets about ten.
pub const RULE_HITS_MAX: usize = 32;
/// Octets of the name of a rule.
pub const RULE_ID_BYTES_MAX: usize = 40;
/// Octets of a reason.
pub const WHY_BYTES_MAX: usize = 200;
/// Places of injection that a report names.
pub const INJECTION_SPANS_MAX: usize = 16;
/// Weights that an inbox may set: more than the table has rules.
pub const WEIGHTS_MAX: usize = 200;
/// The largest weight and threshold, in either direction.
pub const SCORE_MAX: Score = Score(10_000);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_shown_with_two_places() {
        for (score, shown) in [(0, "0.00"), (7, "0.07"), (-130, "-1.30"), (605, "6.05")] {
            assert_eq!(Score(score).to_string(), shown);
        }
        assert_eq!(Score(i32::MAX).plus(Score(1)), Score(i32::MAX));
        assert_eq!(Score(i32::MIN).to_string(), "-21474836.48");
    }

    #[test]
    fn numbers_and_names_lead_back() {
        for place in InjectionPlace::ALL {
            assert_eq!(InjectionPlace::of_number(place.number()), Some(place));
            assert!(!place.name().is_empty());
        }
        assert_eq!(InjectionPlace::of_number(12), None);
        for policy in SpamPolicy::ALL {
            assert_eq!(SpamPolicy::named(policy.name()), Some(policy));
        }
        assert_eq!(SpamPolicy::named("burn"), None);
    }
}
