//! ENABLE (RFC 5161), and CONDSTORE, the only extension to be enabled (RFC 7162 section 3.1).

use super::{CommandContext, RunCommand};
use crate::engine::Output;
use crate::imap::server::Server;
use crate::imap::wire::lexer::Lexer;
use crate::imap::wire::respond;
use crate::imap::wire::syntax::{Parsed, SyntaxError};

/// ENABLE, with the names as written.
#[derive(Debug)]
pub struct EnableCommand(pub Vec<String>);

pub(crate) fn parse(lexer: &mut Lexer<'_>, _: bool) -> Parsed<Box<dyn RunCommand>> {
    let mut names = Vec::new();
    lexer.space()?;
    loop {
        names.push(lexer.atom()?.to_owned());
        if names.len() > NAMES_MAX {
            return Err(SyntaxError::TooMany);
        }
        if !lexer.eat(b' ') {
            return Ok(Box::new(EnableCommand(names)));
        }
    }
}

impl RunCommand for EnableCommand {
    fn run(self: Box<Self>, server: &mut Server, _: CommandContext, out: &mut Output) {
        let condstore = self
            .0
            .iter()
            .any(|name| name.eq_ignore_ascii_case("CONDSTORE"));
        if condstore {
            respond::untagged(&mut out.bytes, "ENABLED CONDSTORE");
            server.enable_condstore(out);
        } else {
            respond::untagged(&mut out.bytes, "ENABLED");
        }
        server.ok("Enabled", out);
    }
}

impl Server {
    /// From now on FETCH responses have MODSEQ. A client with an open mailbox needs to know
    /// from which value on (RFC 7162 section 3.1.2).
    pub(crate) fn enable_condstore(&mut self, out: &mut Output) {
        if !core::mem::replace(&mut self.condstore, true)
            && let Some(open) = self.open()
        {
            let told = open.view.told_modseq(open.highest_modseq);
            let text = format!("OK [HIGHESTMODSEQ {told}] Highest");
            respond::untagged(&mut out.bytes, &text);
        }
    }
}

/// Names in one ENABLE; one of them exists.
const NAMES_MAX: usize = 32;
