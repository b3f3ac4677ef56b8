//! Messages of the DNS: the query that is sent and the response that is read (RFC 1035 section 4,
//! RFC 6891). Not when and to whom.
//!
//! Reading is linear in the packet. Of its records only those are used that answer the question, or
//! that lead to an answer by CNAME. A packet with one record that cannot be read is no answer.

use core::net::{Ipv4Addr, Ipv6Addr};

use super::name::{Malformed, read_name, write_name};
use crate::call::{Mx, Question, RecordType, Records, Srv};

/// Octets of a datagram that a server may send: larger ones come in fragments, which can be lost
/// and forged.
const UDP_SIZE: u16 = 1232;
const HEADER: usize = 12;
const CLASS_IN: u16 = 1;

/// Numbers of types (RFC 1035 section 3.2.2, RFC 3596, RFC 6891).
mod number {
    pub const A: u16 = 1;
    pub const CNAME: u16 = 5;
    pub const SOA: u16 = 6;
    pub const PTR: u16 = 12;
    pub const MX: u16 = 15;
    pub const TXT: u16 = 16;
    pub const AAAA: u16 = 28;
    pub const SRV: u16 = 33;
    pub const OPT: u16 = 41;
}

/// The answer of a server in one number (RFC 1035 section 4.1.1, RFC 6891 section 6.1.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ResponseCode(pub u16);

impl ResponseCode {
    /// The question was answered.
    pub const OK: ResponseCode = ResponseCode(0);
    /// The server could not read the query: perhaps it does not know EDNS.
    pub const FORMAT_ERROR: ResponseCode = ResponseCode(1);
    /// The name does not exist.
    pub const NO_NAME: ResponseCode = ResponseCode(3);
    /// The server does not do this: perhaps it does not know EDNS.
    pub const NOT_IMPLEMENTED: ResponseCode = ResponseCode(4);
    /// The server knows another version of EDNS.
    pub const BAD_VERSION: ResponseCode = ResponseCode(16);

    /// Whether the server may answer when it is asked without EDNS (RFC 6891 section 7).
    pub fn may_be_edns(self) -> bool {
        [
            ResponseCode::FORMAT_ERROR,
            ResponseCode::NOT_IMPLEMENTED,
            ResponseCode::BAD_VERSION,
        ]
        .contains(&self)
    }
}

/// A query. `name` is sent in the case that it has. With `edns` the server may send more than 512
/// octets in a datagram.
pub fn write_query(id: u16, name: &str, kind: RecordType, edns: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER + name.len() + 17);
    out.extend_from_slice(&id.to_be_bytes());
    // Recursion desired; one question; no records, or OPT.
    out.extend_from_slice(&[1, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(edns)]);
    write_name(name, &mut out);
    out.extend_from_slice(&type_number(kind).to_be_bytes());
    out.extend_from_slice(&CLASS_IN.to_be_bytes());
    if edns {
        out.push(0);
        out.extend_from_slice(&number::OPT.to_be_bytes());
        out.extend_from_slice(&UDP_SIZE.to_be_bytes());
        out.extend_from_slice(&[0; 6]);
    }
    out
}

const fn type_number(kind: RecordType) -> u16 {
    match kind {
        RecordType::A => number::A,
        RecordType::Aaaa => number::AAAA,
        RecordType::Mx => number::MX,
        RecordType::Txt => number::TXT,
        RecordType::Ptr => number::PTR,
        RecordType::Srv => number::SRV,
    }
}

/// Whether a packet is the response to a query, and what its header says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Head {
    /// It is no response to this query: another id, another question, or no response at all.
    Other,
    /// It is a response, but the server wrote the name of the question in another case.
    OtherCase,
    /// It is the response.
    Ours {
        /// The low four bits of the response code. [`read_answer`] knows the others.
        code: ResponseCode,
        /// The datagram does not have all of it.
        is_truncated: bool,
    },
}

