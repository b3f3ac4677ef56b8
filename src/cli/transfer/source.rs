//! What an import reads: the folders of a path, and the messages of a folder one by one.
//!
//! A file that cannot be read, or is none of mail, is a problem with its place, and the reading
//! goes on. Links to folders are not followed.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::cli::CliError;
use crate::mail::mailbox::maildir;
use crate::mail::mailbox::marks::{self, Marks};
use crate::mail::mailbox::mbox::{self, MboxFormat, MboxItem, MboxReader};

/// A folder to import.
pub struct SourceFolder {
    /// Its name on the server.
    pub mailbox: String,
    place: SourcePlace,
}

enum SourcePlace {
    /// An mbox file, or standard input.
    Mbox(PathBuf),
    /// A folder of Maildir.
    Maildir(PathBuf),
}

/// What was read.
pub enum Piece {
    /// A message.
    Message {
        /// Where it stands, for people.
        place: Placed,
        octets: Vec<u8>,
        marks: Marks,
    },
    /// What cannot be imported, and why.
    Problem { place: Placed, why: String },
}

/// A place in a file.
#[derive(Clone, Debug)]
pub struct Placed {
    pub file: String,
    /// Octets from its beginning; a Maildir file has none.
    pub offset: Option<u64>,
}

impl Placed {
    /// `a.mbox at octet 17`.
    pub fn text(&self) -> String {
        match self.offset {
            Some(at) => format!("{} at octet {at}", self.file),
            None => self.file.clone(),
        }
    }
}

/// The folders of an mbox file, or of a tree of them: Thunderbird puts the folders below `Archive`
/// into `Archive.sbd`, Apple Mail the messages of `Archive` into `Archive.mbox/mbox`.
pub fn mbox_folders(path: &Path, root: &str) -> Result<Vec<SourceFolder>, CliError> {
    let mut found = Vec::new();
    if path == Path::new("-") || !is_folder(path)? {
        let place = SourcePlace::Mbox(path.to_owned());
        let mailbox = root.to_owned();
        return Ok(vec![SourceFolder { mailbox, place }]);
    }
    let mut left = vec![(path.to_owned(), Vec::<String>::new())];
    while let Some((folder, levels)) = left.pop() {
        for entry in entries(&folder)? {
            let name = entry.name.clone();
            let level = |ending: &str| {
                let mut levels = levels.clone();
                levels.push(level_of(name.strip_suffix(ending).unwrap_or(&name)));
                levels
            };
            if entry.is_folder {
                if levels.len() < DEPTH_MAX && !name.starts_with('.') {
                    let ending = [".sbd", ".mbox"].into_iter().find(|e| name.ends_with(e));
                    left.push((entry.path, level(ending.unwrap_or(""))));
                }
            } else if begins_mbox(&entry.path) {
                let levels = match name.as_str() {
                    "mbox" if folder.extension().is_some_and(|e| e == "mbox") => levels.clone(),
                    _ => level(".mbox"),
                };
                found.push(SourceFolder {
                    mailbox: mailbox_name(root, &levels.join("/")),
                    place: SourcePlace::Mbox(entry.path),
                });
            }
        }
    }
    sorted(found, path)
}

/// The folders of a Maildir: itself, those of Maildir++ (`.Archive.2026`), and those that lie in
/// one another.
pub fn maildir_folders(path: &Path, root: &str) -> Result<Vec<SourceFolder>, CliError> {
    let is_maildir = |at: &Path| at.join("cur").is_dir() || at.join("new").is_dir();
    if !is_folder(path)? {
        return Err(format!("{}: a Maildir is a folder with cur and new", path.display()).into());
    }
    let mut found = Vec::new();
    let mut left = vec![(path.to_owned(), String::new())];
    while let Some((folder, name)) = left.pop() {
        if is_maildir(&folder) {
            let mailbox = match name.as_str() {
                "" => root.to_owned(),
                name => mailbox_name(root, name),
            };
            found.push(SourceFolder {
                mailbox,
                place: SourcePlace::Maildir(folder.clone()),
            });
        }
        let depth = name.split('/').count();
        for entry in entries(&folder)? {
            let is_inside = matches!(entry.name.as_str(), "cur" | "new" | "tmp");
            if !entry.is_folder || is_inside || depth > DEPTH_MAX {
                continue;
            }
            let below = match maildir::mailbox_of(&entry.name) {
                Some(below) => below,
                None if entry.name.starts_with('.') => continue,
                None => entry.name,
            };
            let name = match name.as_str() {
                "" => below,
                above => format!("{above}/{below}"),
            };
            left.push((entry.path, name));
        }
    }
    sorted(found, path)
}

fn sorted(mut found: Vec<SourceFolder>, path: &Path) -> Result<Vec<SourceFolder>, CliError> {
    if found.is_empty() {
        return Err(format!("{}: has no mail in it", path.display()).into());
    }
    found.sort_by(|a, b| a.mailbox.cmp(&b.mailbox));
    Ok(found)
}

