//! The worker's turns, with sockets on loopback and the clock moved by hand.

#![allow(clippy::unwrap_used)]
use std::io::Read;

use super::*;
use crate::call::{Answer, Limits, Listener, Network, OrgId, PublicEndpoints, Topic};
use crate::engine::{Engine, Input, Output};
use crate::net::dial::DialTls;
use crate::net::hub::Hub;
use crate::net::listen::Slot;

fn worker() -> (Worker, Arc<Shared>) {
    let shared = Arc::new(Shared::new(
        "mx.test",
        Limits::default(),
        PublicEndpoints::default(),
    ));
    let (_hub, mut queues) = Hub::new(1).unwrap();
    let submit = Box::new(|_| true);
    let queue = queues.remove(0);
    let worker = Worker::new(queue, Arc::clone(&shared), SystemClock::new(), submit, 7);
    (worker, shared)
}

/// A new connection of the worker; the peer's end of it.
fn connect(worker: &mut Worker, shared: &Arc<Shared>, id: u64) -> std::net::TcpStream {
    connect_to(worker, shared, id, Listener::Submission)
}

fn connect_to(
    worker: &mut Worker,
    shared: &Arc<Shared>,
    id: u64,
    listener: Listener,
) -> std::net::TcpStream {
    let (accepted, peer) = arrive(worker, shared, id, listener);
    worker.adopt(accepted);
    peer
}

fn arrive(
    worker: &Worker,
    shared: &Arc<Shared>,
    id: u64,
    listener: Listener,
) -> (Accepted, std::net::TcpStream) {
    let bound = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = std::net::TcpStream::connect(bound.local_addr().unwrap()).unwrap();
    let (stream, address) = bound.accept().unwrap();
    stream.set_nonblocking(true).unwrap();
    let accepted = Accepted {
        id: ConnId(id),
        stream: mio::net::TcpStream::from_std(stream),
        peer: address,
        at: worker.context.now.mono_ms,
        listener,
        tls: None,
        slot: Slot::uncounted(shared, Network::V4([127, 0, 0, 1])),
    };
    (accepted, peer)
}

#[test]
fn the_oldest_strangers_are_closed_first() {
    let (mut worker, shared) = worker();
    let mut peers: Vec<_> = (1..=130)
        .map(|id| connect(&mut worker, &shared, id))
        .collect();
    worker.evict(Shortage::Places);
    assert_eq!(worker.conns.len(), 130, "a new peer may still log in");
    worker.context.now.mono_ms += 5000;
    peers.push(connect(&mut worker, &shared, 131));
    worker.evict(Shortage::Places);
    let mut left: Vec<u64> = worker.conns.keys().map(|id| id.0).collect();
    left.sort_unstable();
    assert_eq!(left, (3..=131).collect::<Vec<_>>());
    assert_eq!(shared.metrics.value(Metric::Evicted), 2);
    // For memory an eighth is closed at once, of any age.
    worker.evict(Shortage::Memory);
    assert_eq!(shared.metrics.value(Metric::Evicted), 2 + 129 / 8);
}

#[test]
fn a_full_network_closes_its_own_oldest_stranger() {
    let (mut worker, shared) = worker();
    let _peers: Vec<_> = (1..=10)
        .map(|id| connect(&mut worker, &shared, id))
        .collect();
    let own = Network::V4([127, 0, 0, 1]);
    let other = Network::V4([127, 0, 0, 2]);
    worker.evict(Shortage::PlacesOf(own, Listener::Mx));
    assert_eq!(worker.conns.len(), 10, "a new peer may still log in");
    worker.context.now.mono_ms += 5000;
    worker.evict(Shortage::PlacesOf(other, Listener::Mx));
    worker.evict(Shortage::PlacesOf(own, Listener::Imaps));
    assert_eq!(worker.conns.len(), 10);
    worker.evict(Shortage::PlacesOf(own, Listener::Mx));
    assert!(worker.conns.len() == 9 && !worker.conns.contains_key(&ConnId(1)));
}

