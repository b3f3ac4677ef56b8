//! Fuzz body of `postern::testing::judge`: the filter over any message.

use postern::testing::call::{
    INJECTION_SPANS_MAX, RULE_HITS_MAX, RULE_ID_BYTES_MAX, Score, SpamSettings, Verdict,
    WHY_BYTES_MAX,
};
use postern::testing::judge::known_spam::{body_entry, line_of, link_entry, read_line};
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

/// A line is an entry, nothing, or refused for a reason; an entry is written as a line that is read
/// back. A text keeps its hash in other lines, in capitals and with other numbers.
pub fn known_spam(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for line in text.lines() {
        match read_line(line) {
            Ok(Some(entry)) => assert_eq!(read_line(&line_of(&entry)), Ok(Some(entry))),
            Ok(None) => assert!(!line.starts_with("link ")),
            Err(why) => assert!(!why.is_empty()),
        }
        if let Ok(entry) = link_entry(line) {
            assert_eq!(link_entry(&format!("{line}#to=ann")), Ok(entry));
        }
    }
    // What is read is bounded, so only a short text can have more.
    if text.len() < 8 << 10 {
        let entry = body_entry(&text);
        let other = format!("Hello Ann,\n{text}\n2026 ann@a.test https://a.test/ann\n");
        if text.trim_start().len() == text.len() && entry == body_entry(&format!("Hi!\n{text}")) {
            assert_eq!(body_entry(&other), entry);
        }
    }
}
