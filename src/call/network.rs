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

/// From where the operator's token is taken. Loopback addresses always count: a process there can
/// read the file with the token, or is a proxy that the operator has set up.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum OperatorFrom {
    /// From loopback addresses alone.
    #[default]
    Loopback,
    /// From these networks too: an address and the bits of it that count.
    Networks(Vec<(IpAddr, u8)>),
    /// From every address.
    Anywhere,
}

impl OperatorFrom {
    /// Reads the words of the configuration: `loopback`, `anywhere`, or networks such as
    /// `10.0.0.0/8` and `2001:db8::1`. The error is the word that is none of them.
    pub fn parse(words: &[String]) -> Result<OperatorFrom, String> {
        match words {
            [one] if one == "loopback" => return Ok(OperatorFrom::Loopback),
            [one] if one == "anywhere" => return Ok(OperatorFrom::Anywhere),
            _ => {}
        }
        let networks = words
            .iter()
            .map(|word| network(word).ok_or_else(|| word.clone()));
        Ok(OperatorFrom::Networks(networks.collect::<Result<_, _>>()?))
    }

    /// Whether the token is taken from this address.
    pub fn allows(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        peer.is_loopback()
            || match self {
                OperatorFrom::Loopback => false,
                OperatorFrom::Anywhere => true,
                OperatorFrom::Networks(networks) => {
                    networks.iter().any(|network| is_in(peer, *network))
                }
            }
    }
}

/// An address, or an address and its bits.
fn network(word: &str) -> Option<(IpAddr, u8)> {
    let (address, bits) = match word.split_once('/') {
        Some((address, bits)) if bits.bytes().all(|b| b.is_ascii_digit()) => {
            (address, bits.parse().ok()?)
        }
        Some(_) => return None,
        None => (word, u8::MAX),
    };
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    match (word.contains('/'), bits <= most) {
        (true, false) => None,
        _ => Some((address, bits.min(most))),
    }
}

/// Whether the first bits of two addresses of one kind are equal.
fn is_in(peer: IpAddr, (address, bits): (IpAddr, u8)) -> bool {
    let differ = match (peer, address) {
        (IpAddr::V4(a), IpAddr::V4(b)) => u128::from(a.to_bits() ^ b.to_bits()) << 96,
        (IpAddr::V6(a), IpAddr::V6(b)) => a.to_bits() ^ b.to_bits(),
        _ => return false,
    };
    // All bits of the whole address.
    differ.leading_zeros() >= u32::from(bits)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_operator_comes_from_where_the_configuration_says() {
        let from = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            OperatorFrom::parse(&words)
        };
        for (words, peer, allowed) in [
            (&["loopback"][..], "127.0.0.1", true),
            (&["loopback"], "127.255.0.9", true),
            (&["loopback"], "::1", true),
            (&["loopback"], "::ffff:127.0.0.1", true),
            (&["loopback"], "192.0.2.1", false),
            (&["loopback"], "2001:db8::1", false),
            (&["anywhere"], "192.0.2.1", true),
            (&["10.0.0.0/8", "2001:db8::/32"], "10.200.0.1", true),
            (&["10.0.0.0/8", "2001:db8::/32"], "::ffff:10.200.0.1", true),
            (&["10.0.0.0/8", "2001:db8::/32"], "11.0.0.1", false),
            (&["10.0.0.0/8", "2001:db8::/32"], "2001:db8:9::1", true),
            (&["10.0.0.0/8", "2001:db8::/32"], "2001:db9::1", false),
            (&["10.0.0.0/8"], "127.0.0.1", true),
            (&["192.0.2.7"], "192.0.2.7", true),
            (&["192.0.2.7"], "192.0.2.6", false),
            (&["0.0.0.0/0"], "192.0.2.6", true),
            (&["0.0.0.0/0"], "2001:db8::1", false),
            (&["::/0"], "2001:db8::1", true),
            (&["::/0"], "192.0.2.6", false),
        ] {
            let from = from(words).unwrap();
            assert_eq!(
                from.allows(peer.parse().unwrap()),
                allowed,
                "{words:?} {peer}"
            );
        }
        for wrong in [
            "",
            "here",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "10/8",
        ] {
            assert_eq!(from(&[wrong]), Err(wrong.to_owned()));
        }
    }

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
