//! Rights that the process gives up, so that an intruder gains less (DECISIONS.md, "Keys and
//! scopes"); and the questions that it asks the operating system: users, free space.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, chown};
use std::path::Path;

use rustix::fs::{Mode, statvfs};
use rustix::process::{DumpableBehavior, Gid, Uid, geteuid, set_dumpable_behavior};
use rustix::thread::{set_no_new_privs, set_thread_gid, set_thread_groups, set_thread_uid};

/// Only the owner may read or write new files.
pub(super) fn umask() {
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
}

/// Executing a program gives no new privileges; no core dump contains mail and keys.
pub(super) fn forbid() -> Result<(), String> {
    set_no_new_privs(true).map_err(|error| format!("no_new_privs: {error}"))?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|error| format!("PR_SET_DUMPABLE: {error}"))
}

/// Becomes `user` and gives it the data folder; there is no way back. The system calls change
/// one system thread only, so this runs before others are started.
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
            "user = \"{user}\": only root can become another user"
        ));
    }
    give_folder(data, uid, gid).map_err(|error| format!("{}: {error}", data.display()))?;
    let fault = |error: rustix::io::Errno| format!("cannot become {user}: {error}");
    set_thread_groups(&[]).map_err(fault)?;
    set_thread_gid(Gid::from_raw(gid)).map_err(fault)?;
    set_thread_uid(Uid::from_raw(uid)).map_err(fault)
}

/// Gives a user the folder and its contents: two levels, since `tls/` is the deepest folder.
fn give_folder(folder: &Path, uid: u32, gid: u32) -> std::io::Result<()> {
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

/// Checks that this system has the user of the configuration.
pub(super) fn known(user: Option<&str>) -> Result<(), String> {
    user.map_or(Ok(()), |user| look_up(user).map(drop))
}

/// The user and its group, as the system's name service knows them (nsswitch.conf(5)): users
/// of /etc/passwd, of a directory and of systemd.
fn look_up(user: &str) -> Result<(u32, u32), String> {
    uzers::get_user_by_name(user)
        .map(|found| (found.uid(), found.primary_group_id()))
        .ok_or_else(|| format!("user = \"{user}\": this system has no such user"))
}

/// Octets that a process without privileges can still write there. 0 if fewer than 1 % of the
/// inodes are free, since the database needs to make files.
pub(super) fn free_bytes(path: &Path) -> Option<u64> {
    let found = statvfs(path).ok()?;
    // A file system without a table of inodes reports 0 of them.
    if found.f_files > 0 && found.f_favail < found.f_files / 100 {
        return Some(0);
    }
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

/// Writes a file that only its owner can read. After a crash it is whole or missing, so that
/// the server can start again.
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
        assert!(look_up("root").is_ok_and(|ids| ids == (0, 0)));
        for unknown in ["no such user", "roo", "root:x", "root\0", ""] {
            assert!(look_up(unknown).is_err(), "{unknown:?}");
        }
        assert!(free_bytes(Path::new("/")).is_some());
    }
}
