//! The lines of the log that an operator greps for: starts, reloads, stops and failed logins.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::{Server, client, command, folder, line, reply, rest, say};

/// A server whose log goes into a file.
fn logging(name: &str) -> Server {
    let folder = folder(name);
    let mut command = command(&folder, "");
    let log = File::create(folder.join("log")).unwrap();
    let mut child = command
        .args(["--log", "info"])
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut line).unwrap();
    let ready = serde_json::from_str(&line).expect(&line);
    let config = client(&ready, &[]);
    Server {
        child,
        folder,
        ready,
        config,
    }
}

impl Server {
    /// The lines of the log with `text` in them, when there are at least `count`.
    fn logged(&self, text: &str, count: usize) -> Vec<String> {
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            let log = fs::read_to_string(self.folder.join("log")).unwrap();
            let found: Vec<String> = log
                .lines()
                .filter(|line| line.contains(text))
                .map(str::to_owned)
                .collect();
            if found.len() >= count {
                return found;
            }
            assert!(Instant::now() < end, "{text} is not in:\n{log}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// One request with this key.
    fn ask(&self, key: &str) -> String {
        let mut plain = self.plain("http");
        say(
            &mut plain,
            &format!(
                "GET /api/v1/me HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\n\
                 Connection: close\r\n\r\n"
            ),
        );
        rest(&mut plain)
    }
}

#[test]
fn a_server_tells_its_start_reload_and_stop() {
    let mut server = logging("log-life");
    let started = server.logged("server started", 1);
    assert_eq!(started.len(), 1);
    let port = server.address("mx").port();
    for part in [
        "version=",
        "hostname=localhost",
        &format!("mx=127.0.0.1:{port}"),
    ] {
        assert!(started[0].contains(part), "{}", started[0]);
    }
    server.signal(Signal::HUP);
    server.logged("server reloaded", 1);
    server.signal(Signal::TERM);
    assert_eq!(server.wait(15), 0);
    assert_eq!(server.logged("server stopping reason=signal", 1).len(), 1);
    assert_eq!(server.logged("server stopped", 1).len(), 1);
}

#[test]
fn a_failed_login_is_one_line_with_its_reason() {
    let server = logging("log-login");
    let (inbox, key) = (server.inbox(), server.key());
    // A key that is good, and an inbox that is not its own.
    let mut imap = server.tls("imaps");
    assert!(line(&mut imap).starts_with("* OK"));
    say(&mut imap, &format!("a LOGIN other@x.test {key}\r\n"));
    assert!(line(&mut imap).starts_with("a NO"));
    let said = server.logged("login failed", 1);
    for part in [
        "peer=127.0.0.1",
        "listener=imaps",
        "user=\"other@x.test\"",
        "reason=\"not an inbox of the key\"",
    ] {
        assert!(said[0].contains(part), "{}", said[0]);
    }
    let mut smtp = server.tls("smtps");
    line(&mut smtp);
    say(&mut smtp, "EHLO a.test\r\n");
    reply(&mut smtp);
    let plain = data_encoding::BASE64.encode(format!("\0{inbox}\0ap_sk_wrong").as_bytes());
    say(&mut smtp, &format!("AUTH PLAIN {plain}\r\n"));
    assert!(reply(&mut smtp).starts_with("535"));
    let said = server.logged("listener=submissions", 1);
    let said = said
        .iter()
        .find(|line| line.contains("login failed"))
        .unwrap();
    assert!(
        said.contains(inbox) && said.contains("reason=\"wrong key\""),
        "{said}"
    );
    // Whatever a name has in it, the line is one line, and no key is in the log.
    say(&mut imap, "b LOGIN {10}\r\n");
    line(&mut imap);
    say(&mut imap, "x\" y=\"z\\q\u{7f} ap_sk_secret\r\n");
    line(&mut imap);
    server.logged("x\\\" y=", 1);
    let all = fs::read_to_string(server.folder.join("log")).unwrap();
    assert!(!all.contains("ap_sk_"), "{all}");
}

#[test]
fn a_flood_of_failures_does_not_flood_the_log() {
    let server = logging("log-flood");
    for n in 0..40 {
        // The same wrong key is not slowed down.
        let said = server.ask("ap_sk_wrong");
        assert!(said.starts_with("HTTP/1.1 401"), "{n}: {said}");
    }
    let said = server.logged("login failed", 10);
    assert!(said.len() <= 20, "{} lines", said.len());
    assert!(
        said[0].ends_with("listener=http user=- reason=\"wrong key\""),
        "{}",
        said[0]
    );
}
