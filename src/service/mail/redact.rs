//! A message for an agent that is not to read what tries to give it orders: the places that the
//! filter has found are replaced by a mark. The stored message stays as it is.
//!
//! The rule: **what cannot be shown without them is not shown.** The filter counts characters of
//! the subject and of the plain text; HTML and header fields are left out, Markdown is plain text,
//! and a name with such a place is the mark alone.

use crate::call::{InjectionPlace, InjectionSpan, MessageContent};
use crate::mail::digest::PREVIEW_CHARS_MAX;
use crate::mail::text::TextBody;
use crate::mail::unicode;
use crate::store::MessageRecord;

/// What stands in place of what is left out.
pub(super) const MARK: &str = "[removed: an order to an agent]";

/// Takes the places out of what lists show of a message, and out of its text.
pub(super) fn redact(view: &mut MessageRecord, body: &mut TextBody, spans: &[InjectionSpan]) {
    let of = |place: InjectionPlace| {
        let spans = spans.iter().filter(move |span| span.place == place);
        spans.map(|span| (span.start as usize, span.end as usize))
    };
    let subject = &mut view.summary.subject;
    *subject = without(subject, of(InjectionPlace::Subject), 0).0;
    let (text, attached_at) = without(&body.text, of(InjectionPlace::Text), body.attached_at);
    body.text = text;
    body.attached_at = attached_at;
    view.summary.preview = unicode::one_line(&body.text, PREVIEW_CHARS_MAX);
    body.html = None;
    for link in &mut body.links {
        link.text.clear();
    }
    if of(InjectionPlace::Name).next().is_some() {
        view.summary.from.name = MARK.to_owned();
    }
}

/// Takes the rest out of an opened message.
pub(super) fn redact_content(content: &mut MessageContent, spans: &[InjectionSpan]) {
    content.redacted = true;
    content.headers.clear();
    content.html = None;
    if spans
        .iter()
        .any(|span| span.place == InjectionPlace::Filename)
    {
        for attachment in &mut content.attachments {
            attachment.filename = MARK.to_owned();
        }
    }
}

/// A text with the mark in place of the characters of each span. Spans may overlap and come in any
/// order. `at` is an octet of the text, and comes back as the same place in the result.
fn without(text: &str, spans: impl Iterator<Item = (usize, usize)>, at: usize) -> (String, usize) {
    let mut spans: Vec<(usize, usize)> = spans.filter(|(start, end)| start < end).collect();
    spans.sort_unstable();
    let mut spans = spans.into_iter().peekable();
    let mut out = String::with_capacity(text.len());
    let (mut now, mut end) = (None, 0);
    for (nth, (octet, c)) in text.char_indices().enumerate() {
        if octet == at {
            now = Some(out.len());
        }
        let begins = nth >= end;
        while let Some((_, to)) = spans.next_if(|(from, _)| *from <= nth) {
            end = end.max(to);
        }
        if nth >= end {
            out.push(c);
        } else if begins {
            out.push_str(MARK);
        }
    }
    let now = now.unwrap_or(out.len());
    (out, now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_become_marks() {
        type Case<'a> = (&'a str, &'a [(usize, usize)], usize, &'a str, &'a str);
        let cases: [Case<'_>; 7] = [
            ("abc", &[], 1, "abc", "bc"),
            ("äbcd", &[(1, 3)], 4, "ä|d", "d"),
            ("abcd", &[(2, 9), (0, 1)], 1, "|b|", "b|"),
            ("abcdef", &[(1, 3), (2, 4)], 0, "a|ef", "a|ef"),
            ("abcdef", &[(1, 3), (3, 4)], 5, "a||ef", "f"),
            ("abc", &[(0, 3)], 3, "|", ""),
            ("abc", &[(2, 1), (7, 8)], 3, "abc", ""),
        ];
        for (text, spans, at, want, rest) in cases {
            let (out, now) = without(text, spans.iter().copied(), at);
            let mark = |text: &str| text.replace('|', MARK);
            assert_eq!(out, mark(want), "{text} {spans:?}");
            assert_eq!(out.get(now..), Some(&*mark(rest)), "{text} {spans:?}");
        }
    }
}
