//! The world in which the tests of the service begin: [`Inline`] in virtual time.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod audit;
mod domain;
mod executors;
mod group;
mod inboxes;
mod job;
mod login;
mod mail;
mod outbound;
mod policy;
mod tenant;
mod upstream;
mod verify;
mod webhook;

use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use super::executors::WorkClock;
use super::{Inline, WriteTask};
use crate::call::*;

const START: i64 = 1_700_000_000_000;

struct World {
    inline: Inline,
    clock: Arc<AtomicU64>,
    shared: Arc<Shared>,
}

fn shared(limits: Limits) -> Arc<Shared> {
    Arc::new(Shared::new("mx.test", limits, PublicEndpoints::default()))
}

impl World {
    fn new() -> World {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> World {
        let clock = Arc::new(AtomicU64::new(1000));
        let reads = Arc::clone(&clock);
        let shared = shared(limits);
        let inline = Inline::new(
            7,
            Arc::clone(&shared),
            Arc::new(move || {
                let ms = reads.load(Ordering::Relaxed);
                Now {
                    mono_ms: ms,
                    unix_ms: START + ms as i64,
                }
            }),
        )
        .unwrap();
        World {
            inline,
            clock,
            shared,
        }
    }

    fn wait(&self, ms: u64) {
        self.clock.fetch_add(ms, Ordering::Relaxed);
    }

    fn request(&self, conn: u64, peer: &str, ask: Ask) -> Request {
        Request {
            request_id: ask.request_id,
            depth: ask.depth,
            conn: Some(ConnId(conn)),
            peer: peer.parse().unwrap(),
            now: self.inline.service.now(),
            caller: ask.caller,
            call: ask.call,
        }
    }

    /// A call for the writer.
    fn task(&self, conn: u64, ask: Ask) -> WriteTask {
        let (request, call) = self.request(conn, "192.0.2.1", ask).split(());
        match call {
            Call::Write(call) => WriteTask::Call(request.split(call).0),
            other => panic!("{other:?}"),
        }
    }

    fn call(&mut self, ask: Ask) -> Reply {
        self.call_from(1, "192.0.2.1", ask).0
    }

    fn call_from(&mut self, conn: u64, peer: &str, ask: Ask) -> (Reply, Arc<[Event]>) {
        let request = self.request(conn, peer, ask);
        let (reply, events) = self.inline.serve(request);
        (reply.unwrap(), events)
    }

    fn refused(&mut self, ask: Ask) -> Refusal {
        match self.call(ask) {
            Reply::Refused(refusal) => refusal,
            other => panic!("{other:?}"),
        }
    }

    fn answer(&mut self, ask: Ask) -> Answer {
        match self.call(ask) {
            Reply::Answer(answer) => answer,
            other => panic!("{other:?}"),
        }
    }

    fn written(&mut self, ask: Ask) -> Written {
        match self.call(ask) {
            Reply::Written(written, _) => written,
            other => panic!("{other:?}"),
        }
    }

    fn login(&mut self, listener: Listener, user: Option<&str>, key: &str) -> Reply {
        self.call(Ask::anonymous(Look::Authenticate {
            listener,
            user: user.map(str::to_owned),
            secret: Secret::new(key),
        }))
    }

    fn access(&mut self, key: &str) -> Access {
        match self.login(Listener::Https, None, key) {
            Reply::Answer(Answer::Authenticated(Caller::Key(access))) => access,
            other => panic!("{other:?}"),
        }
    }

    /// The operator says that an organization has a domain.
    fn trust(&mut self, org: OrgId, name: &str) {
        let operator = crate::service::access::login::folder_access(org);
        let domain = DomainRef::Name(name.into());
        self.written(Ask::of(
            &operator,
            DomainWrite::Trust {
                domain,
                idempotency: None,
            },
        ));
    }

    fn metric(&self, metric: Metric) -> u64 {
        self.shared.metrics.value(metric)
    }
}

/// A clock on which no work takes time.
fn still() -> WorkClock {
    WorkClock(Arc::new(|| 0))
}

fn new_inbox(access: &Access, new: NewInbox) -> Ask {
    Ask::of(
        access,
        InboxWrite::Create {
            new: Box::new(new),
            idempotency: None,
        },
    )
}

fn idempotency(key: &str, body: u8) -> Option<Idempotency> {
    Some(Idempotency {
        key: RepeatKey::Client(key.into()),
        fingerprint: [body; 32],
        render: Render(|written| format!("{written:?}").into_bytes()),
    })
}
