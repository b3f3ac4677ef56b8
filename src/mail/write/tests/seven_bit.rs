//! A narrowed message has no octet that its server does not take, and reads as before.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::mail::parse::header::message_ids;
use crate::mail::parse::param::decoded;

/// Each leaf with its decoded octets, and the shape around it.
fn leaves(raw: &[u8]) -> Vec<(PartKind, Vec<u8>)> {
    let structure = mime::parse(raw, &Bounds::default());
    let part = |part: &RawPart| {
        let body = &raw[part.body_start..part.body_end];
        match part.kind {
            PartKind::Leaf => (part.kind, decode(part.encoding, body).into_owned()),
            kind => (kind, Vec::new()),
        }
    };
    structure.parts.iter().map(part).collect()
}

/// What a reader sees of each field of each part.
fn fields(raw: &[u8]) -> Vec<String> {
    let structure = mime::parse(raw, &Bounds::default());
    let mut seen = Vec::new();
    for part in &structure.parts {
        for field in Headers::parse(&raw[part.header_start..part.body_start]).fields() {
            if field.is("content-transfer-encoding") || field.is("mime-version") {
                continue;
            }
            let name = String::from_utf8_lossy(field.name).to_ascii_lowercase();
            if PARAMETER_FIELDS.contains(&name.as_str()) {
                let value = ParamValue::parse(field.value, usize::MAX);
                let pairs = value.params.iter().map(|p| (&*p.name, &*p.value));
                let named = ["name", "filename", "charset", "boundary"];
                let text = named.map(|key| decoded(pairs.clone(), key));
                seen.push(format!(
                    "{name} {:?}/{:?} {text:?}",
                    value.first, value.second
                ));
            } else if ADDRESS_FIELDS.contains(&name.as_str()) {
                let list = parse_list(field.value, &Bounds::default());
                seen.push(format!("{name} {list:?}"));
            } else {
                seen.push(format!("{name} {}", field.decoded()));
            }
        }
    }
    seen
}

fn holds(raw: &[u8]) -> Vec<u8> {
    let shown = String::from_utf8_lossy(raw);
    let narrow_form = narrow(raw, NarrowForm::SevenBit);
    assert!(
        narrow_form.is_ascii() && !narrow_form.contains(&0),
        "{shown}"
    );
    assert_eq!(leaves(&narrow_form), leaves(raw), "{shown}");
    assert_eq!(fields(&narrow_form), fields(raw), "{shown}");
    let again = narrow(&narrow_form, NarrowForm::SevenBit);
    assert_eq!(again, narrow_form, "{shown}");
    let ascii = narrow(raw, NarrowForm::AsciiHeader);
    let root = &mime::parse(&ascii, &Bounds::default()).parts[0];
    assert!(ascii[..root.body_start].is_ascii(), "{shown}");
    assert_eq!(leaves(&ascii), leaves(raw), "{shown}");
    assert_eq!(fields(&ascii), fields(raw), "{shown}");
    narrow_form
}

#[test]
fn plain_ascii_stays_as_it_is() {
    for raw in [
        "Subject: x\r\n\r\nbody\r\n.\r\n",
        "Subject: x\r\n\r\n",
        "\r\nbody",
        "",
        "Content-Type: multipart/mixed; boundary=b\r\n\r\npre\r\n--b\r\n\r\none\r\n--b--\r\nepi\r\n",
    ] {
        assert_eq!(holds(raw.as_bytes()), raw.as_bytes());
    }
}

#[test]
fn a_text_becomes_quoted_printable() {
    let raw = "From: a@b\r\nContent-Transfer-Encoding: 8bit\r\nContent-Type: text/plain; \
               charset=utf-8\r\n\r\nH\u{e4}llo = \r\n.\r\n";
    let sent = String::from_utf8(holds(raw.as_bytes())).unwrap();
    assert_eq!(
        sent,
        "From: a@b\r\nContent-Type: text/plain; charset=utf-8\r\nMIME-Version: 1.0\r\n\
         Content-Transfer-Encoding: quoted-printable\r\n\r\nH=C3=A4llo =3D=20\r\n=2E\r\n"
    );
    // A field that says nothing, a body without an empty line at its end, a lone header.
    holds("MIME-Version: 1.0\r\n\r\n\u{e4}".as_bytes());
    holds("\r\n\u{e4}\r\n".as_bytes());
    holds("Subject: \u{e4}".as_bytes());
    holds(&[b"A: b\r\n\r\n", &b"x".repeat(5000)[..], b"\r\n"].concat());
    holds(b"A: b\r\n\r\nnul \0 and \xff\xfe octets\r\n");
    holds(b"A: b\r\nContent-Type: application/pdf\r\n\r\n\xff\x00\r\nx\r\n");
    // Encoded already, and with octets that do not belong there.
    holds(b"Content-Transfer-Encoding: quoted-printable\r\n\r\na=3Db \xc3\xa4\r\n");
    holds(b"Content-Transfer-Encoding: base64\r\n\r\naGVs\xc3\xa4bG8=\r\n");
}

