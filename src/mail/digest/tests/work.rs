//! The work that hostile mail makes, counted in steps: it grows with the length of the mail, it is
//! counted as it is done, and no shape makes an octet dear.

use std::cell::Cell;
use std::rc::Rc;

use crate::mail::Bounds;
use crate::mail::digest::{Digest, analyse};
use crate::mail::text::{codes, extracted_of, links, reply, text_of};
use crate::pace;

/// Quarters of a millisecond that are counted.
fn steps(run: impl FnOnce()) -> usize {
    let count = Rc::new(Cell::new(0));
    let counted = Rc::clone(&count);
    pace::within(move || counted.set(counted.get() + 1), run);
    count.get()
}

/// `n` octets of one piece again and again.
fn filled(piece: &str, n: usize) -> String {
    piece.chars().cycle().take(n).collect()
}

/// What a reader does with a message that comes in, and then with one that is opened.
fn arrive_and_open(raw: &[u8]) -> (usize, usize) {
    let mut digest = Vec::new();
    let arrival = steps(|| {
        if let Ok(found) = analyse(raw, &Bounds::default()) {
            digest = found.digest;
        }
    });
    let opening = steps(|| {
        let Some(digest) = Digest::open(&digest) else {
            return;
        };
        let body = text_of(raw, &digest);
        let _ = links::links(&body.text, &body.links);
        let extracted = extracted_of("subject", &body);
        let words = reply::without_addresses(&extracted);
        let _ = codes::find_in_mail("subject", &words);
    });
    (arrival, opening)
}

/// Mail of about `n` octets, by name.
#[rustfmt::skip]
fn shapes(n: usize) -> Vec<(&'static str, String)> {
    let headed = |field: &str, piece: &str| format!("{field}\r\n\r\n{}", filled(piece, n));
    let multipart = |piece: &str| format!("Content-Type: multipart/mixed; boundary=bb\r\n\r\n{}", filled(piece, n));
    let html = |piece: &str| headed("Content-Type: text/html", piece);
    let field = |name: &str, piece: &str| filled(&format!("{name}: {}\r\n", filled(piece, 60_000)), n);
    vec![
        ("short fields", filled("a:\r\n", n)),
        ("one folded field", format!("Subject: {}\r\n\r\n", filled("x\r\n ", n))),
        ("addresses", field("To", "a@b,")),
        ("comments of addresses", field("To", "(")),
        ("encoded words", field("Subject", "=?gb18030?b?sKE=?= ")),
        ("references", field("References", "<a@b> ")),
        ("types", filled("Content-Type: text/plain; a=b; c=d\r\n", n)),
        ("parameters", format!("Content-Type: text/plain; {}\r\n\r\n", filled("a=b;", n))),
        ("parts", multipart("--bb\r\n\r\nx\r\n")),
        ("lines like boundaries", multipart("--bc\r\n")),
        ("nested messages", filled("Content-Type: message/rfc822\r\n\r\n", 1_500) + &filled("To: a@b\r\n", n)),
        ("pages in parts", multipart("--bb\r\nContent-Type: text/html\r\n\r\n<p>x<p>x<p>x<p>x<p>x\r\n")),
        ("base64 text", headed("Content-Type: text/plain\r\nContent-Transfer-Encoding: base64", "aGVsbG8gYWJjIDEyMzQ1\r\n")),
        ("quoted text", headed("Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable", "=41=42=\r\n")),
        ("base64 page", headed("Content-Type: text/html\r\nContent-Transfer-Encoding: base64", "PGI+PGk+\r\n")),
        ("text of a slow charset", headed("Content-Type: text/plain; charset=gb18030", "x y z\r\n")),
        ("UTF-7", headed("Content-Type: text/plain; charset=utf-7", "+AGE-")),
        ("lines of colons", headed("Content-Type: text/plain", ":\r\n")),
        ("attributions", headed("Content-Type: text/plain", "On 1 Jan 2024 x wrote:\r\n")),
        ("codes", headed("Content-Type: text/plain", "code 123456\r\n")),
        ("links", headed("Content-Type: text/plain", "http://a.b/ ")),
        ("flowed lines", headed("Content-Type: text/plain; format=flowed", "> a \r\n")),
        ("tags not closed", html("<b><i><div><p>")),
        ("lists not closed", html("<ol type=i><li>x")),
        ("tables not closed", html("<table><tr><td>")),
        ("links of a page", html("<a href=http://a.b/>x</a>")),
        ("styles of elements", html("<p style=color:red>x")),
        ("attributes", html("<p a=b c=d e=f>")),
        ("character references", html("&amp;&notit;&#65")),
        ("invisible characters", html("\u{200d}\u{e0041}")),
        ("comments", html("<!--x-->")),
        ("one comment", format!("Content-Type: text/html\r\n\r\n<!--{}", filled("- ", n))),
        ("a style sheet", format!("Content-Type: text/html\r\n\r\n<style>{}</style>{}", filled(".a,.b p{color:red}", n / 4), filled("<p class=a>x", n))),
    ]
}

#[test]
fn hostile_mail_counts_its_work_and_no_octet_is_dear() {
    const N: usize = 1 << 19;
    for ((name, small), (_, large)) in shapes(N).into_iter().zip(shapes(N * 2)) {
        let (once, twice) = (
            arrive_and_open(small.as_bytes()),
            arrive_and_open(large.as_bytes()),
        );
        let (all, all_of_twice) = (once.0 + once.1, twice.0 + twice.1);
        // A quarter of a nanosecond an octet at least, and at most 150.
        assert!(all_of_twice >= 1, "{name}: {twice:?}");
        assert!(all <= 300, "{name}: {once:?}");
        // Twice the mail is at most twice the work, and some steps.
        assert!(
            all_of_twice <= all * 2 + all / 4 + 4,
            "{name}: {once:?} {twice:?}"
        );
    }
}

#[test]
fn no_work_is_left_uncounted_at_the_end() {
    // What is counted last is the last of what is done: the rest of a large mail is scanned in
    // pieces too, and not in one call behind the last step.
    for piece in ["x", "x\r\n", "--\r\n"] {
        let raw = format!(
            "Content-Type: multipart/mixed; boundary=bb\r\n\r\n--bb\r\n\r\n{}",
            filled(piece, 4 << 20)
        );
        let (arrival, _) = arrive_and_open(raw.as_bytes());
        assert!(arrival >= 3, "{piece:?} {arrival}");
    }
}
