//! The API: its routes as a table, one file for each noun, and every error that a client sees.
//! Nothing here knows framing or sockets; a route reads a request and names a call.
//!
//! `fields.rs` and `shapes.rs` are the tables that bodies, queries and responses are described
//! with, `values.rs` reads requests by them, `operation.rs` describes a route.

pub(crate) mod address;
mod answer;
mod approval;
pub(crate) mod audit;
pub(crate) mod autoconfig;
mod batch;
pub(crate) mod codes;
pub(crate) mod credentials;
pub(crate) mod domain;
mod draft;
pub(crate) mod event;
mod event_group;
pub(crate) mod export;
pub(crate) mod fields;
pub(crate) mod filter_rule;
pub(crate) mod folder;
pub(crate) mod health;
pub(crate) mod import;
pub(crate) mod inbox;
pub(crate) mod inbox_webhook;
pub(crate) mod key;
mod known_spam;
pub(crate) mod list;
pub(crate) mod me;
pub(crate) mod message;
pub(crate) mod numbers;
pub(crate) mod operation;
pub(crate) mod org;
pub(crate) mod outbound;
pub(crate) mod problems;
mod recipients;
pub(crate) mod refused;
pub(crate) mod routes;
pub(crate) mod rule;
pub(crate) mod send;
pub(crate) mod shapes;
pub(crate) mod spam;
mod spam_check;
pub(crate) mod spam_settings;
pub(crate) mod suppression;
mod thread;
pub(crate) mod upload;
mod upstream;
pub(crate) mod usage;
pub(crate) mod values;
mod wait;
pub(crate) mod webhook;
