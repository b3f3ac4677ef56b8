//! Every version of every stored encoding, against octets that were kept.
//!
//! The files in `golden/` are what released programs have written: a line is a name and octets
//! in hexadecimal. They are read and compared, and never made again. A test that fails here
//! means that existing databases can no longer be read, or that new rows have changed.

use super::super::format::*;
use super::*;
use crate::call::{
    ApprovalChange, ApprovalId, ApprovalStatus, DisabledReason, DisabledWebhook, InjectionPlace,
    InjectionReport, InjectionSpan, Recipient, RuleHit, Score, SpamPolicy, SpamReport,
    SpamSettings, Verdict, WebhookId,
};

/// The lines of a golden file.
pub(super) fn golden(file: &str) -> Vec<(String, Vec<u8>)> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/store/tests/golden");
    let text = std::fs::read_to_string(path.join(format!("{file}.hex"))).unwrap();
    let lines = text.lines().map(|line| {
        let (name, hex) = line.split_once(' ').unwrap();
        let octets = data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap();
        (name.to_owned(), octets)
    });
    lines.collect()
}

/// The only line of a golden file.
pub(super) fn golden_one(file: &str) -> Vec<u8> {
    let mut lines = golden(file);
    assert_eq!(lines.len(), 1, "{file}");
    lines.remove(0).1
}

pub(super) fn summary() -> Summary {
    let named = |name: &str, address: &str| NamedAddress {
        name: name.into(),
        address: address.into(),
    };
    Summary {
        from: named("Ä", "a@x.test"),
        to: vec![named("", "b@x.test"), named("C", "c@x.test")],
        cc: vec![named("", "d@x.test")],
        subject: "Your code".into(),
        date: Some(-86_400),
        preview: "123456 is it".into(),
        has_attachments: true,
        priority: -1,
        codes: vec!["123456".into()],
    }
}

pub(super) fn path() -> InboxPath {
    InboxPath {
        id: InboxId(0x1234_5678_9abc),
        address: "bot@x.test".into(),
        ancestors: vec![InboxId(300), InboxId(i64::MAX)],
    }
}

pub(super) fn uids() -> UidSet {
    UidSet::from_ranges([(1, 1), (5, 300), (70_000, u32::MAX)])
}

fn state(uid: u32, keywords: &[&str]) -> EntryState {
    EntryState {
        uid,
        id: EntryId(77),
        modseq: 1 << 40,
        flags: Flags::SEEN.with(Flags::DRAFT),
        keywords: keywords.iter().map(|k| (*k).to_owned()).collect(),
    }
}

pub(super) fn arrived(kind: Arrival, auth: SenderAuth) -> Change {
    let arrived = Arrived {
        kind,
        state: state(9, &["Todo", "x"]),
        thread: ThreadId(500),
        folder: "INBOX".into(),
        size: 70_000,
        message_id: "<m@x.test>".into(),
        summary: summary(),
        auth,
        in_reply_to_metadata: None,
        rules: Vec::new(),
        spam: None,
        auto_reply: None,
    };
    Change::Arrived(Box::new(arrived))
}

