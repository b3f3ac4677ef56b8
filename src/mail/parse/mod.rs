//! Reading mail: octets to addresses, fields, words, dates and parts.
//!
//! Nothing here writes mail and nothing decides what is accepted. Reading stored mail never fails: what
//! cannot be read is left out, and the octets keep it.

pub mod address;
pub mod address_list;
pub mod charset;
pub mod date;
pub mod header;
pub mod mime;
pub mod param;
pub mod transfer;
pub mod word;
