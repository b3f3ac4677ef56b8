//! A hundred readers of consumer groups, by streams and by WebSockets: they come and go, stop to
//! read, acknowledge some of what they are given, let leases end, and the server is killed between
//! their requests. The rules: an event that was acknowledged never comes again; what a group with
//! `order=inbox` is given of an inbox has all before it acknowledged; a stream is given new events
//! in the order of the log, of each inbox in such a group; and at the end every event was
//! acknowledged in every group, so none was lost.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::ops::Range;

use postern::testing::call::{Listener, Scopes};
use postern::testing::store::verify;
use serde_json::{Value, json};

use crate::disk::Disk;
use crate::rig::{Conn, Rig};
use crate::{Dice, limits, socket};

const STEPS: usize = 220;
const GROUPS: usize = 4;
const READERS: usize = 100;
const INBOXES: [&str; 3] = ["a@x.test", "b@x.test", "c@x.test"];

pub struct Groups {
    rig: Rig,
    disk: Disk,
    seed: u64,
    dice: Dice,
    key: String,
    readers: Vec<GroupReader>,
    groups: Vec<GroupModel>,
    /// By number: the inbox of each event.
    events: BTreeMap<u64, String>,
    is_ending: bool,
}

#[derive(Default)]
struct GroupReader {
    /// 0 is none.
    conn: u64,
    group: usize,
    /// It reads over WebSocket, and acknowledges there.
    is_socket: bool,
    /// The highest number that came for the first time: of each inbox in a group that keeps their
    /// order, else of all.
    newest: BTreeMap<String, u64>,
    held: Vec<u64>,
}

#[derive(Default)]
struct GroupModel {
    acknowledged: BTreeSet<u64>,
    delivered: BTreeSet<u64>,
    /// Those that were given ten times: they hold the others of their inbox up no more.
    given_up: BTreeSet<u64>,
    /// A reader of it has stopped to read: it may have been given what it never has heard.
    has_unheard: bool,
    /// Acknowledged over WebSocket, and no answer has come.
    asked: BTreeSet<u64>,
}

impl Groups {
    pub fn new(seed: u64) -> Groups {
        let disk = Disk::new(seed);
        let mut rig = Rig::new(seed, limits());
        rig.product.store = disk.open(seed);
        let org = rig.make_org("groups");
        for inbox in INBOXES {
            rig.make_inbox(org, inbox, None);
        }
        let key = rig.make_key(org, Scopes::ADMIN, None, None);
        let reader = |n| GroupReader {
            group: n % GROUPS,
            is_socket: n % (2 * GROUPS) >= GROUPS,
            ..GroupReader::default()
        };
        Groups {
            rig,
            disk,
            seed,
            dice: Dice(seed),
            key,
            readers: (0..READERS).map(reader).collect(),
            groups: (0..GROUPS).map(|_| GroupModel::default()).collect(),
            events: BTreeMap::new(),
            is_ending: false,
        }
    }

    pub fn run(&mut self) {
        for n in 0..READERS {
            self.connect(n);
        }
        for _ in 0..STEPS {
            match self.dice.roll(22) {
                0..=5 => self.change(),
                6..=11 => self.acknowledge(),
                12..=14 => {
                    let n = self.dice.roll(READERS);
                    self.connect(n);
                }
                15 | 16 => {
                    let n = self.dice.roll(READERS);
                    self.disconnect(n);
                }
                17 | 18 => self.rig.wait(1000 * (1 + self.dice.0 % 40)),
                19 | 20 => self.stop_reading(),
                _ => self.kill(),
            }
            self.listen();
        }
        self.finish();
    }

    /// Whether a group keeps the order of each inbox.
    fn is_ordered(group: usize) -> bool {
        group.is_multiple_of(2)
    }

    fn ask(&mut self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let conn = self.rig.open(Listener::Https, IpAddr::from([10, 0, 0, 5]));
        let body = match body {
            "" => "\r\n".to_owned(),
            body => format!(
                "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            ),
        };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n{body}",
            self.key
        );
        self.rig.send(conn, request.as_bytes(), usize::MAX);
        let said = String::from_utf8(self.rig.take(conn)).unwrap();
        self.rig.drop_conn(conn);
        let status = said[9..12].parse().unwrap();
        let (_, body) = said.split_once("\r\n\r\n").unwrap();
        (status, serde_json::from_str(body).unwrap_or(Value::Null))
    }

    /// An event.
    fn change(&mut self) {
        for _ in 0..=self.dice.roll(6) {
            let inbox = INBOXES[self.dice.roll(INBOXES.len())];
            let name = format!("{{\"display_name\":\"n{}\"}}", self.dice.0);
            let (status, _) = self.ask("PATCH", &format!("/api/v1/inboxes/{inbox}"), &name);
            assert_eq!(status, 200);
        }
    }

