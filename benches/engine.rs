//! Transactions a second without sockets, TLS or a disk: engines, service and store in
//! memory, in one thread. `cargo bench --bench engine`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../protocol-tests/rig.rs"]
mod rig;

use std::net::IpAddr;

use divan::Bencher;
use postern::testing::call::{
    Access, Arrival, Arrived, Change, EntryId, EntryState, Event, EventFilter, EventKind, Flags,
    Grant, InboxId, InboxPath, InboxSet, KindSet, Limits, Listener, NamedAddress, OrgId,
    OutboundDial, OutboundId, OutboundLease, OutboundTimeouts, OutboundTlsPolicy,
    OutboundTransaction, PriorityLevel, RouteId, Scopes, SenderAuth, Summary, ThreadId, UidSet,
};
use rig::{Rig, Told};

fn main() {
    divan::main();
}

const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

struct World {
    rig: Rig,
    conn: u64,
}

fn world(listener: Listener, hello: impl Fn(&str) -> String) -> World {
    let mut limits = Limits::default();
    limits.lift();
    let mut rig = Rig::new(7, limits);
    let org = rig.make_org("bench");
    rig.make_inbox(org, "bot@x.test", None);
    let key = rig.make_key(org, Scopes::ADMIN, None, None);
    let conn = rig.open(listener, PEER);
    rig.send(conn, hello(&key).as_bytes(), usize::MAX);
    let said = String::from_utf8(rig.take(conn)).unwrap();
    assert!(
        said.contains("235 ") || said.contains("b OK") || listener == Listener::Https,
        "{said}"
    );
    World { rig, conn }
}

impl World {
    fn exchange(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.rig.send(self.conn, bytes, usize::MAX);
        self.rig.take(self.conn)
    }
}

fn smtp() -> World {
    world(Listener::Submissions, |key| {
        let plain = data_encoding::BASE64.encode(format!("\0bot@x.test\0{key}").as_bytes());
        format!("EHLO bench\r\nAUTH PLAIN {plain}\r\n")
    })
}

fn imap() -> World {
    world(Listener::Imaps, |key| {
        format!("a LOGIN bot@x.test {key}\r\nb SELECT INBOX\r\n")
    })
}

fn mail(size: usize) -> String {
    let mut text = String::from("From: <bot@x.test>\r\nTo: <bot@x.test>\r\nSubject: bench\r\n\r\n");
    while text.len() < size {
        text += "agents write to agents about orders and invoices\r\n";
    }
    text
}

/// A 4 KiB submission to the sender's own inbox.
#[divan::bench]
fn submission(bencher: Bencher) {
    let mut world = smtp();
    let text = format!(
        "MAIL FROM:<bot@x.test>\r\nRCPT TO:<bot@x.test>\r\nDATA\r\n{}.\r\n",
        mail(4096)
    );
    let (envelope, data) = text.split_at(text.find("From:").unwrap());
    bencher.bench_local(|| {
        world.exchange(envelope.as_bytes());
        let said = world.exchange(data.as_bytes());
        assert!(said.starts_with(b"250 "));
    });
}

/// APPEND of 4 KiB.
#[divan::bench]
fn append(bencher: Bencher) {
    let mut world = imap();
    let text = mail(4096);
    let text = format!("c APPEND Sent {{{}+}}\r\n{text}\r\n", text.len());
    bencher.bench_local(|| {
        let said = world.exchange(text.as_bytes());
        assert!(said.windows(4).any(|w| w == b"c OK"));
    });
}

/// FETCH BODY[] of a 4 KiB message.
#[divan::bench]
fn fetch(bencher: Bencher) {
    let mut world = imap();
    let text = mail(4096);
    world.exchange(format!("c APPEND INBOX {{{}+}}\r\n{text}\r\n", text.len()).as_bytes());
    bencher.bench_local(|| {
        let said = world.exchange(b"d FETCH 1 BODY.PEEK[]\r\n");
        assert!(said.len() > 4096);
    });
}

/// NOOP: the least cost of a command.
#[divan::bench]
fn noop(bencher: Bencher) {
    let mut world = imap();
    bencher.bench_local(|| world.exchange(b"e NOOP\r\n"));
}

