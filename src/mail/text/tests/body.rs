//! The text of a message: which parts it is made of, in which order, and that it is never empty.

use crate::mail::Bounds;
use crate::mail::Digest;
use crate::mail::digest::analyse;
use crate::mail::text::body::{TEXT_MAX, TextBody};
use crate::mail::text::{extracted_of, text_of};
use crate::mail::write::encode::encode_base64;

fn body(raw: &str) -> TextBody {
    let analysis = analyse(raw.as_bytes(), &Bounds::default()).unwrap();
    text_of(raw.as_bytes(), &Digest::open(&analysis.digest).unwrap())
}

const ALT: &str = "Content-Type: multipart/alternative; boundary=a\n\n--a\nContent-Type: text/plain\n\n%1\n--a\nContent-Type: text/html\n\n%2\n--a--\n";

#[test]
fn the_text_is_what_a_reader_sees() {
    let alt = |plain: &str, html: &str| ALT.replace("%1", plain).replace("%2", html);
    for (raw, text, html, hidden) in [
        ("\nhello\r\nyou\r\n".to_owned(), "hello\nyou\n", None, false),
        ("Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\nJ=F6rg".to_owned(), "Jörg", None, false),
        ("Content-Type: text/html\nContent-Transfer-Encoding: base64\n\nPGI+aGk8L2I+".to_owned(), "hi", Some("<b>hi</b>"), false),
        (alt("plain", "<b>html</b>"), "plain", Some("<b>html</b>"), false),
        (alt("", "<b>html</b>"), "html", Some("<b>html</b>"), false),
        (alt(" \n ", "<p>html"), "html", Some("<p>html"), false),
        (alt("plain", "x<i hidden>evil</i>"), "plain", Some("x<i hidden>evil</i>"), true),
        ("Content-Type: multipart/mixed; boundary=m\n\n--m\nContent-Type: text/html\n\n<b>body</b>\n--m\n\nfooter\n--m--".to_owned(), "body\nfooter", Some("<b>body</b>"), false),
        (format!("Content-Type: multipart/mixed; boundary=m\n\n--m\n{}--m\n\nfooter\n--m--", alt("plain", "<b>html</b>")), "plain\nfooter", Some("<b>html</b>"), false),
        ("Content-Type: application/pdf; name=x.pdf\n\n%PDF".to_owned(), "[x.pdf]", None, false),
        ("Content-Type: text/html\n\n<img src=x>".to_owned(), "[no text]", Some("<img src=x>"), false),
        ("Content-Type: message/rfc822\n\nSubject: x\n\ninner".to_owned(), "[Attached message: Subject: x]\ninner", None, false),
        ("Subject: x\n\n".to_owned(), "", None, false),
        ("\na\u{200b}b\u{e0041}c \u{1b}[31m".to_owned(), "abc [31m", None, true),
        ("Content-Type: text/csv\n\na,b".to_owned(), "a,b", None, false),
    ] {
        let found = body(&raw);
        assert_eq!((found.text.as_str(), found.html.as_deref(), found.hidden_content), (text, html, hidden), "{raw}");
    }
}

#[test]
fn long_texts_are_cut() {
    let raw = format!("\n{}", "é".repeat(TEXT_MAX));
    let found = body(&raw);
    assert!(found.truncated && found.text.len() <= TEXT_MAX);
    let raw = format!("\n{}", "word ".repeat(TEXT_MAX));
    assert!(body(&raw).text.len() <= TEXT_MAX);
}

/// A multipart with these parts, each with its own header.
fn multipart(subtype: &str, parts: &[&str]) -> String {
    let boundary = format!("={subtype}{}", parts.len());
    let mut raw = format!("Content-Type: multipart/{subtype}; boundary=\"{boundary}\"\n\n");
    for part in parts {
        raw += &format!("--{boundary}\n{part}\n");
    }
    raw + &format!("--{boundary}--\n")
}

fn plain(text: &str) -> String {
    format!("Content-Type: text/plain; charset=utf-8\n\n{text}")
}

fn page(text: &str) -> String {
    format!("Content-Type: text/html; charset=utf-8\n\n{text}")
}

