//! LSUB (RFC 3501 section 6.3.9).

use std::collections::{BTreeMap, BTreeSet};

use super::list::matcher::Matcher;
use super::list::{ListLine, ancestors};
use super::{CommandContext, RunCommand};
use crate::call::{Answer, MailboxRead, Now, Reply};
use crate::engine::Output;
use crate::imap::server::{Flow, Pending, Server};
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
        let listing = LsubListing {
            pattern: self.pattern,
            after: None,
        };
        Box::new(listing).go_on(server, out);
    }
}

/// LSUB under way. The names are read again for each piece of the answer, so a client that does
/// not read holds none.
#[derive(Debug)]
struct LsubListing {
    pattern: Pattern,
    /// The lines up to this name have been written.
    after: Option<String>,
}

impl Flow for LsubListing {
    fn go_on(self: Box<Self>, server: &mut Server, out: &mut Output) {
        server.ask(MailboxRead::Subscribed, self, out);
    }
}

impl Pending for LsubListing {
    fn answered(mut self: Box<Self>, server: &mut Server, _: Now, reply: Reply, out: &mut Output) {
        let names = match reply {
            Reply::Answer(Answer::Names(names)) => names,
            other => return server.not_answered(other, out),
        };
        for (name, attributes) in lines(&self.pattern, &names) {
            if self.after.as_deref().is_some_and(|after| name <= after) {
                continue;
            }
            ListLine::bare(name, attributes).write("LSUB", out);
            if server.is_full(out) {
                self.after = Some(name.to_owned());
                return server.after_drain(self, out);
            }
        }
        server.ok("Lsub done", out);
    }
}

/// The names of the answer in their order, with their attributes.
fn lines<'n>(pattern: &Pattern, names: &'n [String]) -> BTreeMap<&'n str, Vec<&'static str>> {
    let matcher = Matcher::new(pattern);
    let names: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    let mut lines = BTreeMap::new();
    for name in &names {
        if matcher.matches(name) {
            lines.insert(*name, Vec::new());
            continue;
        }
        // A level that `%` stops at, with a subscribed name below it (RFC 3501 section 6.3.9).
        for parent in ancestors(name) {
            if !names.contains(parent) && matcher.matches(parent) {
                lines.insert(parent, vec!["\\Noselect"]);
            }
        }
    }
    lines
}
