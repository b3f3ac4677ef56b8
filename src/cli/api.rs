//! The client of the REST API: one request and one answer. It asks the server of `--url`, or the
//! one that runs on the data folder, or an engine in this process.

use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use serde_json::Value;

use super::endpoint::{Endpoint, Stream};
use super::local::Local;
use super::response::ApiResponse;
use super::{Cli, CliError};
use crate::config::{RUNNING_FILE, TOKEN_FILE};
use crate::crypto::OperatorToken;
use crate::dir::DirHandle;
use crate::store::{FILE, Folder, FolderError};

/// A client with a key or the operator's token.
pub struct Api {
    way: Way,
    sender: ApiSender,
    /// A connection that is kept for several requests.
    kept: Option<Box<dyn Stream>>,
    /// The answer of the folder to [`Api::begin`].
    answered: Option<Vec<u8>>,
}

/// Where requests go.
pub enum Way {
    /// To a server.
    Server(Endpoint),
    /// To the engine in this process, over the folder that it has locked.
    Folder(Box<Local>),
}

/// The party that asks.
#[derive(Clone)]
pub struct ApiSender {
    token: String,
    /// The organization that the operator acts in.
    org: Option<String>,
}

/// A request on a connection that is kept, which may be repeated.
pub struct KeptRequest {
    /// The method.
    pub method: &'static str,
    /// The path with its query.
    pub path: String,
    /// JSON, or nothing.
    pub body: Vec<u8>,
}

/// The successful answer of the API.
#[derive(Default)]
pub struct ApiReply {
    /// Its octets, as they came.
    pub octets: Vec<u8>,
}

impl ApiReply {
    /// Its JSON; null where it has none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.octets).unwrap_or(Value::Null)
    }
}

/// What another thread needs for requests to the same server.
#[derive(Clone)]
pub struct ServerAccess {
    endpoint: Endpoint,
    sender: ApiSender,
}

impl ServerAccess {
    /// An API of its own.
    pub fn api(&self) -> Api {
        Api {
            way: Way::Server(self.endpoint.clone()),
            sender: self.sender.clone(),
            kept: None,
            answered: None,
        }
    }
}

/// The parameters of a query, in order.
pub type QueryPairs<'a> = Vec<(&'a str, String)>;

impl Api {
    /// Finds the server, or opens the data folder.
    pub fn open(cli: &Cli) -> Result<Api, CliError> {
        Api::with_key(cli, cli.key.as_deref())
    }

