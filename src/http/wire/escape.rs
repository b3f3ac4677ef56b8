//! The escapes of JSON strings (RFC 8259 section 7), and how long they make a text.
//!
//! Not the values around the strings (`json.rs`). Every control is escaped, so a string never holds
//! a line end.

/// Writes octets of a string, which may be cut at any octet, without the quotes around it. Most
/// runs of a text have nothing to escape; the compiler turns the look at one into wide comparisons.
pub(crate) fn escape(out: &mut Vec<u8>, bytes: &[u8]) {
    let mut plain = 0;
    for (n, run) in bytes.chunks(PLAIN_RUN).enumerate() {
        if !run.iter().fold(false, |any, byte| any | is_escaped(*byte)) {
            continue;
        }
        for (at, byte) in (n * PLAIN_RUN..).zip(run) {
            if !is_escaped(*byte) {
                continue;
            }
            out.extend_from_slice(bytes.get(plain..at).unwrap_or_default());
            plain = at + 1;
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
    }
    out.extend_from_slice(bytes.get(plain..).unwrap_or_default());
}

const fn is_escaped(byte: u8) -> bool {
    byte < b' ' || byte == b'"' || byte == b'\\' || byte == 0x7f
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

/// Octets that are looked at together.
const PLAIN_RUN: usize = 32;

/// So many octets, each with five more when it is escaped, are below 256.
const ESCAPED_RUN: usize = 48;

#[cfg(test)]
mod tests {
    use super::*;

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
