//! The SASL exchange (RFC 4422) of every protocol: PLAIN (RFC 4616) and LOGIN, and the messages by
//! which clients of other servers show an access token.
//!
//! Pure steps from one response of the client to the next. Not here: the words of each
//! protocol, the length of a line, TLS, and whether a key is good (the service decides that).
//! The rule: nothing that a client sends here is logged or sent back, and a secret goes from
//! the response into a `Secret` and to no other place.

use data_encoding::BASE64;

use crate::call::Secret;

/// A mechanism; each protocol says which of them it offers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SaslMechanism {
    /// One message with the user and the key (RFC 4616).
    Plain,
    /// The user and the key in two responses. It has no RFC, but many clients use it in SMTP.
    Login,
}

/// The response that the exchange waits for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SaslWait {
    /// The one message of PLAIN.
    PlainMessage,
    /// The user of LOGIN.
    LoginUser,
    /// The key of LOGIN.
    LoginKey {
        /// The user of the response before.
        user: String,
    },
}

/// What the protocol does next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SaslStep {
    /// Send this challenge and wait for a response.
    Challenge {
        /// In base64 already.
        base64: &'static str,
        /// For [`respond`].
        wait: SaslWait,
    },
    /// Ask the service whether the key is good.
    Check {
        /// The address.
        user: String,
        /// The key.
        secret: Secret,
    },
    /// The client has sent `*`.
    Cancelled,
    /// The mechanism is unknown, or the protocol does not offer it.
    UnknownMechanism,
    /// The response is not base64.
    NotBase64,
    /// The response is base64, but not the message that the mechanism wants.
    Malformed,
    /// The client wants to act for another identity. Every key acts only for itself.
    ActsForAnother,
}

/// Begins an exchange. `initial` is the initial response as it stands in the command, in
/// base64; `=` is a response of no octets (RFC 4954 section 4, RFC 4959 section 3). `*` is
/// no initial response: it cancels an exchange only as a line of its own.
pub fn begin(mechanism: &str, initial: Option<&[u8]>, offered: &[SaslMechanism]) -> SaslStep {
    let named = offered
        .iter()
        .find(|offer| offer.name().eq_ignore_ascii_case(mechanism));
    let Some(mechanism) = named else {
        return SaslStep::UnknownMechanism;
    };
    let wait = match mechanism {
        SaslMechanism::Plain => SaslWait::PlainMessage,
        SaslMechanism::Login => SaslWait::LoginUser,
    };
    match initial {
        None => challenge(wait),
        Some(b"=") => decoded(wait, &[]),
        Some(base64) => decode(wait, base64),
    }
}

/// Goes on with the response that the exchange waited for: one line without its CRLF.
pub fn respond(wait: SaslWait, line: &[u8]) -> SaslStep {
    match line {
        b"*" => SaslStep::Cancelled,
        base64 => decode(wait, base64),
    }
}

impl SaslMechanism {
    /// The name in the registry of SASL mechanisms.
    pub const fn name(self) -> &'static str {
        match self {
            SaslMechanism::Plain => "PLAIN",
            SaslMechanism::Login => "LOGIN",
        }
    }
}

/// The message of OAUTHBEARER (RFC 7628 section 3.1) of a client, encoded.
pub fn oauth_bearer(user: &str, token: &[u8]) -> String {
    // A GS2 header has `,` and `=` encoded (RFC 5801 section 4).
    let user = user.replace('=', "=3D").replace(',', "=2C");
    let mut message = format!("n,a={user},\x01auth=Bearer ").into_bytes();
    message.extend_from_slice(token);
    message.extend_from_slice(b"\x01\x01");
    BASE64.encode(&message)
}

/// The message of XOAUTH2 of a client, encoded, as Google and Microsoft document it.
pub fn xoauth2(user: &str, token: &[u8]) -> String {
    let mut message = format!("user={user}\x01auth=Bearer ").into_bytes();
    message.extend_from_slice(token);
    message.extend_from_slice(b"\x01\x01");
    BASE64.encode(&message)
}

