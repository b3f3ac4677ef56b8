//! A file that reserves disk space. On a full disk SQLite cannot commit a deletion, since the
//! deletion goes to the write-ahead log first. Then this file is deleted, deletions work again,
//! and they free the space that is missing.
//!
//! The reserve is not for new mail: mail is refused long before, by the free space of the disk
//! (DECISIONS.md, "Fairness and limits").

use std::io::{self, Write};

use rustix::fs::{FallocateFlags, fallocate};

use super::harden::free_bytes;
use crate::dir::DirHandle;

/// The file `ballast` in the data folder, which may exist or not.
#[derive(Clone, Debug)]
pub(super) struct ReserveFile {
    folder: DirHandle,
}

impl ReserveFile {
    /// For this data folder; makes no file yet.
    pub fn new(data: &DirHandle) -> Self {
        ReserveFile {
            folder: data.clone(),
        }
    }

    /// Makes the file if it is missing and the disk has enough space.
    pub fn keep(&self) {
        let length = |file: std::fs::File| Ok(file.metadata()?.len());
        let length = self.folder.open_file(NAME).and_then(length);
        if length.is_ok_and(|length| length == RESERVE_BYTES) {
            return;
        }
        if free_bytes(&self.folder).is_none_or(|free| free < KEEP_FROM_BYTES) {
            return;
        }
        if let Err(error) = self.make() {
            log::warn!("{}: {error}", self.folder.path().join(NAME).display());
            self.delete();
        }
    }

    /// Deletes the file; `false` if there was none.
    pub fn delete(&self) -> bool {
        let given = self.folder.remove(NAME).is_ok_and(|was_there| was_there);
        if given {
            log::warn!("the disk is full: the reserve was deleted, so that deletions go on");
        }
        given
    }

    /// Deletes the file if the disk is too full to open the database.
    pub fn delete_if_short(&self) {
        if free_bytes(&self.folder).is_some_and(|free| free < OPEN_BYTES) {
            self.delete();
        }
    }

    fn make(&self) -> io::Result<()> {
        self.folder.remove(NAME)?;
        let mut file = self.folder.make_file(NAME)?;
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

const NAME: &str = "ballast";
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
    use std::fs;

    #[test]
    fn is_made_once_and_deleted_once() {
        let data = std::env::temp_dir().join(format!("postern-reserve-{}", std::process::id()));
        fs::create_dir_all(&data).unwrap();
        let folder = DirHandle::open(&data).unwrap();
        let reserve = ReserveFile::new(&folder);
        if free_bytes(&folder).unwrap() >= KEEP_FROM_BYTES {
            reserve.keep();
            reserve.keep();
            assert_eq!(fs::metadata(data.join(NAME)).unwrap().len(), RESERVE_BYTES);
            reserve.delete_if_short();
            assert!(reserve.delete());
        }
        assert!(!reserve.delete());
        fs::remove_dir_all(data).unwrap();
    }
}
