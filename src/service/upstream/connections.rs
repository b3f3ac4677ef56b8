//! Which accounts have a connection: exactly one while anything listens for mail of the inbox, and
//! one for a first look at a new account. The engine of a connection ends it when nothing listens
//! any more; here is decided when the next one begins.
//!
//! It is in memory alone, and the thread of the writer looks at it. A connection that has failed
//! is tried again after a time that grows with each failure; a refused login waits for a change by
//! the owner of the account.

use core::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::account as record;
use super::accounts::{ChangedAccounts, KnownAccounts};
use super::state::{AccountLink, ConnectionTable, LinkState, UpstreamHost, Upstreams, lock};
use crate::call::{
    InboxId, InboxPath, Metric, Now, Question, RecordType, Records, Refusal, TokenDial,
    UpstreamAccount, UpstreamDial, UpstreamLoss, UpstreamState, Written, is_public,
};
use crate::service::context::{LoneTurn, WriteContext};
use crate::store::Error;

/// Something to do outside, when the lock is given back.
pub(super) enum UpstreamAction {
    /// Stores how it stands with an account: the state, and the reason for its owner.
    Tell(UpstreamAccount, UpstreamState, Option<String>),
    Ask(UpstreamHost, InboxId, Question),
    Dial(Box<UpstreamDial>),
    DialToken(Box<TokenDial>),
}

impl Upstreams {
    /// Makes the connections that are wanted, and stores how it stands with them in a transaction
    /// of its own. There is no next turn while there is no account.
    pub fn run(&self, context: &mut WriteContext<'_>) -> LoneTurn {
        let mut turn = LoneTurn::default();
        let mut actions = Vec::new();
        turn.next_ms = match self.look(context, &mut actions) {
            Ok(next_ms) => next_ms,
            Err(refusal) => {
                log::error!("accounts elsewhere cannot be looked at: {refusal:?}");
                Some(AFTER_ERROR_MS)
            }
        };
        turn.error = tell(context, &mut actions).err();
        let Some(ways) = &self.ways else {
            return turn;
        };
        for action in actions {
            match action {
                UpstreamAction::Tell(..) => {}
                UpstreamAction::Dial(dial) => ways.dialer.dial(*dial),
                UpstreamAction::DialToken(dial) => ways.token_dialer.dial(*dial),
                UpstreamAction::Ask(host, inbox, question) => {
                    let found = Arc::clone(&self.found);
                    let answer = move |answer| lock(&found).push((host, inbox, answer));
                    ways.resolve.ask(question, Box::new(answer));
                }
            }
        }
        turn
    }

    /// Looks which connections are wanted. Gives the time until the next look, milliseconds.
    fn look(
        &self,
        context: &mut WriteContext<'_>,
        actions: &mut Vec<UpstreamAction>,
    ) -> Result<Option<u64>, Refusal> {
        let service = context.service;
        if !(service.upstreams).is_some(|| context.store.has_any_upstream())? {
            return Ok(None);
        }
        let now = context.now;
        let mut table = self.table();
        let came = core::mem::take(&mut *lock(&self.found));
        for (host, inbox, answer) in came {
            table.look_ms = 0;
            let found = match answer {
                Ok(Records::A(found)) => found.into_iter().map(IpAddr::V4).collect(),
                Ok(Records::Aaaa(found)) => found.into_iter().map(IpAddr::V6).collect(),
                _ => Vec::new(),
            };
            match host {
                UpstreamHost::Imap => table.found(inbox, found),
                UpstreamHost::Token => self.tokens.found(inbox, found),
            }
        }
        let changed = core::mem::take(&mut *lock(&self.changed));
        let is_early = now.mono_ms < table.look_ms;
        if is_early && changed.is_empty() && !self.tokens.has_wanted() {
            return Ok(Some(table.look_ms - now.mono_ms));
        }
        table.look_ms = now.mono_ms.saturating_add(LOOK_MS);
        let mut to_tell = table.untold.take(context.store, now.unix_ms)?;
        let has_to_tell = to_tell.iter().any(|inbox| !table.links.contains_key(inbox));
        let changes = context.shared.listeners.changes();
        let looks_at_all = table.changes != Some(changes)
            || now.mono_ms >= table.all_ms
            || !changed.is_empty()
            || has_to_tell;
        if looks_at_all {
            table.untold.read_due(context.store, now.unix_ms)?;
            to_tell = table.untold.due(now.unix_ms).collect();
        }
        for inbox in to_tell {
            context.shared.upstream_wakes.wake(inbox);
        }
        if self.ways.is_none() {
            return Ok(None);
        }
        table.take_changes(context, changed)?;
        table.resolved(context, actions)?;
        if looks_at_all {
            table.changes = Some(changes);
            table.all_ms = now.mono_ms.saturating_add(ALL_MS);
            table.begin_wanted(context, actions)?;
        }
        let open = table.links.values().filter(|link| link.is_busy()).count();
        (context.shared.metrics).set(Metric::UpstreamConnections, open as u64);
        drop(table);
        self.fetch_tokens(context, actions)?;
        Ok(Some(LOOK_MS))
    }

