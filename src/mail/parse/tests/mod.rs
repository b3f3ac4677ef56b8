//! Tests of reading that need more than a table beside the code.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod address;
mod address_list;
mod dsn;
mod mime;
