//! Questions to the DNS and their answers, as the product sees them. Not the wire format and not
//! the resolver: those are in `dns/`. A caller sees no packet, no server and no time to live.
//!
//! A permanent answer and a temporary failure are different: [`DnsError::NoName`] and
//! [`DnsError::NoRecords`] are answers of the DNS. [`DnsError::Temporary`] says that nothing is
//! known.

use core::fmt::Debug;
use core::net::{Ipv4Addr, Ipv6Addr};

/// Octets of a name in text form, without the final dot (RFC 1035 section 2.3.4).
pub const DNS_NAME_MAX: usize = 253;
/// Octets of one label (RFC 1035 section 2.3.4).
pub const DNS_LABEL_MAX: usize = 63;

/// The type of the records that are asked for. The resolver follows a CNAME by itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum RecordType {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
    /// Hosts that take the mail of a domain.
    Mx,
    /// Text.
    Txt,
    /// The names of an address.
    Ptr,
    /// Hosts of a service (RFC 2782).
    Srv,
}

impl RecordType {
    /// Its name, as zone files write it.
    pub const fn name(self) -> &'static str {
        match self {
            RecordType::A => "A",
            RecordType::Aaaa => "AAAA",
            RecordType::Mx => "MX",
            RecordType::Txt => "TXT",
            RecordType::Ptr => "PTR",
            RecordType::Srv => "SRV",
        }
    }
}

/// One question.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Question {
    /// The name: ASCII, lower case, no final dot, labels of 1 to 63 octets, at most 253 octets.
    pub name: String,
    /// The type of the records.
    pub kind: RecordType,
}

impl Question {
    /// The question for `name`, with or without its final dot and in any case. `None` when no
    /// server could be asked for it: an empty or long label, a long name, an octet that is not
    /// printable ASCII. An international name must be in its ASCII form.
    pub fn new(name: &str, kind: RecordType) -> Option<Question> {
        let name = name.strip_suffix('.').unwrap_or(name);
        let is_name = name.len() <= DNS_NAME_MAX
            && name.bytes().all(|c| c.is_ascii_graphic())
            && (name.split('.')).all(|label| !label.is_empty() && label.len() <= DNS_LABEL_MAX);
        is_name.then(|| Question {
            name: name.to_ascii_lowercase(),
            kind,
        })
    }

    /// The question for the names of an IPv4 address (RFC 1035 section 3.5) or an IPv6 address
    /// (RFC 3596 section 2.5).
    pub fn of_address(address: core::net::IpAddr) -> Question {
        let mut name = String::with_capacity(72);
        match address {
            core::net::IpAddr::V4(v4) => {
                for octet in v4.octets().iter().rev() {
                    name.push_str(&format!("{octet}."));
                }
                name.push_str("in-addr.arpa");
            }
            core::net::IpAddr::V6(v6) => {
                for octet in v6.octets().iter().rev() {
                    name.push_str(&format!("{:x}.{:x}.", octet & 15, octet >> 4));
                }
                name.push_str("ip6.arpa");
            }
        }
        Question {
            name,
            kind: RecordType::Ptr,
        }
    }
}

/// One host that takes mail.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Mx {
    /// The lowest is tried first.
    pub preference: u16,
    /// The host, in the form of [`Question::name`]. Empty is the null MX: the domain takes no mail
    /// (RFC 7505).
    pub exchange: String,
}

/// One host of a service (RFC 2782).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Srv {
    /// The lowest is tried first.
    pub priority: u16,
    /// The share of it among those of its priority.
    pub weight: u16,
    /// The port of the service.
    pub port: u16,
    /// The host, in the form of [`Question::name`]. Empty: there is no such service.
    pub target: String,
}

/// The records of an answer: at least one, in the order in which the server gave them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Records {
    /// IPv4 addresses.
    A(Vec<Ipv4Addr>),
    /// IPv6 addresses.
    Aaaa(Vec<Ipv6Addr>),
    /// Hosts that take mail.
    Mx(Vec<Mx>),
    /// Text: the strings of a record are joined without a space (RFC 7208 section 3.3). Any octets.
    Txt(Vec<Vec<u8>>),
    /// Names, in the form of [`Question::name`].
    Ptr(Vec<String>),
    /// Hosts of a service.
    Srv(Vec<Srv>),
}

/// Why there are no records.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DnsError {
    /// The name does not exist (NXDOMAIN): permanent.
    NoName,
    /// The name exists and has no records of this type: permanent.
    NoRecords,
    /// Nothing is known now: time-outs, SERVFAIL, a chain of CNAMEs that does not end, too many
    /// questions. The text says which, for a log or a reply.
    Temporary(&'static str),
}

/// The answer to one question.
pub type DnsAnswer = Result<Records, DnsError>;

/// Something that answers questions. Any thread may ask.
pub trait Resolve: Debug + Send + Sync {
    /// Asks. `answer` is called exactly once, soon or after the time-out of the resolver, on any
    /// thread, possibly before this function returns. It must be quick: it hands the answer on.
    fn ask(&self, question: Question, answer: Box<dyn FnOnce(DnsAnswer) + Send>);

    /// As [`Resolve::ask`], but no answer from a cache of ours: for the check of records that have
    /// just been published.
    fn ask_fresh(&self, question: Question, answer: Box<dyn FnOnce(DnsAnswer) + Send>) {
        self.ask(question, answer);
    }
}

/// Answers every question with a temporary failure: where no server runs.
#[derive(Clone, Copy, Debug)]
pub struct NoResolver;

impl Resolve for NoResolver {
    fn ask(&self, _: Question, answer: Box<dyn FnOnce(DnsAnswer) + Send>) {
        answer(Err(DnsError::Temporary("no server runs that could ask")));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_question_has_a_name_that_a_server_can_be_asked_for() {
        let name = |text: &str| Question::new(text, RecordType::Mx).map(|q| q.name);
        assert_eq!(name("Example.COM."), Some("example.com".to_owned()));
        assert_eq!(name("_dmarc.a"), Some("_dmarc.a".to_owned()));
        let label = "a".repeat(63);
        let longest = format!("{label}.{label}.{label}.{}", "a".repeat(61));
        assert_eq!(longest.len(), DNS_NAME_MAX);
        assert_eq!(name(&longest), Some(longest.clone()));
        for wrong in ["", ".", "a..b", ".a", "a b", "ä.example", "a.."] {
            assert_eq!(name(wrong), None, "{wrong:?}");
        }
        assert_eq!(name(&format!("{longest}a")), None);
        assert_eq!(name(&"a".repeat(64)), None);
    }

    #[test]
    fn an_address_is_asked_for_backwards() {
        let v4 = Question::of_address("192.0.2.10".parse().unwrap());
        assert_eq!(v4.name, "10.2.0.192.in-addr.arpa");
        let v6 = Question::of_address("2001:db8::567:89ab".parse().unwrap());
        assert_eq!(
            v6.name,
            "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"
        );
        assert_eq!(v6.kind.name(), "PTR");
    }
}
