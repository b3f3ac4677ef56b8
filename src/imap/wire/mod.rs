//! The octets of IMAP: where a command ends, its words, and how an answer is written.

pub mod frame;
pub(in crate::imap) mod lexer;
pub(in crate::imap) mod name;
pub mod respond;
