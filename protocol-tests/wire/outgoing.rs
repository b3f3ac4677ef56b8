//! Outgoing connections, by a worker in this process: every end that a dial can have, and a
//! thousand of them beside a thousand that come in.
//!
//! [`Echo`] is a small engine for these tests: it sends a text, expects it back, and reports each
//! input to the test. SMTP goes out in `outgoing_smtp`.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use postern::testing::call::{
    Answer, Ask, Call, Caller, Limits, Listener, Look, Metric, Now, PublicEndpoints, Reply,
    Request, Shared,
};
use postern::testing::config::{ListenPlace, UnknownSni, WantedListener};
use postern::testing::engine::{DialError, Engine, Input, Output, Trust};
use postern::testing::net::{
    Acceptor, Alarm, ClientTls, Dial, DialTls, Hub, SystemClock, TlsListeners, TlsPeer, Worker,
    bind, provide_certificate, raise_descriptors,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A worker in a thread of its own. Every call is answered with [`Answer::Done`].
struct Reactor {
    hub: Hub,
    shared: Arc<Shared>,
    worker: Option<JoinHandle<()>>,
}

impl Reactor {
    fn start(limits: Limits) -> Reactor {
        let shared = Arc::new(Shared::new("mx.test", limits, PublicEndpoints::default()));
        let (hub, mut queues) = Hub::new(1).unwrap();
        let answer = hub.clone();
        let submit = Box::new(move |request: Request| {
            if let Some(conn) = request.conn {
                answer.answer(conn, Reply::Answer(Answer::Done));
            }
            true
        });
        let queue = queues.remove(0);
        let worker = Worker::new(queue, Arc::clone(&shared), SystemClock::new(), submit, 7);
        let worker = thread::spawn(move || worker.run().unwrap());
        Reactor {
            hub,
            shared,
            worker: Some(worker),
        }
    }

    /// Dials with an [`Echo`]; what it reports.
    fn dial(&self, addresses: &[SocketAddr], tls: DialTls) -> Receiver<Said> {
        let (say, said) = channel();
        self.hub.dial(Dial {
            addresses: addresses.to_vec(),
            bind: None,
            connect_ms: CONNECT_MS,
            engine: Box::new(Echo {
                say,
                is_plain: matches!(tls, DialTls::StartTls(_)),
                heard: Vec::new(),
                error: None,
            }),
            tls,
        });
        said
    }

    /// The error that a dial ends with. The engine outlives it: its call is answered.
    fn fails(&self, addresses: &[SocketAddr], tls: DialTls) -> DialError {
        let said = self.dial(addresses, tls);
        let Said::Failed(error) = hear(&said) else {
            panic!("connected");
        };
        assert_eq!(hear(&said), Said::Answered);
        error
    }

    fn value(&self, metric: Metric) -> u64 {
        self.shared.metrics.value(metric)
    }

    /// Waits until a gauge has a value.
    fn reaches(&self, metric: Metric, wanted: u64) {
        let end = Instant::now() + PATIENCE;
        while self.value(metric) != wanted {
            assert!(Instant::now() < end, "{metric:?} is {}", self.value(metric));
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Reactor {
    fn drop(&mut self) {
        self.hub.shutdown();
        if let Some(worker) = self.worker.take() {
            let _ = worker.join();
        }
    }
}

/// What an engine reports.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Said {
    Open,
    Heard(Vec<u8>),
    Eof,
    Failed(DialError),
    Answered,
    Stopping,
}

/// Sends [`TEXT`], and closes when it has come back, or when the peer closes.
#[derive(Debug)]
struct Echo {
    say: Sender<Said>,
    /// Before STARTTLS.
    is_plain: bool,
    heard: Vec<u8>,
    error: Option<DialError>,
}

impl Engine for Echo {
    fn handle(&mut self, _: Now, input: Input<'_>, out: &mut Output) -> usize {
        let mut used = 0;
        let said = match input {
            Input::Open if self.is_plain => {
                out.bytes.extend_from_slice(b"STARTTLS\n");
                Said::Open
            }
            Input::Open => {
                out.bytes.extend_from_slice(TEXT);
                Said::Open
            }
            Input::Bytes(bytes) => {
                used = bytes.len();
                if self.is_plain {
                    self.is_plain = false;
                    out.start_tls = true;
                } else {
                    self.heard.extend_from_slice(bytes);
                    out.close = self.heard.len() >= TEXT.len();
                }
                Said::Heard(bytes.to_vec())
            }
            Input::Eof => {
                out.bytes.extend_from_slice(b"last");
                out.close = true;
                Said::Eof
            }
            Input::Failed(error) => {
                // As an engine that has a job to put back: a call, and the end on its reply.
                self.error = Some(error.clone());
                out.ask = Some(Ask {
                    request_id: None,
                    depth: 0,
                    caller: Caller::Anonymous,
                    call: Call::Look(Look::Ready),
                });
                Said::Failed(error)
            }
            Input::Reply(_) => {
                out.close = true;
                Said::Answered
            }
            Input::Shutdown => {
                out.close = true;
                Said::Stopping
            }
            Input::Event(_) | Input::Drained | Input::Deadline => return 0,
        };
        let _ = self.say.send(said);
        used
    }

    fn trust(&self) -> Trust {
        Trust::Stranger
    }
}

fn hear(said: &Receiver<Said>) -> Said {
    said.recv_timeout(PATIENCE).expect("a report")
}

/// Everything that an engine reports until it is dropped; pieces put together.
fn hear_all(said: &Receiver<Said>) -> (Vec<Said>, Vec<u8>) {
    let (mut other, mut heard) = (Vec::new(), Vec::new());
    while let Ok(said) = said.recv_timeout(PATIENCE) {
        match said {
            Said::Heard(bytes) => heard.extend_from_slice(&bytes),
            said => other.push(said),
        }
    }
    (other, heard)
}

/// A certificate authority, and a certificate of it for `localhost`.
pub(super) struct Identity {
    folder: PathBuf,
    server: Arc<ServerConfig>,
    listeners: TlsListeners,
    client: Arc<ClientTls>,
}

impl Identity {
    pub(super) fn new(name: &str) -> Identity {
        let folder = super::folder(name);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let unix_ms = i64::try_from(now.unwrap().as_millis()).unwrap();
        let made = provide_certificate(&folder, None, "mx.test", UnknownSni::Serve, unix_ms);
        let made = made.unwrap();
        let file = |name: &str| folder.join("tls").join(name);
        let chain = vec![CertificateDer::from_pem_file(file("cert.pem")).unwrap()];
        let key = PrivateKeyDer::from_pem_file(file("key.pem")).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let client = ClientTls::new(Some(&file("ca.pem"))).unwrap();
        Identity {
            folder,
            server: Arc::new(server),
            listeners: made.load().unwrap(),
            client: Arc::new(client),
        }
    }

    /// What a client that trusts the authority needs.
    pub(super) fn client(&self) -> Arc<ClientTls> {
        Arc::clone(&self.client)
    }

    /// What a server with the certificate needs.
    pub(super) fn server(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.server)
    }

    fn peer(&self, name: &str) -> TlsPeer {
        self.client.verified(name).unwrap()
    }

    /// A peer over TLS, after `before` in clear.
    fn serve(&self, before: fn(&mut TcpStream)) -> SocketAddr {
        let config = Arc::clone(&self.server);
        serve(move |mut stream| {
            before(&mut stream);
            let session = ServerConnection::new(Arc::clone(&config)).unwrap();
            echo(StreamOwned::new(session, stream));
        })
    }
}

impl Drop for Identity {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A peer that does this with each connection.
pub(super) fn serve(act: impl Fn(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            act(super::patient(stream));
        }
    });
    address
}

/// Sends back what comes, until the end.
fn echo(mut stream: impl Read + Write) {
    let mut some = [0; 4096];
    while let Ok(n @ 1..) = stream.read(&mut some) {
        if stream.write_all(&some[..n]).is_err() {
            return;
        }
    }
}

/// An address where nothing listens.
fn closed() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// An address that answers nothing: a listener whose backlog is full. It lasts as long as the
/// sockets do.
fn silent() -> (SocketAddr, Vec<socket2::Socket>) {
    let socket =
        || socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let listener = socket();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    listener.bind(&any.into()).unwrap();
    listener.listen(1).unwrap();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    let mut held = vec![listener];
    loop {
        let client = socket();
        let is_full = client
            .connect_timeout(&address.into(), Duration::from_millis(100))
            .is_err();
        held.push(client);
        if is_full {
            return (address, held);
        }
    }
}

#[test]
fn a_dial_connects_talks_and_closes() {
    let reactor = Reactor::start(Limits::default());
    let identity = Identity::new("dial");
    let plain = serve(echo);
    let tls = identity.serve(|_| ());
    let starttls = identity.serve(|stream| {
        let mut line = [0; 9];
        stream.read_exact(&mut line).unwrap();
        assert_eq!(&line, b"STARTTLS\n");
        stream.write_all(b"go on").unwrap();
    });
    let name = || identity.peer("localhost");
    for (address, when, before) in [
        (plain, DialTls::Never, &b""[..]),
        (tls, DialTls::Implicit(name()), b""),
        (starttls, DialTls::StartTls(name()), b"go on"),
    ] {
        let (said, heard) = hear_all(&reactor.dial(&[address], when));
        let opened = if before.is_empty() { 1 } else { 2 };
        assert_eq!(said, vec![Said::Open; opened]);
        assert_eq!(heard, [before, TEXT].concat());
    }
    reactor.reaches(Metric::DialsOpen, 0);
    assert_eq!(reactor.value(Metric::Dials), 3);
    assert_eq!(reactor.value(Metric::DialsFailed), 0);
    assert_eq!(reactor.value(Metric::ConnectionsOpen), 0);
}

#[test]
fn a_dial_that_fails_says_why() {
    let reactor = Reactor::start(Limits {
        handshake_s: 1,
        ..Limits::default()
    });
    assert_eq!(reactor.fails(&[], DialTls::Never), DialError::NoAddress);
    assert_eq!(
        reactor.fails(&[closed()], DialTls::Never),
        DialError::Refused
    );
    let (silent, _held) = silent();
    let begin = Instant::now();
    assert_eq!(
        reactor.fails(&[closed(), silent], DialTls::Never),
        DialError::TimedOut
    );
    assert!(begin.elapsed() >= Duration::from_millis(CONNECT_MS));
    // The third of the addresses is there.
    let there = serve(echo);
    let (said, heard) = hear_all(&reactor.dial(&[closed(), silent, there], DialTls::Never));
    assert_eq!((said, heard), (vec![Said::Open], TEXT.to_vec()));
    reactor.reaches(Metric::DialsOpen, 0);
    assert_eq!(reactor.value(Metric::DialsFailed), 3);

    // In the handshake: a peer that closes, one that is silent, one of another protocol.
    let identity = Identity::new("dial-fails");
    let implicit = || DialTls::Implicit(identity.peer("localhost"));
    let closes = serve(drop);
    assert_eq!(
        reactor.fails(&[closes], implicit()),
        DialError::ClosedInHandshake
    );
    let waits = serve(|mut stream| while let Ok(1..) = stream.read(&mut [0; 4096]) {});
    assert_eq!(
        reactor.fails(&[waits], implicit()),
        DialError::HandshakeTimedOut
    );
    let smtp = serve(|mut stream| {
        let _ = stream.write_all(b"220 mx.test ESMTP\r\n");
        super::rest(&mut stream);
    });
    let error = reactor.fails(&[smtp], implicit());
    assert!(matches!(error, DialError::Tls(_)), "{error}");
    // Incoming handshakes are counted apart.
    assert_eq!(reactor.value(Metric::HandshakesFailed), 0);
}

#[test]
fn a_peer_is_verified_unless_the_caller_says_otherwise() {
    let reactor = Reactor::start(Limits::default());
    let identity = Identity::new("dial-verify");
    let there = identity.serve(|_| ());
    let strangers = ClientTls::new(None).unwrap();
    let peer = strangers.verified("localhost").unwrap();
    let error = reactor.fails(&[there], DialTls::Implicit(peer));
    assert!(
        matches!(&error, DialError::CertificateNotTrusted(why) if why.contains("UnknownIssuer")),
        "{error}"
    );
    let peer = identity.peer("elsewhere.test");
    let error = reactor.fails(&[there], DialTls::Implicit(peer));
    assert_eq!(error, DialError::CertificateWrongName);
    // By name, by address, and without verification.
    for peer in [
        identity.peer("localhost"),
        identity.peer("127.0.0.1"),
        strangers.unverified("elsewhere.test").unwrap(),
    ] {
        let (said, heard) = hear_all(&reactor.dial(&[there], DialTls::Implicit(peer)));
        assert_eq!((said, heard), (vec![Said::Open], TEXT.to_vec()));
    }
    assert!(strangers.verified("no name").is_err());
}

#[test]
fn a_dialed_peer_may_half_close_or_be_lost() {
    let reactor = Reactor::start(Limits::default());
    let (told, tell) = channel();
    let half = serve(move |mut stream| {
        stream.shutdown(Shutdown::Write).unwrap();
        told.send(super::rest(&mut stream)).unwrap();
    });
    let (said, heard) = hear_all(&reactor.dial(&[half], DialTls::Never));
    assert_eq!((said, heard), (vec![Said::Open, Said::Eof], Vec::new()));
    let text = String::from_utf8(TEXT.to_vec()).unwrap();
    assert_eq!(tell.recv_timeout(PATIENCE).unwrap(), text + "last");
    // Reset in the middle: the engine learns of it, and may still make its call.
    let resets = serve(|mut stream| {
        stream.read_exact(&mut [0; 2]).unwrap();
        let socket = socket2::SockRef::from(&stream);
        socket.set_linger(Some(Duration::ZERO)).unwrap();
    });
    let said = reactor.dial(&[resets], DialTls::Never);
    assert_eq!(hear(&said), Said::Open);
    let lost = hear(&said);
    assert!(matches!(lost, Said::Failed(DialError::Lost(_))), "{lost:?}");
    assert_eq!(hear(&said), Said::Answered);
    reactor.reaches(Metric::DialsOpen, 0);
}

#[test]
fn a_stop_is_told_to_dials() {
    let reactor = Reactor::start(Limits::default());
    let (silent, _held) = silent();
    // This peer does not close. The worker waits for that, and so still takes the last dial.
    let (keep, kept) = channel();
    let waits = serve(move |stream| drop(keep.send(stream)));
    let open = reactor.dial(&[waits], DialTls::Never);
    assert_eq!(hear(&open), Said::Open);
    let connecting = reactor.dial(&[silent, silent], DialTls::Never);
    reactor.reaches(Metric::DialsOpen, 2);
    reactor.hub.shutdown();
    let late = reactor.dial(&[waits], DialTls::Never);
    assert_eq!(hear(&open), Said::Stopping);
    for said in [connecting, late] {
        assert_eq!(hear(&said), Said::Failed(DialError::Stopping));
        assert_eq!(hear(&said), Said::Answered);
    }
    drop(kept);
}

/// A client of our own submission listener, as one of many.
#[derive(Debug)]
struct OneOfMany {
    greeted: Sender<()>,
    answered: Sender<bool>,
    go: Arc<AtomicBool>,
    is_asking: bool,
}

impl Engine for OneOfMany {
    fn handle(&mut self, now: Now, input: Input<'_>, out: &mut Output) -> usize {
        match input {
            Input::Bytes(bytes) if bytes.ends_with(b"\r\n") => {
                if self.is_asking {
                    let _ = self.answered.send(bytes.starts_with(b"250 "));
                    out.close = true;
                } else {
                    let _ = self.greeted.send(());
                    out.deadline = Some(Some(now.plus_ms(100)));
                }
                return bytes.len();
            }
            Input::Deadline if self.go.load(Ordering::Relaxed) => {
                self.is_asking = true;
                out.bytes.extend_from_slice(b"NOOP\r\n");
            }
            Input::Deadline => out.deadline = Some(Some(now.plus_ms(100))),
            Input::Failed(error) => panic!("{error}"),
            Input::Eof => out.close = true,
            _ => {}
        }
        0
    }

    fn trust(&self) -> Trust {
        Trust::Stranger
    }
}

#[test]
fn a_thousand_go_out_while_a_thousand_come_in() {
    let descriptors = raise_descriptors();
    assert!(descriptors >= 2 * MANY, "{descriptors} descriptors");
    let reactor = Reactor::start(Limits {
        connections: 4 * MANY,
        submission_connections_per_ip: 2 * MANY,
        connects_per_minute: 2 * MANY,
        handshakes_per_worker: 2 * MANY,
        handshake_s: 60,
        ..Limits::default()
    });
    let identity = Identity::new("dial-many");
    let listeners = bind(WantedListener {
        listener: Listener::Submissions,
        place: ListenPlace::Address("127.0.0.1:0".parse().unwrap()),
    })
    .unwrap();
    let address = listeners[0].address;
    let mut acceptor = Acceptor::new(
        listeners,
        identity.listeners.clone(),
        reactor.hub.clone(),
        Arc::clone(&reactor.shared),
        SystemClock::new(),
        4 * MANY,
    )
    .unwrap();
    let bell = acceptor.bell();
    let accepting = thread::spawn(move || acceptor.run(|| Err("not here".into()), || None));

    let (greeted, greetings) = channel();
    let (answered, answers) = channel();
    let go = Arc::new(AtomicBool::new(false));
    for _ in 0..MANY {
        reactor.hub.dial(Dial {
            addresses: vec![address],
            bind: None,
            connect_ms: 60_000,
            tls: DialTls::Implicit(identity.peer("localhost")),
            engine: Box::new(OneOfMany {
                greeted: greeted.clone(),
                answered: answered.clone(),
                go: Arc::clone(&go),
                is_asking: false,
            }),
        });
    }
    for _ in 0..MANY {
        greetings.recv_timeout(Duration::from_secs(60)).unwrap();
    }
    // All of them at once, and each direction in its own count.
    assert_eq!(reactor.value(Metric::DialsOpen), MANY as u64);
    assert_eq!(reactor.value(Metric::ConnectionsOpen), MANY as u64);
    assert_eq!(reactor.value(Metric::Handshakes), MANY as u64);
    go.store(true, Ordering::Relaxed);
    for _ in 0..MANY {
        assert!(answers.recv_timeout(Duration::from_secs(60)).unwrap());
    }
    reactor.reaches(Metric::DialsOpen, 0);
    reactor.reaches(Metric::ConnectionsOpen, 0);
    assert_eq!(reactor.value(Metric::DialsFailed), 0);
    assert_eq!(reactor.value(Metric::Evicted), 0);
    bell.ring(Alarm::Fatal("the test is over".into()));
    accepting.join().unwrap();
}

const MANY: usize = 1000;
const TEXT: &[u8] = b"there and back again";
const CONNECT_MS: u64 = 300;
/// No test waits longer for a report than this.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
