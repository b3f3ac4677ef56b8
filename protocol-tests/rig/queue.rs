//! The queue of the product in a virtual world: its connections to other servers, in virtual time.
//!
//! A server at an address plays itself where a test has said how (`Manner`). The connections to
//! all other addresses wait in [`Rig::dialled`] until the test takes them and plays the server.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use postern::testing::call::{
    self, Call, ConnId, NextTransaction, Now, OutboundDial, OutboundDialer, OutboundRead,
    OutboundTlsPolicy, OutboundWrite, PIECE_MAX, Read, Reply, Request, Write, Written,
};
use postern::testing::engine::DialError;
use postern::testing::mail::write::seven_bit::{NarrowForm, narrow};

use super::{Conn, Rig, Told, at};

/// What a server does with all its connections.
#[derive(Clone, Debug)]
pub enum Manner {
    /// It does not accept them.
    Refuses,
    /// It never answers.
    IsSilent,
    /// The connection is lost before a greeting.
    Resets,
    /// It greets with this reply.
    Greets(String),
    /// It takes transactions; these replies stand in place of 250.
    Serves(Vec<(Stage, Answer)>),
}

/// A command of a transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    Mail,
    Rcpt,
    Data,
    /// The end of the message.
    End,
}

/// What a server does in place of 250.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// It says this line.
    Says(String),
    /// The connection is lost.
    IsLost,
    /// It takes what came, and the connection is lost before the reply.
    TakesAndIsLost,
}

/// The part of a server that plays itself on one connection.
#[derive(Debug, Default)]
pub struct Playing {
    has_greeted: bool,
    is_in_data: bool,
    recipient: String,
    path: String,
    unread: Vec<u8>,
}

/// A message that a server which plays itself has taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TakenMessage {
    pub address: IpAddr,
    pub path: String,
    pub recipient: String,
    /// As it came, without the dots of the transport.
    pub octets: Vec<u8>,
}

/// The connections that the queue asks for.
#[derive(Clone, Debug, Default)]
pub struct Dials(Arc<Mutex<Vec<OutboundDial>>>);

impl OutboundDialer for Dials {
    fn dial(&self, dial: OutboundDial) {
        self.0.lock().unwrap().push(dial);
    }
}

/// The queue of a rig, and the servers that it sends to.
#[derive(Debug, Default)]
pub struct Queue {
    pub dials: Dials,
    pub hosts: BTreeMap<IpAddr, Manner>,
    /// What hosts that play themselves have taken, oldest first.
    pub taken: Vec<TakenMessage>,
    /// Connections that no test plays yet: their number, host and TLS.
    pub dialled: VecDeque<(u64, OutboundDial)>,
    /// When the queue does something next, monotonic milliseconds.
    pub next_ms: Option<u64>,
    /// How many connections were asked for.
    pub dial_count: usize,
}

impl Rig {
    /// Lets the queue do what is due. `false`: there is nothing.
    pub(super) fn run_queue(&mut self) -> bool {
        let Some(dials) = self.queue.as_ref().map(|queue| queue.dials.clone()) else {
            return false;
        };
        let (turn, events) = self.product.run_outbound();
        let now = self.now().mono_ms;
        let dials = core::mem::take(&mut *dials.0.lock().unwrap());
        let is_busy = !turn.replies.is_empty()
            || !dials.is_empty()
            || !events.is_empty()
            || turn.next_ms == Some(0);
        if let Some(queue) = &mut self.queue {
            queue.next_ms = turn.next_ms.map(|ms| now.saturating_add(ms));
            queue.dial_count += dials.len();
        }
        self.publish(&events);
        for (ConnId(id), reply) in turn.replies {
            self.touch(id, &mut |s, now, out| s.answer(now, reply.clone(), out));
        }
        for dial in dials {
            self.begin_dial(dial);
        }
        is_busy
    }

