//! HTTP, the asking side: one request with a body, and its answer.
//!
//! [`request`] writes a request, [`response`] reads the answer, and [`exchange`] has the two under
//! one deadline. An engine of an outgoing connection owns an exchange, gives it the inputs, and
//! decides what comes next. [`hook`] is the engine of webhooks, and [`token`] that of access
//! tokens of accounts elsewhere. There are no redirects, no decompression and no cookies: what the
//! other server says is looked at and never followed.

pub mod exchange;
pub mod hook;
pub mod request;
pub mod response;
pub mod token;
