//! A folder by its handle, and the files in it by their names: no link is followed inside it.
//!
//! A process that starts as root must not write through a link that another user has put into its
//! folder. So a file here is a regular file with one name, or it is refused; a new file is made
//! and never opened if something is there; and every file and folder is for its owner alone. What
//! stands above the folder is checked for root: only root and the user of the server may change it.
//!
//! This file knows nothing of what the names mean.

use std::ffi::{OsStr, OsString};
use std::fs::{DirBuilder, File};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RenameFlags, Stat};
use rustix::io::Errno;
use rustix::process::{Gid, Uid, geteuid};

/// An open folder. Clones share the handle.
#[derive(Clone, Debug)]
pub struct DirHandle {
    fd: Arc<OwnedFd>,
    path: PathBuf,
}

/// A user and its group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Owner {
    /// The user.
    pub uid: u32,
    /// The group.
    pub gid: u32,
}

impl DirHandle {
    /// Opens a folder that exists.
    pub fn open(path: &Path) -> io::Result<DirHandle> {
        let fd = rustix::fs::openat(CWD, path, FOLDER, Mode::empty())?;
        Ok(DirHandle {
            fd: Arc::new(fd),
            path: path.to_owned(),
        })
    }

    /// Opens a folder, and makes it for its owner alone if it is missing, with those above it.
    /// Gives those that were made, the deepest first. For root, what is above may be changed by
    /// root and by `owner` alone, and so may the folder; what was made belongs to `owner`.
    pub fn make(path: &Path, owner: Option<Owner>) -> io::Result<(DirHandle, Vec<PathBuf>)> {
        let made: Vec<PathBuf> = path
            .ancestors()
            .take_while(|folder| !folder.as_os_str().is_empty())
            .take_while(|folder| folder.symlink_metadata().is_err())
            .map(Path::to_owned)
            .collect();
        let is_root = geteuid().is_root();
        if is_root {
            let top = made.last().map_or(path, |made| made.as_path());
            check_way(above(top), owner)?;
        }
        for folder in made.iter().rev() {
            DirBuilder::new().mode(0o700).create(folder)?;
            if let (true, Some(owner)) = (is_root, owner) {
                DirHandle::open_itself(folder)?.give_itself(owner)?;
            }
        }
        if is_root && path.is_symlink() {
            let uid = path.symlink_metadata()?.uid();
            if uid != 0 && owner.is_none_or(|owner| owner.uid != uid) {
                return refuse(format!("is a symbolic link of user {uid}: name its target"));
            }
            check_way(above(&path.canonicalize()?), owner)?;
        }
        let folder = DirHandle::open(path)?;
        folder.close_to_others(owner)?;
        Ok((folder, made))
    }

    /// The same as [`DirHandle::open`], but a link is refused.
    fn open_itself(path: &Path) -> io::Result<DirHandle> {
        let fd = rustix::fs::openat(CWD, path, FOLDER | OFlags::NOFOLLOW, Mode::empty())?;
        Ok(DirHandle {
            fd: Arc::new(fd),
            path: path.to_owned(),
        })
    }

    /// The path that the folder was opened by.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The user and the group that the folder belongs to.
    pub fn owner(&self) -> io::Result<Owner> {
        let found = rustix::fs::fstat(&self.fd)?;
        Ok(Owner {
            uid: found.st_uid,
            gid: found.st_gid,
        })
    }

    /// The names in the folder.
    pub fn names(&self) -> io::Result<Vec<OsString>> {
        let all = std::fs::read_dir(&self.path)?;
        all.map(|entry| Ok(entry?.file_name())).collect()
    }

    /// Whether there is something of this name, were it a link that leads nowhere.
    pub fn has(&self, name: impl AsRef<OsStr>) -> bool {
        self.stat(name.as_ref()).is_ok()
    }

    /// Opens a file that exists, to read it. Errors: a link, a second name, no regular file.
    pub fn open_file(&self, name: &str) -> io::Result<File> {
        let file = self.open_with(name, OFlags::RDONLY)?;
        Ok(file)
    }

    /// Opens a file to read and write it, and makes it if it is missing.
    pub fn open_or_make(&self, name: &str) -> io::Result<File> {
        match self.open_with(name, OFlags::RDWR) {
            Err(error) if error.kind() == ErrorKind::NotFound => self.make_file(name),
            opened => opened,
        }
    }

