//! Secrets that have to be given out again, such as the password of an account elsewhere: sealed
//! with a key that stands outside of the database, so that the database alone does not have them.
//!
//! A sealed value is one octet of form, 8 octets that name the key, a random nonce of 12, and the
//! octets and the tag of ChaCha20-Poly1305 (RFC 8439). What the secret belongs to is a part of the
//! authenticated data: a sealed value that is copied to another row does not open there.

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use super::{Random, checked_secret, checksum, encode_secret, sha256_parts};

/// The key that secrets are sealed with. Its text is `ap_seal_`, 43 digits of key and 6 of
/// checksum.
///
/// Nonces are random, so one key seals at most 2^32 values (NIST SP 800-38D section 8.3 has the
/// same bound for nonces of 96 bits). A server that seals one a second reaches it in 136 years.
pub struct SealingKey {
    secret: [u8; 32],
}

/// Why a sealed value does not open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SealFault {
    /// It was sealed with another key.
    OtherKey,
    /// It is not a sealed value, it was changed, or it belongs to something else.
    Damaged,
}

impl SealingKey {
    /// What the text begins with.
    pub const PREFIX: &'static str = "ap_seal_";

    /// A new key and its text, which is kept in one file.
    pub fn generate(random: &mut Random) -> (SealingKey, String) {
        let secret: [u8; 32] = random.array();
        let mut text = format!("{}{}", Self::PREFIX, encode_secret(&secret));
        let sum = checksum(&text);
        text.push_str(&sum);
        (SealingKey { secret }, text)
    }

    /// Reads the text of a key; `None` if its form or checksum is wrong.
    pub fn parse(text: &str) -> Option<SealingKey> {
        let tail = text.strip_prefix(Self::PREFIX)?;
        let secret = checked_secret(text, tail)?;
        Some(SealingKey { secret })
    }

    /// Seals a secret that belongs to `owner`, a text that no other secret has, such as
    /// `upstream/12/password`. Error: over 2^32 octets.
    pub fn seal(
        &self,
        random: &mut Random,
        owner: &str,
        secret: &[u8],
    ) -> Result<Vec<u8>, SealFault> {
        let nonce: [u8; NONCE_LEN] = random.array();
        let mut octets = secret.to_vec();
        self.cipher()?
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(authenticated(owner)),
                &mut octets,
            )
            .map_err(|_| SealFault::Damaged)?;
        let mut sealed = self.prefix().to_vec();
        sealed.extend_from_slice(&nonce);
        sealed.append(&mut octets);
        Ok(sealed)
    }

    /// Opens what [`SealingKey::seal`] made for the same owner.
    pub fn open(&self, owner: &str, sealed: &[u8]) -> Result<Vec<u8>, SealFault> {
        let (prefix, rest) = sealed.split_first_chunk().ok_or(SealFault::Damaged)?;
        if *prefix != self.prefix() {
            let is_known = prefix[0] == FORM;
            return Err(if is_known {
                SealFault::OtherKey
            } else {
                SealFault::Damaged
            });
        }
        let (nonce, octets) = rest.split_first_chunk().ok_or(SealFault::Damaged)?;
        let mut octets = octets.to_vec();
        let opened = self.cipher()?.open_in_place(
            Nonce::assume_unique_for_key(*nonce),
            Aad::from(authenticated(owner)),
            &mut octets,
        );
        let length = opened.map_err(|_| SealFault::Damaged)?.len();
        octets.truncate(length);
        Ok(octets)
    }

    /// What every value that this key has sealed begins with: a query counts the others by it.
    pub fn prefix(&self) -> [u8; PREFIX] {
        // It tells nothing of the key: SHA-256 of 256 random bits is not reversed.
        let digest = sha256_parts([&b"postern sealing key"[..], &self.secret]);
        let mut prefix = [FORM; PREFIX];
        prefix[1..].copy_from_slice(&digest[..KEY_ID]);
        prefix
    }

    fn cipher(&self) -> Result<LessSafeKey, SealFault> {
        let key = UnboundKey::new(&CHACHA20_POLY1305, &self.secret);
        Ok(LessSafeKey::new(key.map_err(|_| SealFault::Damaged)?))
    }
}

impl core::fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SealingKey(..)")
    }
}

fn authenticated(owner: &str) -> Vec<u8> {
    [&[FORM], owner.as_bytes()].concat()
}

/// The form of sealed values that this file describes.
const FORM: u8 = 1;
const KEY_ID: usize = 8;
const PREFIX: usize = 1 + KEY_ID;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn key(seed: u64) -> SealingKey {
        let (key, text) = SealingKey::generate(&mut Random::seeded(seed));
        assert_eq!(SealingKey::parse(&text).unwrap().secret, key.secret);
        key
    }

    #[test]
    fn what_is_sealed_opens_for_its_owner_and_its_key_only() {
        let (key, other, mut random) = (key(1), self::key(2), Random::seeded(3));
        for secret in [&b""[..], b"hunter2", &[0xff; 5000]] {
            let sealed = key
                .seal(&mut random, "upstream/1/password", secret)
                .unwrap();
            assert_eq!(key.open("upstream/1/password", &sealed).unwrap(), secret);
            assert_eq!(
                key.open("upstream/2/password", &sealed),
                Err(SealFault::Damaged)
            );
            assert_eq!(
                key.open("upstream/1/passwor", &sealed),
                Err(SealFault::Damaged)
            );
            assert_eq!(
                other.open("upstream/1/password", &sealed),
                Err(SealFault::OtherKey)
            );
        }
    }

    #[test]
    fn a_secret_never_looks_the_same_and_no_octet_of_it_shows() {
        let (key, mut random) = (key(1), Random::seeded(3));
        let seal = |random: &mut Random| key.seal(random, "a", b"correct horse").unwrap();
        let (a, b) = (seal(&mut random), seal(&mut random));
        assert_ne!(a[9..], b[9..]);
        assert_eq!(a[..9], key.prefix());
        assert!(!a.windows(7).any(|part| part == b"correct"));
    }

    #[test]
    fn a_changed_value_does_not_open() {
        let (key, mut random) = (key(1), Random::seeded(3));
        let sealed = key.seal(&mut random, "a", b"hunter2").unwrap();
        for at in 0..sealed.len() {
            for bit in 0..8 {
                let mut changed = sealed.clone();
                changed[at] ^= 1 << bit;
                assert!(key.open("a", &changed).is_err(), "octet {at}");
            }
            assert_eq!(key.open("a", &sealed[..at]), Err(SealFault::Damaged));
        }
    }

    #[test]
    fn the_text_of_a_key_is_checked() {
        let (_, text) = SealingKey::generate(&mut Random::seeded(1));
        assert!(text.len() == 8 + 43 + 6 && text.starts_with(SealingKey::PREFIX));
        assert!(SealingKey::parse(&text).is_some());
        let mistyped = text.replacen(char::from(text.as_bytes()[20]), "!", 1);
        for wrong in ["", "ap_seal_", &text[..56], &mistyped, &format!("{text}0")] {
            assert!(SealingKey::parse(wrong).is_none(), "{wrong}");
        }
        assert_eq!(format!("{:?}", key(1)), "SealingKey(..)");
    }
}
