//! The escapes of JSON strings (RFC 8259 section 7), and how long they make a text.
//!
//! Not the values around the strings (`json.rs`). Every control is escaped, so a string never holds
//! a line end.

/// Writes octets of a string, which may be cut at any octet, without the quotes around it.
pub(crate) fn escape(out: &mut Vec<u8>, bytes: &[u8]) {
    out.reserve(bytes.len());
    let mut left = bytes;
    while let Some((word, behind)) = left.split_first_chunk::<8>() {
        // The copy of a whole word is one instruction, also where not all of it is plain.
        let begin = out.len();
        out.extend_from_slice(word);
        let hits = hits(u64::from_le_bytes(*word));
        if hits == 0 {
            left = behind;
            continue;
        }
        let at = hits.trailing_zeros() as usize / 8;
        out.truncate(begin + at);
        let Some((byte, behind)) = left.get(at..).and_then(<[u8]>::split_first) else {
            return;
        };
        escape_one(out, *byte);
        left = behind;
    }
    for byte in left {
        match is_escaped(*byte) {
            true => escape_one(out, *byte),
            false => out.push(*byte),
        }
    }
}

/// Writes an octet that is escaped.
fn escape_one(out: &mut Vec<u8>, byte: u8) {
    let letter = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        other => {
            let digit = |n: u8| char::from_digit(n.into(), 16).map_or(b'0', |c| c as u8);
            out.extend_from_slice(b"\\u00");
            return out.extend_from_slice(&[digit(other >> 4), digit(other & 15)]);
        }
    };
    out.extend_from_slice(&[b'\\', letter]);
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
    fn every_octet_is_escaped_or_not_wherever_it_stands() {
        for fill in [b'a', b'!', b'#', b'[', b']', 0x80, 0xff, b'~'] {
            for at in 0..20 {
                for byte in 0..=255u8 {
                    let mut text = [fill; 21];
                    text[at] = byte;
                    let mut expected = Vec::new();
                    for byte in text {
                        match is_escaped(byte) {
                            true => escape_one(&mut expected, byte),
                            false => expected.push(byte),
                        }
                    }
                    let mut out = b"before".to_vec();
                    escape(&mut out, &text);
                    assert_eq!(
                        out,
                        [b"before", &expected[..]].concat(),
                        "{fill} {at} {byte}"
                    );
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
