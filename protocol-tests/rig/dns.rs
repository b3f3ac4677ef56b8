//! The DNS of a virtual world: records that a script has named, and answers in virtual time. What
//! the script does not name does not exist.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use postern::testing::call::{
    DnsAnswer, DnsError, Mx, Question, RecordType, Records, Resolve, Srv,
};

type Take = Box<dyn FnOnce(DnsAnswer) + Send>;

/// The records, and the questions that wait. Clones share them.
#[derive(Clone, Default)]
pub struct ScriptedDns(Arc<Mutex<Table>>);

#[derive(Default)]
struct Table {
    names: HashMap<String, Vec<Line>>,
    /// Questions in their order.
    asked: Vec<(Question, Take)>,
    /// Answers on their way, with their time.
    coming: Vec<(u64, Take, DnsAnswer)>,
}

/// What a line says of a name.
#[derive(Clone, PartialEq)]
enum Line {
    Record(RecordType, String),
    Alias(String),
    NoName,
    Failure,
    Silence,
}

impl core::fmt::Debug for ScriptedDns {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("ScriptedDns(..)")
    }
}

impl Resolve for ScriptedDns {
    fn ask(&self, question: Question, answer: Take) {
        self.0.lock().unwrap().asked.push((question, answer));
    }
}

impl ScriptedDns {
    /// `NAME TYPE DATA`, `NAME CNAME NAME`, `NAME NXDOMAIN`, `NAME SERVFAIL`, `NAME TIMEOUT`, or
    /// `NAME forgotten`, after which nothing is known of it. The name `*` is that of all others.
    pub fn learn(&self, text: &str) -> Result<(), String> {
        let mut words = text.splitn(3, ' ');
        let name = words.next().unwrap_or_default().to_ascii_lowercase();
        let what = words.next().ok_or("dns NAME TYPE DATA")?;
        let data = words
            .next()
            .unwrap_or_default()
            .trim_matches('"')
            .to_owned();
        let line = match what {
            "A" => Line::Record(RecordType::A, data),
            "AAAA" => Line::Record(RecordType::Aaaa, data),
            "MX" => Line::Record(RecordType::Mx, data),
            "TXT" => Line::Record(RecordType::Txt, data),
            "PTR" => Line::Record(RecordType::Ptr, data),
            "SRV" => Line::Record(RecordType::Srv, data),
            "CNAME" => Line::Alias(data),
            "NXDOMAIN" => Line::NoName,
            "SERVFAIL" => Line::Failure,
            "TIMEOUT" => Line::Silence,
            "forgotten" => {
                self.0.lock().unwrap().names.remove(&name);
                return Ok(());
            }
            other => return Err(format!("no such type: {other}")),
        };
        if let Line::Record(kind, data) = &line
            && read(*kind, &[data.as_str()]).is_none()
        {
            return Err(format!("not the data of {}: {data}", kind.name()));
        }
        let mut table = self.0.lock().unwrap();
        table.names.entry(name).or_default().push(line);
        Ok(())
    }

    /// Takes an answer whose time has come, and the one that it goes to.
    pub fn due(&self, now_ms: u64) -> Option<(Take, DnsAnswer)> {
        let mut table = self.0.lock().unwrap();
        for (question, take) in core::mem::take(&mut table.asked) {
            let answer = table.answer(&question.name, question.kind, 0);
            let after_ms = match answer {
                Err(DnsError::Temporary(SILENT)) => SILENT_MS,
                _ => 0,
            };
            table.coming.push((now_ms + after_ms, take, answer));
        }
        let at = table.coming.iter().position(|(at, ..)| *at <= now_ms)?;
        let (_, take, answer) = table.coming.remove(at);
        Some((take, answer))
    }

    /// Whether questions came that were not looked at.
    pub fn is_asked(&self) -> bool {
        !self.0.lock().unwrap().asked.is_empty()
    }

    /// When the next answer comes.
    pub fn next_ms(&self) -> Option<u64> {
        let table = self.0.lock().unwrap();
        table.coming.iter().map(|(at, ..)| *at).min()
    }
}

impl Table {
    fn answer(&self, name: &str, kind: RecordType, links: usize) -> DnsAnswer {
        let Some(lines) = self.names.get(name).or_else(|| self.names.get("*")) else {
            return Err(DnsError::NoName);
        };
        let mut texts = Vec::new();
        for line in lines {
            match line {
                Line::NoName => return Err(DnsError::NoName),
                Line::Failure => {
                    return Err(DnsError::Temporary(
                        "the name servers could not find it out (SERVFAIL)",
                    ));
                }
                Line::Silence => return Err(DnsError::Temporary(SILENT)),
                Line::Alias(_) if links >= 8 => {
                    return Err(DnsError::Temporary("the name leads on by too many CNAMEs"));
                }
                Line::Alias(target) => return self.answer(target, kind, links + 1),
                Line::Record(of, data) if *of == kind => texts.push(data.as_str()),
                Line::Record(..) => {}
            }
        }
        match read(kind, &texts) {
            _ if texts.is_empty() => Err(DnsError::NoRecords),
            Some(records) => Ok(records),
            None => Err(DnsError::Temporary("the script has no such data")),
        }
    }
}

fn read(kind: RecordType, texts: &[&str]) -> Option<Records> {
    let texts = texts.iter();
    Some(match kind {
        RecordType::A => Records::A(texts.map(|t| t.parse().ok()).collect::<Option<_>>()?),
        RecordType::Aaaa => Records::Aaaa(texts.map(|t| t.parse().ok()).collect::<Option<_>>()?),
        RecordType::Mx => {
            let mut all: Vec<Mx> = texts
                .map(|text| {
                    let (preference, host) = text.split_once(' ')?;
                    Some(Mx {
                        preference: preference.parse().ok()?,
                        exchange: host.trim_end_matches('.').to_owned(),
                    })
                })
                .collect::<Option<_>>()?;
            all.sort_by_key(|mx| mx.preference);
            Records::Mx(all)
        }
        RecordType::Txt => Records::Txt(texts.map(|t| t.as_bytes().to_vec()).collect()),
        RecordType::Srv => Records::Srv(
            texts
                .map(|text| {
                    let words: Vec<&str> = text.split(' ').collect();
                    let [priority, weight, port, target] = words.as_slice() else {
                        return None;
                    };
                    Some(Srv {
                        priority: priority.parse().ok()?,
                        weight: weight.parse().ok()?,
                        port: port.parse().ok()?,
                        target: (*target).to_owned(),
                    })
                })
                .collect::<Option<_>>()?,
        ),
        RecordType::Ptr => Records::Ptr(texts.map(|t| (*t).to_owned()).collect()),
    })
}

const SILENT: &str = "no name server answered in time";
/// The time of a question (`dns_question_s`).
const SILENT_MS: u64 = 20_000;
