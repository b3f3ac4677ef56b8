//! Every stored encoding: in which column it is, which versions it has, how each is laid out.
//! Only the functions of this file and of `format/` write and read these columns.
//!
//! It is not the vocabulary: the structs here are the stored forms, and `call` has what the
//! program works with. A new field in `call` does not change a stored form. The compiler points
//! to the place here where the field is left out or put in.
//!
//! The rule: **an encoding begins with one octet, its version. A version is never changed once a
//! release has written it, and every version is read for ever.** Octets of each version are kept
//! in `tests/golden/`. A test reads them; they are never made again. A version that this program
//! does not know is [`Error::UnknownVersion`]. It is not damage, and it is never read as another
//! version.
//!
//! | Column | Versions | Layout after the version octet |
//! |---|---|---|
//! | `event.detail` | 1 to 16 | postcard of [`StoredChange`]; before it the depth, from 16 on |
//! | `event.path` | none, 1 | postcard of [`StoredPath`] |
//! | `event.uids` | none, 1 | postcard of the ranges: `Vec<(u32, u32)>`, ascending |
//! | `body.summary` | 1 | postcard of [`StoredSummary`] |
//! | `spam_setting.settings` | 1 | postcard of the settings in `format/report.rs` |
//! | `entry.report` | 1 | postcard of the report in `format/report.rs`; NULL for none |
//! | `body.links` | 1 | postcard of a list of [`Links`]; NULL for none |
//! | `body.digest` | 1 | octet 0xD1 *before* the version; written and read by `mail::digest` |
//! | `inbox.ancestors` | none, 1 | 8 octets for each id, little endian, the parent first |
//! | `job.payload`, kind `smtp` | 1 | postcard of `StoredSmtpJob` (`format/queue.rs`) |
//! | `outbound.envelope` | 1, 2 | postcard of `StoredEnvelope`; before it the depth, from 2 on |
//! | `outbound.history` | 1 | postcard of a list of `StoredAttempt` |
//! | `approval.envelope` | 1, 2 | postcard of the envelope in `format/approval.rs`, likewise |
//! | `rule.spec` | 1, 2 | postcard of `StoredRule` (`format/rule.rs`) |
//! | `webhook.spec` | 1, 2 | postcard of `StoredSpec` (`format/webhook.rs`) |
//! | `webhook_delivery.attempts` | 1 | postcard of a list of `StoredHookAttempt` |
//! | `once.answer` | none, 1 | the octets of the answer as its protocol gave them |
//!
//! "None" is a row that was written before version 3 of the file. It has no version octet. It is
//! told apart without a pass over the file:
//!
//! - `event.path` and `event.uids` have no version octet where `event.detail` has version 1.
//! - `inbox.ancestors` has none where its length is a multiple of 8.
//! - `once.answer` has none where it is empty or begins with an octet of 0x20 or more: an answer
//!   is JSON or an SMTP reply. Versions stay below 0x20.
//!
//! Other columns of octets hold no encoding, and so have no version: `chunk.octets` and
//! `entry.prefix` (octets of messages), `key.hash` and `once.fingerprint` (SHA-256). Numbers that
//! stand for something (`entry.flags`, `entry.arrival`, `mailbox.special`, `doomed.kind`,
//! `job.state`, `outbound.status`, `outbound.content`) are named where they are read; a step of the
//! schema changes them.
//!
//! postcard writes integers as varints (signed ones zigzag), `u8`, `i8` and `bool` as one octet,
//! texts and lists behind their length, an option behind 0 or 1, an enum as the number of its
//! variant. It has no field names: order is all, and one more field is another version.
//!
//! # One more field
//!
//! 1. Leave the struct of the old version as it is. Add a struct for the new version.
//! 2. Raise the version of its [`Form`] and write the new struct.
//! 3. Match on the version when reading: the old arm gives the new field its default.
//! 4. Add a golden file for the new version.
//!
//! `tests/format.rs` does this with a form of its own (`a_field_is_added_as_version_2`).

mod approval;
mod place;
mod queue;
mod report;
mod rule;
mod short;
mod webhook;

