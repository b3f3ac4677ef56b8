//! Release: a scheduled message whose time has come becomes a message on its way out. It was parsed
//! when it was accepted: what was stored of it then is read, and no more than its header is parsed
//! again.

use super::decide::{own_copy, references_of, send_filtered};
use super::filter::Filter;
use super::plan::{Delivery, Effect, Plan, Released};
use super::subject::SubjectKeys;
use super::treat::Treatment;
use crate::call::{Decision, Envelope, Need, Refusal, SCHEDULED_LABEL};
use crate::mail::digest::{self, Analysis};
use crate::mail::{Bounds, Digest};
use crate::service::access::login::folder_access;
use crate::service::access::receives::SendingParty;
use crate::service::context::{ReadContext, WriteContext};
use crate::service::outgoing::{self, OutgoingMail};
use crate::service::policy;
use crate::store::StoredScheduled;

/// What becomes of a message whose time has come.
pub enum Release {
    /// Its inbox or its entry is gone.
    Gone,
    /// Policy has decided otherwise.
    Decided(Decision),
    /// It leaves.
    Leaves(Box<Delivery>),
}

/// The message, as it is to leave.
///
/// # Errors
/// What refuses it now.
pub fn released(context: &WriteContext<'_>, mail: &StoredScheduled) -> Result<Release, Refusal> {
    let (service, store) = (context.service, context.store);
    let (org, inbox) = (mail.org, mail.inbox);
    let Some(entry) = store.entry(org, inbox, mail.entry)? else {
        return Ok(Release::Gone);
    };
    if store.place_of(org, inbox)?.is_none() {
        return Ok(Release::Gone);
    }
    let reads = ReadContext {
        service,
        store,
        shared: context.shared,
        now: context.now,
        clock: service.clock(),
        seed: [0; 16],
    };
    let party = SendingParty::Org(org);
    let access = folder_access(org);
    let mut recipients = mail.envelope.recipients.clone();
    policy::find_recipients_again(service, store, context.now, &access, &mut recipients)?;
    policy::send_by_account(service, store, inbox, &mut recipients)?;
    let outgoing = OutgoingMail {
        org,
        inbox,
        recipients: &recipients,
    };
    match outgoing::judge(service, store, &outgoing)? {
        Decision::Send => {}
        Decision::Hold if mail.is_approved => {}
        decision => return Ok(Release::Decided(decision)),
    }
    let size = entry.body_size;
    let lengths = store.body_lengths(org, entry.body)?;
    let (_, header_len) = lengths.ok_or(Refusal::Damaged)?;
    let body = store.body_octets(entry.body, size)?;
    let header = body.get(..header_len as usize).unwrap_or(&body);
    let bounds = Bounds {
        received_hops: usize::MAX,
        ..Bounds::default()
    };
    let digest = store.digest(org, entry.body)?;
    let analysis = Analysis {
        digest: digest.clone(),
        ..digest::analyse(header, &bounds).map_err(|_| Refusal::Damaged)?
    };
    let labels = (entry.state.keywords.into_iter())
        .filter(|label| !label.eq_ignore_ascii_case(SCHEDULED_LABEL))
        .collect();
    let copy = own_copy(&reads, (org, inbox), (Decision::Send, None), (&[], labels))?;
    let mut effects = vec![Effect::Place(copy.of(mail.entry, entry.prefix))];
    let envelope = Envelope {
        reverse_path: mail.envelope.reverse_path.clone(),
        recipients,
        ..Envelope::default()
    };
    let stored = store.message(org, inbox, mail.entry)?;
    let auth = stored.map(|found| found.entry.auth).unwrap_or_default();
    let from = (Some((org, inbox)), auth);
    let opened = Digest::open(&digest).ok_or(Refusal::Damaged)?;
    let message = ((&envelope, &analysis, body.as_slice()), opened);
    let with = (&Treatment::default(), &[][..], true);
    let filter = send_filtered(service, &reads, from, message, with, &mut effects)?;
    let author = filter.map(Filter::into_author).unwrap_or_default();
    let plan = Plan {
        header_len,
        message_id: analysis.message_id.clone().unwrap_or_default(),
        references: references_of(&analysis),
        joins: None,
        subject: SubjectKeys::of_sent(&analysis, &envelope.recipients),
        sender: Some(inbox),
        auth,
        author,
        reverse_path: envelope.reverse_path,
        ret_full: mail.envelope.ret_full,
        envid: mail.envelope.envid.clone(),
        recipients: envelope.recipients,
        released: Some(Released::Scheduled(mail.entry)),
        effects,
        body,
        digest,
        summary: store.summary(org, entry.body)?,
        // It was counted as an answer when it was accepted, and its metadata stands beside the
        // entry, which keeps its id.
        ..Plan::empty(party)
    };
    let plan = plan.with_signature().ok_or(Refusal::Damaged)?;
    Ok(Release::Leaves(Box::new(Delivery {
        plan,
        need: Need::Nothing,
        idempotency: None,
        charge: None,
        receiver: None,
        pieces: None,
        refused: None,
    })))
}
