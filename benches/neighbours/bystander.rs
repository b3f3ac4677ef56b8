//! The tenant that works and measures. Each operation has a connection and a thread of its own,
//! and a pace that stays below every limit.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::{Duration, Instant};

use crate::Tenant;
use crate::rig::{Server, Stream, message};

/// The times of one operation.
pub struct Samples {
    /// Which operation.
    pub of: &'static str,
    /// How long each took.
    pub times: Vec<Duration>,
    /// Why the others failed.
    pub refused: Vec<String>,
    /// Milliseconds that the 99th percentile and the longest may take beside an attack.
    pub goal_ms: (f64, f64),
}

/// The tenant, with mail in its inbox.
pub struct Bystander<'a> {
    /// The server.
    pub server: &'a Server,
    /// The tenant. It sends with its first inbox, and mail from outside comes to its second.
    pub tenant: Tenant,
    /// Its address, another one in each run, so that no run spends the rates of the next.
    pub from: Ipv4Addr,
}

impl Bystander<'_> {
    /// A new organization, with a hundred messages in its first inbox.
    pub fn new(server: &Server) -> Bystander<'_> {
        static RUNS: AtomicU8 = AtomicU8::new(1);
        let from = Ipv4Addr::new(127, 0, 1, RUNS.fetch_add(1, Ordering::Relaxed));
        let tenant = Tenant::new(server, 2);
        let mut s = Stream::open(server, "imaps", from, None).unwrap();
        let inbox = &tenant.inboxes[0];
        s.log_in_to_imap(inbox, &tenant.key).unwrap();
        for n in 0..100 {
            let text = message(inbox, inbox, 4096, n);
            s.send(format!("c APPEND INBOX {{{}+}}\r\n", text.len()).as_bytes());
            s.send(&text);
            s.send(b"\r\n");
            s.ok("c");
        }
        Bystander {
            server,
            tenant,
            from,
        }
    }

    /// Works for `length`. `begin` is called when its connections are open.
    pub fn work(&self, length: Duration, begin: impl FnOnce()) -> Vec<Samples> {
        let ended = AtomicBool::new(false);
        let sent: Mutex<Vec<Instant>> = Mutex::default();
        let told: Mutex<Vec<Instant>> = Mutex::default();
        let (key, inbox) = (&self.tenant.key, &self.tenant.inboxes[0]);
        let mut watcher = Stream::open(self.server, "https", self.from, None).unwrap();
        watcher
            .ask(&format!("/api/v1/inboxes/{inbox}/events"), key)
            .unwrap();
        while !watcher.line().starts_with("event: ready") {}
        let socket = watcher.socket();
        let steps = [
            ("noop", 40, (10.0, 50.0), self.noop()),
            ("fetch", 50, (20.0, f64::MAX), self.fetch()),
            ("send", 200, (60.0, f64::MAX), self.send(&sent)),
            ("arrive", 500, (f64::MAX, f64::MAX), self.arrive()),
            ("list", 100, (f64::MAX, f64::MAX), self.list()),
            ("login", 1000, (f64::MAX, f64::MAX), self.log_in()),
        ];
        begin();
        let mut all = std::thread::scope(|scope| {
            let ended = &ended;
            scope.spawn(|| {
                while let Ok(line) = watcher.try_line() {
                    if line.starts_with("event: message.received") {
                        told.lock().unwrap().push(Instant::now());
                    }
                }
            });
            let threads = steps.map(|(of, every_ms, goal_ms, step)| {
                let every = Duration::from_millis(every_ms);
                scope.spawn(move || repeat(of, every, goal_ms, ended, step))
            });
            std::thread::sleep(length);
            ended.store(true, Ordering::Relaxed);
            let samples: Vec<Samples> = threads.map(|t| t.join().unwrap()).into();
            // The last events are on their way.
            std::thread::sleep(Duration::from_millis(100));
            let _ = socket.shutdown(std::net::Shutdown::Both);
            samples
        });
        let (sent, told) = (sent.into_inner().unwrap(), told.into_inner().unwrap());
        let lost = sent.len().saturating_sub(told.len());
        all.push(Samples {
            of: "event",
            times: sent.iter().zip(&told).map(|(s, t)| *t - *s).collect(),
            refused: vec!["no event came".to_string(); lost],
            goal_ms: (f64::MAX, f64::MAX),
        });
        all
    }

    fn imap(&self) -> io::Result<Stream> {
        let mut s = Stream::open(self.server, "imaps", self.from, None)?;
        s.log_in_to_imap(&self.tenant.inboxes[0], &self.tenant.key)?;
        s.try_send(b"b SELECT INBOX\r\n")?;
        s.tagged("b")?;
        Ok(s)
    }

    fn noop(&self) -> Step<'_> {
        self.command("n NOOP\r\n", "n")
    }

    fn fetch(&self) -> Step<'_> {
        self.command("f FETCH 50 BODY.PEEK[]\r\n", "f")
    }

    fn command<'a>(&'a self, text: &'static str, tag: &'static str) -> Step<'a> {
        let mut kept = Some(self.imap().unwrap());
        Box::new(move || {
            let mut s = match kept.take() {
                Some(s) => s,
                None => self.imap()?,
            };
            let begin = Instant::now();
            s.try_send(text.as_bytes())?;
            let line = s.tagged(tag)?;
            let took = begin.elapsed();
            kept = Some(s);
            expect(&line, "OK", took)
        })
    }

    fn send<'a>(&'a self, sent: &'a Mutex<Vec<Instant>>) -> Step<'a> {
        let (key, inbox) = (&self.tenant.key, &self.tenant.inboxes[0]);
        let mut kept = None;
        let mut n = 0;
        Box::new(move || {
            // A connection takes a hundred messages.
            let mut s = match kept.take() {
                Some(s) if n % 50 != 0 => s,
                _ => {
                    let mut s = Stream::open(self.server, "smtps", self.from, None)?;
                    s.log_in_to_smtp(inbox, key)?;
                    s
                }
            };
            let begun = data(&mut s, (inbox, inbox), n)?;
            let line = s.try_reply()?;
            let took = begun.elapsed();
            if line.starts_with("250") {
                sent.lock().unwrap().push(begun);
            }
            n += 1;
            kept = Some(s);
            expect(&line, "250", took)
        })
    }

    fn arrive(&self) -> Step<'_> {
        let inbox = &self.tenant.inboxes[1];
        let mut kept = None;
        let mut n = 0;
        Box::new(move || {
            let mut s = match kept.take() {
                Some(s) => s,
                None => {
                    let mut s = Stream::open(self.server, "mx", self.from, None)?;
                    s.try_reply()?;
                    s.try_send(b"EHLO bystander.test\r\n")?;
                    s.try_reply()?;
                    s
                }
            };
            let begun = data(&mut s, ("someone@bystander.test", inbox), n)?;
            let line = s.try_reply()?;
            let took = begun.elapsed();
            n += 1;
            kept = Some(s);
            expect(&line, "250", took)
        })
    }

    fn list(&self) -> Step<'_> {
        let (key, inbox) = (&self.tenant.key, &self.tenant.inboxes[0]);
        let mut kept = None;
        Box::new(move || {
            let mut s = match kept.take() {
                Some(s) => s,
                None => Stream::open(self.server, "https", self.from, None)?,
            };
            let begin = Instant::now();
            let target = format!("/api/v1/inboxes/{inbox}/messages?limit=20");
            let (status, _) = s.get(&target, key)?;
            let took = begin.elapsed();
            kept = Some(s);
            expect(&status, "HTTP/1.1 200", took)
        })
    }

    fn log_in(&self) -> Step<'_> {
        let (key, inbox) = (&self.tenant.key, &self.tenant.inboxes[0]);
        Box::new(move || {
            let begin = Instant::now();
            let mut s = Stream::open(self.server, "imaps", self.from, None)?;
            s.log_in_to_imap(inbox, key)?;
            Ok(begin.elapsed())
        })
    }
}

