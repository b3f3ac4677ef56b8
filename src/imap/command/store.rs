//! STORE, EXPUNGE, COPY and MOVE with their UID forms; and how a sequence set becomes UIDs.
//!
//! What this session changes it hears of here, in the answer to its own command: the events
//! that the change makes are known by their origin.

use crate::call::{EntryState, EntryWrite, Receipt, Reply, UidSet, Written};
use crate::engine::Output;
use crate::imap::respond;
use crate::imap::server::Server;
use crate::imap::state::{Flow, Job, Stage};
use crate::imap::types::{MailboxName, SequenceSet, Store};
use crate::imap::view::Happening;

/// A STORE under way.
#[derive(Debug)]
pub(in crate::imap) struct Storing {
    /// UID STORE: its answers name UIDs.
    uid: bool,
    silent: bool,
    /// Some of the messages are gone, as the client is yet to hear.
    missing: bool,
    rows: Vec<EntryState>,
    /// How many of `rows` have been written.
    written: usize,
    modified: UidSet,
    receipt: Option<Receipt>,
}

impl Server {
    /// The UIDs of a set, as this client counts. `None` when a BAD has been written: a
    /// sequence number beyond the last message (RFC 3501 section 9, `seq-number`).
    pub(in crate::imap) fn resolve(
        &mut self,
        uid: bool,
        set: &SequenceSet,
        out: &mut Output,
    ) -> Option<UidSet> {
        let Stage::Selected(_, open) = &self.stage else {
            return None;
        };
        let view = &open.view;
        if uid {
            return Some(set.resolve(view.largest()).intersection(view.known()));
        }
        let exists = view.exists();
        // `1:*` of an empty mailbox is nothing rather than a mistake: clients ask it.
        if exists > 0 && set.largest_named() > exists {
            self.bad("Sequence number beyond the last message", out);
            return None;
        }
        Some(view.uids(&set.resolve(exists)))
    }

    /// Whether a command by sequence number names messages that are gone.
    pub(in crate::imap) fn misses(&self, uid: bool, uids: &UidSet) -> bool {
        !uid && matches!(&self.stage, Stage::Selected(_, open) if open.view.misses(uids))
    }

    pub(in crate::imap) fn store(&mut self, store: Store, out: &mut Output) {
        if store.unchanged_since.is_some() {
            self.enable_condstore(out);
        }
        let Some(uids) = self.resolve(store.uid, &store.set, out) else {
            return;
        };
        if uids.is_empty() {
            return self.ok("Store done", out);
        }
        let job = Storing {
            uid: store.uid,
            silent: store.silent,
            missing: self.misses(store.uid, &uids),
            rows: Vec::new(),
            written: 0,
            modified: UidSet::new(),
            receipt: None,
        };
        let Stage::Selected(_, open) = &self.stage else {
            return;
        };
        let call = EntryWrite::SetFlags {
            mailbox: open.id,
            uids,
            how: store.how,
            flags: store.flags.flags,
            keywords: store.flags.keywords,
            unchanged_since: store.unchanged_since,
        };
        self.ask(call, Job::Store(Box::new(job)), out);
    }

    pub(in crate::imap) fn stored(
        &mut self,
        mut job: Box<Storing>,
        reply: Reply,
        out: &mut Output,
    ) {
        match reply {
            Reply::Written(Written::Flagged { rows, modified }, receipt) => {
                job.rows = rows;
                job.modified = modified;
                job.receipt = Some(receipt);
                self.write_stored(job, out);
            }
            other => self.otherwise(other, out),
        }
    }

