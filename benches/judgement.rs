//! The filter: its time, and what it finds in sets of mail. `cargo bench --bench judgement
//! [-- --quick]`.
//!
//! The memory of the tables, the time of a message of 4 KiB, of the worst of 25 MiB, and whether
//! the time is linear in the size, for 20 generators of hostile mail. The process fails if it is
//! not, or if the tables take more than they may.
//!
//! The sets are not in the repository. `POSTERN_MAIL_SETS` names a folder that has one folder for
//! each set, with an `index.jsonl`: lines with `id`, `path`, `set`, `label` (`ham`, `spam`,
//! `phish`, `inject`) and for injection `family` and `carrier`. Without it a line says that
//! nothing was measured.
//!
//! - `--tokens OUT INDEX...` writes the tokens of each message, for `judgement/train.py`.
//! - `--reports OUT INDEX...` writes what the filter says of each message, to compare two builds.
//! - `--model FILE --rest IDS` measures with another shipped model, on the messages of these ids:
//!   a model that has not seen them (`train.py --until 0.6 --rest IDS`). The messages that it has
//!   seen are the lessons. Without `--rest` all messages are measured, most of which the shipped
//!   model was made from: such figures are too good, and the bench says so.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "judgement/figures.rs"]
mod figures;
#[path = "judgement/hostile.rs"]
mod hostile;

use std::collections::HashSet;
use std::hint::black_box;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use postern::testing::call::{KnownSpamEntry, KnownSpamKind, Limits, SpamSettings};
use postern::testing::judge::known_spam::KnownSpamSet;
use postern::testing::judge::model::{StartModel, TokenKind, Tokens, each_token, hash};
use postern::testing::judge::{MailView, Models, SenderFacts, judge, tables_bytes};
use postern::testing::mail::Bounds;
use postern::testing::mail::digest::analyse;
use serde_json::{Value, json};

/// A message of a set.
pub struct Row {
    /// Its line in the index.
    pub about: Value,
    /// Its octets.
    pub raw: Vec<u8>,
}

impl Row {
    fn text(&self, field: &str) -> &str {
        self.about[field].as_str().unwrap_or_default()
    }

    /// What the filter reads of it.
    fn view(&self) -> MailView {
        let analysis = analyse(&self.raw, &Bounds::default()).unwrap();
        MailView::of(&self.raw, &analysis)
    }
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let after = |name: &str| {
        let at = words.iter().position(|word| word == name)?;
        words.get(at + 1).cloned()
    };
    let is_quick = words.iter().any(|word| word == "--quick");
    if let Some(out) = after("--tokens") {
        let at = words.iter().position(|word| *word == out).unwrap();
        return write_tokens(Path::new(&out), &words[at + 1..]);
    }
    if let Some(out) = after("--reports") {
        let at = words.iter().position(|word| *word == out).unwrap();
        return write_reports(Path::new(&out), &words[at + 1..]);
    }
    let tables = tables_bytes();
    println!("tables: {} KiB", tables >> 10);
    assert!(tables <= TABLES_MAX, "the tables are too large");
    time_usual(is_quick);
    time_known_spam(is_quick);
    let is_linear = hostile::time_hostile(is_quick);
    measure(after("--model"), after("--rest"));
    if !is_linear {
        println!("FAILED: the time of the filter is not linear");
        std::process::exit(1);
    }
}

/// What the shipped model and the phrases may take of memory.
const TABLES_MAX: usize = 2 << 20;

/// The least of the times of `rounds`, each for `times` calls, for one call.
fn least_time(rounds: usize, times: u32, mut call: impl FnMut()) -> Duration {
    (0..rounds)
        .map(|_| {
            let start = Instant::now();
            (0..times).for_each(|_| call());
            start.elapsed() / times
        })
        .min()
        .unwrap()
}

/// The time of a usual message of 4 KiB, and of the steps of its judgement.
fn time_usual(is_quick: bool) {
    let raw = hostile::usual(4096);
    let analysis = analyse(&raw, &Bounds::default()).unwrap();
    let (facts, settings, models) = (
        SenderFacts::default(),
        SpamSettings::default(),
        Models::default(),
    );
    let rounds = if is_quick { 20 } else { 200 };
    let view = MailView::of(&raw, &analysis);
    let of_view = least_time(rounds, 50, || {
        black_box(MailView::of(black_box(&raw), &analysis));
    });
    let of_model = least_time(rounds, 50, || {
        black_box(models.score(black_box(&view)));
    });
    let of_judge = least_time(rounds, 50, || {
        black_box(judge(black_box(&view), &facts, &settings, &models));
    });
    println!(
        "4 KiB: view {:.1} us, rules and models {:.1} us (models {:.1} us, {} tokens), together {:.1} us",
        micros(of_view),
        micros(of_judge),
        micros(of_model),
        Tokens::of(&view).hashes().len(),
        micros(of_view + of_judge),
    );
}