/// The name on the server of a folder below `root`. What the server has of its own keeps its name.
fn mailbox_name(root: &str, name: &str) -> String {
    if !root.eq_ignore_ascii_case("INBOX") {
        return match name.eq_ignore_ascii_case("INBOX") {
            true => root.to_owned(),
            false => format!("{root}/{name}"),
        };
    }
    let own = OWN_FOLDERS
        .iter()
        .find(|(theirs, _)| name.eq_ignore_ascii_case(theirs));
    match own {
        Some((_, ours)) => (*ours).to_owned(),
        // A level INBOX that has others below it.
        None => name.to_owned(),
    }
}

/// Names of other programs for the folders that every inbox has.
const OWN_FOLDERS: [(&str, &str); 11] = [
    ("INBOX", "INBOX"),
    ("Sent", "Sent"),
    ("Sent Items", "Sent"),
    ("Sent Messages", "Sent"),
    ("Drafts", "Drafts"),
    ("Trash", "Trash"),
    ("Deleted Items", "Trash"),
    ("Deleted Messages", "Trash"),
    ("Junk", "Junk"),
    ("Junk E-mail", "Junk"),
    ("Spam", "Junk"),
];

/// The level of a folder that a file name stands for (`sink.rs` writes it).
fn level_of(name: &str) -> String {
    name.replace("%2E", ".").replace("%25", "%")
}

struct FolderEntry {
    path: PathBuf,
    name: String,
    is_folder: bool,
}

