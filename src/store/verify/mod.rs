//! Checks of a whole database: what is wrong in it, row by row and page by page. Every crash test
//! asks it.
//!
//! It only reads, without the lock of the folder, so it can look at a database in use. It does
//! not repair. A finding names a table, a row and an organization, and never contents. An encoding
//! or a kind of job that a newer program has written is reported as unknown, and not as damage.
//! The memory that it takes does not grow with the database, but for the ids of the messages of
//! its largest inbox: every query is read row by row.

mod body;
mod checks;
mod log;
mod page;
mod row;
mod signature;
mod state;

use core::fmt;
use std::path::Path;

use super::payload::JobKind;
use super::{Error, Role, Store, Tell, conversation, format, keyword, quota};

pub use body::{ReadAgain, ReadBody};
pub use state::state;

/// How much of a database is looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Depth {
    /// Every row, and no octets of messages.
    Rows,
    /// Also all octets, every encoding and every page, and a sample of the messages is read again.
    Sample,
    /// Every message is read again: its envelope and structure are computed from its octets.
    Deep,
}

/// A count of rows.
type CountOf = fn(&Store, Tell<'_>) -> Result<(), Error>;

const COUNTED: [(&str, CountOf); 4] = [
    ("costs", quota::wrong_costs),
    ("sums of costs", quota::wrong_counters),
    ("conversations", conversation::wrong_holders),
    ("keywords", keyword::wrong_uses),
];

/// Everything that is wrong with a database, one line each; empty is good. `deep` also reads every
/// stored octet against its checksum, every stored encoding and every page of the file.
pub fn verify(store: &Store, deep: bool) -> Vec<String> {
    let depth = if deep { Depth::Deep } else { Depth::Rows };
    let found = examine(store, depth, None);
    found.faults.iter().map(Fault::to_string).collect()
}

/// Looks at the database of a folder, which may be in use. A damaged file can look like one of
/// another version or of another program, and its pages tell.
///
/// # Errors
/// The database cannot be opened, and its pages are as their checksums say, or have none.
pub fn verify_folder(
    folder: &Path,
    depth: Depth,
    reader: Option<ReadAgain<'_>>,
) -> Result<Findings, Error> {
    let error = match Store::open(folder, Role::Reader, 0) {
        Ok(store) => return Ok(examine(&store, depth, reader)),
        Err(error) => error,
    };
    match page::of_folder(folder) {
        Ok(found) if !found.faults.is_empty() => Ok(found.and_unreadable(&error)),
        _ => Err(error),
    }
}

/// Looks at a database as far as `depth` says. Without a reader, no message is read again.
pub fn examine(store: &Store, depth: Depth, reader: Option<ReadAgain<'_>>) -> Findings {
    let mut found = Findings::default();
    // All checks that compare tables see one moment.
    match store.snapshot() {
        Ok(_moment) => {
            found.check("database", |found| pages(store, depth.has_octets(), found));
            found.check("rows", |found| row::sums(store, found));
            for check in checks::ALL {
                found.check(check.what, |found| check.run(store, found));
            }
            found.check("ancestors", |found| checks::ancestors(store, found));
            for (what, wrong) in COUNTED {
                found.check(what, |found| {
                    wrong(store, &mut |table, id, org, what| {
                        found.add(Fault::of(table, what).at(format!("id={id}")).in_org(org));
                    })
                });
            }
            found.check("signatures", |found| signature::rows(store, found));
            found.check("log", |found| log::logs(store, found));
            found.check("jobs", |found| jobs(store, found));
            found.check("queue", |found| outbound(store, found));
            if depth.has_octets() {
                found.check("encodings", |found| body::encodings(store, found));
            }
        }
        Err(error) => found.add(Fault::of("database", format!("cannot read: {error}"))),
    }
    if depth.has_octets() {
        found.check("pages", |found| page::sums(store, found));
    }
    // Octets are read by themselves: they never change, and a long reading transaction would hold
    // up the checkpoints of a server.
    if depth.has_octets() {
        found.check("octets", |found| body::octets(store, found));
    }
    if let Some(reader) = reader
        && depth.has_octets()
    {
        found.check("messages", |found| {
            body::read_again(store, reader, depth == Depth::Deep, found)
        });
        if depth == Depth::Deep {
            found.check("grams", |found| signature::read_again(store, reader, found));
        }
    }
    found
}

impl Depth {
    fn has_octets(self) -> bool {
        self != Depth::Rows
    }
}

/// Something that is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// The table, or `database` or `page`.
    pub table: &'static str,
    /// The key of the row, such as `id=7`; empty for a whole table.
    pub row: String,
    /// The organization of the row, where it is known.
    pub org: Option<i64>,
    /// What is wrong.
    pub what: String,
}

impl Fault {
    fn of(table: &'static str, what: impl Into<String>) -> Fault {
        Fault {
            table,
            row: String::new(),
            org: None,
            what: what.into(),
        }
    }

    fn at(mut self, row: impl Into<String>) -> Fault {
        self.row = row.into();
        self
    }

    fn in_org(mut self, org: Option<i64>) -> Fault {
        self.org = org;
        self
    }

