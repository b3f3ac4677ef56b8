//! The newest page of lists that were asked for lately, so that a client that asks again while
//! nothing happens costs one small read.
//!
//! It is no truth: a page is answered as long as the log of its organization has the number that it
//! had before the page was read. The rule: **what a list shows of a message changes with a number
//! of the log, or its page is not kept.** The JSON of the message that one answers may go later,
//! when its row is reclaimed. And **the octets that are held have a bound** ([`HELD_BYTES_MAX`]).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::listed::row_octets;
use crate::call::{InboxId, MailboxId, MessageFilter, MessageView};

/// Which page a list has asked for: of an inbox or of one folder of it, without a cursor.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::service) struct PageAsk {
    /// The inbox.
    pub inbox: InboxId,
    /// The folder.
    pub folder: Option<MailboxId>,
    /// The filter.
    pub filter: MessageFilter,
    /// The most rows.
    pub limit: usize,
}

/// The rows of a page, and the cursor of the next one.
pub(in crate::service) type NewestPage = (Vec<Arc<MessageView>>, Option<String>);

/// The last page of each inbox, of all organizations.
#[derive(Debug, Default)]
pub(in crate::service) struct NewestPages(Mutex<HeldPages>);

#[derive(Debug, Default)]
struct HeldPages {
    pages: HashMap<InboxId, HeldPage>,
    octets: usize,
}

#[derive(Debug)]
struct HeldPage {
    ask: PageAsk,
    /// The last number of the log before the page was read.
    head: u64,
    page: NewestPage,
    octets: usize,
}

impl NewestPages {
    /// The page that was asked for, if the log still ends at `head`.
    pub fn find(&self, ask: &PageAsk, head: u64) -> Option<NewestPage> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = held.pages.get(&ask.inbox)?;
        (found.head == head && found.ask == *ask).then(|| found.page.clone())
    }

    /// Keeps a page that was read after the log had ended at `head`.
    pub fn keep(&self, ask: PageAsk, head: u64, page: &NewestPage) {
        if page.0.iter().any(|row| row.in_reply_to_metadata.is_some()) {
            return;
        }
        // The texts of its rows, and the octets that are written of them.
        let rows = page.0.iter().map(|row| 2 * row_octets(row));
        let octets = rows.sum::<usize>() + SPACE_BYTES;
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(old) = held.pages.remove(&ask.inbox) {
            held.octets -= old.octets;
        }
        if octets > HELD_BYTES_MAX {
            return;
        }
        if held.octets + octets > HELD_BYTES_MAX {
            *held = HeldPages::default();
        }
        held.octets += octets;
        let (inbox, page) = (ask.inbox, page.clone());
        held.pages.insert(
            inbox,
            HeldPage {
                ask,
                head,
                page,
                octets,
            },
        );
    }
}

/// Octets of all pages that are held.
const HELD_BYTES_MAX: usize = 8 << 20;
/// Octets of a page beside its rows: the texts of a filter have bounds of their own.
const SPACE_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::mail::listed::tests::sample_view;

    fn ask(inbox: i64, limit: usize) -> PageAsk {
        PageAsk {
            inbox: InboxId(inbox),
            folder: None,
            filter: MessageFilter::default(),
            limit,
        }
    }

    fn page(row: MessageView) -> NewestPage {
        (vec![Arc::new(row)], None)
    }

    #[test]
    fn a_page_is_that_of_its_question_and_number() {
        let pages = NewestPages::default();
        let kept = page(sample_view(1, "a"));
        pages.keep(ask(1, 50), 7, &kept);
        assert_eq!(pages.find(&ask(1, 50), 7), Some(kept));
        assert_eq!(pages.find(&ask(1, 50), 8), None);
        assert_eq!(pages.find(&ask(1, 51), 7), None);
        assert_eq!(pages.find(&ask(2, 50), 7), None);
        let mut answer = sample_view(1, "a");
        answer.in_reply_to_metadata = Some("{}".into());
        pages.keep(ask(2, 50), 7, &page(answer));
        assert_eq!(pages.find(&ask(2, 50), 7), None);
    }

    #[test]
    fn what_is_held_has_a_bound() {
        let pages = NewestPages::default();
        for n in 0..5_000 {
            let page = page(sample_view(n, &"x".repeat(3_000)));
            pages.keep(ask(n % 3_000, 50), 1, &page);
            assert_eq!(pages.find(&ask(n % 3_000, 50), 1), Some(page));
            let held = pages.0.lock().unwrap_or_else(PoisonError::into_inner);
            assert!(held.octets <= HELD_BYTES_MAX);
            let octets: usize = held.pages.values().map(|page| page.octets).sum();
            assert_eq!(octets, held.octets);
        }
        let large = page(sample_view(1, &"x".repeat(HELD_BYTES_MAX / 2)));
        pages.keep(ask(1, 50), 1, &large);
        assert_eq!(pages.find(&ask(1, 50), 1), None);
    }
}
