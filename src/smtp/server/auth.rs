//! AUTH (RFC 4954): the server's part of a SASL exchange, and what a login changes.
//!
//! The messages of the mechanisms are in `engine::sasl`. The service decides whether a key is
//! good. Nothing that a client sends here is logged, kept or sent back.

use crate::call::{Access, Look, Metric, Now, Refusal, Topic};
use crate::engine::Output;
use crate::engine::sasl::{self, SaslMechanism, SaslStep, SaslWait};

use super::super::wire::reply::{self, ReplyContext, ReplyLine};
use super::table::CommandInput;
use super::transaction::PendingCall;
use super::{Server, SmtpState};

impl Server {
    pub(super) fn auth(&mut self, command: &mut CommandInput<'_>) {
        if self.access.is_some() {
            return self.fail(command.now, "503 5.5.1 You are logged in", command.out);
        }
        if command.args.is_empty() {
            let text = "501 5.5.4 AUTH needs a mechanism, PLAIN or LOGIN";
            return self.fail(command.now, text, command.out);
        }
        let (mechanism, initial) = match command.args.split_once(' ') {
            Some((mechanism, initial)) => (mechanism, Some(initial.trim_matches(' '))),
            None => (command.args, None),
        };
        let step = sasl::begin(mechanism, initial.map(str::as_bytes), &MECHANISMS);
        self.sasl_step(command.now, step, command.out);
    }

    /// The client's response to a challenge: a line with its LF.
    pub(super) fn sasl_line(&mut self, now: Now, wait: SaslWait, line: &[u8], out: &mut Output) {
        let step = match line.strip_suffix(b"\r\n") {
            Some(response) => sasl::respond(wait, response),
            None => SaslStep::NotBase64,
        };
        self.sasl_step(now, step, out);
    }

    fn sasl_step(&mut self, now: Now, step: SaslStep, out: &mut Output) {
        match step {
            // RFC 4954 section 4: an empty challenge keeps its blank.
            SaslStep::Challenge { base64, wait } => {
                self.say(&format!("334 {base64}"), out);
                self.enter(SmtpState::Sasl(wait));
            }
            SaslStep::Check { user, secret } => {
                let call = Look::Authenticate {
                    listener: self.opening.listener,
                    user: Some(user),
                    secret,
                };
                self.ask(PendingCall::Login, call, out);
            }
            SaslStep::Cancelled => self.fail(now, "501 5.7.0 Authentication cancelled", out),
            SaslStep::NotBase64 | SaslStep::Malformed => {
                self.fail(now, "501 5.5.2 Cannot decode the response", out);
            }
            SaslStep::UnknownMechanism => self.fail(now, "504 5.5.4 PLAIN or LOGIN", out),
            SaslStep::ActsForAnother => {
                self.login_refused(now, &Refusal::UNKNOWN_KEY, out);
            }
        }
    }

    pub(super) fn logged_in(&mut self, now: Now, access: Access, out: &mut Output) {
        out.watch = Some(Topic::ends_of(&access).collect());
        self.expires_ms = access.expires_at.map(|at| {
            let left = u64::try_from(at.saturating_sub(now.unix_ms)).unwrap_or(0);
            now.mono_ms.saturating_add(left)
        });
        self.access = Some(access);
        self.say("235 2.7.0 Welcome", out);
        self.await_command(now);
    }

    pub(super) fn login_refused(&mut self, now: Now, refusal: &Refusal, out: &mut Output) {
        self.await_command(now);
        let (wait_ms, limited) = match refusal {
            Refusal::BadCredentials { delay_ms, .. } => (*delay_ms, false),
            Refusal::LoginLimited { delay_ms, .. } => (*delay_ms, true),
            _ => (0, false),
        };
        let ReplyLine { text, close } = reply::refused(refusal, ReplyContext::Login);
        if close {
            return self.end(&text, out);
        }
        if text.starts_with('4') && !limited {
            return self.say(&text, out);
        }
        self.tries += 1;
        let over = limited || self.tries >= self.limits().login_tries;
        let mut bytes = format!("{text}\r\n").into_bytes();
        if over {
            self.count(Metric::TooManyErrors);
            bytes.extend_from_slice(self.farewell("4.7.0", "Too many failed logins").as_bytes());
        }
        self.say_later(now, wait_ms, bytes, over, out);
    }
}

/// EHLO names the same.
const MECHANISMS: [SaslMechanism; 2] = [SaslMechanism::Plain, SaslMechanism::Login];
