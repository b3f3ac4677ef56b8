//! LIST, plain and extended (RFC 3501, 5258, 5819, 6154), and LSUB: names against patterns.
//!
//! A pattern is matched as a set of positions in it, kept as bits: the time is the product
//! of two bounded lengths over 64, whatever the wildcards are.

use std::collections::{BTreeMap, BTreeSet};

use crate::call::{Answer, MailboxRead, MailboxRow, Reply, SpecialUse};
use crate::engine::Output;
use crate::imap::respond;
use crate::imap::server::Server;
use crate::imap::state::Job;
use crate::imap::types::{List, Pattern};

impl Server {
    pub(in crate::imap) fn list(&mut self, list: List, out: &mut Output) {
        if !list.extended && list.patterns.iter().all(|pattern| pattern.0.is_empty()) {
            // What is between two levels (RFC 3501 section 6.3.8)?
            out.bytes
                .extend_from_slice(b"* LIST (\\Noselect) \"/\" \"\"\r\n");
            return self.ok("List done", out);
        }
        let counts = !list.return_status.is_empty();
        let call = MailboxRead::List { counts };
        self.ask(call, Job::List(Box::new(list)), out);
    }

    pub(in crate::imap) fn listed(&mut self, list: Box<List>, reply: Reply, out: &mut Output) {
        let rows = match reply {
            Reply::Answer(Answer::Mailboxes(rows)) => rows,
            other => return self.otherwise(other, out),
        };
        if list.only_subscribed {
            // Names may be subscribed that no mailbox has.
            let job = Job::ListNames(list, rows);
            return self.ask(MailboxRead::Subscribed, job, out);
        }
        self.write_list(&list, &rows, &[], out);
    }

    pub(in crate::imap) fn list_named(
        &mut self,
        list: &List,
        rows: &[MailboxRow],
        reply: Reply,
        out: &mut Output,
    ) {
        match reply {
            Reply::Answer(Answer::Names(names)) => self.write_list(list, rows, &names, out),
            other => self.otherwise(other, out),
        }
    }

    fn write_list(
        &mut self,
        list: &List,
        rows: &[MailboxRow],
        subscribed: &[String],
        out: &mut Output,
    ) {
        for line in lines(list, rows, subscribed) {
            line.write("LIST", out);
            if let Some(row) = line.row
                && !list.return_status.is_empty()
            {
                self.write_status(row, &list.return_status, out);
            }
        }
        self.ok("List done", out);
    }

    pub(in crate::imap) fn lsub(&mut self, pattern: Pattern, out: &mut Output) {
        self.ask(MailboxRead::Subscribed, Job::Lsub(pattern), out);
    }

    pub(in crate::imap) fn lsub_named(
        &mut self,
        pattern: &Pattern,
        reply: Reply,
        out: &mut Output,
    ) {
        let names = match reply {
            Reply::Answer(Answer::Names(names)) => names,
            other => return self.otherwise(other, out),
        };
        let matcher = Matcher::new(pattern);
        let names: BTreeSet<&str> = names.iter().map(String::as_str).collect();
        let mut parents = BTreeSet::new();
        for name in &names {
            if matcher.matches(name) {
                Line::bare(name, Vec::new()).write("LSUB", out);
            } else {
                // A level that a `%` stops at, with something subscribed below it (RFC 3501
                // section 6.3.9).
                for parent in ancestors(name) {
                    if !names.contains(parent) && matcher.matches(parent) {
                        parents.insert(parent);
                    }
                }
            }
        }
        for parent in parents {
            Line::bare(parent, vec!["\\Noselect"]).write("LSUB", out);
        }
        self.ok("Lsub done", out);
    }
}

/// One answer.
struct Line<'a> {
    name: &'a str,
    attributes: Vec<&'static str>,
    /// RFC 5258: something below is selected that the patterns do not reach.
    child_subscribed: bool,
    row: Option<&'a MailboxRow>,
}

