//! What an export writes: one folder, as an mbox file or a Maildir, which goes on where it stopped.
//!
//! The rule: what is there already is not written again, and what was half written is. A file that
//! something else has written is left alone.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use crate::cli::CliError;
use crate::mail::mailbox::maildir;
use crate::mail::mailbox::marks::{self, Marks, OwnMessage};
use crate::mail::mailbox::mbox::{self, MboxFormat, MboxItem, MboxReader};

/// Where the messages of a folder go.
pub enum Sink {
    Mbox(MboxSink),
    Maildir(MaildirSink),
}

/// A message to write.
pub struct Exported {
    pub id: String,
    /// Where it stood: the cursor behind it.
    pub place: String,
    pub octets: Vec<u8>,
    pub marks: Marks,
}

impl Sink {
    /// The cursor behind the last message that is there.
    pub fn place(&self) -> Option<&str> {
        match self {
            Sink::Mbox(mbox) => mbox.place.as_deref(),
            Sink::Maildir(maildir) => maildir.place.as_deref(),
        }
    }

    /// Writes a message.
    pub fn put(&mut self, one: Exported) -> Result<(), CliError> {
        match self {
            Sink::Mbox(mbox) => mbox.put(one),
            Sink::Maildir(maildir) => maildir.put(&one),
        }
    }

    /// Has everything on the disk.
    pub fn close(self) -> Result<(), CliError> {
        match self {
            Sink::Mbox(mut sink) => {
                let done = sink
                    .file
                    .flush()
                    .and_then(|()| sink.file.get_ref().sync_all());
                done.map_err(at(&sink.path))
            }
            Sink::Maildir(sink) => {
                let folder = File::open(sink.folder.join("cur"));
                folder.and_then(|f| f.sync_all()).map_err(at(&sink.folder))
            }
        }
    }
}

/// An error with its place.
fn at(path: &Path) -> impl Fn(io::Error) -> CliError {
    let path = path.display().to_string();
    move |error| CliError::Own(format!("{path}: {error}"))
}

/// The file of a folder below a path: `Archive/2026` is `Archive/2026.mbox`.
pub fn mbox_path(path: &Path, mailbox: &str) -> PathBuf {
    let mut levels: Vec<String> = mailbox.split('/').map(file_name).collect();
    if let Some(last) = levels.last_mut() {
        last.push_str(".mbox");
    }
    levels
        .iter()
        .fold(path.to_owned(), |path, level| path.join(level))
}

/// A level of a folder as a file name. A dot that would make a hidden file, or an ending that means
/// something else, is written `%2E`.
fn file_name(level: &str) -> String {
    let mut name: String = level.replace('%', "%25");
    for ending in [".mbox", ".sbd"] {
        if let Some(stem) = name.strip_suffix(ending) {
            name = format!("{stem}%2E{}", ending.trim_start_matches('.'));
        }
    }
    match name.strip_prefix('.') {
        Some(rest) => format!("%2E{rest}"),
        None => name,
    }
}

/// An mbox file.
pub struct MboxSink {
    path: PathBuf,
    file: BufWriter<File>,
    place: Option<String>,
    line_feeds: bool,
}

impl MboxSink {
    /// Opens the file and finds where to go on. The last message is written again when it is half
    /// there.
    pub fn open(path: &Path, line_feeds: bool) -> Result<MboxSink, CliError> {
        if let Some(folder) = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            fs::create_dir_all(folder).map_err(at(folder))?;
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(path).map_err(at(path))?;
        let (end, place) = resume(&mut file, path)?;
        file.set_len(end).map_err(at(path))?;
        file.seek(SeekFrom::Start(end)).map_err(at(path))?;
        Ok(MboxSink {
            path: path.to_owned(),
            file: BufWriter::with_capacity(BUFFER_BYTES, file),
            place,
            line_feeds,
        })
    }

