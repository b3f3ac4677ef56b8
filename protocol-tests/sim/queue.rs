//! The queue to outside under faults: clients submit, have recipients tried at once or take them
//! back, other servers change their manners, commits fail, and the process stops at any moment.
//!
//! After every inspection must hold: an acknowledged recipient is exactly one row, and a refused
//! one is none; the recipients of a message whose answer was lost are all there or none; a row ends
//! once, with one event of its kind, and nothing is sent for it any more; what is delivered was
//! taken. At the end every row has ended, and a week later none is left. `verify` finds nothing, so
//! the counters of the organization agree with its rows.

use std::collections::BTreeMap;
use std::net::IpAddr;

use postern::testing::call::{Listener, OutboundSettings, Scopes};
use postern::testing::store::{StoreFault, verify};

use super::disk::Disk;
use super::model::Told;
use super::rig::Rig;
use super::rig::queue::{Answer, Manner, Stage, TakenMessage};
use super::{Dice, NEVER, limits};

const STEPS: usize = 60;
const HOSTS: u8 = 4;
const SENDER: &str = "bot@x.test";
const HOUR_MS: u64 = 3_600_000;

/// What is known of a recipient.
struct Known {
    /// The message that it belongs to.
    message: u32,
    told: Told,
    /// Its id in the queue, and its last state.
    row: Option<(String, String)>,
    /// How often it had been taken when its end was seen.
    taken: usize,
}

/// See the module.
pub struct QueueWorld {
    rig: Rig,
    disk: Disk,
    seed: u64,
    dice: Dice,
    key: String,
    n: u32,
    known: BTreeMap<String, Known>,
    /// What was taken in the lives of the process before this one.
    taken: Vec<TakenMessage>,
    is_dying: bool,
    fault: Option<StoreFault>,
}

fn world_of(seed: u64) -> Rig {
    let outbound = OutboundSettings {
        expire_ms: 6 * HOUR_MS,
        delay_notice_ms: HOUR_MS,
        ..OutboundSettings::default()
    };
    let rig = Rig::with(seed, limits(), Default::default(), Some(outbound));
    for n in 0..HOSTS {
        rig.dns
            .learn(&format!("d{n}.test MX 10 mx.d{n}.test"))
            .unwrap();
        rig.dns
            .learn(&format!("mx.d{n}.test A {}", host(n)))
            .unwrap();
    }
    rig
}

fn host(n: u8) -> IpAddr {
    IpAddr::from([203, 0, 114, n + 1])
}

fn is_end(status: &str) -> bool {
    matches!(status, "delivered" | "bounced" | "expired" | "cancelled")
}

impl QueueWorld {
    /// A world in which all servers take mail.
    pub fn new(seed: u64) -> QueueWorld {
        let disk = Disk::new(seed);
        let mut rig = world_of(seed);
        rig.product.store = disk.open(seed);
        let org = rig.make_org("sim");
        rig.make_inbox(org, SENDER, None);
        let key = rig.make_key(org, Scopes::ADMIN, None, None);
        let mut world = QueueWorld {
            rig,
            disk,
            seed,
            dice: Dice(seed),
            key,
            n: 0,
            known: BTreeMap::new(),
            taken: Vec::new(),
            is_dying: false,
            fault: None,
        };
        world.all_serve();
        world
    }

    /// Some steps, and the end of all that waits.
    pub fn run(&mut self) {
        for _ in 0..STEPS {
            match self.dice.roll(16) {
                0 => self.stop(),
                1 | 2 => self.fail(),
                3..=5 => {
                    let most = [5_000, 120_000, 2 * HOUR_MS][self.dice.roll(3)];
                    self.rig.wait(self.dice.0 % most);
                }
                6..=8 => self.change_manner(),
                9 => self.inspect(),
                _ => self.change(),
            }
        }
        self.all_serve();
        self.rig.wait(12 * HOUR_MS);
        self.inspect();
        for (recipient, known) in &self.known {
            let status = known.row.as_ref().map(|(_, status)| status.as_str());
            assert!(status.is_none_or(is_end), "{recipient} waits: {status:?}");
        }
        self.rig.wait(8 * 24 * HOUR_MS);
        assert!(self.rows().is_empty(), "rows stay for a week");
        self.check_store();
    }

