//! RFC 5322 and MIME as pure functions over `&[u8]`.
//!
//! Everything here takes octets or text and gives back values. Nothing here knows a socket, a
//! clock, a store or a protocol. `parse` reads octets: addresses, fields, dates, encodings, MIME
//! parts. `digest` is the stored form of a message and the pass that makes it at delivery. `text`
//! is the message as a reader sees it: text, HTML, attachments, links, codes, search. `write` makes
//! mail of our own. `auth` finds out who sent a message. `time` is the calendar, `unicode` compares
//! and cleans text, `utf7` is the form of mailbox names in IMAP.
//!
//! The rule: all input is hostile. Every pass is iterative and linear. Every amount has a bound in
//! [`Bounds`] or a named constant. Input beyond a bound is left out or opaque, and the result says
//! so; it is never guessed.

pub mod auth;
pub mod digest;
pub mod mailbox;
pub mod parse;
pub mod text;
pub mod time;
pub(crate) mod unicode;
pub mod utf7;
pub mod write;

pub use digest::Digest;
pub use parse::address::Address;
pub use parse::header::Headers;

/// How much of a message is read. Beyond the header bounds the rest of the header is left out;
/// beyond the MIME bounds the rest of the message is one opaque part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Octets of the header block. The largest ones of real mail (long reference chains, many
    /// signatures) stay below 100 KiB.
    pub header_bytes: usize,
    /// Octets of one field with its folds; a To field of 1,000 addresses fits.
    pub header_field_bytes: usize,
    /// Fields of the header block.
    pub header_fields: usize,
    /// Addresses in all address fields together.
    pub addresses: usize,
    /// Depth of multiparts and messages inside one another.
    pub mime_depth: usize,
    /// Parts in all, multiparts included.
    pub mime_parts: usize,
    /// Parameters of one Content-Type or Content-Disposition, RFC 2231 segments included.
    pub params: usize,
    /// Octets of a boundary (RFC 2046 section 5.1.1); with a longer one the part is a leaf.
    pub boundary_bytes: usize,
    /// Received fields from which a message counts as looping.
    pub received_hops: usize,
    /// What counts where programs differ.
    pub reading: MimeReading,
}

/// What counts where a message is ambiguous, so that programs find different parts in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MimeReading {
    /// The first of two Content fields of one name, and the first of two boundaries; a multipart
    /// without a boundary is text. This is what clients of this server are shown.
    #[default]
    First,
    /// The last of them; and the first line that looks like a boundary is one, where none is given.
    /// This is what some other programs show.
    Last,
}

impl MimeReading {
    /// Whether a field counts that is, or is not, the first one of its name.
    pub(crate) fn takes(self, is_first: bool) -> bool {
        is_first || self == MimeReading::Last
    }
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
            reading: MimeReading::First,
        }
    }
}
