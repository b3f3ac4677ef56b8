//! SMTP, the sending side: one connection to another server, transaction after transaction.
//!
//! ```text
//!  connect ─► Greeting ─► Ehlo ──────────────────────► Auth ─► Next ◄──────────────┐
//!                          │ ▲└► Helo (EHLO unknown) ──────────►│ a transaction     │ Report
//!                          ▼ │                                  ▼                   │
//!                     StartTls ─► Handshake                  Envelope ─► Body ─► End
//!  at any point: no reply, a bad reply, 421, the end of the connection ─► Lost ─► closed
//! ```
//!
//! `hello` goes from the greeting to the first transaction, `transaction` from MAIL to the report,
//! `commands` writes the lines, and `extensions` reads what a host offers. The service decides
//! everything else: hosts, retries, bounces, when a connection ends (`call::outbound`).
//!
//! Four rules. Every reply is matched with the command that it answers, and a reply that no command
//! waits for is a bad one. Nothing that came in clear counts after STARTTLS (RFC 3207 section 4.2),
//! and octets behind its 220 end the connection. A message counts as delivered only by a 2xx that
//! came after its last octet had gone. A time is for a whole reply: a server that sends one octet
//! a minute gains nothing.

mod commands;
mod extensions;
mod hello;
mod transaction;

/// For fuzzers.
pub mod testing {
    pub use super::commands::{SendPlan, mail as write_mail, rcpt as write_rcpt};
    pub use super::extensions::Extensions;
}

use std::collections::VecDeque;
use std::sync::Arc;

use super::wire::reply_parser::{ReplyParser, ReplyStep, ServerReply};
use crate::call::{
    Answer, Ask, Call, Caller, LostWhy, Metric, NextTransaction, Now, OutboundDial, OutboundLoss,
    OutboundStage, OutboundTls, OutboundTlsPolicy, OutboundWrite, Reply, Report, Shared, Write,
    Written,
};
use crate::engine::{CertificateCheck, DialError, Engine, Input, Output, Trust};
use extensions::Extensions;
use transaction::Sending;

/// One connection to another server.
#[derive(Debug)]
pub struct Client {
    dial: OutboundDial,
    shared: Arc<Shared>,
    certificate: Arc<CertificateCheck>,
    state: ClientState,
    parser: ReplyParser,
    offers: Extensions,
    tls: OutboundTls,
    /// The host calls itself by our own name.
    has_our_name: bool,
    /// Commands without a reply, in the order in which they were sent.
    sent: VecDeque<SentCommand>,
    sending: Option<Box<Sending>>,
    transactions: usize,
    /// A transaction was begun and not ended: RSET goes before the next one.
    needs_reset: bool,
    /// A message was broken off: the host would take QUIT for a part of it.
    is_torn: bool,
    /// When the reply, or the write of a piece, must have come to its end.
    due_ms: Option<u64>,
    /// The connection was lost while a call was out.
    lost: Option<LostWhy>,
    is_stopping: bool,
}

/// What the client waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum ClientState {
    /// The connection.
    Connect,
    Greeting,
    /// The reply to EHLO.
    Ehlo,
    /// The reply to HELO.
    Helo,
    /// The reply to STARTTLS.
    StartTls,
    Handshake,
    Auth(AuthStep),
    /// The service's next transaction.
    Next,
    /// Replies to the commands of the envelope.
    Envelope,
    /// A piece of the message, from the service.
    Piece,
    /// A piece was written and has not gone yet.
    Body,
    /// Replies to chunks.
    Chunks,
    /// The reply to the end of the message.
    End,
    /// The service's answer to the loss of the connection. `polite`: QUIT is sent behind it.
    Lost {
        polite: bool,
    },
    Closed,
}

/// The exchange of AUTH.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum AuthStep {
    /// `AUTH PLAIN` with its message, or the key of LOGIN: the next reply decides.
    Done,
    /// The challenge for the user of LOGIN.
    User,
    /// The challenge for the key of LOGIN.
    Key,
    /// The empty challenge for a message that is too long for the command.
    Token,
    /// What the message with an access token led to: success, or a challenge that says why not.
    TokenDone,
    /// That challenge was answered: the refusal follows.
    Refusal,
}

