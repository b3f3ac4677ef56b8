//! The lock on the data folder. Only the process that holds it may change the folder.
//!
//! The kernel holds the lock (flock) and releases it when the process ends, so a crash leaves
//! nothing to clean up. `verify` and `backup` read without it.

use core::fmt;
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The data folder, locked until this is dropped.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// What was in the folder before.
    before: BTreeSet<OsString>,
    /// The folders that were made for it, the deepest first.
    made: Vec<PathBuf>,
    _lock: File,
}

/// Why a folder cannot be used.
#[derive(Debug)]
pub enum FolderError {
    /// Another process has the lock: the folder, and the number that the process wrote into the
    /// file.
    Taken(PathBuf, String),
    /// A file or folder that cannot be made or opened.
    Io(PathBuf, io::Error),
}

impl Folder {
    /// Makes the folder if it is missing, for its owner only, and locks it. Does not wait.
    pub fn lock(path: &Path) -> Result<Folder, FolderError> {
        let failed = |at: &Path| {
            let at = at.to_owned();
            move |error| FolderError::Io(at, error)
        };
        let made: Vec<PathBuf> = path
            .ancestors()
            .take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists())
            .map(Path::to_owned)
            .collect();
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(failed(path))?;
        let before = std::fs::read_dir(path)
            .and_then(|all| all.map(|entry| Ok(entry?.file_name())).collect())
            .map_err(failed(path))?;
        let file = path.join(LOCK_FILE);
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&file)
            .map_err(failed(&file))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut owner = String::new();
                let _ = Read::take(&mut lock, 20).read_to_string(&mut owner);
                return Err(FolderError::Taken(path.to_owned(), owner.trim().to_owned()));
            }
            Err(TryLockError::Error(error)) => return Err(FolderError::Io(file, error)),
        }
        // A start that has failed may have deleted the file between the two steps above. Then the
        // lock is on a file that no other process will find.
        if !is_same(&lock, &file) {
            return Err(FolderError::Taken(path.to_owned(), String::new()));
        }
        // The number is for the message that another process shows. The lock does not need it.
        let _ = lock.set_len(0);
        let _ = lock.rewind();
        let _ = writeln!(lock, "{}", std::process::id());
        Ok(Folder {
            path: path.to_owned(),
            before,
            made,
            _lock: lock,
        })
    }

    /// Takes back what was made since the lock: those of `names` that were not there before, the
    /// file of the lock, and the folders that were made for it, where they are empty then. For a
    /// start or a restore that fails before the folder is of use.
    pub fn abandon(self, names: &[&str]) {
        // What cannot be deleted stays; the reason of the failure is told and not this.
        for name in names.iter().chain([&LOCK_FILE]) {
            if self.before.contains(OsStr::new(name)) {
                continue;
            }
            let path = self.path.join(name);
            let _ = match path.symlink_metadata() {
                Ok(found) if found.is_dir() => std::fs::remove_dir_all(&path),
                _ => std::fs::remove_file(&path),
            };
        }
        for folder in &self.made {
            let _ = std::fs::remove_dir(folder);
        }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Whether the path still names the open file.
fn is_same(open: &File, path: &Path) -> bool {
    let id = |found: std::fs::Metadata| (found.dev(), found.ino());
    match (open.metadata(), std::fs::metadata(path)) {
        (Ok(open), Ok(named)) => id(open) == id(named),
        _ => false,
    }
}

impl fmt::Display for FolderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FolderError::Taken(path, owner) => {
                write!(f, "another postern")?;
                if !owner.is_empty() {
                    write!(f, " (process {owner})")?;
                }
                write!(
                    f,
                    " uses the data folder {}: stop it first, or name another folder with --data",
                    path.display()
                )
            }
            FolderError::Io(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for FolderError {}

const LOCK_FILE: &str = "postern.lock";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_was_made_for_nothing_is_taken_back() {
        let path = std::env::temp_dir().join(format!("postern-abandon-{}", std::process::id()));
        let names = ["tls", "token"];
        let make = |folder: &Path| {
            std::fs::create_dir_all(folder.join("tls")).unwrap();
            std::fs::write(folder.join("tls/key.pem"), "k").unwrap();
            std::fs::write(folder.join("token"), "t").unwrap();
        };
        let list = |folder: &Path| {
            let all = std::fs::read_dir(folder).unwrap();
            let mut all: Vec<OsString> = all.map(|e| e.unwrap().file_name()).collect();
            all.sort();
            all
        };
        // A folder that was made with its parent goes with it.
        std::fs::create_dir_all(&path).unwrap();
        let folder = Folder::lock(&path.join("a/data")).unwrap();
        make(folder.path());
        folder.abandon(&names);
        assert!(list(&path).is_empty());
        // What was there before stays, and so does what is not ours.
        let data = path.join("data");
        std::fs::create_dir_all(data.join("tls")).unwrap();
        let folder = Folder::lock(&data).unwrap();
        make(folder.path());
        std::fs::write(data.join("notes"), "n").unwrap();
        folder.abandon(&names);
        assert_eq!(list(&data), ["notes", "tls"]);
        assert!(data.join("tls/key.pem").exists());
        std::fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn one_at_a_time() {
        let path = std::env::temp_dir().join(format!("postern-lock-{}", std::process::id()));
        let first = Folder::lock(&path.join("data")).unwrap();
        let mode = std::fs::metadata(first.path())
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o077, 0);
        let second = Folder::lock(first.path()).unwrap_err().to_string();
        let id = std::process::id().to_string();
        assert!(
            second.contains(&id) && second.contains("--data"),
            "{second}"
        );
        drop(first);
        Folder::lock(&path.join("data")).unwrap();
        // A file in the way is an error that names it.
        std::fs::write(path.join("file"), "x").unwrap();
        assert!(matches!(
            Folder::lock(&path.join("file")),
            Err(FolderError::Io(..))
        ));
        std::fs::remove_dir_all(path).unwrap();
    }
}
