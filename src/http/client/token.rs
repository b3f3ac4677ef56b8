//! The engine of a connection to a token server: one request for an access token by a refresh token
//! (RFC 6749 section 6), and what its answer says.
//!
//! ```text
//! connect ─► (the request) ─► answer ─► told ─► closed
//!    └──────────────┴───► failed ───────► told ─► closed
//! ```
//!
//! The client shows its secret in the body (RFC 6749 section 2.3.1): the servers of mail providers
//! document it so. The answer is read in the bounds of the exchange and of the reader of JSON, and
//! no token of it is logged.

use super::exchange::{ExchangeError, ExchangeStep, HttpExchange};
use super::request::PostRequest;
use super::response::HttpAnswer;
use crate::call::{
    Ask, Call, Caller, Now, Secret, TOKEN_BYTES_MAX, TokenDial, TokenGrant, TokenOutcome,
    UpstreamWrite, Write,
};
use crate::engine::{Engine, Input, Output, Trust};
use crate::http::wire::json::{self, Json};

/// One request to a token server.
#[derive(Debug)]
pub struct TokenClient {
    dial: TokenDial,
    exchange: HttpExchange,
}

impl TokenClient {
    /// An engine for this connection.
    pub fn new(dial: TokenDial) -> Self {
        let began = Now {
            mono_ms: dial.began_ms,
            unix_ms: 0,
        };
        TokenClient {
            exchange: HttpExchange::new(began, dial.limit_ms),
            dial,
        }
    }

    fn send(&mut self, now: Now, out: &mut Output) {
        let mut body = String::from("grant_type=refresh_token");
        let mut add = |name: &str, value: &[u8]| {
            body.push('&');
            body.push_str(name);
            body.push('=');
            push_encoded(&mut body, value);
        };
        add("refresh_token", self.dial.refresh_token.expose());
        add("client_id", self.dial.client_id.as_bytes());
        if let Some(secret) = &self.dial.client_secret {
            add("client_secret", secret.expose());
        }
        let post = PostRequest {
            target: &self.dial.url.target,
            host: &self.dial.url.authority(),
            content_type: "application/x-www-form-urlencoded",
            fields: &[],
            body: body.as_bytes(),
        };
        if self.exchange.send(now, &post, true, out).is_err() {
            // A URL is checked when it is stored.
            let why = "the URL of the token server cannot be asked".to_owned();
            self.tell(TokenOutcome::Failed(why), out);
        }
    }

    fn tell(&self, outcome: TokenOutcome, out: &mut Output) {
        let call = UpstreamWrite::Token {
            account: self.dial.account,
            version: self.dial.version,
            outcome,
        };
        out.ask = Some(Ask {
            request_id: None,
            depth: 0,
            caller: Caller::System,
            call: Call::Write(Write::Upstream(call)),
        });
    }
}

impl Engine for TokenClient {
    fn handle(&mut self, now: Now, input: Input<'_>, out: &mut Output) -> usize {
        if let Input::Reply(_) = input {
            out.close = true;
            return 0;
        }
        let (used, step) = self.exchange.take(now, input, out);
        match step {
            ExchangeStep::None => {}
            ExchangeStep::Connected => self.send(now, out),
            ExchangeStep::Answered(answer) => self.tell(outcome_of(&answer), out),
            // The next process asks again.
            ExchangeStep::Failed(ExchangeError::Stopping) => out.close = true,
            ExchangeStep::Failed(error) => {
                let why = format!("the token server: {error}");
                self.tell(TokenOutcome::Failed(why), out);
            }
        }
        used
    }

    fn trust(&self) -> Trust {
        Trust::Known
    }
}

/// What an answer says (RFC 6749 sections 5.1 and 5.2).
fn outcome_of(answer: &HttpAnswer) -> TokenOutcome {
    let status = answer.status;
    let bad = |why: &str| TokenOutcome::Failed(format!("the token server: {why}"));
    if answer.is_cut {
        return bad("the answer is too long");
    }
    let fields = match json::parse(&answer.body) {
        Ok(Json::Object(fields)) => fields,
        _ if status == 200 => return bad("the answer is no JSON object"),
        _ => return bad(&format!("it answered {status}")),
    };
    let field = |name: &str| fields.iter().find(|(known, _)| known == name);
    let text = |name: &str| match field(name) {
        Some((_, Json::Text(text))) => Some(&**text),
        _ => None,
    };
    if status != 200 {
        let Some(error) = text("error") else {
            return bad(&format!("it answered {status}"));
        };
        let mut words = printable(error, ERROR_CHARS);
        if let Some(more) = text("error_description") {
            words.push_str(": ");
            words.push_str(&printable(more, DESCRIPTION_CHARS));
        }
        let is_final = matches!(status, 400 | 401) && !PASSING_ERRORS.contains(&error);
        return match is_final {
            true => TokenOutcome::Refused(words),
            false => bad(&format!("it answered {status}, {words}")),
        };
    }
    if text("token_type").is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
        return bad("it gives no bearer token");
    }
    let is_token = |text: &str| {
        let fits = (1..=TOKEN_BYTES_MAX).contains(&text.len());
        fits && text.bytes().all(|b| (b' '..=b'~').contains(&b))
    };
    let Some(access_token) = text("access_token").filter(|text| is_token(text)) else {
        return bad("it gives no access token that can be used");
    };
    let refresh_token = text("refresh_token").filter(|text| is_token(text));
    let expires_in_s = match field("expires_in") {
        Some((_, Json::Number(digits))) => digits.parse().ok(),
        // Some servers write the number as a text.
        Some((_, Json::Text(digits))) => digits.parse().ok(),
        _ => None,
    };
    TokenOutcome::Granted(TokenGrant {
        access_token: Secret::new(access_token.as_bytes()),
        expires_in_s,
        refresh_token: refresh_token.map(|text| Secret::new(text.as_bytes())),
    })
}

