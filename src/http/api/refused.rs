//! The closed table from [`Refusal`] to the error that a client sees. It is not the error itself
//! (`problems.rs`). It is exhaustive: a new refusal has a row here, or nothing compiles.
//!
//! A mailbox of IMAP is a folder of REST, a keyword is a label.

use super::codes;
use super::problems::{Problem, printable, sentence};
use crate::call::{
    ConflictReason, Countable, FromFault, Limits, Noun, PolicyReason, PolicyRefusal, Rate, Refusal,
    RefusedRecipient,
};
use crate::mail::time::rfc3339;

fn conflict(reason: ConflictReason) -> Box<Problem> {
    match reason {
        ConflictReason::RecipientEnded => not_retryable(reason, "Send the message again."),
        ConflictReason::RecipientHeld => not_retryable(reason, "Decide on its approval."),
        ConflictReason::RecipientScheduled => not_retryable(
            reason,
            "Wait until it leaves, or delete the message and send it without `send_at`.",
        ),
        ConflictReason::InboxDeleted
        | ConflictReason::InboxKept
        | ConflictReason::SpecialMailboxDeleted
        | ConflictReason::SpecialMailboxKept => Problem::new(
            codes::CONFLICT,
            sentence(&reason.reason().replace("mailbox", "folder")),
            "Leave it as it is, and make a folder of your own.",
        ),
        ConflictReason::InboxHasChildren => Problem::new(
            codes::CONFLICT,
            "The inbox has sub-agents and cannot be deleted before them.",
            "List them with GET /api/v1/inboxes and `parent`, and delete each or give it another \
             parent.",
        ),
        ConflictReason::NotCancellable => Problem::new(
            codes::NOT_CANCELLABLE,
            format!("It cannot be taken back: {}.", reason.reason()),
            "Read the recipient again to see what became of it.",
        ),
        ConflictReason::ApprovalDecided | ConflictReason::ApprovalApproved => Problem::new(
            codes::CONFLICT,
            sentence(reason.reason()),
            "Read the approval to see what became of it.",
        ),
        ConflictReason::ApprovalDeclined
        | ConflictReason::ApprovalExpired
        | ConflictReason::ApprovalWithoutMessage => Problem::new(
            codes::CONFLICT,
            sentence(reason.reason()),
            "Have the message sent again if it is to leave after all.",
        ),
        ConflictReason::GroupDiffers
        | ConflictReason::GroupOrderDiffers
        | ConflictReason::GroupOfOtherInboxes => Problem::new(
            codes::CONFLICT,
            sentence(reason.reason()),
            "Ask for the same events as its other readers, or choose another name.",
        ),
        ConflictReason::AccountWithoutSmtp => Problem::new(
            codes::CONFLICT,
            sentence(reason.reason()),
            "Give it one: PATCH the inbox with `upstream.smtp`.",
        ),
        reason => Problem::new(
            codes::CONFLICT,
            // A mailbox of IMAP is a folder of REST.
            format!(
                "It cannot be done now: {}.",
                reason
                    .reason()
                    .replace("mailboxes", "folders")
                    .replace("mailbox", "folder")
            ),
            "Change what stands in the way, then try again.",
        ),
    }
}

fn not_retryable(reason: ConflictReason, hint: &'static str) -> Box<Problem> {
    let message = format!("It is not tried now: {}.", reason.reason());
    Problem::new(codes::NOT_RETRYABLE, message, hint)
}

/// Of a message that is refused for what it is.
fn unfit(refusal: &Refusal) -> Box<Problem> {
    let (code, why) = match refusal {
        Refusal::Loop => (codes::MAIL_LOOP, "The message has passed too many servers."),
        Refusal::DmarcPolicy { .. } => (
            codes::SENDER_NOT_ALLOWED,
            "The policy of the domain in From refuses the message.",
        ),
        _ => (
            codes::STRAY_OCTETS,
            "The message has a bare CR, LF or NUL in it.",
        ),
    };
    Problem::bad_request(code, why)
}