    fn put(&mut self, one: Exported) -> Result<(), CliError> {
        let mut out = Vec::with_capacity(one.octets.len() + 512);
        mbox::write(
            &mut out,
            one.octets,
            (&one.marks, &one.place),
            self.line_feeds,
        );
        self.file.write_all(&out).map_err(at(&self.path))
    }
}

/// Where a file ends that is to go on, and the cursor of its last whole message.
fn resume(file: &mut File, path: &Path) -> Result<(u64, Option<String>), CliError> {
    let foreign = || {
        CliError::Own(format!(
            "{}: holds something that `postern export` has not written: name another file",
            path.display()
        ))
    };
    let mut reader = MboxReader::new(MboxFormat::Rd, MESSAGE_BYTES_MAX);
    let mut buffer = vec![0; BUFFER_BYTES];
    // The last item: where it begins, and what it is if all its octets are there; and the cursor of
    // the one before.
    let mut last: Option<(u64, Option<OwnMessage>)> = None;
    let mut before = None;
    let mut is_end = false;
    loop {
        while let Some(item) = reader.next(is_end) {
            let now = match item {
                MboxItem::Message(message) => (message.at, marks::own(&message.octets)),
                MboxItem::TooBig { at, .. } => (at, None),
                // The beginning of a first line of ours, or something else: it is looked at below.
                MboxItem::Stray { at, .. } => (at, None),
            };
            if let Some((_, own)) = last.replace(now) {
                before = Some(own.ok_or_else(foreign)?.place);
            }
        }
        if is_end {
            break;
        }
        match file.read(&mut buffer) {
            Ok(0) => is_end = true,
            Ok(n) => reader.take(buffer.get(..n).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(at(path)(error)),
        }
    }
    match last {
        // A first message that is none of ours could be someone's mail.
        Some((0, None)) if !begins_own(file)? => Err(foreign()),
        Some((begin, Some(own))) if is_whole(&own, reader.place() - begin) => {
            Ok((reader.place(), Some(own.place)))
        }
        Some((begin, _)) => Ok((begin, before)),
        None => Ok((0, None)),
    }
}

/// Whether the last message of a file has everything that is written of it: `size` octets.
fn is_whole(own: &OwnMessage, size: u64) -> bool {
    [false, true].into_iter().any(|line_feeds| {
        let mut out = Vec::new();
        mbox::write(
            &mut out,
            own.octets.clone(),
            (&own.marks, &own.place),
            line_feeds,
        );
        out.len() as u64 == size
    })
}

/// Whether a file begins as ours do, as far as it goes.
fn begins_own(file: &mut File) -> Result<bool, CliError> {
    let mut head = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    Read::by_ref(file).take(256).read_to_end(&mut head)?;
    let agrees = |ours: &str, head: &[u8]| {
        let length = ours.len().min(head.len());
        ours.as_bytes().get(..length) == head.get(..length)
    };
    let block =
        memchr::memchr(b'\n', &head).map_or(&[][..], |end| head.get(end + 1..).unwrap_or_default());
    Ok(agrees("From MAILER-DAEMON ", &head) && agrees(marks::OWN_FIELD, block))
}

/// A folder of a Maildir.
pub struct MaildirSink {
    folder: PathBuf,
    place: Option<String>,
    keywords: Vec<String>,
}

impl MaildirSink {
    /// Makes the folder and finds where to go on.
    pub fn open(path: &Path, mailbox: &str) -> Result<MaildirSink, CliError> {
        let name = maildir::folder_of(mailbox);
        let folder = path.join(&name);
        for part in ["cur", "new", "tmp"] {
            let part = folder.join(part);
            fs::create_dir_all(&part).map_err(at(&part))?;
        }
        if !name.is_empty() {
            // Maildir++ tells a folder from a mailbox of its own by this file.
            let mark = folder.join("maildirfolder");
            File::create(&mark).map_err(at(&mark))?;
        }
        let mut last: Option<(u32, u32)> = None;
        for part in ["cur", "new"] {
            let part = folder.join(part);
            for entry in fs::read_dir(&part).map_err(at(&part))? {
                let name = entry.map_err(at(&part))?.file_name();
                last = last.max(maildir::place_of(&name.to_string_lossy()));
            }
        }
        let file = folder.join(maildir::KEYWORDS_FILE);
        let keywords = fs::read_to_string(file).unwrap_or_default();
        Ok(MaildirSink {
            folder,
            place: last.map(|(validity, uid)| format!("{validity}-{uid}")),
            keywords: maildir::read_keywords(&keywords),
        })
    }

    fn put(&mut self, one: &Exported) -> Result<(), CliError> {
        let at_ms = u64::try_from(one.marks.received_at.unwrap_or(0)).unwrap_or(0);
        let unique = maildir::unique_of(at_ms, &one.place, &one.id);
        let letters = self.letters(&unique, one)?;
        let name = maildir::name_of(&unique, one.octets.len(), one.marks.flags, &letters);
        let temporary = self.folder.join("tmp").join(&unique);
        let file = File::create(&temporary).map_err(at(&temporary))?;
        let done = (&file)
            .write_all(&one.octets)
            .and_then(|()| file.set_modified(UNIX_EPOCH + Duration::from_millis(at_ms)));
        done.map_err(at(&temporary))?;
        let place = self.folder.join("cur").join(name);
        fs::rename(&temporary, &place).map_err(at(&place))
    }

    /// The letters of the keywords of a message. The files that explain them are written first.
    fn letters(&mut self, unique: &str, one: &Exported) -> Result<String, CliError> {
        let mut letters = Vec::new();
        let mut others = Vec::new();
        let mut has_new = false;
        for label in &one.marks.labels {
            let known = self.keywords.iter().position(|word| word == label);
            let free = || self.keywords.iter().position(String::is_empty);
            match known.or_else(free) {
                Some(at) => {
                    if let Some(word) = self.keywords.get_mut(at).filter(|word| word.is_empty()) {
                        word.clone_from(label);
                        has_new = true;
                    }
                    letters.push(char::from(b'a' + u8::try_from(at).unwrap_or(0)));
                }
                None => others.push(label.as_str()),
            }
        }
        if has_new {
            let mut text = String::new();
            for (at, word) in self
                .keywords
                .iter()
                .enumerate()
                .filter(|(_, w)| !w.is_empty())
            {
                text += &format!("{at} {word}\n");
            }
            let file = self.folder.join(maildir::KEYWORDS_FILE);
            let temporary = self.folder.join("tmp").join(maildir::KEYWORDS_FILE);
            fs::write(&temporary, text).map_err(at(&temporary))?;
            fs::rename(&temporary, &file).map_err(at(&file))?;
        }
        if !others.is_empty() {
            let path = self.folder.join(maildir::MORE_KEYWORDS_FILE);
            let file = OpenOptions::new().append(true).create(true).open(&path);
            let name = maildir::name_of(unique, one.octets.len(), one.marks.flags, "");
            let line = format!("{} {}\n", maildir::base_name(&name), others.join(" "));
            let done = file.and_then(|mut file| file.write_all(line.as_bytes()));
            done.map_err(at(&path))?;
        }
        letters.sort_unstable();
        Ok(letters.into_iter().collect())
    }
}

/// The largest message that a file is read on behind.
const MESSAGE_BYTES_MAX: usize = 256 << 20;
const BUFFER_BYTES: usize = 256 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_have_files() {
        for (mailbox, path) in [
            ("INBOX", "x/INBOX.mbox"),
            ("Archive/2026", "x/Archive/2026.mbox"),
            ("../..", "x/%2E./%2E..mbox"),
            ("a.sbd/b.mbox", "x/a%2Esbd/b%2Embox.mbox"),
            ("50%", "x/50%25.mbox"),
        ] {
            assert_eq!(mbox_path(Path::new("x"), mailbox), Path::new(path));
        }
    }
}
