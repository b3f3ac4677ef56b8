//! The records that the owner of a domain publishes, and what is wrong with those that the DNS has.
//! Not the asking (`check.rs`) and not the keys (`dkim.rs`).
//!
//! Only the ownership record decides something: it proves whose the domain is. The others are
//! advice. A record that says the same in other words is right: a check compares what a receiver
//! reads, not the text.

use core::fmt::Write as _;

use crate::call::{
    DnsAnswer, DnsError, DomainRecord, PublicEndpoints, Question, RecordPurpose, RecordStatus,
    RecordType, Records,
};
use crate::crypto::sha256;
use crate::store::{DkimKeyRow, DkimKeyState};

/// The domain whose records are listed.
#[derive(Clone, Copy, Debug)]
pub(super) struct DomainInfo<'a> {
    /// The name of the domain.
    pub name: &'a str,
    /// The value of its ownership record; `None` for the shared domain, which needs none.
    pub token: Option<&'a str>,
    /// Whether it is proven, or needs no proof.
    pub is_proven: bool,
    /// The name of this server.
    pub host: &'a str,
    /// Where clients connect to.
    pub endpoints: &'a PublicEndpoints,
    /// Its DKIM keys.
    pub keys: &'a [DkimKeyRow],
}

/// The records of a domain in the order in which they matter. None has been looked up.
pub(super) fn records(domain: DomainInfo<'_>) -> Vec<DomainRecord> {
    let DomainInfo { name, host, .. } = domain;
    let mut all = Vec::with_capacity(12);
    let mut add = |purpose, kind, at: String, value: String, required| {
        let fix = match purpose {
            RecordPurpose::Ownership if domain.is_proven => None,
            _ => Some(advice(purpose, name, host)),
        };
        all.push(DomainRecord {
            purpose,
            kind,
            name: at,
            value,
            required,
            status: RecordStatus::Unknown,
            found: None,
            fix,
        });
    };
    if let Some(token) = domain.token {
        let value = format!("{OWNERSHIP}{token}");
        let at = format!("_postern.{name}");
        add(RecordPurpose::Ownership, RecordType::Txt, at, value, true);
    }
    let at_name = || name.to_owned();
    let mx = format!("10 {host}");
    add(RecordPurpose::Mx, RecordType::Mx, at_name(), mx, true);
    let spf = "v=spf1 mx ~all".to_owned();
    add(RecordPurpose::Spf, RecordType::Txt, at_name(), spf, false);
    for key in domain.keys {
        let at = format!("{}._domainkey.{name}", key.selector);
        let value = key.record.clone();
        add(RecordPurpose::Dkim, RecordType::Txt, at, value, false);
    }
    let at = format!("_dmarc.{name}");
    let value = "v=DMARC1; p=quarantine".to_owned();
    add(RecordPurpose::Dmarc, RecordType::Txt, at, value, false);
    for (service, target, port) in [
        (
            "_imaps",
            &domain.endpoints.imap_host,
            domain.endpoints.imap_port,
        ),
        (
            "_submissions",
            &domain.endpoints.smtp_host,
            domain.endpoints.smtp_port,
        ),
    ] {
        // Without that listener clients have nothing to connect to.
        if port != 0 {
            let at = format!("{service}._tcp.{name}");
            let value = format!("0 1 {port} {target}");
            add(RecordPurpose::Autoconfig, RecordType::Srv, at, value, false);
        }
    }
    let value = format!("v=STSv1; id={}", policy_id(host));
    let at = format!("_mta-sts.{name}");
    add(RecordPurpose::MtaSts, RecordType::Txt, at, value, false);
    let at = format!("_smtp._tls.{name}");
    let value = format!("v=TLSRPTv1; rua=mailto:postmaster@{name}");
    add(RecordPurpose::TlsRpt, RecordType::Txt, at, value, false);
    all
}

