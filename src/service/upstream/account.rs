//! What the connection of an account needs of its record, and what it tells there.

use super::tokens::TokenAnswer;
use crate::call::{Secret, UpstreamAccount, UpstreamLogin, UpstreamState};
use crate::service::account::upstream::open_password;
use crate::service::context::WriteContext;
use crate::store::{Error, UpstreamRecord};

/// How the connection of an account logs in; `None` while there is no access token. The error is
/// for its owner.
pub fn login(
    context: &WriteContext<'_>,
    account: UpstreamAccount,
    record: &UpstreamRecord,
) -> Result<Option<UpstreamLogin>, &'static str> {
    let user = record.row.user.clone();
    if record.oauth.is_some() {
        let tokens = &context.service.connections.tokens;
        return Ok(match tokens.ask(context.now, account) {
            TokenAnswer::Ready(token) => Some(UpstreamLogin::Token { user, token }),
            TokenAnswer::Soon | TokenAnswer::Failing => None,
        });
    }
    match open_password(context.service.sealing(), account.inbox, record) {
        Ok(password) => Ok(Some(UpstreamLogin::Password {
            user,
            password: Secret::new(password),
        })),
        Err(_) => Err("the stored password cannot be opened: the key file has changed"),
    }
}

/// Notes how it stands with the connection of an account, with the reason and whether only its
/// owner can help.
pub fn set_state(
    context: &WriteContext<'_>,
    account: UpstreamAccount,
    state: UpstreamState,
    fault: Option<(String, bool)>,
) -> Result<(), Error> {
    let found = context.store.upstream(account.org, account.inbox)?;
    let Some(mut record) = found else {
        return Ok(());
    };
    let (error, is_stopped) = match fault {
        Some((why, is_stopped)) => (Some(why), is_stopped),
        None => (None, false),
    };
    if (record.row.state, &record.row.error) == (state, &error) {
        return Ok(());
    }
    (record.row.state, record.row.error) = (state, error);
    record.row.since = context.now.unix_ms;
    record.is_stopped |= is_stopped;
    let at = (account.org, account.inbox);
    context.store.set_upstream(at, &record)
}
