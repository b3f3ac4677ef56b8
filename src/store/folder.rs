//! The lock on the data folder. Only the process that holds it may change the folder.
//!
//! The kernel holds the lock (flock) and releases it when the process ends, so a crash leaves
//! nothing to clean up. `verify` and `backup` read without it.

use core::fmt;
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::dir::{DirHandle, Owner};

/// The data folder, locked from [`Folder::take_lock`] until this is dropped.
#[derive(Debug)]
pub struct Folder {
    dir: DirHandle,
    /// What was in the folder before.
    before: BTreeSet<OsString>,
    /// The folders that were made for it, the deepest first.
    made: Vec<PathBuf>,
    lock: Option<File>,
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
        let mut folder = Folder::open(path, None)?;
        folder.take_lock()?;
        Ok(folder)
    }

    /// Makes the folder if it is missing, and writes nothing in it. A process of root that will
    /// become `owner` gives it what it makes.
    pub fn open(path: &Path, owner: Option<Owner>) -> Result<Folder, FolderError> {
        let failed = |error| FolderError::Io(path.to_owned(), error);
        let (dir, made) = DirHandle::make(path, owner).map_err(failed)?;
        let before = dir.names().map_err(failed)?.into_iter().collect();
        Ok(Folder {
            dir,
            before,
            made,
            lock: None,
        })
    }

    /// Whether another process has the lock of a folder now.
    pub fn is_locked(path: &Path) -> bool {
        let file = DirHandle::open(path).and_then(|dir| dir.open_file(LOCK_FILE));
        file.is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
    }

    /// Checks that no other process has the lock now, and writes nothing.
    pub fn check_lock(&self) -> Result<(), FolderError> {
        match self.dir.open_file(LOCK_FILE) {
            Ok(mut file) => self.try_lock(&mut file),
            // The file is made with the lock; what is wrong with it is told then.
            Err(_) => Ok(()),
        }
    }

    /// Locks the folder. Does not wait.
    pub fn take_lock(&mut self) -> Result<(), FolderError> {
        let opened = self.dir.open_or_make(LOCK_FILE);
        let mut lock = opened.map_err(|error| FolderError::Io(self.lock_path(), error))?;
        self.try_lock(&mut lock)?;
        // A start that has failed may have deleted the file between the two steps above. Then the
        // lock is on a file that no other process will find.
        if !self.is_named(&lock) {
            return Err(FolderError::Taken(self.path().to_owned(), String::new()));
        }
        // The number is for the message that another process shows. The lock does not need it.
        let _ = lock.set_len(0);
        let _ = lock.rewind();
        let _ = writeln!(lock, "{}", std::process::id());
        self.lock = Some(lock);
        Ok(())
    }

    fn try_lock(&self, lock: &mut File) -> Result<(), FolderError> {
        match lock.try_lock() {
            Ok(()) => Ok(()),
            Err(TryLockError::WouldBlock) => {
                let mut owner = String::new();
                let _ = Read::take(lock, 20).read_to_string(&mut owner);
                let owner = owner.trim().to_owned();
                Err(FolderError::Taken(self.path().to_owned(), owner))
            }
            Err(TryLockError::Error(error)) => Err(FolderError::Io(self.lock_path(), error)),
        }
    }

    /// Whether the file of the lock still has its name.
    fn is_named(&self, lock: &File) -> bool {
        let id = |found: std::fs::Metadata| (found.dev(), found.ino());
        let named = self
            .dir
            .open_file(LOCK_FILE)
            .and_then(|file| file.metadata());
        match (lock.metadata(), named) {
            (Ok(open), Ok(named)) => id(open) == id(named),
            _ => false,
        }
    }

    fn lock_path(&self) -> PathBuf {
        self.path().join(LOCK_FILE)
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
            let path = self.path().join(name);
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
        self.dir.path()
    }

    /// The folder by its handle.
    pub fn dir(&self) -> &DirHandle {
        &self.dir
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

/// The file of the lock.
pub const LOCK_FILE: &str = "postern.lock";

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