pub(super) fn changes() -> Vec<(&'static str, Change)> {
    let bulk = |n| Bulk {
        messages: (1..=n).map(|uid| state(uid, &[])).collect(),
        count: 200,
        folder: "Trash".into(),
        details: Vec::new(),
    };
    let mut changes = vec![
        ("received", arrived(Arrival::Received, SenderAuth::Unknown)),
        ("sent", arrived(Arrival::Sent, SenderAuth::Client)),
        ("appended", arrived(Arrival::Appended, SenderAuth::Client)),
        ("copied-one", arrived(Arrival::Copied, SenderAuth::Unknown)),
        ("copied", Change::Copied(bulk(2))),
        ("flagged", Change::Flagged(bulk(1))),
        (
            "expunged",
            Change::Expunged {
                messages: vec![EntryId(1), EntryId(200)],
                count: 2,
                moved_to: None,
                folder: "INBOX".into(),
                reason: None,
            },
        ),
        (
            "moved",
            Change::Expunged {
                messages: Vec::new(),
                count: 1000,
                moved_to: Some(MailboxId(33)),
                folder: "INBOX".into(),
                reason: None,
            },
        ),
        (
            "mailbox-created",
            Change::MailboxCreated { name: "A".into() },
        ),
        (
            "mailbox-renamed",
            Change::MailboxRenamed {
                from: "A".into(),
                to: "B/Ü".into(),
            },
        ),
        (
            "mailbox-deleted",
            Change::MailboxDeleted { name: "B".into() },
        ),
        ("inbox-created", Change::InboxCreated),
        ("inbox-updated", Change::InboxUpdated),
        ("inbox-deleted", Change::InboxDeleted),
        ("key-revoked", Change::KeyRevoked { key: KeyId(4_000) }),
        // From here on versions 1 and 2 do not have them.
        (
            "spoofed",
            arrived(Arrival::Received, SenderAuth::SpoofedLocal),
        ),
        (
            "told",
            Change::Copied(Bulk {
                details: vec![MessageDetail {
                    thread: ThreadId(500),
                    size: 70_000,
                    summary: summary(),
                    auth: SenderAuth::SpoofedLocal,
                    spam: None,
                }],
                ..bulk(2)
            }),
        ),
        // From version 4 on.
        ("org-deleted", Change::OrgDeleted),
    ];
    changes.extend(later_changes());
    changes.extend(ended());
    changes.extend(judged());
    changes.extend(rule_format::replied());
    // From version 14 on.
    let from = vec![InboxId(7), InboxId(1_000_000)];
    changes.push(("inbox-moved", Change::InboxMoved { from }));
    let note = DisabledWebhook {
        webhook: WebhookId(7_000),
        url: "https://a.test/".into(),
        reason: DisabledReason::Gone,
    };
    changes.push(("webhook-disabled", Change::WebhookDisabled(Box::new(note))));
    changes
}

/// Changes that the first four versions do not have.
fn later_changes() -> Vec<(&'static str, Change)> {
    vec![
        // From version 5 on.
        (
            "domain-verified",
            Change::DomainVerified {
                domain: DomainId(7_000),
                name: "agents.example".into(),
            },
        ),
        (
            "outbound-bounced",
            Change::Outbound(Box::new(OutboundNews {
                kind: EventKind::MessageBounced,
                message: Some(EntryId(77)),
                recipient: "ann@y.test".into(),
                outbound: OutboundId(1 << 40),
                reason: "No such user".into(),
                class: Some(FailureClass::Hard),
                code: Some(550),
                enhanced: Some((5, 1, 1)),
                host: "mx.y.test".into(),
                metadata: Some("{\"run\":7}".into()),
            })),
        ),
        (
            "outbound-delivered",
            Change::Outbound(Box::new(OutboundNews {
                kind: EventKind::MessageDelivered,
                message: None,
                recipient: "ann@y.test".into(),
                outbound: OutboundId(1),
                reason: String::new(),
                class: None,
                code: None,
                enhanced: None,
                host: String::new(),
                metadata: None,
            })),
        ),
        // From version 6 on.
        (
            "approval",
            Change::Approval(Box::new(ApprovalChange {
                approval: ApprovalId(800),
                status: ApprovalStatus::Declined,
                message: EntryId(900),
                recipient: "ann@else.test".into(),
                subject: "offer".into(),
                reason: Some("no".into()),
                metadata: None,
            })),
        ),
        // From version 7 on.
        (
            "checked",
            arrived(
                Arrival::Received,
                SenderAuth::Checked(Authentication {
                    spf: AuthResult::SoftFail,
                    dkim: AuthResult::PermError,
                    dmarc: AuthResult::Pass,
                    aligned: true,
                    spoofed_local: false,
                }),
            ),
        ),
        // From version 8 on.
        ("answer", answer()),
        (
            "approval-of",
            Change::Approval(Box::new(ApprovalChange {
                approval: ApprovalId(800),
                status: ApprovalStatus::Held,
                message: EntryId(900),
                recipient: "ann@else.test".into(),
                subject: "offer".into(),
                reason: None,
                metadata: Some("{\"run\":7}".into()),
            })),
        ),
        // From version 9 on.
        (
            "loop-suspected",
            Change::Outbound(Box::new(OutboundNews {
                kind: EventKind::LoopSuspected,
                message: Some(EntryId(900)),
                recipient: "ann@y.test".into(),
                outbound: OutboundId(0),
                reason: "fast".into(),
                class: Some(FailureClass::Policy),
                code: None,
                enhanced: None,
                host: String::new(),
                metadata: None,
            })),
        ),
    ]
}

