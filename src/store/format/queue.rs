//! The stored encodings of work for outside: `job.payload`, `outbound.envelope`,
//! `outbound.history`, and the part of `event.detail` that tells of it. Their versions and layouts
//! stand in the table of `format.rs`, and so does the rule that they keep.

use core::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Form, Text};
use crate::call::{
    EntryId, EventKind, FailureClass, OutboundAttempt, OutboundId, OutboundNews, OutboundTls,
    TransactionOutcome,
};
use crate::store::Error;
use crate::store::payload::{JobKind, JobPayload, SmtpJob};

const SMTP_JOB: Form = Form {
    what: "smtp job",
    version: 1,
};
const ENVELOPE: Form = Form {
    what: "envelope",
    version: 2,
};
const HISTORY: Form = Form {
    what: "history",
    version: 1,
};

// ---- jobs ----

/// Version 1 of `job.payload` of the kind `smtp`.
#[derive(Serialize, Deserialize)]
struct StoredSmtpJob<'a> {
    reverse_path: Option<Text<'a>>,
    recipient: Text<'a>,
    notify: u8,
    orcpt: Option<Text<'a>>,
    ret_full: Option<bool>,
    envid: Option<Text<'a>>,
}

/// `job.dsn` of version 2 of the file: NOTIFY, ORCPT, RET, ENVID. It has no version octet.
type PlainDsn = (u8, Option<String>, Option<bool>, Option<String>);

/// Writes `job.payload`.
pub(in crate::store) fn encode_job(payload: &JobPayload) -> Result<Vec<u8>, Error> {
    match payload {
        JobPayload::Smtp(job) => SMTP_JOB.encode(&store_smtp_job(job)),
        #[cfg(test)]
        JobPayload::Probe(number) => PROBE_JOB.encode(number),
    }
}

/// Reads `job.payload` of a job of this kind.
pub(in crate::store) fn decode_job(kind: JobKind, octets: &[u8]) -> Result<JobPayload, Error> {
    match kind {
        JobKind::Smtp => {
            let (_, rest) = SMTP_JOB.open(octets)?;
            let stored = SMTP_JOB.decode::<StoredSmtpJob<'_>>(rest)?;
            Ok(JobPayload::Smtp(load_smtp_job(stored)))
        }
        #[cfg(test)]
        JobKind::Probe => {
            let (_, rest) = PROBE_JOB.open(octets)?;
            PROBE_JOB.decode(rest).map(JobPayload::Probe)
        }
    }
}

/// The envelope of a row of `job_2`, from its columns. DSN parameters that cannot be read are
/// left out: the recipient still gets the message.
pub(in crate::store) fn plain_smtp_job(
    reverse_path: Option<String>,
    recipient: String,
    dsn: &[u8],
) -> SmtpJob {
    let read: Result<PlainDsn, Error> = SMTP_JOB.decode(dsn);
    let (notify, orcpt, ret_full, envid) = read.unwrap_or_else(|_| {
        log::error!("queued recipient: its DSN parameters cannot be read and are left out");
        PlainDsn::default()
    });
    SmtpJob {
        reverse_path,
        recipient,
        notify,
        orcpt,
        ret_full,
        envid,
    }
}

fn store_smtp_job(job: &SmtpJob) -> StoredSmtpJob<'_> {
    let SmtpJob {
        reverse_path,
        recipient,
        notify,
        orcpt,
        ret_full,
        envid,
    } = job;
    StoredSmtpJob {
        reverse_path: reverse_path.as_ref().map(Text::from),
        recipient: recipient.into(),
        notify: *notify,
        orcpt: orcpt.as_ref().map(Text::from),
        ret_full: *ret_full,
        envid: envid.as_ref().map(Text::from),
    }
}

fn load_smtp_job(stored: StoredSmtpJob<'_>) -> SmtpJob {
    SmtpJob {
        reverse_path: stored.reverse_path.map(Text::into_owned),
        recipient: stored.recipient.into_owned(),
        notify: stored.notify,
        orcpt: stored.orcpt.map(Text::into_owned),
        ret_full: stored.ret_full,
        envid: stored.envid.map(Text::into_owned),
    }
}

