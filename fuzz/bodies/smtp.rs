//! Whole SMTP conversations with arbitrary octets, over the real product in memory. The checks: no
//! panic; the session comes to rest; no reply is longer than 512 octets or has a shape that RFC
//! 5321 forbids; and cut invariance: the same octets whole, singly and in thirds get the same
//! answers.
//!
//! The answers to DATA and STARTTLS depend on the octets of their segment (DECISIONS.md, "SMTP
//! framing"), so the input is sent up to the end of such a line, and the rest when that line has
//! been answered.

use std::net::IpAddr;

use postern::testing::call::{Limits, Listener, Scopes};

use super::rig::Rig;

/// A session of port 25, one of port 587 before TLS, and one of port 465 after login.
pub fn smtp_session(data: &[u8]) {
    let data = &data[..data.len().min(MAX)];
    alike(data, Listener::Mx, false);
    alike(data, Listener::Submission, false);
    alike(data, Listener::Submissions, true);
}

fn alike(data: &[u8], listener: Listener, login: bool) {
    let whole = said(data, listener, login, usize::MAX);
    let thirds = said(data, listener, login, data.len().div_ceil(3).max(1));
    // One octet at a time costs a turn for each octet; long inputs are cut at a prime number
    // instead.
    let singly = said(
        data,
        listener,
        login,
        if data.len() <= 2048 { 1 } else { 13 },
    );
    assert_eq!(show(&whole), show(&thirds), "cut in thirds");
    assert_eq!(show(&whole), show(&singly), "cut singly");
    well_formed(&whole);
}

fn said(data: &[u8], listener: Listener, login: bool, piece: usize) -> Vec<u8> {
    let limits = Limits {
        message_bytes: 4096,
        smtp_messages: 5,
        ..Limits::default()
    };
    let mut rig = Rig::new(7, limits);
    let org = rig.make_org("fuzz");
    rig.make_inbox(org, "bot@x.test", None);
    let key = rig.make_key(org, Scopes::ADMIN, None, None);
    let id = rig.open(listener, IpAddr::from([10, 0, 0, 1]));
    rig.wait(rig.shared.limits.mx_greet_ms);
    if login {
        let plain = data_encoding::BASE64.encode(format!("\0bot@x.test\0{key}").as_bytes());
        rig.send(
            id,
            format!("EHLO fuzz\r\nAUTH PLAIN {plain}\r\n").as_bytes(),
            usize::MAX,
        );
    }
    for segment in segments(data) {
        rig.send(id, segment, piece);
        // Delayed answers (a row of errors, unknown recipients, wrong keys) come in this time.
        for _ in 0..12 {
            rig.wait(4_999);
        }
    }
    rig.hang_up(id);
    rig.take(id)
}

/// Cuts after every line that may be DATA or STARTTLS.
fn segments(data: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    let mut rest = data;
    let mut at = 0;
    for line in data.split_inclusive(|b| *b == b'\n') {
        at += line.len();
        let text = line.trim_ascii();
        if text.eq_ignore_ascii_case(b"DATA") || text.eq_ignore_ascii_case(b"STARTTLS") {
            let (segment, left) = rest.split_at(rest.len() - (data.len() - at));
            found.push(segment);
            rest = left;
        }
    }
    found.push(rest);
    found
}

fn well_formed(said: &[u8]) {
    for line in said.split_inclusive(|b| *b == b'\n') {
        assert!(line.len() <= 512, "{}", show(line));
        assert!(line.ends_with(b"\r\n"), "{}", show(line));
        let code = &line[..3];
        assert!(code.iter().all(u8::is_ascii_digit), "{}", show(line));
        assert!(matches!(line[3], b' ' | b'-'), "{}", show(line));
        assert!(
            line[..line.len() - 2]
                .iter()
                .all(|b| b.is_ascii_graphic() || *b == b' ')
        );
    }
}

fn show(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// Longer inputs find nothing that these do not find.
const MAX: usize = 16 * 1024;
