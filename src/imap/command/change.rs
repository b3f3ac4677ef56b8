//! The wait that CREATE, DELETE, RENAME, SUBSCRIBE and UNSUBSCRIBE share: a change of which
//! nothing but the success is told.

use crate::call::{Now, Reply};
use crate::engine::Output;
use crate::imap::server::{Pending, Server};

/// A change of mailboxes, with the text of its success.
#[derive(Debug)]
pub(super) struct ChangePending(pub(super) &'static str);

impl Pending for ChangePending {
    fn answered(self: Box<Self>, server: &mut Server, _: Now, reply: Reply, out: &mut Output) {
        match reply {
            Reply::Written(_, receipt) => server.done(receipt, self.0, out),
            other => server.not_answered(other, out),
        }
    }
}
