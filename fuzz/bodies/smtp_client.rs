//! Another server that says arbitrary octets to our SMTP client. The checks: no panic; the engine
//! comes to rest; cut invariance; each transaction that was given ends in exactly one report or
//! loss; what is sent has only CRLF; and a password leaves only over verified TLS.
//!
//! Octets that come with a reply, and not behind the command that follows it, are out of turn
//! (DECISIONS.md, "SMTP to other servers"). So the input is sent up to the end of each reply.

use std::collections::VecDeque;

use postern::testing::call::{
    Limits, OrgId, OutboundDial, OutboundId, OutboundLease, OutboundLogin, OutboundTimeouts,
    OutboundTls, OutboundTlsPolicy, OutboundTransaction, RouteId, Secret, TransactionOutcome,
};
use postern::testing::smtp::testing::{ReplyParser, ReplyStep};

use super::rig::{Rig, Told};

/// The first octet says what the connection is like, the rest is what the server says.
pub fn smtp_client(data: &[u8]) {
    let Some((&kind, said)) = data.split_first() else {
        return;
    };
    let said = &said[..said.len().min(MAX)];
    let whole = conversation(kind, said, usize::MAX);
    let thirds = conversation(kind, said, said.len().div_ceil(3).max(1));
    let singly = conversation(kind, said, if said.len() <= 4096 { 1 } else { 13 });
    assert_eq!(whole, thirds, "cut in thirds");
    assert_eq!(whole, singly, "cut singly");
}

/// What the engine sent, and what it told the queue.
fn conversation(kind: u8, said: &[u8], piece: usize) -> (String, Vec<String>) {
    let mut rig = Rig::new(7, Limits::default());
    let policies = [
        OutboundTlsPolicy::Never,
        OutboundTlsPolicy::Opportunistic,
        OutboundTlsPolicy::Required,
        OutboundTlsPolicy::RequiredVerified,
    ];
    let tls = policies[usize::from(kind & 3)];
    let (is_verified, has_login) = (kind & 4 != 0, kind & 8 != 0);
    let id = rig.dial(OutboundDial {
        is_account: false,
        route: RouteId(1),
        host: "mx.other.test".into(),
        address: "192.0.2.1:25".parse().unwrap(),
        bind: None,
        tls,
        login: has_login.then(|| OutboundLogin {
            user: "user".into(),
            secret: Secret::new(PASSWORD),
            is_token: kind & 32 != 0,
        }),
        helo: "mx.test".into(),
        timeouts: OutboundTimeouts {
            connect_ms: 30_000,
            command_ms: 300_000,
            data_ms: 600_000,
        },
    });
    let remote = rig.remote(id).unwrap();
    remote.is_verified = is_verified;
    remote.fails_handshake = kind & 16 != 0;
    remote.orders = VecDeque::from([order(false), order(true)]);
    rig.connect(id, false);
    for segment in segments(said) {
        rig.send(id, segment, piece);
    }
    rig.hang_up(id);
    rig.wait(1_000_000);
    assert!(rig.conns[&id].is_closed());
    let sent = rig.take(id);
    let remote = rig.remote(id).unwrap();
    let given = 2 - remote.orders.len();
    let ended = remote.told.iter().filter(|told| match told {
        Told::Report(_) => true,
        Told::Lost(loss) => loss.lease.is_some(),
    });
    assert_eq!(ended.count(), given, "a transaction ends once");
    for told in &remote.told {
        if let Told::Report(report) = told {
            let code = report.reply.as_ref().map_or(0, |reply| reply.code / 100);
            let is_positive = report.outcome == TransactionOutcome::Delivered;
            assert_eq!(is_positive, code == 2);
            assert!(report.tls != OutboundTls::Verified || is_verified);
        }
    }
    let text = sent.escape_ascii().to_string();
    for line in sent.split_inclusive(|b| *b == b'\n') {
        let line = line.strip_suffix(b"\r\n");
        // A message that was broken off ends where it was cut.
        assert!(line.is_none_or(|line| !line.contains(&b'\r')), "{text}");
    }
    let password = data_encoding::BASE64.encode(PASSWORD.as_bytes());
    let message = data_encoding::BASE64.encode(format!("\0user\0{PASSWORD}").as_bytes());
    let is_sent = text.contains(&password) || text.contains(&message);
    assert!(!is_sent || (is_verified && has_login && tls != OutboundTlsPolicy::Never));
    let told = remote.told.iter().map(|told| format!("{told:?}")).collect();
    (text, told)
}

/// Cuts after the last line of each reply.
fn segments(said: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    let mut from = 0;
    let mut at = 0;
    for line in said.split_inclusive(|b| *b == b'\n') {
        at += line.len();
        if line.get(3) != Some(&b'-') {
            found.push(&said[from..at]);
            from = at;
        }
    }
    found.push(&said[from..]);
    found
}

fn order(is_odd: bool) -> (OutboundTransaction, Vec<u8>) {
    let octets: &[u8] = match is_odd {
        true => b".\r\n\r.\n\n.\r\nS: \xc3\xa4\r.",
        false => b"Subject: hi\r\n\r\n.x\r\n",
    };
    let order = OutboundTransaction {
        lease: OutboundLease {
            id: OutboundId(1),
            attempt: 1,
        },
        org: OrgId(1),
        reverse_path: (!is_odd).then(|| "a@x.test".into()),
        recipient: "b@other.test".into(),
        keys: None,
        size: octets.len() as u64,
        has_8bit: is_odd,
        has_utf8_header: is_odd,
        notify: 6,
        orcpt: Some("rfc822;b@x.test".into()),
        ret_full: Some(is_odd),
        envid: Some("id 1".into()),
    };
    (order, octets.to_vec())
}

/// Replies alone: the same in any pieces, and bounded.
pub fn smtp_reply(data: &[u8]) {
    let data = &data[..data.len().min(4 * MAX)];
    let whole = replies(data, usize::MAX);
    for piece in [1, 3, 997] {
        assert_eq!(replies(data, piece), whole, "cut by {piece}");
    }
}

fn replies(data: &[u8], piece: usize) -> Vec<ReplyStep> {
    let mut parser = ReplyParser::default();
    let (mut unread, mut found) = (Vec::new(), Vec::new());
    for part in data.chunks(piece) {
        unread.extend_from_slice(part);
        loop {
            let (used, step) = parser.take(&unread);
            unread.drain(..used);
            match step {
                ReplyStep::Incomplete => break,
                ReplyStep::Whole(reply) => {
                    assert!((200..600).contains(&reply.code));
                    assert!((1..=100).contains(&reply.lines.len()));
                    let is_clean = |line: &String| !line.contains(char::is_control);
                    assert!(reply.lines.iter().all(is_clean));
                    assert!(reply.report().text.len() <= 1024);
                    found.push(ReplyStep::Whole(reply));
                }
                bad => {
                    found.push(bad);
                    return found;
                }
            }
        }
        assert!(unread.len() < 1000, "what is kept has a bound");
    }
    found
}

const PASSWORD: &str = "pass word";
/// Longer inputs find nothing that these do not find.
const MAX: usize = 16 * 1024;
