//! AUTHENTICATE PLAIN (RFC 3501 section 6.2.2), with the response in the command (RFC 4959) or
//! in a line of its own. `engine::sasl` has the exchange; here are its words in IMAP.

use super::{CommandContext, RunCommand};
use crate::call::{Metric, Secret};
use crate::engine::Output;
use crate::engine::sasl::{self, SaslMechanism, SaslStep};
use crate::imap::server::{Server, Waits};
use crate::imap::wire::frame;
use crate::imap::wire::lexer::Lexer;
use crate::imap::wire::respond;
use crate::imap::wire::syntax::Parsed;

/// AUTHENTICATE.
#[derive(Debug)]
pub struct AuthenticateCommand {
    /// The mechanism, as written.
    pub mechanism: String,
    /// The initial response (RFC 4959), base64 not yet decoded.
    pub initial: Option<Secret>,
}

pub(crate) fn parse(lexer: &mut Lexer<'_>, _: bool) -> Parsed<Box<dyn RunCommand>> {
    lexer.space()?;
    let mechanism = lexer.atom()?.to_owned();
    let mut initial = None;
    if lexer.eat(b' ') {
        let base64 =
            lexer.word(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='))?;
        initial = Some(Secret::new(base64));
    }
    Ok(Box::new(AuthenticateCommand { mechanism, initial }))
}

impl RunCommand for AuthenticateCommand {
    fn run(self: Box<Self>, server: &mut Server, _: CommandContext, out: &mut Output) {
        if !server.tls {
            return server.no("[PRIVACYREQUIRED] STARTTLS first", out);
        }
        let initial = self.initial.as_ref().map(Secret::expose);
        let step = sasl::begin(&self.mechanism, initial, &[SaslMechanism::Plain]);
        server.sasl_step(step, out);
    }
}

impl Server {
    /// The response of the client to a challenge: one line.
    pub(crate) fn sasl_bytes(&mut self, unread: &[u8], out: &mut Output) -> usize {
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
}
