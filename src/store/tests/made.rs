//! Rows of tables that a delivery does not fill, for the tests of checksums.

use super::NOW;
use crate::call::{BodyId, InboxId, OrgId, Signature, UidSet};
use crate::store::{KeptAnswer, Store, StoredLesson, StoredModel};

/// A filter rule and a suppressed address.
pub(super) fn insert_lists(store: &Store, org: OrgId, inbox: InboxId) {
    let rule = crate::call::FilterRuleRow {
        id: crate::call::FilterRuleId(7),
        direction: crate::call::FilterDirection::Send,
        action: crate::call::FilterAction::Block,
        match_type: crate::call::MatchType::Domain,
        value: "z.test".into(),
        inbox: Some(inbox),
        created_at: 0,
    };
    store.insert_filter_rule(org, &rule).unwrap();
    let suppression = crate::call::SuppressionRow {
        id: crate::call::SuppressionId(7),
        address: "ann@z.test".into(),
        reason: crate::call::SuppressionReason::Manual,
        source: None,
        created_at: 0,
    };
    store.insert_suppression(org, &suppression).unwrap();
    let row = rule_of(7, Some(inbox));
    store.insert_rule(org, &row, 9).unwrap();
    store
        .count_rule_hit((org, row.id), 5, Some("failed"))
        .unwrap();
    store.set_answered((org, inbox), "ann@z.test", 9).unwrap();
    insert_webhook(store, org);
}

/// A webhook with a delivery.
fn insert_webhook(store: &Store, org: OrgId) {
    use crate::call::{DeliveryId, DeliveryRow, DeliveryStatus, EventKind, WebhookId, WebhookRow};
    let row = WebhookRow {
        id: WebhookId(7),
        url: "https://a.test/".into(),
        kinds: vec![EventKind::InboxCreated],
        inbox: None,
        from: None,
        label: None,
        verdict: None,
        is_full: false,
        metadata: Some("{}".into()),
        is_enabled: true,
        disabled_reason: None,
        created_at: 5,
    };
    let hook = crate::store::StoredWebhook {
        row,
        org,
        is_open: true,
        is_of_inbox: true,
        secret: vec![1, 2],
        old_secret: Some((vec![3], 9)),
        seq: 1,
        failing_since: Some(5),
    };
    store.insert_webhook(&hook).unwrap();
    assert_eq!(store.webhook(org, WebhookId(7)).unwrap(), Some(hook));
    let delivery = DeliveryRow {
        org,
        id: DeliveryId(1),
        kind: EventKind::InboxCreated,
        status: DeliveryStatus::Pending,
        attempts: Vec::new(),
        tries: 0,
        next_attempt_at: Some(9),
    };
    store.put_delivery(WebhookId(7), &delivery).unwrap();
    let found = store.delivery(WebhookId(7), DeliveryId(1)).unwrap();
    assert_eq!(found, Some(delivery));
}

/// A rule of an inbox.
pub(super) fn rule_of(id: i64, inbox: Option<InboxId>) -> crate::call::RuleRow {
    use crate::call::{NewRule, RuleAction, RuleId, RuleWhen};
    crate::call::RuleRow {
        id: RuleId(id),
        inbox,
        rule: NewRule {
            name: "Read".into(),
            enabled: true,
            priority: 100,
            stop: false,
            when: RuleWhen {
                all: true,
                conditions: Vec::new(),
            },
            then: vec![RuleAction::MarkSeen],
        },
        hits: crate::call::RuleHits::default(),
        created_at: 5,
        updated_at: 6,
    }
}

