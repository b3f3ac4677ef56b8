//! Key pairs for signatures that others check with a key from the DNS: RSA and Ed25519 (RFC 6376
//! section 3.3, RFC 8463). Making them, their stored form, signing, verifying.
//!
//! What is signed, and how a public key is published, is not here: that is `mail::auth::dkim`. The
//! rule: a key of a strength that RFC 8301 forbids never verifies anything.

use ring::signature::{self, Ed25519KeyPair, KeyPair as _, RsaKeyPair};
use rsa::rand_core::{TryCryptoRng, TryRng};
use rsa::traits::{PrivateKeyParts as _, PublicKeyParts as _};

use super::Random;

/// How a key signs. Both sign a SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SigningAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256; keys of ours have 2,048 bits.
    Rsa,
    /// Ed25519 over the SHA-256 digest (RFC 8463 section 3).
    Ed25519,
}

impl SigningAlgorithm {
    /// Octets of a signature with a key that was made here.
    pub const fn signature_len(self) -> usize {
        match self {
            SigningAlgorithm::Rsa => RSA_BITS / 8,
            SigningAlgorithm::Ed25519 => 64,
        }
    }

    /// Of the key in what [`SigningKey::to_stored`] gave; the key is not looked at.
    pub fn of_stored(octets: &[u8]) -> Option<SigningAlgorithm> {
        match *octets.first()? {
            STORED_RSA => Some(SigningAlgorithm::Rsa),
            STORED_ED25519 => Some(SigningAlgorithm::Ed25519),
            _ => None,
        }
    }
}

/// A key pair.
pub struct SigningKey {
    pair: Pair,
    /// What [`SigningKey::to_stored`] gives, without its first octet.
    secret: Vec<u8>,
}

enum Pair {
    Rsa(Box<RsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
}

impl core::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "SigningKey({:?}, ..)", self.algorithm())
    }
}

impl Drop for SigningKey {
    fn drop(&mut self) {
        // black_box keeps the writes, which nothing reads.
        self.secret.fill(0);
        core::hint::black_box(&self.secret);
    }
}

impl SigningKey {
    /// Makes a key pair. An RSA key takes 10 to 100 ms of CPU, so the writer never calls this.
    ///
    /// `None` when no RSA key was found, which does not happen with good randomness.
    pub fn generate(algorithm: SigningAlgorithm, random: &mut Random) -> Option<SigningKey> {
        let secret = match algorithm {
            SigningAlgorithm::Ed25519 => random.array::<32>().to_vec(),
            SigningAlgorithm::Rsa => {
                let key = rsa::PrivateKey::new(&mut RsaRandom(random), RSA_BITS).ok()?;
                private_der(&key)?
            }
        };
        Self::of_secret(algorithm, secret)
    }

    /// Reads what [`SigningKey::to_stored`] gave; `None` for anything else.
    pub fn from_stored(octets: &[u8]) -> Option<SigningKey> {
        let algorithm = SigningAlgorithm::of_stored(octets)?;
        Self::of_secret(algorithm, octets.get(1..)?.to_vec())
    }

    /// The secret octets to store: one octet for the algorithm, then `RSAPrivateKey` in DER (RFC
    /// 8017 appendix A.1.2) or the 32 octets of an Ed25519 seed (RFC 8032 section 5.1.5).
    pub fn to_stored(&self) -> Vec<u8> {
        let kind = match self.algorithm() {
            SigningAlgorithm::Rsa => STORED_RSA,
            SigningAlgorithm::Ed25519 => STORED_ED25519,
        };
        let mut octets = Vec::with_capacity(1 + self.secret.len());
        octets.push(kind);
        octets.extend_from_slice(&self.secret);
        octets
    }

    /// How it signs.
    pub fn algorithm(&self) -> SigningAlgorithm {
        match self.pair {
            Pair::Rsa(_) => SigningAlgorithm::Rsa,
            Pair::Ed25519(_) => SigningAlgorithm::Ed25519,
        }
    }

    /// The public key as it is published: `SubjectPublicKeyInfo` in DER for RSA, the 32 octets of
    /// the key for Ed25519 (RFC 8463 section 4).
    pub fn public(&self) -> Vec<u8> {
        match &self.pair {
            Pair::Rsa(pair) => public_der(pair.public().as_ref()),
            Pair::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
        }
    }

    /// The signature of `message`, which is hashed with SHA-256. `None` when the key cannot sign,
    /// which no key that was read or made does.
    pub fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut octets = vec![0; pair.public().modulus_len()];
                // The randomness hides the secret from measurements of time. The signature does
                // not depend on it.
                let random = ring::rand::SystemRandom::new();
                let padding = &signature::RSA_PKCS1_SHA256;
                pair.sign(padding, &random, message, &mut octets).ok()?;
                Some(octets)
            }
            Pair::Ed25519(pair) => Some(pair.sign(&super::sha256(message)).as_ref().to_vec()),
        }
    }

    fn of_secret(algorithm: SigningAlgorithm, secret: Vec<u8>) -> Option<SigningKey> {
        let pair = match algorithm {
            SigningAlgorithm::Rsa => Pair::Rsa(Box::new(RsaKeyPair::from_der(&secret).ok()?)),
            SigningAlgorithm::Ed25519 => {
                let pair = Ed25519KeyPair::from_seed_unchecked(&secret).ok()?;
                Pair::Ed25519(Box::new(pair))
            }
        };
        Some(SigningKey { pair, secret })
    }
}

