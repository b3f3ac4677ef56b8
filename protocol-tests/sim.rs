//! Seeded simulation: many clients over one store, in virtual time, with a shadow model.
//!
//! After every step and at the end must hold: each accepted message is in its mailbox once;
//! each IMAP client's view (built only from what it was told) equals the store after a NOOP;
//! an event stream that reconnects at will misses nothing and hears nothing twice.
//! `SIM_SEED=17 cargo test --test sim` replays one seed.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod rig;

use std::collections::BTreeMap;
use std::net::IpAddr;

use postern::call::{Limits, Listener, Scopes};
use rig::Rig;

const STEPS: usize = 250;
const INBOXES: [&str; 2] = ["a@x.test", "b@x.test"];

#[test]
fn views_and_streams_agree_with_the_store() {
    let seeds: Vec<u64> = match std::env::var("SIM_SEED") {
        Ok(seed) => vec![seed.parse().unwrap()],
        Err(_) => (1..=12).collect(),
    };
    for seed in seeds {
        let outcome = std::panic::catch_unwind(|| World::new(seed).run());
        assert!(outcome.is_ok(), "replay with SIM_SEED={seed}");
    }
}

/// A linear congruential generator: the run is a function of the seed alone.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, n: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % n
    }
}

/// An IMAP client: it knows only what it was told.
struct Reader {
    conn: u64,
    inbox: &'static str,
    /// UIDs by sequence number; `None` for one that it has not fetched yet.
    uids: Vec<Option<u32>>,
    flags: BTreeMap<u32, Vec<String>>,
    idle: bool,
    tag: u32,
}

struct Stream {
    conn: u64,
    last: u64,
    heard: Vec<u64>,
}

struct World {
    rig: Rig,
    dice: Dice,
    key: String,
    readers: Vec<Reader>,
    stream: Stream,
    delivered: BTreeMap<&'static str, usize>,
    n: usize,
}

impl World {
    fn new(seed: u64) -> World {
        let mut limits = Limits::default();
        limits.lift();
        let mut rig = Rig::new(seed, limits);
        let org = rig.make_org("sim");
        for inbox in INBOXES {
            rig.make_inbox(org, inbox, None);
        }
        let key = rig.make_key(org, Scopes::ADMIN, None, None);
        let stream = Stream {
            conn: 0,
            last: 0,
            heard: Vec::new(),
        };
        let mut world = World {
            rig,
            dice: Dice(seed),
            key,
            readers: Vec::new(),
            stream,
            delivered: BTreeMap::new(),
            n: 0,
        };
        world.reconnect();
        for i in 0..4 {
            let reader = world.login(INBOXES[i % 2]);
            world.readers.push(reader);
        }
        world
    }

    fn run(&mut self) {
        for _ in 0..STEPS {
            match self.dice.roll(12) {
                0..=3 => self.submit(),
                4 => self.flags(),
                5 => self.expunge(),
                6 => self.idle(),
                7 => self.append(),
                8 => self.copy(),
                9 => self.reconnect(),
                10 => self.rig.wait(1000 * (1 + self.dice.0 % 20)),
                _ => {
                    let i = self.dice.roll(self.readers.len());
                    self.check(i);
                }
            }
            self.listen();
        }
        for i in 0..self.readers.len() {
            self.check(i);
        }
        self.settle_stream();
        for inbox in INBOXES {
            let reader = self.login(inbox);
            self.readers.push(reader);
            let i = self.readers.len() - 1;
            let said = self.command(i, "UID SEARCH HEADER X-Sim delivered");
            let found = said
                .iter()
                .find(|l| l.starts_with("* SEARCH"))
                .map_or(0, |l| l.split(' ').count() - 2);
            let trashed = self.command(i, "STATUS Gone (MESSAGES)");
            assert!(
                found <= self.delivered.get(inbox).copied().unwrap_or(0),
                "{trashed:?}"
            );
        }
    }

    fn login(&mut self, inbox: &'static str) -> Reader {
        let conn = self.rig.open(Listener::Imaps, IpAddr::from([10, 0, 0, 2]));
        self.rig.take(conn);
        let mut reader = Reader {
            conn,
            inbox,
            uids: Vec::new(),
            flags: BTreeMap::new(),
            idle: false,
            tag: 0,
        };
        let key = self.key.clone();
        command(&mut self.rig, &mut reader, &format!("LOGIN {inbox} {key}"));
        command(&mut self.rig, &mut reader, "SELECT INBOX");
        reader
    }

    fn command(&mut self, i: usize, text: &str) -> Vec<String> {
        command(&mut self.rig, &mut self.readers[i], text)
    }

