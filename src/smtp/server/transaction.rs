//! One message, from MAIL to the receipt: the envelope, its octets, and the calls that
//! carry them to the service.
//!
//! MAIL asks `Sender`, each RCPT asks `Recipient`, the end of data asks `Accept`. The `250` after
//! the data needs a receipt. Every end of a transaction (a refusal,
//! RSET, EHLO, the end of the connection) drops the octets and gives their memory back.

use std::sync::Arc;

use crate::call::{
    Answer, ArrivalPace, Call, Caller, Envelope, Holders, InboxId, Intake, LOOK_MS, Listener, Look,
    Metric, Now, OrgId, Recipient, Refusal, Render, Reply, RequestId, Route,
};
use crate::engine::Output;

use super::super::wire::command::{self, SenderOf};
use super::super::wire::data::{DataBody, DataFault};
use super::super::wire::reply::{self, ReplyContext};
use super::received::Received;
use super::table::CommandInput;
use super::{Server, SmtpState};

/// A message as far as it has come.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    envelope: Envelope,
    /// The octets of BDAT chunks so far.
    pub(super) body: Option<Box<DataBody>>,
    /// A chunk has been refused: only RSET, EHLO and QUIT help (RFC 3030 section 2).
    failed: bool,
    /// RCPTs, accepted or not.
    rcpts: usize,
    /// Its one recipient takes a message of its own.
    apart: bool,
}

/// The call that the service has not answered yet.
#[derive(Debug)]
pub(super) enum PendingCall {
    /// AUTH.
    Login,
    /// MAIL.
    Sender,
    /// RCPT.
    Recipient(Box<Recipient>),
    /// The end of data.
    Message {
        /// The message has only one recipient.
        single_recipient: bool,
    },
}

/// How the end of a message is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum EndOfData {
    /// By the octets that BDAT counts.
    Count,
    /// By CRLF . CRLF. Where a CR or LF stands alone, another server may see another end.
    Dot,
}

impl Server {
    pub(super) fn recipients_max(&self) -> usize {
        match self.opening.listener {
            Listener::Mx => self.limits().mx_recipients,
            _ => self.limits().submission_recipients,
        }
    }

    /// Who gives the parameters of a transaction.
    fn sender_of(&self) -> SenderOf {
        match self.opening.listener {
            Listener::Mx => SenderOf::Outside,
            _ => SenderOf::Client,
        }
    }

    pub(super) fn mail(&mut self, command: &mut CommandInput<'_>) {
        let sender = self.sender_of();
        let mail = match command::mail(command.args, sender) {
            Ok(mail) => mail,
            Err(error) => return self.fail(command.now, reply::syntax(error, true), command.out),
        };
        if self.messages >= self.limits().smtp_messages {
            self.count(Metric::RateLimited);
            return self.say_goodbye("4.7.0", "Too many messages on one connection", command.out);
        }
        let max = self.limits().message_bytes;
        if mail.size.is_some_and(|size| size > max as u64) {
            self.count(Metric::RejectedSize);
            let text = reply::fault(DataFault::Size, max);
            return self.fail(command.now, &text, command.out);
        }
        let reverse_path = mail.reverse_path;
        let envelope = Envelope {
            reverse_path: reverse_path.clone(),
            eight_bit: mail.eight_bit,
            smtputf8: mail.smtputf8,
            ret_full: mail.ret_full,
            envid: mail.envid,
            ..Envelope::default()
        };
        self.transaction = Some(Box::new(Transaction {
            envelope,
            ..Transaction::default()
        }));
        let call = Look::Sender {
            reverse_path,
            size: mail.size,
        };
        self.ask(PendingCall::Sender, call, command.out);
    }