/// GET /healthz.
#[divan::bench]
fn healthz(bencher: Bencher) {
    let mut world = world(Listener::Https, |_| String::new());
    bencher.bench_local(|| {
        let said = world.exchange(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
        assert!(said.starts_with(b"HTTP/1.1 200"));
    });
}

/// A filter that asks for all there is, with a hundred inboxes, and an event that passes it, for a
/// key that is bound to the top of a tree.
#[divan::bench]
fn filter_of_events(bencher: Bencher) {
    let summary = Summary {
        from: NamedAddress {
            name: String::new(),
            address: "Ann.Example@Mail.Example.org".into(),
        },
        priority: PriorityLevel::High.stored(),
        ..Summary::default()
    };
    let arrived = Arrived {
        kind: Arrival::Received,
        state: EntryState {
            uid: 7,
            id: EntryId(7),
            modseq: 7,
            flags: Flags::default(),
            keywords: (0..10).map(|n| format!("label-{n}")).collect(),
        },
        thread: ThreadId(7),
        folder: "INBOX".into(),
        size: 4096,
        message_id: String::new(),
        summary,
        auth: SenderAuth::Unknown,
        in_reply_to_metadata: None,
        rules: Vec::new(),
        spam: None,
        auto_reply: None,
    };
    let event = Event {
        org: OrgId(1),
        depth: 0,
        seq: 7,
        at: 0,
        inbox: Some(std::sync::Arc::new(InboxPath {
            id: InboxId(99),
            address: "bot@x.test".into(),
            ancestors: (1000..1008).map(InboxId).collect(),
        })),
        mailbox: None,
        uids: UidSet::new(),
        change: Change::Arrived(Box::new(arrived)),
        origin: None,
    };
    let access = Access(std::sync::Arc::new(Grant {
        org: OrgId(1),
        key: None,
        scopes: Scopes::EVENTS_READ,
        inboxes: Some(vec![InboxId(1007)]),
        subtree: true,
        inbox: None,
        address: String::new(),
        expires_at: None,
    }));
    let filter = EventFilter {
        kinds: KindSet::default().with(EventKind::MessageReceived),
        inboxes: (0..100).map(InboxId).collect::<InboxSet>(),
        from: Some("mail.example.org".into()),
        label: Some("LABEL-9".into()),
        priority: Some(PriorityLevel::High),
        verdict: None,
    };
    assert!(filter.admit(&event, &access).is_some());
    bencher.bench_local(|| {
        let event = std::hint::black_box(&event);
        std::hint::black_box(&filter).admit(event, &access)
    });
}

/// A 4 KiB message to another server with PIPELINING, on a connection that stays: from the call
/// that gives the transaction to the report.
#[divan::bench]
fn transaction_out(bencher: Bencher) {
    let mut rig = Rig::new(7, {
        let mut limits = Limits::default();
        limits.lift();
        limits.outbound_transactions = usize::MAX;
        limits
    });
    let conn = rig.dial(OutboundDial {
        is_account: false,
        route: RouteId(1 << 40),
        host: "mx.other.test".into(),
        address: "192.0.2.1:25".parse().unwrap(),
        bind: None,
        tls: OutboundTlsPolicy::Never,
        login: None,
        helo: "mx.test".into(),
        timeouts: OutboundTimeouts {
            connect_ms: 30_000,
            command_ms: 300_000,
            data_ms: 600_000,
        },
    });
    rig.remote(conn).unwrap().is_held = true;
    rig.connect(conn, false);
    let octets = mail(4096).into_bytes();
    let order = OutboundTransaction {
        lease: OutboundLease {
            id: OutboundId(1),
            attempt: 1,
        },
        org: OrgId(1),
        reverse_path: Some("bot@x.test".into()),
        recipient: "b@other.test".into(),
        keys: None,
        size: octets.len() as u64,
        has_8bit: false,
        has_utf8_header: false,
        notify: 0,
        orcpt: None,
        ret_full: None,
        envid: None,
    };
    rig.send(
        conn,
        b"220 mx.other.test\r\n250-mx.other.test\r\n250 PIPELINING\r\n",
        usize::MAX,
    );
    bencher.bench_local(|| {
        let remote = rig.remote(conn).unwrap();
        remote.orders.push_back((order.clone(), octets.clone()));
        rig.serve_remote(conn);
        rig.send(conn, b"250 Ok\r\n250 Ok\r\n354 go\r\n", usize::MAX);
        rig.send(conn, b"250 2.0.0 Ok\r\n", usize::MAX);
        assert!(rig.take(conn).ends_with(b"\r\n.\r\n"));
        let told = rig.remote(conn).unwrap().told.pop_front();
        assert!(matches!(told, Some(Told::Report(report)) if report.reply.is_some()));
    });
}
