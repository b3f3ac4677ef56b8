//! FETCH and UID FETCH (RFC 3501 section 6.4.5): the loop over pages, `\Seen`, and the pieces
//! of a message that is too big for a page.
//!
//! A page is read; one call marks its messages as seen; its rows are written until the output
//! is full, and the rest when it has gone out. So a FETCH of any size holds one page. Not the
//! items (`item`) nor their answers (`render`).

use super::{CommandContext, RunCommand};
use crate::call::{
    Answer, EntryRead, EntryRow, EntryState, EntryWrite, FlagChange, Flags, Now, Refusal, Reply,
    UidQueue, UidSet, Written,
};
use crate::engine::{HIGH_WATER, Output};
use crate::imap::server::{Flow, Pending, Server, Stage};
use crate::imap::view::resolve::GONE;
use crate::imap::wire::lexer::Lexer;
use crate::imap::wire::sequence::SequenceSet;
use crate::imap::wire::syntax::{Parsed, SyntaxError};
use item::{FetchItem, FetchItems};
use render::{Needs, Progress, RenderBounds, Rendering, Told};

mod filter;
pub(crate) mod item;
pub(crate) mod render;
pub(crate) mod structure;
#[cfg(test)]
mod tests;

/// FETCH.
#[derive(Debug)]
pub struct FetchCommand {
    /// UID FETCH: `set` is of UIDs, and `items` has [`FetchItem::Uid`].
    pub uid: bool,
    /// The messages.
    pub set: SequenceSet,
    /// The items, macros written out.
    pub items: FetchItems,
    /// `(CHANGEDSINCE n)` (RFC 7162 section 3.1.4.1); `items` has [`FetchItem::ModSeq`] then.
    pub changed_since: Option<u64>,
}

pub(crate) fn parse(lexer: &mut Lexer<'_>, uid: bool) -> Parsed<Box<dyn RunCommand>> {
    lexer.space()?;
    let set = SequenceSet::parse(lexer)?;
    lexer.space()?;
    let mut items = item::items(lexer)?;
    let mut changed_since = None;
    if lexer.eat(b' ') {
        lexer.expect(b'(')?;
        // VANISHED belongs to QRESYNC, which is not offered.
        if !lexer.atom()?.eq_ignore_ascii_case("CHANGEDSINCE") {
            return Err(SyntaxError::Option);
        }
        lexer.space()?;
        changed_since = Some(lexer.number64()?);
        lexer.expect(b')')?;
    }
    for (wanted, item) in [
        (uid, FetchItem::Uid),
        (changed_since.is_some(), FetchItem::ModSeq),
    ] {
        if wanted && !items.contains(&item) {
            items.insert(0, item);
        }
    }
    Ok(Box::new(FetchCommand {
        uid,
        set,
        items: FetchItems(items),
        changed_since,
    }))
}

/// A FETCH under way.
#[derive(Debug)]
struct Retrieval {
    items: FetchItems,
    needs: Needs,
    changed_since: u64,
    /// The messages are named by their sequence numbers. A UID that is not there is no error.
    by_number: bool,
    /// Some of the messages are gone, and the client has not been told yet.
    missing: bool,
    /// A message was left out, because its envelope and structure are damaged.
    damaged: bool,
    /// The messages that have not been asked for yet, and those that the last call asked for.
    left: UidQueue,
    asked_uids: UidSet,
    /// The page, how many of its rows have been written, and their sequence numbers.
    page: Vec<EntryRow>,
    at: usize,
    numbers: Vec<u32>,
    /// The messages of the page that this FETCH has marked as `\Seen`.
    marked: UidSet,
    rendering: Rendering,
    asked: FetchAsked,
}

/// The call under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum FetchAsked {
    /// The next page.
    Page,
    /// The marks of the page as `\Seen`.
    Marks,
    /// Octets of a row.
    Octets,
}

