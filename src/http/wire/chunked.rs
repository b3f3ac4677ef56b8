//! The chunked transfer coding (RFC 9112 section 7.1), read strictly: hexadecimal digits only,
//! CRLF only, extensions and trailers skipped but never wrong.
//!
//! Incremental without copies: it is given everything unread and says how much it used. A
//! chunk's line is judged when it is complete or too long, so that cuts change nothing.

use memchr::memchr;

/// Where in the coding the reader is.
#[derive(Debug)]
pub(crate) struct Chunked {
    state: ChunkedState,
    /// Octets of trailer fields so far.
    trailer: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum ChunkedState {
    ExpectSize,
    ExpectData(u64),
    ExpectDataEnd,
    ExpectTrailer,
    Done,
}

/// Why a body is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ChunkError {
    /// It is not in this coding.
    Syntax,
    /// More octets than the route allows.
    TooLong,
}

impl Chunked {
    pub fn new() -> Self {
        Chunked {
            state: ChunkedState::ExpectSize,
            trailer: 0,
        }
    }

    /// Whether the last chunk and the trailer have been read.
    pub fn is_done(&self) -> bool {
        self.state == ChunkedState::Done
    }

    /// One step: what it used of `bytes`, and the part of that which is body. Uses nothing
    /// when a line is not complete. `room` is how many octets the body may still grow.
    pub fn step<'a>(
        &mut self,
        bytes: &'a [u8],
        room: u64,
    ) -> Result<(usize, &'a [u8]), ChunkError> {
        match self.state {
            ChunkedState::ExpectSize => {
                let Some(line) = line(bytes)? else {
                    return Ok((0, &[]));
                };
                let size = size(line)?;
                if size > room {
                    return Err(ChunkError::TooLong);
                }
                self.state = match size {
                    0 => ChunkedState::ExpectTrailer,
                    n => ChunkedState::ExpectData(n),
                };
                Ok((line.len() + 2, &[]))
            }
            ChunkedState::ExpectData(left) => {
                let n = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                let data = bytes.get(..n).unwrap_or_default();
                let left = left.saturating_sub(n as u64);
                self.state = match left {
                    0 => ChunkedState::ExpectDataEnd,
                    left => ChunkedState::ExpectData(left),
                };
                Ok((n, data))
            }
            ChunkedState::ExpectDataEnd => match bytes {
                [b'\r', b'\n', ..] => {
                    self.state = ChunkedState::ExpectSize;
                    Ok((2, &[]))
                }
                [] | [b'\r'] => Ok((0, &[])),
                _ => Err(ChunkError::Syntax),
            },
            ChunkedState::ExpectTrailer => {
                let Some(line) = line(bytes)? else {
                    return Ok((0, &[]));
                };
                self.trailer += line.len() + 2;
                if self.trailer > TRAILER_MAX {
                    return Err(ChunkError::Syntax);
                }
                if line.is_empty() {
                    self.state = ChunkedState::Done;
                } else if !is_field(line) {
                    return Err(ChunkError::Syntax);
                }
                Ok((line.len() + 2, &[]))
            }
            ChunkedState::Done => Ok((0, &[])),
        }
    }
}

/// A complete line without its CRLF; `None` when there is none yet.
fn line(bytes: &[u8]) -> Result<Option<&[u8]>, ChunkError> {
    match memchr(
        b'\n',
        bytes.get(..LINE_MAX.min(bytes.len())).unwrap_or_default(),
    ) {
        Some(end) => match bytes.get(..end).and_then(|l| l.strip_suffix(b"\r")) {
            Some(line) => Ok(Some(line)),
            None => Err(ChunkError::Syntax),
        },
        None if bytes.len() >= LINE_MAX => Err(ChunkError::Syntax),
        None => Ok(None),
    }
}

/// `chunk-size [ chunk-ext ]`. No sign, no `0x`, no space in front, no overflow.
fn size(line: &[u8]) -> Result<u64, ChunkError> {
    let digits = line.iter().take_while(|b| b.is_ascii_hexdigit()).count();
    if digits == 0 || digits > SIZE_DIGITS_MAX {
        return Err(ChunkError::Syntax);
    }
    let (number, extension) = line.split_at(digits);
    let clean = extension.iter().all(|b| b.is_ascii_graphic() || *b == b' ');
    if !clean || !(extension.is_empty() || extension.starts_with(b";")) {
        return Err(ChunkError::Syntax);
    }
    Ok(number.iter().fold(0, |n, b| {
        n * 16 + u64::from(char::from(*b).to_digit(16).unwrap_or(0))
    }))
}