use std::borrow::Cow;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::Error;
use crate::call::{
    ApprovalChange, Arrival, Arrived, AuthResult, Authentication, Bulk, Change, EntryId,
    EntryState, ExpiryReason, Flags, KeyId, MailboxId, MessageDetail, NamedAddress, SenderAuth,
    Summary, ThreadId,
};
use approval::{StoredApprovalChange, load_approval_change, store_approval_change};
pub(super) use approval::{decode_held, encode_held};
pub(super) use place::{decode_path, decode_uids, encode_path, encode_uids, is_move, is_plain_row};
use place::{load_domain, load_move};
use queue::{StoredNews, load_news, store_news};
pub(super) use queue::{
    decode_envelope, decode_history, decode_job, encode_envelope, encode_history, encode_job,
    plain_smtp_job,
};
use report::{StoredReport, load_report, store_report};
pub(super) use report::{decode_report, decode_spam_settings, encode_report, encode_spam_settings};
use rule::{StoredAutoReply, StoredRuleNote, load_note, load_reply, store_note, store_reply};
pub(super) use rule::{decode_rule, encode_rule};
pub(super) use short::{
    Links, decode_ancestors, decode_answer, decode_links, encode_ancestors, encode_answer,
    encode_links,
};
use webhook::{StoredDisabled, load_disabled, store_disabled};
pub(super) use webhook::{decode_attempts, decode_spec, encode_attempts, encode_spec};

/// An encoding: its name in errors, and the version that is written, which is the highest that
/// can be read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    pub what: &'static str,
    pub version: u8,
}

const DETAIL: Form = Form {
    what: "event",
    version: 16,
};
const SUMMARY: Form = Form {
    what: "summary",
    version: 1,
};
const DIGEST: Form = Form {
    what: "digest",
    version: 1,
};
/// The first octet of a digest, before its version.
const DIGEST_MAGIC: u8 = 0xD1;

impl Form {
    /// The version octet and the value behind it.
    pub fn encode(&self, value: &impl Serialize) -> Result<Vec<u8>, Error> {
        postcard::to_extend(value, vec![self.version]).map_err(|_| self.corrupt())
    }

    /// The version and what is behind it.
    pub fn open<'o>(&self, octets: &'o [u8]) -> Result<(u8, &'o [u8]), Error> {
        match octets {
            [0, ..] | [] => Err(self.corrupt()),
            [version, ..] if *version > self.version => Err(Error::UnknownVersion {
                what: self.what,
                found: *version,
                known: self.version,
            }),
            [version, rest @ ..] => Ok((*version, rest)),
        }
    }

    /// Reads what is behind a version octet. All of it must be used: octets that are left over
    /// are damage.
    pub fn decode<T: DeserializeOwned>(&self, octets: &[u8]) -> Result<T, Error> {
        match postcard::take_from_bytes(octets) {
            Ok((value, [])) => Ok(value),
            _ => Err(self.corrupt()),
        }
    }

    fn corrupt(&self) -> Error {
        Error::Corrupt(self.what)
    }
}

// ---- the change log ----

/// A text that is borrowed when it is written and owned when it is read.
type Text<'a> = Cow<'a, str>;

