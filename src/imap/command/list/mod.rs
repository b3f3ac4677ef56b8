//! LIST, plain and extended (RFC 3501 section 6.3.8, RFC 5258, RFC 5819, RFC 6154).
//!
//! A thousand long names are more than the output may hold. The rest is asked for again when the
//! output has gone out, so a client that does not read holds the place in the list and no names.

use std::collections::{BTreeMap, BTreeSet};

use super::status::StatusItem;
use super::{CommandContext, RunCommand};
use crate::call::{Answer, INBOX, MailboxRead, MailboxRow, Now, Reply, SpecialUse};
use crate::engine::Output;
use crate::imap::server::{Flow, Pending, Server};
use crate::imap::wire::lexer::Lexer;
use crate::imap::wire::name::Pattern;
use crate::imap::wire::respond::{self, ResponseLine};
use crate::imap::wire::syntax::{Parsed, SyntaxError};
use matcher::Matcher;

pub(super) mod matcher;

/// LIST with everything that RFC 5258 and RFC 5819 add to it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ListCommand {
    /// Each with the reference in front; one unless extended. An empty one (`LIST "" ""`)
    /// asks for the hierarchy delimiter.
    pub patterns: Vec<Pattern>,
    /// The extended syntax was used: `\NonExistent`, `\Subscribed` and CHILDINFO may be
    /// answered.
    pub extended: bool,
    /// Selection option SUBSCRIBED.
    pub only_subscribed: bool,
    /// Selection option RECURSIVEMATCH.
    pub recursive_match: bool,
    /// Selection option SPECIAL-USE (RFC 6154).
    pub only_special: bool,
    /// RETURN (SUBSCRIBED), or implied by the selection option.
    pub return_subscribed: bool,
    /// RETURN (CHILDREN).
    pub return_children: bool,
    /// RETURN (SPECIAL-USE), or implied by the selection option.
    pub return_special: bool,
    /// RETURN (STATUS (...)); empty when not asked.
    pub return_status: Vec<StatusItem>,
}

pub(crate) fn parse(lexer: &mut Lexer<'_>, _: bool) -> Parsed<Box<dyn RunCommand>> {
    let mut list = ListCommand::default();
    lexer.space()?;
    if lexer.eat(b'(') {
        list.extended = true;
        while !lexer.eat(b')') {
            list.parse_selection(lexer)?;
            lexer.eat(b' ');
        }
        // RFC 5258 section 3: RECURSIVEMATCH modifies another one.
        if list.recursive_match && !list.only_subscribed && !list.only_special {
            return Err(SyntaxError::Option);
        }
        lexer.space()?;
    }
    let reference = lexer.astring()?;
    lexer.space()?;
    if lexer.eat(b'(') {
        list.extended = true;
        loop {
            list.patterns.push(Pattern::parse(lexer, &reference)?);
            if list.patterns.len() > PATTERNS_MAX {
                return Err(SyntaxError::TooMany);
            }
            if lexer.eat(b')') {
                break;
            }
            lexer.space()?;
        }
    } else {
        list.patterns.push(Pattern::parse(lexer, &reference)?);
    }
    if lexer.eat(b' ') {
        list.extended = true;
        if !lexer.atom()?.eq_ignore_ascii_case("RETURN") {
            return Err(SyntaxError::Option);
        }
        lexer.space()?;
        lexer.expect(b'(')?;
        while !lexer.eat(b')') {
            list.parse_return(lexer)?;
            lexer.eat(b' ');
        }
    }
    Ok(Box::new(list))
}

impl ListCommand {
    fn parse_selection(&mut self, lexer: &mut Lexer<'_>) -> Parsed<()> {
        let option = lexer.atom()?;
        let is = |name: &str| option.eq_ignore_ascii_case(name);
        match () {
            () if is("SUBSCRIBED") => {
                self.only_subscribed = true;
                self.return_subscribed = true;
            }
            () if is("SPECIAL-USE") => {
                self.only_special = true;
                self.return_special = true;
            }
            () if is("RECURSIVEMATCH") => self.recursive_match = true,
            // No mailbox is remote.
            () if is("REMOTE") => {}
            () => return Err(SyntaxError::Option),
        }
        Ok(())
    }

    fn parse_return(&mut self, lexer: &mut Lexer<'_>) -> Parsed<()> {
        let option = lexer.atom()?;
        let is = |name: &str| option.eq_ignore_ascii_case(name);
        match () {
            () if is("SUBSCRIBED") => self.return_subscribed = true,
            () if is("CHILDREN") => self.return_children = true,
            () if is("SPECIAL-USE") => self.return_special = true,
            () if is("STATUS") => {
                lexer.space()?;
                self.return_status = StatusItem::parse_list(lexer)?;
            }
            () => return Err(SyntaxError::Option),
        }
        Ok(())
    }

