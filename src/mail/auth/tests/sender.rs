//! DMARC, ARC, Authentication-Results, and all checks together.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;

use crate::call::{AuthResult, DnsAnswer, DnsError, Question, RecordType, Records};
use crate::crypto::{Random, SigningAlgorithm, SigningKey};
use crate::mail::Headers;
use crate::mail::auth::dkim::{BodyHash, DkimSigner, SelectorKey, record_text};
use crate::mail::auth::results::{ResultsOf, claimed, write};
use crate::mail::auth::{Judgement, SenderCheck, organizational_domain};

const NOW: i64 = 1_700_000_000;
const PEER: &str = "192.0.2.1";

/// TXT records by name; `timeout` does not answer, and `never` is not answered at all.
type Texts = HashMap<String, Vec<String>>;

fn texts(records: &[(&str, &str)]) -> Texts {
    let mut texts = Texts::new();
    for (name, text) in records {
        let list: &mut Vec<String> = texts.entry((*name).to_owned()).or_default();
        list.push((*text).to_owned());
    }
    texts
}

fn answer(texts: &Texts, question: &Question) -> Option<DnsAnswer> {
    let found = texts
        .get(&question.name)
        .filter(|_| question.kind == RecordType::Txt);
    match found.map(Vec::as_slice) {
        None => Some(Err(DnsError::NoName)),
        Some([text]) if text == "timeout" => Some(Err(DnsError::Temporary("no answer"))),
        Some([text]) if text == "never" => None,
        Some(list) => Some(Ok(Records::Txt(
            list.iter().map(|text| text.clone().into_bytes()).collect(),
        ))),
    }
}

fn judge(texts: &Texts, path: &str, message: &str) -> Judgement {
    let headers = Headers::parse(message.as_bytes());
    let path = Some(path).filter(|path| !path.is_empty());
    let (mut check, mut open) =
        SenderCheck::new(&headers, PEER.parse().unwrap(), path, "mx.out.test");
    let mut is_complete = true;
    while let Some((asker, question)) = open.pop() {
        match answer(texts, &question) {
            Some(answer) => open.extend(check.answered(asker, answer)),
            None => is_complete = false,
        }
    }
    assert_eq!(check.is_answered(), is_complete);
    let (header, body) = message.as_bytes().split_at(headers.body_start());
    check.judge(header, body, NOW)
}

fn from(author: &str) -> String {
    format!("From: {author}\r\n\r\nHello.\r\n")
}

const PASS: &str = "v=spf1 ip4:192.0.2.1 -all";

#[test]
fn organizational_domains() {
    for (domain, expected) in [
        ("example.com", "example.com"),
        ("a.b.example.com", "example.com"),
        ("a.example.co.uk", "example.co.uk"),
        ("com", "com"),
        ("co.uk", "co.uk"),
        // The default rule: the list has no such top level.
        ("a.example.test", "example.test"),
        ("test", "test"),
        // Wildcard and exception of the list.
        ("a.b.example.ck", "b.example.ck"),
        ("a.www.ck", "www.ck"),
        // A private suffix.
        ("a.b.github.io", "b.github.io"),
        // International suffixes, in their form of the DNS.
        ("a.xn--85x722f.xn--55qx5d.cn", "xn--85x722f.xn--55qx5d.cn"),
        ("a.xn--85x722f.com.cn", "xn--85x722f.com.cn"),
    ] {
        assert_eq!(organizational_domain(domain), expected);
    }
}

