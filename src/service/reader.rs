//! A reader: one call that reads, or a slice of it, and from a call to its function.
//!
//! A panic costs the one call: hostile input must not end the process (decisions.md 18).

use core::net::IpAddr;
use core::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Arc;

use super::context::ReadContext;
use super::writer::misplaced;
use super::{
    Service, account, auth, classify, events, fetch, inbox, mailbox, message, policy, search,
};
use crate::call::{Answer, Call, Metric, Refusal, Reply, Request, Route};
use crate::crypto::Random;
use crate::store::Store;

/// Carries out what reads.
#[derive(Debug)]
pub struct Reader {
    service: Arc<Service>,
    random: Random,
}

/// What came of a read.
#[derive(Debug)]
pub enum ReadTurn {
    /// Done.
    Reply(Reply),
    /// A slice of it is done; to be put back in the queue.
    Again(Request),
    /// Done, and nobody waits for an answer.
    Silent,
}

impl Reader {
    /// A reader with the system's randomness.
    pub fn new(service: Arc<Service>) -> Self {
        Self::with_random(service, Random::system())
    }

    /// A reader whose boundaries and Message-IDs come from `random`.
    pub fn with_random(service: Arc<Service>, random: Random) -> Self {
        Reader { service, random }
    }

    /// What the threads share.
    pub fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// Carries out one call, or a slice of it. A panic costs that call alone: hostile input
    /// must not end the process (decisions.md 18).
    pub fn turn(&mut self, store: &Store, mut request: Request) -> ReadTurn {
        if matches!(request.call, Call::Hangup) {
            auth::hangup(&self.service, request.conn);
            return ReadTurn::Silent;
        }
        let caught = catch_unwind(AssertUnwindSafe(|| self.read(store, &mut request)));
        match caught {
            Ok(Ok(Some(answer))) => ReadTurn::Reply(Reply::Answer(answer)),
            Ok(Ok(None)) => ReadTurn::Again(request),
            Ok(Err(refusal)) => ReadTurn::Reply(Reply::Refused(refusal)),
            Err(_) => {
                self.service.shared.metrics.count(Metric::Panics);
                log::error!("a read panicked conn={}", request.conn.0);
                ReadTurn::Reply(Reply::Refused(Refusal::Internal))
            }
        }
    }

    /// From a call that reads to its function, in two steps; `None` is "go on later". The
    /// list is exhaustive: a new call does not compile before it has its place.
    fn read(&mut self, store: &Store, request: &mut Request) -> Result<Option<Answer>, Refusal> {
        use Call::*;
        let service = &*self.service;
        let now = service.now();
        auth::admit(service, request, now)?;
        let context = ReadContext {
            store,
            shared: &service.shared,
            now,
            clock: service.clock(),
            seed: self.random.array(),
        };
        match &request.call {
            Authenticate { .. }
            | OpenStream { .. }
            | Hangup
            | Ready
            | Stranger
            | Sender { .. }
            | Recipient { .. } => read_lookup(service, &context, request).map(Some),
            ListInboxes { .. }
            | ReadInbox { .. }
            | FindInbox { .. }
            | ListKeys { .. }
            | ReadKey { .. }
            | ListDomains { .. }
            | ListOrgs { .. }
            | Usage { .. }
            | ListOutbound { .. } => read_account(&context, &request.call).map(Some),
            Classify { .. }
            | Mailboxes { .. }
            | Status { .. }
            | Select { .. }
            | Subscribed { .. }
            | Fetch { .. }
            | ReadOctets { .. }
            | Changes { .. }
            | Search { .. }
            | ListMessages { .. }
            | ReadMessage { .. }
            | FindOctets { .. }
            | ReadPart { .. }
            | LogState { .. }
            | LogAt { .. }
            | EventsAfter { .. } => read_mail(service, &context, request.peer, &mut request.call),
            Deliver { .. }
            | ClaimRecent { .. }
            | CreateMailbox { .. }
            | DeleteMailbox { .. }
            | RenameMailbox { .. }
            | Subscribe { .. }
            | SetFlags { .. }
            | Expunge { .. }
            | Copy { .. }
            | PatchMessage { .. }
            | DeleteMessage { .. }
            | CreateInbox { .. }
            | PatchInbox { .. }
            | DeleteInbox { .. }
            | MintCredentials { .. }
            | CreateKey { .. }
            | RevokeKey { .. }
            | CreateDomain { .. }
            | DeleteDomain { .. }
            | CreateOrg { .. }
            | DeleteOrg { .. } => Err(misplaced()),
        }
    }
}

