//! CAPABILITY (RFC 3501 section 6.1.1). Its words are in `table`.

use super::{CommandContext, RunCommand};
use crate::engine::Output;
use crate::imap::server::Server;
use crate::imap::wire::lexer::Lexer;
use crate::imap::wire::respond;
use crate::imap::wire::syntax::Parsed;

/// CAPABILITY.
#[derive(Debug)]
pub struct CapabilityCommand;

pub(crate) fn parse(_: &mut Lexer<'_>, _: bool) -> Parsed<Box<dyn RunCommand>> {
    Ok(Box::new(CapabilityCommand))
}

impl RunCommand for CapabilityCommand {
    fn run(self: Box<Self>, server: &mut Server, _: CommandContext, out: &mut Output) {
        let words = format!("CAPABILITY {}", server.capability());
        respond::untagged(&mut out.bytes, &words);
        server.ok("Capability done", out);
    }
}
