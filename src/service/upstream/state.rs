//! The connections of accounts as the service holds them: the ways to their servers, and how it
//! stands with each connection, behind one lock that only the thread of the writer takes.

use core::net::IpAddr;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::accounts::{ChangedAccounts, KnownAccounts};
use super::tokens::UpstreamTokens;
use super::untold::UntoldChanges;
use crate::call::{DnsAnswer, Event, InboxId, Resolve, TokenDialer, UpstreamDialer};

/// The ways to the servers of accounts.
#[derive(Clone, Debug)]
pub struct UpstreamWays {
    /// Answers questions to the DNS.
    pub resolve: Arc<dyn Resolve>,
    /// Makes connections to the servers of accounts.
    pub dialer: Arc<dyn UpstreamDialer>,
    /// Makes connections to token servers.
    pub token_dialer: Arc<dyn TokenDialer>,
}

/// The connections of accounts.
#[derive(Debug, Default)]
pub struct Upstreams {
    /// `None`: no connection is made.
    pub(super) ways: Option<UpstreamWays>,
    table: Mutex<ConnectionTable>,
    pub(super) changed: Mutex<ChangedAccounts>,
    /// Access tokens, for connections of the queue to outside too.
    pub tokens: Arc<UpstreamTokens>,
    pub(super) found: Arc<Mutex<Vec<FoundHost>>>,
}

/// An answer of the DNS for an account.
pub(super) type FoundHost = (UpstreamHost, InboxId, DnsAnswer);

/// A host of an account that is looked up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum UpstreamHost {
    Imap,
    Token,
}

/// What is behind the lock.
#[derive(Debug, Default)]
pub(super) struct ConnectionTable {
    pub accounts: KnownAccounts,
    pub untold: UntoldChanges,
    pub links: HashMap<InboxId, AccountLink>,
    /// The listeners when they were looked at.
    pub changes: Option<u64>,
    /// When the table is looked at next, and when all of it is, monotonic milliseconds.
    pub look_ms: u64,
    pub all_ms: u64,
}

/// How it stands with the connection of one account.
#[derive(Debug)]
pub(super) struct AccountLink {
    pub state: LinkState,
    pub failures: u32,
    /// When the state began, monotonic milliseconds.
    pub since_ms: u64,
}

/// Where a connection is.
#[derive(Debug)]
pub(super) enum LinkState {
    /// There is none; the next one may begin then, monotonic milliseconds.
    Resting(u64),
    /// There is no place for it.
    Waiting,
    /// Answers of the DNS are awaited: so many, until then.
    Resolving {
        left: u8,
        addresses: Vec<IpAddr>,
        until_ms: u64,
    },
    /// Its engine tells its end.
    Open,
}

impl Upstreams {
    /// No connection yet.
    pub fn new(ways: Option<UpstreamWays>, tokens: Arc<UpstreamTokens>) -> Upstreams {
        Upstreams {
            ways,
            tokens,
            ..Upstreams::default()
        }
    }

    /// Events were committed: the accounts that they concern are read again.
    pub fn saw(&self, events: &[Event]) {
        if self.ways.is_some() && !events.is_empty() {
            lock(&self.changed).note(events);
        }
    }

    /// Takes the lock.
    pub(super) fn table(&self) -> MutexGuard<'_, ConnectionTable> {
        lock(&self.table)
    }
}

impl AccountLink {
    /// Whether it has a connection, or gets one.
    pub fn is_busy(&self) -> bool {
        !matches!(self.state, LinkState::Resting(_) | LinkState::Waiting)
    }
}

/// What a mutex guards, also after a panic: nothing is left half done under it.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
