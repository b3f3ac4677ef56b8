//! The body of a response, and how it goes out: whole, or piece by piece as the peer reads.
//!
//! Long texts of JSON are no copy in it. Each stands beside the octets with its place, is escaped
//! as it goes out, and is freed when it has gone. It makes no octets of its own: the routes write
//! them, and `escape.rs` escapes.

use std::borrow::Cow;

use super::escape::{escape, escaped_len};

/// A body.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct OutgoingBody {
    octets: Cow<'static, [u8]>,
    /// In the order of their places.
    texts: Vec<LongText>,
}

/// A text that belongs within the quotes of a JSON string.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct LongText {
    /// It stands before the octet of this index.
    pub at: usize,
    /// Not escaped.
    pub text: String,
}

/// A body on its way out.
#[derive(Debug)]
pub(crate) struct BodyPieces {
    octets: Cow<'static, [u8]>,
    at: usize,
    /// The texts that are left, the next one last.
    texts: Vec<LongText>,
    text_at: usize,
}

impl OutgoingBody {
    /// Octets of JSON with texts within them, each before one of the octets, in their order.
    pub fn with_texts(octets: Vec<u8>, texts: Vec<LongText>) -> OutgoingBody {
        OutgoingBody {
            octets: octets.into(),
            texts,
        }
    }

    /// Octets in all, with the texts escaped.
    pub fn len(&self) -> usize {
        let texts = self.texts.iter().map(|long| escaped_len(&long.text));
        texts.fold(self.octets.len(), usize::saturating_add)
    }

    /// Octets of memory that it holds for this response alone.
    pub fn held(&self) -> usize {
        let octets = match &self.octets {
            Cow::Borrowed(_) => 0,
            Cow::Owned(octets) => octets.capacity(),
        };
        let texts = self.texts.iter().map(|long| long.text.capacity());
        texts.fold(octets, usize::saturating_add)
    }

    /// One more octet at the end.
    pub fn push(&mut self, octet: u8) {
        self.octets.to_mut().push(octet);
    }

    /// All of it in one piece.
    pub fn whole(&self) -> Cow<'_, [u8]> {
        if self.texts.is_empty() {
            return Cow::Borrowed(&self.octets);
        }
        let mut all = Vec::new();
        self.write(&mut all);
        Cow::Owned(all)
    }

    /// Appends all of it.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut left = &*self.octets;
        let mut at = 0;
        for long in &self.texts {
            let (before, behind) = left
                .split_at_checked(long.at.saturating_sub(at))
                .unwrap_or((left, &[]));
            out.extend_from_slice(before);
            escape(out, long.text.as_bytes());
            (left, at) = (behind, long.at);
        }
        out.extend_from_slice(left);
    }

    /// The octets, and the texts within them.
    pub fn into_parts(self) -> (Vec<u8>, Vec<LongText>) {
        (self.octets.into_owned(), self.texts)
    }

    /// To be sent piece by piece.
    pub fn into_pieces(mut self) -> BodyPieces {
        self.texts.reverse();
        BodyPieces {
            octets: self.octets,
            at: 0,
            texts: self.texts,
            text_at: 0,
        }
    }
}

impl From<Vec<u8>> for OutgoingBody {
    fn from(octets: Vec<u8>) -> OutgoingBody {
        OutgoingBody::with_texts(octets, Vec::new())
    }
}

impl From<&'static [u8]> for OutgoingBody {
    fn from(octets: &'static [u8]) -> OutgoingBody {
        OutgoingBody {
            octets: octets.into(),
            texts: Vec::new(),
        }
    }
}

impl BodyPieces {
    /// Appends the next octets to `out`, about `bytes_max` of them; whether more follow. Escaped
    /// octets are up to six times as many.
    pub fn next_piece(&mut self, bytes_max: usize, out: &mut Vec<u8>) -> bool {
        let mut room = bytes_max.max(1);
        loop {
            let end = self.texts.last().map_or(self.octets.len(), |long| long.at);
            let plain = self.octets.get(self.at..end).unwrap_or_default();
            let piece = plain.get(..room).unwrap_or(plain);
            out.extend_from_slice(piece);
            self.at += piece.len();
            room -= piece.len();
            let Some(long) = self.texts.last().filter(|_| room > 0) else {
                return !self.texts.is_empty() || self.at < self.octets.len();
            };
            let left = long.text.as_bytes().get(self.text_at..).unwrap_or_default();
            let piece = left.get(..room).unwrap_or(left);
            escape(out, piece);
            room -= piece.len();
            self.text_at += piece.len();
            if self.text_at >= long.text.len() {
                self.text_at = 0;
                self.texts.pop();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_any_size_make_the_whole() {
        let texts = ["x\"\u{1}\u{e9}\r\n\u{7f}end", "", "abc"];
        let bodies = [
            OutgoingBody::default(),
            OutgoingBody::from(b"plain".to_vec()),
            OutgoingBody::from(&b"constant"[..]),
            OutgoingBody::with_texts(
                br#"{"a":"","b":"","c":""}"#.to_vec(),
                texts
                    .iter()
                    .zip([6, 13, 20])
                    .map(|(text, at)| LongText {
                        at,
                        text: (*text).to_owned(),
                    })
                    .collect(),
            ),
        ];
        for body in bodies {
            let whole = body.whole().into_owned();
            assert_eq!(body.len(), whole.len());
            for size in [1, 2, 3, 7, 100] {
                let mut all = Vec::new();
                let mut pieces = body.clone().into_pieces();
                loop {
                    let before = all.len();
                    let more = pieces.next_piece(size, &mut all);
                    assert!(all.len() - before <= size * 6);
                    if !more {
                        break;
                    }
                }
                assert_eq!(all, whole);
            }
            if whole.starts_with(b"{") {
                let read: serde_json::Value = serde_json::from_slice(&whole).unwrap_or_default();
                assert_eq!(
                    read,
                    serde_json::json!({"a": texts[0], "b": "", "c": "abc"})
                );
            }
        }
        assert_eq!(OutgoingBody::from(&b"constant"[..]).held(), 0);
    }
}
