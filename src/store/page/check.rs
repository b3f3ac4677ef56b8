//! Compares every page of a database file with its checksum. It reads plain octets and asks no
//! SQLite, so it also works for a file that SQLite refuses.

use std::fs::File;
use std::io::{ErrorKind, Result};
use std::path::Path;

use super::file::{SumsHead, read_head, read_sums};
use super::octets::{PAGE, PageSum, SUM_BYTES, read_pages};
use super::wal::WriteAheadLog;
use super::{SUMS_FILE, sums_path};

/// What the comparison has found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::store) struct PageReport {
    /// The first pages that differ from their checksums, ascending.
    pub differ: Vec<u32>,
    /// How many differ.
    pub differ_count: usize,
    /// How many pages there are.
    pub pages: u32,
    /// Why pages were not compared, and other things that are no damage.
    pub notes: Vec<String>,
}

/// Compares the pages of a database, which may be in use.
pub(in crate::store) fn check(path: &Path, database: &File) -> Result<PageReport> {
    let mut report = PageReport {
        pages: pages_of(database)?,
        ..PageReport::default()
    };
    let sums = match File::open(sums_path(path)) {
        Ok(sums) => sums,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            report.notes.push(NONE_YET.into());
            return Ok(report);
        }
        Err(error) => return Err(error),
    };
    let mut log = WriteAheadLog::of(path);
    if let Some(why) = is_void(read_head(&sums)?, &mut log)? {
        report.notes.push(why);
        return Ok(report);
    }
    let mut differing = compare(database, &sums, report.pages)?;
    // A server may have written meanwhile: a page that is in the log is as the log has it, and a
    // checkpoint writes the checksum before the page.
    for _ in 0..TRIES {
        if differing.is_empty() {
            break;
        }
        let before = log.pages()?;
        let mut still = Vec::new();
        for page in differing {
            if before.binary_search(&page).is_err() && differs(database, &sums, page)? {
                still.push(page);
            }
        }
        let after = log.pages()?;
        still.retain(|page| after.binary_search(page).is_err());
        differing = still;
    }
    report.differ_count = differing.len();
    differing.truncate(DIFFER_MAX);
    report.differ = differing;
    Ok(report)
}

/// Why the checksums say nothing about the file.
fn is_void(head: Option<SumsHead>, log: &mut WriteAheadLog) -> Result<Option<String>> {
    let Some(head) = head else {
        return Ok(Some(format!(
            "{SUMS_FILE} cannot be read; the server makes it again at its next start"
        )));
    };
    if !head.is_complete {
        return Ok(Some(NONE_YET.into()));
    }
    if !head.belongs_to(log.salts()?) {
        return Ok(Some(format!(
            "another program has opened the database after the server was killed, so {SUMS_FILE} \
             is void; the server makes it again at its next start"
        )));
    }
    Ok(None)
}

/// The pages that differ, ascending. A page without a checksum differs, because every page has one
/// here.
fn compare(database: &File, sums: &File, pages: u32) -> Result<Vec<u32>> {
    let mut differing = Vec::new();
    let mut first = 1u32;
    while first <= pages {
        let n = PAGES_AT_ONCE.min(pages - first + 1);
        let octets = read_pages(database, first, n)?;
        let known = read_sums(sums, first, n)?;
        let both = octets.chunks_exact(PAGE).zip(known.chunks_exact(SUM_BYTES));
        for (page, (octets, known)) in (first..).zip(both) {
            if !PageSum::decode(known).is_some_and(|sum| sum.holds(page, octets)) {
                differing.push(page);
            }
        }
        first = first.saturating_add(n);
    }
    Ok(differing)
}

fn differs(database: &File, sums: &File, page: u32) -> Result<bool> {
    let octets = read_pages(database, page, 1)?;
    let known = read_sums(sums, page, 1)?;
    let holds = PageSum::decode(&known).is_some_and(|sum| sum.holds(page, &octets));
    Ok(octets.len() == PAGE && !holds)
}

fn pages_of(database: &File) -> Result<u32> {
    let pages = database.metadata()?.len() / PAGE as u64;
    Ok(u32::try_from(pages).unwrap_or(u32::MAX))
}

const NONE_YET: &str =
    "the pages of the file have no checksums yet; the server makes them while it is idle";

/// Pages that are read at once.
const PAGES_AT_ONCE: u32 = 256;

/// The most pages of a report.
const DIFFER_MAX: usize = 100;

/// A page is looked at so many times before it counts as damaged.
const TRIES: usize = 3;
