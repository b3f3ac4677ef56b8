//! Reply lines: a table from each refusal, and one from each wrong command, to a code, an
//! enhanced code (RFC 3463) and a text.
//!
//! No line contains octets of a peer. The free text of `Refusal::Invalid` may quote the peer,
//! so it is left out.

use crate::call::{
    Countable, EntryId, PolicyReason, PolicyRefusal, Rate, Receipt, Refusal, RefusedRecipient,
    SendStatus, Written,
};
use crate::mail::time::rfc3339;

use super::command::CommandError;
use super::data::DataFault;

/// One reply line without its CRLF, and whether the connection ends with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReplyLine {
    /// Code, enhanced code, text.
    pub text: String,
    /// The connection ends after it.
    pub close: bool,
}

/// The command to which a refusal is the answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReplyContext {
    /// AUTH.
    Login,
    /// MAIL.
    Sender,
    /// RCPT.
    Recipient,
    /// The end of data.
    Message {
        /// The message has only one recipient.
        single_recipient: bool,
    },
}

/// The reply for a refusal.
pub fn refused(refusal: &Refusal, context: ReplyContext) -> ReplyLine {
    let text = match refusal {
        Refusal::BadCredentials { .. } => "535 5.7.8 Wrong address or key".into(),
        Refusal::LoginLimited { retry_ms, .. } => {
            let s = seconds(*retry_ms);
            format!("454 4.7.0 Wrong key, too many from your address, try again in {s} s")
        }
        Refusal::MissingScope(scope) => {
            let code = match context {
                ReplyContext::Login => "535 5.7.8",
                _ => "550 5.7.1",
            };
            format!("{code} The key lacks the scope {}", scope.first_name())
        }
        Refusal::KeyExpired => "550 5.7.1 The key has expired".into(),
        Refusal::OrgDeleted => "550 5.7.1 The organization has been deleted".into(),
        Refusal::OperatorElsewhere => "535 5.7.8 Wrong address or key".into(),
        Refusal::KeyBound => "550 5.7.1 The key is bound to other inboxes".into(),
        Refusal::Loosens { field } => {
            format!("550 5.7.1 The key is bound to inboxes and may not loosen {field}")
        }
        Refusal::DomainNotVerified { domain } => {
            format!("550 5.7.1 The domain {domain} is not verified: publish its record first")
        }
        Refusal::NotFound(noun) => format!("550 5.1.1 No such {}", noun.name()),
        Refusal::Exists(noun) => format!("550 5.5.0 There is such a {} already", noun.name()),
        Refusal::RelayDenied => "550 5.7.1 Relaying denied".into(),
        // The inbox was there at RCPT. At the next try RCPT refuses the one that is gone, and
        // the other recipients get the message.
        Refusal::NoSuchInbox
            if context
                == (ReplyContext::Message {
                    single_recipient: false,
                }) =>
        {
            "451 4.2.1 An inbox has just been deleted, try again".into()
        }
        Refusal::NoSuchInbox | Refusal::NoSuchRecipient { .. } => {
            "550 5.1.1 No such inbox here".into()
        }
        Refusal::SenderNotAllowed => "550 5.7.1 The key may not send as this address".into(),
        Refusal::BadFrom(fault) => format!("550 5.7.1 From: {}", fault.reason()),
        Refusal::InvalidPlace { .. } | Refusal::BadAddress { .. } => {
            "554 5.6.0 Invalid message".into()
        }
        Refusal::Invalid { field, why } if is_short_line(why) => {
            format!("554 5.6.0 Invalid {field}: it {why}")
        }
        Refusal::Invalid { field, .. } => format!("554 5.6.0 Invalid {field}"),
        Refusal::TooBig { what, max } => {
            format!("552 5.3.4 Too big: {}, at most {max}", what.name())
        }
        Refusal::Loop => "554 5.4.6 Too many hops, the message is in a loop".into(),
        Refusal::DmarcPolicy { domain } => format!(
            "550 5.7.1 Neither SPF nor DKIM shows that this is from {domain}, which wants such \
             mail refused (DMARC)"
        ),
        Refusal::StrayOctets => STRAY.into(),
        // At the next try RCPT refuses the full inbox. A final reply here would end the message
        // for the other recipients too.
        Refusal::OverQuota { of, max } => match context {
            ReplyContext::Message {
                single_recipient: false,
            } => format!("452 4.2.2 An {} is full: at most {max} octets", of.name()),
            _ => format!(
                "552 5.2.2 The {} is full: at most {max} octets, delete messages",
                of.name()
            ),
        },
        Refusal::Policy(refusal) => policy(refusal, context),
        Refusal::RateLimited { rate, retry_ms } => too_much(*rate, context, seconds(*retry_ms)),
        // As for a full inbox.
        Refusal::Limit {
            what: Countable::Messages,
            max,
        } => match context {
            ReplyContext::Message {
                single_recipient: false,
            } => format!("452 4.2.2 A mailbox has as many messages as it may have, {max}"),
            _ => format!(
                "552 5.2.2 The mailbox has as many messages as it may have, {max}: its owner has \
                 to delete some"
            ),
        },
        Refusal::Limit { what, max } => {
            format!("452 4.5.3 Too many {}, at most {max}", what.name())
        }
        Refusal::IdempotencyConflict => {
            "554 5.5.4 X-Idempotency-Key: it was used with another request".into()
        }
        Refusal::Conflict(reason) => format!("550 5.5.0 {}", reason.reason()),
        Refusal::Expired { .. } => "554 5.5.0 Too old".into(),
        Refusal::SearchDeadline => "451 4.4.5 It took too long".into(),
        Refusal::MemoryShort => "452 4.3.1 Too much mail is under way, try again later".into(),
        Refusal::NoSpace => "452 4.3.1 Not enough storage, try again later".into(),
        Refusal::Internal => INTERNAL.into(),
        Refusal::Damaged => "451 4.3.0 What is stored here is damaged".into(),
        Refusal::Stopping => {
            return ReplyLine {
                text: "421 4.3.2 The server is stopping".into(),
                close: true,
            };
        }
    };
    ReplyLine { text, close: false }
}

