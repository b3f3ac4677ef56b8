//! Delivery status notifications (RFC 3464) that this server writes: the text for a reader, the
//! fields for a program, and the message or its header.
//!
//! It is not a queue and decides nothing: the caller says what happened to which recipient. Each
//! value of the other server passes through [`clean`], so that no reply can add a field or a
//! line.

use super::compose::addresses;
use super::field::fold;
use super::submit::check_octets;
use crate::mail::parse::address::Address;
use crate::mail::parse::header::Headers;
use crate::mail::time;
use crate::mail::unicode;

/// What happened to a recipient (RFC 3464 section 2.3.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DsnAction {
    /// It could not be delivered, and is not tried again.
    Failed,
    /// It is late, and is tried again.
    Delayed,
    /// It was delivered.
    Delivered,
    /// It was given to a server that sends no such notification.
    Relayed,
}

impl DsnAction {
    /// The word of the Action field.
    pub const fn name(self) -> &'static str {
        match self {
            DsnAction::Failed => "failed",
            DsnAction::Delayed => "delayed",
            DsnAction::Delivered => "delivered",
            DsnAction::Relayed => "relayed",
        }
    }
}

/// A notification about one recipient of one message.
#[derive(Clone, Debug)]
pub struct Dsn<'a> {
    /// The name of this server.
    pub reporting_mta: &'a str,
    /// The sender of the message: the notification goes there.
    pub to: &'a Address,
    /// What happened.
    pub action: DsnAction,
    /// The recipient.
    pub recipient: &'a str,
    /// `ORCPT=` as the client gave it, decoded: `rfc822;ann@example.com`.
    pub original_recipient: Option<&'a str>,
    /// `ENVID=`, decoded.
    pub envelope_id: Option<&'a str>,
    /// The enhanced status code (RFC 3463), such as `5.1.1`.
    pub status: &'a str,
    /// The server that answered; `None` when none did.
    pub remote_mta: Option<&'a str>,
    /// Its reply, or our words.
    pub diagnostic: &'a str,
    /// Whether `diagnostic` is an SMTP reply.
    pub is_smtp_reply: bool,
    /// When the message was accepted, unix milliseconds.
    pub arrived_at: i64,
    /// The last attempt, unix milliseconds.
    pub attempted_at: i64,
    /// For a delay: until when it is tried, unix milliseconds.
    pub retry_until: Option<i64>,
    /// The message as it was sent: its octets, or its header alone.
    pub original: &'a [u8],
    /// Whether the sender wants the whole message back (`RET=FULL`).
    pub is_full: bool,
    /// Unix milliseconds.
    pub now: i64,
    /// Of the notification, with its brackets.
    pub message_id: &'a str,
    /// Fresh random octets, for the boundary.
    pub seed: [u8; 16],
}

/// Writes the notification. Its envelope has the null reverse-path, which the caller sets.
///
/// A message of more than [`ORIGINAL_BYTES_MAX`] octets comes back as its header.
pub fn write_dsn(dsn: &Dsn<'_>) -> Vec<u8> {
    let header = Headers::parse(dsn.original);
    let message_id = header.first("Message-ID").map(|field| field.decoded());
    let subject = header.first("Subject").map(|field| field.decoded());
    let is_whole = dsn.is_full
        && dsn.original.len() <= ORIGINAL_BYTES_MAX
        && check_octets(dsn.original).is_ok();
    let mut out = Vec::with_capacity(4_096 + if is_whole { dsn.original.len() } else { 8_192 });
    fold(
        "From",
        &format!("Mail Delivery System <mailer-daemon@{}>", dsn.reporting_mta),
        &mut out,
    );
    addresses("To", &[(None, dsn.to)], &mut out);
    fold("Subject", title(dsn.action), &mut out);
    fold("Date", &time::rfc5322(dsn.now), &mut out);
    fold("Message-ID", dsn.message_id, &mut out);
    if let Some(id) = message_id.as_deref().map(clean).filter(|id| is_id(id)) {
        fold("In-Reply-To", &id, &mut out);
        fold("References", &id, &mut out);
    }
    // RFC 3834 section 5: no automatic answer is sent to this.
    out.extend_from_slice(b"Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n");
    let boundary = format!("=_{}_dsn", data_encoding::HEXLOWER.encode(&dsn.seed));
    out.extend_from_slice(
        format!(
            "Content-Type: multipart/report; report-type=delivery-status;\r\n \
             boundary=\"{boundary}\"\r\n\r\n"
        )
        .as_bytes(),
    );
    let part = |out: &mut Vec<u8>, media: &str, encoding: &str| {
        let lines = format!(
            "--{boundary}\r\nContent-Type: {media}\r\nContent-Transfer-Encoding: \
             {encoding}\r\n\r\n"
        );
        out.extend_from_slice(lines.as_bytes());
    };
    part(&mut out, "text/plain; charset=utf-8", "8bit");
    explain(dsn, subject.as_deref().unwrap_or_default(), &mut out);
    out.extend_from_slice(b"\r\n");
    part(&mut out, "message/delivery-status", "7bit");
    status_fields(dsn, &mut out);
    out.extend_from_slice(b"\r\n");
    let returned = match is_whole {
        true => dsn.original,
        false => dsn.original.get(..header.body_start()).unwrap_or_default(),
    };
    let returned = match returned.len() <= ORIGINAL_BYTES_MAX && check_octets(returned).is_ok() {
        true => returned,
        false => b"",
    };
    let encoding = if returned.is_ascii() { "7bit" } else { "8bit" };
    let media = match is_whole {
        true => "message/rfc822",
        false => "text/rfc822-headers",
    };
    part(&mut out, media, encoding);
    out.extend_from_slice(returned);
    if !returned.ends_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    out
}