    pub(super) fn rcpt(&mut self, command: &mut CommandInput<'_>) {
        let max = self.recipients_max();
        let sender = self.sender_of();
        let Some(transaction) = self.transaction.as_mut() else {
            return;
        };
        if transaction.body.is_some() || transaction.failed {
            return self.fail(command.now, "503 5.5.1 Not after BDAT", command.out);
        }
        transaction.rcpts += 1;
        if transaction.rcpts > max.saturating_add(SURPLUS_MAX) {
            self.count(Metric::TooManyErrors);
            return self.say_goodbye("4.7.0", "Too many recipients", command.out);
        }
        let utf8 = transaction.envelope.smtputf8;
        let host = &self.opening.shared.host;
        let rcpt = match command::rcpt(command.args, (utf8, sender), host) {
            Ok(rcpt) => rcpt,
            Err(error) => return self.fail(command.now, reply::syntax(error, false), command.out),
        };
        let address = rcpt.address.to_string();
        if transaction.envelope.recipients.len() >= max {
            // RFC 5321 section 4.5.3.1.10: the client sends the rest in another transaction.
            // It may have pipelined many more already.
            self.count(Metric::RateLimited);
            return self.say("452 4.5.3 Too many recipients", command.out);
        }
        let envelope = &transaction.envelope;
        if envelope.recipients.iter().any(|r| r.address == address) {
            return self.say("250 2.1.5 Ok", command.out);
        }
        let recipient = Recipient {
            address: address.clone(),
            inbox: None,
            org: None,
            notify: rcpt.notify,
            orcpt: rcpt.orcpt,
        };
        let from = envelope.reverse_path.clone();
        let call = Look::Recipient { from, address };
        self.ask(
            PendingCall::Recipient(Box::new(recipient)),
            call,
            command.out,
        );
    }

    pub(super) fn data(&mut self, command: &mut CommandInput<'_>) {
        let Some(transaction) = &self.transaction else {
            return;
        };
        if transaction.body.is_some() || transaction.failed {
            return self.fail(command.now, "503 5.5.1 Not after BDAT", command.out);
        }
        if transaction.envelope.recipients.is_empty() {
            return self.fail(command.now, NO_RECIPIENTS, command.out);
        }
        if command.behind {
            // RFC 2920 section 3.1: DATA ends a group. A client that does not wait for 354
            // does not read replies; it may be a web browser.
            self.count(Metric::SyntaxErrors);
            return self.end("503 5.5.1 You did not wait for 354", command.out);
        }
        self.say("354 End data with <CR><LF>.<CR><LF>", command.out);
        self.pace = self.begin_pace(command.now);
        let body = self.begin_body(command.now);
        self.enter(SmtpState::Data(Box::new(body)));
    }

    fn begin_pace(&self, now: Now) -> ArrivalPace {
        ArrivalPace::begin(now, self.limits().data_bytes_per_s, FREE_MS)
    }

    fn begin_body(&self, now: Now) -> DataBody {
        let holders = Holders::of_access(self.access.as_ref(), self.opening.peer.ip());
        let charge = self.opening.shared.intake.arrival(holders, now.mono_ms);
        DataBody::new(self.limits().message_bytes, charge)
    }

    /// The message on its way in.
    pub(super) fn incoming(&mut self) -> Option<&mut DataBody> {
        match &mut self.state {
            SmtpState::Data(body) => Some(body),
            _ => self.transaction.as_mut()?.body.as_deref_mut(),
        }
    }

    /// Frees the memory of the message if others have taken it back. Its octets are read on, and
    /// the refusal comes at its end, where the client looks for it.
    pub(super) fn look(&mut self, now: Now) {
        self.look_due_ms = now.mono_ms.saturating_add(LOOK_MS);
        if self.incoming().is_some_and(DataBody::look) {
            self.count(Metric::ArrivalsRevoked);
        }
    }

    /// When the connection must be looked at again while a message arrives.
    pub(super) fn arrival_due_ms(&self) -> u64 {
        let body = match &self.state {
            SmtpState::Data(body) => Some(body),
            _ => self.transaction.as_ref().and_then(|t| t.body.as_ref()),
        };
        let pace = self.pace.due_ms();
        match body.is_some_and(|body| body.is_held()) {
            true => pace.min(self.look_due_ms),
            false => pace,
        }
    }