    /// A connection has been made and has listed its mailboxes.
    pub fn is_up(
        &self,
        context: &WriteContext<'_>,
        account: UpstreamAccount,
    ) -> Result<(), Refusal> {
        self.tokens.is_taken(account.inbox);
        Ok(record::set_state(
            context,
            account,
            UpstreamState::Connected,
            None,
        )?)
    }

    /// A connection has ended.
    pub fn ended(
        &self,
        context: &mut WriteContext<'_>,
        account: UpstreamAccount,
        loss: Option<&UpstreamLoss>,
    ) -> Result<Written, Refusal> {
        let random = context.random.u64();
        let now = context.now;
        // What is lost of a connection that was to end is nothing new.
        let was_to_end = context.shared.listeners.connection_ended(account.inbox);
        let loss = loss.filter(|_| !was_to_end);
        let is_renewed = self.renews_token(context, account, loss)?;
        {
            let mut table = self.table();
            let link = table.links.get_mut(&account.inbox);
            // A group that is carried out again brings its calls again.
            let link = link.filter(|link| matches!(link.state, LinkState::Open));
            match (link, loss) {
                (None, _) => {}
                (Some(link), Some(_)) if !is_renewed => {
                    if now.mono_ms.saturating_sub(link.since_ms) >= STEADY_MS {
                        link.failures = 0;
                    }
                    table.rest(now, account.inbox, random);
                }
                (Some(_), _) => {
                    table.links.remove(&account.inbox);
                }
            }
            (table.look_ms, table.all_ms) = (0, 0);
        }
        if is_renewed {
            return Ok(Written::Changed);
        }
        lock(&self.changed).insert(account);
        match loss {
            None => record::set_state(context, account, UpstreamState::Idle, None)?,
            Some(loss) => {
                let (why, is_stopped) = told(loss);
                log::warn!("upstream inbox={}: {why}", account.inbox);
                let state = UpstreamState::Failing;
                record::set_state(context, account, state, Some((why, is_stopped)))?;
            }
        }
        Ok(Written::Changed)
    }

    /// Whether the login was refused for its access token, and another one is fetched: it may have
    /// ended before its time.
    fn renews_token(
        &self,
        context: &WriteContext<'_>,
        account: UpstreamAccount,
        loss: Option<&UpstreamLoss>,
    ) -> Result<bool, Refusal> {
        let Some(UpstreamLoss::Login(_)) = loss else {
            return Ok(false);
        };
        let found = context.store.upstream(account.org, account.inbox)?;
        let has_tokens = found.is_some_and(|found| found.oauth.is_some());
        Ok(has_tokens && self.tokens.is_renewable(account.inbox, None))
    }
}

impl ConnectionTable {
    /// Takes in what has changed of accounts. One with other settings begins anew at once.
    fn take_changes(
        &mut self,
        context: &WriteContext<'_>,
        changed: ChangedAccounts,
    ) -> Result<(), Refusal> {
        let other = match self.accounts.read(context.store, changed) {
            Ok(other) => other,
            Err(error) => {
                // What has changed is not known any more.
                self.accounts = KnownAccounts::default();
                return Err(error.into());
            }
        };
        for inbox in other {
            match self.links.get(&inbox).map(|link| &link.state) {
                Some(LinkState::Open) => context.shared.listeners.end_connection(inbox),
                Some(LinkState::Resting(_) | LinkState::Waiting) => {
                    self.links.remove(&inbox);
                }
                // The account is read again when its host is known.
                Some(LinkState::Resolving { .. }) | None => {}
            }
        }
        Ok(())
    }

