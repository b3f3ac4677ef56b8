//! The notifications that this server writes about mail of its own inboxes (RFC 3464): of a
//! failure, of a delay, of a delivery that no other server confirms.
//!
//! Each goes straight into the INBOX of the sender, in the transaction in which the thing happens.
//! None is ever sent to another server: only inboxes of this server send, so there is no
//! backscatter and no loop. The rule: a notification never refuses what it tells of. An inbox that
//! cannot take it learns of it by the event alone (DECISIONS.md, "Bounces").

use super::failure::DeliveryFailure;
use super::piece::outgoing_header;
use super::report::{BOUNCE_LABEL, may_label};
use crate::call::{
    Arrival, EntryId, Flags, INBOX, InboxId, Metric, Need, OrgId, OutboundAttempt, Refusal,
};
use crate::mail::write::compose::message_id;
use crate::mail::write::dsn::{Dsn, DsnAction, ORIGINAL_BYTES_MAX, write_dsn};
use crate::mail::{Address, Bounds, digest};
use crate::service::access::receives::SendingParty;
use crate::service::context::WriteContext;
use crate::service::intake::plan::{Delivery, Effect, Placement, Plan};
use crate::service::intake::{deliver_own, summary_of};
use crate::store::{OutboundRecord, SmtpJob};

// The bits of NOTIFY (RFC 3461 section 4.1).
const NEVER: u8 = 1;
const SUCCESS: u8 = 2;
const FAILURE: u8 = 4;
const DELAY: u8 = 8;

/// Whether the sender wants to be told. Without NOTIFY it is told of a failure and of a delay.
pub fn wants(envelope: &SmtpJob, action: DsnAction) -> bool {
    if envelope.reverse_path.is_none() || envelope.notify & NEVER != 0 {
        return false;
    }
    let is_default = envelope.notify == 0;
    match action {
        DsnAction::Failed => is_default || envelope.notify & FAILURE != 0,
        DsnAction::Delayed => is_default || envelope.notify & DELAY != 0,
        DsnAction::Delivered | DsnAction::Relayed => envelope.notify & SUCCESS != 0,
    }
}

/// A message that an inbox has sent, and one of its recipients.
#[derive(Clone, Copy, Debug)]
pub struct SentTo<'a> {
    /// The sender.
    pub from: (OrgId, InboxId),
    /// The recipient, and the DSN parameters.
    pub envelope: &'a SmtpJob,
    /// The copy of the sender.
    pub entry: Option<EntryId>,
    /// When it was accepted, unix milliseconds.
    pub created_at: i64,
    /// The attempt that a notification tells of, when it has not ended just now.
    pub last: Option<&'a OutboundAttempt>,
    /// The message as it leaves, or its header.
    pub original: &'a [u8],
}

/// Tells the sender of a row, if it wants to know. It comes before the row gives up its message.
pub fn notify(
    context: &mut WriteContext<'_>,
    row: &OutboundRecord,
    action: DsnAction,
    told: &DeliveryFailure,
) -> Result<(), Refusal> {
    if !wants(&row.envelope, action) || context.service.has_ended(row.org) {
        return Ok(());
    }
    let original = match read_original(context, row) {
        Ok(original) => original,
        Err(refusal) if context.store.is_transaction_gone() => return Err(refusal),
        // What happened is told all the same.
        Err(refusal) => {
            log::error!(
                "message of a queued recipient cannot be read id={} error=\"{refusal:?}\"",
                row.id
            );
            Vec::new()
        }
    };
    let sent = SentTo {
        from: (row.org, row.inbox),
        envelope: &row.envelope,
        entry: row.entry,
        created_at: row.created_at,
        // A delay and an end by time come after the attempt that they tell of.
        last: match action {
            DsnAction::Failed | DsnAction::Delayed => {
                (row.history.last()).filter(|last| last.at != context.now.unix_ms)
            }
            DsnAction::Delivered | DsnAction::Relayed => None,
        },
        original: &original,
    };
    let until = (action == DsnAction::Delayed).then_some(row.expires_at);
    context.behind(row.depth, |context| {
        tell_sender(context, &sent, action, (told, until))
    })
}

/// The header of the message, or all of it when its sender wants that and it is not too large.
fn read_original(context: &WriteContext<'_>, row: &OutboundRecord) -> Result<Vec<u8>, Refusal> {
    let (mut original, size, header_len) = outgoing_header(context.store, row)?;
    let is_small = size as usize <= ORIGINAL_BYTES_MAX;
    if let (Some(true), true, Some(body)) = (row.envelope.ret_full, is_small, row.body) {
        let rest = size.saturating_sub(header_len);
        let store = context.store;
        store.read_body((body, size), header_len, rest, &mut original)?;
    }
    Ok(original)
}

