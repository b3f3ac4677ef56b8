//! ID (RFC 2971): the fields of the client are read and counted, and not used otherwise.

use std::borrow::Cow;

use super::{CommandContext, RunCommand};
use crate::engine::Output;
use crate::imap::server::Server;
use crate::imap::wire::lexer::Lexer;
use crate::imap::wire::respond;
use crate::imap::wire::syntax::{Parsed, SyntaxError};

/// ID, with fields and their values.
#[derive(Debug)]
pub struct IdCommand(pub Vec<(Vec<u8>, Option<Vec<u8>>)>);

pub(crate) fn parse(lexer: &mut Lexer<'_>, _: bool) -> Parsed<Box<dyn RunCommand>> {
    let mut pairs = Vec::new();
    lexer.space()?;
    if !lexer.eat(b'(') {
        return match lexer.nstring()? {
            None => Ok(Box::new(IdCommand(pairs))),
            Some(_) => Err(SyntaxError::Character),
        };
    }
    if lexer.eat(b')') {
        return Ok(Box::new(IdCommand(pairs)));
    }
    loop {
        let field = lexer.string()?;
        lexer.space()?;
        let value = lexer.nstring()?;
        // RFC 2971 section 3.3 has all three bounds.
        if pairs.len() == 30 || field.len() > 30 || value.as_ref().is_some_and(|v| v.len() > 1024) {
            return Err(SyntaxError::TooMany);
        }
        pairs.push((field.into_owned(), value.map(Cow::into_owned)));
        if lexer.eat(b')') {
            return Ok(Box::new(IdCommand(pairs)));
        }
        lexer.space()?;
    }
}

impl RunCommand for IdCommand {
    fn run(self: Box<Self>, server: &mut Server, _: CommandContext, out: &mut Output) {
        let conn = server.opening.conn.0;
        log::debug!("conn={conn} id fields={}", self.0.len());
        respond::untagged(
            &mut out.bytes,
            concat!(
                "ID (\"name\" \"Postern\" \"version\" \"",
                env!("CARGO_PKG_VERSION"),
                "\")"
            ),
        );
        server.ok("ID done", out);
    }
}