/// Versions 1 to 15 of `event.detail`. Version 3 added `Told` and the third value of
/// [`StoredAuth`], which was a `bool` before and has the same octets. Version 4 added
/// `OrgDeleted`, version 5 `DomainVerified` and `Outbound`, version 6 `Approval`, version 7 the
/// last value of [`StoredAuth`], version 8 `Answer` and `ApprovalOf`, version 9 the last kind
/// of `Outbound`, version 10 `Ended`, version 11 `Ruled`, version 12 `Judged` and
/// `ToldJudged`, version 13 `Answered` and `AutoReplied`, version 14 `InboxMoved`, version 15
/// `WebhookDisabled`. So one layout reads all.
#[derive(Serialize, Deserialize)]
enum StoredChange<'a> {
    Arrived(Box<StoredArrived<'a>>),
    Copied(StoredBulk<'a>),
    Flagged(StoredBulk<'a>),
    Expunged {
        messages: Vec<i64>,
        count: u32,
        moved_to: Option<i64>,
        folder: Text<'a>,
    },
    MailboxCreated {
        name: Text<'a>,
    },
    MailboxRenamed {
        from: Text<'a>,
        to: Text<'a>,
    },
    MailboxDeleted {
        name: Text<'a>,
    },
    InboxCreated,
    InboxUpdated,
    InboxDeleted,
    KeyRevoked {
        key: i64,
    },
    Told(StoredBulk<'a>, Vec<StoredMessageDetail<'a>>),
    OrgDeleted,
    DomainVerified {
        domain: i64,
        name: Text<'a>,
    },
    Outbound(Box<StoredNews<'a>>),
    Approval(Box<StoredApprovalChange<'a>>),
    /// `Arrived` with the JSON of the message that it answers.
    Answer(Box<StoredArrived<'a>>, Text<'a>),
    /// `Approval` with the JSON of its message.
    ApprovalOf(Box<StoredApprovalChange<'a>>, Text<'a>),
    /// `Expunged` of messages that have ended by themselves.
    Ended {
        messages: Vec<i64>,
        count: u32,
        folder: Text<'a>,
        reason: StoredExpiryReason,
    },
    /// `Arrived` with what rules have done, and the JSON of the message that it answers.
    Ruled(
        Box<StoredArrived<'a>>,
        Option<Text<'a>>,
        Vec<StoredRuleNote<'a>>,
    ),
    /// The same with the judgement on it.
    Judged(
        Box<StoredArrived<'a>>,
        Option<Text<'a>>,
        Vec<StoredRuleNote<'a>>,
        StoredReport<'a>,
    ),
    /// `Told` with the judgements on its messages.
    ToldJudged(
        StoredBulk<'a>,
        Vec<StoredMessageDetail<'a>>,
        Vec<Option<StoredReport<'a>>>,
    ),
    /// The same with what became of the answer of a rule.
    Answered(
        Box<StoredArrived<'a>>,
        Option<Text<'a>>,
        Vec<StoredRuleNote<'a>>,
        Option<StoredReport<'a>>,
        StoredAutoReply<'a>,
    ),
    AutoReplied {
        message: i64,
        note: StoredAutoReply<'a>,
    },
    InboxMoved {
        from: Vec<i64>,
    },
    WebhookDisabled(StoredDisabled<'a>),
}

#[derive(Serialize, Deserialize)]
enum StoredExpiryReason {
    Expired,
    Retention,
}

#[derive(Serialize, Deserialize)]
enum StoredAuth {
    Unknown,
    Client,
    SpoofedLocal,
    Neighbour,
    Checked(StoredChecks),
}

/// Results are their numbers.
#[derive(Serialize, Deserialize)]
struct StoredChecks {
    spf: u8,
    dkim: u8,
    dmarc: u8,
    aligned: bool,
    spoofed_local: bool,
}

#[derive(Serialize, Deserialize)]
struct StoredMessageDetail<'a> {
    thread: i64,
    size: u32,
    summary: StoredSummary<'a>,
    auth: StoredAuth,
}

#[derive(Serialize, Deserialize)]
struct StoredArrived<'a> {
    arrival: StoredArrival,
    state: StoredState<'a>,
    thread: i64,
    folder: Text<'a>,
    size: u32,
    message_id: Text<'a>,
    summary: StoredSummary<'a>,
    auth: StoredAuth,
}

#[derive(Serialize, Deserialize)]
enum StoredArrival {
    Received,
    Sent,
    Appended,
    Copied,
}

#[derive(Serialize, Deserialize)]
struct StoredBulk<'a> {
    messages: Vec<StoredState<'a>>,
    count: u32,
    folder: Text<'a>,
}

#[derive(Serialize, Deserialize)]
struct StoredState<'a> {
    uid: u32,
    id: i64,
    modseq: u64,
    flags: u8,
    keywords: Vec<Text<'a>>,
}

/// Version 1 of `body.summary`; also a part of versions 1 to 3 of `event.detail`.
#[derive(Serialize, Deserialize)]
struct StoredSummary<'a> {
    from: StoredAddress<'a>,
    to: Vec<StoredAddress<'a>>,
    cc: Vec<StoredAddress<'a>>,
    subject: Text<'a>,
    date: Option<i64>,
    preview: Text<'a>,
    has_attachments: bool,
    priority: i8,
    codes: Vec<Text<'a>>,
}

