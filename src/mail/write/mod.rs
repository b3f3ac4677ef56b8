//! Writing mail: whole messages, the fields that a submission lacks, and the encodings of both.
//!
//! What is written here reads back in `parse` as the same value.

pub mod compose;
pub mod encode;
pub mod field;
pub mod submit;
pub mod word;
