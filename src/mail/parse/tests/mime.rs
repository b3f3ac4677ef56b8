//! Boundaries, nesting and bounds of MIME parts.

use crate::mail::parse::mime::{Media, PartKind, parse};
use crate::mail::parse::transfer::Encoding;
use crate::mail::{Bounds, MimeReading};

/// Depth-first outline: kind, descendants, header and body as text.
fn outline(raw: &str) -> Vec<String> {
    let found = parse(raw.as_bytes(), &Bounds::default());
    let text = |a: usize, b: usize| raw[a..b].replace("\r\n", "|").replace('\n', "/");
    let parts = found.parts.iter().map(|p| {
        let mark = match (p.kind, p.media) {
            (PartKind::Message, _) => "M",
            (PartKind::Multipart, _) => "P",
            (_, Media::Opaque) => "O",
            (_, Media::Text) => "T",
            (_, Media::DeclaredText) => "t",
            (_, Media::DeclaredOctets) => "o",
            _ => "L",
        };
        let body = if p.kind == PartKind::Leaf {
            text(p.body_start, p.body_end)
        } else {
            String::new()
        };
        format!("{mark}{} {body}", p.subtree_end)
    });
    parts.collect()
}

const MIXED: &str = "Content-Type: multipart/mixed; boundary=b\n\n";

#[test]
fn parts_are_found_where_they_are() {
    let cases: &[(&str, &[&str])] = &[
        ("", &["T1 "]),
        ("A: b\r\n\r\nhello\r\n", &["T1 hello|"]),
        ("Content-Type: text/html\n\nhello", &["L1 hello"]),
        (
            "%--b\n\none\n--b\n\ntwo\n--b--\n",
            &["P3 ", "T2 one", "T3 two"],
        ),
        (
            "%pre\r\n--b\r\n\r\none\r\n--b--\r\nepi --b\n--b\n\nx",
            &["P2 ", "T2 one"],
        ),
        ("%--b\n\none", &["P2 ", "T2 one"]),
        ("%--b \t\n\none\n--b-- \n", &["P2 ", "T2 one"]),
        (
            "%--bx\n--b\n\n--bb\n--b-\n--b---\n --b\nx--b\n--b--",
            &["P2 ", "T2 --bb/--b-/--b---/ --b/x--b"],
        ),
        ("%no parts at all\n", &["T1 no parts at all/"]),
        ("%--b--\nx", &["T1 --b--/x"]),
        (
            "%--b\nContent-Type: text/html\n--b\nX: y\n--b--",
            &["P3 ", "L2 ", "T3 "],
        ),
        ("Content-Type: multipart/mixed\n\n--b\n\nx", &["T1 --b//x"]),
        (
            "Content-Type: multipart/mixed; boundary=\"\"\n\n--\n\nx",
            &["T1 --//x"],
        ),
        (
            "%--b\nContent-Type: multipart/alternative; boundary=bb\n\n--bb\n\none\n--bb\n\ntwo\n--b\n\nthree\n--b--",
            &["P5 ", "P4 ", "T3 one", "T4 two", "T5 three"],
        ),
        (
            "%--b\nContent-Type: multipart/alternative; boundary=b\n\n--b\n\none\n--b--\n--b--",
            &["P3 ", "P3 ", "T3 one"],
        ),
        (
            "%--b\nContent-Type: message/rfc822\n\nSubject: x\n\ninner\n--b\n\nafter",
            &["P4 ", "M3 ", "T3 inner", "T4 after"],
        ),
        (
            "%--b\nContent-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\nin\n--c--\n--b--",
            &["P4 ", "M4 ", "P4 ", "T4 in"],
        ),
        (
            "%--b\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nAAAA\n--b--",
            &["P2 ", "o2 AAAA"],
        ),
        (
            "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: x\n\ninner\n--b--",
            &["P3 ", "M3 ", "T3 inner"],
        ),
        (
            "Content-Type: message/rfc822\n\nSubject: x\n\ninner",
            &["M2 ", "T2 inner"],
        ),
    ];
    check(cases);
}

/// `%` at the start stands for [`MIXED`].
fn check(cases: &[(&str, &[&str])]) {
    for (raw, expected) in cases {
        let raw = match raw.strip_prefix('%') {
            Some(rest) => format!("{MIXED}{rest}"),
            None => (*raw).to_owned(),
        };
        assert_eq!(outline(&raw), *expected, "{raw:?}");
    }
}

