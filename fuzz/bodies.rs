//! Fuzz bodies: each does something with arbitrary octets and checks the result. The targets in
//! `fuzz_targets/` only call these; `protocol-tests/corpus.rs` replays the corpus through the same
//! functions in every `cargo test`.

#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

#[path = "../protocol-tests/rig.rs"]
pub mod rig;

#[path = "bodies/auth.rs"]
pub mod auth;
#[path = "bodies/dns.rs"]
pub mod dns;
#[path = "bodies/event.rs"]
pub mod event;
#[path = "bodies/http_client.rs"]
pub mod http_client;
#[path = "bodies/imap.rs"]
pub mod imap;
#[path = "bodies/imap_client.rs"]
pub mod imap_client;
#[path = "bodies/imap_session.rs"]
pub mod imap_session;
#[path = "bodies/judge.rs"]
pub mod judge;
#[path = "bodies/mail.rs"]
pub mod mail;
#[path = "bodies/mailbox.rs"]
pub mod mailbox;
#[path = "bodies/model.rs"]
pub mod model;
#[path = "bodies/outgoing.rs"]
pub mod outgoing;
#[path = "bodies/rpc.rs"]
pub mod rpc;
#[path = "bodies/rules.rs"]
pub mod rules;
#[path = "bodies/sasl.rs"]
pub mod sasl;
#[path = "bodies/session.rs"]
pub mod session;
#[path = "bodies/smtp.rs"]
pub mod smtp;
#[path = "bodies/smtp_client.rs"]
pub mod smtp_client;
#[path = "bodies/store.rs"]
pub mod store;
#[path = "bodies/websocket.rs"]
pub mod websocket;

/// A function that takes arbitrary octets and panics if a check fails.
pub type Body = fn(&[u8]);

/// Every body by the name of its target and of its folder in the corpus.
pub const BODIES: &[(&str, Body)] = &[
    ("smtp_session", smtp::smtp_session),
    ("mbox", mailbox::mbox),
    ("search_cell", store::search_cell),
    ("rules", rules::rules),
    ("known_spam", judge::known_spam),
    ("smtp_client", smtp_client::smtp_client),
    ("smtp_reply", smtp_client::smtp_reply),
    ("sasl", sasl::sasl),
    ("imap_client", imap_client::imap_client),
    ("imap_response", imap_client::imap_response),
    ("imap_session", imap_session::imap_session),
    ("imap_view", imap_session::imap_view),
    ("http_session", session::http_session),
    ("http_range", session::http_range),
    ("http_answer", http_client::http_answer),
    ("websocket_frame", websocket::websocket_frame),
    ("websocket_session", websocket::websocket_session),
    ("rpc_message", rpc::rpc_message),
    ("xml", session::xml),
    ("event_cursor", event::event_cursor),
    ("event_filter", event::event_filter),
    ("imap_frame", imap::imap_frame),
    ("imap_parse", imap::imap_parse),
    ("imap_fetch", imap::imap_fetch),
    ("imap_respond", imap::imap_respond),
    ("dkim", auth::dkim),
    ("spf", auth::spf),
    ("sender", auth::sender),
    ("learned_model", model::learned_model),
    ("judge", judge::judge),
    ("charset", mail::charset),
    ("header", mail::header),
    ("address", mail::address),
    ("mime", mail::mime),
    ("json_object", mail::json_object),
    ("query", mail::query),
    ("html", mail::html),
    ("compose", mail::compose),
    ("markdown", mail::markdown),
    ("report", mail::report),
    ("outgoing_header", outgoing::outgoing_header),
    ("smtp_parameters", outgoing::smtp_parameters),
    ("approval_edit", outgoing::approval_edit),
    ("draft_patch", outgoing::draft_patch),
    ("dns_message", dns::dns_message),
    ("dns_resolver", dns::dns_resolver),
];