    /// The queue wants a connection.
    fn begin_dial(&mut self, dial: OutboundDial) {
        let id = self.prepare_dial(dial.clone(), false);
        let until = self.now().mono_ms.saturating_add(dial.timeouts.connect_ms);
        let Some(queue) = &mut self.queue else { return };
        let manner = queue.hosts.get(&dial.address.ip()).cloned();
        let is_tls = dial.tls == OutboundTlsPolicy::ImplicitVerified;
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.end.deadline = Some(at(until));
            if let Some(remote) = conn.end.remote.as_deref_mut() {
                remote.is_connecting = true;
                let is_played = matches!(manner, Some(Manner::Greets(_) | Manner::Serves(_)));
                remote.playing = is_played.then(Playing::default);
            }
        }
        match manner {
            None => queue.dialled.push_back((id, dial)),
            Some(Manner::Refuses) => self.end_dial(id, DialError::Refused),
            Some(Manner::Resets) => {
                self.end_dial(id, DialError::Lost("connection reset".into()));
            }
            Some(Manner::IsSilent) => {}
            Some(Manner::Greets(_) | Manner::Serves(_)) => self.begin_remote(id, is_tls),
        }
    }

    fn end_dial(&mut self, id: u64, error: DialError) {
        self.is_connected(id);
        self.touch(id, &mut |s, now, out| s.fail(now, error.clone(), out));
    }

    /// The deadline of a connection has come. `true`: it was about making it.
    pub(super) fn dial_is_over(&mut self, id: u64) -> bool {
        let is_over = self.remote(id).is_some_and(|remote| remote.is_connecting);
        if is_over {
            if let Some(queue) = &mut self.queue {
                queue.dialled.retain(|(other, _)| *other != id);
            }
            self.end_dial(id, DialError::TimedOut);
        }
        is_over
    }

    /// One step of the servers that play themselves. `false`: none has anything to say.
    pub(super) fn play_hosts(&mut self) -> bool {
        let has_work = |conn: &Conn| {
            let remote = conn.end.remote.as_deref().filter(|_| !conn.end.closed);
            remote.is_some_and(|remote| {
                let playing = remote.playing.as_ref().filter(|_| !remote.is_connecting);
                playing.is_some_and(|playing| !playing.has_greeted || !conn.end.received.is_empty())
            })
        };
        let id = (self.conns.iter()).find_map(|(id, conn)| has_work(conn).then_some(*id));
        let Some(id) = id else { return false };
        let (Some(queue), Some(conn)) = (&mut self.queue, self.conns.get_mut(&id)) else {
            return false;
        };
        let address = conn.peer.ip();
        let end = &mut conn.end;
        let Some(playing) = end.remote.as_deref_mut().and_then(|r| r.playing.as_mut()) else {
            return false;
        };
        playing.unread.append(&mut end.received);
        let manner = queue.hosts.get(&address).cloned();
        let mut said = Vec::new();
        let is_lost = playing.play(manner.as_ref(), address, &mut said, &mut queue.taken);
        end.unsent.extend(said);
        self.touch(id, &mut |_, _, _| ());
        if is_lost {
            self.end_dial(id, DialError::Lost("connection reset".into()));
        }
        true
    }

    /// How many messages a server that plays itself has taken.
    pub fn taken_by(&self, address: IpAddr) -> usize {
        let queue = self.queue.iter();
        let taken = queue.flat_map(|queue| &queue.taken);
        taken.filter(|taken| taken.address == address).count()
    }
}

impl Playing {
    /// Answers what has come. `true`: the connection is lost.
    fn play(
        &mut self,
        manner: Option<&Manner>,
        address: IpAddr,
        said: &mut Vec<u8>,
        taken: &mut Vec<TakenMessage>,
    ) -> bool {
        let mut say = |text: &str| {
            said.extend_from_slice(text.as_bytes());
            said.extend_from_slice(b"\r\n");
        };
        if !std::mem::replace(&mut self.has_greeted, true) {
            match manner {
                Some(Manner::Greets(text)) => say(text),
                _ => say("220 host.test ESMTP"),
            }
        }
        let nothing = Vec::new();
        let answers = match manner {
            Some(Manner::Serves(answers)) => answers,
            _ => &nothing,
        };
        let find = |stage| {
            let of_stage = |(other, _): &&(Stage, Answer)| *other == stage;
            answers.iter().find(of_stage).map(|(_, answer)| answer)
        };
        loop {
            let (stage, octets, mut reply) = if self.is_in_data {
                let Some(octets) = take_message(&mut self.unread) else {
                    return false;
                };
                self.is_in_data = false;
                (Some(Stage::End), octets, "250 2.0.0 Taken")
            } else {
                let Some(end) = self.unread.iter().position(|octet| *octet == b'\n') else {
                    return false;
                };
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                let line = String::from_utf8_lossy(&line).trim_end().to_owned();
                let angled = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                let (stage, reply) = match line.split([' ', ':']).next().unwrap_or_default() {
                    "EHLO" => (None, "250-host.test\r\n250-PIPELINING\r\n250 8BITMIME"),
                    "MAIL" => {
                        self.path = angled;
                        (Some(Stage::Mail), "250 2.1.0 Ok")
                    }
                    "RCPT" => {
                        self.recipient = angled;
                        (Some(Stage::Rcpt), "250 2.1.5 Ok")
                    }
                    "DATA" => (Some(Stage::Data), "354 go"),
                    "RSET" => (None, "250 2.0.0 Ok"),
                    "QUIT" => (None, "221 2.0.0 Bye"),
                    other => panic!("the engine said {other}"),
                };
                (stage, Vec::new(), reply)
            };
            let answer = stage.and_then(find);
            if let Some(Answer::Says(text)) = answer {
                reply = text;
            }
            let is_taken = reply.starts_with('2') && answer != Some(&Answer::IsLost);
            if stage == Some(Stage::End) && is_taken {
                taken.push(TakenMessage {
                    address,
                    path: self.path.clone(),
                    recipient: self.recipient.clone(),
                    octets,
                });
            }
            if matches!(answer, Some(Answer::IsLost | Answer::TakesAndIsLost)) {
                return true;
            }
            self.is_in_data = stage == Some(Stage::Data) && reply.starts_with('3');
            say(reply);
        }
    }
}

