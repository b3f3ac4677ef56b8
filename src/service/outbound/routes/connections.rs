//! The connections of routes: their calls, what their loss means, and the bounds that they keep.

use super::{
    ADDRESSES_A_TRY, ALLOWED_MAX, Connection, HOLD_MS, LeaseEnd, NextHop, REUSE_MS, Routes,
    SESSION_MS, SESSIONS_A_TRY, TRANSACTIONS_MAX,
};
use crate::call::{
    ConnId, InboxId, LostWhy, Now, OutboundLease, OutboundLoss, OutboundStage, OutboundTlsPolicy,
    RouteId, Secret,
};
use crate::service::outbound::failure::DeliveryFailure;
use crate::store::Backlog;

impl Routes {
    /// A connection asks for a transaction. Gives where it leads; `None` when it is not known.
    pub fn begin_next(&mut self, now: Now, id: RouteId, conn: Option<ConnId>) -> Option<NextHop> {
        let connection = self.connections.get_mut(&id)?;
        self.timers.remove(&(connection.deadline_ms, id));
        connection.deadline_ms = now.mono_ms.saturating_add(SESSION_MS);
        self.timers.insert((connection.deadline_ms, id));
        connection.conn = conn.or(connection.conn);
        connection.is_held = false;
        connection.lease = None;
        let is_spent = connection.done >= TRANSACTIONS_MAX
            || now.mono_ms.saturating_sub(connection.began_ms) >= REUSE_MS;
        connection.is_ending |= is_spent;
        let to = connection.to.clone();
        if let Some(route) = self.routes.get_mut(&to) {
            route.held.retain(|held| *held != id);
            if route.good.is_none() {
                route.good = Some((connection.host.clone(), connection.address));
            }
        }
        match is_spent {
            true => {
                self.end(now, id);
                None
            }
            false => Some(to),
        }
    }

