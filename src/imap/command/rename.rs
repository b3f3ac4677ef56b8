//! RENAME (RFC 3501 section 6.3.5).

use super::change::ChangePending;
use super::{CommandContext, RunCommand};
use crate::call::MailboxWrite;
use crate::engine::Output;
use crate::imap::server::Server;
use crate::imap::wire::lexer::Lexer;
use crate::imap::wire::name::MailboxName;
use crate::imap::wire::syntax::Parsed;

/// RENAME.
#[derive(Debug)]
pub struct RenameCommand {
    /// The old name.
    pub from: MailboxName,
    /// The new name; a `/` at its end has been taken off.
    pub to: MailboxName,
}

pub(crate) fn parse(lexer: &mut Lexer<'_>, _: bool) -> Parsed<Box<dyn RunCommand>> {
    let from = MailboxName::parse(lexer)?;
    let to = MailboxName::parse_new(lexer)?;
    Ok(Box::new(RenameCommand { from, to }))
}

impl RunCommand for RenameCommand {
    fn run(self: Box<Self>, server: &mut Server, _: CommandContext, out: &mut Output) {
        let call = MailboxWrite::Rename {
            from: self.from.into_string(),
            to: self.to.into_string(),
            progress: Box::default(),
        };
        server.ask(call, Box::new(ChangePending("Renamed")), out);
    }
}
