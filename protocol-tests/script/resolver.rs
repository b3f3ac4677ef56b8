//! A transcript of the resolver: the files in `protocol-tests/dns/`. It runs in virtual time and is
//! strict about silence: a query or an answer that the file does not have is a failure.
//!
//! | Line | Meaning |
//! |---|---|
//! | `# text` | a comment; the first line says what must hold, with the RFC and section |
//! | `limit NAME VALUE` | a limit of `call::Limits` |
//! | `resolvers ADDRESS…` | the servers from now on; `timeout=2s`, `rounds=3` |
//! | `resolv.conf TEXT` | the servers from the text of such a file; `\n` ends its lines |
//! | `A asks NAME TYPE [fresh]` | `A` waits for an answer |
//! | `A is told TEXT` | the next answer: its records, or `NoName`, `NoRecords`, `Temporary …` |
//! | `Q> SERVER udp\|tcp NAME TYPE` | the next query, which `Q` names; `plain` without EDNS; |
//! | | `mixed` when the case of its letters is not that of NAME |
//! | `Q< CODE; record; record` | its response; a record is `NAME TTL TYPE DATA` |
//! | `Q< CODE tc …` | words behind the code: `tc` truncated; `id=wrong`; `asked=NAME`; `lower`; |
//! | | `bare` (no question); `query` (no response); `soa=TTL/MINIMUM`; `noise=N` more records |
//! | `Q< octets HEX` | exactly these octets behind the id |
//! | `Q ends` | the socket fails, or the server closes the connection |
//! | `wait 2s` | time passes |
//! | `counts NAME N` | the metric `postern_NAME` is N |
//!
//! `repeat=N` behind a record writes it N times; a `#` in its data counts from 0.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use postern::testing::call::{
    DnsAnswer, DnsError, PublicEndpoints, Question, RecordType, Records, Shared,
};
use postern::testing::crypto::Random;
use postern::testing::dns::{DnsEffect, Resolver, ResolverSettings, SocketNumber};

use super::{Fault, millis};

type Told = VecDeque<(String, DnsAnswer)>;

struct World {
    shared: Arc<Shared>,
    resolver: Option<Resolver<String>>,
    now_ms: u64,
    asked: VecDeque<Asked>,
    named: HashMap<String, Asked>,
    told: Told,
    open: Vec<SocketNumber>,
    piece: usize,
}

/// A query that the resolver has sent.
#[derive(Clone)]
struct Asked {
    socket: SocketNumber,
    server: SocketAddr,
    is_tcp: bool,
    octets: Vec<u8>,
}

/// Runs one transcript; a response over TCP comes in pieces of at most `piece` octets.
pub fn run(text: &str, piece: usize) -> Result<(), Fault> {
    let lines: Vec<&str> = text.lines().collect();
    let shared = Arc::new(Shared::new(
        "mx.test",
        super::settings(&lines, "limit")?,
        PublicEndpoints::default(),
    ));
    let mut world = World {
        shared,
        resolver: None,
        now_ms: 1_000_000,
        asked: VecDeque::new(),
        named: HashMap::new(),
        told: Told::new(),
        open: Vec::new(),
        piece,
    };
    for (at, line) in lines.iter().enumerate() {
        world
            .step(line)
            .map_err(|why| format!("line {}: {line}\n    {why}", at + 1))?;
    }
    world.silent()
}

