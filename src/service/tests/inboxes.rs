//! Inboxes and keys: addresses, the tree, the keys that a key may create, the end of a key.

use super::*;
use crate::call::Noun;
use crate::call::Scopes;

#[test]
fn inboxes_on_the_shared_and_on_own_domains() {
    let mut w = World::new();
    let org = w.inline.make_org("one").unwrap();
    let other = w.inline.make_org("two").unwrap();
    w.inline.make_inbox(other, "foe@y.test").unwrap();
    let key = w.inline.make_key(org, Scopes::ADMIN, None).unwrap();
    let access = w.access(&key);
    let make = |w: &mut World, username: Option<&str>, domain: Option<&str>| {
        let new = NewInbox {
            username: username.map(str::to_owned),
            domain: domain.map(str::to_owned),
            ..NewInbox::default()
        };
        match w.call(new_inbox(&access, new)) {
            Reply::Written(Written::Inbox { row, .. }, _) => Ok(row.address),
            Reply::Refused(Refusal::Invalid { field, .. }) => Err(field),
            Reply::Refused(Refusal::Exists(noun)) => Err(noun.name()),
            other => panic!("{other:?}"),
        }
    };
    let address = make(&mut w, Some("support"), None).unwrap();
    let (user, domain) = address.split_once('@').unwrap();
    assert_eq!(domain, "agents.test");
    assert_eq!(user.len(), "support-a1b2c3".len());
    assert_ne!(make(&mut w, Some("support"), None).unwrap(), address);
    assert!(make(&mut w, None, None).unwrap().starts_with("agent-"));
    for (user, domain, expected) in [
        (Some("a"), Some("x.test"), "domain"),
        (Some("a"), Some("y.test"), "domain"),
        (Some("a"), Some("not a domain"), "domain"),
        (Some("=cmd"), None, "username"),
        (Some("+a"), None, "username"),
        (Some("-a"), None, "username"),
        (Some("@a"), None, "username"),
        (Some("a+b"), None, "username"),
        (Some("a b"), None, "username"),
        (Some("a\r\nb"), None, "username"),
        (Some(""), Some("agents.test"), "username"),
        (Some("a..b"), None, "username"),
    ] {
        assert_eq!(make(&mut w, user, domain), Err(expected), "{user:?}");
    }
}

#[test]
fn a_domain_and_its_addresses_go_to_the_one_that_proves_it() {
    let mut w = World::new();
    let org = w.inline.make_org("one").unwrap();
    let other = w.inline.make_org("two").unwrap();
    let key = w.inline.make_key(org, Scopes::ADMIN, None).unwrap();
    let access = w.access(&key);
    let Written::Inbox { row, .. } = w.written(new_inbox(&access, NewInbox::default())) else {
        panic!()
    };
    let address = row.address;
    let new_domain = |name: &str| DomainWrite::Create {
        new: NewDomain {
            name: name.into(),
            ..NewDomain::default()
        },
        idempotency: None,
    };
    w.written(Ask::of(&access, new_domain("X.Test")));
    // It waits for a proof.
    let new = NewInbox {
        username: Some("Bob".into()),
        domain: Some("X.test".into()),
        ..NewInbox::default()
    };
    let domain = "x.test".to_owned();
    assert_eq!(
        w.refused(new_inbox(&access, new.clone())),
        Refusal::DomainNotVerified { domain }
    );
    w.trust(org, "x.test");
    let Written::Inbox { row, .. } = w.written(new_inbox(&access, new.clone())) else {
        panic!()
    };
    assert_eq!(row.address, "Bob@x.test");
    for (username, expected) in [(Some("bOB"), None), (None, Some("username"))] {
        let new = NewInbox {
            username: username.map(str::to_owned),
            ..new.clone()
        };
        match (w.refused(new_inbox(&access, new)), expected) {
            (Refusal::Exists(Noun::Inbox), None) => {}
            (Refusal::Invalid { field, .. }, Some(expected)) => assert_eq!(field, expected),
            other => panic!("{other:?}"),
        }
    }

    // A deleted address belongs to the organization that proves its domain.
    let named = InboxRef::Address("bob@x.test".into());
    let (reply, events) = w.call_from(
        1,
        "192.0.2.1",
        Ask::of(
            &access,
            InboxWrite::Delete {
                inbox: named.clone(),
            },
        ),
    );
    assert!(matches!(reply, Reply::Written(Written::Changed, _)));
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].change, Change::InboxDeleted);
    assert_eq!(
        w.refused(Ask::of(&access, InboxRead::Get { inbox: named })),
        Refusal::NotFound(Noun::Inbox)
    );
    let Answer::Domains(domains) = w.answer(Ask::of(&access, DomainRead::List)) else {
        panic!()
    };
    w.written(Ask::of(
        &access,
        DomainWrite::Delete {
            domain: DomainRef::Id(domains[0].row.id),
        },
    ));
    let foe = w.inline.make_key(other, Scopes::ADMIN, None).unwrap();
    let foe = w.access(&foe);
    w.written(Ask::of(&foe, new_domain("x.test")));
    w.trust(other, "x.test");
    let Written::Inbox { row, existed } = w.written(new_inbox(&foe, new)) else {
        panic!()
    };
    assert_eq!((row.messages, existed), (0, false));
    // On the shared domain it stays with its organization for ever.
    let shared = InboxRef::Address(address.clone());
    w.written(Ask::of(&access, InboxWrite::Delete { inbox: shared }));
    assert!(w.inline.store.is_address_known(&address).unwrap());
    assert_eq!(
        crate::store::verify(&w.inline.store, true),
        Vec::<String>::new()
    );
}

