//! The resolver with arbitrary octets. `dns_message` reads a response: no panic, and what is found
//! keeps its bounds. `dns_resolver` lets servers do anything: each that waits is told exactly once,
//! in time; sockets stay few; and a stream over TCP means the same however it is cut.

use std::sync::Arc;

use postern::testing::call::{
    DnsAnswer, Limits, PublicEndpoints, Question, RecordType, Records, Shared,
};
use postern::testing::crypto::Random;
use postern::testing::dns::{
    AnswerBounds, DnsEffect, DnsFrame, Found, Head, Resolver, ResolverSettings, SocketNumber,
    read_answer, read_head, write_query,
};

const KINDS: [RecordType; 6] = [
    RecordType::A,
    RecordType::Aaaa,
    RecordType::Mx,
    RecordType::Txt,
    RecordType::Ptr,
    RecordType::Srv,
];

/// A response to a question for `a.b`. The first octet chooses the type; the rest is the packet, in
/// which the id and the question are put right, so that reading goes on behind them.
pub fn dns_message(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else {
        return;
    };
    let kind = KINDS[usize::from(*kind) % KINDS.len()];
    let question = Question::new("a.b", kind).unwrap();
    let query = write_query(7, "a.b", kind, true);
    let mut packet = rest.to_vec();
    if packet.len() > 4 {
        packet[..2].copy_from_slice(&query[..2]);
        packet.splice(4..4, query[4..6].iter().copied());
        let end = packet.len().min(12);
        packet.splice(end..end, query[12..21].iter().copied());
    }
    let bounds = AnswerBounds {
        records: 20,
        links: 8,
    };
    read_head(rest, &query);
    for octets in [rest, &packet] {
        match read_answer(octets, &question, bounds) {
            Ok(Found::Records { records, .. }) => check(&records, 20),
            Ok(Found::Alias { name, links, .. }) => {
                assert!(Question::new(&name, kind).is_some(), "{name:?}");
                assert!((1..=8).contains(&links));
            }
            Ok(Found::Nothing { .. } | Found::Endless | Found::Failure(_)) | Err(_) => {}
        }
    }
    let cut = |piece: usize| {
        let mut frame = DnsFrame::default();
        rest.chunks(piece)
            .find_map(|part| frame.take(part).map(<[u8]>::to_vec))
    };
    assert_eq!(cut(1), cut(rest.len().max(1)));
    assert_eq!(cut(1), cut(3));
}

fn check(records: &Records, most: usize) {
    let is_name = |name: &str| Question::new(name, RecordType::A).is_some();
    let n = match records {
        Records::A(all) => all.len(),
        Records::Aaaa(all) => all.len(),
        Records::Mx(all) => {
            assert!(all.is_sorted_by_key(|mx| mx.preference));
            for mx in all {
                assert!(mx.exchange.is_empty() || is_name(&mx.exchange), "{mx:?}");
            }
            all.len()
        }
        Records::Txt(all) => all.len().div_ceil(5),
        Records::Srv(all) => all.len(),
        Records::Ptr(all) => {
            assert!(all.iter().all(|name| is_name(name)), "{all:?}");
            all.len()
        }
    };
    assert!((1..=most).contains(&n), "{n}");
}

/// Commands of two octets and more: ask, answer, answer with these octets, end, wait, configure.
pub fn dns_resolver(data: &[u8]) {
    let whole = run(data, usize::MAX);
    assert_eq!(whole, run(data, 1), "cut singly");
    assert_eq!(whole, run(data, 5), "cut in pieces");
}

struct World {
    resolver: Resolver<usize>,
    now_ms: u64,
    /// Queries that are out, with their sockets; `true` is TCP.
    queries: Vec<(SocketNumber, Vec<u8>, bool)>,
    open: Vec<SocketNumber>,
    told: Vec<Option<(DnsAnswer, u64)>>,
}

