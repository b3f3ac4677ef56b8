//! Records in and out, on rustls' unbuffered API: records are decrypted where they were
//! read, and encrypted straight into the buffer that is sent. An idle connection owns only
//! rustls' own state. It knows no certificate and no socket.
//!
//! One rule of that API is easy to break: the bytes that it has not discarded must be passed
//! again, in front of anything new, at every call, also when only writing. rustls remembers
//! how far into those bytes it has looked, and indexes with it. So `tail` is part of this
//! struct.

use core::fmt;

use rustls::CertificateError::{NotValidForName, NotValidForNameContext};
use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncodeTlsData, EncryptError, UnbufferedStatus, WriteTraffic,
};

use crate::engine::DialError;

/// One TLS connection.
pub(in crate::net) struct Tls {
    side: Side,
    /// Read but not yet discarded by rustls: the beginning of a record, or of a handshake
    /// message that spans records. Without capacity when there is none.
    pub(super) tail: Vec<u8>,
    /// Encrypted but not yet taken by the socket.
    pub unsent: Vec<u8>,
    /// The peer has sent close_notify; rustls reads nothing behind it.
    peer_closed: bool,
}

/// Which end of the connection this is. The client's state is boxed, so that it does not make
/// the state of incoming connections larger.
#[expect(clippy::large_enum_variant, reason = "`Tls` is boxed as a whole")]
pub(in crate::net) enum Side {
    /// The peer has connected to us.
    Server(UnbufferedServerConnection),
    /// We have connected to the peer.
    Client(Box<UnbufferedClientConnection>),
}

/// Why a connection cannot go on; an alert may be in the cipher buffer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::net) enum Broken {
    /// The peer's certificate is for another name.
    WrongName,
    /// The peer's certificate is not trusted: why.
    NotTrusted(String),
    /// Anything else: rustls' words.
    Protocol(String),
}

impl Broken {
    fn because(why: &str) -> Self {
        Broken::Protocol(why.to_owned())
    }
}

impl From<rustls::Error> for Broken {
    fn from(error: rustls::Error) -> Self {
        match &error {
            rustls::Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. }) => {
                Broken::WrongName
            }
            rustls::Error::InvalidCertificate(_) => Broken::NotTrusted(error.to_string()),
            _ => Broken::Protocol(error.to_string()),
        }
    }
}

impl From<Broken> for DialError {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::WrongName => DialError::CertificateWrongName,
            Broken::NotTrusted(why) => DialError::CertificateNotTrusted(why),
            Broken::Protocol(why) => DialError::Tls(why),
        }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Broken::WrongName => f.write_str("the certificate is for another name"),
            Broken::NotTrusted(why) | Broken::Protocol(why) => f.write_str(why),
        }
    }
}

/// The one call that rustls has under the same name for each side.
trait TlsRecords {
    type Data;

    fn process<'c, 'i>(&'c mut self, input: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data>;
}

impl TlsRecords for UnbufferedServerConnection {
    type Data = ServerConnectionData;

    fn process<'c, 'i>(&'c mut self, input: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(input)
    }
}

impl TlsRecords for UnbufferedClientConnection {
    type Data = ClientConnectionData;

    fn process<'c, 'i>(&'c mut self, input: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(input)
    }
}

/// A buffer that encrypted bytes are gathered in, one a worker.
pub(in crate::net) struct Cipher {
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

    /// A server of rustls says access_denied when the resolver has no certificate, and at no
    /// other time in clear, since clients are not asked for a certificate. The resolver's only
    /// reason is the name, and that has an alert of its own (RFC 6066 section 3).
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
    /// A connection that has not begun. A client's first message comes out of an empty
    /// [`Tls::read`].
    pub fn new(side: Side) -> Self {
        Tls {
            side,
            tail: Vec::new(),
            unsent: Vec::new(),
            peer_closed: false,
        }
    }

    /// Whether the handshake is still under way.
    pub fn is_handshaking(&self) -> bool {
        match &self.side {
            Side::Server(rustls) => rustls.is_handshaking(),
            Side::Client(rustls) => rustls.is_handshaking(),
        }
    }

