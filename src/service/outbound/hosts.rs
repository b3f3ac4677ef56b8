//! The hosts of a route: from the answers of the DNS to the next address to try.
//!
//! It asks nothing itself: it says which question is next. The order is that of RFC 5321 section
//! 5.1: the lowest preference first, hosts of one preference by chance; the addresses of a host by
//! chance too, IPv4 first.

use core::net::{IpAddr, SocketAddr};
use std::collections::VecDeque;

use super::failure::{DeliveryFailure, Lasting};
use crate::call::{
    DnsAnswer, DnsError, Mx, OutboundSettings, Question, RecordType, Records, is_public,
};

/// The hosts of a route that are still to be tried.
#[derive(Debug)]
pub struct Hosts {
    left: VecDeque<Host>,
    port: u16,
    /// They were named by the owner of the domain: their addresses must be public.
    is_named_outside: bool,
    /// The domain has no MX: its name is the only host (RFC 5321 section 5.1).
    is_implicit: bool,
}

/// A host.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Host {
    name: String,
    preference: u16,
    /// `None` before its addresses were asked for.
    addresses: Option<VecDeque<IpAddr>>,
    /// Answers that have not come.
    open: u8,
    found: Vec<IpAddr>,
    fault: Option<HostFault>,
}

/// Why a host has no address to try, the worst last.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum HostFault {
    NoAddress,
    Private,
    Temporary(&'static str),
}

/// What comes next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HostStep {
    /// These questions must be asked; their answers come by [`Hosts::answered`].
    Ask(String, Vec<Question>),
    /// Answers have not come yet.
    Wait,
    /// The next address of this host.
    Try(String, SocketAddr),
    /// No host is left. Says why the last one had no address, if it was for that.
    End(Option<DeliveryFailure>),
}

/// The hosts of a domain, from the answer to its MX question.
pub fn hosts_of(
    domain: &str,
    answer: DnsAnswer,
    settings: &OutboundSettings,
    own_name: &str,
    random: &mut dyn FnMut() -> u64,
) -> Result<Hosts, DeliveryFailure> {
    let port = settings.port;
    let mut mx = match answer {
        Ok(Records::Mx(mx)) => mx,
        Ok(_) | Err(DnsError::NoRecords) => {
            return Ok(Hosts::one(domain, port, true, true));
        }
        Err(DnsError::NoName) => {
            let why = format!("the domain {domain} does not exist");
            return Err(DeliveryFailure::of(Lasting::Permanent, (5, 1, 2), why));
        }
        Err(DnsError::Temporary(why)) => {
            let why = format!("the MX of {domain} cannot be looked up: {why}");
            return Err(DeliveryFailure::of(Lasting::Temporary, (4, 4, 3), why));
        }
    };
    // RFC 7505 section 3: other records beside the null MX are its owner's mistake.
    mx.retain(|mx| !mx.exchange.is_empty());
    if mx.is_empty() {
        let why = format!("the domain {domain} takes no mail (null MX)");
        return Err(DeliveryFailure::of(Lasting::Permanent, (5, 1, 10), why));
    }
    shuffle(&mut mx, random);
    mx.sort_by_key(|mx| mx.preference);
    // RFC 5321 section 5.1: hosts that are not better than ourselves would send it back to us.
    let own = mx
        .iter()
        .find(|mx| mx.exchange.eq_ignore_ascii_case(own_name));
    if let Some(own) = own.map(|mx| mx.preference) {
        mx.retain(|mx| mx.preference < own);
        if mx.is_empty() {
            return Err(DeliveryFailure::ourselves(domain));
        }
    }
    let mut names: Vec<String> = Vec::new();
    let mut left = VecDeque::new();
    for Mx {
        preference,
        exchange,
    } in mx
    {
        if left.len() < HOSTS_MAX && !names.contains(&exchange) {
            names.push(exchange.clone());
            left.push_back(Host::new(exchange, preference));
        }
    }
    Ok(Hosts {
        left,
        port,
        is_named_outside: true,
        is_implicit: false,
    })
}

impl Hosts {
    /// One host: a domain without MX, an address literal, or a smarthost.
    pub fn one(name: &str, port: u16, is_named_outside: bool, is_implicit: bool) -> Hosts {
        Hosts {
            left: VecDeque::from([Host::new(name.to_owned(), 0)]),
            port,
            is_named_outside,
            is_implicit,
        }
    }

    /// What comes next. It begins with the host that was begun.
    pub fn next(
        &mut self,
        settings: &OutboundSettings,
        random: &mut dyn FnMut() -> u64,
    ) -> HostStep {
        let mut fault = None;
        while let Some(host) = self.left.front_mut() {
            if host.open > 0 {
                return HostStep::Wait;
            }
            let Some(addresses) = &mut host.addresses else {
                if let Some(address) = literal(&host.name) {
                    host.found.push(address);
                } else {
                    let questions: Option<Vec<Question>> = [RecordType::A, RecordType::Aaaa]
                        .into_iter()
                        .map(|kind| Question::new(&host.name, kind))
                        .collect();
                    if let Some(questions) = questions
                        && !host.is_answered()
                    {
                        host.open = 2;
                        return HostStep::Ask(host.name.clone(), questions);
                    }
                }
                self.order(settings, random);
                continue;
            };
            if let Some(address) = addresses.pop_front() {
                let address = SocketAddr::new(address, self.port);
                return HostStep::Try(host.name.clone(), address);
            }
            if let Some(host) = self.left.pop_front() {
                fault = host.fault.map(|fault| self.failure(&host.name, &fault));
            }
        }
        HostStep::End(fault)
    }

