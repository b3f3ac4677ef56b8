//! Tokens of the poll: one space for the waker, for connections, and for sources that are not
//! connections (a resolver's UDP socket).
//!
//! ```text
//!   0                 the waker
//!   1 .. 2^62 - 1     connections, by their number
//!   2^62 ..           other sources, by their place in the worker's list
//! ```

use mio::Token;

use crate::call::ConnId;

/// What has become ready.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ready {
    /// Another thread has sent something.
    Waker,
    /// A connection.
    Conn(ConnId),
    /// Another source, by its place in the worker's list.
    Source(usize),
}

impl Ready {
    /// Whose token this is.
    pub fn of(token: Token) -> Ready {
        match token.0 {
            0 => Ready::Waker,
            n if n < FIRST_SOURCE => Ready::Conn(ConnId(n as u64)),
            n => Ready::Source(n - FIRST_SOURCE),
        }
    }

    /// Its token.
    pub fn token(self) -> Token {
        Token(match self {
            Ready::Waker => 0,
            Ready::Conn(id) => id.0 as usize,
            Ready::Source(n) => FIRST_SOURCE + n,
        })
    }
}

/// Connections never come so far: at a million a second it would take 146,000 years.
const FIRST_SOURCE: usize = 1 << (usize::BITS - 2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_token_has_one_meaning() {
        let all = [
            Ready::Waker,
            Ready::Conn(ConnId(1)),
            Ready::Conn(ConnId(FIRST_SOURCE as u64 - 1)),
            Ready::Source(0),
            Ready::Source(7),
        ];
        for ready in all {
            assert_eq!(Ready::of(ready.token()), ready);
        }
    }
}
