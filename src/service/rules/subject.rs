//! A message as rules look at it: its octets and their digest, and the texts that conditions have
//! asked for, each made once.
//!
//! Every text is bounded, so what is behind the bound is not looked at.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use crate::call::{AuthResult, RuleField, SenderAuth, SpamReport, Verdict};
use crate::mail::digest::{self, AddressItems, Analysis};
use crate::mail::parse::address_list::Mailbox;
use crate::mail::text::beginning_of;
use crate::mail::{Bounds, Digest, Headers, unicode};
use crate::pace;

/// A message.
#[derive(Debug)]
pub struct RuleSubject<'a> {
    octets: &'a [u8],
    digest: Digest<'a>,
    auth: SenderAuth,
    /// The judgement of the filter, with the score in thousandths; `None` without one.
    judgement: Cell<Option<(Verdict, i64)>>,
    /// The reverse-path; `None` is the null path.
    reverse_path: Option<&'a str>,
    texts: RefCell<HashMap<RuleField, Rc<[RuleText]>>>,
    header: OnceCell<Headers<'a>>,
}

/// One value of a field.
#[derive(Debug)]
pub(super) struct RuleText {
    /// As a reader sees it.
    pub shown: String,
    /// In lower case.
    pub lower: String,
    /// The address and the domain of a mailbox, in lower case.
    pub address: Option<(String, String)>,
}

impl<'a> RuleSubject<'a> {
    /// A message with what is known of its sender, and its reverse-path, which is `None` for the
    /// null path.
    pub fn new(
        octets: &'a [u8],
        digest: Digest<'a>,
        (auth, reverse_path): (SenderAuth, Option<&'a str>),
    ) -> RuleSubject<'a> {
        RuleSubject {
            octets,
            digest,
            auth,
            judgement: Cell::new(None),
            reverse_path,
            texts: RefCell::default(),
            header: OnceCell::new(),
        }
    }

    /// Takes what the filter says of it in the inbox whose rules are asked next.
    pub fn judge(&self, report: Option<&SpamReport>) {
        let judged = report.map(|report| (report.verdict, i64::from(report.score.0) * 10));
        self.judgement.set(judged);
    }

    /// Octets of the message.
    pub(super) fn size(&self) -> u64 {
        self.octets.len() as u64
    }

    pub(super) fn has_attachment(&self) -> bool {
        self.digest.has_attachments()
    }

    pub(super) fn verdict(&self) -> Option<Verdict> {
        self.judgement.get().map(|(verdict, _)| verdict)
    }

    /// In thousandths.
    pub(super) fn score(&self) -> Option<i64> {
        self.judgement.get().map(|(_, score)| score)
    }

    /// The reverse-path; `None` is the null path.
    pub(super) fn reverse_path(&self) -> Option<&str> {
        self.reverse_path
    }

    /// Whether it is a report of another server (RFC 6522).
    pub(super) fn is_report(&self) -> bool {
        let first = self.digest.part(0);
        first.is_some_and(|part| {
            part.is_media("multipart") && part.subtype.eq_ignore_ascii_case(b"report")
        })
    }

    /// What its header says.
    pub(super) fn header_facts(&self) -> Option<Analysis> {
        let bounds = Bounds {
            received_hops: usize::MAX,
            ..Bounds::default()
        };
        let header = self.octets.get(..self.digest.header_len() as usize)?;
        digest::analyse(header, &bounds).ok()
    }

    /// What DMARC gave, where the sender was checked.
    pub(super) fn dmarc(&self) -> Option<AuthResult> {
        match self.auth {
            SenderAuth::Checked(found) => Some(found.dmarc),
            SenderAuth::Unknown
            | SenderAuth::Client
            | SenderAuth::SpoofedLocal
            | SenderAuth::Neighbour => None,
        }
    }

    /// The values of a field that has texts; none when the message does not have the field.
    pub(super) fn texts(&self, field: &RuleField) -> Rc<[RuleText]> {
        if let Some(known) = self.texts.borrow().get(field) {
            return Rc::clone(known);
        }
        let found: Rc<[RuleText]> = self.read(field).into();
        let octets: usize = found.iter().map(|text| text.shown.len()).sum();
        pace::spend(octets.saturating_mul(TEXT_OCTET_WORK));
        (self.texts.borrow_mut()).insert(field.clone(), Rc::clone(&found));
        found
    }

    fn read(&self, field: &RuleField) -> Vec<RuleText> {
        let envelope = self.digest.envelope();
        let one = |text: String| match text.is_empty() {
            true => Vec::new(),
            false => vec![RuleText::of(&text)],
        };
        match field {
            RuleField::From => mailboxes(envelope.from),
            RuleField::To => mailboxes(envelope.to),
            RuleField::Cc => mailboxes(envelope.cc),
            RuleField::Subject => one(envelope.subject_text()),
            RuleField::Body => one(beginning_of(self.octets, &self.digest, RULE_INPUT_MAX).text),
            RuleField::Header(name) => self.header(name),
            RuleField::ListId => {
                let ids = self.header("list-id");
                ids.iter()
                    .map(|text| RuleText::of(list_id(&text.shown)))
                    .collect()
            }
            RuleField::Size
            | RuleField::HasAttachment
            | RuleField::Verdict
            | RuleField::Score
            | RuleField::Dmarc => Vec::new(),
        }
    }

    fn header(&self, name: &str) -> Vec<RuleText> {
        let headers = self.header.get_or_init(|| {
            let end = (self.digest.header_len() as usize).min(Bounds::default().header_bytes);
            Headers::parse(self.octets.get(..end).unwrap_or(self.octets))
        });
        pace::spend(headers.body_start());
        let mut left = RULE_INPUT_MAX;
        let mut texts = Vec::new();
        for field in headers.all(name) {
            if left == 0 {
                break;
            }
            let text = field.within(left).decoded();
            left = left.saturating_sub(text.len().max(1));
            texts.push(RuleText::of(&text));
        }
        texts
    }
}

impl RuleText {
    fn of(text: &str) -> RuleText {
        let shown = unicode::prefix(text, RULE_INPUT_MAX).to_owned();
        RuleText {
            lower: unicode::lower(&shown),
            shown,
            address: None,
        }
    }

    fn of_mailbox(mailbox: &Mailbox) -> RuleText {
        let address = match mailbox.domain.is_empty() {
            true => mailbox.local.clone(),
            false => format!("{}@{}", mailbox.local, mailbox.domain),
        };
        let shown = match mailbox.name.as_deref() {
            Some(name) => format!("{name} <{address}>"),
            None => address.clone(),
        };
        RuleText {
            address: Some((unicode::lower(&address), unicode::lower(&mailbox.domain))),
            ..RuleText::of(&shown)
        }
    }
}

fn mailboxes(items: AddressItems<'_>) -> Vec<RuleText> {
    let mut left = RULE_INPUT_MAX;
    let fits = |text: &RuleText| {
        left = left.saturating_sub(text.shown.len());
        left > 0
    };
    (items.mailboxes())
        .map(|mailbox| RuleText::of_mailbox(&mailbox))
        .take_while(fits)
        .collect()
}

/// What stands between the angle brackets (RFC 2919 section 3); all of it without them.
fn list_id(value: &str) -> &str {
    let inner = value
        .rsplit_once('<')
        .and_then(|(_, id)| id.split_once('>'));
    inner.map_or(value.trim(), |(id, _)| id.trim())
}

/// Octets of one field that are looked at: more than any letter that a person writes.
const RULE_INPUT_MAX: usize = 64 << 10;
/// Steps for each octet of a text that is made.
const TEXT_OCTET_WORK: usize = 3;
