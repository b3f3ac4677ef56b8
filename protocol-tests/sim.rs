//! Seeded simulation: many clients over one store, in virtual time, with a shadow model.
//!
//! Clients submit, append, copy, move, expunge and change flags; some are in IDLE, some stop
//! reading, some vanish and come back with what they kept. Commits fail, the disk is full, and
//! the process stops with changes whose answers are lost; the next one opens the files.
//!
//! After every step and at the end must hold: an acknowledged change is stored and a refused
//! one is not; UIDs only grow and name one message for ever; each IMAP client's view, built
//! only from what it was told, equals the store after a NOOP; a client that comes back and
//! asks for changes has all of them; an event stream, as SSE or over WebSocket, misses nothing and
//! hears nothing twice; `verify` finds nothing in the database.
//!
//! `SIM_SEED=17 cargo test --test sim` replays one seed, `SIM_SEEDS=5000` runs as many.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "sim/disk.rs"]
mod disk;
#[path = "sim/groups.rs"]
mod groups;
#[path = "sim/loops.rs"]
mod loops;
#[path = "sim/model.rs"]
mod model;
#[path = "sim/queue.rs"]
mod queue;
#[path = "sim/reader.rs"]
mod reader;
mod rig;
#[path = "sim/socket.rs"]
mod socket;
#[path = "sim/storm.rs"]
mod storm;
#[path = "sim/stream.rs"]
mod stream;

use std::net::IpAddr;

use disk::Disk;
use model::{Model, Row, Told};
use postern::testing::call::{Limits, Listener, Scopes};
use postern::testing::store::{StoreFault, verify};
use reader::{Reader, code, number_after};
use rig::Rig;
use stream::Stream;

/// Steps of a run: long enough for each kind of step to meet every other in some seed.
const STEPS: usize = 80;
/// Seeds of a run without `SIM_SEEDS`.
const SEEDS: u64 = 200;
const INBOXES: [&str; 2] = ["a@x.test", "b@x.test"];
/// The sender of every submission.
const SENDER: &str = INBOXES[0];
const MAILBOXES: [&str; 3] = ["INBOX", "Sent", "Gone"];

/// Seeds of a run of the queue without `SIM_SEEDS`.
const QUEUE_SEEDS: u64 = 40;

/// Seeds of a storm of streams without `SIM_SEEDS`.
const STORM_SEEDS: u64 = 60;

/// Seeds of a run of consumer groups without `SIM_SEEDS`.
const GROUP_SEEDS: u64 = 8;

#[test]
fn clients_and_store_agree_through_faults() {
    over_seeds(SEEDS, |seed| World::new(seed).run());
}

#[test]
fn the_queue_ends_each_recipient_once_through_faults() {
    over_seeds(QUEUE_SEEDS, |seed| queue::QueueWorld::new(seed).run());
}

#[test]
fn a_stream_is_one_subscription_through_a_storm() {
    over_seeds(STORM_SEEDS, |seed| storm::Storm::new(seed).run());
}

#[test]
fn a_group_loses_and_repeats_nothing_through_kills() {
    over_seeds(GROUP_SEEDS, |seed| groups::Groups::new(seed).run());
}

#[test]
fn no_loop_of_answers_goes_round() {
    loops::no_loop_goes_round();
}

/// Runs each seed, on some threads.
fn over_seeds(count: u64, run: fn(u64)) {
    let number = |name| std::env::var(name).ok().map(|n| n.parse::<u64>().unwrap());
    let seeds = match number("SIM_SEED") {
        Some(seed) => seed..=seed,
        None => 1..=number("SIM_SEEDS").unwrap_or(count),
    };
    // Each thread takes every nth seed; a run is a function of its seed alone.
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get().min(4));
    std::thread::scope(|scope| {
        for n in 0..threads {
            let seeds = seeds.clone().skip(n).step_by(threads);
            scope.spawn(move || {
                for seed in seeds {
                    let outcome = std::panic::catch_unwind(|| run(seed));
                    assert!(outcome.is_ok(), "replay with SIM_SEED={seed}");
                }
            });
        }
    });
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

struct World {
    rig: Rig,
    disk: Disk,
    seed: u64,
    dice: Dice,
    key: String,
    readers: Vec<Reader>,
    streams: [Stream; 2],
    model: Model,
    /// Messages so far.
    n: u32,
    /// The answers of changes are lost, since the process is about to stop.
    is_dying: bool,
    is_full: bool,
    /// The next change meets it.
    fault: Option<StoreFault>,
}

/// In place of a fault that has not come.
const NEVER: StoreFault = StoreFault::Statement(u32::MAX);

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.lift();
    limits
}