#[derive(Serialize, Deserialize)]
struct StoredAddress<'a> {
    name: Text<'a>,
    address: Text<'a>,
}

/// Writes `event.detail`.
pub(super) fn encode_change(change: &Change, depth: u8) -> Result<Vec<u8>, Error> {
    DETAIL.encode(&(depth, store_change(change)))
}

/// Reads `event.detail`: the change, and the depth of its cause.
pub(super) fn decode_change(octets: &[u8]) -> Result<(Change, u8), Error> {
    let (depth, rest) = place::split_depth(DETAIL.open(octets)?)?;
    let change: StoredChange<'_> = DETAIL.decode(rest)?;
    Ok((load_change(change), depth))
}

fn store_change(change: &Change) -> StoredChange<'_> {
    match change {
        Change::Arrived(arrived) => {
            let stored = Box::new(store_arrived(arrived));
            let json = arrived.in_reply_to_metadata.as_deref().map(Text::from);
            let notes = || arrived.rules.iter().map(store_note).collect();
            if let Some(reply) = arrived.auto_reply.as_deref() {
                let report = arrived.spam.as_deref().map(store_report);
                return StoredChange::Answered(stored, json, notes(), report, store_reply(reply));
            }
            match (&arrived.spam, json) {
                (Some(report), json) => {
                    StoredChange::Judged(stored, json, notes(), store_report(report))
                }
                (None, json) if !arrived.rules.is_empty() => {
                    StoredChange::Ruled(stored, json, notes())
                }
                (None, Some(json)) => StoredChange::Answer(stored, json),
                (None, None) => StoredChange::Arrived(stored),
            }
        }
        Change::Copied(bulk) if !bulk.details.is_empty() => {
            let details = bulk.details.iter().map(store_detail).collect();
            let reports = bulk.details.iter().map(|detail| detail.spam.as_deref());
            match reports.clone().any(|report| report.is_some()) {
                true => {
                    let reports = reports.map(|report| report.map(store_report)).collect();
                    StoredChange::ToldJudged(store_bulk(bulk), details, reports)
                }
                false => StoredChange::Told(store_bulk(bulk), details),
            }
        }
        Change::Copied(bulk) => StoredChange::Copied(store_bulk(bulk)),
        Change::Flagged(bulk) => StoredChange::Flagged(store_bulk(bulk)),
        Change::Expunged {
            messages,
            count,
            folder,
            reason: Some(reason),
            ..
        } => StoredChange::Ended {
            messages: messages.iter().map(|id| id.0).collect(),
            count: *count,
            folder: folder.into(),
            reason: match reason {
                ExpiryReason::Expired => StoredExpiryReason::Expired,
                ExpiryReason::Retention => StoredExpiryReason::Retention,
            },
        },
        Change::Expunged {
            messages,
            count,
            moved_to,
            folder,
            reason: None,
        } => StoredChange::Expunged {
            messages: messages.iter().map(|id| id.0).collect(),
            count: *count,
            moved_to: moved_to.map(|id| id.0),
            folder: folder.into(),
        },
        Change::MailboxCreated { name } => StoredChange::MailboxCreated { name: name.into() },
        Change::MailboxRenamed { from, to } => StoredChange::MailboxRenamed {
            from: from.into(),
            to: to.into(),
        },
        Change::MailboxDeleted { name } => StoredChange::MailboxDeleted { name: name.into() },
        Change::InboxCreated => StoredChange::InboxCreated,
        Change::InboxUpdated => StoredChange::InboxUpdated,
        Change::InboxMoved { from } => StoredChange::InboxMoved {
            from: from.iter().map(|id| id.0).collect(),
        },
        Change::InboxDeleted => StoredChange::InboxDeleted,
        Change::KeyRevoked { key } => StoredChange::KeyRevoked { key: key.0 },
        // `put_event` stores none of the last two.
        Change::OrgDeleted | Change::GroupReady { .. } | Change::Acknowledged { .. } => {
            StoredChange::OrgDeleted
        }
        Change::DomainVerified { domain, name } => StoredChange::DomainVerified {
            domain: domain.0,
            name: name.into(),
        },
        Change::WebhookDisabled(note) => StoredChange::WebhookDisabled(store_disabled(note)),
        Change::Outbound(news) => StoredChange::Outbound(Box::new(store_news(news))),
        Change::AutoReplied { message, note } => StoredChange::AutoReplied {
            message: message.0,
            note: store_reply(note),
        },
        Change::Approval(change) => {
            let stored = Box::new(store_approval_change(change));
            match &change.metadata {
                Some(json) => StoredChange::ApprovalOf(stored, json.into()),
                None => StoredChange::Approval(stored),
            }
        }
    }
}

