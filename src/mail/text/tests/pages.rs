//! A text in pages: joined they are the text, and each ends where a reader would pause.

use crate::mail::text::pages::{TextPage, measure, page};

/// The pages of a text, each of at most so many characters.
fn pages(text: &str, chars_max: usize) -> Vec<String> {
    let (mut all, mut offset) = (Vec::new(), 0);
    loop {
        let TextPage {
            text: piece,
            next_offset,
        } = page(text, offset, Some(chars_max));
        assert!(piece.chars().count() <= chars_max);
        all.push(piece.to_owned());
        match next_offset {
            Some(next) => {
                assert_eq!(next, offset + piece.chars().count());
                assert!(next > offset, "a page brings the reader on");
                offset = next;
            }
            None => return all,
        }
    }
}

#[test]
fn pages_joined_are_the_text() {
    let parts = [
        "word ",
        "a",
        "\n",
        "\n\n",
        ". ",
        "ends. ",
        "你好。",
        "世界",
        "e\u{301}",
        "👩\u{200d}👧",
        "🇩🇪",
        "\r\n",
        "नमस्ते",
        "สวัสดี",
        "x\u{fe0f}",
        "  ",
        "?!",
        "\t",
        "مرحبا ",
        "Ж",
    ];
    let mut seed = 7_u64;
    let mut next = move |n: usize| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % n
    };
    for _ in 0..2_000 {
        let text: String = (0..next(40)).map(|_| parts[next(parts.len())]).collect();
        let max = 1 + next(25);
        assert_eq!(pages(&text, max).concat(), text, "{max}");
        let chars = text.chars().count();
        assert_eq!(measure(&text).0, chars);
        // Behind the end there is nothing, and no error.
        let behind = page(&text, chars + next(3), Some(max));
        assert_eq!((behind.text, behind.next_offset), ("", None));
        let rest = page(&text, chars / 2, None);
        assert!(text.ends_with(rest.text) && rest.next_offset.is_none());
    }
}

#[test]
fn a_page_ends_where_a_reader_pauses() {
    for (text, max, first) in [
        ("one two.\n\nthree. four five", 20, "one two.\n\nthree. "),
        ("one two three.\n\nfour. five", 22, "one two three.\n\n"),
        ("First one. Second two three", 20, "First one. "),
        ("First line\nsecond line is long", 20, "First line\n"),
        (
            "some words without an end of any kind",
            20,
            "some words without ",
        ),
        ("some words  with two spaces", 12, "some words  "),
        ("unbrokenunbrokenunbroken", 10, "unbrokenun"),
        ("一二三四。五六七八九十", 8, "一二三四。"),
        ("cafe\u{301}s", 4, "caf"),
        ("👩\u{200d}👧👩\u{200d}👧", 4, "👩\u{200d}👧"),
        ("🇩🇪🇫🇷🇮🇹", 3, "🇩🇪"),
        ("ab\r\ncd", 3, "ab"),
        ("a", 1, "a"),
        ("\u{301}\u{301}\u{301}", 2, "\u{301}\u{301}"),
        ("3.14159 is a number of note", 12, "3.14159 is "),
    ] {
        assert_eq!(pages(text, max)[0], first, "{text:?} {max}");
    }
}

#[test]
fn tokens_are_estimated_for_many_scripts() {
    // What models of 2024 to 2026 make of these, within a third.
    for (text, low, high) in [
        ("The quick brown fox jumps over the lazy dog.", 8, 13),
        ("Please confirm your e-mail address within 24 hours.", 9, 15),
        (
            "Съешь ещё этих мягких французских булок, да выпей чаю.",
            14,
            26,
        ),
        ("こんにちは、お元気ですか。", 8, 14),
        ("请在二十四小时内确认您的电子邮件地址。", 13, 22),
        ("fn main() { println!(\"hi\"); }", 8, 14),
        ("", 0, 0),
        ("    ", 0, 1),
    ] {
        let (_, tokens) = measure(text);
        assert!((low..=high).contains(&tokens), "{text}: {tokens}");
    }
}

/// Twelve of each ASCII character are as many tokens as the character has units, alone and beside a
/// character that is none.
#[test]
fn each_ascii_character_has_its_measure() {
    for b in 0..=0x7f_u8 {
        let c = char::from(b);
        let units = match c {
            ' ' => 0,
            'a'..='z' | 'A'..='Z' => 3,
            '0'..='9' | '\n' | '\t' | '\r' => 4,
            '!'..='~' => 8,
            _ => 12,
        };
        let text = c.to_string().repeat(12);
        assert_eq!(measure(&text), (12, units), "{c:?}");
        assert_eq!(
            measure(&format!("{text}{}", "é".repeat(2))),
            (14, units + 1),
            "{c:?}"
        );
    }
}