#[test]
fn types_that_are_not_whole_are_read_as_far_as_they_go() {
    check(&[
        // The type is not whole.
        ("Content-Type: nonsense\n\nhello", &["t1 hello"]),
        ("Content-Type:\n\nhello", &["t1 hello"]),
        ("Content-Type: ; charset=koi8-r\n\nhello", &["t1 hello"]),
        ("Content-Type: charset=koi8-r\n\nhello", &["t1 hello"]),
        ("Content-Type: text\n\nhello", &["t1 hello"]),
        (
            "Content-Type: text; name=x.txt\nContent-Transfer-Encoding: base64\n\naGk=",
            &["t1 aGk="],
        ),
        (
            "Content-Type: text/; charset=koi8-r\n\nhello",
            &["t1 hello"],
        ),
        ("Content-Type: application\n\nx", &["o1 x"]),
        ("Content-Type: image/; name=x\n\nx", &["o1 x"]),
        ("Content-Type: multipart\n\nx", &["o1 x"]),
        ("Content-Type: message\n\nx", &["o1 x"]),
        ("Content-Type: ; name=x.zip\n\nx", &["o1 x"]),
        ("Content-Type: name=x.zip\n\nx", &["o1 x"]),
        ("Content-Type: ; name*=utf-8''x.zip\n\nx", &["o1 x"]),
        ("Content-Type: /pdf; name=x\n\nx", &["o1 x"]),
        ("Content-Type: pdf; name=x\n\nx", &["o1 x"]),
        (
            "Content-Type:\nContent-Disposition: attachment; filename=x\n\nx",
            &["o1 x"],
        ),
        (
            "Content-Disposition: inline; filename*0=x\nContent-Type: ;\n\nx",
            &["o1 x"],
        ),
        (
            "Content-Type:\nContent-Transfer-Encoding: base64\n\naGk=",
            &["o1 aGk="],
        ),
        (
            "Content-Disposition: attachment; filename=x\n\nx",
            &["T1 x"],
        ),
        (
            "Content-Type: multipart; boundary=b\n\n--b\n\none\n--b--",
            &["P2 ", "T2 one"],
        ),
        // Boundaries in the forms of RFC 2231.
        (
            "Content-Type: multipart/mixed; boundary*=us-ascii'en'%3Db\n\n--=b\n\none\n--=b--",
            &["P2 ", "T2 one"],
        ),
        (
            "Content-Type: multipart/mixed; boundary*0=\"ab\";\n boundary*1=cd\n\n--abcd\n\none\n--abcd--",
            &["P2 ", "T2 one"],
        ),
        (
            "Content-Type: multipart/mixed; boundary*0*=''a%62; boundary*1=cd\n\n--abcd\n\none\n--abcd--",
            &["P2 ", "T2 one"],
        ),
    ]);
}

#[test]
fn lines_are_counted_at_every_depth() {
    let raw = format!(
        "{MIXED}--b\nContent-Type: message/rfc822\n\nSubject: x\n\n1\n2\n3\n--b\n\n1\n--b--"
    );
    let found = parse(raw.as_bytes(), &Bounds::default());
    assert_eq!(
        found.parts.iter().map(|p| p.lines).collect::<Vec<_>>(),
        [11, 4, 2, 0]
    );
}

#[test]
fn what_two_programs_could_read_differently_is_marked() {
    for (raw, ambiguous) in [
        (
            "Content-Type: text/plain\nContent-Type: text/html\n\n",
            true,
        ),
        (
            "Content-Transfer-Encoding: 7bit\ncontent-transfer-encoding: base64\n\n",
            true,
        ),
        (
            "Content-Type: multipart/mixed; boundary=a; boundary=b\n\n--a\n\n",
            true,
        ),
        ("Content-Type: multipart/mixed\n\n", true),
        (
            "Content-Type: multipart/mixed; boundary=a\nContent-Transfer-Encoding: base64\n\n--a\n\nx",
            true,
        ),
        (
            "Content-Type: multipart/mixed; boundary=a\n\n--a\n\nx\n--a--",
            false,
        ),
        ("Subject: x\n\n", false),
    ] {
        assert_eq!(
            parse(raw.as_bytes(), &Bounds::default()).ambiguous,
            ambiguous,
            "{raw:?}"
        );
    }
}

