//! Many clients of event streams on one thread: what they read is counted, and not kept.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use memchr::memmem::Finder;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

/// The clients, and what they have read together.
pub struct Readers {
    poll: Poll,
    events: Events,
    all: Vec<Reader>,
    buffer: Vec<u8>,
    window: Option<usize>,
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

    /// One more client: connects and sends a GET.
    pub fn ask(&mut self, port: u16, path: &str, key: &str) {
        let socket =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        if let Some(window) = self.window {
            socket.set_recv_buffer_size(window).unwrap();
        }
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        socket.connect(&to.into()).unwrap();
        let mut socket = std::net::TcpStream::from(socket);
        write!(
            socket,
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n\r\n"
        )
        .unwrap();
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
        let subject = Finder::new("\"subject\":\"Message ");
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
            // Only whole lines are looked at; the rest waits.
            let text = &self.buffer[..kept + n];
            let whole = memchr::memrchr(b'\n', text).map_or(0, |end| end + 1);
            reader.rest.clear();
            reader.rest.extend_from_slice(&text[whole..]);
            let lines = &text[..whole];
            let count = |word: &str| memchr::memmem::find_iter(lines, word).count();
            self.ready += count("event: ready\n");
            self.received += count("event: message.received\n");
            self.answers += count("HTTP/1.1 200 OK\r\n");
            if let Some(arrivals) = &mut self.arrivals {
                for found in subject.find_iter(lines) {
                    let digits = lines[found + subject.needle().len()..].iter();
                    let digits = digits.take_while(|b| b.is_ascii_digit());
                    let number = digits.fold(0, |n, b| n * 10 + usize::from(b - b'0'));
                    arrivals.push((number, now));
                }
            }
        }
    }
}