    /// Makes a file for its owner alone. Error: there is something of this name.
    pub fn make_file(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
        let fd = rustix::fs::openat(&self.fd, name, flags | OFlags::CLOEXEC, PRIVATE_FILE)?;
        rustix::fs::fchmod(&fd, PRIVATE_FILE)?;
        Ok(File::from(fd))
    }

    /// The octets of a file, `max` at most. A longer file is an error.
    pub fn read(&self, name: &str, max: u64) -> io::Result<Vec<u8>> {
        let mut octets = Vec::new();
        let file = self.open_file(name)?;
        file.take(max.saturating_add(1)).read_to_end(&mut octets)?;
        match octets.len() as u64 > max {
            true => Err(ErrorKind::FileTooLarge.into()),
            false => Ok(octets),
        }
    }

    /// The same as text.
    pub fn read_text(&self, name: &str) -> io::Result<String> {
        String::from_utf8(self.read(name, TEXT_BYTES_MAX)?)
            .map_err(|_| io::Error::new(ErrorKind::InvalidData, "is not UTF-8"))
    }

    /// Writes a file for its owner alone, in place of what has this name. After a crash it is whole
    /// or missing.
    pub fn write(&self, name: &str, octets: &[u8]) -> io::Result<()> {
        let new = Path::new(name).with_extension("new");
        let new = new.to_str().unwrap_or("new");
        self.remove(new)?;
        let mut file = self.make_file(new)?;
        file.write_all(octets)?;
        file.sync_all()?;
        rustix::fs::renameat(&self.fd, new, &self.fd, name)?;
        self.sync()
    }

    /// Deletes a file or a link; gives whether there was one.
    pub fn remove(&self, name: &str) -> io::Result<bool> {
        match rustix::fs::unlinkat(&self.fd, name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Renames a file of `from` into this folder. Error: there is something of this name.
    pub fn take_in(
        &self,
        from: &DirHandle,
        old: impl AsRef<OsStr>,
        name: impl AsRef<OsStr>,
    ) -> io::Result<()> {
        let (old, name) = (old.as_ref(), name.as_ref());
        let flags = RenameFlags::NOREPLACE;
        match rustix::fs::renameat_with(&from.fd, old, &self.fd, name, flags) {
            // Not every file system can do both in one step.
            Err(Errno::INVAL | Errno::NOSYS) if !self.has(name) => {
                rustix::fs::renameat(&from.fd, old, &self.fd, name)?;
            }
            done => done?,
        }
        Ok(())
    }

    /// Opens a folder in this one, and makes it for its owner alone if it is missing.
    pub fn make_folder(&self, name: &str) -> io::Result<DirHandle> {
        match rustix::fs::mkdirat(&self.fd, name, PRIVATE_FOLDER) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        let folder = self.folder(name)?;
        folder.close_to_others(None)?;
        Ok(folder)
    }

    /// Opens a folder in this one.
    pub fn folder(&self, name: &str) -> io::Result<DirHandle> {
        let flags = FOLDER | OFlags::NOFOLLOW;
        let fd = match rustix::fs::openat(&self.fd, name, flags, Mode::empty()) {
            Err(Errno::LOOP | Errno::NOTDIR) if self.has(name) => {
                let what = "is a link or a file, and must be a folder: delete it";
                return Err(io::Error::new(ErrorKind::NotADirectory, what));
            }
            opened => opened?,
        };
        Ok(DirHandle {
            fd: Arc::new(fd),
            path: self.path.join(name),
        })
    }

    /// Checks the files of these names that another part opens by path: each is a regular file with
    /// one name, or missing, and is for its owner alone from now on.
    ///
    /// It opens only a file that has to be changed. SQLite has these files open already when a
    /// second connection comes, and to close any descriptor of a file ends every POSIX lock that
    /// the process has on it: another process would then empty the index of the log under it.
    pub fn secure(&self, names: &[&str]) -> Result<(), (PathBuf, io::Error)> {
        for name in names {
            let secured = match self.judge_named(name) {
                Ok(judged) if judged.fault.is_none() && !judged.is_to_close => continue,
                // It is judged again when it is open: it may be another file by then.
                Ok(judged) => judged.check().and_then(|()| self.open_file(name).map(drop)),
                Err(error) => Err(error),
            };
            match secured {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                secured => secured.map_err(|error| (self.path.join(name), error))?,
            }
        }
        Ok(())
    }

    /// Checks that none of the files of these names is a link, and opens none.
    pub fn refuse_links(&self, names: &[&str]) -> Result<(), (PathBuf, io::Error)> {
        for name in names {
            if let Ok(judged) = self.judge_named(name)
                && let Some(FileFault::Link | FileFault::NotRegular) = judged.fault
            {
                return judged
                    .check()
                    .map_err(|error| (self.path.join(name), error));
            }
        }
        Ok(())
    }

    /// Gives the files of these names, and those in folders of these names, to `owner`. They have
    /// been made by this process, or by root in a folder of root.
    pub fn give(&self, names: &[&str], owner: Owner) -> Result<(), (PathBuf, io::Error)> {
        for name in names {
            let failed = |error: io::Error| (self.path.join(name), error);
            let found = match self.stat(name.as_ref()) {
                Ok(found) => found,
                Err(Errno::NOENT) => continue,
                Err(error) => return Err(failed(error.into())),
            };
            if found.st_uid == owner.uid {
                continue;
            }
            if FileType::from_raw_mode(found.st_mode) == FileType::Directory {
                let inner = self.folder(name).map_err(failed)?;
                for file in inner.names().map_err(failed)? {
                    inner.give(&[&file.to_string_lossy()], owner)?;
                }
                inner.give_itself(owner).map_err(failed)?;
                continue;
            }
            let file = self.open_file(name).map_err(failed)?;
            give(&file, owner).map_err(failed)?;
        }
        Ok(())
    }

    /// Gives the folder itself to `owner`.
    pub fn give_itself(&self, owner: Owner) -> io::Result<()> {
        give(&*self.fd, owner)
    }

    /// Makes the names of the folder durable.
    pub fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(&self.fd)?)
    }

