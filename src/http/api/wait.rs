//! Waiting for a message. How a request waits is in `stream/wait.rs`.

use super::codes;
use super::fields::FieldKind::{Flag, Id, Number, Plain, Sender, TimeOrAll};
use super::fields::{ANY, sometimes};
use super::message::{MESSAGE, REDACT, redacts};
use super::operation::{Gives, Operation, ResponseContent, Takes};
use super::routes::{RouteRequest, RouteResult, RouteStep};
use crate::call::bounds::WAIT_S_MAX;
use crate::call::{MessageFilter, ThreadId};
use crate::http::stream::MessageWait;

pub(crate) static WAIT: Operation = Operation {
    id: "messages.wait",
    summary: "Wait for a message",
    says: "Answers with the newest message in INBOX or Junk that meets the filter: at once if one is \
           there, else as soon as one comes. What came in the last 60 seconds counts as there; \
           `since` changes that. While it waits it counts as an event stream of its key.",
    query: &[
        sometimes(
            "timeout",
            Number {
                min: 0,
                max: WAIT_S_MAX,
            },
            "60",
            "Seconds that it waits at most; with 0 it only looks.",
        )
        .or("30"),
        sometimes(
            "from",
            Sender,
            r#""noreply@example.com""#,
            "Only messages of this sender: an address, or a domain such as `example.com` or \
             `@example.com`; whole, in any case.",
        ),
        sometimes(
            "to",
            Plain(ANY),
            r#""bot+signup@""#,
            "Text within the names and addresses of To and Cc.",
        ),
        sometimes(
            "subject",
            Plain(ANY),
            r#""verify""#,
            "Text within the subject.",
        ),
        sometimes(
            "since",
            TimeOrAll,
            r#""2026-01-31T12:00:00Z""#,
            "Only messages that were received at this time or later; 0 is every message. Without it, \
             those of the last 60 seconds: an old code must not be taken for the new one.",
        ),
        sometimes(
            "has_code",
            Flag,
            "true",
            "Only messages with a one-time code, or without.",
        ),
        sometimes(
            "thread",
            Id(ThreadId::PREFIX),
            r#""thr_01Hq7Zk3VdX""#,
            "Only messages of this conversation.",
        ),
        REDACT,
    ],
    takes: Takes::Nothing,
    gives: &[
        Gives {
            status: 200,
            says: "The message with its content.",
            content: ResponseContent::One(&MESSAGE),
        },
        Gives {
            status: 204,
            says: "No message came in time.",
            content: ResponseContent::Nothing,
        },
    ],
    errors: &[codes::NOT_FOUND, codes::TOO_MANY_STREAMS],
    run: wait,
};

fn wait(request: &mut RouteRequest<'_>) -> RouteResult {
    let (access, inbox) = (request.access()?, request.inbox()?);
    let query = &mut request.parameters;
    let timeout_s = query.number("timeout").unwrap_or(TIMEOUT_S);
    let since = match query.time("since") {
        None => Some(request.now.unix_ms.saturating_sub(FRESH_MS)),
        Some(0) => None,
        since => since,
    };
    let filter = MessageFilter {
        sender: query.text("from"),
        to: query.text("to"),
        subject: query.text("subject"),
        since,
        thread: query.conversation("thread"),
        has_code: query.flag("has_code"),
        ..MessageFilter::default()
    };
    let wanted = (filter, redacts(query));
    let wait = MessageWait::new(access, inbox, wanted, timeout_s.saturating_mul(1000));
    Ok(RouteStep::Wait(Box::new(wait)))
}

/// Seconds that a request waits if it does not say.
const TIMEOUT_S: u64 = 30;
/// Milliseconds for which a message that was there before counts as new.
const FRESH_MS: i64 = 60_000;
