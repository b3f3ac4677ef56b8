//! `postern mcp`: MCP over standard input and output, to a server that stops and starts, and to a
//! folder without one; and `postern mcp-config`, whose text starts it.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::commands::{printed, refused};
use super::{Server, folder, metric};

/// A client that has started the program.
struct Talk {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Talk {
    fn start(command: &mut Command) -> Talk {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        Talk {
            input: child.stdin.take(),
            output: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    fn write(&mut self, line: &str) {
        let input = self.input.as_mut().unwrap();
        input.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// A request of the modern revision.
    fn ask(&mut self, id: &Value, method: &str, params: &Value) {
        let mut params = params.clone();
        let version = "io.modelcontextprotocol/protocolVersion";
        params["_meta"][version] = json!("2026-07-28");
        params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({});
        let line = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        self.write(&line.to_string());
    }

    fn call(&mut self, id: &Value, tool: &str, arguments: &Value) {
        self.ask(
            id,
            "tools/call",
            &json!({"name": tool, "arguments": arguments}),
        );
    }

    /// The next message. Each is one line of JSON.
    fn next(&mut self) -> Value {
        let mut line = String::new();
        assert!(
            self.output.read_line(&mut line).unwrap() > 0,
            "it has ended"
        );
        serde_json::from_str(&line).expect(&line)
    }

    /// The text of the next message, which answers this id.
    fn text(&mut self, id: &Value) -> String {
        let answer = self.next();
        assert_eq!(&answer["id"], id, "{answer}");
        assert_eq!(answer["result"]["isError"], false, "{answer}");
        answer["result"]["content"][0]["text"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// The reason of an error that answers this id.
    fn fault(&mut self, id: &Value) -> (i64, String) {
        let answer = self.next();
        assert_eq!(&answer["id"], id, "{answer}");
        let error = &answer["error"];
        let message = error["message"].as_str().expect("an error").to_owned();
        (error["code"].as_i64().unwrap(), message)
    }

    /// The client closes standard input; the program ends by itself.
    fn close(mut self) {
        drop(self.input.take());
        let until = Instant::now() + Duration::from_secs(5);
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait().unwrap() {
                assert!(status.success(), "{status}");
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the program did not end");
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `postern mcp` over the folder of a server, with its key.
fn over(server: &Server) -> Talk {
    let mut command = server.cli(&["mcp"]);
    Talk::start(command.env("POSTERN_API_KEY", server.key()))
}

#[test]
fn both_eras_speak_over_standard_input_and_output() {
    let server = Server::start("mcp-eras", "[limits]\nheartbeat_s = 1\n");
    let mut talk = over(&server);
    let params = json!({"protocolVersion": "2025-06-18", "capabilities": {}});
    let line = json!({"jsonrpc": "2.0", "id": "a", "method": "initialize", "params": params});
    talk.write(&line.to_string());
    assert_eq!(talk.next()["result"]["protocolVersion"], "2025-06-18");
    talk.write(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
    talk.write(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#);
    assert_eq!(talk.next()["result"]["tools"].as_array().unwrap().len(), 12);
    talk.ask(&json!(2), "server/discover", &json!({}));
    assert_eq!(
        talk.next()["result"]["supportedVersions"],
        json!(["2026-07-28"])
    );

    // What is no request gets the error of the server, and the next goes on.
    talk.write("{");
    assert_eq!(talk.fault(&Value::Null).0, -32700);
    talk.write("[]");
    assert_eq!(talk.fault(&Value::Null).0, -32600);
    talk.write(&format!("\"{}\"", "a".repeat(1 << 20)));
    assert!(talk.fault(&Value::Null).1.contains("1 MiB"));
    talk.ask(&json!(3), "no/method", &json!({}));
    assert_eq!(talk.fault(&json!(3)).0, -32601);
    talk.call(&json!("ä"), "none", &json!({}));
    assert_eq!(talk.fault(&json!("ä")).0, -32602);

    // A wait tells its progress, and others pass it.
    let wait = json!({"name": "wait_for_message", "arguments": {"subject": "none", "timeout": 60},
        "_meta": {"progressToken": "t"}});
    talk.ask(&json!(4), "tools/call", &wait);
    let progress = talk.next();
    assert_eq!(progress["method"], "notifications/progress");
    assert_eq!(progress["params"]["progressToken"], "t");
    assert_eq!(metric(&server, "postern_streams_open"), "1");
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled",
        "params": {"requestId": 4}});
    talk.write(&cancel.to_string());
    await_waits(&server, "0");
    for id in 10..60 {
        talk.call(&json!(id), "whoami", &json!({}));
    }
    let mut answered: Vec<i64> = (10..60)
        .map(|_| {
            loop {
                // Progress may have been on its way.
                if let Some(id) = talk.next()["id"].as_i64() {
                    break id;
                }
            }
        })
        .collect();
    answered.sort_unstable();
    assert_eq!(answered, (10..60).collect::<Vec<i64>>());

    // It ends with standard input, also while a call waits.
    talk.ask(&json!(5), "tools/call", &wait);
    assert_eq!(talk.next()["method"], "notifications/progress");
    talk.close();
}

#[test]
fn a_server_that_starts_again_is_found() {
    let mut server = Server::start("mcp-again", "");
    let inbox = server.inbox().to_owned();
    let mut talk = over(&server);
    talk.call(&json!(1), "list_inboxes", &json!({}));
    assert!(talk.text(&json!(1)).contains(&inbox));
    let wait = json!({"subject": "hello", "timeout": 60});
    talk.call(&json!(2), "wait_for_message", &wait);
    await_waits(&server, "1");
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    // It gets other ports, and the wait goes on there.
    let again = Server::again(server.folder.clone(), "", None);
    printed(&mut again.cli(&[
        "send",
        "--from",
        &inbox,
        "--to",
        &inbox,
        "--subject",
        "hello",
        "--text",
        "b",
    ]));
    assert!(talk.text(&json!(2)).contains("Subject: hello"));
    talk.call(&json!(3), "list_inboxes", &json!({}));
    assert!(talk.text(&json!(3)).contains(&inbox));
    talk.close();
}

#[test]
fn what_keeps_a_client_from_the_server_is_told() {
    let server = Server::start("mcp-faults", "");
    let mut command = server.cli(&["mcp"]);
    let mut talk = Talk::start(command.env("POSTERN_API_KEY", "ap_sk_wrong"));
    talk.call(&json!(1), "list_inboxes", &json!({}));
    let (code, why) = talk.fault(&json!(1));
    assert_eq!(code, -32603);
    assert!(why.contains("POSTERN_API_KEY"), "{why}");
    talk.close();
    // A file with the key, over TLS with the authority named.
    let file = server.folder.join("key");
    std::fs::write(&file, format!("{}\n", server.key())).unwrap();
    let url = server.ready["https"].as_str().unwrap();
    let ca = server.ready["ca"].as_str().unwrap();
    let file = file.display().to_string();
    let mut command = server.cli(&["mcp", "--url", url, "--ca", ca, "--key-file", &file]);
    let mut talk = Talk::start(&mut command);
    talk.call(&json!(1), "list_inboxes", &json!({}));
    assert!(talk.text(&json!(1)).contains(server.inbox()));
    talk.close();
    let mut talk = Talk::start(&mut server.cli(&["mcp", "--url", url, "--key-file", &file]));
    talk.call(&json!(1), "list_inboxes", &json!({}));
    let (_, why) = talk.fault(&json!(1));
    assert!(why.contains("--ca FILE"), "{why}");
    talk.close();
}

/// A server that does not come back: the folder is asked, and a call that waits there is told so.
#[test]
fn a_server_that_does_not_come_back_is_given_up() {
    let mut server = Server::start("mcp-gone", "");
    let inbox = server.inbox().to_owned();
    let mut command = server.cli(&["mcp", "--patience", "1"]);
    let mut talk = Talk::start(command.env("POSTERN_API_KEY", server.key()));
    let url = server.ready["http"].as_str().unwrap();
    let elsewhere = ["mcp", "--patience", "1", "--url", url];
    let mut command = server.cli(&elsewhere);
    let mut far = Talk::start(command.env("POSTERN_API_KEY", server.key()));
    for talk in [&mut talk, &mut far] {
        talk.call(&json!(1), "list_inboxes", &json!({}));
        assert!(talk.text(&json!(1)).contains(&inbox));
    }
    let wait = json!({"subject": "none", "timeout": 60});
    talk.call(&json!(2), "wait_for_message", &wait);
    await_waits(&server, "1");
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    let (code, why) = talk.fault(&json!(2));
    assert!(code == -32603 && why.contains("postern serve"), "{why}");
    let letter = json!({"to": [inbox], "subject": "a", "text": "b"});
    talk.call(&json!(3), "send", &letter);
    assert!(talk.text(&json!(3)).starts_with("Sent: "));
    far.call(&json!(3), "send", &letter);
    let (code, why) = far.fault(&json!(3));
    assert!(code == -32603 && why.contains("onnect"), "{why}");
    // When it is there again, the folder leads to it.
    let again = Server::again(server.folder.clone(), "", None);
    talk.call(&json!(4), "list_messages", &json!({}));
    assert!(talk.text(&json!(4)).contains("Subject: a"));
    talk.close();
    far.close();
    drop(again);
}

/// What a client may have under way at once, and how many calls in a minute.
#[test]
fn limits_are_told_in_words() {
    let limits = "[limits]\nstreams_per_key = 100\n";
    let server = Server::start("mcp-many", limits);
    let mut talk = over(&server);
    let wait = json!({"subject": "none", "timeout": 60});
    for id in 0..64 {
        talk.call(&json!(id), "wait_for_message", &wait);
    }
    talk.call(&json!(64), "whoami", &json!({}));
    let (code, why) = talk.fault(&json!(64));
    assert!(code == -32603 && why.contains("64 requests"), "{why}");
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled",
        "params": {"requestId": 7}});
    talk.write(&cancel.to_string());
    let until = Instant::now() + Duration::from_secs(10);
    for id in 65.. {
        talk.call(&json!(id), "whoami", &json!({}));
        let answer = talk.next();
        assert_eq!(answer["id"], json!(id), "{answer}");
        if answer["result"]["isError"] == false {
            break;
        }
        assert!(Instant::now() < until, "it is still busy");
        std::thread::sleep(Duration::from_millis(20));
    }
    talk.close();

    let server = Server::start("mcp-rate", "[limits]\nhttp_requests_per_minute = 5\n");
    let mut talk = over(&server);
    let refused = (0..20).find_map(|id| {
        talk.call(&json!(id), "list_inboxes", &json!({}));
        let answer = talk.next();
        answer["error"]["message"].as_str().map(str::to_owned)
    });
    let why = refused.expect("a refusal");
    assert!(
        why.starts_with("Too many requests. Wait ") && why.ends_with(" s."),
        "{why}"
    );
    talk.close();
}

/// Without a server the operator asks the folder, and a server that starts takes over.
#[test]
fn a_folder_without_a_server_is_asked() {
    let mut server = Server::start("mcp-folder", "");
    let inbox = server.inbox().to_owned();
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    let mut talk = Talk::start(&mut server.cli(&["mcp"]));
    let letter = json!({"to": [inbox], "subject": "a", "text": "b"});
    talk.call(&json!(1), "send", &letter);
    assert!(talk.text(&json!(1)).starts_with("Sent: "));
    let wait = json!({"subject": "a", "timeout": 60});
    talk.call(&json!(2), "wait_for_message", &wait);
    assert!(talk.text(&json!(2)).contains("Subject: a"));
    let wait = json!({"subject": "none", "timeout": 60});
    talk.call(&json!(3), "wait_for_message", &wait);
    let (_, why) = talk.fault(&json!(3));
    assert!(why.contains("postern serve"), "{why}");
    let again = Server::again(server.folder.clone(), "", None);
    talk.call(&json!(4), "list_messages", &json!({}));
    assert!(talk.text(&json!(4)).contains("Subject: a"));
    talk.close();
    drop(again);
    let nowhere = folder("mcp-nowhere");
    let mut talk = Talk::start(server.cli(&["mcp"]).env("POSTERN_DATA", &nowhere));
    talk.call(&json!(1), "whoami", &json!({}));
    let (_, why) = talk.fault(&json!(1));
    assert!(why.contains("postern serve"), "{why}");
    talk.close();
    std::fs::remove_dir_all(nowhere).unwrap();
}

#[test]
fn a_client_is_given_what_it_pastes() {
    let server = Server::start("mcp-config", "");
    let inbox = server.inbox();
    let generic = ["mcp-config", "--client", "generic"];
    // No key that exists is shown.
    for more in [&[][..], &["--stdio"], &["--key", server.key()]] {
        let text = printed(&mut server.cli(&[&generic[..], more].concat()));
        assert!(
            text.contains("YOUR_KEY") && !text.contains("ap_sk_"),
            "{text}"
        );
    }
    let made = [
        "--stdio",
        "--new-key",
        "--inbox",
        inbox,
        "--scopes",
        "messages:read",
    ];
    let text = printed(&mut server.cli(&[&generic[..], &made[..]].concat()));
    let config: Value = serde_json::from_str(&text).unwrap();
    let config = &config["mcpServers"]["postern"];
    let mut command = Command::new(config["command"].as_str().unwrap());
    let words = config["args"].as_array().unwrap();
    command.args(words.iter().map(|word| word.as_str().unwrap()));
    let key = config["env"]["POSTERN_API_KEY"].as_str().unwrap();
    let mut talk = Talk::start(command.env("POSTERN_API_KEY", key));
    talk.ask(&json!(1), "tools/list", &json!({}));
    let tools = talk.next()["result"]["tools"].to_string();
    assert!(
        tools.contains("read_message") && !tools.contains("\"send\""),
        "{tools}"
    );
    talk.close();
    let text = printed(&mut server.cli(&[&generic[..], &["--new-key"]].concat()));
    let config: Value = serde_json::from_str(&text).unwrap();
    let config = &config["mcpServers"]["postern"];
    let url = server.ready["http"].as_str().unwrap();
    assert_eq!(config["url"].as_str().unwrap(), format!("{url}/mcp"));
    assert!(
        config["headers"]["Authorization"]
            .as_str()
            .unwrap()
            .starts_with("Bearer ap_sk_")
    );
    // The scopes of no key.
    let said = refused(&mut server.cli(&[&generic[..], &["--scopes", "admin"]].concat()));
    assert!(said.contains("--new-key"), "{said}");
}

/// Until so many calls wait.
fn await_waits(server: &Server, count: &str) {
    let until = Instant::now() + Duration::from_secs(10);
    while metric(server, "postern_streams_open") != count {
        assert!(Instant::now() < until, "not {count} wait");
        std::thread::sleep(Duration::from_millis(20));
    }
}