/// An approval and a scheduled message of an inbox that is gone.
pub(super) fn insert_held(store: &Store, org: OrgId) {
    let approval = crate::store::StoredApproval {
        row: crate::call::ApprovalRow {
            id: crate::call::ApprovalId(7),
            status: crate::call::ApprovalStatus::Held,
            inbox: InboxId(7),
            message: crate::call::EntryId(7),
            to: Vec::new(),
            subject: String::new(),
            content: None,
            sha256: [1; 32],
            created_at: 0,
            expires_at: 9,
            decided_by: None,
            decided_at: None,
            reason: None,
            send_at: None,
        },
        org,
        envelope: crate::store::HeldEnvelope::default(),
    };
    store.insert_approval(&approval).unwrap();
    let scheduled = crate::store::StoredScheduled {
        entry: crate::call::EntryId(8),
        org,
        inbox: InboxId(7),
        envelope: crate::store::HeldEnvelope::default(),
        sha256: [1; 32],
        is_approved: false,
        send_at: 9,
        due_at: 9,
    };
    store.insert_scheduled(&scheduled).unwrap();
}

/// The JSON of the first message of an inbox, its end, and what the inbox has used of a budget.
pub(super) fn insert_metadata(store: &Store, org: OrgId, inbox: InboxId) {
    let strangers = crate::store::DayCount::NewRecipients(inbox);
    store.count_in_day(strangers, 1, 1).unwrap();
    let entry: i64 = (store.sql)
        .query_row(
            "SELECT min(id) FROM entry WHERE inbox = ?1",
            [inbox.0],
            |r| r.get(0),
        )
        .unwrap();
    let sent = crate::store::SentMetadata {
        entry: crate::call::EntryId(entry),
        json: "{}".into(),
    };
    store
        .insert_metadata((org, inbox), &sent, "<m@x.test>")
        .unwrap();
    let message = crate::store::ExpiringMessage {
        entry: sent.entry,
        org,
        inbox,
    };
    store.set_expiring(message, Some(i64::MAX)).unwrap();
    let act = crate::call::AuditRow {
        id: crate::call::AuditId(7),
        at: 5,
        action: crate::call::AuditAction::MessageSent,
        key: None,
        target: Some(crate::call::AuditTarget::Message(sent.entry)),
        request_id: None,
    };
    store.insert_audit(org, &act).unwrap();
}

/// A kept answer.
pub(super) fn keep_answer(store: &Store, org: OrgId) {
    let kept = KeptAnswer {
        fingerprint: vec![1; 32],
        answer: b"{}".to_vec(),
        kept_ms: 5,
    };
    store.keep_answer(Some(org), "k", &kept, 7).unwrap();
}

/// A signing key of a domain.
pub(super) fn insert_dkim_key(store: &Store, org: OrgId) {
    let key = crate::store::DkimKeyRow {
        selector: "rsa-1".into(),
        secret: vec![1, 2, 3],
        record: "v=DKIM1; k=rsa; p=AA==".into(),
        state: crate::store::DkimKeyState::Active,
        created_at: 5,
        ends_at: None,
    };
    let domain = store.domains(org).unwrap().remove(0);
    store.insert_dkim_key(domain.id, &key).unwrap();
}

/// A block of signatures, and an inbox with messages that have none.
pub(super) fn insert_signatures(store: &Store, org: OrgId) {
    let inbox = store.inboxes(org, None, InboxId(0), 1).unwrap()[0].id;
    let mut signature = Signature::default();
    (0..=u16::MAX)
        .step_by(3)
        .for_each(|gram| signature.add(gram));
    for n in 0..64 {
        let received = crate::call::ReceivedBody {
            received_at: n,
            body: BodyId(n),
        };
        store.sign(NOW, inbox, received, &signature).unwrap();
    }
    assert!(store.seal(NOW, inbox, (64, 128)).unwrap() >= 64);
    let sql = "INSERT INTO unsigned (inbox, after, below, sum)
               VALUES (?1, 7, 8, row_sum(?1, 7, 8))";
    store.run(sql, [inbox.0]).unwrap();
}