/// Of a message whose From, or a field beside it, does not name one sender.
fn bad_from(fault: FromFault) -> Box<Problem> {
    let why = match fault {
        FromFault::Missing => "is missing: the message needs a From field with one address",
        FromFault::Group => "is a group, and must be one address",
        FromFault::Malformed => "is not a valid address",
        FromFault::SeveralFields => "is there more than once",
        FromFault::SeveralMailboxes => "has more than one address",
        FromFault::Resent => "does not count: a Resent field is not one valid address",
        FromFault::Sender => "does not count: the Sender field is not one valid address",
    };
    Problem::invalid("from", why)
}

/// The table. It is exhaustive: a new refusal does not compile until it has a row here.
pub(crate) fn refused(refusal: &Refusal, limits: &Limits) -> Box<Problem> {
    let bad = Problem::bad_request;
    match refusal {
        Refusal::BadCredentials { allowance, .. } => {
            let mut problem = Problem::unauthorized("The key is wrong, revoked or expired.");
            problem.allowance = *allowance;
            problem
        }
        Refusal::KeyExpired => Problem::unauthorized("The key has expired."),
        Refusal::OrgDeleted => Problem::unauthorized("The organization has been deleted."),
        Refusal::LoginLimited { retry_ms, .. } => too_many_failures(*retry_ms, limits),
        Refusal::MissingScope(scope) => Problem::missing_scope(scope.first_name()),
        Refusal::OperatorElsewhere => Problem::operator_elsewhere(),
        Refusal::KeyBound => Problem::key_bound(),
        Refusal::Loosens { field } => loosens(field),
        Refusal::DomainNotVerified { domain } => Problem::not_verified(domain),
        // A mailbox of IMAP is a folder of REST.
        Refusal::NotFound(Noun::Mailbox) => no_folder(),
        Refusal::NotFound(noun) => Problem::not_found(noun.name()),
        Refusal::Exists(noun) => Problem::new(
            codes::ALREADY_EXISTS,
            format!("The {} is there already.", name_in_rest(*noun)),
            "Choose another name, or use the one that is there.",
        ),
        Refusal::RelayDenied => Problem::new(
            codes::RELAY_DENIED,
            "This server does not relay for that address.",
            "Send from an inbox of yours.",
        ),
        Refusal::NoSuchInbox => bad(
            codes::NO_SUCH_RECIPIENT,
            "A local recipient does not exist.",
        ),
        Refusal::NoSuchRecipient { field, address } => no_recipient(field, address),
        Refusal::SenderNotAllowed => Problem::new(
            codes::SENDER_NOT_ALLOWED,
            "The key may not send as this address.",
            "Send from an inbox that the key may see.",
        ),
        Refusal::BadFrom(fault) => bad_from(*fault),
        Refusal::BadAddress { field, text } => bad_address(field, text),
        Refusal::InvalidPlace { field, why } => Problem::invalid(field, why),
        Refusal::Invalid { field, why } => Problem::invalid(field, why),
        Refusal::TooBig { what, max } => Problem::new(
            codes::TOO_LARGE,
            format!(
                "There is too much of the {}: the limit is {max}.",
                what.name()
            ),
            "Make it smaller.",
        ),
        Refusal::Loop | Refusal::DmarcPolicy { .. } | Refusal::StrayOctets => unfit(refusal),
        Refusal::OverQuota { of, max } => over_quota(*of, *max),
        Refusal::Policy(refusal) => policy(refusal),
        Refusal::RateLimited { rate, retry_ms } => rate_limited(*rate, *retry_ms, limits),
        Refusal::Limit { what, max } => limit(*what, *max),
        Refusal::IdempotencyConflict => Problem::new(
            codes::IDEMPOTENCY_CONFLICT,
            "The Idempotency-Key cannot be used: it was used with another request.",
            "Use a new key for a new request, and the same body for the same key.",
        ),
        Refusal::Conflict(reason) => conflict(*reason),
        Refusal::Expired { oldest } => Problem::expired(*oldest),
        Refusal::SearchDeadline => Problem::new(
            codes::SEARCH_DEADLINE,
            "The search took too long and found nothing until then.",
            "Narrow it: name a folder, a sender or days, or give a longer word.",
        ),
        Refusal::MemoryShort => Problem::unavailable(
            codes::BUSY,
            "The memory for messages on their way in is short.",
        ),
        Refusal::NoSpace => Problem::unavailable(
            codes::NO_SPACE,
            "The server is too full to take mail for now.",
        ),
        Refusal::Internal => Problem::unavailable(
            codes::INTERNAL,
            "Something went wrong here; it is in our log.",
        ),
        Refusal::Damaged => Problem::new(
            codes::DAMAGED,
            "What is stored here is damaged; the log of the server names it.",
            "Ask the operator to run `postern verify`; another message may be read.",
        ),
        Refusal::Stopping => {
            Problem::unavailable(codes::SHUTTING_DOWN, "The server is stopping.").and_close()
        }
    }
}

