//! Threads as the store knows them: the messages of an inbox that have one conversation, in the
//! order of their ids. There is no table of them: `entry.thread` says it, and an index finds it.
//!
//! How a message comes to its conversation is in `conversation.rs`. The rule: messages in Trash and
//! Junk count only where [`ThreadFolders`] says so, and every walk here can be ended by its caller.

use core::ops::ControlFlow;

use super::message::{THREAD_ABOVE, THREAD_BELOW, read_record};
use super::{Error, MessageRecord, Store};
use crate::call::{EntryId, InboxId, MailboxId, OrgId, ThreadId};

/// The folders whose messages count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ThreadFolders {
    /// All but Trash and Junk.
    Usual,
    /// The same, and this one.
    With(MailboxId),
    /// All.
    Every,
}

impl ThreadFolders {
    /// Whether all count, and the one that counts whatever it is.
    fn params(self) -> (i64, i64) {
        match self {
            ThreadFolders::Usual => (0, 0),
            ThreadFolders::With(mailbox) => (0, mailbox.0),
            ThreadFolders::Every => (1, 0),
        }
    }
}

impl Store {
    /// Whether a message with these Message-IDs in In-Reply-To answers one of a conversation in
    /// which an inbox has written. The ids are few; of a long conversation its beginning is looked
    /// at.
    pub fn answers_own(&self, inbox: InboxId, answered: &[String]) -> Result<bool, Error> {
        for id in answered.iter().take(ANSWERED_MAX) {
            let sent = self.direct().one(
                "SELECT 1 FROM (SELECT e.arrival FROM reference r
                     CROSS JOIN entry e INDEXED BY entry_thread
                         ON e.inbox = r.inbox AND e.thread = r.thread
                     WHERE r.inbox = ?1 AND r.hash = ?2 ORDER BY e.id LIMIT ?3)
                 WHERE arrival & ?4 = ?5",
                [
                    inbox.0,
                    self.reference_hash(id)?,
                    LOOKED_AT,
                    super::arrival::ARRIVAL_MASK,
                    super::arrival::SENT,
                ],
                |_| Ok(()),
            )?;
            if sent.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The messages of an inbox with an id below `below`, newest first, each with its conversation,
    /// and whether it is the newest message that counts there. Ends when `look` breaks.
    pub fn thread_heads_below(
        &self,
        (org, inbox): (OrgId, InboxId),
        below: i64,
        folders: ThreadFolders,
        mut look: impl FnMut(EntryId, ThreadId, bool) -> Result<ControlFlow<()>, Error>,
    ) -> Result<(), Error> {
        let (all, one) = folders.params();
        self.each(HEADS, [inbox.0, below, org.0, all, one], |r| {
            look(EntryId(r.get(0)?), ThreadId(r.get(1)?), r.get(2)?)
        })
        .map(drop)
    }

    /// The newest message of a conversation that counts.
    pub fn thread_head(
        &self,
        (org, inbox): (OrgId, InboxId),
        thread: ThreadId,
        folders: ThreadFolders,
    ) -> Result<Option<EntryId>, Error> {
        let (all, one) = folders.params();
        let mut head = None;
        self.each(HEAD, [inbox.0, thread.0, org.0, all, one], |r| {
            if !r.get::<_, bool>(1)? {
                return Ok(ControlFlow::Continue(()));
            }
            head = Some(EntryId(r.get(0)?));
            Ok(ControlFlow::Break(()))
        })
        .map(|_| head)
    }

    /// The messages of a conversation with an id below `below`, newest first; one that does not
    /// count comes as `None`. Ends when `look` breaks; whether it has come to the end.
    pub fn thread_below(
        &self,
        (org, inbox): (OrgId, InboxId),
        thread: ThreadId,
        below: i64,
        folders: ThreadFolders,
        mut look: impl FnMut(Option<MessageRecord>) -> Result<ControlFlow<()>, Error>,
    ) -> Result<bool, Error> {
        let (all, one) = folders.params();
        let params = [inbox.0, thread.0, below, org.0, all, one];
        let end = self.each(THREAD_BELOW, params, |r| {
            look(read_record(r, (org, inbox))?)
        })?;
        Ok(end.is_continue())
    }

    /// The same with an id above `after`, oldest first, each with its id.
    pub fn thread_above(
        &self,
        (org, inbox): (OrgId, InboxId),
        thread: ThreadId,
        after: i64,
        folders: ThreadFolders,
        mut look: impl FnMut(EntryId, Option<MessageRecord>) -> Result<ControlFlow<()>, Error>,
    ) -> Result<bool, Error> {
        let (all, one) = folders.params();
        let params = [inbox.0, thread.0, after, org.0, all, one];
        let end = self.each(THREAD_ABOVE, params, |r| {
            look(EntryId(r.get(1)?), read_record(r, (org, inbox))?)
        })?;
        Ok(end.is_continue())
    }

    /// The newest id of a message in a conversation, in whatever folder.
    pub(super) fn newest_in(&self, inbox: InboxId, thread: i64) -> Result<Option<i64>, Error> {
        let found = self.direct().one(
            "SELECT max(id) FROM entry INDEXED BY entry_thread
             WHERE inbox = ?1 AND thread = ?2",
            [inbox.0, thread],
            |r| r.get::<_, Option<i64>>(0),
        )?;
        Ok(found.flatten())
    }
}

// 3 is Trash and 4 is Junk (see mailbox.rs). A deleted mailbox has no row. One step looks at 20,000
// messages of a conversation that do not count, about 4 ms of a reader.
const HEADS: &str = "SELECT e.id, e.thread,
     EXISTS (SELECT 1 FROM mailbox m WHERE m.id = e.mailbox
         AND (?4 OR m.special IS NULL OR m.special NOT IN (3, 4) OR m.id = ?5))
     AND NOT EXISTS (SELECT 1 FROM (
         SELECT n.mailbox AS place FROM entry n INDEXED BY entry_thread
         WHERE n.inbox = e.inbox AND n.thread = e.thread AND n.id > e.id
         ORDER BY n.id LIMIT 20000)
         CROSS JOIN mailbox m ON m.id = place
         WHERE ?4 OR m.special IS NULL OR m.special NOT IN (3, 4) OR m.id = ?5)
 FROM entry e INDEXED BY entry_id
 WHERE e.inbox = ?1 AND e.id < ?2 AND e.org = ?3 ORDER BY e.id DESC";

const HEAD: &str = "SELECT e.id, EXISTS (SELECT 1 FROM mailbox m
         WHERE m.id = e.mailbox AND m.org = ?3
             AND (?4 OR m.special IS NULL OR m.special NOT IN (3, 4) OR m.id = ?5))
 FROM entry e INDEXED BY entry_thread
 WHERE e.inbox = ?1 AND e.thread = ?2 ORDER BY e.id DESC LIMIT 20000";

/// Message-IDs of In-Reply-To that are looked up: an answer has one.
const ANSWERED_MAX: usize = 4;
/// Messages of a conversation that are looked at.
const LOOKED_AT: i64 = 32;
