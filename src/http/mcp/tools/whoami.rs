//! The key of the caller: what it sees, what it may do, what is left.

use super::arguments::{INBOX, READS};
use super::found::FoundJson;
use super::letter::time;
use super::problem::refused;
use crate::call::Scopes;
use crate::http::mcp::tool::{ApiAnswer, ApiRequest, Tool, ToolArguments, ToolContent, ToolStep};
use crate::http::wire::json;
use crate::mail::unicode::one_line;

pub(super) static WHOAMI: Tool = Tool {
    name: "whoami",
    title: "Who am I",
    says: "Your inboxes, what your key may do, and what is left of its budgets.",
    arguments: &[INBOX],
    hints: READS,
    need: Scopes::NONE,
    run: ask,
};

fn ask(arguments: &ToolArguments<'_>) -> ToolStep {
    let mut asked = ApiRequest::new("GET", &["me"]);
    asked.query = arguments.query(&["inbox"]);
    ToolStep::ask(asked, |answer, _| show(&answer))
}

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
    text.push_str(&budgets(me.at("left"), limits));
    let mut structured = Vec::new();
    json::object(&mut structured, |object| {
        object.text("key", key.text("id"));
        object.text("organization", me.at("org").text("id"));
        object.texts("scopes", scopes);
        if !key.at("addresses").is_null() {
            object.texts("inboxes", &addresses);
        }
        object.object("left", |object| {
            for (name, ..) in BUDGETS {
                if let Some(left) = me.at("left").number(name) {
                    object.number(name, left);
                }
            }
            object.text("renews_at", me.at("left").text("renews_at"));
        });
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

/// What is left of each budget that is known.
fn budgets(left: FoundJson<'_>, limits: FoundJson<'_>) -> String {
    let known = BUDGETS.iter().filter_map(|(name, what)| {
        let left = left.number(name)?;
        Some(format!("{left} {what}"))
    });
    let known: Vec<String> = known.collect();
    let mut text = String::new();
    if !known.is_empty() {
        text.push_str(&format!("Left today: {}. ", known.join(", ")));
    }
    if left.at(OF_INBOX).is_null() {
        text.push_str(&format!(
            "An inbox sends at most {} a day; whoami with `inbox` says what is left of one. ",
            limits.text(OF_INBOX)
        ));
    }
    text.push_str(&format!(
        "Budgets begin anew at {}.\n",
        time(left.text("renews_at"))
    ));
    text
}

const OF_INBOX: &str = "inbox_sends_per_day";
/// The budgets of a day, and what they are of.
const BUDGETS: [(&str, &str); 4] = [
    ("org_sends_per_day", "sends of the organization"),
    ("key_sends_per_day", "sends of this key"),
    (OF_INBOX, "sends of the inbox"),
    (
        "inbox_new_recipients_per_day",
        "new recipients of the inbox",
    ),
];
/// Characters of a name, and inboxes that are named.
const NAME_MAX: usize = 100;
const INBOXES_MAX: usize = 25;
