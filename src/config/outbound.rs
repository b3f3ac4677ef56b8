//! The table `outbound` of the configuration: how mail leaves.
//!
//! It is read and checked here and obeyed by the service. A value that cannot be meant is an error
//! that names the setting. The certificates of `ca` are read by the net.

use core::net::IpAddr;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::call::{
    OutboundDomain, OutboundLogin, OutboundSettings, OutboundTlsNeed, Secret, Smarthost,
    SmarthostTls,
};

/// As the file has it.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub(super) struct OutboundConfig {
    /// The older name of `dns.resolvers`.
    pub(super) resolvers: Vec<String>,
    smarthost: Option<String>,
    smarthost_tls: Option<String>,
    smarthost_user: Option<String>,
    smarthost_password_file: Option<PathBuf>,
    ca: Option<PathBuf>,
    port: Option<u16>,
    allow_private: bool,
    helo: Option<String>,
    bind: Vec<String>,
    retry: Option<Vec<String>>,
    expire: Option<String>,
    delay_notice: Option<String>,
    connect_timeout: Option<String>,
    command_timeout: Option<String>,
    data_timeout: Option<String>,
    host_connections: Option<usize>,
    tls: Option<String>,
    domains: BTreeMap<String, DomainConfig>,
}

/// As the file has it for one domain.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct DomainConfig {
    tls: Option<String>,
    smarthost: Option<String>,
    smarthost_tls: Option<String>,
    smarthost_user: Option<String>,
    smarthost_password_file: Option<PathBuf>,
}

/// The checked table.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OutboundTable {
    /// What the service obeys. `own` is filled in when the listeners are open.
    pub settings: OutboundSettings,
    /// A PEM file of authorities that are trusted beside webpki-roots.
    pub ca: Option<PathBuf>,
}

impl OutboundConfig {
    /// Checks everything; the error names the setting.
    pub(super) fn read(self) -> Result<OutboundTable, String> {
        let mut settings = OutboundSettings {
            smarthost: smarthost(
                "outbound.",
                self.smarthost,
                self.smarthost_tls,
                self.smarthost_user,
                self.smarthost_password_file,
            )?,
            ..OutboundSettings::default()
        };
        if let Some(word) = self.tls {
            settings.tls = tls_need("outbound.tls", &word)?;
        }
        for (name, domain) in self.domains {
            let field = format!("outbound.domains.\"{name}\".");
            let name = super::name("outbound.domains", Some(name), "")?;
            let tls = domain.tls.as_deref();
            let domain = OutboundDomain {
                tls: tls
                    .map(|word| tls_need(&format!("{field}tls"), word))
                    .transpose()?,
                smarthost: smarthost(
                    &field,
                    domain.smarthost,
                    domain.smarthost_tls,
                    domain.smarthost_user,
                    domain.smarthost_password_file,
                )?,
            };
            settings.domains.insert(name, domain);
        }
        if let Some(helo) = self.helo {
            settings.helo = Some(super::name("outbound.helo", Some(helo), "")?);
        }
        settings.bind = addresses(&self.bind)?;
        settings.allow_private = self.allow_private;
        if let Some(port) = self.port {
            settings.port = positive("outbound.port", port)?;
        }
        if let Some(most) = self.host_connections {
            settings.host_connections = positive("outbound.host_connections", most)?;
        }
        if let Some(words) = self.retry {
            let all = words
                .iter()
                .map(|word| milliseconds("outbound.retry", word));
            settings.retry_ms = all.collect::<Result<_, _>>()?;
            if settings.retry_ms.is_empty() || settings.retry_ms.len() > RETRIES_MAX {
                return Err(format!(
                    "outbound.retry: give 1 to {RETRIES_MAX} times, as [\"1m\", \"5m\", \"1h\"]"
                ));
            }
        }
        for (field, word, place) in [
            ("expire", self.expire, &mut settings.expire_ms),
            (
                "delay_notice",
                self.delay_notice,
                &mut settings.delay_notice_ms,
            ),
            (
                "connect_timeout",
                self.connect_timeout,
                &mut settings.timeouts.connect_ms,
            ),
            (
                "command_timeout",
                self.command_timeout,
                &mut settings.timeouts.command_ms,
            ),
            (
                "data_timeout",
                self.data_timeout,
                &mut settings.timeouts.data_ms,
            ),
        ] {
            if let Some(word) = word {
                *place = milliseconds(&format!("outbound.{field}"), &word)?;
            }
        }
        Ok(OutboundTable {
            settings,
            ca: self.ca,
        })
    }
}

