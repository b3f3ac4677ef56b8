//! Postern: a mail server for AI agents in one small binary. `ARCHITECTURE.md` beside this
//! file is the map; the modules below are in reading order.

pub mod call;
pub mod engine;

pub mod http;
pub mod imap;
pub mod smtp;

pub mod protocol;

pub mod crypto;
pub mod mail;

pub mod service;
pub mod store;

pub mod config;
pub mod net;
pub mod serve;

pub mod cli;

pub mod testing;

pub use cli::run;