/// One operation: how long it took, or why it failed.
type Step<'a> = Box<dyn FnMut() -> io::Result<Duration> + Send + 'a>;

fn repeat(
    of: &'static str,
    every: Duration,
    goal_ms: (f64, f64),
    ended: &AtomicBool,
    mut step: Step<'_>,
) -> Samples {
    let mut samples = Samples {
        of,
        times: Vec::new(),
        refused: Vec::new(),
        goal_ms,
    };
    while !ended.load(Ordering::Relaxed) {
        let begin = Instant::now();
        match step() {
            Ok(took) => samples.times.push(took),
            Err(why) => samples.refused.push(why.to_string()),
        }
        std::thread::sleep(every.saturating_sub(begin.elapsed()));
    }
    samples
}

/// Sends one message of 4 KiB up to its last octet; the time at which that begins.
fn data(s: &mut Stream, (from, to): (&str, &str), n: usize) -> io::Result<Instant> {
    s.try_send(format!("MAIL FROM:<{from}>\r\nRCPT TO:<{to}>\r\nDATA\r\n").as_bytes())?;
    for wanted in ["250", "250", "354"] {
        let line = s.try_reply()?;
        expect(&line, wanted, Duration::ZERO)?;
    }
    let mut bytes = message(from, to, 4096, n);
    bytes.extend_from_slice(b".\r\n");
    let begin = Instant::now();
    s.try_send(&bytes)?;
    Ok(begin)
}

fn expect(line: &str, wanted: &str, took: Duration) -> io::Result<Duration> {
    match line.starts_with(wanted) {
        true => Ok(took),
        false => Err(io::Error::other(line.to_string())),
    }
}
