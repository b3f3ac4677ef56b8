//! IMAP, the client side: what is said to another server, and what it says.
//!
//! ```text
//!  connect ─► Greeting ─► Capability ─────────────► Login ─► Capability ─► Id ─► Ready ◄─┐
//!                          │     ▲                                           order │     │
//!                          ▼     │                                                 ▼     │
//!                     StartTls ─► Handshake                                 Order, Idle ─┘
//!  at any point: BYE, a response that answers nothing, no response in time ─► Lost
//! ```
//!
//! `reader` finds the end of a response, `response` reads it, `commands` writes commands, `hello`
//! goes from the greeting to `Ready`, and `orders` carries out one order after the other. Nothing
//! here has a socket, a clock or a call: who drives the dialogue gives it octets and passes on what
//! it says. What the server tells between the answers counts as news, and never as an answer.
//!
//! Nothing that came in clear counts after STARTTLS, and octets behind its OK end the connection
//! (RFC 9051 section 11.1). No name and no secret leaves before TLS is up.

mod commands;
mod comparison;
mod hello;
mod orders;
mod push;
mod reader;
mod response;
mod round;
mod span;
mod state;
mod step;
mod sync;

/// For fuzzers.
pub mod testing {
    pub use super::reader::{INLINE_MAX, ResponseReader, TEXT_MAX, UpstreamResponse};
    pub use super::response::{UpstreamSaid, read};
}

use crate::call::{
    PermanentFlags, Secret, UpstreamLogin, UpstreamLoss, UpstreamOutcome, UpstreamTls,
};
pub use sync::UpstreamClient;

use commands::SentPieces;
use orders::WorkUnderWay;
use reader::ResponseReader;
use response::{UpstreamCode, UpstreamSaid, UpstreamStatus};

/// One connection to another server.
#[derive(Debug)]
pub struct UpstreamDialogue {
    login: UpstreamLogin,
    tls: UpstreamTls,
    message_max: u64,
    phase: DialoguePhase,
    /// STARTTLS has been answered with OK.
    has_shaken_hands: bool,
    reader: ResponseReader,
    offers: ServerOffers,
    /// CAPABILITY was told since the last command began.
    has_offers: bool,
    /// The number of the last command.
    tag: u32,
    /// What is left of the command under way.
    pieces: SentPieces,
    work: Option<Box<WorkUnderWay>>,
    /// Messages of the open mailbox, as the server has told.
    exists: u32,
    /// What the server keeps of flags in the open mailbox.
    permanent: PermanentFlags,
    /// Messages may have come that were not asked for.
    has_news: bool,
    /// Messages that were there have changed, or are gone.
    has_changed: bool,
}

/// What the dialogue waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum DialoguePhase {
    Connect,
    Greeting,
    /// The answer to CAPABILITY; `is_in`: after the login.
    Capability {
        is_in: bool,
    },
    StartTls,
    Handshake,
    Login,
    Id,
    /// The answer to ENABLE.
    Enable,
    /// An order.
    Ready,
    /// The answer to a command of an order.
    Work,
    /// The continuation of IDLE.
    IdleBegins,
    Idle,
    /// The answer to IDLE, after DONE.
    IdleEnds,
    /// The server has no IDLE: the next time to ask.
    Pause,
    /// The answer to NOOP.
    Poll,
    /// The answer to LOGOUT.
    Logout,
    Closed,
}

/// What a server offers that makes a difference.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct ServerOffers {
    start_tls: bool,
    login_disabled: bool,
    plain: bool,
    oauth_bearer: bool,
    xoauth2: bool,
    sasl_ir: bool,
    id: bool,
    idle: bool,
    special_use: bool,
    uidplus: bool,
    has_move: bool,
    condstore: bool,
    qresync: bool,
}