#[test]
fn the_tree_has_a_depth_and_no_cycles() {
    let mut w = World::new();
    let org = w.inline.make_org("one").unwrap();
    let key = w.inline.make_key(org, Scopes::ADMIN, None).unwrap();
    let access = w.access(&key);
    let mut ids = Vec::new();
    for depth in 1..=9 {
        let new = NewInbox {
            parent: ids.last().map(|id| InboxRef::Id(*id)),
            ..NewInbox::default()
        };
        match w.call(new_inbox(&access, new)) {
            Reply::Written(Written::Inbox { row, .. }, _) => ids.push(row.id),
            Reply::Refused(Refusal::Invalid {
                field: "parent", ..
            }) => assert_eq!(depth, 9),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(ids.len(), 8);
    let patch = |inbox: InboxId, parent: Option<InboxId>| {
        Ask::of(
            &access,
            InboxWrite::Patch {
                inbox: InboxRef::Id(inbox),
                patch: Box::new(InboxPatch {
                    parent: Some(parent.map(InboxRef::Id)),
                    ..InboxPatch::default()
                }),
            },
        )
    };
    for (inbox, parent) in [(ids[0], ids[7]), (ids[0], ids[0]), (ids[3], ids[5])] {
        assert!(matches!(
            w.refused(patch(inbox, Some(parent))),
            Refusal::Invalid {
                field: "parent",
                ..
            }
        ));
    }
    // The fifth becomes a root; events of the eighth name its new ancestors.
    w.written(patch(ids[4], None));
    let path = w.inline.store.inbox_path(org, ids[7]).unwrap().unwrap();
    assert_eq!(path.ancestors, [ids[6], ids[5], ids[4]]);
    // A tree of four under a chain of four fits; under a chain of five it does not.
    w.written(patch(ids[4], Some(ids[3])));
    w.written(patch(ids[4], None));
    let new = NewInbox {
        parent: Some(InboxRef::Id(ids[3])),
        ..NewInbox::default()
    };
    let Written::Inbox { row, .. } = w.written(new_inbox(&access, new)) else {
        panic!()
    };
    assert!(matches!(
        w.refused(patch(ids[4], Some(row.id))),
        Refusal::Invalid {
            field: "parent",
            ..
        }
    ));
    assert!(matches!(
        w.refused(Ask::of(
            &access,
            InboxWrite::Delete {
                inbox: InboxRef::Id(ids[0])
            }
        )),
        Refusal::Conflict(_)
    ));
    assert_eq!(
        crate::store::verify(&w.inline.store, true),
        Vec::<String>::new()
    );
}

#[test]
fn a_key_creates_only_what_it_holds() {
    let mut w = World::new();
    let org = w.inline.make_org("one").unwrap();
    let a = w.inline.make_inbox(org, "a@x.test").unwrap();
    let b = w.inline.make_inbox(org, "b@x.test").unwrap();
    let scopes = Scopes::KEYS_WRITE.and(Scopes::MESSAGES_READ);
    let key = w
        .inline
        .make_key_until(org, scopes, Some(&[a]), Some(START + 100_000))
        .unwrap();
    let access = w.access(&key);
    let mint = |scopes, inboxes: Option<Vec<InboxRef>>| {
        Ask::of(
            &access,
            KeyWrite::Create {
                new: Box::new(NewKey {
                    scopes,
                    inboxes,
                    ..NewKey::default()
                }),
                idempotency: None,
            },
        )
    };
    for (scopes, inboxes, expected) in [
        (Scopes::ADMIN, None, Refusal::MissingScope(Scopes::ADMIN)),
        (
            Scopes::OPERATOR,
            None,
            Refusal::MissingScope(Scopes::OPERATOR),
        ),
        (
            Scopes::MESSAGES_WRITE.and(Scopes::MESSAGES_READ),
            None,
            Refusal::MissingScope(Scopes::MESSAGES_WRITE),
        ),
        (
            Scopes::MESSAGES_READ,
            Some(vec![InboxRef::Id(b)]),
            Refusal::NotFound(Noun::Inbox),
        ),
    ] {
        assert_eq!(w.refused(mint(scopes, inboxes)), expected);
    }
    assert!(matches!(
        w.refused(mint(Scopes::NONE, None)),
        Refusal::Invalid {
            field: "scopes",
            ..
        }
    ));
    let Written::Key(row, secret) = w.written(mint(Scopes::MESSAGES_READ, None)) else {
        panic!()
    };
    assert_eq!(row.inboxes, Some(vec![a]));
    assert_eq!(row.expires_at, Some(START + 100_000));
    let minted = w.access(core::str::from_utf8(secret.expose()).unwrap());
    assert_eq!((minted.org, minted.scopes), (org, Scopes::MESSAGES_READ));

    // It lists and revokes the keys that see no more than it does.
    let free = w.inline.make_key(org, Scopes::ADMIN, None).unwrap();
    let free = w.access(&free);
    let Answer::Keys { rows, .. } = w.answer(Ask::of(
        &access,
        KeyRead::List {
            cursor: None,
            limit: 50,
        },
    )) else {
        panic!()
    };
    assert_eq!(rows.len(), 2);
    assert_eq!(
        w.refused(Ask::of(
            &access,
            KeyWrite::Revoke {
                key: free.key.unwrap()
            }
        )),
        Refusal::NotFound(Noun::Key)
    );
    // A bound key creates no inbox, because it could not see it.
    let bound = w.inline.make_key(org, Scopes::ADMIN, Some(&[a])).unwrap();
    let bound = w.access(&bound);
    assert!(matches!(
        w.refused(new_inbox(&bound, NewInbox::default())),
        Refusal::KeyBound
    ));
    // Credentials: one key for each inbox that it sees, and for no other.
    let Written::Credentials(rows) = w.written(Ask::of(
        &bound,
        KeyWrite::CreateCredentials { idempotency: None },
    )) else {
        panic!()
    };
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].1.inboxes, Some(vec![a]));
}

