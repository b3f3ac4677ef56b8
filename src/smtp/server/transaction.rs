//! One message, from MAIL to the receipt: the envelope, its octets, and the calls that
//! carry them to the service.
//!
//! MAIL asks `Sender`, each RCPT asks `Recipient`, the end of data asks `Classify` and then
//! `Deliver`. `250` behind data is said only with a receipt. Every way out of a transaction
//! (a refusal, RSET, EHLO, the connection's end) drops the octets and gives their memory back.

use crate::call::{
    Answer, Call, Charge, Envelope, InboxId, Intake, Limits, Listener, Metric, Now, Once, Plan,
    Recipient, Refusal, Reply, Route,
};
use crate::engine::Output;

use super::super::wire::command;
use super::super::wire::data::{Body, Bound, Fault};
use super::super::wire::reply::{self, Moment};
use super::received::Received;
use super::table::Turn;
use super::{Server, State};

/// What has been said about a message so far.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    envelope: Envelope,
    /// The octets of BDAT chunks so far.
    pub(super) body: Option<Box<Body>>,
    /// A chunk has been refused: only RSET, EHLO and QUIT help (RFC 3030 section 2).
    failed: bool,
    /// RCPTs, whatever came of them.
    rcpts: usize,
}

/// What the service has been asked.
#[derive(Debug)]
pub(super) enum Asked {
    /// Who is this?
    Login,
    /// MAIL.
    Sender,
    /// RCPT.
    Recipient(Box<Recipient>),
    /// The message; its memory is held until it is stored.
    Message {
        /// It has but one recipient.
        alone: bool,
        /// Given back when this is dropped.
        charge: Option<Charge>,
    },
}

/// How fast octets come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    since_ms: u64,
    heard_ms: u64,
    octets: u64,
}

impl Pace {
    fn begin(now: Now) -> Pace {
        Pace {
            since_ms: now.mono_ms,
            heard_ms: now.mono_ms,
            octets: 0,
        }
    }

    fn hear(&mut self, now: Now, octets: usize) {
        self.heard_ms = now.mono_ms;
        self.octets = self.octets.saturating_add(octets as u64);
    }

    /// When patience ends if nothing more comes: after silence, below the least rate once
    /// the first minute is over, and in any case.
    pub(super) fn due_ms(&self, limits: &Limits) -> u64 {
        let at = |octets_per_s: u64| self.octets.saturating_mul(1000) / octets_per_s.max(1);
        let slow = at(limits.data_bytes_per_s).max(GRACE_MS);
        let whole = at(WHOLE_BYTES_PER_S).saturating_add(WHOLE_MS);
        let silent = self.heard_ms.saturating_add(SILENCE_MS);
        self.since_ms.saturating_add(slow.min(whole)).min(silent)
    }
}

impl Server {
    pub(super) fn recipients_max(&self) -> usize {
        match self.opening.listener {
            Listener::Mx => self.limits().mx_recipients,
            _ => self.limits().submission_recipients,
        }
    }

    pub(super) fn mail(&mut self, turn: &mut Turn<'_>) {
        let mail = match command::mail(turn.args) {
            Ok(mail) => mail,
            Err(error) => return self.fail(turn.now, reply::syntax(error, true), turn.out),
        };
        if self.messages >= self.limits().smtp_messages {
            self.count(Metric::RateLimited);
            return self.bye("4.7.0", "Too many messages on one connection", turn.out);
        }
        let max = self.limits().message_bytes;
        if mail.size.is_some_and(|size| size > max as u64) {
            self.count(Metric::RejectedSize);
            let text = reply::fault(Fault::Size, max).text;
            return self.fail(turn.now, &text, turn.out);
        }
        let reverse_path = mail.reverse_path.map(|a| a.to_string());
        let envelope = Envelope {
            reverse_path: reverse_path.clone(),
            recipients: Vec::new(),
            eight_bit: mail.eight_bit,
            smtputf8: mail.smtputf8,
            ret_full: mail.ret_full,
            envid: mail.envid,
        };
        self.transaction = Some(Box::new(Transaction {
            envelope,
            ..Transaction::default()
        }));
        let call = Call::Sender {
            access: self.access.clone(),
            reverse_path,
            size: mail.size,
        };
        self.ask(Asked::Sender, call, turn.out);
    }

