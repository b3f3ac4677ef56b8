//! The rules of `src/ARCHITECTURE.md` as tests. This file has the layers: which module may
//! import which, and which names stand in one module only. Beside it: circles inside a folder
//! (`circles`), words and references (`words`), lengths (`sizes`), and the map itself (`map`).
//! A rule is changed on that page and here in one commit.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "tidy/circles.rs"]
mod circles;
#[path = "tidy/map.rs"]
mod map;
#[path = "tidy/sizes.rs"]
mod sizes;
#[path = "tidy/sources.rs"]
mod sources;
#[path = "tidy/words.rs"]
mod words;

use postern::testing::call::{Limits, METRICS};
use sources::{is_word, names, root, sources, walk};

/// Module, and what it may use inside the crate (its own name is always allowed).
const MAY_USE: &[(&str, &[&str])] = &[
    ("call", &[]),
    ("crypto", &[]),
    ("config", &["call"]),
    ("dir", &[]),
    ("dns", &["call", "crypto"]),
    ("pace", &[]),
    // `mail::auth` asks the DNS in the words of `call`, and answers in them.
    ("mail", &["call", "crypto", "pace"]),
    // The filter: pure over a message and what is known of its sender.
    ("judge", &["call", "crypto", "mail", "pace"]),
    ("engine", &["call"]),
    ("smtp", &["call", "engine", "mail", "crypto"]),
    ("imap", &["call", "engine", "mail", "crypto"]),
    ("http", &["call", "engine", "mail", "crypto"]),
    ("protocol", &["call", "engine", "smtp", "imap", "http"]),
    ("store", &["call", "crypto", "dir", "pace"]),
    (
        "service",
        &["call", "store", "mail", "judge", "crypto", "pace"],
    ),
    (
        "net",
        &[
            "call", "engine", "protocol", "smtp", "imap", "http", "mail", "crypto", "config",
            "dir", "dns",
        ],
    ),
];

/// A word, and the modules that may name it.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("rusqlite", &["store"]),
    ("mio::", &["net"]),
    ("std::net", &["net", "main", "serve", "cli"]),
    ("rustls", &["net"]),
    ("rcgen", &["net"]),
    ("ring::", &["crypto"]),
    ("rsa::", &["crypto"]),
    ("std::thread", &["main", "serve", "cli"]),
    ("thread::spawn", &["main", "serve", "cli"]),
    ("Instant::now", &["net", "main", "serve", "cli"]),
    ("SystemTime::now", &["net", "main", "serve", "cli"]),
    ("postcard", &["store"]),
    ("serde_json", &["http", "cli", "serve", "net"]),
    ("after_commit", &["call", "store"]),
];

#[test]
fn modules_use_only_what_they_may() {
    let mut wrong = Vec::new();
    for source in sources() {
        let Some((_, allowed)) = MAY_USE.iter().find(|(m, _)| *m == source.module) else {
            continue;
        };
        for used in crate_uses(&source.code) {
            if used != source.module && !allowed.contains(&used.as_str()) {
                wrong.push(format!("{}: uses crate::{used}", source.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_outside_world_is_named_in_one_place() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (word, modules) in ONLY_IN {
            if !modules.contains(&source.module.as_str()) && names(&source.code, word) {
                wrong.push(format!("{}: names {word}", source.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_the_commit_makes_a_receipt() {
    let made: Vec<String> = sources()
        .iter()
        .filter(|s| s.module != "call" && names(&s.code, "Receipt::after_commit"))
        .flat_map(|s| {
            s.code
                .matches("Receipt::after_commit")
                .map(|_| s.path.display().to_string())
        })
        .collect();
    assert_eq!(made.len(), 1, "made at: {made:?}");
    assert!(made[0].contains("store"), "{made:?}");
}

#[test]
fn sql_is_never_built_from_text() {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|s| s.module == "store") {
        for (at, line) in source.code.lines().enumerate() {
            let sql = ["SELECT ", "INSERT ", "UPDATE ", "DELETE FROM"]
                .iter()
                .any(|w| line.contains(w));
            if sql && line.contains("format!") {
                wrong.push(format!("{}:{}: {line}", source.path.display(), at + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_is_left_undone_in_silence() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (at, line) in source.text.lines().enumerate() {
            let undone = ["TODO", "FIXME", "XXX", "todo!(", "unimplemented!(", "dbg!("];
            if undone.iter().any(|word| line.contains(word)) {
                wrong.push(format!(
                    "{}:{}: {}",
                    source.path.display(),
                    at + 1,
                    line.trim()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn transcripts_say_what_must_hold() {
    let mut wrong = Vec::new();
    let mut n = 0;
    walk(&root().join("protocol-tests"), &mut |path| {
        if path.extension().is_some_and(|e| e == "txt") {
            n += 1;
            let text = std::fs::read_to_string(path).unwrap();
            if !text.starts_with("# ") || text.lines().next().unwrap().len() < 20 {
                wrong.push(path.display().to_string());
            }
        }
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(n > 0);
}

#[test]
fn every_limit_is_hit_by_a_test_and_counted() {
    let mut tests = Vec::new();
    for folder in ["protocol-tests", ".ci"] {
        walk(&root().join(folder), &mut |path| {
            // In a string of a test, a name may stand right behind a line's end.
            tests.push(std::fs::read_to_string(path).unwrap().replace("\\n", "\n"));
        });
    }
    for source in sources() {
        tests.push(source.text[source.tests_at..].to_owned());
    }
    let mut wrong = Vec::new();
    for (limit, metric) in Limits::HITS {
        let hit = |test: &&String| {
            let counted = metric.is_none_or(|metric| {
                let name = METRICS[metric as usize].0.trim_start_matches("postern_");
                test.contains(name) || test.contains(&format!("Metric::{metric:?}"))
            });
            counted && is_word(test, limit)
        };
        // One file that names both shows that the one moves the other.
        if !tests.iter().any(|test| hit(&test)) {
            wrong.push(format!("limit {limit}: no test names it with {metric:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every `x` of `crate::x` and of `crate::{x, y::z}`.
fn crate_uses(code: &str) -> Vec<String> {
    let mut used = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + 7..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut word = String::new();
            let mut first = true;
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => {
                        used.push(std::mem::take(&mut word));
                        first = true;
                    }
                    c if depth == 0 && first && (c.is_alphanumeric() || c == '_') => word.push(c),
                    ':' if depth == 0 => first = false,
                    _ => {}
                }
            }
            used.push(word);
        } else {
            used.push(
                rest.chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_')
                    .collect(),
            );
        }
    }
    used.retain(|u| !u.is_empty());
    used
}
