//! CLOSE (RFC 3501 section 6.4.2).

use super::{CommandContext, RunCommand};
use crate::call::{EntryWrite, Now, Reply, Written};
use crate::engine::Output;
use crate::imap::server::{Pending, Server, Stage};
use crate::imap::wire::lexer::Lexer;
use crate::imap::wire::syntax::Parsed;

/// CLOSE.
#[derive(Debug)]
pub struct CloseCommand;

pub(crate) fn parse(_: &mut Lexer<'_>, _: bool) -> Parsed<Box<dyn RunCommand>> {
    Ok(Box::new(CloseCommand))
}

impl RunCommand for CloseCommand {
    fn run(self: Box<Self>, server: &mut Server, _: CommandContext, out: &mut Output) {
        let may_write = server.may_write();
        let Stage::Selected(_, open) = &server.stage else {
            return;
        };
        if open.read_only || !may_write {
            server.unselected();
            return server.ok("Closed", out);
        }
        let call = EntryWrite::Expunge {
            mailbox: open.id,
            uids: None,
            progress: Box::default(),
        };
        server.ask(call, Box::new(ClosePending), out);
    }
}

/// The expunge of the messages that are marked as deleted.
#[derive(Debug)]
struct ClosePending;

impl Pending for ClosePending {
    fn answered(self: Box<Self>, server: &mut Server, _: Now, reply: Reply, out: &mut Output) {
        match reply {
            Reply::Written(Written::Expunged { .. }, receipt) => {
                // CLOSE tells of no EXPUNGE (RFC 3501 section 6.4.2).
                server.unselected();
                server.done(receipt, "Closed", out);
            }
            Reply::Refused(why) => {
                server.unselected();
                server.refused(&why, out);
            }
            other => server.not_answered(other, out),
        }
    }
}