#[test]
fn plain_text_that_fills_its_place_does_not_win_over_html() {
    let long = format!("<p>Dear Bob, {}</p>", "the invoice is ready. ".repeat(40));
    for (own, html, wins) in [
        ("\u{a0} \r\n", "<p>Dear Bob</p>", true),
        ("&nbsp;", "<p>Dear Bob</p>", true),
        (
            "Your mail client does not support HTML.",
            "<p>Dear Bob, hello.</p>",
            true,
        ),
        (
            "Ihr Mailprogramm kann diese Nachricht nicht anzeigen",
            "<p>Dear Bob, the invoice is ready.</p>",
            true,
        ),
        ("このメールはHTMLメールです。", "<p>Dear Bob</p>", true),
        ("https://x.test/view/1", "<p>Dear Bob</p>", true),
        ("Acme news", &long, true),
        // Beside HTML without words it is all there is.
        ("This message contains HTML", "<img src=\"x\">", false),
        ("Acme news", "<p>Acme news</p>", false),
        (
            "Thanks, Ann",
            "<p>Thanks, Ann</p><p>Ann Example, Acme Inc.</p>",
            false,
        ),
        (
            "Your code is 482913. It is valid for ten minutes.",
            "<p>Your code is <b>482913</b>.</p>",
            false,
        ),
    ] {
        let found = body(&multipart("alternative", &[&plain(own), &page(html)]));
        assert_eq!(
            found.text.contains("Dear Bob"),
            wins,
            "{own:?}: {:?}",
            found.text
        );
        assert_eq!(
            !own.trim().is_empty() && found.text.contains(own.trim()),
            !wins,
            "{own:?}: {:?}",
            found.text
        );
        assert_eq!(found.html.as_deref(), Some(html));
    }
    // The HTML may lie deeper, and the order may be another.
    let related = multipart(
        "related",
        &[&page("<p>Dear Bob</p>"), "Content-Type: image/png\n\nx"],
    );
    for parts in [
        [plain("See the HTML part.").as_str(), &related],
        [&related, plain("See the HTML part.").as_str()],
    ] {
        assert_eq!(body(&multipart("alternative", &parts)).text, "Dear Bob");
    }
    let nested = multipart(
        "alternative",
        &[
            &plain("words"),
            &multipart(
                "alternative",
                &[&page("<p>page"), "Content-Type: text/calendar\n\nx"],
            ),
        ],
    );
    assert_eq!(body(&nested).text.trim(), "words");
}

#[test]
fn a_footer_stands_behind_the_words_of_the_author() {
    let footer = plain("____\nList: leave at https://l.test/");
    let both = multipart(
        "alternative",
        &[&plain("the author"), &page("<p>the author")],
    );
    let html = page("<p>the author</p>");
    let stub = multipart("alternative", &[&plain("Use HTML"), &html]);
    let in_branch = multipart("alternative", &[&multipart("mixed", &[&html, &footer])]);
    let in_related = multipart(
        "mixed",
        &[
            &multipart("related", &[&html, "Content-Type: image/png\n\nx"]),
            &footer,
        ],
    );
    for raw in [
        multipart("mixed", &[&both, &footer]),
        multipart("mixed", &[&html, &footer]),
        multipart("mixed", &[&stub, &footer]),
        multipart("mixed", &[&plain("the author"), &footer]),
        in_branch,
        in_related,
    ] {
        let text = body(&raw).text;
        let author = text.find("the author");
        assert!(
            author.is_some() && author < text.find("List: leave"),
            "{raw}\n{text}"
        );
        assert_eq!(text.matches("the author").count(), 1, "{text}");
    }
}