// ---- recipients outside ----

/// Version 1 of `outbound.envelope`. The recipient has a column of its own.
#[derive(Serialize, Deserialize)]
struct StoredEnvelope<'a> {
    reverse_path: Option<Text<'a>>,
    notify: u8,
    orcpt: Option<Text<'a>>,
    ret_full: Option<bool>,
    envid: Option<Text<'a>>,
}

/// Version 2 of `outbound.envelope`: the depth of its cause, and version 1.
#[derive(Serialize, Deserialize)]
struct StoredEnvelope2<'a>(u8, StoredEnvelope<'a>);

/// A part of version 1 of `outbound.history`.
#[derive(Serialize, Deserialize)]
struct StoredAttempt<'a> {
    at: i64,
    host: Text<'a>,
    address: Option<IpAddr>,
    tls: StoredTls,
    code: Option<u16>,
    enhanced: Option<(u8, u16, u16)>,
    text: Text<'a>,
    outcome: StoredOutcome,
}

#[derive(Serialize, Deserialize)]
enum StoredTls {
    None,
    Unverified,
    Verified,
}

#[derive(Serialize, Deserialize)]
enum StoredOutcome {
    Delivered,
    Deferred,
    Bounced,
}

/// Writes `outbound.envelope`. `depth`: how many webhooks its cause is behind.
pub(in crate::store) fn encode_envelope(envelope: &SmtpJob, depth: u8) -> Result<Vec<u8>, Error> {
    let SmtpJob {
        reverse_path,
        recipient: _,
        notify,
        orcpt,
        ret_full,
        envid,
    } = envelope;
    let stored = StoredEnvelope {
        reverse_path: reverse_path.as_ref().map(Text::from),
        notify: *notify,
        orcpt: orcpt.as_ref().map(Text::from),
        ret_full: *ret_full,
        envid: envid.as_ref().map(Text::from),
    };
    ENVELOPE.encode(&StoredEnvelope2(depth, stored))
}

/// Reads `outbound.envelope` and the depth in it. Its recipient is empty.
pub(in crate::store) fn decode_envelope(octets: &[u8]) -> Result<(SmtpJob, u8), Error> {
    let StoredEnvelope2(depth, stored) = match ENVELOPE.open(octets)? {
        (1, rest) => StoredEnvelope2(0, ENVELOPE.decode(rest)?),
        (_, rest) => ENVELOPE.decode(rest)?,
    };
    let envelope = SmtpJob {
        reverse_path: stored.reverse_path.map(Text::into_owned),
        recipient: String::new(),
        notify: stored.notify,
        orcpt: stored.orcpt.map(Text::into_owned),
        ret_full: stored.ret_full,
        envid: stored.envid.map(Text::into_owned),
    };
    Ok((envelope, depth))
}

/// Writes `outbound.history`.
pub(in crate::store) fn encode_history(history: &[OutboundAttempt]) -> Result<Vec<u8>, Error> {
    let stored: Vec<StoredAttempt<'_>> = (history.iter())
        .map(|attempt| StoredAttempt {
            at: attempt.at,
            host: (&attempt.host).into(),
            address: attempt.address,
            tls: match attempt.tls {
                OutboundTls::None => StoredTls::None,
                OutboundTls::Unverified => StoredTls::Unverified,
                OutboundTls::Verified => StoredTls::Verified,
            },
            code: attempt.code,
            enhanced: attempt.enhanced,
            text: (&attempt.text).into(),
            outcome: match attempt.outcome {
                TransactionOutcome::Delivered => StoredOutcome::Delivered,
                TransactionOutcome::Deferred => StoredOutcome::Deferred,
                TransactionOutcome::Bounced => StoredOutcome::Bounced,
            },
        })
        .collect();
    HISTORY.encode(&stored)
}