/// A public key of someone else.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifyingKey(Public);

#[derive(Clone, PartialEq, Eq, Debug)]
enum Public {
    /// Modulus and exponent, big endian, without leading zeros.
    Rsa(Vec<u8>, Vec<u8>),
    Ed25519(Vec<u8>),
}

/// Why octets give no key to verify with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyFault {
    /// They are no public key.
    Malformed,
    /// The modulus has fewer than 1,024 bits (RFC 8301 section 3.2).
    TooShort,
    /// The modulus has more than 4,096 bits: verifying would take too long.
    TooLong,
}

impl VerifyingKey {
    /// Reads a published key: for RSA `SubjectPublicKeyInfo` or `RSAPublicKey` in DER, for Ed25519
    /// 32 octets.
    pub fn read(algorithm: SigningAlgorithm, octets: &[u8]) -> Result<VerifyingKey, KeyFault> {
        match algorithm {
            SigningAlgorithm::Ed25519 if octets.len() == 32 => {
                Ok(VerifyingKey(Public::Ed25519(octets.to_vec())))
            }
            SigningAlgorithm::Ed25519 => Err(KeyFault::Malformed),
            SigningAlgorithm::Rsa => {
                let (modulus, exponent) = read_rsa(octets).ok_or(KeyFault::Malformed)?;
                let bits = modulus.first().map_or(0, |first| {
                    modulus.len() * 8 - first.leading_zeros() as usize
                });
                match bits {
                    0 => Err(KeyFault::Malformed),
                    1..RSA_BITS_MIN => Err(KeyFault::TooShort),
                    RSA_BITS_MIN..=RSA_BITS_MAX => Ok(VerifyingKey(Public::Rsa(modulus, exponent))),
                    _ => Err(KeyFault::TooLong),
                }
            }
        }
    }

    /// Whether `signed` is the signature of `message`, which is hashed with SHA-256.
    pub fn verify(&self, message: &[u8], signed: &[u8]) -> bool {
        match &self.0 {
            Public::Rsa(n, e) => {
                let key = signature::RsaPublicKeyComponents { n, e };
                let parameters = &signature::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY;
                key.verify(parameters, message, signed).is_ok()
            }
            Public::Ed25519(key) => {
                let key = signature::UnparsedPublicKey::new(&signature::ED25519, key);
                key.verify(&super::sha256(message), signed).is_ok()
            }
        }
    }
}

/// Modulus and exponent of a public key in DER.
fn read_rsa(octets: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    type Read<'a, 'b> = yasna::BERReader<'a, 'b>;
    let numbers = |reader: Read<'_, '_>| {
        reader.read_sequence(|reader| {
            let mut number = || match reader.next().read_bigint_bytes()? {
                (octets, true) => Ok(without_zeros(octets)),
                _ => Err(yasna::ASN1Error::new(yasna::ASN1ErrorKind::Invalid)),
            };
            Ok((number()?, number()?))
        })
    };
    if let Ok(found) = yasna::parse_der(octets, numbers) {
        return Some(found);
    }
    let inner = yasna::parse_der(octets, |reader| {
        reader.read_sequence(|reader| {
            reader.next().read_sequence(|reader| {
                let algorithm = reader.next().read_oid()?;
                reader.read_optional(|reader| reader.read_null())?;
                match algorithm.components().as_slice() == RSA_ENCRYPTION {
                    true => Ok(()),
                    false => Err(yasna::ASN1Error::new(yasna::ASN1ErrorKind::Invalid)),
                }
            })?;
            reader.next().read_bitvec_bytes()
        })
    });
    yasna::parse_der(&inner.ok()?.0, numbers).ok()
}

/// `SubjectPublicKeyInfo` around `RSAPublicKey`.
fn public_der(key: &[u8]) -> Vec<u8> {
    yasna::construct_der(|writer| {
        writer.write_sequence(|writer| {
            writer.next().write_sequence(|writer| {
                let oid = yasna::models::ObjectIdentifier::from_slice(RSA_ENCRYPTION);
                writer.next().write_oid(&oid);
                writer.next().write_null();
            });
            writer.next().write_bitvec_bytes(key, key.len() * 8);
        });
    })
}

