//! What all connections of a server share.

use super::{Budget, Limits, Metric, Metrics, RecentMarks};

/// What all connections of a server share; nothing in it changes but counters and marks.
#[derive(Debug)]
pub struct Shared {
    /// The server's own name, in greetings and Received.
    pub host: String,
    /// Limits.
    pub limits: Limits,
    /// Counters.
    pub metrics: Metrics,
    /// Memory for messages on their way in.
    pub intake: Budget,
    /// Memory for long answers that wait to be read.
    pub outgoing: Budget,
    /// Up to which UIDs messages are no longer `\Recent`.
    pub recent_marks: RecentMarks,
    /// What `GET /inboxes/credentials/export` tells clients to connect to.
    pub endpoints: PublicEndpoints,
}

impl Shared {
    /// A house with nothing in it yet; its budgets follow from its limits.
    pub fn new(host: &str, limits: Limits, endpoints: PublicEndpoints) -> Self {
        Shared {
            host: host.into(),
            metrics: Metrics::default(),
            intake: Budget::intake(&limits),
            outgoing: Budget::outgoing(&limits),
            recent_marks: RecentMarks::default(),
            endpoints,
            limits,
        }
    }

    /// Whether so many connections are open that anonymous peers get less time.
    pub fn is_stressed(&self) -> bool {
        let open = self.metrics.value(Metric::ConnectionsOpen);
        let most = self.limits.connections as u64;
        open.saturating_mul(100) > most.saturating_mul(self.limits.stress_percent as u64)
    }
}

/// Host names and ports as clients outside are to use them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PublicEndpoints {
    /// IMAP host.
    pub imap_host: String,
    /// IMAP port, implicit TLS.
    pub imap_port: u16,
    /// SMTP host.
    pub smtp_host: String,
    /// SMTP port, implicit TLS.
    pub smtp_port: u16,
}
