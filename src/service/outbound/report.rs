//! What a message that came by a return path says about mail that has left: a failure or a delay
//! (RFC 3464), or a complaint (RFC 5965).
//!
//! A reader reads it here. What follows from it is done by the writer (`bounce.rs`).

use super::failure::{DeliveryFailure, Lasting};
use super::path::row_at;
use crate::call::{Envelope, INBOX, InboxId, OrgId, REMOTE_TEXT_MAX, Refusal};
use crate::mail::parse::dsn::{DeliveryStatus, MailReport, RecipientStatus, read_report};
use crate::mail::write::return_path::is_reserved;
use crate::mail::{Address, Bounds, unicode};
use crate::service::Service;
use crate::service::intake::plan::{ReportedEnd, ReturnedReport};
use crate::store::{OutboundRecord, Store};

/// The label of a report about mail that did not arrive, or that a reader complained about.
pub const BOUNCE_LABEL: &str = "$Bounce";

/// Whether the INBOX may get the label of a bounce: it has a bound of different labels, and a
/// report is worth more than its label.
pub fn may_label(store: &Store, org: OrgId, inbox: InboxId) -> Result<bool, Refusal> {
    let Some(mailbox) = store.mailbox_named(org, inbox, INBOX)? else {
        return Ok(false);
    };
    let label = [BOUNCE_LABEL.to_owned()];
    Ok(store.check_keywords(mailbox.id, &label).is_ok())
}

/// The reports in a message from outside: one for each of its recipients that is a return path.
/// Only the null reverse-path brings a notification (RFC 3464 section 2).
pub fn reports_in(
    service: &Service,
    store: &Store,
    envelope: &Envelope,
    octets: &[u8],
) -> Result<Vec<ReturnedReport>, Refusal> {
    let mut rows = Vec::new();
    for recipient in &envelope.recipients {
        // Few messages go further.
        let local = recipient.address.rsplit_once('@').map(|(local, _)| local);
        if !local.is_some_and(is_reserved) {
            continue;
        }
        let Ok(address) = Address::parse(&recipient.address) else {
            continue;
        };
        if let (Some(inbox), Some(row)) = (recipient.inbox, row_at(service, store, &address)?)
            && inbox == row.inbox
        {
            rows.push(row);
        }
    }
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let Some(report) = read_report(octets, &Bounds::default()) else {
        return Ok(Vec::new());
    };
    let is_null = envelope.reverse_path.is_none();
    let found = rows.iter().filter_map(|row| {
        let (what, told) = match &report {
            MailReport::Delivery(status) if is_null => of_status(row, status)?,
            MailReport::Delivery(_) => return None,
            MailReport::Complaint { kind, .. } => of_complaint(kind)?,
        };
        Some(ReturnedReport {
            row: row.id,
            inbox: row.inbox,
            what,
            told,
        })
    });
    Ok(found.collect())
}

/// What a notification says about the recipient of a row.
fn of_status(
    row: &OutboundRecord,
    status: &DeliveryStatus,
) -> Option<(ReportedEnd, DeliveryFailure)> {
    let known = &row.envelope.recipient;
    let is_it = |recipient: &&RecipientStatus| {
        let names = [Some(&recipient.recipient), recipient.original.as_ref()];
        names
            .into_iter()
            .flatten()
            .any(|name| name.eq_ignore_ascii_case(known))
    };
    // The other server may have put another address in its place: then its words are about ours.
    let all = &status.recipients;
    let recipient = (all.iter().find(is_it))
        .or_else(|| all.iter().find(|recipient| recipient.is_failure()))
        .or(all.first())?;
    let what = match recipient.action.as_str() {
        "failed" => ReportedEnd::Failed,
        "delayed" => ReportedEnd::Delayed,
        _ => return None,
    };
    let text = recipient.diagnostic.as_deref().unwrap_or_default();
    let (code, text) = split_code(text);
    let text = match clean(text) {
        text if text.is_empty() => format!("reported by its server: {}", recipient.action),
        text => text,
    };
    let told = DeliveryFailure {
        lasting: match what {
            ReportedEnd::Delayed => Lasting::Temporary,
            ReportedEnd::Failed | ReportedEnd::Complaint => Lasting::Permanent,
        },
        host: clean(recipient.remote_mta.as_deref().unwrap_or_default()),
        code,
        enhanced: enhanced(&recipient.status),
        ..DeliveryFailure::of(Lasting::Permanent, (5, 0, 0), text)
    };
    Some((what, told))
}

