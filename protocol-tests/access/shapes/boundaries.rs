//! Boundaries: which lines divide a message, where two programs may differ (RFC 2046 section 5.1).

use super::{FILE, MIXED, Row, TEXT};

const LONG: &str = "Content-Type: multipart/mixed; \
    boundary=aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggg";
const TOO_LONG: &str = "Content-Type: multipart/mixed; \
    boundary=aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggggggggggh";

#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    ("plain mixed", MIXED, "--b\n{text}\n--b\n{file}\n--b--\n", &[TEXT, FILE]),
    ("two types multipart first", "Content-Type: multipart/mixed; boundary=b\nContent-Type: text/plain",
        "--b\n{text}\n--b\n{file}\n--b--\n", &[TEXT, FILE]),
    ("two types text first", "Content-Type: text/plain\nContent-Type: multipart/mixed; boundary=b",
        "--b\n{text}\n--b\n{file}\n--b--\n", &[("text/plain", "", "--b\n{text}\n--b\n{file}\n--b--\n")]),
    ("two types html second", "Content-Type: text/plain\nContent-Type: text/html", "<p>{order}</p>\n", &[
        ("text/plain", "", "<p>{order}</p>\n")]),
    ("two multiparts", "Content-Type: multipart/mixed; boundary=b\nContent-Type: multipart/mixed; boundary=c",
        "--b\n{text}\n--b--\n--c\n{file}\n--c--\n", &[TEXT]),
    ("two multiparts second used", "Content-Type: multipart/mixed; boundary=b\nContent-Type: multipart/mixed; boundary=c",
        "--c\n{text}\n--c--\n", &[("text/plain", "", "--c\n{text}\n--c--\n")]),
    ("two boundaries", "Content-Type: multipart/mixed; boundary=b; boundary=c",
        "--b\n{text}\n--c\n{file}\n--b--\n", &[
        ("text/plain", "", "{order}\n--c\n{file}")]),
    ("two boundaries second used", "Content-Type: multipart/mixed; boundary=c; boundary=b",
        "--b\n{text}\n--b--\n", &[("text/plain", "", "--b\n{text}\n--b--\n")]),
    ("two boundaries quoted and not", "Content-Type: multipart/mixed; boundary=\"b\"; boundary=c",
        "--b\n{text}\n--b\n{file}\n--b--\n", &[TEXT, FILE]),
    ("boundary extended", "Content-Type: multipart/mixed; boundary*=us-ascii''b",
        "--b\n{text}\n--b\n{file}\n--b--\n", &[TEXT, FILE]),
    ("boundary extended and plain", "Content-Type: multipart/mixed; boundary*=us-ascii''c; boundary=b",
        "--b\n{text}\n--b\n{file}\n--b--\n", &[TEXT, FILE]),
    ("boundary in two pieces", "Content-Type: multipart/mixed; boundary*0=b; boundary*1=c",
        "--bc\n{text}\n--bc\n{file}\n--bc--\n", &[TEXT, FILE]),
    ("boundary in pieces out of order", "Content-Type: multipart/mixed; boundary*1=c; boundary*0=b",
        "--bc\n{text}\n--bc\n{file}\n--bc--\n", &[TEXT, FILE]),
    ("boundary in pieces with a gap", "Content-Type: multipart/mixed; boundary*0=b; boundary*2=c",
        "--b\n{text}\n--b\n{file}\n--b--\n", &[TEXT, FILE]),
    ("boundary of another charset", "Content-Type: multipart/mixed; boundary*=utf-7''b",
        "--b\n{text}\n--b\n{file}\n--b--\n", &[TEXT, FILE]),
    ("boundary with percent signs", "Content-Type: multipart/mixed; boundary*=utf-8''%62",
        "--b\n{text}\n--b\n{file}\n--b--\n", &[TEXT, FILE]),
    ("boundary ends with a space", "Content-Type: multipart/mixed; boundary=\"b \"",
        "--b \n{text}\n--b \n{file}\n--b --\n", &[]),
    ("lines with spaces behind", MIXED, "--b \t\n{text}\n--b  \n{file}\n--b-- \n", &[TEXT, FILE]),
    ("boundary begins with a space", "Content-Type: multipart/mixed; boundary=\" b\"",
        "-- b\n{text}\n-- b\n{file}\n-- b--\n", &[TEXT, FILE]),
    ("inner boundary is longer", MIXED,
        "--b\nContent-Type: multipart/mixed; boundary=bb\n\n--bb\n{text}\n--bb\n{file}\n--bb--\n--b--\n", &[TEXT, FILE]),
    ("inner boundary is a beginning", "Content-Type: multipart/mixed; boundary=bb",
        "--bb\nContent-Type: multipart/mixed; boundary=b\n\n--b\n{text}\n--b\n{file}\n--b--\n--bb--\n", &[TEXT, FILE]),
    ("inner boundary with dashes", MIXED,
        "--b\nContent-Type: multipart/mixed; boundary=\"b--\"\n\n--b--\n{text}\n--b----\n--b--\n", &[]),
    ("the same boundary inside", MIXED,
        "--b\nContent-Type: multipart/mixed; boundary=b\n\n--b\n{text}\n--b\n{file}\n--b--\n--b--\n", &[TEXT, FILE]),
    ("no closing line", MIXED, "--b\n{text}\n--b\n{file}", &[TEXT, FILE]),
    ("inner without a closing line", MIXED,
        "--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n{text}\n--b\n{file}\n--b--\n", &[TEXT, FILE]),
    ("a part behind the closing line", MIXED, "--b\n{text}\n--b--\n--b\n{file}\n--b--\n", &[TEXT]),
    ("words behind the closing line", MIXED, "--b\n{text}\n--b--\n{order}\n", &[TEXT]),
    ("words before the first line", MIXED, "{order}\n--b\nContent-Type: text/plain\n\nhello\n--b--\n", &[
        ("text/plain", "", "hello")]),
    ("a file before the first line", MIXED, "{file}\n--b\n{text}\n--b--\n", &[TEXT]),
    ("closing line alone", MIXED, "{order}\n--b--\n", &[("text/plain", "", "{order}\n--b--\n")]),
    ("no line at all", MIXED, "{order}\n", &[("text/plain", "", "{order}\n")]),
    ("empty boundary", "Content-Type: multipart/mixed; boundary=\"\"", "--\n{text}\n--\n{file}\n----\n", &[
        ("text/plain", "", "--\n{text}\n--\n{file}\n----\n")]),
    ("boundary of spaces", "Content-Type: multipart/mixed; boundary=\"  \"", "--\n{text}\n----\n", &[
        ("text/plain", "", "--\n{text}\n----\n")]),
    ("no boundary named", "Content-Type: multipart/mixed", "--b\n{text}\n--b--\n", &[
        ("text/plain", "", "--b\n{text}\n--b--\n")]),
    ("boundary of 70 octets", LONG,
        "--aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggg\n{text}\n\
        --aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggg--\n", &[TEXT]),
    ("boundary of 71 octets", TOO_LONG,
        "--aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggggggggggh\n{text}\n", &[
        ("text/plain", "", "--aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggggggggggh\n{text}\n")]),
    ("boundary with marks", "Content-Type: multipart/mixed; boundary=\"b;c=(d)?\"",
        "--b;c=(d)?\n{text}\n--b;c=(d)?\n{file}\n--b;c=(d)?--\n", &[TEXT, FILE]),
    ("boundary with a slash unquoted", "Content-Type: multipart/mixed; boundary=b/c",
        "--b/c\n{text}\n--b/c\n{file}\n--b/c--\n", &[TEXT, FILE]),
    ("boundary in a comment", "Content-Type: multipart/mixed; (boundary=c) boundary=b",
        "--b\n{text}\n--b\n{file}\n--b--\n", &[TEXT, FILE]),
    ("boundary with a comment behind", "Content-Type: multipart/mixed; boundary=b (boundary=c)",
        "--b\n{text}\n--b\n{file}\n--b--\n", &[TEXT, FILE]),
    ("boundary with a backslash", "Content-Type: multipart/mixed; boundary=\"\\b\"",
        "--b\n{text}\n--b\n{file}\n--b--\n", &[TEXT, FILE]),
    ("boundary without a closing quote", "Content-Type: multipart/mixed; boundary=\"b",
        "--b\n{text}\n--b\n{file}\n--b--\n", &[TEXT, FILE]),
    ("boundary in single quotes", "Content-Type: multipart/mixed; boundary='b'",
        "--'b'\n{text}\n--'b'\n{file}\n--'b'--\n", &[TEXT, FILE]),
    ("boundary in capitals", "Content-Type: multipart/mixed; boundary=B", "--b\n{text}\n--b--\n", &[
        ("text/plain", "", "--b\n{text}\n--b--\n")]),
    ("boundary as an encoded word", "Content-Type: multipart/mixed; boundary=\"=?utf-8?q?b?=\"",
        "--=?utf-8?q?b?=\n{text}\n--=?utf-8?q?b?=\n{file}\n--=?utf-8?q?b?=--\n", &[TEXT, FILE]),
    ("boundary with a space before the sign", "Content-Type: multipart/mixed; boundary = b",
        "--b\n{text}\n--b\n{file}\n--b--\n", &[TEXT, FILE]),
    ("boundary without a semicolon", "Content-Type: multipart/mixed boundary=b",
        "--b\n{text}\n--b\n{file}\n--b--\n", &[]),
    ("boundary folded", "Content-Type: multipart/mixed;\n\tboundary=\n b", "--b\n{text}\n--b\n{file}\n--b--\n", &[]),
    ("line cuts a header", MIXED, "--b\nContent-Type: text/plain\n--b\n{file}\n--b\n{text}\n--b--\n", &[
        ("text/plain", "", ""), FILE, TEXT]),
    ("part without a header", MIXED, "--b\n\n{order}\n--b--\n", &[TEXT]),
    ("part without an empty line", MIXED, "--b\nContent-Type: text/plain\n{order}\n--b\n{file}\n--b--\n", &[]),
    ("closing line with junk", MIXED, "--b\n{text}\n--b--junk\n--b\n{file}\n--b--\n", &[
        ("text/plain", "", "{order}\n--b--junk"), FILE]),
    ("line with junk", MIXED, "--b\n{text}\n--bjunk\n--b\n{file}\n--b--\n", &[
        ("text/plain", "", "{order}\n--bjunk"), FILE]),
    ("line feeds alone", MIXED,
        "--b\u{f80a}Content-Type: text/plain\u{f80a}\u{f80a}{order}\u{f80a}--b\u{f80a}\
        Content-Type: application/x-msdownload; name=run.exe\u{f80a}\u{f80a}MZ\u{f80a}--b--\u{f80a}", &[TEXT, FILE]),
    ("carriage returns alone", MIXED,
        "--b\u{f80d}Content-Type: text/plain\u{f80d}\u{f80d}{order}\u{f80d}--b--\u{f80d}\n", &[]),
    ("ends of lines mixed", MIXED, "--b\u{f80a}{text}\u{f80a}--b\n{file}\u{f80a}--b--\n", &[TEXT, FILE]),
    ("multipart in base64", "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64",
        "--b\n{text}\n--b\n{file}\n--b--\n", &[TEXT, FILE]),
    ("multipart in base64 indeed", "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64",
        "LS1iDQpDb250ZW50LVR5cGU6IHRleHQvcGxhaW4NCg0KaGVsbG8NCi0tYi0t\n", &[]),
    ("multipart in quoted-printable", "Content-Type: multipart/mixed; boundary=\"b=3D\"\nContent-Transfer-Encoding: quoted-printable",
        "--b=3D\n{text}\n--b=3D\n{file}\n--b=3D--\n", &[TEXT, FILE]),
];