    /// Begins a connection for each account that is to have one and has none: for its listeners, or
    /// for a short time to tell what has changed here. Where there are not enough places, the one
    /// that has waited longest goes first.
    fn begin_wanted(
        &mut self,
        context: &mut WriteContext<'_>,
        actions: &mut Vec<UpstreamAction>,
    ) -> Result<(), Refusal> {
        let now = context.now;
        let accounts = &self.accounts;
        self.links
            .retain(|inbox, link| matches!(link.state, LinkState::Open) || accounts.has(*inbox));
        (context.service.connections.tokens).retain(|inbox| accounts.has(*inbox));
        let mut wanted = Vec::new();
        for known in accounts.all() {
            let (account, inbox) = (known.account, known.account.inbox);
            let link = self.links.get(&inbox);
            let is_waiting = link.is_some_and(|link| matches!(link.state, LinkState::Waiting));
            let may = link.is_none_or(|link| match &link.state {
                LinkState::Resting(until_ms) => now.mono_ms >= *until_ms,
                LinkState::Waiting => true,
                LinkState::Resolving { .. } | LinkState::Open => false,
            });
            if known.standing.is_stopped || !may {
                continue;
            }
            let is_heard = || context.shared.listeners.hear(account.org, &known.path);
            let has_to_tell = self.untold.is_due(inbox, now.unix_ms);
            if known.standing.is_begun && !has_to_tell && !is_heard() {
                if is_waiting {
                    self.links.remove(&inbox);
                    actions.push(UpstreamAction::Tell(account, UpstreamState::Idle, None));
                }
                continue;
            }
            let since_ms = link.filter(|_| is_waiting).map(|link| link.since_ms);
            let since_ms = since_ms.unwrap_or(now.mono_ms);
            wanted.push((since_ms, account, Arc::clone(&known.path)));
        }
        wanted.sort_by_key(|(since_ms, ..)| *since_ms);
        let open = self.links.values().filter(|link| link.is_busy()).count();
        let mut places = (context.shared.limits.upstream_connections).saturating_sub(open);
        let mut waiting = 0;
        for (since_ms, account, path) in wanted {
            if places == 0 {
                waiting += 1;
                self.wait(context, (account, since_ms), actions);
                continue;
            }
            self.begin(context, account, &path, actions)?;
            // One without an access token takes no place.
            let link = self.links.get(&account.inbox);
            places -= usize::from(link.is_some_and(AccountLink::is_busy));
        }
        self.end_turns(context, waiting);
        Ok(())
    }

    /// There is no place for the connection of an account.
    fn wait(
        &mut self,
        context: &WriteContext<'_>,
        (account, since_ms): (UpstreamAccount, u64),
        actions: &mut Vec<UpstreamAction>,
    ) {
        let link = self.links.get(&account.inbox);
        if link.is_some_and(|link| matches!(link.state, LinkState::Waiting)) {
            return;
        }
        context.shared.metrics.count(Metric::UpstreamLimited);
        self.enter(account.inbox, LinkState::Waiting, since_ms);
        let why = Some(NO_PLACE.to_owned());
        actions.push(UpstreamAction::Tell(account, UpstreamState::Failing, why));
    }

    /// Ends connections that have had their turn, those first that have lasted longest, so that
    /// each of the accounts that wait gets a place.
    fn end_turns(&self, context: &WriteContext<'_>, waiting: usize) {
        let listeners = &context.shared.listeners;
        let open = self.links.iter();
        let open = open.filter(|(_, link)| matches!(link.state, LinkState::Open));
        let (leaving, staying): (Vec<_>, Vec<_>) =
            open.partition(|(inbox, _)| listeners.is_leaving(**inbox));
        let is_over = |since_ms: u64| context.now.mono_ms.saturating_sub(since_ms) >= TURN_MS;
        let staying = staying.into_iter();
        let mut over: Vec<(u64, InboxId)> = staying
            .map(|(inbox, link)| (link.since_ms, *inbox))
            .filter(|(since_ms, _)| is_over(*since_ms))
            .collect();
        over.sort();
        for (_, inbox) in over.iter().take(waiting.saturating_sub(leaving.len())) {
            listeners.end_turn(*inbox);
        }
    }