impl World {
    fn step(&mut self, line: &str) -> Result<(), Fault> {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let Some((name, rest)) = line.split_once("> ").filter(|(n, _)| is_name(n)) {
            return self.expect_query(name, rest);
        }
        if let Some((name, rest)) = line.split_once("< ").filter(|(n, _)| is_name(n)) {
            self.silent()?;
            return self.respond(name, rest);
        }
        match words.as_slice() {
            [] => {}
            [first, ..] if first.starts_with('#') => {}
            ["limit", ..] => {}
            [name, "is", "told", ..] => {
                let (_, text) = line.split_once(" is told ").unwrap_or_default();
                return self.expect_answer(name, text);
            }
            ["counts", name, n] => {
                let full = format!("postern_{name}");
                let value = self.shared.metrics.all().find(|(n, ..)| *n == full);
                let value = value.ok_or("no such metric")?.3.to_string();
                if value != *n {
                    return Err(format!("it is {value}"));
                }
            }
            _ => {
                self.silent()?;
                return self.act(line, &words);
            }
        }
        Ok(())
    }

    fn act(&mut self, line: &str, words: &[&str]) -> Result<(), Fault> {
        match words {
            ["resolvers", rest @ ..] => self.configure(settings(rest)?),
            ["resolv.conf", ..] => {
                let (_, text) = line.split_once(' ').unwrap_or_default();
                self.configure(ResolverSettings::from_text(&text.replace("\\n", "\n")));
            }
            [name, "asks", asked, kind, rest @ ..] => {
                let kind = self::kind(kind)?;
                let question = Question::new(asked, kind).ok_or("not a name")?;
                let is_fresh = rest == ["fresh"];
                self.with(|resolver, now_ms, out| {
                    resolver.ask(now_ms, &question, is_fresh, (*name).to_owned(), out);
                });
            }
            [name, "ends"] => {
                let socket = self.named.get(*name).ok_or("no such query")?.socket;
                self.with(|resolver, now_ms, out| resolver.socket_ended(now_ms, socket, out));
            }
            ["wait", time] => self.wait(millis(time)?)?,
            _ => return Err("not a line of a transcript of the resolver".into()),
        }
        Ok(())
    }

    fn configure(&mut self, settings: ResolverSettings) {
        if self.resolver.is_none() {
            let shared = Arc::clone(&self.shared);
            self.resolver = Some(Resolver::new(settings, shared, Random::seeded(7)));
            return;
        }
        self.with(|resolver, now_ms, out| resolver.configure(now_ms, settings, out));
    }

    /// Time passes until there is something to be said, or it is over.
    fn wait(&mut self, ms: u64) -> Result<(), Fault> {
        let end = self.now_ms + ms;
        while let Some(at) = self.resolver.as_ref().and_then(Resolver::deadline)
            && at <= end
        {
            self.now_ms = at.max(self.now_ms);
            self.with(|resolver, now_ms, out| resolver.expire(now_ms, out));
            if self.now_ms < end && !(self.asked.is_empty() && self.told.is_empty()) {
                let left = end - self.now_ms;
                return Err(format!(
                    "something is said {left} ms before the time is over"
                ));
            }
        }
        self.now_ms = end;
        Ok(())
    }

    fn with(&mut self, act: impl FnOnce(&mut Resolver<String>, u64, &mut Vec<DnsEffect<String>>)) {
        let Some(resolver) = &mut self.resolver else {
            return;
        };
        let mut out = Vec::new();
        act(resolver, self.now_ms, &mut out);
        for effect in out {
            let (socket, server, octets, is_tcp) = match effect {
                DnsEffect::Send {
                    socket,
                    server,
                    octets,
                } => (socket, server, octets, false),
                DnsEffect::Connect {
                    socket,
                    server,
                    octets,
                } => (socket, server, octets[2..].to_vec(), true),
                DnsEffect::Close(socket) => {
                    self.open.retain(|open| *open != socket);
                    continue;
                }
                DnsEffect::Answer(waiters, answer) => {
                    let told = waiters.into_iter().map(|name| (name, answer.clone()));
                    self.told.extend(told);
                    continue;
                }
            };
            if !self.open.contains(&socket) {
                self.open.push(socket);
            }
            self.asked.push_back(Asked {
                socket,
                server,
                is_tcp,
                octets,
            });
        }
    }

