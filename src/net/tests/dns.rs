//! The resolver on a real poll: a fake name server on loopback, over UDP and TCP.

#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::{DnsHandle, DnsSockets};
use crate::call::{
    DnsAnswer, DnsError, Limits, Metric, PublicEndpoints, Question, RecordType, Records, Resolve,
    Shared,
};
use crate::crypto::Random;
use crate::dns::ResolverSettings;
use crate::net::{Hub, SystemClock, Worker};

struct Running {
    hub: Hub,
    names: DnsHandle,
    shared: Arc<Shared>,
    worker: JoinHandle<()>,
}

impl Running {
    fn start(server: SocketAddr) -> Running {
        let shared = Shared::new("mx.test", Limits::default(), PublicEndpoints::default());
        let shared = Arc::new(shared);
        let (hub, mut queues) = Hub::new(1).unwrap();
        let submit = Box::new(|_| true);
        let clock = SystemClock::new();
        let mut worker = Worker::new(queues.remove(0), Arc::clone(&shared), clock, submit, 7);
        let settings = ResolverSettings::of(vec![server]);
        let random = Random::seeded(3);
        worker.resolve_names(DnsSockets::new(settings, Arc::clone(&shared), random));
        let worker = std::thread::spawn(move || worker.run().unwrap());
        let names = DnsHandle::new(&hub);
        Running {
            hub,
            names,
            shared,
            worker,
        }
    }

    fn ask(&self, name: &str) -> Receiver<DnsAnswer> {
        let (sender, answer) = channel();
        let question = Question::new(name, RecordType::A).unwrap();
        let send = Box::new(move |answer| sender.send(answer).unwrap());
        self.names.ask(question, send);
        answer
    }

    fn stop(self) {
        self.hub.shutdown();
        self.worker.join().unwrap();
    }
}

fn told(answer: &Receiver<DnsAnswer>) -> DnsAnswer {
    answer.recv_timeout(Duration::from_secs(20)).unwrap()
}

fn address(text: &str) -> DnsAnswer {
    Ok(Records::A(vec![text.parse().unwrap()]))
}

/// The response with one address, made of the query.
fn respond(query: &[u8], last_octet: u8) -> Vec<u8> {
    let mut out = query.to_vec();
    (out[2], out[3], out[7], out[11]) = (0x81, 0x80, 1, 0);
    // Without OPT, which is the end of the query.
    out.truncate(query.len() - 11);
    out.extend([
        0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, last_octet,
    ]);
    out
}

/// One port for both transports. Another test may have the same number for TCP alone.
fn name_server() -> (UdpSocket, TcpListener) {
    let both = || {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let tcp = TcpListener::bind(udp.local_addr().unwrap()).ok()?;
        Some((udp, tcp))
    };
    (0..100).find_map(|_| both()).unwrap()
}

#[test]
fn answers_come_over_udp_and_truncated_ones_over_tcp() {
    let (udp, tcp) = name_server();
    let server = udp.local_addr().unwrap();
    let running = Running::start(server);
    let mut query = [0; 512];

    let answer = running.ask("a.example");
    let (n, from) = udp.recv_from(&mut query).unwrap();
    // From another address, with all that a forger cannot know: it never comes in.
    let forger = UdpSocket::bind("127.0.0.1:0").unwrap();
    forger.send_to(&respond(&query[..n], 66), from).unwrap();
    udp.send_to(&respond(&query[..n], 1), from).unwrap();
    assert_eq!(told(&answer), address("192.0.2.1"));
    // The cache answers now.
    assert_eq!(told(&running.ask("a.example")), address("192.0.2.1"));

    let answer = running.ask("b.example");
    let (n, from_too) = udp.recv_from(&mut query).unwrap();
    assert_ne!(from.port(), from_too.port());
    let mut truncated = respond(&query[..n], 66);
    truncated[2] |= 2;
    udp.send_to(&truncated, from_too).unwrap();
    let (mut stream, _) = tcp.accept().unwrap();
    let mut length = [0; 2];
    stream.read_exact(&mut length).unwrap();
    let n = usize::from(u16::from_be_bytes(length));
    stream.read_exact(&mut query[..n]).unwrap();
    let response = respond(&query[..n], 2);
    let length = u16::try_from(response.len()).unwrap().to_be_bytes();
    for piece in [&length[..1], &length[1..], &response[..20], &response[20..]] {
        stream.write_all(piece).unwrap();
    }
    assert_eq!(told(&answer), address("192.0.2.2"));
    assert_eq!(running.shared.metrics.value(Metric::DnsTcp), 1);
    assert_eq!(running.shared.metrics.value(Metric::DnsDropped), 0);
    running.stop();
}

#[test]
fn whoever_waits_is_told_when_the_server_stops() {
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let running = Running::start(udp.local_addr().unwrap());
    let answer = running.ask("a.example");
    udp.recv_from(&mut [0; 512]).unwrap();
    let names = running.names.clone();
    running.stop();
    let ended = Err(DnsError::Temporary("the resolver has ended"));
    assert_eq!(told(&answer), ended);
    // Also when the worker is gone already.
    let (sender, answer) = channel();
    let question = Question::new("b.example", RecordType::A).unwrap();
    names.ask(
        question,
        Box::new(move |answer| sender.send(answer).unwrap()),
    );
    assert_eq!(told(&answer), ended);
}

#[test]
fn a_server_that_is_not_there_is_found_out_at_once_and_other_servers_take_over() {
    let gone = UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let running = Running::start(gone);
    let answer = running.ask("a.example");
    // As after SIGHUP with another configuration: the question under way goes there.
    let servers = vec![gone, udp.local_addr().unwrap()];
    running.names.configure(ResolverSettings::of(servers));
    let mut query = [0; 512];
    let (n, from) = udp.recv_from(&mut query).unwrap();
    udp.send_to(&respond(&query[..n], 1), from).unwrap();
    assert_eq!(told(&answer), address("192.0.2.1"));
    // No time-out was waited for.
    assert_eq!(running.shared.metrics.value(Metric::DnsTimeouts), 0);
    running.stop();
}

#[test]
fn a_panic_of_one_that_waits_ends_the_questions_and_not_the_server() {
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let running = Running::start(udp.local_addr().unwrap());
    let first = running.ask("a.example");
    let mut query = [0; 512];
    udp.recv_from(&mut query).unwrap();
    let question = Question::new("b.example", RecordType::A).unwrap();
    running
        .names
        .ask(question, Box::new(|_| panic!("of a test")));
    let (n, from) = udp.recv_from(&mut query).unwrap();
    udp.send_to(&respond(&query[..n], 1), from).unwrap();
    let ended = Err(DnsError::Temporary("the resolver has ended"));
    assert_eq!(told(&first), ended);
    let answer = running.ask("a.example");
    let (n, from) = udp.recv_from(&mut query).unwrap();
    udp.send_to(&respond(&query[..n], 3), from).unwrap();
    assert_eq!(told(&answer), address("192.0.2.3"));
    running.stop();
}
