//! From a call that writes to its function, by noun. The matches are exhaustive: a new call
//! does not compile before it has its arm. A call that can touch many rows gives the rest of itself
//! after a slice ([`Carried::Rest`]); for every other call, one part is all of it.

use std::sync::Arc;

use crate::call::{
    Access, ApprovalWrite, BulkProgress, Caller, CredentialsProgress, DomainWrite, EntryWrite,
    EventGroupWrite, FilterRuleWrite, Forgetting, InboxWrite, KeyWrite, KnownSpamWrite,
    MailboxWrite, MessageWrite, NextDelivery, NextTransaction, OrgWrite, OutboundWrite, Refusal,
    RuleWrite, SuppressionWrite, UploadWrite, UpstreamWrite, WebhookWrite, Write, Written,
};
use crate::service::account::{
    check, domain, filter_rule, inbox, key, known_spam, org, rule, spam, upload,
};
use crate::service::context::{Carried, WriteContext};
use crate::service::event_groups;
use crate::service::mail::batch::BatchStep;
use crate::service::mail::slice::BulkStep;
use crate::service::mail::{batch, bulk, entry, folder, mailbox, message};
use crate::service::outbound::change;
use crate::service::outgoing::approval;
use crate::service::webhook::change as webhook;
use crate::service::{audit, upstream};

/// Carries out a call, or a slice of it, and notes it in the audit. `admit` has checked the caller.
pub(super) fn write(
    context: &mut WriteContext<'_>,
    caller: &Caller,
    call: &Write,
) -> Result<Carried, Refusal> {
    let named = audit::named(context, caller, call);
    let carried = write_by_noun(context, caller, call)?;
    audit::note_write(context, caller, (call, named), &carried)?;
    Ok(carried)
}

fn write_by_noun(
    context: &mut WriteContext<'_>,
    caller: &Caller,
    call: &Write,
) -> Result<Carried, Refusal> {
    match call {
        Write::Mailbox(call) => write_mailbox(context, caller.access()?, call),
        Write::Entry(call) => write_entry(context, caller.access()?, call),
        Write::Message(call) => write_message(context, caller.access()?, call),
        Write::Approval(ApprovalWrite::Decline {
            approval, reason, ..
        }) => approval::decline(context, caller.access()?, *approval, reason.as_deref())
            .map(Carried::Done),
        Write::Inbox(call) => write_inbox(context, caller.access()?, call).map(Carried::Done),
        Write::Key(call) => write_key(context, caller.access()?, call),
        Write::Domain(call) => write_domain(context, caller, call),
        Write::Org(call) => write_org(context, caller, call),
        Write::FilterRule(call) => {
            write_filter_rule(context, caller.access()?, call).map(Carried::Done)
        }
        Write::Rule(call) => write_rule(context, caller.access()?, call).map(Carried::Done),
        Write::Suppression(call) => {
            write_suppression(context, caller.access()?, call).map(Carried::Done)
        }
        Write::Outbound(call) => write_outbound(context, caller, call),
        Write::Upstream(call) => write_upstream(context, call).map(Carried::Done),
        Write::KnownSpam(call) => write_known_spam(context, call),
        Write::Webhook(call) => write_webhook(context, caller, call),
        Write::EventGroup(call) => write_event_group(context, caller, call).map(Carried::Done),
        Write::Upload(UploadWrite::Delete { id }) => {
            upload::delete_upload(context, caller.access()?, *id).map(Carried::Done)
        }
    }
}

