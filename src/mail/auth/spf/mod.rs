//! SPF (RFC 7208): whether a host may send for a domain. A state machine: it asks one question of
//! the DNS at a time and is given the answer. It fetches no explanation, and it decides nothing.
//!
//! ```text
//!   ask TXT ─► record ─► term ─► match ──────────────► result of the frame
//!      ▲                 │  ▲ └─► no match ─► next term, redirect or neutral
//!      │     include,    │  │
//!      └──── redirect ───┘  └── A, AAAA, MX, PTR
//! ```
//!
//! A frame is one record; `include` puts another on top of it. The rule: at most [`TERMS_MAX`]
//! terms that ask, [`VOIDS_MAX`] answers without records, and [`ADDRESSES_MAX`] addresses of one
//! term, whatever the records say.

mod expand;
mod record;

use core::net::IpAddr;

use expand::{MacroText, MacroValues};
use record::{Mechanism, Prefixes, SpfRecord};

use crate::call::{AuthResult, DnsAnswer, DnsError, Question, RecordType, Records};
use crate::mail::parse::address::parse_domain;

/// What the check wants next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SpfStep {
    /// The answer to this question.
    Ask(Question),
    /// Nothing: this is the result.
    Done(AuthResult),
}

/// One check.
#[derive(Clone, Debug)]
pub struct SpfCheck {
    address: IpAddr,
    local: String,
    sender_domain: String,
    helo: String,
    frames: Vec<RecordFrame>,
    wait: Wait,
    terms: usize,
    voids: usize,
    /// The names of the address that lead back to it, when they were asked for.
    names: Option<Vec<String>>,
}

/// A record on its way.
#[derive(Clone, Debug)]
struct RecordFrame {
    domain: String,
    record: SpfRecord,
    /// The directive that is looked at.
    at: usize,
    /// Whether this directive is counted among the terms that ask.
    is_counted: bool,
    /// Whether its record must exist: that of an `include` and of a `redirect`.
    is_needed: bool,
}

/// What the answer to the question is for.
#[derive(Clone, Debug)]
enum Wait {
    Nothing,
    Record,
    Address(Prefixes),
    Exists,
    Mx(Prefixes),
    /// The hosts that are not asked for yet, the next one last.
    MxAddress(Vec<String>, Prefixes),
    Names,
    /// The names that are not asked for yet, the one that is asked for last; and those that are
    /// confirmed.
    NameAddress(Vec<String>, Vec<String>),
}

/// What a step inside gives: a question, or the next thing to look at, or the end.
enum Next {
    Ask(Question, Wait),
    /// The directive matches.
    Match,
    /// The directive does not match.
    Miss,
    /// The whole check ends.
    End(AuthResult),
}

impl SpfCheck {
    /// Checks whether `address` may send for the domain of the reverse path (RFC 7208 section 2.4),
    /// or of `helo` when the path is null. An IPv4 address in IPv6 form counts as IPv4.
    pub fn new(address: IpAddr, reverse_path: Option<&str>, helo: &str) -> SpfCheck {
        let path = reverse_path.filter(|path| !path.is_empty());
        let (local, domain) = match path {
            None => ("postmaster", helo),
            Some(path) => match path.rsplit_once('@') {
                Some(("", domain)) => ("postmaster", domain),
                Some((local, domain)) => (local, domain),
                None => ("postmaster", path),
            },
        };
        SpfCheck {
            address: address.to_canonical(),
            local: local.to_owned(),
            sender_domain: ascii(domain),
            helo: ascii(helo),
            frames: Vec::new(),
            wait: Wait::Nothing,
            terms: 0,
            voids: 0,
            names: None,
        }
    }

    /// The domain that is checked: that of the reverse path, or the HELO name.
    pub fn domain(&self) -> &str {
        &self.sender_domain
    }

    /// The first step.
    pub fn start(&mut self) -> SpfStep {
        // A name that is no domain of several labels has no record (RFC 7208 section 4.3).
        let domain = self.sender_domain.clone();
        let bare = domain.strip_suffix('.').unwrap_or(&domain);
        match question(&domain, RecordType::Txt) {
            Some(question) if bare.contains('.') && !bare.starts_with('[') => {
                self.frames.push(RecordFrame::new(domain, false));
                self.wait = Wait::Record;
                SpfStep::Ask(question)
            }
            _ => SpfStep::Done(AuthResult::None),
        }
    }