    /// Octets behind DATA.
    pub(super) fn text(&mut self, now: Now, bytes: &[u8], out: &mut Output) -> usize {
        self.look(now);
        let SmtpState::Data(body) = &mut self.state else {
            return 0;
        };
        let room = body.octets_allowed().min(bytes.len());
        let part = bytes.get(..room).unwrap_or_default();
        let end = body.unstuff(part, now.mono_ms);
        let over = body.octets_allowed() == 0;
        self.pace.record(now, part.len());
        let Some(used) = end else {
            if over {
                self.count(Metric::RejectedSize);
                let text = reply::fault(DataFault::Size, self.limits().message_bytes);
                self.end(&text, out);
            }
            return part.len();
        };
        if let SmtpState::Data(body) = core::mem::replace(&mut self.state, SmtpState::Command) {
            self.await_command(now);
            self.finish(now, *body, EndOfData::Dot, out);
        }
        used
    }

    pub(super) fn bdat(&mut self, command: &mut CommandInput<'_>) {
        self.begin_chunk(command, None);
    }

    /// The octets of a chunk follow even if it is refused, so its length is read first. If
    /// that fails, the next command cannot be found, and the connection ends.
    pub(super) fn begin_chunk(
        &mut self,
        command: &mut CommandInput<'_>,
        refusal: Option<&'static str>,
    ) {
        let Ok(chunk) = command::bdat(command.args) else {
            self.count(Metric::SyntaxErrors);
            return self.end("501 5.5.4 Wrong arguments", command.out);
        };
        let max = self.limits().message_bytes;
        let size = usize::try_from(chunk.size).ok().filter(|size| *size <= max);
        let Some(size) = size else {
            self.count(Metric::RejectedSize);
            let text = reply::fault(DataFault::Size, max);
            return self.end(&text, command.out);
        };
        // An empty chunk does not bring the message nearer to its end.
        if size == 0 && !chunk.last && self.count_junk(command.out) {
            return;
        }
        let mut refusal = refusal;
        // The rate is that of the message, over all its chunks.
        let mut pace = self.begin_pace(command.now);
        if refusal.is_none()
            && let Some(transaction) = &self.transaction
        {
            if transaction.failed {
                refusal = Some("503 5.5.1 RSET first");
            } else if transaction.envelope.recipients.is_empty() {
                refusal = Some(NO_RECIPIENTS);
            } else if transaction.body.is_none() {
                let body = Some(Box::new(self.begin_body(command.now)));
                if let Some(transaction) = self.transaction.as_mut() {
                    transaction.body = body;
                }
            } else {
                pace = self.pace;
            }
        }
        self.pace = pace;
        self.enter(SmtpState::Chunk {
            left: size,
            size: chunk.size,
            last: chunk.last,
            refusal,
        });
        if size == 0 {
            self.chunk(command.now, &[], command.out);
        }
    }

    /// Octets of a chunk.
    pub(super) fn chunk(&mut self, now: Now, bytes: &[u8], out: &mut Output) -> usize {
        self.look(now);
        let SmtpState::Chunk {
            left,
            size,
            last,
            refusal,
        } = &mut self.state
        else {
            return 0;
        };
        let part = bytes.get(..bytes.len().min(*left)).unwrap_or_default();
        *left -= part.len();
        let (left, size, last, refusal) = (*left, *size, *last, *refusal);
        let body = self.transaction.as_mut().and_then(|t| t.body.as_mut());
        if let (Some(body), None) = (body, refusal) {
            body.take(part, now.mono_ms);
        }
        self.pace.record(now, part.len());
        if left > 0 {
            return part.len();
        }
        self.await_command(now);
        match refusal {
            Some(text) => self.fail(now, text, out),
            None => self.chunk_done(now, size, last, out),
        }
        part.len()
    }