/// Reads `outbound.history`.
pub(in crate::store) fn decode_history(octets: &[u8]) -> Result<Vec<OutboundAttempt>, Error> {
    let (_, rest) = HISTORY.open(octets)?;
    let stored: Vec<StoredAttempt<'_>> = HISTORY.decode(rest)?;
    Ok(stored
        .into_iter()
        .map(|attempt| OutboundAttempt {
            at: attempt.at,
            host: attempt.host.into_owned(),
            address: attempt.address,
            tls: match attempt.tls {
                StoredTls::None => OutboundTls::None,
                StoredTls::Unverified => OutboundTls::Unverified,
                StoredTls::Verified => OutboundTls::Verified,
            },
            code: attempt.code,
            enhanced: attempt.enhanced,
            text: attempt.text.into_owned(),
            outcome: match attempt.outcome {
                StoredOutcome::Delivered => TransactionOutcome::Delivered,
                StoredOutcome::Deferred => TransactionOutcome::Deferred,
                StoredOutcome::Bounced => TransactionOutcome::Bounced,
            },
        })
        .collect())
}

/// The part of version 5 of `event.detail`, which 9 gave one more kind, for a recipient outside.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredNews<'a> {
    kind: StoredNewsKind,
    message: Option<i64>,
    recipient: Text<'a>,
    outbound: i64,
    reason: Text<'a>,
    class: Option<StoredClass>,
    code: Option<u16>,
    enhanced: Option<(u8, u16, u16)>,
    host: Text<'a>,
    metadata: Option<Text<'a>>,
}

#[derive(Serialize, Deserialize)]
enum StoredNewsKind {
    Delivered,
    Deferred,
    Bounced,
    Rejected,
    LoopSuspected,
}

#[derive(Serialize, Deserialize)]
enum StoredClass {
    Hard,
    Soft,
    Complaint,
    Policy,
}

pub(super) fn store_news(news: &OutboundNews) -> StoredNews<'_> {
    StoredNews {
        kind: match news.kind {
            EventKind::MessageDelivered => StoredNewsKind::Delivered,
            EventKind::MessageDeferred => StoredNewsKind::Deferred,
            EventKind::MessageBounced => StoredNewsKind::Bounced,
            EventKind::LoopSuspected => StoredNewsKind::LoopSuspected,
            _ => StoredNewsKind::Rejected,
        },
        message: news.message.map(|id| id.0),
        recipient: (&news.recipient).into(),
        outbound: news.outbound.0,
        reason: (&news.reason).into(),
        class: news.class.map(|class| match class {
            FailureClass::Hard => StoredClass::Hard,
            FailureClass::Soft => StoredClass::Soft,
            FailureClass::Complaint => StoredClass::Complaint,
            FailureClass::Policy => StoredClass::Policy,
        }),
        code: news.code,
        enhanced: news.enhanced,
        host: (&news.host).into(),
        metadata: news.metadata.as_ref().map(Text::from),
    }
}

pub(super) fn load_news(stored: StoredNews<'_>) -> OutboundNews {
    OutboundNews {
        kind: match stored.kind {
            StoredNewsKind::Delivered => EventKind::MessageDelivered,
            StoredNewsKind::Deferred => EventKind::MessageDeferred,
            StoredNewsKind::Bounced => EventKind::MessageBounced,
            StoredNewsKind::Rejected => EventKind::MessageRejected,
            StoredNewsKind::LoopSuspected => EventKind::LoopSuspected,
        },
        message: stored.message.map(EntryId),
        recipient: stored.recipient.into_owned(),
        outbound: OutboundId(stored.outbound),
        reason: stored.reason.into_owned(),
        class: stored.class.map(|class| match class {
            StoredClass::Hard => FailureClass::Hard,
            StoredClass::Soft => FailureClass::Soft,
            StoredClass::Complaint => FailureClass::Complaint,
            StoredClass::Policy => FailureClass::Policy,
        }),
        code: stored.code,
        enhanced: stored.enhanced,
        host: stored.host.into_owned(),
        metadata: stored.metadata.map(Text::into_owned),
    }
}

#[cfg(test)]
const PROBE_JOB: Form = Form {
    what: "probe job",
    version: 1,
};
