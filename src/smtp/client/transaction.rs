//! One transaction: from MAIL to the report of what became of it.
//!
//! With PIPELINING the whole envelope goes in one write (RFC 2920), and every reply is matched with
//! its command. The first refusal decides; the replies behind it are read and do not count. A DATA
//! that the host accepts though it has refused the recipient is ended by a lone dot, so that it
//! gets no message.

use std::collections::VecDeque;

use super::super::wire::outgoing::{WireBody, WireForm};
use super::commands::{self, SendPlan};
use super::{Client, ClientState, SentCommand, ServerReply};
use crate::call::{
    Call, Conversion, Metric, Now, OutboundRead, OutboundTransaction, PIECE_MAX, Read, RemoteReply,
    Report, TransactionOutcome,
};
use crate::engine::Output;

/// A transaction under way.
#[derive(Debug)]
pub(super) struct Sending {
    pub(super) order: Box<OutboundTransaction>,
    plan: SendPlan,
    /// Commands of the envelope that are not sent yet: the host has no PIPELINING.
    waiting: VecDeque<SentCommand>,
    /// MAIL was accepted.
    pub(super) is_begun: bool,
    /// The first refusal.
    pub(super) refusal: Option<RemoteReply>,
    /// It is the reply to RCPT.
    is_of_recipient: bool,
    form: WireForm,
    body: WireBody,
    /// Octets of the message that were read from the service.
    offset: u64,
    /// The last piece has been written.
    is_whole: bool,
}

impl Sending {
    pub(super) fn new(order: Box<OutboundTransaction>) -> Self {
        Sending {
            order,
            plan: SendPlan {
                conversion: Conversion::default(),
                smtputf8: false,
            },
            waiting: VecDeque::new(),
            is_begun: false,
            refusal: None,
            is_of_recipient: false,
            form: WireForm::Dotted,
            body: WireBody::new(WireForm::Dotted),
            offset: 0,
            is_whole: false,
        }
    }
}

impl Client {
    /// Begins the transaction that the service has given.
    pub(super) fn begin(&mut self, now: Now, order: Box<OutboundTransaction>, out: &mut Output) {
        self.shared.metrics.count(Metric::OutboundTransactions);
        self.transactions += 1;
        let plan = SendPlan::of(&order, &self.offers);
        let mut sending = Sending::new(order);
        match plan {
            Ok(plan) => sending.plan = plan,
            Err(reply) => {
                let report = self.report(&sending, TransactionOutcome::Bounced, Some(reply));
                return self.ask_next(Some(report), false, out);
            }
        }
        if self.offers.chunking {
            sending.form = WireForm::Counted;
            sending.body = WireBody::new(WireForm::Counted);
        }
        if core::mem::take(&mut self.needs_reset) {
            sending.waiting.push_back(SentCommand::Reset);
        }
        sending
            .waiting
            .extend([SentCommand::Mail, SentCommand::Rcpt]);
        if sending.form == WireForm::Dotted {
            sending.waiting.push_back(SentCommand::Data);
        }
        self.sending = Some(Box::new(sending));
        self.send_envelope(now, out);
    }

    /// Sends the commands that may go now: all of them, or the next one.
    fn send_envelope(&mut self, now: Now, out: &mut Output) {
        let Some(sending) = &mut self.sending else {
            return;
        };
        while let Some(command) = sending.waiting.pop_front() {
            match command {
                SentCommand::Reset => out.bytes.extend_from_slice(b"RSET\r\n"),
                SentCommand::Mail => {
                    let plan = sending.plan;
                    commands::mail(&sending.order, &self.offers, plan, &mut out.bytes);
                }
                SentCommand::Rcpt => {
                    commands::rcpt(&sending.order, &self.offers, &mut out.bytes);
                }
                _ => out.bytes.extend_from_slice(b"DATA\r\n"),
            }
            self.sent.push_back(command);
            if !self.offers.pipelining {
                break;
            }
        }
        self.await_envelope(now);
    }

    /// Waits for the reply to the oldest command.
    fn await_envelope(&mut self, now: Now) {
        let ms = match self.sent.front() {
            Some(SentCommand::Data) => self.data_ms(),
            Some(SentCommand::LoneDot) => self.end_ms(),
            _ => self.command_ms(),
        };
        self.wait_for(ClientState::Envelope, ms, now);
    }

    pub(super) fn envelope_answered(&mut self, now: Now, reply: &ServerReply, out: &mut Output) {
        let (Some(command), Some(sending)) = (self.sent.pop_front(), &mut self.sending) else {
            return self.bad_reply("a reply to no command", out);
        };
        let is_refused = sending.refusal.is_some();
        match (command, reply.class()) {
            (SentCommand::Reset, 2) | (SentCommand::LoneDot, 2 | 4 | 5) => {}
            (SentCommand::Mail, 2) => sending.is_begun = true,
            (SentCommand::Rcpt, 2) => {}
            (SentCommand::Data, 3) if reply.code == 354 && is_refused => {
                // RFC 2920 section 3.1: there is no recipient, so there is no message.
                out.bytes.extend_from_slice(b".\r\n");
                self.sent.push_back(SentCommand::LoneDot);
            }
            (SentCommand::Data, 3) if reply.code == 354 => return self.ask_piece(out),
            (SentCommand::Mail | SentCommand::Rcpt | SentCommand::Data, 4 | 5) => {
                if !is_refused {
                    sending.refusal = Some(reply.report());
                    sending.is_of_recipient = command == SentCommand::Rcpt;
                }
            }
            (SentCommand::Reset, _) => return self.bad_reply("a wrong code for RSET", out),
            (SentCommand::Data, _) => return self.bad_reply("a wrong code for DATA", out),
            _ => return self.bad_reply("a wrong code for MAIL or RCPT", out),
        }
        if !self.sent.is_empty() {
            return self.await_envelope(now);
        }
        let sending = self.sending.as_deref_mut();
        let Some(sending) = sending else { return };
        if let Some(refusal) = sending.refusal.take() {
            self.needs_reset = sending.is_begun && command != SentCommand::LoneDot;
            self.finish(refusal, false, out);
        } else if sending.waiting.is_empty() {
            self.ask_piece(out);
        } else {
            self.send_envelope(now, out);
        }
    }

