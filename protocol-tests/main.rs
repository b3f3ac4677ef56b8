//! The transcript runner: every `*.txt` below this folder is a test, named by its path.
//!
//! `cargo test --test protocol idle` runs the files whose path has that word in it; `UPDATE=1`
//! writes the lines of the server anew. Each file runs three times: with whole writes, with one
//! byte at a time, and in chunks of seven. A line of the server that the file does not have is a
//! failure. `script.rs` describes the format, `script/resolver.rs` that of the files in `dns/`.

mod rig;
mod script;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with('-'))
        .collect();
    let update = std::env::var_os("UPDATE").is_some();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("protocol-tests");
    let mut files = Vec::new();
    find(&root, &mut files);
    files.sort();
    let (mut passed, mut failed) = (0, 0);
    for file in files {
        let name = file.strip_prefix(&root).unwrap_or(&file).with_extension("");
        let name = name.display().to_string();
        if !wanted.is_empty() && !wanted.iter().any(|w| name.contains(w.as_str())) {
            continue;
        }
        match run(&file, update) {
            Ok(()) => passed += 1,
            Err(why) => {
                failed += 1;
                println!("FAILED {name}\n{why}\n");
            }
        }
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 && (passed > 0 || !wanted.is_empty()) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn run(file: &Path, update: bool) -> Result<(), String> {
    let text = std::fs::read_to_string(file).map_err(|e| e.to_string())?;
    if !text.starts_with("# ") {
        return Err("the first line must say, after `# `, what must hold".into());
    }
    for (how, piece) in [
        ("whole writes", usize::MAX),
        ("single bytes", 1),
        ("chunks of seven", 7),
    ] {
        // A panic in an engine is a failure of its transcript, not of the run.
        let outcome = std::panic::catch_unwind(|| match file.parent() {
            Some(folder) if folder.ends_with("dns") => {
                script::resolver::run(&text, piece).map(|()| None)
            }
            _ => script::run(&text, piece, update && piece == usize::MAX),
        });
        match outcome {
            Ok(Ok(rewritten)) => {
                if let Some(new) = rewritten.filter(|new| *new != text) {
                    std::fs::write(file, new).map_err(|e| e.to_string())?;
                    return Ok(());
                }
            }
            Ok(Err(why)) => return Err(format!("  with {how}: {why}")),
            Err(panic) => {
                let why = panic.downcast_ref::<String>().cloned();
                let why = why.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_string()));
                return Err(format!("  with {how}: panic: {}", why.unwrap_or_default()));
            }
        }
    }
    Ok(())
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            find(&path, files);
        } else if path.extension().is_some_and(|e| e == "txt") {
            files.push(path);
        }
    }
}
