//! Messages over TCP: two octets of length, then the message (RFC 1035 section 4.2.2). However the
//! stream is cut, the result is the same. Of a connection one message is read.

/// The first message of a stream, as it comes in. It holds at most 65,537 octets.
#[derive(Debug, Default)]
pub struct DnsFrame(Vec<u8>);

impl DnsFrame {
    /// Takes the next octets of the stream. Gives the message when it is complete.
    pub fn take(&mut self, octets: &[u8]) -> Option<&[u8]> {
        let missing = self.wanted().saturating_sub(self.0.len());
        let (now, rest) = octets.split_at(missing.min(octets.len()));
        self.0.extend_from_slice(now);
        // The length is known only now.
        let missing = self.wanted().saturating_sub(self.0.len());
        self.0.extend_from_slice(&rest[..missing.min(rest.len())]);
        match self.0.len() >= LENGTH && self.0.len() == self.wanted() {
            true => self.0.get(LENGTH..),
            false => None,
        }
    }

    /// Octets of the whole, as far as it is known.
    fn wanted(&self) -> usize {
        match *self.0.as_slice() {
            [high, low, ..] => LENGTH + usize::from(u16::from_be_bytes([high, low])),
            _ => LENGTH,
        }
    }

    /// A message as it is sent.
    pub fn of(message: &[u8]) -> Vec<u8> {
        let length = u16::try_from(message.len()).unwrap_or(u16::MAX);
        [&length.to_be_bytes()[..], message].concat()
    }
}

const LENGTH: usize = 2;
