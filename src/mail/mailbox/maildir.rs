//! Maildir and Maildir++: a file for each message, whose name has its flags, and a folder for each
//! mailbox.
//!
//! Keywords are letters in the name (`a` to `z`), which a file of the folder explains, as Dovecot
//! writes it: `dovecot-keywords`, a line `0 name` for `a`. A message with keywords beyond these has
//! them in `postern-keywords`, a line `name-of-the-file keyword keyword`.

use super::marks::{Marks, with_crlf};
use crate::call::Flags;
use crate::mail::utf7::{utf7_decode, utf7_encode};

/// Letters of flags, in the order in which they stand in a name.
const LETTERS: [(u8, Flags); 5] = [
    (b'D', Flags::DRAFT),
    (b'F', Flags::FLAGGED),
    (b'R', Flags::ANSWERED),
    (b'S', Flags::SEEN),
    (b'T', Flags::DELETED),
];

/// A dot within a level, as modified UTF-7 would write it.
const DOT: &str = "&AC4-";
/// The file that names the keywords of a folder.
pub const KEYWORDS_FILE: &str = "dovecot-keywords";
/// The file that names the keywords for which there is no letter.
pub const MORE_KEYWORDS_FILE: &str = "postern-keywords";
/// Letters of keywords.
pub const KEYWORDS_MAX: usize = 26;

/// The keywords of a folder by their letters.
pub fn read_keywords(text: &str) -> Vec<String> {
    let mut words = vec![String::new(); KEYWORDS_MAX];
    for line in text.lines() {
        let found = line.split_once(' ').and_then(|(at, word)| {
            let place = words.get_mut(at.parse::<usize>().ok()?)?;
            Some((place, word))
        });
        if let Some((place, word)) = found {
            word.trim().clone_into(place);
        }
    }
    words
}

/// The part of a file name that stays when flags change.
pub fn base_name(name: &str) -> &str {
    name.split([':', ';', '!']).next().unwrap_or(name)
}

/// The flags and keywords that the name of a file has.
pub fn marks_of(name: &str, keywords: &[String]) -> Marks {
    let mut marks = Marks::default();
    // `;` and `!` stand for `:` on file systems that cannot have it.
    let info = name
        .rsplit([':', ';', '!'])
        .next()
        .filter(|info| info.len() < name.len());
    for letter in info
        .and_then(|info| info.strip_prefix("2,"))
        .unwrap_or_default()
        .bytes()
    {
        if let Some((_, flag)) = LETTERS.iter().find(|(of, _)| *of == letter) {
            marks.flags = marks.flags.with(*flag);
        } else if letter.is_ascii_lowercase()
            && let Some(word) = keywords.get(usize::from(letter - b'a'))
        {
            marks.add_label(word);
        }
    }
    marks
}

/// The octets of a file with CRLF. A name may say that they have their right length already
/// (`S=` the size of the file, `W=` with CRLF): then they stay.
pub fn octets_of(name: &str, octets: Vec<u8>) -> Vec<u8> {
    let number = |field: &str| {
        let found = base_name(name)
            .split(',')
            .find_map(|part| part.strip_prefix(field))?;
        found.parse::<usize>().ok()
    };
    let length = Some(octets.len());
    match number("S=") == length && number("W=") == length {
        true => octets,
        false => with_crlf(octets),
    }
}

/// The name of a file for a message: unique within its folder, with its size and its flags.
/// `letters` are those of its keywords.
pub fn name_of(unique: &str, size: usize, flags: Flags, letters: &str) -> String {
    let mut name = format!("{unique},S={size},W={size}:2,");
    for (letter, flag) in LETTERS {
        if flags.has(flag) {
            name.push(char::from(letter));
        }
    }
    name + letters
}

/// The unique part of a name that we write: when the message arrived, the cursor behind it
/// (UIDVALIDITY, a hyphen, UID), and its id.
pub fn unique_of(received_at_ms: u64, place: &str, id: &str) -> String {
    format!("{}.P{place}M{id}.postern", received_at_ms / 1000)
}

/// The UIDVALIDITY and UID in a name that we wrote.
pub fn place_of(name: &str) -> Option<(u32, u32)> {
    let (_, rest) = name.split_once(".P")?;
    let (place, _) = rest.split_once('M')?;
    let (validity, uid) = place.split_once('-')?;
    Some((validity.parse().ok()?, uid.parse().ok()?))
}

/// The mailbox of a folder of Maildir++: `.Archive.2026` is `Archive/2026`. `None` for what is no
/// folder: a level of it is empty, also one beside a `/`, which no name of a file has.
pub fn mailbox_of(folder: &str) -> Option<String> {
    let levels = folder.strip_prefix('.')?.split('.').map(|level| {
        let parts = level
            .split(DOT)
            .map(|part| utf7_decode(part.as_bytes()).unwrap_or_else(|| part.to_owned()));
        parts.collect::<Vec<_>>().join(".")
    });
    let name = levels.collect::<Vec<_>>().join("/");
    let is_whole = name.split('/').all(|level| !level.is_empty());
    is_whole.then_some(name)
}

/// The folder of a mailbox. A dot in a level is written in the encoding, because it separates
/// levels; INBOX is the folder at the top.
pub fn folder_of(mailbox: &str) -> String {
    if mailbox.eq_ignore_ascii_case("INBOX") {
        return String::new();
    }
    let levels = mailbox.split('/').map(|level| {
        let encoded = utf7_encode(level);
        encoded.replace('.', DOT)
    });
    format!(".{}", levels.collect::<Vec<_>>().join("."))
}
