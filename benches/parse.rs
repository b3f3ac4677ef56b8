//! Parsers alone, in bytes a second. `cargo bench --bench parse`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use postern::testing::call::{
    Access, Arrival, Arrived, Change, EntryId, EntryState, Event, EventFilter, EventKind, Flags,
    Grant, InboxId, InboxPath, KeyId, KindSet, NamedAddress, OrgId, PriorityLevel, Scopes, Summary,
    ThreadId, UidSet,
};
use postern::testing::mail::Address;
use postern::testing::mail::Bounds;
use postern::testing::mail::Headers;
use postern::testing::mail::digest::analyse;

fn main() {
    divan::main();
}

/// Common mail: text and HTML, some fields, `size` octets or a little more.
fn mail(size: usize) -> Vec<u8> {
    let mut text = String::from(
        "Received: from a.test by b.test with ESMTPS id 1; Thu, 01 Jan 2026 00:00:00 +0000\r\n\
         From: =?utf-8?q?J=C3=BCrgen?= <j@a.test>\r\nTo: Bot <bot@x.test>, \"Second, One\" <two@x.test>\r\n\
         Subject: =?utf-8?b?SW52b2ljZSAxNw==?=\r\nDate: Thu, 01 Jan 2026 00:00:00 +0000\r\n\
         Message-ID: <17@a.test>\r\nReferences: <15@a.test> <16@a.test>\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/alternative; boundary=\"b1\"\r\n\r\n--b1\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\n",
    );
    while text.len() < size / 2 {
        text += "Please find the invoice for order 4711 below; your code is 482913.\r\n";
    }
    text += "--b1\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n";
    while text.len() < size {
        text += "<p>Please find the invoice for order <b>4711</b> below=2E</p>\r\n";
    }
    text += "--b1--\r\n";
    text.into_bytes()
}

/// Everything that a delivery computes from a message.
#[divan::bench(args = [4096, 65_536, 1 << 20])]
fn analyse_mail(bencher: Bencher, size: usize) {
    let raw = mail(size);
    let bounds = Bounds::default();
    bencher
        .counter(BytesCount::new(raw.len()))
        .bench(|| analyse(black_box(&raw), &bounds).is_ok());
}

/// Header fields alone.
#[divan::bench]
fn header_fields(bencher: Bencher) {
    let raw = mail(4096);
    let headers = Headers::parse(&raw);
    bencher
        .counter(BytesCount::new(headers.body_start()))
        .bench(|| Headers::parse(black_box(&raw)).fields().count());
}

/// One address.
#[divan::bench]
fn address(bencher: Bencher) {
    let text = "support-a1b2c3+tag@mail.example.org";
    bencher
        .counter(BytesCount::new(text.len()))
        .bench(|| Address::parse(black_box(text)).is_ok());
}

/// An event that a message has come, for the filters.
fn received(address: &str) -> Event {
    let state = EntryState {
        uid: 1,
        id: EntryId(1),
        modseq: 1,
        flags: Flags::default(),
        keywords: vec!["todo".to_owned(), "invoice".to_owned()],
    };
    let summary = Summary {
        from: NamedAddress {
            name: "Ann".to_owned(),
            address: "ann.smith@billing.example.org".to_owned(),
        },
        ..Summary::default()
    };
    let arrived = Arrived {
        kind: Arrival::Received,
        state,
        thread: ThreadId(1),
        folder: "INBOX".to_owned(),
        size: 4096,
        message_id: String::new(),
        summary,
        local: false,
    };
    Event {
        org: OrgId(1),
        seq: 1,
        at: 0,
        inbox: Some(Arc::new(InboxPath {
            id: InboxId(5),
            address: address.to_owned(),
            ancestors: vec![InboxId(7)],
        })),
        mailbox: None,
        uids: UidSet::new(),
        change: Change::Arrived(Box::new(arrived)),
        origin: None,
    }
}

fn canonical(text: &str) -> String {
    Address::parse(text).map_or_else(|_| text.to_lowercase(), |address| address.canonical())
}

/// A filter that asks for everything, and a key that is bound to inboxes, against one event
/// that passes; the second address is not ASCII.
#[divan::bench(args = ["support-a1b2c3@mail.example.org", "jürgen@mail.example.org"])]
fn filter_event(bencher: Bencher, address: &str) {
    let access = Access(Arc::new(Grant {
        org: OrgId(1),
        key: Some(KeyId(1)),
        scopes: Scopes::MESSAGES_READ,
        inboxes: Some((1..100).map(InboxId).collect()),
        inbox: None,
        address: String::new(),
        expires_at: None,
    }));
    let mut filter = EventFilter {
        kinds: KindSet::default().with(EventKind::MessageReceived),
        from: Some("billing.example.org".to_owned()),
        label: Some("Invoice".to_owned()),
        priority: Some(PriorityLevel::Normal),
        ..EventFilter::default()
    };
    for n in 0..9 {
        let other = format!("other-{n}@mail.example.org");
        filter.inboxes.add_address(&other, canonical);
    }
    filter.inboxes.add_address(address, canonical);
    let event = received(address);
    assert!(filter.admit(&event, &access).is_some());
    bencher.bench(|| black_box(&filter).admit(black_box(&event), &access));
}
