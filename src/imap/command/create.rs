//! CREATE (RFC 3501 section 6.3.3). CREATE-SPECIAL-USE (RFC 6154 section 3) is not offered.

use super::change::ChangePending;
use super::{CommandContext, RunCommand};
use crate::call::MailboxWrite;
use crate::engine::Output;
use crate::imap::server::Server;
use crate::imap::wire::lexer::Lexer;
use crate::imap::wire::name::MailboxName;
use crate::imap::wire::syntax::{Parsed, SyntaxError};

/// CREATE.
#[derive(Debug)]
pub struct CreateCommand {
    /// The name; a `/` at its end has been taken off.
    pub mailbox: MailboxName,
    /// The attributes of `(USE (...))`, as written.
    pub special: Vec<String>,
}

pub(crate) fn parse(lexer: &mut Lexer<'_>, _: bool) -> Parsed<Box<dyn RunCommand>> {
    let mailbox = MailboxName::parse_new(lexer)?;
    let mut special = Vec::new();
    if lexer.eat(b' ') {
        lexer.expect(b'(')?;
        if !lexer.atom()?.eq_ignore_ascii_case("USE") {
            return Err(SyntaxError::Option);
        }
        lexer.space()?;
        lexer.expect(b'(')?;
        while !lexer.eat(b')') {
            if !special.is_empty() {
                lexer.space()?;
            }
            lexer.expect(b'\\')?;
            special.push(lexer.atom()?.to_owned());
            if special.len() > SPECIAL_MAX {
                return Err(SyntaxError::TooMany);
            }
        }
        lexer.expect(b')')?;
    }
    Ok(Box::new(CreateCommand { mailbox, special }))
}

impl RunCommand for CreateCommand {
    fn run(self: Box<Self>, server: &mut Server, _: CommandContext, out: &mut Output) {
        if !self.special.is_empty() {
            return server.no("[USEATTR] Special uses are given already", out);
        }
        let mailbox = self.mailbox.into_string();
        let call = MailboxWrite::Create { mailbox };
        server.ask(call, Box::new(ChangePending("Created")), out);
    }
}

/// Attributes of CREATE (USE ...); RFC 6154 has seven.
const SPECIAL_MAX: usize = 8;