#[test]
fn a_peer_that_brings_a_message_has_its_time() {
    let (mut worker, shared) = worker();
    let _peers = [1, 2].map(|id| connect_to(&mut worker, &shared, id, Listener::Mx));
    worker.context.now.mono_ms += 1000;
    worker.with(ConnId(1), "bytes", |conn, context| {
        conn.touch(context, Session::deadline)?;
        let words = b"EHLO a.test\r\nMAIL FROM:<>\r\n";
        conn.touch(context, |session, now, out| {
            session.receive(now, words, out)
        })
    });
    worker.answer(ConnId(1), Reply::Answer(Answer::Done));
    worker.context.now.mono_ms += GUEST_MS - 1001;
    for (ms, left) in [(0, &[ConnId(1)][..]), (0, &[ConnId(1)]), (1, &[])] {
        worker.context.now.mono_ms += ms;
        worker.evict(Shortage::Memory);
        assert_eq!(worker.conns.keys().copied().collect::<Vec<_>>(), left);
    }
}

#[test]
fn a_handshake_that_waits_gets_a_slot() {
    let (mut worker, shared) = worker();
    let (crowd, lone) = (Network::V4([192, 0, 2, 1]), Network::V4([192, 0, 2, 2]));
    let most = shared.limits.handshakes_per_worker as u64;
    let now = worker.context.now.mono_ms;
    for id in 0..most {
        (worker.context.handshakes).begin(ConnId(1000 + id), crowd, now);
    }
    assert_eq!(worker.timeout(), None);
    // The first of them has its share, the second has nothing yet.
    let _peers = [(1, crowd), (2, lone)].map(|(id, network)| {
        let (mut accepted, peer) = arrive(&worker, &shared, id, Listener::Submission);
        accepted.slot = Slot::uncounted(&shared, network);
        worker.waiting.push_back(accepted);
        peer
    });
    let wait = worker.timeout().unwrap();
    assert!(wait <= Duration::from_millis(SLOT_MS), "{wait:?}");
    worker.admit_waiting();
    assert_eq!(worker.conns.keys().collect::<Vec<_>>(), [&ConnId(2)]);
    assert_eq!(worker.waiting.len(), 1);
    worker.context.now.mono_ms += 1000;
    worker.admit_waiting();
    assert_eq!(
        worker.conns.len(),
        2,
        "the handshakes before it have become slow"
    );
}

#[test]
fn many_panics_leave_nothing_behind() {
    let (mut worker, shared) = worker();
    let _bystander = connect(&mut worker, &shared, 1);
    for id in 2..300 {
        let _peer = connect(&mut worker, &shared, id);
        worker.with(ConnId(id), "bytes", |conn, context| {
            let topics = vec![Topic::Org(OrgId(1))];
            conn.touch(context, |_, _, out| out.watch = Some(topics))
        });
        worker.with(ConnId(id), "bytes", |conn, context| {
            conn.touch(context, |_, _, out| {
                out.bytes.extend_from_slice(b"half of a line");
                panic!("on purpose")
            })
        });
    }
    assert_eq!(shared.metrics.value(Metric::Panics), 298);
    assert_eq!(shared.metrics.value(Metric::ConnectionsOpen), 1);
    assert_eq!(worker.conns.len(), 1);
    assert!(worker.context.watchers.is_empty());
    // None of their bytes is sent to the connection that is left.
    assert!(worker.context.spare.is_empty() && worker.context.cipher.is_empty());
    worker.with(ConnId(1), "bytes", |conn, context| {
        conn.touch(context, |_, _, _| ())
    });
    assert_eq!(worker.conns.len(), 1);
}

