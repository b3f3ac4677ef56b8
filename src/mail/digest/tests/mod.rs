//! Walks, section numbers, raw values and damage of a stored digest.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::ops::Range;

use crate::mail::Bounds;
use crate::mail::digest::{Digest, Part, PartStep, analyse};

mod work;

const MAIL: &str = "From: =?utf-8?q?J=C3=B6rg?= <j@x.test>\r\nTo: \"A, B\" <a@b.test>,\r\n g: c@d.test;\r\n\
    Subject: =?utf-8?q?H=C3=A4?=\r\n llo\r\nDate: Thu, 1 Jan 1970 00:00:00 +0000\r\nMessage-ID: <1@x>\r\n\
    Content-Type: multipart/mixed; boundary=\"b\"\r\n\r\n--b\r\n\
    Content-Type: multipart/alternative; boundary=c\r\n\r\n\
    --c\r\nContent-Type: text/plain; charset=utf-8\r\n\r\none\r\n--c\r\nContent-Type: text/html\r\n\r\n<b>two\r\n--c--\r\n--b\r\n\
    Content-Type: message/rfc822\r\nContent-Language: en, de\r\n\r\nFrom: in@ner\r\nContent-Type: multipart/mixed; boundary=d\r\n\r\n\
    --d\r\n\r\nin one\r\n--d\r\nContent-Type: application/pdf; name=x.pdf\r\nContent-Transfer-Encoding: base64\r\n\
    Content-Disposition: attachment; filename=x.pdf\r\nContent-ID: <id>\r\nContent-Description: de\r\n scr\r\n\r\naGVsbG8=\r\n--d--\r\n--b\r\n\
    Content-Type: message/rfc822\r\n\r\nSubject: flat\r\n\r\nflat body\r\n--b--\r\n";

fn outline(digest: &Digest<'_>) -> Vec<String> {
    let mut seen = Vec::new();
    let mut walk = digest.walk();
    while let Some(step) = walk.next() {
        let path: Vec<String> = walk.path().iter().map(u32::to_string).collect();
        let kind = |p: &Part<'_>| String::from_utf8_lossy(p.subtype).into_owned();
        seen.push(match step {
            PartStep::Open(p) => format!("{}({}", path.join("."), kind(&p)),
            PartStep::Close(p) => format!("){}", kind(&p)),
            PartStep::Leaf(p) => format!("{} {}", path.join("."), kind(&p)),
        });
    }
    seen
}

#[test]
fn parts_are_walked_and_numbered_as_imap_does() {
    let analysis = analyse(MAIL.as_bytes(), &Bounds::default()).unwrap();
    let digest = Digest::open(&analysis.digest).unwrap();
    assert_eq!(
        outline(&digest),
        [
            "(mixed",
            "1(alternative",
            "1.1 plain",
            "1.2 html",
            ")alternative",
            "2(rfc822",
            "2(mixed",
            "2.1 plain",
            "2.2 pdf",
            ")mixed",
            ")rfc822",
            "3(rfc822",
            "3.1 plain",
            ")rfc822",
            ")mixed",
        ]
    );
    let text = |range: Range<usize>| MAIL.get(range).unwrap().to_owned();
    for (path, body) in [
        (&[1, 1][..], Some("one")),
        (&[1, 2], Some("<b>two")),
        (&[2, 1], Some("in one")),
        (&[2, 2], Some("aGVsbG8=")),
        (&[3, 1], Some("flat body")),
        (&[3], Some("Subject: flat\r\n\r\nflat body")),
        (&[4], None),
        (&[0], None),
        (&[1, 3], None),
        (&[1, 1, 1], None),
        (&[2, 2, 1], None),
        (&[3, 2], None),
        (&[u32::MAX], None),
    ] {
        assert_eq!(
            digest.section(path).map(|p| text(p.body)).as_deref(),
            body,
            "{path:?}"
        );
    }
    assert!(text(digest.section(&[1, 1]).unwrap().header).starts_with("Content-Type: text/plain;"));
    let inner = digest.embedded(&digest.section(&[2]).unwrap()).unwrap();
    assert!(
        text(inner.header).starts_with("From: in@ner") && text(inner.body).starts_with("--d\r\n")
    );
    assert_eq!(digest.section(&[]).unwrap().index, 0);
    let flat = analyse(b"Subject: x\r\n\r\nbody", &Bounds::default()).unwrap();
    let flat = Digest::open(&flat.digest).unwrap();
    assert_eq!(flat.section(&[1]).unwrap().body, 14..18);
    assert!(flat.section(&[2]).is_none() && flat.section(&[1, 1]).is_none());
}

