//! Backup of a database in use, and the restore of one. Each has a connection of its own.
//!
//! A backup is one file that SQLite has written anew (`VACUUM INTO`), of one moment, with some
//! files of the folder beside the mail (`kept.rs`). It is not checked when it is written, but when
//! it is restored, before the folder gets it. A restore gives the log another epoch and every
//! mailbox another UIDVALIDITY, so that no client relies on what it knew before.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::limits::Limit;

use super::verify::{Depth, Findings, examine};
use super::{Error, FILE, Folder, Role, SUMS_FILE, Store, kept};
use crate::call::Now;
use crate::dir::DirHandle;

/// Writes a copy of the database of `folder` to the file `to`, which must not exist, with the files
/// of the folder that `names` has. `free` is the disk space there, if it is known. Gives the size
/// of the copy in octets. A server may use the folder meanwhile.
pub fn backup(folder: &Path, names: &[&str], to: &Path, free: Option<u64>) -> Result<u64, Error> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |error| Error::Io(path, error)
    };
    if to.symlink_metadata().is_ok() {
        let error = std::io::Error::new(
            std::io::ErrorKind::AlreadyExists,
            "is there already; a backup is never written over a file",
        );
        return Err(Error::Io(to.to_owned(), error));
    }
    let store = Store::open(folder, Role::Reader, 0)?;
    let size = store.one(
        "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
        [],
        |r| r.get::<_, i64>(0),
    )?;
    let size = super::uint(size.unwrap_or(0));
    if free.is_some_and(|free| free < size.saturating_add(SPARE_BYTES)) {
        let error = std::io::Error::new(
            std::io::ErrorKind::StorageFull,
            format!("there is no room for a copy of {size} octets"),
        );
        return Err(Error::Io(to.to_owned(), error));
    }
    let making = beside(to, ".making");
    // The file is made here and not by SQLite, so that no other user can read it for a moment.
    // VACUUM INTO accepts an empty file.
    let _ = fs::remove_file(&making);
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&making)
        .map_err(at(&making))?;
    let written = copy(&store, &making).and_then(|()| kept::put(&making, folder, names));
    if let Err(error) = written {
        let _ = fs::remove_file(&making);
        return Err(error);
    }
    drop(store);
    File::open(&making)
        .and_then(|f| f.sync_all())
        .map_err(at(&making))?;
    install(&making, to).map_err(at(to))?;
    sync_folder_of(to)?;
    fs::metadata(to).map(|m| m.len()).map_err(at(to))
}

fn copy(store: &Store, to: &Path) -> Result<(), Error> {
    // VACUUM INTO attaches its target, which every other connection forbids (DECISIONS.md, "Log
    // and restore"). It does not write to the source.
    store.sql.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 1)?;
    store.sql.pragma_update(None, "query_only", false)?;
    let to = to.to_str().ok_or_else(|| {
        let error = std::io::Error::new(std::io::ErrorKind::InvalidInput, "is not UTF-8");
        Error::Io(to.to_owned(), error)
    })?;
    store.run("VACUUM INTO ?1", [to]).map(drop)
}

/// Puts a backup into a folder without a database, with the files that `names` has, and makes void
/// what clients remember. A backup with a violation is an error, and the folder stays as it was.
pub fn restore(
    folder: &Folder,
    names: &[&str],
    from: &Path,
    seed: u64,
    now: Now,
) -> Result<(), Error> {
    let path = folder.path().join(FILE);
    let at = |path: &Path| {
        let path = path.to_owned();
        move |error| Error::Io(path, error)
    };
    let dir = folder.dir();
    if dir.has(FILE) {
        let error = std::io::Error::new(
            std::io::ErrorKind::AlreadyExists,
            "is there already; restore into an empty folder",
        );
        return Err(Error::Io(path, error));
    }
    // The copy has a folder of its own until it is known to be good.
    let trial = folder.path().join(TRIAL);
    // Of a link, only the link is deleted.
    let _ = fs::remove_dir_all(&trial);
    let made = dir.make_folder(TRIAL).map_err(at(&trial))?;
    let tried =
        check_copy(&made, names, from, seed, now).and_then(|()| kept::install(&made, dir, names));
    if let Err(error) = tried {
        let _ = fs::remove_dir_all(&trial);
        return Err(error);
    }
    // The checksums of a database that was here before are not those of this one.
    dir.remove(SUMS_FILE).map_err(at(&path))?;
    dir.take_in(&made, SUMS_FILE, SUMS_FILE)
        .map_err(at(&path))?;
    // The folder is one of Postern from this moment on.
    dir.take_in(&made, FILE, FILE).map_err(at(&path))?;
    fs::remove_dir_all(&trial).map_err(at(&trial))?;
    sync_folder_of(&path)
}

fn check_copy(
    made: &DirHandle,
    names: &[&str],
    from: &Path,
    seed: u64,
    now: Now,
) -> Result<(), Error> {
    let trial = made.path();
    let file = trial.join(FILE);
    // The copy is for its owner alone, whatever the rights of the backup are.
    File::open(from)
        .and_then(|mut from| std::io::copy(&mut from, &mut made.make_file(FILE)?))
        .map_err(|error| Error::Io(from.to_owned(), error))?;
    let store = Store::open(trial, Role::Writer, seed).map_err(|error| match error {
        Error::Damaged(_, why) => Error::Damaged(from.to_owned(), why),
        other => other,
    })?;
    let Findings {
        faults, unknown, ..
    } = examine(&store, Depth::Deep, None);
    if let Some(error) = unknown {
        return Err(error);
    }
    if let Some(first) = faults.first() {
        let why = format!("{first} (and {} more)", faults.len() - 1);
        return Err(Error::Damaged(from.to_owned(), why));
    }
    kept::take(&store, trial, names)?;
    store.begin()?;
    if let Err(error) = kept::forget(&store).and_then(|()| store.renew(now)) {
        store.rollback();
        return Err(error);
    }
    store.commit()?;
    store.checkpoint(super::Checkpoint::Truncate)?;
    drop(store);
    File::open(&file)
        .and_then(|f| f.sync_all())
        .map_err(|error| Error::Io(file, error))
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Makes a new name durable: the name is on disk when its folder is.
fn sync_folder_of(path: &Path) -> Result<(), Error> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(folder)
        .and_then(|f| f.sync_all())
        .map_err(|error| Error::Io(folder.to_owned(), error))
}

/// Renames the finished copy. What has come to have the name meanwhile stays.
fn install(making: &Path, to: &Path) -> std::io::Result<()> {
    let name = |path: &Path| path.file_name().map(std::ffi::OsStr::to_owned);
    let folder = match to.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let dir = DirHandle::open(folder)?;
    match (name(making), name(to)) {
        (Some(old), Some(new)) => dir.take_in(&dir, &old, &new),
        _ => Err(std::io::ErrorKind::InvalidInput.into()),
    }
}

/// The folder in the data folder that a copy is tried in.
const TRIAL: &str = "restoring";
/// Disk space that stays free beside the copy.
const SPARE_BYTES: u64 = 16 << 20;
