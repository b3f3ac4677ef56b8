//! The setting of glibc's allocator: every large block goes back to the system when it is freed.
//!
//! glibc maps a block of its own only from a size on that grows to the largest block freed, up
//! to 32 MiB. After some large messages the buffers of the next ones come from heaps that stay
//! with the process: 256 MiB of mail on its way in then take 500 MiB and keep them. The limit
//! of memory could not tell them from memory in use. mallopt(3) would fix the size but needs
//! `unsafe`; the environment fixes it before a process begins. So the program executes itself
//! once more, with that environment.

use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use signal_hook::consts::signal::SIGPIPE;

/// Executes the program again in the same process, with the setting. Returns if that is done
/// already, is not needed or is not possible: the server also works without it.
pub(super) fn return_large_blocks() {
    let is_glibc = cfg!(all(target_os = "linux", target_env = "gnu"));
    // A variable of its own, since the loader removes the others from a program with
    // capabilities.
    if !is_glibc || env::var_os(SETTLED).is_some() {
        return;
    }
    let words: Vec<OsString> = env::args_os().collect();
    if let (Ok(program), Some((name, rest))) = (env::current_exe(), words.split_first())
        && is_ours(&program, name)
    {
        execute_again(&program, name, rest);
    }
}

/// Whether the executed file is this program. If it was started through a dynamic loader, the
/// file is the loader, and our arguments would mean something else to it.
fn is_ours(program: &Path, name: &OsStr) -> bool {
    let file = program.file_name();
    file == Path::new(name).file_name() || file == Some(OsStr::new(env!("CARGO_PKG_NAME")))
}

/// Returns only if the program cannot be executed.
fn execute_again(program: &Path, name: &OsStr, words: &[OsString]) {
    let mut again = Command::new(program);
    again.arg0(name).args(words).env(SETTLED, "1");
    if env::var_os(THRESHOLD).is_none() {
        again.env(THRESHOLD, LARGE_BYTES);
    }
    let _ = again.exec();
    // `exec` has reset SIGPIPE for the next program: a reader of our output that ends would
    // now end the server. An action that does nothing is as good as ignoring the signal. If it
    // cannot be set, the server runs without it.
    let _ = signal_hook::flag::register(SIGPIPE, Arc::default());
}

const SETTLED: &str = "POSTERN_SETTLED";
const THRESHOLD: &str = "MALLOC_MMAP_THRESHOLD_";
/// Blocks of this size and above are mapped: all that a peer can make a connection keep, also
/// its unsent output up to the limit. Smaller are the blocks of ordinary work.
const LARGE_BYTES: &str = "65536";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write;

    use super::*;

    #[test]
    fn a_program_that_is_not_there_leaves_this_one_as_it_was() {
        execute_again(
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