/// Whether a line is a trailer field. Its value is dropped; only its form is checked.
fn is_field(line: &[u8]) -> bool {
    let Some(colon) = memchr(b':', line) else {
        return false;
    };
    let (name, value) = line.split_at(colon);
    let token = |b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b);
    let text = |b: &u8| *b == b'\t' || (*b >= b' ' && *b != 0x7f);
    !name.is_empty() && name.iter().all(token) && value.iter().all(text)
}

/// Octets of a size or trailer line with its CRLF; extensions are rare and short.
const LINE_MAX: usize = 256;
/// Fifteen hexadecimal digits cannot overflow, and no body is that long.
const SIZE_DIGITS_MAX: usize = 15;
/// Octets of all trailer fields.
const TRAILER_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], cut: usize, max: u64) -> Result<(Vec<u8>, usize, bool), ChunkError> {
        let (mut body, mut at, mut end) = (Vec::new(), 0, 0);
        let mut chunked = Chunked::new();
        while end < bytes.len() {
            end = (end + cut).min(bytes.len());
            loop {
                let (used, data) = chunked.step(&bytes[at..end], max - body.len() as u64)?;
                body.extend_from_slice(data);
                at += used;
                if used == 0 || chunked.is_done() {
                    break;
                }
            }
        }
        Ok((body, at, chunked.is_done()))
    }

    #[test]
    fn good_and_bad() {
        let long = format!("1;{}\r\nx\r\n0\r\n\r\n", "e".repeat(300));
        let trailer = format!("0\r\n{}\r\n", "a: b\r\n".repeat(300));
        for (text, want) in [
            ("0\r\n\r\n", Some("")),
            ("3\r\nabc\r\n0\r\n\r\n", Some("abc")),
            (
                "3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n",
                Some("abc0123456789"),
            ),
            ("003;ext=1\r\nabc\r\n0\r\nTrailer: yes\r\n\r\n", Some("abc")),
            ("3 \r\nabc\r\n0\r\n\r\n", None),
            (" 3\r\nabc\r\n0\r\n\r\n", None),
            ("+3\r\nabc\r\n0\r\n\r\n", None),
            ("-3\r\nabc\r\n0\r\n\r\n", None),
            ("0x3\r\nabc\r\n0\r\n\r\n", None),
            ("3\nabc\r\n0\r\n\r\n", None),
            ("3\r\nabc\n0\r\n\r\n", None),
            ("3\r\nabcd\r\n0\r\n\r\n", None),
            ("3\r\nab\r\n0\r\n\r\n", None),
            ("3;a\nb\r\nabc\r\n0\r\n\r\n", None),
            ("3;a\x00\r\nabc\r\n0\r\n\r\n", None),
            ("3;\ra\r\nabc\r\n0\r\n\r\n", None),
            ("\r\nabc\r\n0\r\n\r\n", None),
            ("ffffffffffffffff\r\nabc", None),
            ("10000000000000003\r\nabc", None),
            ("0\r\nbad\r\n\r\n", None),
            ("0\r\n: x\r\n\r\n", None),
            ("0\r\na : x\r\n\r\n", None),
            ("0\r\na: x\n\r\n", None),
            (&long, None),
            (&trailer, None),
        ] {
            for cut in [text.len(), 1, 7] {
                let got = read(text.as_bytes(), cut, 1000);
                match want {
                    Some(body) => {
                        assert_eq!(got, Ok((body.into(), text.len(), true)), "{text:?} {cut}")
                    }
                    None => assert!(got.is_err(), "{text:?} {cut}: {got:?}"),
                }
            }
        }
        assert_eq!(read(b"5\r\nabcde", 1, 4), Err(ChunkError::TooLong));
        assert_eq!(read(b"2\r\nab\r\n3\r\n", 1, 4), Err(ChunkError::TooLong));
    }
}
