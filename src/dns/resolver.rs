//! The state machine: questions and packets in, packets and answers out. No socket and no clock.
//!
//! - A question that is under way is asked once for all that wait for it.
//! - Each query has a random id, and a UDP socket of its own while there are few, so that the
//!   kernel gives it a random port. A packet counts only if it comes by the socket of its query
//!   and has its id and its question, letter by letter.
//! - The servers are asked in turn, in rounds with doubled patience, until the time of the
//!   question is over. One that says that it has no answer is not asked again.
//! - A truncated answer is asked for over TCP; so are the queries of a socket that gets many
//!   packets that match nothing.
//! - A server that keeps quiet holds up nothing but the questions that it was asked.

use core::net::SocketAddr;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::cache::Cache;
use super::frame::DnsFrame;
use super::lookup::{Attempt, Lookup, TIMED_OUT};
use super::message::{
    AnswerBounds, Found, Head, ResponseCode, read_answer, read_head, write_query,
};
use super::resolv_conf::ResolverSettings;
use super::server::{NameServer, order};
use super::socket::SocketNumber;
use crate::call::{DnsAnswer, DnsError, Metric, Question, Shared};
use crate::crypto::Random;

/// What the owner of the sockets does.
#[derive(Debug)]
pub enum DnsEffect<W> {
    /// Sends a datagram. Without a socket of this number, one is opened: bound to a random port and
    /// connected to the server, so that packets from elsewhere never come in.
    Send {
        /// The socket.
        socket: SocketNumber,
        /// Where to.
        server: SocketAddr,
        /// The datagram.
        octets: Vec<u8>,
    },
    /// Opens a TCP connection of this number and sends the octets.
    Connect {
        /// The connection.
        socket: SocketNumber,
        /// Where to.
        server: SocketAddr,
        /// What is sent.
        octets: Vec<u8>,
    },
    /// Closes a socket or connection; nothing that comes from it counts any more.
    Close(SocketNumber),
    /// Gives an answer to those that wait for it.
    Answer(Vec<W>, DnsAnswer),
}