/// Records, each a name and its text; the envelope sender; From; result, policy, alignment.
const DMARC: &[(&str, &str, &str, &str)] = &[
    ("", "x@out.test", "x@example.com", "none none false"),
    (REJECT, "x@out.test", "x@example.com", "fail reject false"),
    (REJECT, "x@out.test", "x@EXAMPLE.com", "fail reject false"),
    (
        REJECT,
        "x@out.test",
        "x@a.b.example.com",
        "fail quarantine false",
    ),
    (SPF, "x@example.com", "x@example.com", "pass reject true"),
    (SPF, "x@a.example.com", "x@example.com", "pass reject true"),
    (
        SPF,
        "x@example.com",
        "x@a.example.com",
        "pass quarantine true",
    ),
    (
        "example.com v=spf1 +all",
        "x@example.com",
        "x@a.example.com",
        "none none true",
    ),
    (
        "_dmarc.example.com v=DMARC1; p=reject; aspf=s\na.example.com v=spf1 +all",
        "x@a.example.com",
        "x@example.com",
        "fail reject false",
    ),
    // The record of the domain itself comes first, and several there are none at all.
    (
        "_dmarc.example.com v=DMARC1;p=reject\n_dmarc.a.example.com v=DMARC1;p=none",
        "x@out.test",
        "x@a.example.com",
        "fail none false",
    ),
    (
        "_dmarc.example.com v=DMARC1;p=reject\n_dmarc.a.example.com v=DMARC1;p=none\n\
         _dmarc.a.example.com v=DMARC1;p=reject",
        "x@out.test",
        "x@a.example.com",
        "none none false",
    ),
    (
        "_dmarc.example.com v=DMARC1;p=reject\n_dmarc.a.example.com other",
        "",
        "x@a.example.com",
        "fail reject false",
    ),
    // Other syntax.
    (
        "_dmarc.example.com v=DMARC1 ; P = Reject ;x;",
        "",
        "x@example.com",
        "fail reject false",
    ),
    (
        "_dmarc.example.com v=dmarc1; p=reject",
        "",
        "x@example.com",
        "none none false",
    ),
    (
        "_dmarc.example.com p=reject; v=DMARC1",
        "",
        "x@example.com",
        "none none false",
    ),
    (
        "_dmarc.example.com v=DMARC1; p=x; rua=mailto:a@b.test",
        "",
        "x@example.com",
        "fail none false",
    ),
    (
        "_dmarc.example.com v=DMARC1; p=x",
        "",
        "x@example.com",
        "permerror none false",
    ),
    (
        "_dmarc.example.com v=DMARC1; p=reject; sp=x",
        "",
        "x@example.com",
        "permerror none false",
    ),
    (
        "_dmarc.example.com timeout",
        "",
        "x@example.com",
        "temperror none false",
    ),
    // A check of the domain that may pass later leaves it open; one of another does not.
    (
        "_dmarc.example.com v=DMARC1; p=reject\nexample.com timeout",
        "x@example.com",
        "x@example.com",
        "temperror reject false",
    ),
    (
        "_dmarc.example.com v=DMARC1; p=reject\nout.test timeout",
        "x@out.test",
        "x@example.com",
        "fail reject false",
    ),
    (
        "_dmarc.example.com v=DMARC1; p=reject\nout.test never",
        "x@out.test",
        "x@example.com",
        "fail reject false",
    ),
    (REJECT, "", "x@[192.0.2.1]", "none none false"),
];
const REJECT: &str = "_dmarc.example.com v=DMARC1; p=reject; sp=quarantine; pct=0";
const SPF: &str = "_dmarc.example.com v=DMARC1; p=reject; sp=quarantine\n\
    example.com v=spf1 ip4:192.0.2.1 -all\na.example.com v=spf1 ip4:192.0.2.1 -all";

#[test]
fn dmarc_by_record() {
    for (records, path, author, expected) in DMARC {
        let records: Vec<_> = records.lines().filter_map(|l| l.split_once(' ')).collect();
        let found = judge(&texts(&records), path, &from(author)).dmarc;
        let shown = format!(
            "{} {} {}",
            found.result.name(),
            found.policy.name(),
            found.is_aligned
        );
        assert_eq!(shown, *expected, "{records:?} {path} {author}");
    }
}

