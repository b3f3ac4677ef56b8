//! Fuzz bodies of `postern::testing::mail::auth`: signatures, SPF, and all checks of a sender.
//!
//! The checks, strongest first: what we sign passes, a body in pieces hashes like the whole, every
//! check ends within its bounds, the field of ours is one field.

use std::sync::OnceLock;

use postern::testing::call::{AuthResult, DnsAnswer, DnsError, Mx, Question, RecordType, Records};
use postern::testing::crypto::{Random, SigningAlgorithm, SigningKey};
use postern::testing::mail::Headers;
use postern::testing::mail::auth::dkim::{
    BodyHash, Canonicalization, DkimSigner, SelectorKey, Verifier, record_text, signatures,
};
use postern::testing::mail::auth::results::{ResultsOf, claimed, write};
use postern::testing::mail::auth::spf::{SpfCheck, SpfStep};
use postern::testing::mail::auth::{SenderCheck, organizational_domain};

const NOW: i64 = 1_700_000_000;

/// The data is a message: we sign it, and the signature passes.
pub fn dkim(data: &[u8]) {
    static SIGNER: OnceLock<(DkimSigner, DnsAnswer)> = OnceLock::new();
    let (signer, answer) = SIGNER.get_or_init(|| {
        let key = SigningKey::generate(SigningAlgorithm::Ed25519, &mut Random::seeded(1));
        let key = key.expect("an Ed25519 key is always made");
        let answer = Ok(Records::Txt(vec![record_text(&key).into_bytes()]));
        let keys = vec![SelectorKey {
            selector: "s".to_owned(),
            key,
        }];
        let domain = "x.test".to_owned();
        (DkimSigner { domain, keys }, answer)
    });
    let (header, body) = data.split_at(Headers::parse(data).body_start());
    let mut found = Vec::new();
    for form in [Canonicalization::Simple, Canonicalization::Relaxed] {
        let hash = |cut: usize| {
            let mut hash = BodyHash::new(form);
            body.chunks(cut).for_each(|piece| hash.push(piece));
            hash.finish()
        };
        let whole = hash(body.len().max(1));
        assert_eq!(hash(1), whole);
        assert_eq!(hash(3), whole);
        found.push(whole.0);
    }
    // Signatures of others end in a result.
    let mut verifier = Verifier::new(header, body);
    for signature in signatures(&Headers::parse(data)).into_iter().flatten() {
        assert!(verifier.check(&signature, answer, NOW).result != AuthResult::None);
    }
    // White space at the beginning would continue the field of the signature.
    if matches!(data.first(), Some(b' ' | b'\t')) {
        return;
    }
    let mut sent = signer.sign(header, &found[1], NOW);
    assert_eq!(Headers::parse(&sent).fields().count(), 1);
    sent.extend_from_slice(data);
    let (header, body) = sent.split_at(Headers::parse(&sent).body_start());
    let own = signatures(&Headers::parse(&sent)).remove(0);
    let own = own.expect("a signature of ours is read");
    let outcome = Verifier::new(header, body).check(&own, answer, NOW);
    assert_eq!(outcome.result, AuthResult::Pass, "{outcome:?}");
}

/// The lines of the data are the answers, one after the other and again from the beginning.
pub fn spf(data: &[u8]) {
    let lines: Vec<&[u8]> = data.split(|&b| b == b'\n').collect();
    let mut check = SpfCheck::new([192, 0, 2, 1].into(), Some("a.b@x.test"), "h.test");
    let mut step = check.start();
    for asked in 0.. {
        // Ten terms, each with a record or ten hosts and itself; the names of the address.
        assert!(asked <= 1 + 10 * 11 + 11, "too many questions");
        match step {
            SpfStep::Done(_) => break,
            SpfStep::Ask(question) => {
                assert!(question.name.len() <= 253);
                let line = lines.get(asked % lines.len()).copied().unwrap_or_default();
                step = check.step(answer(&question, line));
            }
        }
    }
}

/// The first line answers every question about the message behind it.
pub fn sender(data: &[u8]) {
    let at = memchr::memchr(b'\n', data).map_or(data.len(), |at| at + 1);
    let (line, message) = data.split_at(at);
    let line = line.trim_ascii_end();
    let headers = Headers::parse(message);
    let (mut check, mut open) =
        SenderCheck::new(&headers, [192, 0, 2, 1].into(), Some("a@x.test"), "h.test");
    let mut asked = 0;
    while let Some((asker, question)) = open.pop() {
        asked += 1;
        assert!(asked <= 150, "too many questions");
        open.extend(check.answered(asker, answer(&question, line)));
    }
    assert!(check.is_answered());
    let (header, body) = message.split_at(headers.body_start());
    let found = check.judge(header, body, NOW);
    assert!(found.dkim.len() <= 5);
    assert!(!found.dmarc.is_aligned || found.authors.domains.len() == 1);
    let text = String::from_utf8_lossy(line);
    let of = ResultsOf {
        host: "mx.test",
        address: [192, 0, 2, 1].into(),
        reverse_path: Some(&text),
        helo: "h.test",
    };
    let field = write(of, &found);
    let headers = Headers::parse(&field);
    assert_eq!(headers.fields().count(), 1);
    let own = claimed(&headers, |name| Ok::<_, ()>(name == "mx.test"));
    assert_eq!(
        own.map(|fields| fields.len()),
        Ok(1),
        "ours claims our name"
    );
    // A final dot is no part of a name of mail, and the list of suffixes passes over it.
    assert!(text.ends_with('.') || text.ends_with(organizational_domain(&text)));
}

fn answer(question: &Question, line: &[u8]) -> DnsAnswer {
    let number = line.len() as u8;
    match (line.first(), question.kind) {
        (None, _) | (_, RecordType::Srv) => Err(DnsError::NoRecords),
        (Some(b'!'), _) => Err(DnsError::Temporary("no answer")),
        (_, RecordType::Txt) => Ok(Records::Txt(vec![line.to_vec()])),
        (_, RecordType::A) => Ok(Records::A(vec![[192, 0, 2, number].into()])),
        (_, RecordType::Aaaa) => Ok(Records::Aaaa(vec![core::net::Ipv6Addr::LOCALHOST])),
        (_, RecordType::Ptr) => {
            let name = String::from_utf8_lossy(line).into_owned();
            Ok(Records::Ptr(vec![name; usize::from(number)]))
        }
        (_, RecordType::Mx) => {
            let exchange = String::from_utf8_lossy(line).into_owned();
            let mx = Mx {
                preference: 0,
                exchange,
            };
            Ok(Records::Mx(vec![mx; usize::from(number % 13)]))
        }
    }
}
