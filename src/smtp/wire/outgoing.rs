//! Message octets on their way out, and text in parameters.
//!
//! The rule of RFC 5321 section 2.3.8: only CRLF ends a line on the wire, whatever is stored. A
//! bare CR or a bare LF of an old message becomes CRLF, so that no server can take it for another
//! end of the message (CVE-2023-51764, -51765, -51766). Dots are doubled by the state of the line
//! and not by a search in a piece: a line may begin in one piece and go on in the next.

/// How a message is put on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WireForm {
    /// Behind DATA: dots are doubled, and `CRLF . CRLF` ends it.
    Dotted,
    /// In chunks of BDAT (RFC 3030): their length ends them.
    Counted,
}

/// The state between two pieces of one message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WireBody {
    form: WireForm,
    at: WirePosition,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum WirePosition {
    LineStart,
    Text,
    /// Behind a CR, which is not written yet.
    Cr,
}

impl WireBody {
    /// Before the first octet.
    pub fn new(form: WireForm) -> Self {
        WireBody {
            form,
            at: WirePosition::LineStart,
        }
    }

    /// Appends the next piece of the message.
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        out.reserve(piece.len() + piece.len() / 64 + 8);
        let mut left = piece;
        while let Some(&first) = left.first() {
            if self.at == WirePosition::Cr {
                self.end_line(out);
                if first == b'\n' {
                    left = left.get(1..).unwrap_or_default();
                    continue;
                }
            }
            if self.at == WirePosition::LineStart && self.form == WireForm::Dotted && first == b'.'
            {
                out.push(b'.');
            }
            let end = memchr::memchr2(b'\r', b'\n', left);
            let run = left.get(..end.unwrap_or(left.len())).unwrap_or_default();
            if !run.is_empty() {
                out.extend_from_slice(run);
                self.at = WirePosition::Text;
            }
            let Some(end) = end else { return };
            match left.get(end) {
                Some(b'\r') => self.at = WirePosition::Cr,
                _ => self.end_line(out),
            }
            left = left.get(end + 1..).unwrap_or_default();
        }
    }

    /// Appends what the end of the message needs: behind DATA the last line has an end, and then
    /// comes the lone dot.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        if self.at == WirePosition::Cr {
            self.end_line(out);
        }
        if self.form == WireForm::Dotted {
            if self.at == WirePosition::Text {
                self.end_line(out);
            }
            out.extend_from_slice(b".\r\n");
        }
    }

    fn end_line(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"\r\n");
        self.at = WirePosition::LineStart;
    }
}

/// Text as xtext (RFC 3461 section 4). What it encodes is printable ASCII: the result has no
/// blank, no `=` and no control octet, so it cannot end its parameter.
pub fn xtext(text: &str, out: &mut Vec<u8>) {
    for byte in text.bytes() {
        match byte {
            b'!'..=b'~' if byte != b'+' && byte != b'=' => out.push(byte),
            _ => out.extend_from_slice(format!("+{byte:02X}").as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::data::DataBody;
    use super::*;
    use crate::call::{Budget, Holders};

    /// Stored octets as one message with CRLF only.
    fn normal(stored: &[u8]) -> Vec<u8> {
        let mut lines = Vec::new();
        let mut octets = stored.iter().copied().peekable();
        while let Some(octet) = octets.next() {
            match octet {
                b'\r' => {
                    octets.next_if_eq(&b'\n');
                    lines.extend_from_slice(b"\r\n");
                }
                b'\n' => lines.extend_from_slice(b"\r\n"),
                octet => lines.push(octet),
            }
        }
        lines
    }

    fn sent(stored: &[u8], form: WireForm, n: usize) -> Vec<u8> {
        let mut out = Vec::new();
        let mut body = WireBody::new(form);
        for piece in stored.chunks(n) {
            body.push(piece, &mut out);
        }
        body.finish(&mut out);
        out
    }

    /// The receiver of this server, with what follows the message.
    fn received(wire: &[u8]) -> (Vec<u8>, usize) {
        let budget = Budget::new("messages", 1 << 20, 1 << 20);
        let mut body = DataBody::new(1 << 20, budget.charge(Holders::NONE));
        let used = body.unstuff(wire, 0).unwrap();
        assert_eq!(body.fault(), None);
        (body.into_parts().0, used)
    }

    /// Every text of up to `len` octets over an alphabet.
    fn all(alphabet: &[u8], len: usize) -> Vec<Vec<u8>> {
        let mut texts: Vec<Vec<u8>> = vec![Vec::new()];
        let mut last = texts.clone();
        for _ in 0..len {
            last = last
                .iter()
                .flat_map(|text| alphabet.iter().map(|octet| [&text[..], &[*octet]].concat()))
                .collect();
            texts.extend_from_slice(&last);
        }
        texts
    }

    #[test]
    fn whatever_is_stored_is_one_message_at_the_receiver() {
        for stored in all(b"\r\n.a", 7) {
            let wire = sent(&stored, WireForm::Dotted, usize::MAX);
            for n in [1, 2, 3] {
                assert_eq!(sent(&stored, WireForm::Dotted, n), wire, "{stored:?}");
            }
            let behind = [&wire[..], b"MAIL FROM:<x@y>\r\n"].concat();
            let (octets, used) = received(&behind);
            assert_eq!(used, wire.len(), "{stored:?}");
            let mut expected = normal(&stored);
            if !expected.is_empty() && !expected.ends_with(b"\r\n") {
                expected.extend_from_slice(b"\r\n");
            }
            assert_eq!(octets, expected, "{stored:?}");
            let counted = sent(&stored, WireForm::Counted, 2);
            assert_eq!(counted, normal(&stored), "{stored:?}");
        }
    }

    #[test]
    fn xtext_stays_in_its_parameter() {
        let mut out = Vec::new();
        xtext("a+b=c d\r\nj\u{f6}@x", &mut out);
        assert_eq!(out, b"a+2Bb+3Dc+20d+0D+0Aj+C3+B6@x");
    }
}