    /// Whether nothing more will come: the peer has said so, authenticated.
    pub fn is_peer_closed(&self) -> bool {
        self.peer_closed
    }

    /// The bytes that have to stand in front of the next bytes read.
    pub fn tail(&self) -> &[u8] {
        &self.tail
    }

    /// Takes `input`, which is the tail with new bytes behind it; gives the decrypted bytes,
    /// in pieces, to `take`; puts what TLS itself has to send into `cipher`.
    pub fn read(
        &mut self,
        input: &mut [u8],
        cipher: &mut Cipher,
        take: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Broken> {
        let mut used = 0;
        let closed = &mut self.peer_closed;
        let result = match &mut self.side {
            Side::Server(rustls) => {
                let result = digest(rustls, input, &mut used, cipher, closed, take);
                result.inspect_err(|_| alert(rustls, &mut input[used..], cipher, true))
            }
            Side::Client(rustls) => {
                let rustls = &mut **rustls;
                let result = digest(rustls, input, &mut used, cipher, closed, take);
                result.inspect_err(|_| alert(rustls, &mut input[used..], cipher, false))
            }
        };
        let rest = input.get(used..).unwrap_or_default();
        if rest.is_empty() || result.is_err() || self.peer_closed {
            self.tail = Vec::new();
        } else {
            self.tail.clear();
            self.tail.extend_from_slice(rest);
        }
        if self.tail.len() > self.tail_max() {
            return Err(Broken::because("oversized handshake message"));
        }
        result
    }

    fn tail_max(&self) -> usize {
        match self.side {
            Side::Server(_) if self.is_handshaking() => HANDSHAKE_TAIL_MAX,
            _ => TAIL_MAX,
        }
    }

    /// Encrypts `plain` behind what is in `cipher`.
    pub fn write(&mut self, plain: &[u8], cipher: &mut Cipher) -> Result<(), Broken> {
        self.emit(cipher, Emission::Data(plain))
    }

    /// Puts close_notify into `cipher`: the peer can tell our end from a cut.
    pub fn close(&mut self, cipher: &mut Cipher) -> Result<(), Broken> {
        self.emit(cipher, Emission::CloseNotify)
    }

    fn emit(&mut self, cipher: &mut Cipher, emission: Emission<'_>) -> Result<(), Broken> {
        let (tail, closed) = (&mut self.tail, &mut self.peer_closed);
        match &mut self.side {
            Side::Server(rustls) => emit(rustls, tail, closed, cipher, emission),
            Side::Client(rustls) => emit(&mut **rustls, tail, closed, cipher, emission),
        }
    }
}

/// What is encrypted.
#[derive(Clone, Copy)]
enum Emission<'a> {
    Data(&'a [u8]),
    CloseNotify,
}

impl Emission<'_> {
    fn put<D>(
        self,
        traffic: &mut WriteTraffic<'_, D>,
        free: &mut [u8],
    ) -> Result<usize, EncryptError> {
        match self {
            Emission::Data(plain) => traffic.encrypt(plain, free),
            Emission::CloseNotify => traffic.queue_close_notify(free),
        }
    }
}

/// Processes records until rustls needs more bytes. Moves `used` behind each record.
fn digest<R: TlsRecords>(
    rustls: &mut R,
    input: &mut [u8],
    used: &mut usize,
    cipher: &mut Cipher,
    peer_closed: &mut bool,
    take: &mut dyn FnMut(&[u8]),
) -> Result<(), Broken> {
    // Each step uses a record or emits something, so steps are bounded by the input; a
    // state machine that stops moving must not take the worker with it.
    for _ in 0..input.len() + STEPS_MIN {
        let UnbufferedStatus { mut discard, state } = rustls.process(&mut input[*used..]);
        let on = match state {
            Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                while let Some(record) = traffic.next_record() {
                    let record = record?;
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
                *peer_closed = true;
                true
            }
            Ok(ConnectionState::Closed) => {
                *peer_closed = true;
                false
            }
            Ok(ConnectionState::WriteTraffic(_) | ConnectionState::BlockedHandshake) => false,
            // Early data is not accepted (max_early_data_size is 0), and rustls has no
            // other state today.
            Ok(_) => return Err(Broken::because("unexpected state")),
            Err(error) => {
                *used = used.saturating_add(discard).min(input.len());
                return Err(error.into());
            }
        };
        *used = used.saturating_add(discard).min(input.len());
        if !on {
            return Ok(());
        }
    }
    Err(Broken::because("no progress"))
}

/// After an error: the alert that rustls wants the peer to know. It may stand behind a
/// ServerHello; behind the alert is nothing, and asking further would make rustls look at the
/// faulty record again.
fn alert<R: TlsRecords>(rustls: &mut R, input: &mut [u8], cipher: &mut Cipher, is_server: bool) {
    for _ in 0..ALERT_STEPS {
        let from = cipher.len;
        let UnbufferedStatus { state, .. } = rustls.process(input);
        let Ok(ConnectionState::EncodeTlsData(mut data)) = state else {
            return;
        };
        if encode(&mut data, cipher).is_err() {
            return;
        }
        if is_server {
            cipher.name_the_name(from);
        }
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

/// Encrypts behind what is in `cipher`.
fn emit<R: TlsRecords>(
    rustls: &mut R,
    tail: &mut Vec<u8>,
    peer_closed: &mut bool,
    cipher: &mut Cipher,
    emission: Emission<'_>,
) -> Result<(), Broken> {
    for _ in 0..STEPS_MIN {
        let UnbufferedStatus { discard, state } = rustls.process(tail);
        let mut done = false;
        match state? {
            ConnectionState::WriteTraffic(mut traffic) => {
                match emission.put(&mut traffic, cipher.free()) {
                    Ok(n) => {
                        cipher.filled(n);
                        done = true;
                    }
                    Err(EncryptError::InsufficientSize(size)) => cipher.grow(size.required_size),
                    Err(error) => return Err(Broken::Protocol(error.to_string())),
                }
            }
            ConnectionState::EncodeTlsData(mut data) => encode(&mut data, cipher)?,
            ConnectionState::TransmitTlsData(data) => data.done(),
            ConnectionState::PeerClosed => *peer_closed = true,
            // The tail has been read as far as it goes, so no plaintext can come here.
            _ => return Err(Broken::because("unexpected state")),
        }
        if discard > 0 {
            tail.drain(..discard.min(tail.len()));
            if tail.is_empty() {
                *tail = Vec::new();
            }
        }
        if done {
            return Ok(());
        }
    }
    Err(Broken::because("no progress"))
}

fn encode<D>(data: &mut EncodeTlsData<'_, D>, cipher: &mut Cipher) -> Result<(), Broken> {
    match data.encode(cipher.free()) {
        Ok(n) => {
            cipher.filled(n);
            return Ok(());
        }
        Err(EncodeError::InsufficientSize(size)) => cipher.grow(size.required_size),
        Err(error) => return Err(Broken::Protocol(error.to_string())),
    }
    match data.encode(cipher.free()) {
        Ok(n) => {
            cipher.filled(n);
            Ok(())
        }
        Err(error) => Err(Broken::Protocol(error.to_string())),
    }
}

/// Plaintext that is encrypted at a time: four full records.
pub(in crate::net) const PLAIN_BYTES: usize = 64 * 1024;
/// Room for that with each record's overhead, and for a handshake flight.
const CIPHER_BYTES: usize = PLAIN_BYTES + 8 * 1024;
/// A record of 16 KiB with its overhead, and a handshake message that it may belong to:
/// rustls refuses handshake messages of more than 64 KiB.
const TAIL_MAX: usize = 84 * 1024;
/// A ClientHello is under 4 KiB even with post-quantum shares; this leaves room for oddities
/// and bounds what unknown peers can make us keep.
const HANDSHAKE_TAIL_MAX: usize = 20 * 1024;
/// Enough for a whole server flight.
const STEPS_MIN: usize = 64;
/// ServerHello, a change of cipher specification, extensions, alert.
const ALERT_STEPS: usize = 8;
/// TLS 1.3: record header, two octets, their type, and the tag.
const ENCRYPTED_ALERT: usize = 5 + 2 + 1 + 16;
const ACCESS_DENIED: u8 = 49;
const UNRECOGNIZED_NAME: u8 = 112;