impl<'a> Line<'a> {
    fn bare(name: &'a str, attributes: Vec<&'static str>) -> Self {
        Line {
            name,
            attributes,
            child_subscribed: false,
            row: None,
        }
    }

    fn write(&self, verb: &str, out: &mut Output) {
        for piece in ["* ", verb, " (", &self.attributes.join(" "), ") \"/\" "] {
            out.bytes.extend_from_slice(piece.as_bytes());
        }
        respond::mailbox(&mut out.bytes, self.name);
        if self.child_subscribed {
            out.bytes
                .extend_from_slice(b" (\"CHILDINFO\" (\"SUBSCRIBED\"))");
        }
        out.bytes.extend_from_slice(b"\r\n");
    }
}

/// What LIST answers with, INBOX first.
fn lines<'a>(list: &List, rows: &'a [MailboxRow], subscribed: &'a [String]) -> Vec<Line<'a>> {
    let matchers: Vec<Matcher> = list.patterns.iter().map(Matcher::new).collect();
    let matches = |name: &str| matchers.iter().any(|m| m.matches(name));
    let real: BTreeMap<&str, &MailboxRow> = rows.iter().map(|r| (r.name.as_str(), r)).collect();
    let mut all: BTreeSet<&str> = real.keys().copied().collect();
    for name in real.keys() {
        all.extend(ancestors(name));
    }
    let subscribed: BTreeSet<&str> = subscribed
        .iter()
        .map(String::as_str)
        .chain(
            rows.iter()
                .filter(|r| r.subscribed)
                .map(|r| r.name.as_str()),
        )
        .collect();
    // Who is selected before the patterns are asked.
    let mut chosen: BTreeSet<&str> = all.clone();
    if list.only_subscribed {
        chosen.clone_from(&subscribed);
    }
    if list.only_special {
        chosen.retain(|name| real.get(name).is_some_and(|row| row.special.is_some()));
    }
    let mut shown: BTreeMap<(bool, &str), bool> = chosen
        .iter()
        .filter(|name| matches(name))
        .map(|name| ((*name != "INBOX", *name), false))
        .collect();
    if list.recursive_match && list.only_subscribed {
        for name in chosen.iter().filter(|name| !matches(name)) {
            for parent in ancestors(name).filter(|parent| matches(parent)) {
                shown.insert((parent != "INBOX", parent), true);
            }
        }
    }
    shown
        .into_iter()
        .map(|((_, name), child_subscribed)| {
            let row = real.get(name).copied();
            Line {
                name,
                attributes: attributes(list, name, row, &all, &subscribed),
                child_subscribed,
                row,
            }
        })
        .collect()
}

fn attributes(
    list: &List,
    name: &str,
    row: Option<&MailboxRow>,
    all: &BTreeSet<&str>,
    subscribed: &BTreeSet<&str>,
) -> Vec<&'static str> {
    let mut words = Vec::with_capacity(4);
    match (row, list.extended) {
        (Some(_), _) => {}
        (None, true) => words.push("\\NonExistent"),
        (None, false) => words.push("\\Noselect"),
    }
    if (list.return_subscribed || list.only_subscribed) && subscribed.contains(name) {
        words.push("\\Subscribed");
    }
    words.push(if has_children(name, all) {
        "\\HasChildren"
    } else {
        "\\HasNoChildren"
    });
    if let Some(special) = row.and_then(|row| row.special) {
        words.extend(
            SpecialUse::ALL
                .iter()
                .filter(|(of, _, _)| *of == special)
                .map(|(_, _, attribute)| *attribute),
        );
    }
    words
}

fn has_children(name: &str, all: &BTreeSet<&str>) -> bool {
    let below = format!("{name}/");
    all.range::<str, _>((
        core::ops::Bound::Included(below.as_str()),
        core::ops::Bound::Unbounded,
    ))
    .next()
    .is_some_and(|next| next.starts_with(&below))
}

/// `a` and `a/b` of `a/b/c`.
fn ancestors(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('/').filter_map(|(at, _)| name.get(..at))
}

