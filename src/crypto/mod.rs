//! Digests, message authentication, randomness, signatures and the text form of keys. Only this
//! folder names `ring`. No protocol and no storage is here.
//!
//! Randomness is an argument, never a global. A test passes a seeded source and gets the same
//! run again; the server passes [`Random::system`].

mod sealed;
mod signing;
mod siphash;

use ring::rand::SecureRandom;

pub use sealed::{SealFault, SealingKey};
pub use signing::{KeyFault, SigningAlgorithm, SigningKey, VerifyingKey};
pub use siphash::siphash;

/// SHA-256 of `octets`.
pub fn sha256(octets: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, octets).as_ref());
    out
}

/// SHA-1 of `octets`. It proves nothing: the handshake of WebSocket asks for it (RFC 6455 section
/// 4.2.2), so that a server shows that it has read the request.
pub fn sha1(octets: &[u8]) -> [u8; 20] {
    let mut out = [0; 20];
    let algorithm = &ring::digest::SHA1_FOR_LEGACY_USE_ONLY;
    out.copy_from_slice(ring::digest::digest(algorithm, octets).as_ref());
    out
}

/// SHA-256 of the parts one behind the other. The caller separates them if that matters.
pub fn sha256_parts<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> [u8; 32] {
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    for part in parts {
        context.update(part);
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}

/// SHA-256 of octets that come in pieces.
#[derive(Clone)]
pub struct Sha256(ring::digest::Context);

impl Default for Sha256 {
    fn default() -> Self {
        Sha256(ring::digest::Context::new(&ring::digest::SHA256))
    }
}

impl core::fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Sha256(..)")
    }
}

impl Sha256 {
    /// Adds a piece.
    pub fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// The digest of all pieces.
    pub fn finish(self) -> [u8; 32] {
        let mut out = [0; 32];
        out.copy_from_slice(self.0.finish().as_ref());
        out
    }
}

/// HMAC-SHA256 of `octets` under `key`.
pub fn hmac_sha256(key: &[u8], octets: &[u8]) -> [u8; 32] {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key);
    let mut out = [0; 32];
    out.copy_from_slice(ring::hmac::sign(&key, octets).as_ref());
    out
}

/// Whether two secrets are equal, in a time that depends on their lengths only.
pub fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut differ = 0u8;
    for (x, y) in a.iter().zip(b) {
        // With black_box the optimiser cannot see that the rest no longer changes the result.
        differ = core::hint::black_box(differ | (x ^ y));
    }
    core::hint::black_box(differ) == 0
}

/// A source of randomness.
pub struct Random(Source);

impl core::fmt::Debug for Random {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Random(..)")
    }
}

enum Source {
    /// Octets of the operating system's generator, taken in blocks: a call for each use would
    /// cost more than the use. `used` octets of the block have been given out and wiped.
    System {
        generator: ring::rand::SystemRandom,
        block: Box<[u8; SYSTEM_BLOCK]>,
        used: usize,
    },
    /// HMAC of a counter: it looks random, and the same seed gives the same octets.
    Seeded { key: [u8; 32], counter: u64 },
}

/// Octets that are taken from the operating system at once.
const SYSTEM_BLOCK: usize = 512;

impl Random {
    /// The operating system's generator.
    pub fn system() -> Self {
        Random(Source::System {
            generator: ring::rand::SystemRandom::new(),
            block: Box::new([0; SYSTEM_BLOCK]),
            used: SYSTEM_BLOCK,
        })
    }

    /// For tests and simulations: the same seed gives the same octets.
    pub fn seeded(seed: u64) -> Self {
        Random(Source::Seeded {
            key: sha256(&seed.to_le_bytes()),
            counter: 0,
        })
    }

