//! What becomes of mail from outside after its sender was judged: a refusal, Junk, or a field that
//! tells what the checks gave. It asks nothing and judges nothing.

use super::parsed::{ParsedMessage, WayIn};
use super::plan::Placement;
use crate::call::{
    AuthResult, Authentication, INBOX, Metric, Recipient, Refusal, Request, SenderAuth, SpecialUse,
};
use crate::mail::auth::results::{self, ResultsOf};
use crate::mail::auth::{DmarcPolicy, Judgement};
use crate::mail::digest::Analysis;
use crate::mail::parse::address::parse_domain;
use crate::mail::parse::address_list::{Mailbox, parse_list};
use crate::mail::{Bounds, Headers};
use crate::service::context::ReadContext;
use crate::service::{Service, policy};

/// The treatment of one message.
#[derive(Debug, Default)]
pub(super) struct Treatment {
    /// What is known of its sender.
    pub auth: SenderAuth,
    /// The Authentication-Results field, with its CRLF.
    results: Vec<u8>,
    /// It goes to Junk.
    is_junk: bool,
}

impl Treatment {
    /// Changes the entry of a recipient.
    pub fn apply(
        &self,
        context: &ReadContext<'_>,
        recipient: &Recipient,
        mut placement: Placement,
    ) -> Result<Placement, Refusal> {
        placement.prefix.extend_from_slice(&self.results);
        if self.is_junk {
            placement.mailbox = junk_of(context, recipient)?;
        }
        Ok(placement)
    }
}

/// Applies the policy of the domain in From (RFC 7489 section 6.6.2), and writes down what the
/// checks gave. Mail by other ways is left as it is.
pub(super) fn treat(
    service: &Service,
    context: &ReadContext<'_>,
    request: &Request<()>,
    parsed: &ParsedMessage,
) -> Result<Treatment, Refusal> {
    let WayIn::Inbound(origin) = &parsed.way else {
        return Ok(Treatment::default());
    };
    let is_spoofed = is_spoofed(service, context, (&parsed.body, &parsed.analysis))?;
    let Some(found) = parsed.judge(context.now.unix_ms / 1000) else {
        let auth = match is_spoofed {
            true => SenderAuth::SpoofedLocal,
            false => SenderAuth::Unknown,
        };
        return Ok(Treatment {
            auth,
            ..Treatment::default()
        });
    };
    let is_junk = apply_policy(service, &found)?;
    let of = ResultsOf {
        host: &context.shared.host,
        address: request.peer,
        reverse_path: parsed.envelope.reverse_path.as_deref(),
        helo: &origin.helo,
    };
    Ok(Treatment {
        auth: SenderAuth::Checked(Authentication {
            spf: found.spf,
            dkim: found.best_dkim,
            dmarc: found.dmarc.result,
            aligned: found.dmarc.is_aligned,
            spoofed_local: is_spoofed && !found.dmarc.is_aligned,
        }),
        results: results::write(of, &found),
        is_junk,
    })
}

/// Whether the message goes to Junk; a refusal when the owner of the domain in From wants it.
fn apply_policy(service: &Service, found: &Judgement) -> Result<bool, Refusal> {
    let shared = &service.shared;
    if found.dmarc.result != AuthResult::Fail || !shared.inbound.enforces_dmarc() {
        return Ok(false);
    }
    match found.dmarc.policy {
        DmarcPolicy::None => Ok(false),
        DmarcPolicy::Quarantine => {
            shared.metrics.count(Metric::QuarantinedDmarc);
            Ok(true)
        }
        DmarcPolicy::Reject => {
            shared.metrics.count(Metric::RejectedDmarc);
            Err(Refusal::DmarcPolicy {
                domain: found.authors.domains.first().cloned().unwrap_or_default(),
            })
        }
    }
}

/// The mailbox for suspicious mail; INBOX when the inbox has none any more.
pub(super) fn junk_of(context: &ReadContext<'_>, recipient: &Recipient) -> Result<String, Refusal> {
    let found = match (recipient.org, recipient.inbox) {
        (Some(org), Some(inbox)) => context
            .store
            .mailbox_special(org, inbox, SpecialUse::Junk)?,
        _ => None,
    };
    Ok(found.map_or_else(|| INBOX.to_owned(), |mailbox| mailbox.name))
}

/// Whether a message from outside names a sender of this server (DECISIONS.md, "Senders").
fn is_spoofed(
    service: &Service,
    context: &ReadContext<'_>,
    (body, analysis): (&[u8], &Analysis),
) -> Result<bool, Refusal> {
    let bounds = Bounds::default();
    let all: Vec<Mailbox>;
    let from = match analysis.is_truncated {
        false => &analysis.from,
        // A field behind the bounds is not in the digest, and a mail client shows it all the same.
        true => {
            let fields = Headers::parse(body).all("From");
            let lists = fields.map(|field| parse_list(field.value, &bounds));
            let mailboxes = lists.flat_map(|list| list.mailboxes().cloned().collect::<Vec<_>>());
            all = mailboxes.take(bounds.addresses).collect();
            &all
        }
    };
    let mut last = "";
    for mailbox in from {
        if mailbox.domain == last {
            continue;
        }
        last = &mailbox.domain;
        let Ok(domain) = parse_domain(last) else {
            continue;
        };
        // Mail for the postmaster at the host name is ours too.
        let is_host = service.shared.host.eq_ignore_ascii_case(&domain);
        if is_host || policy::is_local(service, context.store, &domain)? {
            return Ok(true);
        }
    }
    Ok(false)
}
