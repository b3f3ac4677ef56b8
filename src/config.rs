//! Flags and the TOML file, made into one [`Config`]. Everything has a default, and
//! everything wrong is said in one sentence that names it; nothing unknown is passed over.
//!
//! The limits and their reasons are in [`crate::call::Limits`]; a limit of 0 is refused, for
//! some readers take it for "none" and some for "nothing".

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::call::{Limits, Listener};

/// What the command line can say of a server.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct ServeFlags {
    /// Configuration file (TOML); without one, everything has a default for trying it out
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// `auto` takes free ports instead of the configured ones
    #[arg(long, value_name = "PORTS", default_value = "configured")]
    pub ports: Ports,
    /// Lift rates, budgets, connection limits and the check of SNI, for benches and tests;
    /// loopback only
    #[arg(long)]
    pub no_limits: bool,
    /// What to log to standard error: error, warn, info, debug or trace [default: warn]
    #[arg(long, value_name = "LEVEL")]
    pub log: Option<String>,
}

/// Which ports to listen on.
#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Ports {
    /// Those of the configuration, or the defaults.
    #[default]
    Configured,
    /// Any that are free.
    Auto,
}

/// How a server is to run; checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// The data folder.
    pub data: PathBuf,
    /// Sockets to open, each with its protocol; port 0 takes a free one.
    pub listeners: Vec<(Listener, SocketAddr)>,
    /// The server's own name: greetings, Received, certificate.
    pub hostname: String,
    /// The domain that inboxes are made on when they name none.
    pub domain: String,
    /// Chain and key, PEM; `None` makes them in the data folder.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// What happens to a client that asks for a host name which is not ours.
    pub unknown_sni: UnknownSni,
    /// Whom to become after binding.
    pub user: Option<String>,
    /// Limits, lifted already if that was asked for.
    pub limits: Limits,
    /// Level of the log.
    pub log: String,
    /// One line of JSON instead of a greeting for people.
    pub json: bool,
}

/// What to do with a client whose ClientHello names a host that the certificate does not
/// (RFC 6066 section 3). Servers that bring mail on the MX port are always served.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug, Default)]
#[serde(rename_all = "lowercase")]
pub enum UnknownSni {
    /// End the handshake with unrecognized_name: it was led here by mistake, or by somebody.
    #[default]
    Refuse,
    /// Show the certificate that there is.
    Serve,
}

impl Config {
    /// Reads the file that the flags name, if they do. `data` and `json` are flags of every
    /// command; the file's `data` holds unless the command line names another folder than
    /// the default. The error is one for the operator.
    pub fn load(flags: &ServeFlags, data: &Path, json: bool) -> Result<Config, String> {
        let text = match &flags.config {
            None => String::new(),
            Some(path) => fs::read_to_string(path)
                .map_err(|error| format!("cannot read {}: {error}", path.display()))?,
        };
        let name = flags.config.as_deref().map_or_else(
            || "configuration".to_owned(),
            |path| path.display().to_string(),
        );
        let mut config = Config::parse(&text, flags).map_err(|error| format!("{name}: {error}"))?;
        if data != Path::new(DEFAULT_DATA) {
            config.data = data.into();
        }
        config.json = json;
        Ok(config)
    }

