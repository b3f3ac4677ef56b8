//! Whether a text is one JSON object (RFC 8259): the client's own object in a header field of a
//! submission. It is passed on as it came, so nothing of it is built.
//!
//! One pass without recursion: the levels that are open are bits of a number, so the depth has a
//! bound.

/// Whether a text is one JSON object, at most 64 levels deep.
pub fn is_object(text: &str) -> bool {
    let mut reader = ObjectReader {
        rest: text.as_bytes(),
        arrays: 0,
        depth: 0,
    };
    reader.read().is_some()
}

struct ObjectReader<'a> {
    rest: &'a [u8],
    /// A bit for each open level, the innermost lowest: 1 is an array, 0 an object.
    arrays: u64,
    depth: u32,
}

impl ObjectReader<'_> {
    /// Reads the object and the end of the text; `None` when they are not there.
    fn read(&mut self) -> Option<()> {
        self.skip_space();
        (self.rest.first() == Some(&b'{')).then_some(())?;
        let mut is_new = self.value()?;
        while self.depth > 0 {
            self.skip_space();
            let end = if self.is_array() { b']' } else { b'}' };
            if self.take(end).is_some() {
                self.arrays >>= 1;
                self.depth -= 1;
                is_new = false;
                continue;
            }
            if !is_new {
                self.take(b',')?;
                self.skip_space();
            }
            if !self.is_array() {
                self.take(b'"')?;
                self.string()?;
                self.skip_space();
                self.take(b':')?;
                self.skip_space();
            }
            is_new = self.value()?;
        }
        self.skip_space();
        self.rest.is_empty().then_some(())
    }

    fn is_array(&self) -> bool {
        self.arrays & 1 == 1
    }

    fn skip_space(&mut self) {
        while let [b' ' | b'\t' | b'\r' | b'\n', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    fn take(&mut self, octet: u8) -> Option<()> {
        let (first, rest) = self.rest.split_first()?;
        (*first == octet).then(|| self.rest = rest)
    }

    fn take_word(&mut self, word: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(word)?;
        Some(())
    }

    /// Reads a value, or the bracket that opens one; whether it is a bracket.
    fn value(&mut self) -> Option<bool> {
        let (first, rest) = self.rest.split_first()?;
        match first {
            b'{' | b'[' => {
                if self.depth == DEPTH_MAX {
                    return None;
                }
                self.rest = rest;
                self.arrays = self.arrays << 1 | u64::from(*first == b'[');
                self.depth += 1;
                return Some(true);
            }
            b'"' => {
                self.rest = rest;
                self.string()?;
            }
            b't' => self.take_word(b"true")?,
            b'f' => self.take_word(b"false")?,
            b'n' => self.take_word(b"null")?,
            _ => self.number()?,
        }
        Some(false)
    }

    /// Reads a string behind its first quotation mark.
    fn string(&mut self) -> Option<()> {
        loop {
            let (first, rest) = self.rest.split_first()?;
            self.rest = rest;
            match first {
                b'"' => return Some(()),
                b'\\' => {
                    let (escaped, rest) = self.rest.split_first()?;
                    self.rest = rest;
                    match escaped {
                        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                        b'u' => self.unit_pair()?,
                        _ => return None,
                    }
                }
                // RFC 8259 section 7: control characters are escaped.
                0..0x20 => return None,
                _ => {}
            }
        }
    }

    /// Reads what stands behind `\u`, and the other half of a pair: a half alone is no character.
    fn unit_pair(&mut self) -> Option<()> {
        match self.unit()? {
            0xD800..0xDC00 => {
                self.take_word(b"\\u")?;
                matches!(self.unit()?, 0xDC00..0xE000).then_some(())
            }
            0xDC00..0xE000 => None,
            _ => Some(()),
        }
    }

    fn unit(&mut self) -> Option<u16> {
        let (digits, rest) = self.rest.split_at_checked(4)?;
        self.rest = rest;
        let is_hex = digits.iter().all(u8::is_ascii_hexdigit);
        let text = core::str::from_utf8(digits).ok().filter(|_| is_hex)?;
        u16::from_str_radix(text, 16).ok()
    }

    fn number(&mut self) -> Option<()> {
        let _ = self.take(b'-');
        if self.take(b'0').is_none() {
            self.digits()?;
        }
        if self.take(b'.').is_some() {
            self.digits()?;
        }
        if self.take(b'e').or_else(|| self.take(b'E')).is_some() {
            let _ = self.take(b'+').or_else(|| self.take(b'-'));
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let n = self.rest.iter().take_while(|c| c.is_ascii_digit()).count();
        self.rest = self.rest.get(n..).unwrap_or_default();
        (n > 0).then_some(())
    }
}

/// Levels: as many as the bits of `arrays`.
const DEPTH_MAX: u32 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_and_nothing_else() {
        let deep = |n: usize| format!("{{\"a\":{}{}}}", "[".repeat(n), "]".repeat(n));
        for good in [
            "{}",
            " { } ",
            r#"{"a":1}"#,
            r#"{"a":-0.5e+7,"b":[true,false,null,"",{}],"c":{"d":[[],[1,2]]}}"#,
            r#"{"ü":"\u00fc\n\"\\\/","😀":"\ud83d\ude00"}"#,
            &deep(63),
        ] {
            assert!(is_object(good), "{good}");
        }
        for bad in [
            "",
            " ",
            "{",
            "}",
            "[]",
            "7",
            "null",
            r#""a""#,
            "{}{}",
            "{},",
            "{,}",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":1,}"#,
            r#"{a:1}"#,
            r#"{"a":01}"#,
            r#"{"a":1.}"#,
            r#"{"a":.1}"#,
            r#"{"a":1e}"#,
            r#"{"a":+1}"#,
            r#"{"a":tru}"#,
            r#"{"a":[1 2]}"#,
            r#"{"a":[1}]"#,
            r#"{"a":[,1]}"#,
            r#"{"a":"\x"}"#,
            r#"{"a":"\ud83d"}"#,
            r#"{"a":"\ude00"}"#,
            r#"{"a":"\u00g0"}"#,
            "{\"a\":\"\n\"}",
            "{\"a\":\"",
            r#"{"a":1 "b":2}"#,
            "{\u{a0}}",
            &deep(64),
        ] {
            assert!(!is_object(bad), "{bad}");
        }
    }
}
