//! Which servers are asked, and how often: from our configuration, or from `/etc/resolv.conf`
//! (resolv.conf(5)). Not the reading of that file.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The port of name servers.
const DNS_PORT: u16 = 53;

/// The servers and the patience with them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ResolverSettings {
    /// The servers in the order in which they are asked; never empty.
    pub servers: Vec<SocketAddr>,
    /// How long a server has to answer the first time. It doubles with each round.
    pub timeout_ms: u64,
    /// How often each server is asked.
    pub rounds: u32,
}

impl ResolverSettings {
    /// These servers; without one, a server on this machine.
    pub fn of(servers: Vec<SocketAddr>) -> Self {
        let own = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), DNS_PORT);
        let servers = match servers.is_empty() {
            true => vec![own],
            false => servers,
        };
        ResolverSettings {
            servers,
            timeout_ms: TIMEOUT_MS,
            rounds: ROUNDS,
        }
    }

    /// The text of `/etc/resolv.conf`: the first three servers, `timeout` and `attempts`. `search`
    /// and the other options do not count: a name of mail is always whole.
    pub fn from_text(text: &str) -> Self {
        let mut servers = Vec::new();
        let (mut timeout_ms, mut rounds) = (TIMEOUT_MS, ROUNDS);
        for line in text.lines() {
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("nameserver") if servers.len() < SERVERS_MAX => {
                    let address: Option<IpAddr> = words.next().and_then(|word| word.parse().ok());
                    servers.extend(address.map(|ip| SocketAddr::new(ip, DNS_PORT)));
                }
                Some("options") => {
                    for (name, value) in words.filter_map(|word| word.split_once(':')) {
                        let Ok(n) = value.parse::<u32>() else {
                            continue;
                        };
                        match name {
                            "timeout" => timeout_ms = u64::from(n.clamp(1, 30)) * 1000,
                            "attempts" => rounds = n.clamp(1, 5),
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        ResolverSettings {
            timeout_ms,
            rounds,
            ..ResolverSettings::of(servers)
        }
    }
}

/// A server that answers from its cache needs milliseconds; one that asks others for the first time
/// seldom more than two seconds.
const TIMEOUT_MS: u64 = 2000;
/// 2, 4 and 8 seconds: together less than the time of a question.
const ROUNDS: u32 = 3;
/// As in resolv.conf(5).
const SERVERS_MAX: usize = 3;
