//! Mailboxes as files: mbox and Maildir, as pure functions over octets and names. They are how mail
//! comes from other programs and goes to them.
//!
//! Nothing here opens a file. The rule: **octets that are written are read back as they were**,
//! with flags, labels and times; files of other programs are read as their writers meant them.

pub mod maildir;
pub mod marks;
pub mod mbox;

pub use marks::Marks;

#[cfg(test)]
mod tests;