    fn parse(text: &str, flags: &ServeFlags) -> Result<Config, String> {
        // The parser speaks of Rust's types where the file has numbers.
        let file: File = toml::from_str(text).map_err(|error| {
            let text = error.to_string();
            let text = text.replace("expected usize", "expected a whole number");
            text.replace("expected u64", "expected a whole number")
        })?;
        let mut listeners = match file.listen {
            Some(listen) => listen.sockets()?,
            None => DEFAULT_LISTENERS
                .iter()
                .map(|&(listener, port)| (listener, (IpAddr::V4(Ipv4Addr::LOCALHOST), port).into()))
                .collect(),
        };
        let is_loopback = |address: &SocketAddr| address.ip().to_canonical().is_loopback();
        for (listener, address) in &listeners {
            if *listener == Listener::Http && !is_loopback(address) {
                return Err(format!(
                    "listen.http = \"{address}\": HTTP in clear carries keys, so it is served \
                     on a loopback address only; use listen.https"
                ));
            }
        }
        let mut limits = file.limits;
        for (name, value, reason) in limits.rows() {
            if value == 0 {
                return Err(format!(
                    "limits.{name} = 0: a limit must be at least 1 ({})",
                    reason.trim()
                ));
            }
        }
        if flags.no_limits {
            if let Some((_, address)) = listeners.iter().find(|(_, a)| !is_loopback(a)) {
                return Err(format!(
                    "--no-limits is for benches and tests on a loopback address, but a listener \
                     is on {address}"
                ));
            }
            limits.lift();
        }
        // A load generator on this machine may call it whatever it likes.
        let unknown_sni = match flags.no_limits {
            true => UnknownSni::Serve,
            false => file.tls.unknown_sni,
        };
        if flags.ports == Ports::Auto {
            for (_, address) in &mut listeners {
                address.set_port(0);
            }
        }
        if file
            .data
            .as_ref()
            .is_some_and(|data| data.as_os_str().is_empty())
        {
            return Err("data = \"\": name a folder".into());
        }
        let certificate = match (file.tls.certificate, file.tls.key) {
            (None, None) => None,
            (Some(chain), Some(key)) => Some((chain, key)),
            (Some(_), None) => return Err("tls.certificate needs tls.key beside it".into()),
            (None, Some(_)) => return Err("tls.key needs tls.certificate beside it".into()),
        };
        let log = flags.log.clone().or(file.log);
        let log = log.unwrap_or_else(|| "warn".into());
        if !LEVELS.contains(&log.as_str()) {
            return Err(format!("log = \"{log}\": one of {}", LEVELS.join(", ")));
        }
        Ok(Config {
            data: file.data.unwrap_or_else(|| DEFAULT_DATA.into()),
            listeners,
            hostname: name("hostname", file.hostname, "localhost")?,
            domain: name("domain", file.domain, "postern.localhost")?,
            certificate,
            unknown_sni,
            user: file.user,
            limits,
            log,
            json: false,
        })
    }
}

/// The file, as it is written.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct File {
    data: Option<PathBuf>,
    hostname: Option<String>,
    domain: Option<String>,
    user: Option<String>,
    log: Option<String>,
    listen: Option<Listen>,
    tls: Tls,
    limits: Limits,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Tls {
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    unknown_sni: UnknownSni,
}

/// Exactly what is named is opened.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Listen {
    mx: Addresses,
    submission: Addresses,
    submissions: Addresses,
    imap: Addresses,
    imaps: Addresses,
    http: Addresses,
    https: Addresses,
}

/// One address, a list of them, or none.
#[derive(Deserialize, Default)]
#[serde(
    untagged,
    expecting = "expected an address and a port, as \"0.0.0.0:25\" or \"[::]:25\", or a list of them"
)]
enum Addresses {
    #[default]
    None,
    One(String),
    Many(Vec<String>),
}

impl Listen {
    fn sockets(self) -> Result<Vec<(Listener, SocketAddr)>, String> {
        let all = [
            ("mx", Listener::Mx, self.mx),
            ("submissions", Listener::Submissions, self.submissions),
            ("submission", Listener::Submission, self.submission),
            ("imaps", Listener::Imaps, self.imaps),
            ("imap", Listener::Imap, self.imap),
            ("https", Listener::Https, self.https),
            ("http", Listener::Http, self.http),
        ];
        let mut sockets = Vec::new();
        for (name, listener, addresses) in all {
            let texts = match addresses {
                Addresses::None => Vec::new(),
                Addresses::One(text) => vec![text],
                Addresses::Many(texts) => texts,
            };
            for text in texts {
                let address = text.parse().map_err(|_| {
                    format!(
                        "listen.{name} = \"{text}\": give an address and a port, as \
                         \"0.0.0.0:25\" or \"[::]:25\""
                    )
                })?;
                sockets.push((listener, address));
            }
        }
        if sockets.is_empty() {
            return Err("listen: no listener is named, so nobody could connect".into());
        }
        Ok(sockets)
    }
}

