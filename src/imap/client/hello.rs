//! From the greeting to the first order: CAPABILITY, STARTTLS, the login, ID.

use super::commands::{SentPieces, plain};
use super::reader::ResponseReader;
use super::response::{UpstreamCode, UpstreamSaid, UpstreamStatus};
use super::{DialoguePhase, DialogueStep, ServerOffers, UpstreamDialogue, bad};
use crate::call::{UpstreamLogin, UpstreamLoss, UpstreamTls};
use crate::engine::sasl::{oauth_bearer, xoauth2};

impl UpstreamDialogue {
    /// The first response of the server.
    pub(super) fn greeted(&mut self, said: UpstreamSaid, out: &mut Vec<u8>) -> DialogueStep {
        match said {
            UpstreamSaid::Status(status) if status.is_ok => {
                self.note_code(&status);
                match self.has_offers {
                    true => self.offers_are_known(false, out),
                    false => {
                        self.say_capability(false, out);
                        DialogueStep::None
                    }
                }
            }
            UpstreamSaid::Status(status) => DialogueStep::Lost(UpstreamLoss::Refused(status.text)),
            // RFC 9051 section 7.1.4: in clear it may be the word of anyone between, and a session
            // that is logged in already is not that of the account.
            UpstreamSaid::PreAuth => bad("the session is logged in before the login"),
            _ => bad("a greeting that is none"),
        }
    }

    pub(super) fn say_capability(&mut self, is_in: bool, out: &mut Vec<u8>) {
        self.has_offers = false;
        let phase = DialoguePhase::Capability { is_in };
        self.say(phase, SentPieces::new("CAPABILITY").end(), out);
    }

    /// The server has said what it offers, or has not: then it offers nothing.
    pub(super) fn offers_are_known(&mut self, is_in: bool, out: &mut Vec<u8>) -> DialogueStep {
        if !self.has_offers {
            self.offers = ServerOffers::default();
        }
        if is_in {
            return self.say_id(out);
        }
        if self.tls == UpstreamTls::StartTls && !self.is_tls_up() {
            if !self.offers.start_tls {
                let why = "the server does not offer STARTTLS".to_owned();
                return DialogueStep::Lost(UpstreamLoss::Tls(why));
            }
            self.say(
                DialoguePhase::StartTls,
                SentPieces::new("STARTTLS").end(),
                out,
            );
            return DialogueStep::None;
        }
        self.log_in(out)
    }

    fn is_tls_up(&self) -> bool {
        self.tls == UpstreamTls::Implicit || self.has_shaken_hands
    }

    pub(super) fn start_tls_answered(
        &mut self,
        status: &UpstreamStatus,
        more_follows: bool,
    ) -> DialogueStep {
        if !status.is_ok {
            return DialogueStep::Lost(UpstreamLoss::Tls(status.text.clone()));
        }
        // Octets behind the OK came in clear and would count as said over TLS.
        if more_follows {
            return bad("octets behind the answer to STARTTLS");
        }
        self.offers = ServerOffers::default();
        self.has_offers = false;
        self.reader = ResponseReader::default();
        self.has_shaken_hands = true;
        self.phase = DialoguePhase::Handshake;
        DialogueStep::StartTls
    }

    fn log_in(&mut self, out: &mut Vec<u8>) -> DialogueStep {
        let offers = self.offers;
        let (user, secret) = self.secret();
        let secret = secret.expose();
        let (mechanism, message) = match &self.login {
            UpstreamLogin::Password { .. } if offers.plain => ("PLAIN", plain(user, secret)),
            UpstreamLogin::Password { .. } if !offers.login_disabled => {
                let command = SentPieces::new("LOGIN")
                    .string(user.as_bytes())
                    .string(secret);
                self.has_offers = false;
                self.say(DialoguePhase::Login, command.end(), out);
                return DialogueStep::None;
            }
            UpstreamLogin::Token { .. } if offers.oauth_bearer => {
                ("OAUTHBEARER", oauth_bearer(user, secret))
            }
            UpstreamLogin::Token { .. } if offers.xoauth2 => ("XOAUTH2", xoauth2(user, secret)),
            _ => return DialogueStep::Lost(UpstreamLoss::NoWayToLogIn),
        };
        let command = SentPieces::new("AUTHENTICATE ").words(mechanism);
        // RFC 4959: with SASL-IR the message stands in the command itself.
        let command = match offers.sasl_ir {
            true => command.words(" ").words(&message),
            false => command.then(message.as_bytes()),
        };
        self.has_offers = false;
        self.say(DialoguePhase::Login, command.end(), out);
        DialogueStep::None
    }

    pub(super) fn login_answered(
        &mut self,
        status: UpstreamStatus,
        out: &mut Vec<u8>,
    ) -> DialogueStep {
        if !status.is_ok {
            // RFC 5530 tells a wrong secret from a server that cannot look now. Without a code the
            // secret is wrong.
            return DialogueStep::Lost(match status.code {
                UpstreamCode::None | UpstreamCode::AuthenticationFailed => {
                    UpstreamLoss::Login(status.text)
                }
                _ => UpstreamLoss::Refused(status.text),
            });
        }
        self.note_code(&status);
        if self.has_offers {
            return self.say_id(out);
        }
        // What is offered after the login is more than before.
        self.say_capability(true, out);
        DialogueStep::None
    }

    fn say_id(&mut self, out: &mut Vec<u8>) -> DialogueStep {
        if !self.offers.id {
            return self.say_enable(out);
        }
        // RFC 2971. Some servers serve no client that does not say who it is.
        let command = SentPieces::new("ID (\"name\" \"Postern\")").end();
        self.say(DialoguePhase::Id, command, out);
        DialogueStep::None
    }

    /// A server tells what has vanished only when that is enabled (RFC 7162 section 3.2.3).
    pub(super) fn say_enable(&mut self, out: &mut Vec<u8>) -> DialogueStep {
        if !self.offers.qresync {
            return self.be_ready();
        }
        let command = SentPieces::new("ENABLE QRESYNC").end();
        self.say(DialoguePhase::Enable, command, out);
        DialogueStep::None
    }

    pub(super) fn be_ready(&mut self) -> DialogueStep {
        self.phase = DialoguePhase::Ready;
        DialogueStep::Ready
    }
}