/// A smarthost with its TLS and its account. `field` is the table with a dot.
fn smarthost(
    field: &str,
    place: Option<String>,
    tls: Option<String>,
    user: Option<String>,
    password: Option<PathBuf>,
) -> Result<Option<Smarthost>, String> {
    let Some(place) = place else {
        let lonely = tls.is_some() || user.is_some() || password.is_some();
        return match lonely {
            true => Err(format!("{field}smarthost is missing")),
            false => Ok(None),
        };
    };
    let wrong = || {
        format!(
            "{field}smarthost = \"{place}\": give a host and a port, as \"smtp.example.net:587\""
        )
    };
    let (host, port) = place.rsplit_once(':').ok_or_else(wrong)?;
    let port: u16 = port.parse().ok().filter(|n| *n > 0).ok_or_else(wrong)?;
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    let bare = bare.unwrap_or(host);
    let ip: Option<IpAddr> = bare.parse().ok();
    let host = match ip {
        Some(ip) => ip.to_string(),
        None => super::name(&format!("{field}smarthost"), Some(host.into()), "")?,
    };
    let is_loopback = ip.is_some_and(|ip| ip.to_canonical().is_loopback());
    let tls = match tls.as_deref() {
        None | Some("starttls") => SmarthostTls::StartTls,
        Some("implicit") => SmarthostTls::Implicit,
        Some("none") if is_loopback => SmarthostTls::None,
        Some("none") => {
            return Err(format!(
                "{field}smarthost_tls = \"none\" is for a loopback address only, as 127.0.0.1:25"
            ));
        }
        Some(word) => {
            return Err(format!(
                "{field}smarthost_tls = \"{word}\": one of starttls, implicit, none"
            ));
        }
    };
    let login = match (user, password) {
        (None, None) => None,
        (Some(user), Some(file)) => Some(OutboundLogin {
            user: line(&format!("{field}smarthost_user"), user)?,
            secret: password_of(&format!("{field}smarthost_password_file"), &file)?,
            is_token: false,
        }),
        (Some(_), None) => {
            return Err(format!(
                "{field}smarthost_user needs {field}smarthost_password_file beside it"
            ));
        }
        (None, Some(_)) => {
            return Err(format!(
                "{field}smarthost_password_file needs {field}smarthost_user beside it"
            ));
        }
    };
    Ok(Some(Smarthost {
        host,
        port,
        tls,
        login,
    }))
}

/// The first line of the file.
fn password_of(field: &str, file: &Path) -> Result<Secret, String> {
    let fault = |error: &dyn core::fmt::Display| format!("{field}: {}: {error}", file.display());
    let text = fs::read_to_string(file).map_err(|error| fault(&error))?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    // The message of neither mechanism may hold them (RFC 4616 section 2).
    line(field, text.to_owned())
        .map(Secret::new)
        .map_err(|_| fault(&"it must have one line of 1 to 1000 octets"))
}

/// Text that goes into an exchange of AUTH.
fn line(field: &str, text: String) -> Result<String, String> {
    let fits = (1..=1000).contains(&text.len()) && !text.chars().any(char::is_control);
    match fits {
        true => Ok(text),
        false => Err(format!(
            "{field}: give 1 to 1000 octets without control characters"
        )),
    }
}

fn tls_need(field: &str, word: &str) -> Result<OutboundTlsNeed, String> {
    match word {
        "opportunistic" => Ok(OutboundTlsNeed::Opportunistic),
        "required" => Ok(OutboundTlsNeed::Required),
        _ => Err(format!(
            "{field} = \"{word}\": one of opportunistic, required"
        )),
    }
}

/// At most one address of each family.
fn addresses(texts: &[String]) -> Result<Vec<IpAddr>, String> {
    let mut found: Vec<IpAddr> = Vec::new();
    for text in texts {
        let ip: IpAddr = text.parse().map_err(|_| {
            format!("outbound.bind = \"{text}\": give an address of this machine, as 192.0.2.5")
        })?;
        if found.iter().any(|other| other.is_ipv4() == ip.is_ipv4()) {
            return Err("outbound.bind: at most one IPv4 and one IPv6 address".into());
        }
        found.push(ip);
    }
    Ok(found)
}

fn positive<N: Default + PartialEq>(field: &str, number: N) -> Result<N, String> {
    match number == N::default() {
        true => Err(format!("{field} = 0: it must be at least 1")),
        false => Ok(number),
    }
}

/// `90s`, `5m`, `4h`, `3d`.
pub(super) fn milliseconds(field: &str, text: &str) -> Result<u64, String> {
    let wrong =
        || format!("{field} = \"{text}\": give a time, as \"90s\", \"5m\", \"4h\" or \"3d\"");
    let end = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at_checked(end).ok_or_else(wrong)?;
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let unit = match unit {
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(wrong()),
    };
    let ms = number.checked_mul(unit).ok_or_else(wrong)?;
    match (1..=TIME_MS_MAX).contains(&ms) {
        true => Ok(ms),
        false => Err(wrong()),
    }
}

