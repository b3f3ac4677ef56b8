//! The owner of a data folder, and links in it: the built binary is started on folders in which
//! another user has put links in place of files, on folders of others, and as root that becomes
//! another user. What is outside of the folder must be as it was.
//!
//! What needs root is left out where the tests run as another user.

use std::fs::{self, Permissions};
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, geteuid, kill_process};

/// Every name that a start may make, write or read in the folder.
const NAMES: &[&str] = &[
    "postern.lock",
    "operator.token",
    "operator.new",
    "secrets.key",
    "secrets.new",
    "shared-domain",
    "shared-domain.new",
    "last-config.toml",
    "last-config.new",
    "running.json",
    "running.new",
    "ballast",
    "postern.db",
    "postern.db-wal",
    "postern.db-shm",
    "postern.db-journal",
    "postern.db.making",
    "postern.db.making-journal",
    "tls",
    "tls/ca.pem",
    "tls/ca-key.pem",
    "tls/cert.pem",
    "tls/key.pem",
    "tls/key.new",
];

/// A folder that the user `nobody` can reach too.
fn place(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("postern-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
    folder
}

/// Starts a server and ends it once it listens. `Err` is what it complained of.
fn start_and_stop(data: &Path, toml: &str) -> Result<(), String> {
    // Beside all folders of the test.
    let name = data.to_string_lossy().replace('/', "-") + ".toml";
    let config = std::env::temp_dir().join(name);
    fs::write(&config, toml).unwrap();
    let mut server = Command::new(env!("CARGO_BIN_EXE_postern"))
        .args(["serve", "--ports", "auto", "--json", "--config"])
        .arg(&config)
        .arg("--data")
        .arg(data)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let ready = super::line(server.stdout.as_mut().unwrap());
    if !ready.is_empty() {
        kill_process(Pid::from_child(&server), Signal::TERM).unwrap();
    }
    let mut said = String::new();
    let mut stderr = server.stderr.take().unwrap();
    stderr.read_to_string(&mut said).unwrap();
    fs::remove_file(config).unwrap();
    match server.wait().unwrap().success() {
        true => Ok(()),
        false => Err(said),
    }
}

/// What must not change of a file outside.
fn state(file: &Path) -> (u32, u32, u64, i64, i64, Option<Vec<u8>>) {
    let found = file.symlink_metadata().unwrap();
    let (uid, mode, size) = (found.uid(), found.mode(), found.size());
    let octets = fs::read(file).ok();
    (uid, mode, size, found.mtime(), found.mtime_nsec(), octets)
}

fn names(folder: &Path) -> Vec<String> {
    let all = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = all
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Puts links in place of each name, on a folder that `prepare` makes, and starts a server there.
fn plant(what: &str, link: impl Fn(&Path, &Path), prepare: impl Fn(&Path)) {
    let root = place(what);
    let outside = root.join("outside");
    fs::create_dir(&outside).unwrap();
    let secret = outside.join("secret");
    fs::write(&secret, "root:x:0:0\n").unwrap();
    fs::set_permissions(&secret, Permissions::from_mode(0o644)).unwrap();
    let before = (state(&secret), names(&outside));
    for name in NAMES {
        let data = root.join("data");
        prepare(&data);
        let at = data.join(name);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        let _ = fs::remove_dir_all(&at).or_else(|_| fs::remove_file(&at));
        link(&secret, &at);
        let started = start_and_stop(&data, "");
        if let Err(said) = &started {
            // The refusal names what is in the way.
            let first = name.split('/').next().unwrap();
            assert!(said.contains(&format!("data/{first}")), "{name}: {said}");
        }
        assert_eq!((state(&secret), names(&outside)), before, "{name}");
        fs::remove_dir_all(&data).unwrap();
    }
    fs::remove_dir_all(root).unwrap();
}

fn empty(data: &Path) {
    fs::create_dir(data).unwrap();
}

fn used(data: &Path) {
    start_and_stop(data, "").unwrap();
}

#[test]
fn links_before_the_first_start_lead_nowhere() {
    plant("links-first", |to, at| symlink(to, at).unwrap(), empty);
}

#[test]
fn links_before_a_later_start_lead_nowhere() {
    plant("links-later", |to, at| symlink(to, at).unwrap(), used);
}

#[test]
fn links_to_what_is_missing_make_nothing() {
    let missing = |to: &Path, at: &Path| symlink(to.with_file_name("made"), at).unwrap();
    plant("links-missing", missing, empty);
}

#[test]
fn links_to_a_folder_lead_nowhere() {
    let folder = |to: &Path, at: &Path| symlink(to.parent().unwrap(), at).unwrap();
    plant("links-folder", folder, empty);
}

#[test]
fn a_second_name_of_a_file_is_not_changed_by_root() {
    if geteuid().is_root() {
        plant("names", |to, at| fs::hard_link(to, at).unwrap(), used);
    }
}

/// The owner and the rights of the folder, and of all that is in it.
fn check_rights(data: &Path, uid: u32) {
    let mut all = vec![data.to_owned(), data.join("tls")];
    for folder in all.clone() {
        all.extend(names(&folder).iter().map(|name| folder.join(name)));
    }
    for path in all {
        let found = path.symlink_metadata().unwrap();
        let mode = if found.is_dir() { 0o700 } else { 0o600 };
        let is = (found.uid(), found.mode() & 0o7777);
        assert_eq!(is, (uid, mode), "{}", path.display());
    }
}

#[test]
fn rights_are_those_of_the_owner_whatever_they_were() {
    let root = place("rights");
    let data = root.join("data");
    used(&data);
    check_rights(&data, geteuid().as_raw());
    let open = |folder: &Path, mode: u32| {
        for name in names(folder) {
            let path = folder.join(name);
            if path.is_file() {
                fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
            }
        }
    };
    open(&data, 0o666);
    open(&data.join("tls"), 0o664);
    fs::set_permissions(&data, Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(data.join("tls"), Permissions::from_mode(0o777)).unwrap();
    let copy = root.join("mail.bak");
    let run = |args: &[&Path]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_postern"));
        let done = command.args(args).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.success(), "{said}");
    };
    let words = ["backup", "restore", "--data"].map(Path::new);
    run(&[words[0], &copy, words[2], &data]);
    fs::set_permissions(&copy, Permissions::from_mode(0o666)).unwrap();
    let back = root.join("back");
    run(&[words[1], &copy, words[2], &back]);
    check_rights(&back, geteuid().as_raw());
    // A backup is never written over what is there, nor through a link.
    let link = root.join("link.bak");
    symlink(root.join("none"), &link).unwrap();
    let mut backup = Command::new(env!("CARGO_BIN_EXE_postern"));
    let done = backup.args([words[0], &link, words[2], &data]).output();
    assert!(!done.unwrap().status.success());
    assert!(!root.join("none").exists());
    fs::remove_dir_all(root).unwrap();
}

const NOBODY: u32 = 65_534;

#[test]
fn root_becomes_the_user_before_it_writes() {
    if !geteuid().is_root() {
        return;
    }
    let root = place("user");
    let data = root.join("made/data");
    let user = "user = 'nobody'\n";
    start_and_stop(&data, user).unwrap();
    check_rights(&data, NOBODY);
    assert_eq!(fs::metadata(root.join("made")).unwrap().uid(), NOBODY);
    // Again, and with a link of that user: it is refused, or leads nowhere.
    start_and_stop(&data, user).unwrap();
    let secret = root.join("secret");
    fs::write(&secret, "s").unwrap();
    fs::set_permissions(&secret, Permissions::from_mode(0o666)).unwrap();
    let before = state(&secret);
    for name in ["operator.token", "ballast", "postern.db-wal", "tls/key.pem"] {
        let at = data.join(name);
        let kept = fs::read(&at).ok();
        let _ = fs::remove_file(&at);
        symlink(&secret, &at).unwrap();
        let _ = start_and_stop(&data, user);
        assert_eq!(state(&secret), before, "{name}");
        let _ = fs::remove_file(&at);
        if let Some(kept) = kept {
            fs::write(&at, kept).unwrap();
            chown(&at, Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }
    start_and_stop(&data, user).unwrap();
    // The command line of root works on the folder as its owner.
    let mut list = Command::new(env!("CARGO_BIN_EXE_postern"));
    let done = list.args(["inbox", "list", "--data"]).arg(&data).output();
    assert!(done.unwrap().status.success());
    check_rights(&data, NOBODY);
    // A folder that root has used goes to the user as a whole.
    let own = root.join("own");
    start_and_stop(&own, "").unwrap();
    check_rights(&own, 0);
    start_and_stop(&own, user).unwrap();
    check_rights(&own, NOBODY);
    fs::remove_dir_all(root).unwrap();
}

#[test]
fn root_uses_no_folder_of_others() {
    if !geteuid().is_root() {
        return;
    }
    let root = place("others");
    let refused = |data: &Path, toml: &str, why: &str| {
        let said = start_and_stop(data, toml).unwrap_err();
        assert!(said.contains(why), "{said}");
    };
    // Of another user, with and without a user in the configuration.
    let data = root.join("data");
    fs::create_dir(&data).unwrap();
    chown(&data, Some(1234), Some(1234)).unwrap();
    refused(&data, "", "belongs to user 1234");
    refused(&data, "user = 'nobody'\n", "belongs to user 1234");
    assert!(names(&data).is_empty());
    // Under a folder of another user.
    refused(&data.join("deep"), "", "belongs to user 1234");
    assert!(names(&data).is_empty());
    // Under a folder that everyone may write to.
    let open = root.join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, Permissions::from_mode(0o777)).unwrap();
    refused(&open.join("data"), "", "every user may write to");
    assert!(names(&open).is_empty());
    // Everyone may write to it: what is in it may be of anyone. An empty one is closed.
    fs::write(open.join("notes"), "n").unwrap();
    refused(&open, "", "others may write to it");
    fs::remove_file(open.join("notes")).unwrap();
    start_and_stop(&open, "").unwrap();
    check_rights(&open, 0);
    // A file of another user in a folder of root.
    chown(open.join("operator.token"), Some(1234), None).unwrap();
    refused(&open, "", "operator.token: belongs to user 1234");
    fs::remove_dir_all(root).unwrap();
}

#[test]
fn root_without_a_user_is_warned() {
    let root = place("warned");
    let data = root.join("data");
    let config = "log = 'warn'\n";
    let mut server = Command::new(env!("CARGO_BIN_EXE_postern"))
        .args(["serve", "--ports", "auto", "--json", "--config"])
        .arg({
            fs::write(root.join("c.toml"), config).unwrap();
            root.join("c.toml")
        })
        .arg("--data")
        .arg(&data)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    assert!(!super::line(server.stdout.as_mut().unwrap()).is_empty());
    kill_process(Pid::from_child(&server), Signal::TERM).unwrap();
    let mut said = String::new();
    let mut stderr = server.stderr.take().unwrap();
    stderr.read_to_string(&mut said).unwrap();
    server.wait().unwrap();
    assert_eq!(
        said.contains("runs as root: set `user`"),
        geteuid().is_root()
    );
    fs::remove_dir_all(root).unwrap();
}