    fn silent(&self) -> Result<(), Fault> {
        if let Some(asked) = self.asked.front() {
            return Err(format!("the resolver also asked: {}", asked.show()));
        }
        match self.told.front() {
            Some((name, answer)) => Err(format!("{name} was also told: {}", show(answer))),
            None => Ok(()),
        }
    }

    fn expect_query(&mut self, name: &str, text: &str) -> Result<(), Fault> {
        let asked = self.asked.pop_front().ok_or("the resolver asked nothing")?;
        if asked.show() != text {
            return Err(format!("the resolver asked: {}", asked.show()));
        }
        self.named.insert(name.to_owned(), asked);
        Ok(())
    }

    fn expect_answer(&mut self, name: &str, text: &str) -> Result<(), Fault> {
        let (told, answer) = self.told.pop_front().ok_or("nobody was told anything")?;
        let said = show(&answer);
        match told == name && said == text {
            true => Ok(()),
            false => Err(format!("{told} was told: {said}")),
        }
    }

    fn respond(&mut self, name: &str, text: &str) -> Result<(), Fault> {
        let asked = self.named.get(name).ok_or("no such query")?.clone();
        let octets = response(&asked.octets, text)?;
        let socket = asked.socket;
        if !asked.is_tcp {
            self.with(|resolver, now_ms, out| resolver.datagram(now_ms, socket, &octets, out));
            return Ok(());
        }
        let length = u16::try_from(octets.len()).map_err(|e| e.to_string())?;
        let stream = [&length.to_be_bytes()[..], &octets].concat();
        for piece in stream.chunks(self.piece.min(stream.len())) {
            self.with(|resolver, now_ms, out| resolver.octets(now_ms, socket, piece, out));
        }
        Ok(())
    }
}

impl Asked {
    fn show(&self) -> String {
        let how = if self.is_tcp { "tcp" } else { "udp" };
        let (name, end) = name_at(&self.octets, 12);
        let kind = u16::from_be_bytes([self.octets[end], self.octets[end + 1]]);
        let server = match self.server.port() {
            53 => self.server.ip().to_string(),
            _ => self.server.to_string(),
        };
        let lower = name.to_ascii_lowercase();
        let mixed = if lower == name { "" } else { " mixed" };
        let plain = if self.octets[11] == 0 { " plain" } else { "" };
        let kind = KINDS.iter().find(|(_, n)| *n == kind);
        let kind = kind.map_or("?", |(name, _)| name);
        format!("{server} {how} {lower} {kind}{mixed}{plain}")
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|c| c.is_ascii_alphanumeric())
}

fn settings(words: &[&str]) -> Result<ResolverSettings, Fault> {
    let mut servers = Vec::new();
    let (mut timeout, mut rounds) = (None, None);
    for word in words {
        match word.split_once('=') {
            Some(("timeout", time)) => timeout = Some(millis(time)?),
            Some(("rounds", n)) => rounds = Some(n.parse().map_err(|_| "rounds=N")?),
            _ => servers.push(match word.parse::<IpAddr>() {
                Ok(ip) => SocketAddr::new(ip, 53),
                Err(_) => word.parse().map_err(|_| "not an address")?,
            }),
        }
    }
    let mut settings = ResolverSettings::of(servers);
    settings.timeout_ms = timeout.unwrap_or(settings.timeout_ms);
    settings.rounds = rounds.unwrap_or(settings.rounds);
    Ok(settings)
}

fn kind(text: &str) -> Result<RecordType, Fault> {
    Ok(match text {
        "A" => RecordType::A,
        "AAAA" => RecordType::Aaaa,
        "MX" => RecordType::Mx,
        "TXT" => RecordType::Txt,
        "PTR" => RecordType::Ptr,
        "SRV" => RecordType::Srv,
        other => return Err(format!("no such type: {other}")),
    })
}