    pub(super) fn rcpt(&mut self, turn: &mut Turn<'_>) {
        let max = self.recipients_max();
        let Some(transaction) = self.transaction.as_mut() else {
            return;
        };
        if transaction.body.is_some() || transaction.failed {
            return self.fail(turn.now, "503 5.5.1 Not after BDAT", turn.out);
        }
        transaction.rcpts += 1;
        if transaction.rcpts > max.saturating_add(SURPLUS_MAX) {
            self.count(Metric::TooManyErrors);
            return self.bye("4.7.0", "Too many recipients", turn.out);
        }
        let utf8 = transaction.envelope.smtputf8;
        let rcpt = match command::rcpt(turn.args, utf8, &self.opening.shared.host) {
            Ok(rcpt) => rcpt,
            Err(error) => return self.fail(turn.now, reply::syntax(error, false), turn.out),
        };
        if transaction.envelope.recipients.len() >= max {
            // RFC 5321 section 4.5.3.1.10: the client sends the rest in another transaction;
            // it may have pipelined many more already.
            self.count(Metric::RateLimited);
            return self.say("452 4.5.3 Too many recipients", turn.out);
        }
        let address = rcpt.address.to_string();
        let envelope = &transaction.envelope;
        if envelope.recipients.iter().any(|r| r.address == address) {
            return self.say("250 2.1.5 Ok", turn.out);
        }
        let recipient = Recipient {
            address: address.clone(),
            inbox: None,
            notify: rcpt.notify,
            orcpt: rcpt.orcpt,
        };
        let call = Call::Recipient {
            access: self.access.clone(),
            address,
        };
        self.ask(Asked::Recipient(Box::new(recipient)), call, turn.out);
    }

    pub(super) fn data(&mut self, turn: &mut Turn<'_>) {
        let Some(transaction) = &self.transaction else {
            return;
        };
        if transaction.body.is_some() || transaction.failed {
            return self.fail(turn.now, "503 5.5.1 Not after BDAT", turn.out);
        }
        if transaction.envelope.recipients.is_empty() {
            return self.fail(turn.now, NO_RECIPIENTS, turn.out);
        }
        if turn.behind {
            // RFC 2920 section 3.1: DATA ends a group. Who does not wait for 354 does not
            // listen, and may be a web browser.
            self.count(Metric::SyntaxErrors);
            return self.end("503 5.5.1 You did not wait for 354", turn.out);
        }
        self.say("354 End data with <CR><LF>.<CR><LF>", turn.out);
        self.pace = Pace::begin(turn.now);
        self.enter(State::Text(Box::new(self.body())));
    }

    fn body(&self) -> Body {
        let limits = self.limits();
        let bound = Bound {
            octets: limits.message_bytes,
            line: limits.smtp_text_line_bytes,
        };
        Body::new(bound, &self.opening.shared.intake)
    }

    /// Octets behind DATA.
    pub(super) fn text(&mut self, now: Now, bytes: &[u8], out: &mut Output) -> usize {
        let State::Text(body) = &mut self.state else {
            return 0;
        };
        let room = body.patience().min(bytes.len());
        let part = bytes.get(..room).unwrap_or_default();
        let end = body.unstuff(part);
        let over = body.patience() == 0;
        self.pace.hear(now, part.len());
        let Some(used) = end else {
            if over {
                self.count(Metric::RejectedSize);
                let text = reply::fault(Fault::Size, self.limits().message_bytes).text;
                self.end(&text, out);
            }
            return part.len();
        };
        if let State::Text(body) = core::mem::replace(&mut self.state, State::Command) {
            self.await_command(now);
            self.finish(now, *body, out);
        }
        used
    }