    /// Fills `out`. If the kernel gives no randomness the process ends: a key that can be
    /// guessed would be worse.
    pub fn fill(&mut self, out: &mut [u8]) {
        match &mut self.0 {
            Source::System {
                generator,
                block,
                used,
            } => {
                for to in out {
                    if *used == SYSTEM_BLOCK {
                        if generator.fill(&mut block[..]).is_err() {
                            log::error!(
                                "the operating system gives no random octets, cannot go on"
                            );
                            std::process::abort();
                        }
                        *used = 0;
                    }
                    // An octet that was given out is not kept: it may be of a secret.
                    *to = core::mem::take(&mut block[*used]);
                    *used += 1;
                }
            }
            Source::Seeded { key, counter } => {
                for chunk in out.chunks_mut(32) {
                    let block = hmac_sha256(key, &counter.to_le_bytes());
                    *counter = counter.wrapping_add(1);
                    for (to, from) in chunk.iter_mut().zip(block) {
                        *to = from;
                    }
                }
            }
        }
    }

    /// `N` octets.
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        self.fill(&mut out);
        out
    }

    /// 64 bits, for the seeds of sessions and the like.
    pub fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.array())
    }

    /// `n` digits of base62, each of the 62 equally likely.
    pub fn base62(&mut self, n: usize) -> String {
        self.text(n, BASE62)
    }

    /// `n` lower-case letters and digits, for the random part of an address.
    pub fn lower36(&mut self, n: usize) -> String {
        self.text(n, &BASE36)
    }

    fn text(&mut self, n: usize, digits: &[u8]) -> String {
        let mut out = String::with_capacity(n);
        // Octets at and above the largest multiple of the number of digits are discarded, so
        // that every digit is equally likely.
        let limit = 256 - 256 % digits.len();
        while out.len() < n {
            for octet in self.array::<32>() {
                let octet = usize::from(octet);
                if octet < limit && out.len() < n {
                    out.push(char::from(digits[octet % digits.len()]));
                }
            }
        }
        out
    }
}

/// An API key. Its text is `ap_sk_`, 16 digits of public id, `_`, 43 digits of a 256-bit
/// secret, and 6 digits of the CRC-32 of all before them; the digits are base62.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The public id; the store finds the key by it.
    pub public: String,
    /// SHA-256 of the secret; the store keeps only this. For 256 random bits a fast hash is right.
    pub hash: [u8; 32],
}

impl ApiKey {
    /// What the text begins with.
    pub const PREFIX: &'static str = "ap_sk_";

    /// Makes a key. The text is not kept anywhere else.
    pub fn generate(random: &mut Random) -> (ApiKey, String) {
        let public = random.base62(PUBLIC_DIGITS);
        let secret: [u8; 32] = random.array();
        let mut text = format!("{}{public}_{}", Self::PREFIX, encode_secret(&secret));
        let sum = checksum(&text);
        text.push_str(&sum);
        let key = ApiKey {
            public,
            hash: sha256(&secret),
        };
        (key, text)
    }

    /// Reads the text of a key. `None` if its form or checksum is wrong, so that a typing error
    /// or a guess costs no look-up.
    pub fn parse(text: &[u8]) -> Option<ApiKey> {
        let text = core::str::from_utf8(text).ok()?;
        let rest = text.strip_prefix(Self::PREFIX)?;
        let (public, rest) = rest.split_at_checked(PUBLIC_DIGITS)?;
        let tail = rest.strip_prefix('_')?;
        let secret = checked_secret(text, tail)?;
        if !public.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return None;
        }
        Some(ApiKey {
            public: public.to_owned(),
            hash: sha256(&secret),
        })
    }
}

/// The operator's token. Its text is `ap_op_`, 43 digits of secret and 6 of checksum.
#[derive(Clone, Copy, Debug)]
pub struct OperatorToken;

impl OperatorToken {
    /// What the text begins with.
    pub const PREFIX: &'static str = "ap_op_";

    /// Makes a token.
    pub fn generate(random: &mut Random) -> String {
        let secret: [u8; 32] = random.array();
        let mut text = format!("{}{}", Self::PREFIX, encode_secret(&secret));
        let sum = checksum(&text);
        text.push_str(&sum);
        text
    }

    /// The hash of the secret in a token; `None` if its form or checksum is wrong.
    pub fn hash(text: &[u8]) -> Option<[u8; 32]> {
        let text = core::str::from_utf8(text).ok()?;
        let tail = text.strip_prefix(Self::PREFIX)?;
        Some(sha256(&checked_secret(text, tail)?))
    }
}

