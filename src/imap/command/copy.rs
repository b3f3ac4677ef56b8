//! COPY and MOVE with their UID forms (RFC 3501 section 6.4.7, RFC 6851).

use std::sync::Arc;

use super::{CommandContext, RunCommand};
use crate::call::{EntryWrite, Noun, Now, Refusal, Reply, Written};
use crate::engine::Output;
use crate::imap::server::{Pending, Server, Stage};
use crate::imap::view::resolve::GONE;
use crate::imap::wire::lexer::Lexer;
use crate::imap::wire::name::MailboxName;
use crate::imap::wire::respond;
use crate::imap::wire::sequence::SequenceSet;
use crate::imap::wire::syntax::Parsed;

/// COPY, MOVE and their UID forms.
#[derive(Debug)]
pub struct CopyCommand {
    /// `set` is of UIDs.
    pub uid: bool,
    /// The messages.
    pub set: SequenceSet,
    /// The mailbox that they go to.
    pub to: MailboxName,
    /// MOVE.
    pub remove: bool,
}

pub(crate) fn parse_copy(lexer: &mut Lexer<'_>, uid: bool) -> Parsed<Box<dyn RunCommand>> {
    parse(lexer, uid, false)
}

pub(crate) fn parse_move(lexer: &mut Lexer<'_>, uid: bool) -> Parsed<Box<dyn RunCommand>> {
    parse(lexer, uid, true)
}

fn parse(lexer: &mut Lexer<'_>, uid: bool, remove: bool) -> Parsed<Box<dyn RunCommand>> {
    lexer.space()?;
    let set = SequenceSet::parse(lexer)?;
    let to = MailboxName::parse(lexer)?;
    Ok(Box::new(CopyCommand {
        uid,
        set,
        to,
        remove,
    }))
}

impl RunCommand for CopyCommand {
    fn run(self: Box<Self>, server: &mut Server, _: CommandContext, out: &mut Output) {
        let CopyCommand {
            uid,
            set,
            to,
            remove,
        } = *self;
        let Some(uids) = server.resolve(uid, &set, out) else {
            return;
        };
        if uids.is_empty() {
            return server.ok(nothing(remove), out);
        }
        let Stage::Selected(_, open) = &server.stage else {
            return;
        };
        let call = EntryWrite::Copy {
            mailbox: open.id,
            uids: Arc::new(uids),
            to: to.into_string(),
            remove,
            // All or nothing (RFC 3501 section 6.4.7). A UID that is not there is no error.
            all: !uid,
            progress: Box::default(),
        };
        server.ask(call, Box::new(CopyPending { remove }), out);
    }
}

/// The copies, and with MOVE the removal.
#[derive(Debug)]
struct CopyPending {
    remove: bool,
}

impl Pending for CopyPending {
    fn answered(self: Box<Self>, server: &mut Server, _: Now, reply: Reply, out: &mut Output) {
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
            Reply::Refused(Refusal::NotFound(Noun::Message)) => return server.no(GONE, out),
            Reply::Refused(why) => return server.refused_target(&why, out),
            other => return server.not_answered(other, out),
        };
        let code = format!("[COPYUID {uidvalidity} {from} {to}]");
        match (self.remove, from.is_empty()) {
            (remove, true) => server.done(receipt, nothing(remove), out),
            (false, false) => server.done(receipt, format!("{code} Copied"), out),
            (true, false) => {
                // The new UIDs come before the EXPUNGE lines (RFC 6851 section 4.3).
                respond::untagged(&mut out.bytes, &format!("OK {code} Moved"));
                server.gone(modseq, &expunged);
                server.done(receipt, "Moved", out);
            }
        }
    }
}

/// The set names no message. That is no error (RFC 3501 section 6.4.8), and it is no copy either.
fn nothing(remove: bool) -> &'static str {
    match remove {
        true => "No messages moved, none matches",
        false => "No messages copied, none matches",
    }
}
