//! Messages and control frames out of the octets of a client.
//!
//! ```text
//! Head -> Payload -> Head        text: taken as it comes, unmasked and checked at once
//!      -> (whole)  -> Head       control: waited for, since it has 125 octets at most
//! ```
//!
//! Each octet is unmasked once and checked at most four times, however the octets are cut. The
//! rule: a message that will be over its limit is known from the head of the frame that makes it
//! so, and a text that is not UTF-8 from the first octet that shows it, across frames too.

use super::frame::{CloseCode, FrameFault, FrameHead, Opcode, is_close_code, protocol};

/// The reader of one connection. It holds no buffer between messages.
#[derive(Debug, Default)]
pub struct MessageReader {
    /// The message so far, unmasked.
    text: Vec<u8>,
    /// So much of it is known to be UTF-8.
    checked: usize,
    /// A message has begun, and its last frame has not come.
    continues: bool,
    /// The frame whose payload comes.
    payload: Option<Payload>,
    /// The octets that came last are the beginning of a frame.
    is_cut: bool,
}

#[derive(Clone, Copy, Debug)]
struct Payload {
    left: u64,
    /// Turned so that its first octet is for the next one.
    mask: [u8; 4],
    is_last: bool,
}

/// What a client has sent, whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FromClient {
    /// A frame that is not the last of its message, or a part of one.
    Part,
    /// A message.
    Text(Vec<u8>),
    /// A ping with its payload.
    Ping(Vec<u8>),
    /// A pong.
    Pong,
    /// The last words, with a code or without.
    Close(Option<u16>),
}

impl MessageReader {
    /// Reads at the beginning of `octets`; gives how many were used. 0 is none: more are needed.
    /// A message may have `max` octets.
    ///
    /// # Errors
    /// The connection ends with it.
    pub fn read(&mut self, octets: &[u8], max: usize) -> Result<(usize, FromClient), FrameFault> {
        self.is_cut = false;
        if let Some(payload) = self.payload.take() {
            return self.take(payload, octets);
        }
        let Some(head) = FrameHead::read(octets, self.continues)? else {
            self.is_cut = !octets.is_empty();
            return Ok((0, FromClient::Part));
        };
        if matches!(head.opcode, Opcode::Text | Opcode::Continuation) {
            let room = max.saturating_sub(self.text.len()) as u64;
            if head.len > room {
                return Err(FrameFault {
                    code: CloseCode::TooLarge,
                    why: "the message is too long",
                });
            }
            self.continues = true;
            let payload = Payload {
                left: head.len,
                mask: head.mask,
                is_last: head.is_last,
            };
            let rest = octets.get(head.size..).unwrap_or_default();
            let (used, received) = self.take(payload, rest)?;
            return Ok((head.size + used, received));
        }
        let end = head.size + usize::try_from(head.len).unwrap_or(usize::MAX);
        let Some(masked) = octets.get(head.size..end) else {
            self.is_cut = true;
            return Ok((0, FromClient::Part));
        };
        let payload: Vec<u8> = unmasked(masked, head.mask).collect();
        let received = match head.opcode {
            Opcode::Ping => FromClient::Ping(payload),
            Opcode::Close => FromClient::Close(close_code(&payload)?),
            _ => FromClient::Pong,
        };
        Ok((end, received))
    }

    /// Whether a message or a frame has begun and has not ended.
    pub fn is_within(&self) -> bool {
        self.continues || self.is_cut
    }

    /// Takes what is there of a payload.
    fn take(
        &mut self,
        mut payload: Payload,
        octets: &[u8],
    ) -> Result<(usize, FromClient), FrameFault> {
        let wanted = usize::try_from(payload.left).unwrap_or(usize::MAX);
        let used = wanted.min(octets.len());
        let masked = octets.get(..used).unwrap_or_default();
        self.text.extend(unmasked(masked, payload.mask));
        payload.left -= used as u64;
        payload.mask.rotate_left(used % 4);
        let ends = payload.left == 0 && payload.is_last;
        self.check(ends)?;
        if payload.left > 0 {
            self.payload = Some(payload);
        } else if payload.is_last {
            self.continues = false;
            self.checked = 0;
            return Ok((used, FromClient::Text(core::mem::take(&mut self.text))));
        }
        Ok((used, FromClient::Part))
    }

    /// Checks the octets that have come since the last time.
    fn check(&mut self, ends: bool) -> Result<(), FrameFault> {
        let fresh = self.text.get(self.checked..).unwrap_or_default();
        let is_good = match core::str::from_utf8(fresh) {
            Ok(_) => {
                self.checked = self.text.len();
                true
            }
            Err(error) => {
                self.checked += error.valid_up_to();
                // The beginning of a character is good until the message ends.
                error.error_len().is_none() && !ends
            }
        };
        match is_good {
            true => Ok(()),
            false => Err(FrameFault {
                code: CloseCode::BadText,
                why: "a text is not UTF-8",
            }),
        }
    }
}