/// More than three days need.
const RETRIES_MAX: usize = 64;
/// Thirty days.
const TIME_MS_MAX: u64 = 30 * 86_400_000;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parse(text: &str) -> Result<OutboundTable, String> {
        let config: OutboundConfig = toml::from_str(text).map_err(|error| error.to_string())?;
        config.read()
    }

    #[test]
    fn nothing_is_needed() {
        assert_eq!(parse("").unwrap(), OutboundTable::default());
    }

    #[test]
    fn a_table_says_it_all() {
        let file = std::env::temp_dir().join(format!("postern-password-{}", std::process::id()));
        fs::write(&file, "pass word\r\n").unwrap();
        let text = format!(
            "smarthost = 'SMTP.example.net:465'\nsmarthost_tls = 'implicit'\nsmarthost_user = 'u'\n\
             smarthost_password_file = '{}'\nca = 'ca.pem'\nport = 2525\nallow_private = true\n\
             helo = 'Mail.example.com'\nbind = ['192.0.2.5', '2001:db8::5']\nretry = ['1m', '2h']\n\
             expire = '3d'\ndelay_notice = '90s'\nconnect_timeout = '5s'\ncommand_timeout = '6s'\n\
             data_timeout = '7s'\nhost_connections = 3\ntls = 'required'\n\
             [domains.'Example.org']\ntls = 'opportunistic'\nsmarthost = '127.0.0.1:25'\n\
             smarthost_tls = 'none'\n",
            file.display()
        );
        let table = parse(&text).unwrap();
        fs::remove_file(&file).unwrap();
        let settings = table.settings;
        let smarthost = settings.smarthost.unwrap();
        assert_eq!(
            (smarthost.host.as_str(), smarthost.port),
            ("smtp.example.net", 465)
        );
        assert_eq!(smarthost.tls, SmarthostTls::Implicit);
        let login = smarthost.login.unwrap();
        assert_eq!(
            (login.user.as_str(), login.secret.expose()),
            ("u", &b"pass word"[..])
        );
        assert_eq!(table.ca, Some("ca.pem".into()));
        assert_eq!((settings.port, settings.allow_private), (2525, true));
        assert_eq!(settings.helo.as_deref(), Some("mail.example.com"));
        assert_eq!((settings.bind.len(), settings.host_connections), (2, 3));
        assert_eq!(settings.retry_ms, [60_000, 7_200_000]);
        assert_eq!(
            (settings.expire_ms, settings.delay_notice_ms),
            (259_200_000, 90_000)
        );
        assert_eq!(settings.timeouts.connect_ms, 5_000);
        assert_eq!(settings.timeouts.command_ms, 6_000);
        assert_eq!(settings.timeouts.data_ms, 7_000);
        assert_eq!(settings.tls, OutboundTlsNeed::Required);
        let domain = settings.domains.get("example.org").unwrap();
        assert_eq!(domain.tls, Some(OutboundTlsNeed::Opportunistic));
        let host = domain.smarthost.as_ref().unwrap();
        assert_eq!(
            (host.host.as_str(), host.tls),
            ("127.0.0.1", SmarthostTls::None)
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, said) in [
            ("smarthost = 'smtp.example.net'", "outbound.smarthost"),
            ("smarthost = 'smtp.example.net:0'", "outbound.smarthost"),
            ("smarthost = ':25'", "outbound.smarthost"),
            ("smarthost_user = 'u'", "outbound.smarthost is missing"),
            (
                "smarthost = 'x.test:25'\nsmarthost_tls = 'none'",
                "loopback",
            ),
            (
                "smarthost = 'x.test:25'\nsmarthost_tls = 'ssl'",
                "smarthost_tls",
            ),
            (
                "smarthost = 'x.test:25'\nsmarthost_user = 'u'",
                "password_file",
            ),
            (
                "smarthost = 'x.test:25'\nsmarthost_password_file = '/none'",
                "smarthost_user",
            ),
            (
                "smarthost = 'x.test:25'\nsmarthost_user = 'u'\nsmarthost_password_file = '/no/x'",
                "/no/x",
            ),
            ("tls = 'none'", "outbound.tls"),
            ("port = 0", "outbound.port"),
            ("host_connections = 0", "outbound.host_connections"),
            ("retry = []", "outbound.retry"),
            ("retry = ['0s']", "outbound.retry"),
            ("expire = '31d'", "outbound.expire"),
            ("delay_notice = '5'", "outbound.delay_notice"),
            ("data_timeout = '1w'", "outbound.data_timeout"),
            ("bind = ['localhost']", "outbound.bind"),
            ("bind = ['192.0.2.1', '192.0.2.2']", "at most one"),
            (
                "[domains.'x.test']\ntls = 'no'",
                "outbound.domains.\"x.test\".tls",
            ),
            ("[domains.'a b']", "outbound.domains"),
            ("helo = 'a b'", "outbound.helo"),
            ("smart = 1", "smart"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
