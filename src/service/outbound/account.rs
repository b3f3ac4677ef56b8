//! The servers of accounts elsewhere: the login there, which is looked up each time that mail of an
//! account is due, and the access tokens that it may need.

use super::state::OutboundState;
use crate::call::{Now, OutboundLoss, Refusal, RouteId, UpstreamAccount};
use crate::service::account::upstream::sending_server;
use crate::service::context::WriteContext;
use crate::service::upstream::TokenAnswer;
use crate::store::{Backlog, Store};

impl OutboundState {
    /// Whether a backlog may be taken in: the server of its account is known, or why there is none.
    /// While an access token is fetched it is not.
    pub(super) fn knows_server(
        &mut self,
        store: &Store,
        now: Now,
        backlog: &Backlog,
    ) -> Result<bool, Refusal> {
        let Some(inbox) = backlog.account() else {
            return Ok(true);
        };
        let org = backlog.org;
        if store.place_of(org, inbox)?.is_none() {
            self.routes.end_account(inbox);
            return Ok(true);
        }
        let Some(record) = store.upstream(org, inbox)? else {
            let why = "the inbox has no account any more";
            self.routes.set_account(inbox, Err(why));
            return Ok(true);
        };
        let needs_token = record.oauth.is_some() && record.smtp_password.is_none();
        let server = match needs_token {
            false => sending_server(&self.sealing, (inbox, record), None),
            true if record.is_stopped => {
                Err("the authorization of the account has ended: see `upstream.error`")
            }
            true => match self.tokens.ask(now, UpstreamAccount { org, inbox }) {
                TokenAnswer::Ready(token) => {
                    sending_server(&self.sealing, (inbox, record), Some(token))
                }
                TokenAnswer::Soon => return Ok(false),
                TokenAnswer::Failing => Err("no access token: see `upstream.error`"),
            },
        };
        self.routes.set_account(inbox, server);
        Ok(true)
    }

    /// A backlog is looked at again in a moment.
    pub(super) fn put_off(
        &mut self,
        store: &Store,
        now: Now,
        backlog: &Backlog,
    ) -> Result<(), Refusal> {
        let later = now.unix_ms.saturating_add(TOKEN_MS);
        store.set_backlog(backlog, later)?;
        self.look_by(later);
        Ok(())
    }

    /// Whether a connection was lost because its access token was refused, and another one is
    /// fetched: it may have ended before its time. What waits comes again with the new one.
    pub(super) fn renews_token(
        &mut self,
        context: &WriteContext<'_>,
        route: RouteId,
        loss: &OutboundLoss,
    ) -> Result<bool, Refusal> {
        let Some((inbox, token)) = self.routes.token_of(route) else {
            return Ok(false);
        };
        if !loss.is_refused_login() || !self.tokens.is_renewable(inbox, Some(&token)) {
            return Ok(false);
        }
        for backlog in self.routes.put_off(context.now, route) {
            self.put_off(context.store, context.now, &backlog)?;
        }
        Ok(true)
    }
}

/// Milliseconds after which mail is looked at again that waits for an access token.
const TOKEN_MS: i64 = 1000;
