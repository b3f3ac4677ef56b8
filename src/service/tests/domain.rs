//! Domains as an attacker uses them: the spellings of one name, names of the server, addresses and
//! mail that were another organization's.

use super::*;
use crate::call::Noun;
use crate::service::{Reader, Service, Setup, Writer};

struct Tenants {
    w: World,
    one: (OrgId, Access),
    two: (OrgId, Access),
}

fn tenants() -> Tenants {
    let mut w = World::new();
    let mut tenant = |name: &str| {
        let org = w.inline.make_org(name).unwrap();
        let key = w.inline.make_key(org, Scopes::ADMIN, None).unwrap();
        (org, w.access(&key))
    };
    let (one, two) = (tenant("one"), tenant("two"));
    Tenants { w, one, two }
}

fn new_domain(access: &Access, name: &str) -> Ask {
    Ask::of(
        access,
        DomainWrite::Create {
            new: NewDomain {
                name: name.into(),
                trusted: false,
            },
            idempotency: None,
        },
    )
}

fn inbox_at(access: &Access, username: &str, domain: &str) -> Ask {
    new_inbox(
        access,
        NewInbox {
            username: Some(username.into()),
            domain: Some(domain.into()),
            ..NewInbox::default()
        },
    )
}

fn recipient(address: &str) -> Ask {
    Ask::anonymous(Look::Recipient {
        from: None,
        address: address.into(),
    })
}

#[test]
fn a_name_is_one_name_in_every_spelling() {
    let Tenants { mut w, one, two } = tenants();
    w.written(new_domain(&one.1, "B\u{fc}cher.test"));
    w.trust(one.0, "xn--bcher-kva.TEST");
    let Written::Inbox { row, .. } = w.written(inbox_at(&one.1, "Ann", "b\u{fc}cher.test")) else {
        panic!()
    };
    let ours = row.id;
    for name in [
        "b\u{fc}cher.test",
        "B\u{dc}CHER.TEST",
        // u and a combining diaeresis.
        "bu\u{308}cher.test",
        "xn--bcher-kva.test",
        "XN--BCHER-KVA.test",
    ] {
        assert_eq!(
            w.refused(new_domain(&one.1, name)),
            Refusal::Exists(Noun::Domain),
            "{name}"
        );
        let Written::Domain(view) = w.written(new_domain(&two.1, name)) else {
            panic!()
        };
        let row = view.row;
        assert_eq!((&*row.name, row.verified_at), ("xn--bcher-kva.test", None));
        // The other organization waits: no inbox, no sender, and the mail goes where it went.
        assert!(matches!(
            w.refused(inbox_at(&two.1, "ann", name)),
            Refusal::DomainNotVerified { .. }
        ));
        for local in ["ann", "ANN", "ann+tag"] {
            let address = format!("{local}@{name}");
            let sender = Look::Sender {
                reverse_path: Some(address.clone()),
                size: None,
            };
            assert_eq!(
                w.refused(Ask::of(&two.1, sender.clone())),
                Refusal::SenderNotAllowed,
                "{address}"
            );
            w.answer(Ask::of(&one.1, sender));
            let found = w.answer(recipient(&address));
            let inbox = Some(ours);
            assert!(matches!(found, Answer::Recipient { inbox: to, .. } if to == inbox));
            let named = InboxRef::Address(address);
            let get = Ask::of(&two.1, InboxRead::Get { inbox: named });
            assert_eq!(w.refused(get), Refusal::NotFound(Noun::Inbox));
        }
        w.written(Ask::of(
            &two.1,
            DomainWrite::Delete {
                domain: DomainRef::Name(name.into()),
            },
        ));
    }
    for name in [
        "xn--bcher-kva.test.",
        ".xn--bcher-kva.test",
        "b\u{fc}cher\u{3002}test",
        "\u{ff42}\u{fc}cher.test",
        "b\u{fc}cher.test ",
        "b\u{200d}\u{fc}cher.test",
        "xn--b\u{fc}cher.test",
        "test",
        "[192.0.2.1]",
        "192.0.2.1",
        "",
    ] {
        let refused = w.refused(new_domain(&two.1, name));
        assert!(
            matches!(refused, Refusal::Invalid { field: "name", .. }),
            "{name}"
        );
    }
}

#[test]
fn the_names_of_the_server_are_the_operators() {
    let Tenants { mut w, one, .. } = tenants();
    for (name, is_taken) in [
        ("mx.test", true),
        ("MX.Test", true),
        ("agents.test", false),
        ("AGENTS.test", false),
        ("a.agents.test", false),
        ("a.b.Agents.Test", false),
    ] {
        match w.refused(new_domain(&one.1, name)) {
            Refusal::Exists(Noun::Domain) => assert!(is_taken, "{name}"),
            Refusal::Invalid { field: "name", .. } => assert!(!is_taken, "{name}"),
            other => panic!("{name}: {other:?}"),
        }
    }
    // A name that only ends in the same letters is another.
    for name in ["myagents.test", "a.mx.test", "agents.test.test"] {
        w.written(new_domain(&one.1, name));
    }
    // The operator is not held up, except by the shared domain itself.
    let operator = crate::service::access::login::folder_access(one.0);
    w.written(new_domain(&operator, "mx.test"));
    w.written(new_domain(&operator, "a.agents.test"));
    assert!(matches!(
        w.refused(new_domain(&operator, "agents.test")),
        Refusal::Invalid { .. }
    ));
}

