//! FETCH and UID FETCH: the loop over pages, `\Seen`, and the pieces of what is too big for
//! a page.
//!
//! A page is read; what it makes seen is stored with one call; its rows are written until the
//! output is full, then on when it has gone. So a FETCH of any size holds one page.

pub mod item;
pub mod render;
pub mod structure;

use std::io::Write as _;

use crate::call::{
    Answer, EntryRead, EntryRow, EntryState, EntryWrite, FlagChange, Flags, Reply, UidSet, Written,
};
use crate::engine::Output;
use crate::imap::fetch::{Needs, Progress, Rendering, Told};
use crate::imap::server::Server;
use crate::imap::state::{Flow, Job, Stage};
use crate::imap::store::GONE;
use crate::imap::types::{Fetch, FetchItem, FetchItems};

/// A FETCH under way.
#[derive(Debug)]
pub(in crate::imap) struct Retrieval {
    items: FetchItems,
    needs: Needs,
    changed_since: u64,
    /// Some of the messages are gone, as the client is yet to hear.
    missing: bool,
    /// What has not been asked for yet.
    left: UidSet,
    /// The page, how many of its rows have been written, and their sequence numbers.
    page: Vec<EntryRow>,
    at: usize,
    numbers: Vec<u32>,
    /// What of the page this FETCH has made `\Seen`.
    marked: UidSet,
    rendering: Rendering,
    asked: Asked,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Asked {
    Page,
    Marks,
    Octets,
}

impl Server {
    pub(in crate::imap) fn fetch(&mut self, fetch: Fetch, out: &mut Output) {
        if fetch.changed_since.is_some() || fetch.items.0.contains(&FetchItem::ModSeq) {
            self.enable_condstore(out);
        }
        let Some(uids) = self.resolve(fetch.uid, &fetch.set, out) else {
            return;
        };
        if fetch.changed_since.is_none() && fetch.items.0.iter().all(|i| *i == FetchItem::Uid) {
            return self.write_uids(uids, out);
        }
        let page_bytes = self.page_bytes();
        let job = Retrieval {
            needs: fetch.items.needs(page_bytes),
            items: fetch.items,
            changed_since: fetch.changed_since.unwrap_or(0),
            missing: self.misses(fetch.uid, &uids),
            left: uids,
            page: Vec::new(),
            at: 0,
            numbers: Vec::new(),
            marked: UidSet::new(),
            rendering: Rendering::default(),
            asked: Asked::Page,
        };
        self.next_page(Box::new(job), out);
    }

    /// FETCH of UIDs alone: the view has them, also those of messages that are gone and that
    /// the client is yet to hear of (RFC 2180 section 4.1.1).
    pub(in crate::imap) fn write_uids(&mut self, mut left: UidSet, out: &mut Output) {
        while !left.is_empty() {
            let Stage::Selected(_, open) = &self.stage else {
                return;
            };
            if self.is_full(out) {
                return self.after_drain(Flow::Uids(left), out);
            }
            let slice: UidSet = left.iter().take(UIDS_AT_ONCE).collect();
            let numbers = open.view.numbers(&slice);
            for (number, uid) in numbers.iter().zip(slice.iter()) {
                let _ = write!(out.bytes, "* {number} FETCH (UID {uid})\r\n");
            }
            left = left.difference(&slice);
        }
        self.ok("Fetch done", out);
    }

    fn page_bytes(&self) -> u32 {
        u32::try_from(self.opening.shared.limits.page_bytes).unwrap_or(u32::MAX)
    }

    fn next_page(&mut self, mut job: Box<Retrieval>, out: &mut Output) {
        let Stage::Selected(_, open) = &self.stage else {
            return;
        };
        if job.left.is_empty() {
            return if job.missing {
                self.no(GONE, out)
            } else {
                self.ok("Fetch done", out)
            };
        }
        job.asked = Asked::Page;
        let call = EntryRead::Fetch {
            mailbox: open.id,
            uids: job.left.clone(),
            digest: job.needs.digest,
            octets: job.needs.octets,
            changed_since: job.changed_since,
        };
        self.ask(call, Job::Retrieve(job), out);
    }

