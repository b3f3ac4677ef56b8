//! How the C library's allocator is to behave: large blocks go back to the system when they
//! are freed, always.
//!
//! Left to itself glibc raises the size from which it maps a block of its own to that of the
//! largest one freed, up to 32 MiB. After a few large messages every buffer of the next ones
//! is cut from heaps that are not given back: 256 MiB of mail on its way in then take 500 and
//! keep them for good, which the watermark of memory could not tell from use. Without `unsafe`
//! (mallopt(3) needs it) the size is fixed by the environment only, before a process begins;
//! so this one begins again.

use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use signal_hook::consts::signal::SIGPIPE;

/// Begins the program anew, in the same process, with the allocator told. Comes back where
/// that is done already, is not wanted or cannot be: everything works without.
pub(super) fn settle() {
    let is_glibc = cfg!(all(target_os = "linux", target_env = "gnu"));
    // A variable of our own, since the others may be taken away from a program with
    // capabilities.
    if !is_glibc || env::var_os(SETTLED).is_some() {
        return;
    }
    let words: Vec<OsString> = env::args_os().collect();
    if let (Ok(program), Some((name, rest))) = (env::current_exe(), words.split_first())
        && is_ours(&program, name)
    {
        begin_anew(&program, name, rest);
    }
}

/// Whether the file that runs is this program. Started through a dynamic loader it is the
/// loader, to which our words mean something else.
fn is_ours(program: &Path, name: &OsStr) -> bool {
    let file = program.file_name();
    file == Path::new(name).file_name() || file == Some(OsStr::new(env!("CARGO_PKG_NAME")))
}

/// Comes back only when there is no other program to become.
fn begin_anew(program: &Path, name: &OsStr, words: &[OsString]) {
    let mut again = Command::new(program);
    again.arg0(name).args(words).env(SETTLED, "1");
    if env::var_os(THRESHOLD).is_none() {
        again.env(THRESHOLD, LARGE_BYTES);
    }
    let _ = again.exec();
    // It has set SIGPIPE back on its way, for the program to come: a reader of our output that
    // goes would end the server. An action that does nothing is as good as being ignored, and
    // where even that cannot be had there is nothing to be done.
    let _ = signal_hook::flag::register(SIGPIPE, Arc::default());
}

const SETTLED: &str = "POSTERN_SETTLED";
const THRESHOLD: &str = "MALLOC_MMAP_THRESHOLD_";
/// Blocks from here on are mapped: whatever a peer can make a connection keep, output up to
/// its high-water mark included. Below are the blocks of ordinary turns.
const LARGE_BYTES: &str = "65536";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write;

    use super::*;

    #[test]
    fn a_program_that_is_not_there_leaves_this_one_as_it_was() {
        begin_anew(
            Path::new("/nonexistent/postern"),
            OsStr::new("postern"),
            &[],
        );
        let (reader, mut writer) = std::io::pipe().unwrap();
        drop(reader);
        let error = writer.write_all(b"x").unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn a_loader_is_not_ours() {
        for (program, name, ours) in [
            ("/opt/postern", "postern", true),
            ("/opt/postern", "/usr/sbin/mail", true),
            ("/opt/mail", "./mail", true),
            ("/opt/postern", "", true),
            ("/lib64/ld-linux-x86-64.so.2", "./postern", false),
            ("/lib64/ld-linux-x86-64.so.2", "", false),
        ] {
            assert_eq!(
                is_ours(Path::new(program), OsStr::new(name)),
                ours,
                "{program} {name}"
            );
        }
    }
}
