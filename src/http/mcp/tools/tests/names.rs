//! Arguments have the names of the API.

use crate::http::api::fields::FieldRow;
use crate::http::api::operation::PATH_NAMES;
use crate::http::api::routes::ROUTES;
use crate::http::mcp::tools::TOOLS;

/// The operations of each tool, and its arguments that no operation has.
const OPERATIONS: &[(&str, &[&str], &[&str])] = &[
    ("list_inboxes", &["inboxes.list"], &[]),
    (
        "list_messages",
        &["messages.list", "messages.list_all"],
        &[],
    ),
    ("search", &["messages.list", "messages.list_all"], &[]),
    ("read_message", &["messages.read"], &[]),
    ("read_thread", &["threads.read"], &[]),
    (
        "read_attachment",
        &["messages.attachment"],
        &["offset", "max_chars"],
    ),
    ("wait_for_message", &["messages.wait"], &[]),
    (
        "send",
        &[
            "messages.send",
            "messages.reply",
            "messages.forward",
            "drafts.send",
        ],
        &[
            "reply_to_message",
            "reply_all",
            "forward_message",
            "draft",
            "idempotency_key",
        ],
    ),
    ("draft", &["drafts.create", "drafts.patch"], &[]),
    ("update_messages", &["messages.batch"], &[]),
    ("create_inbox", &["inboxes.create"], &[]),
    ("whoami", &["me.read"], &[]),
];

#[test]
fn arguments_are_named_as_in_the_api() {
    assert_eq!(OPERATIONS.len(), TOOLS.len());
    for (tool, (name, operations, own)) in TOOLS.iter().zip(OPERATIONS) {
        assert_eq!(tool.name, *name);
        let mut known: Vec<&str> = own.to_vec();
        for id in *operations {
            let mut rows = ROUTES.iter();
            let found = rows.find(|row| row.operation().is_some_and(|o| o.id == *id));
            let row = found.unwrap_or_else(|| panic!("no operation {id}"));
            let in_path = |field: &&FieldRow| row.path.contains(&format!("{{{}}}", field.name));
            known.extend(PATH_NAMES.iter().filter(in_path).map(|field| field.name));
            let operation = row.operation().unwrap();
            known.extend(operation.query.iter().map(|field| field.name));
            let body = operation
                .takes
                .table()
                .map_or(&[][..], |table| table.fields);
            known.extend(body.iter().map(|field| field.name));
        }
        for argument in tool.arguments {
            assert!(known.contains(&argument.name), "{name} {}", argument.name);
        }
    }
}