impl RunCommand for FetchCommand {
    fn run(self: Box<Self>, server: &mut Server, _: CommandContext, out: &mut Output) {
        if self.changed_since.is_some() || self.items.0.contains(&FetchItem::ModSeq) {
            server.enable_condstore(out);
        }
        let Some(uids) = server.resolve(self.uid, &self.set, out) else {
            return;
        };
        if self.changed_since.is_none() && self.items.0.iter().all(|i| *i == FetchItem::Uid) {
            return Box::new(UidsFlow(uids.into())).go_on(server, out);
        }
        let page_bytes = server.page_bytes();
        let retrieval = Retrieval {
            needs: self.items.needs(page_bytes),
            items: self.items,
            changed_since: self.changed_since.unwrap_or(0),
            by_number: !self.uid,
            missing: server.misses(self.uid, &uids),
            damaged: false,
            left: uids.into(),
            asked_uids: UidSet::new(),
            page: Vec::new(),
            at: 0,
            numbers: Vec::new(),
            marked: UidSet::new(),
            rendering: Rendering::default(),
            asked: FetchAsked::Page,
        };
        Box::new(retrieval).next_page(server, out);
    }
}

/// FETCH of UIDs alone: these are still to be written. The view has them, also those of
/// messages that are gone while the client has not been told (RFC 2180 section 4.1.1).
#[derive(Debug)]
struct UidsFlow(UidQueue);

impl Flow for UidsFlow {
    fn go_on(mut self: Box<Self>, server: &mut Server, out: &mut Output) {
        while !self.0.is_empty() {
            let Stage::Selected(_, open) = &server.stage else {
                return;
            };
            if server.is_full(out) {
                return server.after_drain(self, out);
            }
            let slice = self.0.take(UIDS_AT_ONCE);
            let numbers = open.view.numbers(&slice);
            for (number, uid) in numbers.iter().zip(slice.iter()) {
                render::uid(&mut out.bytes, number, uid);
            }
        }
        server.ok("Fetch done", out);
    }
}

impl Server {
    fn page_bytes(&self) -> u32 {
        u32::try_from(self.opening.shared.limits.page_bytes).unwrap_or(u32::MAX)
    }
}

impl Pending for Retrieval {
    /// A page, its marks, or octets of a row.
    fn answered(mut self: Box<Self>, server: &mut Server, _: Now, reply: Reply, out: &mut Output) {
        match (self.asked, reply) {
            (FetchAsked::Page, Reply::Answer(Answer::Entries { rows, more })) => {
                self.turn_page(rows, more, server, out);
            }
            (FetchAsked::Marks, Reply::Written(Written::Flagged { rows, rest, .. }, _)) => {
                self.mark(&rows);
                if rest.is_empty() || rest == self.asked_uids {
                    return self.begin_page(server, out);
                }
                self.ask_marks(rest, server, out);
            }
            // Messages that cannot be marked (the quota, a full disk) can still be read.
            (FetchAsked::Marks, Reply::Refused(_)) => self.begin_page(server, out),
            (FetchAsked::Octets, Reply::Answer(Answer::Octets(octets))) => {
                match self.rendering.feed(&octets, &mut out.bytes) {
                    Ok(()) => self.go_on(server, out),
                    // The message was expunged minutes ago and is still being written. The
                    // literal that was announced cannot be completed.
                    Err(_) => server.hang_up(out),
                }
            }
            (_, other) => server.not_answered(other, out),
        }
    }
}

impl Flow for Retrieval {
    /// Writes rows until the output is full, the page is done, or octets are needed.
    fn go_on(mut self: Box<Self>, server: &mut Server, out: &mut Output) {
        let page_bytes = server.page_bytes();
        let unsent = server.unflushed.saturating_sub(out.bytes.len());
        let mut bounds = RenderBounds {
            page_bytes,
            output_bytes: HIGH_WATER.saturating_sub(unsent),
            work: ROUND_WORK,
        };
        let condstore = server.condstore;
        let Stage::Selected(_, open) = &server.stage else {
            return;
        };
        let recent = open.view.recent();
        loop {
            if server.is_full(out) || bounds.work == 0 {
                return server.after_drain(self, out);
            }
            let (Some(row), Some(number)) = (self.page.get(self.at), self.numbers.get(self.at))
            else {
                break;
            };
            let told = Told {
                recent: recent.contains(row.state.uid),
                uid: false,
                flags: self.marked.contains(row.state.uid),
                modseq: condstore && self.marked.contains(row.state.uid),
            };
            let asked = (*number, row, told);
            match self
                .rendering
                .go(&self.items, asked, &mut bounds, &mut out.bytes)
            {
                Progress::Done => {
                    server.mid_line = false;
                    self.at += 1;
                }
                Progress::Full => {
                    server.mid_line = true;
                    return server.after_drain(self, out);
                }
                Progress::Read { offset, len } => {
                    server.mid_line = true;
                    let Some(of) = row.rest.clone() else {
                        log::error!("conn={} octets from nowhere", server.opening.conn.0);
                        return server.hang_up(out);
                    };
                    let call = EntryRead::Octets { of, offset, len };
                    self.asked = FetchAsked::Octets;
                    return server.ask(call, self, out);
                }
            }
        }
        self.page = Vec::new();
        self.next_page(server, out);
    }
}

