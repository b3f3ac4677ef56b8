//! What the process may do to itself to be worth less to an intruder (decisions.md 36), and
//! the few other questions that it asks the system.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, chown};
use std::path::Path;

use rustix::fs::{Mode, statvfs};
use rustix::process::{DumpableBehavior, Gid, Uid, geteuid, set_dumpable_behavior};
use rustix::thread::{set_no_new_privs, set_thread_gid, set_thread_groups, set_thread_uid};

/// Files are the owner's alone.
pub(super) fn umask() {
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
}

/// No new privileges by executing anything, no core dumps with mail and keys in them.
pub(super) fn forbid() -> Result<(), String> {
    set_no_new_privs(true).map_err(|error| format!("no_new_privs: {error}"))?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|error| format!("PR_SET_DUMPABLE: {error}"))
}

/// Becomes `user`, for good, and gives it the data folder. The system calls change one
/// thread, so this comes before any other is started.
pub(super) fn leave_root(user: Option<&str>, data: &Path) -> Result<(), String> {
    let Some(user) = user else {
        return Ok(());
    };
    let (uid, gid) = look_up(user)?;
    if !geteuid().is_root() {
        if geteuid().as_raw() == uid {
            return Ok(());
        }
        return Err(format!(
            "user = \"{user}\": only root can become somebody else"
        ));
    }
    give(data, uid, gid).map_err(|error| format!("{}: {error}", data.display()))?;
    let fault = |error: rustix::io::Errno| format!("cannot become {user}: {error}");
    set_thread_groups(&[]).map_err(fault)?;
    set_thread_gid(Gid::from_raw(gid)).map_err(fault)?;
    set_thread_uid(Uid::from_raw(uid)).map_err(fault)
}

/// The folder with all in it; its depth is ours (`tls/`), so two levels are enough.
fn give(folder: &Path, uid: u32, gid: u32) -> std::io::Result<()> {
    chown(folder, Some(uid), Some(gid))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        chown(entry.path(), Some(uid), Some(gid))?;
        if entry.file_type()?.is_dir() {
            for inner in fs::read_dir(entry.path())? {
                chown(inner?.path(), Some(uid), Some(gid))?;
            }
        }
    }
    Ok(())
}

/// User and group by name, from the file that every Linux has.
fn look_up(user: &str) -> Result<(u32, u32), String> {
    let text = fs::read_to_string("/etc/passwd").map_err(|e| format!("/etc/passwd: {e}"))?;
    text.lines()
        .find_map(|line| entry(line, user))
        .ok_or_else(|| format!("user = \"{user}\": no such user in /etc/passwd"))
}

/// `name:password:uid:gid:…`
fn entry(line: &str, user: &str) -> Option<(u32, u32)> {
    let mut fields = line.split(':');
    if fields.next() != Some(user) {
        return None;
    }
    let uid = fields.nth(1)?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    Some((uid, gid))
}

/// Octets that a process without privileges can still write there: none when files cannot be
/// made any more, since the database needs some (reliability.md section 3: 1 % of the inodes).
pub(super) fn free_bytes(path: &Path) -> Option<u64> {
    let found = statvfs(path).ok()?;
    // A file system without a table of inodes says that it has 0.
    if found.f_files > 0 && found.f_favail < found.f_files / 100 {
        return Some(0);
    }
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

/// A file that only its owner reads, whole or not at all: a server that is killed here must
/// start again.
pub(super) fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let new = path.with_extension("new");
    let _ = std::fs::remove_file(&new);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&new, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_their_whole_name() {
        assert_eq!(
            entry("mail:x:8:12:mail:/var/mail:/bin/sh", "mail"),
            Some((8, 12))
        );
        assert_eq!(entry("mailman:x:8:12::/:/bin/sh", "mail"), None);
        assert_eq!(entry("mail:x:eight:12", "mail"), None);
        assert!(look_up("root").is_ok_and(|ids| ids == (0, 0)));
        assert!(look_up("no such user").is_err());
        assert!(free_bytes(Path::new("/")).is_some());
    }
}
