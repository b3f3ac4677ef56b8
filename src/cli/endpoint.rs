//! Where a server is, and a blocking connection to it: the loopback listener of this machine, or
//! the URL of `--url`.
//!
//! A key is sent in clear to a loopback address only. The certificate of an https server is always
//! verified; there is no option that leaves this out.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::path::Path;
use std::time::Duration;

use super::CliError;
use crate::net::{ClientTls, TlsPeer};

/// A connection to a server.
pub trait Stream: Read + Write + Send {}

impl<T: Read + Write + Send> Stream for T {}

/// The place of a server.
#[derive(Clone)]
pub struct Endpoint {
    /// A host name or an address, without brackets.
    host: String,
    port: u16,
    /// What stands before `/api/v1` in every path: empty, or `/mail` behind a proxy.
    prefix: String,
    tls: Option<TlsPeer>,
}

impl Endpoint {
    /// Reads a URL: `https://mail.example.com`, with a port and a path before `/api/v1` where
    /// they are needed. `ca` is a PEM file of authorities to trust besides the public ones.
    pub fn parse(url: &str, ca: Option<&Path>) -> Result<Endpoint, CliError> {
        let place = Place::parse(url).ok_or_else(|| {
            format!("--url {url}: write it as https://mail.example.com or http://localhost:8080")
        })?;
        let tls = match place.is_tls {
            false if !is_loopback(&place.host) => {
                return Err(CliError::Own(format!(
                    "--url {url}: the key would be sent in clear: use https://, or ssh -L and \
                     http://localhost"
                )));
            }
            false => None,
            true => {
                let peer = ClientTls::new(ca)?.verified(&place.host);
                Some(peer.map_err(|error| format!("--url {url}: {error}"))?)
            }
        };
        Ok(Endpoint {
            host: place.host,
            port: place.port,
            prefix: place.prefix,
            tls,
        })
    }