/// The reply when the inbox of a recipient is full. The next try of a message finds out at RCPT
/// which it is.
fn recipient_full(refusal: &PolicyRefusal, context: ReplyContext) -> String {
    let code = match context {
        ReplyContext::Message {
            single_recipient: false,
        } => "452 4.2.2",
        _ => "552 5.2.2",
    };
    match refusal.recipients.first() {
        None => format!("{code} The inbox of a recipient is full"),
        Some(RefusedRecipient {
            address,
            octets_max: Some(max),
            ..
        }) => format!("{code} The inbox of {address} is full: at most {max} octets"),
        Some(full) => format!("{code} The inbox of {} is full", full.address),
    }
}

/// The reply of policy: the word for programs, the rule, the reason, what to do.
fn policy(refusal: &PolicyRefusal, context: ReplyContext) -> String {
    let reason = refusal.reason;
    if reason == PolicyReason::RecipientFull {
        return recipient_full(refusal, context);
    }
    let code = match reason.is_temporary() {
        true => "451 4.7.1",
        false => "550 5.7.1",
    };
    let rule = match &refusal.rule {
        Some(rule) => format!(" ({rule})"),
        None => String::new(),
    };
    let word = reason.code();
    format!("{code} {word}{rule}: {}, {}", reason.says(), reason.fix())
}

/// The reply when a rate is used up for `s` seconds.
fn too_much(rate: Rate, context: ReplyContext, s: u64) -> String {
    match rate {
        Rate::Octets { max } => format!(
            "451 4.7.1 Too much mail from your address, at most {max} octets a minute: try again \
             in {s} s"
        ),
        Rate::Recipients { max } => format!(
            "451 4.7.1 Too many recipients without a message from your address, at most {max} a \
             minute: try again in {s} s"
        ),
        Rate::FirstTry => format!(
            "451 4.7.1 Greylisted: the recipient does not know this sender yet, try again in {s} s"
        ),
        // The message is refused for all its recipients; at the next try RCPT refuses this one.
        Rate::Received { max }
            if context
                == (ReplyContext::Message {
                    single_recipient: false,
                }) =>
        {
            format!(
                "452 4.2.1 An inbox takes {max} messages a minute, fewer from one sender: try \
                 again in {s} s"
            )
        }
        Rate::Received { max } => format!(
            "451 4.2.1 The inbox takes {max} messages a minute, fewer from one sender: try again \
             in {s} s"
        ),
        Rate::Messages { max } => format!(
            "451 4.7.1 Too much mail from your address, at most {max} messages a minute: try \
             again in {s} s"
        ),
        Rate::NewRecipients { max, renews_at } => format!(
            "451 4.7.1 The inbox has used up its daily budget of {max} new recipients, it begins \
             anew at {}",
            rfc3339(renews_at)
        ),
        Rate::SentInDay { of, max, renews_at } => format!(
            "451 4.7.1 The {} has used up its daily budget of {max} messages, it begins anew at {}",
            of.name(),
            rfc3339(renews_at)
        ),
        Rate::Requests | Rate::OrgRequests { .. } => {
            format!("451 4.7.1 Too much for now, try again in {s} s")
        }
    }
}