#[test]
fn authors() {
    let records = texts(&[
        ("_dmarc.example.com", "v=DMARC1; p=none"),
        ("example.com", PASS),
    ]);
    let of = |header: &str| {
        let found = judge(&records, "x@example.com", &format!("{header}\r\n\r\nx"));
        (
            found.dmarc.result,
            found.dmarc.is_aligned,
            found.authors.domains,
        )
    };
    let one = vec!["example.com".to_owned()];
    let two = vec!["example.com".to_owned(), "b.test".to_owned()];
    let pass = (AuthResult::Pass, true, one.clone());
    assert_eq!(of("From: a@example.com, b@Example.com"), pass);
    assert_eq!(of("From: \"b@b.test\" <a@example.com>"), pass);
    let wrong = |domains: &Vec<String>| (AuthResult::PermError, false, domains.clone());
    assert_eq!(of("From: a@example.com, b@b.test"), wrong(&two));
    assert_eq!(
        of("From: a@example.com\r\nFrom: a@example.com"),
        wrong(&one)
    );
    assert_eq!(of("From: a@example.com\r\nfrom : b@b.test"), wrong(&two));
    assert_eq!(of("From: nobody:;"), wrong(&Vec::new()));
    assert_eq!(of("Subject: x"), wrong(&Vec::new()));
}

fn signer(domain: &str, selector: &str, seed: u64) -> (DkimSigner, (String, String)) {
    let algorithm = SigningAlgorithm::Ed25519;
    let key = SigningKey::generate(algorithm, &mut Random::seeded(seed)).unwrap();
    let record = (format!("{selector}._domainkey.{domain}"), record_text(&key));
    let keys = vec![SelectorKey {
        selector: selector.to_owned(),
        key,
    }];
    let domain = domain.to_owned();
    (DkimSigner { domain, keys }, record)
}

fn signed(signer: &DkimSigner, message: &str) -> String {
    let start = Headers::parse(message.as_bytes()).body_start();
    let mut hash = BodyHash::new(DkimSigner::BODY_FORM);
    hash.push(&message.as_bytes()[start..]);
    let fields = signer.sign(&message.as_bytes()[..start], &hash.finish().0, NOW);
    String::from_utf8(fields).unwrap() + message
}

#[test]
fn a_message_that_is_too_much_work_fails() {
    let (own, record) = signer("example.com", "a", 1);
    let policy = ("_dmarc.example.com", "v=DMARC1; p=reject");
    let records = texts(&[policy, (&record.0, &record.1)]);
    let message = signed(&own, &from("x@example.com"));
    // The signature stays, and covers a field that is longer than what is read.
    let long = format!("Subject: {}\r\n", "y".repeat(600_000));
    let found = judge(
        &records,
        "",
        &message.replacen("From:", &format!("{long}From:"), 1),
    );
    let reason = "signed header too long";
    assert_eq!(
        (found.best_dkim, found.dkim[0].reason),
        (AuthResult::TempError, reason)
    );
    assert_eq!(found.dmarc.result, AuthResult::Fail);
    // The same without an answer for the key may pass later.
    let records = texts(&[policy, (&record.0, "timeout")]);
    assert_eq!(
        judge(&records, "", &message).dmarc.result,
        AuthResult::TempError
    );
}

#[test]
fn a_signature_of_the_author_counts_before_another() {
    let (own, record) = signer("mail.example.com", "a", 1);
    let (other, other_record) = signer("list.test", "b", 2);
    let mut records = texts(&[
        ("_dmarc.example.com", "v=DMARC1; p=reject"),
        (&record.0, &record.1),
        (&other_record.0, &other_record.1),
    ]);
    let message = from("x@example.com");
    let both = signed(&other, &signed(&own, &message));
    let found = judge(&records, "x@out.test", &both);
    assert_eq!(found.dmarc.result, AuthResult::Pass);
    assert_eq!((found.best_dkim, found.dkim.len()), (AuthResult::Pass, 2));
    let found = judge(&records, "x@out.test", &signed(&other, &message));
    assert_eq!(
        (found.best_dkim, found.dmarc.result),
        (AuthResult::Pass, AuthResult::Fail)
    );
    let found = judge(&records, "x@out.test", &both.replace("Hello", "Hallo"));
    assert_eq!(
        (found.best_dkim, found.dmarc.result),
        (AuthResult::Fail, AuthResult::Fail)
    );
    records.insert(
        "_dmarc.example.com".into(),
        vec!["v=DMARC1; p=reject; adkim=s".into()],
    );
    let found = judge(&records, "x@out.test", &both);
    assert_eq!(
        (found.dmarc.result, found.dmarc.is_aligned),
        (AuthResult::Fail, false)
    );
    // A sender that names a slow domain beside the others gains nothing.
    records.insert(other_record.0.clone(), vec!["never".into()]);
    let found = judge(&records, "x@out.test", &signed(&other, &message));
    assert_eq!(
        (found.best_dkim, found.dmarc.result),
        (AuthResult::TempError, AuthResult::Fail)
    );
}

