//! Judging who sent mail from outside: what the DNS says decides between INBOX, Junk and a refusal,
//! and is told in the event, in the row and in the message.

use std::collections::VecDeque;
use std::sync::Mutex;

use super::*;
use crate::call::{AuthResult, DnsAnswer, DnsError, Question, Records, Resolve};
use crate::service::{Finding, LookupId, Lookups, SenderLookups};

type Waiting = (Question, Box<dyn FnOnce(DnsAnswer) + Send>);

/// A DNS of TXT records. It answers at once, or when it is told to.
#[derive(Default)]
struct TableDns {
    texts: Vec<(&'static str, &'static str)>,
    is_slow: bool,
    /// A name that is answered later, whatever the others are.
    slow_name: &'static str,
    waiting: Mutex<VecDeque<Waiting>>,
}

impl core::fmt::Debug for TableDns {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("TableDns")
    }
}

impl TableDns {
    fn answer(&self, question: &Question) -> DnsAnswer {
        let texts = self.texts.iter().filter(|(name, _)| *name == question.name);
        let texts: Vec<Vec<u8>> = texts.map(|(_, text)| text.as_bytes().to_vec()).collect();
        match texts.is_empty() {
            true => Err(DnsError::NoName),
            false => Ok(Records::Txt(texts)),
        }
    }

    /// Answers one question, if one waits that `pick` wants.
    fn release(&self, pick: impl Fn(&Question) -> bool) -> bool {
        let mut waiting = self.waiting.lock().unwrap();
        let at = waiting.iter().position(|(question, _)| pick(question));
        let taken = at.and_then(|at| waiting.remove(at));
        drop(waiting);
        let Some((question, answer)) = taken else {
            return false;
        };
        answer(self.answer(&question));
        true
    }
}

impl Resolve for TableDns {
    fn ask(&self, question: Question, answer: Box<dyn FnOnce(DnsAnswer) + Send>) {
        match self.is_slow || question.name == self.slow_name {
            true => self.waiting.lock().unwrap().push_back((question, answer)),
            false => answer(self.answer(&question)),
        }
    }
}

struct Judged {
    world: World,
    dns: Arc<TableDns>,
    told: Arc<Mutex<Vec<LookupId>>>,
}

fn judged(dns: TableDns, inbound: InboundPolicy) -> Judged {
    let mut world = world();
    let dns = Arc::new(dns);
    let lookups = SenderLookups::new(dns.clone());
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&told);
    lookups.tell_with(Box::new(move |id| tell.lock().unwrap().push(id)));
    let shared = Shared::new("mx.test", Limits::default(), PublicEndpoints::default());
    let shared = Arc::new(shared.with_inbound(inbound));
    let clock = Arc::clone(&world.clock);
    let now = move || Now {
        mono_ms: clock.load(Ordering::Relaxed),
        unix_ms: START,
    };
    let lookups: Arc<dyn Lookups> = Arc::new(lookups);
    world.inline = Inline::with_lookups(1, shared, Arc::new(now), Some(lookups)).unwrap();
    world.org = world.inline.make_org("a").unwrap();
    world.inline.make_inbox(world.org, "bob@a.test").unwrap();
    Judged { world, dns, told }
}

impl Judged {
    fn send(&mut self, path: &str, octets: &str) -> (Option<Reply>, Arc<[Event]>) {
        let route = Route::Inbound {
            envelope: Envelope {
                reverse_path: Some(path.into()).filter(|path: &String| !path.is_empty()),
                recipients: vec![self.world.recipient(None, "bob@a.test")],
                ..Envelope::default()
            },
            received: b"Received: from out by mx.test\r\n".to_vec(),
            helo: "mx.out.test".into(),
        };
        let intake = Intake {
            route,
            charge: None,
            octets: octets.as_bytes().to_vec(),
        };
        let ask = Ask::anonymous(Call::Accept(Box::new(intake)));
        self.world.inline.serve(request(ask))
    }

    /// Time passes. The answer to a message that has waited long enough.
    fn wait(&mut self, ms: u64) -> Option<Reply> {
        self.world.clock.fetch_add(ms, Ordering::Relaxed);
        self.world.inline.expire_outside()?.1
    }

    /// The octets of the message that an event tells of: those of its entry and of its body.
    fn octets(&mut self, arrived: &Arrived) -> String {
        let (store, org) = (&self.world.inline.store, self.world.org);
        let bob = store.inbox_at(org, "bob@a.test").unwrap().unwrap();
        let found = store.message(org, bob, arrived.state.id).unwrap().unwrap();
        let body = store
            .body_octets(found.entry.body, found.body_size)
            .unwrap();
        let octets = [found.entry.prefix, body].concat();
        String::from_utf8(octets).unwrap()
    }
}