impl World {
    fn new(seed: u64) -> World {
        let disk = Disk::new(seed);
        let mut rig = Rig::new(seed, limits());
        rig.product.store = disk.open(seed);
        let org = rig.make_org("sim");
        for inbox in INBOXES {
            rig.make_inbox(org, inbox, None);
        }
        let key = rig.make_key(org, Scopes::ADMIN, None, None);
        let mut world = World {
            rig,
            disk,
            seed,
            dice: Dice(seed),
            key,
            readers: Vec::new(),
            streams: [Stream::default(), Stream::of_socket()],
            model: Model::default(),
            n: 0,
            is_dying: false,
            is_full: false,
            fault: None,
        };
        for stream in &mut world.streams {
            stream.connect(&mut world.rig, &world.key);
        }
        for i in 0..4 {
            let mut reader = Reader::login(&mut world.rig, INBOXES[i % 2], &world.key);
            reader.command(&mut world.rig, "CREATE Gone");
            world.readers.push(reader);
        }
        world
    }

    fn run(&mut self) {
        for _ in 0..STEPS {
            match self.dice.roll(32) {
                0 => self.stop(),
                1 => self.fill_disk(),
                2 | 3 => self.fail(),
                4 => {
                    let n = self.dice.roll(2);
                    self.streams[n].connect(&mut self.rig, &self.key);
                }
                5 => {
                    let (n, on) = (self.dice.roll(2), self.dice.roll(2) == 0);
                    self.streams[n].reads(&mut self.rig, on);
                }
                6 | 7 => self.stop_reading(),
                8 | 9 => {
                    let i = self.reader();
                    self.readers[i].resync(&mut self.rig, &self.key);
                }
                10 | 11 => self.idle(),
                12 | 13 => {
                    self.rig.wait(1000 * (1 + self.dice.0 % 20));
                    self.come_back();
                }
                14 | 15 => {
                    let i = self.reader();
                    self.readers[i].check(&mut self.rig, &self.key);
                }
                16 => self.inspect(),
                17..=19 => self.group(),
                _ => self.change(),
            }
            if !self.is_dying {
                self.listen();
            }
        }
        self.set_free(true);
        for reader in &mut self.readers {
            reader.check(&mut self.rig, &self.key);
        }
        self.inspect();
        for stream in &mut self.streams {
            stream.compare_with_log(&mut self.rig, &self.key);
        }
    }

    fn listen(&mut self) {
        for stream in &mut self.streams {
            stream.listen(&mut self.rig);
        }
    }

    /// Those who have not read for so long that they were cut off connect again.
    fn come_back(&mut self) {
        for reader in &mut self.readers {
            if reader.is_stuck && self.rig.conns[&reader.conn].is_closed() {
                reader.resync(&mut self.rig, &self.key);
            }
        }
    }

    fn reader(&mut self) -> usize {
        self.dice.roll(self.readers.len())
    }

    /// One change by some client.
    fn change(&mut self) {
        match self.dice.roll(9) {
            0..=3 => self.submit(),
            4 => self.append(),
            5 => self.flags(),
            6 => self.expunge(),
            _ => self.copy_or_move(),
        }
    }

    /// What the client of a change knows of it.
    fn told(&self, is_done: bool) -> Told {
        match (self.is_dying, is_done) {
            (true, _) => Told::Nothing,
            (false, true) => Told::Done,
            (false, false) => Told::Refused,
        }
    }

    fn submit(&mut self) {
        self.n += 1;
        let to = INBOXES[self.dice.roll(2)];
        let n = self.n;
        let conn = (self.rig).open(Listener::Submissions, IpAddr::from([10, 0, 0, 3]));
        let plain = format!("\0{SENDER}\0{}", self.key);
        let plain = data_encoding::BASE64.encode(plain.as_bytes());
        let text = format!(
            "EHLO sim\r\nAUTH PLAIN {plain}\r\nMAIL FROM:<{SENDER}>\r\nRCPT TO:<{to}>\r\nDATA\r\n"
        );
        self.rig.send(conn, text.as_bytes(), usize::MAX);
        let mut said = String::from_utf8(self.rig.take(conn)).unwrap();
        if said.contains("354 ") {
            let text = format!(
                "From: {SENDER}\r\nTo: {to}\r\nSubject: {n}\r\nX-Sim: {n}\r\n\r\n..{n}\r\n.\r\n"
            );
            let piece = 1 + n as usize % 50;
            self.begin_fault();
            self.rig.send(conn, text.as_bytes(), piece);
            said = String::from_utf8(self.rig.take(conn)).unwrap();
        } else {
            assert!(self.is_full && said.contains("452 "), "{said}");
        }
        let is_done = said.contains("queued as");
        assert!(
            is_done || said.contains("\r\n4") || said.starts_with('4'),
            "{said}"
        );
        self.rig.send(conn, b"QUIT\r\n", usize::MAX);
        let told = self.told(is_done);
        self.model.submit(SENDER, to, n, told);
    }

