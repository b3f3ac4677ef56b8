//! The check of a domain against a DNS that says what the test wants: what is right, missing or
//! different, when the domain is proven, and when new keys sign.

use std::collections::HashMap;
use std::sync::Mutex;

use super::*;
use crate::store::{DkimKeyState, SHARED_DOMAIN_ID};

/// Answers from a table at once; what it does not have does not exist.
#[derive(Clone, Debug, Default)]
struct FakeDns(Arc<Mutex<HashMap<(String, RecordType), DnsAnswer>>>);

impl Resolve for FakeDns {
    fn ask(&self, question: Question, answer: Box<dyn FnOnce(DnsAnswer) + Send>) {
        let known = self.0.lock().unwrap();
        let found = known.get(&(question.name, question.kind)).cloned();
        drop(known);
        answer(found.unwrap_or(Err(DnsError::NoName)));
    }
}

impl FakeDns {
    fn say(&self, name: &str, kind: RecordType, answer: DnsAnswer) {
        self.0.lock().unwrap().insert((name.into(), kind), answer);
    }

    fn text(&self, name: &str, texts: &[&str]) {
        let texts = texts.iter().map(|text| text.as_bytes().to_vec());
        self.say(name, RecordType::Txt, Ok(Records::Txt(texts.collect())));
    }

    fn mx(&self, name: &str, hosts: &[(u16, &str)]) {
        let hosts = hosts.iter().map(|(preference, host)| Mx {
            preference: *preference,
            exchange: (*host).into(),
        });
        self.say(name, RecordType::Mx, Ok(Records::Mx(hosts.collect())));
    }

    /// Publishes all records of a domain.
    fn publish(&self, records: &[DomainRecord]) {
        let mut texts: HashMap<&str, Vec<&str>> = HashMap::new();
        for record in records {
            match record.kind {
                RecordType::Txt => texts.entry(&record.name).or_default().push(&record.value),
                RecordType::Mx => {
                    let (preference, host) = record.value.split_once(' ').unwrap();
                    self.mx(&record.name, &[(preference.parse().unwrap(), host)]);
                }
                _ => {
                    let words: Vec<&str> = record.value.split(' ').collect();
                    let srv = Srv {
                        priority: words[0].parse().unwrap(),
                        weight: words[1].parse().unwrap(),
                        port: words[2].parse().unwrap(),
                        target: words[3].into(),
                    };
                    self.say(&record.name, record.kind, Ok(Records::Srv(vec![srv])));
                }
            }
        }
        for (name, texts) in texts {
            self.text(name, &texts);
        }
    }
}

fn world() -> (World, FakeDns, OrgId, Access) {
    let mut w = World::new();
    let dns = FakeDns::default();
    let endpoints = PublicEndpoints {
        imap_host: "mx.test".into(),
        imap_port: 993,
        smtp_host: "mx.test".into(),
        smtp_port: 465,
        ..PublicEndpoints::default()
    };
    let shared = Arc::new(Shared::new("mx.test", Limits::default(), endpoints));
    let reads = Arc::clone(&w.clock);
    let now = move || {
        let ms = reads.load(Ordering::Relaxed);
        Now {
            mono_ms: ms,
            unix_ms: START + ms as i64,
        }
    };
    let resolver = Arc::new(dns.clone());
    w.inline = Inline::with_outside(7, Arc::clone(&shared), Arc::new(now), None, resolver).unwrap();
    w.shared = shared;
    let org = w.inline.make_org("one").unwrap();
    let key = w.inline.make_key(org, Scopes::ADMIN, None).unwrap();
    let access = w.access(&key);
    (w, dns, org, access)
}

fn add(w: &mut World, access: &Access, name: &str) -> DomainView {
    let new = NewDomain {
        name: name.into(),
        trusted: false,
    };
    let call = DomainWrite::Create {
        new,
        idempotency: None,
    };
    view(w.written(Ask::of(access, call)))
}

fn view(written: Written) -> DomainView {
    match written {
        Written::Domain(view) => *view,
        other => panic!("{other:?}"),
    }
}