#[test]
fn a_panic_costs_one_connection() {
    let (mut worker, shared) = worker();
    let mut peers: Vec<_> = (1..=2)
        .map(|id| connect(&mut worker, &shared, id))
        .collect();
    worker.with(ConnId(1), "bytes", |_, _| panic!("on purpose"));
    assert_eq!(shared.metrics.value(Metric::Panics), 1);
    assert_eq!(shared.metrics.value(Metric::ConnectionsOpen), 1);
    // Its peer has read the greeting and sees the end; the other goes on.
    let mut said = String::new();
    peers[0].read_to_string(&mut said).unwrap();
    assert!(said.starts_with("220 mx.test"));
    worker.with(ConnId(2), "shutdown", |conn, context| {
        conn.touch(context, Session::shutdown)
    });
    worker.remove(ConnId(2), "test");
    said.clear();
    peers[1].read_to_string(&mut said).unwrap();
    assert!(said.contains("\r\n421 4.3.2"), "{said}");
}

#[test]
fn a_peer_that_does_not_read_has_its_time() {
    let (mut worker, shared) = worker();
    let (stall_s, stream_s) = (shared.limits.stall_s, shared.limits.stream_stall_s);
    for (id, stream, limit_s) in [(1, false, stall_s), (2, true, stream_s)] {
        let before = shared.metrics.value(Metric::Stalled);
        let _peer = connect(&mut worker, &shared, id);
        worker.with(ConnId(id), "bytes", |conn, context| {
            conn.touch(context, |_, _, out| {
                out.stream = stream;
                // More than the kernel takes on behalf of a peer that reads nothing.
                out.bytes.resize(32 << 20, b'x');
            })
        });
        worker.context.now.mono_ms += limit_s * 1000 - 1;
        worker.expire();
        assert_eq!(shared.metrics.value(Metric::Stalled), before);
        worker.context.now.mono_ms += 1;
        worker.expire();
        assert_eq!(shared.metrics.value(Metric::Stalled), before + 1);
    }
}

/// The engine of a connection that goes out: it says more than the kernel takes on behalf of a peer
/// that reads nothing.
#[derive(Debug)]
struct Talker;

impl Engine for Talker {
    fn handle(&mut self, _now: Now, input: Input<'_>, out: &mut Output) -> usize {
        if matches!(input, Input::Open) {
            out.bytes.resize(32 << 20, b'x');
        }
        0
    }

    fn trust(&self) -> Trust {
        Trust::Known
    }
}

#[test]
fn a_server_that_does_not_read_has_the_time_that_our_engine_gives_it() {
    let (mut worker, shared) = worker();
    let bound = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let dial = Dial {
        addresses: vec![bound.local_addr().unwrap()],
        bind: None,
        connect_ms: 1000,
        tls: DialTls::Never,
        engine: Box::new(Talker),
    };
    worker.dial(ConnId(1), dial);
    let _peer = bound.accept().unwrap();
    worker.with(ConnId(1), "bytes", |conn, context| {
        conn.touch(context, |_, _, _| ())
    });
    // SMTP waits three minutes for a piece to go (RFC 5321 section 4.5.3.2.5).
    worker.context.now.mono_ms += 299_999;
    worker.expire();
    assert_eq!(shared.metrics.value(Metric::Stalled), 0);
    worker.context.now.mono_ms += 1;
    worker.expire();
    assert_eq!(shared.metrics.value(Metric::Stalled), 1);
}

#[test]
fn a_turn_that_takes_long_is_counted() {
    let (mut worker, shared) = worker();
    let _peer = connect(&mut worker, &shared, 1);
    let before = shared.metrics.value(Metric::LongTurns);
    let long = std::time::Duration::from_millis(8);
    worker.with(ConnId(1), "bytes", |_, _| {
        std::thread::sleep(long);
        Ok(())
    });
    assert_eq!(shared.metrics.value(Metric::LongTurns), before + 1);
    assert!(shared.metrics.value(Metric::LongestTurn) >= 8000);
}
