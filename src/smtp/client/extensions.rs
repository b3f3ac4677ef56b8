//! The extensions that a server offers in its reply to EHLO (RFC 5321 section 4.1.1.1).
//!
//! A keyword that is unknown, or that has a value that cannot be read, is no offer. The parser of
//! replies has bounded the list. What is done with an extension is in `commands`.

use super::super::wire::reply_parser::ServerReply;

/// The extensions that this client knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Extensions {
    /// STARTTLS (RFC 3207).
    pub start_tls: bool,
    /// PIPELINING (RFC 2920).
    pub pipelining: bool,
    /// 8BITMIME (RFC 6152).
    pub eight_bit: bool,
    /// SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
    /// CHUNKING (RFC 3030).
    pub chunking: bool,
    /// DSN (RFC 3461).
    pub dsn: bool,
    /// SIZE (RFC 1870).
    pub size: SizeOffer,
    /// AUTH PLAIN (RFC 4954).
    pub auth_plain: bool,
    /// AUTH LOGIN.
    pub auth_login: bool,
    /// AUTH OAUTHBEARER (RFC 7628).
    pub auth_oauth_bearer: bool,
    /// AUTH XOAUTH2, as Google and Microsoft document it.
    pub auth_xoauth2: bool,
}

/// What a server says of the size of messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SizeOffer {
    /// SIZE is not offered.
    #[default]
    None,
    /// It is offered, and the server names no largest size.
    Unlimited,
    /// The largest message in octets.
    AtMost(u64),
}

impl Extensions {
    /// Reads the reply to EHLO. Its first line is the greeting.
    pub fn of(reply: &ServerReply) -> Extensions {
        let mut offers = Extensions::default();
        for line in reply.lines.iter().skip(1) {
            let mut words = line.split([' ', '\t']).filter(|word| !word.is_empty());
            let Some(keyword) = words.next() else {
                continue;
            };
            match keyword.to_ascii_uppercase().as_str() {
                "STARTTLS" => offers.start_tls = true,
                "PIPELINING" => offers.pipelining = true,
                "8BITMIME" => offers.eight_bit = true,
                "SMTPUTF8" => offers.smtputf8 = true,
                "CHUNKING" => offers.chunking = true,
                "DSN" => offers.dsn = true,
                "SIZE" => offers.size = SizeOffer::of(words.next()),
                "AUTH" => {
                    for mechanism in words {
                        offers.auth_plain |= mechanism.eq_ignore_ascii_case("PLAIN");
                        offers.auth_login |= mechanism.eq_ignore_ascii_case("LOGIN");
                        offers.auth_oauth_bearer |= mechanism.eq_ignore_ascii_case("OAUTHBEARER");
                        offers.auth_xoauth2 |= mechanism.eq_ignore_ascii_case("XOAUTH2");
                    }
                }
                _ => {}
            }
        }
        // RFC 6531 section 3.1: SMTPUTF8 is offered only with 8BITMIME.
        offers.smtputf8 &= offers.eight_bit;
        offers
    }
}

impl SizeOffer {
    /// RFC 1870 section 3: no value says nothing, and 0 means that there is no largest size.
    fn of(value: Option<&str>) -> SizeOffer {
        match value.and_then(|text| text.parse().ok()) {
            None | Some(0) => SizeOffer::Unlimited,
            Some(octets) => SizeOffer::AtMost(octets),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[&str]) -> Extensions {
        Extensions::of(&ServerReply {
            code: 250,
            enhanced: None,
            lines: lines.iter().map(|line| (*line).to_owned()).collect(),
        })
    }

    #[test]
    fn offers_are_read_in_any_case() {
        let all = of(&[
            "mx.test STARTTLS",
            "starttls",
            "Pipelining",
            "8BITMIME",
            "SMTPUTF8",
            "CHUNKING",
            "DSN",
            "SIZE 1000",
            "AUTH  plain LOGIN CRAM-MD5 XOauth2 OAUTHBEARER",
            "ENHANCEDSTATUSCODES",
            "",
            " ",
        ]);
        let expected = Extensions {
            start_tls: true,
            pipelining: true,
            eight_bit: true,
            smtputf8: true,
            chunking: true,
            dsn: true,
            size: SizeOffer::AtMost(1000),
            auth_plain: true,
            auth_login: true,
            auth_oauth_bearer: true,
            auth_xoauth2: true,
        };
        assert_eq!(all, expected);
        // The greeting is no list, and a keyword is a whole word.
        assert_eq!(
            of(&["STARTTLS DSN", "STARTTLSX", "X DSN"]),
            Extensions::default()
        );
        assert_eq!(of(&[]), Extensions::default());
        assert!(!of(&["x", "SMTPUTF8"]).smtputf8);
    }

    #[test]
    fn a_size_may_have_no_bound() {
        for (line, size) in [
            ("SIZE", SizeOffer::Unlimited),
            ("SIZE 0", SizeOffer::Unlimited),
            ("SIZE x", SizeOffer::Unlimited),
            ("SIZE -1", SizeOffer::Unlimited),
            ("SIZE 99999999999999999999999", SizeOffer::Unlimited),
            ("SIZE 1", SizeOffer::AtMost(1)),
            ("SIZES 1", SizeOffer::None),
        ] {
            assert_eq!(of(&["x", line]).size, size, "{line}");
        }
    }
}