fn read_lookup(
    service: &Service,
    context: &ReadContext<'_>,
    request: &Request,
) -> Result<Answer, Refusal> {
    use Call::*;
    let (store, now, conn, peer) = (context.store, context.now, request.conn, request.peer);
    match &request.call {
        Authenticate {
            listener,
            user,
            secret,
        } => auth::authenticate(
            service,
            store,
            now,
            &auth::Login {
                conn,
                peer,
                listener: *listener,
                user: user.as_deref(),
                secret,
            },
        ),
        OpenStream { access } => auth::open_stream(service, conn, access),
        // It has no answer; [`Reader::turn`] has dealt with it.
        Hangup => Ok(Answer::Done),
        Ready => ready(service),
        // Counting it was all ([`auth::admit`]).
        Stranger => Ok(Answer::Done),
        Sender {
            access,
            reverse_path,
            size,
        } => {
            let path = reverse_path.as_deref();
            policy::sender(service, store, peer, now, access.as_ref(), path, *size)
        }
        Recipient { access, address } => {
            policy::recipient(service, store, now, access.as_ref(), address)
        }
        _ => Err(misplaced()),
    }
}

fn read_account(context: &ReadContext<'_>, call: &Call) -> Result<Answer, Refusal> {
    use Call::*;
    let (store, now) = (context.store, context.now);
    match call {
        ListInboxes {
            access,
            parent,
            cursor,
            limit,
        } => inbox::list_inboxes(store, access, parent.as_ref(), cursor.as_deref(), *limit),
        ReadInbox { access, inbox } | FindInbox { access, inbox } => {
            inbox::read_inbox(store, access, inbox)
        }
        ListKeys {
            access,
            cursor,
            limit,
        } => account::list_keys(store, access, cursor.as_deref(), *limit),
        ReadKey { access, key } => account::read_key(store, access, *key),
        ListDomains { access } => account::list_domains(store, access),
        ListOrgs { .. } => account::list_orgs(store),
        Usage { access } => account::usage(store, now, access),
        ListOutbound {
            access,
            cursor,
            limit,
        } => account::list_outbound(store, access, cursor.as_deref(), *limit),
        _ => Err(misplaced()),
    }
}

fn read_mail(
    service: &Service,
    context: &ReadContext<'_>,
    peer: IpAddr,
    call: &mut Call,
) -> Result<Option<Answer>, Refusal> {
    use Call::*;
    let answer = match call {
        Classify { intake } => {
            // MAIL FROM has asked this for SMTP; APPEND and REST come here first.
            policy::space(service)?;
            if let Route::Inbound { .. } = intake.route {
                service.take_octets(peer, intake.octets.len(), context.now)?;
            }
            classify::classify(service, context, intake)
        }
        Search {
            access,
            mailbox,
            within,
            key,
            progress,
        } => return search::search(context, access, *mailbox, within, key, progress),
        ListMessages {
            access,
            inbox,
            filter,
            cursor,
            limit,
            progress,
        } => return message::list(context, access, inbox, filter, (cursor, *limit), progress),
        ReadMessage { .. } | FindOctets { .. } | ReadPart { .. } => read_message(context, call),
        Mailboxes { access, counts } => mailbox::mailboxes(context, access, *counts),
        Status { access, mailbox } => mailbox::status(context, access, mailbox),
        Select { access, mailbox } => mailbox::select(context, access, mailbox),
        Subscribed { access } => mailbox::subscribed(context, access),
        Fetch {
            access,
            mailbox,
            uids,
            digest,
            octets,
            changed_since,
        } => {
            let ask = fetch::Ask {
                digest: *digest,
                octets: *octets,
                changed_since: *changed_since,
            };
            fetch::fetch(context, access, *mailbox, uids, ask)
        }
        ReadOctets {
            access,
            of,
            offset,
            len,
        } => fetch::read_octets(context, access, of, *offset, *len),
        Changes {
            access,
            mailbox,
            since,
        } => fetch::changes(context, access, *mailbox, *since),
        LogState { access } => events::log_state(context, access),
        LogAt { access, unix_ms } => events::log_at(context, access, *unix_ms),
        EventsAfter {
            access,
            topic,
            after,
            limit,
        } => events::events_after(context, access, *topic, *after, *limit),
        _ => Err(misplaced()),
    };
    answer.map(Some)
}

fn read_message(context: &ReadContext<'_>, call: &Call) -> Result<Answer, Refusal> {
    use Call::*;
    match call {
        ReadMessage {
            access,
            inbox,
            id,
            max_chars,
        } => message::read(context, access, inbox, *id, *max_chars),
        FindOctets { access, inbox, id } => message::find_octets(context, access, inbox, *id),
        ReadPart {
            access,
            inbox,
            id,
            part,
        } => message::read_part(context, access, inbox, *id, *part),
        _ => Err(misplaced()),
    }
}

fn ready(service: &Service) -> Result<Answer, Refusal> {
    if service.is_stopping() {
        return Err(Refusal::Stopping);
    }
    policy::space(service)?;
    Ok(Answer::Done)
}
