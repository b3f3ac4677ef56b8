//! The server's side of TLS: one certificate for all listeners, and the settings of each.
//!
//! It moves no byte (`pump` does) and reads no file (`net/cert.rs` does).

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::client::verify_server_name;
use rustls::crypto::ring as provider;
use rustls::pki_types::ServerName;
use rustls::server::{
    ClientHello, NoServerSessionStorage, ParsedCertificate, ProducesTickets, ResolvesServerCert,
    UnbufferedServerConnection,
};
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use super::date::RustlsClock;
use super::pump::{Broken, Side, Tls};
use crate::call::Listener;
use crate::config::UnknownSni;

impl Tls {
    /// The server's end: waits for a ClientHello.
    pub fn accept(config: Arc<ServerConfig>) -> Result<Self, Broken> {
        Ok(Tls::new(Side::Server(UnbufferedServerConnection::new(
            config,
        )?)))
    }
}

/// The one certificate, for the names that are ours.
#[derive(Debug)]
struct CertificateByName {
    key: Arc<CertifiedKey>,
    /// The server's own name; the others are in the certificate.
    host: String,
}

impl ResolvesServerCert for CertificateByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // A client that sends no name has connected to an address.
        let is_ours = hello
            .server_name()
            .is_none_or(|name| name == LOCALHOST || name == self.host || self.certifies(name));
        is_ours.then(|| Arc::clone(&self.key))
    }
}

impl CertificateByName {
    /// Whether the certificate is for `name`, by a wildcard or in full. Parsing it anew costs
    /// microseconds beside the handshake's hundreds, and keeps nothing.
    fn certifies(&self, name: &str) -> bool {
        let (Ok(name), Ok(leaf)) = (ServerName::try_from(name), self.key.end_entity_cert()) else {
            return false;
        };
        ParsedCertificate::try_from(leaf).is_ok_and(|leaf| verify_server_name(&leaf, &name).is_ok())
    }
}

/// The TLS configurations of all listeners: one certificate, one ALPN name a protocol.
#[derive(Clone)]
pub struct TlsListeners {
    mx: Arc<ServerConfig>,
    smtp: Arc<ServerConfig>,
    imap: Arc<ServerConfig>,
    http: Arc<ServerConfig>,
}

impl TlsListeners {
    /// For one certificate and the server's own name. `tickets` outlives a change of
    /// certificate, so that clients can resume across it.
    pub(in crate::net) fn new(
        key: Arc<CertifiedKey>,
        host: &str,
        unknown: UnknownSni,
        tickets: &Arc<dyn ProducesTickets>,
    ) -> Result<Self, rustls::Error> {
        let any_name: Arc<dyn ResolvesServerCert> =
            Arc::new(SingleCertAndKey::from(Arc::clone(&key)));
        let host = host.to_owned();
        let own_names: Arc<dyn ResolvesServerCert> = match unknown {
            UnknownSni::Refuse => Arc::new(CertificateByName { key, host }),
            UnknownSni::Serve => Arc::clone(&any_name),
        };
        let listener = |name: &[u8], resolver: &Arc<dyn ResolvesServerCert>| {
            let provider = Arc::new(provider::default_provider());
            let mut config = ServerConfig::builder_with_provider(provider)
                .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
                .with_no_client_auth()
                .with_cert_resolver(Arc::clone(resolver));
            // A client that offers ALPN without our name wants another protocol (ALPACA);
            // rustls then answers no_application_protocol. "smtp" has no registration, so
            // that no client offers it by mistake.
            config.alpn_protocols = vec![name.to_vec()];
            // Stateless tickets: resumption without memory on our side.
            config.ticketer = Arc::clone(tickets);
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = TICKETS;
            config.time_provider = Arc::new(RustlsClock);
            Ok::<_, rustls::Error>(Arc::new(config))
        };
        Ok(TlsListeners {
            // A server that sends mail names the MX host by any alias that its DNS has. Where
            // it is refused it goes on in clear, or defers.
            mx: listener(b"smtp", &any_name)?,
            smtp: listener(b"smtp", &own_names)?,
            imap: listener(b"imap", &own_names)?,
            http: listener(b"http/1.1", &own_names)?,
        })
    }

