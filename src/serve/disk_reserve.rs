//! A file that is there to be deleted. When the disk is full SQLite cannot even commit a
//! deletion, since that goes to the write-ahead log first; then the ballast goes, and what
//! the users delete makes the room that is missing. Mail is not let in on its account: that
//! is refused long before, by free space (reliability.md R05).

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate};

use super::harden::free_bytes;

/// The file, which may be there or not.
#[derive(Clone, Debug)]
pub(super) struct Ballast {
    path: PathBuf,
}

impl Ballast {
    /// For this data folder; makes nothing yet.
    pub fn new(data: &Path) -> Self {
        Ballast {
            path: data.join("ballast"),
        }
    }

    /// Makes the file when there is room to spare and it is missing.
    pub fn keep(&self) {
        if fs::metadata(&self.path).is_ok_and(|file| file.len() == BALLAST_BYTES) {
            return;
        }
        let folder = self.path.parent().unwrap_or(Path::new("."));
        if free_bytes(folder).is_none_or(|free| free < KEEP_FROM_BYTES) {
            return;
        }
        if let Err(error) = self.make() {
            log::warn!("{}: {error}", self.path.display());
            self.give();
        }
    }

    /// Deletes the file; whether that made room.
    pub fn give(&self) -> bool {
        let given = fs::remove_file(&self.path).is_ok();
        if given {
            log::warn!("the disk is full: the ballast was deleted, so that deletions go on");
        }
        given
    }

    /// Before the database is opened on a disk that may be too full for that.
    pub fn give_if_short(&self) {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        if free_bytes(folder).is_some_and(|free| free < OPEN_BYTES) {
            self.give();
        }
    }

    fn make(&self) -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&self.path)?;
        if fallocate(&file, FallocateFlags::empty(), 0, BALLAST_BYTES).is_ok() {
            return Ok(());
        }
        // A file system that cannot reserve blocks is given octets.
        let piece = [0u8; 64 * 1024];
        let mut left = BALLAST_BYTES;
        while left > 0 {
            file.write_all(&piece)?;
            left = left.saturating_sub(piece.len() as u64);
        }
        Ok(())
    }
}

/// Enough for thousands of deletions in the write-ahead log.
const BALLAST_BYTES: u64 = 16 << 20;
/// With less than this mail is refused anyway, and the ballast must not be why.
const KEEP_FROM_BYTES: u64 = 128 << 20;
/// With less than this opening may fail: the index of the write-ahead log is written then.
const OPEN_BYTES: u64 = 4 << 20;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn is_made_once_and_given_once() {
        let data = std::env::temp_dir().join(format!("postern-ballast-{}", std::process::id()));
        fs::create_dir_all(&data).unwrap();
        let ballast = Ballast::new(&data);
        if free_bytes(&data).unwrap() >= KEEP_FROM_BYTES {
            ballast.keep();
            ballast.keep();
            assert_eq!(fs::metadata(&ballast.path).unwrap().len(), BALLAST_BYTES);
            ballast.give_if_short();
            assert!(ballast.give());
        }
        assert!(!ballast.give());
        fs::remove_dir_all(data).unwrap();
    }
}