    fn submit(&mut self) {
        self.n += 1;
        let to = INBOXES[self.dice.roll(2)];
        let conn = self
            .rig
            .open(Listener::Submissions, IpAddr::from([10, 0, 0, 3]));
        let plain = data_encoding::BASE64.encode(format!("\0a@x.test\0{}", self.key).as_bytes());
        let n = self.n;
        let text = format!(
            "EHLO sim\r\nAUTH PLAIN {plain}\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<{to}>\r\nDATA\r\n"
        );
        self.rig.send(conn, text.as_bytes(), usize::MAX);
        let text = format!(
            "From: a@x.test\r\nTo: {to}\r\nSubject: {n}\r\nX-Sim: delivered\r\n\r\n.{n}\r\n"
        );
        let text = text.replace("\r\n.", "\r\n..");
        self.rig
            .send(conn, format!("{text}.\r\nQUIT\r\n").as_bytes(), 1 + n % 50);
        let said = String::from_utf8(self.rig.take(conn)).unwrap();
        assert!(said.contains("queued as"), "{said}");
        *self.delivered.entry(to).or_default() += 1;
    }

    fn flags(&mut self) {
        let i = self.dice.roll(self.readers.len());
        let (n, flag) = (
            self.dice.roll(8) + 1,
            ["\\Seen", "\\Flagged", "blue"][self.dice.roll(3)],
        );
        let sign = ["+", "-", ""][self.dice.roll(3)];
        self.quiet(i);
        if n <= self.readers[i].uids.len() {
            self.command(i, &format!("STORE {n} {sign}FLAGS ({flag})"));
        }
    }

    fn expunge(&mut self) {
        let i = self.dice.roll(self.readers.len());
        let n = self.dice.roll(8) + 1;
        self.quiet(i);
        if n <= self.readers[i].uids.len() {
            self.command(i, &format!("STORE {n} +FLAGS.SILENT (\\Deleted)"));
            self.command(i, "EXPUNGE");
        }
    }

    fn append(&mut self) {
        let i = self.dice.roll(self.readers.len());
        self.quiet(i);
        let text = "Subject: appended\r\n\r\nx\r\n";
        self.command(
            i,
            &format!("APPEND INBOX (\\Seen) {{{}+}}\r\n{text}", text.len()),
        );
    }

    fn copy(&mut self) {
        let i = self.dice.roll(self.readers.len());
        self.quiet(i);
        let n = self.dice.roll(5) + 1;
        if n <= self.readers[i].uids.len() {
            let what = ["COPY", "MOVE"][self.dice.roll(2)];
            self.command(i, "CREATE Gone");
            self.command(i, &format!("{what} {n} Gone"));
        }
    }

    fn idle(&mut self) {
        let i = self.dice.roll(self.readers.len());
        if self.readers[i].idle {
            self.quiet(i);
        } else {
            let reader = &mut self.readers[i];
            self.rig.send(reader.conn, b"idle IDLE\r\n", usize::MAX);
            reader.idle = true;
        }
    }

    fn quiet(&mut self, i: usize) {
        let reader = &mut self.readers[i];
        if std::mem::take(&mut reader.idle) {
            self.rig.send(reader.conn, b"DONE\r\n", usize::MAX);
            let said = String::from_utf8(self.rig.take(reader.conn)).unwrap();
            hear(reader, &said);
        }
    }

    /// After a NOOP the client's view is the store's.
    fn check(&mut self, i: usize) {
        self.quiet(i);
        self.command(i, "NOOP");
        let before = self.readers[i].uids.clone();
        let told = self.readers[i].flags.clone();
        let said = self.command(i, "FETCH 1:* (UID FLAGS)");
        let rows: Vec<(u32, Vec<String>)> = said.iter().filter_map(|l| uid_flags(l)).collect();
        assert_eq!(rows.len(), before.len(), "EXISTS is wrong: {said:?}");
        let mut fresh = self.login(self.readers[i].inbox);
        let truth: Vec<(u32, Vec<String>)> =
            command(&mut self.rig, &mut fresh, "FETCH 1:* (UID FLAGS)")
                .iter()
                .filter_map(|l| uid_flags(l))
                .collect();
        self.rig.drop_conn(fresh.conn);
        assert_eq!(rows, truth, "the view is not the store");
        for (known, (uid, flags)) in before.iter().zip(&rows) {
            if let Some(known) = known {
                assert_eq!(known, uid, "a sequence number moved without EXPUNGE");
                if let Some(told) = told.get(uid) {
                    assert_eq!(told, flags, "flags of {uid} changed in silence");
                }
            }
        }
        let reader = &mut self.readers[i];
        reader.uids = rows.iter().map(|(uid, _)| Some(*uid)).collect();
        reader.flags = rows.into_iter().collect();
    }