    fn append(&mut self) {
        let i = self.reader();
        self.readers[i].settle(&mut self.rig);
        self.n += 1;
        let text = format!("Subject: appended\r\nX-Sim: {}\r\n\r\nx\r\n", self.n);
        let ask = format!("APPEND INBOX (\\Seen) {{{}+}}\r\n{text}", text.len());
        self.begin_fault();
        let said = self.readers[i].command(&mut self.rig, &ask);
        let told = self.told(is_ok(&said));
        let inbox = self.readers[i].inbox;
        self.model.add((inbox, "INBOX"), self.n, told);
    }

    fn flags(&mut self) {
        let i = self.reader();
        let n = self.dice.roll(8) + 1;
        let flag = ["\\Seen", "\\Flagged", "blue"][self.dice.roll(3)];
        let sign = ["+", "-", ""][self.dice.roll(3)];
        self.readers[i].settle(&mut self.rig);
        if n <= self.readers[i].uids.len() {
            let ask = format!("STORE {n} {sign}FLAGS ({flag})");
            self.begin_fault();
            self.readers[i].command(&mut self.rig, &ask);
        }
    }

    fn expunge(&mut self) {
        let Some((i, uid, message)) = self.choose() else {
            return;
        };
        self.begin_fault();
        let reader = &mut self.readers[i];
        let mark = format!("UID STORE {uid} +FLAGS (\\Deleted)");
        let marked = is_ok(&reader.command(&mut self.rig, &mark));
        let said = reader.command(&mut self.rig, &format!("UID EXPUNGE {uid}"));
        let inbox = reader.inbox;
        let told = self.told(marked && is_ok(&said));
        self.model.remove((inbox, "INBOX"), message, told);
    }

    fn copy_or_move(&mut self) {
        let Some((i, uid, message)) = self.choose() else {
            return;
        };
        let is_move = self.dice.roll(2) == 0;
        let verb = ["COPY", "MOVE"][usize::from(is_move)];
        self.begin_fault();
        let reader = &mut self.readers[i];
        let said = reader.command(&mut self.rig, &format!("UID {verb} {uid} Gone"));
        let inbox = reader.inbox;
        // It is OK as well when the message has gone before; then there is no COPYUID.
        let is_done = is_ok(&said) && said.iter().any(|l| l.contains("[COPYUID "));
        let told = self.told(is_done);
        self.model.add((inbox, "Gone"), message, told);
        if is_move {
            self.model.remove((inbox, "INBOX"), message, told);
        }
    }

    /// A reader, and a message that it sees.
    fn choose(&mut self) -> Option<(usize, u32, u32)> {
        let i = self.reader();
        let n = self.dice.roll(8) + 1;
        let reader = &mut self.readers[i];
        reader.settle(&mut self.rig);
        let (uid, message) = reader.identify(&mut self.rig, n)?;
        Some((i, uid, message))
    }

    fn idle(&mut self) {
        let i = self.reader();
        let reader = &mut self.readers[i];
        let was_idle = reader.is_idle;
        reader.settle(&mut self.rig);
        if !was_idle {
            self.rig.send(reader.conn, b"idle IDLE\r\n", usize::MAX);
            reader.is_idle = true;
        }
    }

    /// A client asks for a lot and does not read it, while others go on.
    fn stop_reading(&mut self) {
        let i = self.reader();
        let reader = &mut self.readers[i];
        if !reader.is_stuck && !reader.is_idle && !reader.uids.is_empty() {
            self.rig.reads(reader.conn, false);
            reader.is_stuck = true;
            reader.begin(&mut self.rig, "FETCH 1:* (UID FLAGS BODY.PEEK[])");
        } else {
            reader.settle(&mut self.rig);
        }
    }

    /// The next change meets a fault of the disk and is refused as a whole, or it is carried
    /// out because the fault lies behind it.
    fn fail(&mut self) {
        self.fault = Some(self.some_fault());
        self.change();
        self.fault = None;
        self.rig.product.store.fail(NEVER);
    }