fn challenge(wait: SaslWait) -> SaslStep {
    let base64 = match wait {
        SaslWait::PlainMessage => "",
        // `Username:`
        SaslWait::LoginUser => "VXNlcm5hbWU6",
        // `Password:`
        SaslWait::LoginKey { .. } => "UGFzc3dvcmQ6",
    };
    SaslStep::Challenge { base64, wait }
}

/// RFC 4648 section 3: padding is wanted, its unused bits are 0, and no other octet is
/// skipped, blanks and line ends included. The grammar of RFC 4954 section 8 has padding at
/// the end only, where the decoder would take two padded texts one behind the other.
fn decode(wait: SaslWait, base64: &[u8]) -> SaslStep {
    let unpadded = base64.iter().rposition(|octet| *octet != b'=');
    let text = base64.get(..unpadded.map_or(0, |at| at + 1));
    if text.is_some_and(|text| text.contains(&b'=')) {
        return SaslStep::NotBase64;
    }
    match BASE64.decode(base64) {
        Ok(octets) => decoded(wait, &octets),
        Err(_) => SaslStep::NotBase64,
    }
}

fn decoded(wait: SaslWait, octets: &[u8]) -> SaslStep {
    match wait {
        SaslWait::PlainMessage => plain(octets),
        SaslWait::LoginUser => match user_name(octets) {
            Some(user) => challenge(SaslWait::LoginKey { user }),
            None => SaslStep::Malformed,
        },
        SaslWait::LoginKey { user } => check(user, octets),
    }
}

/// RFC 4616 section 2: `[authzid] NUL authcid NUL passwd`. No part has a NUL of its own, and
/// only the first may be empty.
fn plain(octets: &[u8]) -> SaslStep {
    let mut parts = octets.split(|octet| *octet == 0);
    let (Some(act_as), Some(user), Some(secret), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return SaslStep::Malformed;
    };
    let Some(user) = user_name(user) else {
        return SaslStep::Malformed;
    };
    // Two spellings of one address are one identity.
    if !act_as.is_empty() && !act_as.eq_ignore_ascii_case(user.as_bytes()) {
        return SaslStep::ActsForAnother;
    }
    check(user, secret)
}

fn check(user: String, secret: &[u8]) -> SaslStep {
    let fits = !secret.is_empty() && secret.len() <= SECRET_BYTES_MAX;
    if !fits || secret.contains(&0) || core::str::from_utf8(secret).is_err() {
        return SaslStep::Malformed;
    }
    SaslStep::Check {
        user,
        secret: Secret::new(secret),
    }
}

/// RFC 4616 section 2 wants UTF-8; RFC 4013 section 2.3 forbids control characters.
fn user_name(octets: &[u8]) -> Option<String> {
    let text = core::str::from_utf8(octets).ok()?;
    let fits = !text.is_empty() && text.len() <= USER_BYTES_MAX;
    (fits && !text.chars().any(char::is_control)).then(|| text.to_owned())
}

