//! The server's side of TLS on rustls' unbuffered API: records are decrypted where they were
//! read, and encrypted straight into the buffer that is sent. An idle connection owns only
//! rustls' own state.
//!
//! One rule of that API is easy to break: what it has not discarded must be passed again, in
//! front of anything new, at every call, also when only writing. rustls remembers how far
//! into those bytes it has looked, and indexes with it. So `tail` is part of this struct.

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
use rustls::unbuffered::{ConnectionState, EncodeError, EncryptError, UnbufferedStatus};

use crate::call::Listener;
use crate::config::UnknownSni;

/// One TLS connection.
pub(super) struct Tls {
    rustls: UnbufferedServerConnection,
    /// Read but not yet discarded by rustls: the beginning of a record, or of a handshake
    /// message that spans records. Without capacity when there is none.
    tail: Vec<u8>,
    /// Encrypted but not yet taken by the socket.
    pub unsent: Vec<u8>,
    /// The peer has sent close_notify; rustls reads nothing behind it.
    peer_closed: bool,
}

/// Why a connection cannot go on; an alert may be in the cipher buffer.
#[derive(Debug)]
pub(super) struct Broken(pub String);

/// A buffer that encrypted bytes are gathered in, one a worker.
pub(super) struct Cipher {
    buffer: Vec<u8>,
    len: usize,
}

impl Cipher {
    pub fn new() -> Self {
        Cipher {
            buffer: vec![0; CIPHER_BYTES],
            len: 0,
        }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.buffer[..self.len]
    }

    pub fn clear(&mut self) {
        self.len = 0;
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn free(&mut self) -> &mut [u8] {
        &mut self.buffer[self.len..]
    }

    /// rustls says access_denied when the resolver has no certificate, and at no other time
    /// in clear, since nobody is asked for one of his own. The resolver's only reason is the
    /// name, and that has an alert of its own (RFC 6066 section 3).
    fn name_the_name(&mut self, from: usize) {
        let end = self.len;
        if let Some([21, _, _, 0, 2, _, what]) = self.buffer.get_mut(from..end)
            && *what == ACCESS_DENIED
        {
            *what = UNRECOGNIZED_NAME;
        }
    }

    fn filled(&mut self, n: usize) {
        self.len = (self.len + n).min(self.buffer.len());
    }

    /// Room for `n` more; grows only when a flight of a handshake has a long chain.
    fn grow(&mut self, n: usize) {
        let wanted = self.len.saturating_add(n);
        if wanted > self.buffer.len() {
            self.buffer.resize(wanted, 0);
        }
    }
}

impl Tls {
    /// Waits for a ClientHello.
    pub fn new(config: Arc<ServerConfig>) -> Result<Self, Broken> {
        Ok(Tls {
            rustls: UnbufferedServerConnection::new(config).map_err(broken)?,
            tail: Vec::new(),
            unsent: Vec::new(),
            peer_closed: false,
        })
    }

    /// Whether the handshake is still under way.
    pub fn is_handshaking(&self) -> bool {
        self.rustls.is_handshaking()
    }

    /// Whether nothing more will come: the peer has said so, authenticated.
    pub fn is_peer_closed(&self) -> bool {
        self.peer_closed
    }

    /// What has to stand in front of the next bytes read.
    pub fn tail(&self) -> &[u8] {
        &self.tail
    }

    /// Takes `input`, which is the tail with new bytes behind it; gives what they decrypt
    /// to, in pieces, to `take`; puts what TLS itself has to say into `cipher`.
    pub fn read(
        &mut self,
        input: &mut [u8],
        cipher: &mut Cipher,
        take: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Broken> {
        let mut used = 0;
        let result = self.digest(input, &mut used, cipher, take);
        let rest = input.get(used..).unwrap_or_default();
        if rest.is_empty() || result.is_err() || self.peer_closed {
            self.tail = Vec::new();
        } else {
            self.tail.clear();
            self.tail.extend_from_slice(rest);
        }
        let most = match self.is_handshaking() {
            true => HANDSHAKE_TAIL_MAX,
            false => TAIL_MAX,
        };
        if self.tail.len() > most {
            return Err(Broken("oversized handshake message".into()));
        }
        result
    }

    fn digest(
        &mut self,
        input: &mut [u8],
        used: &mut usize,
        cipher: &mut Cipher,
        take: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Broken> {
        // Each step uses a record or emits something, so steps are bounded by the input; a
        // state machine that stops moving must not take the worker with it.
        for _ in 0..input.len() + STEPS_MIN {
            let UnbufferedStatus { mut discard, state } =
                self.rustls.process_tls_records(&mut input[*used..]);
            let on = match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record.map_err(broken)?;
                        discard += record.discard;
                        take(record.payload);
                    }
                    true
                }
                Ok(ConnectionState::EncodeTlsData(mut data)) => {
                    encode(&mut data, cipher)?;
                    true
                }
                Ok(ConnectionState::TransmitTlsData(data)) => {
                    data.done();
                    true
                }
                Ok(ConnectionState::PeerClosed) => {
                    self.peer_closed = true;
                    true
                }
                Ok(ConnectionState::Closed) => {
                    self.peer_closed = true;
                    false
                }
                Ok(ConnectionState::WriteTraffic(_) | ConnectionState::BlockedHandshake) => false,
                // Early data is not accepted (max_early_data_size is 0), and rustls has no
                // other state today.
                Ok(_) => return Err(Broken("unexpected state".into())),
                Err(error) => {
                    *used = used.saturating_add(discard).min(input.len());
                    self.alert(&mut input[*used..], cipher);
                    return Err(broken(error));
                }
            };
            *used = used.saturating_add(discard).min(input.len());
            if !on {
                return Ok(());
            }
        }
        Err(Broken("no progress".into()))
    }

