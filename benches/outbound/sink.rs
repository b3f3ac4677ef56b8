//! The outside of the bench: a name server, a mail server that takes everything over TLS, and one
//! that takes every connection and never says a word. All on loopback addresses.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// The address of the mail server.
const SINK: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// What the names mean, by their ends:
///
/// | Name | What |
/// |---|---|
/// | `….good.test` | its MX is the mail server |
/// | `….silent.test` | its MX takes connections and says nothing; each has an address of its own |
/// | `….dead.test` | no question about it is answered |
/// | `….later.test` | the name server fails |
pub struct Outside {
    /// The port of all mail servers.
    pub port: u16,
    /// The address of the name server.
    pub resolver: SocketAddr,
    sink: Arc<Sink>,
}

#[derive(Default)]
struct Sink {
    taken: AtomicUsize,
    connections: AtomicUsize,
    handshakes: AtomicUsize,
    most: AtomicUsize,
    last: Mutex<Option<Instant>>,
    came: Condvar,
    gate: Mutex<bool>,
    opened: Condvar,
    is_over: AtomicBool,
}

impl Outside {
    /// Starts everything. The mail server does not greet before [`Outside::open`].
    pub fn start() -> Outside {
        let dns = UdpSocket::bind("127.0.0.1:0").unwrap();
        let resolver = dns.local_addr().unwrap();
        std::thread::spawn(move || serve_names(&dns));
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let sink = Arc::new(Sink::default());
        let tls = tls();
        let all = Arc::clone(&sink);
        std::thread::spawn(move || {
            // Silent connections stay until the process ends.
            let mut silent = Vec::new();
            for stream in listener.incoming().flatten() {
                if stream
                    .local_addr()
                    .is_ok_and(|at| at.ip() != IpAddr::V4(SINK))
                {
                    silent.push(stream);
                    continue;
                }
                let (sink, tls) = (Arc::clone(&all), Arc::clone(&tls));
                std::thread::spawn(move || {
                    let open = sink.connections.fetch_add(1, Ordering::Relaxed) + 1;
                    sink.most.fetch_max(open, Ordering::Relaxed);
                    let _ = session(&sink, stream, tls);
                    sink.connections.fetch_sub(1, Ordering::Relaxed);
                });
            }
        });
        Outside {
            port,
            resolver,
            sink,
        }
    }

    /// The configuration of a server that sends to it.
    pub fn config(&self) -> String {
        format!(
            "hostname = \"mx.bench.test\"\ndomain = \"bench.test\"\n\
             [dns]\nresolvers = [\"{}\"]\n\
             [outbound]\nport = {}\nallow_private = true\nhost_connections = 16\n",
            self.resolver, self.port
        )
    }

    /// Lets the mail server greet.
    pub fn open(&self) {
        *self.sink.gate.lock().unwrap() = true;
        self.sink.opened.notify_all();
    }

    /// Messages that were taken so far.
    pub fn taken(&self) -> usize {
        self.sink.taken.load(Ordering::Relaxed)
    }

    /// The most connections that were open at once, and the TLS handshakes so far.
    pub fn connections(&self) -> (usize, usize) {
        let sink = &self.sink;
        (
            sink.most.load(Ordering::Relaxed),
            sink.handshakes.load(Ordering::Relaxed),
        )
    }

    /// Waits until `n` messages have been taken; when the last octet of the last one came.
    pub fn wait(&self, n: usize, patience: Duration) -> Instant {
        let end = Instant::now() + patience;
        let mut last = self.sink.last.lock().unwrap();
        loop {
            if let (true, Some(at)) = (self.taken() >= n, *last) {
                return at;
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{} of {n} came", self.taken());
            // Only the first waiter of a burst is woken: a short wait is enough.
            let step = left.min(Duration::from_millis(20));
            last = self.sink.came.wait_timeout(last, step).unwrap().0;
        }
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        self.sink.is_over.store(true, Ordering::Relaxed);
        self.open();
    }
}

fn tls() -> Arc<ServerConfig> {
    let made = rcgen::generate_simple_self_signed(vec!["mx.good.test".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], PrivateKeyDer::Pkcs8(key));
    Arc::new(config.unwrap())
}

/// One connection: STARTTLS, then message after message.
fn session(sink: &Sink, mut stream: TcpStream, tls: Arc<ServerConfig>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let gate = sink.gate.lock().unwrap();
    drop(sink.opened.wait_while(gate, |open| !*open).unwrap());
    if sink.is_over.load(Ordering::Relaxed) {
        return Ok(());
    }
    stream.write_all(b"220 mx.good.test ESMTP\r\n")?;
    let mut lines = Lines::default();
    loop {
        let line = lines.next(&mut stream)?;
        if line.starts_with(b"EHLO") {
            stream.write_all(b"250-mx.good.test\r\n250 STARTTLS\r\n")?;
        } else if line.starts_with(b"STARTTLS") {
            stream.write_all(b"220 2.0.0 Go\r\n")?;
            break;
        } else {
            stream.write_all(b"221 2.0.0 Bye\r\n")?;
            return Ok(());
        }
    }
    let mut stream = StreamOwned::new(ServerConnection::new(tls).unwrap(), stream);
    sink.handshakes.fetch_add(1, Ordering::Relaxed);
    let mut replies = Vec::new();
    loop {
        let line = lines.next(&mut stream)?.to_vec();
        match line.get(..4) {
            Some(b"EHLO") => replies.extend_from_slice(EXTENSIONS),
            Some(b"MAIL" | b"RCPT" | b"RSET") => replies.extend_from_slice(b"250 2.1.0 Ok\r\n"),
            Some(b"BDAT") => {
                let text = String::from_utf8_lossy(&line);
                let mut words = text.split_whitespace().skip(1);
                let n = words.next().unwrap().parse().unwrap();
                lines.skip(&mut stream, n)?;
                if words.next().is_some() {
                    *sink.last.lock().unwrap() = Some(Instant::now());
                    sink.taken.fetch_add(1, Ordering::Relaxed);
                    sink.came.notify_all();
                }
                replies.extend_from_slice(b"250 2.0.0 Taken\r\n");
            }
            _ => {
                stream.write_all(b"221 2.0.0 Bye\r\n")?;
                return Ok(());
            }
        }
        if lines.is_empty() {
            stream.write_all(&replies)?;
            stream.flush()?;
            replies.clear();
        }
    }
}

const EXTENSIONS: &[u8] = b"250-mx.good.test\r\n250-PIPELINING\r\n250-SIZE 50000000\r\n\
    250-8BITMIME\r\n250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n250 CHUNKING\r\n";

/// What was read and not used.
#[derive(Default)]
struct Lines {
    buffer: Vec<u8>,
    at: usize,
    line: Vec<u8>,
}

impl Lines {
    fn is_empty(&self) -> bool {
        self.at == self.buffer.len()
    }

