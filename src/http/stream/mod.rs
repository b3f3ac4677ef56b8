//! Events over HTTP: streams, the polled log, and the JSON of an event.
//!
//! `wanted.rs` reads what a client asks for, `filter.rs` which events it wants, `sse.rs` carries
//! a stream out, `show.rs` writes an event.

mod filter;
mod show;
mod sse;
#[cfg(test)]
mod tests {
    mod replay;
}
mod wanted;

pub(crate) use sse::Stream;
pub(crate) use wanted::{LogPage, Wanted, all, log, one, tree};
