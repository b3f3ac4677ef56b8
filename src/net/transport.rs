//! A byte stream to one peer, plain or TLS, on a socket that never blocks.
//!
//! Readiness comes as edges, so it is remembered here until a call says that it would block.
//! Bytes that are read go through the worker's one scratch. Bytes to write stay plaintext in
//! the caller's buffer until the socket takes them, so that an engine can see the backlog of
//! a slow reader. There is no protocol and no deadline here.

use std::io::{self, Read, Write};
use std::net::Shutdown;

use mio::event::Event;
use mio::net::TcpStream;
use socket2::SockRef;

use super::tls::{Broken, Cipher, PLAIN_BYTES, Tls};

/// The stream of one connection.
pub(super) struct Transport {
    /// `None` when an outgoing connection has failed.
    stream: Option<TcpStream>,
    tls: Option<Box<Tls>>,
    /// There may be something to read.
    pub readable: bool,
    /// The socket may take something.
    writable: bool,
    /// The kernel has reported the peer's end, so a short read does not empty the socket.
    hung_up: bool,
    /// Nothing more will come.
    pub eof: bool,
}

/// Why a stream has ended.
#[derive(Debug)]
pub(super) enum Lost {
    /// The socket failed; nothing can be sent.
    Socket(io::Error),
    /// TLS failed; its alert is in the cipher buffer.
    Tls(Broken),
}

impl From<Broken> for Lost {
    fn from(broken: Broken) -> Self {
        Lost::Tls(broken)
    }
}

impl From<io::Error> for Lost {
    fn from(error: io::Error) -> Self {
        Lost::Socket(error)
    }
}

impl Transport {
    /// In clear.
    pub fn new(stream: TcpStream) -> Self {
        Transport {
            stream: Some(stream),
            tls: None,
            readable: false,
            writable: true,
            hung_up: false,
            eof: false,
        }
    }

    /// Without a socket: nothing is read, and what is written is forgotten.
    pub fn none() -> Self {
        Transport {
            stream: None,
            tls: None,
            readable: false,
            writable: false,
            hung_up: false,
            eof: true,
        }
    }

    /// For the poll.
    pub fn source(&mut self) -> Option<&mut TcpStream> {
        self.stream.as_mut()
    }

    /// Whether the connect is done: `None` while it is under way.
    pub fn connected(&self) -> Option<io::Result<()>> {
        let stream = self.stream.as_ref()?;
        match (stream.take_error(), stream.peer_addr()) {
            (Ok(Some(error)) | Err(error), _) => Some(Err(error)),
            (Ok(None), Ok(_)) => Some(Ok(())),
            (Ok(None), Err(error)) if error.kind() == io::ErrorKind::NotConnected => None,
            (Ok(None), Err(error)) => Some(Err(error)),
        }
    }

    /// Remembers what the poll has said.
    pub fn record_readiness(&mut self, event: &Event) {
        self.readable |= !self.eof && (event.is_readable() || event.is_error());
        self.writable |= event.is_writable() || event.is_error();
        if event.is_read_closed() {
            self.hung_up = true;
            self.readable |= !self.eof;
        }
    }

    /// TLS from the next byte on, in both directions.
    pub fn begin_tls(&mut self, mut tls: Tls, cipher: &mut Cipher) -> Result<(), Lost> {
        // A client speaks first.
        let first = tls.read(&mut [], cipher, &mut |_| ());
        self.tls = Some(Box::new(tls));
        Ok(first?)
    }

    /// From here on the kernel keeps little for a peer that does not read. An event stream has
    /// its buffer in the log, and the megabytes that a socket may grow to are memory too.
    pub fn narrow(&self) {
        // If the kernel refuses, that costs memory and nothing else.
        if let Some(stream) = &self.stream {
            let _ = SockRef::from(stream).set_send_buffer_size(STREAM_BUFFER);
        }
    }

