//! The writer: groups of calls to one commit, and from a call that writes to its function.
//!
//! A group is committed once, then its events are published, then its replies given: whoever
//! hears of anything hears of what is on disk. It does not catch a panic: better to stop than
//! to go on from an unknown transaction.

use std::sync::Arc;

use super::job::{Runner, Runners};
use super::{Act, Service, account, auth, deliver, fetch, inbox, mailbox, message, policy};
use crate::call::{
    Access, Call, ConnId, Event, Metric, Now, Once, Refusal, Reply, Request, Written,
};
use crate::crypto::Random;
use crate::store::{FlagAsk, Kept, Store};

/// Carries out what writes, in groups.
pub struct Writer {
    service: Arc<Service>,
    random: Random,
    room: Box<dyn FnMut(Room) -> bool + Send>,
    jobs: Runners,
}

impl core::fmt::Debug for Writer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

/// What the writer asks of whoever keeps a reserve of disk space.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Room {
    /// The disk is full: give the reserve up. Whether there was one.
    Give,
    /// Nothing to do: build the reserve up, if there is space for it.
    Keep,
}

/// What came of a group.
#[derive(Debug)]
pub struct Turn {
    /// To be published before the replies are given.
    pub events: Arc<[Event]>,
    /// One for each request, in their order.
    pub replies: Vec<(ConnId, Reply)>,
    /// The disk has failed: the process must end and say this.
    pub fatal: Option<String>,
    /// Nothing was committed, for want of disk space.
    is_full: bool,
}

impl Writer {
    /// A writer with the system's randomness.
    pub fn new(service: Arc<Service>) -> Self {
        Self::with_random(service, Random::system())
    }

    /// A writer whose secrets and made-up addresses come from `random`.
    pub fn with_random(service: Arc<Service>, random: Random) -> Self {
        Writer {
            service,
            random,
            room: Box::new(|_| false),
            jobs: Runners::default(),
        }
    }

    /// The same, with a reserve of disk space to give up.
    #[must_use]
    pub fn with_room(self, room: Box<dyn FnMut(Room) -> bool + Send>) -> Self {
        Writer { room, ..self }
    }

    /// The same, with what carries out the jobs of one kind.
    #[must_use]
    pub fn with_runner(mut self, runner: Runner) -> Self {
        let holder = self.random.u64().cast_signed();
        self.jobs.add(runner, holder);
        self
    }

    /// Starts the jobs that are due. Gives in how many milliseconds the next is due, if any is.
    pub fn run_jobs(&mut self, store: &Store) -> Result<Option<u64>, crate::store::Error> {
        self.jobs.run(store, self.service.now())
    }

    /// What the threads share.
    pub fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// Carries out a group in one transaction, each request in a savepoint of its own. When
    /// the commit fails, or SQLite has undone the transaction, every request of the group is
    /// refused and nothing is published. On a full disk it is tried once more when a reserve
    /// could be given up, so that deletions get through.
    pub fn turn(&mut self, store: &Store, batch: &[Request]) -> Turn {
        let turn = self.attempt(store, batch);
        if turn.is_full && (self.room)(Room::Give) {
            return self.attempt(store, batch);
        }
        turn
    }

    fn attempt(&mut self, store: &Store, batch: &[Request]) -> Turn {
        let now = self.service.now();
        let mut events = Vec::new();
        let mut results = Vec::with_capacity(batch.len());
        let end = match store.begin() {
            Err(error) => Err((error.is_disk_failure(), error.to_string(), error.into())),
            Ok(()) => match self.group(store, batch, now, &mut events, &mut results) {
                Err((why, refusal)) => {
                    store.rollback();
                    // A full disk is not a broken one.
                    Err((refusal != Refusal::NoSpace, why, refusal))
                }
                Ok(()) => store
                    .commit()
                    .map_err(|e| (e.is_disk_failure(), e.to_string(), e.into())),
            },
        };
        let metrics = &self.service.shared.metrics;
        match end {
            Ok(receipt) => {
                metrics.count(Metric::Commits);
                metrics.add(Metric::CommittedCalls, batch.len() as u64);
                metrics.add(Metric::Events, events.len() as u64);
                let replies = batch.iter().zip(results).map(|(request, result)| {
                    let reply = match result {
                        Ok(written) => Reply::Written(written, receipt),
                        Err(refusal) => Reply::Refused(refusal),
                    };
                    (request.conn, reply)
                });
                Turn {
                    events: events.into(),
                    replies: replies.collect(),
                    fatal: None,
                    is_full: false,
                }
            }
            Err((is_fatal, why, refusal)) => {
                metrics.count(Metric::CommitsFailed);
                log::error!("commit failed calls={} error=\"{why}\"", batch.len());
                let is_full = refusal == Refusal::NoSpace;
                let refused = Reply::Refused(refusal);
                Turn {
                    events: Arc::new([]),
                    replies: batch.iter().map(|r| (r.conn, refused.clone())).collect(),
                    fatal: is_fatal.then_some(why),
                    is_full,
                }
            }
        }
    }