/// Puts one more set of ARC on a message.
fn sealed(signer: &DkimSigner, number: usize, state: &str, message: &str) -> String {
    let SelectorKey { selector, key } = &signer.keys[0];
    let domain = &signer.domain;
    let headers = Headers::parse(message.as_bytes());
    let (header, body) = message.split_at(headers.body_start());
    let results = format!("ARC-Authentication-Results: i={number}; {domain}; spf=none");
    let mut hash = BodyHash::new(DkimSigner::BODY_FORM);
    hash.push(body.as_bytes());
    let hash = data_encoding::BASE64.encode(&hash.finish().0);
    let base64 = |text: &str| data_encoding::BASE64.encode(&key.sign(text.as_bytes()).unwrap());
    let from = headers.first("From").unwrap();
    let author = String::from_utf8_lossy(from.value).trim().to_owned();
    let start = format!(
        "i={number}; a=ed25519-sha256; c=relaxed/relaxed; d={domain}; s={selector}; h=from; bh={hash}; b="
    );
    let signature = base64(&format!("from:{author}\r\narc-message-signature:{start}"));
    let signature = format!("ARC-Message-Signature: {start}{signature}");
    let mut text = String::new();
    let old: Vec<String> = (headers.fields().filter(|f| f.name.starts_with(b"ARC-")))
        .map(|f| String::from_utf8_lossy(&header.as_bytes()[f.start..f.end]).into_owned())
        .collect();
    // The newest set stands on top, its seal first; the text goes from the oldest to the newest.
    for set in old.chunks(3).rev() {
        for field in [&set[2], &set[1], &set[0]] {
            let (name, value) = field.trim_end().split_once(": ").unwrap();
            text += &format!("{}:{value}\r\n", name.to_lowercase());
        }
    }
    for field in [&results, &signature] {
        let (name, value) = field.split_once(": ").unwrap();
        text += &format!("{}:{value}\r\n", name.to_lowercase());
    }
    let start = format!("i={number}; a=ed25519-sha256; cv={state}; d={domain}; s={selector}; b=");
    let seal = base64(&format!("{text}arc-seal:{start}"));
    format!("ARC-Seal: {start}{seal}\r\n{signature}\r\n{results}\r\n{message}")
}

#[test]
fn chains_of_arc() {
    let (a, a_record) = signer("a.test", "k", 3);
    let (b, b_record) = signer("b.test", "k", 4);
    let mut records = texts(&[(&a_record.0, &a_record.1), (&b_record.0, &b_record.1)]);
    let of = |records: &Texts, message: &str| {
        let found = judge(records, "x@out.test", message).arc;
        (found.result, found.sets)
    };
    let message = from("x@example.com");
    assert_eq!(of(&records, &message), (AuthResult::None, 0));
    let once = sealed(&a, 1, "none", &message);
    assert_eq!(of(&records, &once), (AuthResult::Pass, 1), "{once}");
    let twice = sealed(&b, 2, "pass", &once);
    assert_eq!(of(&records, &twice), (AuthResult::Pass, 2));
    for broken in [
        twice.replace("Hello", "Hallo"),
        twice.replacen("spf=none", "spf=pass", 1),
        twice.replace("a.test; spf=none", "a.test; spf=pass"),
        twice.replacen("cv=pass", "cv=fail", 1),
        twice.replacen("cv=pass", "cv=none", 1),
        twice.replacen("i=2", "i=3", 3),
        twice.replacen("i=2", "i=51", 3),
        twice.replacen("i=2", "i=1", 3),
        twice.replacen("ARC-Seal: i=2", "X-Seal: i=2", 1),
        sealed(&b, 2, "pass", &message),
        sealed(&b, 1, "pass", &message),
    ] {
        assert_ne!(broken, twice);
        assert_eq!(of(&records, &broken).0, AuthResult::Fail, "{broken}");
    }
    records.insert(a_record.0.clone(), vec!["timeout".into()]);
    assert_eq!(of(&records, &twice), (AuthResult::TempError, 2));
    records.remove(&a_record.0);
    assert_eq!(of(&records, &twice), (AuthResult::Fail, 2));
}

