//! Scopes and tenants: every call with too few scopes, with the key of another organization, and
//! with a key that is bound to another inbox.

use std::sync::Arc;

use super::{World, new_inbox};
use crate::call::Noun;
use crate::call::*;
use crate::service::access::login;

/// Every call that needs an access, with the inbox, key and domain of an organization.
fn every_call(access: &Access, inbox: InboxId, key: KeyId, domain: DomainId) -> Vec<Ask> {
    let mut all = calls_that_look(access);
    all.extend(calls_that_change(access));
    all.extend(calls_of_messages(access, inbox));
    all.extend(calls_of_inboxes(access, inbox));
    all.extend(calls_of_accounts(access, inbox, key, domain));
    all
}

fn calls_that_look(access: &Access) -> Vec<Ask> {
    let uids = || UidSet::one(1);
    let text = || "INBOX".to_owned();
    vec![
        Ask::of(access, Look::OpenStream { reads_group: false }),
        Ask::of(
            access,
            Look::Sender {
                reverse_path: Some("a@x.test".into()),
                size: None,
            },
        ),
        Ask::of(
            access,
            MailboxRead::List {
                counts: true,
                recent: true,
                progress: Box::default(),
            },
        ),
        Ask::of(
            access,
            MailboxRead::Status {
                mailbox: text(),
                recent: true,
                progress: Box::default(),
            },
        ),
        Ask::of(
            access,
            MailboxRead::Select {
                mailbox: text(),
                progress: Box::default(),
            },
        ),
        Ask::of(
            access,
            MailboxWrite::ClaimRecent {
                mailbox: MailboxId(1),
            },
        ),
        Ask::of(
            access,
            MailboxWrite::Create {
                mailbox: "x".into(),
            },
        ),
        Ask::of(
            access,
            MailboxWrite::Delete {
                mailbox: "x".into(),
            },
        ),
        Ask::of(
            access,
            MailboxWrite::Rename {
                from: "x".into(),
                to: "y".into(),
                progress: Box::default(),
            },
        ),
        Ask::of(
            access,
            MailboxWrite::Subscribe {
                mailbox: "x".into(),
                on: true,
            },
        ),
        Ask::of(access, MailboxRead::Subscribed),
        Ask::of(
            access,
            EntryRead::Fetch {
                mailbox: MailboxId(1),
                uids: uids(),
                digest: true,
                octets: Octets::No,
                changed_since: 0,
            },
        ),
        Ask::of(
            access,
            EntryRead::Octets {
                of: OctetsOf {
                    inbox: InboxId(1),
                    body: BodyId(1),
                    prefix: Vec::new(),
                },
                offset: 0,
                len: 1,
            },
        ),
        Ask::of(
            access,
            EntryRead::Changes {
                mailbox: MailboxId(1),
                since: 0,
                progress: Box::default(),
            },
        ),
    ]
}

fn calls_that_change(access: &Access) -> Vec<Ask> {
    let uids = || UidSet::one(1);
    vec![
        Ask::of(
            access,
            EntryWrite::SetFlags {
                mailbox: MailboxId(1),
                uids: uids(),
                how: FlagChange::Add,
                flags: Flags::SEEN,
                keywords: Vec::new(),
                unchanged_since: None,
            },
        ),
        Ask::of(
            access,
            EntryWrite::Expunge {
                mailbox: MailboxId(1),
                uids: None,
                progress: Box::default(),
            },
        ),
        Ask::of(
            access,
            EntryWrite::Copy {
                mailbox: MailboxId(1),
                uids: uids().into(),
                to: "x".into(),
                remove: true,
                all: false,
                progress: Box::default(),
            },
        ),
        Ask::of(
            access,
            EntryRead::Search {
                mailbox: MailboxId(1),
                within: uids(),
                key: Arc::new(SearchKey::All),
                progress: Box::default(),
            },
        ),
    ]
}

