//! SMTP, the receiving side: port 25 for mail from outside, 587 and 465 for clients.
//!
//! `server` has the states and the table of commands, `transaction` one message's way from
//! MAIL to the receipt; `parse`, `data` and `auth` read what comes, `reply` and `received`
//! write. Sending to other hosts is not here. What anything means is the service's to say.

mod server;
mod wire;

pub use server::Server;
