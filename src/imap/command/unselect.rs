//! UNSELECT (RFC 3691).

use super::{CommandContext, RunCommand};
use crate::engine::Output;
use crate::imap::server::Server;
use crate::imap::wire::lexer::Lexer;
use crate::imap::wire::syntax::Parsed;

/// UNSELECT.
#[derive(Debug)]
pub struct UnselectCommand;

pub(crate) fn parse(_: &mut Lexer<'_>, _: bool) -> Parsed<Box<dyn RunCommand>> {
    Ok(Box::new(UnselectCommand))
}

impl RunCommand for UnselectCommand {
    fn run(self: Box<Self>, server: &mut Server, _: CommandContext, out: &mut Output) {
        server.unselected();
        server.ok("Unselected", out);
    }
}
