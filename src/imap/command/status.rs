//! CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE, STATUS.

use std::io::Write as _;

use crate::call::{Answer, MailboxRead, MailboxRow, MailboxWrite, Reply};
use crate::engine::Output;
use crate::imap::respond;
use crate::imap::server::Server;
use crate::imap::state::{Job, Stage};
use crate::imap::types::{MailboxName, StatusItem};

impl Server {
    pub(in crate::imap) fn create(
        &mut self,
        mailbox: MailboxName,
        special: &[&str],
        out: &mut Output,
    ) {
        if !special.is_empty() {
            return self.no("[USEATTR] Special uses are given already", out);
        }
        let mailbox = mailbox.into_string();
        let call = MailboxWrite::Create { mailbox };
        self.ask(call, Job::Change("Created"), out);
    }

    pub(in crate::imap) fn delete(&mut self, mailbox: MailboxName, out: &mut Output) {
        let mailbox = mailbox.into_string();
        // That the open mailbox is the one that is gone, whatever its name is by now, the
        // event says, which comes before the answer.
        let call = MailboxWrite::Delete { mailbox };
        self.ask(call, Job::Change("Deleted"), out);
    }

    pub(in crate::imap) fn rename(&mut self, from: MailboxName, to: MailboxName, out: &mut Output) {
        let call = MailboxWrite::Rename {
            from: from.into_string(),
            to: to.into_string(),
        };
        self.ask(call, Job::Change("Renamed"), out);
    }

    pub(in crate::imap) fn subscribe(&mut self, mailbox: MailboxName, on: bool, out: &mut Output) {
        let call = MailboxWrite::Subscribe {
            mailbox: mailbox.into_string(),
            on,
        };
        let text = if on { "Subscribed" } else { "Unsubscribed" };
        self.ask(call, Job::Change(text), out);
    }

    /// The answer to all of the above.
    pub(in crate::imap) fn changed(&mut self, text: &'static str, reply: Reply, out: &mut Output) {
        match reply {
            Reply::Written(_, receipt) => self.done(receipt, text, out),
            other => self.otherwise(other, out),
        }
    }

    pub(in crate::imap) fn status(
        &mut self,
        mailbox: MailboxName,
        items: Vec<StatusItem>,
        out: &mut Output,
    ) {
        let mailbox = mailbox.into_string();
        self.ask(MailboxRead::Status { mailbox }, Job::Status(items), out);
    }

    pub(in crate::imap) fn status_read(
        &mut self,
        items: &[StatusItem],
        reply: Reply,
        out: &mut Output,
    ) {
        let rows = match reply {
            Reply::Answer(Answer::Mailboxes(rows)) => rows,
            other => return self.otherwise(other, out),
        };
        if items.contains(&StatusItem::HighestModSeq) {
            self.enable_condstore(out);
        }
        for row in &rows {
            self.write_status(row, items, out);
        }
        self.ok("Status done", out);
    }

    pub(in crate::imap) fn write_status(
        &self,
        row: &MailboxRow,
        items: &[StatusItem],
        out: &mut Output,
    ) {
        let counts = row.counts.unwrap_or_default();
        // Of the open mailbox no more is told than its view lets be known.
        let highest = match &self.stage {
            Stage::Selected(_, open) if open.id == row.id => {
                open.view.told_modseq(counts.highest_modseq)
            }
            _ => counts.highest_modseq,
        };
        out.bytes.extend_from_slice(b"* STATUS ");
        respond::mailbox(&mut out.bytes, &row.name);
        let mut gap = " (";
        for item in items {
            let value = match item {
                StatusItem::AppendLimit => self.opening.shared.limits.message_bytes as u64,
                StatusItem::Deleted => u64::from(counts.deleted),
                StatusItem::HighestModSeq => highest,
                StatusItem::Messages => u64::from(counts.messages),
                StatusItem::Recent => u64::from(counts.recent),
                StatusItem::Size => counts.size,
                StatusItem::UidNext => u64::from(row.uidnext),
                StatusItem::UidValidity => u64::from(row.uidvalidity),
                StatusItem::Unseen => u64::from(counts.unseen),
            };
            let _ = write!(out.bytes, "{gap}{} {value}", item.name());
            gap = " ";
        }
        out.bytes.extend_from_slice(b")\r\n");
    }
}