fn verify(access: &Access, domain: &DomainView) -> Ask {
    let call = DomainWrite::Verify {
        domain: DomainRef::Id(domain.row.id),
        seen: None,
        idempotency: None,
    };
    Ask::of(access, call)
}

fn rotate(access: &Access, domain: &DomainView) -> Ask {
    let call = DomainWrite::RotateDkim {
        domain: DomainRef::Id(domain.row.id),
        idempotency: None,
    };
    Ask::of(access, call)
}

fn verified_events(events: &[Event]) -> usize {
    let is_it = |event: &&Event| matches!(event.change, Change::DomainVerified { .. });
    events.iter().filter(is_it).count()
}

#[test]
fn a_domain_is_proven_by_its_record_and_told_of_once() {
    let (mut w, dns, _, access) = world();
    let domain = add(&mut w, &access, "agents.example");
    let kinds: Vec<&str> = domain.records.iter().map(|r| r.purpose.name()).collect();
    let expected = [
        "ownership",
        "mx",
        "spf",
        "dkim",
        "dkim",
        "dmarc",
        "autoconfig",
        "autoconfig",
        "mta_sts",
        "tls_rpt",
    ];
    assert_eq!(kinds, expected);
    assert!(
        domain
            .records
            .iter()
            .all(|r| r.fix.is_some() && r.found.is_none())
    );
    // Nothing is there.
    let (reply, events) = w.call_from(1, "192.0.2.1", verify(&access, &domain));
    let Reply::Written(written, _) = reply else {
        panic!("{reply:?}")
    };
    let checked = view(written);
    assert_eq!(
        (checked.row.verified_at, verified_events(&events)),
        (None, 0)
    );
    let all = |view: &DomainView, status| view.records.iter().all(|r| r.status == status);
    assert!(all(&checked, RecordStatus::Missing), "{checked:?}");
    // All is there.
    dns.publish(&domain.records);
    let (reply, events) = w.call_from(1, "192.0.2.1", verify(&access, &domain));
    let Reply::Written(written, _) = reply else {
        panic!("{reply:?}")
    };
    let checked = view(written);
    assert!(all(&checked, RecordStatus::Ok), "{checked:?}");
    assert!(checked.row.verified_at.is_some() && checked.checked_at.is_some());
    assert!(checked.records.iter().all(|record| record.fix.is_none()));
    assert_eq!(verified_events(&events), 1);
    let (_, events) = w.call_from(1, "192.0.2.1", verify(&access, &domain));
    assert_eq!(verified_events(&events), 0);
    // Another organization with a record of its own takes it over; the first waits again.
    let two = w.inline.make_org("two").unwrap();
    let key = w.inline.make_key(two, Scopes::ADMIN, None).unwrap();
    let two = w.access(&key);
    let theirs = add(&mut w, &two, "agents.example");
    assert_eq!(view(w.written(verify(&two, &theirs))).row.verified_at, None);
    dns.publish(&theirs.records);
    assert!(
        view(w.written(verify(&two, &theirs)))
            .row
            .verified_at
            .is_some()
    );
    let Answer::Domains(views) = w.answer(Ask::of(&access, DomainRead::List)) else {
        panic!()
    };
    assert_eq!(views[0].row.verified_at, None);
    assert_eq!(
        crate::store::verify(&w.inline.store, true),
        Vec::<String>::new()
    );
}

