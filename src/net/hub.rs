//! How the service's threads reach the workers: one queue and one waker a worker.
//!
//! Everything comes in by the same queue, so a worker sees events before the replies that
//! were sent after them. A worker that is awake is not woken again: a batch of a hundred
//! replies costs one system call a worker. No lock is held across either end.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use mio::{Poll, Token, Waker};

use super::listen::Accepted;
use crate::call::{ConnId, Event, Reply};

/// What a worker finds in its queue.
pub(super) enum ToWorker {
    /// A new connection.
    Conn(Accepted),
    /// The answer to a connection's call.
    Reply(ConnId, Reply),
    /// What has been committed.
    Events(Arc<[Event]>),
    /// Let the oldest strangers go: what there is too little of.
    Evict(Shortage),
    /// Say goodbye to everybody and end.
    Shutdown,
}

/// What strangers have to make room for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shortage {
    /// Connections: a few at a time are enough, and who has just come may still log in.
    Places,
    /// Memory: all of it could be gone in a second.
    Memory,
}

/// The sending side; clones share it.
#[derive(Clone)]
pub struct Hub {
    workers: Arc<[Post]>,
}

struct Post {
    queue: Sender<ToWorker>,
    waker: Waker,
    /// Set by the first sender after the worker last looked; the others need not wake it.
    woken: Arc<AtomicBool>,
}

/// A worker's receiving side, with the poll that its waker belongs to.
pub struct WorkerQueue {
    pub(super) poll: Poll,
    pub(super) messages: Receiver<ToWorker>,
    woken: Arc<AtomicBool>,
}

impl Hub {
    /// A hub for `workers` workers (at least one), and their ends of it.
    pub fn new(workers: usize) -> io::Result<(Hub, Vec<WorkerQueue>)> {
        let mut posts = Vec::new();
        let mut queues = Vec::new();
        for _ in 0..workers.max(1) {
            let poll = Poll::new()?;
            let waker = Waker::new(poll.registry(), WAKE)?;
            let (sender, messages) = channel();
            let woken = Arc::new(AtomicBool::new(false));
            posts.push(Post {
                queue: sender,
                waker,
                woken: Arc::clone(&woken),
            });
            queues.push(WorkerQueue {
                poll,
                messages,
                woken,
            });
        }
        let workers = posts.into();
        Ok((Hub { workers }, queues))
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

    /// Tells every worker to say goodbye and end.
    pub fn shutdown(&self) {
        for post in self.workers.iter() {
            post.send(ToWorker::Shutdown);
        }
    }

    /// Asks every worker to let its oldest strangers go.
    pub(super) fn evict(&self, short: Shortage) {
        for post in self.workers.iter() {
            post.send(ToWorker::Evict(short));
        }
    }

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
        // A worker that has ended takes nothing any more; there is nobody to tell.
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
        // Whoever sends next tries again.
        self.woken.store(false, Ordering::Release);
    }
}

impl WorkerQueue {
    /// Call before emptying the queue: whoever sends from now on wakes again.
    pub(super) fn look(&self) {
        self.woken.swap(false, Ordering::AcqRel);
    }
}

/// The waker's token; connections count from 1.
pub(super) const WAKE: Token = Token(0);

/// Tries to wake a worker: one that is not woken would stand still until its next deadline.
const WAKES: usize = 3;