    fn ask(self: Box<Self>, after: Option<String>, server: &mut Server, out: &mut Output) {
        let call = MailboxRead::List {
            counts: !self.return_status.is_empty(),
            recent: self.return_status.contains(&StatusItem::Recent),
            progress: Box::default(),
        };
        server.ask(call, Box::new(ListPending { list: self, after }), out);
    }

    /// Writes the lines behind that of the name `after`, until the output is full.
    fn write(
        self: Box<Self>,
        (rows, subscribed): (&[MailboxRow], &[String]),
        after: Option<&str>,
        server: &mut Server,
        out: &mut Output,
    ) {
        let place = |name| (name != INBOX, name);
        for line in lines(&self, rows, subscribed) {
            if after.is_some_and(|after| place(line.name) <= place(after)) {
                continue;
            }
            line.write("LIST", out);
            if let Some(row) = line.row
                && !self.return_status.is_empty()
            {
                server.write_status(row, &self.return_status, out);
            }
            if server.is_full(out) {
                let after = line.name.to_owned();
                return server.after_drain(Box::new(ListRest { list: self, after }), out);
            }
        }
        server.ok("List done", out);
    }
}

/// The lines of LIST behind that of a name.
#[derive(Debug)]
struct ListRest {
    list: Box<ListCommand>,
    after: String,
}

impl Flow for ListRest {
    fn go_on(self: Box<Self>, server: &mut Server, out: &mut Output) {
        self.list.ask(Some(self.after), server, out);
    }
}

impl RunCommand for ListCommand {
    fn run(self: Box<Self>, server: &mut Server, _: CommandContext, out: &mut Output) {
        if !self.extended && self.patterns.iter().all(|pattern| pattern.0.is_empty()) {
            // The question for the hierarchy delimiter (RFC 3501 section 6.3.8).
            respond::untagged(&mut out.bytes, "LIST (\\Noselect) \"/\" \"\"");
            return server.ok("List done", out);
        }
        self.ask(None, server, out);
    }
}

/// The mailboxes.
#[derive(Debug)]
struct ListPending {
    list: Box<ListCommand>,
    /// The lines up to this name have been written.
    after: Option<String>,
}

impl Pending for ListPending {
    fn answered(self: Box<Self>, server: &mut Server, _: Now, reply: Reply, out: &mut Output) {
        let rows = match reply {
            Reply::Answer(Answer::Mailboxes(rows)) => rows,
            other => return server.not_answered(other, out),
        };
        let ListPending { list, after } = *self;
        if list.only_subscribed {
            // A name may be subscribed though no mailbox has it.
            let pending = ListNamesPending { list, after, rows };
            return server.ask(MailboxRead::Subscribed, Box::new(pending), out);
        }
        list.write((&rows, &[]), after.as_deref(), server, out);
    }
}

/// The subscribed names; the mailboxes are there.
#[derive(Debug)]
struct ListNamesPending {
    list: Box<ListCommand>,
    after: Option<String>,
    rows: Vec<MailboxRow>,
}

impl Pending for ListNamesPending {
    fn answered(self: Box<Self>, server: &mut Server, _: Now, reply: Reply, out: &mut Output) {
        match reply {
            Reply::Answer(Answer::Names(names)) => {
                let ListNamesPending { list, after, rows } = *self;
                list.write((&rows, &names), after.as_deref(), server, out);
            }
            other => server.not_answered(other, out),
        }
    }
}

/// One response of LIST or LSUB.
pub(super) struct ListLine<'a> {
    name: &'a str,
    attributes: Vec<&'static str>,
    /// RFC 5258: a name below is selected that the patterns do not reach.
    child_subscribed: bool,
    row: Option<&'a MailboxRow>,
}

impl<'a> ListLine<'a> {
    pub(super) fn bare(name: &'a str, attributes: Vec<&'static str>) -> Self {
        ListLine {
            name,
            attributes,
            child_subscribed: false,
            row: None,
        }
    }

    pub(super) fn write(&self, verb: &'static str, out: &mut Output) {
        let mut line = ResponseLine::untagged(&mut out.bytes);
        line.put(verb).put(" (");
        for (i, attribute) in self.attributes.iter().enumerate() {
            line.put(if i > 0 { " " } else { "" }).put(attribute);
        }
        line.put(") \"/\" ").mailbox(self.name);
        if self.child_subscribed {
            line.put(" (\"CHILDINFO\" (\"SUBSCRIBED\"))");
        }
        line.end();
    }
}

