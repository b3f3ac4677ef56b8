//! The nouns of the API and the scopes of keys, in words for people. The document and the page
//! show the same. What an operation does is said in its own table.

/// A noun: its name in the methods of clients, its heading, and what it is.
const NOUNS: &[(&str, &str, &str)] = &[
    (
        "inboxes",
        "Inboxes",
        "An inbox has one address, folders and messages. It may have sub-agents, which are inboxes \
         below it.",
    ),
    (
        "messages",
        "Messages",
        "Send, read, search and change mail. The text of a message is ready for a language model: \
         without hidden elements, quoted history apart, codes and links picked out. Reading never \
         changes a message.",
    ),
    (
        "threads",
        "Threads",
        "A conversation: the messages of an inbox that answer one another.",
    ),
    (
        "drafts",
        "Drafts",
        "Messages that are not sent yet. They are those of the folder Drafts over IMAP.",
    ),
    (
        "uploads",
        "Uploads",
        "A large file is uploaded first, and named by its id in the message that it is attached to.",
    ),
    (
        "folders",
        "Folders",
        "The folders of an inbox, which are its mailboxes over IMAP.",
    ),
    (
        "events",
        "Events",
        "All that happens to mail is in one log, in the order of its commits: as a stream that \
         resumes at any event, or page by page.",
    ),
    (
        "webhooks",
        "Webhooks",
        "The same events, sent to endpoints of yours: signed, in order, tried again, with a list of \
         what became of each.",
    ),
    (
        "inbox_webhooks",
        "Webhooks of one inbox",
        "The same for the events of one inbox. A key that is bound to inboxes manages theirs.",
    ),
    (
        "approvals",
        "Approvals",
        "Messages that wait until a key with `approve` lets them go.",
    ),
    (
        "outbound",
        "Outbound queue",
        "What became of each message for each recipient outside: attempts, answers, and when the \
         next attempt is.",
    ),
    (
        "suppressions",
        "Suppressions",
        "Addresses that get no more mail, because it came back or because its reader complained.",
    ),
    (
        "rules",
        "Rules",
        "What is done with each message that an inbox receives, before it is delivered: moved, \
         labelled, flagged, deleted. The event of the message shows it.",
    ),
    (
        "org_rules",
        "Rules of the organization",
        "The same for every inbox of an organization; those of an inbox are asked first.",
    ),
    (
        "spam",
        "Spam filter",
        "Says what the filter makes of any message, and stores nothing.",
    ),
    (
        "spam_signatures",
        "Known spam",
        "The hashes of spam that others have seen, for every organization of the server.",
    ),
    (
        "filter_rules",
        "Filter rules",
        "Whose mail is taken and who may be written to. The most specific rule wins.",
    ),
    (
        "domains",
        "Domains",
        "Own domains: the DNS records that they need, whether these are right, and DKIM keys.",
    ),
    (
        "keys",
        "Keys",
        "API keys. One key is for REST, IMAP and SMTP; its scopes and its inboxes say what it may do.",
    ),
    (
        "me",
        "Your own key",
        "What the key of the request may do, and what is left of its limits.",
    ),
    (
        "usage",
        "Usage",
        "What was used, day by day, and the limits.",
    ),
    (
        "audit",
        "Audit",
        "Who changed what with which key, and who sent what.",
    ),
    (
        "orgs",
        "Organizations",
        "The tenants of a server. Nothing of one is seen by another.",
    ),
    (
        "clients",
        "Settings of mail programs",
        "What Thunderbird, Apple Mail and Outlook ask for when an account is set up.",
    ),
    (
        "server",
        "Server",
        "Whether it lives, its counters, and this description.",
    ),
];

/// What each scope allows, in the order in which people read them.
pub(crate) const SCOPES: &[(&str, &str)] = &[
    ("messages:read", "Read messages. It implies `events:read`."),
    ("messages:write", "Send, change and delete messages."),
    ("inboxes:read", "List and read inboxes."),
    ("inboxes:write", "Make, change and delete inboxes."),
    (
        "events:read",
        "Receive events. Without `messages:read` they show no subject, address, preview or code.",
    ),
    (
        "rules:write",
        "Change rules, filter rules and suppressions.",
    ),
    ("webhooks:write", "Change webhooks."),
    ("domains:write", "Change domains."),
    ("keys:write", "Make and revoke keys, within its own scopes."),
    ("approve", "Decide on held mail. Only `admin` implies it."),
    ("admin", "Everything in the organization."),
];

/// The heading and the words of a noun; one without a row has its own name as heading.
pub(crate) fn about(noun: &'static str) -> (&'static str, &'static str) {
    let row = NOUNS.iter().find(|(name, ..)| *name == noun);
    row.map_or((noun, ""), |(_, title, says)| (title, says))
}

/// Where a noun stands among the others: what mail needs comes first.
pub(crate) fn rank(noun: &str) -> usize {
    let at = NOUNS.iter().position(|(name, ..)| *name == noun);
    at.unwrap_or(NOUNS.len())
}