#[test]
fn revocation_is_an_event_of_the_key() {
    let mut w = World::new();
    let org = w.inline.make_org("one").unwrap();
    let key = w.inline.make_key(org, Scopes::ADMIN, None).unwrap();
    let admin = w.inline.make_key(org, Scopes::ADMIN, None).unwrap();
    let (victim, admin) = (w.access(&key), w.access(&admin));
    let ended = victim.key.unwrap();
    let revoke = Ask::of(&admin, KeyWrite::Revoke { key: ended });
    let (_, events) = w.call_from(1, "192.0.2.1", revoke.clone());
    assert_eq!(events.len(), 1);
    assert!(events[0].topics().any(|t| t == Topic::Key(ended)));
    assert!(matches!(
        w.login(Listener::Https, None, &key),
        Reply::Refused(Refusal::BadCredentials { .. })
    ));
    // A second revocation changes nothing.
    let (reply, events) = w.call_from(1, "192.0.2.1", revoke);
    assert!(matches!(reply, Reply::Written(Written::Changed, _)) && events.is_empty());
    // The end of an organization is one event, and ends its keys.
    let delete = Ask {
        request_id: None,
        depth: 0,
        caller: Caller::Operator,
        call: OrgWrite::Delete { org }.into(),
    };
    let (_, events) = w.call_from(1, "192.0.2.1", delete);
    let changes: Vec<&Change> = events.iter().map(|event| &event.change).collect();
    assert_eq!(changes, [&Change::OrgDeleted]);
    assert!(events[0].ends_access(&admin) && !events[0].ends_key(admin.key));
    let refused = w.refused(Ask::of(&admin, OrgRead::Usage { inbox: None }));
    assert_eq!(refused, Refusal::OrgDeleted);
    assert!(!w.inline.store.has_org(org).unwrap());
    assert_eq!(
        crate::store::verify(&w.inline.store, true),
        Vec::<String>::new()
    );
}

