//! A stored message as a reader sees it: text, HTML, attachments, links, codes, and the search in
//! it.
//!
//! It works on the octets and their [`super::Digest`]. Nothing here finds parts or reads address
//! fields; `parse` has done so at delivery.

mod body;
pub mod codes;
pub mod extract;
pub mod html;
pub mod search;

pub use body::{
    Attachment, HTML_MAX, TEXT_MAX, TextBody, attachments, beginning_of, decode_part, filename_of,
    has_attachments, page_of, text_of,
};
