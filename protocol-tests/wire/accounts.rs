//! Accounts elsewhere on the built binary: their passwords stand in no file of the data folder, and
//! a lost key is told and can be made good.

use std::path::Path;

use super::commands::printed;
use super::{Server, metric};

const PASSWORD: &str = "correct-horse-battery";
const SMTP_PASSWORD: &str = "staple-of-the-smtp-side";
const CLIENT_SECRET: &str = "secret-of-the-client";
const REFRESH_TOKEN: &str = "token-to-refresh-by";

/// The files under a folder that have a text in them.
fn files_with(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, text));
            continue;
        }
        let octets = std::fs::read(&path).unwrap();
        let mut windows = octets.windows(text.len());
        if windows.any(|window| window == text.as_bytes()) {
            found.push(path.display().to_string());
        }
    }
    found
}

fn secrets_lost(server: &Server) -> u64 {
    metric(server, "postern_secrets_lost").parse().unwrap()
}

#[test]
fn passwords_stand_in_no_file_and_a_lost_key_is_told() {
    let mut server = Server::start("accounts", "");
    let data = server.folder.join("data");
    let (password, smtp) = (server.folder.join("p"), server.folder.join("s"));
    std::fs::write(&password, format!("{PASSWORD}\n")).unwrap();
    std::fs::write(&smtp, format!("{SMTP_PASSWORD}\n")).unwrap();
    let made = printed(
        server
            .cli(&[
                "--json",
                "inbox",
                "create",
                "--upstream",
                "imap.example.com:993",
            ])
            .args(["--upstream-user", "ann@example.com"])
            .arg("--upstream-password-file")
            .arg(&password)
            .args(["--upstream-smtp", "smtp.example.com:587"])
            .arg("--upstream-smtp-password-file")
            .arg(&smtp),
    );
    for secret in [PASSWORD, SMTP_PASSWORD] {
        assert!(!made.contains(secret), "{made}");
        assert_eq!(files_with(&data, secret), [""; 0]);
    }
    assert!(made.contains("\"tls\":\"starttls\""), "{made}");
    assert_eq!(files_with(&data, "imap.example.com").len(), 1, "the log");
    std::fs::write(&password, format!("{CLIENT_SECRET}\n")).unwrap();
    std::fs::write(&smtp, format!("{REFRESH_TOKEN}\n")).unwrap();
    let made = printed(
        server
            .cli(&["--json", "inbox", "create"])
            .args(["--upstream", "imap.example.com:993"])
            .args(["--upstream-user", "bob@example.com"])
            .args(["--upstream-token-url", "https://oauth.example.com/token"])
            .args(["--upstream-client-id", "the-client"])
            .arg("--upstream-client-secret-file")
            .arg(&password)
            .arg("--upstream-refresh-token-file")
            .arg(&smtp),
    );
    assert!(made.contains("\"client_id\":\"the-client\""), "{made}");
    for secret in [CLIENT_SECRET, REFRESH_TOKEN] {
        assert!(!made.contains(secret), "{made}");
        assert_eq!(files_with(&data, secret), [""; 0]);
    }
    std::fs::write(&password, format!("{PASSWORD}\n")).unwrap();
    assert_eq!(secrets_lost(&server), 0);
    server.signal(rustix::process::Signal::TERM);
    assert_eq!(server.wait(15), 0);
    assert_eq!(files_with(&data, PASSWORD), [""; 0]);

    // Another key is made, the server starts, and it says what has to be given again.
    std::fs::remove_file(data.join("secrets.key")).unwrap();
    let again = Server::again(server.folder.clone(), "", None);
    assert_eq!(secrets_lost(&again), 4);
    printed(
        again
            .cli(&["inbox", "update", "ann@example.com"])
            .arg("--upstream-password-file")
            .arg(&password),
    );
    assert_eq!(secrets_lost(&again), 3);
}
