//! The fetch of access tokens by refresh tokens (RFC 6749 section 6): the look-up of the token
//! server, the connection to it, and what its answer means.
//!
//! A server that has changed the refresh token takes the old one no more, so the new one is stored
//! in the commit of the very call that brings it. A refusal for good stops the account until its
//! owner gives other secrets.

use core::net::{IpAddr, SocketAddr};

use super::account as record;
use super::connections::UpstreamAction;
use super::state::{UpstreamHost, Upstreams, lock};
use crate::call::{
    Question, RecordType, Refusal, RemoteHost, TokenDial, TokenOutcome, UpstreamAccount,
    UpstreamState, Written,
};
use crate::service::account::upstream::{open_oauth, seal_refresh_token};
use crate::service::context::WriteContext;
use crate::store::UpstreamRecord;

impl Upstreams {
    /// Goes on with the fetches of tokens that are wanted.
    pub(super) fn fetch_tokens(
        &self,
        context: &mut WriteContext<'_>,
        actions: &mut Vec<UpstreamAction>,
    ) -> Result<(), Refusal> {
        for account in self.tokens.take_wanted(context.now) {
            self.look_up(context, account, actions)?;
        }
        for (account, addresses) in self.tokens.take_resolved(context.now) {
            let dialled = match self.record_of(context, account)? {
                Some(found) => self.request(context, account, &found, addresses),
                None => Ok(None),
            };
            match dialled {
                Ok(Some(dial)) => actions.push(UpstreamAction::DialToken(Box::new(dial))),
                Ok(None) => self.tokens.forget(account.inbox),
                Err(why) => self.fetch_failed(context, account, why, actions),
            }
        }
        Ok(())
    }

    /// The account, if it logs in by OAuth and may be tried.
    fn record_of(
        &self,
        context: &WriteContext<'_>,
        account: UpstreamAccount,
    ) -> Result<Option<UpstreamRecord>, Refusal> {
        let found = context.store.upstream(account.org, account.inbox)?;
        Ok(found.filter(|found| found.oauth.is_some() && !found.is_stopped))
    }

    fn look_up(
        &self,
        context: &mut WriteContext<'_>,
        account: UpstreamAccount,
        actions: &mut Vec<UpstreamAction>,
    ) -> Result<(), Refusal> {
        let found = self.record_of(context, account)?;
        let Some(oauth) = found.and_then(|found| found.row.oauth) else {
            self.tokens.forget(account.inbox);
            return Ok(());
        };
        let inbox = account.inbox;
        match context.shared.upstream.read_token_url(&oauth.token_url) {
            // The configuration is another than when it was given.
            Err(why) => {
                let why = format!("token_url {why}");
                self.fetch_failed(context, account, why, actions);
            }
            Ok(url) => match url.host {
                RemoteHost::Address(address) => self.tokens.found(inbox, vec![address]),
                RemoteHost::Name(name) => {
                    let kinds = [RecordType::A, RecordType::Aaaa];
                    let questions = kinds.map(|kind| Question::new(&name, kind));
                    for question in questions.into_iter().flatten() {
                        self.tokens.awaits_answer(inbox);
                        actions.push(UpstreamAction::Ask(UpstreamHost::Token, inbox, question));
                    }
                }
            },
        }
        Ok(())
    }

    /// The request to a token server whose addresses are known. The error is for the owner.
    fn request(
        &self,
        context: &WriteContext<'_>,
        account: UpstreamAccount,
        found: &UpstreamRecord,
        addresses: Vec<IpAddr>,
    ) -> Result<Option<TokenDial>, String> {
        let Some(oauth) = &found.row.oauth else {
            return Ok(None);
        };
        let settings = context.shared.upstream;
        let url = settings.read_token_url(&oauth.token_url)?;
        let had_some = !addresses.is_empty();
        let allowed = settings.token_rules();
        let port = url.port;
        let addresses = addresses.into_iter().map(|ip| SocketAddr::new(ip, port));
        let addresses: Vec<SocketAddr> = addresses.filter(|a| allowed.allows(*a)).collect();
        match (addresses.is_empty(), had_some) {
            (true, true) => return Err("the token server has no public address".into()),
            (true, false) => {
                return Err("the name of the token server has no address now".into());
            }
            (false, _) => {}
        }
        let opened = open_oauth(context.service.sealing(), account.inbox, found);
        let Ok((client_secret, stored)) = opened else {
            return Err("the stored secrets cannot be opened: the key file has changed".into());
        };
        Ok(Some(TokenDial {
            account,
            version: found.version,
            url,
            addresses: addresses.into_iter().take(ADDRESSES_MAX).collect(),
            client_id: oauth.client_id.clone(),
            client_secret,
            refresh_token: self.tokens.refresh_token(account.inbox).unwrap_or(stored),
            began_ms: context.now.mono_ms,
            limit_ms: LIMIT_MS,
        }))
    }

    /// A token server has answered, or has not.
    pub fn token_came(
        &self,
        context: &mut WriteContext<'_>,
        (account, version): (UpstreamAccount, u32),
        outcome: &TokenOutcome,
    ) -> Result<Written, Refusal> {
        // Its owner may have given other secrets meanwhile, and an answer to the old ones says
        // nothing of them.
        let found = self.record_of(context, account)?;
        let Some(found) = found.filter(|found| found.version == version) else {
            return Ok(Written::Changed);
        };
        match outcome {
            TokenOutcome::Granted(grant) => {
                let changed = self.tokens.granted(context.now, account, grant);
                if let Some(token) = changed {
                    let by = (context.service.sealing(), &mut *context.random);
                    let sealed = seal_refresh_token(by, account.inbox, &found, &token);
                    let sealed = sealed.map_err(|_| Refusal::Internal)?;
                    context.store.set_refresh_token(account.inbox, &sealed)?;
                }
                let mut table = self.table();
                (table.look_ms, table.all_ms) = (0, 0);
            }
            TokenOutcome::Refused(why) => {
                let why = format!("the authorization has ended, authorize again: {why}");
                self.token_failed(context, account, why, true)?;
            }
            TokenOutcome::Failed(why) => {
                let why = format!("no access token: {why}");
                self.token_failed(context, account, why, false)?;
            }
        }
        Ok(Written::Changed)
    }

    fn token_failed(
        &self,
        context: &mut WriteContext<'_>,
        account: UpstreamAccount,
        why: String,
        is_stopped: bool,
    ) -> Result<(), Refusal> {
        self.note_failed(context, account, &why);
        lock(&self.changed).insert(account);
        let told = Some((why, is_stopped));
        let state = UpstreamState::Failing;
        Ok(record::set_state(context, account, state, told)?)
    }

    /// The same outside of a call: it is stored in the transaction of the look.
    fn fetch_failed(
        &self,
        context: &mut WriteContext<'_>,
        account: UpstreamAccount,
        why: String,
        actions: &mut Vec<UpstreamAction>,
    ) {
        self.note_failed(context, account, &why);
        let state = UpstreamState::Failing;
        actions.push(UpstreamAction::Tell(account, state, Some(why)));
    }

    fn note_failed(&self, context: &mut WriteContext<'_>, account: UpstreamAccount, why: &str) {
        log::warn!("upstream inbox={}: {why}", account.inbox);
        let random = context.random.u64();
        self.tokens.failed(context.now, account.inbox, random);
    }
}

/// Addresses of one token server that are tried.
const ADDRESSES_MAX: usize = 2;
/// Milliseconds of a request in all, from the dial on.
const LIMIT_MS: u64 = 15_000;
