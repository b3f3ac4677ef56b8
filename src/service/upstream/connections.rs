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
use super::state::{AccountLink, ConnectionTable, LinkState, UpstreamHost, Upstreams, lock};
use crate::call::{
    InboxId, InboxPath, Now, Question, RecordType, Records, Refusal, TokenDial, UpstreamAccount,
    UpstreamDial, UpstreamLoss, UpstreamState, Written, is_public,
};
use crate::service::context::WriteContext;

/// Something to do outside, when the lock is given back.
pub(super) enum UpstreamAction {
    Ask(UpstreamHost, InboxId, Question),
    Dial(Box<UpstreamDial>),
    DialToken(Box<TokenDial>),
}

impl Upstreams {
    /// Makes the connections that are wanted. Gives the time until the next look, milliseconds;
    /// `None` when there is no account.
    pub fn run(&self, context: &mut WriteContext<'_>) -> Result<Option<u64>, Refusal> {
        let service = context.service;
        if !(service.upstreams).is_some(|| context.store.has_any_upstream())? {
            return Ok(None);
        }
        let now = context.now;
        let mut actions = Vec::new();
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
        if now.mono_ms < table.look_ms && !self.tokens.has_wanted() {
            return Ok(Some(table.look_ms - now.mono_ms));
        }
        table.look_ms = now.mono_ms.saturating_add(LOOK_MS);
        table.resolved(context, &mut actions)?;
        let changes = context.shared.listeners.changes();
        let to_tell = context.store.upstreams_to_tell(now.unix_ms)?;
        for inbox in &to_tell {
            context.shared.upstream_wakes.wake(*inbox);
        }
        let Some(ways) = &self.ways else {
            return Ok(None);
        };
        let has_to_tell = to_tell.iter().any(|inbox| !table.links.contains_key(inbox));
        if table.changes != Some(changes) || now.mono_ms >= table.all_ms || has_to_tell {
            table.changes = Some(changes);
            table.all_ms = now.mono_ms.saturating_add(ALL_MS);
            table.begin_wanted(context, &to_tell, &mut actions)?;
        }
        drop(table);
        self.fetch_tokens(context, &mut actions)?;
        for action in actions {
            match action {
                UpstreamAction::Dial(dial) => ways.dialer.dial(*dial),
                UpstreamAction::DialToken(dial) => ways.token_dialer.dial(*dial),
                UpstreamAction::Ask(host, inbox, question) => {
                    let found = Arc::clone(&self.found);
                    let answer = move |answer| lock(&found).push((host, inbox, answer));
                    ways.resolve.ask(question, Box::new(answer));
                }
            }
        }
        Ok(Some(LOOK_MS))
    }

    /// A connection has been made and has listed its mailboxes.
    pub fn is_up(
        &self,
        context: &WriteContext<'_>,
        account: UpstreamAccount,
    ) -> Result<(), Refusal> {
        if let Some(link) = self.table().links.get_mut(&account.inbox) {
            link.failures = 0;
        }
        self.tokens.is_taken(account.inbox);
        record::set_state(context, account, UpstreamState::Connected, None)
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
        let is_renewed = self.renews_token(context, account, loss)?;
        {
            let mut table = self.table();
            match loss {
                Some(_) if !is_renewed => table.rest(now, account.inbox, random),
                _ => {
                    table.links.remove(&account.inbox);
                }
            }
            (table.look_ms, table.all_ms) = (0, 0);
        }
        if is_renewed {
            return Ok(Written::Changed);
        }
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
    /// Begins a connection for each account that is to have one and has none: for its listeners, or
    /// for a short time to tell what has changed here.
    fn begin_wanted(
        &mut self,
        context: &mut WriteContext<'_>,
        to_tell: &[InboxId],
        actions: &mut Vec<UpstreamAction>,
    ) -> Result<(), Refusal> {
        let now = context.now;
        let accounts = context.store.upstream_accounts()?;
        let is_known = |inbox: &InboxId| {
            let at = accounts.binary_search_by_key(inbox, |(account, ..)| account.inbox);
            at.is_ok()
        };
        self.links
            .retain(|inbox, link| matches!(link.state, LinkState::Open) || is_known(inbox));
        context.service.connections.tokens.retain(is_known);
        let mut open = self.links.values().filter(|link| link.is_busy()).count();
        for (account, is_stopped, is_begun) in &accounts {
            let link = self.links.get(&account.inbox);
            let may = link.is_none_or(|link| match &link.state {
                LinkState::Resting(until_ms) => now.mono_ms >= *until_ms,
                LinkState::Resolving { .. } | LinkState::Open => false,
            });
            if *is_stopped || !may || open >= CONNECTIONS_MAX {
                continue;
            }
            let Some(place) = context.store.place_of(account.org, account.inbox)? else {
                continue;
            };
            let is_heard = || context.shared.listeners.hear(account.org, &place.path);
            if *is_begun && to_tell.binary_search(&account.inbox).is_err() && !is_heard() {
                continue;
            }
            open += 1;
            self.begin(context, *account, &place.path, actions)?;
        }
        Ok(())
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
        let failures = self
            .links
            .get(&account.inbox)
            .map_or(0, |link| link.failures);
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
        self.links
            .insert(account.inbox, AccountLink { state, failures });
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
            LinkState::Resting(_) | LinkState::Open => false,
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
                let told = Some((why.to_owned(), false));
                return record::set_state(context, account, UpstreamState::Failing, told);
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
        let failures = self
            .links
            .get(&account.inbox)
            .map_or(0, |link| link.failures);
        let state = LinkState::Open;
        self.links
            .insert(account.inbox, AccountLink { state, failures });
        Ok(())
    }

    /// The next connection begins later.
    fn rest(&mut self, now: Now, inbox: InboxId, random: u64) {
        let known = self.links.get(&inbox).map_or(0, |link| link.failures);
        let failures = known.saturating_add(1);
        let rest_ms = REST_MS.saturating_mul(1 << known.min(REST_DOUBLINGS));
        // Accounts of one server do not come back all at once.
        let rest_ms = rest_ms / 2 + random % (rest_ms / 2 + 1);
        let state = LinkState::Resting(now.mono_ms.saturating_add(rest_ms));
        self.links.insert(inbox, AccountLink { state, failures });
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
/// How long the DNS has; its resolver answers sooner.
const RESOLVE_MS: u64 = 30_000;
/// The first rest after a failure; each further one doubles it, up to 15 minutes or so.
const REST_MS: u64 = 4_000;
const REST_DOUBLINGS: u32 = 8;
/// Addresses of one host that are tried.
const ADDRESSES_MAX: usize = 6;
/// Connections to upstream servers at once: as many file descriptors.
const CONNECTIONS_MAX: usize = 4_000;
