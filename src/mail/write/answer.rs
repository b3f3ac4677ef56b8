//! What an answer or a forwarding takes from the message that it is about: subject, references,
//! recipients, and the block of header fields in front of a forwarded text.
//!
//! It composes nothing and reads no store. The rule: **what the other side wrote is data.** Names
//! lose their controls, a Message-ID that does not fit is left out, and every list has a bound.

use super::compose::is_message_id;
use super::markup::escape;
use crate::mail::digest::Analysis;
use crate::mail::parse::address::Address;
use crate::mail::parse::address_list::Mailbox;
use crate::mail::text::reply;
use crate::mail::{time, unicode};

/// The recipients of an answer, each once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AnswerRecipients {
    /// To.
    pub to: Vec<(Option<String>, Address)>,
    /// Cc.
    pub cc: Vec<(Option<String>, Address)>,
}

/// `Re: ` in front of a subject that does not say it, in any language that is known.
pub fn reply_subject(subject: &str) -> String {
    prefixed("Re: ", subject, reply::is_reply(subject))
}

/// `Fwd: ` in front of a subject, likewise.
pub fn forward_subject(subject: &str) -> String {
    prefixed("Fwd: ", subject, reply::is_forward(subject))
}

fn prefixed(prefix: &str, subject: &str, has_one: bool) -> String {
    let subject = subject.trim();
    match has_one {
        true => subject.to_owned(),
        false => format!("{prefix}{subject}").trim_end().to_owned(),
    }
}

/// The References of an answer (RFC 5322 section 3.6.4): those of the message, or else its only
/// In-Reply-To, and its Message-ID. Of more than [`REFERENCES_MAX`] the first and the last stay.
pub fn references(original: &Analysis) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    let before: &[String] = match (&original.references[..], &original.in_reply_to[..]) {
        ([], [one]) => core::slice::from_ref(one),
        (references, _) => references,
    };
    for id in before.iter().chain(&original.message_id) {
        if is_message_id(id) && id.is_ascii() {
            ids.retain(|known| known != id);
            ids.push(id.clone());
        }
    }
    let surplus = ids.len().saturating_sub(REFERENCES_MAX);
    if surplus > 0 {
        ids.drain(1..1 + surplus);
    }
    ids
}

/// The Message-ID that an answer names in In-Reply-To.
pub fn in_reply_to(original: &Analysis) -> Option<String> {
    (original.message_id.clone()).filter(|id| is_message_id(id) && id.is_ascii())
}

/// The recipients of an answer from the inbox `own`. An answer goes to Reply-To or else to all of
/// From (RFC 5322 section 3.6.3); one to the inbox's own mail goes to whom that went to. With `all`
/// the others of To and Cc get a copy, the inbox itself left out.
pub fn recipients(
    original: &Analysis,
    own: &Address,
    (is_own, all): (bool, bool),
) -> AnswerRecipients {
    let is_self = |address: &Address| is_same_inbox(address, own);
    let first = match is_own {
        true => valid(&original.to),
        false if valid(&original.reply_to).is_empty() => valid(&original.from),
        false => valid(&original.reply_to),
    };
    let mut seen = Vec::new();
    let mut found = AnswerRecipients::default();
    let is_new = |address: &Address, seen: &mut Vec<String>| {
        let canonical = address.canonical();
        let is_new = !seen.contains(&canonical);
        if is_new {
            seen.push(canonical);
        }
        is_new
    };
    for (name, address) in first.iter().cloned() {
        if !(all && is_self(&address)) && is_new(&address, &mut seen) {
            found.to.push((name, address));
        }
    }
    if all {
        let others = match is_own {
            true => valid(&original.cc),
            false => [valid(&original.to), valid(&original.cc)].concat(),
        };
        for (name, address) in others {
            if !is_self(&address) && is_new(&address, &mut seen) {
                found.cc.push((name, address));
            }
        }
    }
    if found.to.is_empty() {
        // A mail to oneself, or one with only copies or hidden recipients.
        found.to = match found.cc.is_empty() {
            false => core::mem::take(&mut found.cc),
            true if first.is_empty() => valid(&original.from),
            true => first,
        };
    }
    found
}

