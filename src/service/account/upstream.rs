//! The accounts of inboxes that live elsewhere: made, changed, shown. A secret is sealed before it
//! is stored, and it is sealed for its inbox and its host: it opens for no other.
//!
//! The rule: a secret that is stored never goes to a host that its owner has not named together
//! with it. Else a key that may change inboxes could have a password sent to a host of its own.

use crate::call::{
    Access, Countable, InboxId, InboxRow, Metric, NewInbox, NewUpstreamSmtp, Noun, OrgId,
    OutboundLogin, Refusal, Secret, Smarthost, SmarthostTls, UpstreamPatch, UpstreamRow,
    UpstreamSmtpRow, UpstreamState, UpstreamTls,
};
use crate::crypto::{SealFault, SealingKey};
use crate::mail::Address;
use crate::service::context::WriteContext;
use crate::service::field::invalid;
use crate::service::{Service, policy};
use crate::store::{Store, UpstreamRecord};

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
            smtp: None,
            state: UpstreamState::Idle,
            error: None,
            since: context.now.unix_ms,
        },
        password: Vec::new(),
        smtp_password: None,
        version: 0,
        is_stopped: false,
    };
    for (field, is_given) in [
        ("upstream.host", patch.host.is_some()),
        ("upstream.port", patch.port.is_some()),
        ("upstream.tls", patch.tls.is_some()),
        ("upstream.user", patch.user.is_some()),
        ("upstream.password", patch.password.is_some()),
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
    match &patch.password {
        Some(password) => {
            let host = record.row.host.clone();
            record.password = seal(context, (inbox, PASSWORD, &host), password)?;
        }
        None if record.row.host == before => {}
        None => return Err(invalid("upstream.password", AGAIN)),
    }
    match &patch.smtp {
        None => {}
        Some(None) => (record.row.smtp, record.smtp_password) = (None, None),
        Some(Some(smtp)) => {
            apply_smtp(context, inbox, record, (smtp, patch.password.is_some()))?;
        }
    }
    Ok(())
}

fn apply_smtp(
    context: &mut WriteContext<'_>,
    inbox: InboxId,
    record: &mut UpstreamRecord,
    (smtp, has_password): (&NewUpstreamSmtp, bool),
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
        None if has_password => record.smtp_password = None,
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

/// How an account sends: its server, with the login there. The error says why it cannot, for its
/// owner.
pub fn sending_server(
    sealing: &SealingKey,
    store: &Store,
    (org, inbox): (OrgId, InboxId),
) -> Result<Result<Smarthost, &'static str>, Refusal> {
    let record = store.upstream(org, inbox)?;
    let Some((record, smtp)) = record.and_then(|mut record| {
        let smtp = record.row.smtp.take()?;
        Some((record, smtp))
    }) else {
        return Ok(Err("the inbox has no SMTP server any more"));
    };
    let opened = match &record.smtp_password {
        Some(sealed) => sealing.open(&owner((inbox, SMTP_PASSWORD, &smtp.host)), sealed),
        None => open_password(sealing, inbox, &record),
    };
    Ok(match opened {
        Ok(password) => Ok(Smarthost {
            host: smtp.host,
            port: smtp.port,
            tls: match smtp.tls {
                UpstreamTls::Implicit => SmarthostTls::Implicit,
                UpstreamTls::StartTls => SmarthostTls::StartTls,
            },
            login: Some(OutboundLogin {
                user: smtp.user.unwrap_or(record.row.user),
                password: Secret::new(password),
            }),
        }),
        Err(SealFault::OtherKey) => Err(
            "the password of the account was sealed with another secrets.key than this server \
             has: give the password again",
        ),
        Err(SealFault::Damaged) => {
            Err("the stored password of the account is damaged: give it again")
        }
    })
}

fn missing(field: &'static str) -> Refusal {
    invalid(field, "is missing")
}

const AGAIN: &str = "must be given again with another host: what is stored goes to no other";

// The names of secrets in what they are sealed for.
const PASSWORD: &str = "password";
const SMTP_PASSWORD: &str = "smtp_password";

/// The ports of IMAP (RFC 3501, RFC 8314), and of submission and what providers offer beside it.
const IMAP_PORTS: [u16; 2] = [143, 993];
const SMTP_PORTS: [u16; 4] = [25, 465, 587, 2525];
