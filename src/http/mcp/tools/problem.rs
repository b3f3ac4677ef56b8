//! What a model is told when its call is refused: what is wrong, where, and what to do.

use super::found::FoundJson;
use crate::http::api::problems::Problem;
use crate::http::mcp::tool::{ApiAnswer, ToolContent, ToolStep};
use crate::http::wire::json::{self, Json};
use crate::http::wire::own_json::read_own;
use crate::mail::unicode::one_line;

/// Of arguments that do not fit.
pub(crate) fn text(problem: &Problem) -> String {
    let mut octets = Vec::new();
    json::object(&mut octets, |error| problem.write(error));
    words(
        FoundJson(&read_own(&octets, &[]).unwrap_or(Json::Null)),
        None,
    )
}

/// Of a response of the API that refuses.
pub(super) fn refused(answer: &ApiAnswer) -> ToolStep {
    let body = answer.json();
    let error = FoundJson(&body).at("error");
    ToolStep::Tell(ToolContent::error(words(error, answer.retry_after_s)))
}

/// Of a response of the API that refuses, in one line.
pub(in crate::http::mcp) fn message(answer: &ApiAnswer) -> String {
    let body = answer.json();
    let error = FoundJson(&body).at("error");
    let message = one_line(error.text("message"), WORDS_MAX);
    format!("{message} {}", hint(error, answer.retry_after_s))
}

/// What to do. No client of MCP has the field of HTTP that says how long to wait.
fn hint(error: FoundJson<'_>, retry_after_s: Option<u64>) -> String {
    let hint = one_line(error.text("hint"), WORDS_MAX);
    let wait = retry_after_s.map_or("a while".to_owned(), |seconds| format!("{seconds} s"));
    hint.replace("for as long as Retry-After says", &wait)
}

/// Of a call that was not made.
pub(super) fn not_done(argument: &str, why: &str) -> ToolStep {
    ToolStep::Tell(ToolContent::error(format!(
        "Not done: {why}\n(argument {argument})\n"
    )))
}

fn words(error: FoundJson<'_>, retry_after_s: Option<u64>) -> String {
    let said = |name: &str| one_line(error.text(name), WORDS_MAX);
    let todo = hint(error, retry_after_s);
    let mut text = format!("Not done: {} {todo}\n", said("message"));
    let mut details = vec![format!("code {}", said("code"))];
    for (word, name) in [("argument", "field"), ("rule", "rule"), ("limit", "limit")] {
        if !error.at(name).is_null() {
            details.push(format!("{word} {}", said(name)));
        }
    }
    text.push_str(&format!("({})\n", details.join(", ")));
    for row in error.list("recipients").into_iter().take(RECIPIENTS_MAX) {
        let [address, reason, fix] =
            ["address", "reason", "fix"].map(|name| one_line(row.text(name), WORDS_MAX));
        text.push_str(&format!("- {address}: {reason}. {fix}\n"));
    }
    text
}

/// Characters of one text, and recipients that are named.
const WORDS_MAX: usize = 400;
const RECIPIENTS_MAX: usize = 20;