/// What to do about a record that has not been looked up or is not there.
fn advice(purpose: RecordPurpose, name: &str, host: &str) -> String {
    match purpose {
        RecordPurpose::Ownership => format!(
            "Publish this record, then verify the domain: it has no inboxes and passes no mail \
             before that. The operator of the server can do without: `postern domain trust {name}`."
        ),
        RecordPurpose::Mx => {
            format!("Publish this record: without it, mail for {name} goes elsewhere or nowhere.")
        }
        RecordPurpose::Spf => {
            "Publish this record: it says that your mail comes from the hosts of your MX.".into()
        }
        RecordPurpose::Dkim => {
            "Publish this record: receivers check the signatures of your mail with it.".into()
        }
        RecordPurpose::Dmarc => {
            "Publish this record: large providers want one of every sender.".into()
        }
        RecordPurpose::Autoconfig => {
            "Publish this record if people use mail programs: these find the server by it.".into()
        }
        RecordPurpose::MtaSts => format!(
            "If you want other servers to insist on TLS: serve the text \
             \"version: STSv1\\nmode: testing\\nmx: {host}\\nmax_age: 604800\\n\" as \
             https://mta-sts.{name}/.well-known/mta-sts.txt, then publish this record."
        ),
        RecordPurpose::TlsRpt => format!(
            "If you want reports of other servers about TLS, publish this record; they go to \
             postmaster@{name}."
        ),
    }
}

/// Changes with the policy that the advice names, as RFC 8461 section 3.1 wants it.
fn policy_id(host: &str) -> String {
    let digest = sha256(host.as_bytes());
    digest.iter().take(8).fold(String::new(), |mut id, octet| {
        let _ = write!(id, "{octet:02x}");
        id
    })
}

/// The question whose answer has a record.
pub(super) fn question(record: &DomainRecord) -> Option<Question> {
    Question::new(&record.name, record.kind)
}

/// Says what the DNS has in place of a record.
pub(super) fn judge(record: &mut DomainRecord, answer: &DnsAnswer, domain: DomainInfo<'_>) {
    let seen = match answer {
        Ok(records) => texts(records),
        Err(DnsError::NoName | DnsError::NoRecords) => Vec::new(),
        Err(DnsError::Temporary(why)) => {
            record.status = RecordStatus::Unknown;
            record.found = None;
            record.fix = Some(format!(
                "The DNS gave no answer for {}: {why}. Verify again later.",
                record.name
            ));
            return;
        }
    };
    let relevant: Vec<&String> = seen
        .iter()
        .filter(|text| is_relevant(record, text))
        .collect();
    let verdict = match relevant.as_slice() {
        [] => Verdict::Missing,
        found => judge_texts(record, found, domain),
    };
    let (status, fix) = match verdict {
        Verdict::Right => (RecordStatus::Ok, None),
        Verdict::Missing => {
            let fix = advice(record.purpose, domain.name, domain.host);
            (RecordStatus::Missing, Some(fix))
        }
        Verdict::Wrong(fix) => (RecordStatus::Differs, Some(fix)),
    };
    record.found = Some(
        relevant
            .into_iter()
            .take(FOUND_MAX)
            .map(|text| shown(text))
            .collect(),
    );
    (record.status, record.fix) = (status, fix);
}

enum Verdict {
    Right,
    Missing,
    Wrong(String),
}

/// Whether a record at the same name is one of this purpose: a domain has texts of many services.
fn is_relevant(record: &DomainRecord, text: &str) -> bool {
    let begins = |word: &str| {
        let head = text.get(..word.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(word))
    };
    match record.purpose {
        RecordPurpose::Ownership => begins(OWNERSHIP),
        RecordPurpose::Spf => begins("v=spf1 ") || text.eq_ignore_ascii_case("v=spf1"),
        RecordPurpose::Dmarc => begins("v=DMARC1"),
        RecordPurpose::MtaSts => begins("v=STSv1"),
        RecordPurpose::TlsRpt => begins("v=TLSRPTv1"),
        RecordPurpose::Mx | RecordPurpose::Dkim | RecordPurpose::Autoconfig => true,
    }
}