    pub(in crate::imap) fn write_stored(&mut self, mut job: Box<Storing>, out: &mut Output) {
        let rows = core::mem::take(&mut job.rows);
        // `.SILENT` is silent about flags, not about MODSEQ (RFC 7162 section 3.1.3).
        if !job.silent || self.condstore {
            while let Some(slice) = rows.get(job.written..).filter(|rest| !rest.is_empty()) {
                if self.is_full(out) {
                    job.rows = rows;
                    return self.after_drain(Flow::Store(job), out);
                }
                let slice = slice.get(..ROWS_AT_ONCE).unwrap_or(slice);
                self.write_states(slice, job.uid, !job.silent, out);
                job.written += slice.len();
            }
        }
        let Some(receipt) = job.receipt else {
            return;
        };
        if job.modified.is_empty() {
            return if job.missing {
                self.no(GONE, out)
            } else {
                self.done(receipt, "Store done", out)
            };
        }
        let modified = match (&self.stage, job.uid) {
            (Stage::Selected(_, open), false) => open.view.numbers(&job.modified),
            _ => job.modified,
        };
        if job.missing {
            // Which were not stored has to be said here, too (RFC 7162 section 3.1.3).
            return self.no(format!("[MODIFIED {modified}] Others are gone"), out);
        }
        self.done(
            receipt,
            format!("[MODIFIED {modified}] Changed meanwhile, not stored"),
            out,
        );
    }

    pub(in crate::imap) fn expunge(&mut self, set: Option<SequenceSet>, out: &mut Output) {
        let uids = match set {
            None => None,
            Some(set) => match self.resolve(true, &set, out) {
                Some(uids) if uids.is_empty() => return self.ok("Expunged", out),
                Some(uids) => Some(uids),
                None => return,
            },
        };
        let Stage::Selected(_, open) = &self.stage else {
            return;
        };
        let call = EntryWrite::Expunge {
            mailbox: open.id,
            uids,
        };
        self.ask(call, Job::Expunge, out);
    }

    pub(in crate::imap) fn expunged(&mut self, reply: Reply, out: &mut Output) {
        match reply {
            Reply::Written(Written::Expunged { uids, modseq }, receipt) => {
                self.gone(modseq, &uids);
                self.done(receipt, "Expunged", out);
            }
            other => self.otherwise(other, out),
        }
    }

    pub(in crate::imap) fn copy(
        &mut self,
        uid: bool,
        set: &SequenceSet,
        to: MailboxName,
        remove: bool,
        out: &mut Output,
    ) {
        let Some(uids) = self.resolve(uid, set, out) else {
            return;
        };
        if self.misses(uid, &uids) {
            // All or nothing (RFC 3501 section 6.4.7).
            return self.no(GONE, out);
        }
        if uids.is_empty() {
            return self.ok("No such message", out);
        }
        let Stage::Selected(_, open) = &self.stage else {
            return;
        };
        let call = EntryWrite::Copy {
            mailbox: open.id,
            uids,
            to: to.into_string(),
            remove,
        };
        self.ask(call, Job::Copy { remove }, out);
    }

    pub(in crate::imap) fn copied(&mut self, remove: bool, reply: Reply, out: &mut Output) {
        let (uidvalidity, from, to, expunged, modseq, receipt) = match reply {
            Reply::Written(
                Written::Copied {
                    uidvalidity,
                    from,
                    to,
                    expunged,
                    modseq,
                },
                receipt,
            ) => (uidvalidity, from, to, expunged, modseq, receipt),
            Reply::Refused(why) => return self.refused_target(&why, out),
            other => return self.otherwise(other, out),
        };
        let code = format!("[COPYUID {uidvalidity} {from} {to}]");
        match (remove, from.is_empty()) {
            (_, true) => self.done(receipt, "No such message", out),
            (false, false) => self.done(receipt, format!("{code} Copied"), out),
            (true, false) => {
                // Where they went comes before that they are gone (RFC 6851 section 4.3).
                respond::untagged(&mut out.bytes, &format!("OK {code} Moved"));
                self.gone(modseq, &expunged);
                self.done(receipt, "Moved", out);
            }
        }
    }

    fn gone(&mut self, modseq: u64, uids: &UidSet) {
        if let Some(open) = self.open() {
            open.highest_modseq = open.highest_modseq.max(modseq);
            open.view.happened(modseq, Happening::Gone, uids);
        }
    }
}

/// RFC 5530: another session has expunged what this command names.
pub(in crate::imap) const GONE: &str = "[EXPUNGEISSUED] Some of the messages are gone";
/// So many rows are written before the output is looked at.
const ROWS_AT_ONCE: usize = 1000;
