//! Mail through the whole service, as engines call it: every route in, every read, and the refusals
//! of each.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use crate::call::*;
use crate::service::intake::{Delivery, IntakeStage};
use crate::service::{Inline, ReadTask, ReadTurn, WriteTask};

mod bulk;
mod entries;
mod expiry;
mod fault;
mod import;
mod incoming;
mod index;
mod learning;
mod list;
mod search;
mod senders;
mod shapes;
mod stages;
mod thread;
mod upload;

const START: i64 = 1_700_000_000_000;

struct World {
    inline: Inline,
    clock: Arc<AtomicU64>,
    org: OrgId,
    ann: Access,
    bob: Access,
}

fn world_with(change: impl FnOnce(&mut Limits)) -> World {
    let mut limits = Limits::default();
    change(&mut limits);
    let shared = Arc::new(Shared::new("mx.test", limits, PublicEndpoints::default()));
    let clock = Arc::new(AtomicU64::new(1000));
    let ticks = Arc::clone(&clock);
    let now = move || {
        let mono_ms = ticks.load(Ordering::Relaxed);
        Now {
            mono_ms,
            unix_ms: START + mono_ms as i64,
        }
    };
    let mut inline = Inline::new(1, shared, Arc::new(now)).unwrap();
    let org = inline.make_org("a").unwrap();
    let ann = inline.make_inbox(org, "ann@a.test").unwrap();
    let bob = inline.make_inbox(org, "bob@a.test").unwrap();
    let access = |inbox: InboxId, address: &str| {
        Access(Arc::new(Grant {
            org,
            key: Some(KeyId(1)),
            scopes: Scopes::ADMIN,
            inboxes: Some(vec![inbox]),
            subtree: false,
            inbox: Some(inbox),
            address: address.into(),
            expires_at: None,
        }))
    };
    World {
        ann: access(ann, "ann@a.test"),
        bob: access(bob, "bob@a.test"),
        inline,
        clock,
        org,
    }
}

fn world() -> World {
    world_with(|_| {})
}

fn request(ask: Ask) -> Request {
    Request {
        request_id: ask.request_id,
        depth: ask.depth,
        conn: Some(ConnId(7)),
        peer: core::net::IpAddr::from([127, 0, 0, 1]),
        now: Now::default(),
        caller: ask.caller,
        call: ask.call,
    }
}

/// A message that a reader has decided on.
type Decided = Request<Box<Delivery>>;

impl World {
    fn serve(&mut self, ask: Ask) -> (Reply, Arc<[Event]>) {
        let (reply, events) = self.inline.serve(request(ask));
        (reply.unwrap(), events)
    }

    fn answer(&mut self, ask: Ask) -> Answer {
        match self.serve(ask).0 {
            Reply::Answer(answer) => answer,
            other => panic!("{other:?}"),
        }
    }

    fn written(&mut self, ask: Ask) -> (Written, Arc<[Event]>) {
        match self.serve(ask) {
            (Reply::Written(written, _), events) => (written, events),
            other => panic!("{other:?}"),
        }
    }

    fn refused(&mut self, ask: Ask) -> Refusal {
        match self.serve(ask) {
            (Reply::Refused(refusal), events) if events.is_empty() => refusal,
            other => panic!("{other:?}"),
        }
    }

    fn recipient(&mut self, access: Option<&Access>, address: &str) -> Recipient {
        let look = Look::Recipient {
            from: None,
            address: address.into(),
        };
        let found = self.answer(match access {
            Some(access) => Ask::of(access, look),
            None => Ask::anonymous(look),
        });
        let Answer::Recipient { inbox, org, .. } = found else {
            panic!("{found:?}")
        };
        Recipient {
            address: address.into(),
            inbox,
            org,
            notify: 0,
            orcpt: None,
        }
    }

    /// The part of a reader in the way of a message: parse, judge, decide.
    fn decide(
        &mut self,
        caller: Option<&Access>,
        route: Route,
        octets: &[u8],
    ) -> Result<Decided, Refusal> {
        let intake = Box::new(Intake {
            route,
            charge: None,
            octets: octets.to_vec(),
        });
        let caller = caller.map_or(Caller::Anonymous, |access| Caller::Key(access.clone()));
        let call = Call::Accept(intake.clone());
        let request = request(Ask {
            request_id: None,
            depth: 0,
            caller,
            call,
        });
        let task = ReadTask::Intake(request.with(|_| IntakeStage::Parse(intake)));
        match self.inline.reader.turn(&self.inline.store, task) {
            ReadTurn::Deliver(decided) => Ok(decided),
            ReadTurn::Reply(Reply::Refused(refusal)) => Err(refusal),
            other => panic!("{other:?}"),
        }
    }

