//! What has the same hash and what has not, the list as text, and the set.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::crypto::sha256;
use crate::judge::view::KnownSpamHits;
use crate::mail::Bounds;
use crate::mail::digest::analyse;

const PRIZE: &str = "You have been chosen among all the readers of this newspaper for a grand prize \
    in gold, and the notary of the lottery waits for your answer before the end of the month.";

#[test]
fn copies_of_a_text_have_one_hash() {
    let known = body_entry(PRIZE).unwrap();
    let letters: String = PRIZE.chars().filter(|c| c.is_alphabetic()).collect();
    assert_eq!(known.hash, sha256(letters.to_lowercase().as_bytes()));
    for copy in [
        format!("Dear Ann,\n\n{PRIZE}"),
        format!("Hello Bob Miller!\r\n{PRIZE}\r\n"),
        PRIZE.to_uppercase(),
        PRIZE.replace(' ', "\n"),
        PRIZE.replace(", ", " ... "),
        format!("{PRIZE} 7f3a9 No.17 ann@x.test https://win.example/claim?for=ann win.example/x"),
        format!("{PRIZE}\n\n(€ 1.000.000,-)"),
    ] {
        assert_eq!(body_entry(&copy), Some(known), "{copy}");
    }
    for other in [
        PRIZE.replace("gold", "silver"),
        format!("{PRIZE} Bye."),
        // This line is longer than a greeting, and this one does not end as one does.
        format!("Dear friend of all the good things,\n{PRIZE}"),
        format!("Dear Ann\n{PRIZE}"),
    ] {
        assert_ne!(body_entry(&other), Some(known), "{other}");
    }
}

#[test]
fn a_short_text_has_no_hash() {
    for text in [
        "",
        "ok",
        "Thanks!",
        "Hello Ann,\n\nThanks, see you on Monday.\n",
    ] {
        assert_eq!(body_entry(text), None, "{text}");
    }
    assert_eq!(body_entry(&"a".repeat(LETTERS_MIN - 1)), None);
    assert!(body_entry(&"a ".repeat(LETTERS_MIN)).is_some());
    // Numbers and addresses do not count.
    assert_eq!(
        body_entry(&"a1 b@c.test https://d.test/e ".repeat(100)),
        None
    );
    // What stands behind the bound does not count either.
    let long = "word ".repeat(8000);
    assert_eq!(body_entry(&long), body_entry(&format!("{long} and more")));
}

#[test]
fn links_with_the_same_host_and_path_have_one_hash() {
    let known = link_entry("https://win.example/claim/gold").unwrap();
    assert_eq!(known.hash, sha256(b"win.example/claim/gold"));
    for copy in [
        "http://WIN.example/Claim/Gold/",
        "https://www.win.example:8443/claim/gold?for=ann#top",
        "https://ann@win.example./claim/gold#x?y",
    ] {
        assert_eq!(link_entry(copy), Ok(known), "{copy}");
    }
    for other in [
        "https://win.example/claim",
        "https://a.win.example/claim/gold",
    ] {
        assert_ne!(link_entry(other), Ok(known), "{other}");
    }
}

#[test]
fn a_link_that_ordinary_mail_has_too_is_refused() {
    for (link, why) in [
        ("https://win.example", HOST_ALONE),
        ("https://www.google.com/?q=1", HOST_ALONE),
        ("https://win.example//#claim", HOST_ALONE),
        (
            "https://www.google.com/url?q=https://win.example",
            TOLD_BY_QUERY,
        ),
        ("mailto:ann@x.test", NO_ADDRESS),
        ("ftp://win.example/claim", NO_ADDRESS),
        ("https:///claim", NO_ADDRESS),
        ("", NO_ADDRESS),
    ] {
        assert_eq!(link_entry(link), Err(why), "{link}");
    }
    // Anyone may set up a page there, and its path names it.
    assert!(link_entry("https://docs.google.com/forms/d/e/1/viewform?usp=x").is_ok());
}

