//! DKIM: the published examples, our own signatures, and everything that must not pass.

#![allow(clippy::unwrap_used)]

use crate::call::{AuthResult, DnsAnswer, DnsError, Records};
use crate::crypto::{Random, SigningAlgorithm, SigningKey};
use crate::mail::Headers;
use crate::mail::auth::dkim::{
    BodyHash, Canonicalization, DkimOutcome, DkimSigner, SelectorKey, Verifier, record_text,
    signatures, signatures_len,
};

const NOW: i64 = 1_700_000_000;

/// The keys that a test publishes: name and record.
type Published = Vec<(String, String)>;

fn answer(published: &Published, name: &str) -> DnsAnswer {
    let of = |(known, text): &(String, String)| (known == name).then(|| text.as_bytes().to_vec());
    let texts: Vec<_> = published.iter().filter_map(of).collect();
    match texts.is_empty() {
        true => Err(DnsError::NoName),
        false => Ok(Records::Txt(texts)),
    }
}

fn outcomes(message: &[u8], published: &Published, now: i64) -> Vec<DkimOutcome> {
    let (block, body) = message.split_at(Headers::parse(message).body_start());
    let mut verifier = Verifier::new(block, body);
    signatures(&Headers::parse(message))
        .into_iter()
        .map(|signature| match signature {
            Ok(signature) => {
                let answer = answer(published, &signature.question.name);
                verifier.check(&signature, &answer, now)
            }
            Err(fault) => fault.into(),
        })
        .collect()
}

fn results(message: &[u8], published: &Published) -> Vec<(AuthResult, &'static str)> {
    let outcomes = outcomes(message, published, NOW);
    outcomes.iter().map(|o| (o.result, o.reason)).collect()
}

/// RFC 8463 appendix A: one message with a signature of each kind.
#[test]
fn the_example_of_rfc_8463() {
    let message = "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n \
        d=football.example.com; i=@football.example.com;\r\n \
        q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n \
        subject : date : message-id : from : subject : date;\r\n \
        bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n \
        b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n \
        Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r\n\
        DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n \
        d=football.example.com; i=@football.example.com;\r\n \
        q=dns/txt; s=test; t=1528637909; h=from : to : subject :\r\n \
        date : message-id : from : subject : date;\r\n \
        bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n \
        b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3\r\n \
        DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz\r\n \
        dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=\r\n\
        From: Joe SixPack <joe@football.example.com>\r\n\
        To: Suzie Q <suzie@shopping.example.net>\r\n\
        Subject: Is dinner ready?\r\n\
        Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n\
        Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n\r\n\
        Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n";
    let published = vec![
        (
            "brisbane._domainkey.football.example.com".to_owned(),
            "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=".to_owned(),
        ),
        (
            "test._domainkey.football.example.com".to_owned(),
            "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWR\
             iGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutAC\
             DfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3\
             Ip3G+2kryOTIKT+l/K4w3QIDAQAB"
                .to_owned(),
        ),
    ];
    let pass = (AuthResult::Pass, "");
    assert_eq!(results(message.as_bytes(), &published), [pass, pass]);
    for (from, to) in [
        ("Is dinner ready?", "Is dinner done?"),
        (
            "joe@football.example.com>\r\nTo",
            "eve@football.example.com>\r\nTo",
        ),
        ("(PDT)\r\n", "(PDT)\r\nSubject: another\r\n"),
        ("(PDT)\r\n", "(PDT)\r\nFrom: eve@football.example.com\r\n"),
    ] {
        let changed = message.replace(from, to);
        assert_ne!(changed, message);
        let differs = (AuthResult::Fail, "signature differs");
        assert_eq!(results(changed.as_bytes(), &published), [differs, differs]);
    }
    let changed = message.replace("hungry", "thirsty");
    let differs = (AuthResult::Fail, "body hash differs");
    assert_eq!(results(changed.as_bytes(), &published), [differs, differs]);
    // The relaxed form takes these.
    let changed = message
        .replace("hungry yet?", "hungry   yet? \t")
        .replace("Subject: Is", "SUBJECT:   Is\r\n ")
        + "\r\n\r\n";
    assert_eq!(results(changed.as_bytes(), &published), [pass, pass]);
}

