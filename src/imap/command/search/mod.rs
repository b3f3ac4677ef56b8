//! SEARCH and UID SEARCH (RFC 3501 section 6.4.4), with ESEARCH (RFC 4731) and MODSEQ (RFC
//! 7162 section 3.1.5).
//!
//! The service does the search. Here are the sets that only a session can resolve, and the
//! answer in the numbers of the client.

use std::sync::Arc;

use super::{CommandContext, RunCommand};
use crate::call::{Answer, EntryRead, Matches, Now, Octets, Reply, SearchProgress, UidSet};
use crate::engine::{HIGH_WATER, Output};
use crate::imap::server::{Flow, Pending, Server, Stage};
use crate::imap::wire::lexer::Lexer;
use crate::imap::wire::respond::ResponseLine;
use crate::imap::wire::syntax::{Parsed, SyntaxError};
use program::{SearchProgram, Unresolved};

pub(crate) mod program;

/// SEARCH.
#[derive(Debug)]
pub struct SearchCommand {
    /// UID SEARCH: answers are UIDs.
    pub uid: bool,
    /// RETURN (...) (RFC 4731): the answer is ESEARCH.
    pub returns: Option<SearchReturns>,
    /// The keys.
    pub program: SearchProgram,
}

/// The results in an ESEARCH response. `RETURN ()` is given as `all`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SearchReturns {
    /// MIN
    pub min: bool,
    /// MAX
    pub max: bool,
    /// ALL
    pub all: bool,
    /// COUNT
    pub count: bool,
}

pub(crate) fn parse(lexer: &mut Lexer<'_>, uid: bool) -> Parsed<Box<dyn RunCommand>> {
    lexer.space()?;
    let mut returns = None;
    let mut ahead = program::key_name(lexer)?;
    if ahead == Some("RETURN") {
        lexer.space()?;
        returns = Some(SearchReturns::parse(lexer)?);
        lexer.space()?;
        ahead = program::key_name(lexer)?;
    }
    Ok(Box::new(SearchCommand {
        uid,
        returns,
        program: SearchProgram::parse(lexer, ahead)?,
    }))
}

impl SearchReturns {
    fn parse(lexer: &mut Lexer<'_>) -> Parsed<Self> {
        lexer.expect(b'(')?;
        let mut returns = SearchReturns::default();
        if lexer.eat(b')') {
            returns.all = true;
            return Ok(returns);
        }
        loop {
            let option = lexer.atom()?;
            let is = |name: &str| option.eq_ignore_ascii_case(name);
            match () {
                () if is("MIN") => returns.min = true,
                () if is("MAX") => returns.max = true,
                () if is("ALL") => returns.all = true,
                () if is("COUNT") => returns.count = true,
                // SAVE (RFC 5182) and other options are not offered.
                () => return Err(SyntaxError::Option),
            }
            if lexer.eat(b')') {
                return Ok(returns);
            }
            lexer.space()?;
        }
    }
}

impl RunCommand for SearchCommand {
    fn run(self: Box<Self>, server: &mut Server, _: CommandContext, out: &mut Output) {
        if self.program.modseq {
            server.enable_condstore(out);
        }
        let Stage::Selected(_, open) = &server.stage else {
            return;
        };
        let view = &open.view;
        let searching = Searching {
            uid: self.uid,
            returns: self.returns,
            with_modseq: self.program.modseq,
            found: None,
            modseq: 0,
            answer: Matches::default(),
            written: 0,
        };
        let key = self.program.into_key(|what| match what {
            Unresolved::Numbers(set) => view.uids(&set.resolve(view.exists())),
            Unresolved::Uids(set) => set.resolve(view.largest()),
            Unresolved::Recent => view.recent().clone(),
        });
        let call = EntryRead::Search {
            mailbox: open.id,
            within: view.known().clone(),
            key: Arc::new(key),
            progress: Box::new(SearchProgress::default()),
        };
        server.ask(call, Box::new(searching), out);
    }
}

/// A SEARCH under way.
#[derive(Debug)]
struct Searching {
    uid: bool,
    returns: Option<SearchReturns>,
    /// The answer has a MODSEQ.
    with_modseq: bool,
    /// The messages found, in UIDs.
    found: Option<Matches>,
    /// The highest MODSEQ of the messages in the answer.
    modseq: u64,
    /// The answer in the numbers of the client, and how many of them have been written.
    answer: Matches,
    written: usize,
}

