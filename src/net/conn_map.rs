//! A map by number of connection.
//!
//! The hub counts the numbers up and no peer can choose one, so that one multiplication spreads
//! them. A hash that withstands chosen keys costs several times that, and an event looks a
//! connection up four times.

use core::hash::{BuildHasherDefault, Hasher};
use std::collections::HashMap;

use crate::call::ConnId;

/// The map.
pub(super) type ConnMap<T> = HashMap<ConnId, T, BuildHasherDefault<ConnHasher>>;

/// Spreads the number of a connection.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct ConnHasher(u64);

impl Hasher for ConnHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        // 2^64 divided by the golden ratio; the map takes its place from the high and the low bits.
        let product = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = product ^ (product >> 32);
    }
}