/// An account elsewhere.
pub(super) fn account() -> crate::store::UpstreamRecord {
    use crate::call::{UpstreamRow, UpstreamSmtpRow, UpstreamState, UpstreamTls};
    crate::store::UpstreamRecord {
        row: UpstreamRow {
            host: "imap.y.test".into(),
            port: 993,
            tls: UpstreamTls::Implicit,
            user: "ann".into(),
            oauth: None,
            smtp: Some(UpstreamSmtpRow {
                host: "smtp.y.test".into(),
                port: 587,
                tls: UpstreamTls::StartTls,
                user: None,
                has_password: true,
            }),
            state: UpstreamState::Failing,
            error: Some("closed".into()),
            since: 7,
        },
        password: vec![1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
        oauth: None,
        smtp_password: Some(vec![9, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        version: 3,
        is_stopped: true,
    }
}

/// The same with access tokens in place of a password.
pub(super) fn account_with_tokens() -> crate::store::UpstreamRecord {
    let mut record = account();
    record.row.oauth = Some(crate::call::UpstreamOAuthRow {
        token_url: "https://oauth.y.test/".into(),
        client_id: "client".into(),
    });
    record.oauth = Some(crate::store::SealedOAuth {
        client_secret: Some(vec![1, 2, 7]),
        refresh_token: vec![9, 2, 8],
    });
    record.password = Vec::new();
    record
}

/// A mailbox of an account elsewhere, with a message that has been fetched.
pub(super) fn insert_fetched(store: &Store, (org, inbox): (OrgId, InboxId)) {
    use crate::call::{Flags, RemoteMessage, RemoteUse, UpstreamAccount, UpstreamMessage};
    let account = UpstreamAccount { org, inbox };
    let folder = store.upstream_folder(account, b"INBOX").unwrap();
    let up_to = crate::store::StoredUpTo {
        uidvalidity: 7,
        last_uid: Some(3),
        begun_at: 9,
        compare_to: 2,
    };
    store.set_upstream_up_to(folder, up_to).unwrap();
    let from = UpstreamMessage {
        account,
        folder,
        purpose: RemoteUse::Inbox,
        uidvalidity: 7,
        row: RemoteMessage {
            uid: 4,
            flags: Flags::NONE,
            keywords: Vec::new(),
            size: None,
            received_at: None,
            modseq: None,
            message_id: None,
        },
    };
    assert!(store.note_upstream(&from, 5).unwrap());
    // It comes once, and not after its mailbox was renumbered.
    assert!(!store.note_upstream(&from, 5).unwrap());
    let late = UpstreamMessage {
        uidvalidity: 6,
        ..from
    };
    assert!(!store.note_upstream(&late, 5).unwrap());
    let from = UpstreamMessage {
        uidvalidity: 7,
        ..late
    };
    let entry = crate::call::EntryId(77);
    store
        .pair_upstream(&from, entry, &["$Work".to_owned()])
        .unwrap();
    let changed = (inbox, 9);
    store
        .note_upstream_changes(changed, [entry].into_iter())
        .unwrap();
    let due = |now| store.upstream_changes((folder, 7), (now, 9)).unwrap().len();
    assert_eq!((due(8), due(9)), (0, 1));
    let at = crate::call::ComparedAt {
        modseq: 9,
        uidnext: Some(5),
        exists: 1,
    };
    store
        .set_upstream_compared(account, (folder, 7), at)
        .unwrap();
    assert_eq!(store.upstream_compared((folder, 7)).unwrap(), Some(at));
    assert_eq!(store.upstream_compared((folder, 8)).unwrap(), None);
    let stored = store.upstream_up_to(account, folder).unwrap().unwrap();
    assert_eq!(stored.last_uid, Some(4));
    assert_eq!(store.upstream_folder(account, b"INBOX").unwrap(), folder);
}

/// A sender that an inbox knows, how mail of one was judged, and how the inbox judges. And a
/// consumer group.
pub(super) fn insert_judgements(store: &Store, (org, inbox): (OrgId, InboxId)) {
    let by = crate::store::KnownBy::Admitted;
    store.note_sender(inbox, "ann@y.test", by, 7).unwrap();
    let spam = crate::call::Verdict::Spam;
    store.note_verdict(inbox, 9, spam, 7).unwrap();
    let settings = crate::call::SpamSettings::default();
    store.set_spam_settings((org, inbox), &settings).unwrap();
    store
        .set_upstream((org, inbox), &account_with_tokens())
        .unwrap();
    insert_fetched(store, (org, inbox));
    let mailbox = store.mailbox_named(org, inbox, "INBOX").unwrap().unwrap();
    let all = UidSet::from(1..=u32::MAX);
    store.note_lessons(&mailbox, &all, (true, 7)).unwrap();
    let model = StoredModel {
        version: 5,
        octets: vec![1, 2, 3],
    };
    store.set_learned(org, &model).unwrap();
    let earlier = StoredLesson {
        is_spam: true,
        place: 4,
        octets: vec![1, 2, 3],
    };
    store.set_earlier_lesson(org, &earlier).unwrap();
    let source = store.insert_known_spam_source("feed").unwrap();
    let row = crate::store::KnownSpamRow {
        entry: crate::call::KnownSpamEntry {
            kind: crate::call::KnownSpamKind::Link,
            hash: [7; 32],
        },
        source,
        at: 7,
    };
    assert!(store.put_known_spam(&row).unwrap());
    store
        .change_known_spam_source(source, ([0, 1, 0], 7))
        .unwrap();
    store.next_known_spam_version().unwrap();
    insert_event_group(store, (org, inbox));
}

/// A consumer group with an event that is not acknowledged.
fn insert_event_group(store: &Store, (org, inbox): (OrgId, InboxId)) {
    let id = crate::call::EventGroupId(70);
    let described = ("workers", [1, 2, 3].as_slice(), None);
    store.insert_event_group(org, described, (id, 1)).unwrap();
    let pending = crate::store::PendingEvent {
        seq: 1,
        inbox: Some(inbox),
        kind: crate::call::EventKind::InboxCreated,
        deliveries: 2,
    };
    store.put_pending_event(id, &pending).unwrap();
}

/// What can be damaged of it.
const EVENT_GROUPS: &[super::damage::Kind] = &[
    (
        "consumer group",
        "UPDATE event_group SET name = 'walkers'",
        "event_group",
        super::damage::CHECKSUM,
    ),
    (
        "event of a consumer group",
        "UPDATE event_pending SET deliveries = 0",
        "event_pending",
        super::damage::CHECKSUM,
    ),
    (
        "consumer group of no organization",
        "UPDATE event_group SET org = 7, sum = row_sum(id, 7, name, terms, bound, seq)",
        "org",
        "that is gone",
    ),
    (
        "event of no consumer group",
        "UPDATE event_pending SET grp = 7, sum = row_sum(7, seq, inbox, kind, deliveries)",
        "event_group",
        "that is gone",
    ),
    (
        "event beyond the cursor of its group",
        "UPDATE event_group SET seq = 0, sum = row_sum(id, org, name, terms, bound, 0)",
        "event_group",
        "beyond its cursor",
    ),
];

/// What can be damaged of all that is made here.
pub(super) fn kinds<'a>() -> impl Iterator<Item = &'a super::damage::Kind> {
    JUDGEMENTS.iter().chain(EVENT_GROUPS)
}

/// Whether damage of a table is told without an organization.
pub(super) fn has_no_org(table: &str, words: &str) -> bool {
    table == "meta" || table.starts_with("known_spam") || words == "that is gone"
}

/// What can be damaged of it.
const JUDGEMENTS: &[super::damage::Kind] = &[
    (
        "judgement of the filter",
        "UPDATE entry SET report = x'01000000000000'",
        "entry",
        super::damage::CHECKSUM,
    ),
    (
        "past of a sender",
        "UPDATE sender_past SET spam = spam + 1",
        "sender_past",
        super::damage::CHECKSUM,
    ),
    (
        "policy of the filter",
        "UPDATE spam_setting SET settings = x'0100'",
        "spam_setting",
        super::damage::CHECKSUM,
    ),
    (
        "lesson",
        "UPDATE lesson SET is_spam = 0",
        "lesson",
        super::damage::CHECKSUM,
    ),
    (
        "lesson of no message",
        "INSERT INTO lesson (body, org, is_spam, at, sum)
             SELECT 7, org, 1, 5, row_sum(7, org, 1, NULL, 5) FROM lesson LIMIT 1",
        "lesson",
        "that is gone",
    ),
    (
        "model",
        "UPDATE learned SET model = x'0100'",
        "learned",
        super::damage::CHECKSUM,
    ),
    (
        "earlier lesson",
        "UPDATE earlier_lesson SET octets = x'0100'",
        "earlier_lesson",
        super::damage::CHECKSUM,
    ),
    (
        "earlier lesson of no organization",
        "INSERT INTO earlier_lesson (org, is_spam, place, octets, sum)
             VALUES (7, 1, 5, x'01', row_sum(7, 1, 5, x'01'))",
        "org",
        "that is gone",
    ),
    (
        "model of no organization",
        "INSERT INTO learned (org, version, model, sum)
             VALUES (7, 5, x'01', row_sum(7, 5, x'01'))",
        "org",
        "that is gone",
    ),
    (
        "known spam",
        "UPDATE known_spam SET at = 8",
        "known_spam",
        super::damage::CHECKSUM,
    ),
    (
        "source of known spam",
        "UPDATE known_spam_source SET name = 'food'",
        "known_spam_source",
        super::damage::CHECKSUM,
    ),
    (
        "numbers of a source of known spam",
        "UPDATE known_spam_source SET links = 2, sum = row_sum(id, name, bodies, 2, attachments, at)",
        "known_spam_source",
        "numbers are not those",
    ),
    (
        "known spam of no source",
        "UPDATE known_spam SET source = 99, sum = row_sum(kind, hash, 99, at)",
        "known_spam",
        "that is gone",
    ),
    (
        "how far a mailbox elsewhere was fetched",
        "UPDATE upstream_folder SET last_uid = 99",
        "upstream_folder",
        super::damage::CHECKSUM,
    ),
    (
        "refresh token of an account elsewhere",
        "UPDATE upstream_oauth SET refresh_token = x'07'",
        "upstream_oauth",
        super::damage::CHECKSUM,
    ),
    (
        "access tokens of no account",
        "UPDATE upstream_oauth SET org = 99",
        "upstream_oauth",
        "that is gone",
    ),
    (
        "message of an account elsewhere",
        "UPDATE upstream_message SET ident = 7",
        "upstream_message",
        super::damage::CHECKSUM,
    ),
    (
        "state of a message elsewhere",
        "UPDATE upstream_state SET flags = 8",
        "upstream_state",
        super::damage::CHECKSUM,
    ),
    (
        "state of no message elsewhere",
        "UPDATE upstream_state SET message = 99",
        "upstream_state",
        "that is gone",
    ),
    (
        "change of a message elsewhere",
        "UPDATE upstream_change SET tries = 8",
        "upstream_change",
        super::damage::CHECKSUM,
    ),
    (
        "change of no message elsewhere",
        "UPDATE upstream_change SET message = 99",
        "upstream_change",
        "that is gone",
    ),
    (
        "comparison of a mailbox elsewhere",
        "UPDATE upstream_compared SET modseq = 8",
        "upstream_compared",
        super::damage::CHECKSUM,
    ),
    (
        "comparison of no mailbox elsewhere",
        "UPDATE upstream_compared SET folder = 99",
        "upstream_compared",
        "that is gone",
    ),
    (
        "mailbox of no account",
        "UPDATE upstream_folder SET inbox = 99",
        "upstream_folder",
        "that is gone",
    ),
    (
        "message of no mailbox elsewhere",
        "UPDATE upstream_message SET folder = 99",
        "upstream_message",
        "that is gone",
    ),
];