fn write_mailbox(
    context: &mut WriteContext<'_>,
    access: &Access,
    call: &MailboxWrite,
) -> Result<Carried, Refusal> {
    let written = match call {
        MailboxWrite::ClaimRecent { mailbox } => mailbox::claim_recent(context, access, *mailbox),
        MailboxWrite::Create { mailbox } => mailbox::create(context, access, mailbox),
        MailboxWrite::Delete { mailbox } => mailbox::delete(context, access, mailbox),
        MailboxWrite::Rename { from, to, progress } => {
            let step = mailbox::rename(context, access, (from, to), progress)?;
            return Ok(carried(step, |progress| {
                Write::Mailbox(MailboxWrite::Rename {
                    from: from.clone(),
                    to: to.clone(),
                    progress,
                })
            }));
        }
        MailboxWrite::CreateIn { inbox, mailbox, .. } => {
            folder::create(context, access, inbox, mailbox)
        }
        MailboxWrite::RenameIn {
            inbox,
            from,
            to,
            progress,
        } => {
            let step = folder::rename(context, access, inbox, (from, to), progress)?;
            return Ok(carried(step, |progress| {
                Write::Mailbox(MailboxWrite::RenameIn {
                    inbox: inbox.clone(),
                    from: from.clone(),
                    to: to.clone(),
                    progress,
                })
            }));
        }
        MailboxWrite::DeleteIn {
            inbox,
            mailbox,
            permanent,
            progress,
        } => {
            let how = (mailbox.as_str(), *permanent);
            let step = folder::delete(context, access, inbox, how, progress)?;
            return Ok(carried(step, |progress| {
                Write::Mailbox(MailboxWrite::DeleteIn {
                    inbox: inbox.clone(),
                    mailbox: mailbox.clone(),
                    permanent: *permanent,
                    progress,
                })
            }));
        }
        MailboxWrite::Subscribe { mailbox, on } => {
            mailbox::subscribe(context, access, mailbox, *on)
        }
    };
    written.map(Carried::Done)
}

fn write_entry(
    context: &mut WriteContext<'_>,
    access: &Access,
    call: &EntryWrite,
) -> Result<Carried, Refusal> {
    match call {
        EntryWrite::SetFlags {
            mailbox,
            uids,
            how,
            flags,
            keywords,
            unchanged_since,
        } => {
            let ask = entry::FlagAsk {
                how: *how,
                flags: *flags,
                keywords,
                unchanged_since: *unchanged_since,
            };
            entry::set_flags(context, access, *mailbox, uids, ask).map(Carried::Done)
        }
        EntryWrite::Expunge {
            mailbox,
            uids,
            progress,
        } => {
            let what = (*mailbox, uids.as_deref());
            let step = bulk::expunge(context, access, what, progress)?;
            Ok(carried(step, |progress| {
                Write::Entry(EntryWrite::Expunge {
                    mailbox: *mailbox,
                    uids: uids.clone(),
                    progress,
                })
            }))
        }
        EntryWrite::Copy {
            mailbox,
            uids,
            to,
            remove,
            all,
            progress,
        } => {
            let ask = bulk::CopyAsk {
                mailbox: *mailbox,
                uids,
                to,
                remove: *remove,
                all: *all,
            };
            let step = bulk::copy(context, access, ask, progress)?;
            Ok(carried(step, |progress| {
                Write::Entry(EntryWrite::Copy {
                    mailbox: *mailbox,
                    uids: Arc::clone(uids),
                    to: to.clone(),
                    remove: *remove,
                    all: *all,
                    progress,
                })
            }))
        }
    }
}

/// The part of a command on many messages; `rest` makes the call that goes on with it.
fn carried(step: BulkStep, rest: impl FnOnce(Box<BulkProgress>) -> Write) -> Carried {
    match step {
        BulkStep::Done(written) => Carried::Done(written),
        BulkStep::On(progress) => Carried::Rest(Box::new(rest(progress))),
    }
}

