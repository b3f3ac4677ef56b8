//! Tests of the text for readers that need more than a table beside the code.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod body;
mod html;
mod links;
mod markdown;
mod pages;
mod parts;
mod reply;
mod style;
