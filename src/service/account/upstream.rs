//! The accounts of inboxes that live elsewhere: made, changed, shown. A secret is sealed before it
//! is stored, and it is sealed for its inbox and its host: it opens for no other.
//!
//! The rule: a secret that is stored never goes to a host that its owner has not named together
//! with it. Else a key that may change inboxes could have a password sent to a host of its own. An
//! access token goes to the hosts of the account, so the secrets that it comes by count too.

use crate::call::{
    Access, Countable, InboxId, InboxRow, Metric, NewInbox, NewUpstreamOAuth, NewUpstreamSmtp,
    Noun, OrgId, OutboundLogin, Refusal, Secret, Smarthost, SmarthostTls, UpstreamOAuthRow,
    UpstreamPatch, UpstreamRow, UpstreamSmtpRow, UpstreamState, UpstreamTls,
};
use crate::crypto::{Random, SealFault, SealingKey};
use crate::mail::Address;
use crate::service::context::WriteContext;
use crate::service::field::invalid;
use crate::service::{Service, policy};
use crate::store::{SealedOAuth, Store, UpstreamRecord};

/// Fills in what is shown of the accounts of inboxes.
pub fn show(
    service: &Service,
    store: &Store,
    org: OrgId,
    rows: &mut [InboxRow],
) -> Result<(), Refusal> {
    if !service.upstreams.is_some(|| store.has_any_upstream())? {
        return Ok(());
    }
    for row in rows {
        let found = store.upstream(org, row.id)?;
        row.upstream = found.map(|record| Box::new(record.row));
    }
    Ok(())
}

/// The address of a new inbox that lives elsewhere, and whether one may be made.
pub fn choose_address(
    context: &WriteContext<'_>,
    access: &Access,
    new: &NewInbox,
    patch: &UpstreamPatch,
) -> Result<Address, Refusal> {
    // Which servers this one connects to is a matter of the organization.
    if access.is_bound() {
        return Err(Refusal::KeyBound);
    }
    for (field, given) in [("username", &new.username), ("domain", &new.domain)] {
        if given.is_some() {
            let why = "is not for an inbox that lives elsewhere: give upstream.address";
            return Err(invalid(field, why));
        }
    }
    let max = context.shared.limits.upstream_accounts as u64;
    if context.store.upstreams_len(access.org)? >= max {
        return Err(Refusal::Limit {
            what: Countable::UpstreamAccounts,
            max,
        });
    }
    let (field, text) = match (&patch.address, &patch.user) {
        (Some(address), _) => ("upstream.address", address),
        (None, Some(user)) => ("upstream.user", user),
        (None, None) => return Err(missing("upstream.user")),
    };
    let address = Address::parse(text).map_err(|_| {
        invalid(
            field,
            "is no address: give the address of the account as upstream.address",
        )
    })?;
    if policy::is_local(context.service, context.store, address.domain())? {
        let why = "is on a domain of this server, whose mail comes here: make an inbox there";
        return Err(invalid(field, why));
    }
    match context.store.inbox_at(access.org, &address.canonical())? {
        Some(_) => Err(Refusal::Exists(Noun::Inbox)),
        None => Ok(address),
    }
}

/// Stores the account of a new inbox. Gives what is shown of it.
pub fn insert(
    context: &mut WriteContext<'_>,
    (org, inbox): (OrgId, InboxId),
    patch: &UpstreamPatch,
) -> Result<Box<UpstreamRow>, Refusal> {
    let mut record = UpstreamRecord {
        row: UpstreamRow {
            host: String::new(),
            port: 0,
            tls: UpstreamTls::Implicit,
            user: String::new(),
            oauth: None,
            smtp: None,
            state: UpstreamState::Idle,
            error: None,
            since: context.now.unix_ms,
        },
        password: Vec::new(),
        oauth: None,
        smtp_password: None,
        version: 0,
        is_stopped: false,
    };
    for (field, is_given) in [
        ("upstream.host", patch.host.is_some()),
        ("upstream.port", patch.port.is_some()),
        ("upstream.tls", patch.tls.is_some()),
        ("upstream.user", patch.user.is_some()),
        (
            "upstream.password",
            patch.password.is_some() || patch.oauth.is_some(),
        ),
    ] {
        if !is_given {
            return Err(missing(field));
        }
    }
    apply(context, inbox, &mut record, patch)?;
    context.service.upstreams.begin();
    context.store.set_upstream((org, inbox), &record)?;
    Ok(Box::new(record.row))
}

