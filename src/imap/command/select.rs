//! SELECT, EXAMINE, CLOSE, UNSELECT: what it means that a mailbox is open.

use std::io::Write as _;

use crate::call::{
    Answer, EntryState, EntryWrite, Flags, MailboxId, MailboxRead, MailboxWrite, Refusal, Reply,
    Selected, UidSet, Written,
};
use crate::engine::Output;
use crate::imap::respond;
use crate::imap::server::Server;
use crate::imap::state::{Job, Stage};
use crate::imap::types::MailboxName;
use crate::imap::view::{Held, View};

/// The open mailbox.
#[derive(Debug)]
pub(in crate::imap) struct Open {
    pub(in crate::imap) id: MailboxId,
    /// By EXAMINE, or for want of messages:write.
    pub(in crate::imap) read_only: bool,
    /// What the client knows of it.
    pub(in crate::imap) view: View,
    /// The highest MODSEQ that this session has seen of it.
    pub(in crate::imap) highest_modseq: u64,
    /// Keywords that FLAGS has named, lower case.
    keywords: Vec<String>,
}

impl Open {
    /// Names keywords in FLAGS before they are used in a FETCH answer.
    pub(in crate::imap) fn announce<'s>(
        &mut self,
        states: impl Iterator<Item = &'s EntryState>,
        out: &mut Output,
    ) {
        let mut more = false;
        for state in states {
            self.highest_modseq = self.highest_modseq.max(state.modseq);
            for keyword in &state.keywords {
                let known = self
                    .keywords
                    .iter()
                    .any(|known| known.eq_ignore_ascii_case(keyword));
                if !known && self.keywords.len() < KEYWORDS_MAX {
                    self.keywords.push(keyword.clone());
                    more = true;
                }
            }
        }
        if more {
            out.bytes.extend_from_slice(b"* FLAGS ");
            all_flags(&self.keywords, "", &mut out.bytes);
            out.bytes.extend_from_slice(b"\r\n");
        }
    }
}

impl Server {
    pub(in crate::imap) fn select(
        &mut self,
        mailbox: MailboxName,
        read_only: bool,
        condstore: bool,
        out: &mut Output,
    ) {
        // Whatever becomes of it, the mailbox that was open is not any more (RFC 3501
        // section 6.3.1). What comes before this line is about it, what comes after is not
        // (RFC 7162 section 3.2.11).
        if self.open().is_some() {
            respond::untagged(&mut out.bytes, "OK [CLOSED] The mailbox before is closed");
        }
        self.unselected();
        let call = MailboxRead::Select {
            mailbox: mailbox.into_string(),
        };
        let read_write = !read_only && self.may_write();
        // Events come from now on; which of them the answer knows, its `as_of` says.
        self.held = Some(Box::new(Held::default()));
        let job = Job::Select {
            read_write,
            condstore,
        };
        self.ask(call, job, out);
    }

    pub(in crate::imap) fn selected(
        &mut self,
        reply: Reply,
        read_write: bool,
        condstore: bool,
        out: &mut Output,
    ) {
        let selected = match reply {
            Reply::Answer(Answer::Selected(mut selected)) => {
                let taken = self.opening.shared.recent_marks.taken(selected.mailbox.id);
                selected.recent_above = selected.recent_above.max(taken);
                selected
            }
            other => {
                self.held = None;
                return self.otherwise(other, out);
            }
        };
        let is_new = selected.mailbox.uidnext > selected.recent_above.saturating_add(1);
        if !(read_write && is_new) {
            return self.open_selected(*selected, !read_write, condstore, out);
        }
        let call = MailboxWrite::ClaimRecent {
            mailbox: selected.mailbox.id,
        };
        let job = Job::Claim {
            selected,
            condstore,
        };
        self.ask(call, job, out);
    }

    /// Of two sessions that open a mailbox at once, one gets what is new.
    pub(in crate::imap) fn claimed(
        &mut self,
        reply: Reply,
        mut selected: Selected,
        condstore: bool,
        out: &mut Output,
    ) {
        match reply {
            Reply::Written(Written::Recent { above }, _) => {
                selected.recent_above = selected.recent_above.max(above);
            }
            Reply::Refused(Refusal::NotFound(_)) => {
                self.held = None;
                return self.otherwise(reply, out);
            }
            // A disk that takes no watermark is no reason not to read.
            _ => {}
        }
        self.open_selected(selected, false, condstore, out);
    }