    /// Whether a handshake is under way.
    pub fn is_handshaking(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.is_handshaking())
    }

    /// Whether everything encrypted has been taken by the socket.
    pub fn is_flushed(&self) -> bool {
        self.tls.as_ref().is_none_or(|tls| tls.unsent.is_empty())
    }

    /// One read; its bytes go to `take` in pieces. Moves `readable` and `eof`.
    pub fn read(
        &mut self,
        scratch: &mut [u8],
        cipher: &mut Cipher,
        take: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Lost> {
        let kept = match &self.tls {
            Some(tls) => {
                let tail = tls.tail();
                let kept = tail.len().min(scratch.len().saturating_sub(READ_MAX));
                scratch[..kept].copy_from_slice(&tail[..kept]);
                kept
            }
            None => 0,
        };
        let end = scratch.len().min(kept + READ_MAX);
        let n = match self.receive(kept, &mut scratch[..end])? {
            Some(n) => n,
            None => return Ok(()),
        };
        match &mut self.tls {
            None => take(&scratch[..n]),
            Some(tls) => {
                let result = tls.read(&mut scratch[..kept + n], cipher, take);
                if tls.is_peer_closed() {
                    // Bytes behind close_notify are not authenticated.
                    self.eof = true;
                    self.readable = false;
                }
                result?;
            }
        }
        Ok(())
    }

    /// Reads and forgets; `true` when something was read.
    pub fn discard(&mut self, scratch: &mut [u8]) -> Result<bool, Lost> {
        let end = scratch.len().min(READ_MAX);
        Ok(self.receive(0, &mut scratch[..end])?.is_some())
    }

    fn receive(&mut self, from: usize, scratch: &mut [u8]) -> Result<Option<usize>, Lost> {
        let space = &mut scratch[from..];
        let Some(stream) = &mut self.stream else {
            self.readable = false;
            return Ok(None);
        };
        loop {
            return match stream.read(space) {
                Ok(0) => {
                    self.eof = true;
                    self.readable = false;
                    Ok(None)
                }
                Ok(n) => {
                    // A short read has emptied the socket: the next byte is a new edge. The
                    // end of the stream is not, if it was announced already.
                    self.readable = n == space.len() || self.hung_up;
                    Ok(Some(n))
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.readable = false;
                    Ok(None)
                }
                Err(error) => Err(error.into()),
            };
        }
    }

    /// Writes as much as the socket takes, encrypted bytes first, and removes it from `out`.
    /// Whether anything went.
    pub fn flush(&mut self, out: &mut Vec<u8>, cipher: &mut Cipher) -> Result<bool, Lost> {
        let mut sent = 0;
        let mut progress = false;
        let Some(stream) = &mut self.stream else {
            out.clear();
            cipher.clear();
            return Ok(false);
        };
        loop {
            let Some(tls) = &mut self.tls else {
                if sent < out.len() && self.writable {
                    let n = send(stream, &out[sent..], &mut self.writable)?;
                    sent += n;
                    progress |= n > 0;
                }
                break;
            };
            if !tls.unsent.is_empty() {
                if self.writable {
                    let n = send(stream, &tls.unsent, &mut self.writable)?;
                    progress |= n > 0;
                    if n == tls.unsent.len() {
                        tls.unsent = Vec::new();
                    } else {
                        tls.unsent.drain(..n);
                    }
                }
                if !tls.unsent.is_empty() {
                    break;
                }
            }
            if !self.writable {
                break;
            }
            if sent < out.len() && !tls.is_handshaking() {
                let end = out.len().min(sent + PLAIN_BYTES);
                tls.write(&out[sent..end], cipher)?;
                sent = end;
            }
            if cipher.is_empty() {
                break;
            }
            let n = send(stream, cipher.bytes(), &mut self.writable)?;
            progress |= n > 0;
            tls.unsent.extend_from_slice(&cipher.bytes()[n..]);
            cipher.clear();
        }
        if let Some(tls) = &mut self.tls {
            // Alerts, tickets and key updates that came up while the socket was full.
            tls.unsent.extend_from_slice(cipher.bytes());
        }
        cipher.clear();
        if sent == out.len() {
            out.clear();
        } else {
            out.drain(..sent);
        }
        Ok(progress)
    }

    /// Keeps what TLS has encrypted and this turn has not sent, such as the tickets behind a
    /// handshake whose first request waits for an answer: each record has its number, so the
    /// next one is unreadable without it.
    pub fn keep(&mut self, cipher: &mut Cipher) {
        if cipher.is_empty() {
            return;
        }
        if let Some(tls) = &mut self.tls {
            tls.unsent.extend_from_slice(cipher.bytes());
        }
        cipher.clear();
    }

    /// Sends the end of the stream as TLS has it: close_notify.
    pub fn say_closed(&mut self, cipher: &mut Cipher) -> Result<(), Lost> {
        match &mut self.tls {
            Some(tls) => Ok(tls.close(cipher)?),
            None => Ok(()),
        }
    }

    /// No more will be written. The peer may still be sending; a socket that is closed with
    /// unread bytes resets the connection and takes our last reply with it.
    pub fn shut(&mut self) -> Result<(), Lost> {
        match &self.stream {
            Some(stream) => Ok(stream.shutdown(Shutdown::Write)?),
            None => Ok(()),
        }
    }
}

/// One write, again after each interruption; 0 when it would block.
fn send(stream: &mut TcpStream, bytes: &[u8], writable: &mut bool) -> Result<usize, Lost> {
    loop {
        return match stream.write(bytes) {
            Ok(n) => {
                // A short write has filled the socket: free space is a new edge.
                *writable = n == bytes.len();
                Ok(n)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                *writable = false;
                Ok(0)
            }
            Err(error) => Err(error.into()),
        };
    }
}

/// Octets of one read. The scratch is larger by what TLS may keep in front of them.
pub(super) const READ_MAX: usize = 64 * 1024;
/// The worker's scratch.
pub(super) const SCRATCH: usize = READ_MAX + 88 * 1024;

/// Octets that the kernel keeps for an event stream. Linux takes twice as many, with what it
/// needs for itself: 256 KiB. DECISIONS.md, "Fairness and limits".
const STREAM_BUFFER: usize = 128 * 1024;
