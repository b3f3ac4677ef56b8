//! LSUB (RFC 3501 section 6.3.9).

use std::collections::BTreeSet;

use super::list::matcher::Matcher;
use super::list::{ListLine, ancestors};
use super::{CommandContext, RunCommand};
use crate::call::{Answer, MailboxRead, Now, Reply};
use crate::engine::Output;
use crate::imap::server::{Pending, Server};
use crate::imap::wire::lexer::Lexer;
use crate::imap::wire::name::Pattern;
use crate::imap::wire::syntax::Parsed;

/// LSUB.
#[derive(Debug)]
pub struct LsubCommand {
    /// Reference and pattern, put together and decoded.
    pub pattern: Pattern,
}

pub(crate) fn parse(lexer: &mut Lexer<'_>, _: bool) -> Parsed<Box<dyn RunCommand>> {
    lexer.space()?;
    let reference = lexer.astring()?;
    lexer.space()?;
    let pattern = Pattern::parse(lexer, &reference)?;
    Ok(Box::new(LsubCommand { pattern }))
}

impl RunCommand for LsubCommand {
    fn run(self: Box<Self>, server: &mut Server, _: CommandContext, out: &mut Output) {
        let pending = LsubPending(self.pattern);
        server.ask(MailboxRead::Subscribed, Box::new(pending), out);
    }
}

/// The subscribed names.
#[derive(Debug)]
struct LsubPending(Pattern);

impl Pending for LsubPending {
    fn answered(self: Box<Self>, server: &mut Server, _: Now, reply: Reply, out: &mut Output) {
        let names = match reply {
            Reply::Answer(Answer::Names(names)) => names,
            other => return server.not_answered(other, out),
        };
        let matcher = Matcher::new(&self.0);
        let names: BTreeSet<&str> = names.iter().map(String::as_str).collect();
        let mut parents = BTreeSet::new();
        for name in &names {
            if matcher.matches(name) {
                ListLine::bare(name, Vec::new()).write("LSUB", out);
            } else {
                // A level that `%` stops at, with a subscribed name below it (RFC 3501 section
                // 6.3.9).
                for parent in ancestors(name) {
                    if !names.contains(parent) && matcher.matches(parent) {
                        parents.insert(parent);
                    }
                }
            }
        }
        for parent in parents {
            ListLine::bare(parent, vec!["\\Noselect"]).write("LSUB", out);
        }
        server.ok("Lsub done", out);
    }
}