    fn fill(&mut self, stream: &mut impl Read) -> io::Result<()> {
        self.buffer.resize(64 << 10, 0);
        let read = stream.read(&mut self.buffer)?;
        self.buffer.truncate(read);
        self.at = 0;
        match read {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    fn next(&mut self, stream: &mut impl Read) -> io::Result<&[u8]> {
        self.line.clear();
        loop {
            if self.is_empty() {
                self.fill(stream)?;
            }
            let rest = &self.buffer[self.at..];
            if let Some(end) = memchr::memchr(b'\n', rest) {
                self.line.extend_from_slice(&rest[..end]);
                self.at += end + 1;
                return Ok(&self.line);
            }
            self.line.extend_from_slice(rest);
            self.at = self.buffer.len();
        }
    }

    fn skip(&mut self, stream: &mut impl Read, mut n: usize) -> io::Result<()> {
        while n > 0 {
            if self.is_empty() {
                self.fill(stream)?;
            }
            let now = n.min(self.buffer.len() - self.at);
            self.at += now;
            n -= now;
        }
        Ok(())
    }
}

fn serve_names(socket: &UdpSocket) {
    let mut packet = [0; 1500];
    while let Ok((n, peer)) = socket.recv_from(&mut packet) {
        if let Some(answer) = answer(&packet[..n]) {
            let _ = socket.send_to(&answer, peer);
        }
    }
}

const MX: u16 = 15;
const A: u16 = 1;

/// The answer to one question; `None` is silence.
fn answer(packet: &[u8]) -> Option<Vec<u8>> {
    let mut labels = Vec::new();
    let mut at = 12;
    while packet[at] > 0 {
        let end = at + 1 + packet[at] as usize;
        labels.push(String::from_utf8_lossy(&packet[at + 1..end]).to_ascii_lowercase());
        at = end;
    }
    let kind = u16::from_be_bytes([packet[at + 1], packet[at + 2]]);
    let question = &packet[12..at + 5];
    let zone = labels.iter().rev().nth(1)?.as_str();
    if zone == "dead" {
        return None;
    }
    let code = if zone == "later" { 2 } else { 0 };
    let mut data = Vec::new();
    match (kind, zone) {
        (MX, "good" | "silent") => {
            // `mx.` and then the name of the question, by a pointer.
            data.extend_from_slice(&[0, 10, 2, b'm', b'x', 0xc0, 12]);
        }
        (A, "good") => data.extend_from_slice(&SINK.octets()),
        (A, "silent") => {
            // mx.d123.silent.test
            let n: u32 = labels[1][1..].parse().ok()?;
            let [.., b, c] = n.to_be_bytes();
            data.extend_from_slice(&[127, 64, b, c]);
        }
        _ => {}
    }
    let count = u8::from(!data.is_empty());
    let mut out = packet[..2].to_vec();
    out.extend_from_slice(&[0x81, 0x80 | code, 0, 1, 0, count, 0, 0, 0, 0]);
    out.extend_from_slice(question);
    if count > 0 {
        out.extend_from_slice(&[0xc0, 12]);
        out.extend_from_slice(&kind.to_be_bytes());
        out.extend_from_slice(&[0, 1, 0, 0, 14, 16]);
        out.extend_from_slice(&(data.len() as u16).to_be_bytes());
        out.extend_from_slice(&data);
    }
    Some(out)
}