    fn chunk_done(&mut self, now: Now, size: u64, last: bool, out: &mut Output) {
        let Some(transaction) = self.transaction.as_mut() else {
            return;
        };
        let fault = transaction.body.as_ref().and_then(|b| b.fault());
        match (fault, last) {
            (None, false) => self.say(&format!("250 2.0.0 {size} octets received"), out),
            (_, true) => {
                if let Some(mut body) = transaction.body.take() {
                    body.close();
                    self.finish(now, *body, EndOfData::Count, out);
                }
            }
            (Some(fault), false) => {
                transaction.failed = true;
                transaction.body = None;
                self.faulty(now, fault, EndOfData::Count, out);
            }
        }
    }

    /// The message has come to its end.
    fn finish(&mut self, now: Now, mut body: DataBody, end: EndOfData, out: &mut Output) {
        self.messages += 1;
        self.junk = 0;
        body.settle();
        let Some(transaction) = self.transaction.take() else {
            return;
        };
        if let Some(fault) = body.fault() {
            return self.faulty(now, fault, end, out);
        }
        let envelope = transaction.envelope;
        let single_recipient = envelope.recipients.len() == 1;
        let received = self.received(now, &envelope);
        let (octets, charge) = body.into_parts();
        log::debug!(
            "conn={} request_id={} recipients={} octets={}",
            self.opening.conn.0,
            RequestId::smtp(self.opening.seed),
            envelope.recipients.len(),
            octets.len()
        );
        let route = match self.access {
            Some(_) => Route::Submission {
                envelope,
                received,
                render: Render(reply::render),
            },
            None => Route::Inbound {
                envelope,
                received,
                helo: self.helo.as_deref().unwrap_or_default().to_owned(),
            },
        };
        let intake = Box::new(Intake {
            route,
            octets,
            charge: charge.map(Arc::new),
        });
        self.ask(
            PendingCall::Message { single_recipient },
            Call::Accept(intake),
            out,
        );
    }

    fn faulty(&mut self, now: Now, fault: DataFault, end: EndOfData, out: &mut Output) {
        self.count(match fault {
            DataFault::Memory(_) => Metric::RejectedMemory,
            DataFault::Size => Metric::RejectedSize,
            DataFault::Stray => Metric::RejectedOctets,
        });
        let text = reply::fault(fault, self.limits().message_bytes);
        match (fault, end) {
            (DataFault::Stray, EndOfData::Dot) => self.end(&text, out),
            (DataFault::Memory(_), _) => self.say(&text, out),
            _ => self.fail(now, &text, out),
        }
    }

    fn received(&self, now: Now, envelope: &Envelope) -> Vec<u8> {
        let recipient = match envelope.recipients.as_slice() {
            [one] => Some(one.address.as_str()),
            _ => None,
        };
        Received {
            helo: self.helo.as_deref().unwrap_or("unknown"),
            peer: self.opening.peer.ip(),
            host: &self.opening.shared.host,
            extended: self.extended,
            tls: self.tls,
            login: self.access.is_some(),
            utf8: envelope.smtputf8,
            recipient,
            unix_ms: now.unix_ms,
        }
        .field()
    }