impl ServerOffers {
    fn of(words: &[String]) -> ServerOffers {
        let has = |word: &str| words.iter().any(|offered| offered == word);
        ServerOffers {
            start_tls: has("STARTTLS"),
            login_disabled: has("LOGINDISABLED"),
            plain: has("AUTH=PLAIN"),
            oauth_bearer: has("AUTH=OAUTHBEARER"),
            xoauth2: has("AUTH=XOAUTH2"),
            sasl_ir: has("SASL-IR"),
            id: has("ID"),
            idle: has("IDLE"),
            special_use: has("SPECIAL-USE"),
            // RFC 9051 appendix E: IMAP4rev2 has these.
            uidplus: has("UIDPLUS") || has("IMAP4REV2"),
            has_move: has("MOVE") || has("IMAP4REV2"),
            condstore: has("CONDSTORE") || has("QRESYNC"),
            qresync: has("QRESYNC"),
        }
    }
}

/// What a step of the dialogue means for its driver.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DialogueStep {
    /// Nothing: go on.
    None,
    /// TLS begins; then [`UpstreamDialogue::connected`] is called again.
    StartTls,
    /// Logged in: an order may come.
    Ready,
    /// The order was carried out: the next one may come.
    Done(UpstreamOutcome),
    /// The connection has come to its end in peace.
    Left,
    /// The connection is of no use.
    Lost(UpstreamLoss),
}

impl UpstreamDialogue {
    /// A dialogue that has not begun. A message may have `message_max` octets.
    pub fn new(tls: UpstreamTls, login: UpstreamLogin, message_max: u64) -> Self {
        UpstreamDialogue {
            login,
            tls,
            message_max,
            phase: DialoguePhase::Connect,
            has_shaken_hands: false,
            reader: ResponseReader::default(),
            offers: ServerOffers::default(),
            has_offers: false,
            tag: 0,
            pieces: SentPieces::default(),
            work: None,
            exists: 0,
            permanent: PermanentFlags::default(),
            has_news: false,
            has_changed: false,
        }
    }

    /// The connection is up, with TLS where TLS is implicit. After STARTTLS: TLS is up.
    pub fn connected(&mut self, out: &mut Vec<u8>) {
        match self.phase {
            DialoguePhase::Connect => self.phase = DialoguePhase::Greeting,
            DialoguePhase::Handshake => self.say_capability(false, out),
            _ => {}
        }
    }

