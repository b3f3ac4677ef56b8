//! SASL messages with arbitrary octets: the exchange by itself, and whole logins over SMTP and
//! IMAP. The checks: a message is accepted exactly when the plain model below accepts it; both
//! protocols agree on every response; and cut invariance: the same octets whole, singly and in
//! thirds get the same answers.
//!
//! If the first octet is even, the rest is the message of PLAIN, and it is sent in base64;
//! otherwise the rest is sent as it is. `KEY` stands for a good key.

use std::net::IpAddr;

use data_encoding::BASE64;
use postern::testing::call::{Limits, Listener, Scopes};
use postern::testing::engine::sasl::{SaslMechanism, SaslStep, SaslWait, begin, respond};

use super::rig::Rig;
use super::session::fill;

/// One response, as the initial one and as an answer to the challenge, in both protocols.
pub fn sasl(data: &[u8]) {
    let data = &data[..data.len().min(MAX)];
    let Some((kind, rest)) = data.split_first() else {
        return;
    };
    exchange(rest);
    let response = |key: &str| match kind % 2 {
        0 => BASE64.encode(&fill(rest, key)).into_bytes(),
        _ => fill(rest, key),
    };
    let imap = alike(Listener::Imaps, &response);
    let smtp = alike(Listener::Submissions, &response);
    // With other octets the line ends, or means something else in one of the two protocols.
    let line = response(&"k".repeat(KEY_BYTES));
    if line.len() <= LINE_MAX && line.iter().all(u8::is_ascii_graphic) {
        let (imap, smtp) = (outcome(&imap), outcome(&smtp));
        assert_eq!(imap, smtp, "{}", show(&line));
    }
}

/// The exchange without a protocol.
fn exchange(octets: &[u8]) {
    let offered = [SaslMechanism::Plain, SaslMechanism::Login];
    let encoded = BASE64.encode(octets);
    for step in [
        begin("PLAIN", Some(encoded.as_bytes()), &offered),
        respond(SaslWait::PlainMessage, encoded.as_bytes()),
    ] {
        let fields = core::str::from_utf8(octets).ok().and_then(|text| {
            let fields: Vec<&str> = text.split('\0').collect();
            <[&str; 3]>::try_from(fields).ok()
        });
        let good = fields.filter(|[act_as, user, key]| {
            let sizes = (1..=1024).contains(&user.len()) && (1..=1024).contains(&key.len());
            let own = act_as.is_empty() || act_as.eq_ignore_ascii_case(user);
            sizes && own && !user.chars().any(char::is_control)
        });
        match (step, good) {
            (SaslStep::Check { user, secret }, Some([_, name, key])) => {
                assert_eq!((user.as_str(), secret.expose()), (name, key.as_bytes()));
            }
            (SaslStep::Malformed | SaslStep::ActsForAnother, None) => {}
            (step, good) => panic!("{step:?} where {good:?}"),
        }
    }
    // Octets without base64: accepted only if encoding their decoding gives the same octets.
    for wait in [SaslWait::PlainMessage, SaslWait::LoginUser] {
        let strict = BASE64
            .decode(octets)
            .is_ok_and(|decoded| BASE64.encode(&decoded).as_bytes() == octets);
        let step = respond(wait, octets);
        let expected = strict || octets == b"*";
        assert_eq!(step != SaslStep::NotBase64, expected, "{}", show(octets));
    }
}

/// The answer of the server to the response at three sizes of pieces.
fn alike(listener: Listener, response: &dyn Fn(&str) -> Vec<u8>) -> Vec<u8> {
    let whole = said(listener, response, usize::MAX);
    assert_eq!(
        show(&whole),
        show(&said(listener, response, 1)),
        "cut singly"
    );
    assert_eq!(
        show(&whole),
        show(&said(listener, response, 41)),
        "cut in pieces"
    );
    whole
}

fn said(listener: Listener, response: &dyn Fn(&str) -> Vec<u8>, piece: usize) -> Vec<u8> {
    let mut rig = Rig::new(7, Limits::default());
    let org = rig.make_org("fuzz");
    rig.make_inbox(org, "bot@x.test", None);
    let key = rig.make_key(org, Scopes::ADMIN, None, None);
    let id = rig.open(listener, IpAddr::from([10, 0, 0, 1]));
    let begin: &[u8] = match listener {
        Listener::Imaps => b"a AUTHENTICATE PLAIN\r\n",
        _ => b"EHLO fuzz\r\nAUTH PLAIN\r\n",
    };
    rig.send(id, begin, usize::MAX);
    rig.take(id);
    rig.send(id, &[&response(&key)[..], b"\r\n"].concat(), piece);
    rig.wait(20_000);
    rig.take(id)
}

/// The answer in words that both protocols share.
fn outcome(said: &[u8]) -> &'static str {
    let starts = |words: &[&str]| words.iter().any(|word| said.starts_with(word.as_bytes()));
    if starts(&["235 ", "a OK "]) {
        "accepted"
    } else if starts(&["535 ", "a NO "]) {
        "refused"
    } else if starts(&["501 ", "a BAD "]) {
        "malformed"
    } else {
        "other"
    }
}

fn show(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// Longer inputs find nothing that these do not find.
const MAX: usize = 4096;
/// Octets of the text of a key.
const KEY_BYTES: usize = 72;
/// The length of a line that both protocols accept.
const LINE_MAX: usize = 8000;
