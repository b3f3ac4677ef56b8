//! The output of a server that has started: one line of JSON for scripts, or some lines for
//! people. And the file in the data folder with which the command line finds the server.

use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};

use crate::call::{Listener, Shared};
use crate::config::{Config, RUNNING_FILE};
use crate::dir::DirHandle;
use crate::net::BoundListener;

/// The inbox and the key of the first start.
pub(super) struct FirstInbox {
    /// The inbox's address.
    pub inbox: String,
    /// The text of the key. It is printed and not kept.
    pub key: String,
}

/// The addresses of a running server.
pub(super) struct Running {
    listeners: Vec<(Listener, SocketAddr)>,
    ca: Option<String>,
    data: String,
    host: String,
    json: bool,
}

impl Running {
    pub fn new(
        config: &Config,
        listeners: &[BoundListener],
        ca: Option<&Path>,
        shared: &Shared,
    ) -> Self {
        Running {
            listeners: listeners.iter().map(|l| (l.listener, l.address)).collect(),
            ca: ca.map(|path| path.display().to_string()),
            data: config.data.display().to_string(),
            host: shared.host.clone(),
            json: config.json,
        }
    }

    /// Writes the addresses into the data folder, for the command line.
    pub fn write_file(&self, data: &DirHandle) -> Result<(), String> {
        data.write(RUNNING_FILE, line(&self.fields()).as_bytes())
            .map_err(|error| format!("{}: {error}", data.path().join(RUNNING_FILE).display()))
    }

    /// Deletes that file when the server has ended.
    pub fn delete_file(&self, data: &DirHandle) {
        // The command line reads the file only while the folder is locked, so a file that is
        // left does no harm.
        let _ = data.remove(RUNNING_FILE);
    }

