//! CAPABILITY, STARTTLS, LOGIN, AUTHENTICATE PLAIN, ENABLE, ID, LOGOUT.
//!
//! A key goes from the line into a `Secret` and nowhere else. Before TLS none is taken, and
//! a wrong one is answered late.

use std::borrow::Cow;

use crate::call::{Answer, Caller, Look, Metric, Now, Refusal, Reply, Scopes, Secret, Topic};
use crate::engine::Output;
use crate::engine::sasl::{self, SaslMechanism, SaslStep};
use crate::imap::frame;
use crate::imap::respond;
use crate::imap::server::{Server, refusal_text};
use crate::imap::state::{Delayed, Job, Stage, Waits};
use crate::imap::types::Hidden;

impl Server {
    pub(in crate::imap) fn capability(&mut self, out: &mut Output) {
        out.bytes.extend_from_slice(b"* CAPABILITY ");
        self.write_capability(out);
        out.bytes.extend_from_slice(b"\r\n");
        self.ok("Capability done", out);
    }

    /// Before login only what a client needs to log in; after it the rest.
    pub(in crate::imap) fn write_capability(&self, out: &mut Output) {
        let words = match (&self.stage, self.tls) {
            (Stage::NotAuthenticated, false) => CAPABILITY_BEFORE_TLS,
            (Stage::NotAuthenticated, true) => CAPABILITY_BEFORE_LOGIN,
            _ => CAPABILITY,
        };
        out.bytes.extend_from_slice(words.as_bytes());
        if words == CAPABILITY {
            let limit = self.opening.shared.limits.message_bytes.to_string();
            out.bytes.extend_from_slice(limit.as_bytes());
        }
    }

    pub(in crate::imap) fn start_tls(&mut self, behind: bool, out: &mut Output) {
        if self.tls {
            return self.bad("TLS is up already", out);
        }
        if behind {
            // What stands behind STARTTLS was sent in clear, by whomever; none of it may
            // ever count as sent under TLS.
            self.bad("Nothing may follow STARTTLS before TLS is up", out);
            return self.bye("Input behind STARTTLS", out);
        }
        self.write_tagged("OK ", "Begin TLS", out);
        self.waits = Waits::Tls;
        out.start_tls = true;
    }

    pub(in crate::imap) fn log_in(&mut self, user: &[u8], password: &[u8], out: &mut Output) {
        if !self.tls {
            return self.no("[PRIVACYREQUIRED] STARTTLS first", out);
        }
        // A name that is not UTF-8 belongs to no inbox. It is looked up all the same, so that
        // it counts as a failed login and gets the same answer.
        let user = String::from_utf8_lossy(user).into_owned();
        self.check_login(user, Secret::new(password), out);
    }

    fn check_login(&mut self, user: String, secret: Secret, out: &mut Output) {
        let call = Look::Authenticate {
            listener: self.opening.listener,
            user: Some(user),
            secret,
        };
        self.ask(call, Job::Login, out);
    }

    pub(in crate::imap) fn authenticate(
        &mut self,
        mechanism: &str,
        initial: Option<Hidden<'_>>,
        out: &mut Output,
    ) {
        if !self.tls {
            return self.no("[PRIVACYREQUIRED] STARTTLS first", out);
        }
        let initial = initial.as_ref().map(|response| &*response.0);
        let step = sasl::begin(mechanism, initial, &[SaslMechanism::Plain]);
        self.sasl_step(step, out);
    }

    /// The client's response to a challenge: one line.
    pub(in crate::imap) fn sasl_bytes(&mut self, unread: &[u8], out: &mut Output) -> usize {
        let max = self.opening.shared.limits.imap_login_bytes;
        match frame::line(unread, &mut self.searched, max) {
            Ok(None) => 0,
            Ok(Some((response, used))) => {
                if let Waits::Sasl(wait) = core::mem::replace(&mut self.waits, Waits::Command) {
                    self.sasl_step(sasl::respond(wait, response), out);
                }
                used
            }
            Err(_) => {
                self.opening.shared.metrics.count(Metric::TooLong);
                self.bad("Response too long", out);
                self.bye("What follows cannot be told from commands", out);
                unread.len()
            }
        }
    }

    fn sasl_step(&mut self, step: SaslStep, out: &mut Output) {
        match step {
            SaslStep::Challenge { base64, wait } => {
                respond::continuation(&mut out.bytes, base64);
                self.searched = 0;
                self.waits = Waits::Sasl(wait);
            }
            SaslStep::Check { user, secret } => self.check_login(user, secret, out),
            SaslStep::Cancelled => self.bad("Authentication cancelled", out),
            SaslStep::UnknownMechanism => self.no("[CANNOT] Only PLAIN", out),
            SaslStep::NotBase64 => self.bad("Not base64", out),
            SaslStep::Malformed => self.bad("Not a PLAIN response", out),
            SaslStep::ActsForAnother => {
                self.fail_login("[AUTHORIZATIONFAILED] Only for oneself", out);
            }
        }
    }

