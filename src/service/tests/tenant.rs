//! Scopes and tenants: every call with too little, with another's key, with a key that is
//! bound elsewhere.

use std::sync::Arc;

use super::super::auth;
use super::{World, new_inbox};
use crate::call::*;

/// Every call with an access, made with an organization's inbox, key and domain that are
/// there.
fn every_call(access: &Access, inbox: InboxId, key: KeyId, domain: DomainId) -> Vec<Call> {
    let mut all = calls_that_look(access);
    all.extend(calls_that_change(access));
    all.extend(calls_of_messages(access, inbox));
    all.extend(calls_of_inboxes(access, inbox));
    all.extend(calls_of_accounts(access, inbox, key, domain));
    all
}

fn calls_that_look(access: &Access) -> Vec<Call> {
    let access = || access.clone();
    let uids = || UidSet::one(1);
    let text = || "INBOX".to_owned();
    vec![
        Call::OpenStream { access: access() },
        Call::Sender {
            access: Some(access()),
            reverse_path: Some("a@x.test".into()),
            size: None,
        },
        Call::Mailboxes {
            access: access(),
            counts: true,
        },
        Call::Status {
            access: access(),
            mailbox: text(),
        },
        Call::Select {
            access: access(),
            mailbox: text(),
        },
        Call::ClaimRecent {
            access: access(),
            mailbox: MailboxId(1),
        },
        Call::CreateMailbox {
            access: access(),
            mailbox: "x".into(),
        },
        Call::DeleteMailbox {
            access: access(),
            mailbox: "x".into(),
        },
        Call::RenameMailbox {
            access: access(),
            from: "x".into(),
            to: "y".into(),
        },
        Call::Subscribe {
            access: access(),
            mailbox: "x".into(),
            on: true,
        },
        Call::Subscribed { access: access() },
        Call::Fetch {
            access: access(),
            mailbox: MailboxId(1),
            uids: uids(),
            digest: true,
            octets: Octets::No,
            changed_since: 0,
        },
        Call::ReadOctets {
            access: access(),
            of: OctetsOf {
                inbox: InboxId(1),
                body: BodyId(1),
                prefix: Vec::new(),
            },
            offset: 0,
            len: 1,
        },
        Call::Changes {
            access: access(),
            mailbox: MailboxId(1),
            since: 0,
        },
    ]
}

fn calls_that_change(access: &Access) -> Vec<Call> {
    let access = || access.clone();
    let uids = || UidSet::one(1);
    vec![
        Call::SetFlags {
            access: access(),
            mailbox: MailboxId(1),
            uids: uids(),
            how: FlagChange::Add,
            flags: Flags::SEEN,
            keywords: Vec::new(),
            unchanged_since: None,
        },
        Call::Expunge {
            access: access(),
            mailbox: MailboxId(1),
            uids: None,
        },
        Call::Copy {
            access: access(),
            mailbox: MailboxId(1),
            uids: uids(),
            to: "x".into(),
            remove: true,
        },
        Call::Search {
            access: access(),
            mailbox: MailboxId(1),
            within: uids(),
            key: Arc::new(SearchKey::All),
            progress: Box::default(),
        },
    ]
}

fn calls_of_messages(access: &Access, inbox: InboxId) -> Vec<Call> {
    let access = || access.clone();
    let named = || InboxRef::Id(inbox);
    vec![
        Call::ListMessages {
            access: access(),
            inbox: named(),
            filter: Box::default(),
            cursor: None,
            limit: 1,
            progress: Box::default(),
        },
        Call::ReadMessage {
            access: access(),
            inbox: named(),
            id: EntryId(1),
            max_chars: None,
        },
        Call::FindOctets {
            access: access(),
            inbox: named(),
            id: EntryId(1),
        },
        Call::ReadPart {
            access: access(),
            inbox: named(),
            id: EntryId(1),
            part: 0,
        },
        Call::PatchMessage {
            access: access(),
            inbox: named(),
            id: EntryId(1),
            patch: Box::default(),
        },
        Call::DeleteMessage {
            access: access(),
            inbox: named(),
            id: EntryId(1),
            permanent: true,
        },
    ]
}

