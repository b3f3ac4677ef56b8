//! A file that reserves disk space. On a full disk SQLite cannot commit a deletion, since the
//! deletion goes to the write-ahead log first. Then this file is deleted, deletions work again,
//! and they free the space that is missing.
//!
//! The reserve is not for new mail: mail is refused long before, by the free space of the disk
//! (DECISIONS.md, "Fairness and limits").

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate};

use super::harden::free_bytes;

/// The file `ballast` in the data folder, which may exist or not.
#[derive(Clone, Debug)]
pub(super) struct ReserveFile {
    path: PathBuf,
}

impl ReserveFile {
    /// For this data folder; makes no file yet.
    pub fn new(data: &Path) -> Self {
        ReserveFile {
            path: data.join("ballast"),
        }
    }

    /// Makes the file if it is missing and the disk has enough space.
    pub fn keep(&self) {
        if fs::metadata(&self.path).is_ok_and(|file| file.len() == RESERVE_BYTES) {
            return;
        }
        let folder = self.path.parent().unwrap_or(Path::new("."));
        if free_bytes(folder).is_none_or(|free| free < KEEP_FROM_BYTES) {
            return;
        }
        if let Err(error) = self.make() {
            log::warn!("{}: {error}", self.path.display());
            self.delete();
        }
    }

    /// Deletes the file; `false` if there was none.
    pub fn delete(&self) -> bool {
        let given = fs::remove_file(&self.path).is_ok();
        if given {
            log::warn!("the disk is full: the reserve was deleted, so that deletions go on");
        }
        given
    }

    /// Deletes the file if the disk is too full to open the database.
    pub fn delete_if_short(&self) {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        if free_bytes(folder).is_some_and(|free| free < OPEN_BYTES) {
            self.delete();
        }
    }

    fn make(&self) -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&self.path)?;
        if fallocate(&file, FallocateFlags::empty(), 0, RESERVE_BYTES).is_ok() {
            return Ok(());
        }
        // This file system cannot reserve blocks, so octets are written.
        let piece = [0u8; 64 * 1024];
        let mut left = RESERVE_BYTES;
        while left > 0 {
            file.write_all(&piece)?;
            left = left.saturating_sub(piece.len() as u64);
        }
        Ok(())
    }
}

/// Enough for thousands of deletions in the write-ahead log.
const RESERVE_BYTES: u64 = 16 << 20;
/// With less free space than this mail is refused; the reserve must not be the reason.
const KEEP_FROM_BYTES: u64 = 128 << 20;
/// With less free space than this opening may fail: it writes the index of the write-ahead log.
const OPEN_BYTES: u64 = 4 << 20;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn is_made_once_and_deleted_once() {
        let data = std::env::temp_dir().join(format!("postern-reserve-{}", std::process::id()));
        fs::create_dir_all(&data).unwrap();
        let reserve = ReserveFile::new(&data);
        if free_bytes(&data).unwrap() >= KEEP_FROM_BYTES {
            reserve.keep();
            reserve.keep();
            assert_eq!(fs::metadata(&reserve.path).unwrap().len(), RESERVE_BYTES);
            reserve.delete_if_short();
            assert!(reserve.delete());
        }
        assert!(!reserve.delete());
        fs::remove_dir_all(data).unwrap();
    }
}
