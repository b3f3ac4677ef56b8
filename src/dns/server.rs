//! What the resolver knows of each name server: whether it is silent, whether it keeps the case of
//! a name, and which UDP sockets lead to it.

use core::net::SocketAddr;

use super::socket::SocketNumber;

/// One name server.
#[derive(Debug)]
pub(super) struct NameServer {
    pub address: SocketAddr,
    /// The open UDP sockets to it.
    pub sockets: Vec<SocketNumber>,
    /// Queries in a row that had no answer, and when the last of them ended.
    silent: u32,
    silent_at_ms: u64,
    /// Answers in which the name had another case.
    case_losses: u32,
}

impl NameServer {
    pub fn new(address: SocketAddr) -> Self {
        NameServer {
            address,
            sockets: Vec::new(),
            silent: 0,
            silent_at_ms: 0,
            case_losses: 0,
        }
    }

    /// Whether the letters of a name get a random case, which a forger must guess too. A packet
    /// from a loopback address comes from this machine, and a small server there may know one
    /// case only.
    pub fn mixes_case(&self) -> bool {
        !self.address.ip().to_canonical().is_loopback() && self.case_losses < CASE_LOSSES_MAX
    }

    /// The server wrote the name in another case.
    pub fn lose_case(&mut self) {
        self.case_losses = self.case_losses.saturating_add(1);
    }

    /// The server has answered.
    pub fn hear(&mut self) {
        self.silent = 0;
    }

    /// The server has not answered a query in its time.
    pub fn miss(&mut self, now_ms: u64) {
        self.silent = self.silent.saturating_add(1);
        self.silent_at_ms = now_ms;
    }

    /// Whether the others are asked before this one.
    fn is_silent(&self, now_ms: u64) -> bool {
        self.silent >= SILENT_MIN && now_ms < self.silent_at_ms.saturating_add(SILENT_MS)
    }
}

/// The order in which a question goes to the servers: as they are configured, silent ones last.
pub(super) fn order(servers: &[NameServer], now_ms: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..servers.len()).collect();
    order.sort_by_key(|&n| servers[n].is_silent(now_ms));
    order
}

/// One lost datagram says nothing of a server.
const SILENT_MIN: u32 = 2;
/// After this time one question finds out whether a silent server is back.
const SILENT_MS: u64 = 30_000;
/// A forger can make a server look so, and gains one question by it.
const CASE_LOSSES_MAX: u32 = 3;
