//! Conversations (`thread_id` at the API). A message joins the conversation of the newest message
//! among its references that the inbox knows. Without one it begins a conversation. The choice is
//! made once, at delivery; conversations are never merged.
//!
//! It is not a parser: the service gives Message-ID and references.

use super::{Error, Store};
use crate::call::{InboxId, Now, ThreadId};

impl Store {
    /// The conversation of a message that comes into `inbox`. It is remembered under the
    /// Message-ID (empty: there is none) and under each of `references`, which come oldest first.
    pub fn conversation_of(
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
        // 1 when the message was not known: it is remembered now.
        let remember = |id: &str, thread: i64| {
            direct.run(
                "INSERT OR IGNORE INTO reference (inbox, hash, thread, sum)
                 VALUES (?1, ?2, ?3, row_sum(?1, ?2, ?3))",
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
        let mut thread = thread.unwrap_or_else(|| self.new_id(now));
        if !message_id.is_empty() && remember(message_id, thread)? == 0 {
            // A copy of the message or an answer to it has come before.
            thread = known(message_id)?.unwrap_or(thread);
        }
        for reference in references {
            remember(reference, thread)?;
        }
        Ok(ThreadId(thread))
    }
}
