//! Composed mail reads back, and no value reaches a header with a line end.

use crate::mail::digest::analyse;
use crate::mail::text::{attachments, decode_part, text_of};
use crate::mail::unicode::file_name;
use crate::mail::write::compose::{AttachedFile, Compose, InvalidHeaderValue, compose};
use crate::mail::write::submit::check_octets;
use crate::mail::{Address, Bounds, Digest};

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

const LOGO: AttachedFile<'_> = AttachedFile {
    filename: "logo.png",
    content_type: "image/png",
    content: b"png",
    content_id: Some("logo@x"),
    inline: true,
};
const PDF: AttachedFile<'_> = AttachedFile {
    filename: "../Jörg \"x\".pdf",
    content_type: "application/pdf",
    content: &[0, 1, 2, 255],
    content_id: None,
    inline: false,
};
const MESSAGE: AttachedFile<'_> = AttachedFile {
    filename: "m.eml",
    content_type: "message/rfc822",
    content: b"Subject: in\r\n\r\nbody\r\n",
    content_id: None,
    inline: false,
};

#[test]
fn what_is_composed_reads_back() {
    let long = format!("{} ü line\n", "word ".repeat(40));
    let long_name = "ü".repeat(60);
    let files = [
        PDF,
        LOGO,
        MESSAGE,
        AttachedFile {
            filename: &long_name,
            content: b"x",
            ..PDF
        },
    ];
    for (text, html, n) in [
        (Some("hello\r\nyou"), None, 0),
        (None, Some("<b>hi</b>"), 0),
        (Some(long.as_str()), Some("<img src=cid:logo@x>"), 4),
        (None, None, 1),
        (Some("From x\n.\n"), None, 0),
    ] {
        round_trip(text, html, files.get(..n).unwrap());
    }
}

fn round_trip(text: Option<&str>, html: Option<&str>, files: &[AttachedFile<'_>]) {
    let (from, to) = (address("bot@x.test"), address("\"a b\"@y.test"));
    let mail = Compose {
        from_name: Some("Bot, the \"Great\""),
        from: Some(&from),
        to: &[(Some("Jörg Müller"), &to), (None, &from)],
        cc: &[(Some("C"), &to)],
        subject: "Grüße 日本語 and a subject that is long enough to be folded over several lines of text",
        text,
        html,
        attachments: files,
        headers: &[("X-Tag", "é"), ("List-Id", "<l.x.test>")],
        in_reply_to: Some("<p@x>"),
        references: &["<o@x>", "<p@x>"],
        date_ms: 1_763_733_001_000,
        message_id: "<m@x>",
        seed: [7; 16],
        ..Compose::default()
    };
    let raw = compose(&mail).unwrap();
    assert_eq!(check_octets(&raw), Ok(()));
    assert!(raw.is_ascii());
    for line in raw.split(|&b| b == b'\n') {
        assert!(line.len() <= 79, "{}", String::from_utf8_lossy(line));
    }
    let found = analyse(&raw, &Bounds::default()).unwrap();
    assert_eq!(found.subject, mail.subject);
    assert_eq!(found.from.first().unwrap().name.as_deref(), mail.from_name);
    assert_eq!(found.from.first().unwrap().address().unwrap(), from);
    assert_eq!(
        found.to.first().unwrap().name.as_deref(),
        Some("Jörg Müller")
    );
    assert_eq!(found.to.first().unwrap().address().unwrap(), to);
    assert_eq!(
        (found.to.len(), found.cc.len(), found.has_bcc),
        (2, 1, false)
    );
    assert_eq!(
        (found.message_id.as_deref(), found.date),
        (Some("<m@x>"), Some(1_763_733_001))
    );
    assert_eq!((found.in_reply_to.len(), found.references.len()), (1, 2));
    assert!(!found.is_ambiguous && !found.is_truncated);
    let digest = Digest::open(&found.digest).unwrap();
    let body = text_of(&raw, &digest);
    if let Some(text) = text {
        let own = body.text.get(..body.attached_at).unwrap();
        assert_eq!(own.trim_end(), text.replace("\r\n", "\n").trim_end());
    }
    assert_eq!(body.html.as_deref().map(str::trim_end), html);
    let listed: Vec<_> = attachments(&raw, &digest).collect();
    assert_eq!(listed.len(), files.len());
    for a in &listed {
        let part = digest.part(a.part).unwrap();
        let file = files
            .iter()
            .find(|f| file_name(f.filename) == a.filename)
            .unwrap();
        assert_eq!(*decode_part(&raw, &part), *file.content);
        assert_eq!(a.content_id.as_deref(), file.content_id);
    }
}

#[test]
fn nothing_is_smuggled_into_a_header() {
    for bad in [
        "a\r\nBcc: x@y",
        "a\nb",
        "a\rb",
        "a\0b",
        "a\u{85}b",
        "a\u{2028}b",
        "a\u{7f}",
    ] {
        refused_everywhere(bad);
    }
    let bcc = [("Bcc", "x@y")];
    let mail = Compose {
        headers: &bcc,
        message_id: "<m@x>",
        ..Compose::default()
    };
    assert!(compose(&mail).is_err());
}

fn refused_everywhere(bad: &str) {
    let from = address("bot@x.test");
    let to = [(Some(bad), &from)];
    let headers = [("X-A", bad)];
    let refs = [bad];
    let names = [AttachedFile {
        filename: bad,
        ..PDF
    }];
    let ids = [AttachedFile {
        content_id: Some(bad),
        ..PDF
    }];
    let types = [AttachedFile {
        content_type: bad,
        ..PDF
    }];
    let good = || Compose {
        from: Some(&from),
        message_id: "<m@x>",
        ..Compose::default()
    };
    assert!(compose(&good()).is_ok());
    for (field, mail) in [
        (
            "from",
            Compose {
                from_name: Some(bad),
                ..good()
            },
        ),
        ("to", Compose { to: &to, ..good() }),
        ("cc", Compose { cc: &to, ..good() }),
        (
            "reply_to",
            Compose {
                reply_to: &to,
                ..good()
            },
        ),
        (
            "subject",
            Compose {
                subject: bad,
                ..good()
            },
        ),
        (
            "headers",
            Compose {
                headers: &headers,
                ..good()
            },
        ),
        (
            "in_reply_to",
            Compose {
                in_reply_to: Some(bad),
                ..good()
            },
        ),
        (
            "references",
            Compose {
                references: &refs,
                ..good()
            },
        ),
        (
            "message_id",
            Compose {
                message_id: bad,
                ..good()
            },
        ),
        (
            "attachments.filename",
            Compose {
                attachments: &names,
                ..good()
            },
        ),
        (
            "attachments.content_id",
            Compose {
                attachments: &ids,
                ..good()
            },
        ),
        (
            "attachments.content_type",
            Compose {
                attachments: &types,
                ..good()
            },
        ),
    ] {
        assert_eq!(compose(&mail), Err(InvalidHeaderValue { field }), "{bad:?}");
    }
}