/// A pattern, ready to be held against many names.
struct Matcher {
    /// Which positions of the pattern are this octet, for each octet.
    literal: Vec<Bits>,
    /// Positions that are `*`.
    star: Bits,
    /// Positions that are `%`.
    percent: Bits,
    len: usize,
    /// The same in capitals: `inb%` finds INBOX (RFC 3501 section 5.1).
    capitals: Option<Box<Matcher>>,
}

/// A bit a position, and one behind the last.
type Bits = [u64; WORDS];

impl Matcher {
    fn new(pattern: &Pattern) -> Self {
        let capitals = pattern.0.to_ascii_uppercase();
        Matcher {
            capitals: (capitals != pattern.0).then(|| Box::new(Matcher::exact(&capitals))),
            ..Matcher::exact(&pattern.0)
        }
    }

    fn exact(pattern: &str) -> Self {
        let mut this = Matcher {
            literal: vec![[0; WORDS]; 256],
            star: [0; WORDS],
            percent: [0; WORDS],
            len: 0,
            capitals: None,
        };
        let mut before = 0;
        for &octet in pattern.as_bytes().iter().take(PATTERN_BYTES) {
            // Two wildcards side by side are the wider of them.
            match (before, octet) {
                (b'*', b'*' | b'%') | (b'%', b'%') => continue,
                (b'%', b'*') => {
                    let at = this.len.saturating_sub(1);
                    clear(&mut this.percent, at);
                    set(&mut this.star, at);
                    before = b'*';
                    continue;
                }
                (_, b'*') => set(&mut this.star, this.len),
                (_, b'%') => set(&mut this.percent, this.len),
                _ => {
                    if let Some(bits) = this.literal.get_mut(usize::from(octet)) {
                        set(bits, this.len);
                    }
                }
            }
            before = octet;
            this.len += 1;
        }
        this
    }

    fn matches(&self, name: &str) -> bool {
        if name == "INBOX" && self.capitals.as_ref().is_some_and(|m| m.matches(name)) {
            return true;
        }
        let words = self.len / 64 + 1;
        let mut here: Bits = [0; WORDS];
        set(&mut here, 0);
        self.skip_wildcards(&mut here, words);
        for &octet in name.as_bytes() {
            let Some(literal) = self.literal.get(usize::from(octet)) else {
                return false;
            };
            let (mut carry, mut any) = (0, 0);
            let tables = literal.iter().zip(self.star.iter().zip(&self.percent));
            for (word, (literal, (star, percent))) in here.iter_mut().zip(tables).take(words) {
                let moved = *word & literal;
                let stays = if octet == b'/' { *star } else { star | percent };
                *word = (moved << 1) | carry | (*word & stays);
                carry = moved >> 63;
                any |= *word;
            }
            if any == 0 {
                return false;
            }
            self.skip_wildcards(&mut here, words);
        }
        here.get(self.len / 64)
            .is_some_and(|word| word >> (self.len % 64) & 1 == 1)
    }

    /// A wildcard also stands for nothing; no two are side by side, so one step is enough.
    fn skip_wildcards(&self, here: &mut Bits, words: usize) {
        let mut carry = 0;
        let wild = self.star.iter().zip(&self.percent);
        for (word, (star, percent)) in here.iter_mut().zip(wild).take(words) {
            let wild = *word & (star | percent);
            *word |= (wild << 1) | carry;
            carry = wild >> 63;
        }
    }
}

fn set(bits: &mut Bits, at: usize) {
    if let Some(word) = bits.get_mut(at / 64) {
        *word |= 1 << (at % 64);
    }
}

fn clear(bits: &mut Bits, at: usize) {
    if let Some(word) = bits.get_mut(at / 64) {
        *word &= !(1 << (at % 64));
    }
}

