//! The API: its routes as a table, one file for each noun, and every error that a client sees.
//! Nothing here knows framing or sockets; a route reads a request and names a call.

pub(crate) mod account;
pub(crate) mod credentials;
pub(crate) mod health;
pub(crate) mod json_account;
pub(crate) mod json_message;
pub(crate) mod message;
pub(crate) mod problems;
pub(crate) mod routes;
