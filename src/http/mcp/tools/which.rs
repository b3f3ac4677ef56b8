//! The inbox of a call that does not name one: the only one that the key sees.

use super::found::FoundJson;
use super::problem::not_done;
use crate::call::Scopes;
use crate::http::mcp::tool::{ApiAnswer, ApiRequest, ToolArguments, ToolStep};

/// Goes on with the inbox that the arguments name, else with the only one of the key.
pub(super) fn in_inbox(
    arguments: &ToolArguments<'_>,
    then: impl FnOnce(&str) -> ToolStep + Send + 'static,
) -> ToolStep {
    if let Some(inbox) = arguments.text("inbox") {
        return then(inbox);
    }
    let bound = arguments.caller.key().filter(|access| !access.subtree);
    if let Some([only]) = bound.and_then(|access| access.inboxes.as_deref()) {
        return then(&only.to_string());
    }
    if !arguments.caller.scopes().allow(Scopes::INBOXES_READ) {
        return which("");
    }
    let some = ApiRequest::new("GET", &["inboxes"]).with("limit", NAMED_MAX.to_string());
    ToolStep::ask(some, move |answer, _| only_one(&answer, then))
}

fn only_one(answer: &ApiAnswer, then: impl FnOnce(&str) -> ToolStep) -> ToolStep {
    let page = answer.json();
    match FoundJson(&page).list("data").as_slice() {
        [only] => then(only.text("id")),
        [] => which(""),
        some => {
            let names: Vec<&str> = some.iter().map(|inbox| inbox.text("address")).collect();
            which(&format!(" There are {}.", names.join(", ")))
        }
    }
}

fn which(known: &str) -> ToolStep {
    let why = format!(
        "`inbox` is missing, and it is not the only one. Give its id or its address.{known}"
    );
    not_done("inbox", &why)
}

/// Inboxes that are named to choose from.
const NAMED_MAX: usize = 10;