    /// The disk under the folder.
    pub fn disk(&self) -> io::Result<rustix::fs::StatVfs> {
        Ok(rustix::fs::fstatvfs(&self.fd)?)
    }

    fn stat(&self, name: &OsStr) -> Result<Stat, Errno> {
        rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW)
    }

    /// Judges a file by its name, without opening it.
    fn judge_named(&self, name: &str) -> io::Result<JudgedFile> {
        self.judge(&self.stat(name.as_ref())?)
    }

    /// The one judgement of a file of this folder.
    fn judge(&self, found: &Stat) -> io::Result<JudgedFile> {
        let (me, kind) = (geteuid(), FileType::from_raw_mode(found.st_mode));
        let is_strange = found.st_uid != 0 && found.st_uid != rustix::fs::fstat(&self.fd)?.st_uid;
        let fault = match kind {
            FileType::Symlink => Some(FileFault::Link),
            FileType::RegularFile if me.is_root() && found.st_nlink > 1 => Some(FileFault::Names(
                u32::try_from(found.st_nlink).unwrap_or(u32::MAX),
            )),
            FileType::RegularFile if me.is_root() && is_strange => {
                Some(FileFault::Stranger(found.st_uid))
            }
            FileType::RegularFile => None,
            _ => Some(FileFault::NotRegular),
        };
        let is_ours = me.is_root() || found.st_uid == me.as_raw();
        Ok(JudgedFile {
            fault,
            is_to_close: is_ours && found.st_mode & 0o077 != 0,
        })
    }

    /// Takes the rights of others away from a folder of our own. A folder that others could write
    /// to, and that root has to use, is refused if it has anything in it: anyone may have put it
    /// there.
    fn close_to_others(&self, owner: Option<Owner>) -> io::Result<()> {
        let found = rustix::fs::fstat(&self.fd)?;
        let (uid, mode) = (found.st_uid, found.st_mode);
        let me = geteuid();
        let is_ours = uid == me.as_raw() || owner.is_some_and(|owner| owner.uid == uid);
        if me.is_root() && !is_ours {
            let user = owner.map_or(String::new(), |owner| format!(" nor to user {}", owner.uid));
            return refuse(format!(
                "belongs to user {uid} and neither to root{user}: set `user` in the configuration \
                 to the name of that user, or give the folder to root with chown"
            ));
        }
        if mode & 0o077 == 0 || !is_ours {
            return Ok(());
        }
        if me.is_root() && mode & 0o022 != 0 && !self.names()?.is_empty() {
            return refuse(format!(
                "others may write to it (mode {:o}), and it is not empty: look at what is in it, \
                 then take the right away with `chmod 700`",
                mode & 0o7777
            ));
        }
        Ok(rustix::fs::fchmod(&self.fd, PRIVATE_FOLDER)?)
    }

    /// Opens a regular file with one name. Its rights become those of its owner alone.
    fn open_with(&self, name: &str, flags: OFlags) -> io::Result<File> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let fd = match rustix::fs::openat(&self.fd, name, flags, Mode::empty()) {
            Err(Errno::LOOP) => return FileFault::Link.refuse(),
            opened => opened?,
        };
        let judged = self.judge(&rustix::fs::fstat(&fd)?)?;
        judged.check()?;
        if judged.is_to_close {
            rustix::fs::fchmod(&fd, PRIVATE_FILE)?;
        }
        Ok(File::from(fd))
    }
}

