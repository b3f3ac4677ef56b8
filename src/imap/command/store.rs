//! STORE and UID STORE (RFC 3501 section 6.4.6, RFC 7162 section 3.1.3).
//!
//! The answer to its own command tells the client of its own changes. The events that the
//! change makes are recognized by their origin.

use super::{CommandContext, RunCommand};
use crate::call::{EntryState, EntryWrite, FlagChange, Now, Receipt, Reply, UidSet, Written};
use crate::engine::Output;
use crate::imap::server::{Flow, Pending, Server, Stage};
use crate::imap::view::resolve::GONE;
use crate::imap::wire::flag_list::FlagList;
use crate::imap::wire::lexer::Lexer;
use crate::imap::wire::sequence::SequenceSet;
use crate::imap::wire::syntax::{Parsed, SyntaxError};

/// STORE.
#[derive(Debug)]
pub struct StoreCommand {
    /// `set` is of UIDs.
    pub uid: bool,
    /// The messages.
    pub set: SequenceSet,
    /// `(UNCHANGEDSINCE n)` (RFC 7162 section 3.1.3).
    pub unchanged_since: Option<u64>,
    /// Add, remove or replace.
    pub how: FlagChange,
    /// `.SILENT`
    pub silent: bool,
    /// The flags.
    pub flags: FlagList,
}

pub(crate) fn parse(lexer: &mut Lexer<'_>, uid: bool) -> Parsed<Box<dyn RunCommand>> {
    lexer.space()?;
    let set = SequenceSet::parse(lexer)?;
    lexer.space()?;
    let mut unchanged_since = None;
    if lexer.eat(b'(') {
        if !lexer.atom()?.eq_ignore_ascii_case("UNCHANGEDSINCE") {
            return Err(SyntaxError::Option);
        }
        lexer.space()?;
        unchanged_since = Some(lexer.number64()?);
        lexer.expect(b')')?;
        lexer.space()?;
    }
    let how = if lexer.eat(b'+') {
        FlagChange::Add
    } else if lexer.eat(b'-') {
        FlagChange::Remove
    } else {
        FlagChange::Replace
    };
    let name = lexer.item_name()?;
    let silent = name.eq_ignore_ascii_case("FLAGS.SILENT");
    if !silent && !name.eq_ignore_ascii_case("FLAGS") {
        return Err(SyntaxError::Option);
    }
    lexer.space()?;
    let flags = if lexer.peek() == Some(b'(') {
        FlagList::parse(lexer)?
    } else {
        let mut flags = FlagList::default();
        flags.parse_flag(lexer)?;
        while lexer.eat(b' ') {
            flags.parse_flag(lexer)?;
        }
        flags
    };
    Ok(Box::new(StoreCommand {
        uid,
        set,
        unchanged_since,
        how,
        silent,
        flags,
    }))
}

impl RunCommand for StoreCommand {
    fn run(self: Box<Self>, server: &mut Server, _: CommandContext, out: &mut Output) {
        if self.unchanged_since.is_some() {
            server.enable_condstore(out);
        }
        let Some(uids) = server.resolve(self.uid, &self.set, out) else {
            return;
        };
        if uids.is_empty() {
            return server.ok("Store done", out);
        }
        let storing = Storing {
            uid: self.uid,
            silent: self.silent,
            missing: uids.clone(),
            rows: Vec::new(),
            written: 0,
            modified: UidSet::new(),
            receipt: None,
        };
        let Stage::Selected(_, open) = &server.stage else {
            return;
        };
        let call = EntryWrite::SetFlags {
            mailbox: open.id,
            uids,
            how: self.how,
            flags: self.flags.flags,
            keywords: self.flags.keywords,
            unchanged_since: self.unchanged_since,
        };
        server.ask(call, Box::new(storing), out);
    }
}

/// A STORE under way.
#[derive(Debug)]
struct Storing {
    /// UID STORE: its responses name UIDs.
    uid: bool,
    silent: bool,
    /// The messages that the command names; then those of them that the commit did not find. Only
    /// the commit knows: an event that tells of an EXPUNGE may come before the command or behind
    /// its answer.
    missing: UidSet,
    rows: Vec<EntryState>,
    /// How many of `rows` have been written.
    written: usize,
    modified: UidSet,
    receipt: Option<Receipt>,
}

impl Pending for Storing {
    fn answered(mut self: Box<Self>, server: &mut Server, _: Now, reply: Reply, out: &mut Output) {
        match reply {
            Reply::Written(Written::Flagged { rows, modified }, receipt) => {
                let found: UidSet = rows.iter().map(|row| row.uid).collect();
                self.missing = self.missing.difference(&found).difference(&modified);
                self.rows = rows;
                self.modified = modified;
                self.receipt = Some(receipt);
                self.go_on(server, out);
            }
            other => server.not_answered(other, out),
        }
    }
}

impl Flow for Storing {
    fn go_on(mut self: Box<Self>, server: &mut Server, out: &mut Output) {
        let rows = core::mem::take(&mut self.rows);
        // `.SILENT` is silent about flags and not about MODSEQ (RFC 7162 section 3.1.3).
        if !self.silent || server.condstore {
            while let Some(slice) = rows.get(self.written..).filter(|rest| !rest.is_empty()) {
                if server.is_full(out) {
                    self.rows = rows;
                    return server.after_drain(self, out);
                }
                let slice = slice.get(..ROWS_AT_ONCE).unwrap_or(slice);
                server.write_states(slice, self.uid, !self.silent, out);
                self.written += slice.len();
            }
        }
        if !self.silent {
            server.told = rows.iter().map(|row| (row.uid, row.modseq)).collect();
        }
        let Some(receipt) = self.receipt else {
            return;
        };
        // A UID that is not there is no error (RFC 3501 section 6.4.8).
        let missing = !self.uid && !self.missing.is_empty();
        if self.modified.is_empty() {
            // `.SILENT` is content when every message that is there was stored (RFC 2180
            // section 4.2.1).
            return if missing && !self.silent {
                server.no(GONE, out)
            } else {
                server.done(receipt, "Store done", out)
            };
        }
        let modified = match (&server.stage, self.uid) {
            (Stage::Selected(_, open), false) => open.view.numbers(&self.modified),
            _ => self.modified,
        };
        if missing {
            // The messages that were not stored have to be named here, too (RFC 7162 section
            // 3.1.3).
            return server.no(format!("[MODIFIED {modified}] Others are gone"), out);
        }
        server.done(
            receipt,
            format!("[MODIFIED {modified}] Changed meanwhile, not stored"),
            out,
        );
    }
}

/// So many rows are written before the output is looked at.
const ROWS_AT_ONCE: usize = 1000;
