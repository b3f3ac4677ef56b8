//! Plain octets of files, and the checksum of a page.

use std::fs::File;
use std::io::{ErrorKind, Result};
use std::os::unix::fs::FileExt;

use crate::store::open::PAGE_BYTES;

/// Up to `n` pages of a database from `first` on.
pub(super) fn read_pages(database: &File, first: u32, n: u32) -> Result<Vec<u8>> {
    let mut octets = vec![0; n as usize * PAGE];
    let at = u64::from(first.saturating_sub(1)) * PAGE as u64;
    let len = read_up_to(database, &mut octets, at)?;
    octets.truncate(len);
    Ok(octets)
}

/// Reads until the buffer is full or the file ends; how many octets.
pub(super) fn read_up_to(file: &File, buffer: &mut [u8], at: u64) -> Result<usize> {
    let mut len = 0;
    while let Some(space) = buffer.get_mut(len..).filter(|space| !space.is_empty()) {
        match file.read_at(space, at + len as u64) {
            Ok(0) => break,
            Ok(n) => len += n,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(len)
}

/// The checksum of a page. It is never 0.
pub(super) fn page_sum(octets: &[u8]) -> u32 {
    crc32fast::hash(octets).max(1)
}

/// Octets of a page.
pub(super) const PAGE: usize = PAGE_BYTES as usize;