/// A key that is bound to inboxes may make their bounds stricter only.
fn loosens(field: &'static str) -> Box<Problem> {
    Problem::new(
        codes::KEY_BOUND,
        format!("`{field}` would be looser than it is, and the key is bound to inboxes."),
        "Make it stricter, or use a key that is not bound.",
    )
    .of(field)
}

/// A wrong key after too many of its address.
fn too_many_failures(retry_ms: u64, limits: &Limits) -> Box<Problem> {
    let limit = limits.login_failures_per_minute as u64;
    let mut problem = Problem::too_many(retry_ms, limit);
    problem.code = codes::TOO_MANY_FAILURES;
    problem.message = "The key is wrong, and too many wrong keys came from this address.".into();
    problem.hint =
        "A right key works at once; wrong ones get this answer for as long as Retry-After says."
            .into();
    problem
}

/// A rate that is used up, in the words of what it counts.
fn rate_limited(rate: Rate, retry_ms: u64, limits: &Limits) -> Box<Problem> {
    match rate {
        Rate::Requests => Problem::too_many(retry_ms, limits.http_requests_per_minute as u64),
        Rate::OrgRequests { max } => {
            let mut problem = Problem::too_many(retry_ms, max);
            problem.message = format!(
                "Too many requests of your organization: all keys of it may make {max} in a minute \
                 together."
            )
            .into();
            problem
        }
        Rate::Received { max } => {
            let mut problem = Problem::too_many(retry_ms, max);
            problem.message = format!(
                "A recipient's inbox takes {max} messages in a minute, fewer from one sender, and \
                 no more from you for now."
            )
            .into();
            problem
        }
        // Of port 25 alone.
        Rate::FirstTry => Problem::too_many(retry_ms, 1),
        Rate::Messages { max } | Rate::Octets { max } | Rate::Recipients { max } => {
            Problem::too_many(retry_ms, max)
        }
        Rate::SentInDay { of, max, renews_at } => {
            let used = format!(
                "The {} has used up its daily budget of {max} messages",
                of.name()
            );
            budget_exceeded(retry_ms, (max, renews_at), &used)
        }
        Rate::NewRecipients { max, renews_at } => {
            let used = format!("The inbox has used up its daily budget of {max} new recipients");
            budget_exceeded(retry_ms, (max, renews_at), &used)
        }
    }
}

/// A budget of a day is used up.
fn budget_exceeded(retry_ms: u64, (max, renews_at): (u64, i64), used: &str) -> Box<Problem> {
    let mut problem = Problem::too_many(retry_ms, max);
    let renews_at = rfc3339(renews_at);
    problem.code = codes::BUDGET_EXCEEDED;
    problem.message = format!("{used}; the budget begins anew at {renews_at}.").into();
    problem.hint = format!("Send it again after {renews_at}.").into();
    problem
}

