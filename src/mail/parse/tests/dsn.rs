//! Reports of other servers, as they write them.

use crate::mail::Bounds;
use crate::mail::parse::dsn::{MailReport, RECIPIENTS_MAX, read_report};

fn read(raw: &str) -> Option<MailReport> {
    read_report(raw.replace('\n', "\r\n").as_bytes(), &Bounds::default())
}

/// The form of Postfix, with two recipients.
#[test]
fn a_status_of_two_recipients() {
    let raw = "From: MAILER-DAEMON@mx.b.example\nMIME-Version: 1.0\n\
        Content-Type: multipart/report; report-type=delivery-status;\n boundary=\"x/mx\"\n\n\
        This is a MIME-encapsulated message.\n\n--x/mx\nContent-Type: text/plain\n\nSorry.\n\n\
        --x/mx\nContent-Description: Delivery report\nContent-Type: message/delivery-status\n\n\
        Reporting-MTA: dns; mx.b.example\nX-Postfix-Queue-ID: 4F\nArrival-Date: x\n\n\
        Final-Recipient: rfc822; ann@b.example\nOriginal-Recipient: rfc822;Ann@b.example\n\
        Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 <ann@b.example>:\n    \
        User unknown\n\nFinal-Recipient: RFC822;<bob@b.example>\nAction: Delayed (later)\n\
        Status: 4.4.1 (connection timed out)\n\n--x/mx\nContent-Type: message/rfc822\n\n\
        Subject: hi\n\n--x/mx--\n";
    let Some(MailReport::Delivery(status)) = read(raw) else {
        panic!("no report");
    };
    let [ann, bob] = &status.recipients[..] else {
        panic!("{status:?}");
    };
    assert!(ann.is_failure());
    assert_eq!(ann.recipient, "ann@b.example");
    let reply = ann.diagnostic.as_deref().unwrap();
    assert!(reply.starts_with("550 5.1.1 <ann@b.example>:"), "{reply}");
    assert!(reply.ends_with("User unknown"), "{reply}");
    assert_eq!(
        (bob.recipient.as_str(), bob.action.as_str()),
        ("bob@b.example", "delayed")
    );
    assert_eq!(bob.status, "4.4.1");
}

/// Some servers write one group only, and encode it.
#[test]
fn one_group_in_base64() {
    let raw = "Content-Type: multipart/report; boundary=b\n\n--b\n\nSorry\n--b\n\
        Content-Type: message/delivery-status\nContent-Transfer-Encoding: base64\n\n\
        RmluYWwtUmVjaXBpZW50OiByZmM4MjI7YUBiLmV4YW1wbGUKQWN0aW9uOiBmYWlsZWQKU3RhdHVzOiA1LjIuMgo=\n\
        --b--\n";
    let Some(MailReport::Delivery(status)) = read(raw) else {
        panic!("no report");
    };
    assert_eq!(status.recipients.len(), 1);
    assert_eq!(status.recipients[0].recipient, "a@b.example");
    assert_eq!(status.recipients[0].status, "5.2.2");
}

/// The form of RFC 5965 section 3.
#[test]
fn a_complaint() {
    let raw = "Content-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\n\n\
        This is a report.\n--b\nContent-Type: message/feedback-report\n\nFeedback-Type: Abuse\n\
        User-Agent: X/1\nVersion: 1\nOriginal-Rcpt-To: <ann@b.example>\n\n--b\n\
        Content-Type: message/rfc822\n\nSubject: hi\n\n--b--\n";
    let expected = MailReport::Complaint {
        kind: "abuse".to_owned(),
        recipients: vec!["ann@b.example".to_owned()],
    };
    assert_eq!(read(raw), Some(expected));
}

#[test]
fn other_mail_is_no_report() {
    for raw in [
        "",
        "Subject: x\n\nmessage/delivery-status\n",
        "Content-Type: multipart/mixed; boundary=b\n\n--b\n\
         Content-Type: message/delivery-status\n\nAction: failed\n--b--\n",
        "Content-Type: multipart/report; boundary=b\n\n--b\n\
         Content-Type: message/delivery-status\n\n\n--b--\n",
        // The status of a report that is attached says nothing of this message.
        "Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n\
         Content-Type: message/delivery-status\n\nAction: failed\n--b--\n",
    ] {
        assert_eq!(read(raw), None, "{raw}");
    }
}

#[test]
fn the_number_of_recipients_has_a_bound() {
    let group = "Final-Recipient: rfc822; a@b.example\nAction: failed\n\n";
    let raw = format!(
        "Content-Type: multipart/report; boundary=b\n\n--b\n\
         Content-Type: message/delivery-status\n\n{}--b--\n",
        group.repeat(RECIPIENTS_MAX + 50)
    );
    let Some(MailReport::Delivery(status)) = read(&raw) else {
        panic!("no report");
    };
    assert_eq!(status.recipients.len(), RECIPIENTS_MAX);
}