impl Pending for Searching {
    /// The messages found; or, if only the first and last are answered, their MODSEQs.
    fn answered(mut self: Box<Self>, server: &mut Server, _: Now, reply: Reply, out: &mut Output) {
        match reply {
            Reply::Answer(Answer::Found { uids, modseq }) => {
                self.modseq = modseq;
                if let Some(ends) = self.ends(&uids) {
                    self.found = Some(uids);
                    return self.ask_modseq(ends, server, out);
                }
                self.found = Some(uids);
            }
            Reply::Answer(Answer::Entries { rows, .. }) => {
                self.modseq = rows.iter().map(|row| row.state.modseq).max().unwrap_or(0);
            }
            other => return server.not_answered(other, out),
        }
        let found = self.found.take().unwrap_or_default();
        let Stage::Selected(_, open) = &server.stage else {
            return;
        };
        self.answer = open.view.told(&found, self.uid);
        match self.returns {
            Some(returns) => {
                self.write_esearch(returns, &server.tag, out);
                server.ok("Search done", out);
            }
            None => {
                ResponseLine::untagged(&mut out.bytes).put("SEARCH");
                self.go_on(server, out);
            }
        }
    }
}

impl Flow for Searching {
    /// The numbers of a `* SEARCH` line, as many as may be written now.
    fn go_on(mut self: Box<Self>, server: &mut Server, out: &mut Output) {
        let rest = self.answer.after(self.written);
        let mut line = ResponseLine::resume(&mut out.bytes);
        let from = line.output_bytes();
        for number in rest.iter() {
            if line.output_bytes().saturating_sub(from) > HIGH_WATER {
                server.mid_line = true;
                return server.after_drain(self, out);
            }
            line.put(" ").number(u64::from(number));
            self.written += 1;
        }
        server.mid_line = false;
        if self.with_modseq && !self.answer.is_empty() {
            line.put(" (MODSEQ ").number(self.modseq).put(")");
        }
        line.end();
        server.ok("Search done", out);
    }
}

impl Searching {
    fn ask_modseq(self: Box<Self>, ends: UidSet, server: &mut Server, out: &mut Output) {
        let Stage::Selected(_, open) = &server.stage else {
            return;
        };
        let call = EntryRead::Fetch {
            mailbox: open.id,
            uids: ends,
            digest: false,
            octets: Octets::No,
            changed_since: 0,
        };
        server.ask(call, self, out);
    }

    fn write_esearch(&self, returns: SearchReturns, tag: &str, out: &mut Output) {
        let mut line = ResponseLine::untagged(&mut out.bytes);
        line.put("ESEARCH (TAG ").string(tag.as_bytes()).put(")");
        if self.uid {
            line.put(" UID");
        }
        let any = !self.answer.is_empty();
        for (asked, word, n) in [
            (returns.min, " MIN ", self.answer.first().map(u64::from)),
            (returns.max, " MAX ", self.answer.last().map(u64::from)),
            (returns.count, " COUNT ", Some(self.answer.len() as u64)),
        ] {
            if let (true, Some(n)) = (asked, n) {
                line.put(word).number(n);
            }
        }
        if returns.all && any {
            line.put(" ALL ").ranges(&self.answer.ranges());
        }
        if self.with_modseq && any {
            line.put(" MODSEQ ").number(self.modseq);
        }
        line.end();
    }

    /// The messages whose MODSEQ counts if only MIN or MAX is asked for (RFC 7162 section
    /// 3.1.10); `None` if that of all of them counts, or that of none.
    fn ends(&self, found: &Matches) -> Option<UidSet> {
        let returns = self.returns?;
        let only_ends = (returns.min || returns.max) && !returns.all && !returns.count;
        if !self.with_modseq || !only_ends {
            return None;
        }
        let min = found.first().filter(|_| returns.min);
        let max = found.last().filter(|_| returns.max);
        let ends: UidSet = min.into_iter().chain(max).collect();
        (!ends.is_empty()).then_some(ends)
    }
}
