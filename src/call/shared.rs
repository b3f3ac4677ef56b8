//! The data that all connections of a server share: its name, limits, counters and budgets. It is
//! plain data with atomics and, for what is counted by rows, locks that are held for a few
//! instructions.

use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use super::{
    Budget, FilterSwitch, InboundPolicy, Limits, Listeners, Metric, Metrics, RecentMarks,
    RequestRates, UpstreamSettings, UpstreamWakes,
};

/// The data that all connections of a server share. Only its counters and marks change.
#[derive(Debug)]
pub struct Shared {
    /// The server's own name, in greetings and Received.
    pub host: String,
    /// Limits.
    pub limits: Limits,
    /// How mail from other servers is taken in.
    pub inbound: InboundPolicy,
    /// Whether received mail is judged.
    pub filter: FilterSwitch,
    /// Where inboxes may live elsewhere.
    pub upstream: UpstreamSettings,
    /// Counters.
    pub metrics: Metrics,
    /// Memory for messages on their way in.
    pub intake: Budget,
    /// Memory for long answers that wait to be read.
    pub outgoing: Budget,
    /// The messages that are no longer `\Recent` to any session.
    pub recent_marks: RecentMarks,
    /// The requests over HTTP of each key, organization and address.
    pub requests: RequestRates,
    /// What is listened to now.
    pub listeners: Arc<Listeners>,
    /// Accounts elsewhere with changes to be told.
    pub upstream_wakes: UpstreamWakes,
    /// The endpoints that clients of mail are told to connect to.
    pub endpoints: PublicEndpoints,
    /// Origins of other servers whose pages may speak MCP.
    pub rpc_origins: Vec<String>,
    stopping: AtomicBool,
}

impl Shared {
    /// New shared data. Its budgets follow from the limits.
    pub fn new(host: &str, limits: Limits, endpoints: PublicEndpoints) -> Self {
        Shared {
            host: host.into(),
            inbound: InboundPolicy::default(),
            filter: FilterSwitch::OFF,
            upstream: UpstreamSettings::default(),
            metrics: Metrics::default(),
            intake: Budget::intake(&limits),
            outgoing: Budget::outgoing(&limits),
            recent_marks: RecentMarks::default(),
            requests: RequestRates::default(),
            listeners: Arc::default(),
            upstream_wakes: UpstreamWakes::default(),
            endpoints,
            rpc_origins: Vec::new(),
            limits,
            stopping: AtomicBool::new(false),
        }
    }

    /// The same with what the operator has chosen for mail from other servers.
    pub fn with_inbound(self, inbound: InboundPolicy) -> Self {
        Shared { inbound, ..self }
    }

    /// The same with what the operator has chosen for the filter.
    pub fn with_filter(self, filter: FilterSwitch) -> Self {
        Shared { filter, ..self }
    }

    /// The same with what the operator has chosen for inboxes that live elsewhere.
    pub fn with_upstream(self, upstream: UpstreamSettings) -> Self {
        Shared { upstream, ..self }
    }

    /// The same with the origins of other servers whose pages may speak MCP.
    pub fn with_rpc_origins(self, rpc_origins: Vec<String>) -> Self {
        Shared {
            rpc_origins,
            ..self
        }
    }

    /// The server stops from now on, because it was asked to.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether [`Shared::stop`] was called: a request may only acknowledge events.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Whether so many connections are open that those without a login get less time.
    pub fn is_stressed(&self) -> bool {
        let open = self.metrics.value(Metric::ConnectionsOpen);
        let most = self.limits.connections as u64;
        open.saturating_mul(100) > most.saturating_mul(self.limits.stress_percent as u64)
    }
}

/// Host names and ports that clients outside use.
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
    /// IMAP port with STARTTLS. As with the other ports, 0 is none.
    pub imap_starttls_port: u16,
    /// SMTP port for submission with STARTTLS.
    pub smtp_starttls_port: u16,
}

/// One in a gauge, for as long as it lives.
#[derive(Debug)]
pub struct RaisedGauge {
    shared: Arc<Shared>,
    gauge: Metric,
}

impl RaisedGauge {
    /// Raises the gauge.
    pub fn new(shared: &Arc<Shared>, gauge: Metric) -> RaisedGauge {
        shared.metrics.count(gauge);
        let shared = Arc::clone(shared);
        RaisedGauge { shared, gauge }
    }
}

impl Drop for RaisedGauge {
    fn drop(&mut self) {
        self.shared.metrics.sub(self.gauge, 1);
    }
}