/// The reply for a wrong command line; `mail`: the address is that of a sender.
pub fn syntax(error: CommandError, mail: bool) -> &'static str {
    match (error, mail) {
        (CommandError::Address, true) => "553 5.1.7 Not a valid sender address",
        (CommandError::Address, false) => "553 5.1.3 Not a valid recipient address",
        (CommandError::Argument, _) => "501 5.5.4 Wrong arguments",
        (CommandError::Control, _) => "500 5.5.2 Control octets or invalid UTF-8 in a command",
        (CommandError::LineEnd, _) => "500 5.5.2 A line must end in CRLF",
        (CommandError::Parameter, _) => "555 5.5.4 Unknown parameter",
        (CommandError::Route, true) => "553 5.1.7 Source routes are not accepted",
        (CommandError::Route, false) => "553 5.1.3 Source routes are not accepted",
        (CommandError::Utf8, _) => "553 5.6.7 The address needs SMTPUTF8",
        (CommandError::Value, _) => "501 5.5.4 Wrong value of a parameter",
    }
}

/// The reply for a message whose octets are refused.
pub fn fault(fault: DataFault, octets_max: usize) -> String {
    match fault {
        DataFault::Memory(shortage) => format!("452 4.3.1 {shortage}, try again later"),
        DataFault::Size => format!("552 5.3.4 Too big: message, at most {octets_max}"),
        DataFault::Stray => STRAY.into(),
    }
}

/// The reply that promises that the message is on disk. It needs a receipt, and only a commit
/// makes one.
pub fn queued(written: &Written, _proof: Receipt) -> Option<Vec<u8>> {
    match written {
        Written::Delivered { .. } => Some(render(written)),
        Written::Again(octets) if octets.starts_with(b"250 ") => Some(octets.clone()),
        _ => None,
    }
}

/// What is kept for a repeated `X-Idempotency-Key` (`Once::render`), CRLF and all.
pub fn render(written: &Written) -> Vec<u8> {
    match written {
        Written::Delivered { entry, status, .. } => {
            // The id of the message in the other protocols.
            let entry = entry.unwrap_or(EntryId(0));
            if let SendStatus::Held(approval) = status {
                return format!("250 2.0.0 Held for approval as {approval}\r\n").into_bytes();
            }
            let words = match status {
                SendStatus::Delivered | SendStatus::Queued => "Ok: queued as",
                SendStatus::Scheduled => "Ok: scheduled as",
                SendStatus::Held(_) | SendStatus::Draft => "Not sent, saved as the draft",
            };
            format!("250 2.0.0 {words} {entry}\r\n").into_bytes()
        }
        _ => Vec::new(),
    }
}

fn seconds(ms: u64) -> u64 {
    ms.div_ceil(1000).max(1)
}

/// Whether a reason may stand in a reply (RFC 5321 section 4.5.3.1.5).
fn is_short_line(why: &str) -> bool {
    why.len() <= WHY_BYTES_MAX && why.bytes().all(|octet| matches!(octet, b' '..=b'~'))
}

/// Octets of a reason, so that the reply is one line.
const WHY_BYTES_MAX: usize = 200;
/// RFC 5321 section 2.3.8: only CRLF ends a line.
const STRAY: &str = "550 5.6.11 Bare CR, bare LF or NUL in the message";
/// The log has the details.
pub const INTERNAL: &str = "451 4.3.0 A fault on our side, try again later";

#[cfg(test)]
#[path = "../tests/reply.rs"]
mod tests;
