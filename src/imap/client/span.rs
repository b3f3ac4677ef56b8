//! Which part of a mailbox a scan asks for. One FETCH of all messages would tell 100,000 rows, of
//! which 500 are kept, and tell the others again with each further scan. So a large mailbox is
//! asked for in spans of UIDs, which grow where UIDs are sparse.

use crate::call::{OpenedFolder, RemoteMessage, SCAN_MAX};

/// The span of the next scan.
#[derive(Debug)]
pub struct ScanSpan {
    /// How many UIDs it has.
    uids: u32,
    /// Its last UID; `None`: all that there are.
    last: Option<u32>,
}

impl Default for ScanSpan {
    fn default() -> ScanSpan {
        ScanSpan {
            uids: SPAN_UIDS,
            last: None,
        }
    }
}

impl ScanSpan {
    /// The last UID of the scan that begins at `first`; `None`: the scan is for all. A small
    /// mailbox is looked at in one, and so is the end of a large one, where UIDNEXT may have grown.
    /// A server that says no UIDNEXT breaks RFC 3501 section 7.1, and is asked for all.
    pub fn begin(&mut self, first: u32, opened: Option<OpenedFolder>) -> Option<u32> {
        let is_large = |opened: &OpenedFolder| opened.exists as usize > SCAN_MAX;
        let next = opened.filter(is_large).and_then(|opened| opened.uidnext);
        let last = first.saturating_add(self.uids - 1);
        let has_more = |next: u32| last.checked_add(1).is_some_and(|behind| behind < next);
        self.last = next.filter(|next| has_more(*next)).map(|_| last);
        self.last
    }

    /// What a scan has told. Gives up to which UID all messages were told, and whether more are to
    /// be asked for.
    pub fn told(&mut self, messages: &[RemoteMessage], is_whole: bool) -> (Option<u32>, bool) {
        let told = messages.last().map(|row| row.uid);
        let Some(last) = self.last.take() else {
            return (told, !is_whole);
        };
        if !is_whole {
            self.uids = SPAN_UIDS;
            return (told, true);
        }
        if messages.len() <= SCAN_MAX / 2 {
            self.uids = self.uids.saturating_mul(2);
        }
        (Some(last), true)
    }
}

/// A span with so many UIDs has no more messages than a scan keeps.
const SPAN_UIDS: u32 = SCAN_MAX as u32;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Flags;

    fn opened(exists: u32, uidnext: Option<u32>) -> Option<OpenedFolder> {
        Some(OpenedFolder {
            uidvalidity: 1,
            uidnext,
            exists,
            highest_modseq: None,
        })
    }

    /// Asks for all messages of a mailbox; the number of scans, and of rows that were told.
    fn scan_all(uids: &[u32], uidnext: Option<u32>) -> (usize, usize) {
        let exists = u32::try_from(uids.len()).unwrap_or(0);
        let (mut span, mut seen, mut found) = (ScanSpan::default(), 0, Vec::new());
        let (mut scans, mut rows) = (0, 0);
        loop {
            let last = span.begin(seen + 1, opened(exists, uidnext));
            let row = |uid: &u32| RemoteMessage {
                uid: *uid,
                flags: Flags::NONE,
                keywords: Vec::new(),
                size: None,
                received_at: None,
                modseq: None,
                message_id: None,
            };
            let is_in = |uid: &&u32| **uid > seen && last.is_none_or(|last| **uid <= last);
            let mut told: Vec<RemoteMessage> = uids.iter().filter(is_in).map(row).collect();
            (scans, rows) = (scans + 1, rows + told.len());
            let is_whole = told.len() <= SCAN_MAX;
            told.truncate(SCAN_MAX);
            found.extend(told.iter().map(|row| row.uid));
            let (up_to, has_more) = span.told(&told, is_whole);
            seen = up_to.unwrap_or(seen);
            if !has_more {
                assert_eq!(found, uids);
                return (scans, rows);
            }
        }
    }

    #[test]
    fn each_message_of_a_large_mailbox_is_told_about_once() {
        let dense: Vec<u32> = (1..=100_000).collect();
        assert_eq!(scan_all(&dense, Some(100_001)), (200, 100_000));
        // A few at its end have come since it was opened.
        assert_eq!(scan_all(&dense, Some(99_990)), (200, 100_000));
        // Old UIDs are gone, and there is a gap in the midst.
        let mut sparse: Vec<u32> = (3_000_000..3_001_000).map(|n| n * 3).collect();
        sparse.extend(4_000_000_000..4_000_001_000);
        let (scans, rows) = scan_all(&sparse, Some(4_000_001_000));
        assert!(scans < 60 && rows < 4_500, "{scans} {rows}");
        // Small ones are asked for in one.
        assert_eq!(scan_all(&dense[..500], Some(501)), (1, 500));
        assert_eq!(scan_all(&[], Some(u32::MAX)), (1, 0));
        assert_eq!(scan_all(&dense[..1000], None).0, 2);
    }
}
