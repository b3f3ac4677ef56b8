//! Parsers alone, in bytes a second. `cargo bench --bench parse`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use postern::testing::call::{
    Access, Arrival, Arrived, Change, EntryId, EntryState, Event, EventFilter, EventKind, Flags,
    Grant, InboxId, InboxPath, KeyId, KindSet, NamedAddress, OrgId, PriorityLevel, Scopes,
    SenderAuth, Summary, ThreadId, UidSet,
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

/// A text mail of 4 KiB as people write it: paragraphs, a list, a signature, a quoted history.
fn text_mail() -> Vec<u8> {
    let mut text = String::from(
        "Received: from a.test by b.test with ESMTPS id 1; Thu, 01 Jan 2026 00:00:00 +0000\r\n\
         From: =?utf-8?q?J=C3=BCrgen?= <j@a.test>\r\nTo: Bot <bot@x.test>\r\n\
         Subject: Your order of Tuesday\r\nDate: Thu, 01 Jan 2026 00:00:00 +0000\r\n\
         Message-ID: <17@a.test>\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\n\
         Hello,\r\n\r\nyour code is 482913. It is valid for ten minutes.\r\n\r\n",
    );
    while text.len() < 3000 {
        text += "The parcel leaves our depot on Tuesday. You find all that we know of it at\r\n\
                 https://shop.example.test/orders/4711?ref=mail and may answer to this mail.\r\n\r\n";
    }
    text += "-- \r\nShop example, Street 5, 12345 Town\r\n\r\n\
             On Thu, 1 Jan 2026 at 00:00, Bot <bot@x.test> wrote:\r\n";
    while text.len() < 4096 {
        text += "> I would like to know where my parcel is, since it was due on Monday.\r\n";
    }
    text.into_bytes()
}

/// A newsletter of 60 KiB as layout generators write it: a style sheet, nested tables with
/// styles of their own, links with long addresses, in quoted-printable.
fn newsletter() -> Vec<u8> {
    let mut html = String::from(
        "From: Shop <news@shop.test>\r\nTo: Bot <bot@x.test>\r\nSubject: News of the week\r\n\
         Date: Thu, 01 Jan 2026 00:00:00 +0000\r\nMessage-ID: <18@a.test>\r\nMIME-Version: 1.0\r\n\
         Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
         <html><head><title>News</title><style type=3D\"text/css\">\r\n\
         #outlook a { padding:0; } body { margin:0;padding:0; } .hide { display:none; }\r\n\
         @media only screen and (min-width:480px) { .column { width:100% !important; } }\r\n\
         p.text, td.small { font-size:12px; color:#333333; }\r\n</style></head>\r\n\
         <body style=3D\"background-color:#f4f4f4\"><div style=3D\"display:none;max-height:0\">Best =\r\n\
         offers of the week</div>\r\n",
    );
    let mut row = 0;
    while html.len() < 60 << 10 {
        row += 1;
        html += &format!(
            "<table role=3D\"presentation\" width=3D\"600\" class=3D\"column\" style=3D\"border-coll=\r\n\
             apse:collapse\"><tbody><tr><td align=3D\"center\" style=3D\"font-size:0px;padding:10px 25=\r\n\
             px;word-break:break-word;\"><div style=3D\"font-family:Arial,sans-serif;font-size:16px;li=\r\n\
             ne-height:1.4;color:#333333;\"><p class=3D\"text\">Article {row}: a new kind of chair =E2=\r\n\
             =80=93 it folds, it stands, and it costs 49.90.</p><a href=3D\"https://click.shop.test/e/=\r\n\
             {row}/abcdefghijklmnop/track?u=3Dbot&amp;c=3Dnews\" target=3D\"_blank\">Read more</a></di=\r\n\
             v></td></tr></tbody></table>\r\n"
        );
    }
    html += "<p><a href=3D\"https://click.shop.test/unsubscribe\">Unsubscribe</a></p></body></html>\r\n";
    html.into_bytes()
}

/// What a delivery computes from a text mail of 4 KiB.
#[divan::bench]
fn classify_text_mail(bencher: Bencher) {
    let raw = text_mail();
    let bounds = Bounds::default();
    bencher
        .counter(BytesCount::new(raw.len()))
        .bench(|| analyse(black_box(&raw), &bounds).is_ok());
}

/// What a delivery computes from a newsletter of 60 KiB.
#[divan::bench]
fn classify_newsletter(bencher: Bencher) {
    let raw = newsletter();
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
        auth: SenderAuth::Unknown,
        in_reply_to_metadata: None,
        rules: Vec::new(),
        spam: None,
        auto_reply: None,
    };
    Event {
        org: OrgId(1),
        depth: 0,
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

/// A filter that asks for everything, and a key that is bound to inboxes, against one event
/// that passes; the second address is not ASCII.
#[divan::bench(args = ["support-a1b2c3@mail.example.org", "jürgen@mail.example.org"])]
fn filter_event(bencher: Bencher, address: &str) {
    let access = Access(Arc::new(Grant {
        org: OrgId(1),
        key: Some(KeyId(1)),
        scopes: Scopes::MESSAGES_READ,
        inboxes: Some((1..100).map(InboxId).collect()),
        subtree: false,
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
    filter.inboxes = (1..10).rev().map(InboxId).collect();
    let event = received(address);
    assert!(filter.admit(&event, &access).is_some());
    bencher.bench(|| black_box(&filter).admit(black_box(&event), &access));
}
