//! Inside each top-level folder of `src`, the files that use one another form no circle: the
//! files of a folder can be read, and tested, from the bottom to the top.
//!
//! A file uses another when it names it by `crate::`, `super::` or `self::`. A name that the
//! parent exports again (`pub use`) counts as a use of the file that defines it. A parent may
//! name its own children: `mod.rs` is the list of a folder, and what it defines itself is
//! there for the files below it.

use std::collections::{BTreeMap, BTreeSet};

use super::sources::sources;

/// Uses that close a circle and stay, each with its reason: from, to (`*` is any file), why.
const ALLOWED: &[(&str, &str, &str)] = &[
    (
        "http::api::routes",
        "*",
        "the table of routes names the function of each noun, and these name its types",
    ),
    (
        "http::api::problems",
        "http::api::inbox",
        "the kind of a count is described once, with the inboxes",
    ),
    (
        "http::api::problems",
        "http::wire::json",
        "a problem is written as JSON, and a body that is no JSON is a problem",
    ),
    (
        "http::api::problems",
        "http::api::shapes",
        "the recipients that a refusal names are described once",
    ),
    (
        "http::api::fields",
        "http::api::shapes",
        "a field may be of a described shape, whose rows are fields",
    ),
    (
        "cli::api",
        "cli::local",
        "a command without a running server serves the API in its own process",
    ),
    (
        "net::conn",
        "net::worker",
        "a connection runs in the context of its worker",
    ),
    (
        "net::hub",
        "net::listen",
        "the hub brings to a worker what the acceptor has accepted",
    ),
];