/// What is in a folder, by name. Links to folders and other things are left out.
fn entries(folder: &Path) -> Result<Vec<FolderEntry>, CliError> {
    let failed = |e: io::Error| CliError::Own(format!("{}: {e}", folder.display()));
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let kind = entry.file_type().map_err(failed)?;
        let is_file = kind.is_file() || (kind.is_symlink() && entry.path().is_file());
        if kind.is_dir() || is_file {
            all.push(FolderEntry {
                path: entry.path(),
                name: entry.file_name().to_string_lossy().into_owned(),
                is_folder: kind.is_dir(),
            });
        }
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

fn is_folder(path: &Path) -> Result<bool, CliError> {
    let about = fs::metadata(path).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(about.is_dir())
}

/// Whether a file begins like an mbox file.
fn begins_mbox(path: &Path) -> bool {
    let mut head = [0; 64];
    let read = File::open(path).and_then(|mut file| file.read(&mut head));
    let head = head.get(..read.unwrap_or(0)).unwrap_or_default();
    head.trim_ascii_start().starts_with(b"From ")
}

/// A folder while it is read.
pub struct SourceReading {
    kind: SourceKind,
    /// Octets that are read, or messages of a Maildir.
    done: u64,
    whole: u64,
}

enum SourceKind {
    Mbox {
        from: Box<dyn Read>,
        reader: Box<MboxReader>,
        buffer: Vec<u8>,
        file: String,
        is_end: bool,
    },
    Maildir {
        files: std::vec::IntoIter<PathBuf>,
        keywords: Vec<String>,
        more: Vec<(String, String)>,
    },
}

impl SourceFolder {
    /// Opens the folder.
    pub fn open(&self, format: MboxFormat) -> Result<SourceReading, CliError> {
        match &self.place {
            SourcePlace::Mbox(path) => open_mbox(path, format),
            SourcePlace::Maildir(path) => open_maildir(path),
        }
    }
}

fn open_mbox(path: &Path, format: MboxFormat) -> Result<SourceReading, CliError> {
    let (from, whole): (Box<dyn Read>, u64) = match path == Path::new("-") {
        true => (Box::new(io::stdin()), 0),
        false => {
            let file = File::open(path).map_err(|e| format!("{}: {e}", path.display()))?;
            let size = file.metadata().map_or(0, |about| about.len());
            (Box::new(file), size)
        }
    };
    Ok(SourceReading {
        kind: SourceKind::Mbox {
            from,
            reader: Box::new(MboxReader::new(format, MESSAGE_BYTES_MAX)),
            buffer: vec![0; BUFFER_BYTES],
            file: path.display().to_string(),
            is_end: false,
        },
        done: 0,
        whole,
    })
}

fn open_maildir(path: &Path) -> Result<SourceReading, CliError> {
    let mut files = Vec::new();
    for part in ["cur", "new"] {
        let folder = path.join(part);
        if folder.is_dir() {
            let all = entries(&folder)?.into_iter();
            // A file whose name begins with a dot is none of mail.
            files.extend(
                all.filter(|e| !e.is_folder && !e.name.starts_with('.'))
                    .map(|e| e.path),
            );
        }
    }
    // Names begin with the time of arrival; those that we wrote have their place too.
    files.sort_by_cached_key(|file| {
        let name = file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        (maildir::place_of(&name), name)
    });
    let text = |name: &str| fs::read_to_string(path.join(name)).unwrap_or_default();
    let more = text(maildir::MORE_KEYWORDS_FILE);
    let more = more.lines().filter_map(|line| line.split_once(' '));
    let mut more: Vec<(String, String)> = more
        .map(|(name, words)| (name.to_owned(), words.to_owned()))
        .collect();
    more.sort();
    let whole = files.len() as u64;
    Ok(SourceReading {
        kind: SourceKind::Maildir {
            files: files.into_iter(),
            keywords: maildir::read_keywords(&text(maildir::KEYWORDS_FILE)),
            more,
        },
        done: 0,
        whole,
    })
}

impl SourceReading {
    /// How far it is read: a part and the whole, which is 0 when it is not known.
    pub fn part(&self) -> (u64, u64) {
        (self.done, self.whole)
    }

    /// The next message or problem; `None` is the end.
    pub fn next(&mut self) -> Option<Piece> {
        match &mut self.kind {
            SourceKind::Mbox {
                from,
                reader,
                buffer,
                file,
                is_end,
            } => loop {
                let item = reader.next(*is_end);
                self.done = reader.place();
                match item {
                    Some(MboxItem::Message(message)) if marks::is_folder_data(&message.octets) => {
                        continue;
                    }
                    Some(item) => return Some(mbox_piece(item, file)),
                    None if *is_end => return None,
                    None => {}
                }
                match from.read(buffer) {
                    Ok(0) => *is_end = true,
                    Ok(n) => reader.take(buffer.get(..n).unwrap_or_default()),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => {
                        // What was read of the last message is not all of it.
                        let place = Placed {
                            file: file.clone(),
                            offset: Some(reader.place()),
                        };
                        let why = format!("the file cannot be read on: {error}");
                        self.kind = SourceKind::Maildir {
                            files: Vec::new().into_iter(),
                            keywords: Vec::new(),
                            more: Vec::new(),
                        };
                        return Some(Piece::Problem { place, why });
                    }
                }
            },
            SourceKind::Maildir {
                files,
                keywords,
                more,
            } => {
                let path = files.next()?;
                self.done += 1;
                Some(maildir_piece(&path, keywords, more))
            }
        }
    }
}

fn mbox_piece(item: MboxItem, file: &str) -> Piece {
    let placed = |at| Placed {
        file: file.to_owned(),
        offset: Some(at),
    };
    match item {
        MboxItem::Message(message) => {
            let fallback = Marks {
                received_at: mbox::postmark_time(&message.from_line),
                ..Marks::default()
            };
            let (octets, marks) = marks::read(message.octets, fallback);
            Piece::Message {
                place: placed(message.at),
                octets,
                marks,
            }
        }
        MboxItem::TooBig { at, size } => Piece::Problem {
            place: placed(at),
            why: format!("the message has {size} octets, more than {MESSAGE_BYTES_MAX}"),
        },
        MboxItem::Stray { at, size } => Piece::Problem {
            place: placed(at),
            why: format!("{size} octets are in front of the first `From ` line"),
        },
    }
}

fn maildir_piece(path: &Path, keywords: &[String], more: &[(String, String)]) -> Piece {
    let place = Placed {
        file: path.display().to_string(),
        offset: None,
    };
    let problem = |why: String| Piece::Problem {
        place: place.clone(),
        why,
    };
    let about = match fs::metadata(path) {
        Ok(about) if about.len() > MESSAGE_BYTES_MAX as u64 => {
            let why = format!(
                "the message has {} octets, more than {MESSAGE_BYTES_MAX}",
                about.len()
            );
            return problem(why);
        }
        Ok(about) => about,
        Err(error) => return problem(error.to_string()),
    };
    let octets = match fs::read(path) {
        Ok(octets) => octets,
        Err(error) => return problem(error.to_string()),
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut marks = maildir::marks_of(&name, keywords);
    let base = maildir::base_name(&name);
    if let Ok(at) = more.binary_search_by(|(of, _)| of.as_str().cmp(base))
        && let Some((_, words)) = more.get(at)
    {
        for word in words.split_ascii_whitespace() {
            marks.add_label(word);
        }
    }
    let since = about
        .modified()
        .ok()
        .and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    marks.received_at = since.and_then(|since| i64::try_from(since.as_millis()).ok());
    Piece::Message {
        octets: maildir::octets_of(&name, octets),
        place,
        marks,
    }
}

/// The largest message that is read; the server may take less.
const MESSAGE_BYTES_MAX: usize = 64 << 20;
const BUFFER_BYTES: usize = 256 << 10;
/// Folders within one another; the server takes fewer.
const DEPTH_MAX: usize = 32;