/// Compares a packet with the query that it may answer.
pub fn read_head(packet: &[u8], query: &[u8]) -> Head {
    let (Some(head), Some(asked)) = (packet.get(..HEADER), query.get(..HEADER)) else {
        return Head::Other;
    };
    // QR is set and the opcode is that of a query.
    if head[..2] != asked[..2] || head[2] & 0xf8 != 0x80 {
        return Head::Other;
    }
    let ours = Head::Ours {
        code: ResponseCode(u16::from(head[3] & 0x0f)),
        is_truncated: head[2] & 2 != 0,
    };
    let end = question_end(query);
    match (head[4], head[5]) {
        // Some servers repeat no question in a refusal. It cannot carry an answer.
        (0, 0) if packet.len() == HEADER && head[3] & 0x0f != 0 => ours,
        (0, 1) => match (packet.get(HEADER..end), query.get(HEADER..end)) {
            (Some(said), Some(asked)) if said == asked => ours,
            (Some(said), Some(asked)) if said.eq_ignore_ascii_case(asked) => Head::OtherCase,
            _ => Head::Other,
        },
        _ => Head::Other,
    }
}

/// The place behind the question of a query of ours.
fn question_end(query: &[u8]) -> usize {
    let name = query.get(HEADER..).unwrap_or_default();
    let root = name.iter().position(|&octet| octet == 0);
    HEADER + root.map_or(0, |at| at + 5)
}

/// What a response says about a question.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Found {
    /// Records, at least one.
    Records {
        /// The records.
        records: Records,
        /// Seconds that they hold.
        ttl_s: u32,
        /// The server sent more than are used.
        is_cut: bool,
    },
    /// A CNAME leads to a name that the response does not tell more about.
    Alias {
        /// That name.
        name: String,
        /// CNAMEs on the way.
        links: usize,
        /// Seconds that the way holds.
        ttl_s: u32,
    },
    /// The name has no records of this type, or does not exist.
    Nothing {
        /// Whether the name exists.
        exists: bool,
        /// Seconds that this holds; `None` when the server does not say (RFC 2308 section 5).
        ttl_s: Option<u32>,
    },
    /// The chain of CNAMEs has more links than are followed, or is a circle.
    Endless,
    /// The server did not answer the question.
    Failure(ResponseCode),
}

/// Bounds of one answer.
#[derive(Clone, Copy, Debug)]
pub struct AnswerBounds {
    /// Records that are used.
    pub records: usize,
    /// CNAMEs that are followed.
    pub links: usize,
}

/// The sections of a packet as places of records.
struct Sections<'a> {
    packet: &'a [u8],
    at: usize,
}

/// One record.
#[derive(Clone, Copy)]
struct RecordAt {
    owner: usize,
    kind: u16,
    class: u16,
    ttl: u32,
    data: usize,
    end: usize,
}

impl Sections<'_> {
    fn next(&mut self, owner: &mut String) -> Result<RecordAt, Malformed> {
        let start = self.at;
        let at = read_name(self.packet, start, owner)?.next;
        let fixed: &[u8; 10] = self
            .packet
            .get(at..at + 10)
            .and_then(|fixed| fixed.try_into().ok())
            .ok_or(Malformed)?;
        let [k0, k1, c0, c1, t0, t1, t2, t3, l0, l1] = *fixed;
        let data = at + 10;
        let end = data + usize::from(u16::from_be_bytes([l0, l1]));
        if end > self.packet.len() {
            return Err(Malformed);
        }
        self.at = end;
        let ttl = u32::from_be_bytes([t0, t1, t2, t3]);
        Ok(RecordAt {
            owner: start,
            kind: u16::from_be_bytes([k0, k1]),
            class: u16::from_be_bytes([c0, c1]),
            ttl,
            data,
            end,
        })
    }
}

impl RecordAt {
    /// Seconds that it holds. A number with the highest bit set means 0 (RFC 2181 section 8).
    fn ttl_s(&self) -> u32 {
        match self.ttl > i32::MAX as u32 {
            true => 0,
            false => self.ttl,
        }
    }
}

