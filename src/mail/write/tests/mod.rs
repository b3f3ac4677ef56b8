//! Tests of writing that need more than a table beside the code.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod answer;
mod compose;
mod dsn;
mod markdown;
