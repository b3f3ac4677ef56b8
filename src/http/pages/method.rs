//! The name of each operation as a method of the SDKs: `messages.read` is `messages.get` there.
//! The document says it in `x-method`, the generator of `sdk/` goes by that, and the page for
//! people shows it. It makes no other names than these.

use crate::http::api::operation::Operation;

/// Where the method is not the id of the operation. The ids never change, and the methods have
/// the names that developers expect.
const OTHERS: &[(&str, &str, &str)] = &[
    ("credentials.export", "inboxes", "export_credentials"),
    ("credentials.create", "inboxes", "create_credentials"),
    ("domains.records", "domains", "dns_records"),
    // `import` is a word of Python.
    ("messages.import", "messages", "import_messages"),
    (
        "spam_signatures.import",
        "spam_signatures",
        "import_entries",
    ),
    ("messages.export", "messages", "export_messages"),
    ("events.inbox", "events", "stream"),
    ("events.tree", "events", "stream"),
    ("api.openapi", "server", "openapi"),
    ("api.docs", "server", "docs"),
];

/// Verbs that every noun has, and what the methods are called.
const VERBS: &[(&str, &str)] = &[("read", "get"), ("patch", "update")];

/// `noun.verb`: the method of a client that does the operation. Both are in snake case; in
/// TypeScript they are in camel case.
pub(crate) fn method(operation: &Operation) -> String {
    let (noun, verb) = names(operation);
    format!("{noun}.{verb}")
}

/// The noun of the method.
pub(crate) fn noun(operation: &Operation) -> &'static str {
    names(operation).0
}

fn names(operation: &Operation) -> (&'static str, &'static str) {
    if let Some((_, noun, verb)) = OTHERS.iter().find(|(id, ..)| *id == operation.id) {
        return (noun, verb);
    }
    let (noun, verb) = operation
        .id
        .split_once('.')
        .unwrap_or((operation.id, "get"));
    let other = VERBS.iter().find(|(id, _)| *id == verb);
    (noun, other.map_or(verb, |(_, name)| name))
}