    /// The step after an answer.
    pub fn step(&mut self, answer: DnsAnswer) -> SpfStep {
        let mut next = match core::mem::replace(&mut self.wait, Wait::Nothing) {
            Wait::Nothing => Next::End(AuthResult::TempError),
            Wait::Record => match self.read_record(answer) {
                Ok(()) => self.look(),
                Err(AuthResult::None) => self.no_record(),
                Err(result) => Next::End(result),
            },
            Wait::Address(prefixes) => self.found_addresses(&answer, prefixes),
            Wait::Exists => match self.counted(&answer) {
                Ok(true) => Next::Match,
                Ok(false) => Next::Miss,
                Err(result) => Next::End(result),
            },
            Wait::Mx(prefixes) => self.found_mx(&answer, prefixes),
            Wait::MxAddress(hosts, prefixes) => match self.found_addresses(&answer, prefixes) {
                Next::Miss => self.next_mx(hosts, prefixes),
                other => other,
            },
            Wait::Names => {
                let mut names = match answer {
                    Ok(Records::Ptr(names)) => names,
                    _ => Vec::new(),
                };
                names.truncate(ADDRESSES_MAX);
                names.reverse();
                self.next_name(names, Vec::new())
            }
            Wait::NameAddress(mut names, mut confirmed) => {
                if let Some(name) = names.pop()
                    && self.addresses(&answer).contains(&self.address)
                {
                    confirmed.push(name);
                }
                self.next_name(names, confirmed)
            }
        };
        loop {
            match next {
                Next::Ask(question, wait) => {
                    self.wait = wait;
                    return SpfStep::Ask(question);
                }
                Next::End(result) => return SpfStep::Done(result),
                Next::Miss => {
                    self.pass_over();
                    next = self.look();
                }
                Next::Match => {
                    let frame = self.frames.last();
                    let directive = frame.and_then(|frame| frame.record.directives.get(frame.at));
                    let result = directive.map_or(AuthResult::PermError, |d| d.result);
                    next = self.end_frame(result);
                }
            }
        }
    }

    /// Goes on to the next directive.
    fn pass_over(&mut self) {
        if let Some(frame) = self.frames.last_mut() {
            frame.at += 1;
            frame.is_counted = false;
        }
    }

    /// The record of the frame on top has this result. Below it is the frame whose `include` has
    /// asked (RFC 7208 section 5.2).
    fn end_frame(&mut self, result: AuthResult) -> Next {
        self.frames.pop();
        match (self.frames.is_empty(), result) {
            (true, _) => Next::End(result),
            (false, AuthResult::Pass) => Next::Match,
            (false, _) => Next::Miss,
        }
    }

    /// The domain of the frame on top has no record.
    fn no_record(&self) -> Next {
        let is_needed = self.frames.last().is_some_and(|frame| frame.is_needed);
        Next::End(match is_needed {
            true => AuthResult::PermError,
            false => AuthResult::None,
        })
    }

    fn read_record(&mut self, answer: DnsAnswer) -> Result<(), AuthResult> {
        let texts = match answer {
            Ok(Records::Txt(texts)) => texts,
            Ok(_) | Err(DnsError::NoName | DnsError::NoRecords) => return Err(AuthResult::None),
            Err(DnsError::Temporary(_)) => return Err(AuthResult::TempError),
        };
        let mut own = texts.iter().filter(|text| record::is_spf(text));
        let text = own.next().ok_or(AuthResult::None)?;
        if own.next().is_some() {
            return Err(AuthResult::PermError);
        }
        let record = record::parse(text).ok_or(AuthResult::PermError)?;
        if let Some(frame) = self.frames.last_mut() {
            frame.record = record;
        }
        Ok(())
    }

    /// Looks at the directive of the frame on top.
    fn look(&mut self) -> Next {
        loop {
            let Some(frame) = self.frames.last() else {
                return Next::End(AuthResult::PermError);
            };
            let Some(directive) = frame.record.directives.get(frame.at) else {
                return self.redirect();
            };
            // Only these ask nothing; a record may have thousands of them.
            let is_match = match (&directive.mechanism, self.address) {
                (Mechanism::All, _) => true,
                (Mechanism::Ip4(net, bits), IpAddr::V4(own)) => {
                    is_in(own.to_bits().into(), net.to_bits().into(), *bits, 32)
                }
                (Mechanism::Ip6(net, bits), IpAddr::V6(own)) => {
                    is_in(own.to_bits(), net.to_bits(), *bits, 128)
                }
                (Mechanism::Ip4(..) | Mechanism::Ip6(..), _) => false,
                _ => return self.ask(),
            };
            if is_match {
                return Next::Match;
            }
            self.pass_over();
        }
    }

