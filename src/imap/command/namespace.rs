//! NAMESPACE (RFC 2342): one personal namespace, with `/` between levels.

use super::{CommandContext, RunCommand};
use crate::engine::Output;
use crate::imap::server::Server;
use crate::imap::wire::lexer::Lexer;
use crate::imap::wire::respond;
use crate::imap::wire::syntax::Parsed;

/// NAMESPACE.
#[derive(Debug)]
pub struct NamespaceCommand;

pub(crate) fn parse(_: &mut Lexer<'_>, _: bool) -> Parsed<Box<dyn RunCommand>> {
    Ok(Box::new(NamespaceCommand))
}

impl RunCommand for NamespaceCommand {
    fn run(self: Box<Self>, server: &mut Server, _: CommandContext, out: &mut Output) {
        respond::untagged(&mut out.bytes, "NAMESPACE ((\"\" \"/\")) NIL NIL");
        server.ok("Namespace done", out);
    }
}