/// A refusal by policy, with every recipient that is refused.
fn policy(refusal: &PolicyRefusal) -> Box<Problem> {
    let reason = refusal.reason;
    let code = match reason {
        PolicyReason::SendOff => codes::SEND_OFF,
        PolicyReason::OrgPaused => codes::ORG_PAUSED,
        PolicyReason::SenderUnknown => codes::RECEIVE_BLOCKED,
        PolicyReason::SendBlocked => codes::SEND_BLOCKED,
        PolicyReason::Suppressed => codes::SUPPRESSED,
        PolicyReason::ReceiveBlocked => codes::RECEIVE_BLOCKED,
        PolicyReason::Spam => codes::SPAM_REFUSED,
        PolicyReason::LoopSuspected => codes::LOOP_SUSPECTED,
        PolicyReason::Changed => codes::POLICY_CHANGED,
        PolicyReason::RecipientFull => codes::OVER_QUOTA,
    };
    let fix = sentence(reason.fix());
    let mut problem = Problem::new(code, sentence(reason.says()), fix);
    problem.rule.clone_from(&refusal.rule);
    problem.recipients.clone_from(&refusal.recipients);
    let mut recipients = refusal.recipients.iter();
    if let Some(first) = recipients.find(|refused| refused.reason == reason) {
        let address = printable(&first.address);
        let said = match reason {
            PolicyReason::RecipientFull => Some(recipient_full(first)),
            PolicyReason::Suppressed => Some(format!(
                "The address `{address}` is on the suppression list."
            )),
            PolicyReason::SendBlocked => Some(format!("A filter rule blocks mail to `{address}`.")),
            PolicyReason::ReceiveBlocked => Some(format!(
                "A filter rule of `{address}` blocks mail from this sender."
            )),
            _ => None,
        };
        if let Some(said) = said {
            problem.message = said.into();
        }
    }
    problem
}

fn recipient_full(full: &RefusedRecipient) -> String {
    let address = printable(&full.address);
    match full.octets_max {
        None => format!("The inbox of `{address}` is full; nothing was sent."),
        Some(max) => format!(
            "The inbox of `{address}` is full: it may store {max} octets, with what its rows cost \
             on disk; nothing was sent."
        ),
    }
}

fn over_quota(of: Noun, max: u64) -> Box<Problem> {
    let hint = match of {
        Noun::Organization => "Delete messages for good, or inboxes.",
        _ => "Delete messages for good, or use another inbox.",
    };
    Problem::new(
        codes::OVER_QUOTA,
        format!(
            "The {} is full: it may store {max} octets, with what its rows cost on disk.",
            of.name()
        ),
        hint,
    )
}

fn limit(kind: Countable, max: u64) -> Box<Problem> {
    if kind == Countable::Recipients {
        let why = format!("may, together with cc and bcc, name at most {max} recipients");
        return Problem::invalid("to", &why);
    }
    if kind == Countable::Streams {
        return Problem::too_many_open(max);
    }
    // A keyword of IMAP is a label of REST, a mailbox is a folder.
    let what = match kind {
        Countable::Keywords => "labels on the message",
        Countable::MailboxKeywords => "different labels in the folder",
        Countable::Mailboxes => "folders",
        Countable::Messages => "messages in the folder",
        other => other.name(),
    };
    let hint = match kind {
        Countable::KeptOctets => {
            "Send the request without Idempotency-Key, or later: an answer is kept for a day."
        }
        Countable::InboxesInMove => "Move those under it first, each with what is under it.",
        Countable::ListItems => "Send the rest in further requests.",
        Countable::Tickets => "Use one, or wait: the oldest end 30 seconds after they were made.",
        Countable::Keywords => "Take a label away first.",
        Countable::MailboxKeywords => {
            "Use a label that is in use in the folder, or take one away from all its messages first."
        }
        _ => "Close or delete one first.",
    };
    let mut problem = Problem::new(
        codes::LIMIT_REACHED,
        format!("There are as many {what} as there may be: the limit is {max}."),
        hint,
    );
    problem.max = Some(max);
    problem
}

fn bad_address(field: &str, text: &str) -> Box<Problem> {
    let (hint, is) = match field.ends_with(']') {
        true => (
            "Write `Name <user@example.com>` or `user@example.com`, one address in each text; a \
             name with a comma, @ or another sign stands in double quotes.",
            "is not one address",
        ),
        false => (
            "Write `user@example.com`; the name stands in `name`.",
            "is not an address",
        ),
    };
    let mut problem = Problem::invalid(field, &format!("{is}: {:?}", printable(text)));
    problem.hint = hint.into();
    problem
}

fn no_recipient(field: &str, address: &str) -> Box<Problem> {
    Problem::new(
        codes::NO_SUCH_RECIPIENT,
        format!("There is no inbox `{}` here.", printable(address)),
        "Correct the address or leave it out; nothing was sent.",
    )
    .of(field)
}

