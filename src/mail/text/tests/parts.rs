//! Which parts are attachments, what of them counts, their names and their sizes.

use crate::mail::Bounds;
use crate::mail::Digest;
use crate::mail::digest::analyse;
use crate::mail::text::{attachments, decode_part, text_of};

#[test]
fn attachments_are_listed_once_and_cleaned() {
    let raw = "Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\n\r\ntext\r\n--m\r\nContent-Type: image/png\r\nContent-ID: <logo>\r\n\
        Content-Transfer-Encoding: base64\r\nContent-Disposition: inline\r\n\r\naGVs\r\nbG8=\r\n--m\r\nContent-Type: application/pdf; name=ignored\r\n\
        Content-Disposition: attachment; filename*=utf-8''..%2F..%2FJ%C3%B6rg%00.pdf\r\n\r\nx\r\n--m\r\nContent-Type: message/rfc822\r\n\r\n\
        Content-Type: multipart/mixed; boundary=n\r\n\r\n--n\r\nContent-Disposition: attachment; filename=inner\r\n\r\nx\r\n--n--\r\n--m\r\n\
        Content-Type: text/plain\r\nContent-Disposition: attachment; filename=\"a\"\r\n\r\nnotes\r\n--m--\r\n";
    let analysis = analyse(raw.as_bytes(), &Bounds::default()).unwrap();
    let digest = Digest::open(&analysis.digest).unwrap();
    let shown: Vec<String> = attachments(raw.as_bytes(), &digest)
        .map(|a| {
            format!(
                "{} {:?} {} {} {} {} {:?}",
                a.index, a.section, a.filename, a.content_type, a.size, a.inline, a.content_id
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            "0 [2] attachment-1.png image/png 5 true Some(\"logo\")",
            "1 [3] Jörg.pdf application/pdf 1 false None",
            "2 [4] attachment-3.eml message/rfc822 109 false None",
            "3 [5] a text/plain 5 false None",
        ]
    );
    assert!(analysis.has_attachments && digest.has_attachments());
    let png = digest.section(&[2]).unwrap();
    assert_eq!(&*decode_part(raw.as_bytes(), &png), b"hello");
    assert_eq!(
        text_of(raw.as_bytes(), &digest).text,
        "text\n\n[Attached message]\n"
    );
}

/// The names of the attachments with `+` if they count, and the text.
fn listed(raw: &str) -> (String, String) {
    let analysis = analyse(raw.as_bytes(), &Bounds::default()).unwrap();
    let digest = Digest::open(&analysis.digest).unwrap();
    assert_eq!(analysis.has_attachments, digest.has_attachments());
    let names: Vec<String> = attachments(raw.as_bytes(), &digest)
        .map(|a| {
            let part = digest.part(a.part).unwrap();
            assert_eq!(decode_part(raw.as_bytes(), &part).len(), a.size, "{raw}");
            format!("{}{}", a.filename, if a.inline { "~" } else { "" })
        })
        .collect();
    let counts = if analysis.has_attachments { "+" } else { "-" };
    let text = text_of(raw.as_bytes(), &digest).text;
    (
        format!("{counts} {}", names.join(" ")),
        text.trim().to_owned(),
    )
}

/// `subtype[part|part|...]`: a part is a header and a body that `;;` separates, or a multipart.
fn message(outline: &str) -> String {
    let Some((subtype, rest)) = outline.split_once('[') else {
        let (header, body) = outline.split_once(";;").unwrap_or((outline, "x"));
        return format!("{}\n\n{body}", header.replace(" & ", "\n"));
    };
    let boundary = format!("b{}", outline.len());
    let mut raw = format!("Content-Type: multipart/{subtype}; boundary={boundary}\n\n");
    let (mut depth, mut start) = (0, 0);
    let rest = rest.strip_suffix(']').unwrap();
    for (at, c) in rest.char_indices().chain([(rest.len(), '|')]) {
        match c {
            '[' => depth += 1,
            ']' => depth -= 1,
            '|' if depth == 0 => {
                raw += &format!("--{boundary}\n{}\n", message(&rest[start..at]));
                start = at + 1;
            }
            _ => {}
        }
    }
    raw + &format!("--{boundary}--\n")
}

const PLAIN: &str = "Content-Type: text/plain;;words";
const PAGE: &str = "Content-Type: text/html;;<p>page</p>";

#[rustfmt::skip]
#[test]
fn a_part_that_says_it_is_an_attachment_is_one_at_any_place() {
    let saying = |kind: &str| format!("Content-Type: {kind} & Content-Disposition: attachment; filename=\"f.x\";;a,b");
    for (outline, expected, text) in [
        (saying("text/csv"), "+ f.x", "a,b"),
        (saying("text/plain"), "+ f.x", "a,b"),
        (saying("text/html"), "+ f.x", "a,b"),
        (saying("text/xml"), "+ f.x", "a,b"),
        (saying("text/calendar"), "+ f.x", "a,b"),
        (saying("application/gzip"), "+ f.x", "[f.x]"),
        (saying("image/png"), "+ f.x", "[f.x]"),
        (format!("mixed[{}]", saying("text/plain")), "+ f.x", "[f.x]"),
        (format!("mixed[{PLAIN}|{}]", saying("text/plain")), "+ f.x", "words"),
        (format!("mixed[{}|{PLAIN}]", saying("text/plain")), "+ f.x", "words"),
        (format!("alternative[{PLAIN}|{PAGE}|{}]", saying("text/html")), "+ f.x", "words"),
        (format!("related[{PAGE}|{}]", saying("image/png")), "+ f.x", "page"),
        (format!("signed[mixed[{PLAIN}|{}]|Content-Type: application/pgp-signature]", saying("text/plain")), "+ f.x attachment-2", "words"),
        // The body of a message of one part.
        ("Content-Type: text/plain; name=a.txt;;a".to_owned(), "- ", "a"),
        ("Content-Type: text/plain & Content-Disposition: inline;;a".to_owned(), "- ", "a"),
        ("Content-Type: text/plain & Content-Disposition: inline; filename=a.txt;;a".to_owned(), "- ", "a"),
        ("Content-Type: text/html & Content-Disposition: inline; filename=a.html;;a".to_owned(), "- ", "a"),
        ("Content-Type: text/calendar;;a".to_owned(), "- ", "a"),
        ("Content-Type: text/csv; name=a.csv;;a".to_owned(), "+ a.csv", "a"),
        ("Content-Type: text/xml & Content-Disposition: inline; filename*=utf-8''a.xml;;a".to_owned(), "+ a.xml~", "a"),
    ] {
        assert_eq!(listed(&message(&outline)), (expected.to_owned(), text.to_owned()), "{outline}");
    }
}

#[rustfmt::skip]
#[test]
fn only_pictures_of_a_page_signatures_and_protocol_do_not_count() {
    let pdf = "Content-Type: application/pdf; name=o.pdf & Content-Disposition: inline; filename=o.pdf";
    let png = |more: &str| format!("Content-Type: image/png; name=i.png{more}");
    let inline = png(" & Content-Disposition: inline; filename=i.png");
    let with_id = png(" & Content-ID: <i1@x.test>");
    let naming = |cid: &str| format!("Content-Type: text/html;;<p>page</p><img src=\"{cid}\">");
    for (outline, expected) in [
        (format!("mixed[{PLAIN}|{pdf}]"), "+ o.pdf~"),
        (format!("mixed[{PLAIN}|Content-Type: application/pdf; name=o.pdf & Content-ID: <x@y>]"), "+ o.pdf"),
        (format!("related[{PAGE}|{pdf} & Content-ID: <x@y>]"), "+ o.pdf~"),
        (format!("mixed[{PLAIN}|Content-Type: application/xml; name=d.xml & Content-Disposition: inline; filename=d.xml]"), "+ d.xml~"),
        (format!("mixed[{PLAIN}|Content-Type: message/rfc822; name=p.eml & Content-Disposition: inline; filename=p.eml;;Subject: x\n\ninner]"), "+ p.eml~"),
        (format!("mixed[{PLAIN}|Content-Type: text/plain & Content-Disposition: inline; filename=l.txt]"), "+ l.txt~"),
        // Pictures: of the page, or a file.
        (format!("related[{PAGE}|{inline}]"), "- i.png~"),
        (format!("related[{PAGE}|{with_id}]"), "- i.png~"),
        (format!("related[{PAGE}|{}]", png("")), "+ i.png"),
        (format!("mixed[related[alternative[{PLAIN}|{PAGE}]|{with_id}]|{pdf}]"), "+ i.png~ o.pdf~"),
        (format!("alternative[{PLAIN}|related[{PAGE}|{with_id}]]"), "- i.png~"),
        (format!("alternative[{PLAIN}|related[mixed[{PAGE}|{inline}]]]"), "- i.png~"),
        (format!("mixed[{}|{with_id}]", naming("cid:i1@x.test")), "- i.png~"),
        (format!("mixed[{}|{with_id}]", naming("CID:i1%40x.test")), "- i.png~"),
        (format!("mixed[{}|{with_id} & Content-Disposition: inline]", naming("cid:i1@x.test")), "- i.png~"),
        (format!("mixed[{}|{with_id}]", naming("cid:other@x.test")), "+ i.png~"),
        (format!("mixed[{}|{inline}]", naming("cid:i1@x.test")), "+ i.png~"),
        (format!("mixed[{PLAIN}|{inline}]"), "+ i.png~"),
        (format!("mixed[{PLAIN}|{with_id}]"), "+ i.png~"),
        (format!("mixed[{PLAIN}|{}]", png("")), "+ i.png"),
        (format!("mixed[{}|{} & Content-Disposition: attachment]", naming("cid:i1@x.test"), with_id), "+ i.png"),
        // Signatures and reports.
        (format!("signed[{PLAIN}|Content-Type: application/pkcs7-signature; name=s.p7s & Content-Disposition: attachment; filename=s.p7s]"), "- s.p7s"),
        (format!("report[{PLAIN}|Content-Type: message/delivery-status|Content-Type: text/rfc822-headers]"), "- attachment-1 attachment-2"),
        (format!("report[{PLAIN}|Content-Type: message/delivery-status|Content-Type: message/rfc822;;Subject: x\n\ny]"), "+ attachment-1 attachment-2.eml"),
        (format!("report[{PLAIN}|Content-Type: message/feedback-report]"), "- attachment-1"),
        (format!("alternative[{PLAIN}|Content-Type: text/x-amp-html|{PAGE}]"), "- attachment-1"),
        (format!("alternative[{PLAIN}|{PAGE}|Content-Type: text/calendar; method=REQUEST]"), "+ attachment-1.ics"),
    ] {
        assert_eq!(listed(&message(&outline)).0, expected, "{outline}");
    }
}

#[rustfmt::skip]
#[test]
fn text_with_a_name_behind_the_body_is_a_file() {
    let log = "Content-Type: text/plain; name=\"log.txt\";;logged";
    let html = "Content-Type: text/html; name*0=pa; name*1=ge.html;;<p>filed</p>";
    for (outline, expected, text) in [
        (format!("mixed[{PLAIN}|{log}|{html}]"), "+ log.txt page.html", "words"),
        (format!("mixed[{PLAIN}|{html}]"), "+ page.html", "words"),
        (format!("mixed[alternative[{PLAIN}|{PAGE}]|{log}]"), "+ log.txt", "words"),
        (format!("mixed[alternative[{PLAIN}|{PAGE}]|mixed[{log}|{html}]]"), "+ log.txt page.html", "words"),
        (format!("mixed[{log}|{html}]"), "+ page.html", "logged"),
        (format!("signed[mixed[{log}|{html}]|Content-Type: application/pgp-signature]"), "+ page.html attachment-2", "logged"),
        (format!("alternative[{log}|{html}]"), "- ", "logged"),
        (format!("mixed[Content-Type: application/pdf|alternative[{log}|{html}]]"), "+ attachment-1.pdf", "logged"),
        (format!("alternative[{PLAIN}|Content-Type: text/html & Content-Disposition: inline; filename=p.html;;<p>p]"), "- ", "words"),
        (format!("alternative[related[{html}|Content-Type: image/png & Content-ID: <x>]]"), "- attachment-1.png~", "filed"),
        // In the place of the body it is shown; with a file name it is a file as well.
        (format!("mixed[Content-Type: text/plain & Content-Disposition: inline; filename=l.txt;;logged|{html}]"), "+ l.txt~ page.html", "logged"),
        ("related[Content-Type: text/html & Content-Disposition: inline; filename=p.html;;<p>p|Content-Type: image/png & Content-ID: <x>]".to_owned(), "- attachment-1.png~", "p"),
        // Without a name it is text: footers, and text below a file.
        (format!("mixed[{PLAIN}|Content-Type: application/pdf|Content-Type: text/plain;;more]"), "+ attachment-1.pdf", "words\nmore"),
        (format!("mixed[{PLAIN}|Content-Type: text/plain; name*=utf-8''l%C3%B6g.txt]"), "+ l\u{f6}g.txt", "words"),
    ] {
        assert_eq!(listed(&message(&outline)), (expected.to_owned(), text.to_owned()), "{outline}");
    }
}

#[test]
fn the_listed_size_is_the_size_of_the_download() {
    for (encoding, body) in [
        (
            "quoted-printable",
            "word =C3=A9=\nword=\n=\n\nend= \t\n=4=ZZ=",
        ),
        ("quoted-printable", "==\n=3D=3d=\r=\r\n= x"),
        ("base64", "SGVs\n\n  bG8g\ndGhl\ncmU=\n\n"),
        ("base64", "SGVs*bG8=QUJD=====QQ==Q"),
        ("base64", "===="),
        ("7bit", "one\ntwo\n"),
        ("8bit (a comment)", "\u{e9}\n"),
        ("x-uuencode", "begin 644 x\n"),
        ("binary", ""),
    ] {
        let part = format!(
            "Content-Type: application/octet-stream & Content-Transfer-Encoding: {encoding};;{body}"
        );
        // `listed` compares size and download.
        assert_eq!(listed(&message(&part)).0, "+ attachment-1");
        assert_eq!(
            listed(&message(&format!("mixed[{PLAIN}|{part}]"))).0,
            "+ attachment-1"
        );
    }
}
