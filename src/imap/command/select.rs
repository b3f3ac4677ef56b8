//! SELECT and EXAMINE (RFC 3501 sections 6.3.1 and 6.3.2): how a mailbox is opened.

use super::{CommandContext, RunCommand};
use crate::call::{
    Answer, MailboxRead, MailboxWrite, Noun, Now, Refusal, Reply, Selected, UidSet, Written,
};
use crate::engine::Output;
use crate::imap::server::{Pending, Server, Stage};
use crate::imap::view::View;
use crate::imap::view::held::HeldEvents;
use crate::imap::view::open::{NamedKeywords, OpenMailbox};
use crate::imap::wire::Condition;
use crate::imap::wire::lexer::Lexer;
use crate::imap::wire::name::MailboxName;
use crate::imap::wire::respond;
use crate::imap::wire::syntax::{Parsed, SyntaxError};

/// SELECT, or EXAMINE if `read_only`.
#[derive(Debug)]
pub struct SelectCommand {
    /// The name.
    pub mailbox: MailboxName,
    /// EXAMINE.
    pub read_only: bool,
    /// `(CONDSTORE)` was given (RFC 7162 section 3.1.8).
    pub condstore: bool,
}

pub(crate) fn parse_select(lexer: &mut Lexer<'_>, _: bool) -> Parsed<Box<dyn RunCommand>> {
    parse(lexer, false)
}

pub(crate) fn parse_examine(lexer: &mut Lexer<'_>, _: bool) -> Parsed<Box<dyn RunCommand>> {
    parse(lexer, true)
}

fn parse(lexer: &mut Lexer<'_>, read_only: bool) -> Parsed<Box<dyn RunCommand>> {
    let mailbox = MailboxName::parse(lexer)?;
    let mut condstore = false;
    if lexer.eat(b' ') {
        lexer.expect(b'(')?;
        // QRESYNC has to be refused with BAD while it is not enabled (RFC 7162 section 3.2.5).
        if !lexer.atom()?.eq_ignore_ascii_case("CONDSTORE") {
            return Err(SyntaxError::Option);
        }
        condstore = true;
        lexer.expect(b')')?;
    }
    Ok(Box::new(SelectCommand {
        mailbox,
        read_only,
        condstore,
    }))
}

impl RunCommand for SelectCommand {
    fn run(self: Box<Self>, server: &mut Server, _: CommandContext, out: &mut Output) {
        // Even if this command fails, the mailbox that was open is closed (RFC 3501 section
        // 6.3.1). Lines before this one are about it, lines after this one are not (RFC 7162
        // section 3.2.11).
        if server.open().is_some() {
            respond::untagged(&mut out.bytes, "OK [CLOSED] The mailbox before is closed");
        }
        server.unselected();
        let call = MailboxRead::Select {
            mailbox: self.mailbox.into_string(),
            progress: Box::default(),
        };
        let pending = SelectPending {
            read_write: !self.read_only && server.may_write(),
            condstore: self.condstore,
        };
        // Events come from now on; `as_of` of the answer says which of them it includes.
        server.held = Some(Box::new(HeldEvents::default()));
        server.ask(call, Box::new(pending), out);
    }
}

/// The state of the mailbox.
#[derive(Debug)]
struct SelectPending {
    read_write: bool,
    condstore: bool,
}

impl Pending for SelectPending {
    fn answered(self: Box<Self>, server: &mut Server, _: Now, reply: Reply, out: &mut Output) {
        let selected = match reply {
            Reply::Answer(Answer::Selected(mut selected)) => {
                let taken = server
                    .opening
                    .shared
                    .recent_marks
                    .taken(selected.mailbox.id);
                selected.recent_above = selected.recent_above.max(taken);
                selected
            }
            other => {
                server.held = None;
                return server.not_answered(other, out);
            }
        };
        let is_new = selected.mailbox.uidnext > selected.recent_above.saturating_add(1);
        if !(self.read_write && is_new) {
            return server.open_selected(*selected, !self.read_write, self.condstore, out);
        }
        let call = MailboxWrite::ClaimRecent {
            mailbox: selected.mailbox.id,
        };
        let pending = ClaimPending {
            selected,
            condstore: self.condstore,
        };
        server.ask(call, Box::new(pending), out);
    }
}

/// The claim of `\Recent`: of two sessions that open a mailbox at once, one gets the new
/// messages.
#[derive(Debug)]
struct ClaimPending {
    selected: Box<Selected>,
    condstore: bool,
}

impl Pending for ClaimPending {
    fn answered(mut self: Box<Self>, server: &mut Server, _: Now, reply: Reply, out: &mut Output) {
        match reply {
            Reply::Written(Written::Recent { above }, _) => {
                self.selected.recent_above = self.selected.recent_above.max(above);
            }
            Reply::Refused(Refusal::NotFound(_)) => {
                server.held = None;
                return server.not_answered(reply, out);
            }
            // The mailbox can be read even if the disk takes no mark.
            _ => {}
        }
        server.open_selected(*self.selected, false, self.condstore, out);
    }
}

impl Server {
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
            // It was deleted after it was read, and the client knows nothing of it yet.
            return self.refused(&Refusal::NotFound(Noun::Mailbox), out);
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
        let keywords_max = self.opening.shared.limits.mailbox_keywords;
        let open = open(selected, (read_only, keywords_max), *held, out);
        self.enter(Stage::Selected(access, Box::new(open)));
        // Nothing is pending here: the client has just been told everything.
        let text = match read_only {
            true => "[READ-ONLY] Selected",
            false => "[READ-WRITE] Selected",
        };
        self.write_tagged(Condition::Ok, text, out);
    }

    /// Forgets the open mailbox and everything about it.
    pub(crate) fn unselected(&mut self) {
        if let Stage::Selected(access, _) = &self.stage {
            let access = access.clone();
            self.enter(Stage::Authenticated(access));
        }
    }
}

/// Writes the untagged lines of SELECT, and makes the view of the mailbox.
fn open(
    selected: Selected,
    (read_only, keywords_max): (bool, usize),
    held: HeldEvents,
    out: &mut Output,
) -> OpenMailbox {
    let Selected {
        mailbox,
        uids,
        recent_above,
        first_unseen,
        keywords,
        highest_modseq,
        as_of,
    } = selected;
    let mut open = OpenMailbox {
        id: mailbox.id,
        read_only,
        view: View::new(uids, mailbox.uidnext, recent_above, as_of),
        highest_modseq,
        keywords: NamedKeywords::new(keywords, keywords_max),
    };
    open.write_flags(out);
    open.write_permanent_flags(out);
    let view = &mut open.view;
    let recent = view.recent().len() as u64;
    respond::counted(&mut out.bytes, u64::from(view.exists()), "EXISTS");
    respond::counted(&mut out.bytes, recent, "RECENT");
    if let Some(number) = first_unseen.and_then(|uid| view.numbers(&UidSet::one(uid)).first()) {
        let text = format!("OK [UNSEEN {number}] First unseen");
        respond::untagged(&mut out.bytes, &text);
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
    held.release(mailbox.id, view);
    open
}
