//! How mail leaves: the table `outbound` of the configuration as plain data, with its defaults and
//! their reasons. `config.rs` reads and checks it; the service obeys it.

use core::net::{IpAddr, SocketAddr};
use std::collections::BTreeMap;

use super::{OutboundLogin, OutboundTimeouts};

/// How mail leaves. `Default` is delivery by MX to public addresses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutboundSettings {
    /// Where all mail goes; `None` is by MX.
    pub smarthost: Option<Smarthost>,
    /// What TLS the hosts of a domain need, where `domains` says nothing else.
    pub tls: OutboundTlsNeed,
    /// Domains with settings of their own: ASCII, lower case.
    pub domains: BTreeMap<String, OutboundDomain>,
    /// The argument of EHLO; `None` is the server's name.
    pub helo: Option<String>,
    /// The addresses to connect from, at most one of each family; none leaves it to the system.
    pub bind: Vec<IpAddr>,
    /// The port of other servers.
    pub port: u16,
    /// Private, loopback and other special addresses are connected to.
    pub allow_private: bool,
    /// Milliseconds before each next attempt; the last repeats.
    pub retry_ms: Vec<u64>,
    /// Milliseconds after which a recipient is given up.
    pub expire_ms: u64,
    /// Milliseconds after which the sender is told of a delay.
    pub delay_notice_ms: u64,
    /// How long a reply may take.
    pub timeouts: OutboundTimeouts,
    /// Connections to one address at once.
    pub host_connections: usize,
    /// The addresses at which this server takes mail: a host at one of them is ourselves.
    pub own: Vec<SocketAddr>,
}

/// A host that takes all mail.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Smarthost {
    /// A name, or an address.
    pub host: String,
    /// Its port, 587 or 465 as a rule.
    pub port: u16,
    /// How TLS begins.
    pub tls: SmarthostTls,
    /// The user and the password, if it wants them.
    pub login: Option<OutboundLogin>,
}

/// TLS to a smarthost; its certificate must verify.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SmarthostTls {
    /// By STARTTLS (RFC 3207).
    StartTls,
    /// Before the first octet (RFC 8314 section 3.3).
    Implicit,
    /// Only for a loopback address.
    None,
}

/// What TLS the hosts of a domain need.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OutboundTlsNeed {
    /// It is used where it is offered; once it has failed, mail goes in clear text.
    #[default]
    Opportunistic,
    /// Mail goes with TLS or not at all. The certificate does not need to verify.
    Required,
}

/// The settings of one domain.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OutboundDomain {
    pub tls: Option<OutboundTlsNeed>,
    pub smarthost: Option<Smarthost>,
}

impl Default for OutboundSettings {
    fn default() -> Self {
        OutboundSettings {
            smarthost: None,
            tls: OutboundTlsNeed::Opportunistic,
            domains: BTreeMap::new(),
            helo: None,
            bind: Vec::new(),
            port: 25,
            allow_private: false,
            // Earlier than RFC 5321 section 4.5.4.1 asks for: most temporary failures are
            // greylisting, and one connection a minute is little.
            retry_ms: [1, 5, 15, 30, 60, 120, 240].map(|m| m * MINUTE_MS).to_vec(),
            expire_ms: 72 * 60 * MINUTE_MS,
            delay_notice_ms: 4 * 60 * MINUTE_MS,
            // RFC 5321 section 4.5.3.2.
            timeouts: OutboundTimeouts {
                connect_ms: 30_000,
                command_ms: 5 * MINUTE_MS,
                data_ms: 10 * MINUTE_MS,
            },
            host_connections: 20,
            own: Vec::new(),
        }
    }
}

const MINUTE_MS: u64 = 60_000;