#[test]
fn the_other_reading_takes_the_last_of_two() {
    let last = Bounds {
        reading: MimeReading::Last,
        ..Bounds::default()
    };
    let parts = |raw: &str, bounds: &Bounds| parse(raw.as_bytes(), bounds).parts.len();
    for (raw, first, other) in [
        (
            "Content-Type: text/plain\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--",
            1,
            2,
        ),
        (
            "Content-Type: multipart/mixed; boundary=a; boundary=b\n\n--a\n\nx\n--b\n\ny\n--b\n\nz",
            2,
            3,
        ),
        (
            "Content-Type: multipart/mixed; boundary=a; boundary*=''b\n\n--b\n\ny\n--b\n\nz",
            1,
            3,
        ),
        (
            "Content-Type: multipart/mixed\n\nHello\n--x\n\ny\n--x\n\nz\n--x--",
            1,
            3,
        ),
        ("Content-Type: multipart/mixed\n\nHello", 1, 1),
        (
            "Content-Type: multipart/mixed; boundary=a\n\n--a\n\nx\n--a--",
            2,
            2,
        ),
    ] {
        assert_eq!(parts(raw, &Bounds::default()), first, "{raw:?}");
        assert_eq!(parts(raw, &last), other, "{raw:?}");
    }
    let raw = "Content-Transfer-Encoding: 7bit\nContent-Transfer-Encoding: base64\n\n";
    let of = |bounds: &Bounds| parse(raw.as_bytes(), bounds).parts[0].encoding;
    assert_eq!(of(&Bounds::default()), Encoding::Identity);
    assert_eq!(of(&last), Encoding::Base64);
}

fn nested(n: usize) -> String {
    let mut raw = String::new();
    for i in 0..n {
        raw += &format!("Content-Type: multipart/mixed; boundary=b{i}\n\n--b{i}\n");
    }
    raw + "\nend"
}

#[test]
fn depth_and_number_have_bounds_and_the_rest_is_opaque() {
    let bounds = Bounds::default();
    let found = parse(nested(100_000).as_bytes(), &bounds);
    assert!(found.truncated);
    assert_eq!(found.parts.len(), bounds.mime_depth + 1);
    assert_eq!(found.parts.last().unwrap().media, Media::Opaque);

    let many = format!("{MIXED}{}", "--b\n\nx\n".repeat(1_000_000));
    let found = parse(many.as_bytes(), &bounds);
    assert!(found.truncated);
    assert_eq!(found.parts.len(), bounds.mime_parts);
    assert_eq!(found.parts.last().unwrap().body_end, many.len());

    let messages = "Content-Type: message/rfc822\n\n".repeat(100_000);
    let found = parse(messages.as_bytes(), &bounds);
    assert_eq!(found.parts.len(), bounds.mime_depth + 1);

    let long = format!(
        "Content-Type: multipart/mixed; boundary={}\n\n",
        "x".repeat(10_000_000)
    );
    assert_eq!(parse(long.as_bytes(), &bounds).parts.len(), 1);
}

#[test]
fn hostile_megabytes_are_read_in_one_pass() {
    // Each of these takes minutes if the code looks at the rest again for every line or part.
    let same = "b".repeat(69);
    let mut open = String::new();
    for c in ('a'..='z').chain('A'..='Z').take(50) {
        open += &format!("Content-Type: multipart/mixed; boundary={same}{c}\n\n--{same}{c}\n");
    }
    let line = format!("--{same}!\n");
    for raw in [
        format!("{open}\n{}", line.repeat(100_000)),
        format!(
            "{MIXED}{}{}",
            "--b\nA: b\n".repeat(990),
            "C: d\n".repeat(1_000_000)
        ),
        format!("{MIXED}{}", "--\n".repeat(1_000_000)),
        format!("{MIXED}--{}", "b".repeat(8_000_000)),
        format!("{MIXED}{}", "--b--\n".repeat(1_000_000)),
    ] {
        let found = parse(raw.as_bytes(), &Bounds::default());
        assert!(found.parts.len() <= 1_000);
    }
}
