//! The runner: it looks at endpoints that may have something to send, carries out the calls of
//! connections, and does what has to be done outside. The thread of the writer carries all of it
//! out, in transactions of its own.

use std::sync::Arc;

use super::due::DueDelivery;
use super::outcome;
use super::routes::{CONNECTIONS_MAX, HookAction};
use super::state::{HookEndpoint, HookState, Webhooks};
use crate::call::{
    ConnId, HookAnswer, HookCall, HookContent, HookDelivery, HookReport, HookRoute, HookTest,
    NextDelivery, Refusal, Reply, Topic, WebhookId, WebhookWrite, Written,
};
use crate::service::context::{LoneTurn, WriteContext};
use crate::store::Error;

/// What an endpoint has to send.
enum NextSend {
    Now(DueDelivery),
    /// Something, at this time (unix milliseconds).
    At(i64),
    /// The log was looked at in part: more in a later step.
    Later,
    Nothing,
}

impl Webhooks {
    /// Does what is due, in transactions of its own, and then what has to be done outside.
    pub fn run(&self, context: &mut WriteContext<'_>) -> LoneTurn {
        let mut turn = LoneTurn::default();
        let Some(ways) = &self.ways else {
            return turn;
        };
        for _ in 0..ROUNDS {
            let mut state = self.state();
            if context.now.mono_ms < state.rests_until_ms {
                turn.next_ms = Some(state.rests_until_ms - context.now.mono_ms);
                return turn;
            }
            let calls = core::mem::take(&mut state.calls);
            let events = context.events.len();
            if let Err(error) = self.step(context, &mut state, &calls, &mut turn.replies) {
                context.events.truncate(events);
                let refused = calls
                    .iter()
                    .map(|(conn, _)| (*conn, Reply::Refused(Refusal::Internal)));
                turn.replies.extend(refused);
                // What was undone may be in memory. Requests whose answers are lost are made again.
                state.forget();
                state.rests_until_ms = context.now.mono_ms.saturating_add(AFTER_ERROR_MS);
                turn.next_ms = Some(AFTER_ERROR_MS);
                turn.error = Some(error);
                return turn;
            }
            let actions = state.routes.take_actions();
            turn.next_ms = state.next_ms(context);
            state.measure(&context.shared.metrics);
            let is_done = actions.is_empty() && turn.next_ms != Some(0);
            // The lock is given back: an answer can come before `ask` returns.
            drop(state);
            for action in actions {
                match action {
                    HookAction::Dial(dial) => ways.dialer.dial(*dial),
                    HookAction::Ask(number, question) => {
                        let answers = Arc::clone(&self.answers);
                        let answer = move |answer| answers.put(number, answer);
                        ways.resolve.ask(question, Box::new(answer));
                    }
                }
            }
            if is_done {
                break;
            }
        }
        turn
    }