/// `tail` is the secret and the checksum of the whole `text`.
fn checked_secret(text: &str, tail: &str) -> Option<[u8; 32]> {
    if tail.len() != SECRET_DIGITS + SUM_DIGITS {
        return None;
    }
    let (secret, sum) = tail.split_at_checked(SECRET_DIGITS)?;
    let summed = text.get(..text.len().checked_sub(SUM_DIGITS)?)?;
    if checksum(summed) != sum {
        return None;
    }
    decode_secret(secret)
}

fn checksum(text: &str) -> String {
    let mut left = crc32fast::hash(text.as_bytes());
    let mut out = [b'0'; SUM_DIGITS];
    for slot in out.iter_mut().rev() {
        *slot = BASE62[(left % 62) as usize];
        left /= 62;
    }
    out.iter().map(|b| char::from(*b)).collect()
}

/// 256 bits as 43 digits, most significant first (62^43 is a little over 2^256).
fn encode_secret(secret: &[u8; 32]) -> String {
    let mut left = *secret;
    let mut out = [b'0'; SECRET_DIGITS];
    for slot in out.iter_mut().rev() {
        let mut rest = 0u32;
        for octet in &mut left {
            let value = rest * 256 + u32::from(*octet);
            // The quotient fits an octet: the remainder carried in is below 62.
            *octet = (value / 62) as u8;
            rest = value % 62;
        }
        *slot = BASE62[rest as usize];
    }
    out.iter().map(|b| char::from(*b)).collect()
}