    fn change(&mut self) {
        match self.dice.roll(8) {
            0 => self.decide("retry"),
            1 => self.decide("cancel"),
            _ => self.submit(),
        }
    }

    fn all_serve(&mut self) {
        let queue = self.rig.queue.as_mut().unwrap();
        queue.hosts = (0..HOSTS)
            .map(|n| (host(n), Manner::Serves(Vec::new())))
            .collect();
    }

    fn change_manner(&mut self) {
        let n = self.dice.roll(usize::from(HOSTS)) as u8;
        let says = |stage, text: &str| Manner::Serves(vec![(stage, Answer::Says(text.into()))]);
        let manner = match self.dice.roll(16) {
            0 => Manner::Refuses,
            1 => Manner::IsSilent,
            2 => Manner::Resets,
            3 => Manner::Greets("421 4.3.2 Not now".into()),
            4 => Manner::Greets("hello".into()),
            5 => says(Stage::Rcpt, "450 4.2.0 Later"),
            6 => says(Stage::Rcpt, "550 5.1.1 No such user"),
            7 => says(Stage::End, "451 4.3.0 Later"),
            8 => says(Stage::End, "554 5.6.0 Not this"),
            9 => Manner::Serves(vec![(Stage::End, Answer::IsLost)]),
            10 => Manner::Serves(vec![(Stage::End, Answer::TakesAndIsLost)]),
            11 => Manner::Serves(vec![(Stage::Data, Answer::IsLost)]),
            12 => says(Stage::Mail, "421 4.7.0 Go away"),
            _ => Manner::Serves(Vec::new()),
        };
        self.rig
            .queue
            .as_mut()
            .unwrap()
            .hosts
            .insert(host(n), manner);
    }

    fn submit(&mut self) {
        self.n += 1;
        let n = self.n;
        let to: Vec<String> = (0..1 + self.dice.roll(3))
            .map(|k| format!("n{n}-{k}@d{}.test", self.dice.roll(usize::from(HOSTS))))
            .collect();
        let conn = (self.rig).open(Listener::Submissions, IpAddr::from([10, 0, 0, 3]));
        let plain = format!("\0{SENDER}\0{}", self.key);
        let plain = data_encoding::BASE64.encode(plain.as_bytes());
        let mut text = format!("EHLO sim\r\nAUTH PLAIN {plain}\r\nMAIL FROM:<{SENDER}>\r\n");
        for recipient in &to {
            text += &format!("RCPT TO:<{recipient}>\r\n");
        }
        text += "DATA\r\n";
        self.rig.send(conn, text.as_bytes(), usize::MAX);
        let mut said = String::from_utf8(self.rig.take(conn)).unwrap();
        if said.contains("354 ") {
            let text = format!("From: {SENDER}\r\nSubject: {n}\r\n\r\n..{n}\r\n.\r\n");
            self.begin_fault();
            self.rig.send(conn, text.as_bytes(), usize::MAX);
            said = String::from_utf8(self.rig.take(conn)).unwrap();
        }
        let is_done = said.contains("queued as");
        self.rig.drop_conn(conn);
        let told = self.told(is_done);
        for recipient in to {
            let known = Known {
                message: n,
                told,
                row: None,
                taken: 0,
            };
            self.known.insert(recipient, known);
        }
    }

    fn told(&self, is_done: bool) -> Told {
        match (self.is_dying, is_done) {
            (true, _) => Told::Nothing,
            (false, true) => Told::Done,
            (false, false) => Told::Refused,
        }
    }

