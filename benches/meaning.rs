//! How well codes, replies and HTML are understood, on labelled mails of our own making.
//! `cargo bench --bench meaning`. The mails are in `benches/meaning`, one file a language; its
//! README says how they are written. It ends with 1 below the goals.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::process::ExitCode;

use postern::testing::mail::Bounds;
use postern::testing::mail::digest::{Digest, analyse};
use postern::testing::mail::text::codes::find_in_mail;
use postern::testing::mail::text::reply::{extracted_text, without_addresses};
use postern::testing::mail::text::text_of;

/// A labelled mail.
#[derive(Default)]
struct Labelled {
    name: String,
    is_html: bool,
    is_second: bool,
    subject: String,
    codes: Vec<String>,
    words: Option<String>,
    /// Parts of `extracted_text`; lines of it for a text mail.
    stays: Vec<String>,
    /// What must be gone from it.
    goes: Vec<String>,
    /// What must not be in `text`.
    hidden: Vec<String>,
    body: String,
}

/// What was counted.
#[derive(Default)]
struct Figures {
    mails: usize,
    codes_right: usize,
    codes_wrong: usize,
    codes_missed: usize,
    with_code: usize,
    first_right: usize,
    words_wrong: usize,
    replies: usize,
    lost: usize,
    kept: usize,
    pages: usize,
    pages_wrong: usize,
}

fn main() -> ExitCode {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/meaning");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder of labelled mails")
        .map(|entry| entry.expect("an entry of it").path())
        .filter(|path| path.file_stem().is_some_and(|stem| stem.len() == 2))
        .collect();
    files.sort();
    let (mut all, mut second) = (Figures::default(), Figures::default());
    for path in &files {
        let text = std::fs::read_to_string(path).expect("a file of labelled mails");
        let language = path.file_stem().unwrap_or_default().to_string_lossy();
        for mail in read(&text, &language) {
            all.count(&mail, true);
            if mail.is_second {
                second.count(&mail, false);
            }
        }
    }
    all.print(&format!("{} languages", files.len()));
    second.print("part two of these");
    if all.is_good() && files.len() >= 15 && all.mails >= 300 {
        ExitCode::SUCCESS
    } else {
        println!("meaning: below the goals");
        ExitCode::FAILURE
    }
}

/// The mails of a file.
fn read(text: &str, language: &str) -> Vec<Labelled> {
    let mut mails: Vec<Labelled> = Vec::new();
    let (mut is_second, mut in_body) = (false, false);
    for line in text.lines() {
        if let Some(head) = line.strip_prefix("== ") {
            let (kind, name) = head.split_once(' ').expect("kind and name");
            assert!(kind == "text" || kind == "html", "{line}");
            mails.push(Labelled {
                name: format!("{language}/{name}"),
                is_html: kind == "html",
                is_second,
                ..Labelled::default()
            });
            in_body = false;
            continue;
        }
        is_second |= line == "# part two";
        let Some(mail) = mails.last_mut() else {
            continue;
        };
        if line == "# part two" {
            continue;
        }
        if in_body {
            mail.body_line(line);
        } else if line.is_empty() {
            in_body = true;
        } else {
            mail.field(line);
        }
    }
    mails
}

impl Labelled {
    fn field(&mut self, line: &str) {
        let (name, value) = line.split_once(": ").expect("a field");
        let value = value.to_owned();
        match name {
            "s" => self.subject = value,
            "c" => self.codes = value.split(' ').map(str::to_owned).collect(),
            "w" => self.words = Some(value),
            "k" => self.stays.push(value),
            "x" => self.goes.push(value),
            "g" => self.hidden.push(value),
            _ => panic!("{}: {line}", self.name),
        }
    }

    fn body_line(&mut self, line: &str) {
        let (goes, line) = line
            .strip_prefix('|')
            .map_or((false, line), |line| (true, line));
        self.body.push_str(line);
        self.body.push('\n');
        let bare = line.trim();
        // A quotation mark alone says nothing.
        if !self.is_html && bare.chars().any(char::is_alphanumeric) {
            let labels = if goes {
                &mut self.goes
            } else {
                &mut self.stays
            };
            labels.push(bare.to_owned());
        }
    }

