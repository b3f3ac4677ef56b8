//! The few tests that need sockets, TLS, signals and a process: the built binary on loopback
//! and clients made of `std::net` and rustls. Everything else is a transcript.
//!
//! Each test has a server and a data folder of its own. A test waits for an answer or an end
//! of stream with a timeout; it waits for a time to pass only where the time is the test.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, HandshakeKind, RootCertStore, StreamOwned};
use serde_json::Value;

mod accounts;
mod canaries;
mod commands;
mod log;
mod mcp;
mod names;
mod outgoing;
mod outgoing_smtp;
mod owner;
mod stopping;
mod tailing;
mod uploads;
mod websocket;

type Tls = StreamOwned<ClientConnection, TcpStream>;

/// A running server; it is killed and its folder removed when the test ends.
struct Server {
    child: Child,
    folder: PathBuf,
    ready: Value,
    config: Arc<ClientConfig>,
}

impl Server {
    fn start(name: &str, toml: &str) -> Server {
        let folder = folder(name);
        Server::again(folder, toml, None)
    }

    /// A server on a folder that may have been used before; `ulimit` bounds its descriptors.
    fn again(folder: PathBuf, toml: &str, ulimit: Option<usize>) -> Server {
        let mut command = command(&folder, toml);
        if let Some(n) = ulimit {
            let mut shell = Command::new("sh");
            shell
                .arg("-c")
                .arg(format!("ulimit -n {n}; exec \"$0\" \"$@\""));
            shell.arg(command.get_program()).args(command.get_args());
            command = shell;
        }
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let ready: Value = serde_json::from_str(&line).expect(&line);
        let config = client(&ready, &[]);
        Server {
            child,
            folder,
            ready,
            config,
        }
    }

    fn address(&self, listener: &str) -> SocketAddr {
        let port = match &self.ready[listener] {
            Value::Number(port) => port.as_u64().unwrap(),
            url => url
                .as_str()
                .unwrap()
                .rsplit(':')
                .next()
                .unwrap()
                .parse()
                .unwrap(),
        };
        (Ipv4Addr::LOCALHOST, u16::try_from(port).unwrap()).into()
    }

    fn plain(&self, listener: &str) -> TcpStream {
        patient(TcpStream::connect(self.address(listener)).unwrap())
    }

    fn tls(&self, listener: &str) -> Tls {
        let mut tls = StreamOwned::new(session(&self.config), self.plain(listener));
        while tls.conn.is_handshaking() {
            tls.conn.complete_io(&mut tls.sock).unwrap();
        }
        tls
    }

    /// Logged in over implicit TLS.
    fn submission(&self) -> Tls {
        let mut tls = self.tls("smtps");
        assert!(line(&mut tls).starts_with("220 "));
        say(&mut tls, "EHLO wire.test\r\n");
        assert!(reply(&mut tls).starts_with("250"));
        let plain = format!("\0{}\0{}", self.inbox(), self.key());
        let plain = data_encoding::BASE64.encode(plain.as_bytes());
        say(&mut tls, &format!("AUTH PLAIN {plain}\r\n"));
        assert!(reply(&mut tls).starts_with("235"));
        tls
    }

    fn inbox(&self) -> &str {
        self.ready["inbox"].as_str().unwrap()
    }

