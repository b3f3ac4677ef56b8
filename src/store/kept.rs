//! The files that a backup carries beside the database: certificates, the operator's token, what
//! the server was started with. They are rows of one more table in the copy, so a backup is one
//! file; a data folder never has this table.
//!
//! The caller names the files. A restore writes those names and no other, whatever a copy says.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension};

use super::{Error, Store};
use crate::dir::DirHandle;

/// Puts those of the files that exist in `folder` into the copy of its database.
pub(super) fn put(copy: &Path, folder: &Path, names: &[&str]) -> Result<(), Error> {
    let mut sql = Connection::open(copy)?;
    // The copy has another name until it is whole, so it needs no journal on the disk.
    sql.pragma_update(None, "journal_mode", "MEMORY")?;
    let put = sql.transaction()?;
    put.execute_batch(
        "CREATE TABLE kept_file (
             name TEXT PRIMARY KEY,
             mode INTEGER NOT NULL,
             octets BLOB NOT NULL
         ) STRICT, WITHOUT ROWID",
    )?;
    for name in names {
        let path = folder.join(name);
        let failed = |error| Error::Io(path.clone(), error);
        let opened = DirHandle::open(folder).and_then(|dir| open_in(&dir, name));
        let mut file = match opened {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(failed(error)),
        };
        let mode = file.metadata().map_err(failed)?.permissions().mode();
        let mut octets = Vec::new();
        let read = (&mut file)
            .take(FILE_BYTES_MAX + 1)
            .read_to_end(&mut octets);
        read.map_err(failed)?;
        if octets.len() as u64 > FILE_BYTES_MAX {
            return Err(failed(ErrorKind::FileTooLarge.into()));
        }
        put.execute(
            "INSERT INTO kept_file (name, mode, octets) VALUES (?1, ?2, ?3)",
            (name, mode & 0o777, octets),
        )?;
    }
    put.commit()?;
    sql.close().map_err(|(_, error)| error.into())
}

/// Opens a file of a folder, or of a folder in it: `tls/ca.pem`.
fn open_in(dir: &DirHandle, name: &str) -> io::Result<File> {
    match name.split_once('/') {
        Some((inner, file)) => dir.folder(inner)?.open_file(file),
        None => dir.open_file(name),
    }
}

/// Writes the files of a copy, which `store` has open, into `folder`, each for its owner alone,
/// whatever rights the copy names. A copy of an older program has none.
pub(super) fn take(store: &Store, folder: &Path, names: &[&str]) -> Result<(), Error> {
    if !has_table(store)? {
        return Ok(());
    }
    for name in names {
        let row = store.sql.query_row(
            "SELECT octets FROM kept_file WHERE name = ?1",
            [name],
            |row| row.get::<_, Vec<u8>>(0),
        );
        let Some(octets) = row.optional()? else {
            continue;
        };
        let path = folder.join(name);
        let failed = |error| Error::Io(path.clone(), error);
        let made = DirHandle::open(folder).and_then(|dir| match name.split_once('/') {
            Some((inner, file)) => dir.make_folder(inner)?.make_file(file),
            None => dir.make_file(name),
        });
        let mut file = made.map_err(failed)?;
        file.write_all(&octets)
            .and_then(|()| file.sync_all())
            .map_err(failed)?;
    }
    Ok(())
}

/// Removes the table from a copy that becomes a data folder.
pub(super) fn forget(store: &Store) -> Result<(), Error> {
    Ok(store.sql.execute_batch("DROP TABLE IF EXISTS kept_file")?)
}

fn has_table(store: &Store) -> Result<bool, Error> {
    let found = store.sql.query_row(
        "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'kept_file'",
        [],
        |_| Ok(()),
    );
    Ok(found.optional()?.is_some())
}

/// Moves the files from `from` to `to`, the folder of the first part of a name as a whole. What is
/// there already is an error, and nothing is moved.
pub(super) fn install(from: &DirHandle, to: &DirHandle, names: &[&str]) -> Result<(), Error> {
    let mut firsts: Vec<&str> = names
        .iter()
        .filter_map(|name| name.split('/').next())
        .collect();
    firsts.dedup();
    firsts.retain(|first| from.has(first));
    for first in &firsts {
        if to.has(first) {
            let why = "is there already; restore into an empty folder";
            let error = io::Error::new(ErrorKind::AlreadyExists, why);
            return Err(Error::Io(to.path().join(first), error));
        }
    }
    for first in &firsts {
        to.take_in(from, first, first)
            .map_err(|error| Error::Io(to.path().join(first), error))?;
    }
    Ok(())
}

/// Certificates, keys and configurations are far smaller.
const FILE_BYTES_MAX: u64 = 1 << 20;
