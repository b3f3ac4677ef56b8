//! The name of each operation as a method of the SDKs: `messages.read` is `messages.get` there.
//! The document says it in `x-method`, the generator of `sdk/` goes by that, and the page for
//! people shows it. It makes no other names than these.

use crate::http::api::operation::Operation;

/// Where the method is not the id of the operation. The ids never change, and the methods have
/// the names that developers expect.
const OTHERS: &[(&str, &str)] = &[
    ("credentials.export", "inboxes.export_credentials"),
    ("credentials.create", "inboxes.create_credentials"),
    ("domains.records", "domains.dns_records"),
    ("events.inbox", "events.stream"),
    ("events.tree", "events.stream"),
    ("api.openapi", "server.openapi"),
    ("api.docs", "server.docs"),
];

/// Verbs that every noun has, and what the methods are called.
const VERBS: &[(&str, &str)] = &[("read", "get"), ("patch", "update")];

/// `noun.verb`: the method of a client that does the operation. Both are in snake case; in
/// TypeScript they are in camel case.
pub(crate) fn method(operation: &Operation) -> String {
    if let Some((_, name)) = OTHERS.iter().find(|(id, _)| *id == operation.id) {
        return (*name).to_owned();
    }
    let (noun, verb) = operation
        .id
        .split_once('.')
        .unwrap_or((operation.id, "get"));
    let verb = VERBS
        .iter()
        .find(|(id, _)| *id == verb)
        .map_or(verb, |(_, name)| *name);
    format!("{noun}.{verb}")
}