/// Purpose, what the DNS has, the status, and words of the advice.
#[test]
fn what_differs_is_said() {
    let (mut w, dns, _, access) = world();
    let domain = add(&mut w, &access, "agents.example");
    let find = |view: &DomainView, purpose| {
        let mut all = view.records.iter();
        all.find(|record| record.purpose == purpose)
            .unwrap()
            .clone()
    };
    use RecordPurpose::{Dkim, Dmarc, MtaSts, Ownership, Spf, TlsRpt};
    use RecordStatus::{Differs, Missing, Ok as Right};
    let dkim = find(&domain, Dkim).value;
    let key = dkim.split("p=").nth(1).unwrap();
    let spaced = format!("k=rsa ; v=DKIM1; p={} {}", &key[..20], &key[20..]);
    for (purpose, texts, status, words) in [
        (
            Ownership,
            &["postern-verify=x"][..],
            Differs,
            "another organization",
        ),
        (
            Ownership,
            &["something else"],
            Missing,
            "Publish this record",
        ),
        (Spf, &["v=spf1 MX -all"], Right, ""),
        (Spf, &["v=spf1 a:mx.test include:x.example ~all"], Right, ""),
        (Spf, &["v=spf1 -all"], Differs, "put `mx`"),
        (
            Spf,
            &["v=spf1 include:x.example -all"],
            Differs,
            "unless one of its other terms",
        ),
        (
            Spf,
            &["v=spf1 mx -all", "v=spf1 a -all"],
            Differs,
            "2 SPF records",
        ),
        (Spf, &["v=spf10 mx"], Missing, "Publish"),
        (Dkim, &[spaced.as_str()], Right, ""),
        (Dkim, &["v=DKIM1; p="], Differs, "revoked"),
        (Dkim, &["v=DKIM1; p=AAAA"], Differs, "another key"),
        (Dmarc, &["v=DMARC1; p=none"], Right, ""),
        (
            Dmarc,
            &["v=DMARC1; p=maybe"],
            Differs,
            "none, quarantine or reject",
        ),
        (
            Dmarc,
            &["v=DMARC1; p=none", "v=DMARC1; p=reject"],
            Differs,
            "keep one",
        ),
        (MtaSts, &["v=STSv1; id=1"], Right, ""),
        (MtaSts, &["v=STSv1"], Differs, "no `id`"),
        (TlsRpt, &["v=TLSRPTv1; rua=mailto:a@b.example"], Right, ""),
        (TlsRpt, &["v=TLSRPTv1"], Differs, "rua=mailto"),
    ] {
        dns.text(&find(&domain, purpose).name, texts);
        let record = find(&view(w.written(verify(&access, &domain))), purpose);
        let fix = record.fix.clone().unwrap_or_default();
        assert_eq!(record.status, status, "{texts:?} {record:?}");
        assert!(
            fix.contains(words) && fix.is_empty() == words.is_empty(),
            "{texts:?} {fix}"
        );
    }
}

#[test]
fn the_hosts_of_mail_are_compared_in_their_order() {
    let (mut w, dns, _, access) = world();
    let domain = add(&mut w, &access, "agents.example");
    use RecordStatus::{Differs, Ok as Right};
    let find = |view: &DomainView, purpose| {
        let mut all = view.records.iter();
        all.find(|record| record.purpose == purpose)
            .unwrap()
            .clone()
    };
    for (hosts, status, words) in [
        (&[(10, "mx.test")][..], Right, ""),
        (&[(20, "other.example"), (10, "mx.test")], Right, ""),
        (
            &[(5, "other.example"), (10, "mx.test")],
            Differs,
            "try other.example first",
        ),
        (&[(5, "other.example")], Differs, "goes to another server"),
        (&[(0, "")], Differs, "null MX"),
    ] {
        dns.mx("agents.example", hosts);
        let record = find(
            &view(w.written(verify(&access, &domain))),
            RecordPurpose::Mx,
        );
        let fix = record.fix.clone().unwrap_or_default();
        assert_eq!(record.status, status, "{hosts:?}");
        assert!(fix.contains(words), "{hosts:?} {fix}");
    }
    // No answer is no finding.
    let silent = Err(DnsError::Temporary("no name server answered in time"));
    dns.say("agents.example", RecordType::Mx, silent);
    let record = find(
        &view(w.written(verify(&access, &domain))),
        RecordPurpose::Mx,
    );
    assert_eq!((record.status, record.found), (RecordStatus::Unknown, None));
    assert!(
        record
            .fix
            .unwrap()
            .contains("no name server answered in time")
    );
}

