//! The queue at work: new recipients, the calls of connections, and what is due.
//!
//! The thread of the writer carries all of it out, in transactions of its own: a group of the
//! writer may be undone and carried out again, and what a claim has changed in memory could not be.
//!
//! The rule: **what is in memory may be lost.** A backlog that the service looks at is marked in
//! its row, and is looked at again after a start; an attempt that is under way is leased.

use std::sync::Arc;

use super::leave::{self, Leave};
use super::piece::Measured;
use super::routes::{LeaseEnd, NextHop, OutboundAction};
use super::state::{AFTER_ERROR_MS, Outbound, OutboundState, UnsavedEnd};
use super::{outcome, path};
use crate::call::{
    ConnId, DnsAnswer, NextTransaction, Now, OrgId, OutboundLoss, OutboundTransaction,
    OutboundWrite, Refusal, Reply, Report, RouteId, Written,
};
use crate::service::context::{LoneTurn, WriteContext};
use crate::store::{Backlog, LOOKED_AT_NOW, NewOutbound, OutboundRecord, Store};

impl Outbound {
    /// Queues a recipient, in the savepoint of the call that accepts it.
    pub fn enqueue(&self, store: &Store, now: Now, new: &NewOutbound<'_>) -> Result<(), Refusal> {
        store.queue_outbound(now, new)?;
        self.is_stored(store, now, new)
    }

    /// The same for a recipient whose message has waited in Drafts.
    pub fn release(
        &self,
        store: &Store,
        now: Now,
        row: &OutboundRecord,
        new: &NewOutbound<'_>,
    ) -> Result<(), Refusal> {
        store.release_outbound(row, new)?;
        self.is_stored(store, now, new)
    }

    fn is_stored(&self, store: &Store, now: Now, new: &NewOutbound<'_>) -> Result<(), Refusal> {
        self.queue().sweep_by(new.late_at.min(new.expires_at));
        if !new.status.is_waiting() {
            return Ok(());
        }
        let backlog = Backlog {
            org: new.org,
            domain: new.domain.to_owned(),
        };
        self.has_come(store, now, &backlog, new.due_at)
    }

    /// A row of a backlog is due at `due_at`.
    fn has_come(
        &self,
        store: &Store,
        now: Now,
        backlog: &Backlog,
        due_at: i64,
    ) -> Result<(), Refusal> {
        let mut queue = self.queue();
        if due_at <= now.unix_ms && self.ways.is_some() && queue.holder != 0 {
            return queue.take_in(store, now, backlog);
        }
        if queue.routes.is_taken_in(backlog) {
            return Ok(());
        }
        store.hasten_backlog(backlog, due_at)?;
        queue.look_by(due_at);
        Ok(())
    }

    /// The pause of an organization has ended: its mail leaves.
    pub fn is_resumed(&self, store: &Store, now: Now, org: OrgId) -> Result<(), Refusal> {
        let later = now.unix_ms.saturating_add(PAUSED_MS);
        store.hasten_backlogs_of(org, (now.unix_ms, later), RESUMED_BACKLOGS)?;
        self.queue().look_by(now.unix_ms);
        Ok(())
    }

    /// A recipient is due now, whatever rest its domain has.
    pub fn is_wanted_now(
        &self,
        context: &WriteContext<'_>,
        row: &OutboundRecord,
    ) -> Result<(), Refusal> {
        let backlog = Backlog {
            org: row.org,
            domain: row.domain.clone(),
        };
        self.queue().routes.end_rest(&backlog);
        self.has_come(context.store, context.now, &backlog, context.now.unix_ms)
    }