fn show(answer: &DnsAnswer) -> String {
    let texts: Vec<String> = match answer {
        Err(DnsError::NoName) => return "NoName".into(),
        Err(DnsError::NoRecords) => return "NoRecords".into(),
        Err(DnsError::Temporary(why)) => return format!("Temporary {why}"),
        Ok(Records::A(all)) => all.iter().map(ToString::to_string).collect(),
        Ok(Records::Aaaa(all)) => all.iter().map(ToString::to_string).collect(),
        Ok(Records::Mx(all)) => {
            let texts = all
                .iter()
                .map(|mx| format!("{} {}", mx.preference, mx.exchange));
            texts.collect()
        }
        Ok(Records::Txt(all)) => {
            let texts = all
                .iter()
                .map(|text| String::from_utf8_lossy(text).into_owned());
            texts.collect()
        }
        Ok(Records::Ptr(all)) => all.clone(),
        Ok(Records::Srv(all)) => all
            .iter()
            .map(|srv| {
                let (priority, weight) = (srv.priority, srv.weight);
                format!("{priority} {weight} {} {}", srv.port, srv.target)
            })
            .collect(),
    };
    let n = texts.len();
    match n {
        0..=8 => texts.join("; "),
        _ => format!("{n} records, {} to {}", texts[0], texts[n - 1]),
    }
}

/// The response to a query, as the words of a line say it.
fn response(query: &[u8], text: &str) -> Result<Vec<u8>, Fault> {
    if let Some(hex) = text.strip_prefix("octets") {
        let hex = hex.replace(' ', "").to_ascii_uppercase();
        let octets = data_encoding::HEXUPPER.decode(hex.as_bytes());
        return Ok([&query[..2], &octets.map_err(|e| e.to_string())?].concat());
    }
    let mut parts = text.split("; ");
    let mut words = parts.next().unwrap_or_default().split(' ');
    let code = words.next().unwrap_or_default();
    let codes = [
        "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED",
    ];
    // BADVERS is 16: its upper bits are in the OPT record.
    let (low, high) = match codes.iter().position(|known| *known == code) {
        Some(at) => (at as u8, 0),
        None if code == "BADVERS" => (0, 1),
        None => return Err(format!("no such code: {code}")),
    };
    let question_end = name_at(query, 12).1 + 4;
    let mut question = query[12..question_end].to_vec();
    let mut head = [query[0], query[1], 0x81, 0x80 | low, 0, 1, 0, 0, 0, 0, 0, 0];
    let mut authority = Vec::new();
    let mut noise = 0;
    for word in words {
        match word.split_once('=').unwrap_or((word, "")) {
            ("tc", _) => head[2] |= 2,
            ("id", _) => head[1] ^= 1,
            ("query", _) => head[2] &= 0x7f,
            ("lower", _) => question.make_ascii_lowercase(),
            ("bare", _) => {
                head[5] = 0;
                return Ok(head.to_vec());
            }
            ("asked", name) => {
                question = [&wire(name)[..], &query[question_end - 4..question_end]].concat();
            }
            ("soa", times) => {
                let (ttl, minimum) = times.split_once('/').ok_or("soa=TTL/MINIMUM")?;
                let data = [&wire("a.test")[..], &wire("b.test"), &[0; 16]].concat();
                let minimum: u32 = minimum.parse().map_err(|_| "soa=TTL/MINIMUM")?;
                let data = [&data[..], &minimum.to_be_bytes()].concat();
                authority = record(&wire("test"), ttl, 6, &data)?;
                head[9] = 1;
            }
            ("noise", n) => noise = n.parse().map_err(|_| "noise=N")?,
            other => return Err(format!("not of a response: {other:?}")),
        }
    }
    let mut answers = Vec::new();
    let mut count = 0u16;
    for part in parts {
        for octets in records(part)? {
            answers.extend(octets);
            count += 1;
        }
    }
    for n in 0..noise {
        answers.extend(record(
            &wire(&format!("n{n}.noise")),
            "60",
            1,
            &[10, 0, 0, 1],
        )?);
        count += 1;
    }
    head[6..8].copy_from_slice(&count.to_be_bytes());
    let mut out = [&head[..], &question, &answers, &authority].concat();
    if high > 0 {
        out[11] = 1;
        out.extend([0, 0, 41, 4, 208, high, 0, 0, 0, 0, 0]);
    }
    Ok(out)
}

