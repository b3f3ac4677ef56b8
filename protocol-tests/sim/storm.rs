//! A storm of event streams, WebSockets and waits: clients that open, ask by halves, vanish,
//! close their sending side, stop to read and lose their keys. The rule: after each step there
//! are as many subscriptions as streams, and at the end none.

use std::net::IpAddr;

use postern::testing::call::{Ask, KeyWrite, Limits, Listener, OrgId, Scopes};
use postern::testing::service::access::login::folder_access;

use crate::rig::Rig;
use crate::{Dice, socket};

const STEPS: usize = 150;
const KEYS: usize = 3;
const PATHS: [&str; 5] = [
    "/api/v1/events",
    "/api/v1/events?since=0",
    "/api/v1/inboxes/top@x.test/watch",
    "/api/v1/inboxes/low@x.test/events?type=message.received",
    "/api/v1/inboxes/low@x.test/messages/wait?timeout=20",
];
/// `N` is a number.
const SOCKET_MESSAGES: [&str; 6] = [
    r#"{"op":"subscribe","id":"N"}"#,
    r#"{"op":"subscribe","id":"N","since":0}"#,
    r#"{"op":"subscribe","id":"N","inbox":"low@x.test"}"#,
    r#"{"op":"subscribe","id":"N","watch":"top@x.test","type":"inbox.updated"}"#,
    r#"{"op":"subscribe","id":"N","inbox":"nobody@x.test"}"#,
    r#"{"op":"unsubscribe","id":"0"}"#,
];
/// Of these no stream begins.
const REFUSED: [&str; 3] = [
    "/api/v1/inboxes/nobody@x.test/watch",
    "/api/v1/inboxes/low@x.test/watch?inbox=top@x.test",
    "/api/v1/events?since=never",
];

pub struct Storm {
    rig: Rig,
    dice: Dice,
    org: OrgId,
    keys: Vec<String>,
    conns: Vec<u64>,
}

impl Storm {
    pub fn new(seed: u64) -> Storm {
        let mut limits = Limits::default();
        limits.lift();
        limits.streams_per_key = 12;
        let mut rig = Rig::new(seed, limits);
        let org = rig.make_org("storm");
        let top = rig.make_inbox(org, "top@x.test", None);
        rig.make_inbox(org, "low@x.test", Some(top));
        let keys = (0..KEYS).map(|_| rig.make_key(org, Scopes::ADMIN, None, None));
        let keys = keys.collect();
        Storm {
            rig,
            dice: Dice(seed),
            org,
            keys,
            conns: Vec::new(),
        }
    }

    pub fn run(&mut self) {
        let mut most = 0;
        for _ in 0..STEPS {
            match self.dice.roll(16) {
                0..=4 => self.open(),
                5 | 6 => self.open_socket(),
                7 => self.ask_by_half(),
                8 | 9 => self.with_one(|rig, conn| rig.drop_conn(conn)),
                10 => self.with_one(|rig, conn| rig.hang_up(conn)),
                11 => self.with_one(|rig, conn| rig.reads(conn, false)),
                12 => self.with_one(|rig, conn| rig.reads(conn, true)),
                13 => self.revoke(),
                14 => self.rig.wait(1000 * (1 + self.dice.0 % 40)),
                _ => self.change(),
            }
            most = most.max(self.compare());
        }
        assert!(most > 0, "no stream was open");
        for conn in core::mem::take(&mut self.conns) {
            self.rig.drop_conn(conn);
        }
        assert_eq!(self.compare(), 0);
    }

    /// The streams that are open.
    fn compare(&self) -> u64 {
        let streams = self.rig.metric("streams_open").unwrap();
        assert_eq!(self.rig.metric("subscriptions_open"), Some(streams));
        streams
    }

    fn open(&mut self) {
        let path = match self.dice.roll(4) {
            0 => REFUSED[self.dice.roll(REFUSED.len())],
            _ => PATHS[self.dice.roll(PATHS.len())],
        };
        let key = &self.keys[self.dice.roll(KEYS)];
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n");
        self.send(request.as_bytes());
    }

    /// Several subscriptions of one connection; one of them may be refused or end again.
    fn open_socket(&mut self) {
        let key = &self.keys[self.dice.roll(KEYS)];
        let mut octets = socket::handshake(key).into_bytes();
        for n in 0..1 + self.dice.roll(5) {
            let message = SOCKET_MESSAGES[self.dice.roll(SOCKET_MESSAGES.len())];
            octets.extend(socket::message(&message.replace('N', &(n % 3).to_string())));
        }
        self.send(&octets);
    }

    fn ask_by_half(&mut self) {
        self.send(b"GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthoriz");
    }

    fn send(&mut self, octets: &[u8]) {
        let conn = self.rig.open(Listener::Https, IpAddr::from([10, 0, 0, 6]));
        let piece = 1 + self.dice.roll(200);
        self.rig.send(conn, octets, piece);
        self.conns.push(conn);
    }

    fn with_one(&mut self, act: impl FnOnce(&mut Rig, u64)) {
        if !self.conns.is_empty() {
            let n = self.dice.roll(self.conns.len());
            act(&mut self.rig, self.conns[n]);
        }
    }

    /// A key ends with its streams, and another one takes its place.
    fn revoke(&mut self) {
        let n = self.dice.roll(KEYS);
        let key = self.rig.key_id(self.org, &self.keys[n]);
        let access = folder_access(self.org);
        self.rig.call(Ask::of(&access, KeyWrite::Revoke { key }));
        self.keys[n] = self.rig.make_key(self.org, Scopes::ADMIN, None, None);
    }

    /// An event for all of them.
    fn change(&mut self) {
        let top = "PATCH /api/v1/inboxes/low@x.test HTTP/1.1\r\nHost: x\r\n";
        let name = format!("{{\"display_name\":\"{}\"}}", self.dice.0);
        let request = format!(
            "{top}Authorization: Bearer {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{name}",
            self.keys[0],
            name.len()
        );
        self.send(request.as_bytes());
    }
}