    /// Every request of a group; an error is the loss of the whole transaction.
    fn group(
        &mut self,
        store: &Store,
        batch: &[Request],
        now: Now,
        events: &mut Vec<Event>,
        results: &mut Vec<Result<Written, Refusal>>,
    ) -> Result<(), (String, Refusal)> {
        for request in batch {
            let before = events.len();
            let lost = |refusal| ("the transaction is gone".to_owned(), refusal);
            let sql = |e: crate::store::Error| (e.to_string(), Refusal::from(e));
            store.savepoint().map_err(sql)?;
            let mut act = Act {
                service: &self.service,
                store,
                random: &mut self.random,
                now,
                origin: request.conn,
                events,
            };
            let result = admitted(&mut act, request);
            match &result {
                Ok(_) if store.is_transaction_gone() => return Err(lost(Refusal::Internal)),
                Ok(_) => store.release().map_err(sql)?,
                Err(refusal) => {
                    if let Refusal::Limit { .. } | Refusal::TooBig { .. } = refusal {
                        self.service.shared.metrics.count(Metric::RejectedQuota);
                    }
                    // decisions.md 10: after an error inside a savepoint.
                    if store.is_transaction_gone() {
                        return Err(lost(refusal.clone()));
                    }
                    store.rollback_to().map_err(sql)?;
                    events.truncate(before);
                }
            }
            results.push(result);
        }
        Ok(())
    }

    /// Takes note of the room inside the database. For after a checkpoint: its figure moves
    /// slowly.
    pub fn note_room(&self, store: &Store) -> Result<(), crate::store::Error> {
        let vacant = store.vacant_bytes()?;
        let seen = &self.service.vacant_bytes;
        seen.store(vacant, core::sync::atomic::Ordering::Relaxed);
        Ok(())
    }

    /// One slice of what deletions have left, in a transaction of its own. Whether there is
    /// more. Freeing takes room too: on a full disk the reserve is given up for it.
    pub fn reap(&mut self, store: &Store) -> Result<bool, crate::store::Error> {
        let now = self.service.now();
        let is_short = policy::is_space_short(&self.service);
        match store.reap(now, is_short) {
            Err(error) if error.is_full() && (self.room)(Room::Give) => store.reap(now, is_short),
            done => done,
        }
    }

    /// Work of free moments, in two small transactions: old events and kept answers go, and
    /// what deletions have left. Whether there is more to do at once.
    pub fn tidy(&mut self, store: &Store) -> Result<bool, crate::store::Error> {
        (self.room)(Room::Keep);
        let mut now = self.service.now();
        now.unix_ms = self.service.steady_ms(now);
        let days = i64::try_from(self.service.shared.limits.event_days).unwrap_or(7);
        store.begin()?;
        let done = (|| {
            let more = store.trim_events(now, days.saturating_mul(ONCE_MS), TIDY_ROWS)?;
            let kept = store.trim_once(now.unix_ms.saturating_sub(ONCE_MS), TIDY_ANSWERS)?;
            Ok(more || kept > 0)
        })();
        match done {
            Ok(more) => {
                store.commit()?;
                // By itself, so that what cannot be reaped does not keep the rest.
                Ok(self.reap(store)? || more)
            }
            Err(error) => {
                store.rollback();
                Err(error)
            }
        }
    }
}

fn admitted(act: &mut Act<'_>, request: &Request) -> Result<Written, Refusal> {
    auth::admit(act.service, request, act.now)?;
    match once_of(&request.call) {
        None => write(act, &request.call),
        Some((access, once)) => write_once(act, access, once, &request.call),
    }
}

/// Carries out a call unless its `Idempotency-Key` has been carried out already; the answer
/// is kept in the same savepoint. One key of ours cannot learn another's answers: the kept
/// key has the id of the API key in it.
fn write_once(
    act: &mut Act<'_>,
    access: &Access,
    once: &Once,
    call: &Call,
) -> Result<Written, Refusal> {
    let key = format!("{}:{}", access.key, once.key);
    let since = act.service.steady_ms(act.now).saturating_sub(ONCE_MS);
    if let Some(kept) = act.store.once(access.org, &key, since)? {
        return if kept.fingerprint == once.fingerprint {
            Ok(Written::Again(kept.answer))
        } else {
            Err(Refusal::IdempotencyConflict(
                "it was used with another request",
            ))
        };
    }
    let written = write(act, call)?;
    let kept = Kept {
        fingerprint: once.fingerprint.to_vec(),
        answer: (once.render)(&written),
    };
    act.store
        .keep_once(access.org, &key, &kept, act.now.unix_ms)?;
    Ok(written)
}

