//! Files that the command line uploads before it sends them.

use serde_json::Value;

use super::Server;
use super::commands::{printed, refused};

#[test]
fn large_files_are_uploaded() {
    let server = Server::start("cli-upload", "");
    let inbox = server.inbox();
    let file = server.folder.join("plan.pdf");
    let octets: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
    std::fs::write(&file, &octets).unwrap();
    let file = file.to_str().unwrap();
    let row = printed(&mut server.cli(&["upload", file, "--json"]));
    let row: Value = serde_json::from_str(&row).unwrap();
    assert_eq!(
        (&row["filename"], &row["size"]),
        (&"plan.pdf".into(), &3_000_000.into())
    );
    let id = row["id"].as_str().unwrap();
    assert!(printed(&mut server.cli(&["upload", "--show", id])).contains("application/pdf"));
    printed(&mut server.cli(&["upload", "--delete", id]));
    refused(&mut server.cli(&["upload", "--show", id]));
    // It goes in two steps by itself.
    let send = [
        "send", "--from", inbox, "--to", inbox, "--text", "a", "--attach", file,
    ];
    printed(&mut server.cli(&send));
    let list = printed(&mut server.cli(&["message", "list", inbox, "--folder", "INBOX"]));
    let id = list.split('\t').next().unwrap();
    let out = server.folder.join("out.pdf");
    let get = [
        "message",
        "attachment",
        inbox,
        id,
        "att_2",
        "--out",
        out.to_str().unwrap(),
    ];
    printed(&mut server.cli(&get));
    assert!(std::fs::read(&out).unwrap() == octets, "another file");
}