#[test]
fn the_field_of_ours() {
    let (own, record) = signer("example.com", "a", 1);
    let records = texts(&[
        ("_dmarc.example.com", "v=DMARC1; p=reject"),
        ("example.com", PASS),
        (&record.0, &record.1),
    ]);
    let message = signed(&own, &from("x@example.com"));
    let field = |path: Option<&str>, found: &Judgement| {
        let of = ResultsOf {
            host: "mx.here.test",
            address: "::ffff:192.0.2.1".parse().unwrap(),
            reverse_path: path,
            helo: "mx.out.test",
        };
        String::from_utf8(write(of, found)).unwrap()
    };
    let found = judge(&records, "x@example.com", &message);
    assert_eq!(
        field(Some("x@example.com"), &found),
        "Authentication-Results: mx.here.test;\r\n\tspf=pass smtp.mailfrom=x@example.com \
         smtp.remote-ip=192.0.2.1;\r\n\tdkim=pass header.d=example.com header.s=a;\r\n\t\
         dmarc=pass policy.dmarc=reject header.from=example.com\r\n"
    );
    let found = judge(&texts(&[]), "", &from("x@example.com"));
    assert_eq!(
        field(None, &found),
        "Authentication-Results: mx.here.test;\r\n\tspf=none smtp.helo=mx.out.test \
         smtp.remote-ip=192.0.2.1;\r\n\tdkim=none;\r\n\tdmarc=none header.from=example.com\r\n"
    );
    let hostile = "a;b\"\\ \u{1}x@\u{e4}\r\nX: y";
    let written = field(Some(hostile), &found);
    assert!(
        written.contains("smtp.mailfrom=\"a;b\\\"\\\\ x@\u{e4}X: y\""),
        "{written}"
    );
    assert_eq!(Headers::parse(written.as_bytes()).fields().count(), 1);
}

#[test]
fn fields_of_others_that_claim_our_name() {
    for (value, expected) in [
        ("mx.here.test; spf=pass", true),
        (" MX.Here.TEST 1; none", true),
        ("mx.here.test/1; none", true),
        ("mx.here.test", true),
        ("mx.here.test.;x", true),
        ("(a (nested\\) ) comment)\r\n mx.here.test(b) 1; none", true),
        ("\"mx.here.test\"; none", true),
        ("\"mx.here\\.test\"; none", true),
        ("m\u{fc}nchen.test; none", true),
        ("xn--mnchen-3ya.test; none", true),
        ("other.test; mx.here.test", false),
        ("mx.here.test.other.test; none", false),
        ("(mx.here.test) other.test; none", false),
        ("; mx.here.test", false),
        ("(mx.here.test", false),
    ] {
        let header = format!(
            "A: b\r\nauthentication-results :{value}\r\nArc-Authentication-Results: {value}\r\n\r\n"
        );
        let headers = Headers::parse(header.as_bytes());
        let names = ["mx.here.test", "xn--mnchen-3ya.test"];
        let is_ours = |name: &str| Ok::<_, ()>(names.contains(&name));
        let found = claimed(&headers, is_ours).unwrap();
        assert_eq!(found.len(), usize::from(expected), "{value}");
        assert!(found.iter().all(|field| field.start == 6));
    }
}