/// Changes the account of an inbox.
pub fn change(
    context: &mut WriteContext<'_>,
    (org, inbox): (OrgId, InboxId),
    patch: &UpstreamPatch,
) -> Result<(), Refusal> {
    let found = context.store.upstream(org, inbox)?;
    let mut record =
        found.ok_or_else(|| invalid("upstream", "is only for an inbox that was made with it"))?;
    let of = |row: &UpstreamRow| (row.host.clone(), row.user.clone());
    let before = of(&record.row);
    apply(context, inbox, &mut record, patch)?;
    if before != of(&record.row) {
        context.store.part_from_upstream_folders(inbox)?;
    }
    record.version = record.version.saturating_add(1);
    record.is_stopped = false;
    // What failed before may work now: the next listener tries.
    (record.row.state, record.row.error) = (UpstreamState::Idle, None);
    record.row.since = context.now.unix_ms;
    context.store.set_upstream((org, inbox), &record)?;
    context.service.connections.tokens.forget(inbox);
    let prefix = context.service.sealing().prefix();
    let lost = context.store.secrets_of_other_keys(&prefix)?;
    context.shared.metrics.set(Metric::SecretsLost, lost);
    Ok(())
}

fn apply(
    context: &mut WriteContext<'_>,
    inbox: InboxId,
    record: &mut UpstreamRecord,
    patch: &UpstreamPatch,
) -> Result<(), Refusal> {
    let settings = context.shared.upstream;
    let before = record.row.host.clone();
    if let Some(host) = &patch.host {
        let host = settings.read_host(host);
        record.row.host = host.map_err(|why| invalid("upstream.host", why))?;
    }
    if let Some(port) = patch.port {
        let checked = settings.check_port(port, &IMAP_PORTS);
        checked.map_err(|why| invalid("upstream.port", why))?;
        record.row.port = port;
    }
    if let Some(tls) = patch.tls {
        record.row.tls = tls;
    }
    if let Some(user) = &patch.user {
        record.row.user.clone_from(user);
    }
    let host = record.row.host.clone();
    match (&patch.password, &patch.oauth) {
        (Some(_), Some(_)) => return Err(invalid("upstream.oauth", "is in place of a password")),
        (Some(password), None) => {
            record.password = seal(context, (inbox, PASSWORD, &host), password)?;
            (record.row.oauth, record.oauth) = (None, None);
        }
        (None, Some(oauth)) => apply_oauth(context, inbox, record, oauth)?,
        (None, None) if host == before => {}
        (None, None) if record.oauth.is_some() => return Err(invalid("upstream.oauth", AGAIN)),
        (None, None) => return Err(invalid("upstream.password", AGAIN)),
    }
    match &patch.smtp {
        None => {}
        Some(None) => (record.row.smtp, record.smtp_password) = (None, None),
        Some(Some(smtp)) => {
            let has_secret = patch.password.is_some() || patch.oauth.is_some();
            apply_smtp(context, inbox, record, (smtp, has_secret))?;
        }
    }
    Ok(())
}

/// Stores the secrets of access tokens, in place of a password and of those before.
fn apply_oauth(
    context: &mut WriteContext<'_>,
    inbox: InboxId,
    record: &mut UpstreamRecord,
    oauth: &NewUpstreamOAuth,
) -> Result<(), Refusal> {
    let url = context.shared.upstream.read_token_url(&oauth.token_url);
    url.map_err(|why| invalid("upstream.oauth.token_url", why))?;
    record.row.oauth = Some(UpstreamOAuthRow {
        token_url: oauth.token_url.clone(),
        client_id: oauth.client_id.clone(),
    });
    let at = token_place(record);
    let client_secret = match &oauth.client_secret {
        Some(secret) => Some(seal(context, (inbox, CLIENT_SECRET, &at), secret)?),
        None => None,
    };
    let refresh_token = seal(context, (inbox, REFRESH_TOKEN, &at), &oauth.refresh_token)?;
    record.password = Vec::new();
    record.oauth = Some(SealedOAuth {
        client_secret,
        refresh_token,
    });
    Ok(())
}

/// Where the secrets of access tokens lead: to the token server, and by a token to the account.
fn token_place(record: &UpstreamRecord) -> String {
    let url = record.row.oauth.as_ref();
    let url = url.map_or("", |oauth| oauth.token_url.as_str());
    format!("{}/{url}", record.row.host)
}

fn apply_smtp(
    context: &mut WriteContext<'_>,
    inbox: InboxId,
    record: &mut UpstreamRecord,
    (smtp, has_secret): (&NewUpstreamSmtp, bool),
) -> Result<(), Refusal> {
    let settings = context.shared.upstream;
    let host = settings.read_host(&smtp.host);
    let host = host.map_err(|why| invalid("upstream.smtp.host", why))?;
    let checked = settings.check_port(smtp.port, &SMTP_PORTS);
    checked.map_err(|why| invalid("upstream.smtp.port", why))?;
    let is_same = record
        .row
        .smtp
        .as_ref()
        .is_some_and(|before| before.host == host);
    match &smtp.password {
        Some(password) => {
            let sealed = seal(context, (inbox, SMTP_PASSWORD, &host), password)?;
            record.smtp_password = Some(sealed);
        }
        // The one that it has stays.
        None if is_same => {}
        None if has_secret => record.smtp_password = None,
        None => return Err(invalid("upstream.smtp.password", AGAIN)),
    }
    record.row.smtp = Some(UpstreamSmtpRow {
        host,
        port: smtp.port,
        tls: smtp.tls,
        user: smtp.user.clone(),
        has_password: record.smtp_password.is_some(),
    });
    Ok(())
}