/// What is known of a file before it is used.
struct JudgedFile {
    /// Why it must not be used.
    fault: Option<FileFault>,
    /// Others have rights to it, and they can be taken away.
    is_to_close: bool,
}

impl JudgedFile {
    /// The refusal of a file that must not be used.
    fn check(&self) -> io::Result<()> {
        self.fault.map_or(Ok(()), FileFault::refuse)
    }
}

/// Why a file must not be used. The last two concern root alone, who could be led to change a file
/// of another user.
#[derive(Clone, Copy)]
enum FileFault {
    Link,
    NotRegular,
    Names(u32),
    Stranger(u32),
}

impl FileFault {
    fn refuse<T>(self) -> io::Result<T> {
        refuse(match self {
            FileFault::Link => {
                "is a symbolic link: put the file itself there, or delete the link".to_owned()
            }
            FileFault::NotRegular => "is no regular file: delete it".to_owned(),
            FileFault::Names(n) => format!(
                "has {n} names (hard links), and root must not change a file that has another \
                 name: put a copy in its place"
            ),
            FileFault::Stranger(uid) => format!(
                "belongs to user {uid} and neither to root nor to the owner of the folder: delete \
                 it, or give it to the owner with chown"
            ),
        })
    }
}

/// The folder that a path stands in.
fn above(path: &Path) -> &Path {
    let above = path.parent().filter(|above| !above.as_os_str().is_empty());
    above.unwrap_or(Path::new("."))
}

/// Checks that only root and `owner` can put something else in the place of what stands in a
/// folder: it and each folder above belongs to one of them, and no other may write to it unless it
/// is sticky, as /tmp is. A link on the way belongs to one of them too.
fn check_way(folder: &Path, owner: Option<Owner>) -> io::Result<()> {
    let (given, real) = (std::path::absolute(folder)?, folder.canonicalize()?);
    for place in given.ancestors().chain(real.ancestors()) {
        let found = place.symlink_metadata()?;
        let (uid, mode) = (found.uid(), found.mode());
        if uid != 0 && owner.is_none_or(|owner| owner.uid != uid) {
            return refuse(format!(
                "{} belongs to user {uid}, who could put another folder in its place: root uses a \
                 folder under folders of root only; set `user` in the configuration, or move it",
                place.display()
            ));
        }
        if found.is_dir() && mode & 0o002 != 0 && mode & 0o1000 == 0 {
            return refuse(format!(
                "every user may write to {} (mode {:o}) and could put another folder in its place: \
                 take the right away with `chmod o-w`, or move the data folder",
                place.display(),
                mode & 0o7777
            ));
        }
    }
    Ok(())
}

fn give(file: impl std::os::fd::AsFd, owner: Owner) -> io::Result<()> {
    let (uid, gid) = (Uid::from_raw(owner.uid), Gid::from_raw(owner.gid));
    Ok(rustix::fs::fchown(file, Some(uid), Some(gid))?)
}

fn refuse<T>(why: impl Into<String>) -> io::Result<T> {
    Err(io::Error::new(ErrorKind::PermissionDenied, why.into()))
}

const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);
const PRIVATE_FILE: Mode = Mode::RUSR.union(Mode::WUSR);
const PRIVATE_FOLDER: Mode = Mode::RWXU;
/// Tokens, names and configurations are far shorter.
const TEXT_BYTES_MAX: u64 = 1 << 20;
