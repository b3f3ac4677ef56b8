//! Names and messages, also as another implementation writes them: the octets in `OTHERS` were made
//! with dnspython 2.8.

#![allow(clippy::unwrap_used)]

use super::super::frame::DnsFrame;
use super::super::message::{
    AnswerBounds, Found, Head, ResponseCode, read_answer, read_head, write_query,
};
use super::super::name::{Malformed, NameEnd, read_name, write_name};
use crate::call::{Mx, Question, RecordType, Records};

const BOUNDS: AnswerBounds = AnswerBounds {
    records: 20,
    links: 8,
};

fn hex(text: &str) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap()
}

fn question(name: &str, kind: RecordType) -> Question {
    Question::new(name, kind).unwrap()
}

#[test]
fn a_query_is_the_one_that_others_write() {
    let query = write_query(0x1234, "Example.com", RecordType::Mx, true);
    let others = "123401000001000000000001074578616d706c6503636f6d00000f000100002904d0000000000000";
    assert_eq!(query, hex(others));
    let plain = write_query(0x1234, "Example.com", RecordType::Mx, false);
    assert_eq!((plain[11], plain.len()), (0, query.len() - 11));
}

/// The octets of others: name, type, response, and what it says.
const OTHERS: &[(&str, RecordType, &str)] = &[
    (
        "example.com",
        RecordType::Mx,
        "123481800001000200000001074578616d706c6503636f6d00000f0001c00c000f00010000012c0008000a036d78\
         31c00cc00c000f00010000012c00080014036d7832c00c0000292000000000000000",
    ),
    (
        "example.com",
        RecordType::Mx,
        "123481800001000100000001076578616d706c6503636f6d00000f0001c00c000f00010000012c00030000000000\
         292000000000000000",
    ),
    (
        "example.com",
        RecordType::Txt,
        "123481800001000200000001076578616d706c6503636f6d0000100001c00c001000010000012c000403c3a43bc0\
         0c001000010000012c000d07763d7370663120042d616c6c0000292000000000000000",
    ),
    (
        "h.example.com",
        RecordType::Aaaa,
        "1234818000010003000000010168076578616d706c6503636f6d00001c0001c00c000500010000003c000f016b07\
         6578616d706c65036e657400c02b001c00010000001e001020010db8000000000000000000000001c02b001c0001\
         0000001e001020010db80000000000000000000000020000292000000000000000",
    ),
    (
        "1.2.0.192.in-addr.arpa",
        RecordType::Ptr,
        "1234818000010001000000010131013201300331393207696e2d61646472046172706100000c0001c00c000c0001\
         000000050012044d61696c076578616d706c6503434f4d000000292000000000000000",
    ),
    (
        "no.example.com",
        RecordType::A,
        "123481830001000000010001026e6f076578616d706c6503636f6d0000010001c00f00060001000003840020026e\
         73c00f04686f7374c00f00000001000000020000000300000004000151800000292000000000000000",
    ),
    (
        "a.example",
        RecordType::A,
        "1234818000010001000000000161076578616d706c650000010001c00c00010001000000070004c0000201",
    ),
];

#[test]
fn the_responses_of_others_are_read() {
    let mx = |preference, exchange: &str| Mx {
        preference,
        exchange: exchange.into(),
    };
    let records = |records, ttl_s| Found::Records {
        records,
        ttl_s,
        is_cut: false,
    };
    let (mx1, mx2) = (mx(10, "mx1.example.com"), mx(20, "mx2.example.com"));
    let expected = [
        records(Records::Mx(vec![mx1, mx2]), 300),
        records(Records::Mx(vec![mx(0, "")]), 300),
        records(
            Records::Txt(vec!["\u{e4};".into(), b"v=spf1 -all".to_vec()]),
            300,
        ),
        records(
            Records::Aaaa(vec![
                "2001:db8::1".parse().unwrap(),
                "2001:db8::2".parse().unwrap(),
            ]),
            30,
        ),
        records(Records::Ptr(vec!["mail.example.com".into()]), 5),
        Found::Nothing {
            exists: false,
            ttl_s: Some(900),
        },
        records(Records::A(vec!["192.0.2.1".parse().unwrap()]), 7),
    ];
    for ((name, kind, octets), expected) in OTHERS.iter().zip(expected) {
        let packet = hex(octets);
        let found = read_answer(&packet, &question(name, *kind), BOUNDS);
        assert_eq!(found, Ok(expected), "{name}");
        // Cut anywhere, it is no answer, or the one that is there is refused.
        for end in 0..packet.len() {
            let cut = read_answer(&packet[..end], &question(name, *kind), BOUNDS);
            assert_eq!(cut, Err(Malformed), "{name} {end}");
        }
    }
}

