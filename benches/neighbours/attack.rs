//! What the other tenant does, each attack at the full rate that its limits allow.

use std::io;
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::Tenant;
use crate::anonymous::{recipients, trickle, wrong_keys};
use crate::bystander::Bystander;
use crate::rig::{Server, Stream, message};

/// An attack: prepares its mail, and gives a load for each of its threads.
pub type Attack = fn(&Scene<'_>) -> Vec<Load>;
/// One thread of an attack. It ends with an error when its connection is ended or refused.
pub type Load = Box<dyn FnOnce(&Server, &Under) -> io::Result<()> + Send>;

/// The attacks with their names.
pub const ATTACKS: &[(&str, Attack)] = &[
    ("search", search),
    ("hostile_page", hostile_page),
    ("trickle", trickle),
    ("copy_doubled", copy_doubled),
    ("store_keywords", store_keywords),
    ("select_keywords", select_keywords),
    ("partials_unread", partials_unread),
    ("attachments_unread", attachments_unread),
    ("recipients", recipients),
    ("list_words", list_words),
    ("wrong_keys", wrong_keys),
    ("twenty_keys", twenty_keys),
    ("large_arrivals", large_arrivals),
    ("expunge_unread", expunge_unread),
];

/// The tenant that attacks, and the one that works.
pub struct Scene<'a> {
    server: &'a Server,
    /// The one that attacks.
    pub tenant: Tenant,
    /// The one that works.
    pub bystander: &'a Bystander<'a>,
    quick: bool,
}

/// Whether the attack goes on, its connections, and what became of it.
#[derive(Default)]
pub struct Under {
    ended: AtomicBool,
    sockets: Mutex<Vec<TcpStream>>,
    /// Answers that the attackers have read.
    pub answers: AtomicU64,
    /// Why attackers gave up before the end.
    pub gave_up: Mutex<Vec<String>>,
}

impl Under {
    /// Whether the attack goes on.
    pub fn way(&self) -> bool {
        !self.ended.load(Ordering::Relaxed)
    }

    /// One more answer was read.
    pub fn answered(&self) {
        self.answers.fetch_add(1, Ordering::Relaxed);
    }

    /// Runs one load, and remembers why it gave up.
    pub fn run(&self, server: &Server, load: Load) {
        if let Err(why) = load(server, self)
            && self.way()
        {
            self.gave_up.lock().unwrap().push(why.to_string());
        }
    }

    /// The connection ends with the attack.
    pub fn ends(&self, stream: &Stream) {
        self.sockets.lock().unwrap().push(stream.socket());
    }