fn signer(seed: u64) -> (DkimSigner, Published) {
    let mut random = Random::seeded(seed);
    let mut keys = Vec::new();
    let mut published = Vec::new();
    for (selector, algorithm) in [
        ("ed", SigningAlgorithm::Ed25519),
        ("rsa", SigningAlgorithm::Rsa),
    ] {
        let key = SigningKey::generate(algorithm, &mut random).unwrap();
        published.push((
            format!("{selector}._domainkey.example.com"),
            record_text(&key),
        ));
        keys.push(SelectorKey {
            selector: selector.to_owned(),
            key,
        });
    }
    let domain = "example.com".to_owned();
    (DkimSigner { domain, keys }, published)
}

fn signed(signer: &DkimSigner, message: &str) -> String {
    let headers = Headers::parse(message.as_bytes());
    let (header, body) = message.split_at(headers.body_start());
    let mut hash = BodyHash::new(DkimSigner::BODY_FORM);
    body.as_bytes().chunks(7).for_each(|piece| hash.push(piece));
    let fields = signer.sign(header.as_bytes(), &hash.finish().0, NOW);
    let keys = signer.keys.iter();
    let names = keys.map(|key| (key.selector.as_str(), key.key.algorithm()));
    let len = signatures_len(&signer.domain, names, header.as_bytes(), NOW);
    assert_eq!(len, fields.len(), "the length is known before");
    String::from_utf8(fields).unwrap() + message
}

const MAIL: &str = "From: Ann <ann@example.com>\r\nTo: bob@y.test\r\nSubject:  a \r\n  subject\r\n\
    X-Other: 1\r\nMessage-ID: <1@example.com>\r\n\r\nHello  there.\r\n\r\nBye \r\n\r\n";

#[test]
fn both_signatures_of_ours_pass_and_cover_what_a_reader_sees() {
    let (signer, published) = signer(1);
    let pass = (AuthResult::Pass, "");
    for message in [
        MAIL.to_owned(),
        "From: a@example.com\r\n\r\n".to_owned(),
        "From: a@example.com\r\n".to_owned(),
        format!(
            "From: a@example.com\r\nTo: {}\r\n\r\nx",
            "b@y.test,\r\n ".repeat(900)
        ),
    ] {
        let sent = signed(&signer, &message);
        assert_eq!(results(sent.as_bytes(), &published), [pass, pass], "{sent}");
        let header = sent.split("\r\nFrom").next().unwrap();
        assert!(
            header.split("\r\n").all(|line| line.len() <= 78),
            "{header}"
        );
        assert!(header.is_ascii());
    }
    let sent = signed(&signer, MAIL);
    // A field that is not signed may be added; the others may not.
    let grown = sent.replacen("X-Other: 1", "X-Other: 2\r\nReceived: x", 1);
    assert_eq!(results(grown.as_bytes(), &published), [pass, pass]);
    let grown = format!("Received: by z\r\nSender: list@z.test\r\n{sent}");
    assert_eq!(results(grown.as_bytes(), &published), [pass, pass]);
    for field in [
        "From: x@z.test",
        "To: x",
        "Cc: x",
        "Subject: x",
        "Date: x",
        "Message-ID: <x>",
        "Reply-To: x@z.test",
        "MIME-Version: 1.0",
        "Content-Type: text/html",
        "Content-Transfer-Encoding: base64",
    ] {
        for grown in [
            format!("{field}\r\n{sent}"),
            sent.replacen("X-Other: 1", field, 1),
        ] {
            let found = results(grown.as_bytes(), &published);
            let differs = (AuthResult::Fail, "signature differs");
            assert_eq!(found, [differs, differs], "{field}");
        }
    }
}

#[test]
fn long_lists_of_one_field_are_signed_from_the_bottom() {
    let (signer, published) = signer(2);
    let message = format!(
        "{}From: a@example.com\r\n\r\nx",
        "List-Id: x\r\n".repeat(500)
    );
    let sent = signed(&signer, &message);
    assert!(sent.len() < message.len() + 4_000);
    let pass = (AuthResult::Pass, "");
    assert_eq!(results(sent.as_bytes(), &published), [pass, pass]);
}