#[test]
fn a_response_matches_its_query_letter_by_letter() {
    let query = write_query(0x1234, "Example.com", RecordType::Mx, true);
    let packet = hex(OTHERS[0].2);
    let ours = Head::Ours {
        code: ResponseCode::OK,
        is_truncated: false,
    };
    assert_eq!(read_head(&packet, &query), ours);
    let changed = |at: usize, octet: u8| {
        let mut packet = packet.clone();
        packet[at] = octet;
        read_head(&packet, &query)
    };
    for (at, octet, head) in [
        (0, 0x13, Head::Other),
        (1, 0x35, Head::Other),
        // A query, and another opcode.
        (2, 0x01, Head::Other),
        (2, 0xa1, Head::Other),
        // No question, and two.
        (5, 0, Head::Other),
        (5, 2, Head::Other),
        // The name, its length, the type and the class.
        (13, b'F', Head::Other),
        (12, 6, Head::Other),
        (26, 1, Head::Other),
        (28, 3, Head::Other),
        (13, b'e', Head::OtherCase),
        (
            2,
            0x83,
            Head::Ours {
                code: ResponseCode::OK,
                is_truncated: true,
            },
        ),
        (
            3,
            0x83,
            Head::Ours {
                code: ResponseCode::NO_NAME,
                is_truncated: false,
            },
        ),
    ] {
        assert_eq!(changed(at, octet), head, "{at} {octet}");
    }
    // A refusal may come without its question, an answer may not.
    let bare = hex("123481810000000000000000");
    assert!(matches!(read_head(&bare, &query), Head::Ours { .. }));
    let bare = hex("123481800000000000000000");
    assert_eq!(read_head(&bare, &query), Head::Other);
    assert_eq!(read_head(&[], &query), Head::Other);
}

#[test]
fn names_are_bounded_and_end() {
    let read = |packet: &[u8], at: usize| {
        let mut text = String::new();
        read_name(packet, at, &mut text).map(|end| (text, end))
    };
    let plain = |next| NameEnd {
        next,
        is_plain: true,
    };
    let odd = |next| NameEnd {
        next,
        is_plain: false,
    };
    assert_eq!(read(b"\x01a\x02BC\x00", 0), Ok(("a.bc".into(), plain(6))));
    assert_eq!(read(b"\x00", 0), Ok((String::new(), plain(1))));
    assert_eq!(
        read(b"\x01a\x00\x01b\xc0\x00x", 3),
        Ok(("b.a".into(), plain(7)))
    );
    assert_eq!(read(b"\x03a.b\x00", 0), Ok(("a.b".into(), odd(5))));
    assert_eq!(
        read(b"\x02\xc3\xa4\x00", 0),
        Ok(("\u{c3}\u{a4}".into(), odd(4)))
    );
    for wrong in [
        &b""[..],
        b"\x01",
        b"\x01a",
        b"\xc0",
        b"\xc0\x00",
        b"\xc0\x01",
        b"\x40a\x00",
        b"\x80a\x00",
        b"\x02a\x00",
    ] {
        assert_eq!(read(wrong, 0), Err(Malformed), "{wrong:?}");
    }
    // Two that point at each other.
    assert_eq!(read(b"\xc0\x02\xc0\x00", 2), Err(Malformed));
    // A chain of pointers, each to the one before, costs no more than the packet has octets.
    let mut chain = vec![1, b'a', 0];
    for _ in 0..8000 {
        let before = if chain.len() == 3 { 0 } else { chain.len() - 2 };
        chain.extend(u16::try_from(0xc000 | before).unwrap().to_be_bytes());
    }
    let last = chain.len() - 2;
    assert_eq!(read(&chain, last), Ok(("a".into(), plain(last + 2))));
    // 255 octets are a name, 256 are not.
    let mut long = Vec::new();
    for length in [63, 63, 63, 61] {
        long.push(length);
        long.extend(vec![b'x'; usize::from(length)]);
    }
    long.push(0);
    let (text, _) = read(&long, 0).unwrap();
    assert_eq!((text.len(), long.len()), (253, 255));
    let mut written = Vec::new();
    write_name(&text, &mut written);
    assert_eq!(written, long);
    long[192] = 62;
    long.insert(193, b'x');
    assert_eq!(read(&long, 0), Err(Malformed));
}

#[test]
fn a_frame_is_whole_however_it_is_cut() {
    let message: Vec<u8> = (0..700u16).map(|n| n as u8).collect();
    let stream = [DnsFrame::of(&message), b"more".to_vec()].concat();
    for piece in [1, 2, 3, 700, 701, 702, 703, 9999] {
        let mut frame = DnsFrame::default();
        let mut found = None;
        for part in stream.chunks(piece) {
            found = found.or(frame.take(part).map(<[u8]>::to_vec));
        }
        assert_eq!(found.as_deref(), Some(&message[..]), "{piece}");
    }
    let mut empty = DnsFrame::default();
    assert_eq!(empty.take(&[0]), None);
    assert_eq!(empty.take(&[0]), Some(&[][..]));
}