/// RFC 4616 section 2 wants at least 255 octets. An address has at most 320; in UTF-8 it may
/// be longer than its canonical form.
const USER_BYTES_MAX: usize = 1024;
/// A key has about 80 octets.
const SECRET_BYTES_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: [SaslMechanism; 2] = [SaslMechanism::Plain, SaslMechanism::Login];

    fn checked(user: &str, secret: &str) -> SaslStep {
        SaslStep::Check {
            user: user.into(),
            secret: Secret::new(secret),
        }
    }

    fn first(mechanism: &str, initial: &str) -> SaslStep {
        begin(mechanism, Some(initial.as_bytes()), &BOTH)
    }

    fn b64(octets: &[u8]) -> String {
        BASE64.encode(octets)
    }

    #[test]
    fn plain_messages() {
        let good = checked("a@x", "k");
        let (long, longer) = ([b'k'; 1024], [b'k'; 1025]);
        let long_key = [&b"\0a@x\0"[..], &long].concat();
        let longer_key = [&b"\0a@x\0"[..], &longer].concat();
        let longer_user = [&b"\0"[..], &longer, b"\0k"].concat();
        let cases: [(&[u8], SaslStep); 17] = [
            (b"\0a@x\0k", good.clone()),
            (b"a@x\0a@x\0k", good.clone()),
            (b"A@X\0a@x\0k", good.clone()),
            (b"b@x\0a@x\0k", SaslStep::ActsForAnother),
            (b"\xff\0a@x\0k", SaslStep::ActsForAnother),
            (b"a@x\0k", SaslStep::Malformed),
            (b"\0a@x\0k\0", SaslStep::Malformed),
            (b"\0\0k", SaslStep::Malformed),
            (b"\0a@x\0", SaslStep::Malformed),
            (b"", SaslStep::Malformed),
            (b"\0\xff\0k", SaslStep::Malformed),
            (b"\0a@x\0\xff", SaslStep::Malformed),
            (b"\0a\nb\0k", SaslStep::Malformed),
            (b"\0\0\0\0", SaslStep::Malformed),
            (&long_key, checked("a@x", &"k".repeat(1024))),
            (&longer_key, SaslStep::Malformed),
            (&longer_user, SaslStep::Malformed),
        ];
        for (octets, step) in cases {
            let line = b64(octets);
            let got = respond(SaslWait::PlainMessage, line.as_bytes());
            assert_eq!(got, step, "{line}");
            assert_eq!(first("plain", &line), step, "{line}");
        }
        assert_eq!(
            begin("PLAIN", None, &BOTH),
            SaslStep::Challenge {
                base64: "",
                wait: SaslWait::PlainMessage
            }
        );
        assert_eq!(first("PLAIN", "="), SaslStep::Malformed);
        assert_eq!(begin("CRAM-MD5", None, &BOTH), SaslStep::UnknownMechanism);
        assert_eq!(begin("", None, &BOTH), SaslStep::UnknownMechanism);
        assert_eq!(begin("PLAI", None, &BOTH), SaslStep::UnknownMechanism);
        assert_eq!(first("LOGIN", "="), SaslStep::Malformed);
        let only = [SaslMechanism::Plain];
        assert_eq!(begin("LOGIN", None, &only), SaslStep::UnknownMechanism);
    }

    #[test]
    fn base64_is_strict() {
        for bad in [
            "%%%", "YQ", "YR==", "Y Q==", "YQ==YQ==", "YQ== ", " YQ==", "YQ==\t", "YQ=", "YQ===",
            "=", "==", "YWJj=", "YW-_", "YQ==\r",
        ] {
            let got = respond(SaslWait::PlainMessage, bad.as_bytes());
            assert_eq!(got, SaslStep::NotBase64, "{bad}");
            if bad != "=" {
                assert_eq!(first("PLAIN", bad), SaslStep::NotBase64, "{bad}");
            }
        }
    }

    #[test]
    fn only_a_line_cancels() {
        assert_eq!(first("PLAIN", "*"), SaslStep::NotBase64);
        for wait in [
            SaslWait::PlainMessage,
            SaslWait::LoginUser,
            SaslWait::LoginKey { user: "a@x".into() },
        ] {
            assert_eq!(respond(wait.clone(), b"*"), SaslStep::Cancelled);
            assert_eq!(respond(wait, b"**"), SaslStep::NotBase64);
        }
    }

    #[test]
    fn login_messages() {
        let asks_user = SaslStep::Challenge {
            base64: "VXNlcm5hbWU6",
            wait: SaslWait::LoginUser,
        };
        let next = SaslWait::LoginKey { user: "a@x".into() };
        let asks_key = SaslStep::Challenge {
            base64: "UGFzc3dvcmQ6",
            wait: next.clone(),
        };
        assert_eq!(begin("LOGIN", None, &BOTH), asks_user);
        let user = b64(b"a@x");
        assert_eq!(respond(SaslWait::LoginUser, user.as_bytes()), asks_key);
        assert_eq!(first("LOGIN", &user), asks_key);
        let key = b64(b"k");
        assert_eq!(respond(next.clone(), key.as_bytes()), checked("a@x", "k"));
        assert_eq!(respond(next.clone(), b""), SaslStep::Malformed);
        let with_nul = b64(b"k\0k");
        assert_eq!(respond(next, with_nul.as_bytes()), SaslStep::Malformed);
        assert_eq!(respond(SaslWait::LoginUser, b""), SaslStep::Malformed);
    }
}