fn arrived(events: &[Event]) -> &Arrived {
    match &events[0].change {
        Change::Arrived(arrived) => arrived,
        other => panic!("{other:?}"),
    }
}

const POLICIES: &[(&str, &str)] = &[
    ("_dmarc.strict.test", "v=DMARC1; p=reject"),
    ("strict.test", "v=spf1 ip4:127.0.0.1 -all"),
    ("_dmarc.wary.test", "v=DMARC1; p=quarantine"),
    ("_dmarc.lax.test", "v=DMARC1; p=none"),
    ("out.test", "v=spf1 -all"),
    ("mx.out.test", "v=spf1 ip4:127.0.0.1"),
];

fn from(author: &str) -> String {
    format!("From: {author}\r\nSubject: x\r\n\r\nHello.\r\n")
}

/// Envelope sender, From, folder, and the results of SPF and DMARC, alignment and spoofing.
const MAIL: &[(&str, &str, &str, &str)] = &[
    (
        "x@strict.test",
        "x@strict.test",
        "INBOX",
        "pass pass true false",
    ),
    (
        "x@out.test",
        "x@strict.test",
        "refused",
        "fail fail false false",
    ),
    (
        "x@out.test",
        "x@a.strict.test",
        "refused",
        "fail fail false false",
    ),
    ("x@out.test", "x@wary.test", "Junk", "fail fail false false"),
    ("x@out.test", "x@lax.test", "INBOX", "fail fail false false"),
    ("x@out.test", "x@out.test", "INBOX", "fail none false false"),
    ("", "x@mx.out.test", "INBOX", "pass none true false"),
    ("x@out.test", "ann@a.test", "INBOX", "fail none false true"),
    ("x@out.test", "x@mx.test", "INBOX", "fail none false true"),
    (
        "x@strict.test",
        "x@strict.test\r\nFrom: ann@a.test",
        "INBOX",
        "pass permerror false true",
    ),
];

fn shown(auth: SenderAuth) -> String {
    let SenderAuth::Checked(found) = auth else {
        panic!("{auth:?}")
    };
    assert_eq!(found.dkim, AuthResult::None);
    let (spf, dmarc) = (found.spf.name(), found.dmarc.name());
    format!("{spf} {dmarc} {} {}", found.aligned, found.spoofed_local)
}

#[test]
fn the_policy_of_the_author_decides() {
    for enforces in [true, false] {
        let inbound = InboundPolicy {
            greylist: false,
            dmarc: match enforces {
                true => DmarcMode::Enforce,
                false => DmarcMode::Report,
            },
        };
        let dns = TableDns {
            texts: POLICIES.to_vec(),
            ..TableDns::default()
        };
        let mut judged = judged(dns, inbound);
        for (path, author, folder, expected) in MAIL {
            let (reply, events) = judged.send(path, &from(author));
            if *folder == "refused" && enforces {
                let Some(Reply::Refused(Refusal::DmarcPolicy { domain })) = reply else {
                    panic!("{reply:?}");
                };
                assert!(domain.ends_with("strict.test") && events.is_empty());
                continue;
            }
            assert!(matches!(reply, Some(Reply::Written(..))), "{reply:?}");
            let arrived = arrived(&events);
            assert_eq!(shown(arrived.auth), *expected, "{path} {author}");
            let expected_folder = if enforces { *folder } else { "INBOX" };
            assert_eq!(arrived.folder, expected_folder, "{author}");
            let octets = judged.octets(arrived);
            let field = "\r\nAuthentication-Results: mx.test;\r\n\tspf=";
            assert_eq!(octets.matches(field).count(), 1, "{octets}");
            assert!(octets.find(field) < octets.find("Received:"));
        }
        let metrics = &judged.world.inline.service.shared.metrics;
        let counted = u64::from(enforces);
        assert_eq!(metrics.value(Metric::RejectedDmarc), 2 * counted);
        assert_eq!(metrics.value(Metric::QuarantinedDmarc), counted);
        assert!(judged.told.lock().unwrap().is_empty(), "nothing waited");
    }
}