    /// Does what is due, in transactions of its own, and then what has to be done outside.
    pub fn run(&self, context: &mut WriteContext<'_>) -> LoneTurn {
        let Some(ways) = &self.ways else {
            return LoneTurn::default();
        };
        let mut turn = LoneTurn::default();
        for _ in 0..ROUNDS {
            let mut queue = self.queue();
            if context.now.mono_ms < queue.rests_until_ms {
                turn.next_ms = Some(queue.rests_until_ms - context.now.mono_ms);
                return turn;
            }
            if let Err(error) = queue.step(context, self.answers.take(), &mut turn.replies) {
                queue.rests_until_ms = context.now.mono_ms.saturating_add(AFTER_ERROR_MS);
                // What was undone may be in memory.
                queue.compare_at_ms = Some(queue.rests_until_ms);
                turn.next_ms = Some(AFTER_ERROR_MS);
                turn.error = Some(error);
                return turn;
            }
            let actions = queue.routes.take_actions();
            turn.next_ms = queue.next_ms(context.now);
            let is_done = actions.is_empty() && turn.next_ms != Some(0);
            // The lock is given back: an answer can come before `ask` returns.
            drop(queue);
            for action in actions {
                match action {
                    OutboundAction::Dial(dial) => ways.dialer.dial(*dial),
                    OutboundAction::Ask(number, question) => {
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
        self.queue().routes.show(context.shared);
        turn
    }
}

impl OutboundState {
    pub(super) fn look_by(&mut self, at: i64) {
        self.look_at = Some(self.look_at.map_or(at, |look| look.min(at)));
    }

    fn sweep_by(&mut self, at: i64) {
        self.sweep_at = Some(self.sweep_at.map_or(at, |sweep| sweep.min(at)));
    }

    /// Takes in a backlog of which a row is due.
    fn take_in(&mut self, store: &Store, now: Now, backlog: &Backlog) -> Result<(), Refusal> {
        if !self.knows_server(store, now, backlog)? {
            return self.put_off(store, now, backlog);
        }
        match self.routes.take_in(now, backlog) {
            None => {
                store.set_backlog(backlog, LOOKED_AT_NOW)?;
                let compare_at_ms = now.mono_ms.saturating_add(COMPARE_MS);
                self.compare_at_ms.get_or_insert(compare_at_ms);
            }
            Some(later) => {
                store.set_backlog(backlog, later)?;
                self.look_by(later);
            }
        }
        Ok(())
    }

    /// A row of a backlog is due at `due_at` after an attempt.
    pub(super) fn come_back(
        &mut self,
        context: &WriteContext<'_>,
        backlog: &Backlog,
        due_at: i64,
    ) -> Result<(), Refusal> {
        if self.routes.is_taken_in(backlog) {
            if due_at <= context.now.unix_ms {
                let to = self.routes.destination(backlog);
                self.routes.advance(context.now, &to);
            }
            return Ok(());
        }
        if due_at <= context.now.unix_ms {
            return self.take_in(context.store, context.now, backlog);
        }
        context.store.hasten_backlog(backlog, due_at)?;
        self.look_by(due_at);
        Ok(())
    }

    /// Stores what became of the transaction of a connection.
    fn report(
        &mut self,
        context: &mut WriteContext<'_>,
        route: RouteId,
        report: &Report,
    ) -> Result<(), Refusal> {
        context.service.outbound.converted.forget(report.lease);
        if self.routes.lease(route) != Some(report.lease) {
            return Ok(());
        }
        let Some(row) = context.store.leased_outbound(report.lease, self.holder)? else {
            return Ok(());
        };
        let backlog = Backlog {
            org: row.org,
            domain: row.domain.clone(),
        };
        let random = self.routes.random();
        let settings = &self.routes.settings;
        let due_at = outcome::reported(context, settings, row, report, random)?;
        let was_delivered = report.outcome == crate::call::TransactionOutcome::Delivered;
        self.routes.transaction_ended(route, was_delivered);
        match due_at {
            Some(due_at) => self.come_back(context, &backlog, due_at),
            None => Ok(()),
        }
    }

    /// Claims the next recipient for a connection of `to`, by turns of its backlogs.
    fn claim(
        &mut self,
        context: &mut WriteContext<'_>,
        route: RouteId,
        to: &NextHop,
    ) -> Result<Option<OutboundTransaction>, Refusal> {
        for _ in 0..CLAIM_STEPS {
            let Some(backlogs) = self.routes.route_mut(to).map(|route| &mut route.backlogs) else {
                return Ok(None);
            };
            let Some(backlog) = backlogs.pop_front() else {
                return Ok(None);
            };
            let due = context.store.due_outbound(context.now, &backlog, 2)?;
            let has_more = due.len() > 1;
            let Some(row) = due.into_iter().next() else {
                // The next row of it may be due later, or there is none.
                context.store.settle_backlog(&backlog, 0)?;
                if let Some(at) = context.store.backlog_due(&backlog)? {
                    self.look_by(at);
                }
                continue;
            };
            let others = backlogs.len();
            if row.expires_at <= context.service.steady_ms(context.now) {
                backlogs.push_back(backlog);
                outcome::expired(context, row)?;
                continue;
            }
            let found = match leave::judge(context, &row)? {
                Leave::Paused => {
                    let later = context.now.unix_ms.saturating_add(PAUSED_MS);
                    context.store.settle_backlog(&backlog, later)?;
                    self.look_by(later);
                    continue;
                }
                Leave::Refused(failure) => Err(failure),
                Leave::Yes => match super::piece::measure(context, &row) {
                    Ok(None) => {
                        let later = context.now.unix_ms.saturating_add(KEYS_MADE_MS);
                        context.store.settle_backlog(&backlog, later)?;
                        self.look_by(later);
                        continue;
                    }
                    Ok(Some(found)) => Ok(found),
                    Err(refusal) => Err(leave::unreadable(&refusal)),
                },
            };
            backlogs.push_back(backlog);
            let found = match found {
                Ok(found) => found,
                Err(failure) => {
                    let random = self.routes.random();
                    let settings = &self.routes.settings;
                    outcome::failed(context, settings, row, &failure, random)?;
                    continue;
                }
            };
            let transaction = self.lease(context, row, &found)?;
            let lease = transaction.lease;
            let more = has_more || others > 0;
            self.routes.claimed(context.now, route, lease, more);
            return Ok(Some(transaction));
        }
        // Many rows have ended here: the rest comes in a later step.
        Ok(None)
    }

    fn lease(
        &mut self,
        context: &mut WriteContext<'_>,
        mut row: OutboundRecord,
        found: &Measured,
    ) -> Result<OutboundTransaction, Refusal> {
        let until = context.now.unix_ms.saturating_add(LEASE_MS);
        context.store.lease_outbound(&mut row, until, self.holder)?;
        self.sweep_by(until);
        Ok(OutboundTransaction {
            lease: row.lease(),
            org: row.org,
            reverse_path: path::return_path_for(
                (context.service, context.store),
                context.random,
                &row,
            )?,
            recipient: row.envelope.recipient,
            keys: found.keys,
            size: found.size,
            has_8bit: found.has_8bit,
            has_utf8_header: found.has_utf8_header,
            notify: row.envelope.notify,
            orcpt: row.envelope.orcpt,
            ret_full: row.envelope.ret_full,
            envid: row.envelope.envid,
        })
    }

    /// Milliseconds until the next turn.
    fn next_ms(&self, now: Now) -> Option<u64> {
        if self.routes.has_work() || !self.calls.is_empty() {
            return Some(0);
        }
        let wall = |at: i64| u64::try_from(at.saturating_sub(now.unix_ms)).unwrap_or(0);
        let timer = self.routes.next_timer();
        let save_at_ms = Some(self.save_at_ms).filter(|_| !self.unsaved.is_empty());
        [
            save_at_ms.map(|at| at.saturating_sub(now.mono_ms)),
            timer.map(|at| at.saturating_sub(now.mono_ms)),
            self.compare_at_ms.map(|at| at.saturating_sub(now.mono_ms)),
            self.look_at.map(wall),
            self.sweep_at.map(wall),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// One step: answers and timers, then rows in one transaction if there is anything to do.
    fn step(
        &mut self,
        context: &mut WriteContext<'_>,
        answers: Vec<(u64, DnsAnswer)>,
        replies: &mut Vec<(ConnId, Reply)>,
    ) -> Result<(), crate::store::Error> {
        let now = context.now;
        let is_first = self.holder == 0;
        if is_first {
            self.holder = (context.random.u64() >> 1 | 1).cast_signed();
            let seed = context.random.u64();
            self.routes.seed(seed);
        }
        self.routes.tick(now);
        for (number, answer) in answers {
            self.routes.answered(now, number, answer);
        }
        if context.service.is_stopping() {
            self.routes.end_held();
            (self.look_at, self.sweep_at, self.compare_at_ms) = (None, None, None);
        }
        let resumed = self.routes.take_resumed().into_iter();
        self.calls.extend(resumed.map(|(conn, route)| {
            let next = OutboundWrite::Next {
                route,
                report: None,
                is_last: false,
            };
            (conn, next)
        }));
        let is_due = |at: Option<i64>| at.is_some_and(|at| at <= now.unix_ms);
        let failing = match context.service.is_stopping() {
            true => Vec::new(),
            false => self.routes.next_failing(FAILED_A_STEP as usize),
        };
        let has_rows = is_first
            || !failing.is_empty()
            || !self.calls.is_empty()
            || self.has_unsaved(now)
            || is_due(self.look_at)
            || is_due(self.sweep_at)
            || self.compare_at_ms.is_some_and(|at| at <= now.mono_ms);
        if !has_rows {
            return Ok(());
        }
        let events = context.events.len();
        let mut calls = core::mem::take(&mut self.calls);
        let left = calls.split_off(calls.len().min(CALLS_A_STEP));
        self.calls = left;
        let unsaved = match self.has_unsaved(now) {
            true => core::mem::take(&mut self.unsaved),
            false => Vec::new(),
        };
        let kept = self.unsaved.len();
        let ends = (unsaved.as_slice(), calls.as_slice());
        let done = self.in_transaction(context, (is_first, &failing), ends);
        match done {
            Ok(answers) => {
                replies.extend(answers);
                Ok(())
            }
            Err(error) => {
                context.events.truncate(events);
                self.unsaved.truncate(kept);
                self.unsaved.extend(unsaved);
                for (conn, call) in calls {
                    self.keep_unsaved(now, &call);
                    if let Some(route) = call.route() {
                        self.routes.end(now, route);
                    }
                    replies.push((conn, Reply::Refused(Refusal::Internal)));
                }
                for to in failing {
                    self.routes.fails(to);
                }
                Err(error)
            }
        }
    }

    /// Carries out calls and moves rows in one transaction. Gives the answers to the calls.
    fn in_transaction(
        &mut self,
        context: &mut WriteContext<'_>,
        (is_first, failing): (bool, &[NextHop]),
        (unsaved, calls): (&[UnsavedEnd], &[(ConnId, OutboundWrite)]),
    ) -> Result<Vec<(ConnId, Reply)>, crate::store::Error> {
        let store = context.store;
        store.begin()?;
        let mut answers = Vec::with_capacity(calls.len());
        let done = (|| {
            self.save(context, unsaved)?;
            for (conn, call) in calls {
                answers.push((*conn, self.carry_out(context, *conn, call)?));
            }
            self.move_rows(context, is_first, failing)
        })();
        match done {
            Ok(()) => {
                let receipt = store.commit()?;
                let answers = answers.into_iter();
                let answers = answers.filter_map(|(conn, written)| {
                    let reply = match written? {
                        Ok(written) => Reply::Written(written, receipt),
                        Err(refusal) => Reply::Refused(refusal),
                    };
                    Some((conn, reply))
                });
                Ok(answers.collect())
            }
            Err(refusal) => {
                store.rollback();
                Err(refusal.into())
            }
        }
    }

    /// Carries out one call in a savepoint. `None` when its connection is held. An error means that
    /// the transaction is lost.
    fn carry_out(
        &mut self,
        context: &mut WriteContext<'_>,
        conn: ConnId,
        call: &OutboundWrite,
    ) -> Result<Option<Result<Written, Refusal>>, Refusal> {
        let events = context.events.len();
        context.store.savepoint()?;
        let done = match call {
            OutboundWrite::Next {
                route,
                report,
                is_last,
            } => {
                let report = report.as_deref();
                let next = self.next(context, conn, (*route, report, *is_last));
                next.map(|next| next.map(Written::Next))
            }
            OutboundWrite::Lost { route, loss } => {
                let lost = self.lost(context, *route, loss);
                lost.map(|()| Some(Written::Changed))
            }
            OutboundWrite::Wake | OutboundWrite::Retry { .. } | OutboundWrite::Cancel { .. } => {
                Ok(None)
            }
        };
        match done {
            Ok(written) => {
                context.store.release()?;
                Ok(written.map(Ok))
            }
            Err(refusal) if context.store.is_transaction_gone() => Err(refusal),
            Err(refusal) => {
                context.store.rollback_to()?;
                context.events.truncate(events);
                self.keep_unsaved(context.now, call);
                if let Some(route) = call.route() {
                    self.routes.end(context.now, route);
                }
                self.compare_at_ms = Some(context.now.mono_ms);
                Ok(Some(Err(refusal)))
            }
        }
    }

    /// Stores what became of the last transaction, and claims the next one. `None` when the
    /// connection is held.
    fn next(
        &mut self,
        context: &mut WriteContext<'_>,
        conn: ConnId,
        (route, report, is_last): (RouteId, Option<&Report>, bool),
    ) -> Result<Option<NextTransaction>, Refusal> {
        if let Some(report) = report {
            self.report(context, route, report)?;
        }
        let now = context.now;
        let Some(to) = self.routes.begin_next(now, route, Some(conn)) else {
            return Ok(Some(NextTransaction::Quit));
        };
        if let NextHop::Account(inbox) = to {
            self.tokens.is_taken(inbox);
        }
        if is_last || context.service.is_stopping() {
            self.routes.end(now, route);
            return Ok(Some(NextTransaction::Quit));
        }
        if let Some(transaction) = self.claim(context, route, &to)? {
            return Ok(Some(NextTransaction::Send(Box::new(transaction))));
        }
        Ok(match self.routes.hold(now, route) {
            true => {
                // Where rows have ended and more are due, it goes on at once.
                self.routes.advance(now, &to);
                None
            }
            false => Some(NextTransaction::Quit),
        })
    }

    /// A connection could not be made, or was lost.
    fn lost(
        &mut self,
        context: &mut WriteContext<'_>,
        route: RouteId,
        loss: &OutboundLoss,
    ) -> Result<(), Refusal> {
        if self.renews_token(context, route, loss)? {
            return Ok(());
        }
        let lease = loss.lease.or(self.routes.lease(route));
        let end = self.routes.lost(context.now, route, loss);
        let (Some(lease), Some(end)) = (lease, end) else {
            return Ok(());
        };
        context.service.outbound.converted.forget(lease);
        let Some(row) = context.store.leased_outbound(lease, self.holder)? else {
            return Ok(());
        };
        let backlog = Backlog {
            org: row.org,
            domain: row.domain.clone(),
        };
        let now_ms = context.now.unix_ms;
        let due_at = match end {
            LeaseEnd::Undone => outcome::undone(context, row).map(|()| Some(now_ms)),
            LeaseEnd::Again(failure) => {
                outcome::failed_once(context, row, &failure).map(|()| Some(now_ms))
            }
            LeaseEnd::Later(failure) => {
                let random = self.routes.random();
                outcome::failed(context, &self.routes.settings, row, &failure, random)
            }
        }?;
        match due_at {
            Some(due_at) => self.come_back(context, &backlog, due_at),
            None => Ok(()),
        }
    }

    fn move_rows(
        &mut self,
        context: &mut WriteContext<'_>,
        is_first: bool,
        failing: &[NextHop],
    ) -> Result<(), Refusal> {
        let (store, now) = (context.store, context.now);
        if is_first {
            store.reopen_backlogs(now)?;
            self.sweep_at = Some(now.unix_ms);
            self.look_at = Some(now.unix_ms);
        }
        let mut left = FAILED_A_STEP;
        for to in failing {
            match left {
                0 => self.routes.fails(to.clone()),
                _ => self.fail_due(context, to, &mut left)?,
            }
        }
        if self.compare_at_ms.is_some_and(|at| at <= now.mono_ms) {
            self.compare(context)?;
        }
        if self.sweep_at.is_some_and(|at| at <= now.unix_ms) {
            self.sweep(context)?;
        }
        if self.look_at.is_some_and(|at| at <= now.unix_ms) {
            for backlog in store.due_backlogs(now, BACKLOGS_A_STEP)? {
                match store.is_paused(backlog.org)? {
                    // The end of the pause has it looked at, and so has this time.
                    true => store.set_backlog(&backlog, now.unix_ms.saturating_add(PAUSED_MS))?,
                    false => self.take_in(store, now, &backlog)?,
                }
            }
            self.look_at = store.next_backlog()?;
        }
        Ok(())
    }

    /// Has backlogs looked at again that their rows say are looked at, and that are not in memory:
    /// a transaction was undone.
    fn compare(&mut self, context: &WriteContext<'_>) -> Result<(), Refusal> {
        let now = context.now;
        let mut after = Backlog {
            org: crate::call::OrgId(0),
            domain: String::new(),
        };
        let mut is_any = false;
        loop {
            let marked = context.store.backlogs_looked_at(&after, BACKLOGS_A_STEP)?;
            let Some(last) = marked.last() else { break };
            after = last.clone();
            is_any = true;
            for backlog in marked {
                if !self.routes.is_taken_in(&backlog) {
                    context.store.set_backlog(&backlog, now.unix_ms)?;
                    self.look_by(now.unix_ms);
                }
            }
        }
        self.compare_at_ms = is_any.then(|| now.mono_ms.saturating_add(COMPARE_MS));
        Ok(())
    }

    /// Fails rows of a route that are due: some of them when the failure is temporary, all of them,
    /// step by step, when it is permanent.
    fn fail_due(
        &mut self,
        context: &mut WriteContext<'_>,
        to: &NextHop,
        left: &mut u32,
    ) -> Result<(), Refusal> {
        let Some(route) = self.routes.route_mut(to) else {
            return Ok(());
        };
        let Some(verdict) = route.verdict.clone() else {
            return Ok(());
        };
        let backlogs: Vec<Backlog> = route.backlogs.iter().cloned().collect();
        for backlog in &backlogs {
            for mut row in context.store.due_outbound(context.now, backlog, *left)? {
                *left = left.saturating_sub(1);
                if row.expires_at <= context.service.steady_ms(context.now) {
                    outcome::expired(context, row)?;
                    continue;
                }
                row.attempts = row.attempts.saturating_add(1);
                let random = self.routes.random();
                let settings = &self.routes.settings;
                outcome::failed(context, settings, row, &verdict, random)?;
            }
            if *left == 0 {
                break;
            }
        }
        let is_permanent = verdict.lasting == super::failure::Lasting::Permanent;
        if is_permanent && *left == 0 {
            self.routes.fails(to.clone());
            return Ok(());
        }
        let (not_before, backlogs) = self.routes.end_try(context.now, to);
        for backlog in backlogs {
            context.store.settle_backlog(&backlog, not_before)?;
        }
        self.look_by(context.now.unix_ms);
        Ok(())
    }

    /// Gives up what has waited for too long, releases what a lost attempt holds, and deletes what
    /// has ended a week ago.
    fn sweep(&mut self, context: &mut WriteContext<'_>) -> Result<(), Refusal> {
        let (store, now) = (context.store, context.now);
        let lost = store.lost_outbound(now, self.holder, SWEPT_A_STEP)?;
        let is_more = lost.len() == SWEPT_A_STEP as usize;
        for row in lost {
            let backlog = Backlog {
                org: row.org,
                domain: row.domain.clone(),
            };
            outcome::interrupted(context, row)?;
            self.come_back(context, &backlog, now.unix_ms)?;
        }
        let steady_ms = context.service.steady_ms(now);
        for row in store.old_outbound(steady_ms, SWEPT_A_STEP)? {
            match row.status {
                status if status.is_finished() => store.delete_outbound(&row)?,
                status if status.is_waiting() && row.expires_at <= steady_ms => {
                    outcome::expired(context, row)?;
                }
                // Its time to be told of comes before its end.
                status if status.is_waiting() => {
                    outcome::late(context, &row)?;
                    store.put_off_sweep(row.id, row.expires_at)?;
                }
                // It ends by its report, or by the decision on it.
                _ => {
                    store.put_off_sweep(row.id, steady_ms.saturating_add(PUT_OFF_MS))?;
                }
            }
        }
        self.sweep_at = match is_more {
            true => Some(now.unix_ms),
            false => store.next_old_outbound()?,
        };
        Ok(())
    }
}

/// Steps of one turn. More work comes in the next turn, after the calls that wait.
const ROUNDS: usize = 8;

/// Backlogs that one step takes in.
const BACKLOGS_A_STEP: u32 = 64;

/// Rows that one step fails, with an event each: some milliseconds of work. They are of as many
/// routes, so that thousands of dead domains do not need a commit each.
const FAILED_A_STEP: u32 = 50;

/// Rows that one step expires or deletes.
const SWEPT_A_STEP: u32 = 50;

/// Backlogs and expired rows that one claim looks at.
const CLAIM_STEPS: usize = 20;

/// Milliseconds after which the mail of a paused organization is looked at again.
const PAUSED_MS: i64 = 60_000;

/// Milliseconds after which mail is looked at again for which signing keys are being made.
const KEYS_MADE_MS: i64 = 1000;

/// Backlogs of an organization that leave at once when its pause ends.
const RESUMED_BACKLOGS: u32 = 10_000;

/// Milliseconds of a lease: longer than any time-out of an engine lets an attempt take. After a
/// start the leases of the process before end at once.
const LEASE_MS: i64 = 2 * 3_600_000;

/// Milliseconds after which a row is looked at again that cannot expire now.
const PUT_OFF_MS: i64 = 3_600_000;

/// Calls of connections that one step carries out.
const CALLS_A_STEP: usize = 128;

/// Milliseconds between two comparisons of rows with what is in memory.
const COMPARE_MS: u64 = 300_000;
