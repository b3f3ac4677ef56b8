//! Signing our mail (RFC 6376 section 5): one signature with each key of a domain.
//!
//! All fields that a reader sees are signed, and a list of names is signed once more than it
//! occurs, so that a signed message with one more such field does not pass.

use super::canon::Canonicalization;
use super::verify::without_signature;
use crate::crypto::{SigningAlgorithm, SigningKey};
use crate::mail::Headers;
use crate::mail::parse::header::Field;

/// A key and the name under which it is published.
#[derive(Debug)]
pub struct SelectorKey {
    /// `s=`: one or more labels of DNS, in lower case.
    pub selector: String,
    /// The key.
    pub key: SigningKey,
}

/// Signs the mail of one domain.
#[derive(Debug)]
pub struct DkimSigner {
    /// `d=`: in lower case and punycode.
    pub domain: String,
    /// The keys. Each makes a signature.
    pub keys: Vec<SelectorKey>,
}

impl DkimSigner {
    /// The canonical form of a body that these signatures cover; see
    /// [`BodyHash`](super::BodyHash).
    pub const BODY_FORM: Canonicalization = Canonicalization::Relaxed;

    /// The DKIM-Signature fields to put in front of a message, each with its CRLF. `header` is its
    /// header block with or without the empty line, exactly as it will be sent; `body_hash` is the
    /// hash of the body in [`DkimSigner::BODY_FORM`]; `now_s` is the time in unix seconds. The same
    /// arguments give the same octets.
    pub fn sign(&self, header: &[u8], body_hash: &[u8; 32], now_s: i64) -> Vec<u8> {
        let headers = Headers::parse(header);
        let mut fields = Vec::new();
        let names = signed_names(&headers, |field| {
            Canonicalization::Relaxed.field(header, field, &mut fields);
        });
        let hash = data_encoding::BASE64.encode(body_hash);
        let mut out = Vec::new();
        for SelectorKey { selector, key } in &self.keys {
            let name = (selector.as_str(), key.algorithm());
            let field = unsigned_field(&self.domain, name, &names, (now_s, &hash));
            // The empty signature is signed with the rest of the field.
            let mut text = fields.clone();
            let own = [field.as_bytes(), b"\r\n"].concat();
            if let Some(own_field) = Headers::of_block(&own).fields().next() {
                without_signature(Canonicalization::Relaxed, &own, &own_field, &mut text);
            }
            let Some(signed) = key.sign(&text) else {
                continue;
            };
            out.extend_from_slice(field.as_bytes());
            let encoded = data_encoding::BASE64.encode(&signed);
            for line in encoded.as_bytes().chunks(SIGNATURE_LINE) {
                out.extend_from_slice(b"\r\n\t");
                out.extend_from_slice(line);
            }
            out.extend_from_slice(b"\r\n");
        }
        out
    }
}

/// The length of what [`DkimSigner::sign`] gives with keys of these selectors that were made here.
/// It costs no signature: only the names of the fields are looked at.
pub fn signatures_len<'k>(
    domain: &str,
    keys: impl IntoIterator<Item = (&'k str, SigningAlgorithm)>,
    header: &[u8],
    now_s: i64,
) -> usize {
    let names = signed_names(&Headers::parse(header), |_| {});
    let hash = data_encoding::BASE64.encode(&[0; 32]);
    let len = |key: (&str, SigningAlgorithm)| {
        let field = unsigned_field(domain, key, &names, (now_s, &hash));
        let encoded = data_encoding::BASE64.encode_len(key.1.signature_len());
        field.len() + encoded + encoded.div_ceil(SIGNATURE_LINE) * 3 + 2
    };
    keys.into_iter().map(len).sum()
}

/// A signature field up to the empty `b=`, folded.
fn unsigned_field(
    domain: &str,
    (selector, algorithm): (&str, SigningAlgorithm),
    names: &[&str],
    (now_s, body_hash): (i64, &str),
) -> String {
    let algorithm = match algorithm {
        SigningAlgorithm::Rsa => "rsa-sha256",
        SigningAlgorithm::Ed25519 => "ed25519-sha256",
    };
    let mut field = format!("DKIM-Signature: v=1; a={algorithm}; c=relaxed/relaxed;");
    let mut column = field.len();
    let mut write = |word: &str, gap: &str| {
        if column + gap.len() + word.len() > LINE_MAX {
            field.push_str("\r\n\t");
            column = 1;
        } else {
            field.push_str(gap);
            column += gap.len();
        }
        field.push_str(word);
        column += word.len();
    };
    write(&format!("d={domain};"), " ");
    write(&format!("s={selector};"), " ");
    write(&format!("t={};", now_s.max(0)), " ");
    let last = names.len().saturating_sub(1);
    for (at, name) in names.iter().enumerate() {
        let (start, gap) = if at == 0 { ("h=", " ") } else { ("", "") };
        let end = if at == last { ";" } else { ":" };
        write(&format!("{start}{name}{end}"), gap);
    }
    write(&format!("bh={body_hash};"), " ");
    write("b=", " ");
    field
}

/// The names of `h=`. `each` is called with the fields in the order in which a verifier takes them.
fn signed_names<'n>(headers: &Headers<'_>, mut each: impl FnMut(&Field<'_>)) -> Vec<&'n str> {
    let mut found: Vec<Vec<Field<'_>>> = SIGNED.iter().map(|_| Vec::new()).collect();
    for field in headers.fields() {
        let place = SIGNED.iter().position(|(name, _)| field.is(name));
        if let Some(list) = place.and_then(|at| found.get_mut(at)) {
            list.push(field);
        }
    }
    let mut names = Vec::new();
    for ((name, closed), fields) in SIGNED.iter().zip(&found) {
        for field in fields.iter().rev().take(OCCURRENCES_MAX) {
            names.push(*name);
            each(field);
        }
        if *closed && fields.len() <= OCCURRENCES_MAX {
            names.push(*name);
        }
    }
    names
}

/// The fields that are signed (RFC 6376 section 5.4.1), and whether none may be added. A mailing
/// list adds Sender and its own `List-` fields, which breaks nothing.
const SIGNED: &[(&str, bool)] = &[
    ("from", true),
    ("to", true),
    ("cc", true),
    ("subject", true),
    ("date", true),
    ("message-id", true),
    ("reply-to", true),
    ("in-reply-to", false),
    ("references", false),
    ("sender", false),
    ("mime-version", true),
    ("content-type", true),
    ("content-transfer-encoding", true),
    ("content-disposition", false),
    ("content-id", false),
    ("content-description", false),
    ("resent-from", false),
    ("resent-to", false),
    ("resent-cc", false),
    ("resent-date", false),
    ("resent-message-id", false),
    ("auto-submitted", false),
    ("list-id", false),
    ("list-help", false),
    ("list-unsubscribe", false),
    ("list-unsubscribe-post", false),
    ("list-subscribe", false),
    ("list-post", false),
    ("list-owner", false),
    ("list-archive", false),
];

/// Fields of one name that are signed, from the bottom.
const OCCURRENCES_MAX: usize = 20;
/// Characters of a line (RFC 5322 section 2.1.1).
const LINE_MAX: usize = 78;
/// Characters of a signature in one line.
const SIGNATURE_LINE: usize = LINE_MAX - 4;
