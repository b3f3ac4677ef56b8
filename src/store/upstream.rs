//! The accounts of inboxes that live elsewhere, as rows. Secrets are sealed octets here: this file
//! never sees them open.

use rusqlite::{Row, params};

use super::{Error, Store, uint};
use crate::call::{
    InboxId, OrgId, UpstreamOAuthRow, UpstreamRow, UpstreamSmtpRow, UpstreamState, UpstreamTls,
};

/// An account with its sealed secrets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UpstreamRecord {
    /// What is shown of it.
    pub row: UpstreamRow,
    /// The password of the account, sealed. An account with `oauth` has none.
    pub password: Vec<u8>,
    /// The secrets for access tokens, in place of a password.
    pub oauth: Option<SealedOAuth>,
    /// That of its SMTP server, if it has one of its own.
    pub smtp_password: Option<Vec<u8>>,
    /// Grows with each change by its owner.
    pub version: u32,
    /// Its owner has to change something before the next login.
    pub is_stopped: bool,
}

/// The sealed secrets by which an account gets access tokens. What is shown of it stands in the row
/// of the account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SealedOAuth {
    /// `None` is a public client.
    pub client_secret: Option<Vec<u8>>,
    pub refresh_token: Vec<u8>,
}

impl Store {
    /// Whether any inbox lives elsewhere.
    pub fn has_any_upstream(&self) -> Result<bool, Error> {
        let sql = "SELECT EXISTS (SELECT 1 FROM upstream)";
        let found = self.direct().one(sql, [], |r| r.get(0))?;
        Ok(found.unwrap_or(false))
    }

    /// How many accounts an organization has.
    pub fn upstreams_len(&self, org: OrgId) -> Result<u64, Error> {
        let sql = "SELECT count(*) FROM upstream WHERE org = ?1";
        let found = self.direct().one(sql, [org.0], |r| r.get(0))?;
        Ok(uint(found.unwrap_or(0)))
    }

    /// Whether an inbox lives elsewhere, and then whether it can send.
    pub fn upstream_sends(&self, inbox: InboxId) -> Result<Option<bool>, Error> {
        let sql = "SELECT smtp_host IS NOT NULL FROM upstream WHERE inbox = ?1";
        self.direct().one(sql, [inbox.0], |r| r.get(0))
    }

    /// The account of an inbox.
    pub fn upstream(&self, org: OrgId, inbox: InboxId) -> Result<Option<UpstreamRecord>, Error> {
        let found = self.direct().one(
            "SELECT host, port, tls, user, smtp_host, smtp_port, smtp_tls, smtp_user, state, error,
                 since, password, smtp_password, version, is_stopped,
                 token_url, client_id, client_secret, refresh_token
             FROM upstream LEFT JOIN upstream_oauth USING (inbox, org)
             WHERE inbox = ?2 AND org = ?1",
            [org.0, inbox.0],
            |r| Ok(read_upstream(r)),
        )?;
        found.transpose()
    }

