//! `src/ARCHITECTURE.md` is a map that is true: every path that it names exists, and every
//! file and folder of `src` that a reader must know is named in it.

use std::path::Path;

use super::sources::{root, walk};

const MAP_LINES_MAX: usize = 250;

#[test]
fn the_map_is_short() {
    let lines = map().lines().count();
    assert!((20..MAP_LINES_MAX).contains(&lines), "{lines} lines");
}

#[test]
fn every_path_on_the_map_exists() {
    let root = root();
    let mut wrong = Vec::new();
    let decisions = std::fs::read_to_string(root.join("src/DECISIONS.md")).unwrap();
    for name in marked(&(map() + &decisions)) {
        let is_path =
            name.contains('/') || [".rs", ".md", ".sql"].iter().any(|e| name.ends_with(e));
        // `/events/log` is a path of the API, `http/1.1` a protocol.
        let is_other = name.starts_with('/') || name == "http/1.1";
        let is_plain = name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
        let exists = |base: &Path| base.join(&name).exists();
        if is_path && is_plain && !is_other && !exists(&root) && !exists(&root.join("src")) {
            wrong.push(name);
        }
    }
    assert!(wrong.is_empty(), "not there: {}", wrong.join(", "));
}

#[test]
fn every_folder_is_on_the_map() {
    let text = map();
    let named = marked(&text);
    let src = root().join("src");
    let mut wrong = Vec::new();
    let mut check = |name: String| {
        let folder = name.trim_end_matches('/');
        if !named.iter().any(|n| n.trim_end_matches('/') == folder) {
            wrong.push(name);
        }
    };
    for entry in std::fs::read_dir(&src).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.path().is_dir() {
            check(format!("{name}/"));
        } else if name.ends_with(".rs") && !src.join(name.trim_end_matches(".rs")).is_dir() {
            check(name);
        }
    }
    let mut folders = Vec::new();
    walk(&src, &mut |path| {
        let folder = path.parent().unwrap().strip_prefix(&src).unwrap();
        let folder = folder.display().to_string();
        if folder.contains('/') && !folder.contains("tests") && !folders.contains(&folder) {
            folders.push(folder);
        }
    });
    for folder in folders {
        check(folder + "/");
    }
    assert!(wrong.is_empty(), "not on the map: {}", wrong.join(", "));
}

fn map() -> String {
    std::fs::read_to_string(root().join("src/ARCHITECTURE.md")).unwrap()
}

/// What stands between backticks on one line, outside fenced blocks.
fn marked(text: &str) -> Vec<String> {
    let mut is_fenced = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            is_fenced = !is_fenced;
        } else if !is_fenced {
            found.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    found
}
