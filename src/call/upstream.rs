//! Accounts of inboxes that live elsewhere, as plain data: what a client gives, and what it is
//! shown. Secrets go in and never come out.
//!
//! `upstream_sync.rs` has the words of the connection to the server of an account.

// A field that needs no more than its name has no line of its own.
#![allow(missing_docs)]

use core::net::IpAddr;

use super::host_name::{ends_in_number, is_host_name, is_private_name};
use super::{RemoteRules, RemoteUrl, Secret, UpstreamTls};

impl UpstreamTls {
    /// Their names in the API, in the order of the variants.
    pub const NAMES: &'static [&'static str] = &["implicit", "starttls"];

    /// Its name in the API.
    pub fn name(self) -> &'static str {
        Self::NAMES.get(self as usize).copied().unwrap_or_default()
    }

    /// The one with this name.
    pub fn named(name: &str) -> Option<UpstreamTls> {
        match name {
            "implicit" => Some(UpstreamTls::Implicit),
            "starttls" => Some(UpstreamTls::StartTls),
            _ => None,
        }
    }
}

/// What a client gives of an account. For a new one `host`, `port`, `tls`, `user` and one of
/// `password` and `oauth` are needed; for a change what is absent stays.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UpstreamPatch {
    /// The IMAP server.
    pub host: Option<String>,
    pub port: Option<u16>,
    pub tls: Option<UpstreamTls>,
    pub user: Option<String>,
    pub password: Option<Secret>,
    /// In place of a password.
    pub oauth: Option<Box<NewUpstreamOAuth>>,
    /// The address of the inbox, where it is not `user`. It does not change.
    pub address: Option<String>,
    /// `Some(None)`: nothing is sent.
    pub smtp: Option<Option<Box<NewUpstreamSmtp>>>,
}

/// How an account gets access tokens (RFC 6749 section 6).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewUpstreamOAuth {
    pub token_url: String,
    pub client_id: String,
    /// `None`: a public client.
    pub client_secret: Option<Secret>,
    pub refresh_token: Secret,
}

/// The server by which an account sends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewUpstreamSmtp {
    pub host: String,
    pub port: u16,
    pub tls: UpstreamTls,
    /// `None` is that of the account.
    pub user: Option<String>,
    /// `None` is what the account logs in with.
    pub password: Option<Secret>,
}

/// An account as it is shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UpstreamRow {
    pub host: String,
    pub port: u16,
    pub tls: UpstreamTls,
    pub user: String,
    /// `None`: it logs in with a password.
    pub oauth: Option<UpstreamOAuthRow>,
    /// `None`: nothing is sent.
    pub smtp: Option<UpstreamSmtpRow>,
    pub state: UpstreamState,
    /// Why it fails.
    pub error: Option<String>,
    /// Since when the state holds, unix milliseconds.
    pub since: i64,
}

/// How an account gets access tokens, without its secrets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UpstreamOAuthRow {
    pub token_url: String,
    pub client_id: String,
}

/// The server by which an account sends, without the password.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UpstreamSmtpRow {
    pub host: String,
    pub port: u16,
    pub tls: UpstreamTls,
    /// `None` is that of the account.
    pub user: Option<String>,
    /// It has a password of its own.
    pub has_password: bool,
}

/// How it stands with the connection of an account. The number is what is stored.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum UpstreamState {
    /// No connection is wanted: no client listens.
    Idle = 0,
    Connecting = 1,
    Connected = 2,
    /// It is tried again later, or its owner has to change something: the error says which.
    Failing = 3,
}

impl UpstreamState {
    /// Their names in the API, by number.
    pub const NAMES: &'static [&'static str] = &["idle", "connecting", "connected", "failing"];

    /// Its name in the API.
    pub fn name(self) -> &'static str {
        Self::NAMES.get(self as usize).copied().unwrap_or_default()
    }

    /// The one with this number.
    pub fn load(stored: i64) -> Option<UpstreamState> {
        Some(match stored {
            0 => UpstreamState::Idle,
            1 => UpstreamState::Connecting,
            2 => UpstreamState::Connected,
            3 => UpstreamState::Failing,
            _ => return None,
        })
    }
}

/// Accounts elsewhere: the table `upstream` of the configuration.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct UpstreamSettings {
    /// Private, loopback and other special addresses, and any port, are connected to.
    pub allow_private: bool,
}

impl UpstreamSettings {
    /// Reads the host of a server: a name in ASCII and lower case, or an address where private
    /// networks are allowed. Its addresses are judged when a connection is made. The error
    /// completes a sentence that begins with the name of the field.
    pub fn read_host(self, text: &str) -> Result<String, &'static str> {
        let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
        if let Ok(address) = bare.unwrap_or(text).parse::<IpAddr>() {
            return match self.allow_private {
                true => Ok(address.to_string()),
                false => Err("must be a name and not an address"),
            };
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        if !is_host_name(&name, |_| false) {
            return Err("is no name of a host (write an international name as xn--…)");
        }
        if ends_in_number(&name) {
            return Err("must be a name and not an address");
        }
        match is_private_name(&name) && !self.allow_private {
            true => Err("is a name of a private network"),
            false => Ok(name),
        }
    }

    /// Reads the URL of a token server, which is https. The error completes a sentence that begins
    /// with the name of the field.
    pub fn read_token_url(self, text: &str) -> Result<RemoteUrl, String> {
        RemoteUrl::parse(text, &self.token_rules())
    }

    /// Where token servers may be: the same rules as for webhooks.
    pub fn token_rules(self) -> RemoteRules {
        let mut rules = RemoteRules {
            allow_private: self.allow_private,
            ..RemoteRules::default()
        };
        if self.allow_private {
            rules.ports.clear();
        }
        rules
    }

    /// Checks a port against the usual ones of its protocol.
    pub fn check_port(self, port: u16, usual: &[u16]) -> Result<(), String> {
        if self.allow_private || usual.contains(&port) {
            return Ok(());
        }
        let all: Vec<String> = usual.iter().map(u16::to_string).collect();
        Err(format!("must be one of {}", all.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn hosts_are_names_unless_private_networks_are_allowed() {
        let (strict, private) = (
            UpstreamSettings::default(),
            UpstreamSettings {
                allow_private: true,
            },
        );
        assert_eq!(
            strict.read_host("IMAP.Example.com.").unwrap(),
            "imap.example.com"
        );
        for host in [
            "localhost",
            "mail",
            "x.local",
            "a.internal",
            "1.0.0.127.in-addr.arpa",
        ] {
            assert_eq!(
                strict.read_host(host),
                Err("is a name of a private network"),
                "{host}"
            );
            assert_eq!(private.read_host(host).unwrap(), host);
        }
        for host in ["127.0.0.1", "[::1]", "::1", "192.0.2.1"] {
            assert_eq!(
                strict.read_host(host),
                Err("must be a name and not an address")
            );
            assert!(private.read_host(host).is_ok(), "{host}");
        }
        for host in ["127.1", "0x7f000001", "2130706433", "x.0x1", "127.0.0.1."] {
            assert_eq!(
                private.read_host(host),
                Err("must be a name and not an address"),
                "{host}"
            );
        }
        for host in [
            "", ".", "a..b", "-a.b", "a b.c", "a/b.c", "a@b.c", "ü.de", "a:1",
        ] {
            assert!(private.read_host(host).is_err(), "{host}");
        }
    }
}
