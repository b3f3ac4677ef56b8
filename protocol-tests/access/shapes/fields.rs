//! Lines of headers: which of them are fields, and where a header ends (RFC 5322 section 2.2).

use super::{FILE, MIXED, Row, TEXT};

#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    ("field without a space", "Content-Type:multipart/mixed;boundary=b", "--b\n{text}\n--b\n{file}\n--b--\n", &[TEXT, FILE]),
    ("field with a space before the colon", "Content-Type : multipart/mixed; boundary=b",
        "--b\n{text}\n--b\n{file}\n--b--\n", &[TEXT, FILE]),
    ("field with a tab before the colon", "Content-Type\t: multipart/mixed; boundary=b",
        "--b\n{text}\n--b\n{file}\n--b--\n", &[TEXT, FILE]),
    ("field in capitals", "CONTENT-TYPE: MULTIPART/MIXED; BOUNDARY=b", "--b\n{text}\n--b\n{file}\n--b--\n", &[TEXT, FILE]),
    ("field with a space inside", "Content Type: multipart/mixed; boundary=b", "--b\n{text}\n--b--\n", &[
        ("text/plain", "", "--b\n{text}\n--b--\n")]),
    ("field without a colon", "Content-Type multipart/mixed; boundary=b", "--b\n{text}\n--b--\n", &[
        ("text/plain", "", "--b\n{text}\n--b--\n")]),
    ("fold of white space alone", "Content-Type: multipart/mixed;\n \n boundary=b", "--b\n{text}\n--b\n{file}\n--b--\n", &[TEXT, FILE]),
    ("fold before the value", "Content-Type:\n multipart/mixed; boundary=b", "--b\n{text}\n--b\n{file}\n--b--\n", &[TEXT, FILE]),
    ("fold inside a word", "Content-Type: multipart/mi\n xed; boundary=b", "--b\n{text}\n--b\n{file}\n--b--\n", &[]),
    ("fold by a line feed", "Content-Type: multipart/mixed;\u{f80a} boundary=b", "--b\n{text}\n--b\n{file}\n--b--\n", &[TEXT, FILE]),
    ("carriage return alone in a field", "X-Note: one\u{f80d}Content-Type: multipart/mixed; boundary=b",
        "--b\n{text}\n--b--\n", &[("text/plain", "", "--b\n{text}\n--b--\n")]),
    ("carriage return alone before a field", "X-Note: one\u{f80d}\n\u{f80d}Content-Type: multipart/mixed; boundary=b",
        "--b\n{text}\n--b--\n", &[]),
    ("header ends with a line feed", "Content-Type: text/html\u{f80a}\u{f80a}<p>hello</p>\nX-Note: one", "{order}\n", &[]),
    ("line of white space before the body", "Content-Type: text/plain\n \t", "{order}\n", &[("text/plain", "", "{order}\n")]),
    ("a nul in a field", "Content-Type: multipart/mixed;\u{f800} boundary=b", "--b\n{text}\n--b--\n", &[]),
    ("a nul in the name of a field", "Content-\u{f800}Type: multipart/mixed; boundary=b", "--b\n{text}\n--b--\n", &[
        ("text/plain", "", "--b\n{text}\n--b--\n")]),
    ("octets over 127 in a type", "Content-Type: text/plain; x=\u{f8e9}; charset=utf-8", "{order}\n", &[
        ("text/plain", "", "{order}\n")]),
    ("octets over 127 before a type", "\u{f8ef}\u{f8bb}\u{f8bf}Content-Type: multipart/mixed; boundary=b", "--b\n{text}\n--b--\n", &[
        ("text/plain", "", "--b\n{text}\n--b--\n")]),
    ("a line that is no field in a part", MIXED,
        "--b\nhello there\nContent-Type: application/x-msdownload; name=run.exe\n\nMZ\n--b\n{text}\n--b--\n", &[FILE, TEXT]),
    ("a line from mbox in a part", MIXED,
        "--b\n>From ann Thu Jan  1 00:00:00 2026\nContent-Type: application/x-msdownload; name=run.exe\n\nMZ\n--b\n{text}\n--b--\n", &[FILE, TEXT]),
    ("a part begins with a fold", MIXED,
        "--b\n Content-Type: application/x-msdownload; name=run.exe\n\nMZ\n--b\n{text}\n--b--\n", &[]),
    ("a part of an empty line more", MIXED, "--b\n\nContent-Type: text/html\n\n<p>{order}</p>\n--b--\n", &[
        ("text/plain", "", "Content-Type: text/html\n\n<p>{order}</p>")]),
    ("header alone", "Content-Type: text/plain", "", &[("text/plain", "", "")]),
    ("subject alone gives orders", "Subject: {order}\nContent-Type: text/plain", "", &[]),
    ("comment in the name of a parameter", "Content-Type: multipart/mixed; bound(x)ary=b", "--b\n{text}\n--b--\n", &[]),
    ("parameter twice in one", "Content-Type: multipart/mixed; boundary=b=c", "--b\n{text}\n--b--\n", &[]),
    ("parameters without names", "Content-Type: multipart/mixed; =x; ;;; boundary=b", "--b\n{text}\n--b\n{file}\n--b--\n", &[TEXT, FILE]),
    ("a comment without an end", "Content-Type: multipart/mixed; (x boundary=b", "--b\n{text}\n--b--\n", &[]),
    ("type and disposition in one line", "Content-Type: multipart/mixed; boundary=b Content-Disposition: inline",
        "--b\n{text}\n--b\n{file}\n--b--\n", &[]),
    ("type as resent", "Resent-Content-Type: multipart/mixed; boundary=b", "--b\n{text}\n--b--\n", &[
        ("text/plain", "", "--b\n{text}\n--b--\n")]),
];
