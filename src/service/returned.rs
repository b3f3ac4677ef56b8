//! The way back to the writer for what was asked outside: a call that waits for the DNS is
//! carried out again, with the answers in it.
//!
//! It holds no sending end of the writer's queue by itself, so that the writer ends when the
//! workers have ended, whatever answer is still to come. Without executors (tests, the command
//! line) the calls stay here until they are fetched.

use std::collections::VecDeque;
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::call::{Request, Write};

type Send = Box<dyn Fn(Request<Write>) + core::marker::Send + Sync>;

/// Calls that come back.
#[derive(Default)]
pub struct Returned {
    send: OnceLock<Send>,
    waiting: Mutex<VecDeque<Request<Write>>>,
}

impl core::fmt::Debug for Returned {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Returned(..)")
    }
}

impl Returned {
    /// From now on calls go to the writer's queue.
    pub(super) fn send_by(
        &self,
        send: impl Fn(Request<Write>) + core::marker::Send + Sync + 'static,
    ) {
        // The second router of one service, in a test, leaves the first in place.
        let _ = self.send.set(Box::new(send));
    }

    /// Brings a call back.
    pub(super) fn give(&self, request: Request<Write>) {
        match self.send.get() {
            Some(send) => send(request),
            None => self.waiting().push_back(request),
        }
    }

    /// The next call, where no executor takes it.
    pub(super) fn next(&self) -> Option<Request<Write>> {
        self.waiting().pop_front()
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, VecDeque<Request<Write>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