    /// One step: what has come and what is due, in one transaction if there is anything to do.
    fn step(
        &self,
        context: &mut WriteContext<'_>,
        state: &mut HookState,
        calls: &[HookCall],
        replies: &mut Vec<(ConnId, Reply)>,
    ) -> Result<(), Error> {
        let now = context.now;
        for answer in self.answers.take() {
            state.routes.answered(now, &self.settings.rules, answer);
        }
        let is_stopping = context.service.is_stopping();
        let mut ended = state.routes.take_late(now);
        if is_stopping {
            ended.extend(state.routes.all_held());
            state.ready.clear();
        } else {
            let due = state.retries.range(..=(now.unix_ms, WebhookId(i64::MAX)));
            let due: Vec<(i64, WebhookId)> = due.copied().collect();
            for (_, id) in due {
                state.look_at(id, None);
                state.wake(id);
            }
        }
        if now.mono_ms >= state.waiting_at_ms && !state.routes.waiting.is_empty() {
            state.waiting_at_ms = now.mono_ms.saturating_add(WAITING_MS);
            for _ in 0..state.routes.waiting.len().min(LOOKS_A_STEP) {
                self.give_place(state);
            }
        }
        let has_work = !calls.is_empty()
            || !ended.is_empty()
            || !state.ready.is_empty()
            || !state.changed.is_empty()
            || !state.routes.failed.is_empty()
            || !state.is_loaded;
        if !has_work {
            return Ok(());
        }
        let mut written = Vec::new();
        context.store.begin()?;
        let done = (|| {
            self.read_changed(context, state, &mut written)?;
            for id in ended {
                close(state, id, &mut written);
            }
            for (conn, call) in calls {
                self.carry_out(context, state, (*conn, call), &mut written)?;
            }
            for (route, why) in core::mem::take(&mut state.routes.failed) {
                self.lost(
                    context,
                    state,
                    route,
                    &mut written,
                    (HookAnswer::Error(why), 0),
                )?;
            }
            let looks = state.ready.len().min(LOOKS_A_STEP);
            for _ in 0..looks {
                if let Some(id) = state.ready.pop_front() {
                    self.look(context, state, id, &mut written)?;
                }
            }
            Ok(())
        })();
        match done {
            Ok(()) => {
                let receipt = context.store.commit()?;
                let written = written.into_iter();
                replies.extend(written.map(|(conn, w)| (conn, Reply::Written(w, receipt))));
                Ok(())
            }
            Err(error) => {
                context.store.rollback();
                Err(error)
            }
        }
    }

    /// Reads the rows that have changed, and at first those of all endpoints.
    fn read_changed(
        &self,
        context: &mut WriteContext<'_>,
        state: &mut HookState,
        written: &mut Vec<(ConnId, Written)>,
    ) -> Result<(), Error> {
        let mut changed = core::mem::take(&mut state.changed);
        if !state.is_loaded {
            state.is_loaded = true;
            changed.extend(context.store.enabled_or_failed_webhooks()?);
        }
        for (org, id) in changed {
            let hook = context.store.webhook(org, id)?;
            match hook.as_ref().and_then(|hook| hook.row.disabled_reason) {
                Some(_) => state.disabled.insert((org, id)),
                None => state.disabled.remove(&(org, id)),
            };
            let hook = hook.filter(|hook| hook.row.is_enabled);
            let endpoint = hook.and_then(|hook| {
                let sealing = context.service.sealing();
                HookEndpoint::of(&hook, &self.settings.rules, sealing)
            });
            // The old connection may lead elsewhere. A request under way comes to its end.
            if let Some(route) = state.routes.delivering(id) {
                let is_held = state.routes.get_mut(route).is_some_and(|found| {
                    found.is_ending = true;
                    found.held.is_some()
                });
                if is_held {
                    close(state, route, written);
                }
            }
            match endpoint {
                Some(mut endpoint) => {
                    endpoint.listen(&context.shared.listeners);
                    state.insert(id, endpoint);
                }
                None => drop(state.remove(id)),
            }
        }
        Ok(())
    }