    /// A page, the proof that it is seen, or octets of a row.
    pub(in crate::imap) fn retrieved(
        &mut self,
        mut job: Box<Retrieval>,
        reply: Reply,
        out: &mut Output,
    ) {
        match (job.asked, reply) {
            (Asked::Page, Reply::Answer(Answer::Entries { rows, more })) => {
                self.turn_page(job, rows, more, out);
            }
            (Asked::Marks, Reply::Written(Written::Flagged { rows, .. }, _)) => {
                job.mark(&rows);
                self.begin_page(job, out);
            }
            // What cannot be marked (the quota, a disk that is full) can still be read.
            (Asked::Marks, Reply::Refused(_)) => self.begin_page(job, out),
            (Asked::Octets, Reply::Answer(Answer::Octets(octets))) => {
                match job.rendering.feed(&octets, &mut out.bytes) {
                    Ok(()) => self.retrieve_on(job, out),
                    // The message went minutes ago and is still being written: there is
                    // nothing to keep the promise of its literal with.
                    Err(_) => self.hang_up(out),
                }
            }
            (_, other) => self.otherwise(other, out),
        }
    }

    fn turn_page(
        &mut self,
        mut job: Box<Retrieval>,
        rows: Vec<EntryRow>,
        more: UidSet,
        out: &mut Output,
    ) {
        let may_mark = self.may_write() && job.items.marks_seen();
        let Stage::Selected(_, open) = &self.stage else {
            return;
        };
        // A page without a row is the last, whatever it says.
        job.left = if rows.is_empty() { UidSet::new() } else { more };
        job.page = rows;
        let known = open.view.known();
        job.page.retain(|row| known.contains(row.state.uid));
        let uids: UidSet = job.page.iter().map(|row| row.state.uid).collect();
        job.numbers = open.view.numbers(&uids).iter().collect();
        job.at = 0;
        job.marked = UidSet::new();
        let unseen: UidSet = job
            .page
            .iter()
            .filter(|row| !row.state.flags.has(Flags::SEEN))
            .map(|row| row.state.uid)
            .collect();
        if !may_mark || open.read_only || unseen.is_empty() {
            return self.begin_page(job, out);
        }
        job.asked = Asked::Marks;
        let call = EntryWrite::SetFlags {
            mailbox: open.id,
            uids: unseen,
            how: FlagChange::Add,
            flags: Flags::SEEN,
            keywords: Vec::new(),
            unchanged_since: None,
        };
        self.ask(call, Job::Retrieve(job), out);
    }

    fn begin_page(&mut self, job: Box<Retrieval>, out: &mut Output) {
        let tells_flags = job.items.0.contains(&FetchItem::Flags) || !job.marked.is_empty();
        if let Some(open) = self.open().filter(|_| tells_flags) {
            open.announce(job.page.iter().map(|row| &row.state), out);
        }
        self.retrieve_on(job, out);
    }

    /// Writes rows until the output is full, the page is done, or octets are wanted.
    pub(in crate::imap) fn retrieve_on(&mut self, mut job: Box<Retrieval>, out: &mut Output) {
        let page_bytes = self.page_bytes();
        let condstore = self.condstore;
        let Stage::Selected(_, open) = &self.stage else {
            return;
        };
        let recent = open.view.recent();
        loop {
            if self.is_full(out) {
                return self.after_drain(Flow::Retrieve(job), out);
            }
            let (Some(row), Some(number)) = (job.page.get(job.at), job.numbers.get(job.at)) else {
                break;
            };
            let told = Told {
                recent: recent.contains(row.state.uid),
                uid: false,
                flags: job.marked.contains(row.state.uid),
                modseq: condstore && job.marked.contains(row.state.uid),
            };
            let asked = (*number, row, told);
            match job
                .rendering
                .go(&job.items, asked, page_bytes, &mut out.bytes)
            {
                Progress::Done => {
                    self.mid_line = false;
                    job.at += 1;
                }
                Progress::Read { offset, len } => {
                    self.mid_line = true;
                    let Some(of) = row.rest.clone() else {
                        log::error!("conn={} octets from nowhere", self.opening.conn.0);
                        return self.hang_up(out);
                    };
                    let call = EntryRead::Octets { of, offset, len };
                    job.asked = Asked::Octets;
                    return self.ask(call, Job::Retrieve(job), out);
                }
            }
        }
        job.page = Vec::new();
        self.next_page(job, out);
    }
}

impl Retrieval {
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

/// So many UIDs are written before the output is looked at.
const UIDS_AT_ONCE: usize = 1000;
