//! The open mailbox of a session, and the lines about its flags.
//!
//! Not how a mailbox is opened (`command::select`).

use std::collections::BTreeSet;

use super::View;
use crate::call::{EntryState, MailboxId, is_server_label};
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
    pub(crate) keywords: NamedKeywords,
}

/// The keywords that FLAGS has named. A mailbox of an older release can have more; they are told
/// with each message.
#[derive(Debug)]
pub(crate) struct NamedKeywords {
    names: Vec<String>,
    /// The same in lower case: a page has many keywords to look up.
    lower: BTreeSet<String>,
    max: usize,
}

impl NamedKeywords {
    /// The first `max` of these.
    pub(crate) fn new(names: Vec<String>, max: usize) -> Self {
        let mut named = NamedKeywords {
            names: Vec::new(),
            lower: BTreeSet::new(),
            max,
        };
        for name in &names {
            named.add(name);
        }
        named
    }

    /// In the order of first use.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether no more are named.
    fn is_full(&self) -> bool {
        self.names.len() >= self.max
    }

    /// Adds one; whether it is new.
    fn add(&mut self, name: &str) -> bool {
        let is_new = !self.is_full() && self.lower.insert(name.to_ascii_lowercase());
        if is_new {
            self.names.push(name.to_owned());
        }
        is_new
    }
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
            if self.keywords.is_full() {
                continue;
            }
            for keyword in &state.keywords {
                more |= self.keywords.add(keyword);
            }
        }
        if more {
            self.write_flags(out);
            if self.keywords.is_full() && !self.read_only {
                self.write_permanent_flags(out);
            }
        }
    }

    /// `* FLAGS (...)`
    pub(crate) fn write_flags(&self, out: &mut Output) {
        let mut line = ResponseLine::untagged(&mut out.bytes);
        line.put("FLAGS ").all_flags(self.keywords.names(), "");
        line.end();
    }

    /// `* OK [PERMANENTFLAGS (...)]`, with `\*` while the mailbox takes more keywords (RFC 3501
    /// section 7.1). A change of the labels of the server is passed over.
    pub(crate) fn write_permanent_flags(&self, out: &mut Output) {
        let mut line = ResponseLine::untagged(&mut out.bytes);
        line.put("OK [PERMANENTFLAGS ");
        let names = self.keywords.names().iter();
        let names: Vec<String> = names
            .filter(|name| !is_server_label(name))
            .cloned()
            .collect();
        if self.read_only {
            line.put("()] None can be set");
        } else if self.keywords.is_full() {
            line.all_flags(&names, "")
                .put("] These can be set; the mailbox takes no more keywords");
        } else {
            line.all_flags(&names, "\\*").put("] Any can be set");
        }
        line.end();
    }
}