    fn carry_out(
        &self,
        context: &mut WriteContext<'_>,
        state: &mut HookState,
        (conn, call): (ConnId, &WebhookWrite),
        written: &mut Vec<(ConnId, Written)>,
    ) -> Result<(), Error> {
        match call {
            WebhookWrite::Next {
                route,
                report,
                is_last,
            } => {
                if let Some(report) = report {
                    self.reported(context, state, (*route, report), written)?;
                }
                if let Some(next) = self.next(context, state, (*route, conn), *is_last)? {
                    written.push((conn, Written::NextDelivery(next)));
                }
            }
            WebhookWrite::Lost { route, report } => {
                let HookReport {
                    answer,
                    duration_ms,
                    is_stale,
                } = &**report;
                match is_stale {
                    true => {
                        if let Some(ended) = state.routes.end(*route) {
                            state.wake(ended.webhook);
                        }
                    }
                    false => {
                        let outcome = (answer.clone(), *duration_ms);
                        self.lost(context, state, *route, written, outcome)?;
                    }
                }
                self.give_place(state);
                written.push((conn, Written::Changed));
            }
            WebhookWrite::Test { hook } => {
                self.begin_test(context, state, hook.id, conn, written)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// A connection has its answer.
    fn reported(
        &self,
        context: &mut WriteContext<'_>,
        state: &mut HookState,
        (id, report): (HookRoute, &HookReport),
        written: &mut Vec<(ConnId, Written)>,
    ) -> Result<(), Error> {
        let Some(route) = state.routes.get_mut(id) else {
            return Ok(());
        };
        let outcome = (report.answer.clone(), report.duration_ms);
        if let Some(conn) = route.test {
            route.is_ending = true;
            written.push((conn, tested(outcome)));
            return Ok(());
        }
        let webhook = route.webhook;
        match route.claim.take() {
            Some(due) => outcome::record(context, state, (webhook, &due), outcome),
            None => Ok(()),
        }
    }

    /// The next request of a connection; `None` when it waits for more.
    fn next(
        &self,
        context: &mut WriteContext<'_>,
        state: &mut HookState,
        (id, conn): (HookRoute, ConnId),
        is_last: bool,
    ) -> Result<Option<NextDelivery>, Error> {
        let now = context.now;
        let Some(route) = state.routes.get_mut(id) else {
            return Ok(Some(NextDelivery::Quit));
        };
        let webhook = route.webhook;
        let is_old = now.mono_ms.saturating_sub(route.began_ms) > REUSE_MS;
        let is_over = is_last || is_old || route.is_ending || context.service.is_stopping();
        let is_test = route.test.is_some();
        if is_over || !(is_test || state.endpoints.contains_key(&webhook)) {
            state.routes.end(id);
            state.wake(webhook);
            self.give_place(state);
            return Ok(Some(NextDelivery::Quit));
        }
        if is_test {
            return self.next_test(context, state, id);
        }
        match self.find(context, state, webhook)? {
            NextSend::Now(due) => return Ok(Some(claim(context, state, id, due))),
            NextSend::At(at) => state.look_at(webhook, Some(at)),
            NextSend::Later => state.wake(webhook),
            NextSend::Nothing => {}
        }
        state.routes.goes_on(now, id, Some(conn));
        Ok(None)
    }

    /// Looks for what an endpoint has to send: what is tried again goes before the log.
    fn find(
        &self,
        context: &mut WriteContext<'_>,
        state: &mut HookState,
        id: WebhookId,
    ) -> Result<NextSend, Error> {
        let (store, now) = (context.store, context.now.unix_ms);
        let Some(endpoint) = state.endpoints.get_mut(&id) else {
            return Ok(NextSend::Nothing);
        };
        for _ in 0..EXPIRED_A_LOOK {
            if !endpoint.has_pending {
                break;
            }
            let Some(row) = store.pending_delivery(id)? else {
                endpoint.has_pending = false;
                break;
            };
            if let Some(at) = row.next_attempt_at.filter(|at| *at > now) {
                return Ok(NextSend::At(at));
            }
            let seq = u64::try_from(row.id.0).unwrap_or(0);
            let (org, before) = (endpoint.org, seq.saturating_sub(1));
            let page = store.events_after(org, Topic::Org(org), before, 1)?;
            let event = page.and_then(|page| page.events.into_iter().next());
            match event.filter(|event| event.seq == seq) {
                None => outcome::expire(context, id, row)?,
                Some(event) => {
                    return Ok(NextSend::Now(DueDelivery {
                        kind: row.kind,
                        event: Arc::new(event),
                        row: Some(row),
                        after: endpoint.seq,
                    }));
                }
            }
        }
        Ok(match endpoint.scan(store)? {
            (Some(due), _) => NextSend::Now(due),
            (None, true) => NextSend::Later,
            (None, false) => NextSend::Nothing,
        })
    }

    /// An endpoint may have something to send.
    fn look(
        &self,
        context: &mut WriteContext<'_>,
        state: &mut HookState,
        id: WebhookId,
        written: &mut Vec<(ConnId, Written)>,
    ) -> Result<(), Error> {
        let Some(endpoint) = state.endpoints.get_mut(&id) else {
            return Ok(());
        };
        endpoint.is_ready = false;
        let (url, is_failing) = (endpoint.url.clone(), endpoint.failing_since.is_some());
        let held = match state.routes.delivering(id) {
            None => None,
            Some(route) => match state.routes.get_mut(route).and_then(|found| found.held) {
                // Its next call looks.
                None => return Ok(()),
                Some(conn) => Some((route, conn)),
            },
        };
        let due = match self.find(context, state, id)? {
            NextSend::Nothing => return Ok(()),
            NextSend::Later => {
                state.wake(id);
                return Ok(());
            }
            NextSend::At(at) => {
                state.look_at(id, Some(at));
                return Ok(());
            }
            NextSend::Now(due) => due,
        };
        if let Some((route, conn)) = held {
            let next = claim(context, state, route, due);
            written.push((conn, Written::NextDelivery(next)));
            return Ok(());
        }
        if state.routes.len() >= CONNECTIONS_MAX
            && let Some(oldest) = state.routes.oldest_held()
        {
            close(state, oldest, written);
        }
        match state.routes.takes_place(context.now, is_failing) {
            true => {
                let of = (id, url);
                state
                    .routes
                    .begin(context.now, &self.settings.rules, of, (None, is_failing));
            }
            false => wait(state, id),
        }
        Ok(())
    }

    /// A connection could not be made, or was lost without an answer.
    fn lost(
        &self,
        context: &mut WriteContext<'_>,
        state: &mut HookState,
        id: HookRoute,
        written: &mut Vec<(ConnId, Written)>,
        outcome: (HookAnswer, u64),
    ) -> Result<(), Error> {
        let Some(route) = state.routes.end(id) else {
            return Ok(());
        };
        if let Some(conn) = route.test {
            written.push((conn, tested(outcome)));
            return Ok(());
        }
        let webhook = route.webhook;
        let due = match route.claim {
            Some(due) => Some(due),
            None => match self.find(context, state, webhook)? {
                NextSend::Now(due) => Some(due),
                NextSend::At(_) | NextSend::Later | NextSend::Nothing => None,
            },
        };
        if let Some(due) = due {
            outcome::record(context, state, (webhook, &due), outcome)?;
        }
        state.wake(webhook);
        Ok(())
    }

    fn begin_test(
        &self,
        context: &mut WriteContext<'_>,
        state: &mut HookState,
        id: WebhookId,
        conn: ConnId,
        written: &mut Vec<(ConnId, Written)>,
    ) -> Result<(), Error> {
        let org = context.store.webhook_org(id)?;
        let hook = match org {
            Some(org) => context.store.webhook(org, id)?,
            None => None,
        };
        let sealing = context.service.sealing();
        let endpoint = hook.and_then(|hook| HookEndpoint::of(&hook, &self.settings.rules, sealing));
        let busy = || HookAnswer::Error("the server has too many connections".to_owned());
        let gone = || HookAnswer::Error("the webhook cannot send".to_owned());
        match endpoint {
            None => written.push((conn, tested((gone(), 0)))),
            Some(endpoint) => match state.routes.takes_place(context.now, false) {
                false => written.push((conn, tested((busy(), 0)))),
                true => {
                    let of = (id, endpoint.url);
                    state
                        .routes
                        .begin(context.now, &self.settings.rules, of, (Some(conn), false));
                }
            },
        }
        Ok(())
    }

    fn next_test(
        &self,
        context: &mut WriteContext<'_>,
        state: &mut HookState,
        id: HookRoute,
    ) -> Result<Option<NextDelivery>, Error> {
        let Some(route) = state.routes.get_mut(id) else {
            return Ok(Some(NextDelivery::Quit));
        };
        let webhook = route.webhook;
        let hook = match context.store.webhook_org(webhook)? {
            Some(org) => context.store.webhook(org, webhook)?,
            None => None,
        };
        let sealing = context.service.sealing();
        let endpoint = hook.and_then(|hook| HookEndpoint::of(&hook, &self.settings.rules, sealing));
        let Some(endpoint) = endpoint else {
            state.routes.end(id);
            return Ok(Some(NextDelivery::Quit));
        };
        state.routes.goes_on(context.now, id, None);
        let number = context.random.u64();
        Ok(Some(NextDelivery::Send(Box::new(HookDelivery {
            content: HookContent::Test(webhook, number),
            keys: endpoint.keys(context.now),
            access: endpoint.access,
            is_full: false,
        }))))
    }

    /// The next of those that wait for a place.
    fn give_place(&self, state: &mut HookState) {
        if let Some(id) = state.routes.waiting.pop_front() {
            if let Some(endpoint) = state.endpoints.get_mut(&id) {
                endpoint.is_waiting = false;
            }
            state.wake(id);
        }
    }
}

/// An endpoint waits for a place among the connections, and for a moment at least.
fn wait(state: &mut HookState, id: WebhookId) {
    if let Some(endpoint) = state.endpoints.get_mut(&id)
        && !endpoint.is_waiting
    {
        endpoint.is_waiting = true;
        state.routes.waiting.push_back(id);
    }
}

/// Gives a connection what is due.
fn claim(
    context: &WriteContext<'_>,
    state: &mut HookState,
    id: HookRoute,
    due: DueDelivery,
) -> NextDelivery {
    let Some(route) = state.routes.get_mut(id) else {
        return NextDelivery::Quit;
    };
    let webhook = route.webhook;
    let Some(endpoint) = state.endpoints.get(&webhook) else {
        return NextDelivery::Quit;
    };
    let delivery = HookDelivery {
        content: HookContent::Event(due.kind, Arc::clone(&due.event)),
        keys: endpoint.keys(context.now),
        access: endpoint.access.clone(),
        is_full: endpoint.is_full,
    };
    route.claim = Some(due);
    state.routes.goes_on(context.now, id, None);
    NextDelivery::Send(Box::new(delivery))
}

/// Ends a connection: one that waits for more is told so.
fn close(state: &mut HookState, id: HookRoute, written: &mut Vec<(ConnId, Written)>) {
    let Some(route) = state.routes.end(id) else {
        return;
    };
    if let Some(conn) = route.held {
        written.push((conn, Written::NextDelivery(NextDelivery::Quit)));
    }
    if let Some(conn) = route.test {
        let why = HookAnswer::Error("no answer in time".to_owned());
        written.push((conn, tested((why, 0))));
    }
    // What was under way is made again.
    if route.held.is_none() {
        state.wake(route.webhook);
    }
}

fn tested((answer, duration_ms): (HookAnswer, u64)) -> Written {
    Written::WebhookTested(Box::new(HookTest {
        answer,
        duration_ms,
    }))
}

impl HookState {
    /// Milliseconds until the next turn.
    fn next_ms(&self, context: &WriteContext<'_>) -> Option<u64> {
        let is_stopping = context.service.is_stopping();
        let has_ready = !is_stopping && !self.ready.is_empty();
        if !self.calls.is_empty() || has_ready || self.routes.has_actions() {
            return Some(0);
        }
        let now = context.now;
        let wall = |at: i64| u64::try_from(at.saturating_sub(now.unix_ms)).unwrap_or(0);
        let timer = self.routes.next_timer();
        [
            timer.map(|at| at.saturating_sub(now.mono_ms)),
            self.retries
                .first()
                .map(|(at, _)| wall(*at))
                .filter(|_| !is_stopping),
            (!self.routes.waiting.is_empty()).then_some(WAITING_MS),
        ]
        .into_iter()
        .flatten()
        .min()
    }
}

/// Steps of one turn: a write of another call waits no longer.
const ROUNDS: usize = 4;

/// Endpoints that one step looks at.
const LOOKS_A_STEP: usize = 200;

/// Rows that one look gives up.
const EXPIRED_A_LOOK: usize = 20;

/// Milliseconds of rest after an error (a full disk, say).
const AFTER_ERROR_MS: u64 = 5000;

/// Milliseconds of one connection: a name that leads elsewhere is looked up again.
const REUSE_MS: u64 = 300_000;

/// Milliseconds after which those that wait for a place are looked at again.
const WAITING_MS: u64 = 100;