    /// A client has a recipient tried now, or takes it back.
    fn decide(&mut self, what: &str) {
        let rows = self.known.values().filter_map(|known| known.row.as_ref());
        let ids: Vec<String> = rows.map(|(id, _)| id.clone()).collect();
        if ids.is_empty() {
            return;
        }
        let id = ids[self.dice.roll(ids.len())].clone();
        self.begin_fault();
        let (status, said) = self.ask("POST", &format!("/api/v1/outbound/{id}/{what}"));
        if status == 200 && what == "cancel" && !self.is_dying {
            assert!(said.contains("\"status\":\"cancelled\""), "{said}");
            let one = |known: &&mut Known| known.row.as_ref().is_some_and(|row| row.0 == id);
            let known = self.known.values_mut().find(one).unwrap();
            known.row = Some((id, "cancelled".into()));
            let recipient = field(&said, "recipient").to_owned();
            let taken = self.times_taken(&recipient);
            self.known.get_mut(&recipient).unwrap().taken = taken;
        }
    }

    /// The next change meets a fault of the disk, or what the queue does next meets it.
    fn fail(&mut self) {
        let n = 1 + self.dice.roll(60) as u32;
        self.fault = Some(match self.dice.roll(4) {
            0 => StoreFault::Commit,
            1 => StoreFault::CommitFull,
            2 => StoreFault::Statement(n),
            _ => StoreFault::StatementFull(n),
        });
        match self.dice.roll(2) {
            0 => self.change(),
            _ => {
                self.begin_fault();
                self.rig.wait(self.dice.0 % 120_000);
            }
        }
        self.fault = None;
        self.rig.product.store.fail(NEVER);
    }

    fn begin_fault(&mut self) {
        if let Some(fault) = self.fault {
            self.rig.product.store.fail(fault);
        }
    }

    /// The process stops while changes are made whose answers do not arrive any more.
    fn stop(&mut self) {
        self.is_dying = true;
        for _ in 0..self.dice.roll(3) {
            self.change();
        }
        if self.dice.roll(2) == 0 {
            self.fault = Some(StoreFault::Stop(1 + self.dice.roll(80) as u32));
            self.change();
            self.fault = None;
        }
        self.is_dying = false;
        self.disk.stop();
        let passed = self.rig.now().mono_ms;
        let mut rig = world_of(self.seed.wrapping_add(self.dice.0));
        rig.begin_at(passed + self.dice.0 % 5000);
        rig.product.store = self.disk.open(self.seed);
        let old = self.rig.queue.take().unwrap();
        rig.queue.as_mut().unwrap().hosts = old.hosts;
        self.taken.extend(old.taken);
        self.rig = rig;
        // The first turn of the new process.
        self.rig.wait(1);
        self.inspect();
    }

    fn times_taken(&self, recipient: &str) -> usize {
        let now = &self.rig.queue.as_ref().unwrap().taken;
        let all = self.taken.iter().chain(now);
        all.filter(|taken| taken.recipient == recipient).count()
    }