const fn title(action: DsnAction) -> &'static str {
    match action {
        DsnAction::Failed => "Your message was not delivered",
        DsnAction::Delayed => "Your message is late",
        DsnAction::Delivered => "Your message was delivered",
        DsnAction::Relayed => "Your message was passed on",
    }
}

/// The part for a reader.
fn explain(dsn: &Dsn<'_>, subject: &str, out: &mut Vec<u8>) {
    let recipient = clean(dsn.recipient);
    let mut text = format!("This is the mail server {}.\n\n", dsn.reporting_mta);
    text.push_str(&match dsn.action {
        DsnAction::Failed => format!(
            "Your message could not be delivered to <{recipient}>.\nIt will not be tried again.\n"
        ),
        DsnAction::Delayed => {
            let until = dsn.retry_until.map(time::rfc5322).unwrap_or_default();
            format!(
                "Your message to <{recipient}> is not delivered yet.\nIt is tried until {until}. \
                 You need to do nothing.\n"
            )
        }
        DsnAction::Delivered => format!("Your message was delivered to <{recipient}>.\n"),
        DsnAction::Relayed => format!(
            "Your message to <{recipient}> was passed on to a server that does not confirm \
             delivery.\n"
        ),
    });
    let subject = clean(subject);
    if !subject.is_empty() {
        text.push_str(&format!("\nSubject: {subject}\n"));
    }
    text.push_str(&format!("Accepted: {}\n", time::rfc5322(dsn.arrived_at)));
    let diagnostic = clean(dsn.diagnostic);
    match dsn.remote_mta {
        Some(host) if !diagnostic.is_empty() => {
            text.push_str(&format!("Answer of {}: {diagnostic}\n", clean(host)));
        }
        _ if !diagnostic.is_empty() => text.push_str(&format!("Reason: {diagnostic}\n")),
        _ => {}
    }
    for line in text.lines() {
        out.extend_from_slice(line.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}

/// The part for a program: RFC 3464 sections 2.2 and 2.3.
fn status_fields(dsn: &Dsn<'_>, out: &mut Vec<u8>) {
    fold("Reporting-MTA", &format!("dns; {}", dsn.reporting_mta), out);
    if let Some(id) = dsn.envelope_id {
        fold("Original-Envelope-Id", &ascii(id), out);
    }
    fold("Arrival-Date", &time::rfc5322(dsn.arrived_at), out);
    out.extend_from_slice(b"\r\n");
    if let Some(original) = dsn.original_recipient {
        let original = ascii(original);
        let typed = match original.split_once(';') {
            Some((kind, address)) => format!("{}; {}", kind.trim(), address.trim()),
            None => format!("rfc822; {original}"),
        };
        fold("Original-Recipient", &typed, out);
    }
    fold("Final-Recipient", &typed_recipient(dsn.recipient), out);
    fold("Action", dsn.action.name(), out);
    fold("Status", &ascii(dsn.status), out);
    if let Some(host) = dsn.remote_mta {
        fold("Remote-MTA", &format!("dns; {}", ascii(host)), out);
    }
    let diagnostic = ascii(dsn.diagnostic);
    if !diagnostic.is_empty() {
        let kind = if dsn.is_smtp_reply {
            "smtp"
        } else {
            "x-postern"
        };
        fold("Diagnostic-Code", &format!("{kind}; {diagnostic}"), out);
    }
    fold("Last-Attempt-Date", &time::rfc5322(dsn.attempted_at), out);
    if let Some(until) = dsn.retry_until {
        fold("Will-Retry-Until", &time::rfc5322(until), out);
    }
}

/// The recipient with its address type: an address with UTF-8 in it is written in the ASCII form of
/// RFC 6533 section 3.
fn typed_recipient(recipient: &str) -> String {
    let recipient = clean(recipient);
    if recipient.is_ascii() {
        return format!("rfc822; {recipient}");
    }
    let mut escaped = String::with_capacity(recipient.len() * 2);
    for c in recipient.chars() {
        match c {
            '\\' | '+' | '=' => escaped.push_str(&format!("\\x{{{:X}}}", u32::from(c))),
            c if c.is_ascii() => escaped.push(c),
            c => escaped.push_str(&format!("\\x{{{:X}}}", u32::from(c))),
        }
    }
    format!("utf-8; {escaped}")
}

/// A value of another server on one line: controls are spaces, and its length has a bound.
fn clean(value: &str) -> String {
    let line: String = value
        .chars()
        .map(
            |c| match super::field::is_value(c.encode_utf8(&mut [0; 4])) {
                true => c,
                false => ' ',
            },
        )
        .collect();
    unicode::prefix(line.trim(), VALUE_BYTES_MAX).to_owned()
}

/// As [`clean`], in ASCII: the part for programs is 7bit.
fn ascii(value: &str) -> String {
    let clean = clean(value);
    clean
        .chars()
        .map(|c| if c.is_ascii() { c } else { '?' })
        .collect()
}

fn is_id(id: &str) -> bool {
    let inner = id.strip_prefix('<').and_then(|id| id.strip_suffix('>'));
    inner.is_some_and(|id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_graphic()))
}

/// Octets of a message that comes back whole, and of a header that comes back.
pub const ORIGINAL_BYTES_MAX: usize = 50_000;

/// Octets of one value of the other server: two lines of a reply.
const VALUE_BYTES_MAX: usize = 1_000;