fn write_message(
    context: &mut WriteContext<'_>,
    access: &Access,
    call: &MessageWrite,
) -> Result<Carried, Refusal> {
    let written = match call {
        MessageWrite::Batch {
            inbox,
            batch,
            progress,
            idempotency,
        } => {
            return Ok(
                match batch::change(context, access, inbox, batch, progress)? {
                    BatchStep::Done(written) => Carried::Done(written),
                    BatchStep::On(progress) => {
                        Carried::Rest(Box::new(Write::Message(MessageWrite::Batch {
                            inbox: inbox.clone(),
                            batch: Arc::clone(batch),
                            progress,
                            idempotency: idempotency.clone(),
                        })))
                    }
                },
            );
        }
        MessageWrite::Patch { inbox, id, patch } => {
            message::patch(context, access, inbox, *id, patch)
        }
        MessageWrite::Admit { inbox, id, .. } => message::admit(context, access, inbox, *id),
        MessageWrite::Teach {
            inbox, id, is_spam, ..
        } => message::teach(context, access, inbox, (*id, *is_spam)),
        MessageWrite::DeleteDraft {
            inbox,
            id,
            permanent,
        } => {
            message::check_draft(context.store, access, inbox, *id)?;
            message::delete(context, access, inbox, *id, *permanent)
        }
        MessageWrite::Delete {
            inbox,
            id,
            permanent,
        } => message::delete(context, access, inbox, *id, *permanent),
    };
    written.map(Carried::Done)
}

fn write_inbox(
    context: &mut WriteContext<'_>,
    access: &Access,
    call: &InboxWrite,
) -> Result<Written, Refusal> {
    match call {
        InboxWrite::Create { new, .. } => inbox::create_inbox(context, access, new),
        InboxWrite::Patch { inbox, patch } => inbox::patch_inbox(context, access, inbox, patch),
        InboxWrite::Delete { inbox } => inbox::delete_inbox(context, access, inbox),
        InboxWrite::SetSpam { inbox, settings } => {
            spam::replace_settings(context, access, inbox, settings)
        }
    }
}

fn write_key(
    context: &mut WriteContext<'_>,
    access: &Access,
    call: &KeyWrite,
) -> Result<Carried, Refusal> {
    let written = match call {
        KeyWrite::Create { new, .. } => key::create_key(context, access, new),
        KeyWrite::Revoke { key } => key::revoke_key(context, access, *key),
        KeyWrite::CreateCredentials { idempotency } => {
            let progress = CredentialsProgress::default();
            return key::create_credentials(context, access, progress, idempotency.as_ref());
        }
        KeyWrite::CredentialsRest {
            progress,
            idempotency,
        } => {
            let progress = (**progress).clone();
            return key::create_credentials(context, access, progress, idempotency.as_ref());
        }
    };
    written.map(Carried::Done)
}

fn write_domain(
    context: &mut WriteContext<'_>,
    caller: &Caller,
    call: &DomainWrite,
) -> Result<Carried, Refusal> {
    let written = match call {
        DomainWrite::Create { new, .. } => domain::create_domain(context, caller.access()?, new),
        DomainWrite::Trust { domain, .. } => domain::trust_domain(context, caller, domain),
        DomainWrite::Verify {
            domain,
            seen,
            idempotency,
        } => {
            let what = (domain, seen.as_deref());
            return check::verify_domain(context, caller, what, idempotency.as_ref());
        }
        DomainWrite::RotateDkim { domain, .. } => {
            domain::rotate_dkim(context, caller.access()?, domain)
        }
        DomainWrite::SharedKeys => domain::give_shared_keys(context),
        DomainWrite::CatchAll { domain, inbox } => {
            domain::set_catch_all(context, caller.access()?, domain, inbox.as_ref())
        }
        DomainWrite::Delete { domain } => domain::delete_domain(context, caller.access()?, domain),
    };
    written.map(Carried::Done)
}

fn write_filter_rule(
    context: &mut WriteContext<'_>,
    access: &Access,
    call: &FilterRuleWrite,
) -> Result<Written, Refusal> {
    match call {
        FilterRuleWrite::Create { new, .. } => filter_rule::create_rule(context, access, new),
        FilterRuleWrite::Delete { id } => filter_rule::delete_rule(context, access, *id),
    }
}

fn write_rule(
    context: &mut WriteContext<'_>,
    access: &Access,
    call: &RuleWrite,
) -> Result<Written, Refusal> {
    match call {
        RuleWrite::Create { place, new, .. } => rule::create_rule(context, access, (place, new)),
        RuleWrite::Patch { place, id, patch } => {
            rule::patch_rule(context, access, (place, *id), patch)
        }
        RuleWrite::Delete { place, id } => rule::delete_rule(context, access, (place, *id)),
    }
}

