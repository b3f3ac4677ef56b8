//! The escapes of JSON strings (RFC 8259 section 7), and how long they make a text.
//!
//! Not the values around the strings (`json.rs`). Every control is escaped, so a string never holds
//! a line end.

/// Writes octets of a string, which may be cut at any octet, without the quotes around it.
pub(crate) fn escape(out: &mut Vec<u8>, bytes: &[u8]) {
    let mut left = bytes;
    while let Some(at) = next_escaped(left) {
        let (plain, rest) = left.split_at(at);
        out.extend_from_slice(plain);
        let Some((byte, rest)) = rest.split_first() else {
            return;
        };
        left = rest;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            other => {
                let digit = |n: u8| char::from_digit(n.into(), 16).map_or(b'0', |c| c as u8);
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[digit(other >> 4), digit(other & 15)]);
            }
        }
    }
    out.extend_from_slice(left);
}

/// Where the first octet stands that is escaped, eight octets at a time.
fn next_escaped(bytes: &[u8]) -> Option<usize> {
    let (words, rest) = bytes.as_chunks::<8>();
    for (n, word) in words.iter().enumerate() {
        let hits = hits(u64::from_le_bytes(*word));
        if hits != 0 {
            return Some(n * 8 + hits.trailing_zeros() as usize / 8);
        }
    }
    let at = rest.iter().position(|byte| is_escaped(*byte))?;
    Some(words.len() * 8 + at)
}

const fn is_escaped(byte: u8) -> bool {
    byte < b' ' || byte == b'"' || byte == b'\\' || byte == 0x7f
}

/// Bits of which the lowest stands in the first octet of a little-endian word that is escaped. An
/// octet above a hit may look like one, since a difference borrows from it; none below does.
const fn hits(word: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const fn below(word: u64, bound: u8) -> u64 {
        word.wrapping_sub(EACH * bound as u64) & !word
    }
    let quote = below(word ^ (EACH * b'"' as u64), 1);
    let backslash = below(word ^ (EACH * b'\\' as u64), 1);
    let delete = below(word ^ (EACH * 0x7f), 1);
    (below(word, b' ') | quote | backslash | delete) & (EACH * 0x80)
}

/// The octets that [`escape`] makes of a text. The compiler turns the sum of a short run, which
/// fits into one octet, into wide comparisons.
pub(crate) fn escaped_len(text: &str) -> usize {
    let more = |b: &u8| match *b {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 1,
        0..b' ' | 0x7f => 5,
        _ => 0,
    };
    let runs = text.as_bytes().chunks(ESCAPED_RUN);
    let more: usize = runs
        .map(|run| usize::from(run.iter().map(more).sum::<u8>()))
        .sum();
    text.len().saturating_add(more)
}

/// So many octets, each with five more when it is escaped, are below 256.
const ESCAPED_RUN: usize = 48;

#[cfg(test)]
mod tests {
    use super::*;

    /// Every octet at every place of a word, beside others that borrow.
    #[test]
    fn the_first_octet_to_escape_is_found() {
        for fill in [b'a', b'!', b'#', b'[', b']', 0x80, 0xff, b'~'] {
            for at in 0..20 {
                for byte in 0..=255u8 {
                    let mut text = [fill; 21];
                    text[at] = byte;
                    let found = text.iter().position(|byte| is_escaped(*byte));
                    assert_eq!(next_escaped(&text), found, "{fill} {at} {byte}");
                }
            }
        }
    }

    #[test]
    fn the_length_is_that_of_the_escapes() {
        let every: String = (0..0x250u32).filter_map(char::from_u32).collect();
        for text in ["", "plain", &every, &every.repeat(5), &"\u{1}".repeat(1000)] {
            let mut out = Vec::new();
            escape(&mut out, text.as_bytes());
            assert_eq!(out.len(), escaped_len(text));
            assert!(!out.iter().any(u8::is_ascii_control));
        }
    }
}
