//! The options of `postern inbox create` and `update` for an inbox that lives elsewhere. Secrets
//! come from files or from standard input, and never from the command line, which other users of
//! the machine can read.

use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::CliError;

/// The account elsewhere that an inbox is.
#[derive(clap::Args, Debug)]
pub struct UpstreamOptions {
    /// The IMAP server of an account elsewhere, as imap.example.com:993
    #[arg(long, value_name = "HOST:PORT")]
    upstream: Option<String>,
    /// When TLS begins: implicit or starttls [default: implicit, on port 143 starttls]
    #[arg(long, value_name = "WHEN")]
    upstream_tls: Option<String>,
    /// The user of the account
    #[arg(long, value_name = "USER")]
    upstream_user: Option<String>,
    /// A file with the password of the account, or `-` for standard input
    #[arg(long, value_name = "FILE")]
    upstream_password_file: Option<PathBuf>,
    /// The URL of the token server, for an account that logs in by OAuth
    #[arg(long, value_name = "URL", requires_all = ["upstream_client_id", "upstream_refresh_token_file"])]
    upstream_token_url: Option<String>,
    /// The client that was authorized there
    #[arg(long, value_name = "ID", requires = "upstream_token_url")]
    upstream_client_id: Option<String>,
    /// A file with the secret of the client, or `-` [default: it has none]
    #[arg(long, value_name = "FILE", requires = "upstream_token_url")]
    upstream_client_secret_file: Option<PathBuf>,
    /// A file with the refresh token, or `-`
    #[arg(long, value_name = "FILE", requires = "upstream_token_url")]
    upstream_refresh_token_file: Option<PathBuf>,
    /// The SMTP server by which the account sends, as smtp.example.com:465; an empty text is none
    #[arg(long, value_name = "HOST:PORT")]
    upstream_smtp: Option<String>,
    /// When TLS begins there: implicit or starttls [default: implicit, on other ports than 465
    /// starttls]
    #[arg(long, value_name = "WHEN", requires = "upstream_smtp")]
    upstream_smtp_tls: Option<String>,
    /// The user there [default: that of the account]
    #[arg(long, value_name = "USER", requires = "upstream_smtp")]
    upstream_smtp_user: Option<String>,
    /// A file with the password there, or `-` [default: it logs in as over IMAP]
    #[arg(long, value_name = "FILE", requires = "upstream_smtp")]
    upstream_smtp_password_file: Option<PathBuf>,
}

impl UpstreamOptions {
    /// Puts what was given into a body, with `address` for a new inbox.
    pub fn put(&self, body: &mut Value, address: Option<&String>) -> Result<(), CliError> {
        let mut account = json!({});
        if let Some(place) = &self.upstream {
            let tls = self.upstream_tls.as_deref();
            put_place(&mut account, place, (tls, "--upstream"), |port| port != 143)?;
        } else if let Some(tls) = &self.upstream_tls {
            account["tls"] = json!(tls);
        }
        if let Some(user) = &self.upstream_user {
            account["user"] = json!(user);
        }
        if let Some(address) = address {
            account["address"] = json!(address);
        }
        if let Some(file) = &self.upstream_password_file {
            account["password"] = json!(first_line(file)?);
        }
        if let (Some(url), Some(id), Some(file)) = (
            &self.upstream_token_url,
            &self.upstream_client_id,
            &self.upstream_refresh_token_file,
        ) {
            let refresh_token = first_line(file)?;
            account["oauth"] =
                json!({"token_url": url, "client_id": id, "refresh_token": refresh_token});
            if let Some(file) = &self.upstream_client_secret_file {
                account["oauth"]["client_secret"] = json!(first_line(file)?);
            }
        }
        match self.upstream_smtp.as_deref() {
            None => {}
            Some("") => account["smtp"] = Value::Null,
            Some(place) => {
                let mut smtp = json!({});
                let tls = self.upstream_smtp_tls.as_deref();
                put_place(&mut smtp, place, (tls, "--upstream-smtp"), |port| {
                    port == 465
                })?;
                if let Some(user) = &self.upstream_smtp_user {
                    smtp["user"] = json!(user);
                }
                if let Some(file) = &self.upstream_smtp_password_file {
                    smtp["password"] = json!(first_line(file)?);
                }
                account["smtp"] = smtp;
            }
        }
        if account.as_object().is_some_and(|given| !given.is_empty()) {
            body["upstream"] = account;
        }
        Ok(())
    }
}

/// Host, port and TLS of a server.
fn put_place(
    object: &mut Value,
    place: &str,
    (tls, option): (Option<&str>, &str),
    is_implicit: fn(u16) -> bool,
) -> Result<(), CliError> {
    let parts = place.rsplit_once(':');
    let parts = parts.and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
    let (host, port) = parts.ok_or_else(|| format!("{option} {place}: write HOST:PORT"))?;
    let usual = if is_implicit(port) {
        "implicit"
    } else {
        "starttls"
    };
    object["host"] = json!(host);
    object["port"] = json!(port);
    object["tls"] = json!(tls.unwrap_or(usual));
    Ok(())
}

/// The first line of a file, without its end.
fn first_line(file: &Path) -> Result<String, CliError> {
    let text = text_of(file)?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

fn text_of(file: &Path) -> Result<String, CliError> {
    let mut text = String::new();
    let read = match file.as_os_str() == "-" {
        true => std::io::stdin().lock().read_to_string(&mut text).map(drop),
        false => std::fs::read_to_string(file).map(|read| text = read),
    };
    read.map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(text)
}