/// What comes in by a socket.
#[derive(Debug)]
enum SocketState {
    /// Queries by their id, and packets that matched none.
    Udp {
        server: usize,
        queries: HashMap<u16, LookupNumber>,
        misses: u32,
    },
    Tcp {
        lookup: LookupNumber,
        frame: DnsFrame,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
struct LookupNumber(u64);

/// The resolver. `W` is what waits for an answer.
#[derive(Debug)]
pub struct Resolver<W> {
    shared: Arc<Shared>,
    random: Random,
    settings: ResolverSettings,
    servers: Vec<NameServer>,
    cache: Cache,
    lookups: HashMap<LookupNumber, Lookup<W>>,
    by_question: HashMap<Question, LookupNumber>,
    due: BTreeSet<(u64, LookupNumber)>,
    sockets: HashMap<SocketNumber, SocketState>,
    tcp_open: usize,
    /// Those that wait for a connection, in their order.
    tcp_waiting: BTreeMap<u64, LookupNumber>,
    /// Those that wait, in all.
    waiting: usize,
    next: u64,
}

impl<W> Resolver<W> {
    /// A resolver that has not asked anything.
    pub fn new(settings: ResolverSettings, shared: Arc<Shared>, random: Random) -> Self {
        let cache = Cache::new(shared.limits.dns_cache_bytes);
        let servers = settings.servers.iter().copied().map(NameServer::new);
        Resolver {
            servers: servers.collect(),
            settings,
            random,
            cache,
            shared,
            lookups: HashMap::new(),
            by_question: HashMap::new(),
            due: BTreeSet::new(),
            sockets: HashMap::new(),
            tcp_open: 0,
            tcp_waiting: BTreeMap::new(),
            waiting: 0,
            next: 0,
        }
    }

    /// Asks. With `is_fresh` an answer in the cache does not count.
    pub fn ask(
        &mut self,
        now_ms: u64,
        question: &Question,
        is_fresh: bool,
        waiter: W,
        out: &mut Vec<DnsEffect<W>>,
    ) {
        self.count(Metric::DnsQuestions);
        if !is_fresh && let Some(answer) = self.cache.find(now_ms, question) {
            self.count(Metric::DnsCached);
            out.push(DnsEffect::Answer(vec![waiter], answer));
            return;
        }
        if self.waiting >= self.shared.limits.dns_questions {
            self.count(Metric::DnsRefused);
            let error = DnsError::Temporary("too many questions to the DNS wait: ask again later");
            out.push(DnsEffect::Answer(vec![waiter], Err(error)));
            return;
        }
        self.waiting += 1;
        if let Some(number) = self.by_question.get(question)
            && let Some(lookup) = self.lookups.get_mut(number)
        {
            lookup.waiters.push(waiter);
            return;
        }
        let number = LookupNumber(self.number());
        let end_ms = now_ms.saturating_add(self.shared.limits.dns_question_s.saturating_mul(1000));
        let mut lookup = Lookup::new(question, waiter, end_ms);
        lookup.restart(order(&self.servers, now_ms));
        self.by_question.insert(question.clone(), number);
        self.due.insert((lookup.due_ms, number));
        self.lookups.insert(number, lookup);
        self.try_next(now_ms, number, out);
    }

    /// A datagram has come in by a socket.
    pub fn datagram(
        &mut self,
        now_ms: u64,
        socket: SocketNumber,
        octets: &[u8],
        out: &mut Vec<DnsEffect<W>>,
    ) {
        let Some(SocketState::Udp { queries, .. }) = self.sockets.get(&socket) else {
            return;
        };
        let id = octets.first_chunk().map(|id| u16::from_be_bytes(*id));
        let number = id.and_then(|id| queries.get(&id)).copied();
        let lookup = number.and_then(|number| self.lookups.get_mut(&number));
        let (Some(number), Some(lookup)) = (number, lookup) else {
            return self.miss(now_ms, socket, out);
        };
        let Some(server) = lookup.attempt.server() else {
            return;
        };
        match read_head(octets, &lookup.query) {
            Head::Other => self.miss(now_ms, socket, out),
            Head::OtherCase => {
                lookup.mixes_case = false;
                self.servers[server].lose_case();
                self.count(Metric::DnsDropped);
                self.send(now_ms, number, server, out);
            }
            Head::Ours { is_truncated, .. } => {
                self.servers[server].hear();
                match is_truncated || octets.len() > DATAGRAM_MAX {
                    true => self.send_by_tcp(now_ms, number, server, out),
                    false => self.read(now_ms, number, octets, out),
                }
            }
        }
    }

    /// Octets have come in by a connection.
    pub fn octets(
        &mut self,
        now_ms: u64,
        socket: SocketNumber,
        octets: &[u8],
        out: &mut Vec<DnsEffect<W>>,
    ) {
        let Some(SocketState::Tcp { lookup, frame }) = self.sockets.get_mut(&socket) else {
            return;
        };
        let number = *lookup;
        let Some(packet) = frame.take(octets).map(<[u8]>::to_vec) else {
            return;
        };
        let Some(lookup) = self.lookups.get_mut(&number) else {
            return;
        };
        match (read_head(&packet, &lookup.query), lookup.attempt.server()) {
            (Head::Ours { is_truncated, .. }, Some(server)) if !is_truncated => {
                self.servers[server].hear();
                self.read(now_ms, number, &packet, out);
            }
            (_, server) => {
                if let Some(server) = server {
                    lookup.fail(server, UNREADABLE);
                }
                self.try_next(now_ms, number, out);
            }
        }
    }

    /// A socket or connection cannot be opened, or has ended. The next server is asked; when this
    /// was the last of the round, the next round keeps its time.
    pub fn socket_ended(&mut self, now_ms: u64, socket: SocketNumber, out: &mut Vec<DnsEffect<W>>) {
        let mut numbers: Vec<LookupNumber> = match self.sockets.get(&socket) {
            None => return,
            Some(SocketState::Udp { queries, .. }) => queries.values().copied().collect(),
            Some(SocketState::Tcp { lookup, .. }) => vec![*lookup],
        };
        // A table has another order in each run; the same input has the same result.
        numbers.sort_unstable();
        for number in numbers {
            let Some(lookup) = self.lookups.get_mut(&number) else {
                continue;
            };
            lookup.why = UNREACHABLE;
            let has_more = lookup.has_more_in_round();
            if let Some(server) = lookup.attempt.server() {
                self.servers[server].miss(now_ms);
            }
            match has_more {
                true => self.try_next(now_ms, number, out),
                false => self.detach(now_ms, number, out),
            }
        }
        self.close(socket, out);
    }

    /// When [`Resolver::expire`] is to be called.
    pub fn deadline(&self) -> Option<u64> {
        self.due.first().map(|&(due_ms, _)| due_ms)
    }

    /// Ends the tries whose time is over.
    pub fn expire(&mut self, now_ms: u64, out: &mut Vec<DnsEffect<W>>) {
        while let Some(&(due_ms, number)) = self.due.first()
            && due_ms <= now_ms
        {
            let Some(lookup) = self.lookups.get_mut(&number) else {
                self.due.pop_first();
                continue;
            };
            if let Some(server) = lookup.attempt.server() {
                lookup.why = TIMED_OUT;
                self.servers[server].miss(now_ms);
                self.count(Metric::DnsTimeouts);
            }
            self.try_next(now_ms, number, out);
        }
    }

    /// From now on other servers are asked, also for the questions under way.
    pub fn configure(
        &mut self,
        now_ms: u64,
        settings: ResolverSettings,
        out: &mut Vec<DnsEffect<W>>,
    ) {
        if settings == self.settings {
            return;
        }
        let mut numbers: Vec<LookupNumber> = self.lookups.keys().copied().collect();
        numbers.sort_unstable();
        for number in &numbers {
            self.detach(now_ms, *number, out);
        }
        self.servers = settings
            .servers
            .iter()
            .copied()
            .map(NameServer::new)
            .collect();
        self.settings = settings;
        self.cache.clear();
        for number in numbers {
            let order = order(&self.servers, now_ms);
            if let Some(lookup) = self.lookups.get_mut(&number) {
                lookup.restart(order);
            }
            self.try_next(now_ms, number, out);
        }
    }

    /// Forgets everything: the questions under way, their sockets and the cache. What waits is
    /// dropped.
    pub fn reset(&mut self) {
        self.cache.clear();
        self.lookups.clear();
        self.by_question.clear();
        self.due.clear();
        self.sockets.clear();
        self.tcp_waiting.clear();
        (self.tcp_open, self.waiting) = (0, 0);
        for server in &mut self.servers {
            server.sockets.clear();
        }
    }

    /// A packet that matches no query. Many of them on one socket are an attack on its queries:
    /// then they go over TCP, where a forger cannot answer.
    fn miss(&mut self, now_ms: u64, socket: SocketNumber, out: &mut Vec<DnsEffect<W>>) {
        self.count(Metric::DnsDropped);
        let Some(SocketState::Udp {
            server,
            queries,
            misses,
        }) = self.sockets.get_mut(&socket)
        else {
            return;
        };
        *misses = misses.saturating_add(1);
        if *misses < MISSES_MAX {
            return;
        }
        let (server, mut numbers) = (*server, queries.values().copied().collect::<Vec<_>>());
        numbers.sort_unstable();
        for number in numbers {
            self.send_by_tcp(now_ms, number, server, out);
        }
    }

    /// Reads the response to a lookup's query.
    fn read(
        &mut self,
        now_ms: u64,
        number: LookupNumber,
        packet: &[u8],
        out: &mut Vec<DnsEffect<W>>,
    ) {
        let Some(lookup) = self.lookups.get_mut(&number) else {
            return;
        };
        let limits = &self.shared.limits;
        let bounds = AnswerBounds {
            records: limits.dns_records,
            links: limits.dns_links.saturating_sub(lookup.links),
        };
        let server = lookup.attempt.server().unwrap_or(0);
        match read_answer(packet, &lookup.now, bounds) {
            Ok(Found::Records {
                records,
                ttl_s,
                is_cut,
            }) => {
                let ttl_s = ttl_s.min(lookup.ttl_s);
                if is_cut {
                    self.count(Metric::DnsCut);
                }
                self.finish(now_ms, number, Ok(records), seconds(ttl_s, TTL_MAX_S), out);
            }
            Ok(Found::Nothing { exists, ttl_s }) => {
                let ttl_s = ttl_s.map_or(0, |ttl_s| ttl_s.min(lookup.ttl_s));
                let error = match exists {
                    true => DnsError::NoRecords,
                    false => DnsError::NoName,
                };
                let keep_ms = seconds(ttl_s, NEGATIVE_TTL_MAX_S);
                self.finish(now_ms, number, Err(error), keep_ms, out);
            }
            Ok(Found::Alias { name, links, ttl_s }) => {
                lookup.links += links;
                lookup.ttl_s = lookup.ttl_s.min(ttl_s);
                lookup.now.name = name;
                let order = order(&self.servers, now_ms);
                lookup.restart(order);
                self.try_next(now_ms, number, out);
            }
            Ok(Found::Endless) => {
                self.count(Metric::DnsCut);
                let error = DnsError::Temporary("the name leads on by too many CNAMEs");
                self.finish(now_ms, number, Err(error), FAILURE_MS, out);
            }
            Ok(Found::Failure(code)) if code.may_be_edns() && lookup.edns => {
                lookup.edns = false;
                match lookup.attempt {
                    Attempt::Tcp { .. } => self.send_by_tcp(now_ms, number, server, out),
                    _ => self.send(now_ms, number, server, out),
                }
            }
            Ok(Found::Failure(code)) => {
                lookup.fail(server, reason(code));
                self.try_next(now_ms, number, out);
            }
            Err(_) => {
                lookup.fail(server, UNREADABLE);
                self.try_next(now_ms, number, out);
            }
        }
    }

    /// Asks the next server, or gives up.
    fn try_next(&mut self, now_ms: u64, number: LookupNumber, out: &mut Vec<DnsEffect<W>>) {
        let Some(lookup) = self.lookups.get_mut(&number) else {
            return;
        };
        let next = match now_ms < lookup.end_ms {
            true => lookup.next_server(self.settings.rounds),
            false => None,
        };
        match next {
            Some((server, _)) => self.send(now_ms, number, server, out),
            None => {
                let error = DnsError::Temporary(lookup.why);
                self.finish(now_ms, number, Err(error), FAILURE_MS, out);
            }
        }
    }

    /// Sends the query to a server in a datagram.
    fn send(
        &mut self,
        now_ms: u64,
        number: LookupNumber,
        server: usize,
        out: &mut Vec<DnsEffect<W>>,
    ) {
        self.detach(now_ms, number, out);
        let socket = self.socket_to(server);
        let id = self.free_id(socket);
        let Some(lookup) = self.lookups.get_mut(&number) else {
            return;
        };
        let mut name = lookup.now.name.clone();
        if lookup.mixes_case && self.servers[server].mixes_case() {
            name = mix_case(&name, &mut self.random);
        }
        lookup.query = write_query(id, &name, lookup.now.kind, lookup.edns);
        lookup.attempt = Attempt::Udp { socket, id, server };
        out.push(DnsEffect::Send {
            socket,
            server: self.servers[server].address,
            octets: lookup.query.clone(),
        });
        if let Some(SocketState::Udp { queries, .. }) = self.sockets.get_mut(&socket) {
            queries.insert(id, number);
        }
        self.count(Metric::DnsQueries);
        self.arm(now_ms, number, 0);
    }

    /// Sends the query to a server over TCP, now or when a connection is free.
    fn send_by_tcp(
        &mut self,
        now_ms: u64,
        number: LookupNumber,
        server: usize,
        out: &mut Vec<DnsEffect<W>>,
    ) {
        self.detach(now_ms, number, out);
        let place = self.number();
        let Some(lookup) = self.lookups.get_mut(&number) else {
            return;
        };
        if self.tcp_open >= TCP_MAX {
            lookup.attempt = Attempt::TcpWaits { place, server };
            self.tcp_waiting.insert(place, number);
            self.arm(now_ms, number, TCP_MS);
            return;
        }
        let socket = SocketNumber(place);
        let id = u16::from_be_bytes(self.random.array());
        lookup.query = write_query(id, &lookup.now.name, lookup.now.kind, lookup.edns);
        lookup.attempt = Attempt::Tcp { socket, server };
        out.push(DnsEffect::Connect {
            socket,
            server: self.servers[server].address,
            octets: DnsFrame::of(&lookup.query),
        });
        let state = SocketState::Tcp {
            lookup: number,
            frame: DnsFrame::default(),
        };
        self.sockets.insert(socket, state);
        self.tcp_open += 1;
        self.count(Metric::DnsQueries);
        self.count(Metric::DnsTcp);
        self.arm(now_ms, number, TCP_MS);
    }

    /// Sets when the try under way is over: the patience of its round, at least `least_ms`.
    fn arm(&mut self, now_ms: u64, number: LookupNumber, least_ms: u64) {
        let Some(lookup) = self.lookups.get_mut(&number) else {
            return;
        };
        let factor = 1u64.checked_shl(lookup.round()).unwrap_or(u64::MAX);
        let patience_ms = self.settings.timeout_ms.saturating_mul(factor);
        self.due.remove(&(lookup.due_ms, number));
        lookup.due_ms = now_ms
            .saturating_add(patience_ms.max(least_ms))
            .min(lookup.end_ms);
        self.due.insert((lookup.due_ms, number));
    }

    /// Ends the try under way. Its socket goes when no other query uses it, and a connection that
    /// comes free is used at once.
    fn detach(&mut self, now_ms: u64, number: LookupNumber, out: &mut Vec<DnsEffect<W>>) {
        let Some(lookup) = self.lookups.get_mut(&number) else {
            return;
        };
        match core::mem::replace(&mut lookup.attempt, Attempt::Pause) {
            Attempt::Pause => {}
            Attempt::Udp { socket, id, .. } => {
                if let Some(SocketState::Udp { queries, .. }) = self.sockets.get_mut(&socket) {
                    queries.remove(&id);
                    if queries.is_empty() {
                        self.close(socket, out);
                    }
                }
            }
            Attempt::TcpWaits { place, .. } => {
                self.tcp_waiting.remove(&place);
            }
            Attempt::Tcp { socket, .. } => {
                self.close(socket, out);
                if let Some((_, next)) = self.tcp_waiting.pop_first()
                    && let Some(lookup) = self.lookups.get_mut(&next)
                    && let Attempt::TcpWaits { server, .. } = lookup.attempt
                {
                    lookup.attempt = Attempt::Pause;
                    self.send_by_tcp(now_ms, next, server, out);
                }
            }
        }
    }

    /// Closes a socket that is open.
    fn close(&mut self, socket: SocketNumber, out: &mut Vec<DnsEffect<W>>) {
        match self.sockets.remove(&socket) {
            None => return,
            Some(SocketState::Tcp { .. }) => self.tcp_open -= 1,
            Some(SocketState::Udp { server, .. }) => {
                if let Some(server) = self.servers.get_mut(server) {
                    server.sockets.retain(|&open| open != socket);
                }
            }
        }
        out.push(DnsEffect::Close(socket));
    }

    /// Ends a lookup with its answer, which is kept for `keep_ms`.
    fn finish(
        &mut self,
        now_ms: u64,
        number: LookupNumber,
        answer: DnsAnswer,
        keep_ms: u64,
        out: &mut Vec<DnsEffect<W>>,
    ) {
        self.detach(now_ms, number, out);
        let Some(lookup) = self.lookups.remove(&number) else {
            return;
        };
        self.due.remove(&(lookup.due_ms, number));
        self.by_question.remove(&lookup.question);
        self.waiting -= lookup.waiters.len();
        if matches!(answer, Err(DnsError::Temporary(_))) {
            self.count(Metric::DnsFailed);
        }
        if keep_ms > 0 {
            let until_ms = now_ms.saturating_add(keep_ms);
            self.cache.keep(now_ms, &lookup.question, &answer, until_ms);
        }
        out.push(DnsEffect::Answer(lookup.waiters, answer));
    }

    /// A UDP socket to a server: a new one while it has few, then one of those by chance.
    fn socket_to(&mut self, server: usize) -> SocketNumber {
        let most = (UDP_MAX / self.servers.len().max(1)).max(1);
        let open = self.servers[server].sockets.len();
        if open >= most {
            let at = self.random.u64() % open as u64;
            return self.servers[server].sockets[at as usize];
        }
        let socket = SocketNumber(self.number());
        let state = SocketState::Udp {
            server,
            queries: HashMap::new(),
            misses: 0,
        };
        self.sockets.insert(socket, state);
        self.servers[server].sockets.push(socket);
        socket
    }

    /// A random id that no query of the socket has. A socket has far fewer queries than there are
    /// ids: `dns_questions` is bounded by the type of an id.
    fn free_id(&mut self, socket: SocketNumber) -> u16 {
        let mut id = u16::from_be_bytes(self.random.array());
        if let Some(SocketState::Udp { queries, .. }) = self.sockets.get(&socket) {
            while queries.contains_key(&id) && queries.len() < usize::from(u16::MAX) {
                id = id.wrapping_add(1);
            }
        }
        id
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }

    fn count(&self, metric: Metric) {
        self.shared.metrics.count(metric);
    }

    /// Lookups, sockets, and those that wait.
    #[cfg(test)]
    pub fn state(&self) -> (usize, usize, usize) {
        (self.lookups.len(), self.sockets.len(), self.waiting)
    }
}

/// Gives each letter a random case.
fn mix_case(name: &str, random: &mut Random) -> String {
    let bits: [u8; 32] = random.array();
    let is_upper = |at: usize| bits[at / 8 % bits.len()] >> (at % 8) & 1 == 1;
    let mixed = name.chars().enumerate().map(|(at, c)| match is_upper(at) {
        true => c.to_ascii_uppercase(),
        false => c,
    });
    mixed.collect()
}

fn seconds(ttl_s: u32, most_s: u32) -> u64 {
    u64::from(ttl_s.min(most_s)) * 1000
}

fn reason(code: ResponseCode) -> &'static str {
    match code.0 {
        2 => "the name servers could not find it out (SERVFAIL)",
        5 => "the name servers refuse to answer (REFUSED)",
        _ => "the name servers answered with an error",
    }
}

const UNREADABLE: &str = "the name servers sent answers that cannot be read";
const UNREACHABLE: &str = "the name servers cannot be reached";

/// Octets of a datagram that is read; a larger one is asked for over TCP.
pub const DATAGRAM_MAX: usize = 4096;
/// UDP sockets at once: the descriptors that the process keeps free are 256.
const UDP_MAX: usize = 64;
/// Connections at once.
const TCP_MAX: usize = 32;
/// A connection and an answer of 64 KiB take longer than a datagram.
const TCP_MS: u64 = 5000;
/// Packets that match nothing before the queries of a socket go over TCP: more than late answers
/// make, and far fewer than a forger needs.
const MISSES_MAX: u32 = 16;
/// Seconds that records are kept at most: a day.
const TTL_MAX_S: u32 = 86_400;
/// Seconds that "there is nothing" is kept at most: an hour (RFC 2308 section 5: one to three).
const NEGATIVE_TTL_MAX_S: u32 = 3600;
/// Milliseconds that a failure is kept (RFC 9520 section 3.2: at least one second).
const FAILURE_MS: u64 = 1000;
