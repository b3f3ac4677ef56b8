//! From the greeting to the first transaction: EHLO or HELO, STARTTLS, AUTH.

use super::extensions::Extensions;
use super::{AuthStep, Client, ClientState, ServerReply};
use crate::call::{LostWhy, Now, OutboundTls, OutboundTlsPolicy};
use crate::engine::{Output, sasl};

impl Client {
    pub(super) fn greeted(&mut self, now: Now, reply: &ServerReply, out: &mut Output) {
        match reply.class() {
            2 if reply.code == 220 => {
                self.has_our_name = self.is_our_name(reply);
                self.say_ehlo(now, out);
            }
            // RFC 5321 section 3.1: a host that takes no mail says 554.
            4 | 5 => self.lose(LostWhy::Reply(reply.report()), true, out),
            _ => self.bad_reply("a greeting with another code than 220", out),
        }
    }

    pub(super) fn say_ehlo(&mut self, now: Now, out: &mut Output) {
        self.say_hello("EHLO", out);
        self.wait_for(ClientState::Ehlo, self.hello_ms(), now);
    }

    fn say_hello(&self, verb: &str, out: &mut Output) {
        let line = format!("{verb} {}\r\n", self.dial.helo);
        out.bytes.extend_from_slice(line.as_bytes());
    }

    pub(super) fn ehlo_answered(&mut self, now: Now, reply: &ServerReply, out: &mut Output) {
        match reply.class() {
            2 => {
                self.offers = Extensions::of(reply);
                self.introduced(now, reply, out);
            }
            // RFC 5321 section 3.2: an old host knows HELO only.
            5 => {
                self.say_hello("HELO", out);
                self.wait_for(ClientState::Helo, self.hello_ms(), now);
            }
            4 => self.lose(LostWhy::Reply(reply.report()), true, out),
            _ => self.bad_reply("a wrong code for EHLO", out),
        }
    }

    pub(super) fn helo_answered(&mut self, now: Now, reply: &ServerReply, out: &mut Output) {
        match reply.class() {
            2 => self.introduced(now, reply, out),
            4 | 5 => self.lose(LostWhy::Reply(reply.report()), true, out),
            _ => self.bad_reply("a wrong code for HELO", out),
        }
    }

    /// The host is known. TLS comes next, then the login, then mail.
    fn introduced(&mut self, now: Now, reply: &ServerReply, out: &mut Output) {
        if self.has_our_name && self.is_our_name(reply) {
            return self.lose(LostWhy::Ourselves, true, out);
        }
        let has_tls = self.tls != OutboundTls::None;
        match self.dial.tls {
            _ if has_tls => self.log_in(now, out),
            OutboundTlsPolicy::Opportunistic
            | OutboundTlsPolicy::Required
            | OutboundTlsPolicy::RequiredVerified
                if self.offers.start_tls =>
            {
                out.bytes.extend_from_slice(b"STARTTLS\r\n");
                self.wait_for(ClientState::StartTls, self.hello_ms(), now);
            }
            OutboundTlsPolicy::Never | OutboundTlsPolicy::Opportunistic => self.log_in(now, out),
            OutboundTlsPolicy::Required
            | OutboundTlsPolicy::RequiredVerified
            | OutboundTlsPolicy::ImplicitVerified => {
                self.state = ClientState::StartTls;
                self.lose(LostWhy::TlsNotOffered, true, out);
            }
        }
    }

    pub(super) fn start_tls_answered(
        &mut self,
        reply: &ServerReply,
        more_follows: bool,
        out: &mut Output,
    ) {
        match reply.class() {
            // Octets in clear behind the 220 would be taken for the host's words over TLS: an
            // attacker on the way puts them there (CVE-2021-38371 and others).
            2 if reply.code == 220 && more_follows => {
                self.bad_reply("octets in clear behind the reply to STARTTLS", out);
            }
            2 if reply.code == 220 => {
                self.state = ClientState::Handshake;
                self.due_ms = None;
                out.start_tls = true;
            }
            4 | 5 => {
                let reply = reply.report();
                let why = format!("STARTTLS was answered {} {}", reply.code, reply.text);
                self.lose(LostWhy::Tls(why), true, out);
            }
            _ => self.bad_reply("a wrong code for STARTTLS", out),
        }
    }

