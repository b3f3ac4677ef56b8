//! LOGIN (RFC 3501 section 6.2.3), and the answer to every login.
//!
//! A key goes from the line into a `Secret` and nowhere else. Before TLS no key is accepted,
//! and the answer to a wrong key is delayed.

use std::borrow::Cow;

use super::{CommandContext, RunCommand};
use crate::call::{
    Answer, Caller, Look, Metric, Now, Refusal, Reply, RequestId, Scopes, Secret, Topic,
};
use crate::engine::Output;
use crate::imap::server::{Delayed, Pending, Server, Stage, Waits};
use crate::imap::wire::lexer::Lexer;
use crate::imap::wire::respond::refusal_text;
use crate::imap::wire::syntax::Parsed;

/// LOGIN.
#[derive(Debug)]
pub struct LoginCommand {
    /// The inbox address, as the client wrote it.
    pub user: Vec<u8>,
    /// The key.
    pub password: Secret,
}

pub(crate) fn parse(lexer: &mut Lexer<'_>, _: bool) -> Parsed<Box<dyn RunCommand>> {
    lexer.space()?;
    let user = lexer.astring()?.into_owned();
    lexer.space()?;
    let password = Secret::new(lexer.astring()?.into_owned());
    Ok(Box::new(LoginCommand { user, password }))
}

impl RunCommand for LoginCommand {
    fn run(self: Box<Self>, server: &mut Server, _: CommandContext, out: &mut Output) {
        if !server.tls {
            return server.no("[PRIVACYREQUIRED] STARTTLS first", out);
        }
        // A name that is not UTF-8 belongs to no inbox. It is looked up all the same, so that
        // it counts as a failed login and gets the same answer.
        let user = String::from_utf8_lossy(&self.user).into_owned();
        server.check_login(user, self.password, out);
    }
}

/// The check of the key.
#[derive(Debug)]
struct LoginPending;

impl Pending for LoginPending {
    fn answered(self: Box<Self>, server: &mut Server, now: Now, reply: Reply, out: &mut Output) {
        server.logged_in(now, reply, out);
    }
}

impl Server {
    /// Asks whether the key opens the inbox.
    pub(super) fn check_login(&mut self, user: String, secret: Secret, out: &mut Output) {
        let call = Look::Authenticate {
            listener: self.opening.listener,
            user: Some(user),
            secret,
        };
        self.ask(call, Box::new(LoginPending), out);
    }

    fn logged_in(&mut self, now: Now, reply: Reply, out: &mut Output) {
        match reply {
            Reply::Answer(Answer::Authenticated(Caller::Key(access))) => {
                // From here on the session counts, whatever the answer is.
                out.lease = true;
                let Some(inbox) = access.inbox else {
                    return self.no("[AUTHORIZATIONFAILED] The name must be an inbox", out);
                };
                if !access.scopes.allow(Scopes::MESSAGES_READ) {
                    return self.no("[AUTHORIZATIONFAILED] The key lacks messages:read", out);
                }
                out.watch = Some(
                    [Topic::Inbox(inbox)]
                        .into_iter()
                        .chain(Topic::ends_of(&access))
                        .collect(),
                );
                self.clock.expires = access.expires_at.map(|at| {
                    let left = at.saturating_sub(now.unix_ms);
                    now.mono_ms.saturating_add(u64::try_from(left).unwrap_or(0))
                });
                let key = access.key.map_or("operator".into(), |key| key.to_string());
                log::info!(
                    "conn={} request_id={} imap login inbox={inbox} key={key}",
                    self.opening.conn.0,
                    RequestId::imap(self.opening.seed)
                );
                self.enter(Stage::Authenticated(access));
                let text = format!("[CAPABILITY {}] Logged in", self.capability());
                self.ok(text, out);
            }
            Reply::Refused(
                why @ (Refusal::BadCredentials { delay_ms, .. }
                | Refusal::LoginLimited { delay_ms, .. }),
            ) if delay_ms > 0 => {
                self.waits = Waits::Delay {
                    until: now.mono_ms.saturating_add(delay_ms),
                    then: Delayed::Login(why),
                };
            }
            Reply::Refused(why) => self.login_refused(&why, out),
            other => self.not_answered(other, out),
        }
    }

    /// Answers a refused login.
    pub(crate) fn login_refused(&mut self, why: &Refusal, out: &mut Output) {
        let text = match why {
            Refusal::MissingScope(_) => "[AUTHORIZATIONFAILED] The key lacks messages:read".into(),
            // An inbox of others and an inbox that does not exist get the answer to a wrong
            // key.
            Refusal::NotFound(_) => refusal_text(&Refusal::UNKNOWN_KEY),
            why => refusal_text(why),
        };
        self.fail_login(text, out);
    }

    /// Answers a failed login; after some of them the connection ends.
    pub(super) fn fail_login(&mut self, text: impl Into<Cow<'static, str>>, out: &mut Output) {
        self.no(text, out);
        self.tries += 1;
        if self.tries >= self.opening.shared.limits.login_tries {
            self.opening.shared.metrics.count(Metric::TooManyErrors);
            self.bye("Too many failed logins", out);
        }
    }
}