    /// The same with this key; without one with the operator's token.
    pub fn with_key(cli: &Cli, key: Option<&str>) -> Result<Api, CliError> {
        let way = Way::find(cli)?;
        let token = match (key, &cli.url) {
            (Some(key), _) => key.trim().to_owned(),
            (None, None) => token(cli.data())?,
            (None, Some(_)) => {
                return Err(
                    "a server elsewhere wants a key: give it with --key or in POSTERN_KEY".into(),
                );
            }
        };
        if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err("the key is not a text of one word: check --key and POSTERN_KEY".into());
        }
        let org = cli.org.clone();
        if let Some(org) = &org
            && !org.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        {
            return Err(format!("--org {org}: not an id; `postern org list` shows them").into());
        }
        if org.is_some() && !token.starts_with(OperatorToken::PREFIX) {
            return Err("a key belongs to one organization: leave --org out".into());
        }
        Ok(Api {
            way,
            sender: ApiSender { token, org },
            kept: None,
            answered: None,
        })
    }

    /// The same. With the operator's token it acts in the named organization or in the first one;
    /// a key acts in its own.
    pub fn in_org(cli: &Cli) -> Result<Api, CliError> {
        let mut api = Api::open(cli)?;
        api.choose_org()?;
        Ok(api)
    }

    /// With the operator's token and without an organization: acts in the first one from now on.
    pub fn choose_org(&mut self) -> Result<(), CliError> {
        if self.sender.org.is_none() && self.sender.token.starts_with(OperatorToken::PREFIX) {
            let orgs = self.get("/api/v1/orgs")?.json();
            let first = orgs["data"][0]["id"].as_str();
            self.sender.org = Some(
                first
                    .ok_or("there is no organization: make one with `postern org create NAME`")?
                    .into(),
            );
        }
        Ok(())
    }

    /// The party that asks.
    pub fn sender(&self) -> &ApiSender {
        &self.sender
    }

    /// The same server for another thread. An error where no server runs.
    pub fn access(&self) -> Result<ServerAccess, CliError> {
        match &self.way {
            Way::Server(endpoint) => Ok(ServerAccess {
                endpoint: endpoint.clone(),
                sender: self.sender.clone(),
            }),
            Way::Folder(_) => Err(NO_SERVER.into()),
        }
    }

    /// A server answers, and not the folder.
    pub fn is_served(&self) -> bool {
        matches!(self.way, Way::Server(_))
    }

    /// A new connection for a stream. An error where no server runs.
    pub fn connect(&self) -> Result<Box<dyn Stream>, CliError> {
        match &self.way {
            Way::Server(endpoint) => endpoint.connect(),
            Way::Folder(_) => Err(NO_SERVER.into()),
        }
    }

    /// Looks for the server again: it may have been started on another port.
    pub fn find_again(&mut self, cli: &Cli) -> Result<Box<dyn Stream>, CliError> {
        if cli.url.is_none() {
            self.way = Way::Server(running(cli.data())?);
        }
        self.connect()
    }

    /// Looks for the server again, for the next request.
    pub fn find_server(&mut self, cli: &Cli) -> Result<(), CliError> {
        self.kept = None;
        self.kept = Some(self.find_again(cli)?);
        Ok(())
    }

    /// Sends a request on a connection that is kept. Its answer comes with [`Api::end`]; until then
    /// the caller has time for other work.
    pub fn begin(&mut self, kept: &KeptRequest) -> Result<(), CliError> {
        let mut head = self.head(kept.method, &kept.path, "application/json, */*");
        let body = &kept.body[..];
        if !body.is_empty() {
            head += &format!(
                "Content-Type: application/json\r\nContent-Length: {}\r\n",
                body.len()
            );
        }
        head += "\r\n";
        if let Way::Folder(local) = &mut self.way {
            self.answered = Some(local.exchange(&[head.as_bytes(), body].concat()));
            return Ok(());
        }
        let mut stream = match self.kept.take() {
            Some(stream) => stream,
            None => self.connect()?,
        };
        let sent = (stream.write_all(head.as_bytes()))
            .and_then(|()| stream.write_all(body))
            .and_then(|()| stream.flush());
        // A server that refuses a body answers before it has read the whole.
        self.kept = Some(stream);
        sent.map_err(|error| format!("the request could not be sent: {error}").into())
    }

    /// The answer to the last [`Api::begin`].
    pub fn end(&mut self) -> Result<ApiReply, CliError> {
        if let Some(octets) = self.answered.take() {
            return read_reply(&octets[..]);
        }
        let Some(mut stream) = self.kept.take() else {
            return Err("there is no connection to the server".into());
        };
        let reply = read_reply(&mut *stream);
        match reply {
            Ok(reply) => {
                self.kept = Some(stream);
                Ok(reply)
            }
            // What follows on the connection is not known.
            Err(error) => Err(error),
        }
    }

    /// GET.
    pub fn get(&mut self, path: &str) -> Result<ApiReply, CliError> {
        self.exchange("GET", path, None, None)
    }

    /// POST.
    pub fn post(&mut self, path: &str, body: &Value) -> Result<ApiReply, CliError> {
        self.exchange("POST", path, Some(body), None)
    }

    /// POST that may be repeated: with the same key it is carried out once.
    pub fn post_once(
        &mut self,
        path: &str,
        body: &Value,
        idempotency_key: Option<&str>,
    ) -> Result<ApiReply, CliError> {
        self.exchange("POST", path, Some(body), idempotency_key)
    }

    /// POST of octets that are no JSON.
    pub fn post_octets(
        &mut self,
        path: &str,
        media: Option<&str>,
        octets: &[u8],
    ) -> Result<ApiReply, CliError> {
        let mut request = self.head("POST", path, "application/json, */*");
        if let Some(media) = media {
            request += &format!("Content-Type: {media}\r\n");
        }
        request += &format!(
            "Content-Length: {}\r\nConnection: close\r\n\r\n",
            octets.len()
        );
        let mut request = request.into_bytes();
        request.extend_from_slice(octets);
        self.carry(&request)
    }

    /// PUT.
    pub fn put(&mut self, path: &str, body: &Value) -> Result<ApiReply, CliError> {
        self.exchange("PUT", path, Some(body), None)
    }

    /// PATCH.
    pub fn patch(&mut self, path: &str, body: &Value) -> Result<ApiReply, CliError> {
        self.exchange("PATCH", path, Some(body), None)
    }

    /// POST without a body.
    pub fn act(&mut self, path: &str) -> Result<ApiReply, CliError> {
        self.exchange("POST", path, None, None)
    }

    /// DELETE.
    pub fn delete(&mut self, path: &str) -> Result<ApiReply, CliError> {
        self.exchange("DELETE", path, None, None)
    }

    /// The pages of a list, as they came, with at most `rows_max` rows together.
    pub fn pages(
        &mut self,
        path: &str,
        query: &QueryPairs<'_>,
        rows_max: Option<usize>,
    ) -> Result<Vec<ApiReply>, CliError> {
        let mut pages = Vec::new();
        let mut cursor = None;
        let mut left = rows_max.unwrap_or(usize::MAX);
        loop {
            let mut query = query.clone();
            query.push(("limit", left.min(PAGE_ROWS).to_string()));
            query.extend(cursor.take().map(|cursor| ("cursor", cursor)));
            let page = self.get(&with_query(path, &query))?;
            let json = page.json();
            left = left.saturating_sub(json["data"].as_array().map_or(0, Vec::len));
            pages.push(page);
            match json["next_cursor"].as_str() {
                Some(next) if left > 0 => cursor = Some(next.to_owned()),
                _ => return Ok(pages),
            }
        }
    }

    /// The head of a request without its last line.
    pub fn head(&self, method: &str, path: &str, accept: &str) -> String {
        self.way.head(&self.sender, method, path, accept)
    }

    fn exchange(
        &mut self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        idempotency_key: Option<&str>,
    ) -> Result<ApiReply, CliError> {
        let mut request = self.head(method, path, "application/json, */*");
        if let Some(key) = idempotency_key {
            if key.is_empty() || !key.bytes().all(|b| b.is_ascii_graphic() || b == b' ') {
                return Err("--idempotency-key: use one line of ASCII characters".into());
            }
            request += &format!("Idempotency-Key: {key}\r\n");
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        if !body.is_empty() {
            request += &format!(
                "Content-Type: application/json\r\nContent-Length: {}\r\n",
                body.len()
            );
        }
        request += "Connection: close\r\n\r\n";
        request += &body;
        self.carry(request.as_bytes())
    }

    /// Sends a whole request, and reads its answer.
    fn carry(&mut self, request: &[u8]) -> Result<ApiReply, CliError> {
        match &mut self.way {
            Way::Server(endpoint) => {
                let mut stream = endpoint.connect()?;
                // A server that refuses a long body answers before it has read the whole.
                let sent = stream.write_all(request).and_then(|()| stream.flush());
                match (read_reply(stream), sent) {
                    (Err(CliError::Own(_)), Err(error)) => {
                        Err(format!("the request could not be sent: {error}").into())
                    }
                    (reply, _) => reply,
                }
            }
            Way::Folder(local) => read_reply(&local.exchange(request)[..]),
        }
    }
}