/// A command that waits for its reply.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum SentCommand {
    Reset,
    Mail,
    Rcpt,
    Data,
    /// A chunk, and whether it is the last one.
    Chunk {
        last: bool,
    },
    /// The dot behind a DATA that no recipient was accepted for.
    LoneDot,
    /// The dot behind the message.
    Dot,
}

impl Client {
    /// An engine for this connection. `certificate` is what TLS writes its check to.
    pub fn new(
        dial: OutboundDial,
        shared: Arc<Shared>,
        certificate: Arc<CertificateCheck>,
    ) -> Self {
        Client {
            dial,
            shared,
            certificate,
            state: ClientState::Connect,
            parser: ReplyParser::default(),
            offers: Extensions::default(),
            tls: OutboundTls::None,
            has_our_name: false,
            sent: VecDeque::new(),
            sending: None,
            transactions: 0,
            needs_reset: false,
            is_torn: false,
            due_ms: None,
            lost: None,
            is_stopping: false,
        }
    }

    fn opened(&mut self, now: Now, out: &mut Output) {
        let is_implicit = self.dial.tls == OutboundTlsPolicy::ImplicitVerified;
        match self.state {
            ClientState::Connect => {
                if is_implicit {
                    self.record_tls();
                }
                self.wait_for(ClientState::Greeting, self.hello_ms(), now);
            }
            ClientState::Handshake => {
                self.record_tls();
                if self.dial.tls == OutboundTlsPolicy::RequiredVerified
                    && self.tls != OutboundTls::Verified
                {
                    let why = "the certificate was not verified".to_owned();
                    return self.lose(LostWhy::Tls(why), true, out);
                }
                // RFC 3207 section 4.2: what the host said in clear is forgotten.
                self.offers = Extensions::default();
                self.parser = ReplyParser::default();
                self.say_ehlo(now, out);
            }
            _ => {}
        }
    }

    fn record_tls(&mut self) {
        self.tls = match self.certificate.has_passed() {
            true => OutboundTls::Verified,
            false => OutboundTls::Unverified,
        };
    }

    /// Reads one reply.
    fn bytes(&mut self, now: Now, bytes: &[u8], out: &mut Output) -> usize {
        match self.state {
            ClientState::Closed | ClientState::Lost { .. } => return bytes.len(),
            // A call is out, or TLS begins: the session gives no bytes.
            ClientState::Connect | ClientState::Handshake => return 0,
            ClientState::Next | ClientState::Piece => return 0,
            _ => {}
        }
        let (used, step) = self.parser.take(bytes);
        match step {
            ReplyStep::Incomplete => {}
            ReplyStep::Bad(fault) => self.bad_reply(fault.reason(), out),
            ReplyStep::Whole(reply) => {
                let more_follows = used < bytes.len();
                log::trace!("outbound to {}: {}", self.dial.host, reply.code);
                self.replied(now, &reply, more_follows, out);
            }
        }
        used
    }

    fn replied(&mut self, now: Now, reply: &ServerReply, more_follows: bool, out: &mut Output) {
        // RFC 5321 section 3.8: the host closes. Whatever was under way has failed for now.
        if reply.code == 421 {
            return self.lose(LostWhy::Reply(reply.report()), false, out);
        }
        match self.state {
            ClientState::Greeting => self.greeted(now, reply, out),
            ClientState::Ehlo => self.ehlo_answered(now, reply, out),
            ClientState::Helo => self.helo_answered(now, reply, out),
            ClientState::StartTls => self.start_tls_answered(reply, more_follows, out),
            ClientState::Auth(step) => self.auth_answered(now, step, reply, out),
            ClientState::Envelope => self.envelope_answered(now, reply, out),
            ClientState::Body => self.answered_early(reply, out),
            ClientState::Chunks | ClientState::End => self.end_answered(now, reply, out),
            _ => {}
        }
    }