    fn connect(&mut self, n: usize) {
        self.disconnect(n);
        let GroupReader {
            group, is_socket, ..
        } = self.readers[n];
        let is_ordered = Self::is_ordered(group);
        let conn = self.rig.open(Listener::Https, IpAddr::from([10, 0, 0, 4]));
        self.readers[n].conn = conn;
        if is_socket {
            let order = if is_ordered {
                r#","order":"inbox""#
            } else {
                ""
            };
            let handshake = socket::handshake(&self.key);
            self.rig.send(conn, handshake.as_bytes(), usize::MAX);
            let message = format!(
                r#"{{"op":"subscribe","id":"s","group":"g{group}","type":"inbox.updated","since":0,"lease_s":30{order}}}"#
            );
            self.rig.send(conn, &socket::message(&message), usize::MAX);
            return;
        }
        let order = if is_ordered { "&order=inbox" } else { "" };
        let request = format!(
            "GET /api/v1/events?group=g{group}&type=inbox.updated&since=0&lease_s=30{order} \
             HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n",
            self.key
        );
        self.rig.send(conn, request.as_bytes(), usize::MAX);
    }

    /// A client does not read any more what it is sent, or it does again.
    fn stop_reading(&mut self) {
        let n = self.dice.roll(READERS);
        let is_reading = self.dice.roll(3) == 0;
        self.rig.reads(self.readers[n].conn, is_reading);
        self.groups[self.readers[n].group].has_unheard = true;
    }

    fn disconnect(&mut self, n: usize) {
        self.listen_to(n..n + 1);
        let reader = &mut self.readers[n];
        if reader.conn != 0 {
            self.rig.drop_conn(reader.conn);
        }
        reader.conn = 0;
        reader.newest.clear();
        // Their numbers stay with the reader: it may acknowledge them too late.
    }