    fn begin(
        &mut self,
        context: &mut WriteContext<'_>,
        account: UpstreamAccount,
        path: &Arc<InboxPath>,
        actions: &mut Vec<UpstreamAction>,
    ) -> Result<(), Refusal> {
        let Some(found) = context.store.upstream(account.org, account.inbox)? else {
            return Ok(());
        };
        if record::login(context, account, &found) == Ok(None) {
            // Its token is fetched first.
            return Ok(());
        }
        let host = &found.row.host;
        if let Ok(address) = host.parse::<IpAddr>() {
            self.connect(context, (account, path), vec![address], actions)?;
            return Ok(());
        }
        let questions = [RecordType::A, RecordType::Aaaa].map(|kind| Question::new(host, kind));
        let mut left = 0;
        for question in questions.into_iter().flatten() {
            left += 1;
            actions.push(UpstreamAction::Ask(
                UpstreamHost::Imap,
                account.inbox,
                question,
            ));
        }
        let state = LinkState::Resolving {
            left,
            addresses: Vec::new(),
            until_ms: context.now.mono_ms.saturating_add(RESOLVE_MS),
        };
        self.enter(account.inbox, state, context.now.mono_ms);
        Ok(())
    }

    /// An answer of the DNS.
    fn found(&mut self, inbox: InboxId, found: Vec<IpAddr>) {
        let Some(link) = self.links.get_mut(&inbox) else {
            return;
        };
        if let LinkState::Resolving {
            left, addresses, ..
        } = &mut link.state
        {
            *left = left.saturating_sub(1);
            addresses.extend(found);
        }
    }

    /// Connects to hosts whose addresses are known now.
    fn resolved(
        &mut self,
        context: &mut WriteContext<'_>,
        actions: &mut Vec<UpstreamAction>,
    ) -> Result<(), Refusal> {
        let now = context.now;
        let is_done = |link: &AccountLink| match &link.state {
            LinkState::Resolving { left, until_ms, .. } => *left == 0 || now.mono_ms >= *until_ms,
            LinkState::Resting(_) | LinkState::Waiting | LinkState::Open => false,
        };
        let done = self.links.iter().filter(|(_, link)| is_done(link));
        let done: Vec<InboxId> = done.map(|(inbox, _)| *inbox).collect();
        for inbox in done {
            let Some(link) = self.links.get_mut(&inbox) else {
                continue;
            };
            let LinkState::Resolving { addresses, .. } = &mut link.state else {
                continue;
            };
            let addresses = core::mem::take(addresses);
            let Some(place) = context.store.place(inbox)? else {
                self.links.remove(&inbox);
                continue;
            };
            let org = place.org;
            let account = UpstreamAccount { org, inbox };
            self.connect(context, (account, &place.path), addresses, actions)?;
        }
        Ok(())
    }

    fn connect(
        &mut self,
        context: &mut WriteContext<'_>,
        (account, path): (UpstreamAccount, &Arc<InboxPath>),
        mut addresses: Vec<IpAddr>,
        actions: &mut Vec<UpstreamAction>,
    ) -> Result<(), Refusal> {
        let may_be_private = context.shared.upstream.allow_private;
        let had_some = !addresses.is_empty();
        addresses.retain(|address| may_be_private || is_public(*address));
        let why = match (addresses.is_empty(), had_some) {
            (true, true) => Some("the host has no public address"),
            (true, false) => Some("the name of the host has no address now"),
            (false, _) => None,
        };
        let found = context.store.upstream(account.org, account.inbox)?;
        let Some(found) = found else {
            self.links.remove(&account.inbox);
            return Ok(());
        };
        let login = match why {
            Some(why) => Err(why),
            None => record::login(context, account, &found),
        };
        let login = match login {
            Ok(Some(login)) => login,
            Ok(None) => {
                self.links.remove(&account.inbox);
                return Ok(());
            }
            Err(why) => {
                let random = context.random.u64();
                self.rest(context.now, account.inbox, random);
                let why = Some(why.to_owned());
                actions.push(UpstreamAction::Tell(account, UpstreamState::Failing, why));
                return Ok(());
            }
        };
        let port = found.row.port;
        let addresses = addresses.into_iter().take(ADDRESSES_MAX);
        let addresses = addresses.map(|address| SocketAddr::new(address, port));
        actions.push(UpstreamAction::Dial(Box::new(UpstreamDial {
            account,
            path: Arc::clone(path),
            host: found.row.host.clone(),
            addresses: addresses.collect(),
            tls: found.row.tls,
            login,
        })));
        self.enter(account.inbox, LinkState::Open, context.now.mono_ms);
        Ok(())
    }