    /// A transaction was answered.
    pub fn transaction_ended(&mut self, id: RouteId, was_delivered: bool) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        connection.done = connection.done.saturating_add(1);
        let most = ALLOWED_MAX.min(self.settings.host_connections);
        let is_smarthost = matches!(connection.to, NextHop::Smarthost(_) | NextHop::Account(_));
        if let Some(route) = self.routes.get_mut(&connection.to) {
            (route.failures, route.not_before) = (0, 0);
            (route.addresses_tried, route.sessions_tried) = (0, 0);
            route.last = None;
            if was_delivered {
                let most = match is_smarthost {
                    true => self.settings.host_connections,
                    false => most,
                };
                route.allowed = route.allowed.saturating_add(1).min(most).max(1);
            }
        }
    }

    /// A connection has got a transaction. With `more`, further rows are due.
    pub fn claimed(&mut self, now: Now, id: RouteId, lease: OutboundLease, more: bool) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        connection.lease = Some(lease);
        let to = connection.to.clone();
        if let Some(route) = self.routes.get_mut(&to) {
            route.wants_more = more;
        }
        if more {
            self.advance(now, &to);
        }
    }

    /// Nothing is due for a connection. Whether it is held; otherwise it has ended.
    pub fn hold(&mut self, now: Now, id: RouteId) -> bool {
        let Some(connection) = self.connections.get_mut(&id) else {
            return false;
        };
        let load = self.loads.entry(connection.address.ip()).or_default();
        if connection.is_ending || connection.conn.is_none() || !load.waiting.is_empty() {
            self.end(now, id);
            return false;
        }
        load.held.insert(id);
        connection.is_held = true;
        self.timers.remove(&(connection.deadline_ms, id));
        connection.deadline_ms = now.mono_ms.saturating_add(HOLD_MS);
        self.timers.insert((connection.deadline_ms, id));
        if let Some(route) = self.routes.get_mut(&connection.to) {
            route.wants_more = false;
            route.held.push(id);
        }
        true
    }

    /// Has the call of a held connection carried out again.
    pub(super) fn resume(&mut self, id: RouteId) {
        if let Some(connection) = self.connections.get_mut(&id)
            && let Some(conn) = connection.conn
            && connection.is_held
        {
            connection.is_held = false;
            if let Some(load) = self.loads.get_mut(&connection.address.ip()) {
                load.held.remove(&id);
            }
            self.resumed.push((conn, id));
        }
    }

    /// Ends a connection that is held.
    pub(super) fn end_idle(&mut self, now: Now, id: RouteId) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        self.timers.remove(&(connection.deadline_ms, id));
        connection.is_ending = true;
        connection.deadline_ms = now.mono_ms.saturating_add(SESSION_MS);
        self.timers.insert((connection.deadline_ms, id));
        if let Some(route) = self.routes.get_mut(&connection.to) {
            route.held.retain(|held| *held != id);
        }
        self.resume(id);
    }

    /// Forgets a connection that ends by itself.
    pub fn end(&mut self, now: Now, id: RouteId) {
        if let Some(connection) = self.remove(id) {
            self.give_place(now, &connection);
            self.advance(now, &connection.to);
        }
    }

    /// The access token that a connection logs in with, and its account.
    pub fn token_of(&self, id: RouteId) -> Option<(InboxId, Secret)> {
        let NextHop::Account(inbox) = self.connections.get(&id)?.to else {
            return None;
        };
        let server = self.accounts.get(&inbox)?.as_ref().ok()?;
        let login = server.login.as_ref().filter(|login| login.is_token)?;
        Some((inbox, login.secret.clone()))
    }

    /// Ends a connection and the try of its route, which has not failed. Gives what the route had
    /// taken in.
    pub fn put_off(&mut self, now: Now, id: RouteId) -> Vec<Backlog> {
        let Some(to) = self.connections.get(&id).map(|known| known.to.clone()) else {
            return Vec::new();
        };
        let mut waiting = Vec::new();
        if let Some(route) = self.routes.get_mut(&to) {
            waiting.extend(route.backlogs.drain(..));
            (route.good, route.hosts, route.wants_more) = (None, None, false);
            (route.addresses_tried, route.sessions_tried) = (0, 0);
        }
        self.end(now, id);
        waiting
    }

    fn remove(&mut self, id: RouteId) -> Option<Connection> {
        let connection = self.connections.remove(&id)?;
        self.timers.remove(&(connection.deadline_ms, id));
        if let Some(load) = self.loads.get_mut(&connection.address.ip()) {
            load.held.remove(&id);
        }
        if let Some(route) = self.routes.get_mut(&connection.to) {
            route.open = route.open.saturating_sub(1);
            route.held.retain(|held| *held != id);
            if route.open == 0 && route.backlogs.is_empty() {
                // What the DNS says may change until mail comes again.
                (route.good, route.hosts) = (None, None);
            }
        }
        Some(connection)
    }

    /// Lets those go on that wait for a connection less.
    fn give_place(&mut self, now: Now, connection: &Connection) {
        let ip = connection.address.ip();
        if let Some(load) = self.loads.get_mut(&ip) {
            load.open = load.open.saturating_sub(1);
        }
        while let Some(load) = self.loads.get_mut(&ip) {
            if load.open >= self.settings.host_connections {
                break;
            }
            match load.waiting.pop_front() {
                Some(next) => self.advance(now, &next),
                None => {
                    if load.open == 0 {
                        self.loads.remove(&ip);
                    }
                    break;
                }
            }
        }
        while self.connections.len() < self.connections_max {
            // By turns the oldest and the newest, so that new mail is not behind a great number of
            // dead domains.
            let is_oldest = self.random().is_multiple_of(2);
            let next = match is_oldest {
                true => self.waiting.pop_front(),
                false => self.waiting.pop_back(),
            };
            match next {
                Some(next) => self.advance(now, &next),
                None => break,
            }
        }
    }

    /// A connection could not be made, or was lost. Gives what that means for its transaction.
    pub fn lost(&mut self, now: Now, id: RouteId, loss: &OutboundLoss) -> Option<LeaseEnd> {
        let connection = self.remove(id)?;
        let to = connection.to.clone();
        let ip = connection.address.ip();
        let failure = DeliveryFailure::lost(&loss.why, &connection.host, ip, loss.tls);
        let end = match (loss.lease.or(connection.lease), loss.stage) {
            (None, _) => None,
            _ if loss.why == LostWhy::Stopping && loss.stage != OutboundStage::End => {
                Some(LeaseEnd::Undone)
            }
            (_, OutboundStage::End) => Some(LeaseEnd::Later(failure.clone())),
            (_, OutboundStage::Envelope) if connection.done > 0 => {
                Some(LeaseEnd::Later(failure.clone()))
            }
            (_, OutboundStage::Envelope) => Some(LeaseEnd::Again(failure.clone())),
            _ => Some(LeaseEnd::Undone),
        };
        self.count_loss(&connection, loss, failure);
        // Without another host there is nothing to try again at once.
        let end = match end {
            Some(LeaseEnd::Again(failure)) if !self.has_another(&to) => {
                Some(LeaseEnd::Later(failure))
            }
            end => end,
        };
        let may_fall_back = loss.stage == OutboundStage::Tls
            && connection.tls == OutboundTlsPolicy::Opportunistic
            && !connection.is_fallback;
        if may_fall_back {
            let Connection { host, address, .. } = connection;
            if let Some(load) = self.loads.get_mut(&ip) {
                load.open = load.open.saturating_sub(1);
            }
            self.dial(now, &to, host, address, true);
            return end;
        }
        self.give_place(now, &connection);
        if loss.why != LostWhy::Stopping {
            self.advance(now, &to);
        }
        end
    }

    /// Whether this try may go on with another address.
    pub(super) fn has_another(&self, to: &NextHop) -> bool {
        let route = self.routes.get(to);
        route.is_some_and(|route| {
            let hosts = route.hosts.as_ref();
            route.sessions_tried < SESSIONS_A_TRY
                && route.addresses_tried < ADDRESSES_A_TRY
                && hosts.is_some_and(|hosts| !hosts.is_empty())
        })
    }

    /// Counts a loss among the tries of the route.
    fn count_loss(
        &mut self,
        connection: &Connection,
        loss: &OutboundLoss,
        failure: DeliveryFailure,
    ) {
        let Some(route) = self.routes.get_mut(&connection.to) else {
            return;
        };
        // It has served: the other end may close when it likes.
        if connection.done > 0 {
            return;
        }
        if loss.stage == OutboundStage::Tls
            && connection.tls == OutboundTlsPolicy::Opportunistic
            && !connection.is_fallback
        {
            route.last = Some(failure);
            return;
        }
        let is_good = (route.good.as_ref()).is_some_and(|good| good.1 == connection.address);
        if is_good {
            route.good = None;
        }
        route.allowed = (route.allowed / 2).max(1);
        match loss.stage {
            OutboundStage::Connect => {}
            _ => {
                route.sessions_tried = route.sessions_tried.saturating_add(1);
                if let Some(hosts) = &mut route.hosts {
                    match loss.why {
                        LostWhy::Ourselves => hosts.end(),
                        _ => hosts.skip_host(),
                    }
                }
            }
        }
        // A better host that was tried before says more.
        if loss.why != LostWhy::Ourselves || route.last.is_none() {
            route.last = Some(failure);
        }
    }
}
