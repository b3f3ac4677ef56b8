//! A stored message as a reader sees it: text, HTML, attachments, links, codes, and the search in
//! it.
//!
//! It works on the octets and their [`super::Digest`]. Nothing here finds parts or reads address
//! fields; `parse` has done so at delivery.

mod body;
pub mod codes;
pub mod html;
pub mod links;
pub mod reply;
pub mod search;

pub use body::{attachments, decode_part, text_of};
pub(crate) use body::{beginning_of, has_attachments, page_of};

#[cfg(test)]
mod tests;
