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
        let mut thread = None;
        for reference in references.iter().rev() {
            let hash = self.reference_hash(reference)?;
            thread = self.one(
                "SELECT thread FROM reference WHERE inbox = ?1 AND hash = ?2",
                [inbox.0, hash],
                |r| r.get::<_, i64>(0),
            )?;
            if thread.is_some() {
                break;
            }
        }
        let mut thread = thread.unwrap_or_else(|| self.mint_id(now));
        if !message_id.is_empty() {
            // A copy of it, or an answer to it, may have come before.
            let known = self.one(
                "INSERT INTO reference (inbox, hash, thread) VALUES (?1, ?2, ?3)
                 ON CONFLICT (inbox, hash) DO UPDATE SET thread = thread RETURNING thread",
                [inbox.0, self.reference_hash(message_id)?, thread],
                |r| r.get::<_, i64>(0),
            )?;
            thread = known.unwrap_or(thread);
        }
        for reference in references {
            self.run(
                "INSERT OR IGNORE INTO reference (inbox, hash, thread) VALUES (?1, ?2, ?3)",
                [inbox.0, self.reference_hash(reference)?, thread],
            )?;
        }
        Ok(ThreadId(thread))
    }
}