/// Reads what a response to a query for `name` and `kind` says. The packet has passed
/// [`read_head`] as `Head::Ours`.
pub fn read_answer(
    packet: &[u8],
    question: &Question,
    bounds: AnswerBounds,
) -> Result<Found, Malformed> {
    let head = packet.get(..HEADER).ok_or(Malformed)?;
    let count = |at: usize| usize::from(u16::from_be_bytes([head[at], head[at + 1]]));
    let mut code = u16::from(head[3] & 0x0f);
    if count(4) == 0 {
        return Ok(Found::Failure(ResponseCode(code)));
    }
    let mut text = String::new();
    let at = read_name(packet, HEADER, &mut text)?.next + 4;
    let mut sections = Sections { packet, at };
    let wanted = type_number(question.kind);
    let mut links = Vec::new();
    let mut answers = Vec::new();
    for _ in 0..count(6) {
        let record = sections.next(&mut text)?;
        match record.kind {
            _ if record.class != CLASS_IN => {}
            number::CNAME if links.len() < LINKS_READ => links.push((text.clone(), record)),
            kind if kind == wanted => answers.push(record),
            _ => {}
        }
    }
    let mut soa_ttl_s = None;
    for _ in 0..count(8) {
        let record = sections.next(&mut text)?;
        if record.kind == number::SOA && record.class == CLASS_IN {
            soa_ttl_s = Some(negative_ttl_s(packet, &record)?);
        }
    }
    for _ in 0..count(10) {
        let record = sections.next(&mut text)?;
        if record.kind == number::OPT {
            code |= u16::try_from(record.ttl >> 24).unwrap_or(0) << 4;
        }
    }
    let code = ResponseCode(code);
    if code != ResponseCode::OK && code != ResponseCode::NO_NAME {
        return Ok(Found::Failure(code));
    }
    let chain = match follow(packet, &question.name, &links, bounds.links)? {
        Some(chain) => chain,
        None => return Ok(Found::Endless),
    };
    if code == ResponseCode::NO_NAME {
        return Ok(Found::Nothing {
            exists: false,
            ttl_s: soa_ttl_s.map(|ttl| ttl.min(chain.ttl_s)),
        });
    }
    let mut read = ReadRecords::new(packet, question.kind);
    let most = match question.kind {
        // A domain has the records of many services in one place, and each may be the wanted one.
        RecordType::Txt => bounds.records.saturating_mul(TXT_MORE),
        // The best ones are chosen below.
        RecordType::Mx => usize::MAX,
        _ => bounds.records,
    };
    let mut ttl_s = chain.ttl_s;
    let mut n = 0;
    for record in &answers {
        read_name(packet, record.owner, &mut text)?;
        if text != chain.end {
            continue;
        }
        n += 1;
        if n <= most {
            read.push(record, &mut text)?;
            ttl_s = ttl_s.min(record.ttl_s());
        }
    }
    if n == 0 {
        return Ok(match (chain.links, soa_ttl_s) {
            (links @ 1.., None) => Found::Alias {
                name: chain.end,
                links,
                ttl_s,
            },
            (_, soa) => Found::Nothing {
                exists: true,
                ttl_s: soa.map(|ttl| ttl.min(ttl_s)),
            },
        });
    }
    let is_cut = read.cut(bounds.records) || n > most;
    match read.is_empty() {
        // There are records, and no name or text in them can be used.
        true => Err(Malformed),
        false => Ok(Found::Records {
            records: read.records,
            ttl_s,
            is_cut,
        }),
    }
}

/// Seconds that "there is nothing" holds (RFC 2308 section 5).
fn negative_ttl_s(packet: &[u8], soa: &RecordAt) -> Result<u32, Malformed> {
    let mut text = String::new();
    let at = read_name(packet, soa.data, &mut text)?.next;
    let at = read_name(packet, at, &mut text)?.next;
    // Serial, refresh, retry, expire, minimum.
    if at + 20 != soa.end {
        return Err(Malformed);
    }
    let minimum = packet.get(at + 16..at + 20).ok_or(Malformed)?;
    let minimum = u32::from_be_bytes(minimum.try_into().map_err(|_| Malformed)?);
    Ok(minimum.min(soa.ttl_s()))
}

/// Where the CNAMEs of a response lead.
struct Chain {
    end: String,
    links: usize,
    ttl_s: u32,
}

/// Follows the CNAMEs from `name`. `None` when there are more than `most`.
fn follow(
    packet: &[u8],
    name: &str,
    links: &[(String, RecordAt)],
    most: usize,
) -> Result<Option<Chain>, Malformed> {
    let mut chain = Chain {
        end: name.to_owned(),
        links: 0,
        ttl_s: u32::MAX,
    };
    while let Some((_, record)) = links.iter().find(|(owner, _)| *owner == chain.end) {
        if chain.links == most {
            return Ok(None);
        }
        let end = read_name(packet, record.data, &mut chain.end)?;
        if end.next != record.end || !end.is_plain || chain.end.is_empty() {
            return Err(Malformed);
        }
        chain.links += 1;
        chain.ttl_s = chain.ttl_s.min(record.ttl_s());
    }
    Ok(Some(chain))
}

