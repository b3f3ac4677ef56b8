//! The open mailbox of a session, and the lines about its flags.
//!
//! Not how a mailbox is opened (`command::select`).

use super::View;
use crate::call::{EntryState, MailboxId};
use crate::engine::Output;
use crate::imap::wire::respond::ResponseLine;

/// The open mailbox.
#[derive(Debug)]
pub(crate) struct OpenMailbox {
    pub(crate) id: MailboxId,
    /// By EXAMINE, or because the key lacks messages:write.
    pub(crate) read_only: bool,
    /// The client's knowledge of it.
    pub(crate) view: View,
    /// The highest MODSEQ that this session has seen of it.
    pub(crate) highest_modseq: u64,
    /// Keywords that FLAGS has named.
    pub(crate) keywords: Vec<String>,
}

impl OpenMailbox {
    /// Names keywords in FLAGS before a FETCH response uses them.
    pub(crate) fn announce<'s>(
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
            self.write_flags(out);
        }
    }

    /// `* FLAGS (...)`
    pub(crate) fn write_flags(&self, out: &mut Output) {
        let mut line = ResponseLine::untagged(&mut out.bytes);
        line.put("FLAGS ").all_flags(&self.keywords, "");
        line.end();
    }
}

/// FLAGS names at most so many keywords.
pub(crate) const KEYWORDS_MAX: usize = 200;