#[test]
fn a_line_is_an_entry_or_says_why_it_is_none() {
    let digits = "236ee0731378b2dda3be0e81603f8847867a81f46c63da1583af49ad390f4806";
    let body = read_line(&format!("body {digits}")).unwrap().unwrap();
    assert_eq!(Some(body), body_entry(PRIZE));
    assert_eq!(line_of(&body), format!("body {digits}"));
    let upper = format!(
        "\u{feff}  body\t{} # lottery of May\r",
        digits.to_uppercase()
    );
    assert_eq!(read_line(&upper), Ok(Some(body)));
    let link = read_line("link https://win.example/a?b#c # a link").unwrap();
    assert_eq!(link, link_entry("https://win.example/a").ok());
    for nothing in ["", "  ", "# body", "#"] {
        assert_eq!(read_line(nothing), Ok(None), "{nothing}");
    }
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    for (line, why) in [
        (format!("mail {digits}"), "must begin with"),
        (digits.to_owned(), "must begin with"),
        ("body".to_owned(), "has no hash"),
        ("body 12".to_owned(), "64 hexadecimal"),
        (
            format!("body {}", digits.replace('2', "g")),
            "64 hexadecimal",
        ),
        (format!("body é{}", &digits[2..]), "64 hexadecimal"),
        (format!("body https://{digits}"), "64 hexadecimal"),
        (format!("body {digits} May"), "more than"),
        (format!("attachment {empty}"), "hash of nothing"),
        ("link https://www.google.com/".to_owned(), "a host alone"),
        (format!("body {digits} #{}", "x".repeat(5000)), "too long"),
    ] {
        let found = read_line(&line).unwrap_err();
        assert!(found.contains(why), "{line}: {found}");
    }
}

fn message(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut raw = format!(
        "From: a@b.test\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
         --b\r\nContent-Type: text/plain\r\n\r\nHi Ann,\r\n{PRIZE}\r\nhttps://win.example/a?n=1\r\n"
    )
    .into_bytes();
    for (name, octets) in files {
        let head = format!(
            "--b\r\nContent-Type: application/pdf\r\n\
             Content-Disposition: attachment; filename={name}\r\n\r\n"
        );
        raw.extend_from_slice(head.as_bytes());
        raw.extend_from_slice(octets);
        raw.extend_from_slice(b"\r\n");
    }
    raw.extend_from_slice(b"--b--\r\n");
    raw
}

fn found(set: &KnownSpamSet, raw: &[u8]) -> KnownSpamHits {
    let analysis = analyse(raw, &Bounds::default()).unwrap();
    let view = MailView::of(raw, &analysis);
    KnownSpamSet::marked(view, Some(set), (raw, &analysis)).known_spam
}

#[test]
fn a_message_is_found_by_each_kind() {
    let file = [b'x'; 200];
    let raw = message(&[("a.pdf", b"short"), ("b.pdf", &file)]);
    let of_file = KnownSpamEntry {
        kind: KnownSpamKind::Attachment,
        hash: sha256(&file),
    };
    let of_body = body_entry(&format!("{PRIZE} https://win.example/b")).unwrap();
    let of_link = link_entry("http://win.example/a").unwrap();
    let none = KnownSpamHits::default();
    assert_eq!(found(&KnownSpamSet::default(), &raw), none);
    let expected = |entry: KnownSpamEntry| KnownSpamHits {
        body: entry.kind == KnownSpamKind::Body,
        link: entry.kind == KnownSpamKind::Link,
        attachment: entry.kind == KnownSpamKind::Attachment,
    };
    for entry in [of_file, of_body, of_link] {
        assert_eq!(found(&KnownSpamSet::of([entry]), &raw), expected(entry));
        // The hash of one kind is none of another.
        for kind in KnownSpamKind::ALL {
            let other = KnownSpamEntry { kind, ..entry };
            if other != entry {
                assert_eq!(found(&KnownSpamSet::of([other]), &raw), none);
            }
        }
    }
    // A file that is too small, and files that are together too large.
    let of_small = KnownSpamEntry {
        kind: KnownSpamKind::Attachment,
        hash: sha256(b"short"),
    };
    assert_eq!(found(&KnownSpamSet::of([of_small]), &raw), none);
    let large = vec![b'y'; FILES_OCTETS_MAX - 100];
    let raw = message(&[("a.pdf", &large), ("b.pdf", &file)]);
    assert_eq!(found(&KnownSpamSet::of([of_file]), &raw), none);
}

#[test]
fn the_set_changes_and_counts_its_octets() {
    let entry = |n: u32| KnownSpamEntry {
        kind: KnownSpamKind::Link,
        hash: sha256(&n.to_be_bytes()),
    };
    let all: Vec<KnownSpamEntry> = (0..1000).map(entry).collect();
    let set = KnownSpamSet::of(all.iter().copied());
    assert_eq!(set.bytes(), 8000);
    let (some, others) = all.split_at(400);
    let changed = KnownSpamSet::default().changed(some, &[]);
    assert_eq!(changed.changed(others, &[]), set);
    assert_eq!(changed.changed(&all, &[]), set);
    assert_eq!(set.changed(&[], others), changed);
    assert_eq!(set.changed(&[], &all), KnownSpamSet::default());
}