fn name_in_rest(noun: Noun) -> &'static str {
    match noun {
        Noun::Mailbox => "folder",
        other => other.name(),
    }
}

fn no_folder() -> Box<Problem> {
    let mut problem = Problem::not_found("folder").of("folder");
    problem.hint = "Name a folder that is there, such as INBOX, Sent or Trash.".into();
    problem
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::call::Bounded;
    use crate::call::Rate;
    use crate::call::Scopes;

    fn limit(what: Countable) -> Refusal {
        Refusal::Limit { what, max: 16 }
    }

    #[test]
    fn every_refusal_has_a_status_and_words() {
        const FULL: Refusal = Refusal::OverQuota {
            of: Noun::Inbox,
            max: 5,
        };
        let limits = Limits::default();
        let domain = "x.test".to_owned();
        let (delay_ms, retry_ms) = (0, 1);
        let too_many = Refusal::LoginLimited { delay_ms, retry_ms };
        let rate = Rate::Requests;
        for (refusal, status) in [
            (Refusal::UNKNOWN_KEY, 401),
            (Refusal::KeyExpired, 401),
            (Refusal::OrgDeleted, 401),
            (Refusal::DomainNotVerified { domain }, 403),
            (too_many, 429),
            (Refusal::MissingScope(Scopes::ADMIN), 403),
            (Refusal::OperatorElsewhere, 403),
            (Refusal::KeyBound, 403),
            (Refusal::Loosens { field: "limits" }, 403),
            (Refusal::NotFound(Noun::Inbox), 404),
            (Refusal::Exists(Noun::Inbox), 409),
            (Refusal::RelayDenied, 403),
            (Refusal::NoSuchInbox, 400),
            (
                Refusal::NoSuchRecipient {
                    field: "to[0]".into(),
                    address: "a@b".into(),
                },
                400,
            ),
            (
                Refusal::InvalidPlace {
                    field: "attachments[0].content".into(),
                    why: "is not base64".into(),
                },
                400,
            ),
            (
                Refusal::BadAddress {
                    field: "to[0]".into(),
                    text: "a b@c".into(),
                },
                400,
            ),
            (Refusal::SenderNotAllowed, 403),
            (Refusal::BadFrom(FromFault::Group), 400),
            (
                Refusal::Invalid {
                    field: "to",
                    why: "is not an address".into(),
                },
                400,
            ),
            (
                Refusal::TooBig {
                    what: Bounded::Message,
                    max: 1,
                },
                413,
            ),
            (Refusal::Loop, 400),
            (Refusal::StrayOctets, 400),
            (FULL, 403),
            (Refusal::RateLimited { rate, retry_ms }, 429),
            (limit(Countable::Streams), 429),
            (limit(Countable::Inboxes), 409),
            (Refusal::IdempotencyConflict, 409),
            (Refusal::Conflict(ConflictReason::MailboxHasChildren), 409),
            (Refusal::Expired { oldest: 5 }, 410),
            (Refusal::SearchDeadline, 422),
            (Refusal::MemoryShort, 503),
            (Refusal::NoSpace, 507),
            (Refusal::Internal, 503),
            (Refusal::Damaged, 500),
            (Refusal::Stopping, 503),
        ] {
            let problem = refused(&refusal, &limits);
            assert_eq!(problem.code.status, status, "{refusal:?}");
            let response = problem.response("req_1");
            let body = String::from_utf8(response.body.whole().into_owned()).unwrap();
            let value: serde_json::Value = serde_json::from_str(&body).unwrap();
            for field in ["code", "message", "hint", "request_id"] {
                assert!(value["error"][field].is_string(), "{refusal:?} {field}");
            }
            let waits = response.header("Retry-After").is_some();
            assert_eq!(waits, matches!(status, 429 | 503 | 507), "{refusal:?}");
        }
        let slow = refused(
            &Refusal::RateLimited {
                rate: Rate::Requests,
                retry_ms: 1500,
            },
            &limits,
        )
        .response("r");
        assert_eq!(slow.header("Retry-After"), Some("2"));
    }
}