fn load_reason(stored: &StoredExpiryReason) -> ExpiryReason {
    match stored {
        StoredExpiryReason::Expired => ExpiryReason::Expired,
        StoredExpiryReason::Retention => ExpiryReason::Retention,
    }
}

fn load_change(stored: StoredChange<'_>) -> Change {
    match stored {
        StoredChange::Arrived(arrived) => Change::Arrived(Box::new(load_arrived(*arrived))),
        StoredChange::Copied(bulk) => Change::Copied(load_bulk(bulk)),
        StoredChange::Flagged(bulk) => Change::Flagged(load_bulk(bulk)),
        StoredChange::Expunged {
            messages,
            count,
            moved_to,
            folder,
        } => Change::Expunged {
            messages: messages.into_iter().map(EntryId).collect(),
            count,
            moved_to: moved_to.map(MailboxId),
            folder: folder.into_owned(),
            reason: None,
        },
        StoredChange::Ended {
            messages,
            count,
            folder,
            reason,
        } => Change::Expunged {
            messages: messages.into_iter().map(EntryId).collect(),
            count,
            moved_to: None,
            folder: folder.into_owned(),
            reason: Some(load_reason(&reason)),
        },
        StoredChange::MailboxCreated { name } => Change::MailboxCreated {
            name: name.into_owned(),
        },
        StoredChange::MailboxRenamed { from, to } => Change::MailboxRenamed {
            from: from.into_owned(),
            to: to.into_owned(),
        },
        StoredChange::MailboxDeleted { name } => Change::MailboxDeleted {
            name: name.into_owned(),
        },
        StoredChange::InboxCreated => Change::InboxCreated,
        StoredChange::InboxUpdated => Change::InboxUpdated,
        StoredChange::InboxMoved { from } => load_move(from),
        StoredChange::InboxDeleted => Change::InboxDeleted,
        StoredChange::KeyRevoked { key } => Change::KeyRevoked { key: KeyId(key) },
        StoredChange::OrgDeleted => Change::OrgDeleted,
        StoredChange::DomainVerified { domain, name } => load_domain(domain, name.into_owned()),
        StoredChange::WebhookDisabled(note) => {
            Change::WebhookDisabled(Box::new(load_disabled(note)))
        }
        StoredChange::Outbound(news) => Change::Outbound(Box::new(load_news(*news))),
        StoredChange::Approval(change) => Change::Approval(Box::new(load_approval_change(*change))),
        StoredChange::Answer(arrived, json) => Change::Arrived(Box::new(Arrived {
            in_reply_to_metadata: Some(json.into_owned()),
            ..load_arrived(*arrived)
        })),
        StoredChange::Ruled(arrived, json, notes) => Change::Arrived(Box::new(Arrived {
            in_reply_to_metadata: json.map(Text::into_owned),
            rules: notes.into_iter().map(load_note).collect(),
            ..load_arrived(*arrived)
        })),
        StoredChange::Judged(arrived, json, notes, report) => Change::Arrived(Box::new(Arrived {
            in_reply_to_metadata: json.map(Text::into_owned),
            rules: notes.into_iter().map(load_note).collect(),
            spam: Some(Box::new(load_report(report))),
            ..load_arrived(*arrived)
        })),
        StoredChange::ToldJudged(bulk, details, reports) => {
            let details = details.into_iter().map(load_detail).zip(reports);
            let details = details.map(|(detail, report)| MessageDetail {
                spam: report.map(load_report).map(Box::new),
                ..detail
            });
            Change::Copied(Bulk {
                details: details.collect(),
                ..load_bulk(bulk)
            })
        }
        StoredChange::Answered(arrived, json, notes, report, reply) => {
            Change::Arrived(Box::new(Arrived {
                in_reply_to_metadata: json.map(Text::into_owned),
                rules: notes.into_iter().map(load_note).collect(),
                spam: report.map(load_report).map(Box::new),
                auto_reply: Some(Box::new(load_reply(reply))),
                ..load_arrived(*arrived)
            }))
        }
        StoredChange::AutoReplied { message, note } => Change::AutoReplied {
            message: EntryId(message),
            note: Box::new(load_reply(note)),
        },
        StoredChange::ApprovalOf(change, json) => Change::Approval(Box::new(ApprovalChange {
            metadata: Some(json.into_owned()),
            ..load_approval_change(*change)
        })),
        StoredChange::Told(bulk, details) => Change::Copied(Bulk {
            details: details.into_iter().map(load_detail).collect(),
            ..load_bulk(bulk)
        }),
    }
}