    /// What its reader can do.
    pub fn advice(&self) -> &'static str {
        match self.table {
            "key" | "key_inbox" => "revoke the key and make another one",
            "body" | "chunk" => {
                "the message is damaged: take it from a backup, or delete it and ask for it again"
            }
            "entry" => "compare the message with a backup, or delete it",
            "job" | "outbound" => "look whether the recipient got the mail, and send it again",
            "reference" => "later answers can begin another conversation; nothing else is lost",
            "event" | "expunged" => "clients that miss a change must read the mailbox anew",
            "dkim" => "make new keys with `postern domain rotate-dkim`, and publish their records",
            "signature" | "signature_block" | "unsigned" => {
                "searches can miss messages: run `postern rebuild-index`"
            }
            "once" => "a repeated request can be carried out twice",
            "page" => "copy the folder now, check the disk and the memory, restore a backup",
            _ => "restore a backup",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.table)?;
        if !self.row.is_empty() {
            write!(f, " {}", self.row)?;
        }
        if let Some(org) = self.org {
            write!(f, ", organization {org}")?;
        }
        write!(f, ": {}", self.what)
    }
}

/// What was found.
#[derive(Debug, Default)]
pub struct Findings {
    /// The first faults of each check.
    pub faults: Vec<Fault>,
    /// What is no damage, and worth knowing.
    pub notes: Vec<String>,
    /// An encoding or a kind of job of a newer program: this program cannot tell whether the row
    /// is good.
    pub unknown: Option<Error>,
    /// Faults of the check that runs, those without a place in `faults` included.
    counted: usize,
}

impl Findings {
    /// Also that the database could not be opened.
    fn and_unreadable(mut self, error: &Error) -> Findings {
        let what = format!("it cannot be opened: {error}");
        self.faults.push(Fault::of("database", what));
        self
    }

    fn add(&mut self, fault: Fault) {
        self.counted += 1;
        if self.counted <= LINES_MAX {
            self.faults.push(fault);
        }
    }

    /// Adds an error of a row. One of a newer program is remembered as such.
    fn add_error(&mut self, fault: Fault, error: Error) {
        self.add(fault);
        if matches!(error, Error::UnknownVersion { .. } | Error::UnknownKind(_)) {
            self.unknown = Some(error);
        }
    }

    /// Runs one check. Its first faults are kept, and the others are counted.
    fn check(&mut self, what: &str, run: impl FnOnce(&mut Findings) -> Result<(), Error>) {
        self.counted = 0;
        if let Err(error) = run(self) {
            self.faults.push(Fault::of(
                "database",
                format!("{what} cannot be checked: {error}"),
            ));
        }
        let more = self.counted.saturating_sub(LINES_MAX);
        if more > 0 {
            self.faults
                .push(Fault::of("database", format!("{what}: and {more} more")));
        }
    }
}

fn pages(store: &Store, deep: bool, found: &mut Findings) -> Result<(), Error> {
    let sql = if deep {
        "PRAGMA integrity_check(100)"
    } else {
        "PRAGMA quick_check(100)"
    };
    let lines = store.all(sql, [], |r| r.get::<_, String>(0))?;
    for line in lines.into_iter().filter(|line| line != "ok") {
        found.add(Fault::of("database", line));
    }
    let foreign = store.all("PRAGMA foreign_key_check", [], |r| r.get::<_, String>(0))?;
    for table in foreign {
        found.add(Fault::of(
            "database",
            format!("a row of {table} names one that is not there"),
        ));
    }
    Ok(())
}

/// The payload of every job of a kind that is known here, and the names of the other kinds.
fn jobs(store: &Store, found: &mut Findings) -> Result<(), Error> {
    use core::ops::ControlFlow::Continue;

    let kinds = store.all("SELECT DISTINCT kind FROM job", [], |r| {
        r.get::<_, String>(0)
    })?;
    for name in kinds {
        let Some(kind) = JobKind::named(&name) else {
            let error = Error::UnknownKind(name);
            found.add_error(Fault::of("job", error.to_string()), error);
            continue;
        };
        let _ = store.each(
            "SELECT id, payload, org FROM job WHERE kind = ?1",
            [kind.name()],
            |r| {
                let payload = r.get_ref(1)?.as_blob().unwrap_or_default();
                if let Err(error) = format::decode_job(kind, payload) {
                    let fault = Fault::of("job", error.to_string())
                        .at(format!("id={}", r.get::<_, i64>(0)?))
                        .in_org(r.get(2)?);
                    found.add_error(fault, error);
                }
                Ok(Continue(()))
            },
        )?;
    }
    Ok(())
}

/// The envelope and the history of every recipient outside.
fn outbound(store: &Store, found: &mut Findings) -> Result<(), Error> {
    let sql = "SELECT id, envelope, history, org FROM outbound";
    let _ = store.each(sql, [], |r| {
        let envelope = r.get_ref(1)?.as_blob().unwrap_or_default();
        let history = r.get_ref(2)?.as_blob_or_null().unwrap_or(Some(&[]));
        let read = format::decode_envelope(envelope).map(drop);
        let read = read.and_then(|()| match history {
            Some(octets) => format::decode_history(octets).map(drop),
            None => Ok(()),
        });
        if let Err(error) = read {
            let fault = Fault::of("outbound", error.to_string())
                .at(format!("id={}", r.get::<_, i64>(0)?))
                .in_org(r.get(3)?);
            found.add_error(fault, error);
        }
        Ok(core::ops::ControlFlow::Continue(()))
    })?;
    Ok(())
}

/// The most faults of one check; more are counted.
const LINES_MAX: usize = 20;
