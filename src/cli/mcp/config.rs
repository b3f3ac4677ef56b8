//! `postern mcp-config`: what to paste into a client of MCP, in the client's own form. The text
//! goes to standard output, where to put it to standard error. It shows no secret but that of a key
//! that it has just made.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::carry::KEY_VARIABLE;
use crate::cli::api::{Api, Way};
use crate::cli::endpoint::Endpoint;
use crate::cli::{Cli, CliError, show};

/// `postern mcp-config`
#[derive(Args, Debug)]
pub struct McpConfigCommand {
    /// The client
    #[arg(long)]
    client: McpClient,
    /// The client starts `postern mcp`, instead of asking the server over HTTP
    #[arg(long)]
    stdio: bool,
    /// Make a key for it; it is not shown again
    #[arg(long)]
    new_key: bool,
    /// The scopes of the key, separated by commas [default: messages:read,messages:write,
    /// inboxes:read]
    #[arg(long, value_delimiter = ',', requires = "new_key")]
    scopes: Vec<String>,
    /// Bind the key to this inbox, id or address; repeat the option for more inboxes
    #[arg(long = "inbox", value_name = "INBOX", requires = "new_key")]
    inboxes: Vec<String>,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum McpClient {
    /// Claude Code
    Claude,
    /// Cursor
    Cursor,
    /// VS Code
    Vscode,
    /// Codex
    Openai,
    /// Claude Desktop, and others that take `mcpServers`
    Generic,
}

/// How the client reaches the server.
enum McpWay {
    Http {
        url: String,
    },
    Stdio {
        command: String,
        arguments: Vec<String>,
    },
}

/// Carries out `postern mcp-config`.
pub fn mcp_config(cli: &Cli, command: &McpConfigCommand) -> Result<ExitCode, CliError> {
    let way = match command.stdio {
        true => started(cli)?,
        false => McpWay::Http {
            url: format!("{}/mcp", address(cli)?),
        },
    };
    let made = match command.new_key {
        true => Some(make_key(cli, command)?),
        false => None,
    };
    let key = made.as_deref().unwrap_or(PLACEHOLDER);
    show::line(text(command.client, &way, key));
    show::note(&format!("postern: {}", place(command.client)));
    if made.is_none() {
        show::note(&format!(
            "postern: put a key in place of {PLACEHOLDER}; --new-key makes one"
        ));
    }
    if let (McpWay::Http { .. }, Some(ca)) = (&way, &cli.ca) {
        show::note(&format!(
            "postern: the client must trust {} (those of Node.js: NODE_EXTRA_CA_CERTS); with --stdio \
             it need not",
            ca.display()
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// The address of the server that runs.
fn address(cli: &Cli) -> Result<String, CliError> {
    let endpoint = match &cli.url {
        Some(url) => Endpoint::parse(url, None)?,
        None => match Way::find(cli)? {
            Way::Server(endpoint) => endpoint,
            Way::Folder(_) => {
                return Err(
                    "no server runs on this folder: start one with `postern serve`, name one \
                            elsewhere with --url, or use --stdio"
                        .into(),
                );
            }
        },
    };
    Ok(endpoint.url())
}

/// The program that the client starts: this one, by names that hold in every folder.
fn started(cli: &Cli) -> Result<McpWay, CliError> {
    let mut arguments = vec!["mcp".to_owned()];
    match &cli.url {
        Some(_) => arguments.extend(["--url".to_owned(), address(cli)?]),
        None => {
            let data = std::path::absolute(cli.data())?;
            arguments.extend(["--data".to_owned(), data.display().to_string()]);
        }
    }
    if let Some(ca) = &cli.ca {
        let ca = std::path::absolute(ca)?;
        arguments.extend(["--ca".to_owned(), ca.display().to_string()]);
    }
    Ok(McpWay::Stdio {
        command: std::env::current_exe()?.display().to_string(),
        arguments,
    })
}

fn make_key(cli: &Cli, command: &McpConfigCommand) -> Result<String, CliError> {
    let mut body = json!({"label": format!("MCP, {:?}", command.client)});
    body["scopes"] = match command.scopes.as_slice() {
        [] => json!(["messages:read", "messages:write", "inboxes:read"]),
        named => json!(named),
    };
    if !command.inboxes.is_empty() {
        body["inboxes"] = json!(command.inboxes);
    }
    let made = Api::in_org(cli)?.post("/api/v1/keys", &body)?.json();
    let key = made["key"].as_str().ok_or("the server has made no key")?;
    show::note(&format!(
        "postern: made {}; `postern key revoke` ends it",
        show::text(&made["id"])
    ));
    Ok(key.to_owned())
}

/// Where the text goes.
fn place(client: McpClient) -> &'static str {
    match client {
        McpClient::Claude => "run this in the folder of your project",
        McpClient::Cursor => "this is ~/.cursor/mcp.json, or .cursor/mcp.json of a project",
        McpClient::Vscode => "this is .vscode/mcp.json of a workspace",
        McpClient::Openai => "this belongs into ~/.codex/config.toml",
        McpClient::Generic => "this belongs into the file of the client that has `mcpServers`",
    }
}

/// What to paste.
fn text(client: McpClient, way: &McpWay, key: &str) -> String {
    let (list, with_type) = match client {
        McpClient::Claude => return command_line(way, key),
        McpClient::Openai => return table(way, key),
        McpClient::Cursor => ("mcpServers", false),
        McpClient::Vscode => ("servers", true),
        McpClient::Generic => ("mcpServers", true),
    };
    let mut server = match way {
        McpWay::Http { url } => json!({
            "url": url,
            "headers": {"Authorization": format!("Bearer {key}")},
        }),
        McpWay::Stdio { command, arguments } => json!({
            "command": command,
            "args": arguments,
            "env": {KEY_VARIABLE: key},
        }),
    };
    if with_type {
        server["type"] = json!(match way {
            McpWay::Http { .. } => "http",
            McpWay::Stdio { .. } => "stdio",
        });
    }
    format!("{:#}", json!({list: {"postern": server}}))
}

/// A command of Claude Code.
fn command_line(way: &McpWay, key: &str) -> String {
    match way {
        McpWay::Http { url } => format!(
            "claude mcp add --transport http postern {} --header \"Authorization: Bearer {key}\"",
            quoted(url)
        ),
        McpWay::Stdio { command, arguments } => {
            let words: Vec<String> = arguments.iter().map(|word| quoted(word)).collect();
            format!(
                "claude mcp add --env {KEY_VARIABLE}={key} --transport stdio postern -- {} {}",
                quoted(command),
                words.join(" ")
            )
        }
    }
}

/// A table of the configuration of Codex, in TOML. Its strings are written as in JSON.
fn table(way: &McpWay, key: &str) -> String {
    match way {
        McpWay::Http { url } => format!(
            "[mcp_servers.postern]\nurl = {}\nhttp_headers = {{ Authorization = \"Bearer {key}\" }}",
            json!(url)
        ),
        McpWay::Stdio { command, arguments } => format!(
            "[mcp_servers.postern]\ncommand = {}\nargs = {}\nenv = {{ {KEY_VARIABLE} = \"{key}\" }}",
            json!(command),
            Value::from(arguments.clone())
        ),
    }
}

/// A word of a shell.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

/// Stands where a key belongs.
const PLACEHOLDER: &str = "YOUR_KEY";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn ways() -> [McpWay; 2] {
        [
            McpWay::Http {
                url: "https://mail.example/mcp".into(),
            },
            McpWay::Stdio {
                command: "/opt/po st/postern".into(),
                arguments: vec!["mcp".into(), "--data".into(), "/a'b".into()],
            },
        ]
    }

    #[test]
    fn each_client_has_its_own_form() {
        let [http, stdio] = ways();
        let json = |client, way| serde_json::from_str::<Value>(&text(client, way, "k")).unwrap();
        let headers = json!({"Authorization": "Bearer k"});
        let env = json!({"POSTERN_API_KEY": "k"});
        let args = json!(["mcp", "--data", "/a'b"]);
        assert_eq!(
            json(McpClient::Cursor, &http),
            json!({"mcpServers": {"postern": {"url": "https://mail.example/mcp", "headers": headers}}})
        );
        assert_eq!(
            json(McpClient::Vscode, &http)["servers"]["postern"],
            json!({"type": "http", "url": "https://mail.example/mcp", "headers": headers})
        );
        assert_eq!(
            json(McpClient::Vscode, &stdio)["servers"]["postern"],
            json!({"type": "stdio", "command": "/opt/po st/postern", "args": args, "env": env})
        );
        assert_eq!(
            json(McpClient::Generic, &stdio)["mcpServers"]["postern"]["args"],
            args
        );
        let codex: toml::Value = toml::from_str(&text(McpClient::Openai, &stdio, "k")).unwrap();
        let server = &codex["mcp_servers"]["postern"];
        assert_eq!(server["args"][2].as_str(), Some("/a'b"));
        assert_eq!(server["env"]["POSTERN_API_KEY"].as_str(), Some("k"));
        let codex: toml::Value = toml::from_str(&text(McpClient::Openai, &http, "k")).unwrap();
        let server = &codex["mcp_servers"]["postern"];
        assert_eq!(
            server["http_headers"]["Authorization"].as_str(),
            Some("Bearer k")
        );
        assert_eq!(
            text(McpClient::Claude, &http, "k"),
            "claude mcp add --transport http postern https://mail.example/mcp --header \
             \"Authorization: Bearer k\""
        );
        assert_eq!(
            text(McpClient::Claude, &stdio, "k"),
            "claude mcp add --env POSTERN_API_KEY=k --transport stdio postern -- \
             '/opt/po st/postern' mcp --data '/a'\\''b'"
        );
    }
}