    /// Goes on with the next host: this one was reached, and is of no use now.
    pub fn skip_host(&mut self) {
        self.left.pop_front();
    }

    /// No host is tried any more: those that are left are not better than ourselves, and would send
    /// the mail back to us (RFC 5321 section 5.1).
    pub fn end(&mut self) {
        self.left.clear();
    }

    /// Whether no host is left.
    pub fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// An address that was not tried comes next again.
    pub fn put_back(&mut self, address: IpAddr) {
        if let Some(addresses) = self
            .left
            .front_mut()
            .and_then(|host| host.addresses.as_mut())
        {
            addresses.push_front(address);
        }
    }

    /// The answer to a question about the addresses of `host`.
    pub fn answered(&mut self, host: &str, answer: DnsAnswer) {
        let Some(host) = self.left.front_mut().filter(|first| first.name == host) else {
            return;
        };
        host.open = host.open.saturating_sub(1);
        match answer {
            Ok(Records::A(found)) => host.found.extend(found.into_iter().map(IpAddr::V4)),
            Ok(Records::Aaaa(found)) => host.found.extend(found.into_iter().map(IpAddr::V6)),
            Ok(_) | Err(DnsError::NoName | DnsError::NoRecords) => {
                host.fault = host.fault.take().max(Some(HostFault::NoAddress));
            }
            Err(DnsError::Temporary(why)) => {
                host.fault = host.fault.take().max(Some(HostFault::Temporary(why)));
            }
        }
    }

    /// Orders and filters the addresses of the first host.
    fn order(&mut self, settings: &OutboundSettings, random: &mut dyn FnMut() -> u64) {
        let is_filtered = self.is_named_outside && !settings.allow_private;
        let Some(host) = self.left.front_mut() else {
            return;
        };
        let mut found = core::mem::take(&mut host.found);
        shuffle(&mut found, random);
        found.sort_by_key(IpAddr::is_ipv6);
        found.dedup();
        let before = found.len();
        if is_filtered {
            found.retain(|address| is_public(*address));
        }
        host.fault = match (before, found.len()) {
            (0, _) => Some(host.fault.take().unwrap_or(HostFault::NoAddress)),
            (_, 0) => Some(HostFault::Private),
            _ => None,
        };
        host.addresses = Some(found.into());
    }

    fn failure(&self, host: &str, fault: &HostFault) -> DeliveryFailure {
        let failure = match fault {
            HostFault::NoAddress if self.is_implicit => {
                let why = format!("{host} has neither an MX nor an address");
                DeliveryFailure::of(Lasting::Permanent, (5, 4, 4), why)
            }
            HostFault::NoAddress => {
                let why = format!("the MX host {host} has no address");
                DeliveryFailure::of(Lasting::Temporary, (4, 4, 4), why)
            }
            HostFault::Private => {
                let why = format!(
                    "{host} has only private or special addresses, which mail is not sent to"
                );
                DeliveryFailure::of(Lasting::Temporary, (4, 4, 4), why)
            }
            HostFault::Temporary(why) => {
                let why = format!("the addresses of {host} cannot be looked up: {why}");
                DeliveryFailure::of(Lasting::Temporary, (4, 4, 3), why)
            }
        };
        failure.at_host(host)
    }
}

impl Host {
    fn new(name: String, preference: u16) -> Host {
        Host {
            name,
            preference,
            addresses: None,
            open: 0,
            found: Vec::new(),
            fault: None,
        }
    }

    /// Whether answers about its addresses have come.
    fn is_answered(&self) -> bool {
        !self.found.is_empty() || self.fault.is_some()
    }
}

/// The address that a name is: `192.0.2.1`, or a literal of RFC 5321 section 4.1.3.
pub fn literal(name: &str) -> Option<IpAddr> {
    let inner = name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let Some(inner) = inner else {
        return name.parse().ok();
    };
    let v6 = inner
        .get(..5)
        .filter(|tag| tag.eq_ignore_ascii_case("ipv6:"));
    match v6 {
        Some(_) => inner.get(5..)?.parse().ok().map(IpAddr::V6),
        None => inner.parse().ok().map(IpAddr::V4),
    }
}

/// Orders a list by chance.
fn shuffle<T>(list: &mut [T], random: &mut dyn FnMut() -> u64) {
    for end in (1..list.len()).rev() {
        let other = usize::try_from(random() % (end as u64 + 1)).unwrap_or(0);
        list.swap(end, other);
    }
}

/// Hosts of a domain that are looked at.
const HOSTS_MAX: usize = 20;
