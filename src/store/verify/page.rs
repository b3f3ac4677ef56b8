//! Pages that differ from their checksums (see `store/page/`), and the table that each is of.

use std::fs::File;
use std::path::Path;

use super::{Fault, Findings};
use crate::store::page::{PageReport, check};
use crate::store::{Error, FILE, Store};

/// Compares every page of the file.
pub(super) fn sums(store: &Store, found: &mut Findings) -> Result<(), Error> {
    let Some(path) = &store.file else {
        return Ok(());
    };
    let io = |error| Error::Io(path.clone(), error);
    let database = store.database_file().map_err(io)?;
    let report = check(path, database).map_err(io)?;
    let owners = match report.differ.is_empty() {
        true => Vec::new(),
        // A damaged file can stop this walk: then some pages have no owner.
        false => owners(store, &report.differ),
    };
    add(&report, &owners, found);
    Ok(())
}

/// The pages of the database in a folder, also of one that SQLite refuses. No connection to it may
/// be open in this process.
///
/// # Errors
/// A file cannot be read.
pub(super) fn of_folder(folder: &Path) -> Result<Findings, Error> {
    let path = folder.join(FILE);
    let io = |error| Error::Io(path.clone(), error);
    let database = File::open(&path).map_err(io)?;
    let report = check(&path, &database).map_err(io)?;
    let mut found = Findings::default();
    found.check("pages", |found| {
        add(&report, &[], found);
        Ok(())
    });
    Ok(found)
}

fn add(report: &PageReport, owners: &[(u32, String)], found: &mut Findings) {
    for page in &report.differ {
        let owner = owners.iter().find(|(owned, _)| owned == page);
        let of = match owner {
            Some((_, name)) => format!("; it belongs to {name}"),
            None => String::new(),
        };
        let what = format!("page {page} differs from its checksum{of}");
        found.add(Fault::of("page", what).at(format!("number={page}")));
    }
    let more = report.differ_count.saturating_sub(report.differ.len());
    found.counted += more;
    if report.differ_count > 16 && report.differ_count > report.pages as usize / 2 {
        let what = "most pages differ: if the file was put here by hand, delete postern.sums, \
                    which the server makes again";
        found.faults.push(Fault::of("page", what));
    }
    found.notes.extend(report.notes.iter().cloned());
}

/// The tables and indexes of some pages, as far as they can be found.
fn owners(store: &Store, pages: &[u32]) -> Vec<(u32, String)> {
    let mut owners = Vec::new();
    let walked = store.each("SELECT pageno, name FROM dbstat", [], |r| {
        let page: u32 = r.get(0)?;
        if pages.binary_search(&page).is_ok() {
            owners.push((page, r.get(1)?));
        }
        Ok(core::ops::ControlFlow::Continue(()))
    });
    if walked.is_ok() {
        for page in pages {
            if !owners.iter().any(|(owned, _)| owned == page) {
                owners.push((*page, "no table: it is free".into()));
            }
        }
    }
    owners
}
