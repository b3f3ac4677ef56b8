//! Charsets of mail, labels that are wrong, and pieces.

use super::*;

fn text(label: &str, octets: &[u8]) -> String {
    decode(Some(label.as_bytes()), octets).into_owned()
}

#[test]
fn charsets_never_fail() {
    for (label, octets, text) in [
        (Some("utf-8"), &b"\xc3\xb6"[..], "ö"),
        (Some(" ISO-8859-1 "), b"\xf6", "ö"),
        (Some("us-ascii"), b"\xc3\xb6", "ö"),
        (Some("us-ascii"), b"\xf6", "ö"),
        (None, b"\xf6", "ö"),
        (None, b"caf\xe9", "café"),
        (Some("no-such"), b"\xf6", "ö"),
        (Some("iso-2022-kr"), b"abc", "abc"),
        (Some("utf-8"), b"\xf6x", "\u{fffd}x"),
        (Some("gb18030"), b"\xc4\xe3", "你"),
        (Some("utf-16le"), b"a\0\x00\xd8", "a\u{fffd}"),
        (Some("windows-1251"), b"\xcf", "П"),
        (
            Some("ANSI_X3.4-1968"),
            "Größe: 5 GB".as_bytes(),
            "Größe: 5 GB",
        ),
        (
            Some("cp932"),
            b"\x89\xef\x8bc\x82\xcd\x8b\xe0\x97j\x93\xfa\x82\xc5\x82\xb7\x81B",
            "会議は金曜日です。",
        ),
        (Some("utf-7"), b"Gr+APwA3w-e +IBM 1+-1", "Grüße – 1+1"),
        (Some("cp437"), b"\x81ber \xe1", "über ß"),
        (Some("ibm850"), b"\x84\xb5", "äÁ"),
        (Some("ibm858"), b"\xd5", "€"),
        (Some("utf-32be"), b"\0\0\0a\0\x01\xf6\0", "a😀"),
        (Some("utf-32"), b"\xff\xfe\0\0a\0\0\0", "a"),
        (
            Some("utf-32le"),
            b"a\0\0\0\xff\xff\xff\xff!",
            "a\u{fffd}\u{fffd}",
        ),
        (Some("utf-16"), b"\0H\0i", "Hi"),
        (Some("utf-16"), b"H\0i\0", "Hi"),
        (Some("utf-16"), b"\xfe\xff\0H\0i", "Hi"),
        (
            Some("hz-gb-2312"),
            b"~{<:Ky2;NpJ)~}~~ a~\nb",
            "己所不勿施~ ab",
        ),
        (
            Some("iso-2022-kr"),
            b"\x1b$)C\n\x0e1[0!\x0f abc",
            "\n글가 abc",
        ),
    ] {
        assert_eq!(decode(label.map(str::as_bytes), octets), text, "{label:?}");
    }
}

#[test]
fn escapes_only_switch() {
    for (octets, expected) in [
        (&b"\x1b$B2q5D\x1b(B\x1b$B$O\x1b(B"[..], "会議は"),
        (
            b"\x1b$B2q5D\x1b(B\x1b(B\x1b$B\x1b(J\x1b$B$O\x1b(B!",
            "会議は!",
        ),
        (b"\x1b(B\x1b$B\x1b(B", ""),
        (b"\x1b(J\\~\x1b(B\\~", "\u{a5}\u{203e}\\~"),
        (b"\x1b(I1\x1b(B", "ｱ"),
        (b"\x0e1\x0f1", "ｱ1"),
        // The mailer has not switched back at the end of the line.
        (b"\x1b$B2q5D\nabc", "会議\nabc"),
        (b"\x1b$B-!\x1b(B", "①"),
        (b"\x1b$(D\x2a\x21\x1b(B", "Á"),
        (b"\x1b$A<:\x1b(B", "己"),
        (b"\x1b$(C0!\x1b(B", "가"),
        (b"\x1b.A\x1bNia", "éa"),
        (b"\x1b$B2q5\x1b(Bx", "会\u{fffd}x"),
        (b"\x1b$B2q\x80", "会\u{fffd}"),
        (b"\x1b[31mred", "\u{1b}[31mred"),
        (b"a\x1b$", "a\u{1b}$"),
    ] {
        assert_eq!(text("iso-2022-jp", octets), expected, "{octets:?}");
    }
}

