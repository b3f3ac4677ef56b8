//! The kinds of tokens.

/// Where a token stands. Its letter is part of the hash; a letter is never used anew.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TokenKind {
    /// A word of the subject or of the texts.
    Word,
    /// A word of the subject.
    Subject,
    /// A word of the display name of From.
    Name,
    /// The domain of From, and its last label behind a dot.
    Sender,
    /// The domain of a link, and its last label behind a dot.
    Link,
    /// The form of the message.
    Shape,
}

impl TokenKind {
    /// Its letter.
    pub const fn letter(self) -> u8 {
        match self {
            TokenKind::Word => b'w',
            TokenKind::Subject => b's',
            TokenKind::Name => b'n',
            TokenKind::Sender => b'f',
            TokenKind::Link => b'd',
            TokenKind::Shape => b'z',
        }
    }
}