    /// Ends the attack and its connections.
    pub fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
        for socket in self.sockets.lock().unwrap().drain(..) {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

const ATTACKER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// The buffer of a client that does not read.
const UNREAD: Option<usize> = Some(4096);

impl<'a> Scene<'a> {
    /// A new organization that attacks.
    pub fn new(server: &'a Server, bystander: &'a Bystander<'a>, quick: bool) -> Scene<'a> {
        Scene {
            server,
            tenant: Tenant::new(server, 1),
            bystander,
            quick,
        }
    }

    /// A session of its first inbox.
    fn imap(&self) -> Stream {
        let mut s = Stream::open(self.server, "imaps", ATTACKER, None).unwrap();
        s.log_in_to_imap(&self.tenant.inboxes[0], &self.tenant.key)
            .unwrap();
        s
    }

    /// The first inbox with one message.
    fn append(&self, text: &[u8]) -> Stream {
        let mut s = self.imap();
        s.send(format!("c APPEND INBOX {{{}+}}\r\n", text.len()).as_bytes());
        s.send(text);
        s.send(b"\r\n");
        s.ok("c");
        s
    }

    /// The first inbox with `n` copies of a small message, a power of two.
    fn fill(&self, n: usize) -> Stream {
        let inbox = &self.tenant.inboxes[0];
        let mut s = self.append(&message(inbox, inbox, 512, 0));
        s.send(b"s SELECT INBOX\r\n");
        s.ok("s");
        for _ in 0..n.trailing_zeros() {
            s.send(b"d COPY 1:* INBOX\r\n");
            s.ok("d");
        }
        s
    }

    fn of(&self, full: usize, quick: usize) -> usize {
        if self.quick { quick } else { full }
    }

    /// `n` loads that each have a session of the first inbox, opened with SELECT, and repeat a
    /// command.
    fn repeat(&self, n: usize, window: Option<usize>, command: String) -> Vec<Load> {
        (0..n)
            .map(|_| {
                let (inbox, key) = (self.tenant.inboxes[0].clone(), self.tenant.key.clone());
                let command = command.clone();
                let load: Load = Box::new(move |server, under| {
                    let mut s = Stream::open(server, "imaps", ATTACKER, window)?;
                    under.ends(&s);
                    s.log_in_to_imap(&inbox, &key)?;
                    s.try_send(b"s SELECT INBOX\r\n")?;
                    s.tagged("s")?;
                    s.try_send(command.as_bytes())?;
                    if window.is_some() {
                        return wait(under);
                    }
                    while under.way() {
                        s.tagged("t")?;
                        under.answered();
                        s.try_send(command.as_bytes())?;
                    }
                    Ok(())
                });
                load
            })
            .collect()
    }

    /// `n` loads that each repeat a GET over a connection.
    fn get(&self, n: usize, targets: &[String], keys: &[String]) -> Vec<Load> {
        (0..n)
            .map(|n| {
                let target = targets[n % targets.len()].clone();
                let key = keys[n % keys.len()].clone();
                let load: Load = Box::new(move |server, under| {
                    let mut s = Stream::open(server, "http", ATTACKER, None)?;
                    under.ends(&s);
                    while under.way() {
                        let (status, _) = s.get(&target, &key)?;
                        under.answered();
                        // Its rate is spent.
                        if status.contains(" 429 ") {
                            std::thread::sleep(Duration::from_millis(50));
                        }
                    }
                    Ok(())
                });
                load
            })
            .collect()
    }

    /// The path of the newest message of the first inbox.
    fn newest(&self) -> String {
        let mut s = Stream::connect_plain(self.server.port("http"));
        let list = format!("/api/v1/inboxes/{}/messages", self.tenant.inboxes[0]);
        let (_, body) = s.get(&list, &self.tenant.key).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let id = json["data"][0]["id"].as_str().unwrap();
        format!("{list}/{id}")
    }
}

/// Holds the connections without reading until the attack ends.
fn wait(under: &Under) -> io::Result<()> {
    while under.way() {
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// 190 keys over one message of 24 MiB in a charset that is slow to decode.
fn search(scene: &Scene<'_>) -> Vec<Load> {
    let mut text = b"From: a@b.test\r\nSubject: search\r\nMIME-Version: 1.0\r\n\
        Content-Type: text/plain; charset=gb18030\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        .to_vec();
    let mut line: Vec<u8> = (0..35u8)
        .flat_map(|n| [0xB0 + n % 40, 0xA1 + n * 2 % 90])
        .collect();
    line.extend_from_slice(b"\r\n");
    while text.len() < 24 << 20 {
        text.extend_from_slice(&line);
    }
    scene.append(&text);
    let keys: String = (0..190).map(|n| format!(" NOT TEXT needle{n}")).collect();
    scene.repeat(4, None, format!("t SEARCH{keys}\r\n"))
}

/// A page of 4 MiB of tags that are never closed, opened on 32 connections.
fn hostile_page(scene: &Scene<'_>) -> Vec<Load> {
    let mut text = b"From: a@b.test\r\nSubject: page\r\nMIME-Version: 1.0\r\n\
        Content-Type: text/html; charset=utf-8\r\n\r\n"
        .to_vec();
    while text.len() < 4 << 20 {
        text.extend_from_slice(b"<div><b><i><p style=\"color:red\"><table><tr><td>a</b>\r\n");
    }
    scene.append(&text);
    scene.get(
        32,
        &[scene.newest()],
        std::slice::from_ref(&scene.tenant.key),
    )
}

/// A message that is copied into its own mailbox, doubled again and again.
fn copy_doubled(scene: &Scene<'_>) -> Vec<Load> {
    scene.fill(1);
    scene.repeat(1, None, "t COPY 1:* INBOX\r\n".to_string())
}

/// 64 keywords on every message of a large mailbox.
fn store_keywords(scene: &Scene<'_>) -> Vec<Load> {
    scene.fill(scene.of(1 << 18, 1 << 14));
    let words: Vec<String> = (0..64).map(|n| format!("keyword{n}")).collect();
    scene.repeat(
        1,
        None,
        format!("t STORE 1:* +FLAGS ({})\r\n", words.join(" ")),
    )
}

/// A large mailbox with 256 keywords, opened again and again.
fn select_keywords(scene: &Scene<'_>) -> Vec<Load> {
    let n = scene.of(1 << 16, 1 << 13);
    let mut s = scene.fill(n);
    for part in 0..4 {
        let words: Vec<String> = (0..64).map(|n| format!("k{part}x{n}")).collect();
        let (from, to) = (part * n / 4 + 1, (part + 1) * n / 4);
        let words = words.join(" ");
        s.send(format!("k STORE {from}:{to} +FLAGS.SILENT ({words})\r\n").as_bytes());
        s.tagged("k").unwrap();
    }
    scene.repeat(8, None, "t SELECT INBOX\r\n".to_string())
}

/// 64 parts of a large message in one FETCH, on 16 connections that do not read.
fn partials_unread(scene: &Scene<'_>) -> Vec<Load> {
    let inbox = &scene.tenant.inboxes[0];
    scene.append(&message(inbox, inbox, 20 << 20, 0));
    let parts: Vec<String> = (0..64)
        .map(|n| format!("BODY.PEEK[]<{}.262144>", n * 262_144))
        .collect();
    let command = format!("t FETCH 1 ({})\r\n", parts.join(" "));
    scene.repeat(16, UNREAD, command)
}

/// An attachment of 18 MiB on four connections that do not read.
fn attachments_unread(scene: &Scene<'_>) -> Vec<Load> {
    let mut text = b"From: a@b.test\r\nSubject: file\r\nMIME-Version: 1.0\r\n\
        Content-Type: application/octet-stream; name=a.bin\r\n\
        Content-Disposition: attachment; filename=a.bin\r\n\
        Content-Transfer-Encoding: base64\r\n\r\n"
        .to_vec();
    let line = [b"QUJD".repeat(19), b"\r\n".to_vec()].concat();
    while text.len() < 24 << 20 {
        text.extend_from_slice(&line);
    }
    scene.append(&text);
    let path = scene.newest();
    let mut s = Stream::connect_plain(scene.server.port("http"));
    let (_, body) = s.get(&path, &scene.tenant.key).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let id = json["attachments"][0]["id"].as_str().unwrap();
    let target = format!("{path}/attachments/{id}");
    (0..4)
        .map(|_| {
            let (target, key) = (target.clone(), scene.tenant.key.clone());
            let load: Load = Box::new(move |server, under| {
                let mut s = Stream::open(server, "http", ATTACKER, UNREAD)?;
                under.ends(&s);
                s.ask(&target, &key)?;
                wait(under)
            });
            load
        })
        .collect()
}

/// A list with ten words over many messages, on 32 connections.
fn list_words(scene: &Scene<'_>) -> Vec<Load> {
    scene.fill(scene.of(1 << 15, 1 << 12));
    let inbox = &scene.tenant.inboxes[0];
    let words: Vec<String> = (0..10).map(|n| format!("absent{n}")).collect();
    let target = format!("/api/v1/inboxes/{inbox}/messages?q={}", words.join("+"));
    scene.get(32, &[target], std::slice::from_ref(&scene.tenant.key))
}

/// Twenty keys of one organization, each as fast as it can.
fn twenty_keys(scene: &Scene<'_>) -> Vec<Load> {
    scene.fill(256);
    let mut s = Stream::connect_plain(scene.server.port("http"));
    let keys: Vec<String> = (0..20)
        .map(|n| {
            let body = format!(r#"{{"label":"key {n}","scopes":["messages:read"]}}"#);
            let made = s.post("/api/v1/keys", &scene.tenant.key, &body);
            made["key"]
                .as_str()
                .unwrap_or_else(|| panic!("{made}"))
                .to_string()
        })
        .collect();
    let inbox = &scene.tenant.inboxes[0];
    let target = format!("/api/v1/inboxes/{inbox}/messages?limit=100");
    scene.get(20, &[target], &keys)
}

/// Six messages of 25 MiB at once, each to a hundred inboxes.
fn large_arrivals(scene: &Scene<'_>) -> Vec<Load> {
    let others = scene.server.make_inboxes_of(&scene.tenant.key, 100);
    let from = &scene.tenant.inboxes[0];
    let mut bytes = format!("MAIL FROM:<{from}>\r\n").into_bytes();
    for to in &others {
        bytes.extend_from_slice(format!("RCPT TO:<{to}>\r\n").as_bytes());
    }
    bytes.extend_from_slice(b"DATA\r\n");
    let mut text = message(from, &others[0], (25 << 20) - 4096, 1);
    text.extend_from_slice(b".\r\n");
    (0..6)
        .map(|_| {
            let (from, key) = (from.clone(), scene.tenant.key.clone());
            let (envelope, text) = (bytes.clone(), text.clone());
            let load: Load = Box::new(move |server, under| {
                let mut s = Stream::open(server, "smtps", ATTACKER, None)?;
                under.ends(&s);
                s.log_in_to_smtp(&from, &key)?;
                while under.way() {
                    s.try_send(&envelope)?;
                    for _ in 0..102 {
                        s.try_reply()?;
                    }
                    s.try_send(&text)?;
                    s.try_reply()?;
                    under.answered();
                }
                Ok(())
            });
            load
        })
        .collect()
}

/// EXPUNGE of a large mailbox, while ten sessions of it do not read.
fn expunge_unread(scene: &Scene<'_>) -> Vec<Load> {
    let mut s = scene.fill(scene.of(1 << 19, 1 << 14));
    s.send(b"f STORE 1:* +FLAGS.SILENT (\\Deleted)\r\n");
    s.tagged("f").unwrap();
    let mut loads = scene.repeat(10, UNREAD, "t IDLE\r\n".to_string());
    loads.extend(scene.repeat(1, None, "t EXPUNGE\r\n".to_string()));
    loads
}