#[test]
fn new_keys_sign_when_their_records_are_seen() {
    let (mut w, dns, _, access) = world();
    let domain = add(&mut w, &access, "agents.example");
    dns.publish(&domain.records);
    w.written(verify(&access, &domain));
    let signing = |w: &World| -> Vec<String> {
        let mut keys = w.inline.store.dkim_keys(domain.row.id).unwrap();
        keys.retain(|key| key.state == DkimKeyState::Active);
        keys.into_iter().map(|key| key.selector).collect()
    };
    let first = signing(&w);
    assert_eq!(first.len(), 2);
    let rotated = view(w.written(rotate(&access, &domain)));
    let count = |view: &DomainView| {
        let dkim = |r: &&DomainRecord| r.purpose == RecordPurpose::Dkim;
        view.records.iter().filter(dkim).count()
    };
    assert_eq!((count(&rotated), signing(&w)), (4, first.clone()));
    // Only one of the two is published.
    let new: Vec<DomainRecord> = (rotated.records.iter())
        .filter(|r| {
            r.purpose == RecordPurpose::Dkim && !domain.records.iter().any(|d| d.name == r.name)
        })
        .cloned()
        .collect();
    dns.publish(&new[..1]);
    w.written(verify(&access, &domain));
    assert_eq!(signing(&w), first);
    dns.publish(&new);
    w.written(verify(&access, &domain));
    let second = signing(&w);
    assert!(
        second.len() == 2 && second.iter().all(|s| !first.contains(s)),
        "{second:?}"
    );
    // The old records stay for seven days.
    let keys = w.inline.store.dkim_keys(domain.row.id).unwrap();
    let retiring = keys
        .iter()
        .filter(|key| key.state == DkimKeyState::Retiring);
    assert_eq!(retiring.count(), 2);
    w.wait(7 * 86_400_000);
    w.inline.writer.trim(&w.inline.store).unwrap();
    assert_eq!(w.inline.store.dkim_keys(domain.row.id).unwrap().len(), 2);
    // Keys that never were published give way to newer ones.
    w.written(rotate(&access, &domain));
    let again = view(w.written(rotate(&access, &domain)));
    assert_eq!((count(&again), signing(&w)), (4, second));
    w.written(Ask::of(
        &access,
        DomainWrite::Delete {
            domain: DomainRef::Id(domain.row.id),
        },
    ));
    assert!(w.inline.store.dkim_keys(domain.row.id).unwrap().is_empty());
}

#[test]
fn the_operator_sees_the_shared_domain() {
    let (mut w, dns, org, access) = world();
    let operator = crate::service::access::login::folder_access(org);
    let system = Ask {
        request_id: None,
        depth: 0,
        caller: Caller::System,
        call: DomainWrite::SharedKeys.into(),
    };
    for _ in 0..2 {
        w.written(system.clone());
    }
    let keys = w.inline.store.dkim_keys(SHARED_DOMAIN_ID).unwrap();
    assert_eq!(keys.len(), 2);
    assert!(keys.iter().all(|key| key.state == DkimKeyState::Active));
    let Answer::Domains(views) = w.answer(Ask::of(&operator, DomainRead::List)) else {
        panic!()
    };
    let shared = views[0].clone();
    assert!(shared.is_shared && shared.row.verified_at.is_some());
    assert!(
        shared
            .records
            .iter()
            .all(|r| r.purpose != RecordPurpose::Ownership)
    );
    dns.publish(&shared.records);
    let checked = view(w.written(verify(&operator, &shared)));
    assert!(
        checked.records.iter().all(|r| r.status == RecordStatus::Ok),
        "{checked:?}"
    );
    let Answer::Domains(views) = w.answer(Ask::of(&access, DomainRead::List)) else {
        panic!()
    };
    assert!(views.is_empty());
    assert_eq!(
        w.refused(verify(&access, &shared)),
        Refusal::NotFound(Noun::Domain)
    );
    let delete = DomainWrite::Delete {
        domain: DomainRef::Name("agents.test".into()),
    };
    assert_eq!(
        w.refused(Ask::of(&operator, delete)),
        Refusal::Conflict(ConflictReason::SharedDomain)
    );
    let asked = Ask::of(&access, DomainWrite::SharedKeys);
    assert_eq!(w.refused(asked), Refusal::UNKNOWN_KEY);
}
