//! A stored message as a reader sees it: text, HTML, attachments, links, codes, and the search in
//! it.
//!
//! It works on the octets and their [`super::Digest`]. Nothing here finds parts or reads address
//! fields; `parse` has done so at delivery.

mod body;
mod choice;
pub mod codes;
mod flowed;
pub mod grams;
pub mod html;
pub mod links;
pub mod needles;
pub mod pages;
mod parts;
pub mod query;
pub mod reply;
pub mod search;
mod stems;
mod unseen;
mod written;

pub use body::{TextBody, decode_part, extracted_of, markdown_of, text_of};
pub(crate) use body::{apart_of, beginning_of, shown_text};
pub use parts::{Attachment, AttachmentPlace, attachments, find_attachment};
pub(crate) use parts::{FilePlace, file_places, has_attachments};
pub use unseen::UnseenText;
pub use written::written_of;

#[cfg(test)]
mod tests;