    /// The mail as it comes over the wire.
    fn raw(&self) -> String {
        let kind = if self.is_html { "html" } else { "plain" };
        format!(
            "From: Ann <ann@example.test>\r\nTo: bot@x.test\r\nSubject: {}\r\nMIME-Version: 1.0\r\n\
             Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{}",
            self.subject,
            self.body.replace('\n', "\r\n"),
        )
    }
}

impl Figures {
    fn count(&mut self, mail: &Labelled, tell: bool) {
        let raw = mail.raw();
        let analysis = analyse(raw.as_bytes(), &Bounds::default()).expect("a mail within bounds");
        let digest = Digest::open(&analysis.digest).expect("a fresh digest");
        let text = text_of(raw.as_bytes(), &digest).text;
        let new = extracted_text(&mail.subject, &text);
        let found = find_in_mail(&mail.subject, &without_addresses(&new));
        let say = |what: &str| {
            if tell {
                println!("{}: {what}", mail.name);
            }
        };
        self.mails += 1;
        let codes: Vec<&str> = found.iter().map(|f| f.code.as_str()).collect();
        assert_eq!(
            codes, analysis.codes,
            "{}: stored and read codes",
            mail.name
        );
        for code in &codes {
            if mail.codes.iter().any(|c| c == code) {
                self.codes_right += 1;
            } else {
                self.codes_wrong += 1;
                say(&format!("{code} is no code, found by {found:?}"));
            }
        }
        for code in mail.codes.iter().filter(|c| !codes.contains(&c.as_str())) {
            self.codes_missed += 1;
            say(&format!("{code} was not found"));
        }
        if let Some(first) = mail.codes.first() {
            self.with_code += 1;
            let is_first = codes.first() == Some(&first.as_str());
            self.first_right += usize::from(is_first);
            if !is_first {
                say(&format!("the first code is {codes:?}"));
            }
        }
        if let Some(words) = &mail.words
            && !found
                .first()
                .is_some_and(|f| f.words.to_lowercase().contains(&words.to_lowercase()))
        {
            self.words_wrong += 1;
            say(&format!("the words are {found:?}"));
        }
        if mail.is_html {
            self.pages += 1;
            let wrong = mail.stays.iter().find(|part| !new.contains(part.as_str()));
            let shown = mail.hidden.iter().find(|part| text.contains(part.as_str()));
            let kept = mail.goes.iter().find(|part| new.contains(part.as_str()));
            if let Some(part) = wrong.or(shown).or(kept) {
                self.pages_wrong += 1;
                say(&format!(
                    "the page reads wrong at {part:?}: {text:?} {new:?}"
                ));
            }
            return;
        }
        let lines: Vec<&str> = new.lines().map(str::trim).collect();
        self.replies += usize::from(!mail.goes.is_empty());
        if let Some(lost) = mail
            .stays
            .iter()
            .find(|line| !lines.contains(&line.as_str()))
        {
            self.lost += 1;
            say(&format!("lost {lost:?}"));
        }
        if let Some(kept) = mail.goes.iter().find(|line| lines.contains(&line.as_str())) {
            self.kept += 1;
            say(&format!("kept {kept:?}"));
        }
    }

    fn print(&self, what: &str) {
        println!(
            "meaning, {} mails, {what}: codes precision {:.3}, recall {:.3}, first right {:.3}; \
             lost text in {} mails; history gone in {:.3} of {} replies; pages right {:.3} of {}",
            self.mails,
            ratio(self.codes_right, self.codes_wrong),
            ratio(self.codes_right, self.codes_missed),
            ratio(self.first_right, self.with_code - self.first_right),
            self.lost,
            ratio(self.replies.saturating_sub(self.kept), self.kept),
            self.replies,
            ratio(self.pages - self.pages_wrong, self.pages_wrong),
            self.pages,
        );
    }

    fn is_good(&self) -> bool {
        ratio(self.codes_right, self.codes_wrong) >= 0.99
            && ratio(self.codes_right, self.codes_missed) >= 0.97
            && ratio(self.first_right, self.with_code - self.first_right) >= 0.99
            && self.words_wrong == 0
            && self.lost == 0
            && ratio(self.replies.saturating_sub(self.kept), self.kept) >= 0.98
            && ratio(self.pages - self.pages_wrong, self.pages_wrong) >= 0.98
    }
}

fn ratio(good: usize, bad: usize) -> f64 {
    if good + bad == 0 {
        return 1.0;
    }
    good as f64 / (good + bad) as f64
}
