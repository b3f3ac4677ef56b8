//! Every protocol that a connection may speak, as one engine.
//!
//! This is the only file that names all protocols. It adds no rule: it hands each input to
//! the engine of the connection's protocol.

use crate::call::{Listener, Now, Opening};
use crate::engine::{Engine, Input, Output, Trust};
use crate::{http, imap, smtp};

/// The engine of one connection. Each is boxed: a connection costs as much memory as its own
/// protocol needs.
#[derive(Debug)]
pub enum Protocol {
    /// SMTP and submission, the receiving side.
    Smtp(Box<smtp::Server>),
    /// IMAP, the serving side.
    Imap(Box<imap::Server>),
    /// HTTP, the serving side.
    Http(Box<http::Server>),
    /// The engine of an outgoing connection. The caller that dials has made it.
    Outgoing(Box<Outgoing>),
}

/// An engine of an outgoing connection. Boxed once more in [`Protocol`], so that incoming
/// connections do not carry the second word of the pointer.
#[derive(Debug)]
pub struct Outgoing(Box<dyn Engine + Send>);

impl Protocol {
    /// The engine for a connection that goes out.
    pub fn dial(engine: Box<dyn Engine + Send>) -> Self {
        Protocol::Outgoing(Box::new(Outgoing(engine)))
    }

    /// The engine for a connection that has come in.
    pub fn serve(opening: Opening) -> Self {
        match opening.listener {
            Listener::Mx | Listener::Submission | Listener::Submissions => {
                Protocol::Smtp(Box::new(smtp::Server::new(opening)))
            }
            Listener::Imap | Listener::Imaps => {
                Protocol::Imap(Box::new(imap::Server::new(opening)))
            }
            Listener::Http | Listener::Https => {
                Protocol::Http(Box::new(http::Server::new(opening)))
            }
        }
    }
}

impl Engine for Protocol {
    fn handle(&mut self, now: Now, input: Input<'_>, out: &mut Output) -> usize {
        match self {
            Protocol::Smtp(engine) => engine.handle(now, input, out),
            Protocol::Imap(engine) => engine.handle(now, input, out),
            Protocol::Http(engine) => engine.handle(now, input, out),
            Protocol::Outgoing(engine) => engine.0.handle(now, input, out),
        }
    }

    fn trust(&self) -> Trust {
        match self {
            Protocol::Smtp(engine) => engine.trust(),
            Protocol::Imap(engine) => engine.trust(),
            Protocol::Http(engine) => engine.trust(),
            Protocol::Outgoing(engine) => engine.0.trust(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use super::*;
    use crate::call::{
        Access, Answer, Ask, Bulk, Call, Caller, Change, ConnId, EntryRead, Event, Grant, InboxId,
        InboxPath, KeyId, Limits, MailboxId, MailboxRow, OrgId, PublicEndpoints, Read, Reply,
        Scopes, Selected, Shared, UidSet,
    };
    use crate::engine::Session;

    const NOW: Now = Now {
        mono_ms: 5_000,
        unix_ms: 0,
    };

    fn idling() -> Session<Protocol> {
        let shared = Shared::new("mx.test", Limits::default(), PublicEndpoints::default());
        let mut session = Session::new(Protocol::serve(Opening {
            conn: ConnId(9),
            peer: "10.0.0.1:1".parse().unwrap(),
            listener: Listener::Imaps,
            seed: 1,
            shared: Arc::new(shared),
        }));
        let grant = Grant {
            org: OrgId(1),
            key: Some(KeyId(1)),
            scopes: Scopes::MESSAGES_READ,
            inboxes: None,
            subtree: false,
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
        let say = |session: &mut Session<Protocol>, text: &[u8]| {
            session.receive(NOW, text, &mut Output::default());
        };
        let answer = |session: &mut Session<Protocol>, answer: Answer| {
            session.answer(NOW, Reply::Answer(answer), &mut Output::default());
        };
        session.open(NOW, &mut Output::default());
        say(&mut session, b"1 LOGIN a b\r\n");
        answer(
            &mut session,
            Answer::Authenticated(Caller::Key(Access(Arc::new(grant)))),
        );
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
                depth: 0,
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
                    details: Vec::new(),
                }),
                origin: Some(ConnId(3)),
            };
            session.notify(NOW, &event, &mut out);
        }
        assert!(matches!(
            out.ask,
            Some(Ask {
                call: Call::Read(Read::Entry(EntryRead::Fetch { .. })),
                ..
            })
        ));
        assert!(session.is_waiting());
    }
}