#[test]
fn mail_stays_where_it_was_when_a_domain_moves_and_comes_back() {
    let Tenants { mut w, one, two } = tenants();
    for (org, access) in [&one, &two] {
        w.written(new_domain(access, "x.test"));
        w.trust(*org, "x.test");
    }
    // The last proof has it.
    assert!(matches!(
        w.refused(inbox_at(&one.1, "bot", "x.test")),
        Refusal::DomainNotVerified { .. }
    ));
    w.trust(one.0, "x.test");
    let made = |written| match written {
        Written::Inbox {
            row,
            existed: false,
        } => *row,
        other => panic!("{other:?}"),
    };
    let first = made(w.written(inbox_at(&one.1, "bot", "x.test")));
    w.trust(two.0, "x.test");
    assert_eq!(w.refused(recipient("bot@x.test")), Refusal::NoSuchInbox);
    let second = made(w.written(inbox_at(&two.1, "bot", "x.test")));
    let to = |inbox: &InboxRow, org| Answer::Recipient {
        inbox: Some(inbox.id),
        org: Some(org),
        apart: false,
    };
    assert_eq!(w.answer(recipient("bot@x.test")), to(&second, two.0));
    // Each organization sees its own inbox at that address.
    let named = InboxRef::Address("bot@x.test".into());
    for (access, own, other) in [(&one.1, &first, &second), (&two.1, &second, &first)] {
        let get = |inbox| Ask::of(access, InboxRead::Get { inbox });
        let Answer::Inboxes { rows, .. } = w.answer(get(named.clone())) else {
            panic!()
        };
        assert_eq!(rows[0].id, own.id);
        assert_eq!(
            w.refused(get(InboxRef::Id(other.id))),
            Refusal::NotFound(Noun::Inbox)
        );
    }
    // An organization that goes leaves its addresses to the next proof, and its mail to none.
    w.written(Ask {
        request_id: None,
        depth: 0,
        caller: Caller::Operator,
        call: OrgWrite::Delete { org: two.0 }.into(),
    });
    assert!(matches!(
        w.call(recipient("bot@x.test")),
        Reply::Refused(Refusal::RelayDenied)
    ));
    w.trust(one.0, "x.test");
    assert_eq!(w.answer(recipient("bot@x.test")), to(&first, one.0));
    assert_eq!(
        w.refused(inbox_at(&one.1, "BOT", "x.test")),
        Refusal::Exists(Noun::Inbox)
    );
    assert_eq!(
        crate::store::verify(&w.inline.store, true),
        Vec::<String>::new()
    );
}

#[test]
fn an_operator_without_an_organization_trusts_the_only_one() {
    let Tenants { mut w, one, two } = tenants();
    let trust = |name: &str| Ask {
        request_id: None,
        depth: 0,
        caller: Caller::Operator,
        call: DomainWrite::Trust {
            domain: DomainRef::Name(name.into()),
            idempotency: None,
        }
        .into(),
    };
    assert_eq!(w.refused(trust("x.test")), Refusal::NotFound(Noun::Domain));
    w.written(new_domain(&two.1, "x.test"));
    let Written::Domain(view) = w.written(trust("X.Test")) else {
        panic!()
    };
    let row = view.row;
    assert!(row.verified_at.is_some());
    w.written(new_domain(&one.1, "x.test"));
    assert_eq!(
        w.refused(trust("x.test")),
        Refusal::Conflict(ConflictReason::DomainOfSeveral)
    );
    // By its id a domain is one organization's.
    w.written(Ask {
        request_id: None,
        depth: 0,
        caller: Caller::Operator,
        call: DomainWrite::Trust {
            domain: DomainRef::Id(row.id),
            idempotency: None,
        }
        .into(),
    });
    // A key trusts nothing, and says so of no domain.
    for caller in [&one.1, &two.1] {
        let trust = DomainWrite::Trust {
            domain: DomainRef::Name("x.test".into()),
            idempotency: None,
        };
        assert_eq!(
            w.refused(Ask::of(caller, trust)),
            Refusal::MissingScope(Scopes::OPERATOR)
        );
        let new = DomainWrite::Create {
            new: NewDomain {
                name: "y.test".into(),
                trusted: true,
            },
            idempotency: None,
        };
        assert_eq!(
            w.refused(Ask::of(caller, new)),
            Refusal::MissingScope(Scopes::OPERATOR)
        );
    }
}

/// `--no-limits`: a domain works when it is added, unless another organization has it.
#[test]
fn without_limits_a_domain_is_trusted_when_it_is_added() {
    let Tenants { mut w, one, two } = tenants();
    let service = Service::new(Setup {
        shared: Arc::clone(&w.shared),
        clock: Arc::new(Now::default),
        free_bytes: Arc::new(|| None),
        shared_domain: "agents.test".into(),
        trust_domains: true,
        operator: None,
        operator_from: crate::call::OperatorFrom::Loopback,
        sealing: Arc::new(
            crate::crypto::SealingKey::generate(&mut crate::crypto::Random::seeded(1)).0,
        ),
        resolver: Arc::new(crate::call::NoResolver),
        lookups: None,
        outbound: Default::default(),
        ways_out: None,
        webhooks: Default::default(),
        ways_upstream: None,
    });
    w.inline.writer = Writer::new(Arc::clone(&service));
    w.inline.reader = Reader::new(Arc::clone(&service));
    w.inline.service = service;
    w.written(new_domain(&one.1, "x.test"));
    w.written(inbox_at(&one.1, "bot", "x.test"));
    let Written::Domain(view) = w.written(new_domain(&two.1, "x.test")) else {
        panic!()
    };
    assert_eq!(view.row.verified_at, None);
}
