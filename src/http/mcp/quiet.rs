//! The stream that a legacy client opens with GET. Nothing is ever said on it but comments; a
//! client that cannot open it takes the server for a broken one.

use std::sync::Arc;

use crate::call::{Caller, Metric, Now, RaisedGauge, Shared};
use crate::engine::Output;

/// An empty stream, until its client leaves, its key ends or the server stops.
#[derive(Debug)]
pub(crate) struct QuietStream {
    shared: Arc<Shared>,
    /// When its key ends, in Unix milliseconds.
    expires_at: Option<i64>,
    _gauge: RaisedGauge,
}

impl QuietStream {
    /// The head of its response has been written.
    pub fn start(caller: &Caller, shared: &Arc<Shared>, now: Now, out: &mut Output) -> QuietStream {
        let stream = QuietStream {
            shared: Arc::clone(shared),
            expires_at: caller.key().and_then(|access| access.expires_at),
            _gauge: RaisedGauge::new(shared, Metric::Streams),
        };
        out.stream = true;
        stream.schedule(now, out);
        stream
    }

    /// A comment is due, or the key has expired.
    pub fn deadline(&self, now: Now, out: &mut Output) {
        if self.expires_at.is_some_and(|end| end <= now.unix_ms) {
            out.close = true;
            return;
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
