//! Header fields that we write, and the values that a caller may put into one.

use crate::mail::unicode::file_name;

use super::encode::percent_encode;

/// Writes `Name: value` with CRLF, folded at spaces so that lines stay within 78 characters if the
/// value has spaces. The value must be free of controls; see [`is_value`].
pub fn fold(name: &str, value: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(name.as_bytes());
    out.push(b':');
    let mut column = name.len() + 1;
    let mut first = true;
    for run in value.split(' ') {
        // A reader could take a line of white space for the end of the header, so no fold stands
        // before an empty run.
        if !first && !run.is_empty() && column + 1 + run.len() > FOLD_AT {
            out.extend_from_slice(b"\r\n");
            column = 0;
        }
        out.push(b' ');
        out.extend_from_slice(run.as_bytes());
        column += 1 + run.len();
        first = false;
    }
    while out.last() == Some(&b' ') {
        out.pop();
    }
    out.extend_from_slice(b"\r\n");
}

/// Whether a text may go into a header: it has no control, line separator or paragraph separator.
pub fn is_value(text: &str) -> bool {
    !text
        .chars()
        .any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
}

/// Whether a caller may set a field of that name: only `X-...` and `List-...`. The server writes
/// the structural fields.
pub(crate) fn may_set(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let known = ["x-", "list-"]
        .iter()
        .any(|prefix| lower.len() > prefix.len() && lower.starts_with(prefix));
    known
        && name.len() <= NAME_MAX
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// Writes a parameter on a line of its own: `; name="value"`, or RFC 2231 segments that fit a line
/// each.
pub(super) fn param(name: &str, value: &str, out: &mut Vec<u8>) {
    if value
        .bytes()
        .all(|b| (b' '..=b'~').contains(&b) && b != b'"' && b != b'\\')
        && value.len() <= 60
    {
        out.extend_from_slice(format!(";\r\n {name}=\"{value}\"").as_bytes());
        return;
    }
    let mut encoded = String::new();
    percent_encode(value, &mut encoded);
    encoded_param(name, "utf-8''", &encoded, out);
}

/// Writes a parameter whose value is percent encoded already; `charset` is the part before it.
pub(super) fn encoded_param(name: &str, charset: &str, encoded: &str, out: &mut Vec<u8>) {
    if encoded.len() <= SEGMENT_MAX {
        out.extend_from_slice(format!(";\r\n {name}*={charset}{encoded}").as_bytes());
        return;
    }
    let mut rest = encoded;
    let mut n = 0;
    while !rest.is_empty() {
        let mut cut = rest.len().min(SEGMENT_MAX);
        // The cut is not inside a "%XX".
        while cut < rest.len()
            && rest
                .as_bytes()
                .get(cut.saturating_sub(2)..cut)
                .is_some_and(|tail| tail.contains(&b'%'))
        {
            cut -= 1;
        }
        let (piece, tail) = rest.split_at_checked(cut).unwrap_or((rest, ""));
        let charset = if n == 0 { charset } else { "" };
        out.extend_from_slice(format!(";\r\n {name}*{n}*={charset}{piece}").as_bytes());
        rest = tail;
        n += 1;
    }
}

/// A Content-Disposition value for a download (RFC 6266, RFC 8187). It is always `attachment`. The
/// name is reduced to its last path component and cleaned of controls; an ASCII form serves old
/// clients.
pub fn content_disposition(name: &str) -> String {
    let clean = file_name(name);
    let name = if clean.is_empty() {
        "attachment"
    } else {
        &clean
    };
    let ascii: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || " !#$&()+,-.@^_{}~'=".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect();
    let mut value = format!("attachment; filename=\"{ascii}\"");
    if ascii != *name {
        value.push_str("; filename*=UTF-8''");
        percent_encode(name, &mut value);
    }
    value
}

/// Octets of a segment of a parameter.
const SEGMENT_MAX: usize = 50;
/// RFC 5322 section 2.1.1 recommends 78.
const FOLD_AT: usize = 78;
/// Names of fields that a caller sets. IANA's longest name has half of that.
const NAME_MAX: usize = 76;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::mail::Headers;
    use crate::mail::write::word::encode as encode_word;

    #[test]
    fn written_fields_are_short_and_read_back() {
        for value in [
            "short",
            "",
            &"word ".repeat(60),
            &encode_word(&"ö ".repeat(200)),
            &format!("a {} b", "x".repeat(300)),
            "a   b",
        ] {
            let mut out = Vec::new();
            fold("Subject", value, &mut out);
            out.extend_from_slice(b"\r\n");
            let headers = Headers::parse(&out);
            assert_eq!(headers.fields().count(), 1, "{value:?}");
            assert_eq!(
                &*headers.first("subject").unwrap().unfolded(),
                value.trim().as_bytes()
            );
            assert!(
                out.split(|&b| b == b'\n')
                    .all(|line| line.len() <= 79 || value.len() > 300)
            );
        }
    }

    #[test]
    fn download_names_cannot_leave_their_quotes() {
        for (name, value) in [
            ("a.pdf", "attachment; filename=\"a.pdf\""),
            ("../../etc/passwd", "attachment; filename=\"passwd\""),
            ("C:\\x\\y.exe", "attachment; filename=\"y.exe\""),
            (
                "a\"\r\nSet-Cookie: x",
                "attachment; filename=\"a_Set-Cookie_ x\"; filename*=UTF-8''a%22Set-Cookie%3A%20x",
            ),
            (
                "J\u{f6}rg.pdf",
                "attachment; filename=\"J_rg.pdf\"; filename*=UTF-8''J%C3%B6rg.pdf",
            ),
            ("\u{202e}fdp.exe\0", "attachment; filename=\"fdp.exe\""),
            ("..", "attachment; filename=\"attachment\""),
            ("", "attachment; filename=\"attachment\""),
        ] {
            assert_eq!(content_disposition(name), value);
        }
    }

    #[test]
    fn callers_set_only_what_is_theirs() {
        for (name, may) in [
            ("X-Mailer", true),
            ("x-a", true),
            ("List-Unsubscribe", true),
            ("X-", false),
            ("From", false),
            ("Bcc", false),
            ("Content-Type", false),
            ("X-A: b", false),
            ("X-A\r\nBcc", false),
            ("X-\u{e9}", false),
            ("", false),
        ] {
            assert_eq!(may_set(name), may, "{name:?}");
        }
        for bad in ["a\r", "a\nb", "\0", "\u{85}", "\u{2028}", "\u{7f}", "\t"] {
            assert!(!is_value(bad));
        }
        assert!(is_value("ok \u{e9} \u{1f600}"));
    }
}