    /// RFC 4954. A password goes to a peer that is known, or it does not leave this machine.
    fn log_in(&mut self, now: Now, out: &mut Output) {
        let Some(login) = &self.dial.login else {
            return self.ask_next(None, false, out);
        };
        let is_local = self.dial.address.ip().to_canonical().is_loopback();
        let is_safe = self.tls == OutboundTls::Verified
            || (is_local && self.dial.tls == OutboundTlsPolicy::Never);
        if !is_safe {
            let why = "the password is sent over verified TLS only".to_owned();
            self.state = ClientState::Auth(AuthStep::Done);
            return self.lose(LostWhy::Tls(why), true, out);
        }
        if login.is_token {
            return self.show_token(now, out);
        }
        let step = if self.offers.auth_plain {
            let user = login.user.as_bytes();
            let message = [b"\0", user, b"\0", login.secret.expose()].concat();
            let message = data_encoding::BASE64.encode(&message);
            let line = format!("AUTH PLAIN {message}\r\n");
            out.bytes.extend_from_slice(line.as_bytes());
            AuthStep::Done
        } else if self.offers.auth_login {
            out.bytes.extend_from_slice(b"AUTH LOGIN\r\n");
            AuthStep::User
        } else {
            let why = "the smarthost offers neither AUTH PLAIN nor AUTH LOGIN".to_owned();
            self.state = ClientState::Auth(AuthStep::Done);
            return self.lose(LostWhy::Closed(why), true, out);
        };
        self.wait_for(ClientState::Auth(step), self.hello_ms(), now);
    }

    /// Logs in with an access token: OAUTHBEARER where it is offered, else XOAUTH2.
    fn show_token(&mut self, now: Now, out: &mut Output) {
        let Some((mechanism, message)) = self.token_message() else {
            let why = "the server offers neither AUTH OAUTHBEARER nor AUTH XOAUTH2".to_owned();
            self.state = ClientState::Auth(AuthStep::Done);
            return self.lose(LostWhy::Closed(why), true, out);
        };
        let line = format!("AUTH {mechanism} {message}\r\n");
        // RFC 4954 section 4: a longer message waits for a challenge.
        let (line, step) = match line.len() <= AUTH_OCTETS {
            true => (line, AuthStep::TokenDone),
            false => (format!("AUTH {mechanism}\r\n"), AuthStep::Token),
        };
        out.bytes.extend_from_slice(line.as_bytes());
        self.wait_for(ClientState::Auth(step), self.hello_ms(), now);
    }

    /// The mechanism for an access token, and its message, encoded.
    fn token_message(&self) -> Option<(&'static str, String)> {
        let login = self.dial.login.as_ref()?;
        let (user, token) = (login.user.as_str(), login.secret.expose());
        if self.offers.auth_oauth_bearer {
            return Some(("OAUTHBEARER", sasl::oauth_bearer(user, token)));
        }
        let is_offered = self.offers.auth_xoauth2;
        is_offered.then(|| ("XOAUTH2", sasl::xoauth2(user, token)))
    }

    pub(super) fn auth_answered(
        &mut self,
        now: Now,
        step: AuthStep,
        reply: &ServerReply,
        out: &mut Output,
    ) {
        let Some(login) = &self.dial.login else {
            return self.bad_reply("a reply to no AUTH", out);
        };
        let (response, next) = match (reply.code, step) {
            (235, AuthStep::Done | AuthStep::TokenDone) => {
                return self.ask_next(None, false, out);
            }
            (334, AuthStep::User) => (encode(login.user.as_bytes()), AuthStep::Key),
            (334, AuthStep::Key) => (encode(login.secret.expose()), AuthStep::Done),
            (334, AuthStep::Token) => {
                let message = self.token_message().unwrap_or_default().1;
                (message, AuthStep::TokenDone)
            }
            // The reason for a refusal: it is acknowledged, and the refusal follows (RFC 7628
            // section 3.2.3). XOAUTH2 takes an empty line.
            (334, AuthStep::TokenDone) => {
                let is_bearer = self.offers.auth_oauth_bearer;
                let answer = if is_bearer { "AQ==" } else { "" };
                (answer.to_owned(), AuthStep::Refusal)
            }
            (400..600, _) => return self.lose(LostWhy::Reply(reply.report()), true, out),
            _ => return self.bad_reply("a wrong code for AUTH", out),
        };
        out.bytes.extend_from_slice(response.as_bytes());
        out.bytes.extend_from_slice(b"\r\n");
        self.wait_for(ClientState::Auth(next), self.hello_ms(), now);
    }

    /// Whether the first word of the reply is the name of this server.
    fn is_our_name(&self, reply: &ServerReply) -> bool {
        let line = reply.lines.first().map_or("", String::as_str);
        let name = line.split(' ').next().unwrap_or_default();
        let name = name.strip_suffix('.').unwrap_or(name);
        name.eq_ignore_ascii_case(&self.shared.host)
    }
}

fn encode(octets: &[u8]) -> String {
    data_encoding::BASE64.encode(octets)
}

/// Octets of a command (RFC 5321 section 4.5.3.1.4).
const AUTH_OCTETS: usize = 512;