#[test]
fn a_message_waits_for_its_answers_and_not_for_ever() {
    let slow = || TableDns {
        texts: POLICIES.to_vec(),
        is_slow: true,
        ..TableDns::default()
    };
    let mut judged = judged(slow(), InboundPolicy::default());
    assert_eq!(judged.send("x@strict.test", &from("x@strict.test")).0, None);
    while judged.dns.release(|_| true) {}
    let id = judged.told.lock().unwrap().pop().unwrap();
    assert!(judged.told.lock().unwrap().is_empty(), "told once");
    let (reply, events) = judged
        .world
        .inline
        .found(id, Finding::Answer(String::new()));
    assert!(matches!(reply, Some(Reply::Written(..))));
    let SenderAuth::Checked(found) = arrived(&events).auth else {
        panic!()
    };
    assert_eq!(
        (found.spf, found.dmarc),
        (AuthResult::Pass, AuthResult::Pass)
    );
    // The domain in From has answered, and that of the envelope never does: the message waits for
    // it, and is refused all the same.
    assert_eq!(judged.send("x@out.test", &from("x@strict.test")).0, None);
    while judged
        .dns
        .release(|question| question.name.starts_with("_dmarc"))
    {}
    assert_eq!(judged.wait(999), None);
    assert_eq!(judged.wait(1), None, "it waits on");
    assert_eq!(judged.wait(18_999), None);
    let reply = judged.wait(1);
    assert!(
        matches!(reply, Some(Reply::Refused(Refusal::DmarcPolicy { .. }))),
        "{reply:?}"
    );
    // The late answer is for no message.
    while judged.dns.release(|_| true) {}
    assert!(judged.told.lock().unwrap().is_empty());
    // An answer that comes while it waits on lets it go on at once.
    assert_eq!(judged.send("x@strict.test", &from("x@strict.test")).0, None);
    judged.dns.release(|_| true);
    assert_eq!(judged.wait(1_000), None);
    while judged.dns.release(|_| true) {}
    let id = judged.told.lock().unwrap().pop().unwrap();
    let (reply, events) = (judged.world.inline).found(id, Finding::Answer(String::new()));
    assert!(matches!(reply, Some(Reply::Written(..))));
    let SenderAuth::Checked(found) = arrived(&events).auth else {
        panic!()
    };
    assert!(found.aligned);
}

#[test]
fn a_silent_resolver_holds_mail_up_for_a_second() {
    let dns = TableDns {
        is_slow: true,
        ..TableDns::default()
    };
    let mut judged = judged(dns, InboundPolicy::default());
    for _ in 0..3 {
        assert_eq!(judged.send("x@strict.test", &from("x@strict.test")).0, None);
        assert_eq!(judged.wait(999), None);
        // While it waits nothing else does, and the service has one thread here.
        judged.world.recipient(None, "bob@a.test");
        judged.world.clock.fetch_add(1, Ordering::Relaxed);
        let (_, reply, events) = judged.world.inline.expire_outside().unwrap();
        assert!(matches!(reply, Some(Reply::Written(..))));
        let SenderAuth::Checked(found) = arrived(&events).auth else {
            panic!()
        };
        let late = AuthResult::TempError;
        assert_eq!((found.spf, found.dmarc, found.aligned), (late, late, false));
        assert_eq!(judged.world.inline.next_outside_ms(), None);
    }
}

#[test]
fn a_slow_domain_that_a_sender_names_gains_nothing() {
    // The policy is in the cache, and the domain of the envelope never answers: nothing is heard
    // while the message waits, and the policy holds all the same.
    let dns = TableDns {
        texts: POLICIES.to_vec(),
        slow_name: "out.test",
        ..TableDns::default()
    };
    let mut judged = judged(dns, InboundPolicy::default());
    assert_eq!(judged.send("x@out.test", &from("x@strict.test")).0, None);
    assert_eq!(judged.wait(999), None);
    let reply = judged.wait(1);
    assert!(
        matches!(reply, Some(Reply::Refused(Refusal::DmarcPolicy { .. }))),
        "{reply:?}"
    );
}

#[test]
fn results_that_claim_our_name_are_taken_out() {
    let mut judged = judged(TableDns::default(), InboundPolicy::default());
    let lies = "Authentication-Results: mx.test; dmarc=pass\r\n\
                authentication-results: (x) A.Test 1;\r\n dmarc=pass\r\n\
                Authentication-Results: agents.test;dkim=pass\r\n";
    let truth = "Authentication-Results: other.test; dmarc=pass\r\n";
    let octets = format!("{lies}{truth}{}", from("x@out.test"));
    let (reply, events) = judged.send("x@out.test", &octets);
    assert!(matches!(reply, Some(Reply::Written(..))));
    let stored = judged.octets(arrived(&events));
    assert!(
        !stored.contains("dmarc=pass\r\nauth") && !stored.contains("A.Test"),
        "{stored}"
    );
    assert!(!stored.contains("agents.test") && stored.contains(truth));
    assert_eq!(stored.matches("uthentication-").count(), 2, "{stored}");
    // The same line in the body stays.
    let octets = format!("{}{lies}", from("x@out.test"));
    let (_, events) = judged.send("x@out.test", &octets);
    assert!(judged.octets(arrived(&events)).ends_with(lies));
}
