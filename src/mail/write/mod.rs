//! Writing mail: whole messages, the fields that a submission lacks, and the encodings of both.
//!
//! `parse` reads the same value back from everything that is written here.

pub mod answer;
pub mod compose;
pub mod dsn;
pub mod encode;
pub mod field;
pub mod markdown;
mod markup;
pub mod media;
pub mod outgoing;
mod plain_text;
pub mod return_path;
pub mod seven_bit;
pub mod submit;
pub mod template;
pub mod word;

#[cfg(test)]
mod tests;
