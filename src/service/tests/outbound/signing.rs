//! DKIM on mail that leaves: which keys sign it, and that the octets are the same whenever and in
//! whatever pieces they are read. They are checked with the verifier that judges mail of others.

use super::*;
use crate::mail::Headers;
use crate::mail::auth::dkim::{Verifier, signatures};
use crate::service::outbound::signing::domain_named;
use crate::store::{DkimKeyState, SHARED_DOMAIN_ID};

const SEVEN_BIT: Conversion = Conversion {
    seven_bit: true,
    encoded_header: true,
};

impl Sender {
    fn reading(conversion: Conversion) -> Sender {
        let mut s = Sender::open();
        s.reads = Some(conversion);
        s.domain("y.test", "192.0.2.1", serve(|_| OK));
        s
    }

    /// The results of all signatures of a message, with their domains and selectors.
    fn verified(&self, message: &[u8], domain: DomainId) -> Vec<(String, AuthResult)> {
        let keys = self.world.inline.store.dkim_keys(domain).unwrap();
        let headers = Headers::parse(message);
        let (block, body) = message.split_at(headers.body_start());
        let mut verifier = Verifier::new(block, body);
        let mut found = Vec::new();
        for signature in signatures(&headers) {
            let signature = signature.unwrap();
            let name = signature.question.name.clone();
            let (selector, _) = name.split_once("._domainkey.").unwrap();
            let key = keys.iter().find(|key| key.selector == selector);
            let answer = match key {
                Some(key) => Ok(Records::Txt(vec![key.record.clone().into_bytes()])),
                None => Err(DnsError::NoName),
            };
            let now_s = (START + self.now() as i64) / 1000;
            found.push((name, verifier.check(&signature, &answer, now_s).result));
        }
        found
    }

    /// Checks that a message has an RSA and an Ed25519 signature of a domain, and that both pass.
    /// Gives the common end of their selectors.
    fn check_signed(&self, message: &[u8], domain: (DomainId, &str)) -> String {
        let found = self.verified(message, domain.0);
        assert_eq!(found.len(), 2, "{}", String::from_utf8_lossy(message));
        let mut tails = Vec::new();
        for ((name, result), prefix) in found.iter().zip(["rsa-", "ed-"]) {
            assert_eq!(*result, AuthResult::Pass, "{name}");
            let (selector, of) = name.split_once("._domainkey.").unwrap();
            assert_eq!(of, domain.1);
            tails.push(selector.strip_prefix(prefix).unwrap().to_owned());
        }
        assert_eq!(tails[0], tails[1]);
        tails.remove(0)
    }
}

const SHARED: (DomainId, &str) = (SHARED_DOMAIN_ID, "agents.test");

#[test]
fn a_message_leaves_signed_once_for_all_recipients() {
    let mut s = Sender::reading(Conversion::default());
    let octets = b"From: Ann <ann@agents.test>\r\nTo: bob@y.test\r\nBcc: eve@y.test\r\n\
        Subject:  two  spaces\r\n\r\ntext \r\n.\r\n\r\n\r\n";
    s.submit_octets("ann@agents.test", &["bob@y.test", "eve@y.test"], octets);
    s.settle();
    assert_eq!(s.wire.len(), 2);
    let (bob, eve) = (s.wire[0].1.clone(), s.wire[1].1.clone());
    assert_eq!(bob, eve);
    s.check_signed(&bob, SHARED);
    assert!(bob.starts_with(b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;"));
    let text = String::from_utf8(bob).unwrap();
    assert!(!text.to_ascii_lowercase().contains("bcc"), "{text}");
    assert!(text.ends_with("\r\n\r\ntext \r\n.\r\n\r\n\r\n"), "{text}");
    // One that was changed on the way does not pass.
    let changed = text.replace("two  spaces", "three spaces");
    for (_, result) in s.verified(changed.as_bytes(), SHARED_DOMAIN_ID) {
        assert_eq!(result, AuthResult::Fail);
    }
    s.check();
}

#[test]
fn every_attempt_and_every_cut_has_the_same_octets() {
    let mut s = Sender::reading(Conversion::default());
    let seen = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&seen);
    s.domain(
        "y.test",
        "192.0.2.1",
        serve(move |_| match count.fetch_add(1, Ordering::Relaxed) {
            0 => Said::Reply(451, Some((4, 2, 0)), "Not now"),
            1 => Said::Drop(OutboundStage::End),
            _ => OK,
        }),
    );
    let line = format!("{}  \r\n", "x y ".repeat(18));
    let body = line.repeat(3 * PIECE_MAX / line.len());
    let octets = format!("From: ann@agents.test\r\nTo: bob@y.test\r\n\r\n{body}");
    s.submit_octets("ann@agents.test", &["bob@y.test"], octets.as_bytes());
    s.settle();
    while s.wire.len() < 3 {
        // What is in memory is lost between two attempts.
        s = s.restarted();
        s.reads = Some(Conversion::default());
        s.pass(10 * 60_000);
    }
    assert_eq!(s.row("bob@y.test").status, OutboundStatus::Delivered);
    let first = s.wire[0].1.clone();
    assert!(first.len() > octets.len());
    s.check_signed(&first, SHARED);
    assert!(s.wire.iter().all(|(_, octets)| *octets == first));
    s.check();
}

#[test]
fn a_piece_may_begin_anywhere() {
    let mut s = Sender::reading(Conversion::default());
    let body = "0123456789\r\n".repeat(50_000);
    let octets = format!("From: ann@agents.test\r\n\r\n{body}");
    let orders = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&orders);
    let keep = move |order: &OutboundTransaction| {
        kept.lock().unwrap().push(order.clone());
        Said::Nothing
    };
    s.domain("y.test", "192.0.2.1", serve(keep));
    s.submit_octets("ann@agents.test", &["bob@y.test"], octets.as_bytes());
    s.settle();
    let order = orders.lock().unwrap()[0].clone();
    let whole = s.wire[0].1.clone();
    for is_cold in [false, true] {
        for offset in [
            0,
            1,
            500,
            1300,
            2000,
            PIECE_MAX - 1,
            2 * PIECE_MAX,
            whole.len(),
            1 << 30,
        ] {
            if is_cold {
                s.world.inline.service.outbound.signatures.forget();
            }
            let piece = s.piece(&order, Conversion::default(), offset);
            let rest = whole.get(offset..).unwrap_or_default();
            let wanted = &rest[..rest.len().min(PIECE_MAX)];
            assert!(piece == wanted, "{offset} {is_cold}");
        }
    }
}

