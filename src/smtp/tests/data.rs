//! The end of DATA, dots, chunks and bounds, each compared with a plain model.

#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::*;
use crate::call::{Budget, Holders};

fn body(octets: usize) -> DataBody {
    let budget = Budget::new("messages", 1 << 20, 1 << 20);
    DataBody::new(octets, budget.charge(Holders::NONE))
}

/// What came of DATA: the message or its fault, and how much was used.
fn read(input: &[u8], cut: usize) -> (Result<Vec<u8>, DataFault>, Option<usize>) {
    let mut body = body(1 << 16);
    let (a, b) = input.split_at(cut);
    let end = body
        .unstuff(a, 0)
        .or_else(|| body.unstuff(b, 0).map(|used| used + a.len()));
    let got = body.fault().map_or(Ok(body.octets), Err);
    (got, end)
}

/// The rule in its plainest form, to compare with: find CRLF.CRLF, look for strays.
fn model(input: &[u8]) -> (Result<Vec<u8>, DataFault>, Option<usize>) {
    let mut text = b"\r\n".to_vec();
    text.extend_from_slice(input);
    let found = text.windows(5).position(|w| w == b"\r\n.\r\n");
    let inside = found.map_or(&text[..], |n| &text[..n + 2]);
    let stray = inside.iter().enumerate().any(|(i, b)| match b {
        0 => true,
        b'\n' => i == 0 || inside[i - 1] != b'\r',
        b'\r' => inside.get(i + 1).map_or(found.is_some(), |n| *n != b'\n'),
        _ => false,
    });
    let mut message = Vec::new();
    let mut i = 2;
    while i < inside.len() {
        let dot = inside[i] == b'.' && inside[..i].ends_with(b"\r\n");
        if !dot {
            message.push(inside[i]);
        }
        i += 1;
    }
    let got = if stray {
        Err(DataFault::Stray)
    } else {
        Ok(message)
    };
    (got, found.map(|n| n + 3))
}

#[test]
fn every_sequence_of_cr_lf_nul_dot_ends_only_where_crlf_dot_crlf_stands() {
    const SET: [u8; 4] = *b"\r\n\0.";
    for len in 0..=6u32 {
        for n in 0..4usize.pow(len) {
            let mut odd: Vec<u8> = Vec::new();
            let mut left = n;
            for _ in 0..len {
                odd.push(SET[left % 4]);
                left /= 4;
            }
            for (before, behind) in [(&b"a"[..], &b"b\r\n.\r\n"[..]), (b"", b"\r\n.\r\n")] {
                let input = [before, &odd, behind].concat();
                let expected = model(&input);
                for cut in 0..=input.len() {
                    let got = read(&input, cut);
                    assert_eq!(got, expected, "{:?} cut at {cut}", input.escape_ascii());
                }
            }
        }
    }
}

#[test]
fn dots_are_unstuffed_and_the_rest_is_left() {
    let cases: [(&[u8], &[u8]); 7] = [
        (b".\r\n", b""),
        (b"a\r\n.\r\n", b"a\r\n"),
        (b"..\r\n.\r\n", b".\r\n"),
        (b"...a\r\n.\r\n", b"..a\r\n"),
        (b".a\r\n.\r\n", b"a\r\n"),
        (b"a.\r\n.b.\r\n.\r\n", b"a.\r\nb.\r\n"),
        (b"\r\n\r\n.\r\n", b"\r\n\r\n"),
    ];
    for (input, message) in cases {
        let all = [input, b"QUIT\r\n"].concat();
        for cut in 0..all.len() {
            let (got, end) = read(&all, cut);
            assert_eq!(got.unwrap(), message, "{}", input.escape_ascii());
            assert_eq!(end, Some(input.len()));
        }
    }
}

#[test]
fn a_chunk_may_cut_a_line_end_in_two_but_not_leave_it_bare() {
    let whole = b"a\r\n.\r\n..b\r\n";
    for cut in 0..=whole.len() {
        let mut body = body(100);
        body.take(&whole[..cut], 0);
        body.take(&whole[cut..], 0);
        body.close();
        assert_eq!((body.fault(), &body.octets[..]), (None, &whole[..]));
    }
    for (input, fault, octets) in [
        (&b"a\r"[..], Some(DataFault::Stray), &b""[..]),
        (b"a\nb", Some(DataFault::Stray), b""),
        (b"a\rb", Some(DataFault::Stray), b""),
        (b"a\0", Some(DataFault::Stray), b""),
        (b"a", None, b"a\r\n"),
        (b"", None, b""),
    ] {
        let mut body = body(100);
        body.take(input, 0);
        body.close();
        assert_eq!((body.fault(), &body.octets[..]), (fault, octets));
    }
}

#[test]
fn bounds_hold_and_give_memory_back() {
    let budget = Budget::new("messages", 1000, 1000);
    let bound = 600;
    let line = [&[b'x'; 48][..], b"\r\n"].concat();
    let mut a = DataBody::new(bound, budget.charge(Holders::NONE));
    for _ in 0..12 {
        assert_eq!(a.unstuff(&line, 0), None);
    }
    assert_eq!((a.fault(), a.octets.len()), (None, 600));
    let mut b = DataBody::new(bound, budget.charge(Holders::NONE));
    for _ in 0..12 {
        b.take(&line, 0);
    }
    assert!(matches!(b.fault(), Some(DataFault::Memory(_))));
    assert_eq!(a.unstuff(b".", 0), None);
    assert_eq!(a.unstuff(b"x", 0), None);
    assert_eq!(a.fault(), Some(DataFault::Size));
    let mut c = DataBody::new(bound, budget.charge(Holders::NONE));
    c.take(&[b'x'; 300], 0);
    assert_eq!(c.unstuff(&[b'x'; 300], 0), None);
    assert_eq!(c.fault(), None, "a line may be as long as the message");
    drop(c);
    let mut d = DataBody::new(bound, budget.charge(Holders::NONE));
    for _ in 0..12 {
        d.take(&line, 0);
    }
    assert_eq!(d.fault(), None, "what the others held is free again");
}
