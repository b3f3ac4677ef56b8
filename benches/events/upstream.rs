//! Accounts elsewhere: what one costs that is there, what its idle connection adds, and how long a
//! large one takes. The IMAP server of the accounts is in this process, and says no more than it
//! must.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;

use super::Scale;
use super::readers::Readers;
use super::rig::{Server, Stream};
use super::webhooks::own_certificate;

/// An IMAP server: a thread for each connection.
struct AccountServer {
    port: u16,
    counts: Arc<Counts>,
}

/// The INBOX of all accounts, and what connections have done.
#[derive(Default)]
struct Counts {
    /// It has messages with the UIDs from 1 to this one.
    messages: AtomicUsize,
    /// The server keeps MODSEQs.
    has_modseq: bool,
    /// Messages whose flags alone were asked for.
    compared: AtomicUsize,
    /// Connections that wait with IDLE now.
    idle: AtomicUsize,
    /// Connections that have said LOGOUT.
    left: AtomicUsize,
}

impl AccountServer {
    fn start(config: Arc<ServerConfig>, messages: usize, has_modseq: bool) -> AccountServer {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = AccountServer {
            port: listener.local_addr().unwrap().port(),
            counts: Arc::new(Counts {
                messages: AtomicUsize::new(messages),
                has_modseq,
                ..Counts::default()
            }),
        };
        let counts = Arc::clone(&server.counts);
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let (config, counts) = (Arc::clone(&config), Arc::clone(&counts));
                let thread = std::thread::Builder::new().stack_size(256 << 10);
                let serve = move || serve(config, socket, &counts);
                thread.spawn(serve).unwrap();
            }
        });
        server
    }

    fn wait(&self, what: &str, n: usize, count: fn(&Counts) -> &AtomicUsize) {
        let end = Instant::now() + Duration::from_secs(1200);
        while count(&self.counts).load(Ordering::Relaxed) < n {
            let now = count(&self.counts).load(Ordering::Relaxed);
            assert!(Instant::now() < end, "{what}: {now} of {n}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Serves one connection until it leaves.
fn serve(config: Arc<ServerConfig>, socket: TcpStream, counts: &Counts) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let tls = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut stream = BufReader::new(StreamOwned::new(tls, socket));
    let more = if counts.has_modseq { MODSEQ } else { "" };
    let offers = format!("{OFFERS}{more}");
    say(
        &mut stream,
        &format!("* OK [CAPABILITY {offers}] ready\r\n"),
    )?;
    let mut line = String::new();
    while read_line(&mut stream, &mut line)? {
        let request = line.clone();
        let (tag, command) = request.split_once(' ').unwrap_or((&request, ""));
        let verb = command.split(' ').next().unwrap_or_default();
        let told = match verb.to_ascii_uppercase().as_str() {
            "CAPABILITY" => format!("* CAPABILITY {offers}\r\n"),
            "LIST" => LIST.to_owned(),
            "SELECT" => selected(counts, command.contains("INBOX")),
            "UID" => fetch(counts, command),
            "LOGOUT" => "* BYE see you\r\n".to_owned(),
            _ => String::new(),
        };
        if verb == "IDLE" {
            say(&mut stream, "+ idling\r\n")?;
            counts.idle.fetch_add(1, Ordering::Relaxed);
            let done = read_line(&mut stream, &mut line);
            counts.idle.fetch_sub(1, Ordering::Relaxed);
            done?;
        }
        say(&mut stream, &format!("{told}{tag} OK done\r\n"))?;
        if verb == "LOGOUT" {
            counts.left.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(())
}

fn selected(counts: &Counts, is_inbox: bool) -> String {
    let messages = match is_inbox {
        true => counts.messages.load(Ordering::Relaxed),
        false => 0,
    };
    let modseq = match counts.has_modseq {
        true => "* OK [HIGHESTMODSEQ 7] highest\r\n",
        false => "",
    };
    format!(
        "* {messages} EXISTS\r\n{FLAGS}* OK [UIDNEXT {}] next\r\n{modseq}",
        messages + 1
    )
}

/// The answer to `UID FETCH set (items)`: what this server asks for, and no more.
fn fetch(counts: &Counts, command: &str) -> String {
    let mut words = command.split(' ').skip(2);
    let set = words.next().unwrap();
    let end = counts.messages.load(Ordering::Relaxed);
    let mut told = String::new();
    for range in set.split(',') {
        let (first, last) = range.split_once(':').unwrap_or((range, range));
        let first: usize = first.parse().unwrap();
        let last = last.parse().unwrap_or(end).min(end);
        for uid in first..=last {
            let mail =
                format!("From: a@else.test\r\nMessage-ID: <{uid}@else.test>\r\n\r\nhello\r\n");
            let size = mail.len();
            let items = if command.contains("BODY.PEEK[]") {
                format!("BODY[] {{{size}}}\r\n{mail}")
            } else if command.contains("MESSAGE-ID") {
                format!(
                    "RFC822.SIZE {size} INTERNALDATE \"01-Jan-2040 00:00:00 +0000\" \
                     BODY[HEADER.FIELDS (MESSAGE-ID)] \"Message-ID: <{uid}@else.test>\""
                )
            } else {
                counts.compared.fetch_add(1, Ordering::Relaxed);
                String::new()
            };
            let space = if items.is_empty() { "" } else { " " };
            told += &format!("* {uid} FETCH (UID {uid} FLAGS (){space}{items})\r\n");
        }
    }
    told
}

fn say(stream: &mut BufReader<impl Read + Write>, text: &str) -> io::Result<()> {
    stream.get_mut().write_all(text.as_bytes())?;
    stream.get_mut().flush()
}

/// Reads a line without its end; `false` when there is none.
fn read_line(stream: &mut impl BufRead, line: &mut String) -> io::Result<bool> {
    line.clear();
    let read = stream.read_line(line)?;
    line.truncate(line.trim_end().len());
    Ok(read > 0)
}

const OFFERS: &str = "IMAP4rev1 SASL-IR AUTH=PLAIN ID IDLE UIDPLUS MOVE SPECIAL-USE";
const MODSEQ: &str = " ENABLE CONDSTORE QRESYNC";
const LIST: &str = "* LIST (\\HasNoChildren) \"/\" INBOX\r\n\
     * LIST (\\Sent) \"/\" Sent\r\n* LIST (\\Drafts) \"/\" Drafts\r\n\
     * LIST (\\Junk) \"/\" Junk\r\n* LIST (\\Trash) \"/\" Trash\r\n";
const FLAGS: &str = "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n\
     * OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] limited\r\n\
     * 0 RECENT\r\n* OK [UIDVALIDITY 1] valid\r\n";

/// A server for accounts, and one of ours that may connect to it.
struct Pair {
    there: AccountServer,
    here: Server,
    files: [PathBuf; 2],
}

impl Pair {
    fn start(name: &str, messages: usize, has_modseq: bool) -> Pair {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let of_process = |end: &str| folder.join(format!("{name}-{}.{end}", std::process::id()));
        let (ca, path) = (of_process("pem"), of_process("toml"));
        let there = AccountServer::start(own_certificate(&ca), messages, has_modseq);
        let config = format!(
            "[upstream]\nallow_private = true\nca = \"{}\"\n[limits]\nupstream_accounts = 2000\n",
            ca.display()
        );
        std::fs::write(&path, config).unwrap();
        let options = ["--no-limits", "--config", path.to_str().unwrap()];
        Pair {
            there,
            here: Server::start_with(name, &options),
            files: [ca, path],
        }
    }

    /// Makes accounts with these numbers. Each is looked at once, and then nothing listens.
    fn make(&self, numbers: Range<usize>) {
        let mut rest = Stream::connect_plain(self.here.port("http"));
        for n in numbers.clone() {
            let account = json!({
                "host": "127.0.0.1", "port": self.there.port, "tls": "implicit",
                "user": format!("agent{n}@else.test"), "password": "correct-horse-battery",
            });
            let body = json!({"upstream": account}).to_string();
            let made = rest.post("/api/v1/inboxes", self.here.key(), &body);
            assert!(made["upstream"].is_object(), "{made}");
        }
        (self.there).wait("first looks", numbers.end, |counts| &counts.left);
        wait_for(&self.here, 0);
    }

    /// A stream of the organization, so that all accounts are listened to. It has no event to
    /// tell: what is not read for half a minute ends.
    fn listen(&self) -> Readers {
        let mut readers = Readers::new();
        let path = "/api/v1/events?type=inbox.deleted";
        readers.ask(self.here.port("http"), path, self.here.key());
        readers.until(|r| r.ready >= 1);
        readers
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        for file in &self.files {
            let _ = std::fs::remove_file(file);
        }
    }
}

/// 1,000 accounts over TLS, all with a listener: the memory of an account without a connection,
/// and with one that waits.
pub fn upstream(scale: &Scale) {
    let pair = Pair::start("upstream", 100, true);
    let (there, here) = (&pair.there, &pair.here);
    let n = scale.of(1000, 200);
    pair.make(0..WARM);
    let before = here.memory();
    pair.make(WARM..WARM + n);
    let made = here.memory();
    let begin = Instant::now();
    let readers = pair.listen();
    there.wait("connections", WARM + n, |counts| &counts.idle);
    let took = begin.elapsed();
    wait_for(here, WARM + n);
    std::thread::sleep(Duration::from_secs(1));
    let connected = here.memory();
    let cpu = here.cpu();
    std::thread::sleep(IDLE);
    let cpu = here.cpu() - cpu;
    drop(readers);
    let without = made.saturating_sub(before) / n as u64;
    let connection = connected.saturating_sub(made) / (WARM + n) as u64;
    println!(
        "{}",
        json!({
            "bench": "upstream",
            "accounts": n,
            "bytes_each": without + connection,
            "bytes_without_connection": without,
            "bytes_of_connection": connection,
            "all_connected_s": tenths(took),
            "idle_cpu_percent": (cpu.as_secs_f64() / IDLE.as_secs_f64() * 1e4).round() / 100.0,
        })
    );
}

/// 100,000 messages in one account, on a server without MODSEQs: all come, and with the next
/// connection the state of all is compared.
pub fn upstream_large(scale: &Scale) {
    let pair = Pair::start("upstream-large", 0, false);
    let (there, here) = (&pair.there, &pair.here);
    pair.make(0..1);
    let before = here.memory();
    let messages = scale.of(100_000, 2_000);
    there.counts.messages.store(messages, Ordering::Relaxed);
    let begin = Instant::now();
    let readers = pair.listen();
    there.wait("it waits", 1, |counts| &counts.idle);
    let fetched = begin.elapsed();
    let after = here.memory_peak();
    drop(readers);
    there.wait("it leaves", 2, |counts| &counts.left);
    wait_for(here, 0);
    let begin = Instant::now();
    let _readers = pair.listen();
    there.wait("it waits", 1, |counts| &counts.idle);
    let compared = begin.elapsed();
    assert_eq!(there.counts.compared.load(Ordering::Relaxed), messages);
    println!(
        "{}",
        json!({
            "bench": "upstream_large",
            "messages": messages,
            "fetched_s": tenths(fetched),
            "fetched_per_second": (messages as f64 / fetched.as_secs_f64()).round(),
            "compared_s": tenths(compared),
            "memory_kib": (after.saturating_sub(before)) / 1024,
            "longest_group_ms": here.metric("postern_longest_group_microseconds") / 1000,
        })
    );
}

fn tenths(time: Duration) -> f64 {
    (time.as_secs_f64() * 10.0).round() / 10.0
}

/// Waits until so many connections to servers of accounts are open.
fn wait_for(server: &Server, connections: usize) {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let open = server.metric("postern_upstream_connections");
        if open == connections as u64 {
            return;
        }
        assert!(Instant::now() < end, "{open} connections");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Accounts whose cost is not counted: what all share is there with them.
const WARM: usize = 50;
/// How long processor time is measured while nothing comes.
const IDLE: Duration = Duration::from_secs(5);