    /// Begins a directive that asks.
    fn ask(&mut self) -> Next {
        if let Err(result) = self.count_term() {
            return Next::End(result);
        }
        let Some(frame) = self.frames.last() else {
            return Next::End(AuthResult::PermError);
        };
        let Some(directive) = frame.record.directives.get(frame.at) else {
            return Next::Miss;
        };
        let mechanism = directive.mechanism.clone();
        let text = match &mechanism {
            Mechanism::Include(text) | Mechanism::Exists(text) => Some(text),
            Mechanism::A(text, _) | Mechanism::Mx(text, _) | Mechanism::Ptr(text) => text.as_ref(),
            Mechanism::All | Mechanism::Ip4(..) | Mechanism::Ip6(..) => None,
        };
        let needs_name = text.is_some_and(MacroText::needs_name);
        let is_ptr = matches!(mechanism, Mechanism::Ptr(_));
        if (needs_name || is_ptr) && self.names.is_none() {
            return Next::Ask(Question::of_address(self.address), Wait::Names);
        }
        let target = match text {
            Some(text) => self.expand(text),
            None => frame.domain.clone(),
        };
        let (kind, wait) = match mechanism {
            Mechanism::Include(_) => {
                self.frames.push(RecordFrame::new(target.clone(), true));
                (RecordType::Txt, Wait::Record)
            }
            Mechanism::A(_, prefixes) => (self.address_type(), Wait::Address(prefixes)),
            Mechanism::Mx(_, prefixes) => (RecordType::Mx, Wait::Mx(prefixes)),
            Mechanism::Exists(_) => (RecordType::A, Wait::Exists),
            _ => return self.is_named(&target),
        };
        match question(&target, kind) {
            Some(question) => Next::Ask(question, wait),
            None if kind == RecordType::Txt => self.no_record(),
            None => Next::Miss,
        }
    }

    /// All directives are passed over.
    fn redirect(&mut self) -> Next {
        let Some(frame) = self.frames.last() else {
            return Next::End(AuthResult::PermError);
        };
        let Some(text) = frame.record.redirect.clone() else {
            return self.end_frame(AuthResult::Neutral);
        };
        if text.needs_name() && self.names.is_none() {
            return Next::Ask(Question::of_address(self.address), Wait::Names);
        }
        if let Err(result) = self.count_term() {
            return Next::End(result);
        }
        let target = self.expand(&text);
        self.frames.pop();
        self.frames.push(RecordFrame::new(target.clone(), true));
        match question(&target, RecordType::Txt) {
            Some(question) => Next::Ask(question, Wait::Record),
            None => self.no_record(),
        }
    }

    /// Counts a term that asks, once (RFC 7208 section 4.6.4).
    fn count_term(&mut self) -> Result<(), AuthResult> {
        let Some(frame) = self.frames.last_mut() else {
            return Ok(());
        };
        if !core::mem::replace(&mut frame.is_counted, true) {
            self.terms += 1;
        }
        match self.terms > TERMS_MAX {
            true => Err(AuthResult::PermError),
            false => Ok(()),
        }
    }

    /// Whether an answer has records. One without is counted.
    fn counted(&mut self, answer: &DnsAnswer) -> Result<bool, AuthResult> {
        match answer {
            Ok(_) => Ok(true),
            Err(DnsError::Temporary(_)) => Err(AuthResult::TempError),
            Err(DnsError::NoName | DnsError::NoRecords) => {
                self.voids += 1;
                match self.voids > VOIDS_MAX {
                    true => Err(AuthResult::PermError),
                    false => Ok(false),
                }
            }
        }
    }

    fn found_addresses(&mut self, answer: &DnsAnswer, prefixes: Prefixes) -> Next {
        if let Err(result) = self.counted(answer) {
            return Next::End(result);
        }
        let is_match = |found: &IpAddr| match (found, self.address) {
            (IpAddr::V4(net), IpAddr::V4(own)) => {
                is_in(own.to_bits().into(), net.to_bits().into(), prefixes.v4, 32)
            }
            (IpAddr::V6(net), IpAddr::V6(own)) => {
                is_in(own.to_bits(), net.to_bits(), prefixes.v6, 128)
            }
            _ => false,
        };
        match self.addresses(answer).iter().any(is_match) {
            true => Next::Match,
            false => Next::Miss,
        }
    }

