//! The command line, as a person and a script use it: the built binary against a running server,
//! over TLS to a server elsewhere, and over a folder without a server.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::{Server, rest, say};

/// The command line without settings from the environment, and without a terminal.
fn postern(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postern"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("POSTERN_") {
            command.env_remove(name);
        }
    }
    command.args(args).stdin(Stdio::null());
    command
}

/// What a command printed, after success.
pub(super) fn printed(command: &mut Command) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let said = String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{command:?}: {said}");
    String::from_utf8(stdout).unwrap()
}

/// What a command complained of.
pub(super) fn refused(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(!output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

impl Server {
    /// A command over the data folder of this server.
    pub(super) fn cli(&self, args: &[&str]) -> Command {
        let mut command = postern(args);
        command.arg("--data").arg(self.folder.join("data"));
        command
    }

    /// A command that reaches this server as one elsewhere.
    pub(super) fn afar(&self, args: &[&str]) -> Command {
        let mut command = postern(args);
        let url = self.ready["https"].as_str().unwrap();
        command.args(["--url", url, "--key", self.key()]);
        command
    }

    /// The body of the API's answer.
    fn get(&self, path: &str) -> String {
        let mut plain = self.plain("http");
        let key = self.key();
        say(
            &mut plain,
            &format!(
                "GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\n\
                 Connection: close\r\n\r\n"
            ),
        );
        let answer = rest(&mut plain);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        body.to_owned()
    }
}

#[test]
fn mail_is_sent_listed_read_moved_and_deleted() {
    let server = Server::start("cli-mail", "");
    let inbox = server.inbox();
    let file = server.folder.join("note.txt");
    std::fs::write(&file, "A note.\n").unwrap();
    let send = [
        "send",
        "--from",
        inbox,
        "--to",
        inbox,
        "--subject",
        "Grüße 日本",
        "--html",
        "<p>Your code is <b>482913</b>.</p><a href='https://a.example/verify?t=9f2c'>Verify</a>",
        "--attach",
        file.to_str().unwrap(),
        "--reply-to",
        "boss@elsewhere.example",
        "--idempotency-key",
        "once",
    ];
    let first = printed(&mut server.cli(&send));
    assert!(
        first.starts_with("msg_") && first.ends_with("\tdelivered\n"),
        "{first}"
    );
    assert_eq!(printed(&mut server.cli(&send)), first, "sent twice");

    // Every column is there, also the empty one of the flags.
    let list = printed(&mut server.cli(&["message", "list", inbox, "--folder", "INBOX"]));
    let cells: Vec<&str> = list.trim_end_matches('\n').split('\t').collect();
    let [id, _, "INBOX", "", from, "Grüße 日本"] = cells[..] else {
        panic!("{list:?}");
    };
    assert_eq!(from, inbox);

    let letter = printed(&mut server.cli(&["message", "show", inbox, id]));
    for line in [
        "Subject: Grüße 日本",
        "Reply-To: boss@elsewhere.example",
        "Codes: 482913",
        "Verification: https://a.example/verify?t=9f2c",
        "Attachment: note.txt (text/plain, 8 octets)",
        "Your code is 482913.",
    ] {
        assert!(letter.lines().any(|said| said == line), "{line}: {letter}");
    }
    let raw = printed(&mut server.cli(&["message", "raw", inbox, id]));
    assert_eq!(
        raw,
        server.get(&format!("/api/v1/inboxes/{inbox}/messages/{id}/raw"))
    );

    let moved = printed(&mut server.cli(&["message", "move", inbox, id, "Trash"]));
    assert_eq!(moved, format!("{id} is in Trash\n"));
    printed(&mut server.cli(&["message", "delete", inbox, id, "--permanent"]));
    let said = refused(&mut server.cli(&["message", "show", inbox, id]));
    assert!(
        said.starts_with("postern: There is no such message."),
        "{said}"
    );
    // From a pipe, as text.
    let mut child = server
        .cli(&["send", "--from", inbox, "--to", inbox, "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all("Aus einem Rohr.\n".as_bytes())
        .unwrap();
    let sent: Value = serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!(sent["status"], "delivered");
}

#[test]
fn folders_are_made_and_mail_is_listed_over_all_inboxes() {
    let server = Server::start("cli-list", "");
    let inbox = server.inbox();
    printed(&mut server.cli(&["send", "--from", inbox, "--to", inbox, "--text", "1"]));
    let list = printed(&mut server.cli(&["message", "list"]));
    let cells: Vec<&str> = list.trim_end_matches('\n').split('\t').collect();
    let [id, of, _, "INBOX", "", from, ""] = cells[..] else {
        panic!("{list:?}");
    };
    assert!(of.starts_with("inb_") && from == inbox, "{list}");
    printed(&mut server.cli(&["folder", "create", inbox, "Archive/2026"]));
    printed(&mut server.cli(&["message", "move", inbox, id, "Archive/2026"]));
    printed(&mut server.cli(&["folder", "rename", inbox, "Archive/2026", "Old"]));
    let folders = printed(&mut server.cli(&["folder", "list", inbox]));
    assert!(
        folders
            .lines()
            .any(|line| line.starts_with("Old\t\t1\t1\t")),
        "{folders}"
    );
    printed(&mut server.cli(&["folder", "delete", inbox, "Old"]));
    let trash = printed(&mut server.cli(&["message", "list", inbox, "--folder", "Trash"]));
    assert!(trash.starts_with(id), "{trash}");
}

#[test]
fn json_is_the_answer_of_the_api_to_the_letter() {
    let server = Server::start("cli-json", "");
    let inbox = server.inbox();
    let path = format!("/api/v1/inboxes/{inbox}");
    for (args, path) in [
        (&["inbox", "show", inbox][..], path.clone()),
        (&["inbox", "list"], "/api/v1/inboxes".to_owned()),
        (&["message", "list", inbox], format!("{path}/messages")),
        (&["outbound"], "/api/v1/outbound".to_owned()),
    ] {
        let mut command = server.cli(args);
        let said = printed(command.arg("--json"));
        assert_eq!(said.trim_end(), server.get(&path).trim_end(), "{args:?}");
    }
    // An answer without a body is no line, and a refusal is the API's own.
    let key = printed(&mut server.cli(&["key", "create", "--json"]));
    let key: Value = serde_json::from_str(&key).unwrap();
    let id = key["id"].as_str().unwrap();
    assert_eq!(
        printed(&mut server.cli(&["key", "revoke", id, "--json"])),
        ""
    );
    let output = server
        .cli(&["inbox", "show", "nobody@a.example", "--json"])
        .output()
        .unwrap();
    assert!(
        !output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
    let error: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(error["error"]["code"], "not_found");
    assert!(error["error"]["request_id"].is_string(), "{error}");
}

#[test]
fn a_server_elsewhere_is_reached_over_verified_tls() {
    let server = Server::start("cli-tls", "");
    let ca = server.ready["ca"].as_str().unwrap();
    let list = printed(server.afar(&["inbox", "list"]).args(["--ca", ca]));
    assert!(list.starts_with(server.inbox()), "{list}");
    // The environment says the same.
    let mut command = postern(&["usage"]);
    command.env("POSTERN_URL", server.ready["https"].as_str().unwrap());
    command
        .env("POSTERN_KEY", server.key())
        .env("POSTERN_CA", ca);
    assert!(printed(&mut command).contains("usage.inboxes\t1\n"));
    for (command, said) in [
        (&mut server.afar(&["inbox", "list"]), "--ca FILE"),
        (
            server.afar(&["inbox", "list"]).args(["--org", "org_1"]),
            "leave --org out",
        ),
        (
            server.afar(&["verify"]).args(["--ca", ca]),
            "on the server's machine",
        ),
        (
            &mut postern(&["--url", "https://localhost:1", "usage"]),
            "POSTERN_KEY",
        ),
        (
            &mut postern(&["--url", "http://mail.example.com", "--key", "k", "usage"]),
            "https://",
        ),
        (
            server.afar(&["org", "list"]).args(["--ca", ca]),
            "operator's token",
        ),
    ] {
        let error = refused(command);
        assert!(
            error.contains(said) && error.lines().count() == 1,
            "{said}: {error}"
        );
    }
    let wrong = refused(
        server
            .cli(&["inbox", "list"])
            .args(["--key", "ap_sk_wrong"]),
    );
    assert!(
        wrong.contains("--key") && !wrong.contains("Authorization"),
        "{wrong}"
    );
}

#[test]
fn what_cannot_be_had_back_is_not_deleted_unasked() {
    let server = Server::start("cli-yes", "");
    let inbox = server.inbox();
    let made = printed(&mut server.cli(&["org", "create", "second", "--json"]));
    let made: Value = serde_json::from_str(&made).unwrap();
    let org = made["id"].as_str().or(made["org"]["id"].as_str()).unwrap();
    for args in [["inbox", "delete", inbox], ["org", "delete", org]] {
        let said = refused(&mut server.cli(&args));
        assert!(said.contains("--yes") && said.contains(args[2]), "{said}");
        let said = printed(server.cli(&args).arg("--yes"));
        assert_eq!(said, format!("{} is gone\n", args[2]));
    }
}

#[test]
fn an_inbox_is_changed_and_cleared() {
    let server = Server::start("cli-inbox", "");
    let inbox = server.inbox();
    let change = |args: &[&str]| {
        let mut all = vec!["inbox", "update", inbox, "--json"];
        all.extend(args);
        serde_json::from_str::<Value>(&printed(&mut server.cli(&all))).unwrap()
    };
    let now = change(&["--display-name", "Ünal", "--metadata", "{\"team\":7}"]);
    assert_eq!(
        (&now["display_name"], &now["metadata"]["team"]),
        (&"Ünal".into(), &7.into())
    );
    let now = change(&["--display-name", ""]);
    assert_eq!(
        (&now["display_name"], &now["metadata"]["team"]),
        (&Value::Null, &7.into())
    );
    let said = refused(&mut server.cli(&["inbox", "update", inbox]));
    assert!(said.contains("--display-name"), "{said}");
    let said = refused(&mut server.cli(&["inbox", "update", inbox, "--metadata", "{"]));
    assert!(said.contains("--metadata"), "{said}");
    // The same id gets the same inbox.
    let make = ["inbox", "create", "bot", "--client-id", "agent-7", "--json"];
    let first = printed(&mut server.cli(&make));
    assert_eq!(printed(&mut server.cli(&make)), first);
}

#[test]
fn a_folder_without_a_server_answers_the_same() {
    let mut server = Server::start("cli-folder", "");
    let inbox = server.inbox().to_owned();
    printed(&mut server.cli(&["send", "--from", &inbox, "--to", &inbox, "--text", "1"]));
    let all: [&[&str]; 4] = [
        &["inbox", "list"],
        &["inbox", "show", &inbox, "--json"],
        &["message", "list", &inbox],
        &["outbound", "--json"],
    ];
    let before: Vec<String> = all
        .iter()
        .map(|args| printed(&mut server.cli(args)))
        .collect();
    server.signal(rustix::process::Signal::TERM);
    assert_eq!(server.wait(15), 0);
    let after: Vec<String> = all
        .iter()
        .map(|args| printed(&mut server.cli(args)))
        .collect();
    assert_eq!(before, after);
    let said = refused(&mut server.cli(&["tail"]));
    assert!(said.contains("postern serve"), "{said}");
}

#[test]
fn what_is_printed_for_an_operator_can_be_used() {
    let folder = super::folder("cli-print");
    let config = folder.join("postern.toml");
    std::fs::write(&config, printed(&mut postern(&["serve", "--print-config"]))).unwrap();
    let said = printed(postern(&["check-config"]).arg(&config));
    assert!(said.contains("hostname mail.example.com\n"), "{said}");
    for (text, wrong) in [
        ("hostnam = 'a'", "hostnam"),
        ("user = 'nobody-like-this'", "nobody-like-this"),
        (
            "[tls]\ncertificate = '/no/chain.pem'\nkey = '/no/key.pem'",
            "/no/chain.pem",
        ),
    ] {
        std::fs::write(&config, text).unwrap();
        let said = refused(postern(&["check-config"]).arg(&config));
        assert!(said.contains(wrong), "{said}");
    }
    let unit = printed(postern(&["serve", "--print-unit", "--config"]).arg(&config));
    assert!(
        unit.contains(&format!(" serve --config {} ", config.display())),
        "{unit}"
    );
    for shell in ["bash", "zsh", "fish"] {
        let text = printed(&mut postern(&["completions", shell]));
        assert!(
            text.contains("check-config") && text.contains("reply-to"),
            "{shell}"
        );
    }
    let page = printed(&mut postern(&["man"]));
    assert!(page.is_ascii());
    for command in [
        "postern serve",
        "postern inbox update",
        "postern message raw",
    ] {
        assert!(page.contains(&format!(".SS \"{command}\"")), "{command}");
    }
    // A shell and systemd are asked themselves, where they are.
    if Path::new("/bin/bash").exists() {
        let script = printed(&mut postern(&["completions", "bash"]));
        // By its input: an argument has at most 128 KiB.
        let mut bash = Command::new("/bin/bash")
            .arg("-n")
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        bash.stdin
            .take()
            .unwrap()
            .write_all(script.as_bytes())
            .unwrap();
        assert!(bash.wait().unwrap().success());
    }
    std::fs::remove_dir_all(folder).unwrap();
}

/// The names in a folder; `None` where there is no folder.
fn names(folder: &Path) -> Option<Vec<String>> {
    let all = std::fs::read_dir(folder).ok()?;
    let mut names: Vec<String> = all
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    Some(names)
}

#[test]
fn a_backup_is_enough_for_the_same_clients() {
    let toml = "hostname = 'mail.example.com'\ndomain = 'agents.example.com'\n";
    let mut server = Server::start("cli-backup", toml);
    let inbox = server.inbox().to_owned();
    assert!(inbox.ends_with("@agents.example.com"), "{inbox}");
    printed(&mut server.cli(&["send", "--from", &inbox, "--to", &inbox, "--text", "1"]));
    let data = server.folder.join("data");
    let copy = server.folder.join("mail.bak");
    let said = printed(server.cli(&["backup"]).arg(&copy));
    let key = data.join("secrets.key");
    assert!(
        said.contains(&format!("not in it: {}", key.display())),
        "{said}"
    );
    let token = std::fs::read_to_string(data.join("operator.token")).unwrap();
    server.signal(rustix::process::Signal::TERM);
    assert_eq!(server.wait(15), 0);

    // On another machine: a new folder, and the configuration that the backup brought.
    let folder = super::folder("cli-restored");
    let new = folder.join("data");
    let said = printed(postern(&["restore"]).arg(&copy).arg("--data").arg(&new));
    for word in ["--config", "secrets.key: put the file of the older"] {
        assert!(said.contains(word), "{said}");
    }
    let kept = std::fs::read_to_string(new.join("last-config.toml")).unwrap();
    assert!(kept.ends_with(toml), "{kept}");
    assert_eq!(
        std::fs::read_to_string(new.join("operator.token")).unwrap(),
        token
    );
    let restored = Server::again(folder, &kept, None);
    // The client trusts the authority that it knows, by the name that it knows.
    let mut tls = rustls::StreamOwned::new(
        rustls::ClientConnection::new(
            std::sync::Arc::clone(&server.config),
            "mail.example.com".try_into().unwrap(),
        )
        .unwrap(),
        restored.plain("imaps"),
    );
    assert!(super::line(&mut tls).starts_with("* OK"));
    say(
        &mut tls,
        &format!("a LOGIN {inbox} {}\r\nb SELECT INBOX\r\n", server.key()),
    );
    let said: Vec<String> = (0..4).map(|_| super::line(&mut tls)).collect();
    assert!(said.iter().any(|line| line.starts_with("a OK")), "{said:?}");
    assert!(said.iter().any(|line| line == "* 1 EXISTS"), "{said:?}");
    let made = printed(&mut restored.cli(&["inbox", "create", "more"]));
    assert!(made.contains("@agents.example.com\n"), "{made}");
}

#[test]
fn what_fails_leaves_no_half_made_folder() {
    let server = Server::start("cli-half", "");
    let folder = super::folder("cli-half-2");
    let bad = folder.join("bad.bak");
    std::fs::write(&bad, "no database").unwrap();
    let new = folder.join("deep/data");
    let said = refused(postern(&["restore"]).arg(&bad).arg("--data").arg(&new));
    assert!(said.contains("bad.bak"), "{said}");
    assert_eq!(names(&folder).unwrap(), ["bad.bak"]);
    // A start: a port that is taken, a certificate that is not there.
    let taken = format!("[listen]\nmx = '{}'\n", server.address("mx"));
    let chain = "[tls]\ncertificate = 'no.pem'\nkey = 'no.pem'\n";
    for (toml, reason) in [(taken.as_str(), "listen.mx"), (chain, "no.pem")] {
        let config = folder.join("postern.toml");
        std::fs::write(&config, toml).unwrap();
        let start = || {
            let mut start = postern(&["serve", "--config"]);
            start.arg(&config).arg("--data").arg(&new);
            start
        };
        assert!(refused(&mut start()).contains(reason));
        assert_eq!(names(&folder.join("deep")), None, "{reason}");
        // A folder that was there stays, with what was in it.
        std::fs::create_dir_all(&new).unwrap();
        std::fs::write(new.join("mine"), "m").unwrap();
        assert!(refused(&mut start()).contains(reason));
        assert_eq!(names(&new).unwrap(), ["mine"], "{reason}");
        std::fs::remove_dir_all(folder.join("deep")).unwrap();
    }
    // A later start that fails takes nothing away.
    let data = server.folder.join("data");
    let before = names(&data);
    let said = refused(postern(&["serve", "--data"]).arg(&data));
    assert!(said.contains("another postern"), "{said}");
    assert_eq!(names(&data), before);
    std::fs::remove_dir_all(folder).unwrap();
}

/// Every noun has a command that shows one, and what has octets is printed or written as it is.
#[test]
fn single_things_are_shown_changed_and_written() {
    let server = Server::start("cli-single", "");
    let inbox = server.inbox();
    let file = server.folder.join("note.txt");
    std::fs::write(&file, "A note.\n").unwrap();
    let file = file.to_str().unwrap();
    let send = [
        "send", "--from", inbox, "--to", inbox, "--text", "1", "--attach", file,
    ];
    printed(&mut server.cli(&send));
    let list = printed(&mut server.cli(&["message", "list", inbox]));
    let id = list.split('\t').next().unwrap();

    let said = printed(&mut server.cli(&[
        "message",
        "update",
        inbox,
        id,
        "--add-label",
        "done",
        "--seen",
        "true",
        "--flagged",
        "true",
    ]));
    assert_eq!(said, format!("{id} is changed\n"));
    let shown: Value = serde_json::from_str(&printed(
        &mut server.cli(&["message", "show", inbox, id, "--json"]),
    ))
    .unwrap();
    assert_eq!(shown["labels"], serde_json::json!(["done"]));
    assert_eq!(shown["flags"], serde_json::json!(["flagged", "seen"]));
    let said = refused(&mut server.cli(&["message", "update", inbox, id]));
    assert!(said.contains("--add-label"), "{said}");
    let attachment = shown["attachments"][0]["id"].as_str().unwrap();
    let command = ["message", "attachment", inbox, id, attachment];
    assert_eq!(printed(&mut server.cli(&command)), "A note.\n");
    let out = server.folder.join("copy.txt");
    let said = printed(server.cli(&command).arg("--out").arg(&out));
    assert!(said.starts_with("8 octets in "), "{said}");
    assert_eq!(std::fs::read_to_string(&out).unwrap(), "A note.\n");
    let said = refused(server.cli(&command).arg("--out").arg(&out));
    assert!(said.contains("exists"), "{said}");

    let made: Value = serde_json::from_str(&printed(
        &mut server.cli(&["filter", "block", "z.test", "--json"]),
    ))
    .unwrap();
    let rule = made["id"].as_str().unwrap();
    assert!(printed(&mut server.cli(&["filter", "show", rule])).contains("z.test"));
    printed(&mut server.cli(&["suppression", "add", "ann@z.test"]));
    for name in ["ann@z.test", "nobody@z.test"] {
        let mut show = server.cli(&["suppression", "show", name]);
        match name {
            "ann@z.test" => assert!(printed(&mut show).contains("manual")),
            _ => assert!(refused(&mut show).contains("not on the list")),
        }
    }
    let keys = printed(&mut server.cli(&["key", "list"]));
    let key = keys.split('\t').next().unwrap();
    assert!(printed(&mut server.cli(&["key", "show", key])).contains(key));
    for (mint, password) in [(false, server.key()), (true, "ap_sk_")] {
        let ca = server.ready["ca"].as_str().unwrap();
        let mut command = server.afar(&["inbox", "credentials", "--ca", ca]);
        let csv = printed(command.args(mint.then_some("--mint")));
        assert!(
            csv.starts_with("email,imap_host,") && csv.contains(inbox),
            "{csv}"
        );
        assert!(csv.contains(password), "{csv}");
    }
    // As the operator: its token logs in to no inbox, and is not printed as a password.
    let said = refused(&mut server.cli(&["inbox", "credentials"]));
    assert!(
        said.contains("`postern inbox credentials --mint`"),
        "{said}"
    );
    let csv = printed(&mut server.cli(&["inbox", "credentials", "--mint"]));
    assert!(csv.contains("ap_sk_"), "{csv}");
}

#[test]
fn held_mail_names_its_sender() {
    let server = Server::start("cli-held", "");
    let made = [
        "inbox",
        "create",
        "held",
        "--metadata",
        "{\"team\":7}",
        "--json",
    ];
    let made: Value = serde_json::from_str(&printed(&mut server.cli(&made))).unwrap();
    assert_eq!(made["metadata"]["team"], 7);
    let address = made["address"].as_str().unwrap();
    printed(&mut server.cli(&["inbox", "update", address, "--send-mode", "hold"]));
    let send = [
        "send",
        "--from",
        address,
        "--to",
        "ann@else.example",
        "--text",
        "1",
    ];
    printed(&mut server.cli(&send));
    let list = printed(&mut server.cli(&["approval", "list"]));
    let cells: Vec<&str> = list.trim_end().split('\t').collect();
    assert_eq!(cells[1..4], ["held", address, "ann@else.example"]);
    let shown = printed(&mut server.cli(&["approval", "show", cells[0]]));
    assert!(shown.contains(&format!("from\t{address}\n")), "{shown}");
    let shown = printed(&mut server.cli(&["approval", "show", cells[0], "--json"]));
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown.get("from"), None);
}

/// A mailbox comes in, goes out and comes back octet by octet; what cannot be taken is told.
#[test]
fn mailboxes_come_in_and_go_out() {
    let server = Server::start("cli-transfer", "");
    let inbox = server.inbox();
    let place = |name: &str| server.folder.join(name).display().to_string();
    let (file, copy) = (place("in.mbox"), place("out.mbox"));
    let mail = "From a@b.test Thu Jan  1 00:00:10 2015\nStatus: RO\nSubject: one\n\n>From here\n\n\
                From a@b.test Thu Jan  1 00:00:20 2015\nSubject: nul\n\n\0\n\n\
                From a@b.test Thu Jan  1 00:00:30 2015\nSubject: two\nX-Keywords: work\n\nx\n\n";
    std::fs::write(&file, mail).unwrap();
    let import = |file: &str, folder: &str| {
        let mut command = server.cli(&["import", "mbox", file, "--inbox", inbox]);
        let output = command
            .args(["--folder", folder, "--json"])
            .output()
            .unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), report)
    };
    let (code, report) = import(&file, "Old");
    assert_eq!(code, Some(3), "{report}");
    assert_eq!(
        (&report["imported"], &report["failed"]),
        (&2.into(), &1.into())
    );
    let problem = &report["problems"][0];
    assert_eq!(problem["code"], "stray_octets");
    assert_eq!(
        problem["offset"],
        mail.find("From a@b.test Thu Jan  1 00:00:20").unwrap()
    );
    let (_, report) = import(&file, "Old");
    assert_eq!(
        (&report["imported"], &report["present"]),
        (&0.into(), &2.into())
    );
    let list = printed(&mut server.cli(&["message", "list", inbox, "--folder", "Old"]));
    let cells: Vec<Vec<&str>> = list
        .lines()
        .map(|line| line.split('\t').collect())
        .collect();
    assert_eq!(
        (cells[0][1], cells[0][3], cells[0][5]),
        ("2015-01-01T00:00:30.000Z", "", "two")
    );
    assert_eq!(
        (cells[1][1], cells[1][3], cells[1][5]),
        ("2015-01-01T00:00:10.000Z", "seen", "one")
    );
    let raw = printed(&mut server.cli(&["message", "raw", inbox, cells[1][0]]));
    assert_eq!(raw, "Status: RO\r\nSubject: one\r\n\r\nFrom here\r\n");

    let export = ["export", "mbox", &copy, "--inbox", inbox, "--folder", "Old"];
    assert!(printed(&mut server.cli(&export)).starts_with("2 exported"));
    let whole = std::fs::read(&copy).unwrap();
    // What was cut is written again; what is whole is not.
    for cut in [whole.len(), whole.len() - 1, whole.len() - 70, 10, 0] {
        std::fs::write(&copy, &whole[..cut]).unwrap();
        printed(&mut server.cli(&export));
        assert_eq!(std::fs::read(&copy).unwrap(), whole, "cut at {cut}");
    }
    let (code, report) = import(&copy, "Again");
    assert_eq!(
        (code, &report["imported"]),
        (Some(0), &2.into()),
        "{report}"
    );
    let said =
        refused(&mut server.cli(&["export", "mbox", &file, "--inbox", inbox, "--folder", "Old"]));
    assert!(said.contains("name another file"), "{said}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), mail);
}

#[test]
fn manual_pages_are_written() {
    let folder = super::folder("cli-man");
    let said = printed(postern(&["man", "--out"]).arg(&folder));
    assert!(said.contains(" pages in "), "{said}");
    let page = std::fs::read_to_string(folder.join("postern-import-mbox.1")).unwrap();
    assert!(
        page.contains(".SH SYNOPSIS") && page.contains("mboxcl2"),
        "{page}"
    );
    assert_eq!(printed(&mut postern(&["man", "import", "mbox"])), page);
    assert!(folder.join("postern.1").exists());
    assert!(refused(&mut postern(&["man", "nothing"])).contains("postern help"));
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn the_index_of_searches_is_made_again_over_a_folder() {
    let mut server = Server::start("cli-index", "");
    let inbox = server.inbox().to_owned();
    for word in ["quartz", "basalt"] {
        let send = [
            "send",
            "--from",
            &inbox,
            "--to",
            &inbox,
            "--subject",
            "a",
            "--text",
            word,
        ];
        printed(&mut server.cli(&send));
    }
    // The folder is the server's while it runs.
    let said = refused(&mut server.cli(&["rebuild-index"]));
    assert!(
        said.contains("postern: ") && said.lines().count() == 1,
        "{said}"
    );
    server.signal(super::Signal::TERM);
    assert_eq!(server.wait(30), 0);
    assert_eq!(
        printed(&mut server.cli(&["rebuild-index"])),
        "the index of searches is made again (inboxes: 1)\n"
    );
    let json = printed(&mut server.cli(&["rebuild-index", "--json"]));
    assert_eq!(json, "{\"inboxes\":1}\n");
    // It tells of every message that has no signature or one that lacks a gram.
    printed(&mut server.cli(&["verify", "--deep"]));
    for (word, n) in [("quartz", 1), ("basal", 1), ("slate", 0)] {
        let list = [
            "message", "list", &inbox, "--folder", "INBOX", "--search", word,
        ];
        let list = printed(&mut server.cli(&list));
        assert_eq!(list.lines().count(), n, "{word}: {list}");
    }
}
