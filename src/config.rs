//! The flags and the TOML file, made into one [`Config`]. Every setting has a default. A wrong
//! or unknown setting is an error that names it in one sentence.
//!
//! The limits and their reasons are in [`crate::call::Limits`]. A limit of 0 is refused: it
//! could mean "no limit" or "nothing at all".

use core::fmt;
use core::net::{IpAddr, SocketAddr};
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::call::{FilterSwitch, InboundPolicy, Limits, Listener, OperatorFrom, UpstreamSettings};

mod mcp;
mod outbound;
mod webhooks;

use mcp::McpConfig;
use outbound::OutboundConfig;
pub use outbound::OutboundTable;
use webhooks::WebhooksConfig;
pub use webhooks::WebhooksTable;

/// The flags of `postern serve`.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct ServeFlags {
    /// Configuration file (TOML); without one, the defaults are right for a first try
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// `auto` takes free ports instead of the configured ones
    #[arg(long, value_name = "PORTS", default_value = "configured")]
    pub ports: Ports,
    /// Lift rates, budgets, connection limits, the proof of domains and the check of SNI, for
    /// benchmarks and tests; on loopback addresses only
    #[arg(long)]
    pub no_limits: bool,
    /// Level of the log on standard error: error, warn, info, debug or trace [default: warn]
    #[arg(long, value_name = "LEVEL")]
    pub log: Option<String>,
    /// Print an example of a configuration file and end
    #[arg(long, conflicts_with = "print_unit")]
    pub print_config: bool,
    /// Print a unit for systemd and end
    #[arg(long)]
    pub print_unit: bool,
}

/// The ports to listen on.
#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Ports {
    /// Those of the configuration, or the defaults.
    #[default]
    Configured,
    /// Free ports.
    Auto,
}

/// The checked settings of a server.
#[derive(Clone, Debug)]
pub struct Config {
    /// The data folder.
    pub data: PathBuf,
    /// Where to listen, each with its protocol.
    pub listeners: Vec<WantedListener>,
    /// The name of the server in greetings, Received fields and the certificate.
    pub hostname: String,
    /// The domain of an inbox that is made without one.
    pub domain: String,
    /// The certificate chain and the key, PEM; `None`: both are made in the data folder.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// The answer to a client that asks for another host name.
    pub unknown_sni: UnknownSni,
    /// Domains are trusted when they are made, without a proof.
    pub trust_domains: bool,
    /// The user to become after binding.
    pub user: Option<String>,
    /// From where the operator's token is taken.
    pub operator_from: OperatorFrom,
    /// How mail leaves.
    pub outbound: OutboundTable,
    /// Where webhooks go.
    pub webhooks: WebhooksTable,
    /// The name servers to ask; empty: those of the system.
    pub resolvers: Vec<SocketAddr>,
    /// How mail from other servers is taken in.
    pub inbound: InboundPolicy,
    /// Whether received mail is judged.
    pub filter: FilterSwitch,
    /// Where inboxes may live elsewhere.
    pub upstream: UpstreamTable,
    /// Origins of other servers whose pages may speak MCP.
    pub rpc_origins: Vec<String>,
    /// The limits, lifted already if the flags say so.
    pub limits: Limits,
    /// The level of the log.
    pub log: String,
    /// Print one line of JSON instead of lines for people.
    pub json: bool,
    /// The text of the file that this was read from.
    pub text: Option<String>,
}

/// The table `upstream`: inboxes that live elsewhere.
#[derive(Clone, Debug, Default)]
pub struct UpstreamTable {
    /// What the service obeys.
    pub settings: UpstreamSettings,
    /// A PEM file of authorities that are trusted beside webpki-roots.
    pub ca: Option<PathBuf>,
}

/// A listener to open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WantedListener {
    /// Its protocol.
    pub listener: Listener,
    /// Where.
    pub place: ListenPlace,
}

/// Where a listener is; port 0 is any free port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ListenPlace {
    /// One address.
    Address(SocketAddr),
    /// `localhost`: 127.0.0.1, and ::1 where the machine has IPv6, with the same port.
    Loopback(u16),
}