    /// Changes of several clients in one group of the writer, which may fail as a whole.
    fn group(&mut self) {
        let mut changes: Vec<(usize, u32, u32, usize)> = Vec::new();
        for _ in 0..self.dice.roll(3) + 2 {
            if let Some((i, uid, message)) = self.choose()
                && !changes.iter().any(|(other, ..)| *other == i)
            {
                changes.push((i, uid, message, self.dice.roll(3)));
            }
        }
        self.rig.begin_group();
        for (i, uid, _, kind) in &changes {
            let ask = match kind {
                0 => format!("UID STORE {uid} +FLAGS (group)"),
                1 => format!("UID COPY {uid} Gone"),
                _ => format!("UID MOVE {uid} Gone"),
            };
            self.readers[*i].begin(&mut self.rig, &ask);
        }
        if self.dice.roll(3) == 0 {
            self.fault = Some(self.some_fault());
        }
        self.begin_fault();
        self.rig.serve_group();
        self.fault = None;
        self.rig.product.store.fail(NEVER);
        for (i, _, message, kind) in changes {
            let said = self.readers[i].answer(&mut self.rig);
            let has_copied = said.iter().any(|l| l.contains("[COPYUID "));
            let told = self.told(is_ok(&said) && has_copied);
            let inbox = self.readers[i].inbox;
            if kind > 0 {
                self.model.add((inbox, "Gone"), message, told);
            }
            if kind > 1 {
                self.model.remove((inbox, "INBOX"), message, told);
            }
        }
    }

    fn some_fault(&mut self) -> StoreFault {
        let n = 1 + self.dice.roll(40) as u32;
        match self.dice.roll(4) {
            0 => StoreFault::Commit,
            1 => StoreFault::CommitFull,
            2 => StoreFault::Statement(n),
            _ => StoreFault::StatementFull(n),
        }
    }

    /// The fault that was chosen comes from here on: its change is about to be asked for.
    fn begin_fault(&mut self) {
        if let Some(fault) = self.fault {
            self.rig.product.store.fail(fault);
        }
    }

    fn fill_disk(&mut self) {
        self.set_free(self.is_full);
    }

    fn set_free(&mut self, has_room: bool) {
        self.is_full = !has_room;
        let free = if has_room { u64::MAX } else { 0 };
        self.rig.product.set_free_bytes(free);
    }

    /// The process stops while changes are made whose answers do not arrive any more. The
    /// next one opens the files.
    fn stop(&mut self) {
        self.listen();
        self.is_dying = true;
        for _ in 0..self.dice.roll(4) {
            self.change();
        }
        if self.dice.roll(2) == 0 {
            // In the middle of a change: nothing from this statement on is carried out.
            self.fault = Some(StoreFault::Stop(1 + self.dice.roll(60) as u32));
            self.change();
            self.fault = None;
        }
        self.is_dying = false;
        self.disk.stop();
        let passed = self.rig.now().mono_ms;
        let mut rig = Rig::new(self.seed.wrapping_add(self.dice.0), limits());
        let begun = rig.now().mono_ms;
        rig.wait(passed - begun + self.dice.0 % 5000);
        rig.product.store = self.disk.open(self.seed);
        self.rig = rig;
        self.set_free(!self.is_full);
        self.inspect();
        self.model.check_unsure(SENDER);
        for stream in &mut self.streams {
            stream.forget_connection();
            stream.connect(&mut self.rig, &self.key);
        }
        for reader in &mut self.readers {
            reader.forget_connection();
            reader.resync(&mut self.rig, &self.key);
        }
    }

    /// Compares every mailbox with the model, and asks the oracle of the crash tests.
    fn inspect(&mut self) {
        for inbox in INBOXES {
            let mut reader = Reader::login(&mut self.rig, inbox, &self.key);
            for mailbox in MAILBOXES {
                let said = reader.command(&mut self.rig, "UNSELECT");
                assert!(is_ok(&said), "{said:?}");
                reader.uids.clear();
                let said = reader.command(&mut self.rig, &format!("EXAMINE {mailbox}"));
                let number = |name| code(&said, name).expect(name) as u32;
                let (validity, uidnext) = (number("UIDVALIDITY"), number("UIDNEXT"));
                let mut rows = Vec::new();
                if !reader.uids.is_empty() {
                    let ask = "FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (X-Sim)] BODY.PEEK[TEXT])";
                    for line in reader.command(&mut self.rig, ask) {
                        rows.extend(row(&line));
                    }
                    assert_eq!(rows.len(), reader.uids.len(), "{mailbox}");
                }
                self.model
                    .inspect((inbox, mailbox), validity, uidnext, &rows);
            }
            self.rig.drop_conn(reader.conn);
        }
        let wrong = verify(&self.rig.product.store, true);
        assert!(wrong.is_empty(), "{wrong:?}");
    }
}

/// The message of a FETCH response; its text must be the one that was sent.
fn row(line: &str) -> Option<Row> {
    let uid = number_after(line, "UID ")? as u32;
    let message = number_after(line, "X-Sim: ")? as u32;
    let is_whole = line.contains(&format!("\r\n.{message}\r\n")) || line.contains("\r\nx\r\n");
    assert!(is_whole, "message {message} is not what was sent: {line}");
    Some(Row { uid, message })
}

fn is_ok(said: &[String]) -> bool {
    let last = said.last().map(String::as_str).unwrap_or_default();
    last.split(' ').nth(1) == Some("OK")
}