    pub(in crate::imap) fn logged_in(&mut self, now: Now, reply: Reply, out: &mut Output) {
        match reply {
            Reply::Answer(Answer::Authenticated(Caller::Key(access))) => {
                // From here on the session counts, whatever comes next.
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
                        .chain(Topic::end_of(&access))
                        .collect(),
                );
                self.clock.expires = access.expires_at.map(|at| {
                    let left = at.saturating_sub(now.unix_ms);
                    now.mono_ms.saturating_add(u64::try_from(left).unwrap_or(0))
                });
                let key = access.key.map_or("operator".into(), |key| key.to_string());
                log::info!(
                    "conn={} imap login inbox={inbox} key={key}",
                    self.opening.conn.0
                );
                self.enter(Stage::Authenticated(access));
                let mut line = Output::default();
                self.write_capability(&mut line);
                let capability = String::from_utf8(line.bytes).unwrap_or_default();
                self.ok(format!("[CAPABILITY {capability}] Logged in"), out);
            }
            Reply::Refused(Refusal::BadCredentials { delay_ms }) if delay_ms > 0 => {
                self.waits = Waits::Delay {
                    until: now.mono_ms.saturating_add(delay_ms),
                    then: Delayed::Login(Refusal::BadCredentials { delay_ms: 0 }),
                };
            }
            Reply::Refused(why) => self.login_refused(&why, out),
            other => self.otherwise(other, out),
        }
    }

    /// Says no to a login; one connection may try only so often.
    pub(in crate::imap) fn login_refused(&mut self, why: &Refusal, out: &mut Output) {
        let text = match why {
            Refusal::MissingScope(_) => "[AUTHORIZATIONFAILED] The key lacks messages:read".into(),
            // Not yours and not there are the same answer as a wrong key.
            Refusal::NotFound(_) => refusal_text(&Refusal::BadCredentials { delay_ms: 0 }),
            why => refusal_text(why),
        };
        self.fail_login(text, out);
    }

    /// Answers a failed login; after some of them the connection ends.
    fn fail_login(&mut self, text: impl Into<Cow<'static, str>>, out: &mut Output) {
        self.no(text, out);
        self.tries += 1;
        if self.tries >= self.opening.shared.limits.login_tries {
            self.opening.shared.metrics.count(Metric::TooManyErrors);
            self.bye("Too many failed logins", out);
        }
    }

    pub(in crate::imap) fn enable(&mut self, names: &[&str], out: &mut Output) {
        let condstore = names
            .iter()
            .any(|name| name.eq_ignore_ascii_case("CONDSTORE"));
        out.bytes.extend_from_slice(if condstore {
            b"* ENABLED CONDSTORE\r\n"
        } else {
            b"* ENABLED\r\n"
        });
        if condstore {
            self.enable_condstore(out);
        }
        self.ok("Enabled", out);
    }

    /// From now on FETCH answers carry MODSEQ. A client with an open mailbox needs to know
    /// from where on (RFC 7162 section 3.1.2).
    pub(in crate::imap) fn enable_condstore(&mut self, out: &mut Output) {
        if !core::mem::replace(&mut self.condstore, true)
            && let Some(open) = self.open()
        {
            let told = open.view.told_modseq(open.highest_modseq);
            respond::untagged(
                &mut out.bytes,
                &format!("OK [HIGHESTMODSEQ {told}] Highest"),
            );
        }
    }

    pub(in crate::imap) fn id(&mut self, out: &mut Output) {
        out.bytes.extend_from_slice(
            concat!(
                "* ID (\"name\" \"Postern\" \"version\" \"",
                env!("CARGO_PKG_VERSION"),
                "\")\r\n"
            )
            .as_bytes(),
        );
        self.ok("ID done", out);
    }

    pub(in crate::imap) fn log_out(&mut self, out: &mut Output) {
        out.bytes.extend_from_slice(b"* BYE Logging out\r\n");
        self.write_tagged("OK ", "Logged out", out);
        self.hang_up(out);
    }
}

const CAPABILITY_BEFORE_TLS: &str = "IMAP4rev1 LITERAL+ SASL-IR ID ENABLE STARTTLS LOGINDISABLED";
const CAPABILITY_BEFORE_LOGIN: &str = "IMAP4rev1 LITERAL+ SASL-IR ID ENABLE AUTH=PLAIN";
/// COMPRESS is never offered (RFC 4978 and the attacks on it). The number of octets follows.
const CAPABILITY: &str = "IMAP4rev1 LITERAL+ SASL-IR ID ENABLE IDLE NAMESPACE UIDPLUS MOVE \
     UNSELECT CHILDREN LIST-EXTENDED LIST-STATUS SPECIAL-USE CONDSTORE ESEARCH STATUS=SIZE \
     APPENDLIMIT=";
