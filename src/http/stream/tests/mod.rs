//! Tests of streams: the cursor alone, and whole streams over the HTTP engine.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod cursor;
mod group;
mod replay;
mod show;
mod wait;