fn calls_of_inboxes(access: &Access, inbox: InboxId) -> Vec<Call> {
    let access = || access.clone();
    let named = || InboxRef::Id(inbox);
    vec![
        new_inbox(&access(), NewInbox::default()),
        Call::ListInboxes {
            access: access(),
            parent: Some(named()),
            cursor: None,
            limit: 1,
        },
        Call::ReadInbox {
            access: access(),
            inbox: named(),
        },
        Call::PatchInbox {
            access: access(),
            inbox: named(),
            patch: Box::new(InboxPatch {
                display_name: Some(Some("x".into())),
                ..InboxPatch::default()
            }),
        },
        Call::DeleteInbox {
            access: access(),
            inbox: named(),
        },
    ]
}

fn calls_of_accounts(access: &Access, inbox: InboxId, key: KeyId, domain: DomainId) -> Vec<Call> {
    let access = || access.clone();
    let named = || InboxRef::Id(inbox);
    vec![
        Call::MintCredentials {
            access: access(),
            once: None,
        },
        Call::CreateKey {
            access: access(),
            new: Box::new(NewKey {
                scopes: Scopes::KEYS_WRITE,
                inboxes: Some(vec![named()]),
                ..NewKey::default()
            }),
            once: None,
        },
        Call::ListKeys {
            access: access(),
            cursor: None,
            limit: 1,
        },
        Call::ReadKey {
            access: access(),
            key,
        },
        Call::RevokeKey {
            access: access(),
            key,
        },
        Call::CreateDomain {
            access: access(),
            name: "z.test".into(),
            once: None,
        },
        Call::ListDomains { access: access() },
        Call::DeleteDomain {
            access: access(),
            domain: DomainRef::Id(domain),
        },
        Call::CreateOrg {
            access: access(),
            name: "x".into(),
            once: None,
        },
        Call::ListOrgs { access: access() },
        Call::DeleteOrg {
            access: access(),
            org: OrgId(1),
        },
        Call::ListOutbound {
            access: access(),
            cursor: None,
            limit: 1,
        },
        Call::LogState { access: access() },
        Call::LogAt {
            access: access(),
            unix_ms: 0,
        },
        Call::EventsAfter {
            access: access(),
            topic: Topic::Inbox(inbox),
            after: 0,
            limit: 1,
        },
    ]
}

#[test]
fn no_scope_no_call() {
    let mut w = World::new();
    let org = w.inline.make_org("one").unwrap();
    let inbox = w.inline.make_inbox(org, "a@x.test").unwrap();
    let key = w.inline.make_key(org, Scopes::RULES_WRITE, None).unwrap();
    let access = w.access(&key);
    for call in every_call(&access, inbox, access.key, DomainId(1)) {
        let (_, needed) = crate::service::auth::needs(&call);
        let name = needed.names().next().unwrap_or("operator");
        assert_eq!(
            w.refused(call.clone()),
            Refusal::MissingScope(name),
            "{call:?}"
        );
    }
    // With each single scope, exactly the calls of that scope are let in.
    for (name, scope) in Scopes::NAMES {
        if scope == Scopes::ADMIN {
            continue;
        }
        let mut limits = Limits::default();
        limits.lift();
        let mut w = World::with(limits);
        let org = w.inline.make_org("one").unwrap();
        let inbox = w.inline.make_inbox(org, "a@x.test").unwrap();
        let key = w.inline.make_key(org, scope, None).unwrap();
        let access = w.access(&key);
        for call in every_call(&access, inbox, KeyId(1), DomainId(1)) {
            let (_, needed) = crate::service::auth::needs(&call);
            let reply = w.call(call.clone());
            let is_missing = matches!(
                reply,
                Reply::Refused(Refusal::MissingScope(missing)) if needed.names().any(|n| n == missing) || needed == Scopes::OPERATOR
            );
            assert_eq!(
                is_missing,
                !scope.allow(needed),
                "{name} {call:?} {reply:?}"
            );
        }
    }
}

