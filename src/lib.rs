//! Postern: a mail server for AI agents in one small binary. `ARCHITECTURE.md` beside this
//! file is the map; the modules below are in reading order.

pub(crate) mod call;
pub(crate) mod engine;

pub(crate) mod http;
pub(crate) mod imap;
pub(crate) mod smtp;

pub(crate) mod protocol;

pub(crate) mod crypto;
pub(crate) mod dir;
pub(crate) mod dns;
pub(crate) mod mail;
pub(crate) mod pace;

pub(crate) mod judge;

pub(crate) mod service;
pub(crate) mod store;

pub(crate) mod config;
pub(crate) mod net;
pub(crate) mod serve;

pub(crate) mod cli;

pub mod testing;

pub use cli::run;