fn judge_texts(record: &DomainRecord, found: &[&String], domain: DomainInfo<'_>) -> Verdict {
    let only_one = |what: &str| {
        let n = found.len();
        Verdict::Wrong(format!(
            "There are {n} {what} records at {}, and with more than one none counts: keep one.",
            record.name
        ))
    };
    match record.purpose {
        RecordPurpose::Ownership => match found.iter().any(|text| text.trim() == record.value) {
            true => Verdict::Right,
            false => Verdict::Wrong(
                "The record has the value of another organization or of an earlier domain: \
                     add one with this value."
                    .into(),
            ),
        },
        RecordPurpose::Mx => judge_mx(found, domain),
        RecordPurpose::Spf if found.len() > 1 => only_one("SPF"),
        RecordPurpose::Spf => judge_spf(found[0], domain),
        RecordPurpose::Dkim => judge_dkim(record, found),
        RecordPurpose::Dmarc if found.len() > 1 => only_one("DMARC"),
        RecordPurpose::Dmarc => judge_dmarc(found[0]),
        RecordPurpose::MtaSts if found.len() > 1 => only_one("MTA-STS"),
        RecordPurpose::TlsRpt if found.len() > 1 => only_one("TLS-RPT"),
        RecordPurpose::TlsRpt => match tag(found[0], "rua") {
            Some(_) => Verdict::Right,
            None => Verdict::Wrong("The record names no address: add `rua=mailto:…`.".into()),
        },
        RecordPurpose::MtaSts => match tag(found[0], "id") {
            Some(_) => Verdict::Right,
            None => Verdict::Wrong("The record has no `id`: add the one of this value.".into()),
        },
        RecordPurpose::Autoconfig => match found.iter().any(|text| is_same_srv(text, record)) {
            true => Verdict::Right,
            false => Verdict::Wrong(format!(
                "The record leads mail programs to another server: set it to \"{}\".",
                record.value
            )),
        },
    }
}

fn judge_mx(found: &[&String], domain: DomainInfo<'_>) -> Verdict {
    let hosts = found.iter().filter_map(|text| {
        let (preference, host) = text.split_once(' ')?;
        Some((preference.parse::<u16>().ok()?, host))
    });
    let mut hosts: Vec<(u16, &str)> = hosts.collect();
    hosts.sort_unstable();
    let ours = hosts.iter().find(|(_, host)| *host == domain.host);
    match (ours, hosts.first()) {
        (None, Some((_, ""))) => Verdict::Wrong(format!(
            "The domain says that it takes no mail (a null MX): replace it by \"10 {}\".",
            domain.host
        )),
        (None, _) => Verdict::Wrong(format!(
            "Mail for {} goes to another server: add \"10 {}\", and remove the hosts that are not \
             to take it.",
            domain.name, domain.host
        )),
        (Some((own, _)), Some((best, host))) if best < own => Verdict::Wrong(format!(
            "Other servers try {host} first: give {} the lowest number.",
            domain.host
        )),
        (Some(_), _) => Verdict::Right,
    }
}

/// Whether the record lets our host send: by `mx`, by its name, or by a rule that only a whole
/// evaluation could follow.
fn judge_spf(text: &str, domain: DomainInfo<'_>) -> Verdict {
    let mut has_other_way = false;
    for term in text.split_ascii_whitespace().skip(1) {
        let term = term.to_ascii_lowercase();
        let bare = term.strip_prefix('+').unwrap_or(&term);
        let (name, argument) = bare.split_once([':', '=']).unwrap_or((bare, ""));
        match name {
            "mx" if argument.is_empty() || argument == domain.name => return Verdict::Right,
            "a" if argument == domain.host => return Verdict::Right,
            "all" => return Verdict::Right,
            "include" | "redirect" | "ip4" | "ip6" | "a" | "mx" | "exists" => has_other_way = true,
            _ if bare.starts_with("mx/") || bare.starts_with("a/") => has_other_way = true,
            _ => {}
        }
    }
    let hint = match has_other_way {
        true => ", unless one of its other terms has the address of this server",
        false => "",
    };
    Verdict::Wrong(format!(
        "The record does not name this server: put `mx` (or `a:{}`) in front of its `all`{hint}.",
        domain.host
    ))
}