/// The responses to LIST, INBOX first.
fn lines<'a>(
    list: &ListCommand,
    rows: &'a [MailboxRow],
    subscribed: &'a [String],
) -> Vec<ListLine<'a>> {
    let matchers: Vec<Matcher> = list.patterns.iter().map(Matcher::new).collect();
    let matches = |name: &str| matchers.iter().any(|m| m.matches(name));
    let real: BTreeMap<&str, &MailboxRow> = rows.iter().map(|r| (r.name.as_str(), r)).collect();
    let mut all: BTreeSet<&str> = real.keys().copied().collect();
    for name in real.keys() {
        all.extend(ancestors(name));
    }
    let subscribed: BTreeSet<&str> = subscribed
        .iter()
        .map(String::as_str)
        .chain(
            rows.iter()
                .filter(|r| r.subscribed)
                .map(|r| r.name.as_str()),
        )
        .collect();
    // The names that the selection options choose; the patterns come after.
    let mut chosen: BTreeSet<&str> = all.clone();
    if list.only_subscribed {
        chosen.clone_from(&subscribed);
    }
    if list.only_special {
        chosen.retain(|name| real.get(name).is_some_and(|row| row.special.is_some()));
    }
    let mut shown: BTreeMap<(bool, &str), bool> = chosen
        .iter()
        .filter(|name| matches(name))
        .map(|name| ((*name != INBOX, *name), false))
        .collect();
    if list.recursive_match && list.only_subscribed {
        for name in chosen.iter().filter(|name| !matches(name)) {
            for parent in ancestors(name).filter(|parent| matches(parent)) {
                shown.insert((parent != INBOX, parent), true);
            }
        }
    }
    shown
        .into_iter()
        .map(|((_, name), child_subscribed)| {
            let row = real.get(name).copied();
            ListLine {
                name,
                attributes: attributes(list, name, row, &all, &subscribed),
                child_subscribed,
                row,
            }
        })
        .collect()
}

fn attributes(
    list: &ListCommand,
    name: &str,
    row: Option<&MailboxRow>,
    all: &BTreeSet<&str>,
    subscribed: &BTreeSet<&str>,
) -> Vec<&'static str> {
    let mut words = Vec::with_capacity(4);
    match (row, list.extended) {
        (Some(_), _) => {}
        (None, true) => words.push("\\NonExistent"),
        (None, false) => words.push("\\Noselect"),
    }
    if (list.return_subscribed || list.only_subscribed) && subscribed.contains(name) {
        words.push("\\Subscribed");
    }
    words.push(if has_children(name, all) {
        "\\HasChildren"
    } else {
        "\\HasNoChildren"
    });
    if let Some(special) = row.and_then(|row| row.special) {
        words.extend(
            SpecialUse::ALL
                .iter()
                .filter(|(of, _, _)| *of == special)
                .map(|(_, _, attribute)| *attribute),
        );
    }
    words
}

fn has_children(name: &str, all: &BTreeSet<&str>) -> bool {
    let below = format!("{name}/");
    all.range::<str, _>((
        core::ops::Bound::Included(below.as_str()),
        core::ops::Bound::Unbounded,
    ))
    .next()
    .is_some_and(|next| next.starts_with(&below))
}

/// `a` and `a/b` of `a/b/c`.
pub(super) fn ancestors(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('/').filter_map(|(at, _)| name.get(..at))
}

/// Patterns of one LIST: each is compared with every mailbox.
const PATTERNS_MAX: usize = 16;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::call::MailboxId;

    fn row(name: &str, subscribed: bool) -> MailboxRow {
        MailboxRow {
            id: MailboxId(1),
            name: name.into(),
            special: (name == "Sent").then_some(SpecialUse::Sent),
            subscribed,
            uidvalidity: 1,
            uidnext: 1,
            counts: None,
        }
    }

    fn said(list: &ListCommand) -> String {
        let rows = [
            row("Sent", false),
            row("a/b/c", true),
            row("a", false),
            row("INBOX", true),
        ];
        let names = ["gone".to_owned(), "a/b/c".into(), "INBOX".into()];
        let mut out = Output::default();
        for line in lines(list, &rows, &names) {
            line.write("LIST", &mut out);
        }
        String::from_utf8(out.bytes)
            .unwrap()
            .replace("* LIST ", "")
            .replace(" \"/\"", "")
    }

    #[test]
    fn extended_list() {
        let of = |patterns: &[&str]| ListCommand {
            patterns: patterns.iter().map(|p| Pattern((*p).into())).collect(),
            ..ListCommand::default()
        };
        assert_eq!(
            said(&of(&["*"])),
            "(\\HasNoChildren) INBOX\r\n(\\HasNoChildren \\Sent) Sent\r\n\
             (\\HasChildren) a\r\n(\\Noselect \\HasChildren) a/b\r\n(\\HasNoChildren) a/b/c\r\n"
        );
        assert_eq!(said(&of(&["a/%"])), "(\\Noselect \\HasChildren) a/b\r\n");
        let subscribed = ListCommand {
            extended: true,
            only_subscribed: true,
            return_subscribed: true,
            recursive_match: true,
            ..of(&["%"])
        };
        assert_eq!(
            said(&subscribed),
            "(\\Subscribed \\HasNoChildren) INBOX\r\n\
             (\\HasChildren) a (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n\
             (\\NonExistent \\Subscribed \\HasNoChildren) gone\r\n"
        );
        let special = ListCommand {
            extended: true,
            only_special: true,
            ..of(&["*", "%"])
        };
        assert_eq!(said(&special), "(\\HasNoChildren \\Sent) Sent\r\n");
    }
}