#[test]
fn signatures_are_made_of_the_converted_message() {
    let mut s = Sender::reading(SEVEN_BIT);
    let body = "h\u{f6}llo  und  gr\u{fc}\u{df}e\r\n".repeat(30_000);
    let octets = format!(
        "From: =?utf-8?q?J=C3=B6?= <ann@agents.test>\r\nSubject: h\u{e4}\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\n{body}"
    );
    let outgoing = s.world.shared.outgoing.clone();
    s.submit_octets(
        "ann@agents.test",
        &["bob@y.test", "eve@y.test"],
        octets.as_bytes(),
    );
    s.settle();
    assert_eq!(s.wire.len(), 2);
    let sent = s.wire[0].1.clone();
    assert!(sent.is_ascii() && sent.len() > 3 * PIECE_MAX);
    assert_eq!(s.wire[1].1, sent);
    s.check_signed(&sent, SHARED);
    // Nothing of it stays in memory.
    assert_eq!(outgoing.used(), 0);
    // Without memory to keep it, the octets are the same.
    let mut taken = Vec::new();
    loop {
        let mut charge = outgoing.charge(Holders::NONE);
        if charge.hold(64 << 10, 0).is_err() {
            break;
        }
        taken.push(charge);
    }
    s.submit_octets("ann@agents.test", &["mia@y.test"], octets.as_bytes());
    s.settle();
    s.check_signed(&s.wire[2].1, SHARED);
}

#[test]
fn a_converted_message_is_kept_until_its_last_piece() {
    let mut s = Sender::reading(SEVEN_BIT);
    s.reads = None;
    let orders = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&orders);
    let keep = move |order: &OutboundTransaction| {
        kept.lock().unwrap().push(order.clone());
        Said::Nothing
    };
    s.domain("y.test", "192.0.2.1", serve(keep));
    let octets = format!(
        "From: ann@agents.test\r\n\r\n{}",
        "\u{fc}\r\n".repeat(100_000)
    );
    s.submit_octets("ann@agents.test", &["bob@y.test"], octets.as_bytes());
    s.settle();
    let order = orders.lock().unwrap()[0].clone();
    let held = |s: &Sender| {
        let all = &s.world.inline.service.outbound.converted;
        all.find(order.lease, SEVEN_BIT)
            .map(|one| Arc::as_ptr(&one))
    };
    assert_eq!(held(&s), None);
    s.piece(&order, SEVEN_BIT, 0);
    let first = held(&s);
    assert!(first.is_some() && s.world.shared.outgoing.used() > 2 * PIECE_MAX);
    s.piece(&order, SEVEN_BIT, PIECE_MAX);
    assert_eq!(held(&s), first);
    // The connection is lost in the middle.
    let loss = OutboundLoss {
        stage: OutboundStage::Envelope,
        why: LostWhy::TimedOut,
        tls: OutboundTls::None,
        lease: Some(order.lease),
    };
    let route = s.last_route.unwrap();
    s.lose(ConnId(1001), route, loss);
    s.settle();
    assert_eq!((held(&s), s.world.shared.outgoing.used()), (None, 0));
}

