//! A whole HTTP conversation with arbitrary octets, over the real product in memory. The checks: no
//! panic; the session comes to rest; and cut invariance: the same octets whole, singly and in
//! thirds get the same answer.

use std::net::IpAddr;

use postern::testing::call::{Limits, Listener, Scopes};

use super::rig::Rig;

/// A new connection; `KEY` in the octets stands for a good key.
pub fn http_session(data: &[u8]) {
    let data = &data[..data.len().min(64 * 1024)];
    let whole = said(data, usize::MAX);
    let thirds = said(data, data.len().div_ceil(3).max(1));
    // One octet at a time costs a call for each octet; long inputs are cut at a prime number
    // instead.
    let singly = said(data, if data.len() <= 4096 { 1 } else { 13 });
    assert_eq!(show(&whole), show(&singly), "cut singly");
    assert_eq!(show(&whole), show(&thirds), "cut in thirds");
}

fn said(data: &[u8], piece: usize) -> Vec<u8> {
    let mut rig = Rig::new(7, Limits::default());
    let org = rig.make_org("fuzz");
    rig.make_inbox(org, "bot@x.test", None);
    let key = rig.make_key(org, Scopes::ADMIN, None, None);
    let id = rig.open(Listener::Https, IpAddr::from([10, 0, 0, 1]));
    rig.send(id, &fill(data, &key), piece);
    rig.wait(1_000);
    rig.hang_up(id);
    rig.wait(400_000);
    rig.take(id)
}

/// The octets with `key` at every place of `KEY`.
pub fn fill(data: &[u8], key: &str) -> Vec<u8> {
    let mut filled = Vec::with_capacity(data.len());
    let mut rest = data;
    while let Some(at) = memchr::memmem::find(rest, b"KEY") {
        filled.extend_from_slice(&rest[..at]);
        filled.extend_from_slice(key.as_bytes());
        rest = &rest[at + 3..];
    }
    filled.extend_from_slice(rest);
    filled
}

fn show(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// A text that is read out of a document comes back from a document that it is written into.
pub fn xml(data: &[u8]) {
    use postern::testing::http::xml::{element, first_texts};
    let Ok(found) = first_texts(data, ["EMailAddress", "AcceptableResponseSchema"]) else {
        return;
    };
    for text in found.into_iter().flatten() {
        assert!(text.len() <= 1024);
        let mut out = String::new();
        element(&mut out, "a", &text);
        let [again] = first_texts(out.as_bytes(), ["a"]).unwrap_or_default();
        // Controls below a space are left out, white space around the text is not kept.
        let kept = |c: &char| *c >= ' ' && !matches!(c, '\u{fffe}' | '\u{ffff}');
        let plain = |text: &str| -> String { text.chars().filter(kept).collect() };
        if out.len() <= 1024 {
            let (again, text) = (
                again.unwrap_or_default(),
                plain(&text.replace(['\t', '\n', '\r'], " ")),
            );
            assert_eq!(again.trim(), text.trim());
        }
    }
}

/// A value of Range: what it is of some octets lies within them and is not empty, and the range as
/// it is written out is read as the same.
pub fn http_range(data: &[u8]) {
    use postern::testing::http::range::{ByteRange, Extent, parse};
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Some(range) = parse(text) else {
        return;
    };
    let written = match range {
        ByteRange::From(first, None) => format!("bytes={first}-"),
        ByteRange::From(first, Some(last)) => format!("bytes={first}-{last}"),
        ByteRange::Last(n) => format!("bytes=-{n}"),
    };
    assert_eq!(parse(&written), Some(range));
    for size in [0, 1, 2, 100, u64::MAX] {
        match range.of(size) {
            Extent::Whole => assert_eq!(size, 0),
            Extent::Part(part) => assert!(part.start < part.end && part.end <= size),
            Extent::Beyond => match range {
                ByteRange::From(first, _) => assert!(first >= size),
                ByteRange::Last(n) => assert_eq!(n, 0),
            },
        }
    }
}
