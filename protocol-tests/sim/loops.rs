//! Mail that could go round between two servers for ever: inboxes that answer, forward, bounce,
//! come from a list or from themselves (RFC 3834 section 2, RFC 5321 section 6.3).
//!
//! Both servers are whole, with the queue of one sending to the SMTP of the other, through
//! [`ROUNDS`] rounds of five minutes. In each shape must hold: an address has one automatic answer
//! of a server at most, and nothing is under way any more after a few rounds.

use std::collections::BTreeMap;
use std::net::IpAddr;

use postern::testing::call::{
    FilterSwitch, InboundPolicy, Limits, Listener, OutboundSettings, Scopes,
};

use super::rig::Rig;
use super::rig::queue::{Manner, TakenMessage};

const ROUNDS: usize = 1_000;
const ROUND_MS: u64 = 300_000;
/// After so many rounds nothing but what a shape sends anew is under way.
const QUIET: usize = 20;

/// What could go round.
struct Shape {
    name: &'static str,
    /// What the rule of the one inbox of each server does; nothing without one.
    ours: &'static str,
    theirs: &'static str,
    /// The reverse-path of the message that comes to `bot@a.test`, and its fields beside To.
    path: &'static str,
    fields: &'static str,
    /// It comes in every round, as from a program that answers each answer.
    again: bool,
    /// How many automatic answers there are, and how many messages one server sends to the other.
    answers: usize,
    crossings: usize,
}

const ANSWER: &str = r#"{"auto_reply":{"text":"Away.","once_per":"7d"}}"#;
const TO_B: &str = r#"{"forward":{"to":["bob@b.test"]}}"#;
const TO_A: &str = r#"{"forward":{"to":["bot@a.test"]}}"#;
const BOTH_B: &str =
    r#"{"auto_reply":{"text":"Away.","once_per":"7d"}},{"forward":{"to":["bob@b.test"]}}"#;
const BOTH_A: &str =
    r#"{"auto_reply":{"text":"Away.","once_per":"7d"}},{"forward":{"to":["bot@a.test"]}}"#;
const BOB: &str = "From: Bob <bob@b.test>\r\n";

#[rustfmt::skip]
const SHAPES: &[Shape] = &[
    Shape { name: "two that answer", ours: ANSWER, theirs: ANSWER, path: "bob@b.test", fields: BOB, again: false, answers: 1, crossings: 1 },
    Shape { name: "a sender that is not there", ours: ANSWER, theirs: ANSWER, path: "gone@b.test", fields: "From: gone@b.test\r\n", again: false, answers: 1, crossings: 1 },
    Shape { name: "a bounce", ours: ANSWER, theirs: ANSWER, path: "", fields: "From: mailer-daemon@b.test\r\n", again: false, answers: 0, crossings: 0 },
    Shape { name: "an answer that is forwarded back", ours: ANSWER, theirs: TO_A, path: "bob@b.test", fields: BOB, again: false, answers: 1, crossings: 2 },
    Shape { name: "two that forward", ours: TO_B, theirs: TO_A, path: "carol@c.test", fields: "From: carol@c.test\r\n", again: false, answers: 0, crossings: 2 },
    Shape { name: "two that answer and forward", ours: BOTH_B, theirs: BOTH_A, path: "bob@b.test", fields: BOB, again: false, answers: 1, crossings: 3 },
    Shape { name: "an inbox that writes to itself", ours: ANSWER, theirs: ANSWER, path: "bot@a.test", fields: "From: bot@a.test\r\n", again: false, answers: 0, crossings: 0 },
    Shape { name: "a tagged address of itself", ours: ANSWER, theirs: ANSWER, path: "bot+x@a.test", fields: "From: bot+x@a.test\r\n", again: false, answers: 0, crossings: 0 },
    Shape { name: "an author that is the inbox", ours: ANSWER, theirs: ANSWER, path: "bob@b.test", fields: "From: bot@a.test\r\n", again: false, answers: 0, crossings: 0 },
    Shape { name: "answers go to the inbox", ours: ANSWER, theirs: ANSWER, path: "bob@b.test", fields: "From: bob@b.test\r\nReply-To: bot@a.test\r\n", again: false, answers: 1, crossings: 1 },
    Shape { name: "a list", ours: ANSWER, theirs: ANSWER, path: "bob@b.test", fields: "From: bob@b.test\r\nList-Id: <l.b.test>\r\n", again: true, answers: 0, crossings: 0 },
    Shape { name: "a program that answers like a person", ours: ANSWER, theirs: "", path: "bob@b.test", fields: BOB, again: true, answers: 1, crossings: 1 },
    Shape { name: "a program that says what it is", ours: ANSWER, theirs: ANSWER, path: "bob@b.test", fields: "From: bob@b.test\r\nAuto-Submitted: auto-replied\r\n", again: true, answers: 0, crossings: 0 },
];

struct Server {
    rig: Rig,
    host: IpAddr,
    /// How often each address was answered.
    answered: BTreeMap<String, usize>,
}

