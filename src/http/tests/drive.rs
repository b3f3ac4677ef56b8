//! Drives the HTTP engine in unit tests: no product, no socket, virtual time. Calls are
//! answered by a function; the key `good` has the scopes that the test says.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use core::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::call::{
    Access, Answer, Call, Change, ConnId, Event, Grant, InboxId, KeyId, Limits, Listener, Now,
    Opening, OrgId, PublicEndpoints, Refusal, Reply, Scopes, Shared, Topic, UidSet,
};
use crate::engine::{Input, Output};
use crate::http::Server;

/// A session without a product: calls are answered by a function.
pub(crate) struct Drive {
    server: Server,
    now: Now,
    unread: Vec<u8>,
    pub said: Vec<u8>,
    pub calls: Vec<Call>,
    pub watch: Vec<Topic>,
    deadline: Option<Now>,
    held: bool,
    pub reads: bool,
    more: bool,
    pub closed: bool,
    pub scopes: Scopes,
    pub answer: fn(&Call) -> Reply,
    /// What the next login is answered with, whatever its key.
    pub login: Option<Reply>,
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
            server: Server::new(opening),
            now: Now {
                mono_ms: 1_000_000,
                unix_ms: 1_767_225_600_000,
            },
            unread: Vec::new(),
            said: Vec::new(),
            calls: Vec::new(),
            watch: Vec::new(),
            deadline: None,
            held: false,
            reads: true,
            more: false,
            closed: false,
            scopes: Scopes::ADMIN,
            answer: |_| Reply::Refused(Refusal::Internal),
            login: None,
        };
        drive.tell(Input::Open);
        drive
    }

    pub fn tell(&mut self, input: Input<'_>) -> usize {
        if self.closed {
            return 0;
        }
        let mut out = Output::default();
        let used = self.server.handle(self.now, input, &mut out);
        self.said.append(&mut out.bytes);
        self.closed |= out.close;
        self.more |= out.more;
        self.held = out.hold.unwrap_or(self.held);
        self.deadline = out.deadline.unwrap_or(self.deadline);
        if let Some(watch) = out.watch {
            self.watch = watch;
        }
        if let Some(call) = out.call.take() {
            let reply = match &call {
                Call::Authenticate { .. } if self.login.is_some() => self
                    .login
                    .take()
                    .unwrap_or(Reply::Refused(Refusal::Internal)),
                Call::Authenticate { secret, .. } if secret.expose() == b"good" => {
                    Reply::Answer(Answer::Authenticated(access(self.scopes)))
                }
                Call::Authenticate { .. } => {
                    Reply::Refused(Refusal::BadCredentials { delay_ms: 0 })
                }
                Call::Stranger => Reply::Answer(Answer::Done),
                call => (self.answer)(call),
            };
            self.calls.push(call);
            self.tell(Input::Reply(reply));
        }
        used
    }

    pub fn settle(&mut self) {
        loop {
            if self.reads && core::mem::take(&mut self.more) {
                self.tell(Input::Drained);
                continue;
            }
            if self.held || self.closed || self.unread.is_empty() {
                return;
            }
            let kept = core::mem::take(&mut self.unread);
            let used = self.tell(Input::Bytes(&kept));
            self.unread = kept[used..].to_vec();
            if used == 0 && !self.more {
                return;
            }
        }
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
            self.tell(Input::Deadline);
            self.settle();
        }
        self.now = end;
        self
    }

    pub fn event(&mut self, seq: u64, change: Change) {
        let event = event(seq, change);
        if event.topics().any(|topic| self.watch.contains(&topic)) {
            self.tell(Input::Event(&event));
            self.settle();
        }
    }

    pub fn take(&mut self) -> String {
        String::from_utf8(core::mem::take(&mut self.said)).unwrap()
    }
}

fn access(scopes: Scopes) -> Access {
    Access(Arc::new(Grant {
        org: OrgId(1),
        key: KeyId(1),
        scopes,
        inboxes: None,
        inbox: None,
        address: String::new(),
        expires_at: None,
    }))
}

pub(crate) fn event(seq: u64, change: Change) -> Event {
    Event {
        org: OrgId(1),
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
        origin: ConnId(0),
    }
}