#[test]
fn the_header_of_an_attached_message_is_never_longer_than_the_message() {
    for (inner, header, body) in [
        ("Subject: x\r\n", "Subject: x", ""),
        ("Subject: x\r\n\r\n", "Subject: x\r\n", ""),
        ("Subject: x\r\n\r\n\r\n", "Subject: x\r\n\r\n", ""),
        ("Subject: x\r\n\r\ny\r\n", "Subject: x\r\n\r\n", "y"),
        ("", "", ""),
        ("\r\n", "", ""),
        ("\r\n\r\n", "\r\n", ""),
        (
            "Content-Type: multipart/mixed; boundary=c\r\n",
            "Content-Type: multipart/mixed; boundary=c",
            "",
        ),
        (
            "Content-Type: message/rfc822\r\n",
            "Content-Type: message/rfc822",
            "",
        ),
        (
            "Content-Type: message/rfc822\r\n\r\nA: b\r\n",
            "Content-Type: message/rfc822\r\n\r\n",
            "A: b",
        ),
    ] {
        for end in ["--b--\r\n", "--b\r\n\r\nafter\r\n--b--\r\n"] {
            let raw = format!(
                "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
                 Content-Type: message/rfc822\r\n\r\n{inner}{end}"
            );
            let analysis = analyse(raw.as_bytes(), &Bounds::default()).unwrap();
            let digest = Digest::open(&analysis.digest).unwrap();
            let part = digest.section(&[1]).unwrap();
            let root = digest.embedded(&part).unwrap();
            let whole = raw.get(part.body.clone()).unwrap();
            assert_eq!(raw.get(root.header), Some(header), "{raw:?}");
            assert_eq!(raw.get(root.body), Some(body), "{raw:?}");
            assert_eq!(whole, format!("{header}{body}"), "{raw:?}");
        }
    }
}

#[test]
fn values_are_raw_and_safe_to_quote() {
    let analysis = analyse(MAIL.as_bytes(), &Bounds::default()).unwrap();
    let digest = Digest::open(&analysis.digest).unwrap();
    let envelope = digest.envelope();
    assert_eq!(envelope.subject.unwrap(), b"=?utf-8?q?H=C3=A4?= llo");
    assert_eq!(envelope.subject_text(), "H\u{e4} llo");
    assert_eq!(envelope.message_id.unwrap(), b"<1@x>");
    assert_eq!(envelope.sender.count(), 1);
    assert!(envelope.own_reply_to().is_empty() && !envelope.reply_to.is_empty());
    assert_eq!(envelope.to.count(), 4);
    assert_eq!(
        envelope.from.mailboxes().next().unwrap().name.unwrap(),
        "J\u{f6}rg"
    );
    let pdf = digest.section(&[2, 2]).unwrap();
    assert_eq!(
        (pdf.id, pdf.description),
        (Some(&b"<id>"[..]), Some(&b"de scr"[..]))
    );
    assert_eq!(pdf.disposition.unwrap().0, b"attachment");
    assert_eq!(pdf.param("NAME"), Some(&b"x.pdf"[..]));
    assert_eq!(pdf.size(), 8);
    let message = digest.section(&[2]).unwrap();
    assert_eq!(message.languages.collect::<Vec<_>>(), [b"en", b"de"]);
    assert_eq!(message.envelope.unwrap().from.count(), 1);
    for hostile in ["Subject: a\0b\r\n\tc\r\n\r\n", "Subject: a\rb\r\n\r\n"] {
        let analysis = analyse(hostile.as_bytes(), &Bounds::default()).unwrap();
        let subject = Digest::open(&analysis.digest)
            .unwrap()
            .envelope()
            .subject
            .unwrap();
        assert!(!subject.iter().any(|b| matches!(b, 0 | b'\r' | b'\n')));
    }
}

#[test]
fn damage_never_panics() {
    let analysis = analyse(MAIL.as_bytes(), &Bounds::default()).unwrap();
    let mut seed = 7_u32;
    for cut in 0..analysis.digest.len() {
        touch(analysis.digest.get(..cut).unwrap());
        let mut broken = analysis.digest.clone();
        for _ in 0..3 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let at = (seed >> 8) as usize % broken.len();
            broken[at] = (seed >> 3) as u8;
        }
        touch(&broken);
    }
}

fn touch(bytes: &[u8]) {
    let Some(digest) = Digest::open(bytes) else {
        return;
    };
    let envelope = digest.envelope();
    assert!(envelope.to.count() <= bytes.len());
    assert!(digest.walk().take(1_000_000).count() <= 2 * digest.part_count());
    for path in [&[1][..], &[1, 1], &[2, 2], &[3, 1], &[]] {
        if let Some(part) = digest.section(path) {
            let _ = (
                part.params.count(),
                part.languages.count(),
                digest.embedded(&part).is_some(),
            );
        }
    }
}