    /// Asks the service for the octets that come next.
    fn ask_piece(&mut self, out: &mut Output) {
        let Some(sending) = &self.sending else {
            return;
        };
        let call = OutboundRead::Piece {
            lease: sending.order.lease,
            conversion: sending.plan.conversion,
            keys: sending.order.keys,
            offset: sending.offset,
        };
        self.state = ClientState::Piece;
        self.due_ms = None;
        self.ask(Call::Read(Read::Outbound(call)), out);
    }

    /// Writes a piece of the message. A short one is the last.
    pub(super) fn write_piece(&mut self, now: Now, piece: &[u8], out: &mut Output) {
        let Some(sending) = &mut self.sending else {
            return;
        };
        sending.offset = sending.offset.saturating_add(piece.len() as u64);
        let is_last = piece.len() < PIECE_MAX;
        sending.is_whole = is_last;
        match sending.form {
            WireForm::Dotted => {
                sending.body.push(piece, &mut out.bytes);
                if is_last {
                    sending.body.finish(&mut out.bytes);
                    self.sent.push_back(SentCommand::Dot);
                }
            }
            WireForm::Counted => {
                let mut chunk = Vec::new();
                sending.body.push(piece, &mut chunk);
                if is_last {
                    sending.body.finish(&mut chunk);
                }
                let last = if is_last { " LAST" } else { "" };
                let line = format!("BDAT {}{last}\r\n", chunk.len());
                out.bytes.extend_from_slice(line.as_bytes());
                out.bytes.extend_from_slice(&chunk);
                self.sent.push_back(SentCommand::Chunk { last: is_last });
            }
        }
        out.more = true;
        self.wait_for(ClientState::Body, self.block_ms(), now);
    }

    /// Everything that was written has gone.
    pub(super) fn drained(&mut self, now: Now, out: &mut Output) {
        let (ClientState::Body, Some(sending)) = (self.state, &self.sending) else {
            return;
        };
        if sending.is_whole {
            return self.wait_for(ClientState::End, self.end_ms(), now);
        }
        match sending.form {
            WireForm::Dotted => self.ask_piece(out),
            // RFC 3030 section 4.2: chunks may be pipelined.
            WireForm::Counted if self.offers.pipelining => self.ask_piece(out),
            WireForm::Counted => self.wait_for(ClientState::Chunks, self.end_ms(), now),
        }
    }

    /// A reply while the message is being written.
    pub(super) fn answered_early(&mut self, reply: &ServerReply, out: &mut Output) {
        let is_earlier_chunk = self.sent.len() > 1;
        if is_earlier_chunk && reply.is_positive() {
            self.sent.pop_front();
            return;
        }
        match reply.class() {
            // The host gives up, and takes no more of it. The message is not whole, so nothing
            // has come of it, and the connection cannot be used further.
            4 | 5 => {
                out.bytes.clear();
                self.is_torn = true;
                self.finish(reply.report(), true, out);
            }
            _ => self.bad_reply("a reply before the end of the message", out),
        }
    }

    /// A reply to a chunk, or to the end of the message.
    pub(super) fn end_answered(&mut self, now: Now, reply: &ServerReply, out: &mut Output) {
        let Some(command) = self.sent.pop_front() else {
            return self.bad_reply("a reply to no command", out);
        };
        let is_end = matches!(
            command,
            SentCommand::Dot | SentCommand::Chunk { last: true }
        );
        let Some(sending) = &mut self.sending else {
            return;
        };
        match reply.class() {
            2 if !is_end => {}
            2 | 4 | 5 => {
                let refused = sending.refusal.take();
                let decides = refused.unwrap_or_else(|| reply.report());
                if is_end || self.sent.is_empty() {
                    // RFC 3030 section 2: behind a chunk that failed comes RSET.
                    self.needs_reset = !reply.is_positive() && command != SentCommand::Dot;
                    return self.finish(decides, false, out);
                }
                sending.refusal = Some(decides);
            }
            _ => return self.bad_reply("a wrong code for the end of the message", out),
        }
        match self.state {
            ClientState::Chunks if self.sent.is_empty() => self.ask_piece(out),
            state => self.wait_for(state, self.end_ms(), now),
        }
    }

    /// The transaction has come to its end by this reply.
    pub(super) fn finish(&mut self, reply: RemoteReply, is_last: bool, out: &mut Output) {
        let Some(sending) = self.sending.take() else {
            return;
        };
        self.sent.clear();
        let outcome = match reply.code / 100 {
            2 => TransactionOutcome::Delivered,
            5 => TransactionOutcome::Bounced,
            _ => TransactionOutcome::Deferred,
        };
        let report = self.report(&sending, outcome, Some(reply));
        self.ask_next(Some(report), is_last, out);
    }

    fn report(
        &self,
        sending: &Sending,
        outcome: TransactionOutcome,
        reply: Option<RemoteReply>,
    ) -> Box<Report> {
        Box::new(Report {
            lease: sending.order.lease,
            outcome,
            host: self.dial.host.clone(),
            address: self.dial.address.ip(),
            tls: self.tls,
            reply,
            why: String::new(),
            is_of_recipient: sending.is_of_recipient,
            has_dsn: self.offers.dsn,
        })
    }
}
