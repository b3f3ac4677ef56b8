//! An engine and its unread bytes: what workers, tests and fuzzers all drive.
//!
//! Keeps three rules so that no engine can break them. One call at a time: while a call is
//! out no bytes are fed. High water: over 64 KiB of unsent output no bytes are fed. Nothing
//! unread is kept unless it must be: bytes used straight from the caller's buffer are never
//! copied, and an idle session holds no buffer.

use crate::call::{Event, Listener, Now, Opening, Reply};
use crate::engine::{HIGH_WATER, Input, Output, Trust};
use crate::{http, imap, smtp};

/// Every protocol. Boxed: a connection costs what its own protocol needs.
#[derive(Debug)]
enum Engine {
    Smtp(Box<smtp::Server>),
    Imap(Box<imap::Server>),
    Http(Box<http::Server>),
}

/// One conversation.
#[derive(Debug)]
pub struct Session {
    engine: Engine,
    unread: Vec<u8>,
    /// How much of `unread` the engine has used already.
    used: usize,
    call_out: bool,
    /// The engine wants no bytes for now ([`Output::hold`]).
    held: bool,
    closing: bool,
    tls_wanted: bool,
    eof: Eof,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Eof {
    No,
    /// The peer is done, the engine has unread bytes in front of it.
    Pending,
    Told,
}

impl Session {
    /// A new conversation; [`Session::open`] starts it.
    pub fn new(opening: Opening) -> Self {
        let engine = match opening.listener {
            Listener::Mx | Listener::Submission | Listener::Submissions => {
                Engine::Smtp(Box::new(smtp::Server::new(opening)))
            }
            Listener::Imap | Listener::Imaps => Engine::Imap(Box::new(imap::Server::new(opening))),
            Listener::Http | Listener::Https => Engine::Http(Box::new(http::Server::new(opening))),
        };
        Session {
            engine,
            unread: Vec::new(),
            used: 0,
            call_out: false,
            held: false,
            closing: false,
            tls_wanted: false,
            eof: Eof::No,
        }
    }

    /// Connected (and TLS is up where it is implicit), or TLS is up after STARTTLS.
    pub fn open(&mut self, now: Now, out: &mut Output) {
        if self.tls_wanted {
            // RFC 3207 section 4.2: whatever came in clear is forgotten.
            self.tls_wanted = false;
            self.unread = Vec::new();
            self.used = 0;
        }
        self.tell(now, Input::Open, out);
        self.feed_kept(now, out);
    }

    /// Bytes from the peer.
    pub fn receive(&mut self, now: Now, bytes: &[u8], out: &mut Output) {
        if self.unread.is_empty() {
            let used = self.feed(now, bytes, out);
            if !self.closing {
                self.unread.extend_from_slice(&bytes[used..]);
            }
        } else {
            self.unread.extend_from_slice(bytes);
            self.feed_kept(now, out);
        }
    }

    /// The answer to the call that is out.
    pub fn answer(&mut self, now: Now, reply: Reply, out: &mut Output) {
        self.call_out = false;
        self.tell(now, Input::Reply(reply), out);
        self.feed_kept(now, out);
    }

    /// Something watched has changed.
    pub fn notify(&mut self, now: Now, event: &Event, out: &mut Output) {
        self.tell(now, Input::Event(event), out);
        self.feed_kept(now, out);
    }

    /// The output has been written.
    pub fn drained(&mut self, now: Now, out: &mut Output) {
        self.tell(now, Input::Drained, out);
        self.feed_kept(now, out);
    }

    /// The deadline has come.
    pub fn deadline(&mut self, now: Now, out: &mut Output) {
        self.tell(now, Input::Deadline, out);
        self.feed_kept(now, out);
    }

    /// The peer has sent its last byte.
    pub fn eof(&mut self, now: Now, out: &mut Output) {
        if self.eof == Eof::No {
            self.eof = Eof::Pending;
            self.feed_kept(now, out);
        }
    }

    /// The server stops.
    pub fn shutdown(&mut self, now: Now, out: &mut Output) {
        self.tell(now, Input::Shutdown, out);
        self.feed_kept(now, out);
    }

    /// The output has fallen below the high-water mark: goes on with what was kept.
    pub fn resume(&mut self, now: Now, out: &mut Output) {
        self.feed_kept(now, out);
    }

    /// Whether more input would be taken now. `pending` is the unsent output in bytes. A
    /// worker that reads nothing while this is `false` gives the peer backpressure.
    pub fn wants_read(&self, pending: usize) -> bool {
        !self.call_out && !self.held && !self.closing && !self.tls_wanted && pending <= HIGH_WATER
    }

    /// Whether a call is out.
    pub fn is_waiting(&self) -> bool {
        self.call_out
    }

    /// Who is there.
    pub fn trust(&self) -> Trust {
        match &self.engine {
            _ if self.call_out => Trust::Known,
            Engine::Smtp(engine) => engine.trust(),
            Engine::Imap(engine) => engine.trust(),
            Engine::Http(engine) => engine.trust(),
        }
    }

