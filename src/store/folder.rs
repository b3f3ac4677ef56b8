//! The lock on the data folder. Only the process that holds it may change the folder.
//!
//! The kernel holds the lock (flock) and releases it when the process ends, so a crash leaves
//! nothing to clean up. `verify` and `backup` read without it.

use core::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The data folder, locked until this is dropped.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
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
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
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
        // The number is for the message that another process shows. The lock does not need it.
        let _ = lock.set_len(0);
        let _ = lock.rewind();
        let _ = writeln!(lock, "{}", std::process::id());
        Ok(Folder {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
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
