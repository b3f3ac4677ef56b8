//! How long a file, a function and a comment line may be, and what a file is called. For Rust
//! functions clippy has the same rule (`too_many_lines` in `Cargo.toml`).

use super::sources::{Text, texts};
use super::words::is_left;

const FILE_LINES_MAX: usize = 800;
const FUNCTION_LINES_MAX: usize = 100;
const COMMENT_COLUMNS_MAX: usize = 100;

/// Files that are still longer.
const LINES_LEFT: &[&str] = &[];

/// Files and folders that still have longer comment lines.
const COLUMNS_LEFT: &[&str] = &[];

#[test]
fn files_are_short_and_say_what_they_are() {
    let mut wrong = Vec::new();
    for text in texts() {
        let lines = text.text.lines().count();
        let is_code = [".rs", ".py", ".sql"]
            .iter()
            .any(|e| text.path.ends_with(e));
        if is_code && lines > FILE_LINES_MAX && !is_left(&text, LINES_LEFT) {
            wrong.push(format!("{}: {lines} lines", text.path));
        }
        // A target of the fuzzer has three lines, which name its body.
        let is_target = text.path.starts_with("fuzz/fuzz_targets/");
        if text.path.ends_with(".rs") && !is_target && !text.text.starts_with("//!") {
            wrong.push(format!("{}: does not begin with //!", text.path));
        }
        if text.path.ends_with(".py") && !text.text.contains("\"\"\"") {
            wrong.push(format!("{}: does not say what it is", text.path));
        }
        let name = text.path.rsplit('/').next().unwrap_or_default();
        for empty in ["util", "helper", "common", "manager", "handler", "impl"] {
            if name.split('.').next() == Some(empty) {
                wrong.push(format!("{}: the name says nothing", text.path));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn functions_of_scripts_are_short() {
    let mut wrong = Vec::new();
    for text in texts().iter().filter(|t| t.path.ends_with(".py")) {
        for (name, lines) in functions(text) {
            if lines > FUNCTION_LINES_MAX {
                wrong.push(format!("{}: {name}: {lines} lines", text.path));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The functions of a Python file with their lengths: each ends before the next line that is
/// not indented more than its `def`.
fn functions(text: &Text) -> Vec<(&str, usize)> {
    let lines: Vec<&str> = text.text.lines().collect();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(rest) = line.trim_start().strip_prefix("def ") else {
            continue;
        };
        let name = rest.split('(').next().unwrap_or_default();
        let body = lines[at + 1..].iter().take_while(|l| {
            l.trim().is_empty() || indent(l) > indent(line) || l.trim_start().starts_with(')')
        });
        let body: Vec<_> = body.collect();
        let blank = body.iter().rev().take_while(|l| l.trim().is_empty());
        found.push((name, 1 + body.len() - blank.count()));
    }
    found
}

#[test]
fn comment_lines_are_narrow() {
    let mut wrong = Vec::new();
    for text in texts() {
        if is_left(&text, COLUMNS_LEFT) || text.path.ends_with(".txt") {
            continue;
        }
        for (at, line) in text.comments() {
            let columns = line.chars().count();
            if columns > COMMENT_COLUMNS_MAX {
                wrong.push(format!("{}:{at}: {columns} columns", text.path));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