fn judge_dkim(record: &DomainRecord, found: &[&String]) -> Verdict {
    let wanted = tag(&record.value, "p");
    match found.iter().any(|text| tag(text, "p") == wanted) {
        true => Verdict::Right,
        false => {
            let is_ended = found
                .iter()
                .any(|text| tag(text, "p").as_deref() == Some(""));
            Verdict::Wrong(match is_ended {
                true => "The record says that the key is revoked (an empty `p=`): replace it by \
                         this value."
                    .into(),
                false => "The record has another key: replace it by this value, in pieces of at \
                          most 255 octets if your provider asks for them."
                    .into(),
            })
        }
    }
}

fn judge_dmarc(text: &str) -> Verdict {
    match tag(text, "p").as_deref() {
        Some("none" | "quarantine" | "reject") => Verdict::Right,
        _ => Verdict::Wrong(
            "The record has no policy that receivers know: `p` is none, quarantine or reject."
                .into(),
        ),
    }
}

fn is_same_srv(text: &str, record: &DomainRecord) -> bool {
    let target = |text: &str| {
        let mut words = text.split(' ').skip(2);
        Some((words.next()?.to_owned(), words.next()?.to_owned()))
    };
    target(text).is_some() && target(text) == target(&record.value)
}

/// The value of a tag (RFC 6376 section 3.2), without white space.
fn tag(text: &str, name: &str) -> Option<String> {
    let tags = text.split(';').filter_map(|part| part.split_once('='));
    let mut named = tags.filter(|(tag, _)| tag.trim() == name);
    let (_, value) = named.next()?;
    Some(value.split_ascii_whitespace().collect())
}

/// The records of an answer as texts.
fn texts(records: &Records) -> Vec<String> {
    match records {
        Records::A(all) => all.iter().map(ToString::to_string).collect(),
        Records::Aaaa(all) => all.iter().map(ToString::to_string).collect(),
        Records::Mx(all) => {
            let texts = all
                .iter()
                .map(|mx| format!("{} {}", mx.preference, mx.exchange));
            texts.collect()
        }
        Records::Txt(all) => {
            let texts = all
                .iter()
                .map(|text| String::from_utf8_lossy(text).into_owned());
            texts.collect()
        }
        Records::Ptr(all) => all.clone(),
        Records::Srv(all) => {
            let texts = all.iter().map(|srv| {
                let (priority, weight) = (srv.priority, srv.weight);
                format!("{priority} {weight} {} {}", srv.port, srv.target)
            });
            texts.collect()
        }
    }
}

/// A text of someone else, bounded and without control characters.
fn shown(text: &str) -> String {
    let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    clean.take(FOUND_CHARS_MAX).collect()
}

/// Whether all new keys of a domain have been seen, so that they may sign.
pub(super) fn sees_new_keys(records: &[DomainRecord], keys: &[DkimKeyRow]) -> bool {
    let mut new = keys.iter().filter(|key| key.state == DkimKeyState::Waiting);
    let is_seen = |key: &DkimKeyRow| {
        records.iter().any(|record| {
            record.purpose == RecordPurpose::Dkim
                && record.status == RecordStatus::Ok
                && record
                    .name
                    .strip_prefix(key.selector.as_str())
                    .is_some_and(|rest| rest.starts_with("._domainkey."))
        })
    };
    let first = new.next();
    first.is_some_and(|key| is_seen(key) && new.all(is_seen))
}

/// What the value of an ownership record begins with.
const OWNERSHIP: &str = "postern-verify=";
/// Records that `found` shows at most.
const FOUND_MAX: usize = 10;
/// Characters of each of them: a key of 4,096 bits.
const FOUND_CHARS_MAX: usize = 1000;
