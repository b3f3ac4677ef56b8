//! STARTTLS (RFC 3501 section 6.2.1).

use super::{CommandContext, RunCommand};
use crate::engine::Output;
use crate::imap::server::{Server, Waits};
use crate::imap::wire::Condition;
use crate::imap::wire::lexer::Lexer;
use crate::imap::wire::syntax::Parsed;

/// STARTTLS.
#[derive(Debug)]
pub struct StartTlsCommand;

pub(crate) fn parse(_: &mut Lexer<'_>, _: bool) -> Parsed<Box<dyn RunCommand>> {
    Ok(Box::new(StartTlsCommand))
}

impl RunCommand for StartTlsCommand {
    fn run(self: Box<Self>, server: &mut Server, context: CommandContext, out: &mut Output) {
        if server.tls {
            return server.bad("TLS is up already", out);
        }
        if context.behind {
            // The octets behind STARTTLS came in clear, and an attacker may have added them.
            // None of them may ever count as sent under TLS.
            server.bad("Nothing may follow STARTTLS before TLS is up", out);
            return server.bye("Input behind STARTTLS", out);
        }
        server.write_tagged(Condition::Ok, "Begin TLS", out);
        server.waits = Waits::Tls;
        out.start_tls = true;
    }
}