impl Server {
    fn new(n: u8, address: &str, actions: &str) -> Server {
        let mut limits = Limits::default();
        limits.lift();
        let arriving = (InboundPolicy::default(), FilterSwitch::OFF);
        let outbound = Some(OutboundSettings::default());
        let mut rig = Rig::with(u64::from(n), limits, arriving, outbound);
        let other = IpAddr::from([203, 0, 114, 3 - n]);
        for domain in ["a.test", "b.test"] {
            let host = match address.ends_with(domain) {
                true => IpAddr::from([203, 0, 114, n]),
                false => other,
            };
            for record in [
                format!("{domain} MX 10 mx.{domain}"),
                format!("mx.{domain} A {host}"),
            ] {
                rig.dns.learn(&record).unwrap();
            }
        }
        let queue = rig.queue.as_mut().unwrap();
        queue.hosts.insert(other, Manner::Serves(Vec::new()));
        let org = rig.make_org("one");
        rig.make_inbox(org, address, None);
        let key = rig.make_key(org, Scopes::ADMIN, None, None);
        let mut server = Server {
            rig,
            host: IpAddr::from([203, 0, 114, n]),
            answered: BTreeMap::new(),
        };
        if !actions.is_empty() {
            server.make_rule(address, &key, actions);
        }
        server
    }

    fn make_rule(&mut self, address: &str, key: &str, actions: &str) {
        let body = format!(r#"{{"when":{{"all":[]}},"then":[{actions}]}}"#);
        let request = format!(
            "POST /api/v1/inboxes/{address}/rules HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\
            Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let conn = self.rig.open(Listener::Https, self.host);
        self.rig.send(conn, request.as_bytes(), usize::MAX);
        let said = String::from_utf8(self.rig.take(conn)).unwrap();
        assert!(said.starts_with("HTTP/1.1 201 "), "{said}");
        self.rig.drop_conn(conn);
    }

    /// A message comes in over SMTP. An address that is not here takes none.
    fn take(&mut self, from: IpAddr, mail: &TakenMessage) {
        let conn = self.rig.open(Listener::Mx, from);
        self.rig.wait(self.rig.shared.limits.mx_greet_ms);
        let (path, recipient) = (&mail.path, &mail.recipient);
        let text = format!("MAIL FROM:<{path}>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n");
        self.rig.send(conn, b"EHLO mx.test\r\n", usize::MAX);
        self.rig.send(conn, text.as_bytes(), usize::MAX);
        // The reply about an address that is not here waits.
        self.rig.wait(10_000);
        let said = String::from_utf8(self.rig.take(conn)).unwrap();
        if said.contains("\r\n354 ") {
            let mut octets = mail.octets.clone();
            octets.extend_from_slice(b".\r\n");
            self.rig.send(conn, &octets, usize::MAX);
            let said = String::from_utf8(self.rig.take(conn)).unwrap();
            // A message that was here before is refused as a loop (RFC 5321 section 6.3).
            let is_known = said.starts_with("250 ") || said.starts_with("554 5.4.6 ");
            assert!(is_known, "{said}");
        } else {
            assert!(said.contains("\r\n550 "), "{said}");
        }
        self.rig.drop_conn(conn);
    }

    /// What it has sent to the other server since.
    fn sent(&mut self) -> Vec<TakenMessage> {
        let queue = self.rig.queue.as_mut().unwrap();
        let sent = std::mem::take(&mut queue.taken);
        for mail in &sent {
            let head = String::from_utf8_lossy(&mail.octets).into_owned();
            // An answer that is forwarded has Resent fields, and is none of this server.
            let is_own = mail.path.is_empty() && !head.contains("Resent-");
            if is_own && head.contains("\r\nAuto-Submitted: auto-replied\r\n") {
                *self.answered.entry(mail.recipient.clone()).or_default() += 1;
            }
        }
        sent
    }
}

/// Lets each shape go its way through all rounds.
pub fn no_loop_goes_round() {
    let mut faults = Vec::new();
    for shape in SHAPES {
        let name = shape.name;
        let mut ours = Server::new(1, "bot@a.test", shape.ours);
        let mut theirs = Server::new(2, "bob@b.test", shape.theirs);
        let first = TakenMessage {
            address: ours.host,
            path: shape.path.to_owned(),
            recipient: "bot@a.test".to_owned(),
            octets: format!(
                "{}To: bot@a.test\r\nSubject: hello\r\n\r\nHello.\r\n",
                shape.fields
            )
            .into_bytes(),
        };
        ours.take(theirs.host, &first);
        let (mut crossings, mut last) = (0, 0);
        for round in 0..ROUNDS {
            for mail in ours.sent() {
                (crossings, last) = (crossings + 1, round);
                theirs.take(ours.host, &mail);
            }
            for mail in theirs.sent() {
                (crossings, last) = (crossings + 1, round);
                ours.take(theirs.host, &mail);
            }
            if shape.again {
                ours.take(theirs.host, &first);
            }
            ours.rig.wait(ROUND_MS);
            theirs.rig.wait(ROUND_MS);
        }
        let answers: usize = [&ours, &theirs]
            .iter()
            .flat_map(|server| server.answered.values())
            .sum();
        let is_once = |server: &Server| server.answered.values().all(|n| *n == 1);
        assert!(
            is_once(&ours) && is_once(&theirs),
            "{name}: an address was answered twice"
        );
        assert!(last < QUIET, "{name}: it goes round still in round {last}");
        let (found, wanted) = ((answers, crossings), (shape.answers, shape.crossings));
        if found != wanted {
            faults.push(format!(
                "{name}: {found:?} answers and crossings, not {wanted:?}"
            ));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
