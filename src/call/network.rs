//! The network of a peer: the unit by which connections, attempts and rates are counted.
//!
//! One subscriber has one IPv4 address or one /64 of IPv6. The machines of the subscriber choose
//! the other 64 bits themselves (RFC 4291 section 2.5.1), so a count of single IPv6 addresses
//! limits nothing. Every limit uses this one rule.

use core::net::IpAddr;

/// The addresses that one subscriber has: an IPv4 address, or a /64 of IPv6.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Network {
    /// All 32 bits of the address.
    V4([u8; 4]),
    /// The first 64 bits of the address.
    V6([u8; 8]),
}

impl Network {
    /// The network of an address. An IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2) is the
    /// IPv4 address.
    pub fn of(peer: IpAddr) -> Self {
        match peer.to_canonical() {
            IpAddr::V4(v4) => Network::V4(v4.octets()),
            IpAddr::V6(v6) => {
                let [a, b, c, d, e, f, g, h, ..] = v6.octets();
                Network::V6([a, b, c, d, e, f, g, h])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_network_is_a_v4_address_or_a_v6_64() {
        let of = |text: &str| Network::of(text.parse().unwrap());
        for (a, b, same) in [
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("2001:db8::1", "2001:db8::ffff:1", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
            ("2001:db8::1", "a001:db8::1", false),
            ("1.2.3.4", "0:0:102:304::", false),
        ] {
            assert_eq!(of(a) == of(b), same, "{a} {b}");
        }
    }
}