    /// After an error: what rustls wants the peer to know. Its alert may stand behind a
    /// ServerHello; behind the alert is nothing, and asking further would make rustls look
    /// at the faulty record again.
    fn alert(&mut self, input: &mut [u8], cipher: &mut Cipher) {
        for _ in 0..ALERT_STEPS {
            let from = cipher.len;
            let UnbufferedStatus { state, .. } = self.rustls.process_tls_records(input);
            let Ok(ConnectionState::EncodeTlsData(mut data)) = state else {
                return;
            };
            if encode(&mut data, cipher).is_err() {
                return;
            }
            cipher.name_the_name(from);
            let record = cipher.bytes().get(from..).unwrap_or_default();
            let is_alert = match record.first() {
                Some(21) => true,
                Some(23) => record.len() == ENCRYPTED_ALERT,
                _ => false,
            };
            if is_alert {
                return;
            }
        }
    }

    /// Encrypts `plain` behind what is in `cipher`.
    pub fn write(&mut self, plain: &[u8], cipher: &mut Cipher) -> Result<(), Broken> {
        self.emit(cipher, |traffic, free| traffic.encrypt(plain, free))
    }

    /// Puts close_notify into `cipher`: the peer can tell our end from a cut.
    pub fn close(&mut self, cipher: &mut Cipher) -> Result<(), Broken> {
        self.emit(cipher, |traffic, free| traffic.queue_close_notify(free))
    }