/// Writes the notification into the INBOX of the sender.
pub fn tell_sender(
    context: &mut WriteContext<'_>,
    sent: &SentTo<'_>,
    action: DsnAction,
    (told, retry_until): (&DeliveryFailure, Option<i64>),
) -> Result<(), Refusal> {
    let (org, inbox) = sent.from;
    let envelope = sent.envelope;
    let Some(Ok(sender)) = envelope.reverse_path.as_deref().map(Address::parse) else {
        return Ok(());
    };
    let mut seed = [0; 16];
    context.random.fill(&mut seed);
    let host = context.shared.host.as_str();
    let status = status_of(action, told);
    let now_ms = context.now.unix_ms;
    let (diagnostic, is_smtp_reply, attempted_at) = match sent.last {
        Some(last) => {
            let diagnostic = diagnostic_of(last.code, last.enhanced, &last.text);
            (diagnostic, last.code.is_some(), last.at)
        }
        None => {
            let diagnostic = diagnostic_of(told.code, told.enhanced, &told.text);
            (diagnostic, told.code.is_some(), now_ms)
        }
    };
    let octets = write_dsn(&Dsn {
        reporting_mta: host,
        to: &sender,
        action,
        recipient: &envelope.recipient,
        original_recipient: envelope.orcpt.as_deref(),
        envelope_id: envelope.envid.as_deref(),
        status: &status,
        remote_mta: Some(told.host.as_str()).filter(|host| !host.is_empty()),
        diagnostic: &diagnostic,
        is_smtp_reply,
        arrived_at: sent.created_at,
        attempted_at,
        retry_until,
        original: sent.original,
        is_full: envelope.ret_full == Some(true),
        now: now_ms,
        message_id: &message_id(seed, host),
        seed,
    });
    let is_bounce = matches!(action, DsnAction::Failed | DsnAction::Delayed);
    let mut delivery = delivery_of(octets, (inbox, sent.entry), &sender.to_string())?;
    if is_bounce && may_label(context.store, org, inbox)? {
        for effect in &mut delivery.plan.effects {
            if let Effect::Place(placement) = effect {
                placement.keywords.push(BOUNCE_LABEL.to_owned());
            }
        }
    }
    if !deliver_own(context, &delivery)? {
        context.shared.metrics.count(Metric::RejectedQuota);
        log::info!("notification left out, the inbox takes no mail inbox={inbox}");
    }
    Ok(())
}

/// A plan that puts octets of this server into an INBOX.
fn delivery_of(
    octets: Vec<u8>,
    (inbox, answers): (InboxId, Option<EntryId>),
    to: &str,
) -> Result<Delivery, Refusal> {
    let mut analysis =
        digest::analyse(&octets, &Bounds::default()).map_err(|_| Refusal::Internal)?;
    let placement = Placement {
        id: None,
        inbox,
        mailbox: INBOX.to_owned(),
        prefix: format!("Return-Path: <>\r\nDelivered-To: {to}\r\n").into_bytes(),
        flags: Flags::NONE,
        keywords: Vec::new(),
        kind: Arrival::Received,
        received_at: None,
        ruled: None,
        spam: None,
    };
    let digest = core::mem::take(&mut analysis.digest);
    let plan = Plan {
        header_len: analysis.header_len,
        message_id: analysis.message_id.clone().unwrap_or_default(),
        references: analysis.references.clone(),
        answers,
        effects: vec![Effect::Place(placement)],
        body: octets,
        digest,
        summary: summary_of(analysis),
        ..Plan::empty(SendingParty::Server)
    };
    let plan = plan.with_signature().ok_or(Refusal::Internal)?;
    Ok(Delivery {
        plan,
        need: Need::Nothing,
        idempotency: None,
        charge: None,
        receiver: None,
        pieces: None,
        refused: None,
    })
}

/// The Status field: of a failure the code of the other server, or one that fits its reply.
fn status_of(action: DsnAction, told: &DeliveryFailure) -> String {
    let class = match action {
        DsnAction::Failed => 5,
        DsnAction::Delayed => 4,
        DsnAction::Delivered | DsnAction::Relayed => return "2.0.0".to_owned(),
    };
    match told.enhanced {
        // RFC 3464 section 2.3.4 lets a failure have the code of the last try: 4.4.7.
        Some((4 | 5, subject, detail)) if class == 5 => {
            let class = told.enhanced.map_or(5, |code| code.0);
            format!("{class}.{subject}.{detail}")
        }
        Some((_, subject, detail)) => format!("{class}.{subject}.{detail}"),
        None => format!("{class}.0.0"),
    }
}

/// The reply as it came, or our words.
fn diagnostic_of(code: Option<u16>, enhanced: Option<(u8, u16, u16)>, text: &str) -> String {
    match (code, enhanced) {
        (Some(code), Some((class, subject, detail))) if u16::from(class) == code / 100 => {
            format!("{code} {class}.{subject}.{detail} {text}")
        }
        (Some(code), _) => format!("{code} {text}"),
        (None, _) => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notify_says_what_a_sender_is_told() {
        use DsnAction::{Delayed, Delivered, Failed, Relayed};
        let envelope = |reverse_path: Option<&str>, notify| SmtpJob {
            reverse_path: reverse_path.map(str::to_owned),
            recipient: "b@y.test".into(),
            notify,
            orcpt: None,
            ret_full: None,
            envid: None,
        };
        for (notify, told) in [
            (0, &[Failed, Delayed][..]),
            (NEVER, &[]),
            (SUCCESS, &[Delivered, Relayed]),
            (FAILURE, &[Failed]),
            (DELAY, &[Delayed]),
            (SUCCESS | FAILURE, &[Failed, Delivered, Relayed]),
        ] {
            for action in [Failed, Delayed, Delivered, Relayed] {
                let wanted = wants(&envelope(Some("a@x.test"), notify), action);
                assert_eq!(wanted, told.contains(&action), "{notify} {action:?}");
                assert!(!wants(&envelope(None, notify), action));
            }
        }
    }
}