/// The inverse of [`encode_secret`]; `None` for another digit or a number over 256 bits.
fn decode_secret(text: &str) -> Option<[u8; 32]> {
    let mut out = [0u8; 32];
    for byte in text.bytes() {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'A'..=b'Z' => byte - b'A' + 10,
            b'a'..=b'z' => byte - b'a' + 36,
            _ => return None,
        };
        let mut carry = u32::from(digit);
        for octet in out.iter_mut().rev() {
            let value = u32::from(*octet) * 62 + carry;
            *octet = (value & 255) as u8;
            carry = value >> 8;
        }
        if carry != 0 {
            return None;
        }
    }
    Some(out)
}

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE36: [u8; 36] = *b"0123456789abcdefghijklmnopqrstuvwxyz";
/// 62^16 is 95 bits: two keys of one server never get the same public id.
const PUBLIC_DIGITS: usize = 16;
const SECRET_DIGITS: usize = 43;
const SUM_DIGITS: usize = 6;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn hex(octets: &[u8]) -> String {
        octets.iter().map(|b| format!("{b:02x}")).collect()
    }

    #[test]
    fn digests_of_the_standards() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex(&sha256(b"abc")), abc);
        assert_eq!(hex(&sha256_parts([&b"a"[..], b"", b"bc"])), abc);
        // RFC 4231 section 4.3.
        assert_eq!(
            hex(&hmac_sha256(b"Jefe", b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn compare_finds_every_difference() {
        let a: Vec<u8> = (0..64).collect();
        assert!(constant_time_eq(&a, &a.clone()) && constant_time_eq(b"", b""));
        for at in 0..64 {
            for bit in 0..8 {
                let mut b = a.clone();
                b[at] ^= 1 << bit;
                assert!(!constant_time_eq(&a, &b));
            }
        }
        assert!(!constant_time_eq(&a, &a[..63]));
    }

    /// Welch's t of the times that `compare` takes for two candidates against one secret. The
    /// next candidate is random and both are read from one place, so that other work of the
    /// machine slows both equally. The slowest tenth is such work and is left out.
    fn welch_t(compare: fn(&[u8], &[u8]) -> bool, candidates: [[u8; 32]; 2]) -> f64 {
        const SAMPLES: usize = 500_000;
        let secret = core::hint::black_box([7u8; 32]);
        let mut lot = Random::seeded(1);
        let mut times: Vec<(usize, u32)> = Vec::with_capacity(SAMPLES);
        let mut place = [0u8; 32];
        let mut bits = 0;
        for n in 0..SAMPLES {
            bits = if n % 64 == 0 { lot.u64() } else { bits >> 1 };
            let which = (bits & 1) as usize;
            // Both are read each time: where one lies must not tell which it is.
            let mask = 0u8.wrapping_sub(which as u8);
            for (at, octet) in place.iter_mut().enumerate() {
                let [a, b] = candidates.map(|candidate| candidate[at]);
                *octet = a ^ (mask & (a ^ b));
            }
            let start = std::time::Instant::now();
            core::hint::black_box(compare(&secret, core::hint::black_box(&place)));
            times.push((which, start.elapsed().as_nanos() as u32));
        }
        let mut sorted: Vec<u32> = times.iter().map(|t| t.1).collect();
        sorted.sort_unstable();
        let slow = sorted[SAMPLES * 9 / 10];
        let moments = |class: usize| {
            let of = |t: &&(usize, u32)| t.0 == class && t.1 <= slow;
            let n = times.iter().filter(of).count() as f64;
            let mean = times.iter().filter(of).map(|t| f64::from(t.1)).sum::<f64>() / n;
            let square = |t: &(usize, u32)| (f64::from(t.1) - mean).powi(2);
            let variance = times.iter().filter(of).map(square).sum::<f64>() / (n - 1.0);
            (mean, variance / n)
        };
        let ((a, a_error), (b, b_error)) = (moments(0), moments(1));
        (a - b) / (a_error + b_error).sqrt()
    }

    /// The time tells neither the place of a difference nor whether there is one. A real
    /// difference in time exceeds the bound in every run. Chance exceeds it once in a hundred
    /// thousand runs, so it does not do so three times.
    #[test]
    #[ignore = "measures time, so it runs alone: `cargo test --lib -- --ignored --test-threads 1`"]
    fn compare_takes_the_same_time_whatever_it_is_given() {
        fn early(a: &[u8], b: &[u8]) -> bool {
            a.iter().zip(b).all(|(x, y)| core::hint::black_box(x) == y)
        }
        let equal = [7u8; 32];
        let (mut first, mut last) = (equal, equal);
        first[0] = 8;
        last[31] = 8;
        for pair in [[first, last], [equal, first]] {
            let tells = |compare| (0..3).all(|_| welch_t(compare, pair).abs() >= 4.5);
            assert!(!tells(constant_time_eq));
            // Other work on the machine can hide even a difference, so this may take some tries.
            let noticed = (0..20).any(|_| tells(early));
            assert!(noticed, "the test would not notice");
        }
    }

    #[test]
    fn a_key_reads_back_and_nothing_else_does() {
        let mut random = Random::seeded(1);
        for _ in 0..50 {
            let (key, text) = ApiKey::generate(&mut random);
            assert_eq!(text.len(), 6 + 16 + 1 + 43 + 6);
            let read = ApiKey::parse(text.as_bytes()).unwrap();
            assert!(read == key);
            // Any change of one octet breaks the checksum or the form.
            for at in 0..text.len() {
                let mut other = text.clone().into_bytes();
                other[at] = if other[at] == b'x' { b'y' } else { b'x' };
                assert!(ApiKey::parse(&other).is_none(), "{at}");
            }
        }
        let token = OperatorToken::generate(&mut random);
        assert!(OperatorToken::hash(token.as_bytes()).is_some());
        assert!(ApiKey::parse(token.as_bytes()).is_none());
        for bad in [&b""[..], b"ap_sk_", b"\xff\xfe", "ap_sk_é".as_bytes()] {
            assert!(ApiKey::parse(bad).is_none() && OperatorToken::hash(bad).is_none());
        }
    }

    #[test]
    fn secrets_at_the_edges() {
        for secret in [[0u8; 32], [255; 32], [1; 32]] {
            let text = encode_secret(&secret);
            assert_eq!(text.len(), 43);
            assert_eq!(decode_secret(&text), Some(secret));
        }
        // The largest number of 43 digits does not fit 256 bits.
        assert_eq!(decode_secret(&"z".repeat(43)), None);
    }

    #[test]
    fn seeded_randomness_repeats_and_system_does_not() {
        assert_eq!(Random::seeded(7).base62(40), Random::seeded(7).base62(40));
        assert_ne!(Random::seeded(7).u64(), Random::seeded(8).u64());
        assert_ne!(Random::system().u64(), Random::system().u64());
        assert!(
            Random::seeded(9)
                .lower36(100)
                .bytes()
                .all(|b| b.is_ascii_digit() || b.is_ascii_lowercase())
        );
    }
}