fn write_suppression(
    context: &mut WriteContext<'_>,
    access: &Access,
    call: &SuppressionWrite,
) -> Result<Written, Refusal> {
    match call {
        SuppressionWrite::Create {
            address, source, ..
        } => filter_rule::create_suppression(context, access, address, source.as_deref()),
        SuppressionWrite::Delete { id } => filter_rule::delete_suppression(context, access, *id),
    }
}

fn write_outbound(
    context: &mut WriteContext<'_>,
    caller: &Caller,
    call: &OutboundWrite,
) -> Result<Carried, Refusal> {
    let service = context.service;
    let written = match call {
        OutboundWrite::Next { .. } | OutboundWrite::Lost { .. } => {
            if service.outbound.put(context.origin, call) {
                return Ok(Carried::Held);
            }
            match call {
                OutboundWrite::Next { .. } => Ok(Written::Next(NextTransaction::Quit)),
                _ => Ok(Written::Changed),
            }
        }
        OutboundWrite::Wake => Ok(Written::Changed),
        OutboundWrite::Retry { id, .. } => change::retry(context, caller.access()?, *id),
        OutboundWrite::Cancel { id, .. } => change::cancel(context, caller.access()?, *id),
    };
    written.map(Carried::Done)
}

fn write_webhook(
    context: &mut WriteContext<'_>,
    caller: &Caller,
    call: &WebhookWrite,
) -> Result<Carried, Refusal> {
    let written = match call {
        WebhookWrite::Create { place, new, .. } => {
            webhook::create(context, caller.access()?, (place.as_ref(), new))
        }
        WebhookWrite::Patch { hook, patch } => {
            webhook::patch(context, caller.access()?, hook, patch)
        }
        WebhookWrite::Delete { hook } => webhook::delete(context, caller.access()?, hook),
        WebhookWrite::Rotate { hook, .. } => webhook::rotate(context, caller.access()?, hook),
        WebhookWrite::Redeliver { hook, delivery, .. } => {
            webhook::redeliver(context, caller.access()?, (hook, *delivery))
        }
        WebhookWrite::RedeliverSince {
            hook,
            since,
            progress,
            idempotency,
        } => {
            let access = caller.access()?;
            match webhook::redeliver_since(context, access, (hook, *since), *progress)? {
                Ok(written) => Ok(written),
                Err(progress) => {
                    let rest = WebhookWrite::RedeliverSince {
                        hook: hook.clone(),
                        since: *since,
                        progress: Some(progress),
                        idempotency: idempotency.clone(),
                    };
                    return Ok(Carried::Rest(Box::new(Write::Webhook(rest))));
                }
            }
        }
        WebhookWrite::Test { hook } => {
            webhook::check_test(context, caller.access()?, hook)?;
            match context.service.webhooks.put(context.origin, call) {
                true => return Ok(Carried::Held),
                false => Ok(webhook::nothing_sent()),
            }
        }
        WebhookWrite::Next { .. } | WebhookWrite::Lost { .. } => {
            if context.service.webhooks.put(context.origin, call) {
                return Ok(Carried::Held);
            }
            Ok(Written::NextDelivery(NextDelivery::Quit))
        }
    };
    written.map(Carried::Done)
}

fn write_event_group(
    context: &mut WriteContext<'_>,
    caller: &Caller,
    call: &EventGroupWrite,
) -> Result<Written, Refusal> {
    let access = caller.access()?;
    match call {
        EventGroupWrite::Claim(claim) => event_groups::claim(context, access, claim),
        EventGroupWrite::Acknowledge { name, seq, .. } => {
            event_groups::acknowledge(context, access, (name, *seq))
        }
        EventGroupWrite::AcknowledgeAll { seq, .. } => {
            Ok(event_groups::acknowledge_all(context, access, *seq))
        }
        EventGroupWrite::Replay { name, seqs, .. } => {
            event_groups::replay(context, access, (name, seqs.as_deref()))
        }
        EventGroupWrite::Delete { name } => event_groups::delete(context, access, name),
        EventGroupWrite::Leave { conn, reader } => {
            Ok(event_groups::leave(context, (*conn, *reader)))
        }
    }
}