    /// Prints that the server listens. A broken standard output does not stop the server.
    pub fn print(&self, first: Option<&FirstInbox>) {
        let text = if self.json {
            let mut fields = self.fields();
            if let Some(first) = first {
                fields.push(("inbox", json!(first.inbox)));
                fields.push(("api_key", json!(first.key)));
            }
            line(&fields)
        } else {
            self.greeting(first, std::io::stdout().is_terminal())
        };
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    /// Says on a terminal why the end takes a while: so many connections are open, and clients have
    /// so many seconds to leave.
    pub fn print_stop(&self, open: u64, drain_s: u64) {
        if open == 0 || self.json || !std::io::stderr().is_terminal() {
            return;
        }
        let mut err = std::io::stderr().lock();
        let _ = writeln!(
            err,
            "\n  Stopping: clients have {drain_s} s to leave, and {open} connections are open."
        );
    }

    /// What runs where, as a part of a line of the log.
    pub fn summary(&self) -> String {
        let listeners: Vec<String> = self
            .listeners
            .iter()
            .map(|(listener, address)| format!("{}={address}", listener.name()))
            .collect();
        format!(
            "version={} process={} hostname={} data={:?} {}",
            env!("CARGO_PKG_VERSION"),
            std::process::id(),
            self.host,
            self.data,
            listeners.join(" ")
        )
    }

    fn at(&self, listener: Listener) -> Option<SocketAddr> {
        self.listeners
            .iter()
            .find(|(d, _)| *d == listener)
            .map(|(_, a)| *a)
    }

    /// The host for a client, one that the certificate names.
    fn host_of(&self, address: SocketAddr) -> String {
        let ip = address.ip();
        if ip.is_unspecified() || (ip.is_loopback() && self.host == "localhost") {
            self.host.clone()
        } else if ip.is_ipv6() {
            format!("[{ip}]")
        } else {
            ip.to_string()
        }
    }

    fn url(&self, listener: Listener) -> Option<String> {
        let address = self.at(listener)?;
        Some(match listener {
            // The number: it needs no look-up, and scripts compare it.
            Listener::Http => format!("http://{address}"),
            _ => format!("https://{}:{}", self.host_of(address), address.port()),
        })
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        let mut fields = vec![("ready", json!(true))];
        for (name, listener) in [
            ("smtps", Listener::Submissions),
            ("submission", Listener::Submission),
            ("mx", Listener::Mx),
            ("imaps", Listener::Imaps),
            ("imap", Listener::Imap),
        ] {
            fields.extend(self.at(listener).map(|at| (name, json!(at.port()))));
        }
        for (name, listener) in [("https", Listener::Https), ("http", Listener::Http)] {
            fields.extend(self.url(listener).map(|url| (name, json!(url))));
        }
        fields.extend(self.ca.as_ref().map(|ca| ("ca", json!(ca))));
        fields
    }

    fn greeting(&self, first: Option<&FirstInbox>, colour: bool) -> String {
        let bold = |text: &str| match colour {
            true => format!("\x1b[1m{text}\x1b[0m"),
            false => text.to_owned(),
        };
        let dim = |text: &str| match colour {
            true => format!("\x1b[2m{text}\x1b[0m"),
            false => text.to_owned(),
        };
        let mut rows: Vec<(&str, String)> = Vec::new();
        let port = |listener: Listener, note: &str| {
            let address = self.at(listener)?;
            let at = format!("{}:{}", self.host_of(address), address.port());
            Some(format!("{at} {}", dim(note)))
        };
        let join = |parts: [Option<String>; 3]| {
            let parts: Vec<String> = parts.into_iter().flatten().collect();
            parts.join("   ")
        };
        rows.push((
            "SMTP",
            join([
                port(Listener::Submissions, "TLS"),
                port(Listener::Submission, "STARTTLS"),
                port(Listener::Mx, "inbound mail"),
            ]),
        ));
        rows.push((
            "IMAP",
            join([
                port(Listener::Imaps, "TLS"),
                port(Listener::Imap, "STARTTLS"),
                None,
            ]),
        ));
        rows.push((
            "API",
            join([self.url(Listener::Https), self.url(Listener::Http), None]),
        ));
        let mcp = self.url(Listener::Https).or(self.url(Listener::Http));
        rows.push((
            "MCP",
            mcp.map_or_else(String::new, |url| {
                let note = dim("what a client needs: postern mcp-config --client claude");
                format!("{url}/mcp   {note}")
            }),
        ));
        rows.push(("CA", self.ca.clone().unwrap_or_default()));
        if let Some(first) = first {
            rows.push(("inbox", bold(&first.inbox)));
            rows.push(("key", bold(&first.key)));
        }
        let version = env!("CARGO_PKG_VERSION");
        let mut text = format!(
            "\n  {} keeps mail in {}\n\n",
            bold(&format!("Postern {version}")),
            self.data
        );
        for (name, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
            text += &format!("  {name:<6} {value}\n");
        }
        match first {
            Some(first) => {
                let note = "The key is shown this once. It is the password for SMTP and IMAP, \
                            and the bearer token of the API.";
                text += &format!("  {:<6} {}\n\n", "", dim(note));
                text += &self.examples(first, dim);
            }
            None => {
                text += &format!(
                    "\n  {}\n",
                    dim(
                        "Inboxes: postern inbox list   Another key: postern key create   Events: postern tail"
                    )
                )
            }
        }
        text.push('\n');
        text
    }

    /// What to paste into a second terminal: listen, send, read, and mail from outside.
    fn examples(&self, first: &FirstInbox, dim: impl Fn(&str) -> String) -> String {
        let mut text = format!(
            "  The server runs until Ctrl-C. Open a second terminal in this folder, and paste:\n\n  \
             export INBOX={}\n  export KEY={}\n",
            first.inbox, first.key
        );
        let ca = match (&self.ca, self.at(Listener::Http)) {
            (Some(ca), None) => format!(" --cacert {ca}"),
            _ => String::new(),
        };
        let url = self.url(Listener::Http).or(self.url(Listener::Https));
        let curl = format!("curl{ca} -H \"Authorization: Bearer $KEY\"");
        let mut show = |what: &str, lines: &[String]| {
            text += &format!("\n  {}\n  {}\n", dim(what), lines.join(" \\\n    "));
        };
        if let Some(url) = url {
            let messages = format!("{url}/api/v1/inboxes/$INBOX/messages");
            show(
                "Listen:",
                &[format!("{curl} --no-buffer {url}/api/v1/events")],
            );
            show(
                "Send, in one more terminal, after the two exports there too:",
                &[
                    format!("{curl} -H \"Content-Type: application/json\""),
                    format!("-d \"{SAMPLE_MESSAGE}\""),
                    messages.clone(),
                ],
            );
            show("Read:", &[format!("{curl} {messages}")]);
        }
        if let Some(address) = self.at(Listener::Mx) {
            let at = format!("{}:{}", self.host_of(address), address.port());
            show(
                "Mail from outside, as another server brings it:",
                &[
                    format!("printf '{SAMPLE_MAIL}' \"$INBOX\" |"),
                    format!("curl smtp://{at}"),
                    "--mail-from ann@example.org --mail-rcpt \"$INBOX\" --upload-file -".into(),
                ],
            );
        }
        text
    }
}

/// One line of JSON with the fields in this order.
fn line(fields: &[(&str, Value)]) -> String {
    let fields: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{}:{value}", json!(name)))
        .collect();
    format!("{{{}}}\n", fields.join(","))
}

/// A message for the API, as it stands between double quotes of a shell.
const SAMPLE_MESSAGE: &str =
    r#"{\"to\": [\"$INBOX\"], \"subject\": \"Hello\", \"text\": \"Your code is 482913.\"}"#;
/// A mail, as the format of printf(1).
const SAMPLE_MAIL: &str =
    r"From: ann@example.org\r\nTo: %s\r\nSubject: Hi\r\n\r\nFrom outside.\r\n";
