//! The key of the caller: what it sees, what it may do, what is left.

use super::arguments::READS;
use super::found::FoundJson;
use super::letter::time;
use super::problem::refused;
use crate::call::Scopes;
use crate::http::mcp::tool::{ApiAnswer, ApiRequest, Tool, ToolContent, ToolStep};
use crate::http::wire::json;
use crate::mail::unicode::one_line;

pub(super) static WHOAMI: Tool = Tool {
    name: "whoami",
    title: "Who am I",
    says: "Your inboxes, what your key may do, and what is left of its budgets.",
    arguments: &[],
    hints: READS,
    need: Scopes::NONE,
    run: |_| ToolStep::ask(ApiRequest::new("GET", &["me"]), |answer, _| show(&answer)),
};

fn show(answer: &ApiAnswer) -> ToolStep {
    if answer.is_refused() {
        return refused(answer);
    }
    let body = answer.json();
    let me = FoundJson(&body);
    let (key, usage, limits) = (me.at("key"), me.at("usage"), me.at("limits"));
    let scopes = key.texts("scopes");
    let addresses = key.texts("addresses");
    let mut text = format!(
        "Key {} of {}.\n",
        key.text("id"),
        one_line(me.at("org").text("name"), NAME_MAX)
    );
    text.push_str(&inboxes(&addresses, key, usage));
    text.push_str(&format!("It may: {}.\n", scopes.join(", ")));
    if !key.at("expires_at").is_null() {
        text.push_str(&format!("It ends at {}.\n", time(key.text("expires_at"))));
    }
    let sends = limits.number("org_sends_per_day").unwrap_or(0);
    match usage.number("sent_today") {
        Some(sent) => text.push_str(&format!(
            "Sends left today (UTC): {} of {sends} of the organization; ",
            sends.saturating_sub(sent)
        )),
        None => text.push_str("Sends in a day: "),
    }
    text.push_str(&format!(
        "at most {} of an inbox and {} of a key.\n",
        limits.text("inbox_sends_per_day"),
        limits.text("key_sends_per_day"),
    ));
    let mut structured = Vec::new();
    json::object(&mut structured, |object| {
        object.text("key", key.text("id"));
        object.text("organization", me.at("org").text("id"));
        object.texts("scopes", scopes);
        if !key.at("addresses").is_null() {
            object.texts("inboxes", &addresses);
        }
    });
    ToolStep::Tell(ToolContent {
        structured: Some(structured),
        ..ToolContent::text(text)
    })
}

/// Which inboxes the key sees.
fn inboxes(addresses: &[&str], key: FoundJson<'_>, usage: FoundJson<'_>) -> String {
    if key.at("addresses").is_null() {
        return format!(
            "It sees every inbox of the organization ({}); list_inboxes names them.\n",
            usage.text("inboxes")
        );
    }
    let shown: Vec<&str> = addresses.iter().take(INBOXES_MAX).copied().collect();
    let more = match addresses.len().saturating_sub(INBOXES_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let tree = if key.flag("subtree") {
        ", with their sub-agents"
    } else {
        ""
    };
    format!("Its inboxes: {}{more}{tree}.\n", shown.join(", "))
}

/// Characters of a name, and inboxes that are named.
const NAME_MAX: usize = 100;
const INBOXES_MAX: usize = 25;