    /// Bytes kept for later.
    pub fn unread(&self) -> usize {
        self.unread.len() - self.used
    }

    fn feed_kept(&mut self, now: Now, out: &mut Output) {
        if self.used < self.unread.len() {
            let kept = core::mem::take(&mut self.unread);
            let from = self.used;
            let used = from + self.feed(now, &kept[from..], out);
            self.unread = kept;
            self.used = used;
            if self.closing || used == self.unread.len() {
                self.unread = Vec::new();
                self.used = 0;
            } else if used > self.unread.len() / 2 {
                self.unread.drain(..used);
                self.used = 0;
            }
        }
        if self.eof == Eof::Pending && self.wants_read(out.bytes.len()) {
            self.eof = Eof::Told;
            self.tell(now, Input::Eof, out);
        }
    }

    fn feed(&mut self, now: Now, bytes: &[u8], out: &mut Output) -> usize {
        let mut at = 0;
        while at < bytes.len() && self.wants_read(out.bytes.len()) {
            let used = self.tell(now, Input::Bytes(&bytes[at..]), out);
            debug_assert!(used <= bytes.len() - at);
            if used == 0 {
                break;
            }
            at += used.min(bytes.len() - at);
        }
        at
    }

    fn tell(&mut self, now: Now, input: Input<'_>, out: &mut Output) -> usize {
        if self.closing {
            return 0;
        }
        // A batch of events comes with one `out`: the call of the first of them is still in it.
        let asked = out.call.take();
        let used = match &mut self.engine {
            Engine::Smtp(engine) => engine.handle(now, input, out),
            Engine::Imap(engine) => engine.handle(now, input, out),
            Engine::Http(engine) => engine.handle(now, input, out),
        };
        debug_assert!(!(self.call_out && out.call.is_some()), "one call at a time");
        out.call = out.call.take().or(asked);
        self.call_out |= out.call.is_some();
        self.held = out.hold.take().unwrap_or(self.held);
        self.closing |= out.close;
        self.tls_wanted |= out.start_tls;
        used
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use super::*;
    use crate::call::{
        Access, Answer, Bulk, Call, Change, ConnId, Grant, InboxId, InboxPath, KeyId, Limits,
        MailboxId, MailboxRow, OrgId, PublicEndpoints, Scopes, Selected, Shared, UidSet,
    };

    const NOW: Now = Now {
        mono_ms: 5_000,
        unix_ms: 0,
    };

    fn idling() -> Session {
        let shared = Shared::new("mx.test", Limits::default(), PublicEndpoints::default());
        let mut session = Session::new(Opening {
            conn: ConnId(9),
            peer: "10.0.0.1:1".parse().unwrap(),
            listener: Listener::Imaps,
            seed: 1,
            shared: Arc::new(shared),
        });
        let grant = Grant {
            org: OrgId(1),
            key: KeyId(1),
            scopes: Scopes::MESSAGES_READ,
            inboxes: None,
            inbox: Some(InboxId(1)),
            address: String::new(),
            expires_at: None,
        };
        let selected = Selected {
            mailbox: MailboxRow {
                id: MailboxId(7),
                name: "box".into(),
                special: None,
                subscribed: false,
                uidvalidity: 1,
                uidnext: 4,
                counts: None,
            },
            uids: UidSet::from(1..=3),
            recent_above: 3,
            first_unseen: None,
            keywords: Vec::new(),
            highest_modseq: 10,
            as_of: 10,
        };
        let say = |session: &mut Session, text: &[u8]| {
            session.receive(NOW, text, &mut Output::default());
        };
        let answer = |session: &mut Session, answer: Answer| {
            session.answer(NOW, Reply::Answer(answer), &mut Output::default());
        };
        session.open(NOW, &mut Output::default());
        say(&mut session, b"1 LOGIN a b\r\n");
        answer(&mut session, Answer::Authenticated(Access(Arc::new(grant))));
        say(&mut session, b"2 SELECT box\r\n");
        answer(&mut session, Answer::Selected(Box::new(selected)));
        say(&mut session, b"3 IDLE\r\n");
        session
    }

    /// As a worker does it: one `Output` for all events of a commit that reach a session.
    #[test]
    fn a_batch_of_events_makes_one_call() {
        let mut session = idling();
        session.drained(NOW, &mut Output::default());
        let mut out = Output::default();
        for seq in 11..14 {
            let event = Event {
                org: OrgId(1),
                seq,
                at: 0,
                inbox: Some(Arc::new(InboxPath {
                    id: InboxId(1),
                    address: String::new(),
                    ancestors: Vec::new(),
                })),
                mailbox: Some(MailboxId(7)),
                uids: UidSet::one(1),
                change: Change::Flagged(Bulk {
                    messages: Vec::new(),
                    count: 1,
                    folder: String::new(),
                }),
                origin: ConnId(3),
            };
            session.notify(NOW, &event, &mut out);
        }
        assert!(matches!(out.call, Some(Call::Fetch { .. })));
        assert!(session.is_waiting());
    }
}