/// From version 10 on.
fn ended() -> Vec<(&'static str, Change)> {
    vec![
        (
            "retention-ended",
            Change::Expunged {
                messages: vec![EntryId(1), EntryId(200)],
                count: 2,
                moved_to: None,
                folder: "INBOX".into(),
                reason: Some(ExpiryReason::Retention),
            },
        ),
        (
            "expired-ended",
            Change::Expunged {
                messages: vec![EntryId(1)],
                count: 1,
                moved_to: None,
                folder: "INBOX".into(),
                reason: Some(ExpiryReason::Expired),
            },
        ),
        ("ruled", rule_format::ruled(None)),
        (
            "ruled-answer",
            rule_format::ruled(Some("{\"run\":7}".into())),
        ),
    ]
}

/// How many of [`changes`] version 11 has.
const CHANGES_OF_11: usize = 30;

/// How many of [`changes`] version 12 has.
const CHANGES_OF_12: usize = 33;

/// How many of [`changes`] version 13 has.
const CHANGES_OF_13: usize = 36;

/// How many of [`changes`] version 10 has.
const CHANGES_OF_10: usize = 28;

fn answer() -> Change {
    let Change::Arrived(mut answer) = arrived(Arrival::Received, SenderAuth::Unknown) else {
        return Change::InboxCreated;
    };
    answer.in_reply_to_metadata = Some("{\"run\":7}".into());
    Change::Arrived(answer)
}

/// A report with every field.
pub(super) fn report() -> SpamReport {
    SpamReport {
        verdict: Verdict::Spam,
        score: Score(705),
        threshold: Score(600),
        rules: vec![
            RuleHit {
                id: "one_rule".into(),
                score: Score(830),
                why: "A reason with Ä.".into(),
            },
            RuleHit {
                id: "other".into(),
                score: Score(-125),
                why: "".into(),
            },
        ],
        injection: InjectionReport {
            score: Score(400),
            spans: vec![InjectionSpan {
                place: InjectionPlace::Header,
                start: 3,
                end: 70_000,
            }],
        },
        is_sampled: true,
    }
}

/// From version 12 on.
fn judged() -> Vec<(&'static str, Change)> {
    let judged = |json: Option<&str>| {
        let Change::Arrived(mut arrived) = arrived(Arrival::Received, SenderAuth::Unknown) else {
            return Change::InboxCreated;
        };
        arrived.in_reply_to_metadata = json.map(Into::into);
        arrived.spam = Some(Box::new(report()));
        Change::Arrived(arrived)
    };
    let detail = |spam: Option<SpamReport>| MessageDetail {
        thread: ThreadId(500),
        size: 70_000,
        summary: summary(),
        auth: SenderAuth::Unknown,
        spam: spam.map(Box::new),
    };
    let told = Bulk {
        messages: vec![state(1, &[]), state(2, &[])],
        count: 2,
        folder: "INBOX".into(),
        details: vec![detail(None), detail(Some(report()))],
    };
    vec![
        ("judged", judged(None)),
        ("judged-answer", judged(Some("{\"run\":7}"))),
        ("told-judged", Change::Copied(told)),
    ]
}

#[test]
fn reports_are_read() {
    let kept = golden_one("entry_report_1");
    assert_eq!(decode_report(&kept).unwrap(), report());
    assert_eq!(encode_report(&report()).unwrap(), kept);
    // A place of a later release is left out.
    let mut later = kept.clone();
    let place = later.len() - 6;
    assert_eq!(later[place], InjectionPlace::Header.number());
    later[place] = 99;
    let read = decode_report(&later).unwrap();
    assert_eq!(read.injection.spans, []);
    assert!(decode_report(&[1, 9]).is_err());
}

#[test]
fn settings_of_the_filter_are_read() {
    let settings = SpamSettings {
        version: 300,
        suspicious: Score(-5),
        spam: Score(10_000),
        weights: vec![("one_rule".into(), Score(0)), ("other".into(), Score(-125))],
        policy: SpamPolicy::Reject,
        redacts: true,
    };
    let kept = golden_one("spam_settings_1");
    assert_eq!(decode_spam_settings(&kept).unwrap(), settings);
    assert_eq!(encode_spam_settings(&settings).unwrap(), kept);
}

/// How many of [`changes`] version 14 has.
const CHANGES_OF_14: usize = 37;