fn run(data: &[u8], piece: usize) -> Vec<Option<(DnsAnswer, u64)>> {
    let limits = Limits {
        dns_cache_bytes: 2000,
        dns_questions: 40,
        ..Limits::default()
    };
    let shared = Arc::new(Shared::new("mx.test", limits, PublicEndpoints::default()));
    let mut world = World {
        resolver: Resolver::new(servers(0), shared, Random::seeded(7)),
        now_ms: 0,
        queries: Vec::new(),
        open: Vec::new(),
        told: Vec::new(),
    };
    let mut rest = data.get(..data.len().min(4096)).unwrap_or_default();
    while let [what, value, after @ ..] = rest {
        rest = after;
        let n = usize::from(*value);
        match what % 6 {
            0 => {
                let name = format!("{}.b", char::from(b'a' + value % 20));
                let question = Question::new(&name, KINDS[n % KINDS.len()]).unwrap();
                let waiter = world.told.len();
                world.told.push(None);
                world.with(|resolver, now, out| {
                    resolver.ask(now, &question, what & 64 != 0, waiter, out);
                });
            }
            1 | 2 => {
                let length = usize::from(*what >> 2).min(rest.len());
                let (octets, after) = rest.split_at(length);
                rest = after;
                world.respond(n, what % 6 == 1, octets, piece);
            }
            3 => {
                if let Some(&(socket, ..)) = world.queries.get(n % world.queries.len().max(1)) {
                    world.with(|resolver, now, out| resolver.socket_ended(now, socket, out));
                }
            }
            4 => world.wait(u64::from(*value) * 40),
            _ => world.with(|resolver, now, out| resolver.configure(now, servers(n % 4), out)),
        }
    }
    world.wait(30_000);
    assert_eq!(world.resolver.deadline(), None);
    assert!(world.open.is_empty(), "{:?}", world.open);
    assert!(
        world.told.iter().all(Option::is_some),
        "somebody waits for ever"
    );
    world.told
}

fn servers(n: usize) -> ResolverSettings {
    let all = [
        "192.0.2.1:53",
        "127.0.0.1:53",
        "[2001:db8::1]:53",
        "192.0.2.2:54",
    ];
    let chosen = all.iter().cycle().skip(n).take(1 + n % 3);
    ResolverSettings::of(chosen.map(|server| server.parse().unwrap()).collect())
}

impl World {
    fn with(&mut self, act: impl FnOnce(&mut Resolver<usize>, u64, &mut Vec<DnsEffect<usize>>)) {
        let mut out = Vec::new();
        act(&mut self.resolver, self.now_ms, &mut out);
        for effect in out {
            let (socket, octets, is_tcp) = match effect {
                DnsEffect::Send { socket, octets, .. } => (socket, octets, false),
                DnsEffect::Connect { socket, octets, .. } => (socket, octets, true),
                DnsEffect::Close(socket) => {
                    let before = self.open.len();
                    self.open.retain(|open| *open != socket);
                    assert_eq!(self.open.len() + 1, before, "closed what is not open");
                    continue;
                }
                DnsEffect::Answer(waiters, answer) => {
                    for waiter in waiters {
                        let told = &mut self.told[waiter];
                        assert!(told.is_none(), "told twice");
                        *told = Some((answer.clone(), self.now_ms));
                    }
                    continue;
                }
            };
            if !self.open.contains(&socket) {
                self.open.push(socket);
            }
            assert!(self.open.len() <= 64 + 33);
            self.queries.push((socket, octets, is_tcp));
        }
    }

    /// A server responds to one of the latest queries: with a response of ours, or with octets
    /// behind an id that is right.
    fn respond(&mut self, n: usize, is_ours: bool, octets: &[u8], piece: usize) {
        let latest = self.queries.len().saturating_sub(1 + n % 8);
        let Some((socket, query, is_tcp)) = self.queries.get(latest).cloned() else {
            return;
        };
        let message = if is_tcp { &query[2..] } else { &query[..] };
        let mut response = message.to_vec();
        if is_ours {
            let code = octets.first().copied().unwrap_or(0);
            response[2] = 0x81 | (code >> 6 & 2);
            response[3] = 0x80 | (code & 15);
            if let Some((&count, records)) = octets.get(1..).and_then(<[u8]>::split_first) {
                response[7] = count & 7;
                response[11] = 0;
                let end = message.len() - if message[11] == 1 { 11 } else { 0 };
                response.truncate(end);
                response.extend(records);
            }
        } else {
            response.truncate(2);
            response.extend(octets);
        }
        if !is_tcp {
            self.with(|resolver, now, out| resolver.datagram(now, socket, &response, out));
            return;
        }
        assert_ne!(read_head(message, message), Head::OtherCase);
        let stream = DnsFrame::of(&response);
        for part in stream.chunks(piece.min(stream.len())) {
            self.with(|resolver, now, out| resolver.octets(now, socket, part, out));
        }
    }

    fn wait(&mut self, ms: u64) {
        let end = self.now_ms + ms;
        let mut fuel = 100_000;
        while let Some(at) = self.resolver.deadline()
            && at <= end
        {
            fuel -= 1;
            assert!(fuel > 0, "a deadline does not move on");
            self.now_ms = at.max(self.now_ms);
            self.with(|resolver, now, out| resolver.expire(now, out));
        }
        self.now_ms = end;
    }
}