    fn open_selected(
        &mut self,
        mut selected: Selected,
        read_only: bool,
        condstore: bool,
        out: &mut Output,
    ) {
        let held = self.held.take().unwrap_or_default();
        let Some(access) = self.access().cloned() else {
            return;
        };
        if held.has_deleted(selected.mailbox.id) {
            // It was read, then deleted, and the client has been told nothing of it.
            return self.refused(&Refusal::NotFound("mailbox"), out);
        }
        self.condstore |= condstore;
        if !read_only {
            let (id, last) = (
                selected.mailbox.id,
                selected.mailbox.uidnext.saturating_sub(1),
            );
            let taken = self.opening.shared.recent_marks.take(id, last);
            selected.recent_above = selected.recent_above.max(taken);
        }
        let open = open(selected, read_only, *held, out);
        self.enter(Stage::Selected(access, Box::new(open)));
        // Nothing is told here: the client has just been told everything.
        self.write_tagged(
            "OK ",
            if read_only {
                "[READ-ONLY] Selected"
            } else {
                "[READ-WRITE] Selected"
            },
            out,
        );
    }

    pub(in crate::imap) fn close(&mut self, out: &mut Output) {
        let may_write = self.may_write();
        let Stage::Selected(_, open) = &self.stage else {
            return;
        };
        if open.read_only || !may_write {
            self.unselected();
            return self.ok("Closed", out);
        }
        let call = EntryWrite::Expunge {
            mailbox: open.id,
            uids: None,
        };
        self.ask(call, Job::Close, out);
    }

    pub(in crate::imap) fn closed(&mut self, reply: Reply, out: &mut Output) {
        match reply {
            Reply::Written(Written::Expunged { .. }, receipt) => {
                // CLOSE tells of no EXPUNGE (RFC 3501 section 6.4.2).
                self.unselected();
                self.done(receipt, "Closed", out);
            }
            Reply::Refused(why) => {
                self.unselected();
                self.refused(&why, out);
            }
            other => self.otherwise(other, out),
        }
    }

    pub(in crate::imap) fn unselect(&mut self, out: &mut Output) {
        self.unselected();
        self.ok("Unselected", out);
    }

    /// Forgets the open mailbox and everything about it.
    pub(in crate::imap) fn unselected(&mut self) {
        if let Stage::Selected(access, _) = &self.stage {
            let access = access.clone();
            self.enter(Stage::Authenticated(access));
        }
    }
}

/// Says everything that SELECT says, and makes the view of it.
fn open(selected: Selected, read_only: bool, held: Held, out: &mut Output) -> Open {
    let Selected {
        mailbox,
        uids,
        recent_above,
        first_unseen,
        mut keywords,
        highest_modseq,
        as_of,
    } = selected;
    keywords.truncate(KEYWORDS_MAX);
    let mut view = View::new(uids, mailbox.uidnext, recent_above, as_of);
    out.bytes.extend_from_slice(b"* FLAGS ");
    all_flags(&keywords, "", &mut out.bytes);
    out.bytes.extend_from_slice(b"\r\n* OK [PERMANENTFLAGS ");
    if read_only {
        out.bytes.extend_from_slice(b"()] None can be set\r\n");
    } else {
        all_flags(&keywords, "\\*", &mut out.bytes);
        out.bytes.extend_from_slice(b"] Any can be set\r\n");
    }
    let (exists, recent) = (view.exists(), view.recent().len());
    let _ = write!(out.bytes, "* {exists} EXISTS\r\n* {recent} RECENT\r\n");
    if let Some(number) = first_unseen.and_then(|uid| view.numbers(&UidSet::one(uid)).first()) {
        respond::untagged(
            &mut out.bytes,
            &format!("OK [UNSEEN {number}] First unseen"),
        );
    }
    for (name, value, text) in [
        (
            "UIDVALIDITY",
            u64::from(mailbox.uidvalidity),
            "UIDs are valid",
        ),
        ("UIDNEXT", u64::from(mailbox.uidnext), "Next UID"),
        ("HIGHESTMODSEQ", highest_modseq, "Highest"),
    ] {
        respond::untagged(&mut out.bytes, &format!("OK [{name} {value}] {text}"));
    }
    held.release(mailbox.id, &mut view);
    Open {
        id: mailbox.id,
        read_only,
        view,
        highest_modseq,
        keywords,
    }
}

/// Every system flag, the keywords in use, and what else.
fn all_flags(keywords: &[String], more: &str, out: &mut Vec<u8>) {
    let every = Flags::NAMES
        .iter()
        .fold(Flags::NONE, |all, (_, flag)| all.with(*flag));
    respond::flags(out, every, false, keywords);
    if !more.is_empty() {
        out.pop();
        out.extend_from_slice(b" ");
        out.extend_from_slice(more.as_bytes());
        out.push(b')');
    }
}

/// More keywords than this are not named in FLAGS.
const KEYWORDS_MAX: usize = 200;
