//! Reading mail: octets to addresses, fields, words, dates and parts.
//!
//! Nothing here writes mail, and nothing decides whether a message is accepted. Reading stored mail
//! never fails: unreadable octets are left out of the result and stay in the message.

pub mod address;
pub mod address_list;
mod address_token;
pub mod charset;
pub mod date;
pub mod dsn;
pub mod header;
pub mod json_object;
pub(crate) mod mime;
pub mod param;
pub mod transfer;
pub mod word;

#[cfg(test)]
mod tests;
