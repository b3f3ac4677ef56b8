//! Sequence sets, compared with a set of plain numbers.

#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::*;

/// The rule of RFC 3501 section 9 in its plainest form: for each number up to a bound, whether it
/// is in the set.
fn model(text: &str, largest: u32) -> Vec<bool> {
    let number = |text: &str| match text {
        "*" => largest,
        text => text.parse().unwrap(),
    };
    let mut numbers = vec![false; TOP as usize];
    for part in text.split(',') {
        let (low, high) = part.split_once(':').unwrap_or((part, part));
        let (low, high) = (number(low), number(high));
        for n in low.min(high).max(1)..=low.max(high) {
            numbers[n as usize] = true;
        }
    }
    numbers
}

const TOP: u32 = 4_001;

fn parse(text: &str) -> Parsed<SequenceSet> {
    let line = format!("{text}\r\n");
    let mut lexer = Lexer::new(line.as_bytes(), 0);
    let set = SequenceSet::parse(&mut lexer)?;
    lexer.end().map(|()| set)
}

/// Any order, any overlap, `*` anywhere; long enough to be merged several times on the way.
#[test]
fn a_set_is_the_set_of_its_numbers() {
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move |below: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % below
    };
    for round in 0..300 {
        let parts = 1 + next(if round % 20 == 0 { 6_000 } else { 12 });
        let span = 1 + next([9, 60, 900, 4_000][round % 4]);
        let words: Vec<String> = (0..parts)
            .map(|at| {
                let number = |n: u64| match n {
                    0 => "*".to_owned(),
                    n => n.to_string(),
                };
                match next(8) {
                    0 => format!("{}:{}", number(next(span + 1)), number(next(span + 1))),
                    1 => format!("{0}:{0}", 1 + next(span)),
                    2 => (1 + at % 4_000).to_string(),
                    _ => (1 + next(span)).to_string(),
                }
            })
            .collect();
        let text = words.join(",");
        let set = parse(&text).unwrap();
        for largest in [0, 1, 5, 100, 4_000] {
            let found = set.resolve(largest);
            let found: Vec<bool> = (0..TOP).map(|n| found.contains(n)).collect();
            assert!(found == model(&text, largest), "{text} of {largest}");
        }
        let named = text.split([',', ':']).filter_map(|n| n.parse().ok()).max();
        assert_eq!(set.largest_named(), named.unwrap_or(0), "{text}");
        let ranges = &set.ranges;
        assert!(
            ranges.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0),
            "{text}"
        );
    }
}

#[test]
fn the_largest_numbers_are_numbers_too() {
    for (text, largest, expected) in [
        ("4294967295", 3, "4294967295"),
        ("4294967295:1", 3, "1:4294967295"),
        ("4294967294,4294967295", 3, "4294967294:4294967295"),
        ("4294967295:*", 3, "3:4294967295"),
        ("*:4294967295,*", 0, "1:4294967295"),
        ("*,*:*", 0, ""),
        ("*", u32::MAX, "4294967295"),
        ("9:*,2:*", 5, "2:9"),
    ] {
        let set = parse(text).unwrap();
        assert_eq!(set.resolve(largest).to_string(), expected, "{text}");
    }
    for text in [
        "",
        ",",
        "1,",
        ",1",
        "0",
        "1:0",
        "1:",
        "1::2",
        "1;2",
        "4294967296",
        "1:2:3",
        "**",
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
}

/// A line that is full of numbers costs no more than the line, and numbers that follow each other
/// cost nothing.
#[test]
fn a_set_costs_at_most_its_line() {
    let joined = |numbers: &mut dyn Iterator<Item = u32>| {
        let words: Vec<String> = numbers.map(|n| n.to_string()).collect();
        words.join(",")
    };
    let all = joined(&mut (1..=11_000));
    let set = parse(&all).unwrap();
    assert_eq!((set.ranges.len(), set.ranges.capacity()), (1, 4));
    let odd = joined(&mut (0..11_000).map(|n| n * 2 + 1));
    assert!(odd.len() < 65_536);
    let backwards = joined(&mut (0..11_000).rev().map(|n| n * 2 + 1));
    for text in [odd, backwards] {
        let set = parse(&text).unwrap();
        assert_eq!(set.ranges.len(), 11_000);
        assert!(set.ranges.capacity() * 8 <= 4 * 65_536);
    }
    let same = vec!["9,5,7"; 10_000].join(",");
    let set = parse(&same).unwrap();
    assert_eq!(set.ranges, [(5, 5), (7, 7), (9, 9)]);
    assert!(set.ranges.capacity() <= 2_048);
}