/// Records of one type as they are read.
struct ReadRecords<'a> {
    packet: &'a [u8],
    records: Records,
}

impl<'a> ReadRecords<'a> {
    fn new(packet: &'a [u8], kind: RecordType) -> Self {
        let records = match kind {
            RecordType::A => Records::A(Vec::new()),
            RecordType::Aaaa => Records::Aaaa(Vec::new()),
            RecordType::Mx => Records::Mx(Vec::new()),
            RecordType::Txt => Records::Txt(Vec::new()),
            RecordType::Ptr => Records::Ptr(Vec::new()),
            RecordType::Srv => Records::Srv(Vec::new()),
        };
        ReadRecords { packet, records }
    }

    /// Reads one record. One whose name is no text is left out.
    fn push(&mut self, record: &RecordAt, text: &mut String) -> Result<(), Malformed> {
        let data = &self.packet[record.data..record.end];
        match &mut self.records {
            Records::A(all) => {
                let octets: [u8; 4] = data.try_into().map_err(|_| Malformed)?;
                all.push(Ipv4Addr::from(octets));
            }
            Records::Aaaa(all) => {
                let octets: [u8; 16] = data.try_into().map_err(|_| Malformed)?;
                all.push(Ipv6Addr::from(octets));
            }
            Records::Mx(all) => {
                let [high, low, ..] = *data else {
                    return Err(Malformed);
                };
                let end = read_name(self.packet, record.data + 2, text)?;
                if end.next != record.end {
                    return Err(Malformed);
                }
                if end.is_plain {
                    all.push(Mx {
                        preference: u16::from_be_bytes([high, low]),
                        exchange: text.clone(),
                    });
                }
            }
            Records::Txt(all) => {
                let mut joined = Vec::with_capacity(data.len());
                let mut rest = data;
                while let Some((&length, after)) = rest.split_first() {
                    let (string, after) = after
                        .split_at_checked(usize::from(length))
                        .ok_or(Malformed)?;
                    joined.extend_from_slice(string);
                    rest = after;
                }
                all.push(joined);
            }
            Records::Ptr(all) => {
                let end = read_name(self.packet, record.data, text)?;
                if end.next != record.end {
                    return Err(Malformed);
                }
                if end.is_plain && !text.is_empty() {
                    all.push(text.clone());
                }
            }
            Records::Srv(all) => {
                let [p0, p1, w0, w1, t0, t1, ..] = *data else {
                    return Err(Malformed);
                };
                let end = read_name(self.packet, record.data + 6, text)?;
                if end.next != record.end {
                    return Err(Malformed);
                }
                if end.is_plain {
                    all.push(Srv {
                        priority: u16::from_be_bytes([p0, p1]),
                        weight: u16::from_be_bytes([w0, w1]),
                        port: u16::from_be_bytes([t0, t1]),
                        target: text.clone(),
                    });
                }
            }
        }
        Ok(())
    }

    /// Keeps the hosts of mail with the lowest preferences, in the order of preference; whether
    /// some went.
    fn cut(&mut self, most: usize) -> bool {
        let Records::Mx(all) = &mut self.records else {
            return false;
        };
        let is_cut = all.len() > most;
        all.sort_by_key(|mx| mx.preference);
        all.truncate(most);
        is_cut
    }

    fn is_empty(&self) -> bool {
        match &self.records {
            Records::A(all) => all.is_empty(),
            Records::Aaaa(all) => all.is_empty(),
            Records::Mx(all) => all.is_empty(),
            Records::Txt(all) => all.is_empty(),
            Records::Ptr(all) => all.is_empty(),
            Records::Srv(all) => all.is_empty(),
        }
    }
}

/// CNAMEs that are remembered of one response: a chain of the longest length in any order.
const LINKS_READ: usize = 64;
/// TXT records are used up to so many times the bound of other types.
const TXT_MORE: usize = 5;
