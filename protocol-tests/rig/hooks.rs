//! Connections to endpoints of webhooks: a test plays the endpoint. Those that the product wants
//! wait in [`Hooks::wanted`] until the test takes them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use postern::testing::call::{ConnId, HookDial, HookDialer, Metric, WebhookSettings};
use postern::testing::engine::DialError;
use postern::testing::engine::drive::Driver;
use postern::testing::http::client::HookClient;
use postern::testing::protocol::Protocol;
use postern::testing::service::webhook::HookWays;

use super::{ClientEnd, Conn, Rig};

/// The connections that the product asks for.
#[derive(Clone, Debug, Default)]
struct HookDials(Arc<Mutex<Vec<HookDial>>>);

impl HookDialer for HookDials {
    fn dial(&self, dial: HookDial) {
        self.0.lock().unwrap().push(dial);
    }
}

/// The webhooks of a rig.
#[derive(Debug, Default)]
pub struct Hooks {
    dials: HookDials,
    /// Connections that no test plays yet.
    pub wanted: VecDeque<HookDial>,
    /// Connections that the product has wanted.
    pub dial_count: usize,
    /// When the product looks at its webhooks next, monotonic milliseconds.
    pub next_ms: Option<u64>,
}

impl Rig {
    /// Has the product send to webhooks. Before anything else has happened.
    pub fn connect_webhooks(&mut self, settings: WebhookSettings) {
        let hooks = Hooks::default();
        let ways = HookWays {
            resolve: Arc::new(self.dns.clone()),
            dialer: Arc::new(hooks.dials.clone()),
        };
        self.product.connect_webhooks(settings, ways);
        self.hooks = Some(hooks);
    }

    /// Lets the product look at its webhooks. `false`: there is nothing to do.
    pub(super) fn run_hooks(&mut self) -> bool {
        let now = self.now().mono_ms;
        let Some(hooks) = &mut self.hooks else {
            return false;
        };
        let (turn, events) = self.product.run_webhooks();
        hooks.next_ms = turn.next_ms.map(|ms| now.saturating_add(ms));
        let dials = core::mem::take(&mut *hooks.dials.0.lock().unwrap());
        let is_busy = !turn.replies.is_empty()
            || !dials.is_empty()
            || !events.is_empty()
            || turn.next_ms == Some(0);
        hooks.dial_count += dials.len();
        hooks.wanted.extend(dials);
        self.publish(&events);
        for (ConnId(id), reply) in turn.replies {
            self.touch(id, &mut |s, now, out| s.answer(now, reply.clone(), out));
        }
        is_busy
    }

    /// A connection to an endpoint: it is there at once, or fails.
    pub fn dial_hook(&mut self, dial: HookDial, fails: Option<DialError>) -> u64 {
        let id = self.next;
        self.next += 1;
        let conn = Conn {
            peer: dial.addresses[0],
            driver: Some(Driver::new(Protocol::dial(Box::new(HookClient::new(dial))))),
            end: ClientEnd::default(),
        };
        self.conns.insert(id, conn);
        self.shared.metrics.add(Metric::ConnectionsOpen, 1);
        match fails {
            None => self.touch(id, &mut |s, now, out| s.open(now, out)),
            Some(error) => self.touch(id, &mut |s, now, out| s.fail(now, error.clone(), out)),
        }
        self.settle();
        id
    }
}
