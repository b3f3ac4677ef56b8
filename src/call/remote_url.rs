//! The URL of a server that this one posts to for others, such as an endpoint of a webhook or a
//! token server: read strictly, and refused where it leads to this server or to a network that is
//! not the public internet.
//!
//! A name says nothing of where it leads before it is looked up: its addresses are judged when a
//! connection is made (`public_address.rs`). What can be judged by the text alone is judged here,
//! so that its owner learns of it when it is saved. Notations of an address that only some
//! programs read as one (decimal, octal, hexadecimal, short) are refused in every case.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::host_name::{ends_in_number, is_host_name, is_private_name};
use super::is_public;

/// A URL that was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RemoteUrl {
    /// Over TLS.
    pub is_https: bool,
    /// Where it leads.
    pub host: RemoteHost,
    /// The port, also where it is the usual one.
    pub port: u16,
    /// The path with the query; it begins with `/`.
    pub target: String,
}

/// The host of a URL.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RemoteHost {
    /// A name in ASCII and lower case, without a final dot.
    Name(String),
    /// An address.
    Address(IpAddr),
}

/// Where the URLs of others may lead.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RemoteRules {
    /// Private, loopback and other special addresses are connected to.
    pub allow_private: bool,
    /// `http://` is taken too.
    pub allow_http: bool,
    /// The ports that a URL may name; none is any.
    pub ports: Vec<u16>,
    /// Names of this server: no URL leads to them.
    pub own_names: Vec<String>,
    /// The addresses at which this server listens.
    pub own: Vec<SocketAddr>,
}

impl Default for RemoteRules {
    fn default() -> Self {
        RemoteRules {
            allow_private: false,
            allow_http: false,
            ports: vec![443, 8443],
            own_names: Vec::new(),
            own: Vec::new(),
        }
    }
}

impl RemoteRules {
    /// Whether an address may be connected to. It is asked about the very address that then is.
    pub fn allows(&self, address: SocketAddr) -> bool {
        let is_own = self.own.iter().any(|own| {
            let is_same = own.ip().to_canonical() == address.ip().to_canonical();
            let is_any = own.ip().is_unspecified() && address.ip().to_canonical().is_loopback();
            own.port() == address.port() && (is_same || is_any)
        });
        !is_own && (self.allow_private || is_public(address.ip()))
    }

    /// Why a port is refused: which ones are not.
    fn refuse_port(&self, is_https: bool) -> String {
        let mut allowed = self.ports.clone();
        if !is_https {
            allowed.push(80);
        }
        allowed.sort_unstable();
        allowed.dedup();
        let allowed: Vec<String> = allowed.iter().map(u16::to_string).collect();
        format!(
            "names a port that is not allowed: it may be {}",
            allowed.join(" or ")
        )
    }
}

impl RemoteUrl {
    /// Reads a URL. The error says what is wrong with it, behind "url".
    pub fn parse(text: &str, rules: &RemoteRules) -> Result<RemoteUrl, String> {
        if text.len() > REMOTE_URL_BYTES_MAX {
            return Err("is longer than 2048 octets".into());
        }
        if !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(
                "must be ASCII without spaces: write a name as xn--… and a path with %".into(),
            );
        }
        if text.contains(['\\', '#', '"', '<', '>', '^', '`', '{', '|', '}']) {
            return Err("has a character that a URL does not have, or a fragment".into());
        }
        let (scheme, rest) = text.split_once("://").ok_or("must begin with https://")?;
        let is_https = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" if rules.allow_http => false,
            _ => return Err("must begin with https://".into()),
        };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        if authority.contains('@') {
            return Err("must not have a user or a password".into());
        }
        let (host, port) = split_port(authority)?;
        let port = match port {
            None if is_https => 443,
            None => 80,
            Some(port) => port,
        };
        let is_usual_http = !is_https && port == 80;
        let is_any = rules.ports.is_empty();
        if !is_any && !rules.ports.contains(&port) && !is_usual_http {
            return Err(rules.refuse_port(is_https));
        }
        let host = read_host(host, rules)?;
        if let RemoteHost::Address(address) = host
            && !rules.allows(SocketAddr::new(address, port))
        {
            return Err("leads to a private or special address, or to this server".into());
        }
        let target = match target.starts_with('/') {
            true => target.to_owned(),
            false => format!("/{target}"),
        };
        Ok(RemoteUrl {
            is_https,
            host,
            port,
            target,
        })
    }

    /// The value of Host (RFC 9110 section 7.2).
    pub fn authority(&self) -> String {
        let host = match &self.host {
            RemoteHost::Name(name) => name.clone(),
            RemoteHost::Address(IpAddr::V4(address)) => address.to_string(),
            RemoteHost::Address(IpAddr::V6(address)) => format!("[{address}]"),
        };
        match (self.is_https, self.port) {
            (true, 443) | (false, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }

    /// The name that a certificate must have.
    pub fn name(&self) -> String {
        match &self.host {
            RemoteHost::Name(name) => name.clone(),
            RemoteHost::Address(address) => address.to_string(),
        }
    }
}

/// Takes the port off an authority. An empty one is refused: programs differ about it.
fn split_port(authority: &str) -> Result<(&str, Option<u16>), &'static str> {
    let behind = authority.rfind(']').map_or(0, |at| at + 1);
    let Some(colon) = authority.get(behind..).and_then(|rest| rest.find(':')) else {
        return Ok((authority, None));
    };
    let (host, port) = authority.split_at(behind + colon);
    let digits = port.get(1..).unwrap_or_default();
    let is_number = (1..=5).contains(&digits.len())
        && !digits.starts_with('0')
        && digits.bytes().all(|b| b.is_ascii_digit());
    let port = is_number.then(|| digits.parse().ok()).flatten();
    match port {
        Some(port) if port > 0 => Ok((host, Some(port))),
        _ => Err("has a port that is no number from 1 to 65535"),
    }
}

fn read_host(host: &str, rules: &RemoteRules) -> Result<RemoteHost, &'static str> {
    if let Some(literal) = host.strip_prefix('[') {
        let address: Option<Ipv6Addr> = literal.strip_suffix(']').and_then(|a| a.parse().ok());
        let address = address.ok_or("has an address in brackets that is none")?;
        return Ok(RemoteHost::Address(address.into()));
    }
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    if ends_in_number(&name) {
        let address: Option<Ipv4Addr> = name.parse().ok();
        let address = address.filter(|_| host == name);
        return match address {
            Some(address) => Ok(RemoteHost::Address(address.into())),
            None => Err("has an address that is not four decimal numbers"),
        };
    }
    if !is_host_name(&name, |b| b == b'_') {
        return Err("has a host that is no name and no address");
    }
    let is_own = rules
        .own_names
        .iter()
        .any(|own| own.eq_ignore_ascii_case(&name));
    if is_own {
        return Err("leads to this server");
    }
    if !rules.allow_private && is_private_name(&name) {
        return Err("has a name of a private network");
    }
    Ok(RemoteHost::Name(name))
}

/// Octets of a URL.
pub const REMOTE_URL_BYTES_MAX: usize = 2048;

#[cfg(test)]
#[path = "tests/remote_url.rs"]
mod tests;