/// The code in the payload of a close frame (RFC 6455 section 5.5.1).
fn close_code(payload: &[u8]) -> Result<Option<u16>, FrameFault> {
    let (code, why) = match payload {
        [] => return Ok(None),
        [high, low, why @ ..] => (u16::from_be_bytes([*high, *low]), why),
        [_] => return Err(protocol("half a code closes nothing")),
    };
    if !is_close_code(code) {
        return Err(protocol("no peer closes with such a code"));
    }
    match core::str::from_utf8(why) {
        Ok(_) => Ok(Some(code)),
        Err(_) => Err(FrameFault {
            code: CloseCode::BadText,
            why: "a reason is not UTF-8",
        }),
    }
}

fn unmasked(octets: &[u8], mask: [u8; 4]) -> impl Iterator<Item = u8> + '_ {
    octets
        .iter()
        .zip(mask.into_iter().cycle())
        .map(|(octet, key)| octet ^ key)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const MAX: usize = 64;

    /// A frame of a client, with its mask.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mask = [0x12, 0x34, 0x56, 0x78];
        let mut octets = vec![first, 0x80 | u8::try_from(payload.len()).unwrap()];
        octets.extend_from_slice(&mask);
        octets.extend(unmasked(payload, mask));
        octets
    }

    /// All that is read of octets that come in pieces.
    fn read_all(octets: &[u8], piece: usize) -> (Vec<FromClient>, Option<CloseCode>) {
        let mut reader = MessageReader::default();
        let (mut all, mut unread) = (Vec::new(), Vec::new());
        for piece in octets.chunks(piece) {
            unread.extend_from_slice(piece);
            loop {
                match reader.read(&unread, MAX) {
                    Ok((used, received)) => {
                        all.extend(Some(received).filter(|r| *r != FromClient::Part));
                        unread.drain(..used);
                        if used == 0 || unread.is_empty() {
                            break;
                        }
                    }
                    Err(fault) => return (all, Some(fault.code)),
                }
            }
        }
        (all, None)
    }

    #[test]
    fn a_message_is_its_fragments_with_control_frames_between() {
        let octets = [
            frame(0x01, "h\u{e9}".as_bytes().get(..2).unwrap()),
            frame(0x89, b"p"),
            frame(0x00, "\u{e9}".as_bytes().get(1..).unwrap()),
            frame(0x8a, b""),
            frame(0x80, b"!"),
            frame(0x81, b""),
            frame(0x88, &1000u16.to_be_bytes()),
        ]
        .concat();
        for piece in [1, 2, 7, octets.len()] {
            let (all, fault) = read_all(&octets, piece);
            assert_eq!(fault, None);
            let wanted = [
                FromClient::Ping(b"p".to_vec()),
                FromClient::Pong,
                FromClient::Text("h\u{e9}!".as_bytes().to_vec()),
                FromClient::Text(Vec::new()),
                FromClient::Close(Some(1000)),
            ];
            assert_eq!(all, wanted);
        }
    }

    #[test]
    fn bad_text_is_told_at_its_first_octet() {
        // Each is bad from its last octet on; what follows it has not come.
        for bad in [
            &b"ok\xff"[..],
            b"\xc0",
            b"\xc3(",
            b"\xe0\x80",
            b"\xed\xa0",
            b"\xf4\x90",
            b"\xf5",
            b"\x80",
        ] {
            let mut octets = frame(0x01, bad.get(..1).unwrap());
            octets.extend([0x80, 0x80 | 60, 0, 0, 0, 0]);
            octets.extend_from_slice(bad.get(1..).unwrap());
            for piece in [1, octets.len()] {
                let (all, fault) = read_all(&octets, piece);
                assert_eq!((all.len(), fault), (0, Some(CloseCode::BadText)), "{bad:?}");
            }
        }
        // The beginning of a character at the end of a message.
        let octets = frame(0x81, b"\xf0\x9f\x98");
        assert_eq!(read_all(&octets, 3).1, Some(CloseCode::BadText));
    }

    #[test]
    fn the_limit_counts_all_fragments_from_the_head() {
        let mut octets = frame(0x01, &[b'x'; 40]);
        octets.extend(frame(0x00, &[b'x'; 24]));
        assert_eq!(read_all(&octets, 5), (Vec::new(), None));
        // One octet more, of which nothing has come.
        octets.extend([0x80, 0x81, 0, 0, 0, 0]);
        assert_eq!(read_all(&octets, 5).1, Some(CloseCode::TooLarge));
        let huge = [
            0x81, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0,
        ];
        assert_eq!(read_all(&huge, 1).1, Some(CloseCode::TooLarge));
    }
}
