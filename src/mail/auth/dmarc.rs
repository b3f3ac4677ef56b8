//! DMARC (RFC 7489): whether one of the checks speaks for the domain in From, and what its owner
//! wants done otherwise. It asks for the record; it applies nothing.
//!
//! `pct` does not count: a policy holds for all mail or is not published. `np` is of a later
//! experiment (RFC 9091) and is passed over; a domain that does not exist has the policy of `sp`.

use super::dkim::DkimOutcome;
use crate::call::{AuthResult, DnsAnswer, DnsError, Question, RecordType, Records};
use crate::mail::Bounds;
use crate::mail::Headers;
use crate::mail::parse::address::parse_domain;
use crate::mail::parse::address_list::parse_list;

/// What the owner of a domain wants done with mail that fails.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum DmarcPolicy {
    /// Nothing.
    #[default]
    None,
    /// It is suspicious.
    Quarantine,
    /// It is refused.
    Reject,
}

impl DmarcPolicy {
    /// The word of `p=`.
    pub const fn name(self) -> &'static str {
        match self {
            DmarcPolicy::None => "none",
            DmarcPolicy::Quarantine => "quarantine",
            DmarcPolicy::Reject => "reject",
        }
    }

    fn parse(value: &[u8]) -> Option<DmarcPolicy> {
        let all = [
            DmarcPolicy::None,
            DmarcPolicy::Quarantine,
            DmarcPolicy::Reject,
        ];
        let mut all = all.into_iter();
        all.find(|policy| value.eq_ignore_ascii_case(policy.name().as_bytes()))
    }
}

/// A record, as far as it counts here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct DmarcRecord {
    policy: DmarcPolicy,
    below: DmarcPolicy,
    is_dkim_strict: bool,
    is_spf_strict: bool,
}

/// The domains of the authors of a message.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Authors {
    /// In lower case and punycode, each once.
    pub domains: Vec<String>,
    /// Whether there is exactly one From field with a mailbox.
    pub is_one_field: bool,
}

impl Authors {
    /// Reads the From fields.
    pub fn of(headers: &Headers<'_>) -> Authors {
        let bounds = Bounds::default();
        let mut fields = 0;
        let mut has_other = false;
        let mut domains: Vec<String> = Vec::new();
        for field in headers.beginning(b"From").filter(|field| field.is("From")) {
            fields += 1;
            if fields > FIELDS_MAX {
                break;
            }
            for mailbox in parse_list(field.value, &bounds).mailboxes() {
                match parse_domain(&mailbox.domain) {
                    Ok(domain) if domains.contains(&domain) => {}
                    Ok(domain) if domains.len() < DOMAINS_MAX => domains.push(domain),
                    _ => has_other = true,
                }
            }
        }
        Authors {
            is_one_field: fields == 1 && !has_other,
            domains,
        }
    }

    /// The only one, for which DMARC asks.
    fn only(&self) -> Option<&str> {
        match self.domains.as_slice() {
            [domain] if self.is_one_field => Some(domain),
            _ => None,
        }
    }
}

/// The search for the record of one domain.
#[derive(Clone, Debug)]
pub struct DmarcCheck {
    authors: Authors,
    stage: DmarcStage,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum DmarcStage {
    /// The record of the domain itself is asked for.
    Own,
    /// That of its organizational domain is.
    Above,
    /// The record was found. `true`: at the organizational domain, for a domain below it.
    Record(DmarcRecord, bool),
    /// The search ended without one.
    Ended(AuthResult),
}

/// The result of DMARC.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DmarcOutcome {
    /// The result: pass, fail, none, temperror or permerror.
    pub result: AuthResult,
    /// The policy that holds for the domain; none when there is no record.
    pub policy: DmarcPolicy,
    /// Whether SPF or DKIM passes for the domain in From, whether or not there is a record.
    pub is_aligned: bool,
}

impl DmarcCheck {
    /// For a message with these authors; and the first question, if there is one.
    pub fn new(authors: Authors) -> (DmarcCheck, Option<Question>) {
        let question = match authors.only() {
            // An author without a domain of the DNS has no record.
            Some(domain) => match record_question(domain) {
                Some(question) => Ok(question),
                None => Err(AuthResult::None),
            },
            None => Err(AuthResult::PermError),
        };
        let stage = match &question {
            Ok(_) => DmarcStage::Own,
            Err(result) => DmarcStage::Ended(*result),
        };
        (DmarcCheck { authors, stage }, question.ok())
    }

    /// The authors.
    pub fn authors(&self) -> &Authors {
        &self.authors
    }

    /// Takes the answer; gives the next question, if there is one (RFC 7489 section 6.6.3).
    pub fn step(&mut self, answer: &DnsAnswer) -> Option<Question> {
        let is_above = self.stage == DmarcStage::Above;
        self.stage = match read_answer(answer) {
            Ok(record) => DmarcStage::Record(record, is_above),
            Err(None) if self.stage == DmarcStage::Own => {
                let domain = self.authors.only().unwrap_or_default();
                let above = organizational_domain(domain);
                let question = (above != domain).then(|| record_question(above)).flatten();
                if question.is_some() {
                    self.stage = DmarcStage::Above;
                    return question;
                }
                DmarcStage::Ended(AuthResult::None)
            }
            Err(result) => DmarcStage::Ended(result.unwrap_or_default()),
        };
        None
    }