/// How many of [`changes`] version 9 has.
const CHANGES_OF_9: usize = 26;

/// How many of [`changes`] version 8 has.
const CHANGES_OF_8: usize = 25;

/// How many of [`changes`] version 7 has.
const CHANGES_OF_7: usize = 23;

/// How many of [`changes`] version 6 has.
const CHANGES_OF_6: usize = 22;

/// How many of [`changes`] version 5 has.
const CHANGES_OF_5: usize = 21;

/// How many of [`changes`] version 4 has.
const CHANGES_OF_4: usize = 18;

/// How many of [`changes`] version 3 has.
const CHANGES_OF_3: usize = 17;

/// How many of [`changes`] versions 1 and 2 have.
pub(super) const CHANGES_OF_2: usize = 15;

#[test]
fn changes_of_every_version_are_read() {
    for version in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16] {
        let kept = golden(&format!("event_detail_{version}"));
        let mut changes = changes();
        if version < 3 {
            changes.truncate(CHANGES_OF_2);
        } else if version < 4 {
            changes.truncate(CHANGES_OF_3);
        } else if version < 5 {
            changes.truncate(CHANGES_OF_4);
        } else if version < 6 {
            changes.truncate(CHANGES_OF_5);
        } else if version < 7 {
            changes.truncate(CHANGES_OF_6);
        } else if version < 8 {
            changes.truncate(CHANGES_OF_7);
        } else if version < 9 {
            changes.truncate(CHANGES_OF_8);
        } else if version < 10 {
            changes.truncate(CHANGES_OF_9);
        } else if version < 11 {
            changes.truncate(CHANGES_OF_10);
        } else if version < 12 {
            changes.truncate(CHANGES_OF_11);
        } else if version < 13 {
            changes.truncate(CHANGES_OF_12);
        } else if version < 14 {
            changes.truncate(CHANGES_OF_13);
        } else if version < 15 {
            changes.truncate(CHANGES_OF_14);
        }
        assert_eq!(kept.len(), changes.len());
        for ((name, octets), (expected, change)) in kept.into_iter().zip(changes) {
            assert_eq!(name, expected);
            assert_eq!(octets[0], version, "{name}");
            let at = |depth| (change.clone(), depth);
            assert_eq!(decode_change(&octets).unwrap(), at(0), "{name}");
            assert_eq!(is_move(&octets), name == "inbox-moved");
            if version == 16 {
                assert_eq!(encode_change(&change, 0).unwrap(), octets, "{name}");
                let deep = encode_change(&change, 7).unwrap();
                assert_eq!(decode_change(&deep).unwrap(), at(7), "{name}");
            }
        }
    }
}

#[test]
fn paths_and_uids_are_read_with_and_without_a_version() {
    let (old, new) = ([1, 9], [2, 9]);
    let (plain, versioned) = (golden_one("event_path_plain"), golden_one("event_path_1"));
    assert_eq!(decode_path(&plain, &old).unwrap(), path());
    assert_eq!(decode_path(&versioned, &new).unwrap(), path());
    assert_eq!(encode_path(&path()).unwrap(), versioned);
    let (plain, versioned) = (golden_one("event_uids_plain"), golden_one("event_uids_1"));
    assert_eq!(decode_uids(&plain, &old).unwrap(), uids());
    assert_eq!(decode_uids(&versioned, &new).unwrap(), uids());
    assert_eq!(encode_uids(&uids()).unwrap(), Some(versioned));
    assert_eq!(encode_uids(&UidSet::new()).unwrap(), None);
}

#[test]
fn summaries_and_digests_are_read() {
    let kept = golden_one("body_summary_1");
    assert_eq!(decode_summary(&kept).unwrap(), summary());
    assert_eq!(encode_summary(&summary()).unwrap(), kept);

    let kept = golden_one("body_digest_1");
    let octets = decode_digest(kept).unwrap();
    let digest = crate::mail::Digest::open(&octets).unwrap();
    assert_eq!((digest.part_count(), digest.has_attachments()), (4, true));
    assert_eq!(digest.envelope().subject_text(), "Ü 2");
    let from: Vec<_> = digest.envelope().from.mailboxes().collect();
    assert_eq!(
        (from[0].local.as_str(), from[0].domain.as_str()),
        ("a", "x.test")
    );
    assert!(digest.section(&[2, 1]).unwrap().is("text", "plain"));
}