fn calls_of_messages(access: &Access, inbox: InboxId) -> Vec<Ask> {
    let named = || InboxRef::Id(inbox);
    vec![
        Ask::of(
            access,
            MessageRead::List {
                inbox: named(),
                filter: Box::default(),
                cursor: None,
                limit: 1,
                progress: Box::default(),
            },
        ),
        Ask::of(
            access,
            MessageRead::Get {
                inbox: named(),
                id: EntryId(1),
                ask: Default::default(),
            },
        ),
        Ask::of(
            access,
            MessageRead::FindOctets {
                inbox: named(),
                id: EntryId(1),
            },
        ),
        Ask::of(
            access,
            MessageRead::FindPart {
                inbox: named(),
                id: EntryId(1),
                part: 0,
            },
        ),
        Ask::of(
            access,
            MessageWrite::Patch {
                inbox: named(),
                id: EntryId(1),
                patch: Box::default(),
            },
        ),
        Ask::of(
            access,
            MessageWrite::Teach {
                inbox: named(),
                id: EntryId(1),
                is_spam: true,
                idempotency: None,
            },
        ),
        Ask::of(
            access,
            MessageWrite::Delete {
                inbox: named(),
                id: EntryId(1),
                permanent: true,
            },
        ),
    ]
}

fn calls_of_inboxes(access: &Access, inbox: InboxId) -> Vec<Ask> {
    let named = || InboxRef::Id(inbox);
    vec![
        new_inbox(access, NewInbox::default()),
        Ask::of(
            access,
            InboxRead::List {
                parent: Some(named()),
                cursor: None,
                limit: 1,
            },
        ),
        Ask::of(access, InboxRead::Get { inbox: named() }),
        Ask::of(
            access,
            InboxWrite::Patch {
                inbox: named(),
                patch: Box::new(InboxPatch {
                    display_name: Some(Some("x".into())),
                    ..InboxPatch::default()
                }),
            },
        ),
        Ask::of(access, InboxWrite::Delete { inbox: named() }),
    ]
}

fn calls_of_accounts(access: &Access, inbox: InboxId, key: KeyId, domain: DomainId) -> Vec<Ask> {
    let named = || InboxRef::Id(inbox);
    vec![
        Ask::of(access, KeyWrite::CreateCredentials { idempotency: None }),
        Ask::of(
            access,
            KeyWrite::Create {
                new: Box::new(NewKey {
                    scopes: Scopes::KEYS_WRITE,
                    inboxes: Some(vec![named()]),
                    ..NewKey::default()
                }),
                idempotency: None,
            },
        ),
        Ask::of(
            access,
            KeyRead::List {
                cursor: None,
                limit: 1,
            },
        ),
        Ask::of(access, KeyRead::Get { key }),
        Ask::of(access, KeyWrite::Revoke { key }),
        Ask::of(
            access,
            DomainWrite::Create {
                new: NewDomain {
                    name: "z.test".into(),
                    ..NewDomain::default()
                },
                idempotency: None,
            },
        ),
        Ask::of(access, DomainRead::List),
        Ask::of(
            access,
            DomainRead::Get {
                domain: DomainRef::Id(domain),
            },
        ),
        Ask::of(
            access,
            DomainWrite::Trust {
                domain: DomainRef::Id(domain),
                idempotency: None,
            },
        ),
        Ask::of(
            access,
            DomainWrite::Delete {
                domain: DomainRef::Id(domain),
            },
        ),
        Ask::of(
            access,
            OrgWrite::Create {
                name: "x".into(),
                idempotency: None,
            },
        ),
        Ask::of(
            access,
            OrgRead::List {
                cursor: None,
                limit: 100,
            },
        ),
        Ask::of(access, OrgWrite::Delete { org: OrgId(1) }),
        Ask::of(
            access,
            OutboundRead::List {
                filter: Box::default(),
                cursor: None,
                limit: 1,
            },
        ),
        Ask::of(access, Look::LogState),
        Ask::of(access, Look::LogAt { unix_ms: 0 }),
        Ask::of(
            access,
            EventRead::After {
                topic: Topic::Inbox(inbox),
                after: 0,
                limit: 1,
            },
        ),
    ]
}

