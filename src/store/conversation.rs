//! Conversations: the thread of a message is that of the newest message it refers to which
//! the inbox has seen or heard of, else a new one. Set once at delivery, never merged
//! (decisions.md 12).

use super::{Error, Store};
use crate::call::{InboxId, Now, ThreadId};

impl Store {
    /// The thread of a message that comes into `inbox`, remembered under its own Message-ID
    /// (empty: it has none) and under each that it refers to, `references` oldest first.
    pub fn thread_for(
        &self,
        now: Now,
        inbox: InboxId,
        message_id: &str,
        references: &[String],
    ) -> Result<ThreadId, Error> {
        let direct = self.direct();
        let known = |id: &str| -> Result<Option<i64>, Error> {
            direct.one(
                "SELECT thread FROM reference WHERE inbox = ?1 AND hash = ?2",
                [inbox.0, self.reference_hash(id)?],
                |r| r.get(0),
            )
        };
        // 1 when nothing was known of the message, and the thread is remembered for it now.
        let remember = |id: &str, thread: i64| {
            direct.run(
                "INSERT OR IGNORE INTO reference (inbox, hash, thread) VALUES (?1, ?2, ?3)",
                [inbox.0, self.reference_hash(id)?, thread],
            )
        };
        let mut thread = None;
        for reference in references.iter().rev() {
            thread = known(reference)?;
            if thread.is_some() {
                break;
            }
        }
        let mut thread = thread.unwrap_or_else(|| self.mint_id(now));
        if !message_id.is_empty() && remember(message_id, thread)? == 0 {
            // A copy of it, or an answer to it, has come before.
            thread = known(message_id)?.unwrap_or(thread);
        }
        for reference in references {
            remember(reference, thread)?;
        }
        Ok(ThreadId(thread))
    }
}