/// The `Idempotency-Key` of a call. Mail from outside has none, whatever its header says.
fn once_of(call: &Call) -> Option<(&Access, &Once)> {
    use Call::*;
    let once = match call {
        Deliver { once, .. }
        | CreateInbox { once, .. }
        | MintCredentials { once, .. }
        | CreateKey { once, .. }
        | CreateDomain { once, .. }
        | CreateOrg { once, .. } => once.as_ref()?,
        _ => return None,
    };
    Some((auth::needs(call).0?, once))
}

/// From a call that writes to its function, in two steps. The list is exhaustive: a new call
/// does not compile before it has its place.
fn write(act: &mut Act<'_>, call: &Call) -> Result<Written, Refusal> {
    use Call::*;
    match call {
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
        | DeleteMessage { .. } => write_mail(act, call),
        CreateInbox { .. }
        | PatchInbox { .. }
        | DeleteInbox { .. }
        | MintCredentials { .. }
        | CreateKey { .. }
        | RevokeKey { .. }
        | CreateDomain { .. }
        | DeleteDomain { .. }
        | CreateOrg { .. }
        | DeleteOrg { .. } => write_account(act, call),
        Authenticate { .. }
        | OpenStream { .. }
        | Hangup
        | Sender { .. }
        | Recipient { .. }
        | Classify { .. }
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
        | ListInboxes { .. }
        | ReadInbox { .. }
        | FindInbox { .. }
        | ListKeys { .. }
        | ReadKey { .. }
        | ListDomains { .. }
        | ListOrgs { .. }
        | Usage { .. }
        | ListOutbound { .. }
        | LogState { .. }
        | LogAt { .. }
        | EventsAfter { .. }
        | Ready
        | Stranger => Err(misplaced()),
    }
}

fn write_mail(act: &mut Act<'_>, call: &Call) -> Result<Written, Refusal> {
    use Call::*;
    let context = &mut act.context();
    match call {
        ClaimRecent { access, mailbox } => mailbox::claim_recent(context, access, *mailbox),
        CreateMailbox { access, mailbox } => mailbox::create(context, access, mailbox),
        DeleteMailbox { access, mailbox } => mailbox::delete(context, access, mailbox),
        RenameMailbox { access, from, to } => mailbox::rename(context, access, from, to),
        Subscribe {
            access,
            mailbox,
            on,
        } => mailbox::subscribe(context, access, mailbox, *on),
        SetFlags {
            access,
            mailbox,
            uids,
            how,
            flags,
            keywords,
            unchanged_since,
        } => {
            let ask = FlagAsk {
                how: *how,
                flags: *flags,
                keywords,
                unchanged_since: *unchanged_since,
            };
            fetch::set_flags(context, access, *mailbox, uids, &ask)
        }
        Expunge {
            access,
            mailbox,
            uids,
        } => fetch::expunge(context, access, *mailbox, uids.as_ref()),
        Copy {
            access,
            mailbox,
            uids,
            to,
            remove,
        } => fetch::copy(context, access, *mailbox, uids, (to, *remove)),
        Deliver { plan, .. } => deliver::deliver(context, plan),
        PatchMessage {
            access,
            inbox,
            id,
            patch,
        } => message::patch(context, access, inbox, *id, patch),
        DeleteMessage {
            access,
            inbox,
            id,
            permanent,
        } => message::delete(context, access, inbox, *id, *permanent),
        _ => Err(misplaced()),
    }
}

fn write_account(act: &mut Act<'_>, call: &Call) -> Result<Written, Refusal> {
    use Call::*;
    match call {
        CreateInbox { access, new, .. } => inbox::create_inbox(act, access, new),
        PatchInbox {
            access,
            inbox,
            patch,
        } => inbox::patch_inbox(act, access, inbox, patch),
        DeleteInbox { access, inbox } => inbox::delete_inbox(act, access, inbox),
        MintCredentials { access, .. } => account::mint_credentials(act, access),
        CreateKey { access, new, .. } => account::create_key(act, access, new),
        RevokeKey { access, key } => account::revoke_key(act, access, *key),
        CreateDomain { access, name, .. } => account::create_domain(act, access, name),
        DeleteDomain { access, domain } => account::delete_domain(act, access, domain),
        CreateOrg { name, .. } => account::create_org(act, name),
        DeleteOrg { org, .. } => account::delete_org(act, *org),
        _ => Err(misplaced()),
    }
}

/// A call on the wrong queue is a defect of ours, and no reason to stop.
pub(super) fn misplaced() -> Refusal {
    log::error!("a call is on the wrong queue");
    Refusal::Internal
}

/// How long answers are kept for `Idempotency-Key`; a day, which also counts `event_days`.
const ONCE_MS: i64 = 86_400_000;
/// Rows that one moment takes out of the logs, some milliseconds of work: as many as the
/// groups between two moments under load put in.
const TIDY_ROWS: u64 = 2000;
/// Kept answers that one idle moment forgets.
const TIDY_ANSWERS: u32 = 200;
