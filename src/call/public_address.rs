//! Which addresses this server connects to on behalf of others: mail, webhooks, mailboxes that live
//! elsewhere. A name is in the hands of its owner, and must not lead to the services of our own
//! machine and network. It is the one list: each caller asks it about the very address that is then
//! connected, so a name that has another answer later (DNS rebinding) gains nothing.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address belongs to the public internet. Private, loopback, link-local, shared,
/// documentation, benchmarking, multicast and reserved addresses do not (RFC 6890). IPv6 addresses
/// with an IPv4 address inside that a gateway would take out do not either, whatever it is: NAT64
/// (RFC 6052, RFC 8215), 6to4 (RFC 3056), Teredo (RFC 4380), IPv4-compatible ones (RFC 4291). An
/// IPv4-mapped address is the IPv4 address.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !matches!(
        (a, b, c),
        (0 | 10 | 127 | 224.., ..)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 168, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    )
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(v4) = address.to_ipv4_mapped() {
        return is_public_v4(v4);
    }
    match address.segments() {
        // 6to4.
        [0x2002, ..] => false,
        // Teredo, ORCHID, benchmarking and other protocols; documentation (RFC 3849, RFC 9637).
        [0x2001, 0x0000..=0x01ff | 0x0db8, ..] | [0x3fff, 0x0000..=0x0fff, ..] => false,
        // All other global unicast addresses (RFC 4291 section 2.4). So the loopback address, NAT64
        // (64:ff9b::/96 and 64:ff9b:1::/48), unique local, link-local, site-local and multicast
        // addresses, and those of SRv6 (5f00::/16) are not public.
        [0x2000..=0x3fff, ..] => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn special_addresses_are_not_public() {
        for (text, public) in [
            ("8.8.8.8", true),
            ("193.0.0.1", true),
            ("172.15.0.1", true),
            ("172.32.0.1", true),
            ("100.63.255.255", true),
            ("192.0.1.1", true),
            ("0.0.0.0", false),
            ("10.1.2.3", false),
            ("127.0.0.1", false),
            ("100.64.0.1", false),
            ("169.254.169.254", false),
            ("172.16.0.1", false),
            ("172.31.255.255", false),
            ("192.168.1.1", false),
            ("192.0.0.8", false),
            ("192.0.2.1", false),
            ("198.18.0.1", false),
            ("198.51.100.7", false),
            ("203.0.113.9", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("2a00:1450::1", true),
            ("2606:4700::1", true),
            ("::", false),
            ("::1", false),
            ("::7f00:1", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:8.8.8.8", true),
            ("fe80::1", false),
            ("fd00::1", false),
            ("fec0::1", false),
            ("ff02::1", false),
            ("2001:db8::1", false),
            ("2001::1", false),
            ("3fff::1", false),
            ("2002:7f00:1::", false),
            ("2002:808:808::", false),
            ("64:ff9b::7f00:1", false),
            ("64:ff9b::808:808", false),
            ("64:ff9b:1::808:808", false),
            ("100::1", false),
            ("5f00::1", false),
            ("::8.8.8.8", false),
            ("::ffff:0:8.8.8.8", false),
            ("2001:1ff::1", false),
            ("2001:200::1", true),
            ("3fff:1000::1", true),
            ("febf::1", false),
            ("4000::1", false),
        ] {
            assert_eq!(is_public(text.parse().unwrap()), public, "{text}");
        }
    }
}