const NO_SERVER: &str = "no server runs on this folder: start one with `postern serve`";

/// Reads an answer whole. A status other than 2xx is an error.
fn read_reply(from: impl Read) -> Result<ApiReply, CliError> {
    judge(ApiResponse::read(from)?)
}

/// The rest of an answer, or the reason why it is none.
pub fn judge(mut answer: ApiResponse<impl Read>) -> Result<ApiReply, CliError> {
    let status = answer.status;
    if let (300..400, Some(to)) = (status, &answer.location) {
        return Err(format!(
            "the server is elsewhere ({status}): use --url with the start of {to}"
        )
        .into());
    }
    let octets = answer.octets()?;
    if (200..300).contains(&status) {
        return Ok(ApiReply { octets });
    }
    let json: Value = serde_json::from_slice(&octets).unwrap_or(Value::Null);
    match &json["error"] {
        Value::Object(_) => Err(CliError::Api {
            octets,
            retry_after_s: answer.retry_after_s,
        }),
        _ => Err(CliError::Own(format!(
            "the server answered {status} without a reason: is --url the address of a Postern server?"
        ))),
    }
}

impl Way {
    /// The server of `--url`, the one on the data folder, or the folder itself.
    pub fn find(cli: &Cli) -> Result<Way, CliError> {
        if let Some(url) = &cli.url {
            return Ok(Way::Server(Endpoint::parse(url, cli.ca.as_deref())?));
        }
        let data = cli.data();
        must_be_there(data)?;
        if !Folder::is_locked(data) {
            become_owner(data)?;
        }
        match Folder::lock(data) {
            Ok(folder) => Ok(Way::Folder(Box::new(Local::open(folder)?))),
            Err(FolderError::Taken(..)) => Ok(Way::Server(running(data)?)),
            Err(error) => Err(error.into()),
        }
    }

