//! The resolver: the wire format of the DNS, a cache, and the state machine that asks name servers.
//! Not their sockets (`net/dns.rs`), and not the meaning of records.
//!
//! It is a stub resolver: it asks servers that resolve names for others, and trusts what they say.
//! It validates no DNSSEC. A name is asked for as it is: there is no search list and no file of
//! hosts. Whatever a server sends costs bounded work and memory (DECISIONS.md, "Name resolution").
//!
//! ```text
//!   ask ──► cache ──► one lookup a question ──► UDP, next server, once more ──► answer
//!                          ▲                     │ truncated: TCP
//!                          └─ a CNAME leads on ──┘
//! ```

mod cache;
mod frame;
mod lookup;
mod message;
mod name;
mod resolv_conf;
mod resolver;
mod server;
mod socket;

#[cfg(test)]
mod tests;

pub use resolv_conf::ResolverSettings;
pub use resolver::{DATAGRAM_MAX, DnsEffect, Resolver};
pub use socket::SocketNumber;

/// What fuzz bodies outside of the crate use beside the resolver.
pub mod testing {
    pub use super::frame::DnsFrame;
    pub use super::message::{AnswerBounds, Found, Head, read_answer, read_head, write_query};
}
