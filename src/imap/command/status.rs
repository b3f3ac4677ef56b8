//! STATUS (RFC 3501 section 6.3.10), and its line, which LIST writes, too (RFC 5819).

use super::{CommandContext, RunCommand};
use crate::call::{Answer, MailboxRead, MailboxRow, Now, Reply};
use crate::engine::Output;
use crate::imap::server::{Pending, Server, Stage};
use crate::imap::wire::lexer::Lexer;
use crate::imap::wire::name::MailboxName;
use crate::imap::wire::respond::ResponseLine;
use crate::imap::wire::syntax::{Parsed, SyntaxError};

/// STATUS.
#[derive(Debug)]
pub struct StatusCommand {
    /// The name.
    pub mailbox: MailboxName,
    /// In the order asked, each once, at least one.
    pub items: Vec<StatusItem>,
}

/// An item of STATUS.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StatusItem {
    /// APPENDLIMIT (RFC 7889)
    AppendLimit,
    /// DELETED (RFC 9051)
    Deleted,
    /// HIGHESTMODSEQ (RFC 7162)
    HighestModSeq,
    /// MESSAGES
    Messages,
    /// RECENT
    Recent,
    /// SIZE (RFC 8438)
    Size,
    /// UIDNEXT
    UidNext,
    /// UIDVALIDITY
    UidValidity,
    /// UNSEEN
    Unseen,
}

impl StatusItem {
    /// Every item with its name.
    const NAMES: [(&'static str, StatusItem); 9] = [
        ("MESSAGES", StatusItem::Messages),
        ("RECENT", StatusItem::Recent),
        ("UIDNEXT", StatusItem::UidNext),
        ("UIDVALIDITY", StatusItem::UidValidity),
        ("UNSEEN", StatusItem::Unseen),
        ("HIGHESTMODSEQ", StatusItem::HighestModSeq),
        ("SIZE", StatusItem::Size),
        ("DELETED", StatusItem::Deleted),
        ("APPENDLIMIT", StatusItem::AppendLimit),
    ];

    fn name(self) -> &'static str {
        Self::NAMES
            .iter()
            .find(|row| row.1 == self)
            .map_or("", |row| row.0)
    }

    /// Items in parentheses.
    pub(super) fn parse_list(lexer: &mut Lexer<'_>) -> Parsed<Vec<Self>> {
        lexer.expect(b'(')?;
        let mut items = Vec::new();
        loop {
            let name = lexer.atom()?;
            let known = Self::NAMES
                .iter()
                .find(|row| row.0.eq_ignore_ascii_case(name));
            let Some(&(_, item)) = known else {
                return Err(SyntaxError::StatusItem);
            };
            if !items.contains(&item) {
                items.push(item);
            }
            if lexer.eat(b')') {
                return Ok(items);
            }
            lexer.space()?;
        }
    }
}

pub(crate) fn parse(lexer: &mut Lexer<'_>, _: bool) -> Parsed<Box<dyn RunCommand>> {
    let mailbox = MailboxName::parse(lexer)?;
    lexer.space()?;
    let items = StatusItem::parse_list(lexer)?;
    Ok(Box::new(StatusCommand { mailbox, items }))
}

impl RunCommand for StatusCommand {
    fn run(self: Box<Self>, server: &mut Server, _: CommandContext, out: &mut Output) {
        let mailbox = self.mailbox.into_string();
        let call = MailboxRead::Status {
            mailbox,
            recent: self.items.contains(&StatusItem::Recent),
            progress: Box::default(),
        };
        server.ask(call, Box::new(StatusPending(self.items)), out);
    }
}

/// The row of the mailbox.
#[derive(Debug)]
struct StatusPending(Vec<StatusItem>);

impl Pending for StatusPending {
    fn answered(self: Box<Self>, server: &mut Server, _: Now, reply: Reply, out: &mut Output) {
        let rows = match reply {
            Reply::Answer(Answer::Mailboxes(rows)) => rows,
            other => return server.not_answered(other, out),
        };
        if self.0.contains(&StatusItem::HighestModSeq) {
            server.enable_condstore(out);
        }
        for row in &rows {
            server.write_status(row, &self.0, out);
        }
        server.ok("Status done", out);
    }
}

impl Server {
    /// `* STATUS name (...)`
    pub(super) fn write_status(&self, row: &MailboxRow, items: &[StatusItem], out: &mut Output) {
        let counts = row.counts.unwrap_or_default();
        let open = match &self.stage {
            Stage::Selected(_, open) if open.id == row.id => Some(open),
            _ => None,
        };
        // Of the open mailbox no more is told than its view allows.
        let highest = open.map_or(counts.highest_modseq, |open| {
            open.view.told_modseq(counts.highest_modseq)
        });
        // What this session has claimed is still `\Recent` to it (RFC 3501 section 2.3.2). EXAMINE
        // claims nothing, so its messages are among those that are counted.
        let recent = open.map_or(counts.recent, |open| {
            let own = u32::try_from(open.view.recent().len()).unwrap_or(u32::MAX);
            match open.read_only {
                true => own.max(counts.recent),
                false => own.saturating_add(counts.recent),
            }
        });
        let mut line = ResponseLine::untagged(&mut out.bytes);
        line.put("STATUS ").mailbox(&row.name);
        let mut gap = " (";
        for item in items {
            let value = match item {
                StatusItem::AppendLimit => self.opening.shared.limits.message_bytes as u64,
                StatusItem::Deleted => u64::from(counts.deleted),
                StatusItem::HighestModSeq => highest,
                StatusItem::Messages => u64::from(counts.messages),
                StatusItem::Recent => u64::from(recent),
                StatusItem::Size => counts.size,
                StatusItem::UidNext => u64::from(row.uidnext),
                StatusItem::UidValidity => u64::from(row.uidvalidity),
                StatusItem::Unseen => u64::from(counts.unseen),
            };
            line.put(gap).put(item.name()).put(" ").number(value);
            gap = " ";
        }
        line.put(")");
        line.end();
    }
}