    /// Stores the account of an inbox, in place of the one before.
    pub fn set_upstream(
        &self,
        (org, inbox): (OrgId, InboxId),
        record: &UpstreamRecord,
    ) -> Result<(), Error> {
        let row = &record.row;
        let smtp = row.smtp.as_ref();
        self.direct().run(
            "INSERT INTO upstream (inbox, org, host, port, tls, user, password, smtp_host,
                 smtp_port, smtp_tls, smtp_user, smtp_password, version, is_stopped, state, error,
                 since)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16,
                 ?17)
             ON CONFLICT (inbox) DO UPDATE SET host = excluded.host, port = excluded.port,
                 tls = excluded.tls, user = excluded.user, password = excluded.password,
                 smtp_host = excluded.smtp_host, smtp_port = excluded.smtp_port,
                 smtp_tls = excluded.smtp_tls, smtp_user = excluded.smtp_user,
                 smtp_password = excluded.smtp_password, version = excluded.version,
                 is_stopped = excluded.is_stopped,
                 state = excluded.state, error = excluded.error, since = excluded.since",
            params![
                inbox.0,
                org.0,
                row.host,
                row.port,
                row.tls as i64,
                row.user,
                record.password,
                smtp.map(|smtp| &smtp.host),
                smtp.map(|smtp| smtp.port),
                smtp.map(|smtp| smtp.tls as i64),
                smtp.and_then(|smtp| smtp.user.as_ref()),
                record.smtp_password,
                record.version,
                record.is_stopped,
                row.state as i64,
                row.error,
                row.since,
            ],
        )?;
        self.set_upstream_oauth((org, inbox), record)
    }

    fn set_upstream_oauth(
        &self,
        (org, inbox): (OrgId, InboxId),
        record: &UpstreamRecord,
    ) -> Result<(), Error> {
        let (Some(row), Some(sealed)) = (&record.row.oauth, &record.oauth) else {
            let sql = "DELETE FROM upstream_oauth WHERE inbox = ?1";
            self.direct().run(sql, [inbox.0])?;
            return Ok(());
        };
        self.direct().run(
            "INSERT INTO upstream_oauth (inbox, org, token_url, client_id, client_secret,
                 refresh_token)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (inbox) DO UPDATE SET token_url = excluded.token_url,
                 client_id = excluded.client_id, client_secret = excluded.client_secret,
                 refresh_token = excluded.refresh_token",
            params![
                inbox.0,
                org.0,
                row.token_url,
                row.client_id,
                sealed.client_secret,
                sealed.refresh_token,
            ],
        )?;
        Ok(())
    }

    /// Stores the refresh token that a token server has given in place of the one before.
    pub fn set_refresh_token(&self, inbox: InboxId, sealed: &[u8]) -> Result<(), Error> {
        self.direct().run(
            "UPDATE upstream_oauth SET refresh_token = ?2 WHERE inbox = ?1",
            params![inbox.0, sealed],
        )?;
        Ok(())
    }

    /// The secrets that were not sealed with the key whose values begin with `prefix`.
    pub fn secrets_of_other_keys(&self, prefix: &[u8]) -> Result<u64, Error> {
        let found = self.direct().one(
            "SELECT total((length(password) > 0 AND substr(password, 1, length(?1)) <> ?1)
                 + coalesce(substr(smtp_password, 1, length(?1)) <> ?1, 0)
                 + coalesce(substr(client_secret, 1, length(?1)) <> ?1, 0)
                 + coalesce(substr(refresh_token, 1, length(?1)) <> ?1, 0))
             FROM upstream LEFT JOIN upstream_oauth USING (inbox, org)",
            [prefix],
            |r| r.get::<_, f64>(0),
        )?;
        Ok(found.unwrap_or(0.0) as u64)
    }

    /// Forgets the account of an inbox.
    pub(super) fn delete_upstream(&self, inbox: i64) -> Result<usize, Error> {
        let oauth = self
            .direct()
            .run("DELETE FROM upstream_oauth WHERE inbox = ?1", [inbox])?;
        let accounts = self
            .direct()
            .run("DELETE FROM upstream WHERE inbox = ?1", [inbox])?;
        Ok(oauth + accounts)
    }
}

fn read_upstream(r: &Row<'_>) -> Result<UpstreamRecord, Error> {
    let tls = |column: usize| match r.get::<_, Option<i64>>(column)? {
        None => Ok::<_, Error>(None),
        Some(0) => Ok(Some(UpstreamTls::Implicit)),
        Some(1) => Ok(Some(UpstreamTls::StartTls)),
        Some(_) => Err(Error::Corrupt("upstream")),
    };
    let smtp_password: Option<Vec<u8>> = r.get(12)?;
    let smtp = match (r.get(4)?, r.get(5)?, tls(6)?) {
        (Some(host), Some(port), Some(tls)) => Some(UpstreamSmtpRow {
            host,
            port,
            tls,
            user: r.get(7)?,
            has_password: smtp_password.is_some(),
        }),
        _ => None,
    };
    let (oauth, sealed) = match (r.get(15)?, r.get(16)?, r.get(18)?) {
        (Some(token_url), Some(client_id), Some(refresh_token)) => {
            let row = UpstreamOAuthRow {
                token_url,
                client_id,
            };
            let sealed = SealedOAuth {
                client_secret: r.get(17)?,
                refresh_token,
            };
            (Some(row), Some(sealed))
        }
        _ => (None, None),
    };
    Ok(UpstreamRecord {
        row: UpstreamRow {
            host: r.get(0)?,
            port: r.get(1)?,
            tls: tls(2)?.ok_or(Error::Corrupt("upstream"))?,
            user: r.get(3)?,
            oauth,
            smtp,
            state: UpstreamState::load(r.get(8)?).ok_or(Error::Corrupt("upstream"))?,
            error: r.get(9)?,
            since: r.get(10)?,
        },
        password: r.get(11)?,
        oauth: sealed,
        smtp_password,
        version: r.get(13)?,
        is_stopped: r.get(14)?,
    })
}
