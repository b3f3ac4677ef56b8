//! NOOP and CHECK (RFC 3501 sections 6.1.2 and 6.4.1): the client asks for news.

use super::{CommandContext, RunCommand};
use crate::engine::Output;
use crate::imap::server::Server;
use crate::imap::wire::lexer::Lexer;
use crate::imap::wire::syntax::Parsed;

/// NOOP.
#[derive(Debug)]
pub struct NoopCommand;

/// CHECK.
#[derive(Debug)]
pub struct CheckCommand;

pub(crate) fn parse(_: &mut Lexer<'_>, _: bool) -> Parsed<Box<dyn RunCommand>> {
    Ok(Box::new(NoopCommand))
}

pub(crate) fn parse_check(_: &mut Lexer<'_>, _: bool) -> Parsed<Box<dyn RunCommand>> {
    Ok(Box::new(CheckCommand))
}

impl RunCommand for NoopCommand {
    fn run(self: Box<Self>, server: &mut Server, _: CommandContext, out: &mut Output) {
        server.ok("Noop done", out);
    }
}

impl RunCommand for CheckCommand {
    fn run(self: Box<Self>, server: &mut Server, _: CommandContext, out: &mut Output) {
        server.ok("Check done", out);
    }
}