/// `RSAPrivateKey` in DER.
fn private_der(key: &rsa::PrivateKey) -> Option<Vec<u8>> {
    let [p, q] = key.primes() else {
        return None;
    };
    let numbers = [
        key.n_bytes(),
        key.e_bytes(),
        key.d().to_be_bytes(),
        p.to_be_bytes(),
        q.to_be_bytes(),
        key.dp()?.to_be_bytes(),
        key.dq()?.to_be_bytes(),
        key.crt_coefficient()?.to_be_bytes(),
    ];
    let der = yasna::construct_der(|writer| {
        writer.write_sequence(|writer| {
            writer.next().write_u8(0);
            for number in &numbers {
                writer.next().write_bigint_bytes(number, true);
            }
        });
    });
    Some(der)
}

fn without_zeros(mut octets: Vec<u8>) -> Vec<u8> {
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    octets.drain(..zeros);
    octets
}

/// Our randomness as `rsa` wants it.
struct RsaRandom<'r>(&'r mut Random);

impl TryRng for RsaRandom<'_> {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(u32::from_le_bytes(self.0.array()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(self.0.u64())
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        self.0.fill(out);
        Ok(())
    }
}

impl TryCryptoRng for RsaRandom<'_> {}

/// Bits of the RSA keys that are made here: longer ones do not fit a TXT string, and shorter ones
/// are not advised (RFC 8301 section 3.2).
const RSA_BITS: usize = 2_048;
const RSA_BITS_MIN: usize = 1_024;
const RSA_BITS_MAX: usize = 4_096;
/// rsaEncryption (RFC 8017 appendix A.1).
const RSA_ENCRYPTION: &[u64] = &[1, 2, 840, 113_549, 1, 1, 1];
const STORED_RSA: u8 = 1;
const STORED_ED25519: u8 = 2;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn keys_sign_and_are_stored() {
        for algorithm in [SigningAlgorithm::Rsa, SigningAlgorithm::Ed25519] {
            let mut random = Random::seeded(7);
            let key = SigningKey::generate(algorithm, &mut random).unwrap();
            assert_eq!(key.algorithm(), algorithm);
            let again = SigningKey::from_stored(&key.to_stored()).unwrap();
            assert_eq!(again.to_stored(), key.to_stored());
            assert_eq!(again.public(), key.public());
            let signed = again.sign(b"text").unwrap();
            let public = VerifyingKey::read(algorithm, &key.public()).unwrap();
            assert!(public.verify(b"text", &signed));
            assert_eq!(signed.len(), algorithm.signature_len());
            // Messages are sent in pieces, and again: a signature is always the same.
            assert_eq!(key.sign(b"text"), Some(signed.clone()));
            assert!(!public.verify(b"texT", &signed));
            assert!(!public.verify(b"text", &signed[1..]) && !public.verify(b"text", b""));
            let other = SigningKey::generate(algorithm, &mut random).unwrap();
            assert_ne!(other.public(), key.public());
            assert!(
                !format!("{key:?}").contains(char::is_numeric)
                    || algorithm != SigningAlgorithm::Rsa
            );
        }
    }

    #[test]
    fn what_is_no_stored_key_is_none() {
        let mut random = Random::seeded(8);
        let key = SigningKey::generate(SigningAlgorithm::Ed25519, &mut random).unwrap();
        let stored = key.to_stored();
        for octets in [
            &b""[..],
            b"\x01",
            b"\x03abc",
            &stored[..32],
            &[STORED_RSA; 40],
        ] {
            assert!(SigningKey::from_stored(octets).is_none());
        }
    }

    #[test]
    fn the_length_of_a_modulus_decides() {
        let of = |bits: usize| {
            let mut modulus = vec![0xff; bits.div_ceil(8)];
            modulus[0] >>= (8 - bits % 8) % 8;
            let key = yasna::construct_der(|writer| {
                writer.write_sequence(|writer| {
                    writer.next().write_bigint_bytes(&modulus, true);
                    writer.next().write_u32(65_537);
                });
            });
            let read = |octets: &[u8]| VerifyingKey::read(SigningAlgorithm::Rsa, octets);
            let found = read(&key);
            assert_eq!(found, read(&public_der(&key)), "both forms are read");
            found.map(|_| ())
        };
        assert_eq!(of(512), Err(KeyFault::TooShort));
        assert_eq!(of(1_023), Err(KeyFault::TooShort));
        assert_eq!(of(1_024), Ok(()));
        assert_eq!(of(4_096), Ok(()));
        assert_eq!(of(4_097), Err(KeyFault::TooLong));
        let zero = yasna::construct_der(|writer| {
            writer.write_sequence(|writer| {
                writer.next().write_u8(0);
                writer.next().write_u8(3);
            });
        });
        for octets in [&b""[..], b"\x30", b"abc", &zero] {
            let read = VerifyingKey::read(SigningAlgorithm::Rsa, octets);
            assert_eq!(read, Err(KeyFault::Malformed));
        }
        let read = VerifyingKey::read(SigningAlgorithm::Ed25519, &[1; 31]);
        assert_eq!(read, Err(KeyFault::Malformed));
    }
}