#[test]
fn files_of_a_folder_form_no_circle() {
    let tree = Tree::read();
    let mut wrong = Vec::new();
    for folder in tree.folders() {
        let uses = tree.uses(&folder);
        let circles = circles(&uses);
        wrong.extend(circles);
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The modules of the crate: by path (`imap::view::list`), the shipped code of each.
struct Tree {
    code: BTreeMap<String, String>,
    exports: BTreeMap<String, Vec<Export>>,
}

/// A `pub use` of a module.
struct Export {
    /// The name that it gives, or `*`.
    name: String,
    /// The path of the item without its name.
    from: Vec<String>,
    /// The name of the item there.
    item: String,
}

impl Tree {
    fn read() -> Tree {
        let mut code = BTreeMap::new();
        for source in sources().into_iter().filter(|s| !s.is_test) {
            let name = source.path.with_extension("").display().to_string();
            let name = name.replace('/', "::");
            let name = name.strip_suffix("::mod").unwrap_or(&name).to_owned();
            code.insert(name, without_strings(&source.code));
        }
        let mut tree = Tree {
            code,
            exports: BTreeMap::new(),
        };
        let exports = tree.code.iter().map(|(module, code)| {
            let found = exports(code)
                .into_iter()
                .filter_map(|(path, name)| {
                    let (item, from) = path.split_last()?;
                    Some(Export {
                        name: name.unwrap_or_else(|| item.clone()),
                        from: tree.absolute(module, from),
                        item: item.clone(),
                    })
                })
                .collect();
            (module.clone(), found)
        });
        let exports = exports.collect();
        tree.exports = exports;
        tree
    }

    fn folders(&self) -> BTreeSet<String> {
        self.code
            .keys()
            .filter_map(|module| Some(module.split_once("::")?.0.to_owned()))
            .collect()
    }

    /// Who uses whom inside one top-level folder.
    fn uses(&self, folder: &str) -> BTreeMap<&str, BTreeSet<String>> {
        let mut uses = BTreeMap::new();
        for (module, code) in &self.code {
            if module.split("::").next() != Some(folder) {
                continue;
            }
            let mut used = BTreeSet::new();
            for path in paths(code) {
                let path = self.absolute(module, &path);
                if let Some(target) = self.module_of(&path, 0)
                    && target != *module
                    && !target.starts_with(&format!("{module}::"))
                    && target.split("::").next() == Some(folder)
                    && !(ALLOWED.iter())
                        .any(|(from, to, _)| from == module && (*to == target || *to == "*"))
                {
                    used.insert(target);
                }
            }
            uses.insert(module.as_str(), used);
        }
        uses
    }

    /// The path from the crate's root, for one that stands in `module`.
    fn absolute(&self, module: &str, path: &[String]) -> Vec<String> {
        let mut from: Vec<String> = module.split("::").map(str::to_owned).collect();
        let mut rest = path;
        loop {
            match rest.first().map(String::as_str) {
                Some("crate") => {
                    from.clear();
                }
                Some("super") => {
                    from.pop();
                }
                Some("self") => {}
                _ => break,
            }
            rest = &rest[1..];
        }
        from.extend(rest.iter().cloned());
        from
    }

    /// The file that defines the item at an absolute path.
    fn module_of(&self, path: &[String], depth: usize) -> Option<String> {
        let at = (1..=path.len())
            .rev()
            .find(|n| self.code.contains_key(&path[..*n].join("::")))?;
        let module = path[..at].join("::");
        let Some(item) = path.get(at) else {
            return Some(module);
        };
        for export in self.exports.get(&module).into_iter().flatten() {
            if depth > 8 || (export.name != *item && export.name != "*") {
                continue;
            }
            let mut target = export.from.clone();
            if export.name == "*" {
                let found = self.code.get(&target.join("::"));
                if found.is_some_and(|code| defines(code, item)) {
                    target.push(item.clone());
                    return self.module_of(&target, depth + 1);
                }
            } else {
                target.push(export.item.clone());
                return self.module_of(&target, depth + 1);
            }
        }
        Some(module)
    }
}

/// Each circle as a line: the shortest way from a file back to itself.
fn circles(uses: &BTreeMap<&str, BTreeSet<String>>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut done: BTreeSet<String> = BTreeSet::new();
    for start in uses.keys() {
        if done.contains(*start) {
            continue;
        }
        if let Some(circle) = way_back(uses, start) {
            found.push(circle.join(" -> "));
            done.extend(circle);
        }
    }
    found
}

/// The shortest way from `start` to itself, by a search in breadth.
fn way_back(uses: &BTreeMap<&str, BTreeSet<String>>, start: &str) -> Option<Vec<String>> {
    let mut before: BTreeMap<&str, &str> = BTreeMap::new();
    let mut layer: Vec<&str> = vec![start];
    while !layer.is_empty() {
        let mut next = Vec::new();
        for from in layer {
            for to in uses.get(from).into_iter().flatten() {
                if to == start {
                    let mut way = vec![start.to_owned()];
                    let mut at = from;
                    while at != start {
                        way.insert(0, at.to_owned());
                        at = before[at];
                    }
                    way.insert(0, start.to_owned());
                    return Some(way);
                }
                if !before.contains_key(to.as_str()) {
                    before.insert(to, from);
                    next.push(to.as_str());
                }
            }
        }
        layer = next;
    }
    None
}

/// Whether a file defines an item of this name.
fn defines(code: &str, item: &str) -> bool {
    let kinds = [
        "fn", "struct", "enum", "trait", "type", "const", "static", "mod",
    ];
    kinds.iter().any(|kind| {
        code.match_indices(&format!("{kind} {item}"))
            .any(|(at, found)| {
                !code[at + found.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_')
            })
    })
}

/// Every path that begins with `crate`, `super` or `self`, groups taken apart.
fn paths(code: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for word in ["crate::", "super::", "self::"] {
        for (at, _) in code.match_indices(word) {
            let before = &code[..at];
            if before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            let mut rest = &code[at..];
            tree(&mut rest, &mut Vec::new(), &mut |path, _| {
                found.push(path.to_vec());
            });
        }
    }
    found
}

/// Every path of a `pub use`, with the name it gets by `as`.
fn exports(code: &str) -> Vec<(Vec<String>, Option<String>)> {
    let mut found = Vec::new();
    for line in code.match_indices("pub") {
        let rest = code[line.0 + 3..].trim_start();
        let rest = match rest.strip_prefix('(') {
            Some(rest) => rest
                .split_once(')')
                .map_or("", |(_, rest)| rest)
                .trim_start(),
            None => rest,
        };
        let Some(mut rest) = rest.strip_prefix("use ") else {
            continue;
        };
        tree(&mut rest, &mut Vec::new(), &mut |path, name| {
            found.push((path.to_vec(), name));
        });
    }
    found
}

/// Reads `a::b::{c, d as e}` from the front of `rest` and gives each whole path.
fn tree(rest: &mut &str, path: &mut Vec<String>, give: &mut dyn FnMut(&[String], Option<String>)) {
    let depth = path.len();
    loop {
        *rest = rest.trim_start();
        if let Some(inner) = rest.strip_prefix('{') {
            *rest = inner;
            loop {
                *rest = rest.trim_start();
                if let Some(after) = rest.strip_prefix('}') {
                    *rest = after;
                    break;
                }
                let before = rest.len();
                tree(rest, path, give);
                *rest = rest.trim_start().trim_start_matches(',');
                if rest.len() == before || rest.is_empty() {
                    break;
                }
            }
            break;
        }
        if let Some(after) = rest.strip_prefix('*') {
            *rest = after;
            path.push("*".to_owned());
            give(path, None);
            break;
        }
        let end = rest
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        if end == 0 {
            break;
        }
        let word = rest[..end].to_owned();
        *rest = &rest[end..];
        // `use super::view::{self, View}` names the module itself.
        if word != "self" || path.is_empty() {
            path.push(word);
        }
        if let Some(after) = rest.strip_prefix("::") {
            *rest = after;
            continue;
        }
        let name = rest.strip_prefix(" as ").map(|after| {
            let end = after
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(after.len());
            *rest = &after[end..];
            after[..end].to_owned()
        });
        give(path, name);
        break;
    }
    path.truncate(depth);
}

/// The code with the content of its string literals left out.
fn without_strings(code: &str) -> String {
    let mut kept = String::with_capacity(code.len());
    let mut chars = code.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            // A character literal: `'"'` and `'\''`.
            '\'' => {
                let mut ahead = chars.clone();
                let first = ahead.next();
                if first == Some('\\') {
                    ahead.next();
                }
                if ahead.next() == Some('\'') {
                    chars = ahead;
                }
            }
            '"' => {
                while let Some(c) = chars.next() {
                    match c {
                        '\\' => drop(chars.next()),
                        '"' => break,
                        _ => {}
                    }
                }
                kept.push_str("\"\"");
            }
            c => kept.push(c),
        }
    }
    kept
}

#[test]
fn a_path_is_taken_apart() {
    let code = "use super::{a::{self, B}, c as d};\nfn f() { crate::x::y(); }";
    let found: Vec<String> = paths(code).iter().map(|p| p.join("::")).collect();
    assert_eq!(
        found,
        ["crate::x::y", "super::a", "super::a::B", "super::c"]
    );
    let given = exports("pub(crate) use self::a::{B as C, *};");
    assert_eq!(given[0].1.as_deref(), Some("C"));
    assert_eq!(given[1].0.join("::"), "self::a::*");
}

#[test]
fn a_circle_is_found() {
    let set = |names: &[&str]| names.iter().map(|n| n.to_string()).collect();
    let mut uses = BTreeMap::from([("a", set(&["b"])), ("b", set(&["c"])), ("c", set(&[]))]);
    assert!(circles(&uses).is_empty());
    uses.insert("c", set(&["a"]));
    assert_eq!(circles(&uses), ["a -> b -> c -> a"]);
}
