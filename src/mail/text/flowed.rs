//! `format=flowed`: paragraphs from the lines that a mailer has wrapped (RFC 3676).
//!
//! It changes the text that a reader sees. Stored octets and IMAP sections stay as they are. It is
//! one pass over the lines and copies each octet once. The result is never longer than the text and
//! one space for each line.

use std::borrow::Cow;

use crate::mail::digest::Part;
use crate::pace;

/// The text of a part as paragraphs, if its type says `format=flowed`.
pub(super) fn unwrapped<'t>(part: &Part<'_>, text: Cow<'t, str>) -> Cow<'t, str> {
    let says = |name: &str, value: &[u8]| {
        part.param(name)
            .is_some_and(|given| given.trim_ascii().eq_ignore_ascii_case(value))
    };
    if !says("format", b"flowed") {
        return text;
    }
    Cow::Owned(unflow(&text, says("delsp", b"yes")))
}

/// Joins the lines of each paragraph. With `del_sp` the space that marks a soft break goes away.
fn unflow(text: &str, del_sp: bool) -> String {
    let mut out = String::with_capacity(text.len());
    // The depth of the paragraph that goes on in the next line.
    let mut open: Option<usize> = None;
    for line in lines(text) {
        let (depth, words) = unquote(line);
        // Section 4.3: the line above a signature is fixed, quoted or not.
        let is_signature = words == "-- " || words == "--" || line == "-- ";
        // An empty line separates paragraphs even below a line that a mailer left open.
        let goes_on = open == Some(depth) && !is_signature && !words.is_empty();
        if !goes_on {
            if open.is_some() {
                out.push('\n');
            }
            quote(&mut out, depth, words);
        }
        let is_flowed = !is_signature && words.ends_with(' ');
        match words.strip_suffix(' ').filter(|_| is_flowed && del_sp) {
            Some(joined) => out.push_str(joined),
            None => out.push_str(words),
        }
        open = is_flowed.then_some(depth);
        if !is_flowed {
            out.push('\n');
        }
    }
    let has_end = text.ends_with(['\n', '\r']);
    if open.is_some() && has_end {
        out.push('\n');
    } else if open.is_none() && !has_end {
        out.pop();
    }
    out
}

/// The lines of a text without their ends: LF, CRLF, or CR alone.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = memchr::memchr2(b'\r', b'\n', rest.as_bytes()).unwrap_or(rest.len());
        pace::spend(end + LINE_WORK);
        let (line, tail) = rest.split_at_checked(end)?;
        rest = tail
            .strip_prefix("\r\n")
            .or_else(|| tail.strip_prefix(['\r', '\n']))
            .unwrap_or("");
        Some(line)
    })
}

/// The depth of a quotation and the line without its marks and its stuffed space (sections 4.4 and
/// 4.5).
fn unquote(line: &str) -> (usize, &str) {
    let words = line.trim_start_matches('>');
    let depth = line.len() - words.len();
    (depth, words.strip_prefix(' ').unwrap_or(words))
}

/// The marks of a quotation, as a text without `format=flowed` has them.
fn quote(out: &mut String, depth: usize, words: &str) {
    out.extend(std::iter::repeat_n('>', depth));
    if depth > 0 && !words.is_empty() {
        out.push(' ');
    }
}

/// Nanoseconds of a line beside its octets.
const LINE_WORK: usize = 30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_paragraph_are_joined() {
        for (text, del_sp, joined) in [
            ("one \r\ntwo\r\n", false, "one two\n"),
            ("one  \r\ntwo\r\n", true, "one two\n"),
            (
                "https://x.test/a \r\nb \r\nc\r\n",
                true,
                "https://x.test/abc\n",
            ),
            ("日本 \n語\n", true, "日本語\n"),
            ("fixed\nlines\n", false, "fixed\nlines\n"),
            ("a\rb \rc", false, "a\nb c"),
            // Stuffing.
            (
                " From here\n > no quotation\n  two\n",
                false,
                "From here\n> no quotation\n two\n",
            ),
            (" \n\n", false, "\n\n"),
            // A stuffed line goes on like any other.
            ("one \n > two\n", false, "one > two\n"),
            // Quotations: only lines of one depth are joined, and the marks stay.
            ("> one \n> two\n", false, "> one two\n"),
            (">one \n> two\n", false, "> one two\n"),
            (
                "> one \n>> two \nthree\n",
                false,
                "> one \n>> two \nthree\n",
            ),
            (">>> a \n>>> b\n>\n", true, ">>> ab\n>\n"),
            // Signatures.
            ("end \n-- \nAnn \nB\n", false, "end \n-- \nAnn B\n"),
            ("> end \n> -- \n> Ann\n", true, "> end\n> -- \n> Ann\n"),
            // The empty line stays, and the last line may have no end.
            ("one \n\ntwo \n", false, "one \n\ntwo \n"),
            ("one \ntwo", true, "onetwo"),
            ("", true, ""),
        ] {
            assert_eq!(unflow(text, del_sp), joined, "{text:?}");
        }
    }

    #[test]
    fn a_text_grows_by_no_more_than_a_space_a_line() {
        for line in [
            ">\n",
            "> \n",
            ">a\n",
            ">>a \n",
            " \n",
            "-- \n",
            ">a \n> b\n\r",
        ] {
            let text = line.repeat(1_000);
            for del_sp in [false, true] {
                let joined = unflow(&text, del_sp);
                assert!(joined.len() <= text.len() + 3_000, "{line:?}");
                assert!(joined.lines().count() <= 3_001, "{line:?}");
            }
        }
        let deep = ">".repeat(1 << 20);
        assert_eq!(unflow(&deep, true), deep);
    }
}
