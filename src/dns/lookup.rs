//! One question under way: who waits for it, which name it has come to, and which servers are left.

use super::socket::SocketNumber;
use crate::call::Question;

/// A question under way.
#[derive(Debug)]
pub(super) struct Lookup<W> {
    /// The question that was asked.
    pub question: Question,
    /// Those that wait for its answer; at least one.
    pub waiters: Vec<W>,
    /// The question that is asked now: the name is the end of the CNAMEs so far.
    pub now: Question,
    /// CNAMEs so far, and seconds that they hold.
    pub links: usize,
    pub ttl_s: u32,
    /// The answer is a failure then.
    pub end_ms: u64,
    /// The next thing happens then.
    pub due_ms: u64,
    /// Whether EDNS is used.
    pub edns: bool,
    /// Whether the letters of the name may get a random case.
    pub mixes_case: bool,
    /// The query that is out.
    pub query: Vec<u8>,
    pub attempt: Attempt,
    /// Why the last attempt was in vain.
    pub why: &'static str,
    order: Vec<usize>,
    /// Servers that have said that they have no answer.
    failed: Vec<bool>,
    tries: usize,
}

/// The try under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Attempt {
    /// None: the next one begins when it is due.
    Pause,
    /// A datagram is out.
    Udp {
        socket: SocketNumber,
        id: u16,
        server: usize,
    },
    /// A connection is open.
    Tcp { socket: SocketNumber, server: usize },
    /// It waits for a place among the connections.
    TcpWaits { place: u64, server: usize },
}

impl Attempt {
    /// The server that was asked.
    pub fn server(self) -> Option<usize> {
        match self {
            Attempt::Pause => None,
            Attempt::Udp { server, .. }
            | Attempt::Tcp { server, .. }
            | Attempt::TcpWaits { server, .. } => Some(server),
        }
    }
}

impl<W> Lookup<W> {
    pub fn new(question: &Question, waiter: W, end_ms: u64) -> Self {
        Lookup {
            question: question.clone(),
            waiters: vec![waiter],
            now: question.clone(),
            links: 0,
            ttl_s: u32::MAX,
            end_ms,
            due_ms: end_ms,
            edns: true,
            mixes_case: true,
            query: Vec::new(),
            attempt: Attempt::Pause,
            why: TIMED_OUT,
            order: Vec::new(),
            failed: Vec::new(),
            tries: 0,
        }
    }

    /// Begins with the first server again: for a new name, or new servers.
    pub fn restart(&mut self, order: Vec<usize>) {
        self.failed = vec![false; order.len()];
        self.order = order;
        self.tries = 0;
    }

    /// The server to ask next and the round; `None` when there is none left.
    pub fn next_server(&mut self, rounds: u32) -> Option<(usize, u32)> {
        let n = self.order.len();
        while self.round_now() < rounds {
            let server = *self.order.get(self.tries % n)?;
            let round = self.round_now();
            self.tries += 1;
            if !self.failed.get(server).copied().unwrap_or(true) {
                return Some((server, round));
            }
        }
        None
    }

    /// The round of the try under way.
    pub fn round(&self) -> u32 {
        let n = self.order.len().max(1);
        u32::try_from(self.tries.saturating_sub(1) / n).unwrap_or(u32::MAX)
    }

    fn round_now(&self) -> u32 {
        match self.order.len() {
            0 => u32::MAX,
            n => u32::try_from(self.tries / n).unwrap_or(u32::MAX),
        }
    }

    /// Whether a server is left in the round of the try under way.
    pub fn has_more_in_round(&self) -> bool {
        let n = self.order.len().max(1);
        let rest = match self.tries % n {
            0 => &[],
            used => self.order.get(used..).unwrap_or_default(),
        };
        rest.iter().any(|&server| !self.failed[server])
    }

    /// A server has said that it has no answer; it is not asked again.
    pub fn fail(&mut self, server: usize, why: &'static str) {
        self.why = why;
        if let Some(failed) = self.failed.get_mut(server) {
            *failed = true;
        }
    }
}

pub(super) const TIMED_OUT: &str = "no name server answered in time";
