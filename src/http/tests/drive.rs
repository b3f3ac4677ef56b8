//! Drives the HTTP engine in unit tests: no product, no socket, virtual time. Calls are
//! answered by a function; the key `good` has the scopes that the test says.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use core::convert::Infallible;
use core::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::call::{
    Access, Answer, Ask, Call, Caller, Change, ConnId, Event, Grant, InboxId, KeyId, Limits,
    Listener, Look, Now, Opening, OrgId, PublicEndpoints, Refusal, Reply, Scopes, Shared, Topic,
    UidSet,
};
use crate::engine::drive::{Driver, Environment, Settled};
use crate::engine::{Output, Session};
use crate::protocol::Protocol;

/// A session without a product: calls are answered by a function.
pub(crate) struct Drive {
    /// Taken out while it is being touched.
    driver: Option<Driver<Protocol>>,
    now: Now,
    /// Sent by the client and not yet read.
    unread: Vec<u8>,
    pub said: Vec<u8>,
    pub calls: Vec<Call>,
    pub watch: Vec<Topic>,
    deadline: Option<Now>,
    pub reads: bool,
    /// Octets that the client still takes.
    pub room: usize,
    pub closed: bool,
    pub scopes: Scopes,
    /// The key is bound to an inbox.
    pub bound: bool,
    pub answer: fn(&Call) -> Reply,
    /// The answer to the next login, for any key.
    pub login: Option<Reply>,
    /// The call that is out.
    asked: Option<Call>,
}

impl Environment for Drive {
    type Failure = Infallible;

    fn now(&self) -> Now {
        self.now
    }

    fn watch(&mut self, topics: Vec<Topic>) -> Vec<Event> {
        self.watch = topics;
        Vec::new()
    }

    fn submit(&mut self, ask: Ask) {
        self.asked = Some(ask.call);
    }

    fn set_deadline(&mut self, at: Option<Now>) {
        self.deadline = at;
    }

    fn send(&mut self, bytes: &mut Vec<u8>) -> Result<bool, Infallible> {
        if self.reads {
            let taken = bytes.len().min(self.room);
            self.room -= taken;
            self.said.extend(bytes.drain(..taken));
        }
        Ok(bytes.is_empty())
    }

    fn is_readable(&self) -> bool {
        !self.unread.is_empty()
    }

    fn read(&mut self, take: &mut dyn FnMut(&[u8])) -> Result<bool, Infallible> {
        take(&core::mem::take(&mut self.unread));
        Ok(false)
    }

    fn begin_tls(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    fn close(&mut self) -> Result<(), Infallible> {
        self.closed = true;
        Ok(())
    }
}

impl Drive {
    pub fn new(limits: Limits) -> Drive {
        Drive::from(limits, IpAddr::from([10, 0, 0, 1]))
    }

    pub fn from(limits: Limits, peer: IpAddr) -> Drive {
        let shared = Arc::new(Shared::new("mx.test", limits, PublicEndpoints::default()));
        let opening = Opening {
            conn: ConnId(1),
            peer: SocketAddr::new(peer, 40_000),
            listener: Listener::Https,
            seed: 7,
            shared,
        };
        let mut drive = Drive {
            driver: Some(Driver::new(Protocol::serve(opening))),
            now: Now {
                mono_ms: 1_000_000,
                unix_ms: 1_767_225_600_000,
            },
            unread: Vec::new(),
            said: Vec::new(),
            calls: Vec::new(),
            watch: Vec::new(),
            deadline: None,
            reads: true,
            room: usize::MAX,
            closed: false,
            scopes: Scopes::ADMIN,
            bound: false,
            answer: |_| Reply::Refused(Refusal::Internal),
            login: None,
            asked: None,
        };
        drive.touch(&mut Session::open);
        drive
    }

    fn touch(&mut self, act: &mut dyn FnMut(&mut Session<Protocol>, Now, &mut Output)) {
        if self.closed {
            return;
        }
        let mut driver = self.driver.take().unwrap();
        let Ok(mut settled) = driver.touch(self, act);
        loop {
            let reply = match self.asked.take() {
                Some(call) => Some(self.reply(call)),
                None if settled == Settled::Again => None,
                None => break,
            };
            let Ok(next) = driver.touch(self, |session, now, out| {
                if let Some(reply) = reply {
                    session.answer(now, reply, out);
                }
            });
            settled = next;
        }
        self.driver = Some(driver);
    }

    fn reply(&mut self, call: Call) -> Reply {
        let reply = match &call {
            Call::Look(Look::Authenticate { .. }) if self.login.is_some() => self
                .login
                .take()
                .unwrap_or(Reply::Refused(Refusal::Internal)),
            Call::Look(Look::Authenticate { secret, .. }) if secret.expose() == b"good" => {
                let mut access = access(self.scopes);
                if self.bound {
                    let inboxes = Some(vec![InboxId(1)]);
                    let grant = Grant {
                        inboxes,
                        ..(*access).clone()
                    };
                    access = Access(Arc::new(grant));
                }
                Reply::Answer(Answer::Authenticated(Caller::Key(access)))
            }
            Call::Look(Look::Authenticate { .. }) => Reply::Refused(Refusal::UNKNOWN_KEY),
            call => (self.answer)(call),
        };
        self.calls.push(call);
        reply
    }

    pub fn settle(&mut self) {
        self.touch(&mut |_, _, _| ());
    }

    pub fn shutdown(&mut self) {
        self.touch(&mut Session::shutdown);
    }

    /// Bytes that the client has not read.
    pub fn unsent_bytes(&self) -> usize {
        self.driver.as_ref().unwrap().unsent_bytes()
    }

    pub fn send(&mut self, bytes: &[u8], cut: usize) -> &mut Self {
        for part in bytes.chunks(cut.max(1)) {
            if !self.closed {
                self.unread.extend_from_slice(part);
                self.settle();
            }
        }
        self
    }

    pub fn wait(&mut self, ms: u64) -> &mut Self {
        let end = self.now.plus_ms(ms);
        while let Some(due) = self.deadline.filter(|due| *due <= end && !self.closed) {
            self.now = due;
            self.deadline = None;
            self.touch(&mut Session::deadline);
        }
        self.now = end;
        self
    }

    pub fn event(&mut self, seq: u64, change: Change) {
        let event = event(seq, change);
        if event.topics().any(|topic| self.watch.contains(&topic)) {
            self.touch(&mut |session, now, out| session.notify(now, &event, out));
        }
    }

    pub fn take(&mut self) -> String {
        String::from_utf8(core::mem::take(&mut self.said)).unwrap()
    }
}

pub(crate) fn access(scopes: Scopes) -> Access {
    Access(Arc::new(Grant {
        org: OrgId(1),
        key: Some(KeyId(1)),
        scopes,
        inboxes: None,
        subtree: false,
        inbox: None,
        address: String::new(),
        expires_at: None,
    }))
}

pub(crate) fn event(seq: u64, change: Change) -> Event {
    Event {
        org: OrgId(1),
        depth: 0,
        seq,
        at: 1_767_225_600_000,
        inbox: Some(Arc::new(crate::call::InboxPath {
            id: InboxId(5),
            address: "a@x.test".into(),
            ancestors: Vec::new(),
        })),
        mailbox: None,
        uids: UidSet::new(),
        change,
        origin: None,
    }
}
