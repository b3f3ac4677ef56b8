//! Frames (RFC 6455 section 5.2): their heads as a client sends them, and frames of a server.
//!
//! ```text
//!  0               1               2               3
//! +-+-+-+-+-------+-+-------------+-------------------------------+
//! |F|R|R|R| opcode|M| length (7)  | length (16 or 64)             |
//! |I|S|S|S|       |A| 126: 16     |                               |
//! |N|V|V|V|       |S| 127: 64     | key of the mask (32), if MASK |
//! +-+-+-+-+-------+-+-------------+-------------------------------+
//! ```
//!
//! A fault is told from the first octet that shows it, so that it does not depend on how the
//! octets were cut.

/// Why a connection is closed (RFC 6455 section 7.4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CloseCode {
    /// 1001: the server stops, or the client is not there any more.
    GoingAway,
    /// 1002: what came is no WebSocket.
    Protocol,
    /// 1003: binary data, of which there is none here.
    Unsupported,
    /// 1007: a text that is not UTF-8.
    BadText,
    /// 1008: the key has ended, or the client asks for too much.
    Policy,
    /// 1009: a message over the limit.
    TooLarge,
}

impl CloseCode {
    /// Its number.
    pub const fn number(self) -> u16 {
        match self {
            CloseCode::GoingAway => 1001,
            CloseCode::Protocol => 1002,
            CloseCode::Unsupported => 1003,
            CloseCode::BadText => 1007,
            CloseCode::Policy => 1008,
            CloseCode::TooLarge => 1009,
        }
    }
}

/// A fault of the client, which ends the connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FrameFault {
    /// The code that it is closed with.
    pub code: CloseCode,
    /// The reason in the frame that closes; at most 123 octets.
    pub why: &'static str,
}

/// What a frame carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Opcode {
    /// More of the text before.
    Continuation,
    /// The beginning of a text.
    Text,
    /// The last words of a peer.
    Close,
    /// A question whether the peer is there.
    Ping,
    /// The answer to it.
    Pong,
}

/// The head of a frame from a client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FrameHead {
    /// It is the last one of its message.
    pub is_last: bool,
    /// What it carries.
    pub opcode: Opcode,
    /// Octets of its payload.
    pub len: u64,
    /// The key of its mask.
    pub mask: [u8; 4],
    /// Octets of the head itself: 6, 8 or 14.
    pub size: usize,
}