#[test]
fn labels_that_the_octets_contradict_are_overruled_where_that_is_safe() {
    for (label, octets, expected) in [
        ("iso-8859-1", "Grüße".as_bytes(), "Grüße"),
        ("windows-1252", "é".as_bytes(), "é"),
        ("windows-1251", "Привет".as_bytes(), "Привет"),
        ("koi8-r", "Привет".as_bytes(), "Привет"),
        ("cp850", "ä".as_bytes(), "ä"),
        ("gb2312", "你好".as_bytes(), "你好"),
        ("gb2312", "你".as_bytes(), "你"),
        ("gbk", "会议定于星期五".as_bytes(), "会议定于星期五"),
        ("big5", "你好".as_bytes(), "你好"),
        ("shift_jis", "日本".as_bytes(), "日本"),
        ("shift_jis", "こんにちは".as_bytes(), "こんにちは"),
        ("euc-kr", "안녕하세요".as_bytes(), "안녕하세요"),
        ("euc-jp", "日本語".as_bytes(), "日本語"),
        ("tis-620", "สวัสดี".as_bytes(), "สวัสดี"),
        ("iso-2022-jp", "日本".as_bytes(), "日本"),
        ("utf-7", "é".as_bytes(), "é"),
        ("utf-16", b"Hello.\r\n", "Hello.\r\n"),
        ("us-ascii", b"\x1b$B2q5D\x1b(B", "会議"),
        ("utf-8", b"\x1b$B2q5D\x1b(B", "会議"),
        ("iso-8859-1", b"\x1b$@2q5D\x1b(J", "会議"),
        ("shift_jis", b"\x1b$B2q5D\x1b(B", "会議"),
        ("no-such", b"\x1b$B2q5D\x1b(B", "会議"),
        ("us-ascii", b"\x1b[1mbold\x1b[0m", "\u{1b}[1mbold\u{1b}[0m"),
        // Right labels stay, also where the octets happen to be UTF-8.
        ("iso-8859-1", b"Gr\xfc\xdfe", "Grüße"),
        ("windows-1252", b"\xc3\xa9t\xe9", "Ã©té"),
        ("gb2312", b"\xc4\xa3\xc4\xbf", "模目"),
        ("euc-kr", b"\xc7\xb1", "풉"),
        ("shift_jis", b"\xc3\xbd\xc4", "ﾃｽﾄ"),
        ("big5", b"\xa7A\xa6n", "你好"),
        ("utf-16le", b"a\0b\0c\0", "abc"),
    ] {
        assert_eq!(text(label, octets), expected, "{label}");
    }
}

#[test]
fn the_fallback_reads_what_is_unknown() {
    let koi8 = named(Some(b"koi8-r"));
    assert_eq!(decode_with(None, b"\xf0\xd2\xc9", koi8), "При");
    assert_eq!(decode_with(None, "é".as_bytes(), koi8), "é");
    assert_eq!(decode_with(Some(b"iso-8859-1"), b"\xe9", koi8), "é");
    assert_eq!(
        decode_with(Some(b"x-unknown"), b"\xf0\xd2\xc9", koi8),
        "При"
    );
}

#[test]
fn pieces_decode_like_the_whole() {
    for (label, octets) in [
        (
            "iso-2022-jp",
            &b"a\x1b$B2q5D\x1b(B\x1b.A\x1bNib\x1b$(D\x2a\x21\x1b(I1\x1b(B"[..],
        ),
        ("iso-2022-kr", b"\x1b$)C\n\x0e1[0!\x0f abc\n"),
        ("hz-gb-2312", b"a~{<:Ky~}~~~\nb~"),
        ("utf-7", b"Gr+APwA3w-e +- 1+1 +2D3eAA-+"),
        ("utf-32le", b"a\0\0\0\x00\xf6\x01\0b"),
        ("utf-16be", b"\0a\xd8\x3d\xde\0"),
        ("cp437", b"a\x81b"),
        ("gb18030", b"\xc4\xe3\x81\x30\x84\x36"),
        ("utf-8", "aé日😀".as_bytes()),
    ] {
        let charset = named(Some(label.as_bytes())).map(|c| c.in_order(octets));
        let charset = charset.unwrap_or(Charset::UTF_8);
        let whole = charset.decode(octets);
        for size in 1..5 {
            let mut decoder = CharsetDecoder::new(charset);
            let mut pieced = String::new();
            for piece in octets.chunks(size) {
                decoder.push(piece, false, &mut pieced);
            }
            decoder.push(b"", true, &mut pieced);
            assert_eq!(pieced, whole, "{label} {size}");
        }
    }
}