/// The scope that a call of a key needs.
fn needed(ask: &Ask) -> Scopes {
    let need = match &ask.call {
        Call::Accept(intake) => intake.need(),
        Call::Write(call) => call.need(),
        Call::Read(call) => call.need(),
        Call::Look(call) => call.need(),
        Call::Hangup => Need::Nothing,
    };
    match need {
        Need::Nothing | Need::Key => Scopes::NONE,
        Need::Inboxes(scope) | Need::Organization(scope) | Need::AnonymousOr(scope) => scope,
        Need::OrgAdmin => Scopes::ADMIN,
        Need::Operator | Need::AnyOperator | Need::Server => Scopes::OPERATOR,
    }
}

#[test]
fn no_scope_no_call() {
    let mut w = World::new();
    let org = w.inline.make_org("one").unwrap();
    let inbox = w.inline.make_inbox(org, "a@x.test").unwrap();
    let key = w.inline.make_key(org, Scopes::RULES_WRITE, None).unwrap();
    let access = w.access(&key);
    for call in every_call(&access, inbox, access.key.unwrap(), DomainId(1)) {
        let needed = needed(&call);
        let name = needed.names().next().unwrap_or("operator");
        let Refusal::MissingScope(missing) = w.refused(call.clone()) else {
            panic!("{call:?}");
        };
        assert_eq!(missing.first_name(), name, "{call:?}");
    }
    // With each single scope, exactly the calls of that scope are admitted.
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
            let needed = needed(&call);
            let reply = w.call(call.clone());
            let is_missing = matches!(
                reply,
                Reply::Refused(Refusal::MissingScope(missing)) if needed.names().any(|n| n == missing.first_name()) || needed == Scopes::OPERATOR
            );
            assert_eq!(
                is_missing,
                !scope.allow(needed),
                "{name} {call:?} {reply:?}"
            );
        }
    }
}

/// A key with every scope and the operator cannot act as the server, so that none can read mail on
/// its way out, or say that it has left.
#[test]
fn calls_of_the_server_are_refused_to_all_others() {
    let mut w = World::new();
    let org = w.inline.make_org("one").unwrap();
    let key = w.inline.make_key(org, Scopes::ADMIN, None).unwrap();
    let access = w.access(&key);
    let lease = OutboundLease {
        id: OutboundId(1),
        attempt: 1,
    };
    let calls: [Call; 3] = [
        OutboundRead::Piece {
            lease,
            conversion: Conversion::default(),
            keys: None,
            offset: 0,
        }
        .into(),
        OutboundWrite::Next {
            route: RouteId(1),
            report: None,
            is_last: false,
        }
        .into(),
        OutboundWrite::Lost {
            route: RouteId(1),
            loss: Box::new(OutboundLoss {
                stage: OutboundStage::Connect,
                why: LostWhy::TimedOut,
                tls: OutboundTls::None,
                lease: Some(lease),
            }),
        }
        .into(),
    ];
    for caller in [Caller::Key(access), Caller::Operator, Caller::Anonymous] {
        for call in calls.clone() {
            let ask = Ask {
                request_id: None,
                depth: 0,
                caller: caller.clone(),
                call,
            };
            assert_eq!(w.refused(ask), Refusal::UNKNOWN_KEY, "{caller:?}");
        }
    }
}

/// Whether two calls differ only in their arguments.
fn is_same_call(a: &Call, b: &Call) -> bool {
    let name = |call: &Call| {
        let text = format!("{call:?}");
        let end = text.find([' ', '{']).unwrap_or(text.len());
        text[..end].to_owned()
    };
    name(a) == name(b)
}