/// Words of another server, for people: so many characters, and none that controls a terminal.
fn printable(text: &str, most: usize) -> String {
    let one = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().take(most).map(one).collect()
}

/// `application/x-www-form-urlencoded` (RFC 6749 appendix B).
fn push_encoded(into: &mut String, value: &[u8]) {
    for b in value {
        match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' => {
                into.push(char::from(*b));
            }
            b' ' => into.push('+'),
            b => into.push_str(&format!("%{b:02X}")),
        }
    }
}

/// Errors of section 5.2 and of extensions that pass by themselves.
const PASSING_ERRORS: [&str; 3] = ["temporarily_unavailable", "server_error", "slow_down"];

/// Characters that are shown of the words of a token server.
const ERROR_CHARS: usize = 64;
const DESCRIPTION_CHARS: usize = 200;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn shown(status: u16, body: &str) -> String {
        let answer = HttpAnswer {
            status,
            body: body.as_bytes().to_vec(),
            is_cut: false,
            is_reusable: true,
        };
        let text = |secret: &Secret| String::from_utf8(secret.expose().to_vec()).unwrap();
        match outcome_of(&answer) {
            TokenOutcome::Granted(grant) => {
                let refresh = grant.refresh_token.as_ref().map(text);
                let (token, expires) = (text(&grant.access_token), grant.expires_in_s);
                format!("{token} {expires:?} {refresh:?}")
            }
            TokenOutcome::Refused(why) => format!("refused: {why}"),
            TokenOutcome::Failed(why) => format!("failed: {why}"),
        }
    }

    #[test]
    fn answers_are_read() {
        let ok = r#"{"access_token":"a.b","token_type":"bearer","expires_in":3599}"#;
        assert_eq!(shown(200, ok), "a.b Some(3599) None");
        let rotated = r#"{"access_token":"a b","expires_in":"60","refresh_token":"r2","x":[1]}"#;
        assert_eq!(shown(200, rotated), r#"a b Some(60) Some("r2")"#);
        let odd = r#"{"access_token":"a","expires_in":-1,"refresh_token":""}"#;
        assert_eq!(shown(200, odd), "a None None");
        let unusable = "failed: the token server: it gives no access token that can be used";
        let long = format!(
            r#"{{"access_token":"{}"}}"#,
            "a".repeat(TOKEN_BYTES_MAX + 1)
        );
        for body in [
            "{}",
            r#"{"access_token":""}"#,
            r#"{"access_token":7}"#,
            r#"{"access_token":"a\u0001b"}"#,
            r#"{"access_token":"ü"}"#,
            &long,
        ] {
            assert_eq!(shown(200, body), unusable, "{body}");
        }
        let mac = r#"{"access_token":"a","token_type":"mac"}"#;
        assert_eq!(
            shown(200, mac),
            "failed: the token server: it gives no bearer token"
        );
        let deep = "[".repeat(10_000);
        for body in ["", "x", "[]", r#"{"access_token":"a""#, &deep] {
            let none = "failed: the token server: the answer is no JSON object";
            assert_eq!(shown(200, body), none);
        }
    }

    #[test]
    fn refusals_for_good_are_told_from_others() {
        let grant = r#"{"error":"invalid_grant","error_description":"Token\r\nrevoked."}"#;
        assert_eq!(shown(400, grant), "refused: invalid_grant: Token  revoked.");
        assert_eq!(
            shown(401, r#"{"error":"invalid_client"}"#),
            "refused: invalid_client"
        );
        assert_eq!(
            shown(400, r#"{"error":"temporarily_unavailable"}"#),
            "failed: the token server: it answered 400, temporarily_unavailable"
        );
        assert_eq!(
            shown(503, grant),
            "failed: the token server: it answered 503, invalid_grant: Token  revoked."
        );
        assert_eq!(shown(302, ""), "failed: the token server: it answered 302");
        assert_eq!(
            shown(400, r#"{"error":7}"#),
            "failed: the token server: it answered 400"
        );
        let long = format!(r#"{{"error":"{}"}}"#, "x".repeat(9000));
        assert!(shown(400, &long).len() < 100);
    }

    #[test]
    fn values_are_encoded() {
        let mut text = String::new();
        push_encoded(&mut text, b"a&b=c d+e/~%\xc3\xbc");
        assert_eq!(text, "a%26b%3Dc+d%2Be%2F%7E%25%C3%BC");
    }
}
