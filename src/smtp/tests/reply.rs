//! Every reply of the tables has the form of RFC 5321 and codes that agree.

use super::*;
use crate::call::Bounded;
use crate::call::ConflictReason;
use crate::call::Countable;
use crate::call::FromFault;
use crate::call::Noun;
use crate::call::Scopes;
use crate::call::{Budget, Holders};

fn dmarc_policy() -> Refusal {
    let domain = "a.test".into();
    Refusal::DmarcPolicy { domain }
}

#[test]
fn every_line_is_a_short_reply_whose_codes_agree() {
    let limited = |rate| Refusal::RateLimited {
        rate,
        retry_ms: u64::MAX,
    };
    let refusals = [
        Refusal::UNKNOWN_KEY,
        Refusal::KeyExpired,
        Refusal::OrgDeleted,
        Refusal::LoginLimited {
            delay_ms: 0,
            retry_ms: u64::MAX,
        },
        Refusal::MissingScope(Scopes::MESSAGES_WRITE),
        Refusal::NotFound(Noun::Inbox),
        Refusal::Exists(Noun::Inbox),
        Refusal::RelayDenied,
        Refusal::NoSuchInbox,
        Refusal::SenderNotAllowed,
        Refusal::BadFrom(FromFault::Missing),
        Refusal::Invalid {
            field: "subject",
            why: "\r\n250 2.0.0 Ok".into(),
        },
        Refusal::TooBig {
            what: Bounded::Message,
            max: u64::MAX,
        },
        Refusal::Loop,
        dmarc_policy(),
        Refusal::StrayOctets,
        Refusal::OverQuota {
            of: Noun::Inbox,
            max: 5,
        },
        limited(Rate::Messages { max: u64::MAX }),
        limited(Rate::Octets { max: u64::MAX }),
        limited(Rate::Recipients { max: u64::MAX }),
        limited(Rate::Received { max: u64::MAX }),
        limited(Rate::Requests),
        Refusal::Limit {
            what: Countable::Sessions,
            max: 1,
        },
        Refusal::IdempotencyConflict,
        Refusal::Conflict(ConflictReason::MailboxHasChildren),
        Refusal::Expired { oldest: 1 },
        Refusal::SearchDeadline,
        Refusal::MemoryShort,
        Refusal::NoSpace,
        Refusal::Internal,
        Refusal::Damaged,
        Refusal::Stopping,
    ];
    let message = |single_recipient| ReplyContext::Message { single_recipient };
    let moments = [
        ReplyContext::Login,
        ReplyContext::Sender,
        ReplyContext::Recipient,
        message(true),
        message(false),
    ];
    let check = |line: &ReplyLine| {
        let text = &line.text;
        assert!(text.len() <= 510 && text.is_ascii(), "{text}");
        assert!(!text.bytes().any(|b| b.is_ascii_control()), "{text}");
        let class = text.as_bytes()[0];
        assert!(matches!(class, b'4' | b'5'), "{text}");
        assert_eq!(text.as_bytes()[4], class, "{text}");
        assert_eq!(&text.as_bytes()[5..6], b".", "{text}");
        assert!(line.close || !text.starts_with("421"), "{text}");
    };
    for refusal in &refusals {
        for moment in moments {
            check(&refused(refusal, moment));
        }
    }
    let mut charge = Budget::new("messages", 0, 0).charge(Holders::NONE);
    let memory = charge.hold(1, 0).err().map(DataFault::Memory);
    for wrong in memory
        .into_iter()
        .chain([DataFault::Size, DataFault::Stray])
    {
        let text = fault(wrong, usize::MAX);
        check(&ReplyLine { text, close: false });
    }
    for error in [
        CommandError::Address,
        CommandError::Argument,
        CommandError::Control,
        CommandError::LineEnd,
        CommandError::Parameter,
        CommandError::Route,
        CommandError::Utf8,
        CommandError::Value,
    ] {
        for mail in [true, false] {
            let text = syntax(error, mail).to_owned();
            check(&ReplyLine { text, close: false });
        }
    }
}