/// A pattern that is longer than twice the longest name, and then some, matches nothing more.
const PATTERN_BYTES: usize = 512;
const WORDS: usize = PATTERN_BYTES / 64 + 1;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::call::MailboxId;

    /// The obvious way, exponential in the worst case.
    fn obvious(pattern: &[u8], name: &[u8]) -> bool {
        match pattern.split_first() {
            None => name.is_empty(),
            Some((b'*', rest)) => (0..=name.len()).any(|n| obvious(rest, &name[n..])),
            Some((b'%', rest)) => (0..=name.len())
                .take_while(|n| *n == 0 || name[n - 1] != b'/')
                .any(|n| obvious(rest, &name[n..])),
            Some((c, rest)) => name.first() == Some(c) && obvious(rest, &name[1..]),
        }
    }

    #[test]
    fn matches_as_the_obvious_way_does() {
        let mut x = 7u32;
        let mut next = move |n: u32| {
            x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (x >> 16) % n
        };
        for _ in 0..20_000 {
            let text = |alphabet: &[u8], n: u32, next: &mut dyn FnMut(u32) -> u32| -> String {
                (0..n)
                    .map(|_| alphabet[next(alphabet.len() as u32) as usize] as char)
                    .collect()
            };
            let n = next(9);
            let pattern = text(b"ab/*%", n, &mut next);
            let n = next(9);
            let name = text(b"ab/", n, &mut next);
            let found = Matcher::new(&Pattern(pattern.clone())).matches(&name);
            assert_eq!(
                found,
                obvious(pattern.as_bytes(), name.as_bytes()),
                "{pattern} {name}"
            );
        }
        let long = "a".repeat(200);
        let hard = Pattern("*a%".repeat(170));
        assert!(Matcher::new(&hard).matches(&long));
        assert!(!Matcher::new(&hard).matches(&"b".repeat(255)));
        let exact = Matcher::new(&Pattern("a".repeat(64)));
        assert!(exact.matches(&"a".repeat(64)) && !exact.matches(&"a".repeat(63)));
        assert!(Matcher::new(&Pattern("inb%".into())).matches("INBOX"));
        assert!(!Matcher::new(&Pattern("sen%".into())).matches("Sent"));
    }

    fn row(name: &str, subscribed: bool) -> MailboxRow {
        MailboxRow {
            id: MailboxId(1),
            name: name.into(),
            special: (name == "Sent").then_some(SpecialUse::Sent),
            subscribed,
            uidvalidity: 1,
            uidnext: 1,
            counts: None,
        }
    }

    fn said(list: &List) -> String {
        let rows = [
            row("Sent", false),
            row("a/b/c", true),
            row("a", false),
            row("INBOX", true),
        ];
        let names = ["gone".to_owned(), "a/b/c".into(), "INBOX".into()];
        let mut out = Output::default();
        for line in lines(list, &rows, &names) {
            line.write("LIST", &mut out);
        }
        String::from_utf8(out.bytes)
            .unwrap()
            .replace("* LIST ", "")
            .replace(" \"/\"", "")
    }

    #[test]
    fn extended_list() {
        let of = |patterns: &[&str]| List {
            patterns: patterns.iter().map(|p| Pattern((*p).into())).collect(),
            ..List::default()
        };
        assert_eq!(
            said(&of(&["*"])),
            "(\\HasNoChildren) INBOX\r\n(\\HasNoChildren \\Sent) Sent\r\n\
             (\\HasChildren) a\r\n(\\Noselect \\HasChildren) a/b\r\n(\\HasNoChildren) a/b/c\r\n"
        );
        assert_eq!(said(&of(&["a/%"])), "(\\Noselect \\HasChildren) a/b\r\n");
        let subscribed = List {
            extended: true,
            only_subscribed: true,
            return_subscribed: true,
            recursive_match: true,
            ..of(&["%"])
        };
        assert_eq!(
            said(&subscribed),
            "(\\Subscribed \\HasNoChildren) INBOX\r\n\
             (\\HasChildren) a (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n\
             (\\NonExistent \\Subscribed \\HasNoChildren) gone\r\n"
        );
        let special = List {
            extended: true,
            only_special: true,
            ..of(&["*", "%"])
        };
        assert_eq!(said(&special), "(\\HasNoChildren \\Sent) Sent\r\n");
    }
}