    /// One reader says that something is done.
    fn acknowledge(&mut self) {
        let n = self.dice.roll(READERS);
        let Some(seq) = self.readers[n].held.pop() else {
            return;
        };
        let GroupReader {
            group,
            is_socket,
            conn,
            ..
        } = self.readers[n];
        if is_socket && conn != 0 {
            let message = format!(r#"{{"op":"ack","group":"g{group}","id":{seq}}}"#);
            self.groups[group].asked.insert(seq);
            self.rig.send(conn, &socket::message(&message), usize::MAX);
            // What others are given now is judged by the answer.
            return self.listen_to(n..n + 1);
        }
        let body = format!("{{\"group\":\"g{group}\",\"id\":{seq}}}");
        let (status, _) = self.ask("POST", "/api/v1/events/ack", &body);
        match status {
            204 => _ = self.groups[group].acknowledged.insert(seq),
            409 => assert!(!self.groups[group].acknowledged.contains(&seq), "{seq}"),
            other => panic!("{other}"),
        }
    }

    /// The process ends, and the next one opens the files.
    fn kill(&mut self) {
        self.listen();
        self.disk.stop();
        let passed = self.rig.now().mono_ms;
        let mut rig = Rig::new(self.seed.wrapping_add(self.dice.0), limits());
        let begun = rig.now().mono_ms;
        rig.wait(passed - begun + self.dice.0 % 5000);
        rig.product.store = self.disk.open(self.seed);
        self.rig = rig;
        for reader in &mut self.readers {
            reader.conn = 0;
            reader.newest.clear();
        }
        for _ in 0..READERS {
            let n = self.dice.roll(READERS);
            self.connect(n);
        }
    }

    /// All readers take what has come.
    fn listen(&mut self) {
        self.listen_to(0..READERS);
    }

    fn listen_to(&mut self, readers: Range<usize>) {
        let mut told = Vec::new();
        for n in readers.clone() {
            let messages = self.take(n);
            told.extend(messages.into_iter().map(|message| (n, message)));
        }
        // What one has lost may have come to another since. Answers have no `delivery`: first they.
        told.sort_by_key(|(_, message)| message["event"]["delivery"].as_u64());
        for (n, message) in told {
            self.hear_message(n, &message);
        }
        for n in readers {
            // It was cut off, if it has not read or not answered pings.
            let conn = self.rig.conns.get(&self.readers[n].conn);
            if conn.is_some_and(Conn::is_closed) {
                self.readers[n].conn = 0;
                self.readers[n].newest.clear();
            }
        }
    }

    /// What has come to one, as messages of a WebSocket.
    fn take(&mut self, n: usize) -> Vec<Value> {
        let GroupReader {
            conn, is_socket, ..
        } = self.readers[n];
        if is_socket {
            return socket::listen(&mut self.rig, conn);
        }
        let said = String::from_utf8(self.rig.take(conn)).unwrap();
        let data = said.lines().filter_map(|line| line.strip_prefix("data: "));
        data.map(
            |data| json!({ "op": "event", "event": serde_json::from_str::<Value>(data).unwrap() }),
        )
        .collect()
    }

    fn hear_message(&mut self, n: usize, message: &Value) {
        let group = self.readers[n].group;
        let seq = message["id"].as_u64();
        match (message["op"].as_str().unwrap(), seq) {
            ("subscribed", _) => {}
            ("event", _) => self.hear(n, &message["event"]),
            ("acked", Some(seq)) => {
                self.groups[group].asked.remove(&seq);
                self.groups[group].acknowledged.insert(seq);
            }
            ("error", Some(seq)) if message["error"]["code"] == "conflict" => {
                self.groups[group].asked.remove(&seq);
                assert!(!self.groups[group].acknowledged.contains(&seq), "{seq}");
            }
            _ => panic!("{message}"),
        }
    }

    fn hear(&mut self, n: usize, event: &Value) {
        match event["type"].as_str().unwrap() {
            "inbox.updated" => {}
            "ready" => return,
            other => panic!("{other}: {event}"),
        }
        let seq = event["seq"].as_u64().unwrap();
        let inbox = event["inbox"]["id"].as_str().unwrap();
        let group = self.readers[n].group;
        let model = &mut self.groups[group];
        assert!(!model.acknowledged.contains(&seq), "{seq} again in {group}");
        let is_first = event["delivery"] == 1;
        let is_new = model.delivered.insert(seq);
        // What was set aside and had to come again is counted anew.
        let is_right = match is_first {
            true => is_new,
            false => !is_new || model.has_unheard,
        };
        assert!(self.is_ending || is_right, "{event}");
        if is_first && is_new {
            // What waits for an earlier event of its inbox comes behind those of other inboxes.
            let of = match Self::is_ordered(group) {
                true => inbox,
                false => "",
            };
            let newest = self.readers[n].newest.entry(of.to_owned()).or_default();
            assert!(seq > *newest, "{seq} too late");
            *newest = seq;
        }
        if event["delivery"].as_u64() >= Some(10) {
            self.groups[group].given_up.insert(seq);
        }
        self.readers[n].held.push(seq);
        let known = self.events.entry(seq).or_insert_with(|| inbox.to_owned());
        assert_eq!(known, inbox);
        if Self::is_ordered(group) {
            let model = &self.groups[group];
            let is_over = |seq| {
                let sets = [&model.acknowledged, &model.given_up, &model.asked];
                sets.iter().any(|set| set.contains(seq))
            };
            let before = self.events.range(..seq);
            let early = before.filter(|(seq, of)| *of == inbox && !is_over(seq));
            let early: Vec<u64> = early.map(|(seq, _)| *seq).collect();
            for waits in early {
                assert!(self.is_set_aside(group, waits), "{seq} before {waits}");
                self.groups[group].given_up.insert(waits);
            }
        }
    }

    /// Whether an event was given up without a reader that has heard it the last time.
    fn is_set_aside(&mut self, group: usize, seq: u64) -> bool {
        let (_, view) = self.ask("GET", &format!("/api/v1/events/groups/g{group}"), "");
        let rows = view["poisoned"].as_array().unwrap();
        rows.iter().any(|row| row["seq"] == seq)
    }

    /// Every event is acknowledged in the end, also those that were set aside.
    fn finish(&mut self) {
        let (_, log) = self.ask(
            "GET",
            "/api/v1/events/log?type=inbox.updated&after=0&limit=200",
            "",
        );
        let mut all: BTreeSet<u64> = BTreeSet::new();
        let mut page = log;
        while let Some(rows) = page["data"].as_array().filter(|rows| !rows.is_empty()) {
            all.extend(rows.iter().map(|row| row["seq"].as_u64().unwrap()));
            let next = page["next_cursor"].as_str().unwrap();
            let path = format!("/api/v1/events/log?type=inbox.updated&cursor={next}&limit=200");
            page = self.ask("GET", &path, "").1;
        }
        self.is_ending = true;
        for n in 0..READERS {
            self.connect(n);
            self.readers[n].held.clear();
        }
        for group in 0..GROUPS {
            let replay = format!("/api/v1/events/groups/g{group}/replay");
            assert_eq!(self.ask("POST", &replay, "").0, 202);
        }
        for _ in 0..20 * all.len() {
            self.listen();
            let held = (0..READERS).find(|n| !self.readers[*n].held.is_empty());
            let Some(n) = held else {
                break;
            };
            let (seq, group) = (self.readers[n].held.remove(0), self.readers[n].group);
            let body = format!("{{\"group\":\"g{group}\",\"id\":{seq}}}");
            if self.ask("POST", "/api/v1/events/ack", &body).0 == 204 {
                self.groups[group].acknowledged.insert(seq);
            }
        }
        for group in 0..GROUPS {
            // What was acknowledged without an answer was done, or it has come again.
            for seq in std::mem::take(&mut self.groups[group].asked) {
                let body = format!("{{\"group\":\"g{group}\",\"id\":{seq}}}");
                assert_eq!(self.ask("POST", "/api/v1/events/ack", &body).0, 204);
                self.groups[group].acknowledged.insert(seq);
            }
        }
        for (n, group) in self.groups.iter().enumerate() {
            assert_eq!(group.acknowledged, all, "group {n} has lost some");
        }
        let wrong = verify(&self.rig.product.store, true);
        assert!(wrong.is_empty(), "{wrong:?}");
    }
}
