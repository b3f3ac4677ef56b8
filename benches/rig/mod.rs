//! A server process and TLS clients for the connection benches. The server runs as a child
//! process, so that its processor time and memory can be measured apart.

#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

pub mod load;

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// A server in a process and a data folder of its own; both are gone when it is dropped.
pub struct Server {
    child: Child,
    folder: PathBuf,
    options: Vec<String>,
    /// The line that it printed when it was ready.
    pub ready: serde_json::Value,
    /// How long it took until that line.
    pub start: Duration,
    /// Trusts its CA; TLS 1.3.
    pub tls: Arc<ClientConfig>,
}

impl Server {
    /// Starts the built binary on free ports without rate limits.
    pub fn start(name: &str) -> Server {
        Server::start_with(name, &["--no-limits"])
    }

    /// Starts the built binary on free ports with these options.
    pub fn start_with(name: &str, options: &[&str]) -> Server {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("bench-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        Server::start_in(folder, options.iter().map(ToString::to_string).collect())
    }

    fn start_in(folder: PathBuf, options: Vec<String>) -> Server {
        let begin = Instant::now();
        let mut child = Command::new(env!("CARGO_BIN_EXE_postern"))
            .args(["serve", "--ports", "auto", "--json"])
            .args(&options)
            .arg("--data")
            .arg(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let start = begin.elapsed();
        let ready: serde_json::Value = serde_json::from_str(&line).expect("a ready line");
        let mut roots = RootCertStore::empty();
        let ca = std::fs::read(ready["ca"].as_str().unwrap()).unwrap();
        for cert in CertificateDer::pem_slice_iter(&ca) {
            roots.add(cert.unwrap()).unwrap();
        }
        let mut tls = ClientConfig::builder_with_protocol_versions(&[&rustls::version::TLS13])
            .with_root_certificates(roots)
            .with_no_client_auth();
        // Full handshakes: resumption would make the figures too good.
        tls.resumption = rustls::client::Resumption::disabled();
        let server = Server {
            child,
            folder,
            options,
            ready,
            start,
            tls: Arc::new(tls),
        };
        server.settle();
        server
    }

    /// Waits until it is idle: at its first start it makes signing keys, a second of processor time
    /// that belongs to no figure.
    fn settle(&self) {
        let mut before = self.cpu();
        for _ in 0..100 {
            std::thread::sleep(Duration::from_millis(200));
            let now = self.cpu();
            if now - before < Duration::from_millis(2) {
                return;
            }
            before = now;
        }
    }

    /// Ends it, changes its data folder, and starts it again.
    pub fn restart(mut self, change: impl FnOnce(&Path)) -> Server {
        let process = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap();
        let folder = std::mem::take(&mut self.folder);
        let options = std::mem::take(&mut self.options);
        change(&folder);
        Server::start_in(folder, options)
    }

    /// A port of the ready line.
    pub fn port(&self, name: &str) -> u16 {
        match &self.ready[name] {
            serde_json::Value::Number(n) => n.as_u64().unwrap() as u16,
            serde_json::Value::String(s) => s
                .rsplit(':')
                .next()
                .unwrap()
                .trim_end_matches('/')
                .parse()
                .unwrap(),
            other => panic!("{name}: {other}"),
        }
    }

    /// Its data folder.
    pub fn data(&self) -> &Path {
        &self.folder
    }

    /// The first inbox.
    pub fn inbox(&self) -> &str {
        self.ready["inbox"].as_str().unwrap()
    }

    /// Its key.
    pub fn key(&self) -> &str {
        self.ready["api_key"].as_str().unwrap()
    }

    /// Processor time of all its threads so far.
    pub fn cpu(&self) -> Duration {
        let mut ns = 0;
        for task in std::fs::read_dir(format!("/proc/{}/task", self.child.id()))
            .unwrap()
            .flatten()
        {
            let text = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            ns += text
                .split_whitespace()
                .next()
                .and_then(|n| n.parse::<u64>().ok())
                .unwrap_or(0);
        }
        Duration::from_nanos(ns)
    }

    /// Resident memory in bytes.
    pub fn memory(&self) -> u64 {
        self.status("VmRSS:")
    }

    /// The most resident memory that it ever had, in bytes.
    pub fn memory_peak(&self) -> u64 {
        self.status("VmHWM:")
    }

    fn status(&self, name: &str) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = text.lines().find(|l| l.starts_with(name)).unwrap();
        let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kib * 1024
    }

    /// One value of its `/metrics`.
    pub fn metric(&self, name: &str) -> u64 {
        let mut stream = Stream::connect_plain(self.port("http"));
        let (_, body) = stream.get("/metrics", "").unwrap();
        let text = String::from_utf8_lossy(&body);
        let line = text
            .lines()
            .find_map(|l| l.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|n| n.parse().ok())
            .unwrap_or_else(|| panic!("no {name}: {text}"))
    }

    /// The token of its operator.
    pub fn operator_token(&self) -> String {
        let token = std::fs::read_to_string(self.folder.join("operator.token")).unwrap();
        token.trim().to_string()
    }

    /// More inboxes, over REST; their addresses.
    pub fn make_inboxes(&self, n: usize) -> Vec<String> {
        self.make_inboxes_of(self.key(), n)
    }

    /// More inboxes of the organization of `key`; their addresses.
    pub fn make_inboxes_of(&self, key: &str, n: usize) -> Vec<String> {
        let mut stream = Stream::connect_plain(self.port("http"));
        (0..n)
            .map(|i| {
                let body = format!("{{\"username\":\"bench{i}\"}}");
                let json = stream.post("/api/v1/inboxes", key, &body);
                json["address"]
                    .as_str()
                    .unwrap_or_else(|| panic!("{json}"))
                    .to_string()
            })
            .collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // One that was started again has left its folder.
        if !self.folder.as_os_str().is_empty() {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

trait Duplex: Read + Write + Send {}
impl<T: Read + Write + Send> Duplex for T {}

/// A blocking client connection with lines.
pub struct Stream {
    inner: Box<dyn Duplex>,
    socket: TcpStream,
    buffer: Vec<u8>,
    at: usize,
}

impl Stream {
    /// Over TLS 1.3, the handshake done.
    pub fn connect(server: &Server, port: &str) -> Stream {
        Stream::open(server, port, Ipv4Addr::LOCALHOST, None).unwrap()
    }

    /// In clear.
    pub fn connect_plain(port: u16) -> Stream {
        Stream::over(dial(port, Ipv4Addr::LOCALHOST, None).unwrap())
    }

    /// From an address of this machine, over TLS 1.3 where the port has it. `window` is the size
    /// of the socket's buffer for what comes in, for a client that does not read.
    pub fn open(
        server: &Server,
        port: &str,
        from: Ipv4Addr,
        window: Option<usize>,
    ) -> io::Result<Stream> {
        let tcp = dial(server.port(port), from, window)?;
        if matches!(port, "http" | "mx") {
            return Ok(Stream::over(tcp));
        }
        let name = ServerName::try_from("localhost").unwrap();
        let tls = ClientConnection::new(server.tls.clone(), name).unwrap();
        let socket = tcp.try_clone()?;
        let mut stream = StreamOwned::new(tls, tcp);
        stream.conn.complete_io(&mut stream.sock)?;
        Ok(Stream {
            inner: Box::new(stream),
            socket,
            buffer: Vec::new(),
            at: 0,
        })
    }

    fn over(tcp: TcpStream) -> Stream {
        Stream {
            socket: tcp.try_clone().unwrap(),
            inner: Box::new(tcp),
            buffer: Vec::new(),
            at: 0,
        }
    }

    /// Its socket, for the one that ends it from another thread.
    pub fn socket(&self) -> TcpStream {
        self.socket.try_clone().unwrap()
    }

    /// Writes all.
    pub fn send(&mut self, bytes: &[u8]) {
        self.try_send(bytes).unwrap();
    }

    /// Writes all. Errors: the server has closed the connection.
    pub fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.inner.write_all(bytes)?;
        self.inner.flush()
    }

    fn fill(&mut self) -> io::Result<()> {
        if self.at > 0 {
            self.buffer.drain(..self.at);
            self.at = 0;
        }
        let old = self.buffer.len();
        self.buffer.resize(old + 65_536, 0);
        let read = self.inner.read(&mut self.buffer[old..]);
        self.buffer.truncate(old + *read.as_ref().unwrap_or(&0));
        match read? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// The next line, without CRLF.
    pub fn line(&mut self) -> String {
        self.try_line().expect("the server keeps the connection")
    }

    /// The next line, without CRLF. Errors: the server has closed the connection.
    pub fn try_line(&mut self) -> io::Result<String> {
        let mut searched = self.at;
        loop {
            if let Some(n) = memchr::memchr(b'\n', &self.buffer[searched..]) {
                let end = searched + n;
                let text = String::from_utf8_lossy(&self.buffer[self.at..end])
                    .trim_end()
                    .to_string();
                self.at = end + 1;
                return Ok(text);
            }
            let kept = self.buffer.len() - self.at;
            self.fill()?;
            searched = kept;
        }
    }

    /// Drops exactly `n` bytes.
    fn skip(&mut self, mut n: usize) -> io::Result<()> {
        while n > 0 {
            if self.at == self.buffer.len() {
                self.fill()?;
            }
            let take = n.min(self.buffer.len() - self.at);
            self.at += take;
            n -= take;
        }
        Ok(())
    }

    /// Reads lines until one begins with `tag `; panics unless it is OK.
    pub fn ok(&mut self, tag: &str) {
        let line = self.tagged(tag).expect("the server keeps the connection");
        assert!(line.starts_with("OK"), "{line}");
    }

    /// Reads lines until one begins with `tag `; the rest of it. Errors: the server has closed the
    /// connection.
    pub fn tagged(&mut self, tag: &str) -> io::Result<String> {
        loop {
            let line = self.try_line()?;
            if let Some(rest) = line.strip_prefix(tag).and_then(|l| l.strip_prefix(' ')) {
                return Ok(rest.to_string());
            }
            if let Some(n) = literal(&line) {
                self.skip(n)?;
            }
        }
    }

    /// An SMTP reply; its last line.
    pub fn reply(&mut self, code: &str) -> String {
        let line = self.try_reply().expect("the server keeps the connection");
        assert!(line.starts_with(code), "wanted {code}, got {line}");
        line
    }

    /// An SMTP reply; its last line. Errors: the server has closed the connection.
    pub fn try_reply(&mut self) -> io::Result<String> {
        loop {
            let line = self.try_line()?;
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(line);
            }
        }
    }

    /// The status and the body of an HTTP answer with a Content-Length. Errors: the server has
    /// closed the connection.
    pub fn http_answer(&mut self) -> io::Result<(String, Vec<u8>)> {
        let status = self.try_line()?;
        let mut length = 0;
        loop {
            let line = self.try_line()?;
            if line.is_empty() {
                break;
            }
            if let Some(n) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = n.trim().parse().unwrap();
            }
        }
        while self.buffer.len() - self.at < length {
            self.fill()?;
        }
        let body = self.buffer[self.at..self.at + length].to_vec();
        self.at += length;
        Ok((status, body))
    }

    /// Sends a GET.
    pub fn ask(&mut self, target: &str, key: &str) -> io::Result<()> {
        self.try_send(
            format!(
                "GET {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n\r\n"
            )
            .as_bytes(),
        )
    }

    /// Sends a GET; its status and body.
    pub fn get(&mut self, target: &str, key: &str) -> io::Result<(String, Vec<u8>)> {
        self.ask(target, key)?;
        self.http_answer()
    }

    /// Sends a JSON body; the answer's.
    pub fn post(&mut self, target: &str, key: &str, body: &str) -> serde_json::Value {
        let length = body.len();
        self.send(
            format!(
                "POST {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
            )
            .as_bytes(),
        );
        let (_, body) = self.http_answer().unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    /// IMAP, logged in; `select` opens INBOX.
    pub fn imap(server: &Server, inbox: &str, select: bool) -> Stream {
        let mut s = Stream::connect(server, "imaps");
        s.log_in_to_imap(inbox, server.key()).unwrap();
        if select {
            s.send(b"b SELECT INBOX\r\n");
            s.ok("b");
        }
        s
    }

    /// Logs in to IMAP on a new connection. Errors: the login was refused.
    pub fn log_in_to_imap(&mut self, inbox: &str, key: &str) -> io::Result<()> {
        self.try_line()?;
        self.try_send(format!("a LOGIN {inbox} {key}\r\n").as_bytes())?;
        let line = self.tagged("a")?;
        expect(line.starts_with("OK"), line)
    }

    /// SMTP submission, logged in.
    pub fn smtp(server: &Server, inbox: &str) -> Stream {
        let mut s = Stream::connect(server, "smtps");
        s.log_in_to_smtp(inbox, server.key()).unwrap();
        s
    }

    /// Logs in to submission on a new connection. Errors: the login was refused.
    pub fn log_in_to_smtp(&mut self, inbox: &str, key: &str) -> io::Result<()> {
        self.try_reply()?;
        self.try_send(b"EHLO bench.test\r\n")?;
        self.try_reply()?;
        let plain = data_encoding::BASE64.encode(format!("\0{inbox}\0{key}").as_bytes());
        self.try_send(format!("AUTH PLAIN {plain}\r\n").as_bytes())?;
        let line = self.try_reply()?;
        expect(line.starts_with("235"), line)
    }
}

fn expect(holds: bool, line: String) -> io::Result<()> {
    match holds {
        true => Ok(()),
        false => Err(io::Error::other(line)),
    }
}

fn dial(port: u16, from: Ipv4Addr, window: Option<usize>) -> io::Result<TcpStream> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    if let Some(window) = window {
        socket.set_recv_buffer_size(window)?;
    }
    if from != Ipv4Addr::LOCALHOST {
        socket.bind(&SocketAddr::from((from, 0)).into())?;
    }
    socket.connect(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
    let tcp = TcpStream::from(socket);
    tcp.set_nodelay(true)?;
    tcp.set_read_timeout(Some(Duration::from_secs(60)))?;
    Ok(tcp)
}

/// The `{n}` at the end of a line.
fn literal(line: &str) -> Option<usize> {
    let rest = line.strip_suffix('}')?;
    rest.rsplit('{').next()?.parse().ok()
}

/// A mail of `size` octets in all.
pub fn message(from: &str, to: &str, size: usize, n: usize) -> Vec<u8> {
    let mut text = format!(
        "From: Bench <{from}>\r\nTo: <{to}>\r\nSubject: Message {n} of the bench\r\nDate: Thu, 01 Jan 2026 00:00:00 +0000\r\nMessage-ID: <{n}.{from}>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    );
    let words = [
        "agents", "write", "to", "each", "other", "about", "orders", "invoices", "and", "the",
        "weather",
    ];
    let mut i = n;
    while text.len() + 96 < size {
        for _ in 0..8 {
            i = i
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            text += words[(i >> 33) % words.len()];
            text.push(' ');
        }
        text += "\r\n";
    }
    while text.len() + 2 < size {
        text.push('x');
    }
    text += "\r\n";
    text.into_bytes()
}

/// The value below which `p` of the samples are.
pub fn percentile(samples: &mut [Duration], p: f64) -> Duration {
    samples.sort_unstable();
    samples[((samples.len() - 1) as f64 * p).ceil() as usize]
}

/// Milliseconds with three digits.
pub fn ms(d: Duration) -> f64 {
    (d.as_secs_f64() * 1e6).round() / 1e3
}