impl ListenPlace {
    fn is_loopback(self) -> bool {
        match self {
            ListenPlace::Address(address) => address.ip().to_canonical().is_loopback(),
            ListenPlace::Loopback(_) => true,
        }
    }

    fn with_port(self, port: u16) -> ListenPlace {
        match self {
            ListenPlace::Address(address) => {
                ListenPlace::Address(SocketAddr::new(address.ip(), port))
            }
            ListenPlace::Loopback(_) => ListenPlace::Loopback(port),
        }
    }

    /// An address with its port, or `localhost` with a port.
    fn parse(text: &str) -> Option<ListenPlace> {
        if let Some(port) = text.strip_prefix("localhost:") {
            let is_number = port.bytes().all(|b| b.is_ascii_digit());
            return Some(ListenPlace::Loopback(
                port.parse().ok().filter(|_| is_number)?,
            ));
        }
        text.parse().ok().map(ListenPlace::Address)
    }
}

impl fmt::Display for ListenPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ListenPlace::Address(address) => address.fmt(f),
            ListenPlace::Loopback(port) => write!(f, "localhost:{port}"),
        }
    }
}

/// The answer to a client whose ClientHello names a host that the certificate does not name
/// (RFC 6066 section 3). Mail servers on the MX port are always served.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug, Default)]
#[serde(rename_all = "lowercase")]
pub enum UnknownSni {
    /// End the handshake with unrecognized_name: a mistake or an attacker led the client here.
    #[default]
    Refuse,
    /// Go on with the certificate as it is.
    Serve,
}

impl Config {
    /// Reads the file that the flags name. `data` and `json` are flags of every command; `data`
    /// overrides the file. The error is a text for the operator.
    pub fn load(flags: &ServeFlags, data: Option<&Path>, json: bool) -> Result<Config, String> {
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
        if let Some(data) = data {
            config.data = data.into();
        }
        config.json = json;
        config.text = flags.config.is_some().then_some(text);
        Ok(config)
    }