/// A host or domain name in lower case; letters, digits, hyphens and dots.
fn name(field: &str, given: Option<String>, default: &str) -> Result<String, String> {
    let Some(given) = given else {
        return Ok(default.into());
    };
    let name = given.trim_end_matches('.').to_ascii_lowercase();
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    if name.len() > 253 || !name.split('.').all(is_label) {
        return Err(format!(
            "{field} = \"{given}\": not a host name (international names go in as punycode)"
        ));
    }
    Ok(name)
}

/// The folder when nobody names one.
pub const DEFAULT_DATA: &str = "./postern-data";

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Where everything listens on the machine of somebody who just tries it.
const DEFAULT_LISTENERS: [(Listener, u16); 6] = [
    (Listener::Mx, 8025),
    (Listener::Submissions, 8465),
    (Listener::Submission, 8587),
    (Listener::Imaps, 8993),
    (Listener::Https, 8443),
    (Listener::Http, 8080),
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(text, &ServeFlags::default())
    }

    #[test]
    fn nothing_is_needed() {
        let config = parse("").unwrap();
        assert_eq!(config.listeners.len(), 6);
        assert!(config.listeners.iter().all(|(_, a)| a.ip().is_loopback()));
        assert_eq!(config.limits, Limits::default());
        assert_eq!(config.hostname, "localhost");
        let auto = ServeFlags {
            ports: Ports::Auto,
            ..ServeFlags::default()
        };
        let config = Config::parse("", &auto).unwrap();
        assert!(config.listeners.iter().all(|(_, a)| a.port() == 0));
    }

    #[test]
    fn a_file_says_it_all() {
        let config = parse(
            "hostname = 'Mail.Example.COM'\ndomain = 'example.com'\nuser = 'postern'\n\
             [listen]\nmx = ['0.0.0.0:25', '[::]:25']\nimaps = '0.0.0.0:993'\n\
             imap = '127.0.0.1:143'\n[tls]\ncertificate = 'a.pem'\nkey = 'b.pem'\n\
             unknown_sni = 'serve'\n\
             [limits]\nmessage_bytes = 1000\n",
        )
        .unwrap();
        assert_eq!(config.hostname, "mail.example.com");
        let listeners: Vec<Listener> = config
            .listeners
            .iter()
            .map(|(listener, _)| *listener)
            .collect();
        assert_eq!(
            listeners,
            [Listener::Mx, Listener::Mx, Listener::Imaps, Listener::Imap]
        );
        assert_eq!(config.limits.message_bytes, 1000);
        assert!(config.certificate.is_some());
        assert_eq!(config.unknown_sni, UnknownSni::Serve);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, said) in [
            ("hostnam = 'a'", "hostnam"),
            ("[limits]\nmessage_byte = 1", "message_byte"),
            ("[limits]\nmessage_bytes = 0", "limits.message_bytes = 0"),
            ("[limits]\nmessage_bytes = -1", "message_bytes"),
            ("[listen]\nhttp = '0.0.0.0:80'", "listen.http"),
            ("[listen]\nsmtp = '0.0.0.0:25'", "smtp"),
            ("[listen]\nmx = 'localhost:25'", "listen.mx"),
            ("[listen]\nmx = 25", "an address and a port"),
            ("[limits]\nmessage_bytes = 'a'", "a whole number"),
            ("data = ''", "data = "),
            ("[listen]\n", "no listener"),
            ("[tls]\nkey = 'k'", "tls.certificate"),
            ("[tls]\nunknown_sni = 'maybe'", "unknown_sni"),
            ("hostname = 'a b'", "hostname"),
            ("hostname = ''", "hostname"),
            ("log = 'loud'", "log"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
        let flags = ServeFlags {
            no_limits: true,
            ..ServeFlags::default()
        };
        assert!(Config::parse("[listen]\nmx = '0.0.0.0:25'", &flags).is_err());
        let lifted = Config::parse("", &flags).unwrap();
        assert!(lifted.limits.connections_per_ip > 1_000_000);
        assert_eq!(lifted.unknown_sni, UnknownSni::Serve);
    }
}