    fn key(&self) -> &str {
        self.ready["api_key"].as_str().unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// The exit code, within a time.
    fn wait(&mut self, s: u64) -> i32 {
        let end = Instant::now() + Duration::from_secs(s);
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait().unwrap() {
                assert_eq!(status.signal(), None);
                return status.code().unwrap();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the server did not end within {s} s");
    }

    /// Processor time used so far, in hundredths of a second.
    fn ticks(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split(' ').collect();
        fields[12].parse::<u64>().unwrap() + fields[13].parse::<u64>().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn folder(name: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let folder = root.join(format!("wire-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn command(folder: &Path, toml: &str) -> Command {
    let config = folder.join("postern.toml");
    fs::write(&config, toml).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_postern"));
    command.args(["serve", "--ports", "auto", "--json", "--config"]);
    command.arg(config).arg("--data").arg(folder.join("data"));
    command.stdin(Stdio::null());
    command
}

fn client(ready: &Value, alpn: &[&[u8]]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    if let Some(ca) = ready["ca"].as_str() {
        let ca = CertificateDer::from_pem_file(ca).unwrap();
        roots.add(ca).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    Arc::new(config)
}

fn session(config: &Arc<ClientConfig>) -> ClientConnection {
    ClientConnection::new(Arc::clone(config), "localhost".try_into().unwrap()).unwrap()
}

/// No test waits longer for a byte than this.
fn patient(stream: TcpStream) -> TcpStream {
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

fn say(stream: &mut impl Write, text: &str) {
    stream.write_all(text.as_bytes()).unwrap();
    stream.flush().unwrap();
}

/// One line without its end; empty at the end of the stream.
fn line(stream: &mut impl Read) -> String {
    let mut line = Vec::new();
    let mut byte = [0];
    while stream.read(&mut byte).is_ok_and(|n| n == 1) {
        if byte[0] == b'\n' {
            break;
        }
        line.push(byte[0]);
    }
    String::from_utf8_lossy(&line).trim_end().to_owned()
}

/// One SMTP reply: its last line.
fn reply(stream: &mut impl Read) -> String {
    loop {
        let line = line(stream);
        if line.as_bytes().get(3) != Some(&b'-') {
            return line;
        }
    }
}

/// Everything until the end of the stream, however it ends.
fn rest(stream: &mut impl Read) -> String {
    let mut all = Vec::new();
    let mut some = [0; 65_536];
    while let Ok(n @ 1..) = stream.read(&mut some) {
        all.extend_from_slice(&some[..n]);
    }
    String::from_utf8_lossy(&all).into_owned()
}

/// The value of a metric. The loopback address may ask without a key.
fn metric(server: &Server, name: &str) -> String {
    let mut plain = server.plain("http");
    say(
        &mut plain,
        "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    );
    let text = rest(&mut plain);
    let mut lines = text.lines();
    let found = lines.find_map(|line| line.strip_prefix(&format!("{name} ")));
    found.unwrap_or_default().to_owned()
}

#[test]
fn implicit_tls_greets_says_goodbye_and_resumes() {
    let server = Server::start("implicit", "");
    for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
        let mut tls = server.tls("smtps");
        assert!(line(&mut tls).starts_with("220 localhost"));
        assert_eq!(tls.conn.handshake_kind(), Some(kind));
        say(&mut tls, "QUIT\r\n");
        assert!(line(&mut tls).starts_with("221 "));
        // The end is said in TLS, not by a cut.
        assert_eq!(tls.read(&mut [0; 10]).unwrap(), 0);
    }
    // TLS 1.2 still works; anything older does not exist in rustls.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    let ca = server.ready["ca"].as_str().unwrap();
    roots
        .add(CertificateDer::from_pem_file(ca).unwrap())
        .unwrap();
    let old = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut tls = StreamOwned::new(session(&Arc::new(old)), server.plain("imaps"));
    assert!(line(&mut tls).starts_with("* OK"));
}

/// The tickets of the handshake are encrypted before the answer, and may not be lost while the
/// request waits for what the server looks up: the client could not read the next record.
#[test]
fn a_request_that_comes_with_the_end_of_the_handshake_is_answered() {
    let server = Server::start("finished", "");
    let body = r#"{"username":"early"}"#;
    let request = format!(
        "POST /api/v1/inboxes HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        server.key(),
        body.len()
    );
    // Cut nowhere, in its head, and in its body.
    for cut in [request.len(), 10, request.len() - 5] {
        let mut conn = session(&server.config);
        let mut sock = server.plain("https");
        conn.write_tls(&mut sock).unwrap();
        while conn.is_handshaking() {
            conn.read_tls(&mut sock).unwrap();
            conn.process_new_packets().unwrap();
        }
        // The last message of the handshake is not sent yet: it goes with the request.
        let mut bytes = Vec::new();
        for part in [&request[..cut], &request[cut..]] {
            conn.writer().write_all(part.as_bytes()).unwrap();
            while conn.wants_write() {
                conn.write_tls(&mut bytes).unwrap();
            }
        }
        sock.write_all(&bytes).unwrap();
        let mut tls = StreamOwned::new(conn, sock);
        assert_eq!(line(&mut tls), "HTTP/1.1 201 Created", "cut at {cut}");
    }
}

#[test]
fn starttls_forgets_what_came_before() {
    let server = Server::start("starttls", "");
    let mut plain = server.plain("submission");
    assert!(line(&mut plain).starts_with("220 "));
    say(&mut plain, "EHLO before.test\r\n");
    assert!(reply(&mut plain).starts_with("250"));
    say(&mut plain, "STARTTLS\r\n");
    assert!(line(&mut plain).starts_with("220 "));
    let mut tls = StreamOwned::new(session(&server.config), plain);
    // No second greeting; the EHLO in clear counts for nothing.
    say(&mut tls, "MAIL FROM:<a@b.test>\r\n");
    assert!(reply(&mut tls).starts_with("50"));
    say(&mut tls, "EHLO after.test\r\n");
    assert!(reply(&mut tls).starts_with("250"));
}

#[test]
fn bytes_injected_behind_starttls_are_never_commands() {
    let server = Server::start("inject", "");
    // In the same segment: refused and closed (RFC 3207 section 6, CVE-2011-0411).
    let mut plain = server.plain("mx");
    assert!(line(&mut plain).starts_with("220 "));
    say(&mut plain, "EHLO a.test\r\n");
    reply(&mut plain);
    say(&mut plain, "STARTTLS\r\nNOOP\r\n");
    let said = rest(&mut plain);
    assert!(said.starts_with("5") && !said.contains("250"), "{said}");
    // In a segment of their own, where a ClientHello belongs.
    let mut plain = server.plain("mx");
    line(&mut plain);
    say(&mut plain, "EHLO a.test\r\n");
    reply(&mut plain);
    say(&mut plain, "STARTTLS\r\n");
    assert!(line(&mut plain).starts_with("220 "));
    say(&mut plain, "NOOP\r\nNOOP\r\n");
    let said = rest(&mut plain);
    assert!(!said.contains("250"), "{said}");
}

#[test]
fn a_half_closed_peer_hears_everything() {
    let server = Server::start("half", "");
    let mut plain = server.plain("mx");
    assert!(line(&mut plain).starts_with("220 "));
    say(&mut plain, "EHLO a.test\r\nNOOP\r\nQUIT\r\n");
    plain.shutdown(Shutdown::Write).unwrap();
    let said = rest(&mut plain);
    assert!(
        said.contains("250 2.0.0") && said.contains("221 "),
        "{said}"
    );
    // And one that sends nothing is closed.
    let mut plain = server.plain("mx");
    line(&mut plain);
    plain.shutdown(Shutdown::Write).unwrap();
    rest(&mut plain);
}

#[test]
fn records_of_one_byte_are_a_conversation() {
    let server = Server::start("bytes", "");
    let mut tls = server.tls("smtps");
    line(&mut tls);
    for byte in b"EHLO a.test\r\nNOOP\r\nQUIT\r\n" {
        tls.write_all(&[*byte]).unwrap();
        tls.flush().unwrap();
    }
    let said = rest(&mut tls);
    assert!(
        said.contains("250 2.0.0") && said.contains("221 "),
        "{said}"
    );
}

#[test]
fn a_client_of_another_protocol_is_turned_away_in_the_handshake() {
    let server = Server::start("alpn", "");
    for (listener, alpn, good) in [
        ("imaps", &[&b"imap"[..]][..], true),
        ("imaps", &[b"http/1.1", b"h2"], false),
        ("smtps", &[b"http/1.1"], false),
        ("https", &[b"h2", b"http/1.1"], true),
        ("https", &[b"imap"], false),
    ] {
        let config = client(&server.ready, alpn);
        let mut tls = StreamOwned::new(session(&config), server.plain(listener));
        let mut result = Ok((0, 0));
        while tls.conn.is_handshaking() && result.is_ok() {
            result = tls.conn.complete_io(&mut tls.sock);
        }
        assert_eq!(result.is_ok(), good, "{listener} {result:?}");
        if let Err(error) = result {
            assert!(
                error.to_string().contains("NoApplicationProtocol"),
                "{error}"
            );
        }
    }
    // No byte that a browser was made to send is sent back to it (ALPACA).
    for listener in ["imaps", "smtps", "https"] {
        let mut plain = server.plain(listener);
        say(&mut plain, "POST /<script> HTTP/1.1\r\nHost: a\r\n\r\n");
        assert!(!rest(&mut plain).contains("script"));
    }
}

#[test]
fn a_client_that_asks_for_another_host_is_told_so() {
    let heard = |server: &Server, listener: &str, name: &'static str| {
        let session =
            ClientConnection::new(Arc::clone(&server.config), name.try_into().unwrap()).unwrap();
        let mut tls = StreamOwned::new(session, server.plain(listener));
        let mut result = Ok((0, 0));
        while tls.conn.is_handshaking() && result.is_ok() {
            result = tls.conn.complete_io(&mut tls.sock);
        }
        result.map_or_else(|error| error.to_string(), |_| String::new())
    };
    let strict = Server::start("sni", "hostname = 'mail.test'\n");
    for listener in ["smtps", "imaps", "https"] {
        for name in ["localhost", "mail.test", "127.0.0.1"] {
            assert_eq!(heard(&strict, listener, name), "", "{listener} {name}");
        }
        let said = heard(&strict, listener, "elsewhere.test");
        assert!(said.contains("UnrecognisedName"), "{listener}: {said}");
    }
    let open = "hostname = 'mail.test'\n[tls]\nunknown_sni = 'serve'\n";
    let open = Server::start("sni-open", open);
    // The client itself refuses the certificate.
    let said = heard(&open, "imaps", "elsewhere.test");
    assert!(said.contains("not valid for name"), "{said}");
}

#[test]
fn a_handshake_has_its_time_and_no_more() {
    let server = Server::start("slow", "[limits]\nhandshake_s = 1\n");
    let mut silent = server.plain("smtps");
    let mut dripping = server.plain("imaps");
    let begin = Instant::now();
    // A record header that promises 16 KiB, and a byte now and then.
    say(&mut dripping, "\x16\x03\x01\x3f\x7f");
    assert_eq!(rest(&mut silent), "");
    for _ in 0..40 {
        if dripping.write_all(b"\x01").is_err() {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    rest(&mut dripping);
    assert!(begin.elapsed() < Duration::from_secs(10));
    // Other peers are served meanwhile and afterwards.
    assert!(line(&mut server.tls("smtps")).starts_with("220 "));
}

#[test]
fn close_notify_in_data_ends_the_transaction() {
    let server = Server::start("notify", "");
    let mut tls = server.submission();
    let inbox = server.inbox();
    say(
        &mut tls,
        &format!("MAIL FROM:<{inbox}>\r\nRCPT TO:<{inbox}>\r\nDATA\r\n"),
    );
    for code in ["250", "250", "354"] {
        let said = reply(&mut tls);
        assert!(said.starts_with(code), "{said}");
    }
    say(
        &mut tls,
        &format!("From: {inbox}\r\nSubject: cut\r\n\r\nhalf"),
    );
    tls.conn.send_close_notify();
    tls.flush().unwrap();
    // CVE-2026-45185: what follows in clear must not be taken for the rest.
    let _ = tls.sock.write_all(b"\r\n.\r\nQUIT\r\n");
    let said = rest(&mut tls);
    assert!(!said.contains("250"), "{said}");
}

#[test]
fn who_does_not_read_is_cut_off_and_costs_nothing() {
    let limits = "[limits]\nstall_s = 2\nsmtp_junk = 1000000\n";
    let server = Server::start("stall", limits);
    let mut plain = server.plain("mx");
    line(&mut plain);
    // The replies fill every buffer between the two; then nothing is read from us either.
    plain
        .set_write_timeout(Some(Duration::from_secs(15)))
        .unwrap();
    let many = "EHLO a.test\r\n".repeat(1000);
    let mut sent = 0;
    let begin = Instant::now();
    let cut = loop {
        match plain.write(many.as_bytes()) {
            Ok(n) => sent += n,
            Err(error) => break error,
        }
        assert!(begin.elapsed() < Duration::from_secs(30), "sent {sent}");
    };
    // Reset by the server, not given up by us.
    assert_ne!(cut.kind(), std::io::ErrorKind::WouldBlock, "{cut}");
    let rss = fs::read_to_string(format!("/proc/{}/status", server.child.id())).unwrap();
    let rss = rss.lines().find(|l| l.starts_with("VmRSS")).unwrap();
    let kib: u64 = rss.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(kib < 40_000, "{rss}");
}

#[test]
fn a_large_message_comes_through_a_small_window() {
    let server = Server::start("window", "");
    let inbox = server.inbox();
    let mut tls = server.submission();
    say(
        &mut tls,
        &format!("MAIL FROM:<{inbox}>\r\nRCPT TO:<{inbox}>\r\nDATA\r\n"),
    );
    for code in ["250", "250", "354"] {
        assert!(reply(&mut tls).starts_with(code));
    }
    let text: String = (0..60_000)
        .map(|n| format!("line {n} of many\r\n"))
        .collect();
    let head = format!("From: {inbox}\r\nTo: {inbox}\r\nSubject: large\r\n\r\n");
    say(&mut tls, &format!("{head}{text}.\r\n"));
    let said = reply(&mut tls);
    assert!(said.starts_with("250"), "{said}");

    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&server.address("imaps").into()).unwrap();
    let mut tls = StreamOwned::new(session(&server.config), patient(socket.into()));
    assert!(line(&mut tls).starts_with("* OK"));
    let key = server.key();
    say(
        &mut tls,
        &format!(
            "a LOGIN {inbox} {key}\r\nb SELECT INBOX\r\nc FETCH 1:* BODY.PEEK[TEXT]\r\nd LOGOUT\r\n"
        ),
    );
    let said = rest(&mut tls);
    assert!(said.contains(&text), "{} octets", said.len());
    assert!(said.contains("\r\nc OK") && said.contains("\r\nd OK"));
}

#[test]
fn an_address_has_so_many_connections() {
    let server = Server::start("limits", "[limits]\nmx_connections_per_ip = 2\n");
    let mut first = server.plain("mx");
    let mut second = server.plain("mx");
    assert!(line(&mut first).starts_with("220 "));
    assert!(line(&mut second).starts_with("220 "));
    let mut third = server.plain("mx");
    assert!(rest(&mut third).starts_with("421 4.7.0 "));
    // Another address has its own count.
    let other = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let from: SocketAddr = (Ipv4Addr::new(127, 0, 0, 2), 0).into();
    other.bind(&from.into()).unwrap();
    other.connect(&server.address("mx").into()).unwrap();
    let mut other = patient(other.into());
    assert!(line(&mut other).starts_with("220 "));
    // A connection that ends gives its place back.
    say(&mut first, "QUIT\r\n");
    rest(&mut first);
    drop(first);
    let end = Instant::now() + Duration::from_secs(10);
    while !line(&mut server.plain("mx")).starts_with("220 ") {
        assert!(Instant::now() < end);
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn without_descriptors_the_listener_rests_and_recovers() {
    let server = Server::again(
        folder("fds"),
        "[limits]\nmx_connections_per_ip = 500\n",
        Some(64),
    );
    let mut held: Vec<TcpStream> = (0..70)
        .map(|_| TcpStream::connect(server.address("mx")).unwrap())
        .collect();
    // accept() does not spin: a tenth of a core at the most, as soon as the signing keys of the
    // first start are made.
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let before = server.ticks();
        std::thread::sleep(Duration::from_secs(1));
        let used = server.ticks() - before;
        if used <= 10 {
            break;
        }
        assert!(Instant::now() < end, "{used} ticks");
    }
    let greeted = held
        .iter_mut()
        .filter_map(|stream| {
            stream
                .set_read_timeout(Some(Duration::from_millis(50)))
                .unwrap();
            line(stream).starts_with("220 ").then_some(())
        })
        .count();
    assert!(greeted >= 10, "{greeted}");
    drop(held);
    let end = Instant::now() + Duration::from_secs(10);
    while !line(&mut server.plain("mx")).starts_with("220 ") {
        assert!(Instant::now() < end);
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_certificate_is_replaced_while_running() {
    // The operator's own files: here those that another server has made for itself.
    let maker = Server::start("hup-maker", "");
    let made = |name: &str| fs::read(maker.folder.join("data/tls").join(name)).unwrap();
    let own = folder("hup");
    let (chain, key) = (own.join("chain.pem"), own.join("key.pem"));
    fs::write(&chain, made("cert.pem")).unwrap();
    fs::write(&key, made("key.pem")).unwrap();
    let toml = format!("[tls]\ncertificate = {chain:?}\nkey = {key:?}\n");
    let mut server = Server::again(own, &toml, None);
    assert!(server.ready["ca"].is_null());
    server.config = Arc::clone(&maker.config);
    let served = || {
        let tls = server.tls("imaps");
        tls.conn.peer_certificates().unwrap().len()
    };
    assert_eq!(served(), 1);
    let mut plain = server.plain("http");
    say(
        &mut plain,
        "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    );
    let page = rest(&mut plain);
    let end = page.split("\npostern_certificate_ends_seconds ").nth(1);
    let end: u64 = end.unwrap().lines().next().unwrap().parse().unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let left = end - now.unwrap().as_secs();
    assert!((300 * 86_400..400 * 86_400).contains(&left), "{left}");
    fs::write(&chain, "nothing of use").unwrap();
    server.signal(Signal::HUP);
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(served(), 1, "a bad file leaves the old one in place");
    fs::write(&chain, made("cert.pem").repeat(2)).unwrap();
    server.signal(Signal::HUP);
    let end = Instant::now() + Duration::from_secs(5);
    while served() != 2 {
        assert!(Instant::now() < end);
    }
}

/// A command without a server has the folder for a moment.
#[test]
fn a_start_waits_for_a_folder_that_is_in_use() {
    let mut server = Server::start("start-waits", "");
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    let file = fs::File::open(server.folder.join("data/postern.lock")).unwrap();
    file.lock().unwrap();
    let held = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(500));
        drop(file);
    });
    let began = Instant::now();
    let again = Server::again(server.folder.clone(), "", None);
    assert!(began.elapsed() >= Duration::from_millis(400));
    held.join().unwrap();
    drop(again);
}

#[test]
fn a_start_that_fails_says_why() {
    let server = Server::start("start", "");
    let fails = |command: &mut Command, said: &str| {
        let output = command.output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && error.contains(said), "{error}");
        assert!(output.stdout.is_empty());
    };
    // Two servers on one folder: it might have stopped.
    let began = Instant::now();
    fails(&mut command(&server.folder, ""), "waiting: another postern");
    assert!(began.elapsed() >= Duration::from_secs(3));
    // A port that is taken.
    let other = folder("start-2");
    let taken = format!("[listen]\nmx = '{}'\n", server.address("mx"));
    let mut start = command(&other, &taken);
    let mut fixed = Command::new(start.get_program());
    fixed.args(
        start
            .get_args()
            .filter(|arg| *arg != "--ports" && *arg != "auto"),
    );
    fails(&mut fixed, "--ports auto");
    // Limits cannot be lifted for the world.
    start = command(&other, "[listen]\nmx = '0.0.0.0:25'\n");
    fails(start.arg("--no-limits"), "loopback");
    fs::remove_dir_all(other).unwrap();
}