    /// Takes octets of the server up to the end of one response. Gives how many were used.
    pub fn take(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> (usize, DialogueStep) {
        match self.phase {
            DialoguePhase::Connect | DialoguePhase::Handshake => return (0, DialogueStep::None),
            DialoguePhase::Closed => return (bytes.len(), DialogueStep::None),
            _ => {}
        }
        let awaited = self.work.as_ref().is_some_and(|work| work.awaits_message());
        let message_max = if awaited { self.message_max } else { 0 };
        let (used, response) = self.reader.take(bytes, message_max);
        let Some(response) = response else {
            return (used, DialogueStep::None);
        };
        if response.has_dropped
            && let Some(work) = &mut self.work
        {
            work.record_dropped();
        }
        let step = self.hear(response::read(response), used < bytes.len(), out);
        if let DialogueStep::Lost(_) | DialogueStep::Left = step {
            self.phase = DialoguePhase::Closed;
        }
        (used, step)
    }

    /// One response.
    fn hear(&mut self, said: UpstreamSaid, more_follows: bool, out: &mut Vec<u8>) -> DialogueStep {
        match said {
            UpstreamSaid::Bye(words) => self.ended(words),
            _ if self.phase == DialoguePhase::Greeting => self.greeted(said, out),
            UpstreamSaid::PreAuth => bad("PREAUTH behind the greeting"),
            UpstreamSaid::Continue(_) => self.continued(out),
            UpstreamSaid::Tagged(tag, status) => {
                if tag != self.tag_text().as_bytes() || !self.is_command_out() {
                    return bad("the result of a command that was not sent");
                }
                self.pieces = SentPieces::default();
                self.answered(status, more_follows, out)
            }
            UpstreamSaid::Status(status) => {
                self.note_code(&status);
                DialogueStep::None
            }
            UpstreamSaid::Capability(words) => {
                self.note_offers(&words);
                DialogueStep::None
            }
            said => self.note(said, out),
        }
    }

    /// The result of the command under way.
    fn answered(
        &mut self,
        status: UpstreamStatus,
        more_follows: bool,
        out: &mut Vec<u8>,
    ) -> DialogueStep {
        match self.phase {
            DialoguePhase::Capability { is_in } => self.offers_are_known(is_in, out),
            DialoguePhase::StartTls => self.start_tls_answered(&status, more_follows),
            DialoguePhase::Login => self.login_answered(status, out),
            // RFC 2971 is for people: what comes of it makes no difference.
            DialoguePhase::Id => self.say_enable(out),
            DialoguePhase::Enable => {
                self.offers.qresync &= status.is_ok;
                self.be_ready()
            }
            DialoguePhase::Logout => DialogueStep::Left,
            DialoguePhase::IdleBegins | DialoguePhase::Idle | DialoguePhase::IdleEnds => {
                self.idle_answered(&status, out)
            }
            DialoguePhase::Poll => self.polled(&status),
            _ => self.work_answered(status, out),
        }
    }

    /// Whether a result is to come.
    fn is_command_out(&self) -> bool {
        !matches!(
            self.phase,
            DialoguePhase::Ready | DialoguePhase::Pause | DialoguePhase::Greeting
        )
    }

    /// The server ends the session.
    fn ended(&mut self, words: String) -> DialogueStep {
        match self.phase {
            DialoguePhase::Logout => DialogueStep::None,
            _ => DialogueStep::Lost(UpstreamLoss::Refused(words)),
        }
    }

    fn note_code(&mut self, status: &UpstreamStatus) {
        match &status.code {
            UpstreamCode::Capability(words) => self.note_offers(words),
            UpstreamCode::ReadOnly => self.permanent.is_read_only = true,
            UpstreamCode::Permanent(permanent) => {
                self.permanent = PermanentFlags {
                    is_read_only: self.permanent.is_read_only,
                    ..permanent.clone()
                };
            }
            code => {
                if let Some(work) = &mut self.work {
                    work.note_code(code);
                }
            }
        }
    }

    fn note_offers(&mut self, words: &[String]) {
        // What is said in the midst of the handshake of TLS is forgotten anyhow.
        self.offers = ServerOffers::of(words);
        self.has_offers = true;
    }

    /// How many octets the next message may have.
    pub fn expect_message(&mut self, message_max: u64) {
        self.message_max = message_max;
    }

    /// Whether the server tells which messages have vanished (RFC 7162).
    pub fn tells_vanished(&self) -> bool {
        self.offers.qresync
    }

    /// Whether the server moves messages (RFC 6851). Else they are copied, and the originals are
    /// deleted.
    pub fn has_move(&self) -> bool {
        self.offers.has_move
    }

    /// What the server keeps of flags in the open mailbox.
    pub fn permanent(&self) -> &PermanentFlags {
        &self.permanent
    }

    /// What has changed so far is asked for now.
    pub fn forget_changes(&mut self) {
        self.has_changed = false;
    }

    /// Whether TLS begins, after STARTTLS.
    pub fn awaits_handshake(&self) -> bool {
        self.phase == DialoguePhase::Handshake
    }

    /// Messages of the open mailbox, as the server has told.
    pub fn exists(&self) -> u32 {
        self.exists
    }

    /// Whether it waits for news of the open mailbox.
    pub fn is_idle(&self) -> bool {
        matches!(
            self.phase,
            DialoguePhase::Idle | DialoguePhase::IdleBegins | DialoguePhase::Pause
        )
    }

    /// How long the driver waits for the next step, milliseconds; then it calls
    /// [`Self::time_out`]. `None`: the server owes nothing.
    pub fn patience_ms(&self) -> Option<u64> {
        match self.phase {
            DialoguePhase::Ready | DialoguePhase::Closed => None,
            DialoguePhase::Idle => Some(IDLE_MS),
            DialoguePhase::Pause => Some(POLL_MS),
            DialoguePhase::Work if self.work.as_ref().is_some_and(|w| w.is_long()) => Some(LONG_MS),
            _ => Some(COMMAND_MS),
        }
    }

    /// Which wait is under way: another number means that another one has begun.
    pub fn wait_number(&self) -> (u32, bool) {
        let is_idle = matches!(self.phase, DialoguePhase::Idle | DialoguePhase::Pause);
        (self.tag, is_idle)
    }

    /// The time of [`Self::patience_ms`] has passed.
    pub fn time_out(&mut self, out: &mut Vec<u8>) -> DialogueStep {
        match self.phase {
            DialoguePhase::Idle => {
                self.end_idle(out);
                DialogueStep::None
            }
            DialoguePhase::Pause => {
                self.say(DialoguePhase::Poll, SentPieces::new("NOOP").end(), out);
                DialogueStep::None
            }
            DialoguePhase::Ready | DialoguePhase::Closed => DialogueStep::None,
            _ => {
                self.phase = DialoguePhase::Closed;
                DialogueStep::Lost(UpstreamLoss::TimedOut)
            }
        }
    }

    /// Sends a command; its first piece at once.
    fn say(&mut self, phase: DialoguePhase, mut command: SentPieces, out: &mut Vec<u8>) {
        self.tag = self.tag.wrapping_add(1);
        self.phase = phase;
        out.extend_from_slice(self.tag_text().as_bytes());
        out.push(b' ');
        out.extend_from_slice(&command.next().unwrap_or_default());
        self.pieces = command;
    }

    fn tag_text(&self) -> String {
        format!("P{}", self.tag)
    }

    /// The server waits for the rest of a command.
    fn continued(&mut self, out: &mut Vec<u8>) -> DialogueStep {
        match (self.phase, self.pieces.next()) {
            (_, Some(piece)) => out.extend_from_slice(&piece),
            (DialoguePhase::IdleBegins, None) => return self.idle_begun(out),
            // The reason for a refusal: it is acknowledged, and the result follows (RFC 7628
            // section 3.2.3). XOAUTH2 and the others take an empty line.
            (DialoguePhase::Login, None) => {
                let is_bearer = matches!(self.login, UpstreamLogin::Token { .. });
                let is_bearer = is_bearer && self.offers.oauth_bearer;
                let answer: &[u8] = if is_bearer { b"AQ==\r\n" } else { b"\r\n" };
                out.extend_from_slice(answer);
            }
            _ => return bad("a continuation that no command waits for"),
        }
        DialogueStep::None
    }

    /// The secret of the account.
    fn secret(&self) -> (&str, &Secret) {
        match &self.login {
            UpstreamLogin::Password { user, password } => (user, password),
            UpstreamLogin::Token { user, token } => (user, token),
        }
    }
}

fn bad(what: &'static str) -> DialogueStep {
    DialogueStep::Lost(UpstreamLoss::BadResponse(what))
}

/// How long the whole answer to a command may take. A time is for a whole answer: a server that
/// sends one octet a minute gains nothing.
const COMMAND_MS: u64 = 60_000;
/// The same for a message, a scan or a search: a slow line brings 50 MiB in that time at 100 KiB a
/// second.
const LONG_MS: u64 = 600_000;
/// IDLE is ended and begun anew after so long: before the 29 minutes of RFC 2177, and before the
/// routers between forget the connection, which many do after 15 minutes.
const IDLE_MS: u64 = 10 * 60_000;
/// How often a server without IDLE is asked.
const POLL_MS: u64 = 60_000;

#[cfg(test)]
#[path = "../tests/upstream.rs"]
mod tests;