fn write_upstream(
    context: &mut WriteContext<'_>,
    call: &UpstreamWrite,
) -> Result<Written, Refusal> {
    let service = context.service;
    match call {
        UpstreamWrite::Folders { account, folders } => {
            let found = upstream::folders(context, *account, folders)?;
            service.connections.is_up(context, *account)?;
            Ok(found)
        }
        UpstreamWrite::Opened {
            account,
            folder,
            opened,
        } => upstream::opened(context, *account, (*folder, opened)),
        UpstreamWrite::Match {
            account,
            folder,
            purpose,
            uidvalidity,
            messages,
            has_looked,
            folders,
        } => {
            let at = (*folder, *purpose, *uidvalidity);
            let found = (messages.as_slice(), *has_looked, folders.as_slice());
            upstream::matched(context, *account, at, found)
        }
        UpstreamWrite::Passed {
            account,
            folder,
            uid,
        } => upstream::passed(context, *account, (*folder, *uid)),
        UpstreamWrite::Known {
            account,
            folder,
            before,
        } => upstream::known(context, *account, *folder, *before),
        UpstreamWrite::Told {
            account,
            folder,
            uidvalidity,
            asked,
            messages,
            takes_keywords,
        } => {
            let at = (*folder, *uidvalidity);
            let told = (asked, messages.as_slice(), *takes_keywords);
            upstream::told(context, *account, at, told)
        }
        UpstreamWrite::Compared {
            account,
            folder,
            uidvalidity,
            at,
        } => upstream::compared(context, *account, (*folder, *uidvalidity), *at),
        UpstreamWrite::NextChange {
            account,
            folder,
            uidvalidity,
            permanent,
            has_move,
            folders,
        } => {
            let (at, takes) = ((*folder, *uidvalidity), (permanent, *has_move));
            upstream::next_change(context, *account, at, (takes, folders))
        }
        UpstreamWrite::Pushed {
            account,
            folder,
            uidvalidity,
            push,
            outcome,
            folders,
        } => {
            let at = (*folder, *uidvalidity);
            upstream::pushed(context, *account, at, (push, outcome, folders))
        }
        UpstreamWrite::Gone { account } => upstream::gone(context, *account),
        UpstreamWrite::Round {
            account,
            began,
            is_whole,
            archived,
            folders,
        } => {
            let ended = (*began, *is_whole, archived.as_slice());
            upstream::round(context, *account, ended, folders)
        }
        UpstreamWrite::Token {
            account,
            version,
            outcome,
        } => (service.connections).token_came(context, (*account, *version), outcome),
        UpstreamWrite::Ended { account, loss } => {
            service.connections.ended(context, *account, loss.as_ref())
        }
    }
}

fn write_known_spam(
    context: &mut WriteContext<'_>,
    call: &KnownSpamWrite,
) -> Result<Carried, Refusal> {
    match call {
        KnownSpamWrite::Import { source, text, .. } => {
            known_spam::import(context, source, text).map(Carried::Done)
        }
        KnownSpamWrite::Delete(deletion) => known_spam::delete(context, deletion),
    }
}

fn write_org(
    context: &mut WriteContext<'_>,
    caller: &Caller,
    call: &OrgWrite,
) -> Result<Carried, Refusal> {
    let written = match call {
        OrgWrite::Create { name, .. } => org::create_org(context, name),
        OrgWrite::Patch { org, patch, .. } => org::patch_org(context, caller, *org, patch),
        OrgWrite::Delete { org } => org::delete_org(context, *org),
        OrgWrite::ForgetLearned => {
            let forgetting = Forgetting {
                org: caller.access()?.org,
                said_by: context.now.unix_ms,
                after: None,
                is_model_gone: false,
            };
            return spam::forget(context, forgetting);
        }
        OrgWrite::ForgetRest(forgetting) => return spam::forget(context, **forgetting),
    };
    written.map(Carried::Done)
}
