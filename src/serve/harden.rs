//! Rights that the process gives up, so that an intruder gains less (DECISIONS.md, "Keys and
//! scopes"); and the questions that it asks the operating system: users, free space.

use std::path::Path;

use rustix::fs::Mode;
use rustix::process::{DumpableBehavior, Gid, Uid, geteuid, set_dumpable_behavior};
use rustix::thread::{set_no_new_privs, set_thread_gid, set_thread_groups, set_thread_uid};

use crate::config::FOLDER_FILES;
use crate::dir::{DirHandle, Owner};
use crate::store::LOCK_FILE;

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

/// The user that this process has to become: the one of the configuration, if it is not that user
/// already. Errors: there is no such user, or the process is not root.
pub(super) fn user_to_become(user: Option<&str>) -> Result<Option<Owner>, String> {
    let me = geteuid();
    let Some(user) = user else {
        if me.is_root() {
            log::warn!(
                "the server runs as root: set `user` in the configuration to the name of a user of \
                 its own, so that an intruder gains less"
            );
        }
        return Ok(None);
    };
    let owner = look_up(user)?;
    if me.as_raw() == owner.uid {
        return Ok(None);
    }
    match me.is_root() {
        true => Ok(Some(owner)),
        false => Err(format!(
            "user = \"{user}\": only root can become another user"
        )),
    }
}

/// Becomes `user`; there is no way back. What root has made in its own folder before goes to that
/// user with the folder. A folder that is the user's already is left as it is: the user may have
/// put anything there. The system calls change one system thread only, so this runs before others
/// are started.
pub(super) fn leave_root(user: Owner, folder: &DirHandle) -> Result<(), String> {
    let failed = |path: &Path, error| format!("{}: {error}", path.display());
    let path = folder.path();
    if folder.owner().map_err(|e| failed(path, e))?.uid != user.uid {
        folder
            .give(FOLDER_FILES, user)
            .and_then(|()| folder.give(&[LOCK_FILE], user))
            .map_err(|(path, error)| failed(&path, error))?;
        folder.give_itself(user).map_err(|e| failed(path, e))?;
    }
    become_user(user)
}

/// Becomes a user and its group.
pub fn become_user(user: Owner) -> Result<(), String> {
    let fault = |error: rustix::io::Errno| format!("cannot become user {}: {error}", user.uid);
    set_thread_groups(&[]).map_err(fault)?;
    set_thread_gid(Gid::from_raw(user.gid)).map_err(fault)?;
    set_thread_uid(Uid::from_raw(user.uid)).map_err(fault)
}

/// Checks that this system has the user of the configuration.
pub(super) fn known(user: Option<&str>) -> Result<(), String> {
    user.map_or(Ok(()), |user| look_up(user).map(drop))
}

/// The user and its group, as the system's name service knows them (nsswitch.conf(5)): users
/// of /etc/passwd, of a directory and of systemd.
fn look_up(user: &str) -> Result<Owner, String> {
    uzers::get_user_by_name(user)
        .map(|found| Owner {
            uid: found.uid(),
            gid: found.primary_group_id(),
        })
        .ok_or_else(|| format!("user = \"{user}\": this system has no such user"))
}

/// Octets that a process without privileges can still write there. 0 if fewer than 1 % of the
/// inodes are free, since the database needs to make files.
pub(super) fn free_bytes(folder: &DirHandle) -> Option<u64> {
    let found = folder.disk().ok()?;
    // A file system without a table of inodes reports 0 of them.
    if found.f_files > 0 && found.f_favail < found.f_files / 100 {
        return Some(0);
    }
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_their_whole_name() {
        assert!(look_up("root").is_ok_and(|root| root == Owner { uid: 0, gid: 0 }));
        for unknown in ["no such user", "roo", "root:x", "root\0", ""] {
            assert!(look_up(unknown).is_err(), "{unknown:?}");
        }
        let folder = DirHandle::open(Path::new("/"));
        assert!(folder.is_ok_and(|folder| free_bytes(&folder).is_some()));
    }
}
