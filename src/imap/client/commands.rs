//! The commands that are sent to another server.

use std::collections::VecDeque;

/// A command in pieces: each but the first waits for a continuation.
#[derive(Debug, Default)]
pub struct SentPieces {
    pieces: VecDeque<Vec<u8>>,
}

impl SentPieces {
    /// A command that begins with these words.
    pub fn new(words: &str) -> SentPieces {
        let mut command = SentPieces::default();
        command.pieces.push_back(words.as_bytes().to_vec());
        command
    }

    /// Adds words as they are.
    pub fn words(mut self, words: &str) -> SentPieces {
        if let Some(last) = self.pieces.back_mut() {
            last.extend_from_slice(words.as_bytes());
        }
        self
    }

    /// Adds a space and a string: quoted, or a literal where a quoted string cannot have it.
    pub fn string(mut self, octets: &[u8]) -> SentPieces {
        let is_plain = |b: &u8| (b' '..=b'~').contains(b);
        let Some(last) = self.pieces.back_mut() else {
            return self;
        };
        last.push(b' ');
        if octets.iter().all(is_plain) && octets.len() <= QUOTED_MAX {
            last.push(b'"');
            for b in octets {
                if matches!(b, b'"' | b'\\') {
                    last.push(b'\\');
                }
                last.push(*b);
            }
            last.push(b'"');
        } else {
            last.extend_from_slice(format!("{{{}}}\r\n", octets.len()).as_bytes());
            self.pieces.push_back(octets.to_vec());
        }
        self
    }

    /// Ends the line; what follows waits for a continuation of its own.
    pub fn then(mut self, line: &[u8]) -> SentPieces {
        self.end_line();
        self.pieces.push_back(line.to_vec());
        self
    }

    /// Ends the last line.
    pub fn end(mut self) -> SentPieces {
        self.end_line();
        self
    }

    fn end_line(&mut self) {
        if let Some(last) = self.pieces.back_mut() {
            last.extend_from_slice(b"\r\n");
        }
    }

    /// The next piece.
    pub fn next(&mut self) -> Option<Vec<u8>> {
        self.pieces.pop_front()
    }
}

/// `AUTHENTICATE PLAIN` (RFC 4616): its message, encoded.
pub fn plain(user: &str, password: &[u8]) -> String {
    let mut message = vec![0];
    message.extend_from_slice(user.as_bytes());
    message.push(0);
    message.extend_from_slice(password);
    data_encoding::BASE64.encode(&message)
}

/// Longer quoted strings are refused by some servers.
const QUOTED_MAX: usize = 255;
