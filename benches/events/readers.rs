//! Many clients of event streams on one thread: what they read is counted, and not kept.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use serde_json::json;

/// The clients, and what they have read together.
pub struct Readers {
    poll: Poll,
    events: Events,
    all: Vec<Reader>,
    buffer: Vec<u8>,
    window: Option<usize>,
    /// What stands once in a `ready`, and once in the frame of a received message.
    marks: [&'static str; 2],
    /// Streams that have had their `ready`.
    pub ready: usize,
    /// Frames of received messages.
    pub received: usize,
    /// Answers, the heads of streams among them.
    pub answers: usize,
    /// The numbers of the messages of those frames (see `rig::message`), and when they were read.
    pub arrivals: Option<Vec<(usize, Instant)>>,
}

struct Reader {
    socket: TcpStream,
    /// The end of what was read, for a word that is cut there.
    rest: Vec<u8>,
}

impl Readers {
    /// None yet.
    pub fn new() -> Readers {
        Readers {
            poll: Poll::new().unwrap(),
            events: Events::with_capacity(1024),
            all: Vec::new(),
            buffer: vec![0; 256 << 10],
            window: None,
            marks: ["event: ready\n", "event: message.received\n"],
            ready: 0,
            received: 0,
            answers: 0,
            arrivals: None,
        }
    }

    /// The same, with sockets that hold so many octets for their clients.
    pub fn with_window(octets: usize) -> Readers {
        Readers {
            window: Some(octets),
            ..Readers::new()
        }
    }

    /// The same for WebSockets.
    pub fn of_sockets() -> Readers {
        Readers {
            marks: ["\"op\":\"subscribed\"", "\"type\":\"message.received\""],
            ..Readers::new()
        }
    }

    /// One more client: connects and sends a GET.
    pub fn ask(&mut self, port: u16, path: &str, key: &str) {
        let mut socket = self.connect(port);
        write!(
            socket,
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n\r\n"
        )
        .unwrap();
        self.add(socket);
    }

    /// One more WebSocket: connects and subscribes to the messages that an inbox receives.
    pub fn subscribe(&mut self, port: u16, inbox: &str, key: &str) {
        let mut socket = self.connect(port);
        socket.write_all(&upgrade(key)).unwrap();
        read_head(&mut socket);
        let wanted =
            json!({"op": "subscribe", "id": "a", "inbox": inbox, "type": "message.received"});
        socket.write_all(&client_text(&wanted.to_string())).unwrap();
        self.add(socket);
    }

    fn connect(&self, port: u16) -> std::net::TcpStream {
        let socket =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        if let Some(window) = self.window {
            socket.set_recv_buffer_size(window).unwrap();
        }
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        socket.connect(&to.into()).unwrap();
        std::net::TcpStream::from(socket)
    }

    fn add(&mut self, socket: std::net::TcpStream) {
        socket.set_nonblocking(true).unwrap();
        let mut socket = TcpStream::from_std(socket);
        let token = Token(self.all.len());
        let registry = self.poll.registry();
        registry
            .register(&mut socket, token, Interest::READABLE)
            .unwrap();
        self.all.push(Reader {
            socket,
            rest: Vec::new(),
        });
    }

    /// Reads until something holds.
    pub fn until(&mut self, holds: impl Fn(&Readers) -> bool) {
        let end = Instant::now() + Duration::from_secs(120);
        while !holds(self) {
            assert!(Instant::now() < end, "nothing more comes");
            let wait = Some(Duration::from_secs(1));
            if let Err(error) = self.poll.poll(&mut self.events, wait) {
                assert_eq!(error.kind(), ErrorKind::Interrupted);
            }
            let now = Instant::now();
            let ready: Vec<usize> = self.events.iter().map(|event| event.token().0).collect();
            for at in ready {
                self.read(at, now);
            }
        }
    }

    fn read(&mut self, at: usize, now: Instant) {
        let subject = "\"subject\":\"Message ";
        loop {
            let reader = &mut self.all[at];
            let kept = reader.rest.len();
            self.buffer[..kept].copy_from_slice(&reader.rest);
            let n = match reader.socket.read(&mut self.buffer[kept..]) {
                Ok(0) => panic!("the server has closed a connection"),
                Ok(n) => n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => panic!("{error}"),
            };
            let text = &self.buffer[..kept + n];
            reader.rest.clear();
            let cut = text.len().saturating_sub(CUT);
            reader.rest.extend_from_slice(&text[cut..]);
            // A word that ends within what was kept has been counted.
            let found = |word: &'static str, more: usize| {
                let all = memchr::memmem::find_iter(text, word);
                all.map(move |at| at + word.len()).filter(move |end| {
                    let end = end + more;
                    end > kept && end <= kept + n
                })
            };
            let [ready, received] = self.marks;
            self.ready += found(ready, 0).count();
            self.received += found(received, 0).count();
            self.answers += found("HTTP/1.1 200 OK\r\n", 0).count();
            if let Some(arrivals) = &mut self.arrivals {
                for end in found(subject, DIGITS) {
                    let digits = text[end..].iter().take_while(|b| b.is_ascii_digit());
                    let number = digits.fold(0, |n, b| n * 10 + usize::from(b - b'0'));
                    arrivals.push((number, now));
                }
            }
        }
    }
}

/// The request of a WebSocket.
pub fn upgrade(key: &str) -> Vec<u8> {
    format!(
        "GET /api/v1/ws HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n\
         Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    .into_bytes()
}

/// Reads the head of an answer, octet by octet: what follows is left.
pub fn read_head(from: &mut impl Read) {
    let (mut head, mut octet) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        from.read_exact(&mut octet).unwrap();
        head.push(octet[0]);
    }
    let head = String::from_utf8_lossy(&head);
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
}

/// A masked frame of text of a client (RFC 6455 section 5.2); the mask is zero.
pub fn client_text(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).unwrap();
    let mut frame = vec![0x81];
    match length {
        0..126 => frame.push(0x80 | length),
        _ => frame.extend_from_slice(&[0x80 | 126, 0, length]),
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(text.as_bytes());
    frame
}

/// Octets that are kept of what was read, for a word that is cut there.
const CUT: usize = 63;
/// Octets that are looked at behind a word, for its number.
const DIGITS: usize = 12;
