//! The rule of `wire/respond.rs`: no other file of `imap` adds octets to the output. The client
//! writes no responses: its commands have a place of their own (`client/commands.rs`).
#![allow(clippy::unwrap_used)]

use std::path::Path;

#[test]
fn only_respond_adds_octets_to_the_output() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/imap");
    let (mut folders, mut wrong, mut files) = (vec![src], Vec::new(), 0);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let others = ["tests", "client", "wire/respond.rs"];
            if others.iter().any(|name| path.ends_with(name)) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            files += 1;
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text
                .split("#[cfg(test)]\nmod tests")
                .next()
                .unwrap_or_default();
            for (at, line) in code.lines().enumerate() {
                let adds = ["push", "extend", "append", "insert", "resize", "splice"]
                    .iter()
                    .any(|verb| {
                        line.contains(&format!("bytes.{verb}"))
                            || line.contains(&format!("out.{verb}"))
                    });
                if adds || line.contains("write!(") || line.contains("out.bytes =") {
                    wrong.push(format!("{}:{}: {}", path.display(), at + 1, line.trim()));
                }
            }
        }
    }
    assert!(files > 30);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
