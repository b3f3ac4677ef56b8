//! Reports about our mail that other servers send: delivery status notifications (RFC 3464) and
//! complaints (RFC 5965).
//!
//! It only reads. Whether a report is about a message of ours is not decided here: the address that
//! it came to says that, since anybody can write a report.

use super::header::Headers;
use super::mime::{Structure, parse};
use super::param::ParamValue;
use super::transfer::decode;
use crate::mail::Bounds;

/// A report.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MailReport {
    /// What happened to recipients.
    Delivery(DeliveryStatus),
    /// A reader complains about the message: the type of the complaint, `abuse` by default.
    Complaint {
        /// `Feedback-Type` in lower case.
        kind: String,
        /// `Original-Rcpt-To`, without angle brackets.
        recipients: Vec<String>,
    },
}

/// A delivery status notification.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DeliveryStatus {
    /// `Original-Envelope-Id`.
    pub envelope_id: Option<String>,
    /// The recipients, at most [`RECIPIENTS_MAX`].
    pub recipients: Vec<RecipientStatus>,
}

/// What a notification says of one recipient.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RecipientStatus {
    /// `Final-Recipient` without its type.
    pub recipient: String,
    /// `Original-Recipient` without its type.
    pub original: Option<String>,
    /// `Action` in lower case: `failed`, `delayed`, `delivered`, `relayed`, `expanded`.
    pub action: String,
    /// `Status`, such as `5.1.1`, without the comment behind it.
    pub status: String,
    /// `Diagnostic-Code` without its type.
    pub diagnostic: Option<String>,
    /// `Remote-MTA` without its type.
    pub remote_mta: Option<String>,
}

impl RecipientStatus {
    /// Whether the recipient will not get the message.
    pub fn is_failure(&self) -> bool {
        self.action == "failed"
    }
}

/// Reads a report, if the message is one: a multipart/report at its top whose second part is of the
/// type that the report has.
pub fn read_report(raw: &[u8], bounds: &Bounds) -> Option<MailReport> {
    let headers = Headers::parse(raw);
    let content_type = headers.first("Content-Type")?;
    let value = content_type.unfolded();
    let media = ParamValue::parse(&value, bounds.params);
    let is_report = media.first.eq_ignore_ascii_case(b"multipart")
        && media.second.eq_ignore_ascii_case(b"report");
    if !is_report {
        return None;
    }
    let structure = parse(raw, bounds);
    if let Some(fields) = part_of(raw, &structure, &STATUS_TYPES, bounds) {
        let status = read_status(&fields, bounds);
        return (!status.recipients.is_empty()).then_some(MailReport::Delivery(status));
    }
    let fields = part_of(raw, &structure, &[(b"message", b"feedback-report")], bounds)?;
    let headers = Headers::parse(&fields);
    let kind = headers.first("Feedback-Type").map(|field| field.decoded());
    let recipients = headers.all("Original-Rcpt-To").take(RECIPIENTS_MAX);
    Some(MailReport::Complaint {
        kind: kind.map_or("abuse".to_owned(), |kind| kind.trim().to_ascii_lowercase()),
        recipients: recipients
            .map(|field| field.decoded())
            .map(|text| text.trim().trim_matches(['<', '>']).to_owned())
            .collect(),
    })
}

/// The decoded octets of the first child of the top that has one of these types.
fn part_of(
    raw: &[u8],
    structure: &Structure,
    types: &[(&[u8], &[u8])],
    bounds: &Bounds,
) -> Option<Vec<u8>> {
    let mut at = 1;
    while let Some(part) = structure.parts.get(at) {
        at = part.subtree_end.max(at + 1);
        let header = raw.get(part.header_start..part.body_start)?;
        let Some(field) = Headers::parse(header).first("Content-Type") else {
            continue;
        };
        let value = field.unfolded();
        let media = ParamValue::parse(&value, bounds.params);
        let is_it = |(first, second): &(&[u8], &[u8])| {
            media.first.eq_ignore_ascii_case(first) && media.second.eq_ignore_ascii_case(second)
        };
        if types.iter().any(is_it) {
            let body = raw.get(part.body_start..part.body_end)?;
            let body = body.get(..STATUS_BYTES_MAX).unwrap_or(body);
            return Some(decode(part.encoding, body).into_owned());
        }
    }
    None
}

/// The groups of fields: the first is about the message, each further one about a recipient. Some
/// servers write the recipient into the first group.
fn read_status(octets: &[u8], bounds: &Bounds) -> DeliveryStatus {
    let mut status = DeliveryStatus::default();
    let mut rest = octets;
    while !rest.is_empty() && status.recipients.len() < RECIPIENTS_MAX {
        // Empty lines between two groups.
        let lead = rest.iter().take_while(|b| b.is_ascii_whitespace()).count();
        rest = rest.get(lead..).unwrap_or_default();
        let group = Headers::parse(rest);
        if group.body_start() == 0 {
            break;
        }
        rest = rest.get(group.body_start()..).unwrap_or_default();
        let mut recipient = RecipientStatus::default();
        for field in group.fields().take(bounds.header_fields) {
            let text = || field.within(bounds.header_field_bytes).decoded();
            let typed = || {
                let text = text();
                let value = text
                    .split_once(';')
                    .map_or(text.as_str(), |(_, value)| value);
                value.trim().trim_matches(['<', '>']).to_owned()
            };
            if field.is("Original-Envelope-Id") {
                status.envelope_id = Some(text().trim().to_owned());
            } else if field.is("Final-Recipient") {
                recipient.recipient = typed();
            } else if field.is("Original-Recipient") {
                recipient.original = Some(typed());
            } else if field.is("Action") {
                recipient.action = first_word(&text()).to_ascii_lowercase();
            } else if field.is("Status") {
                recipient.status = first_word(&text()).to_owned();
            } else if field.is("Diagnostic-Code") {
                recipient.diagnostic = Some(typed());
            } else if field.is("Remote-MTA") {
                recipient.remote_mta = Some(typed());
            }
        }
        if !recipient.action.is_empty() || !recipient.status.is_empty() {
            status.recipients.push(recipient);
        }
    }
    status
}

/// A word without the comment behind it.
fn first_word(text: &str) -> &str {
    let text = text.trim();
    let end = text.find(|c: char| c.is_whitespace() || c == '(' || c == ';');
    end.map_or(text, |end| text.get(..end).unwrap_or(text))
}

/// The media types of a status part, RFC 3464 and RFC 6533.
const STATUS_TYPES: [(&[u8], &[u8]); 2] = [
    (b"message", b"delivery-status"),
    (b"message", b"global-delivery-status"),
];

/// Recipients of one report that are read.
pub const RECIPIENTS_MAX: usize = 100;

/// Octets of the status part that are read, before decoding.
const STATUS_BYTES_MAX: usize = 64 * 1024;