/// What a list of known spam of the largest size adds to a usual message, and to the one that costs
/// most: files up to the bound on what is hashed.
fn time_known_spam(is_quick: bool) {
    let entry = |kind: KnownSpamKind, n: u64| {
        let mut entry = KnownSpamEntry {
            kind,
            hash: [0; 32],
        };
        entry.hash[..8].copy_from_slice(&n.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
        entry
    };
    let entries = Limits::default().known_spam_entries as u64;
    let all = (0..entries).map(|n| entry(KnownSpamKind::ALL[n as usize % 3], n));
    let set = KnownSpamSet::of(all);
    let rounds = if is_quick { 20 } else { 200 };
    let mut file =
        b"From: a@b.test\r\nMIME-Version: 1.0\r\nContent-Type: application/pdf; name=a\r\n\
        Content-Disposition: attachment\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            .to_vec();
    (0..17_000)
        .for_each(|_| file.extend_from_slice(&[b"QUJD".repeat(19).as_slice(), b"\r\n"].concat()));
    let times = [hostile::usual(4096), file].map(|raw| {
        let analysis = analyse(&raw, &Bounds::default()).unwrap();
        let view = MailView::of(&raw, &analysis);
        least_time(rounds, 10, || {
            black_box(set.find(black_box(&view), &raw, &analysis));
        })
    });
    let change = least_time(rounds, 1, || {
        black_box(set.changed(&[entry(KnownSpamKind::Link, 1)], &[]));
    });
    println!(
        "known spam, {entries} entries in {} KiB: 4 KiB {:.1} us, a file of 1 MiB {:.0} us; a change {:.0} us",
        set.bytes() >> 10,
        micros(times[0]),
        micros(times[1]),
        micros(change),
    );
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// The messages of an index.
fn read_index(index: &Path) -> Vec<Row> {
    let base = index.parent().unwrap();
    let lines = std::fs::read_to_string(index).unwrap();
    lines
        .lines()
        .map(|line| {
            let about: Value = serde_json::from_str(line).unwrap();
            let raw = std::fs::read(base.join(about["path"].as_str().unwrap())).unwrap();
            Row { about, raw }
        })
        .collect()
}

/// The names and hashes of the tokens of a message, each once.
fn tokens_of(view: &MailView) -> Vec<(String, u64)> {
    let mut all = Vec::new();
    each_token(view, |kind: TokenKind, octets| {
        let name = format!(
            "{}:{}",
            char::from(kind.letter()),
            String::from_utf8_lossy(octets)
        );
        all.push((name, hash(kind, octets)));
    });
    all.sort_unstable();
    all.dedup();
    all
}

fn write_tokens(out: &Path, indexes: &[String]) {
    let mut out = std::io::BufWriter::new(std::fs::File::create(out).unwrap());
    for row in indexes
        .iter()
        .flat_map(|index| read_index(Path::new(index)))
    {
        let line = json!({
            "id": row.about["id"], "set": row.about["set"], "label": row.about["label"],
            "thread": row.about["thread"], "tokens": tokens_of(&row.view()),
        });
        writeln!(out, "{line}").unwrap();
    }
    out.flush().unwrap();
}

fn write_reports(out: &Path, indexes: &[String]) {
    let mut out = std::io::BufWriter::new(std::fs::File::create(out).unwrap());
    let (facts, settings) = (SenderFacts::default(), SpamSettings::default());
    for index in indexes {
        for row in read_index(Path::new(index)) {
            let report = judge(&row.view(), &facts, &settings, &Models::default());
            writeln!(out, "{} {report:?}", row.text("id")).unwrap();
        }
    }
    out.flush().unwrap();
}

fn measure(model: Option<String>, rest: Option<String>) {
    let Some(folder) = std::env::var_os("POSTERN_MAIL_SETS").map(PathBuf::from) else {
        println!("sets: POSTERN_MAIL_SETS names no folder, so recall and faults were not measured");
        return;
    };
    let mut folders: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().join("index.jsonl"))
        .filter(|index| index.exists())
        .collect();
    folders.sort();
    let rows: Vec<Row> = folders.iter().flat_map(|index| read_index(index)).collect();
    let models = match &model {
        None => Models::default(),
        // The octets live as long as the process, as those of the shipped model do.
        Some(path) => {
            let octets = std::fs::read(path).unwrap().leak();
            Models::starting_with(StartModel::open(octets).expect("the model is not in its form"))
        }
    };
    let rest: Option<HashSet<String>> = rest.map(|path| {
        let ids = std::fs::read_to_string(path).unwrap();
        ids.lines().map(str::to_string).collect()
    });
    if rest.is_none() {
        println!("sets: the shipped model was made from most of these messages; see --rest");
    }
    figures::report(&rows, &models, rest.as_ref());
}