    fn reconnect(&mut self) {
        if self.stream.conn != 0 {
            self.listen();
            self.rig.drop_conn(self.stream.conn);
        }
        let conn = self.rig.open(Listener::Https, IpAddr::from([10, 0, 0, 4]));
        let request = format!(
            "GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nAccept: text/event-stream\r\nLast-Event-ID: {}\r\n\r\n",
            self.key, self.stream.last
        );
        self.rig.send(conn, request.as_bytes(), usize::MAX);
        self.stream.conn = conn;
    }

    fn listen(&mut self) {
        let said = String::from_utf8(self.rig.take(self.stream.conn)).unwrap();
        for frame in said.split("\n\n") {
            let mut id = None;
            let mut event = false;
            for line in frame.lines() {
                if let Some(text) = line.strip_prefix("id: ") {
                    id = Some(text.parse::<u64>().unwrap());
                }
                event |= line.starts_with("data: ");
            }
            assert!(!frame.contains("event: reset"), "{frame}");
            if let Some(id) = id {
                assert!(id >= self.stream.last, "{id} after {}", self.stream.last);
                if event && !frame.contains("event: ready") {
                    assert!(
                        self.stream.heard.last().is_none_or(|last| *last < id),
                        "{id} twice"
                    );
                    self.stream.heard.push(id);
                }
                self.stream.last = id;
            }
        }
    }

    /// Every event of the log was heard, once and in order.
    fn settle_stream(&mut self) {
        self.rig.wait(1000);
        self.listen();
        let mut logged = Vec::new();
        let mut after = 0;
        loop {
            let conn = self.rig.open(Listener::Https, IpAddr::from([10, 0, 0, 5]));
            let request = format!(
                "GET /api/v1/events/log?after={after}&limit=200 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
                self.key
            );
            self.rig.send(conn, request.as_bytes(), usize::MAX);
            let said = String::from_utf8(self.rig.take(conn)).unwrap();
            let body = said.split_once("\r\n\r\n").unwrap().1;
            let page: serde_json::Value =
                serde_json::from_str(body).unwrap_or_else(|e| panic!("{e}: {said}"));
            let rows = page["data"].as_array().unwrap();
            logged.extend(rows.iter().map(|r| r["seq"].as_u64().unwrap()));
            match &page["next_cursor"] {
                serde_json::Value::String(next) if !rows.is_empty() => {
                    after = next.parse().unwrap()
                }
                _ => break,
            }
        }
        assert_eq!(self.stream.heard, logged);
    }
}

fn command(rig: &mut Rig, reader: &mut Reader, text: &str) -> Vec<String> {
    reader.tag += 1;
    let tag = format!("t{}", reader.tag);
    rig.send(
        reader.conn,
        format!("{tag} {text}\r\n").as_bytes(),
        usize::MAX,
    );
    let said = String::from_utf8(rig.take(reader.conn)).unwrap();
    assert!(said.contains(&format!("{tag} ")), "{text}: {said}");
    if text.starts_with("FETCH 1:*") && said.contains(&format!("{tag} BAD")) {
        return Vec::new();
    }
    hear(reader, &said);
    said.lines().map(str::to_string).collect()
}

/// Applies what a client was told to what it knows.
fn hear(reader: &mut Reader, said: &str) {
    for line in said.lines() {
        let Some(rest) = line.strip_prefix("* ") else {
            continue;
        };
        let mut words = rest.split(' ');
        let Some(n) = words.next().and_then(|n| n.parse::<usize>().ok()) else {
            continue;
        };
        match words.next() {
            Some("EXISTS") => {
                assert!(
                    n >= reader.uids.len(),
                    "EXISTS went back without EXPUNGE: {line}"
                );
                reader.uids.resize(n, None);
            }
            Some("EXPUNGE") => {
                let uid = reader.uids.remove(n - 1);
                if let Some(uid) = uid {
                    reader.flags.remove(&uid);
                }
            }
            Some("FETCH") => {
                let known = reader.uids[n - 1];
                if let (Some(uid), Some(flags)) = (known, flags(line)) {
                    reader.flags.insert(uid, flags);
                }
            }
            _ => {}
        }
    }
}

fn uid_flags(line: &str) -> Option<(u32, Vec<String>)> {
    let at = line.find("UID ")? + 4;
    let uid = line[at..].split([' ', ')']).next()?.parse().ok()?;
    Some((uid, flags(line)?))
}

fn flags(line: &str) -> Option<Vec<String>> {
    let at = line.find("FLAGS (")? + 7;
    let mut flags: Vec<String> = line[at..]
        .split(')')
        .next()?
        .split_whitespace()
        .map(str::to_string)
        .collect();
    flags.retain(|f| f != "\\Recent");
    flags.sort();
    Some(flags)
}
