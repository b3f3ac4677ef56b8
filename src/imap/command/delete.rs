//! DELETE (RFC 3501 section 6.3.4).

use super::change::ChangePending;
use super::{CommandContext, RunCommand};
use crate::call::MailboxWrite;
use crate::engine::Output;
use crate::imap::server::Server;
use crate::imap::wire::lexer::Lexer;
use crate::imap::wire::name::MailboxName;
use crate::imap::wire::syntax::Parsed;

/// DELETE.
#[derive(Debug)]
pub struct DeleteCommand(pub MailboxName);

pub(crate) fn parse(lexer: &mut Lexer<'_>, _: bool) -> Parsed<Box<dyn RunCommand>> {
    Ok(Box::new(DeleteCommand(MailboxName::parse(lexer)?)))
}

impl RunCommand for DeleteCommand {
    fn run(self: Box<Self>, server: &mut Server, _: CommandContext, out: &mut Output) {
        let mailbox = self.0.into_string();
        // If the open mailbox is deleted, under whatever name, its event comes before the
        // answer and closes it.
        let call = MailboxWrite::Delete { mailbox };
        server.ask(call, Box::new(ChangePending("Deleted")), out);
    }
}
