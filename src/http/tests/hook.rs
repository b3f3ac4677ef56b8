//! The engine of webhooks against an endpoint: what it sends, what it reports, and when it asks.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use super::*;
use crate::call::{
    Access, EventKind, Grant, HookRoute, OrgId, RemoteRules, RemoteUrl, Scopes, Secret, UidSet,
    WebhookId,
};
use crate::engine::DialError;

fn at(mono_ms: u64) -> Now {
    Now {
        mono_ms,
        unix_ms: 1_767_225_600_000 + i64::try_from(mono_ms).unwrap(),
    }
}

fn client() -> HookClient {
    HookClient::new(HookDial {
        route: HookRoute(7),
        url: RemoteUrl::parse("https://hooks.test/in?x=1", &RemoteRules::default()).unwrap(),
        addresses: Vec::new(),
        began_ms: 0,
        limit_ms: 15_000,
    })
}

fn delivery(seq: u64, keys: &[&str]) -> Box<HookDelivery> {
    let access = Access(Arc::new(Grant {
        org: OrgId(1),
        key: None,
        scopes: Scopes::MESSAGES_READ,
        inboxes: None,
        subtree: false,
        inbox: None,
        address: String::new(),
        expires_at: None,
    }));
    let event = Event {
        org: OrgId(1),
        depth: 0,
        seq,
        at: 5,
        inbox: None,
        mailbox: None,
        uids: UidSet::new(),
        change: Change::InboxUpdated,
        origin: None,
    };
    Box::new(HookDelivery {
        content: HookContent::Event(EventKind::InboxUpdated, Arc::new(event)),
        keys: keys.iter().map(|key| Secret::new(key.as_bytes())).collect(),
        access,
        is_full: false,
    })
}

/// An input, and what the engine wants after it.
fn take(client: &mut HookClient, ms: u64, input: Input<'_>) -> Output {
    let mut out = Output::default();
    client.handle(at(ms), input, &mut out);
    out
}

fn reply(client: &mut HookClient, ms: u64, next: NextDelivery) -> Output {
    let store = crate::store::Store::in_memory(1).unwrap();
    store.begin().unwrap();
    let receipt = store.commit().unwrap();
    let written = Written::NextDelivery(next);
    take(client, ms, Input::Reply(Reply::Written(written, receipt)))
}

/// The call that the engine makes.
fn call(out: &Output) -> &WebhookWrite {
    match out.ask.as_ref().map(|ask| &ask.call) {
        Some(Call::Write(Write::Webhook(call))) => call,
        other => panic!("{other:?}"),
    }
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[test]
fn a_delivery_is_signed_sent_and_reported() {
    let mut client = client();
    let out = take(&mut client, 100, Input::Open);
    assert!(matches!(
        call(&out),
        WebhookWrite::Next {
            report: None,
            is_last: false,
            ..
        }
    ));
    let out = reply(
        &mut client,
        200,
        NextDelivery::Send(delivery(17, &["old", "new"])),
    );
    let sent = String::from_utf8(out.bytes).unwrap();
    let (head, body) = sent.split_once("\r\n\r\n").unwrap();
    assert!(
        head.starts_with("POST /in?x=1 HTTP/1.1\r\nHost: hooks.test\r\n"),
        "{head}"
    );
    assert!(
        body.starts_with(r#"{"seq":17,"type":"inbox.updated","#),
        "{body}"
    );
    assert!(head.contains(&format!("\r\nContent-Length: {}\r\n", body.len())));
    let signed = format!("evt_00000000001_17.1767225600.{body}");
    let tag = |key: &str| {
        let tag = hmac_sha256(key.as_bytes(), signed.as_bytes());
        data_encoding::BASE64.encode(&tag)
    };
    let end = format!(
        "webhook-id: evt_00000000001_17\r\nwebhook-timestamp: 1767225600\r\nwebhook-signature: v1,{} v1,{}\r\n\
         postern-depth: 1",
        tag("old"),
        tag("new")
    );
    assert!(head.ends_with(&end), "{head}");
    let out = take(&mut client, 350, Input::Bytes(OK));
    let WebhookWrite::Next {
        report: Some(report),
        is_last: false,
        ..
    } = call(&out)
    else {
        panic!("{out:?}");
    };
    let answer = HookAnswer::Status(200, "ok".into());
    assert_eq!((&report.answer, report.duration_ms), (&answer, 350));
    let out = reply(&mut client, 400, NextDelivery::Quit);
    assert!(out.close);
}

#[test]
fn a_connection_that_was_closed_meanwhile_is_stale() {
    let mut client = client();
    take(&mut client, 100, Input::Open);
    reply(&mut client, 200, NextDelivery::Send(delivery(1, &["k"])));
    take(&mut client, 300, Input::Bytes(OK));
    // It waits for the next delivery when the endpoint closes.
    take(&mut client, 400, Input::Eof);
    let out = reply(&mut client, 500, NextDelivery::Send(delivery(2, &["k"])));
    assert!(out.bytes.is_empty());
    assert!(matches!(call(&out), WebhookWrite::Lost { report, .. } if report.is_stale));
}

#[test]
fn losses_are_reported() {
    let lost = |input: Input<'_>, ms: u64| {
        let mut client = client();
        take(&mut client, 100, Input::Open);
        reply(&mut client, 200, NextDelivery::Send(delivery(1, &["k"])));
        let out = take(&mut client, ms, input);
        match call(&out) {
            WebhookWrite::Lost { report, .. } => (report.answer.clone(), report.is_stale),
            other => panic!("{other:?}"),
        }
    };
    let error = |why: &str| (HookAnswer::Error(why.into()), false);
    assert_eq!(lost(Input::Deadline, 15_000), error("no answer in time"));
    let early = "the connection was closed before the answer was complete";
    assert_eq!(lost(Input::Eof, 300), error(early));
    assert_eq!(
        lost(Input::Bytes(b"SSH-2.0\r\n\r\n"), 300),
        error("the answer is not HTTP/1.1")
    );
    let mut refused = client();
    let out = take(&mut refused, 5, Input::Failed(DialError::Refused));
    let WebhookWrite::Lost { report, .. } = call(&out) else {
        panic!("{out:?}");
    };
    assert_eq!(
        report.answer,
        HookAnswer::Error("connection refused".into())
    );
    assert_eq!(WebhookId(1).to_string(), "whk_00000000001");
}

#[test]
fn a_test_is_no_event_of_the_log() {
    let mut client = client();
    take(&mut client, 100, Input::Open);
    let mut test = delivery(1, &["k"]);
    test.content = HookContent::Test(WebhookId(1), 255);
    let out = reply(&mut client, 200, NextDelivery::Send(test));
    let sent = String::from_utf8(out.bytes).unwrap();
    assert!(
        sent.contains("\r\nwebhook-id: test_00000000000000ff\r\n"),
        "{sent}"
    );
    assert!(sent.contains(r#"{"type":"webhook.test","time":"#), "{sent}");
}