#[test]
fn keys_that_were_turned_sign_what_was_accepted_before() {
    let mut s = Sender::reading(Conversion::default());
    let fails = Arc::new(AtomicU64::new(1));
    let left = Arc::clone(&fails);
    s.domain(
        "y.test",
        "192.0.2.1",
        serve(move |_| match left.load(Ordering::Relaxed) {
            0 => OK,
            _ => Said::Reply(451, None, "Not now"),
        }),
    );
    s.send(&["bob@y.test"]);
    let old = s.check_signed(&s.wire[0].1, SHARED);
    s.pass(60_000);
    s.world.inline.make_keys(1);
    let operator = crate::service::access::login::folder_access(s.org);
    let domain = DomainRef::Id(SHARED_DOMAIN_ID);
    let rotate = DomainWrite::RotateDkim {
        domain,
        idempotency: None,
    };
    s.world.written(Ask::of(&operator, rotate));
    // The new ones wait for their records.
    s.send(&["eve@y.test"]);
    assert_eq!(s.check_signed(&s.wire.last().unwrap().1, SHARED), old);
    let ends_at = START + s.now() as i64 + 7 * 86_400_000;
    let store = &s.world.inline.store;
    store.begin().unwrap();
    store.turn_dkim_keys(SHARED_DOMAIN_ID, ends_at).unwrap();
    store.commit().unwrap();
    s.world.wait(1);
    fails.store(0, Ordering::Relaxed);
    s.pass(3_600_000);
    s.send(&["mia@y.test"]);
    let of = |name: &str| {
        let mut all = s.wire.iter().filter(|(recipient, _)| recipient == name);
        let first = all.next().unwrap().1.clone();
        assert!(all.all(|(_, octets)| *octets == first), "{name}");
        s.check_signed(&first, SHARED)
    };
    assert_eq!(
        (of("bob@y.test"), of("eve@y.test")),
        (old.clone(), old.clone())
    );
    assert_ne!(of("mia@y.test"), old);
    assert_eq!(s.row("bob@y.test").status, OutboundStatus::Delivered);
    s.check();
}

#[test]
fn only_the_domain_of_the_author_signs() {
    let mut s = Sender::reading(Conversion::default());
    s.world.inline.make_inbox(s.org, "ann@own.test").unwrap();
    let store = &s.world.inline.store;
    let (_, own) = store.proven_domain("own.test").unwrap().unwrap();
    // It is from before there were keys, and gets some with its first message.
    assert_eq!(store.dkim_keys(own).unwrap(), []);
    let octets = b"From: ann@OWN.test\r\n\r\nx\r\n";
    s.submit_octets("ann@own.test", &["bob@y.test"], octets);
    s.settle();
    let tail = s.check_signed(&s.wire[0].1, (own, "own.test"));
    // The envelope is of another domain than the author.
    s.submit_octets("ann@agents.test", &["eve@y.test"], octets);
    s.settle();
    assert_eq!(s.check_signed(&s.wire[1].1, (own, "own.test")), tail);
    s.send(&["mia@y.test"]);
    assert_ne!(s.check_signed(&s.wire[2].1, SHARED), tail);
    // No organization signs for the domain of another, or for one without a proof.
    let other = s.world.inline.make_org("two").unwrap();
    let (service, store) = (&s.world.inline.service, &s.world.inline.store);
    for (org, name, domain) in [
        (s.org, "own.test", Some(own)),
        (other, "own.test", None),
        (other, "agents.test", Some(SHARED_DOMAIN_ID)),
        (s.org, "sub.own.test", None),
        (s.org, "foreign.test", None),
    ] {
        let found = domain_named(service, store, org, name).unwrap();
        assert_eq!(found, domain, "{name}");
    }
    s.check();
}

#[test]
fn mail_waits_a_moment_while_its_keys_are_made() {
    let mut s = Sender::reading(Conversion::default());
    let now = s.world.inline.service.now();
    // No pair is left, and one was made just now.
    while !s.world.inline.service.keys.is_empty() {
        s.world.inline.service.keys.take(now).unwrap();
    }
    s.world.inline.service.keys.take(now).unwrap();
    s.submit(&["bob@y.test"]);
    s.world.inline.has_keys = false;
    s.settle();
    assert_eq!(s.row("bob@y.test").status, OutboundStatus::Queued);
    assert!(s.wire.is_empty() && s.next_ms.is_some_and(|ms| (1..=1000).contains(&ms)));
    s.world.inline.has_keys = true;
    s.pass(1000);
    s.check_signed(&s.wire[0].1, SHARED);
    assert_eq!(s.row("bob@y.test").attempts, 1);
    let keys = s.world.inline.store.dkim_keys(SHARED_DOMAIN_ID).unwrap();
    assert!(keys.iter().all(|key| key.state == DkimKeyState::Active));
}
