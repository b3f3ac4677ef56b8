//! LOGOUT (RFC 3501 section 6.1.3).

use super::{CommandContext, RunCommand};
use crate::engine::Output;
use crate::imap::server::Server;
use crate::imap::wire::Condition;
use crate::imap::wire::lexer::Lexer;
use crate::imap::wire::respond;
use crate::imap::wire::syntax::Parsed;

/// LOGOUT.
#[derive(Debug)]
pub struct LogoutCommand;

pub(crate) fn parse(_: &mut Lexer<'_>, _: bool) -> Parsed<Box<dyn RunCommand>> {
    Ok(Box::new(LogoutCommand))
}

impl RunCommand for LogoutCommand {
    fn run(self: Box<Self>, server: &mut Server, _: CommandContext, out: &mut Output) {
        respond::untagged(&mut out.bytes, "BYE Logging out");
        server.write_tagged(Condition::Ok, "Logged out", out);
        server.hang_up(out);
    }
}
