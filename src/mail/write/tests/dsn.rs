//! Notifications read back, and no word of another server adds a line to one.

use crate::mail::digest::analyse;
use crate::mail::parse::dsn::{MailReport, read_report};
use crate::mail::text::text_of;
use crate::mail::write::dsn::{Dsn, DsnAction, ORIGINAL_BYTES_MAX, write_dsn};
use crate::mail::write::submit::check_octets;
use crate::mail::{Address, Bounds, Digest};

const ORIGINAL: &[u8] = b"From: bot@a.example\r\nTo: ann@b.example\r\nSubject: Your order\r\n\
    Message-ID: <m1@a.example>\r\n\r\nSecret body\r\n";

fn dsn(to: &Address) -> Dsn<'_> {
    Dsn {
        reporting_mta: "mx.a.example",
        to,
        action: DsnAction::Failed,
        recipient: "ann@b.example",
        original_recipient: Some("rfc822;ann+x@b.example"),
        envelope_id: Some("order 7"),
        status: "5.1.1",
        remote_mta: Some("mx.b.example"),
        diagnostic: "550 5.1.1 No such user",
        is_smtp_reply: true,
        arrived_at: 1_700_000_000_000,
        attempted_at: 1_700_000_060_000,
        retry_until: None,
        original: ORIGINAL,
        is_full: false,
        now: 1_700_000_061_000,
        message_id: "<d1@mx.a.example>",
        seed: [7; 16],
    }
}

fn delivery(raw: &[u8]) -> crate::mail::parse::dsn::DeliveryStatus {
    match read_report(raw, &Bounds::default()) {
        Some(MailReport::Delivery(status)) => status,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_failure_reads_back() {
    let to = Address::parse("bot@a.example").unwrap();
    let raw = write_dsn(&dsn(&to));
    assert_eq!(check_octets(&raw), Ok(()));
    let status = delivery(&raw);
    assert_eq!(status.envelope_id.as_deref(), Some("order 7"));
    let [recipient] = &status.recipients[..] else {
        panic!("{status:?}");
    };
    assert!(recipient.is_failure());
    assert_eq!(recipient.recipient, "ann@b.example");
    assert_eq!(recipient.original.as_deref(), Some("ann+x@b.example"));
    assert_eq!(recipient.status, "5.1.1");
    assert_eq!(
        recipient.diagnostic.as_deref(),
        Some("550 5.1.1 No such user")
    );
    assert_eq!(recipient.remote_mta.as_deref(), Some("mx.b.example"));
    let analysis = analyse(&raw, &Bounds::default()).unwrap();
    assert_eq!(analysis.in_reply_to, ["<m1@a.example>"]);
    let digest = Digest::open(&analysis.digest).unwrap();
    let text = text_of(&raw, &digest).text;
    assert!(
        text.contains("could not be delivered to <ann@b.example>"),
        "{text}"
    );
    assert!(
        text.contains("Answer of mx.b.example: 550 5.1.1 No such user"),
        "{text}"
    );
    assert!(text.contains("Subject: Your order"), "{text}");
}

/// RFC 3461 section 4.3: without RET=FULL the header comes back alone.
#[test]
fn the_body_comes_back_only_when_it_is_wanted_and_small() {
    let to = Address::parse("bot@a.example").unwrap();
    let has = |raw: &[u8], text: &str| memchr::memmem::find(raw, text.as_bytes()).is_some();
    let header = write_dsn(&dsn(&to));
    assert!(has(&header, "text/rfc822-headers") && !has(&header, "Secret"));
    let full = write_dsn(&Dsn {
        is_full: true,
        ..dsn(&to)
    });
    assert!(has(&full, "message/rfc822") && has(&full, "Secret body"));
    let mut long = ORIGINAL.to_vec();
    while long.len() <= ORIGINAL_BYTES_MAX {
        long.extend_from_slice(b"Secret line\r\n");
    }
    let cut = write_dsn(&Dsn {
        is_full: true,
        original: &long,
        ..dsn(&to)
    });
    assert!(has(&cut, "text/rfc822-headers") && !has(&cut, "Secret"));
}

#[test]
fn words_of_other_servers_add_no_line() {
    let to = Address::parse("bot@a.example").unwrap();
    let raw = write_dsn(&Dsn {
        diagnostic: "550 no\r\nFinal-Recipient: rfc822; eve@b.example\r\n\r\nAction: failed",
        remote_mta: Some("evil\r\nStatus: 2.0.0"),
        status: "5.0.0\nX: y",
        envelope_id: Some("a\r\n\r\nb"),
        original: b"Subject: x\r\nMessage-ID: <a\r\n b>\r\n\r\n",
        ..dsn(&to)
    });
    assert_eq!(check_octets(&raw), Ok(()));
    let status = delivery(&raw);
    assert_eq!(status.recipients.len(), 1, "{status:?}");
    assert_eq!(status.recipients[0].recipient, "ann@b.example");
    let header = crate::mail::Headers::parse(&raw);
    assert!(header.first("In-Reply-To").is_none());
}

#[test]
fn an_address_in_utf8_is_written_in_ascii() {
    let to = Address::parse("bot@a.example").unwrap();
    let raw = write_dsn(&Dsn {
        recipient: "jörg@b.example",
        ..dsn(&to)
    });
    assert_eq!(
        delivery(&raw).recipients[0].recipient,
        "j\\x{F6}rg@b.example"
    );
}

#[test]
fn a_delay_says_until_when() {
    let to = Address::parse("bot@a.example").unwrap();
    let raw = write_dsn(&Dsn {
        action: DsnAction::Delayed,
        status: "4.4.1",
        remote_mta: None,
        is_smtp_reply: false,
        diagnostic: "no server answered",
        retry_until: Some(1_700_200_000_000),
        ..dsn(&to)
    });
    let text = String::from_utf8(raw.clone()).unwrap();
    assert!(
        text.contains("Will-Retry-Until: Fri, 17 Nov 2023 05:46:40 +0000\r\n"),
        "{text}"
    );
    assert!(text.contains("Reason: no server answered\r\n"), "{text}");
    assert!(!delivery(&raw).recipients[0].is_failure());
}