/// Whether an address is that of the inbox, or one of its `+tag`s.
pub fn is_same_inbox(address: &Address, own: &Address) -> bool {
    let canonical = own.canonical();
    address.canonical() == canonical
        || (address.without_plus()).is_some_and(|plain| plain.canonical() == canonical)
}

/// Every mailbox with a valid address, up to [`RECIPIENTS_MAX`].
fn valid(list: &[Mailbox]) -> Vec<(Option<String>, Address)> {
    let named = list.iter().filter_map(|mailbox| {
        let name = mailbox.name.as_deref().map(clean_name);
        Some((name.filter(|name| !name.is_empty()), mailbox.address()?))
    });
    named.take(RECIPIENTS_MAX).collect()
}

fn clean_name(name: &str) -> String {
    unicode::one_line(name, NAME_CHARS_MAX)
}

/// What stands in front of a forwarded text: a line that says so, and the fields by which a reader
/// knows the message. Readers of mail recognize this form.
pub fn forwarded_block(original: &Analysis) -> Vec<(&'static str, String)> {
    let mut fields = Vec::new();
    if let Some(author) = original.author() {
        fields.push(("From", shown(core::slice::from_ref(author))));
    }
    if let Some(date) = original.date {
        fields.push(("Date", time::rfc5322(date.saturating_mul(1000))));
    }
    fields.push(("Subject", original.subject.clone()));
    for (name, list) in [("To", &original.to), ("Cc", &original.cc)] {
        if !list.is_empty() {
            fields.push((name, shown(list)));
        }
    }
    fields
}

/// The text of a forwarding: the words of its sender, the block, and the text of the message.
pub fn forwarded_text(own: Option<&str>, block: &[(&str, String)], text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 512);
    if let Some(own) = own.filter(|own| !own.trim().is_empty()) {
        out.push_str(own.trim_end());
        out.push_str("\n\n");
    }
    out.push_str(FORWARDED);
    out.push('\n');
    for (name, value) in block {
        out.push_str(&format!("{name}: {value}\n"));
    }
    out.push('\n');
    out.push_str(text);
    out
}

/// The same as HTML. Without HTML of its own, the words of the sender and of the message are shown
/// as they stand.
pub fn forwarded_html(
    (own, own_text): (Option<&str>, Option<&str>),
    block: &[(&str, String)],
    (html, text): (Option<&str>, &str),
) -> String {
    let mut out = String::with_capacity(html.map_or(text.len(), str::len) + 1024);
    match (own, own_text) {
        (Some(own), _) => out.push_str(own),
        (None, Some(words)) => preformatted(words, &mut out),
        (None, None) => {}
    }
    out.push_str("<br>\n<div>");
    escape(FORWARDED, &mut out);
    for (name, value) in block {
        out.push_str("<br>\n<b>");
        out.push_str(name);
        out.push_str(":</b> ");
        escape(value, &mut out);
    }
    out.push_str("</div><br>\n");
    match html {
        Some(html) => out.push_str(html),
        None => preformatted(text, &mut out),
    }
    out
}

fn preformatted(text: &str, out: &mut String) {
    out.push_str("<div style=\"white-space:pre-wrap\">");
    escape(text, out);
    out.push_str("</div>\n");
}

/// Addresses as a header field shows them, on one line.
fn shown(list: &[Mailbox]) -> String {
    let each = list.iter().take(SHOWN_MAX).map(|mailbox| {
        let address = unicode::one_line(&mailbox.to_string(), NAME_CHARS_MAX);
        match mailbox.name.as_deref().map(clean_name) {
            Some(name) if !name.is_empty() => format!("{name} <{address}>"),
            _ => address,
        }
    });
    let mut line = each.collect::<Vec<_>>().join(", ");
    if list.len() > SHOWN_MAX {
        line.push_str(", …");
    }
    line
}

/// The line over a forwarded message.
const FORWARDED: &str = "---------- Forwarded message ---------";
/// Message-IDs in References.
const REFERENCES_MAX: usize = 20;
/// Addresses that are taken from one field: as many as a header may have.
const RECIPIENTS_MAX: usize = 1000;
/// Addresses of one field over a forwarded text.
const SHOWN_MAX: usize = 20;
/// Characters of a name.
const NAME_CHARS_MAX: usize = 200;