    pub(super) fn bdat(&mut self, turn: &mut Turn<'_>) {
        self.begin_chunk(turn, None);
    }

    /// A chunk follows whether it is welcome or not, so its length is read before anything
    /// else is asked; when that fails nobody knows where commands begin again.
    pub(super) fn begin_chunk(&mut self, turn: &mut Turn<'_>, refusal: Option<&'static str>) {
        let Ok(chunk) = command::bdat(turn.args) else {
            self.count(Metric::SyntaxErrors);
            return self.end("501 5.5.4 Wrong arguments", turn.out);
        };
        let max = self.limits().message_bytes;
        let size = usize::try_from(chunk.size).ok().filter(|size| *size <= max);
        let Some(size) = size else {
            self.count(Metric::RejectedSize);
            let text = reply::fault(Fault::Size, max).text;
            return self.end(&text, turn.out);
        };
        // An empty chunk brings a message no nearer to its end.
        if size == 0 && !chunk.last && self.is_junk(turn.out) {
            return;
        }
        let mut refusal = refusal;
        // The pace is the message's, not the chunk's.
        let mut pace = Pace::begin(turn.now);
        if refusal.is_none()
            && let Some(transaction) = &self.transaction
        {
            if transaction.failed {
                refusal = Some("503 5.5.1 RSET first");
            } else if transaction.envelope.recipients.is_empty() {
                refusal = Some(NO_RECIPIENTS);
            } else if transaction.body.is_none() {
                let body = Some(Box::new(self.body()));
                if let Some(transaction) = self.transaction.as_mut() {
                    transaction.body = body;
                }
            } else {
                pace = self.pace;
                pace.hear(turn.now, 0);
            }
        }
        self.pace = pace;
        self.enter(State::Chunk {
            left: size,
            size: chunk.size,
            last: chunk.last,
            refusal,
        });
        if size == 0 {
            self.chunk(turn.now, &[], turn.out);
        }
    }