/// With the key of another organization, and with a key that is bound to another inbox, this inbox
/// is not found, and nothing of it changes.
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
    let Answer::Domains(domains) = w.answer(Ask::of(&owner, DomainRead::List)) else {
        panic!()
    };
    let foe = w.inline.make_org("two").unwrap();
    let foe = w.inline.make_key(foe, Scopes::ADMIN, None).unwrap();
    let bound = w
        .inline
        .make_key(org, Scopes::ADMIN, Some(&[second]))
        .unwrap();
    let head = w.inline.store.log_state(org).unwrap().unwrap().head;
    let tree = w.inline.make_subtree_key(org, Scopes::ADMIN, &[second]);
    for (key, is_foe) in [(foe, true), (bound.clone(), false), (tree.unwrap(), false)] {
        let access = w.access(&key);
        for call in every_call(&access, inbox, owner.key.unwrap(), domains[0].row.id) {
            // A call that names nothing of the other organization has its own answer.
            let is_named = matches!(
                call.call,
                Call::Read(
                    Read::Message(_)
                        | Read::Inbox(_)
                        | Read::Key(KeyRead::Get { .. })
                        | Read::Event(_)
                ) | Call::Write(
                    Write::Message(_)
                        | Write::Inbox(InboxWrite::Patch { .. } | InboxWrite::Delete { .. })
                        | Write::Key(KeyWrite::Create { .. } | KeyWrite::Revoke { .. })
                )
            ) || matches!(
                &call.call,
                Call::Write(Write::Domain(DomainWrite::Delete { .. })) if is_foe
            );
            if is_named {
                let got = w.refused(call.clone());
                assert!(matches!(got, Refusal::NotFound(_)), "{call:?} {got:?}");
                // The same answer as for an inbox that does not exist.
                for other in every_call(&access, InboxId(5), KeyId(5), DomainId(5)) {
                    if is_same_call(&other.call, &call.call) {
                        assert_eq!(w.refused(other), got);
                    }
                }
            }
        }
    }
    let row = w.inline.store.inbox(org, inbox).unwrap().unwrap();
    assert_eq!(row.display_name, None);
    let access = w.access(&bound);
    let Answer::Inboxes { rows, .. } = w.answer(Ask::of(
        &access,
        InboxRead::List {
            parent: None,
            cursor: None,
            limit: 50,
        },
    )) else {
        panic!()
    };
    assert_eq!(rows.iter().map(|r| r.id).collect::<Vec<_>>(), [second]);
    let Answer::Usage(usage) = w.answer(Ask::of(&access, OrgRead::Usage { inbox: None })) else {
        panic!()
    };
    assert_eq!(usage.inboxes, 1);
    let log = w
        .inline
        .store
        .events_after(org, Topic::Inbox(inbox), head, 10);
    assert!(log.unwrap().unwrap().events.is_empty());
}

/// For every domain name that a tenant chooses, mail for postmaster goes to the first organization,
/// and it is refused when that organization does not exist any more.
#[test]
fn no_tenant_is_postmaster() {
    let mut w = World::new();
    let first = w.inline.make_org("one").unwrap();
    let mine = w.inline.make_inbox(first, "op@x.test").unwrap();
    let second = w.inline.make_org("two").unwrap();
    w.inline.make_inbox(second, "eve@y.test").unwrap();
    let eve = w.inline.make_key(second, Scopes::ADMIN, None).unwrap();
    let eve = w.access(&eve);
    let claim = |access: Access| {
        Ask::of(
            &access,
            DomainWrite::Create {
                new: NewDomain {
                    name: "mx.test".into(),
                    ..NewDomain::default()
                },
                idempotency: None,
            },
        )
    };
    assert_eq!(w.refused(claim(eve)), Refusal::Exists(Noun::Domain));
    let rcpt = || {
        Ask::anonymous(Look::Recipient {
            from: None,
            address: "postmaster@mx.test".into(),
        })
    };
    let inbox = Some(mine);
    assert!(matches!(w.answer(rcpt()), Answer::Recipient { inbox: to, .. } if to == inbox));
    w.written(Ask {
        request_id: None,
        depth: 0,
        caller: Caller::Operator,
        call: OrgWrite::Delete { org: first }.into(),
    });
    assert!(matches!(w.call(rcpt()), Reply::Refused(_)));
    let operator = login::folder_access(second);
    w.written(claim(operator));
}
