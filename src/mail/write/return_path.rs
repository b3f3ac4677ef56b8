//! The return path of a message that leaves: `bounces+TOKEN@domain`. The token names the row of the
//! queue and carries proof that this server made it, so that a report of another server finds its
//! message, and so that a report cannot be forged for the message of another.
//!
//! The token is 18 octets in base32: the number of the row, and the first ten octets of an HMAC
//! over it. Base32 has one case, because servers on the way may change the case of a local part.

use crate::crypto::{constant_time_eq, hmac_sha256};

/// The local part that return paths begin with. No inbox may have it.
pub const RETURN_PATH_LOCAL: &str = "bounces";

/// The return path of a row. `domain` is the domain of the sender.
pub fn return_path(secret: &[u8; 32], row: i64, domain: &str) -> String {
    let mut token = [0; TOKEN_BYTES];
    let (number, proof) = token.split_at_mut(8);
    number.copy_from_slice(&row.to_be_bytes());
    proof.copy_from_slice(&proof_of(secret, row));
    let text = data_encoding::BASE32_NOPAD
        .encode(&token)
        .to_ascii_lowercase();
    format!("{RETURN_PATH_LOCAL}+{text}@{domain}")
}

/// Whether a local part is one of return paths: no inbox may have it, by any way.
pub fn is_reserved(local: &str) -> bool {
    let name = local.split_once('+').map_or(local, |(name, _)| name);
    name.eq_ignore_ascii_case(RETURN_PATH_LOCAL)
}

/// The row that a local part names; `None` when this server did not make it.
pub fn row_of_return_path(secret: &[u8; 32], local: &str) -> Option<i64> {
    let (name, token) = local.split_once('+')?;
    // A longer text is not decoded.
    if !name.eq_ignore_ascii_case(RETURN_PATH_LOCAL) || token.len() != TOKEN_TEXT_BYTES {
        return None;
    }
    let text = token.to_ascii_uppercase();
    let token = data_encoding::BASE32_NOPAD.decode(text.as_bytes()).ok()?;
    let (number, proof) = token.split_first_chunk::<8>()?;
    let row = i64::from_be_bytes(*number);
    constant_time_eq(proof, &proof_of(secret, row)).then_some(row)
}

fn proof_of(secret: &[u8; 32], row: i64) -> [u8; PROOF_BYTES] {
    let mut octets = *b"return-path:\0\0\0\0\0\0\0\0";
    if let Some(number) = octets.last_chunk_mut::<8>() {
        *number = row.to_be_bytes();
    }
    let whole = hmac_sha256(secret, &octets);
    let mut proof = [0; PROOF_BYTES];
    proof.copy_from_slice(whole.get(..PROOF_BYTES).unwrap_or(&[0; PROOF_BYTES]));
    proof
}

/// 80 bits: a guess at a token has no chance, and the local part stays under 64 octets.
const PROOF_BYTES: usize = 10;

const TOKEN_BYTES: usize = 8 + PROOF_BYTES;

/// Octets of the token in base32 without padding.
const TOKEN_TEXT_BYTES: usize = (TOKEN_BYTES * 8).div_ceil(5);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::mail::Address;

    #[test]
    fn a_return_path_leads_back_to_its_row() {
        let secret = [7; 32];
        for row in [0, 1, 1_234_567_890_123, i64::MAX, -1] {
            let path = Address::parse(&return_path(&secret, row, "a.example")).unwrap();
            assert_eq!(row_of_return_path(&secret, path.local()), Some(row));
            let upper = path.local().to_ascii_uppercase();
            assert_eq!(row_of_return_path(&secret, &upper), Some(row));
        }
    }

    #[test]
    fn a_forged_one_leads_nowhere() {
        let secret = [7; 32];
        let path = return_path(&secret, 42, "a.example");
        assert!(is_reserved("Bounces") && is_reserved("bounces+") && is_reserved("bounces+a+b"));
        assert!(!is_reserved("bounces-a") && !is_reserved("a+bounces") && !is_reserved(""));
        let local = path.split_once('@').unwrap().0.to_owned();
        assert_eq!(row_of_return_path(&[8; 32], &local), None);
        for at in "bounces+".len()..local.len() {
            let mut changed = local.clone().into_bytes();
            changed[at] = if changed[at] == b'a' { b'b' } else { b'a' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(row_of_return_path(&secret, &changed), None, "{changed}");
        }
        for text in [
            "",
            "bounces",
            "bounces+",
            "bounces+aa",
            "other+x",
            &format!("{local}a"),
        ] {
            assert_eq!(row_of_return_path(&secret, text), None, "{text}");
        }
    }
}