fn store_auth(auth: SenderAuth) -> StoredAuth {
    match auth {
        SenderAuth::Unknown => StoredAuth::Unknown,
        SenderAuth::Client => StoredAuth::Client,
        SenderAuth::SpoofedLocal => StoredAuth::SpoofedLocal,
        SenderAuth::Neighbour => StoredAuth::Neighbour,
        SenderAuth::Checked(found) => StoredAuth::Checked(StoredChecks {
            spf: found.spf.number(),
            dkim: found.dkim.number(),
            dmarc: found.dmarc.number(),
            aligned: found.aligned,
            spoofed_local: found.spoofed_local,
        }),
    }
}

fn load_auth(stored: StoredAuth) -> SenderAuth {
    match stored {
        StoredAuth::Unknown => SenderAuth::Unknown,
        StoredAuth::Client => SenderAuth::Client,
        StoredAuth::SpoofedLocal => SenderAuth::SpoofedLocal,
        StoredAuth::Neighbour => SenderAuth::Neighbour,
        StoredAuth::Checked(found) => {
            let result = |number| AuthResult::of_number(number).unwrap_or_default();
            SenderAuth::Checked(Authentication {
                spf: result(found.spf),
                dkim: result(found.dkim),
                dmarc: result(found.dmarc),
                aligned: found.aligned,
                spoofed_local: found.spoofed_local,
            })
        }
    }
}

fn store_detail(detail: &MessageDetail) -> StoredMessageDetail<'_> {
    let MessageDetail {
        thread,
        size,
        summary,
        auth,
        // `ToldJudged` has it.
        spam: _,
    } = detail;
    StoredMessageDetail {
        thread: thread.0,
        size: *size,
        summary: store_summary(summary),
        auth: store_auth(*auth),
    }
}

fn load_detail(stored: StoredMessageDetail<'_>) -> MessageDetail {
    MessageDetail {
        thread: ThreadId(stored.thread),
        size: stored.size,
        summary: load_summary(stored.summary),
        auth: load_auth(stored.auth),
        spam: None,
    }
}

fn store_arrived(arrived: &Arrived) -> StoredArrived<'_> {
    let Arrived {
        kind,
        state,
        thread,
        folder,
        size,
        message_id,
        summary,
        auth,
        // `Answer`, `Ruled` and `Judged` have them.
        in_reply_to_metadata: _,
        rules: _,
        spam: _,
        auto_reply: _,
    } = arrived;
    StoredArrived {
        arrival: match kind {
            Arrival::Received => StoredArrival::Received,
            Arrival::Sent => StoredArrival::Sent,
            Arrival::Appended => StoredArrival::Appended,
            Arrival::Copied => StoredArrival::Copied,
        },
        state: store_state(state),
        thread: thread.0,
        folder: folder.into(),
        size: *size,
        message_id: message_id.into(),
        summary: store_summary(summary),
        auth: store_auth(*auth),
    }
}

