//! The octets of HTTP/1.1, JSON and XML: heads, targets, bodies, responses. Nothing here knows a
//! route; each reader is strict, bounded, and looks at an octet once.

pub(crate) mod body;
pub(crate) mod chunked;
pub(crate) mod escape;
pub(crate) mod head;
pub(crate) mod json;
pub(crate) mod outgoing_body;
pub(crate) mod own_json;
pub mod range;
pub(crate) mod response;
pub(crate) mod target;
pub mod xml;