impl Retrieval {
    fn next_page(mut self: Box<Self>, server: &mut Server, out: &mut Output) {
        let Stage::Selected(_, open) = &server.stage else {
            return;
        };
        if self.left.is_empty() {
            return if self.damaged {
                server.refused(&Refusal::Damaged, out)
            } else if self.missing {
                server.no(GONE, out)
            } else {
                server.ok("Fetch done", out)
            };
        }
        self.asked = FetchAsked::Page;
        self.asked_uids = self.left.take(UIDS_AT_ONCE);
        let call = EntryRead::Fetch {
            mailbox: open.id,
            uids: self.asked_uids.clone(),
            digest: self.needs.digest,
            octets: self.needs.octets,
            changed_since: self.changed_since,
        };
        server.ask(call, self, out);
    }

    fn turn_page(
        mut self: Box<Self>,
        rows: Vec<EntryRow>,
        more: UidSet,
        server: &mut Server,
        out: &mut Output,
    ) {
        let may_mark = server.may_write() && self.items.marks_seen();
        let Stage::Selected(_, open) = &server.stage else {
            return;
        };
        // An event that tells of an EXPUNGE may come later than the page, which lacks the message.
        // With CHANGEDSINCE a page lacks others too.
        if self.by_number && !self.missing && self.changed_since == 0 {
            let found: UidSet = rows.iter().map(|row| row.state.uid).collect();
            let lost = self.asked_uids.difference(&more).difference(&found);
            self.missing = !lost.is_empty();
        }
        // A page that leaves all that was asked for is not asked for again.
        if more != self.asked_uids {
            self.left.put_back(&more);
        }
        self.page = rows;
        if self.needs.digest {
            let before = self.page.len();
            self.page.retain(|row| row.digest.is_some());
            self.damaged |= self.page.len() < before;
        }
        let known = open.view.known();
        self.page.retain(|row| known.contains(row.state.uid));
        let uids: UidSet = self.page.iter().map(|row| row.state.uid).collect();
        self.numbers = open.view.numbers(&uids).iter().collect();
        self.at = 0;
        self.marked = UidSet::new();
        let unseen: UidSet = self
            .page
            .iter()
            .filter(|row| !row.state.flags.has(Flags::SEEN))
            .map(|row| row.state.uid)
            .collect();
        if !may_mark || open.read_only || unseen.is_empty() {
            return self.begin_page(server, out);
        }
        self.ask_marks(unseen, server, out);
    }

    /// Marks messages of the page as `\Seen`.
    fn ask_marks(mut self: Box<Self>, unseen: UidSet, server: &mut Server, out: &mut Output) {
        let Stage::Selected(_, open) = &server.stage else {
            return;
        };
        self.asked = FetchAsked::Marks;
        self.asked_uids = unseen.clone();
        let call = EntryWrite::SetFlags {
            mailbox: open.id,
            uids: unseen,
            how: FlagChange::Add,
            flags: Flags::SEEN,
            keywords: Vec::new(),
            unchanged_since: None,
        };
        server.ask(call, self, out);
    }

    fn begin_page(self: Box<Self>, server: &mut Server, out: &mut Output) {
        let tells_flags = self.items.0.contains(&FetchItem::Flags) || !self.marked.is_empty();
        if let Some(open) = server.open().filter(|_| tells_flags) {
            open.announce(self.page.iter().map(|row| &row.state), out);
        }
        self.go_on(server, out);
    }

    /// Takes the new state of rows that this FETCH has marked.
    fn mark(&mut self, states: &[EntryState]) {
        for state in states {
            let at = self
                .page
                .binary_search_by_key(&state.uid, |row| row.state.uid);
            if let Some(row) = at.ok().and_then(|at| self.page.get_mut(at)) {
                row.state = state.clone();
                self.marked.insert(state.uid);
            }
        }
    }
}

/// The work on a page before other connections have their turn; a unit is about a nanosecond.
const ROUND_WORK: usize = 250_000;

/// So many UIDs are written before the output is looked at, and so many messages are asked for at
/// once.
const UIDS_AT_ONCE: usize = 1000;