    fn parse(text: &str, flags: &ServeFlags) -> Result<Config, String> {
        // The parser names types of Rust; the file has numbers.
        let file: ConfigFile = toml::from_str(text).map_err(|error| {
            let text = error.to_string();
            let text = text.replace("expected usize", "expected a whole number");
            text.replace("expected u64", "expected a whole number")
        })?;
        let mut listeners = match file.listen {
            Some(listen) => listen.wanted()?,
            None => DEFAULT_LISTENERS
                .iter()
                .map(|&(listener, port)| WantedListener {
                    listener,
                    place: ListenPlace::Loopback(port),
                })
                .collect(),
        };
        for wanted in &listeners {
            if wanted.listener == Listener::Http && !wanted.place.is_loopback() {
                return Err(format!(
                    "listen.http = \"{}\": HTTP without TLS would show keys, so it is for \
                     loopback addresses only; use listen.https",
                    wanted.place
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
            if let Some(wanted) = listeners.iter().find(|wanted| !wanted.place.is_loopback()) {
                return Err(format!(
                    "--no-limits is for benchmarks and tests on loopback addresses, but a listener \
                     is on {}",
                    wanted.place
                ));
            }
            limits.lift();
        }
        // A load generator on this machine may use any name.
        let unknown_sni = match flags.no_limits {
            true => UnknownSni::Serve,
            false => file.tls.unknown_sni,
        };
        if flags.ports == Ports::Auto {
            for wanted in &mut listeners {
                wanted.place = wanted.place.with_port(0);
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
            domain: name("domain", file.domain, DEFAULT_DOMAIN)?,
            certificate,
            unknown_sni,
            trust_domains: flags.no_limits,
            user: file.user,
            operator_from: file.operator_from.read()?,
            resolvers: resolvers(file.dns, &file.outbound)?,
            outbound: file.outbound.read()?,
            webhooks: file.webhooks.read()?,
            inbound: file.inbound,
            filter: file.filter,
            upstream: UpstreamTable {
                settings: UpstreamSettings {
                    allow_private: file.upstream.allow_private,
                },
                ca: file.upstream.ca,
            },
            rpc_origins: file.mcp.read()?,
            limits,
            log,
            json: false,
            text: None,
        })
    }
}

/// The contents of the file.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct ConfigFile {
    data: Option<PathBuf>,
    hostname: Option<String>,
    domain: Option<String>,
    user: Option<String>,
    operator_from: OneOrMany,
    log: Option<String>,
    listen: Option<ListenConfig>,
    tls: TlsConfig,
    dns: DnsConfig,
    outbound: OutboundConfig,
    webhooks: WebhooksConfig,
    inbound: InboundPolicy,
    filter: FilterSwitch,
    upstream: UpstreamConfig,
    mcp: McpConfig,
    limits: Limits,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct UpstreamConfig {
    allow_private: bool,
    ca: Option<PathBuf>,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct DnsConfig {
    resolvers: Vec<String>,
}

/// The name servers: addresses, with the port of name servers unless there is another.
fn resolvers(dns: DnsConfig, outbound: &OutboundConfig) -> Result<Vec<SocketAddr>, String> {
    let (field, texts) = match dns.resolvers.is_empty() {
        false => ("dns.resolvers", dns.resolvers),
        true => ("outbound.resolvers", outbound.resolvers.clone()),
    };
    if texts.len() > RESOLVERS_MAX {
        return Err(format!("{field}: at most {RESOLVERS_MAX} servers"));
    }
    let read = |text: &String| {
        let bare = text
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        let ip: Option<IpAddr> = bare.unwrap_or(text).parse().ok();
        match ip {
            Some(ip) => Some(SocketAddr::new(ip, NAME_SERVER_PORT)),
            None => text.parse().ok().filter(|at: &SocketAddr| at.port() != 0),
        }
    };
    let wrong = |text: &String| {
        format!(
            "{field} = \"{text}\": give the address of a name server, as \"192.0.2.53\" or \
             \"127.0.0.1:5353\""
        )
    };
    let all = texts.iter();
    all.map(|text| read(text).ok_or_else(|| wrong(text)))
        .collect()
}

/// One word or a list of them.
#[derive(Deserialize, Default)]
#[serde(
    untagged,
    expecting = "expected \"loopback\", \"anywhere\", or networks, as [\"10.0.0.0/8\"]"
)]
enum OneOrMany {
    #[default]
    None,
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn read(self) -> Result<OperatorFrom, String> {
        let words = match self {
            OneOrMany::None => return Ok(OperatorFrom::Loopback),
            OneOrMany::One(word) => vec![word],
            OneOrMany::Many(words) => words,
        };
        OperatorFrom::parse(&words).map_err(|word| {
            format!(
                "operator_from = \"{word}\": give \"loopback\", \"anywhere\", or networks such as \
                 \"10.0.0.0/8\""
            )
        })
    }
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct TlsConfig {
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    unknown_sni: UnknownSni,
}

/// The listeners. Only those that are named are opened.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct ListenConfig {
    mx: ListenAddresses,
    submission: ListenAddresses,
    submissions: ListenAddresses,
    imap: ListenAddresses,
    imaps: ListenAddresses,
    http: ListenAddresses,
    https: ListenAddresses,
}

/// One address, a list of them, or none.
#[derive(Deserialize, Default)]
#[serde(
    untagged,
    expecting = "expected an address and a port, as \"0.0.0.0:25\" or \"[::]:25\", or a list of them"
)]
enum ListenAddresses {
    #[default]
    None,
    One(String),
    Many(Vec<String>),
}

