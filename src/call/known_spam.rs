//! The list of known spam of a server: hashes of texts, links and files, by the source that names
//! them. What is hashed, and how, is said in `judge/known_spam`.

/// What an entry of the list is a hash of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum KnownSpamKind {
    /// The text of a message.
    Body,
    /// A link in it.
    Link,
    /// A file in it.
    Attachment,
}

impl KnownSpamKind {
    /// Every kind. The position of each is its number in stored forms.
    pub const ALL: [KnownSpamKind; 3] = [
        KnownSpamKind::Body,
        KnownSpamKind::Link,
        KnownSpamKind::Attachment,
    ];

    /// The words of the list, in the same order.
    pub const NAMES: [&'static str; 3] = ["body", "link", "attachment"];

    /// Its number in stored forms.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The inverse of [`KnownSpamKind::number`].
    pub fn of_number(number: u8) -> Option<KnownSpamKind> {
        KnownSpamKind::ALL.get(usize::from(number)).copied()
    }

    /// Its word.
    pub fn name(self) -> &'static str {
        let at = usize::from(self.number());
        KnownSpamKind::NAMES.get(at).copied().unwrap_or_default()
    }

    /// The inverse of [`KnownSpamKind::name`].
    pub fn named(name: &str) -> Option<KnownSpamKind> {
        let at = KnownSpamKind::NAMES.iter().position(|n| *n == name)?;
        KnownSpamKind::ALL.get(at).copied()
    }
}

/// An entry of the list.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct KnownSpamEntry {
    /// What it is a hash of.
    pub kind: KnownSpamKind,
    /// SHA-256.
    pub hash: [u8; 32],
}

/// A source of entries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KnownSpamSource {
    /// The name that the operator gave it.
    pub name: String,
    /// Its entries of each kind, in the order of [`KnownSpamKind::ALL`].
    pub entries: [u64; 3],
    /// The stamp of the last import, about its time: unix milliseconds.
    pub imported_at: i64,
}

/// A line that is no entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RefusedLine {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: &'static str,
}

/// The result of an import.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct KnownSpamImported {
    /// The entries that the source did not have.
    pub fresh: Vec<KnownSpamEntry>,
    /// How many it had.
    pub present: usize,
    /// The lines that are none, in their order.
    pub refused: Vec<RefusedLine>,
    /// The stamp of the import. Each import of a source has a later one, whatever the clock does.
    pub imported_at: i64,
    /// The version of the list.
    pub version: i64,
}

/// A deletion of entries, with what is done of it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct KnownSpamDeletion {
    /// Only those of this source.
    pub source: Option<String>,
    /// Only those whose last import has an earlier stamp.
    pub before: Option<i64>,
    /// The last row that was looked at, as entry and number of its source.
    pub after: Option<(KnownSpamEntry, i64)>,
    /// How many are deleted.
    pub deleted: u64,
    /// What the last slice has deleted, and no other source has.
    pub gone: Vec<KnownSpamEntry>,
    /// The version of the list after that slice.
    pub version: i64,
}

/// Lines of one import: some milliseconds of work of the writer, so that deliveries have their
/// turn between two imports.
pub const KNOWN_SPAM_LINES_MAX: usize = 500;
/// Octets of the name of a source.
pub const KNOWN_SPAM_SOURCE_BYTES_MAX: usize = 64;
/// Sources of the list: one for each feed, and their list is one page.
pub const KNOWN_SPAM_SOURCES_MAX: usize = 50;