#[test]
fn parts_are_changed_one_by_one() {
    let raw = "Subject: J\u{f6}rg\r\nContent-Type: multipart/mixed; boundary=\"b\"\r\n\
        Content-Transfer-Encoding: 8bit\r\n\r\npre\u{e4}\r\n--b\r\n\
        Content-Type: multipart/alternative; boundary=c\r\nContent-Transfer-Encoding: binary\r\n\r\n\
        --c\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
        \u{e4}\r\n--c\r\n\r\nplain\r\n--c--\r\n--b\r\nContent-Type: application/x\r\n\
        Content-Disposition: attachment; filename=\"J\u{f6}rg \\\"x\\\".bin\"\r\n\r\n\u{ff}\u{fe}\r\n\
        --b\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
        Subject: \u{e4}\r\nFrom: \"\u{e4}\" <a@b.test>\r\n\r\ninside \u{e4}\r\n\
        --b\r\n\r\nlast\r\n--b--\r\nepi\u{e4}\r\n";
    let sent = String::from_utf8(holds(raw.as_bytes())).unwrap();
    assert_eq!(sent.matches("Content-Transfer-Encoding: 7bit").count(), 3);
    let quoted = "Content-Transfer-Encoding: quoted-printable";
    assert_eq!(sent.matches(quoted).count(), 2, "{sent}");
    assert_eq!(sent.matches("Content-Transfer-Encoding: base64").count(), 1);
    assert!(sent.contains("\r\n\r\nplain\r\n--c--\r\n"));
    // The message inside is a body, and a server with 8BITMIME takes it.
    let ascii = narrow(raw.as_bytes(), NarrowForm::AsciiHeader);
    let ascii = String::from_utf8(ascii).unwrap();
    assert!(ascii.contains("Subject: \u{e4}\r\nFrom: \"\u{e4}\""));
}

#[test]
fn fields_become_ascii_by_their_grammar() {
    let one = |field: &str| {
        let raw = format!("{field}\r\n\r\nx\r\n");
        let sent = String::from_utf8(holds(raw.as_bytes())).unwrap();
        sent.strip_suffix("\r\n\r\nx\r\n").unwrap().to_owned()
    };
    for (field, expected) in [
        ("Subject: H\u{e4}llo", "Subject: =?utf-8?q?H=C3=A4llo?="),
        ("Subject:\u{e4}\r\n b", "Subject: =?utf-8?b?w6QgYg==?="),
        (
            "To: \"\u{d6}, x\" <a@b.test>, plain@b.test, Bob <c@b.test>",
            "To: =?utf-8?b?w5YsIHg=?= <a@b.test>, plain@b.test, Bob <c@b.test>",
        ),
        (
            "Cc: Gr\u{fc}ppe: a@b.test, \u{e4} <c@b.test>;",
            "Cc: =?utf-8?q?Gr=C3=BCppe?=: a@b.test, =?utf-8?b?w6Q=?= <c@b.test>;",
        ),
        (
            "Content-Type: text/plain; charset=utf-8; name=\"\u{e4}.txt\"",
            "Content-Type: text/plain;\r\n charset=\"utf-8\";\r\n name*=utf-8''%C3%A4.txt",
        ),
    ] {
        assert_eq!(one(field), expected);
    }
    // What has no form in ASCII is kept as text that can be read.
    for (field, expected) in [
        (
            "From: J <j\u{f6}rg@b.test>",
            "From: =?utf-8?q?J_j=C3=B6rg=40b=2Etest?=:;",
        ),
        (
            "From: \u{e4}@b.test",
            "From: =?utf-8?q?=C3=A4=40b=2Etest?=:;",
        ),
        (
            "Message-ID: <\u{e4}@b>",
            "Downgraded-Message-ID: =?utf-8?b?PMOkQGI+?=",
        ),
        ("Received: by \u{e4}; x", "Received: by ??; x"),
        ("no field \u{e4}", "no field ??"),
    ] {
        let raw = format!("{field}\r\n\r\nx\r\n");
        for form in [NarrowForm::SevenBit, NarrowForm::AsciiHeader] {
            let sent = narrow(raw.as_bytes(), form);
            let sent = String::from_utf8(sent).unwrap();
            assert_eq!(sent, format!("{expected}\r\n\r\nx\r\n"));
        }
    }
    assert_eq!(message_ids(b"<a@b>").len(), 1);
}

/// Random messages over the words that make structure.
#[test]
fn random_messages_read_as_before() {
    let words: [&[u8]; 22] = [
        b"--b\r\n",
        b"--c\r\n",
        b"--b--\r\n",
        b"--c--\r\n",
        b"Content-Type: multipart/mixed; boundary=b\r\n",
        b"Content-Type: multipart/alternative; boundary=c\r\n",
        b"Content-Type: message/rfc822\r\n",
        b"Content-Type: text/plain; charset=utf-8\r\n",
        b"Content-Type: application/octet-stream\r\n",
        b"Content-Transfer-Encoding: 8bit\r\n",
        b"Content-Transfer-Encoding: base64\r\n",
        b"Content-Transfer-Encoding: quoted-printable\r\n",
        b"Subject: plain\r\n",
        "Subject: \u{e4} b\r\n".as_bytes(),
        "To: \u{e4} <a@b.test>\r\n".as_bytes(),
        b"\r\n",
        b"\r\n",
        "text \u{e4}\r\n".as_bytes(),
        "\u{e4}".as_bytes(),
        b"text = .\r\n",
        b"\xff\xfe",
        b"aGVsbG8=\r\n",
    ];
    let mut seed = 11_u64;
    let mut next = |n: usize| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % n
    };
    for _ in 0..4_000 {
        let mut raw = Vec::new();
        for _ in 0..next(24) {
            raw.extend_from_slice(words[next(words.len())]);
        }
        let shown = raw.escape_ascii().to_string();
        let sent = narrow(&raw, NarrowForm::SevenBit);
        assert!(sent.is_ascii(), "{shown}");
        assert_eq!(leaves(&sent), leaves(&raw), "{shown}");
    }
}