impl ListenConfig {
    fn wanted(self) -> Result<Vec<WantedListener>, String> {
        let all = [
            ("mx", Listener::Mx, self.mx),
            ("submissions", Listener::Submissions, self.submissions),
            ("submission", Listener::Submission, self.submission),
            ("imaps", Listener::Imaps, self.imaps),
            ("imap", Listener::Imap, self.imap),
            ("https", Listener::Https, self.https),
            ("http", Listener::Http, self.http),
        ];
        let mut wanted = Vec::new();
        for (name, listener, addresses) in all {
            let texts = match addresses {
                ListenAddresses::None => Vec::new(),
                ListenAddresses::One(text) => vec![text],
                ListenAddresses::Many(texts) => texts,
            };
            for text in texts {
                let place = ListenPlace::parse(&text).ok_or_else(|| {
                    format!(
                        "listen.{name} = \"{text}\": give an address and a port, as \
                         \"0.0.0.0:25\", \"[::]:25\" or \"localhost:8025\""
                    )
                })?;
                wanted.push(WantedListener { listener, place });
            }
        }
        if wanted.is_empty() {
            return Err("listen: no listener is named, so no client could connect".into());
        }
        Ok(wanted)
    }
}

/// A host or domain name in lower case, of letters, digits, hyphens and dots.
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
            "{field} = \"{given}\": not a host name (write an international name in punycode)"
        ));
    }
    Ok(name)
}

/// The data folder if none is named.
pub const DEFAULT_DATA: &str = "./postern-data";
/// The domain of an inbox that is made without one, if the file names none.
pub const DEFAULT_DOMAIN: &str = "postern.localhost";

/// The file in the data folder with the operator's token, mode 0600.
pub const TOKEN_FILE: &str = "operator.token";
/// The file in the data folder with the key that secrets are sealed with, mode 0600. A backup does
/// not carry it.
pub const SEALING_FILE: &str = "secrets.key";
/// The file in the data folder with the addresses of the running server.
pub const RUNNING_FILE: &str = "running.json";
/// The file in the data folder with the shared domain of the last server.
pub const SHARED_DOMAIN_FILE: &str = "shared-domain";

/// The file in the data folder with the configuration of the last start, if there was one.
pub const LAST_CONFIG_FILE: &str = "last-config.toml";

/// The files in the data folder that a backup carries beside the database, so that clients find
/// the restored server the same: its authority and certificate, the operator's token, the shared
/// domain, and the configuration.
pub const KEPT_FILES: &[&str] = &[
    "tls/ca.pem",
    "tls/ca-key.pem",
    "tls/cert.pem",
    "tls/key.pem",
    TOKEN_FILE,
    SHARED_DOMAIN_FILE,
    LAST_CONFIG_FILE,
];

/// All that a first start or a restore may make in the data folder, except the file of the lock.
pub const FOLDER_FILES: &[&str] = &[
    "postern.db",
    "postern.db-wal",
    "postern.db-shm",
    "postern.sums",
    "postern.db.making",
    "postern.db.making-journal",
    "restoring",
    "ballast",
    "tls",
    TOKEN_FILE,
    SEALING_FILE,
    "secrets.new",
    "operator.new",
    "shared-domain.new",
    "last-config.new",
    "running.new",
    RUNNING_FILE,
    SHARED_DOMAIN_FILE,
    LAST_CONFIG_FILE,
];

