//! SMTP, the receiving side: port 25 for mail from outside, 587 and 465 for clients.
//!
//! `wire` reads commands and message octets and writes replies. `server` has the states, the
//! table of commands and the transaction, from MAIL to the receipt. Sending to other hosts is
//! not here. The service decides what an address, a key or a message means.

mod server;
mod wire;

pub use server::Server;
