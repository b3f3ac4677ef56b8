//! `postern tail`: what it prints, and the commands that it runs.

use std::process::Stdio;

use serde_json::Value;

use super::Server;
use super::commands::{printed, refused};

#[test]
fn tail_follows_with_filters() {
    let server = Server::start("cli-tail", "");
    let inbox = server.inbox();
    let ca = server.ready["ca"].as_str().unwrap();
    printed(&mut server.cli(&["send", "--from", inbox, "--to", inbox, "--text", "1"]));
    let mut tail = server.afar(&["tail", "--since", "0", "--type", "message.received"]);
    let mut child = tail
        .args(["--inbox", inbox, "--from", inbox, "--ca", ca])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let line = super::line(child.stdout.as_mut().unwrap());
    child.kill().unwrap();
    child.wait().unwrap();
    let cells: Vec<&str> = line.split('\t').collect();
    assert!(cells.len() >= 6, "{line}");
    assert_eq!(
        (cells[2], cells[3], cells[5]),
        ("message.received", inbox, inbox)
    );
    let said = refused(&mut server.cli(&["tail", "--type", "nothing"]));
    assert!(
        said.contains("`--type` must be `message.received`, "),
        "{said}"
    );
}

/// `tail --exec`: a command that fails gets the same event again, and a later run goes on behind
/// the last that was done.
#[test]
fn tail_runs_a_command_for_each_event() {
    let server = Server::start("cli-exec", "");
    let inbox = server.inbox();
    let send = |text: &str| {
        printed(
            &mut server.cli(
                &["send", "--from", inbox, "--to", inbox, "--subject", text]
                    .into_iter()
                    .chain(["--text", text])
                    .collect::<Vec<_>>(),
            ),
        );
    };
    send("one");
    let place = |name: &str| server.folder.join(name).display().to_string();
    let (seen, tried, state) = (place("seen"), place("tried"), place("state"));
    // The first try of all fails, after it has read the event.
    let line = format!(
        "cat > {0}.now; test -e {1} || {{ touch {1}; exit 7; }}; cat {0}.now >> {0}; echo done",
        seen, tried
    );
    let run = |events: usize| {
        let mut tail = server.cli(&["tail", "--since", "0", "--type", "message.received"]);
        let mut child = tail
            .args(["--exec", &line, "--state", &state])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        for _ in 0..events {
            assert_eq!(super::line(child.stdout.as_mut().unwrap()), "done");
        }
        // A command that runs ends, and its event is noted.
        end(&mut child);
    };
    run(1);
    send("two");
    run(1);
    let text = std::fs::read_to_string(&seen).unwrap();
    assert_eq!(subjects(&text), ["one", "two"]);

    let log = printed(&mut server.cli(&["tail", "--no-follow", "--type", "message.received"]));
    assert_eq!(log.lines().count(), 2, "{log}");
    let said = refused(&mut server.cli(&["tail", "--state", "x"]));
    assert!(said.contains("--exec"), "{said}");
}

/// `tail --exec --jobs`: inboxes do not wait for each other, the order of each one is kept, and a
/// SIGTERM waits for the commands that run.
#[test]
fn tail_runs_commands_of_several_inboxes_at_once() {
    let server = Server::start("cli-jobs", "");
    let first = server.inbox();
    let made = printed(&mut server.cli(&["inbox", "create", "second", "--json"]));
    let made: Value = serde_json::from_str(&made).unwrap();
    let second = made["address"].as_str().unwrap();
    for (to, subject) in [(first, "a1"), (first, "a2"), (second, "b1"), (second, "b2")] {
        let words = ["send", "--from", first, "--to", to, "--subject", subject];
        printed(server.cli(&words).args(["--text", "x"]));
    }
    let place = |name: &str| server.folder.join(name).display().to_string();
    let (seen, state) = (place("seen"), place("state"));
    // The first of an inbox waits until the other inbox has begun.
    let line = format!(
        "cat > {0}.$POSTERN_EVENT_SEQ; echo begun; while test ! -e {0}.go; do sleep 0.01; done; \
         cat {0}.$POSTERN_EVENT_SEQ >> {0}",
        seen
    );
    let mut tail = server.cli(&["tail", "--since", "0", "--type", "message.received"]);
    let mut child = tail
        .args(["--exec", &line, "--state", &state, "--jobs", "3"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut begun = || assert_eq!(super::line(child.stdout.as_mut().unwrap()), "begun");
    begun();
    begun();
    std::fs::write(format!("{seen}.go"), "").unwrap();
    begun();
    begun();
    end(&mut child);
    let text = std::fs::read_to_string(&seen).unwrap();
    let all = subjects(&text);
    let of = |letter: char| -> Vec<&str> {
        let of = all.iter().filter(|subject| subject.starts_with(letter));
        of.map(String::as_str).collect()
    };
    assert_eq!((of('a'), of('b')), (vec!["a1", "a2"], vec!["b1", "b2"]));
    // All is done, so a later run has nothing to do.
    let noted = std::fs::read_to_string(&state).unwrap();
    let log = printed(&mut server.cli(&["tail", "--no-follow", "--json"]));
    let last: Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
    let received: Vec<Value> = log
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    let received = received
        .iter()
        .rfind(|event| event["type"] == "message.received");
    let noted: u64 = noted.trim().parse().unwrap();
    assert!(
        noted >= received.unwrap()["seq"].as_u64().unwrap(),
        "{noted}"
    );
    assert!(noted <= last["seq"].as_u64().unwrap(), "{noted}");
}

/// Ends `tail --exec` as systemd does.
fn end(child: &mut std::process::Child) {
    let process = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
}

/// The subjects of events, one on a line.
fn subjects(text: &str) -> Vec<String> {
    let event = |line: &str| serde_json::from_str::<Value>(line).unwrap();
    let subject = |line: &str| {
        event(line)["message"]["subject"]
            .as_str()
            .map(str::to_owned)
    };
    text.lines().filter_map(subject).collect()
}
