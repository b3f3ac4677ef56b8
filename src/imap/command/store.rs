//! STORE and UID STORE (RFC 3501 section 6.4.6, RFC 7162 section 3.1.3).
//!
//! The answer to its own command tells the client of its own changes. The events that the
//! change makes are recognized by their origin.

use super::{CommandContext, RunCommand};
use crate::call::{
    EntryState, EntryWrite, FlagChange, Now, Receipt, Reply, UidQueue, UidSet, Written,
};
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
            how: self.how,
            flags: self.flags,
            unchanged_since: self.unchanged_since,
            left: uids.into(),
            asked: UidSet::new(),
            missing: false,
            rows: Vec::new(),
            written: 0,
            modified: UidSet::new(),
            receipt: None,
        };
        Box::new(storing).go_on(server, out);
    }
}

/// A STORE under way. It is carried out piece by piece, since neither the work of one call nor
/// its answer may grow with the set. A piece that is refused ends the command; the pieces before it
/// stay, and the client has been told of them.
#[derive(Debug)]
struct Storing {
    /// UID STORE: its responses name UIDs.
    uid: bool,
    silent: bool,
    how: FlagChange,
    flags: FlagList,
    unchanged_since: Option<u64>,
    /// The messages that have not been asked for yet, and those of the call under way.
    left: UidQueue,
    asked: UidSet,
    /// A commit did not find one of the messages. Only the commit knows: an event that tells of
    /// an EXPUNGE may come before the command or behind its answer.
    missing: bool,
    rows: Vec<EntryState>,
    /// How many of `rows` have been written.
    written: usize,
    modified: UidSet,
    receipt: Option<Receipt>,
}

impl Pending for Storing {
    fn answered(mut self: Box<Self>, server: &mut Server, _: Now, reply: Reply, out: &mut Output) {
        match reply {
            Reply::Written(
                Written::Flagged {
                    rows,
                    modified,
                    rest,
                },
                receipt,
            ) => {
                let mut found: UidSet = rows.iter().map(|row| row.uid).collect();
                found.add(&modified);
                let asked = core::mem::take(&mut self.asked);
                self.missing |= !asked.difference(&rest).difference(&found).is_empty();
                if rest != asked {
                    self.left.put_back(&rest);
                }
                self.rows = rows;
                self.written = 0;
                self.modified.add(&modified);
                self.receipt = Some(receipt);
                self.go_on(server, out);
            }
            other => server.not_answered(other, out),
        }
    }
}

impl Flow for Storing {
    /// Tells of the piece that was stored, then asks for the next one.
    fn go_on(mut self: Box<Self>, server: &mut Server, out: &mut Output) {
        let rows = core::mem::take(&mut self.rows);
        // `.SILENT` is silent about flags and not about MODSEQ (RFC 7162 section 3.1.3).
        if !self.silent || server.condstore {
            while let Some(rest) = rows.get(self.written..).filter(|rest| !rest.is_empty()) {
                if server.is_full(out) {
                    self.rows = rows;
                    return server.after_drain(self, out);
                }
                let slice = slice_of(rest);
                server.write_states(slice, self.uid, !self.silent, out);
                self.written += slice.len();
            }
        }
        if !self.silent {
            for row in &rows {
                server.told.remember(row.uid, row.modseq);
            }
        }
        if self.left.is_empty() {
            return self.finish(server, out);
        }
        let Stage::Selected(_, open) = &server.stage else {
            return;
        };
        self.asked = self.left.take(server.opening.shared.limits.slice_rows);
        let call = EntryWrite::SetFlags {
            mailbox: open.id,
            uids: self.asked.clone(),
            how: self.how,
            flags: self.flags.flags,
            keywords: self.flags.keywords.clone(),
            unchanged_since: self.unchanged_since,
        };
        server.ask(call, self, out);
    }
}

impl Storing {
    /// Everything has been stored and told.
    fn finish(self, server: &mut Server, out: &mut Output) {
        let Some(receipt) = self.receipt else {
            return;
        };
        // A UID that is not there is no error (RFC 3501 section 6.4.8).
        let missing = !self.uid && self.missing;
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

/// The first rows, as many as are written before the output is looked at.
fn slice_of(rows: &[EntryState]) -> &[EntryState] {
    let mut octets = 0;
    let fits = |row: &&EntryState| {
        octets += ROW_OCTETS
            + row
                .keywords
                .iter()
                .map(|word| word.len() + 1)
                .sum::<usize>();
        octets <= SLICE_OCTETS
    };
    let n = rows.iter().take_while(fits).count();
    rows.get(..n.max(1)).unwrap_or(rows)
}

/// Octets of the line of a message without its keywords.
const ROW_OCTETS: usize = 100;

/// Octets that are written before the output is looked at.
const SLICE_OCTETS: usize = 32 << 10;