    fn emit(
        &mut self,
        cipher: &mut Cipher,
        mut put: impl FnMut(&mut Traffic<'_>, &mut [u8]) -> Result<usize, EncryptError>,
    ) -> Result<(), Broken> {
        for _ in 0..STEPS_MIN {
            let UnbufferedStatus { discard, state } =
                self.rustls.process_tls_records(&mut self.tail);
            let mut done = false;
            match state.map_err(broken)? {
                ConnectionState::WriteTraffic(mut traffic) => {
                    match put(&mut traffic, cipher.free()) {
                        Ok(n) => {
                            cipher.filled(n);
                            done = true;
                        }
                        Err(EncryptError::InsufficientSize(size)) => {
                            cipher.grow(size.required_size)
                        }
                        Err(error) => return Err(Broken(error.to_string())),
                    }
                }
                ConnectionState::EncodeTlsData(mut data) => encode(&mut data, cipher)?,
                ConnectionState::TransmitTlsData(data) => data.done(),
                ConnectionState::PeerClosed => self.peer_closed = true,
                // The tail has been read as far as it goes, so no plaintext can come here.
                _ => return Err(Broken("unexpected state".into())),
            }
            if discard > 0 {
                self.tail.drain(..discard.min(self.tail.len()));
                if self.tail.is_empty() {
                    self.tail = Vec::new();
                }
            }
            if done {
                return Ok(());
            }
        }
        Err(Broken("no progress".into()))
    }
}

type Traffic<'c> = rustls::unbuffered::WriteTraffic<'c, rustls::server::ServerConnectionData>;
type Encode<'c> = rustls::unbuffered::EncodeTlsData<'c, rustls::server::ServerConnectionData>;

fn encode(data: &mut Encode<'_>, cipher: &mut Cipher) -> Result<(), Broken> {
    match data.encode(cipher.free()) {
        Ok(n) => {
            cipher.filled(n);
            return Ok(());
        }
        Err(EncodeError::InsufficientSize(size)) => cipher.grow(size.required_size),
        Err(error) => return Err(Broken(error.to_string())),
    }
    match data.encode(cipher.free()) {
        Ok(n) => {
            cipher.filled(n);
            Ok(())
        }
        Err(error) => Err(Broken(error.to_string())),
    }
}

fn broken(error: rustls::Error) -> Broken {
    Broken(error.to_string())
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
        // Who names nobody has connected to an address.
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
    pub(super) fn new(
        key: Arc<CertifiedKey>,
        host: &str,
        unknown: UnknownSni,
        tickets: &Arc<dyn ProducesTickets>,
    ) -> Result<Self, rustls::Error> {
        let anybody: Arc<dyn ResolvesServerCert> =
            Arc::new(SingleCertAndKey::from(Arc::clone(&key)));
        let host = host.to_owned();
        let clients: Arc<dyn ResolvesServerCert> = match unknown {
            UnknownSni::Refuse => Arc::new(CertificateByName { key, host }),
            UnknownSni::Serve => Arc::clone(&anybody),
        };
        let listener = |name: &[u8], who: &Arc<dyn ResolvesServerCert>| {
            let provider = Arc::new(provider::default_provider());
            let mut config = ServerConfig::builder_with_provider(provider)
                .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
                .with_no_client_auth()
                .with_cert_resolver(Arc::clone(who));
            // A client that offers ALPN without ours is talking to somebody else (ALPACA);
            // rustls then answers no_application_protocol. "smtp" has no registration, which
            // only makes it the more certain that nobody offers it by mistake.
            config.alpn_protocols = vec![name.to_vec()];
            // Stateless tickets: resumption without memory on our side.
            config.ticketer = Arc::clone(tickets);
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = TICKETS;
            Ok::<_, rustls::Error>(Arc::new(config))
        };
        Ok(TlsListeners {
            // A server that sends mail names the MX host by whatever alias its DNS has, and
            // goes on in clear, or defers, where it is refused.
            mx: listener(b"smtp", &anybody)?,
            smtp: listener(b"smtp", &clients)?,
            imap: listener(b"imap", &clients)?,
            http: listener(b"http/1.1", &clients)?,
        })
    }

    /// The configuration of a listener, for implicit TLS and STARTTLS alike; plain HTTP has
    /// none.
    pub(super) fn of(&self, listener: Listener) -> Option<Arc<ServerConfig>> {
        match listener {
            Listener::Mx => Some(Arc::clone(&self.mx)),
            Listener::Submission | Listener::Submissions => Some(Arc::clone(&self.smtp)),
            Listener::Imap | Listener::Imaps => Some(Arc::clone(&self.imap)),
            Listener::Https => Some(Arc::clone(&self.http)),
            Listener::Http => None,
        }
    }
}

/// Plaintext that is encrypted at a time: four full records.
pub(super) const PLAIN_BYTES: usize = 64 * 1024;
/// Room for that with each record's overhead, and for a handshake flight.
const CIPHER_BYTES: usize = PLAIN_BYTES + 8 * 1024;
/// A record of 16 KiB with its overhead, and a handshake message that it may belong to:
/// rustls refuses handshake messages of more than 64 KiB.
const TAIL_MAX: usize = 84 * 1024;
/// A ClientHello is under 4 KiB even with post-quantum shares; this leaves room for oddities
/// and bounds what strangers can make us keep.
const HANDSHAKE_TAIL_MAX: usize = 20 * 1024;
/// Enough for a whole server flight.
const STEPS_MIN: usize = 64;
/// ServerHello, a change of cipher specification, extensions, alert.
const ALERT_STEPS: usize = 8;
/// TLS 1.3: record header, two octets, their type, and the tag.
const ENCRYPTED_ALERT: usize = 5 + 2 + 1 + 16;
const ACCESS_DENIED: u8 = 49;
const UNRECOGNIZED_NAME: u8 = 112;
/// Served whatever the certificate says: who asks for it sits on this machine.
const LOCALHOST: &str = "localhost";
/// Clients that open several connections at once use one ticket each.
const TICKETS: usize = 2;

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::{Read, Write};

    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;
    use rustls::{ClientConfig, ClientConnection, RootCertStore};

    use super::*;

    pub(in crate::net) fn listeners(name: &str) -> (TlsListeners, RootCertStore) {
        let folder =
            std::env::temp_dir().join(format!("postern-tls-{name}-{}", std::process::id()));
        let unknown = UnknownSni::Refuse;
        let now = 1_800_000_000_000;
        let made = super::super::cert::provide(&folder, None, "mx.test", unknown, now);
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
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots.clone())
            .with_no_client_auth();
        if !alpn.is_empty() {
            config.alpn_protocols = vec![alpn.to_vec()];
        }
        // The certificate's dates are those of the test, not of the machine.
        config.time_provider = Arc::new(Then);
        ClientConnection::new(Arc::new(config), name.try_into().unwrap()).unwrap()
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
                tls: Tls::new(listeners.of(listener).unwrap()).unwrap(),
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
        let size = size_of::<Tls>() + size_of::<super::super::conn::Conn>();
        assert!(size < 3000, "{size}");
    }
}
