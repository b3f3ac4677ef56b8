//! How other threads reach the workers: one queue and one waker a worker.
//!
//! Everything comes in by the same queue, so a worker sees events before the replies that
//! were sent after them. A worker that is awake is not woken again: a batch of a hundred
//! replies costs one system call a worker. No lock is held across either end.
//!
//! The hub also numbers the connections, in both directions, from one counter.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use mio::{Poll, Registry, Waker};

use super::dial::Dial;
use super::listen::Accepted;
use super::to_resolver::ToResolver;
use super::token::Ready;
use crate::call::{ConnId, Event, Listener, Network, Reply};

/// What a worker finds in its queue.
pub(super) enum ToWorker {
    /// A connection that has come in.
    Conn(Accepted),
    /// A connection that is to go out.
    Dial(ConnId, Box<Dial>),
    /// Something for the resolver; only the first worker has one.
    Dns(ToResolver),
    /// The answer to a connection's call.
    Reply(ConnId, Reply),
    /// What has been committed.
    Events(Arc<[Event]>),
    /// Close the oldest anonymous peers: what there is too little of.
    Evict(Shortage),
    /// Tell every session and end.
    Shutdown,
}

/// Why anonymous peers' connections are closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shortage {
    /// Connections: a few at a time are enough, and a new peer may still log in.
    Places,
    /// Memory: all of it could be gone in a second.
    Memory,
    /// Connections of one network to a listener where clients log in: its own oldest one makes
    /// room, so that its anonymous peers cannot keep its clients out.
    PlacesOf(Network, Listener),
}

/// The sending side; clones share it.
#[derive(Clone)]
pub struct Hub {
    workers: Arc<[Post]>,
    /// The number of the next connection.
    next: Arc<AtomicU64>,
}

struct Post {
    queue: Sender<ToWorker>,
    waker: Waker,
    /// Set by the first sender after the worker last looked; the others need not wake it.
    woken: Arc<AtomicBool>,
}

/// A worker's receiving side, before the worker is there.
pub struct WorkerQueue {
    queue: PolledQueue,
    registry: Registry,
}

/// A worker's receiving side, with the poll that its waker belongs to.
pub(super) struct PolledQueue {
    pub(super) poll: Poll,
    pub(super) messages: Receiver<ToWorker>,
    /// How many workers have something to wait for in a stop; all of them before it.
    pub(super) busy: Arc<AtomicUsize>,
    woken: Arc<AtomicBool>,
}

impl Hub {
    /// A hub for `workers` workers (at least one), and their ends of it.
    pub fn new(workers: usize) -> io::Result<(Hub, Vec<WorkerQueue>)> {
        let mut posts = Vec::new();
        let mut queues = Vec::new();
        let busy = Arc::new(AtomicUsize::new(workers.max(1)));
        for _ in 0..workers.max(1) {
            let poll = Poll::new()?;
            let waker = Waker::new(poll.registry(), Ready::Waker.token())?;
            let registry = poll.registry().try_clone()?;
            let (sender, messages) = channel();
            let woken = Arc::new(AtomicBool::new(false));
            posts.push(Post {
                queue: sender,
                waker,
                woken: Arc::clone(&woken),
            });
            let queue = PolledQueue {
                poll,
                messages,
                busy: Arc::clone(&busy),
                woken,
            };
            queues.push(WorkerQueue { queue, registry });
        }
        let workers = posts.into();
        let next = Arc::new(AtomicU64::new(1));
        Ok((Hub { workers, next }, queues))
    }

    /// Brings events to every worker: after their commit, before its replies.
    pub fn publish(&self, events: Arc<[Event]>) {
        if !events.is_empty() {
            for post in self.workers.iter() {
                post.send(ToWorker::Events(Arc::clone(&events)));
            }
        }
    }

    /// Brings a reply to the connection that asked, if it is still there.
    pub fn answer(&self, conn: ConnId, reply: Reply) {
        self.post(conn).send(ToWorker::Reply(conn, reply));
    }

    /// Asks for an outgoing connection, and gives its number. Its engine is told how that
    /// went, on the connection's worker.
    pub fn dial(&self, dial: Dial) -> ConnId {
        let id = self.next_id();
        self.post(id).send(ToWorker::Dial(id, Box::new(dial)));
        id
    }

    /// Brings something to the resolver.
    pub(super) fn send_to_resolver(&self, what: ToResolver) {
        if let Some(first) = self.workers.first() {
            first.send(ToWorker::Dns(what));
        }
    }

    /// The number of a new connection.
    pub(super) fn next_id(&self) -> ConnId {
        ConnId(self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// Tells every worker to end.
    pub fn shutdown(&self) {
        for post in self.workers.iter() {
            post.send(ToWorker::Shutdown);
        }
    }

    /// Asks every worker to close its oldest anonymous peers.
    pub(super) fn evict(&self, short: Shortage) {
        for post in self.workers.iter() {
            post.send(ToWorker::Evict(short));
        }
    }

    /// Hands a connection that has come in to its worker.
    pub(super) fn deal(&self, accepted: Accepted) {
        let id = accepted.id;
        self.post(id).send(ToWorker::Conn(accepted));
    }

    /// Ids count up, so their remainder deals connections round-robin and finds them again.
    fn post(&self, conn: ConnId) -> &Post {
        let n = self.workers.len() as u64;
        &self.workers[(conn.0 % n) as usize]
    }
}

impl Post {
    fn send(&self, what: ToWorker) {
        // A worker that has ended takes nothing any more.
        let sent = self.queue.send(what).is_ok();
        if !sent || self.woken.swap(true, Ordering::AcqRel) {
            return;
        }
        for _ in 0..WAKES {
            match self.waker.wake() {
                Ok(()) => return,
                Err(error) => log::error!("cannot wake a worker: {error}"),
            }
        }
        // The next sender tries again.
        self.woken.store(false, Ordering::Release);
    }
}

impl WorkerQueue {
    /// The queue, and the poll's registry for the sockets of connections.
    pub(super) fn split(self) -> (PolledQueue, Registry) {
        (self.queue, self.registry)
    }
}

impl PolledQueue {
    /// Called before the queue is emptied: the next sender wakes again.
    pub(super) fn look(&self) {
        self.woken.swap(false, Ordering::AcqRel);
    }
}

/// Tries to wake a worker: one that is not woken would stand still until its next deadline.
const WAKES: usize = 3;
