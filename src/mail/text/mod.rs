//! What a reader sees of a stored message: its text, HTML, attachments, links and codes, and the search in it.
//!
//! It works on the octets and their [`super::Digest`]; nothing here parses a header again.

mod body;
pub mod codes;
pub mod extract;
pub mod html;
pub mod search;

pub use body::{
    Attachment, HTML_MAX, TEXT_MAX, TextBody, attachments, beginning_of, decode_part, filename_of,
    has_attachments, page_of, text_of,
};