#[test]
fn attached_messages_follow_behind_a_line_of_their_own() {
    let inner = "From: Ann =?utf-8?q?J=C3=B6rg?= <a@x.test>\nDate: Mon, 6 May 2024 10:00:00 +0200\nSubject: Odd\n mail\n\nThe inner words.\n-- \nAnn\n";
    let attached = format!(
        "Content-Type: message/rfc822\nContent-Disposition: attachment; filename=a.eml\n\n{inner}"
    );
    let line = "[Attached message: From: Ann J\u{f6}rg <a@x.test>; Date: Mon, 6 May 2024 10:00:00 +0200; Subject: Odd mail]";
    let found = body(&multipart(
        "mixed",
        &[
            &plain("See below.\n-- \nBob"),
            &attached,
            &plain("And more."),
        ],
    ));
    assert_eq!(
        found.text,
        format!("See below.\n-- \nBob\nAnd more.\n\n{line}\nThe inner words.\n-- \nAnn\n")
    );
    assert_eq!(
        extracted_of("", &found),
        format!("See below.\n\n{line}\nThe inner words.\n-- \nAnn")
    );
    assert_eq!(found.html, None);

    // Without words of its own, with HTML inside, and a message within a message.
    let page_inside = format!(
        "Content-Type: message/rfc822\n\nSubject: outer\n{}",
        multipart("mixed", &[&page("<p>page</p>"), &attached])
    );
    let found = body(&multipart("mixed", &[&page_inside]));
    assert_eq!(
        found.text,
        format!("[Attached message: Subject: outer]\npage\n\n{line}\nThe inner words.\n-- \nAnn\n")
    );
    assert_eq!((found.attached_at, found.html.as_deref()), (0, None));
    assert_eq!(extracted_of("", &found), found.text.trim_end());

    // A digest, a message without fields, and one that has only an attachment.
    let digest = multipart("digest", &["\nSubject: one\n\nfirst", "\n\nsecond"]);
    assert_eq!(
        body(&digest).text,
        "[Attached message: Subject: one]\nfirst\n\n[Attached message]\nsecond"
    );
    let file = "Content-Type: message/rfc822\n\nContent-Type: application/pdf\n\nx";
    assert_eq!(
        body(&multipart("mixed", &[file])).text,
        "[Attached message]\n"
    );
}

/// A message/rfc822 part in base64.
fn encoded(raw: &str) -> String {
    let mut part =
        b"Content-Type: message/rfc822; name=a.eml\nContent-Transfer-Encoding: base64\n\n".to_vec();
    encode_base64(raw.as_bytes(), &mut part);
    String::from_utf8(part).unwrap()
}

#[test]
fn attached_messages_in_base64_are_read_too() {
    let inner = format!(
        "Subject: one\n{}",
        multipart(
            "mixed",
            &[&page("<p>first"), &encoded("Subject: two\n\nsecond")]
        )
    );
    let found = body(&multipart(
        "mixed",
        &[
            &plain("See below."),
            &encoded(&inner),
            "Content-Type: message/rfc822\n\n\nthird",
        ],
    ));
    assert_eq!(
        found.text,
        "See below.\n\n[Attached message]\nthird\n\n[Attached message: Subject: one]\nfirst\n\n[Attached message: Subject: two]\nsecond"
    );
    let quoted = "Content-Type: message/rfc822\nContent-Transfer-Encoding: quoted-printable\n\nSubject: q=\nq\n\n=C3=A9";
    assert_eq!(body(quoted).text, "[Attached message: Subject: qq]\n\u{e9}");

    // Messages within messages end at a bound.
    let mut deep = String::from("Subject: last\n\nlast");
    for _ in 0..20 {
        deep = encoded(&deep);
    }
    assert!(body(&deep).text.ends_with("last"));
    let wide = multipart("mixed", &vec![encoded("\nx").as_str(); 300]);
    let wide = multipart("mixed", &vec![encoded(&wide).as_str(); 20]);
    let found = body(&wide);
    assert!(found.truncated && found.text.matches("[Attached").count() <= 101);
    let empty = body(&encoded(""));
    assert_eq!(empty.text, "[Attached message]\n");
}

#[test]
fn attached_messages_keep_the_bound_of_the_text() {
    let long = format!(
        "Content-Type: message/rfc822\n\n\n{}",
        "words ".repeat(100_000)
    );
    let found = body(&multipart(
        "mixed",
        &[&plain("See below."), &long, &long, &long],
    ));
    assert!(
        found.truncated && found.text.len() <= TEXT_MAX && found.text.starts_with("See below.")
    );
    let deep = "Content-Type: message/rfc822\n\n".repeat(10_000);
    let found = body(&deep);
    assert!(found.text.starts_with("[Attached message]\n") && found.text.len() < 2_000);
    let many = multipart("digest", &vec!["\nSubject: one\n\nfirst"; 900]);
    let found = body(&many);
    assert!(found.text.contains("first") && found.text.len() < 50_000);
}