    /// The next connection begins later.
    fn rest(&mut self, now: Now, inbox: InboxId, random: u64) {
        let known = self.links.get(&inbox).map_or(0, |link| link.failures);
        let rest_ms = REST_MS.saturating_mul(1 << known.min(REST_DOUBLINGS));
        // Accounts of one server do not come back all at once.
        let rest_ms = rest_ms / 2 + random % (rest_ms / 2 + 1);
        let state = LinkState::Resting(now.mono_ms.saturating_add(rest_ms));
        self.enter(inbox, state, now.mono_ms).failures = known.saturating_add(1);
    }

    /// Puts an account into a state that began at `since_ms`. Its failures are still counted.
    fn enter(&mut self, inbox: InboxId, state: LinkState, since_ms: u64) -> &mut AccountLink {
        let failures = self.links.get(&inbox).map_or(0, |link| link.failures);
        let link = AccountLink {
            state,
            failures,
            since_ms,
        };
        self.links.entry(inbox).insert_entry(link).into_mut()
    }
}

/// Stores how it stands with accounts, in a transaction of its own.
fn tell(context: &WriteContext<'_>, actions: &mut Vec<UpstreamAction>) -> Result<(), Error> {
    let mut told = Vec::new();
    actions.retain_mut(|action| match action {
        UpstreamAction::Tell(account, state, why) => {
            told.push((*account, *state, why.take().map(|why| (why, false))));
            false
        }
        UpstreamAction::Ask(..) | UpstreamAction::Dial(_) | UpstreamAction::DialToken(_) => true,
    });
    if told.is_empty() {
        return Ok(());
    }
    context.store.begin()?;
    let told = (told.into_iter())
        .try_for_each(|(account, state, why)| record::set_state(context, account, state, why));
    match told {
        Ok(()) => context.store.commit().map(drop),
        Err(error) => {
            context.store.rollback();
            Err(error)
        }
    }
}

/// What is shown of a loss, and whether only the owner of the account can help.
fn told(loss: &UpstreamLoss) -> (String, bool) {
    match loss {
        UpstreamLoss::Closed(why) | UpstreamLoss::Tls(why) => (why.clone(), false),
        UpstreamLoss::TimedOut => ("no answer in time".to_owned(), false),
        UpstreamLoss::Login(why) => (format!("the login was refused: {why}"), true),
        UpstreamLoss::NoWayToLogIn => {
            let why = "the server offers no way to log in that is known here";
            (why.to_owned(), false)
        }
        UpstreamLoss::Refused(why) => (format!("the server refused: {why}"), false),
        UpstreamLoss::BadResponse(what) => (format!("a bad response: {what}"), false),
    }
}

/// How often it is looked who listens: at most so long after the first listener a connection
/// begins.
const LOOK_MS: u64 = 1_000;
/// How often all accounts are looked at, whatever the listeners: new accounts, and those that rest.
const ALL_MS: u64 = 5_000;
/// Milliseconds of rest after an error of the store.
const AFTER_ERROR_MS: u64 = 5_000;
/// How long the DNS has; its resolver answers sooner.
const RESOLVE_MS: u64 = 30_000;
/// The first rest after a failure; each further one doubles it, up to 15 minutes or so.
const REST_MS: u64 = 4_000;
const REST_DOUBLINGS: u32 = 8;
/// Addresses of one host that are tried.
const ADDRESSES_MAX: usize = 6;
/// A connection that has lasted so long was none that fails.
const STEADY_MS: u64 = 60_000;
/// How long a connection lasts at least while other accounts wait for its place.
const TURN_MS: u64 = 5 * 60_000;
/// What the owner of an account is told that waits for a place.
const NO_PLACE: &str = "this server has as many connections to accounts as it may have: the \
     account waits for its turn";
