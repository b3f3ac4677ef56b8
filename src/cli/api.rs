//! The client of the REST API: one request and one answer, over a loopback socket to the
//! running server or through an engine in this process.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::local::Local;
use super::{Cli, CliError};
use crate::config::{RUNNING_FILE, TOKEN_FILE};
use crate::store::{FILE, Folder, FolderError};

/// A client that has the operator's token.
pub struct Api {
    way: Way,
    token: String,
    org: Option<String>,
}

enum Way {
    Socket(String),
    Folder(Box<Local>),
}

impl Api {
    /// Finds the running server, or opens the data folder.
    pub fn open(cli: &Cli) -> Result<Api, CliError> {
        let data = &cli.data;
        must_be_there(data)?;
        let way = match Folder::lock(data) {
            Ok(folder) => Way::Folder(Box::new(Local::open(folder)?)),
            Err(FolderError::Taken(..)) => Way::Socket(running(data)?),
            Err(error) => return Err(error.into()),
        };
        Ok(Api {
            way,
            token: token(data)?,
            org: cli.org.clone(),
        })
    }

    /// The same, in the named organization or in the first one.
    pub fn in_org(cli: &Cli) -> Result<Api, CliError> {
        let mut api = Api::open(cli)?;
        if api.org.is_none() {
            let orgs = api.get("/api/v1/orgs")?;
            let first = orgs["data"][0]["id"].as_str();
            api.org = Some(
                first
                    .ok_or("there is no organization: make one with `postern org create NAME`")?
                    .into(),
            );
        }
        Ok(api)
    }

    /// The loopback address of the running server, for a stream.
    pub fn socket(&self) -> Option<&str> {
        match &self.way {
            Way::Socket(address) => Some(address),
            Way::Folder(_) => None,
        }
    }

    /// GET; gives the JSON of the answer.
    pub fn get(&mut self, path: &str) -> Result<Value, CliError> {
        self.exchange("GET", path, None)
    }

    /// POST.
    pub fn post(&mut self, path: &str, body: &Value) -> Result<Value, CliError> {
        self.exchange("POST", path, Some(body))
    }

    /// DELETE.
    pub fn delete(&mut self, path: &str) -> Result<Value, CliError> {
        self.exchange("DELETE", path, None)
    }

    /// All pages of a list.
    pub fn all(&mut self, path: &str) -> Result<Vec<Value>, CliError> {
        let mut rows = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.get(&format!("{path}?limit=200{cursor}"))?;
            rows.extend(page["data"].as_array().cloned().unwrap_or_default());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={}", escape(next)),
                None => return Ok(rows),
            }
        }
    }

    /// The head of a request without its last line.
    pub fn head(&self, method: &str, path: &str, accept: &str) -> String {
        let org = self
            .org
            .as_ref()
            .map(|o| format!("Postern-Organization: {o}\r\n"))
            .unwrap_or_default();
        format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n{org}Accept: {accept}\r\n",
            self.token
        )
    }

    fn exchange(
        &mut self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, CliError> {
        let mut request = self.head(method, path, "application/json");
        let body = body.map(Value::to_string).unwrap_or_default();
        if !body.is_empty() || method == "POST" {
            request += &format!(
                "Content-Type: application/json\r\nContent-Length: {}\r\n",
                body.len()
            );
        }
        request += "Connection: close\r\n\r\n";
        request += &body;
        let answer = match &mut self.way {
            Way::Socket(address) => over_socket(address, request.as_bytes())?,
            Way::Folder(local) => local.exchange(request.as_bytes()),
        };
        read_answer(&answer)
    }
}

fn over_socket(address: &str, request: &[u8]) -> Result<Vec<u8>, CliError> {
    let mut stream = TcpStream::connect(address)
        .map_err(|e| format!("cannot connect to the server on {address}: {e}"))?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    stream.write_all(request)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

/// The JSON of an answer that ends with its connection; a status other than 2xx is an error.
pub fn read_answer(answer: &[u8]) -> Result<Value, CliError> {
    let text = String::from_utf8_lossy(answer);
    let (head, body) = text
        .split_once("\r\n\r\n")
        .ok_or("the server closed the connection without an answer")?;
    let status: u16 = head
        .split_whitespace()
        .nth(1)
        .and_then(|s| s.parse().ok())
        .unwrap_or(0);
    let json: Value = serde_json::from_str(body.trim()).unwrap_or(Value::Null);
    if (200..300).contains(&status) {
        return Ok(json);
    }
    match &json["error"] {
        Value::Null => Err(CliError::Own(format!("the server answered {status}"))),
        error => Err(CliError::Api(error.clone())),
    }
}

/// Checks that there is a data folder that can be read; the error says what to do.
pub fn must_be_there(data: &Path) -> Result<(), CliError> {
    let file = data.join(FILE);
    let Err(error) = std::fs::metadata(&file) else {
        return Ok(());
    };
    let what = match error.kind() {
        ErrorKind::NotFound if data.is_dir() => "there is no Postern database in",
        ErrorKind::NotFound | ErrorKind::NotADirectory => "there is no data folder at",
        _ => {
            return Err(CliError::Own(format!(
                "{}: {error}: run this as the user that the server runs as",
                file.display()
            )));
        }
    };
    Err(CliError::Own(format!(
        "{what} {}: start with `postern serve`, or name the folder with --data",
        data.display()
    )))
}

/// The loopback address of the server that runs on the folder.
pub fn running(data: &Path) -> Result<String, CliError> {
    let text = std::fs::read_to_string(data.join(RUNNING_FILE)).unwrap_or_default();
    let json: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
    match json["http"].as_str() {
        Some(url) => Ok(url
            .trim_start_matches("http://")
            .trim_end_matches('/')
            .to_string()),
        None => Err(CliError::Own(
            "a server runs on this folder, but without its HTTP listener on loopback, which this \
             command talks to: add `http = \"127.0.0.1:8080\"` under [listen] in its \
             configuration, or stop the server first"
                .into(),
        )),
    }
}

fn token(data: &Path) -> Result<String, CliError> {
    let path = data.join(TOKEN_FILE);
    let text = std::fs::read_to_string(&path).map_err(|e| {
        format!(
            "{}: {e}: run this as the user that the server runs as",
            path.display()
        )
    })?;
    Ok(text.trim().to_string())
}

/// Percent-encoding of a path segment or query value (RFC 3986 section 2.3).
pub fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~@".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped += &format!("%{byte:02X}");
        }
    }
    escaped
}