    /// The result. `spf` is the result of SPF and its domain. A search that has not ended gives a
    /// temporary error.
    pub fn outcome(&self, spf: (AuthResult, &str), dkim: &[DkimOutcome]) -> DmarcOutcome {
        let (record, is_below) = match &self.stage {
            DmarcStage::Record(record, is_below) => (Some(*record), *is_below),
            _ => (None, false),
        };
        let strict = record.map_or((false, false), |r| (r.is_dkim_strict, r.is_spf_strict));
        let domain = self.authors.only();
        let aligned = |other: &str, is_strict: bool| match domain {
            Some(domain) if is_strict => domain == other,
            Some(domain) => organizational_domain(domain) == organizational_domain(other),
            None => false,
        };
        let spf_domain = spf.1.to_ascii_lowercase();
        let (mut is_aligned, mut may_pass_later) = (false, false);
        for outcome in dkim.iter().filter(|one| aligned(&one.domain, strict.0)) {
            is_aligned |= outcome.result == AuthResult::Pass;
            may_pass_later |= outcome.may_pass_later;
        }
        if aligned(spf_domain.trim_end_matches('.'), strict.1) {
            is_aligned |= spf.0 == AuthResult::Pass;
            may_pass_later |= spf.0 == AuthResult::TempError;
        }
        let result = match (&self.stage, is_aligned) {
            (DmarcStage::Record(..), true) => AuthResult::Pass,
            // A check that may pass later leaves the result open (RFC 7489 section 6.6.2). Only
            // checks of the domain itself count: those of other domains cannot pass for it.
            (DmarcStage::Record(..), false) if may_pass_later => AuthResult::TempError,
            (DmarcStage::Record(..), false) => AuthResult::Fail,
            (DmarcStage::Ended(result), _) => *result,
            (DmarcStage::Own | DmarcStage::Above, _) => AuthResult::TempError,
        };
        let policy = record.map(|r| if is_below { r.below } else { r.policy });
        DmarcOutcome {
            result,
            policy: policy.unwrap_or_default(),
            is_aligned,
        }
    }

    /// Whether a domain is aligned with From in the relaxed way.
    pub fn is_related(&self, other: &str) -> bool {
        let domain = self.authors.only();
        domain.is_some_and(|d| organizational_domain(d) == organizational_domain(other))
    }
}

/// The domain that was registered: one label more than the public suffix (RFC 7489 section 3.2).
/// A name under a top level that the list lacks follows its default rule. A public suffix is its
/// own organizational domain.
pub fn organizational_domain(domain: &str) -> &str {
    psl::domain_str(domain).unwrap_or(domain)
}

fn record_question(domain: &str) -> Option<Question> {
    let is_name = !domain.starts_with('[');
    is_name.then(|| Question::new(&format!("_dmarc.{domain}"), RecordType::Txt))?
}

/// The record of an answer. `Err(None)`: there is no record here, and there may be one above.
/// `Err(Some(..))`: the search ends with this result.
fn read_answer(answer: &DnsAnswer) -> Result<DmarcRecord, Option<AuthResult>> {
    let texts = match answer {
        Ok(Records::Txt(texts)) => texts,
        Ok(_) | Err(DnsError::NoName | DnsError::NoRecords) => return Err(None),
        Err(DnsError::Temporary(_)) => return Err(Some(AuthResult::TempError)),
    };
    let mut own = texts.iter().filter_map(|text| tags_of(text));
    let tags = own.next().ok_or(None)?;
    // Several records are none, and no other domain is asked.
    if own.next().is_some() {
        return Err(Some(AuthResult::None));
    }
    parse(&tags).ok_or(Some(AuthResult::PermError))
}

/// Names in lower case, and values.
type Tags<'a> = Vec<(Vec<u8>, &'a [u8])>;

/// The tags behind the version; `None` when this is no record of DMARC. A part that is no tag is
/// passed over (RFC 7489 section 6.3).
fn tags_of(text: &[u8]) -> Option<Tags<'_>> {
    let mut parts = text.split(|&b| b == b';').map(|part| {
        let at = memchr::memchr(b'=', part).unwrap_or(part.len());
        let (name, value) = part.split_at(at);
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        (name.trim_ascii().to_ascii_lowercase(), value)
    });
    let (name, value) = parts.next()?;
    (name == b"v" && value == b"DMARC1").then(|| parts.take(TAGS_MAX).collect())
}

/// `None` for a record without a policy and without an address for reports (RFC 7489
/// section 6.6.3).
fn parse(tags: &Tags<'_>) -> Option<DmarcRecord> {
    let tag = |wanted: &[u8]| {
        let mut tags = tags.iter();
        tags.find(|(name, _)| name == wanted)
            .map(|(_, value)| *value)
    };
    let policy = tag(b"p").and_then(DmarcPolicy::parse);
    let below = match tag(b"sp") {
        None => Some(policy),
        Some(value) => DmarcPolicy::parse(value).map(Some),
    };
    let (policy, below) = match (policy, below) {
        (Some(policy), Some(below)) => (policy, below.unwrap_or(policy)),
        _ => {
            let reports = tag(b"rua").unwrap_or_default();
            let mut places = reports.split(|&b| b == b',').map(<[u8]>::trim_ascii);
            let is_place = |place: &[u8]| memchr::memchr(b':', place).is_some_and(|at| at > 0);
            if !places.any(is_place) {
                return None;
            }
            (DmarcPolicy::None, DmarcPolicy::None)
        }
    };
    let is_strict = |name| tag(name).is_some_and(|value| value.eq_ignore_ascii_case(b"s"));
    Some(DmarcRecord {
        policy,
        below,
        is_dkim_strict: is_strict(b"adkim"),
        is_spf_strict: is_strict(b"aspf"),
    })
}

/// Domains of authors that are looked at.
const DOMAINS_MAX: usize = 100;
/// From fields that are looked at: more than one is an error already.
const FIELDS_MAX: usize = 100;
/// Tags of a record.
const TAGS_MAX: usize = 64;