    /// The service has answered.
    pub(super) fn answered(
        &mut self,
        now: Now,
        asked: PendingCall,
        reply: Reply,
        out: &mut Output,
    ) {
        match (asked, reply) {
            (PendingCall::Login, Reply::Answer(Answer::Authenticated(Caller::Key(access)))) => {
                self.logged_in(now, access, out);
            }
            (PendingCall::Login, Reply::Refused(refusal)) => self.login_refused(now, &refusal, out),
            (PendingCall::Sender, Reply::Answer(Answer::Done)) => self.say("250 2.1.0 Ok", out),
            (PendingCall::Sender, Reply::Refused(refusal)) => {
                self.transaction = None;
                self.refuse(now, &refusal, ReplyContext::Sender, out);
            }
            (
                PendingCall::Recipient(recipient),
                Reply::Answer(Answer::Recipient { inbox, org, apart }),
            ) => {
                self.accept(now, *recipient, (inbox, org, apart), out);
            }
            (PendingCall::Recipient(_), Reply::Refused(refusal)) => {
                self.refuse(now, &refusal, ReplyContext::Recipient, out);
            }
            (PendingCall::Message { single_recipient }, Reply::Refused(refusal)) => {
                self.refuse(
                    now,
                    &refusal,
                    ReplyContext::Message { single_recipient },
                    out,
                );
            }
            (PendingCall::Message { .. }, Reply::Written(written, receipt)) => {
                match reply::queued(&written, receipt) {
                    Some(line) => {
                        let id = RequestId::smtp(self.opening.seed);
                        log::info!("conn={} request_id={id} stored=1", self.opening.conn.0);
                        // A connection that brings mail may live for days. Its mistakes are counted
                        // from message to message.
                        self.errors = 0;
                        out.bytes.extend_from_slice(&line);
                    }
                    None => self.fail_internal(out),
                }
            }
            (PendingCall::Sender, _) => {
                self.transaction = None;
                self.fail_internal(out);
            }
            (PendingCall::Login | PendingCall::Recipient(_) | PendingCall::Message { .. }, _) => {
                self.fail_internal(out)
            }
        }
    }

    fn accept(
        &mut self,
        now: Now,
        mut to: Recipient,
        (inbox, org, apart): (Option<InboxId>, Option<OrgId>, bool),
        out: &mut Output,
    ) {
        if inbox.is_none() && self.access.is_none() {
            // The service refuses this too. Without both checks this would be an open relay,
            // so a fault in one of them must not be enough.
            return self.refuse(now, &Refusal::RelayDenied, ReplyContext::Recipient, out);
        }
        (to.inbox, to.org) = (inbox, org);
        let is_outside = self.access.is_none();
        if let Some(transaction) = self.transaction.as_mut() {
            let is_first = transaction.envelope.recipients.is_empty();
            if is_outside && !is_first && (apart || transaction.apart) {
                // What is refused for this recipient at the end of the message must not be refused
                // for others. The client sends the rest in another transaction.
                return self.say(APART, out);
            }
            transaction.apart = apart;
            transaction.envelope.recipients.push(to);
        }
        self.say("250 2.1.5 Ok", out);
    }

    /// Sends a refusal; the service has counted it. A wrong recipient is no error of a client
    /// that has logged in. From outside it is one, and the reply waits while all recipients so
    /// far were wrong: this makes guessing of addresses slow.
    fn refuse(&mut self, now: Now, refusal: &Refusal, moment: ReplyContext, out: &mut Output) {
        let line = reply::refused(refusal, moment);
        if line.close {
            return self.end(&line.text, out);
        }
        let trusted = self.access.is_some() && moment == ReplyContext::Recipient;
        if trusted || line.text.starts_with('4') {
            return self.say(&line.text, out);
        }
        let none_yet = self
            .transaction
            .as_ref()
            .is_some_and(|t| t.envelope.recipients.is_empty());
        let wait_ms = match refusal {
            Refusal::NoSuchInbox if none_yet => self.limits().unknown_recipient_ms,
            _ => 0,
        };
        self.fail_slowly(now, &line.text, wait_ms, out);
    }

    /// The answer does not fit the call: a fault of this server.
    fn fail_internal(&mut self, out: &mut Output) {
        log::error!(
            "conn={} request_id={} a call was answered out of turn",
            self.opening.conn.0,
            RequestId::smtp(self.opening.seed)
        );
        self.say(reply::INTERNAL, out);
    }
}

const APART: &str = "452 4.5.3 A recipient here takes a message of its own: send it apart";
const NO_RECIPIENTS: &str = "554 5.5.1 No valid recipients";
/// So many RCPTs beyond the limit get an answer, as in Postfix; then the connection ends.
const SURPLUS_MAX: usize = 1000;
/// The first minute of a message needs no octets.
const FREE_MS: u64 = 60_000;
