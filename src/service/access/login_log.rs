//! Failed logins as lines of the log, for the operator and for programs that block addresses.
//!
//! It decides and does not write: a flood of failures costs a bounded number of lines. An address
//! has its own bound, so that one that floods does not hide the failures of others. What is left
//! out is counted, and the count stands in a later line.

use core::net::IpAddr;
use std::collections::HashMap;

use crate::call::{Network, Now};

/// How many lines were written in this minute, by address and in all.
#[derive(Debug, Default)]
pub struct LoginLog {
    minute: u64,
    lines: u32,
    by_network: HashMap<Network, u32>,
    unlogged: u64,
}

impl LoginLog {
    /// Counts a failure. `Some`: it gets a line, with the number of failures before it that got
    /// none.
    pub fn admit(&mut self, peer: IpAddr, now: Now) -> Option<u64> {
        let minute = now.mono_ms / MINUTE_MS;
        if minute != self.minute {
            *self = LoginLog {
                minute,
                unlogged: self.unlogged,
                ..LoginLog::default()
            };
        }
        let network = Network::of(peer);
        let is_known = self.by_network.contains_key(&network);
        if self.lines >= LINES_MAX || (!is_known && self.by_network.len() >= NETWORKS_MAX) {
            self.unlogged = self.unlogged.saturating_add(1);
            return None;
        }
        let lines = self.by_network.entry(network).or_default();
        if *lines >= LINES_OF_NETWORK_MAX {
            self.unlogged = self.unlogged.saturating_add(1);
            return None;
        }
        *lines += 1;
        self.lines += 1;
        Some(core::mem::take(&mut self.unlogged))
    }

    /// The number of failures of past minutes that got no line and that no line has told yet.
    pub fn take_unlogged(&mut self, now: Now) -> Option<u64> {
        let is_past = now.mono_ms / MINUTE_MS != self.minute;
        let unlogged = core::mem::take(if is_past {
            &mut self.unlogged
        } else {
            return None;
        });
        (unlogged > 0).then_some(unlogged)
    }
}

/// A user name as it stands in a line: escaped, so that it cannot end the line, and cut.
pub fn printable(user: &str) -> String {
    let mut shown: String = user.chars().take(USER_CHARACTERS_MAX).collect();
    if shown.len() < user.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}

const MINUTE_MS: u64 = 60_000;
/// Lines of a minute in all: a day of them is a few megabytes.
const LINES_MAX: u32 = 120;
/// Lines of a minute for one address, enough for a program that blocks it.
const LINES_OF_NETWORK_MAX: u32 = 10;
/// Addresses of a minute that are known. Never reached before `LINES_MAX`.
const NETWORKS_MAX: usize = 1024;
/// As long as a long address.
const USER_CHARACTERS_MAX: usize = 100;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(mono_ms: u64) -> Now {
        Now {
            mono_ms,
            unix_ms: 0,
        }
    }

    fn ip(n: u32) -> IpAddr {
        core::net::Ipv4Addr::from_bits(0x0a00_0000 + n).into()
    }

    #[test]
    fn a_flood_of_one_address_leaves_room_for_others() {
        let mut log = LoginLog::default();
        let written = (0..10_000)
            .filter(|_| log.admit(ip(1), at(0)).is_some())
            .count();
        assert_eq!(written, 10);
        // The next line tells what was left out.
        assert_eq!(log.admit(ip(2), at(1)), Some(9_990));
        assert_eq!(log.admit(ip(2), at(1)), Some(0));
    }

    #[test]
    fn a_flood_of_many_addresses_is_bounded() {
        let mut log = LoginLog::default();
        let written = (0..100_000)
            .filter(|n| log.admit(ip(*n), at(0)).is_some())
            .count();
        assert_eq!(written, 120);
        assert!(log.by_network.len() <= NETWORKS_MAX);
        // A new minute begins anew, and tells the rest once.
        assert_eq!(log.take_unlogged(at(1)), None);
        assert_eq!(log.take_unlogged(at(60_000)), Some(99_880));
        assert_eq!(log.take_unlogged(at(60_000)), None);
        assert_eq!(log.admit(ip(1), at(60_000)), Some(0));
    }

    #[test]
    fn a_user_name_is_one_word_of_the_line() {
        for (user, shown) in [
            ("bob@x.test", "\"bob@x.test\""),
            ("a\r\nlogin ok", "\"a\\r\\nlogin ok\""),
            ("a\" reason=none", "\"a\\\" reason=none\""),
            ("\u{1b}[2J", "\"\\u{1b}[2J\""),
        ] {
            assert_eq!(printable(user), shown);
        }
        assert!(printable(&"ü".repeat(100_000)).chars().count() < 110);
    }
}