#[test]
fn ancestors_and_answers_are_read_with_and_without_a_version() {
    for file in ["inbox_ancestors_plain", "inbox_ancestors_1"] {
        let kept = golden(file);
        assert_eq!(decode_ancestors(&kept[0].1).unwrap(), []);
        assert_eq!(decode_ancestors(&kept[1].1).unwrap(), path().ancestors);
    }
    assert_eq!(
        encode_ancestors(&path().ancestors),
        golden("inbox_ancestors_1")[1].1
    );
    let (plain, versioned) = (golden("once_answer_plain"), golden("once_answer_1"));
    for ((name, old), (_, new)) in plain.into_iter().zip(versioned) {
        assert_eq!(decode_answer(old.clone()).unwrap(), old, "{name}");
        assert_eq!(decode_answer(new.clone()).unwrap(), old, "{name}");
        assert_eq!(encode_answer(&old), new, "{name}");
    }
}

/// A history with every kind of attempt.
fn history() -> Vec<OutboundAttempt> {
    vec![
        OutboundAttempt {
            at: 1_700_000_000_000,
            host: String::new(),
            address: None,
            tls: OutboundTls::None,
            code: None,
            enhanced: Some((4, 4, 3)),
            text: "no answer".into(),
            outcome: TransactionOutcome::Deferred,
        },
        OutboundAttempt {
            at: 1_700_000_060_000,
            host: "mx.y.test".into(),
            address: "2001:db8::25".parse().ok(),
            tls: OutboundTls::Unverified,
            code: Some(550),
            enhanced: None,
            text: "Ä".into(),
            outcome: TransactionOutcome::Bounced,
        },
        OutboundAttempt {
            at: 1_700_000_120_000,
            host: "mx.y.test".into(),
            address: "192.0.2.25".parse().ok(),
            tls: OutboundTls::Verified,
            code: Some(250),
            enhanced: Some((2, 0, 0)),
            text: "Ok".into(),
            outcome: TransactionOutcome::Delivered,
        },
    ]
}

#[test]
fn envelopes_and_histories_are_read() {
    let envelope = SmtpJob {
        reverse_path: Some("a@x.test".into()),
        recipient: String::new(),
        notify: 6,
        orcpt: Some("rfc822;a@b.test".into()),
        ret_full: Some(true),
        envid: Some("q1".into()),
    };
    for (file, depth) in [("outbound_envelope_1", 0), ("outbound_envelope_2", 3)] {
        let kept = golden(file);
        assert_eq!(
            decode_envelope(&kept[0].1).unwrap(),
            (envelope.clone(), depth)
        );
        let plain = (SmtpJob::default(), depth);
        assert_eq!(decode_envelope(&kept[1].1).unwrap(), plain);
    }
    let kept = golden("outbound_envelope_2");
    assert_eq!(encode_envelope(&envelope, 3).unwrap(), kept[0].1);
    let kept = golden_one("outbound_history_1");
    assert_eq!(decode_history(&kept).unwrap(), history());
    assert_eq!(encode_history(&history()).unwrap(), kept);
    assert!(decode_history(&kept[..kept.len() - 1]).is_err());
}

#[test]
fn envelopes_of_held_mail_are_read() {
    let recipient = |address: &str, notify, orcpt: Option<&str>| Recipient {
        address: address.into(),
        inbox: None,
        org: None,
        notify,
        orcpt: orcpt.map(str::to_owned),
    };
    let envelope = HeldEnvelope {
        reverse_path: Some("a@x.test".into()),
        recipients: vec![
            recipient("ann@else.test", 6, Some("rfc822;b@y.test")),
            recipient("b@x.test", 0, None),
        ],
        ret_full: Some(true),
        envid: None,
        subject: "offer".into(),
        depth: 0,
    };
    let kept = golden_one("approval_envelope_1");
    assert_eq!(decode_held(&kept).unwrap(), envelope);
    let deep = HeldEnvelope {
        depth: 3,
        ..envelope
    };
    let kept = golden_one("approval_envelope_2");
    assert_eq!(decode_held(&kept).unwrap(), deep);
    assert_eq!(encode_held(&deep).unwrap(), kept);
    assert!(decode_held(&kept[..kept.len() - 1]).is_err());
}