/// H14, K05: with another organization's key, and with a key that is bound to another inbox,
/// nothing of this inbox is there, and nothing of it changes.
#[test]
fn not_yours_is_not_there() {
    let mut limits = Limits::default();
    limits.lift();
    let mut w = World::with(limits);
    let org = w.inline.make_org("one").unwrap();
    let inbox = w.inline.make_inbox(org, "a@x.test").unwrap();
    let second = w.inline.make_inbox(org, "b@x.test").unwrap();
    let owner = w.inline.make_key(org, Scopes::ADMIN, None).unwrap();
    let owner = w.access(&owner);
    let Answer::Domains(domains) = w.answer(Call::ListDomains {
        access: owner.clone(),
    }) else {
        panic!()
    };
    let foe = w.inline.make_org("two").unwrap();
    let foe = w.inline.make_key(foe, Scopes::ADMIN, None).unwrap();
    let bound = w
        .inline
        .make_key(org, Scopes::ADMIN, Some(&[second]))
        .unwrap();
    let head = w.inline.store.log_state(org).unwrap().unwrap().head;
    for key in [foe, bound.clone()] {
        let access = w.access(&key);
        for call in every_call(&access, inbox, owner.key, domains[0].id) {
            // What names nothing of the other's has its own answer.
            let is_named = matches!(
                call,
                Call::ListMessages { .. }
                    | Call::ReadMessage { .. }
                    | Call::FindOctets { .. }
                    | Call::ReadPart { .. }
                    | Call::PatchMessage { .. }
                    | Call::DeleteMessage { .. }
                    | Call::ListInboxes { .. }
                    | Call::ReadInbox { .. }
                    | Call::PatchInbox { .. }
                    | Call::DeleteInbox { .. }
                    | Call::CreateKey { .. }
                    | Call::ReadKey { .. }
                    | Call::RevokeKey { .. }
                    | Call::EventsAfter { .. }
            ) || matches!(&call, Call::DeleteDomain { .. } if key != bound);
            if is_named {
                let got = w.refused(call.clone());
                assert!(matches!(got, Refusal::NotFound(_)), "{call:?} {got:?}");
                // The same as for what does not exist.
                for other in every_call(&access, InboxId(5), KeyId(5), DomainId(5)) {
                    if core::mem::discriminant(&other) == core::mem::discriminant(&call) {
                        assert_eq!(w.refused(other), got);
                    }
                }
            }
        }
    }
    let row = w.inline.store.inbox(org, inbox).unwrap().unwrap();
    assert_eq!(row.display_name, None);
    let access = w.access(&bound);
    let Answer::Inboxes { rows, .. } = w.answer(Call::ListInboxes {
        access: access.clone(),
        parent: None,
        cursor: None,
        limit: 50,
    }) else {
        panic!()
    };
    assert_eq!(rows.iter().map(|r| r.id).collect::<Vec<_>>(), [second]);
    let Answer::Usage(usage) = w.answer(Call::Usage { access }) else {
        panic!()
    };
    assert_eq!(usage.inboxes, 1);
    let log = w
        .inline
        .store
        .events_after(org, Topic::Inbox(inbox), head, 10);
    assert!(log.unwrap().unwrap().events.is_empty());
}

/// What a tenant makes of names and of the order of organizations, mail for postmaster is
/// the operator's, and nobody's when he has no organization any more.
#[test]
fn no_tenant_is_postmaster() {
    let mut w = World::new();
    let first = w.inline.make_org("one").unwrap();
    let mine = w.inline.make_inbox(first, "op@x.test").unwrap();
    let second = w.inline.make_org("two").unwrap();
    w.inline.make_inbox(second, "eve@y.test").unwrap();
    let eve = w.inline.make_key(second, Scopes::ADMIN, None).unwrap();
    let eve = w.access(&eve);
    let claim = |access: Access| Call::CreateDomain {
        access,
        name: "mx.test".into(),
        once: None,
    };
    assert_eq!(w.refused(claim(eve)), Refusal::Exists("domain"));
    let rcpt = || Call::Recipient {
        access: None,
        address: "postmaster@mx.test".into(),
    };
    let inbox = Some(mine);
    assert_eq!(w.answer(rcpt()), Answer::Recipient { inbox });
    let access = auth::operator_access();
    w.written(Call::DeleteOrg { access, org: first });
    assert!(matches!(w.call(rcpt()), Reply::Refused(_)));
    let operator = auth::folder_access(second);
    w.written(claim(operator));
}