    /// The head of a request without its last line.
    pub fn head(&self, sender: &ApiSender, method: &str, path: &str, accept: &str) -> String {
        let (path, host) = match self {
            Way::Server(endpoint) => (endpoint.path(path), endpoint.authority()),
            Way::Folder(_) => (path.to_owned(), "localhost".to_owned()),
        };
        let org = (sender.org.as_ref())
            .map(|o| format!("Postern-Organization: {o}\r\n"))
            .unwrap_or_default();
        format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: postern/{}\r\n\
             Authorization: Bearer {}\r\n{org}Accept: {accept}\r\n",
            env!("CARGO_PKG_VERSION"),
            sender.token
        )
    }
}

/// Root becomes the owner of the folder: who owns the folder could have put a link in it that leads
/// out of it.
fn become_owner(data: &Path) -> Result<(), CliError> {
    let owner = DirHandle::open(data).and_then(|dir| dir.owner());
    match owner {
        Ok(owner) if owner.uid != 0 && rustix::process::geteuid().is_root() => {
            Ok(crate::serve::become_user(owner)?)
        }
        _ => Ok(()),
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
        "{what} {}: start with `postern serve`, name the folder with --data, or a server elsewhere \
         with --url",
        data.display()
    )))
}

/// The loopback listener of the server that runs on the folder.
pub fn running(data: &Path) -> Result<Endpoint, CliError> {
    let text = DirHandle::open(data).and_then(|dir| dir.read_text(RUNNING_FILE));
    let text = text.unwrap_or_default();
    let json: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
    match json["http"].as_str() {
        Some(url) => Endpoint::parse(url, None),
        None => Err(CliError::Own(
            "a server runs on this folder, but without its HTTP listener on loopback, which this \
             command talks to: add `http = \"localhost:8080\"` under [listen] in its \
             configuration, name its HTTPS listener with --url, or stop the server first"
                .into(),
        )),
    }
}

fn token(data: &Path) -> Result<String, CliError> {
    let path = data.join(TOKEN_FILE);
    let text = DirHandle::open(data).and_then(|dir| dir.read_text(TOKEN_FILE));
    let text = text.map_err(|e| {
        format!(
            "{}: {e}: run this as the user that the server runs as",
            path.display()
        )
    })?;
    Ok(text.trim().to_string())
}

/// A path with its query.
pub fn with_query(path: &str, query: &QueryPairs<'_>) -> String {
    let mut all = path.to_owned();
    for (at, (name, value)) in query.iter().enumerate() {
        all.push(if at == 0 { '?' } else { '&' });
        all += &format!("{name}={}", escape(value));
    }
    all
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

/// The most rows that the API gives at once.
const PAGE_ROWS: usize = 200;
