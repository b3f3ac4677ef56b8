//! A stream on which nothing is said but comments: that which a legacy client opens with GET (one
//! that cannot open it takes the server for a broken one), and that of a client that listens to
//! nothing which changes here.

use std::sync::Arc;

use super::listen::ResourceListener;
use crate::call::{Caller, Metric, Now, RaisedGauge, Shared};
use crate::engine::Output;
use crate::http::stream::{EndReason, StreamForm};

/// An empty stream, until its client leaves, its key ends or the server stops.
#[derive(Debug)]
pub(crate) struct QuietStream {
    shared: Arc<Shared>,
    /// When its key ends, in Unix milliseconds.
    expires_at: Option<i64>,
    /// What says its first and last words, if it has any.
    listener: Option<Box<ResourceListener>>,
    _gauge: RaisedGauge,
}

impl QuietStream {
    /// The head of its response has been written.
    pub fn start(
        (caller, mut listener): (&Caller, Option<Box<ResourceListener>>),
        shared: &Arc<Shared>,
        now: Now,
        out: &mut Output,
    ) -> QuietStream {
        if let Some(listener) = &mut listener {
            listener.ready(&mut out.bytes, 0);
        }
        let stream = QuietStream {
            shared: Arc::clone(shared),
            expires_at: caller.key().and_then(|access| access.expires_at),
            listener,
            _gauge: RaisedGauge::new(shared, Metric::Streams),
        };
        out.stream = true;
        stream.schedule(now, out);
        stream
    }

    /// It ends.
    pub fn end(&mut self, reason: EndReason, out: &mut Output) {
        if let Some(listener) = &mut self.listener {
            listener.end(&mut out.bytes, reason);
        }
        out.close = true;
    }

    /// A comment is due, or the key has expired.
    pub fn deadline(&mut self, now: Now, out: &mut Output) {
        if self.expires_at.is_some_and(|end| end <= now.unix_ms) {
            return self.end(EndReason::KeyExpired, out);
        }
        out.bytes.extend_from_slice(b": heartbeat\n");
        self.schedule(now, out);
    }

    fn schedule(&self, now: Now, out: &mut Output) {
        let mut next = now.plus_ms(self.shared.limits.heartbeat_s.saturating_mul(1000));
        if let Some(end) = self.expires_at {
            let left_ms = u64::try_from(end.saturating_sub(now.unix_ms)).unwrap_or(0);
            next = next.min(now.plus_ms(left_ms));
        }
        out.deadline = Some(Some(next));
    }
}