    /// An answer of the service.
    fn service_answered(&mut self, now: Now, reply: Reply, out: &mut Output) {
        let lost = self.lost.take();
        match self.state {
            ClientState::Lost { polite } => self.end(polite, out),
            ClientState::Next => {
                let next = match reply {
                    Reply::Written(Written::Next(next), _) => next,
                    _ => NextTransaction::Quit,
                };
                match (next, lost) {
                    (NextTransaction::Quit, None | Some(LostWhy::Stopping)) => self.end(true, out),
                    (NextTransaction::Quit, Some(_)) => self.end(false, out),
                    (NextTransaction::Send(order), None) => self.begin(now, order, out),
                    (NextTransaction::Send(order), Some(why)) => {
                        self.sending = Some(Box::new(Sending::new(order)));
                        self.lose(why, false, out);
                    }
                }
            }
            ClientState::Piece => match (reply, lost) {
                (_, Some(why)) => self.lose(why, false, out),
                (Reply::Answer(Answer::Octets(piece)), None) => self.write_piece(now, &piece, out),
                // The message cannot be read. Without its end nothing is sent of it.
                (_, None) => {
                    let why = "the message could not be read".to_owned();
                    self.lose(LostWhy::Closed(why), false, out);
                }
            },
            _ => {}
        }
    }

    /// The connection could not be made, or was lost.
    fn failed(&mut self, error: DialError, out: &mut Output) {
        let is_tls = matches!(
            error,
            DialError::CertificateNotTrusted(_)
                | DialError::CertificateWrongName
                | DialError::ClosedInHandshake
                | DialError::HandshakeTimedOut
                | DialError::Tls(_)
        );
        let why = match error {
            DialError::TimedOut => LostWhy::TimedOut,
            DialError::Stopping => LostWhy::Stopping,
            error if is_tls => LostWhy::Tls(error.to_string()),
            error => LostWhy::Closed(error.to_string()),
        };
        if is_tls && self.state == ClientState::Connect {
            self.state = ClientState::Handshake;
        }
        self.lost_now(why, out);
    }

    /// The connection is of no use from here on, and a call may be out.
    fn lost_now(&mut self, why: LostWhy, out: &mut Output) {
        match self.state {
            ClientState::Next | ClientState::Piece => self.lost = Some(why),
            ClientState::Lost { .. } => self.state = ClientState::Lost { polite: false },
            ClientState::Closed => out.close = true,
            _ => self.lose(why, false, out),
        }
    }

    fn deadline(&mut self, now: Now, out: &mut Output) {
        if self.due_ms.is_some_and(|due| now.mono_ms >= due) {
            self.shared.metrics.count(Metric::OutboundTimedOut);
            self.lose(LostWhy::TimedOut, false, out);
        }
    }

    /// The server stops. A message on its way may come to its end.
    fn stop(&mut self, out: &mut Output) {
        self.is_stopping = true;
        match self.state {
            ClientState::Piece
            | ClientState::Body
            | ClientState::Chunks
            | ClientState::End
            | ClientState::Lost { .. }
            | ClientState::Closed => {}
            ClientState::Next => self.lost = Some(LostWhy::Stopping),
            _ => self.lose(LostWhy::Stopping, false, out),
        }
    }

    /// Asks the service for the next transaction; `report` tells what became of the last one.
    fn ask_next(&mut self, report: Option<Box<Report>>, is_last: bool, out: &mut Output) {
        let most = self.shared.limits.outbound_transactions;
        let is_last = is_last || self.is_stopping || self.transactions >= most;
        let call = OutboundWrite::Next {
            route: self.dial.route,
            report,
            is_last,
        };
        self.state = ClientState::Next;
        self.due_ms = None;
        self.ask(Call::Write(Write::Outbound(call)), out);
    }

    /// A reply outside of the grammar, or one that no command waits for.
    fn bad_reply(&mut self, what: &'static str, out: &mut Output) {
        self.shared.metrics.count(Metric::OutboundBadReplies);
        self.lose(LostWhy::BadReply(what), false, out);
    }

    /// Tells the service that the connection is of no use. A message that is not whole never
    /// becomes whole: what has not gone of it is dropped.
    fn lose(&mut self, why: LostWhy, polite: bool, out: &mut Output) {
        if let Some(sending) = &mut self.sending
            && let Some(refusal) = sending.refusal.take()
        {
            // The host has refused the message before that: its answer counts.
            self.is_torn |= !polite;
            return self.finish(refusal, true, out);
        }
        let stage = self.stage();
        log::debug!("outbound to {}: lost at {stage:?}: {why:?}", self.dial.host);
        if stage == OutboundStage::Envelope {
            out.bytes.clear();
        }
        let loss = OutboundLoss {
            stage,
            why,
            tls: self.tls,
            lease: self.sending.take().map(|sending| sending.order.lease),
        };
        let call = OutboundWrite::Lost {
            route: self.dial.route,
            loss: Box::new(loss),
        };
        self.state = ClientState::Lost { polite };
        self.due_ms = None;
        out.start_tls = false;
        self.ask(Call::Write(Write::Outbound(call)), out);
    }

