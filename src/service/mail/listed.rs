//! Rows of lists that were made lately, so that a client that lists the same inbox again and again
//! costs less: the body of a message is not read again, and its row not written again.
//!
//! It is no truth, and it answers nothing by itself: a list reads every entry in its snapshot, and
//! takes a row from here when the entry is equal in all that is stored beside its body. A body
//! never changes, and its id has no second use. The rule: **the octets that are held have a bound**
//! ([`HELD_BYTES_MAX`]), whatever is listed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::call::{EntryId, MessageView};
use crate::store::ListedEntry;

/// The rows, of all organizations. A thread holds the lock for one row.
#[derive(Debug, Default)]
pub(in crate::service) struct ListedRows(Mutex<RowGenerations>);

/// Rows go from the old generation to the young one when they are shown again. When the young one
/// is full it becomes the old one, whose rows are dropped.
#[derive(Debug, Default)]
struct RowGenerations {
    young: HashMap<EntryId, (ListedEntry, Arc<MessageView>)>,
    old: HashMap<EntryId, (ListedEntry, Arc<MessageView>)>,
    /// Octets of the young one.
    octets: usize,
}

impl ListedRows {
    /// The row of an entry, if it is as it was when the row was kept.
    pub fn find(&self, entry: &ListedEntry) -> Option<Arc<MessageView>> {
        let mut rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let id = entry.state.id;
        if let Some((known, row)) = rows.young.get(&id) {
            return (known == entry).then(|| Arc::clone(row));
        }
        let (known, row) = rows.old.remove(&id)?;
        if known != *entry {
            return None;
        }
        rows.insert(known, Arc::clone(&row));
        Some(row)
    }

    /// Keeps the row of an entry.
    pub fn keep(&self, entry: ListedEntry, row: &Arc<MessageView>) {
        let mut rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rows.insert(entry, Arc::clone(row));
    }
}

impl RowGenerations {
    fn insert(&mut self, entry: ListedEntry, row: Arc<MessageView>) {
        let report = entry.report.as_ref().map_or(0, |octets| octets.len());
        let own = entry.prefix.len() + entry.folder.len() + report + SPACE_BYTES;
        // Its texts, and the octets that are written of it.
        let octets = 2 * row_octets(&row) + own;
        if octets > ROW_BYTES_MAX {
            return;
        }
        if self.octets + octets > HELD_BYTES_MAX / 2 {
            self.old = core::mem::take(&mut self.young);
            self.octets = 0;
        }
        self.octets += octets;
        self.young.insert(entry.state.id, (entry, row));
    }
}

/// About the octets of a row of a list, as it is shown.
pub(super) fn row_octets(view: &MessageView) -> usize {
    let summary = &view.summary;
    let lists = [&summary.to, &summary.cc, &view.bcc, &view.reply_to];
    let addresses = lists.into_iter().flatten().chain([&summary.from]);
    let addresses = addresses.map(|of| of.name.len() + of.address.len() + ADDRESS_OCTETS);
    let labels = view.state.keywords.iter().map(|word| word.len() + 3);
    let texts = [&summary.subject, &summary.preview, &view.message_id];
    let texts = texts.into_iter().map(String::len);
    let hits = view.spam.iter().flat_map(|report| &report.rules);
    let hits = hits.map(|hit| hit.id.len() + hit.why.len() + HIT_OCTETS);
    addresses
        .chain(labels)
        .chain(texts)
        .chain(hits)
        .sum::<usize>()
        + ROW_OCTETS
}

/// Octets of all rows that are held.
const HELD_BYTES_MAX: usize = 16 << 20;
/// Octets of one row: a larger one is not kept.
const ROW_BYTES_MAX: usize = 16 << 10;
/// Octets of an address and of a row beside their texts.
const ADDRESS_OCTETS: usize = 24;
/// The same of a rule that it has met.
const HIT_OCTETS: usize = 48;
const ROW_OCTETS: usize = 600;
/// Octets of a row and of its entry beside their texts.
const SPACE_BYTES: usize = 512;

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::call::{
        Arrival, BodyId, EntryState, Flags, InboxId, MailboxId, OrgId, SenderAuth, Summary,
        ThreadId, WrittenRow,
    };

    #[test]
    fn a_row_is_that_of_its_entry() {
        let rows = ListedRows::default();
        let (entry, row) = sample(1, "a");
        assert_eq!(rows.find(&entry), None);
        rows.keep(entry.clone(), &row);
        assert_eq!(rows.find(&entry), Some(row));
        let mut other = entry.clone();
        other.state.modseq += 1;
        assert_eq!(rows.find(&other), None);
        let mut other = entry;
        other.folder = "Moved".into();
        assert_eq!(rows.find(&other), None);
    }

    #[test]
    fn what_is_held_has_a_bound() {
        let rows = ListedRows::default();
        let (often, row) = sample(0, "often");
        rows.keep(often.clone(), &row);
        for n in 1..20_000 {
            let (entry, row) = sample(n, &"x".repeat(2000));
            rows.keep(entry, &row);
            assert!(rows.find(&often).is_some());
        }
        let held = rows.0.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(held.octets <= HELD_BYTES_MAX / 2);
        let count = held.young.len() + held.old.len();
        assert!(count * 4000 <= HELD_BYTES_MAX, "{count}");
        drop(held);
        let (entry, row) = sample(1, &"x".repeat(ROW_BYTES_MAX));
        rows.keep(entry.clone(), &row);
        assert_eq!(rows.find(&entry), None);
    }

    fn sample_state(id: i64) -> EntryState {
        EntryState {
            uid: 1,
            id: EntryId(id),
            modseq: 1,
            flags: Flags::NONE,
            keywords: Vec::new(),
        }
    }

    fn sample(id: i64, subject: &str) -> (ListedEntry, Arc<MessageView>) {
        let entry = ListedEntry {
            org: OrgId(1),
            inbox: InboxId(1),
            mailbox: MailboxId(1),
            folder: "INBOX".into(),
            special: None,
            state: sample_state(id),
            thread: ThreadId(1),
            arrival: Arrival::Received,
            auth: SenderAuth::Unknown,
            received_at: 0,
            size: 1,
            prefix: Vec::new(),
            body: BodyId(1),
            metadata: None,
            in_reply_to_metadata: None,
            verdict: None,
            report: None,
        };
        (entry, Arc::new(sample_view(id, subject)))
    }

    /// A row of a list.
    pub fn sample_view(id: i64, subject: &str) -> MessageView {
        MessageView {
            inbox: InboxId(1),
            folder: "INBOX".into(),
            state: sample_state(id),
            thread: ThreadId(1),
            arrival: Arrival::Received,
            is_outbound: false,
            auth: SenderAuth::Unknown,
            received_at: 0,
            size: 1,
            message_id: String::new(),
            summary: Summary {
                subject: subject.into(),
                ..Summary::default()
            },
            bcc: Vec::new(),
            reply_to: Vec::new(),
            metadata: None,
            in_reply_to_metadata: None,
            spam: None,
            snippet: None,
            expires_at: None,
            content: None,
            written: WrittenRow::default(),
        }
    }
}