    fn inspect(&mut self) {
        let rows = self.rows();
        let events = self.ends();
        let mut found: BTreeMap<&str, &(String, String, String)> = BTreeMap::new();
        for row in &rows {
            assert!(self.known.contains_key(&row.1), "{} was not sent", row.1);
            assert!(
                found.insert(&row.1, row).is_none(),
                "{} has two rows",
                row.1
            );
        }
        // A message whose answer was lost is there as a whole or not at all.
        let mut whole: BTreeMap<u32, bool> = BTreeMap::new();
        for (recipient, known) in &mut self.known {
            let is_there = found.contains_key(recipient.as_str());
            match known.told {
                Told::Done => assert!(is_there, "acknowledged {recipient} is missing"),
                Told::Refused => assert!(!is_there, "refused {recipient} is there"),
                Told::Nothing => {
                    let first = *whole.entry(known.message).or_insert(is_there);
                    assert_eq!(first, is_there, "a part of message {}", known.message);
                    known.told = if is_there { Told::Done } else { Told::Refused };
                }
            }
        }
        for (id, recipient, status) in &rows {
            let taken = self.times_taken(recipient);
            let known = self.known.get_mut(recipient).unwrap();
            match known.row.as_ref().filter(|(_, before)| is_end(before)) {
                Some((_, before)) => {
                    assert_eq!(before, status, "{recipient} ended twice");
                    assert_eq!(known.taken, taken, "{recipient} left after its end");
                }
                None => known.taken = taken,
            }
            assert!(
                status != "delivered" || taken > 0,
                "{recipient} was not taken"
            );
            known.row = Some((id.clone(), status.clone()));
            let kind = match status.as_str() {
                "delivered" => Some("message.delivered"),
                "bounced" | "expired" => Some("message.bounced"),
                "cancelled" => Some("message.rejected"),
                _ => None,
            };
            let told: Vec<&str> = (events.iter())
                .filter(|(_, of)| of == recipient)
                .map(|(kind, _)| kind.as_str())
                .collect();
            assert_eq!(
                told,
                kind.into_iter().collect::<Vec<_>>(),
                "{recipient} {status}"
            );
        }
        self.check_store();
    }

    fn check_store(&self) {
        let wrong = verify(&self.rig.product.store, true);
        assert!(wrong.is_empty(), "{wrong:?}");
    }

    /// The queue as a client sees it: id, recipient, state.
    fn rows(&mut self) -> Vec<(String, String, String)> {
        let mut rows = Vec::new();
        let mut cursor = String::new();
        loop {
            let (status, said) = self.ask("GET", &format!("/api/v1/outbound?limit=200{cursor}"));
            assert_eq!(status, 200, "{said}");
            for row in said.split("{\"id\":\"").skip(1) {
                let id = row.split('"').next().unwrap_or_default();
                rows.push((
                    id.into(),
                    field(row, "recipient").into(),
                    field(row, "status").into(),
                ));
            }
            match said.split("\"next_cursor\":\"").nth(1) {
                Some(next) => cursor = format!("&cursor={}", next.split('"').next().unwrap()),
                None => return rows,
            }
        }
    }

    /// The events that end a recipient: type and recipient.
    fn ends(&mut self) -> Vec<(String, String)> {
        let mut events = Vec::new();
        let mut after = "0".to_owned();
        loop {
            let path = format!(
                "/api/v1/events/log?type=message.delivered,message.bounced,message.rejected\
                 &after={after}&limit=200"
            );
            let (status, said) = self.ask("GET", &path);
            assert_eq!(status, 200, "{said}");
            for event in said.split("{\"seq\":").skip(1) {
                events.push((
                    field(event, "type").into(),
                    field(event, "recipient").into(),
                ));
            }
            let next = said.split("\"next_cursor\":\"").nth(1).unwrap_or_default();
            let next = next.split('"').next().unwrap_or_default();
            if next == after {
                return events;
            }
            after = next.to_owned();
        }
    }

    /// Status and text of one request.
    fn ask(&mut self, method: &str, path: &str) -> (u16, String) {
        let id = self.rig.open(Listener::Https, IpAddr::from([10, 0, 0, 4]));
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: mx.test\r\nAuthorization: Bearer {}\r\n\
             Content-Length: 0\r\nConnection: close\r\n\r\n",
            self.key
        );
        self.rig.send(id, request.as_bytes(), usize::MAX);
        let said = String::from_utf8_lossy(&self.rig.take(id)).into_owned();
        self.rig.drop_conn(id);
        let status = said
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        (status.unwrap_or(0), said)
    }
}

/// A field of JSON that is text.
fn field<'a>(json: &'a str, name: &str) -> &'a str {
    let begin = format!("\"{name}\":\"");
    let value = json.split(begin.as_str()).nth(1).unwrap_or_default();
    value.split('"').next().unwrap_or_default()
}
