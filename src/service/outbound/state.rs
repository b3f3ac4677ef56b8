//! The queue to outside as the service holds it: the ways out, the routes behind one lock, and
//! answers of the DNS that have come.
//!
//! What is done with it is in `queue.rs`. Only the writer takes the lock, so it is never waited
//! for. Answers of the DNS come from other threads: they have a list of their own, and wake the
//! writer.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::converted::ConvertedMessages;
use super::routes::Routes;
use super::signatures::Signatures;
use crate::call::{
    ConnId, DnsAnswer, Now, OutboundDialer, OutboundLease, OutboundSettings, OutboundWrite, Report,
    Resolve, Shared,
};
use crate::crypto::SealingKey;
use crate::service::upstream::UpstreamTokens;

/// The ways out of a server that delivers.
#[derive(Clone, Debug)]
pub struct WaysOut {
    /// Answers questions to the DNS.
    pub resolve: Arc<dyn Resolve>,
    /// Makes connections.
    pub dialer: Arc<dyn OutboundDialer>,
}

/// The queue of a service.
#[derive(Debug)]
pub struct Outbound {
    /// `None`: nothing leaves, and rows wait.
    pub(super) ways: Option<WaysOut>,
    queue: Mutex<OutboundState>,
    pub(super) answers: Arc<Answers>,
    /// Signatures that were made a short while ago.
    pub(in crate::service) signatures: Signatures,
    /// Converted messages that are under way.
    pub(in crate::service) converted: ConvertedMessages,
}

/// The state behind the lock.
#[derive(Debug)]
pub(super) struct OutboundState {
    pub routes: Routes,
    /// Opens the passwords of accounts elsewhere.
    pub sealing: Arc<SealingKey>,
    /// The access tokens of those that have no password.
    pub tokens: Arc<UpstreamTokens>,
    /// The number of this process in leases; 0 before the first turn.
    pub holder: i64,
    /// When a backlog is to be looked at next, unix milliseconds.
    pub look_at: Option<i64>,
    /// When a row expires or goes next, or a lease ends.
    pub sweep_at: Option<i64>,
    /// When the rows are compared with what is in memory, monotonic milliseconds.
    pub compare_at_ms: Option<u64>,
    /// Calls of connections that have come and are not carried out.
    pub calls: Vec<(ConnId, OutboundWrite)>,
    /// Ends of attempts that could not be stored (`unsaved.rs`), and when they are tried again
    /// (monotonic milliseconds).
    pub unsaved: Vec<UnsavedEnd>,
    pub save_at_ms: u64,
    /// After an error nothing is done until this time (monotonic milliseconds).
    pub rests_until_ms: u64,
}

/// The end of an attempt that could not be stored.
#[derive(Clone, Debug)]
pub(super) struct UnsavedEnd {
    pub lease: OutboundLease,
    /// `None`: the connection was lost.
    pub report: Option<Box<Report>>,
    /// How often it could not be stored since.
    pub tries: u8,
}

/// Answers of the DNS that have come and were not looked at.
#[derive(Default)]
pub struct Answers {
    came: Mutex<Vec<(u64, DnsAnswer)>>,
    wake: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl core::fmt::Debug for Answers {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Answers(..)")
    }
}

impl Answers {
    /// Sets how the writer is woken.
    pub fn wake_with(&self, wake: impl Fn() + Send + Sync + 'static) {
        // A second router of one service, as in a test, leaves the first as it is.
        let _ = self.wake.set(Box::new(wake));
    }

    /// An answer has come.
    pub fn put(&self, number: u64, answer: DnsAnswer) {
        let mut came = self.came.lock().unwrap_or_else(PoisonError::into_inner);
        came.push((number, answer));
        let is_first = came.len() == 1;
        drop(came);
        if is_first && let Some(wake) = self.wake.get() {
            wake();
        }
    }

    /// The answers that have come since.
    pub fn take(&self) -> Vec<(u64, DnsAnswer)> {
        let mut came = self.came.lock().unwrap_or_else(PoisonError::into_inner);
        core::mem::take(&mut came)
    }
}

impl Outbound {
    pub fn new(
        settings: OutboundSettings,
        ways: Option<WaysOut>,
        shared: &Shared,
        (sealing, tokens): (Arc<SealingKey>, Arc<UpstreamTokens>),
    ) -> Outbound {
        Outbound {
            ways,
            queue: Mutex::new(OutboundState {
                routes: Routes::new(settings, shared),
                sealing,
                tokens,
                holder: 0,
                look_at: None,
                sweep_at: None,
                compare_at_ms: None,
                calls: Vec::new(),
                unsaved: Vec::new(),
                save_at_ms: 0,
                rests_until_ms: 0,
            }),
            answers: Arc::default(),
            signatures: Signatures::default(),
            converted: ConvertedMessages::default(),
        }
    }

    /// Whether mail leaves.
    pub fn is_open(&self) -> bool {
        self.ways.is_some()
    }

    /// Sets how the writer is woken when an answer has come.
    pub fn wake_with(&self, wake: impl Fn() + Send + Sync + 'static) {
        self.answers.wake_with(wake);
    }

    /// Takes the lock. A panic while it was held ends the process, as every panic of the writer.
    pub(super) fn queue(&self) -> MutexGuard<'_, OutboundState> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When a recipient that is due at `due_at` is given up, unix milliseconds.
    pub fn expires_after(&self, due_at: i64) -> i64 {
        let expire_ms = self.queue().routes.settings.expire_ms;
        due_at.saturating_add(i64::try_from(expire_ms).unwrap_or(i64::MAX))
    }

    /// When the sender of a recipient that is due at `due_at` is told that it is late.
    pub fn late_at(&self, due_at: i64) -> i64 {
        let notice_ms = self.queue().routes.settings.delay_notice_ms;
        due_at.saturating_add(i64::try_from(notice_ms).unwrap_or(i64::MAX))
    }

    /// Takes a call of a connection. It is carried out in the next turn, in a transaction of the
    /// queue's own: a group of the writer may be undone and carried out again, and what a claim has
    /// changed in memory could not be.
    ///
    /// `false` when nothing leaves this server: then no connection is known.
    pub fn put(&self, conn: Option<ConnId>, call: &OutboundWrite) -> bool {
        let (Some(conn), Some(_)) = (conn, &self.ways) else {
            return false;
        };
        let mut queue = self.queue();
        // A group that is carried out again brings it again.
        if !queue.calls.iter().any(|(known, _)| *known == conn) {
            queue.calls.push((conn, call.clone()));
        }
        true
    }

    /// A call of a connection is refused: the connection has ended for its engine. What the call
    /// tells of an attempt is kept.
    pub fn abandon(&self, now: Now, call: &OutboundWrite) {
        let (Some(route), Some(_)) = (call.route(), &self.ways) else {
            return;
        };
        let mut queue = self.queue();
        queue
            .calls
            .retain(|(_, other)| other.route() != Some(route));
        queue.keep_unsaved(now, call);
        queue.routes.end(now, route);
        // Another connection would be made at once, and end like this one.
        queue.rests_until_ms = now.mono_ms.saturating_add(AFTER_ERROR_MS);
    }
}

/// Milliseconds of rest after an error (a full disk, say).
pub(super) const AFTER_ERROR_MS: u64 = 5000;