#[test]
fn links_are_read() {
    let links = vec![Links {
        inboxes: vec![5, 10],
        hashes: vec![12, 2, 3, -8],
    }];
    let kept = golden_one("body_links_1");
    assert_eq!(decode_links(&kept).unwrap(), links);
    assert_eq!(encode_links(&links).unwrap(), Some(kept.clone()));
    assert_eq!(encode_links(&[]).unwrap(), None);
    assert!(decode_links(&kept[..kept.len() - 1]).is_err());
}

/// A version from the future is told as one. It is not damage and is not read as another.
#[test]
fn an_unknown_version_is_no_damage_and_damage_is_no_version() {
    let unknown = |error: Error, found| {
        let text = error.to_string();
        assert!(
            matches!(error, Error::UnknownVersion { found: f, .. } if f == found),
            "{text}"
        );
        assert!(text.contains(&format!("unknown version {found}")), "{text}");
        assert!(text.contains("reads versions up to"), "{text}");
        assert!(!error.is_disk_failure());
    };
    let future = |mut octets: Vec<u8>| {
        octets[0] = 29;
        octets
    };
    let change = golden("event_detail_3").remove(0).1;
    unknown(decode_change(&future(change.clone())).unwrap_err(), 29);
    unknown(
        decode_path(&future(golden_one("event_path_1")), &[2]).unwrap_err(),
        29,
    );
    unknown(
        decode_uids(&future(golden_one("event_uids_1")), &[2]).unwrap_err(),
        29,
    );
    unknown(
        decode_summary(&future(golden_one("body_summary_1"))).unwrap_err(),
        29,
    );
    unknown(decode_digest(vec![0xD1, 3, 0, 0]).unwrap_err(), 3);
    unknown(
        decode_ancestors(&future(encode_ancestors(&[InboxId(1)]))).unwrap_err(),
        29,
    );
    unknown(decode_answer(future(encode_answer(b"{}"))).unwrap_err(), 29);

    for octets in [&[][..], &[0], &[0, 1, 2], &change[..change.len() - 1]] {
        let read = decode_change(octets);
        assert!(matches!(read, Err(Error::Corrupt("event"))), "{read:?}");
    }
    let longer = [&change[..], b"x"].concat();
    assert!(matches!(decode_change(&longer), Err(Error::Corrupt(_))));
    let odd = decode_ancestors(&[1, 2, 3]);
    assert!(matches!(odd, Err(Error::Corrupt("ancestors"))));
}

/// The pattern to follow when a stored form gets one more field (see the module of `format`).
#[test]
fn a_field_is_added_as_version_2() {
    use serde::{Deserialize, Serialize};
    #[derive(Clone, PartialEq, Debug)]
    struct Note {
        text: String,
        urgent: bool,
    }
    // As version 1 was, for ever.
    #[derive(Serialize, Deserialize)]
    struct StoredNote1 {
        text: String,
    }
    // What is written now.
    #[derive(Serialize, Deserialize)]
    struct StoredNote2 {
        text: String,
        urgent: bool,
    }
    const NOTE: Form = Form {
        what: "note",
        version: 2,
    };
    fn encode_note(note: &Note) -> Result<Vec<u8>, Error> {
        let Note { text, urgent } = note.clone();
        NOTE.encode(&StoredNote2 { text, urgent })
    }
    fn decode_note(octets: &[u8]) -> Result<Note, Error> {
        match NOTE.open(octets)? {
            (1, rest) => {
                let StoredNote1 { text } = NOTE.decode(rest)?;
                // The notes of version 1 were not urgent.
                let urgent = false;
                Ok(Note { text, urgent })
            }
            (_, rest) => {
                let StoredNote2 { text, urgent } = NOTE.decode(rest)?;
                Ok(Note { text, urgent })
            }
        }
    }
    let note = |urgent| Note {
        text: "hi".into(),
        urgent,
    };
    let (first, second) = ([1, 2, b'h', b'i'], [2, 2, b'h', b'i', 1]);
    assert_eq!(decode_note(&first).unwrap(), note(false));
    assert_eq!(decode_note(&second).unwrap(), note(true));
    assert_eq!(encode_note(&note(true)).unwrap(), second);
    // The program before this one knows version 1 only.
    let before = Form { version: 1, ..NOTE };
    assert!(matches!(
        before.open(&second),
        Err(Error::UnknownVersion {
            what: "note",
            found: 2,
            known: 1
        })
    ));
}
