//! Tokens of the poll: one space for the waker, for connections, and for the sockets of the
//! resolver, which are not connections.
//!
//! ```text
//!   0                 the waker
//!   1 .. 2^62 - 1     connections, by their number
//!   2^62 ..           sockets of the resolver, by their number
//! ```

use mio::Token;

use crate::call::ConnId;
use crate::dns::SocketNumber;

/// What has become ready.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ready {
    /// Another thread has sent something.
    Waker,
    /// A connection.
    Conn(ConnId),
    /// A socket of the resolver.
    Dns(SocketNumber),
}

impl Ready {
    /// Whose token this is.
    pub fn of(token: Token) -> Ready {
        match token.0 {
            0 => Ready::Waker,
            n if n < FIRST_DNS => Ready::Conn(ConnId(n as u64)),
            n => Ready::Dns(SocketNumber((n - FIRST_DNS) as u64)),
        }
    }

    /// Its token.
    pub fn token(self) -> Token {
        Token(match self {
            Ready::Waker => 0,
            Ready::Conn(id) => id.0 as usize,
            Ready::Dns(number) => FIRST_DNS + number.0 as usize,
        })
    }
}

/// Connections never come so far: at a million a second it would take 146,000 years.
const FIRST_DNS: usize = 1 << (usize::BITS - 2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_token_has_one_meaning() {
        let all = [
            Ready::Waker,
            Ready::Conn(ConnId(1)),
            Ready::Conn(ConnId(FIRST_DNS as u64 - 1)),
            Ready::Dns(SocketNumber(0)),
            Ready::Dns(SocketNumber(7)),
        ];
        for ready in all {
            assert_eq!(Ready::of(ready.token()), ready);
        }
    }
}
