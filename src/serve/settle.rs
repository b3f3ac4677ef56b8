//! How the C library's allocator is to behave: large blocks go back to the system when they
//! are freed, always.
//!
//! Left to itself glibc raises the size from which it maps a block of its own to that of the
//! largest one freed, up to 32 MiB. After a few large messages every buffer of the next ones
//! is cut from heaps that are not given back: 256 MiB of mail on its way in then take 500 and
//! keep them for good, which the watermark of memory could not tell from use. The size is
//! fixed by the environment only, before a process begins; so this one begins again.

use std::env;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Begins the program anew, in the same process, with the allocator told. Comes back where
/// that is done already, is not wanted or cannot be: everything works without.
pub(super) fn allocator() {
    let is_glibc = cfg!(all(target_os = "linux", target_env = "gnu"));
    // A variable of our own, since the others may be taken away from a program with
    // capabilities.
    if !is_glibc || env::var_os(SETTLED).is_some() {
        return;
    }
    let Ok(program) = env::current_exe() else {
        return;
    };
    let mut words = env::args_os();
    let mut again = Command::new(program);
    if let Some(name) = words.next() {
        again.arg0(name);
    }
    again.args(words).env(SETTLED, "1");
    if env::var_os(THRESHOLD).is_none() {
        again.env(THRESHOLD, LARGE_BYTES);
    }
    // It returns only when there is no other program to become.
    let _ = again.exec();
}

const SETTLED: &str = "POSTERN_SETTLED";
const THRESHOLD: &str = "MALLOC_MMAP_THRESHOLD_";
/// Blocks from here on are mapped: whatever a peer can make a connection keep, output up to
/// its high-water mark included. Below are the blocks of ordinary turns.
const LARGE_BYTES: &str = "65536";