/// A signature with other tags, made with the key of `signer`, so that nothing but the tags can be
/// wrong.
fn with_tags(signer: &DkimSigner, at: usize, tags: &str, header_form: &str) -> String {
    let key = &signer.keys[at];
    let algorithm = ["ed25519-sha256", "rsa-sha256"][at];
    let value = format!(
        "v=1; a={algorithm}; d=example.com; s={}; {tags}; b=",
        key.selector
    );
    let mut text = match header_form {
        "simple" => "From: Ann <ann@example.com>\r\n".to_owned(),
        _ => "from:Ann <ann@example.com>\r\n".to_owned(),
    };
    text += &match header_form {
        "simple" => format!("DKIM-Signature: {value}"),
        _ => format!("dkim-signature:{value}"),
    };
    let signed = key.key.sign(text.as_bytes()).unwrap();
    let signed = data_encoding::BASE64.encode(&signed);
    format!("DKIM-Signature: {value}{signed}\r\n{MAIL}")
}

fn bh(octets: &[u8]) -> String {
    data_encoding::BASE64.encode(&crate::crypto::sha256(octets))
}

/// Tags of a signature over [`MAIL`], and what becomes of it.
fn tag_cases() -> Vec<(String, (AuthResult, &'static str))> {
    let body = b"Hello  there.\r\n\r\nBye \r\n";
    let hash = bh(body);
    let len = body.len();
    vec![
        (format!("h=from; bh={hash}"), (AuthResult::Pass, "")),
        (
            format!("h=FROM; bh={hash}; l={len}"),
            (AuthResult::Pass, ""),
        ),
        (
            format!("h=from; bh={hash}; x={}", NOW + 1),
            (AuthResult::Pass, ""),
        ),
        (
            format!("h=from; bh={hash}; i=x@a.example.com"),
            (AuthResult::Pass, ""),
        ),
        (
            format!("h=from; bh={hash}; z=From:a|To:b; q=dns/txt:x"),
            (AuthResult::Pass, ""),
        ),
        (
            format!("h=from; bh={}; l=5", bh(b"Hello")),
            (AuthResult::Policy, "l= leaves octets unsigned"),
        ),
        (
            format!("h=from; bh={}; l=0", bh(b"")),
            (AuthResult::Policy, "l= leaves octets unsigned"),
        ),
        (
            format!("h=from; bh={hash}; l={}", len + 1),
            (AuthResult::PermError, "l= is more than the body"),
        ),
        (
            format!("h=from; bh={hash}; l={}", "9".repeat(76)),
            (AuthResult::PermError, "l= is more than the body"),
        ),
        (
            format!("h=from; bh={hash}; l={}", "9".repeat(77)),
            (AuthResult::Neutral, "bad l="),
        ),
        (
            format!("h=from; bh={hash}; l=-1"),
            (AuthResult::Neutral, "bad l="),
        ),
        (
            format!("h=from; bh={hash}; x={NOW}"),
            (AuthResult::Fail, "signature expired"),
        ),
        (
            format!("h=from; bh={hash}; t={}; x={}", NOW + 9, NOW + 8),
            (AuthResult::Neutral, "x= before t="),
        ),
        (
            format!("h=to; bh={hash}"),
            (AuthResult::PermError, "From is not signed"),
        ),
        (
            format!("h=from::; bh={hash}"),
            (AuthResult::Neutral, "bad h="),
        ),
        (format!("h=; bh={hash}"), (AuthResult::Neutral, "no h=")),
        ("h=from".to_owned(), (AuthResult::Neutral, "no bh=")),
        (
            format!("h=from; bh={hash}; i=x@example.org"),
            (AuthResult::PermError, "i= is not within d="),
        ),
        (
            format!("h=from; bh={hash}; i=x@notexample.com"),
            (AuthResult::PermError, "i= is not within d="),
        ),
        (
            format!("h=from; bh={hash}; q=dns/other"),
            (AuthResult::PermError, "unknown q="),
        ),
        (
            format!("h=from; bh={hash}; c=strict"),
            (AuthResult::Neutral, "bad c="),
        ),
        (
            format!("h=from; bh={hash}; h=from"),
            (AuthResult::Neutral, "bad syntax"),
        ),
    ]
}

#[test]
fn what_never_passes() {
    let (signer, published) = signer(3);
    let hash = bh(b"Hello  there.\r\n\r\nBye \r\n");
    for (tags, expected) in tag_cases() {
        for at in [0, 1] {
            let message = with_tags(&signer, at, &tags, "simple");
            assert_eq!(
                results(message.as_bytes(), &published),
                [expected],
                "{tags}"
            );
        }
    }
    let relaxed = format!("c=relaxed; h=from; bh={hash}");
    let message = with_tags(&signer, 0, &relaxed, "relaxed");
    assert_eq!(
        results(message.as_bytes(), &published),
        [(AuthResult::Pass, "")]
    );
}

#[test]
fn algorithms_versions_and_names() {
    let (signer, published) = signer(4);
    let good = with_tags(&signer, 1, &format!("h=from; bh={}", bh(b"x")), "simple");
    for (from, to, expected) in [
        (
            "a=rsa-sha256",
            "a=rsa-sha1",
            (AuthResult::Policy, "SHA-1 is not accepted"),
        ),
        (
            "a=rsa-sha256",
            "a=rsa-md5",
            (AuthResult::Neutral, "unknown a="),
        ),
        ("a=rsa-sha256; ", "", (AuthResult::Neutral, "no a=")),
        (
            "a=rsa-sha256",
            "a=ed25519-sha256",
            (AuthResult::PermError, "key of another kind"),
        ),
        ("v=1", "v=2", (AuthResult::Neutral, "bad v=")),
        ("v=1; ", "", (AuthResult::Neutral, "bad v=")),
        (
            "d=example.com",
            "d=[192.0.2.1]",
            (AuthResult::Neutral, "bad d="),
        ),
        ("d=example.com", "d=", (AuthResult::Neutral, "bad d=")),
        ("d=example.com", "d=a..b", (AuthResult::Neutral, "bad d=")),
        ("s=rsa", "s=", (AuthResult::Neutral, "bad s=")),
        ("s=rsa", "s=a/b", (AuthResult::Neutral, "bad s=")),
        ("s=rsa", "s=..", (AuthResult::Neutral, "bad s=")),
        ("s=rsa", "s=other", (AuthResult::PermError, "no key")),
        (
            "d=example.com",
            "d=EXAMPLE.com",
            (AuthResult::Fail, "body hash differs"),
        ),
    ] {
        let message = good.replacen(from, to, 1);
        assert_ne!(message, good);
        assert_eq!(results(message.as_bytes(), &published), [expected], "{to}");
    }
}

#[test]
fn key_records() {
    let (signer, published) = signer(5);
    let hash = bh(b"Hello  there.\r\n\r\nBye \r\n");
    let message = with_tags(&signer, 0, &format!("h=from; bh={hash}"), "simple");
    let below = with_tags(
        &signer,
        0,
        &format!("h=from; bh={hash}; i=@a.example.com"),
        "simple",
    );
    let (name, record) = published[0].clone();
    let public = record.rsplit_once("p=").unwrap().1.to_owned();
    let of = |message: &str, record: String| {
        results(message.as_bytes(), &vec![(name.clone(), record)])[0]
    };
    let pass = (AuthResult::Pass, "");
    let wrong = |reason| (AuthResult::PermError, reason);
    let tail = format!("k=ed25519; p={public}");
    for (record, expected) in [
        (tail.clone(), pass),
        (format!("v=DKIM1;{tail};"), pass),
        (format!("v=DKIM1; g=nobody; n=note; {tail}"), pass),
        (format!("h=sha1:sha256; s=email; t=y; {tail}"), pass),
        (format!("s=*; t=s; {tail}"), pass),
        (
            format!("v=DKIM1; k=ed25519; p={}", public.replace('/', " /\t")),
            pass,
        ),
        (format!("v=DKIM2; {tail}"), wrong("bad version of the key")),
        (
            format!("n=x; v=DKIM1; {tail}"),
            wrong("bad version of the key"),
        ),
        (
            format!("h=sha1; {tail}"),
            wrong("key does not allow SHA-256"),
        ),
        (format!("s=tlsrpt; {tail}"), wrong("key is not for mail")),
        (format!("k=rsa; p={public}"), wrong("key of another kind")),
        (format!("p={public}"), wrong("key of another kind")),
        (format!("k=x; p={public}"), wrong("unknown kind of key")),
        ("k=ed25519; p=".to_owned(), wrong("key revoked")),
        ("k=ed25519; p=AAAA".to_owned(), wrong("bad key")),
        ("k=ed25519; p=*".to_owned(), wrong("bad key")),
        ("k=ed25519".to_owned(), wrong("key record without p=")),
        ("v=spf1 -all".to_owned(), wrong("bad version of the key")),
        (
            format!("n={}; {tail}", "x".repeat(9_000)),
            wrong("key record too long"),
        ),
    ] {
        assert_eq!(of(&message, record.clone()), expected, "{record}");
    }
    assert_eq!(of(&below, tail.clone()), pass);
    let strict = of(&below, format!("t=y:s; {tail}"));
    assert_eq!(strict, wrong("key is not for domains below"));
    // A record of something else beside the key breaks nothing.
    let two = vec![
        (name.clone(), "v=spf1 -all".to_owned()),
        (name.clone(), tail),
    ];
    assert_eq!(results(message.as_bytes(), &two), [pass]);
    let signature = signatures(&Headers::parse(message.as_bytes()))
        .remove(0)
        .unwrap();
    let mut verifier = Verifier::new(message.as_bytes(), b"");
    let late = verifier.check(&signature, &Err(DnsError::Temporary("no answer")), NOW);
    assert_eq!(late.result, AuthResult::TempError);
}

#[test]
fn an_rsa_key_that_is_too_short_never_passes() {
    let key = "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBALvRE+oZVQRn0h7Ps4nBTHXZ7LYH1Y2nM0kFQ0tRtZUL\
        pC0bB1Hfkqcr7bR3hXnPVZmW3xkdA6Hj9fJtPcEmEDUCAwEAAQ==";
    let (signer, _) = signer(6);
    let message = with_tags(&signer, 1, "h=from; bh=AAAA", "simple");
    let name = "rsa._domainkey.example.com".to_owned();
    let found = results(message.as_bytes(), &vec![(name, format!("p={key}"))]);
    assert_eq!(found, [(AuthResult::Policy, "RSA key under 1024 bits")]);
}

#[test]
fn work_is_bounded() {
    let (signer, published) = signer(7);
    // A thousand signatures: five are checked.
    let one = with_tags(&signer, 0, &format!("h=from; bh={}", bh(b"x")), "simple");
    let field = one.split_inclusive("\r\n").next().unwrap();
    let message = field.repeat(1_000) + MAIL;
    assert_eq!(results(message.as_bytes(), &published).len(), 5);
    // A header that is too long to be signed, and one that is too long to be read.
    let hash = bh(b"Hello  there.\r\n\r\nBye \r\n");
    let names = format!("h=from{}; bh={hash}", ":x-a".repeat(600));
    let message = with_tags(&signer, 0, &names, "simple");
    let long = format!("X-A: {}\r\n", "y".repeat(1_000)).repeat(600);
    let found = results(
        (message.clone() + "")
            .replace("X-Other: 1\r\n", &long)
            .as_bytes(),
        &published,
    );
    assert_eq!(found, [(AuthResult::TempError, "signed header too long")]);
    let body = "z".repeat(80_000_000);
    let found = results((message + &body).as_bytes(), &published);
    assert_eq!(found, [(AuthResult::TempError, "too much work")]);
    assert_eq!(Canonicalization::default().name(), "simple");
}