    fn try_deliver(&mut self, decided: &Decided) -> (Reply, Arc<[Event]>) {
        let task = WriteTask::Deliver(decided.clone());
        let turn = self.inline.writer.turn(&self.inline.store, &[task]);
        (turn.replies.into_iter().next().unwrap().1, turn.events)
    }

    fn deliver(&mut self, decided: &Decided) -> (Written, Arc<[Event]>) {
        match self.try_deliver(decided) {
            (Reply::Written(written, _), events) => (written, events),
            other => panic!("{other:?}"),
        }
    }

    fn submit(&mut self, to: &[&str], octets: &[u8]) -> Result<Decided, Refusal> {
        let access = self.ann.clone();
        let recipients = to
            .iter()
            .map(|to| self.recipient(Some(&access), to))
            .collect();
        let route = Route::Submission {
            envelope: Envelope {
                reverse_path: Some("ann@a.test".into()),
                recipients,
                ..Envelope::default()
            },
            received: b"Received: from x by mx.test\r\n".to_vec(),
            render: Render(|_| Vec::new()),
        };
        self.decide(Some(&access), route, octets)
    }

    fn receive(&mut self, to: &str, octets: &[u8]) -> Result<Decided, Refusal> {
        let recipients = vec![self.recipient(None, to)];
        let route = Route::Inbound {
            envelope: Envelope {
                reverse_path: Some("eve@out.test".into()),
                recipients,
                ..Envelope::default()
            },
            received: b"Received: from out by mx.test\r\n".to_vec(),
            helo: "mx.out.test".into(),
        };
        self.decide(None, route, octets)
    }

    fn select(&mut self, access: &Access, mailbox: &str) -> Selected {
        let answer = self.answer(Ask::of(
            access,
            MailboxRead::Select {
                mailbox: mailbox.into(),
                progress: Box::default(),
            },
        ));
        match answer {
            Answer::Selected(selected) => *selected,
            other => panic!("{other:?}"),
        }
    }

    fn fetch(&mut self, access: &Access, mailbox: &str, octets: Octets) -> Vec<EntryRow> {
        let mailbox = self.select(access, mailbox).mailbox.id;
        let answer = self.answer(Ask::of(
            access,
            EntryRead::Fetch {
                mailbox,
                uids: UidSet::from(1..=u32::MAX),
                digest: true,
                octets,
                changed_since: 0,
            },
        ));
        match answer {
            Answer::Entries { rows, more } if more.is_empty() => rows,
            other => panic!("{other:?}"),
        }
    }

    fn list(&mut self, access: &Access, filter: MessageFilter) -> Vec<Arc<MessageView>> {
        let mut all = Vec::new();
        let mut cursor = None;
        loop {
            let answer = self.answer(Ask::of(
                access,
                MessageRead::List {
                    inbox: InboxRef::Id(access.inbox.unwrap()),
                    filter: Box::new(filter.clone()),
                    cursor,
                    limit: 2,
                    progress: Box::default(),
                },
            ));
            let Answer::Messages { rows, next } = answer else {
                panic!("{answer:?}")
            };
            all.extend(rows);
            match next {
                Some(next) => cursor = Some(next),
                None => return all,
            }
        }
    }

    fn search(&mut self, key: SearchKey) -> String {
        let access = self.bob.clone();
        let mailbox = self.select(&access, "INBOX").mailbox.id;
        let answer = self.answer(Ask::of(
            &access,
            EntryRead::Search {
                mailbox,
                within: UidSet::from(1..=u32::MAX),
                key: Arc::new(key),
                progress: Box::default(),
            },
        ));
        match answer {
            Answer::Found { uids, .. } => uids.to_string(),
            other => panic!("{other:?}"),
        }
    }
}

fn append(world: &mut World, octets: &[u8], at: i64) -> (u32, u32) {
    let access = world.bob.clone();
    let route = Route::Append {
        inbox: access.inbox.unwrap(),
        mailbox: "inbox".into(),
        flags: Flags::FLAGGED,
        keywords: vec!["Old".into()],
        received_at: Some(at),
    };
    let plan = world.decide(Some(&access), route, octets).unwrap();
    match world.deliver(&plan).0 {
        Written::Delivered { placed, .. } => placed.unwrap(),
        other => panic!("{other:?}"),
    }
}
