//! RFC 5322 and MIME as pure functions over `&[u8]`.
//!
//! Everything here takes octets (or text) and gives back values; nothing here knows a socket, a clock,
//! a store or a protocol. In reading order: `address` and `mailboxes` (who), `header`, `word`, `param`
//! and `date` (the fields), `encode`, `utf7` and `unicode` (octets to text and back), `mime` (the parts),
//! `digest` (the parts and the envelope in stored form, octets by `blob`) and `analyse` (the pass that makes it), `text`,
//! `html`, `extract`, `codes` and `search` (what a reader sees), `compose` and `submit` (mail of our own).
//!
//! The rule: all input is hostile. Every pass is iterative and linear, every amount has a bound in
//! [`Bounds`] or a named constant, and what is beyond a bound is refused or opaque, never guessed.

pub mod digest;
pub mod parse;
pub mod text;
pub mod time;
pub mod unicode;
pub mod utf7;
pub mod write;

pub use digest::{Digest, Part};
pub use parse::address::Address;
pub use parse::header::Headers;

/// What one message may cost to read. Beyond the header bounds a message is refused; beyond the MIME
/// bounds the rest of it is one opaque part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Octets of the header block; the largest honest ones (long reference chains, many signatures) stay below 100 KiB.
    pub header_bytes: usize,
    /// Octets of one field with its folds; a To field of 1,000 addresses fits.
    pub header_field_bytes: usize,
    /// Fields of the header block.
    pub header_fields: usize,
    /// Addresses in all address fields together.
    pub addresses: usize,
    /// Multiparts and messages within one another.
    pub mime_depth: usize,
    /// Parts in all, multiparts included.
    pub mime_parts: usize,
    /// Parameters of one Content-Type or Content-Disposition, RFC 2231 segments included.
    pub params: usize,
    /// Octets of a boundary (RFC 2046 section 5.1.1); with a longer one the part is a leaf.
    pub boundary_bytes: usize,
    /// Received fields before a message counts as looping.
    pub received_hops: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds {
            header_bytes: 256 * 1024,
            header_field_bytes: 64 * 1024,
            header_fields: 1_000,
            addresses: 1_000,
            mime_depth: 50,
            mime_parts: 1_000,
            params: 64,
            boundary_bytes: 70,
            received_hops: 50,
        }
    }
}
