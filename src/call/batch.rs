//! One change of many messages at once, as REST asks for it, and how far it has come.
//!
//! The change of one message is a [`MessagePatch`]. The rule: each id has an answer of its own, in
//! the order of the request.

use super::{MessagePatch, Refusal};

/// A change of many messages of an inbox.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MessageBatch {
    /// The messages, at most [`super::bounds::BATCH_IDS_MAX`], as the client wrote their ids.
    pub ids: Vec<String>,
    /// Labels, flags, folder.
    pub patch: MessagePatch,
    /// They go to Trash, or for good.
    pub delete: Option<Deletion>,
}

/// How messages are deleted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deletion {
    /// They move to Trash.
    ToTrash,
    /// They are gone.
    Permanent,
}

/// What became of one message of a batch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BatchRow {
    /// Its id, as in the request.
    pub id: String,
    /// Why it is as it was; `None` when it is changed.
    pub refusal: Option<Refusal>,
}

/// How far a batch has come: what became of the first of its messages.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BatchProgress {
    /// One for each message that is done.
    pub done: Vec<Option<Refusal>>,
    /// A slice was refused: up to this message each has a slice of its own, so that each has its
    /// own answer.
    pub single_to: usize,
}

impl BatchProgress {
    /// How a batch of `len` messages goes on after its next slice was refused; `None` when the
    /// refusal is one of the whole request.
    pub fn after(&self, why: &Refusal, len: usize) -> Option<BatchProgress> {
        let is_of_messages = matches!(
            why,
            Refusal::Limit { .. }
                | Refusal::OverQuota { .. }
                | Refusal::TooBig { .. }
                | Refusal::Conflict(_)
                | Refusal::NotFound(super::Noun::Message)
        );
        if !is_of_messages {
            return None;
        }
        let at = self.done.len();
        let mut next = self.clone();
        match at < self.single_to || at + 1 >= len {
            true => next.done.push(Some(why.clone())),
            false => next.single_to = len.min(at + SINGLES),
        }
        Some(next)
    }
}

impl MessageBatch {
    /// How many messages the next slice has, of slices of `rows` messages with one change each.
    pub fn slice(&self, progress: &BatchProgress, rows: usize) -> usize {
        let at = progress.done.len();
        let left = self.ids.len().saturating_sub(at);
        if at < progress.single_to {
            return left.min(1);
        }
        let patch = &self.patch;
        let adds = !patch.add_labels.is_empty() || patch.seen == Some(true);
        let adds = adds || patch.flagged == Some(true);
        let removes = !patch.remove_labels.is_empty() || patch.seen == Some(false);
        let removes = removes || patch.flagged == Some(false);
        let moves = patch.folder.is_some() || self.delete.is_some();
        let changes = [adds, removes, moves].into_iter().filter(|on| *on).count();
        left.min((rows / changes.max(1)).max(1))
    }
}

/// Messages behind a refused slice that have slices of their own: about as many as it had.
const SINGLES: usize = 300;
