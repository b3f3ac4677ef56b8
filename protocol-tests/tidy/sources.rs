//! The files that the rules look at: the code of `src` with and without its tests, and every
//! text of the repository that people write.

use std::path::{Path, PathBuf};

/// One Rust file below `src`.
pub struct Source {
    /// The top-level module: the first part of the path.
    pub module: String,
    /// The path below `src`.
    pub path: PathBuf,
    /// The code without comments and tests: the rules are about the code that ships.
    pub code: String,
    /// The whole file.
    pub text: String,
    /// The offset in `text` at which the tests begin.
    pub tests_at: usize,
    /// Whether the whole file is a test.
    pub is_test: bool,
}

/// Every Rust file below `src`.
pub fn sources() -> Vec<Source> {
    let src = root().join("src");
    let mut found = Vec::new();
    walk(&src, &mut |path| {
        if path.extension().is_none_or(|e| e != "rs") {
            return;
        }
        let text = std::fs::read_to_string(path).unwrap();
        let inside = path.strip_prefix(&src).unwrap();
        let first = inside.components().next().unwrap().as_os_str();
        let module = first.to_string_lossy().trim_end_matches(".rs").to_string();
        // A test file ships nothing; it may use modules on both sides of a border.
        let is_test = inside.components().any(|part| {
            let name = part.as_os_str().to_string_lossy();
            let name = name.trim_end_matches(".rs");
            name == "tests" || name.ends_with("_tests")
        });
        let code = match is_test {
            true => String::new(),
            false => shipped(&text),
        };
        let tests_at = match is_test {
            true => 0,
            false => (text.find("#[cfg(test)]\nmod tests {")).unwrap_or(text.len()),
        };
        found.push(Source {
            module,
            path: inside.to_path_buf(),
            code,
            text,
            tests_at,
            is_test,
        });
    });
    assert!(found.len() > 20);
    found
}

/// A text of the repository: its path from the root, and its content.
pub struct Text {
    /// From the root of the repository.
    pub path: String,
    /// The whole file.
    pub text: String,
}

/// Every text that is written by hand: code, tests, scripts and pages. The seeds of the
/// fuzzers and the mail in the tests are input and not text.
pub fn texts() -> Vec<Text> {
    let mut found = Vec::new();
    let root = root();
    let mut add = |path: &Path| {
        let name = path.strip_prefix(&root).unwrap().display().to_string();
        let kind = name.rsplit('.').next().unwrap_or_default();
        let is_text = ["rs", "py", "sql", "md", "toml", "txt"].contains(&kind) || name == ".ci/run";
        let is_input = ["corpus", "artifacts"]
            .iter()
            .any(|folder| name.contains(&format!("{folder}/")));
        if is_text && !is_input {
            let text = std::fs::read_to_string(path).unwrap();
            found.push(Text { path: name, text });
        }
    };
    for folder in ["src", "protocol-tests", "benches", "fuzz", ".ci"] {
        walk(&root.join(folder), &mut add);
    }
    for file in ["README.md", "Cargo.toml"] {
        add(&root.join(file));
    }
    assert!(found.len() > 100);
    found
}

impl Text {
    /// The lines that are comments, with their numbers from 1 and without indentation. In a
    /// transcript and a configuration these begin with `#`; a page has none.
    pub fn comments(&self) -> Vec<(usize, &str)> {
        let kind = self.path.rsplit('.').next().unwrap_or_default();
        let mut is_docstring = false;
        let mut found = Vec::new();
        for (at, line) in self.text.lines().enumerate() {
            let text = line.trim_start();
            let is_comment = match kind {
                "rs" => text.starts_with("//"),
                "sql" => text.starts_with("--"),
                "toml" | "txt" => text.starts_with('#'),
                "md" => false,
                _ => {
                    let quotes = text.matches("\"\"\"").count();
                    let was_docstring = is_docstring;
                    is_docstring ^= quotes % 2 == 1;
                    text.starts_with('#') || was_docstring || text.starts_with("\"\"\"")
                }
            };
            if is_comment {
                found.push((at + 1, line));
            }
        }
        found
    }

    /// The whole text on one line, without the marks that begin the lines of a comment, so
    /// that a sentence which is broken over two lines can be found.
    pub fn joined(&self) -> String {
        let words = self.text.lines().map(|line| {
            let line = line.trim();
            let line = line.trim_start_matches(['/', '!', '#', '-']);
            line.trim()
        });
        words.collect::<Vec<_>>().join(" ")
    }
}

/// The root of the repository.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Calls `f` with every file below a folder, in the order of their names.
pub fn walk(folder: &Path, f: &mut dyn FnMut(&Path)) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            if !path.ends_with("target") && !path.ends_with("__pycache__") {
                walk(&path, f)
            }
        } else {
            f(&path)
        }
    }
}

/// The lines before the tests, without comments.
fn shipped(text: &str) -> String {
    let mut code = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line.trim() == "#[cfg(test)]" && lines.peek().is_some_and(|l| l.contains("mod ")) {
            // A test module at the bottom ends what ships; one declared elsewhere is a line.
            if lines.peek().is_some_and(|l| l.trim_end().ends_with('{')) {
                break;
            }
            lines.next();
            continue;
        }
        if !line.trim_start().starts_with("//") {
            code += line;
            code.push('\n');
        }
    }
    code
}

/// Whether `word` stands in the code at the beginning of a name.
pub fn names(code: &str, word: &str) -> bool {
    code.match_indices(word)
        .any(|(at, _)| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

/// Whether `word` stands in the text as a whole word.
pub fn is_word(text: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        !text[..at].ends_with(is_part) && !text[at + word.len()..].starts_with(is_part)
    })
}