/// `NAME TTL TYPE DATA`, as often as `repeat=N` says.
fn records(text: &str) -> Result<Vec<Vec<u8>>, Fault> {
    let (text, times) = match text.rsplit_once(" repeat=") {
        Some((text, n)) => (text, n.parse().map_err(|_| "repeat=N")?),
        None => (text, 1),
    };
    let mut words = text.splitn(4, ' ');
    let mut next = || words.next().ok_or("NAME TTL TYPE DATA");
    let (name, ttl, kind, data) = (next()?, next()?, next()?, next()?);
    let number = KINDS.iter().find(|(known, _)| *known == kind);
    let number = number.ok_or("no such type")?.1;
    let mut all = Vec::new();
    for n in 0..times {
        let data = data.replace('#', &n.to_string());
        let data = match kind {
            "A" => data
                .parse::<std::net::Ipv4Addr>()
                .map(|ip| ip.octets().to_vec())
                .ok(),
            "AAAA" => data
                .parse::<std::net::Ipv6Addr>()
                .map(|ip| ip.octets().to_vec())
                .ok(),
            "MX" => data.split_once(' ').and_then(|(preference, host)| {
                let preference: u16 = preference.parse().ok()?;
                Some([&preference.to_be_bytes()[..], &wire(host)].concat())
            }),
            "SRV" => data.rsplit_once(' ').and_then(|(numbers, host)| {
                let numbers = numbers.split(' ').map(|n| n.parse::<u16>().ok());
                let numbers: Vec<u16> = numbers.collect::<Option<_>>()?;
                let octets: Vec<u8> = numbers.iter().flat_map(|n| n.to_be_bytes()).collect();
                Some([&octets[..], &wire(host)].concat())
            }),
            "TXT" => Some(
                data.split('|')
                    .flat_map(|text| [&[text.len() as u8][..], text.as_bytes()].concat())
                    .collect(),
            ),
            _ => Some(wire(&data)),
        };
        all.push(record(
            &wire(name),
            ttl,
            number,
            &data.ok_or("not its data")?,
        )?);
    }
    Ok(all)
}

fn record(owner: &[u8], ttl: &str, kind: u16, data: &[u8]) -> Result<Vec<u8>, Fault> {
    let ttl: u32 = ttl.parse().map_err(|_| "not a time to live")?;
    let length = u16::try_from(data.len()).map_err(|e| e.to_string())?;
    Ok([
        owner,
        &kind.to_be_bytes(),
        &[0, 1],
        &ttl.to_be_bytes(),
        &length.to_be_bytes(),
        data,
    ]
    .concat())
}

/// A name in wire form; `.` is the root.
fn wire(name: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        out.push(label.len() as u8);
        out.extend(label.as_bytes());
    }
    out.push(0);
    out
}

/// The name of a query without compression, and the place behind it.
fn name_at(octets: &[u8], mut at: usize) -> (String, usize) {
    let mut labels = Vec::new();
    while octets[at] != 0 {
        let end = at + 1 + usize::from(octets[at]);
        labels.push(String::from_utf8_lossy(&octets[at + 1..end]).into_owned());
        at = end;
    }
    (labels.join("."), at + 1)
}

const KINDS: &[(&str, u16)] = &[
    ("A", 1),
    ("NS", 2),
    ("CNAME", 5),
    ("PTR", 12),
    ("MX", 15),
    ("TXT", 16),
    ("AAAA", 28),
    ("SRV", 33),
];