    /// The path in a request.
    pub fn path(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    /// The URL that [`Endpoint::parse`] reads.
    pub fn url(&self) -> String {
        let (scheme, port) = match self.tls {
            Some(_) => ("https", ":443"),
            None => ("http", ":80"),
        };
        let authority = self.authority();
        let place = authority.strip_suffix(port).unwrap_or(&authority);
        format!("{scheme}://{place}{}", self.prefix)
    }

    /// The value of the field Host.
    pub fn authority(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }

    /// A new connection, after the TLS handshake where there is one.
    pub fn connect(&self) -> Result<Box<dyn Stream>, CliError> {
        Ok(self.connect_to_end()?.0)
    }

    /// The same with its socket, by which another thread can end it.
    pub fn connect_to_end(&self) -> Result<(Box<dyn Stream>, TcpStream), CliError> {
        let at = self.authority();
        let fault = |error: io::Error| {
            let remedy = match error.kind() {
                io::ErrorKind::ConnectionRefused => {
                    ": no server listens there; start it with `postern serve`, or correct --url"
                }
                _ => ": see whether the server runs there, and whether --url is right",
            };
            format!("cannot connect to the server on {at}: {error}{remedy}")
        };
        let socket = self.open().map_err(fault)?;
        let end = socket.try_clone().map_err(fault)?;
        match self.tls.clone() {
            None => Ok((Box::new(socket), end)),
            Some(peer) => match peer.over(socket) {
                Ok(stream) => Ok((Box::new(stream), end)),
                Err(error) => Err(CliError::Own(untrusted(&at, &error))),
            },
        }
    }

    /// The first of its addresses that answers.
    fn open(&self) -> io::Result<TcpStream> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        let addresses: Vec<SocketAddr> = (self.host.as_str(), self.port)
            .to_socket_addrs()?
            .take(ADDRESSES_MAX)
            .collect();
        for address in addresses {
            match TcpStream::connect_timeout(&address, CONNECT) {
                Ok(socket) => {
                    socket.set_read_timeout(Some(SILENCE))?;
                    socket.set_write_timeout(Some(SILENCE))?;
                    socket.set_nodelay(true)?;
                    return Ok(socket);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

/// The reason of a failed handshake, with the remedy.
fn untrusted(at: &str, error: &io::Error) -> String {
    let text = error.to_string();
    let remedy = if text.contains("UnknownIssuer") {
        ": no authority that is trusted here has signed the certificate; name the server's CA with \
         --ca FILE (`tls/ca.pem` in its data folder)"
    } else if text.contains("not valid for name") {
        ": use a host name of the certificate in --url"
    } else {
        ""
    };
    format!("TLS with the server on {at} failed: {text}{remedy}")
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<IpAddr>()
            .is_ok_and(|ip| ip.to_canonical().is_loopback())
}

/// The parts of a URL.
#[derive(PartialEq, Eq, Debug)]
struct Place {
    is_tls: bool,
    host: String,
    port: u16,
    prefix: String,
}

impl Place {
    /// `None` where the text is no URL of a server. A `/api/v1` at its end is taken off.
    fn parse(url: &str) -> Option<Place> {
        let (scheme, rest) = url.trim().split_once("://")?;
        let is_tls = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let prefix = path.trim_end_matches('/');
        let prefix = prefix.strip_suffix("/api/v1").unwrap_or(prefix);
        let is_plain = |text: &str| {
            text.bytes()
                .all(|b| b.is_ascii_graphic() && !b"@?#\\\"<>".contains(&b))
        };
        if !is_plain(authority) || !is_plain(prefix) {
            return None;
        }
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => {
                let (host, rest) = rest.split_once(']')?;
                host.parse::<core::net::Ipv6Addr>().ok()?;
                (
                    host,
                    if rest.is_empty() {
                        None
                    } else {
                        Some(rest.strip_prefix(':')?)
                    },
                )
            }
            None => match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        let port = match port {
            Some(port) if port.bytes().all(|b| b.is_ascii_digit()) => port.parse().ok()?,
            Some(_) => return None,
            None if is_tls => 443,
            None => 80,
        };
        (!host.is_empty() && port != 0).then(|| Place {
            is_tls,
            host: host.to_owned(),
            port,
            prefix: prefix.to_owned(),
        })
    }
}

/// How long one address may take to answer.
const CONNECT: Duration = Duration::from_secs(10);
/// The longest silence: streams have a heartbeat every 15 seconds.
const SILENCE: Duration = Duration::from_secs(60);
/// How many addresses of a name are tried.
const ADDRESSES_MAX: usize = 8;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn urls_are_read() {
        for (url, is_tls, host, port, prefix) in [
            (
                "https://mail.example.com",
                true,
                "mail.example.com",
                443,
                "",
            ),
            (
                "HTTPS://mail.example.com/",
                true,
                "mail.example.com",
                443,
                "",
            ),
            (
                "https://a.example:8443/api/v1/",
                true,
                "a.example",
                8443,
                "",
            ),
            (
                "https://a.example/mail/api/v1",
                true,
                "a.example",
                443,
                "/mail",
            ),
            ("http://127.0.0.1:8080", false, "127.0.0.1", 8080, ""),
            ("http://localhost", false, "localhost", 80, ""),
            ("https://[2001:db8::1]:8443", true, "2001:db8::1", 8443, ""),
            ("http://[::1]", false, "::1", 80, ""),
        ] {
            let place = Place::parse(url).unwrap();
            let wanted = Place {
                is_tls,
                host: host.into(),
                port,
                prefix: prefix.into(),
            };
            assert_eq!(place, wanted, "{url}");
        }
        for url in [
            "",
            "mail.example.com",
            "localhost:8080",
            "ftp://a.example",
            "https://",
            "https://:443",
            "https://a.example:0",
            "https://a.example:65536",
            "https://a.example:+1",
            "https://a:b:c",
            "https://user:secret@a.example",
            "https://a.example/?x=1",
            "https://a.example/\r\nX: y",
            "https://a b",
            "https://[::1",
            "https://[nonsense]",
        ] {
            assert_eq!(Place::parse(url), None, "{url}");
        }
    }

    #[test]
    fn a_key_goes_in_clear_to_this_machine_only() {
        for url in [
            "http://127.0.0.1:8080",
            "http://[::1]:8080",
            "http://LOCALHOST",
        ] {
            assert!(Endpoint::parse(url, None).is_ok(), "{url}");
        }
        for url in [
            "http://10.0.0.1",
            "http://mail.example.com",
            "http://localhost.example",
        ] {
            let Err(CliError::Own(why)) = Endpoint::parse(url, None) else {
                panic!("{url} was taken");
            };
            assert!(why.contains("https://"), "{why}");
        }
    }

    #[test]
    fn a_url_is_what_was_read() {
        for url in [
            "https://a.example/mail",
            "http://[::1]:8080",
            "https://a.example:8443",
        ] {
            let endpoint = Endpoint::parse(url, None).unwrap_or_else(|e| panic!("{e:?}"));
            assert_eq!(endpoint.url(), url);
        }
    }

    #[test]
    fn a_host_field_names_the_port_and_brackets() {
        for (url, authority) in [
            ("http://localhost:8080", "localhost:8080"),
            ("http://[::1]:8080", "[::1]:8080"),
        ] {
            let endpoint = Endpoint::parse(url, None).unwrap_or_else(|e| panic!("{e:?}"));
            assert_eq!(endpoint.authority(), authority);
        }
    }
}
