//! SEARCH and UID SEARCH, with ESEARCH (RFC 4731) and MODSEQ (RFC 7162 section 3.1.5).
//!
//! The search itself is a sliced call; here are the sets that only a session can resolve,
//! and the answer in the client's numbers.

pub(in crate::imap) mod program;

use std::io::Write as _;
use std::sync::Arc;

use crate::call::{Answer, EntryRead, Octets, Reply, SearchProgress, UidSet};
use crate::engine::{HIGH_WATER, Output};
use crate::imap::respond;
use crate::imap::server::Server;
use crate::imap::state::{Flow, Job, Stage};
use crate::imap::types::{Returns, Search, Unresolved};

/// A SEARCH under way.
#[derive(Debug)]
pub(in crate::imap) struct Searching {
    uid: bool,
    returns: Option<Returns>,
    /// The answer has a MODSEQ.
    with_modseq: bool,
    /// What was found, in UIDs.
    found: Option<UidSet>,
    /// The highest MODSEQ of what is answered.
    modseq: u64,
    /// What is answered, and how far: numbers below this have been written.
    answer: UidSet,
    next: u32,
}

impl Server {
    pub(in crate::imap) fn search(&mut self, search: Search, out: &mut Output) {
        if search.program.modseq {
            self.enable_condstore(out);
        }
        let Stage::Selected(_, open) = &self.stage else {
            return;
        };
        let view = &open.view;
        let job = Searching {
            uid: search.uid,
            returns: search.returns,
            with_modseq: search.program.modseq,
            found: None,
            modseq: 0,
            answer: UidSet::new(),
            next: 0,
        };
        let key = search.program.into_key(|what| match what {
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
        self.ask(call, Job::Search(Box::new(job)), out);
    }

    /// What was found; or, when only its ends are answered, their MODSEQs.
    pub(in crate::imap) fn found(
        &mut self,
        mut job: Box<Searching>,
        reply: Reply,
        out: &mut Output,
    ) {
        match reply {
            Reply::Answer(Answer::Found { uids, modseq }) => {
                job.modseq = modseq;
                if let Some(ends) = job.ends(&uids) {
                    job.found = Some(uids);
                    return self.ask_modseq(job, ends, out);
                }
                job.found = Some(uids);
            }
            Reply::Answer(Answer::Entries { rows, .. }) => {
                job.modseq = rows.iter().map(|row| row.state.modseq).max().unwrap_or(0);
            }
            other => return self.otherwise(other, out),
        }
        let found = job.found.take().unwrap_or_default();
        let Stage::Selected(_, open) = &self.stage else {
            return;
        };
        job.answer = if job.uid {
            found.intersection(open.view.known())
        } else {
            open.view.numbers(&found)
        };
        match job.returns {
            Some(returns) => {
                self.write_esearch(&job, returns, out);
                self.ok("Search done", out);
            }
            None => {
                out.bytes.extend_from_slice(b"* SEARCH");
                self.write_found(job, out);
            }
        }
    }

    fn ask_modseq(&mut self, job: Box<Searching>, ends: UidSet, out: &mut Output) {
        let Stage::Selected(_, open) = &self.stage else {
            return;
        };
        let call = EntryRead::Fetch {
            mailbox: open.id,
            uids: ends,
            digest: false,
            octets: Octets::No,
            changed_since: 0,
        };
        self.ask(call, Job::Search(job), out);
    }

    /// The numbers of a `* SEARCH` line, as many as may be written now.
    pub(in crate::imap) fn write_found(&mut self, mut job: Box<Searching>, out: &mut Output) {
        let rest = job.answer.intersection(&UidSet::from(job.next..=u32::MAX));
        let from = out.bytes.len();
        for number in rest.iter() {
            if out.bytes.len().saturating_sub(from) > HIGH_WATER {
                job.next = number;
                self.mid_line = true;
                return self.after_drain(Flow::Search(job), out);
            }
            out.bytes.push(b' ');
            respond::number(&mut out.bytes, u64::from(number));
        }
        self.mid_line = false;
        if job.with_modseq && !job.answer.is_empty() {
            let _ = write!(out.bytes, " (MODSEQ {})", job.modseq);
        }
        out.bytes.extend_from_slice(b"\r\n");
        self.ok("Search done", out);
    }

    fn write_esearch(&self, job: &Searching, returns: Returns, out: &mut Output) {
        out.bytes.extend_from_slice(b"* ESEARCH (TAG ");
        respond::string(&mut out.bytes, self.tag.as_bytes());
        out.bytes.push(b')');
        if job.uid {
            out.bytes.extend_from_slice(b" UID");
        }
        let mut write = |asked: bool, word: &str, n: Option<u64>| {
            if let (true, Some(n)) = (asked, n) {
                let _ = write!(out.bytes, " {word} {n}");
            }
        };
        write(returns.min, "MIN", job.answer.first().map(u64::from));
        write(returns.max, "MAX", job.answer.last().map(u64::from));
        write(returns.count, "COUNT", Some(job.answer.len() as u64));
        let any = !job.answer.is_empty();
        write(job.with_modseq && any, "MODSEQ", Some(job.modseq));
        if returns.all && any {
            out.bytes.extend_from_slice(b" ALL ");
            respond::set(&mut out.bytes, &job.answer);
        }
        out.bytes.extend_from_slice(b"\r\n");
    }
}

impl Searching {
    /// The messages whose MODSEQ counts when only MIN or MAX is asked for (RFC 7162 section
    /// 3.1.10); `None` when all of them count, or none does.
    fn ends(&self, found: &UidSet) -> Option<UidSet> {
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
