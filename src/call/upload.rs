//! A file that a client has uploaded, to be attached to messages by its id.

use super::UploadId;

/// What a client says of a file that it uploads.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NewUpload {
    /// Its name; empty when there is none.
    pub filename: String,
    /// `type/subtype`, which may have a charset behind it.
    pub content_type: String,
}

/// An uploaded file, without its octets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UploadRow {
    /// Its id.
    pub id: UploadId,
    /// Its name; empty when there is none.
    pub filename: String,
    /// `type/subtype`, which may have a charset behind it.
    pub content_type: String,
    /// Octets.
    pub size: u64,
    /// When it was made, unix milliseconds.
    pub created_at: i64,
    /// When it goes, unix milliseconds.
    pub expires_at: i64,
}
