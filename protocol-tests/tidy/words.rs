//! The words: a glossary of at most forty, one type of a name, references that a reader can
//! open, and comments in plain words.

use std::collections::BTreeMap;

use super::sources::{Text, is_word, root, sources, texts};

/// Names of types that still mean two things; this list only shrinks.
const TWICE_LEFT: &[&str] = &[];

/// Files and folders that still have references to pages outside the repository.
const REFERENCES_LEFT: &[&str] = &[];

/// Files and folders that still have words of the old dialect in their comments.
const DIALECT_LEFT: &[&str] = &[];

const GLOSSARY_MAX: usize = 40;

#[test]
fn the_glossary_has_at_most_forty_words() {
    let words = glossary();
    assert!(words.len() > 10, "the glossary is not found");
    assert!(words.len() <= GLOSSARY_MAX, "{} words", words.len());
}

#[test]
fn a_type_has_a_name_of_its_own() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for source in sources() {
        for line in source.code.lines() {
            if let Some(name) = type_defined(line) {
                let files = places.entry(name.to_owned()).or_default();
                let file = source.path.display().to_string();
                // Two definitions in one file are one type under two conditions of `cfg`.
                if !files.contains(&file) {
                    files.push(file);
                }
            }
        }
    }
    let shared: Vec<String> = (glossary().into_iter())
        .filter(|(_, meaning)| meaning.contains("types have this name"))
        .map(|(word, _)| word)
        .collect();
    let mut wrong = Vec::new();
    for (name, files) in places {
        if files.len() > 1 && !shared.contains(&name) && !TWICE_LEFT.contains(&name.as_str()) {
            wrong.push(format!("{name}: {}", files.join(", ")));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The type that a line defines. An associated type is indented and has no visibility.
fn type_defined(line: &str) -> Option<&str> {
    let is_indented = line.starts_with(' ');
    let mut rest = line.trim_start();
    if let Some(after) = rest.strip_prefix("pub") {
        rest = match after.strip_prefix('(') {
            Some(inner) => inner.split_once(')')?.1.trim_start(),
            None => after.strip_prefix(' ')?,
        };
    } else if is_indented && rest.starts_with("type ") {
        return None;
    }
    let kinds = ["struct ", "enum ", "trait ", "type ", "union "];
    let rest = kinds.iter().find_map(|kind| rest.strip_prefix(kind))?;
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
    let name = &rest[..end.unwrap_or(rest.len())];
    name.starts_with(char::is_uppercase).then_some(name)
}

#[test]
fn references_can_be_opened() {
    let headings = headings();
    let mut wrong = Vec::new();
    for text in texts() {
        if is_left(&text, REFERENCES_LEFT) || text.path == OWN {
            continue;
        }
        for (at, line) in text.text.lines().enumerate() {
            for page in [
                "decisions.md",
                "reliability.md",
                "house.md",
                "api.md",
                "mcp.md",
            ] {
                if is_word(line, page) {
                    wrong.push(format!("{}:{}: names {page}", text.path, at + 1));
                }
            }
        }
        for (at, line) in text.comments() {
            if let Some(code) = bare_code(line) {
                wrong.push(format!("{}:{at}: a bare code {code}", text.path));
            }
        }
        let joined = text.joined();
        for (at, mark) in joined.match_indices("DECISIONS.md, \"") {
            let heading = joined[at + mark.len()..].split('"').next().unwrap();
            if heading != "X" && !headings.iter().any(|h| h == heading) {
                wrong.push(format!("{}: DECISIONS.md has no \"{heading}\"", text.path));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// `(S14)`, `H01`: a letter and two digits, which stand for a sentence that is not here.
fn bare_code(line: &str) -> Option<&str> {
    let octets = line.as_bytes();
    let is_part = |c: u8| c.is_ascii_alphanumeric() || c == b'_' || c == b'-' || c == b'`';
    (0..octets.len().saturating_sub(2)).find_map(|at| {
        let code = &octets[at..at + 3];
        let is_code = b"AFHIKMRSWX".contains(&code[0])
            && code[1].is_ascii_digit()
            && code[2].is_ascii_digit()
            && (at == 0 || !is_part(octets[at - 1]))
            && octets
                .get(at + 3)
                .is_none_or(|c| !is_part(*c) && *c != b'>' && *c != b'<');
        is_code.then(|| &line[at..at + 3])
    })
}

/// The headings of DECISIONS.md.
fn headings() -> Vec<String> {
    let text = std::fs::read_to_string(root().join("src/DECISIONS.md")).unwrap();
    text.lines()
        .filter_map(|line| Some(line.strip_prefix("## ")?.to_owned()))
        .collect()
}

/// Words that a reader must translate first, and what to say instead.
const DIALECT: &[(&str, &str)] = &[
    ("whoever", "name the client, the peer, the caller"),
    ("Whoever", "name the client, the peer, the caller"),
    ("nobody", "say what does not happen"),
    ("Nobody", "say what does not happen"),
    ("somebody", "name the client, the peer, the caller"),
    ("Somebody", "name the client, the peer, the caller"),
    ("House", "Shared"),
    ("reap", "reclaim"),
    ("reaped", "reclaimed"),
    ("mend", "repair"),
    ("mended", "repaired"),
    ("mint", "make"),
    ("minted", "made"),
    ("sow", "seed"),
    ("stranger", "anonymous client"),
    ("strangers", "anonymous clients"),
    ("Stranger", "anonymous client"),
    ("Strangers", "anonymous clients"),
];

#[test]
fn comments_are_in_plain_words() {
    let mut wrong = Vec::new();
    for text in texts() {
        if is_left(&text, DIALECT_LEFT) || text.path == OWN {
            continue;
        }
        let lines = match text.path.ends_with(".md") {
            true => (1..).zip(text.text.lines()).collect(),
            false => text.comments(),
        };
        for (at, line) in lines {
            for (word, instead) in DIALECT {
                // A user of the system is called `nobody`.
                if is_word(line, word) && !line.contains("`nobody`") {
                    wrong.push(format!("{}:{at}: {word}: {instead}", text.path));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Whether a list of what is left names this file or a folder above it.
pub fn is_left(text: &Text, left: &[&str]) -> bool {
    left.iter().any(|prefix| text.path.starts_with(prefix))
}

/// Word and meaning of each row of the glossary in ARCHITECTURE.md.
fn glossary() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(root().join("src/ARCHITECTURE.md")).unwrap();
    let begin = text.find("\n## Glossary").expect("a glossary");
    let section = text[begin + 4..].split("\n## ").next().unwrap();
    section
        .lines()
        .filter_map(|line| {
            let row = line.strip_prefix("| **")?;
            let (word, meaning) = row.split_once("**")?;
            Some((word.to_owned(), meaning.to_owned()))
        })
        .collect()
}

/// This file, which has to name what it forbids.
const OWN: &str = "protocol-tests/tidy/words.rs";

#[test]
fn a_definition_and_a_code_are_recognised() {
    assert_eq!(
        type_defined("pub(crate) struct Server<'a> {"),
        Some("Server")
    );
    assert_eq!(type_defined("    type Item = u8;"), None);
    assert_eq!(type_defined("type Rows = Vec<u8>;"), Some("Rows"));
    assert_eq!(bare_code("/// is refused (S14)."), Some("S14"));
    assert_eq!(bare_code("/// SHA-256 and UTF-8, `H01`, 10 KB"), None);
}