/// Each more is one more wait for a name that none of them knows.
const RESOLVERS_MAX: usize = 8;
const NAME_SERVER_PORT: u16 = 53;

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// The listeners for a first try, all on loopback.
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
        assert!(
            config
                .listeners
                .iter()
                .all(|wanted| wanted.place.is_loopback())
        );
        assert_eq!(config.limits, Limits::default());
        assert_eq!(config.hostname, "localhost");
        let auto = ServeFlags {
            ports: Ports::Auto,
            ..ServeFlags::default()
        };
        let config = Config::parse("", &auto).unwrap();
        let free = ListenPlace::Loopback(0);
        assert!(config.listeners.iter().all(|wanted| wanted.place == free));
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
            .map(|wanted| wanted.listener)
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
    fn localhost_is_both_loopback_addresses() {
        let config = parse("[listen]\nhttp = ['localhost:8080', '127.0.0.2:80']").unwrap();
        let places: Vec<String> = config
            .listeners
            .iter()
            .map(|w| w.place.to_string())
            .collect();
        assert_eq!(places, ["localhost:8080", "127.0.0.2:80"]);
        assert_eq!(config.listeners[0].place, ListenPlace::Loopback(8080));
        let flags = ServeFlags {
            ports: Ports::Auto,
            no_limits: true,
            ..ServeFlags::default()
        };
        let config = Config::parse("[listen]\nmx = ['localhost:25', '[::1]:25']", &flags).unwrap();
        let places: Vec<String> = config
            .listeners
            .iter()
            .map(|w| w.place.to_string())
            .collect();
        assert_eq!(places, ["localhost:0", "[::1]:0"]);
    }

    #[test]
    fn name_servers_have_a_new_and_an_older_name() {
        let resolvers = |text: &str| parse(text).unwrap().resolvers;
        assert_eq!(resolvers(""), []);
        let both = "[dns]\nresolvers = ['127.0.0.1:5353', '2001:db8::53', '[::1]', '[::1]:54']\n\
                    [outbound]\nresolvers = ['192.0.2.1']";
        let texts: Vec<String> = resolvers(both).iter().map(ToString::to_string).collect();
        let said = [
            "127.0.0.1:5353",
            "[2001:db8::53]:53",
            "[::1]:53",
            "[::1]:54",
        ];
        assert_eq!(texts, said);
        let older = resolvers("[outbound]\nresolvers = ['192.0.2.1']");
        assert_eq!(older, ["192.0.2.1:53".parse().unwrap()]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, said) in [
            ("hostnam = 'a'", "hostnam"),
            ("[limits]\nmessage_byte = 1", "message_byte"),
            ("[inbound]\ndmarc = \"maybe\"", "dmarc"),
            ("[inbound]\ndmarcs = \"report\"", "dmarcs"),
            ("[inbound]\ngreylist = 1", "greylist"),
            ("[inbound]\ngreylists = true", "greylists"),
            ("[filter]\nenabled = 1", "enabled"),
            ("[filter]\nenable = true", "enable"),
            ("[upstream]\nallow_private = 1", "allow_private"),
            ("[upstream]\ncas = 'a.pem'", "cas"),
            ("[mcp]\norigin = []", "origin"),
            ("[mcp]\norigins = ['app.example']", "mcp.origins"),
            ("[limits]\nmessage_bytes = 0", "limits.message_bytes = 0"),
            ("[limits]\nmessage_bytes = -1", "message_bytes"),
            ("[listen]\nhttp = '0.0.0.0:80'", "listen.http"),
            ("[listen]\nsmtp = '0.0.0.0:25'", "smtp"),
            ("[listen]\nmx = 'example.com:25'", "listen.mx"),
            ("[listen]\nmx = 'localhost:+25'", "listen.mx"),
            ("[listen]\nmx = 'localhost'", "listen.mx"),
            ("[listen]\nmx = 25", "an address and a port"),
            ("[limits]\nmessage_bytes = 'a'", "a whole number"),
            ("data = ''", "data = "),
            ("[listen]\n", "no listener"),
            ("[tls]\nkey = 'k'", "tls.certificate"),
            ("[tls]\nunknown_sni = 'maybe'", "unknown_sni"),
            ("hostname = 'a b'", "hostname"),
            ("hostname = ''", "hostname"),
            ("log = 'loud'", "log"),
            ("[dns]\nresolvers = ['dns.example']", "dns.resolvers"),
            ("[dns]\nresolvers = ['127.0.0.1:0']", "dns.resolvers"),
            ("[outbound]\nresolvers = ['']", "outbound.resolvers"),
            (
                "[dns]\nresolvers = ['::1','::1','::1','::1','::1','::1','::1','::1','::1']",
                "at most 8",
            ),
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
        assert!(
            lifted.trust_domains
                && !Config::parse("", &ServeFlags::default())
                    .unwrap()
                    .trust_domains
        );
    }
}