/// Takes a message up to its dot from what has come (RFC 5321 section 4.5.2). Nothing but CRLF may
/// end a line.
fn take_message(unread: &mut Vec<u8>) -> Option<Vec<u8>> {
    let end = match unread.starts_with(b".\r\n") {
        true => 0,
        false => {
            2 + unread
                .windows(5)
                .position(|octets| octets == b"\r\n.\r\n")?
        }
    };
    let rest = unread.split_off(end + 3);
    let mut message = std::mem::replace(unread, rest);
    message.truncate(end);
    let mut octets = Vec::new();
    for line in message.split_inclusive(|octet| *octet == b'\n') {
        let line = line.strip_prefix(b".").unwrap_or(line);
        let text = line.strip_suffix(b"\r\n").expect("a line ends in CRLF");
        assert!(!text.contains(&b'\r'), "a bare CR leaves this server");
        octets.extend_from_slice(line);
    }
    Some(octets)
}

impl Rig {
    /// When the queue does something next, if that is not after `end`.
    pub(super) fn queue_due(&self, end: u64) -> Option<u64> {
        let next = self.queue.as_ref().and_then(|queue| queue.next_ms);
        next.filter(|at| *at <= end)
    }

    /// A connection is there, or could not be made.
    pub(super) fn is_connected(&mut self, id: u64) {
        let Some(conn) = self.conns.get_mut(&id) else {
            return;
        };
        if let Some(remote) = conn.end.remote.as_deref_mut()
            && std::mem::replace(&mut remote.is_connecting, false)
        {
            conn.end.deadline = None::<Now>;
        }
    }
}

impl Rig {
    /// Answers the calls of an outgoing connection in place of the queue. Gives back a call that
    /// is for the service.
    pub(super) fn play_queue(&mut self, id: u64, request: Request) -> Option<Request> {
        let call = request.call.clone();
        let remote = self.remote(id)?;
        let reply = match call {
            Call::Read(Read::Outbound(OutboundRead::Piece {
                conversion, offset, ..
            })) => {
                let form = match (conversion.seven_bit, conversion.encoded_header) {
                    (true, _) => Some(NarrowForm::SevenBit),
                    (_, true) => Some(NarrowForm::AsciiHeader),
                    _ => None,
                };
                let octets = form.map_or(remote.octets.clone(), |f| narrow(&remote.octets, f));
                let rest = octets.get(offset as usize..).unwrap_or_default();
                let piece = &rest[..rest.len().min(PIECE_MAX)];
                Reply::Answer(call::Answer::Octets(piece.to_vec()))
            }
            Call::Write(Write::Outbound(call)) => {
                let next = match call {
                    OutboundWrite::Lost { loss, .. } => {
                        remote.told.push_back(Told::Lost(loss));
                        None
                    }
                    OutboundWrite::Next {
                        report, is_last, ..
                    } => {
                        remote.told.extend(report.map(Told::Report));
                        let order = match is_last {
                            true => None,
                            false => remote.orders.pop_front(),
                        };
                        if order.is_none() && remote.is_held && !is_last {
                            let mut again = request;
                            if let Call::Write(Write::Outbound(OutboundWrite::Next {
                                report,
                                ..
                            })) = &mut again.call
                            {
                                *report = None;
                            }
                            remote.waiting = Some(again);
                            return None;
                        }
                        order
                    }
                    OutboundWrite::Wake
                    | OutboundWrite::Retry { .. }
                    | OutboundWrite::Cancel { .. } => return Some(request),
                };
                let next = match next {
                    Some((order, octets)) => {
                        remote.octets = octets;
                        NextTransaction::Send(Box::new(order))
                    }
                    None => NextTransaction::Quit,
                };
                // Only a commit makes a receipt.
                let (reply, _) = self.product.serve(request);
                match reply {
                    Some(Reply::Written(Written::Next(_), receipt)) => {
                        Reply::Written(Written::Next(next), receipt)
                    }
                    Some(reply) => reply,
                    None => return None,
                }
            }
            _ => return Some(request),
        };
        self.touch(id, &mut |s, now, out| s.answer(now, reply.clone(), out));
        None
    }
}