/// What a secret is of: the inbox, its name, and where it goes.
type SecretOwner<'a> = (InboxId, &'static str, &'a str);

fn owner((inbox, name, at): SecretOwner<'_>) -> String {
    format!("upstream/{}/{name}/{at}", inbox.0)
}

fn seal(
    context: &mut WriteContext<'_>,
    of: SecretOwner<'_>,
    secret: &Secret,
) -> Result<Vec<u8>, Refusal> {
    let sealed = context
        .service
        .sealing()
        .seal(context.random, &owner(of), secret.expose());
    sealed.map_err(|_| Refusal::Internal)
}

/// The password of an account, for its login over IMAP. It is not to be logged.
pub fn open_password(
    sealing: &SealingKey,
    inbox: InboxId,
    record: &UpstreamRecord,
) -> Result<Vec<u8>, SealFault> {
    let of = (inbox, PASSWORD, record.row.host.as_str());
    sealing.open(&owner(of), &record.password)
}

/// The secrets by which an account gets access tokens: that of the client, if it has one, and the
/// refresh token. They are not to be logged.
pub fn open_oauth(
    sealing: &SealingKey,
    inbox: InboxId,
    record: &UpstreamRecord,
) -> Result<(Option<Secret>, Secret), SealFault> {
    let sealed = record.oauth.as_ref().ok_or(SealFault::Damaged)?;
    let at = token_place(record);
    let open = |name, sealed: &[u8]| {
        let octets = sealing.open(&owner((inbox, name, &at)), sealed)?;
        Ok(Secret::new(octets))
    };
    let client_secret = sealed.client_secret.as_deref();
    let client_secret = client_secret.map(|sealed| open(CLIENT_SECRET, sealed));
    let refresh_token = open(REFRESH_TOKEN, &sealed.refresh_token)?;
    Ok((client_secret.transpose()?, refresh_token))
}

/// Seals a refresh token that a token server has given in place of the one before.
pub fn seal_refresh_token(
    (sealing, random): (&SealingKey, &mut Random),
    inbox: InboxId,
    record: &UpstreamRecord,
    token: &Secret,
) -> Result<Vec<u8>, SealFault> {
    let at = token_place(record);
    sealing.seal(random, &owner((inbox, REFRESH_TOKEN, &at)), token.expose())
}

/// How an account sends: its server. The login is by the secret of the account, or by that of the
/// server where it has one. The error says why there is none, for its owner.
pub fn sending_server(
    sealing: &SealingKey,
    (inbox, record): (InboxId, UpstreamRecord),
    token: Option<Secret>,
) -> Result<Smarthost, &'static str> {
    let Some(smtp) = &record.row.smtp else {
        return Err("the inbox has no SMTP server any more");
    };
    let opened = match (&record.smtp_password, token) {
        (Some(sealed), _) => sealing
            .open(&owner((inbox, SMTP_PASSWORD, &smtp.host)), sealed)
            .map(|password| (Secret::new(password), false)),
        (None, Some(token)) => Ok((token, true)),
        (None, None) => {
            open_password(sealing, inbox, &record).map(|password| (Secret::new(password), false))
        }
    };
    let (secret, is_token) = opened.map_err(|fault| match fault {
        SealFault::OtherKey => {
            "the password of the account was sealed with another secrets.key than this server \
             has: give the password again"
        }
        SealFault::Damaged => "the stored password of the account is damaged: give it again",
    })?;
    Ok(Smarthost {
        host: smtp.host.clone(),
        port: smtp.port,
        tls: match smtp.tls {
            UpstreamTls::Implicit => SmarthostTls::Implicit,
            UpstreamTls::StartTls => SmarthostTls::StartTls,
        },
        login: Some(OutboundLogin {
            user: smtp.user.clone().unwrap_or(record.row.user),
            secret,
            is_token,
        }),
    })
}

fn missing(field: &'static str) -> Refusal {
    invalid(field, "is missing")
}

const AGAIN: &str = "must be given again with another host: what is stored goes to no other";

// The names of secrets in what they are sealed for.
const PASSWORD: &str = "password";
const SMTP_PASSWORD: &str = "smtp_password";
const CLIENT_SECRET: &str = "client_secret";
const REFRESH_TOKEN: &str = "refresh_token";

/// The ports of IMAP (RFC 3501, RFC 8314), and of submission and what providers offer beside it.
const IMAP_PORTS: [u16; 2] = [143, 993];
const SMTP_PORTS: [u16; 4] = [25, 465, 587, 2525];
