//! Tests of the parts of the resolver: names, messages, frames, the cache. The resolver itself is
//! tested by the transcripts in `protocol-tests/dns/`.

mod cache;
mod message;
mod resolver;