    /// Octets of a chunk.
    pub(super) fn chunk(&mut self, now: Now, bytes: &[u8], out: &mut Output) -> usize {
        let State::Chunk {
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
            body.take(part);
        }
        self.pace.hear(now, part.len());
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
                    self.finish(now, *body, out);
                }
            }
            (Some(fault), false) => {
                transaction.failed = true;
                transaction.body = None;
                self.faulty(now, fault, out);
            }
        }
    }

    /// The message is whole.
    fn finish(&mut self, now: Now, body: Body, out: &mut Output) {
        self.messages += 1;
        self.junk = 0;
        let Some(transaction) = self.transaction.take() else {
            return;
        };
        if let Some(fault) = body.fault() {
            return self.faulty(now, fault, out);
        }
        let envelope = transaction.envelope;
        let alone = envelope.recipients.len() == 1;
        let received = self.received(now, &envelope);
        let (octets, charge) = body.into_parts();
        log::debug!(
            "conn={} recipients={} octets={}",
            self.opening.conn.0,
            envelope.recipients.len(),
            octets.len()
        );
        let route = match self.access.clone() {
            Some(access) => Route::Submission {
                access,
                envelope,
                received,
            },
            None => Route::Inbound { envelope, received },
        };
        let intake = Box::new(Intake { route, octets });
        self.ask(
            Asked::Message { alone, charge },
            Call::Classify { intake },
            out,
        );
    }

    fn faulty(&mut self, now: Now, fault: Fault, out: &mut Output) {
        self.count(match fault {
            Fault::Memory => Metric::RejectedMemory,
            Fault::Line => Metric::TooLong,
            Fault::Size => Metric::RejectedSize,
            Fault::Stray => Metric::RejectedOctets,
        });
        let line = reply::fault(fault, self.limits().message_bytes);
        match line.close {
            true => self.end(&line.text, out),
            false if fault == Fault::Memory => self.say(&line.text, out),
            false => self.fail(now, &line.text, out),
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
    pub(super) fn answered(&mut self, now: Now, asked: Asked, reply: Reply, out: &mut Output) {
        match (asked, reply) {
            (Asked::Login, Reply::Answer(Answer::Authenticated(access))) => {
                self.logged_in(now, access, out);
            }
            (Asked::Login, Reply::Refused(refusal)) => self.login_refused(now, &refusal, out),
            (Asked::Sender, Reply::Answer(Answer::Done)) => self.say("250 2.1.0 Ok", out),
            (Asked::Sender, Reply::Refused(refusal)) => {
                self.transaction = None;
                self.refuse(now, &refusal, Moment::Sender, out);
            }
            (Asked::Recipient(recipient), Reply::Answer(Answer::Recipient { inbox })) => {
                self.accept(now, *recipient, inbox, out);
            }
            (Asked::Recipient(_), Reply::Refused(refusal)) => {
                self.refuse(now, &refusal, Moment::Recipient, out);
            }
            (Asked::Message { alone, charge }, Reply::Answer(Answer::Classified(plan))) => {
                self.deliver(plan, Asked::Message { alone, charge }, out);
            }
            (Asked::Message { alone, .. }, Reply::Refused(refusal)) => {
                self.refuse(now, &refusal, Moment::Message { alone }, out);
            }
            (Asked::Message { .. }, Reply::Written(written, receipt)) => {
                match reply::queued(&written, receipt) {
                    Some(line) => {
                        log::info!("conn={} stored=1", self.opening.conn.0);
                        out.bytes.extend_from_slice(&line);
                    }
                    None => self.strange(out),
                }
            }
            (Asked::Sender, _) => {
                self.transaction = None;
                self.strange(out);
            }
            (Asked::Login | Asked::Recipient(_) | Asked::Message { .. }, _) => self.strange(out),
        }
    }

    fn accept(&mut self, now: Now, mut to: Recipient, inbox: Option<InboxId>, out: &mut Output) {
        if inbox.is_none() && self.access.is_none() {
            // The service has refused this already; nothing else stands between us and an
            // open relay, so it is asked twice.
            return self.refuse(now, &Refusal::RelayDenied, Moment::Recipient, out);
        }
        to.inbox = inbox;
        if let Some(transaction) = self.transaction.as_mut() {
            transaction.envelope.recipients.push(to);
        }
        self.say("250 2.1.5 Ok", out);
    }

    fn deliver(&mut self, plan: Box<Plan>, asked: Asked, out: &mut Output) {
        let once = plan.idempotency_key.clone().map(|key| Once {
            key,
            fingerprint: plan.fingerprint,
            render: reply::render,
        });
        self.ask(asked, Call::Deliver { plan, once }, out);
    }

    /// Says no; the service has counted it. A client that has logged in may name as many wrong recipients as it likes;
    /// from outside they count, and wait while not a single one has been right (S17).
    fn refuse(&mut self, now: Now, refusal: &Refusal, moment: Moment, out: &mut Output) {
        let line = reply::refused(refusal, moment);
        if line.close {
            return self.end(&line.text, out);
        }
        let trusted = self.access.is_some() && moment == Moment::Recipient;
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

    /// An answer that does not fit the question.
    fn strange(&mut self, out: &mut Output) {
        log::error!(
            "conn={} a call was answered out of turn",
            self.opening.conn.0
        );
        self.say(reply::INTERNAL, out);
    }
}

const NO_RECIPIENTS: &str = "554 5.5.1 No valid recipients";
/// RCPTs beyond the limit that are answered, as Postfix does: too many of them, doubled or wrong.
const SURPLUS_MAX: usize = 1000;
/// Before this the rate of octets is nobody's business.
const GRACE_MS: u64 = 60_000;
/// RFC 5321 section 4.5.3.2.5: three minutes for a block of data.
const SILENCE_MS: u64 = 180_000;
/// A message may take ten minutes,
const WHOLE_MS: u64 = 600_000;
/// and longer when it has brought this much a second.
const WHOLE_BYTES_PER_S: u64 = 2048;