fn load_arrived(stored: StoredArrived<'_>) -> Arrived {
    Arrived {
        kind: match stored.arrival {
            StoredArrival::Received => Arrival::Received,
            StoredArrival::Sent => Arrival::Sent,
            StoredArrival::Appended => Arrival::Appended,
            StoredArrival::Copied => Arrival::Copied,
        },
        state: load_state(stored.state),
        thread: ThreadId(stored.thread),
        folder: stored.folder.into_owned(),
        size: stored.size,
        message_id: stored.message_id.into_owned(),
        summary: load_summary(stored.summary),
        auth: load_auth(stored.auth),
        in_reply_to_metadata: None,
        rules: Vec::new(),
        spam: None,
        auto_reply: None,
    }
}

fn store_bulk(bulk: &Bulk) -> StoredBulk<'_> {
    let Bulk {
        messages,
        count,
        folder,
        // `Told` has them.
        details: _,
    } = bulk;
    StoredBulk {
        messages: messages.iter().map(store_state).collect(),
        count: *count,
        folder: folder.into(),
    }
}

fn load_bulk(stored: StoredBulk<'_>) -> Bulk {
    Bulk {
        messages: stored.messages.into_iter().map(load_state).collect(),
        count: stored.count,
        folder: stored.folder.into_owned(),
        details: Vec::new(),
    }
}

fn store_state(state: &EntryState) -> StoredState<'_> {
    let EntryState {
        uid,
        id,
        modseq,
        flags,
        keywords,
    } = state;
    StoredState {
        uid: *uid,
        id: id.0,
        modseq: *modseq,
        flags: flags.0,
        keywords: keywords.iter().map(Text::from).collect(),
    }
}

fn load_state(stored: StoredState<'_>) -> EntryState {
    EntryState {
        uid: stored.uid,
        id: EntryId(stored.id),
        modseq: stored.modseq,
        flags: Flags(stored.flags),
        keywords: stored.keywords.into_iter().map(Text::into_owned).collect(),
    }
}

// ---- bodies ----

/// Writes `body.summary`.
pub(super) fn encode_summary(summary: &Summary) -> Result<Vec<u8>, Error> {
    SUMMARY.encode(&store_summary(summary))
}

/// Reads `body.summary`.
pub(super) fn decode_summary(octets: &[u8]) -> Result<Summary, Error> {
    let (_, rest) = SUMMARY.open(octets)?;
    SUMMARY.decode::<StoredSummary<'_>>(rest).map(load_summary)
}

/// Reads `body.digest` as far as its version. What is behind it is for `mail::digest`, which
/// also finds damage.
pub(super) fn decode_digest(octets: Vec<u8>) -> Result<Vec<u8>, Error> {
    if let [DIGEST_MAGIC, rest @ ..] = octets.as_slice() {
        DIGEST.open(rest)?;
    }
    Ok(octets)
}

fn store_summary(summary: &Summary) -> StoredSummary<'_> {
    let Summary {
        from,
        to,
        cc,
        subject,
        date,
        preview,
        has_attachments,
        priority,
        codes,
    } = summary;
    StoredSummary {
        from: store_address(from),
        to: to.iter().map(store_address).collect(),
        cc: cc.iter().map(store_address).collect(),
        subject: subject.into(),
        date: *date,
        preview: preview.into(),
        has_attachments: *has_attachments,
        priority: *priority,
        codes: codes.iter().map(Text::from).collect(),
    }
}

fn load_summary(stored: StoredSummary<'_>) -> Summary {
    Summary {
        from: load_address(stored.from),
        to: stored.to.into_iter().map(load_address).collect(),
        cc: stored.cc.into_iter().map(load_address).collect(),
        subject: stored.subject.into_owned(),
        date: stored.date,
        preview: stored.preview.into_owned(),
        has_attachments: stored.has_attachments,
        priority: stored.priority,
        codes: stored.codes.into_iter().map(Text::into_owned).collect(),
    }
}

fn store_address(address: &NamedAddress) -> StoredAddress<'_> {
    let NamedAddress { name, address } = address;
    StoredAddress {
        name: name.into(),
        address: address.into(),
    }
}

fn load_address(stored: StoredAddress<'_>) -> NamedAddress {
    NamedAddress {
        name: stored.name.into_owned(),
        address: stored.address.into_owned(),
    }
}