#[test]
fn no_mail_with_a_body_has_an_empty_text() {
    for (raw, text) in [
        (
            "Content-Type: text/csv\nContent-Disposition: attachment; filename=r.csv\n\na,b"
                .to_owned(),
            "a,b",
        ),
        (
            "Content-Type: text/html\nContent-Disposition: attachment; filename=p.html\n\n<p>page"
                .to_owned(),
            "page",
        ),
        (
            "Content-Type: text/calendar; method=REQUEST\n\nBEGIN:VCALENDAR".to_owned(),
            "BEGIN:VCALENDAR",
        ),
        (
            "Content-Type: text/xml; name=dmarc.xml\n\n<feedback/>".to_owned(),
            "<feedback/>",
        ),
        (
            multipart(
                "mixed",
                &["Content-Type: text/plain\nContent-Disposition: attachment; filename=a.txt\n\nx"],
            ),
            "[a.txt]",
        ),
        (
            multipart("mixed", &["Content-Type: text/csv; name=a.csv\n\nx,y"]),
            "x,y",
        ),
        (
            multipart(
                "alternative",
                &["Content-Type: text/enriched\n\n<bold>hi</bold>"],
            ),
            "<bold>hi</bold>",
        ),
        (
            multipart(
                "mixed",
                &[
                    "Content-Type: application/pdf\n\nx",
                    "Content-Type: text/plain; name=n.txt\n\nwords",
                ],
            ),
            "words",
        ),
        (
            multipart(
                "alternative",
                &[" \n\n \n", "Content-Type: text/html\n\n<img src=x>"],
            ),
            "[no text]",
        ),
        (
            "Subject: x\nno empty line above\nSecond: line".to_owned(),
            "no empty line above\nSecond: line",
        ),
        (
            "From ann@x.test Mon May 6 10:00:00 2024\nSubject: x\n\n".to_owned(),
            "",
        ),
        (
            multipart(
                "mixed",
                &[
                    "Content-Type: text/html\n<p>page</p>\n",
                    "Content-Type: application/pdf\n\nx",
                ],
            ),
            "page",
        ),
    ] {
        assert_eq!(body(&raw).text.trim_end(), text, "{raw}");
    }
}

#[test]
fn flowed_text_is_joined_and_nothing_else() {
    let raw = |params: &str| {
        format!("Content-Type: text/plain{params}\n\nsee https://x.test/a \n/b \nend\n")
    };
    for (params, text) in [
        ("; format=flowed; delsp=yes", "see https://x.test/a/bend\n"),
        ("; Format=\"Flowed\"", "see https://x.test/a /b end\n"),
        (
            "; format=fixed; delsp=yes",
            "see https://x.test/a \n/b \nend\n",
        ),
        ("; delsp=yes", "see https://x.test/a \n/b \nend\n"),
    ] {
        assert_eq!(body(&raw(params)).text, text, "{params}");
    }
    let encoded = "Content-Type: text/plain; format=flowed\nContent-Transfer-Encoding: quoted-printable\n\none=20\ntwo =\nthree\n";
    assert_eq!(body(encoded).text, "one two three\n");
}

#[test]
fn a_body_of_one_long_line_takes_one_pass() {
    // Minutes, if the code looks at the rest of the line again.
    for header in [
        "",
        "Content-Type: text/plain; format=flowed\n",
        "Content-Type: text/html\n",
        "Content-Transfer-Encoding: base64\n",
        "Content-Transfer-Encoding: quoted-printable\n",
    ] {
        for piece in [
            "--b",
            "x",
            "=",
            "> ",
            "a b ",
            "http://",
            "&",
            "<",
            "<!",
            "\u{e9}",
            "On wrote: ",
            "'",
            "cid:",
        ] {
            let raw = format!("{header}\n{}", piece.repeat((1 << 17) / piece.len()));
            let found = body(&raw);
            assert!(found.text.len() <= TEXT_MAX, "{header} {piece}");
            let _ = extracted_of("", &found);
        }
    }
}