/// What a complaint says. Some types of such reports are none: of mail that is wanted, and of
/// checks that failed (RFC 6591).
fn of_complaint(kind: &str) -> Option<(ReportedEnd, DeliveryFailure)> {
    if matches!(kind, "not-spam" | "auth-failure" | "dmarc") {
        return None;
    }
    let text = clean(&format!("complaint: {kind}"));
    let told = DeliveryFailure {
        enhanced: None,
        ..DeliveryFailure::of(Lasting::Permanent, (5, 0, 0), text)
    };
    Some((ReportedEnd::Complaint, told))
}

/// The code at the beginning of a reply, and the text behind it and behind an enhanced code.
fn split_code(text: &str) -> (Option<u16>, &str) {
    let text = text.trim();
    let Some((digits, rest)) = text.split_at_checked(3) else {
        return (None, text);
    };
    let is_code = digits.bytes().all(|b| b.is_ascii_digit());
    let code = digits.parse().ok().filter(|code| (200..600).contains(code));
    let (true, Some(code)) = (is_code, code) else {
        return (None, text);
    };
    if !rest.is_empty() && !rest.starts_with([' ', '-', '\t']) {
        return (None, text);
    }
    let rest = rest.trim_start_matches([' ', '-', '\t']);
    let (word, behind) = rest.split_once(' ').unwrap_or((rest, ""));
    match enhanced(word) {
        Some(_) => (Some(code), behind.trim()),
        None => (Some(code), rest),
    }
}

/// `5.1.1` as numbers (RFC 3463 section 2).
fn enhanced(text: &str) -> Option<(u8, u16, u16)> {
    let mut parts = text.trim().split('.');
    let class: u8 = match parts.next()? {
        "2" => 2,
        "4" => 4,
        "5" => 5,
        _ => return None,
    };
    let mut number = || {
        let part = parts.next()?;
        let is_short = (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        is_short.then(|| part.parse::<u16>().ok()).flatten()
    };
    let (subject, detail) = (number()?, number()?);
    let is_end = parts.next().is_none();
    is_end.then_some((class, subject, detail))
}

/// Words of another server on one line, with a bound.
fn clean(text: &str) -> String {
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    unicode::prefix(&words.join(" "), REMOTE_TEXT_MAX).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diagnostic_is_split() {
        for (text, code, rest) in [
            ("550 5.1.1 No such user", Some(550), "No such user"),
            ("550-5.1.1 No such user", Some(550), "No such user"),
            ("550 No such user", Some(550), "No such user"),
            ("550", Some(550), ""),
            ("5501 x", None, "5501 x"),
            ("999 x", None, "999 x"),
            ("", None, ""),
            ("x\u{e4}", None, "x\u{e4}"),
            ("mailbox full", None, "mailbox full"),
        ] {
            assert_eq!(split_code(text), (code, rest), "{text}");
        }
    }

    #[test]
    fn a_status_is_read() {
        assert_eq!(enhanced("5.1.1"), Some((5, 1, 1)));
        assert_eq!(enhanced(" 4.2.10 "), Some((4, 2, 10)));
        for wrong in [
            "", "5", "5.1", "5.1.1.1", "3.1.1", "5.1234.1", "5.a.1", "+5.1.1", "5.+1.1",
        ] {
            assert_eq!(enhanced(wrong), None, "{wrong}");
        }
    }
}