/// All that an inbox has under it moves with it in one transaction, so there may not be too much.
#[test]
fn a_large_tree_moves_in_parts() {
    let mut w = World::new();
    let org = w.inline.make_org("one").unwrap();
    w.inline.make_inbox(org, "top@x.test").unwrap();
    let key = w.inline.make_key(org, Scopes::ADMIN, None).unwrap();
    let access = w.access(&key);
    let make = |w: &mut World, parent: Option<InboxId>| {
        let new = NewInbox {
            parent: parent.map(InboxRef::Id),
            ..NewInbox::default()
        };
        match w.written(new_inbox(&access, new)) {
            Written::Inbox { row, .. } => row.id,
            other => panic!("{other:?}"),
        }
    };
    let (root, target) = (make(&mut w, None), make(&mut w, None));
    let children: Vec<InboxId> = (0..100).map(|_| make(&mut w, Some(root))).collect();
    let patch = |inbox: InboxId| {
        Ask::of(
            &access,
            InboxWrite::Patch {
                inbox: InboxRef::Id(inbox),
                patch: Box::new(InboxPatch {
                    parent: Some(Some(InboxRef::Id(target))),
                    ..InboxPatch::default()
                }),
            },
        )
    };
    let refusal = Refusal::Limit {
        what: Countable::InboxesInMove,
        max: 100,
    };
    assert_eq!(w.refused(patch(root)), refusal);
    let path = w.inline.store.inbox_path(org, children[0]).unwrap();
    assert_eq!(path.unwrap().ancestors, [root]);
    w.written(patch(children[0]));
    w.written(patch(root));
    let path = w.inline.store.inbox_path(org, children[99]).unwrap();
    assert_eq!(path.unwrap().ancestors, [root, target]);
}

/// An export of 100 keys, slice by slice; `between` runs after each. Gives its answer.
fn export(
    w: &mut World,
    access: &Access,
    key: Option<Idempotency>,
    mut between: impl FnMut(&mut World, usize),
) -> Reply {
    let call = KeyWrite::CreateCredentials { idempotency: key };
    let mut tasks = vec![w.task(1, Ask::of(access, call))];
    for n in 1.. {
        let turn = w.inline.writer.turn(&w.inline.store, &tasks);
        if let Some((_, reply)) = turn.replies.into_iter().next() {
            return reply;
        }
        tasks = turn.rests;
        tasks.extend(turn.later);
        between(w, n);
    }
    panic!("it does not end")
}

/// The keys of an export that is refused on its way, or that another request with the same
/// `Idempotency-Key` has overtaken, are taken back: their secrets were never shown.
#[test]
fn an_export_that_ends_midway_leaves_no_key() {
    let mut w = World::new();
    let org = w.inline.make_org("one").unwrap();
    for n in 0..100 {
        w.inline.make_inbox(org, &format!("bot{n}@x.test")).unwrap();
    }
    let key = w.inline.make_key(org, Scopes::ADMIN, None).unwrap();
    let access = w.access(&key);
    let stored = |w: &World| {
        let store = &w.inline.store;
        (store.keys_len(org).unwrap(), store.org_stored(org).unwrap())
    };
    let before = stored(&w);
    // The third slice fails, and then some that take the keys back.
    let refused = export(&mut w, &access, None, |w, n| {
        if [3, 4, 6, 7].contains(&n) {
            w.inline.fail_next_commit();
        }
    });
    assert_eq!(refused, Reply::Refused(Refusal::Internal));
    assert_eq!(stored(&w), before);

    let mut whole = Vec::new();
    let again = export(&mut w, &access, idempotency("k", 1), |w, n| {
        if n == 3 {
            let key = idempotency("k", 1);
            whole.push(export(w, &access, key, |_, _| {}));
        }
    });
    assert!(matches!(
        &whole[..],
        [Reply::Written(Written::Credentials(rows), _)] if rows.len() == 100
    ));
    assert!(matches!(again, Reply::Written(Written::Again(_), _)));
    assert_eq!(stored(&w).0, before.0 + 100);
    assert_eq!(
        crate::store::verify(&w.inline.store, true),
        Vec::<String>::new()
    );
}