    /// The configuration of a listener, for implicit TLS and STARTTLS alike; plain HTTP has
    /// none.
    pub(in crate::net) fn of(&self, listener: Listener) -> Option<Arc<ServerConfig>> {
        match listener {
            Listener::Mx => Some(Arc::clone(&self.mx)),
            Listener::Submission | Listener::Submissions => Some(Arc::clone(&self.smtp)),
            Listener::Imap | Listener::Imaps => Some(Arc::clone(&self.imap)),
            Listener::Https => Some(Arc::clone(&self.http)),
            Listener::Http => None,
        }
    }
}

/// Served with every certificate: a client that asks for it is on this machine.
const LOCALHOST: &str = "localhost";
/// Clients that open several connections at once use one ticket each.
const TICKETS: usize = 2;

#[cfg(test)]
pub(in crate::net) mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::{Read, Write};

    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;
    use rustls::{ClientConfig, ClientConnection, RootCertStore};

    use super::super::Cipher;
    use super::*;
    use crate::dir::DirHandle;

    pub(in crate::net) fn listeners(name: &str) -> (TlsListeners, RootCertStore) {
        let folder =
            std::env::temp_dir().join(format!("postern-tls-{name}-{}", std::process::id()));
        let unknown = UnknownSni::Refuse;
        let now = 1_800_000_000_000;
        let made = super::super::super::cert::provide(&folder, None, "mx.test", unknown, now);
        let made = made.unwrap();
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_file(made.ca.as_ref().unwrap()).unwrap())
            .unwrap();
        let listeners = made.load().unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        (listeners, roots)
    }

    fn client(roots: &RootCertStore, alpn: &[u8]) -> ClientConnection {
        client_of("localhost", roots, alpn)
    }

    fn client_of(name: &'static str, roots: &RootCertStore, alpn: &[u8]) -> ClientConnection {
        let config = client_config(roots, alpn, rustls::ALL_VERSIONS);
        ClientConnection::new(config, name.try_into().unwrap()).unwrap()
    }

    fn client_config(
        roots: &RootCertStore,
        alpn: &[u8],
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> Arc<ClientConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots.clone())
            .with_no_client_auth();
        if !alpn.is_empty() {
            config.alpn_protocols = vec![alpn.to_vec()];
        }
        // The certificate's dates are those of the test, not of the machine.
        config.time_provider = Arc::new(Then);
        Arc::new(config)
    }

    #[derive(Debug)]
    struct Then;

    impl rustls::time_provider::TimeProvider for Then {
        fn current_time(&self) -> Option<rustls::pki_types::UnixTime> {
            let since = std::time::Duration::from_secs(1_800_000_100);
            Some(rustls::pki_types::UnixTime::since_unix_epoch(since))
        }
    }

    /// A server with its socket's place taken by two byte vectors.
    struct Server {
        tls: Tls,
        cipher: Cipher,
        plain: Vec<u8>,
    }

    impl Server {
        fn new(listeners: &TlsListeners, listener: Listener) -> Self {
            Server {
                tls: Tls::accept(listeners.of(listener).unwrap()).unwrap(),
                cipher: Cipher::new(),
                plain: Vec::new(),
            }
        }

        fn take(&mut self, bytes: &[u8]) -> Result<(), Broken> {
            let mut input = [self.tls.tail(), bytes].concat();
            let plain = &mut self.plain;
            self.tls.read(&mut input, &mut self.cipher, &mut |bytes| {
                plain.extend_from_slice(bytes);
            })
        }
    }

    /// Carries bytes between the two, `cut` at a time, until neither has any.
    fn carry(client: &mut ClientConnection, server: &mut Server, cut: usize) -> Result<(), Broken> {
        loop {
            let mut bytes = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut bytes).unwrap();
            }
            let quiet = bytes.is_empty() && server.cipher.is_empty();
            let mut result = Ok(());
            for piece in bytes.chunks(cut) {
                result = server.take(piece);
                if result.is_err() {
                    break;
                }
            }
            let mut back = server.cipher.bytes();
            while !back.is_empty() {
                client.read_tls(&mut back).unwrap();
                let _ = client.process_new_packets();
            }
            server.cipher.clear();
            result?;
            if quiet {
                return Ok(());
            }
        }
    }

    #[test]
    fn talks_whatever_the_cut() {
        let (listeners, roots) = listeners("cut");
        for cut in [1, 7, 1000, 100_000] {
            let mut client = client(&roots, b"imap");
            let mut server = Server::new(&listeners, Listener::Imaps);
            carry(&mut client, &mut server, cut).unwrap();
            assert!(!server.tls.is_handshaking() && !client.is_handshaking());
            let long = vec![b'x'; 40_000];
            client.writer().write_all(&long).unwrap();
            carry(&mut client, &mut server, cut).unwrap();
            assert_eq!(server.plain, long);
            assert!(
                server.tls.tail.capacity() == 0,
                "idle connections own no buffer"
            );
            server.tls.write(&long, &mut server.cipher).unwrap();
            let mut heard = Vec::new();
            let mut back = server.cipher.bytes();
            while !back.is_empty() {
                client.read_tls(&mut back).unwrap();
                client.process_new_packets().unwrap();
                let mut some = [0; 65_536];
                while let Ok(n @ 1..) = client.reader().read(&mut some) {
                    heard.extend_from_slice(&some[..n]);
                }
            }
            assert_eq!(heard, long);
        }
    }

    #[test]
    fn writes_while_half_a_record_is_kept() {
        let (listeners, roots) = listeners("half");
        let mut client = client(&roots, b"");
        let mut server = Server::new(&listeners, Listener::Imaps);
        carry(&mut client, &mut server, 4096).unwrap();
        // A key update in two pieces with a reply of ours between them: rustls has looked
        // at the first piece and indexes into it.
        client.refresh_traffic_keys().unwrap();
        client.writer().write_all(b"after").unwrap();
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes).unwrap();
        }
        for piece in bytes.chunks(9) {
            server.take(piece).unwrap();
            server.tls.write(b"reply", &mut server.cipher).unwrap();
        }
        assert_eq!(server.plain, b"after");
        let mut back = server.cipher.bytes();
        while !back.is_empty() {
            client.read_tls(&mut back).unwrap();
            client.process_new_packets().unwrap();
        }
    }

    #[test]
    fn nothing_is_read_behind_close_notify() {
        let (listeners, roots) = listeners("notify");
        let mut client = client(&roots, b"");
        let mut server = Server::new(&listeners, Listener::Submissions);
        carry(&mut client, &mut server, 4096).unwrap();
        client.writer().write_all(b"DATA").unwrap();
        client.send_close_notify();
        carry(&mut client, &mut server, 4096).unwrap();
        assert!(server.tls.is_peer_closed());
        server.take(b"QUIT\r\n").unwrap();
        assert_eq!(server.plain, b"DATA");
        // We may still answer, and end in our turn.
        server
            .tls
            .write(b"421 bye\r\n", &mut server.cipher)
            .unwrap();
        server.tls.close(&mut server.cipher).unwrap();
        let mut back = server.cipher.bytes();
        client.read_tls(&mut back).unwrap();
        assert!(client.process_new_packets().unwrap().peer_has_closed());
    }

    #[test]
    fn strangers_are_told_what_is_wrong() {
        let (listeners, roots) = listeners("alpn");
        for (listener, alpn) in [
            (Listener::Imaps, &b"http/1.1"[..]),
            (Listener::Https, b"h2"),
            (Listener::Submissions, b"imap"),
        ] {
            let mut client = client(&roots, alpn);
            let mut server = Server::new(&listeners, listener);
            assert!(carry(&mut client, &mut server, 4096).is_err());
            let heard = client.process_new_packets().unwrap_err();
            let wanted = rustls::AlertDescription::NoApplicationProtocol;
            assert_eq!(heard, rustls::Error::AlertReceived(wanted));
        }
        for garbage in [&b"EHLO a\r\n"[..], b"GET / HTTP/1.1\r\n\r\n", &[22; 300]] {
            let mut server = Server::new(&listeners, Listener::Imaps);
            assert!(server.take(garbage).is_err());
        }
        // A handshake message that goes on and on is not kept.
        let mut server = Server::new(&listeners, Listener::Imaps);
        let mut record = vec![22, 3, 1, 0x40, 0, 1, 0, 0xff, 0xff];
        record.resize(5 + 0x4000, 0);
        assert!(server.take(&record).is_ok());
        assert!(server.take(&record).is_err());
    }

    #[test]
    fn a_client_resumes_its_session_after_a_restart() {
        let name = format!("postern-tls-restart-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let began = 1_800_000_000_000;
        let start = |unix_ms| {
            let unknown = UnknownSni::Refuse;
            let provide = super::super::super::cert::provide;
            let made = provide(&folder, None, "mx.test", unknown, unix_ms).unwrap();
            let (data, _) = DirHandle::make(&folder, None).unwrap();
            made.keep_tickets(&data, unix_ms).unwrap();
            made
        };
        let made = start(began);
        let mut roots = RootCertStore::empty();
        let ca = CertificateDer::from_pem_file(made.ca.as_ref().unwrap()).unwrap();
        roots.add(ca).unwrap();
        for version in rustls::ALL_VERSIONS {
            let config = client_config(&roots, b"", &[version]);
            let visit = |unix_ms| {
                let listeners = start(unix_ms).load().unwrap();
                let name = "localhost".try_into().unwrap();
                let mut client = ClientConnection::new(Arc::clone(&config), name).unwrap();
                let mut server = Server::new(&listeners, Listener::Https);
                carry(&mut client, &mut server, 4096).unwrap();
                client.handshake_kind().unwrap()
            };
            // Each visit is to another start of the server.
            assert_eq!(visit(began), rustls::HandshakeKind::Full);
            assert_eq!(visit(began), rustls::HandshakeKind::Resumed);
            let hours = |n: i64| began + n * 3_600_000;
            assert_eq!(visit(hours(7)), rustls::HandshakeKind::Resumed);
            // All keys of the file are too old.
            assert_eq!(visit(hours(40)), rustls::HandshakeKind::Full);
            std::fs::remove_file(folder.join("tls/tickets.key")).unwrap();
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_name_that_is_not_ours_is_told_so() {
        let (listeners, roots) = listeners("sni");
        let refused = rustls::AlertDescription::UnrecognisedName;
        for (listener, name, served) in [
            (Listener::Imaps, "mx.test", true),
            (Listener::Imaps, "MX.test", true),
            (Listener::Imaps, "localhost", true),
            // No name is sent for an address.
            (Listener::Imaps, "127.0.0.1", true),
            (Listener::Imaps, "other.test", false),
            (Listener::Imaps, "a.mx.test", false),
            (Listener::Submission, "other.test", false),
            (Listener::Https, "other.test", false),
            // Served; whether the certificate pleases is the client's affair.
            (Listener::Mx, "other.test", true),
        ] {
            let mut client = client_of(name, &roots, b"");
            let mut server = Server::new(&listeners, listener);
            let result = carry(&mut client, &mut server, 4096);
            let heard = client.process_new_packets();
            let alert = Err(rustls::Error::AlertReceived(refused));
            assert_eq!(heard.map(|_| ()) != alert, served, "{listener:?} {name}");
            assert!(served || result.is_err(), "{listener:?} {name}");
        }
    }

    #[test]
    fn size_of_an_idle_connection() {
        let size = size_of::<Tls>() + size_of::<super::super::super::conn::Conn>();
        assert!(size < 3000, "{size}");
    }
}
