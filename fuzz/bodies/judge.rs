//! Fuzz body of `postern::testing::judge`: the filter over any message.

use postern::testing::call::{
    INJECTION_SPANS_MAX, RULE_HITS_MAX, RULE_ID_BYTES_MAX, Score, SpamSettings, Verdict,
    WHY_BYTES_MAX,
};
use postern::testing::judge::{MailView, Models, SenderFacts, judge as report_of, orders_in};
use postern::testing::mail::Bounds;
use postern::testing::mail::digest::analyse;

/// A message gets a report within its bounds, the same one each time; spans lie in their text.
pub fn judge(data: &[u8]) {
    let Ok(analysis) = analyse(data, &Bounds::default()) else {
        return;
    };
    let view = MailView::of(data, &analysis);
    let (facts, settings) = (SenderFacts::default(), SpamSettings::default());
    let report = report_of(&view, &facts, &settings, &Models::default());
    assert_eq!(
        report,
        report_of(&view, &facts, &settings, &Models::default())
    );
    assert!(report.rules.len() <= RULE_HITS_MAX);
    assert!(report.injection.spans.len() <= INJECTION_SPANS_MAX);
    for hit in &report.rules {
        assert!(hit.id.len() <= RULE_ID_BYTES_MAX && hit.why.len() <= WHY_BYTES_MAX);
        assert_ne!(hit.score, Score(0));
    }
    assert_eq!(
        report.verdict == Verdict::Spam,
        report.score >= settings.spam
    );
    let text = String::from_utf8_lossy(data);
    let characters = text.chars().count();
    for span in orders_in(&text) {
        assert!(span.start <= span.end && span.end as usize <= characters);
    }
}
