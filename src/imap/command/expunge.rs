//! EXPUNGE and UID EXPUNGE (RFC 3501 section 6.4.3, RFC 4315).

use std::sync::Arc;

use super::{CommandContext, RunCommand};
use crate::call::{EntryWrite, Now, Reply, UidSet, Written};
use crate::engine::Output;
use crate::imap::server::{Pending, Server, Stage};
use crate::imap::view::Happening;
use crate::imap::wire::lexer::Lexer;
use crate::imap::wire::sequence::SequenceSet;
use crate::imap::wire::syntax::Parsed;

/// EXPUNGE, or UID EXPUNGE with a set of UIDs.
#[derive(Debug)]
pub struct ExpungeCommand(pub Option<SequenceSet>);

pub(crate) fn parse(lexer: &mut Lexer<'_>, uid: bool) -> Parsed<Box<dyn RunCommand>> {
    let mut set = None;
    if uid {
        lexer.space()?;
        set = Some(SequenceSet::parse(lexer)?);
    }
    Ok(Box::new(ExpungeCommand(set)))
}

impl RunCommand for ExpungeCommand {
    fn run(self: Box<Self>, server: &mut Server, _: CommandContext, out: &mut Output) {
        let uids = match self.0 {
            None => None,
            Some(set) => match server.resolve(true, &set, out) {
                Some(uids) if uids.is_empty() => return server.ok("Expunged", out),
                Some(uids) => Some(Arc::new(uids)),
                None => return,
            },
        };
        let Stage::Selected(_, open) = &server.stage else {
            return;
        };
        let call = EntryWrite::Expunge {
            mailbox: open.id,
            uids,
            progress: Box::default(),
        };
        server.ask(call, Box::new(ExpungePending), out);
    }
}

/// The expunge.
#[derive(Debug)]
struct ExpungePending;

impl Pending for ExpungePending {
    fn answered(self: Box<Self>, server: &mut Server, _: Now, reply: Reply, out: &mut Output) {
        match reply {
            Reply::Written(Written::Expunged { uids, modseq }, receipt) => {
                server.gone(modseq, &uids);
                server.done(receipt, "Expunged", out);
            }
            other => server.not_answered(other, out),
        }
    }
}

impl Server {
    /// Messages that a command of this session has removed from the open mailbox.
    pub(super) fn gone(&mut self, modseq: u64, uids: &UidSet) {
        if let Some(open) = self.open() {
            open.highest_modseq = open.highest_modseq.max(modseq);
            open.view.happened(modseq, Happening::Gone, uids);
        }
    }
}