impl FrameHead {
    /// Reads the head at the beginning of `octets`; `None` while it is not whole. `continues`: a
    /// message has begun, and its last frame has not come.
    ///
    /// # Errors
    /// The first fault in the order of the octets.
    pub fn read(octets: &[u8], continues: bool) -> Result<Option<FrameHead>, FrameFault> {
        let Some(first) = octets.first() else {
            return Ok(None);
        };
        let (is_last, opcode) = read_first(*first, continues)?;
        let Some(second) = octets.get(1) else {
            return Ok(None);
        };
        if second & 0x80 == 0 {
            // RFC 6455 section 5.1.
            return Err(protocol("a frame of a client must be masked"));
        }
        let short = second & 0x7f;
        let is_control = !matches!(opcode, Opcode::Text | Opcode::Continuation);
        if is_control && short > CONTROL_BYTES_MAX {
            // RFC 6455 section 5.5.
            return Err(protocol("a control frame has at most 125 octets"));
        }
        let wide = match short {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let Some(extended) = octets.get(2..2 + wide) else {
            // The highest bit of the length must be 0 (RFC 6455 section 5.2).
            return match octets.get(2).filter(|_| wide == 8) {
                Some(high) if high & 0x80 != 0 => Err(protocol(NO_LENGTH)),
                _ => Ok(None),
            };
        };
        let number = extended
            .iter()
            .fold(0u64, |n, octet| n << 8 | u64::from(*octet));
        let (len, least) = match short {
            126 => (number, 126),
            127 => (number, 0x1_0000),
            short => (u64::from(short), 0),
        };
        if len < least || len > i64::MAX as u64 {
            return Err(protocol(NO_LENGTH));
        }
        let size = 2 + wide + 4;
        let Some(Ok(mask)) = octets.get(2 + wide..size).map(<[u8; 4]>::try_from) else {
            return Ok(None);
        };
        Ok(Some(FrameHead {
            is_last,
            opcode,
            len,
            mask,
            size,
        }))
    }
}

/// The first octet of a head.
fn read_first(first: u8, continues: bool) -> Result<(bool, Opcode), FrameFault> {
    let is_last = first & 0x80 != 0;
    if first & 0x70 != 0 {
        // No extension was agreed on, so no reserved bit has a meaning.
        return Err(protocol("a reserved bit is set"));
    }
    let opcode = match first & 0x0f {
        0 if !continues => return Err(protocol("there is no message to continue")),
        0 => Opcode::Continuation,
        1 | 2 if continues => return Err(protocol("the message before has not ended")),
        1 => Opcode::Text,
        2 => {
            return Err(FrameFault {
                code: CloseCode::Unsupported,
                why: "messages are text",
            });
        }
        8 => Opcode::Close,
        9 => Opcode::Ping,
        10 => Opcode::Pong,
        _ => return Err(protocol("there is no such opcode")),
    };
    if !is_last && matches!(opcode, Opcode::Close | Opcode::Ping | Opcode::Pong) {
        return Err(protocol("a control frame is not fragmented"));
    }
    Ok((is_last, opcode))
}

/// A fault with the code 1002.
pub(super) fn protocol(why: &'static str) -> FrameFault {
    FrameFault {
        code: CloseCode::Protocol,
        why,
    }
}

/// Whether a peer may close with a code (RFC 6455 section 7.4, and the registry of IANA).
pub fn is_close_code(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

/// Writes a text frame whose payload `fill` appends.
pub(crate) fn write_text(out: &mut Vec<u8>, fill: impl FnOnce(&mut Vec<u8>)) {
    // Most events have 126 to 65,535 octets: the head has four then, and nothing is moved.
    let at = out.len();
    out.extend_from_slice(&[FINAL | 1, 126, 0, 0]);
    fill(out);
    let len = out.len().saturating_sub(at + 4);
    let head = head_of(len);
    let (whole, used) = (&head.0, head.1);
    out.splice(at..at + 4, whole.iter().take(used).copied());
}

/// The head of a text frame, and how many octets of it there are.
fn head_of(len: usize) -> ([u8; 10], usize) {
    let mut head = [0; 10];
    let [first, second, rest @ ..] = &mut head;
    *first = FINAL | 1;
    if let Ok(short) = u8::try_from(len)
        && short <= CONTROL_BYTES_MAX
    {
        *second = short;
        (head, 2)
    } else if let Ok(middle) = u16::try_from(len) {
        *second = 126;
        let [a, b, ..] = rest;
        [*a, *b] = middle.to_be_bytes();
        (head, 4)
    } else {
        *second = 127;
        *rest = (len as u64).to_be_bytes();
        (head, 10)
    }
}

/// Writes a control frame; of a payload over 125 octets the beginning.
fn write_control(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    let payload = payload.get(..CONTROL_BYTES_MAX as usize).unwrap_or(payload);
    let len = u8::try_from(payload.len()).unwrap_or(CONTROL_BYTES_MAX);
    out.extend_from_slice(&[FINAL | opcode, len]);
    out.extend_from_slice(payload);
}

/// Writes a ping.
pub(crate) fn write_ping(out: &mut Vec<u8>) {
    write_control(out, 9, b"");
}

/// Writes the answer to a ping with this payload.
pub(crate) fn write_pong(out: &mut Vec<u8>, payload: &[u8]) {
    write_control(out, 10, payload);
}

/// Writes the frame that closes; without a code where the client gave none.
pub(crate) fn write_close(out: &mut Vec<u8>, code: Option<u16>, why: &str) {
    let mut payload = Vec::new();
    if let Some(code) = code {
        payload.extend_from_slice(&code.to_be_bytes());
        payload.extend_from_slice(why.as_bytes());
    }
    write_control(out, 8, &payload);
}

const FINAL: u8 = 0x80;
/// Octets of the payload of a control frame (RFC 6455 section 5.5).
const CONTROL_BYTES_MAX: u8 = 125;
const NO_LENGTH: &str = "a length is not in its shortest form";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn text_has_the_shortest_head() {
        for (len, head) in [
            (0, &[0x81, 0][..]),
            (125, &[0x81, 125]),
            (126, &[0x81, 126, 0, 126]),
            (65_535, &[0x81, 126, 0xff, 0xff]),
            (65_536, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let mut out = b"before".to_vec();
            write_text(&mut out, |out| out.resize(out.len() + len, b'x'));
            assert_eq!(&out[..6], b"before");
            assert_eq!(&out[6..6 + head.len()], head, "{len}");
            assert_eq!(out.len(), 6 + head.len() + len);
            assert!(out[6 + head.len()..].iter().all(|octet| *octet == b'x'));
        }
    }

    #[test]
    fn heads_are_read() {
        let mask = [1, 2, 3, 4];
        for (octets, len) in [
            (vec![0x81, 0x80], 0),
            (vec![0x81, 0x80 | 125], 125),
            (vec![0x81, 0xfe, 0, 126], 126),
            (vec![0x81, 0xfe, 0xff, 0xff], 65_535),
            (vec![0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 0], 65_536),
            (
                vec![0x81, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255],
                i64::MAX as u64,
            ),
        ] {
            let whole = [&octets[..], &mask].concat();
            for end in 0..whole.len() {
                assert_eq!(FrameHead::read(&whole[..end], false), Ok(None));
            }
            let head = FrameHead::read(&whole, false).unwrap().unwrap();
            assert_eq!((head.len, head.mask, head.size), (len, mask, whole.len()));
        }
    }

    #[test]
    fn codes_of_closing() {
        for code in [
            1000, 1001, 1003, 1007, 1011, 1012, 1014, 3000, 3999, 4000, 4999,
        ] {
            assert!(is_close_code(code), "{code}");
        }
        for code in [
            0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535,
        ] {
            assert!(!is_close_code(code), "{code}");
        }
    }
}
