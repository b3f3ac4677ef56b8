//! The ids of requests and of sessions: numbers from the seed of a connection, so that a test can
//! repeat them, and spread so that they tell nothing of other connections.

/// The id of a request over HTTP or of a session, as clients and the audit see it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RequestId {
    /// A request over HTTP: `X-Request-Id`.
    Http(u64),
    /// A session over SMTP.
    Smtp(u64),
    /// A session over IMAP.
    Imap(u64),
}

impl RequestId {
    /// The `n`th request of an HTTP connection: from its seed, so that a test can repeat it.
    pub fn http(seed: u64, n: u64) -> RequestId {
        RequestId::Http(spread(seed, n))
    }

    /// The id of an SMTP session.
    pub fn smtp(seed: u64) -> RequestId {
        RequestId::Smtp(spread(seed, SMTP_SESSION))
    }

    /// The id of an IMAP session.
    pub fn imap(seed: u64) -> RequestId {
        RequestId::Imap(spread(seed, IMAP_SESSION))
    }

    /// As two numbers, for a row: the kind and the id.
    pub const fn numbers(self) -> (i64, i64) {
        match self {
            RequestId::Http(id) => (1, id.cast_signed()),
            RequestId::Smtp(id) => (2, id.cast_signed()),
            RequestId::Imap(id) => (3, id.cast_signed()),
        }
    }

    /// Reads what [`RequestId::numbers`] gives; `None` for a kind that is none.
    pub const fn numbered(kind: i64, id: i64) -> Option<RequestId> {
        let id = id.cast_unsigned();
        match kind {
            1 => Some(RequestId::Http(id)),
            2 => Some(RequestId::Smtp(id)),
            3 => Some(RequestId::Imap(id)),
            _ => None,
        }
    }
}

impl core::fmt::Display for RequestId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let (prefix, id) = match self {
            RequestId::Http(id) => ("req", id),
            RequestId::Smtp(id) => ("smtp", id),
            RequestId::Imap(id) => ("imap", id),
        };
        write!(f, "{prefix}_{id:016x}")
    }
}

/// A number that looks random, from a seed and a count (splitmix64).
pub fn spread(seed: u64, n: u64) -> u64 {
    let mut z = seed.wrapping_add(n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Counts that no request over HTTP of a connection has.
const SMTP_SESSION: u64 = 1 << 62;
const IMAP_SESSION: u64 = 1 << 63;
