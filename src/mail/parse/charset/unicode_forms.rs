//! Forms of Unicode that the web has given up: UTF-7 (RFC 2152) and UTF-32.
//!
//! Mailbox names have a UTF-7 of their own, in `mail::utf7`, which is strict. Here reading is
//! lenient: what is no UTF-7 stays as it is written.

/// Decodes UTF-7 piece by piece.
#[derive(Debug, Clone, Default)]
pub(super) struct Utf7Decoder {
    /// The octets after `+`, for as long as they make no unit; at most two.
    run: Vec<u8>,
    is_shifted: bool,
    /// At least one unit has come since the `+`.
    has_unit: bool,
    bits: u32,
    bit_count: u32,
    /// The first half of a surrogate pair.
    high: Option<u16>,
}

impl Utf7Decoder {
    /// Appends the text of `octets`; `is_last` says that nothing follows.
    pub fn push(&mut self, octets: &[u8], is_last: bool, out: &mut String) {
        for &b in octets {
            if !self.is_shifted {
                match b {
                    b'+' => self.is_shifted = true,
                    b if b.is_ascii() => out.push(char::from(b)),
                    _ => out.push(char::REPLACEMENT_CHARACTER),
                }
                continue;
            }
            let Some(sextet) = sextet(b) else {
                self.end(b, out);
                continue;
            };
            if !self.has_unit {
                self.run.push(b);
            }
            self.bits = self.bits << 6 | sextet;
            self.bit_count += 6;
            if self.bit_count >= 16 {
                self.bit_count -= 16;
                let unit = u16::try_from(self.bits >> self.bit_count & 0xffff).unwrap_or_default();
                self.has_unit = true;
                self.run.clear();
                self.unit(unit, out);
            }
        }
        if is_last && self.is_shifted {
            self.unshift(out);
        }
    }

    /// The first octet after base64.
    fn end(&mut self, b: u8, out: &mut String) {
        let is_empty = self.run.is_empty() && !self.has_unit;
        if b == b'-' && is_empty {
            self.is_shifted = false;
            out.push('+');
            return;
        }
        self.unshift(out);
        match b {
            b'-' => {}
            b if b.is_ascii() => out.push(char::from(b)),
            _ => out.push(char::REPLACEMENT_CHARACTER),
        }
    }

    fn unshift(&mut self, out: &mut String) {
        if !self.has_unit {
            // No base64 at all, such as the plus sign of a sum.
            out.push('+');
            out.extend(self.run.drain(..).map(char::from));
        }
        if self.high.is_some() {
            out.push(char::REPLACEMENT_CHARACTER);
        }
        *self = Utf7Decoder::default();
    }

    fn unit(&mut self, unit: u16, out: &mut String) {
        let pair = self.high.take().map(|high| [high, unit]);
        match (pair, unit) {
            (Some(pair), 0xdc00..=0xdfff) => {
                out.extend(char::decode_utf16(pair).map(|c| c.unwrap_or_default()));
            }
            (Some(_), _) => {
                out.push(char::REPLACEMENT_CHARACTER);
                self.unit(unit, out);
            }
            (None, 0xd800..=0xdbff) => self.high = Some(unit),
            (None, _) => {
                out.push(char::from_u32(u32::from(unit)).unwrap_or(char::REPLACEMENT_CHARACTER))
            }
        }
    }
}

/// Decodes UTF-32 piece by piece. A byte order mark decides its order.
#[derive(Debug, Clone)]
pub(super) struct Utf32Decoder {
    is_little: bool,
    is_start: bool,
    held: Vec<u8>,
}

impl Utf32Decoder {
    pub fn new(is_little: bool) -> Utf32Decoder {
        Utf32Decoder {
            is_little,
            is_start: true,
            held: Vec::new(),
        }
    }

    /// Appends the text of `octets`; `is_last` says that nothing follows.
    pub fn push(&mut self, octets: &[u8], is_last: bool, out: &mut String) {
        let mut all = std::mem::take(&mut self.held);
        all.extend_from_slice(octets);
        let (units, odd) = all.as_chunks::<4>();
        for unit in units {
            if std::mem::take(&mut self.is_start) {
                match unit {
                    [0, 0, 0xfe, 0xff] => self.is_little = false,
                    [0xff, 0xfe, 0, 0] => self.is_little = true,
                    _ => out.push(self.character(*unit)),
                }
            } else {
                out.push(self.character(*unit));
            }
        }
        if is_last && !odd.is_empty() {
            out.push(char::REPLACEMENT_CHARACTER);
        } else {
            self.held = odd.to_vec();
        }
    }

    fn character(&self, unit: [u8; 4]) -> char {
        let value = match self.is_little {
            true => u32::from_le_bytes(unit),
            false => u32::from_be_bytes(unit),
        };
        char::from_u32(value).unwrap_or(char::REPLACEMENT_CHARACTER)
    }
}

fn sextet(b: u8) -> Option<u32> {
    Some(u32::from(match b {
        b'A'..=b'Z' => b - b'A',
        b'a'..=b'z' => b - b'a' + 26,
        b'0'..=b'9' => b - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    }))
}