    /// How far the connection has come.
    fn stage(&self) -> OutboundStage {
        match self.state {
            ClientState::Connect => OutboundStage::Connect,
            ClientState::Greeting => OutboundStage::Greeting,
            ClientState::Ehlo | ClientState::Helo => OutboundStage::Hello,
            ClientState::StartTls | ClientState::Handshake => OutboundStage::Tls,
            ClientState::Auth(_) => OutboundStage::Auth,
            ClientState::End => OutboundStage::End,
            ClientState::Next
            | ClientState::Envelope
            | ClientState::Piece
            | ClientState::Body
            | ClientState::Chunks
            | ClientState::Lost { .. }
            | ClientState::Closed => match &self.sending {
                Some(sending) if sending.is_begun => OutboundStage::Envelope,
                _ => OutboundStage::Idle,
            },
        }
    }

    fn ask(&mut self, call: Call, out: &mut Output) {
        out.ask = Some(Ask {
            request_id: None,
            depth: 0,
            caller: Caller::System,
            call,
        });
    }

    /// Ends the connection; with a word where the host still listens (RFC 5321 section 4.1.1.10).
    /// Its 221 is read while the connection drains.
    fn end(&mut self, polite: bool, out: &mut Output) {
        if polite && !self.is_torn {
            out.bytes.extend_from_slice(b"QUIT\r\n");
        }
        self.state = ClientState::Closed;
        self.due_ms = None;
        out.close = true;
    }

    /// Waits for a whole reply, or for a write, for so long.
    fn wait_for(&mut self, state: ClientState, ms: u64, now: Now) {
        self.state = state;
        self.due_ms = Some(now.mono_ms.saturating_add(ms));
    }

    /// The greeting, EHLO, STARTTLS and AUTH.
    fn hello_ms(&self) -> u64 {
        self.dial.timeouts.command_ms.min(HELLO_MS_MAX)
    }

    /// MAIL, RCPT and RSET.
    fn command_ms(&self) -> u64 {
        self.dial.timeouts.command_ms
    }

    /// DATA.
    fn data_ms(&self) -> u64 {
        self.dial.timeouts.data_ms.min(DATA_MS_MAX)
    }

    /// The write of one piece.
    fn block_ms(&self) -> u64 {
        self.dial.timeouts.data_ms.min(BLOCK_MS_MAX)
    }

    /// The end of the message.
    fn end_ms(&self) -> u64 {
        self.dial.timeouts.data_ms
    }
}

impl Engine for Client {
    fn handle(&mut self, now: Now, input: Input<'_>, out: &mut Output) -> usize {
        let mut used = 0;
        let due = self.due_ms;
        match input {
            Input::Open => self.opened(now, out),
            Input::Bytes(bytes) => used = self.bytes(now, bytes, out),
            Input::Reply(reply) => self.service_answered(now, reply, out),
            Input::Drained => self.drained(now, out),
            Input::Deadline => self.deadline(now, out),
            Input::Eof => {
                let why = "the host closed the connection".to_owned();
                self.lost_now(LostWhy::Closed(why), out);
            }
            Input::Failed(error) => self.failed(error, out),
            Input::Shutdown => self.stop(out),
            Input::Event(_) => {}
        }
        if self.due_ms != due {
            let at = |due: u64| now.plus_ms(due.saturating_sub(now.mono_ms));
            out.deadline = Some(self.due_ms.map(at));
        }
        used
    }

    fn trust(&self) -> Trust {
        Trust::Known
    }
}

/// A host that greets or says its extensions so late is not used: others wait for the connection.
const HELLO_MS_MAX: u64 = 60_000;
/// RFC 5321 section 4.5.3.2.4.
const DATA_MS_MAX: u64 = 120_000;
/// RFC 5321 section 4.5.3.2.5.
const BLOCK_MS_MAX: u64 = 180_000;

#[cfg(test)]
#[path = "../tests/client.rs"]
mod tests;