    fn found_mx(&mut self, answer: &DnsAnswer, prefixes: Prefixes) -> Next {
        if let Err(result) = self.counted(answer) {
            return Next::End(result);
        }
        let Ok(Records::Mx(records)) = answer else {
            return Next::Miss;
        };
        if records.len() > ADDRESSES_MAX {
            return Next::End(AuthResult::PermError);
        }
        let hosts = records.iter().rev().map(|mx| mx.exchange.clone());
        self.next_mx(hosts.collect(), prefixes)
    }

    fn next_mx(&mut self, mut hosts: Vec<String>, prefixes: Prefixes) -> Next {
        while let Some(host) = hosts.pop() {
            if let Some(question) = question(&host, self.address_type()) {
                return Next::Ask(question, Wait::MxAddress(hosts, prefixes));
            }
        }
        Next::Miss
    }

    /// Asks for the addresses of the next name of our address. When all are asked for, the
    /// directive that wanted the names is looked at again.
    fn next_name(&mut self, mut names: Vec<String>, confirmed: Vec<String>) -> Next {
        while let Some(name) = names.last() {
            if let Some(question) = question(name, self.address_type()) {
                return Next::Ask(question, Wait::NameAddress(names, confirmed));
            }
            names.pop();
        }
        self.names = Some(confirmed);
        self.look()
    }

    /// `ptr`: whether a confirmed name is `target` or below it.
    fn is_named(&self, target: &str) -> Next {
        let target = target.to_ascii_lowercase();
        let mut names = self.names.iter().flatten();
        match names.any(|name| super::is_within(name, &target)) {
            true => Next::Match,
            false => Next::Miss,
        }
    }

    fn addresses(&self, answer: &DnsAnswer) -> Vec<IpAddr> {
        match answer {
            Ok(Records::A(list)) => list.iter().copied().map(IpAddr::V4).collect(),
            Ok(Records::Aaaa(list)) => list.iter().copied().map(IpAddr::V6).collect(),
            _ => Vec::new(),
        }
    }

    fn address_type(&self) -> RecordType {
        match self.address {
            IpAddr::V4(_) => RecordType::A,
            IpAddr::V6(_) => RecordType::Aaaa,
        }
    }

    fn expand(&self, text: &MacroText) -> String {
        let domain = self.frames.last().map_or("", |frame| &frame.domain);
        let lower = domain.to_ascii_lowercase();
        let names = self.names.as_deref().unwrap_or_default();
        // The domain itself is the best name, then one below it (RFC 7208 section 7.3).
        let name = (names.iter().find(|name| **name == lower))
            .or_else(|| names.iter().find(|name| super::is_within(name, &lower)))
            .or(names.first());
        text.expand(&MacroValues {
            local: &self.local,
            sender_domain: &self.sender_domain,
            domain,
            address: self.address,
            helo: &self.helo,
            name: name.map_or("unknown", |name| name),
        })
    }
}

impl RecordFrame {
    fn new(domain: String, is_needed: bool) -> RecordFrame {
        RecordFrame {
            domain,
            record: SpfRecord::default(),
            at: 0,
            is_counted: false,
            is_needed,
        }
    }
}

/// A domain in its ASCII form, or as it is when it has none.
fn ascii(domain: &str) -> String {
    match domain.is_ascii() {
        true => domain.to_owned(),
        false => parse_domain(domain).unwrap_or_else(|_| domain.to_owned()),
    }
}

/// The question for a name that a record gave. A space may stand in it, which a macro makes (RFC
/// 7208 section 7.1); otherwise it is as [`Question::new`] wants it.
fn question(name: &str, kind: RecordType) -> Option<Question> {
    let asked = Question::new(&name.replace(' ', "_"), kind)?;
    let name = name.strip_suffix('.').unwrap_or(name);
    Some(Question {
        name: name.to_ascii_lowercase(),
        ..asked
    })
}

/// Whether two addresses have the same first bits.
fn is_in(own: u128, net: u128, bits: u8, width: u8) -> bool {
    let shift = u32::from(width.saturating_sub(bits));
    (own ^ net).checked_shr(shift).unwrap_or(0) == 0
}

/// Terms of a check that ask: `include`, `a`, `mx`, `ptr`, `exists` and `redirect` (RFC 7208
/// section 4.6.4).
pub const TERMS_MAX: usize = 10;
/// Answers without records.
pub const VOIDS_MAX: usize = 2;
/// Hosts of an MX answer, and names of an address, whose addresses are asked for.
pub const ADDRESSES_MAX: usize = 10;
